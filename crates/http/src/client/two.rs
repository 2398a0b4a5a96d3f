//! A connection of HTTP/2 (RFC 9113): many exchanges at one time.

use core::cell::{Cell, RefMut};
use core::future::{Future as _, poll_fn};
use core::ops::ControlFlow;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::rc::Rc;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use roundtrip_record::{
    ConnectionEnding, ConnectionId, EndedBy, EventId, LookupId, Time, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};

use super::carrier::Boarding;
use super::coalesce::Reach;
use super::permit::Permit;
use crate::channel::Channel;
use crate::message::Limits;
use crate::timer::Timer;
use crate::two::{Floods, Guard, Io, Ledger, Moment, Opener, Passed, Watch, Way, Wiretap};

/// How much a server may send of one body before we have read some of it. It is as much as Chromium
/// lets it (`kSpdyStreamMaxRecvWindowSize`): 6 MiB fill 1 Gbit/s at 50 ms. More is allowed when half of
/// it has been read.
const STREAM_WINDOW: u32 = 6 << 20;
/// The same for all bodies of a connection together (`kSpdySessionMaxRecvWindowSize`).
const CONNECTION_WINDOW: u32 = 15 << 20;

type Driven<W> = h2::client::Connection<Io<W, Watcher>, Bytes>;

/// A connection that speaks HTTP/2. Its clones are the same connection.
pub(crate) struct Two<W: Wire> {
    send: SendRequest<Bytes>,
    shared: Rc<Connected<W>>,
    /// It is here for another host than the one it was opened for.
    joined: Option<Rc<Joined>>,
}

/// A host that joined a connection.
struct Joined {
    /// The lookup that led to it; taken by the first exchange.
    lookup: Cell<Option<LookupId>>,
}

struct Connected<W: Wire> {
    wire: W,
    tap: Rc<Wiretap<W, Watcher>>,
    id: ConnectionId,
    /// To whom else it could lead; `None`: to nobody.
    reach: Option<Reach>,
    served: Cell<u32>,
    lookup: Cell<Option<LookupId>>,
    ready: Option<EventId>,
    /// When an exchange last began or ended on it.
    used: Cell<Time>,
    /// It takes no more requests, because it carried nothing for too long.
    idle: Cell<bool>,
    /// It has ended.
    over: Cell<bool>,
}

/// Looks at the frames of a server.
struct Watcher {
    ledger: Ledger,
    guard: Guard,
}

impl Watch for Watcher {
    fn passed(&mut self, way: Way, passed: &Passed<'_>, moment: Moment) -> ControlFlow<()> {
        match (way, passed) {
            (Way::In, Passed::Frame(head, _)) => self.guard.came(*head, moment.at),
            (Way::Out, Passed::Frame(head, _)) => self.guard.went(*head),
            (_, Passed::Head(_)) => {}
        }
        if self.guard.excess().is_some() {
            return ControlFlow::Break(());
        }
        self.ledger.passed(way, passed, moment);
        ControlFlow::Continue(())
    }
}

/// How a connection ended.
enum End {
    /// As HTTP/2 has it, or by an error.
    Two(Result<(), h2::Error>),
    /// The server sent too much of this.
    Excess(&'static str),
}

impl<W: Wire> Clone for Two<W> {
    fn clone(&self) -> Self {
        let joined = self.joined.clone();
        Self { send: self.send.clone(), shared: Rc::clone(&self.shared), joined }
    }
}

impl<W: Wire> Two<W> {
    /// Begins HTTP/2 on a connection. A task of its own drives it until it ends; `permit` lives until
    /// it takes no more requests.
    pub(crate) async fn begin(
        wire: W,
        channel: Channel<W::Stream>,
        permit: Permit,
        limits: Limits,
        (ready, lookup): (Option<EventId>, Option<LookupId>),
        reach: Option<Reach>,
    ) -> Result<Self, h2::Error> {
        let id = channel.id();
        let watcher = Watcher {
            ledger: Ledger::new(Opener::Us),
            guard: Guard::new(Floods::default(), limits.head),
        };
        let tap = Wiretap::of_client(wire.clone(), channel, watcher);
        let (send, connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
            // h2 reads the machine's clock to forget streams that it reset. So it never does.
            .reset_stream_duration(Duration::MAX)
            .max_concurrent_reset_streams(usize::MAX)
            .handshake::<_, Bytes>(Io(Rc::clone(&tap)))
            .await?;
        let shared = Rc::new(Connected {
            wire: wire.clone(),
            tap,
            id,
            reach,
            served: Cell::new(0),
            lookup: Cell::new(lookup),
            ready,
            used: Cell::new(wire.now()),
            idle: Cell::new(false),
            over: Cell::new(false),
        });
        wire.spawn(drive(Rc::clone(&shared), connection, permit)).detach();
        Ok(Self { send, shared, joined: None })
    }

    /// To whom else it could lead, if to anybody.
    pub(crate) fn reach(&self) -> Option<&Reach> {
        self.shared.reach.as_ref()
    }

    /// The same connection for another host, to which a lookup led.
    pub(crate) fn joined_by(&self, lookup: Option<LookupId>) -> Self {
        Self { joined: Some(Rc::new(Joined { lookup: Cell::new(lookup) })), ..self.clone() }
    }

    /// Whether it is here for another host than the one it was opened for.
    pub(crate) fn is_joined(&self) -> bool {
        self.joined.is_some()
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.shared.id
    }

    pub(crate) fn wire(&self) -> &W {
        &self.shared.wire
    }

    /// The frames that passed on it.
    pub(crate) fn ledger(&self) -> RefMut<'_, Ledger> {
        RefMut::map(self.shared.tap.watch(), |watcher| &mut watcher.ledger)
    }

