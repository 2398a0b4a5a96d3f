//! Captures of packets, pcap and pcapng: connections, lookups and exchanges as the packets show
//! them. Every event has the packet that shows it for its cause.
//!
//! A capture is read twice: once for its digest and the keys it holds, which may stand behind the
//! packets that need them, and once packet by packet. Frames go into the record's own capture;
//! [`flows`] holds the TCP connections, [`flow`] follows one, [`stream`] puts its bytes in order,
//! [`tls`] opens them, and [`http1`] and [`http2`] read messages into [`talk`]s.

mod dns;
mod file;
mod flow;
mod flows;
mod hpack;
mod http1;
mod http2;
mod keys;
mod link;
mod protect;
mod stream;
mod talk;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use roundtrip_packet::{EtherAddr, IpHeader, Transport, Verify, arp, parse_packet};
use roundtrip_record::{
    Direction, EventId, Evidence, HostId, ImportedFile, InterfaceId, Log, NeighbourChanged,
    NeighbourState, Time, Trace as _, What,
};

use crate::error::ImportError;
use crate::input::{Input, Origin};
use crate::notes::Notes;
use crate::options::{Imported, Options};
use crate::run::{self, Run};
use dns::Dns;
use file::{Block, CaptureFile, FileError, Packet};
use flow::{Sighting, Tally};
use flows::Flows;
use keys::Keys;
use link::Network;
use stream::Stamp;
use talk::Desk;

pub(crate) use file::is_capture;

/// What the first reading tells.
struct Survey {
    digest: String,
    format: &'static str,
    keys: Keys,
    /// When the first packet was captured.
    epoch: u64,
    packets: u64,
}

/// Reads a capture into `log`.
pub(crate) fn import(input: Input, options: &Options, log: &Log) -> Result<Imported, ImportError> {
    let origin = input.origin().clone();
    let path = &origin.path;
    let mut survey = survey(input)?;
    for keys in &options.keys {
        let log =
            std::fs::read(keys).map_err(|source| ImportError::Io { path: keys.clone(), source })?;
        survey.keys.add(&log);
    }
    if survey.packets == 0 {
        return Err(ImportError::Nothing { path: path.clone(), why: "it has no packets".into() });
    }
    let mut reading = Reading::begin(log, &survey, path);
    let mut file = open(Input::again(path)?)?;
    loop {
        match file.next() {
            Ok(Some(Block::Packet(packet))) => reading.packet(&packet, &survey),
            Ok(Some(Block::Keys(_))) => {}
            Ok(None) => break,
            Err(error) => return Err(wrong(&origin, file.offset, error)),
        }
    }
    if file.cut {
        reading.notes.add("the file ends in the middle of a block");
    }
    reading.notes.add_many("comments of packets were passed over", file.comments);
    Ok(reading.end(&survey))
}

/// The first reading: the digest, the keys, the first time.
fn survey(input: Input) -> Result<Survey, ImportError> {
    let origin = input.origin().clone();
    let mut file = open(input)?;
    let mut survey = Survey {
        digest: String::new(),
        format: file.name(),
        keys: Keys::default(),
        epoch: 0,
        packets: 0,
    };
    loop {
        match file.next() {
            Ok(Some(Block::Packet(packet))) => {
                if survey.packets == 0 {
                    survey.epoch = packet.nanos;
                }
                survey.packets += 1;
            }
            Ok(Some(Block::Keys(keys))) => survey.keys.add(&keys),
            Ok(None) => break,
            Err(error) => return Err(wrong(&origin, file.offset, error)),
        }
    }
    survey.digest = file.into_inner().digest()?;
    Ok(survey)
}

fn open(input: Input) -> Result<CaptureFile<Input>, ImportError> {
    let origin = input.origin().clone();
    CaptureFile::open(input).map_err(|error| wrong(&origin, 0, error))
}

fn wrong(origin: &Origin, offset: u64, error: FileError) -> ImportError {
    match error {
        FileError::Io(source) => origin.failed(offset, source),
        FileError::Damaged(why) => ImportError::Damaged { path: origin.path.clone(), offset, why },
    }
}

/// The second reading.
struct Reading {
    log: Log,
    desk: Desk,
    host: HostId,
    /// The interfaces of frames with an Ethernet header, and of bare IP packets.
    ethernet: Option<InterfaceId>,
    bare: Option<InterfaceId>,
    flows: Flows,
    dns: Dns,
    tally: Tally,
    notes: Notes,
}

