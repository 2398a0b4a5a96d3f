//! The interfaces of a host with their addresses, and the choice of source addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use roundtrip_packet::ipv6::{MIN_MTU, solicited_node};

use crate::{Address, AddressState, IfIndex, Interface, Kind};

/// The all-routers multicast group of a link (RFC 4291 §2.7.1).
pub(crate) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// The all-nodes multicast group of a link (RFC 4291 §2.7.1).
pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The smallest MTU an interface may have, bytes: every host must be able to receive a datagram of
/// 576 bytes (RFC 791 §3.1).
const LEAST_MTU: u16 = 576;

/// An interface of the host, with its addresses.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) interface: Interface,
    /// The interface's addresses, in the order in which they were added.
    addresses: Vec<IpAddr>,
}

impl Link {
    pub(crate) fn mtu(&self, to: IpAddr) -> u16 {
        let mtu = self.interface.mtu;
        if to.is_ipv4() { mtu } else { mtu.max(MIN_MTU as u16) }
    }
}

/// Whether a packet's destination address belongs to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cast {
    /// The destination is one of our unicast addresses.
    Unicast,
    /// The destination is a broadcast address, or a multicast group that we are in.
    Group,
    /// The destination belongs to somebody else.
    Other,
}

/// The interfaces of a host, and all their addresses.
#[derive(Debug, Default)]
pub(crate) struct Links {
    all: Vec<Link>,
    addresses: BTreeMap<IpAddr, Address>,
    loopback: Option<IfIndex>,
}

/// Whether the first `length` bits of `ip` and `prefix` are the same.
pub(crate) fn in_prefix(ip: IpAddr, prefix: IpAddr, length: u8) -> bool {
    common_bits(ip, prefix).is_some_and(|bits| bits >= u32::from(length))
}

/// The number of leading bits that two addresses have in common; `None` for different families.
fn common_bits(a: IpAddr, b: IpAddr) -> Option<u32> {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        (IpAddr::V6(a), IpAddr::V6(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        _ => None,
    }
}

/// The scope of an address, as a number to compare: 2 for link-local, 14 for global (RFC 6724
/// §3.1).
fn scope(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V6(ip) if ip.is_multicast() => ip.octets()[1] & 0xf,
        IpAddr::V6(ip) if ip.is_unicast_link_local() || ip.is_loopback() => 2,
        IpAddr::V4(ip) if ip.is_link_local() || ip.is_loopback() => 2,
        _ => 14,
    }
}

impl Links {
    pub(crate) fn add(&mut self, mut interface: Interface) -> IfIndex {
        let index = IfIndex(self.all.len() as u32);
        interface.mtu = interface.mtu.max(LEAST_MTU);
        if interface.kind == Kind::Loopback && self.loopback.is_none() {
            self.loopback = Some(index);
        }
        self.all.push(Link { interface, addresses: Vec::new() });
        index
    }

    #[inline]
    pub(crate) fn get(&self, index: IfIndex) -> Option<&Link> {
        self.all.get(index.at())
    }

    pub(crate) const fn loopback(&self) -> Option<IfIndex> {
        self.loopback
    }

    /// The first Ethernet interface, from which multicast packets leave when nothing names another.
    pub(crate) fn first_ethernet(&self) -> Option<IfIndex> {
        let ethernet = |link: &Link| link.interface.kind == Kind::Ethernet;
        self.all.iter().position(ethernet).map(|at| IfIndex(at as u32))
    }

    /// Adds an address, or replaces its prefix and state; false if there is no such interface.
    pub(crate) fn assign(&mut self, address: Address) -> bool {
        let Some(link) = self.all.get_mut(address.interface.at()) else { return false };
        if !link.addresses.contains(&address.address) {
            link.addresses.push(address.address);
        }
        self.addresses.insert(address.address, address);
        true
    }

    pub(crate) fn unassign(&mut self, ip: IpAddr) {
        if let Some(address) = self.addresses.remove(&ip)
            && let Some(link) = self.all.get_mut(address.interface.at())
        {
            link.addresses.retain(|other| *other != ip);
        }
    }

