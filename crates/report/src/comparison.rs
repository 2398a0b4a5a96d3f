//! What views of two runs show: their difference in words, with the names they were given and the
//! conditions it was held against.

mod cause;
mod change;
mod json;
mod model;
mod share;
mod told;
mod words;

pub use json::{DIFF_SCHEMA, comparison_json};
pub use model::Comparison;

pub(crate) use change::{change, name, server};
pub(crate) use share::{Reason, reasons};
pub(crate) use told::{circumstances, condition, difference, side};
pub(crate) use words::{amount, headline, part, shift, significance, unit_value};
