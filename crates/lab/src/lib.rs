//! The lab: many hosts and links in one process and in virtual time, without privileges.
//!
//! The hosts are those of [`roundtrip_host`], and every packet is real: ARP, checksums, TCP at both
//! ends. Links have a rate, a delay, a queue and faults ([`Shape`]). Time is a number that jumps
//! from event to event, so that a minute of `TIME_WAIT` takes no real time.
//!
//! # Contract
//! - Same input and same [`Seed`]: the same frames at the same nanoseconds, on every machine. Nothing
//!   here reads a clock or the system's generator; rates and times are integers.
//! - Events at one instant are ordered, as [`Lab`] documents.
//! - Each link and each host draws from a generator of its own.
//! - Processor time does not affect the virtual clock.
//!
//! ```
//! use roundtrip_lab::*;
//! use roundtrip_record::{Log, Role};
//! use roundtrip_wire::{Listener, Wire};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! let net: Net = "3gslow".parse()?;
//! let mut internet = Internet::new(Settings::new(net, Seed::new(1), Log::off()));
//! let address = Internet::web_address(0);
//! let server = internet.add_server("www", Role::WebServer, address.into());
//!
//! let mut listener = server.listen((address, 80).into())?;
//! server.spawn(async move {
//!     let mut stream = listener.accept().await.unwrap();
//!     stream.write_all(b"hello").await.unwrap();
//! }).detach();
//!
//! let client = internet.client().clone();
//! let text = internet.lab().run_until(async move {
//!     let mut stream = client.connect((address, 80).into(), None, None).await.unwrap();
//!     let mut text = String::new();
//!     stream.read_to_string(&mut text).await.unwrap();
//!     text
//! })?;
//! assert_eq!(text, "hello");
//! // Two round trips of 400 ms and what transmission takes; ARP crosses no more than the segment.
//! assert!((800..850).contains(&internet.lab().now().millis()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod agenda;
mod chance;
mod codel;
mod delivery;
mod environment;
mod executor;
mod fifo;
mod fq_codel;
mod frame;
mod grammar;
mod internet;
mod lab;
mod ledger;
mod link;
mod managed;
mod nearest;
mod net;
mod path;
mod pool;
mod port;
mod profile;
mod property;
mod seed;
mod shape;
mod shape_words;
mod sleep;
mod sleep_slots;
mod tail;
mod time;
pub mod transfer;
mod transmitter;
mod unit;

mod world;

pub use chance::{NoHost, draw};
pub use delivery::{DeliveryTrace, TraceError};
pub use environment::{Caches, HostEnvironment};
pub use grammar::NetError;
pub use internet::{DEFAULT_DATE, Internet, NameServers, Settings};
pub use lab::{Attached, End, Forwarding, Lab, LabHost, Stuck};
pub use net::{Conditions, Direction, Net};
pub use port::LabPort;
pub use profile::Profile;
pub use roundtrip_tcp::{Algorithm, Profile as TcpProfile};
pub use seed::{Chance, Ppm, Seed};
pub use shape::{
    CoDel, Discipline, Distribution, Fcs, FqCoDel, Jitter, Pickup, Queue, Rate, Shape,
};
pub use unit::amount;
