//! Reassembly of fragmented datagrams (RFC 791 §3.2, RFC 815, RFC 8200 §4.5, RFC 5722).
//!
//! The table is bounded in bytes for the host and in datagrams for each source. Overlapping
//! fragments discard the whole datagram, in both versions of IP (RFC 5722; RFC 1858 tells of
//! attacks with overlaps; Linux does so for IPv4 too, since 4.20). An exact copy of a fragment is a
//! harmless duplicate.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use roundtrip_packet::{Fragment, IpHeader, Protocol};
use roundtrip_record::Time;

use crate::{IfIndex, Limits};

/// How long the fragments of an IPv4 datagram wait for the rest (`net.ipv4.ipfrag_time`); RFC 1122
/// §3.3.2 wants a fixed value between 60 and 120 s, RFC 791 15 s.
const TIMEOUT_V4: Duration = Duration::from_secs(30);
/// How long the fragments of an IPv6 datagram wait for the rest (RFC 8200 §4.5).
const TIMEOUT_V6: Duration = Duration::from_mins(1);
/// The bytes counted for an incomplete datagram besides its data, so that empty fragments count
/// too.
const OVERHEAD: usize = 256;
/// The most fragments of one datagram; a datagram of the largest size has fewer on a link with an
/// MTU of 576 bytes.
const MAX_PIECES: usize = 128;

/// What the fragments of one datagram have in common (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DatagramKey {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    protocol: Protocol,
}

#[derive(Debug)]
struct Partial {
    /// The first fragment's header and its packet, which an ICMP error quotes, once it has come.
    first: Option<(IpHeader, Vec<u8>)>,
    interface: IfIndex,
    /// The fragments' offsets and bytes, ordered by offset, without overlaps.
    pieces: Vec<(usize, Vec<u8>)>,
    /// The datagram's length in bytes, once the last fragment has come.
    total: Option<usize>,
    held: usize,
    until: Time,
    /// Distinguishes this datagram from an earlier one with the same key that is still in the queue
    /// of deadlines.
    number: u64,
}

/// A reassembled datagram.
#[derive(Debug)]
pub(crate) struct Whole {
    /// The header of the first fragment.
    pub(crate) ip: IpHeader,
    pub(crate) protocol: Protocol,
    /// The payload of the datagram.
    pub(crate) payload: Vec<u8>,
    /// The first fragment from its IP header on, which an ICMP error quotes.
    pub(crate) first: Vec<u8>,
}

/// A datagram whose time ran out after its first fragment had come, so that its sender is told.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) ip: IpHeader,
    pub(crate) interface: IfIndex,
    /// The first fragment, from its IP header on, which the ICMP error quotes.
    pub(crate) packet: Vec<u8>,
}

/// The incomplete datagrams of a host.
#[derive(Debug)]
pub(crate) struct Reassembly {
    limits: Limits,
    partial: BTreeMap<DatagramKey, Partial>,
    /// The deadlines, for IPv4 and IPv6: the time-out of a version is fixed, so a new deadline is
    /// the last.
    order: [VecDeque<(Time, u64, DatagramKey)>; 2],
    held: usize,
    number: u64,
    /// Datagrams that were dropped because of overlaps or limits.
    pub(crate) dropped: u64,
}

