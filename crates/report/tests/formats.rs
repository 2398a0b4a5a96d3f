//! HAR, JSON, Perfetto and `JUnit`: what other programs read.

mod common;

use common::Scene;
use roundtrip_record::{
    CongestionPhase, ConnectionId, Direction, Event, EventId, HostId, QuicClosed, QuicCongestion,
    QuicFrame, QuicLost, QuicOpened, QuicPacket, QuicSpace, Side, Time, What,
};
use roundtrip_report::{Model, har, json, junit, perfetto, qlog};
use serde_json::Value;

fn archive(scene: &Scene) -> Value {
    har(&Model::new(scene.events()), &scene.log.bodies())
}

/// What an object of HAR 1.2 must have, and of which type. `?` marks what may be absent.
const SCHEMA: &[(&str, &[(&str, &str)])] = &[
    (
        "log",
        &[
            ("version", "string"),
            ("creator", "creator"),
            ("browser?", "creator"),
            ("pages?", "[page"),
            ("entries", "[entry"),
            ("comment?", "string"),
        ],
    ),
    ("creator", &[("name", "string"), ("version", "string")]),
    (
        "page",
        &[
            ("startedDateTime", "date"),
            ("id", "string"),
            ("title", "string"),
            ("pageTimings", "pageTimings"),
        ],
    ),
    ("pageTimings", &[("onContentLoad?", "time"), ("onLoad?", "time")]),
    (
        "entry",
        &[
            ("pageref?", "string"),
            ("startedDateTime", "date"),
            ("time", "time"),
            ("request", "request"),
            ("response", "response"),
            ("cache", "cache"),
            ("timings", "timings"),
            ("serverIPAddress?", "string"),
            ("connection?", "string"),
        ],
    ),
    (
        "request",
        &[
            ("method", "string"),
            ("url", "string"),
            ("httpVersion", "string"),
            ("cookies", "[nv"),
            ("headers", "[nv"),
            ("queryString", "[nv"),
            ("postData?", "postData"),
            ("headersSize", "integer"),
            ("bodySize", "integer"),
        ],
    ),
    ("postData", &[("mimeType", "string"), ("text", "string")]),
    (
        "response",
        &[
            ("status", "integer"),
            ("statusText", "string"),
            ("httpVersion", "string"),
            ("cookies", "[nv"),
            ("headers", "[nv"),
            ("content", "content"),
            ("redirectURL", "string"),
            ("headersSize", "integer"),
            ("bodySize", "integer"),
        ],
    ),
    (
        "content",
        &[
            ("size", "integer"),
            ("compression?", "integer"),
            ("mimeType", "string"),
            ("text?", "string"),
            ("encoding?", "string"),
        ],
    ),
    ("cache", &[]),
    ("nv", &[("name", "string"), ("value", "string")]),
    (
        "timings",
        &[
            ("blocked?", "phase"),
            ("dns?", "phase"),
            ("connect?", "phase"),
            ("ssl?", "phase"),
            ("send", "time"),
            ("wait", "time"),
            ("receive", "time"),
        ],
    ),
];

fn check(value: &Value, kind: &str, path: &str) {
    if let Some(item) = kind.strip_prefix('[') {
        let items = value.as_array().unwrap_or_else(|| panic!("{path}: an array"));
        for (n, value) in items.iter().enumerate() {
            check(value, item, &format!("{path}[{n}]"));
        }
        return;
    }
    let right = match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "time" => value.as_f64().is_some_and(|ms| ms >= 0.0),
        "phase" => {
            value.as_f64().is_some_and(|ms| ms >= 0.0)
                || value.as_f64().map(f64::to_bits) == Some((-1.0f64).to_bits())
        }
        "date" => value.as_str().is_some_and(|text| {
            text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
        }),
        _ => {
            let (_, fields) =
                SCHEMA.iter().find(|(name, _)| *name == kind).expect("a kind of the schema");
            let object = value.as_object().unwrap_or_else(|| panic!("{path}: an object"));
            for (field, kind) in *fields {
                let name = field.trim_end_matches('?');
                match object.get(name) {
                    Some(value) => check(value, kind, &format!("{path}.{name}")),
                    None => assert!(field.ends_with('?'), "{path}.{name} is missing"),
                }
            }
            for name in object.keys() {
                let known = fields.iter().any(|(field, _)| field.trim_end_matches('?') == name);
                assert!(
                    known || name.starts_with('_'),
                    "{path}.{name} is not of HAR 1.2 and has no _"
                );
            }
            true
        }
    };
    assert!(right, "{path} is no {kind}: {value}");
}

#[test]
fn the_archive_follows_har_1_2() {
    for scene in [common::visit(), common::live()] {
        let har = archive(&scene);
        check(&har["log"], "log", "log");
        assert_eq!(har["log"]["version"], "1.2");
    }
}

#[test]
fn the_schema_check_can_fail() {
    let mut har = archive(&common::visit());
    har["log"]["entries"][0]["timings"]["wait"] = Value::from(-1);
    let failed = std::panic::catch_unwind(|| check(&har["log"], "log", "log"));
    assert!(failed.is_err());
}

