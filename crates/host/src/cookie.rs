//! SYN cookies (RFC 4987 §3.6; `net/ipv4/syncookies.c`): a SYN-ACK whose sequence number holds what
//! a full SYN queue cannot.
//!
//! The cookie is `H1 + SEG.SEQ + minute · 2²⁴ + ((H2(minute) + index) mod 2²⁴)`: who sends it
//! back has seen the SYN-ACK. `index` names one of four MSS values; the other options travel in
//! the low bits of our timestamp, which the peer echoes.

use std::net::SocketAddr;

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Options, SeqNumber, Timestamps};
use roundtrip_record::Time;

use crate::Rng;
use crate::isn::Secret;

/// How many minutes a cookie is good for (`MAX_SYNCOOKIE_AGE`).
const MAX_AGE: u32 = 2;
const DATA: u32 = (1 << 24) - 1;
/// `msstab` of `net/ipv4/syncookies.c`.
const MSS_V4: [u16; 4] = [536, 1300, 1440, 1460];
/// `msstab` of `net/ipv6/syncookies.c`.
const MSS_V6: [u16; 4] = [1220, 1420, 1440, 8940];

/// Low bits of the timestamp (`TS_OPT_*`).
const TIMESTAMP_BITS: u32 = 0x3f;
const SCALE: u32 = 0xf;
/// A scale that means none.
const NO_SCALE: u32 = 0xf;
const SACK: u32 = 1 << 4;
const ECN: u32 = 1 << 5;

/// What makes a host's cookies hard to guess.
#[derive(Debug)]
pub(crate) struct Cookies {
    first: Secret,
    second: Secret,
}

fn table(remote: SocketAddr) -> [u16; 4] {
    if remote.is_ipv4() { MSS_V4 } else { MSS_V6 }
}

const fn minute(now: Time) -> u32 {
    (now.nanos() / 60_000_000_000) as u32
}

impl Cookies {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self { first: Secret::new(rng), second: Secret::new(rng) }
    }

    fn pad(&self, local: SocketAddr, remote: SocketAddr, minute: u32) -> u32 {
        let pair = self.second.hash_pair(local, remote);
        self.second.hash(&[pair, u64::from(minute)]) as u32
    }

    /// The ISN that answers `syn`.
    pub(crate) fn make(
        &self,
        now: Time,
        local: SocketAddr,
        remote: SocketAddr,
        syn: &Header,
    ) -> SeqNumber {
        let mss = syn.options.mss.unwrap_or(0);
        let index = table(remote).iter().rposition(|least| *least <= mss).unwrap_or(0) as u32;
        let minute = minute(now);
        let first = self.first.hash_pair(local, remote) as u32;
        let data = self.pad(local, remote, minute).wrapping_add(index) & DATA;
        SeqNumber(first.wrapping_add(syn.sequence.0).wrapping_add(minute << 24).wrapping_add(data))
    }

    /// The SYN that an acknowledgement belongs to, if it brings back a cookie of ours that is
    /// not too old.
    pub(crate) fn check(
        &self,
        now: Time,
        local: SocketAddr,
        remote: SocketAddr,
        ack: &Header,
    ) -> Option<Header> {
        let sequence = ack.sequence - 1;
        let cookie = ack.acknowledgement - 1;
        let first = self.first.hash_pair(local, remote) as u32;
        let value = cookie.0.wrapping_sub(first).wrapping_sub(sequence.0);
        let minute = minute(now);
        let age = minute.wrapping_sub(value >> 24) & 0xff;
        if age >= MAX_AGE {
            return None;
        }
        let made = minute.wrapping_sub(age);
        let index = value.wrapping_sub(self.pad(local, remote, made)) & DATA;
        let mss = *table(remote).get(index as usize)?;
        let timestamps = ack.options.timestamps;
        let hidden = timestamps.map_or(NO_SCALE, |timestamps| timestamps.echo & TIMESTAMP_BITS);
        let ecn = if hidden & ECN == 0 { Flags::NONE } else { Flags::ECE | Flags::CWR };
        let scale = hidden & SCALE;
        Some(Header {
            sequence,
            flags: Flags::SYN | ecn,
            // The SYN's own window is not kept; what the acknowledgement says counts.
            window: ack.window,
            options: Options {
                mss: Some(mss),
                window_scale: (scale != NO_SCALE).then_some(scale as u8),
                sack_permitted: hidden & SACK != 0,
                timestamps: timestamps.map(|t| Timestamps { value: t.value, echo: 0 }),
                ..Options::NONE
            },
            ..Header::new(ack.source_port, ack.destination_port)
        })
    }
}

