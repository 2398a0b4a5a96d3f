//! `Cache`: the answers that a browser keeps (RFC 9111), of one person.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use roundtrip_http::client::{Credentials, Request};
use url::Url;

use crate::asker::Asker;
use crate::freshness::AgeFrom;
use crate::kept::{Asked, By, Kept, Use};

/// Bytes that a cache keeps unless it is told otherwise.
const ROOM: usize = 256 << 20;
/// The most answers that it keeps.
const MOST: usize = 16_384;
/// The part of the room that one answer may take, as in Chromium (`net/disk_cache`).
const SHARE: usize = 8;

/// The answers that a browser keeps, from one visit to the next too. Its clones share them.
///
/// An answer is given again to whoever asks for the same URL with GET, with or without credentials as
/// before, and on behalf of the same site: browsers keep sites apart, so that none can find out where
/// somebody has been. One answer is kept of each, the latest; when there is no more room, what was not
/// used for longest goes.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Mutex<Shelf>>);

/// By what an answer is found again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    url: String,
    /// On behalf of which site.
    site: String,
    credentials: Credentials,
}

impl Key {
    /// Of a request that somebody makes.
    pub(crate) fn of(request: &Request, asker: &Asker) -> Self {
        let site = asker.site(&request.url);
        Self { url: bare(&request.url), site, credentials: request.credentials }
    }
}

fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    url.into()
}

#[derive(Debug)]
struct Shelf {
    room: usize,
    age_from: AgeFrom,
    /// Bytes that are taken.
    taken: usize,
    answers: BTreeMap<Key, Placed>,
    /// By when they were used last.
    used: BTreeMap<u64, Key>,
    /// How often anything was used.
    uses: u64,
}

#[derive(Debug)]
struct Placed {
    kept: Kept,
    used: u64,
}

/// What a cache has for a request.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing that is of use.
    Nothing,
    /// An answer to be given.
    Fresh(Kept),
    /// An answer to be asked about.
    Stale(Kept, By),
}

