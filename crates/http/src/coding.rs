//! Content codings (RFC 9110 §8.4.1): gzip, deflate, br, zstd, one over another.

use core::fmt;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use bytes::Bytes;

use crate::message::Fields;

/// How much comes out at once.
const PIECE: usize = 32 * 1024;

/// RFC 9659: a zstd window on the web has 8 MiB at most.
const ZSTD_WINDOW_LOG: u32 = 23;

/// More codings over one another than this are an attack.
const MOST_CODINGS: usize = 4;

/// The content codings of a message in the order in which they were applied, in lower case.
pub(crate) fn content_codings(fields: &Fields) -> Vec<String> {
    let codings = fields.list("Content-Encoding");
    codings.map(|coding| String::from_utf8_lossy(coding).to_ascii_lowercase()).collect()
}

/// Why a coding could not be undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// The bytes are not of that coding.
    #[error("{coding}: {why}")]
    Broken {
        /// The codings, as the field has them.
        coding: String,
        /// What the decoder says.
        why: String,
    },
    /// A coding that we do not know.
    #[error("{0}: not a coding that we know")]
    Unknown(String),
    /// What comes out is larger than the limit.
    #[error("more than {limit} bytes come out of {encoded}")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// Bytes that went in so far.
        encoded: u64,
    },
}

/// How much may come out of compressed bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes of one body.
    pub total: u64,
    /// Bytes of all bodies of a client together.
    pub run: u64,
    /// Bytes out for each byte in.
    pub ratio: u64,
    /// Bytes that may come out whatever the ratio.
    pub free: u64,
}

impl DecodeLimits {
    /// No limit at all.
    pub const NONE: Self = Self { total: u64::MAX, run: u64::MAX, ratio: u64::MAX, free: u64::MAX };

    /// With this many bytes for one body, and four times as many for all together.
    #[must_use]
    pub const fn of(total: u64) -> Self {
        Self { total, run: total.saturating_mul(4), ..Self::USUAL }
    }

    /// 1 GiB of one body, 4 GiB of all: a hundred times what the largest pages have
    /// (HTTP Archive, 2024: 99 of 100 stay below 30 MB), and little enough for a disk. A body of more than
    /// 16 MiB may be 250 times as long as what came over the wire: text becomes a tenth, tables and logs a
    /// hundredth; only what was made to be a bomb, such as endless zeros, goes beyond (of gzip to the
    /// 1032nd part, of br and zstd to the 10,000th and less).
    const USUAL: Self = Self { total: 1 << 30, run: 4 << 30, ratio: 250, free: 16 << 20 };
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// What a decoder has to give.
#[derive(Debug, PartialEq, Eq)]
pub enum Pulled {
    /// Bytes.
    Bytes(Bytes),
    /// Nothing before more goes in.
    Hungry,
    /// Nothing more.
    End,
}

/// Undoes codings, of bytes that come in pieces. However much a piece grows to, no more than a
/// small buffer of it is there at one time.
pub struct Decoder {
    source: Rc<RefCell<Source>>,
    reader: Box<dyn Read>,
    codings: Vec<String>,
    limits: DecodeLimits,
    encoded: u64,
    decoded: u64,
    /// Bytes came after the end of a coding.
    surplus: Rc<Cell<bool>>,
}

impl Decoder {
    /// A decoder for these codings, in the order of Content-Encoding: the last was applied last.
    /// `None` when there is nothing to undo.
    ///
    /// # Errors
    /// When one of them is unknown.
    pub fn new<'a>(
        codings: impl IntoIterator<Item = &'a str>,
        limits: DecodeLimits,
    ) -> Result<Option<Self>, CodingError> {
        let codings: Vec<String> = codings
            .into_iter()
            .map(str::to_ascii_lowercase)
            .filter(|coding| coding != "identity")
            .collect();
        if codings.is_empty() {
            return Ok(None);
        }
        if codings.len() > MOST_CODINGS {
            return Err(CodingError::Unknown(codings.join(", ")));
        }
        let source = Rc::new(RefCell::new(Source::default()));
        let mut reader: Box<dyn Read> = Box::new(Input(Rc::clone(&source)));
        let surplus = Rc::<Cell<bool>>::default();
        for coding in codings.iter().rev() {
            reader = undo(coding, BufReader::with_capacity(PIECE, reader), &surplus)?;
        }
        Ok(Some(Self { source, reader, codings, limits, encoded: 0, decoded: 0, surplus }))
    }

    /// Takes the next coded bytes.
    pub fn push(&mut self, bytes: Bytes) {
        self.encoded += bytes.len() as u64;
        self.source.borrow_mut().pieces.push_back(bytes);
    }

    /// No more coded bytes will come.
    pub fn end(&mut self) {
        self.source.borrow_mut().ended = true;
    }

