//! Percent-encoding (RFC 3986 §2.1), as curl has it in several ways.

use std::fmt::Write as _;

/// The letters among the hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    Capital,
    Small,
}

/// Text in which all bytes are encoded but those of ASCII that it `keeps`.
pub(super) fn encoded(bytes: &[u8], keeps: impl Fn(u8) -> bool, letters: Letters) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        // Writing to a string cannot fail.
        let _ = match letters {
            _ if byte.is_ascii() && keeps(byte) => out.write_char(char::from(byte)),
            Letters::Capital => write!(out, "%{byte:02X}"),
            Letters::Small => write!(out, "%{byte:02x}"),
        };
    }
    out
}

/// What never needs to be encoded (RFC 3986 §2.3).
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
