//! `Flow`: one QUIC connection of a capture, as far as its packets show it: versions, the hellos in its Initial packets,
//! which anybody can open; with keys the rest of its handshake, its streams and its end.

use std::net::SocketAddr;

use roundtrip_record::{
    Attempt, AttemptEnd, ConnectAttempt, ConnectResult, ConnectionId, Direction, EventId, Fault,
    FaultKind, QuicClosed, QuicOpened, QuicPacket, QuicSpace, Side, Step, Transport, What,
};

use super::super::http3::Http3;
use super::super::keys::Keys;
use super::super::ordered::Ordered;
use super::super::protect::suite;
use super::super::secured;
use super::super::stream::Stamp;
use super::super::talk::{Carrier, Desk};
use super::super::tls::{Session, Told};
use super::packet::{Frame, Kind, Long, frames};
use super::seal::{self, Opened, Seal};
use super::tally::Tally;
use super::versions::{self, Version};

/// How many bytes of a handshake are held that came before others, at most. Endpoints have to hold 4096.
const MOST_CRYPTO: usize = 1 << 17;

/// How long datagrams are that are handed to the network's card as one, to be sent apart: no shorter than the ones of a
/// handshake (RFC 9000 §14.1), and no longer than Ethernet carries.
const SEGMENTS: core::ops::RangeInclusive<usize> = 1200..=1500;

/// How often it is tried in vain to tell such datagrams apart, on one connection.
const MOST_SEARCHES: u32 = 32;

/// How many names of an end are remembered.
const MOST_NAMES: usize = 64;

/// The levels of encryption (RFC 9001 §4). Those with a handshake of their own come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Initial = 0,
    Handshake = 1,
    Application = 2,
    /// 0-RTT.
    Early = 3,
}

impl Level {
    fn space(self) -> QuicSpace {
        match self {
            Self::Initial => QuicSpace::Initial,
            Self::Handshake => QuicSpace::Handshake,
            Self::Application => QuicSpace::OneRtt,
            Self::Early => QuicSpace::ZeroRtt,
        }
    }
}

/// A packet as it passed: who sent it, its bytes as far as they were captured, and when.
#[derive(Clone, Copy)]
pub(crate) struct Passed<'a> {
    pub(crate) by_client: bool,
    pub(crate) bytes: &'a [u8],
    pub(crate) stamp: Stamp,
}

/// A connection.
pub(crate) struct Flow {
    pub(crate) client: SocketAddr,
    server: SocketAddr,
    id: ConnectionId,
    version: Version,
    /// The connection id that the keys of Initial packets follow from: the client's first choice, or the one that a Retry
    /// gave it.
    chosen: Vec<u8>,
    /// What the ends call themselves: client, server.
    names: [Vec<u8>; 2],
    /// What else they said they may be called.
    more_names: [Vec<Vec<u8>>; 2],
    seals: [Option<[Seal; 2]>; 3],
    /// Of what the client sends before the handshake is over.
    early: Option<Seal>,
    /// How long each end's datagrams were that came as one, and how often that could not be told.
    segments: [Option<usize>; 2],
    searches: u32,
    /// The bytes of the handshake at each level that has one: of the client, of the server.
    crypto: [[Ordered; 2]; 3],
    session: Session,
    carrier: Carrier,
    http: Http3,
    began: Stamp,
    attempt: Option<EventId>,
    /// Whether anything came from the server.
    answered: bool,
    established: bool,
    closed: bool,
    last: Stamp,
}

