//! The `Fault` event: what went wrong, as a finding with its evidence, and curl's exit code for it.

use core::time::Duration;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{CertificateReason, ConnectionId, ExchangeId, RefusalRule, Rule, Time};

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_none(bytes: &u64) -> bool {
    *bytes == 0
}

/// A step of an exchange.
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
    /// The step's name, as every view shows it.
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

/// Something went wrong: the event. What it means and what to try next is worked out in `report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The step in which the fault showed.
    pub step: Step,
    /// The exchange that the fault ended or harmed; `None` where there was none.
    pub exchange: Option<ExchangeId>,
    /// The connection, where there was one.
    pub connection: Option<ConnectionId>,
    /// When that step began.
    pub since: Time,
    /// Whether the fault ended the whole run, so that its exit code is the run's; otherwise only a
    /// part of the result is missing.
    pub fatal: bool,
    /// What went wrong, and the evidence.
    #[serde(flatten)]
    pub fault: FaultKind,
}

/// What went wrong, and the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The URL cannot be used.
    BadUrl {
        /// The URL as it was given.
        url: String,
        /// Why the URL cannot be used.
        why: String,
    },
    /// The name does not exist (NXDOMAIN).
    NxDomain {
        /// The name that was looked up.
        name: String,
        /// The zone whose SOA record came with the answer.
        soa: Option<String>,
        /// How long caches may keep the answer, in seconds (RFC 2308 §5).
        ttl: Option<u32>,
    },
    /// The name exists, but has no address record.
    NoAddress {
        /// The name that was looked up.
        name: String,
    },
    /// The name exists, but has no record of the type that was asked for (NODATA).
    NoRecord {
        /// The name that was looked up.
        name: String,
        /// The record type: `MX`, `TXT` …
        record_type: String,
    },
    /// The name is an alias (CNAME), and its target does not exist or lacks the wanted record.
    DanglingAlias {
        /// The name that was looked up.
        name: String,
        /// The last alias's target.
        target: String,
        /// Whether the target exists and only lacks the wanted record.
        exists: bool,
        /// The zone whose SOA record came with the answer.
        soa: Option<String>,
        /// How long caches may keep the answer, in seconds (RFC 2308 §5).
        ttl: Option<u32>,
    },
    /// The name's aliases (CNAME) form a loop, or a chain that is too long.
    AliasLoop {
        /// The name that was looked up.
        name: String,
        /// The aliases followed, the first one first.
        aliases: Vec<String>,
    },
    /// The answer was too large for a datagram, and could not be had over TCP.
    NameTruncated {
        /// The name that was looked up.
        name: String,
        /// The server that truncated the answer, where known.
        server: Option<SocketAddr>,
        /// What went wrong over TCP.
        why: String,
    },
    /// A walk from the root reached a zone whose servers gave no usable answer.
    BadDelegation {
        /// The name that was looked up.
        name: String,
        /// The zone: `example.com.`; `.` for the root.
        zone: String,
        /// The zone that delegates to it; `None` for the root.
        parent: Option<String>,
        /// What is wrong with the delegation.
        what: DelegationFault,
        /// The zone's servers, by name, and what became of each.
        servers: Vec<DelegatedServer>,
    },
    /// Name servers answered with an error.
    NameServerFailed {
        /// The name that was looked up.
        name: String,
        /// The response code: `SERVFAIL`, `REFUSED` …
        code: String,
    },
    /// No source gave an answer in time.
    NameTimedOut {
        /// The name that was looked up.
        name: String,
        /// The servers that were asked.
        servers: Vec<SocketAddr>,
    },
    /// Sources of names could not be asked, or their answers could not be used.
    NameFailed {
        /// The name that was looked up.
        name: String,
        /// Why no source could be used.
        why: String,
    },
    /// No address of the server could be connected to.
    ConnectFailed {
        /// Every attempt, in the order in which they began.
        attempts: Vec<Attempt>,
    },
    /// The proxy's name has no address.
    ProxyUnknown {
        /// The proxy's host name.
        proxy: String,
        /// Why the lookup failed.
        why: String,
    },
    /// The proxy did not open a tunnel (`CONNECT`, RFC 9110 §9.3.6; SOCKS, RFC 1928).
    TunnelRefused {
        /// The proxy: host and port, with `socks5://` or its like before it where it speaks SOCKS.
        proxy: String,
        /// The status of the proxy's response; `None` if it sent none.
        status: Option<u16>,
        /// The response's reason phrase, or what happened instead of a response.
        why: String,
    },
    /// The TLS handshake failed.
    TlsFailed {
        /// What was seen: our own finding, or the name of the alert.
        why: String,
        /// Whether the alert came from the other end.
        alert_received: bool,
    },
    /// The server's certificate is not trusted.
    BadCertificate {
        /// Why the certificate is not trusted.
        reason: CertificateReason,
        /// The host that was asked for.
        host: String,
        /// The names in the certificate.
        names: Vec<String>,
        /// End of the certificate's validity, in seconds since 1970.
        not_after: Option<i64>,
        /// Begin of the certificate's validity, in seconds since 1970.
        not_before: Option<i64>,
        /// The issuer of the last certificate of the chain.
        issuer: Option<String>,
        /// The verifier's own message.
        detail: String,
    },
    /// The connection ended before any byte of the response arrived.
    EmptyReply {
        /// Whether the connection was reset rather than closed.
        reset: bool,
    },
    /// The connection was reset before the response was complete.
    Reset {
        /// Bytes of the body that had arrived.
        received: u64,
        /// Bytes the body should have had, where that is known.
        expected: Option<u64>,
    },
    /// The request could not be sent.
    SendFailed {
        /// Why the request could not be sent.
        why: String,
    },
    /// Bytes could not be received.
    ReceiveFailed {
        /// Why no bytes could be received.
        why: String,
    },
    /// The answer is not HTTP/1: another protocol, or HTTP/0.9, whose responses have no head.
    NotHttp {
        /// The first bytes of the answer, as text.
        begins: String,
    },
    /// The server reset the stream of this exchange, and no other (RFC 9113 §5.4.2).
    StreamReset {
        /// The name of the error code: `INTERNAL_ERROR`.
        code: String,
    },
    /// The response breaks the rules of HTTP so that it cannot be used.
    Malformed {
        /// What is wrong with the response.
        what: String,
        /// Where the error is, in bytes from the start of the response.
        offset: u64,
        /// The rule that is broken.
        rule: Rule,
    },
    /// The response's head is larger than the limit.
    HeadTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The response's head has more fields than the limit.
    TooManyFields {
        /// The limit.
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
    /// No more bytes of the response came for too long.
    Stalled {
        /// Bytes of the body that had arrived.
        received: u64,
        /// Bytes of its head, and of interim responses before it, where the head was not whole yet.
        #[serde(default, skip_serializing_if = "is_none")]
        head: u64,
        /// Bytes promised, where that is known.
        expected: Option<u64>,
        /// How long no bytes came.
        silent: Duration,
    },
    /// The time limit for the whole exchange was reached.
    TimedOut {
        /// The time limit.
        limit: Duration,
        /// Bytes of the body that had arrived.
        received: u64,
        /// Bytes of its head, and of interim responses before it, where the head was not whole yet.
        #[serde(default, skip_serializing_if = "is_none")]
        head: u64,
    },
    /// There were more redirects than are followed.
    TooManyRedirects {
        /// The largest number of redirects followed.
        limit: u32,
        /// The target of the last redirect.
        last: String,
    },
    /// A redirect that cannot be followed.
    BadRedirect {
        /// The value of the `Location` field.
        location: String,
        /// Why the redirect cannot be followed.
        why: String,
    },
    /// The content coding of the body could not be undone.
    BadEncoding {
        /// The coding.
        coding: String,
        /// Why the coding could not be undone.
        why: String,
    },
    /// The decoded body grew beyond the limit.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
        /// Bytes on the wire so far.
        encoded: u64,
    },
    /// The response has a status of 400 or more (`-f`, or the page itself).
    HttpStatus {
        /// The status code.
        status: u16,
        /// The response's reason phrase.
        reason: String,
        /// Whether it counts as a failure of the command (`-f`).
        fail: bool,
    },
    /// Received bytes could not be written to a file.
    WriteFailed {
        /// The file they were to be written to.
        path: String,
        /// Why the file could not be written.
        why: String,
    },
    /// A file that was to be sent could not be read.
    ReadFailed {
        /// The file.
        path: String,
        /// Why the file could not be read.
        why: String,
    },
    /// The page could not be laid out or painted.
    PaintFailed {
        /// Why the page could not be painted.
        why: String,
    },
    /// Rules of the page, or of who answered, kept something from the page that it names: browsers refuse it.
    Refused {
        /// The rule.
        rule: RefusalRule,
        /// What the rule says, as it was written: a directive, the hashes that would do, a field; empty
        /// where there is nothing that was written.
        says: String,
        /// What was found instead: the hash of what came, its type.
        found: Option<String>,
        /// The line of the document where the rule stands, from 1; `None`: in the head of an answer, or
        /// nowhere.
        line: Option<u64>,
        /// What was refused: URLs, and words for what stands in the page itself; not more than 20.
        what: Vec<String>,
        /// How much was refused.
        count: u64,
        /// Whether it had come before it was refused; otherwise it was not asked for.
        came: bool,
    },
    /// The run was interrupted.
    Interrupted,
}

