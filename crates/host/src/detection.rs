//! Whether somebody on the link has an address already: probes and announcements of RFC 5227 for
//! IPv4, duplicate address detection of RFC 4862 §5.4 for IPv6.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use roundtrip_packet::arp::Packet;
use roundtrip_packet::{EtherAddr, arp};
use roundtrip_record::{EventId, Time};

use crate::{Address, AddressState, Event, Host, IfIndex};

/// RFC 5227 §1.1, and for IPv6 `MAX_RTR_SOLICITATION_DELAY` (RFC 4861 §10): the first probe waits
/// up to this long.
const WAIT: Duration = Duration::from_secs(1);
const PROBE_MIN: Duration = Duration::from_secs(1);
const PROBE_MAX: Duration = Duration::from_secs(2);
const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
const PROBES_V4: u8 = 3;
const ANNOUNCEMENTS: u8 = 2;
/// How long a conflict may take to show for an address that is in use at once.
const CHECK: Duration = Duration::from_secs(1);
/// `DupAddrDetectTransmits` (RFC 4862 §5.1).
const PROBES_V6: u8 = 1;
/// `RetransTimer` (RFC 4861 §10).
const RETRANSMIT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many probes are to be sent yet; the address is tentative.
    Probing(u8),
    /// So many announcements are to be sent yet; the address is in use.
    Announcing(u8),
    /// The address is in use while the answer to a probe may still come.
    Checking,
}

#[derive(Clone, Copy, Debug)]
struct Detection {
    interface: IfIndex,
    stage: Stage,
    next: Time,
    /// Tells our own solicitation, come back to us, from another host's (RFC 7527).
    nonce: [u8; 6],
}

/// Addresses that are being acquired or were announced lately.
#[derive(Debug, Default)]
pub(crate) struct Detections {
    running: BTreeMap<IpAddr, Detection>,
    /// When addresses were last defended.
    defended: BTreeMap<Ipv4Addr, Time>,
}

impl Detections {
    pub(crate) fn next_timeout(&self) -> Option<Time> {
        // Asked after every frame, and most hosts have nothing here.
        if self.running.is_empty() {
            return None;
        }
        self.running.values().map(|detection| detection.next).min()
    }

    fn is_probing(&self, address: IpAddr) -> bool {
        self.running.get(&address).is_some_and(|d| matches!(d.stage, Stage::Probing(_)))
    }

    /// Whether an answer to a probe for this address may come.
    pub(crate) fn is_asked_for(&self, address: IpAddr) -> bool {
        let checking = |d: &Detection| d.stage == Stage::Checking;
        self.is_probing(address) || self.running.get(&address).is_some_and(checking)
    }
}

impl Host {
    /// Adds an address after asking the link whether somebody has it. Until
    /// [`Event::AddressReady`] it is tentative; [`Event::AddressConflict`] ends the attempt.
    pub fn acquire_address(
        &mut self,
        now: Time,
        interface: IfIndex,
        address: IpAddr,
        prefix_len: u8,
    ) {
        let state = AddressState::Tentative;
        self.assign(Address { address, prefix_len, interface, state });
        if self.links.address(address).is_none() {
            return;
        }
        let probes = if address.is_ipv4() { PROBES_V4 } else { PROBES_V6 };
        let next = now + self.random_within(Duration::ZERO, WAIT);
        let mut nonce = [0; 6];
        self.rng.fill(&mut nonce);
        let detection = Detection { interface, stage: Stage::Probing(probes), next, nonce };
        self.detections.running.insert(address, detection);
        self.run_detections(now);
    }

    /// Asks the link once whether somebody else has an address of ours, which is in use meanwhile
    /// (as RFC 4429 has it for IPv6). If somebody answers within a second the address is
    /// [`AddressState::Duplicate`] and [`Event::AddressConflict`] says so.
    pub fn check_address(&mut self, now: Time, address: IpAddr) {
        let Some(Address { interface, .. }) = self.links.address(address).copied() else { return };
        let mut nonce = [0; 6];
        self.rng.fill(&mut nonce);
        match address {
            IpAddr::V4(target) => self.send_address_probe(interface, target),
            IpAddr::V6(target) => self.send_duplicate_probe(interface, target, nonce),
        }
        let detection = Detection { interface, stage: Stage::Checking, next: now + CHECK, nonce };
        self.detections.running.insert(address, detection);
    }

    /// RFC 5227 §2.1.1.
    fn send_address_probe(&mut self, interface: IfIndex, target: Ipv4Addr) {
        let Some(link) = self.links.get(interface) else { return };
        let probe = Packet::request((link.interface.mac, Ipv4Addr::UNSPECIFIED), target);
        self.send_arp(interface, &probe, EtherAddr::BROADCAST, None);
    }

