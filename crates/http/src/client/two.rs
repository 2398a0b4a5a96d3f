//! HTTP/2 (RFC 9113): many exchanges on one connection.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use roundtrip_record::{
    ConnectionEnding, ConnectionId, EndedBy, EventId, LookupId, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pool::Permit;
use crate::Body;
use crate::channel::Channel;
use crate::message::{Fields, RequestHead};

/// How much a server may send of one body before we have read some of it.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all bodies of a connection together.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// How much of a request's body is handed over at once.
const PIECE: usize = 16 * 1024;

/// Fields that belong to a connection of HTTP/1 (RFC 9113 §8.2.2), and Host, which `:authority` is.
const OF_CONNECTION: [&str; 7] =
    ["Connection", "Host", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade"];

/// A connection that speaks HTTP/2. Its clones are the same connection.
pub(crate) struct Two<W: Wire> {
    send: SendRequest<Bytes>,
    shared: Rc<Connected<W>>,
}

struct Connected<W: Wire> {
    wire: W,
    channel: RefCell<Channel<W::Stream>>,
    id: ConnectionId,
    served: core::cell::Cell<u32>,
    lookup: core::cell::Cell<Option<LookupId>>,
    ready: Option<EventId>,
    /// It takes no more requests.
    over: core::cell::Cell<bool>,
}

impl<W: Wire> Clone for Two<W> {
    fn clone(&self) -> Self {
        Self { send: self.send.clone(), shared: Rc::clone(&self.shared) }
    }
}

impl<W: Wire> Two<W> {
    /// Begins HTTP/2 on a connection. A task of its own drives it until it ends; `permit` lives as
    /// long.
    pub(crate) async fn begin(
        wire: W,
        channel: Channel<W::Stream>,
        permit: Permit<W>,
        ready: Option<EventId>,
        lookup: Option<LookupId>,
    ) -> Result<Self, h2::Error> {
        let id = channel.id();
        let shared = Rc::new(Connected {
            wire: wire.clone(),
            channel: RefCell::new(channel),
            id,
            served: core::cell::Cell::new(0),
            lookup: core::cell::Cell::new(lookup),
            ready,
            over: core::cell::Cell::new(false),
        });
        let (send, connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            // h2 reads the machine's clock to forget streams that it reset. So it never does.
            .reset_stream_duration(Duration::MAX)
            .max_concurrent_reset_streams(usize::MAX)
            .handshake::<_, Bytes>(Io(Rc::clone(&shared)))
            .await?;
        let of_task = Rc::clone(&shared);
        wire.spawn(async move {
            let result = connection.await;
            of_task.over.set(true);
            permit.forget_two(of_task.id);
            of_task.report_end(result.as_ref().err());
        })
        .detach();
        Ok(Self { send, shared })
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.shared.id
    }

    /// Whether it takes no more requests.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.over.get()
    }

    /// The event that made it ready, for its first exchange.
    pub(crate) fn ready_event(&self) -> Option<EventId> {
        self.shared.ready.filter(|_| self.shared.served.get() == 0)
    }

    /// How many exchanges it carried before this one.
    pub(crate) fn count(&self) -> u32 {
        let served = self.shared.served.get();
        self.shared.served.set(served + 1);
        served
    }

    /// The lookup that led to it, for its first exchange.
    pub(crate) fn take_lookup(&self) -> Option<LookupId> {
        self.shared.lookup.take()
    }

    pub(crate) fn last_segment(&self) -> Option<EventId> {
        self.shared.channel.borrow().segment_at(0)
    }

    /// Sends a request's head; the body follows through the stream.
    pub(crate) async fn send(
        &self,
        head: &RequestHead,
        uri: &str,
        ends: Ends,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut request = http::Request::new(());
        *request.method_mut() = head.line.method.clone();
        *request.version_mut() = Version::HTTP_2;
        if let Ok(uri) = uri.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
        *request.headers_mut() = to_map(&head.fields);
        let mut send = self.send.clone().ready().await?;
        send.send_request(request, ends == Ends::Here)
    }
}

/// Whether a request ends with its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Here,
    WithBody,
}

