//! Credentials do not reach the folder, and a capture stays one that tshark finds no fault with.

#[path = "../../../tests/skip.rs"]
mod skip;

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use roundtrip_record::*;

const SOURCE: [u8; 4] = [10, 0, 0, 2];
const DESTINATION: [u8; 4] = [192, 0, 2, 80];

fn sum(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|w| u64::from(w[0]) << 8 | w.get(1).map_or(0, |&b| u64::from(b))).sum()
}

fn checksum(mut sum: u64) -> [u8; 2] {
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    (!(sum as u16)).to_be_bytes()
}

/// An Ethernet frame with a TCP segment and right checksums.
fn segment(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut tcp = vec![0x9C, 0x41, 0, 80];
    tcp.extend(seq.to_be_bytes());
    tcp.extend([0, 0, 0, 1, 0x50, flags, 0xFA, 0xF0, 0, 0, 0, 0]);
    tcp.extend(payload);
    let pseudo = sum(&SOURCE) + sum(&DESTINATION) + 6 + tcp.len() as u64;
    let check = checksum(sum(&tcp) + pseudo);
    tcp[16..18].copy_from_slice(&check);
    let mut ip = vec![0x45, 0];
    ip.extend((20 + tcp.len() as u16).to_be_bytes());
    ip.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(SOURCE);
    ip.extend(DESTINATION);
    let check = checksum(sum(&ip));
    ip[10..12].copy_from_slice(&check);
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend(ip);
    frame.extend(tcp);
    frame
}

fn recorder(path: &Path) -> Log {
    let log = Log::new(Recorder::new(Settings::in_folder(path)).expect("a folder"));
    log.host("client", Role::Client, &[]);
    log.interface(HostId(0), "eth0", "02:00:00:00:00:01", &[]);
    log
}

