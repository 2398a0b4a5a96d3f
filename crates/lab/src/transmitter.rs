//! The transmitter of a link: one frame after the other, each for as long as its bytes take.

use std::time::Duration;

use roundtrip_record::Time;

use crate::delivery::Cursor;
use crate::shape::Rate;

/// So many nanoseconds later.
#[inline]
pub(crate) fn later(at: Time, nanos: u64) -> Time {
    Time::from_nanos(at.nanos().saturating_add(nanos))
}

/// Nanoseconds, 584 years at most.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Sends frames at its pace.
#[derive(Debug)]
pub(crate) struct Transmitter {
    pace: Pace,
    /// When it has sent everything it was given.
    free_at: Time,
}

#[derive(Debug)]
enum Pace {
    Constant {
        /// Bits per second, not 0.
        rate: u64,
        /// Bytes of the last frame, and the nanoseconds it takes to transmit them: most frames are
        /// as long as the last one, and a division takes long.
        last: (u32, u64),
    },
    Trace(Cursor),
}

impl Transmitter {
    /// The transmitter of this rate; `None` where there is no limit.
    pub(crate) fn new(rate: &Rate) -> Option<Self> {
        let pace = match rate {
            Rate::Unlimited => return None,
            Rate::Constant(rate) => Pace::Constant { rate: (*rate).max(1), last: (0, 0) },
            Rate::Trace(trace) => Pace::Trace(Cursor::new(trace)),
        };
        Some(Self { pace, free_at: Time::ZERO })
    }

    /// When the transmission of a frame begins that is there at `now`.
    #[inline]
    pub(crate) fn ready(&mut self, now: Time) -> Time {
        let free = self.free_at.max(now);
        match &mut self.pace {
            Pace::Constant { .. } => free,
            Pace::Trace(cursor) => cursor.next(free),
        }
    }

    /// Transmits a frame from `start` on, which [`Transmitter::ready`] named; answers when that ends.
    #[inline]
    pub(crate) fn take(&mut self, start: Time, bytes: u32) -> Time {
        self.free_at = match &mut self.pace {
            Pace::Constant { rate, last } => {
                if last.0 != bytes {
                    *last = (bytes, u64::from(bytes) * 8_000_000_000 / *rate);
                }
                later(start, last.1)
            }
            Pace::Trace(cursor) => cursor.take(start, bytes),
        };
        self.free_at
    }
}
