//! `import`: what is taken in can be shown, given back and carried out again.

mod common;

use std::fs;
use std::path::Path;

use common::Roundtrip;
use serde_json::{Value, json};

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn took(roundtrip: &Roundtrip, run: &str, net: &str) -> f64 {
    let again = roundtrip.run(&["visit", run, "--net", net, "--no-keep", "--format", "json"]);
    let facts: Value = serde_json::from_str(&again.out()).unwrap();
    facts["total"]["took_ms"].as_f64().unwrap()
}

#[test]
fn our_own_archive_replays_as_the_record_does() {
    let roundtrip = Roundtrip::new();
    for (name, arguments) in [("plain", &[][..]), ("secure", &["--https"])] {
        let record = roundtrip.folder(name);
        roundtrip.run(&[&["visit", "--out", &record], arguments].concat()).expect(0);
        let archive = format!("{record}/visit.har");
        let imported = roundtrip.folder(&format!("{name}-imported"));
        let run = roundtrip.run(&["import", &archive, "--out", &imported]).expect(0);
        assert!(run.verdict().contains("wire: imported"), "{}", run.verdict());
        for net in ["cable", "4g", "3gfast"] {
            let (own, theirs) = (took(&roundtrip, &record, net), took(&roundtrip, &imported, net));
            assert!(
                (theirs / own - 1.0).abs() < 0.01,
                "{name} on {net}: {own} ms, imported {theirs} ms"
            );
        }
        // What was imported is given back as it was, and so is what is made of that.
        let back = roundtrip.run(&["show", &imported, "--har"]);
        let back: Value = serde_json::from_str(&back.out()).unwrap();
        assert_eq!(back, read(Path::new(&archive)));
        assert_eq!(back, read(&Path::new(&imported).join("visit.har")));
    }
}

#[test]
fn an_archive_is_given_back_with_all_its_fields() {
    let roundtrip = Roundtrip::new();
    let archive = json!({ "top": 1, "log": {
        "version": "1.2", "creator": {"name": "Someone's", "version": "3", "_own": [1, {"a": null}]},
        "pages": [{"id": "a", "title": "A", "startedDateTime": "2026-03-01T12:00:00Z", "pageTimings": {"onLoad": 80.25}, "_score": "-1"}],
        "entries": [
            {"pageref": "a", "startedDateTime": "2026-03-01T12:00:00.5Z", "time": 12.5, "_own": {"deep": [true]}, "comment": "last first",
             "request": {"method": "POST", "url": "http://h.example/x?q=1", "httpVersion": "HTTP/1.1", "headers": [{"name": "A", "value": "b", "comment": "c"}],
                "queryString": [{"name": "q", "value": "1"}], "cookies": [], "headersSize": -1, "bodySize": 3,
                "postData": {"mimeType": "text/plain", "text": "a\u{1f600}\"b"}},
             "response": {"status": 200, "statusText": "Fine", "httpVersion": "HTTP/1.1", "headers": [], "cookies": [], "redirectURL": "",
                "content": {"size": 4, "mimeType": "image/gif", "encoding": "base64", "text": "R0lGOA=="}, "headersSize": 40, "bodySize": 4},
             "cache": {"afterRequest": null}, "timings": {"send": 0, "wait": 12, "receive": 0.5}},
            {"pageref": "a", "startedDateTime": "2026-03-01T12:00:00Z", "time": 1, "request": {"method": "GET", "url": "data:,x", "headers": []},
             "response": {"status": 200, "content": {"text": ""}}, "timings": {}},
            {"pageref": "b", "startedDateTime": "no date", "request": {"url": "http://h.example/refused"}}
        ]
    }});
    let file = roundtrip.folder("theirs.har");
    fs::write(&file, archive.to_string()).unwrap();
    let out = roundtrip.folder("imported");
    let run = roundtrip.run(&["import", &file, "--out", &out, "--page", "all"]).expect(0);
    assert!(run.out().contains("entries could not be imported (1)"), "{}", run.out());
    let back: Value = serde_json::from_str(&roundtrip.run(&["show", &out, "--har"]).out()).unwrap();
    assert_eq!(back, archive);
    // The notes are part of the record, so that every view has them.
    let facts: Value =
        serde_json::from_str(&roundtrip.run(&["show", &out, "--format", "json"]).out()).unwrap();
    assert!(facts["import_notes"].as_array().unwrap().iter().any(|note| note["count"] == 1));
    let events = roundtrip.run(&["show", &out, "--events"]).out();
    assert!(
        events.contains(r#""kind":"import.exchange""#) && !events.contains(&file),
        "no path of this machine"
    );
}

#[test]
fn the_coding_of_a_text_counts_whatever_its_case() {
    let roundtrip = Roundtrip::new();
    let archive = json!({"log": {"entries": [{
        "startedDateTime": "2026-03-01T12:00:00Z", "time": 1, "timings": {"wait": 1},
        "request": {"method": "GET", "url": "http://h.example/"},
        "response": {"status": 200, "content": {"text": "/+7d", "encoding": "Base64"}}
    }]}});
    let file = roundtrip.folder("theirs.har");
    fs::write(&file, archive.to_string()).unwrap();
    let out = roundtrip.folder("imported");
    roundtrip.run(&["import", &file, "--out", &out]).expect(0);
    let back = read(&Path::new(&out).join("visit.har"));
    assert_eq!(back["log"]["entries"][0]["response"]["content"]["text"], "/+7d");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "in which order the files are read does not matter")]
