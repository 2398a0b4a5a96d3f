//! The events of a log that are read.

use serde_json::Value;

/// Whether an event begins something, ends it, or is over at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Begin,
    End,
    None,
}

impl Phase {
    /// The phase of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "PHASE_BEGIN" => Self::Begin,
            "PHASE_END" => Self::End,
            "PHASE_NONE" => Self::None,
            _ => return None,
        })
    }
}

/// What an event is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    // Of a request.
    Alive,
    Start,
    Priority,
    BoundToJob,
    Send,
    SentHead,
    ReadHead,
    Head,
    ReadBody,
    Raw,
    Decoded,
    Redirected,
    Gone,
    // Of who finds a stream for a request.
    Job,
    JobSocket,
    JobSession,
    JobQuic,
    Proxy,
    // Of a socket.
    Socket,
    Connect,
    Attempt,
    Secure,
    // Of a connection that carries several streams.
    Session,
    SessionSocket,
    SessionRequest,
    GoAway,
    SessionClosed,
    QuicSession,
    QuicAttached,
    QuicPacket,
    QuicReady,
    QuicClosed,
    // Of a lookup.
    LookupOf,
    Lookup,
    LookupResults,
    /// What happens within a session and has no place in a record.
    Within,
}

/// The names of events, as Chromium has or had them.
const NAMES: [(&str, Kind); 57] = [
    ("REQUEST_ALIVE", Kind::Alive),
    ("URL_REQUEST_START_JOB", Kind::Start),
    ("URL_REQUEST_SET_PRIORITY", Kind::Priority),
    ("HTTP_STREAM_REQUEST_BOUND_TO_JOB", Kind::BoundToJob),
    ("HTTP_TRANSACTION_SEND_REQUEST", Kind::Send),
    ("HTTP_TRANSACTION_TUNNEL_SEND_REQUEST", Kind::Within),
    ("HTTP_TRANSACTION_SEND_REQUEST_HEADERS", Kind::SentHead),
    ("HTTP_TRANSACTION_HTTP2_SEND_REQUEST_HEADERS", Kind::SentHead),
    ("HTTP_TRANSACTION_QUIC_SEND_REQUEST_HEADERS", Kind::SentHead),
    ("HTTP_TRANSACTION_READ_HEADERS", Kind::ReadHead),
    ("HTTP_TRANSACTION_READ_RESPONSE_HEADERS", Kind::Head),
    ("HTTP_TRANSACTION_READ_EARLY_HINTS_RESPONSE_HEADERS", Kind::Head),
    ("HTTP_TRANSACTION_READ_BODY", Kind::ReadBody),
    ("URL_REQUEST_JOB_BYTES_READ", Kind::Raw),
    ("URL_REQUEST_JOB_FILTERED_BYTES_READ", Kind::Decoded),
    ("URL_REQUEST_REDIRECTED", Kind::Redirected),
    ("CANCELLED", Kind::Gone),
    ("FAILED", Kind::Gone),
    ("HTTP_STREAM_JOB", Kind::Job),
    ("SOCKET_POOL_BOUND_TO_SOCKET", Kind::JobSocket),
    ("HTTP2_SESSION_POOL_IMPORTED_SESSION_FROM_SOCKET", Kind::JobSession),
    ("HTTP2_SESSION_POOL_FOUND_EXISTING_SESSION", Kind::JobSession),
    ("HTTP2_SESSION_POOL_FOUND_EXISTING_SESSION_FROM_IP_POOL", Kind::JobSession),
    ("BOUND_TO_QUIC_SESSION_POOL_JOB", Kind::JobQuic),
    ("QUIC_STREAM_FACTORY_JOB_BOUND_TO_HTTP_STREAM_JOB", Kind::QuicAttached),
    ("HTTP_STREAM_JOB_BOUND_TO_QUIC_STREAM_FACTORY_JOB", Kind::JobQuic),
    ("HTTP_STREAM_REQUEST_BOUND_TO_QUIC_SESSION", Kind::JobQuic),
    ("HTTP_STREAM_JOB_CONTROLLER_PROXY_SERVER_RESOLVED", Kind::Proxy),
    ("SOCKET_ALIVE", Kind::Socket),
    ("TCP_CONNECT", Kind::Connect),
    ("TCP_CONNECT_ATTEMPT", Kind::Attempt),
    ("SSL_CONNECT", Kind::Secure),
    ("HTTP2_SESSION", Kind::Session),
    ("HTTP2_SESSION_INITIALIZED", Kind::SessionSocket),
    ("HTTP2_SESSION_SEND_HEADERS", Kind::SessionRequest),
    ("HTTP2_SESSION_RECV_GOAWAY", Kind::GoAway),
    ("HTTP2_SESSION_CLOSE", Kind::SessionClosed),
    ("HTTP2_SESSION_RECV_SETTING", Kind::Within),
    ("HTTP2_SESSION_RECV_RST_STREAM", Kind::Within),
    ("HTTP2_SESSION_PING", Kind::Within),
    ("HTTP2_SESSION_STALLED_MAX_STREAMS", Kind::Within),
    ("HTTP2_STREAM_FLOW_CONTROL_STALLED", Kind::Within),
    ("HTTP2_STREAM_STALLED_BY_SESSION_SEND_WINDOW", Kind::Within),
    ("QUIC_SESSION", Kind::QuicSession),
    ("QUIC_SESSION_POOL_ATTACH_HTTP_STREAM_JOB_TO_EXISTING_SESSION", Kind::QuicAttached),
    ("QUIC_SESSION_PACKET_SENT", Kind::QuicPacket),
    ("QUIC_SESSION_PACKET_RECEIVED", Kind::QuicPacket),
    ("QUIC_SESSION_HANDSHAKE_DONE_FRAME_RECEIVED", Kind::QuicReady),
    ("QUIC_SESSION_CERTIFICATE_VERIFIED", Kind::QuicReady),
    ("QUIC_SESSION_CLOSED", Kind::QuicClosed),
    ("HOST_RESOLVER_MANAGER_JOB_ATTACH", Kind::LookupOf),
    ("HOST_RESOLVER_IMPL_JOB_ATTACH", Kind::LookupOf),
    ("HOST_RESOLVER_MANAGER_JOB", Kind::Lookup),
    ("HOST_RESOLVER_IMPL_JOB", Kind::Lookup),
    ("HOST_RESOLVER_DNS_TASK", Kind::LookupResults),
    ("HOST_RESOLVER_SYSTEM_TASK", Kind::LookupResults),
    ("HOST_RESOLVER_DNS_TASK_EXTRACTION_RESULTS", Kind::LookupResults),
];

impl Kind {
    /// The kind of the events of this name, if they are read.
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    /// Whose it is.
    pub(crate) source: u64,
    /// When, in milliseconds of the log's own clock.
    pub(crate) time: u64,
    pub(crate) params: Value,
}

impl Event {
    /// A parameter that is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// A parameter that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.params.get(name).and_then(Value::as_i64)
    }

    /// A parameter that is a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let list = self.params.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The error that something ended with.
    pub(crate) fn error(&self) -> Option<i64> {
        self.number("net_error").filter(|error| *error < 0)
    }

    /// Whose event led to this one.
    pub(crate) fn dependency(&self) -> Option<u64> {
        self.params.get("source_dependency")?.get("id")?.as_u64()
    }
}
