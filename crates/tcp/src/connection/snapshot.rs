//! Queries of a connection: its identity, its state, and `TCP_INFO`, also after its end.

use std::net::SocketAddr;

use roundtrip_packet::SeqNumber;
use roundtrip_record::{CloseReason, ConnectionId, EventId, TcpState, Time};

use crate::clock::Now;
use crate::context::Context;
use crate::info::{Info, Last, Spent};
use crate::receive::Receiver;

use crate::fast_open::SentSyn;
use crate::step::Endpoints;

use super::{Connection, State};

impl Connection {
    /// The connection's id in the record.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The addresses and ports of both ends.
    pub fn ends(&self) -> Endpoints {
        self.ends
    }

    /// Our address and port.
    pub fn local(&self) -> SocketAddr {
        self.ends.local
    }

    /// The peer's address and port.
    pub fn remote(&self) -> SocketAddr {
        self.ends.remote
    }

    /// The state of the connection.
    pub fn state(&self) -> TcpState {
        match &self.state {
            // A SYN that waits for the first write has not begun anything.
            State::SynSent(state) if state.is_deferred => TcpState::Closed,
            State::SynSent(_) => TcpState::SynSent,
            State::SynReceived(_) => TcpState::SynReceived,
            State::Open(open) => open.state(),
            State::TimeWait(state) => state.state(),
            State::Closed(_) => TcpState::Closed,
        }
    }

    /// Why the connection was closed; `None` while it is not.
    pub fn close_reason(&self) -> Option<CloseReason> {
        match &self.state {
            State::Closed(closed) => Some(closed.reason),
            _ => None,
        }
    }

    /// Whether the connection is closed. The owner drops it after draining
    /// [`poll_transmit`](Self::poll_transmit) once more.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// Whether the SYN waits for the first write, whose data it can take along (RFC 7413).
    pub fn is_deferred(&self) -> bool {
        matches!(&self.state, State::SynSent(state) if state.is_deferred)
    }

    /// What the SYN that is out has to do with Fast Open; `None` in other states.
    pub fn sent_syn(&self) -> Option<SentSyn> {
        match &self.state {
            State::SynSent(state) => Some(state.sent_syn()),
            _ => None,
        }
    }

    /// Whether an error of the network ends the attempt: the handshake is not complete, and nobody
    /// uses the connection all the same.
    pub(super) fn is_opening(&self) -> bool {
        match &self.state {
            State::SynSent(_) | State::SynReceived(_) => true,
            State::Open(open) => open.handshake().is_some() && !open.receiver.is_held,
            State::TimeWait(_) | State::Closed(_) => false,
        }
    }

    /// Whether there is enough room to write: a third of the send buffer.
    pub fn is_writable(&self) -> bool {
        match &self.state {
            State::Open(open) => open.sender.is_writable(&self.profile),
            State::SynSent(state) => state.is_deferred,
            _ => false,
        }
    }

    /// The memory of the buffers, bytes as Linux counts them, the kernel's overhead for each
    /// segment included (`sk_wmem_queued`, `sk_rmem_alloc`): more than is allocated here.
    #[inline]
    pub fn memory(&self) -> u32 {
        match &self.state {
            State::Open(open) => {
                open.sender.memory_used().saturating_add(open.receiver.memory_used())
            }
            _ => self.receiver().map_or(0, Receiver::memory_used),
        }
    }

    /// The number of bytes that can be read.
    pub fn readable(&self) -> usize {
        self.receiver().map_or(0, |receiver| receiver.unread() as usize)
    }

    /// An initial sequence number for a connection that takes this one's place in TIME_WAIT, beyond
    /// all that this one has used (RFC 9293 §3.4.1); `None` in other states.
    pub fn next_isn(&self) -> Option<SeqNumber> {
        match &self.state {
            State::TimeWait(state) => Some(state.next_isn()),
            _ => None,
        }
    }

