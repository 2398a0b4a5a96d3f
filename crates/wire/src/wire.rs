//! The traits.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::SystemTime;

use roundtrip_record::{
    ConnectionId, EventId, Log, TcpState, Time, Transport as Carries, WireKind,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use crate::datagram::Datagram;
use crate::environment::Environment;
use crate::fault::ConnectFault;

/// One host's access to a network, to time and to chance.
pub trait Wire: Clone + 'static {
    /// A TCP connection.
    type Stream: AsyncRead + AsyncWrite + Transport + Unpin + 'static;
    /// A listening TCP socket.
    type Listener: Listener<Stream = Self::Stream> + 'static;
    /// A UDP socket.
    type Datagram: Datagram + 'static;

    /// Which wire this is.
    fn kind(&self) -> WireKind;

    /// What carries its connections.
    fn transport(&self) -> Carries {
        Carries::Tcp
    }

    /// The time since the record's epoch. Never falls.
    fn now(&self) -> Time;

    /// The calendar time. In the lab: a fixed epoch plus [`Wire::now`].
    fn wall(&self) -> SystemTime;

    /// Where this host reports what happens.
    fn log(&self) -> Log;

    /// Fills `bytes` from this host's generator.
    fn random(&self, bytes: &mut [u8]);

    /// What this host knows besides the network: its hosts file, its resolver configuration …
    fn environment(&self) -> &dyn Environment;

    /// Completes at `at`, at once if that is past.
    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static;

    /// Completes after `time`.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + 'static {
        self.sleep_until(self.now() + time)
    }

    /// Starts a task on this host's thread. It is cancelled when the [`Task`] is dropped.
    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task;

    /// Runs work that takes the processor for long. On a live wire: on a thread of its own, so that
    /// the network goes on meanwhile. In the lab: at once, in no virtual time.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T>;

    /// Opens a connection: neighbour and handshake. At `until`, if given, it gives up with
    /// [`AttemptEnd::TimedOut`](roundtrip_record::AttemptEnd), and the fault still tells what was
    /// sent; without it, when the stack itself does. `cause` is what wanted it.
    fn connect(
        &self,
        to: SocketAddr,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> impl Future<Output = Result<Self::Stream, ConnectFault>>;

    /// Completes when the connection has left the last of its states, `TIME_WAIT` included.
    fn closed(&self, id: ConnectionId) -> impl Future<Output = ()> + 'static;

    /// The connections that have not left the last of their states.
    fn connections(&self) -> Vec<ConnectionId>;

    /// Listens for connections. Port 0 takes a free one.
    ///
    /// # Errors
    /// As `bind` and `listen`: the address is in use, not ours, or needs a privilege.
    fn listen(&self, at: SocketAddr) -> io::Result<Self::Listener>;

    /// Listens on a Unix domain socket of this name, which is made; one that nobody listens on any more is
    /// replaced.
    ///
    /// # Errors
    /// As `bind` and `listen`; [`io::ErrorKind::Unsupported`] where the wire has no such sockets.
    fn listen_unix(&self, path: &Path) -> io::Result<Self::Listener> {
        let _ = path;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The address from which this host would send to `to`; `None` where it knows no way there, or
    /// where the wire does not tell. Nothing is sent.
    fn source(&self, to: IpAddr) -> Option<IpAddr> {
        let _ = to;
        None
    }

    /// Opens a UDP socket. Port 0 takes a free, random one.
    ///
    /// # Errors
    /// As `bind`.
    fn datagram(&self, at: SocketAddr) -> io::Result<Self::Datagram>;
}

/// What a stream can tell of itself beyond its bytes.
pub trait Transport {
    /// Its id in the record.
    fn id(&self) -> ConnectionId;

    /// Our address.
    fn local(&self) -> SocketAddr;

    /// The other end's address.
    fn peer(&self) -> SocketAddr;

    /// Its state and estimates; what the wire cannot tell is `None`.
    fn info(&self) -> StreamInfo;

    /// Ends it at once with RST (RFC 9293 §3.10.5).
    fn abort(&mut self);

    /// The event of the segment that brought the byte at `offset` of the received stream; `None`
    /// where the wire does not see segments.
    fn segment_at(&self, offset: u64) -> Option<EventId>;

    /// When the byte at `offset` of the received stream had arrived at this host; `None` where that is
    /// not known any better than by reading it. What lies between it and our reading is this machine's
    /// own time.
    fn arrived(&self, offset: u64) -> Option<Time> {
        let _ = offset;
        None
    }

    /// When the last byte written so far had left this host; `None` where that is not known any better
    /// than by the write's being done. What lies between it and the write's being done is this
    /// machine's own time.
    fn departed(&self) -> Option<Time> {
        None
    }

    /// Whether small writes go out at once (`TCP_NODELAY`). Off in a new stream, as in the kernel.
    fn set_nodelay(&mut self, nodelay: Nodelay);

    /// Sends `length` bytes of `file` from `offset`, as `sendfile` does; answers how many were sent.
    /// This default copies through memory; a wire that can do better overrides it.
    fn send_file(
        &mut self,
        file: &std::fs::File,
        offset: u64,
        length: u64,
    ) -> impl Future<Output = io::Result<u64>>
    where
        Self: AsyncWrite + Unpin + Sized,
    {
        copy_file(self, file, offset, length)
    }
}

/// Whether small writes wait for acknowledgements (Nagle's algorithm, RFC 9293 §3.7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodelay {
    /// They go out at once.
    On,
    /// They may wait.
    Off,
}

