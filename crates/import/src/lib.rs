//! Takes in what other programs recorded, as a record like any other, so that every view, replay and
//! comparison works on it: HTTP archives (HAR) of browsers and tools, captures of packets, Chrome's logs of its
//! network (`NetLog`).
//!
//! # Contract
//! - What a recording is shows in its bytes, not in its name; it may be compressed with gzip or
//!   zstd.
//! - Everything in it is accounted for: it becomes events, or a note with a count says why not.
//! - A fact that the recording does not state is inferred, and marked so in the record
//!   ([`ImportedExchange`](roundtrip_record::ImportedExchange)).
//! - What is wrong with a recording is an error that says where; no input makes this panic.
//! - Memory does not grow with the recording's bodies, which are written out as they are read.
//!
//! ```
//! use roundtrip_import::{Options, import};
//! use roundtrip_record::Log;
//! use roundtrip_story::Story;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("visit.har");
//! std::fs::write(&path, r#"{"log": {"version": "1.2", "entries": [{
//!     "startedDateTime": "2026-01-01T00:00:00Z", "time": 30,
//!     "request": {"method": "GET", "url": "http://a.example/"},
//!     "response": {"status": 200, "content": {"text": "Hello"}},
//!     "timings": {"send": 0, "wait": 20, "receive": 10}
//! }]}}"#)?;
//! let log = Log::memory();
//! import(&path, &Options::default(), &log)?;
//! let story = Story::new(log.events());
//! assert_eq!(story.document().unwrap().status(), Some(200));
//! assert_eq!(story.total().took().as_millis(), 30);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod agenda;
mod capture;
mod error;
mod failure;
mod har;
mod input;
mod json;
mod netlog;
mod notes;
mod options;
mod run;
mod text;
mod words;

use std::path::Path;

use roundtrip_record::Log;

pub use error::ImportError;
pub use netlog::{Carriage, carriages};
pub use options::{Imported, Observed, Options, Picture};

use input::Input;

/// Reads the recording `path` into `log`, which must be a new one.
///
/// # Errors
/// When the file cannot be read, is no recording that is known, or holds nothing that can be
/// imported.
pub fn import(path: &Path, options: &Options, log: &Log) -> Result<Imported, ImportError> {
    let input = Input::open(path)?;
    if let Some(what) = foreign(input.begin()) {
        return Err(ImportError::Unknown { path: path.to_owned(), what: what.to_owned() });
    }
    if capture::is_capture(input.begin()) {
        return capture::import(input, options, log);
    }
    if netlog::is_netlog(input.begin()) {
        return netlog::import(input, log);
    }
    har::import(input, options, log)
}

/// What a file is that cannot be imported, by its first bytes.
fn foreign(begin: &[u8]) -> Option<&'static str> {
    match begin {
        [b'P', b'K', 3 | 5, _, ..] => Some("a zip archive; unpack it and import what is in it"),
        [b'B', b'Z', b'h', ..] => Some("compressed with bzip2; unpack it first"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("compressed with xz; unpack it first"),
        _ => None,
    }
}
