//! Ways to a server other than straight over TCP, and what is known of it beforehand: SOCKS, Unix domain
//! sockets, devices and ports, pinned keys, offers of TLS, HSTS and Alt-Svc. Where curl is there, it is
//! asked the same.

mod peer;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::Path;
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};

use peer::front::front;
use peer::identity::{self, Kind};
use peer::proxy::Proxy;
use peer::script::Script;
use peer::scripted::{End, Script as Scripted, Step, tls};
use peer::socks::{Manners, Socks};
use peer::{ROUNDTRIP, has, run};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

fn get(arguments: &[&str], folder: &Path) -> Output {
    run(ROUNDTRIP, &[&["get", "-sS", "-m", "20"], arguments].concat(), folder)
}

/// The same with curl; `None` where there is none.
fn curl(arguments: &[&str], folder: &Path) -> Option<Output> {
    has("curl").then(|| run("curl", &[&["-sS", "-m", "20"], arguments].concat(), folder))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts that both end with this code, and write the same to standard output.
fn both(arguments: &[&str], folder: &Path, code: i32) -> Output {
    let ours = get(arguments, folder);
    assert_eq!(ours.status.code(), Some(code), "{arguments:?}: {}", said(&ours));
    if let Some(theirs) = curl(arguments, folder) {
        assert_eq!(theirs.status.code(), Some(code), "curl {arguments:?}: {}", said(&theirs));
        assert_eq!(out(&theirs), out(&ours), "{arguments:?}");
    }
    ours
}

#[test]
fn socks_proxies_lead_to_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Script::start(&[OK; 20]);
    let port = server.at.rsplit(':').next().expect("a port").to_owned();
    let named = format!("http://nosuch.invalid:{port}/x");
    let local = format!("http://localhost:{port}/x");
    let literal = format!("http://192.0.2.1:{port}/x");
    for (option, url, asked) in [
        ("--socks4", &literal, format!("4 @192.0.2.1:{port}")),
        ("--socks4a", &named, format!("4 @nosuch.invalid:{port}")),
        ("--socks5", &literal, format!("5 192.0.2.1:{port}")),
        ("--socks5-hostname", &named, format!("5 nosuch.invalid:{port}")),
        ("--socks4", &local, format!("4 @127.0.0.1:{port}")),
    ] {
        let proxy = Socks::start(&server.at, &Manners::default());
        let got = both(&[option, &proxy.at, url], folder.path(), 0);
        assert_eq!(out(&got), "ok\n");
        let times = if has("curl") { 2 } else { 1 };
        assert_eq!(proxy.asked(), vec![asked; times], "{option}");
    }
    let proxy = Socks::start(&server.at, &Manners::default());
    let by_url = format!("socks5h://{}", proxy.at);
    both(&["-x", &by_url, &named], folder.path(), 0);
    both(&["-x", &by_url, "--noproxy", "nosuch.invalid", &named], folder.path(), 6);
    // `http_proxy` and its kin name them too.
    let mut command = std::process::Command::new(ROUNDTRIP);
    let by_variable = command.args(["get", "-s", &named]).env("http_proxy", &by_url).output();
    assert_eq!(out(&by_variable.expect("it runs")), "ok\n");
    for text in ["HTTP/1.1", "Host: nosuch.invalid", "GET /x"] {
        assert!(server.asked().contains(text), "{}", server.asked());
    }
}

