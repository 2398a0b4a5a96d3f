//! Prints the format of `-w` after a transfer.

use core::time::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;

use http::Version;
use roundtrip_record::{AttemptEnd, ConnectionId, Event, ExchangeId, Time};
use roundtrip_story::{Exchange, PhaseKind, Story};
use roundtrip_visit::get::Got;
use serde_json::{Map, Value, json};

use super::ends::Pair;

/// When each step of a transfer ended, and the addresses it used.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    name: Option<Time>,
    connected: Option<Time>,
    secured: Option<Time>,
    sent: Option<Time>,
    first: Option<Time>,
    redirected: Option<Time>,
    connects: usize,
    remote: Option<SocketAddr>,
    local: Option<SocketAddr>,
    request: u64,
    uploaded: u64,
    tunnel: Option<u16>,
}

impl Steps {
    /// Takes the figures of a transfer from what was recorded since it began, which may be that of other
    /// transfers too. Of its `exchanges`, the last that reached a step counts. `ends` knows the addresses of
    /// connections, which may have been opened before.
    pub(super) fn read(
        events: Vec<Event>,
        exchanges: &[ExchangeId],
        ends: impl FnOnce(ConnectionId) -> Option<Pair>,
    ) -> Self {
        let story = Story::new(events);
        let own = story.exchanges.iter().filter(|exchange| exchanges.contains(&exchange.id));
        let chain: Vec<&Exchange> = own.collect();
        let ended = |kind| {
            let phases = chain.iter().rev().flat_map(|exchange| exchange.phases.iter().rev());
            let mut of_kind = phases.filter(|phase| phase.kind == kind);
            of_kind.next().map(|phase| phase.span.end)
        };
        let requests = || chain.iter().filter_map(|exchange| exchange.request.as_ref());
        let tunnels = || chain.iter().filter_map(|exchange| exchange.tunnel.as_ref());
        let looked_up = chain.iter().filter_map(|exchange| exchange.lookup);
        let lookups = looked_up
            .filter_map(|id| story.lookups.iter().find(|lookup| lookup.id == id && lookup.over));
        let mut carriers =
            chain.iter().filter_map(|exchange| story.connection(exchange.connection?));
        let won = connected(&chain);
        let last = requests().next_back();
        let ends = last.and_then(|request| ends(request.what.connection));
        Self {
            name: lookups.map(|lookup| lookup.span.end).next_back(),
            connected: won.last().and(ended(PhaseKind::Connect)),
            secured: carriers
                .any(|connection| connection.tls.is_some())
                .then(|| ended(PhaseKind::Tls))
                .flatten(),
            sent: last.map(|request| request.what.began),
            first: first_byte(&chain),
            redirected: last
                .filter(|_| chain.iter().rev().skip(1).any(|one| one.head().is_some()))
                .map(|request| request.what.began),
            connects: won.len(),
            // A Unix domain socket has no address.
            remote: won
                .last()
                .copied()
                .filter(|at| !at.ip().is_unspecified())
                .or(ends.map(|(_, remote)| remote)),
            local: ends.map(|(local, _)| local),
            request: requests().map(|request| request.what.head_bytes).sum::<u64>()
                + tunnels().map(|tunnel| tunnel.request.what.head_bytes).sum::<u64>(),
            uploaded: last.map_or(0, |request| request.what.body_bytes),
            tunnel: tunnels().next_back().map(|tunnel| tunnel.status().unwrap_or(0)),
        }
    }
}

/// The addresses that were connected to, in order.
fn connected(chain: &[&Exchange]) -> Vec<SocketAddr> {
    let tries = chain.iter().flat_map(|exchange| {
        exchange.attempts.iter().filter(|one| one.attempt.exchange == Some(exchange.id))
    });
    let results = tries.filter_map(|one| one.result.as_ref());
    results
        .filter(|result| result.what.end == AttemptEnd::Connected)
        .map(|result| result.what.to)
        .collect()
}

