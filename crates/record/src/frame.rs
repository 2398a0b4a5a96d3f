//! Blanks credentials in captured frames: they are overwritten in place, and the checksum is
//! adjusted.
//!
//! A credential is found by the name of its header field in cleartext HTTP/1, also where its value
//! is spread over several segments, or where segments are retransmitted or reordered. In doubt,
//! bytes are blanked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use roundtrip_packet::checksum::{Sum, sum};
use roundtrip_packet::ipv6::{self, Upper};
use roundtrip_packet::{EtherType, Flags, IpHeader, Protocol, Segment, Verify, ethernet, udp};

use crate::InterfaceId;
use crate::query::QueryScanner;
use crate::redact::blank_texts;
use crate::secret_names::SecretNames;

/// The memory of all flows that are being blanked, so that a value spread over several segments is
/// found.
#[derive(Debug, Default)]
pub(crate) struct FrameRedactor {
    flows: BTreeMap<FlowKey, Flow>,
    frame: Vec<u8>,
}

type FlowKey = (InterfaceId, IpAddr, IpAddr, [u8; 4]);

/// The most flows that are remembered at a time; at the limit all are forgotten.
const MOST_FLOWS: usize = 4096;
/// The most blanked ranges and holes that are remembered of one flow; the oldest are forgotten.
const MOST_RANGES: usize = 64;

/// Where the parts of a TCP segment or UDP datagram lie in a frame.
struct Layout {
    key: FlowKey,
    checksum: usize,
    payload: Range<usize>,
    /// The sequence number of the segment and whether SYN is set; `None` for UDP.
    tcp: Option<(u32, bool)>,
}

impl FrameRedactor {
    /// Returns the frame with its credentials overwritten; `None` if it has none.
    pub(crate) fn blank(
        &mut self,
        interface: InterfaceId,
        raw: bool,
        bytes: &[u8],
        texts: &[String],
        names: &SecretNames,
    ) -> Option<&[u8]> {
        let layout = layout(interface, raw, bytes)?;
        let payload = &bytes[layout.payload.clone()];
        let syn = layout.tcp.is_some_and(|(_, syn)| syn);
        if payload.is_empty() && !syn {
            return None;
        }
        let opaque = || {
            self.flows.get(&layout.key).is_some_and(|flow| flow.scan.kind == Some(Content::Opaque))
        };
        if texts.is_empty() && !syn && opaque() {
            return None;
        }
        self.frame.clear();
        self.frame.extend_from_slice(bytes);
        let body = &mut self.frame[layout.payload.clone()];
        let mut found = blank_texts(body, texts);
        if let Some((seq, syn)) = layout.tcp {
            if self.flows.len() >= MOST_FLOWS && !self.flows.contains_key(&layout.key) {
                self.flows.clear();
            }
            let opposite = self.flows.get(&reversed(layout.key)).map(|flow| flow.scan.kind);
            let flow = self.flows.entry(layout.key).or_default();
            if syn {
                *flow = Flow { next: Some(seq.wrapping_add(1)), ..Flow::default() };
            }
            flow.scan.kind = flow.scan.kind.or(opposite.flatten());
            found |= flow.blank(seq.wrapping_add(u32::from(syn)), body, names);
        }
        if !found {
            return None;
        }
        let (before, after) = (sum(payload), sum(&self.frame[layout.payload.clone()]));
        let field = &mut self.frame[layout.checksum..layout.checksum + 2];
        let old = u16::from_be_bytes([field[0], field[1]]);
        // A UDP checksum of zero means that there is none (RFC 768).
        if layout.tcp.is_some() || old != 0 {
            field.copy_from_slice(&adjusted(old, before, after).to_be_bytes());
        }
        Some(&self.frame)
    }
}

/// The checksum after the payload changed (RFC 1624 §3, equation 3), for any number of changed
/// words.
fn adjusted(checksum: u16, before: Sum, after: Sum) -> u16 {
    (Sum::word(!checksum) + Sum::word(before.checksum()) + after).checksum()
}

