//! Words for faults of the name step.

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_record::{FaultKind, Outcome, Source};

use super::context::{FaultContext, FindingText};
use super::delegation;
use crate::names::{outcome, source};
use crate::text::{bare, clean, count, duration};
use roundtrip_story::{Lookup, Rung};

pub(super) fn words(context: &FaultContext<'_>) -> FindingText {
    match &context.fault.fault {
        FaultKind::NxDomain { name, soa, ttl } => nx_domain(context, name, soa.as_deref(), *ttl),
        FaultKind::NoAddress { name } => no_address(context, name),
        FaultKind::NoRecord { name, record_type } => no_record(context, name, record_type),
        FaultKind::DanglingAlias { name, target, exists, soa, ttl } => {
            dangling(context, name, target, *exists, soa.as_deref(), *ttl)
        }
        FaultKind::AliasLoop { name, aliases } => alias_loop(context, name, aliases),
        FaultKind::NameTruncated { name, server, why } => truncated(context, name, *server, why),
        FaultKind::BadDelegation { name, zone, parent, what, servers } => {
            delegation::words(name, zone, parent.as_deref(), what, servers)
        }
        FaultKind::NameServerFailed { name, code } => server_failed(context, name, code),
        FaultKind::NameTimedOut { name, servers } => timed_out(context, name, servers),
        FaultKind::NameFailed { name, why } => failed(context, name, why),
        _ => FindingText::default(),
    }
}

/// The last lookup of a name.
fn lookup<'a>(context: &FaultContext<'a>, name: &str) -> Option<&'a Lookup> {
    context.story.lookups.iter().rev().find(|lookup| bare(&lookup.name) == bare(name))
}

/// The sources of a lookup in one line: `hosts file: miss → 192.168.1.1: NXDOMAIN in 18 ms`.
fn ladder(context: &FaultContext<'_>, name: &str) -> Option<String> {
    // A miss of our own cache tells the reader nothing.
    let empty =
        |rung: &&Rung| rung.source == Source::OwnCache && rung.outcome == Some(Outcome::Miss);
    let rungs = lookup(context, name)?.rungs.iter().filter(|rung| !empty(rung)).map(|rung| {
        let said = rung.outcome.as_ref().map_or("no answer".into(), outcome);
        let took = if rung.took > Duration::from_micros(500) {
            format!(" in {}", duration(rung.took))
        } else {
            String::new()
        };
        let kind = match rung.record_type.as_str() {
            "" => String::new(),
            kind => format!(" ({})", clean(kind)),
        };
        format!("{}{kind}: {said}{took}", source(&rung.source))
    });
    let line = rungs.collect::<Vec<_>>().join(" → ");
    (!line.is_empty()).then_some(line)
}

fn nx_domain(
    context: &FaultContext<'_>,
    name: &str,
    soa: Option<&str>,
    ttl: Option<u32>,
) -> FindingText {
    let name = bare(name);
    let meaning = match soa.map(bare).filter(|zone| *zone != name) {
        Some(root) if root == "." => "there is no such top-level domain: misspelt, or a private name asked of a public server".into(),
        Some(top) if !top.contains('.') => {
            format!("nobody has registered it under .{top}, or it is misspelt")
        }
        Some(zone) => format!(
            "the zone {zone} is there, but this name is not in it: misspelt, or not created yet"
        ),
        None => "no such name: misspelt, or a private name asked of a public server".into(),
    };
    FindingText::new(
        format!("{name} does not exist (NXDOMAIN)"),
        format!("roundtrip resolve {name} --walk"),
    )
    .also(ladder(context, &name))
    .also(said_by(soa, ttl))
    .means(meaning)
}

fn no_address(context: &FaultContext<'_>, name: &str) -> FindingText {
    let name = bare(name);
    let next = if name.starts_with("www.") {
        format!("roundtrip resolve {name} --walk")
    } else {
        format!("roundtrip resolve www.{name}; or --walk to see what the zone itself says")
    };
    FindingText::new(format!("{name} exists, but has no address"), next)
        .also(ladder(context, &name))
        .means("it has neither an A nor an AAAA record: the name is there for mail or as the top of a zone")
}

fn no_record(context: &FaultContext<'_>, name: &str, record_type: &str) -> FindingText {
    let (name, record_type) = (bare(name), clean(record_type));
    FindingText::new(
        format!("{name} exists, but has no {record_type} record"),
        format!("roundtrip resolve {name} {record_type} --walk asks the zone's own servers"),
    )
    .also(ladder(context, &name))
    .means("the zone has the name without a record of this type, or the record is at another name")
}

/// How long a negative answer may be kept, and which zone gave it: `said by the SOA record of the
/// zone …`.
fn said_by(soa: Option<&str>, ttl: Option<u32>) -> Option<String> {
    let zone = soa.map(|soa| format!("said by the SOA record of the zone {}", clean(soa)));
    let keep = ttl.map(|ttl| {
        format!("caches may repeat this for {}", duration(Duration::from_secs(ttl.into())))
    });
    let parts: Vec<String> = zone.into_iter().chain(keep).collect();
    (!parts.is_empty()).then(|| parts.join(" → "))
}

