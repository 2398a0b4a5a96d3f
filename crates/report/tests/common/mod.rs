//! Records made by hand that look like those of a run: a visit in the lab with everything in it,
//! and one for each fault.

#![allow(dead_code, reason = "each test file uses a part of it")]

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use roundtrip_record::*;

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn socket(text: &str) -> SocketAddr {
    text.parse().expect("a socket address")
}

fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// 2026-11-21T16:02:00Z.
pub(crate) const WALL: u64 = 1_795_276_920_000_000_000;

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A record being made: a client, a server, a link between them with a delay one way.
pub(crate) struct Scene {
    pub(crate) log: Log,
    pub(crate) client: HostId,
    pub(crate) server: HostId,
    pub(crate) now: Time,
    delay: Duration,
    port: u16,
    both_ends: bool,
}

/// Both ends of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Wire {
    pub(crate) client: ConnectionId,
    pub(crate) server: ConnectionId,
    client_seq: u32,
    server_seq: u32,
    carried: u32,
}

/// What a response is like.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) reason: &'a str,
    pub(crate) think: Duration,
    pub(crate) media: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) fields: &'a [(&'a str, &'a str)],
}

impl<'a> Answer<'a> {
    pub(crate) fn ok(media: &'a str, body: &'a [u8]) -> Self {
        Self { status: 200, reason: "OK", think: us(1_000), media, body, fields: &[] }
    }
}

impl Scene {
    /// A run in the lab; the first events.
    pub(crate) fn lab(subject: &str, delay: Duration) -> Self {
        Self::new(subject, WireKind::Lab, Some("cable"), delay)
    }

    /// A run on kernel sockets: only one end, no segments.
    pub(crate) fn live(subject: &str, delay: Duration) -> Self {
        Self::new(subject, WireKind::Live, None, delay)
    }

    fn new(subject: &str, wire: WireKind, net: Option<&str>, delay: Duration) -> Self {
        let log = Log::memory();
        let address = |id: &Log, name: &str, mac: &str, at: &str| Interface {
            id: id.interface_id(),
            name: name.into(),
            mac: mac.into(),
            addresses: vec![ip(at)],
        };
        let eth = address(&log, "eth0", "02:00:00:00:00:01", "10.0.0.2");
        let client = log.host("client", Role::Client, &[eth]);
        let mut scene = Self {
            client,
            server: client,
            now: Time::ZERO,
            delay,
            port: 40_000,
            both_ends: wire == WireKind::Lab,
            log,
        };
        if wire == WireKind::Lab {
            let eth = address(&scene.log, "eth0", "02:00:00:00:00:03", "192.0.2.80");
            scene.server = scene.log.host("www", Role::WebServer, &[eth]);
            for (from, to) in [(0, 1), (1, 0)] {
                let link = LinkDeclared {
                    id: scene.log.link_id(),
                    from: InterfaceId(from),
                    to: InterfaceId(to),
                    rate: Some(if from == 0 { 1_000_000 } else { 5_000_000 }),
                    delay,
                    queue: "1000p".into(),
                    loss_ppm: 0,
                };
                scene.tell(client, None, What::LinkDeclared(link));
            }
        }
        scene.tell(
            client,
            None,
            What::RunStarted(RunStarted {
                schema: SCHEMA,
                tool: "roundtrip 0.1.0".into(),
                command: "visit".into(),
                subject: subject.into(),
                wire,
                net: net.map(Into::into),
                seed: net.map(|_| 1),
                wall: WALL,
                replay_of: None,
            }),
        );
        scene
    }

    pub(crate) fn tell(
        &mut self,
        host: HostId,
        cause: Option<EventId>,
        what: What,
    ) -> Option<EventId> {
        let now = self.now;
        self.tell_at(now, host, cause, what)
    }

