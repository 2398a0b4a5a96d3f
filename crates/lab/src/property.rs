//! The properties of a network description.

use std::sync::Arc;

use crate::delivery::{DeliveryTrace, TraceError};
use crate::net::{Conditions, Direction, Net};
use crate::shape::{CoDel, Discipline, Distribution, Fcs, FqCoDel, Rate};
use crate::{shape_words, unit};

/// A property of a network. Properties are written, and take effect, in this order: the parameters
/// of a discipline after the discipline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Property {
    Rtt,
    Rate,
    Trace,
    Aqm,
    Target,
    Interval,
    Ecn,
    Flows,
    Quantum,
    Queue,
    Jitter,
    Distribution,
    Loss,
    Reorder,
    Hold,
    Duplicate,
    Corrupt,
    Fcs,
}

/// The name of a property, an example, its meaning, and its default, for the help text.
pub(crate) struct PropertyHelp {
    pub(crate) property: Property,
    /// The name as it is written; the rate has none of its own but those of the two directions.
    pub(crate) name: &'static str,
    pub(crate) example: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) usual: &'static str,
}

const fn entry(
    property: Property,
    name: &'static str,
    example: &'static str,
    meaning: &'static str,
    usual: &'static str,
) -> PropertyHelp {
    PropertyHelp { property, name, example, meaning, usual }
}

/// All entries, in the order of [`Property`].
pub(crate) const ENTRIES: [PropertyHelp; 19] = [
    entry(Property::Rtt, "rtt", "200ms", "round-trip time without load, half of it each way", "0"),
    entry(Property::Rate, "down", "1.6Mbit", "bits per second towards the client", "no limit"),
    entry(Property::Rate, "up", "768kbit", "bits per second from the client", "no limit"),
    entry(
        Property::Trace,
        "trace",
        "lte.down",
        "a file that says how the rate varies: mahimahi's, or CSV time,rate",
        "none",
    ),
    entry(
        Property::Aqm,
        "aqm",
        "codel",
        "queue management: droptail, codel (RFC 8289) or fq_codel (RFC 8290)",
        "droptail",
    ),
    entry(Property::Target, "target", "5ms", "codel: the standing delay it accepts", "5ms"),
    entry(
        Property::Interval,
        "interval",
        "100ms",
        "codel: how long the delay must stand before frames are dropped",
        "100ms",
    ),
    entry(
        Property::Ecn,
        "ecn",
        "on",
        "codel: marks frames whose senders understand ECN instead of dropping them",
        "off; fq_codel: on",
    ),
    entry(Property::Flows, "flows", "1024", "fq_codel: queues the flows are spread over", "1024"),
    entry(
        Property::Quantum,
        "quantum",
        "1514B",
        "fq_codel: bytes a queue may send in its turn",
        "1514B",
    ),
    entry(
        Property::Queue,
        "queue",
        "100p",
        "packets or bytes (64kB) that may wait for the transmitter",
        "100p; codel: 1000p; fq_codel: 10240p",
    ),
    entry(
        Property::Jitter,
        "jitter",
        "10ms",
        "by how much the delay varies from frame to frame; none overtakes another",
        "0",
    ),
    entry(
        Property::Distribution,
        "distribution",
        "normal",
        "of jitter: uniform (at most so much) or normal (its standard deviation)",
        "uniform",
    ),
    entry(Property::Loss, "loss", "2%", "probability that a frame is lost", "0%"),
    entry(Property::Reorder, "reorder", "1%", "probability that a frame is held back", "0%"),
    entry(
        Property::Hold,
        "hold",
        "5ms",
        "for how long a frame is held back",
        "an eighth of rtt, at least 1ms",
    ),
    entry(Property::Duplicate, "duplicate", "1%", "probability that a frame arrives twice", "0%"),
    entry(Property::Corrupt, "corrupt", "1%", "probability that one bit of a frame flips", "0%"),
    entry(Property::Fcs, "fcs", "off", "whether network cards drop what is corrupted", "on"),
];

/// A property and the directions for which it is set: `down-loss` is the loss of one direction,
/// `loss` that of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) property: Property,
    /// The direction; `None` for both.
    pub(crate) direction: Option<Direction>,
}

