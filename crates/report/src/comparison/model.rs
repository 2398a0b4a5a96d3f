//! `Comparison`: two sides, what changed between them, and what that is judged by.

use roundtrip_record::ExchangeId;
use roundtrip_story::{Both, Diff, JudgedCondition};

use crate::model::EXCEEDED;
use crate::names::short_url;
use crate::text::clean;

/// Two sides compared, and what the comparison is judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What changed.
    pub diff: Diff,
    /// What each side was called on the command line.
    pub names: Both<String>,
    /// The conditions of `--fail-if`, judged.
    pub conditions: Vec<JudgedCondition>,
}

impl Comparison {
    /// The exit code: [`EXCEEDED`] if a condition fails.
    pub fn exit(&self) -> u8 {
        if self.conditions.iter().any(JudgedCondition::fails) { EXCEEDED } else { 0 }
    }

    /// An exchange of side A, by its URL, shortened where it is of the page's own host.
    pub(crate) fn of_a(&self, id: ExchangeId) -> String {
        let single = self.diff.removed.iter().find(|one| one.exchange == id).map(|one| &one.url);
        let pair = || self.diff.pairs.iter().find(|one| one.exchange.a == id).map(|one| &one.url);
        self.short(single.or_else(pair), self.diff.sides.a.document.as_deref())
    }

    /// The same of side B.
    pub(crate) fn of_b(&self, id: ExchangeId) -> String {
        let single = self.diff.added.iter().find(|one| one.exchange == id).map(|one| &one.url);
        let pair = || self.diff.pairs.iter().find(|one| one.exchange.b == id).map(|one| &one.url);
        self.short(single.or_else(pair), self.diff.sides.b.document.as_deref())
    }

    fn short(&self, url: Option<&String>, document: Option<&str>) -> String {
        // Of a pair with two origins the URL is B's.
        let base = document.filter(|base| url.is_some_and(|url| same_origin(url, base)));
        let base = base.or(self.diff.sides.b.document.as_deref());
        url.map_or("?".to_owned(), |url| short_of(url, base))
    }

    /// The URL of side B's page.
    pub(crate) fn page(&self) -> Option<&str> {
        self.diff.sides.b.document.as_deref()
    }

    /// A URL, shortened where it is of the host of side B's page.
    pub(crate) fn short_on_page(&self, url: &str) -> String {
        short_of(url, self.page())
    }
}

/// A URL, shortened where it is of the base's host.
fn short_of(url: &str, base: Option<&str>) -> String {
    let short = short_url(url, base);
    if short == "/" { clean(url) } else { short }
}

fn same_origin(url: &str, base: &str) -> bool {
    short_url(url, Some(base)).starts_with('/')
}