    pub(crate) fn random_within(&mut self, least: Duration, most: Duration) -> Duration {
        let spread = most.saturating_sub(least).as_micros() as u32;
        least + Duration::from_micros(u64::from(self.rng.below(spread)))
    }

    pub(crate) fn run_detections(&mut self, now: Time) {
        while let Some((address, detection)) =
            self.detections.running.iter().find(|(_, d)| d.next <= now).map(|(a, d)| (*a, *d))
        {
            self.detections.running.remove(&address);
            if let Some(next) = self.advance(now, address, detection) {
                self.detections.running.insert(address, next);
            }
        }
    }

    fn advance(&mut self, now: Time, address: IpAddr, detection: Detection) -> Option<Detection> {
        let Detection { interface, stage, nonce, .. } = detection;
        match (stage, address) {
            (Stage::Probing(0), _) => {
                self.links.set_state(address, AddressState::Preferred);
                self.version += 1;
                self.events.push_back(Event::AddressReady(interface, address));
                self.address_ready(now, interface, address);
                let stage = Stage::Announcing(ANNOUNCEMENTS);
                address.is_ipv4().then_some(Detection { stage, next: now, ..detection })
            }
            (Stage::Probing(left), IpAddr::V4(target)) => {
                self.send_address_probe(interface, target);
                let wait = match left {
                    1 => ANNOUNCE_WAIT,
                    _ => self.random_within(PROBE_MIN, PROBE_MAX),
                };
                let stage = Stage::Probing(left - 1);
                Some(Detection { stage, next: now + wait, ..detection })
            }
            (Stage::Probing(left), IpAddr::V6(target)) => {
                self.send_duplicate_probe(interface, target, nonce);
                let stage = Stage::Probing(left - 1);
                Some(Detection { stage, next: now + RETRANSMIT, ..detection })
            }
            (Stage::Announcing(left), IpAddr::V4(target)) if left > 0 => {
                self.announce(interface, target, None);
                let stage = Stage::Announcing(left - 1);
                (left > 1).then_some(Detection {
                    stage,
                    next: now + ANNOUNCE_INTERVAL,
                    ..detection
                })
            }
            (Stage::Announcing(_) | Stage::Checking, _) => None,
        }
    }

    /// Tells the link that an address is ours (RFC 5227 §2.3).
    fn announce(&mut self, interface: IfIndex, address: Ipv4Addr, cause: Option<EventId>) {
        let Some(link) = self.links.get(interface) else { return };
        let announcement = Packet::request((link.interface.mac, address), address);
        self.send_arp(interface, &announcement, EtherAddr::BROADCAST, cause);
    }

    /// Somebody else has an address that is being acquired.
    pub(crate) fn lose_address(&mut self, address: IpAddr) {
        if let Some(detection) = self.detections.running.remove(&address) {
            self.links.set_state(address, AddressState::Duplicate);
            self.version += 1;
            self.events.push_back(Event::AddressConflict(detection.interface, address));
        }
    }

    /// RFC 5227 §2.1.1: while an address is probed, any packet sent from it is a conflict, and so
    /// is another host's probe for it.
    pub(crate) fn watch_arp(&mut self, packet: &Packet) {
        let sender = IpAddr::V4(packet.sender_protocol);
        let target = IpAddr::V4(packet.target_protocol);
        if self.detections.is_asked_for(sender) {
            self.lose_address(sender);
        } else if packet.is_probe()
            && packet.operation == arp::Operation::Request
            && self.detections.is_probing(target)
        {
            self.lose_address(target);
        }
    }

    /// Somebody sends from an address that is ours: it is defended once, and reported if that
    /// does not help (RFC 5227 §2.4 (c), for hosts whose address is given).
    pub(crate) fn defend(
        &mut self,
        now: Time,
        interface: IfIndex,
        address: Ipv4Addr,
        cause: Option<EventId>,
    ) {
        let last = self.detections.defended.get(&address).copied();
        if last.is_some_and(|last| now.since(last) < DEFEND_INTERVAL) {
            self.events.push_back(Event::AddressConflict(interface, IpAddr::V4(address)));
            return;
        }
        self.detections.defended.insert(address, now);
        self.announce(interface, address, cause);
    }

    /// A solicitation without a source address asks for a tentative address: somebody else wants
    /// it, unless the nonce says that it is our own (RFC 4862 §5.4.3, RFC 7527 §4.2).
    pub(crate) fn is_own_probe(&self, target: Ipv6Addr, nonce: Option<[u8; 6]>) -> bool {
        let detection = self.detections.running.get(&IpAddr::V6(target));
        detection.is_some_and(|detection| nonce == Some(detection.nonce))
    }
}
