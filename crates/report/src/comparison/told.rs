//! What is told of a comparison besides its figures: which runs they are, what has to be known before
//! their times are compared, what became of conditions.

use roundtrip_story::{ConditionOutcome, JudgedCondition, MetricDiff, SideSummary, Significance};

use super::model::Comparison;
use super::words::{signed, significance, unit_value};
use crate::text::{clean, count};

/// One side in words.
pub(crate) fn side(side: &SideSummary) -> String {
    let net = side.net.as_deref().map_or(String::new(), |net| format!(" {}", clean(net)));
    let runs = match (side.runs, side.among) {
        (1, Some(among)) if among.runs > 1 => format!("median of {} runs, ", among.runs),
        (1, _) => String::new(),
        (runs, _) => format!("{runs} runs, of which no. {} is the median, ", side.shown + 1),
    };
    format!("{runs}{}{net}, {}", clean(&side.wire), clean(&side.subject))
}

/// What has to be known before times are compared: other networks, other results.
pub(crate) fn circumstances(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let diff = &comparison.diff;
    let sides = &diff.sides;
    let mut told = Vec::new();
    if diff.other_network() {
        let ground = |side: &SideSummary| {
            let net = side.net.as_deref().map_or(String::new(), |net| format!(" {}", clean(net)));
            format!("{}{net}", clean(&side.wire))
        };
        let same = if diff.same_exchanges() { "; the requests are the same" } else { "" };
        told.push((
            "networks",
            format!(
                "differ: {} → {}. Times differ for that, whatever became of the site{same}",
                ground(&sides.a),
                ground(&sides.b)
            ),
        ));
    }
    let elsewhere = diff.other_origin();
    if elsewhere > 0 {
        let page = |side: &SideSummary| clean(side.document.as_deref().unwrap_or_default());
        let text = format!(
            "{} → {}: {} with another scheme or host are taken for the same by their paths",
            page(&sides.a),
            page(&sides.b),
            count(elsewhere, "request")
        );
        told.push(("addresses", text));
    }
    if sides.a.status != sides.b.status || sides.a.exit != sides.b.exit {
        let result = |side: &SideSummary| {
            let status = side.status.map_or("no answer".into(), |status| status.to_string());
            if side.exit == 0 { status } else { format!("{status} (exit {})", side.exit) }
        };
        told.push(("result", format!("{} → {}", result(&sides.a), result(&sides.b))));
    }
    for (name, side) in [("A", &sides.a), ("B", &sides.b)] {
        if side.unfinished {
            told.push((
                "record",
                format!("{name} has no end: what is missing may be why it differs"),
            ));
        }
    }
    told
}

/// What became of a condition, in words.
pub(crate) fn condition(one: &JudgedCondition) -> String {
    let [a, b] = [one.value.a, one.value.b].map(|value| unit_value(value, one.unit));
    let by = one
        .amounts()
        .known()
        .map_or(String::new(), |amounts| format!(" ({})", signed(amounts, one.unit)));
    let why = match &one.outcome {
        ConditionOutcome::Held | ConditionOutcome::Failed if one.too_few_runs => {
            ", judged by the medians: too few runs to know their spread".to_owned()
        }
        ConditionOutcome::Held | ConditionOutcome::Failed => String::new(),
        ConditionOutcome::WithinSpread { significance: known } => {
            format!(", which is {}", significance(known))
        }
        ConditionOutcome::NotMeasured => {
            let side = if one.value.a.is_none() { "A" } else { "B" };
            return format!("{side} has no {}, so nothing can be said", one.figure.name());
        }
    };
    format!("{a} → {b}{by}{why}")
}

/// The difference of a metric, and whether it is beyond the spread where that is known.
pub(crate) fn difference(metric: &MetricDiff) -> String {
    let Some(amounts) = metric.amounts() else { return "only on one side".into() };
    let spread = match &metric.significance {
        Some(Significance::OneRun) | None => String::new(),
        _ if !amounts.differ() => String::new(),
        Some(known) => format!("  {}", significance(known)),
    };
    format!("{}{spread}", signed(amounts, metric.unit))
}
