//! How each step is known: performed by us, seen at whoever performed it, concluded, or not visible.

use maud::{Markup, html as markup};
use roundtrip_record::{How, TcpState, WireKind};

use crate::model::{Model, PhaseKind};
use crate::names::how;
use crate::text::clean;

pub(super) fn section(model: &Model) -> Markup {
    let rows = rows(model);
    markup! {
        section #known {
            h2 { "How each step is known" }
            div.scroll { table { tbody {
                @for (step, known) in &rows { tr { th { (step) } td { (known) } } }
                @for unseen in &model.unseen { tr {
                    th { (unseen.step.name()) }
                    td { b { "not visible: " } (clean(&unseen.what)) "; it would take " (clean(&unseen.needs)) }
                } }
            } } }
            @if model.cut { p.note { "The record was cut off in the middle of a line; what stands before is whole." } }
            @else if model.ended.is_none() { p.note { "The record has no end: the run was killed, or went on when this was made." } }
        }
    }
}

fn rows(model: &Model) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let ours = "performed by roundtrip";
    let mut performed = |step, is_there: bool| {
        if is_there {
            rows.push((step, ours.to_owned()));
        }
    };
    performed("name", !model.lookups.is_empty());
    let has = |kind| {
        model
            .exchanges
            .iter()
            .any(|exchange| exchange.phases.iter().any(|phase| phase.kind == kind))
    };
    performed("tls", has(PhaseKind::Tls));
    performed("request, response", has(PhaseKind::Request));
    performed("page", model.painted.is_some());
    let client = model.client();
    let neighbours = model.neighbours.iter().filter(|(host, _)| *host == client);
    rows.extend(known("neighbour", neighbours.map(|(_, change)| &change.what.how)));
    let near = || model.connections.iter().filter_map(|connection| connection.near());
    let states = |closing: bool| {
        let is_close = move |state: TcpState| state > TcpState::Established;
        near().flat_map(|end| &end.states).filter(move |change| is_close(change.what.to) == closing)
    };
    rows.extend(known("connect", states(false).map(|change| &change.what.how)));
    rows.extend(known("close", states(true).map(|change| &change.what.how)));
    rows.extend(segments(model).map(|known| ("segments", known)));
    if model.connections.iter().any(|connection| connection.server.is_none()) {
        let needs =
            "not visible from here; it would take roundtrip serve at the other end, or the lab";
        rows.push(("the server's states", needs.to_owned()));
    }
    if model.run.as_ref().is_some_and(|run| run.replay_of.is_some()) {
        let from = "inferred (recorded wait less one round trip)";
        rows.push(("servers' think time", from.to_owned()));
    }
    let order = |step: &str| ORDER.iter().position(|name| *name == step);
    rows.sort_by_key(|(step, _)| order(step));
    rows
}

/// The steps in the order of an exchange.
const ORDER: [&str; 10] = [
    "name",
    "neighbour",
    "connect",
    "tls",
    "request, response",
    "servers' think time",
    "page",
    "close",
    "segments",
    "the server's states",
];

/// All the ways in which the facts of a step are known; nothing where there are no facts.
fn known<'a>(
    step: &'static str,
    facts: impl Iterator<Item = &'a How>,
) -> Option<(&'static str, String)> {
    let mut ways: Vec<String> = Vec::new();
    for fact in facts {
        let way = match fact {
            How::Performed => "performed by roundtrip".to_owned(),
            other => how(other),
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    (!ways.is_empty()).then(|| (step, ways.join(", ")))
}

fn segments(model: &Model) -> Option<String> {
    if !model.connections.iter().any(crate::model::Connection::has_segments) {
        return None;
    }
    let live = model.run.as_ref().is_some_and(|run| run.wire == WireKind::Live);
    let way = if live { "captured from the kernel (AF_PACKET)" } else { "performed by roundtrip" };
    Some(way.to_owned())
}
