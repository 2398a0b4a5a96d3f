//! The folder a record is kept in: its layout, and how a record is read back from it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use thiserror::Error;

use crate::hex::hex;
use crate::{BodyRef, Event, SCHEMA, Schema, What};

/// Names of files and folders within a record's folder.
pub(crate) const EVENTS: &str = "record.jsonl";
pub(crate) const FRAMES: &str = "trace.pcapng";
pub(crate) const BODIES: &str = "bodies";
pub(crate) const MACHINE: &str = "machine.json";

/// The longest line of `record.jsonl` that is read, in bytes; it bounds what a reader takes into
/// memory.
const LONGEST_LINE: u64 = 64 << 20;

/// What can go wrong with a record's folder, or with the store of runs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The operating system reported an error.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// The error it reported.
        source: io::Error,
    },
    /// The folder holds no record.
    #[error("{}: no {EVENTS} here, so this is not a saved run", path.display())]
    NotARecord {
        /// The path that was to be opened.
        path: PathBuf,
    },
    /// A line of a file cannot be understood.
    #[error("{}:{line}:{column}: {why}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column in bytes, from 1.
        column: u64,
        /// What is wrong with the line.
        why: String,
    },
    /// The record was written by a version of roundtrip whose schema this one cannot read.
    #[error(
        "this record has schema {found}, this program reads up to {}.x: a newer roundtrip wrote it",
        SCHEMA.major
    )]
    NewerSchema {
        /// The record's schema version.
        found: Schema,
    },
    /// The bytes of a body were not kept.
    #[error("the body {sha256} was not kept in this record")]
    NoBody {
        /// The body's hash.
        sha256: String,
    },
    /// The bytes of a body do not have the body's hash.
    #[error("the body {sha256} has been changed since it was recorded")]
    WrongBody {
        /// The body's hash, as the record has it.
        sha256: String,
    },
    /// No saved run has this name, nor an id that begins with it.
    #[error("no saved run has the id or the name {id}")]
    NoRun {
        /// The name or id that was asked for.
        id: String,
    },
    /// The ids of several saved runs begin with what was asked for.
    #[error("several saved runs begin with {id}: {}", found.join(", "))]
    ManyRuns {
        /// The begin of an id that was asked for.
        id: String,
        /// The ids of those runs.
        found: Vec<String>,
    },
}

impl FolderError {
    /// Returns a function that wraps the operating system's error for `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// A saved record. While it is open, no process removes it to make room for others
/// ([`Runs::create`](crate::Runs::create)).
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// The events, with a lock that those share who read.
    _reading: Option<Arc<File>>,
}

