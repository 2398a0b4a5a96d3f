//! What is known of a resource before it is asked for: its kind, its urgency, and what named it.

use serde::{Deserialize, Serialize};

use crate::ExchangeId;

/// What a resource is for: the request destinations of the Fetch standard that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceKind {
    /// The page itself.
    Document,
    /// A style sheet.
    Style,
    /// A script: fetched and timed, not run.
    Script,
    /// An image.
    Image,
    /// A font.
    Font,
    /// A site icon.
    Icon,
    /// Audio or video.
    Media,
    /// A document embedded in the page, as by `iframe`.
    Frame,
    /// A web application manifest.
    Manifest,
    /// Any other resource, and what `get` asks for.
    Other,
}

/// What caused an exchange to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The user: the URL was typed, or given on the command line.
    User,
    /// A redirect.
    Redirect {
        /// The exchange that was redirected.
        of: ExchangeId,
        /// The status of the redirecting response, 3xx.
        status: u16,
    },
    /// The markup of a document.
    Parser {
        /// The document's URL.
        url: String,
        /// The line in the document, from 1; 0 where not known.
        line: u32,
    },
    /// A style sheet.
    Style {
        /// The style sheet's URL.
        url: String,
    },
    /// A `Link` field of a document's head (RFC 8288).
    LinkField {
        /// The document's URL.
        url: String,
    },
    /// A 103 response that came before a document's head (RFC 8297).
    EarlyHints {
        /// The document's URL.
        url: String,
    },
    /// A script that ran. Our own engine runs no scripts, so this occurs only in a browser's
    /// imported record.
    Script {
        /// The script's URL.
        url: String,
        /// The line in the script, from 1; 0 where not known.
        line: u32,
    },
    /// A retry, after the connection was lost or as `Retry-After` asked.
    Retry {
        /// The exchange that is tried again.
        of: ExchangeId,
    },
    /// The other end: this is a server's exchange, whose request came in.
    Peer,
}

/// How urgent a resource is, in the words of the protocol of Chrome's developer tools.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[allow(missing_docs)]
pub enum Priority {
    VeryLow,
    Low,
    #[default]
    Medium,
    High,
    VeryHigh,
}

/// What a resource holds up until it has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// Neither painting nor parsing.
    #[default]
    Nothing,
    /// The first paint.
    Render,
    /// The parser, in a browser that runs scripts. Ours runs none.
    Parser,
}
