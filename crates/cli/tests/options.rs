//! Options of `roundtrip get` against curl's: the same arguments, the same bytes on the wire, the same
//! output, files and exit code.

mod peer;

use std::fs;
use std::path::Path;
use std::process::Command;

use core::time::Duration;
use peer::script::Script;
use peer::{ROUNDTRIP, has, run, run_with};
use roundtrip_record::{Folder, Time, What};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
const TAGGED: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"t1\"\r\nContent-Length: 3\r\n\r\nok\n";
const SAME: &[u8] = b"HTTP/1.1 304 Not Modified\r\nETag: \"t1\"\r\n\r\n";
const DATED: &[u8] = b"HTTP/1.1 200 OK\r\nLast-Modified: Tue, 13 Jun 2000 12:10:00 GMT\r\nContent-Length: 3\r\n\r\nok\n";
const MISSING: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n";
const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 5\r\n\r\nbusy\n";
const FAR: &[u8] = b"HTTP/1.1 503 Busy\r\nRetry-After: 600\r\nContent-Length: 5\r\n\r\nbusy\n";
const DIGEST: &[u8] = b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Digest realm=\"r, s\", nonce=\"n1\"\r\nContent-Length: 4\r\n\r\nwho\n";
const STALE: &[u8] = b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", stale=true, algorithm=SHA-256, opaque=\"o\"\r\nContent-Length: 0\r\n\r\n";
const BASIC: &[u8] =
    b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n";
const BOTH: &[u8] = b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"r\", Digest realm=\"r\", nonce=\"n\"\r\nContent-Length: 0\r\n\r\n";
const PROXY: &[u8] = b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"n\"\r\nContent-Length: 0\r\n\r\n";
const NOT_MET: &[u8] = b"HTTP/1.1 417 Not Met\r\nContent-Length: 0\r\n\r\n";
const MOVED: &[u8] = b"HTTP/1.1 302 Moved\r\nLocation: /new place?a b\r\nContent-Length: 0\r\n\r\n";
const ELSEWHERE: &[u8] =
    b"HTTP/1.1 302 Moved\r\nLocation: foo://127.0.0.1/\r\nContent-Length: 0\r\n\r\n";
const FOLDED: &[u8] =
    b"HTTP/1.1 200  Odd  Reason \r\nX-One:  1\nx-two:2 \r\nContent-Length: 3\r\n\r\nok\n";
const TOO_LONG: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n more";
const HEADLESS: &[u8] = b"plain text\n";
const CHUNKS: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nok\n\r\n0\r\n\r\n";
const COOKIES: &[u8] = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nSet-Cookie: long=3; path=/\r\nContent-Length: 3\r\n\r\nok\n";

/// What lies in the folder that both are started in.
const FILES: [(&str, &str); 8] = [
    ("data", "line 1\nline & 2\n"),
    ("there", "there before\n"),
    ("tag", "\"t0\"\n"),
    ("netrc", "machine 127.0.0.1\nlogin n\npassword \"p w\"\n"),
    (
        "options",
        "# a comment\n-H \"X-A: \\\"1\\\"\"\nurl = AT/one\nnext\nurl=\"AT/two\"\ndata : x\n",
    ),
    ("up1", "first\n"),
    ("up2", "second\n"),
    ("jar", "127.0.0.1\tFALSE\t/\tFALSE\t0\tkept\t1\n"),
];

