//! How far a decoder of a body went.

use core::ops::Range;

/// How far a decoder went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many bytes of the input it used.
    pub used: usize,
    /// Which of them are the body's own; may be none.
    pub data: Range<usize>,
    /// The body is complete.
    pub done: bool,
}
