//! The rungs that need no network: our own cache, what this host knows, and its services.

use std::net::IpAddr;

use hickory_proto::rr::Name;
use roundtrip_record::{EventId, FaultKind, Outcome, ResourceRecord, Source};
use roundtrip_wire::{OsAnswer, Wire};

use crate::cache::{Consulted, Known};
use crate::family::Family;
use crate::host::Hostname;
use crate::ladder::{Found, Ladder};
use crate::lookup::CacheUse;
use crate::nsswitch::Status;
use crate::rung::{Open, Rung};

impl<W: Wire> Ladder<W> {
    /// An address that stands in the question itself, or in a standard.
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

    /// Our own cache; whether nothing is left to ask.
    pub(crate) fn own_cache(&self, candidates: &[Name]) -> bool {
        let candidates: Vec<String> = candidates.iter().map(Name::to_ascii).collect();
        let (cache, wall) = (self.shared.cache().borrow(), self.shared.wire.wall());
        match cache.consult(&candidates, &self.wanted(), self.options.cache, wall) {
            Consulted::Miss { name } => {
                if self.options.cache == CacheUse::Use {
                    self.own_cache_said(&name, Outcome::Miss, Vec::new());
                }
                false
            }
            Consulted::Negative { name, hit } => {
                let ttl = Some(hit.ttl);
                let (outcome, fault) = match hit.known.clone() {
                    Known::NxDomain { soa } => (
                        Outcome::NxDomain { ttl, soa: soa.clone() },
                        FaultKind::NxDomain { name: name.clone(), soa, ttl },
                    ),
                    Known::NoData { soa } => {
                        (Outcome::NoData { ttl, soa }, FaultKind::NoAddress { name: name.clone() })
                    }
                    // A negative entry has no addresses.
                    Known::Addresses { .. } => return false,
                };
                self.own_cache_said(&name, outcome, Vec::new());
                self.fault(fault);
                true
            }
            Consulted::Found { name, hits } => {
                let mut all = Found {
                    name: name.clone(),
                    addresses: Vec::new(),
                    aliases: Vec::new(),
                    ttl: None,
                    source: Source::OwnCache,
                    event: None,
                };
                let mut records = Vec::new();
                for (family, hit) in &hits {
                    if let Known::Addresses { addresses, aliases } = hit.known {
                        all.addresses.extend(addresses);
                        all.aliases.clone_from(aliases);
                        all.ttl = Some(all.ttl.map_or(hit.ttl, |ttl| ttl.min(hit.ttl)));
                        records.extend(hit.known.records(&name, *family, hit.ttl));
                    }
                }
                let (addresses, ttl) = (all.addresses.clone(), all.ttl);
                let outcome = Outcome::Found { addresses, ttl, origin: None };
                all.event = self.own_cache_said(&name, outcome, records);
                // A family that it does not know may be known to others.
                let complete = hits.len() == self.wanted().len();
                self.take(all);
                complete
            }
        }
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

    /// The cache of the operating system, where there is one; whether its word stands. As libc does:
    /// what nscd knows of a name, nobody else is asked for.
    pub(crate) async fn os_cache(&self, hostname: &Hostname) -> bool {
        let environment = self.shared.wire.environment();
        let Some(cache) = environment.os_cache() else { return false };
        // A socket has its service's name beside it; a cache without one is its own name.
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

    /// What a service of the operating system said.
    fn service_said(
        &self,
        rung: &Rung<'_, W>,
        open: Open,
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

    /// The hosts file.
    pub(crate) fn hosts(&self, hostname: &Hostname, wanted: &[Family]) -> Status {
        let (path, file) = match &self.shared.config().hosts {
            Ok(Some((path, hosts))) => (path.clone(), Ok(hosts)),
            Ok(None) => (String::new(), Err("there is none".to_owned())),
            Err(why) => (String::new(), Err(why.clone())),
        };
        let (rung, source) = (self.rung(&hostname.to_ascii(), ""), Source::HostsFile { path });
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

    /// A source that we do not carry out is named.
    pub(crate) fn skip(&self, service: &str, hostname: &Hostname, why: String) {
        let rung = self.rung(&hostname.to_ascii(), "");
        let open = rung.asked(Source::Skipped { service: service.to_owned() }, self.cause());
        self.caused(rung.answered(open, Outcome::Failed { why }, Vec::new, None));
    }
}

fn no_address(name: String) -> (Outcome, Status, Option<FaultKind>) {
    let outcome = Outcome::NoData { ttl: None, soa: None };
    (outcome, Status::NotFound, Some(FaultKind::NoAddress { name }))
}
