//! Advice about servers, and about what surrounds them.

use core::time::Duration;

use http::{StatusCode, Version};
use roundtrip_http::client::{Origin, Scheme};
use roundtrip_lab::Algorithm;
use roundtrip_record::{Blocks, Field, Initiator, ResourceKind};
use roundtrip_visit::trust::Versions;

use crate::change::{Change, ServerChange};
use crate::hint::Hint;
use crate::proposals::{Proposals, Untried};
use crate::seen::{Resource, Seen};
use crate::variant::Variant;
use crate::words::{kilobytes, list, several};

/// Certificates longer than this together are worth a look: those of one authority and one
/// intermediate come to less with keys on elliptic curves.
const LONG_CHAIN: usize = 3_000;
/// What such a chain comes to.
const SHORT_CHAIN: usize = 1_500;
/// The first flight that is tried, in segments.
const FIRST_FLIGHT: u32 = 32;
/// How much nearer a server is put, there and back.
const NEARER: Duration = Duration::from_millis(20);
/// The most resources that a 103 names: more would compete with what the page begins with.
const HINTS: usize = 8;
/// Think times below this are not worth halving.
const THINK: Duration = Duration::from_millis(10);

pub(crate) fn early_hints(seen: &Seen<'_>, proposals: &mut Proposals) {
    let Some(origin) = seen.origin() else { return };
    let Some(answer) = seen.answer(&origin, seen.page) else { return };
    if answer.interim.iter().any(|interim| interim.status == StatusCode::EARLY_HINTS) {
        return;
    }
    let wanted = worth_a_hint(seen);
    if wanted.is_empty() {
        return;
    }
    if seen.server(&origin).is_none_or(|server| server.version < Version::HTTP_2) {
        proposals.untried.push(Untried::new(
            "103 Early Hints",
            "the document comes over HTTP/1, where browsers pass a 103 over: turn HTTP/2 on first",
        ));
        return;
    }
    let names: Vec<String> = wanted.iter().map(Resource::name).collect();
    let think = answer.think.as_millis();
    proposals.variants.push(
        Variant::new(
            "early-hints",
            format!("sent a 103 that names {}", several(&names, "resource")),
        )
        .how(format!(
            "103 with Link: rel=preload for {}, at once; the page as before, after {think} ms",
            list(&names)
        ))
        .caution("the server has to know them before it has made the page")
        .with([Change::EarlyHints(wanted.iter().map(hint).collect())]),
    );
}

/// What the first paint waits for, and fonts, which are found last of all.
fn worth_a_hint<'a>(seen: &Seen<'a>) -> Vec<Resource<'a>> {
    let mut wanted = seen.resources();
    wanted.retain(|one| match one.exchange.kind {
        ResourceKind::Style | ResourceKind::Script => one.exchange.blocks != Blocks::Nothing,
        ResourceKind::Font => matches!(one.exchange.initiator, Initiator::Style { .. }),
        _ => false,
    });
    // What is painted with before what is run.
    wanted.sort_by_key(|one| one.exchange.kind == ResourceKind::Script);
    wanted.truncate(HINTS);
    wanted
}

/// A resource as a 103 names it, so that what comes is what the page then asks for.
fn hint(one: &Resource<'_>) -> Hint {
    let sent = one.exchange.request.iter().flat_map(|request| &request.what.fields);
    let mut sent = sent.map(|Field(name, _)| name);
    let destination = match one.exchange.kind {
        ResourceKind::Style => "style",
        ResourceKind::Font => "font",
        _ => "script",
    };
    // Whoever asks without credentials says who asks (Fetch, "append a request `Origin` header").
    let anonymous = destination == "font" || sent.any(|name| name.eq_ignore_ascii_case("origin"));
    Hint { url: one.url.clone(), destination, anonymous }
}

