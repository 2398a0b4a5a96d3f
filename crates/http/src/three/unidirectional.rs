//! A stream of the other end's that goes in one direction (RFC 9114 §6.2).

use bytes::Bytes;
use roundtrip_quic::StreamId;

use super::frame::Frames;
use super::number;

/// Bytes that a frame of a control stream may have.
const CONTROL_FRAME: usize = 16 * 1024;

/// What a stream is for.
#[derive(Debug)]
pub(crate) enum Use {
    /// That has not come: its beginning.
    Unknown(Vec<u8>),
    Control(Frames),
    Push,
    Encoder,
    Decoder,
    /// Something that we do not know.
    Other,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Unidirectional {
    pub(crate) id: StreamId,
    pub(crate) used: Use,
}

impl Unidirectional {
    pub(crate) fn new(id: StreamId) -> Self {
        Self { id, used: Use::Unknown(Vec::new()) }
    }

    /// Whether the connection cannot do without it.
    pub(crate) fn is_critical(&self) -> bool {
        matches!(self.used, Use::Control(_) | Use::Encoder | Use::Decoder)
    }

    /// Takes its first bytes from the front, until it is known what it is for; whether it is.
    pub(crate) fn learn(&mut self, bytes: &mut Bytes) -> bool {
        let Use::Unknown(held) = &mut self.used else { return true };
        while !bytes.is_empty() {
            let next = bytes.split_to(1);
            held.extend_from_slice(&next);
            if let Some((kind, _)) = number::decode(held) {
                self.used = match kind {
                    0x00 => Use::Control(Frames::new(CONTROL_FRAME)),
                    0x01 => Use::Push,
                    0x02 => Use::Encoder,
                    0x03 => Use::Decoder,
                    _ => Use::Other,
                };
                return true;
            }
        }
        false
    }
}