impl Flow {
    /// The connection that an Initial packet of a client begins.
    pub(crate) fn new(
        desk: &mut Desk,
        from: SocketAddr,
        to: SocketAddr,
        packet: &Long<'_>,
        stamp: Stamp,
    ) -> Self {
        let id = desk.log.connection_id();
        let attempt = ConnectAttempt { exchange: None, to, transport: Transport::Quic };
        let attempt = desk.emit(stamp, What::ConnectAttempt(attempt));
        let opened = QuicOpened {
            connection: id,
            side: Side::Client,
            local: from,
            remote: to,
            version: packet.version.number,
        };
        desk.emit(stamp, What::QuicOpened(opened));
        Self {
            client: from,
            server: to,
            id,
            version: packet.version,
            chosen: packet.destination.to_vec(),
            names: [packet.source.to_vec(), Vec::new()],
            more_names: Default::default(),
            seals: [seal::initial(&packet.version, packet.destination), None, None],
            early: None,
            segments: [None; 2],
            searches: 0,
            crypto: crypto(),
            session: Session::default(),
            carrier: Carrier {
                connection: id,
                transport: Transport::Quic,
                server: to,
                secure: true,
                opened: Some(stamp),
                carried: 0,
            },
            http: Http3::default(),
            began: stamp,
            attempt,
            answered: false,
            established: false,
            closed: false,
            last: stamp,
        }
    }

    /// Whether an Initial packet of the client's is not of this connection but begins the next one between the same sockets.
    pub(crate) fn is_renewed_by(&self, packet: &Long<'_>) -> bool {
        let known =
            [&self.chosen, &self.names[1]].into_iter().any(|name| name == packet.destination);
        packet.kind == Kind::Initial && !known && (self.answered || self.closed)
    }

    /// Takes a packet with a long header.
    pub(crate) fn long(
        &mut self,
        desk: &mut Desk,
        packet: &Long<'_>,
        passed: Passed<'_>,
        keys: &Keys,
        tally: &mut Tally,
    ) {
        let Passed { by_client, bytes, stamp } = passed;
        self.last = stamp;
        if !by_client {
            self.answered = true;
        }
        let level = match packet.kind {
            Kind::Initial => Level::Initial,
            Kind::Handshake => Level::Handshake,
            Kind::Early => Level::Early,
            Kind::Retry => return self.retry(by_client, packet, tally),
        };
        if level == Level::Initial && packet.version != self.version {
            // The server may choose another version than the client began with (RFC 9368 §2.3).
            self.version = packet.version;
            self.seals[0] = seal::initial(&packet.version, &self.chosen);
        }
        let opened = match level {
            Level::Early => self.open_early(bytes, packet.number_at, keys),
            _ => self
                .seal(level, by_client, keys)
                .and_then(|seal| seal.open(bytes, packet.number_at)),
        };
        let Some(opened) = opened else {
            match level {
                Level::Initial => tally.unopened += 1,
                Level::Early => tally.early += 1,
                Level::Handshake | Level::Application => tally.sealed(bytes.len()),
            }
            return;
        };
        self.names[usize::from(!by_client)] = packet.source.to_vec();
        self.opened(desk, level, &opened, passed, keys, tally);
    }

    /// Opens early data. The suite is that of an earlier session, which the length of its secrets tells, all but two.
    fn open_early(&mut self, bytes: &[u8], number_at: usize, keys: &Keys) -> Option<Opened> {
        if let Some(seal) = &mut self.early {
            return seal.open(bytes, number_at);
        }
        let secret = self.session.early_secret(keys)?;
        let suites: &[u16] = if secret.len() == 48 { &[0x1302] } else { &[0x1301, 0x1303] };
        suites.iter().find_map(|number| {
            let mut seal = Seal::new(suite(*number)?, self.version.label, secret)?;
            let opened = seal.open(bytes, number_at)?;
            self.early = Some(seal);
            Some(opened)
        })
    }

