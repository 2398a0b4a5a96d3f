//! The archive: HAR 1.2 with the fields that Chromium's `DevTools` add.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::hop::Hop;
use crate::load::Load;

/// What the browser calls its priorities in an archive, by what it calls them in its protocol.
fn priority(name: &str) -> &str {
    match name {
        "Highest" => "VeryHigh",
        "Lowest" => "VeryLow",
        name => name,
    }
}

/// The archive of a visit that began at a URL. `browser` is the browser's name and version.
pub(crate) fn archive(
    load: &Load,
    url: &str,
    title: &str,
    browser: (&str, &str),
    paints: &Paints,
) -> Value {
    let (wall, own) = load.clocks.unwrap_or_default();
    let began = load.hops.first().map_or(own, |hop| hop.wanted);
    let date = |at: f64| date(wall + (at - own));
    let moment = |name: &str| load.moment(name).map(|at| (at - began) * 1e3);
    let (name, version) = browser;
    let entries: Vec<Value> = load
        .hops
        .iter()
        .filter(|hop| !hop.is_inside())
        .map(|hop| entry(hop, &date(hop.wanted)))
        .collect();
    json!({"log": {
        "version": "1.2",
        "creator": {"name": "DevTools", "version": version, "comment": "roundtrip visit --browser"},
        "browser": {"name": name, "version": version},
        "pages": [{
            "id": "page_1",
            "title": title,
            "_URL": url,
            "startedDateTime": date(began),
            "pageTimings": {
                "_domInteractive": paints.parsed,
                "onContentLoad": moment("DOMContentLoaded"),
                "onLoad": moment("load"),
                "_firstPaint": moment("firstPaint"),
                "_firstContentfulPaint": moment("firstContentfulPaint"),
                "_largestContentfulPaint": paints.largest,
                "_cumulativeLayoutShift": paints.shift,
            },
        }],
        "entries": entries,
    }})
}

/// Seconds since 1970 as RFC 3339 has them.
fn date(seconds: f64) -> String {
    let date = OffsetDateTime::from_unix_timestamp_nanos((seconds * 1e9) as i128);
    let date = date.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second, micros) = date.to_hms_micro();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// What the page itself could tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Paints {
    /// When its document had been parsed, milliseconds from the beginning.
    pub(crate) parsed: Option<f64>,
    /// When the largest element was painted, milliseconds from the beginning.
    pub(crate) largest: Option<f64>,
    /// How much of what was seen moved (Layout Instability, the largest session window is not looked for).
    pub(crate) shift: Option<f64>,
}

/// The phases of a hop, milliseconds; −1 for one that it did not have.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Phases {
    queued: f64,
    blocked: f64,
    dns: f64,
    connect: f64,
    ssl: f64,
    send: f64,
    wait: f64,
    receive: f64,
}

impl Phases {
    /// What the network's process told of a hop: offsets in milliseconds from when it had the request.
    fn of(hop: &Hop) -> Self {
        let nothing = -1.0;
        let ended = hop.ended.unwrap_or(hop.wanted);
        let Some(given) = hop.response["timing"]["requestTime"].as_f64() else {
            let blocked = (ended - hop.wanted) * 1e3;
            let (dns, connect, ssl) = (nothing, nothing, nothing);
            return Self {
                queued: 0.0,
                blocked,
                dns,
                connect,
                ssl,
                send: 0.0,
                wait: 0.0,
                receive: 0.0,
            };
        };
        let at = |name| hop.number(name);
        let span = |from, to| Some(at(to)? - at(from)?);
        let queued = ((given - hop.wanted) * 1e3).max(0.0);
        let send_start = at("sendStart").unwrap_or_default();
        let send_end = at("sendEnd").unwrap_or(send_start);
        let [dns, connect, ssl] = [
            span("dnsStart", "dnsEnd"),
            span("connectStart", "connectEnd"),
            span("sslStart", "sslEnd"),
        ];
        // What lies before the request and is neither is waiting.
        let spent = dns.unwrap_or_default() + connect.unwrap_or_default();
        let head = at("receiveHeadersStart").or(at("receiveHeadersEnd")).unwrap_or(send_end);
        let received = (ended - given) * 1e3 - head;
        Self {
            queued,
            blocked: queued + (send_start - spent).max(0.0),
            dns: dns.unwrap_or(nothing),
            connect: connect.unwrap_or(nothing),
            ssl: ssl.unwrap_or(nothing),
            send: send_end - send_start,
            wait: (head - send_end).max(0.0),
            receive: received.max(0.0),
        }
    }

    fn sum(&self) -> f64 {
        [self.blocked, self.dns, self.connect, self.send, self.wait, self.receive]
            .into_iter()
            .filter(|phase| *phase > 0.0)
            .sum()
    }
}