#[test]
fn a_socks_proxy_says_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Script::start(&[OK; 4]);
    let url = "http://a.invalid/";
    for (option, code, words) in [
        ("--socks4a", 91, "91"),
        ("--socks5-hostname", 5, "refused"),
        ("--socks5-hostname", 2, "rules"),
    ] {
        let manners = Manners { refuses: Some(code), ..Manners::default() };
        let proxy = Socks::start(&server.at, &manners);
        let got = both(&[option, &proxy.at, url], folder.path(), 97);
        assert!(said(&got).contains(words), "{}", said(&got));
    }
    let login = Some(("me".to_owned(), "p:w".to_owned()));
    let proxy = Socks::start(&server.at, &Manners { login, ..Manners::default() });
    both(&["--socks5-hostname", &proxy.at, "-U", "me:p:w", url], folder.path(), 0);
    both(&["-x", &format!("socks5h://me:p%3Aw@{}", proxy.at), url], folder.path(), 0);
    both(&["--socks5-hostname", &proxy.at, "-U", "me:x", url], folder.path(), 97);
    both(&["--socks5-hostname", &proxy.at, url], folder.path(), 97);
    let nobody = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("bound");
    both(&["--socks5", &nobody.to_string(), "http://192.0.2.1/"], folder.path(), 7);
}

/// A server on a Unix domain socket that answers every connection, and tells what it was asked.
/// That place of the origin's is asked for, whoever is on the way to it.
#[test]
fn another_place_is_reached_by_way_of_proxies_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Script::start(&[OK; 20]);
    let port = server.at.rsplit(':').next().expect("a port").to_owned();
    let times = if has("curl") { 2 } else { 1 };
    for (option, to, asked) in [
        ("--socks4a", "b.invalid:81", "4 @b.invalid:81"),
        ("--socks5-hostname", "b.invalid:81", "5 b.invalid:81"),
        ("--socks5-hostname", "192.0.2.7:", "5 192.0.2.7:80"),
        ("--socks4", "192.0.2.7:81", "4 @192.0.2.7:81"),
        ("--socks5", "192.0.2.7:81", "5 192.0.2.7:81"),
    ] {
        let proxy = Socks::start(&server.at, &Manners::default());
        let elsewhere = format!("a.invalid:80:{to}");
        let words = [option, &proxy.at, "--connect-to", &elsewhere, "http://a.invalid/"];
        assert_eq!(out(&both(&words, folder.path(), 0)), "ok\n", "{option} {to}");
        assert_eq!(proxy.asked(), vec![asked.to_owned(); times], "{option} {to}");
    }
    // A proxy of HTTP makes a tunnel there: it would carry a request out where the URL says. The detour of
    // every host is not one of the proxy's.
    let proxy = Proxy::start("127.0.0.1:1", None);
    let elsewhere = format!("::127.0.0.1:{port}");
    let words = ["-x", &proxy.at, "--connect-to", &elsewhere, "http://a.invalid/tunnelled"];
    assert_eq!(out(&both(&words, folder.path(), 0)), "ok\n");
    assert!(server.asked().contains("GET /tunnelled HTTP/1.1\r\nHost: a.invalid\r\n"));
}

/// A proxy that is spoken to through TLS, which leads to `server`: its URL, and what trusts it.
fn secret_proxy(folder: &Path, server: &str) -> (String, String) {
    identity::write(folder, &[Kind::Good]);
    let path = |name: &str| folder.join(name).display().to_string();
    let config = tls(&path("Good.pem"), &path("Good.key"), None);
    let at = front(config, &Proxy::start(server, None).at);
    (format!("https://localhost:{}", at.port()), path("ca.pem"))
}

