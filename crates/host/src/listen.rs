//! The calls for listening sockets, and the segments that reach them: SYNs, and acknowledgements of
//! SYN cookies.

use std::net::SocketAddr;

use roundtrip_packet::{Flags, SeqNumber};
use roundtrip_record::{TcpState, Time, Trace};
use roundtrip_tcp::{self as tcp, Connection, Endpoints, Segment, Step};

use crate::listener::Listener;
use crate::slab::Key;
use crate::socket::{IpFields, Owner};
use crate::{BindError, Event, Host, ListenerId, SocketId};

impl Host {
    /// Opens a listening socket at `at`; port 0 picks a free port. `backlog` is the number of
    /// complete connections that may wait to be accepted (one more, as in Linux), and of half-open
    /// ones before SYN cookies are used. `[::]` takes IPv4 connections too, as in Linux
    /// (`net.ipv6.bindv6only` = 0).
    ///
    /// # Errors
    /// The address is not ours or is taken, or every ephemeral port is in use.
    pub fn listen(&mut self, at: SocketAddr, backlog: usize) -> Result<ListenerId, BindError> {
        if !at.ip().is_unspecified() && !self.network.links().is_local(at.ip()) {
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
        self.tcp.listeners.add(at, backlog)
    }

    /// The address of a listener, with its actual port; `None` once it is closed.
    pub fn listener_address(&self, listener: ListenerId) -> Option<SocketAddr> {
        self.tcp.listeners.get(listener).map(Listener::at)
    }

    /// Sets the options of the listener's connections, from the next one on. Their `mss` follows
    /// from the path.
    pub fn set_listener_options(&mut self, listener: ListenerId, options: tcp::Options) {
        if let Some(listener) = self.tcp.listeners.get_mut(listener) {
            listener.set_options(options);
        }
    }

    /// Takes the connection that has waited longest to be accepted; `None` if there is none.
    pub fn accept(&mut self, listener: ListenerId) -> Option<SocketId> {
        let listener = self.tcp.listeners.get_mut(listener)?;
        while let Some(key) = listener.dequeue() {
            if let Some(socket) = self.tcp.sockets.get_mut(key) {
                socket.owner = Owner::Application;
                socket.connection.set_held(true);
                self.tcp.touch(key.slot);
                return Some(key.into());
            }
        }
        None
    }

    /// Closes a listening socket and resets its connections, half-open or complete, that were not
    /// accepted (`inet_csk_listen_stop`).
    pub fn close_listener(&mut self, now: Time, listener: ListenerId, trace: &mut impl Trace) {
        let Some(closed) = self.tcp.listeners.remove(listener) else { return };
        let waiting = closed.into_queue().into_iter();
        let half_open = self.tcp.sockets.iter().filter_map(|(slot, socket)| {
            let is_its = socket.owner == Owner::HalfOpen(listener);
            if is_its { self.tcp.sockets.key(slot) } else { None }
        });
        let all: Vec<Key> = waiting.chain(half_open).collect();
        for key in all {
            self.abort(now, key.into(), trace);
        }
    }

    /// Handles a segment for a listening socket that belongs to no connection (RFC 9293 §3.10.7.2).
    pub(crate) fn handle_listen(
        &mut self,
        now: Time,
        listener: ListenerId,
        ends: Endpoints,
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
            // The acknowledgement may carry data and even FIN, since the bare one before it may
            // have been lost.
            let is_cookie = !flags.contains(Flags::SYN);
            if !is_cookie || !self.accept_cookie(now, listener, ends, segment, trace) {
                self.send_reset(now, ends, segment, trace);
            }
            return;
        }
        // A SYN with FIN is ignored (`tcp_rcv_state_process`), as is a segment with neither SYN nor
        // ACK.
        if !flags.contains(Flags::SYN) || flags.contains(Flags::FIN) {
            return;
        }
        let has_room = self.tcp.len() < self.config.limits.sockets;
        let Some(state) = self.tcp.listeners.get_mut(listener) else { return };
        if state.is_full() || !has_room {
            self.counters.syns_dropped += 1;
            return;
        }
        let options = state.options().cloned();
        if state.has_many_half_open(self.config.limits.syn_backlog) {
            state.note_cookie(now);
            self.send_cookie(now, ends, segment, options, trace);
            return;
        }
        let isn = isn.unwrap_or_else(|| self.secret.isn(now, ends.local, ends.remote));
        let (path, mut options) = self.prepare(now, ends, options);
        let (mss, id) = (options.mss, self.tcp.next_connection());
        let ip_fields = IpFields::of(&options);
        let is_early = self.try_fast_open(now, listener, ends, segment, &mut options);
        let (connection, owner) = if is_early {
            let mut early = Connection::accept_early(now, id, ends, isn, options, segment, trace);
            early.set_held(false);
            (early, Owner::Queued(listener))
        } else {
            let half = Connection::accept(now, id, ends, isn, options, segment, trace);
            (half, Owner::HalfOpen(listener))
        };
        let identification = self.rng.next_u32() as u16;
        let key = self.tcp.insert(connection, owner, path, isn, (identification, mss, ip_fields));
        if let Some(state) = self.tcp.listeners.get_mut(listener) {
            if is_early {
                state.early.push(key);
                state.enqueue(key);
                self.events.push_back(Event::Acceptable(listener));
            } else {
                state.add_half_open();
            }
        }
        self.tcp.touch(key.slot);
    }

