//! Advice about what the document says and how.

use std::collections::BTreeSet;

use roundtrip_record::{Blocks, Initiator, Priority, ResourceKind};
use roundtrip_visit::answers::Answer;
use url::Url;

use crate::change::{AnswerChange, Change};
use crate::css;
use crate::document::{from_page, sheets_of_some_media};
use crate::hint::Hint;
use crate::proposals::{Proposals, Untried};
use crate::seen::{Resource, Seen};
use crate::variant::Variant;
use crate::words::{kilobytes, list, several};

/// The most bytes of style sheets that are put into a document.
const INLINE: usize = 64 << 10;
/// Pictures that a browser is likely to show at once: those that Chromium raises, too.
const SEEN_AT_ONCE: usize = 5;
/// The most resources that are preloaded: more would delay what the page begins with.
const PRELOADS: usize = 4;

pub(crate) fn defer(seen: &Seen<'_>, proposals: &mut Proposals) {
    let mut scripts = seen.named(ResourceKind::Script);
    scripts.retain(|one| one.exchange.blocks == Blocks::Parser);
    if scripts.is_empty() {
        return;
    }
    let names: Vec<String> = scripts.iter().map(Resource::name).collect();
    let changes = scripts.iter().map(|one| Change::Attribute(one.url.clone(), "defer", ""));
    proposals.variants.push(
        Variant::new("defer", format!("deferred {}", several(&names, "script")))
            .how(format!("defer on {}", list(&names)))
            .caution("not for scripts that write into the document or that inline ones need")
            .lighthouse("render-blocking-insight")
            .excluding("merged-scripts")
            .with(changes),
    );
}

/// The style sheets that the document names and the first paint waits for, as text.
fn sheets<'a>(seen: &Seen<'a>) -> Vec<(Resource<'a>, &'a str)> {
    let mut sheets = seen.named(ResourceKind::Style);
    sheets.retain(|one| one.exchange.blocks == Blocks::Render && one.is_recorded());
    let text = |one: Resource<'a>| {
        let answer: &'a Answer = one.answer;
        let css = core::str::from_utf8(answer.content()).ok()?;
        Some((one, css))
    };
    sheets.into_iter().filter_map(text).collect()
}

pub(crate) fn inline(seen: &Seen<'_>, proposals: &mut Proposals) {
    let sheets = sheets(seen);
    let bytes: usize = sheets.iter().map(|(_, css)| css.len()).sum();
    // The end of the element cannot stand in it.
    let fits = |css: &str| !css.to_ascii_lowercase().contains("</style");
    if sheets.is_empty() || bytes > INLINE || !sheets.iter().all(|(_, css)| fits(css)) {
        return;
    }
    if forbids_inline_styles(seen) {
        proposals.untried.push(Untried::new(
            "style sheets in the document",
            "its Content-Security-Policy has browsers refuse them",
        ));
        return;
    }
    let names: Vec<String> = sheets.iter().map(|(one, _)| one.name()).collect();
    let changes = sheets.iter().map(|(one, css)| {
        let written = |url: &Url| Some(from_page(url, seen.page));
        Change::Inline(one.url.clone(), css::rewritten(css, &one.url, written))
    });
    let title = format!("inlined {} ({})", several(&names, "style sheet"), kilobytes(bytes));
    proposals.variants.push(
        Variant::new("inline", title)
            .how(format!("<style> in place of {}", list(&names)))
            .caution("they are sent with every page, and not cached apart from it")
            .lighthouse("render-blocking-insight")
            .excluding("sheets")
            .with(changes),
    );
}

/// Whether the document's policy has browsers refuse `<style>` (CSP 3 §8.3).
fn forbids_inline_styles(seen: &Seen<'_>) -> bool {
    let answer = seen.origin().and_then(|origin| seen.answer(&origin, seen.page));
    let policy = answer.and_then(|answer| answer.fields.text("Content-Security-Policy"));
    let policy = policy.unwrap_or("").to_ascii_lowercase();
    let directive = |name: &str| {
        policy.split(';').map(str::trim).find(|one| one.split(' ').next() == Some(name))
    };
    let governs =
        directive("style-src-elem").or(directive("style-src")).or(directive("default-src"));
    governs.is_some_and(|sources| !sources.contains("'unsafe-inline'"))
}

pub(crate) fn merge(seen: &Seen<'_>, proposals: &mut Proposals) {
    let own = seen.origin();
    let mut sheets = sheets(seen);
    let apart = of_some_media(seen);
    sheets.retain(|(one, css)| {
        let is_own = Some(&one.origin) == own.as_ref();
        is_own && !css.contains("@import") && !apart.contains(&one.url)
    });
    if let [(first, _), _, ..] = sheets.as_slice() {
        let parts = sheets
            .iter()
            .map(|(one, css)| css::rewritten(css, &one.url, |url| Some(from_page(url, seen.page))));
        let whole = parts.collect::<Vec<_>>().join("\n");
        let resources: Vec<&Resource<'_>> = sheets.iter().map(|(one, _)| one).collect();
        let variant = merged("sheets", "style sheet", first, &resources, whole, "text/css");
        let caution =
            "rules of other sheets between them come later then, and win where they did not";
        proposals.variants.push(variant.caution(caution).excluding("sheets"));
    }
    let mut scripts = seen.named(ResourceKind::Script);
    scripts.retain(|one| {
        let is_own = Some(&one.origin) == own.as_ref();
        is_own && one.exchange.blocks == Blocks::Parser && one.is_recorded()
    });
    // Where the last of them stands everything is there that each needs.
    if let [_, .., last] = scripts.as_slice() {
        let parts = scripts.iter().map(|one| String::from_utf8_lossy(one.answer.content()));
        let whole = parts.collect::<Vec<_>>().join("\n;\n");
        let resources: Vec<&Resource<'_>> = scripts.iter().collect();
        let variant = merged("scripts", "script", last, &resources, whole, "text/javascript");
        let caution = "scripts between them and in other places must not depend on their order";
        let work = Change::Merged(last.url.clone(), scripts.len() as u32);
        proposals.variants.push(variant.caution(caution).excluding("merged-scripts").with([work]));
    }
}

