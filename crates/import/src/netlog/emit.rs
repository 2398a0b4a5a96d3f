//! `Emitter`: the connections and hops of a log as the events of a record.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use roundtrip_http::media::essence;
use roundtrip_record::{
    Blocks, Body, BodyCut, CachedResponse, ConnectionId, ExchangeEnded, ExchangeId,
    ExchangeStarted, Fault, Field, Framing, HttpVersion, ImportedExchange, Inference, Initiator,
    PageFound, Priority, RequestSent, ResourceKind, ResponseEnded, ResponseHead, Side, TcpOpened,
    Time, Transport, What,
};
use url::Url;

use super::opening::ANY;
use super::plan::Plan;
use super::request::Hop;
use super::state::{Carried, Link};
use super::{message, opening};
use crate::agenda::Slot;
use crate::failure::{self, Place};
use crate::notes::Notes;
use crate::words;

/// What the user asked for, among hops in the order of their begins: the first that a frame of its own was for, or else
/// the first.
pub(crate) fn document(hops: &[(&Hop, Option<usize>)]) -> Option<usize> {
    let framed = hops.iter().position(|(hop, _)| hop.request_type == "main frame");
    framed.or((!hops.is_empty()).then_some(0))
}

/// A connection that is in the record.
#[derive(Clone, Copy)]
struct Way {
    connection: ConnectionId,
    remote: Option<SocketAddr>,
    /// How many hops it has carried before the next.
    carried: u32,
}

/// A hop on its way into the record.
struct Told<'a> {
    n: usize,
    hop: &'a Hop,
    exchange: ExchangeId,
    started: Slot,
    carried: Option<Carried>,
    version: HttpVersion,
    sent: Vec<Field>,
    answered: Vec<Field>,
}

/// Plans the events of a log.
pub(crate) struct Emitter<'a> {
    plan: Plan<'a>,
    notes: &'a mut Notes,
    hops: &'a [(&'a Hop, Option<usize>)],
    document: Option<usize>,
    /// The end of the chain of redirects that begins with the document: the page itself.
    page: Option<usize>,
    exchanges: Vec<ExchangeId>,
    ways: BTreeMap<Link, Way>,
    sheets: BTreeSet<&'a str>,
    /// The event that ends each exchange, and the last one for each URL.
    ended: BTreeMap<usize, Slot>,
    latest: BTreeMap<&'a str, Slot>,
    exit: u8,
}

