//! The page of a comparison: one file that needs nothing and runs nothing.

use core::time::Duration;

use maud::{Markup, html as markup};
use roundtrip_story::{
    CriticalPath, Leg, LegKind, MomentDiff, NameDiff, Pair, PhaseKind, ServerDiff, Shift, Single,
};

use super::page::page;
use crate::comparison::{
    Comparison, change, circumstances, condition, difference, headline, name, reasons, server,
    shift, side, significance, unit_value,
};
use crate::text::{bytes, clean, clip_middle, count, duration};

/// The most characters of a URL.
const LABEL: usize = 60;

/// A comparison as one HTML file.
pub fn comparison_html(comparison: &Comparison) -> String {
    let diff = &comparison.diff;
    let title = headline(diff, &diff.load);
    let body = markup! {
        header { (answer(comparison)) }
        main {
            (conditions(comparison))
            @if !diff.nothing_changed() {
                (moment(comparison, &diff.load))
                @if let Some(paint) = &diff.first_paint { (moment(comparison, paint)) }
                (exchanges(comparison))
                (servers(comparison))
            }
            (metrics(comparison))
        }
        footer {
            p { "A: " (clean(&comparison.names.a)) " · " (side(&diff.sides.a)) }
            p { "B: " (clean(&comparison.names.b)) " · " (side(&diff.sides.b)) }
            p { "Computed from the records alone. Of several runs a side, the one whose load is the median is compared in detail." }
        }
    };
    page(&format!("{title} – roundtrip diff"), &body)
}

/// The verdict as a sentence, and what has to be known before times are compared.
fn answer(comparison: &Comparison) -> Markup {
    let diff = &comparison.diff;
    let load = &diff.load;
    let class = match load.difference {
        _ if comparison.exit() != 0 => "bad",
        by if by.is_zero() || load.significance.is_within() => "good",
        by if by.is_longer() => "mixed",
        _ => "good",
    };
    markup! {
        p.tool { "roundtrip diff · " (clean(&comparison.names.a)) " → " (clean(&comparison.names.b)) }
        h1 { span class={ "result " (class) } { (headline(diff, load)) } }
        p.facts {
            span { (diff.unchanged()) " of " (count(diff.pairs.len() + diff.added.len(), "request")) " unchanged" }
            @if !diff.added.is_empty() { span.dot { "·" } span { (diff.added.len()) " added" } }
            @if !diff.removed.is_empty() { span.dot { "·" } span { (diff.removed.len()) " removed" } }
        }
        @for (label, text) in circumstances(comparison) { p.slowest { b { (label) } " " (text) } }
    }
}

fn conditions(comparison: &Comparison) -> Markup {
    markup! {
        @for one in &comparison.conditions {
            @let class = if one.fails() { "finding fatal" } else { "finding held" };
            section class=(class) {
                h2 { span.step { (if one.fails() { "✗" } else { "✓" }) } " " (clean(&one.condition)) }
                p.seen { (condition(one)) }
            }
        }
    }
}

/// Both critical paths as bars of one scale, and what explains their difference.
fn moment(comparison: &Comparison, moment: &MomentDiff) -> Markup {
    let reasons = reasons(comparison, moment);
    let longest = reasons.iter().map(|one| one.difference.size()).max().unwrap_or_default();
    let whole = moment.shown.a.max(moment.shown.b);
    let title = if moment.name == "first-paint" { "first paint" } else { moment.name };
    markup! {
        section id=(moment.name) {
            h2 { "What the " (title) " waited for" }
            p { (duration(moment.took.a)) " → " b { (duration(moment.took.b)) } " (" (shift(moment.difference)) "), " (significance(&moment.significance)) }
            div.paths {
                (path("A", &moment.paths.a, whole, &|id| comparison.of_a(id)))
                (path("B", &moment.paths.b, whole, &|id| comparison.of_b(id)))
            }
            (legend())
            @if !reasons.is_empty() {
                h3 { "Why" }
                div.reasons {
                    @for one in &reasons {
                        div.reason {
                            span.number { (shift(one.difference)) }
                            span.sway { (sway(one.difference, longest)) }
                            span { @if !one.subject.is_empty() { span.url { (one.subject) } " " } (one.text) }
                        }
                    }
                }
            }
        }
    }
}

