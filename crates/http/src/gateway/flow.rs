//! `Flow`: the body of an answer on its way from a server to a client.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::Stream;
use roundtrip_wire::Wire;

use super::hop;
use super::refusal::sentence;
use crate::client::ResponseBody;
use crate::message::Fields;

/// The body of an answer, as it comes.
pub(super) struct Flow<W: Wire> {
    body: ResponseBody<W>,
    /// The fields after it, once it has ended.
    trailers: Rc<RefCell<Fields>>,
    host: String,
}

impl<W: Wire> Flow<W> {
    pub(super) fn new(body: ResponseBody<W>, host: &str) -> Self {
        Self { body, trailers: Rc::default(), host: host.to_owned() }
    }

    /// What gives the fields after the body, once that has ended.
    pub(super) fn trailers(&self) -> impl Future<Output = Fields> + 'static {
        let trailers = Rc::clone(&self.trailers);
        async move { trailers.take() }
    }
}

/// Nothing in it is pinned.
impl<W: Wire> Unpin for Flow<W> {}

impl<W: Wire> Stream for Flow<W> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        Poll::Ready(match ready!(this.body.poll_chunk(context)) {
            Some(Ok(bytes)) => Some(Ok(bytes)),
            Some(Err(failure)) => Some(Err(io::Error::other(sentence(&failure, &this.host)))),
            None => {
                *this.trailers.borrow_mut() = hop::trailers(this.body.trailers());
                None
            }
        })
    }
}