/// Answers and arguments; `AT` is the server.
type Row<'a> = (&'a [&'a [u8]], &'a [&'a str]);

/// Everything that can be seen of a run.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    exit: Option<i32>,
    asked: String,
    output: String,
    files: Vec<(String, String)>,
}

fn seen(program: &str, (answers, arguments): &Row<'_>) -> Seen {
    let server = Script::start(answers);
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in FILES {
        fs::write(folder.path().join(name), text.replace("AT", &server.at)).expect("written");
    }
    let mut all: Vec<String> = Vec::new();
    all.extend((program != "curl").then(|| "get".to_owned()));
    all.extend(["-s", "-A", ""].map(str::to_owned));
    for word in *arguments {
        all.push(word.replace("AT", &server.at));
        if matches!(*word, "--next" | "-:") {
            all.extend(["-A", ""].map(str::to_owned));
        }
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let output = run(program, &all, folder.path());
    Seen {
        exit: output.status.code(),
        asked: alike(&server.asked()),
        output: String::from_utf8_lossy(&output.stdout).replace(&server.at, "AT"),
        files: files(folder.path()),
    }
}

/// Without what chance made, and names of agents in files of options, which are each client's own.
fn alike(asked: &str) -> String {
    let line = |line: &str| {
        let mut out = line.to_owned();
        for key in ["cnonce=\"", "response=\""] {
            if let Some(at) =
                out.find(key).filter(|_| line.contains("cnonce=") || key != "response=\"")
            {
                let from = at + key.len();
                let to = out[from..].find('"').map_or(out.len(), |end| from + end);
                out.replace_range(from..to, "");
            }
        }
        out
    };
    let kept = asked.split("\r\n").filter(|line| !line.starts_with("User-Agent: "));
    kept.map(line).collect::<Vec<_>>().join("\r\n")
}

#[allow(clippy::disallowed_methods, reason = "sorted below")]
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            all.extend(
                files(&entry.path()).into_iter().map(|(own, text)| (format!("{name}/{own}"), text)),
            );
        } else if !FILES.iter().any(|(given, _)| *given == name && name == "options") {
            let text = fs::read(entry.path()).expect("readable");
            let text = String::from_utf8_lossy(&text).into_owned();
            // The notes at the top of files of cookies are each client's own.
            let plain = |line: &&str| !line.starts_with("# ") && !line.is_empty();
            all.push((name, text.lines().filter(plain).collect::<Vec<_>>().join("\n")));
        }
    }
    all.sort();
    all
}

