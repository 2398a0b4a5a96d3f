//! The events of one entry: what a visit of our own would have recorded, as far as the archive
//! tells it.

use core::time::Duration;
use roundtrip_record::{
    Blocks, ExchangeEnded, ExchangeStarted, Fault, ImportedExchange, Initiator, LookupId,
    NameEnded, NameStarted, PageFound, Priority, ResourceKind, Side, Time, What,
};
use url::Url;

use super::cause::Cause;
use super::entry::Entry;
use super::opening::Way;
use super::sketch::{Ground, Sketch};
use super::state::{Emitter, Told};
use super::{message, opening};
use crate::agenda::Slot;
use crate::failure::{self, Place};
use crate::words;

impl<'a> Emitter<'a> {
    /// Plans the events of the entry with index `n`. Entries come in the order of their starts.
    pub(crate) fn entry(&mut self, n: usize, entry: &Entry) {
        let sketches = self.sketches;
        let sketch = &sketches[n];
        let start = self.at(sketch, 0);
        self.agenda.until(start);
        if sketch.ground == Ground::Inside {
            return self.inside(n, entry, start);
        }
        let mut told = self.begin(n, entry, start);
        let lookup = self.lookup(&told);
        let mut last = told.started;
        let carried = self.connections.carried[n];
        let way = carried.map(|carried| opening::way(self, &mut told, carried, lookup));
        if let Some(way) = &way {
            last = message::sent_and_answered(self, &mut told, way);
        }
        let end = self.at(sketch, sketch.times.end);
        if !sketch.answered() && sketch.ground == Ground::Network {
            last = self.failed(self.causes.last == Some(n), &told, way.as_ref(), end);
        }
        if sketch.ground == Ground::Cache && sketch.answered() {
            let cached = message::cached(self, &told);
            last = self.agenda.plan(end, Some(last), What::CachedResponse(cached));
        }
        let ended = ExchangeEnded {
            exchange: told.exchange,
            status: sketch.answered().then_some(sketch.status),
            complete: sketch.answered() && entry.outcome.complete.as_deref() != Some("false"),
            from_cache: sketch.ground == Ground::Cache,
        };
        let ended = self.agenda.plan(end, Some(last), What::ExchangeEnded(ended));
        self.exchanges[n] = Some(told.exchange);
        self.ended.insert(told.exchange, ended);
        self.latest.insert(&sketch.url, ended);
        let imported = ImportedExchange {
            exchange: told.exchange,
            place: sketch.place,
            inferred: told.inferred,
            server_think: entry.carrier.server_think.and_then(think),
        };
        self.agenda.plan(start, Some(told.started), What::ImportedExchange(imported));
    }

    /// An entry that needs no network.
    fn inside(&mut self, n: usize, entry: &Entry, start: Time) {
        self.notes.add(
            "URLs within the browser (data:, blob: and such) need no network and are no exchanges",
        );
        let sketch = &self.sketches[n];
        let scheme = sketch.url.split(':').next().unwrap_or_default();
        let (initiator, _) = self.initiator(n, entry);
        let found = PageFound {
            url: shortened(&sketch.url),
            kind: sketch.kind,
            priority: Priority::default(),
            blocks: Blocks::Nothing,
            initiator,
            not_fetched: Some(format!("{scheme}: needs no network")),
        };
        self.agenda.plan(start, None, What::PageFound(found));
    }

