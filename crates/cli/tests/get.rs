//! `roundtrip get` against curl: the same arguments, the same bytes, the same exit code.

mod peer;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use peer::identity::{self, Kind};
use peer::proxy::Proxy;
use peer::raw::{Raw, Then, pause};
use peer::{Peer, ROUNDTRIP, has, run};

/// What both clients talk to, by the names that arguments have for it.
struct World {
    /// `AT`, and its port `PORT`.
    peer: Peer,
    /// `ANYBODY`: a proxy that leads to the peer. `KNOWN`: one that wants to know `u:w`.
    proxies: [Proxy; 2],
    /// The kind's name: the port of a server with such a certificate. `PEM/`: where they lie.
    secure: Vec<(Kind, Peer)>,
    pem: tempfile::TempDir,
}

impl World {
    fn new(kinds: &[Kind]) -> Self {
        let peer = Peer::start(&["-q"]);
        let pem = tempfile::tempdir().expect("a folder");
        identity::write(pem.path(), kinds);
        let secure = |kind: &Kind| {
            let path = |ending| pem.path().join(format!("{kind:?}.{ending}")).display().to_string();
            (*kind, Peer::start(&["-q", "--cert", &path("pem"), "--key", &path("key")]))
        };
        let secure = kinds.iter().map(secure).collect();
        let proxies = [None, Some("dTp3")].map(|known| Proxy::start(&peer.at, known));
        Self { peer, proxies, secure, pem }
    }

    fn fill(&self, text: &str, program: &str) -> String {
        let port = |at: &str| at.rsplit(':').next().unwrap_or_default().to_owned();
        let mut text = text
            .replace("AT/", &format!("{}/", self.peer.at))
            .replace("PORT", &port(&self.peer.at))
            .replace("ANYBODY", &self.proxies[0].at)
            .replace("KNOWN", &self.proxies[1].at)
            .replace("PEM/", &format!("{}/", self.pem.path().display()))
            .replace("WHO", if program == "curl" { "curl" } else { "ours" });
        for (kind, peer) in &self.secure {
            text = text.replace(&format!("{kind:?}/"), &format!("{}/", port(&peer.at)));
        }
        text
    }

    /// Runs both with the same arguments, each in a folder of its own.
    fn both(&self, arguments: &[&str]) -> [(Output, tempfile::TempDir); 2] {
        ["curl", ROUNDTRIP].map(|program| {
            let folder = tempfile::tempdir().expect("a folder");
            for (name, content) in FILES {
                fs::write(folder.path().join(name), content).expect("written");
            }
            let mut all: Vec<String> = Vec::new();
            all.extend((program != "curl").then(|| "get".to_owned()));
            // What differs by nature is made the same: names of agents, progress.
            all.extend(["-s", "-A", "same"].map(str::to_owned));
            all.extend(arguments.iter().map(|text| self.fill(text, program)));
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            (run(program, &all, folder.path()), folder)
        })
    }

    /// Fails unless both do the same with each of these arguments.
    fn compare(&self, table: &[&[&str]]) {
        let mut differ = Vec::new();
        for arguments in table {
            let [theirs, ours] =
                self.both(arguments).map(|(output, folder)| shown(&output, folder.path()));
            if theirs != ours {
                differ.push(format!("{arguments:?}\n  curl: {theirs:?}\n  ours: {ours:?}"));
            }
        }
        let all = table.len();
        assert!(differ.is_empty(), "{} of {all} differ:\n{}", differ.len(), differ.join("\n"));
    }
}

/// What lies in the folder that both are started in.
const FILES: [(&str, &str); 8] = [
    ("data", "line 1\nline & 2\n"),
    ("part", "01234"),
    ("full", "0123456789abcdef\n"),
    ("page.html", "<p>\n"),
    ("object", "{\"n\": [1]}\n"),
    ("fields", "X-From: a file\nX-Also: this\n"),
    ("format", "%{http_code} from a file\n"),
    ("jar", "127.0.0.1\tFALSE\t/\tFALSE\t0\tkept\t1\n.nowhere.test\tTRUE\t/\tFALSE\t0\tother\t2\n"),
];

/// Exit code, output and files, without what differs between any two runs.
fn shown(output: &Output, folder: &Path) -> (Option<i32>, String, Vec<(String, String)>) {
    let kept = files(folder).into_iter().map(|(name, bytes)| (name, alike(&bytes)));
    // Unknown schemes are curl's 1, or its 3; here all that is no URL is 3.
    let exit = output.status.code().map(|code| if code == 1 { 3 } else { code });
    (exit, alike(&output.stdout), kept.collect())
}

