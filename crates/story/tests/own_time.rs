//! Phases end when bytes passed the host, where the record tells; what our own machine took on top is
//! the phase "here".

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_record::*;
use roundtrip_story::{PhaseKind, Story};

/// When our machine came to each step, and when the bytes had passed, if that is told; milliseconds.
#[derive(Clone, Copy)]
struct Told {
    syn: Option<(u64, u64)>,
    passed: Option<u64>,
    first: Option<u64>,
    last: Option<u64>,
}

const NOTHING: Told = Told { syn: None, passed: None, first: None, last: None };

fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

/// A `GET` is wanted.
fn wanted(exchange: ExchangeId) -> What {
    What::ExchangeStarted(ExchangeStarted {
        exchange,
        method: "GET".into(),
        url: "http://192.0.2.80/".into(),
        kind: ResourceKind::Other,
        priority: Priority::High,
        initiator: Initiator::User,
        side: Side::Client,
        of: None,
    })
}

/// A `GET` whose machine comes late to everything: it connects from 0 to 20 ms, writes its request
/// from 20 to 30, reads the first byte at 50 and the last at 70.
fn record(told: Told) -> Story {
    let mut log = Log::memory();
    log.host("client", Role::Client, &[]);
    let (exchange, connection) = (log.exchange_id(), log.connection_id());
    let to: SocketAddr = "192.0.2.80:80".parse().expect("an address");
    let transport = Transport::Tcp;
    let started = log.emit(ms(0), None, || wanted(exchange));
    let tried = log.emit(ms(0), started, || {
        What::ConnectAttempt(ConnectAttempt { exchange: Some(exchange), to, transport })
    });
    let local = "192.0.2.1:50000".parse().expect("an address");
    log.emit(ms(0), tried, || {
        What::TcpOpened(TcpOpened { connection, side: Side::Client, local, remote: to })
    });
    log.emit(ms(20), tried, || {
        What::ConnectResult(ConnectResult {
            exchange: Some(exchange),
            to,
            connection: Some(connection),
            end: AttemptEnd::Connected,
            transport,
            syn_sent: told.syn.map(|(sent, _)| ms(sent)),
            syn_ack: told.syn.map(|(_, answered)| ms(answered)),
        })
    });
    let (stream, exchange_id) = (None, Some(exchange));
    log.emit(ms(30), tried, || {
        What::RequestSent(RequestSent {
            exchange: exchange_id,
            connection,
            transport,
            stream,
            lookup: None,
            reused: 0,
            version: "HTTP/1.1".into(),
            method: "GET".into(),
            target: "/".into(),
            fields: Vec::new(),
            began: ms(20),
            passed: told.passed.map(ms),
            head_bytes: 40,
            body_bytes: 0,
            body: None,
        })
    });
    log.emit(ms(50), None, || {
        What::ResponseHead(ResponseHead {
            exchange: exchange_id,
            connection,
            transport,
            stream,
            version: "HTTP/1.1".into(),
            status: 200,
            reason: "OK".into(),
            fields: Vec::new(),
            head_bytes: 40,
            first_byte: ms(50),
            arrived: told.first.map(ms),
            first_segment: None,
            server_timing: Vec::new(),
        })
    });
    log.emit(ms(70), None, || {
        What::ResponseEnded(ResponseEnded {
            exchange: exchange_id,
            connection,
            transport,
            stream,
            arrived: told.last.map(ms),
            body: Body {
                framing: Framing::Length(5),
                encoded: 5,
                framed: Some(5),
                decoded: 5,
                codings: Vec::new(),
                content: None,
                cut: None,
            },
            media_type: None,
            trailers: Vec::new(),
        })
    });
    let status = Some(200);
    log.emit(ms(70), None, || {
        What::ExchangeEnded(ExchangeEnded { exchange, status, complete: true, from_cache: false })
    });
    Story::new(log.events())
}

/// Milliseconds of connect, request, wait, body and our own time.
fn spent(told: Told) -> [u128; 5] {
    let story = record(told);
    let exchange = story.exchanges.first().expect("an exchange");
    let all: Duration = exchange.phases.iter().map(roundtrip_story::Phase::took).sum();
    assert_eq!(all, Duration::from_millis(70), "the phases cover the whole");
    use PhaseKind::{Body, Connect, Here, Request, Wait};
    [Connect, Request, Wait, Body, Here]
        .map(|kind| exchange.spent(kind).unwrap_or_default().as_millis())
}

#[test]
fn without_stamps_all_is_the_networks() {
    assert_eq!(spent(NOTHING), [20, 10, 20, 20, 0]);
}

