//! `merge`: joins files of results to the one that a single process would have written.

use core::ops::Range;
use std::path::{Path, PathBuf};

use crate::column::{Batch, Column};
use crate::error::{Disagreement, SweepError};
use crate::reader::TableReader;
use crate::shard::Shard;
use crate::table::{Header, TableWriter};

/// How many rows of a file are held at a time.
const ROWS: usize = 8_192;
/// How many gaps are told of.
const TOLD: usize = 5;

/// What was merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// How many files.
    pub files: usize,
    /// How many rows they came to.
    pub rows: u64,
    /// How many rows were there more than once, and were the same to the last bit.
    pub repeated: u64,
}

/// Joins files of results of one sweep to one file, which has each cell once. Rows that are there more
/// than once have to be the same: computed twice, they show whether the engine is deterministic.
///
/// # Errors
/// When files are of different sweeps, cells are missing, or files disagree.
pub fn merge(files: &[PathBuf], out: &Path) -> Result<Merged, SweepError> {
    let mut listed = listed(files)?;
    let (Some(header), Some(columns)) = (
        listed.first().map(|one| one.header.of_all()),
        listed.first().map(|one| one.columns.clone()),
    ) else {
        let why = "no files to merge".to_owned();
        return Err(SweepError::Foreign { path: out.to_owned(), why });
    };
    complete(&header, &listed)?;
    let mut merged = Merged { files: listed.len(), rows: 0, repeated: 0 };
    listed.retain(|one| !one.header.here.is_empty());
    listed.reverse();
    let mut writer = TableWriter::new(out, &columns, &header)?;
    // All of these stand at the same cell.
    let mut open: Vec<Source> = Vec::new();
    while merged.rows < header.cells {
        while let Some(one) = listed.pop_if(|one| one.header.here.start <= merged.rows) {
            open.push(Source::open(&one.path)?);
        }
        let until_next = listed.last().map(|one| one.header.here.start - merged.rows);
        let Some(ready) = open.iter().map(Source::ready).min() else { break };
        let run = until_next.map_or(ready, |cells| ready.min(cells as usize));
        agree(&open, run, merged.rows, &columns)?;
        let first = &open[0];
        writer.push(&first.rows, first.at..first.at + run)?;
        merged.rows += run as u64;
        merged.repeated += (run * (open.len() - 1)) as u64;
        for source in &mut open {
            source.advance(run)?;
        }
        open.retain(|source| source.ready() > 0);
    }
    writer.finish()?;
    Ok(merged)
}

/// The files of results that these paths name: files themselves, and of folders those in them whose names
/// end with `.parquet`, but not `out`.
///
/// # Errors
/// When a folder cannot be read.
pub fn results(paths: &[PathBuf], out: &Path) -> Result<Vec<PathBuf>, SweepError> {
    let same = out.canonicalize().ok();
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        #[expect(clippy::disallowed_methods, reason = "sorted below")]
        let entries = std::fs::read_dir(path).map_err(SweepError::io(path))?;
        let mut found = Vec::new();
        for entry in entries {
            let file = entry.map_err(SweepError::io(path))?.path();
            let is_result = file.extension().is_some_and(|end| end == "parquet") && file.is_file();
            if is_result && (same.is_none() || file.canonicalize().ok() != same) {
                found.push(file);
            }
        }
        found.sort_unstable();
        files.append(&mut found);
    }
    Ok(files)
}

/// A file, and what it says of itself.
struct Listed {
    path: PathBuf,
    header: Header,
    columns: Vec<Column>,
}

/// The files in the order of their cells. They have to be of one sweep.
fn listed(files: &[PathBuf]) -> Result<Vec<Listed>, SweepError> {
    let mut listed: Vec<Listed> = Vec::new();
    for path in files {
        let reader = TableReader::open(path)?;
        let one = Listed {
            path: path.clone(),
            header: reader.header().clone(),
            columns: reader.all_columns().to_vec(),
        };
        if let Some(first) = listed.first()
            && (first.header.of_all() != one.header.of_all() || first.columns != one.columns)
        {
            let why = format!(
                "it is of another sweep than {}: other inputs, another plan or another engine ({}, {})",
                first.path.display(),
                one.header.engine,
                first.header.engine
            );
            return Err(SweepError::Foreign { path: path.clone(), why });
        }
        listed.push(one);
    }
    listed.sort_by_key(|one| (one.header.here.start, one.header.here.end, one.path.clone()));
    Ok(listed)
}

/// Whether each cell is in some file.
fn complete(header: &Header, listed: &[Listed]) -> Result<(), SweepError> {
    let mut gaps: Vec<Range<u64>> = Vec::new();
    let mut covered = 0;
    for Range { start, end } in listed.iter().map(|one| one.header.here.clone()) {
        if start > covered && start < end {
            gaps.push(covered..start);
        }
        if start < end {
            covered = covered.max(end);
        }
    }
    if covered < header.cells {
        gaps.push(covered..header.cells);
    }
    if gaps.is_empty() {
        return Ok(());
    }
    // The most common way to cut the sweep up is that of most files.
    let of = likely_shards(header.cells, listed);
    let mut told: Vec<String> =
        gaps.iter().take(TOLD).map(|gap| gap_told(gap, of, header.cells)).collect();
    if gaps.len() > TOLD {
        told.push(format!("and {} more gaps", gaps.len() - TOLD));
    }
    Err(SweepError::Missing {
        missing: gaps.iter().map(|gap| gap.end - gap.start).sum(),
        cells: header.cells,
        ranges: told.join(", "),
    })
}

