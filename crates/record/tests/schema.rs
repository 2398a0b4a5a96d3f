//! `doc/record.schema.json` is held against every kind of event, and against old records.

#[allow(dead_code)]
mod common;
#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "../../../tests/json_schema.rs"]
mod json_schema;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use json_schema::Schema;
use roundtrip_record::*;
use serde_json::{Value, json};

fn schema() -> Schema {
    Schema::new(include_str!("../../../doc/record.schema.json"))
}

fn line(what: What) -> Value {
    let id = EventId::new(1).unwrap();
    let event = Event { id, at: Time::ZERO, cause: None, host: HostId(0), what };
    serde_json::to_value(&event).unwrap()
}

#[test]
fn every_kind_is_as_the_schema_says() {
    let schema = schema();
    for what in common::samples("x") {
        let line = line(what);
        if let Err(why) = schema.check(&line) {
            panic!("{}: {why}\n{line:#}", line["kind"]);
        }
    }
}

#[test]
fn every_field_of_the_schema_is_written() {
    let schema = schema();
    for what in common::samples("x") {
        schema.check(&line(what)).unwrap();
    }
    let defs = schema.root()["$defs"].as_object().unwrap();
    let fields = defs.iter().flat_map(|(name, def)| {
        let own = def["properties"].as_object().into_iter().flatten();
        own.map(move |(field, _)| format!("{name}.{field}"))
    });
    let described: BTreeSet<String> = fields.collect();
    let met = schema.met.borrow();
    let never: Vec<_> = described.difference(&met).collect();
    assert!(never.is_empty(), "described and never written: {never:?}");
}

#[test]
fn the_schema_and_the_text_name_every_kind() {
    let schema = schema();
    let text = include_str!("../../../doc/record.md");
    let choices = schema.root()["oneOf"].as_array().unwrap();
    let named: BTreeSet<_> = choices
        .iter()
        .filter_map(|choice| choice["properties"]["kind"]["const"].as_str())
        .collect();
    assert_eq!(named, What::KINDS.iter().copied().collect());
    for kind in What::KINDS {
        assert!(text.contains(&format!("\n### `{kind}`\n")), "{kind} is not in record.md");
    }
    assert!(text.contains(&format!("**{SCHEMA}**")), "record.md describes another version");
}

#[test]
fn a_line_that_is_wrong_does_not_fit() {
    let schema = schema();
    let good = line(What::RunEnded(RunEnded { exit: 0, interrupted: false, among: None }));
    assert_eq!(schema.check(&good), Ok(()));
    let wrong = [
        ("/id", json!(0)),
        ("/at", json!(-1)),
        ("/cause", json!("1")),
        ("/data/exit", json!(256)),
        ("/data/exit", json!(null)),
        ("/data/interrupted", json!(1)),
    ];
    for (place, value) in wrong {
        let mut line = good.clone();
        *line.pointer_mut(place).unwrap() = value;
        assert!(schema.check(&line).is_err(), "{line}");
    }
    let mut more = good.clone();
    more["data"]["mood"] = json!("good");
    assert!(schema.check(&more).unwrap_err().contains("not described"));
    // What a later version adds is no mistake.
    let later =
        json!({ "id": 1, "at": 0, "cause": null, "host": 0, "kind": "radio.lost", "data": 3 });
    assert_eq!(schema.check(&later), Ok(()));
}

#[test]
fn records_of_schema_1_fit_but_for_what_has_gone() {
    let schema = schema();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for run in ["visit-live", "visit-404", "visit-refused", "visit-nxdomain", "get", "resolve"] {
        let text = fs::read_to_string(data.join(run).join("record.jsonl")).unwrap();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            schema.check(&line).unwrap_or_else(|why| panic!("{run}: {why}\n{line:#}"));
        }
    }
}
