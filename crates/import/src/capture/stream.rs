//! One direction of a TCP connection, put in order from the segments that a capture shows: from any
//! point on, with segments missing, repeated, out of order, or larger than any packet was.

use core::time::Duration;
use std::collections::BTreeMap;

use roundtrip_record::{EventId, Time};

/// How many bytes are held behind a gap before it is given up.
const MOST_HELD: usize = 1 << 20;

/// How late a segment may come that was merely overtaken, where the round trip is not known.
const OVERTAKEN: Duration = Duration::from_millis(3);

/// Bytes in order, or a gap in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Bytes, with the time and the event of the segment that brought them.
    Bytes(Vec<u8>, Stamp),
    /// Bytes that the capture does not have.
    Gap(u64),
}

/// When bytes passed, and which segment brought them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) at: Time,
    pub(crate) event: Option<EventId>,
}

/// What a segment was to its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It brought new bytes, or none were in it.
    New,
    /// All its bytes had been sent before.
    Retransmission,
}

/// A segment's payload that waits for its turn.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// How many bytes behind them were in the segment and are not in the capture.
    snapped: usize,
    stamp: Stamp,
}

impl Piece {
    /// How many bytes were in the segment.
    fn length(&self) -> u64 {
        (self.bytes.len() + self.snapped) as u64
    }

    /// What it counts against the limit: a piece without bytes takes room too.
    fn cost(&self) -> usize {
        self.bytes.len().max(1)
    }
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The next sequence number in order; `None` before the first segment.
    next: Option<u32>,
    /// The end of the furthest byte that was sent, and when that was.
    furthest: Option<u32>,
    furthest_at: Time,
    /// How late a segment may come that was merely overtaken, and not sent again: the round trip of
    /// the handshake, once it was seen.
    pub(crate) round_trip: Option<Duration>,
    /// Bytes beyond `next`, by their distance from it at the time they are looked at.
    held: BTreeMap<u64, Piece>,
    held_bytes: usize,
    /// How many bytes were put in order, which makes sequence numbers of 64 bits.
    position: u64,
    /// Whether the begin of the connection was seen.
    pub(crate) whole: bool,
    pub(crate) retransmissions: u64,
    pub(crate) missing: u64,
}

impl Stream {
    /// The SYN with this sequence number was seen.
    pub(crate) fn syn(&mut self, sequence: u32) {
        let next = sequence.wrapping_add(1);
        if self.next.is_none() {
            self.next = Some(next);
            self.furthest = Some(next);
            self.whole = true;
        }
    }

    /// Says what a segment of this many bytes, snapped ones too, is to its direction; its bytes are
    /// then [taken](Self::take).
    pub(crate) fn arrival(&mut self, sequence: u32, length: usize, at: Time) -> Arrival {
        if length == 0 {
            return Arrival::New;
        }
        let next = *self.next.get_or_insert(sequence);
        let end = sequence.wrapping_add(length as u32);
        let furthest = *self.furthest.get_or_insert(sequence);
        let old = before_or_at(end, furthest) && before(sequence, furthest);
        let overtaken = at - self.furthest_at < self.round_trip.unwrap_or(OVERTAKEN);
        let again = old && (self.has(sequence, next, length) || !overtaken);
        if before(furthest, end) {
            self.furthest = Some(end);
            self.furthest_at = at;
        }
        self.retransmissions += u64::from(again);
        if again { Arrival::Retransmission } else { Arrival::New }
    }

    /// Takes a segment's payload, of which the capture has the first bytes and lacks `snapped` more.
    pub(crate) fn take(
        &mut self,
        sequence: u32,
        payload: &[u8],
        snapped: usize,
        stamp: Stamp,
        out: &mut Vec<Run>,
    ) {
        let length = payload.len() + snapped;
        if length == 0 {
            return;
        }
        let next = *self.next.get_or_insert(sequence);
        let distance = i64::from(sequence.wrapping_sub(next) as i32);
        let skip = (-distance).max(0) as usize;
        if skip < length {
            let at = self.position + distance.max(0) as u64;
            let bytes = payload.get(skip..).unwrap_or_default();
            let snapped = length - skip - bytes.len();
            self.hold(at, Piece { bytes: bytes.to_vec(), snapped, stamp });
            self.deliver(out);
            if self.held_bytes > MOST_HELD {
                self.skip_gap(out);
            }
        }
    }

    /// Whether all bytes of a segment have passed before.
    fn has(&self, sequence: u32, next: u32, length: usize) -> bool {
        let distance = i64::from(sequence.wrapping_sub(next) as i32);
        let (start, end) = (distance, distance + length as i64);
        if end <= 0 {
            return true;
        }
        let at = self.position + start.max(0) as u64;
        let held = self.held.range(..=at).next_back();
        held.is_some_and(|(from, piece)| from + piece.length() >= self.position + end as u64)
    }

    fn hold(&mut self, at: u64, piece: Piece) {
        let more =
            |held: &Piece| (held.bytes.len(), held.snapped) < (piece.bytes.len(), piece.snapped);
        if self.held.get(&at).is_none_or(more) {
            self.held_bytes += piece.cost();
            if let Some(old) = self.held.insert(at, piece) {
                self.held_bytes -= old.cost();
            }
        }
    }

