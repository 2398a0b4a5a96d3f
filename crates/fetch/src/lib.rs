//! One chain from a request to its answer: redirects, credentials, cookies, what is tried again, and what
//! is kept to be given again.
//!
//! [`roundtrip_http::client::Client`] carries out one exchange; a [`Fetcher`] carries out what follows
//! from its answer. There is one engine for that, [`Chain`]; what browsers and curl do differently is
//! data, [`Rules`].
//!
//! # Contract
//! - Generic over [`roundtrip_wire::Wire`]; no clock is read, nothing is drawn.
//! - Each exchange of a chain is reported by the client, and says which one it follows:
//!   [`roundtrip_record::Initiator::Redirect`] or [`roundtrip_record::Initiator::Retry`].
//! - A [`Cache`] answers only where the fetcher has one ([`Fetcher::with_cache`]); the record tells such
//!   answers, and those that a server said are still good ([`roundtrip_record::CachedResponse`]).
//! - Credentials and cookies that were given for one origin go to no other, unless the rules say so.
//!
//! ```
//! use roundtrip_fetch::{Fetcher, Jar, Rules};
//! use roundtrip_http::client::{Client, Request};
//! use roundtrip_wire::Wire;
//!
//! /// The status of a page in the end, with cookies kept on the way.
//! async fn status<W: Wire>(wire: W, client: Client<W>, request: Request) -> Option<u16> {
//!     let fetcher = Fetcher::new(wire, client).with_cookies(Jar::new());
//!     let response = fetcher.fetch(request, Rules::browser()).await.ok()?;
//!     Some(response.status.as_u16())
//! }
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::result_large_err, reason = "a fault ends an exchange; it is no hot path")]

mod alternatives;
mod asker;
mod cache;
mod chain;
mod cookie;
mod cookie_date;
mod directives;
mod fetcher;
mod freshness;
mod gate;
mod hsts;
mod jar;
mod jar_manner;
mod kept;
mod netrc;
mod proofs;
mod referrer;
mod retry;
mod rules;
mod stamp;

pub use alternatives::Alternatives;
pub use asker::{Asker, is_public_name, same_site};
pub use cache::Cache;
pub use chain::{Chain, Hop, NOT_PERMITTED, Next, share_credentials};
pub use cookie::{Cookie, SameSite};
pub use cookie_date::parse as parse_date;
pub use fetcher::Fetcher;
pub use freshness::{AgeFrom, lifetime};
pub use gate::{Gate, Open};
pub use hsts::Hsts;
pub use jar::Jar;
pub use jar_manner::Manner;
pub use netrc::{Netrc, NetrcMode};
pub use referrer::Referrer;
pub use retry::{Retried, Retries, is_passing};
pub use rules::{Credentials, Methods, Mode, Redirects, Rules, Schemes, Sends};
