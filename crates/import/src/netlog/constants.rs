//! The constants that a log begins with: what its numbers mean.

use std::collections::BTreeMap;

use serde_json::Value;

use super::event::{Event, Kind, Phase};

/// The numbers of one log.
#[derive(Debug, Default)]
pub(crate) struct Constants {
    kinds: BTreeMap<u64, Kind>,
    phases: BTreeMap<u64, Phase>,
    errors: BTreeMap<i64, String>,
    /// What is added to times to make them milliseconds since 1970.
    offset: i64,
    /// Name and version of the program.
    pub(crate) client: String,
}

impl Constants {
    /// Reads the log's `constants`; `None` where what no log can be read without is missing.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let numbers = |name: &str| value.get(name).and_then(Value::as_object);
        let mut constants = Self::default();
        for (name, number) in numbers("logEventTypes")? {
            if let (Some(kind), Some(number)) = (Kind::named(name), number.as_u64()) {
                constants.kinds.insert(number, kind);
            }
        }
        for (name, number) in numbers("logEventPhase")? {
            if let (Some(phase), Some(number)) = (Phase::named(name), number.as_u64()) {
                constants.phases.insert(number, phase);
            }
        }
        for (name, number) in numbers("netError").into_iter().flatten() {
            if let Some(number) = number.as_i64() {
                constants.errors.insert(number, name.clone());
            }
        }
        constants.offset = number(value.get("timeTickOffset")).unwrap_or(0);
        let client = value.get("clientInfo");
        let word = |name: &str| {
            client.and_then(|client| client.get(name)).and_then(Value::as_str).unwrap_or_default()
        };
        let client = format!("{} {}", word("name"), word("version"));
        client.trim().clone_into(&mut constants.client);
        Some(constants)
    }

    /// Reads an event; `None` where it is of no kind that is read, or is none.
    pub(crate) fn event(&self, mut value: Value) -> Option<Event> {
        let kind = *self.kinds.get(&value.get("type")?.as_u64()?)?;
        let phase =
            value.get("phase").and_then(Value::as_u64).and_then(|number| self.phases.get(&number));
        let source = value.get("source")?.get("id")?.as_u64()?;
        let time = number(value.get("time")).and_then(|time| u64::try_from(time).ok())?;
        let params = value.get_mut("params").map_or(Value::Null, Value::take);
        Some(Event { kind, phase: phase.copied().unwrap_or(Phase::None), source, time, params })
    }

    /// The name of an error of Chromium's, such as `ERR_NAME_NOT_RESOLVED`.
    pub(crate) fn error(&self, number: i64) -> String {
        self.errors.get(&number).cloned().unwrap_or_else(|| format!("net error {number}"))
    }

    /// A time of the log as nanoseconds since 1970.
    pub(crate) fn wall(&self, time: u64) -> u64 {
        let millis = i128::from(time) + i128::from(self.offset);
        u64::try_from(millis.max(0) * 1_000_000).unwrap_or(0)
    }
}

/// A number that older logs write as one and newer ones as text.
fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64().or_else(|| value.as_f64().map(|number| number as i64)),
    }
}
