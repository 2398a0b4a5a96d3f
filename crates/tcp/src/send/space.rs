//! The send sequence space (RFC 9293 §3.3.1, figure 3).

use roundtrip_packet::SeqNumber;

/// The send sequence space: what is acknowledged, what was sent, and what the peer's window still
/// allows.
#[derive(Clone, Debug)]
pub(crate) struct SendSpace {
    /// SND.UNA: the oldest sequence number that is not acknowledged.
    una: SeqNumber,
    /// SND.NXT: the next sequence number to be sent.
    nxt: SeqNumber,
    /// SND.WND: the peer's window, scaled, in bytes from SND.UNA on.
    wnd: u32,
    /// SND.WL1: the sequence number of the segment that last updated the window.
    wl1: SeqNumber,
    /// The largest window the peer has offered (MAX.SND.WND).
    max_window: u32,
}

/// The effect of a segment on the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowUpdate {
    /// The segment is too old to update the window.
    Refused,
    /// The window is unchanged.
    Same,
    /// The window has changed.
    Changed,
    /// The window is larger than any before.
    Largest,
}

impl SendSpace {
    /// The sequence space after a handshake that ended at `una`, with a segment that had the
    /// sequence number `wl1` and offered `window` bytes.
    pub(crate) fn new(una: SeqNumber, window: u32, wl1: SeqNumber) -> SendSpace {
        SendSpace { una, nxt: una, wnd: window, wl1, max_window: window }
    }

    #[inline]
    pub(crate) fn una(&self) -> SeqNumber {
        self.una
    }

    #[inline]
    pub(crate) fn nxt(&self) -> SeqNumber {
        self.nxt
    }

    #[inline]
    pub(crate) fn wnd(&self) -> u32 {
        self.wnd
    }

    #[inline]
    pub(crate) fn max_window(&self) -> u32 {
        self.max_window
    }

    /// SND.UNA + SND.WND: the first sequence number beyond the peer's window.
    #[inline]
    pub(crate) fn window_end(&self) -> SeqNumber {
        self.una + self.wnd
    }

    /// The bytes that the peer's window has room for beyond SND.NXT.
    #[inline]
    pub(crate) fn room(&self) -> u32 {
        (self.window_end() - self.nxt).max(0) as u32
    }

    /// Whether a segment may update the window (RFC 9293 §3.10.7.4), or closes it
    /// (`tcp_may_update_window`).
    pub(crate) fn may_update_window(&self, ack: SeqNumber, seq: SeqNumber, window: u32) -> bool {
        ack.gt(self.una)
            || seq.gt(self.wl1)
            || (seq == self.wl1 && (window > self.wnd || window == 0))
    }

    /// Takes the window of a segment, if the segment may update it.
    pub(crate) fn update_window(
        &mut self,
        ack: SeqNumber,
        seq: SeqNumber,
        window: u32,
    ) -> WindowUpdate {
        if !self.may_update_window(ack, seq, window) {
            return WindowUpdate::Refused;
        }
        self.wl1 = seq;
        if self.wnd == window {
            return WindowUpdate::Same;
        }
        self.wnd = window;
        if window > self.max_window {
            self.max_window = window;
            return WindowUpdate::Largest;
        }
        WindowUpdate::Changed
    }

    /// Notes a segment whose acknowledgement and window say nothing new (`tcp_update_wl`).
    #[inline]
    pub(crate) fn note_segment(&mut self, seq: SeqNumber) {
        self.wl1 = seq;
    }

    /// Acknowledges everything before `ack`; answers the number of sequence numbers newly
    /// acknowledged.
    #[inline]
    pub(crate) fn acknowledge(&mut self, ack: SeqNumber) -> u32 {
        let newly = (ack - self.una).max(0) as u32;
        self.una += newly;
        newly
    }

    /// Notes that everything before `nxt` was sent.
    #[inline]
    pub(crate) fn sent(&mut self, nxt: SeqNumber) {
        self.nxt = nxt;
    }

    /// The sequence number for a segment without data (`tcp_acceptable_seq`): SND.NXT, unless the
    /// peer reduced its window by more than rounding explains.
    pub(crate) fn acceptable_seq(&self, window_scale: u8) -> SeqNumber {
        let beyond = self.nxt - self.window_end();
        if beyond <= 0 || beyond < 1 << window_scale { self.nxt } else { self.window_end() }
    }

    /// `size`, but at most half of the largest window, so that one loss leaves something in flight
    /// (`tcp_bound_to_half_wnd`).
    pub(crate) fn half_window(&self, size: u32) -> u32 {
        let cutoff = if self.max_window > 536 { self.max_window / 2 } else { self.max_window };
        if cutoff > 0 && size > cutoff { cutoff.max(48) } else { size }
    }
}
