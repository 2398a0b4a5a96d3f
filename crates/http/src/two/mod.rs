//! What both ends of HTTP/2 (RFC 9113) share: the crate `h2` speaks the protocol, and a layer below
//! it sees the frames pass, for what `h2` does not tell: sizes of heads, the moments at which they
//! came and went, GOAWAY's last stream, priorities, floods.

mod fields;
mod frame;
mod guard;
mod hpack;
mod io;
mod ledger;
mod room;

pub(crate) use fields::{from_map, of_connection, to_map};
pub(crate) use frame::{FrameHead, Kind, PREFACE, Passed, number};
pub(crate) use guard::Guard;
pub use guard::{Allowance, Floods};
pub(crate) use hpack::{CompressionError, Decoder};
pub(crate) use io::{Io, Moment, Watch, Way, Wiretap};
pub(crate) use ledger::{Ledger, Opener};
pub(crate) use room::poll_room;
