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

/// SYNs whose times are kept; no schedule sends more.
const MAX_SYNS: usize = 32;

/// As many connections are kept by a processor's second cache, at about 1 KiB each.
const CACHED: usize = 1_000;

/// Who holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The application.
    Application,
    /// A listener: the handshake is not complete.
    HalfOpen(ListenerId),
    /// A listener: it waits to be accepted.
    Queued(ListenerId),
    /// Nobody any more: it finishes on its own.
    Nobody,
    /// Nobody, and it has finished: only `TIME_WAIT` is left, which the connection keeps small.
    TimeWait,
}

/// A try to connect, for those who ask what became of it.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    pub(crate) syns: Vec<Time>,
    /// It has come to a connection: what ends that is no failure to connect.
    pub(crate) has_connected: bool,
    /// The last error that came back.
    pub(crate) error: Option<Unreachable>,
}

/// Where a connection's segments go, while `version` is the routes'.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    pub(crate) hop: Hop,
    /// The next hop's entry, where there is one.
    pub(crate) neighbour: Option<Key>,
    pub(crate) version: u32,
}

/// What an application wants in the IP headers of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Service {
    pub(crate) dscp: u8,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) path_mtu: PathMtuDiscovery,
}

impl Service {
    pub(crate) fn of(options: &tcp::Options) -> Self {
        Self {
            dscp: options.service >> 2,
            hop_limit: options.hop_limit,
            path_mtu: options.path_mtu,
        }
    }
}

/// A connection and what the host knows of it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) tuple: Tuple,
    pub(crate) connection: Connection,
    pub(crate) attempt: Option<Box<Attempt>>,
    pub(crate) path: Option<Path>,
    pub(crate) owner: Owner,
    /// The last acknowledgement that came, and before the first our initial sequence number: when
    /// it changes, the way to the peer works.
    pub(crate) acknowledged: SeqNumber,
    /// IPv4 identification of the next packet (`inet_id`).
    pub(crate) identification: u16,
    pub(crate) service: Service,
    /// Segments that fit into a frame for segmentation offload.
    pub(crate) max_segments: u16,
    /// It stands in the queue of those that may have something to send.
    pub(crate) is_ready: bool,
    /// It stands in the queue of those that may have something to tell.
    pub(crate) is_notified: bool,
    /// Segments find it.
    pub(crate) is_bound: bool,
    /// What its buffers took up when it last came to rest.
    pub(crate) memory: u32,
    /// What it was told of the host's memory.
    pub(crate) supply: Supply,
}

/// All TCP sockets of a host, and the queues that lead to those with something to do.
#[derive(Debug)]
pub(crate) struct TcpSockets {
    pub(crate) sockets: Slab<Socket>,
    demux: Demux,
    timers: Timers,
    pub(crate) listeners: Listeners,
    memory: Memory,
    /// Of those nobody holds any more.
    orphans: usize,
    /// Of those only `TIME_WAIT` is left of.
    time_wait: usize,
    ready: VecDeque<u32>,
    /// Those that may have something to tell.
    notified: VecDeque<Key>,
    host: u64,
    connections: u64,
}

impl Socket {
    /// It has something to tell its owner, and does not stand in the queue of those yet.
    #[inline]
    fn has_news(&self) -> bool {
        !self.is_notified && self.owner == Owner::Application && self.connection.has_events()
    }

    /// An acknowledgement of something new says that the way to the peer works (RFC 4861 §7.3.1);
    /// the first says that the handshake has succeeded. Gives the neighbour that has shown itself.
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

    /// Counts what its buffers take up now.
    #[inline]
    fn recount(&mut self, memory: &mut Memory) {
        let now = self.connection.memory();
        if now != self.memory {
            memory.change(std::mem::replace(&mut self.memory, now), now);
        }
    }

    /// A SYN goes out.
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

