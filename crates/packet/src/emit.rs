//! The parts that all ways of writing a frame share: link header, checksum, and offsets.

use crate::arp;
use crate::checksum::{self, Sum};
use crate::ethernet::{self, EtherAddr, EtherType};

/// Who computes the checksum of an outgoing TCP segment or UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ChecksumMode {
    /// The software computes the checksum.
    #[default]
    Full,
    /// The device computes the checksum. The checksum field holds the sum of the pseudo-header, as
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM` wants it, also for TSO.
    PseudoHeaderOnly,
}

/// The stations between which a frame travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// The sending station.
    pub source: EtherAddr,
    /// The receiving station.
    pub destination: EtherAddr,
}

impl Link {
    #[inline(always)]
    pub(crate) fn emit(self, ether_type: EtherType, out: &mut Vec<u8>) {
        let Link { source, destination } = self;
        ethernet::Header { destination, source, ether_type }.emit(out);
    }

    /// Appends a frame with an ARP packet, without padding.
    pub fn emit_arp(self, packet: &arp::Packet, out: &mut Vec<u8>) {
        self.emit(EtherType::ARP, out);
        packet.emit(out);
    }
}

/// The offsets of the parts of a frame, bytes from its beginning (as `VIRTIO_NET_HDR` and captures
/// of headers need them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Emitted {
    /// The offset of the IP header.
    pub network: usize,
    /// The offset of the transport header.
    pub transport: usize,
    /// The offset of the payload.
    pub payload: usize,
    /// The length of the frame.
    pub length: usize,
}

/// Writes the payload; answers the value of the checksum field, which covers `headers` and the
/// payload.
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
            // The payload seldom is in two pieces.
            if !second.is_empty() {
                data = checksum::combine(data, first.len(), checksum::append(out, second));
            }
            (pseudo + headers + data).checksum()
        }
    }
}
