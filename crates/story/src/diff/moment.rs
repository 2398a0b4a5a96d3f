//! `MomentDiff`: how much later a moment of the page's load came, and where on the critical path that
//! time was spent. The shares add up to the whole difference.

use core::time::Duration;
use std::collections::BTreeMap;

use roundtrip_record::{Blocks, ExchangeId};
use serde::Serialize;

use super::both::{Both, Shift, both_ms};
use super::cause::{Cause, Compared, Part};
use super::pair::Pairing;
use super::spread::Significance;
use crate::exchange::Exchange;
use crate::path::{CriticalPath, LegKind};
use crate::phase::PhaseKind;
use crate::story::Story;
use crate::think::Think;

/// Where on the critical path time was spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Place {
    /// An exchange that is on the path of both sides.
    Exchange {
        /// The exchange.
        exchange: Both<ExchangeId>,
    },
    /// Where the paths part: exchanges that are on the path of one side only.
    Detour {
        /// Those on A's path.
        a: Vec<ExchangeId>,
        /// Those on B's path.
        b: Vec<ExchangeId>,
    },
    /// Work on the page, between exchanges.
    Page,
    /// Our own machine, between exchanges.
    Here,
    /// Lookups before the first exchange.
    Names,
}

/// The time of one part of exchanges on the path, and what explains its difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The part.
    pub part: Part,
    /// The time spent on it on each side.
    #[serde(rename = "took_ms", serialize_with = "both_ms")]
    pub took: Both<Duration>,
    /// What changed that explains the difference; empty where the record shows nothing that would.
    pub causes: Vec<Cause>,
}

/// A share of a moment's difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Where on the path the time was spent.
    #[serde(flatten)]
    pub place: Place,
    /// How much longer it was on side B.
    #[serde(rename = "difference_ms")]
    pub difference: Shift,
    /// The exchange that is looked at more closely. Where the paths part it is one that both sides have,
    /// though only one has to wait for it; `None` where there is none such.
    pub closer: Option<Both<ExchangeId>>,
    /// The parts of that exchange whose times are not equal, in the order of an exchange. Where it is on both
    /// paths they add up to the difference; otherwise they tell why the path leads through it now.
    pub parts: Vec<Explained>,
    /// What changed about the exchanges as wholes: that they are new, redirects, blocks.
    pub causes: Vec<Cause>,
}

/// How much later a moment came, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MomentDiff {
    /// The moment: `load`, `duration` where a run has no load event, or `first-paint`.
    pub name: &'static str,
    /// The time up to it on each side: of several runs the median.
    #[serde(rename = "took_ms", serialize_with = "both_ms")]
    pub took: Both<Duration>,
    /// How much later it came on side B.
    #[serde(rename = "difference_ms")]
    pub difference: Shift,
    /// Whether that is beyond the spread of several runs.
    pub significance: Significance,
    /// The time up to it in the two runs that are compared in detail, whose difference is what the shares
    /// add up to. Of the load these are the medians.
    #[serde(rename = "shown_ms", serialize_with = "both_ms")]
    pub shown: Both<Duration>,
    /// The critical paths of these two runs.
    pub paths: Both<CriticalPath>,
    /// The shares of the difference, the largest first.
    pub shares: Vec<Share>,
    /// What is left of the difference when all shares are taken off.
    #[serde(rename = "other_ms")]
    pub other: Shift,
}

/// The two runs that are compared in detail.
pub(super) struct Runs<'a> {
    pub(super) stories: Both<&'a Story>,
    pub(super) pairing: &'a Pairing,
    pub(super) thinks: Both<&'a BTreeMap<ExchangeId, Think>>,
}

/// The shares of the difference between two critical paths, the largest first.
pub(super) fn shares(runs: &Runs<'_>, paths: &Both<CriticalPath>) -> Vec<Share> {
    let mut shares: Vec<Share> = between(paths);
    for stretch in stretches(runs, paths) {
        shares.push(runs.share(&stretch, paths));
    }
    shares.retain(|share| !share.difference.is_zero() || !share.parts.is_empty());
    shares.sort_by_key(|share| core::cmp::Reverse(share.difference.size()));
    shares
}

