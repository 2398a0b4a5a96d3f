//! `Talk`: one exchange as a capture shows it, over any version of HTTP alike, and its events.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use roundtrip_http::coding::{DecodeLimits, Decoder, Pulled};
use roundtrip_http::media;
use roundtrip_record::{
    Body, BodyCut, BodyWriter, ConnectionId, EventId, ExchangeEnded, ExchangeId, ExchangeStarted,
    Field, Framing, HttpVersion, ImportedExchange, Inference, Initiator, Log, LookupId, Priority,
    RequestSent, ResourceKind, ResponseEnded, ResponseHead, Side, Time, Trace as _, Transport,
    What,
};

use super::stream::Stamp;
use crate::words;

/// What all exchanges of a capture share.
pub(crate) struct Desk {
    pub(crate) log: Log,
    /// The exchange that redirects to each URL, and its status.
    redirects: BTreeMap<String, (ExchangeId, u16)>,
    /// The URLs of style sheets.
    sheets: BTreeSet<String>,
    /// The first exchange, which the user is taken to have asked for.
    pub(crate) first: Option<(ExchangeId, String)>,
    /// The lookups that found addresses, by name: when they began, and whether an exchange waited.
    pub(crate) lookups: BTreeMap<String, (LookupId, Time, bool)>,
    pub(crate) exchanges: u64,
    pub(crate) latest: Time,
}

impl Desk {
    /// For exchanges that are recorded in `log`.
    pub(crate) fn new(log: Log) -> Self {
        Self {
            log,
            redirects: BTreeMap::new(),
            sheets: BTreeSet::new(),
            first: None,
            lookups: BTreeMap::new(),
            exchanges: 0,
            latest: Time::ZERO,
        }
    }

    /// Records an event because of the segment that shows it.
    pub(crate) fn emit(&mut self, stamp: Stamp, what: What) -> Option<EventId> {
        self.latest = self.latest.max(stamp.at);
        self.log.emit(stamp.at, stamp.event, || what)
    }
}

/// The connection that exchanges go over.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    pub(crate) connection: ConnectionId,
    pub(crate) transport: Transport,
    pub(crate) server: SocketAddr,
    pub(crate) secure: bool,
    /// When the connection began to be opened, where that was seen.
    pub(crate) opened: Option<Stamp>,
    /// How many exchanges it has carried.
    pub(crate) carried: u32,
}

/// A request's head, whatever the version.
pub(crate) struct RequestHead {
    pub(crate) version: HttpVersion,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authority: Option<String>,
    pub(crate) fields: Vec<Field>,
    pub(crate) bytes: u64,
    pub(crate) stream: Option<u64>,
}

/// A response's head, whatever the version.
pub(crate) struct AnswerHead {
    pub(crate) version: HttpVersion,
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) bytes: u64,
}

/// One exchange.
pub(crate) struct Talk {
    exchange: ExchangeId,
    connection: ConnectionId,
    transport: Transport,
    pub(crate) method: String,
    url: String,
    stream: Option<u64>,
    started: Option<EventId>,
    request: Option<RequestSent>,
    form: Option<BodyWriter>,
    status: Option<u16>,
    content: Option<Content>,
    media_type: Option<String>,
    framing: Framing,
    trailers: Vec<Field>,
    over: bool,
}

/// The body of a response that is coming.
struct Content {
    writer: BodyWriter,
    decoder: Option<Decoder>,
    codings: Vec<String>,
    encoded: u64,
    decoded: u64,
    broken: bool,
}

