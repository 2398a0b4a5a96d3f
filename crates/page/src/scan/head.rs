//! What `Link` fields of the document's head want: the same as `<link>` elements with these attributes,
//! as far as browsers act on them there (HTML standard, section 4.2.4.5 "processing `Link` headers").

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Tag, TagKind};
use html5ever::{Attribute, LocalName, QualName, ns};

use super::found::Found;
use super::rules::attr;
use super::state::State;
use crate::fetch::{Initiator, Kind, Priority};
use crate::link::Link;

/// What a response's head can say: no style sheet, icon or manifest among it (Blink's
/// `core/loader/preload_helper.cc`, `LoadLinksFromHeader`).
const IN_A_HEAD: [&str; 5] = ["preload", "modulepreload", "preconnect", "dns-prefetch", "prefetch"];
/// What a 103 can say (Chromium's `docs/early-hints.md`).
const IN_A_103: [&str; 3] = ["preload", "modulepreload", "preconnect"];
/// The parameters that a link in a 103 may have. Chromium passes one with any other over, as the process
/// that reads it knows neither viewport nor page (`services/network/public/cpp/link_header_parser.cc`).
const READ_IN_A_103: [&str; 5] = ["rel", "as", "crossorigin", "type", "fetchpriority"];
/// What a preload in a 103 may be for, likewise.
const AS_IN_A_103: [&str; 5] = ["style", "script", "font", "image", "fetch"];

impl State {
    /// What a link of the document's head, or of a 103 before it, wants; `None` where browsers pass it over.
    pub(super) fn of_head(&mut self, link: &Link, initiator: &Initiator) -> Option<Vec<Found>> {
        let early = *initiator == Initiator::EarlyHints;
        if early && !is_read_in_a_103(link) || !self.is_of_document(link) {
            return None;
        }
        let known: &[&str] = if early { &IN_A_103 } else { &IN_A_HEAD };
        let relations = link.get("rel").unwrap_or("").to_ascii_lowercase();
        let relations = relations.split_ascii_whitespace().filter(|word| known.contains(word));
        let relations = relations.collect::<Vec<_>>().join(" ");
        if relations.is_empty() {
            return None;
        }
        let tag = element(link, &relations);
        let before = std::mem::take(&mut self.found);
        self.link(&tag, 0);
        let mut found = std::mem::replace(&mut self.found, before);
        if early {
            found.iter_mut().for_each(|found| lower(found, &tag));
        }
        Some(found)
    }

    /// Whether the link is one of the document, and not of something else that its `anchor` names
    /// (RFC 8288 §3.2).
    fn is_of_document(&self, link: &Link) -> bool {
        link.get("anchor")
            .is_none_or(|anchor| self.document.join(anchor).is_ok_and(|of| of == self.document))
    }
}

/// Whether Chromium acts on a link in a 103.
fn is_read_in_a_103(link: &Link) -> bool {
    let named = |words: &[&str], name: &str| {
        link.get(name).is_none_or(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word)))
    };
    link.parameters.iter().all(|(name, _)| READ_IN_A_103.contains(&name.as_str()))
        && named(&IN_A_103, "rel")
        && named(&AS_IN_A_103, "as")
}

/// The `<link>` element that says the same.
fn element(link: &Link, relations: &str) -> Tag {
    let attribute = |name: &str, value: &str| Attribute {
        name: QualName::new(None, ns!(), LocalName::from(name)),
        value: StrTendril::from_slice(value),
    };
    let mut attrs = vec![attribute("rel", relations), attribute("href", &link.target)];
    let others = link.parameters.iter().filter(|(name, _)| !matches!(&**name, "rel" | "href"));
    attrs.extend(others.map(|(name, value)| attribute(name, value)));
    Tag {
        kind: TagKind::StartTag,
        name: LocalName::from("link"),
        self_closing: false,
        attrs,
        had_duplicate_attributes: false,
    }
}

/// In a 103, data and what does not say what it is for is less urgent than in a page
/// (`content/browser/loader/navigation_early_hints_manager.cc`, `CalculateRequestPriority`).
fn lower(found: &mut Found, tag: &Tag) {
    let Found::Resource(want) = found else { return };
    if attr(tag, "fetchpriority").is_some_and(|hint| !hint.eq_ignore_ascii_case("auto")) {
        return;
    }
    if want.kind == Kind::Data {
        want.priority = Priority::Low;
    } else if attr(tag, "as").is_none() {
        want.priority = Priority::VeryLow;
    }
}
