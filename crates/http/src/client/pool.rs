//! Connections kept for the next request, and who may open another.

use core::cell::{Cell, RefCell};
use core::cmp::Reverse;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use futures_util::future::{join_all, select};
use roundtrip_record::{ConnectionId, EndedBy, Priority, Time};
use roundtrip_wire::{Task, Wire};
use tokio::sync::oneshot;

use super::connection::{Connection, PATIENCE};
use super::group::Group;
use super::options::Options;
use super::permit::{Permit, Places};
use super::retry::Reuse;
use super::tls::Offer;
use super::two::Two;
use crate::timer::Timer;

/// The connections of a client. Its clones share them.
pub(crate) struct Pool<W: Wire> {
    inner: Rc<Inner<W>>,
}

impl<W: Wire> Clone for Pool<W> {
    fn clone(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

struct Inner<W: Wire> {
    wire: W,
    per_origin: usize,
    idle: Duration,
    groups: RefCell<BTreeMap<Group, Slots<W>>>,
    next: Cell<u64>,
    /// When the latest of the requests that have waited goes out.
    goes: Cell<Time>,
    /// No connection is kept any more, for this reason.
    closing: RefCell<Option<String>>,
}

struct Slots<W: Wire> {
    /// Connections open or being opened; those of HTTP/2 while they take streams.
    open: usize,
    idle: Vec<Idle<W>>,
    protocol: Protocol<W>,
    /// It said that it wants HTTP/1.1 (RFC 9113 §7, `HTTP_1_1_REQUIRED`).
    only_one: bool,
    /// It said that it does not answer on this connection of another host (RFC 9110 §15.5.20).
    apart: Option<ConnectionId>,
    /// By urgency, then by order.
    waiting: BTreeMap<Turn, Waiting<W>>,
}

/// A request that waits.
struct Waiting<W: Wire> {
    offer: Offer,
    /// A connection is being opened on its behalf: it gets no leave for another.
    dialing: bool,
    sender: oneshot::Sender<Grant<W>>,
}

/// The place of a request among those that wait.
type Turn = (Reverse<Priority>, u64);

/// A request that waits for the first connection that is free, be it the one that is being opened on
/// its behalf or another.
pub(crate) struct Queued<W: Wire> {
    /// Its place.
    pub(crate) turn: Turn,
    /// What it will be given.
    pub(crate) granted: oneshot::Receiver<Grant<W>>,
}

/// What the origin speaks, as far as it was offered HTTP/2.
enum Protocol<W: Wire> {
    /// Not known.
    Unknown,
    /// A connection is finding out; others wait for what it finds.
    Asking,
    /// HTTP/1 alone.
    One,
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
    Open(Permit),
    /// A connection of HTTP/2, shared with others.
    Two(Two<W>),
}

impl<W: Wire> Slots<W> {
    fn new() -> Self {
        Self {
            open: 0,
            idle: Vec::new(),
            protocol: Protocol::Unknown,
            only_one: false,
            apart: None,
            waiting: BTreeMap::new(),
        }
    }

    /// What a connection offers that may offer this: what the origin refuses is not offered again.
    fn offer(&self, most: Offer) -> Offer {
        if self.only_one { Offer::One } else { most }
    }

    /// The connection of HTTP/2 that another stream may go by.
    fn shared(&mut self, reuse: Reuse) -> Option<Two<W>> {
        let Protocol::Two(two) = &self.protocol else { return None };
        let unfit = matches!(reuse, Reuse::Fresh { not } if not == two.id());
        if two.is_over() || unfit {
            // It ends when its last stream does.
            self.protocol = Protocol::Unknown;
            return None;
        }
        Some(two.clone())
    }

    /// Takes a place for a connection that offers this, if there is one; says whether the connection
    /// finds out what the origin speaks.
    fn take_place(&mut self, most: usize, offer: Offer) -> Option<bool> {
        let two = offer == Offer::TwoAndOne;
        if self.open >= most || two && matches!(self.protocol, Protocol::Asking) {
            return None;
        }
        self.open += 1;
        let asks = two && matches!(self.protocol, Protocol::Unknown);
        if asks {
            self.protocol = Protocol::Asking;
        }
        Some(asks)
    }

    /// Takes out the first of those who wait that is served by a connection of HTTP/2, or by one of
    /// HTTP/1.
    fn take_waiting(&mut self, fits: impl Fn(&Waiting<W>) -> bool) -> Option<Waiting<W>> {
        let key = self.waiting.iter().find(|(_, waiting)| fits(waiting)).map(|(key, _)| *key);
        self.waiting.remove(&key?)
    }
}

impl<W: Wire> Pool<W> {
    pub(crate) fn new(wire: W, options: &Options) -> Self {
        Self {
            inner: Rc::new(Inner {
                wire,
                per_origin: options.per_origin.max(1),
                idle: options.idle,
                groups: RefCell::default(),
                next: Cell::new(0),
                goes: Cell::new(Time::ZERO),
                closing: RefCell::new(None),
            }),
        }
    }

    /// A kept connection, or leave to open one; waits for either where the origin has its number.
    pub(crate) async fn acquire(
        &self,
        group: &Group,
        priority: Priority,
        reuse: Reuse,
        offer: Offer,
    ) -> Grant<W> {
        let fresh = reuse != Reuse::Allowed;
        if !fresh {
            while let Some(mut connection) = self.inner.take_idle(group) {
                if connection.is_quiet().await {
                    return Grant::Kept(Box::new(connection));
                }
                connection.report(EndedBy::Server, "closed while idle", connection.last_segment());
                connection.finish_later();
            }
        }
        loop {
            let granted = match self.inner.enter(group, priority, reuse, offer) {
                Entry::Granted(grant) => return grant,
                Entry::Wait(granted) => granted.await,
            };
            if let Ok(Grant::Kept(_) | Grant::Two(_)) = granted {
                self.go(Duration::ZERO).await;
            }
            match granted {
                // One that has carried nothing yet is as good as a new one.
                Ok(Grant::Kept(connection)) if fresh && connection.served > 0 => {
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

    /// A request that has waited and now has a connection goes out after this time, and not before one that
    /// had its connection earlier.
    pub(crate) async fn go(&self, after: Duration) {
        let Inner { wire, goes, .. } = &*self.inner;
        let now = wire.now();
        let at = (now + after).max(goes.get());
        goes.set(at);
        if at > now {
            wire.sleep_until(at).await;
        }
    }

    /// Waits for the first connection that is free, while one is being opened on the request's behalf.
    pub(crate) fn queue(&self, group: &Group, priority: Priority, offer: Offer) -> Queued<W> {
        self.inner.queue(group, priority, offer, true)
    }

    /// No connection is being opened on behalf of this request any more.
    pub(crate) fn dialed(&self, group: &Group, turn: Turn) {
        let mut groups = self.inner.groups.borrow_mut();
        let waiting = groups.get_mut(group).and_then(|slots| slots.waiting.get_mut(&turn));
        if let Some(waiting) = waiting {
            waiting.dialing = false;
            drop(groups);
            self.inner.serve_waiting(group);
        }
    }

    /// Leave to open a connection that no request waits for, where the group may have one more.
    pub(crate) fn another(&self, group: &Group, offer: Offer) -> Option<Permit> {
        if self.inner.closing.borrow().is_some() {
            return None;
        }
        let (offer, asks) = {
            let mut groups = self.inner.groups.borrow_mut();
            let slots = groups.entry(group.clone()).or_insert_with(Slots::new);
            let offer = slots.offer(offer);
            if offer == Offer::TwoAndOne && slots.shared(Reuse::Allowed).is_some() {
                return None;
            }
            (offer, slots.take_place(self.inner.per_origin, offer)?)
        };
        Some(self.inner.permit(group, offer, asks))
    }

    /// Whether a group has a connection that a request can go by now, or will soon.
    pub(crate) fn has_ready(&self, group: &Group) -> bool {
        self.inner.groups.borrow().get(group).is_some_and(|slots| match &slots.protocol {
            Protocol::Two(two) => !two.is_over(),
            _ => !slots.idle.is_empty(),
        })
    }

    /// Whether a group has a connection, open or being opened.
    pub(crate) fn has(&self, group: &Group) -> bool {
        self.inner.groups.borrow().get(group).is_some_and(|slots| slots.open > 0)
    }

    /// Gives a connection back that can carry another request, or hands one in that was opened for
    /// whoever is first to need it; says why it cannot be kept, if so.
    pub(crate) fn give_back(
        &self,
        connection: Connection<W>,
    ) -> Result<(), (Connection<W>, String)> {
        let group = connection.permit.group().clone();
        let asked = connection.permit.found_out();
        let closing = self.inner.closing.borrow().clone();
        let kept = if let Some(why) = closing {
            Err((connection, why))
        } else {
            self.inner.give_back(connection);
            Ok(())
        };
        // The most urgent of those who waited to learn what the origin speaks has this connection by
        // now. Told before, each of them would open another, and this one would be of no use.
        if asked {
            Rc::clone(&self.inner).speaks_one(&group);
        }
        kept
    }

    /// All requests to this origin that may share a connection of HTTP/2 share this one from now on.
    pub(crate) fn keep_two(&self, group: &Group, two: &Two<W>) {
        if self.inner.closing.borrow().is_none() {
            let mut groups = self.inner.groups.borrow_mut();
            let slots = groups.entry(group.clone()).or_insert_with(Slots::new);
            slots.protocol = Protocol::Two(two.clone());
        }
        let next = || {
            let mut groups = self.inner.groups.borrow_mut();
            groups.get_mut(group)?.take_waiting(|waiting| waiting.offer == Offer::TwoAndOne)
        };
        while let Some(waiting) = next() {
            // One that nobody waits for any more is dropped.
            drop(waiting.sender.send(Grant::Two(two.clone())));
        }
    }

    /// The connection of another host by which requests of a group may go that has these addresses.
    pub(crate) fn coalesced(&self, group: &Group, addresses: &[SocketAddr]) -> Option<Two<W>> {
        let groups = self.inner.groups.borrow();
        if groups.get(group).is_some_and(|slots| slots.apart.is_some()) {
            return None;
        }
        let others = groups
            .iter()
            .filter(|(other, _)| *other != group && other.credentials == group.credentials);
        let mut shared = others.filter_map(|(_, slots)| match &slots.protocol {
            Protocol::Two(two) if !two.is_over() && !two.is_joined() => Some(two),
            _ => None,
        });
        let covers =
            |two: &&Two<W>| two.reach().is_some_and(|reach| reach.covers(&group.origin, addresses));
        shared.find(covers).cloned()
    }

    /// The origin does not answer on this connection. Whether it was another host's: from now on the group
    /// has its own.
    pub(crate) fn part(&self, group: &Group, connection: ConnectionId) -> bool {
        let mut groups = self.inner.groups.borrow_mut();
        let Some(slots) = groups.get_mut(group) else { return false };
        let joined = matches!(&slots.protocol, Protocol::Two(two) if two.is_joined() && two.id() == connection);
        if joined {
            slots.apart = Some(connection);
            slots.protocol = Protocol::Unknown;
        }
        // One that was misdirected before this was known goes again as well.
        slots.apart == Some(connection)
    }

    /// The origin wants HTTP/1.1 from now on.
    pub(crate) fn only_one(&self, group: &Group) {
        let mut groups = self.inner.groups.borrow_mut();
        let slots = groups.entry(group.clone()).or_insert_with(Slots::new);
        slots.only_one = true;
        slots.protocol = Protocol::One;
    }

    /// Closes what is idle, and from now on keeps nothing: what is busy is closed when it is done.
    pub(crate) async fn close(&self, why: &str) {
        *self.inner.closing.borrow_mut() = Some(why.to_owned());
        let mut idle = Vec::new();
        let groups: Vec<Group> = self.inner.groups.borrow().keys().cloned().collect();
        for group in &groups {
            while let Some(connection) = self.inner.take_idle(group) {
                idle.push(connection);
            }
            // A connection of HTTP/2 closes when nobody holds it and its streams are done.
            let two = self
                .inner
                .groups
                .borrow_mut()
                .get_mut(group)
                .map(|slots| core::mem::replace(&mut slots.protocol, Protocol::Unknown));
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
    fn enter(
        self: &Rc<Self>,
        group: &Group,
        priority: Priority,
        reuse: Reuse,
        offer: Offer,
    ) -> Entry<W> {
        let mut groups = self.groups.borrow_mut();
        let slots = groups.entry(group.clone()).or_insert_with(Slots::new);
        let offer = slots.offer(offer);
        if offer == Offer::TwoAndOne
            && let Some(two) = slots.shared(reuse)
        {
            return Entry::Granted(Grant::Two(two));
        }
        if let Some(asks) = slots.take_place(self.per_origin, offer) {
            return Entry::Granted(Grant::Open(self.permit(group, offer, asks)));
        }
        drop(groups);
        Entry::Wait(self.queue(group, priority, offer, false).granted)
    }

    fn queue(&self, group: &Group, priority: Priority, offer: Offer, dialing: bool) -> Queued<W> {
        let mut groups = self.groups.borrow_mut();
        let slots = groups.entry(group.clone()).or_insert_with(Slots::new);
        let offer = slots.offer(offer);
        let (sender, granted) = oneshot::channel();
        let order = self.next.get();
        self.next.set(order + 1);
        let turn = (Reverse(priority), order);
        slots.waiting.insert(turn, Waiting { offer, dialing, sender });
        Queued { turn, granted }
    }

    fn permit(self: &Rc<Self>, group: &Group, offer: Offer, asks: bool) -> Permit {
        Permit::new(Rc::<Self>::clone(self), group, offer, asks)
    }

    /// Gives free places to those who wait.
    fn serve_waiting(self: &Rc<Self>, group: &Group) {
        loop {
            let (waiting, asks) = {
                let mut groups = self.groups.borrow_mut();
                let Some(slots) = groups.get_mut(group) else { return };
                let asking = matches!(slots.protocol, Protocol::Asking);
                let fits = |waiting: &Waiting<W>| {
                    !(waiting.dialing || asking && waiting.offer == Offer::TwoAndOne)
                };
                if slots.open >= self.per_origin {
                    return;
                }
                let Some(waiting) = slots.take_waiting(fits) else { return };
                let Some(asks) = slots.take_place(self.per_origin, waiting.offer) else { return };
                (waiting, asks)
            };
            let permit = self.permit(group, waiting.offer, asks);
            if let Err(Grant::Open(permit)) = waiting.sender.send(Grant::Open(permit)) {
                // Nobody waits there any more. The place is given back here, and not by the permit,
                // so that this does not begin again within itself.
                permit.void();
                self.leave(group, asks);
            }
        }
    }

    /// A connection's place is free again; `asked` says that what the origin speaks was not found out.
    fn leave(&self, group: &Group, asked: bool) {
        if let Some(slots) = self.groups.borrow_mut().get_mut(group) {
            slots.open = slots.open.saturating_sub(1);
            if asked {
                slots.protocol = Protocol::Unknown;
            }
        }
    }

    /// The idle connection that was used last: it is the one most likely to be still open.
    fn take_idle(&self, group: &Group) -> Option<Connection<W>> {
        loop {
            let idle = self.groups.borrow_mut().get_mut(group)?.idle.pop()?;
            let connection = idle.connection.borrow_mut().take();
            drop(idle.watcher);
            if connection.is_some() {
                return connection;
            }
        }
    }

    fn next_waiting(&self, group: &Group) -> Option<oneshot::Sender<Grant<W>>> {
        let mut groups = self.groups.borrow_mut();
        groups.get_mut(group)?.take_waiting(|_| true).map(|waiting| waiting.sender)
    }

    fn give_back(self: &Rc<Self>, connection: Connection<W>) {
        let group = connection.permit.group().clone();
        let mut connection = connection;
        while let Some(waiting) = self.next_waiting(&group) {
            connection = match waiting.send(Grant::Kept(Box::new(connection))) {
                Err(Grant::Kept(refused)) => *refused,
                _ => return,
            };
        }
        let id = connection.id;
        let connection = Rc::new(RefCell::new(Some(connection)));
        let watch = watch(Rc::downgrade(self), group.clone(), Rc::clone(&connection), id);
        let watcher = self.wire.spawn(watch);
        let mut groups = self.groups.borrow_mut();
        let slots = groups.entry(group).or_insert_with(Slots::new);
        slots.idle.push(Idle { id, connection, watcher });
    }

    /// Takes an idle connection out by its id. Its watcher goes on: it is the one who calls.
    fn forget(&self, group: &Group, id: ConnectionId) {
        let idle = self.groups.borrow_mut().get_mut(group).and_then(|slots| {
            let at = slots.idle.iter().position(|idle| idle.id == id)?;
            Some(slots.idle.remove(at))
        });
        if let Some(idle) = idle {
            idle.watcher.detach();
        }
    }
}

impl<W: Wire> Places for Inner<W> {
    fn idle(&self) -> Duration {
        self.idle
    }

    fn speaks_one(self: Rc<Self>, group: &Group) {
        if let Some(slots) = self.groups.borrow_mut().get_mut(group) {
            slots.protocol = Protocol::One;
        }
        self.serve_waiting(group);
    }

    fn forget_two(&self, group: &Group, id: ConnectionId) {
        if let Some(slots) = self.groups.borrow_mut().get_mut(group)
            && matches!(&slots.protocol, Protocol::Two(two) if two.id() == id)
        {
            slots.protocol = Protocol::Unknown;
        }
    }

    fn free(self: Rc<Self>, group: &Group, asked: bool) {
        self.leave(group, asked);
        self.serve_waiting(group);
    }
}

/// Waits until an idle connection ends, or has been idle for too long, and closes it then.
async fn watch<W: Wire>(
    pool: Weak<Inner<W>>,
    group: Group,
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
        pool.forget(&group, id);
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
