//! Internet Protocol version 4 (RFC 791).

use std::fmt;
use std::net::Ipv4Addr;

use crate::checksum::{self, Sum};
use crate::ecn::Ecn;
use crate::error::{EmitError, Layer, ParseError, Problem};
use crate::fragment::Fragment;
use crate::protocol::Protocol;
use crate::verify::Verify;

/// The length of a header without options, bytes.
pub const HEADER_LEN: usize = 20;
/// The greatest length of the options, bytes.
pub const MAX_OPTIONS: usize = 40;
/// The length of the largest packet, header included, bytes.
pub const MAX_PACKET: usize = 65_535;

/// An IPv4 header. Lengths and checksum are not fields: they follow from the packet when it is
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The differentiated services code point, 0..=63 (RFC 2474).
    pub dscp: u8,
    /// The ECN field (RFC 3168).
    pub ecn: Ecn,
    /// The identification, which fragments of one datagram share.
    pub identification: u16,
    /// DF: whether routers must report the packet (Fragmentation Needed) instead of fragmenting it.
    pub dont_fragment: bool,
    /// MF: whether more fragments follow.
    pub more_fragments: bool,
    /// The offset of this fragment in its datagram, bytes: a multiple of 8 up to 65 528. The low
    /// three bits are not written.
    pub fragment_offset: u16,
    /// The time to live: the number of hops the packet may still take.
    pub ttl: u8,
    /// The protocol of the payload.
    pub protocol: Protocol,
    /// The source address.
    pub source: Ipv4Addr,
    /// The destination address.
    pub destination: Ipv4Addr,
    /// The option bytes, padded to a multiple of four.
    pub options: Options,
}

