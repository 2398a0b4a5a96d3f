//! What is kept of the frames that passed: by stream, the blocks of fields and the ends, and of the
//! connection, that it takes no more streams.

use core::task::{Context, Waker};
use std::collections::{BTreeMap, VecDeque};

use roundtrip_record::{EventId, Time};

use super::frame::{FrameHead, Kind, Passed, number};
use super::io::{Moment, Way};

/// Who opens streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    /// We: a client. Streams are entered by [`Ledger::enter`].
    Us,
    /// The other end: we are a server. A stream is entered when its first frame comes.
    Them,
}

/// A block of fields that passed: a head, an interim head, trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// When its first byte passed, and the segment that brought it.
    pub(crate) began: Moment,
    /// Bytes of the coded fields: the payloads of its HEADERS and CONTINUATION frames.
    pub(crate) bytes: u64,
}

/// The other end takes no more streams (RFC 9113 §6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoAway {
    /// The last stream that it may have done something with.
    pub(crate) last: u32,
    /// Its error code.
    pub(crate) code: u32,
}

/// One direction of a stream.
#[derive(Debug, Default)]
struct Flow {
    /// Blocks that passed whole and that nobody has asked for yet.
    blocks: VecDeque<Block>,
    /// The block that is passing.
    passing: Option<Block>,
    /// When its first byte passed.
    began: Option<Time>,
    /// When its last byte passed: `END_STREAM`.
    ended: Option<Moment>,
    /// It was reset, by either end.
    reset: bool,
    /// Bytes of frames so far.
    bytes: u64,
    /// Bytes of payloads of DATA frames so far.
    data: u64,
    /// The same with the heads of the frames.
    framed: u64,
}

/// A stream, from its first frame until whoever uses it forgets it.
#[derive(Debug, Default)]
struct Stream {
    incoming: Flow,
    outgoing: Flow,
    /// The segment that brought what came last.
    segment: Option<EventId>,
    /// When it had arrived, where the wire tells.
    arrived: Option<Time>,
    /// Who waits for what passes out.
    waker: Option<Waker>,
}

