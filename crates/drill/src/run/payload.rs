//! The content of streams, made so that each byte can be recognised wherever it appears: in a
//! segment, in a retransmission, in what the application reads.

use roundtrip_packet::Flags;

use crate::ast::TcpSpec;

/// The period of the content: a prime, so that no power of two and no usual segment size is a
/// multiple of it.
const PERIOD: u32 = 251;

/// The byte at an offset of the stream.
pub(crate) fn byte(offset: u32) -> u8 {
    (offset % PERIOD) as u8
}

/// The data of a segment whose first byte has the relative sequence number `start`; the stream
/// begins at 1, after the SYN.
pub(crate) fn of(start: u32, length: u32) -> Vec<u8> {
    (0..length).map(|i| byte(start.wrapping_sub(1).wrapping_add(i))).collect()
}

/// The relative sequence number of a segment's first byte: a SYN takes the number before it.
pub(crate) fn start(segment: &TcpSpec) -> u32 {
    if segment.flags.contains(Flags::SYN) { 1 } else { segment.start }
}

/// The bytes of a stream from an offset on.
pub(crate) fn from_offset(offset: u64, length: usize) -> Vec<u8> {
    of((offset as u32).wrapping_add(1), length as u32)
}

/// The offset of the first wrong byte in a segment's data.
pub(crate) fn first_wrong(start: u32, data: &[u8]) -> Option<usize> {
    let right = |i: usize| byte(start.wrapping_sub(1).wrapping_add(i as u32));
    data.iter().enumerate().position(|(i, found)| *found != right(i))
}
