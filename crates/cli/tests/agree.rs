//! No two views of a run disagree: runs of every sort, and their numbers compared as the terminal,
//! JSON, HAR, the report, `JUnit`, the trace and `-w` have them.

mod common;
#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "../../../tests/json_schema.rs"]
mod json_schema;
mod peer;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Roundtrip, Run, check_har};
use json_schema::Schema;
use peer::Peer;
use peer::raw::{Raw, Then};
use roundtrip_record::Folder;
use roundtrip_report::{
    Attachments, Model, Options, Story, har, html, json, junit, perfetto, terminal,
};
use serde_json::Value;

/// All views of one record.
struct Views {
    name: String,
    json: Value,
    har: Value,
    terminal: String,
    html: String,
    junit: String,
    trace: Value,
}

/// Fails unless the documented schema describes it.
#[track_caller]
fn described(run: &str, schema: &Schema, value: &Value) {
    if let Err(why) = schema.check(value) {
        panic!("{run}: {why}");
    }
}

impl Views {
    fn of(name: &str, folder: &str) -> Self {
        let folder = Folder::open(folder).expect("a record");
        let (events, cut) = folder.read().expect("events");
        assert!(!cut, "{name}");
        let lines = Schema::new(include_str!("../../../doc/record.schema.json"));
        for event in &events {
            let line = serde_json::to_value(event).expect("JSON");
            described(name, &lines, &line);
        }
        let model = Model::of(Story::new(events));
        let facts = Schema::new(include_str!("../../../doc/json.schema.json"));
        described(name, &facts, &json(&model));
        Self {
            name: name.to_owned(),
            json: json(&model),
            har: har(&model, &folder.bodies()),
            terminal: terminal(&model, &Options { width: 160, ..Options::default() }),
            html: html(&model, &Attachments::of(&folder)),
            junit: junit(&model),
            trace: perfetto(&model),
        }
    }

    fn exchanges(&self) -> &[Value] {
        let asked = self.json["exchanges"].as_array().expect("exchanges");
        if asked.is_empty() { self.json["served"].as_array().expect("served") } else { asked }
    }

    /// The exchange that is the headline.
    fn headline(&self) -> Option<&Value> {
        let id = self.json["chain"].as_array().expect("a chain").last()?;
        self.exchanges().iter().find(|exchange| exchange["id"] == *id)
    }

    fn agree(&self) {
        self.whole();
        self.times_of_exchanges();
        self.har_entries();
        self.rows();
        self.slowest();
        self.page();
        self.metrics();
    }

    /// How long it took, in every view.
    fn whole(&self) {
        let took = number(&self.json["total"]["took_ms"]);
        near(&self.name, "JUnit's whole", seconds(&self.junit, 0) * 1e3, took, 0.001);
        let fatal = self.json["findings"].as_array().expect("findings").iter();
        if fatal.clone().any(|finding| finding["fatal"] == true) || self.exchanges().is_empty() {
            return;
        }
        let first = self.terminal.lines().next().expect("a line");
        let told = first.split("  ").filter_map(millis).last();
        // `310 ms live → 4.71 s on 3gslow` tells two.
        let told = first.rsplit("→ ").next().and_then(millis).or(told);
        about(&self.name, "the first line", told, took);
        let facts = between(&self.html, "<p class=\"facts\">", "</p>");
        let facts = facts.split("<span>").find_map(|fact| {
            let fact = fact.split('<').next()?;
            millis(fact.rsplit("→ ").next()?)
        });
        about(&self.name, "the report's answer", facts, took);
        let metric = self.metric("duration");
        near(&self.name, "the metric", metric.expect("a duration"), took, 1e-9);
    }

    fn times_of_exchanges(&self) {
        for (n, exchange) in self.exchanges().iter().enumerate() {
            let took = number(&exchange["took_ms"]);
            let phases: f64 = phases(exchange).map(|phase| number(&phase["took_ms"])).sum();
            if exchange["from_cache"] == false {
                near(&self.name, "the phases' sum", phases, took, 1e-6);
            }
            near(&self.name, "JUnit's case", seconds(&self.junit, n + 2) * 1e3, took, 0.001);
            let slices = self.trace["traceEvents"].as_array().expect("events").iter();
            let slice = slices.filter(|slice| slice["cat"] == "exchange").nth(n).expect("a slice");
            near(&self.name, "the trace's slice", number(&slice["dur"]) / 1e3, took, 1e-6);
        }
        let cases = self.junit.matches("<testcase ").count();
        assert!(cases >= self.exchanges().len(), "{}", self.name);
    }