impl Header {
    /// A header with TTL 64 (the default of RFC 1700 and of Linux), DF set (for path MTU discovery,
    /// RFC 1191) and, as RFC 6864 §4.1 allows for such packets, identification 0.
    #[inline]
    pub const fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol) -> Header {
        Header {
            dscp: 0,
            ecn: Ecn::NotEct,
            identification: 0,
            dont_fragment: true,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol,
            source,
            destination,
            options: Options::NONE,
        }
    }

    /// The length of the header, bytes.
    #[inline]
    pub fn length(&self) -> usize {
        HEADER_LEN + self.options.as_bytes().len()
    }

    /// Whether the packet is a fragment of a datagram.
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }

    /// The packet's payload as a fragment of its datagram.
    ///
    /// # Errors
    /// The fragment cannot be part of a datagram.
    pub fn fragment<'a>(&self, payload: &'a [u8]) -> Result<Fragment<'a>, ParseError> {
        let fragment = Fragment {
            identification: u32::from(self.identification),
            offset: usize::from(self.fragment_offset),
            more: self.more_fragments,
            protocol: self.protocol,
            payload,
        };
        fragment.check(Layer::Ipv4, 6)?;
        Ok(fragment)
    }

    /// Parses a header and gives the payload, trimmed to Total Length (an Ethernet frame may be
    /// padded beyond it).
    ///
    /// # Errors
    /// The bytes are too few, or the version, a length or the checksum is wrong.
    #[inline(always)]
    pub fn parse(packet: &[u8], verify: Verify) -> Result<(Header, &[u8]), ParseError> {
        let Some(fixed) = packet.first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::truncated(Layer::Ipv4, HEADER_LEN, packet.len()));
        };
        let fail = |problem, at| Err(ParseError::new(Layer::Ipv4, problem, at));
        let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        if fixed[0] >> 4 != 4 {
            return fail(Problem::Version(fixed[0] >> 4), 0);
        }
        let header_length = usize::from(fixed[0] & 0x0f) * 4;
        if header_length < HEADER_LEN {
            return fail(Problem::HeaderLength(header_length), 0);
        }
        let total = usize::from(word(2));
        if total < header_length {
            return fail(Problem::LengthField(total), 2);
        }
        let Some(header_bytes) = packet.get(..header_length) else {
            return Err(ParseError::truncated(Layer::Ipv4, header_length, packet.len()));
        };
        let end = verify.extent(Layer::Ipv4, total, packet.len())?;
        if verify == Verify::Full && !checksum::sum(header_bytes).verifies() {
            return fail(Problem::Checksum(word(10)), 10);
        }
        let header = Header {
            dscp: fixed[1] >> 2,
            ecn: Ecn::from_bits(fixed[1]),
            identification: word(4),
            dont_fragment: fixed[6] & 0x40 != 0,
            more_fragments: fixed[6] & 0x20 != 0,
            fragment_offset: (word(6) & 0x1fff) << 3,
            ttl: fixed[8],
            protocol: Protocol(fixed[9]),
            source: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]),
            destination: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]),
            options: match &header_bytes[HEADER_LEN..] {
                [] => Options::NONE,
                options => Options::new(options).unwrap_or(Options::NONE),
            },
        };
        Ok((header, packet.get(header_length..end).unwrap_or(&[])))
    }

    /// Appends the header, with length and checksum, of a packet with `payload_length` bytes.
    ///
    /// # Errors
    /// The packet would be longer than [`MAX_PACKET`].
    #[inline]
    pub fn emit(&self, payload_length: usize, out: &mut Vec<u8>) -> Result<(), EmitError> {
        self.emit_for(self.protocol, payload_length, out)
    }

    /// Appends the header with another protocol.
    #[inline(always)]
    pub(crate) fn emit_for(
        &self,
        protocol: Protocol,
        payload_length: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EmitError> {
        let options = self.options.as_bytes();
        let length = HEADER_LEN + options.len() + payload_length;
        let Ok(total) = u16::try_from(length) else {
            return Err(EmitError::TooLong { layer: Layer::Ipv4, length, limit: MAX_PACKET });
        };
        let words = self.words(protocol, total, checksum::sum(options));
        out.extend_from_slice(words.map(u32::to_be_bytes).as_flattened());
        out.extend_from_slice(options);
        Ok(())
    }

    /// The header as words, for a packet of `total` bytes whose options have the given sum.
    #[inline(always)]
    pub(crate) fn words(
        &self,
        protocol: Protocol,
        total: u16,
        options: Sum,
    ) -> [u32; HEADER_LEN / 4] {
        let service = self.dscp << 2 | self.ecn as u8;
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(self.more_fragments) << 13;
        let version = 0x40 | (self.length() / 4) as u8;
        // The header is built as words, because summing bytes that were just stored would wait for
        // the stores.
        let mut words = [
            u32::from(version) << 24 | u32::from(service) << 16 | u32::from(total),
            u32::from(self.identification) << 16 | u32::from(flags | self.fragment_offset >> 3),
            u32::from(self.ttl) << 24 | u32::from(protocol.0) << 16,
            self.source.to_bits(),
            self.destination.to_bits(),
        ];
        let sum = Sum::words(&words) + options;
        words[2] |= u32::from(sum.checksum());
        words
    }
}

/// Decrements the TTL of the packet in place and updates its checksum (RFC 1624), as a router does;
/// answers the new TTL. `None`, and nothing changed, if this was the last hop or the bytes are too
/// few.
#[inline]
pub fn decrement_ttl(packet: &mut [u8]) -> Option<u8> {
    let fixed = packet.first_chunk_mut::<HEADER_LEN>()?;
    let left = fixed[8].checked_sub(1).filter(|left| *left > 0)?;
    let old = u16::from_be_bytes([fixed[8], fixed[9]]);
    let new = u16::from_be_bytes([left, fixed[9]]);
    replace_word(fixed, 8, old, new);
    Some(left)
}

/// Marks the packet in place as Congestion Experienced, as a router does instead of dropping it
/// (RFC 3168 §5). False, and nothing changed, if its sender does not support ECN.
#[inline]
pub fn mark_congestion(packet: &mut [u8]) -> bool {
    let Some(fixed) = packet.first_chunk_mut::<HEADER_LEN>() else { return false };
    if !Ecn::from_bits(fixed[1]).is_capable() {
        return false;
    }
    let old = u16::from_be_bytes([fixed[0], fixed[1]]);
    replace_word(fixed, 0, old, old | Ecn::Ce as u16);
    true
}

fn replace_word(header: &mut [u8; HEADER_LEN], at: usize, old: u16, new: u16) {
    let checksum = u16::from_be_bytes([header[10], header[11]]);
    let mended = checksum::update(checksum, old, new);
    header[at..at + 2].copy_from_slice(&new.to_be_bytes());
    header[10..12].copy_from_slice(&mended.to_be_bytes());
}

