//! One connection as we watch the kernel carry it: its states, and how it ended.

use core::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use roundtrip_os::Clock;
use roundtrip_packet::Segment;
use roundtrip_record::{
    CloseReason, ConnectionId, Direction, EventId, Evidence, Log, Side, TcpClosed, TcpOpened,
    TcpState, TcpStateChanged, Time, Trace as _, What,
};

use crate::tcp_info::Sample;

/// A connection under watch. Shared by its stream, by whoever waits for its end, and by the capture.
pub(crate) struct Flow {
    pub(crate) id: ConnectionId,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    log: Log,
    clock: Clock,
    state: Cell<TcpState>,
    /// The latest event of this connection: the cause of the next.
    latest: Cell<Option<EventId>>,
    is_gone: Cell<bool>,
    watched: Cell<bool>,
    let_go: tokio::sync::Notify,
    pub(crate) segments: RefCell<Segments>,
}

/// What captured segments tell of a connection.
#[derive(Default)]
pub(crate) struct Segments {
    /// When our first SYN left, and when its answer came.
    pub(crate) handshake: (Option<Time>, Option<Time>),
    /// The sequence number that our next new byte will have, once our SYN was seen.
    own_next: Option<u32>,
    /// Bytes of our stream before that one, and when the last of them left.
    left: (u64, Option<Time>),
    /// The sequence number that the other end's next new byte will have, once its SYN was seen.
    next: Option<u32>,
    /// Bytes of the received stream before that one.
    received: u64,
    /// Offset of the first byte, when the segment that brought it came, and that segment's event;
    /// offsets rise.
    arrived: Vec<(u64, Time, Option<EventId>)>,
    /// Window scale of our SYN and of the other end's.
    scales: [Option<u8>; 2],
}

impl Segments {
    /// By how much the window of this segment is to be shifted (RFC 7323 §2.2).
    pub(crate) fn shift(&mut self, direction: Direction, segment: &Segment<'_>) -> u8 {
        let side = usize::from(direction == Direction::Received);
        if segment.header.flags.contains(roundtrip_packet::Flags::SYN) {
            self.scales[side] = segment.header.options.window_scale;
            return 0;
        }
        // Only if both ends offered it; without a SYN seen, it is not known.
        self.scales[1 - side].and(self.scales[side]).unwrap_or(0).min(14)
    }

    /// A segment has left.
    pub(crate) fn leave(&mut self, segment: &Segment<'_>, at: Time) {
        let header = &segment.header;
        if header.flags.contains(roundtrip_packet::Flags::SYN) {
            self.handshake.0.get_or_insert(at);
            self.own_next = Some(header.sequence.0.wrapping_add(1));
            return;
        }
        if let Some((end, new)) = new_bytes(self.own_next, segment) {
            self.left = (self.left.0 + new, Some(at));
            self.own_next = Some(end);
        }
    }

    /// When the last of the first `written` bytes of our stream left, if they were all seen to.
    pub(crate) fn departed(&self, written: u64) -> Option<Time> {
        let (bytes, at) = self.left;
        at.filter(|_| bytes == written)
    }

    /// A segment has come in: remembers which new bytes it brought.
    pub(crate) fn arrive(&mut self, segment: &Segment<'_>, at: Time, event: Option<EventId>) {
        let header = &segment.header;
        if header.flags.contains(roundtrip_packet::Flags::SYN) {
            self.handshake.1.get_or_insert(at);
            self.next = Some(header.sequence.0.wrapping_add(1));
            return;
        }
        if let Some((end, new)) = new_bytes(self.next, segment) {
            self.arrived.push((self.received, at, event));
            self.received += new;
            self.next = Some(end);
        }
    }

    /// The segment that brought the byte at `offset`, and when it came; `None` where it was not seen.
    pub(crate) fn at(&self, offset: u64) -> Option<(Time, Option<EventId>)> {
        let after = self.arrived.partition_point(|(start, ..)| *start <= offset);
        let (_, at, event) = self.arrived.get(after.checked_sub(1)?)?;
        (offset < self.received).then_some((*at, *event))
    }
}

/// Where a segment's bytes end, and how many of them are new after `next`; `None` where none are.
fn new_bytes(next: Option<u32>, segment: &Segment<'_>) -> Option<(u32, u64)> {
    let end = segment.header.sequence.0.wrapping_add(segment.payload.len() as u32);
    let new = u64::try_from(end.wrapping_sub(next?) as i32).ok()?;
    (new > 0).then_some((end, new))
}

