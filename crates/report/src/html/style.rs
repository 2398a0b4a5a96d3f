//! The style sheet.

pub(super) const SHEET: &str = include_str!("report.css");
