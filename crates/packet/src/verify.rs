//! How much of a packet is verified when it is parsed.

use crate::error::{Layer, ParseError};

/// How much of a packet is verified when it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Verify {
    /// Every checksum is verified: IPv4, ICMP, UDP, TCP.
    #[default]
    Full,
    /// No checksum is verified: the device has done so, or the frame never left this machine and
    /// has none yet (`VIRTIO_NET_HDR_F_DATA_VALID`, `_NEEDS_CSUM`). Lengths are still checked.
    Trusted,
    /// No checksum is verified, and the end may be missing, as in a capture with a snapshot length
    /// or in the packet quoted in an ICMP error.
    Snapped,
}

impl Verify {
    /// The end of something that states a length of `length` bytes, if `available` are there.
    ///
    /// # Errors
    /// Bytes are missing, unless the packet may be snapped.
    #[inline]
    pub(crate) fn extent(
        self,
        layer: Layer,
        length: usize,
        available: usize,
    ) -> Result<usize, ParseError> {
        if length <= available {
            Ok(length)
        } else if self == Verify::Snapped {
            Ok(available)
        } else {
            Err(ParseError::truncated(layer, length, available))
        }
    }
}
