//! The host: its public face.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use roundtrip_record::{EventId, Time, Trace};
use roundtrip_tcp as tcp;

use crate::{
    Address, BindError, Config, ConnectError, ConnectFailure, Datagram, EchoReply, Event, IfIndex,
    Interface, ListenerId, Neighbour, PingId, Received, Rng, Route, SendError, SocketId, Transmit,
    UdpId, Unreachable,
};

/// One host's stack.
#[derive(Debug)]
pub struct Host {
    rng: Rng,
}

#[allow(unused_variables, clippy::unused_self, clippy::needless_pass_by_value, missing_docs)]
#[allow(clippy::too_many_arguments)]
impl Host {
    pub fn new(config: Config) -> Self {
        Self { rng: Rng::from_seed(config.seed) }
    }
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }
    pub fn add_interface(&mut self, interface: Interface) -> IfIndex {
        IfIndex(0)
    }
    /// In use at once, without asking the link (`ip address add … nodad`).
    pub fn add_address(&mut self, interface: IfIndex, address: IpAddr, prefix_len: u8) {}
    /// Asks the link first (RFC 5227, RFC 4862 §5.4): AddressReady or AddressConflict follows.
    pub fn acquire_address(
        &mut self,
        now: Time,
        interface: IfIndex,
        address: IpAddr,
        prefix_len: u8,
        trace: &mut impl Trace,
    ) {
    }
    /// Link-local address, router solicitation, SLAAC.
    pub fn autoconfigure(&mut self, now: Time, interface: IfIndex, trace: &mut impl Trace) {}
    pub fn add_route(&mut self, route: Route) {}
    pub fn add_neighbour(
        &mut self,
        interface: IfIndex,
        address: IpAddr,
        mac: roundtrip_packet::EtherAddr,
    ) {
    }
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        std::iter::empty()
    }
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        std::iter::empty()
    }
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbour> {
        std::iter::empty()
    }
    pub fn handle_frame(
        &mut self,
        now: Time,
        interface: IfIndex,
        bytes: &[u8],
        received: Received,
        trace: &mut impl Trace,
    ) {
    }
    pub fn handle_timeout(&mut self, now: Time, trace: &mut impl Trace) {}
    pub fn next_timeout(&self) -> Option<Time> {
        None
    }
    /// Clears `into` and fills it with one frame.
    pub fn poll_transmit(
        &mut self,
        now: Time,
        into: &mut Vec<u8>,
        trace: &mut impl Trace,
    ) -> Option<Transmit> {
        None
    }
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    // TCP. An id that is closed already reads as Closed(CloseReason::Replaced).
    pub fn connect(
        &mut self,
        now: Time,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        options: Option<tcp::Options>,
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) -> Result<SocketId, ConnectError> {
        Err(ConnectError::NoRoute)
    }
    /// Port 0 takes a free one. `[::]` takes IPv4 too, as Linux (`bindv6only` = 0).
    pub fn listen(&mut self, at: SocketAddr, backlog: usize) -> Result<ListenerId, BindError> {
        Err(BindError::AddressInUse)
    }
    pub fn listener_address(&self, listener: ListenerId) -> Option<SocketAddr> {
        None
    }
    /// Options that accepted connections inherit (their `mss` follows from the path).
    pub fn set_listener_options(&mut self, listener: ListenerId, options: tcp::Options) {}
    pub fn accept(&mut self, listener: ListenerId) -> Option<SocketId> {
        None
    }
    pub fn close_listener(&mut self, now: Time, listener: ListenerId, trace: &mut impl Trace) {}
    pub fn tcp(&self, socket: SocketId) -> Option<&tcp::Connection> {
        None
    }
    pub fn write(
        &mut self,
        now: Time,
        socket: SocketId,
        bytes: &[u8],
    ) -> Result<usize, tcp::WriteError> {
        Err(tcp::WriteError::ShutDown)
    }
    pub fn write_bytes(
        &mut self,
        now: Time,
        socket: SocketId,
        bytes: Bytes,
    ) -> Result<usize, tcp::WriteError> {
        Err(tcp::WriteError::ShutDown)
    }
    pub fn read(
        &mut self,
        now: Time,
        socket: SocketId,
        into: &mut [u8],
    ) -> Result<usize, tcp::ReadError> {
        Err(tcp::ReadError::WouldBlock)
    }
    pub fn peek(&self, socket: SocketId) -> [&[u8]; 2] {
        [&[], &[]]
    }
    pub fn consume(&mut self, now: Time, socket: SocketId, count: usize) {}
    pub fn shutdown(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {}
    /// The owner lets go of it; the id is void from here on. `Event::Gone(connection)` follows when
    /// the connection has left its last state.
    pub fn close(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {}
    /// The same with RST.
    pub fn abort(&mut self, now: Time, socket: SocketId, trace: &mut impl Trace) {}
    pub fn set_nodelay(&mut self, now: Time, socket: SocketId, nodelay: bool) {}
    /// Why a try to connect failed; `None` while it lasts or if it succeeded.
    pub fn connect_failure(&self, socket: SocketId) -> Option<ConnectFailure> {
        None
    }
    /// When SYNs were sent by a socket that connects (or has connected).
    pub fn syn_times(&self, socket: SocketId) -> &[Time] {
        &[]
    }

    // UDP
    pub fn bind_udp(&mut self, at: SocketAddr) -> Result<UdpId, BindError> {
        Err(BindError::AddressInUse)
    }
    pub fn udp_address(&self, udp: UdpId) -> Option<SocketAddr> {
        None
    }
    pub fn send_udp(
        &mut self,
        now: Time,
        udp: UdpId,
        to: SocketAddr,
        bytes: &[u8],
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        Err(SendError::NoRoute)
    }
    pub fn receive_udp(&mut self, udp: UdpId) -> Option<Datagram> {
        None
    }
    /// What ICMP or the search for a neighbour said of an earlier datagram, and where that was sent.
    pub fn take_udp_error(&mut self, udp: UdpId) -> Option<(SocketAddr, Unreachable)> {
        None
    }
    pub fn close_udp(&mut self, udp: UdpId) {}

    // Ping
    pub fn open_ping(&mut self) -> Result<PingId, BindError> {
        Err(BindError::TooManySockets)
    }
    pub fn send_ping(
        &mut self,
        now: Time,
        ping: PingId,
        to: IpAddr,
        sequence: u16,
        bytes: &[u8],
        cause: Option<EventId>,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        Err(SendError::NoRoute)
    }
    pub fn receive_ping(&mut self, ping: PingId) -> Option<EchoReply> {
        None
    }
    pub fn take_ping_error(&mut self, ping: PingId) -> Option<(IpAddr, Unreachable)> {
        None
    }
    pub fn close_ping(&mut self, ping: PingId) {}
}
