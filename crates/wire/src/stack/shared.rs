//! A host and what drives it, shared by all its sockets.

use core::cell::RefCell;
use core::fmt;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use roundtrip_host::{
    AddressState, Event, Host, IfIndex, ListenerId, Received, SocketId, SplitFrame, UdpId,
};
use roundtrip_record::{ConnectionId, Log, Time};
use roundtrip_tcp as tcp;

use super::port::Port;
use super::waiter::{Waiter, Waiters};

/// A host and what drives it. Clones share the one host.
///
/// # Contract with the driver
/// - Frames that arrive are given to [`Stack::handle_frame`], one or several, and then
///   [`Stack::flush`] is called.
/// - [`Stack::handle_timeout`] is called when the time that [`Port::set_timer`] named has come.
/// - Everything the stack wants is asked of its [`Port`]. The port's methods are called while the
///   stack is at work and must not call it back.
pub struct Stack<P: Port> {
    pub(super) shared: Rc<Shared<P>>,
}

pub(super) struct Shared<P> {
    pub(super) port: P,
    pub(super) inner: RefCell<Inner>,
}

/// The host, and who waits for what.
pub(super) struct Inner {
    pub(super) host: Host,
    pub(super) log: Log,
    /// The buffer for the next frame.
    frame: Vec<u8>,
    /// By the socket's slot.
    sockets: Vec<Watched>,
    pub(super) listeners: BTreeMap<ListenerId, Waiter>,
    pub(super) datagrams: BTreeMap<UdpId, Waiters>,
    /// Connections that are not gone, and who waits until they are.
    pub(super) connections: BTreeMap<ConnectionId, Waiters>,
}

/// A socket that has an owner.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) reader: Waiter,
    /// Also waits for the handshake.
    pub(super) writer: Waiter,
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
pub(super) use traced;

impl Inner {
    pub(super) fn watched(&mut self, socket: SocketId) -> &mut Watched {
        let slot = socket.slot();
        if slot >= self.sockets.len() {
            self.sockets.resize_with(slot + 1, Watched::default);
        }
        &mut self.sockets[slot]
    }

    /// A socket gets an owner.
    pub(super) fn adopt(&mut self, socket: SocketId) -> ConnectionId {
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
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Host, Time, &mut Log) -> T) -> T {
        let now = self.shared.port.now();
        let inner = &mut *self.shared.inner.borrow_mut();
        let result = act(&mut inner.host, now, &mut inner.log);
        self.drain(inner);
        result
    }

    pub(super) fn drain(&self, inner: &mut Inner) {
        let port = &self.shared.port;
        let now = port.now();
        let Inner { host, log, frame, .. } = &mut *inner;
        let split = &mut Some(|frame: SplitFrame<'_>| port.transmit_split(frame));
        while let Some(transmit) =
            traced!(log, |trace| host.poll_transmit_split(now, frame, trace, split))
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
