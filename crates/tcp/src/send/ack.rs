//! Processing an acknowledgement (RFC 9293 §3.10.7.4, "fifth"; `tcp_ack`).

use roundtrip_packet::SeqNumber;

use crate::congestion::Controller;
use crate::congestion::prr::Progress;
use crate::context::Context;
use crate::info::CaState;

use super::ack_effects::{AckEffects, AckOutcome, Acknowledgement, echo_rtt_us};
use super::chronograph::SendLimit;
use super::sender::Sender;
use super::sent::{Marks, Sent};
use super::space::WindowUpdate;
use super::steering::Acked;
use super::timer::SendTimer;

/// The segments that an acknowledgement took off the retransmission queue.
#[derive(Clone, Copy, Default)]
struct Cleaned {
    count: u32,
    /// When the first and the last of those that were sent only once were sent, µs.
    first_us: Option<u64>,
    last_us: u64,
}

impl Sender {
    /// Processes an acknowledgement.
    pub(crate) fn on_ack(&mut self, ack: &Acknowledgement<'_>, cx: Context<'_>) -> AckOutcome {
        if ack.ack == self.space.una() && self.is_waiting_for_nothing() && ack.sack.is_empty() {
            return self.on_ack_of_nothing(ack, cx);
        }
        let mut effects = AckEffects::new(ack, self.space.nxt());
        let prior_una = self.space.una();
        if ack.ack.lt(prior_una) {
            return self.on_old_ack(ack, effects, cx);
        }
        if ack.ack.gt(self.space.nxt()) {
            return AckOutcome::Unsent;
        }
        if ack.ack.gt(prior_una) {
            effects.una_advanced = true;
            self.timers.forget_retransmits();
        }
        let (prior_out, prior_in_flight) = (self.board.out(), self.board.in_flight());
        let prior_highest = self.board.highest_sack(prior_una);
        let (prior_delivered, prior_lost) = (self.counts.delivered(), self.counts.lost());

        effects.window_update = self.update_window(ack, cx);
        self.advance_una(ack.ack);
        if !ack.sack.is_empty() && self.agreed.sack {
            self.tag_sacked(ack.sack, ack.ack, prior_una, &mut effects, cx);
        }
        self.count_delivered(effects.sack_delivered, effects.ece);
        self.timers.forget_probes();
        self.latest.ack = cx.now.time;

        if prior_out == 0 {
            if effects.dsack {
                self.alert(prior_una, 0, &mut effects, cx);
            }
            self.on_ack_of_probe(cx);
            self.on_ack_of_tlp(ack.ack, &effects, cx);
            self.agenda.push(self.has_unsent());
            return AckOutcome::Accepted;
        }
        self.clean_queue(prior_una, prior_highest, &mut effects, cx);
        self.rack.update_window(effects.prior_delivered, self.counts.delivered());
        self.on_ack_of_tlp(ack.ack, &effects, cx);
        if !effects.is_no_duplicate()
            || effects.is_alert()
            || self.recovery.state() != CaState::Open
        {
            let duplicate = !effects.una_advanced && !effects.is_no_duplicate() && !effects.dsack;
            self.alert(prior_una, u32::from(duplicate), &mut effects, cx);
        }
        if effects.set_timer {
            self.set_send_timer(cx);
        }
        let delivered = self.counts.delivered().wrapping_sub(prior_delivered);
        let lost = self.counts.lost().wrapping_sub(prior_lost);
        let counted = (delivered, self.counts.delivered());
        let min_rtt_us = self.rtt.min_us();
        let delivery =
            self.active_state().rate.on_ack(effects.sample, counted, cx.now.us, min_rtt_us);
        if self.control.is_by_rate() {
            let acked = Acked { delivered, lost, delivery, prior_in_flight };
            self.steer(acked, &effects, cx);
        } else {
            self.control_congestion(delivered, lost, &effects, cx);
        }
        self.agenda.push(self.has_unsent());
        AckOutcome::Accepted
    }

    /// Whether nothing is in flight, nor a tail loss probe whose fate is unknown.
    fn is_waiting_for_nothing(&self) -> bool {
        self.board.is_empty() && !self.recovery.is_tail_probed()
    }

    /// Processes an acknowledgement while nothing is in flight, as each segment of a peer that only
    /// sends: it may open the window.
    fn on_ack_of_nothing(&mut self, ack: &Acknowledgement<'_>, cx: Context<'_>) -> AckOutcome {
        self.update_window(ack, cx);
        self.timers.forget_probes();
        self.latest.ack = cx.now.time;
        self.on_ack_of_probe(cx);
        self.agenda.push(self.has_unsent());
        AckOutcome::Accepted
    }

    /// Notes a segment whose acknowledgement says nothing new (`tcp_update_wl`).
    pub(crate) fn on_text_alone(&mut self, seq: SeqNumber) {
        self.space.note_segment(seq);
    }

