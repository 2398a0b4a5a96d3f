//! Numbers and strings that begin within an octet (RFC 9204 §4.1, RFC 7541 §5).

use crate::huffman;

/// Why something cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It has not come to its end.
    Short,
    /// It is nothing, or larger than anything may be.
    Broken,
}

/// Reads on in octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
}

impl Reader<'_> {
    /// The next octet, which is not taken.
    pub(crate) fn first(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn octet(&mut self) -> Result<u8, Unread> {
        let (first, rest) = self.rest.split_first().ok_or(Unread::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A number whose first octet has so many bits of it (RFC 7541 §5.1); of 62 bits at most.
    pub(crate) fn number(&mut self, bits: u8) -> Result<u64, Unread> {
        let mask = (1_u64 << bits) - 1;
        let mut number = u64::from(self.octet()?) & mask;
        if number < mask {
            return Ok(number);
        }
        for shift in (0..=56).step_by(7) {
            let octet = u64::from(self.octet()?);
            number = number.checked_add((octet & 0x7f) << shift).ok_or(Unread::Broken)?;
            if octet < 0x80 {
                return if number >> 62 == 0 { Ok(number) } else { Err(Unread::Broken) };
            }
        }
        Err(Unread::Broken)
    }

    /// A string whose length has so many bits of the first octet, and which is coded where the bit before
    /// them is set; of `most` octets at most, when it is coded.
    pub(crate) fn string(&mut self, bits: u8, most: usize) -> Result<Vec<u8>, Unread> {
        let coded = self.first().ok_or(Unread::Short)? >> bits & 1 == 1;
        let length = self.number(bits)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= most);
        let length = length.ok_or(Unread::Broken)?;
        let (octets, rest) = self.rest.split_at_checked(length).ok_or(Unread::Short)?;
        self.rest = rest;
        if coded { huffman::decode(octets).ok_or(Unread::Broken) } else { Ok(octets.to_vec()) }
    }
}

/// Appends a number whose first octet has so many bits of it, under `mark`.
pub(crate) fn number(value: u64, bits: u8, mark: u8, out: &mut Vec<u8>) {
    let mask = (1_u64 << bits) - 1;
    if value < mask {
        out.push(mark | value as u8);
        return;
    }
    out.push(mark | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends a string, coded where that is shorter; `mark` stands before the bit that says so.
pub(crate) fn string(text: &[u8], bits: u8, mark: u8, out: &mut Vec<u8>) {
    let coded = huffman::coded_length(text);
    if coded < text.len() {
        number(coded as u64, bits, mark | 1 << bits, out);
        huffman::encode(text, out);
    } else {
        number(text.len() as u64, bits, mark, out);
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_rfc() {
        // RFC 7541 C.1.
        for (value, bits, octets) in
            [(10, 5, &[0x0a][..]), (1337, 5, &[0x1f, 0x9a, 0x0a]), (42, 8, &[0x2a])]
        {
            let mut out = Vec::new();
            number(value, bits, 0, &mut out);
            assert_eq!(out, octets);
            assert_eq!(Reader { rest: octets }.number(bits), Ok(value));
        }
        for value in [0, 30, 31, 32, 127, 128, 1 << 32, (1 << 62) - 1] {
            let mut out = Vec::new();
            number(value, 5, 0xe0, &mut out);
            assert_eq!(Reader { rest: &out }.number(5), Ok(value));
            out.pop();
            assert_eq!(Reader { rest: &out }.number(5), Err(Unread::Short));
        }
        for broken in [
            &[0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0][..],
            &[0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert_eq!(Reader { rest: broken }.number(5), Err(Unread::Broken));
        }
    }

    #[test]
    fn strings_come_back() {
        for text in ["", "a", "www.example.com", "\u{7f}\u{1}", "no-cache"] {
            let mut out = Vec::new();
            string(text.as_bytes(), 7, 0, &mut out);
            assert_eq!(Reader { rest: &out }.string(7, 100), Ok(text.as_bytes().to_vec()));
        }
        assert_eq!(Reader { rest: &[0x05, b'a'] }.string(7, 100), Err(Unread::Short));
        assert_eq!(Reader { rest: &[0x05, b'a'] }.string(7, 4), Err(Unread::Broken));
        assert_eq!(Reader { rest: &[0x82, 0x1f, 0xff] }.string(7, 4), Err(Unread::Broken));
    }
}
