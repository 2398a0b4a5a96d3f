//! Chrome's logs of its network, made here: events by their names, numbered as no version of Chromium numbers them.

mod common;

use common::{Chance, Read};
use roundtrip_import::{ImportError, Options};
use roundtrip_record::{
    AttemptEnd, EndedBy, FaultKind, HttpVersion, Initiator, Priority, ResourceKind, TlsVersion,
    Transport, What,
};
use roundtrip_story::PhaseKind;
use serde_json::{Map, Value, json};

/// A log as it is written, with its numbers in the order in which names come up.
#[derive(Default)]
struct Netlog {
    kinds: Map<String, Value>,
    events: Vec<Value>,
}

const BEGIN: u64 = 11;
const END: u64 = 12;
const NONE: u64 = 13;

impl Netlog {
    /// An event: its name and phase, at so many milliseconds, of a source.
    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
    fn event(&mut self, at: u64, source: u64, name: &str, phase: u64, params: Value) -> &mut Self {
        let next = self.kinds.len() + 900;
        let number = self.kinds.entry(name).or_insert_with(|| next.into()).clone();
        self.events.push(json!({
            "type": number, "phase": phase, "time": (5_000 + at).to_string(),
            "source": {"id": source, "type": 3, "start_time": "5000"}, "params": params
        }));
        self
    }

    fn span(&mut self, from: u64, to: u64, source: u64, name: &str) -> &mut Self {
        self.event(from, source, name, BEGIN, json!({})).event(to, source, name, END, json!({}))
    }

    /// As Chromium writes it: the constants, and an event a line.
    fn text(&self) -> String {
        let constants = json!({
            "logEventTypes": self.kinds,
            "logEventPhase": {"PHASE_BEGIN": BEGIN, "PHASE_END": END, "PHASE_NONE": NONE},
            "logSourceType": {"URL_REQUEST": 3},
            "netError": {"ERR_NAME_NOT_RESOLVED": -105, "ERR_CONNECTION_REFUSED": -102, "ERR_ABORTED": -3},
            "timeTickOffset": "1795918440000",
            "clientInfo": {"name": "Chromium", "version": "156.0"}
        });
        let events: Vec<String> = self.events.iter().map(Value::to_string).collect();
        format!(
            "{{\"constants\":{constants},\n\"events\": [\n{}],\n\"polledData\": {{}}}}\n",
            events.join(",\n")
        )
    }

    fn read(&self) -> Read {
        common::bytes(self.text().as_bytes(), &Options::default()).unwrap()
    }

    /// A socket of a connect job, that is opened from `at` on, with TLS where `tls` says for what.
    fn socket(&mut self, at: u64, socket: u64, job: u64, tls: Option<&str>) -> &mut Self {
        let to = if tls.is_some() { "192.0.2.7:443" } else { "192.0.2.7:80" };
        self.event(at, socket, "SOCKET_ALIVE", BEGIN, json!({"source_dependency": {"id": job}}))
            .event(at, socket, "TCP_CONNECT", BEGIN, json!({"address_list": [to]}))
            .event(at, socket, "TCP_CONNECT_ATTEMPT", BEGIN, json!({"address": to}))
            .event(at + 20, socket, "TCP_CONNECT_ATTEMPT", END, json!({}));
        let ends = json!({"local_address": "10.0.0.1:50000", "remote_address": to});
        self.event(at + 20, socket, "TCP_CONNECT", END, ends);
        if let Some(protocol) = tls {
            let agreed = json!({"version": "TLS 1.3", "cipher_suite": 0x1301, "key_exchange_group": 29,
                "next_proto": protocol, "is_resumed": true});
            self.event(at + 20, socket, "SSL_CONNECT", BEGIN, json!({})).event(
                at + 50,
                socket,
                "SSL_CONNECT",
                END,
                agreed,
            );
        }
        self
    }

