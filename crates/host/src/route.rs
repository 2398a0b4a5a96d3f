//! The routing table.

use std::net::IpAddr;

use crate::IfIndex;
use crate::address::in_prefix;

/// A route: where packets to a prefix go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The destination prefix; the bits after `prefix_len` are ignored. An unspecified address with
    /// length 0 is the default route of its family.
    pub to: IpAddr,
    /// The length of the prefix, bits.
    pub prefix_len: u8,
    /// The next-hop router; `None` if the prefix is on the link.
    pub via: Option<IpAddr>,
    /// The interface by which packets leave.
    pub interface: IfIndex,
}

/// The next hop of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) interface: IfIndex,
    pub(crate) next_hop: IpAddr,
}

/// The routing table for both families: the longest prefix first, and of equal ones the one that
/// was added first. Hosts have a handful of routes and connections cache theirs, so a list is
/// faster than a trie.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    v4: Vec<Route>,
    v6: Vec<Route>,
}

impl Routes {
    fn family(&mut self, to: IpAddr) -> &mut Vec<Route> {
        if to.is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }

    /// Adds a route, unless the same one is there already.
    pub(crate) fn add(&mut self, route: Route) {
        let table = self.family(route.to);
        if !table.contains(&route) {
            let at = table.partition_point(|other| other.prefix_len >= route.prefix_len);
            table.insert(at, route);
        }
    }

    pub(crate) fn remove(&mut self, route: &Route) {
        self.family(route.to).retain(|other| other != route);
    }

    /// The next hop for packets to `to`.
    pub(crate) fn find(&self, to: IpAddr) -> Option<Hop> {
        let table = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        let route = table.iter().find(|route| in_prefix(to, route.to, route.prefix_len))?;
        Some(Hop { interface: route.interface, next_hop: route.via.unwrap_or(to) })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Route> {
        self.v4.iter().chain(&self.v6).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_then_the_first() {
        let mut routes = Routes::default();
        let mut add = |to: &str, prefix_len, via: Option<&str>, interface| {
            let via = via.map(|via| via.parse().unwrap());
            let interface = IfIndex(interface);
            routes.add(Route { to: to.parse().unwrap(), prefix_len, via, interface });
        };
        add("0.0.0.0", 0, Some("10.0.0.254"), 0);
        add("10.0.0.0", 24, None, 0);
        add("10.0.0.128", 25, None, 1);
        add("0.0.0.0", 0, Some("10.0.1.254"), 1);
        add("::", 0, Some("fe80::1"), 2);
        let find = |to: &str| routes.find(to.parse().unwrap()).unwrap();
        let hop = |interface, next_hop: &str| Hop {
            interface: IfIndex(interface),
            next_hop: next_hop.parse().unwrap(),
        };
        assert_eq!(find("10.0.0.1"), hop(0, "10.0.0.1"));
        assert_eq!(find("10.0.0.200"), hop(1, "10.0.0.200"));
        assert_eq!(find("8.8.8.8"), hop(0, "10.0.0.254"));
        assert_eq!(find("2001:db8::1"), hop(2, "fe80::1"));
        assert_eq!(Routes::default().find("8.8.8.8".parse().unwrap()), None);
    }
}
