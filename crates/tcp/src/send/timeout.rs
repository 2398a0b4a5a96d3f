//! The timer of a sender: retransmission, tail loss probe, RACK's wait, window probe
//! (RFC 6298, RFC 8985 §7, RFC 9293 §3.8.6.1; `tcp_timer.c`).

use std::time::Duration;

use crate::clock::{Deadline, micros};
use crate::info::CaState;

use super::rack::TIMEOUT_MIN_US;
use super::retries::{Patience, RETRY_BASE_US, orphan_retries, retry_time_us};
use super::{Forced, SendTimer, Sender};
use crate::context::Context;

/// What a timer led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// The timer fired, for so many-th time in a row.
    Fired(SendTimer, u32),
    /// The peer has not answered for too long: the connection is given up.
    GivenUp,
}

impl Sender {
    /// Fires the timer if it is due.
    pub(crate) fn on_timeout(&mut self, patience: Patience, cx: Context<'_>) -> Option<Expired> {
        let (kind, at) = self.timer?;
        if cx.now.time < at {
            return None;
        }
        let count = match kind {
            SendTimer::Reordering => {
                self.on_reordering_timeout(cx);
                1
            }
            SendTimer::LossProbe => {
                self.timer = None;
                self.forced = Some(Forced::LossProbe);
                1
            }
            SendTimer::Retransmission => {
                self.timer = None;
                self.on_retransmission_timeout(patience, cx)?;
                self.retransmits
            }
            SendTimer::Persist => {
                self.timer = None;
                self.on_persist_timeout(patience, cx)?;
                self.probes_out
            }
        };
        if count == u32::MAX { Some(Expired::GivenUp) } else { Some(Expired::Fired(kind, count)) }
    }

    /// `tcp_retransmit_timer`. `None` if there was nothing to do.
    fn on_retransmission_timeout(&mut self, patience: Patience, cx: Context<'_>) -> Option<()> {
        let head_us = self.board.first()?.sent_us;
        if self.wnd == 0 && !patience.orphan {
            // The peer shut its window on what is out: the retransmission is a probe, and the
            // connection lives as long as the peer answers.
            let since = self.recovery.retrans_stamp.unwrap_or((head_us / 1000) as u32);
            let lasted = Duration::from_millis(u64::from(cx.now.ms.wrapping_sub(since)));
            if self.is_silent(lasted, patience, cx) {
                self.give_up();
                return Some(());
            }
            self.enter_loss(cx);
        } else {
            if self.is_out_of_patience(patience, cx) {
                self.give_up();
                return Some(());
            }
            self.suspect_black_hole(cx);
            self.enter_loss(cx);
            let is_first = self.retransmits == 0;
            self.activity().timeouts.struck(is_first, cx.now.ms);
            self.retransmits += 1;
        }
        self.forced = Some(Forced::Head);
        self.backoff = self.backoff.saturating_add(1);
        self.rtt.back_off(cx.profile);
        let rto = self.rtt.rto_us();
        let delay = self.delayed_by_user_timeout(patience.user_timeout, rto, cx.now);
        self.set_timer(SendTimer::Retransmission, delay, cx);
        Some(())
    }

    fn give_up(&mut self) {
        self.retransmits = u32::MAX;
        self.probes_out = u32::MAX;
        self.timer = None;
    }

    /// `tcp_rtx_probe0_timed_out`: neither an answer for two greatest timeouts, nor progress.
    fn is_silent(&self, lasted: Duration, patience: Patience, cx: Context<'_>) -> bool {
        let mut limit = cx.profile.rto_max * 2;
        if let Some(user) = patience.user_timeout {
            if lasted > user {
                return true;
            }
            limit = limit.min(user);
        }
        cx.now.time.since(self.last_ack) > limit && lasted > limit
    }

    /// `tcp_write_timeout` for synchronized states.
    fn is_out_of_patience(&self, patience: Patience, cx: Context<'_>) -> bool {
        let retries = if patience.orphan {
            let alive = self.rtt.rto_us() < micros(cx.profile.rto_max);
            orphan_retries(cx.profile, alive)
        } else {
            cx.profile.retries2
        };
        if self.retransmits == 0 {
            return false;
        }
        let Some(since) = self.recovery.retrans_stamp else { return false };
        let limit_us = match patience.user_timeout {
            Some(timeout) => micros(timeout),
            None => retry_time_us(retries, RETRY_BASE_US, micros(cx.profile.rto_max)),
        };
        u64::from(cx.now.ms.wrapping_sub(since)) >= limit_us / 1000
    }

