//! `Flow`: one TCP connection of a capture, its states as the segments show them, and what it
//! carries.

use std::collections::VecDeque;
use std::net::SocketAddr;

use roundtrip_packet::tcp::Header;
use roundtrip_packet::{Flags, Segment};
use roundtrip_record::{
    Attempt, AttemptEnd, CloseReason, ConnectAttempt, ConnectResult, ConnectionId, Direction,
    EventId, Evidence, Fault, FaultKind, Side, Step, TcpClosed, TcpOpened, TcpSegment, TcpState,
    TcpStateChanged, Time, Transport, What,
};

use super::http1::{self, Http1};
use super::http2::{self, Http2};
use super::keys::Keys;
use super::secured;
use super::stream::{Arrival, Run, Stamp, Stream};
use super::talk::{Carrier, Desk};
use super::tls::{Session, Told};

/// How many segments of a direction are remembered, to know the same packet captured twice.
const REMEMBERED: usize = 64;

/// What a connection carries.
enum Content {
    /// Not known yet.
    Unknown(Begin),
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    /// A client's talk with a proxy of SOCKS (RFC 1928): what it then has with the server begins in a segment of its own,
    /// since the proxy answers first.
    Socks,
    /// Something else.
    Other,
}

/// The begin of a connection, held until it is known what it carries. A server may speak first: its
/// settings of HTTP/2, or where the client's bytes were captured late.
#[derive(Default)]
struct Begin {
    runs: Vec<(bool, Vec<u8>, Stamp)>,
    client: Vec<u8>,
    held: usize,
}

impl Begin {
    fn add(&mut self, by_client: bool, bytes: &[u8], stamp: Stamp) {
        self.held += bytes.len();
        if by_client {
            self.client.extend_from_slice(bytes);
        }
        self.runs.push((by_client, bytes.to_vec(), stamp));
    }
}

/// How many bytes of the begin are held, at most.
const MOST_UNDECIDED: usize = 64 << 10;

/// What makes a packet the same as another: not the payload, which is longer to compare.
type Signature = (u16, u32, u32, u16, u32, u16);

/// A segment as it was captured.
pub(crate) struct Sighting<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) segment: &'a Segment<'a>,
    /// How many bytes at the end of its payload the capture lacks.
    pub(crate) snapped: usize,
    /// The identification field of its IPv4 packet; 0 for IPv6.
    pub(crate) identification: u16,
    pub(crate) stamp: Stamp,
}

impl Sighting<'_> {
    /// Whether the client sent it, as far as the first segment of a connection tells.
    pub(crate) fn is_from_client(&self) -> bool {
        let (flags, payload) = (self.segment.header.flags, self.segment.payload);
        if flags.contains(Flags::SYN) {
            return !flags.contains(Flags::ACK);
        }
        if http1::is_request(payload) || payload.starts_with(http2::PREFACE) {
            return true;
        }
        // Servers have the lower port, as a rule.
        !http1::is_response(payload) && self.from.port() >= self.to.port()
    }
}

/// What connections told that a note is made of.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) twice: u64,
    pub(crate) retransmissions: u64,
    pub(crate) missing: u64,
    pub(crate) middle: u64,
    pub(crate) sealed: u64,
    pub(crate) unopened: u64,
    pub(crate) passed_over: u64,
    pub(crate) unknown_fields: u64,
    pub(crate) other: u64,
}

/// A connection.
pub(crate) struct Flow {
    pub(crate) client: SocketAddr,
    server: SocketAddr,
    id: ConnectionId,
    state: TcpState,
    streams: [Stream; 2],
    shifts: [Option<u8>; 2],
    recent: [VecDeque<Signature>; 2],
    /// The sequence number behind the FIN of each end.
    fins: [Option<u32>; 2],
    /// Whether what each end sent has been read to its end.
    ended: [bool; 2],
    syn: Option<Stamp>,
    attempt: Option<EventId>,
    carrier: Carrier,
    content: Content,
    tls: Option<Box<Session>>,
    over: bool,
    last: Stamp,
}

