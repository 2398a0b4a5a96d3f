//! Bodies that are far larger than what comes over the wire.

mod peer;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use peer::ROUNDTRIP;
use peer::raw::{Raw, Then};

/// As many members of gzip, each of which is a MiB of zeros and a KiB long.
fn zeros(mebibytes: usize) -> Vec<u8> {
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    member.write_all(&vec![0; 1 << 20]).expect("memory");
    member.finish().expect("memory").repeat(mebibytes)
}

fn server(body: &[u8]) -> Raw {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Raw::start([head.as_bytes(), body].concat(), Then::Closes)
}

/// Runs it with no more than 1 GiB of memory to its name.
fn bounded(arguments: &[&str], folder: &Path) -> Output {
    Command::new("sh")
        .args(["-c", "ulimit -v 1048576; exec \"$@\"", "sh", ROUNDTRIP])
        .args(arguments)
        .env("HOME", folder)
        .current_dir(folder)
        .output()
        .expect("it runs")
}

#[allow(clippy::disallowed_methods, reason = "a sum has no order")]
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

#[test]
fn four_gigabytes_of_nothing_end_soon() {
    let server = server(&zeros(4096));
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.url();
    let all = ["get", "-sS", "--compressed", "--out", "run", "-o", "body", &url];
    let got = bounded(&all, folder.path());
    let said = String::from_utf8_lossy(&got.stderr).into_owned();
    assert_eq!(got.status.code(), Some(63), "{said}");
    assert!(said.contains("16") && said.contains("decoded"), "{said}");
    assert!(size(folder.path()) < 100 << 20, "{} bytes", size(folder.path()));
    let got = bounded(&["visit", "-q", "--no-picture", "--out", "visited", &url], folder.path());
    assert_eq!(got.status.code(), Some(63), "{got:?}");
    assert!(size(&folder.path().join("visited")) < 100 << 20);
}

#[test]
fn the_limit_is_the_users() {
    let server = server(&zeros(64));
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.url();
    for (limit, exit) in [("1M", 63), ("0", 0)] {
        let all = ["get", "-s", "--compressed", "--max-decoded", limit, "-o", "body", &url];
        assert_eq!(bounded(&all, folder.path()).status.code(), Some(exit), "{limit}");
    }
    assert_eq!(fs::metadata(folder.path().join("body")).expect("a file").len(), 64 << 20);
    // --max-filesize is about what is written, however it came.
    let all = ["get", "-s", "--compressed", "--max-filesize", "8M", "-o", "less", &url];
    assert_eq!(bounded(&all, folder.path()).status.code(), Some(63));
    assert!(fs::metadata(folder.path().join("less")).expect("a file").len() <= 8 << 20);
}

#[test]
fn all_bodies_of_a_run_have_a_limit_together() {
    let server = server(&zeros(16));
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.url();
    let got = |times: usize| {
        let urls = vec![url.as_str(); times];
        let all = ["get", "-s", "--compressed", "--max-decoded", "20M"];
        bounded(&[&all[..], &urls].concat(), folder.path()).status.code()
    };
    // Four times 20 MiB.
    assert_eq!((got(5), got(6)), (Some(0), Some(63)));
}

#[test]
fn time_is_up_also_while_decoding() {
    // 64 GiB: more than can be undone in a second.
    let server = server(&zeros(65_536));
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.url();
    let all =
        ["get", "-s", "--compressed", "--max-decoded", "0", "-m", "1", "-o", "/dev/null", &url];
    assert_eq!(bounded(&all, folder.path()).status.code(), Some(28));
}