/// Finds the payload and the checksum field in a frame; `None` for anything but TCP and UDP, and
/// for every fragment but the first.
fn layout(interface: InterfaceId, raw: bool, bytes: &[u8]) -> Option<Layout> {
    let (start, packet) = if raw { (0, bytes) } else { (ethernet::HEADER_LEN, network(bytes)?) };
    let whole = with_length(packet);
    let packet = whole.as_deref().unwrap_or(packet);
    let (ip, payload) = IpHeader::parse(packet, Verify::Snapped).ok()?;
    let (protocol, upper, source, destination) = match &ip {
        IpHeader::V4(ip) if ip.fragment_offset != 0 => return None,
        IpHeader::V4(ip) => (ip.protocol, payload, ip.source.into(), ip.destination.into()),
        IpHeader::V6(ip) => {
            let (protocol, upper) = match ipv6::walk(ip.next_header, payload).ok()? {
                Upper::Whole { protocol, payload, .. } => (protocol, payload),
                Upper::Fragment(part) if part.offset == 0 => (part.protocol, part.payload),
                Upper::Fragment(_) => return None,
            };
            (protocol, upper, ip.source.into(), ip.destination.into())
        }
    };
    let ports: [u8; 4] = upper.get(..4)?.try_into().ok()?;
    let (checksum, data, tcp) = match protocol {
        Protocol::TCP => {
            let segment = Segment::parse(upper, &ip, Verify::Snapped).ok()?;
            let syn = segment.header.flags.contains(Flags::SYN);
            (TCP_CHECKSUM, segment.payload, Some((segment.header.sequence.0, syn)))
        }
        Protocol::UDP => (UDP_CHECKSUM, upper.get(udp::HEADER_LEN..)?, None),
        _ => return None,
    };
    // Each slice reaches to the end of the one it was cut from, so that offsets can be counted from
    // that end.
    let end = start + ip.length() + payload.len();
    let checksum = end - upper.len() + checksum;
    (checksum + 2 <= end).then(|| Layout {
        key: (interface, source, destination, ports),
        checksum,
        payload: end - data.len()..end,
        tcp,
    })
}

/// The offset of the checksum field in a TCP header (RFC 9293 §3.1) and a UDP header (RFC 768).
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;

/// The IP packet in an Ethernet frame; `None` if the frame carries something else.
fn network(frame: &[u8]) -> Option<&[u8]> {
    let (header, packet) = ethernet::Header::parse(frame).ok()?;
    matches!(header.ether_type, EtherType::IPV4 | EtherType::IPV6).then_some(packet)
}

/// A copy of a packet whose length field is zero, with its real length filled in; `None` for other
/// packets. Such packets are captured before the network card cuts them into segments (RFC 2675,
/// Linux's segmentation offload).
fn with_length(packet: &[u8]) -> Option<Vec<u8>> {
    let (field, before) = match packet.first()? >> 4 {
        4 => (2..4, 0),
        6 => (4..6, ipv6::HEADER_LEN),
        _ => return None,
    };
    if *packet.get(field.clone())? != [0, 0] || packet.len() <= before {
        return None;
    }
    let length = u16::try_from(packet.len() - before).unwrap_or(u16::MAX);
    let mut whole = packet.to_vec();
    whole[field].copy_from_slice(&length.to_be_bytes());
    Some(whole)
}

fn reversed((interface, source, destination, [a, b, c, d]): FlowKey) -> FlowKey {
    (interface, destination, source, [c, d, a, b])
}

/// The state of one direction of a TCP connection.
#[derive(Debug, Default)]
struct Flow {
    /// The sequence number after the highest byte seen.
    next: Option<u32>,
    scan: HeaderScanner,
    /// What was blanked, as first sequence number and length, so that a retransmission is blanked
    /// too.
    blanked: Vec<(u32, u32)>,
    gaps: Vec<SequenceGap>,
}

