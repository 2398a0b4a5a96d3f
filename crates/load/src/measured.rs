//! `Measured`: what a load came to.

use core::time::Duration;

use crate::plan::{Pace, Plan};
use crate::rate::Rate;
use crate::tally::Tally;

/// What a load came to.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was asked.
    pub plan: Plan,
    /// The network in the words of `--net`; on a real wire, `None`.
    pub net: Option<String>,
    /// What was counted.
    pub tally: Tally,
    /// Threads that sent.
    pub threads: usize,
    /// The share of one processor that the generator took, 1 for all of one; `None` in virtual time.
    pub processor: Option<f64>,
    /// Somebody ended it before its time.
    pub interrupted: bool,
}

impl Measured {
    /// The rate that was asked for; `None` of a closed loop.
    pub fn asked(&self) -> Option<Rate> {
        match self.plan.pace {
            Pace::Closed => None,
            Pace::Open { rate, .. } => Some(rate),
        }
    }

    /// How long it took: to the time it was to take, or to the last answer where that came later or no
    /// time was set.
    pub fn took(&self) -> Duration {
        match self.plan.stop.time {
            Some(time) if !self.interrupted && self.plan.stop.requests.is_none() => {
                time.max(self.tally.took)
            }
            _ => self.tally.took,
        }
    }

    /// Whole answers a second.
    pub fn held(&self) -> f64 {
        let seconds = self.took().as_secs_f64();
        if seconds > 0.0 { self.tally.answered as f64 / seconds } else { 0.0 }
    }

    /// Requests that were due.
    pub fn due(&self) -> u64 {
        self.finished() + self.tally.unsent
    }

    /// Requests that came to an end, good or not.
    fn finished(&self) -> u64 {
        self.tally.answered + self.tally.failures.count() - self.bad_statuses()
    }

    /// Requests that came to nothing or to a status of 400 and above, of all; 0 where there were none.
    pub fn error_share(&self) -> f64 {
        let all = self.finished();
        if all == 0 { 0.0 } else { self.tally.errors() as f64 / all as f64 }
    }

    fn bad_statuses(&self) -> u64 {
        self.tally.statuses.iter().filter(|(status, _)| **status >= 400).map(|(_, n)| n).sum()
    }

    /// Why the figures are the generator's own and not the server's, if they are.
    pub fn generator_limited(&self) -> Option<String> {
        let processors = self.threads as f64;
        let busy = self.processor.filter(|used| *used >= 0.95 * processors);
        if let Some(used) = busy {
            return Some(format!(
                "the generator took all of its {} ({:.0} % of one processor): it is measured here, not the server; more \
                 --threads, or another machine",
                roundtrip_report::text::count(self.threads, "thread"),
                used * 100.0
            ));
        }
        let (late, latency) = (self.tally.late.quantile(0.99), self.tally.latency.quantile(0.5));
        if self.asked().is_some() && late > latency / 2 && late > Duration::from_millis(1) {
            return Some(format!(
                "the generator was late by {} in one of a hundred requests: this machine has too much else to do",
                roundtrip_report::text::duration(late)
            ));
        }
        None
    }
}
