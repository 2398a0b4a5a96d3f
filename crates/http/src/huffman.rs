//! The Huffman code of fields (RFC 7541 §5.2, appendix B).

/// How many codes there are of each length, in bits. The code is canonical: codes of one length follow
/// each other, and the first of a length follows the last of the length before. So this and
/// [`SYMBOLS`] are all of it.
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

/// The octets that the codes stand for, in the order of the codes; after them comes the end of a string.
const SYMBOLS: [u8; 256] = [
    48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46, 47, 51, 52, 53, 54, 55, 56, 57,
    61, 65, 95, 98, 100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58, 66, 67, 68, 69, 70, 71,
    72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 106, 107, 113, 118, 119,
    120, 121, 122, 38, 42, 44, 59, 88, 90, 33, 34, 40, 41, 63, 39, 43, 124, 35, 62, 0, 36, 64, 91,
    93, 126, 94, 125, 60, 96, 123, 92, 195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161,
    167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156,
    160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233, 1,
    135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174,
    175, 180, 182, 183, 188, 191, 197, 231, 239, 9, 142, 144, 145, 148, 159, 171, 206, 215, 225,
    236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242,
    243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252,
    253, 254, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 127, 220, 249, 10, 13, 22,
];

/// The code of each octet, and its length in bits.
const OCTETS: [(u32, u8); 256] = {
    let mut octets = [(0, 0); 256];
    let (mut at, mut code, mut length, mut next) = (0, 0_u32, 0, 0);
    while at < CODES.len() {
        let (bits, count) = CODES[at];
        code <<= bits - length;
        length = bits;
        let mut of = 0;
        // The last code is that of the end.
        while of < count && next < SYMBOLS.len() {
            octets[SYMBOLS[next] as usize] = (code, bits);
            code += 1;
            next += 1;
            of += 1;
        }
        at += 1;
    }
    octets
};

/// Bytes that a string has when it is coded.
pub(crate) fn coded_length(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|octet| usize::from(OCTETS[usize::from(*octet)].1)).sum();
    bits.div_ceil(8)
}

/// Codes a string.
pub(crate) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let (mut pending, mut count) = (0_u64, 0_u8);
    for octet in text {
        let (code, bits) = OCTETS[usize::from(*octet)];
        pending = pending << bits | u64::from(code);
        count += bits;
        while count >= 8 {
            count -= 8;
            out.push((pending >> count) as u8);
        }
    }
    if count > 0 {
        // The rest of the last octet is ones, as the end of a string begins.
        out.push((pending << (8 - count)) as u8 | (0xff >> count));
    }
}

/// Decodes a string; `None` where it is not coded as it must be.
pub fn decode(coded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(coded.len() * 2);
    decode_into(coded, |octet| decoded.push(octet))?;
    Some(decoded)
}

/// Decodes a string octet by octet; `None` where it is not coded as it must be.
pub(crate) fn decode_into(coded: &[u8], mut octet: impl FnMut(u8)) -> Option<()> {
    let (mut code, mut bits) = (0_u32, 0_u8);
    for byte in coded {
        for at in (0..8).rev() {
            code = code << 1 | u32::from(byte >> at & 1);
            bits += 1;
            if let Some(index) = index(code, bits) {
                if code == END && bits == 30 {
                    return None;
                }
                octet(*SYMBOLS.get(index as usize)?);
                (code, bits) = (0, 0);
            }
        }
    }
    // What is left over is padding: fewer than 8 bits, all of them ones.
    (bits < 8 && code == (1 << bits) - 1).then_some(())
}

/// Which of all codes these bits are, given that no shorter part of them is one.
fn index(code: u32, bits: u8) -> Option<u32> {
    let (mut first, mut length, mut before) = (0_u32, 0_u8, 0_u32);
    for (of, count) in CODES {
        first <<= of - length;
        if of == bits {
            return (code < first + count).then(|| before + code - first);
        }
        if of > bits {
            return None;
        }
        first += count;
        before += count;
        length = of;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_the_rfc_are_read() {
        // RFC 7541 C.4.1, C.4.3, C.6.1: `www.example.com`, `custom-value`, `private`.
        for (coded, text) in [
            (
                &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..],
                "www.example.com",
            ),
            (&[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf], "custom-value"),
            (&[0xae, 0xc3, 0x77, 0x1a, 0x4b], "private"),
            (&[], ""),
            // A colon is 1011100, here with the padding 1.
            (&[0xb9], ":"),
        ] {
            assert_eq!(decode(coded).as_deref(), Some(text.as_bytes()));
            let mut again = Vec::new();
            encode(text.as_bytes(), &mut again);
            assert_eq!((again.as_slice(), coded_length(text.as_bytes())), (coded, coded.len()));
        }
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
    fn every_octet_comes_back() {
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        let mut coded = Vec::new();
        encode(&all, &mut coded);
        assert_eq!((decode(&coded), coded_length(&all)), (Some(all.clone()), coded.len()));
    }

    #[test]
    fn the_code_is_complete() {
        // Kraft's sum is 1: whatever the bits are, they are a code at some length.
        let sum: u64 = CODES.iter().map(|(bits, count)| u64::from(*count) << (30 - bits)).sum();
        assert_eq!(sum, 1 << 30);
        assert_eq!(CODES.iter().map(|(_, count)| count).sum::<u32>(), 257);
        let mut symbols = SYMBOLS;
        symbols.sort_unstable();
        assert!(symbols.iter().enumerate().all(|(at, symbol)| at == usize::from(*symbol)));
    }
}
