//! Neighbour discovery for IPv6 (RFC 4861 §7), and detection of duplicate addresses (RFC 4862
//! §5.4).

use std::net::{IpAddr, Ipv6Addr};

use roundtrip_packet::ipv6::{self, solicited_node};
use roundtrip_packet::ndp::{Message, NdpOption, Options};
use roundtrip_packet::{ChecksumMode, Envelope, EtherAddr, IpHeader, Link, Protocol, icmpv6};
use roundtrip_record::{EventId, Trace};

use crate::address::ALL_NODES;
use crate::neighbour::Evidence;
use crate::receive::Arrival;
use crate::{AddressState, Host, IfIndex, Kind};

/// The hop limit of every NDP message: one that has crossed a router has less (RFC 4861 §7.1).
const HOP_LIMIT: u8 = 255;

impl Host {
    /// Handles a message of neighbour discovery.
    pub(crate) fn handle_ndp(
        &mut self,
        arrival: Arrival,
        ip: &ipv6::Header,
        message: &Message<'_>,
        trace: &mut impl Trace,
    ) {
        let on_ethernet = self
            .network
            .links()
            .get(arrival.interface)
            .is_some_and(|link| link.interface.kind == Kind::Ethernet);
        if !on_ethernet || message.validate(ip).is_err() {
            self.counters.icmp_ignored += 1;
            return;
        }
        match *message {
            Message::NeighbourSolicitation { target, options } => {
                self.handle_solicitation(arrival, ip, target, &options, trace);
            }
            Message::NeighbourAdvertisement {
                solicited, override_entry, target, options, ..
            } => {
                let evidence = Evidence::Answer { solicited, override_entry };
                self.handle_advertisement(arrival, target, &options, evidence, trace);
            }
            // Only a router's hardware address is taken; routes and addresses are configured here.
            Message::RouterSolicitation { options }
            | Message::RouterAdvertisement { options, .. } => {
                let hint = options.source_link_layer();
                self.hint(arrival, IpAddr::V6(ip.source), hint, trace);
            }
            // Redirects are advice that a host may ignore (§8.3: "SHOULD"); routes are configured
            // here.
            Message::Redirect { .. } => self.counters.icmp_ignored += 1,
        }
    }

    /// Notes the hardware address that a message gives of its sender, as a hint.
    fn hint(
        &mut self,
        arrival: Arrival,
        sender: IpAddr,
        mac: Option<EtherAddr>,
        trace: &mut impl Trace,
    ) {
        let unicast = mac.filter(|mac| mac.is_unicast());
        if !sender.is_unspecified() && unicast.is_some() {
            let at = (arrival.interface, sender);
            self.neighbours.learn(arrival.step, at, unicast, Evidence::Hint);
            self.run_effects(arrival.step.now, trace);
        }
    }

    fn handle_solicitation(
        &mut self,
        arrival: Arrival,
        ip: &ipv6::Header,
        target: Ipv6Addr,
        options: &Options<'_>,
        trace: &mut impl Trace,
    ) {
        let Some(own) = self.network.links().address(IpAddr::V6(target)).copied() else { return };
        if own.interface != arrival.interface {
            return;
        }
        let is_probe = ip.source.is_unspecified();
        let nonce = options.iter().find_map(|option| match option {
            NdpOption::Nonce(nonce) => Some(nonce),
            _ => None,
        });
        let is_own = is_probe && self.detections.is_own_probe(target, nonce);
        if own.state == AddressState::Duplicate || is_own {
            return;
        }
        let hint = options.source_link_layer();
        self.hint(arrival, IpAddr::V6(ip.source), hint, trace);
        let to = if is_probe { ALL_NODES } else { ip.source };
        self.send_advertisement(arrival, target, to, !is_probe, trace);
    }

