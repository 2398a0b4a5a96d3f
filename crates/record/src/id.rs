//! Names for things in a record.

use core::fmt;
use core::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// What happened, by its place in the record: 1, 2, 3 …
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

    /// Its number, from 1.
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
    /// A host: the machine itself on the live wire, any of several in the lab. Declared by a
    /// [`HostDeclared`](crate::HostDeclared) event.
    HostId(u16);
    /// A network interface, numbered as in `trace.pcapng`.
    InterfaceId(u32);
    /// A link between two interfaces of the lab.
    LinkId(u16);
    /// One walk down the ladder of name sources.
    LookupId(u32);
    /// One end of a TCP connection; the other end, where we run it too, has an id of its own.
    ConnectionId(u64);
    /// One HTTP request with all its responses, from queued to the last byte.
    ExchangeId(u32);
}

/// Bytes kept beside the record: `bodies/<sha256>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BodyRef {
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// How many bytes there were.
    pub length: u64,
}
