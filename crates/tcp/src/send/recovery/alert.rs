//! Acknowledgements out of the ordinary, and the congestion state that follows from them (RFC 6675,
//! RFC 6582, RFC 5682; `tcp_fastretrans_alert`).

use roundtrip_packet::SeqNumber;

use crate::context::Context;
use crate::info::CaState;
use crate::send::ack_effects::AckEffects;
use crate::send::agenda::Rexmit;
use crate::send::sender::Sender;
use crate::send::timer::SendTimer;

impl Sender {
    /// Processes an acknowledgement that is unusual, or comes in an unusual state: finds out what
    /// is lost and changes the state (`tcp_fastretrans_alert`).
    pub(in crate::send) fn alert(
        &mut self,
        prior_una: SeqNumber,
        duplicates: u32,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        if self.board.is_empty() {
            self.board.forget_duplicates();
        }
        if effects.ece {
            self.recovery.prior_ssthresh = 0;
        }
        if self.delay_for_reneging(effects, cx) {
            return;
        }
        if self.recovery.state == CaState::Open {
            self.recovery.retrans_stamp = None;
        } else if self.space.una().ge(self.recovery.high_seq) && self.leave_state(effects, cx) {
            return;
        }
        match self.recovery.state {
            CaState::Recovery => self.alert_in_recovery(prior_una, duplicates, effects, cx),
            CaState::Loss => self.alert_in_loss(duplicates, effects, cx),
            _ => self.alert_when_open(duplicates, effects, cx),
        }
    }

    /// Delays the reaction to a peer that dropped data it had acknowledged selectively: it gets a
    /// little time to make that good before the scoreboard is discarded
    /// (`tcp_check_sack_reneging`).
    fn delay_for_reneging(&mut self, effects: &mut AckEffects, cx: Context<'_>) -> bool {
        if !(effects.reneging && effects.una_advanced) {
            return false;
        }
        let half = u64::from(self.rtt.srtt_us()) / 2;
        self.set_timer(SendTimer::Retransmission, half.max(10_000), cx);
        effects.set_timer = false;
        true
    }

    /// Leaves a state, since all that was in flight when it was entered is acknowledged. Answers
    /// whether nothing more is to be done.
    fn leave_state(&mut self, effects: &AckEffects, cx: Context<'_>) -> bool {
        match self.recovery.state {
            CaState::Cwr => {
                // The state is kept until later data is acknowledged, so that CWR has reached the
                // peer.
                let acknowledged_above = self.space.una() != self.recovery.high_seq;
                if acknowledged_above {
                    self.end_reduction(cx);
                    self.recovery.state = CaState::Open;
                }
            }
            CaState::Recovery => {
                if !self.agreed.sack {
                    self.board.forget_duplicates();
                }
                if self.try_undo_recovery(effects, cx) {
                    return true;
                }
                self.end_reduction(cx);
            }
            _ => {}
        }
        false
    }

    fn alert_in_recovery(
        &mut self,
        prior_una: SeqNumber,
        duplicates: u32,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        if !effects.una_advanced {
            if !self.agreed.sack {
                self.add_reno_sack(duplicates, effects.ece, cx);
            }
        } else if self.try_undo_partial(prior_una, effects, cx) {
            return;
        }
        if self.try_undo_dsack(cx) {
            self.try_to_open(effects, cx);
        }
        self.identify_loss(effects, cx);
        if self.recovery.state != CaState::Recovery {
            if self.board.lost_out() == 0 {
                return;
            }
            // The reduction was undone, but something else is lost.
            self.enter_recovery(effects.ece, cx);
        }
        self.request(Rexmit::Lost);
    }

    fn alert_in_loss(&mut self, duplicates: u32, effects: &mut AckEffects, cx: Context<'_>) {
        self.process_loss(duplicates, effects, cx);
        if self.recovery.state != CaState::Loss {
            self.active_state().timeouts.recovered(cx.now.ms);
        }
        self.identify_loss(effects, cx);
        if self.recovery.state == CaState::Open || effects.lost_retrans {
            self.alert_when_open(duplicates, effects, cx);
        }
    }

    fn alert_when_open(&mut self, duplicates: u32, effects: &mut AckEffects, cx: Context<'_>) {
        if !self.agreed.sack {
            if effects.una_advanced {
                self.board.forget_duplicates();
            }
            self.add_reno_sack(duplicates, effects.ece, cx);
        }
        if self.recovery.state <= CaState::Disorder {
            self.try_undo_dsack(cx);
        }
        self.identify_loss(effects, cx);
        if self.board.lost_out() == 0 {
            self.try_to_open(effects, cx);
            return;
        }
        if self.blames_probe() {
            return;
        }
        self.enter_recovery(effects.ece, cx);
        self.request(Rexmit::Lost);
    }

    /// Processes an acknowledgement in Loss: the loss is confirmed, or the timeout was spurious, or
    /// the loss is repaired (F-RTO, RFC 5682 §3.1; `tcp_process_loss`).
    fn process_loss(&mut self, duplicates: u32, effects: &AckEffects, cx: Context<'_>) {
        let recovered = self.space.una().ge(self.recovery.high_seq);
        if effects.una_advanced && self.try_undo_loss(false, effects, cx) {
            return;
        }
        if self.recovery.frto {
            // Step 3.b: something arrived that was sent before the timeout and not since.
            if effects.original_delivered && self.try_undo_loss(true, effects, cx) {
                return;
            }
            if self.space.nxt().gt(self.recovery.high_seq) {
                if effects.data_sacked || duplicates > 0 {
                    self.recovery.frto = false;
                }
            } else if effects.una_advanced && !recovered {
                self.recovery.high_seq = self.space.nxt();
                // Step 2.b: send new data and see what is acknowledged next.
                if self.has_unsent() && self.space.window_end().gt(self.space.nxt()) {
                    self.request(Rexmit::New);
                    return;
                }
                self.recovery.frto = false;
            }
        }
        if recovered {
            self.try_undo_recovery(effects, cx);
            return;
        }
        if !self.agreed.sack {
            if self.space.nxt().gt(self.recovery.high_seq) && duplicates > 0 {
                self.add_reno_sack(duplicates, effects.ece, cx);
            } else if effects.una_advanced {
                self.board.forget_duplicates();
            }
        }
        self.request(Rexmit::Lost);
    }

    /// Sets the state to Open, or to Disorder while data is missing (`tcp_try_keep_open`).
    pub(super) fn keep_open(&mut self) {
        let left = self.board.sacked_out() + self.board.lost_out() > 0;
        let state =
            if left || self.any_retransmitted() { CaState::Disorder } else { CaState::Open };
        if self.recovery.state != state {
            self.recovery.state = state;
            self.recovery.high_seq = self.space.nxt();
        }
    }

    fn try_to_open(&mut self, effects: &AckEffects, cx: Context<'_>) {
        if !self.any_retransmitted() {
            self.recovery.retrans_stamp = None;
        }
        if effects.ece {
            self.enter_cwr(cx);
        }
        if self.recovery.state != CaState::Cwr {
            self.keep_open();
        }
    }
}