/// Style sheets that are for some media only, and so are not merged with others.
fn of_some_media(seen: &Seen<'_>) -> BTreeSet<Url> {
    let answer = seen.origin().and_then(|origin| seen.answer(&origin, seen.page));
    let Some(answer) = answer else { return BTreeSet::new() };
    let media_type = answer.fields.text("Content-Type");
    // What cannot be read cannot be changed either, which is said when it is tried.
    sheets_of_some_media(answer.content(), media_type, seen.page).unwrap_or_default()
}

/// Several files made one: it has all their content, the others are not named any more.
fn merged(
    name: &str,
    noun: &str,
    one: &Resource<'_>,
    all: &[&Resource<'_>],
    whole: String,
    media: &'static str,
) -> Variant {
    let names: Vec<String> = all.iter().map(|one| one.name()).collect();
    let content = AnswerChange::Content { content: whole.into(), media };
    let others = all.iter().filter(|other| other.url != one.url);
    Variant::new(format!("merge-{name}"), format!("merged {} into one", several(&names, noun)))
        .how(format!("{} together in {}", list(&names), one.name()))
        .with([Change::Answer(one.url.clone(), content)])
        .with(others.map(|other| Change::Instead(other.url.clone(), one.url.clone())))
}

pub(crate) fn preload(seen: &Seen<'_>, proposals: &mut Proposals) {
    let mut late = seen.resources();
    late.retain(|one| {
        let by_sheet = matches!(one.exchange.initiator, Initiator::Style { .. });
        // A picture of a sheet is worth it only where something waited for it.
        let is_picture = one.exchange.kind == ResourceKind::Image;
        by_sheet && (!is_picture || seen.on_path.contains(&one.exchange.id))
    });
    let kinds = [
        (ResourceKind::Font, "font", "font"),
        (ResourceKind::Style, "style", "imported style sheet"),
        (ResourceKind::Image, "image", "picture"),
    ];
    for (kind, destination, noun) in kinds {
        let of_kind = late.iter().filter(|one| one.exchange.kind == kind).take(PRELOADS);
        let of_kind: Vec<&Resource<'_>> = of_kind.collect();
        if of_kind.is_empty() {
            continue;
        }
        let names: Vec<String> = of_kind.iter().map(|one| one.name()).collect();
        let preload = |one: &&Resource<'_>| {
            let anonymous = kind == ResourceKind::Font;
            Change::Preload(Hint { url: one.url.clone(), destination, anonymous })
        };
        proposals.variants.push(
            Variant::new(
                format!("preload-{destination}"),
                format!("preloaded {}", several(&names, noun)),
            )
            .how(format!("<link rel=preload> in the head for {}", list(&names)))
            .lighthouse("network-dependency-tree-insight")
            .with(of_kind.iter().map(preload)),
        );
    }
}

pub(crate) fn lazy(seen: &Seen<'_>, proposals: &mut Proposals) {
    let pictures = seen.named(ResourceKind::Image);
    let later: Vec<&Resource<'_>> = pictures.iter().skip(SEEN_AT_ONCE).collect();
    if later.is_empty() {
        return;
    }
    let names: Vec<String> = later.iter().map(|one| one.name()).collect();
    let changes = later.iter().map(|one| Change::Attribute(one.url.clone(), "loading", "lazy"));
    proposals.variants.push(
        Variant::new("lazy", format!("loaded {} lazily", several(&names, "picture")))
            .how(format!("loading=lazy on every picture after the first {SEEN_AT_ONCE}"))
            .caution("only for pictures below the window: those in it come later")
            .lighthouse("offscreen-images")
            .with(changes),
    );
}

/// `fetchpriority=low` on what nothing waits for and browsers fetch as urgently as what something does.
pub(crate) fn priority_hints(seen: &Seen<'_>, proposals: &mut Proposals) {
    let mut named = seen.named(ResourceKind::Image);
    if !named.is_empty() {
        proposals.untried.push(Untried::new(
            "fetchpriority=high",
            "it has the largest picture painted earlier, and when that is painted is not timed here",
        ));
    }
    named.extend(seen.named(ResourceKind::Script));
    named.retain(|one| {
        one.exchange.blocks == Blocks::Nothing && one.exchange.priority > Priority::Low
    });
    if named.is_empty() {
        return;
    }
    let names: Vec<String> = named.iter().map(Resource::name).collect();
    let changes =
        named.iter().map(|one| Change::Attribute(one.url.clone(), "fetchpriority", "low"));
    proposals.variants.push(
        Variant::new("fetchpriority", format!("said that {} can wait", several(&names, "file")))
            .how(format!("fetchpriority=low on {}", list(&names)))
            .caution("what people look at first comes later then; servers may not heed it")
            .with(changes),
    );
}
