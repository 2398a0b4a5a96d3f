//! The addresses and the route of ICMP echo replies.

use roundtrip_packet::{IpHeader, Protocol};

use crate::Host;
use crate::address::Cast;
use crate::receive::{Arrival, is_answerable};
use crate::route::Hop;

impl Host {
    /// The IP header and the route of an echo reply, whose source is the address that was asked.
    /// IPv4 requests to groups are not answered (`icmp_echo_ignore_broadcasts` = 1; RFC 1122
    /// §3.2.2.6 allows it); IPv6 requests to groups are (RFC 4443 §4.2).
    pub(crate) fn echo_envelope(&self, arrival: Arrival, ip: &IpHeader) -> Option<(IpHeader, Hop)> {
        let (asked, from) = (ip.destination(), ip.source());
        if !is_answerable(from) || (arrival.cast == Cast::Group && asked.is_ipv4()) {
            return None;
        }
        let hop = self.network.route(Some(asked), from)?;
        let own = match arrival.cast {
            Cast::Unicast => asked,
            _ => self.network.links().source_for(arrival.interface, hop.next_hop, from)?,
        };
        let protocol = if own.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        Some((IpHeader::new(own, from, protocol)?, hop))
    }
}
