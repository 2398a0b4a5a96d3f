//! Named network profiles.

use std::time::Duration;

/// A named network: one of WebPageTest's connectivity profiles, or the network of a house or
/// office. The variants give the rates down and up, and the round-trip time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// 5/1 Mbit/s, 28 ms.
    Cable,
    /// 1.5 Mbit/s/384 kbit/s, 50 ms.
    Dsl,
    /// 400/400 kbit/s, 400 ms.
    ThreeGSlow,
    /// 1.6 Mbit/s/768 kbit/s, 300 ms.
    ThreeG,
    /// 1.6 Mbit/s/768 kbit/s, 150 ms.
    ThreeGFast,
    /// 9/9 Mbit/s, 170 ms.
    FourG,
    /// 12/12 Mbit/s, 70 ms.
    Lte,
    /// 20/5 Mbit/s, 4 ms.
    Fios,
    /// 1/1 Gbit/s, 0.2 ms.
    Lan,
}

/// The profiles: name, rates down and up in kbit/s, round-trip time in microseconds. All but `lan`
/// are WebPageTest's (`settings/connectivity.ini`).
const TABLE: [(Profile, &str, u64, u64, u64); 9] = [
    (Profile::Cable, "cable", 5_000, 1_000, 28_000),
    (Profile::Dsl, "dsl", 1_500, 384, 50_000),
    (Profile::ThreeGSlow, "3gslow", 400, 400, 400_000),
    (Profile::ThreeG, "3g", 1_600, 768, 300_000),
    (Profile::ThreeGFast, "3gfast", 1_600, 768, 150_000),
    (Profile::FourG, "4g", 9_000, 9_000, 170_000),
    (Profile::Lte, "lte", 12_000, 12_000, 70_000),
    (Profile::Fios, "fios", 20_000, 5_000, 4_000),
    (Profile::Lan, "lan", 1_000_000, 1_000_000, 200),
];

impl Profile {
    /// All profiles, in the order in which they are listed.
    pub const ALL: [Self; 9] = {
        let mut all = [Self::Cable; 9];
        let mut place = 0;
        while place < TABLE.len() {
            all[place] = TABLE[place].0;
            place += 1;
        }
        all
    };

    /// The name of the profile.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The profile with this name, in upper or lower case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name().eq_ignore_ascii_case(name))
    }

    /// The rates down and up in bit/s, and the round-trip time.
    pub(crate) const fn figures(self) -> (u64, u64, Duration) {
        let (_, _, down, up, rtt) = TABLE[self as usize];
        (down * 1_000, up * 1_000, Duration::from_micros(rtt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_variants() {
        for (place, (profile, ..)) in TABLE.into_iter().enumerate() {
            assert_eq!(profile as usize, place);
        }
    }
}
