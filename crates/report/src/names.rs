//! The words for values of the record, the same in every view.

use roundtrip_record::{
    CachedResponse, Evidence, Initiator, LinkCounts, NeighbourState, Outcome, ResourceKind, Source,
    Timer,
};
use roundtrip_story::{Exchange, Losses, Original, WrittenOrigin};

use crate::text::{bytes, clean, count, seconds};

/// What became of an exchange that has no status.
pub(crate) fn unanswered(exchange: &Exchange) -> &'static str {
    match (exchange.from_cache, exchange.next) {
        (true, _) => "from cache",
        (false, Some(_)) => "no answer, asked again",
        (false, None) => "no answer",
    }
}

/// What a cache gave, and how it stands to its age: `12.3 kB, 40 s old, fresh for 1 h`.
pub(crate) fn cached(cached: &CachedResponse) -> String {
    let size = bytes(cached.decoded);
    let old = format!("{} old", age(cached.age));
    match cached.lifetime {
        None => format!("{size}, {old}, fresh for ever"),
        Some(lifetime) if lifetime > cached.age => {
            format!("{size}, {old}, fresh for {}", age(lifetime - cached.age))
        }
        Some(_) => format!("{size}, {old}, not fresh by itself"),
    }
}

/// How much of an exchange's answer came from a cache, if any did.
pub(crate) fn cached_size(exchange: &Exchange) -> Option<String> {
    let size = bytes(exchange.cached.as_ref()?.what.decoded);
    Some(if exchange.from_cache { size } else { format!("not modified, {size} from the cache") })
}

/// An age in its largest unit, rounded down: `3 d`.
fn age(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length);
    let (length, name) = unit.unwrap_or((1, "s"));
    format!("{} {name}", seconds / length)
}

/// A source of names, with its server or file.
pub(crate) fn source(source: &Source) -> String {
    match source {
        Source::Literal => "an address already".into(),
        Source::SpecialUse => "special-use name (RFC 6761)".into(),
        Source::OwnCache => "own cache".into(),
        Source::OsCache { service } => format!("OS cache ({})", clean(service)),
        Source::HostsFile { .. } => "hosts file".into(),
        Source::Resolved { .. } => "systemd-resolved".into(),
        Source::NameServer { server } => format!("name server {}", address(server)),
        Source::Zone { zone, name, server } => {
            let by = name.as_deref().map_or_else(|| address(server), clean);
            format!("{} ({by})", clean(zone))
        }
        Source::Skipped { service } => format!("{} (skipped)", clean(service)),
    }
}

/// A source in one or two words, for a column.
pub(crate) fn short_source(source: &Source) -> String {
    match source {
        Source::Literal => "literal".into(),
        Source::SpecialUse => "special use".into(),
        Source::OwnCache => "own cache".into(),
        Source::OsCache { .. } => "OS cache".into(),
        Source::HostsFile { .. } => "hosts file".into(),
        Source::Resolved { .. } => "resolved".into(),
        Source::NameServer { .. } => "recursive".into(),
        Source::Zone { zone, .. } => format!("zone {}", clean(zone)),
        Source::Skipped { service } => clean(service),
    }
}

/// An address, with its port only where it is not 53.
fn address(server: &std::net::SocketAddr) -> String {
    if server.port() == 53 { server.ip().to_string() } else { server.to_string() }
}

/// The answer of a source.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Miss => "miss".into(),
        Outcome::Found { addresses, ttl, origin } => {
            let mut text = match addresses.as_slice() {
                [] => "found".into(),
                [one] => one.to_string(),
                [one, rest @ ..] => format!("{one} +{}", rest.len()),
            };
            if let Some(origin) = origin {
                text += &format!(" from {}", clean(origin));
            }
            if let Some(ttl) = ttl {
                text += &format!("  ttl {ttl}");
            }
            text
        }
        Outcome::Alias { target } => format!("alias of {}", clean(target)),
        Outcome::Referral { zone, servers, .. } => {
            format!("referral to {} ({})", clean(zone), crate::text::count(servers.len(), "server"))
        }
        Outcome::NxDomain { .. } => "NXDOMAIN".into(),
        Outcome::NoData { .. } => "no such record".into(),
        Outcome::Refused { code } => clean(code),
        Outcome::TimedOut { tries } => {
            format!("no answer to {}", crate::text::count(*tries as usize, "question"))
        }
        Outcome::Failed { why } => clean(why),
    }
}

/// How a fact is known, with the means.
pub(crate) fn how(how: &Evidence) -> String {
    match how {
        Evidence::Performed => "performed".into(),
        Evidence::Observed(through) => format!("observed ({})", clean(through)),
        Evidence::Inferred(from) => format!("inferred ({})", clean(from)),
    }
}