impl<W: Wire> Connected<W> {
    fn report_end(&self, error: Option<&h2::Error>) {
        let (by, why) = match error {
            None => (EndedBy::Client, "no more exchanges".into()),
            Some(error) if error.is_remote() || error.is_io() => {
                (EndedBy::Server, error.to_string())
            }
            Some(error) => (EndedBy::Client, error.to_string()),
        };
        self.wire.log().emit(self.wire.now(), None, || {
            What::ConnectionEnding(ConnectionEnding { connection: self.id, by, why })
        });
    }
}

fn to_map(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields.iter() {
        if OF_CONNECTION.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            continue;
        }
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            map.append(name, value);
        }
    }
    map
}

/// Fields as they came, names in lower case as HTTP/2 has them.
pub(crate) fn from_map(map: &HeaderMap) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in map {
        // h2 checked both.
        let _ = fields.push(name.as_str(), value.as_bytes());
    }
    fields
}

/// A request's body on its way out.
pub(crate) struct Upload {
    stream: SendStream<Bytes>,
    body: Body,
    piece: Bytes,
    pub(crate) sent: u64,
    done: bool,
}

impl Upload {
    pub(crate) fn new(stream: SendStream<Bytes>, body: Body) -> Self {
        let done = body.is_empty();
        Self { stream, body, piece: Bytes::new(), sent: 0, done }
    }

    /// Whether all of it has been handed over.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Ready when all of it has been handed over.
    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.done {
            if self.piece.is_empty() {
                let Some(chunk) = ready!(self.body.poll_chunk(context)) else {
                    self.stream.send_data(Bytes::new(), true).map_err(to_io)?;
                    self.done = true;
                    break;
                };
                self.piece = chunk?;
            }
            self.stream.reserve_capacity(self.piece.len().min(PIECE));
            let room = match ready!(self.stream.poll_capacity(context)) {
                Some(room) => room.map_err(to_io)?,
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
            let part = self.piece.split_to(room.min(self.piece.len()));
            self.sent += part.len() as u64;
            self.stream.send_data(part, false).map_err(to_io)?;
        }
        Poll::Ready(Ok(()))
    }
}

/// The body of an answer on its way in.
pub(crate) struct TwoStream<W: Wire> {
    two: Two<W>,
    body: RecvStream,
    upload: Option<Upload>,
    trailers: Fields,
}

impl<W: Wire> TwoStream<W> {
    pub(crate) fn new(two: Two<W>, body: RecvStream, upload: Option<Upload>) -> Self {
        Self { two, body, upload, trailers: Fields::new() }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.two.id()
    }

    pub(crate) fn last_segment(&self) -> Option<EventId> {
        self.two.last_segment()
    }

    pub(crate) fn is_end(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn take_trailers(&mut self) -> Fields {
        core::mem::take(&mut self.trailers)
    }

    pub(crate) fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(upload) = &mut self.upload
            && upload.poll_send(context).is_ready()
        {
            self.upload = None;
        }
        if let Some(data) = ready!(self.body.poll_data(context)) {
            return Poll::Ready(Some(data.map_err(to_io).inspect(|data| {
                // What was taken may be sent again; that can fail only for a stream that is over.
                let _ = self.body.flow_control().release_capacity(data.len());
            })));
        }
        match ready!(self.body.poll_trailers(context)) {
            Ok(trailers) => {
                self.trailers = trailers.as_ref().map(from_map).unwrap_or_default();
                Poll::Ready(None)
            }
            Err(error) => Poll::Ready(Some(Err(to_io(error)))),
        }
    }
}

/// An error of HTTP/2 as one of its stream of bytes.
pub(crate) fn to_io(error: h2::Error) -> io::Error {
    if error.is_io() {
        return error.into_io().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
    }
    io::Error::other(error)
}

/// Lets h2 and us see the same stream.
struct Io<W: Wire>(Rc<Connected<W>>);

impl<W: Wire> AsyncRead for Io<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.channel.borrow_mut()).poll_read(context, buffer)
    }
}

impl<W: Wire> AsyncWrite for Io<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.channel.borrow_mut()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.channel.borrow_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.channel.borrow_mut()).poll_shutdown(context)
    }
}