    /// `tcp_probe_timer`: a closed window is probed for as long as the peer answers (RFC 9293
    /// §3.8.6.1).
    fn on_persist_timeout(&mut self, patience: Patience, cx: Context<'_>) -> Option<()> {
        if !self.board.is_empty() || !self.has_unsent() {
            self.probes_out = 0;
            self.probes_since = Deadline::NONE;
            return None;
        }
        let since = self.probes_since.get().unwrap_or(cx.now.time);
        self.probes_since = Deadline::at(since);
        let mut most = cx.profile.retries2;
        if patience
            .user_timeout
            .is_some_and(|limit| cx.now.time.since(since) >= limit && since != cx.now.time)
        {
            self.give_up();
            return Some(());
        }
        if patience.orphan {
            let alive = self.rtt.rto_us() << self.backoff.min(20) < micros(cx.profile.rto_max);
            most = orphan_retries(cx.profile, alive);
            if !alive && u32::from(self.backoff) >= most {
                self.give_up();
                return Some(());
            }
        }
        if self.probes_out >= most {
            self.give_up();
            return Some(());
        }
        self.forced = Some(Forced::Wakeup);
        if self.nxt.lt(self.window_end()) {
            // Not a probe after all: part of a segment fits.
            self.probes_out = 0;
            self.backoff = 0;
            self.probes_since = Deadline::NONE;
            return Some(());
        }
        self.probes_out += 1;
        if u32::from(self.backoff) < cx.profile.retries2.min(255) {
            self.backoff += 1;
        }
        let mut when = self.probe_interval(cx);
        if let Some(limit) = patience.user_timeout {
            let left = micros(limit).saturating_sub(micros(cx.now.time.since(since)));
            when = when.min(left.max(TIMEOUT_MIN_US));
        }
        self.set_timer(SendTimer::Persist, when, cx);
        Some(())
    }

    /// The time to the next window probe, µs (`tcp_probe0_when`).
    pub(super) fn probe_interval(&self, cx: Context<'_>) -> u64 {
        let base = self.rtt.rto_us().max(RETRY_BASE_US);
        let most = micros(cx.profile.rto_max);
        (base << self.backoff.min(10)).min(most)
    }

    /// A keep-alive probe is due (`tcp_write_wakeup`).
    pub(crate) fn probe_peer(&mut self) {
        self.forced = Some(Forced::Wakeup);
        self.probes_out += 1;
    }

    pub(super) fn set_timer(&mut self, kind: SendTimer, delay_us: u64, cx: Context<'_>) {
        let delay = delay_us.min(micros(cx.profile.rto_max));
        self.timer = Some((kind, cx.profile.tick.expiry(cx.now, delay)));
    }

    /// Restarts the retransmission timer (RFC 6298 §5.3; `tcp_rearm_rto`).
    pub(super) fn rearm_rto(&mut self, cx: Context<'_>) {
        let pending = self.timer_kind();
        self.rearm_rto_after(pending, cx);
    }

    /// As [`rearm_rto`](Self::rearm_rto); after a wait for something else the timeout counts from
    /// when the first segment was sent.
    pub(super) fn rearm_rto_after(&mut self, pending: Option<SendTimer>, cx: Context<'_>) {
        if self.board.is_empty() {
            if pending != Some(SendTimer::Persist) {
                self.timer = None;
            }
            return;
        }
        let rto = match pending {
            Some(SendTimer::Reordering | SendTimer::LossProbe) => self.rto_left_us(cx).max(1),
            _ => self.rtt.rto_us(),
        };
        self.set_timer(SendTimer::Retransmission, rto, cx);
    }

    /// µs until the timeout of the first segment (`tcp_rto_delta_us`).
    fn rto_left_us(&self, cx: Context<'_>) -> u64 {
        let sent = self.board.first().map_or(cx.now.us, |sent| sent.sent_us);
        (sent + self.rtt.rto_us()).saturating_sub(cx.now.us)
    }

    /// Sets the timer for a tail loss probe, if one may be sent (RFC 8985 §7.2;
    /// `tcp_schedule_loss_probe`).
    pub(super) fn schedule_loss_probe(&mut self, advancing: bool, cx: Context<'_>) -> bool {
        if !cx.profile.tail_loss_probe
            || self.board.is_empty()
            || !self.sack
            || !matches!(self.recovery.state, CaState::Open | CaState::Cwr)
        {
            return false;
        }
        let srtt8 = u64::from(self.rtt.srtt8_us());
        let mut timeout = if srtt8 == 0 {
            1_000_000
        } else if self.board.out() == 1 {
            // The peer may delay its acknowledgement.
            srtt8 / 4 + micros(cx.profile.rto_min).min(200_000)
        } else {
            srtt8 / 4 + TIMEOUT_MIN_US
        };
        let rto = if advancing { self.rtt.rto_us() } else { self.rto_left_us(cx) };
        if rto > 0 {
            timeout = timeout.min(rto);
        }
        self.set_timer(SendTimer::LossProbe, timeout, cx);
        true
    }

    /// ICMP says that the way was barred for a while: one doubling of the timeout was needless
    /// (RFC 6069; `tcp_ld_RTO_revert`).
    pub(crate) fn revert_back_off(&mut self, cx: Context<'_>) {
        if self.retransmits == 0
            || self.backoff == 0
            || self.timer_kind() != Some(SendTimer::Retransmission)
        {
            return;
        }
        let Some(sent_us) = self.board.first().map(|sent| sent.sent_us) else { return };
        self.backoff -= 1;
        self.rtt.revert_back_off(u32::from(self.backoff), cx.profile);
        let left = (sent_us + self.rtt.rto_us()).saturating_sub(cx.now.us);
        self.set_timer(SendTimer::Retransmission, left.max(1), cx);
    }
}
