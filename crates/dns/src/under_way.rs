//! Lookups under way, so that the same one is not begun twice.

use core::cell::RefCell;
use std::rc::Rc;

use crate::gate::{Gate, Keeper, gate};
use crate::lookup::{Lookup, LookupFault, Options};

type End = Result<Lookup, LookupFault>;

struct Entry {
    name: String,
    options: Options,
    end: Gate<End>,
}

/// The lookups under way. There are few at a time.
#[derive(Clone, Default)]
pub(crate) struct UnderWay {
    entries: Rc<RefCell<Vec<Entry>>>,
}

/// What part a lookup has.
pub(crate) enum Part {
    /// It is the first of its kind.
    Lead(Lead),
    /// Another of its kind is under way.
    Follow(Follow),
}

/// Leads: others wait for it, until this is dropped.
pub(crate) struct Lead {
    under_way: UnderWay,
    name: String,
    options: Options,
    // `None` once it has told.
    end: Option<Keeper<End>>,
}

/// Waits for the lookup that leads.
pub(crate) struct Follow(Gate<End>);

impl UnderWay {
    /// Joins the lookups of a name.
    pub(crate) fn join(&self, name: &str, options: Options) -> Part {
        let mut entries = self.entries.borrow_mut();
        let same = |entry: &&Entry| entry.name == name && entry.options == options;
        if let Some(entry) = entries.iter().find(same) {
            return Part::Follow(Follow(entry.end.clone()));
        }
        let (keeper, end) = gate();
        entries.push(Entry { name: name.to_owned(), options, end });
        let under_way = self.clone();
        Part::Lead(Lead { under_way, name: name.to_owned(), options, end: Some(keeper) })
    }
}

impl Lead {
    /// Tells all who wait what came of it.
    pub(crate) fn done(mut self, end: &End) {
        if let Some(keeper) = self.end.take() {
            keeper.give(end.clone());
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut entries = self.under_way.entries.borrow_mut();
        entries.retain(|entry| entry.name != self.name || entry.options != self.options);
    }
}

impl Follow {
    /// What came of it; `None` when it was given up.
    pub(crate) async fn end(self) -> Option<End> {
        self.0.end().await
    }
}
