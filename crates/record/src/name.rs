//! Step 1: the name.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{Direction, LookupId, Time};

/// A lookup begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameStarted {
    /// The lookup.
    pub lookup: LookupId,
    /// The name, fully qualified, in ASCII form.
    pub name: String,
    /// The types wanted: `A`, `AAAA`.
    pub types: Vec<String>,
}

/// A rung of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Source {
    /// The name is an address already.
    Literal,
    /// `localhost` and names below it (RFC 6761 §6.3).
    SpecialUse,
    /// Our own cache, kept between runs.
    OwnCache,
    /// A cache of the operating system: `nscd`, or the lab host's own.
    OsCache {
        /// Which: `nscd`, `lab`.
        service: String,
    },
    /// The hosts file.
    HostsFile {
        /// Its path.
        path: String,
    },
    /// systemd-resolved, asked over its varlink socket.
    Resolved {
        /// The socket's path.
        path: String,
    },
    /// A recursive name server.
    NameServer {
        /// Its address.
        server: SocketAddr,
    },
    /// A name server of the delegation tree, asked by our own walk from the root.
    Zone {
        /// The zone it was asked for: `.`, `com.`, `example.com.`
        zone: String,
        /// Its name, where known.
        #[serde(rename = "server_name")]
        name: Option<String>,
        /// Its address.
        server: SocketAddr,
    },
    /// A source of nsswitch.conf that we do not carry out (`mdns4`, `wins`, `db` …): skipped, and said.
    Skipped {
        /// Its name in nsswitch.conf.
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
    /// The name asked for: differs from the lookup's along a chain of aliases or when minimised.
    pub name: String,
    /// The type asked for, empty when the source answers for all.
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
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    pub record_type: String,
    /// What it said.
    pub outcome: Outcome,
    /// The records it gave, of all sections, as a zone file writes them.
    pub records: Vec<ResourceRecord>,
    /// From asked to answered.
    pub took: Duration,
}

/// What a source said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It does not know; the next source is asked.
    Miss,
    /// Addresses.
    Found {
        /// They, in the order given.
        addresses: Vec<IpAddr>,
        /// How long the answer may be kept, seconds; `None` where the source gives none.
        ttl: Option<u32>,
        /// Where the answerer had it from, where it says so: `cache`, `zone`, `network`.
        origin: Option<String>,
    },
    /// An alias.
    Alias {
        /// The name it stands for.
        target: String,
    },
    /// Ask those servers.
    Referral {
        /// The zone they serve.
        zone: String,
        /// Their names.
        servers: Vec<String>,
        /// Their addresses, where the referral gave them (glue).
        glue: Vec<IpAddr>,
    },
    /// The name does not exist.
    NxDomain {
        /// How long that may be kept, seconds: the SOA's minimum or its TTL, the smaller (RFC 2308 §5).
        ttl: Option<u32>,
        /// The zone whose SOA said so.
        soa: Option<String>,
    },
    /// The name exists, but not with this type.
    NoData {
        /// As with `NxDomain`.
        ttl: Option<u32>,
        /// As with `NxDomain`.
        soa: Option<String>,
    },
    /// The server answered that it will not or cannot: `SERVFAIL`, `REFUSED`, `FORMERR`, `NOTIMP`.
    Refused {
        /// The response code's name.
        code: String,
    },
    /// Nobody answered.
    TimedOut {
        /// How often it was asked.
        tries: u32,
    },
    /// It could not be asked, or what it said could not be used.
    Failed {
        /// Why.
        why: String,
    },
}

/// A DNS record as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Owner name.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// `A`, `NS`, `CNAME`, …
    pub record_type: String,
    /// The data in a zone file's form.
    pub data: String,
}

/// A DNS message that was sent or came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsMessage {
    /// The lookup it belongs to; `None` at a server.
    pub lookup: Option<LookupId>,
    /// Which way.
    pub direction: Direction,
    /// The other end.
    pub peer: SocketAddr,
    /// `udp` or `tcp`.
    pub transport: String,
    /// Message id.
    pub id: u16,
    /// The question, as `example.com. A`.
    pub question: String,
    /// Response code; `None` in a query.
    pub code: Option<String>,
    /// Flags that are set, of `AA`, `TC`, `RD`, `RA`, `AD`, `CD`.
    pub flags: Vec<String>,
    /// Records in the answer, authority and additional sections.
    pub counts: [u16; 3],
    /// Bytes of the message.
    pub length: u32,
    /// Why it was dropped, where it was: wrong id, wrong source, wrong question, not a message.
    pub dropped: Option<String>,
    /// When a received message had arrived at this host, where the wire tells; the event's own time
    /// is when we read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Time>,
}

/// A lookup is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameEnded {
    /// The lookup.
    pub lookup: LookupId,
    /// What will be connected to, in the order to be tried; empty when the lookup failed.
    pub addresses: Vec<IpAddr>,
    /// The aliases followed, the first one first.
    pub aliases: Vec<String>,
    /// Seconds the addresses may be kept.
    pub ttl: Option<u32>,
}
