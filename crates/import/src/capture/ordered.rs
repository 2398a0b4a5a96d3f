//! Bytes whose offsets say where they belong, put in order: those of a handshake (`CRYPTO` frames) and those of streams
//! (RFC 9000 §2.2, §7.5).

use std::collections::BTreeMap;

/// Bytes of a stream (RFC 9000 §19.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamBytes<'a> {
    pub(crate) stream: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: &'a [u8],
    /// Whether the stream ends behind them.
    pub(crate) ends: bool,
}

/// One direction of one level of encryption, or of one stream.
#[derive(Debug)]
pub(crate) struct Ordered {
    next: u64,
    held: BTreeMap<u64, Vec<u8>>,
    held_bytes: usize,
    /// How many bytes are held that came before others, at most.
    most: usize,
}

impl Ordered {
    /// From offset 0; holds so many bytes behind a gap, at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { next: 0, held: BTreeMap::new(), held_bytes: 0, most }
    }

    /// Where the bytes that are in order end.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes a frame's bytes; `each` gets those that are in order now.
    pub(crate) fn take(&mut self, offset: u64, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        if offset > self.next {
            return self.hold(offset, bytes);
        }
        self.pass(offset, bytes, &mut each);
        while let Some(first) = self.held.first_entry().filter(|first| *first.key() <= self.next) {
            let (offset, bytes) = first.remove_entry();
            self.held_bytes -= bytes.len();
            self.pass(offset, &bytes, &mut each);
        }
    }

    /// Hands out what of some bytes, which begin at `next` or before it, is new.
    fn pass(&mut self, offset: u64, bytes: &[u8], each: &mut impl FnMut(&[u8])) {
        let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
        let fresh = bytes.get(known..).unwrap_or_default();
        if !fresh.is_empty() {
            self.next = self.next.saturating_add(fresh.len() as u64);
            each(fresh);
        }
    }

    fn hold(&mut self, offset: u64, bytes: &[u8]) {
        let known = self.held.get(&offset).map_or(0, Vec::len);
        if bytes.len() > known && self.held_bytes - known + bytes.len() <= self.most {
            self.held_bytes = self.held_bytes - known + bytes.len();
            self.held.insert(offset, bytes.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(ordered: &mut Ordered, offset: u64, bytes: &[u8]) -> Vec<u8> {
        let mut ready = Vec::new();
        ordered.take(offset, bytes, |bytes| ready.extend_from_slice(bytes));
        ready
    }

    #[test]
    fn bytes_come_in_order_whatever_the_order_of_frames() {
        let mut ordered = Ordered::new(100);
        assert_eq!(take(&mut ordered, 4, b"efgh"), b"");
        assert_eq!(take(&mut ordered, 2, b"cd"), b"");
        assert_eq!(take(&mut ordered, 0, b"abc"), b"abcdefgh");
        assert_eq!(take(&mut ordered, 0, b"abc"), b"");
        assert_eq!(take(&mut ordered, 6, b"ghij"), b"ij");
        assert_eq!((ordered.next(), ordered.held_bytes), (10, 0));
    }

    #[test]
    fn what_is_held_has_a_limit() {
        let mut ordered = Ordered::new(10);
        assert_eq!(take(&mut ordered, u64::MAX, b"x"), b"");
        assert_eq!(take(&mut ordered, 5, b"123456"), b"");
        assert_eq!(take(&mut ordered, 5, b"12345678"), b"", "longer than the one before");
        assert_eq!(take(&mut ordered, 20, b"ab"), b"", "one too many");
        assert_eq!(ordered.held_bytes, 9);
        assert_eq!(take(&mut ordered, 0, b"....."), b".....12345678");
        assert_eq!(ordered.held_bytes, 1);
    }
}
