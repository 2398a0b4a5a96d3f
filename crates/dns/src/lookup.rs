//! `Options` of a lookup, and its result: `Lookup` or `LookupFault`.

use std::net::{IpAddr, SocketAddr};

use roundtrip_record::{EventId, FaultKind, LookupId, ResourceRecord, Source, Time};

use crate::family::{Families, Family};
use crate::resolv::Policy;
use crate::service::ServiceRecord;

/// How a name is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which sources are asked.
    pub mode: LookupMode,
    /// The address families wanted.
    pub families: Families,
    /// How our own cache is used.
    pub cache: CacheUse,
    /// How name servers are asked; `None` for what resolv.conf says.
    pub policy: Option<Policy>,
    /// The port of the service whose HTTPS records are asked for beside the addresses (RFC 9460),
    /// as Chromium does; `None` to ask for none. The result is [`Lookup::services`].
    pub https: Option<u16>,
}

/// Which sources a lookup asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LookupMode {
    /// The ladder: a cache of the operating system, then the sources of nsswitch.conf. Our own
    /// cache is asked just before the name servers that filled it.
    #[default]
    Ladder,
    /// Our own walk from the root instead of recursive servers, after hosts file and own cache.
    Walk,
    /// This server alone (`--dns`). Its answers are reused for the rest of the run, and not kept
    /// for later runs.
    Server(SocketAddr),
}

/// How our own cache is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// The cache is asked first, and keeps what is found.
    #[default]
    Use,
    /// What earlier runs kept is ignored, and what is found is kept: each name goes down the whole
    /// ladder once.
    Refresh,
}

impl Options {
    /// Options for a walk from the root, ignoring what earlier runs kept.
    pub fn walk() -> Self {
        Self { mode: LookupMode::Walk, cache: CacheUse::Refresh, ..Self::default() }
    }

    /// The same options, ignoring what earlier runs kept (`--fresh`).
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.cache = CacheUse::Refresh;
        self
    }

    /// Options to ask one server directly, ignoring what earlier runs kept.
    pub fn server(server: SocketAddr) -> Self {
        Self { mode: LookupMode::Server(server), cache: CacheUse::Refresh, ..Self::default() }
    }

    /// The same options for these families.
    #[must_use]
    pub fn of(mut self, families: Families) -> Self {
        self.families = families;
        self
    }
}

/// A message from a running lookup to whoever listens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LookupProgress {
    /// Addresses have arrived.
    Addresses(Arrival),
    /// The source that is being asked has no addresses of this family.
    Nothing(Family),
    /// The HTTPS records have arrived, or there are none.
    Services,
}

/// Addresses of one family that arrived together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The family of the addresses.
    pub family: Family,
    /// The addresses, in the order the source gave them.
    pub addresses: Vec<IpAddr>,
    /// When they arrived.
    pub at: Time,
    /// The source that gave them.
    pub source: Source,
    /// The event of the source's answer.
    pub event: Option<EventId>,
}

/// The result of a lookup that found something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The lookup's id in the record.
    pub id: LookupId,
    /// The name that was found, in ASCII form and fully qualified: the search list may have
    /// completed it.
    pub name: String,
    /// The addresses found, in the order of their arrival.
    pub arrivals: Vec<Arrival>,
    /// The aliases followed, the first one first.
    pub aliases: Vec<String>,
    /// How long the addresses may be kept, in seconds, where the source says.
    pub ttl: Option<u32>,
    /// The records found, where the type asked for was not an address.
    pub records: Vec<ResourceRecord>,
    /// The HTTPS records of the service, best first; empty where there are none, or they were not
    /// asked for, or did not come soon enough.
    pub services: Vec<ServiceRecord>,
    /// The index of the interface that leads to the addresses (RFC 4007 §11); 0 where none is
    /// needed.
    pub scope: u32,
    /// When the lookup began.
    pub since: Time,
    /// When the lookup ended.
    pub until: Time,
    /// The event that ended the lookup.
    pub event: Option<EventId>,
    /// All addresses, in the order in which to try them.
    pub(crate) ordered: Vec<IpAddr>,
}

impl Lookup {
    /// The addresses of one family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        self.arrivals
            .iter()
            .filter(move |arrival| arrival.family == family)
            .flat_map(|arrival| arrival.addresses.iter().copied())
    }

    /// All addresses, in the order in which to try them (RFC 6724 §6), best first. A client that
    /// tries several at once alternates between the families (RFC 8305 §4).
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.ordered.clone()
    }
}

/// The failure of a lookup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", words(.kind))]
pub struct LookupFault {
    /// The lookup's id in the record.
    pub id: LookupId,
    /// The finding for the record.
    pub kind: Box<FaultKind>,
    /// When the lookup began.
    pub since: Time,
    /// The event that ended the lookup.
    pub event: Option<EventId>,
}

fn words(kind: &FaultKind) -> String {
    match kind {
        FaultKind::NxDomain { name, .. } => format!("{name} does not exist"),
        FaultKind::NoAddress { name } => format!("{name} has no address"),
        FaultKind::NoRecord { name, record_type } => format!("{name} has no {record_type} record"),
        FaultKind::DanglingAlias { name, target, .. } => {
            format!("{name} is an alias of {target}, which is not there")
        }
        FaultKind::AliasLoop { name, .. } => format!("the aliases of {name} never end"),
        FaultKind::NameTruncated { name, why, .. } => {
            format!("{name}: the answer was cut, and over TCP: {why}")
        }
        FaultKind::BadDelegation { name, zone, .. } => {
            format!("{name}: the servers of {zone} could not be made to answer")
        }
        FaultKind::NameServerFailed { name, code } => format!("{name}: name server said {code}"),
        FaultKind::NameTimedOut { name, .. } => format!("{name}: no name server answered"),
        FaultKind::NameFailed { name, why } => format!("{name}: {why}"),
        _ => "the name could not be looked up".into(),
    }
}