    /// The begin of the exchange.
    fn begin<'e>(&mut self, n: usize, entry: &'e Entry, start: Time) -> Told<'e>
    where
        'a: 'e,
    {
        let sketches = self.sketches;
        let sketch = &sketches[n];
        let exchange = self.log.exchange_id();
        let (initiator, initiator_from) = self.initiator(n, entry);
        let (priority, priority_from) = priority(entry, sketch.kind);
        let (method, method_from) = method(entry);
        let (blocks, blocks_from) = blocks(entry, sketch, &initiator);
        let mut cause = self.caused_by(&initiator);
        if !matches!(initiator, Initiator::User | Initiator::Redirect { .. }) {
            let found = PageFound {
                url: sketch.url.clone(),
                kind: sketch.kind,
                priority,
                blocks,
                initiator: initiator.clone(),
                not_fetched: None,
            };
            cause = Some(self.agenda.plan(start, cause, What::PageFound(found)));
        }
        let started = ExchangeStarted {
            exchange,
            method,
            url: sketch.url.clone(),
            kind: sketch.kind,
            priority,
            initiator,
            side: Side::Client,
            of: None,
        };
        let started = self.agenda.plan(start, cause, What::ExchangeStarted(started));
        let mut told = Told { entry, sketch, exchange, started, inferred: Vec::new() };
        for (fact, from) in [
            ("method", method_from),
            ("kind of resource", sketch.kind_from),
            ("initiator", initiator_from),
            ("priority", priority_from),
            ("what waits for a resource", blocks_from),
            ("version of HTTP", sketch.version_from.filter(|_| sketch.answered())),
        ] {
            if let Some(from) = from {
                told.infer(fact, from);
                self.notes.add(&format!("{fact}: not stated, inferred from {from}"));
            }
        }
        told
    }

    fn initiator(&self, n: usize, entry: &Entry) -> (Initiator, Option<&'static str>) {
        match self.causes.cause(n, entry) {
            Cause::Other(initiator, from) => (initiator, from),
            Cause::Redirect(of) => match self.exchanges[of] {
                Some(exchange) => {
                    (Initiator::Redirect { of: exchange, status: self.sketches[of].status }, None)
                }
                None => (Initiator::User, Some("a redirect within the browser")),
            },
        }
    }

    /// The event that caused an exchange: the end of the exchange that named it.
    fn caused_by(&self, initiator: &Initiator) -> Option<Slot> {
        match initiator {
            Initiator::Redirect { of, .. } | Initiator::Retry { of } => self.ended.get(of),
            Initiator::Parser { url, .. }
            | Initiator::Style { url }
            | Initiator::LinkField { url }
            | Initiator::EarlyHints { url }
            | Initiator::Script { url, .. } => self.latest.get(url.as_str()),
            Initiator::User | Initiator::Peer => None,
        }
        .copied()
    }

    /// The lookup of the server's name.
    fn lookup(&mut self, told: &Told<'_>) -> Option<LookupId> {
        let (began, ended) = told.sketch.times.dns.filter(|(began, ended)| ended > began)?;
        let host = Url::parse(&told.sketch.url).ok()?.host_str()?.to_owned();
        let lookup = self.log.lookup_id();
        let name = format!("{}.", host.trim_end_matches('.'));
        let started = NameStarted { lookup, name, types: Vec::new() };
        let at = self.at(told.sketch, began);
        let slot = self.agenda.plan(at, Some(told.started), What::NameStarted(started));
        let addresses = opening::address(told.entry).into_iter().collect();
        let done = NameEnded { lookup, addresses, aliases: Vec::new(), ttl: None };
        self.agenda.plan(self.at(told.sketch, ended), Some(slot), What::NameEnded(done));
        Some(lookup)
    }

    /// The fault of an entry without a response; without the page's own there is no page.
    fn failed(&mut self, fatal: bool, told: &Told<'_>, way: Option<&Way>, end: Time) -> Slot {
        let entry = told.entry;
        let error = [&entry.response.error, &entry.outcome.error].into_iter().flatten().next();
        let comment = entry.response.status_text.as_deref().unwrap_or_default();
        let url = Url::parse(&told.sketch.url).ok();
        let place = Place {
            host: url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned(),
            to: opening::server(entry, told.sketch),
            began: self.at(told.sketch, told.sketch.times.connect.map_or(0, |(began, _)| began)),
            ended: end,
        };
        let (step, fault) = failure::fault(error.map_or(comment, String::as_str), &place);
        if fatal {
            self.exit = fault.exit_code();
        }
        self.notes.add("requests were not answered (status 0)");
        let fault = Fault {
            step,
            exchange: Some(told.exchange),
            connection: way.map(|way| way.connection),
            since: place.began,
            fatal,
            fault,
        };
        self.agenda.plan(end, Some(told.started), What::Fault(fault))
    }
}

/// A URL for people; a `data:` URL may be megabytes long.
fn shortened(url: &str) -> String {
    const LONGEST: usize = 200;
    match url.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &url[..cut]),
        None => url.to_owned(),
    }
}

fn method(entry: &Entry) -> (String, Option<&'static str>) {
    match entry.request.method.as_deref().filter(|method| !method.is_empty()) {
        Some(method) => (method.to_owned(), None),
        None if entry.request.post_data.is_some() => ("POST".into(), Some("its body")),
        None => ("GET".into(), Some("having no body")),
    }
}

fn priority(entry: &Entry, kind: ResourceKind) -> (Priority, Option<&'static str>) {
    let stated = [&entry.cause.initial_priority, &entry.cause.priority];
    if let Some(known) = stated.into_iter().flatten().find_map(|word| words::priority(word)) {
        return (known, None);
    }
    // As Chromium begins with them (`ResourceLoadPriority`).
    let usual = match kind {
        ResourceKind::Document | ResourceKind::Style | ResourceKind::Frame => Priority::VeryHigh,
        ResourceKind::Script | ResourceKind::Font => Priority::High,
        ResourceKind::Manifest => Priority::Medium,
        ResourceKind::Image | ResourceKind::Icon | ResourceKind::Media => Priority::Low,
        ResourceKind::Other => Priority::High,
    };
    (usual, Some("its kind"))
}

/// What waits for a resource: as Chromium says it (`_renderBlocking`), or else a style sheet that
/// markup names holds up the first paint.
fn blocks(entry: &Entry, sketch: &Sketch, initiator: &Initiator) -> (Blocks, Option<&'static str>) {
    match entry.cause.render_blocking.as_deref() {
        Some("blocking") => (Blocks::Render, None),
        Some("in_body_parser_blocking") => (Blocks::Parser, None),
        Some(_) => (Blocks::Nothing, None),
        None if sketch.kind == ResourceKind::Style
            && matches!(initiator, Initiator::Parser { .. }) =>
        {
            (Blocks::Render, Some("its kind"))
        }
        None => (Blocks::Nothing, None),
    }
}

/// A server's own time that is stated in milliseconds; `None` where it makes no sense.
fn think(stated: f64) -> Option<Duration> {
    (0.0..86_400_000.0).contains(&stated).then(|| Duration::from_secs_f64(stated / 1000.0))
}
