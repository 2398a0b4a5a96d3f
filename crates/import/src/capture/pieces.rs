//! Fragments of IP packets, put together (RFC 791 §3.2, RFC 8200 §4.5), in bounded memory.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use roundtrip_packet::{Fragment, IpHeader, Protocol};
use roundtrip_record::Time;

/// How many bytes are held of datagrams that are not whole, at most; the oldest goes first.
const MOST: usize = 16 << 20;
/// What a fragment takes besides its bytes.
const OVERHEAD: usize = 64;
/// How long fragments wait for the rest: longer than any host does (RFC 8200 §4.5: 60 s), so that what follows under
/// the same number is another datagram.
const LONGEST: Duration = Duration::from_mins(2);

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    protocol: Protocol,
}

#[derive(Debug)]
struct Partial {
    number: u64,
    since: Time,
    pieces: BTreeMap<usize, Vec<u8>>,
    held: usize,
    total: Option<usize>,
}

/// A datagram that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) protocol: Protocol,
    pub(crate) payload: Vec<u8>,
}

/// Datagrams that are not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    partial: BTreeMap<Key, Partial>,
    order: VecDeque<(u64, Key)>,
    held: usize,
    begun: u64,
    /// Datagrams that were put together.
    pub(crate) whole: u64,
    /// Datagrams that were given up: fragments are missing, cut, or contradict each other.
    pub(crate) given_up: u64,
}

impl Pieces {
    /// Takes a fragment, of which the capture may lack the end; returns the datagram that it makes whole.
    pub(crate) fn take(
        &mut self,
        ip: &IpHeader,
        fragment: &Fragment<'_>,
        cut: bool,
        at: Time,
    ) -> Option<Whole> {
        let Fragment { identification, offset, more, protocol, payload } = *fragment;
        if offset == 0 && !more {
            // A datagram by itself (RFC 6946 §4).
            return Some(Whole { protocol, payload: payload.to_vec() });
        }
        let key =
            Key { source: ip.source(), destination: ip.destination(), identification, protocol };
        if self.partial.get(&key).is_some_and(|partial| at.since(partial.since) > LONGEST) {
            self.give_up(&key);
        }
        if !self.partial.contains_key(&key) {
            self.begun += 1;
            self.order.push_back((self.begun, key));
            let partial = Partial {
                number: self.begun,
                since: at,
                pieces: BTreeMap::new(),
                held: 0,
                total: None,
            };
            self.partial.insert(key, partial);
        }
        let partial = self.partial.get_mut(&key)?;
        if cut || partial.contradicts(offset, payload, more) {
            self.give_up(&key);
            return None;
        }
        if !more {
            partial.total = Some(offset + payload.len());
        }
        if partial.pieces.insert(offset, payload.to_vec()).is_none() {
            partial.held += payload.len() + OVERHEAD;
            self.held += payload.len() + OVERHEAD;
        }
        if let Some(payload) = partial.joined() {
            self.whole += 1;
            self.forget(&key);
            return Some(Whole { protocol, payload });
        }
        while self.held > MOST {
            let (number, oldest) = self.order.pop_front()?;
            if self.partial.get(&oldest).is_some_and(|partial| partial.number == number) {
                self.give_up(&oldest);
            }
        }
        None
    }

    /// The capture has ended: what is not whole never will be.
    pub(crate) fn finish(&mut self) {
        self.given_up += self.partial.len() as u64;
        self.partial.clear();
        self.order.clear();
        self.held = 0;
    }

    fn give_up(&mut self, key: &Key) {
        self.given_up += 1;
        self.forget(key);
    }

    fn forget(&mut self, key: &Key) {
        if let Some(partial) = self.partial.remove(key) {
            self.held -= partial.held;
        }
        // Those that are gone leave the queue from its front on, and all at once where they are the most of it.
        let gone = |(number, key): &(u64, Key)| {
            self.partial.get(key).is_none_or(|partial| partial.number != *number)
        };
        while self.order.front().is_some_and(gone) {
            self.order.pop_front();
        }
        if self.order.len() > 2 * self.partial.len() + 16 {
            let partial = &self.partial;
            self.order
                .retain(|(number, key)| partial.get(key).is_some_and(|one| one.number == *number));
        }
    }
}