/// When the first byte of the last response arrived.
fn first_byte(chain: &[&Exchange]) -> Option<Time> {
    let answered = chain.iter().rfind(|exchange| exchange.head().is_some())?;
    answered.phase(PhaseKind::Wait).map(|wait| wait.span.end)
}

/// A transfer, with everything the format can print.
pub(super) struct Told<'a> {
    pub(super) got: &'a Got,
    pub(super) steps: &'a Steps,
    pub(super) file: Option<&'a PathBuf>,
    pub(super) words: &'a str,
    pub(super) number: usize,
    /// The URL as it was given.
    pub(super) given: &'a str,
}

/// The output that a piece of text goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Output,
    Error,
}

/// Fills in the format. An unknown variable is left out, and noted on standard error.
pub(super) fn fill(format: &str, told: &Told<'_>) -> Vec<(To, String)> {
    let mut pieces = vec![(To::Output, String::new())];
    let mut rest = format;
    while let Some(at) = rest.find(['%', '\\']) {
        push(&mut pieces, &rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            push(&mut pieces, "%");
            rest = after;
        } else if let Some((name, after)) = braced(rest, "%{") {
            rest = after;
            match name {
                "stdout" => pieces.push((To::Output, String::new())),
                "stderr" => pieces.push((To::Error, String::new())),
                "onerror" if told.got.failure.is_none() => rest = "",
                "onerror" => {}
                name => match value(name, told) {
                    Some(value) => push(&mut pieces, &text(&value)),
                    None => eprintln!("roundtrip: -w: there is no variable %{{{name}}}"),
                },
            }
        } else if let Some((name, after)) = braced(rest, "%header{") {
            let field = told.got.fields.get(name).map(String::from_utf8_lossy);
            push(&mut pieces, &field.unwrap_or_default());
            rest = after;
        } else {
            let escapes = [("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\\\", "\\")];
            let known = escapes.iter().find(|(escape, _)| rest.starts_with(escape));
            let (shown, length) = known.map_or((&rest[..1], 1), |(_, char)| (*char, 2));
            push(&mut pieces, shown);
            rest = &rest[length..];
        }
    }
    push(&mut pieces, rest);
    pieces
}

fn push(pieces: &mut [(To, String)], text: &str) {
    if let Some((_, last)) = pieces.last_mut() {
        last.push_str(text);
    }
}

fn braced<'a>(text: &'a str, opening: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(opening)?.split_once('}')
}

/// A value as curl prints it: times with six decimal places.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(number) if number.is_f64() => {
            format!("{:.6}", number.as_f64().unwrap_or_default())
        }
        other => other.to_string(),
    }
}

/// The variables, as in curl(1).
const NAMES: [&str; 37] = [
    "content_type",
    "errormsg",
    "exitcode",
    "filename_effective",
    "http_code",
    "http_connect",
    "http_version",
    "local_ip",
    "local_port",
    "method",
    "num_connects",
    "num_headers",
    "num_redirects",
    "num_retries",
    "redirect_url",
    "referer",
    "remote_ip",
    "remote_port",
    "response_code",
    "scheme",
    "size_download",
    "size_header",
    "size_request",
    "size_upload",
    "speed_download",
    "speed_upload",
    "ssl_verify_result",
    "time_appconnect",
    "time_connect",
    "time_namelookup",
    "time_pretransfer",
    "time_redirect",
    "time_starttransfer",
    "time_total",
    "url",
    "url_effective",
    "urlnum",
];

/// Variables that are status codes.
const CODES: [&str; 3] = ["http_code", "http_connect", "response_code"];

