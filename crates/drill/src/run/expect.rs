//! The comparison of packets the host sent with those the script expects.

use roundtrip_packet::{Flags, IpHeader, Transport, Verify, parse_packet, tcp};
use roundtrip_record::Time;

use super::flow::Flow;
use super::payload;
use crate::ast::{
    About, Body, Direction, IcmpSpec, IpSpec, Numbering, OptionSpec, PacketSpec, TcpSpec, TosSpec,
};
use crate::icmp::Kind;
use crate::source::Place;

/// How strictly packets are compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Strictness {
    /// The number of ticks by which a timestamp may be off; `None` does not compare timestamps.
    pub(crate) tick_tolerance: Option<u32>,
    /// Whether TCP options may be ordered and padded differently, which has no meaning (RFC 9293
    /// §3.1).
    pub(crate) any_order: bool,
    /// Whether windows are compared only by whether they are closed: how far one is open is the
    /// receiver's choice.
    pub(crate) any_window: bool,
}

/// A packet that the host sent, in the numbers of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    /// The whole packet, including fields that a script may leave out.
    pub(crate) spec: PacketSpec,
    /// The real timestamp, if there is one.
    pub(crate) timestamp: Option<u32>,
    /// The real sequence number of a segment.
    pub(crate) sequence: u32,
    pub(crate) data: Vec<u8>,
}

/// Parses a packet that the host sent; `None` if it is neither TCP, UDP nor ICMP.
pub(crate) fn read(at: Time, bytes: &[u8], flow: &Flow) -> Option<Sent> {
    // Offloaded frames have their checksums too: verifying them is part of the test.
    let packet = parse_packet(bytes, Verify::Full).ok()?;
    let (ip, is_v6) = (ip_spec(&packet.ip), packet.ip.source().is_ipv6());
    let mut sequence = 0;
    let (body, data, timestamp) = match packet.transport {
        Transport::Tcp(segment) => {
            let timestamp = segment.header.options.timestamps.map(|t| t.value);
            sequence = segment.header.sequence.0;
            (Body::Tcp(flow.seen(&segment)), segment.payload.to_vec(), timestamp)
        }
        Transport::Udp { payload, .. } => {
            let length = payload.len() as u16;
            (Body::Udp { length }, Vec::new(), None)
        }
        Transport::Icmpv4(message) => {
            let code = bytes.get(packet.ip.length() + 1).copied().unwrap_or(0);
            (icmp_body(is_v6, Kind { kind: message.kind(), code }), Vec::new(), None)
        }
        Transport::Icmpv6(message) => {
            let code = bytes.get(packet.ip.length() + 1).copied().unwrap_or(0);
            (icmp_body(is_v6, Kind { kind: message.kind(), code }), Vec::new(), None)
        }
        Transport::Fragment(_) | Transport::Other { .. } => return None,
    };
    let spec = PacketSpec { direction: Direction::Outbound, ip, ports: None, body };
    let mut sent = Sent { at, spec, timestamp, sequence, data };
    sent.count_timestamp_from(flow);
    Some(sent)
}

fn ip_spec(ip: &IpHeader) -> IpSpec {
    let tos = ip.dscp() << 2 | ip.ecn() as u8;
    let flow_label = match ip {
        IpHeader::V6(header) => Some(header.flow_label),
        IpHeader::V4(_) => None,
    };
    IpSpec { tos: TosSpec::Tos(tos), flow_label, ttl: Some(ip.hop_limit()) }
}

fn icmp_body(is_v6: bool, kind: Kind) -> Body {
    let (kind, code) = kind.names(is_v6);
    let about = About::Raw { length: 0 };
    Body::Icmp(IcmpSpec { place: Place::default(), kind, code, mtu: None, id: 0, about })
}

impl Sent {
    /// Converts the timestamp to the script's count.
    pub(crate) fn count_timestamp_from(&mut self, flow: &Flow) {
        let (Body::Tcp(tcp), Some(live)) = (&mut self.spec.body, self.timestamp) else { return };
        for option in tcp.options.iter_mut().flatten() {
            if let OptionSpec::Timestamps { value, .. } = option {
                *value = Some(flow.script_timestamp(live));
            }
        }
    }

