//! What is told of a request before its answer is there.

use roundtrip_record::{EventId, ExchangeId, Time};
use tokio::sync::mpsc;
use url::Url;

use crate::message::ResponseHead;

/// Tells somebody of the exchanges that a request leads to, and of the interim responses that come. Its
/// clones, and so all requests that have it, tell the same one.
#[derive(Clone, Debug)]
pub struct Watch(mpsc::UnboundedSender<Progress>);

/// The other end of a [`Watch`].
#[derive(Debug)]
pub struct Watching(mpsc::UnboundedReceiver<Progress>);

/// What has come of a request.
#[derive(Clone, Debug)]
pub enum Progress {
    /// An exchange has begun: the first, that which a redirect leads to, or another try.
    Begun {
        /// The exchange.
        exchange: ExchangeId,
        /// What is asked for.
        url: Url,
    },
    /// An interim response has come.
    Interim(Box<InterimHead>),
}

/// An interim response (RFC 9110 §15.2).
#[derive(Clone, Debug)]
pub struct InterimHead {
    /// The exchange.
    pub exchange: ExchangeId,
    /// What was asked for.
    pub url: Url,
    /// The head.
    pub head: ResponseHead,
    /// The event of it.
    pub event: Option<EventId>,
    /// When it was complete.
    pub at: Time,
}

impl Watch {
    /// One for requests, and its other end.
    pub fn new() -> (Self, Watching) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Watching(receiver))
    }

    /// Tells of something; whoever waited for it may be gone.
    pub(crate) fn tell(&self, progress: Progress) {
        let _ = self.0.send(progress);
    }
}

impl Watching {
    /// The next that comes; `None` once no request is left that could tell.
    pub async fn next(&mut self) -> Option<Progress> {
        self.0.recv().await
    }

    /// The next that has come already.
    pub fn next_now(&mut self) -> Option<Progress> {
        self.0.try_recv().ok()
    }
}
