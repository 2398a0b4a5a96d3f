//! Events of step 1: lookups, sources asked, DNS messages.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{Direction, LookupId, Time};

/// A lookup begins, at the first source of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameStarted {
    /// The lookup.
    pub lookup: LookupId,
    /// The name, fully qualified, in ASCII form.
    pub name: String,
    /// The record types wanted: `A`, `AAAA`.
    pub types: Vec<String>,
}

/// A source of names: one rung of the ladder that a lookup walks down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Source {
    /// None: the name is an IP address already.
    Literal,
    /// `localhost` and names below it (RFC 6761 §6.3).
    SpecialUse,
    /// Our own cache, kept between runs.
    OwnCache,
    /// A cache of the operating system: `nscd`, or the lab host's own.
    OsCache {
        /// The cache's name: `nscd`, `lab`.
        service: String,
    },
    /// The hosts file.
    HostsFile {
        /// The file's path.
        path: String,
    },
    /// systemd-resolved, asked over its varlink socket.
    Resolved {
        /// The socket's path.
        path: String,
    },
    /// A recursive name server.
    NameServer {
        /// The server's address.
        server: SocketAddr,
    },
    /// A name server of the delegation tree, asked by our own walk from the root.
    Zone {
        /// The zone that the server was asked about: `.`, `com.`, `example.com.`
        zone: String,
        /// The server's name, where known.
        #[serde(rename = "server_name")]
        name: Option<String>,
        /// The server's address.
        server: SocketAddr,
    },
    /// A source of nsswitch.conf that we do not implement (`mdns4`, `wins`, `db` …). It is skipped,
    /// and the record says so.
    Skipped {
        /// The source's name in nsswitch.conf.
        service: String,
    },
}

/// A source is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameAsked {
    /// The lookup.
    pub lookup: LookupId,
    /// The source.
    #[serde(flatten)]
    pub source: Source,
    /// The name asked for. It differs from the lookup's along a chain of aliases, and where query
    /// names are minimised (RFC 9156).
    pub name: String,
    /// The record type asked for; empty when the source answers for all types.
    pub record_type: String,
}

/// A source has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameAnswered {
    /// The lookup.
    pub lookup: LookupId,
    /// The source.
    #[serde(flatten)]
    pub source: Source,
    /// The name asked for, as in [`NameAsked`].
    pub name: String,
    /// The record type asked for, as in [`NameAsked`].
    pub record_type: String,
    /// The source's answer.
    pub outcome: Outcome,
    /// The records of the answer, of all its sections, as a zone file writes them.
    pub records: Vec<ResourceRecord>,
    /// The time from asking to the answer.
    pub took: Duration,
}

/// The answer of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The source does not know; the next source is asked.
    Miss,
    /// The source gave addresses.
    Found {
        /// The addresses, in the order given.
        addresses: Vec<IpAddr>,
        /// How long the answer may be kept, seconds; `None` where the source gives none.
        ttl: Option<u32>,
        /// Where the source itself had the answer from, if it says so: `cache`, `zone`, `network`.
        origin: Option<String>,
    },
    /// The name is an alias (CNAME).
    Alias {
        /// The name that the alias stands for.
        target: String,
    },
    /// The server refers to the servers of a zone further down (RFC 1034 §4.3.2).
    Referral {
        /// The zone that those servers serve.
        zone: String,
        /// The servers' names.
        servers: Vec<String>,
        /// The servers' addresses, where the referral gave them (glue records).
        glue: Vec<IpAddr>,
    },
    /// The name does not exist.
    NxDomain {
        /// How long caches may keep the answer, in seconds: the smaller of the SOA's minimum and
        /// its TTL (RFC 2308 §5).
        ttl: Option<u32>,
        /// The zone whose SOA record came with the answer.
        soa: Option<String>,
    },
    /// The name exists, but has no record of this type.
    NoData {
        /// How long caches may keep the answer, in seconds, as with `NxDomain`.
        ttl: Option<u32>,
        /// The zone whose SOA record came with the answer.
        soa: Option<String>,
    },
    /// The server answered with an error: `SERVFAIL`, `REFUSED`, `FORMERR`, `NOTIMP`.
    Refused {
        /// The response code's name.
        code: String,
    },
    /// No answer came in time.
    TimedOut {
        /// How many times the source was asked.
        tries: u32,
    },
    /// The source could not be asked, or its answer could not be used.
    Failed {
        /// Why no answer could be used.
        why: String,
    },
}

/// A DNS resource record as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Owner name.
    pub name: String,
    /// Time to live, in seconds.
    pub ttl: u32,
    /// The record type: `A`, `NS`, `CNAME` …
    pub record_type: String,
    /// The data in a zone file's form.
    pub data: String,
}

/// A DNS message was sent or received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsMessage {
    /// The lookup the message belongs to; `None` at a server.
    pub lookup: Option<LookupId>,
    /// Whether this host sent or received the message.
    pub direction: Direction,
    /// The address of the other end.
    pub peer: SocketAddr,
    /// The transport: `udp` or `tcp`.
    pub transport: String,
    /// The message's id (RFC 1035 §4.1.1).
    pub id: u16,
    /// The question, as `example.com. A`.
    pub question: String,
    /// The name of the response code; `None` in a query.
    pub code: Option<String>,
    /// The flags that are set, of `AA`, `TC`, `RD`, `RA`, `AD`, `CD`.
    pub flags: Vec<String>,
    /// The numbers of records in the answer, authority and additional sections.
    pub counts: [u16; 3],
    /// Length of the message in bytes.
    pub length: u32,
    /// Why the message was dropped: wrong id, wrong source, wrong question, not a message. `None`
    /// where it was taken.
    pub dropped: Option<String>,
    /// When a received message arrived at this host, where the wire tells. The event's own time is
    /// when it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
}

/// A lookup has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameEnded {
    /// The lookup.
    pub lookup: LookupId,
    /// The addresses to connect to, in the order in which to try them; empty when the lookup
    /// failed.
    pub addresses: Vec<IpAddr>,
    /// The aliases followed, the first one first.
    pub aliases: Vec<String>,
    /// How long the addresses may be kept, in seconds.
    pub ttl: Option<u32>,
}
