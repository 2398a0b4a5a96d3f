//! The ladder: source after source until one answers.

use core::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use hickory_proto::rr::Name;
use roundtrip_record::{
    EventId, FaultKind, LookupId, NameEnded, NameStarted, Outcome, ResourceRecord, Source, Time,
    Trace as _, What,
};
use roundtrip_wire::{OsAnswer, Wire};
use tokio::sync::mpsc;

use crate::cache::{Consulted, Known};
use crate::family::Family;
use crate::host::{Host, Hostname};
use crate::lookup::{Arrival, CacheUse, Lookup, LookupFault, Options, Way};
use crate::nsswitch::{Action, Status};
use crate::resolver::Shared;
use crate::rung::Rung;

/// One walk down the ladder.
pub(crate) struct Ladder<W> {
    pub(crate) shared: Rc<Shared<W>>,
    pub(crate) options: Options,
    pub(crate) id: LookupId,
    since: Time,
    /// Who wants the addresses as they arrive.
    listener: Option<mpsc::UnboundedSender<Arrival>>,
    /// The event that causes what follows.
    cause: Cell<Option<EventId>>,
    /// Whether the listener waits until all is said.
    hold: Cell<bool>,
    gathered: RefCell<Gathered>,
}

/// What has come together so far.
#[derive(Default)]
struct Gathered {
    /// The name that was found: the search list may have made it another one.
    name: Option<String>,
    arrivals: Vec<Arrival>,
    /// How many of them the listener has been told of.
    told: usize,
    aliases: Vec<String>,
    ttl: Option<u32>,
    fault: Option<FaultKind>,
}

/// Addresses that a source gave for a name.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) aliases: Vec<String>,
    pub(crate) ttl: Option<u32>,
    pub(crate) source: Source,
    pub(crate) event: Option<EventId>,
}

impl<W: Wire> Ladder<W> {
    pub(crate) fn new(
        shared: Rc<Shared<W>>,
        options: Options,
        listener: Option<mpsc::UnboundedSender<Arrival>>,
    ) -> Self {
        let (id, since) = (shared.wire.log().lookup_id(), shared.wire.now());
        let (cause, hold) = (Cell::new(None), Cell::new(false));
        Self { shared, options, id, since, listener, cause, hold, gathered: RefCell::default() }
    }

    /// Looks the name up.
    pub(crate) async fn climb(
        self,
        text: &str,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        let host = Host::parse(text);
        let name = match &host {
            Ok(Host::Name(name)) => name.to_ascii(),
            Ok(Host::Address(address)) => address.to_string(),
            Err(_) => text.to_owned(),
        };
        self.started(&name, cause);
        match host {
            Ok(Host::Name(hostname)) => self.search(&hostname).await,
            Ok(Host::Address(address)) => {
                self.known(Source::Literal, &name, vec![address]);
            }
            Err(why) => {
                self.fault(FaultKind::NameFailed { name: name.clone(), why: why.to_string() });
            }
        }
        self.ended(name)
    }

    async fn search(&self, hostname: &Hostname) {
        if let Some(special) = hostname.special_use() {
            self.known(Source::SpecialUse, &hostname.to_ascii(), special.addresses());
            return;
        }
        let itself = [hostname.name().clone()];
        match self.options.way {
            Way::Server(server) => {
                let resolv = self.shared.config().resolv.clone().of_server(server);
                self.name_servers(&itself, &self.wanted(), &resolv).await;
            }
            Way::Walk => {
                if !self.own_cache(&itself) && !self.hosts(hostname, &self.wanted()).is_success() {
                    self.walk(hostname.name(), &self.wanted()).await;
                }
            }
            Way::Ladder => {
                let resolv = &self.shared.config().resolv;
                let candidates = hostname.candidates(&resolv.search, resolv.ndots);
                if !self.own_cache(&candidates) && !self.os_cache(hostname).await {
                    self.switch(hostname, &candidates).await;
                }
            }
        }
    }

    /// The sources of nsswitch.conf in their order, each followed by what its actions say.
    async fn switch(&self, hostname: &Hostname, candidates: &[Name]) {
        let config = self.shared.config();
        if let Some(why) = &config.bad_nsswitch {
            self.skip("nsswitch.conf", hostname, why.clone());
        }
        let services = config.nsswitch.services();
        // Where success is not the end, what was found may yet be forgotten.
        self.hold.set(services.iter().any(|s| s.action(Status::Success) != Action::Return));
        let wanted = self.wanted();
        let before = self.gathered.borrow().arrivals.len();
        for service in services {
            let status = match service.name.as_str() {
                "files" => self.hosts(hostname, &wanted),
                "resolve" => self.resolved(hostname, &wanted).await,
                "dns" => self.name_servers(candidates, &wanted, &config.resolv).await,
                other => {
                    self.skip(other, hostname, "not carried out".into());
                    Status::Unavailable
                }
            };
            match service.action(status) {
                Action::Return => break,
                Action::Continue if status.is_success() => {
                    self.gathered.borrow_mut().arrivals.truncate(before);
                }
                Action::Continue | Action::Merge => {}
            }
        }
    }

