//! `Diff`: what changed between two runs, or two sets of runs, and where on the critical path it made
//! a difference. Views put it into words.
//!
//! The run of each side whose load is the median is compared in detail: its exchanges are paired, and
//! the legs of both critical paths are held against each other, so that their differences add up to
//! that of the load. Whether a figure differs beyond the spread of the runs is told by all of them.

mod both;
mod cause;
mod change;
mod hashed;
mod hosts;
mod moment;
mod pair;
mod side;
mod spread;

pub use both::{Both, Shift};
pub use cause::{Cause, Part};
pub use change::{AskedBy, Change, Way};
pub use hosts::{NameDiff, ServerDiff};
pub use moment::{Explained, MomentDiff, Place, Share};
pub use pair::PairedBy;
pub use side::SideSummary;
pub use spread::{Significance, SpreadTest};

use core::time::Duration;

use roundtrip_record::{Blocks, ExchangeId, Time};
use serde::Serialize;

use crate::exchange::Exchange;
use crate::metric::{Metric, Unit};
use crate::path::CriticalPath;
use crate::story::Story;
use both::{as_ms, both_ms};
use moment::Runs;
use pair::Pairing;
use side::Side;

/// Two exchanges that are the same, and what is different about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The exchange on each side.
    pub exchange: Both<ExchangeId>,
    /// By what they were taken for the same.
    pub by: PairedBy,
    /// The URL on side B.
    pub url: String,
    /// The request method.
    pub method: String,
    /// When it was wanted, from the start of its run.
    #[serde(rename = "start_ms", serialize_with = "both_ms")]
    pub start: Both<Duration>,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "both_ms")]
    pub took: Both<Duration>,
    /// Bytes that came, heads and framing included.
    pub received: Both<u64>,
    /// What waits for it.
    pub blocks: Both<Blocks>,
    /// What else is different.
    pub changes: Vec<Change>,
}

/// An exchange that only one side has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Single {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The request method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The status of the final response, if one came.
    pub status: Option<u16>,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "as_ms")]
    pub took: Duration,
    /// Bytes that came, heads and framing included.
    pub received: u64,
}

/// A metric on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricDiff {
    /// The metric's name.
    pub name: &'static str,
    /// The unit of the values.
    pub unit: Unit,
    /// The definition of the metric, for people.
    pub definition: &'static str,
    /// The value on each side, of several runs the median; `None` where no run has it.
    pub value: Both<Option<f64>>,
    /// Whether the two are beyond the spread of the runs; `None` where a side has no value.
    pub significance: Option<Significance>,
}

impl MetricDiff {
    /// The values in whole nanoseconds, bytes or numbers, where both sides have one.
    pub fn amounts(&self) -> Option<Both<i64>> {
        Some(self.value.known()?.map(|value| self.unit.amount(value)))
    }

    /// Whether the two values are not the same, or only one side has one.
    pub fn differs(&self) -> bool {
        self.value.differ()
    }
}

/// What changed between two sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// Each side in short.
    pub sides: Both<SideSummary>,
    /// The load: the end of the load event, or of what was waited for where a run has none.
    pub load: MomentDiff,
    /// The first paint; `None` where a side has none.
    pub first_paint: Option<MomentDiff>,
    /// All metrics that either side has.
    pub metrics: Vec<MetricDiff>,
    /// The exchanges that both sides have, in A's order.
    pub pairs: Vec<Pair>,
    /// The exchanges that only B has.
    pub added: Vec<Single>,
    /// The exchanges that only A has.
    pub removed: Vec<Single>,
    /// The servers that were asked, by origin.
    pub servers: Vec<ServerDiff>,
    /// The names that were looked up.
    pub names: Vec<NameDiff>,
}

impl Diff {
    /// Compares two runs, or two sets of runs of the same thing; `None` if a side has none.
    pub fn between(a: &[Story], b: &[Story]) -> Option<Self> {
        let sides = Both::new(Side::new(a), Side::new(b)).known()?;
        let stories = sides.as_ref().map(Side::shown);
        let pairing = Pairing::of(stories);
        let thinks = stories.map(Story::thinks);
        let runs = Runs { stories, pairing: &pairing, thinks: thinks.as_ref() };
        let seen = stories.map(Story::seen);
        Some(Self {
            load: load(&sides, &runs),
            first_paint: first_paint(&sides, &runs),
            metrics: metrics(&sides),
            pairs: pairs(&runs),
            added: pairing.added.iter().map(|n| single(&seen.b[*n])).collect(),
            removed: pairing.removed.iter().map(|n| single(&seen.a[*n])).collect(),
            servers: hosts::servers(stories),
            names: hosts::names(stories),
            sides: sides.map(|side| side.summary()),
        })
    }

    /// Whether the two sides were carried by another wire or another network, so that times differ for that
    /// reason too.
    pub fn other_network(&self) -> bool {
        let Both { a, b } = &self.sides;
        a.wire != b.wire || a.net != b.net
    }

