//! `Row`: the rows of the table, one for each step, with what happened and how it is known.

use core::net::SocketAddr;
use core::time::Duration;

use roundtrip_record::{
    AttemptEnd, Blocks, Evidence, Milestone, NeighbourState, Source, TcpState, WireKind,
};

use crate::language::{recorded, word};
use crate::model::{
    Connection, ConnectionAttempt, Exchange, LegKind, Lookup, Losses, Model, Phase, PhaseKind, Span,
};
use crate::names::{
    content, initiator, losses, neighbour, outcome, short_source, short_url, sizes, unanswered,
};
use crate::style::{Detail, Tone};
use crate::text::{bytes, clean, count, duration};

/// How the fact in a row is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EvidenceMark {
    Performed,
    /// Stated by the file that the run was imported from.
    Recorded,
    Observed,
    Inferred,
    Unseen,
}

impl EvidenceMark {
    pub(super) const ALL: [Self; 5] =
        [Self::Performed, Self::Recorded, Self::Observed, Self::Inferred, Self::Unseen];

    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Performed => "●",
            Self::Recorded => "◑",
            Self::Observed => "◐",
            Self::Inferred => "○",
            Self::Unseen => "–",
        }
    }

    pub(super) fn legend(self) -> &'static str {
        match self {
            Self::Performed => say!("● performed by us"),
            Self::Recorded => say!("◑ recorded by another"),
            Self::Observed => say!("◐ observed"),
            Self::Inferred => say!("○ inferred"),
            Self::Unseen => say!("– not visible here"),
        }
    }

    pub(super) fn of(known: &Evidence) -> Self {
        match known {
            Evidence::Performed => Self::Performed,
            Evidence::Observed(_) => Self::Observed,
            Evidence::Inferred(_) => Self::Inferred,
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) indent: usize,
    pub(super) span: Span,
    /// The phases that the bar shows.
    pub(super) parts: Vec<(PhaseKind, Span)>,
    pub(super) detail: String,
    pub(super) tone: Option<Tone>,
    pub(super) how: EvidenceMark,
    /// The duration shown in its column; `None` if the step has not ended.
    pub(super) took: Option<Duration>,
    /// Whether the row lies outside the time that the bars show.
    pub(super) beyond: bool,
}

impl Row {
    fn new(
        label: impl Into<String>,
        kind: PhaseKind,
        span: Span,
        detail: impl Into<String>,
    ) -> Self {
        let parts = if span.took().is_zero() { Vec::new() } else { vec![(kind, span)] };
        Self {
            label: label.into(),
            indent: 0,
            span,
            parts,
            detail: detail.into(),
            tone: None,
            how: EvidenceMark::Performed,
            took: Some(span.took()),
            beyond: false,
        }
    }

    /// The row of a step: all phases of one kind of an exchange.
    fn step(exchange: &Exchange, kind: PhaseKind, detail: impl Into<String>) -> Self {
        let phases = || exchange.phases.iter().filter(|phase| phase.kind == kind);
        let start = phases().next().map_or(exchange.span.start, |phase| phase.span.start);
        let end = phases().next_back().map_or(start, |phase| phase.span.end);
        let lost = lost(exchange, |one| one == kind);
        let mut detail = detail.into();
        if !lost.is_nothing() {
            detail = format!("{detail}; {}", losses(&lost));
        }
        let mut row = Self::new(word(kind.name()), kind, Span::new(start, end), detail);
        row.parts = phases()
            .filter(|phase| !phase.took().is_zero())
            .map(|phase| (phase.kind, phase.span))
            .collect();
        row.took = exchange.spent(kind);
        row
    }

    fn beneath(mut self) -> Self {
        self.indent = 1;
        self
    }

    fn known(mut self, how: EvidenceMark) -> Self {
        self.how = how;
        self
    }
}

/// The character that draws a phase. Without colour, the shades tell phases apart.
pub(super) fn glyph(kind: PhaseKind) -> &'static str {
    match kind {
        PhaseKind::Blocked => "·",
        PhaseKind::Name | PhaseKind::Connect | PhaseKind::Tls => "▓",
        PhaseKind::Request | PhaseKind::Body => "█",
        PhaseKind::Wait => "▒",
        PhaseKind::Here => "░",
    }
}

