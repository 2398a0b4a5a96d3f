//! Which exchange of one run is which of another.

use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use super::both::Both;
use super::hashed::without_hashes;
use crate::exchange::Exchange;
use crate::story::Story;

/// By what two exchanges were taken for the same, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PairedBy {
    /// Method and URL are equal.
    Url,
    /// They are equal but for the query.
    UrlWithoutQuery,
    /// They are equal but for the scheme, http and https.
    Scheme,
    /// Each is at the same path of its own page's origin, which are two: another scheme, port or host.
    PageOrigin,
    /// The same, but for the query.
    PageOriginWithoutQuery,
    /// The paths are equal but for a hash in a name: `app.3f2a1b.js` and `app.77aa10.js`.
    HashedName,
}

impl PairedBy {
    const ALL: [Self; 6] = [
        Self::Url,
        Self::UrlWithoutQuery,
        Self::Scheme,
        Self::PageOrigin,
        Self::PageOriginWithoutQuery,
        Self::HashedName,
    ];

    /// Whether the two are at the same place but for the origin.
    pub const fn is_other_origin(self) -> bool {
        matches!(self, Self::Scheme | Self::PageOrigin)
    }

    /// What two exchanges must have in common to be paired so; `None` where this one cannot be.
    fn key(self, exchange: &Exchange, page: Option<&str>) -> Option<(String, String)> {
        let url = exchange.url.as_str();
        let bare = || url.split_once('?').map_or(url, |(bare, _)| bare);
        let within = |url: &str| Some(url.strip_prefix(page?)?.to_owned());
        let key = match self {
            Self::Url => url.to_owned(),
            Self::UrlWithoutQuery => bare().to_owned(),
            Self::Scheme => url.split_once("://")?.1.to_owned(),
            Self::PageOrigin => within(url)?,
            Self::PageOriginWithoutQuery => within(bare())?,
            Self::HashedName => {
                let place = within(bare()).unwrap_or_else(|| bare().to_owned());
                without_hashes(&place)?
            }
        };
        Some((exchange.method.clone(), key))
    }
}

/// Two exchanges that are the same, by their places among [`Story::seen`] of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) at: Both<usize>,
    pub(super) by: PairedBy,
}

/// How the exchanges of two runs belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairing {
    /// The pairs, in A's order.
    pub(super) matches: Vec<Match>,
    /// Those of A that B has no counterpart of.
    pub(super) removed: Vec<usize>,
    /// Those of B that A has no counterpart of.
    pub(super) added: Vec<usize>,
}

impl Pairing {
    /// Pairs the exchanges of two runs: by each property after the other those that are left, and of
    /// several that are alike the first with the first.
    pub(super) fn of(stories: Both<&Story>) -> Self {
        let pages = stories.map(page_origin);
        let seen = stories.map(Story::seen);
        let mut left = seen.map(|seen| (0..seen.len()).collect::<Vec<usize>>());
        let mut matches = Vec::new();
        for by in PairedBy::ALL {
            let mut waiting: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
            for &n in left.b.iter().rev() {
                if let Some(key) = by.key(&seen.b[n], pages.b.as_deref()) {
                    waiting.entry(key).or_default().push(n);
                }
            }
            left.a.retain(|&n| {
                let key = by.key(&seen.a[n], pages.a.as_deref());
                let found = key.and_then(|key| waiting.get_mut(&key)?.pop());
                matches.extend(found.map(|b| Match { at: Both::new(n, b), by }));
                found.is_none()
            });
            left.b.retain(|n| matches.iter().all(|one: &Match| one.at.b != *n));
        }
        matches.sort_by_key(|one| one.at.a);
        Self { matches, removed: left.a, added: left.b }
    }

    /// For each match, whether its exchange comes in another order among the matched ones. As few as
    /// can be are said to have moved: all but the longest sequence that kept its order.
    pub(super) fn moved(&self) -> Vec<bool> {
        let order: Vec<usize> = self.matches.iter().map(|one| one.at.b).collect();
        let mut moved = vec![true; order.len()];
        for kept in longest_rising(&order) {
            moved[kept] = false;
        }
        moved
    }
}

/// The places of a longest rising subsequence (patience sorting, with a link back from each element).
fn longest_rising(values: &[usize]) -> Vec<usize> {
    // heads[n]: where the rising subsequence of n + 1 elements ends whose last element is least.
    let mut heads: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(values.len());
    for (n, value) in values.iter().enumerate() {
        let length = heads.partition_point(|head| values[*head] < *value);
        before.push(length.checked_sub(1).map(|shorter| heads[shorter]));
        if length == heads.len() {
            heads.push(n);
        } else {
            heads[length] = n;
        }
    }
    let mut next = heads.last().copied();
    let mut places = Vec::with_capacity(heads.len());
    while let Some(place) = next {
        places.push(place);
        next = before[place];
    }
    places.reverse();
    places
}

/// The origin of the page that was visited, as its URLs begin.
pub(super) fn page_origin(story: &Story) -> Option<String> {
    origin(&story.document()?.url)
}

/// The origin of a URL, as URLs of it begin; `None` where it has none.
pub(super) fn origin(url: &str) -> Option<String> {
    let origin = Url::parse(url).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rising_sequence_keeps_its_order() {
        assert_eq!(longest_rising(&[0, 1, 2, 3]), [0, 1, 2, 3]);
        // The third was moved to the front: one has moved, not three.
        assert_eq!(longest_rising(&[1, 2, 0, 3]), [0, 1, 3]);
        assert_eq!(longest_rising(&[3, 2, 1]).len(), 1);
        assert_eq!(longest_rising(&[]), [0; 0]);
    }
}
