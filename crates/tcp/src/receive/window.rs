//! The receive window, and the self-tuning buffer behind it (RFC 9293 §3.8.6.2.2; Dynamic
//! Right-Sizing; `tcp_input.c`, `tcp_output.c`).

use roundtrip_packet::SeqNumber;

use crate::clock::Now;
use crate::profile::Profile;
use crate::supply::Supply;

use super::memory::Memory;

/// The least size of a receive buffer, bytes (`SOCK_MIN_RCVBUF`).
const MIN_MEMORY: u32 = 2304;

/// The receive buffer as Linux counts it. A segment costs its memory, overhead included
/// (`truesize`), and the window is the share of the buffer that payload makes up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveSpace {
    /// The size of the buffer, bytes (`sk_rcvbuf`).
    pub(crate) memory: u32,
    /// Whether the size was fixed by `SO_RCVBUF`.
    fixed: bool,
    /// The part of the buffer that is taken.
    pub(super) held: Memory,
    /// The memory that the host has left for the buffer.
    pub(crate) supply: Supply,
    /// The share of payload in the buffer, in 1/256 (`scaling_ratio`).
    ratio: u8,
    /// The largest window to offer, bytes.
    pub(crate) clamp: u32,
    /// The window to offer until the peer has proved to fill its segments, bytes (`rcv_ssthresh`).
    pub(crate) ssthresh: u32,
    /// The MSS we announced, less the options of every segment.
    pub(crate) advmss: u32,
    /// Our window scale.
    pub(crate) shift: u8,
    /// The most bytes read in one round trip (`rcvq_space`), and since when they are counted.
    pub(crate) per_round: u32,
    round_seq: SeqNumber,
    round_us: u32,
    /// Eight times the round-trip time as the receiver measures it, µs.
    pub(crate) rtt8_us: u32,
    rtt_seq: SeqNumber,
    rtt_since_us: u64,
    last_echo: u32,
}

/// The receive buffer options that the application has set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BufferOptions {
    /// The size of the buffer as given to the call, bytes (`SO_RCVBUF`).
    pub(crate) buffer: Option<usize>,
    /// The largest window to offer, bytes (`TCP_WINDOW_CLAMP`).
    pub(crate) clamp: Option<u32>,
}

impl BufferOptions {
    pub(crate) fn of(options: &crate::Options) -> BufferOptions {
        BufferOptions { buffer: options.receive_buffer, clamp: options.window_clamp }
    }
}

/// The window that a SYN or SYN-ACK offers (`tcp_select_initial_window`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The window, bytes, not scaled.
    pub(crate) window: u32,
    /// The window scale, which counts only if both ends have one.
    pub(crate) shift: u8,
    clamp: u32,
    memory: u32,
    fixed: bool,
}

impl Offer {
    /// A window of as many segments of `mss` bytes as the buffer's payload share holds, and a scale
    /// that can express the largest buffer.
    pub(crate) fn new(mss: u32, options: BufferOptions, scaling: bool, profile: &Profile) -> Offer {
        let BufferOptions { buffer, clamp } = options;
        let memory = match buffer {
            Some(bytes) => {
                (bytes.min(profile.receive_memory_max as usize) as u32 * 2).max(MIN_MEMORY)
            }
            None => profile.receive_memory[1],
        };
        let full = share(memory, profile.scaling_ratio);
        let most = 65_535 << 14;
        let limit = clamp.map_or(most, |clamp| clamp.max(MIN_MEMORY / 2));
        let limit = if buffer.is_some() { limit.min(full) } else { limit };
        let mut space = full.min(limit);
        if space > mss && mss > 0 {
            space -= space % mss;
        }
        let mut shift = 0;
        if scaling {
            let largest =
                space.max(profile.receive_memory[2]).max(profile.receive_memory_max).min(limit);
            shift = (largest.max(1).ilog2().saturating_sub(15)).min(14) as u8;
        }
        let clamp = limit.min(65_535 << shift);
        Offer { window: space, shift, clamp, memory, fixed: buffer.is_some() }
    }
}

/// The payload's share of `memory` (`tcp_win_from_space`).
#[inline]
fn share(memory: u32, ratio: u8) -> u32 {
    ((u64::from(memory) * u64::from(ratio)) >> 8) as u32
}

