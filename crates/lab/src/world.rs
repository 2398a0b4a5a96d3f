//! The world: what all hosts of a lab share.

use core::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use roundtrip_host::{IfIndex, Transmit};
use roundtrip_record::{DropReason, EventId, LinkDropped, LinkId, Log, Time, Trace as _, What};

use crate::agenda::{Agenda, Source};
use crate::executor::Executor;
use crate::link::Link;
use crate::pool::Pool;
use crate::sleep_slots::SleepSlots;

/// The shared part of a lab: the clock, the agenda, the links, the tasks. Hosts hold it; it holds
/// no host.
pub(crate) struct World {
    now: Cell<Time>,
    /// The calendar time at virtual time 0.
    epoch: SystemTime,
    agenda: RefCell<Agenda>,
    links: RefCell<Vec<DirectedLink>>,
    pool: RefCell<Pool>,
    sleep_slots: RefCell<SleepSlots>,
    executor: Rc<Executor>,
    macs: Cell<u32>,
}

/// One direction of a link, and the hosts it joins.
pub(crate) struct DirectedLink {
    pub(crate) link: Link,
    pub(crate) id: LinkId,
    /// The receiving end: the host's index and its interface.
    to: (u32, IfIndex),
    /// The sender's log, where mishaps are recorded.
    log: Log,
}

/// A frame that has arrived.
pub(crate) struct Arrival {
    pub(crate) host: u32,
    pub(crate) interface: IfIndex,
    pub(crate) frame: Vec<u8>,
    pub(crate) event: Option<EventId>,
}

impl World {
    pub(crate) fn new(epoch: SystemTime) -> Self {
        Self {
            now: Cell::new(Time::ZERO),
            epoch,
            agenda: RefCell::new(Agenda::default()),
            links: RefCell::default(),
            pool: RefCell::default(),
            sleep_slots: RefCell::default(),
            executor: Rc::default(),
            macs: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Time {
        self.now.get()
    }

    /// The calendar time; it stays at the epoch where it would leave the calendar.
    pub(crate) fn wall(&self) -> SystemTime {
        let passed = Duration::from_nanos(self.now().nanos());
        self.epoch.checked_add(passed).unwrap_or(self.epoch)
    }

    pub(crate) fn executor(&self) -> &Rc<Executor> {
        &self.executor
    }

    /// The number of the next hardware address, from 1.
    pub(crate) fn next_mac(&self) -> u32 {
        self.macs.set(self.macs.get() + 1);
        self.macs.get()
    }

    pub(crate) fn add_host(&self) -> u32 {
        self.agenda.borrow_mut().add_host()
    }

    /// Adds one direction of a link; answers its index.
    pub(crate) fn add_link(&self, id: LinkId, link: Link, to: (u32, IfIndex), log: Log) -> u32 {
        self.links.borrow_mut().push(DirectedLink { link, id, to, log });
        self.agenda.borrow_mut().add_link()
    }

    pub(crate) fn links<T>(&self, look: impl FnOnce(&[DirectedLink]) -> T) -> T {
        look(&self.links.borrow())
    }

    #[inline]
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.pool.borrow_mut().take()
    }

    #[inline]
    pub(crate) fn recycle(&self, buffer: Vec<u8>) {
        self.pool.borrow_mut().give(buffer);
    }

    /// Hands a frame to the link with this index.
    #[inline]
    pub(crate) fn send(&self, index: u32, frame: Vec<u8>, transmit: Transmit) {
        let now = self.now();
        let DirectedLink { link, id, log, .. } = &mut self.links.borrow_mut()[index as usize];
        let before = link.next();
        let mut tell = |event: Option<EventId>, reason: DropReason| {
            log.emit(now, event, || What::LinkDropped(LinkDropped { link: *id, reason }));
        };
        link.send(now, frame, transmit.event, &mut self.pool.borrow_mut(), &mut tell);
        // A frame behind others does not change the time of the link's next event.
        let next = link.next();
        if next != before {
            self.agenda.borrow_mut().set(Source::Link(index), next);
        }
    }

    /// Does what is due now at the link with this index; gives the frame that arrives, if one does.
    #[inline]
    pub(crate) fn arrive(&self, index: u32) -> Option<Arrival> {
        let now = self.now();
        let DirectedLink { link, id, to: (host, interface), log } =
            &mut self.links.borrow_mut()[index as usize];
        let mut tell = |event: Option<EventId>, reason: DropReason| {
            log.emit(now, event, || What::LinkDropped(LinkDropped { link: *id, reason }));
        };
        let flight = link.happen(now, &mut self.pool.borrow_mut(), &mut tell);
        self.agenda.borrow_mut().set(Source::Link(index), link.next());
        let flight = flight?;
        let (host, interface) = (*host, *interface);
        Some(Arrival { host, interface, frame: flight.frame, event: flight.event })
    }

    #[inline]
    pub(crate) fn set_timer(&self, host: u32, at: Option<Time>) {
        self.agenda.borrow_mut().set(Source::Host(host), at);
    }

    /// The next event of any source, and its time.
    #[inline]
    pub(crate) fn next(&self) -> Option<(Time, Source)> {
        self.agenda.borrow().first()
    }

    /// Advances the clock to a later time.
    #[inline]
    pub(crate) fn advance(&self, to: Time) {
        debug_assert!(to >= self.now(), "time would fall from {} to {to}", self.now());
        self.now.set(self.now().max(to));
    }

    /// Wakes the task in this sleep slot.
    #[inline]
    pub(crate) fn wake(&self, slot: u32) {
        self.agenda.borrow_mut().set(Source::Sleep(slot), None);
        self.sleep_slots.borrow().wake(slot);
    }

    pub(crate) fn with_sleep_slots<T>(
        &self,
        act: impl FnOnce(&mut SleepSlots, &mut Agenda) -> T,
    ) -> T {
        act(&mut self.sleep_slots.borrow_mut(), &mut self.agenda.borrow_mut())
    }
}