    /// A request of a page that is sent at `sent`, and answered 30 ms later with a body of 10 bytes that takes 5.
    fn request(
        &mut self,
        at: u64,
        sent: u64,
        source: u64,
        job: u64,
        url: &str,
        answer: &[&str],
    ) -> &mut Self {
        let first = if source == 100 { ("HIGHEST", "main frame") } else { ("LOW", "other") };
        let start = json!({"url": url, "method": "GET", "request_type": first.1, "initiator": "http://h.example"});
        self.event(at, source, "REQUEST_ALIVE", BEGIN, json!({"priority": first.0, "url": url}))
            .event(at, source, "URL_REQUEST_START_JOB", BEGIN, start);
        self.exchange(sent, source, job, answer);
        let count = json!({"byte_count": 10, "bytes": "MDEyMzQ1Njc4OQ=="});
        self.event(sent + 35, source, "URL_REQUEST_JOB_FILTERED_BYTES_READ", NONE, count).event(
            sent + 35,
            source,
            "REQUEST_ALIVE",
            END,
            json!({}),
        )
    }

    fn exchange(&mut self, sent: u64, source: u64, job: u64, answer: &[&str]) -> &mut Self {
        let head = json!({"line": "GET / HTTP/1.1\r\n", "headers": ["Host: h.example", "Referer: http://h.example/",
            "Cookie: [12 bytes were stripped]"]});
        self.event(
            sent,
            source,
            "HTTP_STREAM_REQUEST_BOUND_TO_JOB",
            NONE,
            json!({"source_dependency": {"id": job}}),
        )
        .event(sent, source, "HTTP_TRANSACTION_SEND_REQUEST", BEGIN, json!({}))
        .event(sent, source, "HTTP_TRANSACTION_SEND_REQUEST_HEADERS", NONE, head)
        .event(sent + 1, source, "HTTP_TRANSACTION_SEND_REQUEST", END, json!({}))
        .span(sent + 1, sent + 30, source, "HTTP_TRANSACTION_READ_HEADERS")
        .event(
            sent + 30,
            source,
            "HTTP_TRANSACTION_READ_RESPONSE_HEADERS",
            NONE,
            json!({"headers": answer}),
        )
        .event(sent + 30, source, "URL_REQUEST_START_JOB", END, json!({}))
        .span(sent + 30, sent + 35, source, "HTTP_TRANSACTION_READ_BODY")
    }
}

const OK: [&str; 3] = ["HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 10"];

/// A lookup, two addresses of which the first refuses, a document, and a picture on the same connection.
fn usual() -> Netlog {
    let mut log = Netlog::default();
    let host = json!({"host": "http://h.example", "dns_query_types": ["A", "AAAA"]});
    let found = json!({"results": [{"domain_name": "h.example", "endpoints": [{"address": "192.0.2.7", "port": 0}]},
        {"alias_target": "www.h.example", "type": "alias"}]});
    log.event(0, 1, "HOST_RESOLVER_MANAGER_JOB", BEGIN, host)
        .event(12, 1, "HOST_RESOLVER_DNS_TASK_EXTRACTION_RESULTS", NONE, found)
        .event(12, 1, "HOST_RESOLVER_MANAGER_JOB", END, json!({}))
        .event(
            0,
            2,
            "HOST_RESOLVER_MANAGER_JOB_ATTACH",
            NONE,
            json!({"source_dependency": {"id": 1}}),
        )
        .event(12, 3, "SOCKET_ALIVE", BEGIN, json!({"source_dependency": {"id": 2}}))
        .event(12, 3, "TCP_CONNECT_ATTEMPT", BEGIN, json!({"address": "[2001:db8::7]:80"}))
        .event(13, 3, "TCP_CONNECT_ATTEMPT", END, json!({"os_error": 111}))
        .event(13, 3, "TCP_CONNECT", END, json!({"net_error": -102}))
        .socket(14, 4, 2, None)
        .event(34, 50, "SOCKET_POOL_BOUND_TO_SOCKET", NONE, json!({"source_dependency": {"id": 4}}))
        .event(90, 51, "SOCKET_POOL_BOUND_TO_SOCKET", NONE, json!({"source_dependency": {"id": 4}}))
        .request(0, 40, 100, 50, "http://h.example/", &OK)
        .request(
            80,
            95,
            101,
            51,
            "http://h.example/a.png",
            &["HTTP/1.1 200 OK", "Content-Type: image/png"],
        )
        .event(200, 4, "SOCKET_ALIVE", END, json!({}));
    // What the browser does by itself.
    let own = json!({"url": "https://update.example/", "method": "POST", "request_type": "other",
        "initiator": "not an origin"});
    log.event(3, 102, "REQUEST_ALIVE", BEGIN, json!({"priority": "IDLE"})).event(
        3,
        102,
        "URL_REQUEST_START_JOB",
        BEGIN,
        own,
    );
    log
}

