//! [`Wire`] over our own host: the one implementation, under both `tap` and `lab`.

mod connect;
mod datagram;
mod listener;
mod port;
mod stream;
mod waiter;

use core::cell::RefCell;
use core::fmt;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::SystemTime;

use roundtrip_host::{
    AddressState, Apart, Event, Host, IfIndex, ListenerId, Received, SocketId, UdpId,
};
use roundtrip_record::{ConnectionId, EventId, Log, Time, WireKind};
use roundtrip_tcp as tcp;

use crate::{ConnectFault, Environment, Task, Wire};
use waiter::{Waiter, Waiters};

pub use datagram::StackDatagram;
pub use listener::StackListener;
pub use port::Port;
pub use stream::StackStream;

/// A host and what drives it. Clones share the one host.
///
/// # Contract with the driver
/// - Frames that arrive are given to [`Stack::handle_frame`], one or several, and then
///   [`Stack::flush`] is called.
/// - [`Stack::handle_timeout`] is called when the time that [`Port::set_timer`] named has come.
/// - Everything the stack wants is asked of its [`Port`]. The port's methods are called while the
///   stack is at work and must not call it back.
pub struct Stack<P: Port> {
    shared: Rc<Shared<P>>,
}

struct Shared<P> {
    port: P,
    inner: RefCell<Inner>,
}

/// The host, and who waits for what.
struct Inner {
    host: Host,
    log: Log,
    /// The buffer for the next frame.
    frame: Vec<u8>,
    /// By the socket's slot.
    sockets: Vec<Watched>,
    listeners: BTreeMap<ListenerId, Waiter>,
    datagrams: BTreeMap<UdpId, Waiters>,
    /// Connections that are not gone, and who waits until they are.
    connections: BTreeMap<ConnectionId, Waiters>,
}

/// A socket that has an owner.
#[derive(Default)]
struct Watched {
    reader: Waiter,
    /// Also waits for the handshake.
    writer: Waiter,
}

/// Runs `$body` with a trace: the log, or nothing at all where nobody records, so that recording
/// compiles away there.
macro_rules! traced {
    ($log:expr, |$trace:ident| $body:expr) => {
        if $log.is_on() {
            let $trace = &mut *$log;
            $body
        } else {
            let $trace = &mut ::roundtrip_record::Off;
            $body
        }
    };
}
use traced;

impl Inner {
    fn watched(&mut self, socket: SocketId) -> &mut Watched {
        let slot = socket.slot();
        if slot >= self.sockets.len() {
            self.sockets.resize_with(slot + 1, Watched::default);
        }
        &mut self.sockets[slot]
    }

    /// A socket gets an owner.
    fn adopt(&mut self, socket: SocketId) -> ConnectionId {
        *self.watched(socket) = Watched::default();
        let id = self.host.tcp(socket).map(tcp::Connection::id).unwrap_or_default();
        self.connections.entry(id).or_default();
        id
    }

    fn dispatch(&mut self, event: &Event) {
        match *event {
            Event::Tcp(socket, event) => self.dispatch_tcp(socket, event),
            Event::Acceptable(listener) => {
                if let Some(waiter) = self.listeners.get_mut(&listener) {
                    waiter.wake();
                }
            }
            Event::Udp(socket) => {
                if let Some(waiters) = self.datagrams.get_mut(&socket) {
                    waiters.wake();
                }
            }
            Event::Gone(connection) => {
                if let Some(mut waiters) = self.connections.remove(&connection) {
                    waiters.wake();
                }
            }
            // Conflicts of addresses are the port's.
            Event::AddressConflict(..) => {}
        }
    }

    /// The address of a conflict that was lost: of one that is defended nobody needs to hear.
    fn lost_address(&self, event: &Event) -> Option<IpAddr> {
        let Event::AddressConflict(_, address) = *event else { return None };
        let mut own = self.host.addresses();
        own.any(|own| own.address == address && own.state == AddressState::Duplicate)
            .then_some(address)
    }

    fn dispatch_tcp(&mut self, socket: SocketId, event: tcp::Event) {
        let watched = self.watched(socket);
        match event {
            tcp::Event::Readable | tcp::Event::PeerFinished => watched.reader.wake(),
            tcp::Event::Connected | tcp::Event::Writable => watched.writer.wake(),
            tcp::Event::Closed { .. } => {
                watched.reader.wake();
                watched.writer.wake();
            }
            tcp::Event::SoftError => {}
        }
    }
}

impl<P: Port> Stack<P> {
    /// Puts a host on a port. What happens is reported to `log`, which speaks for this host.
    pub fn new(host: Host, port: P, log: Log) -> Self {
        let inner = Inner {
            host,
            log,
            frame: port.buffer(),
            sockets: Vec::new(),
            listeners: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            connections: BTreeMap::new(),
        };
        Self { shared: Rc::new(Shared { port, inner: RefCell::new(inner) }) }
    }

    /// The port.
    pub fn port(&self) -> &P {
        &self.shared.port
    }

    /// Looks at the host, or configures it: interfaces, addresses, routes. `act` must not call the
    /// stack.
    pub fn host<T>(&self, act: impl FnOnce(&mut Host) -> T) -> T {
        let result = act(&mut self.shared.inner.borrow_mut().host);
        self.flush();
        result
    }

