//! `Reading`: the second reading of a capture, packet by packet: through link layers, tunnels and fragments to what the
//! packets carry.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use roundtrip_packet::{
    EtherAddr, IpHeader, Protocol, Transport, Verify, arp, parse_packet, parse_transport,
};
use roundtrip_record::{
    Direction, EventId, Evidence, HostId, ImportedFile, InterfaceId, Log, NeighbourChanged,
    NeighbourState, Time, Trace as _, What,
};

use super::dns::Dns;
use super::file::Packet;
use super::flow::{Sighting, Tally};
use super::flows::{self, Flows};
use super::keys::Keys;
use super::link::{self, Network};
use super::pieces::Pieces;
use super::quic::{Datagram, Quic};
use super::stream::Stamp;
use super::survey::Survey;
use super::talk::Desk;
use super::tunnel::{self, Inner, Tunnel};
use crate::notes::Notes;
use crate::options::Imported;
use crate::run::{self, Run};

/// How many packets may be within each other.
const DEEPEST: u32 = 8;
/// The link layer of what tunnels carry as frames: Ethernet.
const ETHERNET: u16 = 1;

/// A packet as it was captured.
#[derive(Clone, Copy)]
struct Seen<'a> {
    packet: &'a Packet,
    /// What is behind its link layer.
    network: &'a [u8],
    at: Time,
    keys: &'a Keys,
}

/// The second reading.
pub(crate) struct Reading {
    log: Log,
    desk: Desk,
    host: HostId,
    /// The interfaces of frames with an Ethernet header, and of bare IP packets.
    ethernet: Option<InterfaceId>,
    bare: Option<InterfaceId>,
    flows: Flows,
    quic: Quic,
    dns: Dns,
    pieces: Pieces,
    tally: Tally,
    pub(crate) notes: Notes,
}

impl Reading {
    /// Begins the record of a capture.
    pub(crate) fn begin(log: &Log, survey: &Survey, path: &Path) -> Self {
        let subject = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let run = Run {
            subject: subject.unwrap_or_default(),
            source: survey.format.into(),
            digest: survey.digest.clone(),
            epoch: survey.epoch,
            file: ImportedFile {
                format: survey.format.into(),
                writer: String::new(),
                browser: String::new(),
                archive: None,
                entries: None,
            },
            unseen: run::unseen(
                "congestion windows and timers of both ends",
                "a visit of our own (--wire tap or --wire lab)",
            ),
        };
        let host = run.begin(log);
        Self {
            desk: Desk::new(log.clone()),
            log: log.clone(),
            host,
            ethernet: None,
            bare: None,
            flows: Flows::new(flows::MOST),
            quic: Quic::default(),
            dns: Dns::default(),
            pieces: Pieces::default(),
            tally: Tally::default(),
            notes: Notes::default(),
        }
    }

    /// Takes the next packet.
    pub(crate) fn packet(&mut self, packet: &Packet, survey: &Survey) {
        let at = Time::from_nanos(packet.nanos.saturating_sub(survey.epoch));
        if packet.nanos < survey.epoch {
            self.notes.add("packets are older than the first one; they count as of its time");
        }
        if (packet.bytes.len() as u32) < packet.original {
            self.notes.add("packets were cut when they were captured (snapshot length)");
        }
        match link::network(packet.link, &packet.bytes) {
            Network::Arp(bytes) => self.arp(packet, bytes, at),
            Network::Ip(network) => {
                let seen = Seen { packet, network, at, keys: &survey.keys };
                self.ip(&seen, network, 0);
            }
            Network::Other(what) => self.notes.add(&format!("{what} were passed over")),
        }
    }

    /// Records a frame, as Ethernet where it was, else from the IP header on.
    fn frame(&mut self, packet: &Packet, network: &[u8], at: Time, sent: bool) -> Option<EventId> {
        // Nothing but an Ethernet header of 14 bytes stands before the packet: no tags.
        let plain = packet.link == ETHERNET && packet.bytes.len() == 14 + network.len();
        let interface = if plain {
            let mac = packet.bytes.get(6..12).and_then(|mac| <[u8; 6]>::try_from(mac).ok());
            let mac = EtherAddr(mac.unwrap_or_default()).to_string();
            *self
                .ethernet
                .get_or_insert_with(|| self.log.interface(self.host, "captured", &mac, &[]))
        } else {
            *self.bare.get_or_insert_with(|| self.log.interface(self.host, "captured-ip", "", &[]))
        };
        let direction = if sent { Direction::Sent } else { Direction::Received };
        let bytes = if plain { &packet.bytes } else { network };
        self.log.frame(at, None, interface, direction, bytes)
    }

