//! The calls for UDP sockets, and the delivery of received datagrams to them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use roundtrip_packet::{Ecn, EmitError, Emitted, Envelope, IpHeader, Protocol, udp};
use roundtrip_record::{EventId, Time, Trace};
use roundtrip_tcp::Step;

use crate::address::Cast;
use crate::icmp::{Report, unspecified_like};
use crate::output::Outgoing;
use crate::receive::Arrival;
use crate::route::Hop;
use crate::{BindError, Datagram, Event, Host, SendError, UdpId, Unreachable};

/// Options for sending one datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpOptions {
    /// The source address, one of ours (`IP_PKTINFO`). `None`: the socket's address, or else the
    /// one that suits the destination.
    pub from: Option<IpAddr>,
    /// The ECN field of the IP header (RFC 3168 §5).
    pub ecn: Ecn,
    /// Whether the datagram must not be fragmented: one longer than the interface's MTU is refused,
    /// and the known path MTU is ignored (Linux's `IP_PMTUDISC_PROBE`, RFC 8899 §4.1).
    pub whole: bool,
}

impl Host {
    /// Opens a UDP socket. Port 0 picks a free port at random (RFC 6056 §3.3.1). `[::]` receives
    /// IPv4 datagrams too, as in Linux.
    ///
    /// # Errors
    /// The address is not ours or is taken, every ephemeral port is in use, or too many sockets are
    /// open.
    pub fn bind_udp(&mut self, at: SocketAddr) -> Result<UdpId, BindError> {
        if !at.ip().is_unspecified() && !self.network.links().is_local(at.ip()) {
            return Err(BindError::AddressNotAvailable);
        }
        if self.udp.len() >= self.config.limits.udp_sockets {
            return Err(BindError::TooManySockets);
        }
        let mut at = at;
        if at.port() == 0 {
            let free = |port| !self.udp.is_taken(SocketAddr::new(at.ip(), port));
            let port = self.ports.for_binding(&mut self.rng, free);
            at.set_port(port.ok_or(BindError::PortsExhausted)?);
        }
        self.udp.bind(at)
    }

    /// The address a socket is bound to, with its actual port; `None` once the socket is closed.
    pub fn udp_address(&self, udp: UdpId) -> Option<SocketAddr> {
        self.udp.get(udp).map(|socket| socket.at)
    }

    /// Sends a datagram, in fragments if it is longer than the path MTU.
    ///
    /// # Errors
    /// See [`SendError`]. What ICMP or neighbour resolution reports later is given by
    /// [`Host::take_udp_error`].
    pub fn send_udp(
        &mut self,
        now: Time,
        udp: UdpId,
        to: SocketAddr,
        bytes: &[u8],
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        let step = Step::new(now, cause);
        self.send_udp_with(step, udp, UdpOptions::default(), to, bytes, trace)
    }

    /// Sends a datagram with options for this one datagram.
    ///
    /// # Errors
    /// Those of [`Host::send_udp`]; also [`SendError::TooLong`] if it must not be fragmented and is
    /// longer than the interface's MTU, and [`SendError::NoRoute`] if the source address in
    /// `options` is not ours.
    pub fn send_udp_with(
        &mut self,
        step: Step,
        udp: UdpId,
        options: UdpOptions,
        to: SocketAddr,
        bytes: &[u8],
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        let at = self.udp.get(udp).ok_or(SendError::Closed)?.at;
        let every = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        if to.port() == 0 || to.ip().is_unspecified() {
            return Err(SendError::BadDestination);
        }
        if at.is_ipv4() != to.is_ipv4() && at.ip() != every {
            return Err(SendError::BadDestination);
        }
        if options.from.is_some_and(|from| !self.network.links().is_local(from)) {
            return Err(SendError::NoRoute);
        }
        let bound = if at.ip().is_unspecified() { options.from } else { Some(at.ip()) };
        let hop = self.network.route(bound, to.ip()).ok_or(SendError::NoRoute)?;
        let chosen = || self.network.links().source_for(hop.interface, hop.next_hop, to.ip());
        let from = bound.or_else(chosen).ok_or(SendError::NoRoute)?;
        let ip = IpHeader::new(from, to.ip(), Protocol::UDP).ok_or(SendError::BadDestination)?;
        let ip = ip.with_ecn(options.ecn);
        let header = udp::Header { source_port: at.port(), destination_port: to.port() };
        let write = |envelope: &Envelope, out: &mut Vec<u8>| envelope.emit_udp(&header, bytes, out);
        if options.whole {
            self.send_whole(step, hop, ip, write, trace)
        } else {
            self.send_packet(step, hop, ip, write, trace)
        }
    }

