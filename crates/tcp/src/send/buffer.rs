//! The send buffer: bytes from the first unacknowledged one on.

use std::collections::VecDeque;

use bytes::Bytes;

/// The least size of every piece but the last, bytes, so that any run of as many bytes lies in at
/// most two pieces.
const PIECE: usize = 64 * 1024;

/// What the application wrote and the peer has not acknowledged. Small writes are gathered in
/// pieces of 64 KiB; large [`Bytes`] are kept as they are. An empty buffer takes no memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendBuffer(Option<Box<Pieces>>);

#[derive(Clone, Debug, Default)]
struct Pieces {
    run: VecDeque<Piece>,
    /// Bytes at the front of the first piece that have been acknowledged.
    head: usize,
    /// Bytes that have not been acknowledged.
    len: usize,
    /// The piece where the last search ended, and the offset at which it begins.
    cursor: (usize, usize),
}

#[derive(Clone, Debug)]
enum Piece {
    Gathered(Vec<u8>),
    Shared(Bytes),
}

impl Piece {
    fn as_slice(&self) -> &[u8] {
        match self {
            Piece::Gathered(bytes) => bytes,
            Piece::Shared(bytes) => bytes,
        }
    }

    fn len(&self) -> usize {
        self.as_slice().len()
    }
}

impl SendBuffer {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |pieces| pieces.len)
    }

    /// Appends a copy of the bytes.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.get_or_insert_default().extend(bytes);
        }
    }

    /// Appends the bytes without copying, except those that fill up the last piece, or a small
    /// remainder.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.0.get_or_insert_default().push(bytes);
        }
    }

    /// Drops `count` acknowledged bytes from the front.
    pub(crate) fn advance(&mut self, count: usize) {
        let Some(pieces) = &mut self.0 else { return };
        pieces.advance(count);
        if pieces.len == 0 {
            self.0 = None;
        }
    }

    /// `len` bytes from `offset` on, in two pieces; fewer if there are fewer.
    #[inline]
    pub(crate) fn slices(&mut self, offset: usize, len: usize) -> [&[u8]; 2] {
        self.0.as_mut().map_or([&[], &[]], |pieces| pieces.slices(offset, len))
    }
}

impl Pieces {
    fn extend(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.fill(bytes);
            if taken == 0 {
                self.run.push_back(Piece::Gathered(Vec::with_capacity(bytes.len().min(PIECE))));
                continue;
            }
            bytes = &bytes[taken..];
        }
    }

    fn push(&mut self, mut bytes: Bytes) {
        if self.run.back().is_some_and(|last| last.len() < PIECE) {
            let lacking = PIECE - self.run.back().map_or(0, Piece::len);
            let top_up = bytes.split_to(lacking.min(bytes.len()));
            self.extend_last(&top_up);
        }
        if bytes.len() < PIECE {
            self.extend(&bytes);
        } else {
            self.len += bytes.len();
            self.run.push_back(Piece::Shared(bytes));
        }
    }

    /// Copies as much into the last piece as it takes; answers how much that was.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        let Some(Piece::Gathered(last)) = self.run.back_mut() else { return 0 };
        let room = PIECE.saturating_sub(last.len()).min(bytes.len());
        last.extend_from_slice(&bytes[..room]);
        self.len += room;
        room
    }

    /// Like [`fill`](Self::fill), after copying the last piece if it is shared.
    fn extend_last(&mut self, bytes: &[u8]) {
        if let Some(Piece::Shared(shared)) = self.run.back_mut() {
            let mut own = Vec::with_capacity(PIECE);
            own.extend_from_slice(shared);
            self.run.pop_back();
            self.run.push_back(Piece::Gathered(own));
        }
        self.fill(bytes);
    }

    fn advance(&mut self, count: usize) {
        let count = count.min(self.len);
        self.len -= count;
        self.head += count;
        while let Some(first) = self.run.front() {
            let length = first.len();
            // The last piece stays while it can still be filled.
            if self.head < length || (self.run.len() == 1 && self.len > 0) {
                break;
            }
            self.head -= length;
            self.run.pop_front();
            self.cursor = (self.cursor.0.saturating_sub(1), self.cursor.1.saturating_sub(length));
            if self.cursor.0 == 0 {
                self.cursor.1 = 0;
            }
        }
    }

    fn slices(&mut self, offset: usize, len: usize) -> [&[u8]; 2] {
        let len = len.min(self.len.saturating_sub(offset));
        if len == 0 {
            return [&[], &[]];
        }
        let at = offset + self.head;
        let (mut index, mut start) = if self.cursor.1 <= at { self.cursor } else { (0, 0) };
        while let Some(piece) = self.run.get(index) {
            if at < start + piece.len() {
                break;
            }
            start += piece.len();
            index += 1;
        }
        self.cursor = (index, start);
        let first = self.run.get(index).map_or(&[][..], Piece::as_slice);
        let first = first.get(at - start..).unwrap_or(&[]);
        if first.len() >= len {
            return [&first[..len], &[]];
        }
        let second = self.run.get(index + 1).map_or(&[][..], Piece::as_slice);
        let rest = (len - first.len()).min(second.len());
        [first, &second[..rest]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(buffer: &mut SendBuffer, offset: usize, len: usize) -> Vec<u8> {
        buffer.slices(offset, len).concat()
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n * 7 + n / 251) as u8).collect()
    }

    #[test]
    fn any_64_kib_lie_in_two_pieces_however_they_were_written() {
        let data = pattern(600_000);
        let mut buffer = SendBuffer::default();
        let mut at = 0;
        for (n, size) in
            [100, 70_000, 50, 200_000, 65_536, 1, 99_000].into_iter().cycle().enumerate()
        {
            let end = (at + size).min(data.len());
            let bytes = &data[at..end];
            if n % 2 == 0 {
                buffer.extend(bytes);
            } else {
                buffer.push(Bytes::copy_from_slice(bytes));
            }
            at = end;
            if at == data.len() {
                break;
            }
        }
        assert_eq!(buffer.len(), data.len());
        for offset in (0..data.len() - 65_536).step_by(997) {
            assert_eq!(contents(&mut buffer, offset, 65_536), data[offset..offset + 65_536]);
        }
        assert_eq!(contents(&mut buffer, 5, 10), data[5..15], "back again");
    }

    #[test]
    fn what_was_acknowledged_is_gone_and_an_empty_buffer_owns_nothing() {
        let data = pattern(200_000);
        let mut buffer = SendBuffer::default();
        buffer.extend(&data);
        let mut at = 0;
        while at + 1448 <= data.len() {
            assert_eq!(contents(&mut buffer, 0, 1448), data[at..at + 1448]);
            buffer.advance(1448);
            at += 1448;
        }
        buffer.advance(usize::MAX);
        assert!(buffer.len() == 0 && buffer.0.is_none());
        buffer.extend(b"again");
        assert_eq!(contents(&mut buffer, 1, 100), b"gain");
    }
}
