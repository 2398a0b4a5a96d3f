//! The version of a message as it stands on the wire (RFC 9112 §2.3).

use http::Version;

use super::error::{Defect, MessageError};

/// The version as it stands on the wire.
pub(crate) fn version_text(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

/// `HTTP/1.0`, `HTTP/1.1`, and higher minor versions as 1.1.
pub(super) fn parse_version(text: &[u8], offset: u64) -> Result<Version, MessageError> {
    match text {
        b"HTTP/1.1" => Ok(Version::HTTP_11),
        b"HTTP/1.0" => Ok(Version::HTTP_10),
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', b'0'..=b'9'] => match major {
            b'1' => Ok(Version::HTTP_11),
            _ => Err(MessageError::new(Defect::UnsupportedVersion, offset + 5)),
        },
        _ => Err(MessageError::new(Defect::BadVersion, offset)),
    }
}
