//! A network in words: `3gslow`, `rtt=200ms,down=1.6Mbit,up=768kbit,loss=2%,queue=100p`.

use core::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::link::{Fcs, Pickup, Queue, Shape};
use crate::profile::Profile;
use crate::seed::Ppm;
use crate::unit;

/// The network between a client and the rest of the world: what a person describes with `--net`.
///
/// It is read from a profile's name, from properties between commas, or from a profile followed by
/// properties that replace the profile's own:
///
/// ```
/// use roundtrip_lab::Net;
///
/// let net: Net = "3g,loss=1%".parse()?;
/// assert_eq!(net.down, Some(1_600_000));
/// assert_eq!(net.to_string(), "3g,loss=1%");
///
/// let error = "rtt=200ms,lss=2%".parse::<Net>().unwrap_err();
/// assert!(error.to_string().contains("loss"));
/// # Ok::<(), roundtrip_lab::NetError>(())
/// ```
///
/// | property | meaning | where it is not given |
/// |---|---|---|
/// | `rtt=200ms` | round-trip time without load: half of it each way | 0 |
/// | `down=1.6Mbit`, `up=768kbit` | bits per second towards and from the client | no limit |
/// | `queue=100p`, `queue=64kB` | what may wait for each transmitter | 100 packets |
/// | `loss=2%` | probability, each way | 0 |
/// | `reorder=1%` | held back, each way | 0 |
/// | `hold=5ms` | for how long | an eighth of `rtt`, at least 1 ms |
/// | `duplicate=1%` | arrives twice, each way | 0 |
/// | `corrupt=1%` | one bit flips, each way | 0 |
/// | `fcs=on`, `fcs=off` | whether network cards drop what is corrupted | on |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// The profile it began with.
    pub profile: Option<Profile>,
    /// Bits per second towards the client; `None` for no limit.
    pub down: Option<u64>,
    /// Bits per second from the client; `None` for no limit.
    pub up: Option<u64>,
    /// Round-trip time without load.
    pub rtt: Duration,
    /// What may wait for each transmitter.
    pub queue: Queue,
    /// Probability that a frame is lost, each way.
    pub loss: Ppm,
    /// Probability that a frame is held back, each way.
    pub reorder: Ppm,
    /// For how long it is then held back; `None` for the usual.
    pub hold: Option<Duration>,
    /// Probability that a frame arrives twice, each way.
    pub duplicate: Ppm,
    /// Probability that one bit of a frame flips, each way.
    pub corrupt: Ppm,
    /// Whether network cards drop what is corrupted.
    pub fcs: Fcs,
}

/// Which way a frame crosses the access link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Towards the client.
    Down,
    /// From the client.
    Up,
}

impl Net {
    /// The queue where none is described. Near what a plain router at home has; dummynet's is 50
    /// packets, netem's 1000.
    pub const QUEUE: Queue = Queue::Packets(100);

    /// A network without limits, delay or faults.
    pub const IDEAL: Self = Self {
        profile: None,
        down: None,
        up: None,
        rtt: Duration::ZERO,
        queue: Self::QUEUE,
        loss: Ppm::NEVER,
        reorder: Ppm::NEVER,
        hold: None,
        duplicate: Ppm::NEVER,
        corrupt: Ppm::NEVER,
        fcs: Fcs::On,
    };

    /// What one direction of the access link is like.
    pub fn shape(&self, way: Way) -> Shape {
        let up = self.rtt / 2;
        let (rate, delay) = match way {
            Way::Up => (self.up, up),
            // An odd nanosecond goes here, so that both together are the round trip.
            Way::Down => (self.down, self.rtt.saturating_sub(up)),
        };
        Shape {
            rate,
            delay,
            queue: self.queue,
            loss: self.loss,
            reorder: self.reorder,
            hold: self.hold.unwrap_or((self.rtt / 8).max(Duration::from_millis(1))),
            duplicate: self.duplicate,
            corrupt: self.corrupt,
            fcs: self.fcs,
            pickup: Pickup::INSTANT,
        }
    }

