//! A recording proxy: whatever any client asks by way of it becomes a run like any other.
//!
//! A client asks for a whole URL (RFC 9112 §3.2.2), or for a tunnel (`CONNECT`, SOCKS5); or the proxy
//! stands in for one server ([`Mode::Reverse`]). Each request that comes in is asked of its server by a
//! request of the proxy's own, which names it ([`roundtrip_record::ExchangeStarted::of`]): both sides of
//! an exchange are in one record.
//!
//! # Contract
//! - The server is asked what the client asked, field by field and byte by byte, but for what belongs to a
//!   connection (RFC 9110 §7.6.1), and the client is answered what the server answered. Nothing is asked
//!   that no client asked for.
//! - Bodies pass as they come, in both directions: what is held of one is bounded.
//! - What cannot be had of a server is a fault in the record and an answer to the client (502, 504) that
//!   says why (RFC 9110 §15.6).
//! - TLS is looked into with certificates of an [`Authority`] that is made at first use, whose key never
//!   leaves this machine; hosts that are passed by ([`Options::pass`]) keep their own.
//! - Everything is generic over [`roundtrip_wire::Wire`], on both sides apart: what clients see may go over
//!   a [`Shaped`] wire, as slow as a described network.
//!
//! ```no_run
//! use std::rc::Rc;
//! use roundtrip_http::client::Fixed;
//! use roundtrip_proxy::{Options, Proxy, Servers};
//! use roundtrip_wire::Wire;
//!
//! /// Passes plain HTTP on, for ever.
//! async fn run<W: Wire>(wire: W) -> std::io::Result<()> {
//!     let servers = Servers { wire: wire.clone(), names: Rc::new(Fixed::default()), tls: None };
//!     let proxy = Proxy::new(wire.clone(), servers, Options::default(), None, Rc::new(|_| {}));
//!     let listener = wire.listen("127.0.0.1:8080".parse().expect("an address"))?;
//!     proxy.serve(listener, core::future::pending()).await;
//!     Ok(())
//! }
//! ```
#![forbid(unsafe_code)]

mod authority;
mod causes;
mod certificates;
mod door;
mod errand;
mod forward;
mod frames;
mod greeting;
mod line;
mod options;
mod own;
mod passing;
mod proxy;
mod seen;
mod servers;
mod shaped;
mod shared;
mod socks;
mod target;
mod toward;
mod tunnel;
mod websocket;

pub use authority::{Authority, AuthorityError};
pub use certificates::{Certificates, Issue};
pub use errand::{ProxyError, Proxying};
pub use line::unfelt;
pub use options::{Mode, Options};
pub use proxy::Proxy;
pub use seen::{Seen, SeenExchange, Watcher};
pub use servers::Servers;
pub use shaped::Shaped;
