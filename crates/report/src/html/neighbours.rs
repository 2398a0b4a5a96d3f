//! The next hops on the client's own networks: which hardware address each had, and how long it took to
//! learn it.

use core::time::Duration;
use std::net::IpAddr;

use maud::{Markup, html as markup};
use roundtrip_record::{NeighbourChanged, NeighbourState, Time};
use roundtrip_story::Timed;

use crate::model::Model;
use crate::names::{how, neighbour};
use crate::text::{clean, duration, millis};

/// The most neighbours that are shown: a client has few next hops.
const MOST: usize = 32;

/// What the client's neighbour table said of one address, from the first change on.
struct NextHop<'a> {
    address: IpAddr,
    changes: Vec<&'a Timed<NeighbourChanged>>,
}

pub(super) fn section(model: &Model) -> Markup {
    let all = next_hops(model);
    if all.is_empty() {
        return markup! {};
    }
    let start = model.total().start;
    markup! {
        section #neighbours {
            h2 { (say!("Who was next on the way")) }
            div.scroll { table {
                thead { tr { th { (say!("next hop")) } th { (say!("hardware address")) } th { (say!("learned")) } th { (say!("states")) } th { (say!("how that is known")) } } }
                tbody {
                    @for hop in all.iter().take(MOST) { tr {
                        td.mono { (hop.address) }
                        td.mono { (hop.mac()) }
                        td { (hop.learned()) }
                        td { (hop.states(start)) }
                        td { (hop.known()) }
                    } }
                }
            } }
            @if all.len() > MOST { p.note { (say!("{} more are in the record.", all.len() - MOST)) } }
        }
    }
}

/// In the order in which they were first asked for.
fn next_hops(model: &Model) -> Vec<NextHop<'_>> {
    let client = model.client();
    let mut all: Vec<NextHop<'_>> = Vec::new();
    for (_, change) in model.neighbours.iter().filter(|(host, _)| *host == client) {
        let address = change.what.address;
        match all.iter_mut().find(|hop| hop.address == address) {
            Some(hop) => hop.changes.push(change),
            None => all.push(NextHop { address, changes: vec![change] }),
        }
    }
    all
}

impl NextHop<'_> {
    fn mac(&self) -> String {
        let known = self.changes.iter().rev().find_map(|change| change.what.mac.as_deref());
        known.map_or_else(|| say!("none").into(), clean)
    }

    /// Whether it had to be asked for, and how long that took.
    fn learned(&self) -> String {
        let protocol = if self.address.is_ipv4() { "ARP" } else { "NDP" };
        let is = |state| move |change: &&&Timed<NeighbourChanged>| change.what.to == state;
        let Some(asked) = self.changes.iter().find(is(NeighbourState::Incomplete)) else {
            return say!("was known before").into();
        };
        let answered =
            self.changes.iter().find(|change| change.at >= asked.at && change.what.mac.is_some());
        let failed = self.changes.iter().find(is(NeighbourState::Failed));
        let took = |at: Time| duration(at - asked.at);
        match (answered, failed) {
            (Some(answered), _) => say!("by {} in {}", protocol, took(answered.at)),
            (None, Some(failed)) => say!("no answer to {} in {}", protocol, took(failed.at)),
            (None, None) => say!("{} was not answered", protocol),
        }
    }

    /// Its states with their times since the run began: `INCOMPLETE 0.0 → REACHABLE 0.1 ms`.
    fn states(&self, start: Time) -> String {
        let since = |at: Time| if at > start { at - start } else { Duration::ZERO };
        let states = self
            .changes
            .iter()
            .map(|change| format!("{} {}", neighbour(change.what.to), millis(since(change.at))));
        format!("{} ms", states.collect::<Vec<_>>().join(" → "))
    }

    /// All ways in which that is known.
    fn known(&self) -> String {
        let mut ways: Vec<String> = Vec::new();
        for way in self.changes.iter().map(|change| how(&change.what.how)) {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways.join(", ")
    }
}