pub(super) fn tone(kind: PhaseKind) -> Tone {
    match kind {
        PhaseKind::Blocked => Tone::Faint,
        PhaseKind::Name => Tone::Name,
        PhaseKind::Connect => Tone::Connect,
        PhaseKind::Tls => Tone::Tls,
        PhaseKind::Request => Tone::Request,
        PhaseKind::Wait => Tone::Wait,
        PhaseKind::Body => Tone::Body,
        PhaseKind::Here => Tone::Faint,
    }
}

/// The most sub-resources that get a row; the others are summed up.
const MOST_RESOURCES: usize = 24;

/// All rows of the table.
pub(super) fn rows(model: &Model, detail: Detail) -> Vec<Row> {
    let mut rows = Vec::new();
    let chain = model.chain();
    for (n, exchange) in chain.iter().enumerate() {
        let mut steps = steps(model, exchange);
        if chain.len() > 1 {
            rows.push(hop(model, exchange, chain.get(n + 1).copied(), n));
            for row in &mut steps {
                row.indent += 1;
            }
        }
        rows.extend(steps);
    }
    if chain.is_empty() {
        for lookup in &model.lookups {
            rows.extend(lookup_rows(lookup, lookup.span));
            rows.extend(lookup.nested.iter().flat_map(|nested| nested_rows(model, nested)));
        }
    }
    rows.extend(resources(model, detail));
    rows.extend(page(model));
    rows.extend(close(model));
    if model.imported_from().is_some() {
        // What our own engine did not do, another program saw.
        let performed = rows.iter_mut().filter(|row| row.how == EvidenceMark::Performed);
        performed.for_each(|row| row.how = EvidenceMark::Recorded);
    }
    rows
}

/// The line above the steps of one exchange in a chain of redirects and retries.
fn hop(model: &Model, exchange: &Exchange, next: Option<&Exchange>, n: usize) -> Row {
    let status = exchange.status();
    let status = status.map_or_else(|| unanswered(exchange, model), |status| status.to_string());
    let detail = match next {
        Some(next) => format!("{status} → {}", clean(&next.url)),
        None => format!("{status} {}", clean(&exchange.url)),
    };
    let label = format!("{}. {}", n + 1, clean(&exchange.method));
    let mut row = Row::new(label, PhaseKind::Wait, exchange.span, detail);
    row.parts = parts(exchange);
    row
}

fn parts(exchange: &Exchange) -> Vec<(PhaseKind, Span)> {
    exchange.phases.iter().map(|phase| (phase.kind, phase.span)).collect()
}

/// The losses in the phases for which `of` holds.
fn lost(exchange: &Exchange, of: impl Fn(PhaseKind) -> bool) -> Losses {
    let phases = exchange.phases.iter().filter(|phase| of(phase.kind));
    phases.fold(Losses::default(), |mut all, phase| {
        all.resent += phase.lost.resent;
        all.timeouts.extend(&phase.lost.timeouts);
        all
    })
}

/// The longest gap that is shown in the bar only, without a row of its own.
const SHORT: Duration = Duration::from_micros(200);

/// The steps of one exchange.
fn steps(model: &Model, exchange: &Exchange) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut shown: Vec<PhaseKind> = Vec::new();
    for phase in &exchange.phases {
        if shown.contains(&phase.kind) {
            continue;
        }
        shown.push(phase.kind);
        step(model, exchange, phase, &mut rows);
    }
    if exchange.from_cache {
        rows.push(Row::new(
            say!("cache"),
            PhaseKind::Body,
            exchange.span,
            exchange.cached.as_ref().map_or_else(
                || say!("answered from the cache, no connection").to_owned(),
                |cached| {
                    let detail = crate::names::cached(&cached.what);
                    say!("answered from the cache, no connection: {}", detail)
                },
            ),
        ));
    }
    rows
}