async fn copy_file<S: AsyncWrite + Unpin>(
    stream: &mut S,
    file: &std::fs::File,
    mut offset: u64,
    length: u64,
) -> io::Result<u64> {
    use std::io::{Read as _, Seek as _, SeekFrom};

    const CHUNK: usize = 64 * 1024;
    let mut chunk = vec![0; CHUNK];
    let (mut file, end) = (file, offset + length);
    let mut sent = 0;
    while offset < end {
        let want = usize::try_from(end - offset).unwrap_or(CHUNK).min(CHUNK);
        file.seek(SeekFrom::Start(offset))?;
        let got = file.read(&mut chunk[..want])?;
        if got == 0 {
            break;
        }
        stream.write_all(&chunk[..got]).await?;
        offset += got as u64;
        sent += got as u64;
    }
    Ok(sent)
}

/// State and estimates of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The state of RFC 9293.
    pub state: TcpState,
    /// Smoothed round-trip time.
    pub srtt: Option<Duration>,
    /// Least round-trip time seen.
    pub min_rtt: Option<Duration>,
    /// Congestion window, bytes.
    pub cwnd: Option<u64>,
    /// Bytes sent and not acknowledged.
    pub unacknowledged: Option<u64>,
    /// The window we offer, bytes.
    pub receive_window: Option<u64>,
    /// Segments sent again so far.
    pub retransmissions: Option<u64>,
    /// When the handshake's first SYN went out, and how many did.
    pub syn: Option<(Time, u32)>,
    /// When the SYN-ACK had arrived at this host; `None` where that is not known any better than by
    /// [`Wire::connect`]'s being done.
    pub syn_ack: Option<Time>,
}

/// A listening socket.
pub trait Listener {
    /// What it gives.
    type Stream;

    /// Its address, with the real port.
    fn local(&self) -> SocketAddr;

    /// The next connection whose handshake is complete.
    ///
    /// # Errors
    /// Passing ones (out of descriptors, the connection is gone again): call again; the listener
    /// itself does not end.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>>;
}

/// A running task: cancelled when dropped, unless [`Task::detach`]ed.
#[must_use = "a task is cancelled when its handle is dropped"]
pub struct Task {
    cancel: Option<Box<dyn FnOnce()>>,
    done: Pin<Box<dyn Future<Output = ()>>>,
}

impl Task {
    /// A handle that calls `cancel` when dropped; `done` completes when the task has ended.
    pub fn new(cancel: impl FnOnce() + 'static, done: impl Future<Output = ()> + 'static) -> Self {
        Self { cancel: Some(Box::new(cancel)), done: Box::pin(done) }
    }

    /// Lets it run to its end on its own.
    pub fn detach(mut self) {
        self.cancel = None;
    }
}

impl Future for Task {
    type Output = ();

    /// Waits for the task's end.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let poll = self.done.as_mut().poll(context);
        if poll.is_ready() {
            self.cancel = None;
        }
        poll
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel();
        }
    }
}
