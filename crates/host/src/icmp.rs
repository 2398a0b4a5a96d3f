//! ICMP errors: sending them, and delivering received ones to the sockets they are about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use roundtrip_packet::icmpv4::{self, TimeExceeded};
use roundtrip_packet::{
    Envelope, IpHeader, ParseError, Problem, Protocol, Quote, QuotedTransport, Verify, icmpv6,
    ipv4, ipv6,
};
use roundtrip_record::{TcpState, Time, Trace};
use roundtrip_tcp::{IcmpError, Step};

use crate::address::Cast;
use crate::demux::Tuple;
use crate::pmtu::plateau_below;
use crate::reassembly::Expired;
use crate::receive::{Arrival, is_answerable, is_later_fragment};
use crate::{Host, IcmpReason, Unreachable};

/// The largest ICMPv4 error, bytes: it quotes as much of the packet as fits (RFC 1812 §4.3.2.3; as
/// Linux).
const MAX_ERROR_V4: usize = 576;

/// An ICMP error that this host sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The port is closed.
    Port,
    /// The protocol is not implemented; for IPv6 with the offset of the next-header field, bytes.
    Protocol(u32),
    /// As a router, this host has no route to the destination.
    NoRoute,
    /// As a router, this host could not resolve the next hop.
    NoNeighbour,
    /// The packet is larger than the MTU of the next link, bytes.
    TooBig(u16),
    /// The packet's TTL or hop limit is used up.
    TimeExceeded,
    /// Not all fragments of a datagram came in time.
    Reassembly,
    /// An IPv6 header holds something that must not be skipped, at this offset in bytes.
    Parameter(icmpv6::ParameterProblem, u32),
}

impl Report {
    fn to_v4(self, packet: &[u8]) -> Option<icmpv4::Message<'_>> {
        use icmpv4::Unreachable as U;
        let code = match self {
            Self::Port => U::Port,
            Self::Protocol(_) => U::Protocol,
            Self::NoRoute => U::Net,
            Self::NoNeighbour => U::Host,
            Self::TooBig(next_hop_mtu) => U::FragmentationNeeded { next_hop_mtu },
            Self::TimeExceeded => {
                return Some(icmpv4::Message::TimeExceeded {
                    code: TimeExceeded::InTransit,
                    packet,
                });
            }
            Self::Reassembly => {
                return Some(icmpv4::Message::TimeExceeded {
                    code: TimeExceeded::Reassembly,
                    packet,
                });
            }
            Self::Parameter(..) => return None,
        };
        Some(icmpv4::Message::DestinationUnreachable { code, packet })
    }

    fn to_v6(self, packet: &[u8]) -> icmpv6::Message<'_> {
        use icmpv6::{Message, ParameterProblem, Unreachable as U};
        match self {
            Self::Port => Message::DestinationUnreachable { code: U::Port, packet },
            Self::NoRoute => Message::DestinationUnreachable { code: U::NoRoute, packet },
            Self::NoNeighbour => Message::DestinationUnreachable { code: U::Address, packet },
            Self::TooBig(mtu) => Message::PacketTooBig { mtu: u32::from(mtu), packet },
            Self::TimeExceeded => Message::TimeExceeded { code: TimeExceeded::InTransit, packet },
            Self::Reassembly => Message::TimeExceeded { code: TimeExceeded::Reassembly, packet },
            Self::Protocol(pointer) => {
                let code = ParameterProblem::UnrecognizedNextHeader;
                Message::ParameterProblem { code, pointer, packet }
            }
            Self::Parameter(code, pointer) => Message::ParameterProblem { code, pointer, packet },
        }
    }

    /// Whether the error may be sent about a packet to a multicast group (RFC 4443 §2.4(e.3)).
    fn is_for_groups(self) -> bool {
        let option = icmpv6::ParameterProblem::UnrecognizedOption;
        matches!(self, Self::TooBig(_))
            || matches!(self, Self::Parameter(code, _) if code == option)
    }
}