pub(crate) fn tls(seen: &Seen<'_>, proposals: &mut Proposals) {
    let likeness = || {
        let servers = seen.own_servers();
        servers.filter_map(|server| Some((&server.origin, server.likeness?)))
    };
    let old: Vec<&Origin> = likeness()
        .filter(|(_, likeness)| likeness.versions == Versions::Two)
        .map(|(origin, _)| origin)
        .collect();
    let long: Vec<(&Origin, usize)> = likeness()
        .filter_map(|(origin, likeness)| Some((origin, likeness.chain?)))
        .filter(|(_, chain)| *chain > LONG_CHAIN)
        .collect();
    if !old.is_empty() && seen.scenario.plan.browser.false_start {
        proposals.untried.push(Untried::new(
            "TLS 1.3 in place of 1.2",
            "on a first visit both take as many round trips: browsers send before 1.2 is done (False Start)",
        ));
    } else if !old.is_empty() {
        let hosts: Vec<String> = old.iter().map(|origin| origin.host.clone()).collect();
        proposals.variants.push(
            Variant::new("tls13", format!("spoke TLS 1.3 at {}", several(&hosts, "host")))
                .how(format!("one round trip less for each connection to {}", list(&hosts)))
                .with(
                    old.into_iter()
                        .map(|origin| Change::Server(origin.clone(), ServerChange::Tls13)),
                ),
        );
    }
    if !long.is_empty() {
        let hosts: Vec<String> = long.iter().map(|(origin, _)| origin.host.clone()).collect();
        let longest = long.iter().map(|(_, chain)| *chain).max().unwrap_or(0);
        let change = |(origin, _): (&Origin, usize)| {
            Change::Server(origin.clone(), ServerChange::Chain(SHORT_CHAIN))
        };
        proposals.variants.push(
            Variant::new(
                "chain",
                format!("sent shorter certificates at {}", several(&hosts, "host")),
            )
            .how(format!("{} in place of up to {}", kilobytes(SHORT_CHAIN), kilobytes(longest)))
            .with(long.into_iter().map(change)),
        );
    }
}

pub(crate) fn initial_window(seen: &Seen<'_>, proposals: &mut Proposals) {
    let origins = seen.own_servers().map(|server| server.origin.clone());
    let change = |origin| Change::Server(origin, ServerChange::InitialWindow(FIRST_FLIGHT));
    proposals.variants.push(
        Variant::new("initcwnd", format!("began with {FIRST_FLIGHT} segments at once"))
            .how("ip route … initcwnd 32 on the servers, in place of 10 (RFC 6928)")
            .caution("a long first flight overflows short queues")
            .with(origins.map(change)),
    );
}

pub(crate) fn congestion_control(seen: &Seen<'_>, proposals: &mut Proposals) {
    let origins = seen.own_servers().map(|server| server.origin.clone());
    let change = |origin| Change::Server(origin, ServerChange::Congestion(Algorithm::Bbr));
    proposals.variants.push(
        Variant::new("bbr", "sent with BBR in place of CUBIC")
            .how("net.ipv4.tcp_congestion_control=bbr on the servers (version 1)")
            .with(origins.map(change)),
    );
}

pub(crate) fn surroundings(seen: &Seen<'_>, proposals: &mut Proposals) {
    let servers = seen.own_servers();
    let longest = servers.flat_map(|server| server.answers.values().flatten());
    if longest.map(|answer| answer.think).max().unwrap_or_default() >= THINK {
        let origins = seen.own_servers().map(|server| server.origin.clone());
        let change = |origin| Change::Server(origin, ServerChange::Think(50));
        proposals.variants.push(
            Variant::new("think", "halved the time that servers think")
                .how("half of each think time")
                .lighthouse("document-latency-insight")
                .of_surroundings()
                .with(origins.map(change)),
        );
    }
    proposals.variants.push(
        Variant::new("nearer", format!("had the servers nearer by {} ms", NEARER.as_millis()))
            .how("the round trip of every path is so much shorter, as with a CDN")
            .of_surroundings()
            .with([Change::Nearer(NEARER)]),
    );
}

/// What our engine cannot do, or a replay cannot show.
pub(crate) fn beyond_us(seen: &Seen<'_>, proposals: &mut Proposals) {
    let has = |kind| seen.story.exchanges.iter().any(|exchange| exchange.kind == kind);
    let mut untried = vec![
        Untried::new(
            "0-RTT",
            "it helps a second visit, and our TLS sends no request before its handshake is done",
        ),
        Untried::new("TTLs and chains of CNAME", "the names of the lab have neither"),
    ];
    if has(ResourceKind::Script) {
        untried.push(Untried::new(
            "less script",
            "scripts are fetched and timed, not run: their run time stays as it is modelled",
        ));
    }
    if has(ResourceKind::Image) {
        untried.push(Untried::new(
            "sprites",
            "one picture in the place of many has to be shown in parts, by other markup and styles",
        ));
    }
    if seen.own_servers().any(|server| server.origin.scheme == Scheme::Https) {
        untried.push(Untried::new(
            "session resumption",
            "a second visit resumes its sessions here; whether the recorded servers let it, a first one does not tell",
        ));
    }
    if seen.own_servers().any(|server| server.version < Version::HTTP_2) {
        untried.push(Untried::new(
            "more connections to a host",
            "browsers open six of HTTP/1.1, which no server can change; a second host has six more",
        ));
    }
    proposals.untried.extend(untried);
}
