//! BBR, version 1: congestion control by bottleneck bandwidth and round-trip time (Cardwell et al., ACM Queue
//! 14(5), 2016; draft-cardwell-iccrg-bbr-congestion-control-00; `net/ipv4/tcp_bbr.c`).
//!
//! It keeps a model of the path, the greatest bandwidth of ten round trips and the least round-trip time of ten
//! seconds, and sends at that bandwidth, with little more in flight than their product. Losses alone change
//! nothing. Segments are spaced at the pacing rate, whatever the profile says.

mod bandwidth;
mod bunching;
mod policer;

use crate::clock::Now;
use crate::info::CaState;

use self::bandwidth::{Bandwidth, Greatest, UNIT};
use self::bunching::Bunching;
use self::policer::{Policer, Verdict};
use super::controller::{Controller, Moment};
use super::rate_sample::RateSample;
use super::window::Window;

/// The gain of startup: 2/ln 2, the least that doubles the rate each round trip.
const HIGH_GAIN: u32 = UNIT * 2885 / 1000 + 1;
/// The gain that empties in one round trip the queue that startup made.
const DRAIN_GAIN: u32 = UNIT * 1000 / 2885;
/// The window while cruising, in products of bandwidth and round-trip time: room for delayed acknowledgements.
const CWND_GAIN: u32 = 2 * UNIT;
/// The gains of a cycle: one phase probes for more, one drains what that queued, six cruise.
const CYCLE: [u32; 8] = [UNIT * 5 / 4, UNIT * 3 / 4, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT];
/// The phases that a first cycle may begin with: any but the second.
const PHASES: u32 = 7;
/// The least window, segments: what keeps acknowledgements coming.
const LEAST_CWND: u32 = 4;
/// The window of a path of which nothing is known, segments.
const INITIAL_CWND: u32 = 10;
/// The pipe is full when the bandwidth has not grown by a quarter for three round trips.
const GROWN: u32 = UNIT * 5 / 4;
const NOT_GROWN: u32 = 3;
/// How long the least round-trip time counts, seconds.
const MIN_RTT_SECONDS: u32 = 10;
/// How long at least the window stays small to measure it again, ms.
const PROBE_RTT_MS: u32 = 200;
/// Below this rate, bytes a second, segments leave one by one.
const SLOW: u64 = 1_200_000 / 8;
/// The largest burst, bytes and segments.
const BURST_BYTES: u64 = 65_535 - 320;
const BURST_SEGMENTS: u32 = 127;

/// What the control is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The rate is doubled each round trip, to find the bandwidth.
    Startup,
    /// The queue that this made is emptied.
    Drain,
    /// The path is probed for more bandwidth in cycles.
    ProbeBw,
    /// The window is small for a while, to measure the round-trip time of empty queues.
    ProbeRtt,
}

/// BBR's state.
#[derive(Clone, Debug)]
pub(crate) struct Bbr {
    mode: Mode,
    bandwidth: Greatest,
    policer: Policer,
    bunching: Bunching,
    // Round trips, counted by deliveries.
    round: u32,
    next_round_delivered: u32,
    begins_round: bool,
    // The least round-trip time.
    min_rtt_us: u32,
    min_rtt_ticks: u32,
    /// When probing for it may end, ticks, once the window is small.
    probe_rtt_until: Option<u32>,
    probe_rtt_round_done: bool,
    has_seen_rtt: bool,
    // Whether the pipe is full.
    full_bandwidth: Bandwidth,
    not_grown: u32,
    is_full: bool,
    // The cycle of gains.
    phase: usize,
    phase_since_us: u32,
    // The window.
    prior_cwnd: u32,
    prior_state: CaState,
    conserves: bool,
    idle_restart: bool,
    /// The state of the generator of the first phases.
    chance: u32,
}

/// What a connection knows when BBR takes it over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The smoothed and the least round-trip time, µs; 0 and `u32::MAX` before the first sample.
    pub(crate) srtt_us: u32,
    pub(crate) min_rtt_us: u32,
    /// Segments delivered so far.
    pub(crate) delivered: u32,
}