    /// Takes a packet with a short header, which goes on to the end of its datagram; `before` bytes of that came before it.
    /// Returns how long it was: a capture may hold several datagrams as one, which the card was to send apart.
    pub(crate) fn short(
        &mut self,
        desk: &mut Desk,
        passed: Passed<'_>,
        before: usize,
        keys: &Keys,
        tally: &mut Tally,
    ) -> usize {
        let Passed { by_client, bytes, stamp } = passed;
        self.last = stamp;
        if by_client && !self.closed && self.session.is_answered() {
            // A client sends none before it has completed the handshake (RFC 9001 §5.7).
            let mut told = Vec::new();
            self.session.complete(stamp, &mut told);
            self.tell(desk, told);
        }
        let Some((opened, length)) = self.open_short(by_client, bytes, before, keys) else {
            tally.sealed(bytes.len());
            return bytes.len();
        };
        let passed = Passed { bytes: &bytes[..length], ..passed };
        self.opened(desk, Level::Application, &opened, passed, keys, tally);
        length
    }

    /// Opens the packet that some bytes are or begin with; says how long it is.
    fn open_short(
        &mut self,
        by_client: bool,
        bytes: &[u8],
        before: usize,
        keys: &Keys,
    ) -> Option<(Opened, usize)> {
        let number_at = 1 + self.called(bytes, by_client);
        let n = usize::from(!by_client);
        let known = self.segments[n];
        let may_search = self.searches < MOST_SEARCHES;
        let seal = self.seal(Level::Application, by_client, keys)?;
        let mut open = |length: usize| {
            bytes.get(..length).and_then(|bytes| Some((seal.open(bytes, number_at)?, length)))
        };
        let apart = |segment: usize| segment.checked_sub(before).filter(|one| *one < bytes.len());
        let opened = known.and_then(apart).and_then(&mut open).or_else(|| open(bytes.len()));
        if opened.is_some() || !may_search || bytes.len() + before <= *SEGMENTS.start() {
            return opened;
        }
        let found = SEGMENTS.filter_map(apart).find_map(open);
        match &found {
            Some((_, length)) => self.segments[n] = Some(before + length),
            None => self.searches += 1,
        }
        found
    }

    /// How long the connection id in a short header is, which does not say it: it is one that the other end chose.
    fn called(&self, packet: &[u8], by_client: bool) -> usize {
        let other = usize::from(by_client);
        let behind = packet.get(1..).unwrap_or_default();
        let first = &self.names[other];
        let other_name = || self.more_names[other].iter().find(|name| behind.starts_with(name));
        if behind.starts_with(first) { first.len() } else { other_name().unwrap_or(first).len() }
    }

    /// The server does not speak the client's version.
    pub(crate) fn negotiation(
        &mut self,
        desk: &mut Desk,
        spoken: &[u32],
        stamp: Stamp,
        tally: &mut Tally,
    ) {
        if core::mem::replace(&mut self.answered, true) || self.closed {
            return;
        }
        tally.negotiated += 1;
        let names: Vec<String> = spoken.iter().map(|number| versions::name(*number)).collect();
        let why = format!(
            "the server does not speak {}; it speaks {}",
            versions::name(self.version.number),
            names.join(", ")
        );
        self.attempted(desk, AttemptEnd::Failed { why: why.clone() }, stamp);
        self.close(
            desk,
            QuicClosed {
                connection: self.id,
                direction: None,
                code: None,
                application: false,
                why,
            },
            stamp,
        );
    }

    fn retry(&mut self, by_client: bool, packet: &Long<'_>, tally: &mut Tally) {
        if !by_client && !self.session.is_answered() {
            tally.retried += 1;
            self.chosen = packet.source.to_vec();
            self.seals[0] = seal::initial(&self.version, &self.chosen);
        }
    }

    /// What opens the packets of a level in a direction.
    fn seal(&mut self, level: Level, by_client: bool, keys: &Keys) -> Option<&mut Seal> {
        let labels = match level {
            Level::Initial => None,
            Level::Handshake => {
                Some(["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"])
            }
            Level::Application => Some(["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"]),
            Level::Early => return self.early.as_mut(),
        };
        let seals = &mut self.seals[level as usize];
        if let (None, Some(labels)) = (&seals, labels) {
            let (session, label) = (&self.session, self.version.label);
            let of = |name| {
                let (suite, secret) = session.secret(name, keys)?;
                Seal::new(suite, label, secret)
            };
            *seals = of(labels[0]).zip(of(labels[1])).map(|(client, server)| [client, server]);
        }
        seals.as_mut().map(|seals| &mut seals[usize::from(!by_client)])
    }

