//! `Drawn`: how far a sweep is, on a terminal: cells, rate, and the time that is left.

use std::io::{Write as _, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roundtrip_os::Clock;
use roundtrip_record::Time;
use roundtrip_report::text::duration;
use roundtrip_sweep::Progress;

use crate::terminal;

/// The time between two updates of the line.
const BETWEEN: Duration = Duration::from_millis(200);

/// The line that says how far a sweep is.
pub(crate) struct Drawn {
    clock: Clock,
    /// When the line was drawn last; `None` where nobody looks.
    last: Option<Mutex<Time>>,
}

impl Drawn {
    pub(crate) fn new(quiet: bool) -> Self {
        let is_seen = terminal::is_watched(quiet);
        Self { clock: Clock::start(), last: is_seen.then(|| Mutex::new(Time::ZERO)) }
    }

    /// Draws the line, if the last time was long enough ago.
    pub(crate) fn draw(&self, progress: Progress) {
        let Some(last) = &self.last else { return };
        let now = self.clock.now();
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(*last) < BETWEEN {
            return;
        }
        *last = now;
        let line = terminal::one_line(&line(progress, now.since(Time::ZERO)));
        // A terminal that has gone away is no reason to end.
        let _ = write!(stderr(), "\r{line}\x1b[K");
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if self.last.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn line(progress: Progress, spent: Duration) -> String {
    let Progress { before, done, cells } = progress;
    let rate = (done - before) as f64 / spent.as_secs_f64().max(1e-3);
    let left = Duration::from_secs_f64((cells - done) as f64 / rate.max(1e-3));
    let left = duration(Duration::from_secs(left.as_secs()));
    format!("{done} of {cells} cells, {rate:.0} a second, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_what_was_done_here() {
        let progress = Progress { before: 1000, done: 1500, cells: 3500 };
        let told = line(progress, Duration::from_secs(5));
        assert_eq!(told, "1500 of 3500 cells, 100 a second, 20 s left");
    }
}
