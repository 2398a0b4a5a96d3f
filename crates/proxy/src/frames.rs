//! `Frames`: records the frames of a connection that goes on as WebSocket.

use core::cell::RefCell;
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};
use roundtrip_http::message::Fields;
use roundtrip_record::{
    BodyWriter, Direction, EventId, ExchangeId, Trace as _, WebSocketEnded, WebSocketFrame,
    WebSocketSide, What,
};
use roundtrip_wire::Wire;

use crate::websocket::{CLOSE, Frame, FrameReader, Passed};

/// What RFC 7692 §7.2.2 has a reader put at the end of each compressed message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Records frames as they pass, in both directions; when dropped, that the connection is over.
pub(crate) struct Frames<U: Wire> {
    wire: U,
    exchange: ExchangeId,
    cause: Option<EventId>,
    sides: [RefCell<Side>; 2],
}

struct Side {
    reader: FrameReader,
    /// Undoes the compression of messages, where that was agreed on.
    inflate: Option<Inflate>,
    writer: Option<BodyWriter>,
    /// Bytes that may still be kept.
    room: u64,
    kept: u64,
    /// Where the payload of the frame that passes begins.
    began: u64,
    total: WebSocketSide,
    close: Vec<u8>,
    broken: Option<String>,
}

struct Inflate {
    state: Decompress,
    /// Each message begins anew (`…_no_context_takeover`).
    anew: bool,
}

impl<U: Wire> Frames<U> {
    /// Of the connection that an exchange with these fields in its answer began; `room` bytes of each
    /// direction are kept.
    pub(crate) fn new(
        wire: U,
        exchange: ExchangeId,
        cause: Option<EventId>,
        answer: &Fields,
        room: u64,
    ) -> Rc<Self> {
        let extensions = answer.text("Sec-WebSocket-Extensions").unwrap_or_default();
        let extensions = extensions.to_ascii_lowercase();
        let side = |who: &str| {
            let inflate = extensions.contains("permessage-deflate").then(|| Inflate {
                state: Decompress::new(false),
                anew: extensions.contains(&format!("{who}_no_context_takeover")),
            });
            RefCell::new(Side {
                reader: FrameReader::default(),
                inflate,
                writer: Some(wire.log().body_writer()),
                room,
                kept: 0,
                began: 0,
                total: WebSocketSide::default(),
                close: Vec::new(),
                broken: None,
            })
        };
        let sides = [side("client"), side("server")];
        Rc::new(Self { wire, exchange, cause, sides })
    }

    /// Bytes pass in this direction, as the client sees it.
    pub(crate) fn pass(&self, direction: Direction, bytes: &[u8]) {
        let mut side = self.side(direction).borrow_mut();
        let mut reader = core::mem::take(&mut side.reader);
        reader.pass(bytes, |passed| match passed {
            Passed::Payload(frame, bytes) => side.payload(frame, bytes),
            Passed::Whole(frame) => self.frame(direction, &mut side, frame),
        });
        side.reader = reader;
    }

    fn frame(&self, direction: Direction, side: &mut Side, frame: Frame) {
        side.end(frame);
        side.total.frames += 1;
        side.total.bytes += frame.length;
        let offset = side.writer.is_some().then_some(side.began);
        let kept = side.kept - side.began;
        side.began = side.kept;
        self.wire.log().emit(self.wire.now(), self.cause, || {
            What::WebSocketFrame(WebSocketFrame {
                exchange: self.exchange,
                direction,
                opcode: frame.opcode,
                fin: frame.fin,
                compressed: frame.compressed,
                length: frame.length,
                offset,
                kept: if offset.is_some() { kept } else { 0 },
            })
        });
    }

    fn side(&self, direction: Direction) -> &RefCell<Side> {
        &self.sides[usize::from(direction == Direction::Received)]
    }
}