    fn handle_advertisement(
        &mut self,
        arrival: Arrival,
        target: Ipv6Addr,
        options: &Options<'_>,
        evidence: Evidence,
        trace: &mut impl Trace,
    ) {
        let address = IpAddr::V6(target);
        let state = self.network.links().address(address).map(|own| own.state);
        match state {
            Some(_) if self.detections.is_asked_for(address) => self.lose_address(address),
            Some(AddressState::Duplicate) => {}
            Some(AddressState::Preferred) => {
                let conflict = crate::Event::AddressConflict(arrival.interface, address);
                self.events.push_back(conflict);
            }
            None => {
                let mac = options.target_link_layer().filter(|mac| mac.is_unicast());
                self.neighbours.learn(arrival.step, (arrival.interface, address), mac, evidence);
                self.run_effects(arrival.step.now, trace);
            }
        }
    }

    /// Answers a solicitation (§7.2.4).
    fn send_advertisement(
        &mut self,
        arrival: Arrival,
        target: Ipv6Addr,
        to: Ipv6Addr,
        solicited: bool,
        trace: &mut impl Trace,
    ) {
        let Some(link) = self.network.links().get(arrival.interface) else { return };
        let option = [NdpOption::TargetLinkLayer(link.interface.mac)];
        let message = Message::NeighbourAdvertisement {
            router: self.config.forwarding,
            solicited,
            override_entry: true,
            target,
            options: Options::List(&option),
        };
        let ip = ndp_header(target, to);
        let hop = crate::route::Hop { interface: arrival.interface, next_hop: IpAddr::V6(to) };
        let message = icmpv6::Message::Ndp(message);
        let write = |envelope: &Envelope, out: &mut Vec<u8>| envelope.emit_icmpv6(&message, out);
        // A reply that cannot be sent counts as lost; the sender may ask again.
        let _ = self.send_packet(arrival.step, hop, ip, write, trace);
    }

    /// Solicits a neighbour: at `to`, its last known hardware address, or in its solicited-node
    /// group (§7.2.2).
    pub(crate) fn send_solicitation(
        &mut self,
        interface: IfIndex,
        target: Ipv6Addr,
        to: Option<EtherAddr>,
        cause: Option<EventId>,
    ) {
        let Some(link) = self.network.links().get(interface) else { return };
        let option = [NdpOption::SourceLinkLayer(link.interface.mac)];
        let hop = IpAddr::V6(target);
        let Some(IpAddr::V6(source)) = self.network.links().source_for(interface, hop, hop) else {
            return;
        };
        let destination = if to.is_some() { target } else { solicited_node(target) };
        let mac = to.unwrap_or(EtherAddr::of_ipv6_group(destination));
        let message = Message::NeighbourSolicitation { target, options: Options::List(&option) };
        self.send_ndp(interface, mac, (source, destination), message, cause);
    }

    /// Sends a duplicate address probe for an address of ours (RFC 4862 §5.4.2).
    pub(crate) fn send_duplicate_probe(
        &mut self,
        interface: IfIndex,
        target: Ipv6Addr,
        nonce: [u8; 6],
    ) {
        let destination = solicited_node(target);
        let option = [NdpOption::Nonce(nonce)];
        let message = Message::NeighbourSolicitation { target, options: Options::List(&option) };
        let mac = EtherAddr::of_ipv6_group(destination);
        self.send_ndp(interface, mac, (Ipv6Addr::UNSPECIFIED, destination), message, None);
    }

    /// Sends an NDP message to a known hardware address, without resolution.
    pub(crate) fn send_ndp(
        &mut self,
        interface: IfIndex,
        destination: EtherAddr,
        (from, to): (Ipv6Addr, Ipv6Addr),
        message: Message<'_>,
        cause: Option<EventId>,
    ) {
        let Some(link) = self.network.links().get(interface) else { return };
        let envelope = Envelope {
            link: Some(Link { source: link.interface.mac, destination }),
            ip: ndp_header(from, to),
            checksum: ChecksumMode::Full,
        };
        let mut bytes = self.output.buffer();
        if envelope.emit_icmpv6(&icmpv6::Message::Ndp(message), &mut bytes).is_ok() {
            self.enqueue_complete(interface, bytes, cause);
        }
    }
}

const fn ndp_header(from: Ipv6Addr, to: Ipv6Addr) -> IpHeader {
    let header = ipv6::Header::new(from, to, Protocol::ICMPV6);
    IpHeader::V6(ipv6::Header { hop_limit: HOP_LIMIT, ..header })
}
