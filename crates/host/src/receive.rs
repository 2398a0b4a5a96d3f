//! Receiving frames: from the interface to the protocols.

use std::net::IpAddr;

use roundtrip_packet::{
    EtherAddr, EtherType, IpHeader, Layer, Network, Packet, ParseError, PlainSegment, Problem,
    Protocol, Transport, Verify, ethernet, ipv4, parse_frame, parse_plain, parse_transport,
};
use roundtrip_record::{Direction, Time, Trace};
use roundtrip_tcp::{Segment, Step};

use crate::address::Cast;
use crate::segment::segment_of;
use crate::{Host, IfIndex, Kind, Received};

/// How a packet arrived, for everything that follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When the packet arrived, and the event of its frame.
    pub(crate) step: Step,
    pub(crate) interface: IfIndex,
    /// Whether the packet came to one of our addresses or to a group, by its Ethernet or IP
    /// destination: no error is sent about a packet to a group (RFC 1122 §3.2.2, RFC 4443 §2.4(e)).
    pub(crate) cast: Cast,
    /// The payload bytes of each joined TCP segment but the last, as in [`Received`].
    pub(crate) segment_size: Option<u16>,
}

impl Arrival {
    /// The arrival of a packet that was not joined from several segments.
    pub(crate) const fn of(step: Step, interface: IfIndex, cast: Cast) -> Self {
        Self { step, interface, cast, segment_size: None }
    }
}

impl Host {
    /// Handles a received frame. It may hold several TCP segments that the carrier has joined
    /// (GRO), on a host that does not forward.
    pub fn handle_frame(
        &mut self,
        now: Time,
        interface: IfIndex,
        bytes: &[u8],
        received: Received,
        trace: &mut impl Trace,
    ) {
        let Some(link) = self.network.links().get(interface) else { return };
        let (mac, kind) = (link.interface.mac, link.interface.kind);
        let id = trace.frame(now, received.cause, link.interface.id, Direction::Received, bytes);
        self.counters.frames_received += 1;
        let Some(destination) = bytes.first_chunk::<6>().copied().map(EtherAddr) else {
            self.counters.malformed += 1;
            return;
        };
        if kind == Kind::Ethernet && destination != mac && !destination.is_multicast() {
            self.counters.not_for_us += 1;
            return;
        }
        if self.config.forwarding
            && kind == Kind::Ethernet
            && destination == mac
            && self.forward(Step::new(now, id), interface, bytes, trace)
        {
            return;
        }
        // The addresses of a connection were checked when it was created, so a segment that finds
        // one is for this host.
        if !destination.is_multicast()
            && let Some(plain) = parse_plain(bytes, received.verify)
            && let Some(slot) = self.find_connection(plain.destination, plain.source, plain.ports())
        {
            let PlainSegment { ecn, payload, .. } = plain;
            let Received { segment_size, .. } = received;
            let segment = Segment { header: plain.header(), payload, ecn, segment_size, id };
            self.handle_bound(now, slot, &segment, trace);
            return;
        }
        self.handle_any(Step::new(now, id), interface, bytes, received, trace);
    }

    /// Handles a frame that is not a plain segment of an existing connection.
    #[inline(never)]
    fn handle_any(
        &mut self,
        step: Step,
        interface: IfIndex,
        bytes: &[u8],
        received: Received,
        trace: &mut impl Trace,
    ) {
        let Received { verify, segment_size, .. } = received;
        match parse_frame(bytes, verify) {
            Ok(frame) => {
                let to_group =
                    frame.ethernet.is_some_and(|header| header.destination.is_multicast());
                let cast = if to_group { Cast::Group } else { Cast::Unicast };
                let arrival = Arrival { step, interface, cast, segment_size };
                match frame.network {
                    Network::Ip(packet) => self.handle_packet(arrival, &packet, trace),
                    Network::Arp(packet) => self.handle_arp(step, interface, &packet, trace),
                    Network::Other { .. } => self.counters.unknown_protocol += 1,
                }
            }
            Err(error) => self.handle_malformed(step, interface, bytes, &error, trace),
        }
    }

