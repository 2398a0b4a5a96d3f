//! A socket and the connections that go by it, and the task that drives them.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use quinn_proto::{ConnectionHandle, DatagramEvent, EndpointEvent, Incoming, VarInt};
use roundtrip_record::{QuicOpened, Side, Time, Trace as _, What};
use roundtrip_wire::Wire;

use crate::chance;
use crate::clock::Clock;
use crate::crypto::{Server, VERSION};
use crate::ended::Ended;
use crate::link::{Link, State};
use crate::notes::Notes;
use crate::settings::{Settings, Validation};
use crate::socket::{Came, Socket};

/// Turns before other tasks of the thread have theirs.
const TURNS: u32 = 32;

/// See the module.
pub(crate) struct Endpoint<W: Wire> {
    pub(crate) wire: W,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    socket: Socket<W::Datagram>,
    inner: RefCell<Inner>,
    driver: RefCell<Option<Waker>>,
}

struct Inner {
    proto: quinn_proto::Endpoint,
    links: BTreeMap<usize, Rc<Link>>,
    /// Those that have something to do.
    touched: BTreeSet<usize>,
    /// When timers fire, and whose.
    deadlines: BTreeSet<(Time, usize)>,
    accepting: Option<Accepting>,
    /// No more connections are taken or opened: it ends with the last.
    leaving: bool,
}

/// What a server has besides.
struct Accepting {
    server: Server,
    config: quinn_proto::ServerConfig,
    /// Connections whose handshake is under way.
    handshaking: BTreeSet<usize>,
    /// Those whose handshake is complete, and that nobody has taken.
    ready: VecDeque<Rc<Link>>,
    waker: Option<Waker>,
    /// Connections that may be open at one time.
    most: usize,
}

type Sleep = Pin<Box<dyn Future<Output = ()>>>;

impl<W: Wire> Endpoint<W> {
    /// An endpoint for connections that are opened here.
    pub(crate) fn of_client(wire: &W, datagram: W::Datagram, settings: Settings) -> Rc<Self> {
        Self::new(wire, datagram, settings, None)
    }

    /// One that takes connections, too, of which `most` may be open at one time.
    pub(crate) fn of_server(
        wire: &W,
        datagram: W::Datagram,
        settings: Settings,
        server: Server,
        most: usize,
    ) -> Rc<Self> {
        let crypto = Arc::new(Server {
            tls: Arc::clone(&server.tls),
            initial: server.initial,
            notes: server.notes.clone(),
        });
        let key = Arc::new(chance::token_key(wire));
        let mut config = quinn_proto::ServerConfig::new(crypto, key);
        config.time_source(Arc::new(Calendar(wire.wall())));
        let accepting = Accepting {
            server,
            config,
            handshaking: BTreeSet::new(),
            ready: VecDeque::new(),
            waker: None,
            most,
        };
        Self::new(wire, datagram, settings, Some(accepting))
    }

    fn new(
        wire: &W,
        datagram: W::Datagram,
        settings: Settings,
        accepting: Option<Accepting>,
    ) -> Rc<Self> {
        let socket = Socket::new(datagram);
        let server = accepting.as_ref().map(|accepting| Arc::new(accepting.config.clone()));
        let config = Arc::new(chance::endpoint(wire));
        let proto = quinn_proto::Endpoint::new(config, server, socket.keeps_whole(), None);
        let endpoint = Rc::new(Self {
            clock: Clock::new(wire.now()),
            wire: wire.clone(),
            settings,
            socket,
            inner: RefCell::new(Inner {
                proto,
                links: BTreeMap::new(),
                touched: BTreeSet::new(),
                deadlines: BTreeSet::new(),
                accepting,
                leaving: false,
            }),
            driver: RefCell::new(None),
        });
        let driven = Rc::clone(&endpoint);
        let driving = async move {
            let mut sleep = None;
            poll_fn(|context| driven.poll(&mut sleep, context)).await;
        };
        wire.spawn(driving).detach();
        endpoint
    }

    pub(crate) fn local(&self) -> std::net::SocketAddr {
        self.socket.local()
    }

