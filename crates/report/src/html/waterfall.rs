//! The waterfall of a report: a bar for each exchange and each of its steps, which opens to show
//! details.

use core::time::Duration;

use maud::{Markup, html as markup};
use roundtrip_record::{Blocks, EventId, Field, Initiator, Milestone, Time, What};

use crate::language::word;
use crate::model::{Exchange, Leg, LegKind, Model, Phase, PhaseKind, Span, as_millis};
use crate::names::{cached, initiator, kind, short_url};
use crate::sentence::sentence;
use crate::text::{bytes, clean, clip_middle, duration, millis};

/// The most characters of a label.
const LABEL: usize = 30;
/// The most rows that are drawn; for the others there is the HAR.
const MOST_ROWS: usize = 300;

struct Scale {
    whole: Span,
    tick: Duration,
}

impl Scale {
    fn new(whole: Span) -> Self {
        Self { whole, tick: crate::text::tick(whole.took(), 8) }
    }

    fn percent(&self, at: Time) -> f64 {
        let whole = as_millis(self.whole.took()).max(1e-6);
        (as_millis(at - self.whole.start) / whole * 100.0).clamp(0.0, 100.0)
    }

    /// The left edge and the width of a span.
    fn place(&self, span: Span) -> String {
        let left = self.percent(span.start);
        format!("left:{left:.3}%;width:{:.3}%", self.percent(span.end) - left)
    }
}

pub(super) fn section(model: &Model) -> Markup {
    if model.exchanges.is_empty() {
        return markup! {};
    }
    // Leaves room for figures on the right.
    let total = model.total();
    let whole = Span::new(total.start, total.end + total.took() / 12);
    let scale = Scale::new(whole);
    let chain = model.chain();
    let resources = model.resources();
    let shown = resources.len().min(MOST_ROWS);
    let tick = as_millis(scale.tick) / as_millis(whole.took()).max(1e-6) * 100.0;
    markup! {
        section #waterfall {
            h2 { (say!("Where the time went")) }
            div.fall style=(format!("--tick:{tick:.4}%")) {
                (axis(&scale))
                @for exchange in &chain {
                    (row(model, &scale, exchange))
                    @for phase in steps(exchange) { (inner(model, &scale, exchange, phase)) }
                }
                @for exchange in resources.iter().take(shown) { (row(model, &scale, exchange)) }
                @if shown < resources.len() { p.note { (say!("{} more are in the HAR.", resources.len() - shown)) } }
                (page(model, &scale))
            }
            (legend())
        }
    }
}

fn axis(scale: &Scale) -> Markup {
    let ticks = (0..40u32).map(|n| scale.tick * n).take_while(|at| *at <= scale.whole.took());
    markup! {
        div.axis {
            span { (say!("step")) } span.number { "ms" }
            div.track {
                @if !scale.tick.is_zero() {
                    @for at in ticks { span style=(format!("left:{:.3}%", scale.percent(scale.whole.start + at))) { (crate::text::axis(at)) } }
                }
            }
        }
    }
}

/// The phases that get a row of their own.
fn steps(exchange: &Exchange) -> impl Iterator<Item = &Phase> {
    let whole = exchange.span.took();
    let fills = |kind| matches!(kind, PhaseKind::Blocked | PhaseKind::Here);
    exchange.phases.iter().filter(move |phase| !fills(phase.kind) || phase.took() * 200 >= whole)
}

fn class(kind: PhaseKind) -> String {
    format!("k-{}", kind.name())
}

fn row(model: &Model, scale: &Scale, exchange: &Exchange) -> Markup {
    let base = model.document().map(|document| document.url.as_str());
    let failed = exchange.failed();
    let status = exchange
        .status()
        .map_or_else(|| crate::names::unanswered(exchange, model), |status| status.to_string());
    let answered_and_retried = exchange.retried && exchange.status().is_some();
    let again = if answered_and_retried { say!(", retried") } else { "" };
    let encoded = || exchange.response.as_ref().map(|body| bytes(body.what.body.encoded));
    let size = crate::names::cached_size(exchange).or_else(encoded);
    let size = size.map_or(String::new(), |size| format!(" · {size}"));
    let blocks = match exchange.blocks {
        Blocks::Render => say!(" · blocks render"),
        Blocks::Parser => say!(" · blocks parser"),
        Blocks::Nothing => "",
    };
    let (start, end) = (scale.percent(exchange.span.start), scale.percent(exchange.span.end));
    let caption = format!("{status}{again}{size}{blocks}");
    let label = if Some(exchange.url.as_str()) == base {
        clean(&exchange.url)
    } else {
        short_url(&exchange.url, base)
    };
    // The end of a URL says more than its middle.
    let label = clip_middle(&label, LABEL);
    markup! {
        details.row {
            summary title=(clean(&exchange.url)) {
                span class=(if failed { "label failed" } else { "label" }) { (label) }
                span.number { (millis(exchange.span.took())) }
                div.track {
                    @for phase in &exchange.phases {
                        @if !phase.took().is_zero() { i class=(class(phase.kind)) style=(scale.place(phase.span)) title=(format!("{} {}", word(phase.kind.name()), duration(phase.took()))) {} }
                    }
                    // Where there is more room; what does not fit there is cut.
                    @if 100.0 - end >= start { span.cap style=(format!("left:{end:.3}%")) { (caption) } }
                    @else { span.cap.before style=(format!("width:{start:.3}%")) { (caption) } }
                }
            }
            (opened(model, exchange))
        }
    }
}

