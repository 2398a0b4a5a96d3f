//! Changes to a document's markup, all made at once. What is not changed stays as it was, to the byte.

use core::cell::RefCell;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use lol_html::html_content::{ContentType, Element};
use lol_html::{AsciiCompatibleEncoding, ElementContentHandlers, HtmlRewriter, Settings};
use roundtrip_http::client::Origin;
use url::Url;

use crate::css;
use crate::hint::Hint;

/// What is changed in a document. URLs are absolute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    /// Markup that is put into the head, before whatever first loads anything there.
    pub(crate) head: Vec<String>,
    /// What is named in the head.
    pub(crate) preloads: Vec<Hint>,
    /// What has other content, so that no digest of it holds any more.
    pub(crate) rewritten: BTreeSet<Url>,
    /// Attributes given to the elements that load a URL.
    pub(crate) attributes: BTreeMap<Url, BTreeMap<&'static str, &'static str>>,
    /// Style sheets that stand in the document itself.
    pub(crate) inline: BTreeMap<Url, String>,
    /// Elements that load something from these origins are left out.
    pub(crate) without: BTreeSet<Origin>,
    /// Elements that load these URLs are left out, since others have what they loaded.
    pub(crate) merged: BTreeMap<Url, Url>,
    /// URLs written otherwise.
    pub(crate) moved: BTreeMap<Url, Url>,
}

/// Why a document was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Its encoding is not a superset of ASCII.
    #[error("its encoding, {0}, cannot be edited")]
    Encoding(&'static str),
    /// It cannot be read.
    #[error("its markup cannot be edited")]
    Markup,
    /// Not all that is to be changed stands in it.
    #[error("its markup does not name {0} of what is to be changed")]
    Missing(usize),
}

/// Elements that load what their `src` names.
const BY_SRC: [&str; 10] =
    ["script", "img", "iframe", "frame", "source", "video", "audio", "embed", "track", "input"];
/// Elements that may stand before the first one that loads anything.
const QUIET: [&str; 6] = ["html", "head", "meta", "title", "base", "noscript"];

impl Edits {
    /// Whether nothing is changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_empty()
            && self.attributes.is_empty()
            && self.inline.is_empty()
            && self.without.is_empty()
            && self.merged.is_empty()
            && self.moved.is_empty()
            && self.preloads.is_empty()
            && self.rewritten.is_empty()
    }

    /// A hint in the document as it is with these changes; `None` where that does not load it any more.
    pub(crate) fn still(&self, hint: &Hint) -> Option<Hint> {
        let url = self.moved.get(&hint.url).unwrap_or(&hint.url);
        let is_gone = self.inline.contains_key(&hint.url)
            || self.merged.contains_key(&hint.url)
            || Origin::of(url).is_some_and(|origin| self.without.contains(&origin));
        (!is_gone).then(|| Hint { url: url.clone(), ..hint.clone() })
    }

    /// Whether something is loaded otherwise than before, or not at all: lazily, in another file, in the document.
    pub(crate) fn is_loaded_otherwise(&self, url: &Url) -> bool {
        self.attributes.contains_key(url)
            || self.inline.contains_key(url)
            || self.merged.contains_key(url)
            || Origin::of(url).is_some_and(|origin| self.without.contains(&origin))
    }

    /// What the markup has to name for these to be made.
    fn wanted(&self) -> BTreeSet<&Url> {
        self.attributes.keys().chain(self.inline.keys()).chain(self.merged.keys()).collect()
    }

    /// The document with them. `content_type` is the value of its field.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn apply(
        &self,
        html: &[u8],
        content_type: Option<&str>,
        url: &Url,
    ) -> Result<Vec<u8>, EditError> {
        let mut editor =
            Editor { edits: self, page: url, base: url.clone(), put: false, met: BTreeSet::new() };
        let out = rewritten(html, content_type, |element| editor.element(element))?;
        let missing = self.wanted().into_iter().filter(|url| !editor.met.contains(*url)).count();
        if missing == 0 { Ok(out) } else { Err(EditError::Missing(missing)) }
    }
}

