//! What all ways of writing a frame share: the link around it, its checksum, and what is told of it.

use crate::arp;
use crate::checksum::{self, Sum};
use crate::ethernet::{self, EtherAddr, EtherType};

/// Who computes the checksum of a TCP segment or UDP datagram that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ChecksumMode {
    /// We do.
    #[default]
    Full,
    /// The device does. It finds the sum of the pseudo-header in the checksum field, as
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM` wants it; for TSO, too.
    PseudoHeaderOnly,
}

/// From which station to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// From.
    pub source: EtherAddr,
    /// To.
    pub destination: EtherAddr,
}

impl Link {
    #[inline(always)]
    pub(crate) fn emit(self, ether_type: EtherType, out: &mut Vec<u8>) {
        let Link { source, destination } = self;
        ethernet::Header { destination, source, ether_type }.emit(out);
    }

    /// Appends a frame with an ARP packet, not padded.
    pub fn emit_arp(self, packet: &arp::Packet, out: &mut Vec<u8>) {
        self.emit(EtherType::ARP, out);
        packet.emit(out);
    }
}

/// Where the parts of a frame stand, in bytes from its beginning (`VIRTIO_NET_HDR` wants them, and
/// so does a capture of headers only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Emitted {
    /// The IP header.
    pub network: usize,
    /// The transport's header.
    pub transport: usize,
    /// The data.
    pub payload: usize,
    /// The end.
    pub length: usize,
}

/// Writes the data and gives the checksum field's value, which covers `headers` and the data.
#[inline(always)]
pub(crate) fn write_payload(
    mode: ChecksumMode,
    pseudo: Sum,
    headers: Sum,
    [first, second]: [&[u8]; 2],
    out: &mut Vec<u8>,
) -> u16 {
    match mode {
        ChecksumMode::PseudoHeaderOnly => {
            out.extend_from_slice(first);
            out.extend_from_slice(second);
            pseudo.folded()
        }
        ChecksumMode::Full => {
            let mut data = checksum::append(out, first);
            // Seldom does data stand in two places.
            if !second.is_empty() {
                data = checksum::combine(data, first.len(), checksum::append(out, second));
            }
            (pseudo + headers + data).checksum()
        }
    }
}
