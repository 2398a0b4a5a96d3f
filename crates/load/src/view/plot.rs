//! Draws a load: SVG, which needs nothing and runs nothing.

use core::time::Duration;

use maud::{Markup, html as markup};
use roundtrip_report::text::{duration, grouped};

use crate::histogram::Times;
use crate::seconds::Second;

/// The picture, in its own units.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 240.0;
/// What is left of the curves, and what is below them.
const LEFT: f64 = 64.0;
const BELOW: f64 = 26.0;
const ABOVE: f64 = 8.0;

/// A curve: its name, its colour, and its value in each second.
type Curve<'a> = (&'static str, &'static str, Box<dyn Fn(&Second) -> f64 + 'a>);

/// Latency over time: the median, the 99th percentile and the longest of each second.
pub(crate) fn latency(seconds: &[Second]) -> Markup {
    let ms = |time: Duration| time.as_nanos() as f64 / 1e6;
    let curves: [Curve<'_>; 3] = [
        ("max", "var(--wait)", Box::new(move |one| ms(one.latency.max()))),
        ("p99", "var(--connect)", Box::new(move |one| ms(one.latency.quantile(0.99)))),
        ("p50", "var(--body)", Box::new(move |one| ms(one.latency.quantile(0.5)))),
    ];
    let label = |value: f64| duration(Duration::from_nanos((value * 1e6) as u64));
    over_time(seconds, &curves, &label)
}

/// What was due, answered and failed in each second.
pub(crate) fn rates(seconds: &[Second]) -> Markup {
    let curves: [Curve<'_>; 3] = [
        ("due", "var(--wait)", Box::new(|one| one.due as f64)),
        ("answered", "var(--body)", Box::new(|one| one.answered as f64)),
        ("failed", "var(--bad)", Box::new(|one| one.failed as f64)),
    ];
    over_time(seconds, &curves, &|value| grouped(value.round() as u64))
}

fn over_time(seconds: &[Second], curves: &[Curve<'_>], label: &dyn Fn(f64) -> String) -> Markup {
    let values = |curve: &Curve<'_>| seconds.iter().map(|one| curve.2(one)).collect::<Vec<_>>();
    let all: Vec<Vec<f64>> = curves.iter().map(values).collect();
    let top = all.iter().flatten().fold(0.0_f64, |most, value| most.max(*value));
    if seconds.is_empty() || top <= 0.0 {
        return markup! { p.note { "nothing was answered" } };
    }
    let last = (seconds.len().max(2) - 1) as f64;
    let x = |at: f64| LEFT + at / last * (WIDTH - LEFT - 8.0);
    let y = |value: f64| ABOVE + (1.0 - value / top) * (HEIGHT - BELOW - ABOVE);
    let ticks = (0..=5).map(|tick| (last * f64::from(tick) / 5.0).round());
    markup! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" style="width:100%;overflow:visible" {
            @for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line x1=(LEFT) x2=(WIDTH - 8.0) y1=(place(y(top * part))) y2=(place(y(top * part))) stroke="var(--grid)" {}
                text x=(LEFT - 6.0) y=(place(y(top * part) + 4.0)) text-anchor="end" font-size="11" fill="var(--soft)" {
                    (label(top * part))
                }
            }
            @for at in ticks {
                text x=(place(x(at))) y=(HEIGHT - 8.0) text-anchor="middle" font-size="11" fill="var(--soft)" {
                    (format!("{at:.0} s"))
                }
            }
            @for (curve, values) in curves.iter().zip(&all) {
                polyline points=(points(values, x, y)) fill="none" stroke=(curve.1) stroke-width="1.8" { title { (curve.0) } }
            }
        }
        p.note {
            @for curve in curves { span style=(format!("color:{};margin-right:1em", curve.1)) { "— " (curve.0) } }
        }
    }
}

/// How latencies are spread, on a scale of equal factors; `marks` are names and values to be marked.
pub(crate) fn histogram(times: &Times, marks: &[(&str, Duration)]) -> Markup {
    let steps = times.steps();
    let top = steps.iter().map(|(_, count)| *count).max().unwrap_or(0) as f64;
    if top <= 0.0 {
        return markup! { p.note { "nothing was answered" } };
    }
    let wide = (WIDTH - LEFT - 20.0) / steps.len() as f64;
    let x = |at: Duration| LEFT + position(&steps, at) * wide;
    // Of a few that are very many more than the others, the root shows both.
    let tall = |count: u64| (count as f64 / top).sqrt() * (HEIGHT - BELOW - ABOVE - 14.0);
    let ticks = (0..=4).map(|part| steps[(steps.len() - 1) * part / 4].0);
    // A name that would stand on the one before is left out; its line is there.
    let mut named = f64::MIN;
    let marks: Vec<(&str, f64)> = marks
        .iter()
        .map(|(name, at)| {
            let at = x(*at);
            let has_room = at - named >= 34.0;
            if has_room {
                named = at;
            }
            (if has_room { *name } else { "" }, at)
        })
        .collect();
    markup! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" style="width:100%;overflow:visible" {
            @for (number, (at, count)) in steps.iter().enumerate() {
                rect x=(place(LEFT + number as f64 * wide)) y=(place(HEIGHT - BELOW - tall(*count))) width=(place((wide - 1.0).max(0.5)))
                    height=(place(tall(*count))) fill="var(--body)" { title { "up to " (duration(*at)) ": " (grouped(*count)) } }
            }
            @for (name, at) in marks {
                line x1=(place(at)) x2=(place(at)) y1=(ABOVE + 12.0) y2=(HEIGHT - BELOW) stroke="var(--connect)" {}
                text x=(place(at)) y=(ABOVE + 9.0) text-anchor="middle" font-size="11" fill="var(--soft)" { (name) }
            }
            line x1=(LEFT) x2=(WIDTH - 8.0) y1=(HEIGHT - BELOW) y2=(HEIGHT - BELOW) stroke="var(--line)" {}
            @for at in ticks {
                text x=(place(x(at))) y=(HEIGHT - 8.0) text-anchor="middle" font-size="11" fill="var(--soft)" { (duration(at)) }
            }
        }
        p.note { "Each step is a tenth wider than the one before, and heights go by the root of counts: both show what is rare." }
    }
}

/// Where a time lies among the steps: 1.5 is in the middle of the second.
fn position(steps: &[(Duration, u64)], at: Duration) -> f64 {
    let number = steps.partition_point(|(end, _)| *end < at).min(steps.len() - 1);
    let begin = number.checked_sub(1).map_or(Duration::ZERO, |before| steps[before].0);
    let whole = steps[number].0.saturating_sub(begin).as_nanos().max(1) as f64;
    let part = at.saturating_sub(begin).as_nanos() as f64 / whole;
    number as f64 + if number == 0 { 0.5 } else { part.min(1.0) }
}

fn points(values: &[f64], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let each = values.iter().enumerate();
    let each = each.map(|(at, value)| format!("{},{}", place(x(at as f64)), place(y(*value))));
    each.collect::<Vec<_>>().join(" ")
}

fn place(value: f64) -> String {
    format!("{value:.1}")
}