fn dangling(
    context: &FaultContext<'_>,
    name: &str,
    target: &str,
    exists: bool,
    soa: Option<&str>,
    ttl: Option<u32>,
) -> FindingText {
    let (name, target) = (bare(name), bare(target));
    let (what, means) = if exists {
        ("which has no address", "the alias is there and what it stands for has no such record")
    } else {
        (
            "which does not exist (NXDOMAIN)",
            "the alias is there and what it stands for is gone: it has moved, or was never created",
        )
    };
    FindingText::new(
        format!("{name} is an alias of {target}, {what}"),
        format!("roundtrip resolve {target} --walk; whoever runs {name} has to change its CNAME"),
    )
    .also(ladder(context, &name))
    .also(said_by(soa, ttl))
    .means(means)
}

fn alias_loop(context: &FaultContext<'_>, name: &str, aliases: &[String]) -> FindingText {
    let name = bare(name);
    let path: Vec<String> = aliases.iter().map(|alias| bare(alias)).collect();
    FindingText::new(
        format!("the aliases of {name} never end"),
        format!("roundtrip resolve {name} CNAME shows each; one of them has to name a host"),
    )
    .also(ladder(context, &name))
    .also((!path.is_empty()).then(|| format!("{name} → {}", path.join(" → "))))
    .means("CNAME records lead in a circle or through too many names: the fault is in the zone")
}

fn truncated(
    context: &FaultContext<'_>,
    name: &str,
    server: Option<SocketAddr>,
    why: &str,
) -> FindingText {
    let name = bare(name);
    let server = server.map_or_else(|| "the name server".into(), |server| server.to_string());
    FindingText::new(
        format!("{name}: the answer does not fit a datagram, and TCP to {server} fails"),
        "open TCP port 53 on the server and on the way to it; --dns ADDR:PORT asks another server",
    )
    .also(ladder(context, &name))
    .seen(format!("the answer over UDP was cut (TC flag); over TCP: {}", clean(why)))
    .means("name servers have to answer over TCP too (RFC 7766 §5); a firewall that lets UDP alone through breaks every long answer")
}

fn server_failed(context: &FaultContext<'_>, name: &str, code: &str) -> FindingText {
    let name = bare(name);
    let meaning = match code {
        "SERVFAIL" => {
            "the recursive server got no answer it accepts: the zone's own servers fail, or DNSSEC validation does"
        }
        "REFUSED" => {
            "this server does not answer for us: it serves other clients, or only its own zones"
        }
        "REFERRAL" => {
            "the servers only name others to ask: they serve zones and do not look names up for clients"
        }
        "FORMERR" | "NOTIMP" | "BADVERS" => {
            "this server does not understand the question: it is old, or something in between rewrites DNS"
        }
        _ => "the server would not or could not answer; whether the name exists is not known",
    };
    FindingText::new(
        format!("{name} could not be resolved ({})", clean(code)),
        format!("roundtrip resolve {name} --walk asks the zone's own servers"),
    )
    .also(ladder(context, &name))
    .means(meaning)
}

fn timed_out(context: &FaultContext<'_>, name: &str, servers: &[SocketAddr]) -> FindingText {
    let name = bare(name);
    let list: Vec<String> = servers.iter().map(ToString::to_string).collect();
    let tries: u32 = lookup(context, &name).map_or(0, |lookup| {
        let tries = lookup.rungs.iter().map(|rung| match rung.outcome {
            Some(Outcome::TimedOut { tries }) => tries,
            _ => 0,
        });
        tries.fold(0, u32::saturating_add)
    });
    let asked = if list.is_empty() { "no server".into() } else { list.join(", ") };
    let tries = if tries > 0 {
        format!(", {} in all", count(tries as usize, "question"))
    } else {
        String::new()
    };
    FindingText::new(
        format!("{name}: no name server answered in {}", duration(context.took())),
        format!("roundtrip resolve {name} --dns 9.9.9.9:53 asks another server; look at /etc/resolv.conf"),
    )
    .seen(format!("asked {asked}{tries}"))
    .also(ladder(context, &name))
    .means("the servers are down, or port 53 on the way to them is blocked; the name itself may be fine")
}

fn failed(context: &FaultContext<'_>, name: &str, why: &str) -> FindingText {
    let name = bare(name);
    FindingText::new(
        format!("{name} could not be resolved: {}", clean(why)),
        "look at /etc/nsswitch.conf and /etc/resolv.conf; --dns ADDR:PORT goes past them",
    )
    .also(ladder(context, &name))
    .means(
        "the fault lies with this machine's sources of names or the way to them, not with the site",
    )
}
