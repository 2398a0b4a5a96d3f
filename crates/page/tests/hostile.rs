//! Pages that mean harm, or come in pieces: no panic, no overflow, bounded work, and a word about
//! what was left out.

use std::io::Write as _;

use roundtrip_page::{
    Delivered, FetchId, Kind, Note, Omitted, Options, Page, Picture, Url, Viewport, limits,
};

fn options() -> Options {
    Options {
        viewport: Viewport { width: 200, height: 150 },
        content_type: Some("text/html; charset=utf-8".to_owned()),
        ..Options::default()
    }
}

fn empty() -> Page {
    Page::new(Url::parse("http://a.example/").unwrap(), options())
}

fn page(markup: &[u8]) -> Page {
    let mut page = empty();
    page.feed(markup);
    page.finish_document();
    page
}

fn paints(markup: &str) -> (Picture, Vec<Note>) {
    let mut page = page(markup.as_bytes());
    let picture = page.paint().unwrap_or_else(|error| panic!("{error}: {markup:.60}"));
    (picture, page.notes())
}

#[test]
fn deep_nesting_is_flattened_and_told() {
    for tag in ["<div>", "<span>", "<b><p>", "<table><tr><td>", "<ul><li>", "<svg><g>", "<a><i>"] {
        let (picture, notes) = paints(&format!("<!doctype html>{}x", tag.repeat(4000)));
        assert_eq!(picture.width, 200);
        let told = notes.iter().any(|note| matches!(note, Note::Flattened { .. }));
        // Misnested formatting elements close each other: they never get deep.
        assert!(told || tag == "<b><p>" || tag == "<a><i>", "{tag}: {notes:?}");
    }
}

#[test]
fn xml_is_kept_within_bounds_too() {
    let xhtml = "<html xmlns='http://www.w3.org/1999/xhtml'><body>";
    for rest in ["<div>".repeat(20_000), "<p></div>&undefined;<![CDATA[x".to_owned(), String::new()]
    {
        let mut page = Page::new(
            Url::parse("http://a.example/").unwrap(),
            Options { content_type: Some("application/xhtml+xml".to_owned()), ..options() },
        );
        page.feed(format!("{xhtml}{rest}").as_bytes());
        page.finish_document();
        page.paint().unwrap();
    }
}

#[test]
fn elements_where_they_do_not_belong_do_no_harm() {
    for inner in ["<title>t</title>", "<style>p{color:red}</style>", "<svg><title>t</title></svg>"]
    {
        paints(&format!("<!doctype html><select><option>a{inner}b</select><p>x"));
        paints(&format!("<!doctype html><details><summary>s</summary>{inner}</details><p>x"));
        paints(&format!("<!doctype html><svg><text>t</text>{inner}</svg><p>x"));
        paints(&format!("<!doctype html><option>o<svg><text>t</text>{inner}</svg>"));
        paints(&format!("<!doctype html><html style='display:none'><ol><li>{inner}</ol>"));
        paints(&format!("<!doctype html><table>{inner}<tr>{inner}<td>x</table>"));
    }
}

#[test]
fn deeply_nested_layouts_end() {
    for display in ["flex", "grid", "inline-block", "inline-flex", "table-cell"] {
        let style = format!("<!doctype html><style>div{{display:{display}}}</style>");
        paints(&format!("{style}{}x", "<div>".repeat(300)));
    }
}

#[test]
fn malformed_styles_and_huge_numbers_do_no_harm() {
    let deep = |open: &str| open.repeat(20_000);
    for style in [
        deep("a{"),
        deep("@media all{"),
        format!("p{{width:{}1px", deep("calc(")),
        format!("{}p", deep(":not(")),
        "p{width:1e38px;height:1e38px;border:1e9px solid;border-radius:1e30px;font-size:1e9px;\
         letter-spacing:1e30px;line-height:1e30;box-shadow:0 0 1e9px 1e9px;transform:scale(1e30)}"
            .to_owned(),
        "p{display:grid;grid-template-columns:repeat(1000000,1px)}".to_owned(),
        format!(
            "p{{--a0:xx;{}background:var(--a40)}}",
            (1..=40).fold(String::new(), |all, i| {
                let below = i - 1;
                format!("{all}--a{i}:var(--a{below})var(--a{below});")
            })
        ),
        "p{background:url(".to_owned(),
        "@import url(x.css".to_owned(),
        "\u{0}\u{FFFD}}}}}{{{{;;;;@@@@".to_owned(),
    ] {
        paints(&format!("<!doctype html><style>{style}</style><p>x"));
    }
    paints("<!doctype html><table><td colspan=1000000 rowspan=1000000>x</table>");
    paints("<!doctype html><ol start=99999999999999999999><li value=-2147483648>x</ol>");
}

#[test]
fn bytes_that_are_no_html_are_painted_all_the_same() {
    let junk: Vec<u8> =
        (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut page = page(&junk);
    page.paint().unwrap();
    assert!(page.notes().iter().any(|note| matches!(note, Note::Undecodable { .. })));
    for markup in
        ["<", "</", "<!", "<!--", "&", "&#x", "<p", "<p a", "<p a='", "<![CDATA[", "\u{0}"]
    {
        paints(markup);
    }
}

/// The header of a PNG of this size, and no pixels.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut ihdr = b"IHDR".to_vec();
    ihdr.extend(width.to_be_bytes());
    ihdr.extend(height.to_be_bytes());
    ihdr.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(13u32.to_be_bytes());
    file.extend(&ihdr);
    file.extend(crc(&ihdr).to_be_bytes());
    file.extend([0, 0, 0, 0]);
    file.extend(b"IDAT");
    file.extend(crc(b"IDAT").to_be_bytes());
    file
}