    /// Processes an acknowledgement below SND.UNA, which can still report losses by its SACK
    /// blocks.
    fn on_old_ack(
        &mut self,
        ack: &Acknowledgement<'_>,
        mut effects: AckEffects,
        cx: Context<'_>,
    ) -> AckOutcome {
        let reach = u64::from(self.space.max_window()).min(self.counts.bytes_acked()) as u32;
        if ack.ack.lt(self.space.una() - reach) {
            return AckOutcome::TooOld;
        }
        if !ack.sack.is_empty() && self.agreed.sack {
            self.tag_sacked(ack.sack, ack.ack, self.space.una(), &mut effects, cx);
            self.count_delivered(effects.sack_delivered, effects.ece);
            self.alert(self.space.una(), 0, &mut effects, cx);
            self.agenda.push(self.has_unsent());
        }
        AckOutcome::Old
    }

    /// Takes the window of a segment, if the segment may update it. Answers whether it may.
    fn update_window(&mut self, ack: &Acknowledgement<'_>, cx: Context<'_>) -> bool {
        let update = self.space.update_window(ack.ack, ack.seq, ack.window);
        match update {
            WindowUpdate::Refused => return false,
            WindowUpdate::Same => return true,
            WindowUpdate::Changed | WindowUpdate::Largest => {}
        }
        if self.has_unsent() {
            self.restart_after_idle(cx);
        }
        if update == WindowUpdate::Largest {
            self.sync_size(cx);
        }
        true
    }

    /// Notes that everything before `ack` is acknowledged.
    fn advance_una(&mut self, ack: SeqNumber) {
        let una = self.space.una();
        let newly = self.space.acknowledge(ack);
        if newly > 0 {
            self.written.drop_acknowledged(una, newly);
            self.counts.note_acknowledged(newly);
        }
    }

    pub(super) fn count_delivered(&mut self, segments: u32, ece: bool) {
        self.counts.note_delivered(segments, ece && self.agreed.ecn);
    }

    /// Removes acknowledged segments from the queue and measures the round-trip time
    /// (`tcp_clean_rtx_queue`).
    fn clean_queue(
        &mut self,
        prior_una: SeqNumber,
        prior_highest: SeqNumber,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        let prior_sacked = self.board.sacked_out();
        let mut reordered = self.space.nxt();
        let mut cleaned = Cleaned::default();
        while self.board.first().is_some_and(|sent| sent.end().le(self.space.una())) {
            let Some(sent) = self.board.pop() else { break };
            self.take_off(&sent, &mut reordered, &mut cleaned, effects, cx);
        }
        if let Some(first) = self.board.first().copied() {
            effects.reneging = first.marks.has(Marks::SACKED);
            if first.seq.lt(self.space.una()) {
                self.trim_buffer(&first, cleaned.count > 0);
            }
        } else {
            self.board.shrink();
            self.stop_waiting(SendLimit::Busy, cx);
        }
        let measured = self.measure(prior_una, prior_sacked, &cleaned, effects, cx);
        if effects.data_acked {
            effects.set_timer = true;
            self.check_probe(cx);
            if self.agreed.sack {
                if reordered.lt(prior_highest) {
                    self.check_reordering(reordered, cx);
                }
            } else {
                self.remove_reno_sacks(cleaned.count, effects.ece, cx);
                if effects.retrans_acked {
                    effects.original_delivered = false;
                }
            }
        } else if let (Some(sack_us), Some(first)) = (effects.first_sacked_us, self.board.first()) {
            // Not for data that was sent after the first segment was last sent: that could put the
            // timeout off for ever.
            effects.set_timer |= measured && sack_us < first.sent_us;
        }
    }

    /// Trims the first segment, of which a part is acknowledged, if it left in one buffer with
    /// others; otherwise it stays whole (`tcp_tso_acked`).
    fn trim_buffer(&mut self, first: &Sent, follows: bool) {
        let second = self.board.get(self.board.first_place().wrapping_add(1));
        let has_next = second.is_some_and(|next| next.marks.has(Marks::JOINED));
        if has_next || (follows && first.marks.has(Marks::JOINED)) {
            self.board.trim_first(self.space.una());
        }
    }

    /// Accounts for one segment that was acknowledged cumulatively.
    fn take_off(
        &mut self,
        sent: &Sent,
        reordered: &mut SeqNumber,
        cleaned: &mut Cleaned,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        cleaned.count += 1;
        effects.data_acked = true;
        if sent.marks.was_retransmitted() {
            effects.retrans_acked = true;
        } else if !sent.marks.has(Marks::SACKED) {
            cleaned.first_us.get_or_insert(sent.sent_us);
            cleaned.last_us = sent.sent_us;
            *reordered = (*reordered).min(sent.seq);
            effects.original_delivered |= sent.end().le(self.recovery.high_seq());
        }
        if !sent.marks.has(Marks::SACKED) {
            if self.agreed.sack {
                self.count_delivered(1, effects.ece);
                if !is_spurious(sent, effects.echo) {
                    self.rack.advance(sent, cx.now.us, self.rtt.min_us());
                }
            }
            effects.sampled(sent, &mut self.active_state().rate);
        }
    }