#[test]
fn a_proxy_may_be_spoken_to_through_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let steps = vec![Step::Say(OK.to_vec())];
    let server = Scripted { steps, end: End::Close, ..Scripted::default() }.serve().to_string();
    let (proxy, ca) = secret_proxy(folder.path(), &server);
    let there = format!("http://{server}/x");
    let trusted = ["--proxy-cacert", &ca, "-x", &proxy];
    let through = |more: &[&str], code| both(&[&trusted[..], more].concat(), folder.path(), code);
    // Nobody but the proxy knows that host.
    assert_eq!(out(&through(&["http://a.invalid/x"], 0)), "ok\n");
    assert_eq!(out(&through(&["-p", &there], 0)), "ok\n");
    // TLS to the server goes within that to the proxy, and each has its own trust.
    let (port, _) = secure(folder.path(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    let secret = format!("https://localhost:{port}/");
    assert_eq!(out(&through(&["--cacert", &ca, &secret], 0)), "ok\n");
    assert_eq!(out(&through(&["-k", &secret], 0)), "ok\n");
    // curl 7.88 says 35 of that handshake, and not that it was the certificate.
    let refused = get(&[&trusted[..], &[&secret]].concat(), folder.path());
    assert_eq!(refused.status.code(), Some(60), "{}", said(&refused));
    let insecure = ["--proxy-insecure", "-x", &proxy, "http://a.invalid/"];
    assert_eq!(out(&both(&insecure, folder.path(), 0)), "ok\n");
    both(&["-k", "--cacert", &ca, "-x", &proxy, "http://a.invalid/"], folder.path(), 60);
    let key = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    // Of ours alone: what other programs do about keys of proxies is theirs.
    let pinned = ["--proxy-pinnedpubkey", key, "http://a.invalid/"];
    let refused = get(&[&trusted[..], &pinned].concat(), folder.path());
    assert_eq!(refused.status.code(), Some(90), "{}", said(&refused));
    both(&["--proxy-cacert", "missing.pem", "-x", &proxy, "http://a.invalid/"], folder.path(), 77);
}

#[test]
fn a_proxy_without_tls_is_not_the_servers_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = Proxy::start("127.0.0.1:1", None);
    let words = ["-x", &format!("https://{}", plain.at), "--proxy-insecure", "https://a.invalid/"];
    let refused = get(&words, folder.path());
    assert_eq!(refused.status.code(), Some(35), "{}", said(&refused));
    let told = said(&refused);
    assert!(told.contains(&format!("the proxy https://{}", plain.at)), "{told}");
    assert!(!told.contains("with a.invalid"), "{told}");
}

fn on_unix(listener: UnixListener) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let _ = tell.send(String::from_utf8_lossy(&request[..length]).into_owned());
            let _ = stream.write_all(OK);
        }
    });
    told
}

#[test]
fn a_unix_socket_stands_in_for_every_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let asked = on_unix(UnixListener::bind(&path).expect("a socket"));
    let text = path.display().to_string();
    let format = "%{http_code} %{num_connects} %{size_download}\n";
    for url in ["http://nosuch.invalid/x", "http://192.0.2.1:81/x"] {
        let got = both(&["--unix-socket", &text, "-w", format, url], folder.path(), 0);
        assert_eq!(out(&got), "ok\n200 1 3\n");
        assert!(asked.recv().expect("a request").starts_with("GET /x HTTP/1.1\r\nHost: "));
    }
    let name = format!("roundtrip-test-{}", std::process::id());
    let address = UnixAddr::from_abstract_name(&name).expect("a name");
    let _asked = on_unix(UnixListener::bind_addr(&address).expect("a socket"));
    both(&["--abstract-unix-socket", &name, "http://nosuch.invalid/"], folder.path(), 0);
    let missing = folder.path().join("missing").display().to_string();
    let got = both(&["--unix-socket", &missing, "http://nosuch.invalid/"], folder.path(), 7);
    assert!(said(&got).contains(&missing) && said(&got).contains("No such file"), "{}", said(&got));
    assert!(!said(&got).contains("0.0.0.0"), "{}", said(&got));
}

#[test]
fn a_record_of_a_unix_socket_claims_no_packets() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let _asked = on_unix(UnixListener::bind(&path).expect("a socket"));
    let text = path.display().to_string();
    let run = folder.path().join("run").display().to_string();
    let got =
        get(&["--unix-socket", &text, "--out", &run, "-v", "http://a.invalid/"], folder.path());
    assert_eq!((got.status.code(), out(&got)), (Some(0), "ok\n".into()), "{}", said(&got));
    assert!(said(&got).contains("Connected to the Unix domain socket"), "{}", said(&got));
    let events = roundtrip_record::Folder::open(&run).expect("a record").events().expect("events");
    let events: Vec<_> = events.filter_map(Result::ok).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event.what.kind()).collect();
    assert!(kinds.contains(&"http.request"), "{kinds:?}");
    assert!(!kinds.iter().any(|kind| kind.starts_with("tcp.")), "{kinds:?}");
}

