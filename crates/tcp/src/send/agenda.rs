//! What a sender has decided to send and has not sent yet.

/// A retransmission the acknowledgement called for (`REXMIT_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rexmit {
    #[default]
    None,
    /// What is marked lost.
    Lost,
    /// New data, to find out whether the timeout was spurious (RFC 5682).
    New,
}

/// Something to send whatever the windows say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forced {
    /// The first unacknowledged segment: the retransmission timer struck.
    Head,
    /// A tail loss probe.
    LossProbe,
    /// A probe of a closed window, or of a silent peer (`tcp_write_wakeup`).
    Wakeup,
}

/// What is to be sent, in the order forced, again, new; and how far the sending of new data has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    forced: Option<Forced>,
    rexmit: Rexmit,
    /// New data may be looked for: a push.
    push: bool,
    /// Segments sent since the push began.
    pushed: u32,
    /// The push put something off because the congestion window will soon be larger.
    deferred_for_cwnd: bool,
    /// What is to be sent next does not fit the peer's window.
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

    pub(super) fn set_rexmit(&mut self, rexmit: Rexmit) {
        self.rexmit = rexmit;
    }

    #[inline]
    pub(super) fn is_pushing(&self) -> bool {
        self.push
    }

    /// New data is to be looked for, if `push`.
    #[inline]
    pub(super) fn push(&mut self, push: bool) {
        self.push |= push;
    }

    /// Whether new data is still to be looked for.
    pub(super) fn set_push(&mut self, push: bool) {
        self.push = push;
    }

    /// So many segments left in this push.
    pub(super) fn note_pushed(&mut self, segments: u32) {
        self.pushed += segments;
    }

    pub(super) fn has_pushed(&self) -> bool {
        self.pushed > 0
    }

    /// What left does not count as part of a push.
    pub(super) fn forget_pushed(&mut self) {
        self.pushed = 0;
    }

    /// Segments that left in this push, which is over.
    pub(super) fn take_pushed(&mut self) -> u32 {
        std::mem::take(&mut self.pushed)
    }

    pub(super) fn defer_for_cwnd(&mut self) {
        self.deferred_for_cwnd = true;
    }

    /// Whether something was put off in this push, which is over.
    pub(super) fn take_deferred(&mut self) -> bool {
        std::mem::take(&mut self.deferred_for_cwnd)
    }

    pub(super) fn limit_by_window(&mut self) {
        self.is_window_limited = true;
    }

    /// Whether the peer's window ended this push, which is over.
    pub(super) fn take_window_limited(&mut self) -> bool {
        std::mem::take(&mut self.is_window_limited)
    }
}
