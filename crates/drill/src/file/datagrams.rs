//! UDP sockets of the script's program.

use std::net::SocketAddr;

use roundtrip_host::UdpId;

/// A UDP socket of the script's program.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    pub(crate) bound: Option<UdpId>,
    pub(crate) remote: Option<SocketAddr>,
}
