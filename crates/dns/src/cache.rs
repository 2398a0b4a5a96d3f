//! Our own cache: the answers of name servers about addresses, kept between runs.
//!
//! An answer is kept with the configuration of the name servers that gave it. After an edit of
//! resolv.conf, older answers are no longer found.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::rr::RecordType;
use roundtrip_record::ResourceRecord;
use serde::{Deserialize, Serialize};

use crate::cache_scope::CacheScope;
use crate::expiring::{Entry, Expiring};
use crate::family::Family;
use crate::lookup::CacheUse;

/// The key under which the environment stores the cache.
pub(crate) const KEY: &str = "names";
/// The version of the stored form; others are not read.
const VERSION: u32 = 2;
/// The most names and families that are kept.
const CAPACITY: usize = 1024;
/// The longest time that addresses are kept, in seconds (RFC 8767 §4 advises a cap).
const LONGEST: u32 = 86_400;
/// The longest time that a negative answer is kept, in seconds (RFC 2308 §5: one to three hours).
const LONGEST_NEGATIVE: u32 = 3 * 3_600;
/// The shortest time that addresses are used within a run, in seconds, even those that may not be
/// kept: the connections of a page belong to one visit. Chromium (`kMinimumTTLSeconds`) and curl
/// (`CURLOPT_DNS_CACHE_TIMEOUT`) use the same minute.
const LEAST_IN_RUN: u32 = 60;

/// Calendar time in milliseconds since 1970.
type Millis = u64;

/// The name of the realm, the name looked up, and the family.
type Key = (String, String, Family);

/// Our own cache of answers.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    /// What is kept for later runs.
    kept: Expiring<Key, CachedAnswer, Millis>,
    /// What this run learnt itself, and the time until which that may be kept.
    learnt: Expiring<Key, (CachedAnswer, Millis), Millis>,
}

/// What is known of a name and family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CachedAnswer {
    /// The name has addresses, by way of these aliases.
    Addresses { addresses: Vec<IpAddr>, aliases: Vec<String> },
    /// The name does not exist, or the target of its last alias does not.
    NxDomain { soa: Option<String>, aliases: Vec<String> },
    /// The name, or the target of its last alias, exists but has no such addresses.
    NoData { soa: Option<String>, aliases: Vec<String> },
}

/// An entry found in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheHit<'a> {
    pub(crate) known: &'a CachedAnswer,
    /// How long the entry may still be kept, in seconds.
    pub(crate) ttl: u32,
}

