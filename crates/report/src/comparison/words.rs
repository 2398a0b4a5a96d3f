//! Figures of a comparison in words.

use core::time::Duration;

use roundtrip_story::{Both, Diff, MomentDiff, Shift, Significance, SpreadTest, Unit};

use crate::text::{bytes, count, duration, grouped};

/// A difference of time with its sign: `+740 ms`, `−1.2 s`, `±0 ms`.
pub(crate) fn shift(shift: Shift) -> String {
    match shift.nanos() {
        0 => "±0 ms".into(),
        1.. => format!("+{}", duration(shift.size())),
        _ => format!("−{}", duration(shift.size())),
    }
}

/// An amount in its unit: `2.1 s`, `484 kB`, `44`.
pub(crate) fn amount(amount: i64, unit: Unit) -> String {
    let size = amount.unsigned_abs();
    let text = match unit {
        Unit::Milliseconds => duration(Duration::from_nanos(size)),
        Unit::Bytes => bytes(size),
        Unit::Count => grouped(size),
    };
    if amount < 0 { format!("−{text}") } else { text }
}

/// A metric's value in its unit.
pub(crate) fn unit_value(value: Option<f64>, unit: Unit) -> String {
    value.map_or("none".into(), |value| amount(unit.amount(value), unit))
}

/// How much more B has than A, with its sign, and as a part of A.
pub(crate) fn signed(amounts: Both<i64>, unit: Unit) -> String {
    let more = amounts.b.saturating_sub(amounts.a);
    let plus = if more > 0 { "+" } else { "" };
    let text = if more == 0 { "±0".to_owned() } else { format!("{plus}{}", amount(more, unit)) };
    match part(amounts.a, amounts.b) {
        Some(part) if more != 0 => format!("{text}, {part}"),
        _ => text,
    }
}

/// How much more B is than A, as a part of A: `+35%`. Nothing can be said against zero.
pub(crate) fn part(a: i64, b: i64) -> Option<String> {
    if a <= 0 {
        return None;
    }
    let part = (b as f64 - a as f64) / a as f64 * 100.0;
    let digits = usize::from(part.abs() < 9.95);
    let text = format!("{:.digits$}", part.abs());
    Some(format!("{}{text}%", if part < 0.0 { '−' } else { '+' }))
}

/// The first line: how much later the moment came, and whether that is beyond the spread.
pub(crate) fn headline(diff: &Diff, moment: &MomentDiff) -> String {
    let name = name(moment);
    if diff.nothing_changed() {
        let requests = count(diff.pairs.len(), "request");
        return format!("nothing changed: {name} {}, {requests}", duration(moment.took.a));
    }
    let spread = significance(&moment.significance);
    if moment.difference.is_zero() {
        return format!("{name} {} on both sides, {spread}", duration(moment.took.a));
    }
    let nanos = moment.took.map(|took| i64::try_from(took.as_nanos()).unwrap_or(i64::MAX));
    format!(
        "{name} {} → {} ({}), {spread}",
        duration(moment.took.a),
        duration(moment.took.b),
        signed(nanos, Unit::Milliseconds),
    )
}

/// The name of a moment, for people.
fn name(moment: &MomentDiff) -> &'static str {
    match moment.name {
        "first-paint" => "first paint",
        other => other,
    }
}

/// Whether a difference is beyond the spread, in words.
pub(crate) fn significance(significance: &Significance) -> String {
    match significance {
        Significance::OneRun => "one run each".into(),
        Significance::TooFewRuns { runs, needed } => {
            format!("too few runs to tell: {} ({needed} a side can)", numbers(*runs))
        }
        Significance::Beyond { runs, test } => {
            format!("beyond the spread of either ({}{})", numbers(*runs), probability(*test))
        }
        Significance::Within { runs, test } => {
            format!("within the spread ({}{})", numbers(*runs), probability(*test))
        }
    }
}

fn numbers(runs: Both<usize>) -> String {
    if runs.differ() {
        format!("{} against {} runs", runs.a, runs.b)
    } else {
        format!("{} each", count(runs.a, "run"))
    }
}

fn probability(test: SpreadTest) -> String {
    match test {
        SpreadTest::Ranks { p } if p < 0.0001 => ", p < 0.0001".into(),
        SpreadTest::Ranks { p } => format!(", p = {p}"),
        SpreadTest::Intervals => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign() {
        let between = |a, b| Shift::between(Duration::from_millis(a), Duration::from_millis(b));
        assert_eq!(shift(between(2100, 2840)), "+740 ms");
        assert_eq!(shift(between(2840, 1640)), "−1.2 s");
        assert_eq!(shift(Shift::ZERO), "±0 ms");
        assert_eq!(
            signed(Both::new(2_100_000_000, 2_840_000_000), Unit::Milliseconds),
            "+740 ms, +35%"
        );
        assert_eq!(signed(Both::new(1000, 975), Unit::Bytes), "−25 B, −2.5%");
        assert_eq!(signed(Both::new(0, 3), Unit::Count), "+3");
        assert_eq!(signed(Both::new(3, 3), Unit::Count), "±0");
    }

    #[test]
    fn the_spread_is_said_plainly() {
        let runs = Both::new(5, 5);
        let test = SpreadTest::Intervals;
        let said = |one| significance(&one);
        assert_eq!(
            said(Significance::Beyond { runs, test }),
            "beyond the spread of either (5 runs each)"
        );
        let test = SpreadTest::Ranks { p: 0.4206 };
        assert_eq!(
            said(Significance::Within { runs: Both::new(5, 6), test }),
            "within the spread (5 against 6 runs, p = 0.4206)"
        );
        let few = Significance::TooFewRuns { runs: Both::new(3, 3), needed: 4 };
        assert_eq!(said(few), "too few runs to tell: 3 runs each (4 a side can)");
    }
}
