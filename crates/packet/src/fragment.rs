//! A fragment of a datagram, of either version of IP.

use crate::error::{Layer, ParseError, Problem};
use crate::protocol::Protocol;

/// A piece of a datagram that was too long for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment<'a> {
    /// Which datagram of this sender (16 bits in IPv4).
    pub identification: u32,
    /// Where the payload belongs in the datagram's, in bytes; a multiple of 8.
    pub offset: usize,
    /// Whether more follow.
    pub more: bool,
    /// What the whole datagram carries.
    pub protocol: Protocol,
    /// This piece.
    pub payload: &'a [u8],
}

impl Fragment<'_> {
    /// RFC 791 §3.2, RFC 8200 §4.5: all but the last are multiples of 8 bytes long, and none
    /// reaches beyond the largest datagram.
    pub(crate) fn check(&self, layer: Layer, at: usize) -> Result<(), ParseError> {
        let (offset, length) = (self.offset, self.payload.len());
        if (self.more && !length.is_multiple_of(8)) || offset + length > usize::from(u16::MAX) {
            return Err(ParseError::new(layer, Problem::FragmentExtent { offset, length }, at));
        }
        Ok(())
    }
}
