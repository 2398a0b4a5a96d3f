//! Words for faults of the name step.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

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
        let said = rung.outcome.as_ref().map_or(say!("no answer").into(), outcome);
        let took = if rung.took > Duration::from_micros(500) {
            say!(" in {}", duration(rung.took))
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
    let rungs = lookup(context, &name).map_or(&[][..], |lookup| &lookup.rungs);
    if let Some(words) = unasked(&name, rungs) {
        return words.also(ladder(context, &name));
    }
    let meaning = match soa.map(bare).filter(|zone| *zone != name) {
        Some(root) if root == "." => say!("there is no such top-level domain: misspelt, or a private name asked of a public server").into(),
        Some(top) if !top.contains('.') => {
            say!("nobody has registered it under .{}, or it is misspelt", top)
        }
        Some(zone) => say!("the zone {} is there, but this name is not in it: misspelt, or not created yet", zone),
        None if rungs.iter().any(|rung| is_public(&rung.source)) => {
            say!("no such name: misspelt, or a private name asked of a public server").into()
        }
        None => say!("no such name: misspelt, or only another name server knows it").into(),
    };
    FindingText::new(
        say!("{} does not exist (NXDOMAIN)", name),
        format!("roundtrip resolve {name} --walk"),
    )
    .also(ladder(context, &name))
    .also(said_by(soa, ttl))
    .means(meaning)
}

/// Words for a name that no name server was asked for.
fn unasked(name: &str, rungs: &[Rung]) -> Option<FindingText> {
    let headline = say!("{} does not exist", name);
    if rungs.iter().any(|rung| rung.source == Source::SpecialUse) {
        let next = say!(
            "take a name that is there; /etc/hosts can have names of your own, best below .test"
        );
        let why = say!("names below .invalid never exist, so nobody was asked (RFC 6761 §6.4)");
        return Some(FindingText::new(headline, next).means(why));
    }
    let server = |rung: &Rung| match rung.source {
        // Caches keep what a server said.
        Source::NameServer { .. }
        | Source::Zone { .. }
        | Source::Resolved { .. }
        | Source::OsCache { .. } => true,
        Source::OwnCache => rung.outcome != Some(Outcome::Miss),
        _ => false,
    };
    let files = rungs.iter().any(|rung| matches!(rung.source, Source::HostsFile { .. }));
    (files && !rungs.iter().any(server)).then(|| {
        FindingText::new(headline, "grep ^hosts: /etc/nsswitch.conf").means(say!(
            "it is not in the hosts file, and nsswitch.conf has no name server asked besides that"
        ))
    })
}

