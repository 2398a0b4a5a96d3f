//! What a page asks for, and what it is given.

use std::fmt;

use bytes::Bytes;
use url::Url;

/// Names one wanted resource of one page. Ids count up from 0 in the order of discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u32);

impl fmt::Display for FetchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a resource is for. [`Kind::destination`] gives the Fetch standard's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A style sheet: `<link rel=stylesheet>` or `@import`.
    Style,
    /// A script, classic or module. Fetched and timed, never run.
    Script,
    /// An image in content or in a style.
    Image,
    /// A font of an `@font-face` rule.
    Font,
    /// A site icon: `<link rel=icon>`.
    Icon,
    /// The still picture of a `<video>`.
    Poster,
    /// A nested document: `<iframe>`, `<frame>`.
    Frame,
    /// A moving picture: `<video>`.
    Video,
    /// A sound: `<audio>`.
    Audio,
    /// Subtitles and the like: `<track>`.
    Track,
    /// A web application manifest.
    Manifest,
    /// A plug-in's data: `<object>`.
    Object,
    /// A plug-in's data: `<embed>`.
    Embed,
    /// Data a script would read: `<link rel=preload as=fetch>`.
    Data,
    /// A document for a later navigation: `<link rel=prefetch>`, `rel=prerender`.
    Later,
}

impl Kind {
    /// The request's destination in the words of the Fetch standard (section 2.2.5);
    /// `""` for what has none.
    pub fn destination(self) -> &'static str {
        match self {
            Kind::Style => "style",
            Kind::Script => "script",
            Kind::Image | Kind::Icon | Kind::Poster => "image",
            Kind::Font => "font",
            Kind::Frame => "iframe",
            Kind::Video => "video",
            Kind::Audio => "audio",
            Kind::Track => "track",
            Kind::Manifest => "manifest",
            Kind::Object => "object",
            Kind::Embed => "embed",
            Kind::Data => "",
            Kind::Later => "document",
        }
    }

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Style => "style sheet",
            Kind::Script => "script",
            Kind::Image => "image",
            Kind::Font => "font",
            Kind::Icon => "icon",
            Kind::Poster => "poster",
            Kind::Frame => "frame",
            Kind::Video => "video",
            Kind::Audio => "audio",
            Kind::Track => "track",
            Kind::Manifest => "manifest",
            Kind::Object => "object",
            Kind::Embed => "embed",
            Kind::Data => "data",
            Kind::Later => "later page",
        }
    }

    /// The `Accept` field a browser sends for this destination (Fetch standard, section 4.1,
    /// and Chrome's values for images).
    pub fn accept(self) -> &'static str {
        match self {
            Kind::Style => "text/css,*/*;q=0.1",
            Kind::Image | Kind::Icon | Kind::Poster => {
                "image/webp,image/svg+xml,image/png,image/*;q=0.8,*/*;q=0.5"
            }
            Kind::Frame | Kind::Later => {
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
            }
            _ => "*/*",
        }
    }
}

/// How soon a resource is wanted. The five names, and which resource gets which, are Chrome's
/// (`ResourceLoadPriority` in Blink's `platform/loader/fetch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Prefetches, and style sheets whose `media` does not match.
    VeryLow,
    /// Images, media, and scripts that are `async` or `defer`.
    Low,
    /// Scripts that come after the first image, and the first large images.
    Medium,
    /// Scripts that block the parser, and preloaded fonts.
    High,
    /// Style sheets, and fonts in use.
    VeryHigh,
}

impl Priority {
    /// The name Chrome's `DevTools` and HAR files use: `Highest` … `Lowest`.
    pub fn devtools(self) -> &'static str {
        match self {
            Priority::VeryLow => "Lowest",
            Priority::Low => "Low",
            Priority::Medium => "Medium",
            Priority::High => "High",
            Priority::VeryHigh => "Highest",
        }
    }
}

