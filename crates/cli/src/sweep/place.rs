//! `Place`: where results are kept: a file here, or an object in a store, which is a file here first.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use roundtrip_bucket::{Bucket, Put, is_url};
use roundtrip_sweep::Shard;
use tempfile::TempDir;

/// A path beside the plan's name in this folder: `PLAN` and what is added.
pub(crate) fn called(plan: &Path, added: &str) -> PathBuf {
    let stem = plan.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}{added}"))
}

/// Where a file of results is kept.
pub(crate) struct Place {
    /// The file here, beside which its checkpoint stands.
    pub(crate) file: PathBuf,
    object: Option<Object>,
}

/// An object that has what the file has.
struct Object {
    bucket: Bucket,
    name: String,
    url: String,
    /// What it was before.
    before: Option<Vec<u8>>,
}

impl Place {
    /// The place for the rows of a plan, or of one of its shards.
    pub(crate) fn of(out: Option<&Path>, plan: &Path, part: Option<Shard>) -> anyhow::Result<Self> {
        let url = out.and_then(Path::to_str).filter(|text| is_url(text));
        let file = match (out.filter(|_| url.is_none()), part) {
            (Some(out), None) => out.to_owned(),
            (None, None) => called(plan, ".parquet"),
            (Some(out), Some(shard)) => out.join(shard.file_name()),
            (None, Some(shard)) => called(plan, "-shards").join(shard.file_name()),
        };
        let object = url.map(|url| Object::of(url, &file)).transpose()?;
        Ok(Self { file, object })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match &self.object {
            Some(object) => format!("{}/{}", object.url, object.name),
            None => self.file.display().to_string(),
        }
    }

    /// Writes the object that has what the file has. One that another has written meanwhile has to be the
    /// same.
    pub(crate) fn hand_over(&self) -> anyhow::Result<()> {
        let Some(Object { bucket, name, before, .. }) = &self.object else { return Ok(()) };
        let bytes = std::fs::read(&self.file).with_context(|| self.file.display().to_string())?;
        if before.as_ref() == Some(&bytes) || bucket.put_new(name, bytes.clone())? == Put::Written {
            return Ok(());
        }
        let there = bucket.get(name)?;
        if there.as_ref() == Some(&bytes) {
            return Ok(());
        }
        if there == *before {
            // It was looked at, and is no such file: cut off, or of another sweep.
            return Ok(bucket.replace(name, bytes)?);
        }
        Err(anyhow!("{}: another process has written other rows there meanwhile", self.name()))
    }
}

impl Object {
    /// The object in a folder of a store with the name of a file here, which it becomes where there is none.
    fn of(url: &str, file: &Path) -> anyhow::Result<Self> {
        let bucket = Bucket::open(url)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let before = bucket.get(&name)?;
        if let Some(bytes) = before.as_ref().filter(|_| !file.exists()) {
            keep(file, bytes).with_context(|| file.display().to_string())?;
        }
        Ok(Self { bucket, name, url: url.trim_end_matches('/').to_owned(), before })
    }
}

/// Writes a file, whole or not at all.
fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let written = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(written.path(), bytes)?;
    written.persist(file)?;
    Ok(())
}

/// Files and folders here that have what these name, objects in stores among them, and the folder that
/// those are in while it is held.
pub(crate) fn here(named: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, TempDir)> {
    let held = tempfile::tempdir()?;
    let mut paths = Vec::new();
    for (number, path) in named.iter().enumerate() {
        let Some(url) = path.to_str().filter(|text| is_url(text)) else {
            paths.push(path.clone());
            continue;
        };
        let folder = held.path().join(number.to_string());
        std::fs::create_dir(&folder)?;
        let bucket = Bucket::open(url)?;
        for name in bucket.list()?.into_iter().filter(|name| name.ends_with(".parquet")) {
            let bytes = bucket.get(&name)?.ok_or_else(|| anyhow!("{url}/{name} is gone"))?;
            std::fs::write(folder.join(&name), bytes)?;
        }
        paths.push(folder);
    }
    Ok((paths, held))
}