    fn har_entries(&self) {
        let entries = self.har["log"]["entries"].as_array().expect("entries");
        let over = |exchange: &&Value| exchange["over"] == true || !exchange["request"].is_null();
        let exchanges: Vec<&Value> = self.exchanges().iter().filter(over).collect();
        assert_eq!(entries.len(), exchanges.len(), "{}", self.name);
        for (entry, exchange) in entries.iter().zip(exchanges) {
            let of = |kinds: &[&str]| kinds.iter().filter_map(|kind| spent(exchange, kind)).sum();
            let timing = |name: &str| number(&entry["timings"][name]).max(0.0);
            for (name, kinds) in [
                ("blocked", &["blocked", "here"][..]),
                ("_here", &["here"]),
                ("dns", &["name"]),
                ("connect", &["connect", "tls"]),
                ("ssl", &["tls"]),
                ("send", &["request"]),
                ("wait", &["wait"]),
                ("receive", &["body"]),
            ] {
                near(&self.name, name, timing(name), of(kinds), 1e-6);
            }
            let took = number(&exchange["took_ms"]);
            if exchange["from_cache"] == false {
                near(&self.name, "HAR's time", number(&entry["time"]), took, 1e-6);
            }
            let body = &exchange["response"]["body"];
            // With the framing, where the record knows it.
            let counted = ["framed", "encoded"].map(|size| &body[size]);
            let size = counted.into_iter().find(|size| !size.is_null()).map_or(-1.0, number);
            near(&self.name, "bodySize", number(&entry["response"]["bodySize"]), size, 0.0);
        }
        let sizes = entries.iter().map(|entry| number(&entry["response"]["_transferSize"]));
        let received = number(&self.json["received_bytes"]);
        near(&self.name, "_transferSize", sizes.sum(), received, 0.0);
        near(
            &self.name,
            "transferSize",
            self.metric("transferSize").expect("bytes"),
            received,
            0.0,
        );
    }

    /// The steps of the headline, as the terminal's table has them.
    fn rows(&self) {
        let Some(headline) = self.headline() else { return };
        let mut rows: BTreeMap<&str, f64> = BTreeMap::new();
        for line in self.terminal.lines() {
            let mut words = line.split_whitespace();
            if let (Some(label), Some(Ok(_)), Some(Ok(took))) =
                (words.next(), words.next().map(str::parse::<f64>), words.next().map(str::parse))
            {
                rows.insert(label, took);
            }
        }
        for kind in ["connect", "tls", "request", "wait", "body"] {
            let spent = spent(headline, kind);
            // A redirect that was followed has rows of the same names before these.
            if let (Some(row), Some(spent)) = (rows.get(kind), spent) {
                near(&self.name, kind, *row, spent, 0.051);
            }
            assert_eq!(
                rows.contains_key(kind),
                spent.is_some() || self.earlier_has(kind),
                "{}: {kind}\n{}",
                self.name,
                self.terminal
            );
        }
    }

    fn earlier_has(&self, kind: &str) -> bool {
        let chain = self.json["chain"].as_array().expect("a chain");
        let of_chain = self.exchanges().iter().filter(|exchange| chain.contains(&exchange["id"]));
        of_chain.into_iter().any(|exchange| spent(exchange, kind).is_some())
    }

