//! What went wrong on the network, as a finding and not as an exception.

use core::time::Duration;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{CertificateReason, ConnectionId, ExchangeId, Rule, Time};

/// The steps of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Step {
    Url,
    Name,
    Neighbour,
    Connect,
    Tls,
    Request,
    Wait,
    Body,
    Page,
    Close,
}

impl Step {
    /// Its name in every view.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Name => "name",
            Self::Neighbour => "neighbour",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Request => "request",
            Self::Wait => "wait",
            Self::Body => "body",
            Self::Page => "page",
            Self::Close => "close",
        }
    }
}

/// A fault. What it means and what to try next is worked out from it in `report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The step in which it showed.
    pub step: Step,
    /// The exchange it ended or harmed.
    pub exchange: Option<ExchangeId>,
    /// The connection, where there was one.
    pub connection: Option<ConnectionId>,
    /// When the step began.
    pub since: Time,
    /// It ended the whole run, and its exit code is the run's; otherwise only a part is missing.
    pub fatal: bool,
    /// What was seen.
    #[serde(flatten)]
    pub fault: FaultKind,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The URL cannot be used.
    BadUrl {
        /// As it was given.
        url: String,
        /// Why.
        why: String,
    },
    /// The name does not exist.
    NxDomain {
        /// The name.
        name: String,
        /// The zone whose SOA said so.
        soa: Option<String>,
        /// Seconds that caches may keep it.
        ttl: Option<u32>,
    },
    /// The name exists, but has no address.
    NoAddress {
        /// The name.
        name: String,
    },
    /// The name exists, but has no record of the type that was asked for.
    NoRecord {
        /// The name.
        name: String,
        /// The type: `MX`, `TXT` …
        record_type: String,
    },
    /// The name is an alias, and what it stands for is not there.
    DanglingAlias {
        /// The name.
        name: String,
        /// The last alias's target.
        target: String,
        /// The target exists, and has no such record; otherwise it does not exist.
        exists: bool,
        /// The zone whose SOA said so.
        soa: Option<String>,
        /// Seconds that caches may keep it.
        ttl: Option<u32>,
    },
    /// The name's aliases lead in a circle, or never end.
    AliasLoop {
        /// The name.
        name: String,
        /// The aliases followed, the first one first.
        aliases: Vec<String>,
    },
    /// The answer does not fit a datagram, and could not be had over TCP.
    NameTruncated {
        /// The name.
        name: String,
        /// The server that cut it, where known.
        server: Option<SocketAddr>,
        /// What happened over TCP.
        why: String,
    },
    /// A walk from the root came to a zone whose servers could not be made to answer.
    BadDelegation {
        /// The name.
        name: String,
        /// The zone: `example.com.`; `.` for the root.
        zone: String,
        /// The zone that refers to it; `None` for the root.
        parent: Option<String>,
        /// What is wrong.
        what: DelegationFault,
        /// The zone's servers, by name, and what became of each.
        servers: Vec<DelegatedServer>,
    },
    /// Name servers answered, but with a failure.
    NameServerFailed {
        /// The name.
        name: String,
        /// The response code: `SERVFAIL`, `REFUSED` …
        code: String,
    },
    /// No source gave an answer in time.
    NameTimedOut {
        /// The name.
        name: String,
        /// The servers that were asked.
        servers: Vec<SocketAddr>,
    },
    /// Sources could not be asked, or what they said could not be used.
    NameFailed {
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// No address could be connected to.
    ConnectFailed {
        /// Every try.
        attempts: Vec<Attempt>,
    },
    /// The proxy's name has no address.
    ProxyUnknown {
        /// The proxy's host.
        proxy: String,
        /// Why.
        why: String,
    },
    /// The proxy does not pass bytes on.
    TunnelRefused {
        /// The proxy: host and port.
        proxy: String,
        /// The status it answered with, where it answered.
        status: Option<u16>,
        /// Its reason phrase, or what happened instead of an answer.
        why: String,
    },
    /// The TLS handshake failed.
    TlsFailed {
        /// What was seen: our own words, or the alert's name.
        why: String,
        /// The alert came from the other end.
        alert_received: bool,
    },
    /// The certificate cannot be trusted.
    BadCertificate {
        /// Why.
        reason: CertificateReason,
        /// The host that was asked for.
        host: String,
        /// Names in the certificate.
        names: Vec<String>,
        /// Its end of validity, seconds since 1970.
        not_after: Option<i64>,
        /// Its begin of validity, seconds since 1970.
        not_before: Option<i64>,
        /// The issuer of the last certificate of the chain.
        issuer: Option<String>,
        /// The checker's own sentence.
        detail: String,
    },
    /// The connection ended before the response began.
    EmptyReply {
        /// It was reset rather than finished.
        reset: bool,
    },
    /// The connection was reset in the middle.
    Reset {
        /// Bytes of the body that had arrived.
        received: u64,
        /// Bytes it should have had.
        expected: Option<u64>,
    },
    /// The request could not be sent.
    SendFailed {
        /// Why.
        why: String,
    },
    /// Bytes could not be received.
    ReceiveFailed {
        /// Why.
        why: String,
    },
    /// What came back is no answer of HTTP/1: another protocol, or HTTP/0.9, which has no heads.
    NotHttp {
        /// Its first bytes, as text.
        begins: String,
    },
    /// The server ended the stream of the exchange alone (RFC 9113 §5.4.2).
    StreamReset {
        /// Its error code's name: `INTERNAL_ERROR`.
        code: String,
    },
    /// The response is not HTTP as the RFCs have it.
    Malformed {
        /// What is wrong.
        what: String,
        /// Where: bytes from the start of the response.
        offset: u64,
        /// Where it is ruled.
        rule: Rule,
    },
    /// The head is larger than we take.
    HeadTooLarge {
        /// The limit, bytes.
        limit: u64,
    },
    /// The body ended too early.
    Short {
        /// Bytes that arrived.
        received: u64,
        /// Bytes promised; `None` for a chunked body without its last chunk.
        expected: Option<u64>,
    },
    /// TLS ended inside the body without `close_notify` (RFC 8446 §6.1): anybody on the way may have
    /// ended it, and nothing tells whether the body is whole.
    TlsCut {
        /// Bytes that arrived.
        received: u64,
        /// Bytes promised; `None` for a body that is chunked or framed by the end of the connection.
        expected: Option<u64>,
    },
    /// Nothing came for too long.
    Stalled {
        /// Bytes that had arrived.
        received: u64,
        /// Bytes promised.
        expected: Option<u64>,
        /// How long nothing came.
        silent: Duration,
    },
    /// The time for the whole was up.
    TimedOut {
        /// The limit.
        limit: Duration,
        /// Bytes that had arrived.
        received: u64,
    },
    /// Too many redirects.
    TooManyRedirects {
        /// The limit.
        limit: u32,
        /// Where the last one pointed.
        last: String,
    },
    /// A redirect that cannot be followed.
    BadRedirect {
        /// What `Location` said.
        location: String,
        /// Why not.
        why: String,
    },
    /// The content coding could not be undone.
    BadEncoding {
        /// The coding.
        coding: String,
        /// Why.
        why: String,
    },
    /// The body grew beyond what we take when decoded.
    TooLarge {
        /// The limit, bytes.
        limit: u64,
        /// Bytes on the wire so far.
        encoded: u64,
    },
    /// An answer of status 400 or more (`-f`, or the page itself).
    HttpStatus {
        /// The status.
        status: u16,
        /// Its reason phrase.
        reason: String,
        /// Whether it counts as a failure of the command (`-f`).
        fail: bool,
    },
    /// What was received could not be written.
    WriteFailed {
        /// Whereto.
        path: String,
        /// Why.
        why: String,
    },
    /// What was to be sent could not be read.
    ReadFailed {
        /// Where from.
        path: String,
        /// Why.
        why: String,
    },
    /// The page could not be laid out or painted.
    PaintFailed {
        /// Why.
        why: String,
    },
    /// The run was interrupted.
    Interrupted,
}

