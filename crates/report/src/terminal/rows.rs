//! The rows of the table: what happened in which step, and how it is known.

use core::time::Duration;

use roundtrip_record::{
    AttemptEnd, Blocks, How as Known, NeighbourState, Source, TcpState, WireKind,
};

use crate::model::{Connection, Exchange, Lookup, Model, Phase, PhaseKind, Span};
use crate::names::{initiator, neighbour, outcome, short_source, short_url};
use crate::style::{Detail, Tone};
use crate::text::{bytes, clean, count, duration};

/// How the fact in a row is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Performed,
    Observed,
    Inferred,
    Unseen,
}

impl How {
    pub(super) const ALL: [Self; 4] =
        [Self::Performed, Self::Observed, Self::Inferred, Self::Unseen];

    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Performed => "●",
            Self::Observed => "◐",
            Self::Inferred => "○",
            Self::Unseen => "–",
        }
    }

    pub(super) fn legend(self) -> &'static str {
        match self {
            Self::Performed => "● performed by us",
            Self::Observed => "◐ observed",
            Self::Inferred => "○ inferred",
            Self::Unseen => "– not visible here",
        }
    }

    pub(super) fn of(known: &Known) -> Self {
        match known {
            Known::Performed => Self::Performed,
            Known::Observed(_) => Self::Observed,
            Known::Inferred(_) => Self::Inferred,
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) indent: usize,
    pub(super) span: Span,
    /// What the bar is made of.
    pub(super) parts: Vec<(PhaseKind, Span)>,
    pub(super) detail: String,
    pub(super) tone: Option<Tone>,
    pub(super) how: How,
    /// It is not over.
    pub(super) open: bool,
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
            how: How::Performed,
            open: false,
        }
    }

    fn beneath(mut self) -> Self {
        self.indent = 1;
        self
    }

    fn known(mut self, how: How) -> Self {
        self.how = how;
        self
    }
}

/// What a phase is drawn with: without colour the shades tell them apart.
pub(super) fn glyph(kind: PhaseKind) -> &'static str {
    match kind {
        PhaseKind::Blocked => "·",
        PhaseKind::Name | PhaseKind::Connect | PhaseKind::Tls => "▓",
        PhaseKind::Request | PhaseKind::Body => "█",
        PhaseKind::Wait => "▒",
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
    }
}

/// Sub-resources beyond are summed up.
const MOST_RESOURCES: usize = 24;

