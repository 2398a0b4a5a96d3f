//! Router discovery (RFC 4861 §6.3) and addresses made from advertised prefixes (RFC 4862 §5.5).

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use roundtrip_packet::EtherAddr;
use roundtrip_packet::ipv6::MIN_MTU;
use roundtrip_packet::ndp::{Message, NdpOption, Options, Prefix, Router};
use roundtrip_record::Time;

use crate::address::ALL_ROUTERS;
use crate::receive::Arrival;
use crate::{AddressState, Host, IfIndex, Kind, Route};

/// RFC 4861 §10.
const MAX_SOLICITATIONS: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
const MAX_SOLICITATION_DELAY: Duration = Duration::from_secs(1);
/// Default routers of one interface; what more of them advertise is ignored.
const MAX_ROUTERS: usize = 8;
/// `net.ipv6.conf.*.max_addresses`: of addresses that routers make us take.
const MAX_ADDRESSES: usize = 16;
/// All ones: for ever (RFC 4861 §4.6.2).
const FOREVER: u32 = u32::MAX;
/// RFC 4862 §5.5.3 (e): an advertisement cannot shorten what is left below two hours.
const TWO_HOURS: Duration = Duration::from_hours(2);
/// The scope of all link-local addresses.
const LINK_LOCAL: u8 = 64;

#[derive(Clone, Copy, Debug)]
struct Soliciting {
    left: u8,
    next: Time,
}

#[derive(Clone, Copy, Debug)]
struct Made {
    interface: IfIndex,
    preferred_until: Time,
    valid_until: Time,
}

/// What routers have told us, and asking them.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    /// Interfaces that configure themselves; those still asking have something to send.
    interfaces: BTreeMap<IfIndex, Option<Soliciting>>,
    /// Default routers and when they cease to be.
    routers: BTreeMap<(IfIndex, Ipv6Addr), Time>,
    /// Prefixes that are on the link.
    prefixes: BTreeMap<(IfIndex, Ipv6Addr, u8), Time>,
    /// Addresses made from prefixes.
    made: BTreeMap<Ipv6Addr, Made>,
}

impl Discovery {
    #[inline]
    pub(crate) fn next_timeout(&self) -> Option<Time> {
        // Asked after every frame, and most hosts have nothing here.
        let Self { interfaces, routers, prefixes, made } = self;
        if interfaces.is_empty() && routers.is_empty() && prefixes.is_empty() && made.is_empty() {
            return None;
        }
        self.earliest()
    }

    fn earliest(&self) -> Option<Time> {
        let asking = self.interfaces.values().flatten().map(|soliciting| soliciting.next);
        let routers = self.routers.values().copied();
        let prefixes = self.prefixes.values().copied();
        let made = self.made.values().flat_map(|made| [made.preferred_until, made.valid_until]);
        asking.chain(routers).chain(prefixes).chain(made).filter(|at| *at < Time::MAX).min()
    }
}

/// The address that an interface makes of a prefix of 64 bits (RFC 4291 §2.5.1).
fn make_address(prefix: Ipv6Addr, mac: EtherAddr) -> Ipv6Addr {
    let mut octets = prefix.octets();
    octets[8..].copy_from_slice(&mac.interface_identifier());
    Ipv6Addr::from(octets)
}

fn until(now: Time, seconds: u32) -> Time {
    match seconds {
        FOREVER => Time::MAX,
        seconds => now + Duration::from_secs(u64::from(seconds)),
    }
}

impl Host {
    /// Lets an interface configure itself for IPv6: a link-local address, then a router is asked
    /// for, and addresses and default routes follow its advertisements.
    pub fn autoconfigure(&mut self, now: Time, interface: IfIndex) {
        let Some(link) = self.links.get(interface) else { return };
        if link.interface.kind == Kind::Loopback {
            return;
        }
        let prefix = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
        let address = make_address(prefix, link.interface.mac);
        self.discovery.interfaces.insert(interface, None);
        self.acquire_address(now, interface, IpAddr::V6(address), LINK_LOCAL);
    }

