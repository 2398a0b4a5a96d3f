//! Fields of the structures that the kernel gives and takes as bytes, in the byte order of this
//! machine, and addresses in the order of the network.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The field of two bytes at an offset; `None` where `bytes` ends before.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// The field of four bytes at an offset; `None` where `bytes` ends before.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The field of eight bytes at an offset; `None` where `bytes` ends before.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// The address whose 4 or 16 bytes these are.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(Into::into),
        16 => <[u8; 16]>::try_from(bytes).ok().map(Into::into),
        _ => None,
    }
}

/// The address and port of a `sockaddr_in` or `sockaddr_in6`.
pub fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be(u16_at(bytes, 2)?);
    match i32::from(u16_at(bytes, 0)?) {
        libc::AF_INET => Some(SocketAddr::new(address(bytes.get(4..8)?)?, port)),
        libc::AF_INET6 => {
            let ip = <[u8; 16]>::try_from(bytes.get(8..24)?).ok()?.into();
            let (flow, scope) = (u32::from_be(u32_at(bytes, 4)?), u32_at(bytes, 24)?);
            Some(SocketAddrV6::new(ip, port, flow, scope).into())
        }
        _ => None,
    }
}

/// The bytes of an address, and the number of its family (`AF_INET`, `AF_INET6`).
pub fn octets(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(v4) => (libc::AF_INET as u8, v4.octets().to_vec()),
        IpAddr::V6(v6) => (libc::AF_INET6 as u8, v6.octets().to_vec()),
    }
}