    /// What took longest, and that nothing on the critical path took longer.
    fn slowest(&self) {
        let slowest = &self.json["slowest"];
        let path = &self.json["critical_path"]["to_end"];
        let legs = path["legs"].as_array().expect("legs");
        let sum: f64 = legs.iter().map(|leg| number(&leg["took_ms"])).sum();
        near(&self.name, "the critical path", sum, number(&path["took_ms"]), 1e-6);
        let close = self.json["close"]["took_ms"].as_f64().unwrap_or(0.0);
        let longest = legs.iter().map(|leg| number(&leg["took_ms"])).fold(close, f64::max);
        if slowest.is_null() {
            near(&self.name, "nothing took time", longest, 0.0, 0.0);
            return;
        }
        let took = number(&slowest["took_ms"]);
        near(&self.name, "the slowest", took, longest, 1e-9);
        let line = self.terminal.lines().find(|line| line.trim_start().starts_with("slowest"));
        let line = line.expect("a line on the slowest");
        let step = slowest["step"].as_str().expect("a step");
        assert!(line.trim_start()["slowest".len()..].trim_start().starts_with(step), "{line}");
        about(&self.name, "slowest", line.split(", ").find_map(millis), took);
        let report = between(&self.html, "<p class=\"slowest\">", "</p>");
        assert!(report.contains(&format!("<b>{step}</b>")), "{report}");
        about(
            &self.name,
            "the report's slowest",
            report.split("<b>").filter_map(|bold| millis(bold.split('<').next()?)).last(),
            took,
        );
    }

    fn page(&self) {
        let start = number(&self.json["total"]["start_ms"]);
        let whole = number(&self.json["total"]["took_ms"]);
        for milestone in self.json["page"]["milestones"].as_array().expect("milestones") {
            let name = milestone["name"].as_str().expect("a name");
            let at = number(&milestone["at_ms"]) - start;
            // Nobody waits for what is on its way to the display when the page has loaded.
            let is_waited_for = name != "largest-contentful-paint";
            assert!(
                !is_waited_for || at <= whole + 1e-9,
                "{}: {name} at {at} of {whole}",
                self.name
            );
            let metric = self.metric(name).expect("a metric for each milestone");
            near(&self.name, name, metric, at, 1e-6);
            let timings = &self.har["log"]["pages"][0]["pageTimings"];
            let field = match name {
                "loadEventEnd" => "onLoad",
                "domContentLoadedEventEnd" => "onContentLoad",
                "first-contentful-paint" => "_firstContentfulPaint",
                "largest-contentful-paint" => "_largestContentfulPaint",
                _ => continue,
            };
            near(&self.name, field, number(&timings[field]), at, 1e-6);
        }
        if let Some(load) = self.metric("loadEventEnd") {
            let row = self.terminal.lines().find(|line| line.trim_start().starts_with("page "));
            // A detail for which there is no room is cut.
            if let Some(row) = row.filter(|row| !row.contains('…')) {
                let told = row.split("load ").nth(1).and_then(millis);
                about(&self.name, "load", told, load);
            }
        }
    }

    fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.json["metrics"].as_array().expect("metrics");
        metrics.iter().find(|metric| metric["name"] == name).map(|metric| number(&metric["value"]))
    }

    fn metrics(&self) {
        let count = self.exchanges().len() as f64;
        near(&self.name, "requests", self.metric("requests").expect("a count"), count, 0.0);
        if let (Some(wait), Some(headline)) = (self.metric("waitTime"), self.headline()) {
            near(&self.name, "waitTime", wait, spent(headline, "wait").unwrap_or(-1.0), 1e-6);
        }
        if let Some(close) = self.metric("closeTime") {
            let row = self.terminal.lines().find(|line| line.trim_start().starts_with("close "));
            if let Some(row) = row.filter(|row| !row.contains('—')) {
                let told = row.split_whitespace().nth(2).and_then(|word| word.parse::<f64>().ok());
                near(&self.name, "close", told.expect("a number"), close, 0.051);
            }
        }
    }
}

fn phases(exchange: &Value) -> impl Iterator<Item = &Value> {
    exchange["phases"].as_array().expect("phases").iter()
}

