//! `Advice`: what would help a visit, and how much, as values.

use core::time::Duration;

use roundtrip_record::Interval;
use serde::{Serialize, Serializer};

use crate::proposals::Untried;
use crate::saving::Saving;
use crate::variant::Variant;

/// What would help a visit.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// The page.
    pub document: String,
    /// The seeds that each network was tried with, from the first on.
    pub seeds: u32,
    /// How the visit goes as it is, on each network.
    pub networks: Vec<NetworkAdvice>,
    /// Each change alone: those of the site first, what saves most before what saves less.
    pub pieces: Vec<Piece>,
    /// The best of them together, where more than one helps.
    pub combination: Option<Combination>,
    /// What cannot be tried.
    pub untried: Vec<Untried>,
    /// In what the visit is not as it was recorded, each in a sentence.
    pub substituted: Vec<String>,
    /// Visits that were carried out.
    pub visits: u32,
}

/// How the visit goes as it is on one network.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkAdvice {
    /// The network, as `--net` takes it.
    pub net: String,
    /// The times of the visit.
    #[serde(flatten)]
    pub times: Times,
    /// Those of a second visit, which begins when a first one is over; `None` where nothing was tried
    /// on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_visit: Option<Times>,
}

/// The times of a visit.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Times {
    /// The load time.
    #[serde(serialize_with = "in_ms")]
    pub load: Option<Interval>,
    /// The first paint.
    #[serde(serialize_with = "in_ms")]
    pub first_paint: Option<Interval>,
}

/// An interval as savings are written.
#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "these are the names in the JSON")]
struct Range {
    low_ms: f64,
    median_ms: f64,
    high_ms: f64,
}

/// An interval as savings are written.
#[allow(clippy::ref_option, reason = "serde hands the field over so")]
fn in_ms<S: Serializer>(time: &Option<Interval>, serializer: S) -> Result<S::Ok, S::Error> {
    let ms = |time: Duration| time.as_nanos() as f64 / 1e6;
    let fields = time.map(|time| {
        let [low_ms, median_ms, high_ms] = [time.low, time.median, time.high].map(ms);
        Range { low_ms, median_ms, high_ms }
    });
    fields.serialize(serializer)
}

/// One change, tried.
#[derive(Clone, Debug, Serialize)]
pub struct Piece {
    /// The change.
    #[serde(flatten)]
    pub variant: Variant,
    /// What it came to on each network, in their order.
    pub tried: Vec<Tried>,
    /// Why it was not tried, where the document could not be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What a change came to on one network.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tried {
    /// Of the load time.
    pub load: Option<Saving>,
    /// Of the first paint.
    pub first_paint: Option<Saving>,
    /// Visits that ended with a fault, and did not without the change.
    pub failed: u32,
    /// Requests, in the visit that made most, for what the recorded servers never gave.
    pub unknown: u32,
}

/// Several changes together.
#[derive(Clone, Debug, Serialize)]
pub struct Combination {
    /// What was added one after the other, and what all came to with it. What added nothing is not
    /// in it.
    pub steps: Vec<CombinationStep>,
}

/// One change added to those before it.
#[derive(Clone, Debug, Serialize)]
pub struct CombinationStep {
    /// Its name.
    pub name: String,
    /// What all up to it came to together on each network.
    pub tried: Vec<Tried>,
}

impl Advice {
    /// The names of the changes that are in the combination.
    pub fn combined(&self) -> impl Iterator<Item = &str> {
        let steps = self.combination.iter().flat_map(|combination| &combination.steps);
        steps.map(|step| step.name.as_str())
    }
}