    /// Opens a connection.
    pub(crate) fn connect(
        &self,
        mut config: quinn_proto::ClientConfig,
        to: std::net::SocketAddr,
        name: &str,
        notes: Notes,
        cause: Option<roundtrip_record::EventId>,
    ) -> Result<Rc<Link>, quinn_proto::ConnectError> {
        let first = chance::first_id(&self.wire);
        config
            .version(VERSION)
            .initial_dst_cid_provider(Arc::new(move || first))
            .transport_config(Arc::new(self.settings.transport(&notes)));
        let now = self.clock.instant(self.wire.now());
        let (handle, proto) = self.inner.borrow_mut().proto.connect(now, config, to, name)?;
        let mut local = self.local();
        if let Some(source) = self.wire.source(to.ip()).filter(|_| local.ip().is_unspecified()) {
            local.set_ip(source);
        }
        let link = self.enter(handle, proto, Side::Client, (local, to), notes, cause);
        self.touch(&link);
        Ok(link)
    }

    /// A connection came into being.
    fn enter(
        &self,
        handle: ConnectionHandle,
        proto: quinn_proto::Connection,
        side: Side,
        (local, remote): (std::net::SocketAddr, std::net::SocketAddr),
        notes: Notes,
        cause: Option<roundtrip_record::EventId>,
    ) -> Rc<Link> {
        let id = self.wire.log().connection_id();
        let opened = self.wire.log().emit(self.wire.now(), cause, || {
            What::QuicOpened(QuicOpened { connection: id, side, local, remote, version: VERSION })
        });
        let state = RefCell::new(State::new(proto, opened));
        let link = Rc::new(Link { handle, id, side, local, remote, notes, state });
        self.inner.borrow_mut().links.insert(handle.0, Rc::clone(&link));
        self.mark(&link);
        link
    }

    /// A connection has something to do, for which the driver is under way or about to be.
    fn mark(&self, link: &Link) {
        self.inner.borrow_mut().touched.insert(link.handle.0);
    }

