//! Records of visits made by hand: which files came when, how large, by which connection.

#![allow(dead_code, reason = "each test file uses a part of it")]

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_record::*;
use roundtrip_story::Story;

fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

/// A file that was fetched. The request goes out as soon as there is a connection, the first byte
/// comes a while after, and then the body.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    url: String,
    kind: ResourceKind,
    from: u64,
    to: u64,
    size: u64,
    status: u16,
    /// How long connecting takes; 0 where the connection is there.
    connect: u64,
    connection: u64,
    reused: u32,
    closed: bool,
    version: &'static str,
    priority: Priority,
    blocks: Blocks,
    think: Option<u64>,
}

/// The wait from a request to the first byte.
const WAIT: u64 = 50;

impl Fetch {
    /// A file that was wanted and had come at these milliseconds.
    pub(crate) fn new(url: &str, from: u64, to: u64) -> Self {
        let kind = match url.rsplit_once('.') {
            Some((_, "css")) => ResourceKind::Style,
            Some((_, "js")) => ResourceKind::Script,
            Some((_, "png")) => ResourceKind::Image,
            _ => ResourceKind::Document,
        };
        Self {
            url: url.into(),
            kind,
            from,
            to,
            size: 1_000,
            status: 200,
            connect: 0,
            connection: 1,
            reused: 0,
            closed: false,
            version: "HTTP/1.1",
            priority: Priority::Medium,
            blocks: Blocks::Nothing,
            think: None,
        }
    }

    pub(crate) fn sized(self, size: u64) -> Self {
        Self { size, ..self }
    }

    pub(crate) fn until(self, to: u64) -> Self {
        Self { to, ..self }
    }

    /// By which connection, and how many exchanges it had carried.
    pub(crate) fn on(self, connection: u64, reused: u32) -> Self {
        Self { connection, reused, ..self }
    }

    pub(crate) fn connecting(self, connect: u64) -> Self {
        Self { connect, ..self }
    }

    pub(crate) fn closed_by_server(self) -> Self {
        Self { closed: true, ..self }
    }

    pub(crate) fn over(self, version: &'static str) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn urgent(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    pub(crate) fn blocking(self, blocks: Blocks) -> Self {
        Self { blocks, ..self }
    }

    pub(crate) fn thinking(self, think: u64) -> Self {
        Self { think: Some(think), ..self }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

/// A visit: its files, in the order in which they were wanted.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    subject: String,
    files: Vec<Fetch>,
    among: Option<Among>,
    paint: Option<u64>,
}

impl Visit {
    pub(crate) fn new(subject: &str) -> Self {
        Self { subject: subject.into(), files: Vec::new(), among: None, paint: None }
    }

    pub(crate) fn fetch(mut self, file: Fetch) -> Self {
        self.files.push(file);
        self
    }

    /// The run is the median of several, whose loads have this interval.
    pub(crate) fn among(self, runs: u32, load: Interval) -> Self {
        Self { among: Some(Among { runs, load: Some(load), first_paint: None }), ..self }
    }

    pub(crate) fn painted(self, at: u64) -> Self {
        Self { paint: Some(at), ..self }
    }

    /// The record of the visit, understood.
    pub(crate) fn story(&self) -> Story {
        let mut events: Vec<(Time, What)> = Vec::new();
        let mut opened = Vec::new();
        for (n, file) in self.files.iter().enumerate() {
            self.events(ExchangeId(n as u32 + 1), file, &mut opened, &mut events);
        }
        let loaded = ms(self.files.iter().map(|file| file.to).max().unwrap_or(0));
        let reached = |name| What::Milestone(PageMilestone { name });
        events.extend(self.paint.map(|at| (ms(at), reached(Milestone::FirstPaint))));
        events.push((loaded, reached(Milestone::LoadEventEnd)));
        events.sort_by_key(|(at, _)| *at);
        let mut log = Log::memory();
        log.host("client", Role::Client, &[]);
        log.emit(Time::ZERO, None, || What::RunStarted(self.started()));
        for (at, what) in events {
            log.emit(at, None, || what);
        }
        let ended = RunEnded { exit: 0, interrupted: false, among: self.among };
        log.emit(loaded, None, || What::RunEnded(ended));
        Story::new(log.events())
    }

    fn started(&self) -> RunStarted {
        RunStarted {
            schema: SCHEMA,
            tool: "roundtrip 0.1.0".into(),
            command: "visit".into(),
            subject: self.subject.clone(),
            wire: WireKind::Lab,
            net: Some("cable".into()),
            seed: Some(1),
            wall: 1_795_276_920_000_000_000,
            replay_of: None,
        }
    }

