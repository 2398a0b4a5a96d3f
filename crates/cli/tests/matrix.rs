//! The fault matrix: broken servers, each visited by `visit` and asked by `get`. What a person is
//! told of each is a snapshot: the step, the cause, and what to do next; and nothing is told twice in
//! one run.

mod common;
mod peer;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use common::{Roundtrip, Run, events};
use peer::identity::{self, Kind};
use peer::scripted::{End, NameServer, Script, Step, tls};
use roundtrip_report::{Finding, Model};

const SERVERS: &str = include_str!("matrix/servers.txt");

/// One broken server, as the file has it.
#[derive(Default)]
struct Case {
    name: String,
    url: Option<String>,
    /// Options of both commands, of `visit` alone, of `get` alone.
    options: [Vec<String>; 3],
    tls: Option<(String, Option<String>)>,
    script: Script,
    dns: Option<NameServer>,
    /// The scheme of the proxy that the server is.
    proxy: Option<String>,
    /// Whether no server listens.
    nobody: bool,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in SERVERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_end_matches(']').to_owned();
            cases.push(Case { name, ..Case::default() });
        } else {
            cases.last_mut().expect("a block").read(line);
        }
    }
    cases
}

impl Case {
    fn read(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split(' ').map(str::to_owned);
        match word {
            "url" => self.url = Some(rest.to_owned()),
            "with" => self.options[0].extend(words()),
            "visit" => self.options[1].extend(words()),
            "get" => self.options[2].extend(words()),
            "tls" => {
                let mut words = words();
                self.tls = words.next().map(|kind| (kind, words.next()));
            }
            "greet" => self.script.greeting = bytes(rest),
            "say" => self.script.steps.push(Step::Say(bytes(rest))),
            "frame" => self.script.steps.push(Step::Say(frame(rest))),
            "many" => {
                let (count, text) = rest.split_once(' ').expect("a count");
                let count = count.parse().expect("a number");
                self.script.steps.push(Step::Say(bytes(text).repeat(count)));
            }
            "pause" => self.script.steps.push(Step::Pause(rest.parse().expect("milliseconds"))),
            "close" => self.script.end = End::Close,
            "reset" => self.script.end = End::Reset,
            "stay" => self.script.end = End::Stay,
            "cut" => self.script.end = End::Cut,
            "dns" if rest == "silent" => self.dns = Some(NameServer::Silent),
            "dns" => {
                let mut words = words();
                let code = words.next().and_then(|code| code.parse().ok()).expect("a code");
                self.dns = Some(NameServer::Answers { code, alias: words.next() });
            }
            "proxy" if rest.is_empty() => self.proxy = Some("http".into()),
            "proxy" => self.proxy = Some(rest.to_owned()),
            "nobody" => self.nobody = true,
            _ => panic!("{}: {line}", self.name),
        }
    }

    /// Starts the server, and returns the URL and the options of both commands.
    fn start(&self, pem: &Path) -> (String, Vec<String>) {
        let mut options = self.options[0].clone();
        let file = |name: &str| pem.join(name).display().to_string();
        let mut script = self.script.clone();
        if let Some((kind, alpn)) = &self.tls {
            let path = |end: &str| file(&format!("{kind}.{end}"));
            script.tls = Some(tls(&path("pem"), &path("key"), alpn.as_deref()));
            options.extend(["--cacert".into(), file("ca.pem")]);
        }
        let at = if self.nobody { nobody() } else { script.serve() };
        if let Some(scheme) = &self.proxy {
            let at =
                if scheme == "https" { format!("localhost:{}", at.port()) } else { at.to_string() };
            options.extend(["-x".into(), format!("{scheme}://{at}")]);
        }
        if let Some(server) = &self.dns {
            options.extend(["--dns".into(), server.clone().serve().to_string()]);
        }
        let secure = self.tls.is_some().then(|| format!("https://localhost:{}/", at.port()));
        let url = match &self.url {
            Some(url) => url.replace("PORT", &at.port().to_string()),
            None => secure.unwrap_or_else(|| format!("http://{at}/")),
        };
        (url, options)
    }
}