fn sent(log: &Log, frame: &[u8]) {
    log.clone().frame(Time::from_millis(1), None, InterfaceId(0), Direction::Sent, frame);
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

const REQUEST: &[u8] = b"GET /private?a=1&token=V7NQ2RTYUJXE&b=2 HTTP/1.1\r\nHost: example.com\r\nauthorization: Basic dTpzZWNyZXQ=\r\nAccept: */*\r\nCookie: sid=QX7ZJ9WKVBHG\r\nX-Api-Key: K4TZP8W2MDLR\r\n\r\n";
const VALUES: [&str; 4] = ["dTpzZWNyZXQ=", "QX7ZJ9WKVBHG", "K4TZP8W2MDLR", "V7NQ2RTYUJXE"];

fn secret_request() -> RequestSent {
    RequestSent {
        exchange: None,
        connection: ConnectionId(1),
        lookup: None,
        reused: 0,
        version: "HTTP/1.1".into(),
        method: "GET".into(),
        target: "/private?a=1&token=V7NQ2RTYUJXE&b=2".into(),
        fields: vec![
            Field("Host".into(), "example.com".into()),
            Field("authorization".into(), "Basic dTpzZWNyZXQ=".into()),
            Field("COOKIE".into(), "sid=QX7ZJ9WKVBHG".into()),
            Field("x-api-key".into(), "K4TZP8W2MDLR".into()),
        ],
        began: Time::ZERO,
        head_bytes: REQUEST.len() as u64,
        body_bytes: 0,
        body: None,
        transport: Transport::Tcp,
        stream: None,
        passed: None,
    }
}

#[test]
fn no_file_of_a_record_holds_a_credential() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = recorder(folder.path());
    log.secret("hunter2hunter2");
    log.emit(Time::ZERO, None, || What::RequestSent(secret_request()));
    log.emit(Time::ZERO, None, || {
        What::PageNote(PageNote { note: "the form said hunter2hunter2".into() })
    });
    sent(&log, &segment(100, 2, b""));
    sent(&log, &segment(101, 0x18, REQUEST));
    sent(&log, &segment(101 + REQUEST.len() as u32, 0x18, b"login=hunter2hunter2"));
    let mut body = log.body_writer();
    for piece in b"you sent hunter2hunter2, <a href='/?token=V7NQ2RTYUJXE'>thank you".chunks(5) {
        body.write(piece);
    }
    let body = body.finish().unwrap();
    let kept = b"you sent **************, <a href='/?token=************'>thank you";
    assert_eq!(log.bodies().get(&body).unwrap(), kept);
    log.finish().unwrap();
    let hidden = ["hunter2hunter2", VALUES[0], VALUES[1], VALUES[2], VALUES[3]];
    for file in ["record.jsonl", "trace.pcapng", &format!("bodies/{}", body.sha256)] {
        let bytes = fs::read(folder.path().join(file)).unwrap();
        for secret in hidden {
            assert!(!contains(&bytes, secret), "{file} holds {secret}");
        }
    }
    let record = fs::read_to_string(folder.path().join("record.jsonl")).unwrap();
    assert!(record.contains(r#"["authorization","[redacted]"]"#), "the names are kept");
    assert!(record.contains("the form said [redacted]"));
    let capture = fs::read(folder.path().join("trace.pcapng")).unwrap();
    assert!(contains(&capture, "authorization: ***** ************"));
    assert!(contains(&capture, "GET /private?a=1&token=************&b=2 HTTP"));
    assert!(record.contains("/private?a=1&token=*&b=2"), "the URL stays one");
}

/// Wherever an event may quote a URL.
#[test]
fn no_event_quotes_a_secret_query_value() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { redact: vec!["Ticket".into()], ..Settings::in_folder(folder.path()) };
    let mut log = Log::new(Recorder::new(settings).unwrap());
    let url = || "https://example.com/a?ticket=T9QXWPLM&sig=S7VBNMKJ&page=2".to_owned();
    let markup = || Initiator::Parser { url: url(), line: 1 };
    log.emit(Time::ZERO, None, || {
        What::ExchangeStarted(ExchangeStarted {
            initiator: markup(),
            ..ExchangeStarted::at_server(ExchangeId(1), "GET", &url())
        })
    });
    log.emit(Time::ZERO, None, || {
        What::PageFound(PageFound {
            url: url(),
            kind: ResourceKind::Image,
            priority: Priority::Low,
            blocks: Blocks::Nothing,
            initiator: Initiator::Style { url: url() },
            not_fetched: None,
        })
    });
    log.emit(Time::ZERO, None, || {
        What::RequestSent(RequestSent {
            fields: vec![Field("Referer".into(), url()), Field("Ticket".into(), "T9QXWPLM".into())],
            ..secret_request()
        })
    });
    log.emit(Time::ZERO, None, || What::PageNote(PageNote { note: format!("left out {}", url()) }));
    for fault in [
        FaultKind::BadUrl { url: url(), why: format!("{} is odd", url()) },
        FaultKind::TooManyRedirects { limit: 3, last: url() },
        FaultKind::Malformed {
            what: format!("Location: {}", url()),
            offset: 0,
            rule: Rule::Other("x".into()),
        },
    ] {
        log.emit(Time::ZERO, None, || {
            What::Fault(Fault {
                step: Step::Url,
                since: Time::ZERO,
                fatal: true,
                exchange: None,
                connection: None,
                fault,
            })
        });
    }
    log.finish().unwrap();
    let record = fs::read_to_string(folder.path().join("record.jsonl")).unwrap();
    for secret in ["T9QXWPLM", "S7VBNMKJ", VALUES[3]] {
        assert!(!record.contains(secret), "{secret} in {record}");
    }
    assert_eq!(
        record.matches("https://example.com/a?ticket=*&sig=*&page=2").count(),
        10,
        "{record}"
    );
}

#[test]
fn they_are_kept_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { keep_secrets: true, ..Settings::in_folder(folder.path()) };
    let mut log = Log::new(Recorder::new(settings).unwrap());
    log.secret("hunter2hunter2");
    log.emit(Time::ZERO, None, || What::RequestSent(secret_request()));
    log.finish().unwrap();
    let record = fs::read_to_string(folder.path().join("record.jsonl")).unwrap();
    assert!(record.contains(VALUES[0]));
}

