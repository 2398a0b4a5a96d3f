//! The HAR view: an HTTP archive 1.2 (Jan Odvarko's specification), which Chrome and Firefox read
//! and write.

mod cookie;
mod imported;
mod messages;
mod sequence;

use core::time::Duration;
use std::io;

use data_encoding::BASE64;
use roundtrip_record::{Bodies, Field, Initiator, Milestone, Priority};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::model::{Exchange, Model, PhaseKind, as_millis};
use crate::names;
use crate::text::iso8601;
use imported::Imported;
use sequence::Sequence;

/// The largest body that is put into the archive, in bytes.
const LARGEST_BODY: u64 = 4 << 20;

/// The record as an HTTP archive. Times are milliseconds; what does not apply is −1, never null.
/// Response bodies are taken from `bodies`. An archive that was imported is given back as it was.
pub fn har(model: &Model, bodies: &Bodies) -> Value {
    let model = &*model.in_english();
    serde_json::to_value(Archive::new(model, bodies)).unwrap_or_default()
}

/// The archive that [`har`] makes, written entry by entry, so that a large one need not be in
/// memory.
///
/// # Errors
/// Those of `out`.
pub fn write_har(model: &Model, bodies: &Bodies, out: impl io::Write) -> io::Result<()> {
    let model = &*model.in_english();
    serde_json::to_writer_pretty(out, &Archive::new(model, bodies)).map_err(io::Error::from)
}

/// An archive that is made while it is serialised.
pub(crate) struct Archive<'a> {
    model: &'a Model,
    bodies: &'a Bodies,
    imported: Option<Imported>,
}

impl<'a> Archive<'a> {
    pub(crate) fn new(model: &'a Model, bodies: &'a Bodies) -> Self {
        Self { model, bodies, imported: Imported::find(model, bodies) }
    }
}

impl Serialize for Archive<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(imported) = &self.imported {
            return imported.with(self.bodies).serialize(serializer);
        }
        let mut root = serializer.serialize_map(Some(1))?;
        root.serialize_entry("log", &Own(self))?;
        root.end()
    }
}

/// The archive of a record of our own.
struct Own<'a>(&'a Archive<'a>);

impl Serialize for Own<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Archive { model, bodies, .. } = self.0;
        let wall = model.run.as_ref().map_or(0, |run| run.wall);
        let mut log = serializer.serialize_map(Some(5))?;
        log.serialize_entry("comment", &comment(model))?;
        let creator = json!({ "name": "roundtrip", "version": env!("CARGO_PKG_VERSION") });
        log.serialize_entry("creator", &creator)?;
        log.serialize_entry(
            "entries",
            &Sequence(|| {
                let seen = model.seen().iter();
                let told = seen.filter(|exchange| exchange.request.is_some() || exchange.over);
                told.map(|exchange| entry(model, exchange, wall, bodies))
            }),
        )?;
        log.serialize_entry("pages", &[page(model, wall)])?;
        log.serialize_entry("version", "1.2")?;
        log.end()
    }
}

fn comment(model: &Model) -> String {
    let wire = model.run.as_ref().map_or("", |run| run.wire.name());
    let net = model.run.as_ref().and_then(|run| run.net.as_deref());
    match net {
        Some(net) => format!("wire: {wire} {net}"),
        None => format!("wire: {wire}"),
    }
}

fn page(model: &Model, wall: u64) -> Value {
    let total = model.total();
    let title = model.painted.as_ref().map(|painted| painted.what.title.clone());
    let subject = model.run.as_ref().map(|run| run.subject.clone()).unwrap_or_default();
    // A milestone that was not reached is left out.
    let mut timings = Map::new();
    let named = [
        ("onContentLoad", Milestone::DomContentLoadedEventEnd),
        ("onLoad", Milestone::LoadEventEnd),
        ("_firstPaint", Milestone::FirstPaint),
        ("_firstContentfulPaint", Milestone::FirstContentfulPaint),
        ("_largestContentfulPaint", Milestone::LargestContentfulPaint),
        ("_domInteractive", Milestone::DomInteractive),
    ];
    for (field, milestone) in named {
        if let Some(at) = model.milestone(&milestone) {
            timings.insert(field.into(), json!(as_millis(at - total.start)));
        }
    }
    json!({
        "startedDateTime": iso8601(wall.saturating_add(total.start.nanos())),
        "id": "page_1",
        "title": title.filter(|title| !title.is_empty()).unwrap_or(subject),
        "pageTimings": timings,
    })
}