/// An address that nobody listens at.
fn nobody() -> SocketAddr {
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    free.local_addr().expect("an address")
}

/// The bytes of a text with escapes.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, true) => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b'x') => {
                    let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                    let digits = std::str::from_utf8(&digits).expect("digits");
                    u8::from_str_radix(digits, 16).expect("hexadecimal")
                }
                other => panic!("an escape of {other:?}"),
            },
            (byte, false) => byte,
        });
    }
    bytes
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(text: &str) -> Vec<u8> {
    let mut words = text.splitn(4, ' ');
    let mut number =
        || u8::from_str_radix(words.next().expect("a number"), 16).expect("hexadecimal");
    let (kind, flags, stream) = (number(), number(), number());
    let payload = words.next().map(bytes).unwrap_or_default();
    let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    frame.extend(payload);
    frame
}

/// Chains and keys of all kinds; openssl makes what no library makes any more.
fn certificates(pem: &Path) {
    use Kind::{Early, Elsewhere, Expired, ForClients, Good, Itself, Unknown};
    identity::write(pem, &[Good, Expired, Early, Elsewhere, Itself, Unknown, ForClients]);
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-subj", "/CN=localhost", "-days", "30"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-CA", "ca.pem", "-CAkey", "ca.key"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-newkey", "rsa:2048", "-sha1"])
        .args(["-keyout", "Sha1.key", "-out", "Sha1.pem"])
        .current_dir(pem)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// What is told of one server.
fn told(case: &Case, pem: &Path) -> Result<String, String> {
    let roundtrip = Roundtrip::new();
    let (url, options) = case.start(pem);
    let out = roundtrip.folder("run");
    let run = |first: &[&str], more: &[String]| {
        let all = options.iter().chain(more).map(String::as_str);
        let arguments: Vec<&str> = first.iter().copied().chain(all).chain([url.as_str()]).collect();
        roundtrip.run(&arguments)
    };
    // Packets are seen by root alone, and the snapshot is for everybody.
    let plain = ["visit", "--out", &out, "--stall-timeout", "1", "--capture", "none"];
    let visit = run(&plain, &case.options[1]);
    // In the lab waiting takes no time.
    let patience = if options.iter().any(|option| option == "--net") { "60" } else { "2" };
    let get = run(&["get", "-sS", "-L", "-m", patience], &case.options[2]);
    if !Path::new(&out).join("record.jsonl").is_file() {
        return Err(format!("{}: no record: {}", case.name, visit.err()));
    }
    let model = Model::new(events(&out));
    let mut text = format!("== {}\nvisit exits {}\n", case.name, visit.exit());
    let mut problems = Vec::new();
    for finding in &model.findings {
        text += &finding_text(finding);
        if finding.next.is_empty() || finding.headline.is_empty() {
            problems.push("a finding without a headline or a next step".to_owned());
        }
    }
    let _ =
        write!(text, "get exits {}\n  {}\n", get.exit(), get.err().trim().replace('\n', "\n  "));
    for (command, run) in [("visit", &visit), ("get", &get)] {
        problems.extend(repeated(run).map(|line| format!("{command} prints twice: {line}")));
        if run.err().contains("panicked") {
            problems.push(format!("{command} panics: {}", run.err()));
        }
    }
    if problems.is_empty() {
        return Ok(steady(&text));
    }
    Err(format!("{}: {}\n{}", case.name, problems.join("; "), visit.out()))
}

fn finding_text(finding: &Finding) -> String {
    let mut text = format!("  {} {}\n", finding.step.name(), finding.headline);
    for line in finding.evidence.iter().chain(&finding.meaning) {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text, "    next: {}\n    {} exit {}", finding.next, finding.nel, finding.exit);
    text
}

/// A sentence that a run prints more than once, on lines of its own or within them; rows of the table are
/// no sentences.
fn repeated(run: &Run) -> Option<String> {
    let text = format!("{}\n{}", run.out(), run.err());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.contains('●')) {
        for sentence in line.split("; ").flat_map(|part| part.split(". ")) {
            let words: Vec<&str> = sentence.split_whitespace().collect();
            if words.len() >= 5 {
                *seen.entry(words.join(" ")).or_default() += 1;
            }
        }
    }
    seen.into_iter().find(|(_, times)| *times > 1).map(|(sentence, _)| sentence)
}

