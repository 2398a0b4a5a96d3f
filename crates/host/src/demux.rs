//! The table that finds a segment's connection by addresses and ports.
//!
//! An open-addressing hash table of 8 bytes an entry: half of the hash, and the slot of the
//! connection. The addresses are kept with the connection, so the table stays small enough for the
//! cache, and a segment costs one probe and one comparison. The hash is keyed from the host's
//! generator, so that an attacker cannot choose addresses that collide.

use std::net::{IpAddr, SocketAddr};

use crate::Rng;

/// The addresses and ports of a connection, IPv4 as mapped into IPv6 (RFC 4291 §2.5.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tuple {
    local: Halves,
    remote: Halves,
    ports: u32,
}

/// The upper and the lower half of an address.
type Halves = [u64; 2];

#[inline]
fn halves(ip: IpAddr) -> Halves {
    match ip {
        IpAddr::V4(ip) => [0, 0xffff_0000_0000 | u64::from(ip.to_bits())],
        IpAddr::V6(ip) => [(ip.to_bits() >> 64) as u64, ip.to_bits() as u64],
    }
}

impl Tuple {
    #[inline]
    pub(crate) fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self::of(local.ip(), local.port(), remote.ip(), remote.port())
    }

    #[inline]
    pub(crate) fn of(local: IpAddr, local_port: u16, remote: IpAddr, remote_port: u16) -> Self {
        Self {
            local: halves(local),
            remote: halves(remote),
            ports: u32::from(local_port) << 16 | u32::from(remote_port),
        }
    }
}

/// The slot number that marks a vacant entry.
const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct HashEntry {
    hash: u32,
    slot: u32,
}

const VACANT: HashEntry = HashEntry { hash: 0, slot: EMPTY };

/// The hash table from addresses and ports to slots of connections.
#[derive(Debug)]
pub(crate) struct Demux {
    /// The entries, a power of two of them, at most three quarters in use.
    entries: Vec<HashEntry>,
    used: usize,
    keys: [u64; 4],
}

/// Mixes two words: multiplies them to 128 bits and folds the halves together.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

impl Demux {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self { entries: vec![VACANT; 16], used: 0, keys: std::array::from_fn(|_| rng.next_u64()) }
    }

    /// The hash of a tuple under this table's keys.
    #[inline]
    pub(crate) fn hash(&self, tuple: &Tuple) -> u32 {
        let [k0, k1, k2, k3] = self.keys;
        let ([l1, l0], [r1, r0]) = (tuple.local, tuple.remote);
        let near = mix(l0 ^ k0, l1 ^ k1);
        let far = mix(r0 ^ k2, r1 ^ k3);
        let all = mix(near ^ u64::from(tuple.ports) ^ k1, far ^ k0);
        (all >> 32) as u32 ^ all as u32
    }

    /// The slot with this hash for which `is` answers true.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let entry = self.entries[at];
            if entry.slot == EMPTY {
                return None;
            }
            if entry.hash == hash && is(entry.slot) {
                return Some(entry.slot);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds an entry; the caller must know that its tuple has none yet.
    pub(crate) fn insert(&mut self, hash: u32, slot: u32) {
        if (self.used + 1) * 4 > self.entries.len() * 3 {
            let grown = vec![VACANT; self.entries.len() * 2];
            let old = std::mem::replace(&mut self.entries, grown);
            for entry in old.into_iter().filter(|entry| entry.slot != EMPTY) {
                self.place(entry);
            }
        }
        self.used += 1;
        self.place(HashEntry { hash, slot });
    }

    fn place(&mut self, entry: HashEntry) {
        let mask = self.entries.len() - 1;
        let mut at = entry.hash as usize & mask;
        while self.entries[at].slot != EMPTY {
            at = (at + 1) & mask;
        }
        self.entries[at] = entry;
    }

    /// Removes the entry for `slot`; false if there is none.
    pub(crate) fn remove(&mut self, hash: u32, slot: u32) -> bool {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        while self.entries[at].slot != slot {
            if self.entries[at].slot == EMPTY {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.used -= 1;
        // Later entries of the run move up, except where that would put one before its home
        // position.
        let mut next = (at + 1) & mask;
        while self.entries[next].slot != EMPTY {
            let home = self.entries[next].hash as usize & mask;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(at) & mask {
                self.entries[at] = self.entries[next];
                at = next;
            }
            next = (next + 1) & mask;
        }
        self.entries[at] = VACANT;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Rng;

    #[test]
    fn ports_and_directions_tell_connections_apart() {
        let demux = Demux::new(&mut Rng::from_seed([1; 32]));
        let a: SocketAddr = "10.0.0.1:80".parse().unwrap();
        let b: SocketAddr = "10.0.0.2:80".parse().unwrap();
        assert_ne!(Tuple::new(a, b), Tuple::new(b, a));
        assert_ne!(demux.hash(&Tuple::new(a, b)), demux.hash(&Tuple::new(b, a)));
        let other = Demux::new(&mut Rng::from_seed([2; 32]));
        assert_ne!(demux.hash(&Tuple::new(a, b)), other.hash(&Tuple::new(a, b)), "keyed");
    }

    proptest! {
        /// Compares it with a list as the model; the hashes are made to collide.
        #[test]
        fn it_finds_what_was_put_in(ops in prop::collection::vec((0_u32..60, any::<bool>()), 0..400)) {
            let mut demux = Demux::new(&mut Rng::from_seed([3; 32]));
            let mut model = std::collections::BTreeSet::new();
            for (slot, add) in ops {
                let hash = slot % 7;
                if add && model.insert(slot) {
                    demux.insert(hash, slot);
                } else if !add {
                    prop_assert_eq!(demux.remove(hash, slot), model.remove(&slot));
                }
                for slot in 0..60 {
                    let found = demux.find(slot % 7, |other| other == slot);
                    prop_assert_eq!(found.is_some(), model.contains(&slot));
                }
            }
        }
    }
}