impl ReceiveSpace {
    /// The receive space after a handshake that offered `offer`; `next` is RCV.NXT
    /// (`tcp_init_buffer_space`).
    pub(crate) fn new(
        offer: &Offer,
        scaling: bool,
        advmss: u32,
        next: SeqNumber,
        now: Now,
        profile: &Profile,
    ) -> ReceiveSpace {
        let full = share(offer.memory, profile.scaling_ratio);
        let mut clamp = if scaling { offer.clamp } else { offer.clamp.min(65_535) };
        if clamp >= full {
            clamp = full;
        }
        if clamp > 2 * advmss && clamp + advmss > full {
            clamp = (2 * advmss).max(full.saturating_sub(advmss));
        }
        let ssthresh = offer.window.min(clamp);
        ReceiveSpace {
            memory: offer.memory,
            fixed: offer.fixed,
            held: Memory::new(profile.buffer_cost, next),
            supply: Supply::Ample,
            ratio: profile.scaling_ratio,
            clamp,
            ssthresh,
            advmss,
            shift: if scaling { offer.shift } else { 0 },
            per_round: ssthresh.min(offer.window).min(10 * advmss),
            round_seq: next,
            round_us: now.us as u32,
            rtt8_us: 0,
            rtt_seq: next,
            rtt_since_us: 0,
            last_echo: 0,
        }
    }

    /// Fixes the buffer at twice `bytes` and ends its tuning (`SO_RCVBUF`).
    pub(crate) fn set_memory(&mut self, bytes: usize, profile: &Profile) {
        let bytes = bytes.min(profile.receive_memory_max as usize) as u32;
        self.memory = (bytes * 2).max(MIN_MEMORY);
        self.fixed = true;
    }

    /// Sets the largest window to offer (`TCP_WINDOW_CLAMP`; `tcp_set_window_clamp`); `window` was
    /// offered last.
    pub(crate) fn set_clamp(&mut self, bytes: u32, window: u32) {
        let clamp = bytes.max(MIN_MEMORY / 2);
        let before = std::mem::replace(&mut self.clamp, clamp);
        if clamp < before {
            self.ssthresh = self.ssthresh.min(clamp);
        } else {
            self.ssthresh = self.ssthresh.max(clamp.min(window));
        }
    }

    /// The payload that the empty buffer holds, bytes (`tcp_full_space`).
    fn full(&self) -> u32 {
        share(self.memory, self.ratio)
    }

    /// The payload that the buffer can take now, bytes (`tcp_space`).
    fn free(&self) -> u32 {
        share(self.memory.saturating_sub(self.held.used()), self.ratio)
    }

    /// Whether a segment is accepted at all: the buffer is within its limit and, where the host has
    /// no memory left, within `least`, which is always granted.
    pub(crate) fn has_room(&self, least: u32) -> bool {
        match self.supply {
            Supply::Ample | Supply::Short => self.held.used() <= self.memory,
            Supply::Gone => self.held.used() <= self.memory.min(least),
        }
    }

    /// Notes how much memory the host has; if it is short, no more than four segments are offered
    /// (`tcp_adjust_rcv_ssthresh`).
    pub(crate) fn set_supply(&mut self, supply: Supply) {
        self.supply = supply;
        if supply != Supply::Ample {
            self.ssthresh = self.ssthresh.min(4 * self.advmss);
        }
    }

    /// Lets a self-tuning buffer grow to what it holds (`tcp_clamp_window`); answers whether there
    /// is room then.
    pub(crate) fn stretch(&mut self, profile: &Profile) -> bool {
        let [least, _, most] = profile.receive_memory;
        if !self.fixed && self.memory < most && self.supply == Supply::Ample {
            self.memory = self.held.used().min(most).max(self.memory);
        }
        if !self.has_room(least) {
            self.ssthresh = self.clamp.min(2 * self.advmss);
        }
        self.has_room(least)
    }

