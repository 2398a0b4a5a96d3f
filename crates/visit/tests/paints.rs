//! When the first and the largest content came on the display, and the row of pictures that shows the way there.

#![cfg(feature = "page")]

mod common;

use core::time::Duration;
use std::path::Path;
use std::rc::Rc;

use common::{artefacts, cable, events, in_lab};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_lab::LabHost;
use roundtrip_page::Picture;
use roundtrip_record::{Folder, LargestContent, Milestone, PageFrame, Settings, Time};
use roundtrip_story::Story;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, Plan};
use roundtrip_wire::{LocalFuture, Wire as _};

/// How long the server thinks about a picture, and before the second half of a page.
const THINK: Duration = Duration::from_millis(700);
const STYLE: &str = "<!doctype html><title>x</title><style>body{margin:0;font:20px/30px Arial}\
    h1,p{margin:0;font:20px/30px Arial}img{display:block}</style>";
/// Text first, then a picture that covers more.
const PICTURE: &str = "<h1>First</h1><img src=/photo.png width=300 height=200>";
/// Text that covers more than the picture after it.
const TEXT: &str = "<p style=width:600px>Word word word word word word word word word word word word \
    word word word word word word word word word word word word word word word word word word word word \
    word word word word word word word word word word word word word word word word word word word word \
    <img src=/photo.png width=60 height=40>";

/// A page whose picture is late.
struct Late {
    host: LabHost,
    body: &'static str,
}

impl Handler for Late {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            match request.path() {
                "/" => Response::ok("text/html", format!("{STYLE}{}", self.body)),
                "/photo.png" => {
                    self.host.sleep(THINK).await;
                    Response::ok("image/png", photograph(300, 200))
                }
                _ => Response::error(http::StatusCode::NOT_FOUND, "There is no such thing."),
            }
        })
    }
}

/// A PNG with bytes enough to be content.
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

/// A visit of a page with this body.
struct Seen {
    story: Story,
    folder: tempfile::TempDir,
}

impl Seen {
    fn visit(body: &'static str, change: impl FnOnce(&mut Plan)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut plan = Plan::get("http://www.shop.example/".parse().expect("a URL"))
            .behaving_as(Browser::CHROMIUM);
        change(&mut plan);
        let sites = || {
            let make = move |host: &LabHost| -> Rc<dyn Handler> {
                Rc::new(Late { host: host.clone(), body })
            };
            vec![Site::http("www.shop.example", Box::new(make))]
        };
        let subject = plan.url.to_string();
        let title = Title { command: "visit".into(), subject, replay_of: None };
        let record = Settings::in_folder(folder.path());
        let visited = in_lab(&title, &plan, sites, &cable(1), record).expect("a lab");
        assert_eq!(visited.exit, 0);
        Self { story: Story::new(events(folder.path())), folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn reached(&self, name: &Milestone) -> Time {
        self.story.milestone(name).unwrap_or_else(|| panic!("{name:?} was not reached"))
    }

    fn largest(&self) -> &LargestContent {
        &self.story.largest.as_ref().expect("a largest element").what
    }

    /// When the picture had come.
    fn came(&self) -> Time {
        let picture = self.story.exchanges.iter().find(|one| one.url.ends_with("/photo.png"));
        picture.expect("the picture").span.end
    }

    fn frames(&self) -> Vec<(Time, &PageFrame)> {
        self.story.frames.iter().map(|frame| (frame.at, &frame.what)).collect()
    }
}

#[test]
fn a_large_picture_that_comes_late_is_the_largest_content() {
    let seen = Seen::visit(PICTURE, |_| {});
    let (first, largest) = (
        seen.reached(&Milestone::FirstContentfulPaint),
        seen.reached(&Milestone::LargestContentfulPaint),
    );
    assert_eq!(first, seen.reached(&Milestone::FirstPaint));
    assert!(first < seen.came() && seen.came() < largest);
    // Its way to the display is that of a frame.
    assert!(
        largest.since(seen.came()) < Duration::from_millis(60),
        "{:?}",
        largest.since(seen.came())
    );
    let content = seen.largest();
    assert_eq!(content.element, "img");
    assert_eq!(content.url.as_deref(), Some("http://www.shop.example/photo.png"));
    assert_eq!((content.width, content.height, content.size), (300, 200, 60_000));
    // The visit is over with its load, and not with what is then on its way to the display.
    assert_eq!(seen.story.total().end, seen.reached(&Milestone::LoadEventEnd));
}

#[test]
fn text_that_covers_more_is_the_largest_content_from_the_first_paint_on() {
    let seen = Seen::visit(TEXT, |_| {});
    let content = seen.largest();
    assert_eq!((content.element.as_str(), &content.url), ("p", &None));
    assert!(content.size > 60 * 40 && content.width <= 600, "{content:?}");
    assert_eq!(
        seen.reached(&Milestone::LargestContentfulPaint),
        seen.reached(&Milestone::FirstPaint)
    );
}

#[test]
fn the_row_of_pictures_shows_what_came() {
    let seen = Seen::visit(PICTURE, |_| {});
    let frames = seen.frames();
    let [(at, before), (later, after)] = frames[..] else { panic!("{frames:?}") };
    assert_eq!(at, seen.reached(&Milestone::FirstPaint));
    assert_eq!(later, seen.reached(&Milestone::LargestContentfulPaint));
    assert_eq!((before.resources, after.resources), (0, 1));
    assert_eq!(before.document, after.document);
    let bodies = Folder::open(seen.path()).expect("a record").bodies();
    for frame in [before, after] {
        let png = bodies.get(&frame.picture).expect("a picture");
        assert!(png.starts_with(b"\x89PNG") && png.len() <= 64 << 10);
        assert_eq!((frame.width, frame.height), (320, 200));
    }
    assert!(before.picture != after.picture);
}

#[test]
fn without_a_picture_there_is_no_row_and_the_moments_are_the_same() {
    let (with, without) =
        (Seen::visit(PICTURE, |_| {}), Seen::visit(PICTURE, |plan| plan.picture = false));
    assert!(without.frames().is_empty());
    assert_eq!(with.largest(), without.largest());
    for name in [Milestone::FirstContentfulPaint, Milestone::LargestContentfulPaint] {
        assert_eq!(with.reached(&name), without.reached(&name));
    }
}

#[test]
fn the_row_is_the_same_to_the_byte() {
    let (one, other) = (Seen::visit(PICTURE, |_| {}), Seen::visit(PICTURE, |_| {}));
    assert!(artefacts(one.path()) == artefacts(other.path()));
}

#[test]
fn a_page_of_which_nothing_is_seen_has_no_content() {
    let seen = Seen::visit("<div style=background:blue;height:50px></div>", |_| {});
    assert!(seen.story.milestone(&Milestone::FirstPaint).is_some());
    assert_eq!(seen.story.milestone(&Milestone::FirstContentfulPaint), None);
    assert_eq!(seen.story.largest, None);
}
