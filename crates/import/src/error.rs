//! `ImportError`: why a recording could not be read, and where.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a recording could not be imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The file is compressed, and the compressed stream is damaged, ends early, or grows beyond all
    /// measure.
    #[error("{}: {format} cannot be unpacked after {offset} bytes that came out: {source}", path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// The compression: `gzip`, `zstd`.
        format: &'static str,
        /// Bytes that could be unpacked.
        offset: u64,
        /// What the decoder found.
        source: io::Error,
    },
    /// The text is not JSON.
    #[error("{}: not JSON at byte {offset} (line {line}, column {column}): {why}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from the start of the (unpacked) text, from 0.
        offset: u64,
        /// The line, from 1.
        line: u64,
        /// The column in bytes, from 1.
        column: u64,
        /// What is wrong.
        why: String,
    },
    /// The capture is damaged.
    #[error("{}: damaged at byte {offset}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from the start of the (unpacked) file.
        offset: u64,
        /// What is wrong there.
        why: String,
    },
    /// The file is of a kind that cannot be imported.
    #[error("{}: {what}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What the file seems to be, and what to do.
        what: String,
    },
    /// The recording holds nothing that could be imported.
    #[error("{}: {why}", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// Why nothing is left.
        why: String,
    },
    /// There is no such page in the recording.
    #[error("{}: no page {wanted}; {}", path.display(), pages(found))]
    NoPage {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        wanted: String,
        /// The ids and titles of its pages.
        found: Vec<String>,
    },
}

fn pages(found: &[String]) -> String {
    const SHOWN: usize = 8;
    match found.len() {
        0 => "the file names no pages".into(),
        n if n > SHOWN => format!("it has {n}: {} …", found[..SHOWN].join(", ")),
        _ => format!("it has {}", found.join(", ")),
    }
}
