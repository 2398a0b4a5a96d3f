//! A segment in flight, and what is known of it (`struct tcp_skb_cb`).

use roundtrip_packet::SeqNumber;

/// The place that marks the end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// The marks of a segment that was sent. The combinations, and the number each counts as in flight,
/// are those of the table in `tcp_input.c`:
///
/// | marks | in flight | |
/// |---|---|---|
/// | none | 1 | the original is in flight |
/// | `SACKED` | 0 | it has arrived |
/// | `LOST` | 0 | it is lost |
/// | `RETRANS` | 2 | the original and a retransmission are in flight |
/// | `LOST` `RETRANS` | 1 | the original is lost, the retransmission in flight |
/// | `SACKED` `RETRANS` | 1 | it has arrived, and a retransmission is still in flight |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// The segment was acknowledged selectively.
    pub(crate) const SACKED: Marks = Marks(1);
    /// The segment was retransmitted, and the retransmission is in flight.
    pub(crate) const RETRANS: Marks = Marks(2);
    /// The segment is believed lost.
    pub(crate) const LOST: Marks = Marks(4);
    /// The segment was retransmitted at some time.
    pub(crate) const EVER_RETRANS: Marks = Marks(8);
    /// The segment was sent in one buffer with the segment before it, and would be again.
    pub(crate) const JOINED: Marks = Marks(16);
    /// The segment carries PSH.
    pub(crate) const PUSH: Marks = Marks(32);
    /// The segment ends a record (`MSG_EOR`).
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

    /// The marks that say what is believed of the segment, without those it was sent with.
    pub(crate) const fn fate(self) -> Marks {
        self.without(Marks::JOINED).without(Marks::PUSH).without(Marks::RECORD)
    }

    /// Whether the segment was ever retransmitted (`TCPCB_RETRANS`).
    #[inline]
    pub(crate) const fn was_retransmitted(self) -> bool {
        self.has(Marks::RETRANS.with(Marks::EVER_RETRANS))
    }
}

/// One segment in flight.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_field_names)]
pub(crate) struct Sent {
    /// The first sequence number of the segment.
    pub(crate) seq: SeqNumber,
    /// Bytes of payload.
    pub(crate) len: u32,
    /// When the segment was last sent, µs.
    pub(crate) sent_us: u64,
    /// The number of segments that had been delivered when it was sent, for samples of the delivery
    /// rate.
    pub(crate) delivered: u32,
    pub(crate) rate: Moments,
    pub(crate) marks: Marks,
    /// Whether the segment carries FIN.
    pub(crate) fin: bool,
    /// The places of the segments that were sent before and after this one, or [`NIL`].
    pub(super) older: u32,
    pub(super) newer: u32,
}

impl Sent {
    pub(crate) fn new(seq: SeqNumber, len: u32, fin: bool, sent_us: u64, delivered: u32) -> Sent {
        let marks = Marks::default();
        let rate = Moments::default();
        Sent { seq, len, sent_us, delivered, rate, marks, fin, older: NIL, newer: NIL }
    }

    /// The sequence number after the segment's last one.
    #[inline]
    pub(crate) fn end(&self) -> SeqNumber {
        self.seq + self.len + u32::from(self.fin)
    }
}

/// What a segment remembers of the moment it was sent, for the delivery rate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub(super) first_sent_us: u32,
    pub(super) delivered_us: u32,
    pub(super) is_limited: bool,
}

/// The moment of a retransmission.
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
