//! The interfaces, addresses and routes of a host.

use std::net::IpAddr;

use crate::address::Links;
use crate::route::{Hop, Routes};
use crate::{Address, AddressState, IfIndex, Interface, Kind, Route};

/// The interfaces, addresses and routes of a host. They change only here, so that whoever caches a
/// route can tell that it is outdated ([`Network::version`]).
#[derive(Debug, Default)]
pub(crate) struct Network {
    links: Links,
    routes: Routes,
    version: u32,
}

impl Network {
    /// The interfaces, with their addresses.
    #[inline]
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// A number that rises whenever a cached route may be outdated.
    #[inline]
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    pub(crate) fn add_interface(&mut self, interface: Interface) -> IfIndex {
        self.links.add(interface)
    }

    /// Adds an address and the route to its prefix; nothing if there is no such interface.
    pub(crate) fn add_address(&mut self, address: Address) {
        let Address { address: to, prefix_len, interface, .. } = address;
        if !self.links.assign(address) {
            return;
        }
        self.version += 1;
        let is_loopback =
            self.links.get(interface).is_some_and(|link| link.interface.kind == Kind::Loopback);
        if !is_loopback {
            self.routes.add(Route { to, prefix_len, via: None, interface });
        }
    }

    /// Removes an address and the route to its prefix.
    pub(crate) fn remove_address(&mut self, address: IpAddr) {
        if let Some(Address { prefix_len, interface, .. }) = self.links.address(address).copied() {
            self.links.unassign(address);
            self.routes.remove(&Route { to: address, prefix_len, via: None, interface });
            self.version += 1;
        }
    }

    /// Marks an address as a duplicate, so that it is no longer used.
    pub(crate) fn give_up_address(&mut self, address: IpAddr) {
        self.links.set_state(address, AddressState::Duplicate);
        self.version += 1;
    }

    pub(crate) fn add_route(&mut self, route: Route) {
        self.routes.add(route);
        self.version += 1;
    }

    pub(crate) fn remove_route(&mut self, route: &Route) {
        self.routes.remove(route);
        self.version += 1;
    }

    /// The next hop for packets to `to`. Multicast, broadcast and link-local destinations do not
    /// say on which link they are: there the interface of `from` is taken, or else the first
    /// Ethernet one.
    pub(crate) fn route(&self, from: Option<IpAddr>, to: IpAddr) -> Option<Hop> {
        if self.links.is_local(to) {
            return self.links.loopback().map(|interface| Hop { interface, next_hop: to });
        }
        let on_link = match to {
            IpAddr::V4(v4) => v4.is_broadcast() || v4.is_multicast(),
            IpAddr::V6(v6) => v6.is_multicast() || v6.is_unicast_link_local(),
        };
        if on_link {
            let of = |ip: IpAddr| self.links.address(ip).map(|address| address.interface);
            let interface = from.and_then(of).or_else(|| self.links.first_ethernet())?;
            return Some(Hop { interface, next_hop: to });
        }
        self.routes.find(to)
    }
}