impl Known {
    /// What is known at the beginning.
    pub(crate) const NOTHING: Known = Known { srtt_us: 0, min_rtt_us: u32::MAX, delivered: 0 };
}

/// What BBR wants besides the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steered {
    /// The pacing rate, bytes a second.
    pub(crate) rate: u64,
    /// Whether what is in flight now must not count as the path's bandwidth: it was kept small on purpose.
    pub(crate) is_held_back: bool,
}

impl Bbr {
    pub(crate) fn new(known: Known, at: &Moment) -> Bbr {
        let mut bunching = Bunching::default();
        bunching.restart(at.now.us as u32);
        Bbr {
            mode: Mode::Startup,
            bandwidth: Greatest::new(),
            policer: Policer::default(),
            bunching,
            round: 0,
            next_round_delivered: known.delivered,
            begins_round: false,
            min_rtt_us: known.min_rtt_us,
            min_rtt_ticks: at.now.ticks,
            probe_rtt_until: None,
            probe_rtt_round_done: false,
            has_seen_rtt: known.srtt_us > 0,
            full_bandwidth: Bandwidth::ZERO,
            not_grown: 0,
            is_full: false,
            phase: 0,
            phase_since_us: 0,
            prior_cwnd: 0,
            prior_state: CaState::Open,
            conserves: false,
            idle_restart: false,
            // Initial sequence numbers are as good as random, and each connection has its own.
            chance: at.nxt.0 | 1,
        }
    }

    /// The pacing rate before a bandwidth is known, bytes a second: the window in a round trip, or in a
    /// millisecond where that is not known either.
    pub(crate) fn first_rate(window: &Window, srtt_us: u32, mss: u32) -> u64 {
        let rtt_us = if srtt_us > 0 { srtt_us } else { 1000 };
        Bandwidth::of(window.cwnd(), u64::from(rtt_us)).bytes_a_second(mss, HIGH_GAIN)
    }

    /// The least segments of a burst at a pacing rate.
    pub(crate) fn least_burst(rate: u64) -> u32 {
        if rate < SLOW { 1 } else { 2 }
    }

    /// Takes an acknowledgement: moves the window, and answers the new pacing rate; `rate` is the one so far.
    pub(crate) fn steer(
        &mut self,
        window: &mut Window,
        rate: u64,
        sample: &RateSample,
        at: &Moment,
    ) -> Steered {
        let now = at.now;
        self.update_bandwidth(sample);
        let known = self.known_bandwidth();
        self.bunching.on_ack(sample, self.begins_round, known, window.cwnd());
        self.update_phase(rate, sample);
        self.look_whether_full(sample);
        self.drain(window, rate, sample);
        let is_held_back = self.update_min_rtt(window, sample, at);
        let rate = self.paced(rate, self.pacing_gain(), window, sample);
        self.set_cwnd(window, rate, sample);
        window.touch(now.ticks);
        Steered { rate, is_held_back }
    }

    /// Notes that sending begins again after nothing was in flight, and that it was the application that had
    /// nothing to send. Answers the pacing rate, `rate` so far.
    pub(crate) fn on_restart(
        &mut self,
        window: &mut Window,
        rate: u64,
        sample: &RateSample,
        now: Now,
    ) -> u64 {
        self.idle_restart = true;
        self.bunching.restart(now.us as u32);
        match self.mode {
            Mode::ProbeBw => return self.paced(rate, UNIT, window, sample),
            Mode::ProbeRtt => self.end_probe_rtt(window, sample, now.ticks),
            Mode::Startup | Mode::Drain => {}
        }
        rate
    }

    /// Notes a retransmission timeout.
    pub(crate) fn on_timeout(&mut self, sample: &RateSample) {
        self.prior_state = CaState::Loss;
        self.full_bandwidth = Bandwidth::ZERO;
        self.begins_round = true;
        self.look_for_policer(&RateSample { losses: 1, delivery: None, ..*sample });
    }

    /// Notes that losses were none: the pipe may not be full, and there may be no policer.
    pub(crate) fn on_undo(&mut self, sample: &RateSample) {
        self.full_bandwidth = Bandwidth::ZERO;
        self.not_grown = 0;
        self.policer.forget(sample);
    }