    /// A packet was opened.
    fn opened(
        &mut self,
        desk: &mut Desk,
        level: Level,
        opened: &Opened,
        passed: Passed<'_>,
        keys: &Keys,
        tally: &mut Tally,
    ) {
        let by_client = passed.by_client;
        let packet = QuicPacket {
            connection: self.id,
            direction: if by_client { Direction::Sent } else { Direction::Received },
            space: level.space(),
            number: opened.number,
            length: u32::try_from(passed.bytes.len()).unwrap_or(u32::MAX),
            frames: roundtrip_quic::frames(&opened.payload),
        };
        let event = desk.emit(passed.stamp, What::QuicPacket(packet));
        let stamp = Stamp { at: passed.stamp.at, event };
        let n = usize::from(!by_client);
        let is_http = self.session.protocol().is_some_and(|name| name.starts_with("h3"));
        let mut told = Vec::new();
        let mut end = None;
        frames(&opened.payload, |frame| match frame {
            Frame::Crypto(offset, bytes) => {
                if let Some(crypto) = self.crypto.get_mut(level as usize) {
                    crypto[n].take(offset, bytes, |ready| {
                        self.session.handshake(by_client, ready, stamp, keys, &mut told);
                    });
                }
            }
            Frame::Stream(bytes) if is_http => {
                self.http.feed(desk, &mut self.carrier, by_client, &bytes, stamp);
            }
            Frame::Stream(bytes) => tally.other += bytes.bytes.len() as u64,
            Frame::Reset(stream) => self.http.reset(desk, by_client, stream, stamp),
            Frame::Name(name) => {
                self.more_names[n].truncate(MOST_NAMES - 1);
                self.more_names[n].insert(0, name.to_vec());
            }
            Frame::Close(application, code, reason) => end = Some((application, code, reason)),
            Frame::Other => {}
        });
        self.tell(desk, told);
        if let Some((application, code, reason)) = end {
            self.ended(desk, by_client, application, code, reason, stamp);
        }
    }

    fn tell(&mut self, desk: &mut Desk, told: Vec<Told>) {
        for told in told {
            match told {
                Told::Started(stamp) => {
                    let started = secured::started(self.id, &self.session.hellos);
                    desk.emit(stamp, What::TlsStarted(started));
                }
                Told::Established(stamp) => {
                    self.established = true;
                    self.attempted(desk, AttemptEnd::Connected, stamp);
                    let done = secured::established(self.id, &self.session.hellos);
                    desk.emit(stamp, What::TlsEstablished(done));
                    self.crypto = crypto();
                }
                // QUIC has neither records nor alerts of TLS (RFC 9001 §4.8).
                Told::Alert(..) | Told::Data(..) => {}
            }
        }
    }

    /// A `CONNECTION_CLOSE` frame has passed.
    fn ended(
        &mut self,
        desk: &mut Desk,
        by_client: bool,
        application: bool,
        code: u64,
        reason: &[u8],
        stamp: Stamp,
    ) {
        if self.closed {
            return;
        }
        let mut why = if application {
            format!("the application's code {code:#x}")
        } else {
            transport_error(code)
        };
        if !reason.is_empty() {
            why = format!("{why}: {}", String::from_utf8_lossy(reason));
        }
        if !self.established {
            self.attempted(desk, AttemptEnd::Failed { why: why.clone() }, stamp);
            let (step, fault) = self.failed(code, &why, by_client, stamp);
            let since = self.began.at;
            let fault = Fault {
                step,
                exchange: None,
                connection: Some(self.id),
                since,
                fatal: false,
                fault,
            };
            desk.emit(stamp, What::Fault(fault));
        }
        let direction = Some(if by_client { Direction::Sent } else { Direction::Received });
        self.close(
            desk,
            QuicClosed { connection: self.id, direction, code: Some(code), application, why },
            stamp,
        );
    }

