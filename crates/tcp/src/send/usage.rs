//! The use of the congestion window, and its reduction where it is not used (RFC 2861, RFC 7661;
//! `tcp_cwnd_validate`, `tcp_slow_start_after_idle_check`).

use crate::context::Context;
use crate::info::CaState;

use super::chronograph::SendLimit;
use super::sender::Sender;

impl Sender {
    /// Notes how much of the window is used (RFC 7661; `tcp_cwnd_validate`).
    pub(super) fn validate_window(&mut self, limited: bool, cx: Context<'_>) {
        let ends = (self.space.una(), self.space.nxt());
        if self.window.validate(ends, self.board.out(), limited, cx.now.ticks) {
            return;
        }
        let idle = self.window.unused_for(cx.now.ticks);
        let rto = cx.profile.tick.count(self.rtt.rto_us());
        if self.goes_by_use(cx.profile) && idle >= rto {
            self.limited_by_application(cx);
        }
        if self.memory.was_full() && !self.has_unsent() {
            self.active_state().chronograph.start(SendLimit::Buffer, cx.now.ticks);
        }
    }

    /// Gives up half of the unused window, which the application did not use for one timeout (RFC
    /// 2861; `tcp_cwnd_application_limited`).
    fn limited_by_application(&mut self, cx: Context<'_>) {
        if self.recovery.state() == CaState::Open && !self.memory.was_full() {
            let ssthresh = self.current_ssthresh();
            self.window.release_unused(cx.profile.initial_window, ssthresh);
        }
        self.window.touch(cx.now.ticks);
    }

    /// Halves the window for each timeout of idle time, down to the initial window (RFC 2861, RFC
    /// 5681 §4.1; `tcp_slow_start_after_idle_check`).
    pub(crate) fn restart_after_idle(&mut self, cx: Context<'_>) {
        if !self.goes_by_use(cx.profile) || !self.board.is_empty() {
            return;
        }
        let rto = cx.profile.tick.count(self.rtt.rto_us()).max(1);
        let idle = i64::from(cx.now.ticks.wrapping_sub(self.last_sent_ticks(cx)) as i32);
        if idle > i64::from(rto) {
            self.window.set_ssthresh(self.current_ssthresh());
            self.window.restart(idle, rto, cx.profile.initial_window, cx.now.ticks);
        }
    }
}