    /// Handles an IP packet of either version.
    fn handle_packet(&mut self, arrival: Arrival, packet: &Packet<'_>, trace: &mut impl Trace) {
        let (source, destination) = (packet.ip.source(), packet.ip.destination());
        if let Transport::Tcp(segment) = &packet.transport
            && arrival.cast == Cast::Unicast
            && let Some(slot) = self.find_connection(destination, source, segment.ports())
        {
            let Step { now, cause } = arrival.step;
            let segment = segment_of(packet.ip.ecn(), segment, arrival.segment_size, cause);
            self.handle_bound(now, slot, &segment, trace);
            return;
        }
        let cast = self.network.links().cast(destination, arrival.interface);
        if cast == Cast::Other || is_impossible_source(source) {
            self.counters.not_for_us += 1;
            return;
        }
        let cast = if arrival.cast == Cast::Group { Cast::Group } else { cast };
        let arrival = Arrival { cast, ..arrival };
        if let Transport::Fragment(fragment) = &packet.transport {
            let now = arrival.step.now;
            let whole =
                self.reassembly.insert(now, arrival.interface, &packet.ip, fragment, packet.bytes);
            let Some(whole) = whole else { return };
            match parse_transport(&whole.ip, whole.protocol, &whole.payload, Verify::Full) {
                Ok(transport) => {
                    self.deliver(arrival, &whole.ip, &transport, &whole.first, trace);
                }
                Err(_) => self.counters.malformed += 1,
            }
            return;
        }
        self.deliver(arrival, &packet.ip, &packet.transport, packet.bytes, trace);
    }

    /// Delivers a complete datagram for this host to its protocol. `quoted` is the packet that an
    /// ICMP error about it quotes.
    fn deliver(
        &mut self,
        arrival: Arrival,
        ip: &IpHeader,
        transport: &Transport<'_>,
        quoted: &[u8],
        trace: &mut impl Trace,
    ) {
        match transport {
            // Segments to a group are dropped (RFC 1122 §4.2.3.10).
            Transport::Tcp(_) if arrival.cast != Cast::Unicast => self.counters.not_for_us += 1,
            Transport::Tcp(segment) => self.handle_stray(arrival.step, ip, segment, trace),
            Transport::Udp { header, payload } => {
                self.handle_datagram(arrival, ip, *header, payload, quoted, trace);
            }
            Transport::Icmpv4(message) => self.handle_icmpv4(arrival, ip, message, trace),
            Transport::Icmpv6(message) => self.handle_icmpv6(arrival, ip, message, trace),
            // Nothing follows the IPv6 headers, or it is to be ignored (RFC 8200 §4.7).
            Transport::Other { protocol: Protocol::NO_NEXT_HEADER, .. }
                if matches!(ip, IpHeader::V6(_)) => {}
            Transport::Other { .. } => {
                self.counters.unknown_protocol += 1;
                self.report_protocol(arrival, ip, quoted, trace);
            }
            Transport::Fragment(_) => self.counters.malformed += 1,
        }
    }

    /// Counts a frame that cannot be parsed, and reports some faults of IPv6 headers to the sender
    /// (RFC 8200 §4).
    fn handle_malformed(
        &mut self,
        step: Step,
        interface: IfIndex,
        bytes: &[u8],
        error: &ParseError,
        trace: &mut impl Trace,
    ) {
        self.counters.malformed += 1;
        let Ok((header, packet)) = ethernet::Header::parse(bytes) else { return };
        let answerable = matches!(
            error.problem,
            Problem::UnrecognizedOption(_)
                | Problem::RoutingType(_)
                | Problem::HopByHopPlace
                | Problem::FragmentExtent { .. }
        );
        if error.layer == Layer::Ipv6 && header.ether_type == EtherType::IPV6 && answerable {
            let cast = if header.destination.is_multicast() { Cast::Group } else { Cast::Unicast };
            let arrival = Arrival::of(step, interface, cast);
            self.report_parameter(arrival, packet, error, trace);
        }
    }
}

/// Whether a source address is not that of one host (RFC 1122 §3.2.1.3). The unspecified address is
/// let through for duplicate address detection; nothing else answers it.
fn is_impossible_source(source: IpAddr) -> bool {
    match source {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

/// Whether ICMP messages may be sent to an address.
pub(crate) fn is_answerable(source: IpAddr) -> bool {
    !source.is_unspecified() && !is_impossible_source(source)
}

/// Whether an IPv4 packet is a fragment other than the first, about which no error is sent.
pub(crate) fn is_later_fragment(packet: &[u8]) -> bool {
    matches!(ipv4::Header::parse(packet, Verify::Snapped), Ok((header, _)) if header.fragment_offset != 0)
}
