//! The neighbour table.

use std::net::IpAddr;

use roundtrip_packet::EtherAddr;
use roundtrip_record::NeighbourState;

use crate::IfIndex;

/// An entry of the neighbour table, as `ip neighbour` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Where it is.
    pub interface: IfIndex,
    /// Its IP address.
    pub address: IpAddr,
    /// Its hardware address, once known.
    pub mac: Option<EtherAddr>,
    /// What is known of it.
    pub state: NeighbourState,
}
