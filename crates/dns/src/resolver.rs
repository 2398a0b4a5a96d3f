//! `Resolver`: looks names up over a wire, for everything above this crate.

use core::time::Duration;
use std::net::IpAddr;
use std::rc::Rc;

use hickory_proto::rr::RecordType;
use roundtrip_record::{EventId, FaultKind, LookupId, Time};
use roundtrip_wire::{Task, Wire};
use tokio::sync::{mpsc, oneshot};

use crate::family::{Families, Family};
use crate::ladder::Ladder;
use crate::lookup::{Arrival, Lookup, LookupFault, LookupProgress, Options};
use crate::service::service_patience;
use crate::shared::Shared;
use crate::transport::before;
use crate::tree::Tree;

/// How long connecting waits for IPv6 addresses once those of IPv4 have arrived (RFC 8305 §8).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Looks up names over one wire. Clones share cache and configuration.
pub struct Resolver<W> {
    shared: Rc<Shared<W>>,
}

/// A lookup under way.
///
/// When this is dropped, the lookup goes on by itself until its sources have answered or timed out,
/// so that later lookups can use the answers. [`Pending::give_up`] ends it instead.
pub struct Pending<W> {
    ladder: Rc<Ladder<W>>,
    progress: mpsc::UnboundedReceiver<LookupProgress>,
    end: oneshot::Receiver<Result<Lookup, LookupFault>>,
    name: String,
    task: Option<Task>,
}

impl<W: Wire> Resolver<W> {
    /// A resolver with the cache that the environment stored, and with the environment's root
    /// hints.
    pub fn new(wire: W) -> Self {
        let root_hints = wire.environment().root_hints();
        Self::with_tree(wire, Tree::new(&root_hints))
    }

    /// A resolver that walks another delegation tree.
    pub fn with_tree(wire: W, tree: Tree) -> Self {
        Self { shared: Rc::new(Shared::new(wire, tree)) }
    }

    /// Looks up the addresses of a name. `cause` is the event that made the lookup necessary.
    ///
    /// # Errors
    /// When no source gives an address. The fault is the most telling one of all sources.
    pub async fn lookup(
        &self,
        name: &str,
        options: Options,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        let ladder = Ladder::new(Rc::clone(&self.shared), options, None);
        ladder.climb(name, cause).await
    }

    /// Looks up a name's records of any type: [`Lookup::records`]. Only name servers are asked,
    /// since no other source has them. For `A` and `AAAA` it is the same as [`Resolver::lookup`] of
    /// that family.
    ///
    /// # Errors
    /// When there is no such record; the fault says why.
    pub async fn records(
        &self,
        name: &str,
        record_type: RecordType,
        options: Options,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        match record_type {
            RecordType::A => self.lookup(name, options.of(Families::V4), cause).await,
            RecordType::AAAA => self.lookup(name, options.of(Families::V6), cause).await,
            other => {
                let ladder = Ladder::new(Rc::clone(&self.shared), options, None);
                ladder.climb_records(name, other, cause).await
            }
        }
    }

    /// Looks up the names of an address, in the hosts file and in `PTR` records, as `getnameinfo`
    /// does. The names are the data of [`Lookup::records`].
    ///
    /// # Errors
    /// When no source has a name for the address.
    pub async fn reverse(
        &self,
        address: IpAddr,
        options: Options,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        let ladder = Ladder::new(Rc::clone(&self.shared), options, None);
        ladder.climb_reverse(address, cause).await
    }

    /// Begins a lookup whose addresses are wanted as they arrive (RFC 8305 §3).
    pub fn start(&self, name: &str, options: Options, cause: Option<EventId>) -> Pending<W> {
        let (teller, progress) = mpsc::unbounded_channel();
        let (ended, end) = oneshot::channel();
        let ladder = Rc::new(Ladder::new(Rc::clone(&self.shared), options, Some(teller)));
        let (own, wanted) = (Rc::clone(&ladder), name.to_owned());
        let task = self.shared.wire.spawn(async move {
            // An error means that the receiver was dropped, so nobody misses the result.
            let _ = ended.send(own.climb(&wanted, cause).await);
        });
        Pending { ladder, progress, end, name: name.to_owned(), task: Some(task) }
    }
}

