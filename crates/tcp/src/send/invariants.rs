//! The invariants of a sender, checked in debug builds.

use super::sender::Sender;

impl Sender {
    /// Checks what must hold after every step.
    pub(crate) fn assert_invariants(&self) {
        assert!(self.space.una().le(self.space.nxt()), "SND.UNA <= SND.NXT");
        assert!(
            self.space.nxt().le(self.written.end_with_fin()),
            "nothing is sent that was not written"
        );
        let buffered = (self.written.end() - self.space.una()).max(0) as usize;
        assert_eq!(self.written.buffered(), buffered, "the buffer holds what is unacknowledged");
        if let Some(first) = self.board.first() {
            assert!(
                first.seq.le(self.space.una()) && first.end().gt(self.space.una()),
                "the first is at SND.UNA"
            );
        } else {
            assert_eq!(self.space.una(), self.space.nxt(), "nothing out");
        }
        if let Some(last) = self.board.last_place().and_then(|place| self.board.get(place)) {
            assert_eq!(last.end(), self.space.nxt(), "the last ends at SND.NXT");
        }
        assert!(self.window.cwnd() >= 1, "a window of nothing");
        self.board.assert_invariants(!self.agreed.sack);
        self.written.queue.assert_invariants(self.space.nxt(), self.written.end());
        if !self.board.is_empty() {
            assert!(
                self.timers.is_running() || self.agenda.is_forced(),
                "data is out, no timer runs"
            );
        }
    }

    /// Checks what must hold once nothing is left to send: data in flight or waiting has a timer,
    /// or an acknowledgement on its way that a timer watches over.
    pub(crate) fn assert_resting(&self) {
        let is_drained =
            self.active_state.as_ref().is_none_or(|active_state| active_state.ready.is_empty());
        assert!(!self.agenda.is_forced() && is_drained, "something forced was not sent");
        assert!(self.board.is_empty() || self.timers.is_running(), "data is out, no timer runs");
        let waits = self.has_unsent() || (self.written.is_finished() && !self.is_finished());
        assert!(
            !waits || self.timers.is_running() || self.agenda.is_pushing(),
            "data waits, no timer runs"
        );
    }
}
