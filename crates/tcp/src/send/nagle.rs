//! Nagle's algorithm, and what else holds small segments back (RFC 9293 §3.7.4; `tcp_nagle_check`).

use roundtrip_packet::SeqNumber;

/// Whether a segment that is not full may leave, as the application wants it.
#[derive(Clone, Debug)]
pub(super) struct Nagle {
    /// The end of the last segment sent that was not full (`snd_sml`).
    small_end: SeqNumber,
    /// `TCP_NODELAY`.
    nodelay: bool,
    /// `TCP_CORK`.
    cork: bool,
    /// This push holds back what does not fill a segment: the application said that more comes
    /// (`MSG_MORE`).
    more: bool,
    /// The next push lets go whatever is held back (`TCP_NAGLE_PUSH`).
    release: bool,
}

impl Nagle {
    pub(super) fn new(una: SeqNumber) -> Nagle {
        Nagle { small_end: una, nodelay: false, cork: false, more: false, release: false }
    }

    pub(super) fn set_nodelay(&mut self, nodelay: bool) {
        self.nodelay = nodelay;
        self.release |= nodelay;
    }

    pub(super) fn set_cork(&mut self, cork: bool) {
        self.cork = cork;
    }

    /// Bytes were added to what is to be sent: what was let go before is held back again
    /// (`tcp_skb_entail`).
    pub(super) fn hold(&mut self) {
        self.release = false;
    }

    /// Whether the application said that more comes soon.
    pub(super) fn set_more(&mut self, more: bool) {
        self.more = more;
    }

    /// A segment that is not full, and ends at `end`, was sent.
    #[inline]
    pub(super) fn note_small(&mut self, end: SeqNumber) {
        self.small_end = end;
    }

    /// A push is over.
    pub(super) fn end_push(&mut self) {
        (self.release, self.more) = (false, false);
    }

    /// Whether a segment that is not full has to wait: for the application, or, in Minshall's form
    /// of the algorithm, while another small one is unacknowledged. `out` segments are out, those
    /// between `una` and `nxt`.
    pub(super) fn holds_back(&self, una: SeqNumber, nxt: SeqNumber, out: u32) -> bool {
        let small_out = self.small_end.gt(una) && self.small_end.le(nxt);
        !self.release && (self.cork || self.more || (!self.nodelay && out > 0 && small_out))
    }
}
