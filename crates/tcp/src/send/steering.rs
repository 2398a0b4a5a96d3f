//! Sending by the rate of delivery: what a congestion control that sets window and pacing rate itself is told, and
//! spacing (`tcp_cong_control`, `tcp_pacing_check`).

use roundtrip_record::Time;

use crate::congestion::Control;
use crate::congestion::bbr::{Bbr, Known};
use crate::congestion::rate_sample::{Delivery, RateSample};
use crate::context::Context;
use crate::profile::Profile;

use super::ack_effects::AckEffects;
use super::sender::Sender;

/// What an acknowledgement brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Acked {
    /// Segments delivered, and found to be lost.
    pub(super) delivered: u32,
    pub(super) lost: u32,
    pub(super) delivery: Option<Delivery>,
    /// Segments in flight before it.
    pub(super) prior_in_flight: u32,
}

impl Sender {
    /// Begins the congestion control that the profile names, with the window as it is.
    pub(super) fn begin_control(&mut self, cx: Context<'_>) {
        let at = self.moment(cx);
        let known = Known {
            srtt_us: self.rtt.srtt_us(),
            min_rtt_us: self.rtt.min_us(),
            delivered: self.counts.delivered(),
        };
        self.control = Control::new(cx.profile, known, &at);
        if self.control.is_by_rate() {
            let mss = self.size.effective();
            self.pacing.set_rate(Bbr::first_rate(&self.window, known.srtt_us, mss));
        }
    }

    /// Lets a control by rate move the window after an acknowledgement.
    pub(super) fn steer(&mut self, acked: Acked, effects: &AckEffects, cx: Context<'_>) {
        let mut sample = self.rate_sample(acked, cx);
        sample.rtt_us = effects.rtt_us;
        sample.is_ack_delayed = effects.maybe_delayed;
        let (at, rate) = (self.moment(cx), self.pacing.rate());
        let Some(bbr) = self.control.by_rate() else { return };
        let steered = bbr.steer(&mut self.window, rate, &sample, &at);
        self.pacing.set_rate(steered.rate);
        if steered.is_held_back {
            self.active_state().rate.on_shortage(sample.delivered, sample.in_flight);
        }
    }

    /// Tells a control by rate that sending begins again after the application had nothing to send.
    pub(super) fn steer_after_pause(&mut self, cx: Context<'_>) {
        if !self.control.is_by_rate() || !self.active_state().rate.is_app_limited() {
            return;
        }
        let (sample, rate) = (self.rate_sample(Acked::default(), cx), self.pacing.rate());
        let Some(bbr) = self.control.by_rate() else { return };
        let rate = bbr.on_restart(&mut self.window, rate, &sample, cx.now);
        self.pacing.set_rate(rate);
    }

    /// Tells a control by rate of a retransmission timeout.
    pub(super) fn steer_after_timeout(&mut self, cx: Context<'_>) {
        if !self.control.is_by_rate() {
            return;
        }
        let sample = self.rate_sample(Acked::default(), cx);
        if let Some(bbr) = self.control.by_rate() {
            bbr.on_timeout(&sample);
        }
    }

    /// Tells a control by rate that what counted as lost was not.
    pub(super) fn steer_after_undo(&mut self, cx: Context<'_>) {
        if !self.control.is_by_rate() {
            return;
        }
        let sample = self.rate_sample(Acked::default(), cx);
        if let Some(bbr) = self.control.by_rate() {
            bbr.on_undo(&sample);
        }
    }

    fn rate_sample(&mut self, acked: Acked, cx: Context<'_>) -> RateSample {
        RateSample {
            delivery: acked.delivery,
            acked: acked.delivered,
            losses: acked.lost,
            rtt_us: None,
            is_ack_delayed: false,
            prior_in_flight: acked.prior_in_flight,
            in_flight: self.board.in_flight(),
            delivered: self.counts.delivered(),
            lost: self.counts.lost(),
            delivered_us: self.active_state().rate.delivered_us(),
            state: self.recovery.state(),
            spaced_us: self.pacing.until().since(cx.now.time).as_micros() as u32,
            mss: self.size.effective(),
            srtt_us: self.rtt.srtt_us(),
        }
    }

    // ---- spacing ----

    /// Whether segments have to wait because they are spaced, and it is not their turn yet.
    pub(super) fn waits_for_turn(&self, cx: Context<'_>) -> bool {
        self.is_spaced(cx.profile) && cx.now.time < self.pacing.until()
    }

    /// Spaces what follows a burst of `len` bytes, which might have been sent from `allowed_since` on. The first ten
    /// segments of a connection are not spaced (`tcp_update_skb_after_send`).
    pub(super) fn space_burst(&mut self, len: u32, allowed_since: Time, cx: Context<'_>) {
        if self.is_spaced(cx.profile) && self.counts.data_segs_out() >= 10 {
            self.pacing.space(len, allowed_since, cx.now.time);
        }
    }

    /// Whether segments are spaced: where the profile says so, and under a control by rate.
    #[inline]
    pub(super) fn is_spaced(&self, profile: &Profile) -> bool {
        profile.pacing || self.control.is_by_rate()
    }

    /// Whether the window goes by how far it is used. A control by rate knows when the application had nothing to
    /// send.
    pub(super) fn goes_by_use(&self, profile: &Profile) -> bool {
        profile.slow_start_after_idle && !self.control.is_by_rate()
    }

    /// The least segments of a burst (`min_tso_segs`).
    pub(super) fn least_burst(&self, cx: Context<'_>) -> u32 {
        let is_slow = self.control.is_by_rate() && Bbr::least_burst(self.pacing.rate()) == 1;
        if is_slow { 1 } else { cx.profile.min_tso_segments }
    }
}
