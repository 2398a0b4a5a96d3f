//! What an acknowledgement tells a congestion control that goes by the rate of delivery.

use crate::info::CaState;

/// What an acknowledgement brought, and how things stand after it (`struct rate_sample`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSample {
    /// The delivery that was measured on the segment sent last of those delivered now.
    pub(crate) delivery: Option<Delivery>,
    /// Segments delivered by this acknowledgement, in order or not.
    pub(crate) acked: u32,
    /// Segments that were found to be lost with it.
    pub(crate) losses: u32,
    /// The round-trip time measured on the segment acknowledged last, µs.
    pub(crate) rtt_us: Option<u32>,
    /// Whether the peer probably delayed the acknowledgement.
    pub(crate) is_ack_delayed: bool,
    /// Segments in flight before it, and after.
    pub(crate) prior_in_flight: u32,
    pub(crate) in_flight: u32,
    /// Segments delivered, and lost, since the connection began.
    pub(crate) delivered: u32,
    pub(crate) lost: u32,
    /// When a segment was delivered last, µs modulo 2³².
    pub(crate) delivered_us: u32,
    /// The state of loss recovery.
    pub(crate) state: CaState,
    /// How long segments have to wait yet for their turn, because they are spaced, µs.
    pub(crate) spaced_us: u32,
    /// Bytes of payload in a full segment.
    pub(crate) mss: u32,
    /// The smoothed round-trip time, µs; 0 before the first sample.
    pub(crate) srtt_us: u32,
}

/// A measured delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// The segments that had been delivered when the segment was sent.
    pub(crate) prior_delivered: u32,
    /// The segments that were delivered from then on.
    pub(crate) segments: u32,
    /// In how many microseconds; none where that is less than a round trip takes.
    pub(crate) interval_us: Option<u32>,
    /// Whether the application, and not the path, limited what was in flight.
    pub(crate) is_limited: bool,
}

impl RateSample {
    /// The delivery, and its interval in microseconds, where both are known.
    pub(crate) fn measured(&self) -> Option<(Delivery, u32)> {
        let delivery = self.delivery?;
        let interval_us = delivery.interval_us.filter(|us| *us > 0)?;
        Some((delivery, interval_us))
    }
}
