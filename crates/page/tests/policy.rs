//! What the rules of a page refuse: it is not asked for, or not applied, and is told once.

use roundtrip_page::{
    AnswerHead, Delivered, Disposition, Initiator, Options, Page, Refused, Upgraded, Url,
};

const HASH_OF_X: &str = "sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=";

/// A page at this address, under this policy.
fn page(url: &str, policy: &str, markup: &str) -> Page {
    let options =
        Options { content_type: Some("text/html; charset=utf-8".to_owned()), ..Options::default() };
    let mut page = Page::new(Url::parse(url).unwrap(), options);
    page.policy_field(policy, Disposition::Enforce);
    page.feed(markup.as_bytes());
    page.finish_document();
    page
}

fn under(policy: &str, markup: &str) -> Page {
    page("https://a.example/dir/", policy, markup)
}

/// The paths of what it wants.
fn wanted(page: &mut Page) -> Vec<String> {
    std::iter::from_fn(|| page.poll_fetch()).map(|fetch| fetch.url.path().to_owned()).collect()
}

fn refused(page: &mut Page) -> Vec<Refused> {
    std::iter::from_fn(|| page.poll_refused()).collect()
}

/// What was refused, each with why.
fn told(page: &mut Page) -> Vec<String> {
    let text = |refused: Refused| format!("{} {}: {}", refused.line, refused.what, refused.by);
    refused(page).into_iter().map(text).collect()
}

fn loaded(bytes: &'static str, content_type: &str, url: &str) -> Delivered {
    Delivered::Loaded {
        bytes: bytes.into(),
        content_type: Some(content_type.to_owned()),
        final_url: Url::parse(url).unwrap(),
    }
}

#[test]
fn what_a_policy_refuses_is_not_asked_for_and_told_with_the_directive() {
    let markup = "<!doctype html><link rel=stylesheet href=s.css>\n<img src=a.png><img src=b.png>\
                  <script src=s.js></script><iframe src=f></iframe>";
    let mut page = under("img-src 'none'; script-src b.example; frame-src 'none'", markup);
    assert_eq!(wanted(&mut page), ["/dir/s.css"]);
    assert!(page.listed().is_empty());
    let refused = "refused by the page's Content-Security-Policy:";
    assert_eq!(
        told(&mut page),
        [
            format!("2 https://a.example/dir/a.png: {refused} img-src 'none'"),
            format!("2 https://a.example/dir/b.png: {refused} img-src 'none'"),
            format!("2 https://a.example/dir/s.js: {refused} script-src b.example"),
            format!("2 https://a.example/dir/f: {refused} frame-src 'none'"),
        ]
    );
    // What is refused holds nothing up, and is not said to be a script that would have run.
    assert!(
        page.is_content_loaded() || page.pending().all(|fetch| fetch.url.path() == "/dir/s.css")
    );
    assert!(!page.notes().iter().any(|note| note.to_string().contains("scripts are fetched")));
}

#[test]
fn a_policy_in_the_markup_is_for_what_comes_after_it() {
    let meta = "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\">";
    let markup = format!("<!doctype html><link rel=icon href=before.png>{meta}<img src=after.png>");
    let mut page = under("", &markup);
    assert_eq!(wanted(&mut page), ["/dir/before.png"]);
    assert_eq!(told(&mut page).len(), 1);
    // Not in the body, and not in a template.
    for markup in [
        format!("<p>x{meta}<img src=a.png>"),
        format!("<template>{meta}</template><img src=a.png>"),
    ] {
        let mut page = under("", &markup);
        assert_eq!(wanted(&mut page), ["/dir/a.png"], "{markup}");
    }
}

#[test]
fn only_what_is_enforced_refuses() {
    let mut page = Page::new(Url::parse("https://a.example/").unwrap(), Options::default());
    page.policy_field("img-src 'none'", Disposition::Report);
    page.feed(b"<img src=a.png>");
    page.finish_document();
    assert_eq!(wanted(&mut page), ["/a.png"]);
    let told = refused(&mut page);
    assert!(matches!(&told[..], [Refused { reported_only: true, .. }]), "{told:?}");
}

/// Whether the top left of a page is red after it has been painted.
fn is_red(policy: &str, markup: &str) -> bool {
    let mut page = under(policy, markup);
    let picture = page.paint().expect("a picture");
    picture.pixel(5, 5) == Some([255, 0, 0])
}

#[test]
fn styles_of_the_page_itself_are_applied_only_where_the_policy_lets_them() {
    let element = |attributes: &str| {
        format!("<!doctype html><style {attributes}>body {{ background: #f00 }}</style><p>x")
    };
    let attribute = "<!doctype html><body style='background: #f00'><p>x";
    let sha = "'sha256-dLmxBa8x1UIKSAxhmBpACYGBRNCL3fO4FqYvdzqzqH4='";
    for (policy, markup, expected) in [
        ("", element(""), true),
        ("style-src 'unsafe-inline'", element(""), true),
        ("style-src 'self'", element(""), false),
        ("default-src 'self'", element(""), false),
        ("style-src 'nonce-n'", element("nonce=n"), true),
        ("style-src 'nonce-n'", element("nonce=m"), false),
        ("style-src-attr 'none'", element(""), true),
        ("", attribute.to_owned(), true),
        ("style-src 'unsafe-inline'", attribute.to_owned(), true),
        ("style-src 'self'", attribute.to_owned(), false),
        ("style-src-elem 'none'", attribute.to_owned(), true),
        ("style-src-attr 'none'; style-src 'unsafe-inline'", attribute.to_owned(), false),
        // Of a hash that is none of its.
        (format!("style-src {sha}").as_str(), element(""), false),
    ] {
        assert_eq!(is_red(policy, &markup), expected, "{policy} {markup}");
    }
}