    /// A link-local address is ready: routers are asked from it (RFC 4861 §6.3.7).
    pub(crate) fn address_ready(&mut self, now: Time, interface: IfIndex, address: IpAddr) {
        let is_link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if !is_link_local || !self.discovery.interfaces.contains_key(&interface) {
            return;
        }
        let next = now + self.random_within(Duration::ZERO, MAX_SOLICITATION_DELAY);
        let soliciting = Soliciting { left: MAX_SOLICITATIONS, next };
        self.discovery.interfaces.insert(interface, Some(soliciting));
        self.run_discovery(now);
    }

    pub(crate) fn run_discovery(&mut self, now: Time) {
        let due: Vec<IfIndex> = self
            .discovery
            .interfaces
            .iter()
            .filter(|(_, asking)| asking.is_some_and(|asking| asking.next <= now))
            .map(|(interface, _)| *interface)
            .collect();
        for interface in due {
            self.solicit_routers(now, interface);
        }
        self.expire_routers(now);
        self.expire_addresses(now);
    }

    fn solicit_routers(&mut self, now: Time, interface: IfIndex) {
        let Some(place) = self.discovery.interfaces.get_mut(&interface) else { return };
        let Some(Soliciting { left, .. }) = *place else { return };
        let next = now + SOLICITATION_INTERVAL;
        *place = (left > 1).then_some(Soliciting { left: left - 1, next });
        let Some(link) = self.links.get(interface) else { return };
        let option = [NdpOption::SourceLinkLayer(link.interface.mac)];
        let to = IpAddr::V6(ALL_ROUTERS);
        let Some(IpAddr::V6(from)) = self.links.source_for(interface, to, to) else { return };
        let message = Message::RouterSolicitation { options: Options::List(&option) };
        let mac = EtherAddr::of_ipv6_group(ALL_ROUTERS);
        self.send_ndp(interface, mac, (from, ALL_ROUTERS), message, None);
    }

    fn expire_routers(&mut self, now: Time) {
        let gone: Vec<_> =
            self.discovery.routers.iter().filter(|(_, at)| **at <= now).map(|(k, _)| *k).collect();
        for (interface, router) in gone {
            self.discovery.routers.remove(&(interface, router));
            self.remove_route(&default_route(interface, router));
        }
        let gone: Vec<_> =
            self.discovery.prefixes.iter().filter(|(_, at)| **at <= now).map(|(k, _)| *k).collect();
        for (interface, prefix, prefix_len) in gone {
            self.discovery.prefixes.remove(&(interface, prefix, prefix_len));
            let to = IpAddr::V6(prefix);
            self.remove_route(&Route { to, prefix_len, via: None, interface });
        }
    }

    fn expire_addresses(&mut self, now: Time) {
        let changed: Vec<(Ipv6Addr, Made)> = self
            .discovery
            .made
            .iter()
            .filter(|(_, made)| made.preferred_until.min(made.valid_until) <= now)
            .map(|(address, made)| (*address, *made))
            .collect();
        for (address, made) in changed {
            let ip = IpAddr::V6(address);
            if made.valid_until <= now {
                self.discovery.made.remove(&address);
                self.remove_address(ip);
                continue;
            }
            if self.links.is_local(ip) {
                self.links.set_state(ip, AddressState::Deprecated);
            }
            if let Some(made) = self.discovery.made.get_mut(&address) {
                made.preferred_until = Time::MAX;
            }
        }
    }

