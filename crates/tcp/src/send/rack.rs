//! The state of RACK loss detection (RFC 8985; `net/ipv4/tcp_recovery.c`). All times are
//! microseconds: a coarser clock would take reordering for loss.

use roundtrip_packet::SeqNumber;

use super::sent::Sent;

/// The number of recoveries for which a widened window persists (RFC 8985 §6.2, step 4: 16).
const PERSIST: u8 = 16;
/// The most recently sent segment among those delivered, and the reordering window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rack {
    /// The time at which the most recently sent segment was sent, µs (RACK.xmit_ts).
    sent_us: u64,
    /// The sequence number after the last byte of that segment (RACK.end_seq).
    end: SeqNumber,
    /// The round-trip time of the segment delivered last, µs (RACK.rtt).
    rtt_us: u32,
    /// Whether something was delivered since losses were last looked for.
    advanced: bool,
    /// The reordering window in quarters of the least round trip (RACK.reo_wnd_mult).
    steps: u8,
    /// Recoveries until the window goes back to one quarter.
    persist: u8,
    /// Whether a duplicate was reported in this round trip.
    dsack_seen: bool,
    /// Segments delivered when the window was last widened.
    last_delivered: u32,
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

/// Whether transmission `a` was sent after `b`; at the same instant the sequence number decides
/// (`tcp_skb_sent_after`).
#[inline]
pub(super) fn sent_after(a: (u64, SeqNumber), b: (u64, SeqNumber)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && a.1.gt(b.1))
}

impl Rack {
    /// Notes the delivery of a segment (`tcp_rack_advance`). One that was retransmitted is ignored
    /// if it was acknowledged sooner than a round trip takes: then the original has arrived.
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

    /// Widens the reordering window after a duplicate was reported, once a round trip, and narrows
    /// it again after sixteen recoveries without (`tcp_rack_update_reo_wnd`).
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

    /// The time of sending and the end of the segment that was sent last among those delivered.
    pub(super) fn reference(&self) -> (u64, SeqNumber) {
        (self.sent_us, self.end)
    }

    /// How much later than another a segment may arrive on a path known to reorder, µs
    /// (`tcp_rack_reo_wnd`).
    pub(super) fn window_us(&self, min_rtt_us: u32, srtt_us: u32) -> u64 {
        (u64::from(min_rtt_us / 4) * u64::from(self.steps)).min(u64::from(srtt_us))
    }

    /// The time until a segment sent at `sent_us` is taken for lost, µs (`tcp_rack_skb_timeout`).
    pub(super) fn remaining_us(&self, sent_us: u64, window_us: u64, now_us: u64) -> i64 {
        let due = u64::from(self.rtt_us) + window_us;
        due as i64 - now_us.saturating_sub(sent_us) as i64
    }

    /// Whether something was delivered since losses were last looked for; resets the note.
    pub(super) fn take_advanced(&mut self) -> bool {
        std::mem::take(&mut self.advanced)
    }

    /// Makes the next acknowledgement look for losses, whatever it delivers.
    pub(super) fn look_again(&mut self) {
        self.advanced = true;
    }

    /// Notes a reported duplicate that reordering explains.
    pub(super) fn note_duplicate(&mut self) {
        self.dsack_seen = true;
    }

    /// Notes the end of a recovery that was not needless.
    pub(super) fn note_recovery(&mut self) {
        self.persist = self.persist.saturating_sub(1);
    }

    /// Notes that a recovery was needless: the window stays wide for one more.
    pub(super) fn note_needless_recovery(&mut self) {
        self.persist = (self.persist + 1).min(PERSIST);
    }
}
