//! One host's stack, without I/O.
#![forbid(unsafe_code)]

mod address;
mod arp;
mod config;
mod counters;
mod datagram;
mod demux;
mod detection;
mod discovery;
mod echo;
mod error;
mod event;
mod forward;
mod host;
mod icmp;
mod interface;
mod isn;
mod listener;
mod ndp;
mod neighbour;
mod output;
mod ping;
mod pmtu;
mod port;
mod ratelimit;
mod reassembly;
mod receive;
mod rng;
mod route;
mod segment;
mod send;
mod slab;
mod socket;
mod stream;
mod timer;
mod udp;

pub use config::{Config, Limits, Neighbours};
pub use counters::Counters;
pub use error::{BindError, ConnectError, ConnectFailure, SendError, Unreachable};
pub use event::{
    Datagram, EchoReply, Event, Gso, ListenerId, PingId, Received, SocketId, Transmit, UdpId,
};
pub use host::Host;
pub use interface::{Address, AddressState, IfIndex, Interface, Kind, Offload};
pub use neighbour::Neighbour;
pub use rng::Rng;
pub use route::Route;
