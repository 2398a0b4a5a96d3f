//! A deadline that can be put off at no cost.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use roundtrip_record::Time;
use roundtrip_wire::Wire;

type Sleep = Pin<Box<dyn Future<Output = ()>>>;

/// Completes at a time that may be moved. It is moved far more often than it is reached, so the
/// wire's own timer is set anew only when it has fired too early or would fire too late.
pub(crate) struct Timer<W> {
    wire: W,
    at: Option<Time>,
    armed: Option<(Time, Sleep)>,
}

impl<W: Wire> Timer<W> {
    pub(crate) fn new(wire: W) -> Self {
        Self { wire, at: None, armed: None }
    }

    /// Moves the deadline; `None` is never.
    pub(crate) fn set(&mut self, at: Option<Time>) {
        self.at = at;
    }

    /// Whether there is a deadline.
    pub(crate) fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready once the deadline has passed.
    pub(crate) fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        loop {
            if self.wire.now() >= at {
                return Poll::Ready(());
            }
            let late = self.armed.as_ref().is_none_or(|(armed, _)| *armed > at);
            if late {
                self.armed = Some((at, Box::pin(self.wire.sleep_until(at))));
            }
            let Some((_, sleep)) = &mut self.armed else { return Poll::Pending };
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
        }
    }
}
