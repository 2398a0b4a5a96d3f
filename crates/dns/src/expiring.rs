//! `Expiring`: a bounded map whose entries expire.

use std::collections::BTreeMap;

/// A bounded map whose entries expire. `T` is a point in time, of the calendar or of the wire.
#[derive(Clone, Debug)]
pub(crate) struct Expiring<K, V, T> {
    entries: BTreeMap<K, Entry<V, T>>,
    capacity: usize,
}

/// An entry, with the time at which it was added and the time until which it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<V, T> {
    pub(crate) value: V,
    pub(crate) since: T,
    pub(crate) until: T,
}

impl<K: Ord + Clone, V, T: Ord + Copy> Expiring<K, V, T> {
    /// An empty map of at most `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: BTreeMap::new(), capacity }
    }

    /// The entry, if it is valid at `now`. An entry added after `now` is not valid: the clock was
    /// set back, and its age is unknown.
    pub(crate) fn get(&self, key: &K, now: T) -> Option<&Entry<V, T>> {
        self.entries.get(key).filter(|entry| entry.since <= now && now < entry.until)
    }

    /// Adds a value. If the map is full, expired entries are removed, then those that expire
    /// soonest.
    pub(crate) fn insert(&mut self, key: K, value: V, since: T, until: T) {
        if until <= since || self.capacity == 0 {
            self.entries.remove(&key);
            return;
        }
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.entries.retain(|_, entry| entry.since <= since && since < entry.until);
            while self.entries.len() >= self.capacity {
                let soonest = self.entries.iter().min_by_key(|(_, entry)| entry.until);
                let Some(key) = soonest.map(|(key, _)| key.clone()) else { break };
                self.entries.remove(&key);
            }
        }
        self.entries.insert(key, Entry { value, since, until });
    }

    /// The number of entries, expired ones included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries that are valid at `now`, in the order of their keys.
    pub(crate) fn iter(&self, now: T) -> impl Iterator<Item = (&K, &Entry<V, T>)> {
        self.entries.iter().filter(move |(_, entry)| entry.since <= now && now < entry.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_and_are_not_good_before_they_began() {
        let mut map = Expiring::new(4);
        map.insert("a", 1, 10, 20);
        assert_eq!(map.get(&"a", 19).map(|entry| entry.value), Some(1));
        assert_eq!(map.get(&"a", 20), None);
        assert_eq!(map.get(&"a", 9), None);
        map.insert("b", 2, 10, 10);
        assert_eq!(map.get(&"b", 10), None);
    }

    #[test]
    fn what_has_ended_makes_room_before_what_ends_soonest() {
        let mut map = Expiring::new(2);
        map.insert("ended", 0, 0, 5);
        map.insert("long", 1, 0, 100);
        map.insert("soon", 2, 10, 20);
        assert_eq!(map.iter(10).map(|(key, _)| *key).collect::<Vec<_>>(), ["long", "soon"]);
        map.insert("new", 3, 11, 50);
        assert_eq!(map.iter(11).map(|(key, _)| *key).collect::<Vec<_>>(), ["long", "new"]);
    }
}
