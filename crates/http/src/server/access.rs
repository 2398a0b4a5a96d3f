//! What can be said of a request that was answered.

use core::time::Duration;
use std::net::SocketAddr;
use std::time::SystemTime;

use http::{Method, StatusCode, Version};
use roundtrip_record::Time;

use super::handler::Request;

/// A request that was answered: what a line of an access log is made of.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// Who asked.
    pub peer: SocketAddr,
    /// When its head was complete.
    pub wall: SystemTime,
    /// The method; `None` for what was no request.
    pub method: Option<&'a Method>,
    /// The target as it stood on the wire; empty for what was no request.
    pub target: &'a str,
    /// The answer.
    pub status: StatusCode,
    /// Bytes of the answer's body that were sent.
    pub body: u64,
    /// From the request's head to the last byte of the answer.
    pub took: Duration,
    /// The version it was asked in; `None` for what was no request.
    pub version: Option<Version>,
    /// Whom it was for; empty where that was not told.
    pub host: &'a str,
    /// The field of that name in the request; empty where there was none.
    pub referer: &'a str,
    /// The field of that name in the request; empty where there was none.
    pub user_agent: &'a str,
    /// Why it was refused or could not be answered as it should, where that is known.
    pub trouble: Option<&'a str>,
    /// Whether the answer was sent whole.
    pub complete: bool,
}

impl<'a> Served<'a> {
    /// A request that was answered with this status, so many bytes of whose answer's body had been sent `now`.
    pub(crate) fn of(request: &'a Request, status: StatusCode, body: u64, now: Time) -> Self {
        let field = |name| request.head.fields.text(name).unwrap_or_default();
        Self {
            peer: request.peer,
            wall: request.wall,
            method: Some(&request.head.line.method),
            target: &request.head.line.target,
            status,
            body,
            took: now.since(request.at),
            version: Some(request.head.line.version),
            host: field("Host"),
            referer: field("Referer"),
            user_agent: field("User-Agent"),
            trouble: None,
            complete: true,
        }
    }

    /// What was no request, and was refused for this reason.
    pub(crate) fn refused(
        peer: SocketAddr,
        wall: SystemTime,
        status: StatusCode,
        why: &'a str,
    ) -> Self {
        Self {
            peer,
            wall,
            method: None,
            target: "",
            status,
            body: 0,
            took: Duration::ZERO,
            version: None,
            host: "",
            referer: "",
            user_agent: "",
            trouble: Some(why),
            complete: true,
        }
    }
}
