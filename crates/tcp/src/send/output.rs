//! Sending: forced segments, retransmissions, new data (`tcp_write_xmit`).

use std::time::Duration;

use crate::congestion::Controller;
use crate::context::Context;
use crate::info::CaState;

use super::agenda::{Forced, Rexmit};
use super::burst::Burst;
use super::chronograph::SendLimit;
use super::mtu::Attempt;
use super::sender::Sender;
use super::sent::{Marks, Sent};
use super::timer::SendTimer;

/// What becomes of segments that are not full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SmallSegments {
    /// They may be held back, as Nagle's algorithm and the application's options want it.
    MayWait,
    /// They are sent at once.
    SendNow,
}

/// Why new segments are sent (`push_one`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    /// There is data to send: as much as the windows allow.
    Pending,
    /// A buffer was filled: one burst is sent, without waiting for a fuller one.
    Full,
    /// A tail loss probe: one segment is sent, whatever the congestion window says.
    Probe,
}

impl Sender {
    /// The next segments to send, at most `most`, with `sack_bytes` of options beside the usual
    /// ones.
    pub(crate) fn poll(&mut self, most: usize, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        let burst = match self
            .active_state
            .as_mut()
            .and_then(|active_state| active_state.ready.pop_front())
        {
            Some(burst) => burst,
            None => self.next_burst(sack_bytes, cx)?,
        };
        Some(self.part_of(burst, most))
    }

    /// Whether [`poll`](Self::poll) may have something to send.
    #[inline]
    pub(crate) fn wants_poll(&self) -> bool {
        self.agenda.is_any()
            || self.active_state.as_ref().is_some_and(|active_state| !active_state.ready.is_empty())
    }

    /// Cuts a burst to `most` segments; PSH and FIN stay with its end.
    fn part_of(&mut self, burst: Burst, most: usize) -> Burst {
        let limit = burst.mss.saturating_mul(most.max(1) as u32);
        if burst.len <= limit {
            return burst;
        }
        let rest = Burst { seq: burst.seq + limit, len: burst.len - limit, ..burst };
        self.active_state().ready.push_front(rest);
        Burst { len: limit, fin: false, push: false, ..burst }
    }

    fn next_burst(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        match self.agenda.take_forced() {
            Some(Forced::Head) => {
                let first = self.board.first_place();
                if let Some(burst) = self.retransmit(first, 1, sack_bytes, cx) {
                    return Some(burst);
                }
            }
            Some(Forced::LossProbe) => {
                if let Some(burst) = self.loss_probe(sack_bytes, cx) {
                    return Some(burst);
                }
            }
            Some(Forced::Wakeup) => return Some(self.wakeup(sack_bytes, cx)),
            None => {}
        }
        if self.agenda.rexmit() == Rexmit::New {
            if let Some(burst) =
                self.new_segments(SmallSegments::SendNow, Push::Pending, sack_bytes, cx)
            {
                return Some(burst);
            }
            let is_given_up = self.recovery.end_frto(self.space.nxt());
            self.request(if is_given_up { Rexmit::Lost } else { Rexmit::None });
        }
        if self.agenda.repairs() {
            if self.waits_for_turn(cx) {
                return None;
            }
            if let Some(burst) = self.next_lost(sack_bytes, cx) {
                return Some(burst);
            }
            self.request(Rexmit::None);
        }
        if !self.agenda.is_pushing() {
            return None;
        }
        match self.first_probe(sack_bytes, cx) {
            Attempt::Sent(burst) => return Some(burst),
            Attempt::Wait => {
                self.end_wait(cx);
                return None;
            }
            Attempt::None => {}
        }
        if let Some(burst) =
            self.new_segments(SmallSegments::MayWait, Push::Pending, sack_bytes, cx)
        {
            return Some(burst);
        }
        self.end_push(cx);
        None
    }

    /// Considers an MTU probe once at the beginning of each push, while the path MTU is searched
    /// for.
    #[inline]
    pub(super) fn first_probe(&mut self, sack_bytes: u32, cx: Context<'_>) -> Attempt {
        let Some(search) = self.search_mut() else { return Attempt::None };
        if std::mem::replace(&mut search.was_tried, true) {
            return Attempt::None;
        }
        self.probe_path(sack_bytes, cx)
    }

    /// Ends the push, as nothing is sent until there is room for an MTU probe.
    fn end_wait(&mut self, cx: Context<'_>) {
        if self.agenda.has_pushed() {
            self.end_push(cx);
        }
        self.agenda.set_push(false);
        if let Some(search) = self.search_mut() {
            search.was_tried = false;
        }
    }

    // ---- new data ----

