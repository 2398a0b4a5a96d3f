//! The connections of a report: sequence diagrams with the states at both ends, and the congestion
//! window over time.

use maud::{Markup, html as markup};
use roundtrip_record::{CloseReason, EndedBy, TcpState, Time};

use crate::language::recorded;
use crate::model::{Connection, Endpoint, Model, Span, as_millis};
use crate::sequence::{DiagramRow, RowContent, caption, fold, steps};
use crate::text::{bytes, calendar, clean, clip, count, duration};

/// The most connections that are drawn; the others are listed without a diagram.
const MOST_DRAWN: usize = 12;
/// The most steps of one connection that are drawn; for the others there is the capture.
const MOST_STEPS: usize = 80;

pub(super) fn section(model: &Model) -> Markup {
    if model.connections.is_empty() {
        return markup! {};
    }
    // The one that carried something, and not an address that refused before it.
    let carried = |connection: &Connection| !connection.exchanges.is_empty();
    let first = model.connections.iter().position(carried).unwrap_or(0);
    markup! {
        section #connections {
            h2 { (say!("Connections, from both ends")) }
            @for (n, connection) in model.connections.iter().enumerate() {
                details.connection open[n == first] {
                    summary { (title(model, connection)) }
                    @if n < MOST_DRAWN {
                        (sequence(model, connection))
                        (congestion(connection))
                    }
                    (facts(model, connection))
                }
            }
        }
    }
}

fn title(model: &Model, connection: &Connection) -> Markup {
    let near = connection.near();
    let carried = connection.exchanges.len();
    markup! {
        @if let Some(near) = near { span.url { (near.local) " → " (near.remote) } }
        " · " (clean(connection.near().map_or("", |end| model.host_name(end.host))))
        " · " (count(carried, "exchange"))
        @if let Some(closed) = near.and_then(|end| end.closed.as_ref()).filter(|_| carried == 0) {
            " · " span.failed { (reason(closed.what.reason)) }
        }
        @if let Some(tls) = &connection.tls { " · " (clean(tls.what.version.as_str())) }
        @if let Some(round_trip) = near.and_then(Endpoint::round_trip) { " · RTT " (duration(round_trip)) }
        @let again: u32 = connection.ends().map(Endpoint::retransmissions).sum();
        @if again > 0 { " · " (count(again as usize, "retransmission")) }
    }
}

const WIDTH: f64 = 880.0;
const LEFT: f64 = 235.0;
const RIGHT: f64 = 645.0;
const ROW: f64 = 36.0;
const SLANT: f64 = 16.0;

fn sequence(model: &Model, connection: &Connection) -> Markup {
    if !connection.has_segments() {
        return states(connection);
    }
    let all = fold(steps(connection));
    let shown: Vec<&DiagramRow> = all.iter().take(MOST_STEPS).collect();
    let height = 64.0 + ROW * (shown.len() as f64 + 1.0);
    let start = connection.span().start;
    let name = |end: Option<&Endpoint>, fallback: &str| {
        end.map_or(fallback.to_owned(), |end| clean(model.host_name(end.host)))
    };
    let address = |end: Option<&Endpoint>, other: Option<&Endpoint>| {
        end.map(|end| end.local)
            .or(other.map(|other| other.remote))
            .map_or(String::new(), |at| at.to_string())
    };
    let (client, server) = (connection.client.as_ref(), connection.server.as_ref());
    let first = |end: Option<&Endpoint>| {
        end.and_then(|end| end.states.first()).map(|change| change.what.from)
    };
    markup! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" aria-label=(say!("Sequence diagram")) {
            text x=(LEFT) y="16" text-anchor="middle" style="font-weight:600" { (name(client, say!("client"))) }
            text.soft.mono x=(LEFT) y="32" text-anchor="middle" { (address(client, server)) }
            text x=(RIGHT) y="16" text-anchor="middle" style="font-weight:600" { (name(server, say!("server (not seen)"))) }
            text.soft.mono x=(RIGHT) y="32" text-anchor="middle" { (address(server, client)) }
            (life(LEFT, &shown, first(client), |step| &step.client, client.is_some()))
            (life(RIGHT, &shown, first(server), |step| &step.server, server.is_some()))
            @for (n, step) in shown.iter().enumerate() { (arrow(step, connection, row_y(n), start)) }
            @if all.len() > shown.len() {
                text.soft x=(f64::midpoint(LEFT, RIGHT)) y=(height - 6.0) text-anchor="middle" { (say!("… {} more steps are in the capture", all.len() - shown.len())) }
            }
        }
    }
}

fn row_y(n: usize) -> f64 {
    64.0 + ROW * n as f64
}

