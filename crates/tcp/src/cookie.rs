//! SYN cookies (RFC 4987 §3.6), which answer a SYN without keeping state.
//!
//! The initial sequence number holds a keyed hash of the addresses and of the minute, and which of
//! four segment sizes the peer announced; the lowest bits of our timestamp hold the other options.
//! The layout is Linux's (`net/ipv4/syncookies.c`).

use std::net::IpAddr;

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Options as HeaderOptions, SeqNumber, Timestamps};
use roundtrip_record::Time;

use crate::Segment;
use crate::clock::Now;
use crate::context::Context;
use crate::options::Options;
use crate::sip_hash::sip_hash;
use crate::state::{cookie_answer, cookie_grants};
use crate::step::Endpoints;

/// The segment sizes that a cookie can encode, bytes.
const SIZES: [u16; 4] = [536, 1300, 1440, 1460];
/// How long a cookie is valid, minutes (`MAX_SYNCOOKIE_AGE`).
const MOST_AGE: u32 = 2;
/// The bits of a cookie that hold the hash of the minute and the segment size.
const BITS: u32 = 24;
/// The bits of the timestamp that hold options: four of window scale, one of SACK, one of ECN.
const TS_BITS: u32 = 6;
const TS_MASK: u32 = (1 << TS_BITS) - 1;
/// The window scale that stands for a peer without window scaling.
const NO_SCALE: u32 = 0xf;

/// Makes and checks the SYN cookies of a host.
#[derive(Clone, Debug)]
pub struct SynCookies {
    keys: [[u64; 2]; 3],
}

impl SynCookies {
    /// A maker of cookies with a secret of the host, drawn at random once.
    pub fn new(secret: [u8; 48]) -> SynCookies {
        let (words, _) = secret.as_chunks::<8>();
        let word = |n: usize| words.get(n).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        SynCookies { keys: [[word(0), word(1)], [word(2), word(3)], [word(4), word(5)]] }
    }

    /// The header of the SYN-ACK that answers `syn` with a cookie.
    pub fn answer(
        &self,
        now: Time,
        ends: Endpoints,
        options: &Options,
        syn: &Segment<'_>,
    ) -> Header {
        let cx = Context { now: Now::at(now, options.profile.tick), profile: &options.profile };
        let announced = syn.header.options.mss.unwrap_or(536);
        let index = SIZES.iter().rposition(|&size| size <= announced).unwrap_or(0) as u32;
        let isn = self.cookie(ends, syn.header.sequence, minute(now), index);
        let mut header = cookie_answer(isn, options, &syn.header, cx);
        if let Some(ts) = &mut header.options.timestamps {
            // The timestamp keeps what both ends want, not what the peer alone asked for.
            let granted = header.options.window_scale.and(syn.header.options.window_scale);
            let scale = granted.map_or(NO_SCALE, |shift| u32::from(shift.min(14)));
            let sack = u32::from(header.options.sack_permitted) << 4;
            let ecn = u32::from(header.flags.contains(Flags::ECE)) << 5;
            let clock = (cx.now.ms & !TS_MASK) | scale | sack | ecn;
            let clock = if clock > cx.now.ms { clock.wrapping_sub(1 << TS_BITS) } else { clock };
            ts.value = clock.wrapping_add(options.timestamp_offset);
        } else {
            // Without timestamps there is no room for options.
            header.options = HeaderOptions { mss: header.options.mss, ..HeaderOptions::NONE };
            header.flags = Flags::SYN_ACK;
        }
        header
    }

    /// Checks whether `ack` acknowledges a cookie of ours; if so, gives the header of the SYN as
    /// far as the cookie has kept it, for
    /// [`Connection::accept_cookie`](crate::Connection::accept_cookie).
    pub fn check(
        &self,
        now: Time,
        ends: Endpoints,
        options: &Options,
        ack: &Segment<'_>,
    ) -> Option<Header> {
        let cookie = ack.header.ack()? - 1;
        let irs = ack.header.sequence - 1;
        let size = self.size_of(cookie, ends, irs, minute(now))?;
        let mut syn = Header {
            sequence: irs,
            flags: Flags::SYN,
            ..Header::new(ack.header.source_port, ack.header.destination_port)
        };
        syn.options.mss = Some(size);
        if let Some(ts) = ack.header.options.timestamps {
            let bits = ts.echo.wrapping_sub(options.timestamp_offset) & TS_MASK;
            let scale = bits & NO_SCALE;
            syn.options.window_scale = (scale != NO_SCALE).then_some(scale as u8);
            syn.options.sack_permitted = bits >> 4 & 1 == 1;
            syn.options.timestamps = Some(Timestamps { value: ts.value, echo: 0 });
            if bits >> 5 & 1 == 1 {
                syn.flags |= Flags::ECE | Flags::CWR;
            }
            // A forged cookie must not grant options that we do not offer.
            if !cookie_grants(&syn, options) {
                return None;
            }
        }
        Some(syn)
    }

