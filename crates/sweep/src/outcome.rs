//! `Outcome`: what a cell came to.

use core::sync::atomic::{AtomicBool, Ordering};

use roundtrip_record::FaultKind;
use roundtrip_story::{Figure, Story};
use roundtrip_visit::run::RunError;
use roundtrip_visit::scenario::{Measured, Scenario};

/// How often a cell is carried out whose page could not be laid out: the process that does so may have been
/// ended from outside, as a scheduler ends all processes of a task.
const TRIES: u32 = 3;

/// What a cell came to: what its row has besides what the cell is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The exit code of the visit.
    pub exit: u8,
    /// Frames that the links dropped.
    pub dropped: u64,
    /// Requests for what no server has.
    pub unknown: u32,
    /// The figures that are wanted, each in its unit; `None` where the visit does not have it.
    pub values: Vec<Option<f64>>,
}

impl Outcome {
    /// Carries a scenario out and reads its figures.
    ///
    /// # Errors
    /// When a server cannot be put up.
    pub fn of(scenario: &Scenario, figures: &[Figure]) -> Result<Self, RunError> {
        Ok(Self::once(scenario, figures)?.0)
    }

    /// The same, for one that may be told to stop meanwhile: `None` where it was, and what came of the cell
    /// may be owed to that.
    pub(crate) fn unless_stopped(
        scenario: &Scenario,
        figures: &[Figure],
        stop: &AtomicBool,
    ) -> Result<Option<Self>, RunError> {
        let (mut outcome, mut was_laid_out) = Self::once(scenario, figures)?;
        for _ in 1..TRIES {
            if was_laid_out {
                break;
            }
            (outcome, was_laid_out) = Self::once(scenario, figures)?;
        }
        let is_sure = was_laid_out || !stop.load(Ordering::Relaxed);
        Ok(is_sure.then_some(outcome))
    }

    /// The outcome, and whether nothing went wrong with laying the page out.
    fn once(scenario: &Scenario, figures: &[Figure]) -> Result<(Self, bool), RunError> {
        let (Measured { exit, dropped, unknown, .. }, story) = scenario.observe()?;
        let failed = |kind: &FaultKind| matches!(kind, FaultKind::PaintFailed { .. });
        let was_laid_out = !story.faults.iter().any(|fault| failed(&fault.what.fault));
        Ok((Self { exit, dropped, unknown, values: values(&story, figures) }, was_laid_out))
    }
}

/// Figures of a story, each in its unit.
fn values(story: &Story, figures: &[Figure]) -> Vec<Option<f64>> {
    let metrics = story.metrics();
    let value = |figure: &Figure| match figure {
        Figure::Load => figure.of(story).map(|amount| figure.unit().value(amount)),
        Figure::Metric(name, _) => {
            metrics.iter().find(|metric| metric.name == *name).map(|metric| metric.value)
        }
    };
    figures.iter().map(value).collect()
}
