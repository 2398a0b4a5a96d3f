//! The table of TCP sockets.

use std::collections::VecDeque;
use std::net::SocketAddr;

use roundtrip_packet::SeqNumber;
use roundtrip_packet::tcp::Header;
use roundtrip_record::{ConnectionId, TcpState, Time};
use roundtrip_tcp::{self as tcp, Connection, PathMtuDiscovery, Supply};

use crate::demux::{Demux, Tuple};
use crate::listener::Listeners;
use crate::memory::Memory;
use crate::route::Hop;
use crate::slab::{Key, Slab};
use crate::timer::Timers;
use crate::{ListenerId, Rng, SocketId, Unreachable};

/// The most SYNs of one connection whose times are kept; no retransmission schedule sends more.
const MAX_SYNS: usize = 32;

/// The number of connections that fit into a processor's second-level cache, at about 1 KiB each.
const CACHED: usize = 1_000;

/// The owner of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The application holds the socket.
    Application,
    /// A listener holds it: the handshake is not complete.
    HalfOpen(ListenerId),
    /// A listener holds it: the connection is complete and waits to be accepted.
    Queued(ListenerId),
    /// Nobody holds it any more: an orphan, whose connection finishes on its own.
    Orphan,
    /// Nobody holds it, and only `TIME_WAIT` is left of the connection.
    TimeWait,
}

/// A connection attempt, kept so that its outcome can be reported.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    pub(crate) syns: Vec<Time>,
    /// Whether the connection was established: what ends it later is no failure to connect.
    pub(crate) has_connected: bool,
    /// The last error that ICMP or neighbour resolution reported.
    pub(crate) error: Option<Unreachable>,
}

/// The cached route of a connection's segments, valid while `version` is that of the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CachedRoute {
    pub(crate) hop: Hop,
    /// The next hop's entry in the neighbour table; `None` on loopback or if the table is full.
    pub(crate) neighbour: Option<Key>,
    pub(crate) version: u32,
}

/// The IP header fields that an application has set for a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IpFields {
    pub(crate) dscp: u8,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) path_mtu: PathMtuDiscovery,
}

impl IpFields {
    pub(crate) fn of(options: &tcp::Options) -> Self {
        Self {
            dscp: options.service >> 2,
            hop_limit: options.hop_limit,
            path_mtu: options.path_mtu,
        }
    }
}

/// A connection, and what the host keeps for it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) tuple: Tuple,
    pub(crate) connection: Connection,
    pub(crate) attempt: Option<Box<Attempt>>,
    pub(crate) path: Option<CachedRoute>,
    pub(crate) owner: Owner,
    /// The last acknowledgement number received, at first our initial sequence number: a change
    /// shows that packets reach the peer.
    pub(crate) acknowledged: SeqNumber,
    /// The IPv4 identification of the next packet (`inet_id`).
    pub(crate) identification: u16,
    pub(crate) ip_fields: IpFields,
    /// The number of segments that fit into one frame for segmentation offload.
    pub(crate) max_segments: u16,
    /// Whether the socket is in the queue of those that may have something to send.
    pub(crate) is_ready: bool,
    /// Whether the socket is in the queue of those that may have events.
    pub(crate) is_notified: bool,
    /// Whether received segments find the socket.
    pub(crate) is_bound: bool,
    /// The bytes its buffers took up when it last came to rest, as Linux counts them.
    pub(crate) memory: u32,
    /// The supply of memory that the connection was last told of.
    pub(crate) supply: Supply,
}

/// All TCP sockets of a host, with queues of those that have something to do.
#[derive(Debug)]
pub(crate) struct TcpSockets {
    pub(crate) sockets: Slab<Socket>,
    demux: Demux,
    timers: Timers,
    pub(crate) listeners: Listeners,
    memory: Memory,
    /// The number of sockets that nobody holds any more.
    orphans: usize,
    /// The number of connections that are only in `TIME_WAIT`.
    time_wait: usize,
    ready: VecDeque<u32>,
    /// The sockets that may have events for the application.
    notified: VecDeque<Key>,
    host: u64,
    connections: u64,
}

impl Socket {
    /// Whether the socket has events for the application and is not yet in the queue of those that
    /// do.
    #[inline]
    fn has_news(&self) -> bool {
        !self.is_notified && self.owner == Owner::Application && self.connection.has_events()
    }

