//! The transmitter of a link, which sends one frame after the other.

use roundtrip_record::Time;

use crate::delivery::Cursor;
use crate::shape::Rate;
use crate::time::later;

/// The transmitter of a link.
#[derive(Debug)]
pub(crate) struct Transmitter {
    pace: Pace,
    /// When the transmitter has sent everything it was given.
    free_at: Time,
}

#[derive(Debug)]
enum Pace {
    Constant {
        /// Bits per second, not 0.
        rate: u64,
        /// The bytes of the last frame, and its time of transmission in nanoseconds: most frames
        /// are as long as the last one, and a division takes long.
        last: (u32, u64),
    },
    Trace(Cursor),
}

impl Transmitter {
    /// The transmitter of this rate; `None` if the rate is unlimited.
    pub(crate) fn new(rate: &Rate) -> Option<Self> {
        let pace = match rate {
            Rate::Unlimited => return None,
            Rate::Constant(rate) => Pace::Constant { rate: (*rate).max(1), last: (0, 0) },
            Rate::Trace(trace) => Pace::Trace(Cursor::new(trace)),
        };
        Some(Self { pace, free_at: Time::ZERO })
    }

    /// When the transmission of a frame can begin that is ready at `now`.
    #[inline]
    pub(crate) fn ready(&mut self, now: Time) -> Time {
        let free = self.free_at.max(now);
        match &mut self.pace {
            Pace::Constant { .. } => free,
            Pace::Trace(cursor) => cursor.next(free),
        }
    }

    /// Transmits a frame from `start` on, which must come from [`Transmitter::ready`]; answers when
    /// the transmission ends.
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
