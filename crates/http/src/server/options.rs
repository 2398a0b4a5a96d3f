//! How a server behaves.

use core::time::Duration;

use http::Version;

use super::priority::Scheduling;
use crate::message::Limits;
use crate::two::Floods;

/// Limits and times of a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// The value of the Server field; empty for none.
    pub software: String,
    /// The value of Alt-Svc in answers through TLS, by which clients learn where HTTP/3 is spoken
    /// (RFC 7838); empty for none.
    pub alternatives: String,
    /// The highest version spoken: 1.1, or 2 where TLS negotiates it or a client in the clear begins
    /// with it (RFC 9113 §3.3).
    pub version: Version,
    /// Limits on heads, chunk extensions and trailers.
    pub limits: Limits,
    /// Requests that one connection of HTTP/2 may have under way at one time.
    pub max_streams: u32,
    /// Frames that a client of HTTP/2 may send.
    pub floods: Floods,
    /// Which of several responses a connection of HTTP/2 goes on with.
    pub scheduling: Scheduling,
    /// Bytes that a request's body may have.
    pub max_body: u64,
    /// Requests that one connection may carry.
    pub max_requests: u32,
    /// Connections open at one time; those beyond are answered with 503.
    pub max_connections: usize,
    /// From the first byte of a request to the last of its head: 408 after that.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub keep_alive: Duration,
    /// How long nothing may come of a request's body: 408 after that.
    pub body_timeout: Duration,
    /// How long a client may take nothing of a response.
    pub write_timeout: Duration,
    /// How long a closed connection goes on to read, so that a response which is still on its way
    /// is not lost to a reset (RFC 9112 §9.6).
    pub linger: Duration,
    /// How long responses may still take after the server was told to stop.
    pub grace: Duration,
    /// How long accepting rests after it failed for a lack of descriptors or memory.
    pub accept_pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            software: concat!("roundtrip/", env!("CARGO_PKG_VERSION")).into(),
            alternatives: String::new(),
            version: Version::HTTP_2,
            limits: Limits::SERVER,
            max_streams: 100,
            floods: Floods::default(),
            scheduling: Scheduling::default(),
            max_body: 1 << 32,
            max_requests: 1000,
            max_connections: 10_000,
            head_timeout: Duration::from_secs(20),
            keep_alive: Duration::from_mins(1),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_mins(1),
            linger: Duration::from_secs(2),
            grace: Duration::from_secs(10),
            accept_pause: Duration::from_millis(100),
        }
    }
}
