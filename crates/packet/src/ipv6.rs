//! Internet Protocol version 6 and its extension headers (RFC 8200).

use std::net::Ipv6Addr;

use crate::ecn::Ecn;
use crate::error::{EmitError, Layer, ParseError, Problem};
use crate::fragment::Fragment;
use crate::protocol::Protocol;
use crate::verify::Verify;

/// The length of the fixed header, bytes.
pub const HEADER_LEN: usize = 40;
/// The length of a fragment header, bytes.
pub const FRAGMENT_HEADER_LEN: usize = 8;
/// The length of the largest payload, extension headers included, bytes.
pub const MAX_PAYLOAD: usize = 65_535;
/// The least MTU of a link, bytes (RFC 8200 §5).
pub const MIN_MTU: usize = 1280;

/// The most extension headers that are accepted: walking them is work that the sender chooses (RFC
/// 8504 §5.3 lets a host set such a limit).
const MAX_EXTENSIONS: usize = 8;

/// The fixed IPv6 header. Payload Length is not a field: it follows from the packet when it is
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The differentiated services code point, 0..=63 (RFC 2474).
    pub dscp: u8,
    /// The ECN field (RFC 3168).
    pub ecn: Ecn,
    /// The flow label among those of this source, 20 bits (RFC 6437).
    pub flow_label: u32,
    /// The next header: an extension header, or the upper protocol.
    pub next_header: Protocol,
    /// The hop limit: the number of hops the packet may still take.
    pub hop_limit: u8,
    /// The source address.
    pub source: Ipv6Addr,
    /// The destination address.
    pub destination: Ipv6Addr,
}

impl Header {
    /// A header with hop limit 64 and no flow label.
    pub const fn new(source: Ipv6Addr, destination: Ipv6Addr, next_header: Protocol) -> Header {
        Header {
            dscp: 0,
            ecn: Ecn::NotEct,
            flow_label: 0,
            next_header,
            hop_limit: 64,
            source,
            destination,
        }
    }

    /// Parses the fixed header and gives the bytes after it, trimmed to Payload Length.
    ///
    /// # Errors
    /// The bytes are too few, or the version is wrong.
    #[inline(always)]
    pub fn parse(packet: &[u8], verify: Verify) -> Result<(Header, &[u8]), ParseError> {
        let Some(fixed) = packet.first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::truncated(Layer::Ipv6, HEADER_LEN, packet.len()));
        };
        if fixed[0] >> 4 != 6 {
            return Err(ParseError::new(Layer::Ipv6, Problem::Version(fixed[0] >> 4), 0));
        }
        let address =
            |at: usize| Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|i| fixed[at + i]));
        let first = u32::from_be_bytes([fixed[0], fixed[1], fixed[2], fixed[3]]);
        let traffic_class = (first >> 20) as u8;
        let total = HEADER_LEN + usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
        let end = verify.extent(Layer::Ipv6, total, packet.len())?;
        let header = Header {
            dscp: traffic_class >> 2,
            ecn: Ecn::from_bits(traffic_class),
            flow_label: first & 0x000f_ffff,
            next_header: Protocol(fixed[6]),
            hop_limit: fixed[7],
            source: address(8),
            destination: address(24),
        };
        Ok((header, packet.get(HEADER_LEN..end).unwrap_or(&[])))
    }

    /// Appends the header of a packet with `payload_length` bytes after it, extension headers
    /// included.
    ///
    /// # Errors
    /// The payload would be longer than [`MAX_PAYLOAD`].
    #[inline]
    pub fn emit(&self, payload_length: usize, out: &mut Vec<u8>) -> Result<(), EmitError> {
        self.emit_for(self.next_header, payload_length, out)
    }

    /// Appends the header with another next header.
    #[inline]
    pub(crate) fn emit_for(
        &self,
        next_header: Protocol,
        payload_length: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EmitError> {
        let Ok(length) = u16::try_from(payload_length) else {
            let (length, limit) = (payload_length, MAX_PAYLOAD);
            return Err(EmitError::TooLong { layer: Layer::Ipv6, length, limit });
        };
        let traffic_class = u32::from(self.dscp << 2 | self.ecn as u8);
        let first = 6 << 28 | traffic_class << 20 | self.flow_label & 0x000f_ffff;
        let mut fixed = [0; HEADER_LEN];
        fixed[0..4].copy_from_slice(&first.to_be_bytes());
        fixed[4..6].copy_from_slice(&length.to_be_bytes());
        fixed[6] = next_header.0;
        fixed[7] = self.hop_limit;
        fixed[8..24].copy_from_slice(&self.source.octets());
        fixed[24..40].copy_from_slice(&self.destination.octets());
        out.extend_from_slice(&fixed);
        Ok(())
    }
}

