//! `Proposals`: what could help a visit, before it is tried.

use serde::Serialize;
use url::Url;

use crate::variant::Variant;

/// What could help, and what cannot be tried.
#[derive(Clone, Debug, Default)]
pub struct Proposals {
    /// The page's document.
    pub document: Option<Url>,
    /// Changes, to be tried.
    pub variants: Vec<Variant>,
    /// What cannot be tried.
    pub untried: Vec<Untried>,
    /// In what the visit is not as it was recorded, each in a sentence: told with the advice.
    pub substituted: Vec<String>,
}

/// Something that cannot be tried by carrying the visit out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Untried {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
}

impl Untried {
    pub(crate) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}
