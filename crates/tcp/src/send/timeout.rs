//! The sender's timeouts: retransmission, tail loss probe, RACK's wait, window probe (RFC 6298, RFC
//! 8985 §7, RFC 9293 §3.8.6.1; `tcp_timer.c`).

use std::time::Duration;

use crate::clock::{Now, micros};
use crate::context::Context;

use super::agenda::Forced;
use super::retries::{GiveUpPolicy, RETRY_BASE_US, TIMEOUT_MIN_US, orphan_retries, retry_time_us};
use super::sender::Sender;
use super::timer::SendTimer;

/// The result of a timer that fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// The timer fired, and how often in a row.
    Fired(SendTimer, u32),
    /// The peer has not answered for too long: the connection is given up.
    GivenUp,
}

impl Sender {
    /// Fires the timer if it is due.
    pub(crate) fn on_timeout(&mut self, policy: GiveUpPolicy, cx: Context<'_>) -> Option<Expired> {
        let kind = self.timers.due(cx.now.time)?;
        match kind {
            SendTimer::Reordering => {
                self.on_reordering_timeout(cx);
                Some(Expired::Fired(kind, 1))
            }
            SendTimer::LossProbe => {
                self.timers.stop();
                self.agenda.force(Forced::LossProbe);
                Some(Expired::Fired(kind, 1))
            }
            SendTimer::Retransmission => {
                self.timers.stop();
                self.on_retransmission_timeout(policy, cx)
            }
            SendTimer::Persist => {
                self.timers.stop();
                self.on_persist_timeout(policy, cx)
            }
        }
    }

    /// Retransmits the first segment because no acknowledgement has come, or gives the connection
    /// up (`tcp_retransmit_timer`). `None` if there was nothing to do.
    fn on_retransmission_timeout(
        &mut self,
        policy: GiveUpPolicy,
        cx: Context<'_>,
    ) -> Option<Expired> {
        let head_us = self.board.first()?.sent_us;
        if self.space.wnd() == 0 && !policy.orphan {
            // The peer closed its window on data in flight: the retransmission serves as a probe,
            // and the connection lives as long as the peer answers.
            let since = self.recovery.retrans_stamp().unwrap_or((head_us / 1000) as u32);
            let lasted = Duration::from_millis(u64::from(cx.now.ms.wrapping_sub(since)));
            if self.is_silent(lasted, policy, cx) {
                return Some(Expired::GivenUp);
            }
            self.enter_loss(cx);
        } else {
            if self.has_exhausted_retries(policy, cx) {
                return Some(Expired::GivenUp);
            }
            self.suspect_black_hole(cx);
            self.enter_loss(cx);
            let is_first = self.timers.retransmits() == 0;
            self.active_state().timeouts.struck(is_first, cx.now.ms);
            self.timers.note_retransmission();
        }
        self.agenda.force(Forced::Head);
        self.timers.back_off();
        self.rtt.back_off(cx.profile);
        let rto = self.rtt.rto_us();
        let delay = self.delayed_by_user_timeout(policy.user_timeout, rto, cx.now);
        self.set_timer(SendTimer::Retransmission, delay, cx);
        Some(Expired::Fired(SendTimer::Retransmission, self.timers.retransmits()))
    }

    /// Whether there was neither an answer nor progress for twice the greatest timeout
    /// (`tcp_rtx_probe0_timed_out`).
    fn is_silent(&self, lasted: Duration, policy: GiveUpPolicy, cx: Context<'_>) -> bool {
        let mut limit = cx.profile.rto_max * 2;
        if let Some(user) = policy.user_timeout {
            if lasted > user {
                return true;
            }
            limit = limit.min(user);
        }
        cx.now.time.since(self.latest.ack) > limit && lasted > limit
    }

    /// Whether the connection is to be given up (`tcp_write_timeout` for synchronized states).
    fn has_exhausted_retries(&self, policy: GiveUpPolicy, cx: Context<'_>) -> bool {
        let retries = if policy.orphan {
            let alive = self.rtt.rto_us() < micros(cx.profile.rto_max);
            orphan_retries(cx.profile, alive)
        } else {
            cx.profile.retries2
        };
        if self.timers.retransmits() == 0 {
            return false;
        }
        let Some(since) = self.recovery.retrans_stamp() else { return false };
        let limit_us = match policy.user_timeout {
            Some(timeout) => micros(timeout),
            None => retry_time_us(retries, RETRY_BASE_US, micros(cx.profile.rto_max)),
        };
        u64::from(cx.now.ms.wrapping_sub(since)) >= limit_us / 1000
    }

