//! `Bucket`: a folder of an object store that speaks S3.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};
use tokio::runtime::{Builder, Runtime};

use crate::{BucketError, Put};

/// A folder of an object store.
#[derive(Debug)]
pub struct Bucket {
    url: String,
    store: Arc<dyn ObjectStore>,
    folder: Path,
    runtime: Runtime,
}

impl Bucket {
    /// The folder that a URL names: `s3://BUCKET/FOLDER`. Who we are, and where the store is if it is not
    /// Amazon's, stands in the usual variables: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION`, `AWS_ENDPOINT_URL`, and `AWS_ALLOW_HTTP=true` for one without TLS.
    ///
    /// # Errors
    /// When the URL names no bucket, or the variables make no sense.
    pub fn open(url: &str) -> Result<Self, BucketError> {
        let bad = |why: &dyn ToString| BucketError::new(url, why);
        let rest = url.strip_prefix("s3://").ok_or_else(|| bad(&"wanted s3://BUCKET/FOLDER"))?;
        let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
        // One that is installed already, by whoever has this process, is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build();
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            store: Arc::new(store.map_err(|why| bad(&why))?),
            folder: Path::parse(folder.trim_matches('/')).map_err(|why| bad(&why))?,
            runtime: runtime.map_err(|why| bad(&why))?,
        })
    }

    /// Writes an object where none is. One that is there stays.
    ///
    /// # Errors
    /// When the store cannot be reached, or refuses.
    pub fn put_new(&self, name: &str, bytes: Vec<u8>) -> Result<Put, BucketError> {
        match self.put(name, bytes, PutMode::Create) {
            Ok(()) => Ok(Put::Written),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::WasThere),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    /// Writes an object in the place of the one that is there.
    ///
    /// # Errors
    /// When the store cannot be reached, or refuses.
    pub fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), BucketError> {
        self.put(name, bytes, PutMode::Overwrite).map_err(|error| self.failed(name, &error))
    }

    fn put(&self, name: &str, bytes: Vec<u8>, mode: PutMode) -> Result<(), Error> {
        let options = PutOptions { mode, ..PutOptions::default() };
        let path = self.folder.clone().join(name);
        let written = self.store.put_opts(&path, bytes.into(), options);
        self.runtime.block_on(written).map(drop)
    }

    /// An object's bytes; `None` where there is none.
    ///
    /// # Errors
    /// When the store cannot be reached, or refuses.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, BucketError> {
        let path = self.folder.clone().join(name);
        let read = async { self.store.get(&path).await?.bytes().await };
        match self.runtime.block_on(read) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    /// The names of the objects that lie directly in the folder, in order.
    ///
    /// # Errors
    /// When the store cannot be reached, or refuses.
    pub fn list(&self) -> Result<Vec<String>, BucketError> {
        let listed = self.store.list(Some(&self.folder)).try_collect::<Vec<_>>();
        let listed = self.runtime.block_on(listed).map_err(|error| self.failed("", &error))?;
        let name = |path: &Path| {
            let mut rest = path.prefix_match(&self.folder)?;
            let name = rest.next()?.as_ref().to_owned();
            rest.next().is_none().then_some(name)
        };
        let mut names: Vec<String> =
            listed.iter().filter_map(|object| name(&object.location)).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn failed(&self, name: &str, error: &Error) -> BucketError {
        BucketError::new(&format!("{}/{name}", self.url), error)
    }
}