/// A server that answers every connection with the address it came from.
fn mirror() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let at = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let from = stream.peer_addr().map(|at| at.to_string()).unwrap_or_default();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{from}",
                from.len()
            );
        }
    });
    at
}

#[test]
fn connections_leave_as_they_are_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("http://{}/", mirror());
    let from = |arguments: &[&str]| {
        let got = get(&[arguments, &[&url]].concat(), folder.path());
        assert_eq!(got.status.code(), Some(0), "{arguments:?}: {}", said(&got));
        out(&got).parse::<SocketAddr>().expect("an address")
    };
    assert_eq!(from(&["--interface", "127.0.0.9"]).ip().to_string(), "127.0.0.9");
    assert_eq!(from(&["--interface", "host!127.0.0.8"]).ip().to_string(), "127.0.0.8");
    assert_eq!(from(&["--interface", "lo"]).ip().to_string(), "127.0.0.1");
    assert_eq!(from(&["--interface", "if!lo"]).ip().to_string(), "127.0.0.1");
    let ports = from(&["--local-port", "41000-41900"]).port();
    assert!((41000..=41900).contains(&ports), "{ports}");
    for interface in ["nosuch0", "192.0.2.1", "if!nosuch0"] {
        let got = get(&["--interface", interface, &url], folder.path());
        assert_eq!(got.status.code(), Some(45), "{interface}: {}", said(&got));
        assert!(said(&got).contains(interface), "{}", said(&got));
        if let Some(theirs) = curl(&["--interface", interface, &url], folder.path()) {
            assert_eq!(theirs.status.code(), Some(45), "{interface}: {}", said(&theirs));
        }
    }
    let taken = TcpListener::bind(("0.0.0.0", 0)).expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let got = get(&["--local-port", &port, &url], folder.path());
    assert_eq!(got.status.code(), Some(45), "{}", said(&got));
    for (option, value) in [("--interface", "lo"), ("--local-port", "4000"), ("--unix-socket", "s")]
    {
        let arguments = [option, value, "--net", "cable", "http://www.postcards.example/"];
        let got = get(&arguments, folder.path());
        assert_eq!(got.status.code(), Some(2), "{option}: {}", said(&got));
        assert!(said(&got).contains(option), "{}", said(&got));
    }
}

/// A server of https on `localhost` that says this to everybody, and what trusts it.
fn secure(folder: &Path, answer: &str) -> (u16, String) {
    if !folder.join("ca.pem").exists() {
        identity::write(folder, &[Kind::Good]);
    }
    let path = |name: &str| folder.join(name).display().to_string();
    let script = Scripted {
        steps: vec![Step::Say(answer.as_bytes().to_vec())],
        end: End::Close,
        tls: Some(tls(&path("Good.pem"), &path("Good.key"), None)),
        ..Scripted::default()
    };
    (script.serve().port(), path("ca.pem"))
}

