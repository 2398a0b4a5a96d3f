//! The way back of one stream, until its response begins.

use core::cell::RefCell;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{StatusCode, Version};

use crate::message::{Fields, Head, ResponseHead, StatusLine};
use crate::server::interim::InterimSink;
use crate::two::{from_map, to_map};

/// The way back of one stream. Whoever makes the response shares it with whoever reads the request.
pub(crate) struct Responder {
    respond: RefCell<Option<SendResponse<Bytes>>>,
    /// Heads that were handed over and have not been reported.
    heads: RefCell<VecDeque<ResponseHead>>,
}

impl Responder {
    pub(crate) fn new(respond: SendResponse<Bytes>) -> Rc<Self> {
        Rc::new(Self { respond: RefCell::new(Some(respond)), heads: RefCell::default() })
    }

    /// Tells a client that waits to go on (RFC 9110 §10.1.1).
    pub(crate) fn go_on(&self) {
        self.interim(StatusCode::CONTINUE, &Fields::new());
    }

    fn interim(&self, status: StatusCode, fields: &Fields) {
        let mut respond = self.respond.borrow_mut();
        let Some(respond) = respond.as_mut() else { return };
        let mut response = http::Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = to_map(fields);
        let head = head(&response);
        // A stream that is over needs none.
        if respond.send_informational(response).is_ok() {
            self.heads.borrow_mut().push_back(head);
        }
    }

    /// Begins the response; with `ends`, that is all of it. `None` where the stream is over.
    pub(crate) fn begin(
        &self,
        response: http::Response<()>,
        ends: bool,
    ) -> Option<SendStream<Bytes>> {
        let mut respond = self.respond.borrow_mut().take()?;
        let head = head(&response);
        let out = respond.send_response(response, ends).ok()?;
        self.heads.borrow_mut().push_back(head);
        Some(out)
    }

    /// Ends the stream with this error.
    pub(crate) fn reset(&self, reason: Reason) {
        if let Some(mut respond) = self.respond.borrow_mut().take() {
            respond.send_reset(reason);
        }
    }

    /// Ready when the client gives the stream up.
    pub(crate) fn poll_reset(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.respond.borrow_mut().as_mut() {
            Some(respond) => respond.poll_reset(context).map(|_| ()),
            None => Poll::Pending,
        }
    }

    /// The next head that was handed over and not reported.
    pub(crate) fn next_head(&self) -> Option<ResponseHead> {
        self.heads.borrow_mut().pop_front()
    }

    /// Whether there is one.
    pub(crate) fn has_head(&self) -> bool {
        !self.heads.borrow().is_empty()
    }
}

impl InterimSink for Responder {
    fn send(&self, status: StatusCode, fields: &Fields) {
        self.interim(status, fields);
    }
}

fn head(response: &http::Response<()>) -> ResponseHead {
    let line =
        StatusLine { version: Version::HTTP_2, status: response.status(), reason: Vec::new() };
    Head { line, fields: from_map(response.headers()), bytes: 0 }
}
