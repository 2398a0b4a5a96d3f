//! A connection of HTTP/2 (RFC 9113): many exchanges at one time.

use core::cell::Cell;
use core::future::{Future as _, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::rc::Rc;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use roundtrip_record::{
    ConnectionEnding, ConnectionId, EndedBy, EventId, LookupId, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};

use super::carrier::Boarding;
use super::pool::Permit;
use crate::channel::Channel;
use crate::message::Limits;
use crate::two::{Io, Ledger, Opener, Wiretap};

/// How much a server may send of one body before we have read some of it.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all bodies of a connection together.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// A connection that speaks HTTP/2. Its clones are the same connection.
pub(crate) struct Two<W: Wire> {
    send: SendRequest<Bytes>,
    shared: Rc<Connected<W>>,
}

struct Connected<W: Wire> {
    wire: W,
    tap: Rc<Wiretap<W, Ledger>>,
    id: ConnectionId,
    served: Cell<u32>,
    lookup: Cell<Option<LookupId>>,
    ready: Option<EventId>,
    /// It has ended.
    over: Cell<bool>,
}

impl<W: Wire> Clone for Two<W> {
    fn clone(&self) -> Self {
        Self { send: self.send.clone(), shared: Rc::clone(&self.shared) }
    }
}

impl<W: Wire> Two<W> {
    /// Begins HTTP/2 on a connection. A task of its own drives it until it ends; `permit` lives until
    /// it takes no more requests.
    pub(crate) async fn begin(
        wire: W,
        channel: Channel<W::Stream>,
        permit: Permit<W>,
        limits: Limits,
        ready: Option<EventId>,
        lookup: Option<LookupId>,
    ) -> Result<Self, h2::Error> {
        let id = channel.id();
        let tap = Wiretap::of_client(wire.clone(), channel, Ledger::new(Opener::Us));
        let (send, mut connection) = h2::client::Builder::new()
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
            served: Cell::new(0),
            lookup: Cell::new(lookup),
            ready,
            over: Cell::new(false),
        });
        let of_task = Rc::clone(&shared);
        let mut permit = Some(permit);
        wire.spawn(async move {
            let result = poll_fn(|context| {
                let result = Pin::new(&mut connection).poll(context);
                let over = result.is_ready() || of_task.tap.watch().going_away().is_some();
                if let Some(permit) = permit.take_if(|_| over) {
                    // Streams that run go on; those that wait go elsewhere.
                    of_task.over.set(result.is_ready());
                    permit.forget_two(of_task.id);
                }
                result
            })
            .await;
            of_task.over.set(true);
            of_task.report_end(result.as_ref().err());
        })
        .detach();
        Ok(Self { send, shared })
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.shared.id
    }

    pub(crate) fn wire(&self) -> &W {
        &self.shared.wire
    }

    /// The frames that passed on it.
    pub(crate) fn tap(&self) -> &Wiretap<W, Ledger> {
        &self.shared.tap
    }

    /// Whether it takes no more requests.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.over.get() || self.shared.tap.watch().going_away().is_some()
    }

    /// One more exchange goes by it.
    pub(crate) fn board(&self) -> Boarding {
        let reused = self.shared.served.get();
        self.shared.served.set(reused + 1);
        Boarding {
            reused,
            ready: self.shared.ready.filter(|_| reused == 0),
            lookup: self.shared.lookup.take(),
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

impl<W: Wire> Connected<W> {
    fn report_end(&self, error: Option<&h2::Error>) {
        let away = self.tap.watch().going_away();
        let (by, why) = match (error, away) {
            (_, Some(away)) => {
                let code = h2::Reason::from(away.code);
                (EndedBy::Server, format!("GOAWAY ({code:?}), last stream {}", away.last))
            }
            (None, None) => (EndedBy::Client, "no more exchanges".into()),
            (Some(error), None) if error.is_remote() || error.is_io() => {
                (EndedBy::Server, error.to_string())
            }
            (Some(error), None) => (EndedBy::Client, error.to_string()),
        };
        self.wire.log().emit(self.wire.now(), None, || {
            What::ConnectionEnding(ConnectionEnding { connection: self.id, by, why })
        });
    }
}
