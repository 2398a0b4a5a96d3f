//! The coding of fields (QPACK, RFC 9204): both ends' encoders use the static table alone, so that no
//! stream ever waits for another; decoders take all that the RFC has.

mod decoder;
mod dynamic;
mod encoder;
mod prefix;
mod static_table;

pub(crate) use decoder::{Decoded, Decoder};
pub(crate) use encoder::encode;

/// A field: name and value.
pub(crate) type Line = (Vec<u8>, Vec<u8>);
