//! The delivery rate (draft-cheng-iccrg-delivery-rate-estimation; `tcp_rate.c`).

use crate::congestion::rate_sample::Delivery;

use super::sent::{Moments, Sent};

/// The estimate of the delivery rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// While the application limits the rate, the count of delivered segments from which on it no
    /// longer does.
    app_limited: Option<u32>,
    /// When the segment delivered last was sent, and when it was delivered, µs modulo 2³².
    first_sent_us: u32,
    delivered_us: u32,
    /// The rate, as segments in a number of microseconds.
    segments: u32,
    interval_us: u32,
    /// Whether the application limited the rate, and not the path.
    is_limited: bool,
}

impl Default for Rate {
    fn default() -> Self {
        Rate {
            app_limited: Some(u32::MAX),
            first_sent_us: 0,
            delivered_us: 0,
            segments: 0,
            interval_us: 0,
            is_limited: true,
        }
    }
}

/// The sample of the rate from one acknowledgement (`struct rate_sample`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The segments that had been delivered when the one delivered last was sent.
    pub(crate) delivered: u32,
    delivered_us: u32,
    send_interval_us: u32,
    is_limited: bool,
}

impl Rate {
    /// Notes that a segment is sent; `is_first` if nothing else is in flight (`tcp_rate_skb_sent`).
    /// Answers the moments the segment has to remember.
    #[inline]
    pub(crate) fn on_sent(&mut self, now_us: u64, is_first: bool) -> Moments {
        if is_first {
            self.first_sent_us = now_us as u32;
            self.delivered_us = now_us as u32;
        }
        Moments {
            first_sent_us: self.first_sent_us,
            delivered_us: self.delivered_us,
            is_limited: self.app_limited.is_some(),
        }
    }

    /// Notes the delivery of a segment that was sent later than all delivered before it
    /// (`tcp_rate_skb_delivered`).
    #[inline]
    pub(crate) fn on_delivered(&mut self, sent: &Sent) -> Sample {
        self.first_sent_us = sent.sent_us as u32;
        Sample {
            delivered: sent.delivered,
            delivered_us: sent.rate.delivered_us,
            send_interval_us: self.first_sent_us.wrapping_sub(sent.rate.first_sent_us),
            is_limited: sent.rate.is_limited,
        }
    }

    /// Updates the rate after an acknowledgement that delivered `newly` segments, `total` in all
    /// (`tcp_rate_gen`). Answers the delivery that the sample measured.
    pub(crate) fn on_ack(
        &mut self,
        sample: Option<Sample>,
        (newly, total): (u32, u32),
        now_us: u64,
        min_rtt_us: u32,
    ) -> Option<Delivery> {
        let now_us = now_us as u32;
        if self.app_limited.is_some_and(|until| (total.wrapping_sub(until) as i32) > 0) {
            self.app_limited = None;
        }
        if newly > 0 {
            self.delivered_us = now_us;
        }
        let sample = sample?;
        let segments = total.wrapping_sub(sample.delivered);
        let interval_us = sample.send_interval_us.max(now_us.wrapping_sub(sample.delivered_us));
        let mut delivery = Delivery {
            prior_delivered: sample.delivered,
            segments,
            interval_us: None,
            is_limited: sample.is_limited,
        };
        if interval_us < min_rtt_us {
            return Some(delivery);
        }
        delivery.interval_us = Some(interval_us);
        let faster = u64::from(segments) * u64::from(self.interval_us)
            >= u64::from(self.segments) * u64::from(interval_us);
        if !sample.is_limited || faster {
            self.segments = segments;
            self.interval_us = interval_us;
            self.is_limited = sample.is_limited;
        }
        Some(delivery)
    }

    /// Whether the application limits the rate now.
    pub(crate) fn is_app_limited(&self) -> bool {
        self.app_limited.is_some()
    }

    /// When a segment was delivered last, µs modulo 2³².
    pub(crate) fn delivered_us(&self) -> u32 {
        self.delivered_us
    }

    /// Notes that it is not the path that limits what is in flight: the application leaves room in the window
    /// (`tcp_rate_check_app_limited`), or it is kept small on purpose.
    pub(crate) fn on_shortage(&mut self, delivered: u32, in_flight: u32) {
        self.app_limited = Some(delivered.wrapping_add(in_flight).max(1));
    }

    /// The rate in bytes a second, for segments of `mss` bytes, and whether the application limited
    /// it.
    pub(crate) fn rate(&self, mss: u32) -> (u64, bool) {
        let bytes = u64::from(self.segments) * u64::from(mss);
        (bytes * 1_000_000 / u64::from(self.interval_us.max(1)), self.is_limited)
    }
}
