//! The frames of a packet, in words (RFC 9000 §19).

use core::fmt::Write as _;

/// What stands in a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    /// A line for each frame; padding is one, whatever its length.
    pub(crate) words: Vec<String>,
    /// The streams of its STREAM frames.
    pub(crate) streams: Vec<u64>,
}

/// The frames of a packet's payload, in words, in the order in which they stand there, as
/// [`QuicPacket`](roundtrip_record::QuicPacket) has them.
pub fn in_words(payload: &[u8]) -> Vec<String> {
    read(payload).words
}

/// Reads the payload of a packet. What comes after a frame that is none is not told.
pub(crate) fn read(payload: &[u8]) -> Frames {
    let (mut frames, mut rest) = (Frames::default(), Reader(payload));
    while !rest.0.is_empty() {
        let Some(words) = frame(&mut rest, &mut frames.streams) else {
            frames.words.push("what is no frame".into());
            break;
        };
        frames.words.push(words);
    }
    frames
}

/// Reads on in a payload; `None` where it is shorter than it says.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of 1, 2, 4 or 8 bytes (RFC 9000 §16).
    fn number(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        let bytes = self.take(1 << (first >> 6))?;
        let number = bytes[1..]
            .iter()
            .fold(u64::from(first & 0x3f), |number, byte| number << 8 | u64::from(*byte));
        Some(number)
    }

    fn numbers<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Some(numbers)
    }
}

/// The next frame, in words.
fn frame(rest: &mut Reader<'_>, streams: &mut Vec<u64>) -> Option<String> {
    Some(match rest.number()? {
        0x00 => {
            let padding = rest.0.iter().take_while(|byte| **byte == 0).count();
            rest.take(padding as u64)?;
            format!("PADDING, {} bytes", padding + 1)
        }
        0x01 => "PING".into(),
        kind @ (0x02 | 0x03) => acknowledged(rest, kind == 0x03)?,
        0x04 => {
            let [stream, code, size] = rest.numbers()?;
            format!("RESET_STREAM {stream}, code {code:#x}, after {size} bytes")
        }
        0x05 => {
            let [stream, code] = rest.numbers()?;
            format!("STOP_SENDING {stream}, code {code:#x}")
        }
        0x06 => {
            let [offset, length] = rest.numbers()?;
            rest.take(length)?;
            format!("CRYPTO from {offset}, {length} bytes")
        }
        0x07 => {
            let length = rest.number()?;
            rest.take(length)?;
            format!("NEW_TOKEN, {length} bytes")
        }
        kind @ 0x08..=0x0f => stream(rest, kind, streams)?,
        kind @ (0x1c | 0x1d) => closed(rest, kind == 0x1d)?,
        kind @ (0x10..=0x1b | 0x1e) => control(rest, kind)?,
        kind @ (0x30 | 0x31) => {
            let length = if kind == 0x31 { rest.number()? } else { rest.0.len() as u64 };
            rest.take(length)?;
            format!("DATAGRAM, {length} bytes")
        }
        0x1f => "IMMEDIATE_ACK".into(),
        0xaf => {
            let [_, threshold, delay, _] = rest.numbers()?;
            format!("ACK_FREQUENCY every {threshold} packets, after {delay} µs")
        }
        _ => return None,
    })
}

/// Frames about flow control, ids and paths.
fn control(rest: &mut Reader<'_>, kind: u64) -> Option<String> {
    let which = |kind: u64| if kind & 1 == 0 { "bidirectional" } else { "unidirectional" };
    Some(match kind {
        0x10 => format!("MAX_DATA {}", rest.number()?),
        0x11 => {
            let [stream, most] = rest.numbers()?;
            format!("MAX_STREAM_DATA {stream} to {most}")
        }
        0x12 | 0x13 => format!("MAX_STREAMS {}, {}", which(kind), rest.number()?),
        0x14 => format!("DATA_BLOCKED at {}", rest.number()?),
        0x15 => {
            let [stream, most] = rest.numbers()?;
            format!("STREAM_DATA_BLOCKED {stream} at {most}")
        }
        0x16 | 0x17 => format!("STREAMS_BLOCKED {} at {}", which(kind), rest.number()?),
        0x18 => {
            let [sequence, _] = rest.numbers()?;
            let length = *rest.take(1)?.first()?;
            // The id, and the token of a stateless reset.
            rest.take(u64::from(length) + 16)?;
            format!("NEW_CONNECTION_ID {sequence}")
        }
        0x19 => format!("RETIRE_CONNECTION_ID {}", rest.number()?),
        0x1a | 0x1b => {
            rest.take(8)?;
            if kind == 0x1a { "PATH_CHALLENGE".into() } else { "PATH_RESPONSE".into() }
        }
        _ => "HANDSHAKE_DONE".into(),
    })
}

