//! The wire: what everything above it (names, HTTP, the visit) asks of a network.
//!
//! One trait, three wires. `live` implements [`Wire`] over kernel sockets; [`Stack`] implements it once
//! over our own `host`, and stands under both `tap` and `lab`.
//!
//! # Contract
//! - A wire belongs to one host and to one thread. Nothing of it is `Send`; tasks are run by
//!   [`Wire::spawn`] and end when their [`Task`] is dropped.
//! - The wire owns time and randomness: no code above it reads a clock, sleeps or draws on its own.
//! - Streams are tokio's `AsyncRead + AsyncWrite`, which need no runtime. `poll_shutdown` closes our
//!   direction (half-close: a FIN, and reading goes on); dropping a stream closes it as the kernel
//!   closes a descriptor: with FIN, or with RST when data is left unread.
//! - What happens is reported to [`Wire::log`].
#![forbid(unsafe_code)]

mod datagram;
mod environment;
mod fault;
mod jitter;
mod stack;
mod wire;

pub use datagram::{Datagram, Fragmentation, Incoming, Joining, Outgoing, Packet};
pub use environment::{Environment, LocalFuture, OsAnswer, Text};
pub use fault::ConnectFault;
pub use jitter::{about, mostly};
pub use roundtrip_packet::Ecn;
pub use stack::{Port, Stack, StackDatagram, StackListener, StackStream};
pub use wire::{Listener, Nodelay, StreamInfo, Task, Transport, Wire};