/// In how many shards the sweep was cut, judging by the first file that is not the whole.
fn likely_shards(cells: u64, listed: &[Listed]) -> Option<u64> {
    let part =
        listed.iter().map(|one| &one.header.here).find(|here| here.end - here.start < cells)?;
    let length = (part.end - part.start).max(1);
    let near = cells.div_ceil(length);
    let fits = |of: &u64| {
        Shard::holding(part.start, *of, cells).is_some_and(|shard| shard.cells(cells) == *part)
    };
    (near.saturating_sub(1).max(1)..=near + 1).find(fits)
}

fn gap_told(gap: &Range<u64>, of: Option<u64>, cells: u64) -> String {
    let (first, last) = (gap.start, gap.end - 1);
    let range = if first == last { first.to_string() } else { format!("{first} to {last}") };
    let shards = of
        .and_then(|of| Some((Shard::holding(first, of, cells)?, Shard::holding(last, of, cells)?)));
    match shards {
        Some((one, other)) if one == other => format!("{range} (shard {one})"),
        Some((one, other)) => format!("{range} (shards {one} to {other})"),
        None => range,
    }
}

/// Whether all sources have the same next rows, so many of them.
fn agree(open: &[Source], run: usize, cell: u64, columns: &[Column]) -> Result<(), SweepError> {
    let Some((first, others)) = open.split_first() else { return Ok(()) };
    for other in others {
        for row in 0..run {
            let differ = first.rows.difference(first.at + row, &other.rows, other.at + row);
            let Some((column, one, another)) = differ else { continue };
            return Err(SweepError::Disagree(Box::new(Disagreement {
                cell: cell + row as u64,
                column: columns[column].name.clone(),
                one,
                other: another,
                first: first.reader.path().to_owned(),
                second: other.reader.path().to_owned(),
            })));
        }
    }
    Ok(())
}

/// A file whose rows are being merged.
struct Source {
    reader: TableReader,
    rows: Batch,
    /// The next of these rows.
    at: usize,
    /// The cells that are not taken yet.
    cells: Range<u64>,
}

impl Source {
    fn open(path: &Path) -> Result<Self, SweepError> {
        let reader = TableReader::open(path)?;
        let rows = Batch::none(&reader.columns());
        let cells = reader.header().here.clone();
        let mut source = Self { reader, rows, at: 0, cells };
        source.fill()?;
        Ok(source)
    }

    /// How many rows it has at hand; 0 once all are taken.
    fn ready(&self) -> usize {
        self.rows.len() - self.at
    }

    fn advance(&mut self, rows: usize) -> Result<(), SweepError> {
        self.at += rows;
        self.cells.start += rows as u64;
        if self.ready() == 0 { self.fill() } else { Ok(()) }
    }

    /// Reads the next rows, which have to be those of the next cells.
    fn fill(&mut self) -> Result<(), SweepError> {
        self.at = 0;
        self.reader.read(ROWS, &mut self.rows)?;
        let wanted = self.cells.clone().map(|cell| Some(cell as i64));
        let cells = self.rows.whole(0).iter().copied();
        if !cells.eq(wanted.take(self.rows.len()))
            || (self.rows.len() == 0) != self.cells.is_empty()
        {
            let path = self.reader.path().to_owned();
            return Err(SweepError::Foreign {
                path,
                why: "its rows are not those of its cells, in order".into(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{ColumnKind, Values};

    fn columns() -> Vec<Column> {
        vec![Column::new("cell", ColumnKind::Whole), Column::new("load", ColumnKind::Number)]
    }

    /// A file of these cells of a sweep, each with a load of its own.
    fn written(path: &Path, cells: Range<u64>, of: u64, load: impl Fn(u64) -> Option<f64>) {
        let here = cells.clone();
        let header = Header { engine: "test".into(), sweep: "s".into(), cells: of, here };
        let mut writer = TableWriter::new(path, &columns(), &header).expect("a file");
        let rows = Batch {
            columns: vec![
                Values::Whole(cells.clone().map(|cell| Some(cell as i64)).collect()),
                Values::Number(cells.map(load).collect()),
            ],
        };
        writer.push(&rows, 0..rows.len()).expect("rows");
        writer.finish().expect("a file");
    }

    fn load(cell: u64) -> Option<f64> {
        (!cell.is_multiple_of(7)).then(|| (cell * cell % 1009) as f64 / 3.0)
    }

    #[test]
    fn files_that_overlap_come_to_the_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        // More than a row group and more than a batch, cut at odd places.
        let all = 150_000;
        written(&at("all"), 0..all, all, load);
        for (name, cells) in
            [("a", 0..70_001), ("b", 5..9), ("c", 69_999..70_000), ("d", 70_001..all), ("e", 9..9)]
        {
            written(&at(name), cells, all, load);
        }
        let files: Vec<PathBuf> = ["d", "b", "e", "a", "c"].map(at).into();
        let merged = merge(&files, &at("merged")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(merged, Merged { files: 5, rows: all, repeated: 5 });
        let bytes = |name: &str| std::fs::read(at(name)).expect("a file");
        assert!(bytes("all") == bytes("merged"), "one file, byte for byte");
    }

    #[test]
    fn files_that_disagree_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        written(&at("a"), 0..10, 20, load);
        written(&at("b"), 5..20, 20, |cell| if cell == 8 { Some(1.5) } else { load(cell) });
        let said = merge(&[at("a"), at("b")], &at("merged")).expect_err("cell 8").to_string();
        for part in ["cell 8", "load", "1.5", "is at fault"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let said = merge(&[at("b")], &at("merged")).expect_err("0 to 4").to_string();
        assert!(said.contains("5 of 20 cells") && said.contains("0 to 4"), "{said}");
        assert!(!at("merged").exists() && merge(&[], &at("merged")).is_err());
    }
}
