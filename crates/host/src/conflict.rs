//! Address conflicts (RFC 5227, RFC 4862 §5.4): probing for them, giving a duplicate address up,
//! and defending an address of ours.

use std::net::{IpAddr, Ipv4Addr};

use roundtrip_packet::EtherAddr;
use roundtrip_packet::arp::Packet;
use roundtrip_record::{EventId, Time};
use roundtrip_tcp::Step;

use crate::{Address, Event, Host, IfIndex};

impl Host {
    /// Probes once whether another host on the link uses an address of ours; the address stays in
    /// use meanwhile (as in RFC 4429 for IPv6). If an answer comes within a second, the address
    /// becomes [`AddressState::Duplicate`](crate::AddressState::Duplicate) and
    /// [`Event::AddressConflict`] reports it.
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

    /// Sends an ARP probe: a request for `target` with an unspecified sender address (RFC 5227
    /// §2.1.1).
    fn send_address_probe(&mut self, interface: IfIndex, target: Ipv4Addr) {
        let Some(link) = self.network.links().get(interface) else { return };
        let probe = Packet::request((link.interface.mac, Ipv4Addr::UNSPECIFIED), target);
        self.send_arp(interface, &probe, EtherAddr::BROADCAST, None);
    }

    /// Sends an ARP announcement of an address of ours (RFC 5227 §2.3).
    fn announce(&mut self, interface: IfIndex, address: Ipv4Addr, cause: Option<EventId>) {
        let Some(link) = self.network.links().get(interface) else { return };
        let announcement = Packet::request((link.interface.mac, address), address);
        self.send_arp(interface, &announcement, EtherAddr::BROADCAST, cause);
    }

    /// Gives up an address that is being checked, because another host has it; nothing if no check
    /// is under way.
    pub(crate) fn lose_address(&mut self, address: IpAddr) {
        if let Some(interface) = self.detections.end(address) {
            self.network.give_up_address(address);
            self.events.push_back(Event::AddressConflict(interface, address));
        }
    }

    /// Gives up the address of an ARP packet's sender if it is being checked: any packet from it is
    /// a conflict (RFC 5227 §2.1.1).
    pub(crate) fn watch_arp(&mut self, packet: &Packet) {
        let sender = IpAddr::V4(packet.sender_protocol);
        if self.detections.is_asked_for(sender) {
            self.lose_address(sender);
        }
    }

    /// Defends an address of ours from which another host sends: announces it once, and reports a
    /// conflict if the other host goes on (RFC 5227 §2.4 (c), for hosts whose address is
    /// configured).
    pub(crate) fn defend(&mut self, step: Step, interface: IfIndex, address: Ipv4Addr) {
        if self.detections.may_defend(step.now, address) {
            self.announce(interface, address, step.cause);
        } else {
            self.events.push_back(Event::AddressConflict(interface, IpAddr::V4(address)));
        }
    }
}
