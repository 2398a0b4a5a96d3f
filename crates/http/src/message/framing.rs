//! How the end of a body is told, and whether the connection outlives it.

use http::{Method, StatusCode, Version};
use roundtrip_record::Framing;

use super::error::{Defect, MessageError};
use super::fields::{Fields, is_token};
use super::head::{RequestHead, ResponseHead};

const LENGTH: &str = "Content-Length";
const CODING: &str = "Transfer-Encoding";

/// How a request's body ends (RFC 9112 §6.3). A message whose framing two readers could see
/// differently is refused.
///
/// # Errors
/// When the fields that tell it contradict each other, are malformed or not understood.
pub fn request_framing(head: &RequestHead) -> Result<Framing, MessageError> {
    let fields = &head.fields;
    if is_chunked(fields, head.line.version)? {
        return Ok(Framing::Chunked);
    }
    Ok(length(fields, Repeated::Refused)?.map_or(Framing::None, Framing::Length))
}

/// How the body of the response to a request with `method` ends (RFC 9112 §6.3).
///
/// # Errors
/// When the fields that tell it contradict each other or are malformed.
pub fn response_framing(method: &Method, head: &ResponseHead) -> Result<Framing, MessageError> {
    let (status, fields) = (head.line.status, &head.fields);
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        // RFC 9112 §6.1 forbids the field here; a reader that obeyed it would wait for a body.
        if fields.contains(CODING) {
            return Err(MessageError::new(Defect::CodingForbidden, fields.offset(CODING)));
        }
        return Ok(Framing::None);
    }
    if method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        return Ok(Framing::None);
    }
    if method == Method::CONNECT && status.is_success() {
        return Ok(Framing::None);
    }
    if is_chunked(fields, head.line.version)? {
        return Ok(Framing::Chunked);
    }
    Ok(length(fields, Repeated::Alike)?.map_or(Framing::Close, Framing::Length))
}

/// Whether the connection can carry another exchange after a message with these fields
/// (RFC 9112 §9.3).
pub fn keeps_alive(version: Version, fields: &Fields) -> bool {
    if fields.has("Connection", "close") {
        return false;
    }
    version >= Version::HTTP_11 || fields.has("Connection", "keep-alive")
}

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

/// Whether the message is chunked. No other coding is understood: we never send TE, so nobody may
/// use one with us.
fn is_chunked(fields: &Fields, version: Version) -> Result<bool, MessageError> {
    if !fields.contains(CODING) {
        return Ok(false);
    }
    let fail = |defect| Err(MessageError::new(defect, fields.offset(CODING)));
    if version < Version::HTTP_11 {
        return fail(Defect::CodingBeforeHttp11);
    }
    if fields.contains(LENGTH) {
        return fail(Defect::LengthAndCoding);
    }
    let (mut chunked, mut others, mut last_is_chunked) = (0, 0, false);
    for coding in fields.list(CODING) {
        let name = coding.split(|&byte| byte == b';').next().unwrap_or_default();
        if !is_token(name.trim_ascii()) {
            return fail(Defect::BadTransferCoding);
        }
        last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        if last_is_chunked {
            chunked += 1;
        } else {
            others += 1;
        }
    }
    match (chunked, others) {
        (0, 0) => fail(Defect::BadTransferCoding),
        (2.., _) => fail(Defect::ChunkedTwice),
        (_, 1..) if !last_is_chunked => fail(Defect::NotChunkedLast),
        (_, 1..) => fail(Defect::UnknownTransferCoding),
        _ => Ok(true),
    }
}

/// What becomes of a length that is given more than once.
#[derive(Clone, Copy, PartialEq)]
enum Repeated {
    /// It is refused.
    Refused,
    /// It is taken where all are alike, as RFC 9112 §6.3 allows.
    Alike,
}

fn length(fields: &Fields, repeated: Repeated) -> Result<Option<u64>, MessageError> {
    let fail = |defect| Err(MessageError::new(defect, fields.offset(LENGTH)));
    let mut known = None;
    for value in fields.get_all(LENGTH).flat_map(|value| value.split(|&byte| byte == b',')) {
        let Some(length) = parse_length(value.trim_ascii()) else {
            return fail(Defect::BadContentLength);
        };
        match known {
            Some(other) if other != length || repeated == Repeated::Refused => {
                return fail(Defect::ConflictingLengths);
            }
            _ => known = Some(length),
        }
    }
    Ok(known)
}

/// Digits and nothing else, within 63 bits, so that sums of lengths do not overflow.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit).filter(|length| i64::try_from(*length).is_ok())
    })
}
