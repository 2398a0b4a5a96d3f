//! A wire for tests: hosts on one desk. Bytes arrive at once, time is virtual and jumps when all
//! wait. There are no packets here: what depends on them is tested in the lab.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::time::{Duration, SystemTime};

use roundtrip_record::{
    Attempt, AttemptEnd, ConnectionId, EventId, Log, Role, TcpState, Time, WireKind,
};
use roundtrip_wire::{
    ConnectFault, Datagram, Environment, Fragmentation, Incoming, Joining, Listener, LocalFuture,
    Nodelay, OsAnswer, Outgoing, Packet, StreamInfo, Task, Text, Transport, Wire,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

/// How many bytes are under way at most in one direction.
const WINDOW: usize = 64 * 1024;

type Future0 = Pin<Box<dyn Future<Output = ()>>>;

/// A host.
#[derive(Clone)]
pub(crate) struct Desk {
    shared: Rc<Shared>,
    log: Log,
    address: IpAddr,
}

struct Shared {
    log: Log,
    now: Cell<Time>,
    next: Cell<u64>,
    timers: RefCell<BTreeMap<(Time, u64), Waker>>,
    tasks: RefCell<BTreeMap<u64, Future0>>,
    ready: Arc<Mutex<VecDeque<u64>>>,
    listeners: RefCell<BTreeMap<SocketAddr, mpsc::UnboundedSender<Stream>>>,
    /// Addresses that do not answer at all.
    silent: RefCell<Vec<IpAddr>>,
}

struct Wakes(u64, Arc<Mutex<VecDeque<u64>>>);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let mut ready = self.1.lock().unwrap();
        if !ready.contains(&self.0) {
            ready.push_back(self.0);
        }
    }
}

impl Desk {
    pub(crate) fn new(log: &Log, address: IpAddr) -> Self {
        let shared = Shared {
            log: log.clone(),
            now: Cell::new(Time::ZERO),
            next: Cell::new(1),
            timers: RefCell::default(),
            tasks: RefCell::default(),
            ready: Arc::default(),
            listeners: RefCell::default(),
            silent: RefCell::default(),
        };
        let host = log.host("client", Role::Client, &[]);
        Self { shared: Rc::new(shared), log: log.of(host), address }
    }

    /// Another host on the same desk.
    pub(crate) fn host(&self, name: &str, address: IpAddr) -> Self {
        let host = self.shared.log.host(name, Role::WebServer, &[]);
        Self { shared: Rc::clone(&self.shared), log: self.shared.log.of(host), address }
    }

    /// Makes an address swallow what is sent to it.
    pub(crate) fn silence(&self, address: IpAddr) {
        self.shared.silent.borrow_mut().push(address);
    }

    fn next(&self) -> u64 {
        let next = self.shared.next.get();
        self.shared.next.set(next + 1);
        next
    }

    /// Runs until `main` is done. Panics when all wait and no time could change that.
    pub(crate) fn run<T: 'static>(&self, main: impl Future<Output = T> + 'static) -> T {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        self.start(async move {
            let value = main.await;
            *slot.borrow_mut() = Some(value);
        });
        loop {
            if let Some(value) = result.borrow_mut().take() {
                return value;
            }
            let ready = self.shared.ready.lock().unwrap().pop_front();
            match ready {
                Some(id) => self.poll(id),
                None => self.advance(),
            }
        }
    }

    /// Lets everything that is still under way come to rest, timers of up to `time` included.
    pub(crate) fn settle(&self, time: Duration) {
        let wire = self.clone();
        self.run(async move { wire.sleep(time).await });
    }

    fn start(&self, task: impl Future<Output = ()> + 'static) -> u64 {
        let id = self.next();
        self.shared.tasks.borrow_mut().insert(id, Box::pin(task));
        self.shared.ready.lock().unwrap().push_back(id);
        id
    }

    fn poll(&self, id: u64) {
        let task = self.shared.tasks.borrow_mut().remove(&id);
        let Some(mut task) = task else { return };
        let waker = Waker::from(Arc::new(Wakes(id, Arc::clone(&self.shared.ready))));
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.shared.tasks.borrow_mut().insert(id, task);
        }
    }

    fn advance(&self) {
        let first = self.shared.timers.borrow_mut().pop_first();
        let Some(((at, _), waker)) = first else { panic!("all wait for ever at {}", self.now()) };
        self.shared.now.set(at.max(self.now()));
        waker.wake();
    }
}

