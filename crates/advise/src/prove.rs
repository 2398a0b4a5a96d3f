//! `prove`: carries a visit out as it is and with each change, on every network and with every seed.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use roundtrip_lab::Net;
use roundtrip_record::Interval;
use roundtrip_report::Model;
use roundtrip_visit::answers::Answer;
use roundtrip_visit::run::RunError;
use roundtrip_visit::scenario::{Measured, Scenario};
use roundtrip_visit::{Layouts, Plan};
use url::Url;

use crate::advice::{Advice, Combination, CombinationStep, NetworkAdvice, Piece, Times, Tried};
use crate::change::{Change, Changed, changed};
use crate::proposals::Proposals;
use crate::saving::Saving;
use crate::variant::{Reach, Variant};

/// How changes are tried.
#[derive(Clone, Debug)]
pub struct Proving {
    /// The networks.
    pub networks: Vec<Net>,
    /// How many seeds each is tried with, from that of the scenario on.
    pub seeds: u32,
    /// How many threads carry visits out. The advice is the same with any number.
    pub threads: NonZeroUsize,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Visits carried out.
    pub done: u32,
    /// Visits known to be wanted; the combination may want more.
    pub wanted: u32,
}

/// Why nothing was proven.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The visit is of no page.
    #[error("{url} is no page that is loaded and painted: there is nothing to advise on")]
    NoPage {
        /// What was visited.
        url: String,
    },
    /// The visit as it is ends with a fault before the page has loaded.
    #[error(
        "the visit of {url}, carried out again on {net}, ends before its page has loaded: there is nothing to advise \
         on.\n{headline}\n{next}"
    )]
    Broken {
        /// What was visited.
        url: String,
        /// On which network.
        net: String,
        /// What went wrong.
        headline: String,
        /// What to try next.
        next: String,
    },
    /// A visit could not be carried out.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Tries all proposals on a scenario, whose own network is left aside.
///
/// # Errors
/// When the scenario is not of a page, or cannot be carried out.
pub fn prove(
    scenario: &Scenario,
    proposals: Proposals,
    proving: &Proving,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Advice, ProveError> {
    let Some(document) = proposals.document else {
        return Err(ProveError::NoPage { url: scenario.plan.url.to_string() });
    };
    // Most of the visits lay the same page out.
    let plan = Plan { layouts: Some(Layouts::default()), ..scenario.plan.clone() };
    let scenario = &Scenario { plan, ..scenario.clone() };
    let (ready, pieces): (Vec<_>, Vec<_>) = proposals
        .variants
        .into_iter()
        .map(|variant| match variant.applied(scenario, &document) {
            Ok(changed) => (Some(changed), Piece { variant, tried: Vec::new(), refused: None }),
            Err(error) => {
                (None, Piece { variant, tried: Vec::new(), refused: Some(error.to_string()) })
            }
        })
        .unzip();
    let trial =
        Trial { scenario, document: &document, proving, progress, done: AtomicUsize::new(0) };
    let unchanged = Changed::unchanged(scenario.clone());
    let tried = pieces.iter().filter(|piece| piece.refused.is_none());
    let comes_back =
        tried.map(|piece| piece.variant.reach).any(|reach| reach == Reach::SecondVisit);
    let mut scenarios = vec![unchanged.clone()];
    if comes_back {
        scenarios.extend(changed(scenario, &document, &[Change::SecondVisit]));
    }
    scenarios.extend(ready.iter().flatten().cloned());
    let mut results = trial.all(&scenarios)?.into_iter();
    let base = Base {
        first: results.next().unwrap_or_default(),
        second: if comes_back { results.next() } else { None },
    };
    trial.is_page(&unchanged, &base.first)?;
    let mut pieces: Vec<Piece> = pieces
        .into_iter()
        .map(|piece| {
            if piece.refused.is_some() {
                return piece;
            }
            let with = results.next().unwrap_or_default();
            let tried = compare(base.of(piece.variant.reach), &with);
            Piece { tried, ..piece }
        })
        .collect();
    order(&mut pieces, &base);
    let combination = trial.combine(&pieces, &base.first)?;
    let networks = proving.networks.iter().enumerate().map(|(at, net)| NetworkAdvice {
        net: net.to_string(),
        times: times(&base.first[at]),
        second_visit: base.second.as_ref().map(|second| times(&second[at])),
    });
    Ok(Advice {
        document: document.to_string(),
        seeds: proving.seeds,
        networks: networks.collect(),
        pieces,
        combination,
        untried: proposals.untried,
        substituted: proposals.substituted,
        visits: trial.done.load(Ordering::Relaxed) as u32,
    })
}

/// What a scenario came to: by network, then by seed.
type Results = Vec<Vec<Measured>>;

/// What the scenario came to as it is.
struct Base {
    first: Results,
    /// Carried out a second time, where something is tried on that.
    second: Option<Results>,
}

impl Base {
    /// What a change of this reach is held against.
    fn of(&self, reach: Reach) -> &Results {
        match (reach, &self.second) {
            (Reach::SecondVisit, Some(second)) => second,
            _ => &self.first,
        }
    }
}

fn times(runs: &[Measured]) -> Times {
    Times {
        load: Interval::of(runs.iter().filter_map(|run| run.page.load).collect()),
        first_paint: Interval::of(runs.iter().filter_map(|run| run.page.first_paint).collect()),
    }
}

/// Visits under way.
struct Trial<'a> {
    scenario: &'a Scenario,
    document: &'a Url,
    proving: &'a Proving,
    progress: &'a (dyn Fn(Progress) + Sync),
    done: AtomicUsize,
}