    /// Probes a closed window, as long as the peer answers (RFC 9293 §3.8.6.1; `tcp_probe_timer`).
    fn on_persist_timeout(&mut self, policy: GiveUpPolicy, cx: Context<'_>) -> Option<Expired> {
        if !self.board.is_empty() || !self.has_unsent() {
            self.timers.forget_probes();
            self.timers.forget_shut_window();
            return None;
        }
        let since = self.timers.probed_since(cx.now.time);
        let mut most = cx.profile.retries2;
        if policy
            .user_timeout
            .is_some_and(|limit| cx.now.time.since(since) >= limit && since != cx.now.time)
        {
            return Some(Expired::GivenUp);
        }
        if policy.orphan {
            let alive =
                self.rtt.rto_us() << self.timers.backoff().min(20) < micros(cx.profile.rto_max);
            most = orphan_retries(cx.profile, alive);
            if !alive && u32::from(self.timers.backoff()) >= most {
                return Some(Expired::GivenUp);
            }
        }
        if self.timers.probes_out() >= most {
            return Some(Expired::GivenUp);
        }
        self.agenda.force(Forced::Wakeup);
        if self.space.nxt().lt(self.space.window_end()) {
            // No probe is needed: part of a segment fits.
            self.timers.forget_probes();
            self.timers.forget_back_off();
            self.timers.forget_shut_window();
            return Some(Expired::Fired(SendTimer::Persist, 0));
        }
        self.timers.note_probe();
        if u32::from(self.timers.backoff()) < cx.profile.retries2.min(255) {
            self.timers.back_off();
        }
        let mut when = self.probe_interval(cx);
        if let Some(limit) = policy.user_timeout {
            let left = micros(limit).saturating_sub(micros(cx.now.time.since(since)));
            when = when.min(left.max(TIMEOUT_MIN_US));
        }
        self.set_timer(SendTimer::Persist, when, cx);
        Some(Expired::Fired(SendTimer::Persist, self.timers.probes_out()))
    }

    /// The time to the next window probe, µs (`tcp_probe0_when`).
    pub(super) fn probe_interval(&self, cx: Context<'_>) -> u64 {
        let base = self.rtt.rto_us().max(RETRY_BASE_US);
        let most = micros(cx.profile.rto_max);
        (base << self.timers.backoff().min(10)).min(most)
    }

    /// Sends a keep-alive probe (`tcp_write_wakeup`).
    pub(crate) fn probe_peer(&mut self) {
        self.agenda.force(Forced::Wakeup);
        self.timers.note_probe();
    }

    /// Sets the timer to fire in `delay_us` microseconds, or the longest timeout if that is less.
    pub(super) fn set_timer(&mut self, kind: SendTimer, delay_us: u64, cx: Context<'_>) {
        let delay = delay_us.min(micros(cx.profile.rto_max));
        self.timers.set(kind, cx.profile.tick.expiry(cx.now, delay));
    }

    /// Restarts the retransmission timer (RFC 6298 §5.3; `tcp_rearm_rto`).
    pub(super) fn rearm_rto(&mut self, cx: Context<'_>) {
        let pending = self.timer_kind();
        self.rearm_rto_after(pending, cx);
    }

    /// Like [`rearm_rto`](Self::rearm_rto), but after a wait for something else the timeout counts
    /// from when the first segment was sent.
    pub(super) fn rearm_rto_after(&mut self, pending: Option<SendTimer>, cx: Context<'_>) {
        if self.board.is_empty() {
            if pending != Some(SendTimer::Persist) {
                self.timers.stop();
            }
            return;
        }
        let rto = match pending {
            Some(SendTimer::Reordering | SendTimer::LossProbe) => self.rto_left_us(cx).max(1),
            _ => self.rtt.rto_us(),
        };
        self.set_timer(SendTimer::Retransmission, rto, cx);
    }

    /// The time until the timeout of the first segment, µs (`tcp_rto_delta_us`).
    pub(super) fn rto_left_us(&self, cx: Context<'_>) -> u64 {
        let sent = self.board.first().map_or(cx.now.us, |sent| sent.sent_us);
        (sent + self.rtt.rto_us()).saturating_sub(cx.now.us)
    }

    /// Takes back one doubling of the timeout, after an ICMP error showed that the path was down
    /// for a while (RFC 6069; `tcp_ld_RTO_revert`).
    pub(crate) fn revert_back_off(&mut self, cx: Context<'_>) {
        if self.timers.retransmits() == 0
            || self.timers.backoff() == 0
            || self.timer_kind() != Some(SendTimer::Retransmission)
        {
            return;
        }
        let Some(sent_us) = self.board.first().map(|sent| sent.sent_us) else { return };
        self.timers.revert_back_off();
        self.rtt.revert_back_off(u32::from(self.timers.backoff()), cx.profile);
        let left = (sent_us + self.rtt.rto_us()).saturating_sub(cx.now.us);
        self.set_timer(SendTimer::Retransmission, left.max(1), cx);
    }

    /// A retransmission timeout of `rto_us`, but no later than the time at which `TCP_USER_TIMEOUT`
    /// gives the connection up (`tcp_clamp_rto_to_user_timeout`).
    fn delayed_by_user_timeout(&self, limit: Option<Duration>, rto_us: u64, now: Now) -> u64 {
        let (Some(limit), Some(since)) = (limit, self.recovery.retrans_stamp()) else {
            return rto_us;
        };
        let elapsed_us = u64::from(now.ms.wrapping_sub(since)) * 1000;
        rto_us.min(micros(limit).saturating_sub(elapsed_us).max(1))
    }
}
