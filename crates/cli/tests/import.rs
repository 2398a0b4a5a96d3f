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