    /// Remembers the window before a loss or a probe makes it small.
    pub(crate) fn save_cwnd(&mut self, window: &Window) {
        let is_small = self.prior_state >= CaState::Recovery || self.mode == Mode::ProbeRtt;
        self.prior_cwnd = if is_small { self.prior_cwnd.max(window.cwnd()) } else { window.cwnd() };
    }

    // ---- the model of the path ----

    /// The bandwidth to go by.
    fn known_bandwidth(&self) -> Bandwidth {
        self.policer.bandwidth().unwrap_or_else(|| self.bandwidth.get())
    }

    fn update_bandwidth(&mut self, sample: &RateSample) {
        self.begins_round = false;
        let Some((delivery, interval_us)) = sample.measured() else { return };
        if delivery.prior_delivered.wrapping_sub(self.next_round_delivered) as i32 >= 0 {
            self.next_round_delivered = sample.delivered;
            self.round = self.round.wrapping_add(1);
            self.begins_round = true;
            self.conserves = false;
        }
        self.look_for_policer(sample);
        let bandwidth = Bandwidth::of(delivery.segments, u64::from(interval_us));
        if !delivery.is_limited || bandwidth >= self.bandwidth.get() {
            self.bandwidth.update(self.round, bandwidth);
        }
    }

    fn look_for_policer(&mut self, sample: &RateSample) {
        let is_cruising = self.mode == Mode::ProbeBw;
        if self.policer.on_ack(sample, self.begins_round, is_cruising) == Verdict::ProbeAgain {
            self.probe_bandwidth(sample);
        }
    }

    fn look_whether_full(&mut self, sample: &RateSample) {
        let is_limited = sample.delivery.is_some_and(|delivery| delivery.is_limited);
        if self.is_full || !self.begins_round || is_limited {
            return;
        }
        if self.bandwidth.get() >= self.full_bandwidth.times(GROWN) {
            self.full_bandwidth = self.bandwidth.get();
            self.not_grown = 0;
            return;
        }
        self.not_grown += 1;
        self.is_full = self.not_grown >= NOT_GROWN;
    }

    /// Takes a round-trip time, and makes the window small for a while when the least one has grown old.
    /// Answers whether what is in flight is being kept small.
    fn update_min_rtt(&mut self, window: &mut Window, sample: &RateSample, at: &Moment) -> bool {
        let ticks = at.now.ticks;
        let until = self.min_rtt_ticks.wrapping_add(MIN_RTT_SECONDS * at.tick.hz);
        let is_old = is_after(ticks, until);
        if let Some(rtt_us) = sample.rtt_us
            && (rtt_us < self.min_rtt_us || (is_old && !sample.is_ack_delayed))
        {
            self.min_rtt_us = rtt_us;
            self.min_rtt_ticks = ticks;
        }
        if is_old && !self.idle_restart && self.mode != Mode::ProbeRtt {
            self.save_cwnd(window);
            self.mode = Mode::ProbeRtt;
            self.probe_rtt_until = None;
        }
        let probes = self.mode == Mode::ProbeRtt;
        if probes {
            self.probe_rtt(window, sample, at);
        }
        if sample.delivery.is_some_and(|delivery| delivery.segments > 0) {
            self.idle_restart = false;
        }
        probes
    }

    fn probe_rtt(&mut self, window: &mut Window, sample: &RateSample, at: &Moment) {
        if self.probe_rtt_until.is_none() {
            if sample.in_flight <= LEAST_CWND {
                let length = (PROBE_RTT_MS * at.tick.hz).div_ceil(1000);
                self.probe_rtt_until = Some(at.now.ticks.wrapping_add(length));
                self.probe_rtt_round_done = false;
                self.next_round_delivered = sample.delivered;
            }
            return;
        }
        self.probe_rtt_round_done |= self.begins_round;
        if self.probe_rtt_round_done {
            self.end_probe_rtt(window, sample, at.now.ticks);
        }
    }