fn entry(model: &Model, exchange: &Exchange, wall: u64, bodies: &Bodies) -> Value {
    let timings = Timings::new(exchange);
    let connection = exchange.connection.and_then(|id| model.connection(id));
    let mut entry = json!({
        "pageref": "page_1",
        "startedDateTime": iso8601(wall.saturating_add(exchange.span.start.nanos())),
        "time": timings.total(),
        "request": request(exchange, bodies),
        "response": response(exchange, bodies),
        "cache": {},
        "timings": timings.json(),
        "_initiator": initiator(model, &exchange.initiator),
        "_priority": priority(exchange.priority),
        "_resourceType": names::kind(exchange.kind),
        "_complete": exchange.complete,
        "_fromCache": exchange.from_cache,
    });
    let mut set = |name: &str, value: Value| {
        entry[name] = value;
    };
    if let Some(near) = connection.and_then(|connection| connection.near()) {
        set("serverIPAddress", json!(near.remote.ip().to_string()));
        set("connection", json!(near.local.port().to_string()));
        set("_connectionId", json!(near.id));
        set("_reused", json!(exchange.reused()));
    }
    if let Some(think) = model.server_think(exchange) {
        set("_serverThink", json!(as_millis(think)));
    }
    if exchange.retried {
        set("_retried", json!(true));
    }
    if let Some(head) = exchange.head().filter(|head| !head.what.server_timing.is_empty()) {
        let metrics = head.what.server_timing.iter().map(|metric| {
            json!({ "name": metric.name, "duration": metric.duration.map(as_millis), "description": metric.description })
        });
        set("_serverTimings", metrics.collect());
    }
    if exchange.websocket.is_some() || !exchange.frames.is_empty() {
        set("_resourceType", json!("websocket"));
        set("_webSocketMessages", messages::messages(exchange, wall, bodies));
    }
    let faults: Vec<Value> =
        model.findings_of(exchange.id).map(|finding| json!(finding.headline)).collect();
    if !faults.is_empty() {
        set("_faults", Value::Array(faults));
    }
    entry
}

/// The times of one entry, in milliseconds. `time` is the sum of `blocked`, `dns`, `connect`,
/// `send`, `wait` and `receive` without those that are −1; `ssl` is part of `connect`.
///
/// HAR has no field for the time of our own machine. Since no other field may claim it, it is part
/// of `blocked`, and also given as `_here`.
struct Timings {
    blocked: Option<Duration>,
    here: Option<Duration>,
    dns: Option<Duration>,
    connect: Option<Duration>,
    ssl: Option<Duration>,
    send: Duration,
    wait: Duration,
    receive: Duration,
}

impl Timings {
    fn new(exchange: &Exchange) -> Self {
        let sum = |kind| exchange.spent(kind);
        let here = sum(PhaseKind::Here);
        let (connect, ssl) = (sum(PhaseKind::Connect), sum(PhaseKind::Tls));
        Self {
            blocked: match (sum(PhaseKind::Blocked), here) {
                (None, None) => None,
                (blocked, here) => Some(blocked.unwrap_or_default() + here.unwrap_or_default()),
            },
            here,
            dns: sum(PhaseKind::Name),
            connect: match (connect, ssl) {
                (None, None) => None,
                (connect, ssl) => Some(connect.unwrap_or_default() + ssl.unwrap_or_default()),
            },
            ssl,
            send: sum(PhaseKind::Request).unwrap_or_default(),
            wait: sum(PhaseKind::Wait).unwrap_or_default(),
            receive: sum(PhaseKind::Body).unwrap_or_default(),
        }
    }

    /// The sum, added up in nanoseconds and converted to milliseconds once.
    fn total(&self) -> f64 {
        let optional = [self.blocked, self.dns, self.connect].into_iter().flatten();
        as_millis(optional.chain([self.send, self.wait, self.receive]).sum())
    }

    fn json(&self) -> Value {
        let or = |duration: Option<Duration>| duration.map_or(-1.0, as_millis);
        json!({
            "_here": as_millis(self.here.unwrap_or_default()),
            "blocked": or(self.blocked),
            "dns": or(self.dns),
            "connect": or(self.connect),
            "ssl": or(self.ssl),
            "send": as_millis(self.send),
            "wait": as_millis(self.wait),
            "receive": as_millis(self.receive),
        })
    }
}

