//! A report as text.

use roundtrip_report::text::clean;

use super::gather::{FigureReport, SweepReport};
use super::spread::{Distribution, Percentile};
use super::words::{pairs, saved, summary, value, whom};

/// The narrowest column of names.
const NAMES: usize = 16;

/// The report as text, for a terminal.
pub fn text(report: &SweepReport) -> String {
    let mut out = summary(report);
    out.push('\n');
    for figure in &report.figures {
        spread(&mut out, figure);
        helped(&mut out, figure);
    }
    out
}

fn spread(out: &mut String, figure: &FigureReport) {
    let names = figure.networks.iter().flat_map(|network| {
        let variants = network.variants.iter().map(|one| one.variant.chars().count() + 2);
        variants.chain([network.network.chars().count()])
    });
    let wide = names.max().unwrap_or(0).max(NAMES).max(figure.figure.name().len());
    out.push_str(&format!(
        "\n{:wide$}  {:>8} {:>9} {:23} {:>9} {:>9} {:>9} {:>9}\n",
        figure.figure.name(),
        "visits",
        "p50",
        "(95 %)",
        "p75",
        "p90",
        "p95",
        "p99"
    ));
    for network in &figure.networks {
        out.push_str(&clean(&network.network));
        out.push('\n');
        for one in &network.variants {
            row(out, figure, one, wide);
        }
    }
}

fn row(out: &mut String, figure: &FigureReport, spread: &Distribution, wide: usize) {
    let unit = figure.figure.unit();
    let told = |percent| {
        spread
            .percentile(percent)
            .map_or_else(|| "–".into(), |one: &Percentile| value(one.value, unit))
    };
    let interval = spread.percentile(50).and_then(|one| one.interval).map_or_else(
        || "(too few to tell)".into(),
        |(low, high)| format!("({} to {})", value(low, unit), value(high, unit)),
    );
    let name = format!("  {}", clean(&spread.variant));
    out.push_str(&format!(
        "{name:wide$}  {:>8} {:>9} {interval:23} {:>9} {:>9} {:>9} {:>9}",
        spread.visits,
        told(50),
        told(75),
        told(90),
        told(95),
        told(99)
    ));
    if spread.failed > 0 {
        out.push_str(&format!("  {} failed", spread.failed));
    }
    out.push('\n');
}

fn helped(out: &mut String, figure: &FigureReport) {
    if figure.helped.is_empty() {
        return;
    }
    out.push_str(&format!(
        "\nWhat helps whom: saved of {} (median; from a tenth to nine tenths of the pairs)\n",
        figure.figure.name()
    ));
    let mut before = "";
    for one in &figure.helped {
        if one.variant != before {
            out.push_str(&format!("{} (beside {})\n", clean(&one.variant), clean(&one.base)));
            before = &one.variant;
        }
        out.push_str(&format!(
            "  {:14} {:36} {}; {}\n",
            clean(&one.network),
            saved(&one.all),
            pairs(&one.all),
            clean(&whom(one))
        ));
    }
}
