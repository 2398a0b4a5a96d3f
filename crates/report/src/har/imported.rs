//! An archive that was imported, given back as it was: its own JSON, with the texts of its bodies
//! put back in.

use data_encoding::BASE64;
use roundtrip_record::{Bodies, BodyRef, What};
use serde::ser::SerializeMap as _;
use serde::{Deserialize as _, Serialize, Serializer};
use serde_json::Value;

use super::sequence::Sequence;
use crate::model::Model;

/// The archive without its texts.
pub(super) struct Imported {
    /// All of the archive but its entries.
    head: Value,
    /// The entries, one a line.
    entries: Vec<u8>,
}

impl Imported {
    /// The archive that a record was made from; `None` for a record that was not imported from one,
    /// or whose bodies are not at hand.
    pub(super) fn find(model: &Model, bodies: &Bodies) -> Option<Self> {
        let file = model.events.iter().find_map(|event| match &event.what {
            What::ImportedFile(file) => Some(file),
            _ => None,
        })?;
        let head = bodies.get(file.archive.as_ref()?).ok()?;
        let head = serde_json::from_slice(&head).ok()?;
        Some(Self { head, entries: bodies.get(file.entries.as_ref()?).ok()? })
    }

    /// The archive with its texts.
    pub(super) fn with<'a>(&'a self, bodies: &'a Bodies) -> Whole<'a> {
        Whole { imported: self, bodies }
    }

    fn entries<'a>(&'a self, bodies: &'a Bodies) -> impl Iterator<Item = Value> + 'a {
        let lines = self.entries.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.filter_map(move |line| {
            let mut entry: Value = serde_json::from_slice(line).ok()?;
            restore(entry.pointer_mut("/request/postData"), bodies);
            restore(entry.pointer_mut("/response/content"), bodies);
            Some(entry)
        })
    }
}

/// An imported archive that is put together while it is serialised.
pub(super) struct Whole<'a> {
    imported: &'a Imported,
    bodies: &'a Bodies,
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut root = serializer.serialize_map(None)?;
        for (name, value) in self.imported.head.as_object().into_iter().flatten() {
            if name == "log" {
                root.serialize_entry(name, &Log { whole: self, log: value })?;
            } else {
                root.serialize_entry(name, value)?;
            }
        }
        root.end()
    }
}

struct Log<'a> {
    whole: &'a Whole<'a>,
    log: &'a Value,
}

impl Serialize for Log<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Whole { imported, bodies } = self.whole;
        let mut log = serializer.serialize_map(None)?;
        for (name, value) in self.log.as_object().into_iter().flatten() {
            log.serialize_entry(name, value)?;
        }
        log.serialize_entry("entries", &Sequence(|| imported.entries(bodies)))?;
        log.end()
    }
}

/// Puts the text of a body back in the place of its reference. A body that is not at hand leaves
/// no text.
fn restore(holder: Option<&mut Value>, bodies: &Bodies) {
    let Some(holder) = holder.and_then(Value::as_object_mut) else { return };
    let Some(reference) = holder.get("text").and_then(|text| BodyRef::deserialize(text).ok())
    else {
        return;
    };
    let coding = holder.get("encoding").and_then(Value::as_str);
    let base64 = coding.is_some_and(|coding| coding.eq_ignore_ascii_case("base64"));
    match bodies.get(&reference) {
        Ok(bytes) if base64 => {
            holder.insert("text".into(), BASE64.encode(&bytes).into());
        }
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            holder.insert("text".into(), text.into());
        }
        Err(_) => {
            holder.remove("text");
        }
    }
}