#[test]
fn phases_add_up() {
    for scene in [common::visit(), common::live()] {
        for entry in archive(&scene)["log"]["entries"].as_array().unwrap() {
            let timings = &entry["timings"];
            let sum: f64 = ["blocked", "dns", "connect", "send", "wait", "receive"]
                .iter()
                .map(|phase| timings[*phase].as_f64().unwrap())
                .filter(|ms| *ms >= 0.0)
                .sum();
            assert!((sum - entry["time"].as_f64().unwrap()).abs() < 1e-6, "{entry}");
            let (ssl, connect) =
                (timings["ssl"].as_f64().unwrap(), timings["connect"].as_f64().unwrap());
            assert!(ssl <= connect, "connect contains ssl");
        }
    }
    let har = archive(&common::visit());
    let first = &har["log"]["entries"][0];
    assert_eq!(first["timings"]["dns"], 35.6);
    assert_eq!(first["timings"]["ssl"], -1.0);
    assert_eq!(first["response"]["redirectURL"], "https://example.com/");
    let page = &har["log"]["entries"][1];
    assert_eq!(page["_initiator"]["type"], "redirect");
    assert_eq!(page["timings"]["dns"], -1.0);
}

#[test]
fn credentials_are_not_in_any_view() {
    let scene = common::visit();
    let model = Model::new(scene.events());
    for view in [
        archive(&scene).to_string(),
        json(&model).to_string(),
        perfetto(&model).to_string(),
        junit(&model),
    ] {
        assert!(!view.contains("sid=secret"));
    }
}

#[test]
fn json_has_the_facts() {
    let model = Model::new(common::visit().events());
    let json = json(&model);
    assert_eq!(json["exit"], 0);
    assert_eq!(json["exchanges"].as_array().unwrap().len(), 6);
    assert_eq!(json["slowest"]["step"], "blocked");
    assert_eq!(json["connections"][0]["client"]["states"][0]["to"], "SYN_SENT");
    let first = serde_json::to_string_pretty(&json["exchanges"][0]).unwrap();
    insta::assert_snapshot!("first_exchange", first);
}

#[test]
fn perfetto_slices_nest() {
    let trace = perfetto(&Model::new(common::visit().events()));
    let events = trace["traceEvents"].as_array().unwrap();
    let slices: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
    assert!(
        slices.iter().any(|slice| slice["name"] == "TIME_WAIT" && slice["dur"] == 60_000_000.0)
    );
    for thread in slices.iter().map(|slice| &slice["tid"]) {
        let mut spans: Vec<(f64, f64)> = slices
            .iter()
            .filter(|slice| {
                slice["tid"] == *thread && slice["cat"] != "state" && slice["cat"] != "tls"
            })
            .map(|slice| {
                let start = slice["ts"].as_f64().unwrap();
                (start, start + slice["dur"].as_f64().unwrap())
            })
            .collect();
        spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        for pair in spans.windows(2) {
            let nested = pair[1].1 <= pair[0].1 + 1e-3 || pair[1].0 >= pair[0].1 - 1e-3;
            assert!(nested, "{pair:?}");
        }
    }
}

#[test]
fn junit_counts_what_failed() {
    insta::assert_snapshot!("junit", junit(&Model::new(common::visit().events())));
}

/// The packets of a connection, as its client had them: qvis and its like read the names.
#[test]
fn qlog_has_each_end_of_a_quic_connection() {
    let connection = ConnectionId(3);
    let frames = vec![
        QuicFrame::Crypto { offset: 0, length: 300 },
        QuicFrame::Ack { acked_ranges: vec![[4, 7]], marks: None },
    ];
    let whats = [
        What::QuicOpened(QuicOpened {
            connection,
            side: Side::Client,
            local: "10.0.0.2:50000".parse().unwrap(),
            remote: "203.0.113.1:443".parse().unwrap(),
            version: 1,
        }),
        What::QuicPacket(QuicPacket {
            connection,
            direction: Direction::Sent,
            space: QuicSpace::ZeroRtt,
            number: 7,
            length: 1200,
            frames,
        }),
        What::QuicCongestion(QuicCongestion {
            connection,
            phase: CongestionPhase::Avoidance,
            cwnd: 12_000,
            ssthresh: None,
            in_flight: 1_200,
            srtt: Some(core::time::Duration::from_micros(40_500)),
        }),
        What::QuicLost(QuicLost { connection: ConnectionId(4), bytes: 1, persistent: false }),
        What::QuicClosed(QuicClosed {
            connection,
            direction: Some(Direction::Received),
            code: Some(0x100),
            application: true,
            why: "done".into(),
        }),
    ];
    let event = |(at, what): (u64, What)| Event {
        id: EventId::new(at + 1).unwrap(),
        at: Time::from_nanos(at * 1_500_000),
        cause: None,
        host: HostId(0),
        what,
    };
    let events = (0..).zip(whats).map(event).collect();
    let qlog = qlog(&Model::new(events));
    insta::assert_snapshot!("qlog", format!("{:#}", qlog));
}
