//! What goes between a host and the code that drives it.

use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::{Ecn, Verify};
use roundtrip_record::{ConnectionId, EventId};
use roundtrip_tcp as tcp;

use crate::IfIndex;

/// A TCP socket of one host. Never given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl SocketId {
    /// Its place in tables: small numbers, given out again once a socket is gone.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u64);
    )*};
}

ids! {
    /// A listening TCP socket of one host. Never given out twice.
    ListenerId;
    /// A UDP socket of one host. Never given out twice.
    UdpId;
}

/// What the application must know.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Of a connection.
    Tcp(SocketId, tcp::Event),
    /// [`Host::accept`](crate::Host::accept) has something.
    Acceptable(ListenerId),
    /// [`Host::receive_udp`](crate::Host::receive_udp) or
    /// [`Host::take_udp_error`](crate::Host::take_udp_error) has something. Said once: take all
    /// there is.
    Udp(UdpId),
    /// One end of a connection has left the last of its states, `TIME_WAIT` included.
    Gone(ConnectionId),
    /// Somebody else on the link has this address (RFC 5227, RFC 4862 §5.4.5).
    AddressConflict(IfIndex, IpAddr),
}

/// How a frame came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Whether its checksums still need verifying.
    pub verify: Verify,
    /// Set when its carrier has put several TCP segments together: the payload of each but the last.
    pub segment_size: Option<u16>,
    /// The event of the frame as its sender recorded it, where that is known (in the lab).
    pub cause: Option<EventId>,
}

impl Default for Received {
    fn default() -> Self {
        Self { verify: Verify::Full, segment_size: None, cause: None }
    }
}

/// A frame to send; its bytes are in the buffer given to
/// [`Host::poll_transmit`](crate::Host::poll_transmit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where it leaves.
    pub interface: IfIndex,
    /// It holds several segments, to be cut by the carrier.
    pub gso: Option<Gso>,
    /// The event of the frame, which is the cause of its reception elsewhere.
    pub event: Option<EventId>,
}

/// A frame whose payload stands where the connection keeps it: headers, and the data after them in
/// two pieces.
#[derive(Clone, Copy, Debug)]
pub struct Apart<'a> {
    /// From the Ethernet header to the end of TCP's, its checksum that of the pseudo-header.
    pub headers: &'a [u8],
    /// The payload.
    pub payload: [&'a [u8]; 2],
    /// As of a whole frame.
    pub transmit: Transmit,
}

/// How a frame with several TCP segments is to be cut (as in `struct virtio_net_hdr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// Bytes of payload in each segment; the last may have fewer.
    pub segment_size: u16,
    /// Bytes of all headers, Ethernet's included, which each segment repeats.
    pub header_len: u16,
}

/// A UDP datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which of our addresses.
    pub to: IpAddr,
    /// Whether a router has marked it, and whether it could have been (RFC 3168 §5).
    pub ecn: Ecn,
    /// Its payload.
    pub bytes: Vec<u8>,
    /// The event of the frame that brought it, or its last fragment.
    pub cause: Option<EventId>,
}
