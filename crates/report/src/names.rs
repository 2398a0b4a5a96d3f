//! The words for values of the record, the same in every view.

use roundtrip_record::{
    CachedResponse, Evidence, Fault, FaultKind, Initiator, LargestContent, LinkCounts, Milestone,
    NeighbourState, Outcome, ResourceKind, Source, Step, Timer,
};
use roundtrip_story::{Exchange, Losses, MilestoneReached, Original, Story, Timed, WrittenOrigin};

use crate::text::{bytes, clean, clip_middle, count, seconds};

/// What became of an exchange that has no status.
pub(crate) fn unanswered(exchange: &Exchange, story: &Story) -> String {
    let interim = exchange.heads.last().map(|head| head.what.status);
    match (exchange.from_cache, exchange.next, interim) {
        (true, ..) => say!("from cache").into(),
        (false, Some(_), _) => say!("no answer, asked again").into(),
        (false, None, Some(status)) => say!("no answer after {}", status),
        (false, None, None) if has_begun(exchange, story) => say!("no whole answer").into(),
        (false, None, None) => say!("no answer").into(),
    }
}

/// Whether something of an answer came, though not its head.
fn has_begun(exchange: &Exchange, story: &Story) -> bool {
    let of = |fault: &&Timed<Fault>| fault.what.exchange == Some(exchange.id);
    story.faults.iter().filter(of).any(|fault| match &fault.what.fault {
        FaultKind::Stalled { head, .. } | FaultKind::TimedOut { head, .. } => *head > 0,
        FaultKind::Malformed { .. } | FaultKind::NotHttp { .. } => true,
        FaultKind::Reset { .. } => fault.what.step == Step::Wait,
        _ => false,
    })
}

/// What a cache gave, and how it stands to its age: `12.3 kB, 40 s old, fresh for 1 h`.
pub(crate) fn cached(cached: &CachedResponse) -> String {
    let size = bytes(cached.decoded);
    let Some(old) = cached.age else { return size };
    let fresh = match cached.lifetime {
        None => say!("fresh for ever").to_owned(),
        Some(lifetime) if lifetime > old => say!("fresh for {}", age(lifetime - old)),
        Some(_) => say!("not fresh by itself").to_owned(),
    };
    say!("{}, {} old, {}", size, age(old), fresh)
}

/// How much of an exchange's answer came from a cache, if any did.
pub(crate) fn cached_size(exchange: &Exchange) -> Option<String> {
    let size = bytes(exchange.cached.as_ref()?.what.decoded);
    Some(if exchange.from_cache { size } else { say!("not modified, {} from the cache", size) })
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
        Source::Literal => say!("an address already").into(),
        Source::SpecialUse => say!("special-use name (RFC 6761)").into(),
        Source::OwnCache => say!("own cache").into(),
        Source::OsCache { service } => say!("OS cache ({})", clean(service)),
        Source::HostsFile { .. } => say!("hosts file").into(),
        Source::Resolved { .. } => "systemd-resolved".into(),
        Source::NameServer { server } => say!("name server {}", address(server)),
        Source::Zone { zone, name, server } => {
            let by = name.as_deref().map_or_else(|| address(server), clean);
            format!("{} ({by})", clean(zone))
        }
        Source::Skipped { service } => say!("{} (skipped)", clean(service)),
    }
}

/// A source in one or two words, for a column.
pub(crate) fn short_source(source: &Source) -> String {
    match source {
        Source::Literal => say!("literal").into(),
        Source::SpecialUse => say!("special use").into(),
        Source::OwnCache => say!("own cache").into(),
        Source::OsCache { .. } => say!("OS cache").into(),
        Source::HostsFile { .. } => say!("hosts file").into(),
        Source::Resolved { .. } => "resolved".into(),
        Source::NameServer { .. } => say!("recursive").into(),
        Source::Zone { zone, .. } => say!("zone {}", clean(zone)),
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
        Outcome::Miss => say!("miss").into(),
        Outcome::Found { addresses, ttl, origin } => {
            let mut text = match addresses.as_slice() {
                [] => say!("found").into(),
                [one] => one.to_string(),
                [one, rest @ ..] => format!("{one} +{}", rest.len()),
            };
            if let Some(origin) = origin {
                text += &say!(" from {}", clean(origin));
            }
            if let Some(ttl) = ttl {
                text += &format!("  ttl {ttl}");
            }
            text
        }
        Outcome::Alias { target } => say!("alias of {}", clean(target)),
        Outcome::Referral { zone, servers, .. } => {
            say!("referral to {} ({})", clean(zone), crate::text::count(servers.len(), "server"))
        }
        Outcome::NxDomain { .. } => "NXDOMAIN".into(),
        Outcome::NoData { .. } => say!("no such record").into(),
        Outcome::Refused { code } => clean(code),
        Outcome::TimedOut { tries } => {
            say!("no answer to {}", crate::text::count(*tries as usize, "question"))
        }
        Outcome::Failed { why } => clean(why),
    }
}

