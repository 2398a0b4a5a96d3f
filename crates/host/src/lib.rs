//! One host's stack: interfaces, neighbours, routes, ICMP, UDP and TCP sockets, without I/O.
//!
//! A [`Host`] takes frames and the time, and gives frames, events and the next deadline. It has no
//! clock, no thread and no source of randomness but its seed: the same calls give the same frames
//! on every machine.
//!
//! # Contract
//! - Feed: [`Host::handle_frame`] when a frame arrives, [`Host::handle_timeout`] when the time of
//!   [`Host::next_timeout`] has come, and the calls for sockets. `now` never decreases.
//! - Drain after each of them: [`Host::poll_transmit`] until `None`, sending each frame;
//!   [`Host::poll_event`] until `None`. Then ask [`Host::next_timeout`]. A deadline may come before
//!   anything is due, never after.
//! - Memory is bounded by [`Limits`], whatever arrives; [`Host::held`] says how much is held and
//!   [`Host::counters`] how much was dropped.
//! - A call for a socket that was closed answers as for a closed connection: ids are never given
//!   out twice.
//! - What happens goes to the `trace`: each frame in and out, each change of the neighbour table,
//!   and all that TCP reports. The event of an arriving frame is the cause of what follows from it.
//!
//! ```
//! use roundtrip_host::*;
//! use roundtrip_packet::EtherAddr;
//! use roundtrip_record::{InterfaceId, Off, Time};
//!
//! // Two hosts on one cable.
//! let host = |end: u8| {
//!     let mut host = Host::new(Config { seed: [end; 32], ..Config::default() });
//!     let mac = EtherAddr([2, 0, 0, 0, 0, end]);
//!     let eth = host.add_interface(Interface::ethernet(InterfaceId(0), "eth0", mac));
//!     host.add_address(eth, [10, 0, 0, end].into(), 24);
//!     (host, eth)
//! };
//! let ((mut client, eth), (mut server, _)) = (host(1), host(2));
//! let inbox = server.bind_udp("10.0.0.2:53".parse()?)?;
//! let socket = client.bind_udp("10.0.0.1:0".parse()?)?;
//! client.send_udp(Time::ZERO, socket, "10.0.0.2:53".parse()?, b"hello", None, &mut Off)?;
//!
//! // ARP request, ARP reply, datagram.
//! let mut frame = Vec::new();
//! for (from, to) in [(0, 1), (1, 0), (0, 1)] {
//!     let hosts = [&mut client, &mut server];
//!     hosts[from].poll_transmit(Time::ZERO, &mut frame, &mut Off).expect("a frame");
//!     hosts[to].handle_frame(Time::ZERO, eth, &frame, Received::default(), &mut Off);
//! }
//! assert_eq!(server.poll_event(), Some(Event::Udp(inbox)));
//! assert_eq!(server.receive_udp(inbox).unwrap().bytes, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! | file | noun |
//! |---|---|
//! | `host` | the host, its parts and its timers |
//! | `receive`, `send`, `output`, `forward` | receiving packets, sending them, the output queue, forwarding |
//! | `network` | interfaces, addresses and routes: `interface`, `address`, `route` |
//! | `neighbour`, `arp`, `ndp` | the neighbour table, and the two protocols that fill it |
//! | `detection`, `conflict` | duplicate addresses on the link |
//! | `icmp`, `reason`, `echo` | ICMP errors, their reasons, echo replies |
//! | `pmtu`, `ratelimit` | path MTUs, rate limits for errors and resets |
//! | `reassembly` | reassembly of fragments |
//! | `udp`, `datagram` | UDP sockets and their calls |
//! | `socket`, `demux`, `timer`, `slab` | the table of TCP sockets, and their lookup by segments and timers |
//! | `segment`, `stream` | receiving and sending TCP segments, the calls for TCP sockets |
//! | `listener`, `listen` | listening sockets, and the segments that reach them |
//! | `memory` | the memory of all connections' buffers |
//! | `isn`, `port`, `rng` | initial sequence numbers, ephemeral ports, random numbers |
#![forbid(unsafe_code)]

mod address;
mod arp;
mod config;
mod conflict;
mod counters;
mod datagram;
mod demux;
mod detection;
mod early;
mod echo;
mod error;
mod event;
mod fast_open;
mod forward;
mod host;
mod icmp;
mod interface;
mod isn;
mod listen;
mod listener;
mod memory;
mod ndp;
mod neighbour;
mod network;
mod output;
mod pmtu;
mod port;
mod ratelimit;
mod reason;
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
pub use counters::{Counters, Held};
pub use datagram::UdpOptions;
pub use error::{BindError, ConnectError, ConnectFailure, SendError, Unreachable};
pub use event::{
    Datagram, Event, Gso, ListenerId, Received, SocketId, SplitFrame, Transmit, UdpId,
};
pub use fast_open::{FastOpenPolicy, KnownServers};
pub use host::Host;
pub use interface::{Address, AddressState, IfIndex, Interface, Kind, Offload};
pub use neighbour::Neighbour;
pub use reason::IcmpReason;
pub use rng::Rng;
pub use route::Route;