/// Decrements the hop limit of the packet in place, as a router does; answers the new one. `None`,
/// and nothing changed, if this was the last hop or the bytes are too few.
#[inline]
pub fn decrement_hop_limit(packet: &mut [u8]) -> Option<u8> {
    let fixed = packet.first_chunk_mut::<HEADER_LEN>()?;
    let left = fixed[7].checked_sub(1).filter(|left| *left > 0)?;
    fixed[7] = left;
    Some(left)
}

/// Marks the packet in place as Congestion Experienced (RFC 3168 §5). False, and nothing changed,
/// if its sender does not support ECN.
#[inline]
pub fn mark_congestion(packet: &mut [u8]) -> bool {
    let Some(fixed) = packet.first_chunk_mut::<HEADER_LEN>() else { return false };
    let capable = Ecn::from_bits(fixed[1] >> 4).is_capable();
    if capable {
        fixed[1] |= (Ecn::Ce as u8) << 4;
    }
    capable
}

/// The solicited-node group of an address: `FF02::1:FF` and its low 24 bits (RFC 4291 §2.7.1).
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., f, g] = address.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | f & 0xff, g)
}

/// What follows the extension headers of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upper<'a> {
    /// The upper protocol and its bytes, at `offset` bytes from the start of the packet.
    Whole {
        /// The upper protocol, or [`Protocol::NO_NEXT_HEADER`].
        protocol: Protocol,
        /// The header and payload of the upper protocol.
        payload: &'a [u8],
        /// The length of all IPv6 headers before it, bytes.
        offset: usize,
    },
    /// A fragment header. The bytes after it belong to the reassembled datagram.
    Fragment(Fragment<'a>),
}

/// Walks the extension headers of a payload that begins with `next_header`: hop-by-hop options,
/// routing, destination options, up to a fragment header or the upper protocol (RFC 8200 §4).
///
/// Unknown options are skipped if their type allows it (§4.2). If it does not, and for a routing
/// header with segments left (including type 0, as RFC 5095 wants), the error's offset is the
/// pointer of the Parameter Problem that RFC 8200 asks for.
#[inline]
pub fn walk(next_header: Protocol, payload: &[u8]) -> Result<Upper<'_>, ParseError> {
    if matches!(next_header, Protocol::TCP | Protocol::UDP | Protocol::ICMPV6) {
        return Ok(Upper::Whole { protocol: next_header, payload, offset: HEADER_LEN });
    }
    walk_extensions(next_header, payload)
}

fn walk_extensions(mut next: Protocol, payload: &[u8]) -> Result<Upper<'_>, ParseError> {
    let mut rest = payload;
    let mut offset = HEADER_LEN;
    for place in 0..=MAX_EXTENSIONS {
        match next {
            Protocol::HOP_BY_HOP if place > 0 => {
                return Err(ParseError::new(Layer::Ipv6, Problem::HopByHopPlace, offset));
            }
            Protocol::FRAGMENT => return fragment(rest, offset).map(Upper::Fragment),
            Protocol::HOP_BY_HOP | Protocol::ROUTING | Protocol::DESTINATION_OPTIONS => {
                let (header, after) = extension(rest, offset)?;
                if next == Protocol::ROUTING {
                    check_routing(header, offset)?;
                } else {
                    check_options(header, offset)?;
                }
                next = Protocol(header[0]);
                offset += header.len();
                rest = after;
            }
            protocol => return Ok(Upper::Whole { protocol, payload: rest, offset }),
        }
    }
    Err(ParseError::new(Layer::Ipv6, Problem::TooManyExtensions(MAX_EXTENSIONS), offset))
}

