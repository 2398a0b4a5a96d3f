//! Files that bodies are written to: whether one that exists is kept, and what a new one is like.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::args::Get;

/// Where in an existing file writing begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Start,
    End,
}

/// What becomes of a file that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Existing {
    /// It is overwritten, unless a server chose its name.
    Usual,
    /// It is overwritten (`--clobber`).
    Overwritten,
    /// It stays, and another one is made with a number behind its name (`--no-clobber`).
    Kept,
}

/// How files are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Making {
    pub(super) from: From,
    existing: Existing,
    /// Missing folders are made.
    folders: bool,
    /// The mode of new files, less what the umask takes.
    mode: u32,
}

/// The highest number behind a name.
const MOST: u32 = 100;

impl Making {
    pub(super) fn of(arguments: &Get) -> anyhow::Result<Self> {
        let files = &arguments.files;
        let octal = |text: &String| {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
            mode.ok_or_else(|| anyhow!("--create-file-mode {text}: wanted octal digits, as 0644"))
        };
        Ok(Self {
            from: if arguments.continue_at.is_some() { From::End } else { From::Start },
            existing: match (files.clobber, files.no_clobber) {
                (true, _) => Existing::Overwritten,
                (false, true) => Existing::Kept,
                (false, false) => Existing::Usual,
            },
            folders: files.create_dirs,
            mode: files.create_file_mode.as_ref().map(octal).transpose()?.unwrap_or(0o644),
        })
    }

    /// Opens the file; its name has a number more where that is how an existing one is kept. A server that
    /// chose the name (`theirs`) must not choose one that is there already.
    pub(super) fn open(self, path: &mut PathBuf, theirs: bool) -> io::Result<File> {
        if let (true, Some(folder)) = (self.folders, path.parent()) {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.mode(self.mode);
        if self.from == From::End {
            return options.append(true).create(true).open(path);
        }
        let fresh = match self.existing {
            Existing::Overwritten => false,
            Existing::Usual => theirs,
            Existing::Kept => true,
        };
        if !fresh {
            return options.write(true).create(true).truncate(true).open(path);
        }
        options.write(true).create_new(true);
        let most = if self.existing == Existing::Kept { MOST } else { 0 };
        let given = path.clone();
        for number in 0..=most {
            if number > 0 {
                *path = numbered(&given, number);
            }
            match options.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < most => {}
                opened => return opened,
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// The name with `.1`, `.2` … behind it.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}