impl Folder {
    /// Opens the record in the folder `path`; the path of its `record.jsonl` will do as well.
    ///
    /// # Errors
    /// When there is no `record.jsonl`. Whether it can be read shows when it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FolderError> {
        let path = path.as_ref();
        let is_file = path.file_name().is_some_and(|name| name == EVENTS) && path.is_file();
        let folder = if is_file { path.parent().unwrap_or(Path::new("")) } else { path };
        let events = folder.join(EVENTS);
        if !events.is_file() {
            return Err(FolderError::NotARecord { path: path.to_owned() });
        }
        // Where there are no locks, or the file cannot be opened, reading itself says so or goes well.
        let reading = File::open(&events).ok().filter(|file| file.try_lock_shared().is_ok());
        Ok(Self { path: folder.to_owned(), _reading: reading.map(Arc::new) })
    }

    /// The record in a folder that is still being written to, without a check that there is one.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), _reading: None }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the record's events, to be read one by one.
    ///
    /// # Errors
    /// When `record.jsonl` cannot be opened. Errors of single lines come from the iterator.
    pub fn events(&self) -> Result<Events, FolderError> {
        let path = self.path.join(EVENTS);
        let file = File::open(&path).map_err(FolderError::io(&path))?;
        Ok(Events {
            file: BufReader::new(file),
            path,
            line: 0,
            buffer: Vec::new(),
            schema: None,
            cut: false,
            over: false,
        })
    }

    /// Reads all events; the second value says whether the last line was cut off in the middle.
    ///
    /// # Errors
    /// When a line cannot be read or understood, or the schema is newer than [`SCHEMA`].
    pub fn read(&self) -> Result<(Vec<Event>, bool), FolderError> {
        let mut events = self.events()?;
        let all = events.by_ref().collect::<Result<_, _>>()?;
        Ok((all, events.cut()))
    }

    /// SHA-256 of the record's `record.jsonl`, in lower-case hexadecimal. Another record refers to
    /// this one by it ([`ReplayOf`](crate::ReplayOf)).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn digest(&self) -> Result<String, FolderError> {
        use sha2::Digest;
        let path = self.path.join(EVENTS);
        let mut file = BufReader::new(File::open(&path).map_err(FolderError::io(&path))?);
        let mut hasher = sha2::Sha256::new();
        loop {
            let piece = file.fill_buf().map_err(FolderError::io(&path))?;
            if piece.is_empty() {
                return Ok(hex(&hasher.finalize()));
            }
            hasher.update(piece);
            let read = piece.len();
            file.consume(read);
        }
    }

    /// The bodies that the record's events refer to.
    pub fn bodies(&self) -> Bodies {
        Bodies(BodyStore::Folder(self.path.join(BODIES)))
    }

    /// The path of the record's capture, if frames were captured.
    pub fn capture(&self) -> Option<PathBuf> {
        Some(self.path.join(FRAMES)).filter(|path| path.is_file())
    }

    /// The contents of `machine.json`: real durations and the like, which differ from run to run.
    /// `None` where there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not JSON.
    pub fn machine(&self) -> Result<Option<serde_json::Value>, FolderError> {
        let path = self.path.join(MACHINE);
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(FolderError::BadLine {
                    line: error.line() as u64,
                    column: error.column() as u64,
                    why: error.to_string(),
                    path,
                }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FolderError::io(&path)(error)),
        }
    }
}

/// An iterator over the events of a saved record, in order. It ends after an error.
#[derive(Debug)]
pub struct Events {
    file: BufReader<File>,
    path: PathBuf,
    line: u64,
    buffer: Vec<u8>,
    /// The record's schema version, once `run.started` was read.
    schema: Option<Schema>,
    cut: bool,
    over: bool,
}

impl Events {
    /// Whether the last line was cut off in the middle, because the writer was killed or the disk
    /// was full. All events before it are whole. Known once the iterator has ended.
    pub fn cut(&self) -> bool {
        self.cut
    }

    fn read(&mut self) -> Result<Option<Event>, FolderError> {
        loop {
            self.buffer.clear();
            let read = self
                .file
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut self.buffer)
                .map_err(FolderError::io(&self.path))?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            let whole = self.buffer.last() == Some(&b'\n');
            if self.buffer.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return match serde_json::from_slice::<Event>(&self.buffer) {
                Ok(event) => self.check(event).map(Some),
                Err(_) if !whole && (read as u64) < LONGEST_LINE => {
                    self.cut = true;
                    Ok(None)
                }
                Err(error) => self.not_understood(&error).map(Some),
            };
        }
    }

    fn check(&mut self, event: Event) -> Result<Event, FolderError> {
        if let What::RunStarted(run) = &event.what {
            self.schema = Some(run.schema);
            if !SCHEMA.reads(run.schema) {
                return Err(FolderError::NewerSchema { found: run.schema });
            }
        }
        Ok(event)
    }

    /// Handles a line that could not be parsed. A later minor version may have added a value to an
    /// event that we know: such an event is kept unread. A record of a later major version is
    /// refused. Anything else is damage.
    fn not_understood(&mut self, error: &serde_json::Error) -> Result<Event, FolderError> {
        #[derive(serde::Deserialize)]
        struct StartLine {
            kind: String,
            data: Version,
        }
        #[derive(serde::Deserialize)]
        struct Version {
            schema: Schema,
        }
        if let Ok(StartLine { kind, data }) = serde_json::from_slice(&self.buffer)
            && kind == "run.started"
        {
            if !SCHEMA.reads(data.schema) {
                return Err(FolderError::NewerSchema { found: data.schema });
            }
            self.schema = Some(data.schema);
        }
        if self.schema.is_some_and(|schema| schema > SCHEMA)
            && let Ok(event) = Event::read_opaque(&self.buffer)
        {
            return Ok(event);
        }
        Err(FolderError::BadLine {
            path: self.path.clone(),
            line: self.line,
            column: error.column() as u64,
            why: error.to_string(),
        })
    }
}

