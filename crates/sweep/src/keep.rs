//! `KeepCondition`: of which cells the record is kept, besides their rows: `load > p99`.

use core::str::FromStr;

use roundtrip_story::{Figure, Unit, quantity};

/// Which cells are looked at closer: those whose figure lies above a percentile of the whole sweep, or
/// above a value. What a cell was can be recorded afterwards, since it always goes the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepCondition {
    subject: Subject,
    threshold: Threshold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Exit,
    Figure(Figure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threshold {
    /// The percentile.
    Percentile(u8),
    /// Nanoseconds, bytes or things.
    Amount(i64),
}

/// A text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: wanted FIGURE > pN or FIGURE > VALUE, as load > p99, load > 3 s, exit > 0{why}")]
pub struct BadKeepCondition {
    text: String,
    why: String,
}

impl FromStr for KeepCondition {
    type Err = BadKeepCondition;

    fn from_str(text: &str) -> Result<Self, BadKeepCondition> {
        let bad = |why: String| BadKeepCondition { text: text.to_owned(), why };
        let (name, much) = text.split_once('>').ok_or_else(|| bad(String::new()))?;
        let (name, much) = (name.trim(), much.trim());
        let subject = if name == "exit" {
            Subject::Exit
        } else {
            Subject::Figure(Figure::named(name).map_err(|unknown| bad(format!(": {unknown}")))?)
        };
        let unit = match subject {
            Subject::Exit => Unit::Count,
            Subject::Figure(figure) => figure.unit(),
        };
        let percent = much.strip_prefix('p').map(|percent| {
            let percent = percent.parse().ok().filter(|percent| (1..=99).contains(percent));
            percent.ok_or_else(|| bad(format!(": {much} is no percentile from p1 to p99")))
        });
        let threshold = if let Some(percent) = percent.transpose()? {
            Threshold::Percentile(percent)
        } else {
            Threshold::Amount(quantity(much, unit).map_err(|why| bad(format!(": {why}")))?)
        };
        Ok(Self { subject, threshold })
    }
}

impl KeepCondition {
    /// The figure that it is about; the load time where it is about exit codes.
    pub fn figure(&self) -> Figure {
        match self.subject {
            Subject::Exit => Figure::Load,
            Subject::Figure(figure) => figure,
        }
    }

    /// Whether it is about exit codes, and not about a figure.
    pub fn is_of_exit(&self) -> bool {
        self.subject == Subject::Exit
    }

    /// The column that it is about.
    pub fn column(&self) -> &'static str {
        match self.subject {
            Subject::Exit => "exit",
            Subject::Figure(figure) => figure.name(),
        }
    }

    /// The value, in the column's unit, that has to be exceeded, where these are all values of the sweep.
    fn bound(&self, values: &[Option<f64>]) -> Option<f64> {
        match (self.threshold, self.subject) {
            (Threshold::Percentile(percent), _) => {
                let mut sorted: Vec<f64> = values.iter().copied().flatten().collect();
                sorted.sort_by(f64::total_cmp);
                // The nearest rank: so many per cent of the values are no larger.
                let rank = (sorted.len() * usize::from(percent)).div_ceil(100).max(1);
                sorted.get(rank - 1).copied()
            }
            (Threshold::Amount(amount), Subject::Exit) => Some(amount as f64),
            (Threshold::Amount(amount), Subject::Figure(figure)) => {
                Some(figure.unit().value(amount))
            }
        }
    }
}

/// The places of the values, in a sweep's column, that a condition is true of.
pub fn chosen(condition: &KeepCondition, values: &[Option<f64>]) -> Vec<u64> {
    let Some(bound) = condition.bound(values) else { return Vec::new() };
    let above = |(place, value): (usize, &Option<f64>)| {
        value.is_some_and(|value| value > bound).then_some(place as u64)
    };
    values.iter().enumerate().filter_map(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, values: &[f64]) -> Vec<u64> {
        let condition = text.parse().unwrap_or_else(|error| panic!("{error}"));
        chosen(&condition, &values.iter().copied().map(Some).collect::<Vec<_>>())
    }

    #[test]
    fn what_lies_above_is_kept() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(of("load > p99", &values), [198, 199]);
        assert_eq!(of("load>199ms", &values), [199]);
        assert_eq!(of("exit > 0", &[0.0, 7.0]), [1]);
        assert_eq!(of("load > p50", &[]), [] as [u64; 0]);
        // All are alike: none stands out.
        assert_eq!(of("load > p99", &[5.0; 50]), [] as [u64; 0]);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for (text, says) in [
            ("load", "load > p99"),
            ("laod > p99", "did you mean load?"),
            ("load > p0", "no percentile"),
            ("load > p100", "no percentile"),
            ("load > 5", "wanted a time with its unit"),
            ("transferSize > 5 s", "wanted a size"),
        ] {
            let error = text.parse::<KeepCondition>().expect_err(text);
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
    }
}
