//! The preload scanner: what a document needs, found while its bytes arrive.
//!
//! It runs html5ever's tokenizer (HTML standard, section 13.2.5) without building a tree, as
//! browsers do ahead of a parser that waits for scripts. It follows the few pieces of tree state
//! that matter: the base address, head or body, `<picture>`, `<template>`, foreign content.

use std::cell::{Cell, RefCell};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Doctype, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;

use crate::fetch::{Blocks, Kind, Omitted, Priority, Reach};
use crate::media::Media;
use crate::srcset::{self, Source};

/// Something a document wants or has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    Resource(Want),
    Listed {
        url: Url,
        kind: Kind,
        line: u64,
        why: Omitted,
    },
    Hint {
        url: Url,
        reach: Reach,
    },
    /// A `<style>` element's text; its media query matches.
    Style {
        css: String,
    },
    Refresh {
        content: String,
    },
}

/// A resource to fetch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Want {
    pub(crate) url: Url,
    pub(crate) kind: Kind,
    pub(crate) priority: Priority,
    pub(crate) blocks: Blocks,
    pub(crate) line: u64,
    /// The query, where it does not match.
    pub(crate) media: Option<String>,
    /// Whether the first paint waits: render-blocking, or a parser-blocking script in the head.
    pub(crate) holds_paint: bool,
}

/// What was counted on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) elements: usize,
    pub(crate) scripts_external: usize,
    pub(crate) scripts_inline: usize,
    pub(crate) canvases: usize,
    pub(crate) custom_elements: usize,
    pub(crate) quirks: bool,
}

/// The scanner. Text goes in with [`feed`](Scanner::feed), findings come out in document order.
pub(crate) struct Scanner {
    tokenizer: Tokenizer<Sink>,
}

impl Scanner {
    pub(crate) fn new(document: Url, media: Media) -> Self {
        let sink =
            Sink { state: RefCell::new(State::new(document, media)), foreign: Cell::default() };
        Scanner { tokenizer: Tokenizer::new(sink, TokenizerOpts::default()) }
    }

    pub(crate) fn feed(&mut self, text: &str) {
        let queue = BufferQueue::default();
        queue.push_back(StrTendril::from_slice(text));
        // A sink that never answers `Script` is never interrupted; the loop is for the contract.
        while !queue.is_empty() {
            let _ = self.tokenizer.feed(&queue);
        }
    }

    pub(crate) fn finish(&mut self) {
        self.tokenizer.end();
    }

    /// What was found since the last call.
    pub(crate) fn take(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.tokenizer.sink.state.borrow_mut().found)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.tokenizer.sink.state.borrow().counts.clone()
    }

    /// The title's text, white space collapsed, once its element has ended.
    pub(crate) fn title(&self) -> Option<String> {
        self.tokenizer.sink.state.borrow().title.clone()
    }

    /// What relative addresses resolve against.
    pub(crate) fn base(&self) -> Url {
        self.tokenizer.sink.state.borrow().base.clone()
    }
}

struct Sink {
    state: RefCell<State>,
    foreign: Cell<Foreign>,
}

/// Where in foreign content the tokenizer stands.
#[derive(Clone, Copy, Default)]
struct Foreign {
    /// How deep inside `<svg>` or `<math>`.
    depth: usize,
    /// How deep inside an element that holds HTML again.
    html_inside: usize,
}

impl Foreign {
    fn is(self) -> bool {
        self.depth > 0 && self.html_inside == 0
    }

    fn after(self, tag: &Tag) -> Foreign {
        let name = &*tag.name;
        let step = |depth: usize| match tag.kind {
            TagKind::StartTag => depth + 1,
            TagKind::EndTag => depth.saturating_sub(1),
        };
        if tag.self_closing {
            self
        } else if matches!(name, "svg" | "math") {
            Foreign { depth: step(self.depth), ..self }
        } else if self.depth > 0 && matches!(name, "foreignobject" | "annotation-xml") {
            Foreign { html_inside: step(self.html_inside), ..self }
        } else if self.is() && tag.kind == TagKind::StartTag && breaks_out(name) {
            Foreign::default()
        } else {
            self
        }
    }
}

