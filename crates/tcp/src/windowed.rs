//! The least of what was measured lately.

/// The least sample of a window of time, kept in three (`lib/win_minmax.c`, after Kathleen Nichols): the
/// least, and the least of the later parts of the window. Times are in any unit that wraps; for the
/// greatest, samples are turned round (`std::cmp::Reverse`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Least<T> {
    kept: [(u32, T); 3],
}

impl<T: Copy + Ord> Least<T> {
    /// Begins with a sample at time 0.
    pub(crate) fn new(sample: T) -> Least<T> {
        Least { kept: [(0, sample); 3] }
    }

    #[inline]
    pub(crate) fn get(&self) -> T {
        self.kept[0].1
    }

    /// Takes a sample measured at `at`; those before `at - window` count no more.
    #[inline]
    pub(crate) fn update(&mut self, value: T, at: u32, window: u32) {
        let sample = (at, value);
        if value <= self.kept[0].1 || at.wrapping_sub(self.kept[2].0) > window {
            self.kept = [sample; 3];
            return;
        }
        if value <= self.kept[1].1 {
            self.kept[1] = sample;
            self.kept[2] = sample;
        } else if value <= self.kept[2].1 {
            self.kept[2] = sample;
        }
        self.advance(sample, window);
    }

    /// Drops samples that have grown too old, and takes late ones when none came in their part of
    /// the window.
    fn advance(&mut self, sample: (u32, T), window: u32) {
        let age = sample.0.wrapping_sub(self.kept[0].0);
        if age > window {
            self.kept = [self.kept[1], self.kept[2], sample];
            if sample.0.wrapping_sub(self.kept[0].0) > window {
                self.kept = [self.kept[1], self.kept[2], sample];
            }
        } else if self.kept[1].0 == self.kept[0].0 && age > window / 4 {
            self.kept[1] = sample;
            self.kept[2] = sample;
        } else if self.kept[2].0 == self.kept[1].0 && age > window / 2 {
            self.kept[2] = sample;
        }
    }
}
