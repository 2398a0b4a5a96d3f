//! Whom a request is for (RFC 9110 §7.2, RFC 9112 §3.2).

use http::Version;

use super::error::{Defect, MessageError};
use super::head::RequestHead;
use super::request_line::TargetForm;

/// Host and port of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host as it stands on the wire; an IPv6 address in its brackets.
    pub host: &'a str,
    /// The port, where given.
    pub port: Option<u16>,
}

/// Whom the request is for: the target's authority where it has one, the Host field otherwise,
/// `None` for an HTTP/1.0 request without either.
///
/// # Errors
/// When Host is missing in HTTP/1.1, stands there twice, is no host, or is empty and nothing else names one.
pub fn authority(head: &RequestHead) -> Result<Option<Authority<'_>>, MessageError> {
    let fields = &head.fields;
    let offset = fields.offset("Host");
    let mut hosts = fields.get_all("Host");
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(MessageError::new(Defect::HostTwice, offset));
    }
    if host.is_none() && head.line.version >= Version::HTTP_11 {
        return Err(MessageError::new(Defect::HostMissing, head.bytes.saturating_sub(2)));
    }
    let bad = MessageError::new(Defect::BadHost, offset);
    let from_field = match host {
        // Where the target names a host itself, that counts (RFC 9112 §3.2.2).
        None | Some(b"") => None,
        Some(host) => {
            let text = core::str::from_utf8(host).map_err(|_| bad)?;
            Some(Authority::parse(text).ok_or(bad)?)
        }
    };
    let target = match head.line.form() {
        Some(TargetForm::Absolute) => {
            let rest = head.line.target.split_once("://").map_or("", |(_, rest)| rest);
            rest.split(['/', '?', '#']).next()
        }
        Some(TargetForm::Authority) => Some(head.line.target.as_str()),
        _ => None,
    };
    match target {
        Some(text) => {
            let bad = MessageError::new(Defect::BadTarget, 0);
            Authority::parse(text).map(Some).ok_or(bad)
        }
        // An http URL without a host is none (RFC 9110 §4.2.1), so nobody is asked for.
        None if host == Some(b"") => Err(bad),
        None => Ok(from_field),
    }
}

impl<'a> Authority<'a> {
    /// Reads `host`, `host:port` or `[address]:port`. User information is refused: RFC 9110 §4.2.4.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = if text.starts_with('[') {
            let end = text.find(']')?;
            text[1..end].parse::<std::net::Ipv6Addr>().ok()?;
            (
                &text[..=end],
                text[end + 1..]
                    .strip_prefix(':')
                    .or_else(|| text[end + 1..].is_empty().then_some(""))?,
            )
        } else {
            text.split_once(':').unwrap_or((text, ""))
        };
        if host.is_empty() || !host.starts_with('[') && !host.bytes().all(is_host_byte) {
            return None;
        }
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { host, port })
    }
}

/// reg-name of RFC 3986 §3.2.2.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte)
}
