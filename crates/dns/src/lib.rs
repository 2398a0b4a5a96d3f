//! Step 1 of a visit: name resolution.
//!
//! The crate holds the ladder of sources (our own cache → a cache of the operating system → the
//! sources of nsswitch.conf: hosts file, systemd-resolved, name servers), a stub resolver, an
//! iterative resolver that walks from the root, and name servers for the other end. The record has
//! an event for each source that is asked, for its answer, and for each DNS message. Of
//! `hickory-proto` only the message format is used.
//!
//! # Contract
//! - Everything runs on any [`Wire`](roundtrip_wire::Wire), which owns time and chance: the same
//!   seed gives the same course of events.
//! - The decisions are state machines without I/O: [`Exchange`] (one question, several servers),
//!   `walk::Walk` (one question, the whole tree) and [`Authority`] (one query, one answer).
//! - Nothing from the network is believed for more than was asked: a message must match its
//!   question, its id and its source, a server is believed for its own zone only, and every search
//!   is bounded.
//! - A lookup that fails gives a [`LookupFault`], which holds a finding for the record.
//!
//! ```
//! use roundtrip_dns::{Options, Resolver, Authority, Zone, serve};
//! use roundtrip_wire::Wire;
//!
//! /// A name server of our own, asked directly.
//! async fn example<W: Wire>(wire: W) -> Result<(), Box<dyn std::error::Error>> {
//!     let zone = Zone::parse("example.com.", "
//! $TTL 300
//! @    IN SOA ns root 1 7200 900 86400 60
//! www  IN A   192.0.2.80
//! ")?;
//!     let server = serve(&wire, "127.0.0.1:0".parse()?, Authority::new(vec![zone]))?;
//!     let options = Options::server(server.local());
//!     let found = Resolver::new(wire).lookup("www.example.com", options, None).await?;
//!     assert_eq!(found.addresses(), ["192.0.2.80".parse::<std::net::IpAddr>()?]);
//!     Ok(())
//! }
//! ```
#![forbid(unsafe_code)]

mod answer;
mod authority;
mod cache;
mod cache_scope;
mod config;
mod delegation;
mod edns;
mod exchange;
mod expiring;
mod family;
mod gai;
mod gate;
mod host;
mod hosts;
mod in_flight;
mod iterate;
mod ladder;
mod local;
mod lookup;
mod message;
mod minimise;
mod nsswitch;
mod order;
mod records;
mod recursive;
mod resolv;
mod resolver;
mod rung;
mod server;
mod servers;
mod service;
mod shared;
#[cfg(test)]
mod testing;
mod transport;
mod tree;
mod via;
mod walk;
mod zone;

pub use authority::Authority;
pub use exchange::{Acceptance, Action as ExchangeAction, Exchange, NoReply, Transmit};
pub use family::{Families, Family};
pub use gai::AddressPolicy;
pub use hickory_proto as proto;
pub use host::{BadName, Host, Hostname, SpecialUse};
pub use hosts::{Hosts, HostsLine};
pub use lookup::{Arrival, CacheUse, Lookup, LookupFault, LookupMode, Options};
pub use message::{Question, RejectReason};
pub use nsswitch::{Action, BadNsswitch, Nsswitch, Service, Status};
pub use recursive::Recursive;
pub use resolv::{Aaaa, FirstTransport, PORT, Pairing, Policy, Recursion, Resolv, UDP_PAYLOAD};
pub use resolver::{Pending, Resolver};
pub use server::{NameServer, Respond, Response, serve};
pub use service::ServiceRecord;
pub use shared::flush;
pub use tree::Tree;
pub use via::Via;
pub use zone::{BadZone, Zone};