impl Host {
    /// Sends an ICMP error about `packet`, whose header is `ip`, to its sender, if that is allowed
    /// (RFC 1122 §3.2.2, RFC 4443 §2.4(e)) and within the rate limit.
    pub(crate) fn report(
        &mut self,
        arrival: Arrival,
        ip: &IpHeader,
        report: Report,
        packet: &[u8],
        trace: &mut impl Trace,
    ) {
        let to = ip.source();
        let for_group =
            arrival.cast == Cast::Group && !(ip.source().is_ipv6() && report.is_for_groups());
        if for_group || !is_answerable(to) || is_later_fragment(packet) || is_error(packet) {
            return;
        }
        let Some(hop) = self.network.route(None, to) else { return };
        let from = match ip.destination() {
            own if self.network.links().is_local(own) => Some(own),
            _ => self.network.links().source_for(arrival.interface, to, to),
        };
        let Some(from) = from else { return };
        if !self.limiter.allow(arrival.step.now, to) {
            self.counters.errors_suppressed += 1;
            return;
        }
        self.counters.errors_sent += 1;
        let (most, protocol) = match to {
            IpAddr::V4(_) => (MAX_ERROR_V4 - ipv4::HEADER_LEN - 8, Protocol::ICMPV4),
            IpAddr::V6(_) => (ipv6::MIN_MTU - ipv6::HEADER_LEN - 8, Protocol::ICMPV6),
        };
        let quote = packet.get(..most).unwrap_or(packet);
        let Some(header) = IpHeader::new(from, to, protocol) else { return };
        // An error that cannot be sent counts as lost on the way.
        let _ = match header {
            IpHeader::V4(_) => {
                let Some(message) = report.to_v4(quote) else { return };
                let header = without_df(header);
                let write = |e: &Envelope, out: &mut Vec<u8>| e.emit_icmpv4(&message, out);
                self.send_packet(arrival.step, hop, header, write, trace)
            }
            IpHeader::V6(_) => {
                let message = report.to_v6(quote);
                let write = |e: &Envelope, out: &mut Vec<u8>| e.emit_icmpv6(&message, out);
                self.send_packet(arrival.step, hop, header, write, trace)
            }
        };
    }

    pub(crate) fn report_protocol(
        &mut self,
        arrival: Arrival,
        ip: &IpHeader,
        packet: &[u8],
        trace: &mut impl Trace,
    ) {
        // The offset of the next-header field in the fixed IPv6 header. With extension headers the
        // exact field is a later one, whose offset is not known here.
        const NEXT_HEADER: u32 = 6;
        self.report(arrival, ip, Report::Protocol(NEXT_HEADER), packet, trace);
    }

    pub(crate) fn report_parameter(
        &mut self,
        arrival: Arrival,
        packet: &[u8],
        error: &ParseError,
        trace: &mut impl Trace,
    ) {
        use icmpv6::ParameterProblem as P;
        let Ok((ip, _)) = IpHeader::parse(packet, Verify::Snapped) else { return };
        let code = match error.problem {
            // The two highest bits of an option's type: 01 discards silently, 11 sends no error
            // about multicast packets (RFC 8200 §4.2).
            Problem::UnrecognizedOption(kind) if kind >> 6 == 1 => return,
            Problem::UnrecognizedOption(kind)
                if kind >> 6 == 3 && ip.destination().is_multicast() =>
            {
                return;
            }
            Problem::UnrecognizedOption(_) => P::UnrecognizedOption,
            Problem::HopByHopPlace => P::UnrecognizedNextHeader,
            _ => P::ErroneousField,
        };
        if self.network.links().cast(ip.destination(), arrival.interface) != Cast::Other {
            let report = Report::Parameter(code, error.offset as u32);
            self.report(arrival, &ip, report, packet, trace);
        }
    }

    /// Reports a datagram whose fragments did not all come in time to its sender.
    pub(crate) fn report_expired(&mut self, now: Time, expired: &Expired, trace: &mut impl Trace) {
        let cast = self.network.links().cast(expired.ip.destination(), expired.interface);
        let arrival = Arrival::of(Step::at(now), expired.interface, cast);
        self.report(arrival, &expired.ip, Report::Reassembly, &expired.packet, trace);
    }

    /// Reports a packet whose next hop could not be resolved: to its socket, or to its sender if it
    /// was forwarded.
    pub(crate) fn report_unreachable(
        &mut self,
        step: Step,
        next_hop: IpAddr,
        packet: &[u8],
        trace: &mut impl Trace,
    ) {
        let Some(quote) = Quote::parse(packet) else { return };
        if self.network.links().is_local(quote.source) {
            let error = Unreachable::NoNeighbour { next_hop };
            self.deliver_error(step, &quote, error, IcmpError::Soft, trace);
            return;
        }
        let Ok((ip, _)) = IpHeader::parse(packet, Verify::Snapped) else { return };
        let back = self.network.routes().find(quote.source);
        let Some(interface) = back.map(|hop| hop.interface) else { return };
        let arrival = Arrival::of(step, interface, Cast::Unicast);
        self.report(arrival, &ip, Report::NoNeighbour, packet, trace);
    }