impl Flow {
    /// A connection whose first captured segment is this one.
    pub(crate) fn new(desk: &mut Desk, sighting: &Sighting<'_>) -> Self {
        let Sighting { from, to, stamp, .. } = *sighting;
        let (client, server) = if sighting.is_from_client() { (from, to) } else { (to, from) };
        let id = desk.log.connection_id();
        let carrier = Carrier {
            connection: id,
            transport: Transport::Tcp,
            server,
            secure: false,
            opened: None,
            carried: 0,
        };
        let flow = Self {
            client,
            server,
            id,
            state: TcpState::Closed,
            streams: Default::default(),
            shifts: [None; 2],
            recent: Default::default(),
            fins: [None; 2],
            ended: [false; 2],
            syn: None,
            attempt: None,
            carrier,
            content: Content::Unknown(Begin::default()),
            tls: None,
            over: false,
            last: stamp,
        };
        let opened =
            TcpOpened { connection: id, side: Side::Client, local: client, remote: server };
        desk.emit(stamp, What::TcpOpened(opened));
        flow
    }

    /// Whether a SYN begins another connection between the same two sockets.
    pub(crate) fn is_reused_by(&self, segment: &Segment<'_>) -> bool {
        let flags = segment.header.flags;
        let fresh = flags.contains(Flags::SYN) && !flags.contains(Flags::ACK);
        fresh && self.is_over()
    }

    /// Whether nothing new is to come: it was reset, or both ends have sent their FIN.
    pub(crate) fn is_over(&self) -> bool {
        self.over || self.fins.iter().all(Option::is_some)
    }

    /// Takes a segment.
    pub(crate) fn segment(
        &mut self,
        desk: &mut Desk,
        sighting: &Sighting<'_>,
        keys: &Keys,
        tally: &mut Tally,
    ) {
        let Sighting { from, segment, snapped, identification, stamp, .. } = *sighting;
        let by_client = from == self.client;
        let n = usize::from(!by_client);
        if self.is_known(n, segment, identification) {
            tally.twice += 1;
            return;
        }
        let header = &segment.header;
        let flags = header.flags;
        let syn = flags.contains(Flags::SYN);
        if syn {
            self.streams[n].syn(header.sequence.0);
            self.shifts[n] = header.options.window_scale.map(|shift| shift.min(14));
        }
        let data = header.sequence.0.wrapping_add(u32::from(syn));
        let length = segment.payload.len() + snapped;
        let arrival = self.streams[n].arrival(data, length, stamp.at);
        let described = self.described(n, header, length, arrival);
        let event = desk.emit(stamp, What::TcpSegment(described));
        let stamp = Stamp { at: stamp.at, event };
        let mut runs = Vec::new();
        self.streams[n].take(data, segment.payload, snapped, stamp, &mut runs);
        self.last = stamp;
        if self.state == TcpState::Closed && !self.over {
            self.begin(desk, by_client, flags, stamp, tally);
        }
        if by_client && syn && !flags.contains(Flags::ACK) && self.syn.is_none() {
            self.syn = Some(stamp);
            self.carrier.opened = Some(stamp);
            let attempt =
                ConnectAttempt { exchange: None, to: self.server, transport: Transport::Tcp };
            self.attempt = desk.emit(stamp, What::ConnectAttempt(attempt));
        }
        if !by_client && syn {
            self.connected(desk, stamp);
        }
        self.deliver(desk, by_client, runs, keys, stamp);
        self.close(desk, n, header, length, stamp, keys);
    }

