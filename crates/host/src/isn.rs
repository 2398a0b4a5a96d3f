//! Initial sequence numbers, and the keyed hash behind them and other numbers that an outsider must
//! not guess.

use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::SeqNumber;
use roundtrip_record::Time;
use roundtrip_tcp::sip_hash;

use crate::Rng;

/// The host's secret key for [`sip_hash`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret([u64; 2]);

impl Secret {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self([rng.next_u64(), rng.next_u64()])
    }

    /// The hash of the words.
    pub(crate) fn hash(&self, words: &[u64]) -> u64 {
        sip_hash(self.0, words)
    }

    /// The hash of two socket addresses.
    pub(crate) fn hash_pair(&self, local: SocketAddr, remote: SocketAddr) -> u64 {
        let halves = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => [0, u64::from(ip.to_bits())],
            IpAddr::V6(ip) => [(ip.to_bits() >> 64) as u64, ip.to_bits() as u64],
        };
        let ([l1, l0], [r1, r0]) = (halves(local.ip()), halves(remote.ip()));
        let ports = u64::from(local.port()) << 16 | u64::from(remote.port());
        self.hash(&[l0, l1, r0, r1, ports])
    }

    /// The initial sequence number of a connection: ISN = M + F(localip, localport, remoteip,
    /// remoteport, secretkey), where M ticks every 4 µs (RFC 6528 §3).
    pub(crate) fn isn(&self, now: Time, local: SocketAddr, remote: SocketAddr) -> SeqNumber {
        let clock = (now.micros() / 4) as u32;
        SeqNumber(clock.wrapping_add(self.hash_pair(local, remote) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_climbs_with_the_clock_and_others_lie_elsewhere() {
        let secret = Secret::new(&mut Rng::from_seed([9; 32]));
        let local = "10.0.0.1:40000".parse().unwrap();
        let remote = "10.0.0.2:80".parse().unwrap();
        let first = secret.isn(Time::ZERO, local, remote);
        assert_eq!(secret.isn(Time::from_secs(1), local, remote) - first, 250_000);
        let other = secret.isn(Time::ZERO, "10.0.0.1:40001".parse().unwrap(), remote);
        assert_ne!(first, other);
    }
}
