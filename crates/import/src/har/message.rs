//! The messages of an entry: the request as it was sent, the response as it arrived.

use std::collections::BTreeSet;

use roundtrip_http::media::essence;
use roundtrip_record::{
    Body, BodyRef, CachedResponse, ConnectionEnding, EndedBy, Field, Framing, HttpVersion,
    RequestSent, ResponseEnded, ResponseHead, What,
};
use url::form_urlencoded;

use super::entry::{Entry, Pair, field};
use super::opening::Way;
use super::state::{Emitter, Told};
use crate::agenda::Slot;
use crate::words;

/// What is said where an archive lacks bodies.
const MISSING: &str = "bodies are missing; a replay answers with stand-ins of their length";

/// Plans the events of a request and its response; the last of them is returned.
pub(crate) fn sent_and_answered(emitter: &mut Emitter<'_>, told: &mut Told<'_>, way: &Way) -> Slot {
    let (entry, sketch) = (told.entry, told.sketch);
    let at = |emitter: &Emitter<'_>, after| emitter.at(sketch, after);
    let request = request(emitter, told, way);
    let sent = at(emitter, sketch.times.send.1);
    let sent = emitter.agenda.plan(sent, Some(told.started), What::RequestSent(request));
    if !sketch.answered() {
        return sent;
    }
    let first_byte = at(emitter, sketch.times.first_byte);
    let head = ResponseHead {
        exchange: Some(told.exchange),
        connection: way.connection,
        transport: way.transport,
        stream: None,
        version: sketch.version.clone(),
        status: sketch.status,
        reason: entry.response.status_text.clone().unwrap_or_default(),
        fields: fields(&entry.response.headers),
        head_bytes: size(entry.response.headers_size),
        first_byte,
        arrived: None,
        first_segment: None,
        server_timing: Vec::new(),
    };
    let head = emitter.agenda.plan(first_byte, Some(sent), What::ResponseHead(head));
    let response = ResponseEnded {
        exchange: Some(told.exchange),
        connection: way.connection,
        transport: way.transport,
        stream: None,
        arrived: None,
        body: body(emitter, told),
        media_type: media_type(entry),
        trailers: Vec::new(),
    };
    let end = at(emitter, sketch.times.end);
    let last = emitter.agenda.plan(end, Some(head), What::ResponseEnded(response));
    let closes = field(&entry.response.headers, "connection").is_some_and(|value| {
        value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"))
    });
    if closes && !words::is_multiplexed(&sketch.version) {
        let ending = ConnectionEnding {
            connection: way.connection,
            by: EndedBy::Server,
            why: "Connection: close".into(),
        };
        emitter.agenda.plan(end, Some(last), What::ConnectionEnding(ending));
    }
    last
}

/// What the browser's cache gave, as the archive tells it.
pub(crate) fn cached(emitter: &mut Emitter<'_>, told: &Told<'_>) -> CachedResponse {
    let (entry, sketch) = (told.entry, told.sketch);
    let response = &entry.response;
    let content = response.content.text.clone();
    let stated = response.content.size.filter(|size| *size > 0.0).map(|size| size as u64);
    let decoded = stated.or(content.as_ref().map(|content| content.length)).unwrap_or(0);
    if content.is_none() && decoded > 0 {
        emitter.notes.add(MISSING);
    }
    CachedResponse {
        exchange: told.exchange,
        validated: false,
        version: sketch.version.clone(),
        status: sketch.status,
        reason: response.status_text.clone().unwrap_or_default(),
        fields: fields(&response.headers),
        age: None,
        lifetime: None,
        encoded: None,
        decoded,
        codings: codings(&response.headers),
        content,
        media_type: media_type(entry),
    }
}

fn request(emitter: &mut Emitter<'_>, told: &mut Told<'_>, way: &Way) -> RequestSent {
    let (entry, sketch) = (told.entry, told.sketch);
    let body = form(emitter, told);
    let length = body.as_ref().map_or(0, |body| body.length);
    let stated = size(entry.request.body_size);
    if entry.request.headers.is_empty() {
        emitter.notes.add("the header fields of requests are missing");
    }
    RequestSent {
        exchange: Some(told.exchange),
        connection: way.connection,
        transport: way.transport,
        stream: None,
        lookup: way.lookup,
        reused: way.reused,
        version: words::version(entry.request.http_version.as_deref().unwrap_or_default())
            .unwrap_or_else(|| sketch.version.clone()),
        method: entry.request.method.clone().unwrap_or_else(|| "GET".into()),
        target: words::target(&sketch.url),
        fields: fields(&entry.request.headers),
        began: emitter.at(sketch, sketch.times.send.0),
        passed: None,
        head_bytes: size(entry.request.headers_size),
        body_bytes: if stated == 0 { length } else { stated },
        body,
    }
}

