//! Files in an object store (`s3://BUCKET/FOLDER`), for results that many machines write.
//!
//! Only with the feature `object_store` is there a store behind it; without it, [`Bucket::open`] says so.
//!
//! # Contract
//! - An object is there whole or not at all.
//! - [`Bucket::put_new`] writes one only where none is, whoever else writes at that moment (a conditional
//!   put, `If-None-Match: *`).
#![forbid(unsafe_code)]

#[cfg(feature = "object_store")]
mod s3;
#[cfg(not(feature = "object_store"))]
mod without;

#[cfg(feature = "object_store")]
pub use s3::Bucket;
#[cfg(not(feature = "object_store"))]
pub use without::Bucket;

/// Why an object store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct BucketError {
    what: String,
    why: String,
}

/// What became of an object that was to be written where none was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is written.
    Written,
    /// One was there already, and stays.
    WasThere,
}

/// Whether a text names a folder of an object store, and not a file.
pub fn is_url(text: &str) -> bool {
    text.starts_with("s3://")
}

impl BucketError {
    fn new(what: &str, why: &dyn ToString) -> Self {
        Self { what: what.to_owned(), why: why.to_string() }
    }
}
