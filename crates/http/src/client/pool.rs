//! Connections kept for the next request, and who may open another.

use core::cell::{Cell, RefCell};
use core::cmp::Reverse;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use futures_util::future::{join_all, select};
use roundtrip_record::{ConnectionId, EndedBy, Priority};
use roundtrip_wire::{Task, Wire};
use tokio::sync::oneshot;

use super::Reuse;
use super::connection::Connection;
use super::options::Options;
use super::origin::Origin;
use super::tls::Offer;
use super::two::Two;
use crate::timer::Timer;

/// How long the other end may take to close after us.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The connections of a client.
pub(crate) struct Pool<W: Wire> {
    inner: Rc<Inner<W>>,
}

struct Inner<W: Wire> {
    wire: W,
    per_origin: usize,
    idle: Duration,
    origins: RefCell<BTreeMap<Origin, Slots<W>>>,
    next: Cell<u64>,
    /// No connection is kept any more, for this reason.
    closing: RefCell<Option<String>>,
}

struct Slots<W: Wire> {
    /// Connections open or being opened.
    open: usize,
    idle: Vec<Idle<W>>,
    protocol: Protocol<W>,
    /// By urgency, then by order.
    waiting: BTreeMap<(Reverse<Priority>, u64), oneshot::Sender<Grant<W>>>,
}

/// What the origin speaks.
enum Protocol<W: Wire> {
    /// Not known, or HTTP/1 alone.
    One,
    /// A first connection is finding out; others wait for what it finds.
    Asking,
    /// HTTP/2, on this connection.
    Two(Two<W>),
}

/// A connection that waits, and the task that watches it meanwhile.
struct Idle<W: Wire> {
    id: ConnectionId,
    connection: Rc<RefCell<Option<Connection<W>>>>,
    watcher: Task,
}

/// What a request was given.
pub(crate) enum Grant<W: Wire> {
    /// A connection that was used before.
    Kept(Box<Connection<W>>),
    /// Leave to open one.
    Open(Permit<W>),
    /// A connection of HTTP/2, shared with others.
    Two(Two<W>),
}

/// A place among the connections of an origin; given back when dropped.
pub(crate) struct Permit<W: Wire> {
    pool: Option<Rc<Inner<W>>>,
    origin: Origin,
    /// Its connection finds out what the origin speaks.
    asks: Cell<bool>,
}

impl<W: Wire> Slots<W> {
    fn new() -> Self {
        Self { open: 0, idle: Vec::new(), protocol: Protocol::One, waiting: BTreeMap::new() }
    }
}

impl<W: Wire> Pool<W> {
    pub(crate) fn new(wire: W, options: &Options) -> Self {
        Self {
            inner: Rc::new(Inner {
                wire,
                per_origin: options.per_origin.max(1),
                idle: options.idle,
                origins: RefCell::default(),
                next: Cell::new(0),
                closing: RefCell::new(None),
            }),
        }
    }

    /// A kept connection, or leave to open one; waits for either where the origin has its number.
    pub(crate) async fn acquire(
        &self,
        origin: &Origin,
        priority: Priority,
        reuse: Reuse,
        offer: Offer,
    ) -> Grant<W> {
        if reuse == Reuse::Allowed {
            while let Some(mut connection) = self.inner.take_idle(origin) {
                if connection.is_quiet().await {
                    return Grant::Kept(Box::new(connection));
                }
                connection.report(EndedBy::Server, "closed while idle", connection.last_segment());
                connection.finish_later();
            }
        }
        loop {
            let granted = match self.inner.enter(origin, priority, offer) {
                Entry::Granted(grant) => return grant,
                Entry::Wait(granted) => granted.await,
            };
            match granted {
                Ok(Grant::Kept(connection)) if reuse == Reuse::Forbidden => {
                    // Its place is what was wanted.
                    let mut connection = *connection;
                    connection.report(EndedBy::Client, "a new one is wanted", None);
                    connection.finish().await;
                }
                Ok(grant) => return grant,
                // The pool does not drop those who wait; should it, entering anew is right.
                Err(_) => {}
            }
        }
    }

    /// Gives a connection back that can carry another request; says why it cannot be kept, if so.
    pub(crate) fn give_back(
        &self,
        connection: Connection<W>,
    ) -> Result<(), (Connection<W>, String)> {
        if let Some(why) = self.inner.closing.borrow().clone() {
            return Err((connection, why));
        }
        self.inner.give_back(connection);
        Ok(())
    }