/// What is wrong between a zone and the servers that its parent names for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum DelegationFault {
    /// Servers answer, and none of them serves the zone ("lame", RFC 9499 §7).
    Lame,
    /// The servers' names lie in the zone itself, and the parent gives no address for them (glue).
    NoGlue,
    /// To find the servers' addresses the zone itself is needed.
    Circular {
        /// The names and zones that need each other, the first one first.
        through: Vec<String>,
    },
    /// The servers' names have no address.
    NoAddress,
    /// No server answered.
    Silent,
    /// Finding the servers took more questions than are put.
    TooLong,
}

/// A server of a zone, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedServer {
    /// Its name.
    pub name: String,
    /// Its address, where it was asked.
    pub address: Option<std::net::IpAddr>,
    /// What it said, or why it was not asked.
    pub said: String,
}

/// A try to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whereto.
    pub to: SocketAddr,
    /// When it began.
    pub began: Time,
    /// When it ended.
    pub ended: Time,
    /// When SYNs went out; empty where the wire does not show them.
    pub syns: Vec<Time>,
    /// How many SYNs went out, where the wire tells a number.
    pub syn_count: Option<u32>,
    /// How it ended.
    pub end: AttemptEnd,
}

/// How a try to connect ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The handshake completed.
    Connected,
    /// RST came back.
    Refused,
    /// Nothing came back.
    TimedOut,
    /// An ICMP error came back, or the local host knew no way.
    Unreachable {
        /// The error's name: `host unreachable`, `port unreachable`, `communication administratively prohibited` …
        why: String,
        /// Who sent it; `None` when our own host said so.
        from: Option<std::net::IpAddr>,
    },
    /// The next hop's hardware address could not be found.
    NoNeighbour {
        /// The next hop.
        next_hop: std::net::IpAddr,
    },
    /// Another attempt won.
    Cancelled,
    /// Anything else the operating system said.
    Failed {
        /// What.
        why: String,
    },
}

