//! The pages of an archive: which of them is imported, and the milestones of its load.

use std::collections::BTreeSet;
use std::path::Path;

use roundtrip_record::{Milestone, PageMilestone, Time, What};
use serde_json::Value;

use super::entry::Page;
use super::sketch::Sketch;
use crate::agenda::Agenda;
use crate::error::ImportError;
use crate::notes::Notes;
use crate::options::Options;

/// Chooses the page to import, and keeps its entries alone. Without a wish it is the first that has
/// entries. Returns the page's place in the archive; `None` where the archive has no pages.
pub(crate) fn choose(
    pages: &[Page],
    sketches: &mut Vec<Sketch>,
    options: &Options,
    path: &Path,
    notes: &mut Notes,
) -> Result<Option<usize>, ImportError> {
    let named: BTreeSet<String> =
        sketches.iter().filter_map(|sketch| sketch.page.clone()).collect();
    let has_entries = |page: &Page| page.id.as_ref().is_some_and(|id| named.contains(id));
    let chosen = match options.page.as_deref() {
        Some("all") => None,
        Some(wanted) => Some(find(pages, wanted).ok_or_else(|| ImportError::NoPage {
            path: path.to_owned(),
            wanted: wanted.to_owned(),
            found: pages.iter().enumerate().map(|(n, page)| described(n, page)).collect(),
        })?),
        None => pages.iter().position(has_entries).or((!pages.is_empty()).then_some(0)),
    };
    let Some(chosen) = chosen else { return Ok(None) };
    let only = pages.iter().filter(|page| has_entries(page)).count() <= 1;
    let id = &pages[chosen].id;
    let before = sketches.len();
    // Where there is one page only, entries that name none are its entries.
    sketches.retain(|sketch| sketch.page == *id || (only && options.page.is_none()));
    if sketches.len() < before {
        let left = before - sketches.len();
        notes.add_many(
            &format!(
                "entries of other pages were left out: the archive has {} (--page 1 to {}, or all)",
                pages.len(),
                pages.len()
            ),
            left as u64,
        );
    }
    Ok(Some(chosen))
}

/// The page with this id, or this number from 1.
fn find(pages: &[Page], wanted: &str) -> Option<usize> {
    let named = pages.iter().position(|page| page.id.as_deref() == Some(wanted));
    let number = || wanted.parse::<usize>().ok()?.checked_sub(1).filter(|n| *n < pages.len());
    named.or_else(number)
}

fn described(n: usize, page: &Page) -> String {
    let title = page.title.as_deref().unwrap_or_default();
    format!("{} ({} {title})", n + 1, page.id.as_deref().unwrap_or("without id"))
}

/// The names that writers have for milestones; the first that is there counts.
const MILESTONES: [(Milestone, &[&str]); 6] = [
    (Milestone::DomInteractive, &["_domInteractive", "_domInteractiveTime"]),
    (Milestone::DomContentLoadedEventEnd, &["onContentLoad"]),
    (Milestone::FirstPaint, &["_firstPaint", "_startRender"]),
    (Milestone::FirstContentfulPaint, &["_firstContentfulPaint"]),
    (Milestone::LargestContentfulPaint, &["_largestContentfulPaint"]),
    (Milestone::LoadEventEnd, &["onLoad"]),
];

/// Plans the milestones of a page that began at `started`, nanoseconds since 1970.
pub(crate) fn milestones(agenda: &mut Agenda, page: &Page, started: u64, epoch: u64) {
    let Some(timings) = &page.timings else { return };
    let at = |name: &&str| {
        let millis = match &timings[*name] {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.parse().ok()?,
            _ => return None,
        };
        // −1 is a milestone that was not reached; so is 0 in practice.
        (millis > 0.0 && millis < 86_400_000.0).then_some((millis * 1e6).round() as u64)
    };
    for (name, fields) in MILESTONES {
        if let Some(nanos) = fields.iter().find_map(at) {
            let at = Time::from_nanos((started - epoch).saturating_add(nanos));
            agenda.plan(at, None, What::Milestone(PageMilestone { name }));
        }
    }
}
