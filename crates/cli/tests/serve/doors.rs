//! Who may come in: passwords, addresses, how often, how many connections.

use super::site::{Site, VERSIONS};
use super::{content, field, raw, status};

/// `ada` and `secret`, as crypt(3) has it.
const USERS: &[u8] = b"# who\nada:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

#[test]
fn passwords_are_asked_for() {
    let site = Site::secure(
        &[("users", USERS), ("site/index.html", b"open"), ("site/private/a.txt", b"closed")],
        &["--auth", "/private/** users", "--cors", "*"],
    );
    for version in VERSIONS {
        assert!(site.by(version, "/", &[]).ends_with("open"), "{version}");
        for path in ["/private/a.txt", "/%70rivate/a.txt", "/private/none"] {
            let refused = site.by(version, path, &[]);
            assert!(refused.contains(" 401"), "{version}: {refused}");
            assert!(refused.contains("Basic realm=\"/private/**\""), "{version}: {refused}");
            assert!(!refused.contains("closed"), "{version}: {refused}");
        }
        let let_in = site.by(version, "/private/a.txt", &["-u", "ada:secret"]);
        assert!(let_in.ends_with("closed"), "{version}: {let_in}");
        for wrong in ["ada:wrong", "eve:secret", "ada:"] {
            let refused = site.by(version, "/private/a.txt", &["-u", wrong]);
            assert!(refused.contains(" 401"), "{version} {wrong}: {refused}");
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("weak"), "ada:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\n")
        .expect("written");
    for (arguments, why) in [
        (["--auth", "weak"], "weak, line 1: ada: no hash of bcrypt or Argon2"),
        (["--auth", "/a none"], "none: No such file"),
        (["--header", "Content-Length: 1"], "made of what is sent"),
        (["--header", "nonsense"], "NAME: VALUE"),
        (["--cache-control", "*.css"], "PATTERN"),
        (["--link", "/a.css"], "<TARGET>"),
        (["--cors", "app.test"], "wanted an origin"),
        (["--error-page", "200=/a"], "STATUS=PATH"),
        (["--allow", "localhost"], "wanted an address"),
        (["--deny", "10.1.0.0/8"], "more bits"),
        (["--rate-limit", "10"], "N/s"),
        (["--hsts", "60"], "--cert"),
        (["--redirect-https", "127.0.0.1:0"], "--cert"),
        (["--upload", "none"], "none cannot be served"),
    ] {
        let all = ["serve", "-q", "--listen", "127.0.0.1:0", arguments[0], arguments[1]];
        let output = super::run(super::ROUNDTRIP, &all, folder.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{arguments:?}: {said}");
    }
    let config = "dir = \".\"\nheader = [\"X-A: b\", \"nonsense\"]\n";
    std::fs::write(folder.path().join("serve.toml"), config).expect("written");
    let output = super::run(super::ROUNDTRIP, &["serve", "--config", "serve.toml"], folder.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("line 2") && said.contains("NAME: VALUE"), "{said}");
}

#[test]
fn addresses_are_let_in_and_kept_out() {
    let files: &[(&str, &[u8])] = &[("site/a.txt", b"x")];
    for (arguments, expected) in [
        (&["--allow", "127.0.0.0/8"][..], "200"),
        (&["--allow", "192.0.2.0/24"], "403"),
        (&["--deny", "127.0.0.1"], "403"),
        (&["--deny", "192.0.2.0/24"], "200"),
        (&["--allow", "127.0.0.0/8", "--deny", "127.0.0.1"], "403"),
    ] {
        let site = Site::start(files, arguments);
        assert_eq!(status(&site.get("/a.txt", "")), expected, "{arguments:?}");
    }
    let site = Site::start(files, &["--rate-limit", "1/m,3", "--workers", "2"]);
    let seen: Vec<String> = (0..5).map(|_| status(&site.get("/a.txt", "")).to_owned()).collect();
    assert_eq!(seen, ["200", "200", "200", "429", "429"]);
    let wait = site.get("/a.txt", "");
    let seconds: u32 =
        field(&wait, "Retry-After").and_then(|text| text.parse().ok()).expect("a wait");
    assert!((50..=60).contains(&seconds), "{seconds}");
}

#[test]
fn an_address_has_so_many_connections() {
    let site = Site::start(&[("site/a.txt", b"x")], &["--connections-per-address", "2"]);
    let head = b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    let open = || {
        let mut stream = std::net::TcpStream::connect(&site.at).expect("connected");
        std::io::Write::write_all(&mut stream, head).expect("sent");
        let mut piece = [0; 1000];
        let read = std::io::Read::read(&mut stream, &mut piece).expect("an answer");
        (stream, String::from_utf8_lossy(&piece[..read]).into_owned())
    };
    let (first, second) = (open(), open());
    assert_eq!((status(&first.1), status(&second.1)), ("200", "200"));
    let third = raw(&site.at, head);
    assert_eq!((status(&third), field(&third, "Retry-After")), ("503", Some("1")));
    drop(first);
    super::pause(300);
    let again = site.get("/a.txt", "");
    assert_eq!((status(&again), content(&again)), ("200", "x"));
}