fn step(model: &Model, exchange: &Exchange, phase: &Phase, rows: &mut Vec<Row>) {
    let took = exchange.spent(phase.kind).unwrap_or_default();
    let short = took * 200 < exchange.span.took() || took < SHORT;
    match phase.kind {
        PhaseKind::Blocked | PhaseKind::Here if short => {}
        PhaseKind::Blocked => {
            rows.push(Row::step(exchange, phase.kind, say!("waiting for a turn")));
        }
        PhaseKind::Here => {
            rows.push(Row::step(exchange, phase.kind, say!("our own machine, between its steps")));
        }
        PhaseKind::Name => {
            let lookup =
                exchange.lookup.and_then(|id| model.lookups.iter().find(|lookup| lookup.id == id));
            match lookup {
                Some(lookup) => rows.extend(lookup_rows(lookup, phase.span)),
                None => rows.push(Row::step(exchange, phase.kind, "")),
            }
            rows.extend(neighbours(model, exchange));
        }
        PhaseKind::Connect => {
            if exchange.phase(PhaseKind::Name).is_none() {
                rows.extend(neighbours(model, exchange));
            }
            rows.extend(connect(model, exchange));
        }
        PhaseKind::Tls => rows.push(Row::step(exchange, phase.kind, tls(model, exchange))),
        PhaseKind::Request => rows.push(Row::step(exchange, phase.kind, request(exchange))),
        PhaseKind::Wait => rows.push(Row::step(exchange, phase.kind, wait(model, exchange))),
        PhaseKind::Body => rows.push(Row::step(exchange, phase.kind, body(exchange))),
    }
}

fn lookup_rows(lookup: &Lookup, span: Span) -> Vec<Row> {
    let addresses: Vec<String> = lookup.addresses.iter().map(ToString::to_string).collect();
    let ttl = lookup.ttl.map_or(String::new(), |ttl| format!("  ttl {ttl}"));
    let detail = match (addresses.is_empty(), lookup.over) {
        (true, true) => say!("no address").into(),
        (true, false) => say!("no answer yet").into(),
        (false, _) => format!("{}{ttl}", addresses.join(", ")),
    };
    let mut rows = vec![Row::new(say!("name"), PhaseKind::Name, span, detail)];
    for rung in &lookup.rungs {
        let said = rung.outcome.as_ref().map_or(say!("no answer").into(), outcome);
        let kind = if rung.record_type.is_empty() {
            String::new()
        } else {
            format!("{} ", clean(&rung.record_type))
        };
        let mut label = short_source(&rung.source);
        if let Source::HostsFile { path } = &rung.source {
            label = say!("hosts file").into();
            let said = format!("{said}, {}", clean(path));
            rows.push(Row::new(label, PhaseKind::Name, rung.span(), said).beneath());
            continue;
        }
        let from = match &rung.source {
            Source::NameServer { server } => format!("{}: ", server.ip()),
            _ => String::new(),
        };
        rows.push(
            Row::new(label, PhaseKind::Name, rung.span(), format!("{from}{kind}{said}")).beneath(),
        );
    }
    rows
}

fn nested_rows(model: &Model, lookup: &Lookup) -> Vec<Row> {
    let host = clean(model.host_name(lookup.host));
    let mut rows =
        vec![Row::new(say!("{} asks", host), PhaseKind::Name, lookup.span, clean(&lookup.name))];
    rows.extend(lookup_rows(lookup, lookup.span).into_iter().skip(1));
    rows
}

/// What happened in the client's neighbour table during the exchange.
fn neighbours(model: &Model, exchange: &Exchange) -> Option<Row> {
    let client = model.client();
    let until = exchange
        .phases
        .iter()
        .filter(|phase| phase.kind <= PhaseKind::Connect)
        .map(|phase| phase.span.end)
        .max()?;
    let within = |at| (exchange.span.start..=until).contains(&at);
    let mut changes =
        model.neighbours.iter().filter(|(host, change)| *host == client && within(change.at));
    let (_, first) = changes.next()?;
    let last = changes
        .rfind(|(_, change)| change.what.address == first.what.address)
        .map_or(first, |(_, last)| last);
    let mac = last.what.mac.as_deref().map_or(String::new(), |mac| format!(" {}", clean(mac)));
    let asked = if first.what.to == NeighbourState::Incomplete {
        if first.what.address.is_ipv4() { "ARP " } else { "NDP " }
    } else {
        ""
    };
    let detail = format!("{asked}{} {}{mac}", first.what.address, neighbour(last.what.to));
    let span = Span::new(first.at, last.at);
    Some(
        Row::new(say!("neighbour"), PhaseKind::Connect, span, detail)
            .known(EvidenceMark::of(&last.what.how)),
    )
}

