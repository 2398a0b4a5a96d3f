//! How far loss recovery is: the state of congestion, and what is needed to leave it again.

use roundtrip_packet::SeqNumber;

use crate::congestion::Window;
use crate::congestion::prr::{Progress, Prr};
use crate::info::CaState;
use crate::profile::Profile;

/// The state of loss recovery. Its fields are written by the files of this folder alone.
#[derive(Clone, Copy, Debug)]
pub(in crate::send) struct Recovery {
    pub(super) state: CaState,
    /// SND.NXT when the state was entered: it ends when this is acknowledged.
    pub(super) high_seq: SeqNumber,
    /// SND.UNA when the window was reduced, while that can still be undone.
    pub(super) undo_marker: Option<SeqNumber>,
    /// Retransmissions not yet reported as duplicates; −1: not known.
    pub(super) undo_retrans: i32,
    /// The threshold to go back to; 0: none.
    pub(super) prior_ssthresh: u32,
    /// Our timestamp at the first retransmission of this recovery, ms.
    pub(super) retrans_stamp: Option<u32>,
    /// F-RTO is under way (RFC 5682).
    pub(super) frto: bool,
    /// A tail loss probe is out: SND.NXT when it went.
    pub(super) tlp_high_seq: Option<SeqNumber>,
    /// The tail loss probe was a retransmission.
    pub(super) tlp_retrans: bool,
    /// The peer took back what it had acknowledged selectively.
    pub(super) sack_reneging: bool,
    /// Duplicate acknowledgements to take for loss.
    pub(super) reordering: u32,
    pub(super) prr: Prr,
    /// The next new segment tells the peer that the window was reduced (CWR; RFC 3168 §6.1.2).
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

    /// Duplicate acknowledgements to take for loss.
    #[inline]
    pub(in crate::send) fn reordering(&self) -> u32 {
        self.reordering
    }

    /// Retransmissions not yet reported as duplicates; −1: not known.
    pub(in crate::send) fn undo_retrans(&self) -> i32 {
        self.undo_retrans
    }

    /// Our timestamp at the first retransmission of this recovery, ms.
    pub(in crate::send) fn retrans_stamp(&self) -> Option<u32> {
        self.retrans_stamp
    }

    /// Whether a tail loss probe is out whose fate is not known.
    #[inline]
    pub(in crate::send) fn is_tail_probed(&self) -> bool {
        self.tlp_high_seq.is_some()
    }

    /// Whether the window is being reduced (`tcp_in_cwnd_reduction`).
    #[inline]
    pub(in crate::send) fn in_reduction(&self) -> bool {
        matches!(self.state, CaState::Cwr | CaState::Recovery)
    }

    /// The threshold as it is, or three quarters of the window (`tcp_current_ssthresh`).
    pub(in crate::send) fn current_ssthresh(&self, window: &Window) -> u32 {
        let (cwnd, ssthresh) = (window.cwnd(), window.ssthresh());
        if self.in_reduction() { ssthresh } else { ssthresh.max((cwnd >> 1) + (cwnd >> 2)) }
    }

    /// The threshold `ssthresh` is gone back to if the reduction is undone.
    pub(in crate::send) fn remember_ssthresh(&mut self, ssthresh: u32) {
        self.prior_ssthresh = ssthresh;
    }

    /// Proportional rate reduction: an acknowledgement came while the window is being reduced.
    pub(in crate::send) fn reduce(&mut self, window: &mut Window, progress: Progress) {
        self.prr.on_ack(window, progress);
    }

    /// So many segments left; while the window is being reduced they are counted.
    #[inline]
    pub(in crate::send) fn note_sent(&mut self, segments: u32) {
        if self.in_reduction() {
            self.prr.out += segments;
        }
    }

    /// So many segments were sent again, at `now_ms`.
    pub(in crate::send) fn note_retransmitted(&mut self, segments: u32, now_ms: u32) {
        self.retrans_stamp.get_or_insert(now_ms);
        self.undo_retrans = self.undo_retrans.max(0) + segments as i32;
    }

    /// No new data could be sent to find out whether the timeout was spurious. Whether F-RTO has to
    /// be given up for that, since nothing new was sent since the timeout.
    pub(in crate::send) fn end_frto(&mut self, nxt: SeqNumber) -> bool {
        let has_sent_nothing_new = nxt.le(self.high_seq);
        if has_sent_nothing_new {
            self.frto = false;
        }
        has_sent_nothing_new
    }

    /// A tail loss probe is about to be sent, a retransmission or new data.
    pub(in crate::send) fn begin_tail_probe(&mut self, is_retransmission: bool) {
        self.tlp_retrans = is_retransmission;
    }

    /// The tail loss probe was sent; SND.NXT is `nxt` now.
    pub(in crate::send) fn note_tail_probe(&mut self, nxt: SeqNumber) {
        self.tlp_high_seq = Some(nxt);
    }

    /// Whether the next new segment tells the peer of a reduction, which it is then told of.
    #[inline]
    pub(in crate::send) fn take_cwr(&mut self) -> bool {
        std::mem::take(&mut self.cwr_due)
    }
}
