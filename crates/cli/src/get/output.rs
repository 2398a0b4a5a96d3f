//! Writes responses to standard output or files, and the messages that go with them.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _, stdout};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use roundtrip_http::client::Heads as Came;
use roundtrip_http::message::Fields;
use roundtrip_record::{FaultKind, Time};
use roundtrip_visit::get::{Head, Sink};

use super::args::Files;
use super::destination::Making;
use super::disposition::file_name;
use super::progress::Progress;

/// Where the bodies of one URL go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Standard output.
    Output,
    /// A file.
    File { path: PathBuf, named: Named, making: Making },
    /// Nowhere (`--format json`).
    Nowhere,
}

/// Who chose the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The command line or the URL. An existing file is overwritten.
    Here,
    /// The server, if it gives a name (`-J`). An existing file is not touched.
    ByServer,
}

/// Whether response heads are written before the bodies (`-i`, `-I`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heads {
    Shown,
    Hidden,
}

/// Receives the responses of one URL.
pub(super) struct Output<'a> {
    target: Target,
    heads: Heads,
    tunnels: Heads,
    dump: Option<Rc<File>>,
    /// Where ETags are kept.
    etags: Option<PathBuf>,
    open: Option<File>,
    /// The length of the file before writing began, in bytes.
    began_at: u64,
    /// Whether the file's name came from the server.
    theirs: bool,
    progress: &'a RefCell<Progress>,
    quiet: bool,
    tell: Tell<'a>,
}

/// Called after each head, so that `-v` can report what has happened up to then, and with the bytes of
/// bodies and when they came.
pub(super) type Tell<'a> = Box<dyn FnMut(Option<(&[u8], Time)>) + 'a>;

/// How an [`Output`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Heads of answers.
    pub(super) heads: Heads,
    /// Heads of a proxy that was asked for a tunnel.
    pub(super) tunnels: Heads,
    /// Nothing is said of what is tried again.
    pub(super) quiet: bool,
}

impl<'a> Output<'a> {
    pub(super) fn new(
        target: Target,
        look: Look,
        dump: Option<Rc<File>>,
        etags: Option<PathBuf>,
        progress: &'a RefCell<Progress>,
        tell: Tell<'a>,
    ) -> Self {
        let Look { heads, tunnels, quiet } = look;
        Self {
            target,
            heads,
            tunnels,
            dump,
            etags,
            open: None,
            began_at: 0,
            theirs: false,
            progress,
            quiet,
            tell,
        }
    }

    /// The path of the file that was written. With `--remove-on-error` there is none after a failure; with
    /// `-R` it has the time that the server told.
    pub(super) fn finish(self, files: &Files, failed: bool, fields: &Fields) -> Option<PathBuf> {
        let (Target::File { path, .. }, Some(file)) = (self.target, self.open) else { return None };
        if failed && files.remove_on_error {
            // A file that cannot be removed is one that was written.
            return fs::remove_file(&path).is_err().then_some(path);
        }
        if files.remote_time
            && let Some(date) = fields.text("Last-Modified").and_then(roundtrip_fetch::parse_date)
            && let Err(error) = file.set_modified(date)
        {
            eprintln!("roundtrip: -R: {} keeps its own time: {error}", path.display());
        }
        Some(path)
    }

    /// Makes the file even if there is no body, as curl does.
    pub(super) fn touch(&mut self) -> io::Result<()> {
        self.file().map(|_| ())
    }

    fn file(&mut self) -> io::Result<Option<&mut File>> {
        if self.open.is_none() {
            self.open = match &mut self.target {
                Target::Nowhere => return Ok(None),
                // Not buffered, so that received bytes are written at once, and large pieces are
                // not copied.
                Target::Output => Some(File::from(stdout().as_fd().try_clone_to_owned()?)),
                Target::File { path, making, .. } => {
                    let mut file = making.open(path, self.theirs)?;
                    self.began_at = file.seek(SeekFrom::End(0))?;
                    Some(file)
                }
            };
        }
        Ok(self.open.as_mut())
    }

    /// Writes heads as they came.
    fn write_heads(&mut self, text: &Came) -> io::Result<()> {
        if self.tunnels == Heads::Shown && !text.tunnel.is_empty() {
            self.write_head(&text.tunnel)?;
        }
        if text.answer.is_empty() { Ok(()) } else { self.write_head(&text.answer) }
    }

    /// Writes lines of a head or of trailers where heads are wanted.
    fn write_head(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.dump.is_none() {
            return self.show_head(lines);
        }
        // Line by line: both may be the same file, and then curl writes each line twice.
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if let Some(dump) = &self.dump {
                (&**dump).write_all(line)?;
            }
            self.show_head(line)?;
        }
        Ok(())
    }

    fn show_head(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.heads == Heads::Shown
            && let Some(file) = self.file()?
        {
            file.write_all(lines)?;
        }
        Ok(())
    }

    /// Writes the ETag where it is to be kept (`--etag-save`).
    fn save_etag(&mut self, fields: &Fields) -> io::Result<()> {
        match (&self.etags, fields.get("ETag")) {
            (Some(path), Some(etag)) if !etag.is_empty() => fs::write(path, [etag, b"\n"].concat()),
            _ => Ok(()),
        }
    }
}

impl Sink for Output<'_> {
    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        self.progress.borrow_mut().clear();
        (self.tell)(None);
        if let Target::File { path, named: Named::ByServer, .. } = &mut self.target
            && head.last
            && self.open.is_none()
            && let Some(name) = head.fields.get("Content-Disposition").and_then(file_name)
        {
            path.set_file_name(name);
            self.theirs = true;
        }
        self.save_etag(head.fields)?;
        self.write_heads(head.text)?;
        if head.last {
            self.progress.borrow_mut().expect(head.expected);
        }
        Ok(())
    }

    fn lone_heads(&mut self, text: &Came) -> io::Result<()> {
        (self.tell)(None);
        self.write_heads(text)
    }

    fn body(&mut self, bytes: &[u8], at: Time) -> io::Result<()> {
        (self.tell)(Some((bytes, at)));
        if let Some(file) = self.file()? {
            file.write_all(bytes)?;
        }
        self.progress.borrow_mut().more(bytes.len() as u64, at);
        Ok(())
    }

    fn trailers(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() { Ok(()) } else { self.write_head(lines) }
    }

    fn take_back(&mut self) -> io::Result<()> {
        let began_at = self.began_at;
        let is_file = matches!(self.target, Target::File { .. });
        match self.open.as_mut().filter(|_| is_file) {
            Some(file) => {
                file.set_len(began_at)?;
                file.seek(SeekFrom::Start(began_at)).map(|_| ())
            }
            None if self.target == Target::Nowhere => Ok(()),
            None => Err(io::ErrorKind::NotSeekable.into()),
        }
    }

    fn again(&mut self, kind: &FaultKind, after: Duration) {
        let mut progress = self.progress.borrow_mut();
        progress.clear();
        progress.restart();
        if !self.quiet {
            let code = kind.exit_code();
            eprintln!("roundtrip: ({code}) a fault that may pass; again in {} s", after.as_secs());
        }
    }

    fn place(&self) -> String {
        match &self.target {
            Target::Output => "standard output".into(),
            Target::File { path, .. } if path.as_os_str().is_empty() => {
                "a file that neither the URL nor the server names".into()
            }
            Target::File { path, .. } => path.display().to_string(),
            Target::Nowhere => "nowhere".into(),
        }
    }
}