    /// Notes an acknowledgement of new data, which shows that packets reach the peer (RFC 4861
    /// §7.3.1) and, the first time, that the handshake has succeeded. Gives the neighbour to
    /// confirm.
    #[inline]
    pub(crate) fn note_progress(&mut self, header: &Header) -> Option<Key> {
        let ack = header.ack().filter(|ack| *ack != self.acknowledged)?;
        self.acknowledged = ack;
        if let Some(attempt) = &mut self.attempt
            && !matches!(self.connection.state(), TcpState::SynSent | TcpState::Closed)
        {
            attempt.has_connected = true;
        }
        self.path.as_ref()?.neighbour
    }

    /// Updates the host's count of the memory that the socket's buffers take up.
    #[inline]
    fn recount(&mut self, memory: &mut Memory) {
        let now = self.connection.memory();
        if now != self.memory {
            memory.change(std::mem::replace(&mut self.memory, now), now);
        }
    }

    /// Notes the time of a SYN that is sent.
    pub(crate) fn note_syn(&mut self, now: Time) {
        if let Some(attempt) = &mut self.attempt
            && attempt.syns.len() < MAX_SYNS
        {
            attempt.syns.push(now);
        }
    }
}

impl TcpSockets {
    pub(crate) fn new(host: u64, memory: [usize; 3], rng: &mut Rng) -> Self {
        Self {
            sockets: Slab::default(),
            demux: Demux::new(rng),
            timers: Timers::default(),
            listeners: Listeners::default(),
            memory: Memory::new(memory),
            orphans: 0,
            time_wait: 0,
            ready: VecDeque::new(),
            notified: VecDeque::new(),
            host,
            connections: 0,
        }
    }