impl Talk {
    /// Begins with the head of a request, whose first byte passed at `began`.
    pub(crate) fn new(
        desk: &mut Desk,
        carrier: &mut Carrier,
        head: RequestHead,
        began: Stamp,
    ) -> Self {
        let exchange = desk.log.exchange_id();
        desk.exchanges += 1;
        let scheme = if carrier.secure { "https" } else { "http" };
        let url = url(scheme, &head, carrier.server);
        let host = head
            .authority
            .clone()
            .or_else(|| Field::first(&head.fields, "host").map(ToOwned::to_owned));
        let name = host.map(|host| host.split(':').next().unwrap_or_default().to_ascii_lowercase());
        let first_on_it = carrier.carried == 0 && carrier.opened.is_some();
        let mut start = began;
        let mut lookup = None;
        if first_on_it && let Some(opened) = carrier.opened {
            start = opened;
            let found = name.and_then(|name| desk.lookups.get_mut(&name));
            if let Some((id, asked, waited)) =
                found.filter(|(_, asked, waited)| !waited && *asked <= opened.at)
            {
                *waited = true;
                lookup = Some(*id);
                start.at = *asked;
            }
        }
        let kind = kind(&head, &url);
        let (initiator, from) = desk.initiator(&url, &head.fields);
        let started = ExchangeStarted {
            exchange,
            method: head.method.clone(),
            url: url.clone(),
            kind,
            priority: Priority::default(),
            initiator,
            side: Side::Client,
            of: None,
        };
        let started = desk.emit(start, What::ExchangeStarted(started));
        let inferred =
            [("initiator", from), ("kind of resource", Some("the request's fields and URL"))];
        let inferred = inferred.into_iter().filter_map(|(fact, from)| {
            from.map(|from| Inference { fact: fact.into(), from: from.into() })
        });
        let place = u64::from(exchange.0) - 1;
        let imported =
            ImportedExchange { exchange, place, inferred: inferred.collect(), server_think: None };
        desk.emit(began, What::ImportedExchange(imported));
        if kind == ResourceKind::Style {
            desk.sheets.insert(url.clone());
        }
        if desk.first.is_none() {
            desk.first = Some((exchange, url.clone()));
        }
        // A connection that was open before has carried something.
        let reused = carrier.carried + u32::from(carrier.opened.is_none());
        carrier.carried += 1;
        let request = RequestSent {
            exchange: Some(exchange),
            connection: carrier.connection,
            transport: carrier.transport,
            stream: head.stream,
            lookup,
            reused,
            version: head.version,
            method: head.method.clone(),
            target: head.target,
            fields: head.fields,
            began: began.at,
            passed: None,
            head_bytes: head.bytes,
            body_bytes: 0,
            body: None,
        };
        Self {
            exchange,
            connection: carrier.connection,
            transport: carrier.transport,
            method: head.method,
            url,
            stream: head.stream,
            started,
            request: Some(request),
            form: None,
            status: None,
            content: None,
            media_type: None,
            framing: Framing::None,
            trailers: Vec::new(),
            over: false,
        }
    }

    /// Whether a final response has begun.
    pub(crate) fn is_answered(&self) -> bool {
        self.status.is_some()
    }

    /// The next bytes of the request's body.
    pub(crate) fn request_body(&mut self, desk: &Desk, bytes: &[u8]) {
        let form = self.form.get_or_insert_with(|| desk.log.body_writer());
        form.write(bytes);
        if let Some(request) = &mut self.request {
            request.body_bytes += bytes.len() as u64;
        }
    }

    /// The request has been sent whole.
    pub(crate) fn request_end(&mut self, desk: &mut Desk, stamp: Stamp) {
        if let Some(mut request) = self.request.take() {
            request.body = self.form.take().and_then(BodyWriter::finish);
            desk.emit(stamp, What::RequestSent(request));
        }
    }

    /// The head of a response, interim or final, whose first byte passed at `first`.
    pub(crate) fn head(
        &mut self,
        desk: &mut Desk,
        head: AnswerHead,
        first: Stamp,
        stamp: Stamp,
        framing: Framing,
    ) {
        self.request_end(desk, first);
        if head.status >= 200 {
            self.status = Some(head.status);
            self.framing = framing;
            self.media_type = Field::first(&head.fields, "content-type").map(media::essence);
            self.content = Some(Content::new(desk, &head.fields));
            if (300..400).contains(&head.status)
                && let Some(to) = Field::first(&head.fields, "location")
                && let Some(mut target) =
                    url::Url::parse(&self.url).ok().and_then(|url| url.join(to).ok())
            {
                target.set_fragment(None);
                desk.redirects.insert(target.into(), (self.exchange, head.status));
            }
        }
        let head = ResponseHead {
            exchange: Some(self.exchange),
            connection: self.connection,
            transport: self.transport,
            stream: self.stream,
            version: head.version,
            status: head.status,
            reason: head.reason,
            fields: head.fields,
            head_bytes: head.bytes,
            first_byte: first.at,
            arrived: None,
            first_segment: first.event,
            server_timing: Vec::new(),
        };
        desk.emit(stamp, What::ResponseHead(head));
    }

    /// The next bytes of the response's body, without framing.
    pub(crate) fn body(&mut self, bytes: &[u8]) {
        if let Some(content) = &mut self.content {
            content.take(bytes);
        }
    }

    /// The fields behind the response's body.
    pub(crate) fn trailers(&mut self, fields: Vec<Field>) {
        self.trailers = fields;
    }