/// Whether a source is a name server on the public internet, which knows no private names.
fn is_public(source: &Source) -> bool {
    let (Source::NameServer { server } | Source::Zone { server, .. }) = source else {
        return false;
    };
    match server.ip() {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_private() || ip.is_link_local()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

fn no_address(context: &FaultContext<'_>, name: &str) -> FindingText {
    let name = bare(name);
    let next = if name.starts_with("www.") {
        format!("roundtrip resolve {name} --walk")
    } else {
        say!("roundtrip resolve www.{}; or --walk to see what the zone itself says", name)
    };
    FindingText::new(say!("{} exists, but has no address", name), next)
        .also(ladder(context, &name))
        .means(say!("it has neither an A nor an AAAA record: the name is there for mail or as the top of a zone"))
}

fn no_record(context: &FaultContext<'_>, name: &str, record_type: &str) -> FindingText {
    let (name, record_type) = (bare(name), clean(record_type));
    FindingText::new(
        say!("{} exists, but has no {} record", name, record_type),
        say!("roundtrip resolve {} {} --walk asks the zone's own servers", name, record_type),
    )
    .also(ladder(context, &name))
    .means(say!(
        "the zone has the name without a record of this type, or the record is at another name"
    ))
}

/// How long a negative answer may be kept, and which zone gave it: `said by the SOA record of the
/// zone …`.
fn said_by(soa: Option<&str>, ttl: Option<u32>) -> Option<String> {
    let zone = soa.map(|soa| say!("said by the SOA record of the zone {}", clean(soa)));
    let keep = ttl.map(|ttl| {
        say!("caches may repeat this for {}", duration(Duration::from_secs(ttl.into())))
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
        (
            say!("which has no address"),
            say!("the alias is there and what it stands for has no such record"),
        )
    } else {
        (
            say!("which does not exist (NXDOMAIN)"),
            say!(
                "the alias is there and what it stands for is gone: it has moved, or was never created"
            ),
        )
    };
    FindingText::new(
        say!("{} is an alias of {}, {}", name, target, what),
        say!("roundtrip resolve {} --walk; whoever runs {} has to change its CNAME", target, name),
    )
    .also(ladder(context, &name))
    .also(said_by(soa, ttl))
    .means(means)
}

fn alias_loop(context: &FaultContext<'_>, name: &str, aliases: &[String]) -> FindingText {
    let name = bare(name);
    let path: Vec<String> = aliases.iter().map(|alias| bare(alias)).collect();
    FindingText::new(
        say!("the aliases of {} never end", name),
        say!("roundtrip resolve {} CNAME shows each; one of them has to name a host", name),
    )
    .also(ladder(context, &name))
    .also((!path.is_empty()).then(|| format!("{name} → {}", path.join(" → "))))
    .means(say!(
        "CNAME records lead in a circle or through too many names: the fault is in the zone"
    ))
}

fn truncated(
    context: &FaultContext<'_>,
    name: &str,
    server: Option<SocketAddr>,
    why: &str,
) -> FindingText {
    let name = bare(name);
    let server = server.map_or_else(|| say!("the name server").into(), |server| server.to_string());
    FindingText::new(
        say!("{}: the answer does not fit a datagram, and TCP to {} fails", name, server),
        say!("open TCP port 53 on the server and on the way to it; --dns ADDR:PORT asks another server"),
    )
    .also(ladder(context, &name))
    .seen(say!("the answer over UDP was cut (TC flag); over TCP: {}", clean(why)))
    .means(say!("name servers have to answer over TCP too (RFC 7766 §5); a firewall that lets UDP alone through breaks every long answer"))
}

fn server_failed(context: &FaultContext<'_>, name: &str, code: &str) -> FindingText {
    let name = bare(name);
    let meaning = match code {
        "SERVFAIL" => {
            say!(
                "the recursive server got no answer it accepts: the zone's own servers fail, or DNSSEC validation does"
            )
        }
        "REFUSED" => {
            say!(
                "this server does not answer for us: it serves other clients, or only its own zones"
            )
        }
        "REFERRAL" => {
            say!(
                "the servers only name others to ask: they serve zones and do not look names up for clients"
            )
        }
        "FORMERR" | "NOTIMP" | "BADVERS" => {
            say!(
                "this server does not understand the question: it is old, or something in between rewrites DNS"
            )
        }
        _ => say!("the server would not or could not answer; whether the name exists is not known"),
    };
    FindingText::new(
        say!("{} could not be resolved ({})", name, clean(code)),
        say!("roundtrip resolve {} --walk asks the zone's own servers", name),
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
    let asked = if list.is_empty() { say!("no server").into() } else { list.join(", ") };
    let tries = if tries > 0 {
        say!(", {} in all", count(tries as usize, "question"))
    } else {
        String::new()
    };
    FindingText::new(
        say!("{}: no name server answered in {}", name, duration(context.took())),
        say!("roundtrip resolve {} --dns 9.9.9.9:53 asks another server; look at /etc/resolv.conf", name),
    )
    .seen(say!("asked {}{}", asked, tries))
    .also(ladder(context, &name))
    .means(say!("the servers are down, or port 53 on the way to them is blocked; the name itself may be fine"))
}

/// Whether the text breaks the rules for names of the DNS (RFC 1035 §2.3.4).
fn is_no_name(text: &str) -> bool {
    text.len() > 253 || text.split('.').any(|label| label.is_empty() || label.len() > 63)
}

fn failed(context: &FaultContext<'_>, name: &str, why: &str) -> FindingText {
    let name = bare(name);
    let why = why.trim_end_matches(':');
    if is_no_name(&name) {
        return FindingText::new(
            say!("{} could not be resolved: {}", name, clean(why)),
            say!("mend the name: labels of at most 63 bytes with single dots between, 253 in all"),
        )
        .means(say!("nobody was asked: no name server can be asked for such a name"));
    }
    FindingText::new(
        say!("{} could not be resolved: {}", name, clean(why)),
        say!("look at /etc/nsswitch.conf and /etc/resolv.conf; --dns ADDR:PORT goes past them"),
    )
    .also(ladder(context, &name))
    .means(say!(
        "the fault lies with this machine's sources of names or the way to them, not with the site"
    ))
}
