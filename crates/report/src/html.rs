//! The HTML report: one file without external resources, which any browser can read offline, with or
//! without scripts.

mod connections;
mod critical;
mod diff;
mod frames;
mod known;
mod names;
mod neighbours;
mod page;
mod resources;
mod waterfall;

pub use diff::comparison_html;
pub use page::page;

use std::path::PathBuf;

use data_encoding::BASE64;
use maud::{Markup, html as markup};
use roundtrip_record::{Bodies, Folder};

use crate::language::{Language, recorded, word};
use crate::model::{Model, as_millis};
use crate::slowest::Slowest;
use crate::text::{bytes, calendar, clean, count, duration, percent, rate};
use crate::verdict::{Success, Verdict};

/// What goes into a report besides the events.
#[derive(Clone, Debug)]
pub struct Attachments {
    /// The bodies of the record.
    pub bodies: Bodies,
    /// The path of the capture, if there is one.
    pub capture: Option<PathBuf>,
}

impl Attachments {
    /// No attachments.
    pub fn none() -> Self {
        Self { bodies: Bodies::none(), capture: None }
    }

    /// The attachments of a saved record.
    pub fn of(folder: &Folder) -> Self {
        Self { bodies: folder.bodies(), capture: folder.capture() }
    }
}

/// The largest file that is embedded, in bytes; larger ones are only named.
const LARGEST: u64 = 8 << 20;

/// The record as one HTML file.
pub fn html(model: &Model, attachments: &Attachments) -> String {
    model.language.speaking(|| page_of(model, attachments))
}

fn page_of(model: &Model, attachments: &Attachments) -> String {
    let verdict = Verdict::new(model);
    let title = format!("{} {} – roundtrip", verdict.result, verdict.subject);
    // Nothing but the one script of its own may be run.
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {}",
        resources::script_source()
    );
    let body = markup! {
        header { (answer(model, &verdict)) }
        main {
            (findings(model))
            (budget(model))
            (replay(model))
            (waterfall::section(model))
            (frames::section(model, &attachments.bodies))
            (critical::section(model))
            (resources::section(model))
            (names::section(model))
            (neighbours::section(model))
            (connections::section(model))
            (picture(model, attachments))
            (network(model))
            (known::section(model))
            (downloads(model, attachments))
        }
        footer { (colophon(model)) }
    };
    page::whole(model.language.tag(), &title, &policy, &body)
}

fn success(success: Success) -> &'static str {
    match success {
        Success::Good => "good",
        Success::Mixed => "mixed",
        Success::Bad => "bad",
    }
}

/// The verdict as a sentence, and where the time went.
fn answer(model: &Model, verdict: &Verdict) -> Markup {
    markup! {
        p.tool { "roundtrip" @if let Some(run) = &model.run { " · " (clean(&run.command)) " · " (calendar((run.wall / 1_000_000_000) as i64)) } }
        h1 {
            span class={ "result " (success(verdict.success)) } { (verdict.result) }
            " "
            span.subject { (verdict.subject) }
        }
        p.facts {
            @for (n, fact) in verdict.facts.iter().enumerate() {
                @if n > 0 { span.dot { "·" } }
                span { (fact.text) }
            }
        }
        @if let Some(slowest) = Slowest::of(model) {
            p.slowest {
                (say!("The slowest step was ")) b { (word(slowest.step.name())) }
                @if let Some(exchange) = slowest.exchange { (say!(" of ")) span.url { (clean(&exchange.url)) } }
                ": " b { (duration(slowest.took)) } ", " (say!("{} of the whole.", percent(slowest.took, slowest.of)))
            }
        }
    }
}

fn findings(model: &Model) -> Markup {
    markup! {
        @for finding in &model.findings {
            section class={ "finding " (if finding.fatal { "fatal" } else { "harm" }) } {
                h2 { span.step { (word(finding.step.name())) } " " (finding.headline) }
                @for line in &finding.evidence { p.seen { (line) } }
                @if let Some(meaning) = &finding.meaning { p.means { (meaning) } }
                @if !finding.next.is_empty() { p.next { (say!("Next: ")) code { (finding.next) } } }
                p.codes { "NEL " (finding.nel) " · " (say!("exit {}", finding.exit)) " · " (say!("at {}", duration(finding.at - roundtrip_record::Time::ZERO))) }
            }
        }
    }
}

