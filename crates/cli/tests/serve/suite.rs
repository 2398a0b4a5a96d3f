//! What a server of files answers, case by case: `suite.txt`.

use super::raw;
use super::site::Site;

const CASES: &str = include_str!("suite.txt");

/// The files that the cases are about.
fn files() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("site/index.html", b"<!DOCTYPE html><p>home"),
        ("site/a.txt", b"0123456789abcdef\n"),
        ("site/empty.txt", b""),
        ("site/page.html", b"<p>page"),
        ("site/sub/index.html", b"<p>sub"),
        ("site/sub/deep/x.txt", b"deep"),
        ("site/plain/f.txt", b"f"),
        ("site/.hidden", b"hidden"),
        ("site/.git/config", b"git"),
        ("site/.well-known/x.txt", b"known"),
        ("site/sp ace.txt", b"space"),
        ("site/\u{e4}.txt", b"umlaut"),
        ("site/100%.txt", b"percent"),
        ("site/a+b.txt", b"plus"),
        ("site/q?m.txt", b"mark"),
        ("site/x#y.txt", b"hash"),
        ("site/noext", b"text"),
        ("site/binary", b"\x7fELF\0\x01"),
        ("site/app.js", b"let a = 1"),
        ("site/mod.mjs", b"export {}"),
        ("site/style.css", b"a{}"),
        ("site/data.json", b"{}"),
        ("site/pic.png", b"\x89PNG"),
        ("site/photo.jpg", b"\xff\xd8"),
        ("site/anim.gif", b"GIF89a"),
        ("site/new.webp", b"RIFF"),
        ("site/draw.svg", b"<svg/>"),
        ("site/icon.ico", b"\0\0"),
        ("site/font.woff2", b"wOF2"),
        ("site/code.wasm", b"\0asm"),
        ("site/doc.pdf", b"%PDF"),
        ("site/movie.mp4", b"\0\0\0"),
        ("site/sound.mp3", b"ID3"),
        ("site/feed.xml", b"<a/>"),
        ("site/pack.tar.gz", b"\x1f\x8b"),
        ("site/a.webmanifest", b"{}"),
    ]
}

/// One case: a request, and what its answer must be.
struct Case<'a> {
    line: usize,
    request: String,
    status: &'a str,
    /// `Name: value` must be there, `Name` with any value; `!Name` must not.
    fields: Vec<&'a str>,
    /// `-`: any.
    body: &'a str,
}

impl<'a> Case<'a> {
    /// `METHOD TARGET [VERSION] | FIELDS | STATUS | FIELDS | BODY`
    fn parse(line: usize, text: &'a str) -> Self {
        let parts: Vec<&str> = text.split(" | ").map(str::trim).collect();
        let [asked, more, status, fields, body] = parts[..] else { panic!("line {line}: {text}") };
        let words: Vec<&str> = asked.split(' ').collect();
        let (method, target) = (words[0], words[1]);
        let version = words.get(2).copied().unwrap_or("HTTP/1.1");
        let mut request = format!("{method} {target} {version}\r\n");
        let more: Vec<&str> = more.split(" ; ").filter(|field| *field != "-").collect();
        if version == "HTTP/1.1" && !more.iter().any(|field| field.contains("Host")) {
            request.push_str("Host: a.test\r\n");
        }
        if !more.iter().any(|field| field.starts_with("Connection")) {
            request.push_str("Connection: close\r\n");
        }
        for field in more.iter().filter(|field| **field != "!Host") {
            request.push_str(field);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let fields = fields.split(" ; ").filter(|field| *field != "-").collect();
        Self { line, request, status, fields, body }
    }

    /// What is wrong with an answer.
    fn wrong(&self, answer: &str) -> Option<String> {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let status = head.split(' ').nth(1).unwrap_or_default();
        if status != self.status {
            return Some(format!("{status} in place of {}", self.status));
        }
        let values = |name: &str| {
            let pairs = head.lines().filter_map(|line| line.split_once(": "));
            let own = pairs.filter(|(own, _)| own.eq_ignore_ascii_case(name));
            own.map(|(_, value)| value).collect::<Vec<_>>()
        };
        for field in &self.fields {
            let fits = match (field.strip_prefix('!'), field.split_once(": ")) {
                (Some(name), _) => values(name).is_empty(),
                (None, Some((name, value))) => values(name) == [value],
                (None, None) => values(field).len() == 1,
            };
            if !fits {
                return Some(format!("{field}: {head}"));
            }
        }
        let expected = self.body.replace("\\n", "\n").replace("(none)", "");
        (self.body != "-" && body != expected).then(|| format!("body {body:?}"))
    }
}

#[test]
fn each_case_is_answered_as_it_should_be() {
    let site = Site::start(&files(), &[]);
    let lines = CASES.lines().enumerate().map(|(at, line)| (at + 1, line));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let cases: Vec<Case<'_>> = lines.map(|(at, line)| Case::parse(at, line)).collect();
    assert!(cases.len() >= 120, "{}", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let answer = raw(&site.at, case.request.as_bytes());
            let why = case.wrong(&answer)?;
            Some(format!("line {}: {:?} → {why}", case.line, case.request))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
