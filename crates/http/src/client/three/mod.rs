//! HTTP/3 (RFC 9114) at the client: connections of QUIC, and who has which.

mod connection;
mod dial;
mod flow;
mod places;

pub(crate) use connection::Three;
pub(crate) use dial::obtain;
pub(crate) use flow::Flow;
pub use places::Learned;
pub(crate) use places::{Place, Places};
