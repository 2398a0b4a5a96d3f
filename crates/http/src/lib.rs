//! Steps 4 and 5: request and response.
#![forbid(unsafe_code)]
#![allow(clippy::result_large_err, reason = "a fault ends an exchange; it is no hot path")]

mod body;
mod channel;
pub mod client;
pub mod coding;
pub mod form;
pub mod handler;
mod media;
pub mod message;
mod params;
pub mod server;
mod timer;
pub mod url;

pub use body::{Body, Chunks, Part};
