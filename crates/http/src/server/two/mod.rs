//! One connection of HTTP/2 at the server (RFC 9113): many requests at one time, whose responses are
//! sent in the order of their priorities (RFC 9218), unless the server is told otherwise.

mod body;
mod duplex;
mod request;
mod responder;
mod rules;
mod sending;
mod stream;
mod watcher;

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use h2::{Reason, RecvStream};
use http::{Method, StatusCode};
use roundtrip_record::{BodyCut, ConnectionEnding, ConnectionId, EndedBy, Time, Trace as _, What};
use roundtrip_wire::{LocalFuture, Transport as _, Wire};
use tokio::io::AsyncWrite as _;

use self::body::Incoming;
use self::duplex::Duplex;
use self::responder::Responder;
use self::rules::Breach;
use self::sending::{Sending, Turn};
use self::stream::{Done, Stream, coded, handle, pass_over};
use self::watcher::Watcher;
use super::handler::{Handler, Request};
use super::interim::Interim;
use super::options::Options;
use super::outcome::cut;
use super::priority::{Priority, Turns};
use super::refusal;
use super::response::{After, Response};
use super::shared::Shared;
use crate::channel::Channel;
use crate::message::authority;
use crate::reporter::{Reporter, RequestReport};
use crate::timer::Timer;
use crate::two::{Guard, Io, Wiretap};
use crate::upgraded::Upgraded;

/// How much a client may send of one body before the handler has read some of it.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for all bodies of a connection together.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How much is handed over before the connection has taken it: what is handed over cannot be overtaken any more
/// by something more urgent, and the body of a response that overtook with its head would stand behind it. One
/// frame of the size that every client takes (RFC 9113 §4.2).
const AHEAD: u64 = 16 * 1024;
/// How much `h2` takes of one stream: more than is ever handed over.
const SEND_BUFFER: usize = 4 * AHEAD as usize;
/// Streams that were reset here and whose frames that still come are passed over.
const REMEMBERED_RESETS: usize = 64;
/// Turns before other tasks of the thread have theirs.
const TURNS: u32 = 64;

type Accepts<W> = h2::server::Connection<Io<W, Watcher>, Bytes>;

/// Serves a connection to its end; `early` was read from it already. `full` answers everything with
/// 503.
pub(crate) async fn run<W: Wire>(
    shared: Rc<Shared<W>>,
    handler: Rc<dyn Handler>,
    channel: Channel<W::Stream>,
    early: BytesMut,
    full: bool,
) {
    let id = channel.id();
    let guard = Guard::new(shared.options.floods, shared.options.limits.head);
    let tap = Wiretap::of_server(shared.wire.clone(), channel, early, Watcher::new(guard));
    let handshake = pin!(builder(&shared.options).handshake(Io(Rc::clone(&tap))));
    let late = pin!(shared.wire.sleep(shared.options.head_timeout));
    let (by, why) = match select(handshake, late).await {
        Either::Left((Ok(two), _)) => {
            let answering = (Rc::clone(&shared), handler);
            let mut serving = Serving::new(answering, Rc::clone(&tap), id, two, full);
            let ended = poll_fn(|context| serving.poll(context)).await;
            serving.finish();
            ended
        }
        Either::Left((Err(error), _)) if error.is_library() => {
            // What came is no HTTP/2. `h2` leaves it to us to say so (RFC 9113 §3.4).
            farewell(&tap).await;
            (EndedBy::Server, "no preface of HTTP/2".into())
        }
        Either::Left((Err(error), _)) => (EndedBy::Client, error.to_string()),
        Either::Right(_) => (EndedBy::Server, "idle".into()),
    };
    shared.wire.log().emit(shared.wire.now(), None, || {
        What::ConnectionEnding(ConnectionEnding { connection: id, by, why })
    });
    if by == EndedBy::Server {
        linger(&shared, &tap).await;
    }
}

fn builder(options: &Options) -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(options.max_streams)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(options.limits.head).unwrap_or(u32::MAX))
        // What is handed over is bounded here, for all streams together.
        .max_send_buffer_size(SEND_BUFFER)
        // h2 reads the machine's clock to forget streams that it reset. So it never does.
        .reset_stream_duration(Duration::MAX)
        .max_concurrent_reset_streams(REMEMBERED_RESETS);
    builder
}