impl<W> Clone for Resolver<W> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<W: Wire> Pending<W> {
    /// The lookup's id in the record.
    pub fn id(&self) -> LookupId {
        self.ladder.id
    }

    /// Waits for the next addresses of one family; `None` when no more will arrive.
    pub async fn next(&mut self) -> Option<Arrival> {
        loop {
            match self.progress.recv().await? {
                LookupProgress::Addresses(arrival) => return Some(arrival),
                LookupProgress::Nothing(_) | LookupProgress::Services => {}
            }
        }
    }

    /// Waits until connecting may begin, and returns the addresses there are; none if none will
    /// arrive. Connecting may begin with IPv6 addresses at once, and with IPv4 addresses alone when
    /// there are none of IPv6, or none have arrived 50 ms later (RFC 8305 §3). HTTPS records that
    /// were asked for are also waited for: for a fifth of the time the addresses took, from 5 to 50
    /// ms.
    pub async fn ready(&mut self) -> Vec<Arrival> {
        let wire = self.ladder.shared.wire.clone();
        let mut seen = ConnectProgress::default();
        let mut until: Option<Time> = None;
        while !seen.is_enough(self.ladder.options.families.has(Family::V6)) {
            let progress = match until {
                None => Some(self.progress.recv().await),
                Some(until) => before(&wire, until, self.progress.recv()).await,
            };
            let Some(progress) = progress else {
                self.ladder.shared.slow.borrow_mut().insert(self.name.clone());
                break;
            };
            let Some(progress) = progress else { break };
            if let LookupProgress::Addresses(arrival) = &progress {
                let slow = self.ladder.shared.slow.borrow().contains(&self.name);
                let patience = if slow { Duration::ZERO } else { RESOLUTION_DELAY };
                until.get_or_insert(arrival.at + patience);
            }
            seen.take_in(progress);
        }
        let services = self.ladder.options.https.is_some() && !seen.services;
        if services && !seen.arrivals.is_empty() {
            self.wait_for_services(&mut seen).await;
        }
        self.ladder.begin_connecting();
        seen.arrivals
    }

    /// Waits for HTTPS records for the time that is allowed once the addresses have arrived.
    async fn wait_for_services(&mut self, seen: &mut ConnectProgress) {
        let wire = self.ladder.shared.wire.clone();
        let until = wire.now() + service_patience(wire.now().since(self.ladder.since()));
        while let Some(Some(progress)) = before(&wire, until, self.progress.recv()).await {
            let last = progress == LookupProgress::Services;
            seen.take_in(progress);
            if last {
                return;
            }
        }
    }

    /// What has been found so far. After [`Pending::ready`], its event is the end of the name step.
    pub fn so_far(&self) -> Lookup {
        self.ladder.so_far()
    }

    /// Ends the lookup.
    pub fn give_up(mut self) {
        self.task = None;
    }

    /// Waits for the result of the whole lookup.
    ///
    /// # Errors
    /// As for [`Resolver::lookup`].
    pub async fn finish(mut self) -> Result<Lookup, LookupFault> {
        let end = (&mut self.end).await;
        end.unwrap_or_else(|_| {
            Err(LookupFault {
                id: self.ladder.id,
                kind: Box::new(FaultKind::NameFailed {
                    name: self.name.clone(),
                    why: "given up".into(),
                }),
                since: self.ladder.since(),
                event: None,
            })
        })
    }
}

impl<W> Drop for Pending<W> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

/// What the lookup has told while connecting waits.
#[derive(Default)]
struct ConnectProgress {
    arrivals: Vec<Arrival>,
    six_is_settled: bool,
    services: bool,
}

impl ConnectProgress {
    fn take_in(&mut self, progress: LookupProgress) {
        match progress {
            LookupProgress::Addresses(arrival) => {
                self.six_is_settled |= arrival.family == Family::V6;
                self.arrivals.push(arrival);
            }
            LookupProgress::Nothing(family) => self.six_is_settled |= family == Family::V6,
            LookupProgress::Services => self.services = true,
        }
    }

    /// Whether there are addresses, and no IPv6 addresses need to be waited for.
    fn is_enough(&self, six_wanted: bool) -> bool {
        !self.arrivals.is_empty() && (self.six_is_settled || !six_wanted)
    }
}
