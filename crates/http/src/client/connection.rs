//! One connection of the client.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use bytes::BytesMut;
use http::Version;
use roundtrip_record::{
    ConnectionEnding, ConnectionId, EndedBy, EventId, LookupId, Time, Trace as _, What,
};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::AsyncWrite as _;

use super::permit::Permit;
use crate::channel::Channel;
use crate::server::poll_read_into;

/// How long the other end may take to close after us.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How much is read at once.
const READ: usize = 64 * 1024;

/// A connection that speaks HTTP/1.
pub(crate) struct Connection<W: Wire> {
    pub(crate) wire: W,
    pub(crate) channel: Channel<W::Stream>,
    /// Read and not used yet.
    pub(crate) input: BytesMut,
    /// Bytes read so far.
    pub(crate) received: u64,
    /// The highest version that the other end has shown: 1.1 until it says 1.0.
    pub(crate) speaks: Version,
    /// Exchanges it has carried.
    pub(crate) served: u32,
    pub(crate) id: ConnectionId,
    /// Its place among the connections of its origin.
    pub(crate) permit: Permit,
    /// The event that made it ready.
    pub(crate) ready: Option<EventId>,
    /// The lookup that led to it; taken by the first exchange.
    pub(crate) lookup: Option<LookupId>,
}

impl<W: Wire> Connection<W> {
    pub(crate) fn new(
        wire: W,
        channel: Channel<W::Stream>,
        permit: Permit,
        ready: Option<EventId>,
        lookup: Option<LookupId>,
    ) -> Self {
        let id = channel.id();
        Self {
            wire,
            channel,
            input: BytesMut::new(),
            received: 0,
            speaks: Version::HTTP_11,
            served: 0,
            id,
            permit,
            ready,
            lookup,
        }
    }

    /// Reads more; 0 at the end.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let got = ready!(poll_read_into(&mut self.channel, &mut self.input, READ, context))?;
        self.received += got as u64;
        Poll::Ready(Ok(got))
    }

    /// Where the next byte to be used stands in the stream.
    pub(crate) fn position(&self) -> u64 {
        self.received - self.input.len() as u64
    }

    /// The segment that brought the last byte used.
    pub(crate) fn last_segment(&self) -> Option<EventId> {
        self.channel.segment_at(self.position().checked_sub(1)?)
    }

    /// When the last byte used had arrived, where the wire tells.
    pub(crate) fn last_arrived(&self) -> Option<Time> {
        self.channel.arrived(self.position().checked_sub(1)?)
    }

    /// Whether it still is as a connection that waits should be: open, and nothing came.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        poll_fn(|context| Poll::Ready(self.poll_fill(context).is_pending())).await
    }

    /// Says what becomes of it.
    pub(crate) fn report(&self, by: EndedBy, why: &str, cause: Option<EventId>) {
        self.wire.log().emit(self.wire.now(), cause, || {
            What::ConnectionEnding(ConnectionEnding { connection: self.id, by, why: why.into() })
        });
    }

    /// Closes our direction and reads to the end of the other.
    pub(crate) async fn finish(&mut self) {
        let mut shut = false;
        poll_fn(|context| {
            if !shut {
                match Pin::new(&mut self.channel).poll_shutdown(context) {
                    Poll::Ready(Ok(())) => shut = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            loop {
                self.input.clear();
                match self.poll_fill(context) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }

    /// Closes it in a task of its own, which waits for the other end for a while.
    pub(crate) fn finish_later(mut self) {
        let wire = self.wire.clone();
        let late = wire.sleep(PATIENCE);
        wire.spawn(async move {
            futures_util::future::select(core::pin::pin!(self.finish()), core::pin::pin!(late))
                .await;
        })
        .detach();
    }
}
