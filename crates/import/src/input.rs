//! `Input`: a file as a stream of bytes, unpacked where it is compressed, and its digest.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::error::ImportError;

/// How many bytes are looked at to find out what a file is.
const PEEK: usize = 64;

/// How much is read from a file at once, in bytes.
const BUFFER: usize = 1 << 17;

/// How many bytes may come out of a compressed file whatever its size.
const FREE: u64 = 64 << 20;

/// How many bytes may come out for each byte in. As for bodies of HTTP
/// ([`DecodeLimits`](roundtrip_http::coding::DecodeLimits)): archives and captures become a tenth or
/// a hundredth, and only what was made to fill memory and disks becomes less.
const RATIO: u64 = 250;

/// Bytes that were looked at already, and the rest.
type Peeked<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// Where bytes come from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its compression.
    packing: Option<&'static str>,
}

impl Origin {
    /// An error of reading as one of importing; `offset` counts unpacked bytes.
    pub(crate) fn failed(&self, offset: u64, source: io::Error) -> ImportError {
        let path = self.path.clone();
        match self.packing {
            Some(format) => ImportError::Packed { path, format, offset, source },
            None => ImportError::Io { path, source },
        }
    }
}

/// A file that is read once from its start to its end.
pub(crate) struct Input {
    origin: Origin,
    hasher: Rc<RefCell<Sha256>>,
    /// The bytes, unpacked.
    bytes: Box<dyn Read>,
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
        let raw = Rc::new(Cell::new(0));
        let hashing =
            Hashing { file, hasher: hashed.then(|| Rc::clone(&hasher)), passed: Rc::clone(&raw) };
        let buffered = BufReader::with_capacity(BUFFER, hashing);
        let (file, packed) = peek(buffered).map_err(io)?;
        let packing = packing(&packed);
        let unpacked: Box<dyn Read> = match packing {
            Some("gzip") => Box::new(Limited::new(flate2::read::MultiGzDecoder::new(file), raw)),
            Some("zstd") => {
                Box::new(Limited::new(zstd::stream::read::Decoder::new(file).map_err(io)?, raw))
            }
            _ => Box::new(file),
        };
        // Readers of captures take a few bytes at a time.
        let unpacked = BufReader::with_capacity(BUFFER, unpacked);
        let origin = Origin { path: path.to_owned(), packing };
        let (bytes, begin) = peek(unpacked).map_err(|source| origin.failed(0, source))?;
        Ok(Self { origin, hasher, bytes: Box::new(bytes), begin })
    }

    /// The first bytes, unpacked.
    pub(crate) fn begin(&self) -> &[u8] {
        &self.begin
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.origin.path
    }

    /// Where the bytes come from.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// SHA-256 of the file as it is on disk, in lower-case hexadecimal. What has not been read yet
    /// is read.
    pub(crate) fn digest(&mut self) -> Result<String, ImportError> {
        io::copy(&mut self.bytes, &mut io::sink())
            .map_err(|source| self.origin.failed(0, source))?;
        Ok(HEXLOWER.encode(&self.hasher.borrow_mut().finalize_reset()))
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

/// What comes out of an unpacker, up to a limit that grows with what went in.
struct Limited<R> {
    unpacker: R,
    /// Bytes that went in: more than the unpacker has taken yet, by a buffer at most.
    raw: Rc<Cell<u64>>,
    out: u64,
}

impl<R> Limited<R> {
    fn new(unpacker: R, raw: Rc<Cell<u64>>) -> Self {
        Self { unpacker, raw, out: 0 }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.unpacker.read(into)?;
        self.out += read as u64;
        if self.out > FREE.max(RATIO.saturating_mul(self.raw.get())) {
            let (out, raw) = (self.out, self.raw.get());
            return Err(io::Error::other(format!(
                "{raw} bytes become more than {out}, {RATIO} times as much, which no recording does; \
                 if it is one all the same, unpack it first"
            )));
        }
        Ok(read)
    }
}

/// A file whose bytes are counted, and hashed, as they are read.
struct Hashing {
    file: File,
    hasher: Option<Rc<RefCell<Sha256>>>,
    passed: Rc<Cell<u64>>,
}

impl Read for Hashing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.passed.set(self.passed.get() + read as u64);
        if let Some(hasher) = &self.hasher {
            hasher.borrow_mut().update(&into[..read]);
        }
        Ok(read)
    }
}
