//! Reads blocks of fields (RFC 7541) as far as it takes to know whether they can be decoded at all.
//! `h2` tells an error of the code of fields as one of HTTP/2, and RFC 9113 §4.3 has a code of its own
//! for it; nor does it tell of pseudo-header fields in trailers.

use std::collections::VecDeque;

use crate::huffman;

/// The size of the dynamic table that both ends begin with (RFC 9113 §6.5.2), and the most that we
/// allow: we never ask for another.
const TABLE_SIZE: u32 = 4096;
/// What an entry of the table counts beside its octets (RFC 7541 §4.1).
const ENTRY: u32 = 32;
/// The lengths of the names in the static table (RFC 7541 appendix A), from index 1.
const STATIC_NAMES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14,
    16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10,
    25, 17, 10, 4, 3, 16,
];
/// The first so many of these are pseudo-header fields.
const STATIC_PSEUDO: usize = 14;

/// A block that cannot be decoded, nor anything that comes after it on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompressionError;

/// What is known of a field's name.
#[derive(Clone, Copy, Debug)]
struct Name {
    length: u32,
    pseudo: bool,
}

/// An entry of the dynamic table.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    size: u32,
}

/// What both ends have in common of the fields before.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The latest entry first.
    entries: VecDeque<Entry>,
    size: u32,
    most: u32,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { entries: VecDeque::new(), size: 0, most: TABLE_SIZE }
    }

    /// Reads a whole block; answers whether there is a pseudo-header field in it.
    pub(crate) fn decode(&mut self, block: &[u8]) -> Result<bool, CompressionError> {
        let mut rest = block;
        let (mut pseudo, mut begun) = (false, false);
        while let Some(&first) = rest.first() {
            let name = match first {
                0x80.. => {
                    let index = integer(&mut rest, 7)?;
                    Some(self.name(index)?)
                }
                0x40..=0x7f => Some(self.literal(&mut rest, 6)?),
                // A size of the table may stand only before all fields (RFC 7541 §4.2).
                0x20..=0x3f if begun => return Err(CompressionError),
                0x20..=0x3f => {
                    self.resize(integer(&mut rest, 5)?)?;
                    None
                }
                0x00..=0x1f => Some(self.literal(&mut rest, 4)?),
            };
            begun |= name.is_some();
            pseudo |= name.is_some_and(|name| name.pseudo);
        }
        Ok(pseudo)
    }

    /// A literal, whose index has so many bits; only those of 6 are kept.
    fn literal(&mut self, rest: &mut &[u8], bits: u8) -> Result<Name, CompressionError> {
        let name = match integer(rest, bits)? {
            0 => {
                let (length, pseudo) = string(rest)?;
                Name { length, pseudo }
            }
            index => self.name(index)?,
        };
        let (length, _) = string(rest)?;
        if bits == 6 {
            let size = name.length.saturating_add(length).saturating_add(ENTRY);
            self.shrink(self.most.saturating_sub(size));
            // One that is larger than the whole table empties it, and is no error (RFC 7541 §4.4).
            if size <= self.most {
                self.size += size;
                self.entries.push_front(Entry { name, size });
            }
        }
        Ok(name)
    }

    fn name(&self, index: u32) -> Result<Name, CompressionError> {
        let index = (index as usize).checked_sub(1).ok_or(CompressionError)?;
        if let Some(&length) = STATIC_NAMES.get(index) {
            return Ok(Name { length: length.into(), pseudo: index < STATIC_PSEUDO });
        }
        let entry = self.entries.get(index - STATIC_NAMES.len());
        entry.map(|entry| entry.name).ok_or(CompressionError)
    }

    fn resize(&mut self, most: u32) -> Result<(), CompressionError> {
        if most > TABLE_SIZE {
            return Err(CompressionError);
        }
        self.most = most;
        self.shrink(most);
        Ok(())
    }

    /// Drops the oldest entries, until the others have this size at most.
    fn shrink(&mut self, most: u32) {
        while self.size > most {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.size -= oldest.size;
        }
    }
}

/// An integer whose first octet has so many bits of it (RFC 7541 §5.1).
fn integer(rest: &mut &[u8], bits: u8) -> Result<u32, CompressionError> {
    let mask = (1_u32 << bits) - 1;
    let mut value = u32::from(next(rest)?) & mask;
    if value < mask {
        return Ok(value);
    }
    // Four octets more make 28 bits: more than any length or index here can be.
    for shift in [0, 7, 14, 21] {
        let octet = u32::from(next(rest)?);
        value += (octet & 0x7f) << shift;
        if octet < 0x80 {
            return Ok(value);
        }
    }
    Err(CompressionError)
}

/// The length of a string, and whether it begins with a colon (RFC 7541 §5.2).
fn string(rest: &mut &[u8]) -> Result<(u32, bool), CompressionError> {
    let huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer(rest, 7)?;
    let (octets, after) = rest.split_at_checked(length as usize).ok_or(CompressionError)?;
    *rest = after;
    if huffman {
        let (mut length, mut colon) = (0, false);
        let decoded = huffman::decode_into(octets, |octet| {
            colon |= length == 0 && octet == b':';
            length += 1;
        });
        decoded.map(|()| (length, colon)).ok_or(CompressionError)
    } else {
        Ok((length, octets.first() == Some(&b':')))
    }
}

fn next(rest: &mut &[u8]) -> Result<u8, CompressionError> {
    let (first, after) = rest.split_first().ok_or(CompressionError)?;
    *rest = after;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: String = hex.split_whitespace().collect();
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Requests and responses of RFC 7541 appendix C, and the size of the table after each.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let mut plain = Decoder::new();
        let mut coded = Decoder::new();
        for (one, other, size) in [
            (
                "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
                57,
            ),
            ("8286 84be 5808 6e6f 2d63 6163 6865", "8286 84be 5886 a8eb 1064 9cbf", 110),
            (
                "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
                "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
                164,
            ),
        ] {
            assert_eq!(plain.decode(&bytes(one)), Ok(true));
            assert_eq!(coded.decode(&bytes(other)), Ok(true));
            assert_eq!((plain.size, coded.size), (size, size));
        }
        // Of the responses, with a table of 256 octets from which entries fall (C.6).
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&[0x3f, 0xe1, 0x01]), Ok(false));
        for (block, size) in [
            (
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 \
                 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                222,
            ),
            ("4883 640e ffc1 c0bf", 222),
        ] {
            assert_eq!(decoder.decode(&bytes(block)), Ok(true));
            assert_eq!(decoder.size, size);
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_an_error() {
        for broken in [
            &[0x80][..],
            &[0xc6],
            &[0x7f, 0x07, 0x00],
            &[0x82, 0x21],
            &[0x3f, 0xe2, 0x1f],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x00, 0x05, b'x'],
            &[0x00, 0x01, b'x', 0x82, 0x1f, 0xff],
            &[0x40],
        ] {
            assert_eq!(Decoder::new().decode(broken), Err(CompressionError), "{broken:x?}");
        }
    }

    #[test]
    fn pseudo_fields_are_seen_in_every_form() {
        // By index, by name of an index, as a literal, and from the dynamic table.
        for block in [&[0x82][..], &[0x04, 0x01, b'/'], b"\x00\x04:own\x011", b"\x40\x04:own\x011"]
        {
            assert_eq!(Decoder::new().decode(block), Ok(true), "{block:x?}");
        }
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(b"\x40\x03own\x011\x40\x04:own\x011"), Ok(true));
        assert_eq!((decoder.decode(&[0xbe]), decoder.decode(&[0xbf])), (Ok(true), Ok(false)));
    }
}
