//! Words that the views of a report have in common.

use core::time::Duration;

use roundtrip_advise::Effect;
use roundtrip_report::text::{bytes, count, duration};
use roundtrip_story::Unit;

use super::gather::{Gain, Helped, SweepReport};

/// The most inputs that are named.
const NAMED: usize = 3;

/// A value with its unit.
pub(crate) fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Milliseconds => time(value),
        Unit::Bytes => bytes(value.max(0.0).round() as u64),
        Unit::Count => format!("{value:.0}"),
    }
}

/// A time in milliseconds, with its sign where it is negative.
pub(crate) fn time(ms: f64) -> String {
    let text = duration(Duration::from_nanos((ms.abs() * 1e6).round() as u64));
    if ms < 0.0 { format!("-{text}") } else { text }
}

/// What was visited, in a sentence.
pub(crate) fn summary(report: &SweepReport) -> String {
    let networks = report.figures.first().map_or(0, |figure| figure.networks.len());
    let visits = count(report.visits as usize, "visit");
    let of = format!(
        "{visits} of {} over {}",
        count(report.inputs.len(), "input"),
        count(networks, "network")
    );
    match report.failed {
        0 => of,
        failed => format!("{of}, {failed} failed and have no part in the figures"),
    }
}

/// What was saved: the median, and from a tenth to nine tenths of the pairs.
pub(crate) fn saved(gain: &Gain) -> String {
    gain.saving.map_or_else(
        || "no pair has it".into(),
        |saving| {
            format!(
                "{} ({} to {})",
                time(saving.median_ms),
                time(saving.low_ms),
                time(saving.high_ms)
            )
        },
    )
}

/// How many pairs were faster, and what went wrong.
pub(crate) fn pairs(gain: &Gain) -> String {
    let mut text = format!("faster {} of {}", gain.faster, gain.pairs);
    if gain.slower > 0 {
        text.push_str(&format!(", slower {}", gain.slower));
    }
    if gain.failed > 0 {
        text.push_str(&format!(", {} FAILED only with it", gain.failed));
    }
    text
}

/// Whom it helps, and whom it costs something.
pub(crate) fn whom(helped: &Helped) -> String {
    let of = |effect: Effect| {
        let with = move |(_, gain): &&(String, Gain)| {
            gain.saving.is_some_and(|saving| saving.effect() == effect)
        };
        helped.inputs.iter().filter(with)
    };
    let named = |inputs: Vec<&(String, Gain)>| {
        let more = inputs.len().saturating_sub(NAMED);
        let named = inputs.iter().take(NAMED).map(|(input, gain)| match gain.saving {
            Some(saving) => format!("{input} {}", time(saving.median_ms)),
            None => input.clone(),
        });
        let mut text = named.collect::<Vec<_>>().join(", ");
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        text
    };
    let (saves, mut costs): (Vec<_>, Vec<_>) =
        (of(Effect::Saves).collect(), of(Effect::Costs).collect());
    costs.reverse();
    match (saves.is_empty(), costs.is_empty()) {
        (true, true) => "helps nobody".into(),
        (false, true) => format!("helps {}", named(saves)),
        (true, false) => format!("costs {}", named(costs)),
        (false, false) => format!("helps {}; costs {}", named(saves), named(costs)),
    }
}
