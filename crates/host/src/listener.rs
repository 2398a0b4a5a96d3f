//! Listening sockets: the SYN queue, the accept queue, and what comes when they are full.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::{Flags, SeqNumber};
use roundtrip_record::{TcpState, Time, Trace};
use roundtrip_tcp::{self as tcp, Connection, Segment};

use crate::slab::Key;
use crate::socket::{Owner, Service};
use crate::udp::{conflicts, find_bound};
use crate::{BindError, Event, Host, ListenerId, SocketId};

/// How long a cookie may come back: it is good for two minutes at most.
const COOKIES_LAST: Duration = Duration::from_mins(2);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) at: SocketAddr,
    backlog: usize,
    half_open: usize,
    queue: VecDeque<Key>,
    options: Option<tcp::Options>,
    /// Cookies were sent; until then they may come back.
    cookies_until: Time,
}

impl Listener {
    /// `sk_acceptq_is_full`: one more than the backlog may wait.
    fn is_full(&self) -> bool {
        self.queue.len() > self.backlog
    }
}

/// All listening sockets.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    next: u64,
    all: BTreeMap<ListenerId, Listener>,
    bound: BTreeMap<(u16, IpAddr), ListenerId>,
}

impl Listeners {
    pub(crate) fn get(&self, id: ListenerId) -> Option<&Listener> {
        self.all.get(&id)
    }

    pub(crate) fn is_taken(&self, at: SocketAddr) -> bool {
        conflicts(&self.bound, at)
    }

    pub(crate) fn find(&self, to: SocketAddr) -> Option<ListenerId> {
        find_bound(&self.bound, to)
    }

    pub(crate) fn half_open(&self) -> usize {
        self.all.values().map(|listener| listener.half_open).sum()
    }

    pub(crate) fn forget_half_open(&mut self, id: ListenerId) {
        if let Some(listener) = self.all.get_mut(&id) {
            listener.half_open = listener.half_open.saturating_sub(1);
        }
    }
}

impl Host {
    /// Listens for connections at `at`. Port 0 takes a free one. `backlog` is the number of
    /// complete connections that may wait to be accepted (one more, as in Linux), and of
    /// half-open ones before SYN cookies come into play. `[::]` takes IPv4 connections, too, as
    /// in Linux (`net.ipv6.bindv6only` = 0).
    ///
    /// # Errors
    /// The address is not ours, or taken.
    pub fn listen(&mut self, at: SocketAddr, backlog: usize) -> Result<ListenerId, BindError> {
        if !at.ip().is_unspecified() && !self.links.is_local(at.ip()) {
            return Err(BindError::AddressNotAvailable);
        }
        let at = match at.port() {
            0 => {
                let listeners = &self.tcp.listeners;
                let free = |port| !listeners.is_taken(SocketAddr::new(at.ip(), port));
                let port = self.ports.for_binding(&mut self.rng, free);
                SocketAddr::new(at.ip(), port.ok_or(BindError::PortsExhausted)?)
            }
            _ => at,
        };
        let listeners = &mut self.tcp.listeners;
        if listeners.is_taken(at) {
            return Err(BindError::AddressInUse);
        }
        listeners.next += 1;
        let id = ListenerId(listeners.next);
        listeners.bound.insert((at.port(), at.ip()), id);
        let queue = VecDeque::new();
        let cookies_until = Time::ZERO;
        let listener = Listener { at, backlog, half_open: 0, queue, options: None, cookies_until };
        listeners.all.insert(id, listener);
        Ok(id)
    }

    /// Where a listener listens, with the real port; `None` once it is closed.
    pub fn listener_address(&self, listener: ListenerId) -> Option<SocketAddr> {
        self.tcp.listeners.get(listener).map(|listener| listener.at)
    }

    /// The options that its connections begin with, from the next on. Their `mss` follows from
    /// the path.
    pub fn set_listener_options(&mut self, listener: ListenerId, options: tcp::Options) {
        if let Some(listener) = self.tcp.listeners.all.get_mut(&listener) {
            listener.options = Some(options);
        }
    }

    /// The next connection whose handshake is complete.
    pub fn accept(&mut self, listener: ListenerId) -> Option<SocketId> {
        let listener = self.tcp.listeners.all.get_mut(&listener)?;
        while let Some(key) = listener.queue.pop_front() {
            if let Some(socket) = self.tcp.sockets.get_mut(key) {
                socket.owner = Owner::Application;
                socket.connection.set_held(true);
                self.tcp.touch(key.slot);
                return Some(key.into());
            }
        }
        None
    }

    /// Stops listening. Connections that nobody accepted are reset, half-open ones forgotten
    /// (`inet_csk_listen_stop`).
    pub fn close_listener(&mut self, now: Time, listener: ListenerId, trace: &mut impl Trace) {
        let Some(closed) = self.tcp.listeners.all.remove(&listener) else { return };
        self.tcp.listeners.bound.remove(&(closed.at.port(), closed.at.ip()));
        let waiting = closed.queue.into_iter();
        let half_open = self.tcp.sockets.iter().filter_map(|(slot, socket)| {
            let is_its = socket.owner == Owner::HalfOpen(listener);
            if is_its { self.tcp.sockets.key(slot) } else { None }
        });
        let all: Vec<Key> = waiting.chain(half_open).collect();
        for key in all {
            self.abort(now, key.into(), trace);
        }
    }

