//! `roundtrip proxy` with clients of all kinds, over loopback.

mod common;
mod peer;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use common::{Roundtrip, check_har, chromium, events, faults, has, text};
use peer::identity::{Kind, write};
use peer::{Peer, ROUNDTRIP, run};
use roundtrip_record::{FaultKind, Side, What};

/// A proxy that ends with the test.
struct Proxy {
    child: Child,
    lines: BufReader<ChildStdout>,
    home: tempfile::TempDir,
    /// `127.0.0.1:PORT`
    at: String,
}

impl Proxy {
    fn start(more: &[&str]) -> Self {
        Self::started(Command::new(ROUNDTRIP), more)
    }

    fn started(mut command: Command, more: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let out = home.path().join("out").display().to_string();
        for variable in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "XDG_STATE_HOME"] {
            command.env_remove(variable).env_remove(variable.to_ascii_uppercase());
        }
        let mut child = command
            .args(["proxy", "--listen", "127.0.0.1:0", "--out", &out])
            .args(more)
            .env("HOME", home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("a line");
        let at = first.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let at = at.unwrap_or_else(|| panic!("{first}")).to_owned();
        Self { child, lines, home, at }
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn out(&self) -> String {
        self.home.path().join("out").display().to_string()
    }

    /// The authority's certificate, in a file.
    fn authority(&self) -> String {
        let file = self.home.path().join("ca.pem");
        let done = Command::new(ROUNDTRIP)
            .args(["proxy", "--ca", &file.display().to_string()])
            .env("HOME", self.home.path())
            .env_remove("XDG_STATE_HOME")
            .output()
            .expect("the command runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        file.display().to_string()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line
    }

    /// Ends it as Ctrl-C does; its exit code, and what it said on standard error.
    fn stop(&mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
        let mut said = String::new();
        let pipe = self.child.stderr.take().expect("a pipe");
        std::io::Read::read_to_string(&mut BufReader::new(pipe), &mut said).expect("text");
        (self.child.wait().expect("it ends").code(), said)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request of our own client; its body and what it said.
fn get(arguments: &[&str], folder: &Path) -> (String, String, Option<i32>) {
    let done = run(ROUNDTRIP, &[&["get"], arguments].concat(), folder);
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    (out, String::from_utf8_lossy(&done.stderr).into_owned(), done.status.code())
}

#[test]
fn what_is_asked_becomes_a_run_like_any_other() {
    let peer = Peer::start(&[]);
    let mut proxy = Proxy::start(&[]);
    let folder = peer.folder.path();
    let page =
        get(&["-x", &proxy.url(), "-H", "Authorization: Basic c2VjcmV0", &peer.url("/")], folder);
    assert_eq!((page.0.contains("<title>t</title>"), page.2), (true, Some(0)), "{}", page.1);
    assert!(proxy.line().contains("200 GET"), "a line for each exchange");
    let (body, _, _) = get(&["-x", &proxy.url(), "-d", "a=b", &peer.url("/echo")], folder);
    assert!(body.contains("\"length\": 3"), "{body}");
    let (_, said, exit) = get(&["-x", &proxy.url(), "-f", "http://127.0.0.1:9/"], folder);
    assert_eq!(exit, Some(22), "{said}");
    assert_eq!(proxy.stop().0, Some(0));

    let events = events(&proxy.out());
    let asked = events.iter().filter_map(|event| match &event.what {
        What::ExchangeStarted(started) if started.side == Side::Client => started.of,
        _ => None,
    });
    assert_eq!(asked.count(), 3, "each names the one in which it was asked");
    let refused = faults(&proxy.out());
    assert!(matches!(refused[0].fault, FaultKind::ConnectFailed { .. }) && !refused[0].fatal);
    let record = text(&proxy.out(), "record.jsonl");
    assert!(!record.contains("c2VjcmV0"), "credentials are not kept");
    assert_eq!(check_har(&proxy.out()), 3);
    assert!(text(&proxy.out(), "report.html").contains("/echo"));
    // And so it can be carried out again.
    let roundtrip = Roundtrip::new();
    let again = roundtrip.run(&["visit", &proxy.out(), "--net", "3gslow", "--no-page"]).expect(0);
    assert!(again.verdict().contains("200 OK"), "{}", again.out());
}

#[test]
fn tls_is_looked_into_for_whoever_trusts_the_authority() {
    let keys = tempfile::tempdir().expect("a folder");
    write(keys.path(), &[Kind::Good]);
    let file = |name: &str| keys.path().join(name).display().to_string();
    let peer = Peer::start(&["--cert", &file("Good.pem"), "--key", &file("Good.key")]);
    let port = peer.at.rsplit(':').next().expect("a port").to_owned();
    let url = format!("https://localhost:{port}/a.txt");
    let mut proxy = Proxy::start(&["--cacert", &file("ca.pem")]);
    let (authority, folder) = (proxy.authority(), peer.folder.path());
    for version in ["--http1.1", "--http2"] {
        let (body, said, exit) =
            get(&["-x", &proxy.url(), "--cacert", &authority, version, &url], folder);
        assert_eq!((body.as_str(), exit), ("0123456789abcdef\n", Some(0)), "{version}: {said}");
    }
    // Whoever does not trust it is told of, and what to do.
    let (_, _, exit) = get(&["-x", &proxy.url(), "--cacert", &file("ca.pem"), &url], folder);
    assert_eq!(exit, Some(60));
    let (exit, said) = proxy.stop();
    assert_eq!(exit, Some(0));
    assert!(said.contains("not trust the proxy's authority"), "{said}");
    assert!(said.contains("--ca") && said.contains("--pass localhost"), "{said}");
    let versions: Vec<String> = events(&proxy.out())
        .iter()
        .filter_map(|event| match &event.what {
            What::RequestSent(request) if request.method == "GET" => {
                Some(request.version.as_str().to_owned())
            }
            _ => None,
        })
        .collect();
    assert_eq!(versions, ["HTTP/1.1", "HTTP/1.1", "HTTP/2", "HTTP/2"], "alike at both sides");
}

#[test]
fn the_authority_is_made_once_and_kept_to_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let roundtrip = Roundtrip::new();
    let first = roundtrip.run(&["proxy", "--ca", "-"]).expect(0).out();
    assert!(first.starts_with("-----BEGIN CERTIFICATE-----"), "{first}");
    assert_eq!(roundtrip.run(&["proxy", "--ca", "-"]).expect(0).out(), first);
    let file = roundtrip.folder(".local/state/roundtrip/proxy/authority.pem");
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let words = roundtrip.run(&["proxy", "--ca"]).expect(0).out();
    for client in ["Chromium", "Firefox", "curl", "Java", "Android"] {
        assert!(words.contains(client), "{client}: {words}");
    }
}

#[test]
fn with_no_disk_left_it_goes_on_passing() {
    let peer = Peer::start(&[]);
    std::fs::write(peer.folder.path().join("site/big.bin"), vec![b'x'; 900_000]).expect("written");
    // No file may have more than 256 KiB, as if there were no room for more.
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\"", ROUNDTRIP]);
    let mut proxy = Proxy::started(command, &[]);
    for _ in 0..3 {
        let (body, said, _) = get(&["-x", &proxy.url(), &peer.url("/big.bin")], peer.folder.path());
        assert_eq!(body.len(), 900_000, "{said}");
    }
    let (exit, said) = proxy.stop();
    assert_eq!(exit, Some(23), "{said}");
    assert_eq!(said.matches("recording stopped").count(), 1, "{said}");
    assert!(said.contains("goes on passing"), "{said}");
}

#[test]
fn a_network_is_felt() {
    let peer = Peer::start(&[]);
    let mut proxy = Proxy::start(&["--net", "rtt=300ms,down=800kbit,up=800kbit"]);
    let (body, said, _) = get(
        &["-x", &proxy.url(), "-w", "%{time_total}", "-o", "/dev/null", &peer.url("/a.txt")],
        peer.folder.path(),
    );
    let took: f64 = body.parse().unwrap_or_else(|_| panic!("{body}: {said}"));
    // The handshake's round trip and the request's.
    assert!((0.6..1.5).contains(&took), "{took}");
    proxy.stop();
}

#[test]
fn a_browser_sees_what_it_sees_without() {
    if !has("chromium") {
        return;
    }
    let keys = tempfile::tempdir().expect("a folder");
    write(keys.path(), &[Kind::Good]);
    let file = |name: &str| keys.path().join(name).display().to_string();
    let peer = Peer::start(&["--cert", &file("Good.pem"), "--key", &file("Good.key")]);
    let site = peer.folder.path().join("site");
    std::fs::write(
        site.join("page.html"),
        "<!doctype html><meta charset=utf-8><title>p</title><pre id=out></pre><script>
        addEventListener('load', async () => {
          const text = await (await fetch('/a.txt')).text();
          const sent = await (await fetch('/echo', { method: 'POST', body: 'x'.repeat(5000) })).text();
          const hop = performance.getEntriesByName(new URL('/a.txt', location))[0].nextHopProtocol;
          out.textContent = `${text.trim()} ${sent.length > 5000} ${hop}`;
        });</script>",
    )
    .expect("written");
    let port = peer.at.rsplit(':').next().expect("a port").to_owned();
    let url = format!("https://localhost:{port}/page.html");
    let mut proxy = Proxy::start(&["--cacert", &file("ca.pem")]);
    let words = String::from_utf8_lossy(
        &Command::new(ROUNDTRIP)
            .args(["proxy", "--ca"])
            .env("HOME", proxy.home.path())
            .output()
            .expect("it runs")
            .stdout,
    )
    .into_owned();
    let flag = words
        .split_whitespace()
        .find(|word| word.starts_with("--ignore-certificate-errors-spki-list="))
        .expect("a digest");
    let dump = |more: &[&str]| {
        let all = [&["--virtual-time-budget=8000", "--dump-dom"], more, &[url.as_str()]].concat();
        // Each has a profile of its own: one that another still has open would show nothing.
        chromium(&Roundtrip::new(), &all).out()
    };
    let through = format!("--proxy-server={}", proxy.url());
    let by_way = dump(&[&through, "--proxy-bypass-list=<-loopback>", flag]);
    let straight = dump(&["--ignore-certificate-errors"]);
    assert!(by_way.contains("0123456789abcdef true h2"), "{by_way}");
    assert_eq!(by_way, straight);
    proxy.stop();
    let asked: Vec<String> = events(&proxy.out())
        .into_iter()
        .filter_map(|event| match event.what {
            What::ExchangeStarted(started) if started.side == Side::Client => Some(started.url),
            _ => None,
        })
        .collect();
    for path in ["/page.html", "/a.txt", "/echo"] {
        assert!(asked.iter().any(|url| url.ends_with(path)), "{path}: {asked:?}");
    }
}
