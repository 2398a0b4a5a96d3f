//! The choice of ephemeral ports (RFC 6056).

use core::ops::RangeInclusive;
use std::net::{IpAddr, SocketAddr};

use crate::Rng;
use crate::isn::Secret;

/// Counters of the double-hash algorithm (RFC 6056 §3.3.4); Linux has 2¹⁶ of them
/// (`INET_TABLE_PERTURB_SIZE`), for many more connections than a simulated host opens.
const COUNTERS: usize = 256;

/// The ephemeral ports of a host, given out in an order that an outsider cannot guess and that
/// differs for each destination, so that a port is not reused too soon.
#[derive(Debug)]
pub(crate) struct Ports {
    range: RangeInclusive<u16>,
    counters: Vec<u16>,
}

impl Ports {
    pub(crate) fn new(range: RangeInclusive<u16>, rng: &mut Rng) -> Self {
        let counters = (0..COUNTERS).map(|_| rng.next_u32() as u16).collect();
        Self { range, counters }
    }

    fn count(&self) -> u32 {
        u32::from(*self.range.end()).saturating_sub(u32::from(*self.range.start())) + 1
    }

    /// A port for a connection from `local` to `remote` for which `is_free` holds (RFC 6056
    /// §3.3.4). Even ports come first, as in `__inet_hash_connect`, which leaves the odd ones to
    /// `bind`.
    pub(crate) fn for_connection(
        &mut self,
        secret: &Secret,
        local: IpAddr,
        remote: SocketAddr,
        is_free: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let offset = secret.hash_pair(SocketAddr::new(local, 0), remote);
        let at = (offset >> 48) as usize % COUNTERS;
        let (start, count) = (*self.range.start(), self.count());
        let counted = (offset as u32).wrapping_add(u32::from(self.counters[at]));
        let first = (counted % count) & !1;
        for odd in 0..2 {
            for step in (0..count).step_by(2) {
                let place = (first + step + odd) % count;
                let port = start.wrapping_add(place as u16);
                if is_free(port) {
                    self.counters[at] = self.counters[at].wrapping_add(step as u16 + 2);
                    return Some(port);
                }
            }
        }
        None
    }

    /// A port to bind to for which `is_free` holds: a random one, or the next free one after it
    /// (RFC 6056 §3.3.1).
    pub(crate) fn for_binding(&self, rng: &mut Rng, is_free: impl Fn(u16) -> bool) -> Option<u16> {
        let (start, count) = (*self.range.start(), self.count());
        let first = rng.below(count);
        let mut all = (0..count).map(|step| start.wrapping_add(((first + step) % count) as u16));
        all.find(|port| is_free(*port))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_port_is_found_once_and_no_other() {
        let mut rng = Rng::from_seed([5; 32]);
        let mut ports = Ports::new(50_000..=50_099, &mut rng);
        let secret = Secret::new(&mut rng);
        let (local, remote) = ("10.0.0.1".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let mut used = BTreeSet::new();
        for _ in 0..100 {
            let port = ports.for_connection(&secret, local, remote, |port| !used.contains(&port));
            let port = port.unwrap();
            assert!((50_000..=50_099).contains(&port) && used.insert(port));
        }
        assert_eq!(
            ports.for_connection(&secret, local, remote, |port| !used.contains(&port)),
            None
        );
        assert_eq!(ports.for_binding(&mut rng, |port| port == 50_007), Some(50_007));
        assert_eq!(ports.for_binding(&mut rng, |_| false), None);
    }

    #[test]
    fn the_next_connection_takes_another_port_though_the_last_is_free() {
        let mut rng = Rng::from_seed([5; 32]);
        let mut ports = Ports::new(32_768..=60_999, &mut rng);
        let secret = Secret::new(&mut rng);
        let (local, remote) = ("10.0.0.1".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let first = ports.for_connection(&secret, local, remote, |_| true).unwrap();
        let second = ports.for_connection(&secret, local, remote, |_| true).unwrap();
        assert_ne!(first, second);
        assert_eq!((first % 2, second % 2), (0, 0));
    }
}