    /// Whether the same packet was captured before, at another interface or at the other end.
    fn is_known(&mut self, n: usize, segment: &Segment<'_>, identification: u16) -> bool {
        let header = &segment.header;
        let stamp = header.options.timestamps.map_or(0, |stamps| stamps.value);
        // Without a number of its own, a repeated acknowledgement looks like the one before.
        if identification == 0 && (stamp == 0 || segment.payload.is_empty()) {
            return false;
        }
        let signature = (
            identification,
            header.sequence.0,
            header.acknowledgement.0,
            header.flags.bits(),
            stamp,
            segment.payload.len() as u16,
        );
        let recent = &mut self.recent[n];
        if recent.contains(&signature) {
            return true;
        }
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(signature);
        false
    }

    fn described(&self, n: usize, header: &Header, length: usize, arrival: Arrival) -> TcpSegment {
        // The scale holds if both ends sent it (RFC 7323 §2.2).
        let shift = self.shifts[1 - n].and(self.shifts[n]).unwrap_or(0);
        let direction = if n == 0 { Direction::Sent } else { Direction::Received };
        let retransmission = arrival == Arrival::Retransmission;
        let segment = TcpSegment::of(self.id, direction, header, length, shift);
        TcpSegment { retransmission, ..segment }
    }

    fn to(&mut self, desk: &mut Desk, to: TcpState, how: Evidence, stamp: Stamp) {
        let from = core::mem::replace(&mut self.state, to);
        if from != to {
            let changed = TcpStateChanged { connection: self.id, from, to, how };
            desk.emit(stamp, What::TcpStateChanged(changed));
        }
    }

    /// The first segment of the connection.
    fn begin(
        &mut self,
        desk: &mut Desk,
        by_client: bool,
        flags: Flags,
        stamp: Stamp,
        tally: &mut Tally,
    ) {
        if flags.contains(Flags::RST) {
            return;
        }
        if by_client && flags.contains(Flags::SYN) {
            return self.to(desk, TcpState::SynSent, seen(), stamp);
        }
        if flags.contains(Flags::SYN) {
            let how = Evidence::Inferred("the answer to a SYN that was not captured".into());
            return self.to(desk, TcpState::SynSent, how, stamp);
        }
        tally.middle += 1;
        let how = Evidence::Inferred("the capture begins in the middle of the connection".into());
        self.to(desk, TcpState::Established, how, stamp);
    }

    /// The SYN was answered.
    fn connected(&mut self, desk: &mut Desk, stamp: Stamp) {
        if self.state != TcpState::SynSent {
            return;
        }
        self.to(desk, TcpState::Established, seen(), stamp);
        if let Some(syn) = self.syn {
            for stream in &mut self.streams {
                stream.round_trip = Some(stamp.at - syn.at);
            }
        }
        self.attempted(desk, AttemptEnd::Connected, Some(stamp.at), stamp);
    }

    fn attempted(&mut self, desk: &mut Desk, end: AttemptEnd, syn_ack: Option<Time>, stamp: Stamp) {
        let Some(attempt) = self.attempt.take() else { return };
        let syn_sent = self.syn.map(|syn| syn.at);
        let result = ConnectResult {
            exchange: None,
            to: self.server,
            connection: Some(self.id),
            end,
            transport: Transport::Tcp,
            syn_sent,
            syn_ack,
        };
        desk.emit(Stamp { at: stamp.at, event: Some(attempt) }, What::ConnectResult(result));
    }

    /// Hands bytes in order to whatever reads them.
    fn deliver(
        &mut self,
        desk: &mut Desk,
        by_client: bool,
        runs: Vec<Run>,
        keys: &Keys,
        now: Stamp,
    ) {
        for run in runs {
            match run {
                Run::Bytes(bytes, stamp) => self.bytes(desk, by_client, &bytes, stamp, keys),
                Run::Gap(bytes) => {
                    if let Some(tls) = &mut self.tls {
                        tls.gap(by_client);
                    }
                    match &mut self.content {
                        Content::Http1(http) => http.gap(desk, by_client, bytes, now),
                        Content::Http2(http) => http.gap(by_client, bytes),
                        Content::Unknown(_) | Content::Socks | Content::Other => {}
                    }
                }
            }
        }
    }

