//! UDP as its owner sees it, and as datagrams come in.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use roundtrip_packet::{Envelope, IpHeader, Protocol, udp};
use roundtrip_record::{EventId, Time, Trace};
use roundtrip_tcp::Step;

use crate::address::Cast;
use crate::icmp::{Report, unspecified_like};
use crate::receive::Arrival;
use crate::{BindError, Datagram, Event, Host, SendError, UdpId, Unreachable};

impl Host {
    /// Opens a UDP socket. Port 0 takes a free, random one (RFC 6056 §3.3.1). `[::]` takes IPv4
    /// datagrams, too, as in Linux.
    ///
    /// # Errors
    /// The address is not ours, or taken.
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

    /// Where a socket is bound, with the real port; `None` once it is closed.
    pub fn udp_address(&self, udp: UdpId) -> Option<SocketAddr> {
        self.udp.get(udp).map(|socket| socket.at)
    }

    /// Datagrams that found the socket's queue full.
    pub fn udp_dropped(&self, udp: UdpId) -> u64 {
        self.udp.get(udp).map_or(0, |socket| socket.dropped)
    }

    /// Sends a datagram, in fragments if it is longer than the path carries.
    ///
    /// # Errors
    /// It cannot leave: see [`SendError`]. What happens to it later is told by
    /// [`Host::take_udp_error`], where it is told at all.
    pub fn send_udp(
        &mut self,
        now: Time,
        udp: UdpId,
        to: SocketAddr,
        bytes: &[u8],
        cause: Option<EventId>,
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
        let bound = if at.ip().is_unspecified() { None } else { Some(at.ip()) };
        let hop = self.network.route(bound, to.ip()).ok_or(SendError::NoRoute)?;
        let chosen = || self.network.links().source_for(hop.interface, hop.next_hop, to.ip());
        let from = bound.or_else(chosen).ok_or(SendError::NoRoute)?;
        let ip = IpHeader::new(from, to.ip(), Protocol::UDP).ok_or(SendError::BadDestination)?;
        let header = udp::Header { source_port: at.port(), destination_port: to.port() };
        let write = |envelope: &Envelope, out: &mut Vec<u8>| envelope.emit_udp(&header, bytes, out);
        self.send_packet(Step::new(now, cause), hop, ip, write, trace)
    }

    /// The next datagram.
    pub fn receive_udp(&mut self, udp: UdpId) -> Option<Datagram> {
        self.udp.get_mut(udp)?.receive()
    }

    /// What ICMP, or the search for a neighbour, said of an earlier datagram, and whereto that was.
    pub fn take_udp_error(&mut self, udp: UdpId) -> Option<(SocketAddr, Unreachable)> {
        self.udp.get_mut(udp)?.take_error()
    }

    /// Closes the socket.
    pub fn close_udp(&mut self, udp: UdpId) {
        self.udp.close(udp);
    }

    /// Tells the owner of a socket, unless it has been told and has not looked since.
    pub(crate) fn announce_udp(&mut self, id: UdpId) {
        if let Some(socket) = self.udp.get_mut(id)
            && !std::mem::replace(&mut socket.announced, true)
        {
            self.events.push_back(Event::Udp(id));
        }
    }

    /// A datagram for this host.
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
