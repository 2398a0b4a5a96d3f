//! The Huffman code of fields (RFC 7541 §5.2, appendix B), as far as it takes to know whether a string
//! is coded as it must be, and how long it is.

/// How many codes there are of each length, in bits. The code is canonical: codes of one length follow
/// each other, and the first of a length follows the last of the length before. So this is all of it
/// but for what the codes stand for.
const CODES: [(u8, u32); 21] = [
    (5, 10),
    (6, 26),
    (7, 32),
    (8, 6),
    (10, 5),
    (11, 3),
    (12, 2),
    (13, 6),
    (14, 2),
    (15, 3),
    (19, 3),
    (20, 8),
    (21, 13),
    (22, 26),
    (23, 29),
    (24, 12),
    (25, 4),
    (26, 15),
    (27, 19),
    (28, 29),
    (30, 4),
];

/// The code that stands for the end of a string, and that may not be in one: 30 ones.
const END: u32 = (1 << 30) - 1;
/// The code of a colon, and its length.
const COLON: (u32, u8) = (0x5c, 7);

/// A string that was coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Its length in octets.
    pub(crate) length: u32,
    /// It begins with a colon.
    pub(crate) colon: bool,
}

/// Reads a string; `None` where it is not coded as it must be.
pub(crate) fn decode(coded: &[u8]) -> Option<Decoded> {
    let mut decoded = Decoded::default();
    let (mut code, mut bits) = (0_u32, 0_u8);
    for byte in coded {
        for at in (0..8).rev() {
            code = code << 1 | u32::from(byte >> at & 1);
            bits += 1;
            if is_whole(code, bits) {
                if code == END && bits == 30 {
                    return None;
                }
                decoded.colon |= decoded.length == 0 && (code, bits) == COLON;
                decoded.length += 1;
                (code, bits) = (0, 0);
            }
        }
    }
    // What is left over is padding: fewer than 8 bits, all of them ones.
    (bits < 8 && code == (1 << bits) - 1).then_some(decoded)
}

/// Whether these bits are a code, given that no shorter part of them is one.
fn is_whole(code: u32, bits: u8) -> bool {
    let (mut first, mut length) = (0_u32, 0_u8);
    for (of, count) in CODES {
        first <<= of - length;
        if of == bits {
            return code < first + count;
        }
        if of > bits {
            return false;
        }
        first += count;
        length = of;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_the_rfc_are_read() {
        // RFC 7541 C.4.1, C.4.3, C.6.1: `www.example.com`, `custom-value`, `private`.
        for (coded, length) in [
            (&[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..], 15),
            (&[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf], 12),
            (&[0xae, 0xc3, 0x77, 0x1a, 0x4b], 7),
            (&[], 0),
        ] {
            assert_eq!(decode(coded), Some(Decoded { length, colon: false }));
        }
        // A colon, which is 1011100, and the padding 1; and one that is not in front.
        assert_eq!(decode(&[0xb9]), Some(Decoded { length: 1, colon: true }));
        assert_eq!(decode(&[0x1d, 0xcf]), Some(Decoded { length: 2, colon: false }));
    }

    #[test]
    fn strings_that_are_not_well_coded_are_refused() {
        // Padding of 8 bits, padding with a zero in it, the end.
        assert_eq!(decode(&[0x1f, 0xff]), None);
        assert_eq!(decode(&[0x18]), None);
        assert_eq!(decode(&[0xff; 4]), None);
        // A code that is not there to its end.
        assert_eq!(decode(&[0xff, 0xc0]), None);
    }

    #[test]
    fn the_code_is_complete() {
        // Kraft's sum is 1: whatever the bits are, they are a code at some length.
        let sum: u64 = CODES.iter().map(|(bits, count)| u64::from(*count) << (30 - bits)).sum();
        assert_eq!(sum, 1 << 30);
        assert_eq!(CODES.iter().map(|(_, count)| count).sum::<u32>(), 257);
    }
}
