//! ICMP echo: answering requests, and asking.

use std::net::IpAddr;

use roundtrip_packet::{Envelope, IpHeader, Protocol, icmpv4, icmpv6};
use roundtrip_record::{EventId, Time, Trace};

use crate::address::Cast;
use crate::receive::{Arrival, is_answerable};
use crate::route::Hop;
use crate::{BindError, EchoReply, Event, Host, PingId, SendError, Unreachable};

impl Host {
    /// The way back for an echo reply: from the address that was asked. Requests to groups are
    /// not answered (`icmp_echo_ignore_broadcasts` = 1; RFC 1122 §3.2.2.6 allows it), over IPv6
    /// those to link-local groups are (RFC 4443 §4.2).
    pub(crate) fn echo_envelope(&self, arrival: Arrival, ip: &IpHeader) -> Option<(IpHeader, Hop)> {
        let (asked, from) = (ip.destination(), ip.source());
        if !is_answerable(from) || (arrival.cast == Cast::Group && asked.is_ipv4()) {
            return None;
        }
        let hop = self.route(Some(asked), from)?;
        let own = match arrival.cast {
            Cast::Unicast => asked,
            _ => self.links.source_for(arrival.interface, hop.next_hop, from)?,
        };
        let protocol = if own.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        Some((IpHeader::new(own, from, protocol)?, hop))
    }

    pub(crate) fn handle_echo_reply(
        &mut self,
        ip: &IpHeader,
        identifier: u16,
        sequence: u16,
        data: &[u8],
        cause: Option<EventId>,
    ) {
        let (from, hop_limit) = (ip.source(), ip.hop_limit());
        let reply = EchoReply { from, sequence, bytes: data.to_vec(), hop_limit, cause };
        match self.pings.deliver(identifier, reply) {
            Some(id) => self.events.push_back(Event::Ping(id)),
            None => self.counters.icmp_ignored += 1,
        }
    }

    /// Opens a socket for ICMP echo, with an identifier of its own.
    ///
    /// # Errors
    /// [`Limits::udp_sockets`](crate::Limits::udp_sockets) are open.
    pub fn open_ping(&mut self) -> Result<PingId, BindError> {
        if self.pings.len() >= self.config.limits.udp_sockets {
            return Err(BindError::TooManySockets);
        }
        self.pings.open(&mut self.rng).ok_or(BindError::TooManySockets)
    }

    /// Sends an echo request.
    ///
    /// # Errors
    /// No route, or more bytes than a datagram can have.
    #[allow(clippy::too_many_arguments)]
    pub fn send_ping(
        &mut self,
        now: Time,
        ping: PingId,
        to: IpAddr,
        sequence: u16,
        bytes: &[u8],
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        let identifier = self.pings.get(ping).ok_or(SendError::Closed)?.identifier;
        if to.is_unspecified() {
            return Err(SendError::BadDestination);
        }
        let hop = self.route(None, to).ok_or(SendError::NoRoute)?;
        let from = self.links.source_for(hop.interface, hop.next_hop, to);
        let from = from.ok_or(SendError::NoRoute)?;
        let protocol = if to.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        let ip = IpHeader::new(from, to, protocol).ok_or(SendError::BadDestination)?;
        let write = |envelope: &Envelope, out: &mut Vec<u8>| match to {
            IpAddr::V4(_) => {
                let request = icmpv4::Message::EchoRequest { identifier, sequence, data: bytes };
                envelope.emit_icmpv4(&request, out)
            }
            IpAddr::V6(_) => {
                let request = icmpv6::Message::EchoRequest { identifier, sequence, data: bytes };
                envelope.emit_icmpv6(&request, out)
            }
        };
        self.send_packet(now, hop, ip, write, cause, trace)
    }

    /// The next reply.
    pub fn receive_ping(&mut self, ping: PingId) -> Option<EchoReply> {
        self.pings.receive(ping)
    }

    /// What came back instead of a reply, and for which destination.
    pub fn take_ping_error(&mut self, ping: PingId) -> Option<(IpAddr, Unreachable)> {
        self.pings.take_error(ping)
    }

    /// Closes the socket.
    pub fn close_ping(&mut self, ping: PingId) {
        self.pings.close(ping);
    }
}
