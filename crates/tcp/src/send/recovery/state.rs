//! The state of loss recovery, and what is needed to leave it again.

use roundtrip_packet::SeqNumber;

use crate::congestion::Window;
use crate::congestion::prr::{Progress, Prr};
use crate::info::CaState;
use crate::profile::Profile;

/// The state of loss recovery. Its fields are modified by the files of this folder alone.
#[derive(Clone, Copy, Debug)]
pub(in crate::send) struct Recovery {
    pub(super) state: CaState,
    /// SND.NXT when the state was entered: the state ends when this is acknowledged.
    pub(super) high_seq: SeqNumber,
    /// SND.UNA when the window was reduced, while the reduction can still be undone.
    pub(super) undo_marker: Option<SeqNumber>,
    /// The number of retransmissions not yet reported as duplicates; −1 if unknown.
    pub(super) undo_retrans: i32,
    /// The slow start threshold before the reduction, segments; 0 if there is none to restore.
    pub(super) prior_ssthresh: u32,
    /// Our timestamp at the first retransmission of this recovery, ms.
    pub(super) retrans_stamp: Option<u32>,
    /// Whether F-RTO is under way (RFC 5682).
    pub(super) frto: bool,
    /// SND.NXT when the tail loss probe in flight was sent; `None` without one.
    pub(super) tlp_high_seq: Option<SeqNumber>,
    /// Whether the tail loss probe was a retransmission.
    pub(super) tlp_retrans: bool,
    /// Whether the peer dropped what it had acknowledged selectively.
    pub(super) sack_reneging: bool,
    /// The number of duplicate acknowledgements taken for loss.
    pub(super) reordering: u32,
    pub(super) prr: Prr,
    /// Whether the next new segment tells the peer that the window was reduced (CWR; RFC 3168
    /// §6.1.2).
    pub(super) cwr_due: bool,
}

impl Recovery {
    pub(in crate::send) fn new(una: SeqNumber, profile: &Profile) -> Recovery {
        Recovery {
            state: CaState::Open,
            high_seq: una,
            undo_marker: None,
            undo_retrans: -1,
            prior_ssthresh: 0,
            retrans_stamp: None,
            frto: false,
            tlp_high_seq: None,
            tlp_retrans: false,
            sack_reneging: false,
            reordering: profile.reordering,
            prr: Prr::default(),
            cwr_due: false,
        }
    }

    #[inline]
    pub(in crate::send) fn state(&self) -> CaState {
        self.state
    }

    /// SND.NXT when the state was entered.
    #[inline]
    pub(in crate::send) fn high_seq(&self) -> SeqNumber {
        self.high_seq
    }

    /// The number of duplicate acknowledgements taken for loss.
    #[inline]
    pub(in crate::send) fn reordering(&self) -> u32 {
        self.reordering
    }

    /// The number of retransmissions not yet reported as duplicates; −1 if unknown.
    pub(in crate::send) fn undo_retrans(&self) -> i32 {
        self.undo_retrans
    }

    /// Our timestamp at the first retransmission of this recovery, ms.
    pub(in crate::send) fn retrans_stamp(&self) -> Option<u32> {
        self.retrans_stamp
    }

    /// Whether a tail loss probe is in flight whose fate is unknown.
    #[inline]
    pub(in crate::send) fn is_tail_probed(&self) -> bool {
        self.tlp_high_seq.is_some()
    }

    /// Whether the window is being reduced (`tcp_in_cwnd_reduction`).
    #[inline]
    pub(in crate::send) fn in_reduction(&self) -> bool {
        matches!(self.state, CaState::Cwr | CaState::Recovery)
    }

    /// The slow start threshold to remember: the current one, but at least three quarters of the
    /// window outside a reduction (`tcp_current_ssthresh`).
    pub(in crate::send) fn current_ssthresh(&self, window: &Window) -> u32 {
        let (cwnd, ssthresh) = (window.cwnd(), window.ssthresh());
        if self.in_reduction() { ssthresh } else { ssthresh.max((cwnd >> 1) + (cwnd >> 2)) }
    }

    /// Remembers the threshold to restore if the reduction is undone.
    pub(in crate::send) fn remember_ssthresh(&mut self, ssthresh: u32) {
        self.prior_ssthresh = ssthresh;
    }

    /// Reduces the window after an acknowledgement, by proportional rate reduction.
    pub(in crate::send) fn reduce(&mut self, window: &mut Window, progress: Progress) {
        self.prr.on_ack(window, progress);
    }

    /// Counts segments that were sent while the window is being reduced.
    #[inline]
    pub(in crate::send) fn note_sent(&mut self, segments: u32) {
        if self.in_reduction() {
            self.prr.out += segments;
        }
    }

    /// Counts segments that were retransmitted at `now_ms`.
    pub(in crate::send) fn note_retransmitted(&mut self, segments: u32, now_ms: u32) {
        self.retrans_stamp.get_or_insert(now_ms);
        self.undo_retrans = self.undo_retrans.max(0) + segments as i32;
    }

    /// Ends F-RTO if nothing new was sent since the timeout, because no new data can be sent to
    /// find out whether it was spurious. Answers whether it did.
    pub(in crate::send) fn end_frto(&mut self, nxt: SeqNumber) -> bool {
        let has_sent_nothing_new = nxt.le(self.high_seq);
        if has_sent_nothing_new {
            self.frto = false;
        }
        has_sent_nothing_new
    }

    /// Notes that a tail loss probe is about to be sent, as a retransmission or with new data.
    pub(in crate::send) fn begin_tail_probe(&mut self, is_retransmission: bool) {
        self.tlp_retrans = is_retransmission;
    }

    /// Notes that the tail loss probe was sent; SND.NXT is `nxt` now.
    pub(in crate::send) fn note_tail_probe(&mut self, nxt: SeqNumber) {
        self.tlp_high_seq = Some(nxt);
    }

    /// Whether the next new segment has to carry CWR; resets the note.
    #[inline]
    pub(in crate::send) fn take_cwr(&mut self) -> bool {
        std::mem::take(&mut self.cwr_due)
    }
}
