//! `Agenda`: events that become known in any order, recorded in the order of their times.

use std::collections::BTreeMap;

use roundtrip_record::{EventId, Log, Time, Trace as _, What};

/// A planned event, by which others name it as their cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u64);

/// Planned events. What is due before a given time is recorded by [`Agenda::until`], so that only
/// events that still may be overtaken are held.
pub(crate) struct Agenda {
    log: Log,
    planned: BTreeMap<(Time, Slot), Planned>,
    recorded: BTreeMap<Slot, EventId>,
    next: u64,
    /// The latest time of any event planned.
    pub(crate) latest: Time,
}

struct Planned {
    cause: Option<Slot>,
    what: What,
}

impl Agenda {
    /// An agenda whose events are recorded in `log`, where they happen on its host.
    pub(crate) fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            planned: BTreeMap::new(),
            recorded: BTreeMap::new(),
            next: 0,
            latest: Time::ZERO,
        }
    }

    /// Plans an event on the log's host.
    pub(crate) fn plan(&mut self, at: Time, cause: Option<Slot>, what: What) -> Slot {
        let slot = Slot(self.next);
        self.next += 1;
        self.latest = self.latest.max(at);
        self.planned.insert((at, slot), Planned { cause, what });
        slot
    }

    /// Records everything that is due before `time`.
    pub(crate) fn until(&mut self, time: Time) {
        let later = self.planned.split_off(&(time, Slot(0)));
        let due = core::mem::replace(&mut self.planned, later);
        self.record(due);
    }

    /// Records everything that is left.
    pub(crate) fn finish(&mut self) {
        let due = core::mem::take(&mut self.planned);
        self.record(due);
    }

    fn record(&mut self, due: BTreeMap<(Time, Slot), Planned>) {
        for ((at, slot), Planned { cause, what }) in due {
            // A cause that comes later in the record than its effect would be none.
            let cause = cause.and_then(|cause| self.recorded.get(&cause).copied());
            if let Some(id) = self.log.emit(at, cause, || what) {
                self.recorded.insert(slot, id);
            }
        }
    }
}
