//! The frames of a packet, as the record has them (RFC 9000 §19).

use roundtrip_record::{QuicEcnCounts, QuicErrorSpace, QuicFrame, QuicStreamType};

/// Ranges of an ACK that are told; a packet holds more only of who wants it to.
const RANGES: u64 = 64;

/// Reads the payload of a packet. What comes after a frame that is none is not told.
pub(crate) fn read(payload: &[u8]) -> Vec<QuicFrame> {
    let (mut frames, mut rest) = (Vec::new(), Reader(payload));
    while !rest.0.is_empty() {
        let kind = Reader(rest.0).number();
        let Some(frame) = frame(&mut rest) else {
            frames.push(QuicFrame::Unknown { raw_frame_type: kind });
            break;
        };
        frames.push(frame);
    }
    frames
}

/// The streams that a packet carries bytes of.
pub(crate) fn streams(frames: &[QuicFrame]) -> impl Iterator<Item = u64> + '_ {
    frames.iter().filter_map(|frame| match frame {
        QuicFrame::Stream { stream_id, .. } => Some(*stream_id),
        _ => None,
    })
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

    /// The bytes that a length says come after it: how many.
    fn counted(&mut self) -> Option<u64> {
        let length = self.number()?;
        self.take(length)?;
        Some(length)
    }
}

/// The next frame.
fn frame(rest: &mut Reader<'_>) -> Option<QuicFrame> {
    Some(match rest.number()? {
        0x00 => {
            let more = rest.0.iter().take_while(|byte| **byte == 0).count() as u64;
            rest.take(more)?;
            QuicFrame::Padding { length: more + 1 }
        }
        0x01 => QuicFrame::Ping,
        kind @ (0x02 | 0x03) => acknowledged(rest, kind == 0x03)?,
        0x04 => {
            let [stream_id, error_code, final_size] = rest.numbers()?;
            QuicFrame::ResetStream { stream_id, error_code, final_size }
        }
        0x05 => {
            let [stream_id, error_code] = rest.numbers()?;
            QuicFrame::StopSending { stream_id, error_code }
        }
        0x06 => QuicFrame::Crypto { offset: rest.number()?, length: rest.counted()? },
        0x07 => QuicFrame::NewToken { length: rest.counted()? },
        kind @ 0x08..=0x0f => stream(rest, kind)?,
        kind @ (0x1c | 0x1d) => closed(rest, kind == 0x1d)?,
        kind @ (0x10..=0x1b | 0x1e) => control(rest, kind)?,
        kind @ (0x30 | 0x31) => {
            let length = if kind == 0x31 { rest.number()? } else { rest.0.len() as u64 };
            rest.take(length)?;
            QuicFrame::Datagram { length }
        }
        0x1f => QuicFrame::ImmediateAck,
        0xaf => {
            let [_, ack_eliciting_threshold, request_max_ack_delay, _] = rest.numbers()?;
            QuicFrame::AckFrequency { ack_eliciting_threshold, request_max_ack_delay }
        }
        _ => return None,
    })
}

/// Frames about flow control, ids and paths.
fn control(rest: &mut Reader<'_>, kind: u64) -> Option<QuicFrame> {
    let stream_type = match kind & 1 {
        0 => QuicStreamType::Bidirectional,
        _ => QuicStreamType::Unidirectional,
    };
    Some(match kind {
        0x10 => QuicFrame::MaxData { maximum: rest.number()? },
        0x11 => {
            let [stream_id, maximum] = rest.numbers()?;
            QuicFrame::MaxStreamData { stream_id, maximum }
        }
        0x12 | 0x13 => QuicFrame::MaxStreams { stream_type, maximum: rest.number()? },
        0x14 => QuicFrame::DataBlocked { limit: rest.number()? },
        0x15 => {
            let [stream_id, limit] = rest.numbers()?;
            QuicFrame::StreamDataBlocked { stream_id, limit }
        }
        0x16 | 0x17 => QuicFrame::StreamsBlocked { stream_type, limit: rest.number()? },
        0x18 => {
            let [sequence_number, retire_prior_to] = rest.numbers()?;
            let length = *rest.take(1)?.first()?;
            // The id, and the token of a stateless reset.
            rest.take(u64::from(length) + 16)?;
            QuicFrame::NewConnectionId { sequence_number, retire_prior_to }
        }
        0x19 => QuicFrame::RetireConnectionId { sequence_number: rest.number()? },
        0x1a | 0x1b => {
            rest.take(8)?;
            if kind == 0x1a { QuicFrame::PathChallenge } else { QuicFrame::PathResponse }
        }
        _ => QuicFrame::HandshakeDone,
    })
}

