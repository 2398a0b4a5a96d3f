//! The connections of HTTP/3 that a client has, and the servers that say they speak it.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::collections::BTreeMap;

use roundtrip_record::Time;
use roundtrip_wire::Wire;
use tokio::sync::oneshot;

use super::connection::Three;
use crate::client::group::Group;
use crate::client::origin::Origin;
use crate::client::undone::Undone;

/// How long a server is not tried again by which there was no HTTP/3, though it had said that it speaks
/// it (Chromium: `net/http/broken_alternative_services.cc`, the first time).
const BROKEN_FOR: Duration = Duration::from_mins(5);

/// Where the HTTP/3 of an origin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The host, where it is another than the origin's own.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    /// Until when that holds.
    pub(crate) until: Time,
}

/// That the servers of an origin speak HTTP/3, and where (RFC 7838, RFC 9460).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The origin, of https.
    pub origin: Origin,
    /// The host, where it is another than the origin's own.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
    /// For how long that holds.
    pub lasts: Duration,
}

impl Learned {
    /// That an origin speaks it at its own port, for good.
    pub fn beforehand(origin: Origin) -> Self {
        let (port, lasts) = (origin.port, Duration::from_hours(24 * 365));
        Self { origin, host: None, port, lasts }
    }
}

/// What waits for a connection that is being opened.
pub(crate) type Waiting<W> = oneshot::Receiver<Result<Three<W>, Undone>>;

/// The connection of a group.
enum Slot<W: Wire> {
    Opening(Vec<oneshot::Sender<Result<Three<W>, Undone>>>),
    Open(Three<W>),
}

/// What there is for a request.
pub(crate) enum Found<W: Wire> {
    Open(Three<W>),
    /// One is being opened, and this hears of it.
    Opening(Waiting<W>),
    /// Whoever asked is to open one, and hears of it by this.
    Nothing(Waiting<W>),
}

/// See the module.
pub(crate) struct Places<W: Wire> {
    slots: RefCell<BTreeMap<Group, Slot<W>>>,
    known: RefCell<BTreeMap<Origin, Place>>,
    broken: RefCell<BTreeMap<Origin, Time>>,
    closing: Cell<bool>,
}

impl<W: Wire> Default for Places<W> {
    fn default() -> Self {
        Self {
            slots: RefCell::default(),
            known: RefCell::default(),
            broken: RefCell::default(),
            closing: Cell::new(false),
        }
    }
}

impl<W: Wire> Places<W> {
    /// An origin says where its HTTP/3 is; `None`: nowhere.
    pub(crate) fn learn(&self, origin: &Origin, place: Option<Place>) {
        let mut known = self.known.borrow_mut();
        match place {
            Some(place) => known.insert(origin.clone(), place),
            None => known.remove(origin),
        };
    }

    /// Where an origin's HTTP/3 is, as far as that is known.
    pub(crate) fn of(&self, origin: &Origin, now: Time) -> Option<Place> {
        let known = self.known.borrow();
        known.get(origin).filter(|place| place.until > now).cloned()
    }

    /// All that is known and holds.
    pub(crate) fn learned(&self, now: Time) -> Vec<Learned> {
        let known = self.known.borrow();
        let hold = known.iter().filter(|(_, place)| place.until > now);
        let learned = hold.map(|(origin, place)| Learned {
            origin: origin.clone(),
            host: place.host.clone(),
            port: place.port,
            lasts: place.until.since(now),
        });
        learned.collect()
    }

    /// Whether it turned out lately that there is no HTTP/3 there.
    pub(crate) fn is_broken(&self, origin: &Origin, now: Time) -> bool {
        self.broken.borrow().get(origin).is_some_and(|until| *until > now)
    }

    /// It turned out that there is none.
    pub(crate) fn broke(&self, origin: &Origin, now: Time) {
        self.broken.borrow_mut().insert(origin.clone(), now + BROKEN_FOR);
    }

    /// The connection of a group, or the one that is being opened; or leave to open one.
    pub(crate) fn find(&self, group: &Group) -> Found<W> {
        let mut slots = self.slots.borrow_mut();
        match slots.get_mut(group) {
            Some(Slot::Open(three)) if !three.is_over() => return Found::Open(three.clone()),
            Some(Slot::Opening(waiting)) => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                return Found::Opening(receiver);
            }
            _ => {}
        }
        let (sender, receiver) = oneshot::channel();
        slots.insert(group.clone(), Slot::Opening(vec![sender]));
        Found::Nothing(receiver)
    }

    /// What came of opening one: those who wait hear of it.
    pub(crate) fn opened(&self, group: &Group, result: &Result<Three<W>, Undone>) {
        let before = {
            let mut slots = self.slots.borrow_mut();
            match result {
                Ok(three) if self.closing.get() => {
                    three.retire("closed while it was opened");
                    slots.remove(group)
                }
                Ok(three) => slots.insert(group.clone(), Slot::Open(three.clone())),
                Err(_) => slots.remove(group),
            }
        };
        let Some(Slot::Opening(waiting)) = before else { return };
        for sender in waiting {
            // One that does not wait any more does not need to hear of it.
            drop(sender.send(result.clone()));
        }
    }

    /// Closes all, and keeps none from now on. Gives those that were open.
    pub(crate) fn close(&self, why: &str) -> Vec<Three<W>> {
        self.closing.set(true);
        let slots = core::mem::take(&mut *self.slots.borrow_mut());
        let open = slots.into_values().filter_map(|slot| match slot {
            Slot::Open(three) => Some(three),
            Slot::Opening(_) => None,
        });
        open.inspect(|three| three.retire(why)).collect()
    }
}
