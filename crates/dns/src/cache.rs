//! Our own cache: what name servers said of a name's addresses, kept between runs.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::rr::RecordType;
use roundtrip_record::ResourceRecord;
use serde::{Deserialize, Serialize};

use crate::expiring::{Entry, Expiring};
use crate::family::Family;
use crate::lookup::CacheUse;

/// The key under which the environment keeps it.
pub(crate) const KEY: &str = "names";
/// The form in which it is kept; another one is not read.
const VERSION: u32 = 1;
/// Names and types that are kept.
const CAPACITY: usize = 1024;
/// Addresses are kept no longer than this, whatever their records say (RFC 8767 §4 advises a cap).
const LONGEST: u32 = 86_400;
/// "No" is kept no longer than this (RFC 2308 §5: one to three hours).
const LONGEST_NEGATIVE: u32 = 3 * 3_600;

/// Milliseconds since 1970.
type Millis = u64;

type Key = (String, Family);

/// The cache.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    entries: Expiring<Key, Known, Millis>,
    /// What this run has learnt itself.
    learnt: BTreeSet<Key>,
}

/// What is known of a name and family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Known {
    /// Its addresses, behind these aliases.
    Addresses { addresses: Vec<IpAddr>, aliases: Vec<String> },
    /// It does not exist.
    NxDomain { soa: Option<String> },
    /// It exists without such addresses.
    NoData { soa: Option<String> },
}

/// What was found in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit<'a> {
    pub(crate) known: &'a Known,
    /// Seconds it is still good for.
    pub(crate) ttl: u32,
}

/// What the cache can do for a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Consulted<'a> {
    /// Addresses of this name, and for each family that is known how.
    Found { name: String, hits: Vec<(Family, Hit<'a>)> },
    /// Every candidate is known to be of no use; this is said of the last one.
    Negative { name: String, hit: Hit<'a> },
    /// Nothing that would help.
    Miss { name: String },
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    entries: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    family: Family,
    since: Millis,
    until: Millis,
    known: Known,
}

impl Cache {
    /// An empty cache.
    pub(crate) fn new() -> Self {
        Self { entries: Expiring::new(CAPACITY), learnt: BTreeSet::new() }
    }

    /// Reads what was kept; what cannot be read is as good as nothing.
    pub(crate) fn load(bytes: &[u8]) -> Self {
        let mut cache = Self::new();
        if let Ok(file) = serde_json::from_slice::<File>(bytes)
            && file.version == VERSION
        {
            for line in file.entries.into_iter().take(CAPACITY) {
                // Nobody kept this for longer: the file was made by other hands.
                if line.until.saturating_sub(line.since) <= Millis::from(LONGEST) * 1_000 {
                    cache.entries.insert(
                        (line.name, line.family),
                        line.known,
                        line.since,
                        line.until,
                    );
                }
            }
        }
        cache
    }

    /// The bytes to keep.
    pub(crate) fn save(&self, wall: SystemTime) -> Vec<u8> {
        let line = |((name, family), entry): (&Key, &Entry<Known, Millis>)| Line {
            name: name.clone(),
            family: *family,
            since: entry.since,
            until: entry.until,
            known: entry.value.clone(),
        };
        let entries = self.entries.iter(millis(wall)).map(line).collect();
        serde_json::to_vec(&File { version: VERSION, entries }).unwrap_or_default()
    }

    /// What is known of a fully qualified name.
    pub(crate) fn get(&self, name: &str, family: Family, wall: SystemTime) -> Option<Hit<'_>> {
        let now = millis(wall);
        let entry = self.entries.get(&(name.to_owned(), family), now)?;
        let ttl = u32::try_from((entry.until - now) / 1_000).unwrap_or(u32::MAX);
        Some(Hit { known: &entry.value, ttl })
    }

    /// What is known of the first of `candidates` that may still have an address.
    pub(crate) fn consult(
        &self,
        candidates: &[String],
        families: &[Family],
        cache_use: CacheUse,
        wall: SystemTime,
    ) -> Consulted<'_> {
        let mut negative = None;
        for name in candidates {
            let hit = |family: &Family| {
                let known =
                    cache_use == CacheUse::Use || self.learnt.contains(&(name.clone(), *family));
                known.then(|| Some((*family, self.get(name, *family, wall)?)))?
            };
            let hits: Vec<_> = families.iter().filter_map(hit).collect();
            if hits.iter().any(|(_, hit)| matches!(hit.known, Known::Addresses { .. })) {
                return Consulted::Found { name: name.clone(), hits };
            }
            if hits.len() < families.len() {
                return Consulted::Miss { name: name.clone() };
            }
            negative = hits.into_iter().next().map(|(_, hit)| (name.clone(), hit));
        }
        match negative {
            Some((name, hit)) => Consulted::Negative { name, hit },
            None => Consulted::Miss { name: candidates.first().cloned().unwrap_or_default() },
        }
    }

    /// Keeps what a name server said for `ttl` seconds.
    pub(crate) fn insert(
        &mut self,
        name: String,
        family: Family,
        known: Known,
        ttl: u32,
        wall: SystemTime,
    ) {
        let longest = match known {
            Known::Addresses { .. } => LONGEST,
            Known::NxDomain { .. } | Known::NoData { .. } => LONGEST_NEGATIVE,
        };
        let now = millis(wall);
        let until = now + Millis::from(ttl.min(longest)) * 1_000;
        if self.learnt.len() >= CAPACITY {
            self.learnt.clear();
        }
        self.learnt.insert((name.clone(), family));
        self.entries.insert((name, family), known, now, until);
    }

    /// Adds what another run has kept meanwhile, where this one knows nothing newer.
    pub(crate) fn merge(&mut self, other: &Self, wall: SystemTime) {
        let now = millis(wall);
        for (key, entry) in other.entries.iter(now) {
            if self.entries.get(key, now).is_none_or(|own| own.since < entry.since) {
                self.entries.insert(key.clone(), entry.value.clone(), entry.since, entry.until);
            }
        }
    }
}

