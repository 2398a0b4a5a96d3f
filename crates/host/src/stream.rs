//! TCP sockets as their owner sees them.

use std::net::SocketAddr;

use bytes::Bytes;
use roundtrip_packet::{SeqNumber, ipv4, ipv6, tcp as segment};
use roundtrip_record::{CloseReason, EventId, TcpState, Time, Trace};
use roundtrip_tcp::{self as tcp, Connection, Endpoints, Step};

use crate::demux::Tuple;
use crate::socket::{Attempt, Owner, Path, Service};
use crate::{ConnectError, ConnectFailure, Host, SocketId};

/// What a call for a socket answers whose owner has let go of it.
const GONE: CloseReason = CloseReason::Replaced;

impl Host {
    /// Opens a connection: the SYN is ready to be sent, and [`Event::Tcp`](crate::Event::Tcp)
    /// says what comes of it. `local` may leave address and port open; without `options` they are
    /// the host's. Their `mss` follows from the path, and a `timestamp_offset` of 0 is replaced
    /// by one that only this host can know (RFC 7323 §5.4).
    ///
    /// # Errors
    /// There is no way, no port, or no room for it.
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
        let (path, options) = self.prepare(now, ends, options);
        let (mss, id) = (options.mss, self.tcp.next_connection());
        let service = Service::of(&options);
        let step = Step::new(now, cause);
        let connection = Connection::connect(step, id, ends, isn, options, trace);
        let identification = self.rng.next_u32() as u16;
        let packets = (identification, mss, service);
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
            // A listener's port is no ephemeral one (`inet_csk_find_open_port`).
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

    /// A connection in `TIME_WAIT` gives way to a new one with the same ends, whose numbers lie beyond
    /// its own (RFC 6191; `tcp_twsk_unique`, which asks for no more where the port was chosen by the
    /// application). The first sequence number of the new one, if there was such a connection.
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

