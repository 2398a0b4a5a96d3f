//! `Checkpoint`: what a shard has come to so far, so that one that was killed goes on where it was.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::digest::Hash;
use crate::outcome::Outcome;

/// The beginning of a checkpoint, with the number of its form.
const MAGIC: [u8; 8] = *b"RTSWEEP1";
/// A figure that a cell does not have: bits that no figure has.
const MISSING: u64 = u64::MAX;
/// Bytes before the first row.
const START: u64 = (MAGIC.len() + size_of::<Hash>()) as u64;
/// Bytes of a row's check.
const CHECK: usize = 8;

/// The outcomes of the first cells of a shard, in order, in a file that only grows.
pub(crate) struct Checkpoint {
    file: BufWriter<File>,
    /// Where it stands, where it stays when this process ends.
    path: Option<PathBuf>,
    /// Removes it when this process ends, where it does not.
    _passing: Option<NamedTempFile>,
    figures: usize,
    done: u64,
}

impl Checkpoint {
    /// Opens the checkpoint of what has this identity, and takes from it what is whole. While another
    /// process writes it (a task that was started a second time), a file of this process's own is used.
    pub(crate) fn open(path: &Path, identity: &Hash, figures: usize) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        // A lock that the file system does not know is one that cannot be had.
        if file.try_lock().is_err() {
            let passing =
                tempfile::Builder::new().prefix(".sweep-").suffix(".part").tempfile_in(folder)?;
            let file = passing.reopen()?;
            return Self::begin(file, None, Some(passing), identity, figures);
        }
        let mut checkpoint = Self {
            file: BufWriter::new(file),
            path: Some(path.to_owned()),
            _passing: None,
            figures,
            done: 0,
        };
        let Some(done) = checkpoint.whole(identity)? else {
            let path = checkpoint.path.take();
            let file = checkpoint.file.into_inner().map_err(io::IntoInnerError::into_error)?;
            return Self::begin(file, path, None, identity, figures);
        };
        checkpoint.done = done;
        let length = START + done * checkpoint.width() as u64;
        let file = checkpoint.file.get_mut();
        // What follows was cut off in the middle of a row.
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        Ok(checkpoint)
    }

    fn begin(
        mut file: File,
        path: Option<PathBuf>,
        passing: Option<NamedTempFile>,
        identity: &Hash,
        figures: usize,
    ) -> io::Result<Self> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        let mut file = BufWriter::new(file);
        file.write_all(&MAGIC)?;
        file.write_all(identity)?;
        Ok(Self { file, path, _passing: passing, figures, done: 0 })
    }

    /// Bytes of a row.
    fn width(&self) -> usize {
        (3 + self.figures) * 8 + CHECK
    }

    /// How many rows are whole; `None` where the file is of something else.
    fn whole(&mut self, identity: &Hash) -> io::Result<Option<u64>> {
        let mut reader = BufReader::new(self.file.get_mut());
        reader.seek(SeekFrom::Start(0))?;
        let mut start = [0; MAGIC.len() + size_of::<Hash>()];
        if !filled(&mut reader, &mut start)? || start[..8] != MAGIC || start[8..] != *identity {
            return Ok(None);
        }
        let mut row = vec![0; (3 + self.figures) * 8 + CHECK];
        let mut rows = 0;
        while filled(&mut reader, &mut row)? && decode(&row, rows).is_some() {
            rows += 1;
        }
        Ok(Some(rows))
    }

    /// How many outcomes are in it.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Adds the next outcome.
    pub(crate) fn push(&mut self, outcome: &Outcome) -> io::Result<()> {
        let row = encode(outcome, self.done);
        debug_assert_eq!(row.len(), self.width());
        self.file.write_all(&row)?;
        self.done += 1;
        Ok(())
    }

    /// Hands everything over to the system.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Calls `each` with every outcome, in order.
    pub(crate) fn each<E: From<io::Error>>(
        &mut self,
        mut each: impl FnMut(Outcome) -> Result<(), E>,
    ) -> Result<(), E> {
        self.file.flush()?;
        let (width, done) = (self.width(), self.done);
        let mut reader = BufReader::with_capacity(1 << 16, self.file.get_mut());
        reader.seek(SeekFrom::Start(START))?;
        let mut row = vec![0; width];
        for number in 0..done {
            reader.read_exact(&mut row)?;
            let damaged = || {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a row of the checkpoint was changed meanwhile",
                )
            };
            each(decode(&row, number).ok_or_else(damaged)?)?;
        }
        Ok(())
    }

    /// Removes it: what it held is in the results.
    pub(crate) fn remove(self) {
        if let Some(path) = &self.path {
            // One that stays is passed over the next time, since the results are there.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Fills the buffer; `false` where the file ends before.
fn filled(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The check of a row: it is the row that it is, at the place that it has.
fn check(fields: &[u8], number: u64) -> [u8; CHECK] {
    let hash = Sha256::new().chain_update(number.to_le_bytes()).chain_update(fields).finalize();
    let mut check = [0; CHECK];
    check.copy_from_slice(&hash[..CHECK]);
    check
}

fn encode(outcome: &Outcome, number: u64) -> Vec<u8> {
    let whole = [u64::from(outcome.exit), outcome.dropped, u64::from(outcome.unknown)];
    let figures = outcome.values.iter().map(|value| value.map_or(MISSING, f64::to_bits));
    let mut row: Vec<u8> = whole.into_iter().chain(figures).flat_map(u64::to_le_bytes).collect();
    row.extend(check(&row, number));
    row
}

/// The outcome in a row; `None` where the row is not whole.
fn decode(row: &[u8], number: u64) -> Option<Outcome> {
    let (fields, found) = row.split_at(row.len().checked_sub(CHECK)?);
    if found != check(fields, number) {
        return None;
    }
    let mut numbers = fields.chunks_exact(8).map(|bytes| {
        let mut number = [0; 8];
        number.copy_from_slice(bytes);
        u64::from_le_bytes(number)
    });
    Some(Outcome {
        exit: numbers.next()? as u8,
        dropped: numbers.next()?,
        unknown: numbers.next()? as u32,
        values: numbers.map(|bits| (bits != MISSING).then(|| f64::from_bits(bits))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(number: u64) -> Outcome {
        let values = vec![Some(number as f64 / 3.0), None];
        Outcome { exit: 7, dropped: number, unknown: 1, values }
    }

    fn read(checkpoint: &mut Checkpoint) -> Vec<Outcome> {
        let mut read = Vec::new();
        let result = checkpoint.each(|outcome| {
            read.push(outcome);
            Ok::<_, io::Error>(())
        });
        result.expect("rows");
        read
    }

    #[test]
    fn what_was_killed_goes_on_where_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.part");
        let identity = [7; 32];
        let mut first = Checkpoint::open(&path, &identity, 2).expect("a checkpoint");
        for number in 0..5 {
            first.push(&outcome(number)).expect("room");
        }
        first.flush().expect("room");
        drop(first);
        // The fifth row was cut off, as a killed process leaves it.
        let length = std::fs::metadata(&path).expect("a file").len();
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(length - 3))
            .expect("a file");
        let mut second = Checkpoint::open(&path, &identity, 2).expect("a checkpoint");
        assert_eq!(second.done(), 4);
        second.push(&outcome(4)).expect("room");
        assert_eq!(read(&mut second), (0..5).map(outcome).collect::<Vec<_>>());
        drop(second);
        // A checkpoint of something else is none.
        assert_eq!(Checkpoint::open(&path, &[8; 32], 2).expect("a checkpoint").done(), 0);
    }

    #[test]
    fn two_processes_do_not_write_one_checkpoint() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.part");
        let mut first = Checkpoint::open(&path, &[1; 32], 2).expect("a checkpoint");
        first.push(&outcome(0)).expect("room");
        let mut second = Checkpoint::open(&path, &[1; 32], 2).expect("a checkpoint of its own");
        second.push(&outcome(9)).expect("room");
        assert_eq!(read(&mut first), [outcome(0)]);
        assert_eq!(read(&mut second), vec![Outcome { ..outcome(9) }]);
        drop(second);
        assert_eq!(read(&mut first), [outcome(0)]);
        drop(first);
        assert_eq!(Checkpoint::open(&path, &[1; 32], 2).expect("the first's").done(), 1);
    }
}
