//! What `Link` fields of a document's head, and of a 103 before it, make a page want.

use roundtrip_page::{Blocks, Delivered, Hint, Initiator, Options, Page, Url};

fn page() -> Page {
    Page::new(Url::parse("https://a.example/dir/").unwrap(), Options::default())
}

/// What a page now wants, has listed and would like opened, each in a line.
fn found(page: &mut Page) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(fetch) = page.poll_fetch() {
        let by = match fetch.initiator {
            Initiator::Markup { line } => format!("line {line}"),
            other => format!("{other:?}"),
        };
        let anonymous = if fetch.anonymous { " anonymous" } else { "" };
        let url = fetch.url.as_str().replace("https://a.example", "");
        lines.push(format!("{} {:?} {url} {by}{anonymous}", fetch.kind.name(), fetch.priority));
    }
    lines.extend(page.listed().iter().map(|listed| format!("listed {}", listed.url)));
    let hint = |hint: &Hint| {
        let anonymous = if hint.anonymous { " anonymous" } else { "" };
        format!("hint {:?} {}{anonymous}", hint.reach, hint.url)
    };
    lines.extend(page.hints().iter().map(hint));
    lines
}

#[test]
fn link_fields_want_what_elements_would() {
    let cases: [(&str, &[&str]); 25] = [
        ("<a.css>; rel=preload; as=style", &["style sheet VeryHigh /dir/a.css LinkField"]),
        ("</a.js>; rel=preload; as=script", &["script High /a.js LinkField"]),
        ("</a.js>; rel=preload; as=script; fetchpriority=low", &["script Low /a.js LinkField"]),
        ("</a.png>; rel=preload; as=image; fetchpriority=high", &["image High /a.png LinkField"]),
        ("</f>; rel=preload; as=font; crossorigin", &["font High /f LinkField anonymous"]),
        ("</f>; rel=preload; as=font", &["font High /f LinkField"]),
        ("</d>; rel=preload; as=fetch; crossorigin=use-credentials", &["data High /d LinkField"]),
        ("</m.js>; rel=modulepreload", &["script High /m.js LinkField anonymous"]),
        ("</a.css>; REL=Preload; As=STYLE", &["style sheet VeryHigh /a.css LinkField"]),
        (
            "</a.css>; rel=\"preload nofollow\"; as=style",
            &["style sheet VeryHigh /a.css LinkField"],
        ),
        ("</a.css>; rel=preload; as=style; media=print", &[]),
        (
            "</a.css>; rel=preload; as=style; media=screen",
            &["style sheet VeryHigh /a.css LinkField"],
        ),
        ("</a.css>; rel=preload; as=style; type=text/less", &[]),
        (
            "</f>; rel=preload; as=font; type=font/woff2; crossorigin",
            &["font High /f LinkField anonymous"],
        ),
        ("</f>; rel=preload; as=font; type=text/plain; crossorigin", &[]),
        ("</a.jxl>; rel=preload; as=image; type=image/jxl", &[]),
        (
            "</1.png>; rel=preload; as=image; imagesrcset=\"/2.png 1x, /3.png 3x\"",
            &["image Low /2.png LinkField"],
        ),
        ("</a>; rel=preload", &[]),
        ("</a>; rel=preload; as=document", &[]),
        // A style sheet of a head applies nowhere, and an icon is none.
        ("</a.css>; rel=stylesheet, </i>; rel=icon, </m>; rel=manifest", &[]),
        (
            "</a.css>; rel=\"stylesheet preload\"; as=style",
            &["style sheet VeryHigh /a.css LinkField"],
        ),
        ("</b>; rel=prefetch", &["listed https://a.example/b"]),
        (
            "<https://b.example>; rel=preconnect, <//c.example>; rel=preconnect; crossorigin",
            &["hint Connection https://b.example/", "hint Connection https://c.example/ anonymous"],
        ),
        ("<//b.example>; rel=dns-prefetch", &["hint Name https://b.example/"]),
        ("</a.css>; rel=preload; as=style; anchor=\"/other\"", &[]),
    ];
    for (field, expected) in cases {
        let mut page = page();
        page.link_field(field);
        assert_eq!(found(&mut page), expected, "{field}");
    }
}

/// In a 103, Chromium acts on fewer links, and on some with less urgency.
#[test]
fn a_103_wants_less() {
    let cases: [(&str, &[&str]); 13] = [
        ("</a.css>; rel=preload; as=style", &["style sheet VeryHigh /a.css EarlyHints"]),
        ("</f>; rel=preload; as=font; crossorigin", &["font High /f EarlyHints anonymous"]),
        ("</a.js>; rel=preload; as=script; fetchpriority=low", &["script Low /a.js EarlyHints"]),
        ("</d>; rel=preload; as=fetch; crossorigin", &["data Low /d EarlyHints anonymous"]),
        ("</m.js>; rel=modulepreload", &["script VeryLow /m.js EarlyHints anonymous"]),
        ("</m.js>; rel=modulepreload; as=script", &["script High /m.js EarlyHints anonymous"]),
        ("<https://b.example>; rel=preconnect", &["hint Connection https://b.example/"]),
        ("<https://b.example>; rel=dns-prefetch", &[]),
        ("</b>; rel=prefetch", &[]),
        ("</a.css>; rel=preload; as=style; media=screen", &[]),
        ("</1.png>; rel=preload; as=image; imagesrcset=\"/2.png 1x\"", &[]),
        ("</v>; rel=preload; as=track", &[]),
        ("</a.css>; rel=\"preload nofollow\"; as=style", &[]),
    ];
    for (field, expected) in cases {
        let mut page = page();
        page.early_hints(field);
        assert_eq!(found(&mut page), expected, "{field}");
        let ignored = page.notes().iter().filter(|note| note.to_string().contains("103")).count();
        assert_eq!(ignored, usize::from(expected.is_empty()), "{field}");
    }
}

