//! The report as one HTML file, which needs nothing and runs nothing.

use maud::{Markup, html as markup};
use roundtrip_report::page;
use roundtrip_report::text::{bytes, clean, duration, grouped};

use super::plot;
use super::words::{PERCENTILES, generator, millis, notes, rows, shape, verdict};
use crate::condition::Judged;
use crate::failures::FailureKind;
use crate::measured::Measured;

/// What a load came to as one HTML file.
pub fn html(measured: &Measured, judged: &[Judged]) -> String {
    let (tally, subject) = (&measured.tally, clean(&measured.plan.subject()));
    let marks = PERCENTILES.map(|(name, share)| (name, tally.latency.quantile(share)));
    let body = markup! {
        header {
            p.tool { "roundtrip load · " (subject) }
            h1 { (verdict(measured)) }
            p.facts { (shape(measured)) }
            @if let Some(told) = generator(measured) { p.facts { (told) } }
        }
        main {
            (conditions(judged))
            section { h2 { "Times" } (table(measured)) }
            @for note in notes(measured) { section.finding { p { (note) } } }
            @if !tally.failures.kinds().is_empty() { (failures(tally.failures.kinds())) }
            section { h2 { "Latency over time" } (plot::latency(tally.series.seconds())) }
            section { h2 { "Requests a second" } (plot::rates(tally.series.seconds())) }
            section { h2 { "How latencies are spread" } (plot::histogram(&tally.latency, &marks)) }
            section { h2 { "Answers" } (answers(measured)) }
        }
        footer {
            p { "Latency counts from when a request should have been sent, whether or not the server was ready for it; service \
                 time from when it was sent." }
        }
    };
    page(&format!("{subject} – roundtrip load"), &body)
}

fn table(measured: &Measured) -> Markup {
    markup! {
        div.scroll { table {
            thead { tr {
                th { "milliseconds" }
                @for (name, _) in PERCENTILES { th.number { (name) } }
                th.number { "max" } th.number { "mean" } th.number { "count" } th {}
            } }
            tbody { @for (name, times, what) in rows(measured) { tr {
                td { (name) }
                @for (_, share) in PERCENTILES { td.number { (millis(times.quantile(share))) } }
                td.number { (millis(times.max())) }
                td.number { (millis(times.mean())) }
                td.number { (grouped(times.count())) }
                td.note { (what) }
            } } }
        } }
    }
}

fn conditions(judged: &[Judged]) -> Markup {
    markup! {
        @if !judged.is_empty() { section {
            h2 { "Conditions" }
            table { tbody { @for one in judged { tr {
                td { span class=(if one.holds { "result bad" } else { "result good" }) { (if one.holds { "fails" } else { "holds" }) } }
                td { "not " (clean(&one.condition)) }
                td.number { (one.measured) }
            } } } }
        } }
    }
}

fn failures(kinds: &[FailureKind]) -> Markup {
    markup! {
        section {
            h2 { "What went wrong" }
            @for kind in kinds {
                @let finding = kind.finding();
                h3 { (grouped(kind.count)) " × " (clean(&finding.headline)) }
                p { span.step { (finding.step.name()) } " first at " (duration(kind.first)) ", last at " (duration(kind.last)) ": "
                    span.url { (clean(&kind.url)) } }
                @for line in &finding.evidence { p.note { (line) } }
                @if let Some(meaning) = &finding.meaning { p { (meaning) } }
                p.note { "next: " (finding.next) }
            }
        }
    }
}

fn answers(measured: &Measured) -> Markup {
    let tally = &measured.tally;
    markup! {
        table { tbody {
            @for (status, count) in &tally.statuses { tr { td { "status " (status) } td.number { (grouped(*count)) } } }
            tr { td { "bytes of bodies" } td.number { (bytes(tally.bytes)) } }
            @if tally.unsent > 0 { tr { td { "due, not sent" } td.number { (grouped(tally.unsent)) } } }
            @if tally.resent > 0 { tr { td { "sent once more" } td.number { (grouped(tally.resent)) } } }
        } }
    }
}
