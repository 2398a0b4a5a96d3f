//! The receive buffer: bytes received in and out of order, from the first unread one on.

use std::cell::RefCell;
use std::collections::VecDeque;

/// The size of a page, bytes.
const PAGE: usize = 16 * 1024;
/// The number of buffers, and of further pages, that are kept for the next connections of this
/// thread.
const POOLED: usize = 256;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { buffers: Vec::new(), pages: Vec::new() }) };
}

/// Unused buffers and pages, kept for reuse.
struct Pool {
    /// Buffers with one empty page each, which is all that most ever need. The boxes are reused,
    /// too.
    #[expect(clippy::vec_box)]
    buffers: Vec<Box<Pages>>,
    pages: Vec<Vec<u8>>,
}

/// Received bytes in pages, each byte at its position whatever the order of arrival.
#[derive(Clone, Debug)]
struct Pages {
    /// The pages, at least one.
    pages: VecDeque<Vec<u8>>,
    /// The position of the first unread byte in the first page.
    start: usize,
}

/// The received bytes of a connection. Nothing is allocated before data arrives, and once all has
/// been read, the memory goes back to a pool of the thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReceiveBuffer(Option<Box<Pages>>);

impl ReceiveBuffer {
    /// Writes `bytes` at `at` bytes after the first unread one.
    #[inline]
    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.0.get_or_insert_with(take_buffer).write(at, bytes);
    }

    /// The first `readable` unread bytes, or as many of them as are stored in two pages.
    pub(crate) fn peek(&self, readable: usize) -> [&[u8]; 2] {
        self.0.as_ref().map_or([&[], &[]], |pages| pages.peek(readable))
    }

    /// The memory that the pages may take, bytes.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |pages| pages.pages.len() * PAGE)
    }

    /// Drops `count` bytes that have been read. `left` says whether any others remain.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize, left: bool) {
        if !left {
            if let Some(pages) = self.0.take() {
                give_buffer(pages);
            }
        } else if let Some(pages) = &mut self.0 {
            pages.consume(count);
        }
    }
}

impl Drop for ReceiveBuffer {
    fn drop(&mut self) {
        self.consume(0, false);
    }
}

impl Pages {
    fn write(&mut self, at: usize, mut bytes: &[u8]) {
        let mut position = self.start + at;
        while !bytes.is_empty() {
            let (index, offset) = (position / PAGE, position % PAGE);
            while self.pages.len() <= index {
                self.pages.push_back(take_page());
            }
            let count = bytes.len().min(PAGE - offset);
            write_page(&mut self.pages[index], offset, &bytes[..count]);
            position += count;
            bytes = &bytes[count..];
        }
    }

    fn peek(&self, readable: usize) -> [&[u8]; 2] {
        let Some(first) = self.pages.front() else { return [&[], &[]] };
        let end = first.len().min(self.start + readable);
        let head = first.get(self.start..end).unwrap_or(&[]);
        let left = readable - head.len();
        let tail = match self.pages.get(1) {
            Some(second) if left > 0 => &second[..left.min(second.len())],
            _ => &[],
        };
        [head, tail]
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        while self.start >= PAGE {
            self.start -= PAGE;
            if let Some(page) = self.pages.pop_front() {
                give_page(page);
            }
        }
        if self.pages.is_empty() {
            self.pages.push_back(take_page());
        }
    }
}

fn write_page(page: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if page.len() < offset {
        page.resize(offset, 0);
    }
    let over = (page.len() - offset).min(bytes.len());
    if over > 0 {
        page[offset..offset + over].copy_from_slice(&bytes[..over]);
    }
    page.extend_from_slice(&bytes[over..]);
}

#[expect(clippy::unnecessary_box_returns)]
fn take_buffer() -> Box<Pages> {
    let pooled = POOL.try_with(|pool| pool.borrow_mut().buffers.pop()).ok().flatten();
    pooled.unwrap_or_else(|| Box::new(Pages { pages: VecDeque::from([Vec::new()]), start: 0 }))
}

fn give_buffer(mut buffer: Box<Pages>) {
    while buffer.pages.len() > 1 {
        if let Some(page) = buffer.pages.pop_back() {
            give_page(page);
        }
    }
    buffer.start = 0;
    buffer.pages.iter_mut().for_each(Vec::clear);
    // The pool is gone while the thread ends.
    let _ = POOL.try_with(|pool| keep(&mut pool.borrow_mut().buffers, buffer));
}

fn take_page() -> Vec<u8> {
    POOL.try_with(|pool| pool.borrow_mut().pages.pop()).ok().flatten().unwrap_or_default()
}

fn give_page(mut page: Vec<u8>) {
    page.clear();
    let _ = POOL.try_with(|pool| keep(&mut pool.borrow_mut().pages, page));
}

fn keep<T>(pooled: &mut Vec<T>, unused: T) {
    if pooled.len() < POOLED {
        pooled.push(unused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_whatever_order_they_came_in() {
        let data: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let mut buffer = ReceiveBuffer::default();
        let mut pieces: Vec<_> = data.chunks(1448).enumerate().collect();
        pieces.reverse();
        for (n, piece) in pieces {
            buffer.write(n * 1448, piece);
        }
        let mut out = Vec::new();
        while out.len() < data.len() {
            let [a, b] = buffer.peek(data.len() - out.len());
            let count = a.len() + b.len();
            out.extend_from_slice(a);
            out.extend_from_slice(b);
            buffer.consume(count, out.len() < data.len());
        }
        assert_eq!(out, data);
        assert!(buffer.0.is_none(), "an empty buffer owns nothing");
    }

    #[test]
    fn what_comes_twice_is_written_once_in_its_place() {
        let mut buffer = ReceiveBuffer::default();
        buffer.write(2, b"cdef");
        buffer.write(0, b"abcd");
        assert_eq!(buffer.peek(6), [&b"abcdef"[..], &b""[..]]);
        buffer.consume(3, true);
        buffer.write(3, b"g");
        assert_eq!(buffer.peek(4).concat(), b"defg");
    }
}
