//! Words for faults of a zone's delegation: what is wrong, and who can mend it.

use roundtrip_record::{DelegatedServer, DelegationFault};

use super::context::FindingText;
use crate::text::{bare, clean, count};

/// The most servers that are listed; the others are counted.
const MOST_LISTED: usize = 4;

pub(super) fn words(
    name: &str,
    zone: &str,
    parent: Option<&str>,
    what: &DelegationFault,
    servers: &[DelegatedServer],
) -> FindingText {
    let name = bare(name);
    let Some(parent) = parent else { return root(&name, what, servers) };
    let (zone, parent) = (bare(zone), bare(parent));
    let names = named(&parent);
    let (headline, meaning, next) = match what {
        DelegationFault::Lame => (
            format!("{name}: the name servers of {zone} do not serve it"),
            format!(
                "{names} these servers for {zone}, and none of them has the zone: it is not set up \
                 there, or was moved without telling the parent"
            ),
            format!(
                "whoever runs {zone} sets the zone up on its servers, or has {names_of_parent} changed",
                names_of_parent = entry(&parent)
            ),
        ),
        DelegationFault::Silent => (
            format!("{name}: no name server of {zone} answers"),
            format!(
                "the servers that {parent_} names for {zone} are down or cut off; the rest of the tree answers",
                parent_ = who(&parent)
            ),
            format!(
                "whoever runs {zone} looks after its name servers; nothing is wrong on this machine"
            ),
        ),
        DelegationFault::NoGlue => (
            format!("{name}: the name servers of {zone} cannot be found"),
            format!(
                "their names lie in {zone} itself, and {} gives no address for them (glue): nobody \
                 can ever reach them",
                who(&parent)
            ),
            format!("whoever runs {zone} has glue records added to {}", entry(&parent)),
        ),
        DelegationFault::Circular { .. } => (
            format!("{name}: the name servers of {zone} can only be found by way of {zone} itself"),
            "each zone's servers have names in the other, and no address comes with them (glue): \
             nobody can begin anywhere"
                .into(),
            format!("whoever runs {zone} has glue records added, or names a server elsewhere"),
        ),
        DelegationFault::NoAddress => (
            format!("{name}: the name servers of {zone} have no address"),
            format!("{names} servers for {zone} whose own names lead nowhere"),
            format!("whoever runs {zone} names servers that exist in {}", entry(&parent)),
        ),
        DelegationFault::TooLong => (
            format!("{name}: the name servers of {zone} take too many questions to find"),
            "servers without glue lead from zone to zone; a resolver gives up as well, to protect others".into(),
            format!("whoever runs {zone} names fewer servers, with glue"),
        ),
    };
    let circle = match what {
        DelegationFault::Circular { through } => Some(path(through)),
        _ => None,
    };
    FindingText::new(headline, next).also(list(servers)).also(circle).means(meaning)
}

/// Words for a fault of the root zone. No parent names the root servers, so the cause is the path
/// to them, or the list of their addresses.
fn root(name: &str, what: &DelegationFault, servers: &[DelegatedServer]) -> FindingText {
    let (headline, meaning) = match what {
        DelegationFault::Lame => (
            format!("{name}: the root servers give no answer that can be used"),
            "something on the way answers in their place, or blocks who walks from the root",
        ),
        _ => (
            format!("{name}: no root server answers"),
            "this network lets nobody ask the root servers: it wants its own name server asked",
        ),
    };
    FindingText::new(
        headline,
        format!("roundtrip resolve {name} without --walk asks the server of resolv.conf"),
    )
    .also(list(servers))
    .means(meaning)
}

fn who(parent: &str) -> String {
    if parent == "." { "the root".into() } else { parent.to_owned() }
}

fn named(parent: &str) -> String {
    format!("{} names", who(parent))
}

fn entry(parent: &str) -> String {
    if parent == "." { "its entry in the root".into() } else { format!("its entry in {parent}") }
}

/// The servers in one line: `ns1.test 10.53.0.1: REFUSED · ns2.test: its name does not exist`.
fn list(servers: &[DelegatedServer]) -> Option<String> {
    let one = |server: &DelegatedServer| {
        let address = server.address.map_or(String::new(), |address| format!(" {address}"));
        format!("{}{address}: {}", bare(&server.name), clean(&server.said))
    };
    let mut listed: Vec<String> = servers.iter().take(MOST_LISTED).map(one).collect();
    if servers.len() > MOST_LISTED {
        listed.push(format!("and {} more", count(servers.len() - MOST_LISTED, "server")));
    }
    (!listed.is_empty()).then(|| listed.join(" · "))
}

/// The loop as a path that ends where it began.
fn path(through: &[String]) -> String {
    let mut names: Vec<String> = through.iter().map(|name| bare(name)).collect();
    names.extend(names.first().cloned());
    names.join(" needs ")
}