    /// A connection has something to do, and the driver is to be woken for it.
    pub(crate) fn touch(&self, link: &Link) {
        self.mark(link);
        if let Some(waker) = &*self.driver.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Closes a connection (RFC 9000 §10.2). What is under way on it is lost.
    pub(crate) fn close(&self, link: &Link, code: u64, why: &str) {
        let now = self.clock.instant(self.wire.now());
        let number = VarInt::from_u64(code).unwrap_or(VarInt::MAX);
        let reason = bytes::Bytes::copy_from_slice(why.as_bytes());
        link.state.borrow_mut().proto.close(now, number, reason);
        link.end(&self.wire, Ended::Here { code, why: why.to_owned() });
        self.touch(link);
    }

    /// No more connections are taken: it ends when the last is gone.
    pub(crate) fn leave(&self) {
        self.inner.borrow_mut().leaving = true;
        if let Some(waker) = &*self.driver.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The next connection that was taken and whose handshake is complete.
    pub(crate) fn poll_accept(&self, context: &Context<'_>) -> Poll<Rc<Link>> {
        let mut inner = self.inner.borrow_mut();
        let Some(accepting) = &mut inner.accepting else { return Poll::Pending };
        if let Some(link) = accepting.ready.pop_front() {
            return Poll::Ready(link);
        }
        accepting.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Goes on with everything; ready when nothing is left to drive.
    fn poll(&self, sleep: &mut Option<(Time, Sleep)>, context: &mut Context<'_>) -> Poll<()> {
        *self.driver.borrow_mut() = Some(context.waker().clone());
        let mut turns = 0;
        loop {
            let mut again = self.receive(context);
            again |= self.fire();
            let _ = self.socket.poll_flush(context);
            again |= self.drive();
            let over = {
                let inner = self.inner.borrow();
                inner.leaving && inner.links.is_empty()
            };
            if over {
                return Poll::Ready(());
            }
            turns += 1;
            if again && turns > TURNS {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !again && self.poll_sleep(sleep, context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Ready when the first timer fires.
    fn poll_sleep(&self, sleep: &mut Option<(Time, Sleep)>, context: &mut Context<'_>) -> Poll<()> {
        let Some((first, _)) = self.inner.borrow().deadlines.first().copied() else {
            *sleep = None;
            return Poll::Pending;
        };
        if sleep.as_ref().is_none_or(|(at, _)| *at != first) {
            *sleep = Some((first, Box::pin(self.wire.sleep_until(first))));
        }
        let Some((_, sleeping)) = sleep else { return Poll::Pending };
        let poll = sleeping.as_mut().poll(context);
        if poll.is_ready() {
            *sleep = None;
        }
        poll
    }

    /// Takes what has come; whether there was anything.
    fn receive(&self, context: &mut Context<'_>) -> bool {
        let came = self.socket.poll_receive(context, |came| self.take(came));
        match came {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.refused(&error);
                true
            }
        }
    }

    /// ICMP says something. Whoever opened a connection believes it while nothing else has come: later,
    /// anybody could say so.
    fn refused(&self, error: &io::Error) {
        let links: Vec<_> = self.inner.borrow().links.values().cloned().collect();
        for link in links {
            let hopes = {
                let state = link.state.borrow();
                link.side == Side::Client && !state.established && state.ended.is_none()
            };
            if hopes {
                link.end(&self.wire, error.into());
                self.forget(&link, true);
            }
        }
    }

    /// A datagram has come.
    fn take(&self, came: Came) {
        let now = self.clock.instant(self.wire.now());
        let Came { from, to, ecn, bytes, arrived, cause } = came;
        let mut response = Vec::new();
        let event = self.inner.borrow_mut().proto.handle(now, from, to, ecn, bytes, &mut response);
        match event {
            None => {}
            Some(DatagramEvent::Response(transmit)) => {
                // Nobody waits for it.
                let _ = self.socket.send(transmit, &response, cause);
            }
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let link = self.inner.borrow().links.get(&handle.0).cloned();
                let Some(link) = link else { return };
                {
                    let mut state = link.state.borrow_mut();
                    state.arrived = arrived;
                    state.proto.handle_event(event);
                }
                link.report(&self.wire, cause);
                self.mark(&link);
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.accept(incoming, cause),
        }
    }

    /// A client wants a connection.
    fn accept(&self, incoming: Incoming, cause: Option<roundtrip_record::EventId>) {
        let now = self.clock.instant(self.wire.now());
        let (remote, local_ip) = (incoming.remote_address(), incoming.local_ip());
        let mut response = Vec::new();
        let mut inner = self.inner.borrow_mut();
        let Inner { proto, links, accepting, leaving, .. } = &mut *inner;
        let Some(accepting) = accepting else {
            proto.ignore(incoming);
            return;
        };
        let answer = if *leaving || links.len() >= accepting.most {
            proto.refuse(incoming, &mut response)
        } else if self.settings.validation == Validation::ByRetry
            && !incoming.remote_address_validated()
            && incoming.may_retry()
        {
            match proto.retry(incoming, &mut response) {
                Ok(transmit) => transmit,
                Err(error) => return proto.ignore(error.into_incoming()),
            }
        } else {
            let notes = Notes::new(self.wire.log().is_on());
            let crypto = Server {
                tls: Arc::clone(&accepting.server.tls),
                initial: accepting.server.initial,
                notes: notes.clone(),
            };
            let mut config = accepting.config.clone();
            config.crypto = Arc::new(crypto);
            config.transport = Arc::new(self.settings.transport(&notes));
            // The first packet is read before it is known whose it is.
            let config = Some(Arc::new(config));
            match proto.accept(incoming, now, &mut response, config) {
                Ok((handle, proto)) => {
                    accepting.handshaking.insert(handle.0);
                    let early = accepting.server.notes.take();
                    drop(inner);
                    let mut local = self.local();
                    if let Some(ip) = local_ip {
                        local.set_ip(ip);
                    }
                    let link =
                        self.enter(handle, proto, Side::Server, (local, remote), notes, cause);
                    link.tell(&self.wire, early, cause);
                    link.report(&self.wire, cause);
                    return;
                }
                Err(error) => match error.response {
                    Some(transmit) => transmit,
                    None => return,
                },
            }
        };
        // Nobody else wants to know of its packets.
        accepting.server.notes.take();
        drop(inner);
        // Whether it comes there, the client will find out.
        let _ = self.socket.send(answer, &response, cause);
    }

    /// Fires the timers that are due; whether there were any.
    fn fire(&self) -> bool {
        let now = self.wire.now();
        let mut fired = false;
        loop {
            let link = {
                let mut inner = self.inner.borrow_mut();
                match inner.deadlines.first().copied() {
                    Some((at, key)) if at <= now => {
                        inner.deadlines.remove(&(at, key));
                        inner.links.get(&key).cloned()
                    }
                    _ => return fired,
                }
            };
            fired = true;
            let Some(link) = link else { continue };
            {
                let mut state = link.state.borrow_mut();
                state.deadline = None;
                state.proto.handle_timeout(self.clock.instant(now));
            }
            link.report(&self.wire, None);
            self.inner.borrow_mut().touched.insert(link.handle.0);
        }
    }

    /// Goes on with the connections that have something to do; whether there were any.
    fn drive(&self) -> bool {
        let mut driven = false;
        loop {
            let link = {
                let mut inner = self.inner.borrow_mut();
                let Some(key) = inner.touched.pop_first() else { return driven };
                inner.links.get(&key).cloned()
            };
            driven = true;
            if let Some(link) = link {
                self.go_on(&link);
            }
        }
    }

    /// Goes on with a connection.
    fn go_on(&self, link: &Rc<Link>) {
        let now = self.clock.instant(self.wire.now());
        loop {
            let mut again = false;
            self.transmit(link, now);
            loop {
                let Some(event) = link.state.borrow_mut().proto.poll_endpoint_events() else {
                    break;
                };
                let drained = event.is_drained();
                let back = self.inner.borrow_mut().proto.handle_event(link.handle, event);
                if drained {
                    self.settle(link);
                    return self.forget(link, false);
                }
                if let Some(back) = back {
                    link.state.borrow_mut().proto.handle_event(back);
                    again = true;
                }
            }
            self.settle(link);
            if !again {
                break;
            }
        }
        self.arm(link);
    }

    /// Sends what a connection has to send.
    fn transmit(&self, link: &Link, now: std::time::Instant) {
        let mut buffer = Vec::new();
        while !self.socket.is_blocked() {
            buffer.clear();
            let segments = self.socket.segments();
            let transmit = link.state.borrow_mut().proto.poll_transmit(now, segments, &mut buffer);
            let cause = link.report(&self.wire, None);
            let Some(transmit) = transmit else {
                link.state.borrow_mut().flush();
                return;
            };
            if let Err(error) = self.socket.send(transmit, &buffer, cause) {
                self.refused(&error);
            }
        }
        // It goes on when the socket takes more.
        self.inner.borrow_mut().touched.insert(link.handle.0);
    }

    /// Tells users what happened.
    fn settle(&self, link: &Rc<Link>) {
        loop {
            let Some(event) = link.state.borrow_mut().proto.poll() else { break };
            let ended = link.state.borrow_mut().take(event);
            if let Some(ended) = ended {
                link.end(&self.wire, ended);
            }
        }
        let (established, ended) = {
            let state = link.state.borrow();
            (state.established, state.ended.is_some())
        };
        let mut inner = self.inner.borrow_mut();
        let Some(accepting) = &mut inner.accepting else { return };
        let over = (established || ended) && accepting.handshaking.remove(&link.handle.0);
        if over && !ended {
            accepting.ready.push_back(Rc::clone(link));
            if let Some(waker) = accepting.waker.take() {
                waker.wake();
            }
        }
    }

    /// Takes note of when a connection's first timer fires.
    fn arm(&self, link: &Link) {
        let mut state = link.state.borrow_mut();
        let deadline = state.proto.poll_timeout().map(|at| self.clock.time(at));
        if deadline == state.deadline {
            return;
        }
        let mut inner = self.inner.borrow_mut();
        let key = link.handle.0;
        if let Some(before) = core::mem::replace(&mut state.deadline, deadline) {
            inner.deadlines.remove(&(before, key));
        }
        inner.deadlines.extend(deadline.map(|at| (at, key)));
    }

    /// A connection is gone. `tell` says that `quinn-proto` does not know it yet.
    fn forget(&self, link: &Link, tell: bool) {
        let mut inner = self.inner.borrow_mut();
        let key = link.handle.0;
        if let Some(before) = link.state.borrow_mut().deadline.take() {
            inner.deadlines.remove(&(before, key));
        }
        link.state.borrow_mut().flush();
        if inner.links.remove(&key).is_some() && tell {
            inner.proto.handle_event(link.handle, EndpointEvent::drained());
        }
        inner.touched.remove(&key);
    }
}

/// The calendar of a server, which stands where it stood when the server began: tokens are good for
/// seconds of it, and what counts is that they are not from another run.
struct Calendar(std::time::SystemTime);

impl quinn_proto::TimeSource for Calendar {
    fn now(&self) -> std::time::SystemTime {
        self.0
    }
}
