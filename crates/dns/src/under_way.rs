//! Lookups under way, so that the same one is not begun twice.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use roundtrip_record::{EventId, LookupId};
use tokio::sync::Notify;

use crate::lookup::{Arrival, Lookup, LookupFault, Options};

type End = Result<Lookup, LookupFault>;

/// A lookup that others may follow.
struct Entry {
    /// Who leads.
    leader: LookupId,
    name: String,
    options: Options,
    /// What has arrived so far.
    arrivals: RefCell<Vec<Arrival>>,
    /// The event by which it said that connecting may begin.
    begun: Cell<Option<EventId>>,
    end: RefCell<Option<End>>,
    over: Cell<bool>,
    changed: Notify,
}

/// The lookups under way. There are few at a time.
#[derive(Clone, Default)]
pub(crate) struct UnderWay {
    entries: Rc<RefCell<Vec<Rc<Entry>>>>,
}

/// What part a lookup has.
pub(crate) enum Part {
    /// It is the first of its kind.
    Lead(Lead),
    /// Another of its kind is under way.
    Follow(Follow),
}

/// Leads: others learn what it finds, until this is dropped.
pub(crate) struct Lead {
    under_way: UnderWay,
    entry: Rc<Entry>,
}

/// Follows the lookup that leads.
pub(crate) struct Follow {
    entry: Rc<Entry>,
    /// How many arrivals it knows.
    known: usize,
}

/// What a follower hears.
pub(crate) enum Heard {
    /// Addresses, and the event by which they are known.
    Arrived(Arrival, Option<EventId>),
    /// It is over; `None` when it was given up.
    Ended(Option<Box<End>>),
}

impl UnderWay {
    /// Joins the lookups of a name.
    pub(crate) fn join(&self, name: &str, options: Options, who: LookupId) -> Part {
        let mut entries = self.entries.borrow_mut();
        let same = |entry: &&Rc<Entry>| entry.name == name && entry.options == options;
        if let Some(entry) = entries.iter().find(same) {
            return Part::Follow(Follow { entry: Rc::clone(entry), known: 0 });
        }
        let entry = Rc::new(Entry {
            leader: who,
            name: name.to_owned(),
            options,
            arrivals: RefCell::default(),
            begun: Cell::new(None),
            end: RefCell::default(),
            over: Cell::new(false),
            changed: Notify::new(),
        });
        entries.push(Rc::clone(&entry));
        Part::Lead(Lead { under_way: self.clone(), entry })
    }

    /// Tells all who follow `who` of addresses that it found.
    pub(crate) fn arrived(&self, who: LookupId, arrivals: &[Arrival]) {
        if let Some(entry) = self.led_by(who) {
            entry.arrivals.borrow_mut().extend_from_slice(arrivals);
            entry.changed.notify_waiters();
        }
    }

    /// To `who` connecting may begin, as this event says.
    pub(crate) fn begun(&self, who: LookupId, event: Option<EventId>) {
        if let Some(entry) = self.led_by(who) {
            entry.begun.set(event);
        }
    }

    fn led_by(&self, who: LookupId) -> Option<Rc<Entry>> {
        self.entries.borrow().iter().find(|entry| entry.leader == who).cloned()
    }
}

impl Lead {
    /// Tells all who wait what came of it.
    pub(crate) fn done(self, end: &End) {
        self.entry.end.replace(Some(end.clone()));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.under_way.entries.borrow_mut().retain(|entry| !Rc::ptr_eq(entry, &self.entry));
        self.entry.over.set(true);
        self.entry.changed.notify_waiters();
    }
}

impl Follow {
    /// What comes next.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            // Whoever is to be told is registered before anything is looked at.
            let changed = self.entry.changed.notified();
            if let Some(arrival) = self.entry.arrivals.borrow().get(self.known) {
                self.known += 1;
                let event = self.entry.begun.get().or(arrival.event);
                return Heard::Arrived(arrival.clone(), event);
            }
            if self.entry.over.get() {
                return Heard::Ended(self.entry.end.borrow().clone().map(Box::new));
            }
            changed.await;
        }
    }
}
