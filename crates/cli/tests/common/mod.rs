//! What several tests use: the command itself, and outside tools to hold it against.
#![allow(dead_code, reason = "each test file uses a part of it")]

#[allow(clippy::duplicate_mod, reason = "a test file may use this and the other helper")]
#[path = "../../../../tests/skip.rs"]
mod rule;

use std::path::Path;
use std::process::{Command, Output};

use roundtrip_record::{Event, Fault, Folder, What};
use serde_json::Value;

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub(crate) use rule::{has, skip};

/// The command, with a home of its own, so that nothing is kept from one test to another.
pub(crate) struct Roundtrip {
    home: tempfile::TempDir,
}

impl Roundtrip {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a folder") }
    }

    /// A folder that goes when the test does.
    pub(crate) fn folder(&self, name: &str) -> String {
        self.home.path().join(name).to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(Command::new(env!("CARGO_BIN_EXE_roundtrip")), arguments)
    }

    /// The same by way of another command, to whose arguments these are added.
    pub(crate) fn run_with(&self, mut command: Command, arguments: &[&str]) -> Run {
        command.args(arguments).env("HOME", self.home.path());
        for variable in
            ["XDG_STATE_HOME", "XDG_CACHE_HOME", "SSLKEYLOGFILE", "LC_ALL", "LC_MESSAGES", "LANG"]
        {
            command.env_remove(variable);
        }
        Run(command.output().expect("the command starts"))
    }
}

/// Chromium without a screen and without a word to anyone but the page's own host.
pub(crate) fn chromium(roundtrip: &Roundtrip, arguments: &[&str]) -> Run {
    let data = format!("--user-data-dir={}", roundtrip.folder("chromium"));
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr", &data])
        .args(arguments)
        .env("HOME", roundtrip.folder(""))
        .output()
        .expect("chromium starts");
    let run = Run(output);
    assert_eq!(run.exit(), 0, "chromium: {}", run.err());
    run
}

/// What a command came to.
pub(crate) struct Run(Output);

impl Run {
    pub(crate) fn exit(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The first line: the answer.
    pub(crate) fn verdict(&self) -> String {
        self.out().lines().next().unwrap_or_default().to_owned()
    }

    /// Fails, with all that was said, unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, exit: i32) -> Self {
        let (out, err) = (self.out(), self.err());
        assert_eq!(self.exit(), exit, "stdout:\n{out}\nstderr:\n{err}");
        assert!(!err.contains("panicked"), "{err}");
        self
    }
}

/// The events of a record, which must have its end.
pub(crate) fn events(folder: &str) -> Vec<Event> {
    let (events, cut) = Folder::open(folder).expect("a record").read().expect("events");
    assert!(!cut, "the record has no end");
    events
}

/// The faults in a record.
pub(crate) fn faults(folder: &str) -> Vec<Fault> {
    let faults = events(folder).into_iter().filter_map(|event| match event.what {
        What::Fault(fault) => Some(fault),
        _ => None,
    });
    faults.collect()
}

/// A file of a record's folder.
pub(crate) fn text(folder: &str, name: &str) -> String {
    std::fs::read_to_string(Path::new(folder).join(name)).expect("a file of the record")
}