#[test]
fn a_server_must_have_the_key_that_was_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, ca) = secure(folder.path(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    let url = format!("https://localhost:{port}/");
    let other = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let refused = both(&["--cacert", &ca, "--pinnedpubkey", other, &url], folder.path(), 90);
    let words = said(&refused);
    let shown = words.split("sha256//").nth(1).expect("the server's hash");
    let own = format!("sha256//{}", &shown[..44]);
    both(&["--cacert", &ca, "--pinnedpubkey", &own, &url], folder.path(), 0);
    both(&["-k", "--pinnedpubkey", &format!("{other};{own}"), &url], folder.path(), 0);
    both(&["-k", "--pinnedpubkey", other, &url], folder.path(), 90);
    both(&["--cacert", &ca, "--pinnedpubkey", "missing.pem", &url], folder.path(), 90);
    // A key does not stand in place of trust.
    both(&["--pinnedpubkey", &own, &url], folder.path(), 60);
    let key = folder.path().join("Good.key");
    let public = rcgen::KeyPair::from_pem(&fs::read_to_string(key).expect("a key"));
    let public = public.expect("a key").public_key_pem();
    fs::write(folder.path().join("public.pem"), public).expect("written");
    both(&["--cacert", &ca, "--pinnedpubkey", "public.pem", &url], folder.path(), 0);
}

#[test]
fn what_is_offered_can_be_limited() {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, ca) = secure(folder.path(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    let url = format!("https://localhost:{port}/");
    let with =
        |more: &[&str], code| both(&[&["--cacert", &ca, &url], more].concat(), folder.path(), code);
    for cipher in ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384"] {
        let got = with(&["-v", "--tls-max", "1.2", "--ciphers", cipher], 0);
        let name = if cipher.contains("CHACHA") {
            "CHACHA20_POLY1305_SHA256"
        } else {
            "AES_256_GCM_SHA384"
        };
        assert!(said(&got).contains(&format!("TLS_ECDHE_ECDSA_WITH_{name}")), "{}", said(&got));
    }
    let got = with(&["-v", "--tls13-ciphers", "TLS_CHACHA20_POLY1305_SHA256"], 0);
    assert!(said(&got).contains("TLS_CHACHA20_POLY1305_SHA256"), "{}", said(&got));
    with(&["--curves", "P-384"], 0);
    // A server with a key of ECDSA has no suite of RSA.
    with(&["--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256"], 35);
    for (option, value) in
        [("--ciphers", "nosuch"), ("--tls13-ciphers", "nosuch"), ("--curves", "nosuch")]
    {
        let got = with(&[option, value], 59);
        assert!(said(&got).contains(option) && said(&got).contains("there are"), "{}", said(&got));
    }
}

/// A file without its notes, and without the seconds of dates, which differ from run to run.
fn book(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a file");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let cut = |line: &str| match line.rfind(':') {
        Some(at) if line.len() >= at + 3 => format!("{}{}", &line[..at], &line[at + 3..]),
        _ => line.to_owned(),
    };
    lines.map(cut).collect()
}

#[test]
fn hosts_that_want_https_are_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=6000000; includeSubDomains\r\nContent-Length: 3\r\n\r\nok\n";
    let (port, ca) = secure(folder.path(), answer);
    let (safe, plain) = (format!("https://localhost:{port}/"), format!("http://localhost:{port}/"));
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let in_the_clear = get(&["--cacert", &ca, &plain], folder.path());
    assert_ne!(in_the_clear.status.code(), Some(0), "TLS is spoken there");
    let by_curl: fn(&[&str], &Path) -> Output =
        |arguments, folder| curl(arguments, folder).unwrap_or_else(|| get(arguments, folder));
    for (path, run) in [(&ours, get as fn(&[&str], &Path) -> Output), (&theirs, by_curl)] {
        let file = path.display().to_string();
        for url in [&safe, &plain] {
            let got =
                run(&["--cacert", &ca, "--hsts", &file, "-w", "%{scheme}", url], folder.path());
            assert_eq!(out(&got).to_lowercase(), "ok\nhttps", "{url}: {}", said(&got));
        }
    }
    assert_eq!(book(&ours), book(&theirs));
    assert!(book(&ours)[0].starts_with(".localhost \""), "{:?}", book(&ours));
    // A redirect to what wants https leads there at once.
    let moved = format!("HTTP/1.1 302 Moved\r\nLocation: {plain}\r\nContent-Length: 0\r\n\r\n");
    let server = Script::start(&[moved.as_bytes(), moved.as_bytes()]);
    let file = ours.display().to_string();
    let from = format!("http://{}/", server.at);
    let got = both(&["-L", "--cacert", &ca, "--hsts", &file, &from], folder.path(), 0);
    assert_eq!(out(&got), "ok\n");
}

