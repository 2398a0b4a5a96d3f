//! `Layout`: the columns of the table and its bars.

use core::time::Duration;

use roundtrip_record::Time;

use super::rows::{self, Row};
use crate::model::{PhaseKind, Span};
use crate::style::{Detail, Options, Tone};
use crate::text::{clip, clip_middle, left, millis, right, width, wrap};

/// The widths of the table's columns, in characters.
pub(super) struct Layout {
    label: usize,
    number: usize,
    /// The column for the time at which a step begins; 0 where there is no room for it.
    start: usize,
    bar: usize,
    pub(super) detail: usize,
    scale: Span,
    tick: Duration,
}

impl Layout {
    pub(super) fn new(columns: usize, rows: &[Row], total: Span) -> Self {
        let widest = rows.iter().map(|row| row.indent * 2 + width(&row.label)).max().unwrap_or(0);
        let widest_label = match columns {
            0..80 => 16,
            80..110 => 20,
            110.. => 20 + (columns - 100) / 5,
        };
        let label = widest.clamp(10, widest_label);
        let shown = rows
            .iter()
            .flat_map(|row| [row.span.start - total.start, row.took.unwrap_or_default()]);
        let longest = shown.map(|shown| width(&millis(shown))).max();
        let number = longest.unwrap_or(0).clamp(6, 10);
        // The fixed part: two for the margin, two between columns, and the mark of how a fact is
        // known.
        let start = if columns < 56 { 0 } else { number + 2 };
        let fixed = 2 + label + start + 2 + number + 2;
        let rest = columns.saturating_sub(fixed);
        let (bar, detail) = match rest {
            0..10 => (0, 0),
            10..26 => (rest, 0),
            _ => {
                // Wide terminals give half of what they have more to the details.
                let bar = (rest * 9 / 20).clamp(14, 28 + columns.saturating_sub(100) / 3);
                (bar, rest - bar - 4)
            }
        };
        let detail = if detail < 8 { 0 } else { detail };
        let bar = if detail == 0 { rest } else { bar };
        Self {
            label,
            number,
            start,
            bar,
            detail,
            scale: total,
            tick: crate::text::tick(total.took(), (bar / 8).max(1) as u64),
        }
    }

    /// The line above the table, with ticks above the bars.
    pub(super) fn head(&self) -> String {
        let mut axis = vec![' '; self.bar];
        let whole = self.scale.took();
        let mut at = Duration::ZERO;
        while !self.tick.is_zero() && at <= whole {
            let text: Vec<char> = crate::text::axis(at).chars().collect();
            let column = self.column(self.scale.start + at);
            if column + text.len() <= self.bar
                && axis[column.saturating_sub(1)..].iter().take(text.len() + 2).all(|&c| c == ' ')
            {
                axis[column..column + text.len()].copy_from_slice(&text);
            }
            at += self.tick;
        }
        let axis: String = axis.into_iter().collect();
        let detail =
            if self.detail > 0 { format!("     {}", say!("detail")) } else { String::new() };
        format!(
            "  {}{}  {}  {axis}{detail}",
            left(say!("step"), self.label),
            right(if self.start > 0 { say!("start") } else { "" }, self.start),
            right("ms", self.number)
        )
    }

    fn column(&self, at: Time) -> usize {
        let whole = self.scale.took().as_nanos().max(1);
        let offset = (at - self.scale.start).as_nanos();
        (offset * self.bar as u128 / whole) as usize
    }

    /// The lines of a row: one, or as many as its detail needs where nothing is to be shortened.
    pub(super) fn row(&self, row: &Row, options: &Options) -> Vec<String> {
        let indent = " ".repeat(row.indent * 2);
        let label = clip_middle(&row.label, self.label.saturating_sub(indent.len()));
        let whole = options.detail == Detail::Verbose && self.detail > 0;
        let mut detail = row.detail.clone();
        if whole && label != row.label {
            detail = format!("{} {detail}", row.label);
        }
        let mut details = match self.detail {
            0 => Vec::new(),
            room if whole && width(&detail) > room => wrap(&detail, room),
            room => vec![clip(&detail, room)],
        }
        .into_iter();
        let label = left(&format!("{indent}{label}"), self.label);
        let label = if row.indent == 0 { options.paint(Tone::Strong, &label) } else { label };
        let start = if self.start > 0 {
            right(&self.number(row.span.start - self.scale.start), self.start)
        } else {
            String::new()
        };
        let took = row.took.map_or("—".to_owned(), |took| self.number(took));
        let took = right(&took, self.number);
        let bar = self.bar(row, options);
        let paint = |text: String| row.tone.map_or(text.clone(), |tone| options.paint(tone, &text));
        let detail = if self.detail > 0 {
            let text = paint(details.next().unwrap_or_default());
            format!("  {} {text}", options.paint(Tone::Faint, row.how.mark()))
        } else {
            String::new()
        };
        let margin = 2 + self.label + self.start + 2 + self.number + 2 + self.bar + 4;
        let mut lines = vec![format!("  {label}{start}  {took}  {bar}{detail}")];
        lines.extend(details.map(|text| format!("{}{}", " ".repeat(margin), paint(text))));
        lines
    }

    /// A duration in milliseconds; where that is too long for the column, in its largest units.
    fn number(&self, took: Duration) -> String {
        let text = millis(took);
        if width(&text) <= self.number {
            text
        } else {
            clip(&crate::text::duration(took), self.number)
        }
    }

    /// The bar of a row. Each character shows the phase that takes up most of its time.
    fn bar(&self, row: &Row, options: &Options) -> String {
        let mut cells: Vec<Option<PhaseKind>> = vec![None; self.bar];
        let last = self.bar.saturating_sub(1);
        for &(kind, span) in &row.parts {
            let from = self.column(span.start).min(last);
            let to = self.column(span.end).min(self.bar);
            for cell in cells.iter_mut().take(to).skip(from) {
                *cell = Some(kind);
            }
        }
        let mut bar = String::new();
        if self.bar > 0 && cells.iter().all(Option::is_none) && !row.beyond {
            let at = self.column(row.span.start).min(last);
            bar = format!("{}╵{}", " ".repeat(at), " ".repeat(last - at));
            return options.paint(Tone::Faint, &bar);
        }
        let mut n = 0;
        while n < cells.len() {
            let run = cells[n..].iter().take_while(|cell| **cell == cells[n]).count();
            match cells[n] {
                None => bar.push_str(&" ".repeat(run)),
                Some(kind) => {
                    let glyph = rows::glyph(kind);
                    bar.push_str(&options.paint(rows::tone(kind), &glyph.repeat(run)));
                }
            }
            n += run;
        }
        bar
    }
}
