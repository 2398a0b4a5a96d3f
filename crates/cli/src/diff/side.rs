//! One side of a comparison: which runs a text names, and what their records say.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use roundtrip_import::{Options, import};
use roundtrip_record::{Folder, Log};
use roundtrip_story::Story;

use crate::keep;

/// The file that makes a folder a run.
const RECORD: &str = "record.jsonl";

/// Reads the runs that a text names: one, several with commas between, those of a folder, or all whose
/// name begins as the text does before its `*`.
///
/// # Errors
/// When one of them is not there or cannot be read; which one is said.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Story>> {
    // A comma may also be part of a file's name.
    let names: Vec<&str> =
        if Path::new(text).exists() { vec![text] } else { text.split(',').collect() };
    let mut stories = Vec::new();
    for name in names {
        if name.is_empty() {
            bail!("{text:?}: nothing stands between two commas");
        }
        stories.extend(part(name)?);
    }
    Ok(stories)
}

fn part(name: &str) -> anyhow::Result<Vec<Story>> {
    let path = Path::new(name);
    if path.is_dir() && !path.join(RECORD).is_file() {
        let runs = runs_in(path)?;
        return runs.iter().map(|run| recorded(run)).collect();
    }
    if path.is_dir() || path.file_name().is_some_and(|file| file == RECORD) {
        return Ok(vec![recorded(path)?]);
    }
    if path.is_file() {
        return Ok(vec![imported(path)?]);
    }
    if let Some(begin) = name.strip_suffix('*') {
        return named(begin);
    }
    let found = keep::saved()?.find(name).with_context(|| {
        format!("{name} is no saved run (roundtrip show lists them), no folder and no file")
    })?;
    Ok(vec![recorded(&found.path)?])
}

/// All saved runs whose names begin so, oldest first.
fn named(begin: &str) -> anyhow::Result<Vec<Story>> {
    let runs = keep::saved()?.list()?;
    let fits = |name: Option<String>| name.is_some_and(|name| name.starts_with(begin));
    let found: Vec<_> = runs.into_iter().filter(|run| fits(run.name())).collect();
    if found.is_empty() {
        bail!("{begin}*: no saved run has a name that begins so (visit --name NAME gives one)");
    }
    found.iter().map(|run| recorded(&run.path)).collect()
}

/// The folders of runs in a folder, by name.
fn runs_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    #[expect(clippy::disallowed_methods, reason = "sorted below")]
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut runs = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.join(RECORD).is_file() {
            runs.push(path);
        }
    }
    runs.sort();
    if runs.is_empty() {
        bail!("{}: no run, and no folder of runs (visit --out DIR makes one)", folder.display());
    }
    Ok(runs)
}

fn recorded(path: &Path) -> anyhow::Result<Story> {
    let (events, cut) = Folder::open(path)
        .and_then(|folder| folder.read())
        .with_context(|| path.display().to_string())?;
    Ok(Story { cut, ..Story::new(events) })
}

/// The story of a recording of another program; nothing is kept of it.
fn imported(path: &Path) -> anyhow::Result<Story> {
    let log = Log::memory();
    import(path, &Options::default(), &log)
        .with_context(|| format!("{} is no run either", path.display()))?;
    Ok(Story::new(log.events()))
}
