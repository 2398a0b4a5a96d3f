//! `Times`: the phases of an entry, cut out of its `timings`, whichever dialect wrote them.

use super::entry::{Entry, Timings};
use crate::notes::Notes;

/// When each step of an entry began and ended, in nanoseconds since the entry's start. A step that
/// did not take place has no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) dns: Option<(u64, u64)>,
    /// The transport's handshake alone.
    pub(crate) connect: Option<(u64, u64)>,
    pub(crate) tls: Option<(u64, u64)>,
    /// When the request began to be sent, and when it had been.
    pub(crate) send: (u64, u64),
    /// When the first byte of the response arrived.
    pub(crate) first_byte: u64,
    /// When the last byte had arrived.
    pub(crate) end: u64,
}

/// Sums of rounded milliseconds may be off by this much.
const ROUNDING: f64 = 1.5;

/// The longest time that is believed, in milliseconds: thirty days.
const LONGEST: f64 = 30.0 * 86_400_000.0;

impl Times {
    /// Cuts the phases of an entry out of its timings.
    pub(crate) fn of(entry: &Entry, notes: &mut Notes) -> Self {
        let timings = &entry.timings;
        let known = Known { notes };
        let mut known = known;
        let [blocked, dns, connect, send, wait, receive] = [
            known.length("blocked", timings.blocked),
            known.length("dns", timings.dns),
            known.length("connect", timings.connect),
            known.length("send", timings.send),
            known.length("wait", timings.wait),
            known.length("receive", timings.receive),
        ];
        let ssl = known.length("ssl", timings.ssl);
        let queued = known.length("_queued", timings.queued).unwrap_or(0.0);
        if [blocked, dns, connect, send, wait, receive].iter().all(Option::is_none) {
            return Self::untimed(entry, notes);
        }
        let outside = ssl_is_outside(timings, entry.time);
        let (tcp, tls) = match (connect, ssl) {
            (Some(connect), Some(ssl)) if outside => (Some(connect), Some(ssl)),
            (Some(connect), Some(ssl)) => (Some((connect - ssl).max(0.0)), Some(ssl)),
            (connect, ssl) => (connect, ssl.filter(|ssl| *ssl > 0.0)),
        };
        if outside {
            notes.add("`ssl` is not part of `connect`, against the specification; it is taken to follow it");
        }
        let mut clock = Clock(queued + blocked.unwrap_or(0.0));
        let times = Self {
            dns: clock.step(dns),
            connect: clock.step(tcp),
            tls: clock.step(tls),
            send: clock.step(send).unwrap_or((clock.now(), clock.now())),
            first_byte: {
                clock.step(wait);
                clock.now()
            },
            end: {
                clock.step(receive);
                clock.now()
            },
        };
        if let Some(time) = entry.time.filter(|time| *time >= 0.0) {
            let sum = clock.0 - queued;
            if (sum - time).abs() > ROUNDING && (clock.0 - time).abs() > ROUNDING {
                notes.add("`time` is not the sum of the timings; the timings are taken");
            }
        }
        times
    }

    /// An entry without phases: the whole time is the wait.
    fn untimed(entry: &Entry, notes: &mut Notes) -> Self {
        notes.add("no timings; the whole time counts as the wait");
        let end = nanos(entry.time.unwrap_or(0.0));
        Self { first_byte: end, end, ..Self::default() }
    }
}

/// Whether `ssl` comes after `connect` instead of being a part of it, as in Firefox and mitmproxy:
/// it is longer than `connect`, or `time` adds up only with it.
fn ssl_is_outside(timings: &Timings, time: Option<f64>) -> bool {
    let (Some(connect), Some(ssl)) = (timings.connect, timings.ssl) else { return false };
    if ssl <= 0.0 || connect < 0.0 {
        return false;
    }
    if ssl > connect + 0.01 {
        return true;
    }
    let parts = [
        timings.blocked,
        timings.dns,
        timings.connect,
        timings.send,
        timings.wait,
        timings.receive,
    ];
    let sum: f64 = parts.into_iter().flatten().filter(|part| *part > 0.0).sum();
    let adds_up = |sum: f64| time.is_some_and(|time| (time - sum).abs() <= ROUNDING);
    !adds_up(sum) && adds_up(sum + ssl)
}