fn connect(model: &Model, exchange: &Exchange) -> Vec<Row> {
    let connection = exchange.connection.and_then(|id| model.connection(id));
    let end = connection.and_then(Connection::near);
    // A recording without packets does not tell of retransmissions.
    let counted = end.filter(|end| !end.segments.is_empty() || model.imported_from().is_none());
    let retransmissions =
        counted.map_or(String::new(), |end| say!(", {} retrans", end.retransmissions()));
    let to = exchange.attempts.iter().find(|attempted| {
        attempted.result.as_ref().is_some_and(|result| result.what.end == AttemptEnd::Connected)
    });
    let to = to.or(exchange.attempts.last()).map(|attempted| attempted.attempt.to);
    let to = to.or(end.map(|end| end.remote));
    let detail = match (end, to) {
        (Some(end), _) => {
            // A file that tells of no port is imported with port 0.
            let port = |at: SocketAddr| match at.port() {
                0 => "?".to_owned(),
                port => format!(":{port}"),
            };
            format!("{} → {}{retransmissions}", port(end.local), port(end.remote))
        }
        (None, Some(to)) => to.to_string(),
        (None, None) => String::new(),
    };
    // The handshake was performed by us, or by a kernel that let us observe it.
    let established = end
        .and_then(|end| end.states.iter().find(|change| change.what.to == TcpState::Established));
    let known =
        established.map_or(EvidenceMark::Performed, |change| EvidenceMark::of(&change.what.how));
    let row = Row::step(exchange, PhaseKind::Connect, detail).known(known);
    let whole = row.span;
    let mut rows = vec![row];
    // A connection that was opened ahead for others ran no race.
    let raced = || exchange.attempts.iter().filter(|attempted| !is_ahead(exchange, attempted));
    if raced().count() > 1 {
        rows.extend(raced().map(|attempted| {
            let end = attempted.result.as_ref().map_or(exchange.span.end, |result| result.at);
            let said = match attempted.result.as_ref().map(|result| &result.what.end) {
                Some(AttemptEnd::Connected) => say!("won").into(),
                Some(AttemptEnd::Refused) => say!("refused (RST)").into(),
                Some(AttemptEnd::TimedOut) => say!("no answer").into(),
                Some(AttemptEnd::Unreachable { why, .. } | AttemptEnd::Failed { why }) => {
                    clean(why)
                }
                Some(AttemptEnd::NoNeighbour { next_hop }) => say!("no neighbour {}", next_hop),
                Some(AttemptEnd::Cancelled) => say!("given up, another won").into(),
                None => say!("still open").into(),
            };
            let family = if attempted.attempt.to.is_ipv4() { "IPv4" } else { "IPv6" };
            let span = Span::new(attempted.at, end).within(whole);
            Row::new(
                family,
                PhaseKind::Connect,
                span,
                format!("{} {said}", attempted.attempt.to.ip()),
            )
            .beneath()
        }));
    }
    rows
}

/// Whether an attempt led to another connection than the one that the exchange went by.
fn is_ahead(exchange: &Exchange, attempted: &ConnectionAttempt) -> bool {
    attempted.result.as_ref().is_some_and(|result| {
        result.what.end == AttemptEnd::Connected
            && exchange.connection.is_some()
            && result.what.connection != exchange.connection
    })
}

