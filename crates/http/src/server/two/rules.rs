//! What a client may send (RFC 9113), frame by frame, and which error it is when it sends something
//! else. `h2` finds most of it as well, and tells nearly all with the general code `PROTOCOL_ERROR`;
//! the RFC has closer ones. So what is wrong is found here, before `h2` sees it. Where the RFC has an
//! error of a stream and `h2` one of the connection, it is one of the connection here too, which
//! RFC 9113 §5.4.1 allows.

use core::ops::RangeInclusive;
use std::collections::{BTreeSet, VecDeque};

use h2::Reason;

use crate::two::{CompressionError, Decoder, FrameHead, Kind, number};

/// The longest payload that a client may send: we never allow more (RFC 9113 §6.5.2).
const LONGEST: u32 = 16 * 1024;
/// The widest window (RFC 9113 §6.9.1).
const WIDEST: u32 = 0x7fff_ffff;
/// Streams that are remembered as opened and not ended by the client. There are more than the server
/// takes at one time only where it refused some or cut them off; the oldest are then taken for ended.
const MOST_OPEN: usize = 1000;
/// Gaps between the numbers of streams that are remembered. What lies in an older one is taken for a
/// stream that was used.
const MOST_GAPS: usize = 100;

/// An error of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// What the client is told.
    pub(crate) reason: Reason,
    /// What it did, for the record.
    pub(crate) why: &'static str,
}

const fn breach(reason: Reason, why: &'static str) -> Result<(), Breach> {
    Err(Breach { reason, why })
}

/// A block of fields that is coming.
#[derive(Debug)]
struct Block {
    stream: u32,
    /// It stands behind the body.
    trailers: bool,
    coded: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The highest stream that the client opened.
    highest: u32,
    /// Streams that it opened and has not ended.
    open: BTreeSet<u32>,
    /// Numbers below `highest` that it passed over.
    gaps: VecDeque<RangeInclusive<u32>>,
    block: Option<Block>,
    decoder: Decoder,
    /// Streams whose request is malformed in a way that `h2` does not see.
    malformed: Vec<u32>,
}

impl Rules {
    pub(crate) fn new() -> Self {
        Self {
            highest: 0,
            open: BTreeSet::new(),
            gaps: VecDeque::new(),
            block: None,
            decoder: Decoder::new(),
            malformed: Vec::new(),
        }
    }