/// The text without what differs from run to run: ports, times, dates and shares of the time.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let (shown, left) = match changing(before, number, after) {
            Some((shown, taken)) => (shown, &after[taken..]),
            None => (number, after),
        };
        steady += before;
        steady += shown;
        rest = left;
    }
    // Whether a time is shown depends on how long it was; and where a machine is busy, the kernel can be asked
    // for the state of our end before it has taken the FIN that was seen.
    (steady + rest).replace(" in TIME", "").replace(" (begun at +TIME)", "").replace(
        "our end is ESTABLISHED, our window 65 536, FIN came",
        "our end is CLOSE_WAIT, our window 65 536, FIN came",
    )
}

/// What stands for a number that differs from run to run, and the bytes after it that go with it.
fn changing(before: &str, number: &str, after: &str) -> Option<(&'static str, usize)> {
    if before.ends_with(|letter: char| letter.is_alphanumeric()) {
        return None;
    }
    let date = "2026-11-28 12:53Z".len() - number.len();
    if number.len() == 4 && after.get(date - 1..date) == Some("Z") {
        return Some(("DATE", date));
    }
    for (unit, shown) in [(" ms", "TIME"), (" s", "TIME"), (" µs", "TIME"), ("%", "SHARE")] {
        let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric);
        if after.strip_prefix(unit).is_some_and(ends) {
            return Some((shown, unit.len()));
        }
    }
    let whole = !number.contains('.');
    (whole && number.len() >= 5).then_some((if number.len() == 5 { "PORT" } else { "N" }, 0))
}

#[test]
fn each_broken_server_is_told_as_what_it_is() {
    if !common::has("openssl") {
        return;
    }
    let pem = tempfile::tempdir().expect("a folder");
    certificates(pem.path());
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut results: Vec<(usize, Result<String, String>)> = std::thread::scope(|scope| {
        let worker = || {
            let mut told_here = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(case) = cases.get(at) else { return told_here };
                told_here.push((at, told(case, pem.path())));
            }
        };
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    results.sort_by_key(|(at, _)| *at);
    let problems: Vec<&str> =
        results.iter().filter_map(|(_, told)| told.as_ref().err().map(String::as_str)).collect();
    let told: Vec<String> = results.iter().filter_map(|(_, told)| told.clone().ok()).collect();
    insta::assert_snapshot!("matrix", told.join("\n"));
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// A page whose pictures are all cut inside their heads.
fn cut_pictures() -> SocketAddr {
    use std::io::{Read as _, Write as _};

    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let at = listener.local_addr().expect("an address");
    let pictures = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("<img src=/{n}.png>")).concat();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let answer = if request[..length].starts_with(b"GET / ") {
                let length = pictures.len();
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{pictures}"
                )
            } else {
                "HTTP/1.1 200 OK\r\nContent-Le".to_owned()
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    at
}

#[test]
fn what_nine_pictures_have_in_common_is_told_once() {
    let roundtrip = Roundtrip::new();
    let url = format!("http://{}/", cut_pictures());
    let run = roundtrip.run(&["visit", "--no-picture", "--capture", "none", &url]);
    assert_eq!(repeated(&run), None, "{}", run.out());
    assert!(run.out().contains("and 8 more like it"), "{}", run.out());
    assert_eq!(run.out().matches("also /").count(), 1, "{}", run.out());
}
