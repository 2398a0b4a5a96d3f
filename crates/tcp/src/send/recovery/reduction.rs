//! Entering and leaving the states in which the window is reduced.

use crate::congestion::prr::Prr;
use crate::congestion::{Controller, INFINITE};
use crate::context::Context;
use crate::info::CaState;
use crate::send::sender::Sender;

impl Sender {
    /// Begins a reduction of the window (`tcp_init_cwnd_reduction`).
    pub(super) fn begin_reduction(&mut self, cx: Context<'_>) {
        self.recovery.high_seq = self.space.nxt();
        self.recovery.tlp_high_seq = None;
        self.window.begin_reduction();
        let flight = self.board.out().saturating_sub(self.board.sacked_out()) + 1;
        self.recovery.prr = Prr::begin(cx.profile.reduction, self.window.cwnd(), flight);
        let ssthresh = self.control.ssthresh(&self.window);
        self.window.set_ssthresh(ssthresh);
        self.recovery.cwr_due = self.agreed.ecn;
    }

    /// Ends a reduction: the window becomes the threshold (`tcp_end_cwnd_reduction`).
    pub(super) fn end_reduction(&mut self, cx: Context<'_>) {
        if self.control.is_by_rate() {
            return;
        }
        let reduced = self.recovery.state == CaState::Cwr || self.recovery.undo_marker.is_some();
        if self.window.ssthresh() < INFINITE && reduced {
            self.window.end_reduction(cx.now.ticks);
        }
    }

    /// Enters Cwr because the network marked packets; this reduction cannot be undone (RFC 3168
    /// §6.1.2; `tcp_enter_cwr`).
    pub(super) fn enter_cwr(&mut self, cx: Context<'_>) {
        self.recovery.prior_ssthresh = 0;
        if self.recovery.state < CaState::Cwr {
            self.recovery.undo_marker = None;
            self.begin_reduction(cx);
            self.recovery.state = CaState::Cwr;
        }
    }

    /// Enters Recovery because something is lost (RFC 6675 §5; `tcp_enter_recovery`).
    pub(super) fn enter_recovery(&mut self, ece: bool, cx: Context<'_>) {
        if !self.any_retransmitted() {
            self.recovery.retrans_stamp = None;
        }
        self.recovery.prior_ssthresh = 0;
        self.begin_undo();
        if !self.recovery.in_reduction() {
            if !ece {
                self.recovery.prior_ssthresh = self.current_ssthresh();
            }
            self.begin_reduction(cx);
        }
        self.recovery.state = CaState::Recovery;
    }

    /// Notes what is needed to undo the reduction that begins (`tcp_init_undo`).
    fn begin_undo(&mut self) {
        self.recovery.undo_marker = Some(self.space.una());
        let probes = self.recovery.tlp_high_seq.is_some() && self.recovery.tlp_retrans;
        let out = self.board.retrans_out() as i32 + i32::from(probes);
        self.recovery.undo_retrans = if out == 0 { -1 } else { out };
    }

    /// Enters Loss after a retransmission timeout: all that was not sent a moment ago is lost, and
    /// the window is one more than what remains in flight (`tcp_enter_loss`).
    pub(in crate::send) fn enter_loss(&mut self, cx: Context<'_>) {
        let state = self.recovery.state;
        let fresh = state < CaState::Recovery;
        self.mark_all_lost(cx);
        if state <= CaState::Disorder
            || self.recovery.high_seq.le(self.space.una())
            || (state == CaState::Loss && self.timers.retransmits() == 0)
        {
            self.recovery.prior_ssthresh = self.current_ssthresh();
            self.window.remember();
            let ssthresh = self.control.ssthresh(&self.window);
            self.window.set_ssthresh(ssthresh);
            self.begin_undo();
        }
        self.window.collapse(self.board.in_flight(), cx.now.ticks);
        if state <= CaState::Disorder && self.board.sacked_out() >= cx.profile.reordering {
            self.recovery.reordering = self.recovery.reordering.min(cx.profile.reordering);
        }
        let at = self.moment(cx);
        self.control.on_timeout(&at);
        self.steer_after_timeout(cx);
        self.recovery.state = CaState::Loss;
        self.recovery.high_seq = self.space.nxt();
        self.recovery.tlp_high_seq = None;
        self.recovery.cwr_due = self.agreed.ecn;
        let begins = fresh || self.timers.retransmits() > 0;
        self.recovery.frto = cx.profile.frto && begins && !self.is_probing();
    }
}