impl Reassembly {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            partial: BTreeMap::new(),
            order: [VecDeque::new(), VecDeque::new()],
            held: 0,
            number: 0,
            dropped: 0,
        }
    }

    /// The bytes that incomplete datagrams hold.
    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    /// Adds a fragment; gives the datagram if it is now complete. `packet` is the fragment from its
    /// IP header on.
    pub(crate) fn insert(
        &mut self,
        now: Time,
        interface: IfIndex,
        ip: &IpHeader,
        fragment: &Fragment<'_>,
        packet: &[u8],
    ) -> Option<Whole> {
        let key = DatagramKey {
            source: ip.source(),
            destination: ip.destination(),
            identification: fragment.identification,
            protocol: fragment.protocol,
        };
        // An atomic fragment is a datagram by itself (RFC 6946 §4).
        if fragment.offset == 0 && !fragment.more {
            let payload = fragment.payload.to_vec();
            let first = packet.to_vec();
            return Some(Whole { ip: *ip, protocol: fragment.protocol, payload, first });
        }
        if !self.partial.contains_key(&key) {
            self.begin(now, interface, key);
        }
        let partial = self.partial.get_mut(&key)?;
        match partial.add(ip, fragment, packet) {
            Added::Duplicate => return None,
            Added::Conflict => {
                self.drop_datagram(&key);
                return None;
            }
            Added::Bytes(bytes) => {
                partial.held += bytes;
                self.held += bytes;
            }
        }
        if let Some(whole) = partial.finish(fragment.protocol) {
            self.forget(&key);
            return Some(whole);
        }
        self.shrink();
        None
    }

    fn begin(&mut self, now: Time, interface: IfIndex, key: DatagramKey) {
        let lowest = DatagramKey {
            destination: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            identification: 0,
            protocol: Protocol(0),
            ..key
        };
        let of_source = self.partial.range(lowest..).take_while(|(k, _)| k.source == key.source);
        let mut count = 0;
        let oldest = of_source.inspect(|_| count += 1).min_by_key(|(_, partial)| partial.number);
        let oldest = oldest.map(|(key, _)| *key);
        if count >= self.limits.reassembly_per_source.max(1)
            && let Some(oldest) = oldest
        {
            self.drop_datagram(&oldest);
        }
        let timeout = if key.source.is_ipv4() { TIMEOUT_V4 } else { TIMEOUT_V6 };
        self.number += 1;
        self.held += OVERHEAD;
        let partial = Partial {
            first: None,
            interface,
            pieces: Vec::new(),
            total: None,
            held: OVERHEAD,
            until: now + timeout,
            number: self.number,
        };
        let order = &mut self.order[usize::from(key.source.is_ipv6())];
        order.push_back((partial.until, partial.number, key));
        self.partial.insert(key, partial);
    }

    fn forget(&mut self, key: &DatagramKey) {
        if let Some(partial) = self.partial.remove(key) {
            self.held -= partial.held;
        }
        // Deadlines of datagrams that are gone are removed.
        for order in &mut self.order {
            while order.front().is_some_and(|(_, number, key)| {
                self.partial.get(key).is_none_or(|partial| partial.number != *number)
            }) {
                order.pop_front();
            }
            if order.len() > 2 * self.partial.len() + 16 {
                order.retain(|(_, number, key)| {
                    self.partial.get(key).is_some_and(|partial| partial.number == *number)
                });
            }
        }
    }

    fn drop_datagram(&mut self, key: &DatagramKey) {
        self.dropped += 1;
        self.forget(key);
    }

    /// Drops the oldest datagrams until the rest is within the limit.
    fn shrink(&mut self) {
        while self.held > self.limits.reassembly {
            let heads = self.order.iter().filter_map(|order| order.front());
            let Some((_, _, key)) = heads.min_by_key(|(_, number, _)| *number).copied() else {
                break;
            };
            self.drop_datagram(&key);
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.order.iter().filter_map(|order| order.front()).map(|(until, ..)| *until).min()
    }

    /// The next datagram whose time is up and whose first fragment had come; others are dropped
    /// silently.
    pub(crate) fn expire(&mut self, now: Time) -> Option<Expired> {
        loop {
            if let Some(expired) = self.expire_one(now)? {
                return Some(expired);
            }
        }
    }

    #[allow(clippy::option_option)] // due or not, and then whether its sender is to be told
    fn expire_one(&mut self, now: Time) -> Option<Option<Expired>> {
        let due = |order: &VecDeque<(Time, u64, DatagramKey)>| {
            order
                .front()
                .filter(|(until, ..)| *until <= now)
                .map(|(_, number, key)| (*number, *key))
        };
        let (number, key) = self.order.iter().find_map(due)?;
        let order = &mut self.order[usize::from(key.source.is_ipv6())];
        order.pop_front();
        if self.partial.get(&key).is_none_or(|partial| partial.number != number) {
            return Some(None);
        }
        let partial = self.partial.remove(&key)?;
        self.held -= partial.held;
        let interface = partial.interface;
        Some(partial.first.map(|(ip, packet)| Expired { ip, interface, packet }))
    }
}

enum Added {
    Bytes(usize),
    Duplicate,
    Conflict,
}

impl Partial {
    fn add(&mut self, ip: &IpHeader, fragment: &Fragment<'_>, packet: &[u8]) -> Added {
        let (start, end) = (fragment.offset, fragment.offset + fragment.payload.len());
        if !fragment.more {
            if self.total.is_some_and(|total| total != end) {
                return Added::Conflict;
            }
            self.total = Some(end);
        }
        if self.total.is_some_and(|total| end > total) {
            return Added::Conflict;
        }
        let at = self.pieces.partition_point(|(offset, _)| *offset < start);
        if let Some((offset, bytes)) = self.pieces.get(at) {
            if *offset == start && bytes == fragment.payload {
                return Added::Duplicate;
            }
            if *offset < end || *offset == start {
                return Added::Conflict;
            }
        }
        let before = at.checked_sub(1).and_then(|at| self.pieces.get(at));
        let overlaps = before.is_some_and(|(offset, bytes)| offset + bytes.len() > start);
        let beyond = self.total.is_some_and(|total| {
            self.pieces.last().is_some_and(|(offset, bytes)| offset + bytes.len() > total)
        });
        if overlaps || beyond || self.pieces.len() >= MAX_PIECES {
            return Added::Conflict;
        }
        let mut bytes = fragment.payload.len();
        if start == 0 && self.first.is_none() {
            self.first = Some((*ip, packet.to_vec()));
            bytes += packet.len();
        }
        self.pieces.insert(at, (start, fragment.payload.to_vec()));
        Added::Bytes(bytes + size_of::<(usize, Vec<u8>)>())
    }

