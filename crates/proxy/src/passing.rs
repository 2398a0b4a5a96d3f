//! `Passing`: the body of an answer on its way from a server to a client.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::Stream;
use roundtrip_http::client::ResponseBody;
use roundtrip_http::gateway::hop;
use roundtrip_http::gateway::refusal::sentence;
use roundtrip_http::message::Fields;
use roundtrip_record::{Step, Unseen};
use roundtrip_wire::Wire;

use crate::seen::{Seen, SeenExchange};
use crate::shared::Shared;

/// An answer's body, as it passes.
pub(crate) struct Passing<D: Wire, U: Wire> {
    /// `None` once it has ended.
    body: Option<ResponseBody<U>>,
    /// Its first bytes, which came before it began to be passed on.
    first: Option<Bytes>,
    /// The fields after it, for whoever sends them when it has ended.
    trailers: Rc<RefCell<Fields>>,
    ending: Ending<D, U>,
    /// Whose answer it is.
    host: String,
}

impl<D: Wire, U: Wire> Passing<D, U> {
    /// A body of which `first` has been read already.
    pub(crate) fn new(
        body: ResponseBody<U>,
        first: Option<Bytes>,
        ending: Ending<D, U>,
        host: &str,
    ) -> Self {
        let (body, host) = (Some(body), host.to_owned());
        Self { body, first, trailers: Rc::default(), ending, host }
    }

    /// What gives the fields after the body, once that has ended.
    pub(crate) fn trailers(&self) -> impl Future<Output = Fields> + 'static {
        let trailers = Rc::clone(&self.trailers);
        async move { trailers.take() }
    }
}

/// Nothing in it is pinned.
impl<D: Wire, U: Wire> Unpin for Passing<D, U> {}

impl<D: Wire, U: Wire> Stream for Passing<D, U> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(this.took(first, context))));
        }
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        Poll::Ready(match ready!(body.poll_chunk(context)) {
            Some(Ok(bytes)) => Some(Ok(this.took(bytes, context))),
            Some(Err(failure)) => {
                let why = sentence(&failure, &this.host);
                if this.ending.seen.fault.is_none() {
                    this.ending.shared.report(&failure);
                }
                this.ending.seen.fault = Some(why.clone());
                Some(Err(io::Error::other(why)))
            }
            None => {
                this.end();
                None
            }
        })
    }
}

/// Whether all that was promised has come, though its end may not have.
fn is_whole<U: Wire>(body: &ResponseBody<U>) -> bool {
    body.expected() == Some(body.received())
}

impl<D: Wire, U: Wire> Passing<D, U> {
    /// Bytes have come. Whoever was told the body's length asks no more when that much has.
    fn took(&mut self, bytes: Bytes, context: &mut Context<'_>) -> Bytes {
        self.ending.seen.bytes += bytes.len() as u64;
        if let Some(body) = self.body.as_mut().filter(|body| is_whole(*body))
            && matches!(body.poll_chunk(context), Poll::Ready(None))
        {
            self.end();
        }
        bytes
    }

    fn end(&mut self) {
        if let Some(body) = self.body.take() {
            *self.trailers.borrow_mut() = hop::trailers(body.trailers());
        }
    }
}

impl<D: Wire, U: Wire> Drop for Passing<D, U> {
    /// The end of a body whose bytes have come may still be on its way (RFC 9113 §8.1: a frame without
    /// data). It is waited for, so that the server is not told that its answer was not wanted.
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(is_whole) else { return };
        let end = async move {
            let _ = body.chunk().await;
        };
        self.ending.shared.servers.wire.spawn(end).detach();
    }
}

/// Tells whoever watches that an exchange is over, when it is.
pub(crate) struct Ending<D: Wire, U: Wire> {
    shared: Rc<Shared<D, U>>,
    pub(crate) seen: SeenExchange,
    began: roundtrip_record::Time,
}

impl<D: Wire, U: Wire> Ending<D, U> {
    pub(crate) fn new(
        shared: &Rc<Shared<D, U>>,
        seen: SeenExchange,
        began: roundtrip_record::Time,
    ) -> Self {
        Self { shared: Rc::clone(shared), seen, began }
    }
}

impl<D: Wire, U: Wire> Drop for Ending<D, U> {
    fn drop(&mut self) {
        self.seen.took = self.shared.wire.now().since(self.began);
        if self.seen.status == 0 && self.seen.fault.is_none() {
            self.seen.fault = Some("The client gave it up before there was an answer.".into());
        }
        let limit = self.shared.options.keep_at_most;
        if self.seen.bytes > limit {
            self.shared.unseen(|| Unseen {
                step: Step::Body,
                what: format!("bodies of more than {limit} bytes, which passed and were not kept"),
                needs: "--keep-body with a larger size".into(),
            });
        }
        (self.shared.watcher)(&Seen::Exchange(&self.seen));
    }
}