/// What is wrong with a zone's delegation: the servers that its parent zone names for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum DelegationFault {
    /// Servers answer, but none of them serves the zone ("lame delegation", RFC 9499 §7).
    Lame,
    /// The servers' names lie in the zone itself, and the parent gives no addresses for them (glue
    /// records).
    NoGlue,
    /// Finding the servers' addresses needs the zone itself.
    Circular {
        /// The names and zones that need each other, the first one first.
        through: Vec<String>,
    },
    /// The servers' names have no addresses.
    NoAddress,
    /// No server answered.
    Silent,
    /// Finding the servers took more queries than the walk allows.
    TooLong,
}

/// A server that a delegation names, and what became of asking it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedServer {
    /// The server's host name.
    pub name: String,
    /// The address that was asked; `None` if none was.
    pub address: Option<std::net::IpAddr>,
    /// What the server answered, or why it was not asked.
    pub said: String,
}

/// An attempt to connect to one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The address.
    pub to: SocketAddr,
    /// When the attempt began.
    pub began: Time,
    /// When the attempt ended.
    pub ended: Time,
    /// When each SYN was sent; empty where the wire does not show SYNs.
    pub syns: Vec<Time>,
    /// How many SYNs were sent, where the wire tells the number.
    pub syn_count: Option<u32>,
    /// How the attempt ended.
    pub end: AttemptEnd,
}

