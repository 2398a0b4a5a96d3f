//! `Virtual`: the network of a lab.

use roundtrip_lab::{Caches, Net};

/// The network of a lab, and where its chance comes from.
#[derive(Clone, Debug)]
pub struct Virtual {
    /// The access network.
    pub net: Net,
    /// The seed.
    pub seed: u64,
    /// The calendar date of the epoch, seconds since 1970.
    pub date: u64,
    /// What the client has in its caches when it begins: nothing, or what an errand before left
    /// ([`Ground::warmed`](crate::ground::Ground::warmed)).
    pub caches: Caches,
}
