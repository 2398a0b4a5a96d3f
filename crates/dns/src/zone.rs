//! `Zone`: a zone's records, and what a zone holds at a name.

use core::ops::Bound;
use std::collections::BTreeMap;

use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::txt::Parser;

use crate::host::absolute;
use crate::message::ttl;

/// The records of one name, by type.
pub(crate) type Node = BTreeMap<RecordType, Vec<Record>>;

/// A zone: all records from its apex down to the zone cuts below.
#[derive(Clone, Debug)]
pub struct Zone {
    origin: Name,
    nodes: BTreeMap<Name, Node>,
    /// The SOA record for negative answers, with the time to live of those (RFC 2308 §3).
    soa: Record,
}

/// Why a zone cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadZone {
    /// The text is not a valid master file.
    #[error("zone {origin}: {why}")]
    Syntax {
        /// The zone's apex.
        origin: String,
        /// The parser's error.
        why: String,
    },
    /// There is no SOA record at the apex, or more than one.
    #[error("zone {0} needs one SOA record at its apex")]
    NoSoa(String),
    /// A record lies outside the zone.
    #[error("{name} is not in zone {origin}")]
    Outside {
        /// The zone's apex.
        origin: String,
        /// The record's owner name.
        name: String,
    },
    /// An alias has other records at its name (RFC 1034 §3.6.2).
    #[error("{0} is an alias and has other records")]
    NotAlone(String),
}

/// What a zone holds at a name (RFC 1034 §4.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ZoneMatch<'a> {
    /// Records; `synthesised` if they come from a wildcard (RFC 4592).
    Node { node: &'a Node, synthesised: bool },
    /// No records, but there are names below (an empty non-terminal).
    Empty,
    /// Nothing: the name does not exist.
    NameError,
    /// A delegation: the name lies at or below a zone cut, which has these NS records.
    Delegation(&'a [Record]),
}

impl Zone {
    /// Reads a master file (RFC 1035 §5) without `$INCLUDE`.
    ///
    /// # Errors
    /// When it cannot be read, or is no zone: see [`BadZone`].
    ///
    /// ```
    /// let zone = roundtrip_dns::Zone::parse("example.com.", "
    /// $TTL 300
    /// @    IN SOA ns root 1 7200 900 86400 60
    /// @    IN NS  ns
    /// ns   IN A   192.0.2.53
    /// www  IN A   192.0.2.80
    /// ")?;
    /// assert_eq!(zone.origin(), "example.com.");
    /// # Ok::<(), roundtrip_dns::BadZone>(())
    /// ```
    pub fn parse(origin: &str, text: &str) -> Result<Self, BadZone> {
        let syntax = |why: String| BadZone::Syntax { origin: origin.to_owned(), why };
        let apex = absolute(origin).map_err(|why| syntax(why.to_string()))?;
        let parser = Parser::new(format!("{text}\n"), None, Some(apex.clone()));
        let (_, sets) = parser.parse().map_err(|why| syntax(why.to_string()))?;
        let records = sets.into_values().flat_map(|set| set.into_parts().records);
        Self::of(apex, records)
    }

    fn of(origin: Name, records: impl Iterator<Item = Record>) -> Result<Self, BadZone> {
        let mut nodes: BTreeMap<Name, Node> = BTreeMap::new();
        for record in records {
            if !origin.zone_of(&record.name) {
                let name = record.name.to_ascii();
                return Err(BadZone::Outside { origin: origin.to_ascii(), name });
            }
            let node = nodes.entry(record.name.clone()).or_default();
            node.entry(record.record_type()).or_default().push(record);
        }
        if let Some((name, _)) =
            nodes.iter().find(|(_, n)| n.contains_key(&RecordType::CNAME) && n.len() > 1)
        {
            return Err(BadZone::NotAlone(name.to_ascii()));
        }
        let soa = match nodes.get(&origin).and_then(|node| node.get(&RecordType::SOA)) {
            Some(records) if records.len() == 1 => negative_soa(&records[0]),
            _ => return Err(BadZone::NoSoa(origin.to_ascii())),
        };
        Ok(Self { origin, nodes, soa })
    }

    /// The zone's apex: `example.com.`
    pub fn origin(&self) -> String {
        self.origin.to_ascii()
    }

    pub(crate) fn apex(&self) -> &Name {
        &self.origin
    }

    /// The SOA record for negative answers.
    pub(crate) fn soa(&self) -> &Record {
        &self.soa
    }

    /// The records of a type at a name, without regard to aliases, wildcards and cuts.
    pub(crate) fn at(&self, name: &Name, record_type: RecordType) -> &[Record] {
        let node = self.nodes.get(name);
        node.and_then(|node| node.get(&record_type)).map_or(&[], Vec::as_slice)
    }

    /// What the zone holds at `name`, which must lie in it.
    pub(crate) fn place(&self, name: &Name) -> ZoneMatch<'_> {
        let labels = name.iter().count();
        for count in self.origin.iter().count() + 1..=labels {
            let servers = self.at(&tail(name, count), RecordType::NS);
            if !servers.is_empty() {
                return ZoneMatch::Delegation(servers);
            }
        }
        if let Some(node) = self.nodes.get(name) {
            return ZoneMatch::Node { node, synthesised: false };
        }
        if self.exists(name) {
            return ZoneMatch::Empty;
        }
        // The closest name above that exists, and the wildcard below that name (RFC 4592 §3.3.1).
        let encloser = (self.origin.iter().count()..labels)
            .rev()
            .map(|count| tail(name, count))
            .find(|above| self.exists(above));
        let wildcard = encloser.and_then(|above| above.prepend_label("*").ok());
        match wildcard.and_then(|name| self.nodes.get(&name)) {
            Some(node) => ZoneMatch::Node { node, synthesised: true },
            None => ZoneMatch::NameError,
        }
    }

    /// Whether there are records at the name or below it.
    fn exists(&self, name: &Name) -> bool {
        // In the canonical order of names, all names below a name follow it directly.
        let from = (Bound::Included(name), Bound::Unbounded);
        self.nodes.range::<Name, _>(from).next().is_some_and(|(next, _)| name.zone_of(next))
    }
}

