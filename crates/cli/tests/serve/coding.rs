//! Compression on the fly: which coding, what tags and ranges mean then, what is kept.

use super::site::{Site, VERSIONS, fields};
use super::{content, field, now, status};

/// Text that becomes much smaller.
fn text() -> Vec<u8> {
    (0..2000).flat_map(|number| format!("line {number} of a text\n").into_bytes()).collect()
}

/// Sets when a file was changed to long ago: its tag is strong then, and it is kept compressed.
fn settle(site: &Site, name: &str) {
    let path = site.folder.path().join("site").join(name);
    let file = std::fs::File::options().write(true).open(path).expect("open");
    file.set_modified(now() - std::time::Duration::from_hours(1)).expect("set");
}

#[test]
fn each_coding_comes_to_the_same_text() {
    let text = text();
    let site = Site::secure(&[("site/a.txt", &text)], &["--compress"]);
    settle(&site, "a.txt");
    let plain = String::from_utf8(text).expect("text");
    for version in VERSIONS {
        for coding in ["br", "zstd", "gzip"] {
            let field = format!("Accept-Encoding: {coding}");
            let answer = site.by(version, "/a.txt", &["--compressed", "-H", &field]);
            assert_eq!(fields(&answer, "Content-Encoding"), [coding], "{version}");
            assert_eq!(fields(&answer, "Vary"), ["Accept-Encoding"], "{version}");
            assert!(answer.ends_with(&plain), "{version} {coding}");
        }
    }
}

#[test]
fn tags_ranges_and_conditions_are_of_what_is_sent() {
    let text = text();
    let site = Site::start(
        &[("site/a.txt", &text), ("site/short.txt", b"short"), ("site/a.png", &text)],
        &["--compress", "--workers", "1"],
    );
    for name in ["a.txt", "short.txt", "a.png"] {
        settle(&site, name);
    }
    let ask = |more: &str| site.get("/a.txt", &format!("Accept-Encoding: gzip\r\n{more}"));
    let (plain, packed) = (site.get("/a.txt", ""), ask(""));
    let tag = |answer: &str| field(answer, "ETag").expect("a tag").to_owned();
    let length = |answer: &str| field(answer, "Content-Length").and_then(|text| text.parse().ok());
    assert_eq!(field(&plain, "Vary"), Some("Accept-Encoding"));
    assert_eq!(length(&plain), Some(text.len()));
    let packed_length: usize = length(&packed).expect("a length");
    assert!(packed_length < text.len() / 2);
    assert!(!tag(&packed).starts_with("W/") && tag(&packed) != tag(&plain));
    // What was sent before is known again, and a part of it fits the rest.
    let same = ask(&format!("If-None-Match: {}\r\n", tag(&packed)));
    assert_eq!((status(&same), tag(&same)), ("304", tag(&packed)));
    let other = ask(&format!("If-None-Match: {}\r\n", tag(&plain)));
    assert_eq!(status(&other), "200");
    let part = ask(&format!("Range: bytes=2-\r\nIf-Range: {}\r\n", tag(&packed)));
    assert_eq!((status(&part), length(&part)), ("206", Some(packed_length - 2)));
    assert_eq!(field(&part, "Content-Encoding"), Some("gzip"));
    let whole = ask(&format!("Range: bytes=2-\r\nIf-Range: {}\r\n", tag(&plain)));
    assert_eq!((status(&whole), length(&whole)), ("200", Some(packed_length)));
    let head = site.send("HEAD", "/a.txt", "Accept-Encoding: gzip\r\n", b"");
    assert_eq!((length(&head), content(&head)), (Some(packed_length), ""));
    // Short ones, and what is packed already, are sent as they are.
    for path in ["/short.txt", "/a.png"] {
        let answer = site.get(path, "Accept-Encoding: gzip\r\n");
        let said = (field(&answer, "Content-Encoding"), field(&answer, "Vary"));
        assert_eq!(said, (None, None), "{path}");
    }
    // A file that changes is another one at once.
    site.put("a.txt", b"changed ".repeat(100).as_slice());
    let changed = ask("");
    assert_ne!(tag(&changed), tag(&packed));
    assert!(length(&changed) < Some(packed_length));
}

#[test]
fn what_comes_in_time_is_compressed_as_it_comes() {
    let program = "#!/bin/sh\nprintf 'Content-Type: text/plain\\nETag: \"x\"\\n\\n'\nseq 1 300\nsleep 1\nseq 1 300\n";
    let site = Site::start(
        &[("site/a.txt", b"x"), ("cgi/slow", program.as_bytes())],
        &["--compress", "--cgi", "cgi"],
    );
    let path = site.folder.path().join("cgi/slow");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("set");
    let url = format!("http://{}/cgi-bin/slow", site.at);
    let arguments = ["get", "-s", "-i", "--compressed", "-H", "Accept-Encoding: br", &url];
    let output = super::run(super::ROUNDTRIP, &arguments, site.folder.path());
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(fields(&answer, "Content-Encoding"), ["br"], "{answer}");
    assert_eq!(fields(&answer, "ETag"), ["W/\"x\""], "other bytes than those it names");
    assert!(answer.ends_with("\n299\n300\n") && answer.matches("\n150\n").count() == 2);
    // The first half is there before the program goes on.
    let mut stream = std::net::TcpStream::connect(&site.at).expect("connected");
    let head = "GET /cgi-bin/slow HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
    stream.set_read_timeout(Some(std::time::Duration::from_millis(700))).expect("set");
    let (mut had, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = std::io::Read::read(&mut stream, &mut piece) {
        had.extend_from_slice(&piece[..read]);
    }
    let end = had.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
    assert!(had.len() > end + 100, "only {} bytes before the program went on", had.len() - end);
}
