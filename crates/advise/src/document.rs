//! Changes to a document's markup, all made at once. What is not changed stays as it was, to the byte.

use core::cell::RefCell;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use lol_html::html_content::{ContentType, Element};
use lol_html::{AsciiCompatibleEncoding, ElementContentHandlers, HtmlRewriter, Settings};
use roundtrip_http::client::Origin;
use url::Url;

/// What is changed in a document. URLs are absolute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    /// Markup that is put into the head, before whatever first loads anything there.
    pub(crate) head: Vec<String>,
    /// Attributes given to the elements that load a URL.
    pub(crate) attributes: BTreeMap<Url, BTreeMap<&'static str, &'static str>>,
    /// Style sheets that stand in the document itself.
    pub(crate) inline: BTreeMap<Url, String>,
    /// Elements that load something from these origins are left out.
    pub(crate) without: BTreeSet<Origin>,
    /// Elements that load these URLs are left out.
    pub(crate) without_urls: BTreeSet<Url>,
    /// URLs written otherwise.
    pub(crate) moved: BTreeMap<Url, Url>,
}

/// Why a document was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EditError {
    /// Its encoding is not a superset of ASCII.
    #[error("its encoding, {0}, cannot be edited")]
    Encoding(&'static str),
    /// It cannot be read.
    #[error("its markup cannot be edited")]
    Markup,
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
            && self.without_urls.is_empty()
            && self.moved.is_empty()
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
        let label = content_type.and_then(charset).unwrap_or("utf-8");
        let encoding =
            encoding_rs::Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8);
        let ascii =
            AsciiCompatibleEncoding::new(encoding).ok_or(EditError::Encoding(encoding.name()))?;
        let editor = RefCell::new(Editor { edits: self, base: url.clone(), put: false });
        let on_element = |element: &mut Element<'_, '_>| {
            editor.borrow_mut().element(element);
            Ok(())
        };
        let every = "*".parse().map_err(|_| EditError::Markup)?;
        let handler = ElementContentHandlers::default().element(on_element);
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
    base: Url,
    /// The markup for the head was put.
    put: bool,
}

impl Editor<'_> {
    fn element(&mut self, element: &mut Element<'_, '_>) {
        let name = element.tag_name();
        if name == "base"
            && let Some(base) =
                element.get_attribute("href").and_then(|href| self.base.join(&href).ok())
        {
            self.base = base;
        }
        if !self.put && !QUIET.contains(&name.as_str()) {
            self.put = true;
            for markup in &self.edits.head {
                element.before(markup, ContentType::Html);
            }
        }
        self.move_addresses(element, &name);
        if let Some(url) = self.loaded(element, &name) {
            self.edit(element, &name, &url);
        }
    }

    /// What an element loads.
    fn loaded(&self, element: &Element<'_, '_>, name: &str) -> Option<Url> {
        let attribute = match name {
            "link" => "href",
            "object" => "data",
            name if BY_SRC.contains(&name) => "src",
            _ => return None,
        };
        self.base.join(element.get_attribute(attribute)?.trim()).ok()
    }

    fn edit(&self, element: &mut Element<'_, '_>, name: &str, url: &Url) {
        let edits = self.edits;
        let is_left_out = edits.without_urls.contains(url)
            || Origin::of(url).is_some_and(|origin| edits.without.contains(&origin));
        if is_left_out {
            element.remove();
            return;
        }
        if let Some(css) = edits.inline.get(url)
            && name == "link"
        {
            let media = element.get_attribute("media");
            let media =
                media.map_or_else(String::new, |media| format!(" media=\"{}\"", escaped(&media)));
            element.replace(&format!("<style{media}>\n{css}\n</style>"), ContentType::Html);
            return;
        }
        for (name, value) in edits.attributes.get(url).into_iter().flatten() {
            // Names are constants that can stand there.
            let _ = element.set_attribute(name, value);
        }
    }

    /// Writes addresses otherwise, also those among several.
    fn move_addresses(&self, element: &mut Element<'_, '_>, name: &str) {
        if self.edits.moved.is_empty() || name == "a" {
            return;
        }
        for attribute in ["src", "href", "data", "poster"] {
            let moved = element.get_attribute(attribute).and_then(|text| self.moved(text.trim()));
            if let Some(moved) = moved {
                let _ = element.set_attribute(attribute, &moved);
            }
        }
        for attribute in ["srcset", "imagesrcset"] {
            let Some(text) = element.get_attribute(attribute) else { continue };
            let words: Vec<String> = text
                .split_ascii_whitespace()
                .map(|word| {
                    let bare = word.trim_end_matches(',');
                    let commas = &word[bare.len()..];
                    self.moved(bare).map_or_else(|| word.to_owned(), |moved| moved + commas)
                })
                .collect();
            let _ = element.set_attribute(attribute, &words.join(" "));
        }
    }

    fn moved(&self, text: &str) -> Option<String> {
        let url = self.base.join(text).ok()?;
        self.edits.moved.get(&url).map(Url::to_string)
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
    fn what_is_no_superset_of_ascii_is_left_alone() {
        let edits = Edits { head: vec!["x".into()], ..Edits::default() };
        let error =
            edits.apply(b"<p>", Some("text/html; charset=utf-16le"), &url("http://a.example/"));
        assert_eq!(error, Err(EditError::Encoding("UTF-16LE")));
    }
}