#[allow(clippy::disallowed_methods, reason = "sorted below")]
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("readable"))
        })
        .collect();
    all.sort();
    all
}

/// Without the second in which each asked, notes in files of cookies, and what each client adds of its
/// own accord; the order of request fields is each client's own too.
fn alike(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = |line: &&str| {
        let note = line.starts_with('#') && !line.starts_with("#HttpOnly_");
        !line.starts_with("Date:") && !note && !line.is_empty()
    };
    let mut lines: Vec<&str> = text.lines().filter(plain).collect();
    // Cookies of a file have no order that means something.
    let first = lines.iter().position(|line| line.contains("\tFALSE\t"));
    lines[first.unwrap_or(0)..].sort_by_key(|line| first.map(|_| *line));
    let text = lines.join("\n");
    let Some(start) = text.find("{\n  \"").filter(|_| text.ends_with('}')) else {
        return text;
    };
    let (before, echo) = text.split_at(start);
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(echo) else { return text };
    let parts = value.get("parts").is_some();
    if let Some(fields) = value.get_mut("fields").and_then(|fields| fields.as_array_mut()) {
        let is = |field: &serde_json::Value, name: &str| {
            field[0].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        fields.retain(|field| !is(field, "Accept-Encoding"));
        // Boundaries are drawn by lot, and their length is each client's own.
        fields.retain(|field| !parts || !is(field, "Content-Type") && !is(field, "Content-Length"));
        for field in &mut *fields {
            if is(field, "Cookie") {
                let cookies = field[1].as_str().unwrap_or_default().split("; ");
                let mut cookies: Vec<&str> = cookies.collect();
                cookies.sort_unstable();
                field[1] = cookies.into();
            }
        }
        fields.sort_by_key(|field| field.to_string().to_ascii_lowercase());
    }
    if parts {
        value["length"] = 0.into();
    }
    format!("{before}{value}")
}

#[test]
fn requests_are_those_of_curl() {
    if !has("curl") {
        return;
    }
    World::new(&[]).compare(&[
        &["http://AT/a.txt"],
        &["AT/a.txt"],
        &["HTTP://AT/a.txt#fragment"],
        &["http://AT/sub/../a.txt"],
        &["http://AT/%61.txt"],
        &["--url", "http://AT/a.txt"],
        &["-s", "-s", "-A", "one", "-A", "same", "http://AT/echo"],
        &["-d", "a=b", "-d", "c", "http://AT/echo"],
        &["-d", "@data", "http://AT/echo"],
        &["-d", "", "http://AT/echo"],
        &["--data-binary", "@data", "http://AT/echo"],
        &["--data-raw", "@data", "-d", "x", "http://AT/echo"],
        &["-d", "a", "--data-raw", "@b", "--data-binary", "@data", "http://AT/echo"],
        &["--data-urlencode", "n=a b&c", "--data-urlencode", "f@data", "http://AT/echo"],
        &["--data-urlencode", "=a=b", "--data-urlencode", "@data", "http://AT/echo"],
        &["-d", "a", "-H", "Content-Type: text/x", "http://AT/echo"],
        &["--json", "{\"n\":1}", "http://AT/echo"],
        &["--json", "{\"a\":", "--json", "1}", "http://AT/echo"],
        &["--json", "@object", "http://AT/echo"],
        &["--json", "1", "-H", "Accept: text/x", "http://AT/echo"],
        &["-G", "-d", "a=b", "--data-urlencode", "c=d e", "http://AT/echo?x=y"],
        &["-G", "-I", "-d", "a=b", "http://AT/a.txt"],
        &["-I", "-d", "a=b", "http://AT/a.txt"],
        &["-X", "PATCH", "-d", "a", "http://AT/echo"],
        &["-X", "OPTIONS", "http://AT/a.txt"],
        &["-X", "DELETE", "-i", "http://AT/a.txt"],
        &["-X", "BREW", "http://AT/a.txt"],
        &["-T", "data", "-H", "Expect:", "http://AT/echo"],
        &["-T", "data", "-H", "Expect:", "http://AT/sub/"],
        &["-T", "nothing-there", "http://AT/echo"],
        &["-T", "full", "-C", "4", "-H", "Expect:", "http://AT/echo"],
        &["-T", "full", "-C", "-", "-H", "Expect:", "http://AT/echo"],
        &["-T", "full", "-C", "16", "-H", "Expect:", "http://AT/echo"],
        &["-T", "full", "-C", "17", "-H", "Expect:", "http://AT/echo"],
        &["-T", "full", "-r", "2-4", "-H", "Expect:", "http://AT/echo"],
        &["-T", "-", "-H", "Expect:", "http://AT/sub/"],
        &["-u", "a%41@b:c%20:d", "http://AT/echo"],
        &["-F", "a=b", "-F", "f=@data", "http://AT/echo"],
        &["-F", "f=@data;type=text/x", "http://AT/echo"],
        &["-F", "f=@data;filename=other", "http://AT/echo"],
        &["-F", "f=@data;type=text/x;filename=\"o;x\"", "http://AT/echo"],
        &["-F", "f=<data", "http://AT/echo"],
        &["-F", "f=@page.html", "-F", "n=2", "http://AT/echo"],
        &["-F", "a=b;type=text/html", "http://AT/echo"],
        &["-F", "a=\"x;y\"", "http://AT/echo"],
        &["-F", "a=b;c", "http://AT/echo"],
        &["-F", "a=b;type=text/x;charset=utf-8", "http://AT/echo"],
        &["-F", "a=b,c", "http://AT/echo"],
        &["-F", "a=b; type=text/x; charset=utf-8", "http://AT/echo"],
        &["-F", "f=<nothing-there", "http://AT/echo"],
        &["--form-string", "a=@b;type=c", "http://AT/echo"],
        &["-F", "f=@nothing-there", "http://AT/echo"],
        &["-d", "a", "-F", "b=c", "http://AT/echo"],
        &["-u", "name:word", "http://AT/echo"],
        &["-u", "name:", "http://AT/echo"],
        &["-u", "a:b:c d", "http://AT/echo"],
        &["http://n%40x:w%3A@AT/echo"],
        &["-b", "k=v; l=w", "http://AT/echo"],
        &["-b", "jar", "http://AT/echo"],
        &["-b", "jar", "-b", "k=v", "http://AT/echo"],
        &["-b", "nothing-there", "http://AT/cgi-bin/cookie", "http://AT/echo"],
        &["-c", "-", "http://AT/cgi-bin/cookie"],
        &["-c", "new", "http://AT/cgi-bin/cookie", "http://AT/echo"],
        &["-b", "jar", "-c", "new", "http://AT/cgi-bin/cookie"],
        &["-e", "http://from.test/", "http://AT/echo"],
        &["-H", "X-One: 1", "-H", "Accept:", "-H", "X-None;", "http://AT/echo"],
        &["-H", "X-One:1", "-H", "User-Agent:", "-H", "X-Two:   2  ", "http://AT/echo"],
        &["-H", "@fields", "http://AT/echo"],
        &["-H", "Host: other.test", "http://AT/"],
        &["-0", "http://AT/echo"],
        &["-0", "-d", "a=b", "http://AT/echo"],
        &["--http1.0", "-i", "http://AT/a.txt"],
        &["--http1.1", "-w", "%{http_version}", "http://AT/a.txt"],
        &["-N", "-#", "--no-progress-meter", "-q", "-S", "http://AT/a.txt"],
        &["--no-such-option", "http://AT/a.txt"],
        &["-s"],
    ]);
}

#[test]
fn answers_go_where_curl_puts_them() {
    if !has("curl") {
        return;
    }
    World::new(&[]).compare(&[
        &["-i", "http://AT/a.txt"],
        &["-I", "http://AT/a.txt"],
        &["-I", "-o", "head", "http://AT/a.txt"],
        &["-i", "-o", "all", "http://AT/a.txt"],
        &["-D", "heads", "http://AT/a.txt"],
        &["-D", "-", "http://AT/a.txt"],
        &["-D", "heads", "http://AT/a.txt", "http://AT/none"],
        &["-o", "file", "http://AT/a.txt"],
        &["-o", "-", "http://AT/a.txt"],
        &["-O", "http://AT/a.txt"],
        &["-O", "http://AT/a.txt?query"],
        &["-O", "http://AT/"],
        &["-O", "-O", "http://AT/a.txt", "http://AT/sub/b.txt"],
        &["-O", "http://AT/a.txt", "http://AT/sub/b.txt"],
        &["-o", "one", "-O", "http://AT/a.txt", "http://AT/sub/b.txt"],
        &["-O", "-o", "two", "http://AT/a.txt", "http://AT/sub/b.txt"],
        &["--remote-name-all", "http://AT/a.txt", "http://AT/sub/b.txt"],
        &["-O", "-J", "http://AT/cgi-bin/named?new.txt"],
        &["-O", "-J", "http://AT/cgi-bin/named?/etc/new.txt"],
        &["-OJ", "http://AT/cgi-bin/named?part"],
        &["-OJ", "http://AT/a.txt"],
        &["-o", "new/file", "--create-dirs", "http://AT/a.txt"],
        &["-o", "no/such/folder", "http://AT/a.txt"],
        &["http://AT/a.txt", "http://AT/sub/b.txt"],
        &["http://AT/{a,none}.txt"],
        &["-o", "#1-#2", "http://AT/{a,sub}[.-/:1]txt"],
        &["-o", "f_#1_#2", "http://AT/[1-3]{x,y}"],
        &["-o", "f_#1", "http://AT/[08-12:2]"],
        &["http://AT/[3-1]"],
        &["http://AT/{a"],
        &["http://AT/a}"],
        &["-g", "http://AT/[1-3]"],
        &["-r", "2-5", "http://AT/a.txt"],
        &["-r", "-4", "http://AT/a.txt"],
        &["-r", "5", "http://AT/a.txt"],
        &["-r", "0-1,4-5", "http://AT/a.txt"],
        &["-i", "-r", "90-", "http://AT/a.txt"],
        &["-C", "5", "-o", "part", "http://AT/a.txt"],
        &["-C", "-", "-o", "part", "http://AT/a.txt"],
        &["-C", "-", "-o", "full", "http://AT/a.txt"],
        &["-C", "-", "-o", "part", "http://AT/cgi-bin/status?200"],
        &["-C", "3", "http://AT/a.txt"],
        &["-C", "3", "http://AT/none"],
        &["-C", "3", "-I", "http://AT/a.txt"],
        &["-OJ", "http://AT/sub/"],
        &["-f", "http://AT/none"],
        &["-f", "-o", "file", "http://AT/none"],
        &["-f", "-i", "http://AT/none"],
        &["--fail-with-body", "http://AT/none"],
        &["http://AT/none"],
        &["-f", "http://AT/none", "http://AT/a.txt"],
        &["http://AT/a.txt", "-f", "http://AT/none"],
        &["--max-filesize", "3", "http://AT/a.txt"],
        &["--compressed", "http://AT/cgi-bin/coded?gzip"],
        &["http://AT/cgi-bin/coded?gzip"],
        &["--compressed", "http://AT/cgi-bin/coded?identity"],
        &["--compressed", "http://AT/cgi-bin/coded?nonsense"],
        &["--compressed", "http://AT/a.txt"],
        &[
            "-w",
            "%{http_code} %{size_download} %{num_redirects} %{content_type} %{exitcode}\\n",
            "http://AT/a.txt",
        ],
        &[
            "-w",
            "%{scheme} %{method} %{size_header} %{num_headers} %{num_connects}",
            "http://AT/a.txt",
        ],
        &["-w", "%{url} %{urlnum} %{url_effective}\\n", "AT/a.txt", "http://AT/none"],
        &[
            "-w",
            "%{size_upload} %{http_connect} %{ssl_verify_result}",
            "-d",
            "abc",
            "http://AT/a.txt",
        ],
        &["-w", "%header{content-type}|%header{none}|%{nosuch}|%%|%x|\\t", "http://AT/a.txt"],
        &["-w", "out%{stderr}err%{stdout}again", "http://AT/a.txt"],
        &["-w", "seen %{onerror}not seen", "http://AT/a.txt"],
        &["-w", "seen %{onerror}seen too %{http_code}", "http://127.0.0.1:1/"],
        &["-w", "@format", "http://AT/a.txt"],
        &["-o", "file", "-w", "%{filename_effective}", "http://AT/a.txt"],
        &["-e", "x", "-w", "%{referer}", "http://AT/a.txt"],
    ]);
}

/// Two things differ on purpose and have no row: cookies of `-b` stay with the origin they were given
/// for, and a PUT whose body a redirect took away says `Content-Length: 0` (RFC 9110 §8.6).
#[test]
fn redirects_lead_where_curl_goes() {
    if !has("curl") {
        return;
    }
    World::new(&[]).compare(&[
        &["http://AT/sub"],
        &["-L", "http://AT/sub"],
        &["-L", "-i", "http://AT/sub"],
        &["-L", "--max-redirs", "0", "http://AT/sub"],
        &["-w", "%{redirect_url}\\t%{num_headers}", "http://AT/sub"],
        &[
            "-L",
            "-w",
            "%{url_effective} %{num_redirects} %{remote_ip} %{method}%%\\n",
            "http://AT/sub",
        ],
        &["-L", "http://AT/cgi-bin/hop?301"],
        &["-L", "-d", "a", "http://AT/cgi-bin/hop?301"],
        &["-L", "-d", "a", "http://AT/cgi-bin/hop?302"],
        &["-L", "-d", "a", "http://AT/cgi-bin/hop?303"],
        &["-L", "-d", "a", "http://AT/cgi-bin/hop?307"],
        &["-L", "-d", "a", "http://AT/cgi-bin/hop?308"],
        &["-L", "-d", "a", "http://AT/cgi-bin/hop?300"],
        &["-L", "--post301", "-d", "a", "http://AT/cgi-bin/hop?301"],
        &["-L", "--post302", "-d", "a", "http://AT/cgi-bin/hop?302"],
        &["-L", "--post303", "-d", "a", "http://AT/cgi-bin/hop?303"],
        &["-L", "--post301", "-d", "a", "http://AT/cgi-bin/hop?302"],
        &["-L", "-F", "a=b", "http://AT/cgi-bin/hop?302"],
        &["-L", "-F", "a=b", "http://AT/cgi-bin/hop?307"],
        &["-L", "-X", "DELETE", "-d", "a", "http://AT/cgi-bin/hop?301"],
        &["-L", "-X", "PATCH", "-d", "a", "http://AT/cgi-bin/hop?308"],
        &["-L", "-X", "DELETE", "http://AT/cgi-bin/hop?303"],
        &["-L", "-T", "data", "-H", "Expect:", "http://AT/cgi-bin/hop?302"],
        &["-L", "-T", "data", "-H", "Expect:", "http://AT/cgi-bin/hop?303"],
        &["-L", "-T", "data", "-H", "Expect:", "http://AT/cgi-bin/hop?307"],
        &["-L", "-I", "http://AT/cgi-bin/hop?302"],
        &["-L", "-I", "-w", "%{method}", "-o", "head", "http://AT/cgi-bin/hop?303"],
        &["-L", "-e", "http://x.test/;auto", "http://AT/cgi-bin/hop?302"],
        &["-L", "-e", ";auto", "http://AT/cgi-bin/hop?302"],
        &["-L", "-e", "http://x.test/", "http://AT/cgi-bin/hop?302"],
        &["-L", "-u", "n:w", "http://AT/cgi-bin/hop?302"],
        &["-L", "-u", "n:w", "http://AT/cgi-bin/away?302"],
        &["-L", "-u", "n:w", "http://AT/cgi-bin/around"],
        &["-L", "--location-trusted", "-u", "n:w", "http://AT/cgi-bin/away?302"],
        &["--location-trusted", "-u", "n:w", "-d", "a", "http://AT/cgi-bin/away?307"],
        &["-L", "-b", "k=v", "http://AT/cgi-bin/hop?302"],
        &["-L", "-H", "Authorization: x", "http://AT/cgi-bin/away?302"],
        &["-L", "-H", "Cookie: a=b", "http://AT/cgi-bin/away?302"],
        &["-L", "-H", "X-Own: y", "http://AT/cgi-bin/away?302"],
        &["-L", "-H", "Content-Type: text/x", "-d", "a", "http://AT/cgi-bin/hop?302"],
        &["-L", "--max-redirs", "3", "-w", "%{num_redirects}", "http://AT/cgi-bin/round"],
        &["-L", "-w", "%{num_redirects} %{exitcode}", "http://AT/cgi-bin/round"],
        &["-L", "--max-redirs", "-1", "http://AT/cgi-bin/hop?302"],
        &["-L", "http://AT/cgi-bin/astray"],
        &["-L", "-f", "http://AT/cgi-bin/hop?404"],
        &["-L", "-o", "file", "-D", "heads", "http://AT/cgi-bin/hop?302"],
        &["-L", "http://AT/cgi-bin/local"],
    ]);
}

#[test]
fn the_way_there_is_that_of_curl() {
    if !has("curl") {
        return;
    }
    World::new(&[Kind::Good]).compare(&[
        &["http://127.0.0.1:1/"],
        &["http://nowhere.invalid/"],
        &["ftp-no-such://x/"],
        &["http://"],
        &["-m", "1", "http://AT/cgi-bin/silent"],
        &["-m", "1.5", "http://AT/cgi-bin/slow"],
        &["--max-time", "30", "--connect-timeout", "9", "http://AT/a.txt"],
        &["--retry", "2", "--retry-delay", "1", "-o", "out", "http://AT/cgi-bin/flaky?WHO"],
        &["--retry", "1", "-f", "http://AT/cgi-bin/status?503"],
        &["--retry", "1", "--retry-connrefused", "http://127.0.0.1:1/"],
        &["--retry", "1", "--retry-all-errors", "-f", "http://AT/none"],
        &["--retry", "2", "-f", "http://AT/none"],
        &["--resolve", "named.test:80:127.0.0.1", "-m", "5", "http://AT/a.txt"],
        &["--resolve", "named.test:PORT:127.0.0.1", "http://named.test:PORT/a.txt"],
        &["--resolve", "*:PORT:127.0.0.1", "http://named.test:PORT/a.txt"],
        &["--resolve", "nowhere.invalid:1:127.0.0.1", "http://nowhere.invalid:PORT/a.txt"],
        &["--resolve", "a.test:PORT:127.0.0.9,127.0.0.1", "http://a.test:PORT/a.txt"],
        &["--connect-to", "named.test:80:127.0.0.1:PORT", "http://named.test/echo"],
        &["--connect-to", "::127.0.0.1:PORT", "http://any.test:81/echo"],
        &["--connect-to", "other.test:80:127.0.0.1:1", "http://AT/a.txt"],
        &[
            "--connect-to",
            "a.test:80:b.test:PORT",
            "--resolve",
            "b.test:PORT:127.0.0.1",
            "http://a.test/a.txt",
        ],
        &["-4", "http://localhost:PORT/a.txt"],
        &["-6", "-m", "5", "http://localhost:PORT/a.txt"],
        &["-6", "-4", "http://localhost:PORT/a.txt"],
        &["-x", "ANYBODY", "http://named.test/echo"],
        &["-x", "http://ANYBODY/", "-d", "a=b", "http://AT/echo"],
        &[
            "-x",
            "ANYBODY",
            "-w",
            "%{num_connects}",
            "http://one.test/a.txt",
            "http://two.test/a.txt",
        ],
        &["-x", "ANYBODY", "-p", "http://AT/echo"],
        &["-x", "ANYBODY", "-p", "-w", "%{http_connect}", "http://127.0.0.1:1/"],
        &["-x", "KNOWN", "http://AT/echo"],
        &["-x", "KNOWN", "-U", "u:w", "http://AT/echo"],
        &["-x", "http://u:w@KNOWN", "http://AT/echo"],
        &["-x", "KNOWN", "-U", "u:wrong", "-f", "http://AT/echo"],
        &["-x", "ANYBODY", "--noproxy", "127.0.0.1", "http://AT/echo"],
        &["-x", "ANYBODY", "--noproxy", "*", "http://AT/echo"],
        &["-x", "ANYBODY", "--noproxy", "one.test,127.0.0.0/8", "http://AT/echo"],
        &["-x", "", "http://AT/echo"],
        &["-x", "127.0.0.1:1", "http://AT/echo"],
        &["-x", "nowhere.invalid:80", "http://AT/echo"],
        &["-x", "ANYBODY", "--cacert", "PEM/ca.pem", "https://localhost:Good/a.txt"],
        &["-x", "ANYBODY", "-k", "-w", "%{http_connect}", "https://localhost:Good/a.txt"],
        &["-x", "KNOWN", "-k", "-w", "%{http_connect}", "https://localhost:Good/a.txt"],
        &["-x", "KNOWN", "-U", "u:w", "-k", "https://localhost:Good/a.txt"],
    ]);
}

#[test]
fn certificates_are_taken_and_refused_as_curl_does() {
    if !has("curl") {
        return;
    }
    let kinds = [Kind::Good, Kind::Expired, Kind::Elsewhere, Kind::ItselfForClients, Kind::Itself];
    World::new(&kinds).compare(&[
        &["https://localhost:Good/a.txt"],
        &["-k", "https://localhost:Good/a.txt"],
        &["--cacert", "PEM/ca.pem", "https://localhost:Good/a.txt"],
        &["--cacert", "PEM/ca.pem", "https://127.0.0.1:Good/a.txt"],
        &["--cacert", "PEM/ca.pem", "https://localhost:Expired/a.txt"],
        &["--cacert", "PEM/ca.pem", "https://localhost:Elsewhere/a.txt"],
        &["-k", "https://localhost:Expired/a.txt"],
        &["--cacert", "PEM/Itself.pem", "https://localhost:Itself/a.txt"],
        &["--cacert", "PEM/Itself.pem", "https://127.0.0.1:Itself/a.txt"],
        &["--cacert", "PEM/ca.pem", "https://localhost:Itself/a.txt"],
        &["--cacert", "PEM/Itself.pem", "https://localhost:Good/a.txt"],
        &["--cacert", "PEM/Good.pem", "https://localhost:Good/a.txt"],
        &["--cacert", "PEM/Expired.pem", "https://localhost:Expired/a.txt"],
        &["--cacert", "PEM/ItselfForClients.pem", "https://localhost:ItselfForClients/a.txt"],
        &["--cacert", "PEM/none.pem", "https://localhost:Good/a.txt"],
        &["-k", "--http1.1", "-w", "%{http_version}", "https://localhost:Good/a.txt"],
        &["-k", "--http2", "-w", "%{http_version}", "https://localhost:Good/a.txt"],
        &[
            "-k",
            "--http2",
            "-d",
            "a=b",
            "-o",
            "out",
            "-w",
            "%{http_code}",
            "https://localhost:Good/echo",
        ],
        &["-k", "-I", "-o", "head", "-w", "%{http_code}", "https://localhost:Good/a.txt"],
        &["-k", "-r", "2-5", "https://localhost:Good/a.txt"],
        &["https://AT/a.txt"],
        &["-k", "https://AT/a.txt"],
    ]);
}

/// Answers as no server should give them. Where curl is more patient than the RFCs, no row is here:
/// what we say to those stands in `crates/http/tests/codec.rs`.
#[test]
fn broken_answers_end_with_the_exit_code_of_curl() {
    if !has("curl") {
        return;
    }
    let mut differ = Vec::new();
    for (answer, then) in [
        ("", Then::Closes),
        ("", Then::Resets),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Then::Closes),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Then::Resets),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Then::Stays),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore than that", Then::Closes),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", Then::Closes),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", Then::Resets),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n", Then::Closes),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n",
            Then::Stays,
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n", Then::Closes),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour too many\r\n",
            Then::Closes,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", Then::Stays),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", Then::Stays),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Then::Stays,
        ),
        ("HTTP/1.0 200 OK\r\n\r\nold", Then::Closes),
        ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", Then::Closes),
        ("HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", Then::Closes),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Then::Closes),
    ] {
        let server = Raw::start(answer, then);
        let folder = tempfile::tempdir().expect("a folder");
        let ended = ["curl", ROUNDTRIP].map(|program| {
            let url = server.url();
            let all: &[&str] = &["-s", "-m", "2", &url];
            let all = if program == "curl" { all.to_vec() } else { [&["get"], all].concat() };
            let output = run(program, &all, folder.path());
            (output.status.code(), alike(&output.stdout))
        });
        if ended[0] != ended[1] {
            differ.push(format!(
                "{answer:?} {then:?}\n  curl: {:?}\n  ours: {:?}",
                ended[0], ended[1]
            ));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn proxies_come_from_the_environment() {
    let world = World::new(&[]);
    let get = |variable: &str, value: &str, more: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(ROUNDTRIP);
        command.args(["get", "-s"]).args(more).current_dir(folder.path());
        for variable in
            ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"]
        {
            command.env_remove(variable);
        }
        let output = command.arg(world.peer.url("/echo")).env(variable, value).output();
        let output = output.expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).contains("1.1 test"))
    };
    let proxy = world.proxies[0].at.as_str();
    assert_eq!(get("http_proxy", proxy, &[]), (Some(0), true));
    assert_eq!(get("ALL_PROXY", proxy, &[]), (Some(0), true));
    // A CGI program would have this one from whoever sends it a field called Proxy.
    assert_eq!(get("HTTP_PROXY", proxy, &[]), (Some(0), false));
    assert_eq!(get("http_proxy", proxy, &["--noproxy", "127.0.0.1"]), (Some(0), false));
    assert_eq!(get("http_proxy", "socks5://127.0.0.1:1", &[]), (Some(7), false));
    assert_eq!(get("http_proxy", "socks5://127.0.0.1:1", &["-x", proxy]), (Some(0), true));
}