/// CRC-32 of ISO 3309, as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn images_that_are_too_large_or_broken_are_left_out_and_told() {
    let bodies: [(&str, Vec<u8>); 6] = [
        ("too many", png_header(100_000, 100_000)),
        ("", png_header(16, 16)),
        ("empty", Vec::new()),
        ("format", b"this is no image".to_vec()),
        ("", b"<svg xmlns='http://www.w3.org/2000/svg'><text>".repeat(50)),
        ("", b"GIF89a\xFF\xFF\xFF\xFF\x80\x00\x00".to_vec()),
    ];
    for (expected, body) in bodies {
        let mut page = page(b"<!doctype html><img src=a><p>x");
        let fetch = page.poll_fetch().unwrap();
        let bytes = body.into();
        let final_url = fetch.url;
        page.deliver(fetch.id, Delivered::Loaded { bytes, content_type: None, final_url });
        page.paint().unwrap();
        let why = page.notes().into_iter().find_map(|note| match note {
            Note::ImageNotDrawn { why, .. } => Some(why),
            _ => None,
        });
        if !expected.is_empty() {
            assert!(why.as_ref().is_some_and(|why| why.contains(expected)), "{expected}: {why:?}");
        }
    }
}

#[test]
fn a_style_sheet_that_imports_itself_or_others_for_ever_ends() {
    let mut page = page(b"<!doctype html><style>@import '0.css';</style><p>x");
    let mut asked = 0;
    while let Some(fetch) = page.poll_fetch() {
        asked += 1;
        assert!(asked <= limits::IMPORTS + 1, "{}", fetch.url);
        page.deliver(
            fetch.id,
            Delivered::Loaded {
                bytes: format!("@import '0.css'; @import '{asked}.css';").into(),
                content_type: Some("text/css".to_owned()),
                final_url: fetch.url,
            },
        );
    }
    assert!(page.ready_to_paint());
    page.paint().unwrap();
    assert_eq!(page.poll_fetch(), None, "layout asks for no more of them");
}

#[test]
fn a_page_that_wants_too_much_is_bounded() {
    let mut markup = Vec::new();
    for index in 0..limits::FETCHES + 500 {
        write!(markup, "<img src={index}.png><iframe src={index}.html></iframe>").unwrap();
    }
    let mut page = page(&markup);
    let polled = std::iter::from_fn(|| page.poll_fetch()).count();
    assert_eq!(polled, limits::FETCHES);
    assert_eq!(page.listed().len(), limits::LISTED);
    assert!(page.listed().iter().all(|listed| listed.why == Omitted::Frame));
    let more = 500 + limits::FETCHES + 500 - limits::LISTED;
    assert!(page.notes().contains(&Note::OmittedMore { count: more }));
}

#[test]
fn a_huge_page_is_scanned_to_its_end_and_laid_out_in_part() {
    let mut page = empty();
    page.feed(b"<!doctype html><title>Huge</title>");
    let block = b"<p>text <b>bold</b> and some more of it</p>\n".repeat(1000);
    let blocks = limits::ELEMENTS / 2000 + 20;
    for _ in 0..blocks {
        page.feed(&block);
    }
    page.feed(b"<img src=last.png>");
    page.finish_document();
    assert_eq!(page.poll_fetch().unwrap().url.path(), "/last.png");
    assert_eq!(page.summary().elements, blocks * 2000 + 2);
    page.lay_out().unwrap();
    let cut = page.notes().into_iter().find_map(|note| match note {
        Note::Truncated { laid_out, of } => Some((laid_out, of)),
        _ => None,
    });
    let (laid_out, of) = cut.unwrap();
    assert_eq!(of, page.summary().text_bytes);
    assert!(laid_out < of && laid_out > of / 2, "{laid_out} of {of}");
}

#[test]
fn deliveries_nobody_asked_for_are_ignored() {
    let mut page = page(b"<!doctype html><link rel=stylesheet href=a.css><p>x");
    page.deliver(FetchId(77), Delivered::Failed { reason: "no".to_owned() });
    let fetch = page.poll_fetch().unwrap();
    assert_eq!(fetch.kind, Kind::Style);
    page.deliver(fetch.id, Delivered::Failed { reason: "first".to_owned() });
    page.deliver(
        fetch.id,
        Delivered::Loaded {
            bytes: "html{background:red}".into(),
            content_type: Some("text/css".to_owned()),
            final_url: fetch.url,
        },
    );
    assert_eq!(page.paint().unwrap().pixel(100, 100), Some([255, 255, 255]));
    assert_eq!(page.notes().iter().filter(|n| matches!(n, Note::Missing { .. })).count(), 1);
    page.feed(b"after the end");
    page.finish_document();
    assert_eq!(page.summary().elements, 2);
}

#[test]
fn scales_out_of_range_are_brought_into_it() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e30] {
        let mut page =
            Page::new(Url::parse("http://a.example/").unwrap(), Options { scale, ..options() });
        page.feed(b"<!doctype html><p>x");
        page.finish_document();
        let picture = page.paint().unwrap();
        assert!((50..=1600).contains(&picture.width), "{scale}: {picture:?}");
    }
    assert_eq!("1280x800".parse(), Ok(Viewport { width: 1280, height: 800 }));
    for wrong in ["", "1280", "0x5", "5x0", "99999x1", "-1x1", "axb", "1x1x1"] {
        assert!(wrong.parse::<Viewport>().is_err(), "{wrong}");
    }
}
