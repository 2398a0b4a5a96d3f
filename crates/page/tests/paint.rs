//! Pictures: are the right pixels in the right places, whatever came and whatever did not.

use std::collections::BTreeMap;

use roundtrip_page::{
    Delivered, Extent, Fetch, Fonts, Goal, Initiator, Kind, Note, Options, Page, PaintError,
    Picture, Scheme, Url, Viewport,
};

const RED: Option<[u8; 3]> = Some([255, 0, 0]);
const GREEN: Option<[u8; 3]> = Some([0, 128, 0]);
const BLUE: Option<[u8; 3]> = Some([0, 0, 255]);
const WHITE: Option<[u8; 3]> = Some([255, 255, 255]);

fn options() -> Options {
    Options {
        viewport: Viewport { width: 400, height: 300 },
        content_type: Some("text/html; charset=utf-8".to_owned()),
        ..Options::default()
    }
}

fn page(markup: &str, options: Options) -> Page {
    let mut page = Page::new(Url::parse("http://a.example/dir/").unwrap(), options);
    page.feed(markup.as_bytes());
    page.finish_document();
    page
}

/// Files by path; what is not there fails.
struct Site(BTreeMap<&'static str, (&'static str, Vec<u8>)>);

impl Site {
    fn new(files: &[(&'static str, &'static str, &[u8])]) -> Self {
        Site(files.iter().map(|(path, mime, body)| (*path, (*mime, body.to_vec()))).collect())
    }

    fn answer(&self, fetch: &Fetch) -> Delivered {
        match self.0.get(fetch.url.path()) {
            Some((mime, body)) => loaded(fetch, mime, body),
            None => Delivered::Failed { reason: "404 Not Found".to_owned() },
        }
    }

    /// Loads and paints until nothing more is wanted.
    fn load(&self, page: &mut Page) -> Picture {
        for _ in 0..8 {
            while let Some(fetch) = page.poll_fetch() {
                let delivered = self.answer(&fetch);
                page.deliver(fetch.id, delivered);
            }
            let picture = page.paint().unwrap();
            if page.pending().next().is_none() {
                return picture;
            }
        }
        panic!("the page never stops wanting more");
    }
}

fn loaded(fetch: &Fetch, mime: &str, body: &[u8]) -> Delivered {
    Delivered::Loaded {
        bytes: body.to_vec().into(),
        content_type: Some(mime.to_owned()),
        final_url: fetch.url.clone(),
    }
}

fn paint(markup: &str) -> Picture {
    page(markup, options()).paint().unwrap()
}

/// A PNG of one colour.
fn image(width: u32, height: u32, rgb: [u8; 3]) -> Vec<u8> {
    let [red, green, blue] = rgb;
    let pixels = (width * height) as usize;
    Picture { width, height, rgba: [red, green, blue, 255].repeat(pixels) }.png()
}

/// How many pixels of a region are nearly this colour.
fn count(
    picture: &Picture,
    x: std::ops::Range<u32>,
    y: std::ops::Range<u32>,
    rgb: [u8; 3],
) -> usize {
    y.flat_map(|y| x.clone().map(move |x| (x, y)))
        .filter_map(|(x, y)| picture.pixel(x, y))
        .filter(|pixel| pixel.iter().zip(rgb).all(|(a, b)| a.abs_diff(b) < 40))
        .count()
}

#[test]
fn a_box_is_painted_in_its_place() {
    let picture = paint(
        "<!doctype html><style>body{margin:0}div{position:absolute;left:50px;top:20px;width:100px;height:60px;background:red}</style><div></div>",
    );
    assert_eq!((picture.width, picture.height), (400, 300));
    for (x, y, expected) in
        [(49, 50, WHITE), (50, 20, RED), (149, 79, RED), (150, 79, WHITE), (100, 80, WHITE)]
    {
        assert_eq!(picture.pixel(x, y), expected, "{x},{y}");
    }
}

#[test]
fn a_style_sheet_that_comes_late_changes_the_picture() {
    let mut page = page("<!doctype html><link rel=stylesheet href=a.css><div></div>", options());
    let fetch = page.poll_fetch().unwrap();
    assert!(!page.ready_to_paint());
    assert_eq!(page.paint().unwrap().pixel(200, 150), WHITE);
    page.deliver(fetch.id, loaded(&fetch, "text/css", b"html{background:blue}"));
    assert!(page.ready_to_paint() && page.is_stale());
    assert_eq!(page.paint().unwrap().pixel(200, 150), BLUE);
    assert!(!page.is_stale());
}

#[test]
fn the_moments_of_a_page_wait_for_what_browsers_wait_for() {
    let url = Url::parse("http://a.example/").unwrap();
    let mut page = Page::new(url, options());
    page.feed(b"<!doctype html><link rel=stylesheet href=a.css><script defer src=d.js></script>");
    let (style, deferred) = (page.poll_fetch().unwrap(), page.poll_fetch().unwrap());
    page.deliver(style.id, loaded(&style, "text/css", b"p{color:blue}"));
    assert!(!page.ready_to_paint(), "there is nothing to see yet");
    page.feed(b"<p>One<script src=s.js></script><p>Two");
    let script = page.poll_fetch().unwrap();
    assert!(page.ready_to_paint(), "the document need not have ended");
    page.finish_document();
    assert!(!page.is_parsed(), "the parser stops at s.js");
    page.deliver(script.id, loaded(&script, "text/javascript", b""));
    assert!(page.is_parsed() && !page.is_content_loaded());
    page.deliver(deferred.id, loaded(&deferred, "text/javascript", b""));
    assert!(page.is_content_loaded());
}

