//! The style sheet of the report.

/// The style sheet of every page of ours: colours that go by the reader's preference, tables, sections.
pub const SHEET: &str = include_str!("report.css");
