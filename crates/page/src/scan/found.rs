//! What the scanner finds in a document.

use url::Url;

use crate::fetch::{Blocks, Kind, Omitted, Priority, Reach};
use crate::holds::Holds;
use crate::policy::{Claims, Refused};

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
        anonymous: bool,
    },
    /// A `<style>` element's text; its media query matches.
    Style {
        css: String,
    },
    Refresh {
        content: String,
    },
    /// Something that the rules of the page refuse, or would refuse if they were enforced.
    Refused {
        refused: Refused,
        /// Its address, where it has one.
        url: Option<Url>,
    },
    /// A module that stands in the page, and what of it waits for what it imports.
    Module {
        source: String,
        holds: Holds,
        line: u64,
    },
    /// A script that runs as soon as the parser has come to it.
    ScriptRuns {
        in_head: bool,
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
    pub(crate) holds: Holds,
    /// What the element says of the request.
    pub(crate) claims: Claims,
}

/// What was counted on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) elements: usize,
    /// Scripts that a browser would run, with an address and without.
    pub(crate) scripts_external: usize,
    pub(crate) scripts_inline: usize,
    pub(crate) canvases: usize,
    pub(crate) custom_elements: usize,
    pub(crate) quirks: bool,
    /// Text or a picture stands in the body: there is something to paint.
    pub(crate) content: bool,
}