fn pairs(fields: &[(String, String)]) -> Value {
    // Over HTTP/2 some are no fields.
    let pairs = fields.iter().filter(|(name, _)| !name.starts_with(':'));
    pairs.map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn entry(hop: &Hop, date: &str) -> Value {
    let response = &hop.response;
    let phases = Phases::of(hop);
    let version = response["protocol"].as_str().unwrap_or_default();
    let head_bytes = response["encodedDataLength"].as_f64().map(|bytes| bytes as i64);
    let body_bytes = match (hop.encoded, head_bytes) {
        _ if hop.cache.is_some() => 0,
        (Some(all), Some(head)) if hop.redirect.is_none() => all as i64 - head,
        _ => -1,
    };
    let mut entry = json!({
        "pageref": "page_1",
        "startedDateTime": date,
        "time": phases.sum(),
        "request": {
            "method": hop.method,
            "url": hop.url,
            "httpVersion": version,
            "headers": pairs(&hop.fields),
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": hop.form.as_ref().map_or(0, String::len),
        },
        "response": answer(hop, version, body_bytes),
        "cache": {},
        "timings": {
            "blocked": phases.blocked, "_blocked_queueing": phases.queued, "dns": phases.dns, "connect": phases.connect,
            "ssl": phases.ssl, "send": phases.send, "wait": phases.wait, "receive": phases.receive,
        },
        "_initiator": hop.initiator,
        "_initialPriority": priority(&hop.first_priority),
        "_priority": priority(&hop.priority),
        "_resourceType": hop.kind,
    });
    if let Some(form) = &hop.form {
        let media = hop.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let media = media.map_or("", |(_, value)| value);
        entry["request"]["postData"] = json!({"mimeType": media, "text": form});
    }
    let connection = response["connectionId"].as_f64().filter(|id| *id > 0.0);
    let more = [
        ("connection", connection.map(|id| format!("{id:.0}").into())),
        (
            "serverIPAddress",
            response["remoteIPAddress"]
                .as_str()
                .map(|address| address.trim_matches(['[', ']']).into()),
        ),
        ("_securityDetails", response.get("securityDetails").cloned()),
        ("_renderBlocking", hop.render_blocking.as_deref().map(render_blocking)),
        ("_fromCache", hop.cache.map(Value::from)),
        ("_error", hop.error.clone().map(Value::from)),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            entry[name] = value;
        }
    }
    entry
}

/// In the words of chrome-har.
fn render_blocking(name: &str) -> Value {
    match name {
        "Blocking" => "blocking".into(),
        "InBodyParserBlocking" => "in_body_parser_blocking".into(),
        "PotentiallyBlocking" => "potentially_blocking".into(),
        _ => "non_blocking".into(),
    }
}

fn answer(hop: &Hop, version: &str, body_bytes: i64) -> Value {
    let response = &hop.response;
    let (status, fields) = match &hop.head {
        // A 304 that was asked for by the cache stands there; the page was given what the cache had.
        Some((status, fields)) if hop.cache.is_none() => (*status, pairs(fields)),
        _ => {
            let fields = crate::hop::fields(&response["headers"]);
            (response["status"].as_u64().unwrap_or_default(), pairs(&fields))
        }
    };
    let mut content = json!({
        "size": hop.decoded,
        "mimeType": response["mimeType"].as_str().unwrap_or_default(),
    });
    if let Some((text, base64)) = &hop.body {
        content["text"] = text.as_str().into();
        if *base64 {
            content["encoding"] = "base64".into();
        }
    }
    json!({
        "status": status,
        "statusText": response["statusText"].as_str().unwrap_or_default(),
        "httpVersion": version,
        "headers": fields,
        "cookies": [],
        "content": content,
        "redirectURL": hop.redirect.as_deref().unwrap_or_default(),
        "headersSize": -1,
        "bodySize": body_bytes,
        "_transferSize": hop.encoded,
        "_error": hop.error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_fill_the_time_of_a_hop() {
        let hop = Hop {
            wanted: 10.0,
            ended: Some(10.2),
            response: json!({"timing": {
                "requestTime": 10.01, "dnsStart": 1, "dnsEnd": 5, "connectStart": 5, "connectEnd": 60, "sslStart": 30,
                "sslEnd": 60, "sendStart": 62, "sendEnd": 63, "receiveHeadersStart": 100, "receiveHeadersEnd": 101
            }}),
            ..Hop::default()
        };
        let phases = Phases::of(&hop);
        assert_eq!((phases.dns, phases.connect, phases.ssl), (4.0, 55.0, 30.0));
        assert!(
            (phases.queued - 10.0).abs() < 1e-6 && (phases.blocked - 13.0).abs() < 1e-6,
            "{phases:?}"
        );
        assert_eq!((phases.send, phases.wait), (1.0, 37.0));
        assert!((phases.sum() - 200.0).abs() < 1e-6, "{phases:?}");
        // A connection that was there already.
        let hop = Hop {
            response: json!({"timing": {"requestTime": 10.0, "dnsStart": -1, "sendStart": 1, "sendEnd": 1}}),
            ..hop
        };
        let phases = Phases::of(&hop);
        assert_eq!(
            (phases.dns, phases.connect, phases.ssl, phases.blocked),
            (-1.0, -1.0, -1.0, 1.0)
        );
    }
}
