//! The calls for TCP sockets.

use std::net::SocketAddr;

use bytes::Bytes;
use roundtrip_packet::{SeqNumber, ipv4, ipv6, tcp as segment};
use roundtrip_record::{CloseReason, EventId, TcpState, Time, Trace};
use roundtrip_tcp::{self as tcp, Connection, Endpoints, Step};

use crate::demux::Tuple;
use crate::socket::{Attempt, CachedRoute, IpFields, Owner};
use crate::{ConnectError, ConnectFailure, Host, SocketId};

/// The reason that calls give for a socket whose owner has let go of it.
const GONE: CloseReason = CloseReason::Replaced;

impl Host {
    /// Opens a connection: the SYN is ready to be sent, and [`Event::Tcp`](crate::Event::Tcp) tells
    /// how it goes on. `local` may leave address and port open; without `options` the host's are
    /// taken. The `mss` follows from the path, and a `timestamp_offset` of 0 is replaced by one
    /// that outsiders cannot guess (RFC 7323 §5.4). Where Fast Open is wanted and its cookie is known,
    /// the SYN waits for the first write ([`Connection::is_deferred`]).
    ///
    /// # Errors
    /// There is no route, no free port or no room for one more socket, or an address does not fit;
    /// see [`ConnectError`].
    pub fn connect(
        &mut self,
        now: Time,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        options: Option<tcp::Options>,
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) -> Result<SocketId, ConnectError> {
        let ip = remote.ip();
        let broadcast = matches!(ip, std::net::IpAddr::V4(v4) if v4.is_broadcast());
        if remote.port() == 0 || ip.is_unspecified() || ip.is_multicast() || broadcast {
            return Err(ConnectError::BadDestination);
        }
        if self.tcp.len() >= self.config.limits.sockets {
            return Err(ConnectError::TooManySockets);
        }
        let local = self.choose_local(remote, local)?;
        let isn = match self.replace_time_wait(now, Endpoints { local, remote }, trace) {
            Some(isn) => isn,
            None => self.secret.isn(now, local, remote),
        };
        let ends = Endpoints { local, remote };
        let is_plain = options.is_none();
        let (path, mut options) = self.prepare(now, ends, options);
        options.fast_open.is_wanted |= is_plain && self.config.fast_open_connect;
        self.plan_fast_open(ip, &mut options);
        let (mss, id) = (options.mss, self.tcp.next_connection());
        let ip_fields = IpFields::of(&options);
        let step = Step::new(now, cause);
        let connection = Connection::connect(step, id, ends, isn, options, trace);
        let identification = self.rng.next_u32() as u16;
        let packets = (identification, mss, ip_fields);
        let key = self.tcp.insert(connection, Owner::Application, path, isn, packets);
        if let Some(socket) = self.tcp.sockets.get_mut(key) {
            socket.attempt = Some(Box::default());
        }
        self.tcp.touch(key.slot);
        Ok(key.into())
    }

