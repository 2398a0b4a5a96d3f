//! The trial of one host among strangers.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use roundtrip_host::{
    Config, Event, Host, IfIndex, Interface, Limits, ListenerId, Received, Route, SocketId, UdpId,
};
use roundtrip_packet::arp::{Operation, Packet as Arp};
use roundtrip_packet::ndp::{Message, NdpOption, Options};
use roundtrip_packet::{
    Envelope, Link, Network, Packet, Protocol, Transport, Verify, icmpv6, ipv6, parse_frame,
};
use roundtrip_record::{InterfaceId, Off, Time};
use roundtrip_tcp::{KeepAlive, MtuProbing, Profile};

use crate::Chance;
use crate::frames::{self, Flow, OWN, OWN_V4, OWN_V6, stranger};

/// The most steps of one trial.
const STEPS: usize = 3_000;
/// The most frames that one call may cause: a whole window of data, and more than any answer.
const STORM: usize = 20_000;
/// The most connections whose numbers the strangers remember.
const FLOWS: usize = 12;
/// The most timers that may fire before a host that is left alone is at rest.
const TIMERS: usize = 20_000;

fn limits() -> Limits {
    Limits {
        sockets: 24,
        orphans: 6,
        time_wait: 6,
        syn_backlog: 4,
        udp_sockets: 4,
        udp_receive: 4_096,
        neighbours: 8,
        reassembly: 20_000,
        output: 50_000,
        path_mtus: 4,
        ..Limits::default()
    }
}

/// The host under test, and what the strangers and its owner know of it.
struct HostTrial<'a> {
    chance: Chance<'a>,
    host: Host,
    links: Vec<IfIndex>,
    now: Time,
    flows: VecDeque<Flow>,
    /// The frames the host sent last.
    sent: VecDeque<Vec<u8>>,
    /// Answers to the host's neighbour queries, not delivered yet.
    answers: VecDeque<(IfIndex, Vec<u8>)>,
    sockets: Vec<SocketId>,
    listener: Option<ListenerId>,
    udp: UdpId,
    /// Whether the strangers answer the host's neighbour queries.
    polite: bool,
}

/// Puts one host among strangers. `bytes` decide what the strangers send, what the host's owner
/// does, and how time passes.
///
/// # Panics
/// If the host panics or breaks a promise: it sends too many frames, holds more than its limits,
/// sends more ICMP errors than it may, has a timer in the past, or does not come to rest.
pub fn host(bytes: &[u8]) {
    let mut siege = HostTrial::new(Chance::from_bytes(bytes));
    for _ in 0..STEPS {
        if siege.chance.is_over() {
            break;
        }
        siege.act();
        siege.check();
    }
    siege.leave();
}