    /// Streams whose request turned out to be malformed since this was asked last (RFC 9113 §8.1.1).
    pub(crate) fn take_malformed(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.malformed)
    }

    /// The head of a frame has come.
    pub(crate) fn head(&mut self, head: FrameHead) -> Result<(), Breach> {
        if head.length > LONGEST {
            return breach(Reason::FRAME_SIZE_ERROR, "a frame longer than SETTINGS_MAX_FRAME_SIZE");
        }
        let goes_on =
            |block: &Block| head.kind == Kind::Continuation && head.stream == block.stream;
        if self.block.as_ref().is_some_and(|block| !goes_on(block)) {
            return breach(Reason::PROTOCOL_ERROR, "a frame within a block of fields");
        }
        place(head)?;
        length(head)?;
        match head.kind {
            Kind::Headers => self.opens(head.stream),
            Kind::Data => self.takes_data(head.stream),
            Kind::RstStream | Kind::WindowUpdate if self.is_idle(head.stream) => {
                breach(Reason::PROTOCOL_ERROR, "a frame on an idle stream")
            }
            Kind::Continuation if self.block.is_none() => {
                breach(Reason::PROTOCOL_ERROR, "CONTINUATION without HEADERS before it")
            }
            Kind::PushPromise => breach(Reason::PROTOCOL_ERROR, "PUSH_PROMISE of a client"),
            _ => Ok(()),
        }
    }

    /// A whole frame has come.
    pub(crate) fn frame(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Breach> {
        match head.kind {
            Kind::Settings => parameters(payload)?,
            Kind::WindowUpdate if number(payload) == 0 => {
                return breach(Reason::PROTOCOL_ERROR, "WINDOW_UPDATE by nothing");
            }
            Kind::Data => drop(content(head, payload)?),
            Kind::Headers | Kind::Continuation => {
                let coded = content(head, payload)?;
                if let Some(block) = &mut self.block {
                    block.coded.extend_from_slice(coded);
                }
            }
            // RFC 9218 §7.1.
            Kind::PriorityUpdate if number(payload) == 0 => {
                return breach(Reason::PROTOCOL_ERROR, "PRIORITY_UPDATE of the connection");
            }
            _ => {}
        }
        if head.ends_fields() {
            self.fields()?;
        }
        if head.ends_stream() || head.kind == Kind::RstStream {
            self.open.remove(&head.stream);
        }
        Ok(())
    }

    /// Whether the client has not used a stream yet; it opens those with odd numbers.
    fn is_idle(&self, stream: u32) -> bool {
        stream > self.highest || stream != 0 && stream.is_multiple_of(2)
    }

    /// `HEADERS`: a new stream, or trailers.
    fn opens(&mut self, stream: u32) -> Result<(), Breach> {
        if stream.is_multiple_of(2) {
            return breach(Reason::PROTOCOL_ERROR, "a stream with an even number");
        }
        let trailers = self.open.contains(&stream);
        if !trailers && stream <= self.highest {
            return self.closed(stream);
        }
        if !trailers {
            if stream > self.highest + 2 {
                self.gaps.push_back(self.highest + 1..=stream - 1);
            }
            if self.gaps.len() > MOST_GAPS {
                self.gaps.pop_front();
            }
            self.highest = stream;
            self.open.insert(stream);
            if self.open.len() > MOST_OPEN {
                self.open.pop_first();
            }
        }
        self.block = Some(Block { stream, trailers, coded: Vec::new() });
        Ok(())
    }

    fn takes_data(&self, stream: u32) -> Result<(), Breach> {
        if self.is_idle(stream) {
            return breach(Reason::PROTOCOL_ERROR, "DATA on an idle stream");
        }
        if self.open.contains(&stream) { Ok(()) } else { self.closed(stream) }
    }

    /// A frame on a stream that is not open any more, or that never was.
    fn closed(&self, stream: u32) -> Result<(), Breach> {
        if self.gaps.iter().any(|gap| gap.contains(&stream)) {
            breach(Reason::PROTOCOL_ERROR, "a stream with a number below another")
        } else {
            breach(Reason::STREAM_CLOSED, "a frame on a stream that the client has ended")
        }
    }

    /// A block of fields is whole.
    fn fields(&mut self) -> Result<(), Breach> {
        let Some(block) = self.block.take() else { return Ok(()) };
        match self.decoder.decode(&block.coded) {
            Ok(pseudo) => {
                if pseudo && block.trailers {
                    self.malformed.push(block.stream);
                }
                Ok(())
            }
            Err(CompressionError) => {
                breach(Reason::COMPRESSION_ERROR, "fields that cannot be decoded")
            }
        }
    }
}

/// Whether a frame is of the connection or of a stream, as its kind has it.
fn place(head: FrameHead) -> Result<(), Breach> {
    let of_connection = match head.kind {
        Kind::Settings | Kind::Ping | Kind::GoAway | Kind::PriorityUpdate => true,
        Kind::WindowUpdate | Kind::Other(_) => return Ok(()),
        _ => false,
    };
    match (of_connection, head.stream) {
        (true, 0) | (false, 1..) => Ok(()),
        (true, _) => breach(Reason::PROTOCOL_ERROR, "a frame of the connection on a stream"),
        (false, 0) => breach(Reason::PROTOCOL_ERROR, "a frame of a stream on the connection"),
    }
}

/// Whether a frame is as long as its kind has it.
fn length(head: FrameHead) -> Result<(), Breach> {
    let fits = match head.kind {
        Kind::Settings if head.is_ack() => head.length == 0,
        Kind::Settings => head.length.is_multiple_of(6),
        Kind::Ping => head.length == 8,
        Kind::RstStream | Kind::WindowUpdate => head.length == 4,
        Kind::Priority => head.length == 5,
        Kind::GoAway => head.length >= 8,
        Kind::PriorityUpdate => head.length >= 4,
        _ => true,
    };
    if fits { Ok(()) } else { breach(Reason::FRAME_SIZE_ERROR, "a frame of a wrong length") }
}