/// The limits of a budget, those that are exceeded one by one.
fn budget(model: &Model) -> Markup {
    let Some(budget) = &model.budget else {
        return markup! {};
    };
    markup! {
        @for limit in budget.exceeded() {
            section.finding.fatal {
                h2 { span.step { (say!("budget")) } " " (clean(&crate::budget::limit(limit))) }
                @if let Some(mostly) = crate::budget::mostly(limit, model) { p.seen { (say!("mostly {}", mostly)) } }
            }
        }
        @for line in crate::budget::rest(budget) {
            section.finding.held { p { span.step { (say!("budget")) } " " (clean(&line)) } }
        }
    }
}

/// The original run and the replay, side by side.
fn replay(model: &Model) -> Markup {
    let Some(old) = &model.original else {
        return markup! {};
    };
    let longest = old.exchanges.iter().map(|exchange| exchange.took);
    let longest = longest.chain(model.exchanges.iter().map(|exchange| exchange.span.took())).max();
    let longest = longest.unwrap_or_default().as_secs_f64().max(1e-9);
    let share =
        |took: core::time::Duration| format!("width:{:.2}%", took.as_secs_f64() / longest * 100.0);
    let base = model.document().map(|document| document.url.as_str());
    markup! {
        section {
            h2 { (say!("Recorded, and on this network")) }
            div.compare {
                @for exchange in &model.exchanges {
                    @if let Some(before) = old.exchanges.iter().find(|before| before.url == exchange.url) {
                        div.pair {
                            span.label { (crate::names::short_url(&exchange.url, base)) }
                            span.bars {
                                span.before style=(share(before.took)) {}
                                span.after style=(share(exchange.span.took())) {}
                            }
                            span.number { (duration(before.took)) " → " b { (duration(exchange.span.took())) } }
                        }
                    }
                }
            }
            p.note {
                (say!("Upper bar: recorded. Lower bar: this network. The servers' think time is the recorded wait less one round trip, where nothing else was under way (inferred): {} in all.", duration(old.exchanges.iter().map(|exchange| exchange.think).sum())))
            }
            @if let Some(redacted) = crate::names::redacted(old) {
                p.note { (say!("Substituted: {}.", redacted)) }
            }
        }
    }
}