impl Flow {
    /// A connection that has come into being at `since`, which may be a moment ago: the kernel
    /// sends its first segments before it tells us the addresses.
    pub(crate) fn open(
        log: &Log,
        clock: Clock,
        side: Side,
        (local, remote): (SocketAddr, SocketAddr),
        since: Time,
        cause: Option<EventId>,
    ) -> Rc<Self> {
        let flow = Self {
            id: log.connection_id(),
            local,
            remote,
            log: log.clone(),
            clock,
            state: Cell::new(match side {
                Side::Client => TcpState::Closed,
                Side::Server => TcpState::Listen,
            }),
            latest: Cell::new(cause),
            is_gone: Cell::new(false),
            watched: Cell::new(true),
            let_go: tokio::sync::Notify::new(),
            segments: RefCell::default(),
        };
        let opened = TcpOpened { connection: flow.id, side, local, remote };
        let event = log.clone().emit(since, cause, || What::TcpOpened(opened));
        flow.latest.set(event.or(cause));
        Rc::new(flow)
    }

    /// A connection of which the record sees nothing but its bytes, since it is none of TCP.
    pub(crate) fn unseen(
        log: &Log,
        clock: Clock,
        remote: SocketAddr,
        cause: Option<EventId>,
    ) -> Rc<Self> {
        let local = SocketAddr::new(remote.ip(), 0);
        Rc::new(Self {
            id: log.connection_id(),
            local,
            remote,
            log: Log::off(),
            clock,
            state: Cell::new(TcpState::Established),
            latest: Cell::new(cause),
            is_gone: Cell::new(false),
            watched: Cell::new(true),
            let_go: tokio::sync::Notify::new(),
            segments: RefCell::default(),
        })
    }

    /// The state last seen.
    pub(crate) fn state(&self) -> TcpState {
        self.state.get()
    }

    /// It was seen in a state. States it must have passed on the way are reported as inferred.
    pub(crate) fn seen(&self, to: TcpState, through: &str) {
        let from = self.state.get();
        if from == to || self.is_gone.get() {
            return;
        }
        for &passed in passed(from, to) {
            self.change(passed, Evidence::Inferred(format!("{} seen next", to.name())));
        }
        self.change(to, Evidence::Observed(through.into()));
    }

    fn change(&self, to: TcpState, how: Evidence) {
        let from = self.state.replace(to);
        self.emit(|connection| {
            What::TcpStateChanged(TcpStateChanged { connection, from, to, how })
        });
    }

    /// Records an event of this connection, caused by the one before.
    pub(crate) fn emit(&self, what: impl FnOnce(ConnectionId) -> What) {
        let id = self.log.clone().emit(self.clock.now(), self.latest.get(), || what(self.id));
        self.latest.set(id.or(self.latest.get()));
    }

    /// It is gone from the kernel.
    pub(crate) fn end(&self, reason: CloseReason, how: Evidence) {
        if self.is_gone.replace(true) {
            return;
        }
        if self.state.get() != TcpState::Closed {
            let from = self.state.replace(TcpState::Closed);
            let how = how.clone();
            self.emit(|connection| {
                What::TcpStateChanged(TcpStateChanged {
                    connection,
                    from,
                    to: TcpState::Closed,
                    how,
                })
            });
        }
        self.emit(|connection| What::TcpClosed(TcpClosed { connection, reason, how }));
    }

    /// Records what `TCP_INFO` says.
    pub(crate) fn sampled(&self, sample: &Sample) {
        self.emit(|connection| What::TcpInfo(sample.record(connection)));
    }

    /// Nobody watches it any more.
    pub(crate) fn let_go(&self) {
        self.watched.set(false);
        self.let_go.notify_waiters();
    }

    /// Completes when nobody watches it any more.
    pub(crate) async fn ended(&self) {
        while self.watched.get() {
            self.let_go.notified().await;
        }
    }
}

/// The states between two that were seen one after the other (RFC 9293 figure 5).
fn passed(from: TcpState, to: TcpState) -> &'static [TcpState] {
    use TcpState::{
        CloseWait, Closed, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent,
        TimeWait,
    };
    match (from, to) {
        (Closed, Established) => &[SynSent],
        (Listen, Established) => &[SynReceived],
        (Listen, CloseWait) => &[SynReceived, Established],
        (Established, FinWait2) => &[FinWait1],
        (Established, TimeWait) => &[FinWait1, FinWait2],
        (FinWait1, TimeWait) => &[FinWait2],
        (Established, LastAck) => &[CloseWait],
        _ => &[],
    }
}
