//! HPACK (RFC 7541): the fields of HTTP/2, with their values. It reads also from the middle of a
//! connection, whose dynamic table nobody has: what refers to that is said to be unknown.

use std::collections::VecDeque;

use roundtrip_http::huffman::decode;

use super::section::{Line, text};

/// The static table (RFC 7541 appendix A), from index 1.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The size of the dynamic table that both ends begin with (RFC 9113 §6.5.2), in octets.
const TABLE_SIZE: usize = 4096;
/// The largest table that is kept, whatever an end asks for.
const LARGEST_TABLE: usize = 1 << 20;
/// What an entry counts beside its octets (RFC 7541 §4.1).
const OVERHEAD: usize = 32;

/// The most that the fields of one block may come to, counted as entries of the table are. A few
/// bytes that refer to a large entry again and again would fill the memory.
const LARGEST_BLOCK: usize = 1 << 20;

/// A block that cannot be decoded, or grows beyond [`LARGEST_BLOCK`]; nor can anything after it on
/// the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecodable;

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The latest entry first.
    entries: VecDeque<Line>,
    size: usize,
    most: usize,
    /// Whether the connection is followed from its begin.
    whole: bool,
    /// Fields that referred to an entry that was not seen.
    pub(crate) unknown: u64,
}

impl Decoder {
    /// A decoder; `whole` says that it will see the connection from its begin.
    pub(crate) fn new(whole: bool) -> Self {
        Self { entries: VecDeque::new(), size: 0, most: TABLE_SIZE, whole, unknown: 0 }
    }

    /// Decodes a block of fields.
    pub(crate) fn decode(&mut self, block: &[u8]) -> Result<Vec<Line>, Undecodable> {
        let mut lines = Vec::new();
        let mut total = 0;
        let mut rest = block;
        while let Some(&first) = rest.first() {
            if first & 0xe0 == 0x20 {
                let most = integer(&mut rest, 5)?;
                self.most = most.min(LARGEST_TABLE);
                self.evict(0);
                continue;
            }
            let line = self.line(first, &mut rest)?;
            total += size(&line);
            if total > LARGEST_BLOCK {
                return Err(Undecodable);
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// A field, as its first octet says how it is written (RFC 7541 §6.1, §6.2).
    fn line(&mut self, first: u8, rest: &mut &[u8]) -> Result<Line, Undecodable> {
        if first & 0x80 != 0 {
            let index = integer(rest, 7)?;
            return self.entry(index);
        }
        let kept = first & 0x40 != 0;
        let index = integer(rest, if kept { 6 } else { 4 })?;
        let name = match index {
            0 => string(rest)?,
            _ => self.entry(index)?.0,
        };
        let line = (name, string(rest)?);
        if kept {
            self.insert(line.clone());
        }
        Ok(line)
    }

    fn entry(&mut self, index: usize) -> Result<Line, Undecodable> {
        if let Some((name, value)) = index.checked_sub(1).and_then(|at| STATIC.get(at)) {
            return Ok(((*name).to_owned(), (*value).to_owned()));
        }
        match self.entries.get(index.wrapping_sub(STATIC.len() + 1)) {
            Some(line) => Ok(line.clone()),
            None if !self.whole && index > 0 => {
                self.unknown += 1;
                Ok(("unknown".into(), String::new()))
            }
            None => Err(Undecodable),
        }
    }

    fn insert(&mut self, line: Line) {
        let size = size(&line);
        self.evict(size);
        if size <= self.most {
            self.size += size;
            self.entries.push_front(line);
        }
    }

    /// Makes room for an entry of this size.
    fn evict(&mut self, room: usize) {
        while self.size + room > self.most
            && let Some(line) = self.entries.pop_back()
        {
            self.size -= size(&line);
        }
    }
}

/// The size of an entry of the table, in octets (RFC 7541 §4.1).
fn size((name, value): &Line) -> usize {
    name.len() + value.len() + OVERHEAD
}

/// An integer with a prefix of so many bits (RFC 7541 §5.1).
fn integer(rest: &mut &[u8], prefix: u32) -> Result<usize, Undecodable> {
    let (&first, mut after) = rest.split_first().ok_or(Undecodable)?;
    let most = (1usize << prefix) - 1;
    let mut number = usize::from(first) & most;
    if number == most {
        for shift in (0..28).step_by(7) {
            let (&next, others) = after.split_first().ok_or(Undecodable)?;
            after = others;
            number += usize::from(next & 0x7f) << shift;
            if next & 0x80 == 0 {
                *rest = after;
                return Ok(number);
            }
        }
        return Err(Undecodable);
    }
    *rest = after;
    Ok(number)
}

/// A string (RFC 7541 §5.2).
fn string(rest: &mut &[u8]) -> Result<String, Undecodable> {
    let huffman = rest.first().ok_or(Undecodable)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (coded, after) = rest.split_at_checked(length).ok_or(Undecodable)?;
    *rest = after;
    let bytes = if huffman { decode(coded).ok_or(Undecodable)? } else { coded.to_vec() };
    Ok(text(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let byte =
            |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn the_requests_of_rfc_7541_c_4_are_read() {
        let mut decoder = Decoder::new(true);
        let first = decoder.decode(&bytes("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")).unwrap();
        let all: Vec<_> = first.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            all,
            [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]
        );
        let second = decoder.decode(&bytes("8286 84be 5886 a8eb 1064 9cbf")).unwrap();
        assert_eq!(second[3].1, "www.example.com");
        assert_eq!(second[4], ("cache-control".into(), "no-cache".into()));
        let third = bytes("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf");
        let third = decoder.decode(&third).unwrap();
        assert_eq!(third[4], ("custom-key".into(), "custom-value".into()));
    }

    #[test]
    fn a_block_that_repeats_a_large_entry_has_a_limit() {
        let mut decoder = Decoder::new(true);
        // An entry with a name of one octet and a value of 4000.
        let entry = [&[0x40, 1, b'a', 0x7f, 0xa1, 0x1e][..], &[b'v'; 4000]].concat();
        assert_eq!(decoder.decode(&entry).unwrap()[0].1.len(), 4000);
        let fits = LARGEST_BLOCK / (4001 + OVERHEAD);
        assert_eq!(decoder.decode(&vec![0xbe; fits]).unwrap().len(), fits);
        assert_eq!(decoder.decode(&vec![0xbe; fits + 1]), Err(Undecodable));
        // From the middle, what is unknown counts as well.
        assert_eq!(Decoder::new(false).decode(&vec![0xbe; 40_000]), Err(Undecodable));
    }

    #[test]
    fn from_the_middle_the_unknown_is_said() {
        assert_eq!(Decoder::new(true).decode(&[0xbe]), Err(Undecodable));
        let mut decoder = Decoder::new(false);
        assert_eq!(decoder.decode(&[0xbe, 0x82]).unwrap()[1].1, "GET");
        assert_eq!(decoder.unknown, 1);
        for wrong in [
            &[0x80][..],
            &[0x40],
            &[0x41, 0x85, 1],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0, 0x81, 0],
        ] {
            assert_eq!(decoder.decode(wrong), Err(Undecodable), "{wrong:?}");
        }
    }
}
