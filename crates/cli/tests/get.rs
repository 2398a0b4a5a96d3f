//! `roundtrip get` against curl: the same arguments, the same bytes, the same exit code.

mod peer;

use std::fs;
use std::path::Path;
use std::process::Output;

use peer::{Peer, ROUNDTRIP, has, run};

/// Runs both with the same arguments, each in a folder of its own; `AT` stands for the server.
fn both(peer: &Peer, arguments: &[&str]) -> [(Output, tempfile::TempDir); 2] {
    ["curl", ROUNDTRIP].map(|program| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("data"), "line 1\nline & 2\n").expect("written");
        fs::write(folder.path().join("part"), "01234").expect("written");
        let mut all: Vec<String> = Vec::new();
        // What differs by nature is made the same: names of agents, progress.
        all.extend(if program == "curl" { vec![] } else { vec!["get".to_owned()] });
        all.extend(["-s", "-A", "same"].map(str::to_owned));
        all.extend(arguments.iter().map(|text| text.replace("AT/", &format!("{}/", peer.at))));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        (run(program, &all, folder.path()), folder)
    })
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

/// The Date field is the second in which each asked.
fn undated(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter(|line| !line.starts_with("Date:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_same_as_curl() {
    if !has("curl") {
        return;
    }
    let peer = Peer::start(&["-q"]);
    let table: &[&[&str]] = &[
        &["http://AT/a.txt"],
        &["AT/a.txt"],
        &["-i", "http://AT/a.txt"],
        &["-I", "http://AT/a.txt"],
        &["-D", "heads", "http://AT/a.txt"],
        &["-o", "file", "http://AT/a.txt"],
        &["-O", "http://AT/a.txt"],
        &["-o", "new/file", "--create-dirs", "http://AT/a.txt"],
        &["http://AT/a.txt", "http://AT/sub/b.txt"],
        &["http://AT/sub"],
        &["-L", "http://AT/sub"],
        &["-L", "-i", "http://AT/sub"],
        &["-L", "--max-redirs", "0", "http://AT/sub"],
        &["-f", "http://AT/none"],
        &["--fail-with-body", "http://AT/none"],
        &["http://AT/none"],
        &["-r", "2-5", "http://AT/a.txt"],
        &["-r", "-4", "http://AT/a.txt"],
        &["-i", "-r", "90-", "http://AT/a.txt"],
        &["-C", "5", "-o", "part", "http://AT/a.txt"],
        &["-C", "-", "-o", "part", "http://AT/a.txt"],
        &["-d", "a=b", "-d", "c", "http://AT/echo"],
        &["-d", "@data", "http://AT/echo"],
        &["--data-binary", "@data", "http://AT/echo"],
        &["--data-raw", "@data", "-d", "x", "http://AT/echo"],
        &["--data-urlencode", "n=a b&c", "--data-urlencode", "f@data", "http://AT/echo"],
        &["--json", "{\"n\":1}", "http://AT/echo"],
        &["-G", "-d", "a=b", "--data-urlencode", "c=d e", "http://AT/echo?x=y"],
        &["-X", "PATCH", "-d", "a", "http://AT/echo"],
        &["-T", "data", "-H", "Expect:", "http://AT/echo"],
        &["-u", "name:word", "http://AT/echo"],
        &["-b", "k=v; l=w", "http://AT/echo"],
        &["-e", "http://from.test/", "http://AT/echo"],
        &["-H", "X-One: 1", "-H", "Accept:", "-H", "X-None;", "http://AT/echo"],
        &["-H", "Host: other.test", "http://AT/"],
        &["-0", "http://AT/echo"],
        &["--resolve", "named.test:80:127.0.0.1", "-m", "5", "http://AT/a.txt"],
        &[
            "-w",
            "%{http_code} %{size_download} %{num_redirects} %{content_type} %{exitcode}\\n",
            "http://AT/a.txt",
        ],
        &[
            "-L",
            "-w",
            "%{url_effective} %{num_redirects} %{remote_ip} %{method}%%\\n",
            "http://AT/sub",
        ],
        &["-w", "%{redirect_url}\\t%{num_headers}", "http://AT/sub"],
        &["--max-filesize", "3", "http://AT/a.txt"],
        &["http://127.0.0.1:1/"],
        &["http://nowhere.invalid/"],
        &["ftp-no-such://x/"],
        &["-o", "no/such/folder", "http://AT/a.txt"],
    ];
    let mut differ = Vec::new();
    for arguments in table {
        let [(theirs, their_files), (ours, our_files)] = both(&peer, arguments);
        let shown = |output: &Output, folder: &tempfile::TempDir| {
            let files: Vec<_> = files(folder.path())
                .into_iter()
                .map(|(name, bytes)| (name, undated(&bytes)))
                .collect();
            // Unknown schemes are curl's 1, or its 3; here all that is no URL is 3.
            let exit = output.status.code().map(|code| if code == 1 { 3 } else { code });
            (exit, fields_sorted(&undated(&output.stdout)), files)
        };
        let (theirs, ours) = (shown(&theirs, &their_files), shown(&ours, &our_files));
        if theirs != ours {
            differ.push(format!("{arguments:?}\n  curl: {theirs:?}\n  ours: {ours:?}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {} differ:\n{}",
        differ.len(),
        table.len(),
        differ.join("\n")
    );
}

/// The order of request fields is each client's own: an echo of them is compared as a set.
fn fields_sorted(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(text) else {
        return text.to_owned();
    };
    if let Some(fields) = value.get_mut("fields").and_then(|fields| fields.as_array_mut()) {
        fields.sort_by_key(|field| field.to_string().to_ascii_lowercase());
    }
    value.to_string()
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
