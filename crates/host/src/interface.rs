//! Interfaces and the addresses on them.

use std::net::IpAddr;

use roundtrip_packet::EtherAddr;
use roundtrip_record::InterfaceId;

/// An interface of one host, by the order in which it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

impl IfIndex {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// What an interface is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Ethernet: neighbours are resolved before frames leave.
    Ethernet,
    /// What is sent comes back: no neighbours, no link. The host delivers such frames to itself
    /// inside [`Host::poll_transmit`](crate::Host::poll_transmit).
    Loopback,
}

/// Work that whoever carries the frames takes from the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offload {
    /// Frames may hold several segments of one connection (TCP segmentation offload); such a
    /// frame comes with a [`Gso`](crate::Gso).
    pub tso: bool,
    /// Checksums of TCP and UDP may be left to the card: their field then holds the folded sum
    /// of the pseudo-header (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    pub checksum: bool,
}

/// An interface, as it is added to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number in the record and in `trace.pcapng`.
    pub id: InterfaceId,
    /// Its name, for people: `eth0`.
    pub name: String,
    /// Its hardware address; without meaning on loopback.
    pub mac: EtherAddr,
    /// The largest IP packet it carries, bytes. Clamped to 576..=65,535, and IPv6 wants 1280.
    pub mtu: u16,
    /// What its carrier does for us.
    pub offload: Offload,
    /// What it is.
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

    /// The loopback interface, with Linux's MTU as far as 16 bits allow. Its addresses
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
    /// It is in use.
    Preferred,
    /// Somebody else on the link has it: nothing is sent from it, and nothing to it is accepted.
    Duplicate,
}

/// An address of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Itself.
    pub address: IpAddr,
    /// Bits of its prefix.
    pub prefix_len: u8,
    /// On which interface.
    pub interface: IfIndex,
    /// Whether it may be used.
    pub state: AddressState,
}
