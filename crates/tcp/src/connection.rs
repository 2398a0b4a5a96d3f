//! The public type of a TCP connection, and its transitions from state to state.

mod opening;
mod settings;
mod snapshot;

use std::sync::Arc;

use bytes::Bytes;
use roundtrip_packet::tcp::Header;
use roundtrip_packet::{Ecn, SeqNumber};
use roundtrip_record::{
    CloseReason, ConnectionId, Direction, EventId, Side, TcpSegment, TcpState, Time, Trace, What,
};

use crate::clock::Now;
use crate::context::Context;
use crate::event::{Notice, Pending};
use crate::info::Last;
use crate::profile::Profile;
use crate::receive::Receiver;
use crate::report::{self, CongestionMark};
use crate::state::{
    Established, Fired, Next, Open, OpenSegment, Ports, Successor, SynReceived, SynSent, TimeWait,
    Unfinished, Verdict, Waiting,
};
use crate::{
    Disposition, Endpoints, Event, IcmpError, ReadError, Segment, Step, Supply, Transmit,
    WriteError, Writing,
};

/// One end of a TCP connection.
///
/// The time handed in never decreases. After any call that changes something the owner drains
/// [`poll_transmit`](Self::poll_transmit) and [`poll_event`](Self::poll_event), and asks
/// [`next_timeout`](Self::next_timeout) again.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    ends: Endpoints,
    profile: Arc<Profile>,
    state: State,
    pending: Pending,
    /// A RST segment to send, in answer to a segment or at the end of the connection.
    reset: Option<Box<Header>>,
    segments_out: u32,
    segments_in: u32,
}

#[derive(Debug)]
enum State {
    SynSent(Box<SynSent>),
    SynReceived(Box<SynReceived>),
    Open(Box<Open>),
    TimeWait(Box<TimeWait>),
    Closed(Closed),
}

/// A closed connection, from which received data can still be read.
#[derive(Debug)]
struct Closed {
    reason: CloseReason,
    retained: Option<Box<Retained>>,
}

/// What an application that still holds the socket can get from a closed connection.
#[derive(Debug, Default)]
struct Retained {
    receiver: Option<Box<Receiver>>,
    last: Option<Box<Last>>,
}

impl Closed {
    fn new(reason: CloseReason, retained: Retained) -> Closed {
        let is_empty = retained.receiver.is_none() && retained.last.is_none();
        Closed { reason, retained: (!is_empty).then(|| Box::new(retained)) }
    }
}

impl Connection {
    // ---- what happens to it ----