    /// Sends new segments, as many as go in one burst.
    pub(super) fn new_segments(
        &mut self,
        small_segments: SmallSegments,
        push: Push,
        sack_bytes: u32,
        cx: Context<'_>,
    ) -> Option<Burst> {
        if !self.has_unsent() || self.waits_for_turn(cx) {
            return None;
        }
        let mss = self.size.current(sack_bytes);
        let most = self.burst_segments(mss, cx);
        let quota = match self.quota() {
            0 if push == Push::Probe => 1,
            0 => return None,
            quota => quota.min(most),
        };
        self.written.queue.grow(self.space.nxt(), quota * mss);
        let (unsent, is_last, is_record) = self.next_buffer();
        let fin = self.written.is_finished() && is_last;
        let first = unsent.min(mss) + u32::from(fin && unsent <= mss);
        if (self.space.nxt() + first).gt(self.space.window_end()) {
            self.agenda.limit_by_window();
            return None;
        }
        let len = if unsent <= mss {
            if small_segments == SmallSegments::MayWait
                && !fin
                && is_last
                && unsent < mss
                && self.holds_back()
            {
                return None;
            }
            unsent
        } else {
            let can_grow = is_last && !is_record && !fin;
            if push == Push::Pending && self.should_defer(unsent, is_last, can_grow, most, cx) {
                return None;
            }
            self.split_point(unsent, is_last, mss, quota, small_segments)
        };
        Some(self.send_new(len, mss, cx))
    }

    /// The bytes left in the buffer to be sent next, whether it is the last, and whether it ends a
    /// record.
    pub(super) fn next_buffer(&self) -> (u32, bool, bool) {
        match self.written.queue.head() {
            Some((chunk, is_last)) => {
                ((chunk.end - self.space.nxt()).max(0) as u32, is_last, chunk.is_record)
            }
            None => (0, true, false),
        }
    }

    /// The segments that the congestion window has room for, at most half of it in one burst
    /// (`tcp_cwnd_test`).
    fn quota(&self) -> u32 {
        let (in_flight, cwnd) = (self.board.in_flight(), self.window.cwnd());
        cwnd.saturating_sub(in_flight).min((cwnd / 2).max(1))
    }

    /// The number of segments in a burst: about a millisecond's worth, more on short paths
    /// (`tcp_tso_autosize`).
    pub(super) fn burst_segments(&self, mss: u32, cx: Context<'_>) -> u32 {
        let most = u64::from(cx.profile.gso_max_size);
        let mut bytes = self.pacing.rate() >> 10;
        let halvings = self.rtt.min_us() >> cx.profile.tso_rtt_log;
        if halvings < 32 {
            bytes += most >> halvings;
        }
        let segments = (bytes.min(most) / u64::from(mss)) as u32;
        segments.max(self.least_burst(cx))
    }

    /// Whether a segment that is not full has to wait (`tcp_nagle_check`).
    fn holds_back(&self) -> bool {
        self.nagle.holds_back(self.space.una(), self.space.nxt(), self.board.out())
    }

    /// The length of the next burst, bytes (`tcp_mss_split_point`).
    fn split_point(
        &self,
        unsent: u32,
        is_last: bool,
        mss: u32,
        quota: u32,
        small_segments: SmallSegments,
    ) -> u32 {
        let window = self.space.room();
        let most = mss * quota;
        if most <= window && !is_last {
            return most.min(unsent);
        }
        let needed = unsent.min(window);
        if most <= needed {
            return most;
        }
        let partial = needed % mss;
        let fin = self.written.is_finished() && is_last && needed == unsent;
        if small_segments == SmallSegments::MayWait && !fin && partial != 0 && self.holds_back() {
            return needed - partial;
        }
        needed
    }

    /// Whether to wait for a fuller burst because an acknowledgement will come in a moment
    /// (`tcp_tso_should_defer`).
    fn should_defer(
        &mut self,
        unsent: u32,
        is_last: bool,
        can_grow: bool,
        most: u32,
        cx: Context<'_>,
    ) -> bool {
        const RECENT: Duration = Duration::from_millis(1);
        if self.recovery.state() >= CaState::Recovery
            || cx.now.time.since(self.latest.output) > RECENT
        {
            return false;
        }
        let mss = self.size.effective();
        let send_window = self.space.room();
        let free = self.window.cwnd().saturating_sub(self.board.in_flight());
        let cwnd_window = free.saturating_mul(mss);
        let limit = send_window.min(cwnd_window);
        if limit >= most.saturating_mul(mss) {
            return false;
        }
        if !is_last && limit >= unsent {
            return false;
        }
        let chunk = self.space.wnd().min(self.window.cwnd().saturating_mul(mss));
        if cx.profile.tso_window_divisor > 0 && limit >= chunk / cx.profile.tso_window_divisor {
            return false;
        }
        let Some(head) = self.board.first() else { return false };
        let srtt_us = u64::from(self.rtt.srtt_us());
        let expected = (head.sent_us + srtt_us) as i64 - cx.now.us as i64;
        if expected > (srtt_us / 2).min(1000) as i64 {
            return false;
        }
        if cwnd_window < send_window {
            if cwnd_window <= unsent {
                self.agenda.defer_for_cwnd();
                return true;
            }
        } else if send_window <= unsent {
            return true;
        }
        can_grow
    }