    pub(crate) fn set_state(&mut self, ip: IpAddr, state: AddressState) {
        if let Some(address) = self.addresses.get_mut(&ip) {
            address.state = state;
        }
    }

    /// The entry of an address of this host, whatever its state.
    pub(crate) fn address(&self, ip: IpAddr) -> Option<&Address> {
        self.addresses.get(&ip)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.all.iter().flat_map(|link| &link.addresses).filter_map(|ip| self.address(*ip)).copied()
    }

    /// Whether packets to `ip` are for this host. All of 127/8 is (RFC 1122 §3.2.1.3 (g)).
    #[inline]
    pub(crate) fn is_local(&self, ip: IpAddr) -> bool {
        match self.addresses.get(&ip) {
            Some(address) => address.state == AddressState::Preferred,
            None => matches!(ip, IpAddr::V4(v4) if v4.is_loopback() && self.loopback.is_some()),
        }
    }

    /// Whether the destination of a packet that came in on `interface` belongs to this host.
    pub(crate) fn cast(&self, ip: IpAddr, interface: IfIndex) -> Cast {
        if self.is_local(ip) {
            return Cast::Unicast;
        }
        let group = match ip {
            IpAddr::V4(v4) => {
                v4.is_broadcast()
                    || v4 == Ipv4Addr::new(224, 0, 0, 1)
                    || self.is_subnet_broadcast(v4, interface)
            }
            IpAddr::V6(v6) => v6 == ALL_NODES || v6 == ALL_ROUTERS || self.is_solicited_node(v6),
        };
        if group { Cast::Group } else { Cast::Other }
    }

    /// Whether `ip` is the broadcast address of a subnet of the interface (RFC 919).
    pub(crate) fn is_subnet_broadcast(&self, ip: Ipv4Addr, interface: IfIndex) -> bool {
        let Some(link) = self.get(interface) else { return false };
        link.addresses.iter().filter_map(|own| self.addresses.get(own)).any(|own| {
            let IpAddr::V4(v4) = own.address else { return false };
            let host = u32::MAX.checked_shr(u32::from(own.prefix_len)).unwrap_or(0);
            own.prefix_len < 31 && ip.to_bits() == v4.to_bits() | host
        })
    }

    /// Whether `group` is the solicited-node group of an address of ours (RFC 4291 §2.7.1).
    fn is_solicited_node(&self, group: Ipv6Addr) -> bool {
        group.segments()[..6] == [0xff02, 0, 0, 0, 0, 1]
            && self.addresses.keys().any(|own| match own {
                IpAddr::V6(own) => solicited_node(*own) == group,
                IpAddr::V4(_) => false,
            })
    }

    /// The source address for packets to `to` that leave `interface` by way of `next_hop` (RFC 6724
    /// §5 for IPv6; for IPv4 as Linux does it: the address whose subnet holds the next hop,
    /// otherwise the first).
    pub(crate) fn source_for(
        &self,
        interface: IfIndex,
        next_hop: IpAddr,
        to: IpAddr,
    ) -> Option<IpAddr> {
        if self.is_local(to) {
            return Some(to);
        }
        let usable = |own: &&Address| {
            own.address.is_ipv4() == to.is_ipv4() && own.state == AddressState::Preferred
        };
        let link = self.get(interface)?;
        let here = link.addresses.iter().filter_map(|own| self.addresses.get(own)).filter(usable);
        let rank = |own: &&Address| Self::rank(own, next_hop, to);
        // `max_by_key` takes the last of equal candidates; the first one added is wanted.
        let best = here.rev().max_by_key(rank);
        best.or_else(|| {
            let elsewhere = self.addresses.values().filter(usable);
            elsewhere.filter(|own| scope(own.address) > 2).max_by_key(rank)
        })
        .map(|own| own.address)
    }