    /// The packet for a trace, without the fields that scripts rarely give.
    pub(crate) fn brief(&self, expected: Option<&PacketSpec>) -> PacketSpec {
        let mut spec = self.spec.clone();
        let wanted = expected.map(|expected| expected.ip).unwrap_or_default();
        spec.ip = IpSpec {
            tos: match (wanted.tos, spec.ip.tos) {
                (TosSpec::Any, _) => TosSpec::Any,
                (TosSpec::Tos(_) | TosSpec::Dscp(_), tos) => tos,
                (_, TosSpec::Tos(tos)) => TosSpec::Ecn(roundtrip_packet::Ecn::from_bits(tos)),
                (_, tos) => tos,
            },
            flow_label: wanted.flow_label.and(spec.ip.flow_label),
            ttl: wanted.ttl.and(spec.ip.ttl),
        };
        spec
    }

    fn tcp(&self) -> Option<&TcpSpec> {
        match &self.spec.body {
            Body::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// Joins the packet that follows, as if both had been one: their common fields must be the
    /// same, and only the last may be smaller than the first. Gives the names of what differs if
    /// they cannot be joined.
    pub(crate) fn join(&mut self, next: Sent, wanted: u32) -> Result<(), Vec<String>> {
        let (Some(first), Some(then)) = (self.tcp(), next.tcp()) else {
            return Err(vec!["the next packet is of another kind".into()]);
        };
        let mut differences = Vec::new();
        let ends_at = first.start.wrapping_add(first.length);
        difference("sequence number", &ends_at, &then.start, &mut differences);
        difference("acknowledgement", &first.ack, &then.ack, &mut differences);
        difference("window", &first.window, &then.window, &mut differences);
        let steady = Flags::SYN | Flags::RST | Flags::ACK | Flags::URG | Flags::ECE;
        let (f, t) = (first.flags & steady, then.flags & steady);
        difference("flags", &f, &t, &mut differences);
        if first.length + then.length > wanted {
            let total = first.length + then.length;
            differences.push(format!("length: expected {wanted}, sent {total} in several packets"));
        }
        if !differences.is_empty() {
            return Err(differences);
        }
        let (start, length) = (first.start, first.length + then.length);
        let cwr = first.flags & Flags::CWR;
        let (mut spec, ip) = (next.spec, self.spec.ip);
        if let Body::Tcp(tcp) = &mut spec.body {
            (tcp.start, tcp.length) = (start, length);
            tcp.flags = (tcp.flags & !Flags::CWR) | cwr;
        }
        spec.ip = IpSpec { tos: spec.ip.tos, ..ip };
        self.spec = spec;
        self.at = next.at;
        self.timestamp = next.timestamp;
        self.data.extend(next.data);
        Ok(())
    }

    /// The differences from the packet that the script expects.
    pub(crate) fn differences(&self, expected: &PacketSpec, strictness: Strictness) -> Vec<String> {
        let mut all = Vec::new();
        match (&expected.body, &self.spec.body) {
            (Body::Tcp(wanted), Body::Tcp(sent)) => {
                let start = match wanted.numbering {
                    Numbering::Relative => sent.start,
                    Numbering::Absolute => self.sequence,
                    Numbering::Any => wanted.start,
                };
                difference("sequence number", &wanted.start, &start, &mut all);
                compare_tcp(wanted, sent, strictness, &mut all);
                if let Some(at) = payload::first_wrong(payload::start(sent), &self.data) {
                    let number = sent.start.wrapping_add(at as u32);
                    all.push(format!("data: the byte with number {number} is not the one written"));
                }
            }
            (Body::Udp { length: wanted }, Body::Udp { length: sent }) => {
                difference("length", wanted, sent, &mut all);
            }
            (Body::Icmp(wanted), Body::Icmp(sent)) => {
                let name = |icmp: &IcmpSpec| match &icmp.code {
                    Some(code) => format!("{} {code}", icmp.kind),
                    None => icmp.kind.clone(),
                };
                difference("message", &name(wanted), &name(sent), &mut all);
            }
            _ => all.push("protocol: another was sent".into()),
        }
        compare_ip(expected.ip, self.spec.ip, &mut all);
        all
    }
}

fn difference<T: PartialEq + Show>(name: &str, expected: &T, sent: &T, into: &mut Vec<String>) {
    if expected != sent {
        into.push(format!("{name}: expected {}, sent {}", expected.show(), sent.show()));
    }
}

/// Formatting of a field in a difference.
trait Show {
    fn show(&self) -> String;
}

impl Show for u8 {
    fn show(&self) -> String {
        self.to_string()
    }
}
impl Show for u16 {
    fn show(&self) -> String {
        self.to_string()
    }
}
impl Show for u32 {
    fn show(&self) -> String {
        self.to_string()
    }
}
impl Show for String {
    fn show(&self) -> String {
        self.clone()
    }
}
impl Show for Flags {
    fn show(&self) -> String {
        self.to_string()
    }
}
impl Show for Option<u16> {
    fn show(&self) -> String {
        self.map_or_else(|| "none".into(), |value| value.to_string())
    }
}

fn compare_tcp(wanted: &TcpSpec, sent: &TcpSpec, strictness: Strictness, all: &mut Vec<String>) {
    difference("flags", &wanted.flags, &sent.flags, all);
    difference("length", &wanted.length, &sent.length, all);
    difference("acknowledgement", &wanted.ack, &sent.ack, all);
    let is_open = |window: Option<u16>| window.is_some_and(|window| window > 0);
    let is_as_wanted = strictness.any_window && is_open(wanted.window) == is_open(sent.window);
    if wanted.window.is_some() && !is_as_wanted {
        difference("window", &wanted.window, &sent.window, all);
    }
    difference("urgent pointer", &wanted.urgent, &sent.urgent, all);
    let (Some(wanted), Some(sent)) = (&wanted.options, &sent.options) else { return };
    let list = |options: &[OptionSpec]| {
        let words: Vec<String> = options.iter().map(OptionSpec::to_string).collect();
        format!("<{}>", words.join(","))
    };
    if !same_options(wanted, sent, strictness) {
        all.push(format!("options: expected {}, sent {}", list(wanted), list(sent)));
    }
}

/// Whether options match those of the script: in its order or, if allowed, in any order and without
/// padding.
fn same_options(wanted: &[OptionSpec], sent: &[OptionSpec], strictness: Strictness) -> bool {
    let tick = strictness.tick_tolerance;
    if !strictness.any_order {
        return wanted.len() == sent.len()
            && wanted.iter().zip(sent).all(|(wanted, sent)| same_option(wanted, sent, tick));
    }
    let is_padding = |o: &&OptionSpec| matches!(o, OptionSpec::NoOperation | OptionSpec::EndOfList);
    let mut left: Vec<&OptionSpec> = sent.iter().filter(|option| !is_padding(option)).collect();
    let all_found = wanted.iter().filter(|option| !is_padding(option)).all(|wanted| {
        let found = left.iter().position(|sent| same_option(wanted, sent, tick));
        found.is_some_and(|at| {
            left.remove(at);
            true
        })
    });
    all_found && left.is_empty()
}

/// Whether an option matches; as in packetdrill, of timestamps only our own value is compared, and
/// only if asked for.
fn same_option(wanted: &OptionSpec, sent: &OptionSpec, tick_tolerance: Option<u32>) -> bool {
    match (wanted, sent) {
        (
            OptionSpec::Timestamps { value: wanted, .. },
            OptionSpec::Timestamps { value: sent, .. },
        ) => match (tick_tolerance, wanted, sent) {
            (Some(most), Some(wanted), Some(sent)) => {
                (sent.wrapping_sub(*wanted) as i32).unsigned_abs() <= most
            }
            _ => true,
        },
        (
            OptionSpec::Raw { kind: k1, data: d1, .. },
            OptionSpec::Raw { kind: k2, data: d2, .. },
        ) => k1 == k2 && d1 == d2,
        _ => wanted == sent,
    }
}

fn compare_ip(wanted: IpSpec, sent: IpSpec, all: &mut Vec<String>) {
    let TosSpec::Tos(tos) = sent.tos else { return };
    match wanted.tos {
        TosSpec::Any => {}
        TosSpec::Tos(wanted) => difference("tos", &wanted, &tos, all),
        TosSpec::Ecn(wanted) => difference("ecn", &(wanted as u8), &(tos & 3), all),
        TosSpec::Dscp(wanted) => difference("dscp", &wanted, &(tos >> 2), all),
        TosSpec::Ect01 if matches!(tos & 3, 1 | 2) => {}
        TosSpec::Ect01 => all.push(format!("ecn: expected 1 or 2, sent {}", tos & 3)),
    }
    if let (Some(wanted), Some(sent)) = (wanted.ttl, sent.ttl) {
        difference("ttl", &wanted, &sent, all);
    }
}

/// The source and destination ports of a segment.
pub(crate) fn ports(segment: &tcp::Segment<'_>) -> (u16, u16) {
    (segment.header.source_port, segment.header.destination_port)
}
