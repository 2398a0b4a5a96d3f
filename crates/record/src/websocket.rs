//! Events of a connection that went on as WebSocket (RFC 6455).

use serde::{Deserialize, Serialize};

use crate::{BodyRef, Direction, ExchangeId};

/// A WebSocket frame passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSocketFrame {
    /// The exchange whose answer 101 began it.
    pub exchange: ExchangeId,
    /// Whether the client sent it, or received it.
    pub direction: Direction,
    /// What it is (RFC 6455 §11.8): 0 more of a message, 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    pub opcode: u8,
    /// Whether its message ends with it.
    pub fin: bool,
    /// Whether its message is compressed (RFC 7692).
    pub compressed: bool,
    /// Bytes of its payload on the wire.
    pub length: u64,
    /// Where its payload begins in what is kept of its direction ([`WebSocketSide::payload`]); `None`
    /// where it is not kept.
    pub offset: Option<u64>,
    /// Bytes of its payload there: decompressed, where it was compressed.
    pub kept: u64,
}

/// A connection that had gone on as WebSocket has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSocketEnded {
    /// The exchange whose answer 101 began it.
    pub exchange: ExchangeId,
    /// What the client sent.
    pub sent: WebSocketSide,
    /// What the client received.
    pub received: WebSocketSide,
    /// The status code of the first close frame (RFC 6455 §7.4); `None` where it had none, or there was
    /// no such frame.
    pub code: Option<u16>,
    /// Why what passed could not be read to its end, where it could not.
    pub broken: Option<String>,
}

/// All frames of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSocketSide {
    /// How many frames there were.
    pub frames: u64,
    /// Bytes of their payloads on the wire.
    pub bytes: u64,
    /// Their payloads, one after the other, unmasked and decompressed; `None` where they are not kept.
    pub payload: Option<BodyRef>,
}
