//! Samples of every kind of event.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use roundtrip_record::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("a socket address")
}

fn body_ref() -> BodyRef {
    BodyRef { sha256: "a".repeat(64), length: 12 }
}

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// At least one of every kind, with every option filled in at least once.
pub(crate) fn samples(text: &str) -> Vec<What> {
    let mut all = run(text);
    all.extend(names(text));
    all.extend(tcp(text));
    all.extend(http(text));
    all.extend(page(text));
    all.extend(faults(text).into_iter().map(|fault| {
        What::Fault(Fault {
            step: Step::Name,
            exchange: Some(ExchangeId(1)),
            connection: None,
            since: Time::from_millis(3),
            fatal: true,
            fault,
        })
    }));
    all
}

fn run(text: &str) -> Vec<What> {
    let interface = Interface {
        id: InterfaceId(0),
        name: "eth0".into(),
        mac: "02:00:00:00:00:01".into(),
        addresses: vec![ip("10.0.0.2"), ip("fe80::1")],
    };
    vec![
        What::RunStarted(RunStarted {
            schema: SCHEMA,
            tool: "roundtrip 0.1.0".into(),
            command: "visit".into(),
            subject: text.into(),
            wire: WireKind::Lab,
            net: Some("3gslow".into()),
            seed: Some(u64::MAX),
            wall: 1_700_000_000_000_000_000,
            replay_of: Some(ReplayOf {
                run: "7f3a".into(),
                digest: Some("b".repeat(64)),
                subject: Some(text.into()),
                wire: WireKind::Live,
                net: None,
            }),
        }),
        What::HostDeclared(HostDeclared {
            id: HostId(0),
            name: text.into(),
            role: Role::Client,
            interfaces: vec![interface],
        }),
        What::LinkDeclared(LinkDeclared {
            id: LinkId(1),
            from: InterfaceId(0),
            to: InterfaceId(1),
            rate: Some(400_000),
            delay: ms(20),
            queue: "100p".into(),
            loss_ppm: 50_000,
        }),
        What::LinkDropped(LinkDropped { link: LinkId(1), reason: DropReason::QueueFull }),
        What::LinkCounts(LinkCounts {
            link: LinkId(1),
            frames: 7,
            aqm: 1,
            marked: 2,
            ..LinkCounts::default()
        }),
        What::Unseen(Unseen { step: Step::Connect, what: text.into(), needs: text.into() }),
        What::Frame(FrameSeen {
            interface: InterfaceId(0),
            direction: Direction::Sent,
            length: 74,
            packet: Some(1),
        }),
        What::RunEnded(RunEnded {
            exit: 0,
            interrupted: true,
            among: Some(Among {
                runs: 5,
                load: Interval::of(vec![ms(100), ms(200)]),
                first_paint: Interval::of(vec![ms(50)]),
            }),
        }),
    ]
}

