//! The TCP state machine (RFC 9293), as modern as Linux's, without I/O.
#![forbid(unsafe_code)]

mod clock;
mod congestion;
mod connection;
mod cookie;
mod disposition;
mod event;
mod info;
mod options;
mod profile;
mod receive;
mod report;
mod rtt;
mod segment;
mod send;
mod state;
#[cfg(test)]
mod tests;

pub use congestion::Algorithm;
pub use connection::Connection;
pub use cookie::SynCookies;
pub use disposition::Disposition;
pub use event::{Event, IcmpError, ReadError, WriteError};
pub use info::{CaState, Info};
pub use options::{EcnMode, KeepAlive, Options};
pub use profile::{Profile, Reduction, Tick};
pub use segment::{Segment, Transmit, reset_for};
