//! `SweepReport`: what the rows of a sweep come to: how each figure is spread, by network and variant, and
//! which variant helps whom.

mod gather;
mod html;
mod json;
mod plot;
mod spread;
mod text;
mod words;

pub use gather::{FigureReport, Gain, Helped, NetworkReport, SweepReport};
pub use html::html;
pub use json::json;
pub use spread::{Distribution, Percentile};
pub use text::text;
