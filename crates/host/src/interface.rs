//! Interfaces and the addresses on them.

use std::net::IpAddr;

use roundtrip_packet::EtherAddr;
use roundtrip_record::InterfaceId;

/// The index of an interface of one host, in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

impl IfIndex {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// The kind of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An Ethernet interface, where neighbours are resolved before frames are sent.
    Ethernet,
    /// The loopback interface, without a link or neighbours. The host delivers its frames to itself
    /// inside [`Host::poll_transmit`](crate::Host::poll_transmit).
    Loopback,
}

/// Work that the carrier of the frames does for the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offload {
    /// Whether a frame may hold several segments of one connection (TCP segmentation offload); such
    /// a frame comes with a [`Gso`](crate::Gso).
    pub tso: bool,
    /// Whether TCP checksums are left to the carrier: their field then holds the folded sum of the
    /// pseudo-header (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    pub checksum: bool,
}

/// An interface, as it is added to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The id of the interface in the record and in `trace.pcapng`.
    pub id: InterfaceId,
    /// The name of the interface for display, such as `eth0`.
    pub name: String,
    /// The hardware address; unused on the loopback interface.
    pub mac: EtherAddr,
    /// The largest IP packet the interface carries, bytes: clamped to 576..=65,535, and for IPv6 to
    /// at least 1280.
    pub mtu: u16,
    /// The work that the carrier does for the host.
    pub offload: Offload,
    /// The kind of the interface.
    pub kind: Kind,
}

impl Interface {
    /// An Ethernet interface with an MTU of 1500 and no offloads.
    pub fn ethernet(id: InterfaceId, name: impl Into<String>, mac: EtherAddr) -> Self {
        Self {
            id,
            name: name.into(),
            mac,
            mtu: 1500,
            offload: Offload::default(),
            kind: Kind::Ethernet,
        }
    }

    /// The loopback interface, with an MTU of 65,535 bytes (Linux's is 65,536). Its addresses
    /// (127.0.0.1/8, `::1/128`) are added as on any other.
    pub fn loopback(id: InterfaceId) -> Self {
        Self {
            id,
            name: "lo".into(),
            mac: EtherAddr::UNSPECIFIED,
            mtu: u16::MAX,
            offload: Offload::default(),
            kind: Kind::Loopback,
        }
    }
}

/// Whether an address may be used (RFC 4862 §2, RFC 5227).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressState {
    /// The address is in use.
    Preferred,
    /// Another host on the link has the address: it is neither sent from nor accepted as a
    /// destination.
    Duplicate,
}

/// An address of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The IP address.
    pub address: IpAddr,
    /// The length of its on-link prefix, bits.
    pub prefix_len: u8,
    /// The interface that has the address.
    pub interface: IfIndex,
    /// Whether the address may be used.
    pub state: AddressState,
}
