//! `Sequence`: a list whose elements are made one by one.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The list that the function's iterator gives. A large archive is never in memory as a whole.
pub(super) struct Sequence<F>(pub(super) F);

impl<F: Fn() -> I, I: Iterator<Item = Value>> Serialize for Sequence<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}