fn tls(model: &Model, exchange: &Exchange) -> String {
    let connection = exchange.connection.and_then(|id| model.connection(id));
    let Some(done) = connection.and_then(|connection| connection.tls.as_ref()) else {
        return say!("not completed").into();
    };
    let mut facts = vec![clean(done.what.version.as_str())];
    if done.what.resumed {
        facts.push(say!("resumed").into());
    }
    let now = model
        .run
        .as_ref()
        .map_or(0, |run| (run.wall.saturating_add(done.at.nanos()) / 1_000_000_000) as i64);
    if let Some(certificate) = connection.and_then(Connection::certificate) {
        let days = certificate.not_after.saturating_sub(now) / 86_400;
        facts.push(say!("cert {} d left", days));
    }
    facts.extend(done.what.alpn.as_deref().map(clean));
    facts.join(", ")
}

fn request(exchange: &Exchange) -> String {
    let Some(request) = &exchange.request else { return String::new() };
    let what = &request.what;
    let reuse =
        if what.reused > 0 { say!(", connection reused ×{}", what.reused) } else { String::new() };
    format!("{}, {}{reuse}", clean(&what.method), bytes(what.head_bytes + what.body_bytes))
}

/// The server's own account of its time, from `Server-Timing`.
fn wait(model: &Model, exchange: &Exchange) -> String {
    let Some(head) = exchange.head() else { return unanswered(exchange, model) };
    let timings = head.what.server_timing.iter().filter_map(|metric| {
        metric.duration.map(|took| format!("{} {}", clean(&metric.name), duration(took)))
    });
    let timings: Vec<String> = timings.collect();
    let status = format!("{} {}", head.what.status, clean(&head.what.reason));
    if timings.is_empty() {
        status.trim_end().to_owned()
    } else {
        say!("server says {}", timings.join(", "))
    }
}

fn body(exchange: &Exchange) -> String {
    let Some(response) = &exchange.response else { return say!("not complete").into() };
    if let Some(cached) = &exchange.cached {
        return say!("not modified, from the cache: {}", crate::names::cached(&cached.what));
    }
    let body = &response.what.body;
    let cut = body.cut.map_or("", |_| say!(", cut short"));
    format!("{}{cut}", sizes(body))
}

fn resources(model: &Model, detail: Detail) -> Vec<Row> {
    let base = model.document().map(|document| document.url.clone());
    let all = model.resources();
    let shown = if detail == Detail::Verbose { all.len() } else { MOST_RESOURCES };
    let mut rows: Vec<Row> = all
        .iter()
        .take(shown)
        .map(|exchange| {
            let mut facts: Vec<String> = Vec::new();
            match exchange.status() {
                Some(status) if status >= 400 => facts.push(status.to_string()),
                Some(_) | None if exchange.succeeded() => {}
                Some(status) => facts.push(status.to_string()),
                None => facts.push(unanswered(exchange, model)),
            }
            if exchange.retried && exchange.status().is_some() {
                facts.push(say!("retried").into());
            }
            let coded = || exchange.response.as_ref().map(|response| sizes(&response.what.body));
            facts.extend(crate::names::cached_size(exchange).or_else(coded));
            if exchange.method != "GET" {
                facts.push(clean(&exchange.method));
            }
            let lost = lost(exchange, |_| true);
            if !lost.is_nothing() {
                facts.push(losses(&lost));
            }
            match exchange.blocks {
                Blocks::Nothing => {}
                Blocks::Render => facts.push(say!("blocks render").into()),
                Blocks::Parser => facts.push(say!("blocks parser").into()),
            }
            if exchange.reused() > 0 {
                facts.push(say!("reused ×{}", exchange.reused()));
            } else if exchange.phase(PhaseKind::Connect).is_some() {
                facts.push(say!("own connection").into());
            }
            let mut row = Row::new(
                short_url(&exchange.url, base.as_deref()),
                PhaseKind::Body,
                exchange.span,
                facts.join(", "),
            );
            row.parts = parts(exchange);
            row.tone = exchange.failed().then_some(Tone::Warn);
            if facts.is_empty() {
                row.detail = initiator(&exchange.initiator);
            }
            row
        })
        .collect();
    let rest = &all[shown.min(all.len())..];
    if let (Some(first), Some(end)) =
        (rest.first(), rest.iter().map(|exchange| exchange.span.end).max())
    {
        let received: u64 = rest.iter().map(|exchange| exchange.received()).sum();
        let span = Span::new(first.span.start, end);
        rows.push(Row::new(
            say!("{} more", rest.len()),
            PhaseKind::Body,
            span,
            say!("{} in all; -v lists them", bytes(received)),
        ));
    }
    rows
}

