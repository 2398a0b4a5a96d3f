//! The terminal view of a comparison: how much later the load came, why, and what else changed.

use roundtrip_story::{JudgedCondition, MomentDiff};

use crate::comparison::{
    Comparison, Reason, change, circumstances, condition, difference, headline, name, reasons,
    server, shift, side, unit_value,
};
use crate::style::{Detail, Options, Tone};
use crate::text::{bytes, clean, clip, clip_middle, count, left, right, width, wrap};

/// The most reasons that are told one by one, without `-v`.
const REASONS: usize = 8;
/// The most changed, added or removed requests, without `-v`.
const REQUESTS: usize = 6;
/// The width of the column of labels.
const LABEL: usize = 11;

/// A comparison as text for a terminal.
pub fn comparison(comparison: &Comparison, options: &Options) -> String {
    let mut view = DiffView { comparison, options, lines: Vec::new() };
    view.answer();
    if options.detail > Detail::Answer {
        view.conditions();
        view.circumstances();
        if !comparison.diff.nothing_changed() {
            view.reasons("", &comparison.diff.load);
            view.exchanges();
            view.infrastructure();
        }
        if options.detail == Detail::Verbose {
            view.details();
        }
        view.runs();
    } else {
        view.conditions();
    }
    let mut text = String::new();
    for line in &view.lines {
        text.push_str(options.glyphs(line.trim_end()).as_str());
        text.push('\n');
    }
    text
}

struct DiffView<'a> {
    comparison: &'a Comparison,
    options: &'a Options,
    lines: Vec<String>,
}

