//! `Chance`: a source of decisions, from given bytes or from a seed.

/// A source of decisions. The same source gives the same decisions.
#[derive(Clone, Debug)]
pub struct Chance<'a>(Source<'a>);

#[derive(Clone, Debug)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Seed(u64),
}

impl<'a> Chance<'a> {
    /// Decisions read from bytes, such as a fuzzer gives. When the bytes are used up, every number
    /// is 0.
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(Source::Bytes(bytes))
    }

    /// Endless decisions from a seed, by the generator `SplitMix64`.
    pub const fn from_seed(seed: u64) -> Chance<'static> {
        Chance(Source::Seed(seed))
    }

    /// Whether the bytes are used up; always false for a seed.
    pub const fn is_over(&self) -> bool {
        matches!(self.0, Source::Bytes([]))
    }

    /// The next number, from the full range of `u32`.
    pub fn word(&mut self) -> u32 {
        match &mut self.0 {
            Source::Bytes(bytes) => {
                let mut word = [0; 4];
                let count = bytes.len().min(4);
                let (taken, rest) = bytes.split_at(count);
                word[..count].copy_from_slice(taken);
                *bytes = rest;
                u32::from_le_bytes(word)
            }
            Source::Seed(state) => (split_mix(state) >> 32) as u32,
        }
    }

    /// A number below `n`, or 0 if `n` is 0. At most 65,536 different values occur.
    pub fn below(&mut self, n: u32) -> u32 {
        let Source::Bytes(bytes) = &mut self.0 else {
            return ((u64::from(self.word()) * u64::from(n)) >> 32) as u32;
        };
        let wide = n > 256;
        let mut value = 0;
        for _ in 0..=u8::from(wide) {
            if let Some((first, rest)) = bytes.split_first() {
                value = (value << 8) | u32::from(*first);
                *bytes = rest;
            }
        }
        value % n.max(1)
    }

    /// True with a probability of one in `n`; false if `n` is below 2, or the bytes are used up.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) + 1 == n && n > 1
    }

    /// One of the values in `among`.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u32) as usize]
    }

    /// The next bytes, at most `most` of them, and fewer if the source ends.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        match &mut self.0 {
            Source::Bytes(bytes) => {
                let (taken, rest) = bytes.split_at(most.min(bytes.len()));
                *bytes = rest;
                taken.to_vec()
            }
            Source::Seed(state) => (0..most).map(|_| split_mix(state) as u8).collect(),
        }
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_used_up_and_then_nothing_happens() {
        let mut chance = Chance::from_bytes(&[7, 1, 0, 3]);
        assert_eq!((chance.below(5), chance.below(1000), chance.is_over()), (2, 256, false));
        assert!(chance.one_in(4) && chance.is_over());
        assert_eq!((chance.below(9), chance.word(), chance.one_in(2)), (0, 0, false));
        assert!(chance.bytes(3).is_empty());
    }

    #[test]
    fn a_seed_reaches_every_number() {
        let mut chance = Chance::from_seed(1);
        let mut seen = [false; 7];
        (0..200).for_each(|_| seen[chance.below(7) as usize] = true);
        assert_eq!(seen, [true; 7]);
        assert_eq!(chance.bytes(5).len(), 5);
    }
}
