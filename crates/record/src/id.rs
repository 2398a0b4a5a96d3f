//! Ids of the things a record speaks of: events, hosts, interfaces, links, lookups, connections,
//! exchanges, bodies.

use core::fmt;
use core::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// The id of an event: its place in the record, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub NonZeroU64);

impl EventId {
    /// The id with this number; `None` for 0.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// The event's number, from 1.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($of:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $of);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// The id of a host: the machine itself on the live wire, one of several hosts in the lab. A
    /// [`HostDeclared`](crate::HostDeclared) event introduces it.
    HostId(u16);
    /// The id of a network interface, which is also its number in `trace.pcapng`.
    InterfaceId(u32);
    /// The id of one direction of a link between two interfaces of the lab.
    LinkId(u16);
    /// The id of one lookup: one walk down the ladder of name sources.
    LookupId(u32);
    /// The id of one end of a connection, TCP or QUIC. The other end has an id of its own where we
    /// run it too.
    ConnectionId(u64);
    /// The id of one HTTP request with all its responses, from queued to the last byte.
    ExchangeId(u32);
}

/// A reference to bytes that are kept beside the record, in the file `bodies/<sha256>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BodyRef {
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Length of the bytes.
    pub length: u64,
}
