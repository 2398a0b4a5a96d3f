//! The store of saved runs: one folder a run, the oldest removed.
//!
//! Many processes may use one store at a time. Whoever changes it holds the lock of the store meanwhile,
//! and whoever writes a run holds the lock of that run ([`Writing`]), so that nobody removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::FolderError;
use crate::folder::make_private_folder;

/// The lock of the store, in its folder.
const STORE_LOCK: &str = ".lock";
/// The lock of a run, in its folder, for as long as it is being written.
const RUN_LOCK: &str = ".writing";
/// In the folder of a run that is never removed by itself.
const PINNED: &str = ".pinned";
/// In the folder of a run that was given a name: the name.
const NAME: &str = ".name";

/// The folders of saved runs below one base folder.
#[derive(Clone, Debug)]
pub struct Runs {
    base: PathBuf,
}

/// A saved run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its short id.
    pub id: String,
    /// Its place in the order in which runs were saved; the newest has the highest.
    pub number: u64,
    /// Its folder.
    pub path: PathBuf,
}

/// A run that is being written. Until this is dropped nobody removes it to make room.
#[derive(Debug)]
pub struct Writing {
    /// The run.
    pub run: Run,
    _lock: File,
}

impl Drop for Writing {
    fn drop(&mut self) {
        // The lock itself ends with the descriptor; the file only told that there may be one.
        let _ = fs::remove_file(self.run.path.join(RUN_LOCK));
    }
}

/// What a new run is called, and whether it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// A name under which it is found besides its id.
    pub name: Option<String>,
    /// It is not removed when room is made for others.
    pub pinned: bool,
}

impl Runs {
    /// How many runs are kept, besides pinned ones and those being written.
    pub const KEPT: usize = 20;
    /// How many bytes all of them may have together, likewise; the newest stays whatever its size.
    pub const KEPT_BYTES: u64 = 4 << 30;

    /// The runs below `base`, which need not exist yet.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// Makes the folder of a new run with this id. The oldest runs are removed to make room
    /// ([`Runs::KEPT`], [`Runs::KEPT_BYTES`]). An id that is taken gets a letter more.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn create(&self, id: &str, label: &Label) -> Result<Writing, FolderError> {
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
        Self::make_room(runs)?;
        Ok(Writing { run, _lock: lock })
    }

    /// Removes the oldest of `runs` that nobody holds, so that with one more there are not too many.
    fn make_room(runs: Vec<Run>) -> Result<(), FolderError> {
        let mut free: Vec<(Run, u64)> = runs
            .into_iter()
            .filter(|run| !run.is_pinned() && !run.is_being_written())
            .map(|run| (run.bytes(), run))
            .map(|(bytes, run)| (run, bytes))
            .collect();
        let mut bytes: u64 = free.iter().map(|(_, bytes)| bytes).sum();
        while free.len() >= Self::KEPT || (bytes > Self::KEPT_BYTES && free.len() > 1) {
            let (oldest, its) = free.remove(0);
            oldest.delete()?;
            bytes -= its;
        }
        Ok(())
    }

    /// Waits until nobody else changes the store, and keeps it so for as long as the file is held.
    fn lock(&self) -> Result<File, FolderError> {
        let path = self.base.join(STORE_LOCK);
        let file = open(&path)?;
        file.lock().map_err(FolderError::io(&path))?;
        Ok(file)
    }

    /// All runs, oldest first. Folders with other names are left alone.
    ///
    /// # Errors
    /// When the store is there and cannot be read.
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

    /// The run with this name, or whose id begins with `wanted`, if there is just one; `latest` names
    /// the newest. Of several runs with one name the newest is meant.
    ///
    /// # Errors
    /// When there is none, or several.
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
    /// The name it was given.
    pub fn name(&self) -> Option<String> {
        fs::read_to_string(self.path.join(NAME)).ok()
    }

    /// Whether it stays when room is made for others.
    pub fn is_pinned(&self) -> bool {
        self.path.join(PINNED).exists()
    }

    /// Whether somebody is writing it.
    pub fn is_being_written(&self) -> bool {
        // A lock that can be had belonged to a process that was killed.
        File::open(self.path.join(RUN_LOCK))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        bytes_below(&self.path)
    }

    /// When it was last written to.
    pub fn written(&self) -> Option<SystemTime> {
        fs::metadata(self.path.join(crate::folder::EVENTS)).ok()?.modified().ok()
    }

    /// Gives it a name, if there is one in the label, and pins or unpins it.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn relabel(&self, label: &Label) -> Result<(), FolderError> {
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

    /// Removes it.
    ///
    /// # Errors
    /// When it cannot be removed. That it is gone already is none.
    pub fn delete(&self) -> Result<(), FolderError> {
        gone(fs::remove_dir_all(&self.path)).map_err(FolderError::io(&self.path))
    }
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Opens a file that need hold nothing, and makes it where it is not there.
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
