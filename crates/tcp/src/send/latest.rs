//! The times of the last events of a sender.

use roundtrip_record::Time;

/// The times of the last events of a sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latest {
    /// When payload was last sent.
    pub(crate) data: Time,
    /// When anything was last sent (`tcp_wstamp_ns`).
    pub(crate) output: Time,
    /// When an acknowledgement last arrived.
    pub(crate) ack: Time,
}

impl Latest {
    pub(super) fn new(now: Time) -> Latest {
        Latest { data: now, output: now, ack: now }
    }
}