/// Answers that are right, or nearly so, and what becomes of them.
#[test]
fn raw_answers_come_to_what_curl_makes_of_them() {
    if !has("curl") {
        return;
    }
    let part = |range: &str| {
        format!("HTTP/1.1 206 Partial Content\r\n{range}Content-Length: 3\r\n\r\nxyz")
    };
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\nto the end of the connection";
    let mut differ = Vec::new();
    for (arguments, answer, then) in [
        // The file has five bytes.
        (&["-C", "-", "-o", "part"][..], part("Content-Range: bytes 5-7/8\r\n"), Then::Stays),
        (&["-C", "-", "-o", "part"], part("Content-Range: bytes 0-2/8\r\n"), Then::Stays),
        (&["-C", "-", "-o", "part"], part("Content-Range: bytes 6-8/9\r\n"), Then::Stays),
        (&["-C", "-", "-o", "part"], part(""), Then::Stays),
        (&["-C", "3", "-o", "part"], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".into(), Then::Stays),
        (
            &["-i"],
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into(),
            Then::Stays,
        ),
        (
            &["-i", "-D", "heads"],
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n".into(),
            Then::Stays,
        ),
        (
            &["-OJ"],
            "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=real.txt\r\nContent-Length: 2\r\n\r\nok".into(),
            Then::Stays,
        ),
        (
            &["--retry", "1", "--retry-max-time", "2"],
            "HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 4\r\n\r\nbusy".into(),
            Then::Stays,
        ),
        // The body has no length and the connection stays: neither waits for its end.
        (&["-f"], "HTTP/1.1 404 Not Found\r\n\r\nnone".into(), Then::Stays),
        (&["-L", "--max-redirs", "1"], redirect.into(), Then::Stays),
    ] {
        let server = Raw::start(answer.clone(), then);
        let ended = ["curl", ROUNDTRIP].map(|program| {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join("part"), "01234").expect("written");
            let url = server.url();
            let all = [&["-s", "-m", "5"], arguments, &[&url]].concat();
            let all = if program == "curl" { all } else { [&["get"], &all[..]].concat() };
            shown(&run(program, &all, folder.path()), folder.path())
        });
        if ended[0] != ended[1] {
            differ.push(format!(
                "{arguments:?} {answer:?}\n  curl: {:?}\n  ours: {:?}",
                ended[0], ended[1]
            ));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Ctrl-C: connections are closed, the record is kept, and the exit code is that of the signal.
#[test]
fn an_interrupt_ends_it_in_good_order() {
    for out in [None, Some("kept")] {
        let server = Raw::start("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Stays);
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(ROUNDTRIP);
        command.args(["get", &server.url(), "-o", "body"]).current_dir(folder.path());
        command.args(out.map(|out| ["--out", out]).into_iter().flatten());
        let child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let body = folder.path().join("body");
        let come = (0..200).any(|_| {
            pause(50);
            fs::read(&body).is_ok_and(|body| body == b"half")
        });
        assert!(come, "what came was not written at once");
        let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(130), "{said}");
        assert!(said.contains("(130) interrupted"), "{said}");
        if let Some(out) = out {
            let record = folder.path().join(out);
            let kept = fs::read_to_string(record.join("record.jsonl")).expect("a record");
            assert!(kept.contains("\"interrupted\":true"), "{kept}");
            assert!(record.join("visit.har").exists() && record.join("report.html").exists());
        }
    }
}

/// What was written to a file is taken back before it comes again, and a stream is sent only once.
#[test]
fn retries_do_not_double_what_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let short = Raw::start("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Then::Closes);
    let all = ["get", "-s", "--retry", "1", "--retry-all-errors", "--retry-delay", "0.1"];
    let url = short.url();
    // Into a file it begins anew; to a reader who has it already it is not said twice.
    let got = run(ROUNDTRIP, &[&all[..], &["-o", "file", &url]].concat(), folder.path());
    let kept = fs::read_to_string(folder.path().join("file")).expect("a file");
    assert_eq!((got.status.code(), kept.as_str()), (Some(18), "half"));
    let got = run(ROUNDTRIP, &[&all[..], &[&url]].concat(), folder.path());
    assert_eq!((got.status.code(), got.stdout.as_slice()), (Some(18), &b"half"[..]));
    // A body that was a stream is gone after its first use: `CURLE_SEND_FAIL_REWIND`.
    let moved = "HTTP/1.1 307 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    let moved = Raw::start(moved, Then::Stays);
    let mut child = Command::new(ROUNDTRIP)
        .args(["get", "-L", "-T", "-", &moved.url()])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdin.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(65), "{ended:?}");
}

#[test]
fn output_that_cannot_be_written_is_23() {
    let peer = Peer::start(&["-q"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let status = std::process::Command::new(ROUNDTRIP)
        .args(["get", "-s", &peer.url("/a.txt")])
        .stdout(full)
        .status()
        .expect("it starts");
    assert_eq!(status.code(), Some(23));
}

#[test]
fn cookies_are_kept_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let jar = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tk\tv\n";
    fs::write(folder.path().join("jar"), jar).expect("written");
    let peer = Peer::start(&["-q"]);
    let got = run(ROUNDTRIP, &["get", "-b", "jar", "-c", "new", &peer.url("/echo")], folder.path());
    assert!(String::from_utf8_lossy(&got.stdout).contains("\"k=v\""), "{got:?}");
    let new = fs::read_to_string(folder.path().join("new")).expect("written");
    assert!(new.contains("127.0.0.1\tFALSE\t/\tFALSE\t0\tk\tv\n"), "{new}");
}

#[test]
fn a_record_is_kept_where_it_is_asked_for_and_only_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let peer = Peer::start(&["-q"]);
    let got = run(ROUNDTRIP, &["get", &peer.url("/a.txt")], folder.path());
    assert!(got.status.success());
    assert!(files(folder.path()).is_empty() && !folder.path().join(".local").exists());
    let got = run(ROUNDTRIP, &["get", "--out", "kept", &peer.url("/a.txt")], folder.path());
    assert!(got.status.success(), "{got:?}");
    for name in ["record.jsonl", "visit.har", "report.html"] {
        assert!(folder.path().join("kept").join(name).exists(), "{name}");
    }
}
