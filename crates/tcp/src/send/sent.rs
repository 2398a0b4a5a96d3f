//! A segment that is out, and what is known of it (`struct tcp_skb_cb`).

use roundtrip_packet::SeqNumber;

/// The end of a list of places.
pub(super) const NIL: u32 = u32::MAX;

/// What is known of a segment that was sent. The combinations and the segments each counts as in
/// flight are those of the table in `tcp_input.c`:
///
/// | marks | in flight | |
/// |---|---|---|
/// | none | 1 | the original is on its way |
/// | `SACKED` | 0 | it has arrived |
/// | `LOST` | 0 | it is gone |
/// | `RETRANS` | 2 | the original and a retransmission are on their way |
/// | `LOST` `RETRANS` | 1 | the original is gone, the retransmission on its way |
/// | `SACKED` `RETRANS` | 1 | it has arrived, and a retransmission is still on its way |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// Acknowledged selectively.
    pub(crate) const SACKED: Marks = Marks(1);
    /// Retransmitted, and the retransmission is on its way.
    pub(crate) const RETRANS: Marks = Marks(2);
    /// Believed lost.
    pub(crate) const LOST: Marks = Marks(4);
    /// Retransmitted at some time.
    pub(crate) const EVER_RETRANS: Marks = Marks(8);
    /// It left in one buffer with the segment before it, and would again.
    pub(crate) const JOINED: Marks = Marks(16);
    /// It carries PSH.
    pub(crate) const PUSH: Marks = Marks(32);
    /// It ends a record (`MSG_EOR`).
    pub(crate) const RECORD: Marks = Marks(64);

    #[inline]
    pub(crate) const fn has(self, any: Marks) -> bool {
        self.0 & any.0 != 0
    }

    #[inline]
    pub(crate) const fn with(self, more: Marks) -> Marks {
        Marks(self.0 | more.0)
    }

    #[inline]
    pub(crate) const fn without(self, less: Marks) -> Marks {
        Marks(self.0 & !less.0)
    }

    /// What is believed to have become of the segment, whatever it was sent with.
    pub(crate) const fn fate(self) -> Marks {
        self.without(Marks::JOINED).without(Marks::PUSH).without(Marks::RECORD)
    }

    /// Retransmitted, now or ever (`TCPCB_RETRANS`).
    #[inline]
    pub(crate) const fn was_retransmitted(self) -> bool {
        self.has(Marks::RETRANS.with(Marks::EVER_RETRANS))
    }
}

/// One segment that is out.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_field_names)]
pub(crate) struct Sent {
    /// Its first sequence number.
    pub(crate) seq: SeqNumber,
    /// Bytes of payload.
    pub(crate) len: u32,
    /// When it was last sent, µs.
    pub(crate) sent_us: u64,
    /// How many segments had been delivered then: for delivery-rate rounds.
    pub(crate) delivered: u32,
    pub(crate) rate: Moments,
    pub(crate) marks: Marks,
    /// It carries FIN.
    pub(crate) fin: bool,
    /// The places of the segments that were sent before and after it, or [`NIL`].
    pub(super) older: u32,
    pub(super) newer: u32,
}

impl Sent {
    pub(crate) fn new(seq: SeqNumber, len: u32, fin: bool, sent_us: u64, delivered: u32) -> Sent {
        let marks = Marks::default();
        let rate = Moments::default();
        Sent { seq, len, sent_us, delivered, rate, marks, fin, older: NIL, newer: NIL }
    }

    /// The sequence number after its last.
    #[inline]
    pub(crate) fn end(&self) -> SeqNumber {
        self.seq + self.len + u32::from(self.fin)
    }
}

/// What a segment remembers of the moment it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(super) first_sent_us: u32,
    pub(super) delivered_us: u32,
    pub(super) is_limited: bool,
}

/// The moment a segment leaves again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    pub(crate) sent_us: u64,
    pub(crate) delivered: u32,
    pub(crate) rate: Moments,
}

impl Departure {
    pub(super) fn note(self, sent: &mut Sent) {
        (sent.sent_us, sent.delivered, sent.rate) = (self.sent_us, self.delivered, self.rate);
    }
}
