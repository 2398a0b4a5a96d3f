//! `Keeper`: keeps a body for the record.

use bytes::Bytes;
use roundtrip_record::{BodyRef, BodyWriter, Log};

use super::request::{Decode, Request};
use crate::coding::{DecodeLimits, Decoder, Pulled};

/// Keeps a body for the record as it passes, unless it grows too long.
pub(crate) struct Keeper {
    writer: Option<BodyWriter>,
    /// Bytes that may still come.
    room: u64,
    /// Undoes the codings of a body that is passed on as it came.
    undoing: Option<Undoing>,
}

/// A body whose codings are undone for the record alone.
struct Undoing {
    /// `None` once it has ended or is broken: what comes after that is held nowhere.
    decoder: Option<Decoder>,
    /// Bytes that came out so far.
    decoded: u64,
    /// Why it cannot be gone on with.
    broken: Option<String>,
}

impl Keeper {
    /// Of a body that nobody keeps.
    pub(crate) fn off() -> Self {
        Self { writer: None, room: 0, undoing: None }
    }

    /// Of a request's body.
    pub(crate) fn of_upload(log: &Log, request: &Request) -> Self {
        let keeps = request.keep_body && !request.body.is_empty();
        Self { writer: keeps.then(|| log.body_writer()), room: request.keep_at_most, undoing: None }
    }

    /// Of an answer's body with these codings.
    pub(crate) fn of_answer(
        log: &Log,
        request: &Request,
        codings: &[String],
        limits: DecodeLimits,
    ) -> Self {
        let undoes = request.decode == Decode::Through && request.keep_body && log.is_on();
        // What is coded in a way that is not known is kept as it came.
        let decoder = if undoes {
            Decoder::new(codings.iter().map(String::as_str), limits).ok().flatten()
        } else {
            None
        };
        Self {
            writer: request.keep_body.then(|| log.body_writer()),
            room: request.keep_at_most,
            undoing: decoder.map(Undoing::new),
        }
    }

    /// The next bytes of the body.
    pub(crate) fn take(&mut self, bytes: &Bytes) {
        match &mut self.undoing {
            None => keep(&mut self.writer, &mut self.room, bytes),
            Some(undoing) => {
                if let Some(decoder) = &mut undoing.decoder {
                    decoder.push(bytes.clone());
                }
                undoing.pull(&mut self.writer, &mut self.room);
            }
        }
    }

    /// The body has ended as it should.
    pub(crate) fn end(&mut self) {
        if let Some(undoing) = &mut self.undoing {
            if let Some(decoder) = &mut undoing.decoder {
                decoder.end();
            }
            undoing.pull(&mut self.writer, &mut self.room);
        }
    }

    /// How long the body is so far with its codings undone, where that was done here.
    pub(crate) fn decoded(&self) -> Option<u64> {
        self.undoing.as_ref().map(|undoing| undoing.decoded)
    }

    /// Why the codings could not be undone, if so.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.undoing.as_ref()?.broken.as_deref()
    }

    /// The reference to what was kept; `None` where nothing was.
    pub(crate) fn finish(&mut self) -> Option<BodyRef> {
        self.writer.take().and_then(BodyWriter::finish)
    }
}

impl Undoing {
    fn new(decoder: Decoder) -> Self {
        Self { decoder: Some(decoder), decoded: 0, broken: None }
    }

    /// Takes out what comes out. A body whose codings cannot be undone is not kept: a record that had it
    /// half would be taken to have it whole.
    fn pull(&mut self, writer: &mut Option<BodyWriter>, room: &mut u64) {
        while let Some(decoder) = &mut self.decoder {
            let pulled = decoder.pull();
            self.decoded = decoder.decoded();
            match pulled {
                Ok(Pulled::Bytes(bytes)) => keep(writer, room, &bytes),
                Ok(Pulled::Hungry) => return,
                Ok(Pulled::End) => self.decoder = None,
                Err(error) => {
                    self.broken = Some(error.to_string());
                    self.decoder = None;
                    *writer = None;
                }
            }
        }
    }
}

fn keep(writer: &mut Option<BodyWriter>, room: &mut u64, bytes: &[u8]) {
    match room.checked_sub(bytes.len() as u64) {
        Some(rest) => {
            *room = rest;
            if let Some(writer) = writer {
                writer.write(bytes);
            }
        }
        None => *writer = None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_broken_coding_is_not_held() {
        let decoder = Decoder::new(["gzip"], DecodeLimits::default()).unwrap().unwrap();
        let mut keeper =
            Keeper { writer: None, room: 1 << 20, undoing: Some(Undoing::new(decoder)) };
        for _ in 0..3 {
            keeper.take(&Bytes::from_static(b"this is no gzip, however long it is"));
        }
        assert!(keeper.broken().is_some());
        assert_eq!(keeper.decoded(), Some(0));
        assert!(keeper.undoing.as_ref().is_some_and(|undoing| undoing.decoder.is_none()));
        keeper.end();
    }
}