    /// Ends the probe of the round-trip time, if its time is up.
    fn end_probe_rtt(&mut self, window: &mut Window, sample: &RateSample, ticks: u32) {
        if !self.probe_rtt_until.is_some_and(|until| is_after(ticks, until)) {
            return;
        }
        self.min_rtt_ticks = ticks;
        window.set(window.cwnd().max(self.prior_cwnd));
        if self.is_full {
            self.probe_bandwidth(sample);
        } else {
            self.mode = Mode::Startup;
        }
    }

    // ---- the cycle of gains ----

    /// Begins to probe in cycles, at a phase that chance chooses, so that connections do not probe together.
    fn probe_bandwidth(&mut self, sample: &RateSample) {
        self.mode = Mode::ProbeBw;
        // xorshift32 (Marsaglia, 2003).
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        self.phase = CYCLE.len() - 1 - (self.chance % PHASES) as usize;
        self.next_phase(sample);
    }

    fn next_phase(&mut self, sample: &RateSample) {
        self.phase = (self.phase + 1) % CYCLE.len();
        self.phase_since_us = sample.delivered_us;
    }

    fn update_phase(&mut self, rate: u64, sample: &RateSample) {
        if self.mode == Mode::ProbeBw && self.is_phase_over(rate, sample) {
            self.next_phase(sample);
        }
    }

    fn is_phase_over(&self, rate: u64, sample: &RateSample) -> bool {
        let is_long = sample.delivered_us.wrapping_sub(self.phase_since_us) > self.min_rtt_us;
        let gain = self.pacing_gain();
        if gain == UNIT {
            return is_long;
        }
        let in_flight = self.in_flight_then(sample.prior_in_flight, rate, sample);
        let greatest = self.bandwidth.get();
        if gain > UNIT {
            // Until there is as much in flight as the gain means to have, unless the queue is too short for it.
            let wanted = self.in_flight_of(greatest, gain, rate, sample.mss);
            return is_long && (sample.losses > 0 || in_flight >= wanted);
        }
        is_long || in_flight <= self.in_flight_of(greatest, UNIT, rate, sample.mss)
    }

    /// Begins to drain once the pipe is full, and to probe once it is drained.
    fn drain(&mut self, window: &mut Window, rate: u64, sample: &RateSample) {
        let target = self.in_flight_of(self.bandwidth.get(), UNIT, rate, sample.mss);
        if self.mode == Mode::Startup && self.is_full {
            self.mode = Mode::Drain;
            window.set_ssthresh(target);
        }
        if self.mode == Mode::Drain && self.in_flight_then(sample.in_flight, rate, sample) <= target
        {
            self.probe_bandwidth(sample);
        }
    }

    fn pacing_gain(&self) -> u32 {
        match self.mode {
            Mode::Startup => HIGH_GAIN,
            Mode::Drain => DRAIN_GAIN,
            Mode::ProbeBw if self.policer.bandwidth().is_none() => CYCLE[self.phase],
            Mode::ProbeBw | Mode::ProbeRtt => UNIT,
        }
    }

    fn cwnd_gain(&self) -> u32 {
        match self.mode {
            Mode::Startup | Mode::Drain => HIGH_GAIN,
            Mode::ProbeBw => CWND_GAIN,
            Mode::ProbeRtt => UNIT,
        }
    }

    // ---- rate and window ----

    /// The pacing rate: it only rises until the pipe is full.
    fn paced(&mut self, rate: u64, gain: u32, window: &Window, sample: &RateSample) -> u64 {
        let mut so_far = rate;
        if !self.has_seen_rtt && sample.srtt_us > 0 {
            self.has_seen_rtt = true;
            so_far = Bbr::first_rate(window, sample.srtt_us, sample.mss);
        }
        let wanted = self.known_bandwidth().bytes_a_second(sample.mss, gain);
        if self.is_full || wanted > so_far { wanted } else { so_far }
    }

    fn set_cwnd(&mut self, window: &mut Window, rate: u64, sample: &RateSample) {
        let cwnd = self.wanted_cwnd(window, rate, sample);
        let most = if self.mode == Mode::ProbeRtt { LEAST_CWND } else { u32::MAX };
        window.set(cwnd.min(most));
    }

