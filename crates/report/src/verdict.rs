//! `Verdict`: the result of a run in one line.

use roundtrip_record::{HttpVersion, Outcome, Source};

use crate::language::word;
use crate::model::{Exchange, Model};
use crate::names::short_source;
use crate::text::{bytes, clean, count, duration};

/// How well a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// What was asked for arrived.
    Good,
    /// What was asked for arrived, but something is missing or the status is an error.
    Mixed,
    /// What was asked for did not arrive.
    Bad,
}

/// A fact of the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The text that is shown.
    pub text: String,
    /// The rank of the fact. Where there is no room for all, facts of higher rank are dropped
    /// first.
    pub rank: u8,
}

impl Fact {
    fn new(rank: u8, text: impl Into<String>) -> Self {
        Self { text: text.into(), rank }
    }
}

/// The result of a run: what came, from where, how much, how fast, over which protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How well the run went.
    pub success: Success,
    /// `200 OK`, or `✗ name` for a fault in the name step.
    pub result: String,
    /// What was asked for, or the headline of the fault.
    pub subject: String,
    /// Further facts, in the order in which they are shown.
    pub facts: Vec<Fact>,
}

/// How far the load times of several runs lie apart: ` (load 1.51 to 2.29 s in 8 of 10 of 5 runs)`.
fn spread(model: &Model) -> String {
    let among = model.ended.as_ref().and_then(|ended| ended.among);
    match among.map(|among| (among.runs, among.load)) {
        None => String::new(),
        Some((runs, Some(load))) => {
            let (low, high) = (duration(load.low), duration(load.high));
            say!(" (median of {}: load {} to {})", runs, low, high)
        }
        Some((_, None)) => say!(" (one of many: --runs)").into(),
    }
}

impl Verdict {
    /// The verdict on a record.
    pub fn new(model: &Model) -> Self {
        model.language.speaking(|| Self::of(model))
    }

    fn of(model: &Model) -> Self {
        if let Some(finding) = model.findings.iter().find(|finding| finding.fatal) {
            return Self {
                success: Success::Bad,
                result: format!("✗ {}", word(finding.step.name())),
                subject: finding.headline.clone(),
                facts: vec![Fact::new(0, say!("exit {}", model.exit()))],
            };
        }
        match (model.document(), model.lookups.first()) {
            (Some(_), _) => Self::visit(model),
            (None, Some(_)) => Self::lookup(model),
            (None, None) => Self::nothing(model),
        }
    }

    fn visit(model: &Model) -> Self {
        let document = model.document();
        let status = document.and_then(Exchange::status);
        let reason = document.and_then(Exchange::head).map(|head| &head.what.reason);
        let result = match (status, reason) {
            (Some(status), Some(reason)) if !reason.is_empty() => {
                format!("{status} {}", clean(reason))
            }
            (Some(status), _) => status.to_string(),
            (None, _) if document.is_some_and(|document| document.from_cache) => {
                say!("from cache").into()
            }
            (None, _) => say!("no answer").into(),
        };
        let missing = model.resources().iter().filter(|resource| resource.failed()).count();
        let success = match status {
            Some(200..=399) if missing == 0 && model.findings.is_empty() => Success::Good,
            None if document.is_some_and(|document| document.from_cache) => Success::Good,
            Some(_) => Success::Mixed,
            None => Success::Bad,
        };
        let url = document.map_or(String::new(), |document| clean(&document.url));
        let failed = if missing > 0 { say!(", {} failed", missing) } else { String::new() };
        let again = match model.exchanges.iter().filter(|exchange| exchange.retried).count() {
            0 => String::new(),
            again => say!(", {} retried", again),
        };
        let cached = match model.exchanges.iter().filter(|exchange| exchange.from_cache).count() {
            0 => String::new(),
            cached => say!(", {} from cache", cached),
        };
        let mut facts = Vec::new();
        facts.push(Self::times(model));
        facts.extend(Self::protocol(model));
        facts.push(Fact::new(
            2,
            format!("{}{cached}{again}{failed}", count(model.exchanges.len(), "request")),
        ));
        facts.push(Fact::new(3, bytes(model.received())));
        facts.extend(Self::wire(model));
        Self { success, result, subject: url, facts }
    }

    /// The time that the run took, `310 ms`; of a replay both times, `310 ms live → 4.71 s on
    /// 3gslow`.
    fn times(model: &Model) -> Fact {
        let took = format!("{}{}", duration(model.total().took()), spread(model));
        let run = model.run.as_ref();
        let Some((run, old)) = run.and_then(|run| Some((run, run.replay_of.as_ref()?))) else {
            return Fact::new(0, took);
        };
        let before = old.net.as_deref().map_or_else(|| old.wire.name().to_owned(), clean);
        let now = run.net.as_deref().map_or_else(|| run.wire.name().to_owned(), clean);
        // Where the original record is not at hand, only its wire is known.
        let text = match &model.original {
            Some(original) => {
                say!("{} {} → {} on {}", duration(original.took), before, took, now)
            }
            None => say!("{} → {} on {}", before, took, now),
        };
        Fact::new(0, text)
    }