impl Default for Cache {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Cache {
    /// An empty one with room for this many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Shelf {
            room: bytes,
            age_from: AgeFrom::default(),
            taken: 0,
            answers: BTreeMap::new(),
            used: BTreeMap::new(),
            uses: 0,
        })))
    }

    /// The same cache, which takes the age of answers from this.
    #[must_use]
    pub fn telling_age_from(self, from: AgeFrom) -> Self {
        self.shelf().age_from = from;
        self
    }

    /// How many answers it has.
    pub fn len(&self) -> usize {
        self.shelf().answers.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the longest body that is kept.
    pub(crate) fn largest(&self) -> usize {
        self.shelf().room / SHARE
    }

    pub(crate) fn age_from(&self) -> AgeFrom {
        self.shelf().age_from
    }

    /// What there is for a request.
    pub(crate) fn find(&self, key: &Key, asked: &Asked, now: SystemTime) -> Found {
        let mut shelf = self.shelf();
        let Some(placed) = shelf.answers.get(key) else { return Found::Nothing };
        let found = match placed.kept.when(asked, now) {
            Use::AsItIs => Found::Fresh(placed.kept.clone()),
            Use::Asking(by) => Found::Stale(placed.kept.clone(), by),
            Use::Nothing => return Found::Nothing,
        };
        shelf.touch(key);
        found
    }

    /// Keeps an answer, in place of another to the same request.
    pub(crate) fn keep(&self, key: Key, kept: Kept) {
        let mut shelf = self.shelf();
        shelf.remove(&key);
        let size = kept.size();
        if size > shelf.room / SHARE {
            return;
        }
        shelf.taken += size;
        let used = shelf.next_use();
        shelf.used.insert(used, key.clone());
        shelf.answers.insert(key, Placed { kept, used });
        while shelf.taken > shelf.room || shelf.answers.len() > MOST {
            let Some((_, oldest)) = shelf.used.pop_first() else { break };
            shelf.remove(&oldest);
        }
    }

    /// Forgets an answer.
    pub(crate) fn forget(&self, key: &Key) {
        self.shelf().remove(key);
    }

    /// Forgets all answers of a URL: something was changed there (RFC 9111 §4.4).
    pub(crate) fn invalidate(&self, url: &Url) {
        let url = bare(url);
        let mut shelf = self.shelf();
        let first =
            Key { url: url.clone(), site: String::new(), credentials: Credentials::Included };
        let from = shelf.answers.range(first..).map(|(key, _)| key);
        let all: Vec<Key> = from.take_while(|key| key.url == url).cloned().collect();
        for key in &all {
            shelf.remove(key);
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // What panicked while it held the cache left it whole: nothing here does in between.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn touch(&mut self, key: &Key) {
        let now = self.next_use();
        if let Some(placed) = self.answers.get_mut(key) {
            self.used.remove(&core::mem::replace(&mut placed.used, now));
            self.used.insert(now, key.clone());
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.answers.remove(key) {
            self.used.remove(&gone.used);
            self.taken -= gone.kept.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use http::{StatusCode, Version};
    use roundtrip_http::message::Fields;

    use super::*;
    use crate::kept::{Came, Head, KeptBody};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn key(url: &str) -> Key {
        Key::of(&Request::get(Url::parse(url).expect("a URL")), &Asker::Person)
    }

    fn kept(length: usize) -> Kept {
        let mut fields = Fields::new();
        fields.add("Cache-Control", "max-age=60");
        let head = Head {
            version: Version::HTTP_11,
            status: StatusCode::OK,
            reason: String::new(),
            fields,
        };
        let came = Came { asked: NOW, answered: NOW, age_from: AgeFrom::DateAndAge };
        let body = KeptBody { content: vec![0; length].into(), encoded: length as u64 };
        Kept::new(&Asked::default(), head, body, came)
    }

    fn has(cache: &Cache, url: &str) -> bool {
        matches!(cache.find(&key(url), &Asked::default(), NOW), Found::Fresh(_))
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = Cache::with_room(16 * 1024);
        for n in 0..10 {
            cache.keep(key(&format!("http://a.example/{n}")), kept(1_000));
        }
        assert!(has(&cache, "http://a.example/0"));
        for n in 10..16 {
            cache.keep(key(&format!("http://a.example/{n}")), kept(1_000));
        }
        assert!(has(&cache, "http://a.example/0"), "it was used");
        assert!(!has(&cache, "http://a.example/1"));
        assert!(has(&cache, "http://a.example/15"));
        assert!(cache.shelf().taken <= 16 * 1024);
        let shelf = cache.shelf();
        assert_eq!(shelf.used.len(), shelf.answers.len());
    }

    #[test]
    fn what_takes_too_large_a_part_is_not_kept() {
        let cache = Cache::with_room(16 * 1024);
        cache.keep(key("http://a.example/"), kept(1_000));
        cache.keep(key("http://a.example/"), kept(3_000));
        assert!(cache.is_empty(), "the old answer is none any more either");
        assert_eq!(cache.shelf().taken, 0);
    }

    #[test]
    fn sites_and_credentials_are_kept_apart_and_fragments_are_not() {
        let url = Url::parse("https://cdn.example/a#top").expect("a URL");
        let [one, other] = ["https://one.example/x", "https://other.example/"]
            .map(|page| Asker::Page(Url::parse(page).expect("a URL")));
        let request = Request::get(url);
        let bare = Request::get(Url::parse("https://cdn.example/a").expect("a URL"));
        let mut omitted = Request::get(request.url.clone());
        omitted.credentials = Credentials::Omitted;
        assert_eq!(Key::of(&request, &one), Key::of(&bare, &one));
        assert_ne!(Key::of(&request, &one), Key::of(&request, &other));
        assert_ne!(Key::of(&request, &one), Key::of(&omitted, &one));
        let sub = Asker::Page(Url::parse("https://www.one.example/").expect("a URL"));
        assert_eq!(Key::of(&request, &one), Key::of(&request, &sub));
    }

    #[test]
    fn a_change_is_one_for_all_who_ask() {
        let cache = Cache::default();
        let url = Url::parse("http://a.example/list").expect("a URL");
        let page = Asker::Page(Url::parse("http://b.example/").expect("a URL"));
        cache.keep(Key::of(&Request::get(url.clone()), &Asker::Person), kept(1));
        cache.keep(Key::of(&Request::get(url.clone()), &page), kept(1));
        cache.keep(key("http://a.example/list2"), kept(1));
        cache.invalidate(&url);
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn it_gets_old() {
        let cache = Cache::default();
        cache.keep(key("http://a.example/"), kept(1));
        let at = |seconds| {
            let now = NOW + Duration::from_secs(seconds);
            cache.find(&key("http://a.example/"), &Asked::default(), now)
        };
        assert!(matches!(at(59), Found::Fresh(_)));
        // There is nothing to ask its server about.
        assert!(matches!(at(60), Found::Nothing));
    }
}
