//! The packets of a script as the bytes that the host receives.

use std::net::IpAddr;

use roundtrip_packet::options::{OptionBytes, TcpOption};
use roundtrip_packet::{
    Ecn, Envelope, Flags, IpHeader, Protocol, SackBlock, SackBlocks, SeqNumber, Timestamps, icmpv4,
    icmpv6, tcp, udp,
};

use super::fault::Fault;
use super::flow::Flow;
use super::payload;
use crate::ast::{
    About, Body, IcmpSpec, IpSpec, Numbering, OptionSpec, PacketSpec, TcpSpec, TosSpec,
};
use crate::icmp::{self, Kind};

/// The number of transport header bytes that packetdrill's ICMP errors quote.
const QUOTED: usize = 8;

/// The bytes of a packet, from the IP header on. With `scale_echoes` the script may echo timestamps
/// that it has not seen.
pub(crate) fn build(spec: &PacketSpec, flow: &Flow, scale_echoes: bool) -> Result<Vec<u8>, Fault> {
    let (mut from, mut to) = (flow.remote, flow.local);
    if let Some((source, destination)) = spec.ports {
        from.set_port(source);
        to.set_port(destination);
    }
    let mut bytes = Vec::new();
    let envelope = envelope(from.ip(), to.ip(), spec.ip)?;
    let emitted = match &spec.body {
        Body::Tcp(tcp) => {
            let header = tcp::Header {
                source_port: from.port(),
                destination_port: to.port(),
                ..header(tcp, flow)
            };
            let options = option_bytes(tcp, flow, scale_echoes)?;
            let data = payload::of(payload::start(tcp), tcp.length);
            envelope.emit_tcp_with_options(&header, &options, [&data, &[]], &mut bytes)
        }
        Body::Udp { length } => {
            let header = udp::Header { source_port: from.port(), destination_port: to.port() };
            envelope.emit_udp(&header, &vec![0; usize::from(*length)], &mut bytes)
        }
        Body::Icmp(icmp) => return build_icmp(icmp, flow, envelope),
    };
    emitted.map_err(|error| Fault::mismatch(format!("the packet cannot be made: {error}")))?;
    Ok(bytes)
}

fn envelope(from: IpAddr, to: IpAddr, spec: IpSpec) -> Result<Envelope, Fault> {
    let header = IpHeader::new(from, to, Protocol::TCP);
    let mut header = header.ok_or_else(|| Fault::mismatch("addresses of both IP versions"))?;
    let (dscp, ecn) = match spec.tos {
        TosSpec::Any | TosSpec::Ect01 => (0, Ecn::NotEct),
        TosSpec::Ecn(ecn) => (0, ecn),
        TosSpec::Tos(tos) => (tos >> 2, Ecn::from_bits(tos)),
        TosSpec::Dscp(dscp) => (dscp, Ecn::NotEct),
    };
    match &mut header {
        IpHeader::V4(header) => {
            (header.dscp, header.ecn) = (dscp, ecn);
            header.ttl = spec.ttl.unwrap_or(header.ttl);
        }
        IpHeader::V6(header) => {
            (header.dscp, header.ecn) = (dscp, ecn);
            header.hop_limit = spec.ttl.unwrap_or(header.hop_limit);
            header.flow_label = spec.flow_label.unwrap_or(0);
        }
    }
    Ok(Envelope::bare(header))
}

fn header(spec: &TcpSpec, flow: &Flow) -> tcp::Header {
    let is_syn = spec.flags.contains(Flags::SYN);
    let has_ack = spec.flags.contains(Flags::ACK);
    let ack = if has_ack { flow.our_sequence(spec.ack, is_syn) } else { spec.ack };
    let sequence = match spec.numbering {
        Numbering::Absolute => spec.start,
        Numbering::Relative | Numbering::Any => flow.their_sequence(spec.start, is_syn),
    };
    tcp::Header {
        sequence: SeqNumber(sequence),
        acknowledgement: SeqNumber(ack),
        flags: spec.flags,
        window: spec.window.unwrap_or(0),
        urgent: spec.urgent,
        ..tcp::Header::new(0, 0)
    }
}