    fn cookie(&self, ends: Endpoints, irs: SeqNumber, minute: u32, index: u32) -> SeqNumber {
        let fixed = self.hash(0, ends, 0);
        let timed = self.hash(1, ends, minute).wrapping_add(index) & ((1 << BITS) - 1);
        let value = fixed.wrapping_add(irs.0).wrapping_add(minute << BITS).wrapping_add(timed);
        SeqNumber(value)
    }

    fn size_of(
        &self,
        cookie: SeqNumber,
        ends: Endpoints,
        irs: SeqNumber,
        minute: u32,
    ) -> Option<u16> {
        let fixed = self.hash(0, ends, 0);
        let rest = cookie.0.wrapping_sub(fixed).wrapping_sub(irs.0);
        let age = minute.wrapping_sub(rest >> BITS) & (u32::MAX >> BITS);
        if age >= MOST_AGE {
            return None;
        }
        let timed = self.hash(1, ends, minute.wrapping_sub(age));
        let index = rest.wrapping_sub(timed) & ((1 << BITS) - 1);
        SIZES.get(index as usize).copied()
    }

    fn hash(&self, key: usize, ends: Endpoints, count: u32) -> u32 {
        let mut words = [0_u64; 6];
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let (a, b) = (bits(ends.local.ip()), bits(ends.remote.ip()));
        words[0] = a as u64;
        words[1] = (a >> 64) as u64;
        words[2] = b as u64;
        words[3] = (b >> 64) as u64;
        words[4] = u64::from(ends.local.port()) << 16 | u64::from(ends.remote.port());
        words[5] = u64::from(count);
        sip_hash(self.keys[key], &words) as u32
    }
}

fn minute(now: Time) -> u32 {
    (now.millis() / 60_000) as u32
}

#[cfg(test)]
mod tests {
    use roundtrip_packet::Ecn;

    use super::*;

    fn ends() -> Endpoints {
        let (local, remote) = ("10.0.0.1:80".parse().unwrap(), "10.0.0.2:40000".parse().unwrap());
        Endpoints { local, remote }
    }

    fn syn() -> Header {
        let mut syn =
            Header { sequence: SeqNumber(77), flags: Flags::SYN, ..Header::new(40_000, 80) };
        syn.options.mss = Some(1460);
        syn.options.window_scale = Some(7);
        syn.options.sack_permitted = true;
        syn.options.timestamps = Some(Timestamps { value: 5, echo: 0 });
        syn
    }

    fn segment(header: Header) -> Segment<'static> {
        Segment { header, payload: &[], ecn: Ecn::NotEct, segment_size: None, id: None }
    }

    #[test]
    fn what_the_cookie_keeps_comes_back_with_the_acknowledgement() {
        let ends = ends();
        let cookies = SynCookies::new([7; 48]);
        let options = Options { timestamp_offset: 99, ..Options::default() };
        let now = Time::from_secs(1000);
        let answer = cookies.answer(now, ends, &options, &segment(syn()));
        assert_eq!(answer.flags, Flags::SYN_ACK);
        let mut ack = Header {
            sequence: SeqNumber(78),
            acknowledgement: answer.sequence + 1,
            flags: Flags::ACK,
            ..Header::new(40_000, 80)
        };
        let echo = answer.options.timestamps.map_or(0, |ts| ts.value);
        ack.options.timestamps = Some(Timestamps { value: 6, echo });
        let later = Time::from_secs(1050);
        let kept = cookies.check(later, ends, &options, &segment(ack)).expect("valid");
        assert_eq!((kept.options.mss, kept.options.window_scale), (Some(1460), Some(7)));
        assert!(kept.options.sack_permitted);
        let too_late = Time::from_secs(1130);
        assert!(cookies.check(too_late, ends, &options, &segment(ack)).is_none());
        ack.acknowledgement += 1;
        assert!(cookies.check(later, ends, &options, &segment(ack)).is_none());
    }
}