    /// Sends `len` bytes of new data in segments of `mss`, and accounts for them.
    pub(super) fn send_new(&mut self, len: u32, mss: u32, cx: Context<'_>) -> Burst {
        let seq = self.space.nxt();
        let fin = self.written.is_fin_at(seq + len);
        let prior_out = self.board.out();
        let allowed_since = self.pacing.until().max(self.latest.output);
        self.before_data(len, cx);
        let delivered = self.counts.delivered();
        let mut at = seq;
        let mut left = len;
        let mut segments = 0;
        let moments = self.active_state().rate.on_sent(cx.now.us, prior_out == 0);
        let ends = self.written.queue.head().filter(|(chunk, _)| chunk.end == seq + len);
        let ends = ends.map(|(chunk, _)| chunk.marks());
        // Segments that are sent together carry PSH, so that the peer hands them on together
        // (`__tcp_transmit_skb`).
        let push = len > mss || (len > 0 && ends.is_some_and(|marks| marks.has(Marks::PUSH)));
        loop {
            let part = left.min(mss);
            left -= part;
            let last = left == 0;
            let mut sent = Sent::new(at, part, fin && last, cx.now.us, delivered);
            sent.rate = moments;
            if segments > 0 {
                sent.marks = sent.marks.with(Marks::JOINED);
            }
            if last && let Some(chunk) = ends {
                sent.marks = sent.marks.with(chunk);
            }
            self.board.push(sent);
            at += part;
            segments += 1;
            if last {
                break;
            }
        }
        self.written.queue.sent(at);
        let nxt = at + u32::from(fin);
        self.space.sent(nxt);
        if len < segments * mss {
            self.nagle.note_small(nxt);
        }
        if prior_out == 0 || self.timer_kind() == Some(SendTimer::LossProbe) {
            self.rearm_rto(cx);
        }
        // A segment with nothing but FIN does not count as one with data.
        self.counts.note_sent(if len > 0 { segments } else { 0 });
        self.active_state().bytes_sent += u64::from(len);
        self.agenda.note_pushed(segments);
        self.recovery.note_sent(segments);
        self.space_burst(len, allowed_since, cx);
        Burst { seq, len, mss, fin, push, retransmission: false }
    }

    /// Notes that a segment with `len` bytes is about to be sent (`tcp_event_data_sent`).
    pub(super) fn before_data(&mut self, len: u32, cx: Context<'_>) {
        self.latest.output = cx.now.time;
        if len == 0 {
            return;
        }
        if self.board.in_flight() == 0 {
            let at = self.moment(cx);
            let last = self.last_sent_ticks(cx);
            self.control.on_restart(last, &at);
            self.steer_after_pause(cx);
        }
        self.latest.data = cx.now.time;
    }

    /// Ends a push, when nothing more can be sent for now.
    fn end_push(&mut self, cx: Context<'_>) {
        if self.agenda.take_window_limited() {
            self.active_state().chronograph.start(SendLimit::Window, cx.now.ticks);
        } else if self.active_state.is_some() {
            self.stop_waiting(SendLimit::Window, cx);
        }
        let paced = self.has_unsent() && self.waits_for_turn(cx);
        self.agenda.set_push(paced);
        self.nagle.end_push();
        if let Some(search) = self.search_mut() {
            search.was_tried = false;
        }
        let sent = self.agenda.take_pushed();
        let limited = self.agenda.take_deferred() || self.board.in_flight() >= self.window.cwnd();
        // Like `tcp_push_pending_frames`, does nothing where there is nothing to send.
        if sent > 0 || (limited && self.has_unsent()) {
            self.validate_window(limited, cx);
        }
        if sent > 0 {
            self.schedule_loss_probe(false, cx);
        }
        if self.board.is_empty() && self.has_unsent() && !self.timers.is_running() {
            // The window is closed, so a probe is needed (`tcp_check_probe_timer`).
            self.set_timer(SendTimer::Persist, self.rtt.rto_us().max(200_000), cx);
        }
    }
}
