//! Probes: segments that make the peer answer (`tcp_send_loss_probe`, `tcp_write_wakeup`).

use crate::context::Context;

use super::burst::Burst;
use super::output::{Push, SmallSegments};
use super::sender::Sender;
use super::sent::Marks;
use super::timer::SendTimer;

impl Sender {
    /// Sends a tail loss probe: new data if there is some, otherwise the last segment again (RFC
    /// 8985 §7.3; `tcp_send_loss_probe`).
    pub(super) fn loss_probe(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        if self.recovery.is_tail_probed() {
            self.rearm_rto_after(Some(SendTimer::LossProbe), cx);
            return None;
        }
        self.recovery.begin_tail_probe(false);
        let mss = self.size.current(sack_bytes);
        let fits = self.space.nxt() + self.next_buffer().0.min(mss);
        let burst = if self.has_unsent() && fits.le(self.space.window_end()) {
            self.new_segments(SmallSegments::SendNow, Push::Probe, sack_bytes, cx)
        } else {
            self.probe_last(sack_bytes, cx)
        };
        if burst.is_none() {
            self.rearm_rto_after(Some(SendTimer::LossProbe), cx);
            return None;
        }
        self.recovery.note_tail_probe(self.space.nxt());
        self.agenda.forget_pushed();
        self.timers.stop();
        self.rearm_rto(cx);
        burst
    }

    fn probe_last(&mut self, sack_bytes: u32, cx: Context<'_>) -> Option<Burst> {
        let last = self.board.last_place()?;
        let burst = self.prepare_again(last, sack_bytes, cx)?;
        self.board.cut_out(last, 1);
        let now = self.departure(cx);
        self.board.mark_probed(last, now);
        self.recovery.begin_tail_probe(true);
        Some(burst)
    }

    /// Sends a segment that makes a silent peer answer: as much data as its window takes, or a
    /// segment it has acknowledged long ago (RFC 9293 §3.8.6.1, §3.8.4; `tcp_write_wakeup`).
    pub(super) fn wakeup(&mut self, sack_bytes: u32, cx: Context<'_>) -> Burst {
        let mss = self.size.current(sack_bytes);
        if self.has_unsent() && self.space.nxt().lt(self.space.window_end()) {
            let len = self.next_buffer().0.min(self.space.room()).min(mss);
            let burst = self.send_new(len, mss, cx);
            // The segment keeps PSH when it is retransmitted.
            self.board.mark_last(Marks::PUSH);
            self.agenda.forget_pushed();
            return Burst { push: len > 0, ..burst };
        }
        self.latest.output = cx.now.time;
        Burst {
            seq: self.space.una() - 1,
            len: 0,
            mss,
            fin: false,
            push: false,
            retransmission: false,
        }
    }
}
