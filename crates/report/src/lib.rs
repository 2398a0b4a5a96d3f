//! Views of a record: terminal, HTML, HAR, JSON, Perfetto, `JUnit`.
//!
//! # Contract
//! - A [`Model`] is computed from the events of a record and from nothing else: no clock, no
//!   network, no file is read. The same events give the same view, byte for byte.
//! - Every function accepts any record, also one that is cut off or contradicts itself. Nothing is
//!   shown that the record does not say. Text from the network is cleaned before it reaches a
//!   terminal, and escaped before it reaches HTML.
//! - The caller decides on width, colour and characters: see [`Options`].
//!
//! ```
//! use roundtrip_record::*;
//! use roundtrip_report::{Model, Options, terminal};
//!
//! let mut log = Log::memory();
//! log.emit(Time::ZERO, None, || {
//!     What::NameStarted(NameStarted { lookup: LookupId(1), name: "example.com.".into(), types: vec!["A".into()] })
//! });
//! log.emit(Time::from_millis(24), None, || {
//!     let addresses = vec!["203.0.113.10".parse().unwrap()];
//!     What::NameEnded(NameEnded { lookup: LookupId(1), addresses, aliases: vec![], ttl: Some(300) })
//! });
//! let model = Model::new(log.events());
//! assert!(terminal(&model, &Options::default()).starts_with("example.com  203.0.113.10  ttl 300 · 24 ms"));
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::format_push_string, reason = "a view is made once, for a person")]

#[macro_use]
mod language;

mod budget;
mod comparison;
mod finding;
mod har;
mod html;
mod json;
mod junit;
mod leg;
mod model;
mod names;
mod perfetto;
mod qlog;
mod sentence;
mod sequence;
mod slowest;
mod style;
mod terminal;
pub mod text;
mod verdict;

pub use comparison::{Comparison, DIFF_SCHEMA, comparison_json};
pub use finding::Finding;
pub use har::{har, write_har};
pub use html::{Attachments, comparison_html, html, page};
pub use json::{JSON_SCHEMA, json};
pub use junit::{comparison_junit, escape_xml, junit, suite};
pub use language::Language;
pub use model::*;
pub use perfetto::perfetto;
pub use qlog::qlog;
pub use sequence::sequence;
pub use style::{Charset, Colour, Detail, Options, Tone};
pub use terminal::{comparison, resolution, short, short_resolution, terminal};
pub use verdict::{Fact, Success, Verdict};
