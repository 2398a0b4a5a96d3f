//! Events of steps 4 and 5: HTTP requests and responses.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    BodyRef, ConnectionId, EventId, ExchangeId, HttpVersion, Initiator, LookupId, Priority,
    ResourceKind, Rule, Side, Time, Transport,
};

/// An exchange begins: a client wants a resource, or a server has received a request's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeStarted {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The request method.
    pub method: String,
    /// The URL, without a fragment; a password in it is redacted.
    pub url: String,
    /// What the resource is for.
    pub kind: ResourceKind,
    /// How urgent the resource is.
    pub priority: Priority,
    /// What caused the exchange.
    pub initiator: Initiator,
    /// Which end of the exchange this host is. Where a record holds both ends of an exchange, each
    /// end has an id of its own.
    #[serde(default = "client", skip_serializing_if = "is_client")]
    pub side: Side,
    /// The exchange on whose behalf this one is made: a proxy's request to the server names the
    /// request that the proxy received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ExchangeId>,
}

impl ExchangeStarted {
    /// The event a server reports when a request's head has come in. `url` is the request target as
    /// far as the server can complete it, with scheme and authority where those are known.
    pub fn at_server(exchange: ExchangeId, method: &str, url: &str) -> Self {
        Self {
            exchange,
            method: method.to_owned(),
            url: url.to_owned(),
            kind: ResourceKind::Other,
            priority: Priority::default(),
            initiator: Initiator::Peer,
            side: Side::Server,
            of: None,
        }
    }
}

const fn client() -> Side {
    Side::Client
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_client(side: &Side) -> bool {
    matches!(side, Side::Client)
}

/// A header field, name and value, as it stood on the wire: order, case and white space within the
/// value are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field(pub String, pub String);

impl Field {
    /// The value of the first field of a name, whatever its case.
    pub fn first<'a>(fields: &'a [Self], name: &str) -> Option<&'a str> {
        let mut named = fields.iter().filter(|field| field.0.eq_ignore_ascii_case(name));
        named.next().map(|field| field.1.as_str())
    }
}

/// A request has been sent whole, or received whole at a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSent {
    /// The exchange; `None` only in records before 2.0, where a server's request had none.
    pub exchange: Option<ExchangeId>,
    /// The connection that carried the request.
    pub connection: ConnectionId,
    /// The transport of the connection.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// The number of the stream on the wire (HTTP/2, HTTP/3); `None` for HTTP/1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The lookup of the server's name, if this exchange made one.
    pub lookup: Option<LookupId>,
    /// How many exchanges this connection carried before; 0 for a new connection.
    pub reused: u32,
    /// The HTTP version of the request.
    pub version: HttpVersion,
    /// The request method.
    pub method: String,
    /// The request target as sent (RFC 9112 §3.2).
    pub target: String,
    /// The header fields as sent, with credentials redacted.
    pub fields: Vec<Field>,
    /// When the first byte of the request was written; at a server, when it was read.
    pub began: Time,
    /// When the last byte of the request left a client's host or arrived at a server's, where the
    /// wire tells. The time between that and the event is spent on our own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Time>,
    /// Bytes of the request's head: request line, fields and blank line, or in HTTP/2 and HTTP/3
    /// the encoded field section.
    pub head_bytes: u64,
    /// Bytes of the request's body.
    pub body_bytes: u64,
    /// The request's body, where it was kept.
    pub body: Option<BodyRef>,
}

/// A response's head has arrived, or was sent by a server. Interim responses (1xx) have one each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseHead {
    /// The exchange; `None` only in records before 2.0, where a server's response had none.
    pub exchange: Option<ExchangeId>,
    /// The connection that carried the response.
    pub connection: ConnectionId,
    /// The transport of the connection.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// Whether the segment is a retransmission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The HTTP version of the response.
    pub version: HttpVersion,
    /// The status code.
    pub status: u16,
    /// The reason phrase; empty where there was none.
    pub reason: String,
    /// The header fields as received, with credentials redacted.
    pub fields: Vec<Field>,
    /// Bytes of the response's head: status line, fields and blank line, or in HTTP/2 and HTTP/3
    /// the encoded field section.
    pub head_bytes: u64,
    /// When a client read the first byte of the response, or a server wrote it.
    pub first_byte: Time,
    /// When the first byte of the response arrived at this host, where the wire tells (a packet's
    /// time, the kernel's stamp). The time between that and `first_byte` is spent on our own
    /// machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
    /// The event of the segment that carried the first byte, where segments were seen.
    pub first_segment: Option<EventId>,
    /// The server's own account of its time, from the `Server-Timing` field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_timing: Vec<ServerTiming>,
}

/// A metric of the `Server-Timing` field (W3C Server Timing).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerTiming {
    /// The metric's name.
    pub name: String,
    /// The metric's duration, where given.
    pub duration: Option<Duration>,
    /// The metric's description, where given.
    pub description: Option<String>,
}

