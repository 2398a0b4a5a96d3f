//! `Ladder`: one lookup, which asks source after source until one answers.

use core::cell::{Cell, OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use roundtrip_record::{
    EventId, FaultKind, LookupId, NameEnded, NameStarted, ResourceRecord, Source, Time, Trace as _,
    What,
};
use roundtrip_wire::Wire;
use tokio::sync::mpsc;

use crate::cache_scope::CacheScope;
use crate::config::Config;
use crate::family::Family;
use crate::host::{Host, Hostname};
use crate::in_flight::{LeaderMessage, LookupRole};
use crate::lookup::{Arrival, Lookup, LookupFault, LookupMode, LookupProgress, Options};
use crate::nsswitch::{Action, Status};
use crate::order::in_order;
use crate::rung::Rung;
use crate::service::ServiceRecord;
use crate::shared::Shared;

/// One lookup: a walk down the ladder of sources.
pub(crate) struct Ladder<W> {
    pub(crate) shared: Rc<Shared<W>>,
    pub(crate) options: Options,
    pub(crate) id: LookupId,
    since: Time,
    /// The host's configuration, as its files were when first needed.
    config: OnceCell<Rc<Config>>,
    /// Who is told what the lookup finds, as it finds it; `None` once the lookup has ended.
    listener: RefCell<Option<mpsc::UnboundedSender<LookupProgress>>>,
    /// The event that causes what follows.
    cause: Cell<Option<EventId>>,
    /// Whether the listener is told nothing until the lookup has ended.
    hold: Cell<bool>,
    /// Whether the event that ends the name step was emitted.
    ended: Cell<bool>,
    /// The event that ended the name step.
    end_event: Cell<Option<EventId>>,
    gathered: RefCell<LookupState>,
    ordered: RefCell<SortedAddresses>,
}

/// What the lookup has found so far.
#[derive(Default)]
struct LookupState {
    /// The name as it was asked for.
    asked: String,
    /// The name that was found, which the search list may have completed.
    name: Option<String>,
    arrivals: Vec<Arrival>,
    /// How many arrivals the listener was told of.
    told: usize,
    aliases: Vec<String>,
    ttl: Option<u32>,
    records: Vec<ResourceRecord>,
    services: Vec<ServiceRecord>,
    scope: u32,
    fault: Option<FaultKind>,
}

/// The addresses that were last put in order.
#[derive(Default)]
struct SortedAddresses {
    /// As they were found.
    found: Vec<IpAddr>,
    /// In the order in which to try them.
    order: Vec<IpAddr>,
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
        listener: Option<mpsc::UnboundedSender<LookupProgress>>,
    ) -> Self {
        let (id, since) = (shared.wire.log().lookup_id(), shared.wire.now());
        Self {
            shared,
            options,
            id,
            since,
            config: OnceCell::new(),
            listener: RefCell::new(listener),
            cause: Cell::new(None),
            hold: Cell::new(false),
            ended: Cell::new(false),
            end_event: Cell::new(None),
            gathered: RefCell::default(),
            ordered: RefCell::default(),
        }
    }

    /// Looks up the addresses of a name.
    pub(crate) async fn climb(
        &self,
        text: &str,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        let host = Host::parse(text);
        let name = match &host {
            Ok(Host::Name(name)) => name.to_ascii(),
            Ok(Host::Address(address)) => address.to_string(),
            Ok(Host::Scoped(address, zone)) => format!("{address}%{zone}"),
            Err(_) => text.to_owned(),
        };
        let types = self.options.families.list().iter();
        let types: Vec<_> = types.map(|family| family.record_type().to_string()).collect();
        self.started(&name, types, cause);
        match host {
            Ok(Host::Name(hostname)) => return self.lead_or_follow(&hostname).await,
            Ok(Host::Address(address)) => self.known(Source::Literal, &name, vec![address]),
            Ok(Host::Scoped(address, zone)) => self.scoped(&name, address.into(), &zone),
            Err(why) => self.fault(FaultKind::NameFailed { name, why: why.to_string() }),
        }
        self.end()
    }

    /// Takes an address literal with a zone: the interface that leads to it.
    fn scoped(&self, name: &str, address: IpAddr, zone: &str) {
        let index = || self.shared.wire.environment().interface_index(zone);
        match zone.parse().ok().or_else(index) {
            Some(scope) => {
                self.gathered.borrow_mut().scope = scope;
                self.known(Source::Literal, name, vec![address]);
            }
            None => self.fault(FaultKind::NameFailed {
                name: name.to_owned(),
                why: format!("this host has no network interface {zone}"),
            }),
        }
    }

    /// Looks the name up, or follows a lookup of the same name that is under way, so that no source
    /// is asked twice at a time.
    async fn lead_or_follow(&self, hostname: &Hostname) -> Result<Lookup, LookupFault> {
        let name = hostname.to_ascii();
        loop {
            match self.shared.in_flight.join(&name, self.options, self.id) {
                LookupRole::Leader(leader) => {
                    self.search(hostname).await;
                    let result = self.end();
                    leader.done(&result);
                    return result;
                }
                LookupRole::Follower(mut follower) => loop {
                    match follower.next().await {
                        LeaderMessage::Arrived(arrival, event) => {
                            self.adopt_arrival(arrival, event);
                        }
                        LeaderMessage::Ended(Some(result)) => {
                            self.adopt(*result);
                            return self.end();
                        }
                        // The leading lookup was given up, so another one takes the lead.
                        LeaderMessage::Ended(None) => break,
                    }
                },
            }
        }
    }

    /// Takes addresses that the leading lookup found.
    fn adopt_arrival(&self, arrival: Arrival, event: Option<EventId>) {
        self.caused(event);
        let mut gathered = self.gathered.borrow_mut();
        // The same addresses may have come from an earlier leader that was given up.
        if gathered.arrivals.iter().all(|known| known.addresses != arrival.addresses) {
            gathered.arrivals.push(Arrival { at: self.shared.wire.now(), ..arrival });
            self.tell(&mut gathered);
        }
    }

    /// Takes the result of the leading lookup.
    fn adopt(&self, result: Result<Lookup, LookupFault>) {
        match result {
            Ok(lookup) => {
                self.caused(lookup.event);
                for arrival in lookup.arrivals {
                    self.adopt_arrival(arrival, lookup.event);
                }
                let mut gathered = self.gathered.borrow_mut();
                gathered.name = Some(lookup.name);
                gathered.aliases = lookup.aliases;
                gathered.ttl = lookup.ttl;
                gathered.services = lookup.services;
            }
            Err(fault) => {
                self.caused(fault.event);
                self.gathered.borrow_mut().fault = Some(*fault.kind);
            }
        }
    }

    async fn search(&self, hostname: &Hostname) {
        if let Some(special) = hostname.special_use() {
            self.known(Source::SpecialUse, &hostname.to_ascii(), special.addresses());
            return;
        }
        let itself = [hostname.name().clone()];
        match self.options.mode {
            LookupMode::Server(server) => {
                let resolv = self.config().resolv.clone().of_server(server);
                let cache_scope = CacheScope::of_server(server);
                self.name_servers(&itself, &self.wanted(), &resolv, &cache_scope).await;
            }
            LookupMode::Walk => {
                if !self.hosts(hostname, &self.wanted()).is_success() {
                    let own = self.own_cache(&itself, &self.wanted(), &CacheScope::of_walk());
                    self.walk(hostname.name(), &own.left).await;
                }
            }
            LookupMode::Ladder => {
                // As in libc: where nscd runs, it is asked before any file is read.
                if !self.os_cache(hostname).await {
                    self.switch(hostname).await;
                }
            }
        }
    }

    /// Asks the sources of nsswitch.conf in their order, following the actions given for each
    /// status.
    async fn switch(&self, hostname: &Hostname) {
        let config = Rc::clone(self.config());
        for (file, why) in &config.unread {
            self.skip(file, &hostname.to_ascii(), why.clone());
        }
        let candidates = hostname.candidates(&config.resolv.search, config.resolv.ndots);
        let services = config.nsswitch.services();
        // Where success does not end the lookup, what was found may still be dropped again.
        self.hold.set(services.iter().any(|s| s.action(Status::Success) != Action::Return));
        let (wanted, cache_scope) = (self.wanted(), CacheScope::of_resolv(&config.resolv));
        let before = self.gathered.borrow().arrivals.len();
        for service in services {
            let status = match service.name.as_str() {
                "files" => self.hosts(hostname, &wanted),
                "resolve" => self.resolved(hostname, &wanted).await,
                "dns" => {
                    self.name_servers(&candidates, &wanted, &config.resolv, &cache_scope).await
                }
                other => {
                    self.skip(other, &hostname.to_ascii(), "not carried out".into());
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
}

/// What all sources need.
impl<W: Wire> Ladder<W> {
    pub(crate) fn rung(&self, name: &str, record_type: &str) -> Rung<'_, W> {
        Rung {
            wire: &self.shared.wire,
            lookup: self.id,
            name: name.to_owned(),
            record_type: record_type.to_owned(),
        }
    }

    /// The host's configuration, read when first needed.
    pub(crate) fn config(&self) -> &Rc<Config> {
        self.config.get_or_init(|| self.shared.config())
    }

    /// When the lookup began.
    pub(crate) fn since(&self) -> Time {
        self.since
    }

    pub(crate) fn cause(&self) -> Option<EventId> {
        self.cause.get()
    }

    /// Makes `event` the cause of what follows, and returns it.
    pub(crate) fn caused(&self, event: Option<EventId>) -> Option<EventId> {
        self.cause.set(event.or(self.cause.get()));
        event
    }

    /// The families of which nothing has been found yet.
    pub(crate) fn wanted(&self) -> Vec<Family> {
        let gathered = self.gathered.borrow();
        let found = |family| gathered.arrivals.iter().any(|arrival| arrival.family == family);
        self.options.families.list().iter().copied().filter(|family| !found(*family)).collect()
    }

    /// Takes the addresses that a source gave.
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

    /// Takes the records that a source gave, other than addresses.
    pub(crate) fn take_records(
        &self,
        name: String,
        aliases: Vec<String>,
        records: Vec<ResourceRecord>,
    ) {
        let mut gathered = self.gathered.borrow_mut();
        gathered.ttl = records.iter().map(|record| record.ttl).min();
        gathered.name = Some(name);
        gathered.aliases = aliases;
        gathered.records = records;
    }

    /// Takes the HTTPS records of the service.
    pub(crate) fn take_services(&self, services: Vec<ServiceRecord>) {
        self.gathered.borrow_mut().services = services;
        self.tell_of(LookupProgress::Services);
    }

    fn tell(&self, gathered: &mut LookupState) {
        let new = &gathered.arrivals[gathered.told.min(gathered.arrivals.len())..];
        if !new.is_empty() {
            self.shared.in_flight.arrived(self.id, new);
            for arrival in new {
                self.tell_of(LookupProgress::Addresses(arrival.clone()));
            }
            gathered.told = gathered.arrivals.len();
        }
    }

    /// Sends a message to the listener, if there is one.
    pub(crate) fn tell_of(&self, told: LookupProgress) {
        if let Some(listener) = &*self.listener.borrow() {
            // An error means that the listener is gone, so nobody misses the message.
            let _ = listener.send(told);
        }
    }

    /// Keeps the fault that says most. If one family has no address and the question for the other
    /// was not answered, the lookup fails for the missing answer.
    pub(crate) fn fault(&self, fault: FaultKind) {
        let weight = |fault: &FaultKind| match fault {
            FaultKind::NameTruncated { .. } => 7,
            FaultKind::NameServerFailed { .. } | FaultKind::BadDelegation { .. } => 6,
            FaultKind::NameTimedOut { .. } => 5,
            FaultKind::DanglingAlias { exists: true, .. } => 4,
            FaultKind::NoAddress { .. } | FaultKind::NoRecord { .. } => 3,
            FaultKind::DanglingAlias { .. } => 2,
            FaultKind::NxDomain { .. } => 1,
            _ => 0,
        };
        let mut gathered = self.gathered.borrow_mut();
        if gathered.fault.as_ref().is_none_or(|kept| weight(&fault) > weight(kept)) {
            gathered.fault = Some(fault);
        }
    }

    pub(crate) fn started(&self, name: &str, types: Vec<String>, cause: Option<EventId>) {
        name.clone_into(&mut self.gathered.borrow_mut().asked);
        let event = self.shared.wire.log().emit(self.since, cause, || {
            What::NameStarted(NameStarted { lookup: self.id, name: name.to_owned(), types })
        });
        self.cause.set(event.or(cause));
    }

    /// What has been found so far.
    pub(crate) fn so_far(&self) -> Lookup {
        let gathered = self.gathered.borrow();
        let mut found: Vec<IpAddr> = Vec::new();
        for family in self.options.families.list() {
            let of_family = gathered.arrivals.iter().filter(|arrival| arrival.family == *family);
            for address in of_family.flat_map(|arrival| &arrival.addresses) {
                if !found.contains(address) {
                    found.push(*address);
                }
            }
        }
        Lookup {
            id: self.id,
            name: gathered.name.clone().unwrap_or_else(|| gathered.asked.clone()),
            arrivals: gathered.arrivals.clone(),
            aliases: gathered.aliases.clone(),
            ttl: gathered.ttl,
            records: gathered.records.clone(),
            services: gathered.services.clone(),
            scope: gathered.scope,
            since: self.since,
            until: self.shared.wire.now(),
            event: self.end_event.get(),
            ordered: self.ordered(found),
        }
    }

    /// These addresses in the order in which to try them. It is worked out again only when there
    /// are others than the last time, since a live wire asks the kernel about each address.
    fn ordered(&self, found: Vec<IpAddr>) -> Vec<IpAddr> {
        if found.len() < 2 {
            return found;
        }
        let mut last = self.ordered.borrow_mut();
        if last.found != found {
            let source = |to| self.shared.wire.source(to);
            let order = in_order(&found, &self.config().addresses, source);
            *last = SortedAddresses { found, order };
        }
        last.order.clone()
    }

    /// Ends the name step, so that connecting may begin with the addresses there are. Sources still
    /// being asked may add more. The event is emitted once only.
    pub(crate) fn begin_connecting(&self) -> Lookup {
        let mut lookup = self.so_far();
        if !self.ended.replace(true) {
            let event = self.shared.wire.log().emit(lookup.until, self.cause(), || {
                What::NameEnded(NameEnded {
                    lookup: self.id,
                    addresses: lookup.addresses(),
                    aliases: lookup.aliases.clone(),
                    ttl: lookup.ttl,
                })
            });
            self.end_event.set(event);
            self.shared.in_flight.begun(self.id, event);
            lookup.event = event;
        }
        lookup
    }

    /// Ends the lookup and gives its result.
    pub(crate) fn end(&self) -> Result<Lookup, LookupFault> {
        self.tell(&mut self.gathered.borrow_mut());
        let lookup = self.begin_connecting();
        self.listener.replace(None);
        if !lookup.arrivals.is_empty() || !lookup.records.is_empty() {
            return Ok(lookup);
        }
        let mut gathered = self.gathered.borrow_mut();
        let kind = gathered.fault.take().unwrap_or_else(|| FaultKind::NameFailed {
            name: gathered.asked.clone(),
            why: "no source knows it".into(),
        });
        Err(LookupFault {
            id: self.id,
            kind: Box::new(kind),
            since: self.since,
            event: lookup.event,
        })
    }
}
