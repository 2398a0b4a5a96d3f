//! What caused each entry: the user, a redirect, a document, a style sheet, a script.

use std::collections::{BTreeMap, BTreeSet};

use roundtrip_record::{Initiator, ResourceKind};
use serde_json::Value;

use super::entry::{Entry, Page, field, member};
use super::sketch::{Ground, Sketch};

/// A cause, as far as the archive alone tells: redirects name places and not yet exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The redirect of the entry with this index.
    Redirect(usize),
    /// Anything else, and what it was inferred from.
    Other(Initiator, Option<&'static str>),
}

/// What is known of all entries together.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// The entry that the user asked for.
    pub(crate) document: Option<usize>,
    /// The end of the chain of redirects that begins with it: the page itself.
    pub(crate) last: Option<usize>,
    /// The entry that redirected to each.
    redirects: BTreeMap<usize, usize>,
    /// Style sheets, by URL.
    sheets: BTreeSet<String>,
    document_url: String,
    /// Whether lines are counted from 0, as in Chrome's protocol.
    lines_from_zero: bool,
}

impl Causes {
    /// Relates entries that are in the order of their starts.
    pub(crate) fn of(sketches: &[Sketch], page: Option<&Page>, lines_from_zero: bool) -> Self {
        let redirects = redirects(sketches);
        let document = document(sketches, page, &redirects);
        let followed: BTreeMap<usize, usize> =
            redirects.iter().map(|(next, of)| (*of, *next)).collect();
        let chain = core::iter::successors(document, |of| followed.get(of).copied());
        let last = chain.last();
        let document_url = last.map(|last| sketches[last].url.clone()).unwrap_or_default();
        let sheets = sketches.iter().filter(|sketch| sketch.kind == ResourceKind::Style);
        let sheets = sheets.map(|sketch| sketch.url.clone()).collect();
        Self { document, last, redirects, sheets, document_url, lines_from_zero }
    }

    /// The cause of one entry.
    pub(crate) fn cause(&self, n: usize, entry: &Entry) -> Cause {
        if let Some(of) = self.redirects.get(&n) {
            return Cause::Redirect(*of);
        }
        if self.document == Some(n) {
            return Cause::Other(Initiator::User, None);
        }
        if let Some(initiator) = self.stated(entry) {
            return Cause::Other(initiator, None);
        }
        let referer = field(&entry.request.headers, "referer").filter(|url| !url.is_empty());
        if let Some(url) = referer {
            return Cause::Other(self.markup(url, 0), Some("the Referer field"));
        }
        if self.document.is_some() {
            let initiator = Initiator::Parser { url: self.document_url.clone(), line: 0 };
            return Cause::Other(initiator, Some("being on the page"));
        }
        Cause::Other(Initiator::User, Some("nothing: counted as the user's"))
    }

    /// The initiator as the archive states it.
    fn stated(&self, entry: &Entry) -> Option<Initiator> {
        let cause = &entry.cause;
        match cause.initiator.as_ref()? {
            Value::String(url) if !url.is_empty() => {
                let line = cause.initiator_line.map_or(0, |line| line.clamp(0.0, 4e9) as u32);
                Some(match cause.initiator_type.as_deref() {
                    Some("script") => Initiator::Script { url: url.clone(), line },
                    _ => self.markup(url, line),
                })
            }
            object @ Value::Object(_) => {
                let frame = frame(object, 0);
                let place = if member(object, "url").is_some() { Some(object) } else { frame };
                let url =
                    place.and_then(|place| member(place, "url")).filter(|url| !url.is_empty())?;
                let line = place.and_then(|place| place.get("lineNumber")).and_then(Value::as_u64);
                let line = line.map_or(0, |line| line as u32 + u32::from(self.lines_from_zero));
                Some(match member(object, "type") {
                    Some("script") => Initiator::Script { url: url.to_owned(), line },
                    _ => self.markup(url, line),
                })
            }
            _ => None,
        }
    }

    /// The markup of a document, or a style sheet.
    fn markup(&self, url: &str, line: u32) -> Initiator {
        let url = url.split('#').next().unwrap_or(url).to_owned();
        if self.sheets.contains(&url) {
            Initiator::Style { url }
        } else {
            Initiator::Parser { url, line }
        }
    }
}

/// The innermost frame of a script's stack, or of the stack of what called it later.
fn frame(initiator: &Value, depth: u32) -> Option<&Value> {
    const DEEPEST: u32 = 64;
    let stack = initiator.get("stack").or_else(|| initiator.get("parent"))?;
    let frames = stack.get("callFrames").and_then(Value::as_array);
    let with_url = |frame: &&Value| member(frame, "url").is_some_and(|url| !url.is_empty());
    frames
        .and_then(|frames| frames.iter().find(with_url))
        .or_else(|| if depth < DEEPEST { frame(stack, depth + 1) } else { None })
}

/// What the user asked for: the entry of the page's own URL, or else the first document, or else
/// the first entry that was answered. Redirects to it belong to it.
fn document(
    sketches: &[Sketch],
    page: Option<&Page>,
    redirects: &BTreeMap<usize, usize>,
) -> Option<usize> {
    let network = || {
        let own = |sketch: &Sketch| sketch.ground != Ground::Inside && !sketch.preflight;
        sketches.iter().enumerate().filter(move |(_, sketch)| own(sketch))
    };
    let urls = page.map(|page| [&page.url, &page.title]).into_iter().flatten().flatten();
    let urls: Vec<&str> = urls.map(|url| url.split('#').next().unwrap_or(url)).collect();
    let named = |sketch: &Sketch| {
        urls.iter().any(|url| *url == sketch.url || format!("{url}/") == sketch.url)
    };
    let of_kind = |sketch: &Sketch| sketch.kind == ResourceKind::Document;
    let first =
        |fits: &dyn Fn(&Sketch) -> bool| network().find(|(_, sketch)| fits(sketch)).map(|(n, _)| n);
    let mut found = first(&|sketch| named(sketch) && (of_kind(sketch) || sketch.status >= 300))
        .or_else(|| first(&|sketch| of_kind(sketch) && sketch.answered()))
        .or_else(|| first(&|sketch| sketch.answered()))
        .or_else(|| first(&|_| true))?;
    // A page named by where its redirects lead begins where they begin.
    while let Some(before) = redirects.get(&found).filter(|before| **before < found) {
        found = *before;
    }
    Some(found)
}

/// For each entry that follows a redirect, the entry that redirected to it.
fn redirects(sketches: &[Sketch]) -> BTreeMap<usize, usize> {
    // The entries that follow none yet, by URL.
    let mut by_url: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (n, sketch) in sketches.iter().enumerate() {
        if sketch.ground != Ground::Inside {
            by_url.entry(&sketch.url).or_default().insert(n);
        }
    }
    let mut followed = BTreeMap::new();
    for (of, sketch) in sketches.iter().enumerate() {
        let later = sketch.redirect.as_deref().and_then(|target| by_url.get_mut(target));
        let Some(later) = later else { continue };
        if let Some(next) = later.range(of + 1..).next().copied() {
            later.remove(&next);
            followed.insert(next, of);
        }
    }
    followed
}