    /// Answers a SYN with a SYN cookie, keeping no state.
    fn send_cookie(
        &mut self,
        now: Time,
        ends: Endpoints,
        syn: &Segment<'_>,
        options: Option<tcp::Options>,
        trace: &mut impl Trace,
    ) {
        let (_, options) = self.prepare(now, ends, options);
        let header = self.cookies.answer(now, ends, &options, syn);
        self.counters.cookies_sent += 1;
        self.send_stray(Step::new(now, syn.id), ends, &header, trace);
    }

    /// Opens a connection from an acknowledgement that brings back a SYN cookie; false if the
    /// cookie is not ours.
    fn accept_cookie(
        &mut self,
        now: Time,
        listener: ListenerId,
        ends: Endpoints,
        ack: &Segment<'_>,
        trace: &mut impl Trace,
    ) -> bool {
        let Some(state) = self.tcp.listeners.get(listener) else { return false };
        if !state.expects_cookies(now) {
            return false;
        }
        let is_full = state.is_full();
        let options = state.options().cloned();
        let (path, options) = self.prepare(now, ends, options);
        let Some(syn) = self.cookies.check(now, ends, &options, ack) else { return false };
        if is_full || self.tcp.len() >= self.config.limits.sockets {
            self.counters.accepts_deferred += 1;
            return true;
        }
        self.counters.cookies_accepted += 1;
        let (mss, id) = (options.mss, self.tcp.next_connection());
        let mut connection = Connection::accept_cookie(now, id, ends, &options, &syn, ack, trace);
        connection.set_held(false);
        let identification = self.rng.next_u32() as u16;
        let key = self.tcp.insert(
            connection,
            Owner::Queued(listener),
            path,
            ack.header.acknowledgement - 1,
            (identification, mss, IpFields::of(&options)),
        );
        self.tcp.touch(key.slot);
        if let Some(state) = self.tcp.listeners.get_mut(listener) {
            state.enqueue(key);
            self.events.push_back(Event::Acceptable(listener));
        }
        true
    }

    /// Whether a half-open connection's segment must be dropped because its listener's accept queue
    /// is full; the SYN-ACK will be repeated (`tcp_check_req`, `net.ipv4.tcp_abort_on_overflow` =
    /// 0).
    pub(crate) fn must_wait(&self, owner: Owner, flags: Flags) -> bool {
        let Owner::HalfOpen(listener) = owner else { return false };
        flags.contains(Flags::ACK)
            && !flags.contains(Flags::RST)
            && self.tcp.listeners.get(listener).is_some_and(Listener::is_full)
    }

    /// Queues a half-open connection to be accepted, if its handshake has just completed.
    pub(crate) fn promote(&mut self, slot: u32, listener: ListenerId) {
        let Some(socket) = self.tcp.sockets.at_mut(slot) else { return };
        if matches!(socket.connection.state(), TcpState::SynReceived | TcpState::Closed) {
            return;
        }
        socket.owner = Owner::Queued(listener);
        socket.connection.set_held(false);
        self.tcp.listeners.forget_half_open(listener);
        let key = self.tcp.sockets.key(slot);
        if let (Some(state), Some(key)) = (self.tcp.listeners.get_mut(listener), key) {
            state.enqueue(key);
            self.events.push_back(Event::Acceptable(listener));
        }
    }
}
