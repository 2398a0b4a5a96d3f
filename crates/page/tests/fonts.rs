//! Text in scripts other than Latin: the carried face for Chinese and Japanese, and a note on what no font has.

use roundtrip_page::{Note, Options, Page, Picture, Url, Viewport};

fn page(body: &str) -> Page {
    let options = Options {
        viewport: Viewport { width: 200, height: 100 },
        content_type: Some("text/html; charset=utf-8".to_owned()),
        ..Options::default()
    };
    let mut page = Page::new(Url::parse("http://a.example/").expect("a URL"), options);
    page.feed(format!("<!doctype html><body style='margin:0;font:40px serif'>{body}").as_bytes());
    page.finish_document();
    page
}

fn paint(body: &str) -> Picture {
    page(body).paint().expect("a picture")
}

fn ink(picture: &Picture) -> usize {
    picture.rgba.chunks_exact(4).filter(|pixel| pixel[0] < 128).count()
}

/// Where no font has them, all characters are the same box.
#[test]
fn each_character_has_a_shape_of_its_own() {
    let zhong = paint("中");
    assert!(ink(&zhong) > 100, "{}", ink(&zhong));
    for other in ["国", "國", "の", "、"] {
        assert_ne!(paint(other), zhong, "{other}");
    }
}

#[test]
fn it_is_found_in_every_language_and_however_it_is_written() {
    let zhong = paint("中");
    for body in [
        "&#x4E2D;",
        "&#20013;",
        "<span lang=ja>中</span>",
        "<span lang=zh-TW>中</span>",
        "<span lang=zh-Hant-HK>中</span>",
        "<span lang=ko>中</span>",
        "<span lang=zh>中</span>",
        "<style>b{font-weight:400}b::before{content:'\\4e2d'}</style><b></b>",
        "<span style='font-family:nowhere, \"Noto Sans SC\"'>中</span>",
    ] {
        assert_eq!(paint(body), zhong, "{body}");
    }
}

#[test]
fn text_of_pictures_is_set_in_it_too() {
    let svg = |text: &str| {
        paint(&format!(
            "<svg width=200 height=100><text x=10 y=50 font-size=40>{text}</text></svg>"
        ))
    };
    assert!(ink(&svg("中")) > 100);
    assert_ne!(svg("中"), svg("国"));
}

#[test]
fn latin_text_is_set_as_without_it() {
    let alone = paint("Hamburg “fonts” 123");
    let beside = paint("Hamburg “fonts” 123<p style='margin-top:60px'>中");
    let top = |picture: &Picture| picture.rgba[..200 * 4 * 45].to_vec();
    assert_eq!(top(&alone), top(&beside));
}

#[test]
fn what_no_font_has_is_said() {
    let mut page = page("<p>Hello ไทย ไทย</p><p hidden>ಕನ್ನಡ</p><p>中文 שלום</p>");
    page.paint().expect("a picture");
    let said: Vec<Note> =
        page.notes().into_iter().filter(|note| matches!(note, Note::NoGlyphs { .. })).collect();
    assert_eq!(
        said,
        [Note::NoGlyphs { script: "Thai".into(), characters: 3, first: "ทยไ".into() }]
    );
    let text = said[0].to_string();
    assert!(text.contains("Thai") && text.contains("--fonts system"), "{text}");
}

#[test]
fn nothing_is_said_where_all_is_there() {
    let mut page = page("Ünïcode – “quotes” € → ✓ 😀 中文。a&#8203;b&#xFE0F; Ελλάδα Привет");
    page.paint().expect("a picture");
    assert!(
        !page.notes().iter().any(|note| matches!(note, Note::NoGlyphs { .. })),
        "{:?}",
        page.notes()
    );
}