/// The last `count` labels of a name.
pub(crate) fn tail(name: &Name, count: usize) -> Name {
    let skip = name.iter().count().saturating_sub(count);
    let mut tail = Name::from_labels(name.iter().skip(skip)).unwrap_or_else(|_| Name::root());
    tail.set_fqdn(true);
    tail
}

fn negative_soa(soa: &Record) -> Record {
    let mut negative = soa.clone();
    if let RData::SOA(data) = &soa.data {
        negative.ttl = ttl(soa).min(data.minimum);
    }
    negative
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    pub(crate) const EXAMPLE: &str = "
$TTL 300
@          IN SOA ns root 1 7200 900 86400 60
@          IN NS  ns
ns         IN A   192.0.2.53
www        IN A   192.0.2.80
a.b.c      IN A   192.0.2.1
*.wild     IN A   192.0.2.99
x.y.wild   IN A   192.0.2.98
sub        IN NS  ns.sub
ns.sub     IN A   192.0.2.54
";

    fn zone() -> Zone {
        Zone::parse("example.com", EXAMPLE).unwrap()
    }

    #[test]
    fn what_there_is_at_a_name() {
        let zone = zone();
        let place = |text: &str| match zone.place(&name(text)) {
            ZoneMatch::Node { synthesised: false, .. } => "node",
            ZoneMatch::Node { synthesised: true, .. } => "wildcard",
            ZoneMatch::Empty => "empty",
            ZoneMatch::NameError => "nowhere",
            ZoneMatch::Delegation(_) => "cut",
        };
        for (text, expected) in [
            ("example.com", "node"),
            ("WWW.example.com", "node"),
            ("b.c.example.com", "empty"),
            ("c.example.com", "empty"),
            ("d.c.example.com", "nowhere"),
            ("nope.example.com", "nowhere"),
            ("any.wild.example.com", "wildcard"),
            ("deep.er.wild.example.com", "wildcard"),
            ("y.wild.example.com", "empty"),
            ("z.y.wild.example.com", "nowhere"),
            ("wild.example.com", "empty"),
            ("sub.example.com", "cut"),
            ("ns.sub.example.com", "cut"),
            ("far.below.sub.example.com", "cut"),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
    }

    #[test]
    fn the_soa_of_a_no_lives_as_long_as_its_minimum() {
        assert_eq!(zone().soa().ttl, 60);
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        let parse = |text: &str| Zone::parse("example.com", text).map(|_| ());
        assert!(matches!(parse("$TTL 1\nwww IN A 192.0.2.1"), Err(BadZone::NoSoa(_))));
        assert!(matches!(parse("www IN A not-an-address"), Err(BadZone::Syntax { .. })));
        let soa = "$TTL 1\n@ IN SOA ns root 1 1 1 1 1\n";
        assert!(matches!(
            parse(&format!("{soa}www.example.net. IN A 192.0.2.1")),
            Err(BadZone::Outside { .. })
        ));
        assert!(matches!(
            parse(&format!("{soa}www IN A 192.0.2.1\nwww IN CNAME ns")),
            Err(BadZone::NotAlone(_))
        ));
    }
}