#[test]
fn a_script_waits_for_the_style_sheets_before_it() {
    let url = Url::parse("http://a.example/").unwrap();
    for (markup, parsed) in [
        ("<!doctype html><link rel=stylesheet href=a.css><script>f()</script><p>x", false),
        ("<!doctype html><script>f()</script><link rel=stylesheet href=a.css><p>x", true),
    ] {
        let mut page = Page::new(url.clone(), options());
        page.feed(markup.as_bytes());
        page.finish_document();
        assert_eq!(page.is_parsed(), parsed, "{markup}");
    }
}

#[test]
fn a_style_sheet_that_fails_does_not_hold_the_picture() {
    let markup = "<!doctype html><head><link rel=stylesheet href=gone.css></head><style>html{background:green}</style><p>x";
    let mut page = page(markup, options());
    let picture = Site::new(&[]).load(&mut page);
    assert_eq!(picture.pixel(200, 200), GREEN);
    assert!(page.ready_to_paint());
    let missing = page
        .notes()
        .iter()
        .any(|note| matches!(note, Note::Missing { reason, .. } if reason.contains("404")));
    assert!(missing, "{:?}", page.notes());
}

#[test]
fn images_are_painted() {
    let site = Site::new(&[
        ("/dir/red.png", "image/png", &image(40, 30, [255, 0, 0])),
        ("/dir/blue.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'><rect width='20' height='20' fill='blue'/></svg>"),
        ("/dir/broken.png", "image/png", b"\x89PNG\r\n\x1a\nno more"),
    ]);
    let markup = "<!doctype html><style>body{margin:0}img{display:block}</style><img src=red.png><img src=blue.svg><img src=broken.png><img src=gone.png>";
    let mut page = page(markup, options());
    let picture = site.load(&mut page);
    assert_eq!(picture.pixel(39, 29), RED);
    assert_eq!(picture.pixel(40, 29), WHITE);
    assert_eq!(picture.pixel(10, 40), BLUE);
    assert_eq!(picture.pixel(10, 51), WHITE);
    let notes = page.notes();
    assert!(notes.iter().any(|note| matches!(note, Note::ImageNotDrawn { url, .. } if url.path() == "/dir/broken.png")), "{notes:?}");
}

#[test]
fn imports_lead_on_and_a_redirect_moves_their_base() {
    let mut page = page("<!doctype html><link rel=stylesheet href=a.css><p>x", options());
    let first = page.poll_fetch().unwrap();
    page.deliver(
        first.id,
        Delivered::Loaded {
            bytes: "@import 'b.css'; html{background:url(bg.png)}".into(),
            content_type: Some("text/css; charset=utf-8".to_owned()),
            final_url: Url::parse("https://cdn.example/v2/a.css").unwrap(),
        },
    );
    let second = page.poll_fetch().unwrap();
    assert_eq!(second.url.as_str(), "https://cdn.example/v2/b.css");
    assert_eq!(second.initiator, Initiator::Style { sheet: first.url.clone() });
    assert!(!page.ready_to_paint(), "an import holds the picture, too");
    page.deliver(
        second.id,
        loaded(
            &second,
            "text/css",
            b"p{position:absolute;top:0;left:0;width:50px;height:50px;margin:0;background:red}",
        ),
    );
    assert_eq!(page.paint().unwrap().pixel(40, 40), RED);
    let third = page.poll_fetch().unwrap();
    assert_eq!((third.url.as_str(), third.kind), ("https://cdn.example/v2/bg.png", Kind::Image));
    assert_eq!(third.initiator, Initiator::Layout);
    page.deliver(third.id, loaded(&third, "image/png", &image(8, 8, [0, 0, 255])));
    assert_eq!(page.paint().unwrap().pixel(200, 200), BLUE);
    assert_eq!(page.poll_fetch(), None);
}

#[test]
fn only_images_of_styles_that_match_are_wanted() {
    let markup = "<!doctype html><style>.a{background:url(a.png)}.b{background:url(b.png)}</style><p class=a style='list-style:none'>x<p style='background:url(c.png)'>y";
    let mut page = page(markup, options());
    assert_eq!(page.poll_fetch(), None);
    page.lay_out().unwrap();
    let mut wanted: Vec<String> =
        std::iter::from_fn(|| page.poll_fetch()).map(|f| f.url.path().to_owned()).collect();
    wanted.sort();
    assert_eq!(wanted, ["/dir/a.png", "/dir/c.png"]);
}

#[test]
fn link_media_disabled_and_alternate_are_honoured() {
    let bad: &[u8] = b"html{background:red}";
    let site = Site::new(&[
        ("/dir/bad.css", "text/css", bad),
        ("/dir/good.css", "text/css", b"html{background:green}"),
    ]);
    let rows = [
        "<link rel=stylesheet media=print href=bad.css>",
        "<link rel='alternate stylesheet' title=x href=bad.css>",
        "<link rel=stylesheet disabled href=bad.css>",
        "<link rel=stylesheet media='(min-width: 9000px)' href=bad.css>",
        "<style media=print>html{background:red}</style>",
        "<style type=text/x>html{background:red}</style>",
        "<link rel=STYLESHEET media=screen href=good.css>",
        "<style>@import 'bad.css' print;</style>",
    ];
    for row in rows {
        let markup = format!("<!doctype html><link rel=stylesheet href=good.css>{row}<p>x");
        let picture = site.load(&mut page(&markup, options()));
        assert_eq!(picture.pixel(200, 200), GREEN, "{row}");
    }
}

