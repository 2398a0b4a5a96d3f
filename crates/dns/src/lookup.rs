//! What a lookup is asked to do and what it comes to.

use std::net::{IpAddr, SocketAddr};

use roundtrip_record::{EventId, FaultKind, LookupId, Source, Time};

use crate::family::{Families, Family};
use crate::resolv::Policy;

/// How a name is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The way to the answer.
    pub way: Way,
    /// The families wanted.
    pub families: Families,
    /// What our own cache is used for.
    pub cache: CacheUse,
    /// How name servers are asked; as resolv.conf says if `None`.
    pub policy: Option<Policy>,
}

/// The way to the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// The ladder: own cache, cache of the operating system, the sources of nsswitch.conf.
    #[default]
    Ladder,
    /// Our own walk from the root instead of a recursive server, after own cache and hosts file.
    Walk,
    /// This server alone (`--dns`). No cache takes part.
    Server(SocketAddr),
}

/// What our own cache is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// It is asked first, and keeps what is found.
    #[default]
    Use,
    /// What earlier runs have kept is passed over, and what is found is kept: the ladder is shown
    /// anew, once for each name.
    Refresh,
}

impl Options {
    /// A walk from the root that is not cut short by what earlier runs have kept.
    pub fn walk() -> Self {
        Self { way: Way::Walk, cache: CacheUse::Refresh, ..Self::default() }
    }

    /// One server, asked directly.
    pub fn server(server: SocketAddr) -> Self {
        Self { way: Way::Server(server), ..Self::default() }
    }

    /// The same for these families.
    #[must_use]
    pub fn of(mut self, families: Families) -> Self {
        self.families = families;
        self
    }
}

/// Addresses of one family, as they arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The family.
    pub family: Family,
    /// They, in the order the source gave them.
    pub addresses: Vec<IpAddr>,
    /// When.
    pub at: Time,
    /// Which source had them.
    pub source: Source,
    /// The event of its answer.
    pub event: Option<EventId>,
}

/// A lookup that found addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Its id in the record.
    pub id: LookupId,
    /// The name in ASCII form, fully qualified by the search list.
    pub name: String,
    /// The addresses of each family, in the order of their arrival.
    pub arrivals: Vec<Arrival>,
    /// The aliases followed, the first one first.
    pub aliases: Vec<String>,
    /// Seconds the addresses may be kept, where told.
    pub ttl: Option<u32>,
    /// When it began.
    pub since: Time,
    /// When it was over.
    pub until: Time,
    /// The event of its end.
    pub event: Option<EventId>,
}

impl Lookup {
    /// The addresses of a family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        self.arrivals
            .iter()
            .filter(move |arrival| arrival.family == family)
            .flat_map(|arrival| arrival.addresses.iter().copied())
    }

    /// All addresses in the order in which they are to be tried where both families are at hand:
    /// in turns, beginning with IPv6 (RFC 8305 §4).
    pub fn addresses(&self) -> Vec<IpAddr> {
        in_turns(self.of(Family::V6), self.of(Family::V4))
    }
}

pub(crate) fn in_turns(
    mut one: impl Iterator<Item = IpAddr>,
    mut two: impl Iterator<Item = IpAddr>,
) -> Vec<IpAddr> {
    let mut all = Vec::new();
    loop {
        let turn = [one.next(), two.next()];
        if turn == [None, None] {
            return all;
        }
        for address in turn.into_iter().flatten() {
            if !all.contains(&address) {
                all.push(address);
            }
        }
    }
}

/// A lookup that found none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", words(.kind))]
pub struct LookupFault {
    /// Its id in the record.
    pub id: LookupId,
    /// What was seen.
    pub kind: Box<FaultKind>,
    /// When the lookup began.
    pub since: Time,
    /// The event of its end.
    pub event: Option<EventId>,
}

fn words(kind: &FaultKind) -> String {
    match kind {
        FaultKind::NxDomain { name, .. } => format!("{name} does not exist"),
        FaultKind::NoAddress { name } => format!("{name} has no address"),
        FaultKind::NameServerFailed { name, code } => format!("{name}: name server said {code}"),
        FaultKind::NameTimedOut { name, .. } => format!("{name}: no name server answered"),
        FaultKind::NameFailed { name, why } => format!("{name}: {why}"),
        _ => "the name could not be looked up".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let six = parse(&["2001:db8::1", "2001:db8::2", "2001:db8::3"]);
        let four = parse(&["192.0.2.1"]);
        assert_eq!(
            in_turns(six.into_iter(), four.into_iter()),
            parse(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"])
        );
    }
}