    /// The window to offer, bytes (`__tcp_select_window`). It does not grow by little (silly window
    /// avoidance, RFC 9293 §3.8.6.2.2). `quick` is set to 0 when space runs short.
    pub(crate) fn select(&self, rcv_mss: u32, current: u32, quick: &mut u8) -> u32 {
        let allowed = self.full();
        let full = self.clamp.min(allowed);
        let mss = rcv_mss.min(full);
        if mss == 0 {
            return 0;
        }
        let mut free = self.free();
        let unit = 1 << self.shift;
        if free < full / 2 {
            *quick = 0;
            free -= free % unit;
            if free < allowed / 16 || free < mss {
                return 0;
            }
        }
        free = free.min(self.ssthresh);
        if self.shift > 0 {
            return free.next_multiple_of(unit);
        }
        if current + mss <= free || current > free {
            free - free % mss
        } else if mss == full && free > current + full / 2 {
            free
        } else {
            current
        }
    }

    /// Updates the share of payload after a segment has grown the estimate of the peer's size
    /// (`tcp_measure_rcv_mss`, `tcp_set_window_clamp`). `window` is the one last announced: what
    /// was promised by rounding up counts from then on.
    pub(crate) fn rescale(&mut self, len: u32, window: u32) {
        let ratio = (u64::from(len) << 8) / u64::from(self.held.cost(len));
        let ratio = ratio.clamp(1, 255) as u8;
        if ratio == self.ratio {
            return;
        }
        self.ratio = ratio;
        self.set_clamp(share(self.memory, ratio), window);
        self.per_round = self.per_round.min(self.clamp);
    }

    /// Opens the window after a segment that fills its memory well (`tcp_grow_window`). Answers
    /// whether it did.
    pub(crate) fn grow(&mut self, len: u32, rcv_mss: u32, profile: &Profile) -> bool {
        let room = self.clamp.min(self.free()).saturating_sub(self.ssthresh);
        if room == 0 || self.supply != Supply::Ample {
            return false;
        }
        let cost = share(self.held.cost(len), self.ratio);
        let step =
            if cost <= len { 2 * self.advmss } else { self.slow_step(len, rcv_mss, profile) };
        if step == 0 {
            return false;
        }
        self.ssthresh += room.min(step.max(2 * len));
        true
    }

    /// The step by which the window grows for segments that are mostly overhead, bytes
    /// (`__tcp_grow_window`).
    fn slow_step(&self, len: u32, rcv_mss: u32, profile: &Profile) -> u32 {
        let mut cost = share(self.held.cost(len), self.ratio) / 2;
        let mut window = share(profile.receive_memory[2], self.ratio) / 2;
        while self.ssthresh <= window {
            if cost <= len {
                return 2 * rcv_mss;
            }
            cost /= 2;
            window /= 2;
        }
        0
    }

    /// Measures the round-trip time by timestamps, with full segments only
    /// (`tcp_rcv_rtt_measure_ts`).
    pub(crate) fn measure_echo(&mut self, echo: u32, full: bool, all_read: bool, now: Now) {
        if echo == self.last_echo {
            return;
        }
        self.last_echo = echo;
        if full && let Some(sample) = crate::send::echo_rtt_us(echo, now.ms, 0).filter(|&us| us > 0)
        {
            self.sample(sample, false, all_read);
        }
    }

    /// Measures the round-trip time as the time that a window takes (`tcp_rcv_rtt_measure`).
    pub(crate) fn measure_window(&mut self, next: SeqNumber, window: u32, now: Now) {
        if self.rtt_since_us != 0 {
            if next.lt(self.rtt_seq) {
                return;
            }
            self.sample(now.us.saturating_sub(self.rtt_since_us).max(1), true, true);
        }
        self.rtt_seq = next + window;
        self.rtt_since_us = now.us.max(1);
    }

    /// Takes a sample of the round-trip time (`tcp_rcv_rtt_update`).
    fn sample(&mut self, sample_us: u64, by_window: bool, all_read: bool) {
        let sample = sample_us.min(1 << 27) as u32;
        if self.rtt8_us == 0 || sample << 3 < self.rtt8_us {
            self.rtt8_us = sample << 3;
        } else if !by_window && all_read {
            self.rtt8_us = self.rtt8_us - (self.rtt8_us >> 3) + sample;
        }
    }