fn phases(read: &Read, n: usize) -> Vec<(&'static str, u128)> {
    let phases = read.story.exchanges[n].phases.iter();
    phases
        .map(|phase| (phase.kind.name(), phase.took().as_millis()))
        .filter(|(_, took)| *took > 0)
        .collect()
}

#[test]
fn sockets_lookups_and_messages() {
    let read = usual().read();
    let story = &read.story;
    assert_eq!(read.imported.entries, 2);
    assert_eq!(read.noted("requests of the browser itself"), 1);
    let [document, picture] = &story.exchanges[..] else { panic!("{:?}", read.imported.notes) };
    assert_eq!(
        (document.url.as_str(), document.status(), document.complete),
        ("http://h.example/", Some(200), true)
    );
    assert_eq!((document.kind, document.priority), (ResourceKind::Document, Priority::VeryHigh));
    assert_eq!((picture.kind, picture.priority), (ResourceKind::Image, Priority::Medium));
    let parser = Initiator::Parser { url: "http://h.example/".into(), line: 0 };
    assert_eq!((&document.initiator, &picture.initiator), (&Initiator::User, &parser));
    assert_eq!(read.body("http://h.example/").unwrap(), b"0123456789");
    let connect: Vec<_> = phases(&read, 0);
    assert_eq!(
        connect,
        [("name", 12), ("connect", 22), ("here", 6), ("request", 1), ("wait", 29), ("body", 5)]
    );
    assert_eq!(phases(&read, 1), [("blocked", 15), ("request", 1), ("wait", 29), ("body", 5)]);
    let ends: Vec<_> = document
        .attempts
        .iter()
        .map(|attempt| &attempt.result.as_ref().unwrap().what.end)
        .collect();
    assert_eq!(ends, [&AttemptEnd::Refused, &AttemptEnd::Connected]);
    let connection = &story.connections[0];
    assert_eq!(connection.server_address().unwrap().to_string(), "192.0.2.7:80");
    assert_eq!(connection.client.as_ref().unwrap().local.to_string(), "10.0.0.1:50000");
    assert_eq!((document.reused(), picture.reused()), (0, 1));
    let lookup = &story.lookups[0];
    assert_eq!(
        (lookup.name.as_str(), &lookup.aliases),
        ("h.example.", &vec!["www.h.example".to_owned()])
    );
    assert_eq!(lookup.addresses, ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]);
    let sent = &document.request.as_ref().unwrap().what;
    assert_eq!((sent.target.as_str(), sent.version.clone()), ("/", HttpVersion::Http11));
    // The request line, Host, Referer, and a cookie of twelve bytes that the log does not have.
    assert_eq!(sent.head_bytes, 16 + 17 + 28 + 8 + 12 + 2 + 2);
}

