//! Where answers go: standard output, files, and what is said beside them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _, stderr, stdout};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use roundtrip_record::{FaultKind, Time};
use roundtrip_visit::get::{Head, Sink, bytes_of};

/// Where the bodies of one URL go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Standard output.
    Output,
    /// A file; the folders it stands in are made where wanted.
    File { path: PathBuf, from: From, folders: Folders },
    /// Nowhere (`--format json`).
    Nowhere,
}

/// Where in a file writing begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Start,
    End,
}

/// Whether missing folders are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folders {
    Made,
    Expected,
}

/// Whether the heads go where the bodies go (`-i`, `-I`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heads {
    Shown,
    Hidden,
}

/// Takes the answers of one URL.
pub(super) struct Output<'a> {
    target: Target,
    heads: Heads,
    dump: Option<&'a mut File>,
    open: Option<File>,
    progress: Option<Progress>,
    quiet: bool,
    /// Called after each head: what happened up to then can be told.
    tell: Box<dyn FnMut() + 'a>,
}

impl<'a> Output<'a> {
    pub(super) fn new(
        target: Target,
        heads: Heads,
        dump: Option<&'a mut File>,
        quiet: bool,
        tell: Box<dyn FnMut() + 'a>,
    ) -> Self {
        // Progress among the bytes of a body would only harm them.
        let shown = !quiet && stderr().is_terminal() && !matches!(target, Target::Output);
        let progress = shown.then(Progress::default);
        Self { target, heads, dump, open: None, progress, quiet, tell }
    }

    /// Ends the line of progress.
    pub(super) fn finish(mut self) -> Option<PathBuf> {
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
        match self.target {
            Target::File { path, .. } => self.open.is_some().then_some(path),
            _ => None,
        }
    }

    /// Makes the file even where there is no body, as curl does.
    pub(super) fn touch(&mut self) -> io::Result<()> {
        self.file().map(|_| ())
    }

    fn file(&mut self) -> io::Result<Option<&mut File>> {
        if self.open.is_none() {
            self.open = match &self.target {
                Target::Nowhere => return Ok(None),
                // Unbuffered: what came is written at once, and large pieces are not copied.
                Target::Output => Some(File::from(stdout().as_fd().try_clone_to_owned()?)),
                Target::File { path, from, folders } => Some(open(path, *from, *folders)?),
            };
        }
        Ok(self.open.as_mut())
    }
}

fn open(path: &Path, from: From, folders: Folders) -> io::Result<File> {
    if let (Folders::Made, Some(folder)) = (folders, path.parent()) {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    match from {
        From::Start => options.write(true).create(true).truncate(true),
        From::End => options.append(true).create(true),
    };
    options.open(path)
}

impl Sink for Output<'_> {
    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        (self.tell)();
        let bytes = bytes_of(head);
        if let Some(dump) = &mut self.dump {
            dump.write_all(&bytes)?;
        }
        if self.heads == Heads::Shown
            && let Some(file) = self.file()?
        {
            file.write_all(&bytes)?;
        }
        if let Some(progress) = &mut self.progress {
            progress.expected = head.expected.filter(|_| head.last);
        }
        Ok(())
    }

    fn body(&mut self, bytes: &[u8], at: Time) -> io::Result<()> {
        if let Some(file) = self.file()? {
            file.write_all(bytes)?;
        }
        if let Some(progress) = &mut self.progress {
            progress.more(bytes.len() as u64, at);
        }
        Ok(())
    }

    fn again(&mut self, kind: &FaultKind, after: Duration) {
        if !self.quiet {
            let code = kind.exit_code();
            eprintln!("roundtrip: ({code}) a fault that may pass; again in {} s", after.as_secs());
        }
    }

    fn place(&self) -> String {
        match &self.target {
            Target::Output => "standard output".into(),
            Target::File { path, .. } => path.display().to_string(),
            Target::Nowhere => "nowhere".into(),
        }
    }
}

/// A line that tells how far a body is.
#[derive(Default)]
struct Progress {
    received: u64,
    expected: Option<u64>,
    began: Option<Time>,
    shown: Option<Time>,
}

impl Progress {
    const BETWEEN: Duration = Duration::from_millis(200);

    fn more(&mut self, bytes: u64, at: Time) {
        self.received += bytes;
        let began = *self.began.get_or_insert(at);
        // What takes no second needs no telling.
        if at.since(began) < Duration::from_secs(1)
            || self.shown.is_some_and(|shown| at.since(shown) < Self::BETWEEN)
        {
            return;
        }
        self.shown = Some(at);
        let rate = self.received as f64 / at.since(began).as_secs_f64();
        let of = self.expected.map_or(String::new(), |all| format!(" of {}", size(all as f64)));
        eprint!("\r\x1b[K{}{of}  {}/s", size(self.received as f64), size(rate));
    }

    fn finish(self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

fn size(bytes: f64) -> String {
    let units = [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)];
    let (unit, scale) =
        units.iter().rev().find(|(_, scale)| bytes >= *scale).copied().unwrap_or(("B", 1.0));
    let places = usize::from(scale > 1.0);
    format!("{:.places$} {unit}", bytes / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [0.0, 999.0, 1000.0, 2_147_483_648.0].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "2.1 GB"]);
    }
}
