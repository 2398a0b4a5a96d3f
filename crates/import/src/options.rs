//! What the caller says of an import, and what it is told.

use std::path::PathBuf;

use roundtrip_record::ImportNote;

/// What is taken of a recording, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The page of a HAR: its id, its number from 1, or `all`. The first one unless told.
    pub page: Option<String>,
    /// Files with keys of TLS sessions (`SSLKEYLOGFILE`), for captures.
    pub keys: Vec<PathBuf>,
    /// What the recorder saw besides and a HAR has no place for.
    pub observed: Observed,
}

/// What was seen of a page besides what its recording holds.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What a reader must know, each in a sentence.
    pub notes: Vec<String>,
    /// The page at the end of the recording.
    pub picture: Option<Picture>,
}

/// A picture of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// PNG.
    pub png: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The page's title.
    pub title: String,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The exit code of the visit that was recorded: 0, or that of the fault that ended it.
    pub exit: u8,
    /// What was missing, contradictory or inferred, what concerns most entries first.
    pub notes: Vec<ImportNote>,
    /// The number of entries that were imported.
    pub entries: u64,
}
