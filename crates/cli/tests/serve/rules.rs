//! What is said around files: fields, caching, origins, hints, pages for errors, names in URLs, charsets.

use super::site::{Site, VERSIONS, fields};
use super::{content, field, raw, status};

const PAGE: &[u8] = b"<!DOCTYPE html><title>t</title>page";

#[test]
fn rules_count_in_every_version() {
    let site = Site::secure(
        &[("site/index.html", PAGE), ("site/a.css", b"a{}"), ("site/private/x.txt", b"x")],
        &[
            "--header",
            "X-All: yes",
            "--header",
            "*.css X-Kind: style",
            "--header",
            "/private/** Last-Modified:",
            "--cache-control",
            "*.css max-age=60",
            "--cache-control",
            "no-cache",
            "--hsts",
            "60; includeSubDomains",
            "--cors",
            "https://app.test",
            "--link",
            "/ </a.css>; rel=preload; as=style",
        ],
    );
    for version in VERSIONS {
        let page = site.by(version, "/", &["-H", "Origin: https://app.test"]);
        assert!(page.ends_with("page"), "{version}: {page}");
        assert_eq!(fields(&page, "X-All"), ["yes"], "{version}: {page}");
        assert_eq!(fields(&page, "X-Kind").len(), 0, "{version}");
        assert_eq!(fields(&page, "Cache-Control"), ["no-cache"], "{version}");
        let hsts = ["max-age=60; includeSubDomains"];
        assert_eq!(fields(&page, "Strict-Transport-Security"), hsts, "{version}");
        assert_eq!(fields(&page, "Access-Control-Allow-Origin"), ["https://app.test"], "{version}");
        assert_eq!(fields(&page, "Vary"), ["Origin"], "{version}");
        let link = "</a.css>; rel=preload; as=style";
        assert_eq!(fields(&page, "Link"), [link], "{version}");
        let early = page.split("\r\n\r\n").next().expect("a head");
        assert!(early.contains(" 103") && early.contains(link), "{version}: {page}");
        assert_eq!(fields(&page, "Alt-Svc").len(), 1, "{version}: {page}");
        let style = site.by(version, "/a.css", &["-H", "Origin: https://other.test"]);
        assert_eq!(fields(&style, "X-Kind"), ["style"], "{version}");
        assert_eq!(fields(&style, "Cache-Control"), ["max-age=60"], "{version}");
        assert_eq!(fields(&style, "Access-Control-Allow-Origin").len(), 0, "{version}");
        assert!(!style.contains("103"), "{version}: {style}");
        // No other spelling of a path slips past a rule.
        for path in ["/private/x.txt", "/%70rivate/x.txt"] {
            let private = site.by(version, path, &[]);
            assert_eq!(fields(&private, "Last-Modified").len(), 0, "{version}: {private}");
        }
        let missing = site.by(version, "/none", &[]);
        assert_eq!(fields(&missing, "X-All"), ["yes"], "{version}");
        assert_eq!(fields(&missing, "Cache-Control").len(), 0, "{version}: errors do not last");
    }
}

#[test]
fn a_browser_may_ask_first() {
    let site = Site::start(&[("site/a.txt", b"x")], &["--cors", "https://app.test"]);
    let ask = |origin: &str| {
        let more = format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a\r\n"
        );
        site.send("OPTIONS", "/a.txt", &more, b"")
    };
    let may = ask("https://app.test");
    assert_eq!(status(&may), "204");
    assert_eq!(field(&may, "Access-Control-Allow-Methods"), Some("PUT"));
    assert_eq!(field(&may, "Access-Control-Allow-Headers"), Some("x-a"));
    assert_eq!(field(&may, "Access-Control-Allow-Origin"), Some("https://app.test"));
    let may_not = ask("https://other.test");
    assert_eq!(field(&may_not, "Access-Control-Allow-Origin"), None, "{may_not}");
    let all = Site::start(&[("site/a.txt", b"x")], &["--cors", "*"]);
    assert_eq!(field(&all.get("/a.txt", ""), "Access-Control-Allow-Origin"), Some("*"));
    assert_eq!(field(&all.get("/none", ""), "Access-Control-Allow-Origin"), Some("*"));
}