#[test]
fn hosts_are_asked_where_else_they_can_be_had() {
    let folder = tempfile::tempdir().expect("a folder");
    let (other, ca) = secure(folder.path(), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nother\n");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nAlt-Svc: h1=\"localhost:{other}\"; ma=6000000\r\nContent-Length: 4\r\n\r\nown\n"
    );
    let (port, _) = secure(folder.path(), &answer);
    let url = format!("https://localhost:{port}/");
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let text = |path: &Path| path.display().to_string();
    let with = |file: &Path| {
        vec!["--cacert".to_owned(), ca.clone(), "--alt-svc".into(), text(file), url.clone()]
    };
    let words = |file: &Path, run: fn(&[&str], &Path) -> Output| {
        let all = with(file);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        out(&run(&all, folder.path()))
    };
    assert_eq!(words(&ours, get), "own\n");
    assert_eq!(words(&ours, get), "other\n");
    if has("curl") {
        let by_curl: fn(&[&str], &Path) -> Output =
            |arguments, folder| curl(arguments, folder).expect("curl");
        assert_eq!(words(&theirs, by_curl), "own\n");
        assert_eq!(words(&theirs, by_curl), "other\n");
        assert_eq!(book(&ours), book(&theirs));
        // Each reads what the other has written.
        assert_eq!(words(&theirs, get), "other\n");
    }
}

/// What a trace tells but for what each client says of itself.
fn traced(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a trace");
    let own = |line: &&str| !line.contains("== Info");
    text.lines().filter(own).map(str::to_owned).collect()
}

#[test]
fn a_trace_has_every_byte_as_curls_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for (option, more) in [
        ("--trace-ascii", &["-d", "one=1&two=2"][..]),
        ("--trace", &["-d", "one=1&two=2"]),
        (
            "--trace",
            &[
                "-H",
                "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ],
        ),
        ("--trace-ascii", &["-I"]),
    ] {
        let mut all = Vec::new();
        for (name, program) in [("ours", ROUNDTRIP), ("theirs", "curl")] {
            if program == "curl" && !has("curl") {
                continue;
            }
            // Each has a server of its own at the same port, so that the bytes are the same.
            let answer: &[u8] =
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: b\r\nConnection: close\r\n\r\nok\n";
            let server = Script::start(&[answer]);
            let file = folder.path().join(name).display().to_string();
            let url = format!("http://{}/x", server.at);
            let first: &[&str] = if program == "curl" { &[] } else { &["get"] };
            let rest = ["-s", "-A", "a", "-H", "Host: a", option, &file, &url];
            let got = run(program, &[first, &rest, more].concat(), folder.path());
            assert_eq!(got.status.code(), Some(0), "{option}: {}", said(&got));
            all.push(traced(&folder.path().join(name)));
        }
        assert!(all[0].iter().any(|line| line.starts_with("=> Send header, ")), "{:?}", all[0]);
        assert!(
            all[0].iter().any(|line| line.starts_with("<= Recv header, 17 bytes (0x11)")),
            "{all:?}"
        );
        if let [ours, theirs] = &all[..] {
            assert_eq!(ours, theirs, "{option} {more:?}");
        }
    }
    let server = Script::start(&[OK]);
    let url = format!("http://{}/x", server.at);
    let got = get(&["--trace-ascii", "%", "--trace-time", &url], folder.path());
    let info =
        said(&got).lines().find(|line| line.contains("== Info: Connected")).map(str::to_owned);
    let info = info.unwrap_or_else(|| panic!("{}", said(&got)));
    assert!(info.as_bytes()[2] == b':' && info.as_bytes()[8] == b'.', "{info}");
}