fn what_is_to_be_redacted_stands_nowhere() {
    let roundtrip = Roundtrip::new();
    let archive = json!({"log": {"entries": [{
        "startedDateTime": "2026-03-01T12:00:00Z", "time": 1, "timings": {"wait": 1},
        "request": {"method": "POST", "url": "http://h.example/?ticket=opensesame", "headers": [
            {"name": "X-Ticket", "value": "opensesame"}],
            "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [
                {"name": "ticket", "value": "opensesame"}, {"name": "password", "value": "opensesame"}]}},
        "response": {"status": 200, "headers": [{"name": "x-ticket", "value": "opensesame"}]}
    }]}});
    let file = roundtrip.folder("theirs.har");
    fs::write(&file, archive.to_string()).unwrap();
    let out = roundtrip.folder("imported");
    let names = ["--redact", "X-Ticket", "--redact", "ticket"];
    roundtrip.run(&[&["import", &file, "--out", &out], &names[..]].concat()).expect(0);
    let mut folders = vec![Path::new(&out).to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("opensesame"), "{}", path.display());
        }
    }
    assert!(files > 3, "{files} files");
    let back = read(&Path::new(&out).join("visit.har"));
    let form = &back["log"]["entries"][0]["request"]["postData"]["params"];
    assert_eq!(form[0], json!({"name": "ticket", "value": "**********"}));
}

