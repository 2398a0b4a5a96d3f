//! Messages of WebSocket, as Chrome's archives have them (`_webSocketMessages`).

use std::collections::BTreeMap;

use data_encoding::BASE64;
use roundtrip_record::{Bodies, Direction, WebSocketFrame};
use serde_json::{Value, json};

use crate::model::{Exchange, Timed};

const TEXT: u8 = 1;
const CONTROL: u8 = 8;

/// A message of which the last frame has not come.
struct Open<'a> {
    first: &'a WebSocketFrame,
    data: Option<Vec<u8>>,
}

/// The messages of an exchange that went on as WebSocket, in the order in which they ended. What was not
/// kept of them has no `data`.
pub(super) fn messages(exchange: &Exchange, wall: u64, bodies: &Bodies) -> Value {
    let ended = exchange.websocket.as_ref().map(|ended| &ended.what);
    let payload = |direction| {
        let side = ended.map(|ended| match direction {
            Direction::Sent => &ended.sent,
            Direction::Received => &ended.received,
        });
        side.and_then(|side| bodies.get(side.payload.as_ref()?).ok())
    };
    let payloads = [payload(Direction::Sent), payload(Direction::Received)];
    let at = |direction| usize::from(direction == Direction::Received);
    let mut open: BTreeMap<usize, Open<'_>> = BTreeMap::new();
    let mut messages = Vec::new();
    for Timed { at: time, what: frame, .. } in &exchange.frames {
        if frame.opcode >= CONTROL {
            continue;
        }
        let side = at(frame.direction);
        let kept = payloads[side].as_deref().and_then(|all| slice(all, frame));
        let message = open.entry(side).or_insert(Open { first: frame, data: Some(Vec::new()) });
        match (&mut message.data, kept) {
            (Some(data), Some(kept)) => data.extend_from_slice(kept),
            (data, _) => *data = None,
        }
        if frame.fin
            && let Some(Open { first, data }) = open.remove(&side)
        {
            let seconds = wall.saturating_add(time.nanos()) as f64 / 1e9;
            messages.push(message_of(first, data, seconds));
        }
    }
    Value::Array(messages)
}

fn message_of(first: &WebSocketFrame, data: Option<Vec<u8>>, seconds: f64) -> Value {
    let mut message = json!({
        "type": match first.direction { Direction::Sent => "send", Direction::Received => "receive" },
        "time": seconds,
        "opcode": first.opcode,
    });
    if let Some(data) = data {
        message["data"] = match first.opcode {
            TEXT => json!(String::from_utf8_lossy(&data)),
            _ => json!(BASE64.encode(&data)),
        };
    }
    message
}

/// The payload of a frame in what was kept of its direction.
fn slice<'a>(all: &'a [u8], frame: &WebSocketFrame) -> Option<&'a [u8]> {
    let from = usize::try_from(frame.offset?).ok()?;
    all.get(from..from.checked_add(usize::try_from(frame.kept).ok()?)?)
}