impl Eq for ServerTiming {}

/// How the end of a message body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// The message has no body: an answer to HEAD, a 1xx, 204 or 304 response.
    None,
    /// The length in bytes, from `Content-Length`.
    Length(u64),
    /// Chunks, from `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection.
    Close,
    /// The end of the stream in HTTP/2 or HTTP/3, whose frames carry the body.
    Frames,
}

/// Why a body is shorter than it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyCut {
    /// The connection ended too early.
    Short,
    /// The connection or the stream was reset.
    Reset,
    /// No more bytes came for too long.
    Stalled,
    /// We stopped reading (a limit, an interrupt, nobody wanted the rest).
    Stopped,
    /// The body broke the rules of its framing or of its coding.
    Malformed,
}

/// A response's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// How the end of the body is found.
    pub framing: Framing,
    /// Bytes of the body on the wire, without framing.
    pub encoded: u64,
    /// Bytes of the body on the wire with their framing: chunk sizes, chunk extensions and chunk
    /// ends, the trailer section, frame headers. `None` where these were not counted; equal to
    /// `encoded` where there is no framing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framed: Option<u64>,
    /// Bytes of the body once its content codings are undone.
    pub decoded: u64,
    /// Content codings in the order in which they were applied, as in `Content-Encoding`.
    pub codings: Vec<String>,
    /// The decoded body, where it was kept.
    pub content: Option<BodyRef>,
    /// Why the body is shorter than promised; `None` where it is complete.
    pub cut: Option<BodyCut>,
}

/// A response's body has ended, whole or cut short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseEnded {
    /// The exchange; `None` only in records before 2.0, where a server's response had none.
    pub exchange: Option<ExchangeId>,
    /// The connection that carried the response.
    pub connection: ConnectionId,
    /// The transport of the connection.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// The number of the stream on the wire (HTTP/2, HTTP/3); `None` for HTTP/1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// When the last byte of the response arrived at this host, where the wire tells. The time
    /// between that and the event is spent on our own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
    /// The response's body.
    pub body: Body,
    /// The media type from `Content-Type`, in lower case, without parameters.
    pub media_type: Option<String>,
    /// The fields of the trailer section, with credentials redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<Field>,
}

/// A client's cache gave a response that it had kept (RFC 9111): the whole answer to a request that went
/// to nobody, or what a 304 response said is still good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedResponse {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Whether the server was asked and said that the response is still good (304).
    pub validated: bool,
    /// The HTTP version that the kept response came in.
    pub version: HttpVersion,
    /// The status code of the kept response.
    pub status: u16,
    /// The reason phrase of the kept response; empty where there was none.
    pub reason: String,
    /// The header fields of the kept response, with those of the 304 response in their place, and with
    /// credentials redacted.
    pub fields: Vec<Field>,
    /// How old the response is (RFC 9111 §4.2.3), in whole seconds; `None` where a recording does not
    /// tell.
    pub age: Option<u64>,
    /// How old it may become before its server has to be asked again (RFC 9111 §4.2.1), in whole
    /// seconds; `None` where nothing limits that, or a recording does not tell its age.
    pub lifetime: Option<u64>,
    /// Bytes of the body as it had come, with its content codings; `None` where a recording does not
    /// tell.
    pub encoded: Option<u64>,
    /// Bytes of the body once its content codings are undone.
    pub decoded: u64,
    /// Content codings in the order in which they had been applied, as in `Content-Encoding`.
    pub codings: Vec<String>,
    /// The decoded body, where it was kept in the record.
    pub content: Option<BodyRef>,
    /// The media type from `Content-Type`, in lower case, without parameters.
    pub media_type: Option<String>,
}

/// An exchange has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeEnded {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The status of the final response; `None` when there was none.
    pub status: Option<u16>,
    /// Whether every byte that was promised has arrived.
    pub complete: bool,
    /// Whether the response came from a cache, without a connection.
    pub from_cache: bool,
}

/// Which end closes a connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Neither end: the connection is kept for the next exchange.
    Kept,
    /// The client.
    Client,
    /// The server.
    Server,
}

/// What becomes of a connection after an exchange, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionEnding {
    /// The connection.
    pub connection: ConnectionId,
    /// Which end closes the connection.
    pub by: EndedBy,
    /// The reason: `Connection: close`, `HTTP/1.0`, `idle`, `visit over`, `framed by close`, `limit
    /// of 100 requests` …
    pub why: String,
}

/// A message breaks a rule and was accepted all the same, as browsers do; or a rule lets an exchange go another
/// way than its URL says, as by the connection of another host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeNote {
    /// The exchange.
    pub exchange: ExchangeId,
    /// What was seen in the message, and how it was read; or what way it goes, and why.
    pub what: String,
    /// The rule that the message breaks, or that the exchange goes by.
    pub rule: Rule,
}
