//! Addresses that somebody else on the link has too: asking for them, giving them up, defending them
//! (RFC 5227, RFC 4862 §5.4).

use std::net::{IpAddr, Ipv4Addr};

use roundtrip_packet::EtherAddr;
use roundtrip_packet::arp::Packet;
use roundtrip_record::{EventId, Time};
use roundtrip_tcp::Step;

use crate::{Address, Event, Host, IfIndex};

impl Host {
    /// Asks the link once whether somebody else has an address of ours, which is in use meanwhile
    /// (as RFC 4429 has it for IPv6). If somebody answers within a second the address is
    /// [`AddressState::Duplicate`](crate::AddressState::Duplicate) and [`Event::AddressConflict`] says so.
    pub fn check_address(&mut self, now: Time, address: IpAddr) {
        let Some(Address { interface, .. }) = self.network.links().address(address).copied() else {
            return;
        };
        let mut nonce = [0; 6];
        self.rng.fill(&mut nonce);
        match address {
            IpAddr::V4(target) => self.send_address_probe(interface, target),
            IpAddr::V6(target) => self.send_duplicate_probe(interface, target, nonce),
        }
        self.detections.begin(now, interface, address, nonce);
    }

    /// Asks who has an address, from no address (RFC 5227 §2.1.1).
    fn send_address_probe(&mut self, interface: IfIndex, target: Ipv4Addr) {
        let Some(link) = self.network.links().get(interface) else { return };
        let probe = Packet::request((link.interface.mac, Ipv4Addr::UNSPECIFIED), target);
        self.send_arp(interface, &probe, EtherAddr::BROADCAST, None);
    }

    /// Tells the link that an address is ours (RFC 5227 §2.3).
    fn announce(&mut self, interface: IfIndex, address: Ipv4Addr, cause: Option<EventId>) {
        let Some(link) = self.network.links().get(interface) else { return };
        let announcement = Packet::request((link.interface.mac, address), address);
        self.send_arp(interface, &announcement, EtherAddr::BROADCAST, cause);
    }

    /// Somebody else has an address that is being checked: it is given up.
    pub(crate) fn lose_address(&mut self, address: IpAddr) {
        if let Some(interface) = self.detections.end(address) {
            self.network.give_up_address(address);
            self.events.push_back(Event::AddressConflict(interface, address));
        }
    }

    /// While an address is checked, any ARP packet sent from it is a conflict (RFC 5227 §2.1.1).
    pub(crate) fn watch_arp(&mut self, packet: &Packet) {
        let sender = IpAddr::V4(packet.sender_protocol);
        if self.detections.is_asked_for(sender) {
            self.lose_address(sender);
        }
    }

    /// Somebody sends from an address that is ours: it is defended once, and reported if that
    /// does not help (RFC 5227 §2.4 (c), for hosts whose address is given).
    pub(crate) fn defend(&mut self, step: Step, interface: IfIndex, address: Ipv4Addr) {
        if self.detections.may_defend(step.now, address) {
            self.announce(interface, address, step.cause);
        } else {
            self.events.push_back(Event::AddressConflict(interface, IpAddr::V4(address)));
        }
    }
}
