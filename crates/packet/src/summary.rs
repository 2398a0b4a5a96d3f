//! One-line summaries of frames, in the manner of tcpdump.
//!
//! Sequence numbers are absolute, as with `tcpdump -S`.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use crate::arp::{self, Operation};
use crate::frame::{Frame, Network, Packet, Transport, parse_frame, parse_packet};
use crate::icmpv4::{self, TimeExceeded};
use crate::icmpv6;
use crate::ip::IpHeader;
use crate::ndp;
use crate::options::{self, TcpOption};
use crate::quote::{Quote, QuotedTransport};
use crate::tcp::{Flags, Segment};
use crate::verify::Verify;

/// The bytes of a frame, displayed as one line; what cannot be parsed is displayed as its error.
/// The end of the frame may be missing, and checksums are not verified.
///
/// ```
/// let line = roundtrip_packet::summary::Line(&[0; 10]).to_string();
/// assert_eq!(line, "[Ethernet: needs 14 bytes, has 10, at byte 10 (IEEE 802.3 §3.2)]");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a [u8]);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match parse_frame(self.0, Verify::Snapped) {
            Ok(frame) => frame.fmt(f),
            Err(error) => write!(f, "[{error}]"),
        }
    }
}

/// The bytes of an IP packet, displayed as one line like those of a frame.
#[derive(Clone, Copy, Debug)]
pub struct PacketLine<'a>(pub &'a [u8]);

impl Display for PacketLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match parse_packet(self.0, Verify::Snapped) {
            Ok(packet) => packet.fmt(f),
            Err(error) => write!(f, "[{error}]"),
        }
    }
}

impl Display for Frame<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.network {
            Network::Arp(packet) => packet.fmt(f),
            Network::Ip(packet) => packet.fmt(f),
            Network::Other { ether_type, payload } => {
                write!(f, "ethertype {ether_type}, length {}", payload.len())
            }
        }
    }
}

impl Display for arp::Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let arp::Packet { sender_hardware, sender_protocol, target_protocol, .. } = self;
        match self.operation {
            Operation::Request if self.is_announcement() => {
                write!(f, "ARP, Announcement {sender_protocol} is-at {sender_hardware}")
            }
            Operation::Request if self.is_probe() => {
                write!(f, "ARP, Probe {target_protocol} from {sender_hardware}")
            }
            Operation::Request => {
                write!(f, "ARP, Request who-has {target_protocol} tell {sender_protocol}")
            }
            Operation::Reply => write!(f, "ARP, Reply {sender_protocol} is-at {sender_hardware}"),
            Operation::Other(number) => write!(f, "ARP, operation {number}"),
        }?;
        write!(f, ", length {}", arp::PACKET_LEN)
    }
}

impl Display for Packet<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let family = match self.ip {
            IpHeader::V4(_) => "IP",
            IpHeader::V6(_) => "IP6",
        };
        let (from, to) = (self.ip.source(), self.ip.destination());
        let bytes = |there: usize| there + self.missing;
        match &self.transport {
            Transport::Tcp(segment) => {
                let header = &segment.header;
                write!(f, "{family} {from}.{} > ", header.source_port)?;
                write!(f, "{to}.{}: ", header.destination_port)?;
                write_segment(f, segment, bytes(segment.payload.len()))
            }
            Transport::Udp { header, payload } => {
                write!(f, "{family} {from}.{} > ", header.source_port)?;
                let length = bytes(payload.len());
                write!(f, "{to}.{}: UDP, length {length}", header.destination_port)
            }
            Transport::Icmpv4(message) => {
                write!(f, "{family} {from} > {to}: ICMP ")?;
                write_icmpv4(f, message)?;
                write!(f, ", length {}", bytes(message.length()))
            }
            Transport::Icmpv6(message) => {
                write!(f, "{family} {from} > {to}: ICMP6, ")?;
                write_icmpv6(f, message)?;
                write!(f, ", length {}", bytes(message.length()))
            }
            Transport::Fragment(fragment) => {
                let more = if fragment.more { "+" } else { "" };
                write!(f, "{family} {from} > {to}: {} fragment ", fragment.protocol)?;
                let length = bytes(fragment.payload.len());
                write!(f, "{}:{length}@{}{more}", fragment.identification, fragment.offset)
            }
            Transport::Other { protocol, payload } => {
                let length = bytes(payload.len());
                write!(f, "{family} {from} > {to}: {protocol}, length {length}")
            }
        }
    }
}

