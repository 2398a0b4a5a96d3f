//! UDP sockets, as name resolution and QUIC need them.

use core::future::Future;
use core::task::{Context, Poll};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::Ecn;
use roundtrip_record::{EventId, Time};

/// A UDP socket.
///
/// [`Datagram::send_to`] and [`Datagram::receive`] are for programs that exchange a datagram now and
/// then. The others are for QUIC: many datagrams a call, in buffers of the caller's, each with its ECN
/// field and our address. One task at a time may wait in each of [`Datagram::poll_writable`] and
/// [`Datagram::poll_receive`]; any number may in the two futures.
pub trait Datagram {
    /// Its address, with the real port.
    fn local(&self) -> SocketAddr;

    /// How many datagrams an [`Outgoing`] may hold, 1 at least.
    fn max_send_segments(&self) -> usize;

    /// How many datagrams may come joined in one [`Incoming`], 1 at least: the buffers given to
    /// [`Datagram::poll_receive`] must have room for them, or the last are lost.
    fn max_receive_segments(&self) -> usize;

    /// Whether datagrams may be cut into fragments on their way. They may at first.
    ///
    /// # Errors
    /// The system cannot forbid it.
    fn set_fragmentation(&self, fragmentation: Fragmentation) -> io::Result<()>;

    /// Whether datagrams of one sender may be received joined. They may not at first. A wire without
    /// the means goes on one by one, and says so in [`Datagram::max_receive_segments`].
    fn set_joining(&self, joining: Joining);

    /// Hands over as much of `outgoing` as the network takes at once, and gives how many of them that
    /// were: one at least, unless it is empty. Of the last one taken some datagrams may be lost, as any
    /// datagram may be.
    ///
    /// # Errors
    /// For the first that was not taken: `WouldBlock`, and [`Datagram::poll_writable`] tells when to
    /// try again; that it is too large or has no route; or what ICMP brought back for an earlier one.
    fn try_send(&self, outgoing: &[Outgoing<'_>]) -> io::Result<usize>;

    /// Completes when [`Datagram::try_send`] is worth another try.
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Receives into `buffers`, one [`Incoming`] each, and gives how many it filled: one at least.
    /// What a buffer has no room for is lost.
    ///
    /// # Errors
    /// Errors that ICMP brought back (`ConnectionRefused` for port unreachable); the socket goes on.
    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        incoming: &mut [Incoming],
    ) -> Poll<io::Result<usize>>;

    /// Sends one datagram. Completes when it is handed to the network, not when it arrives.
    ///
    /// # Errors
    /// No route, too large, and errors that ICMP brought back for an earlier one.
    fn send_to(
        &self,
        bytes: &[u8],
        to: SocketAddr,
        cause: Option<EventId>,
    ) -> impl Future<Output = io::Result<()>>;

    /// The next datagram.
    ///
    /// # Errors
    /// Errors that ICMP brought back (`ConnectionRefused` for port unreachable).
    fn receive(&self) -> impl Future<Output = io::Result<Packet>>;
}

/// Whether datagrams may be cut into fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragmentation {
    /// They are, where they are longer than the path takes.
    #[default]
    Allowed,
    /// They never are: one that is longer than the interface takes is refused, and one longer than
    /// the path takes is lost (RFC 9000 §14). What a router says of the path's MTU is ignored.
    Forbidden,
}

/// Whether datagrams may be received joined (`UDP_GRO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joining {
    /// One by one.
    #[default]
    Off,
    /// Several of the same length from one sender, the last perhaps shorter, in one [`Incoming`].
    On,
}

/// Datagrams to send to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// From which address of ours; `None`: the one that the socket or the route has.
    pub from: Option<IpAddr>,
    /// Their ECN field.
    pub ecn: Ecn,
    /// Their payloads, one after the other: 65,507 bytes at most.
    pub bytes: &'a [u8],
    /// Each has this many bytes, 1 at least, but for the last, which may have fewer; `None`: `bytes`
    /// is one datagram.
    pub segment_size: Option<usize>,
    /// What they are sent for.
    pub cause: Option<EventId>,
}

impl<'a> Outgoing<'a> {
    /// One datagram.
    pub fn one(bytes: &'a [u8], to: SocketAddr, cause: Option<EventId>) -> Self {
        Self { to, from: None, ecn: Ecn::NotEct, bytes, segment_size: None, cause }
    }

    /// The payloads.
    pub fn segments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let size = self.segment_size.unwrap_or(self.bytes.len()).max(1);
        // Without bytes there is one datagram, and it is empty.
        let empty = self.bytes.is_empty().then_some(self.bytes);
        self.bytes.chunks(size).chain(empty)
    }
}

/// What came into one buffer: a datagram, or several joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which address of ours, where the wire tells.
    pub to: Option<IpAddr>,
    /// Its ECN field.
    pub ecn: Ecn,
    /// Bytes in the buffer.
    pub length: usize,
    /// Each datagram has this many bytes, but for the last, which may have fewer; `length`, where
    /// there is but one.
    pub stride: usize,
    /// When it was at our socket, where that is known better than by reading it.
    pub arrived: Option<Time>,
    /// The event of the frame that brought it, where the wire sees frames.
    pub cause: Option<EventId>,
}

impl Incoming {
    /// What stands in a place that has not been received into.
    pub const NOTHING: Self = Self {
        from: SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0),
        to: None,
        ecn: Ecn::NotEct,
        length: 0,
        stride: 0,
        arrived: None,
        cause: None,
    };
}

/// A datagram that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its payload, whole.
    pub bytes: Vec<u8>,
    /// Who sent it.
    pub from: SocketAddr,
    /// When it was at our socket, where that is known better than by reading it.
    pub arrived: Option<Time>,
    /// The event of the frame that brought it, where the wire sees frames.
    pub cause: Option<EventId>,
}
