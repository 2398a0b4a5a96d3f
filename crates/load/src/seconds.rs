//! `Series`: what each second came to.

use core::time::Duration;

use crate::histogram::Times;

/// Significant digits of the histogram of a second: there are many of them.
const DIGITS: u8 = 2;

/// One second of a run.
#[derive(Clone, Debug)]
pub struct Second {
    /// Requests that were due in it.
    pub due: u64,
    /// Answers that were whole in it, those of status 400 and above included.
    pub answered: u64,
    /// Requests that came to nothing in it, and answers of status 400 and above.
    pub failed: u64,
    /// Bytes of bodies that were whole in it.
    pub bytes: u64,
    /// Latencies of what was answered in it.
    pub latency: Times,
    /// How late the generator was with a request of it at most.
    pub late: Duration,
}

impl Default for Second {
    fn default() -> Self {
        let latency = Times::with_digits(DIGITS);
        let late = Duration::ZERO;
        Self { due: 0, answered: 0, failed: 0, bytes: 0, latency, late }
    }
}

/// The seconds of a run, from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<Second>);

impl Series {
    /// Longer runs than this do not have all of their seconds: the last one has the rest.
    const MOST: usize = 100_000;

    /// The second in which something happened.
    pub(crate) fn at(&mut self, since: Duration) -> &mut Second {
        let number = usize::try_from(since.as_secs()).unwrap_or(usize::MAX).min(Self::MOST - 1);
        if self.0.len() <= number {
            self.0.resize_with(number + 1, Second::default);
        }
        &mut self.0[number]
    }

    /// All that another one has, second by second.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (number, theirs) in other.0.iter().enumerate() {
            let own = self.at(Duration::from_secs(number as u64));
            own.due += theirs.due;
            own.answered += theirs.answered;
            own.failed += theirs.failed;
            own.bytes += theirs.bytes;
            own.latency.merge(&theirs.latency);
            own.late = own.late.max(theirs.late);
        }
    }

    /// The seconds.
    pub fn seconds(&self) -> &[Second] {
        &self.0
    }
}