/// Says that the connection ends before anything has come that HTTP/2 begins with. It is written only
/// where it can be at once: there is nobody to wait for.
async fn farewell<W: Wire>(tap: &Wiretap<W, Watcher>) {
    /// `GOAWAY`, 8 octets, of the connection: the last stream is 0, the code `PROTOCOL_ERROR`.
    const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    poll_fn(|context| {
        let mut channel = tap.channel();
        if let Poll::Ready(Ok(_)) = Pin::new(&mut *channel).poll_write(context, &GOAWAY) {
            // What cannot be flushed now is when the connection is closed.
            let _ = Pin::new(&mut *channel).poll_flush(context);
        }
        Poll::Ready(())
    })
    .await;
}

/// Closes our direction and reads on for a while: closing with unread data would reset the
/// connection, and the reset could overtake what was said last.
async fn linger<W: Wire>(shared: &Shared<W>, tap: &Wiretap<W, Watcher>) {
    const MOST: u64 = 8 << 20;
    let late = pin!(shared.wire.sleep(shared.options.linger));
    let (mut shut, mut read, mut buffer) = (false, 0, BytesMut::new());
    let drained = poll_fn(|context| {
        let mut channel = tap.channel();
        if !shut {
            match Pin::new(&mut *channel).poll_shutdown(context) {
                Poll::Ready(Ok(())) => shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        loop {
            buffer.clear();
            match super::poll_read_into(&mut *channel, &mut buffer, 16 * 1024, context) {
                Poll::Ready(Ok(got @ 1..)) if read < MOST => read += got as u64,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    select(pin!(drained), late).await;
}

/// A connection that is being served.
struct Serving<W: Wire> {
    shared: Rc<Shared<W>>,
    handler: Rc<dyn Handler>,
    tap: Rc<Wiretap<W, Watcher>>,
    id: ConnectionId,
    two: Accepts<W>,
    full: bool,
    streams: BTreeMap<u32, Stream<W>>,
    tasks: FuturesUnordered<LocalFuture<'static, Done>>,
    turns: Turns,
    served: u32,
    /// Why no more requests are taken.
    leaving: Option<&'static str>,
    /// When the client was told of an error of the connection.
    ending: Option<Time>,
    /// When the connection last had a request.
    active: Time,
    /// The client takes nothing of what is there for it.
    blocked: bool,
    /// Bytes that had gone out when that was looked at.
    went: u64,
    /// When the first of these is too late.
    late: Timer<W>,
    /// When something last went out.
    moved: Time,
    stopping: Option<LocalFuture<'static, ()>>,
}

type Ended = (EndedBy, String);

/// What can be too late on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Late {
    /// The rest of a head that has begun.
    Head,
    /// The acknowledgement of our settings.
    Settings,
    /// That the client takes something of a response.
    Write,
    /// The next request.
    Next,
    /// That the client ends a connection that takes no more requests.
    End,
}

impl<W: Wire> Serving<W> {
    fn new(
        (shared, handler): (Rc<Shared<W>>, Rc<dyn Handler>),
        tap: Rc<Wiretap<W, Watcher>>,
        id: ConnectionId,
        two: Accepts<W>,
        full: bool,
    ) -> Self {
        let now = shared.wire.now();
        let told = Rc::clone(&shared);
        Self {
            late: Timer::new(shared.wire.clone()),
            stopping: Some(Box::pin(async move { told.told_to_stop().await })),
            turns: Turns::new(shared.options.scheduling),
            shared,
            handler,
            tap,
            id,
            two,
            full,
            streams: BTreeMap::new(),
            tasks: FuturesUnordered::new(),
            served: 0,
            leaving: None,
            ending: None,
            active: now,
            blocked: false,
            went: 0,
            moved: now,
        }
    }

    /// Goes on with everything; ready when the connection has ended: by whom and why.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        let mut turns = 0;
        loop {
            let mut again = false;
            // All that have come are known before the first of them is answered.
            loop {
                match self.two.poll_accept(context) {
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        self.begin(request, Responder::new(respond));
                        again = true;
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(self.ended(Some(&error))),
                    Poll::Ready(None) => return Poll::Ready(self.ended(None)),
                    Poll::Pending => break,
                }
            }
            again |= self.guard();
            while let Poll::Ready(Some(done)) = self.tasks.poll_next_unpin(context) {
                self.take(done);
                again = true;
            }
            self.reprioritise();
            again |= self.send(context);
            again |= self.settle();
            if let Some(stopping) = &mut self.stopping
                && stopping.as_mut().poll(context).is_ready()
            {
                self.stopping = None;
                self.leave("server stops");
                again = true;
            }
            turns += 1;
            if again && turns > TURNS {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !again {
                match self.poll_late(context) {
                    Poll::Ready(Some(ended)) => return Poll::Ready(ended),
                    Poll::Ready(None) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        }
    }

    /// A request has come.
    fn begin(&mut self, request: http::Request<RecvStream>, responder: Rc<Responder>) {
        let shared = Rc::clone(&self.shared);
        let (parts, incoming) = request.into_parts();
        let id = incoming.stream_id().as_u32();
        let block = self.tap.watch().ledger.take_in(id);
        let head = request::head(&parts, block.map_or(0, |block| block.bytes));
        let now = shared.wire.now();
        let expected = head.fields.text("Content-Length").and_then(|text| text.parse().ok());
        let cause = block.and_then(|block| block.began.segment);
        let (method, url) = (head.line.method.as_str(), parts.uri.to_string());
        let (reporter, cause) = Reporter::of_server(shared.wire.clone(), cause, method, &url);
        let report = RequestReport {
            connection: self.id,
            stream: Some(u64::from(id)),
            lookup: None,
            reused: self.served,
            line: &head.line,
            fields: &head.fields,
            began: block.map_or(now, |block| block.began.at),
            passed: block.and_then(|block| block.began.passed),
            head_bytes: head.bytes,
            body_bytes: expected.unwrap_or(0),
            body: None,
        };
        let cause = reporter.request(cause, report).or(cause);
        let expectation = head.fields.text("Expect").map(str::to_ascii_lowercase);
        let waits = (expectation.as_deref() == Some("100-continue")).then(|| Rc::clone(&responder));
        let incoming =
            Incoming::new(shared.wire.clone(), incoming, expected, waits, &shared.options);
        let (local, peer, secure) = {
            let channel = self.tap.channel();
            (channel.local(), channel.peer(), channel.is_secure())
        };
        let interim = Interim::to(Rc::<Responder>::clone(&responder));
        let wall = shared.wire.wall();
        let refused = match authority(&head) {
            Ok(_) if self.full => {
                self.leave("full");
                Some(refusal::full())
            }
            Ok(_) => refusal::refuse_body(&shared.options, expected, expectation.as_deref()),
            Err(error) => Some(refusal::malformed(error)),
        };
        let priority = head.fields.get("Priority").map(Priority::parse).unwrap_or_default();
        let (at, exchange, event) = (now, reporter.exchange(), cause);
        let request = Request { head, local, peer, secure, at, wall, interim, exchange, event };
        let request = Rc::new(request);
        let stream = Stream {
            request,
            incoming,
            responder,
            sending: None,
            reporter,
            cause,
            answer: None,
            trouble: None,
            cut: None,
        };
        self.tasks.push(handle(Rc::clone(&self.handler), id, &stream, refused));
        let update = self.tap.watch().take_update(id);
        self.turns.set(id, update.unwrap_or(priority));
        self.streams.insert(id, stream);
        self.served += 1;
        self.active = now;
        if self.served >= shared.options.max_requests {
            self.leave("limit of requests");
        }
    }

    /// A task has come to its end.
    fn take(&mut self, done: Done) {
        match done {
            Done::Response(id, response) => self.answer(id, *response),
            Done::GivenUp(id) => self.forget(id),
            Done::Upgraded(id) => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.answer.get_or_insert((StatusCode::OK, crate::message::Fields::new()));
                }
                self.forget(id);
            }
            Done::PassedOver => {}
        }
    }

    /// A response begins.
    fn answer(&mut self, id: u32, mut response: Response) {
        if response.after == After::Close {
            self.leave("answered so");
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        self.shared.announce(stream.request.secure, &mut response);
        let (fields, follows) = stream.head(&self.shared, &response);
        let status = response.status;
        let Some(out) = stream.responder.begin(coded(status, &fields), !follows) else {
            // The client gave the stream up meanwhile, or a field cannot be sent.
            stream.responder.reset(Reason::INTERNAL_ERROR);
            self.forget(id);
            return;
        };
        stream.answer = Some((status, fields));
        stream.trouble = response.trouble.take();
        let upgrade = response.upgrade.take();
        if let (Some(upgrade), true, &Method::CONNECT) =
            (upgrade, status.is_success(), &stream.request.head.line.method)
            && let Some(incoming) = stream.incoming.take()
        {
            let going_on = upgrade.run(Upgraded::new(Duplex::new(incoming, out)));
            self.tasks.push(Box::pin(async move {
                going_on.await;
                Done::Upgraded(id)
            }));
        } else if follows {
            let trailers = core::mem::take(&mut response.trailers);
            stream.sending = Some(Sending::new(out, response.body, trailers));
        }
    }

    /// Hands over what may be sent, the most urgent first; answers whether something was.
    fn send(&mut self, context: &mut Context<'_>) -> bool {
        let mut sent = false;
        self.blocked = false;
        loop {
            let (ahead, deep) = self.ahead();
            if ahead >= AHEAD {
                self.blocked = true;
                return sent;
            }
            let open = self.tap.watch().window() > ahead as i64;
            if !self.turn(open, deep, context) {
                return sent;
            }
            sent = true;
        }
    }

    /// One turn of the first stream that has something to send; whether there was one. While the
    /// connection's window is not `open`, nobody goes ahead of the most urgent: what it then waits for
    /// would go to others. While more than one frame of a stream waits in `h2` (`deep`), nobody else
    /// adds one: `h2` would let it overtake.
    fn turn(&mut self, open: bool, deep: Option<u32>, context: &mut Context<'_>) -> bool {
        for id in self.turns.order() {
            if deep.is_some_and(|deep| deep != id) {
                self.blocked = true;
                return false;
            }
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let Some(sending) = &mut stream.sending else { continue };
            match sending.turn(context) {
                Turn::Sent => {
                    self.turns.sent(id);
                    return true;
                }
                Turn::Ended => {
                    self.turns.remove(id);
                    return true;
                }
                Turn::Refused => {
                    stream.cut = Some(BodyCut::Reset);
                    self.turns.remove(id);
                    return true;
                }
                Turn::Failed(error) => {
                    stream.cut = Some(cut(&error));
                    self.turns.remove(id);
                    return true;
                }
                Turn::NoData => {}
                Turn::NoWindow => {
                    self.blocked = true;
                    if !open {
                        return false;
                    }
                }
            }
        }
        false
    }

    /// Bytes of bodies that were handed over and that the connection has not taken yet, and a stream
    /// of which these are more than one frame.
    fn ahead(&self) -> (u64, Option<u32>) {
        let watch = self.tap.watch();
        let (mut ahead, mut deep) = (0, None);
        for (id, stream) in &self.streams {
            let Some(sending) = &stream.sending else { continue };
            let waiting = sending.handed().saturating_sub(watch.ledger.data_out(*id));
            if waiting == 0 || watch.ledger.is_reset(*id) {
                continue;
            }
            ahead += waiting;
            if waiting > sending.last() {
                deep = Some(*id);
            }
        }
        (ahead, deep)
    }

    /// Takes note of priorities that changed, before the next thing is sent.
    fn reprioritise(&mut self) {
        let mut watch = self.tap.watch();
        for id in self.streams.keys() {
            let update = watch.take_update(*id);
            if let Some(priority) = update.filter(|_| self.turns.contains(*id)) {
                self.turns.set(*id, priority);
            }
        }
    }

    /// Reports what has gone out, and forgets streams that are over; answers whether there were any.
    fn settle(&mut self) -> bool {
        let over: Vec<u32> = {
            let mut watch = self.tap.watch();
            if watch.went() != self.went {
                self.went = watch.went();
                self.moved = self.shared.wire.now();
            }
            let ids: Vec<u32> = self.streams.keys().copied().collect();
            let ledger = &mut watch.ledger;
            for (id, stream) in &mut self.streams {
                stream.report_heads(*id, self.id, ledger);
                let reset = ledger.is_reset(*id) && stream.answer.is_some();
                if reset && self.turns.contains(*id) {
                    stream.cut.get_or_insert(BodyCut::Reset);
                }
            }
            let is_over = |id: &u32| {
                self.streams.get(id).is_some_and(|stream| stream.answer.is_some())
                    && ledger.is_out(*id)
            };
            ids.into_iter().filter(is_over).collect()
        };
        for id in &over {
            self.forget(*id);
        }
        !over.is_empty()
    }

    /// A stream is over.
    fn forget(&mut self, id: u32) {
        self.turns.remove(id);
        self.active = self.shared.wire.now();
        if let Some(stream) = self.streams.remove(&id) {
            if stream.incoming.is_unread() && stream.cut.is_none() {
                let incoming = Rc::clone(&stream.incoming);
                self.tasks.push(pass_over(&self.shared.wire, incoming));
            }
            stream.finish(&self.shared, id, self.id);
        }
        let mut watch = self.tap.watch();
        watch.take_update(id);
        watch.ledger.forget(id);
    }

    /// No more requests are taken, for this reason; those under way are answered.
    fn leave(&mut self, why: &'static str) {
        if self.leaving.is_none() {
            self.leaving = Some(why);
            self.active = self.shared.wire.now();
            self.two.graceful_shutdown();
        }
    }

    /// Ends the connection of a client that sends too much, or what it may not; ends streams whose
    /// request is malformed. Answers whether there was anything to do.
    fn guard(&mut self) -> bool {
        let malformed = self.tap.watch().take_malformed();
        for id in &malformed {
            self.reset(*id, Reason::PROTOCOL_ERROR);
        }
        let breach = self.tap.watch().breach().filter(|_| self.ending.is_none());
        if let Some(breach) = breach {
            self.end(breach);
        }
        breach.is_some() || !malformed.is_empty()
    }

    /// Ends the connection with an error.
    fn end(&mut self, Breach { reason, why }: Breach) {
        self.ending = Some(self.shared.wire.now());
        self.leaving = Some(why);
        self.two.abrupt_shutdown(reason);
    }

    /// Ends a stream with an error.
    fn reset(&mut self, id: u32, reason: Reason) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match &mut stream.sending {
            Some(sending) => sending.reset(reason),
            None => stream.responder.reset(reason),
        }
        stream.cut = Some(BodyCut::Reset);
        self.forget(id);
    }

    /// What is too late: the end of the connection, or a goodbye that begins it.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<Option<Ended>> {
        let first = self.deadlines().into_iter().flatten().min();
        self.late.set(first.map(|(at, _)| at));
        let Some((_, late)) = first else { return Poll::Pending };
        if self.late.poll_due(context).is_pending() {
            return Poll::Pending;
        }
        let why = match late {
            Late::Next => {
                self.leave("idle");
                return Poll::Ready(None);
            }
            Late::Settings => {
                let why = "settings not acknowledged";
                self.end(Breach { reason: Reason::SETTINGS_TIMEOUT, why });
                return Poll::Ready(None);
            }
            Late::End => self.leaving.unwrap_or("gone"),
            Late::Head => "head not sent in time",
            Late::Write => "client takes nothing",
        };
        self.tap.channel().abort();
        Poll::Ready(Some((EndedBy::Server, why.into())))
    }

    /// All that is waited for, and until when.
    fn deadlines(&self) -> [Option<(Time, Late)>; 5] {
        let options = &self.shared.options;
        let (block, settings) = {
            let watch = self.tap.watch();
            (watch.block_since(), watch.unacknowledged_since())
        };
        let settings = settings.filter(|_| self.ending.is_none());
        let idle = self.streams.is_empty().then(|| match (self.leaving, self.served) {
            (Some(_), _) => (self.active + options.linger, Late::End),
            (None, 0) => (self.active + options.head_timeout, Late::Next),
            (None, _) => (self.active + options.keep_alive, Late::Next),
        });
        [
            block.map(|since| (since + options.head_timeout, Late::Head)),
            settings.map(|since| (since + options.head_timeout, Late::Settings)),
            self.blocked.then(|| (self.moved + options.write_timeout, Late::Write)),
            idle,
            // A client that does not even take the word of its error is not waited for.
            self.ending.map(|since| (since + options.linger, Late::End)),
        ]
    }

    /// The connection has ended.
    fn ended(&self, error: Option<&h2::Error>) -> Ended {
        match (self.leaving, error) {
            (Some(why), _) => (EndedBy::Server, why.into()),
            (None, None) => (EndedBy::Client, "closed by the client".into()),
            (None, Some(error)) if error.is_library() => (EndedBy::Server, error.to_string()),
            (None, Some(error)) => (EndedBy::Client, error.to_string()),
        }
    }

    /// Reports what could not be sent whole.
    fn finish(&mut self) {
        let ids: Vec<u32> = self.streams.keys().copied().collect();
        for id in ids {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.report_heads(id, self.id, &mut self.tap.watch().ledger);
                stream.cut.get_or_insert(BodyCut::Reset);
            }
            self.forget(id);
        }
    }
}
