//! Segments that arrive and segments to send.

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Ecn, SeqNumber};
use roundtrip_record::EventId;

/// A segment that arrived for a connection, or for none.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The TCP header; the checksum has been verified.
    pub header: Header,
    /// The payload.
    pub payload: &'a [u8],
    /// The ECN field of the IP header (RFC 3168 §5).
    pub ecn: Ecn,
    /// The payload of one segment, if several of that size were joined on the way (GRO); the peer's
    /// segment size is estimated from it.
    pub segment_size: Option<u16>,
    /// The event of the frame that carried the segment: the cause of everything that follows from
    /// it.
    pub id: Option<EventId>,
}

impl Segment<'_> {
    /// SEG.LEN: the number of sequence numbers the segment takes, SYN and FIN included.
    #[inline]
    pub const fn sequence_length(&self) -> u32 {
        self.header.sequence_length(self.payload.len())
    }

    /// The sequence number after the segment's last one.
    #[inline]
    pub(crate) fn end(&self) -> SeqNumber {
        self.header.sequence + self.sequence_length()
    }

    #[inline]
    pub(crate) const fn has(&self, flags: Flags) -> bool {
        self.header.flags.contains(flags)
    }
}

/// A segment, or several of one size, to be put on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'a> {
    /// The header of the first segment. With several, the sequence numbers of the others follow on,
    /// and FIN and PSH belong to the last only (as in a network card's segmentation).
    pub header: Header,
    /// The payload, in at most two pieces.
    pub payload: [&'a [u8]; 2],
    /// The payload of each segment, if `payload` is to be cut into several; the last may be
    /// shorter.
    pub segment_size: Option<u16>,
    /// The ECN field for the IP header (RFC 3168).
    pub ecn: Ecn,
    /// Whether the data was sent before.
    pub retransmission: bool,
    /// The `tcp.segment` event that recorded the segment: the cause of the frame.
    pub cause: Option<EventId>,
}

impl Transmit<'_> {
    /// The number of payload bytes.
    #[inline]
    pub const fn payload_length(&self) -> usize {
        self.payload[0].len() + self.payload[1].len()
    }
}

/// The reset that answers a segment for which there is no connection (RFC 9293 §3.10.7.1), or
/// `None` if the segment is itself a reset.
///
/// ```
/// use roundtrip_packet::tcp::{Flags, Header};
/// use roundtrip_packet::{Ecn, SeqNumber};
/// use roundtrip_tcp::{Segment, reset_for};
///
/// let syn = Header { sequence: SeqNumber(7), flags: Flags::SYN, ..Header::new(40_000, 80) };
/// let stray = Segment { header: syn, payload: &[], ecn: Ecn::NotEct, segment_size: None, id: None };
/// let reset = reset_for(&stray).expect("a SYN is answered");
/// assert_eq!(reset.flags, Flags::RST_ACK);
/// assert_eq!(reset.acknowledgement, SeqNumber(8));
/// ```
pub fn reset_for(segment: &Segment<'_>) -> Option<Header> {
    let header = &segment.header;
    if segment.has(Flags::RST) {
        return None;
    }
    let answer = Header::new(header.destination_port, header.source_port);
    // "If the ACK bit is off, sequence number zero is used, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
    //  If the ACK bit is on, <SEQ=SEG.ACK><CTL=RST>."
    Some(match header.ack() {
        Some(ack) => Header { sequence: ack, flags: Flags::RST, ..answer },
        None => Header { acknowledgement: segment.end(), flags: Flags::RST_ACK, ..answer },
    })
}