    /// How many exchanges are taken for the same though they have another origin.
    pub fn other_origin(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.by.is_other_origin()).count()
    }

    /// How many exchanges both sides have in which nothing but times changed.
    pub fn unchanged(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.changes.is_empty()).count()
    }

    /// Whether both sides asked for the same and got the same, by the same ways; only times may differ.
    pub fn same_exchanges(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.unchanged() == self.pairs.len()
            && !self.servers.iter().any(ServerDiff::has_changed)
            && !self.names.iter().any(NameDiff::has_changed)
    }

    /// Whether nothing differs at all, times included.
    pub fn nothing_changed(&self) -> bool {
        self.same_exchanges()
            && !self.other_network()
            && !self.metrics.iter().any(MetricDiff::differs)
            && self.other_origin() == 0
            && self.sides.a.exit == self.sides.b.exit
            && self.sides.a.status == self.sides.b.status
    }
}

fn load(sides: &Both<Side<'_>>, runs: &Runs<'_>) -> MomentDiff {
    let samples = sides.as_ref().map(Side::loads);
    let name = if sides.a.loaded() && sides.b.loaded() { "load" } else { "duration" };
    moment(name, &samples, runs, runs.stories.map(Story::critical_to_load))
}

fn first_paint(sides: &Both<Side<'_>>, runs: &Runs<'_>) -> Option<MomentDiff> {
    let samples = sides.as_ref().map(|side| side.sample("first-paint"));
    let paths = runs.stories.map(Story::critical_to_paint).known()?;
    Some(moment("first-paint", &samples, runs, paths))
}

fn moment(
    name: &'static str,
    samples: &Both<spread::Sample>,
    runs: &Runs<'_>,
    paths: Both<CriticalPath>,
) -> MomentDiff {
    let shown = paths.as_ref().map(|path| path.span.took());
    let medians = samples.as_ref().map(spread::Sample::median);
    let time = |median: Option<i64>, shown| {
        median.map_or(shown, |median| Duration::from_nanos(median.unsigned_abs()))
    };
    let took = Both::new(time(medians.a, shown.a), time(medians.b, shown.b));
    let shares = moment::shares(runs, &paths);
    let explained: Shift = shares.iter().map(|share| share.difference).sum();
    MomentDiff {
        name,
        took,
        difference: took.shift(),
        significance: Significance::of(samples.as_ref()),
        shown,
        paths,
        shares,
        other: shown.shift().less(explained),
    }
}

fn metrics(sides: &Both<Side<'_>>) -> Vec<MetricDiff> {
    let diff = |(name, unit, definition): (&'static str, Unit, &'static str)| {
        let samples = sides.as_ref().map(|side| side.sample(name));
        let value = samples.as_ref().map(|sample| Some(unit.value(sample.median()?)));
        if value == Both::new(None, None) {
            return None;
        }
        let significance = value.known().map(|_| Significance::of(samples.as_ref()));
        Some(MetricDiff { name, unit, definition, value, significance })
    };
    Metric::all().filter_map(diff).collect()
}

fn pairs(runs: &Runs<'_>) -> Vec<Pair> {
    let seen = runs.stories.map(Story::seen);
    let starts = runs.stories.map(|story| story.total().start);
    let moved = runs.pairing.moved();
    let matches = runs.pairing.matches.iter().zip(moved);
    let pair = |(place, (one, moved)): (usize, (&pair::Match, bool))| {
        let exchanges = Both::new(&seen.a[one.at.a], &seen.b[one.at.b]);
        let ids = exchanges.map(|exchange| exchange.id);
        let thinks = Both::new(runs.thinks.a.get(&ids.a), runs.thinks.b.get(&ids.b));
        let mut changes = change::changes(runs.stories, (exchanges, one.by), thinks);
        if moved {
            let before = |other: &&pair::Match| other.at.b <= one.at.b;
            let now = runs.pairing.matches.iter().filter(before).count();
            changes.push(Change::Moved(Both::new(place + 1, now)));
        }
        let since = |exchange: &Exchange, start: Time| exchange.span.start - start;
        Pair {
            exchange: ids,
            by: one.by,
            url: exchanges.b.url.clone(),
            method: exchanges.b.method.clone(),
            start: Both::new(since(exchanges.a, starts.a), since(exchanges.b, starts.b)),
            took: exchanges.map(|exchange| exchange.span.took()),
            received: exchanges.map(Exchange::received),
            blocks: exchanges.map(|exchange| exchange.blocks),
            changes,
        }
    };
    matches.enumerate().map(pair).collect()
}

fn single(exchange: &Exchange) -> Single {
    Single {
        exchange: exchange.id,
        method: exchange.method.clone(),
        url: exchange.url.clone(),
        status: exchange.status(),
        took: exchange.span.took(),
        received: exchange.received(),
    }
}