#[test]
fn a_style_element_is_told_by_its_hash() {
    let css = "body { background: #f00 }";
    let hash = data_encoding::BASE64.encode(&<sha2::Sha256 as sha2::Digest>::digest(css));
    let markup = format!("<!doctype html><style>{css}</style><p>x");
    assert!(is_red(&format!("style-src 'sha256-{hash}'"), &markup));
    assert!(!is_red(&format!("style-src 'sha256-{hash}'"), &markup.replace("f00", "f01")));
}

#[test]
fn styles_and_scripts_of_the_page_itself_are_told() {
    let markup = "<!doctype html><style>p{}</style>\n<p style='x:y' onclick='f()'>x<script>f()</script>\
                  <script type=application/json>{}</script><template><p style='x:y'></template>";
    let mut page = under("default-src 'none'", markup);
    let told = told(&mut page);
    let expected = [
        "1 a <style> element",
        "2 a style attribute",
        "2 an event handler attribute",
        "2 a script in the page",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    assert!(!page.notes().iter().any(|note| note.to_string().contains("scripts are fetched")));
}

#[test]
fn a_sandbox_without_scripts_runs_none() {
    let markup = "<!doctype html><script src=a.js></script><script>x</script><img src=a.png>";
    let mut page = under("sandbox allow-forms", markup);
    assert_eq!(wanted(&mut page), ["/dir/a.png"]);
    assert_eq!(told(&mut page).len(), 2);
}

#[test]
fn what_only_style_sheets_name_is_held_against_the_policy_too() {
    let markup = "<!doctype html><style>@import 'i.css'; @font-face{font-family:f;src:url(f.woff2)}\
                  @font-face{font-family:g;src:url(data:font/woff2,x)} p{background:url(b.png);font-family:f}\
                  </style><p>x<img src='data:image/png,x'>";
    let policy = "style-src 'unsafe-inline'; font-src 'none'; img-src 'none'";
    let mut page = under(policy, markup);
    for _ in 0..2 {
        page.lay_out().expect("a layout");
    }
    assert_eq!(wanted(&mut page), Vec::<String>::new());
    let told = told(&mut page);
    let has = |what: &str, by: &str| {
        told.iter().filter(|line| line.contains(what) && line.ends_with(by)).count()
    };
    let once = [
        has("i.css", "style-src 'unsafe-inline'"),
        has("f.woff2", "font-src 'none'"),
        has("(g)", "font-src 'none'"),
        has("b.png", "img-src 'none'"),
        has("data:image/png,x", "img-src 'none'"),
    ];
    assert_eq!(once, [1; 5], "{told:?}");
}

#[test]
fn the_base_is_what_the_policy_allows() {
    let markup = "<base href='https://b.example/'><img src=a.png>";
    let mut page = under("base-uri 'self'", markup);
    assert_eq!(wanted(&mut page), ["/dir/a.png"]);
    assert_eq!(told(&mut page).len(), 1);
}

#[test]
fn a_sheet_that_a_head_named_and_the_markup_may_not_have_is_not_applied() {
    let url = Url::parse("https://a.example/").unwrap();
    let mut page = Page::new(url.clone(), Options::default());
    page.early_hints("</s.css>; rel=preload; as=style");
    let fetch = page.poll_fetch().expect("what the 103 named");
    page.answered(url, Some("text/html".to_owned()));
    page.policy_field("style-src 'none'", Disposition::Enforce);
    page.deliver(fetch.id, loaded("body { background: #f00 }", "text/css", fetch.url.as_str()));
    page.feed(b"<!doctype html><link rel=stylesheet href=/s.css><p>x");
    page.finish_document();
    let picture = page.paint().expect("a picture");
    assert_ne!(picture.pixel(5, 5), Some([255, 0, 0]));
    assert_eq!(told(&mut page).len(), 1);
}

#[test]
fn a_resource_with_another_hash_is_not_applied() {
    let sheet = |integrity: &str| {
        format!("<!doctype html><link rel=stylesheet href=s.css integrity='{integrity}'><p>x")
    };
    for (integrity, red) in [
        ("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false),
        ("md5-AAAA", true),
        ("", true),
    ] {
        let mut page = under("", &sheet(integrity));
        let fetch = page.poll_fetch().expect("the sheet");
        page.deliver(fetch.id, loaded("body { background: #f00 }", "text/css", fetch.url.as_str()));
        assert!(page.ready_to_paint());
        let picture = page.paint().expect("a picture");
        assert_eq!(picture.pixel(5, 5) == Some([255, 0, 0]), red, "{integrity}");
        assert_eq!(told(&mut page).is_empty(), red, "{integrity}");
    }
    let mut page = under("", &format!("<script src=s.js integrity='{HASH_OF_X}'></script>"));
    let fetch = page.poll_fetch().expect("the script");
    page.deliver(fetch.id, loaded("x", "text/javascript", fetch.url.as_str()));
    assert!(page.poll_run().is_some());
    assert!(refused(&mut page).is_empty());
}

#[test]
fn a_preload_is_held_against_the_hash_of_the_element_that_uses_it() {
    let content_type = Some("text/html; charset=utf-8".to_owned());
    let options = Options { content_type, ..Options::default() };
    let mut page = Page::new(Url::parse("https://a.example/").unwrap(), options);
    page.feed(b"<link rel=preload as=script href=s.js>");
    let fetch = page.poll_fetch().expect("the script");
    page.deliver(fetch.id, loaded("y", "text/javascript", fetch.url.as_str()));
    page.feed(format!("<script src=s.js integrity='{HASH_OF_X}'></script>").as_bytes());
    page.finish_document();
    assert!(page.poll_run().is_none());
    let told = told(&mut page);
    assert!(matches!(&told[..], [one] if one.contains(HASH_OF_X)), "{told:?}");
}

/// What becomes of one resource of a page, whose answer has this head and type.
fn answered(markup: &str, head: &AnswerHead, content_type: &str, from: &str) -> Vec<String> {
    let mut page = under("", markup);
    let fetch = page.poll_fetch().expect("a resource");
    page.deliver_answer(fetch.id, loaded("x", content_type, from), head);
    told(&mut page)
}

#[test]
fn types_and_origins_of_answers_are_looked_at() {
    let plain = AnswerHead::default();
    let nosniff = AnswerHead { nosniff: true, ..AnswerHead::default() };
    let star = AnswerHead { allow_origin: Some("*".to_owned()), ..AnswerHead::default() };
    let (own, other) = ("https://a.example/x", "https://b.example/x");
    let standards = "<!doctype html><link rel=stylesheet href=x>";
    let quirks = "<link rel=stylesheet href=x>";
    let (script, module) = ("<script src=x></script>", "<script type=module src=x></script>");
    for (markup, head, content_type, from, refused) in [
        (standards, &plain, "text/css", own, false),
        (standards, &plain, "text/html", own, true),
        (quirks, &plain, "text/html", own, false),
        (quirks, &plain, "text/html", other, true),
        (quirks, &nosniff, "text/html", own, true),
        (standards, &plain, "", own, false),
        (standards, &nosniff, "", own, true),
        (script, &plain, "text/html", own, false),
        (script, &nosniff, "text/html", own, true),
        (script, &plain, "image/png", own, true),
        (module, &plain, "text/plain", own, true),
        (module, &plain, "text/javascript", own, false),
        (module, &plain, "text/javascript", other, true),
        (module, &star, "text/javascript", other, false),
        ("<img src=x>", &plain, "image/png", other, false),
        ("<img src=x crossorigin>", &plain, "image/png", other, true),
        ("<img src=x crossorigin>", &star, "image/png", other, false),
        ("<img src=x crossorigin=use-credentials>", &star, "image/png", other, true),
    ] {
        let told = answered(markup, head, content_type, from);
        assert_eq!(!told.is_empty(), refused, "{markup} {content_type} {from}: {told:?}");
    }
}

#[test]
fn a_page_of_https_asks_for_nothing_in_the_clear() {
    let markup = "<!doctype html><img src=http://b.example/a.png><script src=http://b.example/s.js></script>\
                  <img srcset='http://b.example/c.png 1x'>";
    let mut page = under("", markup);
    let fetch = page.poll_fetch().expect("the picture");
    assert_eq!(fetch.url.as_str(), "http://b.example/a.png");
    assert!(matches!(fetch.initiator, Initiator::Markup { .. }));
    let (to, why) = page.destination(fetch.id).expect("a destination");
    assert_eq!((to.as_str(), why), ("https://b.example/a.png", Some(Upgraded::AsMixedContent)));
    assert!(page.poll_fetch().is_none());
    let told = told(&mut page);
    let names = |line: &String| line.contains("mixed content");
    assert!(told.len() == 2 && told.iter().all(names), "{told:?}");
    // In the clear, everything may be.
    let mut plain = self::page("http://a.example/", "", markup);
    assert_eq!(wanted(&mut plain).len(), 3);
}

#[test]
fn any_policy_can_be_read() {
    for policy in
        ["", ";", ",", "img-src", "img-src ;;; x", "\0", "default-src '", "ä ö; ü", "sandbox"]
    {
        let meta = format!("<meta http-equiv=content-security-policy content=\"{policy}\">");
        let mut page = under(policy, &format!("{meta}<img src=a.png><p style=x>x"));
        let _ = (wanted(&mut page), page.paint(), refused(&mut page));
    }
}