fn value(name: &str, told: &Told<'_>) -> Option<Value> {
    let Told { got, steps, .. } = told;
    let total = got.ended.since(got.began);
    let since = |at: Option<Time>| seconds(at.map_or(Duration::ZERO, |at| at.since(got.began)));
    let rate = |bytes: u64| {
        let micros = total.as_micros().max(1);
        json!(u64::try_from(u128::from(bytes) * 1_000_000 / micros).unwrap_or(u64::MAX))
    };
    Some(match name {
        "http_code" | "response_code" => {
            let code = got.status.map_or(0, |status| status.as_u16());
            json!(format!("{code:03}"))
        }
        "http_version" => json!(match got.version {
            None => "0",
            Some(Version::HTTP_10) => "1.0",
            Some(Version::HTTP_2) => "2",
            Some(Version::HTTP_3) => "3",
            Some(_) => "1.1",
        }),
        "content_type" => json!(got.fields.text("Content-Type")),
        "errormsg" if got.failure.is_none() => Value::Null,
        "errormsg" => json!(told.words),
        "exitcode" => json!(got.exit_code()),
        "filename_effective" => json!(told.file.map(|path| path.display().to_string())),
        "local_ip" => json!(steps.local.map(|at| at.ip().to_string()).unwrap_or_default()),
        "local_port" => json!(steps.local.map_or(0, |at| at.port())),
        "remote_ip" => json!(steps.remote.map(|at| at.ip().to_string()).unwrap_or_default()),
        "remote_port" => json!(steps.remote.map_or(0, |at| at.port())),
        "method" => json!(got.method.as_str()),
        "num_connects" => json!(steps.connects),
        "num_headers" => json!(got.fields.len()),
        "num_redirects" => json!(got.redirects),
        "num_retries" => json!(got.retries),
        "redirect_url" => json!(got.redirect_url.as_ref().map(url::Url::as_str)),
        "referer" => json!(got.referer),
        "url" => json!(told.given),
        "http_connect" => json!(format!("{:03}", steps.tunnel.unwrap_or(0))),
        "ssl_verify_result" | "proxy_ssl_verify_result" => json!(0),
        "ftp_entry_path" => Value::Null,
        "header_json" => header_json(&got.fields),
        "scheme" => json!(got.url.scheme().to_ascii_uppercase()),
        "size_download" => json!(got.body),
        "size_header" => json!(got.head),
        "size_request" => json!(steps.request),
        "size_upload" => json!(got.uploaded.max(steps.uploaded)),
        "speed_download" => rate(got.body),
        "speed_upload" => rate(got.uploaded.max(steps.uploaded)),
        "time_namelookup" => since(steps.name),
        "time_connect" => since(steps.connected),
        "time_appconnect" => since(steps.secured),
        "time_pretransfer" => since(steps.sent),
        "time_starttransfer" => since(steps.first),
        "time_redirect" => since(steps.redirected),
        "time_total" => seconds(total),
        "url_effective" => json!(plain(&got.url)),
        "urlnum" => json!(told.number),
        "json" => {
            let typed = |name: &str| match value(name, told)? {
                // Written with three digits by themselves, and numbers here.
                Value::String(code) if CODES.contains(&name) => {
                    Some(json!(code.parse::<u16>().unwrap_or(0)))
                }
                value => Some(value),
            };
            let all = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), typed(name)?)));
            json!(Value::Object(all.collect::<Map<_, _>>()).to_string())
        }
        _ => return None,
    })
}

/// The header fields as one JSON object, in the order in which they came: names in lower case, each with
/// all its values, and a line for each name, as curl has it.
fn header_json(fields: &roundtrip_http::message::Fields) -> Value {
    let mut all: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, value) in fields.iter() {
        let (name, value) = (name.to_ascii_lowercase(), String::from_utf8_lossy(value).into());
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => all.push((name, vec![value])),
        }
    }
    let lines: Vec<String> = all
        .into_iter()
        .map(|(name, values)| format!("{}:{}", json!(name), json!(values)))
        .collect();
    json!(format!("{{{}\n}}", lines.join(",\n")))
}

fn seconds(duration: Duration) -> Value {
    json!(duration.as_secs_f64())
}

/// The URL without its credentials.
fn plain(url: &url::Url) -> String {
    let mut url = url.clone();
    roundtrip_http::url::clear_userinfo(&mut url);
    roundtrip_http::url::text(&url)
}
