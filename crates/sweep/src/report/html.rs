//! A report as one HTML file, which needs nothing and runs nothing.

use maud::{Markup, html as markup};
use roundtrip_report::page;
use roundtrip_report::text::clean;

use super::gather::{FigureReport, Helped, NetworkReport, SweepReport};
use super::plot::distributions;
use super::spread::Percentile;
use super::words::{pairs, saved, summary, value, whom};

/// The report as one HTML file. `name` is what the results are called.
pub fn html(report: &SweepReport, name: &str) -> String {
    let body = markup! {
        header {
            p.tool { "roundtrip sweep · " (clean(name)) }
            h1 { (summary(report)) }
            p.facts { (report.inputs.iter().map(|input| clean(input)).collect::<Vec<_>>().join(", ")) }
        }
        main {
            @for figure in &report.figures {
                @if !figure.helped.is_empty() { (helped(figure)) }
                @for network in &figure.networks { (spread(figure, network)) }
            }
        }
        footer {
            p { "Percentiles are nearest ranks; their intervals hold with a probability of 95 %, whatever the distribution is." }
            p { "Savings are of pairs of visits that differ in nothing but the variant: the median, and from a tenth to nine tenths of the pairs." }
        }
    };
    page(&format!("{} – roundtrip sweep", clean(name)), &body)
}

fn spread(figure: &FigureReport, network: &NetworkReport) -> Markup {
    let unit = figure.figure.unit();
    let interval = |one: &Percentile| {
        let (low, high) = one.interval?;
        Some(format!("{} to {}", value(low, unit), value(high, unit)))
    };
    markup! {
        section {
            h2 { (figure.figure.name()) " on " (clean(&network.network)) }
            (distributions(&network.variants, unit))
            div.scroll { table {
                thead { tr {
                    th { "variant" } th.number { "visits" } th.number { "failed" }
                    @for percent in [50, 75, 90, 95, 99] { th.number { "p" (percent) } }
                } }
                tbody { @for one in &network.variants { tr {
                    td { (clean(&one.variant)) }
                    td.number { (one.visits) }
                    td.number { (one.failed) }
                    @for one in &one.percentiles {
                        td.number title=[interval(one)] {
                            (value(one.value, unit))
                            @if let Some(interval) = interval(one) { br; span.note { (interval) } }
                        }
                    }
                } } }
            } }
        }
    }
}

fn helped(figure: &FigureReport) -> Markup {
    markup! {
        section {
            h2 { "What helps whom: saved of " (figure.figure.name()) }
            div.scroll { table {
                thead { tr { th { "variant" } th { "network" } th.number { "saved" } th { "pairs" } th { "whom" } } }
                tbody { @for one in &figure.helped { (helped_row(one)) } }
            } }
        }
    }
}

fn helped_row(one: &Helped) -> Markup {
    markup! {
        tr {
            td { (clean(&one.variant)) @if one.base != "as-is" { span.note { " beside " (clean(&one.base)) } } }
            td { (clean(&one.network)) }
            td.number { (saved(&one.all)) }
            td { (pairs(&one.all)) }
            td { details {
                summary { (clean(&whom(one))) }
                @for (input, gain) in &one.inputs { p { (clean(input)) ": " (saved(gain)) ", " (pairs(gain)) } }
            } }
        }
    }
}
