//! A cause of a difference, in words.

use core::time::Duration;

use roundtrip_record::{Blocks, Priority, TlsVersion};
use roundtrip_story::{Both, Cause, Losses, Way};

use crate::names::losses;
use crate::text::{bytes, clean, count, duration, grouped, rate, seconds};

/// A cause in words, as the end of a sentence that begins with the exchange.
pub(super) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Added => "new".into(),
        Cause::Removed => "gone".into(),
        Cause::Redirect { status, is_new: true } => format!("a redirect ({status}) more"),
        Cause::Redirect { status, is_new: false } => format!("its redirect ({status}) is gone"),
        Cause::Resized { encoded, codings } => resized(*encoded, codings),
        Cause::RequestResized { bytes: sizes } => {
            format!("its request has {}", sizes_words(*sizes))
        }
        Cause::Blocks { blocks } => changed_blocks(*blocks),
        Cause::Connection { way, closed_after } => connection(*way, *closed_after),
        Cause::Protocol { version } => {
            format!("{} → {}", clean(version.a.as_str()), clean(version.b.as_str()))
        }
        Cause::Tls { version, resumed } => {
            let versions = version.as_ref().map(|version| version.as_ref().map(TlsVersion::as_str));
            match (versions.a, versions.b) {
                (Some(a), Some(b)) if a != b => format!("{} → {}", clean(a), clean(b)),
                (Some(_), Some(_)) if resumed.b => "its TLS session was resumed".into(),
                (Some(_), Some(_)) => "its TLS session was not resumed".into(),
                (None, _) => "with TLS".into(),
                (_, None) => "without TLS".into(),
            }
        }
        Cause::Attempts { tried } => {
            format!("{} tried (was {})", count(tried.b, "address"), tried.a)
        }
        Cause::RoundTrip { took } => {
            let way = if took.b > took.a { "farther away" } else { "nearer" };
            format!("its server is {way}, round trip {}", times(*took))
        }
        Cause::Lost { lost } => lost_words(lost),
        Cause::Think { took } => format!("its server took {}", times(*took)),
        Cause::Status { status } => {
            let [a, b] = [status.a, status.b]
                .map(|status| status.map_or("none".to_owned(), |status| status.to_string()));
            format!("status {a} → {b}")
        }
        Cause::Aliases { aliases } => aliases_words(aliases),
        Cause::NameFrom { from } => {
            format!("name {} (was {})", answered(from.b), answered(from.a))
        }
        Cause::NameAskedAgain { times } => {
            format!(
                "{} asked again, for want of an answer (was {})",
                count(times.b, "question"),
                times.a
            )
        }
        Cause::Queue { ahead } => {
            format!(
                "{} of its server under way before it (was {})",
                count(ahead.b, "request"),
                ahead.a
            )
        }
        Cause::Priority { priority: both } => {
            format!("priority {} → {}", priority(both.a), priority(both.b))
        }
        Cause::Rate { bytes: size, took } => {
            let speed = |took: Duration| {
                let bits = u128::from(*size) * 8 * 1_000_000_000 / took.as_nanos().max(1);
                rate(u64::try_from(bits).unwrap_or(u64::MAX))
            };
            format!("the same {} came at {} → {}", bytes(*size), speed(took.a), speed(took.b))
        }
    }
}

fn resized(encoded: Both<u64>, codings: &Both<Vec<String>>) -> String {
    let verb = if encoded.b > encoded.a { "grew" } else { "shrank" };
    let coding = |codings: &[String]| match codings {
        [] => "not coded".to_owned(),
        codings => clean(&codings.join("+")),
    };
    let coded = if codings.differ() {
        format!(" ({} → {})", coding(&codings.a), coding(&codings.b))
    } else {
        String::new()
    };
    format!("{verb} {}{coded}", sizes_words(encoded))
}

