//! The style sheet of the report.

pub(super) const SHEET: &str = include_str!("report.css");
