//! QUIC (RFC 9000) at both ends, over any wire: connections whose streams `http` speaks HTTP/3 on.
//!
//! The protocol is `quinn-proto`'s, which is sans I/O as our own layers are. Here stand what joins it
//! to a [`Wire`](roundtrip_wire::Wire), what it leaves open, and what the record wants of it:
//!
//! - [`connect`] opens a connection, [`Listener`] takes them; a task of the wire's drives each socket.
//! - [`Connection`] gives streams. All of it is polled, as the carriers of `http` are.
//! - TLS is rustls, configured by the caller; each packet is looked at while it is in the clear
//!   (`crypto.rs`), so that the record tells the frames of every packet.
//! - Congestion control is ours (`congestion`): CUBIC or NewReno with HyStart++, in integers.
//!
//! # Contract
//! - Time is the wire's: one instant of the machine is a base that only differences are taken from.
//! - Everything left to chance is drawn from [`Wire::random`](roundtrip_wire::Wire::random): connection
//!   ids, keys of tokens and resets, `quinn-proto`'s own generator. What TLS draws is the caller's.
//! - What happens is reported to [`Wire::log`](roundtrip_wire::Wire::log): `quic.*`.
//! - What one connection holds in memory is bounded by [`Settings`].
#![forbid(unsafe_code)]

mod chance;
mod clock;
mod congestion;
mod connection;
mod crypto;
mod ended;
mod endpoint;
mod frames;
mod keys;
mod link;
mod listener;
mod notes;
mod open;
mod retry;
mod session;
mod settings;
mod socket;

pub use congestion::Algorithm;
pub use connection::{Connection, Direction, ReadError, StreamId, WriteError};
pub use ended::Ended;
pub use frames::read as frames;
pub use listener::Listener;
pub use notes::Handshake;
pub use open::{Refused, connect};
pub use settings::{Datagrams, Settings, Validation};
