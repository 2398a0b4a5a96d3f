//! When slow start ends before anything is lost: HyStart++ (RFC 9406).

use core::time::Duration;

/// Where the round-trip time of a round is longer than that of the one before by this at least, the
/// queue may be filling (RFC 9406 §4.3) …
const LEAST: Duration = Duration::from_millis(4);
/// … and by this at most …
const MOST: Duration = Duration::from_millis(16);
/// … or by this part of it.
const PART: u32 = 8;
/// Samples that a round must have.
const SAMPLES: u32 = 8;
/// How much slower the window grows while it may be.
const SLOWER: u64 = 4;
/// For how many rounds, before slow start ends.
const ROUNDS: u32 = 5;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct HyStart {
    /// The packet with which the round ends.
    round_end: u64,
    last_round: Option<Duration>,
    this_round: Option<Duration>,
    samples: u32,
    /// While the window grows more slowly: the least of the round in which that began, and the rounds
    /// since.
    cautious: Option<(Duration, u32)>,
}

impl HyStart {
    /// By how many bytes the window grows for so many that were acknowledged.
    pub(crate) fn growth(&self, bytes: u64) -> u64 {
        if self.cautious.is_some() { bytes / SLOWER } else { bytes }
    }

    /// A packet was acknowledged after so long.
    pub(crate) fn sample(&mut self, round_trip: Duration) {
        self.this_round = Some(self.this_round.map_or(round_trip, |least| least.min(round_trip)));
        self.samples += 1;
        let (Some(this), true) = (self.this_round, self.samples >= SAMPLES) else { return };
        match (self.cautious, self.last_round) {
            // The queue was not filling after all.
            (Some((baseline, _)), _) if this < baseline => self.cautious = None,
            (None, Some(last)) if this >= last + (last / PART).clamp(LEAST, MOST) => {
                self.cautious = Some((this, 0));
            }
            _ => {}
        }
    }

    /// All acknowledgements of a packet have been taken, up to `acknowledged`; `sent` is the latest that
    /// was sent. Answers whether slow start ends.
    pub(crate) fn acknowledged(&mut self, acknowledged: u64, sent: u64) -> bool {
        if acknowledged < self.round_end {
            return false;
        }
        self.round_end = sent + 1;
        self.last_round = self.this_round.take().or(self.last_round);
        self.samples = 0;
        match &mut self.cautious {
            Some((_, rounds)) => {
                *rounds += 1;
                *rounds >= ROUNDS
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A round of ten packets with this round-trip time; whether slow start ends with it.
    fn round(start: &mut HyStart, number: &mut u64, millis: u64) -> bool {
        for _ in 0..10 {
            start.sample(Duration::from_millis(millis));
        }
        *number += 10;
        start.acknowledged(*number - 1, *number + 8)
    }

    #[test]
    fn a_queue_that_fills_ends_slow_start_after_five_rounds() {
        let (mut start, mut number) = (HyStart::default(), 0);
        for _ in 0..6 {
            assert!(!round(&mut start, &mut number, 40));
            assert_eq!(start.growth(1200), 1200);
        }
        // 40 / 8 = 5 ms more.
        assert!(!round(&mut start, &mut number, 45));
        assert_eq!(start.growth(1200), 300);
        let ends: Vec<bool> = (0..4).map(|_| round(&mut start, &mut number, 50)).collect();
        assert_eq!(ends, [false, false, false, true]);
    }

    #[test]
    fn a_hump_does_not() {
        let (mut start, mut number) = (HyStart::default(), 0);
        round(&mut start, &mut number, 40);
        round(&mut start, &mut number, 60);
        assert_eq!(start.growth(1200), 300);
        round(&mut start, &mut number, 41);
        assert_eq!(start.growth(1200), 1200);
    }
}