    /// An address that stands in the question itself, or in a standard.
    fn known(&self, source: Source, name: &str, addresses: Vec<IpAddr>) {
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
    fn own_cache(&self, candidates: &[Name]) -> bool {
        if self.options.cache == CacheUse::Refresh {
            return false;
        }
        let candidates: Vec<String> = candidates.iter().map(Name::to_ascii).collect();
        let (cache, wall) = (self.shared.cache.borrow(), self.shared.wire.wall());
        match cache.consult(&candidates, &self.wanted(), wall) {
            Consulted::Miss { name } => {
                self.own_cache_said(&name, Outcome::Miss, Vec::new());
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
    async fn os_cache(&self, hostname: &Hostname) -> bool {
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

    async fn resolved(&self, hostname: &Hostname, wanted: &[Family]) -> Status {
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
        open: crate::rung::Open,
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
            OsAnswer::NoData => Self::no_address(name),
            OsAnswer::Found { addresses, canonical, ttl, origin } => {
                let addresses: Vec<IpAddr> = addresses
                    .into_iter()
                    .filter(|address| wanted.contains(&Family::of(*address)))
                    .collect();
                if addresses.is_empty() {
                    Self::no_address(name)
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

    fn no_address(name: String) -> (Outcome, Status, Option<FaultKind>) {
        let outcome = Outcome::NoData { ttl: None, soa: None };
        (outcome, Status::NotFound, Some(FaultKind::NoAddress { name }))
    }

    /// The hosts file.
    fn hosts(&self, hostname: &Hostname, wanted: &[Family]) -> Status {
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
        for line in hosts.find(&hostname.bare()) {
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
    fn skip(&self, service: &str, hostname: &Hostname, why: String) {
        let rung = self.rung(&hostname.to_ascii(), "");
        let open = rung.asked(Source::Skipped { service: service.to_owned() }, self.cause());
        self.caused(rung.answered(open, Outcome::Failed { why }, Vec::new, None));
    }
}

/// What the rungs have in common.
impl<W: Wire> Ladder<W> {
    pub(crate) fn rung(&self, name: &str, record_type: &str) -> Rung<'_, W> {
        Rung {
            wire: &self.shared.wire,
            lookup: self.id,
            name: name.to_owned(),
            record_type: record_type.to_owned(),
        }
    }

    pub(crate) fn cause(&self) -> Option<EventId> {
        self.cause.get()
    }

    /// What follows is caused by this event.
    pub(crate) fn caused(&self, event: Option<EventId>) -> Option<EventId> {
        self.cause.set(event.or(self.cause.get()));
        event
    }

    /// The families of which nothing has been found.
    fn wanted(&self) -> Vec<Family> {
        let gathered = self.gathered.borrow();
        let found = |family| gathered.arrivals.iter().any(|arrival| arrival.family == family);
        self.options.families.list().iter().copied().filter(|family| !found(*family)).collect()
    }

    /// Takes addresses that a source gave.
    pub(crate) fn take(&self, found: Found) {
        let mut gathered = self.gathered.borrow_mut();
        for family in self.options.families.list() {
            let of_family = |address: &&IpAddr| Family::of(**address) == *family;
            let addresses: Vec<IpAddr> =
                found.addresses.iter().filter(of_family).copied().collect();
            if !addresses.is_empty() {
                gathered.arrivals.push(Arrival {
                    family: *family,
                    addresses,
                    at: self.shared.wire.now(),
                    source: found.source.clone(),
                    event: found.event,
                });
            }
        }
        gathered.name = Some(found.name);
        if !found.aliases.is_empty() {
            gathered.aliases = found.aliases;
        }
        gathered.ttl = match (gathered.ttl, found.ttl) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if !self.hold.get() {
            self.tell(&mut gathered);
        }
    }

    fn tell(&self, gathered: &mut Gathered) {
        if let Some(listener) = &self.listener {
            for arrival in &gathered.arrivals[gathered.told.min(gathered.arrivals.len())..] {
                // Who has stopped listening does not want to know.
                let _ = listener.send(arrival.clone());
            }
            gathered.told = gathered.arrivals.len();
        }
    }

    /// Keeps the fault that says most.
    pub(crate) fn fault(&self, fault: FaultKind) {
        let weight = |fault: &FaultKind| match fault {
            FaultKind::NoAddress { .. } => 4,
            FaultKind::NameServerFailed { .. } => 3,
            FaultKind::NameTimedOut { .. } => 2,
            FaultKind::NxDomain { .. } => 1,
            _ => 0,
        };
        let mut gathered = self.gathered.borrow_mut();
        if gathered.fault.as_ref().is_none_or(|kept| weight(&fault) > weight(kept)) {
            gathered.fault = Some(fault);
        }
    }

    fn started(&self, name: &str, cause: Option<EventId>) {
        let event = self.shared.wire.log().emit(self.since, cause, || {
            let types = self.options.families.list().iter();
            What::NameStarted(NameStarted {
                lookup: self.id,
                name: name.to_owned(),
                types: types.map(|family| family.record_type().to_string()).collect(),
            })
        });
        self.cause.set(event.or(cause));
    }

    fn ended(&self, name: String) -> Result<Lookup, LookupFault> {
        let mut gathered = self.gathered.take();
        self.tell(&mut gathered);
        let until = self.shared.wire.now();
        let mut lookup = Lookup {
            id: self.id,
            name: gathered.name.unwrap_or_else(|| name.clone()),
            arrivals: gathered.arrivals,
            aliases: gathered.aliases,
            ttl: gathered.ttl,
            since: self.since,
            until,
            event: None,
        };
        lookup.event = self.shared.wire.log().emit(until, self.cause(), || {
            What::NameEnded(NameEnded {
                lookup: self.id,
                addresses: lookup.addresses(),
                aliases: lookup.aliases.clone(),
                ttl: lookup.ttl,
            })
        });
        if !lookup.arrivals.is_empty() {
            return Ok(lookup);
        }
        let kind = gathered
            .fault
            .unwrap_or_else(|| FaultKind::NameFailed { name, why: "no source knows it".into() });
        Err(LookupFault {
            id: self.id,
            kind: Box::new(kind),
            since: self.since,
            event: lookup.event,
        })
    }
}