#[test]
fn what_a_head_named_is_wanted_once_and_blocks_when_the_page_names_it() {
    let mut page = page();
    page.early_hints("</a.css>; rel=preload; as=style");
    page.answered(page.url().clone(), Some("text/html; charset=utf-8".to_owned()));
    page.link_field("</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script");
    let wanted = ["style sheet VeryHigh /a.css EarlyHints", "script High /b.js LinkField"];
    assert_eq!(found(&mut page), wanted);
    page.feed(b"<!doctype html>\n<link rel=stylesheet href=/a.css><p>Hello");
    assert_eq!(page.poll_fetch(), None);
    let named = page.poll_named().expect("the sheet");
    assert_eq!((named.url.path(), named.blocks), ("/a.css", Blocks::Render));
    assert_eq!(named.initiator, Initiator::Markup { line: 2 });
    assert_eq!(page.poll_named(), None);
    assert_eq!(page.holding_paint().count(), 1);
    page.feed(b"<link rel=stylesheet href=/a.css>");
    assert_eq!(page.poll_named(), None);
}

/// A sheet that a head named can have come, and have imported others, before the page says that it applies.
#[test]
fn what_a_preloaded_sheet_imports_blocks_with_it() {
    let mut page = page();
    page.early_hints("</a.css>; rel=preload; as=style");
    let sheets =
        [("/a.css", "@import '/b.css'; @import '/p.css' print"), ("/b.css", "@import '/c.css'")];
    for (path, css) in sheets {
        let fetch = page.poll_fetch().expect(path);
        assert_eq!((fetch.url.path(), fetch.blocks), (path, Blocks::None));
        let content_type = Some("text/css".to_owned());
        let final_url = fetch.url;
        page.deliver(fetch.id, Delivered::Loaded { bytes: css.into(), content_type, final_url });
    }
    assert_eq!(page.holding_paint().count(), 0);
    page.feed(b"<!doctype html><link rel=stylesheet href=/a.css><p>Hello");
    let holding: Vec<&str> = page.holding_paint().map(|fetch| fetch.url.path()).collect();
    assert_eq!(holding, ["/c.css"]);
    let named = std::iter::from_fn(|| page.poll_named()).map(|fetch| fetch.url.path().to_owned());
    assert_eq!(named.collect::<Vec<_>>(), ["/b.css", "/c.css", "/a.css"]);
}

#[test]
fn scripts_run_in_the_order_of_the_page() {
    let mut page = page();
    page.link_field("</b.js>; rel=preload; as=script");
    page.feed(b"<!doctype html><script src=/a.js></script><script src=/b.js></script><p>Hello");
    page.finish_document();
    let bodies = [("/a.js", "// a"), ("/b.js", "// is longer")];
    while let Some(fetch) = page.poll_fetch() {
        let body = bodies.iter().find(|(path, _)| *path == fetch.url.path()).expect("a script").1;
        let (bytes, final_url) = (body.into(), fetch.url);
        page.deliver(fetch.id, Delivered::Loaded { bytes, content_type: None, final_url });
    }
    let run: Vec<usize> = std::iter::from_fn(|| page.poll_run().map(|(_, size)| size)).collect();
    assert_eq!(run, bodies.map(|(_, body)| body.len()));
}

/// An answer to a request without credentials is none to one with them, and the other way round.
#[test]
fn only_what_was_asked_for_alike_is_taken() {
    let font = "@font-face { font-family: own; src: url(/f.woff2) } p { font-family: own }";
    for (preload, fetched) in [
        ("</f.woff2>; rel=preload; as=font; crossorigin", 1),
        ("</f.woff2>; rel=preload; as=font", 2),
    ] {
        let mut page = page();
        page.link_field(preload);
        page.feed(format!("<!doctype html><style>{font}</style><p>Hello").as_bytes());
        page.finish_document();
        let mut fonts = 0;
        for _ in 0..3 {
            while let Some(fetch) = page.poll_fetch() {
                fonts += usize::from(fetch.url.path() == "/f.woff2");
                let reason = "status 404".to_owned();
                page.deliver(fetch.id, Delivered::Failed { reason });
            }
            page.lay_out().unwrap();
        }
        assert_eq!(fonts, fetched, "{preload}");
    }
    for (head, markup, fetched) in [
        ("</x>; rel=preload; as=script", "<script src=/x></script>", 1),
        ("</x>; rel=preload; as=script; crossorigin", "<script src=/x></script>", 2),
        ("</x>; rel=preload; as=script; crossorigin", "<script crossorigin src=/x></script>", 1),
        ("</x>; rel=modulepreload", "<script type=module src=/x></script>", 1),
        ("</x>; rel=preload; as=style; crossorigin", "<link rel=stylesheet href=/x>", 2),
    ] {
        let mut page = page();
        page.link_field(head);
        page.feed(markup.as_bytes());
        page.finish_document();
        assert_eq!(found(&mut page).len(), fetched, "{head} {markup}");
    }
}

/// Layout tells addresses only.
#[test]
fn an_image_without_credentials_is_not_fetched_again_for_layout() {
    let mut page = page();
    page.feed(b"<!doctype html><img crossorigin src=/x.png width=9 height=9><p>Hello");
    page.finish_document();
    for _ in 0..2 {
        page.lay_out().unwrap();
    }
    assert_eq!(found(&mut page), ["image Low /x.png line 1 anonymous"]);
}

#[test]
fn what_is_not_fetched_says_where_it_was_named() {
    let mut page = page();
    page.link_field("</next>; rel=prefetch");
    let notes: Vec<String> = page.notes().iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.contains("/next (Link field)")), "{notes:?}");
}