#[test]
fn sessions_of_http2() {
    let mut log = Netlog::default();
    log.socket(0, 4, 2, Some("h2"))
        .event(50, 60, "HTTP2_SESSION", BEGIN, json!({"host": "h.example:443"}))
        .event(50, 60, "HTTP2_SESSION_INITIALIZED", NONE, json!({"source_dependency": {"id": 4}}))
        .event(50, 50, "HTTP_STREAM_JOB", BEGIN, json!({"source_dependency": {"id": 40}}))
        .event(
            50,
            40,
            "HTTP_STREAM_JOB_CONTROLLER_PROXY_SERVER_RESOLVED",
            NONE,
            json!({"proxy_chain": "[https://p:1]"}),
        )
        .event(
            50,
            50,
            "HTTP2_SESSION_POOL_IMPORTED_SESSION_FROM_SOCKET",
            NONE,
            json!({"source_dependency": {"id": 60}}),
        )
        .event(
            80,
            51,
            "HTTP2_SESSION_POOL_FOUND_EXISTING_SESSION",
            NONE,
            json!({"source_dependency": {"id": 60}}),
        );
    let streams = [(50, 1), (51, 3)];
    for (job, stream) in streams {
        let head = json!({"stream_id": stream, "headers": [], "source_dependency": {"id": job}});
        log.event(51, 60, "HTTP2_SESSION_SEND_HEADERS", NONE, head);
    }
    let head = ["HTTP/1.1 200", "content-type: text/css"];
    log.request(0, 51, 100, 50, "https://h.example/", &["HTTP/1.1 200"])
        .request(75, 81, 101, 51, "https://h.example/a.css", &head)
        .event(
            300,
            60,
            "HTTP2_SESSION_RECV_GOAWAY",
            NONE,
            json!({"error_code": "0 (NO_ERROR)", "debug_data": "bye"}),
        )
        .event(110, 60, "HTTP2_SESSION_PING", NONE, json!({}));
    let read = log.read();
    let story = &read.story;
    for (exchange, (_, stream)) in story.exchanges.iter().zip(streams) {
        let request = &exchange.request.as_ref().unwrap().what;
        assert_eq!((request.stream, request.version.clone()), (Some(stream), HttpVersion::Http2));
        assert!(request.fields.iter().all(|field| !field.0.starts_with(':')));
    }
    assert_eq!(story.exchanges[0].connection, story.exchanges[1].connection);
    let connection = &story.connections[0];
    let tls = &connection.tls.as_ref().unwrap().what;
    assert_eq!(
        (tls.version.clone(), tls.cipher.as_str()),
        (TlsVersion::Tls13, "TLS_AES_128_GCM_SHA256")
    );
    assert_eq!(
        (tls.group.as_deref(), tls.alpn.as_deref(), tls.resumed),
        (Some("x25519"), Some("h2"), true)
    );
    assert_eq!(connection.tls_started.as_ref().unwrap().what.server_name, "h.example");
    let ending = story.events.iter().find_map(|event| match &event.what {
        What::ConnectionEnding(ending) => Some((ending.by, ending.why.as_str())),
        _ => None,
    });
    assert_eq!(ending, Some((EndedBy::Server, "GOAWAY 0 (NO_ERROR) bye")));
    assert_eq!(read.noted("by way of a proxy: https://p:1"), 1);
    assert_eq!(read.noted("events within sessions"), 1);
    assert_eq!(story.exchanges[1].kind, ResourceKind::Style);
}

#[test]
fn sessions_of_quic() {
    let mut log = Netlog::default();
    let begin = json!({"host": "h.example", "source_dependency": {"id": 30}});
    log.event(0, 70, "QUIC_SESSION", BEGIN, begin)
        .event(
            1,
            70,
            "QUIC_SESSION_PACKET_SENT",
            NONE,
            json!({"peer_address": "192.0.2.7:443", "self_address": "10.0.0.1:5"}),
        )
        .event(40, 70, "QUIC_SESSION_CERTIFICATE_VERIFIED", NONE, json!({"subjects": []}))
        .event(
            0,
            50,
            "BOUND_TO_QUIC_SESSION_POOL_JOB",
            NONE,
            json!({"source_dependency": {"id": 30}}),
        )
        .event(
            60,
            70,
            "QUIC_SESSION_POOL_ATTACH_HTTP_STREAM_JOB_TO_EXISTING_SESSION",
            NONE,
            json!({"source_dependency": {"id": 51}}),
        )
        .event(60, 51, "HTTP_STREAM_JOB", BEGIN, json!({}));
    log.request(0, 41, 100, 50, "https://h.example/", &["HTTP/1.1 200"]);
    log.event(60, 51, "HTTP_STREAM_JOB", BEGIN, json!({}))
        .event(
            61,
            70,
            "QUIC_SESSION_POOL_ATTACH_HTTP_STREAM_JOB_TO_EXISTING_SESSION",
            NONE,
            json!({"source_dependency": {"id": 51}}),
        )
        .request(60, 62, 101, 51, "https://h.example/a", &["HTTP/1.1 200"])
        .event(400, 70, "QUIC_SESSION_CLOSED", NONE, json!({"details": "idle"}));
    let read = log.read();
    let [first, second] = &read.story.exchanges[..] else { panic!() };
    assert_eq!((first.connection, first.reused(), second.reused()), (second.connection, 0, 1));
    for exchange in [first, second] {
        let request = &exchange.request.as_ref().unwrap().what;
        assert_eq!(
            (request.version.clone(), request.transport),
            (HttpVersion::Http3, Transport::Quic)
        );
    }
    let connection = &read.story.connections[0];
    assert_eq!(connection.server_address().unwrap().to_string(), "192.0.2.7:443");
    assert_eq!(connection.client.as_ref().unwrap().quic_closed.as_ref().unwrap().what.why, "idle");
    assert!(
        first
            .phases
            .iter()
            .any(|phase| phase.kind == PhaseKind::Connect || phase.kind == PhaseKind::Tls)
    );
}