/// Lengths of phases, with notes on those that cannot be.
struct Known<'a> {
    notes: &'a mut Notes,
}

impl Known<'_> {
    /// The length of a phase; `None` where it did not take place.
    fn length(&mut self, phase: &str, length: Option<f64>) -> Option<f64> {
        let length = length?;
        // −1 says that it did not take place.
        if (length + 1.0).abs() < f64::EPSILON {
            return None;
        }
        if length < 0.0 {
            self.notes.add(&format!("`{phase}` is negative; it counts as nothing"));
            return None;
        }
        if length > LONGEST {
            self.notes.add(&format!("`{phase}` is longer than thirty days; it counts as nothing"));
            return None;
        }
        Some(length)
    }
}

/// A sum of milliseconds.
struct Clock(f64);

impl Clock {
    fn now(&self) -> u64 {
        nanos(self.0)
    }

    fn step(&mut self, length: Option<f64>) -> Option<(u64, u64)> {
        let length = length?;
        let began = self.now();
        self.0 += length;
        Some((began, self.now()))
    }
}

/// Milliseconds as nanoseconds.
fn nanos(millis: f64) -> u64 {
    (millis.clamp(0.0, LONGEST * 10.0) * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn times(entry: &serde_json::Value) -> (Times, Vec<String>) {
        let mut notes = Notes::default();
        let times = Times::of(&Entry::read(entry).unwrap(), &mut notes);
        (times, notes.sorted().into_iter().map(|(note, _)| note.to_owned()).collect())
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn chrome_has_ssl_within_connect() {
        let (times, notes) = times(&json!({"time": 66, "timings": {
            "blocked": 1, "dns": 5, "connect": 30, "ssl": 20, "send": 0, "wait": 20, "receive": 10, "_blocked_queueing": 0.5
        }}));
        assert_eq!(times.dns, Some((MS, 6 * MS)));
        assert_eq!(times.connect, Some((6 * MS, 16 * MS)));
        assert_eq!(times.tls, Some((16 * MS, 36 * MS)));
        assert_eq!(times.send, (36 * MS, 36 * MS));
        assert_eq!((times.first_byte, times.end), (56 * MS, 66 * MS));
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn firefox_has_ssl_beside_connect() {
        for (connect, ssl) in [(10, 25), (25, 10)] {
            let (times, notes) = times(&json!({"time": 55, "timings": {
                "blocked": 0, "dns": 0, "connect": connect, "ssl": ssl, "send": 0, "wait": 15, "receive": 5
            }}));
            assert_eq!(times.connect, Some((0, connect * MS)));
            assert_eq!(times.tls, Some((connect * MS, 35 * MS)));
            assert_eq!(times.end, 55 * MS);
            assert_eq!(notes.len(), 1, "{notes:?}");
        }
    }

    #[test]
    fn chrome_har_queues_before_the_start() {
        let (times, notes) = times(&json!({"time": 10, "timings": {
            "_queued": 3, "blocked": 1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 8, "receive": 1
        }}));
        assert_eq!((times.dns, times.connect, times.tls), (None, None, None));
        assert_eq!((times.send.0, times.end), (4 * MS, 13 * MS));
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn what_is_missing_or_impossible_is_said() {
        let (playwright, _) =
            times(&json!({"time": 9, "timings": {"send": 0, "wait": 8, "receive": 1}}));
        assert_eq!((playwright.send, playwright.end), ((0, 0), 9 * MS));
        let (capturer, notes) = times(
            &json!({"time": -2, "timings": {"blocked": -3.5, "send": 1, "wait": 1e300, "receive": null}}),
        );
        assert_eq!(capturer.end, MS);
        assert_eq!(notes.len(), 2, "{notes:?}");
        let (untimed, notes) = times(&json!({"time": 7}));
        assert_eq!((untimed.first_byte, untimed.end), (7 * MS, 7 * MS));
        assert_eq!(notes.len(), 1);
    }
}
