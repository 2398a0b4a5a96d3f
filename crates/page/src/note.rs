//! What a view of a page must say beside the picture.

use std::fmt;

use url::Url;

use crate::engine::LayoutNote;
use crate::fetch::Listed;

/// Something a reader of the picture has to know. Its [`Display`](fmt::Display) is one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Scripts are fetched and timed, not run: what they would add is missing.
    ScriptsNotRun {
        /// `<script>` elements with a `src` that a browser would fetch.
        external: usize,
        /// `<script>` elements with their code in the page.
        inline: usize,
    },
    /// Seen and not fetched.
    Omitted(Listed),
    /// More was seen and not fetched than is remembered.
    OmittedMore {
        /// How many more.
        count: usize,
    },
    /// The document asks for quirks mode; it is laid out in standards mode.
    QuirksMode,
    /// The document is laid out only in part.
    Truncated {
        /// Bytes of markup (as UTF-8) that were laid out.
        laid_out: usize,
        /// Bytes of markup that came.
        of: usize,
    },
    /// Elements nested too deeply became siblings.
    Flattened {
        /// How many.
        elements: usize,
    },
    /// Bytes that are no text in the document's encoding were replaced by U+FFFD.
    Undecodable {
        /// The encoding's name.
        encoding: &'static str,
    },
    /// A resource did not come.
    Missing {
        /// Its address.
        url: Url,
        /// What it is for, in words.
        kind: &'static str,
        /// Why.
        reason: String,
    },
    /// A style sheet came and was not applied.
    StyleRefused {
        /// Its address.
        url: Url,
        /// The `Content-Type` that forbids it.
        content_type: String,
    },
    /// A style sheet was cut.
    StyleTruncated {
        /// Its address.
        url: Url,
    },
    /// An image came and could not be drawn.
    ImageNotDrawn {
        /// Its address.
        url: Url,
        /// Why.
        why: String,
    },
    /// A font came and could not be used.
    FontNotUsed {
        /// Its address.
        url: Url,
    },
    /// The picture shows less of the page than was asked for.
    PictureCut {
        /// Device pixels the page is high.
        page: u64,
        /// Device pixels shown.
        shown: u32,
    },
    /// Characters that no font has: they show as boxes.
    NoGlyphs {
        /// The script they belong to; `other` for what is no script with a name here.
        script: String,
        /// How many different ones.
        characters: usize,
        /// The first few of them.
        first: String,
    },
    /// `<meta http-equiv=refresh>` was seen and not followed.
    Refresh {
        /// Its `content`.
        content: String,
    },
    /// A link in a 103 response was passed over.
    EarlyHintIgnored {
        /// What it names, as it was written.
        target: String,
    },
    /// Shadow trees, custom elements and `<canvas>` need scripts.
    NeedsScript {
        /// The element's name.
        element: &'static str,
        /// How many.
        count: usize,
    },
}

impl From<LayoutNote> for Note {
    fn from(note: LayoutNote) -> Note {
        match note {
            LayoutNote::Flattened { elements } => Note::Flattened { elements },
            LayoutNote::ImageNotDrawn { url, why } => Note::ImageNotDrawn { url, why },
            LayoutNote::FontNotUsed { url } => Note::FontNotUsed { url },
            LayoutNote::PictureCut { page, shown } => Note::PictureCut { page, shown },
            LayoutNote::NoGlyphs { script, characters, first } => {
                Note::NoGlyphs { script, characters, first }
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::ScriptsNotRun { external, inline } => write!(
                f,
                "scripts are fetched and timed, not run: {external} external, {inline} inline"
            ),
            Note::Omitted(listed) => write!(
                f,
                "{} not fetched: {} ({}): {}",
                listed.kind.name(),
                listed.url,
                match listed.line {
                    0 => "Link field".to_owned(),
                    line => format!("line {line}"),
                },
                listed.why.reason()
            ),
            Note::OmittedMore { count } => write!(f, "{count} more were seen and not fetched"),
            Note::QuirksMode => f.write_str(
                "the document has no standards-mode doctype; it is laid out in standards mode",
            ),
            Note::Truncated { laid_out, of } => {
                write!(f, "only the first {laid_out} of {of} bytes of markup are laid out")
            }
            Note::Flattened { elements } => {
                write!(f, "{elements} elements nested too deeply were made siblings")
            }
            Note::Undecodable { encoding } => {
                write!(f, "some bytes are not {encoding}; they show as U+FFFD")
            }
            Note::Missing { url, kind, reason } => write!(f, "{kind} missing: {url}: {reason}"),
            Note::StyleRefused { url, content_type } => {
                write!(f, "style sheet not applied: {url} is {content_type}, not text/css")
            }
            Note::StyleTruncated { url } => write!(f, "style sheet cut short: {url}"),
            Note::ImageNotDrawn { url, why } => write!(f, "image not drawn: {url}: {why}"),
            Note::FontNotUsed { url } => write!(f, "font not usable: {url}"),
            Note::PictureCut { page, shown } => {
                write!(f, "the picture shows {shown} of the page's {page} rows of pixels")
            }
            Note::NoGlyphs { script, characters, first } => write!(
                f,
                "no carried font has {characters} of the page's characters (script {script}: {first}); they show as \
                 boxes, and --fonts system takes this machine's fonts"
            ),
            Note::Refresh { content } => write!(f, "meta refresh not followed: {content}"),
            Note::EarlyHintIgnored { target } => write!(
                f,
                "a 103 names {target} in a way that browsers pass over there: they act on rel=preload, \
                 modulepreload and preconnect, with no parameters but as, crossorigin, type and fetchpriority"
            ),
            Note::NeedsScript { element, count } => {
                write!(f, "{count} <{element}> would be filled by scripts")
            }
        }
    }
}
