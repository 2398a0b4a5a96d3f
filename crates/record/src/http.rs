//! Steps 4 and 5: request and response.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    BodyRef, ConnectionId, EventId, ExchangeId, HttpVersion, LookupId, Priority, Rule, Side, Time,
    Transport,
};

/// What a resource is for: the destinations of the Fetch standard that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceKind {
    /// The page itself.
    Document,
    /// A style sheet.
    Style,
    /// A script: fetched and timed, not run.
    Script,
    /// An image.
    Image,
    /// A font.
    Font,
    /// A site icon.
    Icon,
    /// Sound or moving pictures.
    Media,
    /// A document within the page.
    Frame,
    /// A web application's manifest.
    Manifest,
    /// Anything else; what `get` asks for.
    Other,
}

/// Who wanted an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The person, or the program, at the keyboard.
    User,
    /// A redirect.
    Redirect {
        /// Of this exchange.
        of: ExchangeId,
        /// The status that said so.
        status: u16,
    },
    /// The markup of a document.
    Parser {
        /// Its URL.
        url: String,
        /// Line in it, from 1; 0 where not known.
        line: u32,
    },
    /// A style sheet.
    Style {
        /// Its URL.
        url: String,
    },
    /// A script that ran; only browsers whose record was imported run scripts.
    Script {
        /// Its URL.
        url: String,
        /// Line in it, from 1; 0 where not known.
        line: u32,
    },
    /// A try again of an exchange whose connection was lost, or after `Retry-After`.
    Retry {
        /// Of this exchange.
        of: ExchangeId,
    },
    /// Somebody else: the exchange is a server's, and the request came in.
    Peer,
}

/// A resource is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeStarted {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The method.
    pub method: String,
    /// The URL, without a fragment; a password in it is redacted.
    pub url: String,
    /// What for.
    pub kind: ResourceKind,
    /// How urgent.
    pub priority: Priority,
    /// Who wanted it.
    pub initiator: Initiator,
    /// Which end of the exchange this host is. An exchange whose two ends are both of this record
    /// has an id at each.
    #[serde(default = "client", skip_serializing_if = "is_client")]
    pub side: Side,
    /// The exchange that this one carries out for somebody: a proxy's request to the server is for
    /// the request it received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ExchangeId>,
}

impl ExchangeStarted {
    /// What a server says of an exchange when the request's head has come in. `url` is the target as
    /// far as the server can tell it: with scheme and authority where those are known.
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

/// A header field, as it stood on the wire: order, case and white space within the value kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field(pub String, pub String);

/// The request has been written whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSent {
    /// The exchange; `None` only in records before 2.0, where a server's request had none.
    pub exchange: Option<ExchangeId>,
    /// The connection it went out on.
    pub connection: ConnectionId,
    /// Over what the connection runs.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// The stream of the connection (HTTP/2, HTTP/3), by its number on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The lookup that named the server, if this exchange made one.
    pub lookup: Option<LookupId>,
    /// How many exchanges this connection carried before: 0 for a new one.
    pub reused: u32,
    /// The version of HTTP.
    pub version: HttpVersion,
    /// The method.
    pub method: String,
    /// The request target as sent.
    pub target: String,
    /// The fields as sent; secrets redacted.
    pub fields: Vec<Field>,
    /// When its first byte was written; at a server, when it was read.
    pub began: Time,
    /// When its last byte left this host (a client's) or had arrived at it (a server's), where the
    /// wire tells; what lies between it and the event's own time is our own machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Time>,
    /// Bytes of request line, fields and blank line; of HTTP/2 and 3, the coded field section.
    pub head_bytes: u64,
    /// Bytes of body.
    pub body_bytes: u64,
    /// The body, where kept.
    pub body: Option<BodyRef>,
}