/// The shares of legs that belong to no exchange.
fn between(paths: &Both<CriticalPath>) -> Vec<Share> {
    let mut places: BTreeMap<u8, (Place, Both<Duration>)> = BTreeMap::new();
    let mut add = |path: &CriticalPath, is_b: bool| {
        for leg in path.legs.iter().filter(|leg| leg.exchange.is_none()) {
            let (order, place) = match leg.step {
                LegKind::Phase(PhaseKind::Name) => (0, Place::Names),
                LegKind::Phase(_) => (1, Place::Here),
                LegKind::Page | LegKind::Close => (2, Place::Page),
            };
            let (_, took) = places.entry(order).or_insert((place, Both::default()));
            if is_b { took.b += leg.took() } else { took.a += leg.took() }
        }
    };
    add(&paths.a, false);
    add(&paths.b, true);
    let share = |(place, took): (Place, Both<Duration>)| Share {
        place,
        difference: took.shift(),
        closer: None,
        parts: Vec::new(),
        causes: Vec::new(),
    };
    places.into_values().map(share).collect()
}

/// A stretch of the paths: exchanges on either that correspond.
enum Stretch {
    Common(Both<ExchangeId>),
    Detour(Both<Vec<ExchangeId>>),
}

/// Cuts both paths where they go through the same exchange. An exchange is on a path once, and of two
/// that changed places on it only one can be common.
fn stretches(runs: &Runs<'_>, paths: &Both<CriticalPath>) -> Vec<Stretch> {
    let on = paths.as_ref().map(|path| {
        let mut ids: Vec<ExchangeId> = path.legs.iter().filter_map(|leg| leg.exchange).collect();
        ids.dedup();
        ids
    });
    let counterpart = |id: ExchangeId| runs.counterpart(id);
    let mut stretches = Vec::new();
    let mut detour: Both<Vec<ExchangeId>> = Both::default();
    let mut from = 0;
    for &a in &on.a {
        let found =
            counterpart(a).and_then(|wanted| on.b[from..].iter().position(|b| *b == wanted));
        let Some(skipped) = found else {
            detour.a.push(a);
            continue;
        };
        detour.b.extend(&on.b[from..from + skipped]);
        if !(detour.a.is_empty() && detour.b.is_empty()) {
            stretches.push(Stretch::Detour(core::mem::take(&mut detour)));
        }
        stretches.push(Stretch::Common(Both::new(a, on.b[from + skipped])));
        from += skipped + 1;
    }
    detour.b.extend(&on.b[from..]);
    if !(detour.a.is_empty() && detour.b.is_empty()) {
        stretches.push(Stretch::Detour(detour));
    }
    stretches
}

/// The time that legs of these exchanges took, by part.
fn spent(path: &CriticalPath, ids: &[ExchangeId]) -> BTreeMap<Part, Duration> {
    let mut spent = BTreeMap::new();
    for leg in path.legs.iter().filter(|leg| leg.exchange.is_some_and(|id| ids.contains(&id))) {
        if let LegKind::Phase(kind) = leg.step {
            *spent.entry(Part::of(kind)).or_default() += leg.took();
        }
    }
    spent
}

/// The time that an exchange took, by part.
fn spent_by(exchange: &Exchange) -> BTreeMap<Part, Duration> {
    let mut spent = BTreeMap::new();
    for phase in &exchange.phases {
        *spent.entry(Part::of(phase.kind)).or_default() += phase.took();
    }
    spent
}

impl<'a> Runs<'a> {
    /// The exchange of B that an exchange of A is paired with.
    fn counterpart(&self, a: ExchangeId) -> Option<ExchangeId> {
        let (seen_a, seen_b) = (self.stories.a.seen(), self.stories.b.seen());
        let found = self.pairing.matches.iter().find(|one| seen_a[one.at.a].id == a)?;
        Some(seen_b[found.at.b].id)
    }

    /// The exchange of A that an exchange of B is paired with.
    fn counterpart_of_b(&self, b: ExchangeId) -> Option<ExchangeId> {
        let (seen_a, seen_b) = (self.stories.a.seen(), self.stories.b.seen());
        let found = self.pairing.matches.iter().find(|one| seen_b[one.at.b].id == b)?;
        Some(seen_a[found.at.a].id)
    }