    fn protocol(model: &Model) -> Vec<Fact> {
        let mut facts = Vec::new();
        let Some(document) = model.document() else { return facts };
        let version = document.head().map(|head| &head.what.version);
        facts.extend(version.map(|version| match version {
            HttpVersion::Http11 => Fact::new(5, "h1"),
            HttpVersion::Http2 => Fact::new(5, "h2"),
            HttpVersion::Http3 => Fact::new(5, "h3"),
            other => Fact::new(5, clean(other.as_str())),
        }));
        let tls = document.connection.and_then(|id| model.connection(id)?.tls.as_ref());
        facts.extend(tls.map(|tls| Fact::new(4, clean(tls.what.version.as_str()))));
        facts
    }

    /// The wire, which is said wherever anything is: what happened in the lab is not to be taken for the world.
    fn wire(model: &Model) -> Vec<Fact> {
        let Some(run) = model.run.as_ref() else { return Vec::new() };
        let net = match (&run.net, &run.replay_of) {
            (Some(net), None) => format!(" {}", clean(net)),
            // The times of a replay are told with its network.
            _ => String::new(),
        };
        let wire = Fact::new(1, say!("wire: {}{}", run.wire.name(), net));
        let old = run.replay_of.as_ref();
        let old = old.map(|old| Fact::new(3, say!("replaying {}", clean(&old.run))));
        core::iter::once(wire).chain(old).collect()
    }

    fn lookup(model: &Model) -> Self {
        let Some(lookup) = model.lookups.first() else { return Self::nothing(model) };
        let addresses: Vec<String> = lookup.addresses.iter().map(ToString::to_string).collect();
        let mut facts = Vec::new();
        if let Some(last) = lookup.aliases.last() {
            facts.push(Fact::new(3, say!("alias of {}", clean(last))));
        }
        facts.extend(lookup.ttl.map(|ttl| Fact::new(1, format!("ttl {ttl}"))));
        facts.push(Fact::new(0, duration(lookup.span.took())));
        if let Some(rung) = lookup.settled_by() {
            let origin = match &rung.outcome {
                Some(Outcome::Found { origin: Some(origin), .. }) => {
                    format!(" ({})", clean(origin))
                }
                _ => String::new(),
            };
            let from = match &rung.source {
                Source::Literal => say!("it is an address").into(),
                other => say!("from {}{}", short_source(other), origin),
            };
            facts.push(Fact::new(2, from));
        }
        facts.extend(Self::wire(model));
        let asked: Vec<&str> = model.lookups.iter().flat_map(Self::types).collect();
        let records = if asked.is_empty() { 0 } else { Self::records(model, &asked) };
        let found = !addresses.is_empty() || records > 0;
        Self {
            success: if found { Success::Good } else { Success::Bad },
            result: clean(lookup.name.trim_end_matches('.')),
            subject: match (addresses.is_empty(), asked.is_empty()) {
                (false, _) => addresses.join(", "),
                (true, true) => say!("no address").into(),
                (true, false) => count(records, &say!("{} record", asked.join("/"))),
            },
            facts,
        }
    }

    /// The record types of a lookup that asked for no address.
    fn types(lookup: &crate::model::Lookup) -> Vec<&str> {
        let other = |kind: &&str| *kind != "A" && *kind != "AAAA";
        lookup.types.iter().map(String::as_str).filter(other).collect()
    }

    /// The number of records of these types that lookups found.
    fn records(model: &Model, types: &[&str]) -> usize {
        let settled = model.lookups.iter().filter_map(crate::model::Lookup::settled_by);
        settled
            .filter(|rung| matches!(rung.outcome, Some(Outcome::Found { .. })))
            .flat_map(|rung| &rung.records)
            .filter(|record| types.contains(&record.record_type.as_str()))
            .count()
    }

    fn nothing(model: &Model) -> Self {
        let subject = model.run.as_ref().map_or(String::new(), |run| clean(&run.subject));
        let connections = model.connections.len();
        let (result, what) = if model.cut || model.ended.is_none() {
            (say!("cut off"), count(model.events.len(), "event"))
        } else if connections > 0 && model.imported_from().is_some() {
            // What is encrypted is no request to whoever has no keys.
            (say!("no request could be read"), count(connections, "connection"))
        } else {
            (say!("nothing happened"), count(model.events.len(), "event"))
        };
        Self {
            success: Success::Bad,
            result: result.into(),
            subject,
            facts: vec![Fact::new(0, what)],
        }
    }
}