impl Trial<'_> {
    /// Whether the scenario, which came to this, is of a page: some of its visits load one.
    fn is_page(&self, unchanged: &Changed, base: &Results) -> Result<(), ProveError> {
        if base.iter().flatten().any(|run| run.page.load.is_some()) {
            return Ok(());
        }
        let url = self.scenario.plan.url.to_string();
        let first = self.on(unchanged, 0, 0);
        let findings = Model::of(first.observe()?.1).findings;
        let worst = findings.iter().find(|finding| finding.fatal).or(findings.first());
        Err(match worst {
            None => ProveError::NoPage { url },
            Some(finding) => ProveError::Broken {
                url,
                net: first.network.net.to_string(),
                headline: finding.headline.clone(),
                next: finding.next.clone(),
            },
        })
    }

    /// Carries scenarios out on every network with every seed.
    fn all(&self, scenarios: &[Changed]) -> Result<Vec<Results>, RunError> {
        let (networks, seeds) = (self.proving.networks.len(), self.proving.seeds as usize);
        let before = self.done.load(Ordering::Relaxed);
        let count = scenarios.len() * networks * seeds;
        let next = AtomicUsize::new(0);
        let measured = Mutex::new(vec![None; count]);
        let errand = |_| -> Result<(), RunError> {
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                if job >= count {
                    return Ok(());
                }
                let (which, rest) = (job / (networks * seeds), job % (networks * seeds));
                let one = self.on(&scenarios[which], rest / seeds, rest % seeds).measure()?;
                measured.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[job] = Some(one);
                let done = self.done.fetch_add(1, Ordering::Relaxed) as u32 + 1;
                (self.progress)(Progress { done, wanted: (before + count) as u32 });
            }
        };
        for result in roundtrip_os::on_threads(busy(self.proving.threads, count), errand) {
            result?;
        }
        let measured = measured.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let measured: Vec<Measured> = measured.into_iter().flatten().collect();
        let by_network = |runs: &[Measured]| runs.chunks(seeds).map(<[_]>::to_vec).collect();
        Ok(measured.chunks(networks * seeds).map(by_network).collect())
    }

    /// A scenario on one of the networks with one of the seeds.
    fn on(&self, changed: &Changed, network: usize, seed: usize) -> Scenario {
        let first = changed.scenario.network.seed;
        let mut scenario =
            changed.on(&self.proving.networks[network], first.wrapping_add(seed as u64));
        let rtt = &mut scenario.network.net.rtt;
        *rtt = *rtt * SHAKEN[seed % SHAKEN.len()] / 1000;
        scenario
    }

    /// Adds one change after the other, the best alone first, and keeps what adds something. What
    /// did not the first time is tried once more in the end: it may do so beside others.
    fn combine(&self, pieces: &[Piece], base: &Results) -> Result<Option<Combination>, RunError> {
        let of_site = |piece: &&Piece| {
            let saves = piece.tried.iter().any(|tried| saved(tried) > 0.0);
            piece.variant.reach == Reach::Site && saves
        };
        let candidates: Vec<&Piece> = pieces.iter().filter(of_site).collect();
        let mut taken: Vec<&Variant> = Vec::new();
        let mut steps: Vec<CombinationStep> = Vec::new();
        let mut best = 0.0;
        for piece in candidates.iter().chain(&candidates) {
            let variant = &piece.variant;
            let is_taken = taken.iter().any(|one| one.name == variant.name);
            if is_taken || taken.iter().any(|one| one.excludes(variant)) {
                continue;
            }
            let with = taken.iter().copied().chain([variant]);
            let changes = with.flat_map(|variant| &variant.changes);
            let Ok(changed) = changed(self.scenario, self.document, changes) else { continue };
            let tried = if taken.is_empty() {
                piece.tried.clone()
            } else {
                let results = self.all(&[changed])?.into_iter().next().unwrap_or_default();
                compare(base, &results)
            };
            let worth = worth(&tried, base);
            if worth > best + LEAST_GAIN && is_no_loss(&tried) {
                best = worth;
                taken.push(variant);
                steps.push(CombinationStep { name: variant.name.clone(), tried });
            }
        }
        Ok((!steps.is_empty()).then_some(Combination { steps }))
    }
}

/// How many threads have something to do, of at most so many, where there are so many visits.
fn busy(most: NonZeroUsize, visits: usize) -> NonZeroUsize {
    NonZeroUsize::new(visits).map_or(NonZeroUsize::MIN, |visits| visits.min(most))
}