/// All its time in one kind of phase.
fn spent(exchange: &Value, kind: &str) -> Option<f64> {
    let mut of_kind = phases(exchange).filter(|phase| phase["kind"] == kind).peekable();
    of_kind.peek()?;
    Some(of_kind.map(|phase| number(&phase["took_ms"])).sum())
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[track_caller]
fn near(run: &str, what: &str, one: f64, other: f64, within: f64) {
    assert!((one - other).abs() <= within + 1e-9, "{run}: {what}: {one} and {other}");
}

/// Whether a number for people, which has three digits, is that one.
#[track_caller]
fn about(run: &str, what: &str, told: Option<f64>, exact: f64) {
    let told = told.unwrap_or_else(|| panic!("{run}: {what} tells no time"));
    near(run, what, told, exact, exact * 0.006);
}

/// A time for people in milliseconds: `310 ms`, `4.71 s`, `2 min 5 s`; what follows does not matter.
fn millis(text: &str) -> Option<f64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut sum = None;
    for pair in words.chunks(2) {
        let [number, unit] = pair else { break };
        let Ok(number) = number.parse::<f64>() else { break };
        let factor = match unit.trim_end_matches([',', ';', '.', ')']) {
            "ns" => 1e-6,
            "µs" => 1e-3,
            "ms" => 1.0,
            "s" => 1e3,
            "min" => 60e3,
            _ => break,
        };
        *sum.get_or_insert(0.0) += number * factor;
        if !unit.ends_with(char::is_alphabetic) {
            break;
        }
    }
    sum
}

/// The n-th `time` of `JUnit`'s file.
fn seconds(junit: &str, n: usize) -> f64 {
    let times = junit.split(" time=\"").skip(1).map(|rest| rest.split('"').next());
    let time = times.flatten().nth(n).expect("a time");
    time.parse().expect("a number")
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split(from).nth(1).unwrap_or_default();
    rest.split(to).next().unwrap_or_default()
}

/// Runs a command with its record in a folder of its own, and compares its views.
struct Table {
    roundtrip: Roundtrip,
    done: usize,
}

impl Table {
    fn run(&mut self, exit: i32, arguments: &[&str]) -> (Run, Views) {
        self.done += 1;
        let out = self.roundtrip.folder(&format!("run{}", self.done));
        let [command, rest @ ..] = arguments else { panic!("no command") };
        let run = self.roundtrip.run(&[&[*command, "--out", &out], rest].concat()).expect(exit);
        let views = Views::of(&arguments.join(" "), &out);
        assert_eq!(views.json["exit"], exit, "{arguments:?}");
        views.agree();
        if Path::new(&out).join("visit.har").is_file() {
            check_har(&out);
        }
        (run, views)
    }

    fn last(&self) -> String {
        self.roundtrip.folder(&format!("run{}", self.done))
    }
}

fn table() -> Table {
    Table { roundtrip: Roundtrip::new(), done: 0 }
}

#[test]
fn in_the_lab() {
    let mut table = table();
    for net in ["cable", "3gslow", "dsl", "4g", "rtt=20ms", "cable,loss=3%", "3g,loss=8%"] {
        table.run(0, &["visit", "--net", net]);
    }
    for seed in ["2", "3", "4"] {
        table.run(0, &["visit", "--net", "cable,loss=5%", "--seed", seed]);
    }
    table.run(0, &["visit", "--https", "--net", "cable"]);
    table.run(0, &["visit", "--https", "--net", "3gslow"]);
    table.run(0, &["visit", "--warm", "--net", "cable"]);
    let (_, lossy) = table.run(0, &["visit", "--net", "cable,loss=10%", "--seed", "7"]);
    let lost = lossy.exchanges().iter().flat_map(phases).filter(|phase| !phase["lost"].is_null());
    assert!(lost.count() > 0, "where it cost time, a loss is named");
    let (_, slow) = table.run(0, &["visit", "--net", "3gslow"]);
    assert_eq!(slow.json["chain"].as_array().expect("a chain").len(), 2, "the redirect, the page");
}

#[test]
fn live() {
    let mut table = table();
    let server = Peer::start(&[]);
    for (exit, path) in [
        (0, "/"),
        (0, "/a.txt"),
        (0, "/sub/"),
        (0, "/missing"),
        (0, "/cgi-bin/status?500"),
        (0, "/cgi-bin/say"),
        (0, "/cgi-bin/hop?302"),
        (0, "/cgi-bin/away?307"),
        (0, "/echo"),
    ] {
        table.run(exit, &["visit", &server.url(path)]);
    }
    table.run(47, &["visit", &server.url("/cgi-bin/round")]);
    let first = table.last().replace(&format!("run{}", table.done), "run1");
    table.run(0, &["visit", &first, "--net", "cable"]);
    table.run(0, &["visit", &first, "--net", "3gslow"]);
    table.run(0, &["resolve", "localhost"]);
    let (_, server_only) = table.run(6, &["visit", "http://nosuchname.invalid/"]);
    assert!(server_only.headline().is_some_and(|exchange| exchange["request"].is_null()));
}