fn request(exchange: &Exchange, bodies: &Bodies) -> Value {
    let sent = exchange.request.as_ref().map(|request| &request.what);
    let fields: &[Field] = sent.map_or(&[], |request| &request.fields);
    let mut request = json!({
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": sent.map_or("", |request| request.version.as_str()),
        "cookies": cookie::sent(fields),
        "headers": headers(fields),
        "queryString": query(&exchange.url),
        "headersSize": sent.map_or(-1, |request| known(request.head_bytes)),
        "bodySize": sent.map_or(-1, |request| request.body_bytes as i64),
    });
    if let Some(sent) = sent.filter(|request| request.body_bytes > 0) {
        let kept = sent.body.as_ref().filter(|body| body.length <= LARGEST_BODY);
        let text = kept
            .and_then(|body| bodies.get(body).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        let media = Field::first(fields, "content-type").unwrap_or_default();
        let mut data = json!({ "mimeType": media });
        // Some readers of archives look at the text of a form only, others at its fields.
        if essence(media) == "application/x-www-form-urlencoded" {
            data["params"] = Value::Array(pairs(&text));
        }
        data["text"] = json!(text);
        request["postData"] = data;
    }
    request
}

fn response(exchange: &Exchange, bodies: &Bodies) -> Value {
    let head = exchange.head().map(|head| &head.what);
    let cached = exchange.cached.as_ref().map(|cached| &cached.what);
    let body = exchange.response.as_ref().map(|response| &response.what.body);
    // Of an answer that a server said is still good, the head is what it said, and the body the cache's.
    let fields: &[Field] =
        head.map_or_else(|| cached.map_or(&[][..], |cached| &cached.fields), |head| &head.fields);
    let media = cached.map_or(fields, |cached| &cached.fields);
    let mut content = json!({
        "size": cached.map_or(body.map_or(0, |body| body.decoded), |cached| cached.decoded),
        "mimeType": Field::first(media, "content-type").unwrap_or("x-unknown"),
    });
    if let Some(saved) = body.and_then(|body| body.decoded.checked_sub(body.encoded))
        && saved > 0
    {
        content["compression"] = json!(saved);
    }
    let kept = match cached {
        Some(cached) => cached.content.as_ref(),
        None => body.and_then(|body| body.content.as_ref()),
    };
    let kept = kept.filter(|content| content.length <= LARGEST_BODY);
    if let Some(bytes) = kept.and_then(|content| bodies.get(content).ok()) {
        match String::from_utf8(bytes) {
            Ok(text) => content["text"] = json!(text),
            Err(error) => {
                content["text"] = json!(BASE64.encode(error.as_bytes()));
                content["encoding"] = json!("base64");
            }
        }
    }
    let (status, reason, version) = match (head, cached) {
        (Some(head), _) => (head.status, head.reason.as_str(), head.version.as_str()),
        (None, Some(cached)) => (cached.status, cached.reason.as_str(), cached.version.as_str()),
        (None, None) => (0, "", ""),
    };
    json!({
        "status": status,
        "statusText": reason,
        "httpVersion": version,
        "cookies": cookie::set(fields),
        "headers": headers(fields),
        "content": content,
        "redirectURL": Field::first(fields, "location").unwrap_or_default(),
        "headersSize": head.map_or(-1, |head| known(head.head_bytes)),
        // As Chrome counts: with the framing, chunk sizes for instance.
        "bodySize": body.map_or(-1, |body| body.framed.unwrap_or(body.encoded) as i64),
        "_transferSize": exchange.received(),
    })
}

/// A size, or −1 if it was not counted.
fn known(size: u64) -> i64 {
    if size == 0 { -1 } else { size as i64 }
}

fn headers(fields: &[Field]) -> Vec<Value> {
    fields.iter().map(|Field(name, value)| json!({ "name": name, "value": value })).collect()
}

/// The media type without its parameters, in lower case.
fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The query's pairs, undone from percent coding.
fn query(url: &str) -> Vec<Value> {
    let query = url.split('#').next().and_then(|url| url.split_once('?'));
    query.map_or_else(Vec::new, |(_, query)| pairs(query))
}

/// The pairs of a form or a query (`application/x-www-form-urlencoded`, WHATWG URL §5.1).
fn pairs(text: &str) -> Vec<Value> {
    form_urlencoded::parse(text.as_bytes())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

/// The initiator as an object, as Chrome writes it.
fn initiator(model: &Model, initiator: &Initiator) -> Value {
    match initiator {
        Initiator::User | Initiator::Peer => json!({ "type": "other" }),
        Initiator::Script { url, line } => {
            json!({ "type": "script", "url": url, "lineNumber": line })
        }
        Initiator::Redirect { of, .. } | Initiator::Retry { of } => {
            let url = model.exchange(*of).map(|exchange| exchange.url.as_str()).unwrap_or_default();
            let kind =
                if matches!(initiator, Initiator::Retry { .. }) { "other" } else { "redirect" };
            json!({ "type": kind, "url": url })
        }
        Initiator::Parser { url, line } => {
            json!({ "type": "parser", "url": url, "lineNumber": line })
        }
        Initiator::Style { url } => json!({ "type": "parser", "url": url }),
        // What Chrome calls it whoever named it; Resource Timing tells the 103 apart.
        Initiator::LinkField { url } | Initiator::EarlyHints { url } => {
            json!({ "type": "preload", "url": url })
        }
    }
}

fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::VeryLow => "VeryLow",
        Priority::Low => "Low",
        Priority::Medium => "Medium",
        Priority::High => "High",
        Priority::VeryHigh => "VeryHigh",
    }
}