/// A gap in the sequence numbers: bytes that had not been seen when later ones came.
#[derive(Debug)]
struct SequenceGap {
    start: u32,
    end: u32,
    scan: HeaderScanner,
}

impl Flow {
    fn blank(&mut self, seq: u32, payload: &mut [u8], names: &SecretNames) -> bool {
        if payload.is_empty() {
            return false;
        }
        let next = *self.next.get_or_insert(seq);
        let ahead = seq.wrapping_sub(next) as i32;
        let mut found = false;
        if ahead > 0 {
            let after = self.scan.uncertain();
            let scan = core::mem::replace(&mut self.scan, after);
            push(&mut self.gaps, SequenceGap { start: next, end: seq, scan });
        }
        let old = ahead.min(0).unsigned_abs().min(payload.len() as u32) as usize;
        let (again, new) = payload.split_at_mut(old);
        found |= self.blank_again(seq, again, names);
        let first = seq.wrapping_add(old as u32);
        if !new.is_empty() {
            for range in self.scan.blank(new, names) {
                push(&mut self.blanked, at(first, &range));
                found = true;
            }
            self.next = Some(first.wrapping_add(new.len() as u32));
        }
        found
    }

    /// Blanks bytes below the highest sequence number seen: what was blanked before, and what fills
    /// holes.
    fn blank_again(&mut self, seq: u32, payload: &mut [u8], names: &SecretNames) -> bool {
        let mut found = false;
        for &(start, length) in &self.blanked {
            if let Some(range) = overlap(seq, payload.len(), start, length) {
                payload[range].fill(b'*');
                found = true;
            }
        }
        for gap in core::mem::take(&mut self.gaps) {
            found |= self.fill(gap, seq, payload, names);
        }
        found
    }

    /// Blanks the bytes of the payload that fill the hole, and remembers what of it is still
    /// missing.
    fn fill(
        &mut self,
        gap: SequenceGap,
        seq: u32,
        payload: &mut [u8],
        names: &SecretNames,
    ) -> bool {
        let length = gap.end.wrapping_sub(gap.start);
        let Some(range) = overlap(seq, payload.len(), gap.start, length) else {
            self.gaps.push(gap);
            return false;
        };
        let first = seq.wrapping_add(range.start as u32);
        let end = seq.wrapping_add(range.end as u32);
        let mut scan = gap.scan;
        if first != gap.start {
            let before = SequenceGap { start: gap.start, end: first, scan: scan.clone() };
            scan = scan.uncertain();
            self.gaps.push(before);
        }
        let secrets = scan.blank(&mut payload[range], names);
        for secret in &secrets {
            push(&mut self.blanked, at(first, secret));
        }
        if end != gap.end {
            self.gaps.push(SequenceGap { start: end, end: gap.end, scan });
        }
        !secrets.is_empty()
    }
}

fn at(first: u32, range: &Range<usize>) -> (u32, u32) {
    (first.wrapping_add(range.start as u32), range.len() as u32)
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() >= MOST_RANGES {
        list.remove(0);
    }
    list.push(item);
}

/// The part of the `length` bytes at `seq` that lies within the `other_length` bytes at `other`, as
/// a range within the former.
fn overlap(seq: u32, length: usize, other: u32, other_length: u32) -> Option<Range<usize>> {
    let offset = i64::from(other.wrapping_sub(seq) as i32);
    let start = offset.clamp(0, length as i64) as usize;
    let end = (offset + i64::from(other_length)).clamp(0, length as i64) as usize;
    (start < end).then_some(start..end)
}

/// A scanner for credentials in HTTP/1 text, which remembers its place between segments.
#[derive(Clone, Debug)]
struct HeaderScanner {
    line: LinePosition,
    query: QueryScanner,
    /// Whether the place is in a body: after a blank line, before what looks like the next start
    /// line.
    in_body: bool,
    kind: Option<Content>,
}

