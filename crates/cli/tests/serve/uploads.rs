//! Files that clients put into a folder.

use std::io::Read as _;

use super::peer::skip;
use super::site::{Site, VERSIONS};
use super::{ROUNDTRIP, content, field, has, listening, raw, status};

fn site(more: &[&str]) -> Site {
    let files: &[(&str, &[u8])] =
        &[("site/a.txt", b"old"), ("site/sub/b.txt", b"b"), ("secret.txt", b"secret")];
    Site::start(files, &[&["--upload", "site", "--list"], more].concat())
}

fn read(site: &Site, name: &str) -> Option<Vec<u8>> {
    std::fs::read(site.folder.path().join("site").join(name)).ok()
}

/// Nothing that did not arrive whole is left.
#[allow(clippy::disallowed_methods, reason = "the order does not matter here")]
fn is_tidy(site: &Site) -> bool {
    let names = std::fs::read_dir(site.folder.path().join("site")).expect("a folder");
    let mut names = names.map(|entry| entry.expect("an entry").file_name());
    !names.any(|name| name.to_string_lossy().starts_with(".arriving"))
}

#[test]
fn a_file_is_put_at_its_path() {
    let site = site(&["--upload-limit", "1M"]);
    let put = |path: &str, more: &str, body: &[u8]| {
        status(&site.send("PUT", path, more, body)).to_owned()
    };
    assert_eq!(put("/new.txt", "", b"new"), "201");
    assert_eq!(put("/a.txt", "", b"another"), "204");
    assert_eq!(put("/sub/n%C3%A4me.txt", "", b"x"), "201");
    assert_eq!(read(&site, "new.txt").as_deref(), Some(&b"new"[..]));
    assert_eq!(read(&site, "a.txt").as_deref(), Some(&b"another"[..]));
    assert_eq!(read(&site, "sub/näme.txt").as_deref(), Some(&b"x"[..]));
    for (path, more, expected) in [
        ("/../secret.txt", "", "403"),
        ("/%2e%2e/secret.txt", "", "403"),
        ("/..%2fsecret.txt", "", "403"),
        ("/.htaccess", "", "403"),
        ("/sub/.x/y", "", "403"),
        ("/none/x.txt", "", "409"),
        ("/sub", "", "409"),
        ("/sub/", "", "409"),
        ("/a.txt/x", "", "409"),
        ("/a%00", "", "400"),
        ("/a.txt", "Content-Range: bytes 0-1/2\r\n", "400"),
        ("/a.txt", "If-None-Match: *\r\n", "412"),
        ("/a.txt", "If-Match: \"x\"\r\n", "412"),
        ("/none.txt", "If-Match: *\r\n", "412"),
        ("/only-new.txt", "If-None-Match: *\r\n", "201"),
    ] {
        assert_eq!(put(path, more, b"xy"), expected, "{path} {more}");
    }
    assert_eq!(read(&site, "a.txt").as_deref(), Some(&b"another"[..]));
    assert_eq!(std::fs::read(site.folder.path().join("secret.txt")).expect("read"), b"secret");
    assert_eq!(put("/big", "", &vec![b'x'; (1 << 20) + 1]), "413");
    let chunked = format!("{:x}\r\n{}\r\n0\r\n\r\n", 2 << 20, "x".repeat(2 << 20));
    let head =
        "PUT /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&raw(&site.at, format!("{head}{chunked}").as_bytes())), "413");
    assert_eq!(read(&site, "big"), None);
    // A client that goes leaves what was there, and nothing else.
    let cut = "PUT /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf";
    drop(std::net::TcpStream::connect(&site.at).map(|mut stream| {
        std::io::Write::write_all(&mut stream, cut.as_bytes()).expect("sent");
        super::pause(200);
    }));
    super::pause(300);
    assert_eq!(read(&site, "a.txt").as_deref(), Some(&b"another"[..]));
    assert!(is_tidy(&site));
    let options = site.send("OPTIONS", "/a.txt", "", b"");
    assert_eq!(field(&options, "Allow"), Some("GET, HEAD, OPTIONS, POST, PUT"));
}

#[test]
fn links_lead_nowhere_else() {
    let site = site(&[]);
    let root = site.folder.path();
    std::fs::create_dir(root.join("outside")).expect("made");
    std::os::unix::fs::symlink(root.join("outside"), root.join("site/way")).expect("linked");
    std::os::unix::fs::symlink(root.join("secret.txt"), root.join("site/link.txt"))
        .expect("linked");
    assert_eq!(status(&site.send("PUT", "/way/x", "", b"x")), "403");
    std::fs::remove_dir(root.join("outside")).expect("it is empty");
    // The link is replaced, and not what it leads to.
    assert_eq!(status(&site.send("PUT", "/link.txt", "", b"own")), "204");
    assert_eq!(std::fs::read(root.join("secret.txt")).expect("read"), b"secret");
    assert_eq!(read(&site, "link.txt").as_deref(), Some(&b"own"[..]));
}

