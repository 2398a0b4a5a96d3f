//! `sweep`: carries the cells of a shard out, and writes their rows.

use core::num::NonZeroUsize;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checkpoint::Checkpoint;
use crate::column::Batch;
use crate::digest::{Digest, Hash};
use crate::error::SweepError;
use crate::grid::Grid;
use crate::outcome::Outcome;
use crate::reader::TableReader;
use crate::shard::Shard;
use crate::table::{Header, TableWriter};

/// After how many rows the checkpoint is handed over to the system.
const FLUSHED: u64 = 64;
/// How many rows are written or read at a time.
const ROWS: usize = 8_192;

/// How a shard is carried out.
pub struct Settings<'a> {
    /// How many threads carry cells out. The rows are the same with any number.
    pub threads: NonZeroUsize,
    /// Once it is true, no cell is begun any more.
    pub stop: &'a AtomicBool,
    /// Told of each cell that is done.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// How far a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Cells that were done when it was begun, by a process before.
    pub before: u64,
    /// Cells that are done, those among them.
    pub done: u64,
    /// Cells that it has.
    pub cells: u64,
}

/// What became of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Its rows are written.
    Written,
    /// Its rows were there already, and were left.
    WasThere,
    /// It was stopped; what is done is kept, and taken up when it is carried out again.
    Stopped(Progress),
}

/// Carries the cells of a shard out and writes their rows to the file `out`, whole or not at all. A file
/// there that has them is left; what a process before has done of them is taken up.
///
/// # Errors
/// When a cell cannot be carried out, or the file cannot be written.
pub fn sweep(
    grid: &Grid,
    shard: Shard,
    out: &Path,
    settings: &Settings<'_>,
) -> Result<Ran, SweepError> {
    let cells = shard.cells(grid.cells());
    let header = Header::of(grid, cells.clone());
    if is_there(out, &header)? {
        return Ok(Ran::WasThere);
    }
    let part = beside(out);
    let at_part = SweepError::io(&part);
    let identity = identity(&header);
    let mut checkpoint =
        Checkpoint::open(&part, &identity, grid.figures().len()).map_err(&at_part)?;
    let before = checkpoint.done();
    let done = carry_out(grid, cells.clone(), &mut checkpoint, &part, settings)?;
    checkpoint.flush().map_err(&at_part)?;
    let all = cells.end - cells.start;
    if done < all {
        return Ok(Ran::Stopped(Progress { before, done, cells: all }));
    }
    write(grid, &cells, &mut checkpoint, out, &header)?;
    checkpoint.remove();
    Ok(Ran::Written)
}

/// Where the checkpoint of a file stands.
fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    out.with_file_name(name)
}

fn identity(header: &Header) -> Hash {
    let Header { engine, sweep, here, .. } = header;
    let places = [here.start, here.end].map(u64::to_le_bytes).concat();
    Digest::default().with(engine).with(sweep).with(places).finish()
}

/// Whether a file has these rows, all of which can be read.
fn is_there(out: &Path, header: &Header) -> Result<bool, SweepError> {
    let mut begin = Vec::new();
    match File::open(out).and_then(|file| file.take(4).read_to_end(&mut begin)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(SweepError::io(out))?,
    };
    // The beginning of every Parquet file. One that was cut off, or is of another sweep, is replaced.
    if !begin.is_empty() && begin != *b"PAR1" {
        let why = "something else is there already, and is not replaced by results".to_owned();
        return Err(SweepError::Foreign { path: out.to_owned(), why });
    }
    Ok(TableReader::open(out).is_ok_and(|reader| *reader.header() == *header && is_whole(reader)))
}

/// Whether all rows can be read, and are of the cells that they should be.
fn is_whole(mut reader: TableReader) -> bool {
    let mut rows = Batch::none(&reader.columns());
    let mut cells = reader.header().here.clone();
    loop {
        if reader.read(ROWS, &mut rows).is_err() {
            return false;
        }
        if rows.len() == 0 {
            return cells.is_empty();
        }
        let are_next =
            rows.whole(0).iter().all(|cell| *cell == cells.next().map(|cell| cell as i64));
        if !are_next {
            return false;
        }
    }
}

