//! `Condition`: a difference between two sides that counts as a failure: `load > 5%`,
//! `transferSize > 20kB`.

use core::fmt;
use core::str::FromStr;

use serde::Serialize;

use crate::diff::{Both, Diff, Significance};
use crate::figure::{Figure, UnknownFigure};
use crate::metric::Unit;
use crate::quantity::{BadQuantity, quantity, scaled};

/// How much more a figure may be on side B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threshold {
    /// A part of A's value, in millionths.
    Part(i64),
    /// Nanoseconds, bytes or things.
    Amount(i64),
}

/// A difference that counts as a failure: by how much a figure is more on side B than on side A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    text: String,
    figure: Figure,
    threshold: Threshold,
    /// Whether the threshold itself fails too.
    inclusive: bool,
}

/// A text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadCondition {
    /// There is no `>` or `>=`.
    NoComparison(String),
    /// The figure is not known.
    Figure(UnknownFigure),
    /// The threshold is no part in per cent and no quantity.
    Threshold(BadQuantity),
}

impl fmt::Display for BadCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoComparison(text) => write!(
                f,
                "{text:?}: wanted NAME > HOW MUCH MORE (or >=), as load > 5%, first-paint > 100ms, \
                 transferSize > 20kB, requests > 0"
            ),
            Self::Figure(unknown) => unknown.fmt(f),
            Self::Threshold(bad) => write!(f, "{bad}; or a part of A's value, as 5%"),
        }
    }
}

impl core::error::Error for BadCondition {}

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Self, BadCondition> {
        let none = || BadCondition::NoComparison(text.to_owned());
        let (name, rest) = text.split_once('>').ok_or_else(none)?;
        let (inclusive, much) = match rest.strip_prefix('=') {
            Some(much) => (true, much.trim()),
            None => (false, rest.trim()),
        };
        if name.trim().is_empty() || much.is_empty() || much.contains(['<', '>', '=']) {
            return Err(none());
        }
        let figure = Figure::named(name.trim()).map_err(BadCondition::Figure)?;
        let part = much.strip_suffix('%').and_then(|part| scaled(part.trim(), 10_000));
        let threshold = match part {
            Some(part) => Threshold::Part(part),
            None => {
                Threshold::Amount(quantity(much, figure.unit()).map_err(BadCondition::Threshold)?)
            }
        };
        Ok(Self { text: text.trim().to_owned(), figure, threshold, inclusive })
    }
}

/// What became of a condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ConditionOutcome {
    /// The difference is not as large.
    Held,
    /// The difference is too large.
    Failed,
    /// The difference of the medians is too large, but within the spread of the runs: not a failure.
    WithinSpread {
        /// How that is known.
        significance: Significance,
    },
    /// A side does not have the figure, so that nothing can be said: a failure, since what cannot be
    /// seen must not pass.
    NotMeasured,
}

/// A condition, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgedCondition {
    /// The condition as it was written.
    pub condition: String,
    /// The figure that it is about.
    pub figure: Figure,
    /// The unit of the values.
    pub unit: Unit,
    /// The value on each side, of several runs the median.
    pub value: Both<Option<f64>>,
    /// What became of it.
    pub outcome: ConditionOutcome,
    /// Whether there are several runs a side, but too few to know their spread: the medians were
    /// held against each other.
    pub too_few_runs: bool,
}

impl JudgedCondition {
    /// Whether it fails the comparison.
    pub const fn fails(&self) -> bool {
        matches!(self.outcome, ConditionOutcome::Failed | ConditionOutcome::NotMeasured)
    }

    /// The values in whole nanoseconds, bytes or things.
    pub fn amounts(&self) -> Both<Option<i64>> {
        self.value.map(|value| value.map(|value| self.unit.amount(value)))
    }
}

impl Condition {
    /// Judges a comparison.
    pub fn judge(&self, diff: &Diff) -> JudgedCondition {
        let (value, significance) = self.values(diff);
        let outcome = match value.known() {
            None => ConditionOutcome::NotMeasured,
            Some(amounts) if !self.exceeded(amounts) => ConditionOutcome::Held,
            Some(_) => match significance {
                Some(significance)
                    if significance.is_within() && self.figure.unit() == Unit::Milliseconds =>
                {
                    ConditionOutcome::WithinSpread { significance }
                }
                _ => ConditionOutcome::Failed,
            },
        };
        let unit = self.figure.unit();
        JudgedCondition {
            condition: self.text.clone(),
            figure: self.figure,
            unit,
            value: value.map(|amount| amount.map(|amount| unit.value(amount))),
            outcome,
            too_few_runs: matches!(significance, Some(Significance::TooFewRuns { .. })),
        }
    }

    fn values(&self, diff: &Diff) -> (Both<Option<i64>>, Option<Significance>) {
        let name = match self.figure {
            Figure::Load => {
                let nanos = |took: core::time::Duration| i64::try_from(took.as_nanos()).ok();
                return (diff.load.took.map(nanos), Some(diff.load.significance));
            }
            Figure::Metric(name, _) => name,
        };
        let Some(metric) = diff.metrics.iter().find(|metric| metric.name == name) else {
            return (Both::new(None, None), None);
        };
        let amount = |value: f64| metric.unit.amount(value);
        (metric.value.map(|value| value.map(amount)), metric.significance)
    }

    fn exceeded(&self, Both { a, b }: Both<i64>) -> bool {
        let more = i128::from(b) - i128::from(a);
        let (more, most) = match self.threshold {
            Threshold::Amount(most) => (more, i128::from(most)),
            Threshold::Part(part) => (more * 1_000_000, i128::from(a) * i128::from(part)),
        };
        more > most || (self.inclusive && more == most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Condition {
        text.parse().expect("a condition")
    }

    fn exceeded(text: &str, a: i64, b: i64) -> bool {
        parsed(text).exceeded(Both::new(a, b))
    }

    #[test]
    fn thresholds_are_parts_or_amounts() {
        assert!(!exceeded("load > 5%", 1000, 1050));
        assert!(exceeded("load >= 5%", 1000, 1050));
        assert!(exceeded("load>5%", 1000, 1051));
        assert!(exceeded("load > 0.5 %", 1000, 1006));
        assert!(!exceeded("transferSize > 20kB", 1000, 21_000));
        assert!(exceeded("size > 20 kB", 1000, 21_001));
        assert!(exceeded("requests > 0", 7, 8) && !exceeded("requests > 0", 7, 7));
        // Nothing is a part of nothing, and anything more than that.
        assert!(exceeded("failedRequests > 50%", 0, 1) && !exceeded("failedRequests > 50%", 0, 0));
        // It must have become faster by a tenth.
        assert!(exceeded("first-paint > -10%", 1000, 950));
        assert!(!exceeded("paint > -100ms", 1_000_000_000, 850_000_000));
    }

    #[test]
    fn what_is_no_condition_is_refused_with_what_is_possible() {
        let said = |text: &str| text.parse::<Condition>().unwrap_err().to_string();
        assert!(said("laod > 5%").contains("did you mean load?"), "{}", said("laod > 5%"));
        assert!(said("zzz > 5%").contains("There are: load, paint"), "{}", said("zzz > 5%"));
        for none in ["load", "load < 5%", "load = 5%", "> 5%", "load >", "load >> 5%", ""] {
            assert!(said(none).contains("wanted NAME > HOW MUCH MORE"), "{none}: {}", said(none));
        }
        for much in ["load > 5", "load > 5kB", "requests > 1.5", "load > x%", "size > 5ms"] {
            assert!(said(much).contains("a part of A's value"), "{much}: {}", said(much));
        }
    }
}
