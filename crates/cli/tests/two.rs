//! HTTP/2 with peers that others wrote: nginx, which ends connections early, and clients of
//! `roundtrip serve`.

mod common;
#[path = "peer/nginx.rs"]
mod nginx;
mod peer;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::{Roundtrip, chromium, events, faults};
use nginx::Nginx;
use peer::identity::{Kind, write};
use peer::{Peer, has, run};
use roundtrip_record::What;

/// How many pictures the page has.
const PICTURES: usize = 25;

/// A PNG of one transparent pixel.
const PIXEL: [u8; 70] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x64, 0x60, 0xf8, 0x5f,
    0x0f, 0x00, 0x02, 0x87, 0x01, 0x80, 0xeb, 0x47, 0xba, 0x92, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// Writes the pictures `0.png` and so on, and a page that shows them.
fn gallery(folder: &Path, script: &str) {
    let mut page = String::from("<!doctype html><html lang=en><title>Pictures</title>");
    page += "<link rel=icon href=0.png>";
    for number in 0..PICTURES {
        fs::write(folder.join(format!("{number}.png")), PIXEL).expect("written");
        write!(page, "<img src={number}.png alt={number}>").unwrap();
    }
    fs::write(folder.join("index.html"), page + script).expect("written");
}

#[test]
fn all_pictures_come_of_an_nginx_that_answers_ten_requests_a_connection() {
    if !has("nginx") {
        return;
    }
    let work = tempfile::tempdir().expect("a folder");
    // The worker is another user, who is to read what it serves.
    let folder = work.path();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder, open).expect("allowed");
    write(folder, &[Kind::Good]);
    gallery(folder, "");
    let at = folder.display();
    let nginx = Nginx::start(folder, &|port| {
        format!(
            "listen 127.0.0.1:{port} ssl http2; root {at}; keepalive_requests 10;\n\
             ssl_certificate {at}/Good.pem; ssl_certificate_key {at}/Good.key;"
        )
    });
    let roundtrip = Roundtrip::new();
    let (out, authority) = (roundtrip.folder("out"), format!("{at}/ca.pem"));
    let url = format!("https://localhost:{}/", nginx.port);
    let run = roundtrip.run(&["visit", &url, "--cacert", &authority, "--out", &out]).expect(0);
    let verdict = run.verdict();
    assert!(verdict.starts_with("200 ") && !verdict.contains("failed"), "{verdict}");
    assert!(faults(&out).is_empty(), "{:?}", faults(&out));

    let (mut whole, mut connections) = (0, BTreeSet::new());
    for event in events(&out) {
        match event.what {
            What::RequestSent(sent) => {
                assert_eq!(sent.version.as_str(), "HTTP/2", "{sent:?}");
                connections.insert(sent.connection);
            }
            What::ResponseEnded(ended) if ended.body.encoded == PIXEL.len() as u64 => whole += 1,
            _ => {}
        }
    }
    if cfg!(feature = "page") {
        // The page itself is the first of ten; Chromium needs three connections as well.
        assert_eq!((whole, connections.len()), (PICTURES, 3), "{connections:?}");
    }
}

/// A server of HTTP/2 for `localhost`, and the certificate of who vouches for it.
fn secure() -> (Peer, tempfile::TempDir, String) {
    let identity = tempfile::tempdir().expect("a folder");
    write(identity.path(), &[Kind::Good]);
    let path = |name: &str| identity.path().join(name).display().to_string();
    let peer = Peer::start(&["-q", "--cert", &path("Good.pem"), "--key", &path("Good.key")]);
    gallery(&peer.folder.path().join("site"), "");
    let authority = path("ca.pem");
    (peer, identity, authority)
}

fn url(peer: &Peer, path: &str) -> String {
    format!("https://{}{path}", peer.at.replace("127.0.0.1", "localhost"))
}

