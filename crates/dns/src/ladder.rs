//! The ladder: source after source until one answers.

use core::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use hickory_proto::rr::Name;
use roundtrip_record::{
    EventId, FaultKind, LookupId, NameEnded, NameStarted, Source, Time, Trace as _, What,
};
use roundtrip_wire::Wire;
use tokio::sync::mpsc;

use crate::family::Family;
use crate::host::{Host, Hostname};
use crate::lookup::{Arrival, Lookup, LookupFault, Options, Way};
use crate::nsswitch::{Action, Status};
use crate::resolver::Shared;
use crate::rung::Rung;
use crate::under_way::Part;

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
            Ok(Host::Name(hostname)) => return self.lead_or_follow(&hostname).await,
            Ok(Host::Address(address)) => self.known(Source::Literal, &name, vec![address]),
            Err(why) => {
                self.fault(FaultKind::NameFailed { name: name.clone(), why: why.to_string() });
            }
        }
        self.ended(name)
    }

    /// Looks the name up, or waits for the same lookup that is under way: nobody is asked twice at
    /// one time.
    async fn lead_or_follow(&self, hostname: &Hostname) -> Result<Lookup, LookupFault> {
        let name = hostname.to_ascii();
        loop {
            match self.shared.under_way.join(&name, self.options) {
                Part::Lead(lead) => {
                    self.search(hostname).await;
                    let result = self.ended(name);
                    lead.done(&result);
                    return result;
                }
                Part::Follow(follow) => {
                    // Who led may have been given up; then somebody else does.
                    if let Some(result) = follow.end().await {
                        self.adopt(result);
                        return self.ended(name);
                    }
                }
            }
        }
    }

    /// Takes what another lookup of the same name came to.
    fn adopt(&self, result: Result<Lookup, LookupFault>) {
        let now = self.shared.wire.now();
        let mut gathered = self.gathered.borrow_mut();
        match result {
            Ok(lookup) => {
                self.caused(lookup.event);
                gathered.name = Some(lookup.name);
                gathered.arrivals = lookup.arrivals;
                gathered.arrivals.iter_mut().for_each(|arrival| arrival.at = now);
                gathered.aliases = lookup.aliases;
                gathered.ttl = lookup.ttl;
            }
            Err(fault) => {
                self.caused(fault.event);
                gathered.fault = Some(*fault.kind);
            }
        }
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
        for (file, why) in &config.unread {
            self.skip(file, hostname, why.clone());
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
    pub(crate) fn wanted(&self) -> Vec<Family> {
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

    /// Keeps the fault that says most. Where one family has no address and the question for the
    /// other was not answered, the silence is the reason.
    pub(crate) fn fault(&self, fault: FaultKind) {
        let weight = |fault: &FaultKind| match fault {
            FaultKind::NameServerFailed { .. } => 4,
            FaultKind::NameTimedOut { .. } => 3,
            FaultKind::NoAddress { .. } => 2,
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