impl Key {
    /// The key with this name, in upper or lower case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let of_direction = Direction::BOTH.into_iter().find_map(|direction| {
            let rest = name.strip_prefix(direction.name())?;
            match rest.strip_prefix('-') {
                None => rest.is_empty().then_some((direction, Property::Rate)),
                Some(rest) => {
                    Some((direction, plain(rest).filter(|property| property.has_directions())?))
                }
            }
        });
        match of_direction {
            Some((direction, property)) => Some(Self { property, direction: Some(direction) }),
            None => plain(&name).map(|property| Self { property, direction: None }),
        }
    }

    /// The name of the key as it is written.
    pub(crate) fn name(self) -> String {
        match (self.direction, self.property) {
            (Some(direction), Property::Rate) => direction.name().to_owned(),
            (Some(direction), property) => {
                format!("{}-{}", direction.name(), property.entry().name)
            }
            (None, property) => property.entry().name.to_owned(),
        }
    }

    /// The directions that the key sets.
    pub(crate) fn directions(self) -> impl Iterator<Item = Direction> {
        Direction::BOTH
            .into_iter()
            .filter(move |direction| self.direction.is_none_or(|only| only == *direction))
    }
}

/// The property with this name, except the rate, which always has a direction.
fn plain(name: &str) -> Option<Property> {
    let entry = ENTRIES.iter().find(|entry| entry.name == name);
    entry.map(|entry| entry.property).filter(|property| *property != Property::Rate)
}

/// Why a property cannot be set.
pub(crate) enum PropertyError {
    /// The value is not of the property's kind; says what is wanted.
    Value(&'static str),
    /// The file that the value names is no trace.
    Trace(TraceError),
    /// The property has a meaning only together with this one.
    Needs(&'static str),
}

impl From<&'static str> for PropertyError {
    fn from(wanted: &'static str) -> Self {
        Self::Value(wanted)
    }
}

/// A function that reads the file with a name.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<String>;

impl Property {
    pub(crate) fn entry(self) -> &'static PropertyHelp {
        // Each property has an entry, as a test checks.
        ENTRIES.iter().find(|entry| entry.property == self).unwrap_or(&ENTRIES[0])
    }

    /// Whether the property may differ between the two directions.
    fn has_directions(self) -> bool {
        !matches!(self, Self::Rtt | Self::Fcs)
    }

