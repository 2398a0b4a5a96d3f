//! What receiving a segment came to (RFC 9293 §3.10.7).

/// The one name for what happened with a segment that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It was acceptable and has been processed.
    Accepted,
    /// Its data came out of order and waits for what is missing.
    OutOfOrder,
    /// All of it had been received before; it is acknowledged again (with a D-SACK, RFC 2883).
    Duplicate,
    /// No part of it lies in the receive window; it is acknowledged and dropped.
    OutOfWindow,
    /// Its timestamp is older than the last one: dropped and acknowledged (RFC 7323 §5).
    Paws,
    /// It acknowledges what was never sent, or far too old data; dropped.
    BadAck,
    /// A SYN, or a reset at the wrong place, in a synchronized state: answered with a challenge
    /// ACK, unless there were too many (RFC 5961).
    ChallengeAck,
    /// It completes a handshake whose listener waits for data (`TCP_DEFER_ACCEPT`); dropped.
    Deferred,
    /// It carries neither ACK, SYN nor RST where one of them is due; dropped.
    NoAck,
    /// Nobody reads any more: it was answered with a reset (RFC 9293 §3.6.1, RFC 1122 §4.2.2.13).
    DataAfterClose,
    /// The peer reset the connection.
    Reset,
    /// The peer answered our SYN with a reset.
    Refused,
    /// The connection is closed: the caller answers as for no connection ([`crate::reset_for`]).
    Closed,
    /// In TIME_WAIT a new SYN may open a connection in this one's place (RFC 6191): the caller
    /// drops this connection and gives the segment to the listener.
    Reopen,
}

impl Disposition {
    /// Its name in the record: `out_of_window`; `None` for what needs no remark.
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