#[test]
fn curl_loads_a_site_over_http_2() {
    if !has("curl") {
        return;
    }
    let (peer, identity, authority) = secure();
    let told = |arguments: &[&str]| {
        let output = run("curl", arguments, identity.path());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        said
    };
    let common =
        ["-sS", "--http2", "--cacert", &authority, "-w", "|%{http_version} %{http_code}\n"];
    let with = |more: &[&str]| told(&[&common[..], more].concat());
    assert_eq!(with(&[&url(&peer, "/a.txt")]), "0123456789abcdef\n|2 200\n");
    assert_eq!(with(&["-I", "-o", "/dev/null", &url(&peer, "/a.txt")]), "|2 200\n");
    assert_eq!(with(&["-o", "/dev/null", &url(&peer, "/none")]), "|2 404\n");
    let body = "b".repeat(300_000);
    fs::write(identity.path().join("body"), &body).expect("written");
    let echoed = with(&["--data-binary", "@body", &url(&peer, "/echo")]);
    assert!(echoed.contains(&body) && echoed.ends_with("|2 200\n"), "{}", echoed.len());
    // What is not read of a body is no fault of the response.
    let refused = with(&["--data-binary", "@body", "-o", "/dev/null", &url(&peer, "/a.txt")]);
    assert_eq!(refused, "|2 405\n");
    // All pictures at one time, by one connection.
    let pictures = url(&peer, &format!("/[0-{}].png", PICTURES - 1));
    let many = with(&["-Z", "--parallel-max", "50", "-o", "/dev/null", &pictures]);
    assert_eq!(many.matches("|2 200\n").count(), PICTURES, "{many}");

    let plain = Peer::start(&["-q"]);
    let knows =
        told(&["-sS", "--http2-prior-knowledge", "-w", "|%{http_version}", &plain.url("/a.txt")]);
    assert_eq!(knows, "0123456789abcdef\n|2");
    // An upgrade of RFC 7540 is obsolete, and is passed over (RFC 9113 §3.1).
    let upgrades = told(&["-sS", "--http2", "-w", "|%{http_version}", &plain.url("/a.txt")]);
    assert_eq!(upgrades, "0123456789abcdef\n|1.1");
}

#[test]
fn nghttp_loads_a_site_with_all_that_it_shows() {
    if !has("nghttp") {
        return;
    }
    let (peer, identity, _) = secure();
    let output = run("nghttp", &["-v", "-a", "-n", &url(&peer, "/")], identity.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said.matches(":status: 200").count(), 1 + PICTURES, "{said}");
    for complaint in ["[ERROR]", "[INVALID", "RST_STREAM", "not processed"] {
        assert!(!said.contains(complaint), "{complaint} in {said}");
    }
}

#[test]
fn h2load_has_all_its_requests_answered() {
    if !has("h2load") {
        return;
    }
    let (peer, identity, _) = secure();
    let plain = Peer::start(&["-q"]);
    for target in [url(&peer, "/a.txt"), plain.url("/a.txt")] {
        let arguments = ["-n", "2000", "-c", "4", "-m", "50", &target];
        let output = run("h2load", &arguments, identity.path());
        let said = String::from_utf8_lossy(&output.stdout);
        let done = "2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored";
        assert!(output.status.success() && said.contains(done), "{said}");
        assert!(said.contains("status codes: 2000 2xx"), "{said}");
    }
}

/// Writes down by which protocol everything came.
const SCRIPT: &str = r#"<script>
addEventListener("load", async () => {
  const echoed = await (await fetch("/echo", { method: "POST", body: "words" })).text();
  // The icon is fetched at a time of its own, and may or may not be among them by now.
  const entries = performance.getEntries().filter(entry => ["navigation", "img", "fetch"].includes(entry.initiatorType));
  const by = new Set(entries.map(entry => entry.nextHopProtocol));
  const shown = [...document.images].filter(image => image.naturalWidth === 1).length;
  const out = document.createElement("pre");
  out.textContent = `by=${[...by]} entries=${entries.length} shown=${shown} echoed=${echoed.includes("words")}`;
  document.body.append(out);
});
</script>"#;

#[test]
fn a_browser_loads_a_site_over_http_2() {
    if !has("chromium") || !has("certutil") {
        return;
    }
    let (peer, _identity, authority) = secure();
    gallery(&peer.folder.path().join("site"), SCRIPT);
    let roundtrip = Roundtrip::new();
    let home = roundtrip.folder("");
    let database = format!("sql:{home}.pki/nssdb");
    fs::create_dir_all(Path::new(&home).join(".pki/nssdb")).expect("a folder");
    let made = run("certutil", &["-N", "--empty-password", "-d", &database], Path::new(&home));
    assert!(made.status.success(), "{made:?}");
    let trust = ["-A", "-d", &database, "-n", "test", "-t", "C,,", "-i", &authority];
    let trusted = run("certutil", &trust, Path::new(&home));
    assert!(trusted.status.success(), "{trusted:?}");

    let arguments = ["--virtual-time-budget=8000", "--dump-dom", &url(&peer, "/")];
    let seen = chromium(&roundtrip, &arguments);
    let expected = format!("by=h2 entries={} shown={PICTURES} echoed=true", PICTURES + 2);
    assert!(seen.out().contains(&expected), "{}\n{}", seen.out(), seen.err());
    assert!(!seen.err().contains("CONSOLE"), "{}", seen.err());
}
