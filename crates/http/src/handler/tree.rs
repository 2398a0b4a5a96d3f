//! Files in memory.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;

/// Files in memory, by path: what a simulated host serves.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, (Bytes, Option<SystemTime>)>,
}

impl Tree {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file: `style/main.css`.
    #[must_use]
    pub fn with(mut self, path: &str, content: impl Into<Bytes>) -> Self {
        self.insert(path, content, None);
        self
    }

    /// Adds a file that was last changed then.
    pub fn insert(&mut self, path: &str, content: impl Into<Bytes>, modified: Option<SystemTime>) {
        self.files.insert(path.trim_matches('/').to_owned(), (content.into(), modified));
    }

    pub(crate) fn file(&self, key: &str) -> Option<&(Bytes, Option<SystemTime>)> {
        self.files.get(key)
    }

    /// What lies directly in a folder, `None` where there is no such folder. The root always is.
    pub(crate) fn folder(&self, key: &str) -> Option<Vec<super::listing::Entry>> {
        let prefix = if key.is_empty() { String::new() } else { format!("{key}/") };
        let mut entries: Vec<super::listing::Entry> = Vec::new();
        for (path, (content, modified)) in
            self.files.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix))
        {
            let rest = &path[prefix.len()..];
            let (name, folder) = match rest.split_once('/') {
                Some((name, _)) => (name, true),
                None => (rest, false),
            };
            if entries.last().is_none_or(|last| last.name != name || last.folder != folder) {
                entries.push(super::listing::Entry {
                    name: name.into(),
                    folder,
                    length: if folder { 0 } else { content.len() as u64 },
                    modified: if folder { None } else { *modified },
                });
            }
        }
        (key.is_empty() || !entries.is_empty()).then_some(entries)
    }
}