#[test]
fn a_file_that_cannot_be_read_leaves_no_run() {
    let roundtrip = Roundtrip::new();
    let file = roundtrip.folder("cut.har");
    fs::write(&file, r#"{"log": {"entries": [{"request": {"url": "http://h"#).unwrap();
    let run = roundtrip.run(&["import", &file]).expect(2);
    assert!(run.err().contains("not JSON at byte 50 (line 1, column 51): the text ends within the string that begins at byte 41"), "{}", run.err());
    let out = roundtrip.folder("out");
    roundtrip.run(&["import", &file, "--out", &out]).expect(2);
    assert!(!Path::new(&out).exists());
    let missing = roundtrip.run(&["import", &roundtrip.folder("missing.har")]).expect(2);
    assert!(missing.err().contains("missing.har: No such file"), "{}", missing.err());
    assert!(roundtrip.run(&["show"]).out().contains("no saved runs yet"));
}

#[test]
fn several_files_become_several_runs() {
    let roundtrip = Roundtrip::new();
    let entry = json!({"startedDateTime": "2026-03-01T12:00:00Z", "time": 1, "request": {"url": "http://h.example/"},
        "response": {"status": 200}, "timings": {"wait": 1}});
    let files = ["a.har", "b.har"].map(|name| {
        let file = roundtrip.folder(name);
        fs::write(&file, json!({"log": {"entries": [entry]}}).to_string()).unwrap();
        file
    });
    let bad = roundtrip.folder("bad.har");
    fs::write(&bad, "no").unwrap();
    let run = roundtrip.run(&["import", &files[0], &bad, &files[1]]).expect(2);
    assert!(run.err().contains("bad.har"), "{}", run.err());
    assert_eq!(roundtrip.run(&["show"]).out().lines().count(), 2);
    roundtrip.run(&["import", &files[0], &files[1], "--out", &roundtrip.folder("x")]).expect(2);
}

/// What an exchange came to: its URL, status, sizes, the hash of its body, its phases in whole
/// milliseconds.
fn exchanges(roundtrip: &Roundtrip, run: &str) -> Vec<Value> {
    let facts: Value =
        serde_json::from_str(&roundtrip.run(&["show", run, "--format", "json"]).out()).unwrap();
    let phases = |exchange: &Value| -> Vec<String> {
        let waited = ["tls", "request", "wait", "body"];
        let all = exchange["phases"].as_array().unwrap().iter();
        let named = all.filter(|phase| waited.contains(&phase["kind"].as_str().unwrap()));
        named
            .filter(|phase| phase["took_ms"].as_f64().unwrap() >= 0.5)
            .map(|phase| format!("{} {:.0}", phase["kind"], phase["took_ms"].as_f64().unwrap()))
            .collect()
    };
    let mut told: Vec<Value> = facts["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exchange| {
            let body = &exchange["response"]["body"];
            json!({
                "url": exchange["url"], "method": exchange["method"], "complete": exchange["complete"],
                "status": exchange["heads"][0]["status"], "fields": exchange["heads"][0]["fields"],
                "asked": exchange["request"]["fields"], "sent": exchange["request"]["head_bytes"],
                "encoded": body["encoded"], "decoded": body["decoded"], "content": body["content"],
                "framing": body["framing"], "phases": phases(exchange),
            })
        })
        .collect();
    told.sort_by_key(|exchange| exchange["url"].to_string());
    told
}