    /// The fault of a connection that was closed before its handshake was over.
    fn failed(&self, code: u64, why: &str, by_client: bool, stamp: Stamp) -> (Step, FaultKind) {
        if alert(code).is_some() {
            return (
                Step::Tls,
                FaultKind::TlsFailed { why: why.to_owned(), alert_received: !by_client },
            );
        }
        let attempt = Attempt {
            to: self.server,
            began: self.began.at,
            ended: stamp.at,
            syns: Vec::new(),
            syn_count: None,
            end: AttemptEnd::Failed { why: why.to_owned() },
        };
        (Step::Connect, FaultKind::ConnectFailed { attempts: vec![attempt] })
    }

    fn close(&mut self, desk: &mut Desk, closed: QuicClosed, stamp: Stamp) {
        self.closed = true;
        self.http.closed(desk, stamp);
        desk.emit(stamp, What::QuicClosed(closed));
    }

    fn attempted(&mut self, desk: &mut Desk, end: AttemptEnd, stamp: Stamp) {
        let Some(attempt) = self.attempt.take() else { return };
        let result = ConnectResult {
            exchange: None,
            to: self.server,
            connection: Some(self.id),
            end,
            transport: Transport::Quic,
            syn_sent: None,
            syn_ack: None,
        };
        desk.emit(Stamp { at: stamp.at, event: Some(attempt) }, What::ConnectResult(result));
    }

    /// The capture, or this connection, is over.
    pub(crate) fn finish(&mut self, desk: &mut Desk, tally: &mut Tally) {
        if !self.answered {
            self.attempted(desk, AttemptEnd::TimedOut, self.last);
        }
        self.http.closed(desk, self.last);
        tally.unreadable += self.http.unreadable;
    }
}

/// Nothing of any handshake yet.
fn crypto() -> [[Ordered; 2]; 3] {
    core::array::from_fn(|_| core::array::from_fn(|_| Ordered::new(MOST_CRYPTO)))
}

/// The alert of TLS that an error of the transport stands for (RFC 9001 §4.8).
fn alert(code: u64) -> Option<u8> {
    (code >> 8 == 1).then_some(code as u8)
}

/// The name of an error of the transport (RFC 9000 §20.1, RFC 9368 §10.2).
fn transport_error(code: u64) -> String {
    if let Some(alert) = alert(code) {
        return format!("{} (alert {alert})", secured::alert_name(alert));
    }
    let name = match code {
        0x00 => "NO_ERROR",
        0x01 => "INTERNAL_ERROR",
        0x02 => "CONNECTION_REFUSED",
        0x03 => "FLOW_CONTROL_ERROR",
        0x04 => "STREAM_LIMIT_ERROR",
        0x05 => "STREAM_STATE_ERROR",
        0x06 => "FINAL_SIZE_ERROR",
        0x07 => "FRAME_ENCODING_ERROR",
        0x08 => "TRANSPORT_PARAMETER_ERROR",
        0x09 => "CONNECTION_ID_LIMIT_ERROR",
        0x0a => "PROTOCOL_VIOLATION",
        0x0b => "INVALID_TOKEN",
        0x0c => "APPLICATION_ERROR",
        0x0d => "CRYPTO_BUFFER_EXCEEDED",
        0x0e => "KEY_UPDATE_ERROR",
        0x0f => "AEAD_LIMIT_REACHED",
        0x10 => "NO_VIABLE_PATH",
        0x11 => "VERSION_NEGOTIATION_ERROR",
        _ => return format!("error {code:#x}"),
    };
    name.to_owned()
}