/// Checks `visit.har` against HAR 1.2: what must be there is there and of its kind, and the phases
/// add up. Answers with the number of entries.
///
/// # Panics
/// When it is not so.
pub(crate) fn check_har(folder: &str) -> usize {
    let har: Value = serde_json::from_str(&text(folder, "visit.har")).expect("JSON");
    let log = &har["log"];
    assert_eq!(log["version"], "1.2");
    strings(&log["creator"], &["name", "version"]);
    let pages = log["pages"].as_array().expect("pages");
    for page in pages {
        strings(page, &["id", "title", "startedDateTime"]);
        assert!(is_iso8601(&page["startedDateTime"]), "{page}");
        for (name, at) in page["pageTimings"].as_object().expect("pageTimings") {
            assert!(at.as_f64().is_some_and(|at| at >= -1.0), "{name}: {at}");
        }
    }
    let ids: Vec<&Value> = pages.iter().map(|page| &page["id"]).collect();
    let entries = log["entries"].as_array().expect("entries");
    for entry in entries {
        assert!(ids.contains(&&entry["pageref"]), "{}", entry["pageref"]);
        assert!(is_iso8601(&entry["startedDateTime"]), "{entry}");
        assert!(entry["cache"].is_object());
        check_request(&entry["request"]);
        check_response(&entry["response"]);
        check_timings(entry);
        no_null(entry, "entry");
    }
    // Entries stand in the order of their beginning.
    let starts: Vec<&str> =
        entries.iter().filter_map(|entry| entry["startedDateTime"].as_str()).collect();
    assert!(starts.is_sorted(), "{starts:?}");
    entries.len()
}

fn check_request(request: &Value) {
    strings(request, &["method", "url", "httpVersion"]);
    assert!(request["cookies"].is_array());
    pairs(&request["headers"]);
    pairs(&request["queryString"]);
    sizes(request);
    if let Some(data) = request.get("postData") {
        strings(data, &["mimeType", "text"]);
    }
}

fn check_response(response: &Value) {
    strings(response, &["statusText", "httpVersion", "redirectURL"]);
    assert!(response["status"].is_u64(), "{response}");
    assert!(response["cookies"].is_array());
    pairs(&response["headers"]);
    sizes(response);
    let content = &response["content"];
    assert!(content["size"].is_u64(), "{content}");
    strings(content, &["mimeType"]);
    if content.get("encoding").is_some() {
        assert_eq!(content["encoding"], "base64");
    }
}

/// Phases are milliseconds or −1, `ssl` is in `connect`, and the rest adds up to `time`.
fn check_timings(entry: &Value) {
    let timings = &entry["timings"];
    let of = |phase: &str| timings[phase].as_f64().unwrap_or_else(|| panic!("{phase}: {timings}"));
    for phase in ["blocked", "dns", "connect", "ssl", "send", "wait", "receive"] {
        let absent = (of(phase) + 1.0).abs() < f64::EPSILON;
        assert!(of(phase) >= 0.0 || absent, "{phase}: {timings}");
    }
    for phase in ["send", "wait", "receive"] {
        assert!(of(phase) >= 0.0, "{phase} must be there: {timings}");
    }
    let parts = ["blocked", "dns", "connect", "send", "wait", "receive"].map(of);
    let sum: f64 = parts.into_iter().filter(|part| *part >= 0.0).sum();
    let time = entry["time"].as_f64().expect("time");
    assert!((time - sum).abs() < 1e-3, "time {time}, phases {sum}: {timings}");
    assert!(of("ssl") <= of("connect").max(-1.0) + 1e-6, "{timings}");
}

fn strings(object: &Value, fields: &[&str]) {
    for field in fields {
        assert!(object[field].is_string(), "{field} of {object}");
    }
}

fn pairs(list: &Value) {
    for pair in list.as_array().unwrap_or_else(|| panic!("a list of names and values: {list}")) {
        strings(pair, &["name", "value"]);
    }
}

fn sizes(message: &Value) {
    for size in ["headersSize", "bodySize"] {
        assert!(message[size].as_i64().is_some_and(|size| size >= -1), "{size} of {message}");
    }
}

/// As `2026-01-01T00:00:00.000Z`.
fn is_iso8601(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let shape: String =
        text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    shape.starts_with("0000-00-00T00:00:00.000") && (shape.ends_with('Z') || shape.contains('+'))
}

/// In HAR what does not apply is −1 or left out; only extensions (`_…`) may say null.
fn no_null(value: &Value, at: &str) {
    match value {
        Value::Null => panic!("null at {at}"),
        Value::Array(items) => items.iter().for_each(|item| no_null(item, at)),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !name.starts_with('_'))
            .for_each(|(name, value)| no_null(value, &format!("{at}.{name}"))),
        _ => {}
    }
}
