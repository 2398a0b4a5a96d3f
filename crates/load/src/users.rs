//! The users of one thread: each takes the request that is due next, sends it, and reads its answer.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use http::Version;
use roundtrip_http::client::{Dedicated, KeepAlive, Unanswered};
use roundtrip_record::{FaultKind, Step, Time};
use roundtrip_wire::{Task, Wire};
use tokio::sync::Mutex;

use crate::aim::{Aim, Aimed};
use crate::gauge::Gauge;
use crate::plan::Plan;
use crate::schedule::{Schedule, Share, Ticket};
use crate::tally::{Span, Tally};

/// How often a request is sent once more after its connection turned out to be closed.
const AGAIN: u32 = 1;

/// What the users of a thread share.
pub(crate) struct Users<W: Wire> {
    wire: W,
    aim: Aim<W>,
    schedule: RefCell<Schedule>,
    tally: RefCell<Tally>,
    gauge: Arc<Gauge>,
    begin: Cell<Time>,
    end: Option<Duration>,
    timeout: Duration,
}

/// A connection to each origin, for those who use it together.
type Seat<W> = Rc<Vec<Mutex<Option<Dedicated<W>>>>>;

/// One user: the connections it has now, by origin.
struct User<W: Wire> {
    seat: Seat<W>,
    own: Vec<Option<Dedicated<W>>>,
}

/// Has the users of a thread carry out its share of a plan.
pub(crate) async fn carry_out<W: Wire>(
    wire: W,
    aim: Aim<W>,
    plan: &Plan,
    share: Share,
    gauge: Arc<Gauge>,
    interrupt: impl Future<Output = ()>,
) -> Tally {
    let users = Rc::new(Users {
        schedule: RefCell::new(Schedule::new(plan, share)),
        tally: RefCell::default(),
        gauge,
        begin: Cell::new(wire.now()),
        end: plan.stop.time,
        timeout: plan.timeout,
        wire,
        aim,
    });
    let connections = share.of(u64::from(plan.connections.get()));
    let shared = plan.version >= Version::HTTP_2 && plan.streams.get() > 1;
    let streams = if shared { plan.streams.get() } else { 1 };
    let mut all = Vec::new();
    for _ in 0..connections {
        let seat: Seat<W> = Rc::new(users.aim.openers.iter().map(|_| Mutex::default()).collect());
        for _ in 0..streams {
            let own = users.aim.openers.iter().map(|_| None).collect();
            all.push(User { seat: Rc::clone(&seat), own });
        }
    }
    let work = async {
        if plan.keep_alive == KeepAlive::On {
            all = users.open_ahead(all).await;
        }
        users.begin.set(users.wire.now());
        let tasks = all.into_iter().map(|user| {
            let users = Rc::clone(&users);
            users.wire.clone().spawn(async move { users.run(user).await })
        });
        for task in tasks.collect::<Vec<Task>>() {
            task.await;
        }
    };
    let (work, interrupt) = (core::pin::pin!(work), core::pin::pin!(interrupt));
    let interrupted = matches!(select(work, interrupt).await, Either::Right(_));
    users.schedule.borrow_mut().stop();
    Tally { interrupted, ..users.tally.take() }
}

impl<W: Wire> Users<W> {
    fn now(&self) -> Duration {
        self.wire.now().since(self.begin.get())
    }

    /// Opens every user's connections before the clock starts, so that no request waits for one that is
    /// there anyway.
    async fn open_ahead(self: &Rc<Self>, all: Vec<User<W>>) -> Vec<User<W>> {
        let opened = Rc::new(RefCell::new(Vec::with_capacity(all.len())));
        let open = |mut user: User<W>| {
            let (users, opened) = (Rc::clone(self), Rc::clone(&opened));
            self.wire.spawn(async move {
                for origin in 0..user.own.len() {
                    // Who has none by then opens one for its first request, and that tells why it cannot.
                    let _ = users.connect(&mut user, origin).await;
                }
                opened.borrow_mut().push(user);
            })
        };
        for task in all.into_iter().map(open).collect::<Vec<Task>>() {
            task.await;
        }
        opened.take()
    }