    /// A frame arrived on `interface`. [`Stack::flush`] must follow, after the last of several.
    #[inline]
    pub fn handle_frame(&self, interface: IfIndex, bytes: &[u8], received: Received) {
        let now = self.shared.port.now();
        let Inner { host, log, .. } = &mut *self.shared.inner.borrow_mut();
        traced!(log, |trace| host.handle_frame(now, interface, bytes, received, trace));
    }

    /// The time has come that was set by [`Port::set_timer`].
    pub fn handle_timeout(&self) {
        self.with(|host, now, log| traced!(log, |trace| host.handle_timeout(now, trace)));
    }

    /// Asks the link whether somebody else has one of our addresses; [`Port::lost_address`] hears of
    /// it.
    pub fn check_addresses(&self) {
        self.with(|host, now, _| {
            let addresses: Vec<IpAddr> = host.addresses().map(|own| own.address).collect();
            for address in addresses {
                host.check_address(now, address);
            }
        });
    }

    /// Resets all connections: the host is going away.
    pub fn abort_all(&self) {
        self.with(|host, now, log| traced!(log, |trace| host.abort_all(now, trace)));
    }

    /// Drains the host: wakes tasks, hands frames to the port, sets the timer.
    #[inline]
    pub fn flush(&self) {
        self.drain(&mut self.shared.inner.borrow_mut());
    }

    /// Does something with the host, and drains it.
    fn with<T>(&self, act: impl FnOnce(&mut Host, Time, &mut Log) -> T) -> T {
        let now = self.shared.port.now();
        let inner = &mut *self.shared.inner.borrow_mut();
        let result = act(&mut inner.host, now, &mut inner.log);
        self.drain(inner);
        result
    }

    fn drain(&self, inner: &mut Inner) {
        let port = &self.shared.port;
        let now = port.now();
        let Inner { host, log, frame, .. } = &mut *inner;
        let apart = &mut Some(|frame: Apart<'_>| port.transmit_apart(frame));
        while let Some(transmit) =
            traced!(log, |trace| host.poll_transmit_apart(now, frame, trace, apart))
        {
            port.transmit(core::mem::replace(frame, port.buffer()), transmit);
        }
        // After the frames, since those over loopback make things happen here. Telling of an event
        // makes no frame: tasks are woken, and run later.
        // By reference: it was written a moment ago.
        while let Some(event) = &inner.host.poll_event() {
            if let Some(address) = inner.lost_address(event) {
                port.lost_address(address);
            }
            inner.dispatch(event);
        }
        port.set_timer(inner.host.next_timeout());
    }

    /// As [`Wire::connect`], with options of its own for this connection.
    ///
    /// # Errors
    /// What was tried and what came back.
    pub async fn connect_with(
        &self,
        to: SocketAddr,
        options: Option<tcp::Options>,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> Result<StackStream<P>, ConnectFault> {
        connect::connect(self, to, options, until, cause).await
    }

    /// As [`Wire::listen`], with options that accepted connections inherit.
    ///
    /// # Errors
    /// As [`Wire::listen`].
    pub fn listen_with(
        &self,
        at: SocketAddr,
        options: Option<tcp::Options>,
    ) -> io::Result<StackListener<P>> {
        StackListener::open(self, at, options)
    }
}

impl<P> Clone for Stack<P>
where
    P: Port,
{
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<P: Port> fmt::Debug for Stack<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("kind", &self.shared.port.kind()).finish_non_exhaustive()
    }
}

impl<P: Port> Wire for Stack<P> {
    type Stream = StackStream<P>;
    type Listener = StackListener<P>;
    type Datagram = StackDatagram<P>;

    fn kind(&self) -> WireKind {
        self.shared.port.kind()
    }

    fn now(&self) -> Time {
        self.shared.port.now()
    }

    fn wall(&self) -> SystemTime {
        self.shared.port.wall()
    }

    fn log(&self) -> Log {
        self.shared.inner.borrow().log.clone()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.shared.inner.borrow_mut().host.rng().fill(bytes);
    }

    fn environment(&self) -> &dyn Environment {
        self.shared.port.environment()
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        self.shared.port.sleep_until(at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        self.shared.port.spawn(task)
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> {
        self.shared.port.work(work)
    }

    fn connect(
        &self,
        to: SocketAddr,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> impl Future<Output = Result<StackStream<P>, ConnectFault>> {
        connect::connect(self, to, None, until, cause)
    }

    fn closed(&self, id: ConnectionId) -> impl Future<Output = ()> + 'static {
        let stack = self.clone();
        poll_fn(move |context: &mut Context<'_>| {
            match stack.shared.inner.borrow_mut().connections.get_mut(&id) {
                Some(waiters) => {
                    waiters.wait(context);
                    Poll::Pending
                }
                None => Poll::Ready(()),
            }
        })
    }

    fn connections(&self) -> Vec<ConnectionId> {
        self.shared.inner.borrow().connections.keys().copied().collect()
    }

    fn listen(&self, at: SocketAddr) -> io::Result<StackListener<P>> {
        StackListener::open(self, at, None)
    }

    fn source(&self, to: IpAddr) -> Option<IpAddr> {
        self.shared.inner.borrow().host.source(to)
    }

    fn datagram(&self, at: SocketAddr) -> io::Result<StackDatagram<P>> {
        StackDatagram::open(self, at)
    }
}

/// Keeps `waker` unless it is there already.
fn keep(kept: &mut Option<Waker>, waker: &Waker) {
    match kept {
        Some(kept) if kept.will_wake(waker) => {}
        _ => *kept = Some(waker.clone()),
    }
}