/// The cache's answer to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CacheResult<'a> {
    /// This name has addresses; the hits say what is known of each family.
    Found { name: String, hits: Vec<(Family, CacheHit<'a>)> },
    /// No name of the search list has addresses; this is the entry of the last one.
    Negative { name: String, hit: CacheHit<'a> },
    /// The cache cannot answer; `name` is the first one to ask for.
    Miss { name: String },
}

#[derive(Serialize, Deserialize)]
struct CacheFile {
    version: u32,
    entries: Vec<CacheEntry>,
}

#[derive(Serialize, Deserialize)]
struct CacheEntry {
    #[serde(rename = "realm")]
    cache_scope: String,
    name: String,
    family: Family,
    since: Millis,
    until: Millis,
    known: CachedAnswer,
}

impl Cache {
    /// An empty cache.
    pub(crate) fn new() -> Self {
        Self { kept: Expiring::new(CAPACITY), learnt: Expiring::new(CAPACITY) }
    }

    /// Reads a stored cache; one that cannot be read counts as empty.
    pub(crate) fn load(bytes: &[u8]) -> Self {
        let mut cache = Self::new();
        if let Ok(file) = serde_json::from_slice::<CacheFile>(bytes)
            && file.version == VERSION
        {
            for line in file.entries.into_iter().take(CAPACITY) {
                // No run of ours keeps an entry for longer, so the file was made or changed by
                // another program.
                if line.until.saturating_sub(line.since) <= Millis::from(LONGEST) * 1_000 {
                    let key = (line.cache_scope, line.name, line.family);
                    cache.kept.insert(key, line.known, line.since, line.until);
                }
            }
        }
        cache
    }

    /// The bytes to store.
    pub(crate) fn save(&self, wall: SystemTime) -> Vec<u8> {
        let line = |((cache_scope, name, family), entry): (&Key, &Entry<CachedAnswer, Millis>)| {
            CacheEntry {
                cache_scope: cache_scope.clone(),
                name: name.clone(),
                family: *family,
                since: entry.since,
                until: entry.until,
                known: entry.value.clone(),
            }
        };
        let entries = self.kept.iter(millis(wall)).map(line).collect();
        serde_json::to_vec(&CacheFile { version: VERSION, entries }).unwrap_or_default()
    }

    /// The number of entries that are stored, expired ones included.
    pub(crate) fn count(&self) -> usize {
        self.kept.len()
    }

    /// What is known of a fully qualified name, for one family.
    pub(crate) fn get(
        &self,
        cache_scope: &CacheScope,
        name: &str,
        family: Family,
        cache_use: CacheUse,
        wall: SystemTime,
    ) -> Option<CacheHit<'_>> {
        let now = millis(wall);
        let key = (cache_scope.name().to_owned(), name.to_owned(), family);
        let left =
            |until: Millis| u32::try_from(until.saturating_sub(now) / 1_000).unwrap_or(u32::MAX);
        if let Some(entry) = self.learnt.get(&key, now) {
            let (known, until) = &entry.value;
            return Some(CacheHit { known, ttl: left(*until) });
        }
        if cache_use == CacheUse::Refresh {
            return None;
        }
        let entry = self.kept.get(&key, now)?;
        Some(CacheHit { known: &entry.value, ttl: left(entry.until) })
    }

    /// What is known of the first of `candidates` that may have an address.
    pub(crate) fn consult(
        &self,
        cache_scope: &CacheScope,
        candidates: &[String],
        families: &[Family],
        cache_use: CacheUse,
        wall: SystemTime,
    ) -> CacheResult<'_> {
        let mut negative = None;
        for name in candidates {
            let hit = |family: &Family| {
                Some((*family, self.get(cache_scope, name, *family, cache_use, wall)?))
            };
            let hits: Vec<_> = families.iter().filter_map(hit).collect();
            if hits.iter().any(|(_, hit)| matches!(hit.known, CachedAnswer::Addresses { .. })) {
                return CacheResult::Found { name: name.clone(), hits };
            }
            if hits.len() < families.len() {
                return CacheResult::Miss { name: name.clone() };
            }
            negative = hits.into_iter().next().map(|(_, hit)| (name.clone(), hit));
        }
        match negative {
            Some((name, hit)) => CacheResult::Negative { name, hit },
            None => CacheResult::Miss { name: candidates.first().cloned().unwrap_or_default() },
        }
    }

    /// Keeps a name server's answer for `ttl` seconds.
    pub(crate) fn insert(
        &mut self,
        cache_scope: &CacheScope,
        name: String,
        family: Family,
        known: CachedAnswer,
        ttl: u32,
        wall: SystemTime,
    ) {
        let (longest, least) = match known {
            CachedAnswer::Addresses { .. } => (LONGEST, LEAST_IN_RUN),
            CachedAnswer::NxDomain { .. } | CachedAnswer::NoData { .. } => (LONGEST_NEGATIVE, 0),
        };
        let now = millis(wall);
        let after = |seconds: u32| now + Millis::from(seconds) * 1_000;
        let (until, in_run) = (after(ttl.min(longest)), after(ttl.min(longest).max(least)));
        let key = (cache_scope.name().to_owned(), name, family);
        if cache_scope.outlives_the_run() {
            self.kept.insert(key.clone(), known.clone(), now, until);
        }
        self.learnt.insert(key, (known, until), now, in_run);
    }

    /// Adds what another run has stored meanwhile, where this run knows nothing newer.
    pub(crate) fn merge(&mut self, other: &Self, wall: SystemTime) {
        let now = millis(wall);
        for (key, entry) in other.kept.iter(now) {
            if self.kept.get(key, now).is_none_or(|own| own.since < entry.since) {
                self.kept.insert(key.clone(), entry.value.clone(), entry.since, entry.until);
            }
        }
    }
}

impl CachedAnswer {
    /// The aliases that lead to what is known.
    pub(crate) fn aliases(&self) -> &[String] {
        match self {
            Self::Addresses { aliases, .. }
            | Self::NxDomain { aliases, .. }
            | Self::NoData { aliases, .. } => aliases,
        }
    }

