//! What a stack asks of whoever drives it.

use core::future::Future;
use std::net::IpAddr;
use std::time::SystemTime;

use roundtrip_host::{SplitFrame, Transmit};
use roundtrip_record::{Time, WireKind};

use crate::environment::Environment;
use crate::wire::Task;

/// The clock, the tasks and the cable of one host: `lab` and `tap` each have one.
///
/// Methods are called while the stack is at work: they must not call it back, but may wake tasks.
pub trait Port: 'static {
    /// Which wire this is.
    fn kind(&self) -> WireKind;

    /// The time since the record's epoch. Never falls.
    fn now(&self) -> Time;

    /// The calendar time.
    fn wall(&self) -> SystemTime;

    /// What the host knows besides the network.
    fn environment(&self) -> &dyn Environment;

    /// Completes at `at`, at once if that is past.
    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static;

    /// Starts a task.
    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task;

    /// Runs work that takes the processor for long.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T>;

    /// An empty buffer for a frame.
    fn buffer(&self) -> Vec<u8>;

    /// Sends a frame. The buffer is the port's from here on.
    fn transmit(&self, frame: Vec<u8>, transmit: Transmit);

    /// Sends a frame whose payload stands elsewhere; only where the interface computes checksums.
    fn transmit_split(&self, frame: SplitFrame<'_>) {
        let mut whole = self.buffer();
        whole.extend_from_slice(frame.headers);
        whole.extend_from_slice(frame.payload[0]);
        whole.extend_from_slice(frame.payload[1]);
        self.transmit(whole, frame.transmit);
    }

    /// Wants [`Stack::handle_timeout`](super::Stack::handle_timeout) called at `at`, and not at the
    /// time named before; `None`: not at all.
    fn set_timer(&self, at: Option<Time>);

    /// Somebody else on the link turned out to have this address: our host uses it no more.
    fn lost_address(&self, address: IpAddr) {
        let _ = address;
    }
}
