//! The body of a request on its way out.

use core::task::{Context, Poll, ready};
use std::io;

use bytes::Bytes;
use roundtrip_record::BodyRef;

use super::keeper::Keeper;
use crate::message::Fields;
use crate::{Body, Following};

/// A request's body, whoever sends it: counted, kept for the record, and held back where the server
/// is to be asked first (RFC 9110 §10.1.1).
pub(crate) struct Upload {
    body: Body,
    following: Option<Following>,
    keeper: Keeper,
    held: bool,
    taken: u64,
}

impl Upload {
    /// A body that is kept by `keeper`, and held back until [`Upload::let_go`] where `held`; `following`
    /// gives the fields after it.
    pub(crate) fn new(
        body: Body,
        following: Option<Following>,
        keeper: Keeper,
        held: bool,
    ) -> Self {
        let held = held && !body.is_empty();
        Self { body, following, keeper, held, taken: 0 }
    }

    /// The fields after it, now that it has ended.
    pub(crate) fn trailers(&self) -> Fields {
        self.following.as_ref().map(Following::fields).unwrap_or_default()
    }

    /// Whether there is no body.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == 0 && self.body.is_empty()
    }

    /// Whether it is held back.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Lets it go.
    pub(crate) fn let_go(&mut self) {
        self.held = false;
    }

    /// Bytes that were taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// The next piece; pending while it is held back: whoever lets it go polls again.
    pub(crate) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.held {
            return Poll::Pending;
        }
        let chunk = ready!(self.body.poll_chunk(context));
        if let Some(Ok(bytes)) = &chunk {
            self.taken += bytes.len() as u64;
            self.keeper.take(bytes);
        }
        Poll::Ready(chunk)
    }

    /// Ends the record of it.
    pub(crate) fn kept(&mut self) -> Option<BodyRef> {
        self.keeper.finish()
    }
}
