//! The preload scanner against `tests/scan/*.txt`: markup, a line `----`, and what is found in
//! it. Every case is read whole and byte by byte. To add a case, add a file.

use std::fmt::Write as _;
use std::path::Path;

use roundtrip_page::{Blocks, Delivered, Initiator, Options, Page, Url};

/// What a page found, one line each.
fn found(page: &mut Page) -> String {
    let mut out = String::new();
    while let Some(fetch) = page.poll_fetch() {
        let line = match fetch.initiator {
            Initiator::Markup { line } => format!("line {line}"),
            Initiator::Style { .. } => "style".to_owned(),
            Initiator::Layout => "layout".to_owned(),
            Initiator::LinkField => "Link field".to_owned(),
            Initiator::EarlyHints => "103".to_owned(),
            Initiator::Script { .. } => "script".to_owned(),
        };
        let blocks = match fetch.blocks {
            Blocks::Render => " blocks render",
            Blocks::Parser => " blocks parser",
            Blocks::None => "",
        };
        let media = fetch.media.map(|media| format!(" media {media}")).unwrap_or_default();
        let url = &fetch.url;
        let (kind, priority) = (fetch.kind.name(), fetch.priority);
        writeln!(out, "{kind} {priority:?} {url} {line}{blocks}{media}").unwrap();
    }
    for listed in page.listed() {
        let (kind, url, line, why) = (listed.kind.name(), &listed.url, listed.line, listed.why);
        writeln!(out, "listed {kind} {url} line {line} {why:?}").unwrap();
    }
    for hint in page.hints() {
        writeln!(out, "hint {:?} {}", hint.reach, hint.url).unwrap();
    }
    if let Some(title) = page.title() {
        writeln!(out, "title {title}").unwrap();
    }
    out
}

fn scan(markup: &str, piece: usize) -> String {
    let url = Url::parse("http://a.example/dir/page.html").unwrap();
    let options =
        Options { content_type: Some("text/html; charset=utf-8".to_owned()), ..Options::default() };
    let mut page = Page::new(url, options);
    for piece in markup.as_bytes().chunks(piece) {
        page.feed(piece);
    }
    page.finish_document();
    found(&mut page)
}

#[allow(clippy::disallowed_methods, reason = "sorted below")]
fn cases() -> Vec<(String, String)> {
    let folder = Path::new("tests/scan");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_case_finds_what_it_says() {
    let cases = cases();
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    let mut wrong = String::new();
    for (name, text) in cases {
        let (markup, expected) = text.split_once("\n----\n").expect(&name);
        for piece in [usize::MAX, 1] {
            let actual = scan(markup, piece);
            if actual.trim() != expected.trim() {
                writeln!(wrong, "== {name}, pieces of {piece}\n{actual}-- expected\n{expected}")
                    .unwrap();
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn resources_are_found_before_the_document_has_ended() {
    let url = Url::parse("http://a.example/").unwrap();
    let options =
        Options { content_type: Some("text/html; charset=utf-8".to_owned()), ..Options::default() };
    let mut page = Page::new(url, options);
    page.feed(b"<link rel=stylesheet hr");
    assert_eq!(page.poll_fetch(), None);
    page.feed(b"ef=a.css><p>");
    assert_eq!(page.poll_fetch().unwrap().url.as_str(), "http://a.example/a.css");
}

/// Whether other origins are asked without credentials (HTML standard, section 2.5.4).
#[test]
fn credentials_stay_where_they_belong() {
    for (markup, anonymous) in [
        ("<link rel=preload as=font crossorigin href=http://b.example/x>", true),
        // It is asked for as it says, which style sheets then cannot use.
        ("<link rel=preload as=font href=http://b.example/x>", false),
        ("<link rel=preload as=style crossorigin href=http://b.example/x>", true),
        ("<link rel=preload as=style href=http://b.example/x>", false),
        ("<link rel=preload as=fetch crossorigin=use-credentials href=http://b.example/x>", false),
        ("<link rel=preload as=image crossorigin=anonymous href=http://b.example/x>", true),
        ("<link rel=modulepreload href=http://b.example/x>", true),
        ("<link rel=stylesheet crossorigin href=http://b.example/x>", true),
        ("<link rel='alternate stylesheet' crossorigin href=http://b.example/x>", true),
        ("<link rel=icon crossorigin href=http://b.example/x>", true),
        ("<script type=module src=http://b.example/x></script>", true),
        ("<script src=http://b.example/x></script>", false),
        ("<img crossorigin src=http://b.example/x>", true),
        ("<img src=http://b.example/x>", false),
    ] {
        let mut page = Page::new(Url::parse("http://a.example/").unwrap(), Options::default());
        page.feed(markup.as_bytes());
        page.finish_document();
        let fetch = page.poll_fetch().expect(markup);
        assert_eq!(fetch.anonymous, anonymous, "{markup}");
    }
}

/// A script runs because an element is for it, however urgently it is fetched.
#[test]
fn preloads_do_not_run() {
    for (markup, runs) in [
        ("<script src=x.js></script>", true),
        ("<script async src=x.js></script>", true),
        ("<script async fetchpriority=high src=x.js></script>", true),
        ("<link rel=preload as=script href=x.js>", false),
        ("<link rel=preload as=script fetchpriority=low href=x.js>", false),
        ("<link rel=modulepreload href=x.js>", false),
        ("<link rel=preload as=script href=x.js><script async src=x.js></script>", true),
        ("<script async src=x.js></script><link rel=preload as=script href=x.js>", true),
    ] {
        let mut page = Page::new(Url::parse("http://a.example/").unwrap(), Options::default());
        page.feed(markup.as_bytes());
        page.finish_document();
        let fetch = page.poll_fetch().expect(markup);
        assert_eq!(page.poll_fetch(), None, "{markup}");
        let (bytes, content_type) = (b"1;".as_slice().into(), None);
        let came = Delivered::Loaded { bytes, content_type, final_url: fetch.url };
        page.deliver(fetch.id, came);
        assert_eq!(page.poll_run(), runs.then_some((fetch.id, 2)), "{markup}");
    }
}

/// A parser that nothing holds up finds what there is itself, where Blink raises no image, up to the script that
/// it stops at; what is behind that is found by a scanner ahead of it.
#[test]
fn what_a_parser_finds_itself_is_not_raised() {
    let pieces = [
        "<!doctype html><body><img src=a.png>",
        "<script src=a.js></script><img src=b.png><script src=b.js></script>",
        "<img src=c.png>",
    ];
    let priorities = |keeps_up: bool| {
        let content_type = Some("text/html; charset=utf-8".to_owned());
        let options = Options { content_type, ..Options::default() };
        let mut page = Page::new(Url::parse("http://a.example/").unwrap(), options);
        page.parser_keeps_up(keeps_up);
        for piece in pieces {
            page.feed(piece.as_bytes());
        }
        let found = core::iter::from_fn(|| page.poll_fetch());
        found.map(|fetch| format!("{} {:?}", fetch.url.path(), fetch.priority)).collect::<Vec<_>>()
    };
    let ahead = ["/a.png Medium", "/a.js Medium", "/b.png Medium", "/b.js Medium", "/c.png Medium"];
    assert_eq!(priorities(false), ahead);
    let by_parser = ["/a.png Low", "/a.js High", "/b.png Medium", "/b.js Medium", "/c.png Medium"];
    assert_eq!(priorities(true), by_parser);
}