    fn bytes(&mut self, desk: &mut Desk, by_client: bool, bytes: &[u8], stamp: Stamp, keys: &Keys) {
        let begins_tls = |bytes: &[u8]| matches!(bytes, [20..=23, 3, 0..=4, ..]);
        let begins_http =
            |bytes: &[u8]| http1::is_request(bytes) || bytes.starts_with(http2::PREFACE);
        let is_through = matches!(self.content, Content::Socks) && by_client;
        if is_through && (begins_tls(bytes) || begins_http(bytes)) {
            self.content = Content::Unknown(Begin::default());
        }
        let fresh = matches!(&self.content, Content::Unknown(begin) if begin.client.is_empty());
        if self.tls.is_none() && fresh && by_client && begins_tls(bytes) {
            self.tls = Some(Box::default());
            self.carrier.secure = true;
        }
        let Some(tls) = &mut self.tls else { return self.plain(desk, by_client, bytes, stamp) };
        let mut told = Vec::new();
        tls.feed(by_client, bytes, stamp, keys, &mut told);
        for told in told {
            self.told(desk, told);
        }
    }

    /// What TLS tells.
    fn told(&mut self, desk: &mut Desk, told: Told) {
        let Some(tls) = &self.tls else { return };
        match told {
            Told::Started(stamp) => {
                let started = secured::started(self.id, &tls.hellos);
                desk.emit(stamp, What::TlsStarted(started));
            }
            Told::Established(stamp) => {
                let done = secured::established(self.id, &tls.hellos);
                desk.emit(stamp, What::TlsEstablished(done));
            }
            Told::Alert(by_client, alert, stamp) => {
                // close_notify ends a session as it should.
                if alert != 0 && self.carrier.carried == 0 {
                    let fault = FaultKind::TlsFailed {
                        why: format!("{} (alert {alert})", secured::alert_name(alert)),
                        alert_received: !by_client,
                    };
                    self.fault(desk, Step::Tls, fault, stamp);
                }
            }
            Told::Data(by_client, bytes, stamp) => self.plain(desk, by_client, &bytes, stamp),
        }
    }

    fn fault(&self, desk: &mut Desk, step: Step, fault: FaultKind, stamp: Stamp) {
        let since = self.syn.map_or(stamp.at, |syn| syn.at);
        let fault =
            Fault { step, exchange: None, connection: Some(self.id), since, fatal: false, fault };
        desk.emit(stamp, What::Fault(fault));
    }

    /// Bytes of the application.
    fn plain(&mut self, desk: &mut Desk, by_client: bool, bytes: &[u8], stamp: Stamp) {
        match &mut self.content {
            Content::Unknown(begin) => {
                begin.add(by_client, bytes, stamp);
                self.decide(desk);
            }
            Content::Http1(http) => {
                http.feed(desk, &mut self.carrier, by_client, bytes, stamp);
                if http.is_tunnel() {
                    self.content = Content::Unknown(Begin::default());
                    self.tls = None;
                }
            }
            Content::Http2(http) => http.feed(desk, &mut self.carrier, by_client, bytes, stamp),
            Content::Socks | Content::Other => {}
        }
    }

    /// Finds out what the connection carries, by what its client says first.
    fn decide(&mut self, desk: &mut Desk) {
        let Content::Unknown(begin) = &mut self.content else { return };
        let agreed = self.tls.as_ref().and_then(|tls| tls.hellos.alpn.as_deref());
        let said = begin.client.as_slice();
        // The preface and the handshake that agrees on a protocol come first on a connection, even
        // where its SYN was not captured.
        let whole = self.streams[0].whole || agreed.is_some() || said.starts_with(http2::PREFACE);
        let content = if agreed == Some("h2") || said.starts_with(http2::PREFACE) {
            Content::Http2(Box::new(Http2::new(whole)))
        } else if http1::is_request(said) {
            Content::Http1(Box::default())
        } else if begin.held < MOST_UNDECIDED && could_begin(said) {
            return;
        } else if is_socks(said) {
            Content::Socks
        } else {
            Content::Other
        };
        let runs = core::mem::take(&mut begin.runs);
        self.content = content;
        for (by_client, bytes, stamp) in runs {
            self.plain(desk, by_client, &bytes, stamp);
        }
    }

