//! Initial sequence numbers, and the keyed hash behind them and other numbers that an outsider must
//! not guess.

use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::SeqNumber;
use roundtrip_record::Time;

use crate::Rng;

/// The host's secret key for SipHash-2-4 (Aumasson and Bernstein, 2012).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret([u64; 2]);

impl Secret {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self([rng.next_u64(), rng.next_u64()])
    }

    /// The hash of the words. The last block of the paper, which holds the length, is made from
    /// their number.
    pub(crate) fn hash(&self, words: &[u64]) -> u64 {
        let [k0, k1] = self.0;
        let mut state = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        for word in words.iter().copied().chain([(words.len() as u64 * 8) << 56]) {
            state[3] ^= word;
            round(&mut state);
            round(&mut state);
            state[0] ^= word;
        }
        state[2] ^= 0xff;
        for _ in 0..4 {
            round(&mut state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
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

fn round(state: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *state;
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference implementation's test vectors whose length is a multiple of eight: key 00 01 …
    /// 0f, messages 00 01 ….
    #[test]
    fn vectors_of_the_reference_implementation() {
        let secret = Secret([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        assert_eq!(secret.hash(&[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(secret.hash(&[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }

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