    /// All requests to this origin share a connection from now on.
    pub(crate) fn keep_two(&self, origin: &Origin, two: &Two<W>) {
        let waiting = {
            let mut origins = self.inner.origins.borrow_mut();
            let slots = origins.entry(origin.clone()).or_insert_with(Slots::new);
            slots.protocol = Protocol::Two(two.clone());
            core::mem::take(&mut slots.waiting)
        };
        for (_, waiting) in waiting {
            // One that nobody waits for any more is dropped.
            drop(waiting.send(Grant::Two(two.clone())));
        }
    }

    /// Closes what is idle, and from now on keeps nothing: what is busy is closed when it is done.
    pub(crate) async fn close(&self, why: &str) {
        *self.inner.closing.borrow_mut() = Some(why.to_owned());
        let mut idle = Vec::new();
        let origins: Vec<Origin> = self.inner.origins.borrow().keys().cloned().collect();
        for origin in &origins {
            while let Some(connection) = self.inner.take_idle(origin) {
                idle.push(connection);
            }
            // A connection of HTTP/2 closes when nobody holds it and its streams are done.
            let two = self
                .inner
                .origins
                .borrow_mut()
                .get_mut(origin)
                .map(|slots| core::mem::replace(&mut slots.protocol, Protocol::One));
            drop(two);
        }
        let finished = join_all(idle.iter_mut().map(|connection| {
            connection.report(EndedBy::Client, why, connection.last_segment());
            connection.finish()
        }));
        select(finished, pin!(self.inner.wire.sleep(PATIENCE))).await;
    }
}

enum Entry<W: Wire> {
    Granted(Grant<W>),
    Wait(oneshot::Receiver<Grant<W>>),
}

impl<W: Wire> Inner<W> {
    fn enter(self: &Rc<Self>, origin: &Origin, priority: Priority, offer: Offer) -> Entry<W> {
        let mut origins = self.origins.borrow_mut();
        let slots = origins.entry(origin.clone()).or_insert_with(Slots::new);
        let asking = offer == Offer::TwoAndOne && matches!(slots.protocol, Protocol::Asking);
        match &slots.protocol {
            Protocol::Two(two) if offer == Offer::TwoAndOne && !two.is_over() => {
                return Entry::Granted(Grant::Two(two.clone()));
            }
            _ => {}
        }
        if slots.open < self.per_origin && !asking {
            slots.open += 1;
            // With connections open, what it speaks is known.
            let asks = offer == Offer::TwoAndOne && slots.open == 1;
            if asks {
                slots.protocol = Protocol::Asking;
            }
            return Entry::Granted(Grant::Open(self.permit(origin, asks)));
        }
        let (sender, receiver) = oneshot::channel();
        let order = self.next.get();
        self.next.set(order + 1);
        slots.waiting.insert((Reverse(priority), order), sender);
        Entry::Wait(receiver)
    }

    fn permit(self: &Rc<Self>, origin: &Origin, asks: bool) -> Permit<W> {
        let pool = Some(Rc::clone(self));
        Permit { pool, origin: origin.clone(), asks: Cell::new(asks) }
    }

    /// The origin speaks HTTP/1: those who waited for the answer may open connections.
    fn speaks_one(self: &Rc<Self>, origin: &Origin) {
        if let Some(slots) = self.origins.borrow_mut().get_mut(origin) {
            slots.protocol = Protocol::One;
        }
        loop {
            let waiting = {
                let mut origins = self.origins.borrow_mut();
                let Some(slots) = origins.get_mut(origin) else { return };
                if slots.open >= self.per_origin {
                    return;
                }
                let Some((_, waiting)) = slots.waiting.pop_first() else { return };
                slots.open += 1;
                waiting
            };
            // A permit that nobody takes gives its place back when it is dropped.
            drop(waiting.send(Grant::Open(self.permit(origin, false))));
        }
    }

    /// The idle connection that was used last: it is the one most likely to be still open.
    fn take_idle(&self, origin: &Origin) -> Option<Connection<W>> {
        loop {
            let idle = self.origins.borrow_mut().get_mut(origin)?.idle.pop()?;
            let connection = idle.connection.borrow_mut().take();
            drop(idle.watcher);
            if connection.is_some() {
                return connection;
            }
        }
    }

