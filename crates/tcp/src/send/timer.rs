//! The one timer of a sender, and how often it has fired (`icsk_pending`, `icsk_retransmits`).

use roundtrip_record::Time;

use crate::clock::Deadline;

/// What the timer waits for (`icsk_pending`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendTimer {
    /// An acknowledgement (RFC 6298).
    Retransmission,
    /// The time to send a tail loss probe (RFC 8985 §7).
    LossProbe,
    /// Segments that may only be reordered (RFC 8985 §6.3).
    Reordering,
    /// The time to probe a closed window (RFC 9293 §3.8.6.1).
    Persist,
}

/// The timer, and how often it has fired since the peer last answered.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    running: Option<(SendTimer, Time)>,
    /// Whether the timer may not be set, because it runs for a SYN-ACK.
    is_held: bool,
    /// Retransmission timeouts in a row.
    retransmits: u32,
    /// How often the timeout, or the time between probes, was doubled.
    backoff: u8,
    /// Window probes and keep-alive probes that were not answered.
    probes_out: u32,
    /// When the window was first probed since it was closed.
    probes_since: Deadline,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            running: None,
            is_held: false,
            retransmits: 0,
            backoff: 0,
            probes_out: 0,
            probes_since: Deadline::NONE,
        }
    }
}

impl Timers {
    /// What the timer waits for, if it runs.
    #[inline]
    pub(super) fn kind(&self) -> Option<SendTimer> {
        self.running.map(|(kind, _)| kind)
    }

    /// Whether something will happen if nothing is heard.
    #[inline]
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some() || self.is_held
    }

    /// Holds the timer back, because it runs for a SYN-ACK.
    pub(super) fn hold(&mut self) {
        self.is_held = true;
    }

    /// Lets the timer be set again.
    pub(super) fn release(&mut self) {
        self.is_held = false;
    }

    /// When the timer fires.
    #[inline]
    pub(super) fn deadline(&self) -> Deadline {
        self.running.map_or(Deadline::NONE, |(_, at)| Deadline::at(at))
    }

    /// What the timer waited for, if its time has come.
    pub(super) fn due(&self, now: Time) -> Option<SendTimer> {
        self.running.filter(|(_, at)| *at <= now).map(|(kind, _)| kind)
    }

    #[inline]
    pub(super) fn set(&mut self, kind: SendTimer, at: Time) {
        if !self.is_held {
            self.running = Some((kind, at));
        }
    }

    #[inline]
    pub(super) fn stop(&mut self) {
        self.running = None;
    }

    pub(super) fn retransmits(&self) -> u32 {
        self.retransmits
    }

    /// Counts a retransmission timeout.
    pub(super) fn note_retransmission(&mut self) {
        self.retransmits += 1;
    }

    /// Resets the count of timeouts: something was acknowledged, or the last timeout was spurious.
    #[inline]
    pub(super) fn forget_retransmits(&mut self) {
        self.retransmits = 0;
    }

    pub(super) fn backoff(&self) -> u8 {
        self.backoff
    }

    pub(super) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// Undoes one doubling.
    pub(super) fn revert_back_off(&mut self) {
        self.backoff -= 1;
    }

    #[inline]
    pub(super) fn forget_back_off(&mut self) {
        self.backoff = 0;
    }

    pub(super) fn probes_out(&self) -> u32 {
        self.probes_out
    }

    pub(super) fn note_probe(&mut self) {
        self.probes_out += 1;
    }

    /// Resets the count of unanswered probes.
    #[inline]
    pub(super) fn forget_probes(&mut self) {
        self.probes_out = 0;
    }

    /// When the window was first probed since it was closed: now, unless it was before.
    pub(super) fn probed_since(&mut self, now: Time) -> Time {
        let since = self.probes_since.get().unwrap_or(now);
        self.probes_since = Deadline::at(since);
        since
    }

    /// Forgets the closed window, since it is open.
    pub(super) fn forget_shut_window(&mut self) {
        self.probes_since = Deadline::NONE;
    }
}
