//! Records of other versions of the schema: older ones open, later minor ones are read as far as they
//! are understood and lose nothing, later major ones are refused.

#[allow(dead_code)]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use roundtrip_record::*;
use serde_json::{Value, json};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Writes these lines as a record and reads them.
fn read(lines: &[String]) -> Result<Vec<Event>, FolderError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("record.jsonl"), lines.join("\n") + "\n").unwrap();
    Folder::open(folder.path()).unwrap().read().map(|(events, _)| events)
}

/// A line of a record.
fn line(id: u64, kind: &str, data: &Value) -> String {
    json!({ "id": id, "at": id, "cause": null, "host": 0, "kind": kind, "data": data }).to_string()
}

/// The first line of a record with this version.
fn started(schema: &Value) -> String {
    let data = json!({
        "schema": schema, "tool": "1", "command": "visit", "subject": "x", "wire": "lab",
        "net": null, "seed": 1, "wall": 0, "replay_of": null,
    });
    line(1, "run.started", &data)
}

#[test]
fn records_of_schema_1_open() {
    let commands = ["visit", "visit", "visit", "visit", "visit", "get", "resolve"];
    let runs = [
        "visit-live",
        "visit-404",
        "visit-refused",
        "visit-nxdomain",
        "visit-lab",
        "get",
        "resolve",
    ];
    for (run, command) in runs.into_iter().zip(commands) {
        let folder = Folder::open(data().join(run)).unwrap();
        let (events, cut) = folder.read().unwrap();
        assert!(!cut, "{run}");
        let What::RunStarted(first) = &events[0].what else { panic!("{run}: another beginning") };
        assert_eq!(
            (first.schema, first.command.as_str()),
            (Schema { major: 1, minor: 0 }, command)
        );
        let last = &events.last().unwrap().what;
        assert!(matches!(last, What::RunEnded(_)), "{run}");
        let unknown = events.iter().find(|event| matches!(event.what, What::Unknown { .. }));
        assert_eq!(unknown, None, "{run}");
        for event in &events {
            if let What::ResponseEnded(ResponseEnded { exchange: Some(_), body, .. }) = &event.what
                && let Some(content) = &body.content
            {
                assert_eq!(folder.bodies().get(content).unwrap().len() as u64, content.length);
            }
        }
    }
}

#[test]
fn a_replay_of_schema_1_keeps_what_it_refers_to() {
    let (events, _) = Folder::open(data().join("visit-lab")).unwrap().read().unwrap();
    let What::RunStarted(run) = &events[0].what else { panic!("another beginning") };
    let old = ReplayOf {
        run: "live".into(),
        digest: None,
        subject: None,
        wire: WireKind::Live,
        net: None,
    };
    assert_eq!(run.replay_of, Some(old));
}

#[test]
fn an_unknown_kind_is_kept_and_written_back() {
    let data = json!({ "a": [1, 2.5, null], "b": { "z": "ü", "c": u64::MAX } });
    let lines = [
        started(&json!("2.0")),
        line(2, "radio.lost", &data),
        line(3, "radio.silent", &Value::Null),
    ];
    let events = read(&lines).unwrap();
    let unknown = What::Unknown { kind: "radio.lost".into(), data };
    assert_eq!(events[1].what, unknown);
    assert_eq!(events[1].what.kind(), "radio.lost");
    for (event, line) in events.iter().zip(&lines).skip(1) {
        let written: Value = serde_json::to_value(event).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(line).unwrap());
    }
    // Without any data it is still an event.
    let bare = r#"{"id":2,"at":0,"cause":null,"host":0,"kind":"radio.off"}"#.to_owned();
    let events = read(&[started(&json!("2.0")), bare]).unwrap();
    assert_eq!(events[1].what, What::Unknown { kind: "radio.off".into(), data: Value::Null });
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let ended = json!({ "exit": 3, "interrupted": false, "mood": "good" });
    let mut value: Value = serde_json::from_str(&line(2, "run.ended", &ended)).unwrap();
    value["weather"] = json!({ "rain": true });
    let events = read(&[started(&json!("2.0")), value.to_string()]).unwrap();
    assert_eq!(
        events[1].what,
        What::RunEnded(RunEnded { exit: 3, interrupted: false, among: None })
    );
}

#[test]
fn the_order_of_a_lines_fields_does_not_matter() {
    for what in common::samples("x") {
        let event = Event {
            id: EventId::new(9).unwrap(),
            at: Time::ZERO,
            cause: None,
            host: HostId(0),
            what,
        };
        let Value::Object(fields) = serde_json::to_value(&event).unwrap() else { panic!() };
        let mut names: Vec<_> = fields.keys().collect();
        names.sort_by_key(|name| name.as_str());
        assert_eq!(names[0], "at");
        // `data` before `kind`, as in no record of ours.
        let pairs = names.iter().map(|name| format!("{}:{}", json!(name), fields[name.as_str()]));
        let text = format!("{{{}}}", pairs.collect::<Vec<_>>().join(","));
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}

#[test]
fn values_of_a_later_minor_version_are_kept_unread() {
    let link = json!({ "link": 0, "reason": "eaten_by_a_mouse" });
    let later = format!("2.{}", SCHEMA.minor + 1);
    let events = read(&[started(&json!(later)), line(2, "link.dropped", &link)]).unwrap();
    let unread = What::Unknown { kind: "link.dropped".into(), data: link.clone() };
    assert_eq!(events[1].what, unread);
    // Of our own version, it is damage.
    let error = read(&[started(&json!("2.0")), line(2, "link.dropped", &link)]).unwrap_err();
    assert!(error.to_string().contains("record.jsonl:2:"), "{error}");
}

#[test]
fn a_later_major_version_is_refused_even_if_its_first_line_cannot_be_read() {
    for (schema, told) in [(json!("3.0"), "3.0"), (json!(7), "7.0")] {
        let error = read(&[started(&schema)]).unwrap_err();
        assert!(matches!(error, FolderError::NewerSchema { .. }), "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
    let odd = line(1, "run.started", &json!({ "schema": "3.1", "everything": "else" }));
    let error = read(&[odd]).unwrap_err();
    assert!(
        matches!(error, FolderError::NewerSchema { found: Schema { major: 3, minor: 1 } }),
        "{error}"
    );
}

#[test]
fn a_line_is_as_it_was_in_schema_1() {
    let what = What::RunEnded(RunEnded { exit: 0, interrupted: false, among: None });
    let event = Event {
        id: EventId::new(4).unwrap(),
        at: Time::from_nanos(5),
        cause: EventId::new(2),
        host: HostId(1),
        what,
    };
    assert_eq!(
        serde_json::to_string(&event).unwrap(),
        r#"{"id":4,"at":5,"cause":2,"host":1,"kind":"run.ended","data":{"exit":0,"interrupted":false}}"#
    );
}

#[test]
fn a_record_has_a_digest_by_which_others_refer_to_it() {
    let folder = Folder::open(data().join("resolve")).unwrap();
    let digest = folder.digest().unwrap();
    assert_eq!(digest.len(), 64);
    assert_eq!(digest, folder.digest().unwrap());
    assert_ne!(digest, Folder::open(data().join("get")).unwrap().digest().unwrap());
}
