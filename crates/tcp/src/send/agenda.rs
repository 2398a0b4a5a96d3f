//! The agenda of a sender: what it has decided to send and has not sent yet.

/// What an acknowledgement has asked to be sent (`REXMIT_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rexmit {
    #[default]
    None,
    /// Segments that are marked lost.
    Lost,
    /// New data, to find out whether the timeout was spurious (RFC 5682).
    New,
}

/// A segment to send whatever the windows say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forced {
    /// The first unacknowledged segment, because the retransmission timer fired.
    Head,
    /// A tail loss probe.
    LossProbe,
    /// A probe of a closed window, or of a silent peer (`tcp_write_wakeup`).
    Wakeup,
}

/// What is to be sent, in the order forced segments, retransmissions, new data; and how far the
/// current push has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    forced: Option<Forced>,
    rexmit: Rexmit,
    /// Whether a push is under way: new data is to be sent as far as the windows allow.
    push: bool,
    /// Segments sent since the push began.
    pushed: u32,
    /// Whether the push put something off because the congestion window will soon be larger.
    deferred_for_cwnd: bool,
    /// Whether the next segment does not fit the peer's window.
    is_window_limited: bool,
}

impl Agenda {
    /// Whether there may be something to send.
    #[inline]
    pub(super) fn is_any(&self) -> bool {
        self.push || self.forced.is_some() || self.rexmit != Rexmit::None
    }

    pub(super) fn force(&mut self, what: Forced) {
        self.forced = Some(what);
    }

    #[cfg(any(test, debug_assertions))]
    pub(super) fn is_forced(&self) -> bool {
        self.forced.is_some()
    }

    pub(super) fn take_forced(&mut self) -> Option<Forced> {
        self.forced.take()
    }

    #[inline]
    pub(super) fn rexmit(&self) -> Rexmit {
        self.rexmit
    }

    /// Whether lost segments are to be sent again.
    pub(super) fn repairs(&self) -> bool {
        self.rexmit == Rexmit::Lost
    }

    pub(super) fn set_rexmit(&mut self, rexmit: Rexmit) {
        self.rexmit = rexmit;
    }

    #[inline]
    pub(super) fn is_pushing(&self) -> bool {
        self.push
    }

    /// Begins a push, if `push`.
    #[inline]
    pub(super) fn push(&mut self, push: bool) {
        self.push |= push;
    }

    /// Sets whether a push is under way.
    pub(super) fn set_push(&mut self, push: bool) {
        self.push = push;
    }

    /// Counts segments that were sent in this push.
    pub(super) fn note_pushed(&mut self, segments: u32) {
        self.pushed += segments;
    }

    pub(super) fn has_pushed(&self) -> bool {
        self.pushed > 0
    }

    /// Does not count the segments sent so far as part of a push.
    pub(super) fn forget_pushed(&mut self) {
        self.pushed = 0;
    }

    /// Ends the push's count; answers how many segments it sent.
    pub(super) fn take_pushed(&mut self) -> u32 {
        std::mem::take(&mut self.pushed)
    }

    pub(super) fn defer_for_cwnd(&mut self) {
        self.deferred_for_cwnd = true;
    }

    /// Ends the push's note that something was put off; answers whether it was.
    pub(super) fn take_deferred(&mut self) -> bool {
        std::mem::take(&mut self.deferred_for_cwnd)
    }

    pub(super) fn limit_by_window(&mut self) {
        self.is_window_limited = true;
    }

    /// Ends the push's note that the peer's window stopped it; answers whether it did.
    pub(super) fn take_window_limited(&mut self) -> bool {
        std::mem::take(&mut self.is_window_limited)
    }
}
