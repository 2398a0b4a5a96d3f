//! [`Wire`] over our own host: the one implementation, under both `tap` and `lab`.

mod connect;
mod datagram;
mod listener;
mod port;
mod shared;
mod stream;
mod waiter;

use core::future::{Future, poll_fn};
use core::task::{Context, Poll};
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::SystemTime;

use roundtrip_record::{ConnectionId, EventId, Log, Time, WireKind};

use crate::environment::Environment;
use crate::fault::ConnectFault;
use crate::wire::{Task, Wire};

pub use datagram::StackDatagram;
pub use listener::StackListener;
pub use port::Port;
pub use shared::Stack;
pub use stream::StackStream;

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
        connect::connect(self, to, until, cause)
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
        StackListener::open(self, at)
    }

    fn source(&self, to: IpAddr) -> Option<IpAddr> {
        self.shared.inner.borrow().host.source(to)
    }

    fn datagram(&self, at: SocketAddr) -> io::Result<StackDatagram<P>> {
        StackDatagram::open(self, at)
    }
}