impl FaultKind {
    /// curl's exit code for this fault (`docs/libcurl/libcurl-errors.md`), or one of ours from 110.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BadUrl { .. } => 3,
            Self::ProxyUnknown { .. } => 5,
            Self::NxDomain { .. }
            | Self::NoAddress { .. }
            | Self::NoRecord { .. }
            | Self::DanglingAlias { .. }
            | Self::AliasLoop { .. }
            | Self::NameTruncated { .. }
            | Self::BadDelegation { .. }
            | Self::NameServerFailed { .. }
            | Self::NameTimedOut { .. }
            | Self::NameFailed { .. } => 6,
            Self::ConnectFailed { attempts } => {
                if attempts.last().is_some_and(|a| matches!(a.end, AttemptEnd::TimedOut)) {
                    28
                } else {
                    7
                }
            }
            Self::TlsFailed { .. } => 35,
            Self::BadCertificate { .. } => 60,
            Self::EmptyReply { reset: false } => 52,
            Self::EmptyReply { reset: true }
            | Self::Reset { .. }
            | Self::TunnelRefused { .. }
            | Self::ReceiveFailed { .. }
            | Self::HeadTooLarge { .. } => 56,
            Self::SendFailed { .. } => 55,
            Self::NotHttp { .. } => 1,
            Self::StreamReset { .. } => 92,
            // What breaks HTTP/2 itself.
            Self::Malformed { rule, .. } if rule.is_within(9113, "") => 16,
            // To curl, chunks that are none are an error of receiving.
            Self::Malformed { rule, .. } if rule.is_within(9112, "7") => 56,
            Self::Malformed { .. } => 8,
            Self::Short { .. } | Self::TlsCut { .. } => 18,
            Self::Stalled { .. } | Self::TimedOut { .. } => 28,
            Self::TooManyRedirects { .. } => 47,
            Self::BadRedirect { .. } => 3,
            Self::BadEncoding { .. } => 61,
            Self::TooLarge { .. } => 63,
            Self::HttpStatus { fail: true, .. } => 22,
            Self::HttpStatus { fail: false, .. } => 0,
            Self::WriteFailed { .. } => 23,
            Self::ReadFailed { .. } => 26,
            Self::PaintFailed { .. } => 110,
            Self::Interrupted => 130,
        }
    }
}
