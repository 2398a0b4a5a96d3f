//! Reads the text of a log, event by event.

use roundtrip_record::Log;
use serde_json::Value;

use super::constants::Constants;
use super::state::Seen;
use crate::error::ImportError;
use crate::json::{Bounded, Json, JsonError};
use crate::notes::Notes;
use crate::text::{Text, located};

/// The largest event that is read, in bytes: with `--net-log-capture-mode=Everything` those with bytes of bodies have some
/// hundred kilobytes.
const LARGEST_EVENT: usize = 8 << 20;

/// The largest constants that are read, in bytes; Chromium's have a hundred kilobytes.
const LARGEST_CONSTANTS: usize = 16 << 20;

/// Reads a log to its end.
pub(crate) fn log(
    json: &mut Json<Text>,
    log: &Log,
    notes: &mut Notes,
) -> Result<(Constants, Seen), ImportError> {
    if let Some(unusual) = json.input().unusual {
        notes.add(unusual);
    }
    let mut reader = Reader { constants: None, seen: Seen::new(log), notes, met: false };
    let read = reader.root(json);
    let Reader { constants, seen, met, .. } = reader;
    if let Err(error) = read {
        // Where the text just ends, the browser had no time to end it.
        let breaks_off =
            met && matches!(error, JsonError::Wrong { .. }) && matches!(json.peek(), Ok(None));
        if !breaks_off {
            return Err(located(json, error));
        }
        notes.add("the log breaks off: the browser was ended before it could end it");
    }
    notes.add_many("strings hold what JSON does not allow there; it was replaced", json.repaired);
    let path = json.input().input().path().to_owned();
    match constants {
        Some(constants) if met => Ok((constants, seen)),
        _ => Err(ImportError::Nothing {
            path,
            why: "a NetLog without events, or without its constants".into(),
        }),
    }
}

struct Reader<'a> {
    constants: Option<Constants>,
    seen: Seen,
    notes: &'a mut Notes,
    /// Whether there were events.
    met: bool,
}

impl Reader<'_> {
    fn root(&mut self, json: &mut Json<Text>) -> Result<(), JsonError> {
        json.object(|json, name| match (name, json.peek()?) {
            ("constants", Some(b'{')) => self.constants(json),
            ("events", Some(b'[')) => {
                self.met = true;
                json.array(|json| self.event(json))
            }
            _ => json.skip(),
        })?;
        match json.peek()? {
            Some(_) => json.wrong("there is more text after the end of the log"),
            None => Ok(()),
        }
    }

    fn constants(&mut self, json: &mut Json<Text>) -> Result<(), JsonError> {
        let mut text = Bounded::new(LARGEST_CONSTANTS);
        json.copy(&mut text)?;
        let value: Option<Value> = serde_json::from_slice(&text.bytes).ok().filter(|_| !text.over);
        self.constants = value.as_ref().and_then(Constants::read);
        if self.constants.is_none() {
            return json.wrong("the constants do not explain the types of events and their phases");
        }
        Ok(())
    }

    fn event(&mut self, json: &mut Json<Text>) -> Result<(), JsonError> {
        let Some(constants) = &self.constants else {
            return json.wrong("events come before the constants, which explain them");
        };
        let mut text = Bounded::new(LARGEST_EVENT);
        json.copy(&mut text)?;
        if text.over || text.deep {
            self.notes.add("events are too large or nested too deeply; they were passed over");
            return Ok(());
        }
        match serde_json::from_str::<Value>(&String::from_utf8_lossy(&text.bytes)) {
            Ok(value) => {
                if let Some(event) = constants.event(value) {
                    self.seen.take(&event, self.notes);
                }
            }
            Err(_) => self.notes.add("events cannot be understood; they were passed over"),
        }
        Ok(())
    }
}