    fn events(
        &self,
        exchange: ExchangeId,
        file: &Fetch,
        opened: &mut Vec<u64>,
        events: &mut Vec<(Time, What)>,
    ) {
        let initiator = match exchange.0 {
            1 => Initiator::User,
            _ => Initiator::Parser { url: self.files[0].url.clone(), line: 1 },
        };
        let mut tell = |at: u64, what: What| events.push((ms(at), what));
        if exchange.0 > 1 {
            let found = PageFound {
                url: file.url.clone(),
                kind: file.kind,
                priority: file.priority,
                blocks: file.blocks,
                initiator: initiator.clone(),
                not_fetched: None,
            };
            tell(file.from, What::PageFound(found));
        }
        let started = ExchangeStarted {
            exchange,
            method: "GET".into(),
            url: file.url.clone(),
            kind: file.kind,
            priority: file.priority,
            initiator,
            side: Side::Client,
            of: None,
        };
        tell(file.from, What::ExchangeStarted(started));
        let began = file.from + file.connect;
        if !opened.contains(&file.connection) {
            opened.push(file.connection);
            file.opens(exchange, &mut tell);
        }
        tell(began, What::RequestSent(file.request(exchange)));
        if let Some(think) = file.think {
            let server_think = Some(Duration::from_millis(think));
            let (place, inferred) = (0, Vec::new());
            let imported = ImportedExchange { exchange, place, inferred, server_think };
            tell(began, What::ImportedExchange(imported));
        }
        let first = (began + WAIT).min(file.to);
        tell(first, What::ResponseHead(file.head(exchange, first)));
        tell(file.to, What::ResponseEnded(file.response(exchange)));
        let (status, complete) = (Some(file.status), true);
        let over = ExchangeEnded { exchange, status, complete, from_cache: false };
        tell(file.to, What::ExchangeEnded(over));
        if file.closed {
            let (connection, by) = (ConnectionId(file.connection), EndedBy::Server);
            let ending = ConnectionEnding { connection, by, why: "Connection: close".into() };
            tell(file.to, What::ConnectionEnding(ending));
        }
    }
}

impl Fetch {
    /// The connection is opened.
    fn opens(&self, exchange: ExchangeId, tell: &mut impl FnMut(u64, What)) {
        let connection = ConnectionId(self.connection);
        let to: SocketAddr = "192.0.2.80:443".parse().expect("an address");
        let local: SocketAddr = "192.0.2.1:50000".parse().expect("an address");
        let (exchange, transport) = (Some(exchange), Transport::Tcp);
        tell(self.from, What::ConnectAttempt(ConnectAttempt { exchange, to, transport }));
        let open = TcpOpened { connection, side: Side::Client, local, remote: to };
        tell(self.from, What::TcpOpened(open));
        let result = ConnectResult {
            exchange,
            to,
            connection: Some(connection),
            end: AttemptEnd::Connected,
            transport,
            syn_sent: None,
            syn_ack: None,
        };
        tell(self.from + self.connect, What::ConnectResult(result));
    }

    fn request(&self, exchange: ExchangeId) -> RequestSent {
        RequestSent {
            exchange: Some(exchange),
            connection: ConnectionId(self.connection),
            transport: Transport::Tcp,
            stream: None,
            lookup: None,
            reused: self.reused,
            version: self.version.into(),
            method: "GET".into(),
            target: "/".into(),
            fields: Vec::new(),
            began: ms(self.from + self.connect),
            passed: None,
            head_bytes: 400,
            body_bytes: 0,
            body: None,
        }
    }

    fn head(&self, exchange: ExchangeId, first: u64) -> ResponseHead {
        ResponseHead {
            exchange: Some(exchange),
            connection: ConnectionId(self.connection),
            transport: Transport::Tcp,
            stream: None,
            version: self.version.into(),
            status: self.status,
            reason: "OK".into(),
            fields: Vec::new(),
            head_bytes: 200,
            first_byte: ms(first),
            arrived: None,
            first_segment: None,
            server_timing: Vec::new(),
        }
    }

    fn response(&self, exchange: ExchangeId) -> ResponseEnded {
        ResponseEnded {
            exchange: Some(exchange),
            connection: ConnectionId(self.connection),
            transport: Transport::Tcp,
            stream: None,
            arrived: None,
            body: Body {
                framing: Framing::Length(self.size),
                encoded: self.size,
                framed: Some(self.size),
                decoded: self.size,
                codings: Vec::new(),
                content: None,
                cut: None,
            },
            media_type: None,
            trailers: Vec::new(),
        }
    }
}