/// What a connection carries, judged by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Text, perhaps HTTP/1.
    Text,
    /// TLS or another binary protocol: nothing is looked for.
    Opaque,
}

/// Where in a line of text the scanner is.
#[derive(Clone, Debug)]
enum LinePosition {
    /// In the first word of a line, kept in lower case: perhaps a field name.
    Name(Vec<u8>),
    /// In the value of a field that carries credentials.
    Secret,
    /// Anywhere else.
    Other,
}

impl Default for LinePosition {
    fn default() -> Self {
        Self::Name(Vec::new())
    }
}

impl Default for HeaderScanner {
    fn default() -> Self {
        let query = QueryScanner::in_stream();
        Self { line: LinePosition::default(), query, in_body: false, kind: None }
    }
}

const LONGEST_NAME: usize = 64;

impl HeaderScanner {
    /// The scanner's state after bytes that were not seen. Whether they began a line with a
    /// credential is not known, so the rest of the line counts as one, except in a body.
    fn uncertain(&self) -> Self {
        let line = if self.in_body { LinePosition::Other } else { LinePosition::Secret };
        let kind = Some(self.kind.unwrap_or(Content::Text));
        Self { line, query: self.query.clone(), in_body: self.in_body, kind }
    }

    /// Overwrites credentials and returns where they were.
    fn blank(&mut self, bytes: &mut [u8], names: &SecretNames) -> Vec<Range<usize>> {
        // A request line or status line begins with a letter; a TLS record does not.
        let kind = *self.kind.get_or_insert(match bytes {
            [b'\r' | b'\n' | b'a'..=b'z' | b'A'..=b'Z', ..] => Content::Text,
            _ => Content::Opaque,
        });
        if kind == Content::Opaque {
            return Vec::new();
        }
        let mut found = self.query.secrets(bytes, names);
        self.find_fields(bytes, names, &mut found);
        for secret in &found {
            bytes[secret.clone()].fill(b'*');
        }
        found
    }

    /// Adds the places of the values of fields that carry credentials.
    fn find_fields(&mut self, bytes: &[u8], names: &SecretNames, found: &mut Vec<Range<usize>>) {
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match &mut self.line {
                LinePosition::Other => {
                    let Some(end) = bytes[at..].iter().position(|&byte| byte == b'\n') else {
                        break;
                    };
                    at += end;
                    self.line = LinePosition::default();
                }
                LinePosition::Secret if byte == b'\n' => self.line = LinePosition::default(),
                LinePosition::Secret if matches!(byte, b'\r' | b' ' | b'\t') => {}
                LinePosition::Secret => match found.last_mut() {
                    Some(last) if last.end == at => last.end += 1,
                    _ => found.push(at..at + 1),
                },
                LinePosition::Name(name) => match byte {
                    b':' if str::from_utf8(name).is_ok_and(|name| names.has_field(name)) => {
                        self.line = LinePosition::Secret;
                    }
                    b'\n' => {
                        if name.is_empty() {
                            self.in_body = true;
                        }
                        name.clear();
                    }
                    b'\r' => {}
                    b' ' => {
                        self.in_body &= !is_start(name);
                        self.line = LinePosition::Other;
                    }
                    b':' => self.line = LinePosition::Other,
                    _ if name.len() >= LONGEST_NAME => self.line = LinePosition::Other,
                    _ => name.push(byte.to_ascii_lowercase()),
                },
            }
            at += 1;
        }
    }
}

/// Whether `word`, the first of a line and in lower case, begins a message: a method, or
/// `http/1.1`.
fn is_start(word: &[u8]) -> bool {
    word.starts_with(b"http/1")
        || ((3..=7).contains(&word.len()) && word.iter().all(u8::is_ascii_lowercase))
}