impl Wire for Desk {
    type Stream = Stream;
    type Listener = Accepts;
    type Datagram = NoDatagram;

    fn kind(&self) -> WireKind {
        WireKind::Lab
    }

    fn now(&self) -> Time {
        self.shared.now.get()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000) + self.now().since(Time::ZERO)
    }

    fn log(&self) -> Log {
        self.log.clone()
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn environment(&self) -> &dyn Environment {
        &Bare
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        let (shared, id) = (Rc::clone(&self.shared), self.next());
        poll_fn(move |context| {
            if shared.now.get() >= at {
                return Poll::Ready(());
            }
            shared.timers.borrow_mut().insert((at, id), context.waker().clone());
            Poll::Pending
        })
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let id = self.start(async move {
            task.await;
            let _ = sender.send(());
        });
        let shared = Rc::clone(&self.shared);
        let cancel = move || drop(shared.tasks.borrow_mut().remove(&id));
        Task::new(cancel, async move { drop(receiver.await) })
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        work()
    }

    async fn connect(
        &self,
        to: SocketAddr,
        until: Option<Time>,
        _: Option<EventId>,
    ) -> Result<Stream, ConnectFault> {
        let began = self.now();
        let fault = |end| {
            let ended = self.now();
            let syns = vec![began];
            ConnectFault(Box::new(Attempt { to, began, ended, syns, syn_count: Some(1), end }))
        };
        if self.shared.silent.borrow().contains(&to.ip()) {
            self.sleep_until(until.unwrap_or(began + Duration::from_secs(130))).await;
            return Err(fault(AttemptEnd::TimedOut));
        }
        let local = SocketAddr::new(self.address, 40_000 + (self.next() % 20_000) as u16);
        let (here, there) = (Pipe::new(), Pipe::new());
        let server = Stream {
            id: self.log.connection_id(),
            local: to,
            peer: local,
            input: Rc::clone(&here),
            output: Rc::clone(&there),
        };
        let client =
            Stream { id: self.log.connection_id(), local, peer: to, input: there, output: here };
        let listeners = self.shared.listeners.borrow();
        match listeners.get(&to).map(|listener| listener.send(server)) {
            Some(Ok(())) => Ok(client),
            _ => Err(fault(AttemptEnd::Refused)),
        }
    }

    fn closed(&self, _: ConnectionId) -> impl Future<Output = ()> + 'static {
        core::future::ready(())
    }

    fn connections(&self) -> Vec<ConnectionId> {
        Vec::new()
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Accepts> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.listeners.borrow_mut().insert(at, sender);
        Ok(Accepts { at, receiver })
    }

    fn datagram(&self, _: SocketAddr) -> io::Result<NoDatagram> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(crate) struct Accepts {
    at: SocketAddr,
    receiver: mpsc::UnboundedReceiver<Stream>,
}

impl Listener for Accepts {
    type Stream = Stream;

    fn local(&self) -> SocketAddr {
        self.at
    }

    async fn accept(&mut self) -> io::Result<Stream> {
        match self.receiver.recv().await {
            Some(stream) => Ok(stream),
            None => core::future::pending().await,
        }
    }
}

/// One direction of a connection.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    closed: bool,
    reset: bool,
    wakers: Vec<Waker>,
}

