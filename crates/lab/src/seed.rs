//! Seeds and generators: one seed for the whole lab, and from it a generator for each part that
//! draws.

/// The seed of all randomness in a lab. Two labs with the same seed and the same input do the same
/// to the byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seed(u64);

impl Seed {
    /// The seed with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of the seed.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The seed of a part of the lab, such as the host or link called `name`. What one part draws
    /// changes nothing in another, and a part added to the lab changes nothing in the others.
    #[must_use]
    pub fn of(self, name: &str) -> Self {
        let mut chance = Chance::new(self);
        for byte in name.bytes() {
            chance.0 ^= u64::from(byte);
            chance.0 = chance.next_u64();
        }
        Self(chance.next_u64())
    }

    /// 32 bytes derived from the seed, for generators that need as many.
    pub fn bytes(self) -> [u8; 32] {
        let mut chance = Chance::new(self);
        let mut bytes = [0; 32];
        for eight in bytes.chunks_exact_mut(8) {
            eight.copy_from_slice(&chance.next_u64().to_le_bytes());
        }
        bytes
    }
}

/// A probability in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ppm(u32);

impl Ppm {
    /// The probability of what never happens.
    pub const NEVER: Self = Self(0);
    /// The probability of what always happens.
    pub const ALWAYS: Self = Self(1_000_000);

    /// The probability of `millionths`; all above a million are [`Ppm::ALWAYS`].
    pub const fn new(millionths: u32) -> Self {
        if millionths > Self::ALWAYS.0 { Self::ALWAYS } else { Self(millionths) }
    }

    /// The probability in millionths.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The step of SplitMix64's state from one number to the next: 2⁶⁴ over the golden ratio, odd.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number that SplitMix64 draws from a state; it also serves as a hash of the state.
pub(crate) const fn split_mix(state: u64) -> u64 {
    let z = state.wrapping_add(GOLDEN_GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The generator of one kind of chance, such as the losses of one link: SplitMix64 (Steele, Lea, Flood: "Fast
/// splittable pseudorandom number generators", 2014). It is good for losing frames, not for
/// secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The generator that begins with this seed.
    pub const fn new(seed: Seed) -> Self {
        Self(seed.0)
    }

    /// The next number; all of them are equally likely.
    pub fn next_u64(&mut self) -> u64 {
        let drawn = split_mix(self.0);
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        drawn
    }

    /// A number below `limit`, which must not be 0. (Biased by less than `limit` in 2^64.)
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// Whether an event of this probability happens. An event that never happens draws nothing.
    pub(crate) fn happens(&mut self, probability: Ppm) -> bool {
        probability != Ppm::NEVER && self.below(u64::from(Ppm::ALWAYS.0)) < u64::from(probability.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the reference implementation for the seed 1234567.
    #[test]
    fn draws_as_published() {
        let mut chance = Chance::new(Seed::new(1_234_567));
        let drawn = [chance.next_u64(), chance.next_u64(), chance.next_u64()];
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn parts_differ_and_repeat() {
        let seed = Seed::new(7);
        assert_eq!(seed.of("link a"), seed.of("link a"));
        assert_ne!(seed.of("link a"), seed.of("link b"));
        assert_ne!(seed.of("link a"), Seed::new(8).of("link a"));
        assert_ne!(seed.of("ab").of("c"), seed.of("a").of("bc"));
    }

    #[test]
    fn two_percent_is_two_percent() {
        let mut chance = Chance::new(Seed::new(3));
        let hits = (0..100_000).filter(|_| chance.happens(Ppm::new(20_000))).count();
        assert!((1_850..2_150).contains(&hits), "{hits}");
    }
}
