//! Advice as people and programs read it.

use core::time::Duration;

use roundtrip_record::Interval;
use roundtrip_report::text::{clean, clip, left, right, width, wrap};
use roundtrip_report::{Detail, Options, Tone};
use serde_json::{Value, json as value};

use crate::advice::{Advice, CombinationStep, Piece, Times, Tried};
use crate::proposals::Untried;
use crate::saving::{Effect, Saving};
use crate::variant::Reach;

/// The schema version of the object that [`json()`] returns. A reader passes over fields it does not
/// know, and refuses another major version.
pub const ADVICE_SCHEMA: &str = "1.0";

/// The advice as one JSON object. Names of times end in `_ms` and are milliseconds; savings are
/// negative where time is lost.
pub fn json(advice: &Advice, combined_run: Option<&str>) -> Value {
    let mut object = value!(advice);
    object["schema"] = ADVICE_SCHEMA.into();
    object["combined_run"] = combined_run.into();
    object
}

/// The least columns of a change's title.
const TITLE: usize = 34;
/// The columns of one saving.
const CELL: usize = 9;

/// The columns of a label, with the space behind it.
const LABEL: usize = 13;

/// The advice for the terminal. `options.saved` is the run in which all that is best is recorded.
pub fn text(advice: &Advice, options: &Options) -> String {
    let view = View { advice, options, table: Table::of(advice, options.columns()) };
    let mut lines = view.verdict();
    if options.detail != Detail::Answer {
        lines.extend([String::new(), view.head()]);
        let is_second = |piece: &&Piece| piece.variant.reach == Reach::SecondVisit;
        for (number, piece) in advice.pieces.iter().enumerate() {
            if !is_second(&piece) {
                lines.extend(view.piece(number + 1, piece));
            }
        }
        lines.extend(view.together());
        let second: Vec<&Piece> = advice.pieces.iter().filter(is_second).collect();
        lines.extend(view.second_visit(&second));
        lines.extend(view.rest());
    }
    options.glyphs(&(lines.join("\n") + "\n"))
}

/// Whether a change makes any difference, or has something to be told.
fn makes_a_difference(piece: &Piece) -> bool {
    let moments =
        |tried: &Tried| [tried.load, tried.first_paint].into_iter().flatten().collect::<Vec<_>>();
    let differs = |tried: &Tried| {
        let saved = moments(tried).iter().any(|saving| saving.effect() != Effect::Nothing);
        saved || tried.failed > 0 || tried.unknown > 0
    };
    piece.refused.is_some() || piece.tried.iter().any(differs)
}

/// The columns of the table.
struct Table {
    title: usize,
    /// First paint has columns of its own beside load.
    paint: bool,
}

impl Table {
    fn of(advice: &Advice, columns: usize) -> Self {
        let networks = advice.networks.len();
        let room = |cells: usize| columns.saturating_sub(4 + cells * CELL);
        let paint = room(networks * 2) >= TITLE;
        let title = room(if paint { networks * 2 } else { networks });
        let widest = advice.pieces.iter().map(|piece| width(&piece.variant.title)).max();
        Self { title: title.max(12).min(widest.unwrap_or(0).max(TITLE)), paint }
    }
}

struct View<'a> {
    advice: &'a Advice,
    options: &'a Options,
    table: Table,
}

