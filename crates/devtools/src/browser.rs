//! The browser as a process: found, started with a profile of its own, ended.

use core::time::Duration;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use command_fds::{CommandFdExt as _, FdMapping};
use tempfile::TempDir;

use crate::error::DevtoolsError;
use crate::pipe::{Pipe, Received};

/// What it is called where it is installed.
const NAMES: [&str; 8] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "microsoft-edge-stable",
    "microsoft-edge",
    "brave-browser",
];
/// What keeps it from asking for anything that the visit did not ask for.
const QUIET: [&str; 10] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--metrics-recording-only",
    "--disable-dev-shm-usage",
];
/// Where it reads our messages (`--remote-debugging-pipe`), and below where it writes its own.
const IN: i32 = 3;
const OUT: i32 = 4;

/// A browser at work. It ends when this is dropped.
pub(crate) struct Browser {
    pub(crate) program: PathBuf,
    pub(crate) pipe: Pipe,
    child: Child,
    profile: TempDir,
}

/// The first browser of Chromium's family that is installed.
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let candidates = NAMES.iter().flat_map(|name| folders.iter().map(move |at| at.join(name)));
    candidates.into_iter().find(|candidate| candidate.is_file())
}

/// The browser to start: the one that was named, or the first that is installed.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, DevtoolsError> {
    named
        .map(Path::to_owned)
        .or_else(installed)
        .ok_or_else(|| DevtoolsError::None(NAMES.join(", ")))
}

impl Browser {
    /// Starts it.
    pub(crate) fn start(program: PathBuf, arguments: &[OsString]) -> Result<Self, DevtoolsError> {
        match Self::begin(&program, arguments) {
            Ok((child, profile, pipe)) => Ok(Self { program, pipe, child, profile }),
            Err(why) => Err(DevtoolsError::Start { program, why }),
        }
    }

    fn begin(program: &Path, arguments: &[OsString]) -> io::Result<(Child, TempDir, Pipe)> {
        let profile = tempfile::Builder::new().prefix("roundtrip-browser-").tempdir()?;
        let (to_it, ours): (PipeReader, PipeWriter) = io::pipe()?;
        let (from_it, its): (PipeReader, PipeWriter) = io::pipe()?;
        let mut folder = OsString::from("--user-data-dir=");
        folder.push(profile.path());
        let mut command = Command::new(program);
        command.args(QUIET).arg(folder).args(arguments);
        if rustix::process::geteuid().is_root() {
            // It does not start otherwise.
            command.arg("--no-sandbox");
        }
        command.arg("about:blank").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(said(profile.path()))?);
        let mapped = |parent_fd: OwnedFd, child_fd| FdMapping { parent_fd, child_fd };
        command
            .fd_mappings(vec![mapped(to_it.into(), IN), mapped(its.into(), OUT)])
            .map_err(io::Error::other)?;
        let child = command.spawn()?;
        // What the child has of the pipes is in the command, and the end of it would not be seen.
        drop(command);
        Ok((child, profile, Pipe::new(ours, from_it)))
    }

    /// Whether its process ends by itself in this time.
    #[allow(clippy::disallowed_methods, reason = "the end of a process is waited for, on no wire")]
    fn ends_within(&mut self, patience: Duration) -> bool {
        const PAUSE: Duration = Duration::from_millis(10);
        for _ in 0..patience.as_millis() / PAUSE.as_millis() {
            match self.child.try_wait() {
                Ok(Some(_)) => return true,
                Ok(None) => std::thread::sleep(PAUSE),
                Err(_) => return false,
            }
        }
        false
    }

    /// The last line of its standard error.
    pub(crate) fn said(&self) -> Option<String> {
        let text = std::fs::read(said(self.profile.path())).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }
}

/// Where it says what goes wrong.
fn said(profile: &Path) -> PathBuf {
    profile.join("roundtrip-stderr")
}

impl Drop for Browser {
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(3);
        // A browser that was told to close does; its pipe ends with it. What goes wrong here leaves a process that
        // is killed.
        let close = serde_json::json!({"id": 0, "method": "Browser.close"});
        if self.pipe.send(&close).is_ok() {
            while let Received::Message(_) = self.pipe.receive(PATIENCE) {}
        }
        // It is still writing when its pipe is closed already.
        if !self.ends_within(PATIENCE) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