impl Partial {
    /// Whether a fragment cannot belong to the others: it overlaps one and is not its copy (RFC 5722 §4), or lies behind
    /// the end.
    fn contradicts(&self, offset: usize, payload: &[u8], more: bool) -> bool {
        let end = offset + payload.len();
        if self.pieces.get(&offset).is_some_and(|known| known == payload) {
            return !more && self.total.is_some_and(|total| total != end);
        }
        let before = self.pieces.range(..offset).next_back();
        let overlaps = before.is_some_and(|(at, bytes)| at + bytes.len() > offset)
            || self.pieces.range(offset..).next().is_some_and(|(at, _)| *at < end || *at == offset);
        let beyond = match self.total {
            Some(total) => end > total || (!more && end != total),
            None => {
                !more
                    && self
                        .pieces
                        .last_key_value()
                        .is_some_and(|(at, bytes)| at + bytes.len() > end)
            }
        };
        overlaps || beyond
    }

    /// The whole datagram, if nothing is missing.
    fn joined(&self) -> Option<Vec<u8>> {
        let total = self.total?;
        let mut whole = Vec::with_capacity(total);
        for (at, bytes) in &self.pieces {
            if *at != whole.len() {
                return None;
            }
            whole.extend_from_slice(bytes);
        }
        (whole.len() == total).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use roundtrip_packet::ipv4;

    use super::*;

    fn header() -> IpHeader {
        IpHeader::V4(ipv4::Header::new(
            Ipv4Addr::new(10, 0, 0, 1),
            Ipv4Addr::new(10, 0, 0, 2),
            Protocol::UDP,
        ))
    }

    fn take(
        pieces: &mut Pieces,
        identification: u32,
        offset: usize,
        more: bool,
        payload: &[u8],
        seconds: u64,
    ) -> Option<Vec<u8>> {
        let fragment = Fragment { identification, offset, more, protocol: Protocol::UDP, payload };
        let at = Time::from_nanos(seconds * 1_000_000_000);
        pieces.take(&header(), &fragment, false, at).map(|whole| whole.payload)
    }

    #[test]
    fn pieces_come_in_any_order_and_twice() {
        let whole: Vec<u8> = (0..20).collect();
        let parts = [(0, true, &whole[..8]), (8, true, &whole[8..16]), (16, false, &whole[16..])];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
            let mut pieces = Pieces::default();
            let mut done = Vec::new();
            for n in order {
                let (offset, more, part) = parts[n];
                for _ in 0..2 {
                    done.extend(take(&mut pieces, 7, offset, more, part, 0));
                }
            }
            assert_eq!(done, std::slice::from_ref(&whole));
            pieces.finish();
            // The copy of the last one begins a datagram that nothing completes.
            assert_eq!((pieces.whole, pieces.given_up, pieces.held), (1, 1, 0));
        }
    }

    #[test]
    fn what_contradicts_is_given_up() {
        let mut pieces = Pieces::default();
        assert_eq!(take(&mut pieces, 1, 0, true, &[1; 16], 0), None);
        assert_eq!(take(&mut pieces, 1, 8, false, &[2; 8], 0), None, "an overlap");
        assert_eq!(take(&mut pieces, 2, 8, false, &[1; 4], 0), None);
        assert_eq!(take(&mut pieces, 2, 16, true, &[1; 8], 0), None, "behind the end");
        assert_eq!(take(&mut pieces, 3, 0, true, &[1; 8], 0), None);
        assert_eq!(take(&mut pieces, 3, 8, false, &[1; 8], 300), None, "minutes later");
        assert_eq!((pieces.whole, pieces.given_up), (0, 3));
    }

    #[test]
    fn memory_is_bounded() {
        let mut pieces = Pieces::default();
        for n in 0..100_000 {
            take(&mut pieces, n, 8, true, &[0; 1024], 0);
        }
        assert!(pieces.held <= MOST && pieces.order.len() < 20_000, "{}", pieces.order.len());
        assert_eq!(pieces.given_up as usize + pieces.partial.len(), 100_000);
    }
}