    fn next_waiting(&self, origin: &Origin) -> Option<oneshot::Sender<Grant<W>>> {
        let mut origins = self.origins.borrow_mut();
        origins.get_mut(origin)?.waiting.pop_first().map(|(_, sender)| sender)
    }

    fn give_back(self: &Rc<Self>, connection: Connection<W>) {
        let origin = connection.permit.origin.clone();
        let mut connection = connection;
        while let Some(waiting) = self.next_waiting(&origin) {
            connection = match waiting.send(Grant::Kept(Box::new(connection))) {
                Err(Grant::Kept(refused)) => *refused,
                _ => return,
            };
        }
        let id = connection.id;
        let connection = Rc::new(RefCell::new(Some(connection)));
        let watch = watch(Rc::downgrade(self), origin.clone(), Rc::clone(&connection), id);
        let watcher = self.wire.spawn(watch);
        let mut origins = self.origins.borrow_mut();
        let slots = origins.entry(origin).or_insert_with(Slots::new);
        slots.idle.push(Idle { id, connection, watcher });
    }

    /// A place has become free; `asked` says that what the origin speaks was not found out.
    fn release(self: &Rc<Self>, origin: &Origin, asked: bool) {
        while let Some(waiting) = self.next_waiting(origin) {
            match waiting.send(Grant::Open(self.permit(origin, asked))) {
                // Nobody waits there any more; this permit must not release the place again.
                Err(Grant::Open(mut permit)) => drop(permit.pool.take()),
                _ => return,
            }
        }
        if let Some(slots) = self.origins.borrow_mut().get_mut(origin) {
            slots.open = slots.open.saturating_sub(1);
            if asked {
                slots.protocol = Protocol::One;
            }
        }
    }

    /// Takes an idle connection out by its id. Its watcher goes on: it is the one who calls.
    fn forget(&self, origin: &Origin, id: ConnectionId) {
        let idle = self.origins.borrow_mut().get_mut(origin).and_then(|slots| {
            let at = slots.idle.iter().position(|idle| idle.id == id)?;
            Some(slots.idle.remove(at))
        });
        if let Some(idle) = idle {
            idle.watcher.detach();
        }
    }
}

/// Waits until an idle connection ends, or has been idle for too long, and closes it then.
async fn watch<W: Wire>(
    pool: Weak<Inner<W>>,
    origin: Origin,
    shared: Rc<RefCell<Option<Connection<W>>>>,
    id: ConnectionId,
) {
    let Some((wire, idle)) = pool.upgrade().map(|pool| (pool.wire.clone(), pool.idle)) else {
        return;
    };
    let mut timer = Timer::new(wire.clone());
    timer.set(Some(wire.now() + idle));
    let by = poll_fn(|context| {
        let mut shared = shared.borrow_mut();
        let Some(connection) = shared.as_mut() else { return Poll::Ready(None) };
        if connection.poll_fill(context).is_ready() {
            return Poll::Ready(Some(EndedBy::Server));
        }
        timer.poll_due(context).map(|()| Some(EndedBy::Client))
    })
    .await;
    if let Some(pool) = pool.upgrade() {
        pool.forget(&origin, id);
    }
    let connection = shared.borrow_mut().take();
    let (Some(mut connection), Some(by)) = (connection, by) else { return };
    let why = match by {
        EndedBy::Client => "idle for too long",
        _ => "closed while idle",
    };
    connection.report(by, why, connection.last_segment());
    select(pin!(connection.finish()), pin!(wire.sleep(PATIENCE))).await;
}

impl<W: Wire> Permit<W> {
    /// Its connection speaks HTTP/1.
    pub(crate) fn settle(&self) {
        if let Some(pool) = self.pool.as_ref().filter(|_| self.asks.replace(false)) {
            pool.speaks_one(&self.origin);
        }
    }

    /// The connection of HTTP/2 with this id has ended.
    pub(crate) fn forget_two(&self, id: ConnectionId) {
        let Some(pool) = &self.pool else { return };
        if let Some(slots) = pool.origins.borrow_mut().get_mut(&self.origin)
            && matches!(&slots.protocol, Protocol::Two(two) if two.id() == id)
        {
            slots.protocol = Protocol::One;
        }
    }
}

impl<W: Wire> Drop for Permit<W> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.release(&self.origin, self.asks.get());
        }
    }
}
