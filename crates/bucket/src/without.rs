//! `Bucket` in a build without object stores: there is none.

use core::convert::Infallible;

use crate::{BucketError, Put};

/// A folder of an object store, of which this build has none.
#[derive(Debug)]
pub struct Bucket(Infallible);

impl Bucket {
    /// Fails: this build has no object stores.
    ///
    /// # Errors
    /// Always.
    pub fn open(url: &str) -> Result<Self, BucketError> {
        let why =
            "this roundtrip was built without object stores (cargo build --features object_store)";
        Err(BucketError::new(url, &why))
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn put_new(&self, _: &str, _: Vec<u8>) -> Result<Put, BucketError> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn replace(&self, _: &str, _: Vec<u8>) -> Result<(), BucketError> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BucketError> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn list(&self) -> Result<Vec<String>, BucketError> {
        match self.0 {}
    }
}