    /// What FIN, RST and the acknowledgements of FIN do.
    fn close(
        &mut self,
        desk: &mut Desk,
        n: usize,
        header: &Header,
        length: usize,
        stamp: Stamp,
        keys: &Keys,
    ) {
        if header.flags.contains(Flags::RST) {
            return self.reset(desk, n, stamp, keys);
        }
        let fresh = header.flags.contains(Flags::FIN) && self.fins[n].is_none();
        if fresh {
            let end = header.sequence.0.wrapping_add(length as u32 + 1);
            self.fins[n] = Some(end);
        }
        // A FIN may overtake the last bytes, or come before those that are sent again.
        if self.fins[n].is_some_and(|fin| self.streams[n].reached(fin.wrapping_sub(1))) {
            self.ended(desk, n, stamp, keys);
        }
        if fresh {
            let to = match (self.state, n) {
                (TcpState::Established | TcpState::SynSent, 0) => TcpState::FinWait1,
                (TcpState::CloseWait, 0) => TcpState::LastAck,
                (TcpState::Established | TcpState::SynSent, _) => TcpState::CloseWait,
                (TcpState::FinWait1, 1) => TcpState::Closing,
                (TcpState::FinWait2, 1) => TcpState::TimeWait,
                (state, _) => state,
            };
            // A FIN may acknowledge the client's at the same time (RFC 9293 §3.10.7.4).
            let both = to == TcpState::Closing && self.covers_fin(0, header.ack().map(|ack| ack.0));
            let to = if both { TcpState::TimeWait } else { to };
            self.to(desk, to, seen(), stamp);
        }
        let ack = header.ack().map(|ack| ack.0);
        if self.covers_fin(1 - n, ack) {
            // The receiver has everything: what is missing yet is missing in the capture alone.
            self.ended(desk, 1 - n, stamp, keys);
        }
        self.acknowledged(desk, n, ack, stamp);
    }

    /// All that end `n` sent is there, or will never be.
    fn ended(&mut self, desk: &mut Desk, n: usize, stamp: Stamp, keys: &Keys) {
        if core::mem::replace(&mut self.ended[n], true) {
            return;
        }
        self.drain(desk, n == 0, keys, stamp);
        match &mut self.content {
            Content::Http1(http) => http.closed(desk, n == 0, false, stamp),
            Content::Http2(http) if n == 1 => http.closed(desk, false, stamp),
            _ => {}
        }
    }

    /// Whether an acknowledgement covers the FIN of end `n`.
    fn covers_fin(&self, n: usize, ack: Option<u32>) -> bool {
        self.fins[n].zip(ack).is_some_and(|(fin, ack)| ack.wrapping_sub(fin) as i32 >= 0)
    }

    /// An acknowledgement by end `n`: perhaps of the client's FIN.
    fn acknowledged(&mut self, desk: &mut Desk, n: usize, ack: Option<u32>, stamp: Stamp) {
        if n == 1 && self.covers_fin(0, ack) {
            match self.state {
                TcpState::FinWait1 => self.to(desk, TcpState::FinWait2, seen(), stamp),
                TcpState::Closing => self.to(desk, TcpState::TimeWait, seen(), stamp),
                TcpState::LastAck => {
                    self.to(desk, TcpState::Closed, seen(), stamp);
                    self.gone(desk, CloseReason::Finished, stamp);
                }
                _ => {}
            }
        }
    }