impl Stream {
    /// The way on which something moves.
    fn moved(&mut self, way: Way, moment: Moment) -> &mut Flow {
        match way {
            Way::In => {
                self.segment = moment.segment.or(self.segment);
                self.arrived = moment.passed;
                &mut self.incoming
            }
            Way::Out => &mut self.outgoing,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    opener: Opener,
    streams: BTreeMap<u32, Stream>,
    highest: u32,
    going_away: Option<GoAway>,
}

impl Ledger {
    pub(crate) fn new(opener: Opener) -> Self {
        Self { opener, streams: BTreeMap::new(), highest: 0, going_away: None }
    }

    /// A stream that is about to be used.
    pub(crate) fn enter(&mut self, stream: u32) {
        self.streams.entry(stream).or_default();
        self.highest = self.highest.max(stream);
    }

    /// Whether there is no stream that somebody asks for.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Nobody asks for this stream any more.
    pub(crate) fn forget(&mut self, stream: u32) {
        self.streams.remove(&stream);
    }

    /// Whether a stream was there that nobody asks for any more.
    pub(crate) fn is_over(&self, stream: u32) -> bool {
        stream <= self.highest && !self.streams.contains_key(&stream)
    }

    /// That the other end takes no more streams.
    pub(crate) fn going_away(&self) -> Option<GoAway> {
        self.going_away
    }

    /// The next block of fields that came in on a stream.
    pub(crate) fn take_in(&mut self, stream: u32) -> Option<Block> {
        self.streams.get_mut(&stream)?.incoming.blocks.pop_front()
    }

    /// The next block of fields that went out on a stream.
    pub(crate) fn take_out(&mut self, stream: u32) -> Option<Block> {
        self.streams.get_mut(&stream)?.outgoing.blocks.pop_front()
    }

    /// When the first byte of a stream went out.
    pub(crate) fn began(&self, stream: u32) -> Option<Time> {
        self.streams.get(&stream)?.outgoing.began
    }

    /// Whether all of a stream went out that ever will.
    pub(crate) fn is_out(&self, stream: u32) -> bool {
        self.streams
            .get(&stream)
            .is_none_or(|stream| stream.outgoing.ended.is_some() || stream.outgoing.reset)
    }

    /// Whether a stream came in to its end.
    pub(crate) fn is_in(&self, stream: u32) -> bool {
        self.streams.get(&stream).is_some_and(|stream| stream.incoming.ended.is_some())
    }

    /// Bytes of frames that passed on a stream, in both directions.
    pub(crate) fn moved(&self, stream: u32) -> u64 {
        self.streams.get(&stream).map_or(0, |stream| stream.incoming.bytes + stream.outgoing.bytes)
    }

    /// Bytes of payloads of DATA frames that went out on a stream.
    pub(crate) fn data_out(&self, stream: u32) -> u64 {
        self.streams.get(&stream).map_or(0, |stream| stream.outgoing.data)
    }

    /// Bytes of DATA frames that came in on a stream, their heads and padding included.
    pub(crate) fn framed_in(&self, stream: u32) -> u64 {
        self.streams.get(&stream).map_or(0, |stream| stream.incoming.framed)
    }

    /// Whether a stream was reset, by either end.
    pub(crate) fn is_reset(&self, stream: u32) -> bool {
        self.streams.get(&stream).is_none_or(|stream| stream.outgoing.reset)
    }

    /// The segment that brought what came last on a stream.
    pub(crate) fn segment(&self, stream: u32) -> Option<EventId> {
        self.streams.get(&stream)?.segment
    }

    /// When what came last on a stream had arrived, where the wire tells.
    pub(crate) fn arrived(&self, stream: u32) -> Option<Time> {
        self.streams.get(&stream)?.arrived
    }

    /// When the last byte of a stream had left, where the wire tells.
    pub(crate) fn departed(&self, stream: u32) -> Option<Time> {
        self.streams.get(&stream)?.outgoing.ended?.passed
    }

    /// A frame, or its head, has passed.
    pub(crate) fn passed(&mut self, way: Way, passed: &Passed<'_>, moment: Moment) {
        match *passed {
            Passed::Head(head) => self.begun(way, head, moment),
            Passed::Frame(head, payload) => self.whole(way, head, payload, moment),
        }
    }

    /// Wakes this task when something passes out on a stream.
    pub(crate) fn wait(&mut self, stream: u32, context: &Context<'_>) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.waker = Some(context.waker().clone());
        }
    }

    fn begun(&mut self, way: Way, head: FrameHead, moment: Moment) {
        let opens = way == Way::In && self.opener == Opener::Them && head.kind == Kind::Headers;
        if opens && head.stream > self.highest {
            self.enter(head.stream);
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else { return };
        let flow = stream.moved(way, moment);
        if head.kind == Kind::Headers {
            flow.began.get_or_insert(moment.at);
            flow.passing = Some(Block { began: moment, bytes: 0 });
        }
    }

    fn whole(&mut self, way: Way, head: FrameHead, payload: &[u8], moment: Moment) {
        if let (Way::In, Kind::GoAway, [_, _, _, _, e, f, g, h, ..]) = (way, head.kind, payload) {
            let last = number(payload);
            let code = u32::from_be_bytes([*e, *f, *g, *h]);
            self.going_away = Some(GoAway { last, code });
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else { return };
        let flow = stream.moved(way, moment);
        flow.bytes += head.size();
        if head.kind == Kind::Data {
            flow.data += u64::from(head.length);
            flow.framed += head.size();
        }
        if matches!(head.kind, Kind::Headers | Kind::Continuation)
            && let Some(block) = &mut flow.passing
        {
            block.bytes += u64::from(head.length);
            if head.ends_fields() {
                flow.blocks.extend(flow.passing.take());
            }
        }
        if head.ends_stream() {
            flow.ended.get_or_insert(moment);
        }
        if head.kind == Kind::RstStream {
            stream.outgoing.reset = true;
        }
        if (way == Way::Out || head.kind == Kind::RstStream)
            && let Some(waker) = stream.waker.take()
        {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, flags: u8, stream: u32, length: u32) -> FrameHead {
        FrameHead { length, kind, flags, stream }
    }

    fn pass(ledger: &mut Ledger, way: Way, at: u64, head: FrameHead, payload: &[u8]) {
        let moment = Moment { at: Time::from_nanos(at), passed: None, segment: EventId::new(at) };
        ledger.passed(way, &Passed::Head(head), moment);
        ledger.passed(way, &Passed::Frame(head, payload), moment);
    }

    #[test]
    fn blocks_and_ends_are_told_by_stream() {
        let mut ledger = Ledger::new(Opener::Us);
        ledger.enter(1);
        pass(&mut ledger, Way::Out, 5, frame(Kind::Headers, 0, 1, 100), &[]);
        assert_eq!(ledger.take_out(1), None);
        pass(&mut ledger, Way::Out, 6, frame(Kind::Continuation, 4, 1, 10), &[]);
        assert_eq!(
            ledger.take_out(1).map(|block| (block.began.at.nanos(), block.bytes)),
            Some((5, 110))
        );
        assert_eq!((ledger.began(1), ledger.is_out(1)), (Some(Time::from_nanos(5)), false));
        pass(&mut ledger, Way::Out, 7, frame(Kind::Data, 1, 1, 10), &[]);
        assert!(ledger.is_out(1) && !ledger.is_in(1));
        for at in [8, 9] {
            pass(&mut ledger, Way::In, at, frame(Kind::Headers, 4, 1, at as u32), &[]);
        }
        let blocks = [ledger.take_in(1), ledger.take_in(1), ledger.take_in(1)];
        let bytes = blocks.map(|block| block.map(|block| block.bytes));
        assert_eq!(bytes, [Some(8), Some(9), None]);
        assert_eq!(ledger.segment(1), EventId::new(9));
        // Of streams that nobody entered, nothing is kept.
        pass(&mut ledger, Way::In, 9, frame(Kind::Headers, 4, 3, 1), &[]);
        assert_eq!((ledger.take_in(3), ledger.moved(3)), (None, 0));
    }

    #[test]
    fn goaway_tells_the_last_stream_and_why() {
        let mut ledger = Ledger::new(Opener::Us);
        let payload = [0x80, 0, 0, 5, 0, 0, 0, 11, b'x'];
        pass(&mut ledger, Way::In, 1, frame(Kind::GoAway, 0, 0, 9), &payload);
        assert_eq!(ledger.going_away(), Some(GoAway { last: 5, code: 11 }));
    }

    #[test]
    fn a_server_enters_streams_as_they_come() {
        let mut ledger = Ledger::new(Opener::Them);
        pass(&mut ledger, Way::In, 1, frame(Kind::Headers, 5, 3, 7), &[]);
        assert_eq!(ledger.take_in(3).map(|block| block.bytes), Some(7));
        ledger.forget(3);
        // One that is over does not come back.
        pass(&mut ledger, Way::In, 2, frame(Kind::Headers, 5, 3, 7), &[]);
        assert_eq!(ledger.take_in(3), None);
    }
}
