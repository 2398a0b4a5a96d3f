//! The front: names in, addresses out.

use core::cell::{Cell, OnceCell, RefCell};
use core::time::Duration;
use std::rc::Rc;

use roundtrip_record::{EventId, FaultKind, LookupId, Time};
use roundtrip_wire::{Task, Wire};
use tokio::sync::{mpsc, oneshot};

use crate::cache::{Cache, KEY};
use crate::config::Config;
use crate::family::Family;
use crate::ladder::Ladder;
use crate::lookup::{Arrival, Lookup, LookupFault, Options};
use crate::transport::before;
use crate::tree::Tree;
use crate::under_way::UnderWay;

/// How long connecting waits for IPv6 addresses after those of IPv4 have come (RFC 8305 §8).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Looks names up over one wire. Clones share cache and configuration.
pub struct Resolver<W> {
    shared: Rc<Shared<W>>,
}

/// What the lookups of one resolver share.
pub(crate) struct Shared<W> {
    pub(crate) wire: W,
    /// Read when it is first needed.
    cache: OnceCell<RefCell<Cache>>,
    pub(crate) tree: RefCell<Tree>,
    config: OnceCell<Config>,
    /// Questions put so far, for `rotate`.
    pub(crate) turn: Cell<usize>,
    pub(crate) under_way: UnderWay,
}

/// A lookup under way.
pub struct Pending<W> {
    wire: W,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    end: oneshot::Receiver<Result<Lookup, LookupFault>>,
    id: LookupId,
    name: String,
    since: Time,
    _task: Task,
}

impl<W: Wire> Resolver<W> {
    /// A resolver with what the environment has kept of the cache, and its root hints.
    pub fn new(wire: W) -> Self {
        let root_hints = wire.environment().root_hints();
        Self::with_tree(wire, Tree::new(&root_hints))
    }

    /// The same, walking another tree.
    pub fn with_tree(wire: W, tree: Tree) -> Self {
        Self {
            shared: Rc::new(Shared {
                wire,
                cache: OnceCell::new(),
                tree: RefCell::new(tree),
                config: OnceCell::new(),
                turn: Cell::new(0),
                under_way: UnderWay::default(),
            }),
        }
    }

    /// Looks a name up. `cause` is what wanted it.
    ///
    /// # Errors
    /// When no source gives an address; the fault is the one that says most.
    pub async fn lookup(
        &self,
        name: &str,
        options: Options,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        let ladder = Ladder::new(Rc::clone(&self.shared), options, None);
        ladder.climb(name, cause).await
    }

    /// Begins a lookup whose addresses are wanted as they arrive (RFC 8305 §3). It ends when what
    /// this gives is dropped.
    pub fn start(&self, name: &str, options: Options, cause: Option<EventId>) -> Pending<W> {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let (ended, end) = oneshot::channel();
        let ladder = Ladder::new(Rc::clone(&self.shared), options, Some(arrived));
        let (id, since, name) = (ladder.id, self.shared.wire.now(), name.to_owned());
        let wanted = name.clone();
        let task = self.shared.wire.spawn(async move {
            // Whoever has dropped the receiver does not want to know.
            let _ = ended.send(ladder.climb(&wanted, cause).await);
        });
        Pending { wire: self.shared.wire.clone(), arrivals, end, id, name, since, _task: task }
    }
}

impl<W> Clone for Resolver<W> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<W: Wire> Shared<W> {
    /// The host's configuration, read when it is first needed.
    pub(crate) fn config(&self) -> &Config {
        self.config.get_or_init(|| Config::read(self.wire.environment()))
    }

    /// Our own cache.
    pub(crate) fn cache(&self) -> &RefCell<Cache> {
        self.cache.get_or_init(|| {
            let kept = self.wire.environment().load(KEY);
            RefCell::new(kept.map_or_else(Cache::new, |bytes| Cache::load(&bytes)))
        })
    }

    /// Keeps the cache for the next run, with what other runs have kept meanwhile.
    pub(crate) fn save_cache(&self) {
        let environment = self.wire.environment();
        let wall = self.wire.wall();
        let mut cache = self.cache().borrow_mut();
        if let Some(kept) = environment.load(KEY) {
            cache.merge(&Cache::load(&kept), wall);
        }
        environment.store(KEY, &cache.save(wall));
    }
}

impl<W: Wire> Pending<W> {
    /// Its id in the record.
    pub fn id(&self) -> LookupId {
        self.id
    }

    /// The next family's addresses; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }

    /// The addresses with which connecting may begin (RFC 8305 §3): those of IPv6 at once, those of
    /// IPv4 alone only when IPv6's have not come 50 ms later. Empty when there will be none.
    pub async fn ready(&mut self) -> Vec<Arrival> {
        let Some(first) = self.next().await else { return Vec::new() };
        let mut ready = vec![first];
        if ready[0].family == Family::V4 {
            let deadline = self.wire.now() + RESOLUTION_DELAY;
            let wire = self.wire.clone();
            ready.extend(before(&wire, deadline, self.next()).await.flatten());
        }
        ready
    }

    /// What the whole lookup came to.
    ///
    /// # Errors
    /// As [`Resolver::lookup`].
    pub async fn finish(self) -> Result<Lookup, LookupFault> {
        self.end.await.unwrap_or_else(|_| {
            Err(LookupFault {
                id: self.id,
                kind: Box::new(FaultKind::NameFailed {
                    name: self.name.clone(),
                    why: "given up".into(),
                }),
                since: self.since,
                event: None,
            })
        })
    }
}
