//! Nagle's algorithm, and other reasons for holding back small segments (RFC 9293 §3.7.4;
//! `tcp_nagle_check`).

use roundtrip_packet::SeqNumber;

/// Whether a segment that is not full may be sent.
#[derive(Clone, Debug)]
pub(super) struct Nagle {
    /// The sequence number after the last segment sent that was not full (`snd_sml`).
    small_end: SeqNumber,
    /// Whether Nagle's algorithm is off (`TCP_NODELAY`).
    nodelay: bool,
    /// Whether only full segments are sent (`TCP_CORK`).
    cork: bool,
    /// Whether the application said that more comes, so that this push holds back what does not
    /// fill a segment (`MSG_MORE`).
    more: bool,
    /// Whether the next push sends everything that is held back (`TCP_NAGLE_PUSH`).
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

    /// Holds back again what was released before, because bytes were added (`tcp_skb_entail`).
    pub(super) fn hold(&mut self) {
        self.release = false;
    }

    /// Sets whether the application said that more comes soon.
    pub(super) fn set_more(&mut self, more: bool) {
        self.more = more;
    }

    /// Notes that a segment that is not full and ends at `end` was sent.
    #[inline]
    pub(super) fn note_small(&mut self, end: SeqNumber) {
        self.small_end = end;
    }

    /// Notes the end of a push.
    pub(super) fn end_push(&mut self) {
        (self.release, self.more) = (false, false);
    }

    /// Whether a segment that is not full has to wait: for the application or, in Minshall's form
    /// of the algorithm, while another small one is unacknowledged. `out` segments are in flight,
    /// those between `una` and `nxt`.
    pub(super) fn holds_back(&self, una: SeqNumber, nxt: SeqNumber, out: u32) -> bool {
        let small_out = self.small_end.gt(una) && self.small_end.le(nxt);
        !self.release && (self.cork || self.more || (!self.nodelay && out > 0 && small_out))
    }
}