impl View<'_> {
    /// How the visit goes as it is, and how much of that could be saved.
    fn verdict(&self) -> Vec<String> {
        let advice = self.advice;
        let times = |of: Moment| {
            let each = advice.networks.iter().filter_map(|network| {
                Some(format!("{} on {}", time(of(&network.times)?), clean(&network.net)))
            });
            each.collect::<Vec<_>>().join(", ")
        };
        let mut lines = vec![self.options.paint(Tone::Strong, &clean(&advice.document))];
        for (name, of) in MOMENTS {
            lines.extend(self.told(name, &times(of)));
        }
        lines.extend(self.told("best", &self.best()));
        lines
    }

    /// The answer in one sentence.
    fn best(&self) -> String {
        let advice = self.advice;
        let told = |tried: &[Tried]| {
            let each = |of: fn(&Tried) -> Option<Saving>| {
                let networks = advice.networks.iter().zip(tried);
                let each = networks.map(|(network, tried)| {
                    let saved = of(tried).map_or(0.0, |saving| saving.counted_ms());
                    format!("{} on {}", change(saved), clean(&network.net))
                });
                each.collect::<Vec<_>>().join(", ")
            };
            format!(
                "load {}; first paint {}",
                each(|tried| tried.load),
                each(|tried| tried.first_paint)
            )
        };
        let Some(all) = &advice.combination else {
            return "nothing that was tried helps".to_owned();
        };
        match all.steps.as_slice() {
            [] => String::new(),
            [one] => {
                let piece = advice.pieces.iter().find(|piece| piece.variant.name == one.name);
                let title = piece.map_or("", |piece| &piece.variant.title);
                format!("{}: {}", clean(title), told(&one.tried))
            }
            [.., last] => format!("{} changes together: {}", all.steps.len(), told(&last.tried)),
        }
    }

    fn head(&self) -> String {
        let mut line = format!("    {}", left("if you …", self.table.title));
        for network in &self.advice.networks {
            let name = clip(&clean(&network.net), CELL - 1);
            line.push_str(&right(&name, CELL));
            if self.table.paint {
                line.push_str(&right("paint", CELL));
            }
        }
        self.options.paint(Tone::Faint, line.trim_end())
    }

    fn piece(&self, number: usize, piece: &Piece) -> Vec<String> {
        let mark = match piece.variant.reach {
            Reach::Site => format!("{number:>3} "),
            Reach::Sacrifice | Reach::Surroundings | Reach::SecondVisit => "  – ".to_owned(),
        };
        let cells = match &piece.refused {
            Some(why) => format!("  not tried: {}", clean(why)),
            None => self.cells(&piece.tried),
        };
        let parts = wrap(&clean(&piece.variant.title), self.table.title);
        let last = parts.len().saturating_sub(1);
        let line = |(at, part): (usize, &String)| {
            let start = if at == 0 { mark.as_str() } else { "    " };
            if at == last {
                format!("{start}{}{cells}", left(part, self.table.title))
            } else {
                format!("{start}{part}")
            }
        };
        let mut lines: Vec<String> = parts.iter().enumerate().map(line).collect();
        lines.extend(self.beside(piece));
        lines
    }

    /// What is tried on a second visit, and how that goes as it is.
    fn second_visit(&self, pieces: &[&Piece]) -> Vec<String> {
        if pieces.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![self.options.paint(Tone::Faint, "    on a second visit, if you …")];
        lines.extend(pieces.iter().flat_map(|piece| self.piece(0, piece)));
        let times = |of: Moment| {
            let each = self.advice.networks.iter().filter_map(|network| {
                let second = network.second_visit.as_ref()?;
                Some(format!("{} on {}", time(of(second)?), clean(&network.net)))
            });
            each.collect::<Vec<_>>().join(", ")
        };
        let [load, paint] = MOMENTS.map(|(name, of)| format!("{name} {}", times(of)));
        lines.extend(self.told("second visit", &format!("{load}; {paint}")));
        lines
    }

    /// What is to be known of a change besides what it saves.
    fn beside(&self, piece: &Piece) -> Vec<String> {
        let mut notes = Vec::new();
        let failed: u32 = piece.tried.iter().map(|tried| tried.failed).sum();
        if failed > 0 {
            notes.push((Tone::Bad, format!("{failed} visits failed with it")));
        }
        let unknown = piece.tried.iter().map(|tried| tried.unknown).max().unwrap_or(0);
        if unknown > 0 {
            let text =
                format!("asks for {unknown} things that were not recorded: answered with 404");
            notes.push((Tone::Warn, text));
        }
        if self.options.detail == Detail::Verbose {
            notes.push((Tone::Faint, piece.variant.how.clone()));
            notes.extend(piece.variant.caution.map(|text| (Tone::Warn, format!("but {text}"))));
            let audit = piece.variant.lighthouse;
            notes.extend(audit.map(|audit| (Tone::Faint, format!("Lighthouse: {audit}"))));
            for (network, tried) in self.advice.networks.iter().zip(&piece.tried) {
                let text = format!(
                    "{}: load {}, first paint {}",
                    network.net,
                    interval(tried.load),
                    interval(tried.first_paint)
                );
                notes.push((Tone::Faint, text));
            }
        }
        let columns = self.options.columns().saturating_sub(6);
        let wrapped = |(tone, note): (Tone, String)| {
            let lines = wrap(&clean(&note), columns);
            lines.into_iter().map(move |line| format!("      {}", self.options.paint(tone, &line)))
        };
        notes.into_iter().flat_map(wrapped).collect()
    }

    fn cells(&self, tried: &[Tried]) -> String {
        let mut out = String::new();
        for tried in tried {
            out.push_str(&self.cell(tried.load));
            if self.table.paint {
                out.push_str(&self.cell(tried.first_paint));
            }
        }
        out
    }

    fn cell(&self, saving: Option<Saving>) -> String {
        let text = right(&signed(saving), CELL);
        let tone = match saving.map(|saving| saving.effect()) {
            Some(Effect::Saves) => Tone::Good,
            Some(Effect::Costs) => Tone::Bad,
            _ => Tone::Faint,
        };
        self.options.paint(tone, &text)
    }

    /// The best changes together, and what each of them added.
    fn together(&self) -> Vec<String> {
        let steps = self.advice.combination.iter().flat_map(|all| &all.steps);
        let number = |name: &str| {
            let place = self.advice.pieces.iter().position(|piece| piece.variant.name == name);
            place.map_or(0, |place| place + 1).to_string()
        };
        let numbers: Vec<String> = steps.clone().map(|step| number(&step.name)).collect();
        // The first alone stands in the table already.
        let added = steps.enumerate().skip(1);
        let line = |(at, step): (usize, &CombinationStep)| {
            let title = match at {
                1 => format!("{} together", numbers[..2].join(" + ")),
                _ => format!("… + {}", numbers[at]),
            };
            format!("    {}{}", left(&title, self.table.title), self.cells(&step.tried))
        };
        added.map(line).collect()
    }

    fn rest(&self) -> Vec<String> {
        let advice = self.advice;
        let mut lines = Vec::new();
        if !self.table.paint {
            let text =
                "times are of load; first paint stands beside it in a wider terminal, and with -v";
            lines.extend(self.told("", text));
        }
        let verbose = self.options.detail == Detail::Verbose;
        let same = advice.pieces.iter().filter(|piece| !makes_a_difference(piece) && !verbose);
        let same: Vec<String> = same.map(|piece| clean(&piece.variant.title)).collect();
        if !same.is_empty() {
            lines.extend(self.told("no effect", &same.join("; ")));
        }
        lines.extend(self.to_mind());
        let seeds = if advice.seeds == 1 { "seed" } else { "seeds" };
        let tried = format!(
            "{} visits, {} {seeds} on each network for each change; · is no difference, or one that some \
             seeds contradict",
            advice.visits, advice.seeds,
        );
        lines.extend(self.told("tried", &tried));
        if self.options.detail == Detail::Verbose {
            let told = |one: &Untried| self.told("untried", &format!("{}: {}", one.what, one.why));
            lines.extend(advice.untried.iter().flat_map(told));
        } else if !advice.untried.is_empty() {
            let what: Vec<&str> = advice.untried.iter().map(|one| one.what.as_str()).collect();
            lines.extend(self.told("untried", &format!("{} (-v says why)", what.join("; "))));
        }
        for substituted in &advice.substituted {
            lines.extend(self.told("substituted", substituted));
        }
        if let Some(run) = &self.options.saved {
            let text =
                format!("run {run}, all that is best together    roundtrip show {run} --html");
            lines.extend(self.told("saved", &text));
        }
        lines
    }

    /// What to mind of the changes that are best together.
    fn to_mind(&self) -> Vec<String> {
        if self.options.detail == Detail::Verbose {
            return Vec::new();
        }
        let best: Vec<&str> = self.advice.combined().collect();
        let pieces = (1..).zip(&self.advice.pieces);
        let minded = pieces.filter(|(_, piece)| best.contains(&piece.variant.name.as_str()));
        let told = minded.filter_map(|(number, piece)| {
            Some(self.told("mind", &format!("{number}: {}", piece.variant.caution?)))
        });
        told.flatten().collect()
    }

    /// A line with its label, and those that it takes besides.
    fn told(&self, label: &str, text: &str) -> Vec<String> {
        let parts = wrap(&clean(text), self.options.columns().saturating_sub(LABEL + 2));
        let line = |(at, part): (usize, &String)| {
            let label = left(if at == 0 { label } else { "" }, LABEL);
            format!("  {}{part}", self.options.paint(Tone::Faint, &label))
        };
        parts.iter().enumerate().map(line).collect()
    }
}

