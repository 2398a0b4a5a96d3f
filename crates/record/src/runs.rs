//! The store of saved runs: one folder a run, the oldest removed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::FolderError;

/// The folders of saved runs below one base folder.
#[derive(Clone, Debug)]
pub struct Runs {
    base: PathBuf,
}

/// A saved run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its short id.
    pub id: String,
    /// Its place in the order in which runs were saved; the newest has the highest.
    pub number: u64,
    /// Its folder.
    pub path: PathBuf,
}

impl Runs {
    /// How many runs are kept.
    pub const KEPT: usize = 20;

    /// The runs below `base`, which need not exist yet.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// Makes room for a new run with this id and answers with its folder, not made yet. The oldest
    /// runs beyond [`Runs::KEPT`] are removed. An id that is taken gets a letter more.
    pub fn create(&self, id: &str) -> Result<Run, FolderError> {
        let mut runs = self.list()?;
        while runs.len() >= Self::KEPT {
            let oldest = runs.remove(0);
            fs::remove_dir_all(&oldest.path).map_err(FolderError::io(&oldest.path))?;
        }
        let number = runs.last().map_or(1, |last| last.number + 1);
        let mut id = id.to_owned();
        while runs.iter().any(|run| run.id == id) {
            id.push('x');
        }
        crate::folder::make_private_folder(&self.base)?;
        Ok(Run { path: self.base.join(format!("{number:06}-{id}")), id, number })
    }

    /// All runs, oldest first. Folders with other names are left alone.
    pub fn list(&self) -> Result<Vec<Run>, FolderError> {
        #[expect(clippy::disallowed_methods, reason = "sorted below")]
        let entries = match fs::read_dir(&self.base) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FolderError::io(&self.base)(error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(FolderError::io(&self.base))?;
            runs.extend(Self::parse(&entry.path()));
        }
        runs.sort_by(|a, b| (a.number, &a.id).cmp(&(b.number, &b.id)));
        Ok(runs)
    }

    /// The run whose id begins with `prefix`, if there is just one; `latest` names the newest.
    pub fn find(&self, prefix: &str) -> Result<Run, FolderError> {
        let runs = self.list()?;
        if prefix == "latest" {
            return runs.into_iter().next_back().ok_or(FolderError::NoRun { id: prefix.into() });
        }
        let mut found: Vec<Run> =
            runs.into_iter().filter(|run| run.id.starts_with(prefix)).collect();
        if let Some(exact) = found.iter().position(|run| run.id == prefix) {
            return Ok(found.swap_remove(exact));
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(FolderError::NoRun { id: prefix.into() }),
            _ => Err(FolderError::ManyRuns {
                id: prefix.into(),
                found: found.into_iter().map(|run| run.id).collect(),
            }),
        }
    }

    fn parse(path: &Path) -> Option<Run> {
        let (number, id) = path.file_name()?.to_str()?.split_once('-')?;
        let number = (number.len() >= 6).then(|| number.parse().ok()).flatten()?;
        path.is_dir().then(|| Run { id: id.to_owned(), number, path: path.to_owned() })
    }
}
