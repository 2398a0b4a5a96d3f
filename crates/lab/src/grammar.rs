//! The grammar of network descriptions: `3gslow`,
//! `rtt=200ms,down=1.6Mbit,up=768kbit,loss=2%,queue=100p`.

use core::fmt::{self, Write as _};
use std::io;
use std::str::FromStr;

use crate::delivery::TraceError;
use crate::nearest::nearest;
use crate::net::{Direction, Net};
use crate::profile::Profile;
use crate::property::{ENTRIES, Key, Property, PropertyError, ReadFile};
use crate::shape::Rate;

/// An error in a network description. Its text says which part is at fault, what is allowed, and
/// what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The description is empty.
    #[error("no network described: {}", allowed())]
    Empty,
    /// A part is neither a profile's name nor a property.
    #[error("\"{part}\" is no network{}: {}", meant(*near), allowed())]
    NoSuchProfile {
        /// The part of the description that is at fault.
        part: String,
        /// The name that was probably meant, if one is near.
        near: Option<&'static str>,
    },
    /// A profile is not the first part.
    #[error("\"{part}\" must stand first: properties after a profile replace its own")]
    ProfileNotFirst {
        /// The part of the description that is at fault.
        part: String,
    },
    /// A name is not that of a property.
    #[error("\"{part}\": there is no {name}{}: a network has {}", meant(*near), properties())]
    NoSuchProperty {
        /// The part of the description that is at fault.
        part: String,
        /// The name of the property in that part.
        name: String,
        /// The name that was probably meant, if one is near.
        near: Option<&'static str>,
    },
    /// A property has no value.
    #[error("\"{part}\" needs a value: {part}={example}")]
    NoValue {
        /// The part of the description that is at fault.
        part: String,
        /// An example of a value.
        example: &'static str,
    },
    /// A value is not of the property's kind.
    #[error("\"{part}\": {wanted}")]
    BadValue {
        /// The part of the description that is at fault.
        part: String,
        /// The values that are allowed.
        wanted: &'static str,
    },
    /// A file is no trace of a link.
    #[error("\"{part}\": {fault}")]
    BadTrace {
        /// The part of the description that is at fault.
        part: String,
        /// The fault in the file, and its line.
        fault: TraceError,
    },
    /// A property has a meaning only together with another.
    #[error("\"{part}\" says nothing without {needs}")]
    Needs {
        /// The part of the description that is at fault.
        part: String,
        /// The property that is missing.
        needs: &'static str,
    },
    /// A rate and a trace are given for the same direction.
    #[error("\"{part}\" and \"{other}\" both say how fast the way {} is: leave one out", direction.name())]
    TwoRates {
        /// The part with the rate.
        part: String,
        /// The part with the trace.
        other: String,
        /// The direction that both parts describe.
        direction: Direction,
    },
    /// A property is given twice.
    #[error("\"{part}\": {name} stands there twice")]
    Twice {
        /// The second part with the property.
        part: String,
        /// The name of the property.
        name: String,
    },
}

fn allowed() -> String {
    let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name()).collect();
    format!("{}, or a description like rtt=200ms,down=1.6Mbit,up=768kbit", names.join(", "))
}

fn properties() -> String {
    let names: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
    format!("{} (and down-loss, up-loss … for one way only)", names.join(", "))
}

fn meant(near: Option<&str>) -> String {
    near.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

/// A property as a description sets it.
struct Setting<'a> {
    key: Key,
    value: &'a str,
    /// The part of the description that sets it.
    part: &'a str,
}

impl Setting<'_> {
    fn set(&self, net: &mut Net, read: ReadFile<'_>) -> Result<(), NetError> {
        let (property, part) = (self.key.property, || self.part.to_owned());
        let named = |wrong| match wrong {
            PropertyError::Value(wanted) => NetError::BadValue { part: part(), wanted },
            PropertyError::Trace(fault) => NetError::BadTrace { part: part(), fault },
            PropertyError::Needs(needs) => NetError::Needs { part: part(), needs },
        };
        if property.set_whole(net, self.value).map_err(named)? {
            return Ok(());
        }
        let (mut is_set, mut needs) = (false, None);
        for direction in self.key.directions() {
            match property.set(net.conditions_mut(direction), self.value, read) {
                Ok(()) => is_set = true,
                // The other direction may have what this one lacks.
                Err(wrong @ PropertyError::Needs(_)) => needs = Some(wrong),
                Err(wrong) => return Err(named(wrong)),
            }
        }
        match needs {
            Some(wrong) if !is_set => Err(named(wrong)),
            _ => Ok(()),
        }
    }
}