type Moment = fn(&Times) -> Option<Interval>;

/// The moments, as the verdict tells them.
const MOMENTS: [(&str, Moment); 2] =
    [("load", |times| times.load), ("first paint", |times| times.first_paint)];

/// A time with its range, where it has one: `3.42 s (3.31–3.58)`.
fn time(time: Interval) -> String {
    let seconds = time.median.as_secs_f64() >= 0.9995;
    let number = |time: Duration| {
        let time = time.as_secs_f64();
        if seconds { format!("{time:.2}") } else { format!("{:.0}", time * 1e3) }
    };
    let unit = if seconds { "s" } else { "ms" };
    let [low, median, high] = [time.low, time.median, time.high].map(number);
    if low == high {
        format!("{median} {unit}")
    } else {
        format!("{median} {unit} ({low}–{high})")
    }
}

/// A saving as the change of a time: less is written with a minus.
fn signed(saving: Option<Saving>) -> String {
    match saving {
        None => String::new(),
        Some(saving) if saving.effect() == Effect::Nothing => "·".to_owned(),
        Some(saving) => change(saving.median_ms),
    }
}

fn change(saved_ms: f64) -> String {
    let sign = if saved_ms > 0.0 { '−' } else { '+' };
    match saved_ms.abs() {
        // A tenth of a millisecond is all that can be seen.
        ..0.05 => "0 ms".to_owned(),
        ms @ ..9.95 => format!("{sign}{ms:.1} ms"),
        ms @ ..999.5 => format!("{sign}{ms:.0} ms"),
        ms => format!("{sign}{:.2} s", ms / 1e3),
    }
}

/// A saving with its interval.
fn interval(saving: Option<Saving>) -> String {
    saving.map_or_else(
        || "not known".to_owned(),
        |saving| {
            let [most, median, least] =
                [saving.high_ms, saving.median_ms, saving.low_ms].map(change);
            format!("{median} ({most} to {least})")
        },
    )
}