    fn rank(own: &Address, next_hop: IpAddr, to: IpAddr) -> (i16, u32) {
        if own.address.is_ipv4() {
            let subnet = in_prefix(next_hop, own.address, own.prefix_len);
            return (i16::from(subnet), 0);
        }
        // Rule 2: prefer the smallest scope that reaches the destination, or else the largest.
        let (own_scope, wanted) = (i16::from(scope(own.address)), i16::from(scope(to)));
        let fit = if own_scope >= wanted { 100 - own_scope } else { own_scope };
        let bits = common_bits(own.address, to).unwrap_or(0).min(u32::from(own.prefix_len));
        // Rule 8: prefer the longest prefix in common.
        (fit, bits)
    }
}

#[cfg(test)]
mod tests {
    use roundtrip_packet::EtherAddr;
    use roundtrip_record::InterfaceId;

    use super::*;

    fn links(addresses: &[(&str, u8)]) -> Links {
        let mut links = Links::default();
        let interface = links.add(Interface::ethernet(InterfaceId(0), "eth0", EtherAddr([2; 6])));
        links.add(Interface::loopback(InterfaceId(1)));
        for (address, prefix_len) in addresses {
            let state = AddressState::Preferred;
            let address = address.parse().unwrap();
            links.assign(Address { address, prefix_len: *prefix_len, interface, state });
        }
        links
    }

    fn source(links: &Links, next_hop: &str, to: &str) -> String {
        let (next_hop, to) = (next_hop.parse().unwrap(), to.parse().unwrap());
        links.source_for(IfIndex(0), next_hop, to).unwrap().to_string()
    }

    #[test]
    fn ipv4_sends_from_the_subnet_of_the_next_hop() {
        let links = links(&[("10.0.0.9", 24), ("10.0.0.1", 24), ("192.168.0.1", 24)]);
        assert_eq!(source(&links, "192.168.0.254", "8.8.8.8"), "192.168.0.1");
        assert_eq!(source(&links, "10.0.0.254", "8.8.8.8"), "10.0.0.9", "the first of equals");
        assert_eq!(source(&links, "172.16.0.1", "8.8.8.8"), "10.0.0.9");
    }

    /// The examples of RFC 6724 §10.1 for the rules that are implemented.
    #[test]
    fn ipv6_sends_from_the_right_scope_and_the_longest_prefix() {
        let both = links(&[("fe80::1", 64), ("2001:db8:1::1", 64), ("2001:db8:2::1", 64)]);
        assert_eq!(source(&both, "fe80::9", "2001:db8:2::9"), "2001:db8:2::1");
        assert_eq!(source(&both, "fe80::9", "fe80::9"), "fe80::1");
        assert_eq!(source(&both, "ff02::1", "ff02::1"), "fe80::1");
        let mut disputed = both;
        disputed.set_state("2001:db8:2::1".parse().unwrap(), AddressState::Duplicate);
        assert_eq!(source(&disputed, "fe80::9", "2001:db8:2::9"), "2001:db8:1::1");
    }

    #[test]
    fn what_is_ours() {
        let mut links = links(&[("10.0.0.1", 24), ("2001:db8::ff:1234", 64)]);
        let cast = |links: &Links, ip: &str| links.cast(ip.parse().unwrap(), IfIndex(0));
        assert_eq!(cast(&links, "10.0.0.1"), Cast::Unicast);
        assert_eq!(cast(&links, "10.0.0.255"), Cast::Group);
        assert_eq!(cast(&links, "255.255.255.255"), Cast::Group);
        assert_eq!(cast(&links, "10.0.0.2"), Cast::Other);
        assert_eq!(cast(&links, "127.0.0.53"), Cast::Unicast);
        assert_eq!(cast(&links, "ff02::1:ffff:1234"), Cast::Group);
        assert_eq!(cast(&links, "ff02::1:ff00:1"), Cast::Other);
        links.set_state("10.0.0.1".parse().unwrap(), AddressState::Duplicate);
        assert_eq!(cast(&links, "10.0.0.1"), Cast::Other);
    }
}