    /// A segment for a listening socket, and no connection (RFC 9293 §3.10.7.2).
    pub(crate) fn handle_listen(
        &mut self,
        now: Time,
        listener: ListenerId,
        (local, remote): (SocketAddr, SocketAddr),
        segment: &Segment<'_>,
        isn: Option<SeqNumber>,
        trace: &mut impl Trace,
    ) {
        let flags = segment.header.flags;
        // "An incoming RST should be ignored."
        if flags.contains(Flags::RST) {
            return;
        }
        // "Any acknowledgment is bad if it arrives on a connection still in the LISTEN state",
        // unless it brings back a cookie.
        if flags.contains(Flags::ACK) {
            // It may carry data and even FIN: the bare one before it may have been lost.
            let is_cookie = !flags.contains(Flags::SYN);
            if !is_cookie || !self.accept_cookie(now, listener, (local, remote), segment, trace) {
                self.send_reset(now, local, remote, segment, trace);
            }
            return;
        }
        // Nor does anybody open and close with one segment (`tcp_rcv_state_process`).
        if !flags.contains(Flags::SYN) || flags.contains(Flags::FIN) {
            return;
        }
        let has_room = self.tcp.len() < self.config.limits.sockets;
        let Some(state) = self.tcp.listeners.all.get_mut(&listener) else { return };
        if state.is_full() || !has_room {
            self.counters.syns_dropped += 1;
            return;
        }
        let options = state.options.clone();
        if state.half_open >= self.config.limits.syn_backlog.min(state.backlog.max(1)) {
            state.cookies_until = now + COOKIES_LAST;
            self.send_cookie(now, (local, remote), segment, options, trace);
            return;
        }
        state.half_open += 1;
        let isn = isn.unwrap_or_else(|| self.secret.isn(now, local, remote));
        let (path, options) = self.prepare(now, local, remote, options);
        let (mss, id) = (options.mss, self.tcp.next_connection());
        let service = Service::of(&options);
        let connection = Connection::accept(now, id, local, remote, isn, options, segment, trace);
        let identification = self.rng.next_u32() as u16;
        let owner = Owner::HalfOpen(listener);
        let key = self.tcp.insert(connection, owner, path, isn, (identification, mss, service));
        self.tcp.touch(key.slot);
    }

    /// Answers a SYN without keeping anything of it.
    fn send_cookie(
        &mut self,
        now: Time,
        (local, remote): (SocketAddr, SocketAddr),
        syn: &Segment<'_>,
        options: Option<tcp::Options>,
        trace: &mut impl Trace,
    ) {
        let (_, options) = self.prepare(now, local, remote, options);
        let header = self.cookies.answer(now, local, remote, &options, syn);
        self.counters.cookies_sent += 1;
        self.send_stray(now, local, remote, &header, syn.id, trace);
    }

    /// An acknowledgement of a SYN-ACK that was not kept; false if it is none of ours.
    fn accept_cookie(
        &mut self,
        now: Time,
        listener: ListenerId,
        (local, remote): (SocketAddr, SocketAddr),
        ack: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> bool {
        let Some(state) = self.tcp.listeners.get(listener) else { return false };
        // Who has sent no cookies lately believes in none (`tcp_synq_no_recent_overflow`).
        if now >= state.cookies_until {
            return false;
        }
        let is_full = state.is_full();
        let options = state.options.clone();
        let (path, options) = self.prepare(now, local, remote, options);
        let Some(syn) = self.cookies.check(now, local, remote, &options, ack) else { return false };
        if is_full || self.tcp.len() >= self.config.limits.sockets {
            self.counters.accepts_deferred += 1;
            return true;
        }
        self.counters.cookies_accepted += 1;
        let (mss, id) = (options.mss, self.tcp.next_connection());
        let mut connection =
            Connection::accept_cookie(now, id, local, remote, &options, &syn, ack, trace);
        connection.set_held(false);
        let identification = self.rng.next_u32() as u16;
        let key = self.tcp.insert(
            connection,
            Owner::Queued(listener),
            path,
            ack.header.acknowledgement - 1,
            (identification, mss, Service::of(&options)),
        );
        self.tcp.touch(key.slot);
        if let Some(state) = self.tcp.listeners.all.get_mut(&listener) {
            state.queue.push_back(key);
            self.events.push_back(Event::Acceptable(listener));
        }
        true
    }

    /// Whether a segment of a half-open connection has to wait because its listener's queue is
    /// full: the peer's acknowledgement is dropped, and the SYN-ACK repeated (`tcp_check_req`,
    /// `net.ipv4.tcp_abort_on_overflow` = 0).
    pub(crate) fn must_wait(&self, owner: Owner, flags: Flags) -> bool {
        let Owner::HalfOpen(listener) = owner else { return false };
        flags.contains(Flags::ACK)
            && !flags.contains(Flags::RST)
            && self.tcp.listeners.get(listener).is_some_and(Listener::is_full)
    }

    /// A half-open connection has changed: complete, it waits to be accepted.
    pub(crate) fn promote(&mut self, slot: u32, listener: ListenerId) {
        let Some(socket) = self.tcp.sockets.at_mut(slot) else { return };
        if matches!(socket.connection.state(), TcpState::SynReceived | TcpState::Closed) {
            return;
        }
        socket.owner = Owner::Queued(listener);
        socket.connection.set_held(false);
        self.tcp.listeners.forget_half_open(listener);
        let key = self.tcp.sockets.key(slot);
        if let (Some(state), Some(key)) = (self.tcp.listeners.all.get_mut(&listener), key) {
            state.queue.push_back(key);
            self.events.push_back(Event::Acceptable(listener));
        }
    }
}
