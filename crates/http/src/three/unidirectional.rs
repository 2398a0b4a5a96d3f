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

impl Default for Use {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Use {
    /// Takes a stream's first bytes from the front, until it is known what it is for; whether it is.
    pub(crate) fn learn(&mut self, bytes: &mut Bytes) -> bool {
        let Self::Unknown(held) = self else { return true };
        while !bytes.is_empty() {
            let next = bytes.split_to(1);
            held.extend_from_slice(&next);
            if let Some((kind, _)) = number::decode(held) {
                *self = match kind {
                    0x00 => Self::Control(Frames::new(CONTROL_FRAME)),
                    0x01 => Self::Push,
                    0x02 => Self::Encoder,
                    0x03 => Self::Decoder,
                    _ => Self::Other,
                };
                return true;
            }
        }
        false
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Unidirectional {
    pub(crate) id: StreamId,
    pub(crate) used: Use,
}

impl Unidirectional {
    pub(crate) fn new(id: StreamId) -> Self {
        Self { id, used: Use::default() }
    }

    /// Whether the connection cannot do without it.
    pub(crate) fn is_critical(&self) -> bool {
        matches!(self.used, Use::Control(_) | Use::Encoder | Use::Decoder)
    }
}
