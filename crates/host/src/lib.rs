//! One host's stack, without I/O.
#![forbid(unsafe_code)]

mod config;
mod error;
mod event;
mod host;
mod interface;
mod neighbour;
mod rng;
mod route;

pub use config::{Config, Limits, Neighbours};
pub use error::{BindError, ConnectError, ConnectFailure, SendError, Unreachable};
pub use event::{
    Datagram, EchoReply, Event, Gso, ListenerId, PingId, Received, SocketId, Transmit, UdpId,
};
pub use host::Host;
pub use interface::{Address, AddressState, IfIndex, Interface, Kind, Offload};
pub use neighbour::Neighbour;
pub use rng::Rng;
pub use route::Route;
