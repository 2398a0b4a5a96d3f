//! Duplicate acknowledgements in place of SACK (RFC 6582).

use crate::context::Context;
use crate::info::CaState;
use crate::send::sender::Sender;
use crate::send::sent::Marks;

impl Sender {
    /// RFC 6582: the first segment is lost after three duplicates, and again after each partial
    /// acknowledgement (`tcp_newreno_mark_lost`).
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

    /// A duplicate acknowledgement means that a segment has left the network
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

    /// What was acknowledged cumulatively takes up duplicates (`tcp_remove_reno_sacks`).
    pub(in crate::send) fn remove_reno_sacks(&mut self, acked: u32, ece: bool, cx: Context<'_>) {
        if acked > 0 {
            self.count_delivered(acked.saturating_sub(self.board.sacked_out()).max(1), ece);
            self.board.discount_duplicates(acked - 1);
        }
        self.check_reno_reordering(acked, cx);
    }

    /// More duplicates than there are segments: reordering.
    fn check_reno_reordering(&mut self, more: u32, cx: Context<'_>) {
        if self.board.limit_duplicates() {
            let most = self.board.out() + more;
            self.recovery.reordering = most.min(cx.profile.max_reordering);
            self.counts.note_reordering();
        }
    }
}