impl<'a> HostTrial<'a> {
    fn new(mut chance: Chance<'a>) -> Self {
        let kind = chance.below(64);
        let mut profile = if kind & 1 > 0 { Profile::rfc() } else { Profile::linux() };
        if kind & 2 > 0 {
            profile.mtu_probing = MtuProbing::Always;
        }
        profile.pacing = kind & 4 > 0;
        let forwarding = kind & 8 > 0;
        let config = Config {
            limits: limits(),
            forwarding,
            profile: Arc::new(profile),
            ..Config::default()
        };
        let mut host = Host::new(config);
        let lo = host.add_interface(Interface::loopback(InterfaceId(0)));
        host.add_address(lo, Ipv4Addr::LOCALHOST.into(), 8);
        host.add_address(lo, Ipv6Addr::LOCALHOST.into(), 128);
        let mut links = Vec::new();
        for n in 0..if forwarding { 2 } else { 1 } {
            let id = InterfaceId(1 + n as u32);
            let link = host.add_interface(Interface::ethernet(id, format!("eth{n}"), OWN));
            host.add_address(link, OWN_V4[n].into(), 24);
            host.add_address(link, OWN_V6[n].into(), 64);
            links.push(link);
        }
        let via = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)));
        let to = Ipv4Addr::UNSPECIFIED.into();
        host.add_route(Route { to, prefix_len: 0, via, interface: links[0] });
        if kind & 16 > 0 {
            host.check_address(Time::ZERO, OWN_V4[0].into());
            host.check_address(Time::ZERO, OWN_V6[0].into());
        }
        let everywhere = |port| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let listener = host.listen(everywhere(80), 2).ok();
        let udp = host.bind_udp(everywhere(53)).expect("the first socket");
        let mut siege = HostTrial {
            chance,
            host,
            links,
            now: Time::from_millis(1),
            flows: VecDeque::new(),
            sent: VecDeque::new(),
            answers: VecDeque::new(),
            sockets: Vec::new(),
            listener,
            udp,
            polite: kind & 32 == 0,
        };
        siege.drain();
        siege
    }

    /// Does one thing, by chance.
    fn act(&mut self) {
        match self.chance.below(32) {
            0..=9 => self.segment(),
            10 => self.noise(),
            11 => self.echo_frame(),
            12 => self.with_strangers(frames::datagram),
            13 => self.with_strangers(frames::piece),
            14 => self.with_strangers(frames::arp),
            15 => self.with_strangers(frames::ndp),
            16 => self.control(),
            17 | 18 => self.strike(),
            19 => self.now += Duration::from_micros(self.chance.below(65_536).into()),
            20 => self.now += Duration::from_millis(u64::from(self.chance.below(256)) * 100),
            21 => self.connect(),
            22..=24 => self.write(),
            25 | 26 => self.read(),
            27 => self.finish(),
            28 => self.accept(),
            29 => self.send_datagram(),
            30 => self.configure(),
            _ => self.let_answers_through(),
        }
        self.drain();
    }

    // ---- what strangers send ----

    fn deliver(&mut self, frame: &[u8], verify: Verify) {
        let at = self.chance.below(self.links.len() as u32) as usize;
        let received = Received { verify, segment_size: None, cause: None };
        self.host.handle_frame(self.now, self.links[at], frame, received, &mut Off);
    }

    fn with_strangers(&mut self, write: fn(IpAddr, IpAddr, &mut Chance<'_>, &mut Vec<u8>)) {
        let from = stranger(&mut self.chance);
        let to = self.own(from);
        let mut frame = Vec::new();
        write(from, to, &mut self.chance, &mut frame);
        self.deliver(&frame, Verify::Full);
    }

    /// An address of the host in the same family, or one that a router is to forward to.
    fn own(&mut self, other: IpAddr) -> IpAddr {
        let second = self.chance.below(8);
        match (other, second) {
            (IpAddr::V4(_), 1) => Ipv4Addr::new(10, 0, 1, 9).into(),
            (IpAddr::V6(_), 1) => Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, 9).into(),
            (IpAddr::V4(_), _) => OWN_V4[0].into(),
            (IpAddr::V6(_), _) => OWN_V6[0].into(),
        }
    }

    fn segment(&mut self) {
        let known = self.chance.below(FLOWS as u32 + 3) as usize;
        let flow = self.flows.get(known).copied().unwrap_or_else(|| self.unknown_flow());
        let mut frame = Vec::new();
        frames::segment(&flow, &mut self.chance, &mut frame);
        self.deliver(&frame, Verify::Full);
    }

    /// A connection that does not exist, sometimes with the port of the listener.
    fn unknown_flow(&mut self) -> Flow {
        let remote = stranger(&mut self.chance);
        let acknowledged = self.chance.word().into();
        Flow {
            local: self.own(remote),
            remote,
            local_port: self.chance.pick(&[80, 80, 80, 81]),
            remote_port: 1000 + self.chance.below(64) as u16,
            sent: 0.into(),
            acknowledged,
            clock: None,
        }
    }

    /// Delivers arbitrary bytes, sometimes as if a device had verified their checksums.
    fn noise(&mut self) {
        let count = self.chance.below(128) as usize;
        let mut frame = OWN.0.to_vec();
        frame.extend([2, 0, 0, 0, 1, 2]);
        match self.chance.below(4) {
            0 => frame.extend([8, 0, 0x45]),
            1 => frame.extend([0x86, 0xdd, 0x60]),
            2 => frame.extend([8, 6]),
            _ => {}
        }
        frame.extend(self.chance.bytes(count));
        let verify = self.chance.pick(&[Verify::Trusted, Verify::Full, Verify::Snapped]);
        self.deliver(&frame, verify);
    }

    /// Delivers a frame that the host sent, changed or not, to the host itself.
    fn echo_frame(&mut self) {
        let nth = self.chance.below(8) as usize;
        let Some(mut frame) = self.sent.get(nth).cloned() else { return };
        frame[..6].copy_from_slice(&OWN.0);
        for _ in 0..self.chance.below(4) {
            let at = self.chance.below(frame.len() as u32) as usize;
            frame[at] = self.chance.below(256) as u8;
        }
        self.deliver(&frame, Verify::Trusted);
    }

    fn control(&mut self) {
        let nth = self.chance.below(8) as usize;
        let quoted = self.sent.get(nth).cloned().unwrap_or_default();
        let from = stranger(&mut self.chance);
        let to = self.own(from);
        let mut frame = Vec::new();
        frames::control((from, to), &quoted, &mut self.chance, &mut frame);
        self.deliver(&frame, Verify::Full);
    }

    fn let_answers_through(&mut self) {
        while let Some((link, frame)) = self.answers.pop_front() {
            self.host.handle_frame(self.now, link, &frame, Received::default(), &mut Off);
        }
    }

    // ---- what the owner does ----

    fn pick(&mut self) -> Option<SocketId> {
        let count = self.sockets.len() as u32;
        let nth = self.chance.below(count) as usize;
        self.sockets.get(nth).copied()
    }

    fn connect(&mut self) {
        let to = SocketAddr::new(stranger(&mut self.chance), 443);
        if let Ok(socket) = self.host.connect(self.now, to, None, None, None, &mut Off) {
            self.sockets.push(socket);
        }
    }

    fn write(&mut self) {
        let Some(socket) = self.pick() else { return };
        let bytes = vec![3; self.chance.below(20_000) as usize];
        let _ = self.host.write(self.now, socket, &bytes);
    }

    fn read(&mut self) {
        let Some(socket) = self.pick() else { return };
        let mut into = vec![0; self.chance.below(20_000) as usize];
        let _ = self.host.read(self.now, socket, &mut into);
    }

    fn finish(&mut self) {
        let Some(socket) = self.pick() else { return };
        match self.chance.below(3) {
            0 => self.host.shutdown(self.now, socket, &mut Off),
            kind => {
                self.sockets.retain(|other| *other != socket);
                if kind == 1 {
                    self.host.close(self.now, socket, &mut Off);
                } else {
                    self.host.abort(self.now, socket, &mut Off);
                }
            }
        }
    }

    fn accept(&mut self) {
        if let Some(socket) = self.listener.and_then(|listener| self.host.accept(listener)) {
            self.sockets.push(socket);
        }
    }

    fn send_datagram(&mut self) {
        let to = stranger(&mut self.chance);
        let bytes = vec![4; self.chance.below(5_000) as usize];
        let at = SocketAddr::new(to, 9);
        let _ = self.host.send_udp(self.now, self.udp, at, &bytes, None, &mut Off);
        while self.host.receive_udp(self.udp).is_some() {}
        while self.host.take_udp_error(self.udp).is_some() {}
    }

    fn configure(&mut self) {
        let Some(socket) = self.pick() else { return };
        let (now, what) = (self.now, self.chance.below(5));
        let amount = self.chance.below(65_536);
        self.host.configure(socket, |connection| match what {
            0 => connection.set_nodelay(now, amount & 1 > 0),
            1 => connection.set_cork(now, amount & 1 > 0),
            2 => connection.set_send_buffer(amount as usize),
            3 => connection.set_user_timeout(Some(Duration::from_millis(amount.into()))),
            _ => connection.set_keepalive(
                now,
                Some(KeepAlive {
                    idle: Duration::from_millis(amount.into()),
                    interval: Duration::from_secs(1),
                    probes: 3,
                }),
            ),
        });
    }

    // ---- the passing of time ----

    /// Advances time to the next timer, which must fire only once.
    fn strike(&mut self) {
        let Some(at) = self.host.next_timeout() else { return };
        self.now = self.now.max(at);
        self.host.handle_timeout(self.now, &mut Off);
        self.drain();
        let next = self.host.next_timeout();
        assert!(next.is_none_or(|next| next > self.now), "a timer that has struck is still due");
    }

    // ---- what the host sends ----

    fn drain(&mut self) {
        let mut frame = Vec::new();
        let mut count = 0;
        while let Some(sent) = self.host.poll_transmit(self.now, &mut frame, &mut Off) {
            count += 1;
            assert!(count < STORM, "it storms");
            self.note(sent.interface, &frame);
            self.sent.push_front(frame.clone());
            self.sent.truncate(8);
        }
        let mut events = 0;
        while let Some(event) = self.host.poll_event() {
            events += 1;
            assert!(events < STORM, "events without end");
            if let Event::Udp(udp) = event {
                while self.host.receive_udp(udp).is_some() {}
            }
        }
        assert!(self.host.poll_transmit(self.now, &mut frame, &mut Off).is_none());
    }

    /// Remembers the numbers of a segment that the host sent, and answers a neighbour query.
    fn note(&mut self, link: IfIndex, frame: &[u8]) {
        // A router forwards packets that only their receiver can verify.
        let is_router = self.host.counters().forwarded > 0;
        let verify = if is_router { Verify::Trusted } else { Verify::Full };
        let parsed = match parse_frame(frame, verify) {
            Ok(parsed) => parsed,
            Err(_) if is_router => return,
            Err(error) => panic!("it sends {error}: {frame:02x?}"),
        };
        match parsed.network {
            Network::Arp(arp) if arp.operation == Operation::Request && self.polite => {
                let from = frames::station(arp.target_protocol.into());
                let answer = Arp {
                    operation: Operation::Reply,
                    sender_hardware: from,
                    sender_protocol: arp.target_protocol,
                    target_hardware: OWN,
                    target_protocol: arp.sender_protocol,
                };
                let mut out = Vec::new();
                Link { source: from, destination: OWN }.emit_arp(&answer, &mut out);
                self.answer(link, out);
            }
            Network::Ip(packet) => self.note_packet(link, &packet),
            _ => {}
        }
    }

    fn note_packet(&mut self, link: IfIndex, packet: &Packet<'_>) {
        match &packet.transport {
            Transport::Tcp(segment) => {
                let header = &segment.header;
                let flow = Flow {
                    local: packet.ip.source(),
                    remote: packet.ip.destination(),
                    local_port: header.source_port,
                    remote_port: header.destination_port,
                    sent: header.sequence + segment.sequence_length(),
                    acknowledged: header.acknowledgement,
                    clock: header.options.timestamps.map(|clock| clock.value),
                };
                self.flows.retain(|other| {
                    (other.remote, other.remote_port) != (flow.remote, flow.remote_port)
                });
                self.flows.push_front(flow);
                self.flows.truncate(FLOWS);
            }
            Transport::Icmpv6(icmpv6::Message::Ndp(Message::NeighbourSolicitation {
                target,
                ..
            })) if self.polite && packet.ip.source() != IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
                let IpAddr::V6(asker) = packet.ip.source() else { return };
                let from = frames::station((*target).into());
                let options = [NdpOption::TargetLinkLayer(from)];
                let message = Message::NeighbourAdvertisement {
                    router: false,
                    solicited: true,
                    override_entry: true,
                    target: *target,
                    options: Options::List(&options),
                };
                let ip = ipv6::Header {
                    hop_limit: 255,
                    ..ipv6::Header::new(*target, asker, Protocol::ICMPV6)
                };
                let envelope = Envelope::new(Link { source: from, destination: OWN }, ip);
                let mut out = Vec::new();
                if envelope.emit_icmpv6(&icmpv6::Message::Ndp(message), &mut out).is_ok() {
                    self.answer(link, out);
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, link: IfIndex, frame: Vec<u8>) {
        if self.answers.len() < 32 {
            self.answers.push_back((link, frame));
        }
    }

    // ---- the promises ----

    fn check(&mut self) {
        let (limits, held, counters) = (limits(), self.host.held(), self.host.counters());
        assert!(held.sockets <= limits.sockets, "{held:?}");
        assert!(held.half_open <= limits.syn_backlog, "{held:?}");
        assert!(held.time_wait <= limits.time_wait, "{held:?}");
        assert!(held.neighbours <= limits.neighbours, "{held:?}");
        assert!(held.reassembly_bytes <= limits.reassembly, "{held:?}");
        assert!(held.output_bytes <= limits.output, "{held:?}");
        let errors = u64::from(limits.icmp_burst)
            + u64::from(limits.icmp_per_second) * (self.now.millis() / 1000 + 1);
        assert!(counters.errors_sent <= errors, "{counters:?}");
        let resets = u64::from(limits.resets_per_second) * (self.now.millis() / 1000 + 2);
        assert!(counters.resets_sent <= resets, "{counters:?}");
    }

    /// Closes everything: all state of the host must come to its end.
    fn leave(&mut self) {
        for socket in std::mem::take(&mut self.sockets) {
            self.host.close(self.now, socket, &mut Off);
        }
        if let Some(listener) = self.listener.take() {
            self.host.close_listener(self.now, listener, &mut Off);
        }
        self.drain();
        let mut timers = 0;
        while self.host.next_timeout().is_some() {
            self.strike();
            self.check();
            timers += 1;
            assert!(timers < TIMERS, "it never comes to rest: {:?}", self.host.held());
        }
        let held = self.host.held();
        let left = (held.sockets, held.orphans, held.time_wait, held.reassembly_bytes);
        assert_eq!(left, (0, 0, 0, 0), "what nobody owns is still there");
    }
}