    /// Handles an ICMPv4 message.
    pub(crate) fn handle_icmpv4(
        &mut self,
        arrival: Arrival,
        ip: &IpHeader,
        message: &icmpv4::Message<'_>,
        trace: &mut impl Trace,
    ) {
        use icmpv4::Message as M;
        let from = ip.source();
        match *message {
            M::EchoRequest { identifier, sequence, data } => {
                let reply = M::EchoReply { identifier, sequence, data };
                if let Some((header, hop)) = self.echo_envelope(arrival, ip) {
                    let write = |e: &Envelope, out: &mut Vec<u8>| e.emit_icmpv4(&reply, out);
                    // A reply that cannot be sent counts as lost; the sender may ask again.
                    let _ = self.send_packet(arrival.step, hop, header, write, trace);
                }
            }
            M::DestinationUnreachable { code, packet } => {
                let Some(quote) = message.quote() else { return };
                if let icmpv4::Unreachable::FragmentationNeeded { next_hop_mtu } = code {
                    let mtu = match next_hop_mtu {
                        0 => plateau_below(total_length(packet)),
                        mtu => mtu,
                    };
                    self.handle_too_big(arrival.step, &quote, mtu, trace);
                    return;
                }
                self.handle_error(
                    arrival.step,
                    &quote,
                    IcmpReason::Unreachable4(code),
                    from,
                    trace,
                );
            }
            M::TimeExceeded { code, .. } => {
                let Some(quote) = message.quote() else { return };
                self.handle_error(
                    arrival.step,
                    &quote,
                    IcmpReason::TimeExceeded(code),
                    from,
                    trace,
                );
            }
            M::ParameterProblem { .. } => {
                let Some(quote) = message.quote() else { return };
                self.handle_error(arrival.step, &quote, IcmpReason::ParameterProblem, from, trace);
            }
            // Redirects are advice that a host may ignore; routes are configured here. Echo replies
            // are unexpected, because this host sends no echo requests.
            M::EchoReply { .. } | M::Redirect { .. } | M::Other { .. } => {
                self.counters.icmp_ignored += 1;
            }
        }
    }

    /// Handles an ICMPv6 message.
    pub(crate) fn handle_icmpv6(
        &mut self,
        arrival: Arrival,
        ip: &IpHeader,
        message: &icmpv6::Message<'_>,
        trace: &mut impl Trace,
    ) {
        use icmpv6::Message as M;
        let from = ip.source();
        match *message {
            M::EchoRequest { identifier, sequence, data } => {
                let reply = M::EchoReply { identifier, sequence, data };
                if let Some((header, hop)) = self.echo_envelope(arrival, ip) {
                    let write = |e: &Envelope, out: &mut Vec<u8>| e.emit_icmpv6(&reply, out);
                    // A reply that cannot be sent counts as lost; the sender may ask again.
                    let _ = self.send_packet(arrival.step, hop, header, write, trace);
                }
            }
            M::DestinationUnreachable { code, .. } => {
                let Some(quote) = message.quote() else { return };
                self.handle_error(
                    arrival.step,
                    &quote,
                    IcmpReason::Unreachable6(code),
                    from,
                    trace,
                );
            }
            M::PacketTooBig { mtu, .. } => {
                let Some(quote) = message.quote() else { return };
                let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
                self.handle_too_big(arrival.step, &quote, mtu, trace);
            }
            M::TimeExceeded { code, .. } => {
                let Some(quote) = message.quote() else { return };
                self.handle_error(
                    arrival.step,
                    &quote,
                    IcmpReason::TimeExceeded(code),
                    from,
                    trace,
                );
            }
            M::ParameterProblem { .. } => {
                let Some(quote) = message.quote() else { return };
                self.handle_error(arrival.step, &quote, IcmpReason::ParameterProblem, from, trace);
            }
            M::Ndp(message) => {
                if let IpHeader::V6(header) = ip {
                    self.handle_ndp(arrival, header, &message, trace);
                }
            }
            M::EchoReply { .. } | M::Other { .. } => self.counters.icmp_ignored += 1,
        }
    }