fn names(text: &str) -> Vec<What> {
    let sources = [
        Source::Literal,
        Source::SpecialUse,
        Source::OwnCache,
        Source::OsCache { service: "nscd".into() },
        Source::HostsFile { path: text.into() },
        Source::Resolved { path: text.into() },
        Source::NameServer { server: socket("[2001:db8::1]:53") },
        Source::Zone {
            zone: "com.".into(),
            name: Some(text.into()),
            server: socket("192.0.2.1:53"),
        },
        Source::Skipped { service: "mdns4".into() },
    ];
    let outcomes = [
        Outcome::Miss,
        Outcome::Found {
            addresses: vec![ip("192.0.2.80")],
            ttl: Some(300),
            origin: Some("cache".into()),
        },
        Outcome::Alias { target: text.into() },
        Outcome::Referral {
            zone: "com.".into(),
            servers: vec![text.into()],
            glue: vec![ip("::1")],
        },
        Outcome::NxDomain { ttl: Some(900), soa: Some("com.".into()) },
        Outcome::NoData { ttl: None, soa: None },
        Outcome::Refused { code: "SERVFAIL".into() },
        Outcome::TimedOut { tries: 3 },
        Outcome::Failed { why: text.into() },
    ];
    let mut all = vec![What::NameStarted(NameStarted {
        lookup: LookupId(1),
        name: text.into(),
        types: vec!["A".into(), "AAAA".into()],
    })];
    for (source, outcome) in sources.into_iter().zip(outcomes) {
        all.push(What::NameAsked(NameAsked {
            lookup: LookupId(1),
            source: source.clone(),
            name: text.into(),
            record_type: "A".into(),
        }));
        all.push(What::NameAnswered(NameAnswered {
            lookup: LookupId(1),
            source,
            name: text.into(),
            record_type: String::new(),
            outcome,
            records: vec![ResourceRecord {
                name: text.into(),
                ttl: 300,
                record_type: "TXT".into(),
                data: text.into(),
            }],
            took: ms(24),
        }));
    }
    all.push(What::DnsMessage(DnsMessage {
        lookup: Some(LookupId(1)),
        direction: Direction::Received,
        peer: socket("127.0.0.53:53"),
        transport: "udp".into(),
        id: 0xFFFF,
        question: text.into(),
        code: Some("NOERROR".into()),
        flags: vec!["RD".into(), "RA".into()],
        counts: [1, 2, 3],
        length: 512,
        dropped: Some(text.into()),
        arrived: Some(Time::from_millis(7)),
    }));
    all.push(What::NameEnded(NameEnded {
        lookup: LookupId(1),
        addresses: vec![ip("192.0.2.80")],
        aliases: vec![text.into()],
        ttl: Some(300),
    }));
    all
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn tcp(text: &str) -> Vec<What> {
    let connection = ConnectionId(u64::MAX);
    let mut all = vec![
        What::NeighbourChanged(NeighbourChanged {
            interface: InterfaceId(0),
            address: ip("192.168.1.1"),
            mac: Some("02:00:00:00:00:02".into()),
            from: Some(NeighbourState::Incomplete),
            to: NeighbourState::Reachable,
            how: Evidence::Observed("netlink".into()),
        }),
        What::ConnectAttempt(ConnectAttempt {
            exchange: Some(ExchangeId(1)),
            to: socket("192.0.2.80:80"),
            transport: Transport::Tcp,
        }),
        What::ConnectResult(ConnectResult {
            exchange: None,
            to: socket("[::1]:80"),
            connection: Some(connection),
            end: AttemptEnd::Unreachable { why: text.into(), from: Some(ip("10.0.0.1")) },
            transport: Transport::Quic,
            syn_sent: Some(Time::from_millis(1)),
            syn_ack: Some(Time::from_millis(2)),
        }),
        What::TcpOpened(TcpOpened {
            connection,
            side: Side::Server,
            local: socket("10.0.0.2:40001"),
            remote: socket("192.0.2.80:80"),
        }),
        What::TcpSegment(TcpSegment {
            connection,
            direction: Direction::Sent,
            seq: u32::MAX,
            ack: Some(0),
            flags: Flags(0x12),
            window: 64240,
            length: 0,
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some((1, u32::MAX)),
            sack: vec![(1, 2), (3, 4)],
            retransmission: true,
            disposition: Some(text.into()),
        }),
        What::TcpSegment(TcpSegment {
            connection,
            direction: Direction::Received,
            seq: 1,
            ack: None,
            flags: Flags(2),
            window: 0,
            length: 1448,
            mss: None,
            window_scale: None,
            sack_permitted: false,
            timestamps: None,
            sack: vec![],
            retransmission: false,
            disposition: None,
        }),
        What::TcpCongestion(TcpCongestion {
            connection,
            phase: CongestionPhase::SlowStart,
            cwnd: 14_480,
            ssthresh: Some(7_240),
            in_flight: 1_448,
            srtt: Some(ms(40)),
            rttvar: None,
            rto: ms(240),
        }),
        What::TcpTimer(TcpTimer { connection, timer: Timer::LossProbe, count: 2 }),
        What::TcpInfo(TcpInfo {
            connection,
            state: text.into(),
            rtt_us: 40_000,
            ..TcpInfo::default()
        }),
        What::TcpRead(TcpRead { connection, arrived: Time::from_millis(5), bytes: 1_448 }),
        What::QuicOpened(QuicOpened {
            connection: ConnectionId(2),
            side: Side::Client,
            local: socket("10.0.0.2:40001"),
            remote: socket("192.0.2.80:443"),
            version: 1,
        }),
        What::QuicPacket(QuicPacket {
            connection: ConnectionId(2),
            direction: Direction::Sent,
            space: QuicSpace::OneRtt,
            number: 7,
            length: 1200,
            frames: quic_frames(text),
        }),
        What::QuicCongestion(QuicCongestion {
            connection: ConnectionId(2),
            phase: CongestionPhase::SlowStart,
            cwnd: 12_000,
            ssthresh: Some(9_000),
            in_flight: 2_400,
            srtt: Some(Duration::from_millis(40)),
        }),
        What::QuicLost(QuicLost { connection: ConnectionId(2), bytes: 1_200, persistent: false }),
        What::WebSocketFrame(WebSocketFrame {
            exchange: ExchangeId(1),
            direction: Direction::Sent,
            opcode: 1,
            fin: true,
            compressed: true,
            length: 5,
            offset: Some(0),
            kept: 9,
        }),
        What::WebSocketEnded(WebSocketEnded {
            exchange: ExchangeId(1),
            sent: WebSocketSide {
                frames: 1,
                bytes: 5,
                payload: Some(BodyRef { sha256: "ab".repeat(32), length: 9 }),
            },
            received: WebSocketSide::default(),
            code: Some(1000),
            broken: Some("it ended inside a frame".into()),
        }),
        What::QuicClosed(QuicClosed {
            connection: ConnectionId(2),
            direction: Some(Direction::Received),
            code: Some(0x100),
            application: true,
            why: text.into(),
        }),
        What::TcpClosed(TcpClosed {
            connection,
            reason: CloseReason::TimeWaitOver,
            how: Evidence::Performed,
        }),
        What::TlsStarted(TlsStarted {
            connection,
            server_name: text.into(),
            alpn: vec!["h2".into()],
        }),
        What::TlsEstablished(TlsEstablished {
            connection,
            version: "TLS 1.3".into(),
            cipher: "TLS_AES_128_GCM_SHA256".into(),
            group: Some("x25519".into()),
            alpn: Some("http/1.1".into()),
            resumed: true,
            certificates: vec![Certificate {
                subject: text.into(),
                issuer: text.into(),
                names: vec![text.into()],
                not_before: -1,
                not_after: i64::MAX,
                der: Some(body_ref()),
            }],
            arrived: Some(Time::from_millis(6)),
        }),
    ];
    let states = [
        TcpState::Closed,
        TcpState::Listen,
        TcpState::SynSent,
        TcpState::SynReceived,
        TcpState::Established,
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::CloseWait,
        TcpState::Closing,
        TcpState::LastAck,
        TcpState::TimeWait,
    ];
    all.extend(states.windows(2).map(|pair| {
        What::TcpStateChanged(TcpStateChanged {
            connection,
            from: pair[0],
            to: pair[1],
            how: Evidence::Inferred(text.into()),
        })
    }));
    all
}

/// An exchange that begins, for each reason, and its other side.
fn exchanges(text: &str, exchange: ExchangeId) -> Vec<What> {
    let initiators = [
        Initiator::User,
        Initiator::Redirect { of: exchange, status: 301 },
        Initiator::Parser { url: text.into(), line: 12 },
        Initiator::Style { url: text.into() },
        Initiator::LinkField { url: text.into() },
        Initiator::EarlyHints { url: text.into() },
        Initiator::Script { url: text.into(), line: 3 },
        Initiator::Retry { of: exchange },
        Initiator::Peer,
    ];
    let mut all: Vec<What> = initiators
        .into_iter()
        .map(|initiator| {
            What::ExchangeStarted(ExchangeStarted {
                exchange,
                method: "GET".into(),
                url: text.into(),
                kind: ResourceKind::Document,
                priority: Priority::VeryHigh,
                initiator,
                side: Side::Client,
                of: None,
            })
        })
        .collect();
    all.push(What::ExchangeStarted(ExchangeStarted {
        of: Some(exchange),
        ..ExchangeStarted::at_server(ExchangeId(2), "GET", text)
    }));
    all
}

fn http(text: &str) -> Vec<What> {
    let exchange = ExchangeId(1);
    let connection = ConnectionId(1);
    let mut all = exchanges(text, exchange);
    let fields = vec![Field("X-Text".into(), text.into()), Field("x-text".into(), String::new())];
    all.push(What::RequestSent(RequestSent {
        exchange: Some(exchange),
        connection,
        lookup: Some(LookupId(1)),
        reused: 3,
        version: "HTTP/1.1".into(),
        method: "GET".into(),
        target: text.into(),
        fields: fields.clone(),
        began: Time::from_millis(3),
        head_bytes: 120,
        body_bytes: 12,
        body: Some(body_ref()),
        transport: Transport::Quic,
        stream: Some(u64::MAX),
        passed: Some(Time::from_millis(4)),
    }));
    all.push(What::ResponseHead(ResponseHead {
        exchange: Some(exchange),
        connection,
        version: "HTTP/1.1".into(),
        status: 200,
        reason: text.into(),
        fields: fields.clone(),
        head_bytes: 200,
        first_byte: Time::from_millis(40),
        first_segment: EventId::new(17),
        transport: Transport::Quic,
        stream: Some(0),
        arrived: Some(Time::from_millis(39)),
        server_timing: vec![ServerTiming {
            name: "db".into(),
            duration: Some(Duration::from_nanos(81_000_001)),
            description: Some(text.into()),
        }],
    }));
    let framings =
        [Framing::None, Framing::Length(12), Framing::Chunked, Framing::Close, Framing::Frames];
    let cuts =
        [BodyCut::Short, BodyCut::Reset, BodyCut::Stalled, BodyCut::Stopped, BodyCut::Malformed];
    all.extend(framings.into_iter().zip(cuts).map(|(framing, cut)| {
        What::ResponseEnded(ResponseEnded {
            exchange: None,
            connection,
            body: Body {
                framing,
                encoded: 10,
                decoded: 12,
                codings: vec!["br".into()],
                content: Some(body_ref()),
                cut: Some(cut),
                framed: Some(17),
            },
            transport: Transport::Quic,
            stream: Some(4),
            arrived: Some(Time::from_millis(41)),
            media_type: Some("text/html".into()),
            trailers: fields.clone(),
        })
    }));
    all.push(What::CachedResponse(CachedResponse {
        exchange,
        validated: true,
        version: HttpVersion::Http2,
        status: 200,
        reason: "OK".into(),
        fields: fields.clone(),
        age: Some(40),
        lifetime: Some(3_600),
        encoded: Some(10),
        decoded: 12,
        codings: vec!["br".into()],
        content: Some(body_ref()),
        media_type: Some("text/css".into()),
    }));
    all.push(What::ExchangeEnded(ExchangeEnded {
        exchange,
        status: Some(200),
        complete: true,
        from_cache: false,
    }));
    all.push(What::ConnectionEnding(ConnectionEnding {
        connection,
        by: EndedBy::Kept,
        why: text.into(),
    }));
    all.push(What::ExchangeNote(ExchangeNote {
        exchange,
        what: text.into(),
        rule: "RFC 9112 §2.2".into(),
    }));
    all
}

fn page(text: &str) -> Vec<What> {
    vec![
        What::PageFound(PageFound {
            url: text.into(),
            kind: ResourceKind::Script,
            priority: Priority::Low,
            blocks: Blocks::Parser,
            initiator: Initiator::User,
            not_fetched: Some(text.into()),
        }),
        What::Milestone(PageMilestone { name: Milestone::FirstPaint }),
        What::Milestone(PageMilestone { name: text.into() }),
        What::PagePainted(PagePainted {
            picture: body_ref(),
            width: 1280,
            height: 720,
            title: text.into(),
        }),
        What::PageNote(PageNote { note: text.into() }),
        What::ImportedFile(ImportedFile {
            format: text.into(),
            writer: text.into(),
            browser: text.into(),
            archive: Some(body_ref()),
            entries: Some(body_ref()),
        }),
        What::ImportedExchange(ImportedExchange {
            exchange: ExchangeId(1),
            place: 3,
            inferred: vec![Inference { fact: text.into(), from: text.into() }],
            server_think: Some(ms(5)),
        }),
        What::ImportNote(ImportNote { note: text.into(), count: 2 }),
    ]
}

/// One of every fault.
pub(crate) fn faults(text: &str) -> Vec<FaultKind> {
    let name = || text.to_owned();
    let ends = [
        AttemptEnd::Connected,
        AttemptEnd::Refused,
        AttemptEnd::TimedOut,
        AttemptEnd::Unreachable { why: name(), from: None },
        AttemptEnd::NoNeighbour { next_hop: ip("192.168.1.1") },
        AttemptEnd::Cancelled,
        AttemptEnd::Failed { why: name() },
    ];
    let attempts = ends
        .into_iter()
        .map(|end| Attempt {
            to: socket("192.0.2.80:443"),
            began: Time::ZERO,
            ended: Time::from_secs(10),
            syns: vec![Time::ZERO, Time::from_secs(1)],
            syn_count: Some(2),
            end,
        })
        .collect();
    vec![
        FaultKind::BadUrl { url: name(), why: name() },
        FaultKind::NxDomain { name: name(), soa: Some(name()), ttl: Some(900) },
        FaultKind::NoAddress { name: name() },
        FaultKind::NameServerFailed { name: name(), code: "SERVFAIL".into() },
        FaultKind::NameTimedOut { name: name(), servers: vec![socket("127.0.0.53:53")] },
        FaultKind::NameFailed { name: name(), why: name() },
        FaultKind::ConnectFailed { attempts },
        FaultKind::TlsFailed { why: name(), alert_received: true },
        FaultKind::BadCertificate {
            reason: "expired".into(),
            host: name(),
            names: vec![name()],
            not_after: Some(0),
            not_before: Some(-1),
            issuer: Some(name()),
            detail: name(),
        },
        FaultKind::EmptyReply { reset: false },
        FaultKind::Reset { received: 1, expected: Some(2) },
        FaultKind::SendFailed { why: name() },
        FaultKind::ReceiveFailed { why: name() },
        FaultKind::NotHttp { begins: name() },
        FaultKind::StreamReset { code: "INTERNAL_ERROR".into() },
        FaultKind::Malformed { what: name(), offset: 3, rule: "RFC 9112 §4".into() },
        FaultKind::HeadTooLarge { limit: 65_536 },
        FaultKind::TooManyFields { limit: 1_000 },
        FaultKind::Short { received: 1, expected: None },
        FaultKind::TlsCut { received: 1, expected: None },
        FaultKind::Stalled { received: 1, expected: Some(2), silent: ms(15_000) },
        FaultKind::TimedOut { limit: ms(30_000), received: 0 },
        FaultKind::TooManyRedirects { limit: 20, last: name() },
        FaultKind::BadRedirect { location: name(), why: name() },
        FaultKind::BadEncoding { coding: "gzip".into(), why: name() },
        FaultKind::TooLarge { limit: 1, encoded: 2 },
        FaultKind::HttpStatus { status: 502, reason: name(), fail: false },
        FaultKind::WriteFailed { path: name(), why: name() },
        FaultKind::ReadFailed { path: name(), why: name() },
        FaultKind::PaintFailed { why: name() },
        FaultKind::Refused {
            rule: "integrity".into(),
            says: name(),
            found: Some(name()),
            line: Some(1),
            what: vec![name()],
            count: 1,
            came: true,
        },
        FaultKind::Interrupted,
    ]
}

/// Each frame of QUIC.
fn quic_frames(text: &str) -> Vec<QuicFrame> {
    use QuicFrame::*;
    let stream_type = QuicStreamType::Bidirectional;
    vec![
        Padding { length: 3 },
        Ping,
        Ack { acked_ranges: vec![[4, 7], [0, 1]], marks: None },
        Ack { acked_ranges: vec![[4, 7]], marks: Some(QuicEcnCounts { ect1: 0, ect0: 4, ce: 1 }) },
        ResetStream { stream_id: 0, error_code: 0x10c, final_size: 100 },
        StopSending { stream_id: 0, error_code: 0x10c },
        Crypto { offset: 0, length: 300 },
        NewToken { length: 60 },
        Stream { stream_id: 0, offset: 0, length: 5, fin: true },
        MaxData { maximum: 1000 },
        MaxStreamData { stream_id: 0, maximum: 1000 },
        MaxStreams { stream_type, maximum: 100 },
        DataBlocked { limit: 1000 },
        StreamDataBlocked { stream_id: 0, limit: 1000 },
        StreamsBlocked { stream_type: QuicStreamType::Unidirectional, limit: 8 },
        NewConnectionId { sequence_number: 1, retire_prior_to: 0 },
        RetireConnectionId { sequence_number: 0 },
        PathChallenge,
        PathResponse,
        ConnectionClose {
            error_space: QuicErrorSpace::Application,
            error_code: 0x100,
            reason: text.into(),
        },
        HandshakeDone,
        Datagram { length: 9 },
        AckFrequency { ack_eliciting_threshold: 2, request_max_ack_delay: 25_000 },
        ImmediateAck,
        Unknown { raw_frame_type: None },
        Unknown { raw_frame_type: Some(0x21) },
    ]
}