fn compare(table: &[Row<'_>]) {
    if !has("curl") {
        return;
    }
    let differ: Vec<String> = table
        .iter()
        .filter_map(|row| {
            let (theirs, ours) = (seen("curl", row), seen(ROUNDTRIP, row));
            (theirs != ours).then(|| format!("{:?}\n  curl: {theirs:?}\n  ours: {ours:?}", row.1))
        })
        .collect();
    assert!(
        differ.is_empty(),
        "{} of {} differ:\n{}",
        differ.len(),
        table.len(),
        differ.join("\n")
    );
}

#[test]
fn who_asks_is_told_as_curl_tells_it() {
    compare(&[
        (&[OK], &["-u", "u:p", "http://AT/"]),
        (&[DIGEST, OK], &["-i", "--digest", "-u", "u:p", "http://AT/a?b"]),
        (&[DIGEST, STALE, OK], &["--digest", "-u", "u:p", "http://AT/"]),
        (&[DIGEST, DIGEST], &["--digest", "-u", "u:p", "http://AT/"]),
        (&[BASIC], &["--digest", "-u", "u:p", "http://AT/"]),
        (&[DIGEST, OK], &["--digest", "-u", "u:p", "-d", "x=1", "http://AT/"]),
        (
            &[DIGEST, OK],
            &["--digest", "-u", "u:p", "-d", "x=1", "-H", "Content-Length: 3", "http://AT/"],
        ),
        (&[DIGEST, OK], &["--digest", "-u", "u:p", "-T", "data", "http://AT/"]),
        (&[OK, OK], &["--digest", "-u", "u:p", "-d", "x=1", "http://AT/"]),
        (&[BOTH, OK], &["--anyauth", "-u", "u:p", "http://AT/"]),
        (&[BASIC, OK], &["--anyauth", "-u", "u:p", "http://AT/"]),
        (&[BASIC, OK], &["--anyauth", "-u", "u:p", "-d", "x=1", "http://AT/"]),
        (&[BASIC, BASIC], &["--anyauth", "-u", "u:p", "http://AT/"]),
        (&[OK], &["--anyauth", "-u", "u:p", "http://AT/"]),
        (&[DIGEST, OK], &["--digest", "--basic", "-u", "u:p", "http://AT/"]),
        (&[PROXY, OK], &["-x", "http://AT/", "-U", "u:p", "--proxy-digest", "http://a.test/x"]),
        (&[PROXY, OK], &["-x", "http://AT/", "-U", "u:p", "--proxy-anyauth", "http://a.test/x"]),
        (&[OK], &["-x", "http://AT/", "-U", "u:p", "-u", "v:q", "http://a.test/x"]),
        (&[OK], &["-x", "http://AT/", "--proxy-header", "X-P: 1", "http://a.test/x"]),
        (
            &[PROXY, MISSING],
            &["-p", "-x", "http://AT/", "-U", "u:p", "--proxy-digest", "http://a.test/x"],
        ),
        (&[MISSING], &["-i", "-p", "-x", "http://AT/", "http://a.test/x"]),
        (
            &[MISSING],
            &["-i", "--suppress-connect-headers", "-p", "-x", "http://AT/", "http://a.test/x"],
        ),
        (&[MISSING], &["-p", "--proxy1.0", "AT", "http://a.test/x"]),
        (&[OK], &["--oauth2-bearer", "token", "http://AT/"]),
        (&[OK], &["--netrc-file", "netrc", "http://AT/"]),
        (&[OK], &["--netrc-file", "netrc", "-u", "u:p", "http://AT/"]),
        (&[OK], &["--netrc-optional", "--netrc-file", "netrc", "http://me:pw@AT/"]),
        (&[OK], &["--netrc-file", "nowhere", "http://AT/"]),
        (&[OK], &["--disallow-username-in-url", "http://u@AT/"]),
    ]);
}

#[test]
fn lines_of_options_are_read_as_curl_reads_them() {
    compare(&[
        (&[OK, OK], &["-d", "x", "http://AT/1", "--next", "http://AT/2"]),
        (&[OK, OK], &["-o", "one", "http://AT/1", "-:", "-o", "two", "-I", "http://AT/2"]),
        (&[OK, OK], &["-K", "options"]),
        (&[], &["-K", "nowhere"]),
        (&[], &["--next", "http://AT/"]),
        (&[OK], &["-H", "-x: 1", "-d", "-y", "http://AT/"]),
        (&[OK], &["-i", "--no-include", "http://AT/"]),
        (&[OK], &["--incl", "http://AT/"]),
        (&[], &["--nonsense", "http://AT/"]),
        (&[], &["http://AT/", "-o"]),
        (&[MISSING, OK], &["-f", "--fail-early", "http://AT/1", "http://AT/2"]),
        (&[MISSING, OK], &["-f", "http://AT/1", "http://AT/2"]),
        (&[], &["-f", "--fail-with-body", "http://AT/"]),
        (&[], &["--resolve", "nonsense", "http://AT/"]),
        (&[], &["--proto", "=https", "http://AT/"]),
        (&[ELSEWHERE], &["-L", "http://AT/"]),
        (&[], &["ftpx://AT/"]),
    ]);
}

#[test]
fn requests_have_the_shape_of_curls() {
    compare(&[
        (&[OK], &["-e", "http://r/", "-b", "c=1", "-d", "x", "-H", "X: 1", "http://AT/"]),
        (
            &[OK],
            &["-H", "Accept: a", "-H", "Host: h", "-H", "X-Y;", "-H", "User-Agent:", "http://AT/"],
        ),
        (&[OK], &["-H", "X: trailing ", "-H", "nothing", "-H", "Z;no", "http://AT/"]),
        (&[OK], &["--json", "{}", "http://AT/"]),
        (&[OK], &["--json", "{}", "-H", "Accept: x", "http://AT/"]),
        (&[OK], &["--path-as-is", "http://AT/a/../b/./c"]),
        (&[OK], &["http://AT/a/../b/./c{d}%7e\\e?f'g"]),
        (&[OK], &["-g", "http://AT/{a}[1]?<b>"]),
        (&[OK], &["--request-target", "*", "-X", "OPTIONS", "http://AT/"]),
        (&[OK], &["--url-query", "a=c d&e", "--url-query", "+e%20f", "http://AT/?g"]),
        (&[OK], &["-z", "dec 12 12:00:00 1999 GMT", "http://AT/"]),
        (
            &[DATED],
            &["-z", "12 Dec 2001 10:00:00", "-o", "new", "-w", "%{http_code}", "http://AT/"],
        ),
        (&[DATED], &["-z", "-12 Dec 2001 10:00:00", "http://AT/"]),
        (&[OK], &["--tr-encoding", "http://AT/"]),
        (&[OK], &["--tr-encoding", "-H", "Connection: close", "http://AT/"]),
        (&[OK], &["-T", "data", "http://AT/up/"]),
        (&[OK, OK], &["-T", "up[1-2]", "http://AT/up/"]),
        (&[NOT_MET, OK], &["-T", "data", "http://AT/"]),
        (&[OK], &["-0", "-T", "data", "http://AT/"]),
        (&[OK], &["-d", "", "-H", "Transfer-Encoding: chunked", "http://AT/"]),
        (&[OK], &["-d", "x=y", "-H", "Transfer-Encoding: chunked", "http://AT/"]),
        (&[MOVED, OK], &["-L", "http://AT/"]),
        (&[COOKIES, OK], &["-c", "new", "-b", "jar", "http://AT/x/1", "http://AT/x/2"]),
        (&[COOKIES, OK], &["-b", "", "-H", "Host: h.test", "http://AT/x/1", "http://AT/x/2"]),
        (&[OK], &["-b", "a=1;b=2", "-b", "c=3", "http://AT/"]),
        (&[OK], &["-j", "-b", "jar", "http://AT/"]),
        (&[OK], &["--http1.0", "http://AT/"]),
    ]);
}

#[test]
fn answers_are_taken_as_curl_takes_them() {
    compare(&[
        (&[FOLDED], &["-i", "http://AT/"]),
        (&[FOLDED], &["-D", "heads", "http://AT/"]),
        (&[OK, OK], &["-i", "-D", "-", "http://AT/1", "http://AT/2"]),
        (&[HEADLESS], &["--http0.9", "http://AT/"]),
        (&[HEADLESS], &["http://AT/"]),
        (&[TOO_LONG], &["--ignore-content-length", "http://AT/"]),
        (&[CHUNKS], &["--raw", "http://AT/"]),
        (&[OK], &["--output-dir", "new", "--create-dirs", "-o", "file", "http://AT/"]),
        (&[OK], &["--output-dir", "no", "-o", "file", "http://AT/"]),
        (&[OK], &["--no-clobber", "-o", "there", "-w", "%{filename_effective}", "http://AT/"]),
        (&[OK, OK], &["--no-clobber", "-o", "there", "http://AT/", "-o", "there", "http://AT/"]),
        (
            &[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nok\n"],
            &["--remove-on-error", "-o", "file", "http://AT/"],
        ),
        (&[TAGGED], &["--etag-save", "kept", "http://AT/"]),
        (&[SAME], &["--etag-compare", "tag", "-o", "there", "http://AT/"]),
        (&[TAGGED], &["--etag-compare", "tag", "--etag-save", "tag", "http://AT/"]),
        (&[TAGGED], &["--etag-compare", "none", "--etag-save", "none", "http://AT/"]),
        (&[], &["--etag-compare", "none", "http://AT/"]),
        (&[], &["--etag-save", "no/such/file", "http://AT/"]),
        (&[DATED], &["-R", "-o", "dated", "http://AT/"]),
        (&[BUSY, OK], &["--retry", "1", "http://AT/"]),
        (&[BUSY, OK], &["--retry", "1", "-o", "file", "http://AT/"]),
        (&[FAR], &["--retry", "1", "--retry-max-time", "2", "-w", "%{http_code}", "http://AT/"]),
        (&[OK], &["--max-filesize", "2", "http://AT/"]),
        (&[OK], &["--max-filesize", "1k", "http://AT/"]),
        (&[OK], &["-w", "%{header_json}", "http://AT/"]),
        (&[OK, OK], &["-w", "%{remote_ip} %{local_ip}\\n", "http://AT/1", "http://AT/2"]),
    ]);
}

#[test]
fn many_are_had_at_one_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Script::start(&[OK; 6]);
    let url = format!("http://{}/[1-6]", server.at);
    let got = run(
        ROUNDTRIP,
        &["get", "-s", "-Z", "--parallel-max", "3", "-o", "#1", &url],
        folder.path(),
    );
    assert_eq!(got.status.code(), Some(0), "{got:?}");
    assert!((1..=6).all(|number| {
        fs::read_to_string(folder.path().join(number.to_string())).is_ok_and(|text| text == "ok\n")
    }));
    // One that fails is told, and keeps none of the others from its turn.
    let server = Script::start(&[OK; 2]);
    let url = format!("http://{}/[1-2]", server.at);
    let all = ["get", "-s", "-Z", "http://127.0.0.1:1/", &url];
    let got = run(ROUNDTRIP, &all, folder.path());
    assert_eq!((got.status.code(), got.stdout.as_slice()), (Some(7), &b"ok\nok\n"[..]), "{got:?}");
}

#[test]
fn at_a_rate_each_begins_in_its_turn() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Script::start(&[OK; 3]);
    let url = format!("http://{}/[1-3]", server.at);
    let all = ["get", "-s", "-Z", "--rate", "4/s", "--out", "record", &url];
    let got = run(ROUNDTRIP, &all, folder.path());
    assert_eq!(got.status.code(), Some(0), "{got:?}");
    let record = Folder::open(folder.path().join("record")).expect("a record");
    let (events, _) = record.read().expect("events");
    let times = |of: fn(&What) -> bool| -> Vec<Time> {
        events.iter().filter(|event| of(&event.what)).map(|event| event.at).collect()
    };
    let sent = times(|what| matches!(what, What::RequestSent(_)));
    let answered = times(|what| matches!(what, What::ResponseHead(_)));
    assert_eq!((sent.len(), answered.len()), (3, 3));
    assert!(
        sent.windows(2).all(|two| two[1].since(two[0]) > Duration::from_millis(150)),
        "{sent:?}"
    );
    // What is under way goes on meanwhile.
    assert!(answered[0] < sent[1] && answered[1] < sent[2], "{sent:?} {answered:?}");
}

