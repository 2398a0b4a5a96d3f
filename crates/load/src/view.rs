//! What was measured, as people and programs read it.

mod html;
mod json;
mod junit;
mod log;
mod plot;
mod series;
mod text;
mod words;

pub use html::html;
pub use json::{LOAD_SCHEMA, json, limit_json};
pub use junit::junit;
pub use log::hdr_log;
pub use series::{metrics, seconds_csv};
pub use text::{limit_text, text};