/// A critical path as a bar: each leg in proportion.
fn path(
    label: &str,
    path: &CriticalPath,
    whole: Duration,
    name: &dyn Fn(roundtrip_record::ExchangeId) -> String,
) -> Markup {
    let share = |took: Duration| took.as_secs_f64() / whole.as_secs_f64().max(1e-9) * 100.0;
    let title = |leg: &Leg| {
        let of = leg.exchange.map_or(String::new(), |id| format!(" of {}", name(id)));
        format!("{}{of}, {}", leg.step.name(), duration(leg.took()))
    };
    markup! {
        div.path {
            b { (label) }
            div.track {
                @for leg in &path.legs {
                    i class=(format!("k-{}", leg.step.name()))
                        style=(format!("left:{:.3}%;width:{:.3}%", share(leg.span.start - path.span.start), share(leg.took())))
                        title=(title(leg)) {}
                }
            }
            span.number { (duration(path.span.took())) }
        }
    }
}

fn legend() -> Markup {
    let page = [LegKind::Page.name()];
    let kinds = PhaseKind::ALL.iter().map(|kind| kind.name()).chain(page);
    markup! {
        p.legend { @for kind in kinds { span { i class=(format!("k-{kind}")) {} (kind) } } }
    }
}

/// A bar to the right for more time, to the left for less.
fn sway(by: Shift, longest: Duration) -> Markup {
    let half = by.size().as_secs_f64() / longest.as_secs_f64().max(1e-9) * 50.0;
    let (class, left) = if by.is_longer() { ("more", 50.0) } else { ("less", 50.0 - half) };
    markup! { i class=(class) style=(format!("left:{left:.2}%;width:{half:.2}%")) {} }
}

fn exchanges(comparison: &Comparison) -> Markup {
    let diff = &comparison.diff;
    let changed: Vec<&Pair> = diff.pairs.iter().filter(|pair| !pair.changes.is_empty()).collect();
    if changed.is_empty() && diff.added.is_empty() && diff.removed.is_empty() {
        return markup! {};
    }
    markup! {
        section #requests {
            h2 { "Requests" }
            div.scroll { table {
                thead { tr { th { "" } th { "URL" } th { "what changed" } th.number { "took A" } th.number { "took B" } } }
                tbody {
                    @for one in &diff.added { (single(comparison, "added", one, true)) }
                    @for one in &diff.removed { (single(comparison, "removed", one, false)) }
                    @for pair in changed {
                        tr {
                            td { "changed" }
                            td.url title=(clean(&pair.url)) { (clip_middle(&comparison.short_on_page(&pair.url), LABEL)) }
                            td { (changes(comparison, pair)) }
                            td.number { (duration(pair.took.a)) }
                            td.number { (duration(pair.took.b)) }
                        }
                    }
                }
            } }
        }
    }
}

fn changes(comparison: &Comparison, pair: &Pair) -> String {
    let said = pair.changes.iter().map(|one| change(one, comparison.page()));
    said.collect::<Vec<_>>().join(", ")
}

fn single(comparison: &Comparison, what: &str, one: &Single, on_b: bool) -> Markup {
    let status = one.status.map_or("no answer".to_owned(), |status| status.to_string());
    let took = |wanted: bool| if on_b == wanted { duration(one.took) } else { String::new() };
    markup! {
        tr {
            td { (what) }
            td.url title=(clean(&one.url)) { (clip_middle(&comparison.short_on_page(&one.url), LABEL)) }
            td { (status) ", " (bytes(one.received)) }
            td.number { (took(false)) }
            td.number { (took(true)) }
        }
    }
}

fn servers(comparison: &Comparison) -> Markup {
    let diff = &comparison.diff;
    let servers: Vec<&ServerDiff> = diff.servers.iter().filter(|one| one.has_changed()).collect();
    let names: Vec<&NameDiff> = diff.names.iter().filter(|one| one.has_changed()).collect();
    if servers.is_empty() && names.is_empty() {
        return markup! {};
    }
    markup! {
        section #servers {
            h2 { "Servers and names" }
            table { tbody {
                @for one in servers { tr { th.url { (clean(&one.origin)) } td { (server(one)) } } }
                @for one in names { tr { th.url { (clean(one.name.trim_end_matches('.'))) } td { (name(one)) } } }
            } }
        }
    }
}

fn metrics(comparison: &Comparison) -> Markup {
    markup! {
        section #metrics {
            h2 { "All figures" }
            div.scroll { table {
                thead { tr { th { "metric" } th.number { "A" } th.number { "B" } th { "difference" } } }
                tbody {
                    @for metric in &comparison.diff.metrics {
                        tr title=(metric.definition) {
                            td { (metric.name) }
                            td.number { (unit_value(metric.value.a, metric.unit)) }
                            td.number { (unit_value(metric.value.b, metric.unit)) }
                            td { (difference(metric)) }
                        }
                    }
                }
            } }
        }
    }
}