/// Splits off an extension header by its Hdr Ext Len (in units of 8 bytes, not counting the first).
fn extension(rest: &[u8], offset: usize) -> Result<(&[u8], &[u8]), ParseError> {
    let length = rest.get(1).map_or(8, |units| (usize::from(*units) + 1) * 8);
    rest.split_at_checked(length).ok_or_else(|| {
        let problem = Problem::Truncated { needed: length, available: rest.len() };
        ParseError::new(Layer::Ipv6, problem, offset + rest.len())
    })
}

fn check_routing(header: &[u8], offset: usize) -> Result<(), ParseError> {
    match header {
        [_, _, _, 0, ..] => Ok(()),
        [_, _, kind, ..] => {
            Err(ParseError::new(Layer::Ipv6, Problem::RoutingType(*kind), offset + 2))
        }
        _ => Err(ParseError::truncated(Layer::Ipv6, 8, header.len())),
    }
}

fn check_options(header: &[u8], offset: usize) -> Result<(), ParseError> {
    let mut at = 2;
    while let Some(&kind) = header.get(at) {
        // Pad1 is the one option without a length.
        if kind == 0 {
            at += 1;
            continue;
        }
        let length = header.get(at + 1).copied().unwrap_or(0);
        let end = at + 2 + usize::from(length);
        if end > header.len() {
            return Err(ParseError::new(Layer::Ipv6, Problem::OptionLength(length), offset + at));
        }
        // `PadN` and Router Alert (RFC 2711) are known. The two highest bits of the type say what
        // to do with others: 00 skips.
        if !matches!(kind, 1 | 5) && kind >> 6 != 0 {
            let problem = Problem::UnrecognizedOption(kind);
            return Err(ParseError::new(Layer::Ipv6, problem, offset + at));
        }
        at = end;
    }
    Ok(())
}

fn fragment(rest: &[u8], offset: usize) -> Result<Fragment<'_>, ParseError> {
    let Some((header, payload)) = rest.split_first_chunk::<FRAGMENT_HEADER_LEN>() else {
        let problem = Problem::Truncated { needed: FRAGMENT_HEADER_LEN, available: rest.len() };
        return Err(ParseError::new(Layer::Ipv6, problem, offset + rest.len()));
    };
    let [next, _, o0, o1, i0, i1, i2, i3] = *header;
    let field = u16::from_be_bytes([o0, o1]);
    let fragment = Fragment {
        identification: u32::from_be_bytes([i0, i1, i2, i3]),
        offset: usize::from(field & !7),
        more: field & 1 == 1,
        protocol: Protocol(next),
        payload,
    };
    fragment.check(Layer::Ipv6, offset + 2)?;
    Ok(fragment)
}

