//! What carries one exchange: the contract between an exchange and the protocol that it travels by.
//!
//! Whoever has a carrier calls [`Carrier::send`] once, then polls [`Carrier::poll_sent`] and
//! [`Carrier::poll_head`] until a final head has come, then [`Carrier::poll_body`] until it gives
//! `None`, then takes [`Carrier::trailers`]. It ends with [`Carrier::release`] when all of that went
//! well, with [`Carrier::upgrade`] after 101, and with [`Carrier::abandon`] otherwise. Nothing in the contract belongs to one version of
//! HTTP or to TCP.

use core::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use roundtrip_record::{BodyCut, BodyRef, ConnectionId, EventId, Framing, LookupId, Time};

use super::trouble::Trouble;
use super::upload::Upload;
use crate::message::{Fields, MessageError, RequestHead, ResponseHead};
use crate::two::Moment;
use crate::upgraded::Upgraded;

/// Where an exchange travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) connection: ConnectionId,
    /// Which of the connection's streams, where it has streams.
    pub(crate) stream: Option<u64>,
}

/// How an exchange came by its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Boarding {
    /// How many exchanges the connection carried before.
    pub(crate) reused: u32,
    /// The event that made the connection ready, where it is new.
    pub(crate) ready: Option<EventId>,
    /// The lookup that led to it, where this exchange made one.
    pub(crate) lookup: Option<LookupId>,
}

/// What went out of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// When its first byte was handed on.
    pub(crate) began: Time,
    /// When its last byte had left this host, where the wire tells.
    pub(crate) departed: Option<Time>,
    /// The fields as they stood on the wire.
    pub(crate) fields: Fields,
    /// Bytes of the head on the wire: of HTTP/1, line, fields and blank line; of later versions, the
    /// coded fields.
    pub(crate) head_bytes: u64,
    /// Bytes of body.
    pub(crate) body_bytes: u64,
    /// The body, where it is kept for the record.
    pub(crate) body: Option<BodyRef>,
}

/// The head of a response, interim or final.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// The head. Its `bytes` count as those of [`Sent::head_bytes`] do.
    pub(crate) head: ResponseHead,
    /// How the end of its body will be told.
    pub(crate) framing: Framing,
    /// When its first byte came.
    pub(crate) began: Moment,
    /// It as it came, byte for byte; `None` where its version does not send heads as text.
    pub(crate) text: Option<Vec<u8>>,
}

/// Carries one exchange.
pub(crate) trait Carrier {
    /// Where it travels. The stream is known once the request has been sent.
    fn place(&self) -> Place;

    /// The version in which a request is written that may have `wanted` at most.
    fn version(&self, wanted: Version) -> Version;

    /// How it came by its connection. To be asked once, before anything is sent.
    fn board(&mut self) -> Boarding;

    /// Begins to send a request.
    fn send(&mut self, head: RequestHead, body: Upload);

    /// Goes on sending; ready when the last byte was handed on. Pending as well while the body is held
    /// back ([`Carrier::held`]). After an error an answer may still come.
    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Trouble>>;

    /// What went out so far. To be asked once: it closes the record of the body.
    fn sent(&mut self) -> Sent;

    /// The body, while it is held back and all before it is out.
    fn held(&mut self) -> Option<&mut Upload>;

    /// The next head. What is left of the request is sent meanwhile.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<Arrived, Trouble>>;

    /// Bytes that came of a head that is not whole yet. Where a version does not send heads as text, there is no such
    /// thing: 0.
    fn head_begun(&self) -> u64 {
        0
    }

    /// The next bytes of the final response's body, without framing; `None` at its end. What is left
    /// of the request is sent meanwhile.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>>;

    /// The trailer fields, once the body has ended.
    fn trailers(&mut self) -> Fields;

    /// What of the answer was taken though the RFCs do not allow it, since this was asked last; offsets
    /// count from the response's first byte.
    fn tolerated(&mut self) -> Vec<MessageError>;

    /// Bytes of the body that came so far with their framing: chunk sizes and trailers, heads of frames.
    fn framed(&self) -> u64;

    /// Bytes of the exchange that moved so far, in both directions: while it grows, nothing stalls.
    fn moved(&self) -> u64;

    /// The event that brought what came last, where the wire sees such things.
    fn last_segment(&self) -> Option<EventId>;

    /// When what came last had arrived at this host, where the wire tells.
    fn last_arrived(&self) -> Option<Time>;

    /// Gives the exchange up before its end, for this reason.
    fn abandon(self: Box<Self>, why: Abandoned, cause: Option<EventId>);

    /// The exchange has come to its end: what can carry another one is kept.
    fn release(self: Box<Self>, cause: Option<EventId>);

    /// The exchange has come to its end, and what carried it goes on as something else (101); `None` where
    /// its version has no such thing.
    fn upgrade(self: Box<Self>, cause: Option<EventId>) -> Option<Upgraded>;
}

/// Why an exchange is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abandoned {
    /// There is no final head, and the connection is gone.
    Lost,
    /// There is no final head, and nobody waits for it any more.
    Unanswered,
    /// The body has not been read to its end.
    Body(BodyCut),
}