/// Start tags that end foreign content (HTML standard, section 13.2.6.5).
fn breaks_out(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "b",
        "big",
        "blockquote",
        "body",
        "br",
        "center",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "hr",
        "i",
        "img",
        "li",
        "listing",
        "menu",
        "meta",
        "nobr",
        "ol",
        "p",
        "pre",
        "ruby",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tt",
        "u",
        "ul",
        "var",
    ];
    NAMES.contains(&name)
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let before = self.foreign.get();
                self.foreign.set(before.after(&tag));
                match tag.kind {
                    // `<svg>` itself is foreign, `<foreignObject>` too: look before and after.
                    TagKind::StartTag => {
                        let foreign =
                            before.is() && self.foreign.get().depth > 0 || self.foreign.get().is();
                        return state.start(&tag, line, foreign);
                    }
                    TagKind::EndTag => state.end(&tag),
                }
            }
            Token::CharacterTokens(text) => state.text(&text),
            Token::DoctypeToken(doctype) => state.doctype(&doctype),
            Token::EOFToken => state.end_of_file(),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.foreign.get().is()
    }
}

/// What the text being read belongs to.
#[derive(PartialEq)]
enum Reading {
    Nothing,
    Title(String),
    Style(String),
    /// Text that is not looked at.
    Raw,
}

struct State {
    document: Url,
    base: Url,
    base_seen: bool,
    media: Media,
    found: Vec<Found>,
    counts: Counts,
    title: Option<String>,
    reading: Reading,
    in_body: bool,
    doctype_seen: bool,
    /// Depth of `<template>`: what is inside is inert.
    templates: usize,
    /// `<source>`s of the `<picture>` being read.
    picture: Option<Vec<Attributes>>,
    media_element: Option<Kind>,
    icon_found: bool,
    image_found: bool,
    large_images: usize,
}

/// The attributes of an image source, kept until its `<img>`.
#[derive(Clone, Default)]
struct Attributes {
    src: Option<String>,
    srcset: Option<String>,
    sizes: Option<String>,
    media: Option<String>,
    mime: Option<String>,
}

impl Attributes {
    fn of(tag: &Tag) -> Self {
        let owned = |name| attr(tag, name).map(str::to_owned);
        Attributes {
            src: owned("src"),
            srcset: owned("srcset"),
            sizes: owned("sizes"),
            media: owned("media"),
            mime: owned("type"),
        }
    }

    fn source(&self) -> Source<'_> {
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
    fn new(document: Url, media: Media) -> Self {
        State {
            base: document.clone(),
            document,
            base_seen: false,
            media,
            found: Vec::new(),
            counts: Counts { quirks: true, ..Counts::default() },
            title: None,
            reading: Reading::Nothing,
            in_body: false,
            doctype_seen: false,
            templates: 0,
            picture: None,
            media_element: None,
            icon_found: false,
            image_found: false,
            large_images: 0,
        }
    }

