//! Has an installed Chromium visit a page, and tells what it did as an HTTP archive with Chromium's own
//! fields, which `roundtrip-import` turns into a record.
//!
//! # Contract
//! - The browser is started for one visit, with a profile of its own that is gone afterwards, and is spoken to
//!   over a pipe (the `DevTools` protocol, `--remote-debugging-pipe`): no port is opened.
//! - Every request that its network service was asked for is in the archive, with its initiator, priorities,
//!   connection, phases, sizes and, up to [`Options::most_bodies`], its body. The connection of one that
//!   `DevTools` say nothing of is the one that the browser's own log (`--log-net-log`) has.
//! - What goes wrong is an error that says what to do; a page that does not load is no error, but what the
//!   archive then tells.
#![forbid(unsafe_code)]

mod archive;
mod browser;
mod carriage;
mod error;
mod hop;
mod load;
mod pipe;
mod session;
mod visit;

pub use browser::installed;
pub use error::DevtoolsError;
pub use visit::{Options, Picture, Recorded, visit};
