//! `Books`: files in which is kept what hosts have said of themselves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use anyhow::Context as _;
use roundtrip_fetch::{Alternatives, Hsts};
use roundtrip_visit::get::Known;

use super::args::Files;
use crate::keep;

/// The files of `--hsts` and `--alt-svc`, read once each. One without a name is kept nowhere.
#[derive(Debug, Default)]
pub(super) struct Books {
    hsts: BTreeMap<PathBuf, Hsts>,
    alternatives: BTreeMap<PathBuf, Rc<RefCell<Alternatives>>>,
}

impl Books {
    /// What the files of these options say. One that is not there is empty.
    pub(super) fn of(&mut self, options: &Files) -> anyhow::Result<Known> {
        let mut known = Known::default();
        if let Some(path) = &options.hsts {
            known.hsts = Some(one(&mut self.hsts, "--hsts", path, Hsts::parse)?);
        }
        if let Some(path) = &options.alt_svc {
            let parse = |text: &str| Rc::new(RefCell::new(Alternatives::parse(text)));
            let read = one(&mut self.alternatives, "--alt-svc", path, parse)?;
            known.alternatives = Some(read);
        }
        Ok(known)
    }

    /// Writes the files anew.
    pub(super) fn write(&self, now: SystemTime) -> anyhow::Result<()> {
        let hsts = self.hsts.iter().map(|(path, book)| (path, book.text(now)));
        let others = self.alternatives.iter().map(|(path, book)| (path, book.borrow().text(now)));
        for (path, text) in hsts.chain(others).filter(|(path, _)| !path.as_os_str().is_empty()) {
            keep::write(path, text.as_bytes())?;
        }
        Ok(())
    }
}

fn one<T: Clone>(
    all: &mut BTreeMap<PathBuf, T>,
    option: &str,
    path: &Path,
    parse: fn(&str) -> T,
) -> anyhow::Result<T> {
    if let Some(book) = all.get(path) {
        return Ok(book.clone());
    }
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => {
            let bytes = read.with_context(|| format!("{option} {}", path.display()))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    let book = parse(&text);
    all.insert(path.to_owned(), book.clone());
    Ok(book)
}