#[test]
fn a_password_in_a_url_is_taken_out() {
    assert_eq!(
        SecretNames::default().redact_url("https://me:pass@example.com/a@b:c"),
        "https://me:[redacted]@example.com/a@b:c"
    );
    assert_eq!(
        SecretNames::default().redact_url("https://example.com/x:y@z"),
        "https://example.com/x:y@z"
    );
    assert_eq!(
        SecretNames::default().redact_url("http://me@example.com/"),
        "http://me@example.com/"
    );
    assert_eq!(SecretNames::default().redact_url("not a url"), "not a url");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the request is cut into segments, and in whatever order they come, once or twice.
    #[test]
    fn values_spread_over_segments_are_found(
        cuts in prop::collection::btree_set(1..REQUEST.len(), 0..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        start in prop_oneof![Just(u32::MAX - 40), any::<u32>()],
    ) {
        let mut edges: Vec<usize> = cuts.into_iter().collect();
        edges.insert(0, 0);
        edges.push(REQUEST.len());
        let pieces: Vec<(usize, usize)> = edges.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let folder = tempfile::tempdir().unwrap();
        let log = recorder(folder.path());
        sent(&log, &segment(start, 2, b""));
        let mut sequence: Vec<(usize, usize)> = order.iter().map(|index| *index.get(&pieces)).collect();
        sequence.extend(&pieces);
        for (from, to) in sequence {
            sent(&log, &segment(start.wrapping_add(1 + from as u32), 0x18, &REQUEST[from..to]));
        }
        log.finish().unwrap();
        // Every byte of a value, wherever it was cut, is gone: pieces of three bytes tell no more.
        let capture = fs::read(folder.path().join("trace.pcapng")).unwrap();
        for value in VALUES {
            for piece in value.as_bytes().windows(3) {
                let piece = core::str::from_utf8(piece).unwrap();
                prop_assert!(!contains(&capture, piece), "{piece} of {value} is there");
            }
        }
    }
}

#[test]
fn tshark_reads_the_capture() {
    if !skip::has("tshark") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut log = recorder(folder.path());
    log.emit(Time::ZERO, None, || {
        What::RunStarted(RunStarted {
            schema: SCHEMA,
            tool: "test".into(),
            command: "visit".into(),
            subject: "http://example.com/".into(),
            wire: WireKind::Lab,
            net: None,
            seed: Some(1),
            wall: 1_767_225_600_000_000_000,
            replay_of: None,
        })
    });
    assert!(log.tls_secrets(&format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "cd".repeat(48))));
    sent(&log, &segment(100, 2, b""));
    sent(&log, &segment(101, 0x18, REQUEST));
    log.finish().unwrap();
    let output = Command::new("tshark")
        .args(["-r"])
        .arg(folder.path().join("trace.pcapng"))
        .args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"])
        .args(["-T", "fields", "-E", "separator=|"])
        .args(["-e", "frame.number", "-e", "frame.time_epoch", "-e", "frame.interface_name"])
        .args(["-e", "frame.comment", "-e", "tcp.checksum.status", "-e", "ip.checksum.status"])
        .args(["-e", "http.authorization", "-e", "frame.packet_flags_direction"])
        .output()
        .expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert_eq!(rows[0][..6], ["1", "1767225600.001000000", "client:eth0", "event 4", "1", "1"]);
    assert_eq!(rows[1][3], "event 5; credentials blanked, checksum adjusted");
    assert_eq!(rows[1][4..7], ["1", "1", "***** ************"], "{text}");
}

/// The kinds of the blocks of a capture, and the keys in it.
fn blocks(capture: &[u8]) -> (Vec<u32>, String) {
    let (mut kinds, mut keys, mut at) = (Vec::new(), String::new(), 0);
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    while at < capture.len() {
        if word(at) == 10 {
            let length = word(at + 12) as usize;
            keys.push_str(core::str::from_utf8(&capture[at + 16..at + 16 + length]).unwrap());
        }
        kinds.push(word(at));
        at += word(at + 4) as usize;
    }
    (kinds, keys)
}

/// A handshake is seen before its keys are known; who reads the capture needs them the other way round.
#[test]
fn keys_stand_before_the_packets_that_need_them() {
    const HEADER: u32 = 0x0A0D_0D0A;
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new(
        Recorder::new(Settings { keep_secrets: true, ..Settings::in_folder(folder.path()) })
            .unwrap(),
    );
    log.host("client", Role::Client, &[]);
    log.interface(HostId(0), "eth0", "02:00:00:00:00:01", &[]);
    let capture = || blocks(&fs::read(folder.path().join("trace.pcapng")).unwrap());
    sent(&log, &segment(100, 2, b""));
    assert!(log.tls_secrets("CLIENT_HANDSHAKE_TRAFFIC_SECRET ab cd\n"));
    sent(&log, &segment(101, 0x18, b"hello"));
    log.finish().unwrap();
    assert_eq!(
        capture(),
        (vec![HEADER, 10, 1, 6, 6], "CLIENT_HANDSHAKE_TRAFFIC_SECRET ab cd\n".into())
    );
    // Recording goes on in the same file.
    sent(&log, &segment(106, 0x18, b"hello"));
    assert!(log.tls_secrets("CLIENT_TRAFFIC_SECRET_0 ab ef\n"));
    log.finish().unwrap();
    let both = "CLIENT_HANDSHAKE_TRAFFIC_SECRET ab cd\nCLIENT_TRAFFIC_SECRET_0 ab ef\n";
    assert_eq!(capture(), (vec![HEADER, 10, 1, 6, 6, 6], both.into()));
}