    /// Delivers an ICMP error sent by `from` to the socket it is about.
    fn handle_error(
        &mut self,
        step: Step,
        quote: &Quote,
        why: IcmpReason,
        from: IpAddr,
        trace: &mut impl Trace,
    ) {
        let error = Unreachable::Icmp { why, from };
        let kind = if why.may_pass() { IcmpError::Soft } else { IcmpError::Hard };
        self.deliver_error(step, quote, error, kind, trace);
    }

    /// Handles a router's report that a packet was too big. It is believed only if it quotes a
    /// packet that one of our sockets may have sent; of TCP, only a segment in flight.
    fn handle_too_big(&mut self, step: Step, quote: &Quote, mtu: u16, trace: &mut impl Trace) {
        let mtu = mtu.max(crate::pmtu::PathMtus::least(quote.destination));
        let error = Unreachable::TooBig { mtu };
        let kind = IcmpError::PacketTooBig { mtu };
        if self.deliver_error(step, quote, error, kind, trace) {
            self.path_mtus.learn(step.now, quote.destination, mtu);
        }
    }

    /// Delivers an error to the socket that sent the quoted packet; false if there is none, or the
    /// error is not believed.
    fn deliver_error(
        &mut self,
        step: Step,
        quote: &Quote,
        error: Unreachable,
        kind: IcmpError,
        trace: &mut impl Trace,
    ) -> bool {
        match (quote.transport, quote.sockets()) {
            (Some(QuotedTransport::Tcp { sequence, .. }), Some((local, remote))) => {
                let Some(slot) = self.tcp.find(&Tuple::new(local, remote)) else {
                    return false;
                };
                let Some(socket) = self.tcp.sockets.at_mut(slot) else { return false };
                // Before the handshake is complete, only the SYN is in flight; later the connection
                // itself knows which segments are (RFC 5927 §4.1; `tcp_v4_err`).
                let state = socket.connection.state();
                let is_connecting = matches!(state, TcpState::SynSent | TcpState::SynReceived);
                if is_connecting && sequence != socket.acknowledged {
                    self.counters.icmp_ignored += 1;
                    return false;
                }
                let is_error = !matches!(kind, IcmpError::PacketTooBig { .. });
                if !is_error && !socket.ip_fields.path_mtu.is_heeding() {
                    self.counters.icmp_ignored += 1;
                    return false;
                }
                if let Some(attempt) = &mut socket.attempt
                    && is_error
                    && state == TcpState::SynSent
                {
                    attempt.error = Some(error);
                }
                socket.connection.handle_icmp(step, kind, sequence, trace);
                // The connection ignores errors about segments that are not in flight (RFC 5927
                // §4.1).
                let believed = match kind {
                    IcmpError::PacketTooBig { mtu } => {
                        socket.connection.info().pmtu <= u32::from(mtu)
                    }
                    IcmpError::Soft | IcmpError::Hard => true,
                };
                self.counters.icmp_ignored += u64::from(!believed);
                self.tcp.touch(slot);
                believed
            }
            (Some(QuotedTransport::Udp { .. }), Some((local, remote))) => {
                let Some(id) = self.udp.find(local) else { return false };
                let Some(socket) = self.udp.get_mut(id) else { return false };
                socket.deliver_error(remote, error);
                self.announce_udp(id);
                true
            }
            _ => false,
        }
    }
}

/// The same header without the DF flag: an ICMP error must arrive whatever the path MTU is.
const fn without_df(header: IpHeader) -> IpHeader {
    match header {
        IpHeader::V4(header) => IpHeader::V4(ipv4::Header { dont_fragment: false, ..header }),
        IpHeader::V6(_) => header,
    }
}

/// Whether a packet is itself an ICMP error, about which no error may be sent.
fn is_error(packet: &[u8]) -> bool {
    let Ok(packet) = roundtrip_packet::parse_packet(packet, Verify::Snapped) else { return false };
    match packet.transport {
        roundtrip_packet::Transport::Icmpv4(message) => message.is_error(),
        roundtrip_packet::Transport::Icmpv6(message) => message.is_error(),
        _ => false,
    }
}

/// The total length field of a quoted IPv4 packet, bytes.
fn total_length(packet: &[u8]) -> usize {
    match packet {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// The unspecified address of the same family as `ip`.
pub(crate) const fn unspecified_like(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
