//! The table of how each step is known: performed by us, recorded by another, observed, inferred, or not visible.

use maud::{Markup, html as markup};
use roundtrip_record::{Evidence, TcpState, WireKind};

use crate::language::{recorded, word};
use crate::model::{Connection, Model, PhaseKind};
use crate::names::how;
use crate::text::clean;

pub(super) fn section(model: &Model) -> Markup {
    let rows = rows(model);
    markup! {
        section #known {
            h2 { (say!("How each step is known")) }
            div.scroll { table { tbody {
                @for (step, known) in &rows { tr { th { (step) } td { (known) } } }
                @for unseen in &model.unseen { tr {
                    th { (word(unseen.step.name())) }
                    td { b { (say!("not visible: ")) } (recorded(&clean(&unseen.what))) (say!("; it would take ")) (clean(&unseen.needs)) }
                } }
            } } }
            @if model.cut { p.note { (say!("The record was cut off in the middle of a line; what stands before is whole.")) } }
            @else if model.ended.is_none() { p.note { (say!("The record has no end: the run was killed, or went on when this was made.")) } }
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
    let ours = ours(model);
    let did = |happened: bool| happened.then(|| ours.clone());
    let known = |facts: &mut dyn Iterator<Item = &Evidence>| known(facts, &ours);
    let rows = [
        (say!("name"), did(!model.lookups.is_empty())),
        (say!("neighbour"), known(&mut neighbours.map(|(_, change)| &change.what.how))),
        (say!("connect"), known(&mut states(false).map(|change| &change.what.how))),
        (say!("tls"), did(has(PhaseKind::Tls))),
        (say!("request, response"), did(has(PhaseKind::Request))),
        (say!("servers' think time"), think_time(model)),
        (say!("page"), did(model.painted.is_some())),
        (say!("close"), known(&mut states(true).map(|change| &change.what.how))),
        (say!("segments"), segments(model)),
        (say!("the server's states"), servers(model)),
    ];
    rows.into_iter().filter_map(|(step, known)| Some((step, known?))).collect()
}

/// How what our own engine would have done is known: it did it, or the run was read from a recording
/// of another program, which states it.
fn ours(model: &Model) -> String {
    model.imported_from().map_or_else(
        || say!("performed by roundtrip").to_owned(),
        |source| say!("recorded by another program ({})", clean(source)),
    )
}

/// All ways in which the facts of a step are known; `None` where there are no facts.
fn known<'a>(facts: impl Iterator<Item = &'a Evidence>, ours: &str) -> Option<String> {
    let mut ways: Vec<String> = Vec::new();
    for fact in facts {
        let way = match fact {
            Evidence::Performed => ours.to_owned(),
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
    Some(if live { (say!("captured from the kernel (AF_PACKET)")).to_owned() } else { ours(model) })
}

fn servers(model: &Model) -> Option<String> {
    let unseen = model.connections.iter().any(|connection| connection.server.is_none());
    unseen.then(|| {
        (say!("not visible from here; it would take roundtrip serve at the other end, or the lab"))
            .to_owned()
    })
}

fn think_time(model: &Model) -> Option<String> {
    model.run.as_ref()?.replay_of.as_ref()?;
    Some(say!("inferred (recorded wait less one round trip)").to_owned())
}