    /// What the server sent too much of, if it did.
    pub(crate) fn excess(&self) -> Option<&'static str> {
        self.shared.tap.watch().guard.excess()
    }

    /// Whether it takes no more requests.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.takes_no_more()
    }

    /// An exchange that went by it has ended.
    pub(crate) fn leave(&self, stream: u32) {
        self.ledger().forget(stream);
        self.shared.used.set(self.shared.wire.now());
    }

    /// One more exchange goes by it.
    pub(crate) fn board(&self) -> Boarding {
        let reused = self.shared.served.get();
        self.shared.served.set(reused + 1);
        self.shared.used.set(self.shared.wire.now());
        Boarding {
            reused,
            ready: self.shared.ready.filter(|_| reused == 0),
            lookup: match &self.joined {
                Some(joined) => joined.lookup.take(),
                None => self.shared.lookup.take(),
            },
        }
    }

    /// Opens a stream with a request's head; with `ends`, that is all of the request.
    pub(crate) fn poll_open(
        &mut self,
        request: &http::Request<()>,
        ends: bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<(ResponseFuture, SendStream<Bytes>), h2::Error>> {
        ready!(self.send.poll_ready(context))?;
        Poll::Ready(self.send.send_request(request.clone(), ends))
    }
}

/// Drives a connection to its end; `permit` lives until it takes no more requests.
async fn drive<W: Wire>(shared: Rc<Connected<W>>, connection: Driven<W>, permit: Permit) {
    let idle = permit.idle();
    let mut timer = Timer::new(shared.wire.clone());
    let (mut connection, mut permit) = (connection, Some(permit));
    let end = poll_fn(|context| {
        loop {
            let result = Pin::new(&mut connection).poll(context).map(End::Two);
            let excess = shared.tap.watch().guard.excess().map(End::Excess);
            let result = excess.map_or(result, Poll::Ready);
            shared.over.set(result.is_ready());
            if let Some(permit) = permit.take_if(|_| result.is_ready() || shared.takes_no_more()) {
                // Streams that run go on; those that wait go elsewhere.
                permit.forget_two(shared.id);
            }
            if result.is_ready() || permit.is_none() {
                return result;
            }
            timer.set(Some(shared.idle_since() + idle));
            ready!(timer.poll_due(context));
            // Nobody holds it from now on, and so it ends.
            shared.idle.set(true);
        }
    })
    .await;
    shared.report_end(&end);
    if let End::Excess(_) = end {
        // What is still to come is not wanted; who waits for something is told by the end of it.
        shared.tap.channel().abort();
    }
}

impl<W: Wire> Connected<W> {
    fn takes_no_more(&self) -> bool {
        self.over.get() || self.idle.get() || self.tap.watch().ledger.going_away().is_some()
    }

    /// Since when it has carried nothing.
    fn idle_since(&self) -> Time {
        let busy = !self.tap.watch().ledger.is_empty();
        if busy { self.wire.now() } else { self.used.get() }
    }

    fn report_end(&self, end: &End) {
        let away = self.tap.watch().ledger.going_away();
        let (by, why) = match (end, away) {
            (End::Excess(why), _) => (EndedBy::Client, (*why).into()),
            (_, Some(away)) => {
                let code = h2::Reason::from(away.code);
                (EndedBy::Server, format!("GOAWAY ({code:?}), last stream {}", away.last))
            }
            (End::Two(Ok(())), None) if self.idle.get() => {
                (EndedBy::Client, "idle for too long".into())
            }
            (End::Two(Ok(())), None) => (EndedBy::Client, "no more exchanges".into()),
            (End::Two(Err(error)), None) if error.is_remote() || error.is_io() => {
                (EndedBy::Server, error.to_string())
            }
            (End::Two(Err(error)), None) => (EndedBy::Client, error.to_string()),
        };
        self.wire.log().emit(self.wire.now(), None, || {
            What::ConnectionEnding(ConnectionEnding { connection: self.id, by, why })
        });
    }
}