/// What a change makes of the files that servers give: those whose content is another with it, or that
/// are new, by URL.
pub fn files(scenario: &Scenario, advice: &Advice, piece: &Piece) -> Vec<(Url, Bytes)> {
    let Ok(document) = Url::parse(&advice.document) else { return Vec::new() };
    let Ok(changed) = piece.variant.applied(scenario, &document) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for server in &changed.scenario.servers {
        let before = scenario.servers.iter().find(|one| one.origin == server.origin);
        for (key, queue) in &server.answers {
            let content = |queue: &VecDeque<Answer>| queue.back().map(|one| one.content().clone());
            let was = before.and_then(|before| before.answers.get(key)).and_then(content);
            let url = Url::parse(&format!("{}{}", server.origin, key.1));
            if let (Some(is), Ok(url)) = (content(queue).filter(|is| was.as_ref() != Some(is)), url)
            {
                files.push((url, is));
            }
        }
    }
    files
}

/// What counts of the savings of load and first paint, in milliseconds.
fn saved(tried: &Tried) -> f64 {
    [tried.load, tried.first_paint].into_iter().flatten().map(|saving| saving.counted_ms()).sum()
}

/// Whether no visit fails of it, nothing is asked for that was not recorded, and load and first paint
/// together do not suffer on any network.
fn is_no_loss(tried: &[Tried]) -> bool {
    tried.iter().all(|tried| tried.failed == 0 && tried.unknown == 0 && saved(tried) >= 0.0)
}

/// The scenario with the changes of the best combination; `None` where nothing helps.
pub fn combined(scenario: &Scenario, advice: &Advice) -> Option<Scenario> {
    let document = Url::parse(&advice.document).ok()?;
    let chosen = advice
        .combined()
        .filter_map(|name| advice.pieces.iter().find(|piece| piece.variant.name == name));
    let changes: Vec<_> = chosen.flat_map(|piece| &piece.variant.changes).collect();
    let changed = changed(scenario, &document, changes).ok()?;
    advice.combination.as_ref().map(|_| changed.scenario)
}

/// Thousandths of its length that the round trip has with each seed. Where a queue overflows, which frame is
/// dropped hangs on such trifles, and a path is never the same twice: what holds for one length alone is
/// nothing to go by. Both visits of a pair have the same.
const SHAKEN: [u32; 11] = [1000, 992, 1008, 996, 1004, 990, 1010, 998, 1002, 994, 1006];

/// What another change has to add to be taken: this share of the times.
const LEAST_GAIN: f64 = 0.005;

/// What results with a change come to against those without, by network.
fn compare(base: &Results, with: &Results) -> Vec<Tried> {
    let network = |(base, with): (&Vec<Measured>, &Vec<Measured>)| {
        let saving = |of: fn(&Measured) -> Option<Duration>| {
            let pairs = base.iter().zip(with);
            Saving::of(pairs.filter_map(|(base, with)| Some((of(base)?, of(with)?))))
        };
        let pairs = base.iter().zip(with);
        let failed = pairs.filter(|(base, with)| with.exit != 0 && base.exit == 0).count();
        let unknown = |runs: &[Measured]| runs.iter().map(|run| run.unknown).max().unwrap_or(0);
        Tried {
            load: saving(|run| run.page.load),
            first_paint: saving(|run| run.page.first_paint),
            failed: failed as u32,
            unknown: unknown(with).saturating_sub(unknown(base)),
        }
    };
    base.iter().zip(with).map(network).collect()
}

/// The mean share of load and first paint that is saved, over the networks.
fn worth(tried: &[Tried], base: &Results) -> f64 {
    let share =
        |saving: Option<Saving>, runs: &[Measured], of: fn(&Measured) -> Option<Duration>| {
            let whole = Interval::of(runs.iter().filter_map(of).collect());
            match (saving, whole) {
                (Some(saving), Some(whole)) if !whole.median.is_zero() => {
                    saving.counted_ms() / (whole.median.as_secs_f64() * 1e3)
                }
                _ => 0.0,
            }
        };
    let of_network = |(tried, runs): (&Tried, &Vec<Measured>)| {
        share(tried.load, runs, |run| run.page.load)
            + share(tried.first_paint, runs, |run| run.page.first_paint)
    };
    let sum: f64 = tried.iter().zip(base).map(of_network).sum();
    sum / (2 * tried.len().max(1)) as f64
}

/// Those of the site first; what saves most before what saves less.
fn order(pieces: &mut [Piece], base: &Base) {
    let rank = |piece: &Piece| {
        let reach = piece.variant.reach;
        // To a millionth: numbers that can be ordered.
        (reach, Reverse((worth(&piece.tried, base.of(reach)) * 1e6) as i64))
    };
    pieces.sort_by_key(rank);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_thread_is_started_that_finds_nothing_to_do() {
        let threads = |most, visits| busy(NonZeroUsize::new(most).expect("some"), visits).get();
        assert_eq!(threads(2, 100), 2);
        assert_eq!(threads(100_000, 3), 3);
        assert_eq!(threads(usize::MAX, 1), 1);
        // This one, which then finds that there is nothing.
        assert_eq!(threads(8, 0), 1);
    }
}
