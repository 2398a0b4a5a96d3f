//! `Shared`: what all lookups of one resolver share.

use core::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::SystemTime;

use roundtrip_wire::{Environment, Wire};

use crate::cache::{Cache, KEY};
use crate::config::{Config, Files};
use crate::edns::EdnsMemory;
use crate::in_flight::InFlight;
use crate::tree::Tree;

/// The state that all lookups of one resolver share.
pub(crate) struct Shared<W> {
    pub(crate) wire: W,
    /// Our own cache, read when first needed.
    cache: OnceCell<RefCell<Cache>>,
    pub(crate) tree: RefCell<Tree>,
    config: RefCell<Option<Rc<Config>>>,
    /// The number of questions asked so far, for `rotate`.
    pub(crate) turn: Cell<usize>,
    pub(crate) in_flight: InFlight,
    pub(crate) edns: RefCell<EdnsMemory>,
    /// Names for whose second family a connection waited in vain; the next connection does not
    /// wait.
    pub(crate) slow: RefCell<BTreeSet<String>>,
}

impl<W: Wire> Shared<W> {
    pub(crate) fn new(wire: W, tree: Tree) -> Self {
        Self {
            wire,
            cache: OnceCell::new(),
            tree: RefCell::new(tree),
            config: RefCell::default(),
            turn: Cell::new(0),
            in_flight: InFlight::default(),
            edns: RefCell::default(),
            slow: RefCell::default(),
        }
    }

    /// The host's configuration, read again when its files have changed.
    pub(crate) fn config(&self) -> Rc<Config> {
        let environment = self.wire.environment();
        let files = Files::read(environment);
        let mut kept = self.config.borrow_mut();
        match &*kept {
            Some(config) if config.is_of(&files) => Rc::clone(config),
            _ => Rc::clone(kept.insert(Rc::new(Config::of(files, environment)))),
        }
    }

    /// Our own cache.
    pub(crate) fn cache(&self) -> &RefCell<Cache> {
        self.cache.get_or_init(|| {
            let kept = self.wire.environment().load(KEY);
            RefCell::new(kept.map_or_else(Cache::new, |bytes| Cache::load(&bytes)))
        })
    }

    /// Stores the cache for later runs, together with what other runs have stored meanwhile.
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

/// Forgets the answers that earlier runs stored, and returns their number. What a service of the
/// operating system keeps (nscd, systemd-resolved) is not ours to forget.
pub fn flush(environment: &dyn Environment) -> usize {
    let kept = environment.load(KEY).map_or_else(Cache::new, |bytes| Cache::load(&bytes));
    environment.store(KEY, &Cache::new().save(SystemTime::UNIX_EPOCH));
    kept.count()
}