impl<'a> Emitter<'a> {
    /// For hops in the order of their begins, of which one is the document.
    pub(crate) fn new(
        plan: Plan<'a>,
        notes: &'a mut Notes,
        hops: &'a [(&'a Hop, Option<usize>)],
        document: Option<usize>,
    ) -> Self {
        let follows = |n: &usize| (n + 1..hops.len()).find(|next| hops[*next].1 == Some(*n));
        let page = core::iter::successors(document, follows).last();
        let exchanges = hops.iter().map(|_| plan.log.exchange_id()).collect();
        Self {
            plan,
            notes,
            hops,
            document,
            page,
            exchanges,
            ways: BTreeMap::new(),
            sheets: BTreeSet::new(),
            ended: BTreeMap::new(),
            latest: BTreeMap::new(),
            exit: 0,
        }
    }

    /// Plans the events of all connections, those that nothing was sent on too.
    pub(crate) fn connections(&mut self) {
        let seen = self.plan.seen;
        let left_out = seen.left_out_openers();
        // Who opened a connection did it for the first hop that it carried; addresses that it tried in vain before are
        // sockets of their own.
        let mut first: BTreeMap<Link, usize> = BTreeMap::new();
        let mut by_opener: BTreeMap<u64, usize> = BTreeMap::new();
        for (n, (hop, _)) in self.hops.iter().enumerate() {
            let Some(carried) = seen.carried(hop) else { continue };
            first.entry(carried.link).or_insert(n);
            if let Some(opener) = seen.opener(carried.link) {
                by_opener.entry(opener).or_insert(n);
            }
        }
        for (number, socket) in &seen.sockets {
            let link = Link::Tcp(*number);
            let user = first.get(&link).or_else(|| by_opener.get(&socket.job?)).copied();
            let is_others = user.is_none() && socket.job.is_some_and(|job| left_out.contains(&job));
            if socket.attempts.is_empty() || is_others {
                continue;
            }
            let connection = self.plan.log.connection_id();
            let ready = socket.tls.and_then(|(_, done)| done).or(socket.connected);
            let exchange = self.waiting(user, ready);
            let host = user.map(|n| host(&self.hops[n].0.url)).unwrap_or_default();
            opening::tcp(&mut self.plan, connection, socket, &host, exchange);
            self.ways.insert(link, Way { connection, remote: socket.remote, carried: 0 });
            if user.is_none() && socket.connected.is_some() {
                self.notes.add("connections were opened ahead, and nothing was sent on them");
            }
        }
        for (number, session) in &seen.quic {
            let link = Link::Quic(*number);
            let Some(user) = first.get(&link).copied() else { continue };
            let connection = self.plan.log.connection_id();
            let exchange = self.waiting(Some(user), session.ready);
            opening::quic(&mut self.plan, connection, session, exchange);
            self.ways.insert(link, Way { connection, remote: session.remote, carried: 0 });
        }
        for session in seen.sessions.values() {
            let way = session.socket.and_then(|socket| self.ways.get(&Link::Tcp(socket)));
            if let Some(connection) = way.map(|way| way.connection) {
                opening::session(&mut self.plan, connection, session);
            }
        }
    }

    /// The exchange of a hop that waited for a connection, which was ready at a time.
    fn waiting(&self, user: Option<usize>, ready: Option<u64>) -> Option<ExchangeId> {
        let user = user.filter(|n| ready.is_none_or(|ready| ready > self.hops[*n].0.began))?;
        Some(self.exchanges[user])
    }

    /// Plans the events of the hop with index `n`.
    pub(crate) fn hop(&mut self, n: usize) {
        let told = self.begin(n);
        if let Some(proxy) = self.plan.seen.proxy_of(told.hop) {
            self.notes.add(&format!("requests went by way of a proxy: {proxy}"));
        }
        if told.hop.reprioritized {
            self.notes
                .add("requests were given another priority later; the record has the first one");
        }
        let way = self.way(&told);
        let mut last = told.started;
        if let Some(way) = way {
            last = self.sent(&told, way);
            last = self.answered(&told, way, last);
        }
        let (hop, status) = (told.hop, told.hop.status());
        let end = hop.ended.unwrap_or(self.plan.seen.last);
        if hop.ended.is_none() {
            self.notes.add("requests were under way when the log ended");
        }
        if hop.is_cached() {
            last = self.cached(&told, last);
        } else if status == 0 && hop.error.is_some() {
            last = self.failed(&told, way, end);
        }
        let ended = ExchangeEnded {
            exchange: told.exchange,
            status: (status > 0).then_some(status),
            complete: (status > 0 || hop.is_cached()) && hop.error.is_none() && hop.ended.is_some(),
            from_cache: hop.is_cached(),
        };
        let ended = self.plan.plan(end, Some(last), What::ExchangeEnded(ended));
        self.ended.insert(n, ended);
        self.latest.insert(&hop.url, ended);
    }

    /// The begin of an exchange.
    fn begin(&mut self, n: usize) -> Told<'a> {
        let hop = self.hops[n].0;
        let carried = self.plan.seen.carried(hop);
        let sent = message::fields(&hop.fields);
        let answered =
            hop.heads.last().map(|(_, lines)| message::fields(lines.get(1..).unwrap_or_default()));
        let answered = answered.unwrap_or_default();
        let (kind, kind_from) = message::kind(hop, &sent, &answered);
        let (initiator, initiator_from) = self.initiator(n, &sent);
        if kind == ResourceKind::Style {
            self.sheets.insert(&hop.url);
        }
        let priority = priority(&hop.priority);
        let is_sheet = kind == ResourceKind::Style && matches!(initiator, Initiator::Parser { .. });
        let blocks = if is_sheet { Blocks::Render } else { Blocks::Nothing };
        let mut cause = self.caused_by(n, &initiator);
        if !matches!(initiator, Initiator::User | Initiator::Redirect { .. }) {
            let url = hop.url.clone();
            let found = PageFound {
                url,
                kind,
                priority,
                blocks,
                initiator: initiator.clone(),
                not_fetched: None,
            };
            cause = Some(self.plan.plan(hop.began, cause, What::PageFound(found)));
        }
        let exchange = self.exchanges[n];
        let started = ExchangeStarted {
            exchange,
            method: hop.method.clone(),
            url: hop.url.clone(),
            kind,
            priority,
            initiator,
            side: Side::Client,
            of: None,
        };
        let started = self.plan.plan(hop.began, cause, What::ExchangeStarted(started));
        let blocks_from = is_sheet.then_some("its kind");
        let facts = [
            ("kind of resource", kind_from),
            ("initiator", initiator_from),
            ("what waits for a resource", blocks_from),
        ];
        let mut inferred = Vec::new();
        for (fact, from) in facts {
            if let Some(from) = from {
                self.notes.add(&format!("{fact}: not stated, inferred from {from}"));
                inferred.push(Inference { fact: fact.into(), from: from.into() });
            }
        }
        let imported = ImportedExchange { exchange, place: n as u64, inferred, server_think: None };
        self.plan.plan(hop.began, Some(started), What::ImportedExchange(imported));
        let version = message::version(hop, carried);
        Told { n, hop, exchange, started, carried, version, sent, answered }
    }

    fn initiator(&self, n: usize, sent: &[Field]) -> (Initiator, Option<&'static str>) {
        if let Some(before) = self.hops[n].1 {
            // One that the browser made by itself, as for HSTS, has no response.
            let status =
                Some(self.hops[before].0.status()).filter(|status| *status > 0).unwrap_or(307);
            return (Initiator::Redirect { of: self.exchanges[before], status }, None);
        }
        if self.document == Some(n) {
            return (Initiator::User, None);
        }
        match Field::first(sent, "referer") {
            Some(sheet) if self.sheets.contains(sheet) => {
                (Initiator::Style { url: sheet.to_owned() }, Some("the Referer field"))
            }
            Some(url) => {
                (Initiator::Parser { url: url.to_owned(), line: 0 }, Some("the Referer field"))
            }
            None => {
                let page = self.page.map(|page| self.hops[page].0.url.clone()).unwrap_or_default();
                (Initiator::Parser { url: page, line: 0 }, Some("being on the page"))
            }
        }
    }

    /// The event that caused a hop: the end of what named it.
    fn caused_by(&self, n: usize, initiator: &Initiator) -> Option<Slot> {
        match initiator {
            Initiator::Redirect { .. } => self.ended.get(&self.hops[n].1?),
            Initiator::Parser { url, .. } | Initiator::Style { url } => {
                self.latest.get(url.as_str())
            }
            _ => None,
        }
        .copied()
    }

    /// The connection that carries a hop, if any does.
    fn way(&mut self, told: &Told<'_>) -> Option<Way> {
        told.hop.send?;
        if let Some(way) = told.carried.and_then(|carried| self.ways.get_mut(&carried.link)) {
            let now = *way;
            way.carried += 1;
            return Some(now);
        }
        self.notes.add("the log does not tell the connection of requests; each counts as one of its own, opened before");
        let connection = self.plan.log.connection_id();
        let opened = TcpOpened { connection, side: Side::Client, local: ANY, remote: ANY };
        self.plan.plan(told.hop.began, Some(told.started), What::TcpOpened(opened));
        let way = Way { connection, remote: None, carried: 1 };
        if let Some(carried) = told.carried {
            self.ways.insert(carried.link, Way { carried: 2, ..way });
        }
        Some(way)
    }

    fn sent(&mut self, told: &Told<'_>, way: Way) -> Slot {
        let hop = told.hop;
        let (began, sent) = hop.send.unwrap_or((hop.began, hop.began));
        let lookup = told
            .carried
            .filter(|_| way.carried == 0)
            .and_then(|carried| self.plan.seen.lookup_of(carried.link));
        let lookup = lookup.and_then(|lookup| opening::lookup(&mut self.plan, lookup));
        let length = Field::first(&told.sent, "content-length")
            .and_then(|length| length.trim().parse().ok());
        let request = RequestSent {
            exchange: Some(told.exchange),
            connection: way.connection,
            transport: transport(told.carried),
            stream: told.carried.and_then(|carried| carried.stream),
            lookup,
            reused: way.carried,
            version: told.version.clone(),
            method: hop.method.clone(),
            target: words::target(&hop.url),
            fields: told.sent.clone(),
            began: self.plan.at(began),
            passed: None,
            head_bytes: message::head_bytes(hop.line.as_deref(), &hop.fields),
            body_bytes: length.unwrap_or(0),
            body: None,
        };
        self.plan.plan(sent, Some(told.started), What::RequestSent(request))
    }

    /// The response to a request; the last of its events is returned.
    fn answered(&mut self, told: &Told<'_>, way: Way, sent: Slot) -> Slot {
        let hop = told.hop;
        let mut last = sent;
        for (time, lines) in &hop.heads {
            let first = lines.first().map_or("", String::as_str);
            let mut words = first.splitn(3, ' ').skip(1);
            let Some(status) = words.next().and_then(|status| status.parse().ok()) else {
                continue;
            };
            let streams = told.carried.is_some_and(|carried| carried.streams);
            let fields = lines.get(1..).unwrap_or_default();
            let head = ResponseHead {
                exchange: Some(told.exchange),
                connection: way.connection,
                transport: transport(told.carried),
                stream: told.carried.and_then(|carried| carried.stream),
                version: told.version.clone(),
                status,
                reason: words.next().unwrap_or_default().to_owned(),
                fields: message::fields(fields),
                head_bytes: if streams { 0 } else { message::head_bytes(Some(first), fields) },
                first_byte: self.plan.at(*time),
                arrived: None,
                first_segment: None,
                server_timing: Vec::new(),
            };
            last = self.plan.plan(*time, Some(last), What::ResponseHead(head));
        }
        let whole = hop.ended.is_some() || hop.body_end.is_some();
        let Some((head_at, _)) = hop.heads.last().filter(|_| hop.status() > 0 && whole) else {
            return last;
        };
        let cut = hop.error.map(|error| match self.plan.constants.error(error).as_str() {
            "ERR_ABORTED" => BodyCut::Stopped,
            "ERR_CONTENT_LENGTH_MISMATCH" | "ERR_INCOMPLETE_CHUNKED_ENCODING" => BodyCut::Short,
            "ERR_CONTENT_DECODING_FAILED" | "ERR_INVALID_CHUNKED_ENCODING" => BodyCut::Malformed,
            _ => BodyCut::Reset,
        });
        let response = ResponseEnded {
            exchange: Some(told.exchange),
            connection: way.connection,
            transport: transport(told.carried),
            stream: told.carried.and_then(|carried| carried.stream),
            arrived: None,
            body: Body { cut, ..body(told) },
            media_type: Field::first(&told.answered, "content-type").map(essence),
            trailers: Vec::new(),
        };
        if hop.content.is_none() && hop.decoded > 0 {
            self.notes.add("bodies are missing (--net-log-capture-mode=Everything keeps them); a replay answers with stand-ins of their length");
        }
        let end = hop.body_end.unwrap_or(*head_at).max(*head_at);
        self.plan.plan(end, Some(last), What::ResponseEnded(response))
    }

    /// What the browser's cache gave: the log has its body's length and no more.
    fn cached(&mut self, told: &Told<'_>, last: Slot) -> Slot {
        self.notes
            .add("responses came from the browser's cache; the log does not tell their heads");
        let cached = CachedResponse {
            exchange: told.exchange,
            validated: false,
            version: told.version.clone(),
            status: 200,
            reason: String::new(),
            fields: Vec::new(),
            age: None,
            lifetime: None,
            encoded: told.hop.raw,
            decoded: told.hop.decoded,
            codings: Vec::new(),
            content: told.hop.content.clone(),
            media_type: None,
        };
        let end = told.hop.ended.unwrap_or(told.hop.began);
        self.plan.plan(end, Some(last), What::CachedResponse(cached))
    }

    /// The fault of a hop without a response; without the page's own there is no page.
    fn failed(&mut self, told: &Told<'_>, way: Option<Way>, end: u64) -> Slot {
        let error =
            told.hop.error.map(|error| self.plan.constants.error(error)).unwrap_or_default();
        let began = self.plan.at(told.hop.began);
        let to = way.and_then(|way| way.remote).unwrap_or(ANY);
        let place = Place { host: host(&told.hop.url), to, began, ended: self.plan.at(end) };
        let (step, fault) = failure::fault(&error, &place);
        let fatal = self.page == Some(told.n);
        if fatal {
            self.exit = fault.exit_code();
        }
        self.notes.add("requests were not answered");
        let connection = way.map(|way| way.connection);
        let fault =
            Fault { step, exchange: Some(told.exchange), connection, since: began, fatal, fault };
        self.plan.plan(end, Some(told.started), What::Fault(fault))
    }

    /// Records all of it; returns the time of the last event, and the exit code of the page's fault.
    pub(crate) fn finish(mut self) -> (Time, u8) {
        self.plan.agenda.finish();
        (self.plan.agenda.latest, self.exit)
    }
}

/// The body of a response.
fn body(told: &Told<'_>) -> Body {
    let hop = told.hop;
    let framing: Framing = message::framing(hop, hop.status(), &told.version, &told.answered);
    Body {
        framing,
        encoded: hop.raw.unwrap_or(hop.decoded),
        framed: None,
        decoded: hop.decoded,
        codings: message::codings(&told.answered),
        content: hop.content.clone(),
        cut: None,
    }
}

fn transport(carried: Option<Carried>) -> Transport {
    match carried.map(|carried| carried.link) {
        Some(Link::Quic(_)) => Transport::Quic,
        _ => Transport::Tcp,
    }
}

fn host(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// The priority of Chromium's page that a priority of its network comes from.
fn priority(word: &str) -> Priority {
    match word {
        "HIGHEST" => Priority::VeryHigh,
        "MEDIUM" => Priority::High,
        "LOW" => Priority::Medium,
        "LOWEST" => Priority::Low,
        "IDLE" | "THROTTLED" => Priority::VeryLow,
        _ => Priority::default(),
    }
}