    /// The response has ended, whole or cut short.
    pub(crate) fn end(&mut self, desk: &mut Desk, stamp: Stamp, cut: Option<BodyCut>) {
        if core::mem::replace(&mut self.over, true) {
            return;
        }
        self.request_end(desk, stamp);
        if let Some(content) = self.content.take() {
            let (body, broken) = content.finish(self.framing, cut);
            let cut = body.cut.or(broken.then_some(BodyCut::Malformed));
            let ended = ResponseEnded {
                exchange: Some(self.exchange),
                connection: self.connection,
                transport: self.transport,
                stream: self.stream,
                arrived: None,
                body: Body { cut, ..body },
                media_type: self.media_type.clone(),
                trailers: core::mem::take(&mut self.trailers),
            };
            desk.emit(stamp, What::ResponseEnded(ended));
        }
        let complete = self.status.is_some() && cut.is_none();
        let ended = ExchangeEnded {
            exchange: self.exchange,
            status: self.status,
            complete,
            from_cache: false,
        };
        let cause = Stamp { event: stamp.event.or(self.started), ..stamp };
        desk.emit(cause, What::ExchangeEnded(ended));
    }
}

impl Content {
    fn new(desk: &Desk, fields: &[Field]) -> Self {
        let codings = Field::first(fields, "content-encoding").unwrap_or_default().split(',');
        let codings: Vec<String> = codings
            .map(|coding| coding.trim().to_ascii_lowercase())
            .filter(|coding| !coding.is_empty() && coding != "identity")
            .collect();
        let decoder = Decoder::new(codings.iter().map(String::as_str), DecodeLimits::default());
        Self {
            writer: desk.log.body_writer(),
            broken: decoder.is_err(),
            decoder: decoder.ok().flatten(),
            codings,
            encoded: 0,
            decoded: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.encoded += bytes.len() as u64;
        let Some(decoder) = &mut self.decoder else {
            self.decoded += bytes.len() as u64;
            self.writer.write(bytes);
            return;
        };
        if !self.broken {
            decoder.push(Bytes::copy_from_slice(bytes));
            self.pull();
        }
    }

    /// Writes what the decoder has.
    fn pull(&mut self) {
        let Some(decoder) = &mut self.decoder else { return };
        loop {
            match decoder.pull() {
                Ok(Pulled::Bytes(bytes)) => {
                    self.decoded += bytes.len() as u64;
                    self.writer.write(&bytes);
                }
                Ok(Pulled::Hungry | Pulled::End) => return,
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
    }

    fn finish(mut self, framing: Framing, cut: Option<BodyCut>) -> (Body, bool) {
        if let Some(decoder) = &mut self.decoder
            && self.encoded > 0
            && cut.is_none()
        {
            decoder.end();
            if !self.broken {
                self.pull();
            }
        }
        let body = Body {
            framing,
            encoded: self.encoded,
            framed: None,
            decoded: self.decoded,
            codings: self.codings,
            content: self.writer.finish(),
            cut,
        };
        (body, self.broken)
    }
}

impl Desk {
    /// What caused a request, as far as its fields and earlier answers tell.
    fn initiator(&self, url: &str, fields: &[Field]) -> (Initiator, Option<&'static str>) {
        if let Some((of, status)) = self.redirects.get(url) {
            return (
                Initiator::Redirect { of: *of, status: *status },
                Some("an earlier redirect to its URL"),
            );
        }
        let Some((_, document)) = &self.first else {
            return (Initiator::User, Some("being the first"));
        };
        match Field::first(fields, "referer") {
            Some(sheet) if self.sheets.contains(sheet) => {
                (Initiator::Style { url: sheet.to_owned() }, Some("the Referer field"))
            }
            Some(url) => {
                (Initiator::Parser { url: url.to_owned(), line: 0 }, Some("the Referer field"))
            }
            None => {
                (Initiator::Parser { url: document.clone(), line: 0 }, Some("the first exchange"))
            }
        }
    }
}

/// The URL of a request.
fn url(scheme: &str, head: &RequestHead, server: SocketAddr) -> String {
    if head.target.contains("://") {
        return head.target.clone();
    }
    let host = Field::first(&head.fields, "host").map(ToOwned::to_owned);
    let authority = head.authority.clone().or(host).filter(|authority| !authority.is_empty());
    let authority = authority.unwrap_or_else(|| server.to_string());
    let target = if head.target.starts_with('/') { head.target.as_str() } else { "/" };
    let whole = format!("{scheme}://{authority}{target}");
    url::Url::parse(&whole).map_or(whole, String::from)
}

fn kind(head: &RequestHead, url: &str) -> ResourceKind {
    let destination = Field::first(&head.fields, "sec-fetch-dest").and_then(words::destination);
    let accepts_html = || {
        let accept = Field::first(&head.fields, "accept").unwrap_or_default();
        accept.starts_with("text/html").then_some(ResourceKind::Document)
    };
    destination
        .or_else(accepts_html)
        .or_else(|| words::extension(url))
        .unwrap_or(ResourceKind::Other)
}