    /// Handles a segment that arrived, and answers what became of it.
    pub fn handle_segment(
        &mut self,
        now: Time,
        segment: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> Disposition {
        self.segments_in = self.segments_in.wrapping_add(1);
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        let before = self.state();
        let shift = self.peer_shift();
        let mut mark = None;
        let mut arrived = None;
        let verdict = match &mut self.state {
            State::SynSent(state) => state.on_segment(segment, cx).widen(),
            State::SynReceived(state) => state.on_segment(segment, cx).widen(),
            State::Open(open) => {
                mark = Some(CongestionMark::of(&open.sender));
                arrived = Some((open.receiver.unread(), open.receiver.is_finished()));
                open.on_segment(segment, cx).widen()
            }
            State::TimeWait(state) => state.on_segment(segment, cx).widen(),
            State::Closed(_) => return Disposition::Closed,
        };
        let disposition = verdict.disposition;
        let cause = self.received(now, segment, disposition, shift, trace);
        self.note_arrival(arrived, segment.id, cause, cx.now);
        if let (Some(mark), State::Open(open)) = (mark, &self.state) {
            CongestionMark::report(mark, &open.sender, self.id, Step::new(now, cause), trace);
        }
        let step = Step::new(now, cause.or(segment.id));
        self.carry_out(step, verdict, before, segment, trace);
        disposition
    }

    /// Queues the events of what a segment brought.
    fn note_arrival(
        &mut self,
        before: Option<(u32, bool)>,
        frame: Option<EventId>,
        cause: Option<EventId>,
        now: Now,
    ) {
        let (State::Open(open), Some((unread, finished))) = (&mut self.state, before) else {
            return;
        };
        if unread == 0 && open.receiver.unread() > 0 {
            self.pending.note(Notice::Readable);
        }
        if open.receiver.is_finished() && !finished {
            self.pending.note(Notice::PeerFinished);
        }
        let cx = Context { now, profile: &self.profile };
        if open.sender.take_writable(cx) {
            self.pending.note(Notice::Writable);
        }
        if let (Some(frame), Some(cause)) = (frame, cause) {
            open.receiver.settle_cause(frame, cause);
        }
    }

    /// Handles an ICMP error that quotes a segment of this connection with sequence number `seq`.
    /// One that quotes a segment not in flight is ignored (RFC 5927 §4.1).
    pub fn handle_icmp(
        &mut self,
        step: Step,
        error: IcmpError,
        seq: SeqNumber,
        trace: &mut impl Trace,
    ) {
        let connecting = self.is_opening();
        let headers = self.header_bytes() as u16;
        let cx = Context { now: Now::at(step.now, self.profile.tick), profile: &self.profile };
        if let (State::SynSent(state), IcmpError::PacketTooBig { mtu }) = (&mut self.state, error) {
            state.reduce_path(mtu.saturating_sub(headers), cx);
        }
        if let State::Open(open) = &mut self.state {
            let space = open.sender.space();
            let first = open.handshake().map_or(space.una(), Unfinished::iss);
            if seq.lt(first) || seq.gt(space.nxt()) {
                return;
            }
            match error {
                IcmpError::Soft | IcmpError::Hard if connecting => {}
                IcmpError::PacketTooBig { mtu } => {
                    open.sender.reduce_path(mtu.saturating_sub(headers), cx);
                }
                IcmpError::Soft => {
                    open.sender.revert_back_off(cx);
                    self.pending.note(Notice::SoftError);
                }
                IcmpError::Hard => self.pending.note(Notice::SoftError),
            }
        }
        if connecting && matches!(error, IcmpError::Soft | IcmpError::Hard) {
            let before = self.state();
            self.transition(step, Next::Closed(CloseReason::Unreachable), before, trace);
        }
    }

    /// Fires the timers that are due: call it when the time of [`next_timeout`](Self::next_timeout)
    /// has come. Calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Time, trace: &mut impl Trace) {
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        let before = self.state();
        let mut mark = None;
        let fired: Option<(Option<Fired>, Next<Successor>)> = match &mut self.state {
            State::SynSent(state) => state.on_timeout(cx).map(|(f, next)| (Some(f), next.widen())),
            State::SynReceived(state) => {
                state.on_timeout(cx).map(|(f, next)| (Some(f), next.widen()))
            }
            State::Open(open) => {
                mark = Some(CongestionMark::of(&open.sender));
                let (fired, next) = open.on_timeout(cx);
                Some((fired, next.widen()))
            }
            State::TimeWait(state) => {
                state.on_timeout(now).map(|(f, next)| (Some(f), next.widen()))
            }
            State::Closed(_) => None,
        };
        let Some((fired, next)) = fired else { return };
        let id = self.id;
        let cause = fired.and_then(|fired| trace.emit(now, None, || report::timer(id, fired)));
        if let (Some(mark), State::Open(open)) = (mark, &self.state) {
            CongestionMark::report(mark, &open.sender, id, Step::new(now, cause), trace);
        }
        self.transition(Step::new(now, cause), next, before, trace);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` without a timer. Every other
    /// call may change it.
    #[inline]
    pub fn next_timeout(&self) -> Option<Time> {
        match &self.state {
            State::SynSent(state) => state.next_timeout(),
            State::SynReceived(state) => state.next_timeout(),
            State::Open(open) => open.next_timeout(&self.profile),
            State::TimeWait(state) => Some(state.next_timeout()),
            State::Closed(_) => None,
        }
    }

    // ---- what it wants ----

    /// The next segment to send or, if there is data, up to `max_segments` of one size at once (1:
    /// no more than one). Call it until it gives `None`.
    pub fn poll_transmit(
        &mut self,
        now: Time,
        max_segments: usize,
        trace: &mut impl Trace,
    ) -> Option<Transmit<'_>> {
        self.check();
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        let ports = self.ports();
        let (id, out) = (self.id, self.segments_out);
        if let Some(reset) = self.reset.take() {
            self.segments_out = out.wrapping_add(1);
            return Some(bare(id, now, *reset, (0, false), &[], trace));
        }
        let (header, again) = match &mut self.state {
            State::Open(open) => {
                let segment = open.poll(ports, max_segments, cx)?;
                let sent = transmit(id, now, open, segment, trace);
                let count = sent
                    .segment_size
                    .map_or(1, |size| sent.payload_length().div_ceil(usize::from(size.max(1))));
                self.segments_out = out.wrapping_add(count as u32);
                return Some(sent);
            }
            State::SynSent(state) => {
                let begins_late = state.begins_late();
                let header = state.poll(ports, cx)?;
                self.segments_out = out.wrapping_add(1);
                if begins_late {
                    trace
                        .emit(now, None, || report::state(id, TcpState::Closed, TcpState::SynSent));
                }
                let again = state.retransmits() > 0;
                return Some(bare(id, now, header, (0, again), state.data(), trace));
            }
            State::SynReceived(state) => (state.poll(ports, cx), state.retransmits() > 0),
            State::TimeWait(state) => (state.poll(ports, cx), false),
            State::Closed(_) => (None, false),
        };
        let header = header?;
        self.segments_out = out.wrapping_add(1);
        Some(bare(id, now, header, (0, again), &[], trace))
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) may have a segment; it may turn out to have
    /// none.
    #[inline]
    pub fn may_transmit(&self) -> bool {
        match &self.state {
            State::Open(open) => open.may_poll() || self.reset.is_some(),
            _ => true,
        }
    }

    /// Whether [`poll_event`](Self::poll_event) has an event.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes the next event; call it until it gives `None`.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.pending.next()
    }

    // ---- the application ----

    /// Queues data to send, as much as there is room for; answers the number of bytes taken. It is
    /// `Ok(0)` when there is no room, or while connecting: [`Event::Writable`] or
    /// [`Event::Connected`] follows. The first data of a connection whose SYN has waited for it goes
    /// with the SYN, as much as that has room for.
    ///
    /// # Errors
    /// The sending side is shut down, or the connection is closed.
    pub fn write(&mut self, now: Time, bytes: &[u8]) -> Result<usize, WriteError> {
        self.write_as(now, bytes, Writing::Whole)
    }

    /// Like [`write`](Self::write), with a hint about the data that will follow.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub fn write_as(&mut self, now: Time, bytes: &[u8], how: Writing) -> Result<usize, WriteError> {
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        Ok(match writer(&mut self.state)? {
            WriteTo::Nothing => 0,
            WriteTo::Opening(state) => state.write(bytes),
            WriteTo::Open(open) => open.write(bytes, how, cx),
        })
    }

    /// Like [`write`](Self::write), but large buffers are not copied.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub fn write_bytes(&mut self, now: Time, bytes: Bytes) -> Result<usize, WriteError> {
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        Ok(match writer(&mut self.state)? {
            WriteTo::Nothing => 0,
            WriteTo::Opening(state) => state.write(&bytes),
            WriteTo::Open(open) => open.write_bytes(bytes, cx),
        })
    }

    /// Reads received data into `into`; answers the number of bytes, and `Ok(0)` at the end of the
    /// stream or if `into` is empty.
    ///
    /// # Errors
    /// [`ReadError::WouldBlock`] if nothing is there yet, [`ReadError::Closed`] if the connection
    /// ended without the end of the stream.
    pub fn read(&mut self, now: Time, into: &mut [u8]) -> Result<usize, ReadError> {
        let _ = now;
        let closed = self.close_reason();
        let Some(receiver) = self.receiver_mut() else {
            return end_of_reading(closed);
        };
        let count = receiver.read(into);
        if count > 0 || into.is_empty() {
            self.after_read(count);
            return Ok(count);
        }
        if receiver.at_end() { Ok(0) } else { end_of_reading(closed) }
    }

    /// What [`read`](Self::read) would find: the number of bytes, or `Ok(0)` at the end of the
    /// stream.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    #[inline]
    pub fn check_read(&self) -> Result<usize, ReadError> {
        match self.receiver() {
            Some(receiver) if receiver.unread() > 0 => Ok(receiver.unread() as usize),
            Some(receiver) if receiver.at_end() => Ok(0),
            _ => end_of_reading(self.close_reason()),
        }
    }

    /// The received data that was not read, or as much of it as is stored in two pieces; take it
    /// with [`consume`](Self::consume).
    pub fn peek(&self) -> [&[u8]; 2] {
        self.receiver().map_or([&[], &[]], Receiver::peek)
    }

    /// Discards `count` received bytes, or as many as there are (`MSG_TRUNC`).
    pub fn consume(&mut self, now: Time, count: usize) {
        let _ = now;
        let taken = self.receiver_mut().map_or(0, |receiver| receiver.discard(count));
        self.after_read(taken);
    }

    fn after_read(&mut self, count: usize) {
        match &mut self.state {
            State::Open(open) => open.receiver.after_read(count, &self.profile),
            State::TimeWait(state) => state.after_read(&self.profile),
            _ => {}
        }
    }

    /// Whether the peer's FIN has been reached, so that no more data will come; it may not have
    /// been read up to there.
    pub fn peer_finished(&self) -> bool {
        self.receiver().is_some_and(Receiver::is_finished)
    }

    /// Whether [`read`](Self::read) would report the end of the stream.
    pub fn at_end(&self) -> bool {
        self.receiver().is_some_and(Receiver::at_end)
    }

    /// Tells the connection that the application reads no more. Data is still accepted until the
    /// sending side has finished too; from then on it is answered with a reset (RFC 1122
    /// §4.2.2.13).
    pub fn stop_reading(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.stop_reading();
        }
    }

    /// Shuts the sending side down: FIN follows the buffered data (RFC 9293 §3.10.4).
    pub fn shutdown(&mut self, now: Time, trace: &mut impl Trace) {
        let before = self.state();
        let next = match &mut self.state {
            State::SynSent(_) => Next::Closed(CloseReason::Aborted),
            State::SynReceived(state) => {
                state.finish = true;
                Next::Stay
            }
            State::Open(open) => {
                open.finish();
                Next::Stay
            }
            State::TimeWait(_) | State::Closed(_) => Next::Stay,
        };
        self.transition(Step::at(now), next, before, trace);
    }

    /// Gives up the socket: FIN follows the buffered data, or a reset is sent if received data was
    /// not read (RFC 2525 §2.17). FIN_WAIT_2 then lasts no longer than [`Profile::fin_timeout`].
    pub fn close(&mut self, now: Time, trace: &mut impl Trace) {
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        let before = self.state();
        let next = match &mut self.state {
            State::SynSent(_) => Next::Closed(CloseReason::Aborted),
            State::SynReceived(_) => {
                self.abort(now, trace);
                return;
            }
            State::Open(open) => open.orphan(cx).widen(),
            State::TimeWait(state) => {
                (state.receiver, state.last) = (None, None);
                Next::Stay
            }
            State::Closed(closed) => {
                closed.retained = None;
                Next::Stay
            }
        };
        self.transition(Step::at(now), next, before, trace);
    }

    /// Resets the connection (RFC 9293 §3.10.5).
    pub fn abort(&mut self, now: Time, trace: &mut impl Trace) {
        let before = self.state();
        match &mut self.state {
            State::Open(open) => open.abort(),
            State::SynReceived(state) => {
                let header = state.reset(Ports {
                    local: self.ends.local.port(),
                    remote: self.ends.remote.port(),
                });
                self.reset = Some(Box::new(header));
            }
            State::Closed(_) => return,
            State::SynSent(_) | State::TimeWait(_) => {}
        }
        self.transition(Step::at(now), Next::Closed(CloseReason::Aborted), before, trace);
    }

    /// Ends the connection silently, because a new SYN takes its place in TIME_WAIT
    /// ([`Disposition::Reopen`]) or its host stops.
    pub fn replace(&mut self, now: Time, trace: &mut impl Trace) {
        let before = self.state();
        if !self.is_closed() {
            self.transition(Step::at(now), Next::Closed(CloseReason::Replaced), before, trace);
        }
    }

    /// Tells the connection how much memory its host has for its buffers; to be called before
    /// anything that may fill them. It has an effect only while the connection is open.
    #[inline]
    pub fn set_supply(&mut self, supply: Supply) {
        if let State::Open(open) = &mut self.state {
            open.sender.set_supply(supply);
            open.receiver.set_supply(supply);
        }
    }

    /// Reads all parts of the connection at once, to bring them into the processor's caches. Of
    /// very many connections most are out of the caches, and missing one cache line after the other
    /// takes several times as long as missing all together.
    #[inline]
    pub fn prefetch(&self) {
        if let State::Open(open) = &self.state {
            core::hint::black_box(open.prefetch());
        }
    }

    // ---- inside ----

    fn ports(&self) -> Ports {
        Ports { local: self.ends.local.port(), remote: self.ends.remote.port() }
    }

    fn peer_shift(&self) -> u8 {
        match &self.state {
            State::Open(open) => open.window_scale.unwrap_or(0),
            _ => 0,
        }
    }

    fn receiver(&self) -> Option<&Receiver> {
        match &self.state {
            State::Open(open) => Some(&open.receiver),
            State::TimeWait(state) => state.receiver.as_deref(),
            State::Closed(closed) => closed.retained.as_ref()?.receiver.as_deref(),
            State::SynSent(_) | State::SynReceived(_) => None,
        }
    }

    fn receiver_mut(&mut self) -> Option<&mut Receiver> {
        match &mut self.state {
            State::Open(open) => Some(&mut open.receiver),
            State::TimeWait(state) => state.receiver.as_deref_mut(),
            State::Closed(closed) => closed.retained.as_mut()?.receiver.as_deref_mut(),
            State::SynSent(_) | State::SynReceived(_) => None,
        }
    }

    fn opened(&self, step: Step, side: Side, trace: &mut impl Trace) {
        trace.emit(step.now, step.cause, || report::opened(self.id, side, self.ends));
    }

    fn changed(&self, step: Step, from: TcpState, to: TcpState, trace: &mut impl Trace) {
        if from != to {
            trace.emit(step.now, step.cause, || report::state(self.id, from, to));
        }
    }

    /// Records a received segment.
    fn received(
        &self,
        now: Time,
        segment: &Segment<'_>,
        disposition: Disposition,
        shift: u8,
        trace: &mut impl Trace,
    ) -> Option<EventId> {
        trace.emit(now, segment.id, || {
            let length = segment.payload.len();
            let mut event =
                TcpSegment::of(self.id, Direction::Received, &segment.header, length, shift);
            event.disposition = disposition.remark().map(str::to_owned);
            What::TcpSegment(event)
        })
    }

    /// Carries out what a state has decided about a segment.
    fn carry_out(
        &mut self,
        step: Step,
        verdict: Verdict<Successor>,
        before: TcpState,
        segment: &Segment<'_>,
        trace: &mut impl Trace,
    ) {
        if verdict.reset.is_some() {
            self.reset = verdict.reset;
        }
        let again = matches!(
            verdict.next,
            Next::To(Successor::Established(Established { again: true, .. }))
        );
        let (finish, is_passive) = match &self.state {
            State::SynReceived(state) => (state.finish, state.is_passive()),
            _ => (false, false),
        };
        let is_established = matches!(verdict.next, Next::To(Successor::Established(_)));
        self.transition(step, verdict.next, before, trace);
        if !again {
            if is_established {
                // A SYN-ACK may carry data (RFC 7413).
                let now = Now::at(step.now, self.profile.tick);
                self.note_arrival(Some((0, false)), segment.id, step.cause, now);
            }
            return;
        }
        if is_passive {
            // Linux's counters begin anew here: `tcpi_segs_out` leaves the SYN-ACKs out, which no
            // socket has sent, and of the segments received `tcpi_segs_in` counts the first and the
            // last.
            (self.segments_out, self.segments_in) = (0, 2);
        }
        // The segment that completed the handshake may carry data, or FIN.
        let established = self.state();
        let cx = Context { now: Now::at(step.now, self.profile.tick), profile: &self.profile };
        let State::Open(open) = &mut self.state else { return };
        let verdict = open.on_segment(segment, cx);
        if finish {
            open.finish();
        }
        self.note_arrival(Some((0, false)), segment.id, step.cause, cx.now);
        if verdict.reset.is_some() {
            self.reset = verdict.reset;
        }
        self.transition(step, verdict.next.widen(), established, trace);
    }

    /// Changes to another state and records the change.
    fn transition(
        &mut self,
        step: Step,
        next: Next<Successor>,
        before: TcpState,
        trace: &mut impl Trace,
    ) {
        match next {
            Next::Stay => {}
            Next::To(Successor::SynReceived(state)) => self.state = State::SynReceived(state),
            Next::To(Successor::Established(Established { open, .. })) => {
                let is_passive =
                    matches!(&self.state, State::SynReceived(state) if state.is_passive());
                self.state = State::Open(open);
                self.pending.note(Notice::Connected);
                self.search_path(step.now, !is_passive);
            }
            Next::To(Successor::Wait(waiting)) => self.enter_time_wait(step.now, waiting),
            Next::Closed(reason) => {
                self.changed(step, before, TcpState::Closed, trace);
                self.enter_closed(step, reason, trace);
                return;
            }
        }
        self.changed(step, before, self.state(), trace);
        self.check();
    }

    /// Begins the search for the path MTU, once the connection is established
    /// (`tcp_init_transfer`).
    fn search_path(&mut self, now: Time, is_active: bool) {
        let headers = self.header_bytes();
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        if let State::Open(open) = &mut self.state {
            open.sender.search_path(headers, is_active, cx);
        }
    }

    /// The length of the IP and TCP headers without options, bytes.
    fn header_bytes(&self) -> u32 {
        if self.ends.remote.is_ipv6() { 60 } else { 40 }
    }

    /// Changes to TIME_WAIT, or to FIN_WAIT_2 without an owner.
    fn enter_time_wait(&mut self, now: Time, waiting: Waiting) {
        let last = self.snapshot(now);
        let placeholder = State::Closed(Closed { reason: CloseReason::Finished, retained: None });
        match std::mem::replace(&mut self.state, placeholder) {
            State::Open(open) => {
                let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
                if open.receiver.is_finished() && waiting == Waiting::TimeWait {
                    self.pending.note(Notice::PeerFinished);
                }
                let mut state = TimeWait::new(waiting, open.into_time_wait_start(cx), cx);
                state.last = last;
                self.state = State::TimeWait(Box::new(state));
            }
            other => self.state = other,
        }
    }

    /// Closes the connection, keeping what can still be read and asked.
    fn enter_closed(&mut self, step: Step, reason: CloseReason, trace: &mut impl Trace) {
        let kept = self.snapshot(step.now);
        let ports = self.ports();
        let placeholder = State::Closed(Closed { reason, retained: None });
        let (receiver, last) = match std::mem::replace(&mut self.state, placeholder) {
            State::Open(mut open) => {
                let cx =
                    Context { now: Now::at(step.now, self.profile.tick), profile: &self.profile };
                if let Some(reset) = open.poll_reset(ports, cx) {
                    self.reset = Some(Box::new(reset));
                }
                (Some(Box::new(open.receiver)), kept)
            }
            State::TimeWait(state) => (state.receiver, state.last),
            State::Closed(closed) => {
                closed.retained.map_or((None, None), |retained| (retained.receiver, retained.last))
            }
            State::SynSent(_) | State::SynReceived(_) => (None, None),
        };
        let receiver = receiver.filter(|r| r.unread() > 0 || r.is_finished());
        self.state = State::Closed(Closed::new(reason, Retained { receiver, last }));
        self.pending.close(reason);
        let id = self.id;
        trace.emit(step.now, step.cause, || report::closed(id, reason));
    }

    /// Checks the invariants that hold after every step, in builds of tests and fuzz targets.
    #[inline]
    fn check(&self) {
        #[cfg(any(test, debug_assertions))]
        if let State::Open(open) = &self.state {
            open.sender.assert_invariants();
            open.receiver.assert_invariants(&self.profile);
        }
    }

    /// Checks that the connection is at rest; the owner calls it when
    /// [`poll_transmit`](Self::poll_transmit) has given `None`. In builds with `debug_assertions`
    /// it panics if a timer was lost or another invariant does not hold; in others it does nothing.
    #[inline]
    pub fn check_resting(&self) {
        self.check();
        #[cfg(any(test, debug_assertions))]
        match &self.state {
            State::Open(open) => {
                open.sender.assert_resting();
                open.receiver.assert_resting();
            }
            State::SynSent(state) if state.is_deferred => {}
            State::SynSent(_) | State::SynReceived(_) | State::TimeWait(_) => {
                assert!(self.next_timeout().is_some(), "{:?} without a timer", self.state());
            }
            State::Closed(_) => {}
        }
    }
}

/// The state that takes data to send.
enum WriteTo<'a> {
    /// None, while the SYN-ACK is out.
    Nothing,
    Opening(&'a mut SynSent),
    Open(&'a mut Open),
}

fn writer(state: &mut State) -> Result<WriteTo<'_>, WriteError> {
    match state {
        State::SynSent(state) => Ok(WriteTo::Opening(state)),
        State::SynReceived(_) => Ok(WriteTo::Nothing),
        State::Open(open) if open.phase.may_write() => Ok(WriteTo::Open(open)),
        State::Open(_) | State::TimeWait(_) => Err(WriteError::ShutDown),
        State::Closed(closed) => Err(WriteError::Closed(closed.reason)),
    }
}

fn end_of_reading(closed: Option<CloseReason>) -> Result<usize, ReadError> {
    match closed {
        None => Err(ReadError::WouldBlock),
        Some(CloseReason::Finished | CloseReason::TimeWaitOver) => Ok(0),
        Some(reason) => Err(ReadError::Closed(reason)),
    }
}

/// A segment outside the transfer of data, recorded as sent; only a SYN may take `data` along.
fn bare<'a>(
    id: ConnectionId,
    now: Time,
    header: Header,
    (shift, retransmission): (u8, bool),
    data: &'a [u8],
    trace: &mut impl Trace,
) -> Transmit<'a> {
    let cause = trace.emit(now, None, || {
        let mut event = TcpSegment::of(id, Direction::Sent, &header, data.len(), shift);
        event.retransmission = retransmission;
        What::TcpSegment(event)
    });
    let payload: [&[u8]; 2] = [data, &[]];
    Transmit { header, payload, segment_size: None, ecn: Ecn::NotEct, retransmission, cause }
}

/// A segment of an open connection, with its data, recorded as sent.
fn transmit<'a>(
    id: ConnectionId,
    now: Time,
    open: &'a mut Open,
    segment: OpenSegment,
    trace: &mut impl Trace,
) -> Transmit<'a> {
    let OpenSegment { header, burst, ecn } = segment;
    let retransmission = burst.is_some_and(|burst| burst.retransmission);
    let length = burst.map_or(0, |burst| burst.len as usize);
    let shift = open.receiver.shift();
    let cause = trace.emit(now, None, || {
        let mut event = TcpSegment::of(id, Direction::Sent, &header, length, shift);
        event.retransmission = retransmission;
        What::TcpSegment(event)
    });
    let Some(burst) = burst else {
        let payload: [&[u8]; 2] = [&[], &[]];
        return Transmit { header, payload, segment_size: None, ecn, retransmission, cause };
    };
    let segment_size = (burst.len > burst.mss).then_some(burst.mss as u16);
    let payload = open.sender.payload(&burst);
    Transmit { header, payload, segment_size, ecn, retransmission, cause }
}
