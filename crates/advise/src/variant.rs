//! `Variant`: one change that could help, with a name and a description.

use roundtrip_visit::scenario::Scenario;
use serde::Serialize;
use url::Url;

use crate::change::{Change, Changed, changed};
use crate::document::EditError;

/// Whose a change would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The site's own: whoever runs it can make the change, alone or with others.
    Site,
    /// The site's own too, but something is lost by it, so that it is no part of what is best.
    Sacrifice,
    /// The surroundings': it shows what a longer or shorter way, or a faster server, comes to.
    Surroundings,
    /// The site's own, for those who come back: it is tried on a second visit, which begins when a first
    /// one is over, so that it is no part of what is best for a first one.
    SecondVisit,
}

/// One change to a visit that could help.
#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// Its name: lower case, unique among those of a visit, the same for the same change in another
    /// visit of the page.
    pub name: String,
    /// What one would have done, as it follows "if you".
    pub title: String,
    /// How it was tried.
    pub how: String,
    /// What has to be known before it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<&'static str>,
    /// The name of Lighthouse's audit that advises the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lighthouse: Option<&'static str>,
    /// Whose it would be.
    pub reach: Reach,
    /// Of variants with one of these words in common only one can be done.
    #[serde(skip)]
    pub(crate) excludes: Vec<String>,
    #[serde(skip)]
    pub(crate) changes: Vec<Change>,
}

impl Variant {
    /// The scenario that this was proposed for, whose page is `document`, with the change.
    ///
    /// # Errors
    /// When the document cannot be changed.
    pub fn applied(&self, scenario: &Scenario, document: &Url) -> Result<Changed, EditError> {
        changed(scenario, document, &self.changes)
    }

    /// A change of the site's own.
    pub(crate) fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            how: String::new(),
            caution: None,
            lighthouse: None,
            reach: Reach::Site,
            excludes: Vec::new(),
            changes: Vec::new(),
        }
    }

    pub(crate) fn how(mut self, how: impl Into<String>) -> Self {
        self.how = how.into();
        self
    }

    pub(crate) const fn caution(mut self, caution: &'static str) -> Self {
        self.caution = Some(caution);
        self
    }

    pub(crate) const fn lighthouse(mut self, audit: &'static str) -> Self {
        self.lighthouse = Some(audit);
        self
    }

    pub(crate) const fn of_surroundings(mut self) -> Self {
        self.reach = Reach::Surroundings;
        self
    }

    pub(crate) const fn of_sacrifice(mut self) -> Self {
        self.reach = Reach::Sacrifice;
        self
    }

    /// A change that is tried on a second visit.
    pub(crate) fn on_second_visit(mut self) -> Self {
        self.reach = Reach::SecondVisit;
        self.with([Change::SecondVisit])
    }

    pub(crate) fn excluding(mut self, word: impl Into<String>) -> Self {
        self.excludes.push(word.into());
        self
    }

    pub(crate) fn with(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.changes.extend(changes);
        self
    }

    /// Whether this and another cannot both be done.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.excludes.iter().any(|word| other.excludes.contains(word))
    }
}
