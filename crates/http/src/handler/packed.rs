//! `PackedFiles`: files that were compressed when they were asked for, and are kept so.

use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;

use super::compressed::{LONGEST, SHORTEST, is_compressible};
use super::content::{Known, Open, Stamp};
use super::range::Wanted;
use crate::packing::{Coding, pack};

/// Files that were compressed when they were asked for. As long as a file is as it was, its compressed bytes are
/// those from before: they have a strong tag of their own, and ranges.
pub(super) struct PackedFiles {
    /// How many bytes are kept.
    most: usize,
    kept: RefCell<Kept>,
}

/// A file by its path, in a coding.
type Key = (PathBuf, Coding);

#[derive(Default)]
struct Kept {
    files: BTreeMap<Key, One>,
    /// Those that are being compressed.
    busy: BTreeSet<Key>,
    bytes: usize,
    /// Counts uses.
    uses: u64,
}

struct One {
    /// What the file was like.
    stamp: Stamp,
    /// `None` where it did not become smaller.
    packed: Option<(Rc<Known>, Bytes)>,
    used: u64,
}

impl One {
    fn bytes(&self) -> usize {
        // So much for one that is not worth it, which is remembered, too.
        self.packed.as_ref().map_or(0, |(_, bytes)| bytes.len()) + 256
    }
}

/// What is there of a file in a coding.
pub(super) enum Packed {
    /// The file, compressed.
    Ready(Rc<Known>, Open),
    /// It is to be compressed first.
    Wanted,
    /// It is better sent as it is: it does not become smaller, or it is just being compressed for others.
    Plain,
}

impl PackedFiles {
    /// Keeps so many bytes of them.
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: RefCell::default() }
    }

    /// Whether a file is compressed at all.
    pub(super) fn takes(known: &Known) -> bool {
        (SHORTEST..=LONGEST).contains(&known.length)
            && known.media.coding.is_none()
            && known.found.is_some()
            && is_compressible(&known.media.media_type)
    }

    /// What is there of a file in a coding.
    pub(super) fn find(&self, known: &Known, coding: Coding) -> Packed {
        let Some((path, stamp)) = &known.found else { return Packed::Plain };
        let mut kept = self.kept.borrow_mut();
        kept.uses += 1;
        let (uses, key) = (kept.uses, (path.clone(), coding));
        if kept.busy.contains(&key) {
            return Packed::Plain;
        }
        match kept.files.get_mut(&key).filter(|one| one.stamp == *stamp) {
            None => Packed::Wanted,
            Some(one) => {
                one.used = uses;
                match &one.packed {
                    Some((known, bytes)) => {
                        Packed::Ready(Rc::clone(known), Open::Bytes(bytes.clone()))
                    }
                    None => Packed::Plain,
                }
            }
        }
    }

    /// Compresses a file and keeps it, if it is not one that may change unseen; `None` where it did not become
    /// smaller.
    pub(super) async fn make(
        &self,
        known: &Known,
        content: &Open,
        coding: Coding,
        now: SystemTime,
    ) -> io::Result<Option<(Rc<Known>, Open)>> {
        let Some((path, stamp)) = &known.found else { return Ok(None) };
        let key = (path.clone(), coding);
        self.kept.borrow_mut().busy.insert(key.clone());
        let busy = Busy(self, key.clone());
        let bytes = pack(content.answer(Wanted::All, known).body, coding).await?;
        drop(busy);
        let smaller = (bytes.len() as u64) < known.length;
        let packed = smaller.then(|| (Rc::new(known.packed(&bytes, coding.name())), bytes));
        if stamp.is_settled(now) {
            self.keep(key, One { stamp: *stamp, packed: packed.clone(), used: 0 });
        }
        Ok(packed.map(|(known, bytes)| (known, Open::Bytes(bytes))))
    }

    fn keep(&self, key: Key, mut one: One) {
        let mut kept = self.kept.borrow_mut();
        if one.bytes() > self.most {
            return;
        }
        kept.uses += 1;
        one.used = kept.uses;
        kept.bytes += one.bytes();
        if let Some(before) = kept.files.insert(key, one) {
            kept.bytes -= before.bytes();
        }
        while kept.bytes > self.most {
            let oldest = kept.files.iter().min_by_key(|(_, one)| one.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            if let Some(gone) = kept.files.remove(&oldest) {
                kept.bytes -= gone.bytes();
            }
        }
    }
}

/// A file is being compressed as long as this is there, whatever becomes of who asked for it.
struct Busy<'a>(&'a PackedFiles, Key);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.kept.borrow_mut().busy.remove(&self.1);
    }
}
