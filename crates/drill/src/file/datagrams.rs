//! UDP sockets as a program has them.

use std::net::SocketAddr;

use roundtrip_host::UdpId;

/// A UDP socket as a program has it.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    pub(crate) bound: Option<UdpId>,
    pub(crate) remote: Option<SocketAddr>,
}
