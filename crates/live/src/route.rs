//! Which way the kernel would send a packet (`ip route get`).

use std::io;
use std::net::IpAddr;

use roundtrip_os::layout::{address, octets, u32_at};

use crate::netlink::{Netlink, attributes, push_attribute};

const RTM_GETROUTE: u16 = 26;
/// `struct rtmsg`.
const RTMSG: usize = 12;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
const RTN_LOCAL: u8 = 2;

/// The kernel's choice for a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The interface's index.
    pub(crate) interface: u32,
    /// Its name.
    pub(crate) name: String,
    /// Whose hardware address is needed: the gateway, or the destination itself.
    pub(crate) next_hop: IpAddr,
    /// The address it will send from.
    pub(crate) source: Option<IpAddr>,
    /// The destination is this machine: there is no next hop to find.
    pub(crate) local: bool,
}

/// Asks for the route to `destination`.
pub(crate) fn route_to(destination: IpAddr) -> io::Result<Route> {
    let socket = Netlink::open(None, 0)?;
    let (family, bytes) = octets(destination);
    let mut body = vec![0; RTMSG];
    body[0] = family;
    body[1] = (bytes.len() * 8) as u8;
    push_attribute(&mut body, RTA_DST, &bytes);
    let answers = socket.ask(RTM_GETROUTE, 0, &body)?;
    let answer = answers.first().ok_or(io::ErrorKind::NotFound)?;
    let mut route = Route {
        interface: 0,
        name: String::new(),
        next_hop: destination,
        source: None,
        local: answer.body.get(7) == Some(&RTN_LOCAL),
    };
    for (kind, value) in attributes(&answer.body, RTMSG) {
        match kind {
            RTA_OIF => route.interface = u32_at(value, 0).unwrap_or(0),
            RTA_GATEWAY => route.next_hop = address(value).unwrap_or(destination),
            RTA_PREFSRC => route.source = address(value),
            _ => {}
        }
    }
    route.name = interface_name(route.interface);
    Ok(route)
}

/// The name of an interface; its number where it has gone.
pub(crate) fn interface_name(index: u32) -> String {
    let probe = || -> io::Result<String> {
        let socket = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::DGRAM,
            None,
        )?;
        Ok(rustix::net::netdevice::index_to_name(&socket, index)?)
    };
    probe().unwrap_or_else(|_| format!("if{index}"))
}
