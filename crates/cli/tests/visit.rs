//! What `visit` sends: cookies, credentials, and by which way.

mod common;
mod peer;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::{Roundtrip, Run};
use peer::proxy::Proxy;

/// A server of one page behind a redirect, which keeps what it was asked.
struct Shop {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                // Who closes early has what it came for.
                let _ = answer(&stream, port, &kept);
            }
        });
        Self { port, heads }
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.port)
    }

    /// What was asked since this was last called: target and host, and these fields.
    fn asked(&self, fields: &[&str]) -> Vec<String> {
        let heads = core::mem::take(&mut *self.heads.lock().expect("no panic"));
        let mut asked: Vec<String> = heads
            .iter()
            .map(|head| {
                let mut told = head.split(' ').nth(1).unwrap_or_default().to_owned();
                for name in ["Host"].iter().chain(fields) {
                    let value = head
                        .lines()
                        .find_map(|line| line.split_once(": ").filter(|(known, _)| known == name));
                    let value = value.map_or("-", |(_, value)| value);
                    told.push(' ');
                    told.push_str(&value.replace(&self.port.to_string(), "PORT"));
                }
                told
            })
            .collect();
        // What a page needs is asked for at one time.
        asked.sort();
        asked
    }
}

fn answer(stream: &TcpStream, port: u16, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = String::new();
    let mut input = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads.lock().expect("no panic").push(head);
    let (status, more, body) = match path.as_str() {
        "/" => (
            "302 Found",
            "Location: /page\r\nSet-Cookie: seen=1; Path=/\r\n".to_owned(),
            String::new(),
        ),
        "/page" => (
            "200 OK",
            "Content-Type: text/html\r\n".to_owned(),
            format!(
                "<title>x</title><link rel=stylesheet href=/own.css>\
                 <link rel=stylesheet href=http://localhost:{port}/other.css>"
            ),
        ),
        _ => ("200 OK", "Content-Type: text/css\r\n".to_owned(), "p { color: red }".to_owned()),
    };
    let mut output = stream;
    write!(
        output,
        "HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Runs the command without any proxy in its environment but these.
fn run(roundtrip: &Roundtrip, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundtrip"));
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_ascii_uppercase());
    }
    command.envs(variables.iter().copied());
    roundtrip.run_with(command, arguments)
}

#[test]
fn cookies_and_credentials_go_with_all_of_a_page() {
    let (roundtrip, shop) = (Roundtrip::new(), Shop::start());
    let url = shop.url("127.0.0.1");
    run(&roundtrip, &["visit", &url, "-u", "u:p", "-b", "given=1"], &[]).expect(0);
    let asked = shop.asked(&["Authorization", "Cookie"]);
    let own = "127.0.0.1:PORT Basic dTpw given=1";
    let mut expected = vec![format!("/ {own}")];
    if cfg!(feature = "page") {
        expected.push("/other.css localhost:PORT - -".into());
        expected.push(format!("/own.css {own}; seen=1"));
    }
    expected.push(format!("/page {own}; seen=1"));
    expected.sort();
    assert_eq!(asked, expected);

    // A file of cookies, as get -c writes it.
    let file = roundtrip.folder("cookies");
    let line =
        "127.0.0.1\tFALSE\t/page\tFALSE\t0\tkept\t1\nother.test\tFALSE\t/\tFALSE\t0\tnot\t1\n";
    std::fs::write(&file, line).expect("a file");
    run(&roundtrip, &["visit", &url, "--no-page", "-b", &file], &[]).expect(0);
    let pages = ["/ 127.0.0.1:PORT -", "/page 127.0.0.1:PORT kept=1; seen=1"];
    assert_eq!(shop.asked(&["Cookie"]), pages);
    let missing = roundtrip.folder("none");
    let refused = run(&roundtrip, &["visit", &url, "-b", &missing], &[]).expect(2);
    assert!(refused.err().contains("-b"), "{}", refused.err());
    assert!(shop.asked(&[]).is_empty());
}

