//! What to send next (`tcp_write_xmit`, `tcp_xmit_retransmit_queue`, `tcp_send_loss_probe`).

use std::time::Duration;

use roundtrip_record::Time;

use crate::congestion::Controller;
use crate::info::CaState;

use super::burst::Burst;
use super::chronograph::Business;
use super::mtu::Attempt;
use super::scoreboard::Place;
use super::sent::{Departure, Marks, Sent};
use super::{Closing, Forced, Rexmit, SendTimer, Sender};
use crate::context::Context;

/// Who may hold a small segment back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nagle {
    /// As the application wants it.
    Auto,
    /// Nobody.
    Off,
}

/// What calls for new segments (`push_one`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    /// There is something to send: as much as may leave.
    Pending,
    /// A buffer was filled: one burst, without waiting for a better filled one.
    Full,
    /// A tail loss probe: one segment, whatever the congestion window says.
    Probe,
}

impl Sender {
    /// The next segments to send, at most `most` of them, with `sack_bytes` of options beside the
    /// usual ones.
    pub(crate) fn poll(&mut self, most: usize, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        let burst = match self.activity.as_mut().and_then(|activity| activity.ready.pop_front()) {
            Some(burst) => burst,
            None => self.next_burst(sack_bytes, cx)?,
        };
        Some(self.part_of(burst, most))
    }

    /// Whether [`poll`](Self::poll) may have something.
    #[inline]
    pub(crate) fn wants_poll(&self) -> bool {
        self.push
            || self.forced.is_some()
            || self.rexmit != Rexmit::None
            || self.activity.as_ref().is_some_and(|activity| !activity.ready.is_empty())
    }

    /// Cuts a burst to `most` segments; PSH and FIN stay with its end.
    fn part_of(&mut self, burst: Burst, most: usize) -> Burst {
        let limit = burst.mss.saturating_mul(most.max(1) as u32);
        if burst.len <= limit {
            return burst;
        }
        let rest = Burst { seq: burst.seq + limit, len: burst.len - limit, ..burst };
        self.activity().ready.push_front(rest);
        Burst { len: limit, fin: false, push: false, ..burst }
    }

    /// The payload of a burst.
    pub(crate) fn payload(&mut self, burst: &Burst) -> [&[u8]; 2] {
        let offset = burst.seq - self.una;
        if burst.len == 0 || offset < 0 {
            return [&[], &[]];
        }
        self.buffer.slices(offset as usize, burst.len as usize)
    }