/// How an attempt to connect ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The TCP handshake completed.
    Connected,
    /// The SYN was answered with RST.
    Refused,
    /// The SYN was not answered in time.
    TimedOut,
    /// An ICMP error came back, or this host has no route.
    Unreachable {
        /// The error's name: `host unreachable`, `port unreachable`, `communication administratively prohibited` …
        why: String,
        /// The sender of the ICMP error; `None` when this host itself gave the error.
        from: Option<std::net::IpAddr>,
    },
    /// The hardware address of the next hop could not be found.
    NoNeighbour {
        /// The next hop.
        next_hop: std::net::IpAddr,
    },
    /// The attempt was given up because another succeeded first.
    Cancelled,
    /// The operating system gave another error.
    Failed {
        /// The error's text.
        why: String,
    },
}

impl FaultKind {
    /// curl's exit code for this fault (`docs/libcurl/libcurl-errors.md`), or from 110 a code of
    /// our own.
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
            Self::BadCertificate { reason: CertificateReason::NotPinned, .. } => 90,
            Self::BadCertificate { .. } => 60,
            // A proxy that is not spoken to in HTTP (`CURLE_PROXY`).
            Self::TunnelRefused { proxy, .. } if proxy.starts_with("socks") => 97,
            Self::EmptyReply { reset: false } => 52,
            Self::EmptyReply { reset: true }
            | Self::Reset { .. }
            | Self::TunnelRefused { .. }
            | Self::ReceiveFailed { .. }
            | Self::HeadTooLarge { .. }
            | Self::TooManyFields { .. } => 56,
            Self::SendFailed { .. } => 55,
            Self::NotHttp { .. } => 1,
            Self::StreamReset { .. } => 92,
            // An error of the HTTP/2 layer itself (`CURLE_HTTP2`).
            Self::Malformed { rule, .. } if rule.is_within(9113, "") => 16,
            // To curl, malformed chunks are an error of receiving (`CURLE_RECV_ERROR`).
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
            // It costs a part of the page, as a picture that is not there does.
            Self::Refused { .. } => 0,
            Self::Interrupted => 130,
        }
    }
}
