//! One connection of HTTP/3 at the server (RFC 9114): many requests at one time. QUIC sends the more
//! urgent responses first (RFC 9218).

mod body;
mod conversation;
mod out;
mod stream;

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::rc::Rc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use roundtrip_quic::{Connection, Direction, Ended};
use roundtrip_record::{ConnectionEnding, EndedBy, Side, Time, Trace as _, What};
use roundtrip_wire::{LocalFuture, Wire};

use self::conversation::Conversation;
use self::stream::exchange;
use super::handler::Handler;
use super::shared::Shared;
use crate::three::{Code, Hub};
use crate::timer::Timer;

/// Turns before other tasks of the thread have theirs.
const TURNS: u32 = 64;

/// Serves a connection to its end.
pub(crate) async fn run<W: Wire>(
    shared: Rc<Shared<W>>,
    handler: Rc<dyn Handler>,
    quic: Connection<W>,
    full: bool,
) {
    let hub = Rc::new(Hub::new(quic, Side::Server, shared.options.limits.head));
    let told = Rc::clone(&shared);
    let mut serving = Serving {
        talk: Rc::new(Conversation {
            hub,
            handler,
            full,
            leaving: RefCell::new(None),
            shared: Rc::clone(&shared),
        }),
        tasks: FuturesUnordered::new(),
        stopping: Some(Box::pin(async move { told.told_to_stop().await })),
        served: 0,
        next: 0,
        said: Cell::new(false),
        active: shared.wire.now(),
        late: Timer::new(shared.wire.clone()),
    };
    let ended = poll_fn(|context| serving.poll(context)).await;
    serving.report_end(&ended);
    // Exchanges that are under way hear of it, and tell what they came to.
    poll_fn(|context| {
        while let Poll::Ready(Some(())) = serving.tasks.poll_next_unpin(context) {}
        Poll::Ready(())
    })
    .await;
}

/// A connection that is being served.
struct Serving<W: Wire> {
    talk: Rc<Conversation<W>>,
    tasks: FuturesUnordered<LocalFuture<'static, ()>>,
    stopping: Option<LocalFuture<'static, ()>>,
    served: u32,
    /// The first stream that has not begun.
    next: u64,
    /// The client was told that no more requests are taken.
    said: Cell<bool>,
    /// When it last had a request.
    active: Time,
    /// When it is closed that carries nothing.
    late: Timer<W>,
}

impl<W: Wire> Serving<W> {
    /// Goes on with everything; ready when the connection is over: how.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        let mut turns = 0;
        loop {
            if let Poll::Ready(ended) = self.talk.hub.poll(context) {
                return Poll::Ready(ended);
            }
            let mut again = self.accept(context);
            while let Poll::Ready(Some(())) = self.tasks.poll_next_unpin(context) {
                self.active = self.talk.shared.wire.now();
                again = true;
            }
            if let Some(stopping) = &mut self.stopping
                && stopping.as_mut().poll(context).is_ready()
            {
                self.stopping = None;
                self.talk.leave("server stops");
            }
            again |= self.go();
            turns += 1;
            if again && turns > TURNS {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !again && self.poll_late(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes the requests that have come; whether there were any.
    fn accept(&mut self, context: &mut Context<'_>) -> bool {
        let mut came = false;
        let quic = &self.talk.hub.quic;
        while let Poll::Ready(Ok(id)) = quic.poll_accept(Direction::Both, context) {
            came = true;
            if self.said.get() {
                // RFC 9114 §5.2.
                quic.stop(id, Code::REQUEST_REJECTED.0);
                quic.reset(id, Code::REQUEST_REJECTED.0);
                continue;
            }
            self.next = id.number() + 4;
            self.tasks.push(Box::pin(exchange(Rc::clone(&self.talk), id, self.served)));
            self.served += 1;
            self.active = self.talk.shared.wire.now();
            if self.served >= self.talk.shared.options.max_requests {
                self.talk.leave("limit of requests");
            }
        }
        came
    }

    /// Says that no more requests are taken, once that is so; whether that was now.
    fn go(&self) -> bool {
        let leaves = self.talk.leaving.borrow().is_some() && !self.said.get();
        if leaves {
            self.said.set(true);
            self.talk.hub.go_away(self.next);
        }
        leaves
    }

    /// Closes a connection that carries nothing and is not wanted any longer.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let options = &self.talk.shared.options;
        let leaving = *self.talk.leaving.borrow();
        let rest = match (leaving, self.served) {
            (Some(_), _) => options.linger,
            (None, 0) => options.head_timeout,
            (None, _) => options.keep_alive,
        };
        self.late.set(self.tasks.is_empty().then(|| self.active + rest));
        let due = self.late.poll_due(context);
        if due.is_ready() {
            self.talk.leave("idle");
            self.talk.hub.quic.close(Code::NO_ERROR.0, "");
        }
        due
    }

    fn report_end(&self, ended: &Ended) {
        let hub = &self.talk.hub;
        let breach = hub.breach().map(|breach| breach.to_string());
        let (by, why) = match (ended, *self.talk.leaving.borrow()) {
            (Ended::Here { .. }, Some(why)) => (EndedBy::Server, why.to_owned()),
            (Ended::Here { .. } | Ended::Breach { .. }, _) => {
                (EndedBy::Server, breach.unwrap_or_else(|| ended.to_string()))
            }
            (Ended::Closed { code, .. }, _) if Code(*code) == Code::NO_ERROR || *code == 0 => {
                (EndedBy::Client, "closed by the client".into())
            }
            (ended, _) => (EndedBy::Client, ended.to_string()),
        };
        let connection = hub.quic.id();
        let cause = hub.quic.latest();
        let wire = &self.talk.shared.wire;
        wire.log().emit(wire.now(), cause, || {
            What::ConnectionEnding(ConnectionEnding { connection, by, why })
        });
    }
}
