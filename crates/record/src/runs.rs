//! The store of saved runs: one folder a run, the oldest removed.
//!
//! Many processes may use one store at a time. A process holds the store's lock while it changes
//! the store, and a run's lock while it writes that run ([`UnfinishedRun`]) or reads it
//! ([`Folder`](crate::Folder)), so that no other process removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::FolderError;
use crate::folder::make_private_folder;

/// The file that is locked while the store changes, in the store's folder.
const STORE_LOCK: &str = ".lock";
/// The file that is locked while a run is being written, in the run's folder.
const RUN_LOCK: &str = ".writing";
/// The file that marks a run which is never removed to make room, in the run's folder.
const PINNED: &str = ".pinned";
/// The file that holds the name a run was given, in the run's folder.
const NAME: &str = ".name";

/// The store of saved runs: the folders of all runs below one base folder.
#[derive(Clone, Debug)]
pub struct Runs {
    base: PathBuf,
    /// The bytes that all kept runs may have together.
    room: u64,
    /// The folder of a run that is being read, and so is not removed.
    spared: Option<PathBuf>,
}

/// A saved run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The run's short id.
    pub id: String,
    /// The run's place in the order in which runs were saved; the newest has the highest number.
    pub number: u64,
    /// The run's folder.
    pub path: PathBuf,
}

/// A run that is being written. Until this value is dropped, no process removes the run to make
/// room.
#[derive(Debug)]
pub struct UnfinishedRun {
    /// The run being written.
    pub run: Run,
    _lock: File,
}

impl Drop for UnfinishedRun {
    fn drop(&mut self) {
        // The lock itself ends when the file is closed. Its file goes too: nothing is being written
        // any more.
        let _ = fs::remove_file(self.run.path.join(RUN_LOCK));
    }
}

/// The name of a new run, and whether it is pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunLabel {
    /// A name by which the run is found, besides its id.
    pub name: Option<String>,
    /// Whether the run is kept when others are removed to make room.
    pub pinned: bool,
}

impl Runs {
    /// The number of runs that are kept. Pinned runs and those being written do not count.
    pub const KEPT: usize = 20;
    /// The bytes that all kept runs may have together unless told otherwise, counted likewise. The
    /// newest run stays whatever its size.
    pub const KEPT_BYTES: u64 = 4 << 30;

