//! Advice about servers, and about what surrounds them.

use core::time::Duration;

use roundtrip_http::client::Origin;
use roundtrip_record::ResourceKind;

use roundtrip_visit::trust::Versions;

use crate::change::{Change, ServerChange};
use crate::proposals::{Proposals, Untried};
use crate::seen::Seen;
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
/// Think times below this are not worth halving.
const THINK: Duration = Duration::from_millis(10);

pub(crate) fn tls(seen: &Seen<'_>, proposals: &mut Proposals) {
    let likeness = || {
        let servers = seen.scenario.servers.iter();
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
    let origins = seen.scenario.servers.iter().map(|server| server.origin.clone());
    let change = |origin| Change::Server(origin, ServerChange::InitialWindow(FIRST_FLIGHT));
    proposals.variants.push(
        Variant::new("initcwnd", format!("began with {FIRST_FLIGHT} segments at once"))
            .how("ip route … initcwnd 32 on the servers, in place of 10 (RFC 6928)")
            .caution("a long first flight overflows short queues")
            .with(origins.map(change)),
    );
}

pub(crate) fn surroundings(seen: &Seen<'_>, proposals: &mut Proposals) {
    let servers = seen.scenario.servers.iter();
    let longest = servers.flat_map(|server| server.answers.values().flatten());
    if longest.map(|answer| answer.think).max().unwrap_or_default() >= THINK {
        let origins = seen.scenario.servers.iter().map(|server| server.origin.clone());
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
        Untried::new("HTTP/3", "this engine does not speak QUIC yet"),
        Untried::new("103 Early Hints", "the client does not begin what they name yet"),
        Untried::new("BBR", "our TCP has Reno and CUBIC alone"),
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
            "fetchpriority",
            "it decides when the largest picture is painted, which is not timed here",
        ));
    }
    proposals.untried.extend(untried);
}
