//! A share of a difference as a sentence: where on the critical path the time was spent, and what
//! changed there.

use core::time::Duration;

use roundtrip_record::ExchangeId;
use roundtrip_story::{Both, Cause, Explained, MomentDiff, Part, Place, Share, Shift};
use serde::Serialize;

use super::cause::{blocks, cause, times};
use super::model::Comparison;
use super::words::shift;
use crate::text::clip_middle;

/// The most columns of a URL in a sentence.
const URL: usize = 48;
/// The least part of a share that is told of by itself.
const WORTH: u128 = 20;

/// What explains a share of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reason {
    /// How much later the moment came for it.
    #[serde(rename = "difference_ms")]
    pub(crate) difference: Shift,
    /// What took the time: a URL, shortened; empty where it is told in the text.
    pub(crate) subject: String,
    /// What changed, and what cost the time.
    pub(crate) text: String,
}

/// The subject of a sentence and what is said of it.
type Sentence = (String, String);

/// What explains the difference of a moment, the largest share first; what no share explains is the
/// last.
pub(crate) fn reasons(comparison: &Comparison, moment: &MomentDiff) -> Vec<Reason> {
    let reason = |share: &Share| {
        let (subject, text) = sentence(comparison, share);
        Reason { difference: share.difference, subject, text }
    };
    let mut reasons: Vec<Reason> = moment.shares.iter().map(reason).collect();
    if !moment.other.is_zero() {
        let text = "other: on no leg of the critical path".to_owned();
        reasons.push(Reason { difference: moment.other, subject: String::new(), text });
    }
    reasons
}

/// The sentence of a share.
fn sentence(comparison: &Comparison, share: &Share) -> Sentence {
    let alone = |text: &str| (String::new(), text.to_owned());
    match &share.place {
        Place::Exchange { exchange } => {
            let name = clip_middle(&comparison.of_b(exchange.b), URL);
            let mut said = told(comparison, share);
            said.extend(share.causes.iter().map(cause));
            let pair = comparison.diff.pairs.iter().find(|pair| pair.exchange == *exchange);
            let still = pair.filter(|pair| !pair.blocks.differ());
            said.extend(still.and_then(|pair| blocks(pair.blocks.b)).map(str::to_owned));
            (name, said.join("; "))
        }
        Place::Detour { a, b } => detour(comparison, share, a, b),
        Place::Page => alone("the page's own work: parsing, scripts, layout, painting"),
        Place::Here => alone("our own machine, between requests"),
        Place::Names => alone("lookups before the first request"),
    }
}

fn detour(comparison: &Comparison, share: &Share, a: &[ExchangeId], b: &[ExchangeId]) -> Sentence {
    let list = |urls: Vec<String>| match urls.as_slice() {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    };
    let name = |url: String| clip_middle(&url, URL);
    let before = list(a.iter().map(|id| name(comparison.of_a(*id))).collect());
    let now = list(b.iter().map(|id| name(comparison.of_b(*id))).collect());
    let is_all =
        |wanted: &Cause| !share.causes.is_empty() && share.causes.iter().all(|one| one == wanted);
    let (subject, how) = match (a.is_empty(), b.is_empty()) {
        (true, _) if is_all(&Cause::Added) => return (now, "is new, and waited for".into()),
        (_, true) if is_all(&Cause::Removed) => return (before, "is gone".into()),
        (true, _) => (now, "is waited for now".to_owned()),
        (_, true) => (before, "is not waited for any more".to_owned()),
        _ => (now, format!("is waited for, where it was {before}")),
    };
    let mut said: Vec<String> = share.causes.iter().map(cause).collect();
    let closer = share.closer.filter(|_| !share.parts.is_empty());
    said.extend(closer.map(|both| closely(comparison, share, both, a.len() + b.len() > 2)));
    said.insert(0, how);
    (subject, said.join("; "))
}

/// What became of an exchange that only one side waits for.
fn closely(
    comparison: &Comparison,
    share: &Share,
    both: Both<ExchangeId>,
    several: bool,
) -> String {
    let pair = comparison.diff.pairs.iter().find(|pair| pair.exchange == both);
    let took = pair.map_or(String::new(), |pair| times(pair.took));
    let it = if several { comparison.of_b(both.b) } else { "it".to_owned() };
    let mut said = told(comparison, share);
    let still = pair.filter(|pair| !pair.blocks.differ());
    said.extend(still.and_then(|pair| blocks(pair.blocks.b)).map(str::to_owned));
    format!("{it} took {took}: {}", said.join("; "))
}

/// The parts that make up the share, the largest first; small ones are left out where there are larger
/// ones.
fn told(comparison: &Comparison, share: &Share) -> Vec<String> {
    let mut parts: Vec<&Explained> = share.parts.iter().collect();
    parts.sort_by_key(|part| core::cmp::Reverse(part.took.shift().size()));
    let largest = parts.first().map_or(Duration::ZERO, |part| part.took.shift().size());
    parts.retain(|part| part.took.shift().size().as_nanos() * WORTH >= largest.as_nanos());
    // What has one and the same explanation is told together.
    let mut groups: Vec<(Vec<&Explained>, String)> = Vec::new();
    for part in parts {
        let why = why(comparison, part);
        match groups.iter_mut().find(|(_, known)| *known == why) {
            Some((group, _)) => group.push(part),
            None => groups.push((vec![part], why)),
        }
    }
    let alone = groups.len() == 1;
    groups.iter().map(|(group, why)| group_words(group, why, alone)).collect()
}

fn group_words(group: &[&Explained], why: &str, alone: bool) -> String {
    let explained = group.iter().all(|part| !part.causes.is_empty());
    let one = |part: &&Explained| {
        if alone && group.len() == 1 {
            name(part.part).to_owned()
        } else {
            format!("{} {}", name(part.part), shift(part.took.shift()))
        }
    };
    let names = group.iter().map(one).collect::<Vec<_>>().join(", ");
    match (alone && group.len() == 1, explained) {
        (true, true) => why.to_owned(),
        (_, true) => format!("{names}: {why}"),
        (_, false) => format!("{names} {why}"),
    }
}

/// What explains the difference of a part, or that nothing does.
fn why(comparison: &Comparison, part: &Explained) -> String {
    if part.causes.is_empty() {
        return unexplained(comparison, part.part, part.took);
    }
    part.causes.iter().map(cause).collect::<Vec<_>>().join(", ")
}

/// What can be said of a time that no change of the exchange explains.
fn unexplained(comparison: &Comparison, part: Part, took: Both<Duration>) -> String {
    let verb = if took.shift().is_longer() { "longer" } else { "shorter" };
    let only_one = took.a.is_zero() || took.b.is_zero();
    match part {
        Part::Here => verb.into(),
        _ if only_one && took.a.is_zero() => "(had none)".into(),
        _ if only_one => "(has none now)".into(),
        _ if comparison.diff.other_network() => format!("{verb} on the other network"),
        _ => format!("{verb}, the record does not show why"),
    }
}

/// The name of a part, for people.
const fn name(part: Part) -> &'static str {
    match part {
        Part::Name => "name",
        Part::Connection => "connect",
        Part::Blocked => "waiting for a turn",
        Part::Request => "request",
        Part::Wait => "wait",
        Part::Body => "body",
        Part::Here => "our own machine",
    }
}