#[test]
fn pages_are_reached_by_the_way_that_was_named() {
    let (roundtrip, shop) = (Roundtrip::new(), Shop::start());
    let proxy = Proxy::start(&format!("127.0.0.1:{}", shop.port), None);
    let through = |arguments: &[&str], variables: &[(&str, &str)]| {
        let url = shop.url("127.0.0.1");
        let arguments = [&["visit", &url, "--no-page"], arguments].concat();
        run(&roundtrip, &arguments, variables).expect(0);
        shop.asked(&["Via"])
    };
    let with = ["/ 127.0.0.1:PORT 1.1 test", "/page 127.0.0.1:PORT 1.1 test"];
    let without = ["/ 127.0.0.1:PORT -", "/page 127.0.0.1:PORT -"];
    let at = proxy.at.as_str();
    assert_eq!(through(&["-x", at], &[]), with);
    assert_eq!(through(&[], &[("http_proxy", at)]), with);
    assert_eq!(through(&[], &[("ALL_PROXY", at)]), with);
    assert_eq!(through(&[], &[("http_proxy", at), ("NO_PROXY", "127.0.0.0/8")]), without);
    assert_eq!(through(&["--noproxy", "*"], &[("http_proxy", at)]), without);
    assert_eq!(through(&["-x", ""], &[("http_proxy", at)]), without);
    // A CGI program would have this one from whoever sends it a field called Proxy.
    assert_eq!(through(&[], &[("HTTP_PROXY", at)]), without);

    let pin = format!("named.test:{}:127.0.0.1", shop.port);
    let url = shop.url("named.test");
    run(&roundtrip, &["visit", &url, "--no-page", "--resolve", &pin], &[]).expect(0);
    assert_eq!(shop.asked(&[]), ["/ named.test:PORT", "/page named.test:PORT"]);
    // The replay is in the lab: neither that address nor the proxy is there.
    let more = ["--resolve", &pin, "-x", at, "--net", "lan"];
    let arguments = [&["visit", url.as_str(), "--no-page"], &more[..]].concat();
    let replayed = run(&roundtrip, &arguments, &[]).expect(0);
    assert!(replayed.verdict().starts_with("200 OK"), "{}", replayed.verdict());
}

#[test]
fn the_lab_refuses_what_it_cannot_do() {
    let roundtrip = Roundtrip::new();
    for (option, more) in [
        ("--proxy", &["-x", "127.0.0.1:1"][..]),
        ("--proxy-user", &["-U", "a:b"]),
        ("--proxytunnel", &["-p"]),
        ("--noproxy", &["--noproxy", "*"]),
        ("--cacert", &["--cacert", "/etc/hosts"]),
    ] {
        for command in
            [&["visit"][..], &["get", "-s", "http://www.postcards.example/", "--net", "lan"]]
        {
            let run = run(&roundtrip, &[command, more].concat(), &[]).expect(2);
            assert!(run.err().contains(option) && run.err().contains("lab"), "{}", run.err());
        }
    }
    // The environment is this machine's, not the lab's.
    let proxies = [("http_proxy", "127.0.0.1:1"), ("ALL_PROXY", "socks5://127.0.0.1:1")];
    let arguments = ["get", "-s", "http://www.postcards.example/", "--net", "lan"];
    assert!(run(&roundtrip, &arguments, &proxies).expect(0).out().contains("<html"));
    run(&roundtrip, &["visit", "--no-page", "--net", "lan"], &proxies).expect(0);
}

/// A field that is given stands in the place of the one that is sent by itself.
#[test]
fn a_field_that_is_given_is_sent_once() {
    let (roundtrip, shop) = (Roundtrip::new(), Shop::start());
    let url = shop.url("127.0.0.1");
    for browser in ["roundtrip", "chromium", "firefox"] {
        let given = ["-H", "Accept: text/x", "-H", "X-One: 1", "-H", "X-One: 2"];
        run(&roundtrip, &[&["visit", &url, "--as", browser][..], &given].concat(), &[]).expect(0);
        let heads = core::mem::take(&mut *shop.heads.lock().expect("no panic"));
        let first = heads.iter().find(|head| head.starts_with("GET / ")).expect("a request");
        let sent: Vec<&str> = first
            .lines()
            .filter(|line| line.starts_with("Accept: ") || line.starts_with("X-One: "))
            .collect();
        assert_eq!(sent, ["Accept: text/x", "X-One: 1", "X-One: 2"], "{browser}");
    }
}

#[test]
fn the_answer_is_the_headline_and_never_the_redirect() {
    let (roundtrip, shop) = (Roundtrip::new(), Shop::start());
    let url = shop.url("127.0.0.1");
    for command in [&["get", "-s", "-L", "-o", "/dev/null"][..], &["visit", "--no-page"]] {
        let arguments = [command, &[url.as_str(), "--format", "json"]].concat();
        let out = run(&roundtrip, &arguments, &[]).expect(0).out();
        let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(told["verdict"]["result"], "200 OK", "{command:?}");
        assert_eq!(told["verdict"]["subject"], format!("{url}page"));
        assert_eq!(told["chain"], serde_json::json!([1, 2]));
        let second = &told["exchanges"][1]["initiator"];
        assert!(second.to_string().contains("302"), "{second}");
    }
}