    fn gone(&mut self, desk: &mut Desk, reason: CloseReason, stamp: Stamp) {
        if !core::mem::replace(&mut self.over, true) {
            let closed = TcpClosed { connection: self.id, reason, how: seen() };
            desk.emit(stamp, What::TcpClosed(closed));
        }
    }

    fn reset(&mut self, desk: &mut Desk, n: usize, stamp: Stamp, keys: &Keys) {
        if self.over {
            return;
        }
        let refused = self.state == TcpState::SynSent && n == 1;
        if refused {
            let attempt = Attempt {
                to: self.server,
                began: self.syn.map_or(stamp.at, |syn| syn.at),
                ended: stamp.at,
                syns: self.syn.map(|syn| syn.at).into_iter().collect(),
                syn_count: None,
                end: AttemptEnd::Refused,
            };
            self.attempted(desk, AttemptEnd::Refused, None, stamp);
            self.fault(
                desk,
                Step::Connect,
                FaultKind::ConnectFailed { attempts: vec![attempt] },
                stamp,
            );
        }
        for by_client in [true, false] {
            self.drain(desk, by_client, keys, stamp);
        }
        match &mut self.content {
            Content::Http1(http) => http.closed(desk, n == 0, true, stamp),
            Content::Http2(http) => http.closed(desk, true, stamp),
            _ => {}
        }
        self.to(desk, TcpState::Closed, seen(), stamp);
        let reason = match (refused, n) {
            (true, _) => CloseReason::Refused,
            (false, 0) => CloseReason::Aborted,
            (false, _) => CloseReason::Reset,
        };
        self.gone(desk, reason, stamp);
    }

    /// Hands out what waits behind gaps.
    fn drain(&mut self, desk: &mut Desk, by_client: bool, keys: &Keys, stamp: Stamp) {
        let mut runs = Vec::new();
        self.streams[usize::from(!by_client)].finish(&mut runs);
        self.deliver(desk, by_client, runs, keys, stamp);
    }

    /// The capture, or this connection, is over.
    pub(crate) fn finish(&mut self, desk: &mut Desk, keys: &Keys, tally: &mut Tally) {
        let stamp = self.last;
        for by_client in [true, false] {
            self.drain(desk, by_client, keys, stamp);
        }
        if self.state == TcpState::SynSent {
            self.attempted(desk, AttemptEnd::TimedOut, None, stamp);
        }
        match &mut self.content {
            Content::Http1(http) => {
                http.closed(desk, false, false, stamp);
                tally.passed_over += http.passed_over;
            }
            Content::Http2(http) => {
                http.closed(desk, false, stamp);
                tally.passed_over += http.passed_over;
                tally.unknown_fields += http.unknown_fields();
            }
            Content::Unknown(_) | Content::Socks | Content::Other => {
                tally.other += u64::from(self.tls.is_none());
            }
        }
        for stream in &self.streams {
            tally.retransmissions += stream.retransmissions;
            tally.missing += stream.missing;
        }
        if let Some(tls) = &self.tls {
            tally.unopened += tls.unopened;
            tally.sealed += u64::from(self.carrier.carried == 0);
        }
    }
}

/// Known from the packets of the capture.
fn seen() -> Evidence {
    Evidence::Observed("captured packets".into())
}

/// Whether a client begins to talk with a proxy: version 5 with its methods, or version 4 and what it wants.
fn is_socks(bytes: &[u8]) -> bool {
    match bytes {
        [5, methods, rest @ ..] => (1..=8).contains(methods) && rest.len() == usize::from(*methods),
        [4, 1 | 2, rest @ ..] => rest.len() > 6 && rest.last() == Some(&0),
        _ => false,
    }
}

/// Whether more bytes may make this the begin of HTTP.
fn could_begin(bytes: &[u8]) -> bool {
    http2::PREFACE.starts_with(bytes) || http1::may_become_request(bytes)
}
