//! The fast path for TCP segments in plain packets: header prediction.
//!
//! Nearly every frame of a busy host is a TCP segment with no option but timestamps, in a packet
//! without IP options and extension headers that is no fragment. Such a frame is parsed here, at
//! fixed offsets (Jacobson's header prediction, applied to the layers below TCP too). It is checked
//! like any other, and whatever is not plain, or not valid, is left to [`parse_frame`]. Over IPv4
//! such frames are also written with one run of stores for all headers; [`Envelope::emit_tcp`] does
//! so.
//!
//! [`parse_frame`]: crate::parse_frame
//! [`Envelope::emit_tcp`]: crate::Envelope::emit_tcp

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::{self, Sum, pseudo_v4, pseudo_v6};
use crate::ecn::Ecn;
use crate::emit::{ChecksumMode, Emitted, Link, write_payload};
use crate::ethernet::{self, EtherType};
use crate::options::{Options, TIMESTAMPS_HEAD, Timestamps};
use crate::protocol::Protocol;
use crate::seq::SeqNumber;
use crate::tcp::Flags;
use crate::verify::Verify;
use crate::{ipv4, ipv6, tcp};

/// A TCP segment and the relevant fields of the headers around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainSegment<'a> {
    /// The source address.
    pub source: IpAddr,
    /// The destination address.
    pub destination: IpAddr,
    /// The ECN field of the IP header.
    pub ecn: Ecn,
    /// The TCP header as words, without options.
    words: [u32; tcp::HEADER_LEN / 4],
    timestamps: Option<Timestamps>,
    /// The payload.
    pub payload: &'a [u8],
}

impl PlainSegment<'_> {
    /// The source and destination ports.
    #[inline(always)]
    pub const fn ports(&self) -> (u16, u16) {
        ((self.words[0] >> 16) as u16, self.words[0] as u16)
    }

    /// The segment's header.
    #[inline(always)]
    pub const fn header(&self) -> tcp::Header {
        let [_, sequence, acknowledgement, control, urgent] = self.words;
        let (source_port, destination_port) = self.ports();
        tcp::Header {
            source_port,
            destination_port,
            sequence: SeqNumber(sequence),
            acknowledgement: SeqNumber(acknowledgement),
            flags: Flags::from_bits((control >> 16) as u16),
            window: control as u16,
            urgent: urgent as u16,
            options: Options { timestamps: self.timestamps, ..Options::NONE },
        }
    }
}

/// Parses an Ethernet frame that is plain and valid; `None` for any other, which is left to
/// [`parse_frame`](crate::parse_frame).
#[inline(always)]
pub fn parse_plain(frame: &[u8], verify: Verify) -> Option<PlainSegment<'_>> {
    let (header, packet) = frame.split_first_chunk::<{ ethernet::HEADER_LEN }>()?;
    match EtherType(u16::from_be_bytes([header[12], header[13]])) {
        EtherType::IPV4 => parse_v4(packet, verify),
        EtherType::IPV6 => parse_v6(packet, verify),
        _ => None,
    }
}

#[inline(always)]
fn parse_v4(packet: &[u8], verify: Verify) -> Option<PlainSegment<'_>> {
    const VERSION_AND_LENGTH: u32 = 0x45;
    const FRAGMENT: u32 = 0x3fff;
    let words = words(packet.first_chunk::<{ ipv4::HEADER_LEN }>()?);
    let [first, second, third, from, to]: [u32; 5] = words;
    if first >> 24 != VERSION_AND_LENGTH
        || second & FRAGMENT != 0
        || Protocol((third >> 16) as u8) != Protocol::TCP
        || (verify == Verify::Full && !Sum::words(&words).verifies())
    {
        return None;
    }
    let segment = packet.get(ipv4::HEADER_LEN..(first & 0xffff) as usize)?;
    let (from, to) = (Ipv4Addr::from_bits(from), Ipv4Addr::from_bits(to));
    let pseudo = pseudo_v4(from, to, Protocol::TCP, segment.len() as u32);
    let ecn = Ecn::from_bits((first >> 16) as u8);
    parse_segment(segment, (from.into(), to.into()), ecn, pseudo, verify)
}

#[inline(always)]
fn parse_v6(packet: &[u8], verify: Verify) -> Option<PlainSegment<'_>> {
    let words: [u32; 10] = words(packet.first_chunk::<{ ipv6::HEADER_LEN }>()?);
    let [first, second, ..] = words;
    if first >> 28 != 6 || Protocol((second >> 8) as u8) != Protocol::TCP {
        return None;
    }
    let end = ipv6::HEADER_LEN + (second >> 16) as usize;
    let segment = packet.get(ipv6::HEADER_LEN..end)?;
    let address = |at: usize| {
        let bits = words[at..at + 4].iter().fold(0, |bits, word| bits << 32 | u128::from(*word));
        Ipv6Addr::from_bits(bits)
    };
    let (from, to) = (address(2), address(6));
    let pseudo = pseudo_v6(from, to, Protocol::TCP, segment.len() as u32);
    let ecn = Ecn::from_bits((first >> 20) as u8);
    parse_segment(segment, (from.into(), to.into()), ecn, pseudo, verify)
}