/// What a resource is for; also HAR's `_resourceType`.
pub(crate) fn kind(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Document => "document",
        ResourceKind::Style => "stylesheet",
        ResourceKind::Script => "script",
        ResourceKind::Image => "image",
        ResourceKind::Font => "font",
        ResourceKind::Icon => "icon",
        ResourceKind::Media => "media",
        ResourceKind::Frame => "frame",
        ResourceKind::Manifest => "manifest",
        ResourceKind::Other => "other",
    }
}

/// What caused an exchange.
pub(crate) fn initiator(initiator: &Initiator) -> String {
    match initiator {
        Initiator::User => "asked for by the user".into(),
        Initiator::Redirect { of, status } => format!("redirected ({status}) by exchange {of}"),
        Initiator::Parser { url, line: 0 } => format!("found in {}", clean(url)),
        Initiator::Parser { url, line } => format!("found in {} line {line}", clean(url)),
        Initiator::Style { url } => format!("found in the style sheet {}", clean(url)),
        Initiator::LinkField { url } => format!("named by a Link field of {}", clean(url)),
        Initiator::EarlyHints { url } => format!("named by the 103 of {}", clean(url)),
        Initiator::Script { url, line: 0 } => format!("a script, {}", clean(url)),
        Initiator::Script { url, line } => format!("a script, {}:{line}", clean(url)),
        Initiator::Retry { of } => format!("exchange {of} tried again"),
        Initiator::Peer => "the client".into(),
    }
}

/// The name of a neighbour state.
pub(crate) fn neighbour(state: NeighbourState) -> &'static str {
    match state {
        NeighbourState::Incomplete => "INCOMPLETE",
        NeighbourState::Reachable => "REACHABLE",
        NeighbourState::Stale => "STALE",
        NeighbourState::Delay => "DELAY",
        NeighbourState::Probe => "PROBE",
        NeighbourState::Failed => "FAILED",
        NeighbourState::Noarp => "NOARP",
        NeighbourState::Permanent => "PERMANENT",
    }
}

/// The name of a TCP timer.
pub(crate) fn timer(timer: Timer) -> &'static str {
    match timer {
        Timer::Retransmission => "retransmission timer",
        Timer::LossProbe => "tail loss probe",
        Timer::Reordering => "reordering timer",
        Timer::Persist => "zero-window probe timer",
        Timer::DelayedAck => "delayed ACK timer",
        Timer::KeepAlive => "keep-alive timer",
        Timer::UserTimeout => "user timeout",
        Timer::TimeWait => "2·MSL timer",
        Timer::FinWait2 => "FIN_WAIT_2 timer",
        Timer::Pacing => "pacing timer",
    }
}

/// A URL, without scheme and host if these are the same as in `base`.
pub(crate) fn short_url(url: &str, base: Option<&str>) -> String {
    let base = base.map(WrittenOrigin::of).filter(|base| base.scheme.is_some());
    let same = base.and_then(|base| url.strip_prefix(base.text));
    match same {
        Some(path) if path.starts_with('/') => clean(path),
        _ => {
            let bare = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            clean(bare.unwrap_or(url))
        }
    }
}

/// What a link did to frames other than delivering them: `3 lost, 1 held back`.
pub(crate) fn link_did(counts: &LinkCounts) -> String {
    let did = [
        (counts.lost, "lost"),
        (counts.queue_full, "dropped by a full queue"),
        (counts.aqm, "dropped by queue management"),
        (counts.marked, "marked by queue management"),
        (counts.bad_fcs, "dropped as corrupted"),
        (counts.corrupted, "delivered corrupted"),
        (counts.duplicated, "duplicated"),
        (counts.reordered, "held back"),
    ];
    let did = did.into_iter().filter(|(number, _)| *number > 0);
    did.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join(", ")
}

/// The sizes of a body before and after decoding: `2.1 kB gzip → 6.3 kB`.
pub(crate) fn sizes(body: &roundtrip_record::Body) -> String {
    if body.codings.is_empty() || body.encoded == body.decoded {
        return bytes(body.encoded);
    }
    format!("{} {} → {}", bytes(body.encoded), clean(&body.codings.join("+")), bytes(body.decoded))
}

/// Losses in words: `4 sends lost, RTO 0.2 → 0.4 s`.
pub(crate) fn losses(lost: &Losses) -> String {
    let mut text = format!("{} lost", count(lost.resent as usize, "send"));
    if !lost.timeouts.is_empty() {
        let waits = lost.timeouts.iter().map(|timeout| seconds(*timeout)).collect::<Vec<_>>();
        text += &format!(", RTO {} s", waits.join(" → "));
    }
    text
}

/// What a replay goes without since the record does not hold it; `None` if there is nothing.
pub(crate) fn redacted(original: &Original) -> Option<String> {
    let named = original
        .redacted
        .iter()
        .map(|one| format!("{} of {}", clean(&one.name), count(one.requests, "request")));
    let named: Vec<String> = named.collect();
    let (last, before) = named.split_last()?;
    let (list, was) = match before {
        [] => (last.clone(), "was"),
        before => (format!("{} and {last}", before.join(", ")), "were"),
    };
    Some(format!("{list} {was} redacted; they go without"))
}