#[test]
fn a_style_sheet_of_the_wrong_type_is_refused_and_told() {
    let site = Site::new(&[("/dir/a.css", "text/html; charset=utf-8", b"html{background:red}")]);
    let mut page = page("<!doctype html><link rel=stylesheet href=a.css><p>x", options());
    assert_eq!(site.load(&mut page).pixel(200, 200), WHITE);
    assert!(page.notes().iter().any(|note| matches!(note, Note::StyleRefused { .. })));
}

#[test]
fn base_moves_images_and_styles() {
    let site = Site::new(&[("/else/a.png", "image/png", &image(50, 50, [255, 0, 0]))]);
    let markup = "<!doctype html><base href=/else/><style>body{margin:0}</style><img src=a.png>";
    assert_eq!(site.load(&mut page(markup, options())).pixel(25, 25), RED);
}

#[test]
fn srcset_picture_and_lazy_images_are_painted() {
    let site = Site::new(&[
        ("/dir/red.png", "image/png", &image(50, 50, [255, 0, 0])),
        ("/dir/blue.png", "image/png", &image(50, 50, [0, 0, 255])),
    ]);
    let rows = [
        "<img src=blue.png srcset='red.png 400w' sizes=400px width=50>",
        "<picture><source type=image/avif srcset=blue.avif><source srcset=red.png><img src=blue.png></picture>",
        "<picture><source media=print srcset=blue.png><img src=red.png></picture>",
        "<img loading=lazy src=red.png>",
        "<img loading=lazy srcset=red.png>",
    ];
    for row in rows {
        let markup = format!("<!doctype html><style>body{{margin:0}}</style>{row}");
        let mut page = page(&markup, options());
        assert_eq!(site.load(&mut page).pixel(20, 20), RED, "{row}");
        assert_eq!(page.summary().wanted, 1, "{row}");
    }
}

#[test]
fn lazy_images_far_below_wait_unless_the_full_page_is_wanted() {
    let markup = "<!doctype html><div style='height:9000px'></div><img loading=lazy src=a.png>";
    let mut first = page(markup, options());
    first.paint().unwrap();
    assert_eq!(first.poll_fetch(), None);
    let mut full = page(markup, Options { extent: Extent::Full, ..options() });
    assert!(full.paint().unwrap().height > 9000);
    assert_eq!(full.poll_fetch().unwrap().url.path(), "/dir/a.png");
}

/// What has no box is nowhere, and so not near the viewport.
#[test]
fn lazy_images_without_a_box_wait() {
    let markup = "<!doctype html><style>.modal{display:none}</style>\
        <div class=modal><p><img loading=lazy src=a.png></p></div>\
        <img loading=lazy style='display:none' src=b.png><img loading=lazy src=c.png>";
    let mut page = page(markup, options());
    page.lay_out().unwrap();
    assert_eq!(page.poll_fetch().unwrap().url.path(), "/dir/c.png");
    assert_eq!(page.poll_fetch(), None);
}

#[test]
fn an_xhtml_doctype_served_as_html_is_html() {
    let markup = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><style>body{margin:0;background:green}</style></head><body><p>a<br>b & c<div>unclosed";
    assert_eq!(paint(markup).pixel(200, 200), GREEN);
}

#[test]
fn xhtml_served_as_xhtml_is_xml() {
    let markup = "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title/><style>body{margin:0}div{height:50px;background:red}</style></head><body><script src=\"x\"/><div/><p/></body></html>";
    let options = Options { content_type: Some("application/xhtml+xml".to_owned()), ..options() };
    assert_eq!(page(markup, options).paint().unwrap().pixel(200, 20), RED);
}

#[test]
fn entities_in_style_elements_are_left_alone() {
    let picture = paint(
        "<!doctype html><style>body{margin:0}p::before{content:\"&lt;\";}p{margin:0} div { &.x { height:40px; background:red } }</style><div class=x></div>",
    );
    assert_eq!(picture.pixel(10, 20), RED);
}

#[test]
fn hidden_inline_text_is_not_painted() {
    let dark = |style: &str| {
        let picture = paint(&format!(
            "<!doctype html><style>body{{margin:0;font:40px Arial;color:black}}</style>a<span style='{style}'>MMMMMM</span>"
        ));
        count(&picture, 40..400, 0..60, [0, 0, 0])
    };
    assert!(dark("") > 500);
    assert_eq!(dark("visibility:hidden;text-decoration:underline"), 0);
    assert_eq!(dark("visibility:hidden;color:black!important"), 0);
}

#[test]
fn what_is_visible_inside_hidden_text_is_painted() {
    let picture = paint(
        "<!doctype html><style>body{margin:0;font:40px Arial;color:black}span{visibility:hidden}b{visibility:visible}</style><span>MMM<b>MMM</b></span>",
    );
    assert_eq!(count(&picture, 0..90, 0..60, [0, 0, 0]), 0);
    assert!(count(&picture, 100..220, 0..60, [0, 0, 0]) > 200);
}

#[test]
fn arial_and_helvetica_have_their_own_widths() {
    // Eight "m" of 0.833 em each (Arial's advance is 1706 of 2048) at 30 px: 200 px wide.
    for family in ["Arial", "Helvetica", "Liberation Sans", "sans-serif", "Nope, Arial"] {
        let markup = format!(
            "<!doctype html><style>body{{margin:0}}span{{font:30px {family};background:red;color:red}}</style><span>mmmmmmmm</span>"
        );
        let picture = paint(&markup);
        let width = count(&picture, 0..400, 15..16, [255, 0, 0]);
        assert!((198..=202).contains(&width), "{family}: {width}");
    }
}

