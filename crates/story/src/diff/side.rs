//! `Side`: one run or several, which of them is compared in detail, and what they come to.

use core::time::Duration;

use roundtrip_record::{Among, Milestone};
use serde::Serialize;

use super::spread::Sample;
use crate::metric::Metric;
use crate::story::Story;

/// One side of a comparison, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideSummary {
    /// The number of runs.
    pub runs: usize,
    /// The place, from 0, of the run that is compared in detail: the one whose load is the median.
    pub shown: usize,
    /// What that run was given: a URL.
    pub subject: String,
    /// The wire that carried it; for a recording that was imported, what it was read from.
    pub wire: String,
    /// The network in the words of `--net`, in the lab.
    pub net: Option<String>,
    /// The seed, in the lab.
    pub seed: Option<u64>,
    /// The version of roundtrip that wrote the record.
    pub tool: String,
    /// The URL of the final answer.
    pub document: Option<String>,
    /// The status of the final answer.
    pub status: Option<u16>,
    /// The exit code of the run.
    pub exit: u8,
    /// Whether the run has no end, or its record was cut off.
    pub unfinished: bool,
    /// The runs among which it is the median, where its record says so.
    pub among: Option<Among>,
}

/// One side's runs; at least one.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) stories: &'a [Story],
    shown: usize,
}

impl<'a> Side<'a> {
    /// The side of these runs; `None` if there are none.
    pub(super) fn new(stories: &'a [Story]) -> Option<Self> {
        let mut order: Vec<usize> = (0..stories.len()).collect();
        order.sort_by_key(|n| (stories[*n].critical_to_load().span.took(), *n));
        let shown = *order.get(stories.len().checked_sub(1)? / 2)?;
        Some(Self { stories, shown })
    }

    /// The run that is compared in detail.
    pub(super) fn shown(&self) -> &'a Story {
        &self.stories[self.shown]
    }

    /// Whether every run reached the end of its load event.
    pub(super) fn loaded(&self) -> bool {
        self.stories.iter().all(|story| story.milestone(&Milestone::LoadEventEnd).is_some())
    }

    /// The values of one metric, and the spread that a single record states for it.
    pub(super) fn sample(&self, name: &str) -> Sample {
        let value = |story: &Story| {
            story.metrics().iter().find(|metric| metric.name == name).map(Metric::amount)
        };
        let stated = self.among().and_then(|among| {
            let interval = match name {
                "loadEventEnd" => among.load,
                "first-paint" => among.first_paint,
                _ => None,
            };
            Some((among.runs, interval?))
        });
        Sample { values: self.stories.iter().filter_map(value).collect(), stated }
    }

    /// The times up to the load.
    pub(super) fn loads(&self) -> Sample {
        let load = |story: &Story| nanos(story.critical_to_load().span.took());
        let values = self.stories.iter().map(load).collect();
        Sample { values, stated: self.sample("loadEventEnd").stated }
    }

    /// The runs among which a single run is the median.
    fn among(&self) -> Option<Among> {
        let [story] = self.stories else { return None };
        story.ended.as_ref()?.among
    }

    pub(super) fn summary(&self) -> SideSummary {
        let story = self.shown();
        let run = story.run.as_ref();
        let document = story.document();
        let imported = story.imported_from().map(str::to_owned);
        SideSummary {
            runs: self.stories.len(),
            shown: self.shown,
            subject: run.map_or(String::new(), |run| run.subject.clone()),
            wire: imported
                .or_else(|| run.map(|run| run.wire.name().to_owned()))
                .unwrap_or_default(),
            net: run.and_then(|run| run.net.clone()),
            seed: run.and_then(|run| run.seed),
            tool: run.map_or(String::new(), |run| run.tool.clone()),
            document: document.map(|document| document.url.clone()),
            status: document.and_then(crate::exchange::Exchange::status),
            exit: story.exit(),
            unfinished: story.cut || story.ended.is_none(),
            among: self.among(),
        }
    }
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