#[test]
fn what_is_asked_in_the_clear_is_sent_to_https() {
    let challenge = ".well-known/acme-challenge/token";
    let site = Site::secure(
        &[("site/index.html", PAGE), (&format!("site/{challenge}"), b"proof")],
        &["--redirect-https", "127.0.0.1:0", "--hsts", "60"],
    );
    let clear = site.clear.clone().expect("a place");
    let port = site.at.rsplit(':').next().expect("a port");
    let ask =
        |at: &str, head: &str| raw(at, format!("{head}\r\nConnection: close\r\n\r\n").as_bytes());
    // At the place for it, and by mistake at that of TLS.
    for at in [&clear, &site.at] {
        let answer = ask(at, "GET /a?b=c HTTP/1.1\r\nHost: localhost:80");
        assert_eq!(status(&answer), "308", "{answer}");
        let location = format!("https://localhost:{port}/a?b=c");
        assert_eq!(field(&answer, "Location"), Some(location.as_str()));
        assert_eq!(field(&answer, "Strict-Transport-Security"), None, "not in the clear");
        assert_eq!(status(&ask(at, "GET / HTTP/1.0")), "400");
        assert_eq!(status(&ask(at, "GET / HTTP/1.1\r\nHost: a\r\nHost: b")), "400");
    }
    let proof = ask(&clear, &format!("GET /{challenge} HTTP/1.1\r\nHost: localhost"));
    assert_eq!((status(&proof), content(&proof)), ("200", "proof"));
}