    fn wanted_cwnd(&mut self, window: &Window, rate: u64, sample: &RateSample) -> u32 {
        if sample.acked == 0 {
            return window.cwnd();
        }
        let cwnd = self.after_losses(window.cwnd(), sample);
        if self.conserves {
            return cwnd.max(sample.in_flight + sample.acked);
        }
        let known = self.known_bandwidth();
        let room = if self.is_full { self.bunching.room(known) } else { 0 };
        let product = self.product(known, self.cwnd_gain());
        let target = self.with_bursts(product.saturating_add(room), rate, sample.mss);
        let cwnd = if self.is_full {
            (cwnd + sample.acked).min(target)
        } else if cwnd < target || sample.delivered < INITIAL_CWND {
            cwnd + sample.acked
        } else {
            cwnd
        };
        cwnd.max(LEAST_CWND)
    }

    /// The window less what was lost. In the first round trip of a recovery no more is sent than arrives; after it the
    /// window is what it was.
    fn after_losses(&mut self, cwnd: u32, sample: &RateSample) -> u32 {
        let mut cwnd = cwnd.saturating_sub(sample.losses).max(u32::from(cwnd > 0));
        let (state, prior) = (sample.state, self.prior_state);
        if state == CaState::Recovery && prior != CaState::Recovery {
            self.conserves = true;
            self.next_round_delivered = sample.delivered;
            cwnd = sample.in_flight + sample.acked;
        } else if prior >= CaState::Recovery && state < CaState::Recovery {
            cwnd = cwnd.max(self.prior_cwnd);
            self.conserves = false;
        }
        self.prior_state = state;
        cwnd
    }

    /// `gain` times the product of a bandwidth and the round-trip time, segments.
    fn product(&self, bandwidth: Bandwidth, gain: u32) -> u32 {
        if self.min_rtt_us == u32::MAX {
            return INITIAL_CWND;
        }
        bandwidth.product(self.min_rtt_us, gain)
    }

    /// What is to be in flight for a bandwidth, segments.
    fn in_flight_of(&self, bandwidth: Bandwidth, gain: u32, rate: u64, mss: u32) -> u32 {
        self.with_bursts(self.product(bandwidth, gain), rate, mss)
    }

    /// Room for whole bursts: one in the sender, one on the way, one at the receiver; and an even number, since every other
    /// segment is acknowledged.
    fn with_bursts(&self, segments: u32, rate: u64, mss: u32) -> u32 {
        let room = segments.saturating_add(3 * burst(rate, mss));
        let even = room.saturating_add(1) & !1;
        let probes = self.mode == Mode::ProbeBw && self.phase == 0;
        if probes { even.saturating_add(2) } else { even }
    }

    /// What will be in flight when the segments that are sent now leave, which they do spaced.
    fn in_flight_then(&self, in_flight: u32, rate: u64, sample: &RateSample) -> u32 {
        let delivered = self.known_bandwidth().segments(sample.spaced_us);
        let more = if self.pacing_gain() > UNIT { burst(rate, sample.mss) } else { 0 };
        (in_flight + more).saturating_sub(delivered)
    }
}

impl Controller for Bbr {
    /// The threshold means nothing to BBR; the window is remembered for the time after the losses.
    fn ssthresh(&mut self, window: &Window) -> u32 {
        self.save_cwnd(window);
        window.ssthresh()
    }

    /// BBR moves the window in [`Bbr::steer`] alone.
    fn on_ack(&mut self, _window: &mut Window, _acked: u32, _at: &Moment) {}
}

/// The segments of a burst: a millisecond's worth.
fn burst(rate: u64, mss: u32) -> u32 {
    let bytes = (rate >> 10).min(BURST_BYTES);
    let segments = (bytes / u64::from(mss.max(1))) as u32;
    segments.max(Bbr::least_burst(rate)).min(BURST_SEGMENTS)
}

/// Whether one count of ticks lies after another.
fn is_after(ticks: u32, other: u32) -> bool {
    ticks.wrapping_sub(other) as i32 > 0
}
