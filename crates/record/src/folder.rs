//! The folder a record is kept in, and how it is read back.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use thiserror::Error;

use crate::{BodyRef, Event, SCHEMA, Schema, What};

/// Names within the folder.
pub(crate) const EVENTS: &str = "record.jsonl";
pub(crate) const FRAMES: &str = "trace.pcapng";
pub(crate) const BODIES: &str = "bodies";
pub(crate) const MACHINE: &str = "machine.json";

/// No event is longer: a reader need not take more into memory.
const LONGEST_LINE: u64 = 64 << 20;

/// What can be wrong with a folder or with what stands in it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The operating system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// There is no record here.
    #[error("{}: no {EVENTS} here, so this is not a saved run", path.display())]
    NotARecord {
        /// Where.
        path: PathBuf,
    },
    /// A line is not an event.
    #[error("{}:{line}:{column}: {why}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column in bytes, from 1.
        column: u64,
        /// Why.
        why: String,
    },
    /// The record was written by a later version.
    #[error(
        "this record has schema {found}, this program reads up to {}.x: a newer roundtrip wrote it",
        SCHEMA.major
    )]
    NewerSchema {
        /// The version found.
        found: Schema,
    },
    /// The bytes of a body are not there.
    #[error("the body {sha256} was not kept in this record")]
    NoBody {
        /// Which.
        sha256: String,
    },
    /// What stands at a reference is not what it refers to.
    #[error("the body {sha256} has been changed since it was recorded")]
    WrongBody {
        /// Which.
        sha256: String,
    },
    /// No saved run has this id.
    #[error("no saved run begins with {id}")]
    NoRun {
        /// The id.
        id: String,
    },
    /// Several saved runs have it.
    #[error("several saved runs begin with {id}: {}", found.join(", "))]
    ManyRuns {
        /// The id.
        id: String,
        /// Theirs.
        found: Vec<String>,
    },
}

impl FolderError {
    /// Wraps what the operating system says of `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// A saved record.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the record in the folder `path`; the path of its `record.jsonl` will do as well.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FolderError> {
        let path = path.as_ref();
        let is_file = path.file_name().is_some_and(|name| name == EVENTS) && path.is_file();
        let folder = if is_file { path.parent().unwrap_or(Path::new("")) } else { path };
        if folder.join(EVENTS).is_file() {
            Ok(Self { path: folder.to_owned() })
        } else {
            Err(FolderError::NotARecord { path: path.to_owned() })
        }
    }

    /// The folder a record is being written to.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its events, read one by one.
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

    /// All its events, and whether the record was cut off in the middle of a line.
    pub fn read(&self) -> Result<(Vec<Event>, bool), FolderError> {
        let mut events = self.events()?;
        let all = events.by_ref().collect::<Result<_, _>>()?;
        Ok((all, events.cut()))
    }

    /// SHA-256 of its `record.jsonl`, in lower-case hexadecimal: by it another record refers to this
    /// one ([`ReplayOf`](crate::ReplayOf)).
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

    /// Its bodies.
    pub fn bodies(&self) -> Bodies {
        Bodies(Kept::Folder(self.path.join(BODIES)))
    }

    /// Where its frames are, if it has any.
    pub fn capture(&self) -> Option<PathBuf> {
        Some(self.path.join(FRAMES)).filter(|path| path.is_file())
    }

    /// What it says of the machine it ran on: real durations and the like, which differ from run to
    /// run. `None` where nothing was said.
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

/// The events of a saved record, in order. After an error there is nothing more.
#[derive(Debug)]
pub struct Events {
    file: BufReader<File>,
    path: PathBuf,
    line: u64,
    buffer: Vec<u8>,
    /// What the record says of itself, once that was read.
    schema: Option<Schema>,
    cut: bool,
    over: bool,
}

impl Events {
    /// Whether the last line was cut off in the middle (the writer was killed, the disk was full):
    /// what stands before it is whole. Known once the iterator has ended.
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

    /// A later version may have given an event we know a value we do not: a later minor version's is
    /// kept unread, a later major version's record is refused. Anything else is damage.
    fn not_understood(&mut self, error: &serde_json::Error) -> Result<Event, FolderError> {
        #[derive(serde::Deserialize)]
        struct First {
            kind: String,
            data: Version,
        }
        #[derive(serde::Deserialize)]
        struct Version {
            schema: Schema,
        }
        if let Ok(First { kind, data }) = serde_json::from_slice(&self.buffer)
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

/// Where the bytes are that events refer to.
#[derive(Clone, Debug)]
pub struct Bodies(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Folder(PathBuf),
    Memory(Rc<BTreeMap<String, Vec<u8>>>),
}

impl Bodies {
    /// None at all.
    pub fn none() -> Self {
        Self::in_memory(BTreeMap::new())
    }

    /// Those given, by their hash.
    pub(crate) fn in_memory(bodies: BTreeMap<String, Vec<u8>>) -> Self {
        Self(Kept::Memory(Rc::new(bodies)))
    }

    /// The bytes of a body, checked against its hash.
    pub fn get(&self, body: &BodyRef) -> Result<Vec<u8>, FolderError> {
        let missing = || FolderError::NoBody { sha256: body.sha256.clone() };
        match &self.0 {
            Kept::Memory(bodies) => bodies.get(&body.sha256).cloned().ok_or_else(missing),
            Kept::Folder(folder) => {
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

    /// The file a body stands in, where there is one.
    pub fn path(&self, body: &BodyRef) -> Option<PathBuf> {
        match &self.0 {
            Kept::Memory(_) => None,
            Kept::Folder(folder) => body_path(folder, &body.sha256).filter(|path| path.is_file()),
        }
    }
}

/// A record may come from anybody: a reference that is not a hash names no file.
fn body_path(folder: &Path, sha256: &str) -> Option<PathBuf> {
    is_hash(sha256).then(|| folder.join(sha256))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn hash(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex(&sha2::Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use core::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes a folder, and those above it, that only its owner may read.
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
    // A file that stands there already keeps its mode when it is opened: make a new one.
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

/// Makes the folders of a record. What an earlier record left in `path` is removed, and nothing else.
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
