//! Loss recovery by duplicate acknowledgements, without SACK (RFC 6582).

use crate::context::Context;
use crate::info::CaState;
use crate::send::sender::Sender;
use crate::send::sent::Marks;

impl Sender {
    /// Marks the first segment lost after three duplicates, and again after each partial
    /// acknowledgement (RFC 6582; `tcp_newreno_mark_lost`).
    pub(super) fn newreno_mark_lost(&mut self, una_advanced: bool) {
        let state = self.recovery.state;
        let enough = self.board.sacked_out() >= self.recovery.reordering;
        if (state < CaState::Recovery && enough) || (state == CaState::Recovery && una_advanced) {
            let first = self.board.first_place();
            if self.board.get(first).is_some_and(|sent| !sent.marks.has(Marks::LOST)) {
                self.board.cut_out(first, 1);
                self.mark_lost(first);
            }
        }
    }

    /// Counts duplicate acknowledgements, each of which means that a segment has left the network
    /// (`tcp_add_reno_sack`).
    pub(super) fn add_reno_sack(&mut self, duplicates: u32, ece: bool, cx: Context<'_>) {
        if duplicates == 0 {
            return;
        }
        let prior = self.board.sacked_out();
        self.board.count_duplicates(duplicates);
        self.check_reno_reordering(0, cx);
        self.count_delivered(self.board.sacked_out().saturating_sub(prior), ece);
    }

    /// Takes duplicates off the count for what was acknowledged cumulatively
    /// (`tcp_remove_reno_sacks`).
    pub(in crate::send) fn remove_reno_sacks(&mut self, acked: u32, ece: bool, cx: Context<'_>) {
        if acked > 0 {
            self.count_delivered(acked.saturating_sub(self.board.sacked_out()).max(1), ece);
            self.board.discount_duplicates(acked - 1);
        }
        self.check_reno_reordering(acked, cx);
    }

    /// Notes reordering if there were more duplicates than segments.
    fn check_reno_reordering(&mut self, more: u32, cx: Context<'_>) {
        if self.board.limit_duplicates() {
            let most = self.board.out() + more;
            self.recovery.reordering = most.min(cx.profile.max_reordering);
            self.counts.note_reordering();
        }
    }
}