/// A response's head has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseHead {
    /// The exchange; `None` only in records before 2.0, where a server's response had none.
    pub exchange: Option<ExchangeId>,
    /// The connection.
    pub connection: ConnectionId,
    /// Over what the connection runs.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// The stream of the connection (HTTP/2, HTTP/3), by its number on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The version of HTTP.
    pub version: HttpVersion,
    /// Status code.
    pub status: u16,
    /// Reason phrase; empty where there was none.
    pub reason: String,
    /// The fields as received; secrets redacted.
    pub fields: Vec<Field>,
    /// Bytes of status line, fields and blank line; of HTTP/2 and 3, the coded field section.
    pub head_bytes: u64,
    /// When we read (a client) or wrote (a server) its first byte.
    pub first_byte: Time,
    /// When its first byte had arrived at this host, where the wire tells (a packet's time, the
    /// kernel's stamp); what lies between it and `first_byte` is our own machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
    /// The segment that carried the first byte, where we saw segments.
    pub first_segment: Option<EventId>,
    /// What the server says of its own time (`Server-Timing`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_timing: Vec<ServerTiming>,
}

/// A metric of the `Server-Timing` field (W3C Server Timing).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerTiming {
    /// Its name.
    pub name: String,
    /// Its duration, where given.
    pub duration: Option<Duration>,
    /// Its description, where given.
    pub description: Option<String>,
}

impl Eq for ServerTiming {}

/// How the end of a body is told (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// There is none: HEAD, 1xx, 204, 304.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The connection's end.
    Close,
    /// Frames of HTTP/2 or HTTP/3.
    Frames,
}

/// Why a body is shorter than it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyCut {
    /// The connection ended too early.
    Short,
    /// It was reset.
    Reset,
    /// It stalled.
    Stalled,
    /// We stopped reading (a limit, an interrupt, nobody wanted the rest).
    Stopped,
    /// It broke the rules of its framing or its coding.
    Malformed,
}

/// A response's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// How its end is told.
    pub framing: Framing,
    /// Bytes of it on the wire, without framing.
    pub encoded: u64,
    /// Bytes of it on the wire with their framing: sizes, extensions and ends of chunks, the trailer
    /// section, headers of frames. `None` where nobody counted; without framing, it is `encoded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framed: Option<u64>,
    /// Bytes after decoding.
    pub decoded: u64,
    /// Content codings, outermost last, as in `Content-Encoding`.
    pub codings: Vec<String>,
    /// The decoded bytes, where kept.
    pub content: Option<BodyRef>,
    /// Why it is shorter than promised, if it is.
    pub cut: Option<BodyCut>,
}

/// The response's body has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseEnded {
    /// The exchange; `None` only in records before 2.0, where a server's response had none.
    pub exchange: Option<ExchangeId>,
    /// The connection.
    pub connection: ConnectionId,
    /// Over what the connection runs.
    #[serde(default, skip_serializing_if = "Transport::is_tcp")]
    pub transport: Transport,
    /// The stream of the connection (HTTP/2, HTTP/3), by its number on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// When its last byte had arrived at this host, where the wire tells; what lies between it and
    /// the event's own time is our own machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
    /// The body.
    pub body: Body,
    /// Media type from `Content-Type`, without parameters, lower case.
    pub media_type: Option<String>,
    /// Trailer fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<Field>,
}

/// The exchange is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeEnded {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The final status; `None` when there was none.
    pub status: Option<u16>,
    /// Whether every byte that was promised arrived.
    pub complete: bool,
    /// Answered from a cache, without a connection.
    pub from_cache: bool,
}

/// Who ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Nobody: it is kept for the next exchange.
    Kept,
    /// We, the client.
    Client,
    /// The server.
    Server,
}

/// What becomes of a connection after an exchange, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionEnding {
    /// The connection.
    pub connection: ConnectionId,
    /// Who ends it.
    pub by: EndedBy,
    /// Why: `Connection: close`, `HTTP/1.0`, `idle`, `visit over`, `framed by close`, `limit of 100 requests` …
    pub why: String,
}

/// Something in a message breaks a rule, and the message was taken all the same, as browsers do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeNote {
    /// The exchange.
    pub exchange: ExchangeId,
    /// What was seen and what was made of it.
    pub what: String,
    /// The rule it breaks.
    pub rule: Rule,
}