    pub(super) fn compared(&self, ids: Both<ExchangeId>) -> Option<Compared<'a>> {
        let exchanges = Both::new(self.stories.a.exchange(ids.a), self.stories.b.exchange(ids.b));
        let thinks = Both::new(self.thinks.a.get(&ids.a), self.thinks.b.get(&ids.b));
        Some(Compared { stories: self.stories, exchanges: exchanges.known()?, thinks })
    }

    fn share(&self, stretch: &Stretch, paths: &Both<CriticalPath>) -> Share {
        let (ids, place, closer) = match stretch {
            Stretch::Common(both) => {
                let place = Place::Exchange { exchange: *both };
                (both.map(|id| vec![id]), place, Some(*both))
            }
            Stretch::Detour(ids) => {
                let place = Place::Detour { a: ids.a.clone(), b: ids.b.clone() };
                (ids.clone(), place, self.closer(ids))
            }
        };
        let took = Both::new(spent(&paths.a, &ids.a), spent(&paths.b, &ids.b));
        let compared = closer.and_then(|both| self.compared(both));
        let parts = match stretch {
            Stretch::Common(_) => explained(&took, compared.as_ref()),
            Stretch::Detour(_) => compared
                .map_or(Vec::new(), |pair| explained(&pair.exchanges.map(spent_by), Some(&pair))),
        };
        let sums = took.map(|took| took.into_values().sum());
        let difference = Both::<Duration>::shift(&sums);
        Share { place, difference, closer, parts, causes: self.of_whole(stretch) }
    }

    /// Where the paths part: of the exchanges on B's path that A has too the one that took longer by
    /// most; where B's path leads through none, of those on A's path that B has the one that took
    /// shorter by most.
    fn closer(&self, ids: &Both<Vec<ExchangeId>>) -> Option<Both<ExchangeId>> {
        let by = |both: &Both<ExchangeId>| {
            let took = self.compared(*both).map(|pair| pair.exchanges.map(|one| one.span.took()));
            took.map_or(Shift::ZERO, |took| took.shift())
        };
        let of_b = ids.b.iter().filter_map(|b| Some(Both::new(self.counterpart_of_b(*b)?, *b)));
        if !ids.b.is_empty() {
            return of_b.max_by_key(by);
        }
        let of_a = ids.a.iter().filter_map(|a| Some(Both::new(*a, self.counterpart(*a)?)));
        of_a.min_by_key(by)
    }

    /// What changed about the exchanges of a stretch as wholes.
    fn of_whole(&self, stretch: &Stretch) -> Vec<Cause> {
        let mut causes = Vec::new();
        let ids = match stretch {
            Stretch::Common(both) => {
                causes.extend(self.compared(*both).and_then(|pair| blocks(pair.exchanges)));
                return causes;
            }
            Stretch::Detour(ids) => ids,
        };
        if let Some(pair) = self.closer(ids).and_then(|both| self.compared(both)) {
            causes.extend(blocks(pair.exchanges));
        }
        for (story, side, is_new) in
            [(self.stories.b, &ids.b, true), (self.stories.a, &ids.a, false)]
        {
            let counterpart =
                |id| if is_new { self.counterpart_of_b(id) } else { self.counterpart(id) };
            let alone = side.iter().filter(|id| counterpart(**id).is_none());
            for exchange in alone.filter_map(|id| story.exchange(*id)) {
                let status = exchange.status().filter(|status| (300..400).contains(status));
                causes.push(match status {
                    Some(status) if exchange.next.is_some() => Cause::Redirect { status, is_new },
                    _ if is_new => Cause::Added,
                    _ => Cause::Removed,
                });
            }
        }
        causes.dedup();
        causes
    }
}

fn blocks(exchanges: Both<&Exchange>) -> Option<Cause> {
    let blocks: Both<Blocks> = exchanges.map(|one| one.blocks);
    blocks.differ().then_some(Cause::Blocks { blocks })
}

/// The parts whose times differ, each with its causes.
fn explained(
    took: &Both<BTreeMap<Part, Duration>>,
    compared: Option<&Compared<'_>>,
) -> Vec<Explained> {
    let mut parts: Vec<Part> = took.a.keys().chain(took.b.keys()).copied().collect();
    parts.sort_unstable();
    parts.dedup();
    let explain = |part: Part| {
        let took = took.as_ref().map(|took| took.get(&part).copied().unwrap_or_default());
        let shift = took.shift();
        let causes = compared.map_or(Vec::new(), |pair| pair.causes(part, shift));
        (!shift.is_zero()).then_some(Explained { part, took, causes })
    };
    parts.into_iter().filter_map(explain).collect()
}