#[test]
fn failing() {
    let mut table = table();
    let answers: [(&[u8], Then, i32); 10] = [
        (b"SSH-2.0-OpenSSH\r\n", Then::Closes, 1),
        (b"", Then::Closes, 52),
        (b"", Then::Resets, 56),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Closes, 18),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Resets, 56),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Stays, 28),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Then::Closes, 56),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
            Then::Closes,
            0,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", Then::Closes, 0),
        (
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Then::Closes,
            0,
        ),
    ];
    for (bytes, then, exit) in answers {
        let server = Raw::start(bytes, then);
        table.run(exit, &["visit", &server.url(), "--stall-timeout", "1"]);
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let closed = format!("http://{}/", free.expect("an address"));
    table.run(7, &["visit", &closed]);
}

/// Times that `-w` tells are the record's.
fn write_out(table: &mut Table, exit: i32, arguments: &[&str]) {
    let all = [&["get", "-s", "-o", "/dev/null", "-w", "%{json}"], arguments].concat();
    let (run, views) = table.run(exit, &all);
    let out = run.out();
    let told: Value = serde_json::from_str(out.lines().next().expect("a line")).expect("JSON");
    let time = |name: &str| number(&told[name]) * 1e3;
    let headline = views.headline().expect("an exchange");
    assert_eq!(told["num_redirects"], views.json["chain"].as_array().expect("a chain").len() - 1);
    let status = headline["heads"]
        .as_array()
        .expect("heads")
        .last()
        .map_or(0, |head| head["status"].as_u64().unwrap_or(0));
    assert_eq!(told["response_code"], status, "{arguments:?}");
    if headline["request"].is_null() || status == 0 {
        return;
    }
    let ends = |kind: &str| {
        phases(headline)
            .filter(|phase| phase["kind"] == kind)
            .last()
            .map(|phase| number(&phase["start_ms"]) + number(&phase["took_ms"]))
    };
    let began = number(&headline["request"]["began"]) / 1e6;
    let first = ends("wait").expect("a wait") - began;
    near(
        &views.name,
        "starttransfer",
        time("time_starttransfer") - time("time_pretransfer"),
        first,
        0.002,
    );
    if let Some(connected) = ends("connect").filter(|_| headline["request"]["reused"] == 0) {
        near(
            &views.name,
            "connect",
            time("time_pretransfer") - time("time_connect"),
            began - connected,
            0.002,
        );
    }
    let sent: f64 =
        views.exchanges().iter().map(|exchange| number(&exchange["request"]["head_bytes"])).sum();
    near(&views.name, "size_request", number(&told["size_request"]), sent, 0.0);
}

#[test]
fn written_out() {
    let mut table = table();
    let server = Peer::start(&[]);
    write_out(&mut table, 0, &[&server.url("/")]);
    write_out(&mut table, 0, &[&server.url("/a.txt")]);
    write_out(&mut table, 0, &["-L", &server.url("/cgi-bin/hop?302")]);
    write_out(&mut table, 0, &["-L", &server.url("/cgi-bin/around")]);
    write_out(&mut table, 0, &["-d", "card=harbour", &server.url("/echo")]);
    write_out(&mut table, 0, &[&server.url("/missing")]);
    write_out(&mut table, 22, &["-f", &server.url("/missing")]);
    write_out(&mut table, 0, &["-I", &server.url("/")]);
}

#[test]
fn records_of_before() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../record/tests/data");
    let runs = [
        "visit-live",
        "visit-404",
        "visit-refused",
        "visit-nxdomain",
        "visit-lab",
        "get",
        "resolve",
    ];
    for run in runs {
        Views::of(run, data.join(run).to_str().expect("a plain path")).agree();
    }
}
