//! Path MTUs that ICMP errors have reported (RFC 1191, RFC 8201).

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use roundtrip_record::Time;

/// How long a learned path MTU holds (`net.ipv4.route.mtu_expires`).
const EXPIRES: Duration = Duration::from_mins(10);
/// The least path MTU that is believed for IPv4, bytes (`net.ipv4.route.min_pmtu`).
const MIN_V4: u16 = 552;
/// The least path MTU that is believed for IPv6, bytes (RFC 8201 §4).
const MIN_V6: u16 = 1280;

/// The learned path MTUs, by destination.
#[derive(Debug)]
pub(crate) struct PathMtus {
    limit: usize,
    paths: BTreeMap<IpAddr, (u16, Time)>,
    order: VecDeque<IpAddr>,
}

impl PathMtus {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, paths: BTreeMap::new(), order: VecDeque::new() }
    }

    /// The MTU for packets to `to`, bytes: the learned path MTU, but at most that of the first
    /// link.
    pub(crate) fn get(&self, now: Time, to: IpAddr, link: u16) -> u16 {
        match self.paths.get(&to) {
            Some((mtu, until)) if now < *until => link.min(*mtu),
            _ => link,
        }
    }

    /// Learns a path MTU from a router's report; answers the value that is believed, bytes.
    pub(crate) fn learn(&mut self, now: Time, to: IpAddr, mtu: u16) -> u16 {
        let mtu = mtu.max(Self::least(to));
        if !self.paths.contains_key(&to) {
            if self.order.len() >= self.limit
                && let Some(oldest) = self.order.pop_front()
            {
                self.paths.remove(&oldest);
            }
            self.order.push_back(to);
        }
        self.paths.insert(to, (mtu, now + EXPIRES));
        mtu
    }

    /// The least MTU that is believed for a path to `to`, bytes.
    pub(crate) const fn least(to: IpAddr) -> u16 {
        match to {
            IpAddr::V4(_) => MIN_V4,
            IpAddr::V6(_) => MIN_V6,
        }
    }
}

/// The MTU to try next when a router reports that a packet of `length` bytes was too big without
/// saying what would pass (RFC 1191 §7.1).
pub(crate) fn plateau_below(length: usize) -> u16 {
    const PLATEAUS: [u16; 9] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];
    PLATEAUS.into_iter().find(|plateau| usize::from(*plateau) < length).unwrap_or(68)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learned_believed_within_reason_and_forgotten() {
        let mut paths = PathMtus::new(2);
        let to = |n: u8| IpAddr::from([10, 0, 0, n]);
        assert_eq!(paths.learn(Time::ZERO, to(1), 1400), 1400);
        assert_eq!(paths.learn(Time::ZERO, to(2), 68), 552);
        assert_eq!(paths.get(Time::ZERO, to(1), 1500), 1400);
        assert_eq!(paths.get(Time::ZERO, to(1), 1300), 1300, "the link itself carries less");
        assert_eq!(paths.get(Time::from_secs(600), to(1), 1500), 1500);
        paths.learn(Time::ZERO, to(3), 1000);
        assert_eq!(paths.get(Time::ZERO, to(1), 1500), 1500, "the oldest made room");
        assert_eq!((plateau_below(1500), plateau_below(100)), (1492, 68));
    }
}
