//! `Layouts`: what was laid out before, for a page that is loaded again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::codec::Coded as _;
use super::sent::Sent;
use crate::engine::{Goal, Input, Outcome};
use crate::picture::PaintError;

/// The most layouts that are remembered.
const MOST: usize = 10_000;

/// Layouts that were made, by all they were made of. A page that is loaded again and again, over one
/// network after the other, is mostly laid out from the same bytes: each layout is then made once.
/// Clones share what they know. Pictures are not remembered.
#[derive(Clone, Debug, Default)]
pub struct Layouts(Arc<Mutex<BTreeMap<[u8; 32], Outcome>>>);

impl Layouts {
    /// The layout, looked up, or else made.
    pub(super) fn of(
        &self,
        input: &Input,
        goal: Goal,
        make: impl FnOnce() -> Result<Outcome, PaintError>,
    ) -> Result<Outcome, PaintError> {
        if goal == Goal::Paint {
            return make();
        }
        // What a child that knows nothing yet would be sent is all that the layout is made of.
        let key = Sha256::digest(Sent::default().order(input, goal).frame()).into();
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(&key).cloned();
        if let Some(outcome) = before {
            return Ok(outcome);
        }
        let outcome = make()?;
        let mut known = known();
        if known.len() < MOST {
            known.insert(key, outcome.clone());
        }
        Ok(outcome)
    }
}
