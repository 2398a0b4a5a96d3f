//! What a lookup is asked to do and what it comes to.

use std::net::{IpAddr, SocketAddr};

use roundtrip_record::{EventId, FaultKind, LookupId, ResourceRecord, Source, Time};

use crate::family::{Families, Family};
use crate::resolv::Policy;
use crate::service::ServiceRecord;

/// How a name is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The way to the answer.
    pub way: Way,
    /// The families wanted.
    pub families: Families,
    /// What our own cache is used for.
    pub cache: CacheUse,
    /// How name servers are asked; as resolv.conf says if `None`.
    pub policy: Option<Policy>,
    /// The port whose HTTPS records are asked for beside the addresses (RFC 9460), as Chromium does;
    /// `None`: they are not. What comes of it is [`Lookup::services`].
    pub https: Option<u16>,
}

/// The way to the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// The ladder: cache of the operating system, the sources of nsswitch.conf; our own cache stands
    /// before the name servers it was filled by.
    #[default]
    Ladder,
    /// Our own walk from the root instead of a recursive server, after hosts file and own cache.
    Walk,
    /// This server alone (`--dns`). What it has said is known for the rest of the run, and kept for none.
    Server(SocketAddr),
}

/// What our own cache is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// It is asked first, and keeps what is found.
    #[default]
    Use,
    /// What earlier runs have kept is passed over, and what is found is kept: the ladder is shown
    /// anew, once for each name.
    Refresh,
}

impl Options {
    /// A walk from the root that is not cut short by what earlier runs have kept.
    pub fn walk() -> Self {
        Self { way: Way::Walk, cache: CacheUse::Refresh, ..Self::default() }
    }

    /// The same, passing over what earlier runs have kept (`--fresh`).
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.cache = CacheUse::Refresh;
        self
    }

    /// One server, asked directly: what earlier runs have kept is passed over.
    pub fn server(server: SocketAddr) -> Self {
        Self { way: Way::Server(server), cache: CacheUse::Refresh, ..Self::default() }
    }

    /// The same for these families.
    #[must_use]
    pub fn of(mut self, families: Families) -> Self {
        self.families = families;
        self
    }
}

/// What a lookup that goes on tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Addresses.
    Addresses(Arrival),
    /// There will be none of this family from the source that is being asked.
    Nothing(Family),
    /// The HTTPS records are there, or there are none.
    Services,
}

/// Addresses of one family, as they arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The family.
    pub family: Family,
    /// They, in the order the source gave them.
    pub addresses: Vec<IpAddr>,
    /// When.
    pub at: Time,
    /// Which source had them.
    pub source: Source,
    /// The event of its answer.
    pub event: Option<EventId>,
}

/// A lookup that found addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Its id in the record.
    pub id: LookupId,
    /// The name in ASCII form, fully qualified by the search list.
    pub name: String,
    /// The addresses of each family, in the order of their arrival.
    pub arrivals: Vec<Arrival>,
    /// The aliases followed, the first one first.
    pub aliases: Vec<String>,
    /// Seconds the addresses may be kept, where told.
    pub ttl: Option<u32>,
    /// The records of the type that was asked for, where it was not an address.
    pub records: Vec<ResourceRecord>,
    /// The HTTPS records of the service, best first; empty when there are none, when they were not
    /// asked for, or not waited for.
    pub services: Vec<ServiceRecord>,
    /// The index of the interface behind which the addresses lie (RFC 4007 §11); 0 when they say so
    /// themselves.
    pub scope: u32,
    /// When it began.
    pub since: Time,
    /// When it was over.
    pub until: Time,
    /// The event of its end.
    pub event: Option<EventId>,
    /// All addresses, in the order in which they are to be tried.
    pub(crate) ordered: Vec<IpAddr>,
}

impl Lookup {
    /// The addresses of a family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        self.arrivals
            .iter()
            .filter(move |arrival| arrival.family == family)
            .flat_map(|arrival| arrival.addresses.iter().copied())
    }

    /// All addresses in the order in which they are to be tried (RFC 6724 §6), best first. Who tries
    /// several at once takes the families in turns from it (RFC 8305 §4).
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.ordered.clone()
    }
}

/// A lookup that found none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", words(.kind))]
pub struct LookupFault {
    /// Its id in the record.
    pub id: LookupId,
    /// What was seen.
    pub kind: Box<FaultKind>,
    /// When the lookup began.
    pub since: Time,
    /// The event of its end.
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
