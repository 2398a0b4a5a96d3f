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
            say!("{}: the name servers of {} do not serve it", name, zone),
            say!("{} these servers for {}, and none of them has the zone: it is not set up there, or was moved without telling the parent", names, zone),
            say!("whoever runs {} sets the zone up on its servers, or has {} changed", zone, entry(&parent)),
        ),
        DelegationFault::Silent => (
            say!("{}: no name server of {} answers", name, zone),
            say!("the servers that {} names for {} are down or cut off; the rest of the tree answers", who(&parent), zone),
            say!("whoever runs {} looks after its name servers; nothing is wrong on this machine", zone),
        ),
        DelegationFault::NoGlue => (
            say!("{}: the name servers of {} cannot be found", name, zone),
            say!("their names lie in {} itself, and {} gives no address for them (glue): nobody can ever reach them", zone, who(&parent)),
            say!("whoever runs {} has glue records added to {}", zone, entry(&parent)),
        ),
        DelegationFault::Circular { .. } => (
            say!("{}: the name servers of {} can only be found by way of {} itself", name, zone, zone),
            say!("each zone's servers have names in the other, and no address comes with them (glue): nobody can begin anywhere")
                .into(),
            say!("whoever runs {} has glue records added, or names a server elsewhere", zone),
        ),
        DelegationFault::NoAddress => (
            say!("{}: the name servers of {} have no address", name, zone),
            say!("{} servers for {} whose own names lead nowhere", names, zone),
            say!("whoever runs {} names servers that exist in {}", zone, entry(&parent)),
        ),
        DelegationFault::TooLong => (
            say!("{}: the name servers of {} take too many questions to find", name, zone),
            say!("servers without glue lead from zone to zone; a resolver gives up as well, to protect others").into(),
            say!("whoever runs {} names fewer servers, with glue", zone),
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
            say!("{}: the root servers give no answer that can be used", name),
            say!("something on the way answers in their place, or blocks who walks from the root"),
        ),
        _ => (
            say!("{}: no root server answers", name),
            say!(
                "this network lets nobody ask the root servers: it wants its own name server asked"
            ),
        ),
    };
    FindingText::new(
        headline,
        say!("roundtrip resolve {} without --walk asks the server of resolv.conf", name),
    )
    .also(list(servers))
    .means(meaning)
}

fn who(parent: &str) -> String {
    if parent == "." { say!("the root").into() } else { parent.to_owned() }
}

fn named(parent: &str) -> String {
    say!("{} names", who(parent))
}

fn entry(parent: &str) -> String {
    if parent == "." {
        say!("its entry in the root").into()
    } else {
        say!("its entry in {}", parent)
    }
}

/// The servers in one line: `ns1.test 10.53.0.1: REFUSED · ns2.test: its name does not exist`.
fn list(servers: &[DelegatedServer]) -> Option<String> {
    let one = |server: &DelegatedServer| {
        let address = server.address.map_or(String::new(), |address| format!(" {address}"));
        format!("{}{address}: {}", bare(&server.name), clean(&server.said))
    };
    let mut listed: Vec<String> = servers.iter().take(MOST_LISTED).map(one).collect();
    if servers.len() > MOST_LISTED {
        listed.push(say!("and {} more", count(servers.len() - MOST_LISTED, "server")));
    }
    (!listed.is_empty()).then(|| listed.join(" · "))
}

/// The loop as a path that ends where it began.
fn path(through: &[String]) -> String {
    let mut names: Vec<String> = through.iter().map(|name| bare(name)).collect();
    names.extend(names.first().cloned());
    names.join(" needs ")
}