impl DiffView<'_> {
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// The first line, and the first paint beneath it.
    fn answer(&mut self) {
        let diff = &self.comparison.diff;
        let columns = self.options.columns();
        for (n, line) in wrap(&headline(diff, &diff.load), columns - 2).into_iter().enumerate() {
            let indent = if n == 0 { "" } else { "  " };
            self.lines.push(format!("{indent}{}", self.options.paint(self.tone(), &line)));
        }
        let paint = diff.first_paint.as_ref().filter(|_| !diff.nothing_changed());
        if let Some(paint) = paint.filter(|_| self.options.detail > Detail::Answer) {
            self.lines.extend(wrap(&headline(diff, paint), columns));
        }
    }

    /// The colour of the answer: that of a difference which is beyond the spread, or of conditions.
    fn tone(&self) -> Tone {
        let load = &self.comparison.diff.load;
        if self.comparison.exit() != 0 {
            return Tone::Bad;
        }
        match load.significance {
            _ if load.difference.is_zero() || load.significance.is_within() => Tone::Strong,
            _ if load.difference.is_longer() => Tone::Warn,
            _ => Tone::Good,
        }
    }

    fn fact(&mut self, label: &str, text: &str) {
        let room = self.options.columns().saturating_sub(LABEL + 2);
        for (n, line) in wrap(text, room).into_iter().enumerate() {
            let label = left(if n == 0 { label } else { "" }, LABEL);
            self.lines.push(format!("  {}{line}", self.options.paint(Tone::Faint, &label)));
        }
    }

    /// The conditions of `--fail-if`, those that fail first.
    fn conditions(&mut self) {
        let mut judged: Vec<&JudgedCondition> = self.comparison.conditions.iter().collect();
        judged.sort_by_key(|one| !one.fails());
        for one in judged {
            let (mark, tone) = if one.fails() { ("✗", Tone::Bad) } else { ("✓", Tone::Good) };
            let text = format!("{}: {}", clean(&one.condition), condition(one));
            let room = self.options.columns() - 4;
            for (n, line) in wrap(&text, room).into_iter().enumerate() {
                let mark = if n == 0 { self.options.paint(tone, mark) } else { " ".into() };
                self.lines.push(format!("{mark} {line}"));
            }
        }
    }

    /// What has to be known before the times are compared.
    fn circumstances(&mut self) {
        let diff = &self.comparison.diff;
        let told = circumstances(self.comparison);
        if !told.is_empty() {
            self.blank();
        }
        for (label, text) in told {
            self.fact(label, &text);
        }
        if diff.nothing_changed() && self.options.detail < Detail::Verbose {
            self.blank();
        }
    }

    fn reasons(&mut self, label: &str, moment: &MomentDiff) {
        let reasons = reasons(self.comparison, moment);
        if reasons.is_empty() {
            return;
        }
        self.blank();
        if !label.is_empty() {
            self.lines.push(format!("  {}", self.options.paint(Tone::Faint, label)));
        }
        let most = if self.options.detail == Detail::Verbose { usize::MAX } else { REASONS };
        // One that is left over is told, too: its line is no longer than one that says so.
        let shown = if reasons.len() <= most.saturating_add(1) { reasons.len() } else { most };
        let mut lines: Vec<(String, String)> =
            reasons[..shown].iter().map(|one| (shift(one.difference), whole(one))).collect();
        if let [_, ..] = &reasons[shown..] {
            let rest = &reasons[shown..];
            let sum = rest.iter().map(|one: &Reason| one.difference).sum();
            lines.push((shift(sum), format!("{} smaller differences (-v tells them)", rest.len())));
        }
        let column = lines.iter().map(|(by, _)| width(by)).max().unwrap_or(0);
        let room = self.options.columns().saturating_sub(column + 4);
        for (by, text) in lines {
            let tone = if by.starts_with('+') { Tone::Warn } else { Tone::Good };
            for (n, line) in wrap(&text, room).into_iter().enumerate() {
                let by = right(if n == 0 { &by } else { "" }, column);
                self.lines.push(format!("  {}  {line}", self.options.paint(tone, &by)));
            }
        }
    }

    /// What became of the requests.
    fn exchanges(&mut self) {
        let diff = &self.comparison.diff;
        self.blank();
        let all = diff.pairs.len() + diff.added.len();
        self.fact("unchanged", &format!("{} of {}", diff.unchanged(), count(all, "request")));
        let page = self.comparison.page();
        let changed = diff.pairs.iter().filter(|pair| !pair.changes.is_empty()).map(|pair| {
            let said: Vec<String> = pair.changes.iter().map(|one| change(one, page)).collect();
            format!("{}  {}", self.url(&pair.url), said.join(", "))
        });
        let changed: Vec<String> = changed.collect();
        self.list("changed", &changed);
        for (label, singles) in [("added", &diff.added), ("removed", &diff.removed)] {
            let told: Vec<String> = singles
                .iter()
                .map(|one| {
                    let status = one.status.map_or("no answer".into(), |status| status.to_string());
                    format!("{}  {status}, {}", self.url(&one.url), bytes(one.received))
                })
                .collect();
            self.list(label, &told);
        }
    }

    fn url(&self, url: &str) -> String {
        let room = self.options.columns() / 2;
        clip_middle(&self.comparison.short_on_page(url), room)
    }

    /// A list under one label; without `-v` only its begin.
    fn list(&mut self, label: &str, all: &[String]) {
        let most = if self.options.detail == Detail::Verbose { usize::MAX } else { REQUESTS };
        let shown = if all.len() <= most.saturating_add(1) { all.len() } else { most };
        for (n, text) in all[..shown].iter().enumerate() {
            self.fact(if n == 0 { label } else { "" }, text);
        }
        if shown < all.len() {
            self.fact("", &format!("and {} more (-v)", all.len() - shown));
        }
    }

    /// Servers and names.
    fn infrastructure(&mut self) {
        let diff = &self.comparison.diff;
        let servers = diff.servers.iter().filter(|one| one.has_changed());
        let servers: Vec<String> =
            servers.map(|one| format!("{}  {}", clean(&one.origin), server(one))).collect();
        self.list("servers", &servers);
        let names = diff.names.iter().filter(|one| one.has_changed());
        let names: Vec<String> = names
            .map(|one| format!("{}  {}", clean(one.name.trim_end_matches('.')), name(one)))
            .collect();
        self.list("names", &names);
    }

    /// What `-v` adds: why the first paint came when it did, and all metrics.
    fn details(&mut self) {
        let diff = &self.comparison.diff;
        if let Some(paint) = diff.first_paint.as_ref().filter(|_| !diff.nothing_changed()) {
            self.reasons("first paint", paint);
        }
        self.blank();
        let head =
            format!("  {}{}{}  difference", left("metric", 28), right("A", 12), right("B", 12));
        self.lines.push(self.options.paint(Tone::Faint, &clip(&head, self.options.columns())));
        for metric in &diff.metrics {
            let line = format!(
                "  {}{}{}  {}",
                left(metric.name, 28),
                right(&unit_value(metric.value.a, metric.unit), 12),
                right(&unit_value(metric.value.b, metric.unit), 12),
                difference(metric)
            );
            self.lines.push(clip(&line, self.options.columns()));
        }
    }

    /// Which runs these are, and the next command.
    fn runs(&mut self) {
        self.blank();
        let Comparison { names, diff, .. } = self.comparison;
        for (label, name, one) in [("A", &names.a, &diff.sides.a), ("B", &names.b, &diff.sides.b)] {
            self.fact(label, &format!("{}  {}", clean(name), side(one)));
        }
        if self.options.detail < Detail::Verbose {
            let (a, b) = (clean(&names.a), clean(&names.b));
            self.fact("next", &format!("roundtrip diff {a} {b} -v │ --html │ --format json"));
        }
    }
}

/// A reason in one text.
fn whole(reason: &Reason) -> String {
    if reason.subject.is_empty() {
        reason.text.clone()
    } else {
        format!("{}  {}", reason.subject, reason.text)
    }
}
