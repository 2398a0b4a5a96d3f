//! The body of a message.

use roundtrip_record::Framing;

use super::chunked::ChunkedDecoder;
use super::error::MessageError;
use super::fields::Fields;
use super::limits::Limits;
use super::step::Step;

/// Takes a body out of its framing.
#[derive(Debug)]
pub struct BodyDecoder {
    framing: Framing,
    state: State,
    received: u64,
}

#[derive(Debug)]
enum State {
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
    Close,
}

impl BodyDecoder {
    /// A decoder for a body of this framing.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        let state = match framing {
            Framing::None => State::Length(0),
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Box::new(ChunkedDecoder::new(limits))),
            Framing::Close | Framing::Frames => State::Close,
        };
        Self { framing, state, received: 0 }
    }

    /// How its end is told.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Bytes of the body so far, without framing.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Bytes of the body in all, where promised.
    pub fn expected(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            Framing::None => Some(0),
            _ => None,
        }
    }

    /// Whether it is complete before the next byte: an empty one is so at once.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Length(0))
    }

    /// Whether it would be complete if the connection ended here.
    pub fn may_end(&self) -> bool {
        matches!(self.state, State::Length(0) | State::Close)
    }

    /// Goes on to the end of `input`, of a run of data, or of the body, whichever comes first.
    ///
    /// # Errors
    /// When the chunked coding is broken; the offset counts from the body's first byte.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, MessageError> {
        let step = match &mut self.state {
            State::Length(left) => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= used as u64;
                Step { used, data: 0..used, done: *left == 0 }
            }
            State::Chunked(decoder) => decoder.decode(input)?,
            State::Close => Step { used: input.len(), data: 0..input.len(), done: false },
        };
        self.received += step.data.len() as u64;
        Ok(step)
    }

    /// What was taken though the RFCs do not allow it, since this was asked last.
    pub fn take_tolerated(&mut self) -> Vec<MessageError> {
        match &mut self.state {
            State::Chunked(decoder) => decoder.take_tolerated(),
            _ => Vec::new(),
        }
    }

    /// The trailer fields, once it is complete.
    pub fn trailers(&self) -> Option<&Fields> {
        match &self.state {
            State::Chunked(decoder) => Some(decoder.trailers()),
            _ => None,
        }
    }
}
