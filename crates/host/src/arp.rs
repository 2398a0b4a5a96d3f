//! Address resolution for IPv4 (RFC 826), and the defence of our own addresses (RFC 5227 §2.4).

use std::net::{IpAddr, Ipv4Addr};

use roundtrip_packet::arp::{Operation, Packet};
use roundtrip_packet::{EtherAddr, Link};
use roundtrip_record::{EventId, Trace};
use roundtrip_tcp::Step;

use crate::neighbour::Evidence;
use crate::{Host, IfIndex, Kind};

impl Host {
    /// Handles an ARP packet: learns its sender, answers requests for our addresses, defends them.
    pub(crate) fn handle_arp(
        &mut self,
        step: Step,
        interface: IfIndex,
        packet: &Packet,
        trace: &mut impl Trace,
    ) {
        let Some(link) = self.network.links().get(interface) else { return };
        let own = link.interface.mac;
        let (sender, mac) = (IpAddr::V4(packet.sender_protocol), packet.sender_hardware);
        if link.interface.kind == Kind::Loopback || mac == own || !mac.is_unicast() {
            return;
        }
        self.watch_arp(packet);
        if self.network.links().is_local(sender) {
            self.defend(step, interface, packet.sender_protocol);
            return;
        }
        let for_us = self.network.links().is_local(IpAddr::V4(packet.target_protocol));
        let is_someone = !packet.sender_protocol.is_unspecified()
            && !packet.sender_protocol.is_multicast()
            && !packet.sender_protocol.is_broadcast();
        if is_someone {
            let evidence = match packet.operation {
                Operation::Reply if packet.target_hardware == own => {
                    Evidence::Answer { solicited: true, override_entry: true }
                }
                // A packet that we did not ask for updates a known entry and adds none (the merge
                // flag of RFC 826); announcements of RFC 5227 are such packets.
                Operation::Request if for_us => Evidence::Hint,
                _ => Evidence::Answer { solicited: false, override_entry: true },
            };
            self.neighbours.learn(step, (interface, sender), Some(mac), evidence);
            self.run_effects(step.now, trace);
        }
        if packet.operation == Operation::Request && for_us {
            self.send_arp(interface, &packet.reply(own), mac, step.cause);
        }
    }

    /// Sends an ARP request for `target`: to `to`, its last known hardware address, or by
    /// broadcast.
    pub(crate) fn send_arp_request(
        &mut self,
        interface: IfIndex,
        target: Ipv4Addr,
        to: Option<EtherAddr>,
        cause: Option<EventId>,
    ) {
        let Some(link) = self.network.links().get(interface) else { return };
        let own = link.interface.mac;
        let hop = IpAddr::V4(target);
        let Some(IpAddr::V4(source)) = self.network.links().source_for(interface, hop, hop) else {
            return;
        };
        let request = Packet::request((own, source), target);
        self.send_arp(interface, &request, to.unwrap_or(EtherAddr::BROADCAST), cause);
    }

    pub(crate) fn send_arp(
        &mut self,
        interface: IfIndex,
        packet: &Packet,
        destination: EtherAddr,
        cause: Option<EventId>,
    ) {
        let Some(link) = self.network.links().get(interface) else { return };
        let source = link.interface.mac;
        let mut bytes = self.output.buffer();
        Link { source, destination }.emit_arp(packet, &mut bytes);
        self.enqueue_complete(interface, bytes, cause);
    }
}