    /// The records the entry was made of, as far as they are kept.
    pub(crate) fn records(&self, name: &str, family: Family, ttl: u32) -> Vec<ResourceRecord> {
        let record = |name: &str, record_type: RecordType, data: String| ResourceRecord {
            name: name.to_owned(),
            ttl,
            record_type: record_type.to_string(),
            data,
        };
        let mut owner = name;
        let mut records = Vec::new();
        for alias in self.aliases() {
            records.push(record(owner, RecordType::CNAME, alias.clone()));
            owner = alias;
        }
        if let Self::Addresses { addresses, .. } = self {
            let own = addresses.iter().map(|a| record(owner, family.record_type(), a.to_string()));
            records.extend(own);
        }
        records
    }
}

fn millis(wall: SystemTime) -> Millis {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolv::Resolv;
    use core::time::Duration;

    fn cache_scope() -> CacheScope {
        CacheScope::of_resolv(&Resolv::parse("nameserver 192.0.2.53"))
    }

    fn get<'a>(
        cache: &'a Cache,
        name: &str,
        family: Family,
        wall: SystemTime,
    ) -> Option<CacheHit<'a>> {
        cache.get(&cache_scope(), name, family, CacheUse::Use, wall)
    }

    fn keep(
        cache: &mut Cache,
        name: &str,
        family: Family,
        known: CachedAnswer,
        ttl: u32,
        wall: u64,
    ) {
        cache.insert(&cache_scope(), name.into(), family, known, ttl, at(wall));
    }

    fn no() -> CachedAnswer {
        CachedAnswer::NxDomain { soa: None, aliases: Vec::new() }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn addresses() -> CachedAnswer {
        CachedAnswer::Addresses {
            addresses: vec!["192.0.2.80".parse().unwrap()],
            aliases: vec!["web.example.com.".into()],
        }
    }

    #[test]
    fn entries_live_through_runs_until_the_calendar_says_otherwise() {
        let mut cache = Cache::new();
        keep(&mut cache, "www.example.com.", Family::V4, addresses(), 300, 1_000);
        keep(&mut cache, "no.example.com.", Family::V6, no(), 60, 1_000);
        let again = Cache::load(&cache.save(at(1_010)));
        let hit = get(&again, "www.example.com.", Family::V4, at(1_100)).unwrap();
        assert_eq!((hit.known, hit.ttl), (&addresses(), 200));
        assert!(get(&again, "www.example.com.", Family::V6, at(1_100)).is_none());
        assert!(get(&again, "www.example.com.", Family::V4, at(1_300)).is_none());
        assert!(get(&again, "no.example.com.", Family::V6, at(1_059)).is_some());
        assert!(get(&again, "no.example.com.", Family::V6, at(1_060)).is_none());
    }

    /// An edited resolv.conf is another realm. A server on this host has its own cache, so its
    /// answers are not kept for later runs.
    #[test]
    fn what_was_had_by_another_configuration_is_not_found() {
        let mut cache = Cache::new();
        keep(&mut cache, "a.", Family::V4, addresses(), 300, 0);
        for text in [
            "nameserver 192.0.2.54",
            "nameserver 192.0.2.53\nnameserver 192.0.2.54",
            "nameserver 192.0.2.53\noptions use-vc",
            "",
        ] {
            let other = CacheScope::of_resolv(&Resolv::parse(text));
            let found = cache.get(&other, "a.", Family::V4, CacheUse::Use, at(1));
            assert_eq!(found, None, "{text}");
        }
        let same = CacheScope::of_resolv(&Resolv::parse("# edited\nnameserver 192.0.2.53"));
        assert!(cache.get(&same, "a.", Family::V4, CacheUse::Use, at(1)).is_some());
        let near = CacheScope::of_resolv(&Resolv::parse("nameserver 127.0.0.53"));
        cache.insert(&near, "b.".into(), Family::V4, addresses(), 300, at(0));
        assert!(cache.get(&near, "b.", Family::V4, CacheUse::Use, at(1)).is_some());
        let later = Cache::load(&cache.save(at(1)));
        assert!(later.get(&near, "b.", Family::V4, CacheUse::Use, at(1)).is_none());
        assert_eq!(later.count(), 1);
    }

    #[test]
    fn a_run_holds_addresses_for_a_minute_that_may_not_be_kept() {
        let mut cache = Cache::new();
        keep(&mut cache, "a.", Family::V4, addresses(), 0, 0);
        keep(&mut cache, "no.", Family::V4, no(), 0, 0);
        assert_eq!(get(&cache, "a.", Family::V4, at(59)).unwrap().ttl, 0);
        assert!(get(&cache, "a.", Family::V4, at(60)).is_none());
        assert!(get(&cache, "no.", Family::V4, at(0)).is_none());
        assert_eq!(Cache::load(&cache.save(at(1))).count(), 0);
    }

    #[test]
    fn a_search_list_is_followed_through_what_is_known_not_to_exist() {
        let mut cache = Cache::new();
        let names = ["www.corp.example.".to_owned(), "www.example.".to_owned()];
        let found = |cache: &Cache, families: &[Family]| match cache.consult(
            &cache_scope(),
            &names,
            families,
            CacheUse::Use,
            at(1),
        ) {
            CacheResult::Found { name, hits } => format!("found {name} {}", hits.len()),
            CacheResult::Negative { name, .. } => format!("negative {name}"),
            CacheResult::Miss { name } => format!("miss {name}"),
        };
        let both = [Family::V6, Family::V4];
        assert_eq!(found(&cache, &both), "miss www.corp.example.");
        keep(&mut cache, &names[0], Family::V4, no(), 60, 0);
        assert_eq!(found(&cache, &both), "miss www.corp.example.");
        keep(&mut cache, &names[0], Family::V6, no(), 60, 0);
        assert_eq!(found(&cache, &both), "miss www.example.");
        keep(&mut cache, &names[1], Family::V4, addresses(), 60, 0);
        assert_eq!(found(&cache, &both), "found www.example. 1");
        keep(&mut cache, &names[1], Family::V4, no(), 60, 0);
        assert_eq!(found(&cache, &[Family::V4]), "negative www.example.");
    }

    #[test]
    fn what_an_earlier_run_kept_can_be_passed_over() {
        let mut cache = Cache::new();
        keep(&mut cache, "a.", Family::V4, addresses(), 60, 0);
        let mut later = Cache::load(&cache.save(at(1)));
        let miss = |cache: &Cache| {
            let names = ["a.".to_owned()];
            let families = [Family::V4];
            let consulted =
                cache.consult(&cache_scope(), &names, &families, CacheUse::Refresh, at(1));
            matches!(consulted, CacheResult::Miss { .. })
        };
        assert!(miss(&later));
        keep(&mut later, "a.", Family::V4, addresses(), 60, 1);
        assert!(!miss(&later));
    }

    #[test]
    fn lifetimes_are_capped_and_nothing_is_kept_for_no_time() {
        let mut cache = Cache::new();
        keep(&mut cache, "a.", Family::V4, addresses(), u32::MAX, 0);
        assert_eq!(get(&cache, "a.", Family::V4, at(0)).unwrap().ttl, LONGEST);
        keep(&mut cache, "b.", Family::V4, no(), LONGEST, 0);
        assert_eq!(get(&cache, "b.", Family::V4, at(0)).unwrap().ttl, LONGEST_NEGATIVE);
        keep(&mut cache, "c.", Family::V4, addresses(), 0, 0);
        assert!(get(&Cache::load(&cache.save(at(0))), "c.", Family::V4, at(0)).is_none());
    }

    #[test]
    fn a_strange_file_is_an_empty_cache() {
        for bytes in [&b""[..], b"{", b"{\"version\":1,\"entries\":[]}", &[0xff; 40]] {
            assert_eq!(Cache::load(bytes).count(), 0);
        }
        let long = br#"{"version":2,"entries":[{"realm":"x","name":"a.","family":"v4","since":0,
            "until":99999999999,"known":{"no_data":{"soa":null,"aliases":[]}}}]}"#;
        assert_eq!(Cache::load(long).count(), 0);
    }

    #[test]
    fn two_runs_at_once_both_keep_what_they_learnt() {
        let (mut one, mut two) = (Cache::new(), Cache::new());
        keep(&mut one, "a.", Family::V4, addresses(), 300, 10);
        keep(&mut two, "b.", Family::V4, addresses(), 300, 11);
        keep(&mut two, "a.", Family::V4, no(), 300, 12);
        one.merge(&two, at(20));
        let kept = Cache::load(&one.save(at(20)));
        assert!(get(&kept, "b.", Family::V4, at(20)).is_some());
        assert_eq!(get(&kept, "a.", Family::V4, at(20)).unwrap().known, &no());
    }

    #[test]
    fn the_records_of_an_entry_are_those_of_its_chain() {
        let records = addresses().records("www.example.com.", Family::V4, 9);
        let text: Vec<String> = records
            .iter()
            .map(|r| format!("{} {} {} {}", r.name, r.ttl, r.record_type, r.data))
            .collect();
        assert_eq!(
            text,
            ["www.example.com. 9 CNAME web.example.com.", "web.example.com. 9 A 192.0.2.80"]
        );
    }
}
