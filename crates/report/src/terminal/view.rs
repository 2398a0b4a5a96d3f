//! `View`: the lines of a view for a terminal, and what all its parts are written with.

use crate::finding::Finding;
use crate::language::word;
use crate::model::Model;
use crate::style::{Options, Tone};
use crate::text::{left, width, wrap};

/// The lines of a view, as they are made.
pub(super) struct View<'a> {
    pub(super) model: &'a Model,
    pub(super) options: &'a Options,
    pub(super) lines: Vec<String>,
}

impl View<'_> {
    /// The lines of the view as one text, in the characters that may be used.
    pub(super) fn text(self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(self.options.glyphs(line.trim_end()).as_str());
            text.push('\n');
        }
        text
    }

    pub(super) fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    pub(super) fn fact(&mut self, label: &str, text: &str) {
        let room = self.options.columns().saturating_sub(12);
        for (n, line) in wrap(text, room).into_iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            self.lines.push(format!(
                "  {}  {line}",
                self.options.paint(Tone::Faint, &left(word(label), 8))
            ));
        }
    }

    /// The evidence of a finding, its meaning, and what to try next.
    pub(super) fn finding_lines(&mut self, finding: &Finding, indent: usize) {
        let columns = self.options.columns();
        let seen = finding.evidence.iter().map(|line| ("", line.clone(), Tone::Request));
        let means = finding.meaning.iter().map(|line| ("→ ", line.clone(), Tone::Strong));
        let next = [(say!("next: "), self.next(&finding.next), Tone::Good)];
        for (label, text, tone) in seen.chain(means).chain(next) {
            if text.is_empty() {
                continue;
            }
            let room = columns.saturating_sub(indent + width(label));
            for (n, line) in wrap(&text, room).into_iter().enumerate() {
                let head = if n == 0 { label.to_owned() } else { " ".repeat(width(label)) };
                let line = match tone {
                    Tone::Request => line,
                    tone => self.options.paint(tone, &line),
                };
                self.lines.push(format!("{}{head}{line}", " ".repeat(indent)));
            }
        }
    }

    /// What to try next. A command that needs the saved record is left out where none was kept.
    pub(super) fn next(&self, next: &str) -> String {
        match &self.options.saved {
            Some(id) => next.replace("show latest", &format!("show {id}")),
            None if next.contains("show latest") => String::new(),
            None => next.to_owned(),
        }
    }
}