#[test]
fn each_stamp_moves_our_own_time_out_of_a_phase() {
    let handshake = Told { syn: Some((5, 6)), ..NOTHING };
    assert_eq!(spent(handshake), [1, 10, 20, 20, 19]);
    let departed = Told { passed: Some(21), ..NOTHING };
    assert_eq!(spent(departed), [20, 1, 29, 20, 0], "the server had it for longer");
    let first = Told { first: Some(33), ..NOTHING };
    assert_eq!(spent(first), [20, 10, 3, 20, 17]);
    let last = Told { last: Some(55), ..NOTHING };
    assert_eq!(spent(last), [20, 10, 20, 5, 15]);
    let all = Told { syn: Some((5, 6)), passed: Some(21), first: Some(24), last: Some(24) };
    assert_eq!(spent(all), [1, 1, 3, 0, 65]);
}

/// The answer was at our socket before we were back from writing the request.
#[test]
fn an_answer_may_arrive_before_we_know_that_the_request_left() {
    let early = Told { passed: Some(21), first: Some(25), ..NOTHING };
    assert_eq!(spent(early), [20, 1, 4, 20, 25]);
    let no_departure = Told { first: Some(25), ..NOTHING };
    assert_eq!(spent(no_departure), [20, 10, 0, 20, 20]);
}

/// Milliseconds of blocked, name, connect and our own time of a `GET` whose machine comes late to its
/// lookup: wanted at 1, it asks this source at 4, is answered at 5, and goes on at 9 to connect in
/// vain until 10.
fn looked_up(source: &Source) -> [u128; 4] {
    let mut log = Log::memory();
    log.host("client", Role::Client, &[]);
    let (exchange, lookup) = (log.exchange_id(), log.lookup_id());
    let to: SocketAddr = "192.0.2.80:80".parse().expect("an address");
    let transport = Transport::Tcp;
    let wanted = log.emit(ms(0), None, || wanted(exchange));
    let (name, record_type) = ("192.0.2.80".to_owned(), String::new());
    let started = log.emit(ms(1), wanted, || {
        What::NameStarted(NameStarted { lookup, name: name.clone(), types: vec!["A".into()] })
    });
    let asked = log.emit(ms(4), started, || {
        What::NameAsked(NameAsked {
            lookup,
            source: source.clone(),
            name: name.clone(),
            record_type: record_type.clone(),
        })
    });
    let answered = log.emit(ms(5), asked, || {
        What::NameAnswered(NameAnswered {
            lookup,
            source: source.clone(),
            name: name.clone(),
            record_type: record_type.clone(),
            outcome: Outcome::Found { addresses: vec![to.ip()], ttl: None, origin: None },
            records: Vec::new(),
            took: Duration::from_millis(1),
        })
    });
    let ended = log.emit(ms(9), answered, || {
        What::NameEnded(NameEnded {
            lookup,
            addresses: vec![to.ip()],
            aliases: Vec::new(),
            ttl: None,
        })
    });
    let tried = log.emit(ms(9), ended, || {
        What::ConnectAttempt(ConnectAttempt { exchange: Some(exchange), to, transport })
    });
    let failed = log.emit(ms(10), tried, || {
        What::ConnectResult(ConnectResult {
            exchange: Some(exchange),
            to,
            connection: None,
            end: AttemptEnd::Refused,
            transport,
            syn_sent: None,
            syn_ack: None,
        })
    });
    log.emit(ms(10), failed, || {
        What::ExchangeEnded(ExchangeEnded {
            exchange,
            status: None,
            complete: false,
            from_cache: false,
        })
    });
    let story = Story::new(log.events());
    let exchange = story.exchanges.first().expect("an exchange");
    let all: Duration = exchange.phases.iter().map(roundtrip_story::Phase::took).sum();
    assert_eq!(all, Duration::from_millis(10), "the phases cover the whole");
    use PhaseKind::{Blocked, Connect, Here, Name};
    [Blocked, Name, Connect, Here].map(|kind| exchange.spent(kind).unwrap_or_default().as_millis())
}

#[test]
fn a_lookup_that_asks_nobody_takes_the_time_of_its_sources_alone() {
    for source in [Source::Literal, Source::HostsFile { path: "/etc/hosts".into() }] {
        assert_eq!(looked_up(&source), [1, 1, 1, 7], "{source:?}");
    }
    let server = Source::NameServer { server: "192.0.2.53:53".parse().expect("an address") };
    for source in [Source::Resolved { path: "/run/resolved".into() }, server] {
        assert_eq!(looked_up(&source), [1, 8, 1, 0], "{source:?}");
    }
}