impl Pipe {
    fn new() -> Rc<RefCell<Self>> {
        Rc::default()
    }

    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        if !self.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            self.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

pub(crate) struct Stream {
    id: ConnectionId,
    local: SocketAddr,
    peer: SocketAddr,
    input: Rc<RefCell<Pipe>>,
    output: Rc<RefCell<Pipe>>,
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut input = self.input.borrow_mut();
        if input.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if input.bytes.is_empty() {
            return if input.closed { Poll::Ready(Ok(())) } else { input.wait(context) };
        }
        let length = buffer.remaining().min(input.bytes.len());
        let bytes: Vec<u8> = input.bytes.drain(..length).collect();
        buffer.put_slice(&bytes);
        input.wake();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut output = self.output.borrow_mut();
        if output.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if output.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = WINDOW - output.bytes.len();
        if room == 0 {
            return output.wait(context);
        }
        let length = bytes.len().min(room);
        output.bytes.extend(&bytes[..length]);
        output.wake();
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut output = self.output.borrow_mut();
        output.closed = true;
        output.wake();
        Poll::Ready(Ok(()))
    }
}

impl Stream {
    fn reset(&self) {
        for pipe in [&self.input, &self.output] {
            let mut pipe = pipe.borrow_mut();
            pipe.reset = true;
            pipe.wake();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let unread = !self.input.borrow().bytes.is_empty();
        if unread {
            return self.reset();
        }
        let mut output = self.output.borrow_mut();
        output.closed = true;
        output.wake();
        // What the other end still writes is answered with a reset.
        let mut input = self.input.borrow_mut();
        if !input.closed {
            input.reset = true;
            input.wake();
        }
    }
}

impl Transport for Stream {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn info(&self) -> StreamInfo {
        StreamInfo {
            state: TcpState::Established,
            srtt: None,
            min_rtt: None,
            cwnd: None,
            unacknowledged: None,
            receive_window: None,
            retransmissions: None,
            syn: None,
            syn_ack: None,
        }
    }

    fn abort(&mut self) {
        self.reset();
    }

    fn segment_at(&self, _: u64) -> Option<EventId> {
        None
    }

    fn set_nodelay(&mut self, _: Nodelay) {}
}

pub(crate) struct NoDatagram;

impl Datagram for NoDatagram {
    fn local(&self) -> SocketAddr {
        SocketAddr::from(([0, 0, 0, 0], 0))
    }

    fn max_send_segments(&self) -> usize {
        1
    }

    fn max_receive_segments(&self) -> usize {
        1
    }

    fn set_fragmentation(&self, _: Fragmentation) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_joining(&self, _: Joining) {}

    fn try_send(&self, _: &[Outgoing<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_receive(
        &self,
        _: &mut Context<'_>,
        _: &mut [io::IoSliceMut<'_>],
        _: &mut [Incoming],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    async fn send_to(&self, _: &[u8], _: SocketAddr, _: Option<EventId>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn receive(&self) -> io::Result<Packet> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Nothing is known here.
struct Bare;

impl Environment for Bare {
    fn hosts(&self) -> io::Result<Option<Text>> {
        Ok(None)
    }

    fn nsswitch(&self) -> io::Result<Option<Text>> {
        Ok(None)
    }

    fn resolv_conf(&self) -> io::Result<Option<Text>> {
        Ok(None)
    }

    fn os_cache(&self) -> Option<Text> {
        None
    }

    fn ask_os_cache<'a>(&'a self, _: &'a str) -> LocalFuture<'a, OsAnswer> {
        Box::pin(async { OsAnswer::Absent })
    }

    fn resolved(&self) -> Option<String> {
        None
    }

    fn ask_resolved<'a>(&'a self, _: &'a str) -> LocalFuture<'a, OsAnswer> {
        Box::pin(async { OsAnswer::Absent })
    }

    fn load(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn store(&self, _: &str, _: &[u8]) {}

    fn root_hints(&self) -> Vec<(String, IpAddr)> {
        Vec::new()
    }
}