    /// Whether the doctype asks for quirks mode (HTML standard, section 13.2.6.4.1, the cases
    /// that occur: no doctype, a wrong name, HTML before 4.01, transitional without an address).
    fn doctype(&mut self, doctype: &Doctype) {
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

    fn start(&mut self, tag: &Tag, line: u64, foreign: bool) -> TokenSinkResult<()> {
        self.counts.elements += 1;
        let name = &*tag.name;
        self.in_body |= !foreign && !belongs_to_head(name);
        if foreign {
            if name == "style" && !tag.self_closing && self.templates == 0 {
                self.reading = Reading::Style(String::new());
            }
            return TokenSinkResult::Continue;
        }
        if self.templates == 0 {
            self.resources(tag, name, line);
        }
        self.enter(tag, name)
    }

    /// Follows the tree state a start tag changes, and the tokenizer state it asks for.
    fn enter(&mut self, tag: &Tag, name: &str) -> TokenSinkResult<()> {
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
                    Reading::Style(String::new())
                } else {
                    Reading::Raw
                };
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            "textarea" => RawKind::Rcdata,
            "xmp" | "iframe" | "noembed" | "noframes" => RawKind::Rawtext,
            "script" => RawKind::ScriptData,
            "plaintext" => return TokenSinkResult::Plaintext,
            _ => return TokenSinkResult::Continue,
        };
        self.reading = Reading::Raw;
        TokenSinkResult::RawData(kind)
    }

    fn end(&mut self, tag: &Tag) {
        match (&*tag.name, std::mem::replace(&mut self.reading, Reading::Nothing)) {
            ("title", Reading::Title(text)) => {
                self.title = Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            ("style", Reading::Style(css)) => self.found.push(Found::Style { css }),
            ("template", _) => self.templates = self.templates.saturating_sub(1),
            ("picture", _) => self.picture = None,
            ("video" | "audio", _) => self.media_element = None,
            ("head", _) => {}
            // An end tag inside foreign content leaves its style open.
            (_, reading @ Reading::Style(_)) => self.reading = reading,
            _ => {}
        }
    }

    /// A style element that was never closed counts all the same.
    fn end_of_file(&mut self) {
        if let Reading::Style(css) = std::mem::replace(&mut self.reading, Reading::Nothing) {
            self.found.push(Found::Style { css });
        }
    }

    fn text(&mut self, text: &str) {
        match &mut self.reading {
            Reading::Title(kept) if kept.len() < 4096 => kept.push_str(text),
            Reading::Style(kept) if kept.len() < crate::limits::STYLE => kept.push_str(text),
            Reading::Nothing if !self.in_body => self.in_body = !text.trim().is_empty(),
            _ => {}
        }
    }

    fn resources(&mut self, tag: &Tag, name: &str, line: u64) {
        match name {
            "base" => self.set_base(tag),
            "link" => self.link(tag, line),
            "meta" => self.meta(tag),
            "script" => self.script(tag, line),
            "img" | "image" => self.image(tag, line),
            "source" => self.source(tag, line),
            "input" if attr(tag, "type").is_some_and(|t| t.eq_ignore_ascii_case("image")) => {
                self.plain_image(attr(tag, "src"), line);
            }
            "video" => {
                self.media_element = Some(Kind::Video);
                self.list(attr(tag, "src"), Kind::Video, line, Omitted::Media);
                if let Some(url) = self.address(attr(tag, "poster")) {
                    self.want(url, Kind::Poster, Priority::Low, Blocks::None, line);
                }
            }
            "audio" => {
                self.media_element = Some(Kind::Audio);
                self.list(attr(tag, "src"), Kind::Audio, line, Omitted::Media);
            }
            "track" => self.list(attr(tag, "src"), Kind::Track, line, Omitted::Media),
            "iframe" | "frame" => self.list(attr(tag, "src"), Kind::Frame, line, Omitted::Frame),
            "object" => self.list(attr(tag, "data"), Kind::Object, line, Omitted::Plugin),
            "embed" => self.list(attr(tag, "src"), Kind::Embed, line, Omitted::Plugin),
            "canvas" => self.counts.canvases += 1,
            _ if name.contains('-') => self.counts.custom_elements += 1,
            _ => {}
        }
    }

    /// The first `<base href>` counts (HTML standard, section 4.2.3).
    fn set_base(&mut self, tag: &Tag) {
        if let Some(href) = attr(tag, "href")
            && !self.base_seen
        {
            self.base_seen = true;
            if let Ok(url) = self.document.join(href.trim())
                && !matches!(url.scheme(), "data" | "javascript")
            {
                self.base = url;
            }
        }
    }

    fn meta(&mut self, tag: &Tag) {
        if attr(tag, "http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh"))
            && let Some(content) = attr(tag, "content")
        {
            self.found.push(Found::Refresh { content: content.to_owned() });
        }
    }

    fn link(&mut self, tag: &Tag, line: u64) {
        let rel = attr(tag, "rel").unwrap_or("").to_ascii_lowercase();
        let has = |word: &str| rel.split_ascii_whitespace().any(|w| w == word);
        let applies = attr(tag, "media").is_none_or(|query| self.media.matches(query));
        if has("preload") && attr(tag, "as").is_some_and(|a| a.eq_ignore_ascii_case("image")) {
            self.preload_image(tag, line, applies);
            return;
        }
        let Some(url) = self.address(attr(tag, "href")) else { return };
        if has("stylesheet") {
            if !link_applies(&rel, attr(tag, "type"), attr(tag, "disabled").is_some()) {
                return;
            }
            self.style_sheet(tag, url, line, applies);
        } else if has("preload") {
            self.preload(tag, url, line, applies);
        } else if has("modulepreload") {
            self.want(url, Kind::Script, Priority::High, Blocks::None, line);
        } else if has("icon") || has("apple-touch-icon") {
            // A browser takes one icon: here the first it could draw. Apple's are for home screens.
            let usable = has("icon") && attr(tag, "type").is_none_or(srcset::drawable);
            if usable && !std::mem::replace(&mut self.icon_found, true) {
                self.want(url, Kind::Icon, Priority::Low, Blocks::None, line);
            }
        } else if has("prefetch") || has("prerender") || has("next") {
            self.found.push(Found::Listed { url, kind: Kind::Later, line, why: Omitted::NotNow });
        } else if has("manifest") {
            self.found.push(Found::Listed {
                url,
                kind: Kind::Manifest,
                line,
                why: Omitted::NotNow,
            });
        } else if has("preconnect") {
            self.found.push(Found::Hint { url, reach: Reach::Connection });
        } else if has("dns-prefetch") {
            self.found.push(Found::Hint { url, reach: Reach::Name });
        }
    }

    fn style_sheet(&mut self, tag: &Tag, url: Url, line: u64, applies: bool) {
        let priority = match (applies, fetch_priority(tag)) {
            (false, _) => Priority::VeryLow,
            (true, Hinted::Low) => Priority::High,
            (true, _) => Priority::VeryHigh,
        };
        let blocks = if applies { Blocks::Render } else { Blocks::None };
        let media = (!applies).then(|| attr(tag, "media").unwrap_or("").to_owned());
        self.found.push(Found::Resource(Want {
            url,
            kind: Kind::Style,
            priority,
            blocks,
            line,
            media,
            holds_paint: applies,
        }));
    }

    /// `<link rel=preload>`: the destination its `as` names (HTML standard, section 4.6.7.15).
    fn preload(&mut self, tag: &Tag, url: Url, line: u64, applies: bool) {
        let destination = attr(tag, "as").unwrap_or("").to_ascii_lowercase();
        let (kind, priority) = match destination.as_str() {
            "style" => (Kind::Style, Priority::VeryHigh),
            "script" => (Kind::Script, Priority::High),
            "font" => (Kind::Font, Priority::High),
            "fetch" => (Kind::Data, Priority::High),
            "track" => (Kind::Track, Priority::Low),
            _ => return,
        };
        if applies {
            let priority = hinted(priority, fetch_priority(tag));
            self.want(url, kind, priority, Blocks::None, line);
        }
    }

    fn preload_image(&mut self, tag: &Tag, line: u64, applies: bool) {
        let source = Source {
            src: attr(tag, "href"),
            srcset: attr(tag, "imagesrcset"),
            sizes: attr(tag, "imagesizes"),
            ..Source::default()
        };
        let chosen = srcset::choose(&[], source, self.media);
        if applies
            && attr(tag, "type").is_none_or(srcset::drawable)
            && let Some(url) = self.address(chosen)
        {
            let priority = hinted(Priority::Low, fetch_priority(tag));
            self.want(url, Kind::Image, priority, Blocks::None, line);
        }
    }

    fn script(&mut self, tag: &Tag, line: u64) {
        let kind = ScriptKind::of(attr(tag, "type"));
        if kind == ScriptKind::Data || attr(tag, "nomodule").is_some() {
            return;
        }
        let Some(src) = attr(tag, "src") else {
            self.counts.scripts_inline += 1;
            return;
        };
        self.counts.scripts_external += 1;
        let Some(url) = self.address(Some(src)) else { return };
        let waits = kind == ScriptKind::Classic
            && attr(tag, "async").is_none()
            && attr(tag, "defer").is_none();
        let priority = match (waits || kind == ScriptKind::Module, self.image_found) {
            (false, _) => Priority::Low,
            (true, false) => Priority::High,
            (true, true) => Priority::Medium,
        };
        self.found.push(Found::Resource(Want {
            url,
            kind: Kind::Script,
            priority: hinted(priority, fetch_priority(tag)),
            blocks: if waits { Blocks::Parser } else { Blocks::None },
            line,
            media: None,
            holds_paint: waits && !self.in_body,
        }));
    }

    fn source(&mut self, tag: &Tag, line: u64) {
        if let Some(picture) = &mut self.picture {
            picture.push(Attributes::of(tag));
        } else if let Some(kind) = self.media_element {
            self.list(attr(tag, "src"), kind, line, Omitted::Media);
        }
    }

    fn image(&mut self, tag: &Tag, line: u64) {
        let img = Attributes { media: None, mime: None, ..Attributes::of(tag) };
        let sources = self.picture.take().unwrap_or_default();
        let borrowed: Vec<Source<'_>> = sources.iter().map(Attributes::source).collect();
        let chosen = srcset::choose(&borrowed, img.source(), self.media);
        let Some(url) = self.address(chosen) else { return };
        if attr(tag, "loading").is_some_and(|value| value.eq_ignore_ascii_case("lazy")) {
            // Layout decides: only it knows how far below the viewport the image is.
            return;
        }
        self.image_found = true;
        let priority = match fetch_priority(tag) {
            Hinted::Auto if self.large_images < 5 && !is_small(tag) => {
                self.large_images += 1;
                Priority::Medium
            }
            hint => hinted(Priority::Low, hint),
        };
        self.want(url, Kind::Image, priority, Blocks::None, line);
    }

    fn plain_image(&mut self, src: Option<&str>, line: u64) {
        if let Some(url) = self.address(src) {
            self.image_found = true;
            self.want(url, Kind::Image, Priority::Low, Blocks::None, line);
        }
    }

    fn want(&mut self, url: Url, kind: Kind, priority: Priority, blocks: Blocks, line: u64) {
        let want = Want { url, kind, priority, blocks, line, media: None, holds_paint: false };
        self.found.push(Found::Resource(want));
    }

    fn list(&mut self, src: Option<&str>, kind: Kind, line: u64, why: Omitted) {
        if let Some(url) = self.address(src) {
            self.found.push(Found::Listed { url, kind, line, why });
        }
    }

    /// The absolute address of something that goes over the network.
    fn address(&self, written: Option<&str>) -> Option<Url> {
        let written = written?.trim();
        if written.is_empty() {
            return None;
        }
        fetchable(self.base.join(written).ok()?)
    }
}