impl Reading {
    fn begin(log: &Log, survey: &Survey, path: &Path) -> Self {
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
            dns: Dns::default(),
            tally: Tally::default(),
            notes: Notes::default(),
        }
    }

    fn packet(&mut self, packet: &Packet, survey: &Survey) {
        let at = Time::from_nanos(packet.nanos.saturating_sub(survey.epoch));
        if packet.nanos < survey.epoch {
            self.notes.add("packets are older than the first one; they count as of its time");
        }
        if (packet.bytes.len() as u32) < packet.original {
            self.notes.add("packets were cut when they were captured (snapshot length)");
        }
        match link::network(packet.link, &packet.bytes) {
            Network::Arp(bytes) => self.arp(packet, bytes, at),
            Network::Ip(bytes) => self.ip(packet, bytes, at, &survey.keys),
            Network::Other(what) => self.notes.add(&format!("{what} were passed over")),
        }
    }

    /// Records a frame, as Ethernet where it was, else from the IP header on.
    fn frame(&mut self, packet: &Packet, network: &[u8], at: Time, sent: bool) -> Option<EventId> {
        // Nothing but an Ethernet header of 14 bytes stands before the packet: no tags.
        let plain = packet.link == 1 && packet.bytes.len() == 14 + network.len();
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

    fn ip(&mut self, packet: &Packet, bytes: &[u8], at: Time, keys: &Keys) {
        let cut = (packet.original as usize).saturating_sub(packet.bytes.len());
        let patched = with_length(bytes, bytes.len() + cut);
        let bytes = patched.as_deref().unwrap_or(bytes);
        let Ok(parsed) = parse_packet(bytes, Verify::Snapped) else {
            return self.notes.add("packets could not be read");
        };
        let (source, destination) = (parsed.ip.source(), parsed.ip.destination());
        match parsed.transport {
            Transport::Tcp(segment) => {
                let sighting = Sighting {
                    from: SocketAddr::new(source, segment.header.source_port),
                    to: SocketAddr::new(destination, segment.header.destination_port),
                    segment: &segment,
                    snapped: parsed.missing,
                    identification: match parsed.ip {
                        IpHeader::V4(header) => header.identification,
                        IpHeader::V6(_) => 0,
                    },
                    stamp: Stamp { at, event: None },
                };
                self.tcp(packet, bytes, sighting, keys);
            }
            Transport::Udp { header, payload } => {
                let from = SocketAddr::new(source, header.source_port);
                let to = SocketAddr::new(destination, header.destination_port);
                let event = self.frame(packet, bytes, at, to.port() < from.port());
                let stamp = Stamp { at, event };
                if from.port() == 53 || to.port() == 53 {
                    self.dns.message(&mut self.desk, from, to, "udp", payload, stamp);
                } else if from.port() == 443 || to.port() == 443 {
                    self.notes.add("QUIC packets are kept; what is in them is not read");
                }
            }
            Transport::Icmpv4(_) | Transport::Icmpv6(_) => {
                self.frame(packet, bytes, at, false);
                self.notes.add("ICMP messages are kept as packets");
            }
            Transport::Fragment(_) => {
                self.frame(packet, bytes, at, false);
                self.notes.add("fragments of IP packets are not put together");
            }
            Transport::Other { .. } => {
                self.frame(packet, bytes, at, false);
                self.notes.add("packets of other transports are kept as packets");
            }
        }
    }

    /// Takes a segment, whose frame is not recorded yet.
    fn tcp(&mut self, packet: &Packet, bytes: &[u8], mut sighting: Sighting<'_>, keys: &Keys) {
        if !self.flows.admit(&sighting, &mut self.desk, keys, &mut self.tally) {
            return self.notes.add(&format!(
                "more than {} connections are open at a time; later ones were passed over",
                flows::MOST
            ));
        }
        let sent = self.flows.is_from_client(&sighting);
        sighting.stamp.event = self.frame(packet, bytes, sighting.stamp.at, sent);
        self.flows.segment(&sighting, &mut self.desk, keys, &mut self.tally);
    }

    fn end(mut self, survey: &Survey) -> Imported {
        self.flows.finish(&mut self.desk, &survey.keys, &mut self.tally);
        self.dns.finish(&mut self.desk);
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
