//! The status line (RFC 9112 §4).

use http::{StatusCode, Version};

use super::error::{Defect, MessageError};
use super::fields::{is_field_value, printable, to_text};
use super::start_line::StartLine;
use super::version::{parse_version, version_text};

/// Version, status and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase as it stands on the wire; often empty.
    pub reason: Vec<u8>,
}

impl StatusLine {
    /// A status line of HTTP/1.1 with the reason that the RFCs give for the status.
    pub fn new(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default().into();
        Self { version: Version::HTTP_11, status, reason }
    }

    /// The reason phrase as text.
    pub fn reason_text(&self) -> String {
        to_text(&self.reason)
    }
}

impl StartLine for StatusLine {
    const EMPTY_LINES: u8 = 0;

    fn too_long(_: &[u8]) -> Defect {
        Defect::BadStatusLine
    }

    fn parse(line: &[u8], offset: u64) -> Result<Self, MessageError> {
        let fail = |defect, at: usize| Err(MessageError::new(defect, offset + at as u64));
        let Some(space) = line.iter().position(|&byte| byte == b' ') else {
            return fail(Defect::BadStatusLine, 0);
        };
        if !line.starts_with(b"HTTP/") {
            return fail(Defect::BadStatusLine, 0);
        }
        let version = parse_version(&line[..space], offset)?;
        let rest = &line[space + 1..];
        let at = space + 1;
        // RFC 9112 §4 has a space after the status even without a reason; many servers leave it out.
        let (digits, reason) = match rest.iter().position(|&byte| byte == b' ') {
            Some(space) => (&rest[..space], &rest[space + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        let Ok(status) = StatusCode::from_bytes(digits) else {
            return fail(Defect::BadStatus, at);
        };
        if let Some(bad) = reason.iter().position(|&byte| !is_field_value(byte)) {
            return fail(Defect::BadReason, at + digits.len() + 1 + bad);
        }
        Ok(Self { version, status, reason: reason.to_vec() })
    }

    /// Any version from 1.0 on, in any case, is read as the nearest that is known; the reason may follow
    /// the status without a space, and its control characters become spaces.
    fn tolerate(line: &[u8]) -> Option<Self> {
        let (version, rest) = line.split_at_checked(line.iter().position(|&byte| byte == b' ')?)?;
        let (name, number) = version.split_at_checked(5)?;
        if !name.eq_ignore_ascii_case(b"HTTP/") {
            return None;
        }
        let version = match number {
            b"1.0" => Version::HTTP_10,
            [b'1'..=b'9', b'.', b'0'..=b'9'] | [b'1'..=b'9'] => Version::HTTP_11,
            _ => return None,
        };
        let rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let status = StatusCode::from_bytes(&rest[..end]).ok()?;
        let reason = rest[end..].trim_ascii().iter().map(|&byte| printable(byte)).collect();
        Some(Self { version, status, reason })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(version_text(self.version).as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
    }
}
