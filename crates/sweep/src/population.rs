//! `Population`: the lines that people have, as percentiles that somebody published, from which networks
//! are drawn.

use roundtrip_lab::{Direction, Net, NetError};
use sha2::{Digest as _, Sha256};
use std::path::Path;

use crate::network::Network;

/// Lines of many people.
#[derive(Clone, Debug)]
pub struct Population {
    /// What it is called in the results.
    pub name: String,
    /// How many networks are drawn.
    pub draws: u32,
    /// The seed of the draws. The first draws of a seed are the same, however many follow.
    pub seed: u64,
    /// Round trips, nanoseconds.
    pub rtt: Quantity,
    /// Rates towards the client, bits per second.
    pub down: Quantity,
    /// Rates from the client, likewise.
    pub up: Quantity,
    /// What all have besides, as in a description of a network: `queue=100p,loss=0.1%`.
    pub with: Option<String>,
}

/// How a quantity is spread over the population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// Percentiles with their values: both ascend, the percentiles strictly. One alone is what everybody
    /// has.
    pub percentiles: Vec<(u8, u64)>,
}

/// Binary places of a drawn number.
const PLACES: u32 = 53;
/// Round trips are drawn in whole microseconds, rates in whole kbit/s.
const GRAIN: u64 = 1_000;

impl Quantity {
    /// What everybody has.
    pub fn fixed(value: u64) -> Self {
        Self { percentiles: vec![(50, value)] }
    }

    /// The value below which `part` of the population lies, in units of 2^-53: interpolated between the
    /// percentiles that are known, and never beyond the outermost, of which nothing is known.
    fn at(&self, part: u64) -> u64 {
        let whole = |percent: u8| u128::from(percent) << PLACES;
        let part = u128::from(part) * 100;
        let above = self.percentiles.iter().position(|(percent, _)| whole(*percent) >= part);
        let value = match above {
            Some(0) => self.percentiles.first(),
            None => self.percentiles.last(),
            Some(above) => {
                let ((low, from), (high, to)) =
                    (self.percentiles[above - 1], self.percentiles[above]);
                let along =
                    u128::from(to - from) * (part - whole(low)) / (whole(high) - whole(low));
                return from + along as u64;
            }
        };
        value.map_or(0, |(_, value)| *value)
    }
}

impl Population {
    /// The networks that are drawn. Each quantity is drawn by itself: a person who is far away may have a
    /// fast line.
    ///
    /// # Errors
    /// When what all have besides is no description.
    pub fn networks(&self, folder: &Path) -> Result<Vec<Network>, NetError> {
        (0..self.draws).map(|draw| self.network(draw, folder)).collect()
    }

    fn network(&self, draw: u32, folder: &Path) -> Result<Network, NetError> {
        let drawn = |quantity: &Quantity, name| (quantity.at(self.part(draw, name)) / GRAIN).max(1);
        let mut text = format!(
            "rtt={}us,down={}kbit,up={}kbit",
            drawn(&self.rtt, "rtt"),
            drawn(&self.down, "down"),
            drawn(&self.up, "up")
        );
        if let Some(with) = &self.with {
            text.push(',');
            text.push_str(with);
        }
        let network = Network::read(Some(&self.name), &text, folder)?;
        Ok(Network { draw: Some(draw), ..network })
    }

    /// A part of the population, drawn, in units of 2^-53.
    fn part(&self, draw: u32, quantity: &str) -> u64 {
        let hash = Sha256::digest(format!("{} {draw} {quantity}", self.seed));
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        u64::from_be_bytes(first) >> (64 - PLACES)
    }
}

/// A round trip or a rate as a description of a network has it, in nanoseconds or bits per second.
///
/// # Errors
/// When it is none.
pub(crate) fn value(name: &str, text: &str) -> Result<u64, NetError> {
    let net: Net =
        Net::parse(&format!("{name}={text}"), &|_| Err(std::io::ErrorKind::NotFound.into()))?;
    Ok(match name {
        "rtt" => net.rtt.as_nanos() as u64,
        "up" => net.conditions(Direction::Up).rate.mean().unwrap_or(0),
        _ => net.conditions(Direction::Down).rate.mean().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn population(draws: u32) -> Population {
        Population {
            name: "town".into(),
            draws,
            seed: 7,
            rtt: Quantity {
                percentiles: vec![(10, 20_000_000), (50, 40_000_000), (90, 200_000_000)],
            },
            down: Quantity { percentiles: vec![(5, 2_000_000), (95, 100_000_000)] },
            up: Quantity::fixed(1_000_000),
            with: Some("queue=100p".into()),
        }
    }

    #[test]
    fn draws_have_the_percentiles_that_were_published() {
        let folder = Path::new(".");
        let networks = population(2000).networks(folder).expect("networks");
        let mut rtts: Vec<u64> =
            networks.iter().map(|one| one.net.rtt.as_micros() as u64).collect();
        rtts.sort_unstable();
        for (percent, wanted) in [(25, 27_500), (50, 40_000), (75, 140_000)] {
            let drawn = rtts[2000 * percent / 100];
            assert!(drawn.abs_diff(wanted) < wanted / 10, "p{percent}: {drawn}, not {wanted}");
        }
        // What lies beyond the outermost percentiles is not known, and so not drawn.
        assert_eq!((rtts[0], rtts[1999]), (20_000, 200_000));
        assert!(networks.iter().all(|one| one.megabits(Direction::Up) == Some(1.0)));
        assert!(networks[0].net.to_string().contains("queue=100p"));
    }

    #[test]
    fn the_first_draws_stay_when_more_follow() {
        let texts = |draws| -> Vec<String> {
            let networks = population(draws).networks(Path::new(".")).expect("networks");
            networks.iter().map(|one| one.net.to_string()).collect()
        };
        assert_eq!(texts(3)[..], texts(9)[..3]);
        assert_ne!(texts(2)[0], texts(2)[1]);
    }

    #[test]
    fn values_are_those_of_descriptions() {
        assert_eq!(value("rtt", "1.5s").ok(), Some(1_500_000_000));
        assert_eq!(value("up", "768kbit").ok(), Some(768_000));
        assert!(value("down", "fast").is_err());
    }
}
