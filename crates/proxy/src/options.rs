//! How a proxy behaves.

use core::time::Duration;

use http::Version;
use roundtrip_http::client::{self, Except, Timeouts};
use roundtrip_http::message::Limits;
use roundtrip_http::server::{self, Floods};
use url::Url;

/// For whom a proxy stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// For whichever server a client names.
    #[default]
    Forward,
    /// For this one (`--to`): clients take the proxy for it. A path in the URL comes before theirs.
    Reverse(Url),
}

/// How a proxy behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// For whom it stands.
    pub mode: Mode,
    /// Hosts whose tunnels are passed on as they are.
    pub pass: Except,
    /// Whether messages say that they went through a proxy (`Via`, RFC 9110 §7.6.3). Servers may answer
    /// otherwise then, so that what is recorded is not what happens without it.
    pub via: bool,
    /// Bytes that a body may have to be kept in the record; a longer one passes all the same.
    pub keep_at_most: u64,
    /// How servers are asked.
    pub client: client::Options,
    /// How clients are answered.
    pub server: server::Options,
}

/// A body that is kept: as long as one that a visit decodes may become.
const KEPT: u64 = 256 << 20;

/// How long a server may say nothing. Whoever asked gives up long before, but for what waits on purpose:
/// a stream of events, a request that is answered when there is news.
const PATIENCE: Duration = Duration::from_mins(15);

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            pass: Except::default(),
            via: false,
            keep_at_most: KEPT,
            client: client::Options {
                // Fields are the client's own.
                user_agent: String::new(),
                timeouts: Timeouts { stall: Some(PATIENCE), ..Timeouts::default() },
                ..client::Options::default()
            },
            server: server::Options {
                software: String::new(),
                version: Version::HTTP_2,
                // Requests are as large as their servers allow, and these say so.
                limits: Limits {
                    start_line: 64 * 1024,
                    head: 256 * 1024,
                    fields: 1000,
                    ..Limits::SERVER
                },
                // Chromium and its like send many; a server behind says when it is too much.
                floods: Floods::default(),
                max_body: u64::MAX,
                max_requests: u32::MAX,
                keep_alive: Duration::from_mins(10),
                head_timeout: Duration::from_mins(1),
                body_timeout: PATIENCE,
                write_timeout: PATIENCE,
                grace: Duration::from_secs(2),
                ..server::Options::default()
            },
        }
    }
}