/// ACK (RFC 9000 §19.3).
fn acknowledged(rest: &mut Reader<'_>, marked: bool) -> Option<QuicFrame> {
    let [largest, _, more, first] = rest.numbers()?;
    let mut smallest = largest.checked_sub(first)?;
    let mut acked_ranges = vec![[smallest, largest]];
    for at in 0..more {
        let [gap, length] = rest.numbers()?;
        let upper = smallest.checked_sub(gap.checked_add(2)?)?;
        smallest = upper.checked_sub(length)?;
        if at < RANGES {
            acked_ranges.push([smallest, upper]);
        }
    }
    let marks = if marked {
        let [ect0, ect1, ce] = rest.numbers()?;
        Some(QuicEcnCounts { ect1, ect0, ce })
    } else {
        None
    };
    Some(QuicFrame::Ack { acked_ranges, marks })
}

/// STREAM (RFC 9000 §19.8), whose kind says what stands in it.
fn stream(rest: &mut Reader<'_>, kind: u64) -> Option<QuicFrame> {
    let stream_id = rest.number()?;
    let offset = if kind & 4 == 0 { 0 } else { rest.number()? };
    let length = if kind & 2 == 0 { rest.0.len() as u64 } else { rest.number()? };
    rest.take(length)?;
    Some(QuicFrame::Stream { stream_id, offset, length, fin: kind & 1 != 0 })
}

/// `CONNECTION_CLOSE` (RFC 9000 §19.19).
fn closed(rest: &mut Reader<'_>, application: bool) -> Option<QuicFrame> {
    let error_code = rest.number()?;
    let error_space = if application {
        QuicErrorSpace::Application
    } else {
        // Which frame it was about.
        rest.number()?;
        QuicErrorSpace::Transport
    };
    let length = rest.number()?;
    let reason = String::from_utf8_lossy(rest.take(length)?).into_owned();
    Some(QuicFrame::ConnectionClose { error_space, error_code, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(payload: &[u8]) -> Vec<String> {
        read(payload).iter().map(QuicFrame::to_string).collect()
    }

    #[test]
    fn frames_are_told_in_words() {
        // ACK of 5 (largest), 0 more... then ranges: 5-4, and 1-0 (gap 1: 2 and 3 are missing).
        let ack = [0x02, 5, 0, 1, 1, 1, 1];
        assert_eq!(words(&ack), ["ACK 4-5, 0-1"]);
        let stream = [0x0f, 0x04, 0x40, 0x64, 0x02, b'h', b'i'];
        let frames = read(&stream);
        assert_eq!(frames[0].to_string(), "STREAM 4 from 100, 2 bytes, FIN");
        assert_eq!(streams(&frames).collect::<Vec<_>>(), [4]);
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

    /// A payload of anything is read to its end, or to what is no frame.
    #[test]
    fn any_payload_is_read() {
        let mut state = 1_u64;
        for length in (0..2_000).map(|seed| seed % 60) {
            let payload: Vec<u8> = core::iter::repeat_with(|| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                // Small numbers are types of frames.
                let byte = (state >> 56) as u8;
                if state & 1 << 40 == 0 { byte & 0x1f } else { byte }
            })
            .take(length)
            .collect();
            let frames = read(&payload);
            assert!(frames.len() <= payload.len(), "{payload:x?}");
            let odd = frames.iter().position(|frame| matches!(frame, QuicFrame::Unknown { .. }));
            assert!(odd.is_none_or(|at| at + 1 == frames.len()), "{payload:x?}");
        }
    }
}
