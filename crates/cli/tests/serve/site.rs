//! A folder with files of the test, served as the test wants it.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use super::peer::identity::{Kind, write};
use super::{ROUNDTRIP, listening, raw, run};

/// The versions of HTTP, as `get` is told to speak them.
pub(crate) const VERSIONS: [&str; 3] = ["--http1.1", "--http2", "--http3-only"];

pub(crate) struct Site {
    child: Child,
    /// The folder of the test: what is served is `site` in it.
    pub(crate) folder: tempfile::TempDir,
    /// `127.0.0.1:PORT`
    pub(crate) at: String,
    /// Where clients are sent to https, the first such place.
    pub(crate) clear: Option<String>,
}

impl Site {
    /// In the clear.
    pub(crate) fn start(files: &[(&str, &[u8])], more: &[&str]) -> Self {
        Self::begin(files, more, &["-q"])
    }

    /// Through TLS, over all versions of HTTP, as `localhost`.
    pub(crate) fn secure(files: &[(&str, &[u8])], more: &[&str]) -> Self {
        let tls = ["-q", "--cert", "Good.pem", "--key", "Good.key", "--http3"];
        Self::begin(files, more, &tls)
    }

    fn begin(files: &[(&str, &[u8])], more: &[&str], also: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &[Kind::Good]);
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, content).expect("written");
        }
        let mut child = Command::new(ROUNDTRIP)
            .args(["serve", "site", "--listen", "127.0.0.1:0"])
            .args(also)
            .args(more)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (at, mut lines) = listening(&mut child);
        let mut clear = None;
        if more.contains(&"--redirect-https") {
            let mut line = String::new();
            std::io::BufRead::read_line(&mut lines, &mut line).expect("a line");
            let place = line.split("://").nth(1).and_then(|rest| rest.split('/').next());
            clear = place.map(str::to_owned);
        }
        Self { child, folder, at, clear }
    }

    /// Puts a file into what is served, or changes it.
    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join("site").join(name), content).expect("written");
    }

    /// The answer to GET, in the clear, with more fields; the connection is closed after it.
    pub(crate) fn get(&self, path: &str, more: &str) -> String {
        self.send("GET", path, more, b"")
    }

    /// The answer to a request in the clear.
    pub(crate) fn send(&self, method: &str, path: &str, more: &str, body: &[u8]) -> String {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n{length}{more}\r\n"
        );
        raw(&self.at, &[head.as_bytes(), body].concat())
    }

    /// What `get -i` shows of a path through TLS, by one of [`VERSIONS`].
    pub(crate) fn by(&self, version: &str, path: &str, more: &[&str]) -> String {
        let port = self.at.rsplit(':').next().expect("a port");
        let (url, pin) =
            (format!("https://localhost:{port}{path}"), format!("localhost:{port}:127.0.0.1"));
        let mut arguments =
            vec!["get", "-s", "-i", "--cacert", "ca.pem", "--resolve", &pin, version];
        arguments.extend(more);
        arguments.push(&url);
        let output = run(ROUNDTRIP, &arguments, self.folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Ends the server, and gives what it said on standard error.
    pub(crate) fn end(mut self) -> String {
        self.child.kill().expect("it runs");
        let mut said = String::new();
        if let Some(mut error) = self.child.stderr.take() {
            error.read_to_string(&mut said).expect("text");
        }
        said
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The values of a field in an answer, by whatever version.
pub(crate) fn fields<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let head = answer.split("\r\n\r\n").find(|head| !head.contains(" 103")).unwrap_or_default();
    let of_name = |line: &'a str| {
        let (own, value) = line.split_once(": ")?;
        own.eq_ignore_ascii_case(name).then_some(value)
    };
    head.lines().filter_map(of_name).collect()
}