#[test]
fn a_form_has_several_files() {
    let site = site(&[]);
    let form = |names: &[&str], end: &str| {
        let part = |name: &&str| {
            format!(
                "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\nof {name}\r\n"
            )
        };
        let text = "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nwords\r\n";
        format!("{}{text}--x{end}", names.iter().map(part).collect::<String>())
    };
    let kind = "Content-Type: multipart/form-data; boundary=x\r\n";
    let post = |path: &str, more: &str, body: &str| {
        site.send("POST", path, &format!("{kind}{more}"), body.as_bytes())
    };
    let answer = post("/sub/", "", &form(&["one.txt", "C:\\\\dir\\\\two.txt", ""], "--\r\n"));
    assert_eq!(status(&answer), "201", "{answer}");
    assert_eq!(read(&site, "sub/one.txt").as_deref(), Some(&b"of one.txt"[..]));
    assert!(read(&site, "sub/two.txt").is_some(), "folders of another machine do not count");
    let back = post("/sub/", "Accept: text/html\r\n", &form(&["three"], "--\r\n"));
    assert_eq!((status(&back), field(&back, "Location")), ("303", Some("/sub/")));
    // All of them, or none.
    assert_eq!(status(&post("/sub/", "", &form(&["four"], ""))), "400");
    assert_eq!(status(&post("/sub/", "", &form(&["four", ".."], "--\r\n"))), "400");
    assert_eq!(status(&post("/sub/", "", &form(&["four", ".hidden"], "--\r\n"))), "403");
    assert_eq!(read(&site, "sub/four"), None);
    // A page of another site has the browser's passwords, but may not use them.
    for (more, expected) in [
        ("Sec-Fetch-Site: cross-site\r\n", "403"),
        ("Sec-Fetch-Site: same-origin\r\n", "201"),
        ("Origin: https://evil.test\r\n", "403"),
        ("Origin: http://a.test\r\n", "201"),
        ("Origin: null\r\n", "403"),
    ] {
        let answer = post("/sub/", more, &form(&["five"], "--\r\n"));
        assert_eq!(status(&answer), expected, "{more}");
    }
    assert!(is_tidy(&site));
}

#[test]
fn files_are_put_over_every_version() {
    let site = Site::secure(&[("site/a.txt", b"x")], &["--upload", "site"]);
    let body = b"0123456789".repeat(50_000);
    std::fs::write(site.folder.path().join("body"), &body).expect("written");
    for version in VERSIONS {
        let answer = site.by(version, &format!("/by{version}"), &["-T", "body"]);
        assert!(answer.contains(" 201"), "{version}: {answer}");
        assert!(read(&site, &format!("by{version}")) == Some(body.clone()), "{version}");
    }
}

/// A disk that is full is told, and what was there stays; nothing that did not fit is left to fill it.
#[test]
fn a_full_disk_is_told() {
    if !has("unshare") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("small")).expect("made");
    let mount = "mount -t tmpfs -o size=256k none small && exec \"$@\"";
    let mut child = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", mount, "sh", ROUNDTRIP, "serve", "small", "--upload", "small"])
        .args(["--listen", "127.0.0.1:0", "-q"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let (at, _lines) = listening(&mut child);
    if at.is_empty() {
        let _ = child.kill();
        return skip("namespaces of one's own are not permitted");
    }
    let ask = |head: &str, body: &[u8]| {
        let length = body.len();
        let head = format!(
            "{head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        raw(&at, &[head.as_bytes(), body].concat())
    };
    assert_eq!(status(&ask("PUT /a.txt", b"there")), "201");
    for _ in 0..3 {
        let refused = ask("PUT /a.txt", &vec![b'x'; 400_000]);
        assert_eq!(status(&refused), "507", "{refused}");
    }
    let there = ask("GET /a.txt", b"");
    assert_eq!((status(&there), content(&there)), ("200", "there"));
    assert_eq!(status(&ask("PUT /b.txt", &vec![b'x'; 100_000])), "201", "there is room again");
    child.kill().expect("it runs");
    let mut said = String::new();
    child
        .stderr
        .take()
        .map(|mut error| error.read_to_string(&mut said))
        .expect("a pipe")
        .expect("text");
    let _ = child.wait();
    assert!(said.contains("507 for /a.txt: an upload: No space left"), "{said}");
}
