//! The summary of five lines (`--short`): the verdict, the steps of the answer with their times and a
//! bar, and the slowest step or what went wrong.

use core::time::Duration;

use super::rows::{glyph, tone};
use super::view::View;
use crate::language::word;
use crate::model::{Leg, LegKind, Model, PhaseKind};
use crate::slowest::Slowest;
use crate::style::{Options, Tone};
use crate::text::{clean, clip, duration, left, percent, width};

/// The record in five lines.
pub fn short(model: &Model, options: &Options) -> String {
    model.language.speaking(|| summary(model, options))
}

fn summary(model: &Model, options: &Options) -> String {
    let mut view = View { model, options, lines: Vec::new() };
    view.verdict();
    view.lines.truncate(1);
    let steps = steps(model);
    if !steps.is_empty() {
        let columns: Vec<usize> = steps
            .iter()
            .map(|step| width(step.name).max(width(&duration(step.took))) + 2)
            .collect();
        let line = |text: &dyn Fn(&Step) -> String| {
            let cells = steps.iter().zip(&columns).map(|(step, room)| left(&text(step), *room));
            clip(&format!("  {}", cells.collect::<String>()), options.columns())
        };
        view.lines.push(options.paint(Tone::Faint, &line(&|step| step.name.to_owned())));
        view.lines.push(line(&|step| duration(step.took)));
        view.lines.push(bar(&steps, options));
    }
    match model.findings.iter().find(|finding| finding.fatal) {
        Some(fatal) => {
            let next = view.next(&fatal.next);
            if !next.is_empty() {
                view.lines.push(clip(&say!("  next  {}", next), options.columns()));
            }
        }
        None if exceeded(model).is_some() => {
            let text = say!("  budget  {}", exceeded(model).unwrap_or_default());
            view.lines.push(clip(&text, options.columns()));
        }
        None => {
            if let Some(slowest) = Slowest::of(model) {
                let text = say!(
                    "  slowest  {}, {} ({})",
                    slowest.name(model),
                    duration(slowest.took),
                    percent(slowest.took, slowest.of)
                );
                view.lines.push(clip(&text, options.columns()));
            }
        }
    }
    view.text()
}

/// The first limit of the budget that is exceeded, and how many more.
fn exceeded(model: &Model) -> Option<String> {
    let mut exceeded = model.budget.as_ref()?.exceeded();
    let first = clean(&crate::budget::limit(exceeded.next()?));
    Some(match exceeded.count() {
        0 => first,
        more => say!("{}, and {} more", first, more),
    })
}

/// A step and its time.
struct Step {
    name: &'static str,
    took: Duration,
    /// The phase whose look the bar has; `None` for the page.
    kind: Option<PhaseKind>,
}

/// The steps that took time, in their order: those of the answer and its redirects, what else was
/// fetched on the critical path, and the page.
fn steps(model: &Model) -> Vec<Step> {
    let chain = model.chain();
    let path = model.critical_to_end();
    let mut steps: Vec<Step> = PhaseKind::ALL
        .into_iter()
        .map(|kind| {
            let took = chain.iter().filter_map(|exchange| exchange.spent(kind)).sum();
            Step { name: word(kind.name()), took, kind: Some(kind) }
        })
        .collect();
    let of_chain = |id| chain.iter().any(|exchange| Some(exchange.id) == id);
    let others = path
        .legs
        .iter()
        .filter(|leg| matches!(leg.step, LegKind::Phase(_)) && !of_chain(leg.exchange));
    steps.push(Step {
        name: say!("resources"),
        took: others.map(Leg::took).sum(),
        kind: Some(PhaseKind::Body),
    });
    steps.push(Step { name: say!("page"), took: path.spent(LegKind::Page), kind: None });
    steps.retain(|step| !step.took.is_zero());
    steps
}

/// The steps as one bar, each in proportion; what took any time has a character at least.
fn bar(steps: &[Step], options: &Options) -> String {
    let room = options.columns() - 4;
    let total: Duration = steps.iter().map(|step| step.took).sum();
    let mut bar = String::from("  ");
    let (mut before, mut drawn) = (Duration::ZERO, 0);
    for step in steps {
        before += step.took;
        let end = (before.as_nanos() * room as u128 / total.as_nanos().max(1)) as usize;
        let cells = end.saturating_sub(drawn).max(1);
        drawn += cells;
        let (glyph, tone) = step.kind.map_or(("▚", Tone::Good), |kind| (glyph(kind), tone(kind)));
        bar.push_str(&options.paint(tone, &glyph.repeat(cells)));
    }
    bar
}
