//! TCP (RFC 9293) with the features of a current Linux kernel, tested against measurements of it,
//! without I/O.
//!
//! A [`Connection`] is one end of a TCP connection. It takes segments, bytes and the time, and
//! gives segments, bytes, events and the next deadline. It reads no clock, draws no random number,
//! and allocates nothing for a segment once data is flowing.
//!
//! # Contract
//! - Its input are the calls `handle_*` and those of the application:
//!   [`handle_segment`](Connection::handle_segment),
//!   [`handle_timeout`](Connection::handle_timeout), [`write`](Connection::write) …
//! - After any of them the owner drains [`poll_transmit`](Connection::poll_transmit) and
//!   [`poll_event`](Connection::poll_event) until `None`, then asks
//!   [`next_timeout`](Connection::next_timeout). What is decided at one instant must be sent at
//!   that instant, so the order is part of the behaviour.
//! - Time never decreases. No input makes a connection panic or grow beyond its buffers.
//! - What differs between stacks is one value: [`Profile`]. [`Profile::linux`] is Linux 6.18, down
//!   to its timer wheel; [`Profile::rfc`] follows the RFCs.
//!
//! # Where things are
//! | file | noun |
//! |---|---|
//! | `connection` | the public type, and its transitions from state to state |
//! | `state/` | one type for each state or group of states (RFC 9293 §3.3.2) |
//! | `send/` | buffer, scoreboard, loss recovery, output |
//! | `receive/` | buffer, reassembly, acknowledgement policy, window |
//! | `congestion/` | window, Reno, CUBIC, `HyStart`, BBR, rate reduction |
//! | `supply` | the memory that the host has for the buffers |
//! | `cookie`, `fast_open` | SYN cookies; cookies for data that travels with the SYN |
//! | `rtt`, `clock` | round-trip time and timeout; ticks and the timer wheel |
//! | `profile`, `options` | constants of a stack; options of one connection |
//!
//! # Example
//! A client sends data to a server:
//! ```
//! use roundtrip_packet::SeqNumber;
//! use roundtrip_record::{ConnectionId, Off, Time};
//! use roundtrip_tcp::{Connection, Endpoints, Options, Segment, Step};
//!
//! /// Hands everything `from` wants to send to `to`.
//! fn carry(now: Time, from: &mut Connection, to: &mut Connection) {
//!     while let Some(sent) = from.poll_transmit(now, 1, &mut Off) {
//!         let (header, ecn, payload) = (sent.header, sent.ecn, sent.payload.concat());
//!         to.handle_segment(now, &Segment { header, payload: &payload, ecn, segment_size: None, id: None }, &mut Off);
//!     }
//! }
//!
//! let ends = Endpoints { local: "10.0.0.1:40000".parse()?, remote: "10.0.0.2:80".parse()? };
//! let now = Time::ZERO;
//! let mut client = Connection::connect(
//!     Step::at(now), ConnectionId(1), ends, SeqNumber(1), Options::default(), &mut Off,
//! );
//! let syn = client.poll_transmit(now, 1, &mut Off).expect("a SYN");
//! let syn = Segment { header: syn.header, payload: &[], ecn: syn.ecn, segment_size: None, id: None };
//! let mut server = Connection::accept(
//!     now, ConnectionId(2), ends.reversed(), SeqNumber(2), Options::default(), &syn, &mut Off,
//! );
//! carry(now, &mut server, &mut client);
//! carry(now, &mut client, &mut server);
//!
//! client.write(now, b"hello")?;
//! carry(now, &mut client, &mut server);
//! let mut heard = [0; 5];
//! assert_eq!(server.read(now, &mut heard)?, 5);
//! assert_eq!(&heard, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
// Names of the RFCs, such as TIME_WAIT, RACK.xmit_ts and W_max, are not code.
#![allow(clippy::doc_markdown)]

mod clock;
mod congestion;
mod connection;
mod context;
mod cookie;
mod disposition;
mod event;
mod fast_open;
mod info;
mod options;
mod profile;
mod receive;
mod report;
mod rtt;
mod segment;
mod send;
mod sip_hash;
mod state;
mod step;
mod supply;
#[cfg(test)]
mod tests;
mod windowed;

pub use clock::Tick;
pub use congestion::algorithm::{Algorithm, UnknownAlgorithm};
pub use connection::Connection;
pub use cookie::SynCookies;
pub use disposition::Disposition;
pub use event::{Event, IcmpError, ReadError, WriteError};
pub use fast_open::{CookieWorth, FastOpen, FastOpenKeys, SentSyn};
pub use info::{CaState, Info, Spent};
pub use options::{Options, PathMtuDiscovery, Writing};
pub use profile::{BufferCost, EcnMode, KeepAlive, MtuProbing, Profile, Reduction};
pub use segment::{Segment, Transmit, reset_for};
pub use sip_hash::sip_hash;
pub use step::{Endpoints, Step};
pub use supply::Supply;
