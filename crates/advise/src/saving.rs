//! `Saving`: what a change saved of a time, over several seeds.

use core::time::Duration;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// What a change saved of one time, over pairs of runs that differ in nothing but the change: in
/// milliseconds, negative where it cost time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saving {
    /// A tenth of the pairs saved less.
    pub low_ms: f64,
    /// Half of the pairs saved less.
    pub median_ms: f64,
    /// Nine tenths of the pairs saved less.
    pub high_ms: f64,
}

/// What a saving amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Time is saved, whatever the seed.
    Saves,
    /// Time is lost, whatever the seed.
    Costs,
    /// Neither: the difference is nothing, or some seeds say this and others that.
    Nothing,
}

impl Serialize for Saving {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Saving", 4)?;
        fields.serialize_field("low_ms", &self.low_ms)?;
        fields.serialize_field("median_ms", &self.median_ms)?;
        fields.serialize_field("high_ms", &self.high_ms)?;
        fields.serialize_field("effect", &self.effect())?;
        fields.end()
    }
}

/// A difference below this is none: nobody could see it, and no browser's clock tells it.
const LEAST_MS: f64 = 0.5;

impl Saving {
    /// The savings of pairs of runs, each without the change and with it; `None` of no pair.
    pub fn of(pairs: impl IntoIterator<Item = (Duration, Duration)>) -> Option<Self> {
        let difference = |(without, with): (Duration, Duration)| {
            without.as_nanos() as i128 - with.as_nanos() as i128
        };
        let mut saved: Vec<i128> = pairs.into_iter().map(difference).collect();
        saved.sort_unstable();
        let last = saved.len().checked_sub(1)?;
        // As in the interval of a visit's runs: between two runs nothing is interpolated.
        let at = |place: usize| saved[place] as f64 / 1e6;
        Some(Self {
            low_ms: at((last + 5) / 10),
            median_ms: at(last / 2),
            high_ms: at((last * 9 + 5) / 10),
        })
    }

    /// What counts of it, in milliseconds: nothing where some seeds contradict others.
    pub fn counted_ms(&self) -> f64 {
        if self.effect() == Effect::Nothing { 0.0 } else { self.median_ms }
    }

    /// What it amounts to.
    pub fn effect(&self) -> Effect {
        if self.low_ms > 0.0 && self.median_ms >= LEAST_MS {
            Effect::Saves
        } else if self.high_ms < 0.0 && self.median_ms <= -LEAST_MS {
            Effect::Costs
        } else {
            Effect::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saving(pairs: &[(u64, u64)]) -> Saving {
        let ms = Duration::from_millis;
        Saving::of(pairs.iter().map(|&(without, with)| (ms(without), ms(with)))).expect("pairs")
    }

    #[test]
    fn a_saving_is_one_whatever_the_seed() {
        let saved = saving(&[(500, 400), (520, 400), (510, 420), (505, 400), (500, 410)]);
        assert_eq!((saved.low_ms, saved.median_ms, saved.high_ms), (90.0, 100.0, 120.0));
        assert_eq!(saved.effect(), Effect::Saves);
        assert_eq!(saving(&[(400, 500), (400, 450)]).effect(), Effect::Costs);
        assert_eq!(saving(&[(400, 300), (400, 450), (400, 380)]).effect(), Effect::Nothing);
        assert_eq!(saving(&[(400, 400)]).effect(), Effect::Nothing);
        assert_eq!(Saving::of([]), None);
    }
}
