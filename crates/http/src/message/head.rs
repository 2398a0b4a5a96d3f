//! The head of a message: start line, fields, blank line.

use super::error::{Defect, MessageError};
use super::fields::Fields;
use super::limits::{Limits, Manner};
use super::request_line::RequestLine;
use super::start_line::StartLine;
use super::status_line::StatusLine;
use super::tolerated::Tolerated;

/// A message's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<L> {
    /// The start line.
    pub line: L,
    /// The fields.
    pub fields: Fields,
    /// Bytes it took on the wire, the blank line included; 0 for one that was not decoded.
    pub bytes: u64,
}

/// The head of a request.
pub type RequestHead = Head<RequestLine>;
/// The head of a response.
pub type ResponseHead = Head<StatusLine>;

impl<L: StartLine> Head<L> {
    /// Writes the head as it stands on the wire, the blank line included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.line.encode(out);
        self.fields.encode(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// What a decoder made of the bytes it was given.
#[derive(Debug, PartialEq, Eq)]
pub struct Fed<T> {
    /// How many of them it used. The rest belongs to what follows.
    pub used: usize,
    /// What is complete now.
    pub done: Option<T>,
}

/// Decodes a head from bytes that come in pieces. However they are cut, the result is the same.
#[derive(Debug)]
pub struct HeadDecoder<L> {
    limits: Limits,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    start: Option<L>,
    fields: Fields,
    /// Where the line begins.
    offset: u64,
    empty_lines: u8,
    tolerated: Tolerated,
}

impl<L: StartLine> HeadDecoder<L> {
    /// One that has read nothing.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            start: None,
            fields: Fields::new(),
            offset: 0,
            empty_lines: 0,
            tolerated: Tolerated::default(),
        }
    }

    /// What was taken though the RFCs do not allow it, since this was asked last.
    pub fn take_tolerated(&mut self) -> Vec<MessageError> {
        self.tolerated.take()
    }

    fn is_tolerant(&self) -> bool {
        self.limits.manner == Manner::Tolerant
    }

    /// Whether anything of a message has come, empty lines before it aside.
    pub fn has_begun(&self) -> bool {
        self.start.is_some() || !self.line.is_empty()
    }

    /// What has come of the first line, while that is not complete.
    pub fn first_line(&self) -> Option<&[u8]> {
        self.start.is_none().then_some(&self.line)
    }

    /// Bytes of the message so far.
    pub fn received(&self) -> u64 {
        self.offset + self.line.len() as u64
    }

    /// Takes the next bytes. After an error the decoder is of no more use.
    ///
    /// # Errors
    /// At the first line that is not as the RFC has it, and at limits.
    pub fn feed(&mut self, input: &[u8]) -> Result<Fed<Head<L>>, MessageError> {
        let mut used = 0;
        if self.start.is_none() && self.line.is_empty() {
            self.fields = Fields::with_capacity(input.len().min(1024), 16);
        }
        while let Some(length) = input[used..].iter().position(|&byte| byte == b'\n') {
            let end = used + length + 1;
            let ended = if self.line.is_empty() {
                self.take_line(&input[used..end])?
            } else {
                let mut line = core::mem::take(&mut self.line);
                line.extend_from_slice(&input[used..end]);
                self.take_line(&line)?
            };
            used = end;
            if let Some(line) = ended {
                let fields = core::mem::take(&mut self.fields);
                let head = Head { line, fields, bytes: self.offset };
                let tolerated = core::mem::take(&mut self.tolerated);
                *self = Self { tolerated, ..Self::new(self.limits) };
                return Ok(Fed { used, done: Some(head) });
            }
        }
        self.line.extend_from_slice(&input[used..]);
        // No line end is among them, so a line that fills its limit is beyond it.
        self.check_length(&self.line, 1)?;
        Ok(Fed { used: input.len(), done: None })
    }

    /// Takes a line with its line end; gives the start line when it was the blank one.
    fn take_line(&mut self, line: &[u8]) -> Result<Option<L>, MessageError> {
        self.check_length(line, 0)?;
        let whole = line.len() as u64;
        let line = match line {
            [line @ .., b'\r', b'\n'] => line,
            // RFC 9112 §2.2 lets a reader take this for a line end.
            [line @ .., b'\n'] if self.is_tolerant() => {
                self.tolerated.add(Defect::BareLineFeed, self.offset + whole - 1);
                line
            }
            _ => return Err(MessageError::new(Defect::BareLineFeed, self.offset + whole - 1)),
        };
        let offset = self.offset;
        self.offset += whole;
        if self.start.is_none() {
            // What is left over from a message before is passed over by browsers.
            let more = if self.is_tolerant() { 2 } else { 0 };
            if line.is_empty() && self.empty_lines < L::EMPTY_LINES.max(more) {
                self.empty_lines += 1;
            } else {
                self.start = Some(self.start_line(line, offset)?);
            }
            return Ok(None);
        }
        if line.is_empty() {
            return Ok(self.start.take());
        }
        if self.fields.is_empty() && (line[0] == b' ' || line[0] == b'\t') {
            let error = MessageError::new(Defect::SpaceBeforeFields, offset);
            if !self.is_tolerant() {
                return Err(error);
            }
            // RFC 9112 §2.2: such lines are passed over.
            self.tolerated.add(error.defect, error.offset);
            return Ok(None);
        }
        if self.fields.len() == self.limits.fields {
            return Err(MessageError::new(Defect::TooManyFields, offset));
        }
        if !self.is_tolerant() {
            self.fields.parse_line(line, offset)?;
        } else if let Some(error) = self.fields.take_line(line, offset) {
            self.tolerated.add(error.defect, error.offset);
        }
        Ok(None)
    }

    fn start_line(&mut self, line: &[u8], offset: u64) -> Result<L, MessageError> {
        L::parse(line, offset).or_else(|error| match L::tolerate(line) {
            Some(start) if self.is_tolerant() => {
                self.tolerated.add(error.defect, error.offset);
                Ok(start)
            }
            _ => Err(error),
        })
    }

    /// Whether a line with its line end, of which so many bytes are still to come, is within the limits.
    fn check_length(&self, line: &[u8], missing: usize) -> Result<(), MessageError> {
        let length = line.len() + missing;
        let end = self.offset + length as u64;
        if self.start.is_none() && length > self.limits.start_line {
            let at = self.offset + self.limits.start_line as u64;
            // What is told does not depend on how much of it came at once.
            let begin = &line[..line.len().min(self.limits.start_line)];
            return Err(MessageError::new(L::too_long(begin), at));
        }
        if end > self.limits.head as u64 {
            return Err(MessageError::new(Defect::HeadTooLarge, self.limits.head as u64));
        }
        Ok(())
    }
}