#[test]
fn errors_have_pages_of_ones_own() {
    let site = Site::start(
        &[
            ("site/404.html", b"nowhere to be found"),
            ("site/sorry.html", b"sorry"),
            ("site/a.txt", b"x"),
        ],
        &["--error-page", "4xx=sorry.html", "--error-page", "404=/404.html", "--clean-urls"],
    );
    let missing = site.get("/none", "If-None-Match: *\r\nRange: bytes=0-1\r\n");
    assert_eq!((status(&missing), content(&missing)), ("404", "nowhere to be found"));
    assert_eq!(field(&missing, "Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(field(&missing, "ETag"), None, "{missing}");
    let other = site.send("DELETE", "/a.txt", "", b"");
    assert_eq!((status(&other), content(&other)), ("405", "sorry"));
    assert_eq!(field(&other, "Allow"), Some("GET, HEAD, OPTIONS"), "what goes with an error stays");
    let head = site.send("HEAD", "/none", "", b"");
    assert_eq!((field(&head, "Content-Length"), content(&head)), (Some("19"), ""));
}

#[test]
fn pages_have_clean_names() {
    let site = Site::start(
        &[
            ("site/home.htm", b"home"),
            ("site/about.html", b"about"),
            ("site/both", b"plain"),
            ("site/both.html", b"page"),
            ("site/docs/home.htm", b"docs"),
            ("site/docs.html", b"beside"),
            ("site/b.html/x.txt", b"a folder"),
        ],
        &["--clean-urls", "--index", "none.html", "--index", "home.htm"],
    );
    for (path, expected) in [
        ("/", "home"),
        ("/about", "about"),
        ("/both", "plain"),
        ("/both.html", "page"),
        ("/docs/", "docs"),
        ("/docs", "beside"),
    ] {
        let answer = site.get(path, "");
        assert_eq!((status(&answer), content(&answer)), ("200", expected), "{path}: {answer}");
    }
    for (path, location) in [
        ("/about.html?a=b", "/about?a=b"),
        ("/home.htm", "/"),
        ("/docs/home.htm", "/docs/"),
        ("/b.html", "/b.html/"),
    ] {
        let answer = site.get(path, "");
        let found = (status(&answer), field(&answer, "Location"));
        assert_eq!(found, ("301", Some(location)), "{path}: {answer}");
    }
    for path in ["/about/", "/none", "/none.html", "/.html"] {
        assert_eq!(status(&site.get(path, "")), "404", "{path}");
    }
}

/// What is said beside a text counts for more than what it says itself: so nothing is said that is not known.
#[test]
fn a_charset_is_said_only_where_it_is_known() {
    let long = |end: &[u8]| [&b"<!DOCTYPE html>".repeat(1000)[..], end].concat();
    let files: &[(&str, &[u8], Option<&str>)] = &[
        ("utf8.html", "<p>ä".as_bytes(), Some("utf-8")),
        ("ascii.txt", b"plain", Some("utf-8")),
        ("jis.html", b"<p>\x1b$B$3$l\x1b(B", None),
        ("declared.html", b"<meta charset=windows-1251><p>x", None),
        ("style.css", b"@charset \"koi8-r\"; a{}", None),
        ("late.html", &long(b"\xe4"), None),
        ("long.html", &long("ä".as_bytes()), Some("utf-8")),
        ("longer.txt", &[&b"x".repeat(100_000)[..], b"\xff"].concat(), None),
        ("wide.txt", b"\xff\xfea\0", None),
    ];
    let paths: Vec<String> = files.iter().map(|(name, ..)| format!("site/{name}")).collect();
    let contents: Vec<(&str, &[u8])> =
        paths.iter().zip(files).map(|(path, (_, content, _))| (path.as_str(), *content)).collect();
    let site = Site::start(&contents, &[]);
    for (name, _, charset) in files {
        let answer = site.get(&format!("/{name}"), "");
        let told = field(&answer, "Content-Type").expect("a type");
        let expected = charset.map(|charset| format!("; charset={charset}"));
        let kind = told.split(';').next().expect("a type");
        assert_eq!(told, format!("{kind}{}", expected.unwrap_or_default()), "{name}");
    }
}

#[test]
fn names_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let site = Site::start(&[("site/sub/plain.txt", b"x")], &["--list"]);
    let names: [(&[u8], &str); 4] = [
        (b"latin-\xe4.txt", "latin-%E4.txt"),
        (b"back\\slash.txt", "back%5Cslash.txt"),
        (b"and&copy=1.txt", "and&amp;copy=1.txt"),
        (b"\xff", "%FF"),
    ];
    for (name, _) in names {
        site.put(&format!("sub/{}", "plain.txt"), b"x");
        let path = site.folder.path().join("site/sub").join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(path, name).expect("written");
    }
    let list = site.get("/sub/", "");
    for (name, link) in names {
        assert!(list.contains(&format!("href=\"./{link}\"")), "{link}: {list}");
        let path = link.replace("&amp;", "&");
        let mut stream = std::net::TcpStream::connect(&site.at).expect("connected");
        let head = format!("GET /sub/{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
        let mut all = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut all).expect("an answer");
        assert!(all.starts_with(b"HTTP/1.1 200") && all.ends_with(name), "{link}");
    }
}

#[test]
fn packed_pictures_are_told_as_such() {
    let site = Site::start(&[("site/a.svgz", b"\x1f\x8bnot really")], &[]);
    let answer = site.get("/a.svgz", "");
    assert_eq!(field(&answer, "Content-Type"), Some("image/svg+xml"));
    assert_eq!(field(&answer, "Content-Encoding"), Some("gzip"));
}

#[test]
fn lists_are_sorted_and_large_ones_are_in_nobodys_way() {
    let site = Site::start(
        &[("site/a/x.txt", b"x"), ("site/b.txt", b"12345")],
        &["--list", "--workers", "1"],
    );
    site.put("c.txt", b"1");
    let names = |query: &str| {
        let list = site.get(&format!("/{query}"), "");
        let links = list.split("<td><a href=\"./").skip(1);
        links.filter_map(|rest| rest.split('"').next()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(""), "a/ b.txt c.txt");
    assert_eq!(names("?sort=size"), "a/ c.txt b.txt");
    assert_eq!(names("?sort=name&order=desc"), "a/ c.txt b.txt");
    assert!(site.get("/", "").contains(">5 B<td"), "sizes are for people");
    let many = site.folder.path().join("site/many");
    std::fs::create_dir(&many).expect("made");
    for number in 0..20_000 {
        std::fs::File::create(many.join(format!("{number}"))).expect("made");
    }
    let at = site.at.clone();
    let head = b"GET /many/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let lists = std::thread::spawn(move || raw(&at, head));
    // While it is made, others are answered: by the one thread that there is.
    let mut meanwhile = 0;
    while !lists.is_finished() {
        assert_eq!(content(&site.get("/b.txt", "")), "12345");
        meanwhile += 1;
    }
    let list = lists.join().expect("a list");
    assert_eq!(list.matches("<tr><td><a href=\"./").count(), 20_000);
    assert!(list.ends_with("</html>\n\r\n0\r\n\r\n"), "{}", &list[list.len() - 100..]);
    assert!(meanwhile > 2, "only {meanwhile} others were answered meanwhile");
}
