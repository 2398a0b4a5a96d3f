//! What the scanner remembers between tokens.

use std::sync::Arc;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Doctype, Tag, TokenSinkResult};
use url::Url;

use super::found::{Counts, Found};
use super::rules::{ScriptKind, attr, belongs_to_head, is_content, is_css, is_nonceable};
use crate::fetch::Kind;
use crate::media::Media;
use crate::options::Reader;
use crate::policy::Policy;
use crate::srcset::Source;

/// What the text being read belongs to.
#[derive(PartialEq)]
pub(super) enum Reading {
    Nothing,
    Title(String),
    Style(Text),
    /// A script that stands in the page. Its text is kept where a policy may want to see it, or where it may
    /// import others.
    Script(ScriptKind, Text),
    /// Text that is not looked at.
    Raw,
}

/// The text of an element, and what the element says of it.
#[derive(PartialEq)]
pub(super) struct Text {
    pub(super) content: String,
    pub(super) nonce: Option<String>,
    pub(super) is_async: bool,
    pub(super) line: u64,
}

impl Text {
    /// That of an element which begins.
    fn of(tag: &Tag, line: u64) -> Self {
        let nonce = attr(tag, "nonce").filter(|_| is_nonceable(tag)).map(str::to_owned);
        let is_async = attr(tag, "async").is_some();
        Self { content: String::new(), nonce, is_async, line }
    }
}

pub(super) struct State {
    /// The rules of the page, as far as it has been read.
    pub(super) policy: Arc<Policy>,
    pub(super) document: Url,
    pub(super) base: Url,
    pub(super) base_seen: bool,
    pub(super) media: Media,
    pub(super) reader: Reader,
    pub(super) found: Vec<Found>,
    pub(super) counts: Counts,
    pub(super) title: Option<String>,
    pub(super) reading: Reading,
    pub(super) in_body: bool,
    pub(super) doctype_seen: bool,
    /// Depth of `<template>`: what is inside is inert.
    pub(super) templates: usize,
    /// `<source>`s of the `<picture>` being read.
    pub(super) picture: Option<Vec<Attributes>>,
    pub(super) media_element: Option<Kind>,
    /// The element that begins is a script that stands in the page.
    pub(super) script_begins: Option<ScriptKind>,
    pub(super) icon_found: bool,
    pub(super) image_found: bool,
    /// The parser is as far as the scanner: what is found now it finds itself, and it stops at the next script
    /// that it has to wait for.
    pub(super) is_parser: bool,
    pub(super) large_images: usize,
}

/// The attributes of an image source, kept until its `<img>`.
#[derive(Clone, Default)]
pub(super) struct Attributes {
    pub(super) src: Option<String>,
    pub(super) srcset: Option<String>,
    pub(super) sizes: Option<String>,
    pub(super) media: Option<String>,
    pub(super) mime: Option<String>,
}

impl Attributes {
    pub(super) fn of(tag: &Tag) -> Self {
        let owned = |name| attr(tag, name).map(str::to_owned);
        Attributes {
            src: owned("src"),
            srcset: owned("srcset"),
            sizes: owned("sizes"),
            media: owned("media"),
            mime: owned("type"),
        }
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source {
            src: self.src.as_deref(),
            srcset: self.srcset.as_deref(),
            sizes: self.sizes.as_deref(),
            media: self.media.as_deref(),
            mime: self.mime.as_deref(),
        }
    }
}

impl State {
    pub(super) fn new(document: Url, media: Media, reader: Reader) -> Self {
        State {
            policy: Policy::new(document.clone()),
            base: document.clone(),
            document,
            base_seen: false,
            media,
            reader,
            found: Vec::new(),
            counts: Counts { quirks: true, ..Counts::default() },
            title: None,
            reading: Reading::Nothing,
            in_body: false,
            doctype_seen: false,
            templates: 0,
            picture: None,
            media_element: None,
            script_begins: None,
            icon_found: false,
            image_found: false,
            is_parser: false,
            large_images: 0,
        }
    }