#[test]
fn figures_are_those_of_one_transfer() {
    const LAST: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let folder = tempfile::tempdir().expect("a folder");
    let server = Script::start(&[LAST; 3]);
    let url = format!("http://{}/[1-3]", server.at);
    let format = "%{num_connects} %{size_request} %{remote_ip} %{local_ip}\n";
    let all = ["get", "-s", "-Z", "-w", format, "-A", "", &url];
    let got = run(ROUNDTRIP, &all, folder.path());
    // Each sends as many bytes as it would alone.
    let one = format!("GET /1 HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n\r\n", server.at).len();
    let expected = format!("1 {one} 127.0.0.1 127.0.0.1\n").repeat(3);
    assert_eq!(String::from_utf8_lossy(&got.stdout), expected, "{got:?}");
    // A connection of before has its addresses still, and was not made again.
    let server = Script::start(&[MOVED, OK, OK]);
    let url = format!("http://{}/[1-2]", server.at);
    let format = "%{num_connects} %{num_redirects} %{remote_ip} %{local_ip}\n";
    let got = run(ROUNDTRIP, &["get", "-s", "-L", "-w", format, &url], folder.path());
    let expected = "ok\n1 1 127.0.0.1 127.0.0.1\nok\n0 0 127.0.0.1 127.0.0.1\n";
    assert_eq!(String::from_utf8_lossy(&got.stdout), expected, "{got:?}");
}

