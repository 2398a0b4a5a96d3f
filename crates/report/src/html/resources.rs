//! What was fetched: bytes and requests by type and by host, and all requests in a table. The table
//! is filtered without a script, and sorted by one.

use core::time::Duration;
use std::collections::BTreeMap;

use data_encoding::BASE64;
use maud::{Markup, PreEscaped, html as markup};
use roundtrip_record::ResourceKind;
use roundtrip_story::WrittenOrigin;
use sha2::{Digest as _, Sha256};

use crate::language::word;
use crate::model::{Exchange, Model, as_millis};
use crate::names::{kind, short_url, unanswered};
use crate::text::{bytes, clean, clip_middle, count, millis};

/// The script that sorts the table; the only one that a report runs.
const SORT: &str = include_str!("sort.js");
/// The most characters of a URL in the table.
const LABEL: usize = 60;
/// The most requests in the table; for the others there is the HAR.
const MOST_ROWS: usize = 2_000;
/// The most hosts that are told apart.
const MOST_HOSTS: usize = 12;

/// The source expression by which a Content Security Policy allows this report's own script and no
/// other (CSP Level 3, §6.7.3.3).
pub(super) fn script_source() -> String {
    format!("'sha256-{}'", BASE64.encode(&Sha256::digest(SORT)))
}

/// A group of requests.
#[derive(Default)]
struct Share {
    requests: usize,
    bytes: u64,
    took: Duration,
}

impl Share {
    fn add(&mut self, exchange: &Exchange) {
        self.requests += 1;
        self.bytes += exchange.received();
        self.took += exchange.span.took();
    }
}

pub(super) fn section(model: &Model) -> Markup {
    let all = model.seen();
    if all.len() < 2 {
        return markup! {};
    }
    let mut types: BTreeMap<ResourceKind, Share> = BTreeMap::new();
    let mut hosts: BTreeMap<String, Share> = BTreeMap::new();
    for exchange in all {
        types.entry(exchange.kind).or_default().add(exchange);
        hosts.entry(host(exchange)).or_default().add(exchange);
    }
    let kinds: Vec<ResourceKind> = types.keys().copied().collect();
    let types =
        types.into_iter().map(|(name, share)| (word(kind(name)).to_owned(), share)).collect();
    markup! {
        section #resources {
            h2 { (say!("What was fetched")) }
            div.shares {
                (shares(say!("By type"), types))
                (shares(say!("By host"), hosts.into_iter().collect()))
            }
            @if kinds.len() > 1 { (filters(&kinds)) }
            (table(model))
            script { (PreEscaped(SORT)) }
        }
    }
}

fn host(exchange: &Exchange) -> String {
    let origin = WrittenOrigin::of(&exchange.url);
    clean(origin.scheme.map_or(&exchange.url, |_| origin.host))
}

/// Groups of requests as bars, the largest first.
fn shares(title: &str, mut shares: Vec<(String, Share)>) -> Markup {
    shares.sort_by(|(a, one), (b, other)| other.bytes.cmp(&one.bytes).then_with(|| a.cmp(b)));
    let total: u64 = shares.iter().map(|(_, share)| share.bytes).sum();
    let percent = |share: &Share| share.bytes as f64 / total.max(1) as f64 * 100.0;
    let rest = shares.split_off(shares.len().min(MOST_HOSTS));
    let others = rest.iter().fold(Share::default(), |all, (_, share)| Share {
        requests: all.requests + share.requests,
        bytes: all.bytes + share.bytes,
        took: all.took + share.took,
    });
    if !rest.is_empty() {
        shares.push((say!("{} others", rest.len()), others));
    }
    markup! {
        div {
            h3 { (title) }
            @for (name, share) in &shares {
                div.share {
                    span.label title=(name) { (name) }
                    span.bars { span style=(format!("width:{:.2}%", percent(share))) {} }
                    span.number title=(say!("{} ms of requests, which overlap", millis(share.took))) { (bytes(share.bytes)) " · " (count(share.requests, "request")) }
                }
            }
        }
    }
}

/// One choice of a type at a time. The sheet hides the rows of the other types.
fn filters(kinds: &[ResourceKind]) -> Markup {
    markup! {
        input #only-all type="radio" name="only" checked;
        label for="only-all" { (say!("all")) }
        @for one in kinds {
            input id=(format!("only-{}", kind(*one))) type="radio" name="only";
            label for=(format!("only-{}", kind(*one))) { (word(kind(*one))) }
        }
    }
}

fn table(model: &Model) -> Markup {
    let base = model.document().map(|document| document.url.as_str());
    let start = model.total().start;
    let all = model.seen();
    markup! {
        div.scroll { table.sortable {
            thead { tr { th { "URL" } th { (say!("type")) } th { (say!("host")) } th.number { (say!("status")) } th.number { (say!("size")) } th.number { (say!("begins, ms")) } th.number { (say!("took, ms")) } } }
            tbody {
                @for exchange in all.iter().take(MOST_ROWS) {
                    @let begins = exchange.span.start - start;
                    tr class=(format!("of-{}", kind(exchange.kind))) {
                        td.url title=(clean(&exchange.url)) { (clip_middle(&short_url(&exchange.url, base), LABEL)) }
                        td { (word(kind(exchange.kind))) }
                        td { (host(exchange)) }
                        td.number data-v=(exchange.status().unwrap_or(0)) { @match exchange.status() { Some(status) => (status), None => (unanswered(exchange, model)) } }
                        td.number data-v=(exchange.received()) { (bytes(exchange.received())) }
                        td.number data-v=(as_millis(begins)) { (millis(begins)) }
                        td.number data-v=(as_millis(exchange.span.took())) { (millis(exchange.span.took())) }
                    }
                }
            }
        } }
        @if all.len() > MOST_ROWS { p.note { (say!("{} more are in the HAR.", all.len() - MOST_ROWS)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each type that can be chosen must have its rule in the sheet.
    #[test]
    fn the_sheet_has_a_rule_for_each_type() {
        let all = [
            ResourceKind::Document,
            ResourceKind::Style,
            ResourceKind::Script,
            ResourceKind::Image,
            ResourceKind::Font,
            ResourceKind::Icon,
            ResourceKind::Media,
            ResourceKind::Frame,
            ResourceKind::Manifest,
            ResourceKind::Other,
        ];
        for one in all.map(kind) {
            let rule = format!("#only-{one}:checked ~ .scroll tbody tr:not(.of-{one})");
            assert!(super::super::page::SHEET.contains(&rule), "{rule}");
        }
    }

    #[test]
    fn the_script_cannot_end_early() {
        assert!(!SORT.contains("</") && !SORT.contains("<!"));
    }
}