#[test]
fn redirects_caches_and_failures() {
    let mut log = Netlog::default();
    log.socket(0, 4, 2, None).event(
        20,
        50,
        "SOCKET_POOL_BOUND_TO_SOCKET",
        NONE,
        json!({"source_dependency": {"id": 4}}),
    );
    let start = |url: &str| json!({"url": url, "method": "GET", "request_type": "main frame"});
    log.event(0, 100, "REQUEST_ALIVE", BEGIN, json!({"priority": "HIGHEST"}))
        .event(0, 100, "URL_REQUEST_START_JOB", BEGIN, start("http://h.example/r"))
        .exchange(21, 100, 50, &["HTTP/1.1 302 Found", "Location: /"])
        .event(55, 100, "URL_REQUEST_REDIRECTED", NONE, json!({"location": "http://h.example/"}))
        .event(56, 100, "URL_REQUEST_START_JOB", BEGIN, start("http://h.example/"))
        .exchange(57, 100, 50, &OK)
        .event(95, 100, "REQUEST_ALIVE", END, json!({}));
    // From the cache, nowhere to be found, given up, and one that is left open.
    let other = |url: &str| json!({"url": url, "method": "GET", "request_type": "other", "initiator": "http://h.example"});
    log.event(96, 101, "URL_REQUEST_START_JOB", BEGIN, other("http://h.example/kept.css"))
        .event(97, 101, "URL_REQUEST_START_JOB", END, json!({}))
        .event(97, 101, "URL_REQUEST_JOB_FILTERED_BYTES_READ", NONE, json!({"byte_count": 77}))
        .event(98, 101, "REQUEST_ALIVE", END, json!({}))
        .event(96, 102, "URL_REQUEST_START_JOB", BEGIN, other("http://nowhere.example/a.js"))
        .event(99, 102, "URL_REQUEST_START_JOB", END, json!({"net_error": -105}))
        .event(99, 102, "REQUEST_ALIVE", END, json!({"net_error": -105}))
        .event(96, 103, "URL_REQUEST_START_JOB", BEGIN, other("http://h.example/slow"))
        .event(100, 103, "CANCELLED", NONE, json!({"net_error": -3}))
        .event(100, 103, "REQUEST_ALIVE", END, json!({"net_error": -3}))
        .event(96, 104, "URL_REQUEST_START_JOB", BEGIN, other("http://h.example/open"))
        .event(96, 105, "URL_REQUEST_START_JOB", BEGIN, other("chrome://theme/x.png"));
    let read = log.read();
    let story = &read.story;
    let by =
        |part: &str| story.exchanges.iter().find(|exchange| exchange.url.ends_with(part)).unwrap();
    assert_eq!(by("/r").status(), Some(302));
    assert_eq!(by("example/").initiator, Initiator::Redirect { of: by("/r").id, status: 302 });
    assert_eq!((by("example/").reused(), by("example/").span.start.nanos()), (1, 56_000_000));
    assert!(by("kept.css").from_cache && by("kept.css").complete);
    assert!(!by("open").complete && by("open").status().is_none());
    let faults: Vec<_> = story
        .events
        .iter()
        .filter_map(
            |event| if let What::Fault(fault) = &event.what { Some(&fault.fault) } else { None },
        )
        .collect();
    assert!(
        matches!(faults[..], [FaultKind::NoAddress { .. }, FaultKind::Interrupted]),
        "{faults:?}"
    );
    assert_eq!((read.imported.exit, story.exchanges.len()), (0, 6));
    assert_eq!(read.noted("under way when the log ended"), 1);
}