/// Makes a SYN-ACK that can be sent without keeping anything: options that would have to be kept
/// go into the timestamp (`cookie_init_timestamp`), or away if there is none.
pub(crate) fn hide_options(syn: &Header, answer: &mut Header) {
    let options = &mut answer.options;
    let Some(timestamps) = &mut options.timestamps else {
        options.window_scale = None;
        options.sack_permitted = false;
        answer.flags = answer.flags & !Flags::ECE;
        return;
    };
    // The peer's scale is hidden, not ours, which follows from the host's own settings.
    let scale = match (syn.options.window_scale, options.window_scale) {
        (Some(scale), Some(_)) => u32::from(scale.min(14)),
        _ => NO_SCALE,
    };
    let sack = if options.sack_permitted { SACK } else { 0 };
    let ecn = if answer.flags.contains(Flags::ECE) { ECN } else { 0 };
    let clock = timestamps.value;
    let mut value = (clock & !TIMESTAMP_BITS) | scale | sack | ecn;
    // Never ahead of the clock: the next timestamp must not be older.
    if value.wrapping_sub(clock) as i32 > 0 {
        value = value.wrapping_sub(TIMESTAMP_BITS + 1);
    }
    timestamps.value = value;
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn pair() -> (SocketAddr, SocketAddr) {
        ("10.0.0.2:80".parse().unwrap(), "10.0.0.1:40000".parse().unwrap())
    }

    fn syn(options: Options) -> Header {
        let sequence = SeqNumber(0xffff_fff0);
        Header { sequence, flags: Flags::SYN, options, ..Header::new(40_000, 80) }
    }

    /// The acknowledgement that answers a SYN-ACK with this cookie and timestamp.
    fn answer(syn: &Header, cookie: SeqNumber, echo: Option<u32>) -> Header {
        let timestamps = echo.map(|echo| Timestamps { value: 9, echo });
        Header {
            sequence: syn.sequence + 1,
            acknowledgement: cookie + 1,
            flags: Flags::ACK,
            options: Options { timestamps, ..Options::NONE },
            ..Header::new(40_000, 80)
        }
    }

    #[test]
    fn what_the_syn_said_comes_back() {
        let cookies = Cookies::new(&mut Rng::from_seed([4; 32]));
        let (local, remote) = pair();
        let timestamps = Some(Timestamps { value: 7, echo: 0 });
        let full = Options {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps,
            ..Options::NONE
        };
        let syn = syn(full);
        let now = Time::from_secs(90);
        let cookie = cookies.make(now, local, remote, &syn);
        let ours = Some(Timestamps { value: 1_000_000, echo: 7 });
        let mut syn_ack =
            Header { options: Options { timestamps: ours, window_scale: Some(10), ..full }, ..syn };
        hide_options(&syn, &mut syn_ack);
        let value = syn_ack.options.timestamps.unwrap().value;
        assert!((1_000_000 - 64..=1_000_000).contains(&value));
        let back = cookies.check(now, local, remote, &answer(&syn, cookie, Some(value))).unwrap();
        assert_eq!(back.sequence, syn.sequence);
        assert_eq!((back.options.mss, back.options.window_scale), (Some(1460), Some(7)));
        assert!(back.options.sack_permitted && !back.flags.contains(Flags::ECE));
    }

    #[test]
    fn without_timestamps_only_the_mss_is_kept() {
        let cookies = Cookies::new(&mut Rng::from_seed([4; 32]));
        let (local, remote) = pair();
        let plain = Options {
            mss: Some(1400),
            window_scale: Some(7),
            sack_permitted: true,
            ..Options::NONE
        };
        let syn = syn(plain);
        let mut syn_ack = syn;
        hide_options(&syn, &mut syn_ack);
        assert_eq!((syn_ack.options.window_scale, syn_ack.options.sack_permitted), (None, false));
        let cookie = cookies.make(Time::ZERO, local, remote, &syn);
        let back = cookies.check(Time::ZERO, local, remote, &answer(&syn, cookie, None)).unwrap();
        assert_eq!((back.options.mss, back.options.window_scale), (Some(1300), None));
    }

    #[test]
    fn cookies_grow_old_and_belong_to_one_connection() {
        let cookies = Cookies::new(&mut Rng::from_seed([4; 32]));
        let (local, remote) = pair();
        let syn = syn(Options::NONE);
        let cookie = cookies.make(Time::ZERO, local, remote, &syn);
        let ack = answer(&syn, cookie, None);
        let after = |seconds| Time::ZERO + Duration::from_secs(seconds);
        assert!(cookies.check(after(119), local, remote, &ack).is_some());
        assert!(cookies.check(after(120), local, remote, &ack).is_none());
        let other = "10.0.0.1:40001".parse().unwrap();
        assert!(cookies.check(Time::ZERO, local, other, &ack).is_none());
        let guesses = (0..100_000_u32).filter(|n| {
            let guess = answer(&syn, SeqNumber(n.wrapping_mul(0x9e37_79b9)), None);
            cookies.check(Time::ZERO, local, remote, &guess).is_some()
        });
        assert_eq!(guesses.count(), 0);
    }
}