/// The summary of a segment, which has no addresses: `Flags [S], seq 1, win 64240, …`.
impl Display for Segment<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_segment(f, self, self.payload.len())
    }
}

fn write_segment(f: &mut Formatter<'_>, segment: &Segment<'_>, length: usize) -> fmt::Result {
    let header = &segment.header;
    write!(f, "Flags [{}]", header.flags)?;
    if length > 0 {
        write!(f, ", seq {}:{}", header.sequence, header.sequence + length)?;
    } else if header.flags.intersects(Flags::SYN | Flags::FIN | Flags::RST) {
        write!(f, ", seq {}", header.sequence)?;
    }
    if let Some(ack) = header.ack() {
        write!(f, ", ack {ack}")?;
    }
    write!(f, ", win {}", header.window)?;
    if header.flags.contains(Flags::URG) {
        write!(f, ", urg {}", header.urgent)?;
    }
    for (place, option) in options::iter(segment.options).enumerate() {
        f.write_str(if place == 0 { ", options [" } else { "," })?;
        option.fmt(f)?;
    }
    if !segment.options.is_empty() {
        f.write_str("]")?;
    }
    write!(f, ", length {length}")
}

impl Display for TcpOption<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TcpOption::EndOfList => f.write_str("eol"),
            TcpOption::NoOperation => f.write_str("nop"),
            TcpOption::MaximumSegmentSize(mss) => write!(f, "mss {mss}"),
            TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
            TcpOption::SackPermitted => f.write_str("sackOK"),
            TcpOption::Sack(blocks) => {
                write!(f, "sack {} ", blocks.as_slice().len())?;
                blocks
                    .as_slice()
                    .iter()
                    .try_for_each(|block| write!(f, "{{{}:{}}}", block.left, block.right))
            }
            TcpOption::Timestamps(t) => write!(f, "TS val {} ecr {}", t.value, t.echo),
            TcpOption::FastOpen(cookie) => {
                f.write_str(if cookie.is_experimental() {
                    "exp-tfo cookie"
                } else {
                    "tfo cookie"
                })?;
                f.write_str(if cookie.is_request() { "req" } else { " " })?;
                cookie.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            TcpOption::Unknown { kind, data } => {
                write!(f, "unknown-{kind}")?;
                if !data.is_empty() {
                    f.write_str(" 0x")?;
                }
                data.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            TcpOption::Malformed(_) => f.write_str("[bad opt]"),
        }
    }
}

fn write_icmpv4(f: &mut Formatter<'_>, message: &icmpv4::Message<'_>) -> fmt::Result {
    use icmpv4::{Message, Unreachable};
    match message {
        Message::EchoRequest { identifier, sequence, .. } => {
            write!(f, "echo request, id {identifier}, seq {sequence}")
        }
        Message::EchoReply { identifier, sequence, .. } => {
            write!(f, "echo reply, id {identifier}, seq {sequence}")
        }
        Message::DestinationUnreachable { code, .. } => {
            let what = match code {
                Unreachable::Net | Unreachable::NetUnknown => "net ",
                Unreachable::Host | Unreachable::HostUnknown => "host ",
                Unreachable::Protocol => "protocol ",
                _ => "",
            };
            write_unreachable(f, message.quote(), what, *code == Unreachable::Port)?;
            match code {
                Unreachable::FragmentationNeeded { next_hop_mtu } => {
                    write!(f, " - need to frag (mtu {next_hop_mtu})")
                }
                Unreachable::AdministrativelyProhibited
                | Unreachable::NetProhibited
                | Unreachable::HostProhibited => f.write_str(" - admin prohibited"),
                Unreachable::Net
                | Unreachable::Host
                | Unreachable::Protocol
                | Unreachable::Port
                | Unreachable::NetUnknown
                | Unreachable::HostUnknown => Ok(()),
                other => write!(f, " - code {}", other.code()),
            }
        }
        Message::Redirect { code, gateway, .. } => {
            f.write_str("redirect ")?;
            write_address(f, message.quote().map(|quote| quote.destination))?;
            let what = if matches!(code, 0 | 2) { "net" } else { "host" };
            write!(f, " to {what} {gateway}")
        }
        Message::TimeExceeded { code, .. } => write_time_exceeded(f, *code),
        Message::ParameterProblem { pointer, .. } => {
            write!(f, "parameter problem - octet {pointer}")
        }
        Message::Other { kind, code, .. } => write!(f, "type-#{kind}, code {code}"),
    }
}

