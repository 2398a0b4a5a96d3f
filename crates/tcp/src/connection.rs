//! One TCP connection: the public face.

use std::net::SocketAddr;

use bytes::Bytes;
use roundtrip_packet::SeqNumber;
use roundtrip_record::{CloseReason, ConnectionId, EventId, TcpState, Time, Trace};

use crate::{Disposition, Event, IcmpError, Options, ReadError, Segment, Transmit, WriteError};

/// One end of a TCP connection.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    local: SocketAddr,
    remote: SocketAddr,
    closed: Option<CloseReason>,
}

#[allow(unused_variables, clippy::unused_self, clippy::needless_pass_by_value)]
impl Connection {
    /// Opens actively: the SYN is the first segment [`poll_transmit`](Self::poll_transmit) gives.
    #[allow(clippy::too_many_arguments)]
    pub fn connect(
        now: Time,
        id: ConnectionId,
        local: SocketAddr,
        remote: SocketAddr,
        isn: SeqNumber,
        options: Options,
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) -> Connection {
        Connection { id, local, remote, closed: None }
    }

    /// Opens passively, answering `syn`, which has SYN and neither ACK nor RST.
    #[allow(clippy::too_many_arguments)]
    pub fn accept(
        now: Time,
        id: ConnectionId,
        local: SocketAddr,
        remote: SocketAddr,
        isn: SeqNumber,
        options: Options,
        syn: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> Connection {
        Connection { id, local, remote, closed: None }
    }

    /// A segment arrived.
    pub fn handle_segment(
        &mut self,
        now: Time,
        segment: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> Disposition {
        Disposition::Closed
    }

    /// An ICMP error arrived that quotes a segment of this connection with sequence number `seq`.
    pub fn handle_icmp(
        &mut self,
        now: Time,
        error: IcmpError,
        seq: SeqNumber,
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) {
    }

    /// Time has come to [`next_timeout`](Self::next_timeout).
    pub fn handle_timeout(&mut self, now: Time, trace: &mut impl Trace) {}

    /// When to call [`handle_timeout`](Self::handle_timeout); it changes with every other call.
    pub fn next_timeout(&self) -> Option<Time> {
        None
    }

    /// The next segment to send, or up to `max_segments` of one size at once.
    pub fn poll_transmit(
        &mut self,
        now: Time,
        max_segments: usize,
        trace: &mut impl Trace,
    ) -> Option<Transmit<'_>> {
        None
    }

    /// The next thing the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// Takes data to send, as much as there is room for; 0 when the buffer is full.
    pub fn write(&mut self, now: Time, bytes: &[u8]) -> Result<usize, WriteError> {
        Err(WriteError::ShutDown)
    }

    /// As [`write`](Self::write), without copying what is large.
    pub fn write_bytes(&mut self, now: Time, bytes: Bytes) -> Result<usize, WriteError> {
        Err(WriteError::ShutDown)
    }

    /// Takes received data; `Ok(0)` is the end of file.
    pub fn read(&mut self, now: Time, into: &mut [u8]) -> Result<usize, ReadError> {
        Err(ReadError::WouldBlock)
    }

    /// The received data, in two pieces; to be taken with [`consume`](Self::consume).
    pub fn peek(&self) -> [&[u8]; 2] {
        [&[], &[]]
    }

    /// Takes `count` bytes of what [`peek`](Self::peek) shows.
    pub fn consume(&mut self, now: Time, count: usize) {}

    /// Shuts the sending side down: FIN follows what is buffered.
    pub fn shutdown(&mut self, now: Time, trace: &mut impl Trace) {}

    /// The socket has no owner any more.
    pub fn close(&mut self, now: Time, trace: &mut impl Trace) {}

    /// Resets the connection.
    pub fn abort(&mut self, now: Time, trace: &mut impl Trace) {}

    /// Its name.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Our address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The peer's address.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Its state.
    pub fn state(&self) -> TcpState {
        TcpState::Closed
    }

    /// Why it is gone, once it is.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.closed
    }

    /// Whether it is gone: the owner can drop it once it has polled what is left to send.
    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// The event of the segment that delivered the byte at `offset` of the received stream.
    pub fn segment_at(&self, offset: u64) -> Option<EventId> {
        None
    }

    /// `TCP_NODELAY`.
    pub fn set_nodelay(&mut self, now: Time, nodelay: bool) {}
}
