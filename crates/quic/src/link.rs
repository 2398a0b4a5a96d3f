//! One connection, as its endpoint drives it and as its users hold it.

use core::cell::RefCell;
use core::task::{Context, Waker};
use std::collections::BTreeMap;
use std::net::SocketAddr;

use quinn_proto::{ConnectionHandle, Dir, Event, StreamEvent};
use roundtrip_record::{
    ConnectionId, Direction, EventId, QuicCongestion, QuicLost, QuicPacket, Side, Time, Trace as _,
    What,
};
use roundtrip_wire::Wire;

use crate::ended::Ended;
use crate::frames;
use crate::notes::{Note, Notes};

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    /// That the handshake is complete.
    Established,
    /// That another stream may be opened, bidirectional or not.
    Open(bool),
    /// A stream of the other end's, bidirectional or not.
    Incoming(bool),
    /// Bytes of a stream.
    Read(u64),
    /// Room on a stream.
    Write(u64),
    /// That all of a stream has been acknowledged.
    Finished(u64),
    /// That the connection is over.
    Ended,
    /// That the other end has been told of it.
    Flushed,
}

/// A connection. Its endpoint and its users share it.
pub(crate) struct Link {
    pub(crate) handle: ConnectionHandle,
    pub(crate) id: ConnectionId,
    pub(crate) side: Side,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) notes: Notes,
    pub(crate) state: RefCell<State>,
}

pub(crate) struct State {
    pub(crate) proto: quinn_proto::Connection,
    /// The handshake is complete.
    pub(crate) established: bool,
    pub(crate) ended: Option<Ended>,
    /// What the other end is to be told of its end has been sent.
    pub(crate) flushed: bool,
    waiting: BTreeMap<Wait, Vec<Waker>>,
    /// When its first timer fires.
    pub(crate) deadline: Option<Time>,
    /// The latest event.
    pub(crate) latest: Option<EventId>,
    /// The packets that brought what came last of each stream.
    streams: BTreeMap<u64, EventId>,
    /// When the latest datagram had arrived, where the wire tells.
    pub(crate) arrived: Option<Time>,
}

/// Two that are told apart by their direction: whether it is bidirectional.
pub(crate) fn both_ways(dir: Dir) -> bool {
    dir == Dir::Bi
}

impl State {
    pub(crate) fn new(proto: quinn_proto::Connection, opened: Option<EventId>) -> Self {
        Self {
            proto,
            established: false,
            ended: None,
            flushed: false,
            waiting: BTreeMap::new(),
            deadline: None,
            latest: opened,
            streams: BTreeMap::new(),
            arrived: None,
        }
    }

    /// Wakes this task when that comes about, or the connection is over.
    pub(crate) fn wait(&mut self, wait: Wait, context: &Context<'_>) {
        let wakers = self.waiting.entry(wait).or_default();
        if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            wakers.push(context.waker().clone());
        }
    }

    fn wake(&mut self, wait: Wait) {
        for waker in self.waiting.remove(&wait).into_iter().flatten() {
            waker.wake();
        }
    }

    /// All that there was to send has been sent.
    pub(crate) fn flush(&mut self) {
        if self.ended.is_some() {
            self.flushed = true;
            self.wake(Wait::Flushed);
        }
    }

    /// It is over: everybody hears of it.
    pub(crate) fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        for waker in core::mem::take(&mut self.waiting).into_values().flatten() {
            waker.wake();
        }
    }

    /// The packet that brought what came last of a stream.
    pub(crate) fn packet_of(&self, stream: u64) -> Option<EventId> {
        self.streams.get(&stream).copied()
    }

    /// Nobody asks for a stream any more.
    pub(crate) fn forget(&mut self, stream: u64) {
        self.streams.remove(&stream);
        for wait in [Wait::Read(stream), Wait::Write(stream), Wait::Finished(stream)] {
            self.waiting.remove(&wait);
        }
    }

    /// Something happened that users wait for. Gives how it ended, where it is over.
    pub(crate) fn take(&mut self, event: Event) -> Option<Ended> {
        match event {
            Event::Connected => {
                self.established = true;
                self.wake(Wait::Established);
            }
            Event::ConnectionLost { reason } => return Some(reason.into()),
            Event::Stream(StreamEvent::Opened { dir }) => self.wake(Wait::Incoming(both_ways(dir))),
            Event::Stream(StreamEvent::Available { dir }) => self.wake(Wait::Open(both_ways(dir))),
            Event::Stream(StreamEvent::Readable { id }) => self.wake(Wait::Read(id.into())),
            Event::Stream(StreamEvent::Writable { id }) => self.wake(Wait::Write(id.into())),
            Event::Stream(StreamEvent::Finished { id }) => self.wake(Wait::Finished(id.into())),
            Event::Stream(StreamEvent::Stopped { id, .. }) => {
                self.wake(Wait::Write(id.into()));
                self.wake(Wait::Finished(id.into()));
            }
            Event::HandshakeDataReady | Event::DatagramReceived | Event::DatagramsUnblocked => {}
        }
        None
    }
}

impl Link {
    /// Reports what was noticed since; `cause` is what brought a datagram. Gives the event of the packet
    /// that was sent last.
    pub(crate) fn report<W: Wire>(&self, wire: &W, cause: Option<EventId>) -> Option<EventId> {
        let notes = self.notes.take();
        self.tell(wire, notes, cause)
    }

    /// The same for what was noticed before the connection was known.
    pub(crate) fn tell<W: Wire>(
        &self,
        wire: &W,
        notes: Vec<Note>,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let mut state = self.state.borrow_mut();
        let mut sent = None;
        for note in notes {
            let streams = match &note {
                Note::Packet(packet) if packet.direction == Direction::Received => {
                    frames::streams(&packet.frames).collect()
                }
                _ => Vec::new(),
            };
            let goes_out =
                matches!(&note, Note::Packet(packet) if packet.direction == Direction::Sent);
            let cause = if goes_out { state.latest } else { cause.or(state.latest) };
            let event = wire.log().emit(wire.now(), cause, || self.what(note));
            if goes_out {
                sent = event;
            }
            for (stream, event) in streams.into_iter().zip(core::iter::repeat(event)) {
                state.streams.extend(event.map(|event| (stream, event)));
            }
            state.latest = event.or(state.latest);
        }
        sent
    }

    fn what(&self, note: Note) -> What {
        let connection = self.id;
        match note {
            Note::Packet(packet) => What::QuicPacket(QuicPacket {
                connection,
                direction: packet.direction,
                space: packet.space,
                number: packet.number,
                length: packet.length,
                frames: packet.frames,
            }),
            Note::Congestion(sample) => What::QuicCongestion(QuicCongestion {
                connection,
                phase: sample.phase,
                cwnd: sample.window,
                ssthresh: sample.threshold,
                in_flight: sample.in_flight,
                srtt: sample.round_trip,
            }),
            Note::Lost { bytes, persistent } => {
                What::QuicLost(QuicLost { connection, bytes, persistent })
            }
        }
    }

    /// It is over: reports that, once.
    pub(crate) fn end<W: Wire>(&self, wire: &W, ended: Ended) {
        let mut state = self.state.borrow_mut();
        if state.ended.is_some() {
            return;
        }
        let closed = || What::QuicClosed(ended.to_record(self.id));
        let event = wire.log().emit(wire.now(), state.latest, closed);
        state.latest = event.or(state.latest);
        state.end(ended);
    }
}
