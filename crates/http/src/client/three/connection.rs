//! A connection of HTTP/3: many exchanges at one time.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::rc::Rc;

use roundtrip_quic::{Connection, Ended};
use roundtrip_record::{
    ConnectionEnding, ConnectionId, EndedBy, EventId, LookupId, Side, Time, Trace as _, What,
};
use roundtrip_wire::Wire;

use crate::client::carrier::Boarding;
use crate::message::Limits;
use crate::three::{Code, Hub};
use crate::timer::Timer;

/// A connection that speaks HTTP/3. Its clones are the same connection.
pub(crate) struct Three<W: Wire>(Rc<Connected<W>>);

impl<W: Wire> Clone for Three<W> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

struct Connected<W: Wire> {
    wire: W,
    hub: Hub<W>,
    served: Cell<u32>,
    lookup: Cell<Option<LookupId>>,
    ready: Option<EventId>,
    /// When an exchange last began or ended on it.
    used: Cell<Time>,
    /// Exchanges under way.
    active: Cell<u32>,
    /// Why it takes no more requests, where we say so.
    retired: RefCell<Option<String>>,
    over: Cell<bool>,
    driver: RefCell<Option<Waker>>,
}

impl<W: Wire> Three<W> {
    /// Begins HTTP/3 on a connection. A task of its own drives it until it ends; it is closed when it
    /// has carried nothing for `idle`.
    pub(crate) fn begin(
        wire: &W,
        quic: Connection<W>,
        limits: &Limits,
        idle: Duration,
        (ready, lookup): (Option<EventId>, Option<LookupId>),
    ) -> Self {
        let three = Self(Rc::new(Connected {
            hub: Hub::new(quic, Side::Client, limits.head),
            served: Cell::new(0),
            lookup: Cell::new(lookup),
            ready,
            used: Cell::new(wire.now()),
            active: Cell::new(0),
            retired: RefCell::new(None),
            over: Cell::new(false),
            driver: RefCell::new(None),
            wire: wire.clone(),
        }));
        let driven = three.clone();
        wire.spawn(async move {
            let mut timer = Timer::new(driven.0.wire.clone());
            let ended = poll_fn(|context| driven.poll(idle, &mut timer, context)).await;
            driven.report_end(&ended);
        })
        .detach();
        three
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.0.hub.quic.id()
    }

    pub(crate) fn wire(&self) -> &W {
        &self.0.wire
    }

    pub(crate) fn hub(&self) -> &Hub<W> {
        &self.0.hub
    }

    /// Whether it takes no more requests.
    pub(crate) fn is_over(&self) -> bool {
        let retired = self.0.retired.borrow().is_some();
        self.0.over.get()
            || retired
            || self.0.hub.going_away().is_some()
            || self.0.hub.quic.ended().is_some()
    }

    /// One more exchange goes by it.
    pub(crate) fn board(&self) -> Boarding {
        let reused = self.0.served.get();
        self.0.served.set(reused + 1);
        self.0.used.set(self.0.wire.now());
        Boarding {
            reused,
            ready: self.0.ready.filter(|_| reused == 0),
            lookup: self.0.lookup.take(),
        }
    }

    /// An exchange goes by it from now on.
    pub(crate) fn enter(&self) {
        self.0.active.set(self.0.active.get() + 1);
    }

    /// An exchange that went by it has ended.
    pub(crate) fn leave(&self) {
        self.0.active.set(self.0.active.get().saturating_sub(1));
        self.0.used.set(self.0.wire.now());
        self.wake();
    }

    /// It takes no more requests, for this reason, and is closed when those under way are done.
    pub(crate) fn retire(&self, why: &str) {
        self.0.retired.borrow_mut().get_or_insert_with(|| why.to_owned());
        self.wake();
    }

    /// Completes when it is closed, and the other end has been told.
    pub(crate) async fn closed(&self) {
        poll_fn(|context| self.0.hub.quic.poll_flushed(context)).await;
    }

    fn wake(&self) {
        if let Some(driver) = &*self.0.driver.borrow() {
            driver.wake_by_ref();
        }
    }

    /// Goes on with it; ready when it is over.
    fn poll(&self, idle: Duration, timer: &mut Timer<W>, context: &mut Context<'_>) -> Poll<Ended> {
        *self.0.driver.borrow_mut() = Some(context.waker().clone());
        loop {
            if let Poll::Ready(ended) = self.0.hub.poll(context) {
                self.0.over.set(true);
                return Poll::Ready(ended);
            }
            let quiet = self.0.active.get() == 0;
            if quiet && self.is_over() {
                self.0.hub.quic.close(Code::NO_ERROR.0, "");
                continue;
            }
            timer.set(quiet.then(|| self.0.used.get() + idle));
            ready!(timer.poll_due(context));
            self.retire("idle for too long");
        }
    }

    fn report_end(&self, ended: &Ended) {
        let connection = self.id();
        let retired = self.0.retired.borrow().clone();
        let away = self.0.hub.going_away();
        let (by, why) = match (retired, away, ended) {
            (Some(why), _, _) => (EndedBy::Client, why),
            (None, Some(from), _) => (EndedBy::Server, format!("GOAWAY, from stream {from} on")),
            (None, None, Ended::Here { .. } | Ended::Breach { .. }) => {
                let breach = self.0.hub.breach().map(|breach| breach.to_string());
                (EndedBy::Client, breach.unwrap_or_else(|| ended.to_string()))
            }
            (None, None, ended) => (EndedBy::Server, ended.to_string()),
        };
        let cause = self.0.hub.quic.latest();
        self.0.wire.log().emit(self.0.wire.now(), cause, || {
            What::ConnectionEnding(ConnectionEnding { connection, by, why })
        });
    }
}