fn option_bytes(spec: &TcpSpec, flow: &Flow, scale_echoes: bool) -> Result<OptionBytes, Fault> {
    let is_syn = spec.flags.contains(Flags::SYN);
    let mut bytes = OptionBytes::EMPTY;
    for option in spec.options.as_deref().unwrap_or_default() {
        let pushed = match option {
            OptionSpec::NoOperation => bytes.push(&TcpOption::NoOperation),
            OptionSpec::EndOfList => bytes.push(&TcpOption::EndOfList),
            OptionSpec::Mss(mss) => bytes.push(&TcpOption::MaximumSegmentSize(*mss)),
            OptionSpec::WindowScale(shift) => bytes.push(&TcpOption::WindowScale(*shift)),
            OptionSpec::SackPermitted => bytes.push(&TcpOption::SackPermitted),
            OptionSpec::Sack(blocks) => {
                let live = |number| SeqNumber(flow.our_sequence(number, is_syn));
                let block = |(left, right): &(u32, u32)| SackBlock {
                    left: live(*left),
                    right: live(*right),
                };
                let blocks: SackBlocks = blocks.iter().map(block).collect();
                bytes.push(&TcpOption::Sack(blocks))
            }
            OptionSpec::Timestamps { value, echo, is_echo_absolute } => {
                let echo = if spec.flags.contains(Flags::ACK) && !is_echo_absolute {
                    flow.echo(*echo, scale_echoes).ok_or_else(|| {
                        let why = "sends back a timestamp that was not expected before";
                        Fault::mismatch(format!("ecr {echo} {why}"))
                    })?
                } else {
                    *echo
                };
                bytes.push(&TcpOption::Timestamps(Timestamps { value: value.unwrap_or(0), echo }))
            }
            OptionSpec::Raw { kind, data, .. } => {
                bytes.push(&TcpOption::Unknown { kind: *kind, data })
            }
        };
        pushed.map_err(|error| Fault::mismatch(format!("the options do not fit: {error}")))?;
    }
    Ok(bytes)
}

fn build_icmp(spec: &IcmpSpec, flow: &Flow, envelope: Envelope) -> Result<Vec<u8>, Fault> {
    let is_v6 = flow.local.is_ipv6();
    let kind = Kind::named(is_v6, &spec.kind, spec.code.as_deref());
    let Kind { kind, code } = kind.ok_or_else(|| {
        let code = spec.code.as_deref().unwrap_or_default();
        Fault::unsupported(format!("icmp {} {code}", spec.kind))
    })?;
    let quote = quote(spec.about, flow)?;
    let rest = if let Some(mtu) = spec.mtu {
        mtu.to_be_bytes()
    } else {
        let [high, low] = spec.id.to_be_bytes();
        [high, low, 0, 0]
    };
    let mut bytes = Vec::new();
    let emitted = if is_v6 {
        let data = [&rest[..], &quote].concat();
        let message = icmpv6::Message::Other { kind, code, data: &data };
        envelope.emit_icmpv6(&message, &mut bytes)
    } else {
        let message = icmpv4::Message::Other { kind, code, rest, data: &quote };
        envelope.emit_icmpv4(&message, &mut bytes)
    };
    emitted.map_err(|error| Fault::mismatch(format!("the message cannot be made: {error}")))?;
    Ok(bytes)
}

/// The quote in an ICMP error: the IP header and the first bytes after it, of a packet of ours.
fn quote(about: About, flow: &Flow) -> Result<Vec<u8>, Fault> {
    let (from, to) = (flow.local, flow.remote);
    let envelope = envelope(from.ip(), to.ip(), IpSpec::default())?;
    let mut bytes = Vec::new();
    let emitted = match about {
        About::Tcp { start, length } => {
            let header = tcp::Header {
                sequence: SeqNumber(flow.our_sequence(start, false)),
                flags: Flags::ACK,
                ..tcp::Header::new(from.port(), to.port())
            };
            envelope.emit_tcp(&header, [&vec![0; usize::from(length)], &[]], &mut bytes)
        }
        About::Udp { length } => {
            let header = udp::Header { source_port: from.port(), destination_port: to.port() };
            envelope.emit_udp(&header, &vec![0; usize::from(length)], &mut bytes)
        }
        About::Raw { length } => {
            return Ok(vec![0; usize::from(length).saturating_sub(icmp::HEADER)]);
        }
    };
    let emitted = emitted.map_err(|error| Fault::mismatch(error.to_string()))?;
    bytes.truncate(emitted.transport + QUOTED);
    Ok(bytes)
}