/// An address without its fragment, if its scheme can be fetched.
pub(crate) fn fetchable(mut url: Url) -> Option<Url> {
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return None;
    }
    url.set_fragment(None);
    Some(url)
}

/// Whether a `<link rel=stylesheet>` counts: not an alternative, not disabled, not another
/// language (HTML standard, section 4.6.7.21).
pub(crate) fn link_applies(rel: &str, mime: Option<&str>, disabled: bool) -> bool {
    let alternate = rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("alternate"));
    !alternate && !disabled && mime.is_none_or(is_css)
}

pub(crate) fn is_css(mime: &str) -> bool {
    let mime = mime.split(';').next().unwrap_or("").trim();
    mime.is_empty() || mime.eq_ignore_ascii_case("text/css")
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum ScriptKind {
    Classic,
    Module,
    /// Not a script at all: a template, JSON, an import map.
    Data,
}

impl ScriptKind {
    fn of(mime: Option<&str>) -> Self {
        let Some(mime) = mime else { return ScriptKind::Classic };
        let mime = mime.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match mime.as_str() {
            "" => ScriptKind::Classic,
            "module" => ScriptKind::Module,
            _ if mime.ends_with("/javascript")
                || mime.ends_with("/ecmascript")
                || mime.ends_with("/x-javascript")
                || mime.ends_with("/jscript") =>
            {
                ScriptKind::Classic
            }
            _ => ScriptKind::Data,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hinted {
    Auto,
    High,
    Low,
}

fn fetch_priority(tag: &Tag) -> Hinted {
    match attr(tag, "fetchpriority").map(str::to_ascii_lowercase).as_deref() {
        Some("high") => Hinted::High,
        Some("low") => Hinted::Low,
        _ => Hinted::Auto,
    }
}

fn hinted(priority: Priority, hint: Hinted) -> Priority {
    match hint {
        Hinted::Auto => priority,
        Hinted::High => priority.max(Priority::High),
        Hinted::Low => priority.min(Priority::Low),
    }
}

/// Both dimensions written, and less than 10 000 square pixels: Blink does not raise such an image.
fn is_small(tag: &Tag) -> bool {
    let side = |name| attr(tag, name).and_then(|value| value.trim().parse::<f64>().ok());
    matches!((side("width"), side("height")), (Some(w), Some(h)) if w * h < 10_000.0)
}

fn belongs_to_head(name: &str) -> bool {
    matches!(
        name,
        "html"
            | "head"
            | "base"
            | "basefont"
            | "bgsound"
            | "link"
            | "meta"
            | "noframes"
            | "noscript"
            | "script"
            | "style"
            | "template"
            | "title"
    )
}

fn attr<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attr| &*attr.name.local == name).map(|attr| &*attr.value)
}
