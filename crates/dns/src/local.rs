//! The sources that need no name server: our own cache, literals, the hosts file, and services of
//! the operating system.

use core::ops::Range;
use std::net::IpAddr;

use hickory_proto::rr::Name;
use roundtrip_record::{EventId, FaultKind, Outcome, ResourceRecord, Source};
use roundtrip_wire::{OsAnswer, Wire};

use crate::cache::{CacheHit, CacheResult, CachedAnswer};
use crate::cache_scope::CacheScope;
use crate::family::Family;
use crate::host::Hostname;
use crate::hosts::Hosts;
use crate::ladder::{Found, Ladder};
use crate::lookup::{CacheUse, LookupProgress};
use crate::nsswitch::Status;
use crate::rung::{OpenQuery, Rung};

/// What our own cache had for a lookup.
pub(crate) struct OwnCache {
    /// The part of the search list whose names name servers are still to be asked for.
    pub(crate) ask: Range<usize>,
    /// The families still to ask for.
    pub(crate) left: Vec<Family>,
    /// Whether the cache had addresses.
    pub(crate) found: bool,
}

impl<W: Wire> Ladder<W> {
    /// Takes an address that is part of the question, or that a standard defines for the name.
    pub(crate) fn known(&self, source: Source, name: &str, addresses: Vec<IpAddr>) {
        let rung = self.rung(name, "");
        let open = rung.asked(source.clone(), self.cause());
        let wanted: Vec<IpAddr> =
            addresses.into_iter().filter(|a| self.options.families.has(Family::of(*a))).collect();
        if wanted.is_empty() {
            let (outcome, fault) = match source {
                Source::Literal => (
                    Outcome::NoData { ttl: None, soa: None },
                    FaultKind::NoAddress { name: name.to_owned() },
                ),
                _ => (
                    Outcome::NxDomain { ttl: None, soa: None },
                    FaultKind::NxDomain { name: name.to_owned(), soa: None, ttl: None },
                ),
            };
            self.caused(rung.answered(open, outcome, Vec::new, None));
            return self.fault(fault);
        }
        let outcome = Outcome::Found { addresses: wanted.clone(), ttl: None, origin: None };
        let event = self.caused(rung.answered(open, outcome, Vec::new, None));
        self.take(Found {
            name: name.to_owned(),
            addresses: wanted,
            aliases: Vec::new(),
            ttl: None,
            source,
            event,
        });
    }

    /// Takes what our own cache knows from this realm, and says what is left to ask.
    pub(crate) fn own_cache(
        &self,
        candidates: &[Name],
        wanted: &[Family],
        cache_scope: &CacheScope,
    ) -> OwnCache {
        let names: Vec<String> = candidates.iter().map(Name::to_ascii).collect();
        let (cache, wall) = (self.shared.cache().borrow(), self.shared.wire.wall());
        let place = |name: &String| names.iter().position(|known| known == name).unwrap_or(0);
        match cache.consult(cache_scope, &names, wanted, self.options.cache, wall) {
            CacheResult::Miss { name } => {
                if self.options.cache == CacheUse::Use {
                    self.own_cache_said(&name, Outcome::Miss, Vec::new());
                }
                // The names before it in the search list are known to have no addresses.
                let ask = place(&name)..names.len();
                OwnCache { ask, left: wanted.to_vec(), found: false }
            }
            CacheResult::Negative { name, hit } => {
                let ttl = Some(hit.ttl);
                let (exists, soa) = match hit.known {
                    CachedAnswer::NxDomain { soa, .. } => (false, soa.clone()),
                    CachedAnswer::NoData { soa, .. } => (true, soa.clone()),
                    // Not for a negative entry.
                    CachedAnswer::Addresses { .. } => (true, None),
                };
                let outcome = if exists {
                    Outcome::NoData { ttl, soa: soa.clone() }
                } else {
                    Outcome::NxDomain { ttl, soa: soa.clone() }
                };
                let records = wanted.first().map(|f| hit.known.records(&name, *f, hit.ttl));
                self.own_cache_said(&name, outcome, records.unwrap_or_default());
                self.fault(negative_fault(&name, hit.known.aliases(), exists, soa, ttl));
                OwnCache { ask: 0..0, left: Vec::new(), found: false }
            }
            CacheResult::Found { name, hits } => {
                let at = place(&name);
                let known = |family: &Family| hits.iter().any(|(of, _)| of == family);
                let left = wanted.iter().copied().filter(|family| !known(family)).collect();
                self.own_cache_found(&name, &hits);
                OwnCache { ask: at..at + 1, left, found: true }
            }
        }
    }