/// The lifeline of one end, in the colour of its state, with the state's name where it changes.
fn life(
    x: f64,
    steps: &[&DiagramRow],
    first: Option<TcpState>,
    entered: impl Fn(&DiagramRow) -> &Vec<TcpState>,
    seen: bool,
) -> Markup {
    let mut marks: Vec<(f64, Vec<TcpState>)> =
        first.map(|state| (46.0, vec![state])).into_iter().collect();
    for (n, step) in steps.iter().enumerate() {
        let arrives = (x == LEFT) != step.from_client;
        let states = entered(step);
        if !states.is_empty() {
            marks.push((row_y(n) + if arrives { SLANT } else { 0.0 }, states.clone()));
        }
    }
    let bottom = row_y(steps.len());
    let (anchor, text_x) = if x == LEFT { ("end", x - 14.0) } else { ("start", x + 14.0) };
    let names = |states: &[TcpState]| {
        states.iter().map(|state| state.name()).collect::<Vec<_>>().join(" → ")
    };
    markup! {
        line.life x1=(x) y1="46" x2=(x) y2=(bottom) stroke-dasharray=[(!seen).then_some("2 10")] {}
        @for (n, (y, states)) in marks.iter().enumerate() {
            @let end = marks.get(n + 1).map_or(bottom, |next| next.0);
            line class={ "life " (states.last().map_or("", |state| tone(*state))) } x1=(x) y1=(y) x2=(x) y2=(end) {}
            text.state x=(text_x) y=(y + 4.0) text-anchor=(anchor) { (names(states)) }
        }
    }
}

fn tone(state: TcpState) -> &'static str {
    match state {
        TcpState::Closed | TcpState::Listen => "",
        TcpState::Established => "on",
        TcpState::TimeWait => "waiting",
        _ => "half",
    }
}

fn arrow(step: &DiagramRow, connection: &Connection, y: f64, start: Time) -> Markup {
    let (from, to) =
        if step.from_client { (LEFT + 5.0, RIGHT - 5.0) } else { (RIGHT - 5.0, LEFT + 5.0) };
    let data = matches!(step.what, RowContent::Data { .. });
    let kind = match (step.lost, data) {
        (true, _) => "arrow lost",
        (false, true) => "arrow data",
        (false, false) => "arrow",
    };
    let way = if to > from { -1.0 } else { 1.0 };
    let end = if step.lost { f64::midpoint(from, to) } else { to };
    let drop = if step.lost { SLANT / 2.0 } else { SLANT };
    let tip = format!(
        "{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}",
        to,
        y + SLANT,
        to + way * 9.0,
        y + SLANT - 4.5,
        to + way * 9.0,
        y + SLANT + 3.5
    );
    let text = clip(&caption(step, connection), 54);
    let silent = matches!(step.what, RowContent::State);
    let at = if step.from_client { LEFT - 200.0 } else { RIGHT + 200.0 };
    markup! {
        @if silent {
            text.soft x=(if step.from_client { LEFT + 14.0 } else { RIGHT - 14.0 }) y=(y + 4.0) text-anchor=(if step.from_client { "start" } else { "end" }) { (text) }
        } @else {
            line class=(kind) x1=(from) y1=(y) x2=(end) y2=(y + drop) {}
            @if step.lost { text.lostmark x=(end) y=(y + drop + 4.0) text-anchor="middle" { "✗" } }
            @else { polygon class=(if data { "head data" } else { "head" }) points=(tip) {} }
            text.mono.over x=(f64::midpoint(LEFT, RIGHT)) y=(y - 1.0) text-anchor="middle" { (text) }
        }
        text.soft x=(at) y=(y + 4.0) text-anchor="middle" style="font-size:10.5px" { "+" (duration(step.sent - start)) }
    }
}

/// What is known of the states, where no segments were seen.
fn states(connection: &Connection) -> Markup {
    let start = connection.span().start;
    markup! {
        @for end in connection.ends() {
            div.scroll { table {
                thead { tr { th { (say!("when")) } th { (say!("from")) } th { (say!("to")) } th { (say!("how it is known")) } } }
                tbody { @for change in &end.states { tr {
                    td.mono { "+" (duration(change.at - start)) } td { (change.what.from.name()) } td { (change.what.to.name()) } td.said { (crate::names::how(&change.what.how)) }
                } } }
            } }
        }
        p.note { (say!("Segments are not visible on this wire.")) }
    }
}

const CHART: (f64, f64) = (860.0, 210.0);
/// The most points of a curve; more could not be told apart.
const MOST_POINTS: usize = 800;