    /// Whether the doctype asks for quirks mode (HTML standard, section 13.2.6.4.1, the cases
    /// that occur: no doctype, a wrong name, HTML before 4.01, transitional without an address).
    pub(super) fn doctype(&mut self, doctype: &Doctype) {
        if self.doctype_seen || self.counts.elements > 0 {
            return;
        }
        self.doctype_seen = true;
        let html = doctype.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("html"));
        let public = doctype.public_id.as_deref().unwrap_or("").to_ascii_lowercase();
        let old = ["-//ietf//", "-//netscape", "-//microsoft", "-//softquad", "-//w3c//dtd html 3"]
            .iter()
            .chain(&["-//w3c//dtd html 4.0 frameset", "-//w3c//dtd html 4.0 transitional"])
            .any(|prefix| public.starts_with(prefix));
        let without_address = doctype.system_id.is_none()
            && ["-//w3c//dtd html 4.01 frameset", "-//w3c//dtd html 4.01 transitional"]
                .iter()
                .any(|prefix| public.starts_with(prefix));
        self.counts.quirks = !html || doctype.force_quirks || old || without_address;
    }

    pub(super) fn start(&mut self, tag: &Tag, line: u64, foreign: bool) -> TokenSinkResult<()> {
        self.counts.elements += 1;
        let name = &*tag.name;
        self.in_body |= !foreign && !belongs_to_head(name);
        self.counts.content |= self.templates == 0 && is_content(name);
        if self.templates == 0 {
            self.inline_attributes(tag, line);
        }
        if foreign {
            if name == "style" && !tag.self_closing && self.templates == 0 {
                self.reading = Reading::Style(Text::of(tag, line));
            }
            return TokenSinkResult::Continue;
        }
        if self.templates == 0 {
            self.resources(tag, name, line);
        }
        self.enter(tag, name, line)
    }

    /// Follows the tree state a start tag changes, and the tokenizer state it asks for.
    fn enter(&mut self, tag: &Tag, name: &str, line: u64) -> TokenSinkResult<()> {
        let kind = match name {
            "template" => {
                self.templates += 1;
                return TokenSinkResult::Continue;
            }
            "picture" => {
                self.picture = Some(Vec::new());
                return TokenSinkResult::Continue;
            }
            "title" => {
                if self.title.is_none() {
                    self.reading = Reading::Title(String::new());
                }
                return TokenSinkResult::RawData(RawKind::Rcdata);
            }
            "style" => {
                let applies = attr(tag, "media").is_none_or(|query| self.media.matches(query));
                let css = attr(tag, "type").is_none_or(is_css);
                self.reading = if applies && css && self.templates == 0 {
                    Reading::Style(Text::of(tag, line))
                } else {
                    Reading::Raw
                };
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            "script" => {
                self.reading = match self.script_begins.take() {
                    Some(kind) => Reading::Script(kind, Text::of(tag, line)),
                    None => Reading::Raw,
                };
                return TokenSinkResult::RawData(RawKind::ScriptData);
            }
            "textarea" => RawKind::Rcdata,
            "noscript" if self.reader == Reader::Browser => RawKind::Rawtext,
            "xmp" | "iframe" | "noembed" | "noframes" => RawKind::Rawtext,
            "plaintext" => return TokenSinkResult::Plaintext,
            _ => return TokenSinkResult::Continue,
        };
        self.reading = Reading::Raw;
        TokenSinkResult::RawData(kind)
    }

    pub(super) fn end(&mut self, tag: &Tag) {
        match (&*tag.name, std::mem::replace(&mut self.reading, Reading::Nothing)) {
            ("title", Reading::Title(text)) => {
                self.title = Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            ("style", Reading::Style(text)) => self.style_ended(text),
            ("script", Reading::Script(kind, text)) => self.script_ended(kind, text),
            ("template", _) => self.templates = self.templates.saturating_sub(1),
            ("picture", _) => self.picture = None,
            ("video" | "audio", _) => self.media_element = None,
            ("head", _) => {}
            // An end tag inside foreign content leaves its style open.
            (_, reading @ Reading::Style(_)) => self.reading = reading,
            _ => {}
        }
    }

    /// A style element that was never closed counts all the same. A script is not run then.
    pub(super) fn end_of_file(&mut self) {
        match std::mem::replace(&mut self.reading, Reading::Nothing) {
            Reading::Style(text) => self.style_ended(text),
            Reading::Script(..) => self.counts.scripts_inline += 1,
            _ => {}
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        match &mut self.reading {
            Reading::Title(kept) if kept.len() < 4096 => kept.push_str(text),
            Reading::Style(kept) if kept.content.len() < crate::limits::STYLE => {
                kept.content.push_str(text);
            }
            Reading::Script(kind, kept)
                if (*kind == ScriptKind::Module || !self.policy.csp.is_empty())
                    && kept.content.len() < crate::limits::STYLE =>
            {
                kept.content.push_str(text);
            }
            Reading::Nothing if !self.counts.content && !text.trim().is_empty() => {
                self.in_body = true;
                self.counts.content |= self.templates == 0;
            }
            _ => {}
        }
    }
}