/// Appends a fragment header with the fields of `fragment`, without its payload. The header before
/// it must name [`Protocol::FRAGMENT`].
pub fn emit_fragment_header(fragment: &Fragment<'_>, out: &mut Vec<u8>) {
    let field = (fragment.offset as u16 & !7) | u16::from(fragment.more);
    out.extend_from_slice(&[fragment.protocol.0, 0]);
    out.extend_from_slice(&field.to_be_bytes());
    out.extend_from_slice(&fragment.identification.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            dscp: 0b10_1010,
            ecn: Ecn::Ect0,
            flow_label: 0xb_cdef,
            hop_limit: 7,
            ..Header::new(
                "2001:db8::1".parse().unwrap(),
                "2001:db8::2".parse().unwrap(),
                Protocol::TCP,
            )
        }
    }

    #[test]
    fn known_bytes_both_ways() {
        let mut bytes = Vec::new();
        header().emit(3, &mut bytes).unwrap();
        assert_eq!(bytes[..8], [0x6a, 0xab, 0xcd, 0xef, 0, 3, 6, 7]);
        assert_eq!(bytes[8..12], [0x20, 0x01, 0x0d, 0xb8]);
        bytes.extend([1, 2, 3, 0xee]);
        assert_eq!(Header::parse(&bytes, Verify::Full), Ok((header(), &[1, 2, 3][..])));
        assert!(mark_congestion(&mut bytes));
        assert_eq!(decrement_hop_limit(&mut bytes), Some(6));
        let marked = Header { ecn: Ecn::Ce, hop_limit: 6, ..header() };
        assert_eq!(Header::parse(&bytes, Verify::Full).unwrap().0, marked);
        assert!(Header::parse(&bytes[..42], Verify::Full).is_err());
    }

    #[test]
    fn the_walk_passes_options_and_stops_at_the_upper_protocol() {
        let payload = [
            60, 0, 1, 4, 0, 0, 0, 0, // hop-by-hop: PadN
            43, 0, 0x1e, 4, 9, 9, 9,
            9, // destination options: an unknown one that may be skipped
            6, 0, 0, 0, 0, 0, 0, 0, // routing header with nothing left
            0xaa, 0xbb,
        ];
        assert_eq!(
            walk(Protocol::HOP_BY_HOP, &payload),
            Ok(Upper::Whole { protocol: Protocol::TCP, payload: &[0xaa, 0xbb], offset: 64 })
        );
    }

    #[test]
    fn errors_point_where_a_parameter_problem_must() {
        let unknown = [6, 0, 0x80, 4, 0, 0, 0, 0];
        let error = walk(Protocol::DESTINATION_OPTIONS, &unknown).unwrap_err();
        assert_eq!((error.problem, error.offset), (Problem::UnrecognizedOption(0x80), 42));
        let routing = [6, 0, 0, 1, 0, 0, 0, 0];
        let error = walk(Protocol::ROUTING, &routing).unwrap_err();
        assert_eq!((error.problem, error.offset), (Problem::RoutingType(0), 42));
        let overlong = [6, 0, 1, 5, 0, 0, 0, 0];
        let error = walk(Protocol::DESTINATION_OPTIONS, &overlong).unwrap_err();
        assert_eq!((error.problem, error.offset), (Problem::OptionLength(5), 42));
        let misplaced = [0, 0, 1, 4, 0, 0, 0, 0];
        let error = walk(Protocol::DESTINATION_OPTIONS, &misplaced).unwrap_err();
        assert_eq!((error.problem, error.offset), (Problem::HopByHopPlace, 48));
        let endless: Vec<u8> = [60, 0, 1, 4, 0, 0, 0, 0].repeat(20);
        let error = walk(Protocol::DESTINATION_OPTIONS, &endless).unwrap_err();
        assert_eq!(error.problem, Problem::TooManyExtensions(8));
    }

    #[test]
    fn fragments_both_ways_and_their_limits() {
        let whole = Fragment {
            identification: 0xdead_beef,
            offset: 1448,
            more: true,
            protocol: Protocol::UDP,
            payload: &[7; 16],
        };
        let mut bytes = Vec::new();
        emit_fragment_header(&whole, &mut bytes);
        assert_eq!(bytes, [17, 0, 0x05, 0xa9, 0xde, 0xad, 0xbe, 0xef]);
        bytes.extend([7; 16]);
        assert_eq!(walk(Protocol::FRAGMENT, &bytes), Ok(Upper::Fragment(whole)));
        assert!(walk(Protocol::FRAGMENT, &bytes[..23]).is_err(), "15 bytes and more to follow");
        bytes[2..4].copy_from_slice(&[0xff, 0xf8]);
        assert!(walk(Protocol::FRAGMENT, &bytes).is_err(), "beyond the largest datagram");
    }

    /// RFC 4291 §2.7.1: `4037::01:800:200E:8C6C` has `FF02::1:FF0E:8C6C`.
    #[test]
    fn solicited_node_group_of_rfc_4291() {
        let group = solicited_node("4037::01:800:200e:8c6c".parse().unwrap());
        assert_eq!(group, "ff02::1:ff0e:8c6c".parse::<Ipv6Addr>().unwrap());
    }
}