    fn next_burst(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        match self.forced.take() {
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
        if self.rexmit == Rexmit::New {
            if let Some(burst) = self.new_segments(Nagle::Off, Push::Pending, sack_bytes, cx) {
                return Some(burst);
            }
            self.rexmit = Rexmit::None;
            if self.nxt.le(self.recovery.high_seq) {
                self.recovery.frto = false;
                self.rexmit = Rexmit::Lost;
            }
        }
        if self.rexmit == Rexmit::Lost {
            if let Some(burst) = self.next_lost(sack_bytes, cx) {
                return Some(burst);
            }
            self.rexmit = Rexmit::None;
        }
        if !self.push {
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
        if let Some(burst) = self.new_segments(Nagle::Auto, Push::Pending, sack_bytes, cx) {
            return Some(burst);
        }
        self.end_push(cx);
        None
    }

    /// A push begins with the thought of a probe, if what the path carries is searched for.
    #[inline]
    pub(super) fn first_probe(&mut self, sack_bytes: u32, cx: Context<'_>) -> Attempt {
        let Some(search) = self.search_mut() else { return Attempt::None };
        if std::mem::replace(&mut search.was_tried, true) {
            return Attempt::None;
        }
        self.probe_path(sack_bytes, cx)
    }

    /// Nothing is sent until there is room for a probe.
    fn end_wait(&mut self, cx: Context<'_>) {
        if self.pushed > 0 {
            self.end_push(cx);
        }
        self.push = false;
        if let Some(search) = self.search_mut() {
            search.was_tried = false;
        }
    }

    // ---- new data ----

    /// New segments, as many as go in one burst.
    pub(super) fn new_segments(
        &mut self,
        nagle: Nagle,
        push: Push,
        sack_bytes: u32,
        cx: Context<'_>,
    ) -> Option<Burst> {
        if !self.has_unsent() || (cx.profile.pacing && cx.now.time < self.pace_until) {
            return None;
        }
        let mss = self.current_mss(sack_bytes);
        let most = self.burst_segments(mss, cx);
        let quota = match self.quota() {
            0 if push == Push::Probe => 1,
            0 => return None,
            quota => quota.min(most),
        };
        self.queue.grow(self.nxt, quota * mss);
        let (unsent, is_last, is_record) = self.next_buffer();
        let fin = self.closing == Closing::Fin && is_last;
        let first = unsent.min(mss) + u32::from(fin && unsent <= mss);
        if (self.nxt + first).gt(self.window_end()) {
            self.is_window_limited = true;
            return None;
        }
        let len = if unsent <= mss {
            if nagle == Nagle::Auto && !fin && is_last && self.holds_back(unsent < mss) {
                return None;
            }
            unsent
        } else {
            let can_grow = is_last && !is_record && !fin;
            if push == Push::Pending && self.should_defer(unsent, is_last, can_grow, most, cx) {
                return None;
            }
            self.split_point(unsent, is_last, mss, quota, nagle)
        };
        Some(self.send_new(len, mss, cx))
    }

    /// Bytes left of the buffer to be sent next, whether it is the last, and whether it ends a
    /// record.
    pub(super) fn next_buffer(&self) -> (u32, bool, bool) {
        match self.queue.head() {
            Some((chunk, is_last)) => {
                ((chunk.end - self.nxt).max(0) as u32, is_last, chunk.is_record)
            }
            None => (0, true, false),
        }
    }

    /// Segments the congestion window has room for: half of it at most in one burst
    /// (`tcp_cwnd_test`).
    fn quota(&self) -> u32 {
        let (in_flight, cwnd) = (self.board.in_flight(), self.window.cwnd);
        cwnd.saturating_sub(in_flight).min((cwnd / 2).max(1))
    }

    /// Segments of a burst: about a millisecond's worth, more on short paths
    /// (`tcp_tso_autosize`).
    fn burst_segments(&self, mss: u32, cx: Context<'_>) -> u32 {
        let most = u64::from(cx.profile.gso_max_size);
        let mut bytes = self.pacing_rate >> 10;
        let halvings = self.rtt.min_us() >> cx.profile.tso_rtt_log;
        if halvings < 32 {
            bytes += most >> halvings;
        }
        let segments = (bytes.min(most) / u64::from(mss)) as u32;
        segments.max(cx.profile.min_tso_segments)
    }

    /// Nagle's algorithm in Minshall's form: a small segment waits while another small one is
    /// unacknowledged (RFC 9293 §3.7.4; `tcp_nagle_check`).
    fn holds_back(&self, partial: bool) -> bool {
        let small_out = self.small_end.gt(self.una) && self.small_end.le(self.nxt);
        partial
            && !self.release
            && (self.cork || self.more || (!self.nodelay && !self.board.is_empty() && small_out))
    }

    /// Bytes of a burst (`tcp_mss_split_point`).
    fn split_point(&self, unsent: u32, is_last: bool, mss: u32, quota: u32, nagle: Nagle) -> u32 {
        let window = (self.window_end() - self.nxt).max(0) as u32;
        let most = mss * quota;
        if most <= window && !is_last {
            return most.min(unsent);
        }
        let needed = unsent.min(window);
        if most <= needed {
            return most;
        }
        let partial = needed % mss;
        let fin = self.closing == Closing::Fin && is_last && needed == unsent;
        if nagle == Nagle::Auto && !fin && self.holds_back(partial != 0) {
            return needed - partial;
        }
        needed
    }

    /// Whether to wait for a better filled burst because an acknowledgement will come in a moment
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
        if self.recovery.state >= CaState::Recovery || cx.now.time.since(self.last_output) > RECENT
        {
            return false;
        }
        let mss = self.size.effective;
        let send_window = (self.window_end() - self.nxt).max(0) as u32;
        let free = self.window.cwnd.saturating_sub(self.board.in_flight());
        let cwnd_window = free.saturating_mul(mss);
        let limit = send_window.min(cwnd_window);
        if limit >= most.saturating_mul(mss) {
            return false;
        }
        if !is_last && limit >= unsent {
            return false;
        }
        let chunk = self.wnd.min(self.window.cwnd.saturating_mul(mss));
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
                self.deferred_for_cwnd = true;
                return true;
            }
        } else if send_window <= unsent {
            return true;
        }
        can_grow
    }

    /// Accounts for new segments.
    pub(super) fn send_new(&mut self, len: u32, mss: u32, cx: Context<'_>) -> Burst {
        let seq = self.nxt;
        let fin = self.closing == Closing::Fin && seq + len == self.end;
        let prior_out = self.board.out();
        let allowed_since = self.pace_until.max(self.last_output);
        self.before_data(len, cx);
        let delivered = self.counts.delivered;
        let mut at = seq;
        let mut left = len;
        let mut segments = 0;
        let moments = self.activity().rate.on_sent(cx.now.us, prior_out == 0);
        let ends = self.queue.head().filter(|(chunk, _)| chunk.end == seq + len);
        let ends = ends.map(|(chunk, _)| chunk.marks());
        // What leaves together is pushed, to be handed on together (`__tcp_transmit_skb`).
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
        self.queue.sent(at);
        self.nxt = at + u32::from(fin);
        if len < segments * mss {
            self.small_end = self.nxt;
        }
        if prior_out == 0 || self.timer_kind() == Some(SendTimer::LossProbe) {
            self.rearm_rto(cx);
        }
        // (A segment with nothing but FIN is none with data.)
        self.counts.data_segs_out += if len > 0 { segments } else { 0 };
        self.activity().bytes_sent += u64::from(len);
        self.pushed += segments;
        if self.in_reduction() {
            self.recovery.prr.out += segments;
        }
        self.pace(len, allowed_since, cx);
        Burst { seq, len, mss, fin, push, retransmission: false }
    }

    /// A segment with `len` bytes is about to leave (`tcp_event_data_sent`).
    fn before_data(&mut self, len: u32, cx: Context<'_>) {
        self.last_output = cx.now.time;
        if len == 0 {
            return;
        }
        if self.board.in_flight() == 0 {
            let at = self.moment(cx);
            let last = self.last_sent_ticks(cx);
            self.control.on_restart(last, &at);
        }
        self.last_sent = cx.now.time;
    }

    /// When the next burst may leave, if bursts are spaced. What left later than it might have,
    /// `allowed_since`, makes up for that by half the space after it at most
    /// (`tcp_update_skb_after_send`).
    fn pace(&mut self, len: u32, allowed_since: Time, cx: Context<'_>) {
        if cx.profile.pacing && self.pacing_rate > 0 && self.counts.data_segs_out >= 10 {
            let ns = u64::from(len) * 1_000_000_000 / self.pacing_rate;
            let late = cx.now.time.since(allowed_since).as_nanos() as u64;
            let space = Duration::from_nanos(ns - late.min(ns / 2));
            self.pace_until = self.pace_until.max(cx.now.time) + space;
        }
    }

    /// Nothing more can be sent for now.
    fn end_push(&mut self, cx: Context<'_>) {
        if std::mem::take(&mut self.is_window_limited) {
            self.activity().chronograph.start(Business::Window, cx.now.ticks);
        } else if self.activity.is_some() {
            self.stop_waiting(Business::Window, cx);
        }
        let paced = cx.profile.pacing && self.has_unsent() && cx.now.time < self.pace_until;
        (self.push, self.release) = (paced, false);
        self.more = false;
        if let Some(search) = self.search_mut() {
            search.was_tried = false;
        }
        let sent = std::mem::take(&mut self.pushed);
        let limited = std::mem::take(&mut self.deferred_for_cwnd)
            || self.board.in_flight() >= self.window.cwnd;
        // (`tcp_push_pending_frames` does nothing where there is nothing to send.)
        if sent > 0 || (limited && self.has_unsent()) {
            self.validate_window(limited, cx);
        }
        if sent > 0 {
            self.schedule_loss_probe(false, cx);
        }
        if self.board.is_empty() && self.has_unsent() && self.timer.is_none() {
            // The window is shut: probe it (`tcp_check_probe_timer`).
            self.set_timer(SendTimer::Persist, self.rtt.rto_us().max(200_000), cx);
        }
    }

    /// Notes how far the window is used (RFC 7661; `tcp_cwnd_validate`).
    fn validate_window(&mut self, limited: bool, cx: Context<'_>) {
        let out = self.board.out();
        let window = &mut self.window;
        if self.una.ge(window.usage_end) || limited || (!window.limited && out > window.max_out) {
            window.limited = limited;
            window.max_out = out;
            window.usage_end = self.nxt;
        }
        if window.is_limited() {
            window.used = 0;
            window.stamp = cx.now.ticks;
            return;
        }
        window.used = window.used.max(out);
        let idle = cx.now.ticks.wrapping_sub(window.stamp);
        let rto = cx.profile.tick.count(self.rtt.rto_us());
        if cx.profile.slow_start_after_idle && idle >= rto {
            self.limited_by_application(cx);
        }
        if self.no_space && !self.has_unsent() {
            self.activity().chronograph.start(Business::Buffer, cx.now.ticks);
        }
    }

    /// The application did not use the window for a timeout: half of what was unused goes
    /// (RFC 2861; `tcp_cwnd_application_limited`).
    fn limited_by_application(&mut self, cx: Context<'_>) {
        if self.recovery.state == CaState::Open && !self.no_space {
            let used = self.window.used.max(cx.profile.initial_window);
            if used < self.window.cwnd {
                self.window.ssthresh = self.current_ssthresh();
                self.window.cwnd = self.window.cwnd.midpoint(used);
            }
            self.window.used = 0;
        }
        self.window.stamp = cx.now.ticks;
    }

    /// After an idle time the window is halved for each timeout that passed, down to the initial
    /// one (RFC 2861, RFC 5681 §4.1; `tcp_slow_start_after_idle_check`).
    pub(crate) fn restart_after_idle(&mut self, cx: Context<'_>) {
        if !cx.profile.slow_start_after_idle || !self.board.is_empty() {
            return;
        }
        let rto = cx.profile.tick.count(self.rtt.rto_us()).max(1);
        let mut idle = i64::from(cx.now.ticks.wrapping_sub(self.last_sent_ticks(cx)) as i32);
        if idle <= i64::from(rto) {
            return;
        }
        self.window.ssthresh = self.current_ssthresh();
        let restart = cx.profile.initial_window.min(self.window.cwnd);
        let mut cwnd = self.window.cwnd;
        idle -= i64::from(rto);
        while idle > 0 && cwnd > restart {
            cwnd >>= 1;
            idle -= i64::from(rto);
        }
        self.window.cwnd = cwnd.max(restart);
        self.window.stamp = cx.now.ticks;
        self.window.used = 0;
    }

    // ---- again ----

    /// The next segment that is lost and was not sent again, if the window has room.
    fn next_lost(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        let first = self.board.first_place();
        let mut place = self.board.hint.unwrap_or(first);
        let mut hole = false;
        while let Some(marks) = self.board.get(place).map(|sent| sent.marks) {
            if !hole {
                self.board.hint = Some(place);
            }
            if self.board.in_flight() >= self.window.cwnd
                || self.board.retrans_out >= self.board.lost_out
            {
                return None;
            }
            if !marks.has(Marks::LOST) {
                hole |= !marks.has(Marks::SACKED.with(Marks::RETRANS));
            } else if !marks.has(Marks::SACKED.with(Marks::RETRANS)) {
                let room = self.window.cwnd - self.board.in_flight();
                let most = room.min(self.burst_segments(self.current_mss(sack_bytes), cx));
                let before = self.counts.retrans;
                let burst = self.retransmit(place, most, sack_bytes, cx)?;
                if self.in_reduction() {
                    self.recovery.prr.out += self.counts.retrans - before;
                }
                if place == first && self.timer_kind() != Some(SendTimer::Reordering) {
                    let rto = self.rtt.rto_us();
                    self.set_timer(SendTimer::Retransmission, rto, cx);
                }
                return Some(burst);
            }
            place = place.wrapping_add(1);
        }
        None
    }

    /// Sends a segment again, with up to `most` in all that left together with it and share its fate
    /// (`tcp_retransmit_skb`); `None` if the window does not hold it.
    fn retransmit(
        &mut self,
        place: Place,
        most: u32,
        sack_bytes: u32,
        cx: Context<'_>,
    ) -> Option<Burst> {
        let mut burst = self.prepare_again(place, sack_bytes, cx)?;
        let fate =
            |marks: Marks| marks.without(Marks::JOINED).without(Marks::PUSH).without(Marks::RECORD);
        let first = fate(self.board.get(place)?.marks);
        let mut count = 1;
        while count < most && burst.len == count * burst.mss {
            let Some(next) = self.board.get(place.wrapping_add(count)).copied() else { break };
            let is_together = next.marks.has(Marks::JOINED) && fate(next.marks) == first;
            if !is_together || next.end().gt(self.window_end()) || next.len > burst.mss {
                break;
            }
            self.count_again(next.len);
            burst.len += next.len;
            burst.fin = next.fin;
            burst.push = true;
            count += 1;
        }
        self.board.cut_out(place, count);
        let now = self.departure(cx);
        for n in 0..count {
            self.board.mark_retransmitted(place.wrapping_add(n), now);
        }
        self.recovery.retrans_stamp.get_or_insert(cx.now.ms);
        self.recovery.undo_retrans = self.recovery.undo_retrans.max(0) + count as i32;
        Some(burst)
    }

    fn departure(&mut self, cx: Context<'_>) -> Departure {
        let rate = self.activity().rate.on_sent(cx.now.us, false);
        Departure { sent_us: cx.now.us, delivered: self.counts.delivered, rate }
    }

    fn count_again(&mut self, len: u32) {
        self.counts.retrans += 1;
        let activity = self.activity();
        activity.bytes_retrans += u64::from(len);
        activity.bytes_sent += u64::from(len);
        self.counts.data_segs_out += u32::from(len > 0);
    }

    /// Cuts or joins segments to the size of today, and counts (`__tcp_retransmit_skb`).
    fn prepare_again(&mut self, place: Place, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        self.board.trim_first(self.una);
        self.forget_probe();
        let mss = self.current_mss(sack_bytes);
        let sent = *self.board.get(place)?;
        let mut room = (self.window_end() - sent.seq).max(0) as u32;
        if room == 0 {
            // Of a window shut on what is out the first segment serves as a probe.
            if sent.seq != self.una {
                return None;
            }
            room = mss;
        }
        let limit = mss.min(room);
        if sent.len > limit {
            self.resize(place, limit);
        } else if sent.len < limit && cx.profile.retrans_collapse {
            self.join_following(place, limit);
        }
        let sent = *self.board.get(place)?;
        self.before_data(sent.len, cx);
        self.count_again(sent.len);
        let push = sent.marks.has(Marks::PUSH);
        let mss = mss.max(sent.len);
        Some(Burst { seq: sent.seq, len: sent.len, mss, fin: sent.fin, push, retransmission: true })
    }

    /// Cuts a segment, and all that left together with it, into smaller ones.
    fn resize(&mut self, place: Place, size: u32) {
        let fate =
            |marks: Marks| marks.without(Marks::JOINED).without(Marks::PUSH).without(Marks::RECORD);
        while let (Some(sent), Some(next)) =
            (self.board.get(place), self.board.get(place.wrapping_add(1)))
        {
            if !next.marks.has(Marks::JOINED) || fate(next.marks) != fate(sent.marks) {
                break;
            }
            self.board.join_next(place);
        }
        let mut at = place;
        while self.board.get(at).is_some_and(|sent| sent.len > size) {
            self.board.split(at, size);
            at = at.wrapping_add(1);
        }
    }

    /// Joins small segments that follow (`tcp_retrans_try_collapse`).
    fn join_following(&mut self, place: Place, limit: u32) {
        loop {
            let Some(sent) = self.board.get(place).copied() else { return };
            let Some(next) = self.board.get(place.wrapping_add(1)).copied() else { return };
            if sent.marks.has(Marks::SACKED)
                || next.marks.has(Marks::SACKED)
                || sent.marks.has(Marks::RECORD)
                || sent.len + next.len > limit
                || next.end().gt(self.window_end())
            {
                return;
            }
            self.board.join_next(place);
            if !self.sack {
                // Duplicates counted as segments: there is one less to count (`tcp_adjust_pcount`).
                self.board.sacked_out = self.board.sacked_out.saturating_sub(1);
            }
        }
    }

    // ---- probes ----

    /// A tail loss probe: new data if there is some, else the last segment again (RFC 8985 §7.3;
    /// `tcp_send_loss_probe`).
    fn loss_probe(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        if self.recovery.tlp_high_seq.is_some() {
            self.rearm_rto_after(Some(SendTimer::LossProbe), cx);
            return None;
        }
        self.recovery.tlp_retrans = false;
        let mss = self.current_mss(sack_bytes);
        let fits = self.nxt + self.next_buffer().0.min(mss);
        let burst = if self.has_unsent() && fits.le(self.window_end()) {
            self.new_segments(Nagle::Off, Push::Probe, sack_bytes, cx)
        } else {
            self.probe_last(sack_bytes, cx)
        };
        if burst.is_none() {
            self.rearm_rto_after(Some(SendTimer::LossProbe), cx);
            return None;
        }
        self.recovery.tlp_high_seq = Some(self.nxt);
        self.pushed = 0;
        self.timer = None;
        self.rearm_rto(cx);
        burst
    }

    fn probe_last(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        let last = self.board.last_place()?;
        let burst = self.prepare_again(last, sack_bytes, cx)?;
        self.board.cut_out(last, 1);
        let now = self.departure(cx);
        self.board.mark_probed(last, now);
        self.recovery.tlp_retrans = true;
        Some(burst)
    }

    /// What makes a silent peer answer: as much data as its window takes, or a segment it has
    /// acknowledged long ago (RFC 9293 §3.8.6.1, §3.8.4; `tcp_write_wakeup`).
    fn wakeup(&mut self, sack_bytes: u32, cx: Context<'_>) -> Burst {
        let mss = self.current_mss(sack_bytes);
        if self.has_unsent() && self.nxt.lt(self.window_end()) {
            let room = (self.window_end() - self.nxt) as u32;
            let len = self.next_buffer().0.min(room).min(mss);
            let burst = self.send_new(len, mss, cx);
            // It keeps PSH when it is sent again.
            self.board.mark_last(Marks::PUSH);
            self.pushed = 0;
            return Burst { push: len > 0, ..burst };
        }
        self.last_output = cx.now.time;
        Burst { seq: self.una - 1, len: 0, mss, fin: false, push: false, retransmission: false }
    }
}