    /// The datagram, if nothing is missing.
    fn finish(&mut self, protocol: Protocol) -> Option<Whole> {
        let total = self.total?;
        let have: usize = self.pieces.iter().map(|(_, bytes)| bytes.len()).sum();
        if have != total {
            return None;
        }
        let (ip, first) = self.first.take()?;
        let payload = self.pieces.iter().flat_map(|(_, bytes)| bytes).copied().collect();
        Some(Whole { ip, protocol, payload, first })
    }
}

#[cfg(test)]
mod tests {
    use roundtrip_packet::ipv4;

    use super::*;

    fn ip(source: u8) -> IpHeader {
        let from = std::net::Ipv4Addr::new(10, 0, 0, source);
        ipv4::Header::new(from, std::net::Ipv4Addr::new(10, 0, 0, 99), Protocol::UDP).into()
    }

    fn piece(identification: u32, offset: usize, more: bool, payload: &[u8]) -> Fragment<'_> {
        Fragment { identification, offset, more, protocol: Protocol::UDP, payload }
    }

    fn put(table: &mut Reassembly, source: u8, fragment: Fragment<'_>) -> Option<Vec<u8>> {
        let whole = table.insert(Time::ZERO, IfIndex(0), &ip(source), &fragment, &[0; 28]);
        whole.map(|whole| whole.payload)
    }

    #[test]
    fn any_order_and_duplicates() {
        let mut table = Reassembly::new(Limits::default());
        assert_eq!(put(&mut table, 1, piece(7, 16, false, b"xyz")), None);
        assert_eq!(put(&mut table, 1, piece(7, 16, false, b"xyz")), None);
        assert_eq!(put(&mut table, 1, piece(7, 0, true, b"01234567")), None);
        assert_eq!(put(&mut table, 1, piece(8, 8, true, b"another.")), None);
        let whole = put(&mut table, 1, piece(7, 8, true, b"89abcdef"));
        assert_eq!(whole.as_deref(), Some(&b"0123456789abcdefxyz"[..]));
        assert_eq!(table.partial.len(), 1);
    }

    #[test]
    fn overlap_makes_the_datagram_disappear() {
        for bad in [
            piece(7, 8, true, b"overlapsoverlaps"),
            piece(7, 8, true, b"mismatch"),
            piece(7, 16, false, b"shorter"),
            piece(7, 32, true, b"after it"),
        ] {
            let mut table = Reassembly::new(Limits::default());
            assert_eq!(put(&mut table, 1, piece(7, 16, false, b"89abcdefx")), None);
            assert_eq!(put(&mut table, 1, piece(7, 8, true, b"89abcdef")), None);
            assert_eq!(put(&mut table, 1, bad), None);
            assert_eq!((table.held(), table.dropped), (0, 1), "{bad:?}");
        }
    }

    #[test]
    fn the_sender_is_told_if_the_first_fragment_came() {
        let mut table = Reassembly::new(Limits::default());
        put(&mut table, 1, piece(7, 0, true, b"01234567"));
        put(&mut table, 2, piece(7, 8, true, b"01234567"));
        assert_eq!(table.next_timeout(), Some(Time::from_secs(30)));
        assert!(table.expire(Time::from_secs(29)).is_none());
        let expired = table.expire(Time::from_secs(30)).unwrap();
        assert_eq!(expired.ip.source(), ip(1).source());
        assert!(table.expire(Time::from_secs(30)).is_none());
        assert_eq!((table.held(), table.next_timeout()), (0, None));
    }

    #[test]
    fn floods_stay_within_the_limits() {
        let limits = Limits { reassembly: 100_000, ..Limits::default() };
        let mut table = Reassembly::new(limits);
        for n in 0..20_000_u32 {
            put(&mut table, (n % 200) as u8, piece(n, 8, true, &[1; 1024]));
            assert!(table.held() <= 100_000);
        }
        let mut table = Reassembly::new(Limits::default());
        for n in 0..1_000 {
            put(&mut table, 1, piece(n, 8, true, &[1; 8]));
        }
        assert_eq!(table.partial.len(), Limits::default().reassembly_per_source);
        assert!(table.order[0].len() <= 2 * table.partial.len() + 16);
    }
}