    /// The way to `remote`, and options that fit it.
    pub(crate) fn prepare(
        &mut self,
        now: Time,
        ends: Endpoints,
        options: Option<tcp::Options>,
    ) -> (Option<Path>, tcp::Options) {
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

    /// The connection behind a socket, for whatever can be asked of it.
    pub fn tcp(&self, socket: SocketId) -> Option<&Connection> {
        self.tcp.get(socket).map(|socket| &socket.connection)
    }

    /// Lets `change` work on a connection, and then looks what it has to send.
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

    /// Changes options of a connection ([`Connection::set_cork`] and the like); what becomes due
    /// with that is sent. `None` if the socket is closed.
    pub fn configure<T>(
        &mut self,
        socket: SocketId,
        change: impl FnOnce(&mut Connection) -> T,
    ) -> Option<T> {
        self.with(socket, change)
    }

    /// Takes data to send, as much as there is room for; 0 when the buffer is full.
    ///
    /// # Errors
    /// The sending side is shut down, or the connection is gone; [`CloseReason::Replaced`] where
    /// the socket itself was closed.
    pub fn write(
        &mut self,
        now: Time,
        socket: SocketId,
        bytes: &[u8],
    ) -> Result<usize, tcp::WriteError> {
        self.with(socket, |connection| connection.write(now, bytes))
            .unwrap_or(Err(tcp::WriteError::Closed(GONE)))
    }

    /// As [`Host::write`], with a word on what follows.
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

    /// What `options` say of IP holds for a socket's packets from now on: type of service, lifetime,
    /// path MTU discovery. The two bits of ECN are TCP's.
    pub fn set_service(&mut self, socket: SocketId, options: &tcp::Options) {
        if let Some(socket) = self.tcp.get_mut(socket) {
            socket.service = Service::of(options);
        }
    }

    /// As [`Host::write`], without copying what is large.
    ///
    /// # Errors
    /// As [`Host::write`].
    pub fn write_bytes(
        &mut self,
        now: Time,
        socket: SocketId,
        bytes: Bytes,
    ) -> Result<usize, tcp::WriteError> {
        self.with(socket, |connection| connection.write_bytes(now, bytes))
            .unwrap_or(Err(tcp::WriteError::Closed(GONE)))
    }

    /// Takes received data; `Ok(0)` is the end of file.
    ///
    /// # Errors
    /// Nothing is there yet, or the connection is gone; [`CloseReason::Replaced`] where the
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

    /// The received data, in two pieces; to be taken with [`Host::consume`].
    pub fn peek(&self, socket: SocketId) -> [&[u8]; 2] {
        self.tcp.get(socket).map_or([&[], &[]], |socket| socket.connection.peek())
    }

    /// What [`Host::read`] would find: so many bytes, or the end of file, which is `Ok(0)`.
    #[inline]
    pub fn check_read(&self, socket: SocketId) -> Result<usize, tcp::ReadError> {
        let socket = self.tcp.get(socket).ok_or(tcp::ReadError::Closed(GONE))?;
        socket.connection.check_read()
    }

    /// Takes `count` bytes, or as many as there are, whether they were looked at or not.
    pub fn consume(&mut self, now: Time, socket: SocketId, count: usize) {
        if let Some(held) = self.tcp.get_mut(socket) {
            held.connection.consume(now, count);
            self.tcp.touch_read(socket.slot);
        }
    }

    /// The application reads no more (`SHUT_RD`).
    pub fn stop_reading(&mut self, socket: SocketId) {
        self.with(socket, tcp::Connection::stop_reading);
    }

    /// Shuts the sending side down: FIN follows what is buffered, and reading goes on.
    pub fn shutdown(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {
        self.with(socket, |connection| connection.shutdown(now, trace));
    }

    /// `TCP_NODELAY`.
    pub fn set_nodelay(&mut self, now: Time, socket: SocketId, nodelay: bool) {
        self.with(socket, |connection| connection.set_nodelay(now, nodelay));
    }

    /// The owner lets go of the socket; its id is void from here on. The connection finishes on
    /// its own: FIN after what is buffered, or RST if received data was not read. When it has
    /// left its last state, [`Event::Gone`](crate::Event::Gone) says so.
    pub fn close(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {
        let is_full = self.tcp.orphans() >= self.config.limits.orphans;
        // (`tcp_check_oom`)
        if is_full || self.tcp.get(socket).is_some() && self.is_short_for(socket.slot) {
            self.abort(now, socket, trace);
        } else {
            self.with(socket, |connection| connection.close(now, trace));
            self.tcp.orphan(socket);
        }
    }

    /// The owner lets go of the socket, and the connection is reset.
    pub fn abort(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {
        self.with(socket, |connection| connection.abort(now, trace));
        self.tcp.orphan(socket);
    }

    /// Whether there is no memory left, and a connection holds more than a little of it
    /// (`tcp_out_of_memory`, `SOCK_MIN_SNDBUF`).
    pub(crate) fn is_short_for(&self, slot: u32) -> bool {
        const LITTLE: u32 = 4_608;
        self.tcp.memory().is_exhausted()
            && self.tcp.sockets.at(slot).is_some_and(|socket| socket.memory > LITTLE)
    }

    /// Resets every connection that is not closed yet, whoever holds it: the host is going away.
    pub fn abort_all(&mut self, now: Time, trace: &mut impl Trace) {
        let slots: Vec<u32> = self.tcp.sockets.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let Some(socket) = self.tcp.sockets.at_mut(slot) else { continue };
            socket.connection.abort(now, trace);
            self.tcp.touch(slot);
        }
    }

    /// Why a try to connect failed; `None` while it lasts, and if it succeeded.
    pub fn connect_failure(&self, socket: SocketId) -> Option<ConnectFailure> {
        let socket = self.tcp.get(socket)?;
        let attempt = socket.attempt.as_ref().filter(|attempt| !attempt.has_connected)?;
        match (socket.connection.close_reason()?, attempt.error) {
            (CloseReason::Refused, _) => Some(ConnectFailure::Refused),
            // What came back while the SYNs were repeated says more than that they were in vain
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

    /// When the SYNs of a socket that connects, or has connected, were sent; empty for one that
    /// was accepted.
    pub fn syn_times(&self, socket: SocketId) -> &[Time] {
        let attempt = self.tcp.get(socket).and_then(|socket| socket.attempt.as_deref());
        attempt.map_or(&[], |Attempt { syns, .. }| syns)
    }

    /// The first of the ready sockets has nothing more to send: its timer is set, and what has
    /// ended is cleared away.
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
        } else if socket.owner == Owner::Nobody && socket.connection.state() == TcpState::TimeWait {
            self.wait(now, slot, trace);
        }
    }

    /// Only `TIME_WAIT` is left of a connection. Beyond the limit it ends at once
    /// (`tcp_time_wait`, `tcp_max_tw_buckets`).
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
