//! Packs bodies in content codings (RFC 9110 §8.4.1), piece by piece: what `coding` undoes.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::Stream;

use crate::Body;

/// zlib's level (nginx: `gzip_comp_level`, as it is commonly set).
const GZIP_LEVEL: u32 = 5;
/// As fast as gzip's level, and a seventh smaller.
const BROTLI_QUALITY: u32 = 5;
/// A window of 4 MiB, which all clients take.
const BROTLI_WINDOW: u32 = 22;
/// The library's usual one.
const ZSTD_LEVEL: i32 = 3;

/// A coding that bodies are packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Coding {
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// All of them, the one that makes text smallest first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in fields.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What names of files in it have at their end.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// Packs what is written to it.
pub(crate) enum Packer {
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Packer {
    pub(crate) fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Brotli => Self::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                4096,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
            Coding::Zstd => {
                Self::Zstd(Box::new(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?))
            }
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Brotli(packer) => packer.write_all(bytes),
            Self::Zstd(packer) => packer.write_all(bytes),
            Self::Gzip(packer) => packer.write_all(bytes),
        }
    }

    /// Has all that was written come out, at the cost of a few bytes.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Brotli(packer) => packer.flush(),
            Self::Zstd(packer) => packer.flush(),
            Self::Gzip(packer) => packer.flush(),
        }
    }

    fn out(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Brotli(packer) => packer.get_mut(),
            Self::Zstd(packer) => packer.get_mut(),
            Self::Gzip(packer) => packer.get_mut(),
        }
    }

    /// What came out and was not taken yet, to the end.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Brotli(packer) => Ok(packer.into_inner()),
            Self::Zstd(packer) => packer.finish(),
            Self::Gzip(packer) => packer.finish(),
        }
    }
}

/// A body, packed while it comes.
pub(crate) struct Packed {
    body: Body,
    /// `None` at the end.
    packer: Option<Packer>,
    /// Something was written that did not come out.
    held: bool,
}

impl Packed {
    /// How much goes in before other tasks of the thread have their turn.
    const TURN: usize = 256 * 1024;
    /// How much comes out at once.
    const PIECE: usize = 64 * 1024;

    /// The body in this coding.
    pub(crate) fn body(body: Body, coding: Coding) -> io::Result<Body> {
        let packer = Some(Packer::new(coding)?);
        Ok(Body::stream(None, Self { body, packer, held: false }))
    }
}

impl Stream for Packed {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let Self { body, packer, held } = &mut *self;
        let Some(own) = packer else { return Poll::Ready(None) };
        let mut written = 0;
        let done = loop {
            match body.poll_chunk(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    written += chunk.len();
                    *held = true;
                    if let Err(error) = own.write(&chunk) {
                        break Err(error);
                    }
                    if own.out().len() >= Self::PIECE {
                        break Ok(());
                    }
                    if written >= Self::TURN {
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Poll::Ready(Some(Err(error))) => break Err(error),
                Poll::Ready(None) => {
                    let rest = packer.take().map_or(Ok(Vec::new()), Packer::finish);
                    return Poll::Ready(Some(rest.map(Bytes::from)));
                }
                // What whoever makes it has given is not kept back while there is no more.
                Poll::Pending if *held => {
                    *held = false;
                    match own.flush() {
                        Ok(()) if own.out().is_empty() => return Poll::Pending,
                        flushed => break flushed,
                    }
                }
                Poll::Pending => return Poll::Pending,
            }
        };
        if done.is_err() {
            *packer = None;
            return Poll::Ready(done.err().map(Err));
        }
        Poll::Ready(Some(Ok(core::mem::take(own.out()).into())))
    }
}

/// Packs all of a body; others have their turns meanwhile.
pub(crate) async fn pack(mut body: Body, coding: Coding) -> io::Result<Bytes> {
    let mut packer = Packer::new(coding)?;
    while let Some(chunk) = body.chunk().await {
        packer.write(&chunk?)?;
        if !body.is_empty() {
            crate::turn::others().await;
        }
    }
    Ok(packer.finish()?.into())
}