fn inner(model: &Model, scale: &Scale, exchange: &Exchange, phase: &Phase) -> Markup {
    markup! {
        details.row.inner {
            summary {
                span.label { (word(phase.kind.name())) }
                span.number { (millis(phase.took())) }
                div.track { i class=(class(phase.kind)) style=(scale.place(phase.span)) {} }
            }
            div.open { div {
                h3 { (say!("Why it ended when it did")) }
                (causes(model, phase.event.or(Some(exchange.event))))
            } }
        }
    }
}

fn opened(model: &Model, exchange: &Exchange) -> Markup {
    let last = exchange.response.as_ref().map(|response| response.event);
    let last = last.or(exchange.heads.last().map(|head| head.event)).unwrap_or(exchange.event);
    markup! {
        div.open {
            div {
                h3 { (say!("Chain of causes")) }
                (causes(model, Some(last)))
                p.note { (word(kind(exchange.kind))) " · " (initiator(&exchange.initiator)) (say!(" · connection ")) @match exchange.connection { Some(id) => (id), None => (say!("none")) } @if exchange.reused() > 0 { (say!(", used ")) (exchange.reused()) (say!(" times before")) } }
                table { tbody {
                    @for phase in &exchange.phases { tr { th { (word(phase.kind.name())) } td.number { (millis(phase.took())) " ms" } } }
                    @if let Some(head) = exchange.head() { @for metric in &head.what.server_timing { tr {
                        th { (say!("server: ")) (clean(&metric.name)) @if let Some(description) = &metric.description { " (" (clean(description)) ")" } }
                        td.number { @if let Some(took) = metric.duration { (millis(took)) " ms" } }
                    } } }
                } }
            }
            @if let Some(request) = &exchange.request { div {
                h3 { (say!("Request as sent")) }
                pre.fields { b { (clean(&request.what.method)) " " (clean(&request.what.target)) " " (clean(request.what.version.as_str())) } "\n" (fields(&request.what.fields)) }
            } }
            @for head in &exchange.heads { div {
                h3 { (say!("Response as received")) }
                pre.fields { b { (clean(head.what.version.as_str())) " " (head.what.status) " " (clean(&head.what.reason)) } "\n" (fields(&head.what.fields)) }
            } }
            @if let Some(kept) = &exchange.cached { div {
                h3 { (say!("Response from the cache")) }
                p.note { (cached(&kept.what)) }
                pre.fields { b { (clean(kept.what.version.as_str())) " " (kept.what.status) " " (clean(&kept.what.reason)) } "\n" (fields(&kept.what.fields)) }
            } }
        }
    }
}

fn fields(fields: &[Field]) -> Markup {
    markup! { @for Field(name, value) in fields { (clean(name)) ": " (clean(value)) "\n" } }
}

/// The longest chain of causes that is shown.
const LONGEST_CHAIN: usize = 16;

fn causes(model: &Model, event: Option<EventId>) -> Markup {
    let chain = event.map(|event| model.causes(event)).unwrap_or_default();
    let start = model.total().start;
    let begun = chain.last().is_some_and(|last| match &last.what {
        What::RunStarted(_) => true,
        What::ExchangeStarted(started) => started.initiator == Initiator::User,
        _ => false,
    });
    markup! {
        ol.causes {
            @for event in chain.iter().take(LONGEST_CHAIN) {
                li { span.when { (format!("{:.3} ms ", as_millis(event.at - start))) } (clean(model.host_name(event.host))) ": " (sentence(event, model)) }
            }
            @if chain.len() > LONGEST_CHAIN { li.said { (say!("and {} more, back to the beginning", chain.len() - LONGEST_CHAIN)) } }
            @else if !begun { li.said { (say!("what caused this is not known")) } }
        }
    }
}

fn page(model: &Model, scale: &Scale) -> Markup {
    let wanted = [
        Milestone::DomInteractive,
        Milestone::FirstPaint,
        Milestone::FirstContentfulPaint,
        Milestone::LargestContentfulPaint,
        Milestone::LoadEventEnd,
    ];
    // Work on the page is a bar, as the steps of exchanges are.
    let path = model.critical_to_end();
    let legs = || path.legs.iter().filter(|leg| leg.step == LegKind::Page);
    let took: Duration = legs().map(Leg::took).sum();
    let reached = wanted.iter().filter_map(|name| Some((name.as_str(), model.milestone(name)?)));
    markup! {
        @if !took.is_zero() {
            div.goal.work {
                span.label { (say!("page: parsing, layout, painting")) } span.number { (millis(took)) }
                div.track { @for leg in legs() { i.k-page style=(scale.place(leg.span)) title=(duration(leg.took())) {} } }
            }
        }
        @for (name, at) in reached {
            div.goal {
                span.label { (name) } span.number { (millis(at - scale.whole.start)) }
                div.track { span.mark style=(format!("left:{:.3}%", scale.percent(at))) {} }
            }
        }
    }
}

fn legend() -> Markup {
    markup! {
        p.legend {
            @for kind in PhaseKind::ALL { span { i class=(class(kind)) {} (word(kind.name())) } }
            span { (say!("Open a bar for its chain of causes and the fields as sent.")) }
        }
    }
}
