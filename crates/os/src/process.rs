//! Child processes: CGI programs, and programs of the person at the keyboard.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A running program with both its ends. It is killed when dropped.
#[derive(Debug)]
pub struct Process {
    /// What it reads; drop it to end its input.
    pub input: Option<ChildStdin>,
    /// What it writes.
    pub output: Option<ChildStdout>,
    child: Child,
}

impl Process {
    /// Waits for its end.
    ///
    /// # Errors
    /// As `waitpid`.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

/// Starts a program with exactly these environment variables. Its error output is ours.
///
/// # Errors
/// As `execve`: it is not there, or may not be run.
pub fn spawn_process(
    program: &Path,
    arguments: &[String],
    environment: &[(String, String)],
    folder: &Path,
) -> io::Result<Process> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    Ok(Process { input: child.stdin.take(), output: child.stdout.take(), child })
}

/// A program with windows of its own, such as a browser. It is killed when dropped.
#[derive(Debug)]
pub struct Windowed(Child);

impl Windowed {
    /// Starts it with the environment of this process; what it reads is empty, and what it says goes
    /// nowhere.
    ///
    /// # Errors
    /// As `execve`: it is not there, or may not be run.
    pub fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self(child))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// As `waitpid`.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.wait().await
    }
}