    /// Sends a packet unfragmented, or refuses it if it is longer than the interface's MTU.
    fn send_whole(
        &mut self,
        step: Step,
        hop: Hop,
        ip: IpHeader,
        write: impl FnOnce(&Envelope, &mut Vec<u8>) -> Result<Emitted, EmitError>,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        let envelope = self.envelope(hop, ip).ok_or(SendError::NoRoute)?;
        let link = self.network.links().get(hop.interface).ok_or(SendError::NoRoute)?;
        let limit = usize::from(link.mtu(ip.destination()));
        let mut bytes = self.output.buffer();
        let length = match write(&envelope, &mut bytes) {
            Ok(emitted) => emitted.length - emitted.network,
            Err(EmitError::TooLong { length, .. }) => length,
            Err(EmitError::WrongFamily(_)) => return Err(SendError::BadDestination),
        };
        if length > limit {
            self.output.recycle(bytes);
            return Err(SendError::TooLong { length, limit });
        }
        let frame = Outgoing { interface: hop.interface, bytes, gso: None, cause: step.cause };
        self.dispatch(step.now, hop, frame, trace)
    }

    /// Takes the datagram that has waited longest.
    pub fn receive_udp(&mut self, udp: UdpId) -> Option<Datagram> {
        self.udp.get_mut(udp)?.receive()
    }

    /// Takes the oldest error that ICMP or neighbour resolution reported about a datagram sent
    /// earlier, with that datagram's destination.
    pub fn take_udp_error(&mut self, udp: UdpId) -> Option<(SocketAddr, Unreachable)> {
        self.udp.get_mut(udp)?.take_error()
    }

    /// Closes a UDP socket and drops what it has queued.
    pub fn close_udp(&mut self, udp: UdpId) {
        self.udp.close(udp);
    }

    /// Emits [`Event::Udp`] for a socket, unless its owner has been told and has not read since.
    pub(crate) fn announce_udp(&mut self, id: UdpId) {
        if let Some(socket) = self.udp.get_mut(id)
            && !std::mem::replace(&mut socket.announced, true)
        {
            self.events.push_back(Event::Udp(id));
        }
    }

    /// Delivers a datagram to its socket, or reports an unreachable port to its sender.
    pub(crate) fn handle_datagram(
        &mut self,
        arrival: Arrival,
        ip: &IpHeader,
        header: udp::Header,
        payload: &[u8],
        quoted: &[u8],
        trace: &mut impl Trace,
    ) {
        // A datagram to a group finds sockets that are bound to every address.
        let to = match arrival.cast {
            Cast::Unicast => ip.destination(),
            _ => unspecified_like(ip.destination()),
        };
        let Some(id) = self.udp.find(SocketAddr::new(to, header.destination_port)) else {
            self.report(arrival, ip, Report::Port, quoted, trace);
            return;
        };
        let Some(socket) = self.udp.get_mut(id) else { return };
        let datagram = Datagram {
            from: SocketAddr::new(ip.source(), header.source_port),
            to: ip.destination(),
            ecn: ip.ecn(),
            bytes: payload.to_vec(),
            cause: arrival.step.cause,
        };
        if socket.deliver(datagram, self.config.limits.udp_receive) {
            self.announce_udp(id);
        } else {
            self.counters.udp_dropped += 1;
        }
    }
}
