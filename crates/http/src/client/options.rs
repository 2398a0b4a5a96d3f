//! How a client behaves.

use core::time::Duration;

use http::Version;

use super::coalesce::Coalescing;
use super::proxy::Proxies;
use crate::coding::DecodeLimits;
use crate::message::Limits;

/// Settings of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The value of User-Agent.
    pub user_agent: String,
    /// The highest version spoken: 1.0, 1.1, or 2 where TLS negotiates it.
    pub version: Version,
    /// When HTTP/3 is spoken.
    pub three: Three,
    /// How long a connection of QUIC has, once the server's name is known, before one of TCP is opened beside
    /// it, where that may be.
    pub three_head_start: Duration,
    /// How connections of QUIC behave.
    pub quic: roundtrip_quic::Settings,
    /// HTTP/2 is spoken in the clear without asking, to servers of http (RFC 9113 §3.3), where
    /// `version` permits it.
    pub prior_knowledge: bool,
    /// Whether connections are kept for the next request.
    pub keep_alive: KeepAlive,
    /// Connections to one origin at one time, on HTTP/1.
    pub per_origin: usize,
    /// By which connection a request goes that found none free.
    pub binding: Binding,
    /// Whether hosts share connections of HTTP/2.
    pub coalescing: Coalescing,
    /// How long a connection is kept while it carries nothing.
    pub idle: Duration,
    /// Times.
    pub timeouts: Timeouts,
    /// Limits on heads, chunk extensions and trailers.
    pub limits: Limits,
    /// How much may come out of a compressed body.
    pub decode: DecodeLimits,
    /// How long a body waits to be told to go on (`Expect: 100-continue`) before it goes anyway.
    pub expect: Duration,
    /// Interim responses before the final one.
    pub interim: u32,
    /// What is sent once more after a kept connection was lost before any byte of an answer.
    pub resend: Resend,
    /// Between two tries to connect (RFC 8305 §5).
    pub attempt_delay: Duration,
    /// How long the client's own work takes, where that is modelled.
    pub own_work: OwnWork,
    /// What is taken of answers that is not as it should be, or is not wanted as it is meant.
    pub answers: Answers,
    /// Through which proxies origins are reached.
    pub proxies: Proxies,
}

/// When HTTP/3 is spoken, to servers of https that no proxy is on the way to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Three {
    /// It is not.
    #[default]
    Never,
    /// Where a server has said that it speaks it ([`Client::learn`](super::Client::learn)): as browsers
    /// do, over a connection of TCP until there is one of QUIC.
    Learned,
    /// Where the server answers, learned or not: TCP follows where nothing has come for a while, as
    /// with curl's `--http3`.
    Tried,
    /// And nothing else: what cannot be had so is a fault (curl's `--http3-only`).
    Only,
}

/// By which connection a request goes that found none free when it was wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// By the one that is opened for it.
    #[default]
    Early,
    /// By the first that is free, be it the one that is opened on its behalf or one that another
    /// request is done with; connections that nobody came to need wait for the next request. So
    /// browsers do (Chromium: `net/socket/client_socket_pool`, "late binding").
    Late,
}

/// How long a client's own work takes, where it is modelled: each time about so long. Only with
/// [`Binding::Late`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnWork {
    /// From the first connection of an origin to those opened ahead with it.
    pub spare: Duration,
    /// From a connection that is there to the request that has waited for it.
    pub send: Duration,
}

/// What is taken of answers, besides what the RFCs and browsers do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// One without a head is taken, as HTTP/0.9 had none.
    pub without_head: bool,
    /// Content-Length is passed over: the body ends with the connection.
    pub without_length: bool,
    /// The chunks of a body are given with their sizes, as they came.
    pub raw: bool,
    /// Codings of the transfer were asked for (TE; RFC 9112 §7): gzip and deflate, beside the chunks that
    /// always are. They are undone in any case, but without this their coming is noted.
    pub transfer_codings: bool,
}

/// Whether connections are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// They are.
    On,
    /// Each request says `Connection: close` and has one of its own.
    Off,
}

/// What is sent once more when a connection that had carried other exchanges is lost before any byte
/// of an answer. What the server says that it did not touch is always sent once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resend {
    /// What may be done twice (RFC 9110 §9.2.2).
    #[default]
    Idempotent,
    /// Everything whose body can be sent once more, POST too, as curl and browsers do: far more often
    /// than not, the server had closed the connection before the request came.
    All,
}

/// How long to wait; `None` is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, all addresses together.
    pub connect: Option<Duration>,
    /// For the next byte of a response.
    pub stall: Option<Duration>,
    /// For the whole, from wanted to the last byte.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(30)),
            stall: Some(Duration::from_mins(1)),
            total: None,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: concat!("roundtrip/", env!("CARGO_PKG_VERSION")).into(),
            version: Version::HTTP_2,
            three: Three::default(),
            three_head_start: Duration::from_millis(300),
            quic: roundtrip_quic::Settings::default(),
            prior_knowledge: false,
            keep_alive: KeepAlive::On,
            per_origin: 6,
            binding: Binding::default(),
            coalescing: Coalescing::default(),
            idle: Duration::from_secs(90),
            timeouts: Timeouts::default(),
            limits: Limits::CLIENT,
            decode: DecodeLimits::default(),
            expect: Duration::from_secs(1),
            interim: 32,
            resend: Resend::default(),
            attempt_delay: Duration::from_millis(250),
            own_work: OwnWork::default(),
            answers: Answers::default(),
            proxies: Proxies::default(),
        }
    }
}
