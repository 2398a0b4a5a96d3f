//! `Figure`: a metric as conditions and budgets name it.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::metric::{Metric, Unit};
use crate::nearest::nearest;
use crate::story::Story;

/// A figure of a run that a condition or a budget may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The time to the end of the load event, or of what was waited for where there is none.
    Load,
    /// A metric, by its name and unit.
    Metric(&'static str, Unit),
}

/// Short names of metrics, besides their own.
const SHORT: &[(&str, &str)] = &[
    ("paint", "first-paint"),
    ("fcp", "first-contentful-paint"),
    ("lcp", "largest-contentful-paint"),
    ("ttfb", "responseStart"),
    ("size", "transferSize"),
];

/// A name that no figure has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFigure {
    name: String,
    nearest: Option<&'static str>,
}

impl fmt::Display for UnknownFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no metric", self.name)?;
        if let Some(nearest) = self.nearest {
            write!(f, "; did you mean {nearest}?")?;
        }
        write!(f, " There are: {}", Figure::names().collect::<Vec<_>>().join(", "))
    }
}

impl core::error::Error for UnknownFigure {}

impl Figure {
    /// The names of all figures, the short ones first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let short = SHORT.iter().map(|(short, _)| *short);
        ["load"].into_iter().chain(short).chain(Metric::all().map(|(name, ..)| name))
    }

    /// The figure with this name; case does not matter.
    ///
    /// # Errors
    /// When there is none; the error tells which there are, and which is nearest.
    pub fn named(name: &str) -> Result<Self, UnknownFigure> {
        if name.eq_ignore_ascii_case("load") {
            return Ok(Self::Load);
        }
        let short = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
        let full = short.map_or(name, |(_, full)| full);
        let found = Metric::all().find(|(known, ..)| known.eq_ignore_ascii_case(full));
        found.map(|(name, unit, _)| Self::Metric(name, unit)).ok_or_else(|| UnknownFigure {
            name: name.to_owned(),
            nearest: nearest(name, Self::names()),
        })
    }

    /// The name that views show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Metric(name, _) => name,
        }
    }

    /// The unit of the figure.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Load => Unit::Milliseconds,
            Self::Metric(_, unit) => unit,
        }
    }

    /// The figure of a run, in whole nanoseconds, bytes or things; `None` where the run does not have
    /// it.
    pub fn of(self, story: &Story) -> Option<i64> {
        match self {
            Self::Load => i64::try_from(story.critical_to_load().span.took().as_nanos()).ok(),
            Self::Metric(name, _) => {
                story.metrics().iter().find(|metric| metric.name == name).map(Metric::amount)
            }
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