#[test]
fn a_font_of_the_page_is_wanted_only_where_text_is_set_in_it() {
    let markup = "<!doctype html><style>
        @font-face{font-family:Used;src:url(used.eot?#iefix),url(used.woff2)}
        @font-face{font-family:Used;font-weight:bold;src:url(bold.woff2)}
        @font-face{font-family:Used;src:url(greek.woff2);unicode-range:U+370-3FF}
        @font-face{font-family:Unused;src:url(unused.woff2)}
        @font-face{font-family:Print;src:url(print.woff2)}
        p{font-family:Used,Other} @media print{p{font-family:Print}}</style><p>text";
    let mut page = page(markup, options());
    page.lay_out().unwrap();
    let wanted: Vec<_> = std::iter::from_fn(|| page.poll_fetch()).collect();
    let paths: Vec<_> = wanted.iter().map(|fetch| fetch.url.path()).collect();
    assert_eq!(paths, ["/dir/used.woff2"]);
    assert_eq!(wanted[0].kind, Kind::Font);
}

/// Chromium asks for fonts as it comes to text that is set in them.
/// CSS Fonts 4, section 4.3: sources are tried in their order.
#[test]
fn the_next_source_of_a_font_is_asked_for_where_one_fails() {
    let mut page = page(
        "<!doctype html><style>@font-face{font-family:A;src:url(a.eot),url(a.woff2),url(b.woff),url(c.ttf)}
        p{font-family:A}</style><p>text",
        options(),
    );
    let mut asked = Vec::new();
    for _ in 0..6 {
        page.paint().unwrap();
        while let Some(fetch) = page.poll_fetch() {
            asked.push(fetch.url.path().to_owned());
            page.deliver(fetch.id, Delivered::Failed { reason: "404 Not Found".to_owned() });
        }
    }
    assert_eq!(asked, ["/dir/a.woff2", "/dir/b.woff", "/dir/c.ttf"]);
}

#[test]
fn fonts_are_wanted_in_the_order_of_their_first_use() {
    let markup = "<!doctype html><style>
        @font-face{font-family:Aa;src:url(a.woff2)} @font-face{font-family:Bb;src:url(b.woff2)}
        @font-face{font-family:Cc;src:url(c.woff2)}
        h1{font-family:Cc} p{font-family:Bb} b{font-family:Aa}</style><h1>x</h1><p>y <b>z</b></p>";
    let mut page = page(markup, options());
    page.lay_out().unwrap();
    let wanted: Vec<_> = std::iter::from_fn(|| page.poll_fetch()).collect();
    let paths: Vec<_> = wanted.iter().map(|fetch| fetch.url.path()).collect();
    assert_eq!(paths, ["/dir/c.woff2", "/dir/b.woff2", "/dir/a.woff2"]);
}

#[test]
fn a_font_of_the_page_is_used_when_it_comes() {
    let mono = std::fs::read("fonts/LiberationMono-Regular.ttf").unwrap();
    let site =
        Site::new(&[("/dir/x.ttf", "font/ttf", &mono), ("/dir/bad.ttf", "font/ttf", b"no font")]);
    let markup = "<!doctype html><style>@font-face{font-family:X;src:url(x.ttf)}@font-face{font-family:Y;src:url(bad.ttf)}body{margin:0}span{font:30px X,Y;background:red;color:red}</style><span>iiiiiiii</span>";
    let mut page = page(markup, options());
    let before = count(&page.paint().unwrap(), 0..400, 15..16, [255, 0, 0]);
    let after = count(&site.load(&mut page), 0..400, 15..16, [255, 0, 0]);
    // Liberation Mono's advance is 1229 of 2048: 8 × 30 × 0.6 = 144.
    assert!((143..=145).contains(&after) && before < 120, "{before} {after}");
    assert!(page.notes().iter().any(|note| matches!(note, Note::FontNotUsed { .. })));
}

#[test]
fn dark_scheme_scale_and_full_extent() {
    let markup = "<!doctype html><style>body{margin:0}@media (prefers-color-scheme: dark){html{background:blue}}div{height:700px}</style><div></div>";
    let dark = page(markup, Options { scheme: Scheme::Dark, ..options() }).paint().unwrap();
    assert_eq!(dark.pixel(200, 150), BLUE);
    let double = page(markup, Options { scale: 2.0, ..options() }).paint().unwrap();
    assert_eq!((double.width, double.height), (800, 600));
    let full = page(markup, Options { extent: Extent::Full, ..options() }).paint().unwrap();
    assert_eq!((full.width, full.height), (400, 700));
}

#[test]
fn the_background_of_root_or_body_covers_the_canvas() {
    let site = Site::new(&[("/dir/a.png", "image/png", &image(8, 8, [255, 0, 0]))]);
    let rows = [
        ("html{background:url(a.png)}", RED),
        ("body{background:url(a.png)}", RED),
        ("body{background:linear-gradient(blue,blue)}", BLUE),
        ("html{background:green}body{background:url(a.png)}", GREEN),
        ("html{background:url(a.png) no-repeat green}", GREEN),
        ("body{background:url(a.png) no-repeat blue}", BLUE),
    ];
    for (style, expected) in rows {
        let markup = format!("<!doctype html><style>{style}</style><p>short");
        let picture = site.load(&mut page(&markup, options()));
        assert_eq!(picture.pixel(390, 290), expected, "{style}");
    }
}

#[test]
fn rules_under_rows_of_a_collapsed_table_are_painted() {
    let table = |cell: &str, row: &str| {
        paint(&format!(
            "<!doctype html><style>body{{margin:0}}table{{border-collapse:collapse;width:200px}}td{{padding:0;height:30px;{cell}}}tr{{{row}}}</style><table><tr><td><td><tr><td><td></table>"
        ))
    };
    for picture in
        [table("border-bottom:4px solid red", ""), table("", "border-bottom:4px solid red")]
    {
        assert_eq!(count(&picture, 0..200, 0..80, [255, 0, 0]), 2 * 4 * 200);
        assert_eq!(count(&picture, 0..200, 0..30, [255, 0, 0]), 0);
    }
    let grid = table("border:2px solid red", "");
    assert_eq!(grid.pixel(100, 40), RED, "the line between the columns");
    assert_eq!(grid.pixel(50, 20), WHITE);
}

#[test]
fn generated_content_of_nested_inline_elements_is_painted() {
    let text = |markup: &str| {
        paint(&format!(
            "<!doctype html><style>x-a::before{{content:'A'}}x-b::after{{content:'B';color:red}}i{{font-style:normal}}</style><p style='font:30px Courier'>{markup}"
        ))
    };
    let expected = text("A1<b><span>2</span><font style='color:red'>B</font></b>");
    assert_eq!(text("<i><x-a>1</x-a></i><b><i><x-b>2</x-b></i></b>"), expected);
    assert_eq!(text("<x-a>1</x-a><b><x-b>2</x-b></b>"), expected);
    assert_ne!(text("12"), expected);
}

#[test]
fn old_attributes_and_quotation_marks_are_painted() {
    let table = |attribute: &str| {
        let style = "body{margin:0}table{width:200px}td{height:30px}";
        let cells = "<tr><td><td><tr><td><td>";
        let markup =
            format!("<!doctype html><style>{style}</style><table {attribute}>{cells}</table>");
        count(&paint(&markup), 0..210, 0..90, [128, 128, 128])
    };
    assert_eq!(table(""), 0);
    assert!(table("border=1") > 4 * 200, "{}", table("border=1"));
    let text =
        |markup: &str| paint(&format!("<!doctype html><p style='font:30px Courier'>{markup}"));
    assert_eq!(text("<q>a <q>b</q></q>"), text("“a ‘b’”"));
}

#[test]
fn numbers_of_lists_keep_a_gap_and_count_as_told() {
    let list = |markup: &str| {
        let style = "<!doctype html><style>body{margin:0;font:20px Arial}</style>";
        paint(&format!("{style}{markup}"))
    };
    let decimal = list("<ol><li>&nbsp;</ol>");
    let last = (0..40).rfind(|&x| count(&decimal, x..x + 1, 0..50, [0, 0, 0]) > 0);
    // The number's ink ends before the item's edge at 40 px by a space of 5 px or so.
    assert!(matches!(last, Some(30..=36)), "{last:?}");
    let seven = list("<ol start=7><li>&nbsp;</ol>");
    assert_ne!(decimal, seven);
    assert_eq!(seven, list("<ol><li value=7>&nbsp;</ol>"));
    let roman = list("<ol type=I start=5><li>&nbsp;</ol>");
    assert_eq!(roman, list("<ol style='list-style:upper-roman'><li value=5>&nbsp;</ol>"));
    assert_ne!(roman, list("<ol type=A start=5><li>&nbsp;</ol>"));
}

#[test]
fn an_item_below_a_wide_float_keeps_its_number() {
    let list = |share: &str, item: &str| {
        paint(&format!(
            "<!doctype html><style>body{{margin:0;font:20px Arial}}i{{float:left;width:{share};height:30px}}\
             li{{{item}}}</style><ol type=I start=1994><i></i><li>one<li>two</ol>"
        ))
    };
    // One item is cleared of the float by the page, the other by us.
    assert_eq!(list("100%", ""), list("100%", "clear:both"));
    assert_ne!(list("100%", ""), list("100%", "list-style-type:decimal"));
}

#[test]
fn a_collapsed_table_keeps_the_shares_of_its_columns() {
    let width = |table: &str, cell: &str| {
        let picture = paint(&format!(
            "<!doctype html><style>body{{margin:0}}table{{width:400px;{table}}}col{{width:75%}}\
             td{{padding:0;{cell}}}td:first-child{{background:red;color:red}}</style>\
             <table><col><tr><td>a<td>some words that are wider than a quarter</table>"
        ));
        let [left, _, right, _] = bounds(&picture, [255, 0, 0]).unwrap();
        right - left + 1
    };
    let spaced = "border-spacing:0";
    let collapsed = "border-collapse:collapse";
    assert_eq!(width(spaced, ""), 300);
    assert_eq!(width(collapsed, "border-bottom:1px solid blue"), 300);
}

#[test]
fn controls_show_what_they_hold() {
    let dark = |markup: &str| {
        let picture = paint(&format!("<!doctype html><style>body{{margin:0}}</style>{markup}"));
        count(&picture, 4..140, 4..16, [0, 0, 0])
    };
    assert!(
        dark("<select><option>mmmm<option>x</select>")
            > dark("<select><option>mmmm<option selected>i</select>")
    );
    assert_eq!(dark("<input value=mmmm>"), dark("<input type=search value=mmmm>"));
    assert!(dark("<input value=mmmm>") > dark("<input placeholder=mmmm>"));
    assert!(dark("<input type=number value=8888>") > 20);
    assert!(dark("<input type=submit>") > 10);
    assert_eq!(dark("<input type=password value=abcd>"), dark("<input type=password value=wxyz>"));
    assert!(dark("<details open><summary></summary>mmmm") > 0);
    assert_eq!(
        count(
            &paint(
                "<!doctype html><style>body{margin:0}</style><details><summary></summary>mmmm<p>mmmm</p></details>"
            ),
            20..400,
            0..300,
            [0, 0, 0]
        ),
        0
    );
    let bar = paint("<!doctype html><style>body{margin:0}</style><progress value=50 max=100>");
    assert!(
        count(&bar, 0..80, 0..30, [0, 117, 255]) > 10 * count(&bar, 82..170, 0..30, [0, 117, 255])
    );
}

#[test]
fn text_in_svg_is_set_in_the_carried_fonts() {
    // Eight "m" of 0.833 em each at 30 px are 200 px wide.
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='60'><text y='40' font-family='Helvetica' font-size='30' fill='red'>mmmmmmmm</text></svg>";
    let site = Site::new(&[("/dir/a.svg", "image/svg+xml", svg.as_bytes())]);
    for markup in [svg, "<img src=a.svg>"] {
        let markup = format!("<!doctype html><style>body{{margin:0}}</style>{markup}");
        let picture = site.load(&mut page(&markup, options()));
        let last = (0..400).rfind(|&x| count(&picture, x..x + 1, 0..60, [255, 0, 0]) > 0);
        let last = last.unwrap_or(0);
        assert!((194..=200).contains(&last), "{last}");
    }
}

#[test]
fn what_fades_in_has_come() {
    let style = "@keyframes in{from{opacity:0}} div{height:50px;background:red}";
    for animation in ["in 1s", "in 2s both", "in 1s infinite alternate", "in 200ms 1s backwards"] {
        let markup = format!(
            "<!doctype html><style>body{{margin:0}}{style}div{{animation:{animation}}}</style><div></div>"
        );
        assert_eq!(paint(&markup).pixel(20, 20), RED, "{animation}");
    }
}

#[test]
fn the_alternative_of_a_failed_image_is_shown() {
    let mut page = page(
        "<!doctype html><style>body{margin:0;font:30px Arial}</style><img src=gone.png alt='mmmm'>",
        options(),
    );
    let before = count(&page.paint().unwrap(), 0..200, 0..60, [0, 0, 0]);
    let after = count(&Site::new(&[]).load(&mut page), 0..200, 0..60, [0, 0, 0]);
    assert_eq!(before, 0);
    assert!(after > 200, "{after}");
}

#[test]
fn the_same_page_is_the_same_file() {
    let markup = "<!doctype html><style>body{font:16px/1.5 serif;background:linear-gradient(#fff,#88f)}p{box-shadow:0 2px 9px #0008;border-radius:9px;transform:rotate(3deg)}</style><p>Grüße ★ 😀 <b>b</b> <i>i</i> <code>c</code><svg width=50 height=50><circle cx=25 cy=25 r=20 fill=red /></svg>";
    let first = page(markup, options()).paint().unwrap().png();
    for _ in 0..3 {
        assert!(page(markup, options()).paint().unwrap().png() == first);
    }
    let by_pieces = {
        let mut page = Page::new(Url::parse("http://a.example/dir/").unwrap(), options());
        for piece in markup.as_bytes().chunks(7) {
            page.feed(piece);
        }
        page.finish_document();
        page.paint().unwrap().png()
    };
    assert!(by_pieces == first);
}

#[test]
fn a_job_runs_elsewhere_and_what_came_meanwhile_counts_later() {
    let mut page = page("<!doctype html><link rel=stylesheet href=a.css><p>x", options());
    let fetch = page.poll_fetch().unwrap();
    let job = page.job(Goal::Paint).unwrap();
    let worker = std::thread::spawn(move || job.run());
    page.deliver(fetch.id, loaded(&fetch, "text/css", b"html{background:red url(bg.png)}"));
    let picture = page.take(worker.join().unwrap().unwrap()).unwrap().picture().unwrap();
    assert_eq!(picture.pixel(200, 200), WHITE);
    assert!(page.is_stale());
    assert_eq!(page.paint().unwrap().pixel(200, 200), RED);
    assert_eq!(page.poll_fetch().unwrap().url.path(), "/dir/bg.png");
}

#[test]
fn the_machine_s_fonts_are_an_option() {
    let picture = page("<!doctype html><p>text", Options { fonts: Fonts::System, ..options() })
        .paint()
        .unwrap();
    assert!(count(&picture, 0..400, 0..60, [0, 0, 0]) > 20);
}

#[test]
fn before_the_first_byte_there_is_no_picture() {
    let mut page = Page::new(Url::parse("http://a.example/").unwrap(), options());
    assert_eq!(page.paint(), Err(PaintError::Empty));
    page.finish_document();
    assert_eq!(page.lay_out(), Err(PaintError::Empty));
}

/// Where pixels of nearly this colour are: the smallest and largest of each coordinate.
fn bounds(picture: &Picture, rgb: [u8; 3]) -> Option<[u32; 4]> {
    let mut found: Option<[u32; 4]> = None;
    for (x, y) in (0..picture.height).flat_map(|y| (0..picture.width).map(move |x| (x, y))) {
        if count(picture, x..x + 1, y..y + 1, rgb) > 0 {
            let [left, top, right, bottom] = found.unwrap_or([x, y, x, y]);
            found = Some([left.min(x), top.min(y), right.max(x), bottom.max(y)]);
        }
    }
    found
}

#[test]
fn a_short_inline_element_has_its_box() {
    let style = "body{margin:0;font:16px/40px Arial}span{background:red;color:red}";
    let shape = |more: &str| {
        let markup =
            format!("<!doctype html><style>{style}{more}</style>one <span>two</span> three");
        bounds(&paint(&markup), [255, 0, 0]).unwrap()
    };
    let [left, top, right, bottom] = shape("");
    let padded = shape("span{padding:3px 10px;border:2px solid red}");
    assert_eq!((padded[0], padded[2]), (left, right + 24));
    // The line does not move, and the box reaches above and below it.
    assert!(padded[1] <= top && padded[3] >= bottom, "{padded:?}, without: {top} to {bottom}");
    assert_eq!(padded[3] - padded[1] + 1, 18 + 10);
    assert_eq!(shape("span{margin-left:30px}")[0], left + 30);
}

#[test]
fn text_to_which_a_background_is_clipped_has_its_colour() {
    let picture = paint(
        "<!doctype html><style>body{margin:0;font:bold 40px Arial}h1{background:linear-gradient(90deg,#00f,#00f);\
         -webkit-background-clip:text;-webkit-text-fill-color:transparent;height:60px}i{background:red}</style>\
         <h1>Title<i>.</i></h1>",
    );
    let blue = count(&picture, 0..400, 0..150, [0, 0, 255]);
    assert!((400..8000).contains(&blue), "{blue} pixels of 24000 are blue");
    assert!(count(&picture, 0..400, 0..150, [255, 0, 0]) > 100, "the clip is not inherited");
}

#[test]
fn a_check_box_looks_as_the_page_says_only_if_it_says_so() {
    let row = |more: &str| {
        let markup = format!(
            "<!doctype html><style>body{{margin:0}}input{{margin:0;{more}}}</style><input type=checkbox checked>"
        );
        paint(&markup)
    };
    let [left, top, right, bottom] = bounds(&row(""), [0, 117, 255]).unwrap();
    assert_eq!((right - left, bottom - top), (12, 12));
    let bare = "width:30px;height:30px;background:red;border:0";
    assert_eq!(bounds(&row(&format!("appearance:none;{bare}")), [255, 0, 0]), Some([0, 0, 29, 29]));
    let prefixed = format!("-webkit-appearance:none;{bare}");
    assert_eq!(bounds(&row(&prefixed), [255, 0, 0]), Some([0, 0, 29, 29]));
}

#[test]
fn text_begins_below_a_float_that_leaves_it_no_room() {
    for after in ["some words", "<p>some words", "<span>some</span> words"] {
        let picture = paint(&format!(
            "<!doctype html><style>body{{margin:0;font:16px Arial;color:red}}p{{margin:0}}\
             div{{float:left;width:96%;height:50px;background:blue}}</style><div></div>{after}"
        ));
        let [left, top, right, _] = bounds(&picture, [255, 0, 0]).unwrap();
        assert!(left < 4 && top >= 50 && right < 200, "{after}: {left} {top} {right}");
        assert_eq!(bounds(&picture, [0, 0, 255]), Some([0, 0, 383, 49]), "{after}");
    }
}

#[test]
fn a_caption_takes_no_border_and_no_width() {
    let table = |caption: &str| {
        let picture = paint(&format!(
            "<!doctype html><style>body{{margin:0;color:white}}table{{border-collapse:collapse}}\
             td{{border:2px solid red;width:60px;padding:0}}</style>\
             <table>{caption}<tr><td>a<td>b</table>"
        ));
        let [left, top, right, bottom] = bounds(&picture, [255, 0, 0]).unwrap();
        (right - left, bottom - top)
    };
    // Two cells of 60 pixels and three borders; a line of 18 and two borders.
    let (wide, high) = (60 + 60 + 3 * 2 - 1, 18 + 2 * 2 - 1);
    assert_eq!(table("").0, wide);
    assert_eq!(table("<caption>a caption of a few words more than fit</caption>"), (wide, high));
}

#[test]
fn a_table_inherits_no_font_in_quirks_mode() {
    let height = |doctype: &str| {
        let picture = paint(&format!(
            "{doctype}<style>body{{margin:0;font:40px Arial}}td{{background:red;color:red;padding:0}}</style><table><td>x</table>"
        ));
        let [_, top, _, bottom] = bounds(&picture, [255, 0, 0]).unwrap();
        bottom - top + 1
    };
    assert_eq!(height(""), 18);
    assert!(height("<!doctype html>") > 40);
}

#[test]
fn a_picture_is_no_wider_than_the_column_of_its_inline_block() {
    let site = Site::new(&[("/dir/a.png", "image/png", &image(200, 100, [255, 0, 0]))]);
    for inner in ["<label><img src=a.png></label>", "<label><p><img src=a.png></p></label>"] {
        let markup = format!(
            "<!doctype html><style>body,p{{margin:0}}.r{{display:flex;width:300px}}.c{{flex:none;width:80px}}\
             label{{display:inline-block}}img{{display:block;max-width:100%}}</style>\
             <div class=r><div class=c>{inner}</div></div>"
        );
        let picture = site.load(&mut page(&markup, options()));
        let [left, _, right, _] = bounds(&picture, [255, 0, 0]).unwrap();
        assert_eq!((left, right), (0, 79), "{inner}");
    }
}

/// What counts as content, in the order of size.
fn content(page: &Page) -> Vec<(String, Option<String>, u32, u32, u64)> {
    let look = page.job_of(&page.snapshot(), Goal::Content).look().unwrap();
    assert_eq!(look.picture, None);
    let mut found: Vec<_> = look
        .candidates
        .into_iter()
        .map(|one| {
            let path = one.url.map(|url| url.path().to_owned());
            (one.element, path, one.width, one.height, one.size)
        })
        .collect();
    found.sort_by_key(|one| core::cmp::Reverse(one.4));
    found
}

/// A PNG of many colours, so that it has bytes enough to be content.
fn photograph(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1u32;
    let mut rgba = Vec::new();
    for _ in 0..width * height {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [red, green, blue, _] = state.to_be_bytes();
        rgba.extend([red, green, blue, 255]);
    }
    Picture { width, height, rgba }.png()
}

#[test]
fn content_is_as_large_as_the_viewport_shows_it() {
    let site = Site::new(&[
        ("/dir/photo.png", "image/png", &photograph(200, 100)),
        ("/dir/small.png", "image/png", &photograph(20, 10)),
        ("/dir/plain.png", "image/png", &image(20, 20, [1, 2, 3])),
        ("/dir/fill.png", "image/png", &photograph(400, 300)),
    ]);
    let style = "<!doctype html><style>body{margin:0;font:20px/30px Arial}p{margin:0}img{display:block}</style>";
    let of = |markup: &str| {
        let mut page = page(&format!("{style}{markup}"), options());
        site.load(&mut page);
        content(&page)
    };
    let one = |element: &str, path: &str, width, height, size| {
        [(element.to_owned(), Some(path.to_owned()), width, height, size)]
    };
    assert_eq!(of("<img src=photo.png>"), one("img", "/dir/photo.png", 200, 100, 20_000));
    // Half of it is below the viewport, and a padding is not the picture.
    assert_eq!(
        of("<div style=height:240px></div><img style='padding:10px' src=photo.png>"),
        one("img", "/dir/photo.png", 200, 50, 10_000)
    );
    // Drawn larger than it is, it holds no more than it does.
    assert_eq!(
        of("<img src=small.png style=width:200px;height:100px>"),
        one("img", "/dir/small.png", 200, 100, 200)
    );
    assert_eq!(
        of("<div style='width:100px;height:80px;background:url(photo.png)'></div>"),
        one("div", "/dir/photo.png", 100, 80, 8_000)
    );
    // Neither what has hardly a byte for a pixel, nor what fills the viewport, nor what is not to be seen.
    for nothing in [
        "<img src=plain.png style=width:300px;height:200px>",
        "<img src=fill.png>",
        "<div style=opacity:0><img src=photo.png></div>",
        "<img src=photo.png style=visibility:hidden>",
        "<img src=gone.png><div style=margin-top:300px>below</div>",
        "<p style=color:transparent>unseen",
    ] {
        assert_eq!(of(nothing), [], "{nothing}");
    }
}

#[test]
fn text_belongs_to_its_block_and_is_as_large_as_its_lines() {
    let style = "<!doctype html><style>body{margin:0;font:20px/30px Arial}p,h1{margin:0;font:20px/30px Arial}</style>";
    let of = |markup: &str| content(&page(&format!("{style}{markup}"), options()));
    let (element, url, width, height, size) = of("<p>Three words <b>here</b>").remove(0);
    assert_eq!((element.as_str(), url, height), ("p", None, 30));
    assert!((100..200).contains(&width), "{width}");
    assert_eq!(size, u64::from(width) * 30);
    let two = of("<p>One<br>two, which is longer<h1>A</h1>");
    assert_eq!(
        two.iter().map(|one| (one.0.as_str(), one.3)).collect::<Vec<_>>(),
        [("p", 60), ("h1", 30)]
    );
    // Lines around a block belong to the element around all of them.
    let around = of("<div>above<p>between</p>below, and more</div>");
    assert_eq!(
        around.iter().map(|one| (one.0.as_str(), one.3)).collect::<Vec<_>>(),
        [("div", 90), ("p", 30)]
    );
    assert_eq!(of("<p> &#10; "), []);
}

#[test]
fn a_page_can_be_looked_at_as_it_stood() {
    let mut page = Page::new(Url::parse("http://a.example/dir/").unwrap(), options());
    page.feed(b"<!doctype html><body style=margin:0;background:blue><p>One");
    let first = page.snapshot();
    assert!(!page.differs_from(&first));
    page.feed(b"<p>Two<img src=photo.png>");
    let second = page.snapshot();
    assert!(page.differs_from(&first));
    let fetch = page.poll_fetch().unwrap();
    page.deliver(fetch.id, loaded(&fetch, "image/png", &photograph(100, 80)));
    page.finish_document();
    let third = page.snapshot();
    let elements = |snapshot| {
        let look = page.job_of(snapshot, Goal::Frame).look().unwrap();
        let picture = look.picture.unwrap();
        assert_eq!((picture.width, picture.height), (320, 240));
        assert_eq!(picture.picture().unwrap().pixel(310, 230), BLUE);
        look.candidates
    };
    // Not in the order of time.
    let (third, first, second) = (elements(&third), elements(&first), elements(&second));
    let names = |of: &[roundtrip_page::Candidate]| {
        of.iter().map(|one| one.element.clone()).collect::<Vec<_>>()
    };
    assert_eq!((names(&first), names(&second)), (vec!["p".into()], vec!["p".into(), "p".into()]));
    assert_eq!(names(&third), ["img", "p", "p"]);
    assert!(first[0].is_same(&second[0]) && first[0].is_same(&third[1]));
    assert!(!second[1].is_same(&third[1]) && second[1].is_same(&third[2]));
}

#[test]
fn a_picture_shrinks_to_the_mean_of_its_pixels() {
    let rows: Vec<u8> =
        (0..4u8).flat_map(|y| (0..4u8).flat_map(move |x| [x * 10, y * 10, 7, 255])).collect();
    let whole = Picture { width: 4, height: 4, rgba: rows };
    let half = whole.shrunk(2, 99);
    assert_eq!((half.width, half.height), (2, 2));
    assert_eq!([half.pixel(0, 0), half.pixel(1, 1)], [Some([5, 5, 7]), Some([25, 25, 7])]);
    assert_eq!(
        whole.shrunk(9, 3),
        Picture { height: 3, rgba: whole.rgba[..48].to_vec(), ..whole.clone() }
    );
    let odd = whole.shrunk(3, 1);
    assert_eq!((odd.width, odd.height, odd.rgba.len()), (3, 1, 12));
}
