//! Steps 4 and 5: request and response.
#![forbid(unsafe_code)]

mod body;
mod channel;
pub mod client;
pub mod coding;
pub mod handler;
mod media;
pub mod message;
mod params;
pub mod server;
mod timer;
pub mod url;

pub use body::{Body, Chunks, Part};
