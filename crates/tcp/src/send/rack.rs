//! RACK: a segment is lost if one sent sufficiently later has arrived (RFC 8985;
//! `net/ipv4/tcp_recovery.c`). All times are microseconds: on a coarser clock it takes reordering
//! for loss.

use roundtrip_packet::SeqNumber;

use crate::info::CaState;

use super::sent::{Marks, Sent};
use super::{SendTimer, Sender};
use crate::context::Context;

/// Recoveries for which a widened window persists (RFC 8985 §6.2, step 4: 16).
pub(super) const PERSIST: u8 = 16;
/// Added to the time to wait, µs (`TCP_TIMEOUT_MIN_US`): two ticks of 1 ms.
pub(super) const TIMEOUT_MIN_US: u64 = 2000;

/// What was delivered last, by time of sending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rack {
    /// When the segment was sent that was sent last among those delivered, µs (RACK.xmit_ts).
    pub(super) sent_us: u64,
    /// Its end (RACK.end_seq).
    pub(super) end: SeqNumber,
    /// The round trip of the segment delivered last, µs (RACK.rtt).
    pub(super) rtt_us: u32,
    /// Something was delivered since losses were last looked for.
    pub(super) advanced: bool,
    /// The reordering window in quarters of the least round trip (RACK.reo_wnd_mult).
    pub(super) steps: u8,
    /// Recoveries until it goes back to one.
    pub(super) persist: u8,
    /// A duplicate was reported in this round trip.
    pub(super) dsack_seen: bool,
    /// Segments delivered when the window was last widened.
    pub(super) last_delivered: u32,
}

impl Default for Rack {
    fn default() -> Self {
        Rack {
            sent_us: 0,
            end: SeqNumber(0),
            rtt_us: 0,
            advanced: false,
            steps: 1,
            persist: 0,
            dsack_seen: false,
            last_delivered: 0,
        }
    }
}

/// Whether a transmission came after another, the sequence deciding between those of one instant
/// (`tcp_skb_sent_after`).
#[inline]
pub(super) fn sent_after(a: (u64, SeqNumber), b: (u64, SeqNumber)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && a.1.gt(b.1))
}

impl Rack {
    /// A segment was delivered (`tcp_rack_advance`). Of one that was retransmitted it cannot be known
    /// which transmission arrived, unless that was sooner than a round trip can be.
    pub(super) fn advance(&mut self, sent: &Sent, now_us: u64, min_rtt_us: u32) {
        let rtt = now_us.saturating_sub(sent.sent_us).min(u64::from(u32::MAX)) as u32;
        if rtt < min_rtt_us && sent.marks.was_retransmitted() {
            return;
        }
        self.advanced = true;
        self.rtt_us = rtt;
        if sent_after((sent.sent_us, sent.end()), (self.sent_us, self.end)) {
            self.sent_us = sent.sent_us;
            self.end = sent.end();
        }
    }

    /// Widens the window after a duplicate was reported, once a round trip, and narrows it again after
    /// sixteen recoveries without (`tcp_rack_update_reo_wnd`).
    pub(super) fn update_window(&mut self, prior_delivered: Option<u32>, delivered: u32) {
        let Some(prior) = prior_delivered else { return };
        if (prior.wrapping_sub(self.last_delivered) as i32) < 0 {
            self.dsack_seen = false;
        }
        if self.dsack_seen {
            self.steps = self.steps.saturating_add(1);
            self.dsack_seen = false;
            self.last_delivered = delivered;
            self.persist = PERSIST;
        } else if self.persist == 0 {
            self.steps = 1;
        }
    }
}

impl Sender {
    /// How much later than another a segment may arrive, µs (`tcp_rack_reo_wnd`).
    fn reordering_window_us(&self) -> u64 {
        if self.counts.reordering_seen == 0 {
            // Without reordering ever seen: none in recovery, nor after three were sacked.
            if self.recovery.state >= CaState::Recovery
                || self.board.sacked_out >= self.recovery.reordering
            {
                return 0;
            }
        }
        let quarter = u64::from(self.rtt.min_us() / 4);
        (quarter * u64::from(self.rack.steps)).min(u64::from(self.rtt.srtt_us()))
    }

    /// µs until a segment sent at `sent_us` is to be taken for lost (`tcp_rack_skb_timeout`).
    pub(super) fn rack_remaining(&self, sent_us: u64, window_us: u64, now_us: u64) -> i64 {
        let due = u64::from(self.rack.rtt_us) + window_us;
        due as i64 - now_us.saturating_sub(sent_us) as i64
    }

    /// Marks what is lost by now; gives how long to wait for what may be, µs
    /// (`tcp_rack_detect_loss`).
    fn detect_loss(&mut self, cx: Context<'_>) -> u64 {
        let window = self.reordering_window_us();
        let reference = (self.rack.sent_us, self.rack.end);
        let mut wait = 0;
        let mut next = self.board.oldest();
        while let Some(place) = next {
            next = self.board.newer(place);
            let Some(sent) = self.board.get(place) else { break };
            if sent.marks.has(Marks::LOST) && !sent.marks.has(Marks::RETRANS) {
                continue;
            }
            if !sent_after(reference, (sent.sent_us, sent.end())) {
                break;
            }
            let remaining = self.rack_remaining(sent.sent_us, window, cx.now.us);
            if remaining <= 0 {
                self.mark_lost(place);
                self.board.unlink(place);
            } else {
                wait = wait.max(remaining as u64);
            }
        }
        wait
    }

    /// Looks for losses after a delivery; whether it set the timer (`tcp_rack_mark_lost`).
    pub(super) fn rack_mark_lost(&mut self, cx: Context<'_>) -> bool {
        if !self.rack.advanced {
            return false;
        }
        self.rack.advanced = false;
        let wait = self.detect_loss(cx);
        if wait > 0 {
            self.set_timer(SendTimer::Reordering, wait + TIMEOUT_MIN_US, cx);
        }
        wait > 0
    }

    /// The wait is over: what has not arrived is lost (`tcp_rack_reo_timeout`).
    pub(super) fn on_reordering_timeout(&mut self, cx: Context<'_>) {
        let before = self.board.in_flight();
        self.timer = None;
        self.detect_loss(cx);
        if before != self.board.in_flight() {
            if self.recovery.state != CaState::Recovery {
                self.enter_recovery(false, cx);
                self.reduce(1, 0, false);
            }
            self.rexmit = super::Rexmit::Lost;
        }
        if self.timer_kind() != Some(SendTimer::Retransmission) {
            self.rearm_rto_after(Some(SendTimer::Reordering), cx);
        }
    }
}