/// Carries out what the checkpoint lacks; how many cells are done then.
fn carry_out(
    grid: &Grid,
    cells: Range<u64>,
    checkpoint: &mut Checkpoint,
    part: &Path,
    settings: &Settings<'_>,
) -> Result<u64, SweepError> {
    let before = checkpoint.done();
    let first = cells.start + before;
    let left = usize::try_from(cells.end.saturating_sub(first)).unwrap_or(usize::MAX);
    let Some(busy) = NonZeroUsize::new(left) else { return Ok(before) };
    let next = AtomicU64::new(first);
    let ledger = Ledger { next: first, waiting: BTreeMap::new(), checkpoint, error: None };
    let ledger = Mutex::new(ledger);
    let all = cells.end - cells.start;
    let errand = |_| {
        while !settings.stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= cells.end {
                return;
            }
            let cell = grid.cell(number);
            let outcome = Outcome::unless_stopped(&cell.scenario(), grid.figures(), settings.stop);
            let mut ledger = lock(&ledger);
            let taken = match outcome {
                Ok(None) => return,
                Ok(Some(outcome)) => ledger.take(number, outcome).map_err(SweepError::io(part)),
                Err(source) => Err(cell.failed(source)),
            };
            if let Err(error) = taken {
                ledger.error.get_or_insert(error);
            }
            if ledger.error.is_some() {
                return;
            }
            let done = before + (ledger.next - first) + ledger.waiting.len() as u64;
            drop(ledger);
            (settings.progress)(Progress { before, done, cells: all });
        }
    };
    roundtrip_os::on_threads(settings.threads.min(busy), errand);
    let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    match ledger.error {
        Some(error) => Err(error),
        None => Ok(ledger.checkpoint.done()),
    }
}

fn lock<'a, 'b>(ledger: &'a Mutex<Ledger<'b>>) -> MutexGuard<'a, Ledger<'b>> {
    // Another thread's panic ends the sweep; what it had handed over before is good.
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts outcomes in order: threads are done with them as they come.
struct Ledger<'a> {
    /// The cell whose outcome the checkpoint gets next.
    next: u64,
    waiting: BTreeMap<u64, Outcome>,
    checkpoint: &'a mut Checkpoint,
    error: Option<SweepError>,
}

impl Ledger<'_> {
    fn take(&mut self, cell: u64, outcome: Outcome) -> io::Result<()> {
        self.waiting.insert(cell, outcome);
        while let Some(outcome) = self.waiting.remove(&self.next) {
            self.checkpoint.push(&outcome)?;
            self.next += 1;
            if self.checkpoint.done().is_multiple_of(FLUSHED) {
                self.checkpoint.flush()?;
            }
        }
        Ok(())
    }
}

/// Writes the rows of all outcomes.
fn write(
    grid: &Grid,
    cells: &Range<u64>,
    checkpoint: &mut Checkpoint,
    out: &Path,
    header: &Header,
) -> Result<(), SweepError> {
    let mut writer = TableWriter::new(out, grid.columns(), header)?;
    let mut rows = Batch::none(grid.columns());
    let mut numbers = cells.clone();
    let part = beside(out);
    let written = checkpoint.each(|outcome| -> Result<(), WriteError> {
        let Some(number) = numbers.next() else { return Ok(()) };
        grid.append(&mut rows, &grid.cell(number), &outcome);
        if rows.len() == ROWS {
            writer.push(&rows, 0..ROWS)?;
            rows.clear();
        }
        Ok(())
    });
    written.map_err(|error| match error {
        WriteError::Checkpoint(error) => SweepError::io(&part)(error),
        WriteError::Table(error) => error,
    })?;
    writer.push(&rows, 0..rows.len())?;
    writer.finish()
}

/// What goes wrong between the checkpoint and the results.
enum WriteError {
    Checkpoint(io::Error),
    Table(SweepError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Checkpoint(error)
    }
}

impl From<SweepError> for WriteError {
    fn from(error: SweepError) -> Self {
        Self::Table(error)
    }
}
