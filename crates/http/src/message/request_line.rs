//! The request line (RFC 9112 §3).

use http::{Method, Version};

use super::error::{Defect, MessageError};
use super::fields::is_token;
use super::start_line::StartLine;
use super::version::{parse_version, version_text};

/// Method, target and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The target as it stands on the wire: visible ASCII.
    pub target: String,
    /// `HTTP/1.0` or `HTTP/1.1`. A higher minor version is read as 1.1 (RFC 9110 §2.5).
    pub version: Version,
}

/// The four forms of a request target (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/where?q=now`.
    Origin,
    /// `http://www.example.org/`, as sent to a proxy.
    Absolute,
    /// `www.example.com:80`, of CONNECT.
    Authority,
    /// `*`, of OPTIONS.
    Asterisk,
}

impl RequestLine {
    /// The form of the target; `None` where it has none that its method may have.
    pub fn form(&self) -> Option<TargetForm> {
        let target = self.target.as_bytes();
        if self.method == Method::CONNECT {
            let host = !target.is_empty() && !target.contains(&b'/');
            return host.then_some(TargetForm::Authority);
        }
        match target {
            [b'/', ..] => Some(TargetForm::Origin),
            b"*" => (self.method == Method::OPTIONS).then_some(TargetForm::Asterisk),
            _ => {
                let (scheme, rest) = self.target.split_once("://")?;
                let known =
                    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
                (known && !rest.is_empty()).then_some(TargetForm::Absolute)
            }
        }
    }

    /// Path and query: the target without scheme and authority. Where it has no path, that is `/`, or
    /// the query alone with its question mark.
    pub fn path_and_query(&self) -> &str {
        match self.form() {
            Some(TargetForm::Absolute) => {
                let rest = self.target.split_once("://").map_or("", |(_, rest)| rest);
                rest.find(['/', '?']).map_or("/", |at| &rest[at..])
            }
            _ => &self.target,
        }
    }
}

impl StartLine for RequestLine {
    const EMPTY_LINES: u8 = 1;

    /// A method has no end of its own: where there is none within the limit, it is the method that is too
    /// long (RFC 9112 §3).
    fn too_long(begin: &[u8]) -> Defect {
        if begin.contains(&b' ') { Defect::TargetTooLong } else { Defect::MethodTooLong }
    }

    fn parse(line: &[u8], offset: u64) -> Result<Self, MessageError> {
        let fail = |defect, at: usize| Err(MessageError::new(defect, offset + at as u64));
        if let Some(at) = line.iter().position(|&byte| byte == b'\r') {
            return fail(Defect::BareCarriageReturn, at);
        }
        let Some(space) = line.iter().position(|&byte| byte == b' ') else {
            return fail(Defect::BadRequestLine, line.len());
        };
        let (method, rest) = (&line[..space], &line[space + 1..]);
        if !is_token(method) {
            return fail(Defect::BadMethod, 0);
        }
        let Ok(method) = Method::from_bytes(method) else { return fail(Defect::BadMethod, 0) };
        let at = space + 1;
        let Some(space) = rest.iter().position(|&byte| byte == b' ') else {
            return fail(
                if rest.is_empty() { Defect::BadRequestLine } else { Defect::NoVersion },
                at,
            );
        };
        let (target, version) = (&rest[..space], &rest[space + 1..]);
        if target.is_empty() || version.contains(&b' ') {
            return fail(Defect::BadRequestLine, at);
        }
        // A fragment is not for servers (RFC 9112 §3.2, RFC 3986 §3.5): what it is sent to differs from one
        // reader to the next.
        let forbidden = |byte: &u8| !byte.is_ascii_graphic() || *byte == b'#';
        if let Some(bad) = target.iter().position(forbidden) {
            return fail(Defect::BadTarget, at + bad);
        }
        let version = parse_version(version, offset + (at + space + 1) as u64)?;
        let target = target.iter().map(|&byte| char::from(byte)).collect();
        let line = Self { method, target, version };
        if line.form().is_none() {
            return fail(Defect::BadTarget, at);
        }
        Ok(line)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.target.as_bytes());
        out.push(b' ');
        out.extend_from_slice(version_text(self.version).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}
