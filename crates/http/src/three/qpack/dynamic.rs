//! The dynamic table (RFC 9204 §3.2).

use std::collections::VecDeque;

use super::Line;

/// What an entry counts beside its octets (RFC 9204 §3.2.1).
const ENTRY: u64 = 32;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// The oldest first.
    entries: VecDeque<Line>,
    size: u64,
    capacity: u64,
    /// Entries that were ever put in.
    inserted: u64,
}

/// An entry that does not fit, or a capacity that may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Table {
    /// Entries that were ever put in.
    pub(crate) fn inserted(&self) -> u64 {
        self.inserted
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Sets how much may be in it; the oldest entries go that do not fit.
    pub(crate) fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.shrink(capacity);
    }

    /// Puts an entry in.
    pub(crate) fn insert(&mut self, line: Line) -> Result<(), TooLarge> {
        let size = (line.0.len() + line.1.len()) as u64 + ENTRY;
        let room = self.capacity.checked_sub(size).ok_or(TooLarge)?;
        self.shrink(room);
        self.size += size;
        self.inserted += 1;
        self.entries.push_back(line);
        Ok(())
    }

    /// The entry of this absolute index (RFC 9204 §3.2.4), while it is there.
    pub(crate) fn get(&self, index: u64) -> Option<&Line> {
        let gone = self.inserted - self.entries.len() as u64;
        self.entries.get(usize::try_from(index.checked_sub(gone)?).ok()?)
    }

    fn shrink(&mut self, most: u64) {
        while self.size > most {
            let Some((name, value)) = self.entries.pop_front() else { return };
            self.size -= (name.len() + value.len()) as u64 + ENTRY;
        }
    }
}