/// ACK (RFC 9000 §19.3): the ranges, the latest first.
fn acknowledged(rest: &mut Reader<'_>, marks: bool) -> Option<String> {
    /// More ranges than these are counted.
    const TOLD: u64 = 8;
    let [largest, _, more, first] = rest.numbers()?;
    let mut words = "ACK ".to_owned();
    let mut smallest = largest.checked_sub(first)?;
    range(&mut words, smallest, largest);
    for at in 0..more {
        let [gap, length] = rest.numbers()?;
        let upper = smallest.checked_sub(gap.checked_add(2)?)?;
        smallest = upper.checked_sub(length)?;
        if at < TOLD {
            words.push_str(", ");
            range(&mut words, smallest, upper);
        }
    }
    if more > TOLD {
        // Writing to a string cannot fail.
        let _ = write!(words, " and {} ranges more", more - TOLD);
    }
    if marks {
        let [ect0, ect1, ce] = rest.numbers()?;
        let _ = write!(words, "; ECT(0) {ect0}, ECT(1) {ect1}, CE {ce}");
    }
    Some(words)
}

fn range(words: &mut String, from: u64, to: u64) {
    let _ = if from == to { write!(words, "{from}") } else { write!(words, "{from}-{to}") };
}

/// STREAM (RFC 9000 §19.8), whose kind says what stands in it.
fn stream(rest: &mut Reader<'_>, kind: u64, streams: &mut Vec<u64>) -> Option<String> {
    let id = rest.number()?;
    let offset = if kind & 4 == 0 { 0 } else { rest.number()? };
    let length = if kind & 2 == 0 { rest.0.len() as u64 } else { rest.number()? };
    rest.take(length)?;
    streams.push(id);
    let ends = if kind & 1 == 0 { "" } else { ", FIN" };
    Some(format!("STREAM {id} from {offset}, {length} bytes{ends}"))
}

/// `CONNECTION_CLOSE` (RFC 9000 §19.19).
fn closed(rest: &mut Reader<'_>, application: bool) -> Option<String> {
    let code = rest.number()?;
    if !application {
        rest.number()?;
    }
    let length = rest.number()?;
    let why = String::from_utf8_lossy(rest.take(length)?);
    let whose = if application { "application's " } else { "" };
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Some(format!("CONNECTION_CLOSE, {whose}code {code:#x}{why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(payload: &[u8]) -> Vec<String> {
        read(payload).words
    }

    #[test]
    fn frames_are_told_in_words() {
        // ACK of 5 (largest), 0 more... then ranges: 5-4, and 1-0 (gap 1: 2 and 3 are missing).
        let ack = [0x02, 5, 0, 1, 1, 1, 1];
        assert_eq!(words(&ack), ["ACK 4-5, 0-1"]);
        let stream = [0x0f, 0x04, 0x40, 0x64, 0x02, b'h', b'i'];
        let frames = read(&stream);
        assert_eq!(frames.words, ["STREAM 4 from 100, 2 bytes, FIN"]);
        assert_eq!(frames.streams, [4]);
        // Without a length, it goes to the end of the packet.
        assert_eq!(words(&[0x08, 0x00, 1, 2, 3]), ["STREAM 0 from 0, 3 bytes"]);
        let mixed = [0x01, 0x10, 0x80, 0x01, 0x00, 0x00, 0x1e, 0x00, 0x00, 0x00];
        assert_eq!(words(&mixed), ["PING", "MAX_DATA 65536", "HANDSHAKE_DONE", "PADDING, 3 bytes"]);
        let close = [0x1d, 0x41, 0x00, 0x02, b'n', b'o'];
        assert_eq!(words(&close), ["CONNECTION_CLOSE, application's code 0x100: no"]);
        assert_eq!(words(&[0x1c, 0x0a, 0x08, 0x00]), ["CONNECTION_CLOSE, code 0xa"]);
    }

    #[test]
    fn what_is_cut_or_unknown_is_told_as_that() {
        for payload in [
            &[0x06, 0x00, 0x05, 1][..],
            &[0x02, 1, 0, 0, 2],
            &[0x02, 1, 0, 1, 0, 5, 0],
            &[0x40],
            &[0x21],
            &[0x18, 0, 0, 8, 1],
            &[0xc0, 1],
        ] {
            assert_eq!(words(payload), ["what is no frame"], "{payload:x?}");
        }
    }
}