    fn set(&mut self, property: Property, value: &str) -> Result<(), &'static str> {
        match property {
            Property::Rtt => self.rtt = unit::time(value)?,
            Property::Down => self.down = Some(unit::rate(value)?),
            Property::Up => self.up = Some(unit::rate(value)?),
            Property::Queue => self.queue = unit::queue(value)?,
            Property::Loss => self.loss = unit::percent(value)?,
            Property::Reorder => self.reorder = unit::percent(value)?,
            Property::Hold => self.hold = Some(unit::time(value)?),
            Property::Duplicate => self.duplicate = unit::percent(value)?,
            Property::Corrupt => self.corrupt = unit::percent(value)?,
            Property::Fcs => self.fcs = unit::fcs(value)?,
        }
        Ok(())
    }

    /// The value as it is written; `None` where the property has no say.
    fn get(&self, property: Property) -> Option<String> {
        let percent = |ppm: Ppm| Some(unit::write_percent(ppm));
        match property {
            Property::Rtt => Some(unit::write_time(self.rtt)),
            Property::Down => self.down.map(unit::write_rate),
            Property::Up => self.up.map(unit::write_rate),
            Property::Queue => Some(unit::write_queue(self.queue)),
            Property::Loss => percent(self.loss),
            Property::Reorder => percent(self.reorder),
            Property::Hold => self.hold.map(unit::write_time),
            Property::Duplicate => percent(self.duplicate),
            Property::Corrupt => percent(self.corrupt),
            Property::Fcs => Some(if self.fcs == Fcs::On { "on" } else { "off" }.into()),
        }
    }
}

/// What can be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    Rtt,
    Down,
    Up,
    Queue,
    Loss,
    Reorder,
    Hold,
    Duplicate,
    Corrupt,
    Fcs,
}

impl Property {
    /// In the order in which they are written.
    const ALL: [(&'static str, Self); 10] = [
        ("rtt", Self::Rtt),
        ("down", Self::Down),
        ("up", Self::Up),
        ("queue", Self::Queue),
        ("loss", Self::Loss),
        ("reorder", Self::Reorder),
        ("hold", Self::Hold),
        ("duplicate", Self::Duplicate),
        ("corrupt", Self::Corrupt),
        ("fcs", Self::Fcs),
    ];

    fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        found.map(|(_, property)| property)
    }
}

impl fmt::Display for Net {
    /// The canonical form, which reads back as the same network.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.profile.map_or(Self::IDEAL, Profile::net);
        let mut separator = "";
        if let Some(profile) = self.profile {
            f.write_str(profile.name())?;
            separator = ",";
        }
        for (name, property) in Property::ALL {
            let value = self.get(property);
            // Without a profile the round-trip time always stands there: no description is empty.
            let told = self.profile.is_none() && property == Property::Rtt;
            if let Some(value) =
                value.filter(|value| told || start.get(property).as_ref() != Some(value))
            {
                write!(f, "{separator}{name}={value}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

/// A description that cannot be understood. Its text says which part, what is allowed, and what was
/// probably meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// Nothing is described.
    #[error("no network described: {}", allowed())]
    Empty,
    /// Neither a profile's name nor a property.
    #[error("\"{part}\" is no network{}: {}", meant(*near), allowed())]
    NoSuchProfile {
        /// The part.
        part: String,
        /// The nearest name.
        near: Option<&'static str>,
    },
    /// A profile that is not the first part.
    #[error("\"{part}\" must stand first: properties after a profile replace its own")]
    ProfileNotFirst {
        /// The part.
        part: String,
    },
    /// No property has this name.
    #[error("\"{part}\": there is no {name}{}: a network has {}", meant(*near), properties())]
    NoSuchProperty {
        /// The part.
        part: String,
        /// The name in it.
        name: String,
        /// The nearest name.
        near: Option<&'static str>,
    },
    /// A property's name without a value.
    #[error("\"{part}\" needs a value: {part}={example}")]
    NoValue {
        /// The part.
        part: String,
        /// What one would look like.
        example: &'static str,
    },
    /// A value that is not of the property's kind.
    #[error("\"{part}\": {wanted}")]
    BadValue {
        /// The part.
        part: String,
        /// What is allowed.
        wanted: &'static str,
    },
    /// A property that stands there twice.
    #[error("\"{part}\": {name} stands there twice")]
    Twice {
        /// The second of them.
        part: String,
        /// The property.
        name: &'static str,
    },
}

fn allowed() -> String {
    let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name()).collect();
    format!("{}, or a description like rtt=200ms,down=1.6Mbit,up=768kbit", names.join(", "))
}

fn properties() -> String {
    Property::ALL.map(|(name, _)| name).join(", ")
}

fn meant(near: Option<&str>) -> String {
    near.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

impl FromStr for Net {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        if text.trim().is_empty() {
            return Err(NetError::Empty);
        }
        let mut net = Self::IDEAL;
        let mut seen = Vec::new();
        for (place, part) in text.split(',').map(str::trim).enumerate() {
            let Some((name, value)) = part.split_once('=') else {
                let profile = one_word(part, place)?;
                net = profile.net();
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            let property = Property::named(name).ok_or_else(|| NetError::NoSuchProperty {
                part: part.into(),
                name: name.into(),
                near: nearest(name, Property::ALL.iter().map(|(known, _)| *known)),
            })?;
            if seen.contains(&property) {
                return Err(NetError::Twice { part: part.into(), name: unit_name(property) });
            }
            seen.push(property);
            net.set(property, value)
                .map_err(|wanted| NetError::BadValue { part: part.into(), wanted })?;
        }
        Ok(net)
    }
}

/// A part without `=`: a profile, if it is the first.
fn one_word(part: &str, place: usize) -> Result<Profile, NetError> {
    if let Some(property) = Property::named(part) {
        let example = match property {
            Property::Rtt | Property::Hold => "200ms",
            Property::Down | Property::Up => "1.6Mbit",
            Property::Queue => "100p",
            Property::Fcs => "off",
            _ => "2%",
        };
        return Err(NetError::NoValue { part: part.into(), example });
    }
    match Profile::named(part) {
        Some(profile) if place == 0 => Ok(profile),
        Some(_) => Err(NetError::ProfileNotFirst { part: part.into() }),
        None => Err(NetError::NoSuchProfile {
            part: part.into(),
            near: nearest(part, Profile::ALL.iter().map(|profile| profile.name())),
        }),
    }
}

fn unit_name(property: Property) -> &'static str {
    Property::ALL.iter().find(|(_, known)| *known == property).map_or("it", |(name, _)| name)
}

/// The name that was probably meant: the one with the fewest letters to change, if they are few.
fn nearest(word: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let limit = (word.chars().count() / 2).clamp(1, 2);
    names
        .map(|name| (distance(&word, name), name))
        .min()
        .and_then(|(changes, name)| (changes <= limit).then_some(name))
}

/// Letters to add, remove, change or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let least = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { least.min(rows[i - 2][j - 2] + 1) } else { least }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        text.parse().unwrap()
    }

