//! `Notes`: what a reader of an imported record must know, said once for each kind, with a count.

use std::collections::BTreeMap;

/// Notes, counted by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(BTreeMap<String, u64>);

impl Notes {
    /// Counts one more case of a kind.
    pub(crate) fn add(&mut self, kind: &str) {
        self.add_many(kind, 1);
    }

    /// Counts several cases of a kind; none is no note.
    pub(crate) fn add_many(&mut self, kind: &str, count: u64) {
        if count == 0 {
            return;
        }
        match self.0.get_mut(kind) {
            Some(sum) => *sum += count,
            None => {
                self.0.insert(kind.to_owned(), count);
            }
        }
    }

    /// The notes with their counts, those that concern most first.
    pub(crate) fn sorted(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> =
            self.0.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        all
    }
}