    /// The next connection's id, which no connection of any host had before.
    pub(crate) fn next_connection(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.host << 40 | self.connections)
    }

    /// Whose segments these are.
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
        path: Option<Path>,
        isn: SeqNumber,
        (identification, mss, service): (u16, u16, Service),
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
            service,
            // With the longest headers the frame must stay below 64 KiB.
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

    /// Segments do not find the socket any more.
    pub(crate) fn unbind(&mut self, slot: u32) {
        if let Some(socket) = self.sockets.at_mut(slot)
            && std::mem::take(&mut socket.is_bound)
        {
            let hash = self.demux.hash(&socket.tuple);
            self.demux.remove(hash, slot);
        }
    }

    /// How many sockets nobody holds any more.
    pub(crate) fn orphans(&self) -> usize {
        self.orphans
    }

    /// How many sockets only `TIME_WAIT` is left of.
    pub(crate) fn time_wait(&self) -> usize {
        self.time_wait
    }

    /// The memory of all buffers.
    #[inline]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The application, or the listener, lets go of a socket. Its key changes, so that the old one
    /// finds nothing.
    pub(crate) fn orphan(&mut self, socket: SocketId) {
        let Some(held) = self.get_mut(socket) else { return };
        if let Owner::HalfOpen(listener) = std::mem::replace(&mut held.owner, Owner::Nobody) {
            self.listeners.forget_half_open(listener);
        }
        self.orphans += 1;
        self.sockets.renew(socket.slot);
    }

    /// Only `TIME_WAIT` is left of an orphan.
    pub(crate) fn begin_time_wait(&mut self, slot: u32) {
        if let Some(socket) = self.sockets.at_mut(slot) {
            socket.owner = Owner::TimeWait;
            self.orphans -= 1;
            self.time_wait += 1;
        }
    }

    /// When the first of the sockets' timers fires.
    #[inline]
    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// A socket whose timer may have fired by `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<u32> {
        self.timers.pop(now)
    }

    /// Sets a socket's timer.
    pub(crate) fn arm(&mut self, slot: u32, at: Time) {
        self.timers.arm(slot, at);
    }

    /// The next thing that the owner of a socket must know.
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

    /// Sockets, those of which only `TIME_WAIT` is left not counted.
    pub(crate) fn len(&self) -> usize {
        self.sockets.len() - self.time_wait
    }

    /// Takes a socket out of everything.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Socket> {
        self.unbind(slot);
        self.timers.disarm(slot);
        let socket = self.sockets.remove(slot)?;
        self.memory.change(socket.memory, 0);
        match socket.owner {
            Owner::Nobody => self.orphans -= 1,
            Owner::TimeWait => self.time_wait -= 1,
            Owner::HalfOpen(listener) => self.listeners.forget_half_open(listener),
            Owner::Application | Owner::Queued(_) => {}
        }
        Some(socket)
    }

    /// Something happened to the socket: it may have something to send, and to tell its owner.
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

    /// Data was read: mostly nothing is to be sent after that, nor to be told.
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

    /// Whether any socket may have something to tell.
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

    /// It has sent: now it is the others' turn.
    #[inline]
    pub(crate) fn rotate(&mut self) {
        if self.ready.len() > 1 {
            self.ready.rotate_left(1);
        }
    }

    /// The socket in a slot, its connection told how much memory there is: before anything that may
    /// fill its buffers.
    #[inline]
    pub(crate) fn supplied(&mut self, slot: u32) -> Option<&mut Socket> {
        let sockets = self.sockets.len();
        let socket = self.sockets.at_mut(slot)?;
        if sockets > CACHED {
            socket.connection.recall();
        }
        let supply = self.memory.supply(socket.memory, sockets);
        // A connection that was not open yet has not heard of a shortage.
        if supply != Supply::Ample || socket.supply != Supply::Ample {
            socket.connection.set_supply(supply);
            socket.supply = supply;
        }
        Some(socket)
    }

    /// The first of the ready has nothing to send; its timer is set.
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
