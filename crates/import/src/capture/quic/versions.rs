//! The versions of QUIC that are read, and what differs between them: the salt of the first keys, the labels of keys, and
//! the numbers of the types of packets.

/// A version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// As on the wire.
    pub(crate) number: u32,
    /// What the keys of Initial packets begin with (RFC 9001 §5.2).
    pub(crate) salt: &'static [u8; 20],
    /// What the labels of keys begin with.
    pub(crate) label: &'static str,
    /// The two bits that say Initial; the other types follow in the order of version 1.
    pub(crate) initial: u8,
}

const V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
/// RFC 9369 §3.3.1.
const V2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];
/// draft-ietf-quic-tls-29 §5.2.
const DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];
/// draft-ietf-quic-tls-23 §5.2.
const DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
];

/// The version with this number, if it is read.
pub(crate) fn known(number: u32) -> Option<Version> {
    let (salt, label, initial) = match number {
        1 | 0xff00_0021 | 0xff00_0022 => (&V1, "quic", 0),
        0x6b33_43cf => (&V2, "quicv2", 1),
        0xff00_001d..=0xff00_0020 => (&DRAFT_29, "quic", 0),
        0xff00_0017..=0xff00_001c => (&DRAFT_23, "quic", 0),
        _ => return None,
    };
    Some(Version { number, salt, label, initial })
}

/// Whether a number is that of some version, known or not: by its form alone many datagrams of other protocols
/// could be QUIC.
pub(crate) fn is_plausible(number: u32) -> bool {
    match number.to_be_bytes() {
        // Google's, Facebook's, drafts, and those that nobody speaks on purpose (RFC 9000 §15).
        [b'Q' | b'T', b'0', ..] | [0xfa, 0xce, 0xb0, _] | [0xff, 0, 0, _] => true,
        _ => number & 0x0f0f_0f0f == 0x0a0a_0a0a,
    }
}

/// The name of a version, as people write it.
pub(crate) fn name(number: u32) -> String {
    match number.to_be_bytes() {
        [0, 0, 0, 1] => "v1".into(),
        [0x6b, 0x33, 0x43, 0xcf] => "v2".into(),
        [0xff, 0, 0, draft] => format!("draft-{draft}"),
        [b'Q' | b'T', b'0', a, b] if a.is_ascii_digit() && b.is_ascii_digit() => {
            format!("gQUIC {}", String::from_utf8_lossy(&number.to_be_bytes()))
        }
        _ => format!("0x{number:08x}"),
    }
}
