//! Undoing a reduction of the window that turned out to be needless (RFC 3708, RFC 4015;
//! `tcp_try_undo_*`).

use roundtrip_packet::SeqNumber;

use crate::context::Context;
use crate::info::CaState;
use crate::send::ack_effects::AckEffects;
use crate::send::sender::Sender;
use crate::send::sent::Marks;

impl Sender {
    /// Whether everything that arrived had been sent before the first retransmission
    /// (`tcp_packet_delayed`).
    fn was_only_delayed(&self, effects: &AckEffects) -> bool {
        match self.recovery.retrans_stamp {
            Some(stamp) => effects.echo.is_some_and(|echo| (echo.wrapping_sub(stamp) as i32) < 0),
            None => self.agreed.sack || self.space.una().lt(self.recovery.high_seq),
        }
    }

    fn may_undo(&self, effects: &AckEffects) -> bool {
        self.recovery.undo_marker.is_some()
            && (self.recovery.undo_retrans == 0 || self.was_only_delayed(effects))
    }

    /// Whether any segment in flight was retransmitted (`tcp_any_retrans_done`).
    pub(super) fn any_retransmitted(&self) -> bool {
        self.board.retrans_out() > 0
            || self.board.first().is_some_and(|sent| sent.marks.has(Marks::EVER_RETRANS))
    }

    /// Restores the window that was reduced without need (`tcp_undo_cwnd_reduction`).
    fn undo_reduction(&mut self, unmark_loss: bool, cx: Context<'_>) {
        if unmark_loss {
            self.board.forget_lost();
        }
        let prior_ssthresh = self.recovery.prior_ssthresh;
        if self.control.is_by_rate() {
            self.steer_after_undo(cx);
        } else if prior_ssthresh > 0 && self.window.undo_reduction(prior_ssthresh) {
            self.recovery.cwr_due = false;
        }
        self.window.touch(cx.now.ticks);
        self.recovery.undo_marker = None;
        self.rack.look_again();
    }

    /// Whether the state must be kept until later data is acknowledged: without SACK, duplicates of
    /// the retransmissions could otherwise start another recovery (RFC 6582 §4.1).
    fn must_hold_state(&mut self) -> bool {
        if self.space.una() == self.recovery.high_seq && !self.agreed.sack {
            if !self.any_retransmitted() {
                self.recovery.retrans_stamp = None;
            }
            return true;
        }
        false
    }

    pub(super) fn try_undo_recovery(&mut self, effects: &AckEffects, cx: Context<'_>) -> bool {
        if self.may_undo(effects) {
            self.undo_reduction(false, cx);
        } else {
            self.rack.note_recovery();
        }
        if self.must_hold_state() {
            return true;
        }
        self.recovery.state = CaState::Open;
        self.recovery.sack_reneging = false;
        false
    }

    /// Undoes the reduction if all retransmissions were reported as duplicates (RFC 3708;
    /// `tcp_try_undo_dsack`).
    pub(super) fn try_undo_dsack(&mut self, cx: Context<'_>) -> bool {
        if self.recovery.undo_marker.is_none() || self.recovery.undo_retrans != 0 {
            return false;
        }
        self.rack.note_needless_recovery();
        self.undo_reduction(false, cx);
        true
    }

    pub(super) fn try_undo_loss(
        &mut self,
        by_frto: bool,
        effects: &AckEffects,
        cx: Context<'_>,
    ) -> bool {
        if !by_frto && !self.may_undo(effects) {
            return false;
        }
        self.undo_reduction(true, cx);
        self.timers.forget_retransmits();
        if self.must_hold_state() {
            return true;
        }
        if by_frto || self.agreed.sack {
            self.recovery.state = CaState::Open;
            self.recovery.sack_reneging = false;
        }
        true
    }

    /// Undoes the reduction if a partial acknowledgement was for a segment that was only late
    /// (`tcp_try_undo_partial`).
    pub(super) fn try_undo_partial(
        &mut self,
        prior_una: SeqNumber,
        effects: &AckEffects,
        cx: Context<'_>,
    ) -> bool {
        if self.recovery.undo_marker.is_none() || !self.was_only_delayed(effects) {
            return false;
        }
        self.check_reordering(prior_una, cx);
        if self.board.retrans_out() > 0 {
            return true;
        }
        if !self.any_retransmitted() {
            self.recovery.retrans_stamp = None;
        }
        self.undo_reduction(true, cx);
        self.keep_open();
        false
    }
}