/// All rows.
pub(super) fn rows(model: &Model, detail: Detail) -> Vec<Row> {
    let mut rows = Vec::new();
    let chain = model.chain();
    for (n, exchange) in chain.iter().enumerate() {
        let mut steps = steps(model, exchange);
        if chain.len() > 1 {
            rows.push(hop(exchange, chain.get(n + 1).copied(), n));
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
    rows
}

/// The line above the steps of one exchange of a chain.
fn hop(exchange: &Exchange, next: Option<&Exchange>, n: usize) -> Row {
    let status = exchange.status().map_or("no answer".into(), |status| status.to_string());
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

/// What we may take between two steps before it counts as a wait.
const OWN_WORK: Duration = Duration::from_micros(200);

/// The steps of one exchange.
fn steps(model: &Model, exchange: &Exchange) -> Vec<Row> {
    let mut rows = Vec::new();
    let whole = exchange.span.took();
    for phase in &exchange.phases {
        match phase.kind {
            // A gap this short is our own work between steps, not a wait for a connection.
            PhaseKind::Blocked if phase.took() * 200 < whole || phase.took() < OWN_WORK => {}
            PhaseKind::Blocked => {
                rows.push(Row::new("blocked", phase.kind, phase.span, "waiting for a turn"));
            }
            PhaseKind::Name => {
                let lookup = exchange
                    .lookup
                    .and_then(|id| model.lookups.iter().find(|lookup| lookup.id == id));
                match lookup {
                    Some(lookup) => rows.extend(lookup_rows(lookup, phase.span)),
                    None => rows.push(Row::new("name", phase.kind, phase.span, "")),
                }
                rows.extend(neighbours(model, exchange));
            }
            PhaseKind::Connect => {
                if exchange.phase(PhaseKind::Name).is_none() {
                    rows.extend(neighbours(model, exchange));
                }
                rows.extend(connect(model, exchange, phase));
            }
            PhaseKind::Tls => {
                rows.push(Row::new("tls", phase.kind, phase.span, tls(model, exchange)));
            }
            PhaseKind::Request => rows.push(request(exchange, phase)),
            PhaseKind::Wait => rows.push(Row::new("wait", phase.kind, phase.span, wait(exchange))),
            PhaseKind::Body => rows.push(Row::new("body", phase.kind, phase.span, body(exchange))),
        }
    }
    if exchange.from_cache {
        rows.push(Row::new(
            "cache",
            PhaseKind::Body,
            exchange.span,
            "answered from the cache, no connection",
        ));
    }
    rows
}

fn lookup_rows(lookup: &Lookup, span: Span) -> Vec<Row> {
    let addresses: Vec<String> = lookup.addresses.iter().map(ToString::to_string).collect();
    let ttl = lookup.ttl.map_or(String::new(), |ttl| format!("  ttl {ttl}"));
    let detail = match (addresses.is_empty(), lookup.over) {
        (true, true) => "no address".into(),
        (true, false) => "no answer yet".into(),
        (false, _) => format!("{}{ttl}", addresses.join(", ")),
    };
    let mut rows = vec![Row::new("name", PhaseKind::Name, span, detail)];
    for rung in &lookup.rungs {
        let said = rung.outcome.as_ref().map_or("no answer".into(), outcome);
        let kind = if rung.record_type.is_empty() {
            String::new()
        } else {
            format!("{} ", clean(&rung.record_type))
        };
        let mut label = short_source(&rung.source);
        if let Source::HostsFile { path } = &rung.source {
            label = "hosts file".into();
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
        vec![Row::new(format!("{host} asks"), PhaseKind::Name, lookup.span, clean(&lookup.name))];
    rows.extend(lookup_rows(lookup, lookup.span).into_iter().skip(1));
    rows
}

/// What the client's neighbour table did in the time of this exchange.
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
    Some(Row::new("neighbour", PhaseKind::Connect, span, detail).known(How::of(&last.what.how)))
}

fn connect(model: &Model, exchange: &Exchange, phase: &Phase) -> Vec<Row> {
    let connection = exchange.connection.and_then(|id| model.connection(id));
    let end = connection.and_then(Connection::near);
    let retransmissions =
        end.map_or(String::new(), |end| format!(", {} retrans", end.retransmissions()));
    let to = exchange.attempts.iter().find(|attempted| {
        attempted.result.as_ref().is_some_and(|result| result.what.end == AttemptEnd::Connected)
    });
    let to = to.or(exchange.attempts.last()).map(|attempted| attempted.attempt.to);
    let to = to.or(end.map(|end| end.remote));
    let detail = match (end, to) {
        (Some(end), _) => {
            format!(":{} → :{}{retransmissions}", end.local.port(), end.remote.port())
        }
        (None, Some(to)) => to.to_string(),
        (None, None) => String::new(),
    };
    // Who carried the handshake out: we, or a kernel that let us see it.
    let established = end
        .and_then(|end| end.states.iter().find(|change| change.what.to == TcpState::Established));
    let known = established.map_or(How::Performed, |change| How::of(&change.what.how));
    let mut rows = vec![Row::new("connect", PhaseKind::Connect, phase.span, detail).known(known)];
    if exchange.attempts.len() > 1 {
        rows.extend(exchange.attempts.iter().map(|attempted| {
            let end = attempted.result.as_ref().map_or(exchange.span.end, |result| result.at);
            let said = match attempted.result.as_ref().map(|result| &result.what.end) {
                Some(AttemptEnd::Connected) => "won".into(),
                Some(AttemptEnd::Refused) => "refused (RST)".into(),
                Some(AttemptEnd::TimedOut) => "no answer".into(),
                Some(AttemptEnd::Unreachable { why, .. } | AttemptEnd::Failed { why }) => {
                    clean(why)
                }
                Some(AttemptEnd::NoNeighbour { next_hop }) => format!("no neighbour {next_hop}"),
                Some(AttemptEnd::Cancelled) => "given up, another won".into(),
                None => "still open".into(),
            };
            let family = if attempted.attempt.to.is_ipv4() { "IPv4" } else { "IPv6" };
            let span = Span::new(attempted.at, end).within(phase.span);
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

fn tls(model: &Model, exchange: &Exchange) -> String {
    let connection = exchange.connection.and_then(|id| model.connection(id));
    let Some(done) = connection.and_then(|connection| connection.tls.as_ref()) else {
        return "not completed".into();
    };
    let mut facts = vec![clean(done.what.version.as_str())];
    if done.what.resumed {
        facts.push("resumed".into());
    }
    let now = model
        .run
        .as_ref()
        .map_or(0, |run| (run.wall.saturating_add(done.at.nanos()) / 1_000_000_000) as i64);
    if let Some(certificate) = connection.and_then(Connection::certificate) {
        let days = certificate.not_after.saturating_sub(now) / 86_400;
        facts.push(format!("cert {days} d left"));
    }
    facts.extend(done.what.alpn.as_deref().map(clean));
    facts.join(", ")
}

fn request(exchange: &Exchange, phase: &Phase) -> Row {
    let Some(request) = &exchange.request else {
        return Row::new("request", phase.kind, phase.span, "");
    };
    let what = &request.what;
    let reuse = if what.reused > 0 {
        format!(", connection reused ×{}", what.reused)
    } else {
        String::new()
    };
    let detail =
        format!("{}, {}{reuse}", clean(&what.method), bytes(what.head_bytes + what.body_bytes));
    Row::new("request", phase.kind, phase.span, detail)
}

/// What the server says of its own time.
fn wait(exchange: &Exchange) -> String {
    let Some(head) = exchange.head() else { return "no answer".into() };
    let timings = head.what.server_timing.iter().filter_map(|metric| {
        metric.duration.map(|took| format!("{} {}", clean(&metric.name), duration(took)))
    });
    let timings: Vec<String> = timings.collect();
    let status = format!("{} {}", head.what.status, clean(&head.what.reason));
    if timings.is_empty() {
        status.trim_end().to_owned()
    } else {
        format!("server says {}", timings.join(", "))
    }
}

fn body(exchange: &Exchange) -> String {
    let Some(response) = &exchange.response else { return "not complete".into() };
    let body = &response.what.body;
    let cut = body.cut.map_or("", |_| ", cut short");
    format!("{}{cut}", super::sizes(body))
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
                None if exchange.from_cache => facts.push("from cache".into()),
                None => facts.push("no answer".into()),
            }
            facts.extend(
                exchange.response.as_ref().map(|response| super::sizes(&response.what.body)),
            );
            if exchange.method != "GET" {
                facts.push(clean(&exchange.method));
            }
            match exchange.blocks {
                Blocks::Nothing => {}
                Blocks::Render => facts.push("blocks render".into()),
                Blocks::Parser => facts.push("blocks parser".into()),
            }
            if exchange.reused() > 0 {
                facts.push(format!("reused ×{}", exchange.reused()));
            } else if exchange.phase(PhaseKind::Connect).is_some() {
                facts.push("own connection".into());
            }
            let mut row = Row::new(
                short_url(&exchange.url, base.as_deref()),
                PhaseKind::Body,
                exchange.span,
                facts.join(", "),
            );
            row.parts = parts(exchange);
            row.tone = (!exchange.succeeded() && !exchange.from_cache).then_some(Tone::Warn);
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
            format!("{} more", rest.len()),
            PhaseKind::Body,
            span,
            format!("{} in all; -v lists them", bytes(received)),
        ));
    }
    rows
}

/// Between the end of parsing and the first paint, whichever is first.
fn page(model: &Model) -> Option<Row> {
    let paint =
        model.milestone("first-paint").or(model.painted.as_ref().map(|painted| painted.at))?;
    let began =
        model.milestone("domInteractive").or(model.document().map(|document| document.span.end))?;
    let at = duration(paint - model.total().start);
    let mut detail = format!("first paint {at}");
    if let Some(load) = model.milestone("loadEventEnd") {
        detail += &format!(", load {}", duration(load - model.total().start));
    }
    // What streams in is painted before its end.
    Some(Row::new("page", PhaseKind::Body, Span::new(began.min(paint), began.max(paint)), detail))
}

/// How the connections ended.
fn close(model: &Model) -> Vec<Row> {
    let document = model.document().and_then(|document| document.connection);
    let Some(connection) = document.and_then(|id| model.connection(id)) else { return Vec::new() };
    let Some(end) = connection.near() else { return Vec::new() };
    let Some(last) = end.states.last() else { return Vec::new() };
    let closing = end.states.iter().find(|change| {
        change.what.to > TcpState::Established || change.what.to == TcpState::Closed
    });
    let Some(first) = closing else {
        let live = model.run.as_ref().is_some_and(|run| run.wire == WireKind::Live);
        let how = if live { How::Observed } else { How::Performed };
        let mut row = Row::new(
            "close",
            PhaseKind::Blocked,
            Span::new(model.total().end, model.total().end),
            format!("not closed: {} here", last.what.to),
        )
        .known(how);
        row.open = true;
        return vec![row];
    };
    let by = connection
        .ending
        .as_ref()
        .map_or(String::new(), |ending| format!(" ({})", clean(&ending.what.why)));
    let waits = end.states.iter().find(|change| change.what.to == TcpState::TimeWait);
    let detail = match waits {
        Some(since) if last.what.to == TcpState::Closed => {
            format!("→ TIME_WAIT for {}{by}", duration(last.at - since.at))
        }
        _ => format!("→ {}{by}", last.what.to),
    };
    let total = model.total();
    let mut row = Row::new("close", PhaseKind::Blocked, Span::new(first.at, last.at), detail)
        .known(How::of(&last.what.how));
    row.parts.clear();
    row.open = first.at >= total.end;
    let others = model.connections.len().saturating_sub(1);
    let mut rows = vec![row];
    if others > 0
        && model.connections.iter().filter(|connection| connection.client.is_some()).count() > 1
    {
        let clients =
            model.connections.iter().filter(|connection| connection.client.is_some()).count() - 1;
        rows[0].detail += &format!("; {} more", count(clients, "connection"));
    }
    rows
}
