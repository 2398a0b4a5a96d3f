//! The packets of this visit, through `AF_PACKET` (packet(7)), joined to its connections.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;

use roundtrip_os::Clock;
use roundtrip_os::layout::{u16_at, u32_at};
use roundtrip_os::syscall::{Message, bind_packet, receive, set_option, watch};
use roundtrip_packet::tcp::Segment;
use roundtrip_packet::{Frame, Network, Transport, Verify, parse_frame};
use roundtrip_packet::{IpHeader, Protocol, checksum, ethernet};
use roundtrip_record::{Direction, EventId, InterfaceId, Log, TcpSegment, Time, Trace as _, What};
use tokio::io::unix::AsyncFd;

use crate::flow::Flow;
use crate::route::interface_name;

/// `ETH_P_ALL`.
const EVERY_PROTOCOL: u16 = 3;
/// Larger than any packet the kernel hands out, GSO included.
const LARGEST: usize = 256 * 1024;
/// What may wait in the kernel until we look.
const BUFFER: i32 = 32 << 20;
const TP_STATUS_CSUMNOTREADY: u32 = 1 << 3;
const PACKET_OUTGOING: u8 = 4;
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

/// A packet socket and what is kept of it.
#[derive(Clone)]
pub(crate) struct Capture {
    shared: Rc<Shared>,
}

struct Shared {
    socket: AsyncFd<OwnedFd>,
    log: Log,
    clock: Clock,
    /// Where one packet after the other is received.
    buffer: RefCell<Vec<u8>>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    flows: BTreeMap<Ends, Rc<Flow>>,
    /// Connections that the kernel has no more, and until when their packets are still kept.
    leaving: VecDeque<(Time, Rc<Flow>)>,
    /// Our ports, and how many sockets have each.
    udp_ports: BTreeMap<u16, u32>,
    interfaces: BTreeMap<u32, InterfaceId>,
}

/// A connection's own and its other address.
type Ends = (SocketAddr, SocketAddr);

/// One packet as the kernel handed it out.
struct Captured {
    bytes: Vec<u8>,
    at: Time,
    interface: u32,
    outgoing: bool,
    loopback: bool,
}

/// Time for the kernel to begin with stamping packets.
const STAMPS: Duration = Duration::from_millis(1);
/// For how long packets of a connection are kept that the kernel has no more: what its peer had under
/// way, and the RST that it got for it. The least retransmission timeout of RFC 6298 §2.4.
const LEAVING: Duration = Duration::from_secs(1);

impl State {
    /// Forgets the connections whose time was up at `now`, unless their addresses have another by now.
    fn forget_until(&mut self, now: Time) {
        while self.leaving.front().is_some_and(|(until, _)| *until <= now) {
            let Some((_, flow)) = self.leaving.pop_front() else { return };
            let key = (flow.local, flow.remote);
            if self.flows.get(&key).is_some_and(|held| Rc::ptr_eq(held, &flow)) {
                self.flows.remove(&key);
            }
        }
    }
}

