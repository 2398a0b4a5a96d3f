//! The bytes of a handshake that come in `CRYPTO` frames (RFC 9000 §7.5), put in order.

use std::collections::BTreeMap;

/// How many bytes are held that came before others, at most. Endpoints have to hold 4096.
const MOST: u64 = 1 << 17;

/// One direction of one level of encryption.
#[derive(Debug, Default)]
pub(crate) struct Crypto {
    next: u64,
    held: BTreeMap<u64, Vec<u8>>,
}

impl Crypto {
    /// Takes a frame's bytes; returns those that are in order now.
    pub(crate) fn take(&mut self, offset: u64, bytes: &[u8]) -> Vec<u8> {
        let end = offset.saturating_add(bytes.len() as u64);
        let is_longer = self.held.get(&offset).is_none_or(|known| known.len() < bytes.len());
        if end > self.next && end - self.next <= MOST && is_longer {
            self.held.insert(offset, bytes.to_vec());
        }
        let mut ready = Vec::new();
        while let Some(first) = self.held.first_entry().filter(|first| *first.key() <= self.next) {
            let (offset, bytes) = first.remove_entry();
            let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
            let fresh = bytes.get(known..).unwrap_or_default();
            ready.extend_from_slice(fresh);
            self.next += fresh.len() as u64;
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_order_whatever_the_order_of_frames() {
        let mut crypto = Crypto::default();
        assert_eq!(crypto.take(4, b"efgh"), b"");
        assert_eq!(crypto.take(2, b"cd"), b"");
        assert_eq!(crypto.take(0, b"abc"), b"abcdefgh");
        assert_eq!(crypto.take(0, b"abc"), b"");
        assert_eq!(crypto.take(6, b"ghij"), b"ij");
        assert_eq!(crypto.take(u64::MAX, b"x"), b"");
        assert_eq!(crypto.take(MOST * 2, b"x"), b"");
        assert!(crypto.held.is_empty());
    }
}