/// A document of which each element was seen, and could be changed.
fn rewritten(
    html: &[u8],
    content_type: Option<&str>,
    on_element: impl FnMut(&mut Element<'_, '_>),
) -> Result<Vec<u8>, EditError> {
    let label = content_type.and_then(charset).unwrap_or("utf-8");
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    let ascii =
        AsciiCompatibleEncoding::new(encoding).ok_or(EditError::Encoding(encoding.name()))?;
    let on_element = RefCell::new(on_element);
    let handler = ElementContentHandlers::default().element(|element: &mut Element<'_, '_>| {
        on_element.borrow_mut()(element);
        Ok(())
    });
    let every = "*".parse().map_err(|_| EditError::Markup)?;
    let settings = Settings::new()
        .with_encoding(ascii)
        .with_strict(false)
        .append_element_content_handler((Cow::Owned(every), handler));
    let mut out = Vec::with_capacity(html.len());
    let mut rewriter = HtmlRewriter::new(settings, |bytes: &[u8]| out.extend_from_slice(bytes));
    rewriter.write(html).map_err(|_| EditError::Markup)?;
    rewriter.end().map_err(|_| EditError::Markup)?;
    Ok(out)
}

/// The style sheets that a document links for some media only.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn sheets_of_some_media(
    html: &[u8],
    content_type: Option<&str>,
    url: &Url,
) -> Result<BTreeSet<Url>, EditError> {
    let (mut base, mut found) = (url.clone(), BTreeSet::new());
    rewritten(html, content_type, |element| {
        let href = attribute(element, "href").and_then(|href| base.join(href.trim()).ok());
        let media = attribute(element, "media").unwrap_or_default();
        let is_any = matches!(media.trim().to_ascii_lowercase().as_str(), "" | "all");
        match (element.tag_name().as_str(), href) {
            ("base", Some(href)) => base = href,
            ("link", Some(mut href)) if !is_any => {
                href.set_fragment(None);
                found.insert(href);
            }
            _ => {}
        }
    })?;
    Ok(found)
}

/// The charset that a media type names.
fn charset(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let pairs = parameters.filter_map(|parameter| parameter.trim().split_once('='));
    pairs
        .into_iter()
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'))
}

/// Edits at work on one document.
struct Editor<'a> {
    edits: &'a Edits,
    page: &'a Url,
    base: Url,
    /// The markup for the head was put.
    put: bool,
    /// What elements loaded, before anything was changed.
    met: BTreeSet<Url>,
}

/// Attributes that name one address.
const ADDRESSES: [&str; 4] = ["src", "href", "data", "poster"];
/// Attributes that name several, each with a description.
const SETS: [&str; 2] = ["srcset", "imagesrcset"];