#[test]
fn a_time_that_is_up_names_the_step_that_took_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let silent = std::net::UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
    let dns = silent.local_addr().expect("an address").to_string();
    let hangs = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = hangs.local_addr().expect("an address").port();
    let (plain, safe) = (format!("http://127.0.0.1:{port}/"), format!("https://127.0.0.1:{port}/"));
    let proxy = format!("http://127.0.0.1:{port}");
    let socks = format!("socks5h://127.0.0.1:{port}");
    for (arguments, words) in [
        (&["--dns", dns.as_str(), "http://a.example/"][..], "the name was still being looked up"),
        (&[&safe], "the TLS handshake was not over"),
        (&["-x", &proxy, &safe], "the connection was not open yet"),
        (&["-x", &socks, &plain], "the connection was not open yet"),
        (&[&plain], "the request was sent, and no answer had come"),
    ] {
        let got = run(ROUNDTRIP, &[&["get", "-sS", "-m", "1"], arguments].concat(), folder.path());
        assert_eq!(got.status.code(), Some(28), "{arguments:?}: {}", said(&got));
        assert!(said(&got).contains(words), "{arguments:?}: {}", said(&got));
    }
}

#[test]
fn a_name_that_nobody_was_asked_for_is_told_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, words, not) in [
        ("no-such.invalid", "nobody was asked (RFC 6761", "private name"),
        ("a..test", "nobody was asked", "nsswitch"),
        (&format!("{}.test", "a".repeat(64)), "labels of at most 63 bytes", "nsswitch"),
    ] {
        let told = run(
            ROUNDTRIP,
            &["visit", "--no-picture", "--out", "run", &format!("http://{name}/")],
            folder.path(),
        );
        let told = out(&told) + &said(&told);
        assert!(!told.contains(not), "{told}");
        let told = run(ROUNDTRIP, &["resolve", name, "-v"], folder.path());
        assert_eq!(told.status.code(), Some(6), "{name}");
        let told = out(&told) + &said(&told);
        assert!(told.contains(words) && !told.contains(not), "{told}");
    }
}

#[test]
fn a_visit_whose_time_is_up_tells_where_the_page_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let silent = std::net::UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
    let dns = silent.local_addr().expect("an address").to_string();
    let hangs = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = hangs.local_addr().expect("an address").port();
    let (plain, safe) = (format!("http://127.0.0.1:{port}/"), format!("https://127.0.0.1:{port}/"));
    let proxy = format!("http://127.0.0.1:{port}");
    let says = |body: &str, length: usize| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length:";
        let answer = format!("{head} {length}\r\n\r\n{body}");
        let steps = vec![Step::Say(answer.into_bytes())];
        format!("http://{}/", Scripted { steps, end: End::Stay, ..Scripted::default() }.serve())
    };
    let page = format!("<!doctype html><img src='{plain}slow.png'>");
    let (stalls, waits) = (says("<p>half", 99), says(&page, page.len()));
    for (number, (arguments, step, words)) in [
        (&["--dns", dns.as_str(), "http://a.example/"][..], "name", "most of it was name"),
        (&[&safe], "tls", "most of it was tls"),
        (&["-x", &proxy, &safe], "connect", "most of it was connect"),
        (&[&plain], "wait", "most of it was wait"),
        (&[&stalls], "body", "7 B had arrived"),
        (&[&stalls], "body", "most of it was body"),
        (&[&waits], "page", "slow.png had not been answered after"),
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("run{number}");
        let words_of = ["visit", "--no-picture", "-m", "1", "--out", &out];
        let visited = run(ROUNDTRIP, &[&words_of[..], arguments].concat(), folder.path());
        let told = self::out(&visited);
        assert_eq!(visited.status.code(), Some(28), "{arguments:?}: {told}");
        assert!(told.starts_with(&format!("✗ {step} ")), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}
