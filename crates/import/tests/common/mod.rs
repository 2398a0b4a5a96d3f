//! Small archives, and what is read of them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Write as _;

use roundtrip_import::{ImportError, Imported, Options, import};
use roundtrip_record::{Bodies, Log, Recorder, Settings, What};
use roundtrip_story::Story;
use serde_json::{Value, json};

/// What became of a file.
pub(crate) struct Read {
    pub(crate) story: Story,
    pub(crate) bodies: Bodies,
    pub(crate) imported: Imported,
}

impl Read {
    /// The notes that contain a text, and how many entries they concern.
    pub(crate) fn noted(&self, text: &str) -> u64 {
        let fits = self.imported.notes.iter().filter(|note| note.note.contains(text));
        fits.map(|note| note.count).sum()
    }

    /// What was inferred of the exchange for a URL.
    pub(crate) fn inferred(&self, url: &str) -> Vec<String> {
        let exchange = self.story.exchanges.iter().find(|exchange| exchange.url == url).unwrap();
        let of = |what: &What| match what {
            What::ImportedExchange(of) if of.exchange == exchange.id => Some(of.inferred.clone()),
            _ => None,
        };
        let inferred = self.story.events.iter().find_map(|event| of(&event.what)).unwrap();
        inferred.into_iter().map(|inference| inference.fact).collect()
    }

    /// The response's body of the exchange for a URL.
    pub(crate) fn body(&self, url: &str) -> Option<Vec<u8>> {
        let exchange = self.story.exchanges.iter().find(|exchange| exchange.url == url)?;
        let content = exchange.response.as_ref()?.what.body.content.as_ref()?;
        Some(self.bodies.get(content).unwrap())
    }
}

/// Imports bytes as they would stand in a file.
pub(crate) fn bytes(bytes: &[u8], options: &Options) -> Result<Read, ImportError> {
    recorded(bytes, options, Settings::in_memory())
}

/// Imports bytes into a record with these settings.
pub(crate) fn recorded(
    bytes: &[u8],
    options: &Options,
    settings: Settings,
) -> Result<Read, ImportError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path = file.path().to_owned();
    let log = Log::new(Recorder::new(settings).unwrap());
    let imported = import(&path, options, &log)?;
    Ok(Read { story: Story::new(log.events()), bodies: log.bodies(), imported })
}

/// Imports an archive of these entries.
pub(crate) fn entries(entries: &Value) -> Read {
    archive(&json!({ "log": { "version": "1.2", "creator": {"name": "t"}, "entries": entries } }))
}

/// Imports an archive.
pub(crate) fn archive(archive: &Value) -> Read {
    bytes(archive.to_string().as_bytes(), &Options::default()).unwrap()
}

/// An entry that began `start` milliseconds after the archive's first second, with its answer and
/// its timings; `more` replaces and adds fields.
pub(crate) fn entry(start: u64, url: &str, more: Value) -> Value {
    let mut entry = json!({
        "startedDateTime": format!("2026-03-01T12:00:00.{start:03}Z"),
        "time": 10,
        "request": {"method": "GET", "url": url, "httpVersion": "HTTP/1.1", "headers": []},
        "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "headers": [], "content": {}},
        "cache": {},
        "timings": {"send": 0, "wait": 8, "receive": 2}
    });
    merge(&mut entry, more);
    entry
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// A generator without state elsewhere, so that a failure is found again (Numerical Recipes).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}