impl Editor<'_> {
    fn element(&mut self, element: &mut Element<'_, '_>) {
        let name = element.tag_name();
        if name == "base"
            && let Some(base) =
                attribute(element, "href").and_then(|href| self.base.join(&href).ok())
        {
            self.base = base;
        }
        if !self.put && !QUIET.contains(&name.as_str()) {
            self.put = true;
            self.put_head(element);
        }
        let loaded = self.loaded(element, &name);
        // What is loaded is looked up as it was, before it is written otherwise.
        self.move_addresses(element, &name);
        for url in loaded {
            self.edit(element, &name, &url);
            self.met.insert(url);
        }
    }

    fn put_head(&self, element: &mut Element<'_, '_>) {
        for markup in &self.edits.head {
            element.before(markup, ContentType::Html);
        }
        for hint in self.edits.preloads.iter().filter_map(|hint| self.edits.still(hint)) {
            let address = escaped(&from_page(&hint.url, self.page));
            element.before(&hint.markup(&address), ContentType::Html);
        }
    }

    /// What an element loads, or could.
    fn loaded(&self, element: &Element<'_, '_>, name: &str) -> Vec<Url> {
        let attribute_of = match name {
            "link" => "href",
            "object" => "data",
            name if BY_SRC.contains(&name) => "src",
            _ => return Vec::new(),
        };
        let one = attribute(element, attribute_of);
        let sets = SETS.into_iter().filter_map(|set| attribute(element, set));
        let several: Vec<String> =
            sets.flat_map(|set| candidates(&set).map(str::to_owned).collect::<Vec<_>>()).collect();
        one.iter().chain(&several).filter_map(|address| self.resolved(address)).collect()
    }

    /// An address without its fragment, which is not sent.
    fn resolved(&self, address: &str) -> Option<Url> {
        let mut url = self.base.join(address.trim()).ok()?;
        url.set_fragment(None);
        Some(url)
    }

    fn edit(&self, element: &mut Element<'_, '_>, name: &str, url: &Url) {
        let edits = self.edits;
        let is_left_out = edits.merged.contains_key(url)
            || Origin::of(url).is_some_and(|origin| edits.without.contains(&origin));
        if is_left_out {
            element.remove();
            return;
        }
        if let Some(css) = edits.inline.get(url)
            && name == "link"
        {
            let rel = attribute(element, "rel").unwrap_or_default();
            let is_sheet =
                rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("stylesheet"));
            if is_sheet {
                let media = element.get_attribute("media");
                let media = media.map_or_else(String::new, |media| format!(" media=\"{media}\""));
                let style = format!("<style{media}>\n{}\n</style>", self.moved_in(css));
                element.replace(&style, ContentType::Html);
            } else {
                // Nothing asks for what was to be fetched ahead.
                element.remove();
            }
            return;
        }
        if edits.rewritten.contains(url) {
            element.remove_attribute("integrity");
        }
        for (name, value) in edits.attributes.get(url).into_iter().flatten() {
            // Names are constants that can stand there.
            let _ = element.set_attribute(name, value);
        }
    }

    /// A style sheet that stands in the document, with what was moved written otherwise.
    fn moved_in(&self, css: &str) -> String {
        if self.edits.moved.is_empty() {
            return css.to_owned();
        }
        css::rewritten(css, self.page, |url| self.edits.moved.get(url).map(Url::to_string))
    }

    /// Writes addresses otherwise, also those among several.
    fn move_addresses(&self, element: &mut Element<'_, '_>, name: &str) {
        if self.edits.moved.is_empty() || name == "a" {
            return;
        }
        for name in ADDRESSES {
            let moved = attribute(element, name).and_then(|text| self.moved(&text));
            if let Some(moved) = moved {
                let _ = element.set_attribute(name, &moved.replace('&', "&amp;"));
            }
        }
        for name in SETS {
            let Some(text) = attribute(element, name) else { continue };
            let words: Vec<String> = text
                .split_ascii_whitespace()
                .map(|word| {
                    let bare = word.trim_end_matches(',');
                    let commas = &word[bare.len()..];
                    self.moved(bare).map_or_else(|| word.to_owned(), |moved| moved + commas)
                })
                .collect();
            let _ = element.set_attribute(name, &words.join(" ").replace('&', "&amp;"));
        }
    }

    fn moved(&self, address: &str) -> Option<String> {
        let mut to = self.edits.moved.get(&self.resolved(address)?)?.clone();
        to.set_fragment(self.base.join(address.trim()).ok()?.fragment());
        Some(to.to_string())
    }
}

/// The addresses of a set.
fn candidates(set: &str) -> impl Iterator<Item = &str> {
    // Between two stand the descriptions and commas, which are no addresses of anything that is known.
    set.split_ascii_whitespace().map(|word| word.trim_end_matches(','))
}

