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
    decoder: Decoder,
    /// Why it cannot be gone on with.
    broken: Option<String>,
}

impl Keeper {
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
            undoing: decoder.map(|decoder| Undoing { decoder, broken: None }),
        }
    }

    /// The next bytes of the body.
    pub(crate) fn take(&mut self, bytes: &Bytes) {
        match &mut self.undoing {
            None => keep(&mut self.writer, &mut self.room, bytes),
            Some(undoing) => {
                undoing.decoder.push(bytes.clone());
                undoing.pull(&mut self.writer, &mut self.room);
            }
        }
    }

    /// The body has ended as it should.
    pub(crate) fn end(&mut self) {
        if let Some(undoing) = &mut self.undoing {
            undoing.decoder.end();
            undoing.pull(&mut self.writer, &mut self.room);
        }
    }

    /// How long the body is so far with its codings undone, where that was done here.
    pub(crate) fn decoded(&self) -> Option<u64> {
        self.undoing.as_ref().map(|undoing| undoing.decoder.decoded())
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
    /// Takes out what comes out. A body whose codings cannot be undone is not kept: a record that had it
    /// half would be taken to have it whole.
    fn pull(&mut self, writer: &mut Option<BodyWriter>, room: &mut u64) {
        while self.broken.is_none() {
            match self.decoder.pull() {
                Ok(Pulled::Bytes(bytes)) => keep(writer, room, &bytes),
                Ok(Pulled::Hungry | Pulled::End) => return,
                Err(error) => {
                    self.broken = Some(error.to_string());
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