impl Known {
    /// The records it was made of, as far as they are kept.
    pub(crate) fn records(&self, name: &str, family: Family, ttl: u32) -> Vec<ResourceRecord> {
        let Self::Addresses { addresses, aliases } = self else { return Vec::new() };
        let record = |name: &str, record_type: RecordType, data: String| ResourceRecord {
            name: name.to_owned(),
            ttl,
            record_type: record_type.to_string(),
            data,
        };
        let mut owner = name;
        let mut records = Vec::new();
        for alias in aliases {
            records.push(record(owner, RecordType::CNAME, alias.clone()));
            owner = alias;
        }
        let own = addresses.iter().map(|a| record(owner, family.record_type(), a.to_string()));
        records.extend(own);
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
    use core::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn addresses() -> Known {
        Known::Addresses {
            addresses: vec!["192.0.2.80".parse().unwrap()],
            aliases: vec!["web.example.com.".into()],
        }
    }

    #[test]
    fn entries_live_through_runs_until_the_calendar_says_otherwise() {
        let mut cache = Cache::new();
        cache.insert("www.example.com.".into(), Family::V4, addresses(), 300, at(1_000));
        cache.insert(
            "no.example.com.".into(),
            Family::V6,
            Known::NxDomain { soa: None },
            60,
            at(1_000),
        );
        let again = Cache::load(&cache.save(at(1_010)));
        let hit = again.get("www.example.com.", Family::V4, at(1_100)).unwrap();
        assert_eq!((hit.known, hit.ttl), (&addresses(), 200));
        assert!(again.get("www.example.com.", Family::V6, at(1_100)).is_none());
        assert!(again.get("www.example.com.", Family::V4, at(1_300)).is_none());
        assert!(again.get("no.example.com.", Family::V6, at(1_059)).is_some());
        assert!(again.get("no.example.com.", Family::V6, at(1_060)).is_none());
    }

    #[test]
    fn a_search_list_is_followed_through_what_is_known_not_to_exist() {
        let mut cache = Cache::new();
        let names = ["www.corp.example.".to_owned(), "www.example.".to_owned()];
        let no = || Known::NxDomain { soa: None };
        let found = |cache: &Cache, families: &[Family]| match cache.consult(
            &names,
            families,
            CacheUse::Use,
            at(1),
        ) {
            Consulted::Found { name, hits } => format!("found {name} {}", hits.len()),
            Consulted::Negative { name, .. } => format!("negative {name}"),
            Consulted::Miss { name } => format!("miss {name}"),
        };
        let both = [Family::V6, Family::V4];
        assert_eq!(found(&cache, &both), "miss www.corp.example.");
        cache.insert(names[0].clone(), Family::V4, no(), 60, at(0));
        assert_eq!(found(&cache, &both), "miss www.corp.example.");
        cache.insert(names[0].clone(), Family::V6, no(), 60, at(0));
        assert_eq!(found(&cache, &both), "miss www.example.");
        cache.insert(names[1].clone(), Family::V4, addresses(), 60, at(0));
        assert_eq!(found(&cache, &both), "found www.example. 1");
        cache.insert(names[1].clone(), Family::V4, no(), 60, at(0));
        assert_eq!(found(&cache, &[Family::V4]), "negative www.example.");
    }

    #[test]
    fn what_an_earlier_run_kept_can_be_passed_over() {
        let mut cache = Cache::new();
        cache.insert("a.".into(), Family::V4, addresses(), 60, at(0));
        let mut later = Cache::load(&cache.save(at(1)));
        let miss = |cache: &Cache| {
            let names = ["a.".to_owned()];
            let consulted = cache.consult(&names, &[Family::V4], CacheUse::Refresh, at(1));
            matches!(consulted, Consulted::Miss { .. })
        };
        assert!(miss(&later));
        later.insert("a.".into(), Family::V4, addresses(), 60, at(1));
        assert!(!miss(&later));
    }

    #[test]
    fn lifetimes_are_capped_and_nothing_is_kept_for_no_time() {
        let mut cache = Cache::new();
        cache.insert("a.".into(), Family::V4, addresses(), u32::MAX, at(0));
        assert_eq!(cache.get("a.", Family::V4, at(0)).unwrap().ttl, LONGEST);
        cache.insert("b.".into(), Family::V4, Known::NoData { soa: None }, LONGEST, at(0));
        assert_eq!(cache.get("b.", Family::V4, at(0)).unwrap().ttl, LONGEST_NEGATIVE);
        cache.insert("c.".into(), Family::V4, addresses(), 0, at(0));
        assert!(cache.get("c.", Family::V4, at(0)).is_none());
    }

    #[test]
    fn a_strange_file_is_an_empty_cache() {
        for bytes in [&b""[..], b"{", b"{\"version\":2,\"entries\":[]}", &[0xff; 40]] {
            assert_eq!(Cache::load(bytes).entries.iter(0).count(), 0);
        }
        let long = br#"{"version":1,"entries":[{"name":"a.","family":"v4","since":0,
            "until":99999999999,"known":{"no_data":{"soa":null}}}]}"#;
        assert_eq!(Cache::load(long).entries.iter(1).count(), 0);
    }

    #[test]
    fn two_runs_at_once_both_keep_what_they_learnt() {
        let (mut one, mut two) = (Cache::new(), Cache::new());
        one.insert("a.".into(), Family::V4, addresses(), 300, at(10));
        two.insert("b.".into(), Family::V4, addresses(), 300, at(11));
        two.insert("a.".into(), Family::V4, Known::NxDomain { soa: None }, 300, at(12));
        one.merge(&two, at(20));
        assert!(one.get("b.", Family::V4, at(20)).is_some());
        assert_eq!(
            one.get("a.", Family::V4, at(20)).unwrap().known,
            &Known::NxDomain { soa: None }
        );
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
