//! The values that pass between a host and the code that drives it: ids, events, frames, datagrams.

use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::{Ecn, Verify};
use roundtrip_record::{ConnectionId, EventId};
use roundtrip_tcp as tcp;

use crate::IfIndex;

/// The id of a TCP socket of one host; no id is ever given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl SocketId {
    /// The index of the socket's slot in tables: a small number, which is reused once the socket is
    /// gone.
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
    /// The id of a listening TCP socket of one host; no id is ever given out twice.
    ListenerId;
    /// The id of a UDP socket of one host; no id is ever given out twice.
    UdpId;
}

/// What a host reports to the application.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An event of a TCP connection.
    Tcp(SocketId, tcp::Event),
    /// A connection waits for [`Host::accept`](crate::Host::accept).
    Acceptable(ListenerId),
    /// A datagram waits for [`Host::receive_udp`](crate::Host::receive_udp), or an error for
    /// [`Host::take_udp_error`](crate::Host::take_udp_error). Reported once until one of them is
    /// called, so take all there is.
    Udp(UdpId),
    /// A connection of this host has ended, `TIME_WAIT` included.
    Gone(ConnectionId),
    /// Another host on the link uses this address of ours (RFC 5227, RFC 4862 §5.4.5).
    AddressConflict(IfIndex, IpAddr),
}

/// How a received frame was delivered to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which of the frame's checksums still need verifying.
    pub verify: Verify,
    /// The payload bytes of each TCP segment but the last, if the carrier has joined several into
    /// one frame (GRO).
    pub segment_size: Option<u16>,
    /// The event with which the sender recorded the frame, where that is known (in the lab).
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
    /// The interface by which the frame leaves.
    pub interface: IfIndex,
    /// How the carrier is to cut the frame, if it holds several TCP segments.
    pub gso: Option<Gso>,
    /// The event with which the frame was recorded, which is the cause of its reception elsewhere.
    pub event: Option<EventId>,
}

/// A frame whose payload has not been copied: the headers, and the payload in two pieces where the
/// connection keeps it.
#[derive(Clone, Copy, Debug)]
pub struct SplitFrame<'a> {
    /// The bytes from the Ethernet header to the end of the TCP header; the TCP checksum is that of
    /// the pseudo-header.
    pub headers: &'a [u8],
    /// The payload, in two pieces that follow each other.
    pub payload: [&'a [u8]; 2],
    /// The interface and segmentation, as for a complete frame.
    pub transmit: Transmit,
}

/// How a frame with several TCP segments is to be cut (as in `struct virtio_net_hdr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// The payload bytes of each segment; the last may have fewer.
    pub segment_size: u16,
    /// The length of all headers, Ethernet's included, bytes. Each segment repeats them.
    pub header_len: u16,
}

/// A UDP datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The sender's address and port.
    pub from: SocketAddr,
    /// The destination address of the IP header.
    pub to: IpAddr,
    /// The ECN field of the IP header (RFC 3168 §5).
    pub ecn: Ecn,
    /// The payload of the datagram.
    pub bytes: Vec<u8>,
    /// The event of the frame that carried the datagram, or its last fragment.
    pub cause: Option<EventId>,
}