#[inline(always)]
fn parse_segment(
    segment: &[u8],
    (source, destination): (IpAddr, IpAddr),
    ecn: Ecn,
    pseudo_header: Sum,
    verify: Verify,
) -> Option<PlainSegment<'_>> {
    const WITHOUT_OPTIONS: u32 = 5;
    const WITH_TIMESTAMPS: u32 = 8;
    let (header, rest) = segment.split_first_chunk::<{ tcp::HEADER_LEN }>()?;
    let header: [u32; 5] = words(header);
    let (timestamps, payload) = match header[3] >> 28 {
        WITHOUT_OPTIONS => (None, rest),
        WITH_TIMESTAMPS => {
            let (options, payload) = rest.split_first_chunk::<OPTIONS_LEN>()?;
            let [TIMESTAMPS_HEAD, value, echo] = words(options) else { return None };
            (Some(Timestamps { value, echo }), payload)
        }
        _ => return None,
    };
    if verify == Verify::Full && !(pseudo_header + checksum::sum(segment)).verifies() {
        return None;
    }
    Some(PlainSegment { source, destination, ecn, words: header, timestamps, payload })
}

/// The length of the options of a plain segment, bytes: timestamps and their padding.
const OPTIONS_LEN: usize = 12;
/// The offset of the TCP header in a plain frame over IPv4.
const TRANSPORT: usize = ethernet::HEADER_LEN + ipv4::HEADER_LEN;
/// The offset of the payload in such a frame.
const PAYLOAD: usize = TRANSPORT + tcp::HEADER_LEN + OPTIONS_LEN;

/// Appends a frame with a segment that has no option but timestamps. `None`, and nothing changed,
/// if the packet is not plain, or too long.
#[inline]
pub(crate) fn emit_v4(
    link: Link,
    ip: &ipv4::Header,
    mode: ChecksumMode,
    (header, timestamps): (&tcp::Header, Timestamps),
    data: [&[u8]; 2],
    out: &mut Vec<u8>,
) -> Option<Emitted> {
    let payload = data[0].len() + data[1].len();
    let total = u16::try_from(PAYLOAD - ethernet::HEADER_LEN + payload).ok()?;
    if !ip.options.as_bytes().is_empty() {
        return None;
    }
    let ip_words = ip.words(Protocol::TCP, total, Sum::ZERO);
    let [ports, sequence, acknowledgement, control, urgent] = header.words(OPTIONS_LEN);
    let Timestamps { value, echo } = timestamps;
    let words = [ports, sequence, acknowledgement, control, urgent, TIMESTAMPS_HEAD, value, echo];

    let start = out.len();
    out.reserve(PAYLOAD + payload);
    out.resize(start + PAYLOAD, 0);
    let headers = out.get_mut(start..)?.first_chunk_mut::<PAYLOAD>()?;
    let Link { source, destination } = link;
    let around = ethernet::Header { destination, source, ether_type: EtherType::IPV4 };
    headers[..ethernet::HEADER_LEN].copy_from_slice(&around.to_bytes());
    place(&mut headers[ethernet::HEADER_LEN..TRANSPORT], &ip_words);
    place(&mut headers[TRANSPORT..], &words);

    let length = u32::from(total) - ipv4::HEADER_LEN as u32;
    let pseudo = pseudo_v4(ip.source, ip.destination, Protocol::TCP, length);
    let field = write_payload(mode, pseudo, Sum::words(&words), data, out);
    let at = start + TRANSPORT + tcp::CHECKSUM_OFFSET;
    out.get_mut(at..at + 2)?.copy_from_slice(&field.to_be_bytes());
    Some(Emitted {
        network: ethernet::HEADER_LEN,
        transport: TRANSPORT,
        payload: PAYLOAD,
        length: PAYLOAD + payload,
    })
}

/// Writes words into room of exactly their size.
#[inline(always)]
fn place(room: &mut [u8], words: &[u32]) {
    let (places, _) = room.as_chunks_mut::<4>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_be_bytes();
    }
}

/// A header as 32-bit words.
#[inline(always)]
fn words<const BYTES: usize, const WORDS: usize>(header: &[u8; BYTES]) -> [u32; WORDS] {
    const { assert!(BYTES == 4 * WORDS) };
    let (words, _) = header.as_chunks::<4>();
    std::array::from_fn(|at| u32::from_be_bytes(words[at]))
}
