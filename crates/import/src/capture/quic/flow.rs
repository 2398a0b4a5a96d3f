//! `Flow`: one QUIC connection of a capture, as far as its packets show it: versions, the hellos in its Initial packets,
//! which anybody can open, the rest of its handshake and its end with keys.

use std::net::SocketAddr;

use roundtrip_record::{
    Attempt, AttemptEnd, ConnectAttempt, ConnectResult, ConnectionId, Direction, EventId, Fault,
    FaultKind, QuicClosed, QuicOpened, Side, Step, Transport, What,
};

use super::super::keys::Keys;
use super::super::secured;
use super::super::stream::Stamp;
use super::super::talk::Desk;
use super::super::tls::{Session, Told};
use super::crypto::Crypto;
use super::packet::{Frame, Kind, Long, frames};
use super::seal::{self, Seal};
use super::tally::Tally;
use super::versions::{self, Version};

/// The levels of encryption whose packets are opened (RFC 9001 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Initial = 0,
    Handshake = 1,
    Application = 2,
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
    seals: [Option<[Seal; 2]>; 3],
    crypto: [[Crypto; 2]; 2],
    session: Session,
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
            seals: [seal::initial(&packet.version, packet.destination), None, None],
            crypto: Default::default(),
            session: Session::default(),
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
            Kind::Early => return tally.early += 1,
            Kind::Retry => return self.retry(by_client, packet, tally),
        };
        if level == Level::Initial && packet.version != self.version {
            // The server may choose another version than the client began with (RFC 9368 §2.3).
            self.version = packet.version;
            self.seals[0] = seal::initial(&packet.version, &self.chosen);
        }
        let opened =
            self.seal(level, by_client, keys).and_then(|seal| seal.open(bytes, packet.number_at));
        let Some(payload) = opened else {
            match level {
                Level::Initial => tally.unopened += 1,
                Level::Handshake | Level::Application => tally.sealed(bytes.len()),
            }
            return;
        };
        self.names[usize::from(!by_client)] = packet.source.to_vec();
        self.payload(desk, level, by_client, &payload, stamp, keys);
    }

    /// Takes a packet with a short header.
    pub(crate) fn short(
        &mut self,
        desk: &mut Desk,
        passed: Passed<'_>,
        keys: &Keys,
        tally: &mut Tally,
    ) {
        let Passed { by_client, bytes, stamp } = passed;
        self.last = stamp;
        if by_client && !self.closed && self.session.is_answered() {
            // A client sends none before it has completed the handshake (RFC 9001 §5.7).
            let mut told = Vec::new();
            self.session.complete(stamp, &mut told);
            self.tell(desk, told);
        }
        // The connection id has no length in a short header: it is the one that the other end chose.
        let number_at = 1 + self.names[usize::from(by_client)].len();
        match self
            .seal(Level::Application, by_client, keys)
            .and_then(|seal| seal.open(bytes, number_at))
        {
            Some(payload) => {
                tally.opened += 1;
                self.payload(desk, Level::Application, by_client, &payload, stamp, keys);
            }
            None => tally.sealed(bytes.len()),
        }
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

    fn payload(
        &mut self,
        desk: &mut Desk,
        level: Level,
        by_client: bool,
        payload: &[u8],
        stamp: Stamp,
        keys: &Keys,
    ) {
        let mut told = Vec::new();
        let mut end = None;
        let (crypto, session) = (&mut self.crypto, &mut self.session);
        frames(payload, |frame| match frame {
            Frame::Crypto(offset, bytes) => {
                if let Some(crypto) = crypto.get_mut(level as usize) {
                    let ready = crypto[usize::from(!by_client)].take(offset, bytes);
                    session.handshake(by_client, &ready, stamp, keys, &mut told);
                }
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
                    self.crypto = Default::default();
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
    pub(crate) fn finish(&mut self, desk: &mut Desk) {
        if !self.answered {
            self.attempted(desk, AttemptEnd::TimedOut, self.last);
        }
    }
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