/// The states of each connection's client end, with their times. What comes after the last packet is
/// not in a capture.
fn states(roundtrip: &Roundtrip, run: &str) -> Vec<Vec<String>> {
    let facts: Value =
        serde_json::from_str(&roundtrip.run(&["show", run, "--format", "json"]).out()).unwrap();
    let of = |connection: &Value| -> Vec<String> {
        let states = connection["client"]["states"].as_array().unwrap().iter();
        let shown = states.filter(|state| state["to"] != "CLOSED");
        shown.map(|state| format!("{} {}", state["to"], state["at_ms"])).collect()
    };
    facts["connections"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn our_own_capture_gives_the_same_exchanges() {
    let roundtrip = Roundtrip::new();
    for (name, arguments) in [
        ("plain", &[][..]),
        ("secure", &["--https"]),
        ("lossy", &["--https", "--net", "3gfast,loss=2%", "--seed", "4"]),
    ] {
        let record = roundtrip.folder(name);
        // A capture does not tell that a connection was opened before anything needed it, as browsers
        // do: its handshake is told of the first exchange on it.
        let visit = ["visit", "--as", "roundtrip", "--out", &record];
        roundtrip.run(&[&visit[..], arguments].concat()).expect(0);
        let imported = roundtrip.folder(&format!("{name}-imported"));
        let capture = format!("{record}/trace.pcapng");
        roundtrip.run(&["import", &capture, "--out", &imported]).expect(0);
        let (own, theirs) = (exchanges(&roundtrip, &record), exchanges(&roundtrip, &imported));
        assert_eq!(own.len(), theirs.len(), "{name}");
        for (own, theirs) in own.iter().zip(&theirs) {
            assert_eq!(own, theirs, "{name}");
        }
        assert_eq!(states(&roundtrip, &record), states(&roundtrip, &imported), "{name}");
    }
}

/// The events of a kind in a record.
fn told(run: &str, kind: &str) -> Vec<Value> {
    let record = fs::read_to_string(format!("{run}/record.jsonl")).unwrap();
    let events = record.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == kind).collect()
}

#[test]
fn our_own_capture_of_http_3_gives_the_same_exchanges() {
    let roundtrip = Roundtrip::new();
    for (name, arguments) in
        [("calm", &[][..]), ("lossy", &["--net", "3gfast,loss=2%,reorder=1%", "--seed", "3"])]
    {
        let record = roundtrip.folder(name);
        let visit =
            ["visit", "--as", "roundtrip", "--https", "--http3", "--warm", "--out", &record];
        roundtrip.run(&[&visit[..], arguments].concat()).expect(0);
        let imported = roundtrip.folder(&format!("{name}-imported"));
        let run = roundtrip.run(&["import", &format!("{record}/trace.pcapng"), "--out", &imported]);
        let out = run.expect(0).out();
        assert!(!out.contains("QUIC"), "nothing stays closed: {out}");
        let (own, theirs) = (exchanges(&roundtrip, &record), exchanges(&roundtrip, &imported));
        assert_eq!(own.len(), theirs.len(), "{name}");
        for (own, theirs) in own.iter().zip(&theirs) {
            assert_eq!(own, theirs, "{name}");
        }
        // Each head has the packet for its cause that brought it.
        let packets = told(&imported, "quic.packet");
        let mut heads = told(&imported, "http.head");
        heads.retain(|head| head["data"]["transport"] == "quic");
        assert!(heads.len() > 5, "{} by HTTP/3", heads.len());
        for head in heads {
            let packet = packets.iter().find(|packet| packet["id"] == head["cause"]).unwrap();
            let mut frames = packet["data"]["frames"].as_array().unwrap().iter();
            assert!(frames.any(|frame| {
                frame["frame_type"] == "stream" && frame["stream_id"] == head["data"]["stream"]
            }));
        }
    }
}

#[test]
fn secrets_that_stand_behind_their_packets_are_found() {
    let roundtrip = Roundtrip::new();
    let record = roundtrip.folder("secure");
    roundtrip.run(&["visit", "--https", "--out", &record]).expect(0);
    let capture = fs::read(format!("{record}/trace.pcapng")).unwrap();
    let (mut first, mut secrets, mut at) = (Vec::new(), Vec::new(), 0);
    while at < capture.len() {
        let length = u32::from_le_bytes(capture[at + 4..at + 8].try_into().unwrap()) as usize;
        let to =
            if capture[at] == 0x0a && capture[at + 1] == 0 { &mut secrets } else { &mut first };
        to.extend_from_slice(&capture[at..at + length]);
        at += length;
    }
    assert!(!secrets.is_empty());
    let count = |name: &str, bytes: &[u8], more: &[&str]| {
        let (file, out) = (roundtrip.folder(&format!("{name}.pcapng")), roundtrip.folder(name));
        fs::write(&file, bytes).unwrap();
        let run = roundtrip.run(&[&["import", &file, "--out", &out], more].concat()).expect(0);
        (exchanges(&roundtrip, &out).len(), run.out())
    };
    assert_eq!(count("late", &[&first[..], &secrets].concat(), &[]).0, 11);
    let (none, out) = count("without", &first, &[]);
    assert_eq!(none, 0);
    assert!(out.contains("are encrypted, and there are no keys"), "{out}");
    // The same keys as a file of their own.
    let log = String::from_utf8_lossy(&secrets).into_owned();
    let label = |line: &str| line.find("CLIENT_").or_else(|| line.find("SERVER_"));
    let lines = log.lines().filter_map(|line| label(line).map(|at| &line[at..]));
    let keys = roundtrip.folder("keys.log");
    fs::write(&keys, lines.collect::<Vec<_>>().join("\n")).unwrap();
    assert_eq!(count("keys", &first, &["--keys", &keys]).0, 11);
}

#[test]
fn damaged_captures_of_tls_are_read_or_refused() {
    let roundtrip = Roundtrip::new();
    let record = roundtrip.folder("secure");
    roundtrip.run(&["visit", "--https", "--out", &record]).expect(0);
    let capture = fs::read(format!("{record}/trace.pcapng")).unwrap();
    let damaged = Path::new(&record).join("damaged.pcapng");
    let mut state = 7u64;
    let mut below = |limit: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for _ in 0..300 {
        let mut file = capture.clone();
        for _ in 0..=below(20) {
            let at = below(file.len());
            file[at] = below(256) as u8;
        }
        fs::write(&damaged, &file).unwrap();
        let log = roundtrip_record::Log::memory();
        if let Err(error) =
            roundtrip_import::import(&damaged, &roundtrip_import::Options::default(), &log)
        {
            assert!(error.to_string().contains("damaged"), "{error}");
        }
    }
}

#[test]
fn an_archive_without_bodies_is_carried_out_again() {
    let roundtrip = Roundtrip::new();
    let page = "http://shop.example/";
    let entry = |start: u64, path: &str, size: u64, more: Value| {
        let mut entry = json!({
            "startedDateTime": format!("2026-03-01T12:00:00.{start:03}Z"), "time": 60, "connection": "7",
            "request": {"method": "GET", "url": format!("{page}{path}"), "httpVersion": "http/1.1", "headers": []},
            "response": {"status": 200, "statusText": "OK", "httpVersion": "http/1.1", "headers": [],
                "content": {"size": size, "mimeType": ""}, "bodySize": size},
            "timings": {"blocked": 0, "dns": -1, "connect": if start == 0 { 20 } else { -1 }, "ssl": -1, "send": 0, "wait": 30, "receive": 10},
        });
        for (name, value) in more.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    };
    let by = |kind: &str, initiator: &str, url: &str| json!({"_resourceType": kind, "_initiator_type": initiator, "_initiator": url});
    let sheet = format!("{page}a.css");
    let entries = [
        entry(0, "", 9_000, json!({"_resourceType": "document"})),
        entry(90, "a.css", 20_000, by("stylesheet", "parser", page)),
        entry(95, "b.js", 30_000, by("script", "parser", page)),
        entry(99, "c.jpg?a=1&b=2", 40_000, by("image", "parser", page)),
        entry(150, "d.woff2", 15_000, by("font", "parser", &sheet)),
        entry(155, "e.png", 7_000, by("image", "parser", &sheet)),
        entry(180, "f.json", 500, by("xhr", "script", &format!("{page}b.js"))),
    ];
    let file = roundtrip.folder("bare.har");
    fs::write(&file, json!({"log": {"version": "1.2", "entries": entries}}).to_string()).unwrap();
    let (run, again) = (roundtrip.folder("run"), roundtrip.folder("again"));
    let imported = roundtrip.run(&["import", &file, "--out", &run]).expect(0);
    assert!(imported.out().contains("bodies are missing"), "{}", imported.out());
    roundtrip.run(&["visit", &run, "--net", "cable", "--out", &again]).expect(0);
    let facts: Value =
        serde_json::from_str(&roundtrip.run(&["show", &again, "--format", "json"]).out()).unwrap();
    let mut asked: Vec<(String, u64, u64)> = facts["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|exchange| exchange["url"] != "http://shop.example/favicon.ico")
        .map(|exchange| {
            let url = exchange["url"].as_str().unwrap().trim_start_matches(page).to_owned();
            (
                url,
                exchange["heads"][0]["status"].as_u64().unwrap(),
                exchange["response"]["body"]["decoded"].as_u64().unwrap(),
            )
        })
        .collect();
    asked.sort();
    let wanted = [
        ("", 9_000),
        ("a.css", 20_000),
        ("b.js", 30_000),
        ("c.jpg?a=1&b=2", 40_000),
        ("d.woff2", 15_000),
        ("e.png", 7_000),
        ("f.json", 500),
    ];
    assert_eq!(asked, wanted.map(|(url, size)| (url.to_owned(), 200, size)));
}