    /// Records the frame of a packet, and when that was.
    fn stamp(&mut self, seen: &Seen<'_>, sent: bool) -> Stamp {
        let event = self.frame(seen.packet, seen.network, seen.at, sent);
        Stamp { at: seen.at, event }
    }

    /// Records the frame of a packet that is not looked into.
    fn keep(&mut self, seen: &Seen<'_>, note: &str) {
        self.stamp(seen, false);
        self.notes.add(note);
    }

    fn arp(&mut self, packet: &Packet, bytes: &[u8], at: Time) {
        let Ok(message) = arp::Packet::parse(bytes) else {
            return self.notes.add("ARP packets could not be read");
        };
        let asks = message.operation == arp::Operation::Request;
        let event = self.frame(packet, bytes, at, asks);
        let interface = self.ethernet.or(self.bare).unwrap_or(InterfaceId(0));
        let (address, mac, to) = if asks {
            (message.target_protocol, None, NeighbourState::Incomplete)
        } else {
            (
                message.sender_protocol,
                Some(message.sender_hardware.to_string()),
                NeighbourState::Reachable,
            )
        };
        let changed = NeighbourChanged {
            interface,
            address: IpAddr::V4(address),
            mac,
            from: None,
            to,
            how: Evidence::Observed("captured packets".into()),
        };
        self.desk.emit(Stamp { at, event }, What::NeighbourChanged(changed));
    }

    /// Takes an IP packet, within so many others.
    fn ip(&mut self, seen: &Seen<'_>, bytes: &[u8], depth: u32) {
        let cut = (seen.packet.original as usize).saturating_sub(seen.packet.bytes.len());
        let patched = with_length(bytes, bytes.len() + cut);
        let bytes = patched.as_deref().unwrap_or(bytes);
        match parse_packet(bytes, Verify::Snapped) {
            Ok(parsed) => {
                self.transport(seen, &parsed.ip, &parsed.transport, parsed.missing, depth);
            }
            Err(_) if depth > 0 => self.keep(seen, "packets in tunnels could not be read"),
            Err(_) => self.notes.add("packets could not be read"),
        }
    }

    /// Takes what an IP packet carries, of which `missing` bytes were not captured.
    fn transport(
        &mut self,
        seen: &Seen<'_>,
        ip: &IpHeader,
        transport: &Transport<'_>,
        missing: usize,
        depth: u32,
    ) {
        let (source, destination) = (ip.source(), ip.destination());
        match transport {
            Transport::Tcp(segment) => {
                let sighting = Sighting {
                    from: SocketAddr::new(source, segment.header.source_port),
                    to: SocketAddr::new(destination, segment.header.destination_port),
                    segment,
                    snapped: missing,
                    identification: match ip {
                        IpHeader::V4(header) => header.identification,
                        IpHeader::V6(_) => 0,
                    },
                    stamp: Stamp { at: seen.at, event: None },
                };
                self.tcp(seen, sighting);
            }
            Transport::Udp { header, payload } => {
                let from = SocketAddr::new(source, header.source_port);
                let to = SocketAddr::new(destination, header.destination_port);
                match tunnel::of_port(to.port(), payload) {
                    Some(tunnel) => self.enter(seen, &tunnel, depth),
                    None => self.udp(seen, &Datagram { from, to, payload }),
                }
            }
            Transport::Icmpv4(_) | Transport::Icmpv6(_) => {
                self.keep(seen, "ICMP messages are kept as packets");
            }
            Transport::Fragment(fragment) => {
                let Some(whole) = self.pieces.take(ip, fragment, missing > 0, seen.at) else {
                    self.stamp(seen, false);
                    return;
                };
                match parse_transport(ip, whole.protocol, &whole.payload, Verify::Snapped) {
                    Ok(transport) => self.transport(seen, ip, &transport, 0, depth),
                    Err(_) => self.keep(seen, "packets that came in fragments could not be read"),
                }
            }
            Transport::Other { protocol, payload } => {
                match tunnel::of_protocol(protocol.0, payload) {
                    Some(tunnel) => self.enter(seen, &tunnel, depth),
                    None => self.keep(
                        seen,
                        &format!("packets of {} are kept as packets", transport_name(*protocol)),
                    ),
                }
            }
        }
    }

