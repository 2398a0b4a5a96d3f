//! What was refused, and by which rule.

use std::fmt;

use super::csp::{Stands, Violated};
use crate::fetch::Kind;

/// The rule that refuses something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The page's own policy (W3C Content Security Policy, level 3).
    Csp {
        /// The directive as it was written, with one blank between two of its words.
        directive: String,
        /// Where the policy stands.
        stands: Stands,
    },
    /// What came is not what the element says it is (W3C Subresource Integrity).
    Integrity {
        /// The hashes of which one would have done, as they were written.
        expected: String,
        /// The hash of what came, by the same algorithm.
        found: String,
    },
    /// The element wants to know what comes, and its server does not let the page read it: `integrity`
    /// without `crossorigin` (Subresource Integrity, section 3.3.3).
    Unreadable {
        /// The attribute, as it was written.
        expected: String,
    },
    /// The page came over TLS, and this would come in the clear (W3C Mixed Content, level 2).
    MixedContent,
    /// The type of what came forbids this use (Fetch, "nosniff" and "MIME type" checks; HTML).
    ContentType {
        /// The type; empty where the answer has none.
        given: String,
        /// Whether it is `X-Content-Type-Options: nosniff` that makes the type count.
        nosniff: bool,
    },
    /// Another origin does not say that the page may use it (Fetch, "CORS check").
    Cors {
        /// The value of `Access-Control-Allow-Origin`; `None` where there is no such field.
        allowed: Option<String>,
        /// Whether the request carried credentials, which `*` does not allow.
        credentials: bool,
    },
    /// Its server says that other origins, or sites, may not have it (Fetch,
    /// "cross-origin resource policy check").
    ResourcePolicy {
        /// The value of `Cross-Origin-Resource-Policy`.
        policy: String,
    },
}

impl fmt::Display for Refusal {
    /// Why in a few words, for a list of what is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Csp { directive, stands: Stands::Field } => {
                write!(f, "refused by the page's Content-Security-Policy: {directive}")
            }
            Refusal::Csp { directive, stands: Stands::Meta { line } } => {
                write!(
                    f,
                    "refused by the page's Content-Security-Policy (line {line}): {directive}"
                )
            }
            Refusal::Integrity { expected, found } => {
                write!(f, "integrity says {expected}, what came is {found}")
            }
            Refusal::Unreadable { .. } => {
                f.write_str("integrity needs crossorigin where another origin answers")
            }
            Refusal::MixedContent => {
                f.write_str("refused as mixed content: http on a page of https")
            }
            Refusal::ContentType { given, nosniff } => {
                let given = if given.is_empty() { "without a type" } else { given };
                let nosniff = if *nosniff { ", and nosniff" } else { "" };
                write!(f, "its content type forbids this use: {given}{nosniff}")
            }
            Refusal::Cors { allowed: None, .. } => {
                f.write_str("refused by CORS: no Access-Control-Allow-Origin")
            }
            Refusal::Cors { allowed: Some(allowed), .. } => {
                write!(f, "refused by CORS: Access-Control-Allow-Origin is {allowed}")
            }
            Refusal::ResourcePolicy { policy } => {
                write!(f, "refused by its Cross-Origin-Resource-Policy: {policy}")
            }
        }
    }
}

/// Something that browsers refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// By which rule.
    pub by: Refusal,
    /// What: an address, or words for what stands in the page itself.
    pub what: String,
    /// What it is for; `None` for what stands in the page itself.
    pub kind: Option<Kind>,
    /// The line of the markup it was found on, from 1; 0: not in the markup.
    pub line: u64,
    /// It was asked for, and has come, before it was refused.
    pub came: bool,
    /// The policy is only to be reported: it would be refused if the policy were enforced.
    pub reported_only: bool,
}

/// Data in an address itself that a policy keeps out of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedData {
    /// The beginning of the address.
    pub(crate) what: String,
    pub(crate) directive: String,
    /// The line of the policy, from 1; 0: it stands in the head.
    pub(crate) line: u64,
}

impl RefusedData {
    /// An image that a policy refuses.
    pub(crate) fn new(what: String, violated: &Violated) -> Self {
        let line = match violated.stands {
            Stands::Field => 0,
            Stands::Meta { line } => line,
        };
        Self { what, directive: violated.directive.clone(), line }
    }
}

impl From<RefusedData> for Refused {
    fn from(refused: RefusedData) -> Self {
        let RefusedData { what, directive, line } = refused;
        let stands = if line == 0 { Stands::Field } else { Stands::Meta { line } };
        Refused {
            by: Refusal::Csp { directive, stands },
            what,
            kind: Some(Kind::Image),
            line: 0,
            came: false,
            reported_only: false,
        }
    }
}

/// Why a request goes over TLS though the page named an address without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgraded {
    /// The page wants it so (`upgrade-insecure-requests`).
    ByPolicy,
    /// The page came over TLS, and browsers ask for pictures and media so then (Mixed Content, level 2).
    AsMixedContent,
}

impl fmt::Display for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Upgraded::ByPolicy => "the page's policy says upgrade-insecure-requests",
            Upgraded::AsMixedContent => "browsers do so with pictures and media of a page of https",
        })
    }
}