    /// Hands out what is in order now.
    fn deliver(&mut self, out: &mut Vec<Run>) {
        while let Some(entry) = self.held.first_entry() {
            let at = *entry.key();
            if at > self.position {
                return;
            }
            let piece = entry.remove();
            self.held_bytes -= piece.cost();
            let (end, stamp) = (at + piece.length(), piece.stamp);
            let mut bytes = piece.bytes;
            let known = (self.position - at) as usize;
            if known < bytes.len() {
                bytes.drain(..known);
                self.advance(bytes.len() as u64);
                out.push(Run::Bytes(bytes, stamp));
            }
            // What was snapped may stand whole in a segment that was cut otherwise.
            let behind = self.held.first_key_value().map_or(end, |(next, _)| end.min(*next));
            self.lack(behind.saturating_sub(self.position), out);
        }
    }

    /// So many bytes are not in the capture.
    fn lack(&mut self, bytes: u64, out: &mut Vec<Run>) {
        if bytes > 0 {
            self.missing += bytes;
            self.advance(bytes);
            out.push(Run::Gap(bytes));
        }
    }

    fn advance(&mut self, by: u64) {
        self.position += by;
        self.next = self.next.map(|next| next.wrapping_add(by as u32));
    }

    /// Gives up the bytes before those that are held.
    pub(crate) fn skip_gap(&mut self, out: &mut Vec<Run>) {
        let Some((&at, _)) = self.held.first_key_value() else { return };
        self.lack(at.saturating_sub(self.position), out);
        self.deliver(out);
    }

    /// Whether everything before this sequence number has been handed out.
    pub(crate) fn reached(&self, end: u32) -> bool {
        self.next.is_none_or(|next| before_or_at(end, next))
    }

    /// Hands out all that is held, whatever is missing between.
    pub(crate) fn finish(&mut self, out: &mut Vec<Run>) {
        while !self.held.is_empty() {
            self.skip_gap(out);
        }
    }
}

fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

fn before_or_at(a: u32, b: u32) -> bool {
    a == b || before(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { at: Time::ZERO, event: None };

    fn text(runs: &[Run]) -> String {
        let show = |run: &Run| match run {
            Run::Bytes(bytes, _) => String::from_utf8(bytes.clone()).unwrap(),
            Run::Gap(bytes) => format!("<{bytes}>"),
        };
        runs.iter().map(show).collect()
    }

    fn feed(stream: &mut Stream, sequence: u32, bytes: &str, snapped: usize, out: &mut Vec<Run>) {
        stream.arrival(sequence, bytes.len() + snapped, STAMP.at);
        stream.take(sequence, bytes.as_bytes(), snapped, STAMP, out);
    }

    fn runs(start: Option<u32>, segments: &[(u32, &str)]) -> (String, Stream) {
        let (mut stream, mut out) = (Stream::default(), Vec::new());
        if let Some(start) = start {
            stream.syn(start.wrapping_sub(1));
        }
        for (sequence, bytes) in segments {
            feed(&mut stream, *sequence, bytes, 0, &mut out);
        }
        stream.finish(&mut out);
        (text(&out), stream)
    }

    #[test]
    fn order_is_restored_across_the_wrap() {
        let start = u32::MAX - 2;
        let (all, stream) = runs(
            Some(start),
            &[
                (start, "abc"),
                (start.wrapping_add(6), "gh"),
                (start, "ab"),
                (start.wrapping_add(3), "def"),
                (start.wrapping_add(5), "fghi"),
            ],
        );
        assert_eq!(all, "abcdefghi");
        assert_eq!((stream.retransmissions, stream.missing), (1, 0));
        assert!(stream.whole);
    }

    #[test]
    fn what_is_missing_is_a_gap() {
        let (all, stream) = runs(None, &[(100, "ab"), (110, "kl"), (104, "ef")]);
        assert_eq!(all, "ab<2>ef<4>kl");
        assert_eq!((stream.missing, stream.whole), (6, false));
    }

    #[test]
    fn a_gap_is_given_up_when_too_much_waits() {
        let (mut stream, mut out) = (Stream::default(), Vec::new());
        stream.syn(0);
        let piece = "x".repeat(60_000);
        for n in 0..20u32 {
            feed(&mut stream, 2 + n * 60_000, &piece, 0, &mut out);
        }
        assert_eq!(out[0], Run::Gap(1));
        assert!(stream.held_bytes <= MOST_HELD);
    }

    #[test]
    fn what_was_snapped_is_a_gap_at_once() {
        let (mut stream, mut out) = (Stream::default(), Vec::new());
        stream.syn(99);
        feed(&mut stream, 100, "ab", 8, &mut out);
        assert_eq!(text(&out), "ab<8>", "nobody waits for what never comes");
        // One that overtook another; one of which only the header was captured; one sent again.
        feed(&mut stream, 120, "uv", 3, &mut out);
        feed(&mut stream, 110, "kl", 8, &mut out);
        feed(&mut stream, 125, "", 5, &mut out);
        feed(&mut stream, 120, "uv", 3, &mut out);
        assert_eq!(text(&out), "ab<8>kl<8>uv<3><5>");
        assert_eq!((stream.missing, stream.retransmissions), (24, 1));
        assert!(stream.reached(130) && !stream.reached(131));
        // The end of a snapped segment stands in the next one.
        feed(&mut stream, 136, "xyz", 0, &mut out);
        out.clear();
        feed(&mut stream, 130, "op", 7, &mut out);
        assert_eq!(text(&out), "op<4>xyz");
    }
}