    fn tell_at(
        &self,
        at: Time,
        host: HostId,
        cause: Option<EventId>,
        what: What,
    ) -> Option<EventId> {
        self.log.of(host).emit(at, cause, || what)
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// A resource is wanted.
    pub(crate) fn want(
        &mut self,
        url: &str,
        kind: ResourceKind,
        initiator: Initiator,
        cause: Option<EventId>,
    ) -> (ExchangeId, Option<EventId>) {
        let exchange = self.log.exchange_id();
        let event = self.tell(
            self.client,
            cause,
            What::ExchangeStarted(ExchangeStarted {
                exchange,
                method: "GET".into(),
                url: url.into(),
                kind,
                priority: if kind == ResourceKind::Image {
                    Priority::Low
                } else {
                    Priority::VeryHigh
                },
                initiator,
                side: Side::Client,
                of: None,
            }),
        );
        (exchange, event)
    }

    /// The ladder down to a recursive server, which walks from the root.
    pub(crate) fn look_up(
        &mut self,
        name: &str,
        address: &str,
        cause: Option<EventId>,
    ) -> LookupId {
        let lookup = self.log.lookup_id();
        let client = self.client;
        let started = NameStarted { lookup, name: name.into(), types: vec!["A".into()] };
        let mut last = self.tell(client, cause, What::NameStarted(started));
        for source in [
            Source::OwnCache,
            Source::OsCache { service: "lab".into() },
            Source::HostsFile { path: "/etc/hosts".into() },
        ] {
            last = self.rung(client, lookup, source, name, Outcome::Miss, Duration::ZERO, last);
        }
        let server = Source::NameServer { server: socket("10.0.0.53:53") };
        let asked = NameAsked {
            lookup,
            source: server.clone(),
            name: name.into(),
            record_type: "A".into(),
        };
        last = self.tell(client, last, What::NameAsked(asked));
        let began = self.now;
        self.neighbour("10.0.0.1", "02:00:00:00:00:02");
        self.walk(name, address);
        let outcome = Outcome::Found {
            addresses: vec![ip(address)],
            ttl: Some(300),
            origin: Some("network".into()),
        };
        let answered = NameAnswered {
            lookup,
            source: server,
            name: name.into(),
            record_type: "A".into(),
            outcome,
            records: vec![],
            took: self.now - began,
        };
        last = self.tell(client, last, What::NameAnswered(answered));
        let ended =
            NameEnded { lookup, addresses: vec![ip(address)], aliases: vec![], ttl: Some(300) };
        self.tell(client, last, What::NameEnded(ended));
        lookup
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one event")]
    pub(crate) fn rung(
        &mut self,
        host: HostId,
        lookup: LookupId,
        source: Source,
        name: &str,
        outcome: Outcome,
        took: Duration,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let record_type = if matches!(source, Source::Zone { .. } | Source::NameServer { .. }) {
            "A"
        } else {
            ""
        };
        let asked = NameAsked {
            lookup,
            source: source.clone(),
            name: name.into(),
            record_type: record_type.into(),
        };
        let asked = self.tell(host, cause, What::NameAsked(asked));
        self.pass(took);
        let answered = NameAnswered {
            lookup,
            source,
            name: name.into(),
            record_type: record_type.into(),
            outcome,
            records: vec![],
            took,
        };
        self.tell(host, asked, What::NameAnswered(answered))
    }

    /// What the resolver does for a question: `.`, `com.`, `example.com.`
    fn walk(&mut self, name: &str, address: &str) {
        let eth = Interface {
            id: self.log.interface_id(),
            name: "eth0".into(),
            mac: "02:00:00:00:00:09".into(),
            addresses: vec![ip("10.0.0.53")],
        };
        let resolver = self.log.host("resolver", Role::Resolver, &[eth]);
        self.pass(us(14_000));
        let lookup = self.log.lookup_id();
        let started = NameStarted { lookup, name: name.into(), types: vec!["A".into()] };
        let mut last = self.tell(resolver, None, What::NameStarted(started));
        let top = name.trim_end_matches('.').rsplit('.').next().unwrap_or("com").to_owned() + ".";
        let zones = [(".", "198.41.0.4:53", "a.root."), (&*top, "192.5.6.30:53", "a.gtld.")];
        for (zone, server, ns) in zones {
            let below = if zone == "." { top.clone() } else { name.to_owned() };
            let source =
                Source::Zone { zone: zone.into(), name: Some(ns.into()), server: socket(server) };
            let outcome = Outcome::Referral {
                zone: below,
                servers: vec!["ns1.".into(), "ns2.".into()],
                glue: vec![ip("192.0.2.53")],
            };
            last = self.rung(resolver, lookup, source, name, outcome, us(2_400), last);
        }
        let source = Source::Zone {
            zone: name.into(),
            name: Some("ns1.".into()),
            server: socket("192.0.2.53:53"),
        };
        let outcome = Outcome::Found { addresses: vec![ip(address)], ttl: Some(300), origin: None };
        last = self.rung(resolver, lookup, source, name, outcome, us(2_400), last);
        let ended =
            NameEnded { lookup, addresses: vec![ip(address)], aliases: vec![], ttl: Some(300) };
        self.tell(resolver, last, What::NameEnded(ended));
        self.pass(us(14_000));
    }

    /// ARP for a next hop.
    pub(crate) fn neighbour(&mut self, address: &str, mac: &str) {
        let change = |from, to, mac: Option<&str>| {
            What::NeighbourChanged(NeighbourChanged {
                interface: InterfaceId(0),
                address: ip(address),
                mac: mac.map(Into::into),
                from,
                to,
                how: Evidence::Performed,
            })
        };
        let asked = self.tell(self.client, None, change(None, NeighbourState::Incomplete, None));
        self.pass(us(400));
        let from = Some(NeighbourState::Incomplete);
        self.tell(self.client, asked, change(from, NeighbourState::Reachable, Some(mac)));
    }

    fn state(
        &self,
        at: Time,
        host: HostId,
        connection: ConnectionId,
        from: TcpState,
        to: TcpState,
        cause: Option<EventId>,
    ) {
        let how = if self.both_ends {
            Evidence::Performed
        } else {
            Evidence::Observed("TCP_INFO".into())
        };
        let changed = TcpStateChanged { connection, from, to, how };
        self.tell_at(at, host, cause, What::TcpStateChanged(changed));
    }

    /// A segment leaves one end and reaches the other; answers with the arrival's event.
    fn segment(
        &self,
        sent: Time,
        wire: &Wire,
        from_client: bool,
        segment: &Segment,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        if !self.both_ends {
            return cause;
        }
        let make = |connection, direction| {
            What::TcpSegment(TcpSegment {
                connection,
                direction,
                seq: segment.seq,
                ack: segment.ack,
                flags: Flags(segment.flags),
                window: if segment.flags & SYN > 0 { 64_240 } else { 65_536 },
                length: segment.length,
                mss: (segment.flags & SYN > 0).then_some(1460),
                window_scale: (segment.flags & SYN > 0).then_some(10),
                sack_permitted: segment.flags & SYN > 0,
                timestamps: None,
                sack: vec![],
                fast_open: None,
                retransmission: segment.again,
                disposition: None,
            })
        };
        let ends = [(self.client, wire.client), (self.server, wire.server)];
        let [near, far] = if from_client { ends } else { [ends[1], ends[0]] };
        let left = self.tell_at(sent, near.0, cause, make(near.1, Direction::Sent));
        if segment.lost {
            return left;
        }
        self.tell_at(sent + self.delay, far.0, left, make(far.1, Direction::Received))
    }

    /// The handshake; ends when the client is `ESTABLISHED`.
    pub(crate) fn connect(
        &mut self,
        exchange: ExchangeId,
        to: &str,
        cause: Option<EventId>,
    ) -> Wire {
        let to = socket(to);
        self.port += 1;
        let local = SocketAddr::new(ip("10.0.0.2"), self.port);
        let attempt = self.tell(
            self.client,
            cause,
            What::ConnectAttempt(ConnectAttempt {
                exchange: Some(exchange),
                to,
                transport: Transport::Tcp,
            }),
        );
        let client = self.log.connection_id();
        let server = if self.both_ends { self.log.connection_id() } else { client };
        let (client_isn, server_isn) = (1_302_118_744 + u32::from(self.port), 88_410_002);
        let mut wire =
            Wire { client, server, client_seq: client_isn, server_seq: server_isn, carried: 0 };
        let opened = |connection, side, local, remote| {
            What::TcpOpened(TcpOpened { connection, side, local, remote })
        };
        let open = self.tell(self.client, attempt, opened(client, Side::Client, local, to));
        let start = self.now;
        self.state(start, self.client, client, TcpState::Closed, TcpState::SynSent, open);
        let syn = Segment { seq: client_isn, ack: None, flags: SYN, ..Segment::default() };
        let arrived = self.segment(start, &wire, true, &syn, open);
        let there = start + self.delay;
        let here = there + self.delay;
        let answer = Segment {
            seq: server_isn,
            ack: Some(client_isn + 1),
            flags: SYN | ACK,
            ..Segment::default()
        };
        if self.both_ends {
            let open =
                self.tell_at(there, self.server, arrived, opened(server, Side::Server, to, local));
            self.state(there, self.server, server, TcpState::Listen, TcpState::SynReceived, open);
        }
        let arrived = self.segment(there, &wire, false, &answer, arrived);
        self.state(here, self.client, client, TcpState::SynSent, TcpState::Established, arrived);
        wire.client_seq = client_isn + 1;
        wire.server_seq = server_isn + 1;
        let ack = Segment {
            seq: wire.client_seq,
            ack: Some(wire.server_seq),
            flags: ACK,
            ..Segment::default()
        };
        let last = self.segment(here, &wire, true, &ack, arrived);
        if self.both_ends {
            self.state(
                here + self.delay,
                self.server,
                server,
                TcpState::SynReceived,
                TcpState::Established,
                last,
            );
        }
        self.now = here;
        let result = ConnectResult {
            exchange: Some(exchange),
            to,
            connection: Some(client),
            end: AttemptEnd::Connected,
            transport: Transport::Tcp,
            syn_sent: None,
            syn_ack: None,
        };
        self.tell(self.client, attempt, What::ConnectResult(result));
        wire
    }

    /// The TLS handshake: one round trip.
    pub(crate) fn secure(&mut self, wire: &Wire, name: &str, not_after: i64) {
        let started = TlsStarted {
            connection: wire.client,
            server_name: name.into(),
            alpn: vec!["http/1.1".into()],
        };
        let started = self.tell(self.client, None, What::TlsStarted(started));
        self.pass(self.delay * 2 + us(1_000));
        let certificate = Certificate {
            subject: format!("CN={name}"),
            issuer: "CN=roundtrip lab authority".into(),
            names: vec![name.into()],
            not_before: 1_790_000_000,
            not_after,
            der: None,
        };
        let done = TlsEstablished {
            connection: wire.client,
            version: "TLS 1.3".into(),
            cipher: "TLS13_AES_128_GCM_SHA256".into(),
            group: Some("X25519".into()),
            alpn: Some("http/1.1".into()),
            resumed: false,
            certificates: vec![certificate],
            arrived: None,
        };
        self.tell(self.client, started, What::TlsEstablished(done));
    }

    /// The request is written.
    pub(crate) fn request(
        &mut self,
        exchange: ExchangeId,
        wire: &mut Wire,
        target: &str,
        lookup: Option<LookupId>,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let began = self.now;
        self.pass(us(60));
        let sent = self.tell(
            self.client,
            cause,
            What::RequestSent(RequestSent {
                exchange: Some(exchange),
                connection: wire.client,
                transport: Transport::Tcp,
                stream: None,
                passed: None,
                lookup,
                reused: wire.carried,
                version: "HTTP/1.1".into(),
                method: "GET".into(),
                target: target.into(),
                fields: vec![
                    Field("Host".into(), "example.com".into()),
                    Field("User-Agent".into(), "roundtrip/0.1.0".into()),
                    Field("Accept-Encoding".into(), "gzip, br, zstd".into()),
                    Field("Cookie".into(), "sid=secret".into()),
                ],
                began,
                head_bytes: 142,
                body_bytes: 0,
                body: None,
            }),
        );
        wire.carried += 1;
        let data = Segment {
            seq: wire.client_seq,
            ack: Some(wire.server_seq),
            flags: PSH | ACK,
            length: 142,
            ..Segment::default()
        };
        let arrived = self.segment(self.now, wire, true, &data, sent);
        wire.client_seq += 142;
        arrived
    }

    /// The response arrives: head and body in segments of 1448 bytes, an initial window a round trip.
    #[expect(clippy::too_many_lines, reason = "a list of what a response consists of")]
    pub(crate) fn answer(
        &mut self,
        exchange: ExchangeId,
        wire: &mut Wire,
        answer: &Answer<'_>,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let sent = self.now + self.delay + answer.think;
        let head_bytes = 180;
        let total = head_bytes + answer.body.len() as u32;
        let mut at = sent;
        let mut left = total;
        let mut first = None;
        let mut window = 10;
        let mut in_round = 0;
        while left > 0 {
            let length = left.min(1448);
            let data = Segment {
                seq: wire.server_seq,
                ack: Some(wire.client_seq),
                flags: ACK,
                length,
                ..Segment::default()
            };
            let arrived = self.segment(at, wire, false, &data, cause);
            first = first.or(arrived);
            wire.server_seq += length;
            left -= length;
            in_round += 1;
            let ack = Segment {
                seq: wire.client_seq,
                ack: Some(wire.server_seq),
                flags: ACK,
                ..Segment::default()
            };
            self.segment(at + self.delay, wire, true, &ack, arrived);
            if self.both_ends {
                let sample = TcpCongestion {
                    connection: wire.server,
                    phase: CongestionPhase::SlowStart,
                    cwnd: window * 1448,
                    ssthresh: None,
                    in_flight: in_round * 1448,
                    srtt: Some(self.delay * 2),
                    rttvar: Some(self.delay / 2),
                    rto: Duration::from_millis(200).max(self.delay * 4),
                };
                self.tell_at(at, self.server, arrived, What::TcpCongestion(sample));
            }
            at += us(2_400);
            if in_round >= window && left > 0 {
                at += self.delay * 2;
                window *= 2;
                in_round = 0;
            }
        }
        let first_byte = sent + self.delay;
        let mut fields = vec![
            Field("Content-Type".into(), answer.media.into()),
            Field("Content-Length".into(), answer.body.len().to_string()),
        ];
        fields.extend(
            answer.fields.iter().map(|(name, value)| Field((*name).into(), (*value).into())),
        );
        let timing = answer.fields.iter().any(|(name, _)| *name == "Server-Timing");
        let server_timing = if timing {
            vec![ServerTiming {
                name: "db".into(),
                duration: Some(answer.think * 9 / 10),
                description: None,
            }]
        } else {
            vec![]
        };
        self.now = first_byte;
        let head = self.tell(
            self.client,
            first,
            What::ResponseHead(ResponseHead {
                exchange: Some(exchange),
                connection: wire.client,
                version: "HTTP/1.1".into(),
                status: answer.status,
                reason: answer.reason.into(),
                fields,
                head_bytes: head_bytes.into(),
                first_byte,
                first_segment: first,
                server_timing,
                transport: Transport::Tcp,
                stream: None,
                arrived: None,
            }),
        );
        self.now = (at - us(2_400)).max(sent) + self.delay;
        let length = answer.body.len() as u64;
        let content = self.log.body(answer.body);
        let body = Body {
            framing: Framing::Length(length),
            encoded: length,
            decoded: length,
            codings: vec![],
            content,
            cut: None,
            framed: None,
        };
        let ended = ResponseEnded {
            exchange: Some(exchange),
            connection: wire.client,
            body,
            media_type: Some(answer.media.into()),
            trailers: vec![],
            transport: Transport::Tcp,
            stream: None,
            arrived: None,
        };
        let ended = self.tell(self.client, head, What::ResponseEnded(ended));
        let done = ExchangeEnded {
            exchange,
            status: Some(answer.status),
            complete: true,
            from_cache: false,
        };
        self.tell(self.client, ended, What::ExchangeEnded(done));
        let kept = ConnectionEnding {
            connection: wire.client,
            by: EndedBy::Kept,
            why: "keep-alive".into(),
        };
        self.tell(self.client, ended, What::ConnectionEnding(kept));
        ended
    }

    /// The client closes first and waits out 2·MSL.
    pub(crate) fn close(&mut self, wire: &mut Wire, why: &str) {
        use TcpState::{CloseWait, Closed, Established, FinWait1, FinWait2, LastAck, TimeWait};
        let ending =
            ConnectionEnding { connection: wire.client, by: EndedBy::Client, why: why.into() };
        let cause = self.tell(self.client, None, What::ConnectionEnding(ending));
        let (t0, t1) = (self.now, self.now + self.delay);
        let t2 = t1 + self.delay;
        let t3 = t2 + self.delay;
        self.state(t0, self.client, wire.client, Established, FinWait1, cause);
        let fin = Segment {
            seq: wire.client_seq,
            ack: Some(wire.server_seq),
            flags: FIN | ACK,
            ..Segment::default()
        };
        let arrived = self.segment(t0, wire, true, &fin, cause);
        wire.client_seq += 1;
        if self.both_ends {
            self.state(t1, self.server, wire.server, Established, CloseWait, arrived);
            self.state(t1, self.server, wire.server, CloseWait, LastAck, arrived);
        }
        let fin = Segment {
            seq: wire.server_seq,
            ack: Some(wire.client_seq),
            flags: FIN | ACK,
            ..Segment::default()
        };
        let arrived = self.segment(t1, wire, false, &fin, arrived);
        wire.server_seq += 1;
        self.state(t2, self.client, wire.client, FinWait1, FinWait2, arrived);
        self.state(t2, self.client, wire.client, FinWait2, TimeWait, arrived);
        let ack = Segment {
            seq: wire.client_seq,
            ack: Some(wire.server_seq),
            flags: ACK,
            ..Segment::default()
        };
        let arrived = self.segment(t2, wire, true, &ack, arrived);
        if self.both_ends {
            self.state(t3, self.server, wire.server, LastAck, Closed, arrived);
            let closed = TcpClosed {
                connection: wire.server,
                reason: CloseReason::Finished,
                how: Evidence::Performed,
            };
            self.tell_at(t3, self.server, arrived, What::TcpClosed(closed));
            let over = t2 + Duration::from_mins(1);
            let timer = TcpTimer { connection: wire.client, timer: Timer::TimeWait, count: 1 };
            let timer = self.tell_at(over, self.client, None, What::TcpTimer(timer));
            self.state(over, self.client, wire.client, TimeWait, Closed, timer);
            let closed = TcpClosed {
                connection: wire.client,
                reason: CloseReason::TimeWaitOver,
                how: Evidence::Performed,
            };
            self.tell_at(over, self.client, timer, What::TcpClosed(closed));
        }
        self.now = t3;
    }

    /// The SYN was lost once before.
    pub(crate) fn lost_syn(&mut self, wire: &Wire) {
        let syn = Segment { seq: 1, ack: None, flags: SYN, lost: true, ..Segment::default() };
        self.segment(self.now, wire, true, &syn, None);
    }

    pub(crate) fn milestone(&mut self, name: &str) {
        self.tell(self.client, None, What::Milestone(PageMilestone { name: name.into() }));
    }

    pub(crate) fn found(
        &mut self,
        url: &str,
        kind: ResourceKind,
        blocks: Blocks,
        not_fetched: Option<&str>,
    ) {
        let found = PageFound {
            url: url.into(),
            kind,
            priority: Priority::High,
            blocks,
            initiator: Initiator::Parser { url: "https://example.com/".into(), line: 7 },
            not_fetched: not_fetched.map(Into::into),
        };
        self.tell(self.client, None, What::PageFound(found));
    }

    pub(crate) fn fault(
        &mut self,
        step: Step,
        exchange: Option<ExchangeId>,
        connection: Option<ConnectionId>,
        since: Time,
        fatal: bool,
        fault: FaultKind,
    ) {
        let exit = fault.exit_code();
        let what = Fault { step, exchange, connection, since, fatal, fault };
        self.tell(self.client, None, What::Fault(what));
        if fatal {
            self.end(exit);
        }
    }

    pub(crate) fn end(&mut self, exit: u8) {
        self.tell(
            self.client,
            None,
            What::RunEnded(RunEnded { exit, interrupted: false, among: None }),
        );
    }

    /// The events, in the order of time as a run reports them, numbered anew.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut events = self.log.events();
        events.sort_by_key(|event| (event.at, event.id));
        let mut places: Vec<(EventId, u64)> =
            events.iter().zip(1..).map(|(event, n)| (event.id, n)).collect();
        places.sort();
        let renumbered = |id: EventId| {
            let at = places.binary_search_by_key(&id, |place| place.0).expect("an id of ours");
            EventId::new(places[at].1).expect("counted from one")
        };
        for event in &mut events {
            event.id = renumbered(event.id);
            event.cause = event.cause.map(renumbered);
        }
        events
    }
}

#[derive(Clone, Copy, Default)]
struct Segment {
    seq: u32,
    ack: Option<u32>,
    flags: u8,
    length: u32,
    again: bool,
    lost: bool,
}

/// A small picture: 2 × 2 pixels.
pub(crate) const PNG: &[u8] = &[
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0x0D, 0x49, 0x48, 0x44, 0x52, 0, 0, 0,
    1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xDE, 0, 0, 0, 0x0C, 0x49, 0x44, 0x41, 0x54, 8,
    0xD7, 0x63, 0x60, 0xA8, 0x5F, 0, 0, 1, 0x61, 1, 0x1F, 0x5C, 0x49, 0x72, 0xD7, 0, 0, 0, 0, 0x49,
    0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
];

/// A visit with a redirect, TLS, a reused connection, style sheets, images, a resource that is
/// missing, notes, and a close.
pub(crate) fn visit() -> Scene {
    let mut scene = Scene::lab("http://example.com/", Duration::from_millis(14));
    let start = scene.now;
    let _ = start;
    let (first, wanted) =
        scene.want("http://example.com/", ResourceKind::Document, Initiator::User, None);
    let lookup = scene.look_up("example.com.", "192.0.2.80", wanted);
    let mut plain = scene.connect(first, "192.0.2.80:80", wanted);
    let sent = scene.request(first, &mut plain, "/", Some(lookup), wanted);
    let moved = Answer {
        status: 301,
        reason: "Moved Permanently",
        think: us(800),
        media: "text/html",
        body: b"<a href='https://example.com/'>moved</a>",
        fields: &[("Location", "https://example.com/")],
    };
    let ended = scene.answer(first, &mut plain, &moved, sent);
    let by = Initiator::Redirect { of: first, status: 301 };
    let (page, wanted) = scene.want("https://example.com/", ResourceKind::Document, by, ended);
    let mut secure = scene.connect(page, "192.0.2.80:443", wanted);
    scene.secure(&secure, "example.com", 1_800_700_000);
    let sent = scene.request(page, &mut secure, "/", None, wanted);
    let html = vec![b'h'; 12_345];
    let answer = Answer {
        think: us(96_000),
        fields: &[("Server-Timing", "db;dur=86.4"), ("Set-Cookie", "sid=secret")],
        ..Answer::ok("text/html", &html)
    };
    let head_at = scene.now;
    let ended = scene.answer(page, &mut secure, &answer, sent);
    let _ = head_at;
    resources(&mut scene, ended, &mut secure);
    scene.close(&mut secure, "visit over");
    scene.close(&mut plain, "visit over");
    scene.end(0);
    scene
}

fn resources(scene: &mut Scene, cause: Option<EventId>, secure: &mut Wire) {
    let parser = || Initiator::Parser { url: "https://example.com/".into(), line: 7 };
    scene.found("https://example.com/style.css", ResourceKind::Style, Blocks::Render, None);
    scene.found("https://example.com/app.js", ResourceKind::Script, Blocks::Parser, None);
    scene.found(
        "https://example.com/intro.mp4",
        ResourceKind::Media,
        Blocks::Nothing,
        Some("media is not played"),
    );
    let (style, style_wanted) =
        scene.want("https://example.com/style.css", ResourceKind::Style, parser(), cause);
    let (script, script_wanted) =
        scene.want("https://example.com/app.js", ResourceKind::Script, parser(), cause);
    let (image, image_wanted) = scene.want(
        "https://cdn.example.net/img/a-picture-with-a-long-name.jpg",
        ResourceKind::Image,
        parser(),
        cause,
    );
    let (missing, missing_wanted) =
        scene.want("https://example.com/gone.png", ResourceKind::Image, parser(), cause);
    let wanted_at = scene.now;
    let sent = scene.request(style, secure, "/style.css", None, style_wanted);
    scene.answer(style, secure, &Answer::ok("text/css", &vec![b'c'; 41_800]), sent);
    let after = scene.now;
    let sent = scene.request(missing, secure, "/gone.png", None, missing_wanted);
    let gone = Answer { status: 404, reason: "Not Found", ..Answer::ok("text/html", b"gone") };
    scene.answer(missing, secure, &gone, sent);
    let done = scene.now;
    scene.now = wanted_at;
    let mut second = scene.connect(script, "192.0.2.80:443", script_wanted);
    scene.secure(&second, "example.com", 1_800_700_000);
    let sent = scene.request(script, &mut second, "/app.js", None, script_wanted);
    scene.answer(script, &mut second, &Answer::ok("text/javascript", &vec![b'j'; 21_000]), sent);
    let sent = scene.request(
        image,
        &mut second,
        "/img/a-picture-with-a-long-name.jpg",
        None,
        image_wanted,
    );
    scene.answer(image, &mut second, &Answer::ok("image/jpeg", PNG), sent);
    scene.now = scene.now.max(after).max(done);
    scene.milestone("domInteractive");
    scene.milestone("domContentLoadedEventEnd");
    scene.pass(us(8_800));
    scene.milestone("first-paint");
    scene.milestone("first-contentful-paint");
    scene.milestone("loadEventEnd");
    let largest = LargestContent {
        element: "img".into(),
        url: Some("https://example.com/img/a-picture-with-a-long-name.jpg".into()),
        width: 640,
        height: 400,
        size: 256_000,
    };
    scene.tell(scene.client, None, What::LargestContent(largest));
    scene.milestone("largest-contentful-paint");
    let picture = scene.log.body(PNG).expect("a body");
    scene.tell(
        scene.client,
        None,
        What::PageFrame(PageFrame {
            picture: picture.clone(),
            width: 320,
            height: 200,
            document: 3_100,
            resources: 1,
        }),
    );
    scene.tell(
        scene.client,
        None,
        What::PagePainted(PagePainted {
            picture,
            width: 1280,
            height: 800,
            title: "Example".into(),
        }),
    );
    scene.tell(
        scene.client,
        None,
        What::PageNote(PageNote { note: "scripts are fetched and timed, not run".into() }),
    );
}

/// The same page over kernel sockets: what is seen there and what is not.
pub(crate) fn live() -> Scene {
    let mut scene = Scene::live("https://example.com/", Duration::from_millis(19));
    let (page, wanted) =
        scene.want("https://example.com/", ResourceKind::Document, Initiator::User, None);
    let lookup = scene.log.lookup_id();
    let started =
        NameStarted { lookup, name: "example.com.".into(), types: vec!["A".into(), "AAAA".into()] };
    let last = scene.tell(scene.client, wanted, What::NameStarted(started));
    let last = scene.rung(
        scene.client,
        lookup,
        Source::OwnCache,
        "example.com.",
        Outcome::Miss,
        Duration::ZERO,
        last,
    );
    let files = Source::HostsFile { path: "/etc/hosts".into() };
    let last =
        scene.rung(scene.client, lookup, files, "example.com.", Outcome::Miss, us(200), last);
    let resolved = Source::Resolved { path: "/run/systemd/resolve/io.systemd.Resolve".into() };
    let found = Outcome::Found {
        addresses: vec![ip("203.0.113.10")],
        ttl: None,
        origin: Some("network".into()),
    };
    let last = scene.rung(scene.client, lookup, resolved, "example.com.", found, us(23_900), last);
    let ended =
        NameEnded { lookup, addresses: vec![ip("203.0.113.10")], aliases: vec![], ttl: Some(300) };
    scene.tell(scene.client, last, What::NameEnded(ended));
    let neighbour = NeighbourChanged {
        interface: InterfaceId(0),
        address: ip("192.168.1.1"),
        mac: Some("02:00:5e:10:00:01".into()),
        from: None,
        to: NeighbourState::Reachable,
        how: Evidence::Observed("netlink".into()),
    };
    scene.tell(scene.client, None, What::NeighbourChanged(neighbour));
    let mut wire = scene.connect(page, "203.0.113.10:443", wanted);
    scene.secure(&wire, "example.com", 1_800_700_000);
    let sent = scene.request(page, &mut wire, "/", Some(lookup), wanted);
    let html = vec![b'h'; 3_100];
    let answer = Answer {
        think: us(57_600),
        fields: &[("Server-Timing", "db;dur=51.8")],
        ..Answer::ok("text/html", &html)
    };
    scene.answer(page, &mut wire, &answer, sent);
    let unseen = Unseen {
        step: Step::Connect,
        what: "packets and sequence numbers".into(),
        needs: "CAP_NET_RAW, --wire tap or --wire lab".into(),
    };
    scene.tell(scene.client, None, What::Unseen(unseen));
    scene.close(&mut wire, "visit over");
    scene.end(0);
    scene
}