/// What of a frame with padding, and with RFC 7540's priority, is neither of these.
fn content(head: FrameHead, payload: &[u8]) -> Result<&[u8], Breach> {
    const TOO_SHORT: Breach =
        Breach { reason: Reason::FRAME_SIZE_ERROR, why: "a frame too short for what it has" };
    let (mut padding, mut content) = (0, payload);
    if head.is_padded() {
        let (first, rest) = content.split_first().ok_or(TOO_SHORT)?;
        (padding, content) = (usize::from(*first), rest);
    }
    if head.has_priority() {
        content = content.get(5..).ok_or(TOO_SHORT)?;
    }
    // `DATA` is kept by its first bytes only, so its own length counts.
    let skipped = payload.len() - content.len();
    let length = (head.length as usize).saturating_sub(skipped);
    if padding > length {
        return Err(Breach { reason: Reason::PROTOCOL_ERROR, why: "more padding than frame" });
    }
    Ok(&content[..content.len().min(length - padding)])
}

/// The parameters of `SETTINGS` (RFC 9113 §6.5.2).
fn parameters(payload: &[u8]) -> Result<(), Breach> {
    for parameter in payload.chunks_exact(6) {
        let name = u16::from_be_bytes([parameter[0], parameter[1]]);
        let value = u32::from_be_bytes([parameter[2], parameter[3], parameter[4], parameter[5]]);
        match (name, value) {
            (2, 2..) => return breach(Reason::PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH above 1"),
            (4, value) if value > WIDEST => {
                return breach(
                    Reason::FLOW_CONTROL_ERROR,
                    "SETTINGS_INITIAL_WINDOW_SIZE too large",
                );
            }
            (5, value) if !(LONGEST..1 << 24).contains(&value) => {
                return breach(Reason::PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE out of bounds");
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(kind: Kind, flags: u8, stream: u32, length: u32) -> FrameHead {
        FrameHead { length, kind, flags, stream }
    }

    fn pass(rules: &mut Rules, head: FrameHead, payload: &[u8]) -> Result<(), Breach> {
        rules.head(head)?;
        rules.frame(head, payload)
    }

    /// Opens a stream, or sends trailers; with `ends`, that is all.
    fn fields(rules: &mut Rules, stream: u32, ends: bool) -> Result<(), Breach> {
        pass(rules, head(Kind::Headers, 4 | u8::from(ends), stream, 1), &[0x90])
    }

    fn reason(result: Result<(), Breach>) -> Option<Reason> {
        result.err().map(|breach| breach.reason)
    }

    #[test]
    fn what_is_remembered_of_streams_is_bounded() {
        let mut rules = Rules::new();
        // Each leaves a gap behind it, and none is ever ended.
        for number in 1..=10_000 {
            assert_eq!(fields(&mut rules, 4 * number + 1, false), Ok(()));
        }
        assert!(rules.open.len() <= MOST_OPEN && rules.gaps.len() <= MOST_GAPS);
        assert_eq!(reason(fields(&mut rules, 39_999, true)), Some(Reason::PROTOCOL_ERROR));
        assert_eq!(reason(fields(&mut rules, 5, true)), Some(Reason::STREAM_CLOSED));
        assert_eq!(fields(&mut rules, 40_001, true), Ok(()));
        assert_eq!(reason(fields(&mut rules, 40_001, true)), Some(Reason::STREAM_CLOSED));
    }

    #[test]
    fn padding_of_long_data_counts_by_the_length_of_the_frame() {
        let mut rules = Rules::new();
        assert_eq!(fields(&mut rules, 1, false), Ok(()));
        // Only the beginning of it is kept.
        let kept = [[255; 1].as_slice(), &[7; 99]].concat();
        assert_eq!(pass(&mut rules, head(Kind::Data, 8, 1, 400), &kept), Ok(()));
        let short = pass(&mut rules, head(Kind::Data, 8, 1, 255), &kept);
        assert_eq!(reason(short), Some(Reason::PROTOCOL_ERROR));
    }

    #[test]
    fn trailers_with_a_pseudo_field_are_malformed_and_a_request_with_one_is_not() {
        let mut rules = Rules::new();
        assert_eq!(pass(&mut rules, head(Kind::Headers, 4, 1, 1), &[0x82]), Ok(()));
        assert!(rules.take_malformed().is_empty());
        assert_eq!(pass(&mut rules, head(Kind::Headers, 5, 1, 1), &[0x82]), Ok(()));
        assert_eq!(rules.take_malformed(), [1]);
        assert!(rules.take_malformed().is_empty());
    }
}
