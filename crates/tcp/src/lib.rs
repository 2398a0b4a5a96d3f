//! The TCP state machine (RFC 9293), as modern as Linux's, without I/O.
#![forbid(unsafe_code)]

mod connection;
mod disposition;
mod event;
mod info;
mod options;
mod profile;
mod segment;

pub use connection::Connection;
pub use disposition::Disposition;
pub use event::{Event, IcmpError, ReadError, WriteError};
pub use info::{CaState, Info};
pub use options::{EcnMode, KeepAlive, Options};
pub use profile::Profile;
pub use segment::{Segment, Transmit, reset_for};
