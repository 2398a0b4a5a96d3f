//! Addresses of clients.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one client: an address of IPv4, a network of 64 bits of IPv6, all of which one host may have
/// (RFC 6177).
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from(u128::from(six) >> 64 << 64).into(),
        four @ IpAddr::V4(_) => four,
    }
}