/// Two sizes, the unit once where it is the same: `210 → 484 kB`.
pub(super) fn sizes_words(sizes: Both<u64>) -> String {
    let [a, b] = [sizes.a, sizes.b].map(bytes);
    if a == b && sizes.differ() {
        return format!("{} → {} B", grouped(sizes.a), grouped(sizes.b));
    }
    both(&a, &b)
}

/// Two times: `81 → 160 ms`.
pub(super) fn times(took: Both<Duration>) -> String {
    both(&duration(took.a), &duration(took.b))
}

/// Two figures with an arrow between, the unit once where it is the same.
fn both(a: &str, b: &str) -> String {
    match (a.rsplit_once(' '), b.rsplit_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other && !number.contains(' ') => {
            format!("{number} → {b}")
        }
        _ => format!("{a} → {b}"),
    }
}

/// What waits for an exchange, as a property.
pub(super) fn blocks(blocks: Blocks) -> Option<&'static str> {
    match blocks {
        Blocks::Render => Some("blocks render"),
        Blocks::Parser => Some("blocks parser"),
        Blocks::Nothing => None,
    }
}

fn changed_blocks(both: Both<Blocks>) -> String {
    match (blocks(both.a), blocks(both.b)) {
        (_, Some(now)) => format!("{now} now"),
        (Some(before), None) => {
            format!("does not {} any more", before.replacen("blocks", "block", 1))
        }
        (None, None) => String::new(),
    }
}

fn connection(way: Both<Way>, closed_after: Option<usize>) -> String {
    let named = |way: Way| match way {
        Way::New => "a new connection",
        Way::Reused => "a connection in use before",
        Way::Cache => "the cache",
        Way::Nothing => "no connection",
    };
    let closed = closed_after.map_or(String::new(), |exchanges| {
        format!("; its server closed one after {}", count(exchanges, "request"))
    });
    match (way.a, way.b) {
        (Way::Reused, Way::New) => format!("new connection (was reused){closed}"),
        (Way::New, Way::Reused) => "connection reused (was new)".into(),
        (a, b) => format!("by {} (was {}){closed}", named(b), named(a)),
    }
}

fn lost_words(lost: &Both<Losses>) -> String {
    if lost.b.is_nothing() {
        return format!("nothing lost (was: {})", losses(&lost.a));
    }
    let before = match (&lost.a.is_nothing(), lost.a.timeouts.as_slice()) {
        (true, _) => "nothing".to_owned(),
        (false, []) => lost.a.resent.to_string(),
        (false, waits) => {
            let waits: Vec<String> = waits.iter().map(|wait| seconds(*wait)).collect();
            format!("{}, RTO {} s", lost.a.resent, waits.join(" → "))
        }
    };
    format!("{} (was {before})", losses(&lost.b))
}

fn aliases_words(aliases: &Both<Vec<String>>) -> String {
    let chain = |aliases: &[String]| {
        let names = aliases.iter().map(|name| clean(name.trim_end_matches('.')));
        names.collect::<Vec<_>>().join(" → ")
    };
    let number = |aliases: &[String]| match aliases.len() {
        0 => "no CNAME".to_owned(),
        many => count(many, "CNAME"),
    };
    let now = match aliases.b.as_slice() {
        [] => String::new(),
        names => format!(": {}", chain(names)),
    };
    format!("name behind {} (was {}){now}", number(&aliases.b), number(&aliases.a))
}

/// Who answered for a name.
pub(super) fn answered(from: Option<&'static str>) -> &'static str {
    match from {
        Some("cache") => "from a cache",
        Some("hosts") => "from the hosts file",
        Some("resolver") => "asked of a resolver",
        Some("zone") => "asked of its zone",
        Some(_) => "an address itself",
        None => "not looked up",
    }
}

/// The name of a priority, in the words of Chrome's developer tools.
pub(super) const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::VeryLow => "Lowest",
        Priority::Low => "Low",
        Priority::Medium => "Medium",
        Priority::High => "High",
        Priority::VeryHigh => "Highest",
    }
}
