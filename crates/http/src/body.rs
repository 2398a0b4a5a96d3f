//! A body to be sent: of a request by the client, of a response by the server.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::Stream;

use crate::message::Fields;

/// How much of a file is read at once.
const CHUNK: usize = 64 * 1024;

/// Pieces of a body that come in time.
pub type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>>>>;

/// A body to be sent.
#[derive(Debug, Default)]
pub struct Body {
    parts: VecDeque<Part>,
}

/// A piece of a body.
pub enum Part {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A range of a file. A file that turns out shorter is an error.
    File {
        /// The file. Its position is moved.
        file: Rc<File>,
        /// Where the range begins.
        offset: u64,
        /// How long it is.
        length: u64,
    },
    /// Pieces that come in time.
    Stream {
        /// Their length together, where known.
        length: Option<u64>,
        /// The pieces.
        chunks: Chunks,
    },
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Bytes `length` long from `offset` of a file.
    pub fn file(file: File, offset: u64, length: u64) -> Self {
        Part::File { file: Rc::new(file), offset, length }.into()
    }

    /// Pieces that come in time, and their length together where known.
    pub fn stream(
        length: Option<u64>,
        chunks: impl Stream<Item = io::Result<Bytes>> + 'static,
    ) -> Self {
        Part::Stream { length, chunks: Box::pin(chunks) }.into()
    }

    /// Adds a part at the end.
    pub fn push(&mut self, part: Part) {
        if part.length() != Some(0) {
            self.parts.push_back(part);
        }
    }

    /// Adds all of another body at the end.
    pub fn append(&mut self, mut other: Self) {
        self.parts.append(&mut other.parts);
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many bytes are left of it; `None` when that is not known beforehand.
    pub fn length(&self) -> Option<u64> {
        self.parts.iter().try_fold(0u64, |sum, part| Some(sum + part.length()?))
    }

    /// The same body once more; `None` where it can be read only once.
    pub fn again(&self) -> Option<Self> {
        self.parts.iter().map(Part::again).collect::<Option<_>>().map(|parts| Self { parts })
    }

    /// The bytes, where all that is left of it lies in memory in one piece.
    pub(crate) fn as_bytes(&self) -> Option<&Bytes> {
        match self.parts.front() {
            Some(Part::Bytes(bytes)) if self.parts.len() == 1 => Some(bytes),
            _ => None,
        }
    }

    /// Takes the part that is next, so that it can be sent in a way of its own.
    pub(crate) fn take_file(&mut self) -> Option<(Rc<File>, u64, u64)> {
        match self.parts.pop_front() {
            Some(Part::File { file, offset, length }) => Some((file, offset, length)),
            Some(other) => {
                self.parts.push_front(other);
                None
            }
            None => None,
        }
    }

    /// The next piece, of 64 KiB at most where it comes from a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not as long as was said.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let Some(part) = self.parts.front_mut() else { return Poll::Ready(None) };
            let chunk = ready!(part.poll_chunk(context));
            if part.length() == Some(0) || chunk.is_none() {
                self.parts.pop_front();
            }
            match chunk {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(chunk) => return Poll::Ready(Some(chunk)),
                None => {}
            }
        }
    }

    /// The next piece.
    ///
    /// # Errors
    /// As [`Body::poll_chunk`].
    pub async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        core::future::poll_fn(|context| self.poll_chunk(context)).await
    }
}

impl Part {
    fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File { length, .. } => Some(*length),
            Self::Stream { length, .. } => *length,
        }
    }

    fn again(&self) -> Option<Self> {
        match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::File { file, offset, length } => {
                Some(Self::File { file: Rc::clone(file), offset: *offset, length: *length })
            }
            Self::Stream { .. } => None,
        }
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self {
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(core::mem::take(bytes)))),
            Self::File { file, offset, length } => {
                let chunk = read_chunk(file, *offset, *length);
                if let Ok(chunk) = &chunk {
                    *offset += chunk.len() as u64;
                    *length -= chunk.len() as u64;
                }
                Poll::Ready(Some(chunk))
            }
            Self::Stream { length, chunks } => {
                let chunk = ready!(chunks.as_mut().poll_next(context));
                let Some(left) = length else { return Poll::Ready(chunk) };
                Poll::Ready(Some(match chunk {
                    Some(Ok(chunk)) => match left.checked_sub(chunk.len() as u64) {
                        Some(rest) => {
                            *left = rest;
                            Ok(chunk)
                        }
                        None => Err(io::Error::other("the body is longer than was said")),
                    },
                    Some(Err(error)) => Err(error),
                    None => Err(io::ErrorKind::UnexpectedEof.into()),
                }))
            }
        }
    }
}

/// Reads from a place of a file. The file's own position is shared, so it is set each time.
fn read_chunk(mut file: &File, offset: u64, length: u64) -> io::Result<Bytes> {
    let want = usize::try_from(length).unwrap_or(CHUNK).min(CHUNK);
    let mut chunk = vec![0; want];
    file.seek(SeekFrom::Start(offset))?;
    let got = file.read(&mut chunk)?;
    if got == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    chunk.truncate(got);
    Ok(chunk.into())
}

impl From<Part> for Body {
    fn from(part: Part) -> Self {
        let mut body = Self::default();
        body.push(part);
        body
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Part::Bytes(bytes).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

/// The fields after a body (RFC 9110 §6.5), which are known when it has ended.
#[derive(Clone)]
pub struct Following(Rc<dyn Fn() -> Fields>);

impl Following {
    /// Those that `fields` gives once the body has ended.
    pub fn new(fields: impl Fn() -> Fields + 'static) -> Self {
        Self(Rc::new(fields))
    }

    /// The fields, now that the body has ended.
    pub fn fields(&self) -> Fields {
        (self.0)()
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").finish_non_exhaustive()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.len()).finish(),
            Self::File { offset, length, .. } => {
                f.debug_struct("File").field("offset", offset).field("length", length).finish()
            }
            Self::Stream { length, .. } => {
                f.debug_struct("Stream").field("length", length).finish_non_exhaustive()
            }
        }
    }
}
