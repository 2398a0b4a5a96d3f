//! Detection of lost segments: by time (RACK, RFC 8985; `net/ipv4/tcp_recovery.c`), by count, after
//! a timeout, or because they were too large.

use crate::congestion::prr::Progress;
use crate::context::Context;
use crate::info::CaState;
use crate::send::ack_effects::AckEffects;
use crate::send::agenda::Rexmit;
use crate::send::rack::sent_after;
use crate::send::retries::TIMEOUT_MIN_US;
use crate::send::scoreboard::Place;
use crate::send::sender::Sender;
use crate::send::sent::Marks;
use crate::send::timer::SendTimer;

impl Sender {
    /// Marks lost segments: by RACK, or without SACK by the third duplicate (`NewReno`).
    pub(super) fn identify_loss(&mut self, effects: &mut AckEffects, cx: Context<'_>) {
        if self.board.is_empty() {
            return;
        }
        if !self.agreed.sack {
            self.newreno_mark_lost(effects.una_advanced);
            return;
        }
        let prior = self.board.retrans_out();
        if cx.profile.rack {
            if self.rack_mark_lost(cx) {
                effects.set_timer = false;
            }
        } else {
            self.mark_lost_by_count();
        }
        effects.lost_retrans |= prior > self.board.retrans_out();
    }

    /// Marks a segment lost once as many segments above it have arrived as make three duplicates
    /// (RFC 6675, without RACK).
    fn mark_lost_by_count(&mut self) {
        let mut above = self.board.sacked_out();
        for place in self.board.places() {
            let Some(sent) = self.board.get(place).copied() else { break };
            if sent.marks.has(Marks::SACKED) {
                above -= 1;
            } else if above < self.recovery.reordering {
                break;
            } else if !sent.marks.has(Marks::LOST) {
                self.mark_lost(place);
            }
        }
    }

    pub(in crate::send) fn mark_lost(&mut self, place: Place) {
        let newly = self.board.mark_lost(place);
        self.counts.note_lost(newly);
    }

    /// Marks all segments lost after a timeout, except those sent a moment ago
    /// (`tcp_timeout_mark_lost`). If the peer dropped what it had acknowledged selectively, none of
    /// its SACKs is believed any more.
    pub(super) fn mark_all_lost(&mut self, cx: Context<'_>) {
        let first = self.board.first_place();
        let reneged = self.board.first().is_some_and(|sent| sent.marks.has(Marks::SACKED));
        if reneged {
            self.board.forget_sacked();
            self.recovery.sack_reneging = true;
        } else if !self.agreed.sack {
            self.board.forget_duplicates();
        }
        for place in self.board.places() {
            let Some(sent_us) = self.board.get(place).map(|sent| sent.sent_us) else { break };
            let recent = self.agreed.sack && self.rack.remaining_us(sent_us, 0, cx.now.us) > 0;
            if reneged || place == first || !recent {
                self.mark_lost(place);
            }
        }
        self.board.set_hint(None);
    }

    /// Retransmits segments that are larger than the path carries, without taking it for congestion
    /// (`tcp_simple_retransmit`).
    pub(in crate::send) fn simple_retransmit(&mut self) {
        let mss = self.size.effective();
        for place in self.board.places() {
            if self.board.get(place).is_some_and(|sent| sent.len > mss) {
                self.mark_lost(place);
            }
        }
        if self.board.lost_out() == 0 {
            return;
        }
        if !self.agreed.sack {
            self.board.limit_duplicates();
        }
        self.repair_without_congestion();
    }

    /// Sends lost segments again although nothing speaks of congestion
    /// (`tcp_non_congestion_loss_retransmit`).
    pub(in crate::send) fn repair_without_congestion(&mut self) {
        if self.recovery.state != CaState::Loss {
            self.recovery.high_seq = self.space.nxt();
            self.window.set_ssthresh(self.current_ssthresh());
            self.recovery.prior_ssthresh = 0;
            self.recovery.undo_marker = None;
            self.recovery.state = CaState::Loss;
        }
        self.request(Rexmit::Lost);
    }

    /// The reordering window: how much later than another a segment may arrive, µs
    /// (`tcp_rack_reo_wnd`).
    fn reordering_window_us(&self) -> u64 {
        if self.counts.reordering_seen() == 0 {
            // If reordering was never seen, the window is zero in recovery, and after three
            // segments were sacked.
            if self.recovery.state >= CaState::Recovery
                || self.board.sacked_out() >= self.recovery.reordering
            {
                return 0;
            }
        }
        self.rack.window_us(self.rtt.min_us(), self.rtt.srtt_us())
    }

    /// Marks segments lost by now; answers how long to wait for those that may be, µs
    /// (`tcp_rack_detect_loss`).
    fn detect_loss(&mut self, cx: Context<'_>) -> u64 {
        let window = self.reordering_window_us();
        let reference = self.rack.reference();
        let mut wait = 0;
        let mut next = self.board.oldest();
        while let Some(place) = next {
            next = self.board.newer(place);
            let Some(sent) = self.board.get(place) else { break };
            if sent.marks.has(Marks::LOST) && !sent.marks.has(Marks::RETRANS) {
                continue;
            }
            if !sent_after(reference, (sent.sent_us, sent.end())) {
                break;
            }
            let remaining = self.rack.remaining_us(sent.sent_us, window, cx.now.us);
            if remaining <= 0 {
                self.mark_lost(place);
                self.board.unlink(place);
            } else {
                wait = wait.max(remaining as u64);
            }
        }
        wait
    }

    /// Looks for losses after a delivery; answers whether it set the timer (`tcp_rack_mark_lost`).
    fn rack_mark_lost(&mut self, cx: Context<'_>) -> bool {
        if !self.rack.take_advanced() {
            return false;
        }
        let wait = self.detect_loss(cx);
        if wait > 0 {
            self.set_timer(SendTimer::Reordering, wait + TIMEOUT_MIN_US, cx);
        }
        wait > 0
    }

    /// Marks what has not arrived as lost, since the wait for reordering is over
    /// (`tcp_rack_reo_timeout`).
    pub(in crate::send) fn on_reordering_timeout(&mut self, cx: Context<'_>) {
        let before = self.board.in_flight();
        self.timers.stop();
        self.detect_loss(cx);
        if before != self.board.in_flight() {
            if self.recovery.state != CaState::Recovery {
                self.enter_recovery(false, cx);
                let in_flight = self.board.in_flight();
                let progress = Progress { in_flight, delivered: 1, safe: false };
                self.recovery.reduce(&mut self.window, progress);
            }
            self.request(Rexmit::Lost);
        }
        if self.timer_kind() != Some(SendTimer::Retransmission) {
            self.rearm_rto_after(Some(SendTimer::Reordering), cx);
        }
    }
}