/// The value of an attribute. `lol_html` gives it as it is written.
fn attribute(element: &Element<'_, '_>, name: &str) -> Option<String> {
    let written = element.get_attribute(name)?;
    if !written.contains('&') {
        return Some(written);
    }
    // Of the references those that stand in addresses; `&amp;` last, so that nothing is read twice.
    let plain = [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")]
        .into_iter()
        .fold(written, |text, (reference, letter)| text.replace(reference, letter));
    Some(["&amp;", "&#38;", "&#x26;"].into_iter().fold(plain, |text, of| text.replace(of, "&")))
}

/// An address as a page can write it: without the origin where that is its own.
pub(crate) fn from_page(url: &Url, page: &Url) -> String {
    if Origin::of(url) == Origin::of(page) {
        url[url::Position::BeforePath..].to_owned()
    } else {
        url.to_string()
    }
}

/// A value between the quotes of an attribute.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(edits: &Edits, html: &str) -> String {
        let url = Url::parse("https://a.example/shop/").expect("a URL");
        let out = edits.apply(html.as_bytes(), Some("text/html; charset=utf-8"), &url);
        String::from_utf8(out.expect("markup")).expect("UTF-8")
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    const PAGE: &str = "<!doctype html><html><head><meta charset=utf-8><title>x</title>\n\
        <link rel=stylesheet href=a.css media='screen'><script src=\"/b.js\"></script></head>\n\
        <body><img src=c.png srcset='c.png 1x, c2.png 2x'><img src=//cdn.example/d.png>Grüße<a href=c.png>c</a>";

    #[test]
    fn nothing_changed_is_the_same_to_the_byte() {
        assert_eq!(edited(&Edits::default(), PAGE), PAGE);
    }

    #[test]
    fn markup_goes_before_what_loads_first() {
        let edits = Edits { head: vec!["<link rel=preconnect href=x>".into()], ..Edits::default() };
        assert!(
            edited(&edits, PAGE)
                .contains("<title>x</title>\n<link rel=preconnect href=x><link rel=stylesheet")
        );
        assert_eq!(edited(&edits, "<p>bare"), "<link rel=preconnect href=x><p>bare");
    }

    #[test]
    fn elements_are_changed_by_what_they_load() {
        let mut edits = Edits::default();
        edits.attributes.entry(url("https://a.example/b.js")).or_default().insert("defer", "");
        edits.inline.insert(url("https://a.example/shop/a.css"), "p{}".into());
        edits.without.insert(Origin::of(&url("https://cdn.example/")).expect("an origin"));
        edits.moved.insert(url("https://a.example/shop/c.png"), url("https://i.example/c.webp"));
        let out = edited(&edits, PAGE);
        assert!(out.contains("<style media=\"screen\">\np{}\n</style>"), "{out}");
        assert!(out.contains("<script src=\"/b.js\" defer=\"\"></script>"), "{out}");
        assert!(!out.contains("cdn.example"), "{out}");
        assert!(out.contains("srcset=\"https://i.example/c.webp 1x, c2.png 2x\""), "{out}");
        assert!(out.contains("<img src=\"https://i.example/c.webp\""), "{out}");
        assert!(out.ends_with("Grüße<a href=c.png>c</a>"), "{out}");
    }

    #[test]
    fn what_is_looked_for_is_found_however_it_is_written() {
        let page = "<link rel=preload as=style href='/f.css?a=1&amp;b=2'>\
            <link rel=stylesheet href='/f.css?a=1&amp;b=2'><img srcset='/a.png 1x, /b.png 2x'>\
            <svg><use href='/i.svg#x'/></svg><img src=/c.svg#y>";
        let mut edits = Edits::default();
        edits.inline.insert(url("https://a.example/f.css?a=1&b=2"), "p{}".into());
        for one in ["https://a.example/b.png", "https://a.example/c.svg"] {
            edits.attributes.entry(url(one)).or_default().insert("loading", "lazy");
        }
        edits.moved.insert(url("https://a.example/c.svg"), url("https://b.example/c.svg?x&y"));
        let out = edited(&edits, page);
        assert_eq!(out.matches("<style>").count(), 1, "{out}");
        assert!(!out.contains("<link"), "{out}");
        assert_eq!(out.matches("loading=\"lazy\"").count(), 2, "{out}");
        assert!(out.contains("\"https://b.example/c.svg?x&amp;y#y\""), "{out}");
    }

    #[test]
    fn what_the_markup_does_not_name_is_not_changed_in_silence() {
        let mut edits = Edits::default();
        edits.attributes.entry(url("https://a.example/none.js")).or_default().insert("defer", "");
        let at = url("https://a.example/");
        assert_eq!(edits.apply(b"<p>", None, &at), Err(EditError::Missing(1)));
    }

    #[test]
    fn changes_go_together() {
        let mut edits = Edits::default();
        let [script, moved] = ["https://b.example/t.js", "https://a.example/b/t.js"].map(url);
        edits.attributes.entry(script.clone()).or_default().insert("defer", "");
        edits.moved.insert(script.clone(), moved);
        edits.rewritten.insert(script.clone());
        edits.preloads.push(Hint { url: script, destination: "script", anonymous: false });
        let out = edited(&edits, "<script src=https://b.example/t.js integrity=x></script>");
        assert_eq!(
            out,
            "<link rel=preload as=script href=\"/b/t.js\"><script \
             src=\"https://a.example/b/t.js\" defer=\"\"></script>"
        );
    }

    #[test]
    fn sheets_of_some_media_are_told_from_those_of_all() {
        let page = "<base href=/x/><link rel=stylesheet href=a.css media=' ALL '>\
            <link rel=stylesheet href='b.css#y' media=print><link rel=stylesheet href=c.css>";
        let found = sheets_of_some_media(page.as_bytes(), None, &url("https://a.example/"));
        assert_eq!(found, Ok(BTreeSet::from([url("https://a.example/x/b.css")])));
    }

    #[test]
    fn what_is_no_superset_of_ascii_is_left_alone() {
        let edits = Edits { head: vec!["x".into()], ..Edits::default() };
        let error =
            edits.apply(b"<p>", Some("text/html; charset=utf-16le"), &url("http://a.example/"));
        assert_eq!(error, Err(EditError::Encoding("UTF-16LE")));
    }
}