/// The option bytes of a header, not interpreted: hosts must tolerate them (RFC 1122 §3.2.1.8), and
/// nothing here acts on any.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Options {
    length: u8,
    bytes: [u8; MAX_OPTIONS],
}

impl Options {
    /// No options.
    pub const NONE: Options = Options { length: 0, bytes: [0; MAX_OPTIONS] };

    /// Options from up to 40 bytes, padded with End of Option List to a multiple of four; `None` if
    /// there are more.
    #[inline]
    pub fn new(options: &[u8]) -> Option<Options> {
        let mut new = Options::NONE;
        new.bytes.get_mut(..options.len())?.copy_from_slice(options);
        new.length = options.len().next_multiple_of(4) as u8;
        Some(new)
    }

    /// The option bytes, a multiple of four.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(MAX_OPTIONS)]
    }
}

impl Default for Options {
    fn default() -> Self {
        Options::NONE
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header worked out by hand: 4500 003c 1c46 4000 4006 ---- ac10 0a63 ac10 0a0c sums to
    /// 24e17 → 4e19, so its checksum is b1e6.
    const KNOWN: [u8; 20] = [
        0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0xb1, 0xe6, 0xac, 0x10, 0x0a,
        0x63, 0xac, 0x10, 0x0a, 0x0c,
    ];

    fn known() -> Header {
        Header {
            identification: 0x1c46,
            ..Header::new(
                Ipv4Addr::new(172, 16, 10, 99),
                Ipv4Addr::new(172, 16, 10, 12),
                Protocol::TCP,
            )
        }
    }

    #[test]
    fn known_bytes_both_ways() {
        let mut bytes = Vec::new();
        known().emit(40, &mut bytes).unwrap();
        assert_eq!(bytes, KNOWN);
        bytes.resize(20 + 40 + 6, 0xee);
        let (header, payload) = Header::parse(&bytes, Verify::Full).unwrap();
        assert_eq!(header, known());
        assert_eq!(payload.len(), 40, "padding is not payload");
    }

    #[test]
    fn each_broken_rule_is_named() {
        let broken = |at: usize, value: u8| {
            let mut bytes = [&KNOWN[..], &[0; 40]].concat();
            bytes[at] = value;
            Header::parse(&bytes, Verify::Full).unwrap_err()
        };
        assert_eq!(broken(0, 0x65).problem, Problem::Version(6));
        assert_eq!(broken(0, 0x44).problem, Problem::HeaderLength(16));
        assert_eq!(broken(3, 19).problem, Problem::LengthField(19));
        assert_eq!(broken(3, 61).problem, Problem::Truncated { needed: 61, available: 60 });
        assert_eq!(broken(10, 0).problem, Problem::Checksum(0x00e6));
        let text = broken(10, 0).to_string();
        assert_eq!(text, "IPv4: checksum 0x00e6 does not verify, at byte 10 (RFC 1122 §3.2.1.2)");
    }

    #[test]
    fn routers_mend_the_checksum() {
        let mut bytes = [&KNOWN[..], &[0; 40]].concat();
        for left in (1..64).rev() {
            assert_eq!(decrement_ttl(&mut bytes), Some(left));
            let (header, _) = Header::parse(&bytes, Verify::Full).unwrap();
            assert_eq!(header.ttl, left);
        }
        assert_eq!(decrement_ttl(&mut bytes), None);
        assert!(!mark_congestion(&mut bytes), "this sender does not speak ECN");

        let mut bytes = Vec::new();
        Header { ecn: Ecn::Ect0, ..known() }.emit(0, &mut bytes).unwrap();
        assert!(mark_congestion(&mut bytes));
        assert_eq!(Header::parse(&bytes, Verify::Full).unwrap().0.ecn, Ecn::Ce);
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut bytes = Vec::new();
        let error = known().emit(65_516, &mut bytes).unwrap_err();
        assert_eq!(
            error,
            EmitError::TooLong { layer: Layer::Ipv4, length: 65_536, limit: MAX_PACKET }
        );
        assert!(bytes.is_empty());
    }
}
