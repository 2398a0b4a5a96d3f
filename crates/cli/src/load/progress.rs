//! The line that tells how far a load has come, on a terminal.

use std::io::{Write as _, stderr};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use roundtrip_load::Gauge;
use roundtrip_report::text::{duration, grouped};

use crate::terminal;

/// The time between two updates of the line.
const BETWEEN: Duration = Duration::from_millis(500);

/// The line, drawn by a thread of its own until this value is dropped.
pub(super) struct Progress {
    over: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to draw, where somebody sees it ([`terminal::is_watched`]).
    pub(super) fn start(gauges: Vec<Arc<Gauge>>, quiet: bool) -> Self {
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = Arc::clone(&over);
        let watched = terminal::is_watched(quiet);
        let thread = watched.then(|| std::thread::spawn(move || draw(&gauges, &seen)));
        Self { over, thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that draws has nothing to say about how the load went.
            let _ = thread.join();
        }
    }
}

fn draw(gauges: &[Arc<Gauge>], over: &(Mutex<bool>, Condvar)) {
    let (mut before, mut drawn) = (0, false);
    let mut ended = over.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*ended {
        let waited = over.1.wait_timeout(ended, BETWEEN);
        let (guard, wait) = waited.unwrap_or_else(PoisonError::into_inner);
        ended = guard;
        if *ended || !wait.timed_out() {
            continue;
        }
        let all = gauges.iter().map(|gauge| gauge.read());
        let (answered, failed, latency) = all.fold((0, 0, Duration::ZERO), |sum, one| {
            (sum.0 + one.0, sum.1 + one.1, sum.2.max(one.2))
        });
        let rate = (answered - before) * 1000 / BETWEEN.as_millis() as u64;
        before = answered;
        let line = format!(
            "{}/s now, {} answered, {} failed, last latency {}",
            grouped(rate),
            grouped(answered),
            grouped(failed),
            duration(latency)
        );
        // A terminal that has gone away is no reason to end the load.
        let _ = write!(stderr(), "\r{}\x1b[K", terminal::one_line(&line));
        drawn = true;
    }
    if drawn {
        let _ = write!(stderr(), "\r\x1b[K");
    }
}
