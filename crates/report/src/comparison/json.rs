//! A comparison as JSON, for programs.

use roundtrip_story::MomentDiff;
use serde_json::{Value, json};

use super::model::Comparison;
use super::share::reasons;
use super::words::headline;

/// The schema version of the object that [`comparison_json`] returns. A reader passes over fields it
/// does not know, and refuses another major version. `doc/diff.schema.json` describes the object.
pub const DIFF_SCHEMA: &str = "1.0";

/// A comparison as one JSON object. Names of times and of differences of time end in `_ms`; ids of
/// exchanges are those of the two runs that are compared in detail.
pub fn comparison_json(comparison: &Comparison) -> Value {
    let diff = &comparison.diff;
    let moment = |moment: &MomentDiff| {
        let mut object = json!(moment);
        object["reasons"] = json!(reasons(comparison, moment));
        object
    };
    json!({
        "schema": DIFF_SCHEMA,
        "headline": headline(diff, &diff.load),
        "exit": comparison.exit(),
        "names": comparison.names,
        "sides": diff.sides,
        "nothing_changed": diff.nothing_changed(),
        "same_exchanges": diff.same_exchanges(),
        "other_network": diff.other_network(),
        "load": moment(&diff.load),
        "first_paint": diff.first_paint.as_ref().map(moment),
        "metrics": diff.metrics,
        "unchanged": diff.unchanged(),
        "pairs": diff.pairs,
        "added": diff.added,
        "removed": diff.removed,
        "servers": diff.servers,
        "names_looked_up": diff.names,
        "conditions": comparison.conditions,
    })
}
