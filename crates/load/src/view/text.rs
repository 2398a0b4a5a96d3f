//! The terminal's view.

use roundtrip_report::text::{bytes, clean, clip, count, grouped, left, right, wrap};
use roundtrip_report::{Detail, Options, Tone};

use super::words::{PERCENTILES, generator, millis, notes, rows, shape, verdict};
use crate::condition::Judged;
use crate::failures::FailureKind;
use crate::limit::{Limit, Tried};
use crate::measured::Measured;

/// The columns of a figure.
const FIGURE: usize = 8;
/// The columns of a row's name.
const NAME: usize = 10;

/// What a load came to, for the terminal; `judged` are the conditions that it was held against.
pub fn text(measured: &Measured, judged: &[Judged], options: &Options) -> String {
    let mut lines = vec![first_line(measured, options)];
    if options.detail != Detail::Answer {
        lines.push(
            options.paint(Tone::Faint, &clip(&clean(&measured.plan.subject()), options.columns())),
        );
        lines.push(options.paint(Tone::Faint, &clip(&shape(measured), options.columns())));
        lines.push(String::new());
        lines.extend(table(measured, options));
        lines.push(String::new());
        lines.push(labelled("answers", &answers(measured)));
        for kind in measured.tally.failures.kinds() {
            lines.extend(failure(kind, options));
        }
    }
    for note in notes(measured) {
        lines.extend(told("note", &note, options, Tone::Warn));
    }
    for one in judged {
        let tone = if one.holds { Tone::Bad } else { Tone::Good };
        let mark = if one.holds { "✗ fails" } else { "✓ holds" };
        let line = format!("  {mark}  not {}: {}", clean(&one.condition), one.measured);
        lines.push(options.paint(tone, &line));
    }
    options.glyphs(&(lines.join("\n") + "\n"))
}

fn first_line(measured: &Measured, options: &Options) -> String {
    let verdict = options.paint(Tone::Strong, &verdict(measured));
    match generator(measured) {
        Some(told) => format!("{verdict}   {told}"),
        None => verdict,
    }
}

fn table(measured: &Measured, options: &Options) -> Vec<String> {
    let mut head = format!("  {}", left("", NAME));
    let wide = options.columns() >= 2 + NAME + 7 * FIGURE + 3;
    let shown = PERCENTILES.iter().filter(|(name, _)| wide || *name != "p99.99");
    let shown: Vec<_> = shown.collect();
    for (name, _) in &shown {
        head.push_str(&right(name, FIGURE));
    }
    head.push_str(&right("max", FIGURE));
    head.push_str(" ms");
    let mut lines = vec![options.paint(Tone::Faint, &head)];
    for (name, times, what) in rows(measured) {
        let mut line = format!("  {}", left(name, NAME));
        for (_, share) in &shown {
            line.push_str(&right(&millis(times.quantile(*share)), FIGURE));
        }
        line.push_str(&right(&millis(times.max()), FIGURE));
        let room = options.columns().saturating_sub(2 + NAME + (shown.len() + 1) * FIGURE + 6);
        if what.chars().count() <= room {
            line.push_str("      ");
            line.push_str(&options.paint(Tone::Faint, what));
        }
        lines.push(line);
    }
    lines
}

fn answers(measured: &Measured) -> String {
    let tally = &measured.tally;
    let statuses = tally.statuses.iter().map(|(status, n)| format!("{status} × {}", grouped(*n)));
    let statuses = statuses.collect::<Vec<_>>();
    let statuses = if statuses.is_empty() { "none".into() } else { statuses.join(", ") };
    format!("{statuses}; {} of bodies", bytes(tally.bytes))
}

fn labelled(label: &str, text: &str) -> String {
    format!("  {}{text}", left(label, NAME))
}

fn told(label: &str, text: &str, options: &Options, tone: Tone) -> Vec<String> {
    let room = options.columns().saturating_sub(2 + NAME);
    let lines = wrap(text, room).into_iter().enumerate();
    let label = |number| if number == 0 { label } else { "" };
    lines.map(|(number, line)| options.paint(tone, &labelled(label(number), &line))).collect()
}

fn failure(kind: &FailureKind, options: &Options) -> Vec<String> {
    let finding = kind.finding();
    let head = format!(
        "✗ {} × {}  {}",
        grouped(kind.count),
        finding.step.name(),
        clean(&finding.headline)
    );
    let mut lines = vec![options.paint(Tone::Bad, &clip(&head, options.columns()))];
    let first = format!("first at {} s, {}", seconds(kind.first), clean(&kind.url));
    let first =
        if kind.count > 1 { format!("{first}; last at {} s", seconds(kind.last)) } else { first };
    lines.push(labelled("", &clip(&first, options.columns().saturating_sub(2 + NAME))));
    if options.detail == Detail::Verbose {
        for line in &finding.evidence {
            lines.extend(told("", line, options, Tone::Faint));
        }
    }
    if let Some(meaning) = &finding.meaning {
        lines.extend(told("", meaning, options, Tone::Faint));
    }
    lines.extend(told("", &format!("next: {}", finding.next), options, Tone::Faint));
    lines
}

fn seconds(time: core::time::Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// What a search for a limit came to, for the terminal.
pub fn limit_text(limit: &Limit, options: &Options) -> String {
    let mut lines = vec![options.paint(Tone::Strong, &limit_verdict(limit))];
    if let Some(why) = &limit.generator {
        lines.extend(told("note", why, options, Tone::Warn));
    }
    if options.detail != Detail::Answer {
        lines.push(String::new());
        let columns = ["rate/s", "held/s", "p50", "p99", "max ms", "late ms"];
        let head: String = columns.iter().map(|name| right(name, 10)).collect();
        lines.push(options.paint(Tone::Faint, &head));
        lines.extend(limit.tried.iter().map(|tried| tried_line(tried, options)));
    }
    options.glyphs(&(lines.join("\n") + "\n"))
}

fn limit_verdict(limit: &Limit) -> String {
    let tries = count(limit.tried.len(), "try");
    let goal = limit.tried.first().map_or("", |tried| tried.goal.condition.as_str());
    let ended = if limit.interrupted { "; interrupted" } else { "" };
    match (limit.held, limit.not_held) {
        (Some(held), Some(missed)) => {
            format!("{held}/s hold {goal}, {missed}/s do not ({tries}{ended})")
        }
        (Some(held), None) => format!("{held}/s hold {goal}; more was not tried ({tries}{ended})"),
        (None, Some(missed)) => {
            format!(
                "no rate holds {goal}: {missed}/s is the lowest that was tried ({tries}{ended})"
            )
        }
        (None, None) => format!("nothing was measured{ended}"),
    }
}

fn tried_line(tried: &Tried, options: &Options) -> String {
    let (measured, tally) = (&tried.measured, &tried.measured.tally);
    let figures = [
        tried.rate.to_string(),
        super::words::per_second(measured.held()),
        millis(tally.latency.quantile(0.5)),
        millis(tally.latency.quantile(0.99)),
        millis(tally.latency.max()),
        millis(tally.late.max()),
    ];
    let line: String = figures.iter().map(|figure| right(figure, 10)).collect();
    let (tone, told) = match &tried.missed {
        None => (Tone::Good, "held".to_owned()),
        Some(why) => (Tone::Bad, why.clone()),
    };
    let room = options.columns().saturating_sub(62);
    format!("{line}  {}", options.paint(tone, &clip(&clean(&told), room.max(10))))
}
