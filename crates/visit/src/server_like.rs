//! Whose server the lab's servers are like, in what a visit can tell.

use roundtrip_http::server::Scheduling;

/// A web server, as far as a visit can tell it from others: by which of several responses of one
/// connection of HTTP/2 it goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerLike {
    /// Goes by the tree of RFC 7540 and knows no priorities of RFC 9218 (asked for in nginx's issue 1319,
    /// which was open in September 2026).
    Nginx,
    /// As nginx: 2.2 knows the tree alone, and later versions read from `priority` what they make a tree of.
    H2o,
    /// Shares a connection among all responses (Go's `net/http`, `http2roundRobinWriteScheduler`, the only
    /// one of Go 1.23 to 1.26).
    Caddy,
    /// Does what RFC 9218 says.
    Ideal,
}

impl ServerLike {
    /// Which response it goes on with.
    pub const fn scheduling(self) -> Scheduling {
        match self {
            Self::Nginx | Self::H2o => Scheduling::Dependencies,
            Self::Caddy => Scheduling::RoundRobin,
            Self::Ideal => Scheduling::Extensible,
        }
    }

    /// The server that gives this `Server` field, if it is one of them.
    ///
    /// ```
    /// use roundtrip_visit::ServerLike;
    ///
    /// assert_eq!(ServerLike::named_by("nginx/1.22.1"), Some(ServerLike::Nginx));
    /// assert_eq!(ServerLike::named_by("Apache/2.4 (Debian)"), None);
    /// ```
    pub fn named_by(field: &str) -> Option<Self> {
        let product = field.split(['/', ' ']).next().unwrap_or_default();
        let known = [
            ("nginx", Self::Nginx),
            ("h2o", Self::H2o),
            ("caddy", Self::Caddy),
            ("roundtrip", Self::Ideal),
        ];
        known.into_iter().find(|(name, _)| product.eq_ignore_ascii_case(name)).map(|(_, like)| like)
    }
}