#[test]
fn a_page_that_fails_ends_the_visit() {
    let mut log = Netlog::default();
    let start =
        json!({"url": "http://nowhere.example/", "method": "GET", "request_type": "main frame"});
    log.event(0, 100, "URL_REQUEST_START_JOB", BEGIN, start)
        .event(9, 100, "URL_REQUEST_START_JOB", END, json!({"net_error": -105}))
        .event(9, 100, "REQUEST_ALIVE", END, json!({"net_error": -105}));
    assert_eq!(log.read().imported.exit, 6);
}

#[test]
fn a_clock_that_was_set_back_is_borne() {
    let mut log = Netlog::default();
    log.event(30, 4, "TCP_CONNECT_ATTEMPT", BEGIN, json!({"address": "192.0.2.7:443"}))
        .event(40, 4, "TCP_CONNECT_ATTEMPT", END, json!({}))
        .event(40, 4, "TCP_CONNECT", END, json!({"remote_address": "192.0.2.7:443"}))
        .event(41, 4, "SSL_CONNECT", BEGIN, json!({}))
        .event(5, 4, "SSL_CONNECT", END, json!({"version": "TLS 1.3", "cipher_suite": 0x1301}))
        .event(50, 50, "SOCKET_POOL_BOUND_TO_SOCKET", NONE, json!({"source_dependency": {"id": 4}}))
        .request(0, 60, 100, 50, "https://h.example/", &OK);
    let read = log.read();
    assert_eq!(read.story.exchanges[0].status(), Some(200));
    assert!(read.story.connections[0].tls.is_some());
}

#[test]
fn a_log_that_breaks_off_is_read_up_to_there() {
    let text = usual().text();
    let whole = usual().read();
    let events = text.find("\"events\"").unwrap();
    let told = text.rfind("],\n\"polledData\"").unwrap();
    for cut in [told, told - 2, told - 20, text.len() - 8] {
        let read = common::bytes(&text.as_bytes()[..cut], &Options::default()).unwrap();
        assert_eq!(read.noted("breaks off"), 1, "{cut}");
        assert_eq!(read.story.exchanges.len(), whole.story.exchanges.len());
    }
    // Within the constants nothing is known yet.
    let error = common::bytes(&text.as_bytes()[..events - 40], &Options::default()).err().unwrap();
    assert!(matches!(error, ImportError::Json { .. }), "{error}");
    let error = common::bytes(&text.as_bytes()[..events + 11], &Options::default()).err().unwrap();
    assert!(error.to_string().contains("no request"), "{error}");
    let broken = text.replacen("\"phase\":", "\"phase\" ", 1);
    let error = common::bytes(broken.as_bytes(), &Options::default()).err().unwrap();
    assert!(matches!(error, ImportError::Json { .. }), "in the middle it is damaged: {error}");
}

#[test]
fn damaged_logs_are_read_or_refused() {
    let text = usual().text();
    let mut chance = Chance(3);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..2000 {
        let mut text = text.clone().into_bytes();
        for _ in 0..=chance.below(3) {
            let at = chance.below(text.len());
            match chance.below(4) {
                0 => text[at] = chance.below(256) as u8,
                1 => text.truncate(at.max(20)),
                2 => drop(text.drain(at..(at + chance.below(60)).min(text.len()))),
                _ if text[at].is_ascii_digit() => text[at] = b'9',
                _ => {}
            }
        }
        match common::bytes(&text, &Options::default()) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 200 && refused > 200, "{read} read, {refused} refused: both are to be tried");
}
