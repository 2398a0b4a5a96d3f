//! The highest rate that meets a goal.

use crate::condition::{Condition, Judged};
use crate::error::LoadError;
use crate::measured::Measured;
use crate::plan::{Arrivals, Pace, Plan};
use crate::rate::Rate;

/// How a limit is looked for.
#[derive(Clone, Debug)]
pub struct Search {
    /// What has to hold.
    pub goal: Condition,
    /// The rate that is tried first.
    pub first: Rate,
    /// How requests are spread.
    pub arrivals: Arrivals,
    /// How far the highest rate that holds and the lowest that does not may lie apart in the end, in
    /// thousandths of the former.
    pub within: u64,
}

/// A rate that was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The rate.
    pub rate: Rate,
    /// What it came to.
    pub measured: Measured,
    /// Whether the goal was met.
    pub goal: Judged,
    /// Why the rate does not count as held, if it does not.
    pub missed: Option<String>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Every rate that was tried, in the order in which that was done.
    pub tried: Vec<Tried>,
    /// The highest rate that was held; `None` where none was.
    pub held: Option<Rate>,
    /// The lowest that was not; `None` where all were.
    pub not_held: Option<Rate>,
    /// The generator could do no more, so that the limit may be its own.
    pub generator: Option<String>,
    /// Somebody ended the search.
    pub interrupted: bool,
}

/// Rates tried at most: doubling and halving reaches from one to a thousand million in 30 steps, and 15
/// halvings of an octave tell 0.003 % apart.
const STEPS: usize = 48;
/// Of so many requests that were due, one may find no free connection before the end.
const UNSENT: u64 = 1000;

/// Looks for the highest rate that meets a goal: doubles, or halves, until there is one that does and one
/// that does not, then tries what lies between them. `measure` carries a plan out; `rest` lets the server
/// come to rest between two tries; `tell` hears of each.
///
/// # Errors
/// Those of `measure`.
pub fn find_limit(
    plan: &Plan,
    search: &Search,
    mut measure: impl FnMut(&Plan) -> Result<Measured, LoadError>,
    mut rest: impl FnMut(),
    mut tell: impl FnMut(&Tried),
) -> Result<Limit, LoadError> {
    let mut limit = Limit {
        tried: Vec::new(),
        held: None,
        not_held: None,
        generator: None,
        interrupted: false,
    };
    let mut rate = search.first;
    for step in 0..STEPS {
        if step > 0 {
            rest();
        }
        let pace = Pace::Open { rate, arrivals: search.arrivals };
        let measured = measure(&Plan { pace, ..plan.clone() })?;
        if measured.interrupted {
            limit.interrupted = true;
            break;
        }
        let tried = judged(search, rate, measured);
        tell(&tried);
        if tried.missed.is_none() {
            limit.held = limit.held.max(Some(rate));
        } else {
            limit.not_held = Some(limit.not_held.map_or(rate, |known| known.min(rate)));
            // What the generator cannot send, no server can be blamed for.
            limit.generator = tried.measured.generator_limited();
        }
        limit.tried.push(tried);
        match next(&limit, search.within) {
            Some(next) => rate = next,
            None => break,
        }
    }
    Ok(limit)
}

/// The rate to be tried next; `None` when it is known well enough.
fn next(limit: &Limit, within: u64) -> Option<Rate> {
    let thousandths = match (limit.held, limit.not_held) {
        (Some(held), None) => held.thousandths().saturating_mul(2),
        (None, Some(missed)) if missed.thousandths() > 1 => missed.thousandths() / 2,
        (Some(held), Some(missed)) => {
            let (low, high) = (held.thousandths(), missed.thousandths());
            let apart = high.saturating_sub(low);
            if apart <= 1 || apart.saturating_mul(1000) <= low.saturating_mul(within) {
                return None;
            }
            low + apart / 2
        }
        _ => return None,
    };
    Rate::from_thousandths(thousandths)
}

fn judged(search: &Search, rate: Rate, measured: Measured) -> Tried {
    let goal = search.goal.judge(&measured);
    // The goal may be one on errors; otherwise there may be none.
    let errors = measured.tally.errors();
    let missed = if !goal.holds {
        Some(format!("{} was {}", search.goal, goal.measured))
    } else if errors > 0 && !search.goal.is_of_errors() {
        Some(roundtrip_report::text::count(errors as usize, "error"))
    } else if measured.tally.unsent.saturating_mul(UNSENT) > measured.due() {
        let (unsent, due) = (measured.tally.unsent, measured.due());
        Some(format!("{unsent} of {due} requests found no free connection before the end"))
    } else {
        None
    };
    Tried { rate, measured, goal, missed }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::plan::{Stop, Target};
    use crate::tally::{Span, Tally};

    /// A server that answers one request after the other, each in `service`.
    fn one_at_a_time(plan: &Plan, service: Duration) -> Measured {
        let Pace::Open { rate, .. } = plan.pace else { panic!("an open loop is wanted") };
        let (mut tally, mut free) = (Tally::default(), Duration::ZERO);
        for number in 0.. {
            let due = rate.even(number);
            if due >= plan.stop.time.unwrap() {
                break;
            }
            let sent = due.max(free);
            free = sent + service;
            tally.answered(Span { due, sent, over: free }, http::StatusCode::OK, 1, "");
        }
        let plan = plan.clone();
        Measured { plan, net: None, tally, threads: 1, processor: None, interrupted: false }
    }

    fn search(goal: &str, first: &str) -> Search {
        let (goal, first) = (goal.parse().unwrap(), first.parse().unwrap());
        Search { goal, first, arrivals: Arrivals::Even, within: 10 }
    }

    fn plan() -> Plan {
        let url = url::Url::parse("http://127.0.0.1/").unwrap();
        let stop = Stop { requests: None, time: Some(Duration::from_secs(5)) };
        Plan { stop, ..Plan::new(vec![Target::get(url)]) }
    }

    #[test]
    fn the_limit_of_a_known_server_is_found_from_below_and_from_above() {
        for first in ["1", "100", "50k"] {
            let (mut rests, search) = (0, search("p99<20ms", first));
            let service = Duration::from_millis(2);
            let measure = |plan: &Plan| Ok(one_at_a_time(plan, service));
            let found = find_limit(&plan(), &search, measure, || rests += 1, |_| {}).unwrap();
            let held = found.held.unwrap().per_second();
            // 500 a second is all that 2 ms each leave room for.
            assert!((475.0..=505.0).contains(&held), "from {first}: {held}");
            assert_eq!(rests, found.tried.len() - 1);
            assert!(found.tried.len() < 30, "{}", found.tried.len());
        }
    }

    #[test]
    fn a_goal_that_is_never_met_has_no_limit() {
        let measure = |plan: &Plan| Ok(one_at_a_time(plan, Duration::from_millis(30)));
        let search = search("p50<20ms", "8");
        let found = find_limit(&plan(), &search, measure, || {}, |_| {}).unwrap();
        assert_eq!(found.held, None);
        assert!(found.tried.len() <= STEPS);
        assert!(found.tried[0].missed.as_ref().unwrap().contains("p50<20ms was 30"));
    }
}
