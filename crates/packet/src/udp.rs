//! UDP datagrams (RFC 768).

use crate::checksum;
use crate::error::{Layer, ParseError, Problem};
use crate::ip::IpHeader;
use crate::protocol::Protocol;
use crate::verify::Verify;

/// The length of the header, bytes.
pub const HEADER_LEN: usize = 8;

/// A UDP header. Length and checksum follow from the datagram when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The source port; 0 if no reply is wanted.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
}

impl Header {
    /// Parses the header of a datagram that came under the header `ip`, and gives the payload,
    /// trimmed to Length. A checksum of zero means none, over IPv4 only (RFC 768; RFC 8200 §8.1).
    ///
    /// # Errors
    /// The bytes are too few, the length is wrong, or the checksum is wrong or missing.
    #[inline]
    pub fn parse<'a>(
        datagram: &'a [u8],
        ip: &IpHeader,
        verify: Verify,
    ) -> Result<(Header, &'a [u8]), ParseError> {
        let Some(fixed) = datagram.first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::truncated(Layer::Udp, HEADER_LEN, datagram.len()));
        };
        let [s0, s1, d0, d1, l0, l1, c0, c1] = *fixed;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if length < HEADER_LEN {
            return Err(ParseError::new(Layer::Udp, Problem::LengthField(length), 4));
        }
        let end = verify.extent(Layer::Udp, length, datagram.len())?;
        let datagram = &datagram[..end];
        if verify == Verify::Full {
            let checksum = u16::from_be_bytes([c0, c1]);
            match (checksum, ip) {
                (0, IpHeader::V4(_)) => {}
                (0, IpHeader::V6(_)) => {
                    return Err(ParseError::new(Layer::Udp, Problem::ChecksumMissing, 6));
                }
                _ => {
                    let sum = ip.pseudo_header(Protocol::UDP, length) + checksum::sum(datagram);
                    if !sum.verifies() {
                        return Err(ParseError::new(Layer::Udp, Problem::Checksum(checksum), 6));
                    }
                }
            }
        }
        let header = Header {
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
        };
        Ok((header, &datagram[HEADER_LEN..]))
    }

    /// The bytes of the header with the given length and a checksum of zero.
    #[inline]
    pub(crate) const fn to_bytes(self, length: u16) -> [u8; HEADER_LEN] {
        let [s0, s1] = self.source_port.to_be_bytes();
        let [d0, d1] = self.destination_port.to_be_bytes();
        let [l0, l1] = length.to_be_bytes();
        [s0, s1, d0, d1, l0, l1, 0, 0]
    }
}
