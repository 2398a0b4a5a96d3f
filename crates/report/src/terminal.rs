//! The terminal view: the verdict, where the time went, what went wrong, and what to do next.

mod diff;
mod resolution;
mod rows;
mod short;
mod table;
mod verbose;
mod view;

pub use diff::comparison;
pub use resolution::{resolution, short_resolution};
pub use short::short;

use core::time::Duration;

use roundtrip_record::Blocks;

use crate::finding::Finding;
use crate::language::{recorded, word};
use crate::model::Model;
use crate::names::{self, short_url};
use crate::slowest::Slowest;
use crate::style::{Detail, Options, Tone};
use crate::text::{clean, clip, clip_middle, count, duration, left, percent, right, width, wrap};
use crate::verdict::{Fact, Success, Verdict};
use rows::EvidenceMark;
use table::Layout;
use view::View;

/// Facts of the verdict up to this rank are worth shortening its subject for.
const RANK_OF_MOST: u8 = 2;
/// To so many characters.
const SUBJECT: usize = 30;

/// The record as text for a terminal.
pub fn terminal(model: &Model, options: &Options) -> String {
    model.language.speaking(|| told(model, options))
}

fn told(model: &Model, options: &Options) -> String {
    let mut view = View { model, options, lines: Vec::new() };
    view.verdict();
    if options.detail == Detail::Answer {
        view.exceeded();
    } else {
        view.faults();
        view.budget();
        view.replay();
        view.table();
        view.facts();
    }
    view.text()
}

