//! Steps 4 and 5: request and response, at both ends, over any wire.
//!
//! - [`message`]: the codec of HTTP/1.0 and HTTP/1.1 (RFC 9112), without I/O, shared by both ends.
//! - [`client`]: requests, connections kept and shared, redirects, cookies, TLS, HTTP/2 and HTTP/3.
//! - [`server`]: accepts, reads requests, has a [`server::Handler`] answer them.
//! - [`handler`]: files, programs (CGI), an echo, virtual hosts.
//! - [`gateway`]: what a server needs that asks other servers; a reverse proxy.
//! - [`coding`], [`form`], [`url`]: what bodies are packed in, what forms send, what people type.
//! - [`Observer`]: HTTP/3 between two other ends, read from a capture.
//!
//! # Contract
//! - Everything is generic over [`roundtrip_wire::Wire`], which owns time, randomness and tasks: no
//!   clock is read here, nothing is drawn, and equal input has equal output, to the byte.
//! - Bodies stream in both directions. What one connection holds in memory is bounded by
//!   [`message::Limits`] and by buffers of at most 64 KiB, whatever the length of a body.
//! - What happens is reported to [`roundtrip_wire::Wire::log`]. What goes wrong is a
//!   [`client::Failure`], which the caller reports: only it knows whether the run ends with it.
//! - Names are not looked up here: a [`client::Resolve`] gives addresses. Trust, randomness and the
//!   calendar of TLS are handed in ([`client::TlsOptions`]).
//!
//! What HTTP/2 says is h2's work; a layer of ours below it sees the frames pass, so that the record
//! has the same of it as of HTTP/1. HTTP/3, its frames and its coding of fields are ours, upon the
//! streams of `roundtrip_quic`.
//!
//! ```
//! use roundtrip_http::client::{Client, Options, Request, Resolve};
//! use roundtrip_http::url;
//! use roundtrip_wire::Wire;
//! use std::rc::Rc;
//!
//! /// The first bytes of a page.
//! async fn first<W: Wire>(wire: W, resolve: Rc<dyn Resolve>) -> Option<bytes::Bytes> {
//!     let client = Client::new(wire, resolve, None, Options::default());
//!     let request = Request::get(url::parse("example.org").ok()?);
//!     let mut response = client.send(request).await.ok()?;
//!     response.body.chunk().await?.ok()
//! }
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::result_large_err, reason = "a fault ends an exchange; it is no hot path")]

mod address;
mod alternative;
mod body;
mod channel;
mod charset;
pub mod client;
pub mod coding;
pub mod form;
pub mod gateway;
pub mod handler;
pub mod huffman;
pub mod media;
pub mod message;
mod multipart;
mod packing;
mod params;
mod reporter;
pub mod server;
mod session;
mod three;
mod timer;
mod turn;
mod two;
mod upgraded;
pub mod url;

pub use body::{Body, Chunks, Following, Part};
pub use three::{Observation, Observed, Observer};
pub use upgraded::{Accepted, Upgraded};