    #[test]
    fn reads_a_description() {
        let net = net("rtt=200ms,down=1.6Mbit,up=768kbit,loss=2%,queue=100p");
        assert_eq!(net.rtt, Duration::from_millis(200));
        assert_eq!((net.down, net.up), (Some(1_600_000), Some(768_000)));
        assert_eq!((net.loss, net.queue), (Ppm::new(20_000), Queue::Packets(100)));
        let shape = net.shape(Way::Down);
        assert_eq!((shape.rate, shape.delay), (Some(1_600_000), Duration::from_millis(100)));
    }

    #[test]
    fn reads_every_profile() {
        for profile in Profile::ALL {
            let read = net(profile.name());
            assert_eq!(read.profile, Some(profile));
            assert_eq!(read.to_string(), profile.name());
            assert_eq!(net(&profile.name().to_uppercase()), read);
        }
        assert_eq!(net("3g").rtt, Duration::from_millis(300));
        assert_eq!(net("fios").up, Some(5_000_000));
    }

    #[test]
    fn writes_what_it_reads() {
        for (text, canonical) in [
            ("3G, loss=1%", "3g,loss=1%"),
            ("cable,rtt=28ms", "cable"),
            ("down=20Mbit,up=5000kbit,rtt=0.04s", "rtt=40ms,down=20Mbit,up=5Mbit"),
            ("queue=64kB,fcs=off,corrupt=0.25%", "rtt=0ms,queue=64kB,corrupt=0.25%,fcs=off"),
            ("rtt=1.5ms,reorder=10%,hold=300us", "rtt=1.5ms,reorder=10%,hold=300us"),
            ("down=1Gbit,duplicate=0.0001%", "rtt=0ms,down=1Gbit,duplicate=0.0001%"),
        ] {
            assert_eq!(net(text).to_string(), canonical);
            assert_eq!(net(canonical), net(text), "{canonical}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, said) in [
            ("", "no network described"),
            ("3gslwo", "did you mean 3gslow?"),
            ("quantum", "is no network: cable, dsl"),
            ("rtt=200ms,3g", "must stand first"),
            ("lss=2%", "did you mean loss?"),
            ("colour=red", "a network has rtt, down"),
            ("rtt", "rtt=200ms"),
            ("rtt=200", "time with its unit"),
            ("rtt=-3ms", "time with its unit"),
            ("down=5", "rate with its unit"),
            ("down=0Mbit", "rate"),
            ("loss=2", "percentage"),
            ("loss=101%", "percentage"),
            ("queue=0p", "at least"),
            ("queue=100", "100p"),
            ("fcs=maybe", "on or off"),
            ("loss=1%,loss=2%", "twice"),
            ("loss=1%,", "is no network"),
            ("down=99999999999999Gbit", "rate"),
            ("rtt=99999999999999999999s", "time"),
        ] {
            let error = text.parse::<Net>().unwrap_err().to_string();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
