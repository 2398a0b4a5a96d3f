//! A leg of the critical path in words.

use crate::language::word;
use crate::model::{Exchange, Leg, LegKind, Lookup, Losses, Model, PhaseKind};
use crate::names::{losses, short_url, sizes};
use crate::text::{bare, bytes, clean, clip_middle, count, duration};

/// The most columns of a URL.
const URL: usize = 40;

/// What a leg was spent on: `wait of /style.css`, `page`.
pub(crate) fn name(leg: &Leg, model: &Model) -> String {
    let base = model.document().map(|document| document.url.as_str());
    let of = leg.exchange.and_then(|id| model.exchange(id));
    let of = of.map_or(String::new(), |exchange| {
        say!(" of {}", clip_middle(&short_url(&exchange.url, base), URL))
    });
    format!("{}{of}", word(leg.step.name()))
}

/// What happened in a leg: what was waited for, what came, and what was lost on the way.
pub(crate) fn detail(leg: &Leg, model: &Model) -> String {
    let exchange = leg.exchange.and_then(|id| model.exchange(id));
    let said = match (leg.step, exchange) {
        (LegKind::Page, _) => say!("parsing, scripts, layout, painting").into(),
        (LegKind::Close, _) => say!("connections close").into(),
        (LegKind::Phase(PhaseKind::Blocked), _) => say!("waiting for a turn").into(),
        (LegKind::Phase(PhaseKind::Here), _) => say!("our own machine").into(),
        (LegKind::Phase(kind), Some(exchange)) => phase(kind, exchange, model),
        (LegKind::Phase(_), None) => String::new(),
    };
    let lost = exchange.map_or_else(Losses::default, |exchange| lost(leg, exchange));
    match (said.is_empty(), lost.is_nothing()) {
        (_, true) => said,
        (true, false) => losses(&lost),
        (false, false) => format!("{said}; {}", losses(&lost)),
    }
}

fn phase(kind: PhaseKind, exchange: &Exchange, model: &Model) -> String {
    let connection = exchange.connection.and_then(|id| model.connection(id));
    match kind {
        PhaseKind::Name => {
            let lookup = exchange.lookup;
            let lookup = lookup.and_then(|id| model.lookups.iter().find(|one| one.id == id));
            lookup.map_or(String::new(), looked_up)
        }
        PhaseKind::Connect => {
            let to = exchange.attempts.last().map(|attempted| attempted.attempt.to);
            let near = connection.and_then(crate::model::Connection::near);
            let to = near.map(|end| end.remote).or(to);
            to.map_or(String::new(), |to| say!("to {}", to))
        }
        PhaseKind::Tls => {
            let done = connection.and_then(|connection| connection.tls.as_ref());
            done.map_or(say!("not completed").into(), |done| {
                let resumed = if done.what.resumed { say!(", resumed") } else { "" };
                format!("{}{resumed}", clean(done.what.version.as_str()))
            })
        }
        PhaseKind::Request => {
            let size = |what: &roundtrip_record::RequestSent| what.head_bytes + what.body_bytes;
            exchange.request.as_ref().map_or(String::new(), |one| bytes(size(&one.what)))
        }
        PhaseKind::Wait => {
            let think = model.server_think(exchange);
            let think = think.filter(|think| !think.is_zero());
            think.map_or(String::new(), |think| say!("the server took {}", duration(think)))
        }
        PhaseKind::Body => {
            let response = exchange.response.as_ref();
            response.map_or(say!("not complete").into(), |response| sizes(&response.what.body))
        }
        PhaseKind::Blocked | PhaseKind::Here => String::new(),
    }
}

/// What a lookup found, and whether it had to be repeated.
fn looked_up(lookup: &Lookup) -> String {
    let found = match lookup.addresses.first() {
        Some(address) => say!("{} is {}", bare(&lookup.name), address),
        None => say!("{} has no address", bare(&lookup.name)),
    };
    match lookup.asked_again() {
        0 => found,
        again => {
            say!("{}; {} asked again, for want of an answer", found, count(again, "question"))
        }
    }
}

/// What was lost in the phases that a leg consists of.
fn lost(leg: &Leg, exchange: &Exchange) -> Losses {
    let overlaps = |phase: &&crate::model::Phase| {
        LegKind::Phase(phase.kind) == leg.step
            && phase.span.start < leg.span.end
            && phase.span.end > leg.span.start
    };
    exchange.phases.iter().filter(overlaps).fold(Losses::default(), |mut all, phase| {
        all.resent += phase.lost.resent;
        all.timeouts.extend(&phase.lost.timeouts);
        all
    })
}
