//! `Shaped`: a wire whose streams are as slow as a described network.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::SystemTime;

use roundtrip_lab::{Direction, Net};
use roundtrip_record::{ConnectionId, EventId, Log, Time, WireKind};
use roundtrip_wire::{
    ConnectFault, Environment, Listener, Nodelay, StreamInfo, Task, Transport, Wire,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use crate::line::{Line, Link};

/// What one end may hand over before the other has taken it.
const ROOM: usize = 64 * 1024;

/// A wire whose streams are as slow as a described network: what is written arrives after its delay, at its
/// rate, which all streams share, and is held up where a packet would have been lost. It is done to bytes
/// and not to packets: a sender's slow start, and queues, are not felt.
#[derive(Clone)]
pub struct Shaped<W> {
    inner: W,
    up: Rc<Link>,
    down: Rc<Link>,
}

impl<W: Wire> Shaped<W> {
    /// A wire to which this is the access network: streams that are accepted come from its client.
    pub fn new(inner: W, net: &Net) -> Self {
        let [up, down] = [Direction::Up, Direction::Down].map(|way| Rc::new(Link::new(net, way)));
        Self { inner, up, down }
    }

    /// A listener whose streams are slow.
    pub fn around(&self, inner: W::Listener) -> ShapedListener<W> {
        ShapedListener { inner, wire: self.clone() }
    }

    fn shape(&self, stream: W::Stream) -> ShapedStream {
        let (ours, theirs) = duplex(ROOM);
        let meta = Meta {
            id: stream.id(),
            local: stream.local(),
            peer: stream.peer(),
            info: stream.info(),
            end: Cell::new(None),
            waker: RefCell::new(None),
        };
        let meta = Rc::new(meta);
        let up = Line::new(self.inner.clone(), Rc::clone(&self.up), true);
        let down = Line::new(self.inner.clone(), Rc::clone(&self.down), false);
        self.inner.spawn(carry(stream, theirs, (up, down), Rc::clone(&meta))).detach();
        ShapedStream { duplex: ours, meta }
    }
}

/// Carries both directions between a client's stream and ours, to the end of both.
async fn carry<W: Wire>(
    client: W::Stream,
    ours: DuplexStream,
    (mut up, mut down): (Line<W>, Line<W>),
    meta: Rc<Meta>,
) {
    let (client, ours) = (RefCell::new(client), RefCell::new(ours));
    poll_fn(|context| {
        *meta.waker.borrow_mut() = Some(context.waker().clone());
        if meta.end.get() == Some(End::Aborted) {
            client.borrow_mut().abort();
            return Poll::Ready(());
        }
        let sent = up.poll(
            |context, bytes| read(&mut *client.borrow_mut(), bytes, context),
            |context, bytes| {
                let wrote = write(&mut *ours.borrow_mut(), bytes, context);
                // What nobody reads any more is gone; what was written before is still on its way.
                wrote.map(|wrote| Ok(wrote.unwrap_or(bytes.map_or(0, <[u8]>::len))))
            },
            context,
        );
        let received = down.poll(
            |context, bytes| read(&mut *ours.borrow_mut(), bytes, context),
            |context, bytes| write(&mut *client.borrow_mut(), bytes, context),
            context,
        );
        match (sent, received) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => Poll::Ready(()),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(()),
            (_, Poll::Ready(Ok(()))) if meta.end.get().is_some() => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
}

fn read(
    from: &mut (impl AsyncRead + Unpin),
    bytes: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(bytes);
    ready!(Pin::new(from).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

/// Writes; without bytes, the end.
fn write(
    to: &mut (impl AsyncWrite + Unpin),
    bytes: Option<&[u8]>,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    match bytes {
        Some(bytes) => Pin::new(to).poll_write(context, bytes),
        None => Pin::new(to).poll_shutdown(context).map_ok(|()| 0),
    }
}

/// What is known of a stream whatever passes on it.
#[derive(Debug)]
struct Meta {
    id: ConnectionId,
    local: SocketAddr,
    peer: SocketAddr,
    info: StreamInfo,
    /// What became of our end.
    end: Cell<Option<End>>,
    /// Wakes what carries the bytes.
    waker: RefCell<Option<Waker>>,
}

/// What became of our end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Dropped,
    Aborted,
}

impl Meta {
    fn set_end(&self, end: End) {
        if self.end.get().is_none() {
            self.end.set(Some(end));
        }
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// A stream of a [`Shaped`] wire.
#[derive(Debug)]
pub struct ShapedStream {
    duplex: DuplexStream,
    meta: Rc<Meta>,
}

impl AsyncRead for ShapedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.duplex).poll_read(context, buffer)
    }
}

impl AsyncWrite for ShapedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.duplex).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.duplex).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.duplex).poll_shutdown(context)
    }
}

impl Transport for ShapedStream {
    fn id(&self) -> ConnectionId {
        self.meta.id
    }

    fn local(&self) -> SocketAddr {
        self.meta.local
    }

    fn peer(&self) -> SocketAddr {
        self.meta.peer
    }

    /// As it was when the stream was accepted.
    fn info(&self) -> StreamInfo {
        self.meta.info
    }

    fn abort(&mut self) {
        self.meta.set_end(End::Aborted);
    }

    fn segment_at(&self, _: u64) -> Option<EventId> {
        None
    }

    /// Small writes go out at once in any case.
    fn set_nodelay(&mut self, _: Nodelay) {}
}

impl Drop for ShapedStream {
    fn drop(&mut self) {
        self.meta.set_end(End::Dropped);
    }
}

/// A listener of a [`Shaped`] wire.
pub struct ShapedListener<W: Wire> {
    inner: W::Listener,
    wire: Shaped<W>,
}

impl<W: Wire> Listener for ShapedListener<W> {
    type Stream = ShapedStream;

    fn local(&self) -> SocketAddr {
        self.inner.local()
    }

    async fn accept(&mut self) -> io::Result<ShapedStream> {
        let mut stream = self.inner.accept().await?;
        stream.set_nodelay(Nodelay::On);
        Ok(self.wire.shape(stream))
    }
}

impl<W: Wire> Wire for Shaped<W> {
    type Stream = ShapedStream;
    type Listener = ShapedListener<W>;
    type Datagram = W::Datagram;

    fn kind(&self) -> WireKind {
        self.inner.kind()
    }

    fn now(&self) -> Time {
        self.inner.now()
    }

    fn wall(&self) -> SystemTime {
        self.inner.wall()
    }

    fn log(&self) -> Log {
        self.inner.log()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.inner.random(bytes);
    }

    fn environment(&self) -> &dyn Environment {
        self.inner.environment()
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        self.inner.sleep_until(at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        self.inner.spawn(task)
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> {
        self.inner.work(work)
    }

    async fn connect(
        &self,
        to: SocketAddr,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> Result<ShapedStream, ConnectFault> {
        Ok(self.shape(self.inner.connect(to, until, cause).await?))
    }

    fn closed(&self, id: ConnectionId) -> impl Future<Output = ()> + 'static {
        self.inner.closed(id)
    }

    fn connections(&self) -> Vec<ConnectionId> {
        self.inner.connections()
    }

    fn listen(&self, at: SocketAddr) -> io::Result<ShapedListener<W>> {
        Ok(self.around(self.inner.listen(at)?))
    }

    fn source(&self, to: IpAddr) -> Option<IpAddr> {
        self.inner.source(to)
    }

    fn datagram(&self, at: SocketAddr) -> io::Result<W::Datagram> {
        self.inner.datagram(at)
    }
}