    /// Sets a property that both directions share; answers whether this is one.
    pub(crate) fn set_whole(self, net: &mut Net, value: &str) -> Result<bool, PropertyError> {
        match self {
            Self::Rtt => net.rtt = unit::time(value)?,
            Self::Fcs => net.fcs = if unit::switch(value)? { Fcs::On } else { Fcs::Off },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets the property for one direction.
    pub(crate) fn set(
        self,
        to: &mut Conditions,
        value: &str,
        read: ReadFile<'_>,
    ) -> Result<(), PropertyError> {
        match self {
            Self::Rtt | Self::Fcs => {}
            Self::Rate => to.rate = Rate::Constant(unit::rate(value)?),
            Self::Trace => to.rate = Rate::Trace(Arc::new(trace(value, read)?)),
            Self::Aqm => {
                to.discipline = shape_words::discipline(value)?;
                to.queue = to.discipline.usual_queue();
            }
            Self::Target => codel(to)?.target = unit::some_time(value)?,
            Self::Interval => codel(to)?.interval = unit::some_time(value)?,
            Self::Ecn => codel(to)?.ecn = unit::switch(value)?,
            Self::Flows => fq_codel(to)?.flows = unit::flows(value)?,
            Self::Quantum => fq_codel(to)?.quantum = unit::quantum(value)?,
            Self::Queue => to.queue = shape_words::queue(value)?,
            Self::Jitter => to.jitter.spread = unit::time(value)?,
            Self::Distribution if to.jitter.spread.is_zero() => {
                return Err(PropertyError::Needs("jitter=10ms"));
            }
            Self::Distribution => to.jitter.distribution = shape_words::distribution(value)?,
            Self::Loss => to.loss = unit::percent(value)?,
            Self::Reorder => to.reorder = unit::percent(value)?,
            Self::Hold => to.hold = Some(unit::time(value)?),
            Self::Duplicate => to.duplicate = unit::percent(value)?,
            Self::Corrupt => to.corrupt = unit::percent(value)?,
        }
        Ok(())
    }

    /// The value for one direction as it is written; `None` if the property does not apply, or if
    /// its value follows from others.
    pub(crate) fn get(self, net: &Net, direction: Direction) -> Option<String> {
        let of = net.conditions(direction);
        let percent = |ppm| Some(unit::write_percent(ppm));
        let differs = |unlike: bool, text: String| unlike.then_some(text);
        match self {
            Self::Rtt => Some(unit::write_time(net.rtt)),
            Self::Fcs => Some(unit::write_switch(net.fcs == Fcs::On).into()),
            Self::Rate => match of.rate {
                Rate::Constant(rate) => Some(unit::write_rate(rate)),
                _ => None,
            },
            Self::Trace => match &of.rate {
                Rate::Trace(trace) => Some(trace.name().to_owned()),
                _ => None,
            },
            Self::Aqm => {
                differs(of.discipline != Discipline::DropTail, of.discipline.name().to_owned())
            }
            Self::Target | Self::Interval | Self::Ecn => self.get_codel(of.discipline),
            Self::Flows | Self::Quantum => self.get_fq_codel(of.discipline),
            Self::Queue => {
                differs(of.queue != of.discipline.usual_queue(), shape_words::write_queue(of.queue))
            }
            Self::Jitter => {
                differs(!of.jitter.spread.is_zero(), unit::write_time(of.jitter.spread))
            }
            Self::Distribution => {
                differs(of.jitter.distribution == Distribution::Normal, "normal".to_owned())
            }
            Self::Loss => percent(of.loss),
            Self::Reorder => percent(of.reorder),
            Self::Hold => of.hold.map(unit::write_time),
            Self::Duplicate => percent(of.duplicate),
            Self::Corrupt => percent(of.corrupt),
        }
    }

    fn get_codel(self, discipline: Discipline) -> Option<String> {
        let (is, usual) = match discipline {
            Discipline::DropTail => return None,
            Discipline::CoDel(codel) => (codel, CoDel::LINUX),
            Discipline::FqCoDel(fq) => (fq.codel, FqCoDel::LINUX.codel),
        };
        match self {
            Self::Target => (is.target != usual.target).then(|| unit::write_time(is.target)),
            Self::Interval => {
                (is.interval != usual.interval).then(|| unit::write_time(is.interval))
            }
            _ => (is.ecn != usual.ecn).then(|| unit::write_switch(is.ecn).into()),
        }
    }

    fn get_fq_codel(self, discipline: Discipline) -> Option<String> {
        let Discipline::FqCoDel(is) = discipline else { return None };
        let usual = FqCoDel::LINUX;
        match self {
            Self::Flows => (is.flows != usual.flows).then(|| is.flows.to_string()),
            _ => (is.quantum != usual.quantum).then(|| format!("{}B", is.quantum)),
        }
    }
}

fn trace(name: &str, read: ReadFile<'_>) -> Result<DeliveryTrace, PropertyError> {
    let text = read(name).map_err(|error| {
        PropertyError::Trace(TraceError { file: name.into(), line: None, why: error.to_string() })
    })?;
    DeliveryTrace::parse(name, &text).map_err(PropertyError::Trace)
}

fn codel(of: &mut Conditions) -> Result<&mut CoDel, PropertyError> {
    match &mut of.discipline {
        Discipline::CoDel(codel) | Discipline::FqCoDel(FqCoDel { codel, .. }) => Ok(codel),
        Discipline::DropTail => Err(PropertyError::Needs("aqm=codel or aqm=fq_codel")),
    }
}

fn fq_codel(of: &mut Conditions) -> Result<&mut FqCoDel, PropertyError> {
    match &mut of.discipline {
        Discipline::FqCoDel(fq_codel) => Ok(fq_codel),
        _ => Err(PropertyError::Needs("aqm=fq_codel")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_its_entry_in_order() {
        let properties: Vec<Property> = ENTRIES.iter().map(|entry| entry.property).collect();
        assert!(properties.is_sorted());
        assert_eq!(ENTRIES.len(), Property::Fcs as usize + 2, "down and up are both of the rate");
        for entry in &ENTRIES {
            assert_eq!(entry.property.entry().property, entry.property);
        }
    }

    #[test]
    fn names_lead_to_keys_and_back() {
        for name in ["rtt", "down", "up", "loss", "down-loss", "up-trace", "trace", "up-aqm", "fcs"]
        {
            assert_eq!(Key::named(name).unwrap().name(), name);
        }
        for name in ["rate", "down-", "down-down", "down-rtt", "up-fcs", "downloss", ""] {
            assert_eq!(Key::named(name), None, "{name}");
        }
        assert_eq!(Key::named("UP-Loss"), Key::named("up-loss"));
    }
}