/// How a fact is known, with the means.
pub(crate) fn how(how: &Evidence) -> String {
    match how {
        Evidence::Performed => say!("performed").into(),
        Evidence::Observed(through) => say!("observed ({})", clean(through)),
        Evidence::Inferred(from) => say!("inferred ({})", clean(from)),
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
        Initiator::User => say!("asked for by the user").into(),
        Initiator::Redirect { of, status } => say!("redirected ({}) by exchange {}", status, of),
        Initiator::Parser { url, line: 0 } => say!("found in {}", clean(url)),
        Initiator::Parser { url, line } => say!("found in {} line {}", clean(url), line),
        Initiator::Style { url } => say!("found in the style sheet {}", clean(url)),
        Initiator::LinkField { url } => say!("named by a Link field of {}", clean(url)),
        Initiator::EarlyHints { url } => say!("named by the 103 of {}", clean(url)),
        Initiator::Script { url, line: 0 } => say!("a script, {}", clean(url)),
        Initiator::Script { url, line } => say!("a script, {}:{}", clean(url), line),
        Initiator::Retry { of } => say!("exchange {} tried again", of),
        Initiator::Peer => say!("the client").into(),
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
        Timer::Retransmission => say!("retransmission timer"),
        Timer::LossProbe => say!("tail loss probe"),
        Timer::Reordering => say!("reordering timer"),
        Timer::Persist => say!("zero-window probe timer"),
        Timer::DelayedAck => say!("delayed ACK timer"),
        Timer::KeepAlive => say!("keep-alive timer"),
        Timer::UserTimeout => say!("user timeout"),
        Timer::TimeWait => say!("2·MSL timer"),
        Timer::FinWait2 => say!("FIN_WAIT_2 timer"),
        Timer::Pacing => say!("pacing timer"),
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

/// The largest element of content: `img /hero.jpg, 640 × 400`, `text in h1, 640 × 80`.
pub(crate) fn content(largest: &LargestContent, base: Option<&str>) -> String {
    let element = clean(&largest.element);
    let what = match &largest.url {
        Some(url) => format!("{element} {}", clip_middle(&short_url(url, base), CONTENT)),
        None => say!("text in {}", element),
    };
    format!("{what}, {} × {}", largest.width, largest.height)
}

/// The most characters of a URL in the words for content.
const CONTENT: usize = 60;

/// The largest element of content, where this is the milestone of its paint.
pub(crate) fn content_at(reached: &Timed<MilestoneReached>, story: &Story) -> Option<String> {
    let largest = story.largest.as_ref()?;
    let base = story.document().map(|document| document.url.as_str());
    (reached.what.name == Milestone::LargestContentfulPaint).then(|| content(&largest.what, base))
}

/// What a link did to frames other than delivering them: `3 lost, 1 held back`.
pub(crate) fn link_did(counts: &LinkCounts) -> String {
    let did = [
        (counts.lost, say!("lost")),
        (counts.queue_full, say!("dropped by a full queue")),
        (counts.aqm, say!("dropped by queue management")),
        (counts.marked, say!("marked by queue management")),
        (counts.bad_fcs, say!("dropped as corrupted")),
        (counts.corrupted, say!("delivered corrupted")),
        (counts.duplicated, say!("duplicated")),
        (counts.reordered, say!("held back")),
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
    let mut text = say!("{} lost", count(lost.resent as usize, "send"));
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
        .map(|one| say!("{} of {}", clean(&one.name), count(one.requests, "request")));
    let named: Vec<String> = named.collect();
    let (last, before) = named.split_last()?;
    let (list, was) = match before {
        [] => (last.clone(), say!("was")),
        before => (say!("{} and {}", before.join(", "), last), say!("were")),
    };
    Some(say!("{} {} redacted; they go without", list, was))
}
