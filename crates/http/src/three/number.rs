//! Numbers of 1, 2, 4 or 8 bytes (RFC 9000 §16).

/// The largest there is.
pub(crate) const MOST: u64 = (1 << 62) - 1;

/// The number at the beginning of `bytes`, and how many of them it has; `None` where they end before it
/// does.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = 1 << (first >> 6);
    let rest = bytes.get(1..length)?;
    let number =
        rest.iter().fold(u64::from(first & 0x3f), |so_far, byte| so_far << 8 | u64::from(*byte));
    Some((number, length))
}

/// Appends a number, which is [`MOST`] at most, in as few bytes as it takes.
pub(crate) fn encode(number: u64, out: &mut Vec<u8>) {
    let bytes = number.min(MOST).to_be_bytes();
    let (length, mark) = match number {
        0..=0x3f => (1, 0x00),
        0x40..=0x3fff => (2, 0x40),
        0x4000..=0x3fff_ffff => (4, 0x80),
        _ => (8, 0xc0),
    };
    let at = out.len();
    out.extend_from_slice(&bytes[8 - length..]);
    out[at] |= mark;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read_and_written() {
        // RFC 9000 appendix A.1.
        for (bytes, number) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            assert_eq!(decode(bytes), Some((number, bytes.len())));
            assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
            let mut out = Vec::new();
            encode(number, &mut out);
            assert_eq!(out, bytes);
        }
        assert_eq!(decode(&[0x40, 0x25]), Some((37, 2)), "longer than it has to be");
    }

    #[test]
    fn numbers_at_the_edges_come_back() {
        for number in [0, 0x3f, 0x40, 0x3fff, 0x4000, 0x3fff_ffff, 0x4000_0000, MOST] {
            let mut out = Vec::new();
            encode(number, &mut out);
            assert_eq!(decode(&out), Some((number, out.len())));
        }
    }
}