    /// The store below the folder `base`, which need not exist yet.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), room: Self::KEPT_BYTES, spared: None }
    }

    /// The store with room for this many bytes in place of [`Runs::KEPT_BYTES`].
    #[must_use]
    pub fn with_room(self, bytes: u64) -> Self {
        Self { room: bytes, ..self }
    }

    /// The store, which does not remove the run in this folder to make room: it is being read.
    #[must_use]
    pub fn sparing(self, path: Option<&Path>) -> Self {
        Self { spared: path.map(Path::to_owned), ..self }
    }

    /// Makes the folder of a new run with this id, and removes the oldest runs to make room
    /// ([`Runs::KEPT`], [`Runs::with_room`]). An id that is taken gets an `x` appended.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn create(&self, id: &str, label: &RunLabel) -> Result<UnfinishedRun, FolderError> {
        make_private_folder(&self.base)?;
        let _store = self.lock()?;
        let runs = self.list()?;
        let number = runs.last().map_or(1, |last| last.number + 1);
        let mut id = id.to_owned();
        while runs.iter().any(|run| run.id == id) {
            id.push('x');
        }
        let path = self.base.join(format!("{number:06}-{id}"));
        make_private_folder(&path)?;
        let run = Run { id, number, path };
        let lock = open(&run.path.join(RUN_LOCK))?;
        lock.lock().map_err(FolderError::io(&run.path))?;
        run.relabel(label)?;
        self.make_room(runs)?;
        Ok(UnfinishedRun { run, _lock: lock })
    }

    /// Removes the oldest of `runs` until there is room for one more. Pinned runs and those being
    /// written or read stay.
    fn make_room(&self, runs: Vec<Run>) -> Result<(), FolderError> {
        let mut free: Vec<(Run, u64)> = runs
            .into_iter()
            .filter(|run| !run.is_pinned() && !run.is_being_written() && !run.is_being_read())
            .filter(|run| self.spared.as_ref().is_none_or(|spared| *spared != run.path))
            .map(|run| (run.bytes(), run))
            .map(|(bytes, run)| (run, bytes))
            .collect();
        let mut bytes: u64 = free.iter().map(|(_, bytes)| bytes).sum();
        while free.len() >= Self::KEPT || (bytes > self.room && free.len() > 1) {
            let (oldest, its) = free.remove(0);
            oldest.delete()?;
            bytes -= its;
        }
        Ok(())
    }

    /// Waits for the lock of the store, which is held until the returned file is closed.
    fn lock(&self) -> Result<File, FolderError> {
        let path = self.base.join(STORE_LOCK);
        let file = open(&path)?;
        file.lock().map_err(FolderError::io(&path))?;
        Ok(file)
    }

    /// All runs, oldest first. Folders whose names are not those of runs are passed over.
    ///
    /// # Errors
    /// When the store exists and cannot be read.
    pub fn list(&self) -> Result<Vec<Run>, FolderError> {
        #[expect(clippy::disallowed_methods, reason = "sorted below")]
        let entries = match fs::read_dir(&self.base) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FolderError::io(&self.base)(error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(FolderError::io(&self.base))?;
            runs.extend(Self::parse(&entry.path()));
        }
        runs.sort_by(|a, b| (a.number, &a.id).cmp(&(b.number, &b.id)));
        Ok(runs)
    }

    /// Finds the run that has the name `wanted`, or else the only one whose id begins with it;
    /// `latest` finds the newest. Of several runs with the same name, the newest is found.
    ///
    /// # Errors
    /// When no run matches, or when several ids do.
    pub fn find(&self, wanted: &str) -> Result<Run, FolderError> {
        let runs = self.list()?;
        if wanted == "latest" {
            return runs.into_iter().next_back().ok_or(FolderError::NoRun { id: wanted.into() });
        }
        if let Some(named) = runs.iter().rfind(|run| run.name().as_deref() == Some(wanted)) {
            return Ok(named.clone());
        }
        let mut found: Vec<Run> =
            runs.into_iter().filter(|run| run.id.starts_with(wanted)).collect();
        if let Some(exact) = found.iter().position(|run| run.id == wanted) {
            return Ok(found.swap_remove(exact));
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(FolderError::NoRun { id: wanted.into() }),
            _ => Err(FolderError::ManyRuns {
                id: wanted.into(),
                found: found.into_iter().map(|run| run.id).collect(),
            }),
        }
    }

    fn parse(path: &Path) -> Option<Run> {
        let (number, id) = path.file_name()?.to_str()?.split_once('-')?;
        let number = (number.len() >= 6).then(|| number.parse().ok()).flatten()?;
        path.is_dir().then(|| Run { id: id.to_owned(), number, path: path.to_owned() })
    }
}

impl Run {
    /// The name the run was given; `None` where it was given none.
    pub fn name(&self) -> Option<String> {
        fs::read_to_string(self.path.join(NAME)).ok()
    }

    /// Whether the run is kept when others are removed to make room.
    pub fn is_pinned(&self) -> bool {
        self.path.join(PINNED).exists()
    }

    /// Whether a process is writing the run.
    pub fn is_being_written(&self) -> bool {
        // A lock that can be had was held by a process that has ended, perhaps by being killed.
        File::open(self.path.join(RUN_LOCK))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Whether a process reads the run.
    fn is_being_read(&self) -> bool {
        File::open(self.path.join(crate::folder::EVENTS))
            .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// The bytes of all files of the run.
    pub fn bytes(&self) -> u64 {
        bytes_below(&self.path)
    }

    /// When the record was last written to.
    pub fn written(&self) -> Option<SystemTime> {
        fs::metadata(self.path.join(crate::folder::EVENTS)).ok()?.modified().ok()
    }

    /// Gives the run the label's name, if there is one, and pins or unpins the run.
    ///
    /// # Errors
    /// When the run's folder cannot be written.
    pub fn relabel(&self, label: &RunLabel) -> Result<(), FolderError> {
        if let Some(name) = &label.name {
            let path = self.path.join(NAME);
            fs::write(&path, name).map_err(FolderError::io(&path))?;
        }
        let path = self.path.join(PINNED);
        if label.pinned {
            open(&path)?;
            return Ok(());
        }
        gone(fs::remove_file(&path)).map_err(FolderError::io(&path))
    }

    /// Removes the run and all its files.
    ///
    /// # Errors
    /// When the run cannot be removed. That it was removed already is no error.
    pub fn delete(&self) -> Result<(), FolderError> {
        gone(fs::remove_dir_all(&self.path)).map_err(FolderError::io(&self.path))
    }
}

/// Turns the error of removing something that does not exist into success.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Opens a marker or lock file, and creates it if it does not exist.
fn open(path: &Path) -> Result<File, FolderError> {
    let mut options = File::options();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(FolderError::io(path))
}

fn bytes_below(folder: &Path) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a sum has no order")]
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes_below(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}