impl Iterator for Events {
    type Item = Result<Event, FolderError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.read().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// The bytes that [`BodyRef`]s refer to, in a folder or in memory.
#[derive(Clone, Debug)]
pub struct Bodies(BodyStore);

#[derive(Clone, Debug)]
enum BodyStore {
    Folder(PathBuf),
    Memory(Rc<BTreeMap<String, Vec<u8>>>),
}

impl Bodies {
    /// No bodies at all.
    pub fn none() -> Self {
        Self::in_memory(BTreeMap::new())
    }

    /// The given bodies, by their hash.
    pub(crate) fn in_memory(bodies: BTreeMap<String, Vec<u8>>) -> Self {
        Self(BodyStore::Memory(Rc::new(bodies)))
    }

    /// Reads the bytes of a body.
    ///
    /// # Errors
    /// When the body was not kept, cannot be read, or does not have the hash of the reference.
    pub fn get(&self, body: &BodyRef) -> Result<Vec<u8>, FolderError> {
        let missing = || FolderError::NoBody { sha256: body.sha256.clone() };
        match &self.0 {
            BodyStore::Memory(bodies) => bodies.get(&body.sha256).cloned().ok_or_else(missing),
            BodyStore::Folder(folder) => {
                let path = body_path(folder, &body.sha256).ok_or_else(missing)?;
                let bytes = match fs::read(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
                    other => other.map_err(FolderError::io(&path))?,
                };
                if hash(&bytes) == body.sha256 {
                    Ok(bytes)
                } else {
                    Err(FolderError::WrongBody { sha256: body.sha256.clone() })
                }
            }
        }
    }

    /// The path of the file that holds a body; `None` if there is no such file.
    pub fn path(&self, body: &BodyRef) -> Option<PathBuf> {
        match &self.0 {
            BodyStore::Memory(_) => None,
            BodyStore::Folder(folder) => {
                body_path(folder, &body.sha256).filter(|path| path.is_file())
            }
        }
    }
}

/// The path of a body's file. A record may come from anybody, so a reference that is not a hash is
/// given no path.
fn body_path(folder: &Path, sha256: &str) -> Option<PathBuf> {
    is_hash(sha256).then(|| folder.join(sha256))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The SHA-256 of `bytes`, in lower-case hexadecimal.
pub(crate) fn hash(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex(&sha2::Sha256::digest(bytes))
}

/// Makes a folder that only its owner may read, and the folders above it.
pub(crate) fn make_private_folder(path: &Path) -> Result<(), FolderError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(FolderError::io(path))
}

/// Makes an empty file that only its owner may read.
pub(crate) fn make_private_file(path: &Path) -> Result<File, FolderError> {
    // An existing file would keep its mode when opened, so it is replaced by a new one.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FolderError::io(path)(error));
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(FolderError::io(path))
}

/// Makes the folders of a record. Files that an earlier record left in `path` are removed, and
/// nothing else.
pub(crate) fn prepare(path: &Path) -> Result<(), FolderError> {
    let bodies = path.join(BODIES);
    if path.join(EVENTS).is_file() && bodies.is_dir() {
        #[expect(clippy::disallowed_methods, reason = "the order of removal does not matter")]
        let entries = fs::read_dir(&bodies).map_err(FolderError::io(&bodies))?;
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(is_hash) {
                fs::remove_file(entry.path()).map_err(FolderError::io(&entry.path()))?;
            }
        }
    }
    for stale in [FRAMES, MACHINE] {
        let stale = path.join(stale);
        if stale.is_file() {
            fs::remove_file(&stale).map_err(FolderError::io(&stale))?;
        }
    }
    make_private_folder(&bodies)
}
