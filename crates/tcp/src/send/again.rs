//! Retransmissions (`tcp_xmit_retransmit_queue`, `tcp_retransmit_skb`).

use crate::context::Context;

use super::burst::Burst;
use super::scoreboard::Place;
use super::sender::Sender;
use super::sent::{Departure, Marks};
use super::timer::SendTimer;

impl Sender {
    /// Retransmits the next lost segment that was not retransmitted yet, if the window has room.
    pub(super) fn next_lost(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        let first = self.board.first_place();
        let mut place = self.board.hint().unwrap_or(first);
        let mut hole = false;
        while let Some(marks) = self.board.get(place).map(|sent| sent.marks) {
            if !hole {
                self.board.set_hint(Some(place));
            }
            if self.board.in_flight() >= self.window.cwnd()
                || self.board.retrans_out() >= self.board.lost_out()
            {
                return None;
            }
            if !marks.has(Marks::LOST) {
                hole |= !marks.has(Marks::SACKED.with(Marks::RETRANS));
            } else if !marks.has(Marks::SACKED.with(Marks::RETRANS)) {
                let room = self.window.cwnd() - self.board.in_flight();
                let most = room.min(self.burst_segments(self.size.current(sack_bytes), cx));
                let before = self.counts.retrans();
                let burst = self.retransmit(place, most, sack_bytes, cx)?;
                self.recovery.note_sent(self.counts.retrans() - before);
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

    /// Retransmits a segment together with up to `most` in all that left with it and have the same
    /// marks (`tcp_retransmit_skb`); `None` if the peer's window does not take it.
    pub(super) fn retransmit(
        &mut self,
        place: Place,
        most: u32,
        sack_bytes: u32,
        cx: Context<'_>,
    ) -> Option<Burst> {
        let allowed_since = self.pacing.until().max(self.latest.output);
        let mut burst = self.prepare_again(place, sack_bytes, cx)?;
        let first = self.board.get(place)?.marks.fate();
        let mut count = 1;
        while count < most && burst.len == count * burst.mss {
            let Some(next) = self.board.get(place.wrapping_add(count)).copied() else { break };
            let is_together = next.marks.has(Marks::JOINED) && next.marks.fate() == first;
            if !is_together || next.end().gt(self.space.window_end()) || next.len > burst.mss {
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
        self.recovery.note_retransmitted(count, cx.now.ms);
        self.space_burst(burst.len, allowed_since, cx);
        Some(burst)
    }

    pub(super) fn departure(&mut self, cx: Context<'_>) -> Departure {
        let rate = self.active_state().rate.on_sent(cx.now.us, false);
        Departure { sent_us: cx.now.us, delivered: self.counts.delivered(), rate }
    }

    fn count_again(&mut self, len: u32) {
        self.counts.note_retransmitted(len);
        let active_state = self.active_state();
        active_state.bytes_retrans += u64::from(len);
        active_state.bytes_sent += u64::from(len);
    }

    /// Prepares a retransmission: cuts or joins segments to the current size, and counts
    /// (`__tcp_retransmit_skb`).
    pub(super) fn prepare_again(
        &mut self,
        place: Place,
        sack_bytes: u32,
        cx: Context<'_>,
    ) -> Option<Burst> {
        self.board.trim_first(self.space.una());
        self.forget_probe();
        let mss = self.size.current(sack_bytes);
        let sent = *self.board.get(place)?;
        let mut room = (self.space.window_end() - sent.seq).max(0) as u32;
        if room == 0 {
            // If the window closed on data in flight, the first segment serves as a probe.
            if sent.seq != self.space.una() {
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

    /// Cuts a segment, and all that left together with it, into segments of `size`.
    fn resize(&mut self, place: Place, size: u32) {
        while let (Some(sent), Some(next)) =
            (self.board.get(place), self.board.get(place.wrapping_add(1)))
        {
            if !next.marks.has(Marks::JOINED) || next.marks.fate() != sent.marks.fate() {
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

    /// Joins the small segments that follow, up to `limit` bytes (`tcp_retrans_try_collapse`).
    fn join_following(&mut self, place: Place, limit: u32) {
        loop {
            let Some(sent) = self.board.get(place).copied() else { return };
            let Some(next) = self.board.get(place.wrapping_add(1)).copied() else { return };
            if sent.marks.has(Marks::SACKED)
                || next.marks.has(Marks::SACKED)
                || sent.marks.has(Marks::RECORD)
                || sent.len + next.len > limit
                || next.end().gt(self.space.window_end())
            {
                return;
            }
            self.board.join_next(place);
            if !self.agreed.sack {
                // Duplicates are counted as segments, and there is one segment less now
                // (`tcp_adjust_pcount`).
                self.board.discount_duplicates(1);
            }
        }
    }
}