    async fn run(&self, mut user: User<W>) {
        while let Some(ticket) = self.take() {
            let target = &self.aim.targets[ticket.target];
            let Some(due) = self.wait(ticket).await else { continue };
            self.send(&mut user, target, due).await;
        }
        for connection in user.own.into_iter().flatten() {
            connection.finish(true);
        }
    }

    fn take(&self) -> Option<Ticket> {
        self.schedule.borrow_mut().take(self.now())
    }

    /// Waits until a request is due, and says when that was; `None` where it is too late for it.
    async fn wait(&self, ticket: Ticket) -> Option<Duration> {
        let now = self.now();
        let Some(due) = ticket.due else {
            self.tally.borrow_mut().due(now);
            return Some(now);
        };
        self.tally.borrow_mut().due(due);
        if due > now {
            self.wire.sleep_until(self.begin.get() + due).await;
            let late = self.now().saturating_sub(due);
            self.tally.borrow_mut().late(due, late);
        } else if let Some(end) = self.end.filter(|end| now >= *end) {
            self.tally.borrow_mut().unsent(due, end);
            return None;
        }
        Some(due)
    }

    /// Sends a request that is due, and counts what comes of it.
    async fn send(&self, user: &mut User<W>, target: &Aimed, due: Duration) {
        let mut tries = 0;
        loop {
            let began = self.now();
            let connection = match self.connect(user, target.origin).await {
                Ok(connection) => connection,
                Err(fault) => {
                    self.gauge.failed();
                    let times = (began, self.now());
                    self.tally.borrow_mut().failed(times, false, fault, &target.url);
                    // Who cannot connect does not try as fast as it can.
                    return self.rest().await;
                }
            };
            let sent = self.now();
            let result = connection.exchange(&target.request, self.timeout).await;
            let over = self.now();
            match result {
                Ok(answered) => {
                    if !answered.keeps
                        && let Some(connection) = user.own[target.origin].take()
                    {
                        connection.finish(true);
                    }
                    let latency = over.saturating_sub(due);
                    if answered.status.as_u16() >= 400 {
                        self.gauge.failed();
                    } else {
                        self.gauge.answered(latency);
                    }
                    let span = Span { due, sent, over };
                    let mut tally = self.tally.borrow_mut();
                    return tally.answered(span, answered.status, answered.body, &target.url);
                }
                Err(Unanswered { step, kind, stale }) => {
                    if let Some(connection) = user.own[target.origin].take() {
                        connection.finish(false);
                    }
                    if stale && tries < AGAIN {
                        tries += 1;
                        self.tally.borrow_mut().resent += 1;
                        continue;
                    }
                    self.gauge.failed();
                    let fault = (step, kind);
                    self.tally.borrow_mut().failed((sent, over), true, fault, &target.url);
                    return;
                }
            }
        }
    }

    /// A pause after a failure that took no time: a server that refuses is not asked a million times.
    async fn rest(&self) {
        const REST: Duration = Duration::from_millis(1);
        self.wire.sleep(REST).await;
    }

    /// A connection that can carry a request: the one at hand, one that another user of the seat has, or a
    /// new one.
    async fn connect<'u>(
        &self,
        user: &'u mut User<W>,
        origin: usize,
    ) -> Result<&'u mut Dedicated<W>, (Step, FaultKind)> {
        let own = &mut user.own[origin];
        let ready = match own {
            Some(connection) => connection.is_ready().await,
            None => false,
        };
        if !ready {
            if let Some(lost) = own.take() {
                lost.finish(true);
            }
            let mut shared = user.seat[origin].lock().await;
            let of_seat = match shared.as_mut() {
                Some(connection) => connection.is_ready().await.then(|| connection.another()),
                None => None,
            };
            *own = Some(if let Some(connection) = of_seat.flatten() {
                connection
            } else {
                let (connection, opening) = self.aim.openers[origin].open().await?;
                self.tally.borrow_mut().opened(opening);
                *shared = connection.another();
                connection
            });
        }
        // There is one by now.
        own.as_mut().ok_or_else(|| {
            (Step::Connect, FaultKind::SendFailed { why: "no connection could be had".into() })
        })
    }
}