fn write_icmpv6(f: &mut Formatter<'_>, message: &icmpv6::Message<'_>) -> fmt::Result {
    use icmpv6::{Message, ParameterProblem, Unreachable};
    match message {
        Message::EchoRequest { identifier, sequence, .. } => {
            write!(f, "echo request, id {identifier}, seq {sequence}")
        }
        Message::EchoReply { identifier, sequence, .. } => {
            write!(f, "echo reply, id {identifier}, seq {sequence}")
        }
        Message::DestinationUnreachable { code, .. } => {
            f.write_str("destination unreachable, ")?;
            let what = match code {
                Unreachable::NoRoute => "route to ",
                _ => "address ",
            };
            write_unreachable(f, message.quote(), what, *code == Unreachable::Port)?;
            match code {
                Unreachable::AdministrativelyProhibited => f.write_str(" - admin prohibited"),
                Unreachable::NoRoute | Unreachable::Address | Unreachable::Port => Ok(()),
                other => write!(f, " - code {}", other.code()),
            }
        }
        Message::PacketTooBig { mtu, .. } => write!(f, "packet too big, mtu {mtu}"),
        Message::TimeExceeded { code, .. } => write_time_exceeded(f, *code),
        Message::ParameterProblem { code, pointer, .. } => {
            let what = match code {
                ParameterProblem::ErroneousField => "erroneous field",
                ParameterProblem::UnrecognizedNextHeader => "next header",
                ParameterProblem::UnrecognizedOption => "option",
                ParameterProblem::Unassigned(_) => "unassigned code",
            };
            write!(f, "parameter problem, {what} - octet {pointer}")
        }
        Message::Ndp(message) => write_ndp(f, message),
        Message::Other { kind, code, .. } => write!(f, "type-#{kind}, code {code}"),
    }
}

fn write_ndp(f: &mut Formatter<'_>, message: &ndp::Message<'_>) -> fmt::Result {
    match message {
        ndp::Message::RouterSolicitation { .. } => f.write_str("router solicitation"),
        ndp::Message::RouterAdvertisement { router, .. } => {
            write!(f, "router advertisement, lifetime {}s", router.lifetime)
        }
        ndp::Message::NeighbourSolicitation { target, .. } => {
            write!(f, "neighbor solicitation, who has {target}")
        }
        ndp::Message::NeighbourAdvertisement { target, .. } => {
            write!(f, "neighbor advertisement, tgt is {target}")
        }
        ndp::Message::Redirect { target, destination, .. } => {
            write!(f, "redirect, {destination} to {target}")
        }
    }
}

fn write_time_exceeded(f: &mut Formatter<'_>, code: TimeExceeded) -> fmt::Result {
    match code {
        TimeExceeded::InTransit => f.write_str("time exceeded in-transit"),
        TimeExceeded::Reassembly => f.write_str("reassembly time exceeded"),
        TimeExceeded::Unassigned(code) => write!(f, "time exceeded, code {code}"),
    }
}

fn write_unreachable(
    f: &mut Formatter<'_>,
    quote: Option<Quote>,
    what: &str,
    port: bool,
) -> fmt::Result {
    let destination = quote.map(|quote| quote.destination);
    match quote.and_then(|quote| quote.transport) {
        Some(QuotedTransport::Tcp { destination_port, .. }) if port => {
            write_address(f, destination)?;
            write!(f, " tcp port {destination_port} unreachable")
        }
        Some(QuotedTransport::Udp { destination_port, .. }) if port => {
            write_address(f, destination)?;
            write!(f, " udp port {destination_port} unreachable")
        }
        _ => {
            f.write_str(what)?;
            write_address(f, destination)?;
            f.write_str(if port { " port unreachable" } else { " unreachable" })
        }
    }
}

fn write_address(f: &mut Formatter<'_>, address: Option<IpAddr>) -> fmt::Result {
    match address {
        Some(address) => address.fmt(f),
        None => f.write_str("[unreadable packet]"),
    }
}
