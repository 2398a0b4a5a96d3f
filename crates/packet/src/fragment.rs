//! Fragments of datagrams, of either version of IP.

use crate::error::{Layer, ParseError, Problem};
use crate::protocol::Protocol;

/// A fragment: a piece of a datagram that was too long for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment<'a> {
    /// The identification of the datagram among those of its sender (16 bits in IPv4).
    pub identification: u32,
    /// The offset of this piece in the datagram's payload, bytes; a multiple of 8.
    pub offset: usize,
    /// Whether more fragments follow.
    pub more: bool,
    /// The protocol of the whole datagram.
    pub protocol: Protocol,
    /// The bytes of this piece.
    pub payload: &'a [u8],
}

impl Fragment<'_> {
    /// Checks a fragment's extent: all but the last have a length that is a multiple of 8 bytes,
    /// and none reaches beyond the largest datagram (RFC 791 §3.2, RFC 8200 §4.5).
    pub(crate) fn check(&self, layer: Layer, at: usize) -> Result<(), ParseError> {
        let (offset, length) = (self.offset, self.payload.len());
        if (self.more && !length.is_multiple_of(8)) || offset + length > usize::from(u16::MAX) {
            return Err(ParseError::new(layer, Problem::FragmentExtent { offset, length }, at));
        }
        Ok(())
    }
}