    /// Takes a round-trip sample (`tcp_ack_update_rtt`): from the times of sending, but never of
    /// retransmitted segments (Karn's algorithm), or else from the echoed timestamp. Answers
    /// whether there was one.
    fn measure(
        &mut self,
        prior_una: SeqNumber,
        prior_sacked: u32,
        cleaned: &Cleaned,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) -> bool {
        let since = |us: u64| cx.now.us.saturating_sub(us);
        let mut sample = None;
        let mut latest = None;
        if let Some(first) = cleaned.first_us
            && !effects.retrans_acked
        {
            sample = Some(since(first));
            latest = Some(since(cleaned.last_us));
            effects.maybe_delayed = cleaned.count == 1
                && prior_sacked == 0
                && ((self.space.una() - prior_una) as u32) < self.size.effective()
                && effects.prior_delivered.map(|n| n.wrapping_add(1))
                    == Some(self.counts.delivered())
                && !effects.is_alert();
        }
        if let Some(first) = effects.first_sacked_us {
            latest = Some(since(effects.last_sacked_us));
            sample = sample.or(Some(since(first)));
        }
        if sample.is_none()
            && effects.data_acked
            && let Some(echo) = effects.echo
        {
            sample = echo_rtt_us(echo, cx.now.ms, 1);
            latest = sample;
        }
        let (Some(sample), Some(latest)) = (sample, latest) else { return false };
        if !(effects.maybe_delayed && latest > u64::from(self.rtt.min_us())) {
            self.rtt.update_min(latest, cx.now, cx.profile);
        }
        self.rtt.sample(sample, self.space.una(), self.space.nxt(), cx.profile);
        self.timers.forget_back_off();
        effects.rtt_us = Some(latest.min(1 << 30) as u32);
        let at = self.moment(cx);
        self.control.on_round_trip(&mut self.window, latest.min(1 << 30) as u32, &at);
        true
    }

    /// Handles the answer to a window probe: an acknowledgement while nothing is in flight
    /// (`tcp_ack_probe`).
    fn on_ack_of_probe(&mut self, cx: Context<'_>) {
        if !self.has_unsent() {
            return;
        }
        let next = self.written.end_with_fin().min(self.space.nxt() + self.size.effective());
        if next.le(self.space.window_end()) {
            self.timers.forget_back_off();
            self.timers.forget_shut_window();
            if self.timer_kind() == Some(SendTimer::Persist) {
                self.timers.stop();
            }
        } else {
            let when = self.probe_interval(cx);
            self.set_timer(SendTimer::Persist, when, cx);
        }
    }

    /// Sets the timer after progress: for a tail loss probe if one may be sent, else for the
    /// retransmission timeout (`tcp_set_xmit_timer`).
    pub(super) fn set_send_timer(&mut self, cx: Context<'_>) {
        if !self.schedule_loss_probe(true, cx) {
            self.rearm_rto(cx);
        }
    }

    /// Moves the congestion window after an acknowledgement (`tcp_cong_control`).
    fn control_congestion(
        &mut self,
        delivered: u32,
        lost: u32,
        effects: &AckEffects,
        cx: Context<'_>,
    ) {
        if self.recovery.in_reduction() {
            let safe = effects.una_advanced && lost == 0;
            let progress = Progress { in_flight: self.board.in_flight(), delivered, safe };
            self.recovery.reduce(&mut self.window, progress);
        } else if self.may_raise(effects, cx) {
            let at = self.moment(cx);
            self.control.on_ack(&mut self.window, delivered, &at);
            self.window.touch(cx.now.ticks);
        }
        self.update_pacing_rate(cx);
    }

    /// Whether the window may grow: on paths that reorder much with any delivery, on others only
    /// with deliveries in order (`tcp_may_raise_cwnd`).
    fn may_raise(&self, effects: &AckEffects, cx: Context<'_>) -> bool {
        effects.data_acked
            || (effects.data_sacked && self.recovery.reordering() > cx.profile.reordering)
    }
}

/// Whether the acknowledgement is for the original of a retransmitted segment: it echoes a time
/// before the retransmission (`tcp_skb_spurious_retrans`).
fn is_spurious(sent: &Sent, echo: Option<u32>) -> bool {
    let resent_ms = (sent.sent_us / 1000) as u32;
    sent.marks.was_retransmitted()
        && echo.is_some_and(|echo| (echo.wrapping_sub(resent_ms) as i32) < 0)
}