impl Capture {
    /// Opens the socket: it sees everything from now on and keeps what belongs to us.
    pub(crate) fn open(log: &Log, clock: Clock) -> io::Result<Self> {
        let kind = socket2::Type::RAW.nonblocking().cloexec();
        // Protocol 0: nothing comes in before it is bound.
        let socket = socket2::Socket::new(socket2::Domain::PACKET, kind, None)?;
        let one = 1_i32.to_ne_bytes();
        set_option(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_AUXDATA, &one)?;
        set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &one)?;
        let _ = set_option(
            socket.as_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            &BUFFER.to_ne_bytes(),
        );
        // The kernel begins to stamp packets from a work queue (`net_enable_timestamp`); what comes
        // before is stamped when it is read, which would be after the fact.
        #[allow(clippy::disallowed_methods, reason = "the kernel's work queue has no other sign")]
        std::thread::sleep(STAMPS);
        bind_packet(socket.as_fd(), EVERY_PROTOCOL)?;
        let shared = Shared {
            socket: watch(socket.into())?,
            log: log.clone(),
            clock,
            buffer: RefCell::new(vec![0; LARGEST]),
            state: RefCell::default(),
        };
        Ok(Self { shared: Rc::new(shared) })
    }

    /// Keeps looking, so that the kernel's buffer does not overflow.
    pub(crate) async fn run(self) {
        while let Ok(mut ready) = self.shared.socket.readable().await {
            self.drain();
            ready.clear_ready();
        }
    }

    pub(crate) fn add(&self, flow: &Rc<Flow>) {
        let key = (flow.local, flow.remote);
        self.shared.state.borrow_mut().flows.insert(key, Rc::clone(flow));
    }

    /// The kernel has this connection no more; [`LEAVING`] after that it is forgotten here.
    pub(crate) fn remove(&self, flow: &Rc<Flow>) {
        let now = self.shared.clock.now();
        let state = &mut *self.shared.state.borrow_mut();
        state.leaving.push_back((now + LEAVING, Rc::clone(flow)));
        state.forget_until(now);
    }

    pub(crate) fn add_udp(&self, local: SocketAddr) {
        *self.shared.state.borrow_mut().udp_ports.entry(local.port()).or_default() += 1;
    }

    pub(crate) fn remove_udp(&self, local: SocketAddr) {
        let ports = &mut self.shared.state.borrow_mut().udp_ports;
        if let Some(sockets) = ports.get_mut(&local.port()) {
            *sockets -= 1;
            if *sockets == 0 {
                ports.remove(&local.port());
            }
        }
    }

    /// The record's id for an interface of the kernel's.
    pub(crate) fn interface(&self, index: u32) -> InterfaceId {
        let shared = &self.shared;
        *shared.state.borrow_mut().interfaces.entry(index).or_insert_with(|| {
            let name = interface_name(index);
            let mac = std::fs::read_to_string(format!("/sys/class/net/{name}/address"));
            let mac = mac.unwrap_or_default();
            shared.log.interface(shared.log.host_id(), &name, mac.trim(), &[])
        })
    }

    /// Takes all that has come in.
    pub(crate) fn drain(&self) {
        let mut buffer = self.shared.buffer.borrow_mut();
        while let Ok(message) =
            receive(self.shared.socket.get_ref().as_fd(), &mut buffer, libc::MSG_DONTWAIT)
        {
            if let Some(captured) = self.read(&message) {
                self.keep(&captured);
            }
        }
    }

    /// A frame of a link that has Ethernet headers, finished where the kernel had not finished it.
    fn read(&self, message: &Message<'_>) -> Option<Captured> {
        // struct sockaddr_ll: family, protocol, index, hardware type, packet type.
        let hardware = u16_at(message.from(), 8)?;
        let mut captured = Captured {
            bytes: message.data.to_vec(),
            at: self.stamp(message),
            interface: u32_at(message.from(), 4)?,
            outgoing: *message.from().get(10)? == PACKET_OUTGOING,
            loopback: hardware == ARPHRD_LOOPBACK,
        };
        // What leaves through the loopback comes in there again: once is enough.
        let twice = captured.loopback && captured.outgoing;
        if twice || ![ARPHRD_ETHER, ARPHRD_LOOPBACK].contains(&hardware) {
            return None;
        }
        let status = message.control.get(libc::SOL_PACKET, libc::PACKET_AUXDATA)?;
        if u32_at(status, 0)? & TP_STATUS_CSUMNOTREADY != 0 {
            finish_checksum(&mut captured.bytes);
        }
        Some(captured)
    }

    fn stamp(&self, message: &Message<'_>) -> Time {
        let stamp = message.control.stamp();
        stamp.map_or_else(|| self.shared.clock.now(), |nanos| self.shared.clock.at(nanos))
    }

    fn keep(&self, captured: &Captured) {
        let Ok(frame) = parse_frame(&captured.bytes, Verify::Trusted) else { return };
        let Network::Ip(packet) = &frame.network else {
            self.keep_arp(captured, &frame);
            return;
        };
        match &packet.transport {
            Transport::Tcp(segment) => self.keep_tcp(captured, &packet.ip, segment),
            Transport::Udp { header, .. } => {
                let state = self.shared.state.borrow();
                let ours = |port| state.udp_ports.contains_key(&port);
                let (sent, received) = (ours(header.source_port), ours(header.destination_port));
                drop(state);
                if sent || received {
                    self.record(captured, direction(sent));
                }
            }
            Transport::Icmpv4(_) | Transport::Icmpv6(_) => self.keep_icmp(captured, packet),
            _ => {}
        }
    }

    /// Address resolution is kept on interfaces where a connection of ours begins.
    fn keep_arp(&self, captured: &Captured, frame: &Frame<'_>) {
        let used = self.shared.state.borrow().interfaces.contains_key(&captured.interface);
        if used && matches!(frame.network, Network::Arp(_)) {
            self.record(captured, direction(captured.outgoing));
        }
    }

    /// ICMP is kept when it is neighbour discovery or quotes a packet of ours.
    fn keep_icmp(&self, captured: &Captured, packet: &roundtrip_packet::frame::Packet<'_>) {
        let quote = match &packet.transport {
            Transport::Icmpv4(message) => message.quote(),
            Transport::Icmpv6(message) => message.quote(),
            _ => None,
        };
        let used = self.shared.state.borrow().interfaces.contains_key(&captured.interface);
        let about_us = quote.and_then(|quote| quote.sockets()).is_some_and(|(from, to)| {
            let state = self.shared.state.borrow();
            state.flows.contains_key(&(from, to)) || state.udp_ports.contains_key(&from.port())
        });
        let discovery = quote.is_none() && matches!(packet.transport, Transport::Icmpv6(_));
        if about_us || (used && discovery) {
            self.record(captured, direction(captured.outgoing));
        }
    }

    fn keep_tcp(&self, captured: &Captured, ip: &IpHeader, segment: &Segment<'_>) {
        let from = SocketAddr::new(ip.source(), segment.header.source_port);
        let to = SocketAddr::new(ip.destination(), segment.header.destination_port);
        let find = |key| self.shared.state.borrow().flows.get(&key).map(Rc::clone);
        let sent = find((from, to)).map(|flow| (flow, Direction::Sent));
        let received = find((to, from)).map(|flow| (flow, Direction::Received));
        let first = sent.as_ref().or(received.as_ref()).map(|(_, direction)| *direction);
        let Some(first) = first else { return };
        let frame = self.record(captured, first);
        for (flow, direction) in sent.into_iter().chain(received) {
            self.join(&flow, direction, captured.at, frame, segment);
        }
    }

    /// Tells the connection of a segment of its own.
    fn join(
        &self,
        flow: &Flow,
        direction: Direction,
        at: Time,
        frame: Option<EventId>,
        segment: &Segment<'_>,
    ) {
        let shift = flow.segments.borrow_mut().shift(direction, segment);
        let event = self.shared.log.clone().emit(at, frame, || {
            let length = segment.payload.len();
            What::TcpSegment(TcpSegment::of(flow.id, direction, &segment.header, length, shift))
        });
        match direction {
            Direction::Sent => flow.segments.borrow_mut().leave(segment, at),
            Direction::Received => flow.segments.borrow_mut().arrive(segment, at, event),
        }
    }

    fn record(&self, captured: &Captured, direction: Direction) -> Option<EventId> {
        let interface = self.interface(captured.interface);
        self.shared.log.clone().frame(captured.at, None, interface, direction, &captured.bytes)
    }
}

fn direction(sent: bool) -> Direction {
    if sent { Direction::Sent } else { Direction::Received }
}

/// Writes the checksum that a network card would have written.
fn finish_checksum(bytes: &mut [u8]) {
    let Ok(frame) = parse_frame(bytes, Verify::Trusted) else { return };
    let Network::Ip(packet) = frame.network else { return };
    let (field, protocol) = match packet.transport {
        Transport::Tcp(_) => (16, Protocol::TCP),
        Transport::Udp { .. } => (6, Protocol::UDP),
        _ => return,
    };
    let end = ethernet::HEADER_LEN + packet.bytes.len();
    let transport = ethernet::HEADER_LEN + packet.ip.length();
    let pseudo = packet.ip.pseudo_header(protocol, end - transport);
    let field = transport + field..transport + field + 2;
    bytes[field.clone()].fill(0);
    let sum = pseudo + checksum::sum(&bytes[transport..end]);
    bytes[field].copy_from_slice(&sum.checksum().to_be_bytes());
}