/// The congestion window and the bytes in flight of the end that sent most.
fn congestion(connection: &Connection) -> Markup {
    let Some(end) = connection
        .ends()
        .max_by_key(|end| end.congestion.len())
        .filter(|end| end.congestion.len() > 2)
    else {
        return markup! {};
    };
    let samples = &end.congestion;
    let stride = samples.len().div_ceil(MOST_POINTS);
    let samples: Vec<_> = samples.iter().step_by(stride).collect();
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return markup! {} };
    let span = Span::new(first.at, last.at);
    let top = samples
        .iter()
        .map(|sample| sample.what.cwnd.max(sample.what.in_flight))
        .max()
        .unwrap_or(1)
        .max(1);
    let (left, right, bottom, ceiling) = (70.0, CHART.0 - 20.0, CHART.1 - 30.0, 24.0);
    let x = |at: Time| {
        left + as_millis(at - span.start) / as_millis(span.took()).max(1e-6) * (right - left)
    };
    let y = |value: u64| bottom - value.min(top) as f64 / top as f64 * (bottom - ceiling);
    let path = |value: &dyn Fn(usize) -> Option<u64>| {
        let mut path = String::new();
        for (n, sample) in samples.iter().enumerate() {
            let Some(value) = value(n) else { continue };
            let (x, y) = (x(sample.at), y(value));
            // Drawn as a step, since a value holds until the next sample.
            path += &if path.is_empty() {
                format!("M{x:.1} {y:.1}")
            } else {
                format!("H{x:.1}V{y:.1}")
            };
        }
        path
    };
    let cwnd = path(&|n| samples.get(n).map(|sample| sample.what.cwnd));
    let flight = path(&|n| samples.get(n).map(|sample| sample.what.in_flight));
    let ssthresh = path(&|n| samples.get(n).and_then(|sample| sample.what.ssthresh));
    let losses = end
        .segments
        .iter()
        .filter(|seen| seen.what.retransmission && seen.at >= span.start && seen.at <= span.end);
    let side = if connection.server.as_ref().is_some_and(|server| server.id == end.id) {
        say!("server")
    } else {
        say!("client")
    };
    markup! {
        h3 { (say!("Congestion window and flight of the {}", side)) }
        svg viewBox=(format!("0 0 {} {}", CHART.0, CHART.1)) width=(CHART.0) role="img" aria-label=(say!("Congestion window over time")) {
            @for part in 0..=4u64 {
                @let value = top * part / 4;
                line.axis x1=(left) x2=(right) y1=(y(value)) y2=(y(value)) {}
                text.soft x=(left - 8.0) y=(y(value) + 4.0) text-anchor="end" { (bytes(value)) }
            }
            path.flight d=(format!("{flight}V{bottom:.1}H{left:.1}Z")) {}
            @if !ssthresh.is_empty() { path.ssthresh d=(ssthresh) {} }
            path.cwnd d=(cwnd) {}
            @for loss in losses.take(500) { line.loss x1=(x(loss.at)) x2=(x(loss.at)) y1=(bottom) y2=(bottom - 10.0) {} }
            text.soft x=(left) y=(CHART.1 - 10.0) { "+" (duration(span.start - connection.span().start)) }
            text.soft x=(right) y=(CHART.1 - 10.0) text-anchor="end" { "+" (duration(span.end - connection.span().start)) }
            text x=(left) y="14" style="fill:var(--body)" { (say!("congestion window")) }
            text x=(left + 140.0) y="14" style="fill:var(--name)" { (say!("in flight")) }
            text x=(left + 220.0) y="14" style="fill:var(--connect)" { (say!("slow start threshold")) }
            text x=(left + 370.0) y="14" style="fill:var(--bad)" { (say!("│ sent again")) }
        }
    }
}

fn facts(model: &Model, connection: &Connection) -> Markup {
    let handshake = connection.near().and_then(Endpoint::handshake);
    let closed = connection.near().and_then(|end| end.closed.as_ref());
    let exchanges = connection.exchanges.iter().filter_map(|id| model.exchange(*id));
    markup! {
        table { tbody {
            @if let Some(handshake) = handshake { tr { th { (say!("handshake")) } td { (duration(handshake.took())) } } }
            @if let Some((span, _)) = connection.tls_span() { tr { th { (say!("TLS handshake")) } td { (duration(span.took())) } } }
            @if let Some(tls) = &connection.tls { tr { th { "TLS" } td {
                (clean(tls.what.version.as_str())) ", " (clean(&tls.what.cipher)) @if let Some(group) = &tls.what.group { ", " (clean(group)) } @if tls.what.resumed { (say!(", resumed")) }
            } } }
            @if let Some(certificate) = connection.certificate() { tr { th { (say!("certificate")) } td {
                (say!("{}, issued by {}, good until {}", clean(&certificate.subject), clean(&certificate.issuer), calendar(certificate.not_after)))
            } } }
            @if !connection.exchanges.is_empty() {
                tr { th { (say!("carried")) } td { @for exchange in exchanges { div.url { (clean(&exchange.method)) " " (clean(&exchange.url)) } } } }
            }
            @if let Some(ending) = &connection.ending { tr { th { (ended_by(ending.what.by)) } td { (recorded(&clean(&ending.what.why))) } } }
            @if let Some(closed) = closed { tr { th { (say!("gone")) } td { (say!("{} at +{}", reason(closed.what.reason), duration(closed.at - connection.span().start))) ", " (crate::names::how(&closed.what.how)) } } }
        } }
    }
}

fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Kept => say!("kept open"),
        EndedBy::Client => say!("ended by the client"),
        EndedBy::Server => say!("ended by the server"),
    }
}

fn reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Finished => say!("both directions finished and acknowledged"),
        CloseReason::TimeWaitOver => say!("2·MSL of TIME_WAIT are over"),
        CloseReason::Reset => say!("reset by the other end"),
        CloseReason::Refused => say!("refused"),
        CloseReason::Aborted => say!("reset by us"),
        CloseReason::TimedOut => say!("timed out"),
        CloseReason::Unreachable => say!("unreachable"),
        CloseReason::Replaced => say!("replaced"),
    }
}
