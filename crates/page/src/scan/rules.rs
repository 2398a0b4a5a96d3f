//! Rules about single attributes.

use html5ever::tokenizer::Tag;
use url::Url;

use crate::fetch::{Kind, Priority};
use crate::policy::Claims;

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

/// Whether a preload of this media type can be of use (HTML standard, section 4.6.7.15, "type"): one that
/// cannot is not fetched.
pub(super) fn type_fits(kind: Kind, mime: Option<&str>) -> bool {
    let essence = mime.unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind {
        _ if essence.is_empty() => true,
        Kind::Style => is_css(&essence),
        Kind::Script => ScriptKind::of(&essence) == ScriptKind::Classic,
        // Those that Chromium takes for one (`third_party/blink/common/mime_util`).
        Kind::Font => {
            essence.starts_with("font/")
                || essence.starts_with("application/font-")
                || essence.starts_with("application/x-font-")
                || essence == "application/vnd.ms-opentype"
        }
        _ => true,
    }
}

#[derive(PartialEq, Eq, Clone, Copy)]
pub(super) enum ScriptKind {
    Classic,
    Module,
    /// Not a script at all: a template, JSON, an import map.
    Data,
}

impl ScriptKind {
    /// That of an element (HTML standard, section 4.12.1.1, "prepare the script element"): what its `type` says,
    /// or else its `language`; and one `for` an event runs only where that is the load event of the window.
    pub(super) fn of_element(tag: &Tag) -> Self {
        let kind = match (attr(tag, "type"), attr(tag, "language")) {
            (None, Some(language)) if !language.is_empty() => {
                Self::of(&format!("text/{}", language.to_ascii_lowercase()))
            }
            (written, _) => Self::of(&written.unwrap_or("").trim().to_ascii_lowercase()),
        };
        let is = |name, texts: &[&str]| {
            attr(tag, name).map(|value| texts.contains(&&*value.trim().to_ascii_lowercase()))
        };
        match (kind, is("for", &["window"]), is("event", &["onload", "onload()"])) {
            (ScriptKind::Classic, Some(of_window), Some(on_load)) if !(of_window && on_load) => {
                ScriptKind::Data
            }
            _ => kind,
        }
    }

    /// By the value of `type`, in lower case: a media type of JavaScript without parameters (MIME Sniffing,
    /// section 4.6), or nothing.
    fn of(written: &str) -> Self {
        const TYPES: [&str; 17] = [
            "",
            "application/ecmascript",
            "application/javascript",
            "application/x-ecmascript",
            "application/x-javascript",
            "text/ecmascript",
            "text/javascript",
            "text/javascript1.0",
            "text/javascript1.1",
            "text/javascript1.2",
            "text/javascript1.3",
            "text/javascript1.4",
            "text/javascript1.5",
            "text/jscript",
            "text/livescript",
            "text/x-ecmascript",
            "text/x-javascript",
        ];
        match written {
            "module" => ScriptKind::Module,
            _ if TYPES.contains(&written) => ScriptKind::Classic,
            _ => ScriptKind::Data,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hinted {
    Auto,
    High,
    Low,
}

pub(super) fn fetch_priority(tag: &Tag) -> Hinted {
    match attr(tag, "fetchpriority").map(str::to_ascii_lowercase).as_deref() {
        Some("high") => Hinted::High,
        Some("low") => Hinted::Low,
        _ => Hinted::Auto,
    }
}

pub(super) fn hinted(priority: Priority, hint: Hinted) -> Priority {
    match hint {
        Hinted::Auto => priority,
        Hinted::High => priority.max(Priority::High),
        Hinted::Low => priority.min(Priority::Low),
    }
}

/// Both dimensions written, and less than 10 000 square pixels: Blink does not raise such an image.
pub(super) fn is_small(tag: &Tag) -> bool {
    let side = |name| attr(tag, name).and_then(|value| value.trim().parse::<f64>().ok());
    matches!((side("width"), side("height")), (Some(w), Some(h)) if w * h < 10_000.0)
}

pub(super) fn belongs_to_head(name: &str) -> bool {
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

/// Elements that show something without text inside.
pub(super) fn is_content(name: &str) -> bool {
    matches!(
        name,
        "img" | "svg" | "video" | "canvas" | "iframe" | "object" | "embed" | "input" | "hr"
    )
}

/// Whether other origins are asked without credentials (HTML standard, section 2.5.4).
pub(super) fn is_anonymous(tag: &Tag) -> bool {
    attr(tag, "crossorigin").is_some_and(|mode| !mode.eq_ignore_ascii_case("use-credentials"))
}

impl Claims {
    /// Those of a `<link>` or `<script>`.
    pub(super) fn of(tag: &Tag) -> Self {
        let owned = |name| attr(tag, name).filter(|value| !value.is_empty()).map(str::to_owned);
        Self {
            nonce: owned("nonce").filter(|_| is_nonceable(tag)),
            integrity: owned("integrity"),
            cors: attr(tag, "crossorigin").is_some(),
            anonymous: is_anonymous(tag),
            ..Self::default()
        }
    }

    /// Those of a module script, which other origins always have to permit, and which is asked for without
    /// credentials (HTML standard, section 8.1.4.2).
    pub(super) fn of_module(tag: &Tag) -> Self {
        Self { cors: true, anonymous: true, module: true, ..Self::of(tag) }
    }

    /// Those of an image, which `integrity` is not for.
    pub(super) fn of_image(tag: &Tag, image_set: bool) -> Self {
        Self { integrity: None, image_set, ..Self::of(tag) }
    }
}

/// Whether an element's nonce counts. It does not where the element may have been left open by somebody who
/// put markup before it (CSP 3, section 6.7.3.1).
pub(super) fn is_nonceable(tag: &Tag) -> bool {
    let holds_markup = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("<script") || text.contains("<style")
    };
    let swallowed =
        |attr: &html5ever::Attribute| holds_markup(&attr.name.local) || holds_markup(&attr.value);
    let script = &*tag.name == "script";
    !(script && (tag.had_duplicate_attributes || tag.attrs.iter().any(swallowed)))
}

pub(super) fn attr<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attr| &*attr.name.local == name).map(|attr| &*attr.value)
}