    /// Whether the owner may open a connection in place of this one, which is in TIME_WAIT.
    pub fn may_be_replaced(&self) -> bool {
        matches!(&self.state, State::TimeWait(state) if state.may_be_replaced())
    }

    /// The event of the segment that delivered the byte at `offset` of the received stream, if it
    /// was recorded. Of a very long stream only the last segments are remembered.
    pub fn segment_at(&self, offset: u64) -> Option<EventId> {
        self.receiver()?.cause_at(offset)
    }

    /// How long the connection was busy and with what, up to `now`.
    pub fn spent(&self, now: Time) -> Spent {
        let cx = Context { now: Now::at(now, self.profile.tick), profile: &self.profile };
        match (&self.state, self.last()) {
            (State::Open(open), _) => open.sender.spent(cx),
            (_, Some(last)) => last.spent,
            _ => Spent::default(),
        }
    }

    /// A snapshot of everything that Linux's `TCP_INFO` reports.
    pub fn info(&self) -> Info {
        let mut info = match self.last() {
            Some(last) => Info { state: self.state(), ..last.info },
            None => Info::of(self.state()),
        };
        info.segs_in = self.segments_in;
        info.segs_out = self.segments_out;
        let headers = self.header_bytes();
        let options = match &self.state {
            State::SynSent(state) => {
                info.retransmits = state.retransmits();
                Some(state.options())
            }
            State::SynReceived(state) => {
                info.retransmits = state.retransmits();
                info.rto = state.rto(&self.profile);
                Some(state.options())
            }
            State::Open(open) => {
                open.sender.fill(&mut info);
                open.receiver.fill(&mut info, &self.profile);
                info.pmtu = open.sender.path_mss() + headers;
                info.syn_data = open.is_syn_data_taken;
                info.window_scale = open.window_scale.map(|peer| (peer, open.receiver.shift()));
                info.last_data_sent = open.sender.latest().data;
                info.last_data_recv = open.receiver.last_data;
                info.last_ack_recv = open.sender.latest().ack;
                None
            }
            State::TimeWait(_) | State::Closed(_) => None,
        };
        if let Some(options) = options {
            info.snd_mss = 536;
            info.advmss = u32::from(options.mss);
            info.pmtu = u32::from(options.mss) + headers;
            info.snd_cwnd = self.profile.initial_window;
            info.unacked = 1;
            info.reordering = self.profile.reordering;
        }
        info
    }

    fn last(&self) -> Option<&Last> {
        match &self.state {
            State::TimeWait(state) => state.last.as_deref(),
            State::Closed(closed) => closed.retained.as_ref()?.last.as_deref(),
            State::SynSent(_) | State::SynReceived(_) | State::Open(_) => None,
        }
    }

    /// The final snapshot of an open connection that an application holds, or may still accept; what
    /// was in flight is dropped (`tcp_write_queue_purge`).
    pub(super) fn snapshot(&self, now: Time) -> Option<Box<Last>> {
        if !matches!(&self.state, State::Open(open) if !open.is_orphan()) {
            return None;
        }
        let mut info = self.info();
        (info.unacked, info.sacked, info.lost, info.retrans) = (0, 0, 0, 0);
        info.backoff = 0;
        Some(Box::new(Last { info, spent: self.spent(now) }))
    }

    /// Sets whether a write waits for the connection: its data will carry the acknowledgement of the
    /// SYN-ACK (`sk_write_pending`).
    pub fn set_write_waiting(&mut self, is_waiting: bool) {
        if let State::SynSent(state) = &mut self.state {
            state.is_write_waiting = is_waiting;
        }
    }

    /// Sets whether an application holds the socket, which nobody does while the connection waits
    /// to be accepted. A new connection counts as held.
    pub fn set_held(&mut self, is_held: bool) {
        if let State::Open(open) = &mut self.state {
            open.receiver.is_held = is_held;
        }
    }
}