impl Side {
    fn payload(&mut self, frame: Frame, bytes: &[u8]) {
        if frame.opcode == CLOSE {
            self.close.extend_from_slice(bytes);
        }
        if frame.compressed { self.inflate(bytes) } else { self.keep(bytes) }
    }

    /// A frame has passed.
    fn end(&mut self, frame: Frame) {
        if !frame.compressed || !frame.fin {
            return;
        }
        self.inflate(&TAIL);
        if let Some(inflate) = self.inflate.as_mut().filter(|inflate| inflate.anew) {
            inflate.state.reset(false);
        }
    }

    fn inflate(&mut self, mut bytes: &[u8]) {
        // Without the extension the mark means nothing that is known; it is kept as it is.
        let Some(mut inflate) = self.inflate.take() else { return self.keep(bytes) };
        let mut out = vec![0; 16 * 1024];
        loop {
            let (read, wrote) = (inflate.state.total_in(), inflate.state.total_out());
            let status = inflate.state.decompress(bytes, &mut out, FlushDecompress::Sync);
            let read = (inflate.state.total_in() - read) as usize;
            let wrote = (inflate.state.total_out() - wrote) as usize;
            self.keep(&out[..wrote]);
            bytes = &bytes[read..];
            match status {
                // A sender may end the compressed data within a message: what follows begins anew
                // (RFC 7692 §7.2.3.4).
                Ok(Status::StreamEnd) => {
                    inflate.state.reset(false);
                    if bytes.is_empty() {
                        break;
                    }
                }
                Ok(Status::Ok | Status::BufError) if wrote == out.len() => {}
                Ok(Status::Ok) if !bytes.is_empty() && read + wrote > 0 => {}
                Ok(_) => break,
                Err(error) => {
                    self.broken = Some(format!("a message could not be decompressed: {error}"));
                    self.writer = None;
                    break;
                }
            }
        }
        self.inflate = Some(inflate);
    }

    fn keep(&mut self, bytes: &[u8]) {
        match self.room.checked_sub(bytes.len() as u64) {
            Some(rest) => self.room = rest,
            None => self.writer = None,
        }
        if let Some(writer) = &mut self.writer {
            writer.write(bytes);
            self.kept += bytes.len() as u64;
        }
    }

    fn finish(&mut self) -> WebSocketSide {
        let payload = self.writer.take().filter(|_| self.kept > 0).and_then(BodyWriter::finish);
        WebSocketSide { payload, ..core::mem::take(&mut self.total) }
    }

    /// Why it could not be read to its end.
    fn broken(&self) -> Option<String> {
        let cut = self.reader.is_within().then_some("it ended inside a frame");
        self.broken.clone().or_else(|| self.reader.broken().or(cut).map(str::to_owned))
    }
}

impl<U: Wire> Drop for Frames<U> {
    fn drop(&mut self) {
        let [sent, received] = &mut self.sides;
        let (sent, received) = (sent.get_mut(), received.get_mut());
        let code = [&sent.close, &received.close]
            .into_iter()
            .find_map(|close| Some(u16::from_be_bytes(*close.first_chunk()?)));
        let broken = sent.broken().or_else(|| received.broken());
        let (sent, received) = (sent.finish(), received.finish());
        let exchange = self.exchange;
        self.wire.log().emit(self.wire.now(), self.cause, || {
            What::WebSocketEnded(WebSocketEnded { exchange, sent, received, code, broken })
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    #[test]
    fn compressed_data_may_end_within_messages() {
        let mut side = Side {
            reader: FrameReader::default(),
            inflate: Some(Inflate { state: Decompress::new(false), anew: false }),
            writer: None,
            room: 100,
            kept: 0,
            began: 0,
            total: WebSocketSide::default(),
            close: Vec::new(),
            broken: None,
        };
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"hello").unwrap();
        let mut message = encoder.finish().unwrap();
        message.push(0);
        for left in [95, 90] {
            side.inflate(&message);
            side.inflate(&TAIL);
            assert_eq!((side.room, side.broken.as_deref()), (left, None));
        }
    }
}
