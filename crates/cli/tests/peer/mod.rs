//! A `roundtrip serve` on a free port, for tests to talk to.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The command.
pub(crate) const ROUNDTRIP: &str = env!("CARGO_BIN_EXE_roundtrip");

/// A server that ends with the test.
pub(crate) struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) folder: tempfile::TempDir,
    /// `127.0.0.1:PORT`
    pub(crate) at: String,
}

impl Peer {
    /// Serves a small site, with programs, an echo and a second host.
    pub(crate) fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        site(folder.path());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut child = Command::new(ROUNDTRIP)
            .args(["serve", &path("site"), "--listen", "127.0.0.1:0", "--echo", "--list"])
            .args(["--cgi", &path("cgi"), "--host", &format!("other.test={}", path("other"))])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("a line");
        let at = first.trim().rsplit("://").next().unwrap_or_default().trim_end_matches('/');
        let at = at.to_owned();
        assert!(at.starts_with("127.0.0.1:"), "{first}");
        Self { child, lines, folder, at }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its access log.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line
    }

    /// Sends a signal; its exit code.
    pub(crate) fn stop(mut self, signal: &str) -> Option<i32> {
        let told = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        assert!(told.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn site(root: &Path) {
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    write(
        "site/index.html",
        "<!DOCTYPE html><title>t</title><a href=\"a.txt\">a</a> <a href=\"sub/\">s</a>\n",
    );
    write("site/a.txt", "0123456789abcdef\n");
    write("site/sub/index.html", "<a href=\"b.txt\">b</a>\n");
    write("site/sub/b.txt", "below\n");
    write("other/index.html", "another host\n");
    write("secret.txt", "not to be reached\n");
    let program = "#!/bin/sh\nbody=$(cat)\nprintf 'Content-Type: text/plain\\n'\n\
        printf 'Status: 201 Made\\n\\n'\n\
        printf '%s %s %s [%s]\\n' \"$REQUEST_METHOD\" \"$QUERY_STRING\" \"$PATH_INFO\" \"$body\"\n";
    write("cgi/say", program);
    write("cgi/broken", "#!/bin/sh\necho nothing of a head\n");
    for name in ["cgi/say", "cgi/broken"] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).expect("allowed");
    }
}

/// Whether a tool is there; without it, a test says that it was skipped, but in CI it fails.
pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    assert!(found || std::env::var_os("ROUNDTRIP_NO_SKIP").is_none(), "{tool} is not installed");
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("HOME", folder).env_remove("SSLKEYLOGFILE");
    command.output().expect("it starts")
}
