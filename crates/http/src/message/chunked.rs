//! The chunked transfer coding (RFC 9112 §7.1).

use super::error::{Defect, MessageError};
use super::extension::ExtensionPart;
use super::fields::{Fields, is_field_value};
use super::limits::{Limits, Manner};
use super::step::Step;
use super::tolerated::Tolerated;

/// Undoes the chunked coding.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Bytes of the coded body so far.
    offset: u64,
    /// Bytes of chunk extensions so far.
    extensions: usize,
    limits: Limits,
    /// The beginning of a trailer line whose end has not come yet.
    line: Vec<u8>,
    trailers: Fields,
    /// Bytes of the trailer section so far, full lines only.
    trailer_bytes: usize,
    tolerated: Tolerated,
}

#[derive(Debug)]
enum State {
    /// In the chunk size, with the digits seen so far.
    Size { value: u64, digits: u8 },
    /// After the size: white space is allowed only before an extension.
    AfterSize { size: u64 },
    /// In the extensions of a chunk, and where there.
    Extension { size: u64, at: ExtensionPart },
    /// After the carriage return that ends the size line.
    SizeEnd { size: u64 },
    /// In the data.
    Data { left: u64 },
    /// After the data.
    DataCr,
    /// After the carriage return that follows the data.
    DataLf,
    /// In the trailer section.
    Trailers,
    /// After the blank line.
    Done,
}