impl View<'_> {
    /// The first line, the verdict. Where it does not fit, the facts of highest rank are dropped.
    pub(super) fn verdict(&mut self) {
        let verdict = Verdict::new(self.model);
        let columns = self.options.columns();
        let tone = match verdict.success {
            Success::Good => Tone::Good,
            Success::Mixed => Tone::Warn,
            Success::Bad => Tone::Bad,
        };
        if verdict.success == Success::Bad
            && !verdict.facts.is_empty()
            && verdict.result.starts_with('✗')
        {
            let exit = texts(&verdict.facts);
            let room = columns - width(&verdict.result) - 2;
            let mut lines =
                wrap(&verdict.subject, room.saturating_sub(width(&exit) + 2)).into_iter();
            let first = lines.next().unwrap_or_default();
            let first = left(&first, room.saturating_sub(width(&exit)));
            self.lines.push(format!(
                "{}  {}{}",
                self.options.paint(tone, &verdict.result),
                self.options.paint(Tone::Strong, &first),
                self.options.paint(Tone::Faint, &exit)
            ));
            let indent = " ".repeat(width(&verdict.result) + 2);
            for line in lines {
                self.lines.push(format!("{indent}{}", self.options.paint(Tone::Strong, &line)));
            }
            return;
        }
        let result = clip(&verdict.result, columns / 2);
        let room = columns.saturating_sub(width(&result) + 2);
        let mut facts = verdict.facts;
        while facts.len() > 1 {
            let last = facts.iter().map(|fact| fact.rank).max().unwrap_or_default();
            // A long URL is shortened before what matters most is left out.
            let least = if last > RANK_OF_MOST { usize::MAX } else { SUBJECT };
            if width(&verdict.subject).min(least) + 2 + width(&texts(&facts)) <= room {
                break;
            }
            facts.retain(|fact| fact.rank != last);
        }
        let least = width(&verdict.subject).min(12) + 2;
        let facts = clip(&texts(&facts), room.saturating_sub(least));
        let subject = clip_middle(&verdict.subject, room.saturating_sub(width(&facts) + 2));
        self.lines.push(format!(
            "{}  {}  {facts}",
            self.options.paint(tone, &result),
            self.options.paint(Tone::Strong, &subject),
        ));
    }

    fn faults(&mut self) {
        let fatal = self.model.findings.iter().find(|finding| finding.fatal);
        if let Some(fatal) = fatal {
            self.finding_lines(fatal, 8);
        }
        let others = self.model.findings.iter();
        let others: Vec<&Finding> = others
            .filter(|finding| fatal.is_none_or(|fatal| fatal.event != finding.event))
            .collect();
        for (n, finding) in others.iter().enumerate() {
            let alike = |other: &&&Finding| other.is_like(finding);
            // Findings that are alike are shown once.
            if others[..n].iter().any(|other| other.is_like(finding)) {
                continue;
            }
            let more: Vec<&Finding> = others[n + 1..].iter().filter(alike).copied().collect();
            self.blank();
            let mark = format!("✗ {}", word(finding.step.name()));
            let headline = match more.len() {
                0 => finding.headline.clone(),
                more => say!("{}, and {} more like it", finding.headline, more),
            };
            let mut lines = wrap(&headline, self.options.columns() - 9).into_iter();
            self.lines.push(format!(
                "{} {}",
                self.options.paint(Tone::Warn, &left(&mark, 8)),
                lines.next().unwrap_or_default()
            ));
            self.lines.extend(lines.map(|line| format!("{}{line}", " ".repeat(9))));
            if let Some(places) = self.places(&more) {
                let lines = wrap(&places, self.options.columns() - 9);
                self.lines.extend(lines.into_iter().map(|line| format!("{}{line}", " ".repeat(9))));
            }
            self.finding_lines(finding, 9);
        }
    }

    /// Of what else the same is told: the first few URLs.
    fn places(&self, more: &[&Finding]) -> Option<String> {
        /// More are only counted.
        const SHOWN: usize = 4;
        let base = self.model.document().map(|exchange| exchange.url.clone());
        let mut urls: Vec<String> = more
            .iter()
            .filter_map(|finding| self.model.story.exchange(finding.exchange?))
            .map(|exchange| clip_middle(&short_url(&exchange.url, base.as_deref()), 32))
            .collect();
        urls.dedup();
        if urls.is_empty() {
            return None;
        }
        let rest = urls.len().saturating_sub(SHOWN);
        urls.truncate(SHOWN);
        let rest = if rest == 0 { String::new() } else { say!(" and {} more", rest) };
        Some(say!("also {}{}", urls.join(", "), rest))
    }

    /// What the budget says: each limit that is exceeded, and the others in short.
    fn budget(&mut self) {
        let Some(budget) = &self.model.budget else {
            return;
        };
        self.exceeded();
        self.blank();
        for (n, line) in crate::budget::rest(budget).into_iter().enumerate() {
            self.fact(if n == 0 { "budget" } else { "" }, &clean(&line));
        }
    }

    /// The limits of the budget that are exceeded, as faults are told.
    fn exceeded(&mut self) {
        let Some(budget) = &self.model.budget else {
            return;
        };
        for limit in budget.exceeded() {
            self.blank();
            let text = clean(&crate::budget::limit(limit));
            let mut lines = wrap(&text, self.options.columns() - 10).into_iter();
            let mark = self.options.paint(Tone::Bad, say!("✗ budget"));
            self.lines.push(format!("{mark}  {}", lines.next().unwrap_or_default()));
            let mostly = crate::budget::mostly(limit, self.model);
            let mostly = mostly.map(|mostly| say!("mostly {}", mostly));
            let more = mostly.map(|text| wrap(&text, self.options.columns() - 10));
            let more = lines.chain(more.into_iter().flatten());
            self.lines.extend(more.map(|line| format!("{}{line}", " ".repeat(10))));
        }
    }

    /// What took longer on the other network, and what the replay assumed.
    fn replay(&mut self) {
        let Some(old) = &self.model.original else {
            return;
        };
        self.blank();
        let columns = self.options.columns();
        let base = self.model.document().map(|document| document.url.clone());
        let room = columns.saturating_sub(60).max(14);
        let head = format!(
            "  {}  {}  {}  {}",
            left(say!("exchange"), room),
            right(say!("recorded"), 10),
            right(say!("now"), 10),
            right(say!("factor"), 7)
        );
        self.lines.push(self.options.paint(Tone::Faint, &head));
        let mut used = vec![false; old.exchanges.len()];
        for exchange in &self.model.exchanges {
            let Some(n) =
                (0..used.len()).find(|&n| !used[n] && old.exchanges[n].url == exchange.url)
            else {
                continue;
            };
            used[n] = true;
            let before = old.exchanges[n].took;
            let now = exchange.span.took();
            let factor = if before.is_zero() {
                String::new()
            } else {
                format!("×{:.1}", now.as_secs_f64() / before.as_secs_f64())
            };
            let blocks =
                if exchange.blocks == Blocks::Render { say!("  blocks render") } else { "" };
            self.lines.push(format!(
                "  {}  {}  {}  {}{blocks}",
                left(&clip_middle(&short_url(&exchange.url, base.as_deref()), room), room),
                right(&duration(before), 10),
                right(&duration(now), 10),
                right(&factor, 7),
            ));
        }
        let think: Duration = old.exchanges.iter().map(|exchange| exchange.think).sum();
        self.fact(
            "modelled",
            &say!(
                "server think time {} in all (recorded wait less one round trip, inferred)",
                duration(think)
            ),
        );
        if let Some(redacted) = names::redacted(old) {
            self.fact("", &say!("substituted: {}", redacted));
        }
    }

    fn table(&mut self) {
        let rows = rows::rows(self.model, self.options.detail);
        if rows.is_empty() {
            return;
        }
        self.blank();
        let layout = Layout::new(self.options.columns(), &rows, self.model.total());
        self.lines.push(self.options.paint(Tone::Faint, &layout.head()));
        for row in &rows {
            self.lines.extend(layout.row(row, self.options));
        }
        if layout.detail > 0 {
            let known =
                EvidenceMark::ALL.into_iter().filter(|how| rows.iter().any(|row| row.how == *how));
            let known = known.map(EvidenceMark::legend).collect::<Vec<_>>().join("  ");
            let glyphs = say!("▓ name, connect, tls  ▒ wait  █ transfer  ░ here  · queued");
            let line = format!("  {glyphs}    {known}");
            self.lines.push(self.options.paint(Tone::Faint, &clip(&line, self.options.columns())));
        }
    }

    fn facts(&mut self) {
        self.blank();
        if self.options.detail == Detail::Verbose {
            self.verbose();
        }
        if let Some(slowest) = Slowest::of(self.model) {
            let mut text = format!(
                "{}, {} ({})",
                slowest.name(self.model),
                duration(slowest.took),
                percent(slowest.took, slowest.of)
            );
            if let Some(says) = slowest.server_says() {
                text += &format!("; {says}");
            }
            self.fact("slowest", &text);
        }
        for note in &self.model.notes {
            self.fact("page", &recorded(&clean(note)));
        }
        for note in &self.model.import_notes {
            self.fact("import", &format!("{} ({})", clean(&note.note), note.count));
        }
        if !self.model.not_fetched.is_empty() {
            let base = self.model.document().map(|document| document.url.as_str());
            let shown: Vec<String> = self
                .model
                .not_fetched
                .iter()
                .take(3)
                .map(|found| {
                    format!(
                        "{} ({})",
                        clip_middle(&short_url(&found.url, base), 32),
                        recorded(&clean(found.not_fetched.as_deref().unwrap_or_default()))
                    )
                })
                .collect();
            let more = self.model.not_fetched.len() - shown.len();
            let more = if more > 0 { say!(" and {} more", more) } else { String::new() };
            self.fact(say!("left out"), &format!("{}{more}", shown.join(", ")));
        }
        for (n, unseen) in self.model.unseen.iter().enumerate() {
            let label = if n == 0 { "unseen" } else { "" };
            self.fact(
                label,
                &say!(
                    "{}: {} (needs {})",
                    word(unseen.step.name()),
                    recorded(&clean(&unseen.what)),
                    clean(&unseen.needs)
                ),
            );
        }
        self.links();
        if self.model.cut {
            self.fact(
                "record",
                say!("cut off in the middle of a line: what stands before is whole"),
            );
        } else if self.model.run.is_some() && self.model.ended.is_none() {
            self.fact("record", say!("has no end: the run was killed, or still goes on"));
        }
        if let Some(id) = &self.options.saved {
            self.fact(
                "saved",
                &say!("run {}    roundtrip show {} --tcp │ --html │ --har │ --pcap", id, id),
            );
        }
    }

    /// What the lab's links did to frames other than delivering them.
    fn links(&mut self) {
        let mut label = "links";
        for counts in &self.model.link_counts {
            let did = crate::names::link_did(counts);
            if did.is_empty() {
                continue;
            }
            let link = self.model.links.iter().find(|link| link.id == counts.link);
            let name = |id| {
                self.model
                    .hosts
                    .values()
                    .find(|host| host.interfaces.iter().any(|interface| interface.id == id))
                    .map_or("?", |host| host.name.as_str())
            };
            let ends = link.map_or(String::new(), |link| {
                format!("{} → {}: ", clean(name(link.from)), clean(name(link.to)))
            });
            self.fact(label, &format!("{ends}{}, {}", count(counts.frames as usize, "frame"), did));
            label = "";
        }
    }
}

fn texts(facts: &[Fact]) -> String {
    facts.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" · ")
}