    fn own_cache_found(&self, name: &str, hits: &[(Family, CacheHit<'_>)]) {
        let mut all = Found {
            name: name.to_owned(),
            addresses: Vec::new(),
            aliases: Vec::new(),
            ttl: None,
            source: Source::OwnCache,
            event: None,
        };
        let mut records = Vec::new();
        for (family, hit) in hits {
            if let CachedAnswer::Addresses { addresses, aliases } = hit.known {
                all.addresses.extend(addresses);
                all.aliases.clone_from(aliases);
                all.ttl = Some(all.ttl.map_or(hit.ttl, |ttl| ttl.min(hit.ttl)));
                records.extend(hit.known.records(name, *family, hit.ttl));
            } else {
                self.tell_of(LookupProgress::Nothing(*family));
            }
        }
        let (addresses, ttl) = (all.addresses.clone(), all.ttl);
        let outcome = Outcome::Found { addresses, ttl, origin: None };
        all.event = self.own_cache_said(name, outcome, records);
        self.take(all);
    }

    fn own_cache_said(
        &self,
        name: &str,
        outcome: Outcome,
        records: Vec<ResourceRecord>,
    ) -> Option<EventId> {
        let rung = self.rung(name, "");
        let open = rung.asked(Source::OwnCache, self.cause());
        self.caused(rung.answered(open, outcome, || records, None))
    }

    /// The names that the hosts file gives for an address: the canonical one and its aliases.
    pub(crate) fn hosts_of_address(&self, address: IpAddr, reverse: &str) -> Status {
        let (source, file) = self.hosts_file();
        let rung = self.rung(reverse, "PTR");
        let open = rung.asked(source, self.cause());
        let names = match file {
            Ok(hosts) => hosts.names_of(address),
            Err(why) => {
                self.caused(rung.answered(open, Outcome::Failed { why }, Vec::new, None));
                return Status::Unavailable;
            }
        };
        if names.is_empty() {
            self.caused(rung.answered(open, Outcome::Miss, Vec::new, None));
            return Status::NotFound;
        }
        let record = |name: &String| ResourceRecord {
            name: reverse.to_owned(),
            ttl: 0,
            record_type: "PTR".into(),
            data: name.clone(),
        };
        let records: Vec<ResourceRecord> = names.iter().map(record).collect();
        let outcome = Outcome::Found { addresses: Vec::new(), ttl: None, origin: None };
        let copy = records.clone();
        self.caused(rung.answered(open, outcome, || copy, None));
        self.take_records(reverse.to_owned(), Vec::new(), records);
        Status::Success
    }

    /// Asks the cache of the operating system, where there is one, and returns whether its answer
    /// is final. As in libc, no other source is asked about a name that nscd knows.
    pub(crate) async fn os_cache(&self, hostname: &Hostname) -> bool {
        let environment = self.shared.wire.environment();
        let Some(cache) = environment.os_cache() else { return false };
        // A path is a socket, with its service's name as content; otherwise the entry is named
        // after the cache itself.
        let service = if cache.path.contains('/') { cache.content } else { cache.path };
        let (rung, source) = (self.rung(&hostname.to_ascii(), ""), Source::OsCache { service });
        let open = rung.asked(source.clone(), self.cause());
        let answer = environment.ask_os_cache(&hostname.bare()).await;
        let status = self.service_said(&rung, open, source, &self.wanted(), answer);
        matches!(status, Status::Success | Status::NotFound)
    }

    pub(crate) async fn resolved(&self, hostname: &Hostname, wanted: &[Family]) -> Status {
        let environment = self.shared.wire.environment();
        let path = environment.resolved();
        let there = path.is_some();
        let source = Source::Resolved { path: path.unwrap_or_default() };
        let rung = self.rung(&hostname.to_ascii(), "");
        let open = rung.asked(source.clone(), self.cause());
        let answer =
            if there { environment.ask_resolved(&hostname.bare()).await } else { OsAnswer::Absent };
        self.service_said(&rung, open, source, wanted, answer)
    }

    /// Takes the answer of a service of the operating system.
    fn service_said(
        &self,
        rung: &Rung<'_, W>,
        open: OpenQuery,
        source: Source,
        wanted: &[Family],
        answer: OsAnswer,
    ) -> Status {
        let name = rung.name.clone();
        let (outcome, status, fault) = match answer {
            OsAnswer::Absent => {
                (Outcome::Failed { why: "not there".into() }, Status::Unavailable, None)
            }
            OsAnswer::Miss => (Outcome::Miss, Status::Unavailable, None),
            OsAnswer::Failed(why) => {
                let fault = FaultKind::NameFailed { name, why: why.clone() };
                (Outcome::Failed { why }, Status::TryAgain, Some(fault))
            }
            OsAnswer::NotFound => {
                let fault = FaultKind::NxDomain { name, soa: None, ttl: None };
                (Outcome::NxDomain { ttl: None, soa: None }, Status::NotFound, Some(fault))
            }
            OsAnswer::NoData => no_address(name),
            OsAnswer::Found { addresses, canonical, ttl, origin } => {
                let addresses: Vec<IpAddr> = addresses
                    .into_iter()
                    .filter(|address| wanted.contains(&Family::of(*address)))
                    .collect();
                if addresses.is_empty() {
                    no_address(name)
                } else {
                    let outcome = Outcome::Found { addresses: addresses.clone(), ttl, origin };
                    let event = self.caused(rung.answered(open, outcome, Vec::new, None));
                    let aliases = canonical.into_iter().collect();
                    self.take(Found { name, addresses, aliases, ttl, source, event });
                    return Status::Success;
                }
            }
        };
        self.caused(rung.answered(open, outcome, Vec::new, None));
        if let Some(fault) = fault {
            self.fault(fault);
        }
        status
    }

    /// Looks the name up in the hosts file.
    pub(crate) fn hosts(&self, hostname: &Hostname, wanted: &[Family]) -> Status {
        let (source, file) = self.hosts_file();
        let rung = self.rung(&hostname.to_ascii(), "");
        let open = rung.asked(source.clone(), self.cause());
        let hosts = match file {
            Ok(hosts) => hosts,
            Err(why) => {
                self.caused(rung.answered(open, Outcome::Failed { why }, Vec::new, None));
                return Status::Unavailable;
            }
        };
        let mut addresses: Vec<IpAddr> = Vec::new();
        for line in hosts.find(&hostname.as_given()) {
            if wanted.contains(&Family::of(line.address)) && !addresses.contains(&line.address) {
                addresses.push(line.address);
            }
        }
        if addresses.is_empty() {
            self.caused(rung.answered(open, Outcome::Miss, Vec::new, None));
            return Status::NotFound;
        }
        let outcome = Outcome::Found { addresses: addresses.clone(), ttl: None, origin: None };
        let event = self.caused(rung.answered(open, outcome, Vec::new, None));
        let (name, aliases) = (hostname.to_ascii(), Vec::new());
        self.take(Found { name, addresses, aliases, ttl: None, source, event });
        Status::Success
    }

    /// The hosts file as a source, and its contents or why it cannot be read.
    fn hosts_file(&self) -> (Source, Result<&Hosts, String>) {
        let (path, file) = match &self.config().hosts {
            Ok(Some((path, hosts))) => (path.clone(), Ok(hosts)),
            Ok(None) => (String::new(), Err("there is none".to_owned())),
            Err(why) => (String::new(), Err(why.clone())),
        };
        (Source::HostsFile { path }, file)
    }

    /// Reports a source that we do not implement as skipped.
    pub(crate) fn skip(&self, service: &str, name: &str, why: String) {
        let rung = self.rung(name, "");
        let open = rung.asked(Source::Skipped { service: service.to_owned() }, self.cause());
        self.caused(rung.answered(open, Outcome::Failed { why }, Vec::new, None));
    }
}

/// The fault of a name without an address: it does not exist, or has none, or its alias leads to
/// such a name.
pub(crate) fn negative_fault(
    name: &str,
    aliases: &[String],
    exists: bool,
    soa: Option<String>,
    ttl: Option<u32>,
) -> FaultKind {
    let name = name.to_owned();
    match (aliases.last(), exists) {
        (Some(target), exists) => {
            FaultKind::DanglingAlias { name, target: target.clone(), exists, soa, ttl }
        }
        (None, true) => FaultKind::NoAddress { name },
        (None, false) => FaultKind::NxDomain { name, soa, ttl },
    }
}

fn no_address(name: String) -> (Outcome, Status, Option<FaultKind>) {
    let outcome = Outcome::NoData { ttl: None, soa: None };
    (outcome, Status::NotFound, Some(FaultKind::NoAddress { name }))
}