    /// The next bytes.
    ///
    /// # Errors
    /// When the coding is broken or a limit is reached.
    pub fn pull(&mut self) -> Result<Pulled, CodingError> {
        let mut piece = vec![0; PIECE];
        match self.reader.read(&mut piece) {
            Ok(0) => Ok(Pulled::End),
            Ok(length) => {
                self.decoded += length as u64;
                self.check_limits()?;
                piece.truncate(length);
                Ok(Pulled::Bytes(piece.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Pulled::Hungry),
            Err(error) => Err(CodingError::Broken {
                coding: self.codings.join(", "),
                why: match error.kind() {
                    io::ErrorKind::UnexpectedEof => "it ends too early".into(),
                    _ => error.to_string(),
                },
            }),
        }
    }

    /// Whether bytes came after the end of a coding; they are passed over.
    pub fn has_surplus(&self) -> bool {
        self.surplus.get()
    }

    /// Bytes that came out so far.
    pub fn decoded(&self) -> u64 {
        self.decoded
    }

    fn check_limits(&self) -> Result<(), CodingError> {
        let by_ratio = self.limits.free.max(self.limits.ratio.saturating_mul(self.encoded));
        let limit = self.limits.total.min(by_ratio);
        if self.decoded > limit {
            return Err(CodingError::TooLarge { limit, encoded: self.encoded });
        }
        Ok(())
    }
}

fn undo<R: BufRead + 'static>(
    coding: &str,
    inner: R,
    surplus: &Rc<Cell<bool>>,
) -> Result<Box<dyn Read>, CodingError> {
    Ok(match coding {
        "gzip" | "x-gzip" => Box::new(Gzip::new(inner, Rc::clone(surplus))),
        "deflate" => Box::new(Deflate::Unknown(inner, Vec::new())),
        "br" => Box::new(brotli::Decompressor::new(inner, PIECE)),
        "zstd" => {
            let broken = |error: io::Error| CodingError::Broken {
                coding: "zstd".into(),
                why: error.to_string(),
            };
            let mut decoder = zstd::stream::read::Decoder::with_buffer(inner).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
            Box::new(decoder)
        }
        other => return Err(CodingError::Unknown(other.to_owned())),
    })
}

/// Members of gzip, one after the other (RFC 1952 §2.2), to the first byte that begins none: some
/// servers let zeros, line ends or pages of their own follow, and browsers pass these over.
struct Gzip<R> {
    state: Members<R>,
    surplus: Rc<Cell<bool>>,
}

enum Members<R> {
    Within(Box<flate2::bufread::GzDecoder<R>>),
    Between(R),
    Surplus(R),
    Moved,
}

impl<R: BufRead> Gzip<R> {
    fn new(inner: R, surplus: Rc<Cell<bool>>) -> Self {
        let member = flate2::bufread::GzDecoder::new(inner);
        Self { state: Members::Within(Box::new(member)), surplus }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        /// The first byte of every member.
        const BEGINS: u8 = 0x1f;
        loop {
            match &mut self.state {
                Members::Within(member) => match member.read(out)? {
                    0 if !out.is_empty() => {}
                    length => return Ok(length),
                },
                Members::Between(inner) => match inner.fill_buf()?.first() {
                    None => return Ok(0),
                    Some(&first) => {
                        let surplus = first != BEGINS;
                        if surplus {
                            self.surplus.set(true);
                        }
                        if let Members::Between(inner) =
                            core::mem::replace(&mut self.state, Members::Moved)
                        {
                            self.state = if surplus {
                                Members::Surplus(inner)
                            } else {
                                Members::Within(Box::new(flate2::bufread::GzDecoder::new(inner)))
                            };
                        }
                        continue;
                    }
                },
                Members::Surplus(inner) => match inner.fill_buf()?.len() {
                    0 => return Ok(0),
                    length => {
                        inner.consume(length);
                        continue;
                    }
                },
                Members::Moved => return Ok(0),
            }
            // A member has ended.
            if let Members::Within(member) = core::mem::replace(&mut self.state, Members::Moved) {
                self.state = Members::Between(member.into_inner());
            }
        }
    }
}

/// `deflate` is the zlib format (RFC 9110 §8.4.1.2); some servers send bare deflate data instead,
/// which does not begin as zlib does.
enum Deflate<R> {
    Unknown(R, Vec<u8>),
    Zlib(Box<flate2::bufread::ZlibDecoder<io::Chain<Cursor<Vec<u8>>, R>>>),
    Bare(Box<flate2::bufread::DeflateDecoder<io::Chain<Cursor<Vec<u8>>, R>>>),
    Moved,
}

impl<R: BufRead> Read for Deflate<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Self::Unknown(inner, start) = self {
            while start.len() < 2 {
                let mut byte = [0];
                match inner.read(&mut byte)? {
                    0 => break,
                    _ => start.push(byte[0]),
                }
            }
            let zlib = matches!(start.as_slice(), [method, flags]
                if method & 15 == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0);
            if let Self::Unknown(inner, start) = core::mem::replace(self, Self::Moved) {
                let whole = Cursor::new(start).chain(inner);
                *self = if zlib {
                    Self::Zlib(Box::new(flate2::bufread::ZlibDecoder::new(whole)))
                } else {
                    Self::Bare(Box::new(flate2::bufread::DeflateDecoder::new(whole)))
                };
            }
        }
        match self {
            Self::Zlib(decoder) => decoder.read(out),
            Self::Bare(decoder) => decoder.read(out),
            Self::Unknown(..) | Self::Moved => Ok(0),
        }
    }
}

#[derive(Default)]
struct Source {
    pieces: VecDeque<Bytes>,
    ended: bool,
}

/// The bottom reader: what was pushed, and "not yet" where there is no more for now.
struct Input(Rc<RefCell<Source>>);

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut source = self.0.borrow_mut();
        loop {
            let Some(piece) = source.pieces.front_mut() else {
                return if source.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
            };
            let length = piece.len().min(out.len());
            out[..length].copy_from_slice(&piece.split_to(length));
            if piece.is_empty() {
                source.pieces.pop_front();
            }
            if length > 0 || out.is_empty() {
                return Ok(length);
            }
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("codings", &self.codings)
            .field("encoded", &self.encoded)
            .field("decoded", &self.decoded)
            .finish_non_exhaustive()
    }
}
