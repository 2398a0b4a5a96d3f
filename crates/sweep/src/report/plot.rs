//! Draws distribution functions: SVG, which needs nothing and runs nothing.

use maud::{Markup, html as markup};
use roundtrip_report::text::clean;
use roundtrip_story::Unit;

use super::spread::Distribution;
use super::words::value;

/// The picture, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
/// What is left of the curves, and what is below them.
const LEFT: f64 = 44.0;
const BELOW: f64 = 28.0;
const ABOVE: f64 = 8.0;
/// The most curves in one picture: more cannot be told apart.
const MOST: usize = 8;
/// How many ticks the axis of values has.
const TICKS: usize = 6;

/// The share of visits (upwards) that took no longer than a time (to the right), one curve a variant: those
/// of the first, and of the others those whose medians differ most from it.
pub(crate) fn distributions(variants: &[Distribution], unit: Unit) -> Markup {
    let shown = shown(variants);
    let most = shown.iter().filter_map(|one| one.quantiles.last()).fold(0.0_f64, |a, b| a.max(*b));
    if most <= 0.0 {
        return markup! {};
    }
    // The slowest hundredth would take most of the room.
    let slow = shown.iter().filter_map(|one| one.quantiles.get(99)).fold(0.0_f64, |a, b| a.max(*b));
    let end = (slow * 1.05).min(most).max(f64::MIN_POSITIVE);
    let step = step(end / TICKS as f64);
    let ticks = (0..=TICKS * 3).map(|tick| tick as f64 * step).take_while(|at| *at <= end);
    let x = |at: f64| LEFT + (at / end).min(1.0) * (WIDTH - LEFT - 8.0);
    let y = |part: f64| ABOVE + (1.0 - part) * (HEIGHT - BELOW - ABOVE);
    markup! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" style="width:100%;max-width:900px" {
            @for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line x1=(LEFT) x2=(WIDTH - 8.0) y1=(place(y(part))) y2=(place(y(part))) stroke="var(--line)" {}
                text x=(LEFT - 6.0) y=(place(y(part) + 4.0)) text-anchor="end" font-size="11" fill="var(--soft)" { (format!("{:.0} %", part * 100.0)) }
            }
            @for at in ticks {
                line x1=(place(x(at))) x2=(place(x(at))) y1=(ABOVE) y2=(HEIGHT - BELOW) stroke="var(--grid)" {}
                text x=(place(x(at))) y=(HEIGHT - 10.0) text-anchor="middle" font-size="11" fill="var(--soft)" { (value(at, unit)) }
            }
            @for (number, one) in shown.iter().enumerate() {
                polyline points=(points(one, x, y)) fill="none" stroke=(colour(number)) stroke-width="1.8" {
                    title { (clean(&one.variant)) }
                }
            }
        }
        p.note {
            @for (number, one) in shown.iter().enumerate() {
                span style=(format!("color:{};margin-right:1em", colour(number))) { "— " (clean(&one.variant)) }
            }
            @if variants.len() > shown.len() { span { "and " (variants.len() - shown.len()) " more in the table" } }
        }
    }
}

fn shown(variants: &[Distribution]) -> Vec<&Distribution> {
    let median = |one: &Distribution| one.quantiles.get(50).copied().unwrap_or(0.0);
    let Some((first, others)) = variants.split_first() else { return Vec::new() };
    let mut others: Vec<&Distribution> =
        others.iter().filter(|one| !one.quantiles.is_empty()).collect();
    others.sort_by(|one, other| {
        let far = |of: &Distribution| (median(of) - median(first)).abs();
        far(other).total_cmp(&far(one))
    });
    [first].into_iter().chain(others.into_iter().take(MOST - 1)).collect()
}

/// A step of the axis: 1, 2 or 5 times a power of ten.
fn step(least: f64) -> f64 {
    let mut power = 1e-3;
    loop {
        for times in [1.0, 2.0, 5.0] {
            if power * times >= least {
                return power * times;
            }
        }
        power *= 10.0;
    }
}

fn points(one: &Distribution, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut points = String::new();
    for (percent, at) in one.quantiles.iter().enumerate() {
        points.push_str(&format!("{},{} ", place(x(*at)), place(y(percent as f64 / 100.0))));
    }
    points
}

fn place(at: f64) -> String {
    format!("{at:.1}")
}

fn colour(number: usize) -> String {
    // Neighbours lie far apart on the circle of colours.
    format!("hsl({} 62% 48%)", (212 + number * 137) % 360)
}
