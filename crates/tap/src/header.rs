//! `struct virtio_net_hdr`: what stands before a frame on a device with `IFF_VNET_HDR`.

use roundtrip_host::{Gso, Received};
use roundtrip_packet::{EtherType, Verify};

/// Its size.
pub(crate) const LENGTH: usize = 10;
const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_ECN: u8 = 0x80;
const ETHERNET: usize = 14;
const IPV6: usize = 40;
/// Where TCP and UDP keep their checksum.
const TCP_CHECKSUM: u16 = 16;
const UDP_CHECKSUM: u16 = 6;
const TCP: u8 = 6;
const UDP: u8 = 17;
const CWR: u8 = 0x80;

/// The header for a frame whose transport checksum holds only the pseudo-header's sum.
pub(crate) fn write(frame: &[u8], gso: Option<Gso>) -> [u8; LENGTH] {
    let mut header = [0; LENGTH];
    let Some(transport) = Transport::find(frame) else { return header };
    header[0] = NEEDS_CSUM;
    header[6..8].copy_from_slice(&(transport.start as u16).to_ne_bytes());
    header[8..10].copy_from_slice(&transport.checksum.to_ne_bytes());
    if let Some(gso) = gso {
        let cwr = frame.get(transport.start + 13).is_some_and(|flags| flags & CWR != 0);
        header[1] = transport.gso | if cwr { GSO_ECN } else { 0 };
        header[2..4].copy_from_slice(&gso.header_len.to_ne_bytes());
        header[4..6].copy_from_slice(&gso.segment_size.to_ne_bytes());
    }
    header
}

/// What the kernel says of a frame it hands us: whether its checksums are to be looked at, and of
/// what size the segments are that it has put together.
pub(crate) fn read(header: &[u8; LENGTH]) -> Received {
    let is_trusted = header[0] & (NEEDS_CSUM | DATA_VALID) != 0;
    let size = u16::from_ne_bytes([header[4], header[5]]);
    let is_joined = matches!(header[1] & !GSO_ECN, GSO_TCPV4 | GSO_TCPV6) && size > 0;
    Received {
        verify: if is_trusted { Verify::Trusted } else { Verify::Full },
        segment_size: is_joined.then_some(size),
        cause: None,
    }
}

/// Where the transport header of a frame begins.
struct Transport {
    start: usize,
    checksum: u16,
    gso: u8,
}

impl Transport {
    /// `None` for what is neither TCP nor UDP, or a fragment: such frames carry their checksums.
    fn find(frame: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
        let (start, protocol, gso) = match EtherType(word(12)?) {
            EtherType::IPV4 => {
                let fragment = word(ETHERNET + 6)? & 0x3fff;
                let length = usize::from(frame.get(ETHERNET)? & 0x0f) * 4;
                let protocol = *frame.get(ETHERNET + 9)?;
                (fragment == 0).then_some((ETHERNET + length, protocol, GSO_TCPV4))?
            }
            EtherType::IPV6 => (ETHERNET + IPV6, *frame.get(ETHERNET + 6)?, GSO_TCPV6),
            _ => return None,
        };
        let checksum = match protocol {
            TCP => TCP_CHECKSUM,
            UDP => UDP_CHECKSUM,
            _ => return None,
        };
        Some(Self { start, checksum, gso })
    }
}