    /// Sizes the buffer by how much the application reads in a round trip (`tcp_rcv_space_adjust`).
    /// `copied` is the sequence number after what was read.
    pub(crate) fn adjust(
        &mut self,
        copied: SeqNumber,
        next: SeqNumber,
        highest: Option<SeqNumber>,
        now_us: u32,
        profile: &Profile,
    ) {
        // The clock wraps after 71 minutes, so that a round may then be one longer.
        if self.rtt8_us == 0 || now_us.wrapping_sub(self.round_us) < self.rtt8_us >> 3 {
            return;
        }
        let unread = next - copied;
        let read = (copied - self.round_seq) - unread;
        if read > 0 && read as u32 > self.per_round {
            self.enlarge(read as u32, next, highest, profile);
        }
        self.round_seq = copied;
        self.round_us = now_us;
    }

    /// Makes room for twice what was read, for the growth of a peer in slow start, and for data out
    /// of order (`tcp_rcvbuf_grow`).
    pub(crate) fn enlarge(
        &mut self,
        read: u32,
        next: SeqNumber,
        highest: Option<SeqNumber>,
        profile: &Profile,
    ) {
        let before = std::mem::replace(&mut self.per_round, read);
        if !profile.moderate_receive_buffer || self.fixed || self.supply != Supply::Ample {
            return;
        }
        let mut window = u64::from(read) * 2;
        let growth = u64::from(read.saturating_sub(before));
        window += window * growth / u64::from(before.max(1)) * 2;
        if let Some(highest) = highest {
            window += (highest - next).max(0) as u64;
        }
        let memory = (window << 8) / u64::from(self.ratio.max(1));
        let memory = memory.min(u64::from(profile.receive_memory[2])) as u32;
        if memory > self.memory {
            self.memory = memory;
            self.clamp = self.full();
        }
    }
}

#[cfg(test)]
mod tests {
    use roundtrip_record::Time;

    use super::*;

    #[test]
    fn the_handshake_offers_what_linux_offers() {
        let profile = Profile::linux();
        let syn = Offer::new(1460, BufferOptions::default(), true, &profile);
        assert_eq!((syn.window, syn.shift), (64_240, 10));
        let syn_ack = Offer::new(1448, BufferOptions::default(), true, &profile);
        assert_eq!((syn_ack.window, syn_ack.shift), (65_160, 10));
    }

    #[test]
    fn a_fixed_buffer_needs_no_scale() {
        let profile = Profile::linux();
        let offer =
            Offer::new(1460, BufferOptions { buffer: Some(20_000), clamp: None }, true, &profile);
        assert_eq!((offer.window, offer.shift), (18_980, 0));
    }

    fn space() -> ReceiveSpace {
        let profile = Profile::linux();
        let now = Now::at(Time::from_millis(1), profile.tick);
        let offer = Offer::new(1460, BufferOptions::default(), true, &profile);
        ReceiveSpace::new(&offer, true, 1448, SeqNumber(1), now, &profile)
    }

    #[test]
    fn the_first_window_is_one_segment_short_of_the_buffer() {
        let space = space();
        assert_eq!((space.clamp, space.ssthresh), (64_088, 64_088));
        assert_eq!(space.select(536, 64_240, &mut 0), 64_512, "rounded up to the scale");
    }

    #[test]
    fn full_segments_open_the_window_and_a_reader_enlarges_the_buffer() {
        let profile = Profile::linux();
        let mut space = space();
        space.rescale(1448, 64_512);
        assert_eq!((space.ratio, space.clamp, space.ssthresh), (170, 87_040, 64_512));
        assert!(space.grow(1448, 1448, &profile));
        assert_eq!(space.ssthresh, 67_408, "as in the kernel, by TCP_INFO");
        space.rtt8_us = 8 * 40_000;
        let read = SeqNumber(1) + 60_000;
        space.adjust(read, read, None, 50_000, &profile);
        assert!(space.memory > 131_072 && space.memory <= 33_554_432);
    }

    #[test]
    fn a_full_buffer_closes_the_window_and_does_not_open_it_by_a_little() {
        let mut space = space();
        for _ in 0..space.memory / 1920 {
            space.held.wait(1448, true);
        }
        let mut quick = 5;
        assert_eq!(space.select(1448, 0, &mut quick), 0, "less than a sixteenth is free");
        assert_eq!(quick, 0);
    }
}
