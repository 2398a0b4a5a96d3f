//! `SweepError`: why a sweep, or a part of it, did not take place.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use roundtrip_visit::run::RunError;

/// Why a sweep, or a part of it, did not take place. What goes wrong in a cell's own visit is none of
/// these: it is the cell's exit code.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The plan asks for what its inputs do not have.
    #[error("{}{}: {what}", plan.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Plan {
        /// The plan.
        plan: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// An input cannot be read.
    #[error("the input {input}: {why}")]
    Input {
        /// The input, as the plan names it.
        input: String,
        /// Why.
        why: String,
    },
    /// A cell could not be carried out.
    #[error("cell {cell} ({what}): {source}")]
    Cell {
        /// Its number.
        cell: u64,
        /// What it is.
        what: String,
        /// Why.
        source: Box<RunError>,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no Parquet, or is damaged.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ParquetError,
    },
    /// A file is Parquet, but holds no rows of a sweep that belong here.
    #[error("{}: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead, and what is wanted.
        why: String,
    },
    /// Cells are in none of the files.
    #[error("{missing} of {cells} cells are in none of the files: {ranges}")]
    Missing {
        /// How many are missing.
        missing: u64,
        /// How many the sweep has.
        cells: u64,
        /// Which, and in which shard they would be.
        ranges: String,
    },
    /// Two files disagree about a cell, though the same plan made them.
    #[error(transparent)]
    Disagree(Box<Disagreement>),
}

/// Two files that say different things of one cell.
#[derive(Debug, thiserror::Error)]
#[error(
    "cell {cell}: {} says {column} = {one}, {} says {other}. One engine and one plan always give the same \
     row: one of the two machines or builds is at fault",
    first.display(), second.display()
)]
pub struct Disagreement {
    /// The cell.
    pub cell: u64,
    /// The column in which they do.
    pub column: String,
    /// What the one file says.
    pub one: String,
    /// What the other says.
    pub other: String,
    /// The one file.
    pub first: PathBuf,
    /// The other.
    pub second: PathBuf,
}

impl SweepError {
    /// A function that wraps what the system said of a path.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), source }
    }

    /// A function that wraps what is wrong with a Parquet file.
    pub(crate) fn parquet(path: &Path) -> impl Fn(ParquetError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Parquet { path: path.clone(), source }
    }

    pub(crate) fn input(input: &str, why: String) -> Self {
        Self::Input { input: input.to_owned(), why }
    }
}
