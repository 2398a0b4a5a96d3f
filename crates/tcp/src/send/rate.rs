//! How fast data is delivered, and what keeps it from being faster: for whoever asks
//! (draft-cheng-iccrg-delivery-rate-estimation; `tcp_rate.c`, `tcp_chrono_start`).

use std::collections::VecDeque;

use super::mtu::MtuSearch;
use super::output::Burst;
use super::scoreboard::Sent;

/// The delivery rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// While data runs short, the count of delivered segments at which it will no longer show.
    app_limited: Option<u32>,
    /// When the segment delivered last was sent, and when it was delivered, µs.
    first_sent_us: u32,
    delivered_us: u32,
    /// The rate: segments in so many µs.
    segments: u32,
    interval_us: u32,
    /// It is that of the application, not of the path.
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

/// What one acknowledgement says of the rate (`struct rate_sample`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Segments delivered, when the one delivered last was sent.
    pub(crate) delivered: u32,
    delivered_us: u32,
    send_interval_us: u32,
    is_limited: bool,
}

impl Rate {
    /// A segment leaves; `is_first` of all that are out (`tcp_rate_skb_sent`). Gives the moments it
    /// has to remember.
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

    /// A segment was delivered that was sent later than all delivered before it
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

    /// The acknowledgement is taken in; `newly` and `total` segments are delivered by it and by now
    /// (`tcp_rate_gen`).
    pub(crate) fn on_ack(
        &mut self,
        sample: Option<Sample>,
        (newly, total): (u32, u32),
        now_us: u64,
        min_rtt_us: u32,
    ) {
        let now_us = now_us as u32;
        if self.app_limited.is_some_and(|until| (total.wrapping_sub(until) as i32) > 0) {
            self.app_limited = None;
        }
        if newly > 0 {
            self.delivered_us = now_us;
        }
        let Some(sample) = sample else { return };
        let segments = total.wrapping_sub(sample.delivered);
        let interval_us = sample.send_interval_us.max(now_us.wrapping_sub(sample.delivered_us));
        if interval_us < min_rtt_us {
            return;
        }
        let faster = u64::from(segments) * u64::from(self.interval_us)
            >= u64::from(self.segments) * u64::from(interval_us);
        if !sample.is_limited || faster {
            self.segments = segments;
            self.interval_us = interval_us;
            self.is_limited = sample.is_limited;
        }
    }

    /// The application leaves room in the window (`tcp_rate_check_app_limited`).
    pub(crate) fn on_shortage(&mut self, delivered: u32, in_flight: u32) {
        self.app_limited = Some(delivered.wrapping_add(in_flight).max(1));
    }

    /// Bytes a second, for segments of `mss` bytes, and whether the application set it.
    pub(crate) fn rate(&self, mss: u32) -> (u64, bool) {
        let bytes = u64::from(self.segments) * u64::from(mss);
        (bytes * 1_000_000 / u64::from(self.interval_us.max(1)), self.is_limited)
    }
}

/// What a connection needs from its first write on, and an idle one does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    pub(crate) rate: Rate,
    pub(crate) chronograph: Chronograph,
    /// Bursts that were decided on and not handed out, or the first not completely: a long write
    /// fills one buffer after the other.
    pub(crate) ready: VecDeque<Burst>,
    /// No more is taken to write while so many bytes wait to be sent (`TCP_NOTSENT_LOWAT`).
    pub(crate) notsent_low_water: Option<u32>,
    /// Bytes of payload sent, and of these sent again.
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_retrans: u64,
    pub(crate) timeouts: Timeouts,
    /// What the path carries is searched for.
    pub(super) search: Option<Box<MtuSearch>>,
}

/// How often the retransmission timer struck (`tcp_update_rto_stats`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeouts {
    /// In all.
    pub(crate) total: u32,
    /// Recoveries that began so.
    pub(crate) recoveries: u32,
    /// How long they lasted, ms, and since when the one lasts that is not over.
    spent_ms: u32,
    since_ms: Option<u32>,
}

impl Timeouts {
    /// Those of the handshake, which took so long to repair.
    pub(crate) fn of_handshake(total: u32, spent_ms: u32) -> Timeouts {
        Timeouts { total, recoveries: u32::from(total > 0), spent_ms, since_ms: None }
    }

    /// The timer struck, for the first time in a row or not.
    pub(crate) fn struck(&mut self, is_first: bool, now_ms: u32) {
        self.total += 1;
        if is_first {
            self.recoveries += 1;
            self.since_ms = Some(now_ms);
        }
    }

    /// The state of loss is over (`tcp_update_rto_time`).
    pub(crate) fn recovered(&mut self, now_ms: u32) {
        self.spent_ms = self.spent_ms(now_ms);
        self.since_ms = None;
    }

    /// Time spent in such recoveries, ms.
    pub(crate) fn spent_ms(&self, now_ms: u32) -> u32 {
        self.spent_ms.wrapping_add(self.since_ms.map_or(0, |since| now_ms.wrapping_sub(since)))
    }
}

/// What a segment remembers of the moment it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    first_sent_us: u32,
    delivered_us: u32,
    is_limited: bool,
}

/// What a connection that has something to send waits for (`enum tcp_chrono`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Business {
    /// It has nothing to send.
    #[default]
    Idle,
    /// The network, or nothing.
    Busy,
    /// The peer's window.
    Window,
    /// Room in the send buffer.
    Buffer,
}

/// How long a connection was busy, and with what, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chronograph {
    doing: Business,
    since: u32,
    spent: [u32; 3],
}

impl Chronograph {
    fn set(&mut self, what: Business, now: u32) {
        let lasted = now.wrapping_sub(self.since);
        if let Some(spent) = self.spent_mut(self.doing) {
            *spent = spent.wrapping_add(lasted);
        }
        (self.doing, self.since) = (what, now);
    }

    fn spent_mut(&mut self, what: Business) -> Option<&mut u32> {
        match what {
            Business::Idle => None,
            Business::Busy => self.spent.get_mut(0),
            Business::Window => self.spent.get_mut(1),
            Business::Buffer => self.spent.get_mut(2),
        }
    }

    /// It waits for this from now on, unless for something that outranks it.
    #[inline]
    pub(crate) fn start(&mut self, what: Business, now: u32) {
        if what > self.doing {
            self.set(what, now);
        }
    }

    /// It does not wait for this any more.
    #[inline]
    pub(crate) fn stop(&mut self, what: Business, is_empty: bool, now: u32) {
        if is_empty && self.doing != Business::Idle {
            self.set(Business::Idle, now);
        } else if self.doing == what && what != Business::Busy {
            self.set(Business::Busy, now);
        }
    }

    /// Ticks altogether, waiting for the window, and for room in the buffer.
    pub(crate) fn spent(mut self, now: u32) -> [u32; 3] {
        self.set(self.doing, now);
        let [busy, window, buffer] = self.spent;
        [busy.wrapping_add(window).wrapping_add(buffer), window, buffer]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_to_what_is_waited_for() {
        let mut chronograph = Chronograph::default();
        chronograph.start(Business::Busy, 10);
        chronograph.start(Business::Window, 13);
        chronograph.start(Business::Busy, 14);
        chronograph.stop(Business::Window, false, 18);
        chronograph.stop(Business::Busy, true, 20);
        chronograph.start(Business::Busy, 30);
        assert_eq!(chronograph.spent(31), [11, 5, 0]);
    }
}
