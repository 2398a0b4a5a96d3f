//! The view of `roundtrip resolve`: the answer, how it was found, and what went wrong.

use std::collections::BTreeSet;

use roundtrip_record::{Direction, DnsMessage, Outcome, ResourceRecord, Source};

use super::view::View;
use crate::finding::Finding;
use crate::model::{Lookup, Model, Rung, Timed};
use crate::names::outcome;
use crate::style::{Detail, Options, Tone};
use crate::text::{clean, clip, duration, left, right, width, wrap};

/// The most records, servers and zones that are listed without `-v`.
const MOST_LISTED: usize = 24;

/// The lookups of a record as text for a terminal.
pub fn resolution(model: &Model, options: &Options) -> String {
    model.language.speaking(|| told(model, options))
}

fn told(model: &Model, options: &Options) -> String {
    let mut view = View { model, options, lines: Vec::new() };
    let fatal = model.findings.iter().find(|finding| finding.fatal);
    match fatal {
        Some(fatal) if options.detail < Detail::Verbose => view.failed_in_brief(fatal),
        _ => view.resolved(),
    }
    view.text()
}

/// The answer alone, one address or one record's data a line, as `dig +short` has it.
pub fn short_resolution(model: &Model) -> String {
    let mut lines = Vec::new();
    for lookup in &model.lookups {
        let records = records(lookup);
        if records.is_empty() {
            lines.extend(lookup.addresses.iter().map(ToString::to_string));
        } else {
            lines.extend(records.iter().map(|record| clean(&record.data)));
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// The records that a lookup found, if it asked for other records than addresses.
fn records(lookup: &Lookup) -> Vec<&ResourceRecord> {
    let address = |kind: &String| kind == "A" || kind == "AAAA";
    if lookup.types.iter().all(address) {
        return Vec::new();
    }
    let Some(rung) = lookup.settled_by() else { return Vec::new() };
    if !matches!(rung.outcome, Some(Outcome::Found { .. })) {
        return Vec::new();
    }
    rung.records.iter().filter(|record| lookup.types.contains(&record.record_type)).collect()
}

impl View<'_> {
    /// A fault in three lines: what is wrong, how that is known, what to do. Where another party
    /// has to act, a line before the last says why.
    fn failed_in_brief(&mut self, fatal: &Finding) {
        self.verdict();
        let columns = self.options.columns();
        let evidence = fatal.evidence.first().cloned().unwrap_or_default();
        if !evidence.is_empty() {
            self.lines.push(format!("        {}", clip(&evidence, columns.saturating_sub(8))));
        }
        if self.walked() {
            for line in wrap(&fatal.meaning.clone().unwrap_or_default(), columns - 10) {
                self.lines.push(format!("        {}", self.options.paint(Tone::Strong, &line)));
            }
        }
        let next = clip(&say!("next: {}", fatal.next), columns.saturating_sub(8));
        self.lines.push(format!("        {}", self.options.paint(Tone::Good, &next)));
    }

    fn resolved(&mut self) {
        self.verdict();
        self.faults();
        self.found_records();
        let verbose = self.options.detail == Detail::Verbose;
        if self.walked() {
            self.path();
        }
        if verbose || !self.walked() {
            self.table();
        }
        if verbose {
            self.messages();
        }
        self.blank();
        if let Some(id) = &self.options.saved {
            self.fact("saved", &say!("run {}    roundtrip show {} -v │ --html │ --pcap", id, id));
        }
    }

    /// Whether a lookup walked from the root.
    fn walked(&self) -> bool {
        let zone = |rung: &Rung| matches!(rung.source, Source::Zone { .. });
        self.model.lookups.iter().any(|lookup| lookup.rungs.iter().any(zone))
    }

    /// The records that were asked for, as a zone file has them.
    fn found_records(&mut self) {
        let model = self.model;
        let all: Vec<&ResourceRecord> = model.lookups.iter().flat_map(records).collect();
        if all.is_empty() {
            return;
        }
        self.blank();
        let most = if self.options.detail == Detail::Verbose { all.len() } else { MOST_LISTED };
        for record in all.iter().take(most) {
            self.lines.push(format!("  {}", zone_line(record)));
        }
        if all.len() > most {
            self.lines.push(say!("  and {} more (-v)", all.len() - most));
        }
    }

    /// The path of the walk from the root down: the servers that led on, and those that were of no
    /// use.
    fn path(&mut self) {
        self.blank();
        let (mut zones, mut amiss) = (Vec::new(), Vec::new());
        let mut told = BTreeSet::new();
        for rung in self.model.lookups.iter().flat_map(|lookup| &lookup.rungs) {
            let Source::Zone { zone, name, server } = &rung.source else { continue };
            let by = name.as_deref().map_or_else(|| server.ip().to_string(), clean);
            let Some(said) = &rung.outcome else { continue };
            let (key, line) = match said {
                Outcome::Referral { zone: below, .. } => {
                    (below.clone(), say!("{} → {}  by {}", clean(zone), clean(below), by))
                }
                Outcome::Failed { .. } | Outcome::Refused { .. } | Outcome::TimedOut { .. } => {
                    (by.clone(), format!("{} {by}: {}", clean(zone), outcome(said)))
                }
                _ => continue,
            };
            if told.insert((zone.clone(), key)) {
                let referral = matches!(said, Outcome::Referral { .. });
                if referral { zones.push(line) } else { amiss.push(line) }
            }
        }
        amiss.extend(self.without_authority());
        let verbose = self.options.detail == Detail::Verbose;
        for (label, list) in [("path", zones), ("amiss", amiss)] {
            let most = if verbose { list.len() } else { MOST_LISTED / 2 };
            for (n, line) in list.iter().take(most).enumerate() {
                self.fact(if n == 0 { label } else { "" }, line);
            }
            if list.len() > most {
                self.fact("", &say!("and {} more (-v)", list.len() - most));
            }
        }
    }

    /// Servers of the tree that answer for their own zone without the AA flag.
    fn without_authority(&self) -> Vec<String> {
        let mut servers = BTreeSet::new();
        for message in self.model.lookups.iter().flat_map(|lookup| &lookup.messages) {
            let what = &message.what;
            let answers = what.code.as_deref() == Some("NOERROR") && what.counts[0] > 0;
            let own = what.flags.iter().any(|flag| flag == "AA");
            if what.direction == Direction::Received && answers && !own && what.dropped.is_none() {
                servers.insert(what.peer.ip().to_string());
            }
        }
        let told = |server| {
            say!("{} answers without the AA flag, as if the zone were not its own", server)
        };
        servers.into_iter().map(told).collect()
    }

    /// Every DNS message, and the records of each answer.
    fn messages(&mut self) {
        let model = self.model;
        for lookup in &model.lookups {
            if lookup.messages.is_empty() {
                continue;
            }
            self.blank();
            self.lines.push(self.options.paint(Tone::Faint, say!("  messages")));
            for message in &lookup.messages {
                self.lines.push(message_line(lookup, message));
            }
            for rung in lookup.rungs.iter().filter(|rung| !rung.records.is_empty()) {
                self.blank();
                let from = crate::names::source(&rung.source);
                let kind = clean(&rung.record_type);
                let head = say!("  {} {} as {} has it", clean(&rung.asked), kind, from);
                self.lines.push(self.options.paint(Tone::Faint, &head));
                for record in rung.records.iter().filter(|record| record.record_type != "OPT") {
                    self.lines.push(format!("    {}", zone_line(record)));
                }
            }
        }
    }
}

/// One message in a line: `+ 1.2 ms  ◀── 192.0.2.53:53  udp id 7  example.com. A  NOERROR [RD RA]
/// …`
fn message_line(lookup: &Lookup, message: &Timed<DnsMessage>) -> String {
    let what = &message.what;
    let after = right(&duration(message.at.since(lookup.span.start)), 9);
    let arrow = if what.direction == Direction::Sent { "──▶" } else { "◀──" };
    let counts = what.counts;
    let said = match &what.code {
        Some(code) => say!(
            "{} [{}] {} answers, {} authority, {} additional",
            clean(code),
            what.flags.join(" "),
            counts[0],
            counts[1],
            counts[2]
        ),
        None => format!("? [{}]", what.flags.join(" ")),
    };
    let dropped =
        what.dropped.as_ref().map_or(String::new(), |why| say!("  dropped: {}", clean(why)));
    format!(
        "  +{after}  {arrow} {} {} id {:<5} {}  {said}  {} B{dropped}",
        left(&what.peer.to_string(), 21),
        what.transport,
        what.id,
        clean(&what.question),
        what.length,
    )
}

/// One record in a line: `example.com.  300  MX  10 mail.example.com.`
fn zone_line(record: &ResourceRecord) -> String {
    let name = clean(&record.name);
    let name = if width(&name) < 28 { left(&name, 28) } else { name };
    format!("{name} {:>7}  {:<6} {}", record.ttl, clean(&record.record_type), clean(&record.data))
}