    /// Goes on with what a tunnel carries.
    fn enter(&mut self, seen: &Seen<'_>, tunnel: &Tunnel<'_>, depth: u32) {
        let name = tunnel.name;
        if depth == DEEPEST {
            return self.keep(seen, "packets are within too many tunnels");
        }
        let inner = match tunnel.inner {
            Inner::Nothing => None,
            Inner::Ip(bytes) => Some(Network::Ip(bytes)),
            Inner::Frame(bytes) => Some(link::network(ETHERNET, bytes)),
        };
        match inner {
            Some(Network::Ip(bytes)) => {
                self.notes.add(&format!("packets came through a tunnel, and are read: {name}"));
                self.ip(seen, bytes, depth + 1);
            }
            Some(Network::Arp(_)) => self.keep(seen, "ARP packets in tunnels are kept as packets"),
            Some(Network::Other(_)) | None => {
                self.keep(seen, &format!("packets of a tunnel are not looked into: {name}"));
            }
        }
    }

    fn udp(&mut self, seen: &Seen<'_>, datagram: &Datagram<'_>) {
        let Datagram { from, to, payload } = *datagram;
        if from.port() == 53 || to.port() == 53 {
            let stamp = self.stamp(seen, to.port() < from.port());
            return self.dns.message(&mut self.desk, from, to, "udp", payload, stamp);
        }
        match self.quic.is_by_client(datagram) {
            Some(by_client) => {
                let stamp = self.stamp(seen, by_client);
                self.quic.datagram(&mut self.desk, datagram, by_client, stamp, seen.keys);
            }
            None => {
                self.stamp(seen, to.port() < from.port());
            }
        }
    }

    /// Takes a segment, whose frame is not recorded yet.
    fn tcp(&mut self, seen: &Seen<'_>, mut sighting: Sighting<'_>) {
        let keys = seen.keys;
        if !self.flows.admit(&sighting, &mut self.desk, keys, &mut self.tally) {
            return self.notes.add(&format!(
                "more than {} connections are open at a time; later ones were passed over",
                flows::MOST
            ));
        }
        let sent = self.flows.is_from_client(&sighting);
        sighting.stamp = self.stamp(seen, sent);
        self.flows.segment(&sighting, &mut self.desk, keys, &mut self.tally);
    }

    /// The capture is over; `survey` is its first reading.
    pub(crate) fn end(mut self, survey: &Survey) -> Imported {
        self.flows.finish(&mut self.desk, &survey.keys, &mut self.tally);
        self.dns.finish(&mut self.desk);
        self.quic.finish(&mut self.desk, &mut self.notes);
        self.pieces.finish();
        let tally = &self.tally;
        for (count, note) in [
            (
                tally.twice,
                "packets stand twice in the capture (several interfaces, or both ends); the second was passed over",
            ),
            (tally.retransmissions, "segments are retransmissions"),
            (tally.missing, "bytes of connections are missing in the capture"),
            (tally.middle, "connections were open when the capture began"),
            (tally.unopened, "records of TLS could not be opened with the keys there are"),
            (tally.passed_over, "bytes of HTTP belong to messages whose begin is missing"),
            (
                tally.unknown_fields,
                "fields of HTTP/2 refer to what was said before the capture began",
            ),
            (tally.other, "connections carry no HTTP that is known"),
            (self.dns.unreadable, "datagrams of port 53 are no DNS messages"),
            (self.pieces.whole, "packets were put together from their fragments"),
            (
                self.pieces.given_up,
                "packets lack fragments, or have some that contradict each other; what they carried is not known",
            ),
        ] {
            self.notes.add_many(note, count);
        }
        let sealed = if survey.keys.is_empty() {
            "connections are encrypted, and there are no keys (--keys FILE, or secrets in the capture)"
        } else {
            "connections are encrypted, and the keys do not fit or their cipher is not undone"
        };
        self.notes.add_many(sealed, tally.sealed);
        run::end(&self.log, &self.notes, self.desk.latest, 0, self.desk.exchanges)
    }
}

/// The name of a protocol of IP that is not looked into.
fn transport_name(protocol: Protocol) -> String {
    match protocol.0 {
        2 => "IGMP".into(),
        89 => "OSPF".into(),
        103 => "PIM".into(),
        112 => "VRRP".into(),
        132 => "SCTP".into(),
        number => format!("IP protocol {number}"),
    }
}

/// An IPv4 packet whose length is left to the network card (segmentation offload) states 0.
/// Its length on the wire is put there.
fn with_length(bytes: &[u8], original: usize) -> Option<Vec<u8>> {
    let is_it = bytes.len() >= 20 && bytes[0] >> 4 == 4 && bytes[2] == 0 && bytes[3] == 0;
    is_it.then(|| {
        let mut patched = bytes.to_vec();
        let length = u16::try_from(original).unwrap_or(u16::MAX);
        patched[2..4].copy_from_slice(&length.to_be_bytes());
        patched
    })
}