/// The page: the time that it took itself, and when its first and its largest content were painted.
fn page(model: &Model) -> Vec<Row> {
    let Some(page) = page_itself(model) else { return Vec::new() };
    let base = model.document().map(|document| document.url.as_str());
    let largest = model.largest.as_ref().map(|largest| content(&largest.what, base));
    let in_lab = model.run.as_ref().is_some_and(|run| run.wire == WireKind::Lab);
    let said = if in_lab {
        [say!("first content, modelled"), say!("largest content, modelled")]
    } else {
        [say!("first content"), say!("largest content")]
    };
    let paints = [
        ("FCP", Milestone::FirstContentfulPaint, said[0], None),
        ("LCP", Milestone::LargestContentfulPaint, said[1], largest),
    ];
    let rows = paints.into_iter().filter_map(|(name, milestone, said, what)| {
        let at = model.milestone(&milestone)?;
        let detail = what.map_or_else(|| said.to_owned(), |what| format!("{said}: {what}"));
        let mut row = Row::new(name, PhaseKind::Body, Span::new(at, at), detail).beneath();
        row.took = None;
        row.beyond = at > model.total().end;
        Some(row)
    });
    core::iter::once(page).chain(rows).collect()
}

/// The time that the page itself took on the critical path, and when it was painted and loaded.
fn page_itself(model: &Model) -> Option<Row> {
    let paint = model
        .milestone(&Milestone::FirstPaint)
        .or(model.painted.as_ref().map(|painted| painted.at))?;
    let since = |at| duration(at - model.total().start);
    let mut detail = say!("first paint {}", since(paint));
    let load = model.milestone(&Milestone::LoadEventEnd);
    if let Some(load) = load {
        detail += &say!(", load {}", since(load));
    }
    let path = model.critical_to_end();
    let legs = || path.legs.iter().filter(|leg| leg.step == LegKind::Page);
    let start = legs().next().map_or(paint, |leg| leg.span.start);
    let end = legs().next_back().map_or(start, |leg| leg.span.end);
    let mut row = Row::new(say!("page"), PhaseKind::Body, Span::new(start, end), detail);
    row.parts = legs().map(|leg| (PhaseKind::Body, leg.span)).collect();
    row.took = Some(path.spent(LegKind::Page));
    Some(row)
}

/// How the connections were closed.
fn close(model: &Model) -> Option<Row> {
    let document = model.document().and_then(|document| document.connection);
    let connection = model.connection(document?)?;
    let end = connection.near()?;
    let last = end.states.last()?;
    let after = Span::new(model.total().end, model.total().end);
    let Some(closing) = end.closing() else {
        let live = model.run.as_ref().is_some_and(|run| run.wire == WireKind::Live);
        let how = if live { EvidenceMark::Observed } else { EvidenceMark::Performed };
        let detail = say!("not closed: {} here", last.what.to);
        let mut row = Row::new(say!("close"), PhaseKind::Blocked, after, detail).known(how);
        row.took = None;
        row.beyond = true;
        return Some(row);
    };
    let by = connection
        .ending
        .as_ref()
        .map_or(String::new(), |ending| format!(" ({})", recorded(&clean(&ending.what.why))));
    let waits = end.states.iter().find(|change| change.what.to == TcpState::TimeWait);
    let mut detail = match waits {
        Some(since) if last.what.to == TcpState::Closed => {
            say!("→ TIME_WAIT for {}{}", duration(last.at - since.at), by)
        }
        _ => format!("→ {}{by}", last.what.to),
    };
    let clients = model.connections.iter().filter(|one| one.client.is_some()).count();
    if clients > 1 {
        detail += &say!("; {} more", count(clients - 1, "connection"));
    }
    let span = model.close().unwrap_or(closing);
    let mut row = Row::new(say!("close"), PhaseKind::Blocked, span, detail)
        .known(EvidenceMark::of(&last.what.how));
    row.parts.clear();
    row.beyond = span.start >= model.total().end;
    Some(row)
}