    /// The id for the next connection; no connection of any host had it before.
    pub(crate) fn next_connection(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.host << 40 | self.connections)
    }

    /// The slot of the connection with these addresses and ports.
    #[inline]
    pub(crate) fn find(&self, tuple: &Tuple) -> Option<u32> {
        let is_it = |slot| self.sockets.at(slot).is_some_and(|socket| socket.tuple == *tuple);
        self.demux.find(self.demux.hash(tuple), is_it)
    }

    /// Whether no connection has these addresses and ports.
    pub(crate) fn is_free(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.find(&Tuple::new(local, remote)).is_none()
    }

    pub(crate) fn insert(
        &mut self,
        connection: Connection,
        owner: Owner,
        path: Option<CachedRoute>,
        isn: SeqNumber,
        (identification, mss, ip_fields): (u16, u16, IpFields),
    ) -> Key {
        let tuple = Tuple::new(connection.local(), connection.remote());
        let key = self.sockets.insert(Socket {
            tuple,
            connection,
            attempt: None,
            path,
            owner,
            acknowledged: isn,
            identification,
            ip_fields,
            // The frame must stay below 64 KiB even with the longest headers.
            max_segments: ((u16::MAX - 120) / mss.max(1)).max(1),
            is_ready: false,
            is_notified: false,
            is_bound: true,
            memory: 0,
            supply: Supply::Ample,
        });
        self.demux.insert(self.demux.hash(&tuple), key.slot);
        key
    }

    /// Makes a socket unreachable for received segments.
    pub(crate) fn unbind(&mut self, slot: u32) {
        if let Some(socket) = self.sockets.at_mut(slot)
            && std::mem::take(&mut socket.is_bound)
        {
            let hash = self.demux.hash(&socket.tuple);
            self.demux.remove(hash, slot);
        }
    }

    /// The number of orphans: sockets that nobody holds any more.
    pub(crate) fn orphans(&self) -> usize {
        self.orphans
    }

    /// The number of connections that are only in `TIME_WAIT`.
    pub(crate) fn time_wait(&self) -> usize {
        self.time_wait
    }

    /// The accounting of all buffers' memory.
    #[inline]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Makes a socket an orphan: its owner lets go of it, and its key changes, so that the old one
    /// finds nothing.
    pub(crate) fn orphan(&mut self, socket: SocketId) {
        let Some(held) = self.get_mut(socket) else { return };
        if let Owner::HalfOpen(listener) = std::mem::replace(&mut held.owner, Owner::Orphan) {
            self.listeners.forget_half_open(listener);
        }
        self.orphans += 1;
        self.sockets.renew(socket.slot);
    }

    /// Turns an orphan into one of which only `TIME_WAIT` is left.
    pub(crate) fn begin_time_wait(&mut self, slot: u32) {
        if let Some(socket) = self.sockets.at_mut(slot) {
            socket.owner = Owner::TimeWait;
            self.orphans -= 1;
            self.time_wait += 1;
        }
    }

    /// When the first timer of any socket fires.
    #[inline]
    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The slot of a socket whose timer may have fired by `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<u32> {
        self.timers.pop(now)
    }

    /// Sets a socket's timer.
    pub(crate) fn arm(&mut self, slot: u32, at: Time) {
        self.timers.arm(slot, at);
    }

    /// The next event of any socket.
    pub(crate) fn next_event(&mut self) -> Option<(SocketId, tcp::Event)> {
        while let Some(key) = self.notified.front().copied() {
            if let Some(socket) = self.sockets.get_mut(key) {
                if let Some(event) = socket.connection.poll_event() {
                    return Some((key.into(), event));
                }
                socket.is_notified = false;
            }
            self.notified.pop_front();
        }
        None
    }

    /// The number of sockets, without those in `TIME_WAIT` that nobody holds.
    pub(crate) fn len(&self) -> usize {
        self.sockets.len() - self.time_wait
    }

    /// Removes a socket from the table, with its timer and its entries elsewhere.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Socket> {
        self.unbind(slot);
        self.timers.disarm(slot);
        let socket = self.sockets.remove(slot)?;
        self.memory.change(socket.memory, 0);
        match socket.owner {
            Owner::Orphan => self.orphans -= 1,
            Owner::TimeWait => self.time_wait -= 1,
            Owner::HalfOpen(listener) => self.listeners.forget_half_open(listener),
            Owner::Application | Owner::Queued(_) => {}
        }
        Some(socket)
    }

    /// Queues a socket to which something happened: it may have something to send, and events.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        let Some(socket) = self.sockets.at_mut(slot) else { return };
        if !std::mem::replace(&mut socket.is_ready, true) {
            self.ready.push_back(slot);
        }
        if socket.has_news() {
            socket.is_notified = true;
            self.notified.extend(self.sockets.key(slot));
        }
    }

    /// Does the same as [`TcpSockets::touch`] after a read, which mostly leaves nothing to send and
    /// no event.
    #[inline]
    pub(crate) fn touch_read(&mut self, slot: u32) {
        let Some(socket) = self.sockets.at_mut(slot) else { return };
        if socket.connection.may_transmit() || socket.connection.has_events() {
            self.touch(slot);
        } else {
            socket.recount(&mut self.memory);
        }
    }

    /// Whether any socket may have something to send.
    #[inline]
    pub(crate) fn may_transmit(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether any socket may have events.
    #[inline]
    pub(crate) fn may_have_events(&self) -> bool {
        !self.notified.is_empty()
    }

    /// The socket whose turn it is to send. It stays first until [`TcpSockets::rotate`] or
    /// [`TcpSockets::rest`].
    #[inline]
    pub(crate) fn first_ready(&mut self) -> Option<u32> {
        while let Some(slot) = self.ready.front().copied() {
            if self.sockets.at(slot).is_some_and(|socket| socket.is_ready) {
                return Some(slot);
            }
            self.ready.pop_front();
        }
        None
    }

    /// Moves the first ready socket to the end of the queue, since it has sent.
    #[inline]
    pub(crate) fn rotate(&mut self) {
        if self.ready.len() > 1 {
            self.ready.rotate_left(1);
        }
    }

    /// The socket in a slot, after its connection was told how much memory there is; used before
    /// anything that may fill its buffers.
    #[inline]
    pub(crate) fn supplied(&mut self, slot: u32) -> Option<&mut Socket> {
        let sockets = self.sockets.len();
        let socket = self.sockets.at_mut(slot)?;
        if sockets > CACHED {
            socket.connection.prefetch();
        }
        let supply = self.memory.supply(socket.memory, sockets);
        // A connection that was just created has not been told of a shortage.
        if supply != Supply::Ample || socket.supply != Supply::Ample {
            socket.connection.set_supply(supply);
            socket.supply = supply;
        }
        Some(socket)
    }

    /// Takes the first ready socket, which has nothing to send, out of the queue and sets its
    /// timer.
    #[inline]
    pub(crate) fn rest(&mut self, slot: u32) {
        self.ready.pop_front();
        if let Some(socket) = self.sockets.at_mut(slot) {
            socket.is_ready = false;
            socket.connection.check_resting();
            socket.recount(&mut self.memory);
            if let Some(at) = socket.connection.next_timeout() {
                self.timers.arm(slot, at);
            }
        }
    }

    pub(crate) fn get(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.get(id.into())
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.get_mut(id.into())
    }
}

impl From<SocketId> for Key {
    fn from(SocketId { slot, generation }: SocketId) -> Self {
        Self { slot, generation }
    }
}

impl From<Key> for SocketId {
    fn from(Key { slot, generation }: Key) -> Self {
        Self { slot, generation }
    }
}
