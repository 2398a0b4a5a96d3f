//! What became of a received segment (RFC 9293 §3.10.7).

/// What became of a segment that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The segment was acceptable and has been processed.
    Accepted,
    /// The data of the segment came out of order and waits for what is missing.
    OutOfOrder,
    /// All of the segment had been received before; it is acknowledged again (with a D-SACK, RFC
    /// 2883).
    Duplicate,
    /// No part of the segment lies in the receive window; it is acknowledged and dropped.
    OutOfWindow,
    /// The timestamp of the segment is older than the last one (PAWS); it is acknowledged and
    /// dropped (RFC 7323 §5).
    Paws,
    /// The segment acknowledges data that was never sent, or far too old data; it is dropped and
    /// answered, with a challenge ACK within the rate limit or, during the handshake, with a reset.
    BadAck,
    /// A SYN, or a reset out of sequence, came in a synchronized state; it is answered with a
    /// challenge ACK, within the rate limit (RFC 5961).
    ChallengeAck,
    /// The segment completes a handshake whose listener waits for data (`TCP_DEFER_ACCEPT`);
    /// dropped.
    Deferred,
    /// The segment carries neither ACK, SYN nor RST where one of them is required; dropped.
    NoAck,
    /// Data came that nobody will read; it is answered with a reset (RFC 9293 §3.6.1, RFC 1122
    /// §4.2.2.13).
    DataAfterClose,
    /// The peer reset the connection.
    Reset,
    /// The peer answered our SYN with a reset.
    Refused,
    /// The connection is closed; the caller answers as for no connection ([`crate::reset_for`]).
    Closed,
    /// A new SYN may open a connection in place of this one in TIME_WAIT (RFC 6191); the caller
    /// drops this connection and gives the segment to the listener.
    Reopen,
}

impl Disposition {
    /// The name of the disposition in the record, such as `out_of_window`; `None` for
    /// [`Disposition::Accepted`].
    pub const fn remark(self) -> Option<&'static str> {
        Some(match self {
            Disposition::Accepted => return None,
            Disposition::OutOfOrder => "out_of_order",
            Disposition::Duplicate => "duplicate",
            Disposition::OutOfWindow => "out_of_window",
            Disposition::Paws => "paws",
            Disposition::BadAck => "bad_ack",
            Disposition::ChallengeAck => "challenge_ack",
            Disposition::Deferred => "deferred",
            Disposition::NoAck => "no_ack",
            Disposition::DataAfterClose => "data_after_close",
            Disposition::Reset => "reset",
            Disposition::Refused => "refused",
            Disposition::Closed => "closed",
            Disposition::Reopen => "reopen",
        })
    }
}