fn picture(model: &Model, attachments: &Attachments) -> Markup {
    let painted = model.painted.as_ref().map(|painted| &painted.what);
    if painted.is_none()
        && model.milestones.is_empty()
        && model.notes.is_empty()
        && model.not_fetched.is_empty()
    {
        return markup! {};
    }
    let total = model.total();
    markup! {
        section #page {
            h2 { (say!("The page")) }
            div.page {
                @if let Some(painted) = painted {
                    figure {
                        @match attachments.bodies.get(&painted.picture) {
                            Ok(png) if png.len() as u64 <= LARGEST && png.starts_with(b"\x89PNG") => {
                                div.frame { img alt=(say!("The page as painted: {}", clean(&painted.title))) width=(painted.width) height=(painted.height) src=(format!("data:image/png;base64,{}", BASE64.encode(&png))); }
                            }
                            Ok(png) => p.note { (say!("The picture ({}) is in the record's folder.", bytes(png.len() as u64))) }
                            Err(error) => p.note { (error.to_string()) }
                        }
                        figcaption { @if !painted.title.is_empty() { (clean(&painted.title)) " · " } (painted.width) " × " (painted.height) }
                    }
                }
                div {
                    @if !model.milestones.is_empty() {
                        table {
                            tbody {
                                @for reached in &model.milestones {
                                    tr { th { (clean(reached.what.name.as_str())) @if let Some(content) = crate::names::content_at(reached, model) { br; span.said { (content) } } } td.number { (format!("{:.1} ms", as_millis(reached.at - total.start))) } }
                                }
                            }
                        }
                    }
                    @for note in &model.notes { p.note { (recorded(&clean(note))) } }
                    @if !model.not_fetched.is_empty() {
                        details {
                            summary { (say!("{} seen and not fetched", count(model.not_fetched.len(), "resource"))) }
                            ul { @for found in &model.not_fetched { li { span.url { (clean(&found.url)) } " – " (recorded(&clean(found.not_fetched.as_deref().unwrap_or_default()))) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The lab's links, and what they did to frames.
fn network(model: &Model) -> Markup {
    if model.links.is_empty() {
        return markup! {};
    }
    let owner = |id| {
        model
            .hosts
            .values()
            .find(|host| host.interfaces.iter().any(|interface| interface.id == id))
            .map_or("?".into(), |host| clean(&host.name))
    };
    markup! {
        section #network {
            h2 { (say!("The network")) }
            div.scroll { table {
                thead { tr { th { (say!("link")) } th.number { (say!("rate")) } th.number { (say!("delay")) } th { (say!("queue")) } th.number { (say!("frames")) } th { (say!("what became of them")) } } }
                tbody {
                    @for link in &model.links {
                        @let counts = model.link_counts.iter().find(|counts| counts.link == link.id);
                        tr {
                            td { (owner(link.from)) " → " (owner(link.to)) }
                            td.number { (link.rate.map_or(say!("no limit").into(), rate)) }
                            td.number { (duration(link.delay)) }
                            td { (if link.queue.is_empty() { say!("none") } else { &link.queue }) }
                            td.number { @if let Some(counts) = counts { (counts.frames) } }
                            td { @if let Some(counts) = counts { (crate::names::link_did(counts)) } @if link.loss_ppm > 0 { (say!(" loss {} %", f64::from(link.loss_ppm) / 10_000.0)) } }
                        }
                    }
                }
            } }
        }
    }
}

fn downloads(model: &Model, attachments: &Attachments) -> Markup {
    let mut har = Limited::default();
    let english = model.in_english();
    let archive = crate::har::Archive::new(&english, &attachments.bodies);
    // Nothing else than a full memory could make this fail.
    let _ = Language::English.speaking(|| serde_json::to_writer(&mut har, &archive));
    let capture = attachments.capture.as_ref().and_then(|path| {
        let size = std::fs::metadata(path).ok()?.len();
        Some((size, (size <= LARGEST).then(|| std::fs::read(path).ok()).flatten()))
    });
    markup! {
        section #downloads {
            h2 { (say!("Take it with you")) }
            p.downloads {
                (download("visit.har", "application/json", har.size, Some(&har.begin), say!("opens in the network panel of any browser")))
                @if let Some((size, capture)) = &capture {
                    (download("trace.pcapng", "application/octet-stream", *size, capture.as_deref(), say!("opens in Wireshark")))
                }
            }
        }
    }
}

/// A file that is kept up to the size that is embedded, and counted beyond it.
#[derive(Default)]
struct Limited {
    begin: Vec<u8>,
    size: u64,
}

impl std::io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.size += bytes.len() as u64;
        if self.size <= LARGEST {
            self.begin.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn download(name: &str, media: &str, size: u64, bytes_of: Option<&[u8]>, note: &str) -> Markup {
    markup! {
        @match bytes_of.filter(|_| size <= LARGEST) {
            Some(content) => a.download download=(name) href=(format!("data:{media};base64,{}", BASE64.encode(content))) {
                b { (name) } " " span { (bytes(size)) ", " (note) }
            },
            None => span.download { b { (name) } " " span { (say!("{}, too large to be carried here: it is in the record's folder", bytes(size))) } },
        }
    }
}

fn colophon(model: &Model) -> Markup {
    markup! {
        @for note in &model.import_notes { p { (say!("Imported: {} ({})", clean(&note.note), note.count)) } }
        @if let Some(run) = &model.run {
            p { (clean(&run.tool)) " · " (say!("wire: {}{}", run.wire.name(), run.net.as_ref().map_or(String::new(), |net| format!(" ({})", clean(net))))) @if let Some(seed) = run.seed { " · " (say!("seed {}", seed)) } " · " (say!("exit {}", model.exit())) }
        }
        p { (say!("Computed from the record alone: {}, {}. Credentials are blanked unless the run was told to keep them.", count(model.events.len(), "event"), count(model.hosts.len(), "host"))) }
    }
}