impl ChunkedDecoder {
    /// One that has read nothing.
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Size { value: 0, digits: 0 },
            offset: 0,
            extensions: 0,
            limits,
            line: Vec::new(),
            trailers: Fields::new(),
            trailer_bytes: 0,
            tolerated: Tolerated::default(),
        }
    }

    /// What was taken though the RFCs do not allow it, since this was asked last.
    pub fn take_tolerated(&mut self) -> Vec<MessageError> {
        self.tolerated.take()
    }

    /// Whether this may pass; if so, it is remembered.
    fn tolerates(&mut self, defect: Defect) -> bool {
        let tolerant = self.limits.manner == Manner::Tolerant;
        if tolerant {
            self.tolerated.add(defect, self.offset);
        }
        tolerant
    }

    /// The trailer fields, once done.
    pub fn trailers(&self) -> &Fields {
        &self.trailers
    }

    /// Bytes of the coded body so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on to the end of `input`, of a run of data, or of the body, whichever comes first.
    ///
    /// # Errors
    /// When the coding is not as the RFC has it; offsets count from the body's first byte.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, MessageError> {
        let mut at = 0;
        while at < input.len() {
            match self.state {
                State::Done => break,
                State::Data { left } => {
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                    let left = left - length as u64;
                    self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                    self.offset += length as u64;
                    return Ok(Step { used: at + length, data: at..at + length, done: false });
                }
                State::Trailers => at += self.trailer(&input[at..])?,
                _ => {
                    self.state = match self.lenient(input[at]) {
                        Some(state) => state,
                        None => self.next(input[at])?,
                    };
                    at += 1;
                    self.offset += 1;
                }
            }
        }
        Ok(Step { used: at, data: 0..0, done: matches!(self.state, State::Done) })
    }

    /// The same for what is no chunk as the RFC has it, and is taken all the same: a line feed alone at
    /// the end of a line, more zeros before a size than anybody needs, white space after a size.
    fn lenient(&mut self, byte: u8) -> Option<State> {
        match (&self.state, byte) {
            (
                &(State::Size { value, digits: 1.. }
                | State::AfterSize { size: value }
                | State::Extension { size: value, .. }),
                b'\n',
            ) if !self.is_in_quotes() => {
                self.tolerates(Defect::BareLineFeed).then_some(match value {
                    0 => State::Trailers,
                    left => State::Data { left },
                })
            }
            (&State::Extension { size, at }, b'\r') if !at.may_end() && !at.is_quoted() => {
                self.tolerates(Defect::BadChunkExtension).then_some(State::SizeEnd { size })
            }
            (&State::Extension { size, at }, _)
                if at.next(byte).is_none() && is_field_value(byte) =>
            {
                // Nobody makes anything of what is said here.
                let same = State::Extension { size, at };
                self.tolerates(Defect::BadChunkExtension).then_some(same)
            }
            (&State::AfterSize { size }, b'\r') => {
                self.tolerates(Defect::BadChunkSize).then_some(State::SizeEnd { size })
            }
            (State::DataCr, b'\n') => {
                self.tolerates(Defect::BareLineFeed).then_some(State::Size { value: 0, digits: 0 })
            }
            (State::Size { value: 0, digits: 16 }, b'0') => self
                .tolerates(Defect::ChunkTooLarge)
                .then_some(State::Size { value: 0, digits: 16 }),
            // Zeros before it do not make a size too large.
            (&State::Size { value, digits: 16 }, _)
                if byte.is_ascii_hexdigit() && value <= (i64::MAX as u64) >> 4 =>
            {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let value = value << 4 | u64::from(digit);
                self.tolerates(Defect::ChunkTooLarge).then_some(State::Size { value, digits: 16 })
            }
            _ => None,
        }
    }

    fn is_in_quotes(&self) -> bool {
        matches!(self.state, State::Extension { at, .. } if at.is_quoted())
    }

    /// One byte of what stands around the data.
    fn next(&mut self, byte: u8) -> Result<State, MessageError> {
        let fail = |defect| Err(MessageError::new(defect, self.offset));
        Ok(match (&self.state, byte) {
            (&State::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let value = value << 4 | u64::from(digit);
                // Sixteen digits fill 64 bits; leading zeros are not worth a longer count.
                if digits == 16 || value > i64::MAX as u64 {
                    return fail(Defect::ChunkTooLarge);
                }
                State::Size { value, digits: digits + 1 }
            }
            (State::Size { digits: 0, .. }, _) => return fail(Defect::BadChunkSize),
            (&State::Size { value: size, .. } | &State::AfterSize { size }, b'\r') => {
                if matches!(self.state, State::AfterSize { .. }) {
                    return fail(Defect::BadChunkSize);
                }
                State::SizeEnd { size }
            }
            (&State::Size { value: size, .. } | &State::AfterSize { size }, b' ' | b'\t') => {
                self.count_extension()?;
                State::AfterSize { size }
            }
            (&State::Size { value: size, .. } | &State::AfterSize { size }, b';') => {
                self.count_extension()?;
                State::Extension { size, at: ExtensionPart::Begin }
            }
            (State::Size { .. } | State::AfterSize { .. }, b'\n') => {
                return fail(Defect::BareLineFeed);
            }
            (State::Size { .. } | State::AfterSize { .. }, _) => return fail(Defect::BadChunkSize),
            (&State::Extension { size, at }, b'\r') if at.may_end() => State::SizeEnd { size },
            (State::Extension { .. }, b'\n') => return fail(Defect::BareLineFeed),
            (&State::Extension { size, at }, _) if at.next(byte).is_some() => {
                self.count_extension()?;
                State::Extension { size, at: at.next(byte).unwrap_or(at) }
            }
            (State::Extension { .. }, _) => return fail(Defect::BadChunkExtension),
            (State::SizeEnd { size: 0 }, b'\n') => State::Trailers,
            (&State::SizeEnd { size }, b'\n') => State::Data { left: size },
            (State::SizeEnd { .. }, _) => return fail(Defect::BareCarriageReturn),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { value: 0, digits: 0 },
            // Data, trailers and the end are dealt with where bytes are taken in runs.
            _ => return fail(Defect::BadChunkEnd),
        })
    }

    fn count_extension(&mut self) -> Result<(), MessageError> {
        self.extensions += 1;
        if self.extensions > self.limits.chunk_extensions {
            return Err(MessageError::new(Defect::ChunkExtensionsTooLong, self.offset));
        }
        Ok(())
    }

    /// Takes one line of the trailer section, or the part of it that is there; answers its bytes.
    fn trailer(&mut self, input: &[u8]) -> Result<usize, MessageError> {
        let end = input.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let used = end.unwrap_or(input.len());
        let start = self.offset - self.line.len() as u64;
        let length = self.line.len() + used + usize::from(end.is_none());
        if self.trailer_bytes + length > self.limits.trailers {
            let at = start + (self.limits.trailers - self.trailer_bytes) as u64;
            return Err(MessageError::new(Defect::TrailersTooLarge, at));
        }
        self.line.extend_from_slice(&input[..used]);
        self.offset += used as u64;
        if end.is_none() {
            return Ok(used);
        }
        let line = core::mem::take(&mut self.line);
        self.trailer_bytes += line.len();
        let tolerant = self.limits.manner == Manner::Tolerant;
        let line = match line.as_slice() {
            [line @ .., b'\r', b'\n'] => line,
            [line @ .., b'\n'] if tolerant => {
                self.tolerated.add(Defect::BareLineFeed, self.offset - 1);
                line
            }
            _ => return Err(MessageError::new(Defect::BareLineFeed, self.offset - 1)),
        };
        if line.is_empty() {
            self.state = State::Done;
        } else if !tolerant {
            self.trailers.parse_line(line, start)?;
        } else if let Some(error) = self.trailers.take_line(line, start) {
            self.tolerated.add(error.defect, error.offset);
        }
        Ok(used)
    }
}

/// Writes the line that stands before a chunk's data. The data and an end of line follow it.
pub fn encode_chunk_size(size: u64, out: &mut Vec<u8>) {
    use std::io::Write as _;
    // Writing to memory does not fail.
    let _ = write!(out, "{size:x}\r\n");
}

/// Writes the last chunk and the trailer section.
pub fn encode_last_chunk(trailers: &Fields, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    trailers.encode(out);
    out.extend_from_slice(b"\r\n");
}
