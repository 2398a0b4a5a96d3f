//! The table of how each step is known: performed by us, observed, inferred, or not visible.

use maud::{Markup, html as markup};
use roundtrip_record::{Evidence, TcpState, WireKind};

use crate::model::{Connection, Model, PhaseKind};
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

/// The steps in the order of an exchange, and how each is known. Steps that did not occur are left
/// out.
fn rows(model: &Model) -> Vec<(&'static str, String)> {
    let client = model.client();
    let neighbours = model.neighbours.iter().filter(|(host, _)| *host == client);
    let states = |closing: bool| {
        let ends = model.connections.iter().filter_map(Connection::near);
        let changes = ends.flat_map(|end| &end.states);
        changes.filter(move |change| (change.what.to > TcpState::Established) == closing)
    };
    let has = |kind| {
        let phases = model.exchanges.iter().flat_map(|exchange| &exchange.phases);
        phases.into_iter().any(|phase| phase.kind == kind)
    };
    let rows = [
        ("name", ours(!model.lookups.is_empty())),
        ("neighbour", known(neighbours.map(|(_, change)| &change.what.how))),
        ("connect", known(states(false).map(|change| &change.what.how))),
        ("tls", ours(has(PhaseKind::Tls))),
        ("request, response", ours(has(PhaseKind::Request))),
        ("servers' think time", think_time(model)),
        ("page", ours(model.painted.is_some())),
        ("close", known(states(true).map(|change| &change.what.how))),
        ("segments", segments(model)),
        ("the server's states", servers(model)),
    ];
    rows.into_iter().filter_map(|(step, known)| Some((step, known?))).collect()
}

const OURS: &str = "performed by roundtrip";

/// The entry of a step that only our own code can have performed, if it occurred.
fn ours(happened: bool) -> Option<String> {
    happened.then(|| OURS.to_owned())
}

/// All ways in which the facts of a step are known; `None` where there are no facts.
fn known<'a>(facts: impl Iterator<Item = &'a Evidence>) -> Option<String> {
    let mut ways: Vec<String> = Vec::new();
    for fact in facts {
        let way = match fact {
            Evidence::Performed => OURS.to_owned(),
            other => how(other),
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    (!ways.is_empty()).then(|| ways.join(", "))
}

fn segments(model: &Model) -> Option<String> {
    if !model.connections.iter().any(Connection::has_segments) {
        return None;
    }
    let live = model.run.as_ref().is_some_and(|run| run.wire == WireKind::Live);
    let way = if live { "captured from the kernel (AF_PACKET)" } else { OURS };
    Some(way.to_owned())
}

fn servers(model: &Model) -> Option<String> {
    let unseen = model.connections.iter().any(|connection| connection.server.is_none());
    unseen.then(|| {
        "not visible from here; it would take roundtrip serve at the other end, or the lab"
            .to_owned()
    })
}

fn think_time(model: &Model) -> Option<String> {
    model.run.as_ref()?.replay_of.as_ref()?;
    Some("inferred (recorded wait less one round trip)".to_owned())
}
