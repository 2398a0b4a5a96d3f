//! `Input`: a file as a stream of bytes, unpacked where it is compressed, and its digest.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::error::ImportError;

/// How many bytes are looked at to find out what a file is.
const PEEK: usize = 16;

/// How much is read from a file at once, in bytes.
const BUFFER: usize = 1 << 17;

/// Bytes that were looked at already, and the rest.
type Peeked<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// A file that is read once from its start to its end.
pub(crate) struct Input {
    path: PathBuf,
    hasher: Rc<RefCell<Sha256>>,
    /// The file's own bytes, before unpacking; kept to read what the unpacker left.
    bytes: Box<dyn Read>,
    packing: Option<&'static str>,
    begin: Vec<u8>,
}

impl Input {
    /// Opens a file, and looks at its first bytes.
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        Self::read(path, true)
    }

    /// Opens a file that was read before, whose digest is known.
    pub(crate) fn again(path: &Path) -> Result<Self, ImportError> {
        Self::read(path, false)
    }

    fn read(path: &Path, hashed: bool) -> Result<Self, ImportError> {
        let io = |source| ImportError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            let what = "a folder; a HAR or a capture is wanted".into();
            return Err(ImportError::Unknown { path: path.to_owned(), what });
        }
        let hasher = Rc::new(RefCell::new(Sha256::new()));
        let hashing = Hashing { file, hasher: hashed.then(|| Rc::clone(&hasher)) };
        let buffered = BufReader::with_capacity(BUFFER, hashing);
        let (raw, packed) = peek(buffered).map_err(io)?;
        let packing = packing(&packed);
        let unpacked: Box<dyn Read> = match packing {
            Some("gzip") => Box::new(flate2::read::MultiGzDecoder::new(raw)),
            Some("zstd") => Box::new(zstd::stream::read::Decoder::new(raw).map_err(io)?),
            _ => Box::new(raw),
        };
        // Readers of captures take a few bytes at a time.
        let unpacked = BufReader::with_capacity(BUFFER, unpacked);
        let damaged = |source| match packing {
            Some(format) => {
                ImportError::Packed { path: path.to_owned(), format, offset: 0, source }
            }
            None => io(source),
        };
        let (bytes, begin) = peek(unpacked).map_err(damaged)?;
        Ok(Self { path: path.to_owned(), hasher, bytes: Box::new(bytes), packing, begin })
    }

    /// The first bytes, unpacked.
    pub(crate) fn begin(&self) -> &[u8] {
        &self.begin
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error of reading as one of importing; `offset` counts unpacked bytes.
    pub(crate) fn failed(&self, offset: u64, source: io::Error) -> ImportError {
        match self.packing {
            Some(format) => ImportError::Packed { path: self.path.clone(), format, offset, source },
            None => ImportError::Io { path: self.path.clone(), source },
        }
    }

    /// SHA-256 of the file as it is on disk, in lower-case hexadecimal. What has not been read yet
    /// is read.
    pub(crate) fn digest(&mut self) -> Result<String, ImportError> {
        io::copy(&mut self.bytes, &mut io::sink()).map_err(|source| self.failed(0, source))?;
        let digest = self.hasher.borrow_mut().finalize_reset();
        let mut text = String::with_capacity(64);
        for byte in digest {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(text)
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(into)
    }
}

/// The compression of a file, by its first bytes.
fn packing(begin: &[u8]) -> Option<&'static str> {
    match begin {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ => None,
    }
}

/// The first bytes of a stream, which are then read again.
fn peek<R: Read>(mut stream: R) -> io::Result<(Peeked<R>, Vec<u8>)> {
    let mut begin = Vec::with_capacity(PEEK);
    stream.by_ref().take(PEEK as u64).read_to_end(&mut begin)?;
    Ok((Cursor::new(begin.clone()).chain(stream), begin))
}

/// A file whose bytes are hashed as they are read.
struct Hashing {
    file: File,
    hasher: Option<Rc<RefCell<Sha256>>>,
}

impl Read for Hashing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        if let Some(hasher) = &self.hasher {
            hasher.borrow_mut().update(&into[..read]);
        }
        Ok(read)
    }
}