/// The body of a request: its text, or the fields of its form.
fn form(emitter: &Emitter<'_>, told: &mut Told<'_>) -> Option<BodyRef> {
    let data = told.entry.request.post_data.as_ref()?;
    if let Some(text) = &data.text {
        return Some(text.clone());
    }
    let media = essence(data.mime_type.as_deref().unwrap_or_default());
    if data.params.is_empty() || media != "application/x-www-form-urlencoded" {
        return None;
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for pair in &data.params {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        form.append_pair(&part(&pair.name), &part(&pair.value));
    }
    told.infer("request body", "the fields of the form");
    emitter.log.body(form.finish().as_bytes())
}

/// Header fields, without the pseudo-header fields of HTTP/2 (RFC 9113 §8.3), which are no header
/// fields, and without repetitions: chrome-har writes some of a request's fields twice.
fn fields(pairs: &[Pair]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::with_capacity(pairs.len());
    let mut seen = BTreeSet::new();
    for pair in pairs {
        let Some(name) = pair.name.as_deref().filter(|name| !name.starts_with(':')) else {
            continue;
        };
        let value = pair.value.clone().unwrap_or_default();
        let lower = name.to_ascii_lowercase();
        if lower == "set-cookie" || seen.insert((lower, value.clone())) {
            fields.push(Field(name.to_owned(), value));
        }
    }
    fields
}

fn media_type(entry: &Entry) -> Option<String> {
    let content = entry.response.content.mime_type.as_deref();
    let stated = field(&entry.response.headers, "content-type").or(content)?;
    Some(essence(stated)).filter(|essence| !essence.is_empty() && essence != "x-unknown")
}

/// The response's body, with the sizes that the archive tells or that follow from others.
fn body(emitter: &mut Emitter<'_>, told: &mut Told<'_>) -> Body {
    let response = &told.entry.response;
    let content = response.content.text.clone();
    let length = content.as_ref().map(|content| content.length);
    let stated = response.content.size.filter(|size| *size >= 0.0).map(|size| size as u64);
    let decoded = match (stated, length) {
        // A size of 0 beside a text is no size: some writers never fill it in.
        (Some(0), Some(length)) => length,
        (Some(stated), _) => stated,
        (None, length) => length.unwrap_or(0),
    };
    if let (Some(stated), Some(length)) = (stated, length)
        && stated != length
        && stated != 0
    {
        emitter
            .notes
            .add("texts are of another length than their `size`: the writer decoded or cut them");
    }
    if content.is_none() && decoded > 0 {
        emitter.notes.add(MISSING);
    }
    let codings = codings(&response.headers);
    let (encoded, from) = encoded(told.entry, decoded);
    if let Some(from) = from.filter(|_| encoded > 0) {
        told.infer("body size", from);
    }
    Body {
        framing: framing(told, encoded),
        encoded,
        framed: None,
        decoded,
        codings,
        content,
        cut: None,
    }
}

fn codings(headers: &[Pair]) -> Vec<String> {
    words::codings(field(headers, "content-encoding").unwrap_or_default())
}

/// The bytes of the body on the wire.
fn encoded(entry: &Entry, decoded: u64) -> (u64, Option<&'static str>) {
    let response = &entry.response;
    let count = |size: Option<f64>| size.filter(|size| *size >= 0.0).map(|size| size as u64);
    if let Some(size) = count(response.body_size).filter(|size| *size > 0 || decoded == 0) {
        return (size, None);
    }
    let length =
        field(&response.headers, "content-length").and_then(|text| text.trim().parse().ok());
    if let Some(length) = length {
        return (length, Some("Content-Length"));
    }
    if let Some(whole) = count(response.transfer_size).filter(|whole| *whole > 0) {
        let head = count(response.headers_size).unwrap_or(0);
        return (whole.saturating_sub(head), Some("_transferSize"));
    }
    let saved = response.content.compression.filter(|saved| *saved > 0.0);
    match saved {
        Some(saved) => (decoded.saturating_sub(saved as u64), Some("content.compression")),
        None => (decoded, Some("content.size")),
    }
}

fn framing(told: &mut Told<'_>, encoded: u64) -> Framing {
    let response = &told.entry.response;
    let no_body = matches!(told.sketch.status, 100..200 | 204 | 304)
        || told.entry.request.method.as_deref() == Some("HEAD");
    if no_body {
        return Framing::None;
    }
    if words::is_multiplexed(&told.sketch.version) {
        return Framing::Frames;
    }
    let chunked = field(&response.headers, "transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if chunked {
        return Framing::Chunked;
    }
    let length =
        field(&response.headers, "content-length").and_then(|text| text.trim().parse().ok());
    match length {
        Some(length) => Framing::Length(length),
        None if told.sketch.version == HttpVersion::Http10 => Framing::Close,
        None => {
            told.infer("framing", "the size of the body");
            Framing::Length(encoded)
        }
    }
}

/// A size; unknown ones, negative in archives, are 0 in a record.
fn size(size: Option<f64>) -> u64 {
    size.filter(|size| (0.0..1e15).contains(size)).map_or(0, |size| size as u64)
}
