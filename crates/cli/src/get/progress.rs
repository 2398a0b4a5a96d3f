//! The progress line of a transfer. It is shown on a terminal only, and only for transfers that
//! take longer than a second.

use std::time::Duration;

use roundtrip_record::Time;
use roundtrip_wire::Wire;

/// The progress of a transfer.
#[derive(Debug)]
pub(super) struct Progress {
    began: Time,
    received: u64,
    expected: Option<u64>,
    /// When the first byte of the body arrived.
    first: Option<Time>,
    shown: bool,
}

/// The time between two updates of the line.
const BETWEEN: Duration = Duration::from_millis(200);
/// The longest transfer for which no line is shown.
const SHORT: Duration = Duration::from_secs(1);

impl Progress {
    pub(super) fn new(began: Time) -> Self {
        Self { began, received: 0, expected: None, first: None, shown: false }
    }

    /// Notes that a body of this length begins.
    pub(super) fn expect(&mut self, length: Option<u64>) {
        self.expected = length;
    }

    /// Notes that bytes arrived.
    pub(super) fn more(&mut self, bytes: u64, at: Time) {
        self.received += bytes;
        self.first.get_or_insert(at);
    }

    /// Notes that the body begins again from its first byte.
    pub(super) fn restart(&mut self) {
        (self.received, self.expected, self.first) = (0, None, None);
    }

    /// The line's present text; `None` while there is nothing to show.
    fn line(&self, now: Time) -> Option<String> {
        let since = now.since(self.began);
        if since < SHORT {
            return None;
        }
        let seconds = since.as_secs();
        let Some(first) = self.first else { return Some(format!("waiting, {seconds} s")) };
        let rate = self.received as f64 / now.since(first).as_secs_f64().max(0.001);
        let received = size(self.received as f64);
        let Some(expected) = self.expected.filter(|expected| *expected > 0) else {
            return Some(format!("{received}  {}/s  {seconds} s", size(rate)));
        };
        let percent = self.received.saturating_mul(100) / expected;
        let left = expected.saturating_sub(self.received) as f64 / rate.max(1.0);
        Some(format!(
            "{percent:3} %  {received} of {}  {}/s  {left:.0} s left",
            size(expected as f64),
            size(rate)
        ))
    }

    fn show(&mut self, now: Time) {
        if let Some(line) = self.line(now) {
            self.shown = true;
            eprint!("\r\x1b[K{line}");
        }
    }

    /// Removes the line from the terminal.
    pub(super) fn clear(&mut self) {
        if core::mem::take(&mut self.shown) {
            eprint!("\r\x1b[K");
        }
    }
}

/// Updates the line again and again. This future never completes.
pub(super) async fn watch<W: Wire>(
    wire: W,
    progress: &std::cell::RefCell<Progress>,
) -> std::convert::Infallible {
    loop {
        wire.sleep(BETWEEN).await;
        progress.borrow_mut().show(wire.now());
    }
}

fn size(bytes: f64) -> String {
    let units = [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)];
    let (unit, scale) =
        units.iter().rev().find(|(_, scale)| bytes >= *scale).copied().unwrap_or(("B", 1.0));
    let places = usize::from(scale > 1.0);
    format!("{:.places$} {unit}", bytes / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [0.0, 999.0, 1000.0, 2_147_483_648.0].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "2.1 GB"]);
    }

    #[test]
    fn only_what_takes_long_is_told() {
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        let mut progress = Progress::new(at(0));
        assert_eq!(progress.line(at(900)), None);
        assert_eq!(progress.line(at(2500)).as_deref(), Some("waiting, 2 s"));
        progress.expect(Some(4000));
        progress.more(1000, at(3000));
        let line = progress.line(at(4000));
        assert_eq!(line.as_deref(), Some(" 25 %  1.0 kB of 4.0 kB  1.0 kB/s  3 s left"));
        progress.restart();
        progress.more(500, at(5000));
        assert_eq!(progress.line(at(6000)).as_deref(), Some("500 B  500 B/s  6 s"));
    }
}
