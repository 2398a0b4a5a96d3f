//! The machine's clocks.

use core::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use roundtrip_record::Time;

use crate::timer::Sleep;

/// How often both clocks are read together.
const TRIES: usize = 5;

/// Started once a run: its start is the record's epoch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts it.
    pub fn start() -> Self {
        // The two clocks are read as nearly at once as can be: the thread may be taken off its
        // processor between them, and then all times of packets would be off by as much.
        let mut best = Self::read_both();
        for _ in 1..TRIES {
            let next = Self::read_both();
            if next.1 < best.1 {
                best = next;
            }
        }
        best.0
    }

    /// Started now, and how far apart the two clocks were read.
    #[allow(clippy::disallowed_methods, reason = "this is the clock of the machine's wires")]
    fn read_both() -> (Self, Duration) {
        let before = Instant::now();
        let wall = SystemTime::now();
        let apart = before.elapsed();
        (Self { epoch: before + apart / 2, wall }, apart)
    }

    /// The time since its start.
    #[allow(clippy::disallowed_methods, reason = "this is the clock of the machine's wires")]
    pub fn now(&self) -> Time {
        Time::ZERO + self.epoch.elapsed()
    }

    /// The calendar time; steps of the system's clock during the run do not show.
    pub fn wall(&self) -> SystemTime {
        self.wall + self.now().since(Time::ZERO)
    }

    /// The calendar time of the epoch, nanoseconds since 1970.
    pub fn wall_epoch(&self) -> u64 {
        let since = self.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The record's time of a calendar time, as the kernel stamps packets with it.
    pub fn at(&self, wall_nanos: u64) -> Time {
        Time::from_nanos(wall_nanos.saturating_sub(self.wall_epoch()))
    }

    /// Completes at `at`, at once if that is past; never early, and late by what the kernel takes to
    /// wake the thread (some 0.05 ms) and by what else the thread has to do.
    ///
    /// # Panics
    /// When waited for outside of [`run`](crate::run), which has the timers.
    pub fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static + use<> {
        let instant = self.epoch.checked_add(at.since(Time::ZERO));
        async move {
            match instant {
                Some(instant) => Sleep::until(instant).await,
                None => core::future::pending().await, // further than the machine can count
            }
        }
    }
}

/// The processor time that all threads of this process have had.
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