impl Net {
    /// Reads a description of a network; `read` gives the text of the files that it names.
    ///
    /// # Errors
    /// See [`NetError`].
    pub fn parse(text: &str, read: &dyn Fn(&str) -> io::Result<String>) -> Result<Self, NetError> {
        if text.trim().is_empty() {
            return Err(NetError::Empty);
        }
        let mut net = Self::IDEAL;
        let mut settings: Vec<Setting<'_>> = Vec::new();
        for (place, part) in text.split(',').map(str::trim).enumerate() {
            let Some((name, value)) = part.split_once('=') else {
                net = one_word(part, place)?.net();
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            let key = Key::named(name).ok_or_else(|| NetError::NoSuchProperty {
                part: part.into(),
                name: name.into(),
                near: nearest(plain_part(name), ENTRIES.iter().map(|entry| entry.name)),
            })?;
            if settings.iter().any(|setting| setting.key == key) {
                return Err(NetError::Twice { part: part.into(), name: key.name() });
            }
            settings.push(Setting { key, value, part });
        }
        refuse_two_rates(&settings)?;
        // A property of one direction overrides that of both, whatever their order.
        settings.sort_by_key(|setting| setting.key);
        for setting in &settings {
            setting.set(&mut net, read)?;
        }
        refuse_idle_management(&settings, &net)?;
        Ok(net)
    }

    /// A help text with one line for each property: an example, its meaning, and its default.
    pub fn help() -> String {
        let mut text = String::new();
        for entry in &ENTRIES {
            let example = format!("{}={}", entry.name, entry.example);
            // Writing to a string does not fail.
            let _ = writeln!(text, "{example:<22}{} [{}]", entry.meaning, entry.usual);
        }
        text
    }
}

/// The name of a property without the `down-` or `up-` before it.
fn plain_part(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let of_direction = ["down-", "up-"].into_iter().find(|direction| lower.starts_with(direction));
    of_direction.map_or(name, |direction| &name[direction.len()..])
}

fn refuse_two_rates(settings: &[Setting<'_>]) -> Result<(), NetError> {
    for direction in Direction::BOTH {
        let of = |property| {
            let mut these = settings.iter().filter(move |setting| setting.key.property == property);
            these.find(|setting| setting.key.directions().any(|one| one == direction))
        };
        if let (Some(rate), Some(trace)) = (of(Property::Rate), of(Property::Trace)) {
            let (part, other) = (rate.part.to_owned(), trace.part.to_owned());
            return Err(NetError::TwoRates { part, other, direction });
        }
    }
    Ok(())
}

/// Refuses queue management where there is no rate limit, since nothing ever waits there.
fn refuse_idle_management(settings: &[Setting<'_>], net: &Net) -> Result<(), NetError> {
    let idle =
        settings.iter().filter(|setting| setting.key.property == Property::Aqm).find(|aqm| {
            aqm.key.directions().all(|direction| net.conditions(direction).rate == Rate::Unlimited)
        });
    match idle {
        Some(aqm) => {
            let needs = "a rate (down=1.6Mbit, up=768kbit or trace=FILE): nothing ever waits";
            Err(NetError::Needs { part: aqm.part.to_owned(), needs })
        }
        None => Ok(()),
    }
}

impl FromStr for Net {
    type Err = NetError;

    /// Reads a description of a network. Files that it names are read from the disk.
    fn from_str(text: &str) -> Result<Self, NetError> {
        Self::parse(text, &|name| std::fs::read_to_string(name))
    }
}

/// Reads a part without `=`: a profile, if it is the first part.
fn one_word(part: &str, place: usize) -> Result<Profile, NetError> {
    if let Some(key) = Key::named(part) {
        return Err(NetError::NoValue { part: part.into(), example: key.property.entry().example });
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

impl fmt::Display for Net {
    /// The canonical form of the description, which reads back as the same network.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.profile.map_or(Self::IDEAL, Profile::net);
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.profile.map(|profile| profile.name().to_owned()));
        let mut before = None;
        for property in ENTRIES.iter().map(|entry| entry.property) {
            // The rate has two entries, one for each direction.
            if before.replace(property) == Some(property) {
                continue;
            }
            // Without a profile the round-trip time is always written, so that no description is
            // empty.
            let told = self.profile.is_none() && property == Property::Rtt;
            let [down, up] = Direction::BOTH.map(|direction| {
                let value = property.get(self, direction)?;
                (told || property.get(&start, direction).as_ref() != Some(&value)).then_some(value)
            });
            if property != Property::Rate && down == up {
                parts.extend(down.map(|value| format!("{}={value}", property.entry().name)));
                continue;
            }
            for (direction, value) in Direction::BOTH.into_iter().zip([down, up]) {
                let key = Key { property, direction: Some(direction) };
                parts.extend(value.map(|value| format!("{}={value}", key.name())));
            }
        }
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::seed::Ppm;
    use crate::shape::{CoDel, Discipline, Distribution, FqCoDel, Jitter, Queue};

    /// Parses with two files at hand: `good` is a trace of 6 Mbit/s in mahimahi's format, `bad` is
    /// invalid.
    fn parse(text: &str) -> Result<Net, NetError> {
        Net::parse(text, &|name| match name {
            "good" => Ok("2\n".into()),
            "bad" => Ok("1\n2\nthree\n".into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn net(text: &str) -> Net {
        parse(text).unwrap()
    }

    #[test]
    fn reads_a_description() {
        let net = net("rtt=200ms,down=1.6Mbit,up=768kbit,loss=2%,queue=100p");
        assert_eq!(net.rtt, Duration::from_millis(200));
        let rates = [&net.down.rate, &net.up.rate];
        assert_eq!(rates, [&Rate::Constant(1_600_000), &Rate::Constant(768_000)]);
        assert_eq!((net.up.loss, net.down.queue), (Ppm::new(20_000), Queue::Packets(100)));
        let shape = net.shape(Direction::Down);
        assert_eq!(
            (shape.rate, shape.delay),
            (Rate::Constant(1_600_000), Duration::from_millis(100))
        );
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
        assert_eq!(net("fios").up.rate, Rate::Constant(5_000_000));
    }

    #[test]
    fn what_is_said_of_one_way_holds_there() {
        for text in ["cable,loss=1%,up-loss=2%", "cable,up-loss=2%,loss=1%"] {
            let net = net(text);
            assert_eq!(
                (net.down.loss, net.up.loss),
                (Ppm::new(10_000), Ppm::new(20_000)),
                "{text}"
            );
        }
        let net = net("cable,queue=50p,up-aqm=fq_codel,flows=64,down-aqm=codel,target=20ms");
        let fq = FqCoDel {
            codel: CoDel { target: Duration::from_millis(20), ..FqCoDel::LINUX.codel },
            flows: 64,
            ..FqCoDel::LINUX
        };
        assert_eq!(net.up.discipline, Discipline::FqCoDel(fq));
        let codel = CoDel { target: Duration::from_millis(20), ..CoDel::LINUX };
        assert_eq!(net.down.discipline, Discipline::CoDel(codel));
        assert_eq!(net.down.queue, Queue::Packets(50));
    }

    #[test]
    fn a_managed_queue_is_as_long_as_linux_has_it() {
        assert_eq!(net("cable,aqm=codel").up.queue, Queue::Packets(1_000));
        assert_eq!(net("cable,aqm=fq-codel").down.queue, Queue::Packets(10_240));
        assert_eq!(net("cable").down.queue, Queue::Packets(100));
    }

    #[test]
    fn a_trace_takes_the_place_of_a_rate() {
        for (text, ways) in [
            ("cable,trace=good", [true, true]),
            ("cable,down-trace=good", [true, false]),
            ("down=1Mbit,up-trace=good", [false, true]),
        ] {
            let net = net(text);
            let traced = Direction::BOTH
                .map(|direction| matches!(net.conditions(direction).rate, Rate::Trace(_)));
            assert_eq!(traced, ways, "{text}");
        }
        let jitter = net("cable,jitter=3ms,down-distribution=normal");
        let spread = Duration::from_millis(3);
        assert_eq!(jitter.down.jitter, Jitter { spread, distribution: Distribution::Normal });
        assert_eq!(jitter.up.jitter, Jitter { spread, distribution: Distribution::Uniform });
    }

    #[test]
    fn writes_what_it_reads() {
        for (text, canonical) in [
            ("3G, loss=1%", "3g,loss=1%"),
            ("cable,rtt=28ms", "cable"),
            ("cable,queue=100p,aqm=droptail,jitter=0ms", "cable"),
            ("down=20Mbit,up=5000kbit,rtt=0.04s", "rtt=40ms,down=20Mbit,up=5Mbit"),
            ("queue=64kB,fcs=off,corrupt=0.25%", "rtt=0ms,queue=64kB,corrupt=0.25%,fcs=off"),
            ("rtt=1.5ms,reorder=10%,hold=300us", "rtt=1.5ms,reorder=10%,hold=300us"),
            ("down=1Gbit,duplicate=0.0001%", "rtt=0ms,down=1Gbit,duplicate=0.0001%"),
            ("cable,down-loss=1%,up-loss=1%", "cable,loss=1%"),
            ("cable,UP-loss=1%", "cable,up-loss=1%"),
            ("cable,queue=100p,aqm=codel", "cable,aqm=codel,queue=100p"),
            ("cable,aqm=fq_codel,target=5ms,ecn=off", "cable,aqm=fq_codel,ecn=off"),
            (
                "lte,up-aqm=fq_codel,flows=64,quantum=300B,interval=20ms,ecn=on",
                "lte,up-aqm=fq_codel,up-interval=20ms,up-flows=64,up-quantum=300B",
            ),
            ("lte,jitter=5ms,distribution=normal", "lte,jitter=5ms,distribution=normal"),
            ("lte,trace=good,up-queue=1MB", "lte,trace=good,up-queue=1MB"),
            ("down-trace=good,up=1Mbit", "rtt=0ms,up=1Mbit,down-trace=good"),
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
            ("quantum-leap", "is no network: cable, dsl"),
            ("rtt=200ms,3g", "must stand first"),
            ("lss=2%", "did you mean loss?"),
            ("up-lss=2%", "did you mean loss?"),
            ("colour=red", "a network has rtt, down"),
            ("down-rtt=5ms", "there is no down-rtt"),
            ("rtt", "rtt=200ms"),
            ("up-trace", "up-trace=lte.down"),
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
            ("up-loss=1%,up-loss=2%", "up-loss stands there twice"),
            ("loss=1%,", "is no network"),
            ("down=99999999999999Gbit", "rate"),
            ("rtt=99999999999999999999s", "time"),
            ("cable,aqm=red", "droptail, codel or fq_codel"),
            ("cable,target=5ms", "\"target=5ms\" says nothing without aqm=codel"),
            ("cable,aqm=codel,flows=8", "without aqm=fq_codel"),
            ("cable,aqm=codel,target=0ms", "more than zero"),
            ("cable,aqm=fq_codel,flows=0", "1 to 65536"),
            ("cable,aqm=fq_codel,quantum=1B", "256B"),
            ("rtt=5ms,aqm=codel", "nothing ever waits"),
            ("cable,distribution=normal", "without jitter=10ms"),
            ("cable,jitter=1ms,distribution=bell", "uniform or normal"),
            (
                "trace=good,up=1Mbit",
                "\"up=1Mbit\" and \"trace=good\" both say how fast the way up is",
            ),
            ("cable,trace=bad", "\"trace=bad\": bad:3: \"three\" is no whole number"),
            ("cable,down-trace=nowhere", "\"down-trace=nowhere\": nowhere: entity not found"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_help_and_the_manual_name_every_property() {
        const MANUAL: &str = include_str!("../../../doc/networks.md");
        let help = Net::help();
        assert_eq!(help.lines().count(), ENTRIES.len());
        for entry in &ENTRIES {
            let example = format!("{}={}", entry.name, entry.example);
            assert!(help.contains(&example), "{example}");
            assert!(MANUAL.contains(&format!("| `{example}` |")), "{example}");
        }
    }
}