#[test]
fn what_can_be_read_only_once_is_for_all_urls() {
    let folder = tempfile::tempdir().expect("a folder");
    for (input, arguments, told) in [
        (
            "X-Own: 1\n",
            &["--proxy-header", "@-", "-x", "AT", "http://a.test/[1-2]"][..],
            "X-Own: 1",
        ),
        ("X-Own: 1\n", &["-H", "@-", "http://AT/[1-2]"], "X-Own: 1"),
        ("X-Own: 1", &["-d", "@-", "http://AT/[1-2]"], "X-Own: 1"),
        ("X-Own: 1", &["-F", "x=@-", "http://AT/[1-2]"], "X-Own: 1"),
        ("X-Own: 1", &["-F", "x=<-", "http://AT/[1-2]"], "X-Own: 1"),
        ("1\n", &["-G", "--data-urlencode", "x@-", "http://AT/[1-2]"], "?x=1%0a"),
        ("1", &["--url-query", "x@-", "http://AT/[1-2]"], "?x=1 "),
        (
            "machine 127.0.0.1 login u password p",
            &["--netrc-file", "/dev/stdin", "http://AT/[1-2]"],
            "Authorization: Basic dTpw",
        ),
    ] {
        let server = Script::start(&[OK; 2]);
        let arguments: Vec<String> =
            arguments.iter().map(|argument| argument.replace("AT", &server.at)).collect();
        let all: Vec<&str> =
            ["get", "-s"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let got = run_with(ROUNDTRIP, &all, folder.path(), input);
        assert_eq!(got.status.code(), Some(0), "{arguments:?}: {got:?}");
        assert_eq!(server.asked().matches(told).count(), 2, "{arguments:?}: {}", server.asked());
    }
}

#[test]
fn what_would_end_its_line_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("options"), "header = \"X: a\\r\\n\"\n").expect("written");
    for [option, value] in [
        ["-H", "X: a\n"],
        ["-H", "X: a\r\n\r\nGET / HTTP/1.1"],
        ["-H", "X: a\r"],
        ["-K", "options"],
        ["--proxy-header", "X: a\r"],
        ["--request-target", "/ HTTP/1.1\r\nX: a"],
    ] {
        let server = Script::start(&[OK]);
        let url = format!("http://{}/", server.at);
        let got = run(ROUNDTRIP, &["get", "-s", "-S", option, value, &url], folder.path());
        let said = String::from_utf8_lossy(&got.stderr).into_owned();
        assert_eq!(got.status.code(), Some(2), "{option} {value:?}: {said}");
        assert!(said.contains("X: a"), "{said}");
        assert_eq!(server.asked(), "", "{option} {value:?}");
    }
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (option, value) in [
        ("--krb", Some("clear")),
        ("--crlfile", Some("f")),
        ("--ipfs-gateway", Some("f")),
        ("--ntlm", None),
        ("-2", None),
    ] {
        let all: Vec<&str> =
            ["get", option].into_iter().chain(value).chain(["http://127.0.0.1:1/"]).collect();
        let got = run(ROUNDTRIP, &all, folder.path());
        let said = String::from_utf8_lossy(&got.stderr).into_owned();
        assert_eq!(got.status.code(), Some(2), "{option}: {said}");
        assert!(said.contains(option) && said.contains("curl"), "{said}");
    }
}

#[test]
fn variables_are_filled_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Script::start(&[OK]);
    let url = format!("http://{}/{{{{name:url}}}}", server.at);
    let all = [
        "get",
        "-s",
        "--variable",
        "name=a b",
        "--expand-url",
        &url,
        "--expand-data",
        "{{name:b64}}",
    ];
    let mut command = Command::new(ROUNDTRIP);
    let got = command.args(all).current_dir(folder.path()).output().expect("it runs");
    assert_eq!(got.status.code(), Some(0), "{got:?}");
    let asked = server.asked();
    assert!(asked.starts_with("POST /a%20b HTTP/1.1\r\n") && asked.ends_with("YSBi"), "{asked}");
}
