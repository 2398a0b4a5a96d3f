//! `Passing`: the body of an answer on its way from a server to a client.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::Stream;
use roundtrip_http::client::ResponseBody;
use roundtrip_http::message::Fields;
use roundtrip_record::{Step, Unseen};
use roundtrip_wire::Wire;

use crate::refusal::sentence;
use crate::seen::{Seen, SeenExchange};
use crate::shared::Shared;

/// An answer's body, as it passes.
pub(crate) struct Passing<D: Wire, U: Wire> {
    body: ResponseBody<U>,
    /// The fields after it, for whoever sends them when it has ended.
    trailers: Rc<RefCell<Fields>>,
    ending: Ending<D, U>,
    /// Whose answer it is.
    host: String,
}

impl<D: Wire, U: Wire> Passing<D, U> {
    pub(crate) fn new(body: ResponseBody<U>, ending: Ending<D, U>, host: &str) -> Self {
        Self { body, trailers: Rc::default(), ending, host: host.to_owned() }
    }

    /// What gives the fields after the body, once that has ended.
    pub(crate) fn trailers(&self) -> impl Future<Output = Fields> + 'static {
        let trailers = Rc::clone(&self.trailers);
        async move { trailers.take() }
    }
}

impl<D: Wire, U: Wire> Stream for Passing<D, U> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        Poll::Ready(match ready!(this.body.poll_chunk(context)) {
            Some(Ok(bytes)) => {
                this.ending.seen.bytes += bytes.len() as u64;
                Some(Ok(bytes))
            }
            Some(Err(failure)) => {
                let why = sentence(&failure, &this.host);
                if this.ending.seen.fault.is_none() {
                    this.ending.shared.report(&failure);
                }
                this.ending.seen.fault = Some(why.clone());
                Some(Err(io::Error::other(why)))
            }
            None => {
                *this.trailers.borrow_mut() = this.body.trailers().clone();
                None
            }
        })
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
