//! How the end of a body is told, and whether the connection outlives it.

use http::{Method, StatusCode, Version};
use roundtrip_record::Framing;

use super::error::{Defect, MessageError};
use super::fields::{Fields, is_token};
use super::head::{RequestHead, ResponseHead};
use super::limits::Manner;

const LENGTH: &str = "Content-Length";
const CODING: &str = "Transfer-Encoding";

/// How a request's body ends (RFC 9112 §6.3). A message whose framing two readers could see
/// differently is refused.
///
/// # Errors
/// When the fields that tell it contradict each other, are malformed or not understood.
pub fn request_framing(head: &RequestHead) -> Result<Framing, MessageError> {
    let fields = &head.fields;
    if is_chunked(fields, head.line.version).map_err(|error| unknown_coding(fields, error))? {
        return Ok(Framing::Chunked);
    }
    Ok(length(fields, Repeated::Refused)?.map_or(Framing::None, Framing::Length))
}

/// Codings among which that of chunks is not are codings that we do not understand (RFC 9112 §6.1), rather
/// than ones in the wrong order.
fn unknown_coding(fields: &Fields, error: MessageError) -> MessageError {
    let chunked = fields.list(CODING).any(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    let defect = match error.defect {
        Defect::NotChunkedLast if !chunked => Defect::UnknownTransferCoding,
        defect => defect,
    };
    MessageError { defect, ..error }
}

/// How the body of the response to a request with `method` ends (RFC 9112 §6.3).
///
/// # Errors
/// When the fields that tell it contradict each other or are malformed.
pub fn response_framing(method: &Method, head: &ResponseHead) -> Result<Framing, MessageError> {
    framed(method, head, Manner::Strict, Codings::Chunks).map(|framed| framed.framing)
}

/// How the body of a response ends, and what was tolerated to find that out.
pub(crate) struct Framed {
    pub(crate) framing: Framing,
    pub(crate) tolerated: Option<MessageError>,
}

impl From<Framing> for Framed {
    fn from(framing: Framing) -> Self {
        Self { framing, tolerated: None }
    }
}

/// As [`response_framing`], in this manner. What is tolerated is what leaves no doubt where the body
/// ends: a coding where no body may be, and a length beside chunks (RFC 9112 §6.3 rule 3).
pub(crate) fn framed(
    method: &Method,
    head: &ResponseHead,
    manner: Manner,
    codings: Codings,
) -> Result<Framed, MessageError> {
    let (status, fields) = (head.line.status, &head.fields);
    let or = |error: MessageError, framing| match manner {
        Manner::Strict => Err(error),
        Manner::Tolerant => Ok(Framed { framing, tolerated: Some(error) }),
    };
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        // RFC 9112 §6.1 forbids the field here; a reader that obeyed it would wait for a body.
        if fields.contains(CODING) {
            let error = MessageError::new(Defect::CodingForbidden, fields.offset(CODING));
            return or(error, Framing::None);
        }
        return Ok(Framing::None.into());
    }
    if method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        return Ok(Framing::None.into());
    }
    if method == Method::CONNECT && status.is_success() {
        return Ok(Framing::None.into());
    }
    if codings == Codings::Known
        && let Some(framing) = coded(fields)
    {
        return Ok(framing.into());
    }
    match is_chunked(fields, head.line.version) {
        Ok(true) => return Ok(Framing::Chunked.into()),
        Ok(false) => {}
        Err(error) if is_identity(fields) => {
            let length = length(fields, Repeated::Alike)?;
            return or(error, length.map_or(Framing::Close, Framing::Length));
        }
        Err(error) if error.defect == Defect::LengthAndCoding => {
            // The coding alone must be as it should be.
            chunks(fields)?;
            return or(error, Framing::Chunked);
        }
        // It was chunked once, as whoever says so twice can be seen to have done.
        Err(error)
            if error.defect == Defect::ChunkedTwice && transfer_codings(fields).is_empty() =>
        {
            return or(error, Framing::Chunked);
        }
        Err(error) => {
            // Nobody asked for these codings, but they can be undone.
            let Some(framing) = coded(fields) else { return Err(error) };
            return or(error, framing);
        }
    }
    match length(fields, Repeated::Alike) {
        Ok(length) => Ok(length.map_or(Framing::Close, Framing::Length).into()),
        // Longer than anything: it ends when the connection does, and falls short of what was told.
        Err(error) if is_huge(fields) => or(error, Framing::Close),
        Err(error) => Err(error),
    }
}

/// Whether the length is a number beyond all that can be counted.
fn is_huge(fields: &Fields) -> bool {
    let mut values = fields.get_all(LENGTH);
    let digits = |value: &[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    values.next().is_some_and(digits) && values.next().is_none()
}

/// Which transfer codings are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codings {
    /// Chunks alone.
    Chunks,
    /// Those that the request asked for, too ([`transfer_codings`]).
    Known,
}

/// The codings of a transfer that can be undone besides its chunks, in the order in which they were
/// applied.
pub(crate) fn transfer_codings(fields: &Fields) -> Vec<String> {
    let names =
        fields.list(CODING).map(|coding| String::from_utf8_lossy(coding).to_ascii_lowercase());
    names.filter(|name| !matches!(name.as_str(), "chunked" | "identity")).collect()
}

/// How a body ends whose transfer has such codings; `None` where it has none of them.
fn coded(fields: &Fields) -> Option<Framing> {
    let all = transfer_codings(fields);
    let known = all.iter().all(|name| matches!(name.as_str(), "gzip" | "x-gzip" | "deflate"));
    if all.is_empty() || !known || all.len() > 4 {
        return None;
    }
    let last = fields.list(CODING).last().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    Some(match (last, fields.has(CODING, "chunked")) {
        (true, _) => Framing::Chunked,
        (false, false) => {
            length(fields, Repeated::Alike).ok()?.map_or(Framing::Close, Framing::Length)
        }
        (false, true) => return None,
    })
}

/// Whether the only coding is the one of old that means none (RFC 2616 §3.6).
fn is_identity(fields: &Fields) -> bool {
    fields.list(CODING).all(|coding| coding.eq_ignore_ascii_case(b"identity"))
        && fields.list(CODING).next().is_some()
}

/// Whether the connection can carry another exchange after a message with these fields
/// (RFC 9112 §9.3).
pub fn keeps_alive(version: Version, fields: &Fields) -> bool {
    if fields.has("Connection", "close") {
        return false;
    }
    version >= Version::HTTP_11 || fields.has("Connection", "keep-alive")
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
    chunks(fields)
}

/// Whether the codings are that of chunks, and nothing else.
fn chunks(fields: &Fields) -> Result<bool, MessageError> {
    let fail = |defect| Err(MessageError::new(defect, fields.offset(CODING)));
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
