//! A `roundtrip serve` on a free port, for tests to talk to.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod front;
pub(crate) mod identity;
pub(crate) mod proxy;
pub(crate) mod raw;
#[allow(clippy::duplicate_mod, reason = "a test file may use this and the other helper")]
#[path = "../../../../tests/skip.rs"]
mod rule;
pub(crate) mod script;
pub(crate) mod scripted;
pub(crate) mod socks;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub(crate) use rule::{has, skip};

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
    for (name, program) in PROGRAMS {
        let path = format!("cgi/{name}");
        write(&path, &format!("#!/bin/sh\n{program}\n"));
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).expect("allowed");
    }
}

/// What answers below `/cgi-bin/`.
const PROGRAMS: [(&str, &str); 16] = [
    (
        "say",
        r#"body=$(cat)
printf 'Content-Type: text/plain\n'
printf 'Status: 201 Made\n\n'
printf '%s %s %s [%s]\n' "$REQUEST_METHOD" "$QUERY_STRING" "$PATH_INFO" "$body""#,
    ),
    ("broken", "echo nothing of a head"),
    // The status that the query names.
    ("status", r#"printf "Status: $QUERY_STRING Named\nContent-Type: text/plain\n\nbody of it\n""#),
    // A redirect with that status, here and to another origin.
    ("hop", r#"cat >/dev/null; printf "Status: $QUERY_STRING Moved\nLocation: /echo\n\n""#),
    (
        "away",
        r#"cat >/dev/null
printf "Status: $QUERY_STRING Moved\nLocation: http://localhost:$SERVER_PORT/echo\n\n""#,
    ),
    // To another origin and back.
    (
        "around",
        r#"case "$HTTP_HOST" in
localhost*) printf "Status: 302 Moved\nLocation: http://127.0.0.1:$SERVER_PORT/echo\n\n" ;;
*) printf "Status: 302 Moved\nLocation: http://localhost:$SERVER_PORT/cgi-bin/around\n\n" ;;
esac"#,
    ),
    ("round", r#"printf "Status: 302 Again\nLocation: /cgi-bin/round\n\n""#),
    ("astray", r#"printf "Status: 302 Moved\nLocation: nosuch://x/\n\n""#),
    (
        "cookie",
        r"printf 'Set-Cookie: one=1; Path=/\nSet-Cookie: two=2; Path=/echo; HttpOnly\n'
printf 'Set-Cookie: three=3; Secure; Path=/\nContent-Type: text/plain\n\nset\n'",
    ),
    (
        "named",
        r#"printf 'Content-Type: text/plain\n'
printf "Content-Disposition: attachment; filename=\"$QUERY_STRING\"\n\nnamed\n""#,
    ),
    (
        "coded",
        r#"printf "Content-Type: text/plain\nContent-Encoding: $QUERY_STRING\n\n"
printf 'in fewer bytes, or not' | gzip -nc"#,
    ),
    ("slow", r"printf 'Content-Type: text/plain\n\nfirst\n'; sleep 4; echo second"),
    ("silent", "exec sleep 4"),
    // Fails twice for each query.
    (
        "flaky",
        r#"count=$(cat "seen-$QUERY_STRING" 2>/dev/null)
echo "${count}x" >"seen-$QUERY_STRING"
if [ "$count" = xx ]; then
  printf 'Content-Type: text/plain\n\nat last\n'
else
  printf 'Status: 503 Busy\nContent-Type: text/plain\n\nnot yet\n'
fi"#,
    ),
    ("variables", r"printf 'Content-Type: text/plain\n\n'; env | LC_ALL=C sort"),
    ("local", r"printf 'Location: /a.txt?from=program\n\n'"),
];

pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    run_with(program, arguments, folder, "")
}

/// The same with this standard input.
pub(crate) fn run_with(program: &str, arguments: &[&str], folder: &Path, input: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("HOME", folder).stdin(Stdio::piped());
    for variable in ["SSLKEYLOGFILE", "http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(variable).env_remove(variable.to_ascii_uppercase());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // It is short enough for the pipe; who does not want it may have ended.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().expect("it ends")
}