    /// A router advertised itself (RFC 4861 §6.3.4).
    pub(crate) fn handle_router(
        &mut self,
        now: Time,
        arrival: Arrival,
        from: Ipv6Addr,
        router: &Router,
        options: &Options<'_>,
    ) {
        let interface = arrival.interface;
        let Some(asking) = self.discovery.interfaces.get_mut(&interface) else { return };
        if router.lifetime > 0 {
            *asking = None;
        }
        let key = (interface, from);
        let known = self.discovery.routers.contains_key(&key);
        if router.lifetime == 0 {
            self.discovery.routers.remove(&key);
            self.remove_route(&default_route(interface, from));
        } else if known || self.discovery.routers.len() < MAX_ROUTERS {
            let lifetime = u32::from(router.lifetime);
            self.discovery.routers.insert(key, until(now, lifetime));
            self.add_route(default_route(interface, from));
        }
        let millis = |ms: u32| (ms > 0).then(|| Duration::from_millis(u64::from(ms)));
        let chance = self.rng.next_u32();
        // An hour is the most that a router may advertise (§6.2.1).
        let reachable = millis(router.reachable_time.min(3_600_000));
        let retransmit = millis(router.retransmit_timer);
        self.neighbours.set_times(interface, reachable, retransmit, chance);
        for option in options {
            match option {
                NdpOption::Mtu(mtu) => self.set_mtu(interface, mtu),
                NdpOption::PrefixInformation(prefix) => {
                    self.handle_prefix(now, interface, &prefix);
                }
                _ => {}
            }
        }
    }

    /// The link's MTU, where it is less than the interface's (§6.3.4).
    fn set_mtu(&mut self, interface: IfIndex, mtu: u32) {
        let Some(link) = self.links.get_mut(interface) else { return };
        let most = u32::from(link.interface.mtu);
        if (MIN_MTU as u32..=most).contains(&mtu) {
            link.mtu_v6 = mtu as u16;
            self.version += 1;
        }
    }

    /// A prefix (RFC 4862 §5.5.3).
    fn handle_prefix(&mut self, now: Time, interface: IfIndex, prefix: &Prefix) {
        if prefix.prefix.is_unicast_link_local()
            || prefix.prefix.is_multicast()
            || prefix.preferred_lifetime > prefix.valid_lifetime
            || prefix.length > 128
        {
            return;
        }
        let valid_until = until(now, prefix.valid_lifetime);
        if prefix.on_link && self.discovery.prefixes.len() < MAX_ADDRESSES {
            let (to, prefix_len) = (IpAddr::V6(prefix.prefix), prefix.length);
            let key = (interface, prefix.prefix, prefix_len);
            self.discovery.prefixes.insert(key, valid_until);
            self.add_route(Route { to, prefix_len, via: None, interface });
        }
        if !prefix.autonomous || prefix.length != LINK_LOCAL {
            return;
        }
        let Some(link) = self.links.get(interface) else { return };
        let address = make_address(prefix.prefix, link.interface.mac);
        let preferred_until = until(now, prefix.preferred_lifetime);
        let count = self.discovery.made.len();
        match self.discovery.made.get_mut(&address) {
            Some(made) => {
                let left = made.valid_until.since(now);
                let given = Duration::from_secs(u64::from(prefix.valid_lifetime));
                made.preferred_until = preferred_until;
                if given > TWO_HOURS || given > left {
                    made.valid_until = valid_until;
                } else if left > TWO_HOURS {
                    made.valid_until = now + TWO_HOURS;
                }
                let ip = IpAddr::V6(address);
                if self.links.is_local(ip) && preferred_until > now {
                    self.links.set_state(ip, AddressState::Preferred);
                }
            }
            None if prefix.valid_lifetime > 0 && count < MAX_ADDRESSES => {
                let made = Made { interface, preferred_until, valid_until };
                self.discovery.made.insert(address, made);
                // Whether the prefix is on the link is told by its own flag alone: the address
                // brings no route (RFC 5942 §4).
                self.acquire_address(now, made.interface, IpAddr::V6(address), 128);
            }
            None => {}
        }
    }
}

fn default_route(interface: IfIndex, router: Ipv6Addr) -> Route {
    let to = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    Route { to, prefix_len: 0, via: Some(IpAddr::V6(router)), interface }
}
