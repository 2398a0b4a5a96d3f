//! Rate limits for ICMP errors (RFC 1812 §4.3.2.8, RFC 4443 §2.4(f)) and for resets.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use roundtrip_record::Time;

use crate::Limits;

/// The number of ICMP errors that an idle destination gets in one burst (`XRLIM_BURST_FACTOR` of
/// `net/ipv4/inetpeer.c`).
const BURST: u32 = 6;
/// The number of destinations whose buckets are kept; the oldest is forgotten first. A forgotten
/// destination has a full bucket again, but the host's own bucket still limits it.
const DESTINATIONS: usize = 1024;

/// A token bucket, which fills with time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// The tokens in the bucket, as the time it took to fill them in.
    filled: Duration,
    at: Time,
}

impl Bucket {
    fn take(&mut self, now: Time, interval: Duration, burst: u32) -> bool {
        self.filled = (self.filled + now.since(self.at)).min(interval * burst);
        self.at = now;
        match self.filled.checked_sub(interval) {
            Some(left) => {
                self.filled = left;
                true
            }
            None => false,
        }
    }
}

/// A rate limit of `per_second` events a second, and as many in one burst.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_second: u32,
    bucket: Bucket,
}

impl RateLimiter {
    pub(crate) const fn new(per_second: u32) -> Self {
        Self { per_second, bucket: Bucket { filled: Duration::from_secs(1), at: Time::ZERO } }
    }

    /// Whether one more event is within the limit; if so, it is counted.
    pub(crate) fn allow(&mut self, now: Time) -> bool {
        let most = self.per_second.max(1);
        self.bucket.take(now, Duration::from_secs(1) / most, most)
    }
}

/// The limits on ICMP errors: one token bucket for the host (`icmp_msgs_per_sec`,
/// `icmp_msgs_burst`) and one for each destination (`icmp_ratelimit`).
#[derive(Debug)]
pub(crate) struct ErrorLimiter {
    limits: Limits,
    host: Bucket,
    peers: BTreeMap<IpAddr, Bucket>,
    order: VecDeque<IpAddr>,
}

impl ErrorLimiter {
    pub(crate) fn new(limits: Limits) -> Self {
        let filled = Self::interval(&limits) * limits.icmp_burst;
        let host = Bucket { filled, at: Time::ZERO };
        Self { limits, host, peers: BTreeMap::new(), order: VecDeque::new() }
    }

    fn interval(limits: &Limits) -> Duration {
        Duration::from_secs(1) / limits.icmp_per_second.max(1)
    }

    /// Whether an error may be sent to `to` now; if so, it is counted.
    pub(crate) fn allow(&mut self, now: Time, to: IpAddr) -> bool {
        let interval = self.limits.icmp_interval;
        if !self.peers.contains_key(&to) {
            if self.order.len() >= DESTINATIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.peers.remove(&oldest);
            }
            self.order.push_back(to);
        }
        let full = Bucket { filled: interval * BURST, at: now };
        let peer = self.peers.entry(to).or_insert(full);
        peer.take(now, interval, BURST)
            && self.host.take(now, Self::interval(&self.limits), self.limits.icmp_burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_at_once_then_one_a_second() {
        let mut limiter = ErrorLimiter::new(Limits::default());
        let to = "10.0.0.1".parse().unwrap();
        let burst = (0..20).filter(|_| limiter.allow(Time::from_secs(1), to)).count();
        assert_eq!(burst, 6);
        assert!(!limiter.allow(Time::from_millis(1_999), to));
        assert!(limiter.allow(Time::from_millis(2_000), to));
        assert!(!limiter.allow(Time::from_millis(2_000), to));
    }

    #[test]
    fn a_rate() {
        let mut limiter = RateLimiter::new(100);
        let count =
            |limiter: &mut RateLimiter, at| (0..1_000).filter(|_| limiter.allow(at)).count();
        assert_eq!(count(&mut limiter, Time::ZERO), 100);
        assert_eq!(count(&mut limiter, Time::from_millis(50)), 5);
        assert_eq!(count(&mut limiter, Time::from_secs(100)), 100);
    }

    #[test]
    fn fifty_at_once_to_everybody_and_no_memory_for_more_than_a_thousand() {
        let mut limiter = ErrorLimiter::new(Limits::default());
        let to = |n: u32| IpAddr::V4((0x0a00_0000 + n).into());
        let sent = (0..5_000).filter(|n| limiter.allow(Time::from_secs(1), to(*n))).count();
        assert_eq!(sent, 50);
        assert!(limiter.peers.len() <= DESTINATIONS && limiter.order.len() <= DESTINATIONS);
    }
}