    fn choose_local(
        &mut self,
        remote: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Result<SocketAddr, ConnectError> {
        let wanted = local.filter(|local| !local.ip().is_unspecified());
        let hop = self.network.route(wanted.map(|local| local.ip()), remote.ip());
        let hop = hop.ok_or(ConnectError::NoRoute)?;
        let ip = match wanted {
            Some(local)
                if local.is_ipv4() == remote.is_ipv4()
                    && self.network.links().is_local(local.ip()) =>
            {
                local.ip()
            }
            Some(_) => return Err(ConnectError::AddressNotAvailable),
            None => self
                .network
                .links()
                .source_for(hop.interface, hop.next_hop, remote.ip())
                .ok_or(ConnectError::NoRoute)?,
        };
        let sockets = &self.tcp;
        let is_free = |port| {
            let local = SocketAddr::new(ip, port);
            // The port of a listener is not taken as an ephemeral one (`inet_csk_find_open_port`).
            sockets.is_free(local, remote) && !sockets.listeners.is_taken(local)
        };
        match local.map_or(0, |local| local.port()) {
            0 => {
                let port = self.ports.for_connection(&self.secret, ip, remote, is_free);
                Ok(SocketAddr::new(ip, port.ok_or(ConnectError::PortsExhausted)?))
            }
            port => {
                let local = SocketAddr::new(ip, port);
                let holder = sockets.find(&Tuple::new(local, remote));
                let socket = holder.and_then(|slot| sockets.sockets.at(slot));
                let is_free = socket.is_none_or(|socket| socket.connection.may_be_replaced());
                if is_free { Ok(local) } else { Err(ConnectError::AddressInUse) }
            }
        }
    }

    /// Replaces a connection in `TIME_WAIT` that has the same addresses and ports (RFC 6191;
    /// `tcp_twsk_unique`, which asks for no more where the application chose the port). Gives the
    /// initial sequence number for the new connection, beyond those of the old one; `None` if there
    /// is none to replace.
    fn replace_time_wait(
        &mut self,
        now: Time,
        ends: Endpoints,
        trace: &mut impl Trace,
    ) -> Option<SeqNumber> {
        let slot = self.tcp.find(&Tuple::new(ends.local, ends.remote))?;
        let isn = self.tcp.sockets.at(slot)?.connection.next_isn()?;
        self.release(now, slot, trace);
        Some(isn)
    }

    /// The route to the remote end, and the options for a connection over it.
    pub(crate) fn prepare(
        &mut self,
        now: Time,
        ends: Endpoints,
        options: Option<tcp::Options>,
    ) -> (Option<CachedRoute>, tcp::Options) {
        let Endpoints { local, remote } = ends;
        let mut options = options.unwrap_or_else(|| tcp::Options {
            profile: self.config.profile.clone(),
            ..tcp::Options::default()
        });
        if options.timestamp_offset == 0 {
            let (near, far) = (SocketAddr::new(local.ip(), 0), SocketAddr::new(remote.ip(), 0));
            options.timestamp_offset = (self.secret.hash_pair(near, far) >> 32) as u32;
        }
        let path = self.path(now, local.ip(), remote.ip());
        let link = path.and_then(|path| self.network.links().get(path.hop.interface));
        let mtu = link.map_or(ipv4_least(), |link| link.mtu(remote.ip()));
        let mtu = self.path_mtus.get(now, remote.ip(), mtu);
        let ip_header = if remote.is_ipv4() { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN };
        options.mss = mtu.saturating_sub((ip_header + segment::HEADER_LEN) as u16);
        (path, options)
    }

    /// The connection of a socket, to query its state; `None` once the socket is closed.
    pub fn tcp(&self, socket: SocketId) -> Option<&Connection> {
        self.tcp.get(socket).map(|socket| &socket.connection)
    }

    /// Applies `change` to a connection and marks it as possibly having something to send.
    fn with<T>(
        &mut self,
        socket: SocketId,
        change: impl FnOnce(&mut Connection) -> T,
    ) -> Option<T> {
        self.tcp.get(socket)?;
        let answer = change(&mut self.tcp.supplied(socket.slot)?.connection);
        self.tcp.touch(socket.slot);
        Some(answer)
    }

    /// Changes options of a connection (such as [`Connection::set_cork`]) and sends what becomes
    /// due with that. `None` if the socket is closed.
    pub fn configure<T>(
        &mut self,
        socket: SocketId,
        change: impl FnOnce(&mut Connection) -> T,
    ) -> Option<T> {
        self.with(socket, change)
    }

    /// Queues data to send, as much as there is room for; answers the number of bytes taken, 0 when
    /// the buffer is full.
    ///
    /// # Errors
    /// The sending side is shut down, or the connection is closed; [`CloseReason::Replaced`] if the
    /// socket itself was closed.
    pub fn write(
        &mut self,
        now: Time,
        socket: SocketId,
        bytes: &[u8],
    ) -> Result<usize, tcp::WriteError> {
        self.with(socket, |connection| connection.write(now, bytes))
            .unwrap_or(Err(tcp::WriteError::Closed(GONE)))
    }

    /// Like [`Host::write`], with a hint about the data that will follow.
    ///
    /// # Errors
    /// Those of [`Host::write`].
    pub fn write_as(
        &mut self,
        now: Time,
        socket: SocketId,
        bytes: &[u8],
        how: tcp::Writing,
    ) -> Result<usize, tcp::WriteError> {
        self.with(socket, |connection| connection.write_as(now, bytes, how))
            .unwrap_or(Err(tcp::WriteError::Closed(GONE)))
    }

    /// Sets the IP header fields of a socket's packets from `options`: type of service, TTL or hop
    /// limit, path MTU discovery. The two ECN bits stay TCP's.
    pub fn set_service(&mut self, socket: SocketId, options: &tcp::Options) {
        if let Some(socket) = self.tcp.get_mut(socket) {
            socket.ip_fields = IpFields::of(options);
        }
    }

    /// Like [`Host::write`], but large buffers are not copied.
    ///
    /// # Errors
    /// Those of [`Host::write`].
    pub fn write_bytes(
        &mut self,
        now: Time,
        socket: SocketId,
        bytes: Bytes,
    ) -> Result<usize, tcp::WriteError> {
        self.with(socket, |connection| connection.write_bytes(now, bytes))
            .unwrap_or(Err(tcp::WriteError::Closed(GONE)))
    }

    /// Reads received data into `into`; answers the number of bytes, and `Ok(0)` at the end of the
    /// stream.
    ///
    /// # Errors
    /// Nothing has arrived yet, or the connection is closed; [`CloseReason::Replaced`] if the
    /// socket itself was closed.
    pub fn read(
        &mut self,
        now: Time,
        socket: SocketId,
        into: &mut [u8],
    ) -> Result<usize, tcp::ReadError> {
        let Some(held) = self.tcp.get_mut(socket) else {
            return Err(tcp::ReadError::Closed(GONE));
        };
        let read = held.connection.read(now, into);
        self.tcp.touch_read(socket.slot);
        read
    }

    /// The received data, in two pieces that follow each other; take it with [`Host::consume`].
    pub fn peek(&self, socket: SocketId) -> [&[u8]; 2] {
        self.tcp.get(socket).map_or([&[], &[]], |socket| socket.connection.peek())
    }

    /// What [`Host::read`] would find: the number of bytes, or `Ok(0)` at the end of the stream.
    ///
    /// # Errors
    /// Those of [`Host::read`].
    #[inline]
    pub fn check_read(&self, socket: SocketId) -> Result<usize, tcp::ReadError> {
        let socket = self.tcp.get(socket).ok_or(tcp::ReadError::Closed(GONE))?;
        socket.connection.check_read()
    }

    /// Discards `count` received bytes, or as many as there are.
    pub fn consume(&mut self, now: Time, socket: SocketId, count: usize) {
        if let Some(held) = self.tcp.get_mut(socket) {
            held.connection.consume(now, count);
            self.tcp.touch_read(socket.slot);
        }
    }

    /// Tells a connection that the application reads no more (`SHUT_RD`).
    pub fn stop_reading(&mut self, socket: SocketId) {
        self.with(socket, tcp::Connection::stop_reading);
    }

    /// Shuts the sending side down: FIN follows what is buffered, and reading remains possible.
    pub fn shutdown(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {
        self.with(socket, |connection| connection.shutdown(now, trace));
    }

    /// Switches Nagle's algorithm off or on (`TCP_NODELAY`).
    pub fn set_nodelay(&mut self, now: Time, socket: SocketId, nodelay: bool) {
        self.with(socket, |connection| connection.set_nodelay(now, nodelay));
    }

    /// Closes the socket; its id is void from here on. The connection finishes on its own, with FIN
    /// after what is buffered, or with RST if received data was not read.
    /// [`Event::Gone`](crate::Event::Gone) reports its end.
    pub fn close(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {
        let is_full = self.tcp.orphans() >= self.config.limits.orphans;
        // Linux resets as well when there are too many orphans or memory is short
        // (`tcp_check_oom`).
        if is_full || self.tcp.get(socket).is_some() && self.is_short_for(socket.slot) {
            self.abort(now, socket, trace);
        } else {
            self.with(socket, |connection| connection.close(now, trace));
            self.tcp.orphan(socket);
        }
    }

    /// Closes the socket and resets the connection.
    pub fn abort(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {
        self.with(socket, |connection| connection.abort(now, trace));
        self.tcp.orphan(socket);
    }

    /// Whether memory is exhausted and the connection holds more than a little of it
    /// (`tcp_out_of_memory`, `SOCK_MIN_SNDBUF`).
    pub(crate) fn is_short_for(&self, slot: u32) -> bool {
        const LITTLE: u32 = 4_608;
        self.tcp.memory().is_exhausted()
            && self.tcp.sockets.at(slot).is_some_and(|socket| socket.memory > LITTLE)
    }

    /// Resets every connection that is not closed yet, whoever holds it, because the host is going
    /// away.
    pub fn abort_all(&mut self, now: Time, trace: &mut impl Trace) {
        let slots: Vec<u32> = self.tcp.sockets.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let Some(socket) = self.tcp.sockets.at_mut(slot) else { continue };
            socket.connection.abort(now, trace);
            self.tcp.touch(slot);
        }
    }

    /// Why a connection attempt failed; `None` while it lasts, or if it succeeded.
    pub fn connect_failure(&self, socket: SocketId) -> Option<ConnectFailure> {
        let socket = self.tcp.get(socket)?;
        let attempt = socket.attempt.as_ref().filter(|attempt| !attempt.has_connected)?;
        match (socket.connection.close_reason()?, attempt.error) {
            (CloseReason::Refused, _) => Some(ConnectFailure::Refused),
            // An error that came back while the SYNs were repeated says more than a time-out
            // (`tcp_write_err`: `sk_err_soft`).
            (CloseReason::Unreachable | CloseReason::TimedOut, Some(error)) => {
                Some(ConnectFailure::Unreachable(error))
            }
            (CloseReason::Unreachable | CloseReason::TimedOut, None) => {
                Some(ConnectFailure::TimedOut)
            }
            (CloseReason::Aborted | CloseReason::Replaced, _) => Some(ConnectFailure::Cancelled),
            (CloseReason::Finished | CloseReason::TimeWaitOver | CloseReason::Reset, _) => None,
        }
    }

    /// The times at which the SYNs of a connection were sent; empty for one that was accepted.
    pub fn syn_times(&self, socket: SocketId) -> &[Time] {
        let attempt = self.tcp.get(socket).and_then(|socket| socket.attempt.as_deref());
        attempt.map_or(&[], |Attempt { syns, .. }| syns)
    }

    /// Settles the first ready socket, which has nothing more to send: sets its timer, and removes
    /// it if its connection has ended.
    pub(crate) fn settle(&mut self, now: Time, slot: u32, trace: &mut impl Trace) {
        self.tcp.rest(slot);
        let Some(socket) = self.tcp.sockets.at(slot) else { return };
        if socket.connection.is_closed() {
            let (id, was_bound) = (socket.connection.id(), socket.is_bound);
            let owned =
                socket.owner == Owner::Application || matches!(socket.owner, Owner::Queued(_));
            self.tcp.unbind(slot);
            if was_bound {
                self.events.push_back(crate::Event::Gone(id));
            }
            if !owned {
                self.tcp.remove(slot);
            }
        } else if socket.owner == Owner::Orphan && socket.connection.state() == TcpState::TimeWait {
            self.wait(now, slot, trace);
        }
    }

    /// Keeps only `TIME_WAIT` of an orphan, or ends it at once beyond the limit (`tcp_time_wait`,
    /// `tcp_max_tw_buckets`).
    fn wait(&mut self, now: Time, slot: u32, trace: &mut impl Trace) {
        let is_full = self.tcp.time_wait() >= self.config.limits.time_wait;
        let Some(socket) = self.tcp.sockets.at_mut(slot) else { return };
        if is_full {
            socket.connection.abort(now, trace);
            let id = socket.connection.id();
            self.tcp.remove(slot);
            self.events.push_back(crate::Event::Gone(id));
            return;
        }
        self.tcp.begin_time_wait(slot);
    }
}

const fn ipv4_least() -> u16 {
    576
}