/// What waits for a resource (HTML standard: render-blocking, parser-blocking).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blocks {
    /// Nothing waits.
    None,
    /// A browser's parser stops here until the script has come.
    Parser,
    /// Nothing is painted until this has come or failed.
    Render,
}

/// Where a wanted resource was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Initiator {
    /// In the document's markup, on this line (from 1).
    Markup {
        /// The line on which the tag ends.
        line: u64,
    },
    /// In a style sheet: `@import`, `@font-face`.
    Style {
        /// The style sheet's address; the document's own for a `<style>` element.
        sheet: Url,
    },
    /// During layout: a style that matched an element of the document.
    Layout,
    /// In a `Link` field of the document's head (RFC 8288).
    LinkField,
    /// In a 103 response that came before the document's head (RFC 8297).
    EarlyHints,
    /// A script asked for it in a visit that is carried out again ([`Page::ask`](crate::Page::ask)).
    Script {
        /// The script's address; the document's own where it stands in that.
        script: Url,
        /// The line in it, from 1; 0 where not known.
        line: u32,
    },
}

impl Initiator {
    /// Whether a head named it, before any markup could.
    pub fn is_of_head(&self) -> bool {
        matches!(self, Initiator::LinkField | Initiator::EarlyHints)
    }
}

/// One wanted resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// What to call it when it is delivered.
    pub id: FetchId,
    /// The address, absolute, without a fragment.
    pub url: Url,
    /// What it is for.
    pub kind: Kind,
    /// How soon it is wanted.
    pub priority: Priority,
    /// What waits for it.
    pub blocks: Blocks,
    /// Where it was found.
    pub initiator: Initiator,
    /// The media query it is for, if one was given and does not match this viewport.
    pub media: Option<String>,
    /// Other origins are asked without credentials: fonts, modules and what is marked `crossorigin`.
    pub anonymous: bool,
    /// Other origins have to permit its use (CORS): those, and what is `crossorigin=use-credentials`.
    pub cors: bool,
}

/// What became of a wanted resource.
#[derive(Debug, Clone)]
pub enum Delivered {
    /// It came.
    Loaded {
        /// The body, content codings undone.
        bytes: Bytes,
        /// The `Content-Type` field's value.
        content_type: Option<String>,
        /// The address after redirects; relative addresses inside resolve against it.
        final_url: Url,
    },
    /// It did not come, or came with a status that makes it useless.
    Failed {
        /// Why, for the notes.
        reason: String,
    },
}

/// What was seen and is not fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The address, absolute.
    pub url: Url,
    /// What it is for.
    pub kind: Kind,
    /// The line of the markup it was found on, from 1; 0: in a `Link` field.
    pub line: u64,
    /// Why it is not fetched.
    pub why: Omitted,
}

/// Why something seen is not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Omitted {
    /// Nested documents are not loaded.
    Frame,
    /// Media are not played.
    Media,
    /// Plug-ins are not run.
    Plugin,
    /// Only a script or a later navigation would want it.
    NotNow,
    /// `loading=lazy`, and too far below the viewport.
    Lazy,
    /// The page wants more resources than are fetched ([`crate::limits::FETCHES`]).
    TooMany,
}

impl Omitted {
    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Omitted::Frame => "nested documents are listed, not loaded",
            Omitted::Media => "media are listed, not played",
            Omitted::Plugin => "plug-ins are not run",
            Omitted::NotNow => "only a script or a later page would want it",
            Omitted::Lazy => "loading=lazy and far below the viewport",
            Omitted::TooMany => "the page wants more than is fetched",
        }
    }
}

/// A connection the page would like opened ahead (`<link rel=preconnect>`, `rel=dns-prefetch>`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Whose origin is meant.
    pub url: Url,
    /// How far to go.
    pub reach: Reach,
    /// For requests without credentials (`crossorigin`).
    pub anonymous: bool,
}

/// How far a [`Hint`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Resolve the name.
    Name,
    /// Resolve the name and connect.
    Connection,
}
