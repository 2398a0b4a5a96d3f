//! What a browser fetches of a page, each case as Chromium 156 was seen to do it (`visit --browser`).

use bytes::Bytes;
use roundtrip_page::{Delivered, Fetch, Kind, Options, Page, Priority, Reader, Url};

const OWN: &str = "http://a.example/";

fn page(markup: &str, reader: Reader) -> Page {
    let content_type = Some("text/html; charset=utf-8".to_owned());
    let mut page =
        Page::new(Url::parse(OWN).unwrap(), Options { reader, content_type, ..Options::default() });
    page.feed(markup.as_bytes());
    page.finish_document();
    page
}

fn wanted(page: &mut Page) -> Vec<Fetch> {
    core::iter::from_fn(|| page.poll_fetch()).collect()
}

/// The paths of what is wanted.
fn paths(fetches: &[Fetch]) -> Vec<&str> {
    fetches.iter().map(|fetch| fetch.url.path().trim_start_matches('/')).collect()
}

fn deliver(page: &mut Page, fetch: &Fetch, body: &'static str) {
    let (bytes, final_url) = (Bytes::from_static(body.as_bytes()), fetch.url.clone());
    page.deliver(fetch.id, Delivered::Loaded { bytes, content_type: None, final_url });
}

#[test]
fn what_noscript_holds_is_text_where_scripts_run() {
    let markup = "<noscript><link rel=stylesheet href=n.css></noscript><p>x\
                  <noscript><img src=n.png></noscript><img src=a.png>";
    let of = |reader| {
        let mut page = page(markup, reader);
        let fetches = wanted(&mut page);
        paths(&fetches).join(" ")
    };
    assert_eq!(of(Reader::Browser), "a.png");
    assert_eq!(of(Reader::WithoutScripts), "n.css n.png a.png");
}

#[test]
fn what_may_be_needed_later_is_fetched_last_by_a_browser_alone() {
    let markup = "<link rel=prefetch href=next.html><p>x";
    let fetches = wanted(&mut page(markup, Reader::Browser));
    assert_eq!(paths(&fetches), ["next.html"]);
    assert_eq!((fetches[0].kind, fetches[0].priority), (Kind::Later, Priority::VeryLow));
    assert!(wanted(&mut page(markup, Reader::WithoutScripts)).is_empty());
}

#[test]
fn only_types_of_javascript_are_scripts() {
    for (attributes, runs) in [
        ("", true),
        ("type", true),
        ("type=' text/JavaScript '", true),
        ("type=text/ecmascript", true),
        ("type=text/javascript1.5", true),
        ("type=module", true),
        ("type='text/javascript; charset=utf-8'", false),
        ("type=text/plain", false),
        ("type=application/json", false),
        ("language=JavaScript", true),
        ("language=vbscript", false),
        ("language=vbscript type=text/javascript", true),
        ("for=window event='onload()'", true),
        ("for=window event=onclick", false),
        ("for=window", true),
    ] {
        let markup = format!("<script {attributes} src=a.js></script>");
        let fetches = wanted(&mut page(&markup, Reader::Browser));
        assert_eq!(!fetches.is_empty(), runs, "{attributes}");
    }
}

#[test]
fn what_modules_import_is_fetched_before_they_run() {
    let markup = "<script type=module src=js/m.js></script>\
                  <script type=module>import './i.js'; import 'bare'</script><script src=c.js></script>";
    let mut page = page(markup, Reader::Browser);
    let mut seen = Vec::new();
    loop {
        let fetches = wanted(&mut page);
        if fetches.is_empty() {
            break;
        }
        for fetch in &fetches {
            deliver(
                &mut page,
                fetch,
                match fetch.url.path() {
                    "/js/m.js" => "import './a.js'; export * from '../b.js'; import('./never.js')",
                    "/js/a.js" => "import './m.js'; import '/b.js'",
                    // No module: what looks like an import is an error there.
                    "/c.js" => "import './never.js'",
                    _ => "",
                },
            );
            assert!(fetch.kind == Kind::Script && fetch.priority >= Priority::Medium, "{fetch:?}");
        }
        seen.extend(paths(&fetches).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, ["js/m.js", "i.js", "c.js", "js/a.js", "b.js"]);
}

#[test]
fn what_a_preloaded_module_imports_is_left_to_what_runs_it() {
    let mut early = page("<link rel=modulepreload href=m.js><p>x", Reader::Browser);
    let fetches = wanted(&mut early);
    deliver(&mut early, &fetches[0], "import './a.js'");
    assert!(wanted(&mut early).is_empty());

    let mut page = Page::new(
        Url::parse(OWN).unwrap(),
        Options { reader: Reader::Browser, ..Options::default() },
    );
    page.feed(b"<meta charset=utf-8><link rel=modulepreload href=m.js><p>");
    let fetches = wanted(&mut page);
    deliver(&mut page, &fetches[0], "import './a.js'");
    assert!(wanted(&mut page).is_empty());
    page.feed(b"<script type=module src=m.js></script>");
    page.finish_document();
    assert_eq!(paths(&wanted(&mut page)), ["a.js"]);
}

#[test]
fn styles_want_the_pictures_of_what_has_a_box() {
    let markup = "<!doctype html><meta charset=utf-8><style>.a{background:url(a.svg)}.set{background-image:image-set(url(one.svg) 1x,url(two.svg) 2x)}\
        ul{list-style-image:url(item.svg)}.b{border:9px solid;border-image:url(border.svg) 1}\
        .none{display:none;background:url(none.svg)}.in{background:url(inside.svg)}\
        .both{background:url(both.svg)}.hidden{visibility:hidden;background:url(hidden.svg)}</style>\
        <p class=a>a<p class=set>s<ul><li>i</ul><p class=b>b<p class=none>n<div hidden><p class=in>i<p class=both>x</div>\
        <p class=both>x<p class=hidden>h<div style='height:3000px'></div><p style='background:url(below.svg)'>b";
    let mut page = page(markup, Reader::Browser);
    page.lay_out().unwrap();
    let fetches = wanted(&mut page);
    let mut found = paths(&fetches);
    found.sort_unstable();
    assert_eq!(
        found,
        ["a.svg", "below.svg", "border.svg", "both.svg", "hidden.svg", "item.svg", "one.svg"]
    );
    // Those in the viewport are raised.
    for fetch in &fetches {
        let expected =
            if fetch.url.path() == "/below.svg" { Priority::Low } else { Priority::High };
        assert_eq!(fetch.priority, expected, "{}", fetch.url);
    }
}
