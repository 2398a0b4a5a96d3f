//! What each element wants.

use html5ever::tokenizer::Tag;
use url::Url;

use super::found::{Found, Want};
use super::rules::{
    Hinted, ScriptKind, attr, fetch_priority, fetchable, hinted, is_anonymous, is_small,
    link_applies, type_fits,
};
use super::state::{Attributes, State, Text};
use crate::fetch::{Blocks, Kind, Omitted, Priority, Reach};
use crate::holds::Holds;
use crate::options::Reader;
use crate::policy::{Claims, Inline};
use crate::srcset::{self, Source};

impl State {
    pub(super) fn resources(&mut self, tag: &Tag, name: &str, line: u64) {
        match name {
            "base" => self.set_base(tag, line),
            "link" => self.link(tag, line),
            "meta" => self.meta(tag, line),
            "form" => self.form(tag, line),
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
                    self.want(url, Kind::Poster, Priority::Low, Claims::default(), line);
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
    fn set_base(&mut self, tag: &Tag, line: u64) {
        if let Some(href) = attr(tag, "href")
            && !self.base_seen
        {
            self.base_seen = true;
            if let Ok(url) = self.document.join(href.trim())
                && !matches!(url.scheme(), "data" | "javascript")
                && self.may_be_base(&url, line)
            {
                self.base = url;
            }
        }
    }

    fn meta(&mut self, tag: &Tag, line: u64) {
        let (Some(name), Some(content)) = (attr(tag, "http-equiv"), attr(tag, "content")) else {
            return;
        };
        if name.eq_ignore_ascii_case("refresh") {
            self.found.push(Found::Refresh { content: content.to_owned() });
        } else if name.eq_ignore_ascii_case("content-security-policy") && !self.in_body {
            // Only in the head (HTML, section 4.2.5.3).
            self.add_policy(content, line);
        }
    }

    pub(super) fn link(&mut self, tag: &Tag, line: u64) {
        let rel = attr(tag, "rel").unwrap_or("").to_ascii_lowercase();
        let has = |word: &str| rel.split_ascii_whitespace().any(|w| w == word);
        let applies = attr(tag, "media").is_none_or(|query| self.media.matches(query));
        if has("preload") && attr(tag, "as").is_some_and(|a| a.eq_ignore_ascii_case("image")) {
            self.preload_image(tag, line, applies);
            return;
        }
        let Some(url) = self.address(attr(tag, "href")) else { return };
        if has("stylesheet") {
            let disabled = attr(tag, "disabled").is_some();
            if link_applies(&rel, attr(tag, "type"), disabled) {
                self.style_sheet(tag, url, line, applies);
            } else if has("alternate") && link_applies("stylesheet", attr(tag, "type"), disabled) {
                // The reader could choose it: fetched when there is nothing else to do.
                self.want(url, Kind::Style, Priority::VeryLow, Claims::of(tag), line);
            }
        } else if has("preload") {
            self.preload(tag, url, line, applies);
        } else if has("modulepreload") {
            if applies {
                let priority = hinted(Priority::High, fetch_priority(tag));
                self.want(url, Kind::Script, priority, Claims::of_module(tag), line);
            }
        } else if has("icon") || has("apple-touch-icon") {
            // A browser takes one icon: here the first it could draw. Apple's are for home screens.
            let usable = has("icon") && attr(tag, "type").is_none_or(srcset::drawable);
            if usable && !std::mem::replace(&mut self.icon_found, true) {
                self.want(url, Kind::Icon, Priority::Low, Claims::of_image(tag, false), line);
            }
        } else if has("prefetch") && self.reader == Reader::Browser {
            self.want(url, Kind::Later, Priority::VeryLow, Claims::of(tag), line);
        } else if has("prefetch") || has("prerender") {
            self.list_address(url, Kind::Later, line, Omitted::NotNow);
        } else if has("manifest") {
            self.list_address(url, Kind::Manifest, line, Omitted::NotNow);
        } else if has("preconnect") {
            let anonymous = is_anonymous(tag);
            self.found.push(Found::Hint { url, reach: Reach::Connection, anonymous });
        } else if has("dns-prefetch") {
            self.found.push(Found::Hint { url, reach: Reach::Name, anonymous: false });
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
        self.resource(Want {
            url,
            kind: Kind::Style,
            priority,
            blocks,
            line,
            media,
            holds: if applies { Holds::STYLE } else { Holds::NOTHING },
            claims: Claims::of(tag),
        });
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
        if applies && type_fits(kind, attr(tag, "type")) {
            let priority = hinted(priority, fetch_priority(tag));
            // A font too is fetched as the link says, though style sheets ask for it without credentials
            // (CSS Fonts 4, section 4.8): one that does not say `crossorigin` is fetched in vain.
            self.want(url, kind, priority, Claims::of(tag), line);
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
            let claims = Claims::of_image(tag, source.srcset.is_some());
            self.want(url, Kind::Image, priority, claims, line);
        }
    }

    fn script(&mut self, tag: &Tag, line: u64) {
        let kind = ScriptKind::of_element(tag);
        if kind == ScriptKind::Data || attr(tag, "nomodule").is_some() {
            return;
        }
        let Some(src) = attr(tag, "src") else {
            // Whether it may run is known when all of it is there.
            self.script_begins = Some(kind);
            return;
        };
        if self.is_sandboxed(src, line) {
            return;
        }
        let Some(url) = self.address(Some(src)) else {
            self.counts.scripts_external += 1;
            return;
        };
        let at_once = attr(tag, "async").is_none();
        let waits = kind == ScriptKind::Classic && at_once && attr(tag, "defer").is_none();
        let reached = waits && self.is_parser;
        let priority = match (waits || kind == ScriptKind::Module, self.image_found) {
            (false, _) => Priority::Low,
            // The parser stops here.
            _ if reached => Priority::High,
            (true, false) => Priority::High,
            (true, true) => Priority::Medium,
        };
        let may_run = self.resource(Want {
            url,
            kind: Kind::Script,
            priority: hinted(priority, fetch_priority(tag)),
            blocks: if waits { Blocks::Parser } else { Blocks::None },
            line,
            media: None,
            holds: Holds {
                paint: waits && !self.in_body,
                parser: waits,
                content_loaded: at_once,
                body: waits && !self.in_body,
                runs: true,
            },
            claims: if kind == ScriptKind::Module {
                Claims::of_module(tag)
            } else {
                Claims::of(tag)
            },
        });
        self.counts.scripts_external += usize::from(may_run);
        if waits && may_run {
            self.is_parser = false;
            self.found.push(Found::ScriptRuns { in_head: !self.in_body });
        }
    }

    /// All of a script that stands in the page is there.
    pub(super) fn script_ended(&mut self, kind: ScriptKind, text: Text) {
        if self.is_sandboxed(Inline::Script.name(), text.line)
            || !self.admits_inline(Inline::Script, &text)
        {
            return;
        }
        self.counts.scripts_inline += 1;
        if kind == ScriptKind::Classic {
            self.found.push(Found::ScriptRuns { in_head: !self.in_body });
        } else {
            let holds = Holds { content_loaded: !text.is_async, runs: true, ..Holds::NOTHING };
            self.found.push(Found::Module { source: text.content, holds, line: text.line });
        }
    }

    /// All of a `<style>` element is there.
    pub(super) fn style_ended(&mut self, text: Text) {
        if self.admits_inline(Inline::Style, &text) {
            self.found.push(Found::Style { css: text.content });
        }
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
        let picture = self.picture.take();
        let claims = Claims::of_image(tag, picture.is_some() || img.srcset.is_some());
        let sources = picture.unwrap_or_default();
        let borrowed: Vec<Source<'_>> = sources.iter().map(Attributes::source).collect();
        let chosen = srcset::choose(&borrowed, img.source(), self.media);
        let Some(url) = self.address(chosen) else { return };
        if attr(tag, "loading").is_some_and(|value| value.eq_ignore_ascii_case("lazy")) {
            // Layout decides: only it knows how far below the viewport the image is.
            return;
        }
        self.image_found = true;
        let priority = match fetch_priority(tag) {
            // Only what is found ahead of the parser is raised before it is known where it is shown.
            Hinted::Auto if !self.is_parser && self.large_images < 5 && !is_small(tag) => {
                self.large_images += 1;
                Priority::Medium
            }
            hint => hinted(Priority::Low, hint),
        };
        self.want(url, Kind::Image, priority, claims, line);
    }

    fn plain_image(&mut self, src: Option<&str>, line: u64) {
        if let Some(url) = self.address(src) {
            self.image_found = true;
            self.want(url, Kind::Image, Priority::Low, Claims::default(), line);
        }
    }

    /// Wants what nothing waits for.
    fn want(&mut self, url: Url, kind: Kind, priority: Priority, claims: Claims, line: u64) {
        let (blocks, holds) = (Blocks::None, Holds::NOTHING);
        self.resource(Want { url, kind, priority, blocks, line, media: None, holds, claims });
    }

    fn list(&mut self, src: Option<&str>, kind: Kind, line: u64, why: Omitted) {
        if let Some(url) = self.address(src) {
            self.list_address(url, kind, line, why);
        }
    }

    /// The absolute address of something that goes over the network.
    pub(super) fn address(&self, written: Option<&str>) -> Option<Url> {
        let written = written?.trim();
        if written.is_empty() {
            return None;
        }
        fetchable(self.base.join(written).ok()?)
    }
}
