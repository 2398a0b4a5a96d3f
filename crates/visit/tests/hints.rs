//! `Link` fields and 103 Early Hints: what a head names begins when the head is there, once, and only where
//! browsers act on it.

mod common;

use core::time::Duration;
use std::path::Path;
use std::rc::Rc;

use common::{cable, events, in_lab};
use roundtrip_http::message::Fields;
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_lab::LabHost;
use roundtrip_record::{
    Blocks, Event, Folder, Initiator, PageNote, ResponseHead, Settings, Side, Time, What,
};
use roundtrip_story::Story;
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, Plan, Visited};
use roundtrip_wire::{LocalFuture, Wire as _};

/// How long the server thinks about the page.
const THINK: Duration = Duration::from_millis(300);
const HTML: &str = "<!doctype html><title>x</title><link rel=stylesheet href=/a.css><p>Hello";
const SHEET: &str = "</a.css>; rel=preload; as=style";

/// A page that takes its time, and what its server says of it before.
struct Page {
    host: LabHost,
    /// `Link` fields of 103 responses.
    early: &'static [&'static str],
    /// A `Link` field of the page.
    link: &'static str,
}

impl Handler for Page {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            match request.path() {
                "/" | "/own" | "/away" => {
                    for link in self.early {
                        self.host.sleep(Duration::from_millis(20)).await;
                        let mut fields = Fields::new();
                        fields.add("Link", link);
                        request.interim.early_hints(&fields);
                    }
                    self.host.sleep(THINK).await;
                }
                "/a.css" => return Response::ok("text/css", "p { color: red }"),
                _ => {}
            }
            let to = match request.path() {
                "/own" => "/",
                "/away" => "https://www.other.example/",
                _ => {
                    let mut page = Response::ok("text/html", HTML);
                    if !self.link.is_empty() {
                        page.fields.add("Link", self.link);
                    }
                    return page;
                }
            };
            Response::redirect(http::StatusCode::FOUND, to)
        })
    }
}

/// The sites, over HTTP/2 or 1.1.
fn sites(two: bool, early: &'static [&'static str], link: &'static str) -> Vec<Site> {
    let of = |name: &str, early: &'static [&'static str]| {
        let make = move |host: &LabHost| -> Rc<dyn Handler> {
            Rc::new(Page { host: host.clone(), early, link })
        };
        let site = Site::http(name, Box::new(make));
        if two { site.with_two().secure() } else { site.secure() }
    };
    vec![of("www.shop.example", early), of("www.other.example", &[])]
}

/// A visit that was recorded.
struct Seen {
    events: Vec<Event>,
    story: Story,
    visited: Visited,
}

impl Seen {
    fn visit(folder: &Path, path: &str, browser: Browser, sites: impl Fn() -> Vec<Site>) -> Self {
        let url = format!("https://www.shop.example{path}");
        let plan = Plan::get(url.parse().expect("a URL")).behaving_as(browser);
        Self::carried_out(folder, &plan, sites)
    }

    fn carried_out(folder: &Path, plan: &Plan, sites: impl Fn() -> Vec<Site>) -> Self {
        let subject = plan.url.to_string();
        let title = Title { command: "visit".into(), subject, replay_of: None };
        let record = Settings::in_folder(folder);
        let visited = in_lab(&title, plan, sites, &cable(1), record).expect("a lab");
        let events = events(folder);
        Self { story: Story::new(events.clone()), events, visited }
    }

    /// When the client was sure of the first head with this status, which answers the page.
    fn head(&self, status: u16) -> Time {
        let heads = self.document().heads.iter();
        heads.into_iter().find(|head| head.what.status == status).expect("a head").at
    }

    fn document(&self) -> &roundtrip_story::Exchange {
        self.story.document().expect("a document")
    }

    /// The exchanges of the style sheet: who named it, when it was asked for, what it holds up.
    fn sheets(&self) -> Vec<(Initiator, Time, Blocks)> {
        let own = self.story.exchanges.iter().filter(|one| one.side == Side::Client);
        own.filter(|one| one.url.ends_with("/a.css"))
            .map(|one| (one.initiator.clone(), one.span.start, one.blocks))
            .collect()
    }

    fn notes(&self) -> Vec<&str> {
        let notes = self.events.iter().filter_map(|event| match &event.what {
            What::PageNote(PageNote { note }) => Some(note.as_str()),
            _ => None,
        });
        notes.collect()
    }
}

fn early() -> Initiator {
    Initiator::EarlyHints { url: "https://www.shop.example/".into() }
}

#[test]
fn a_103_has_the_sheet_asked_for_before_the_pages_head_came() {
    let work = tempfile::tempdir().expect("a folder");
    for (name, browser) in [("own", Browser::ROUNDTRIP), ("chromium", Browser::CHROMIUM)] {
        let with = Seen::visit(&work.path().join(name), "/", browser.clone(), || {
            sites(true, &[SHEET], SHEET)
        });
        assert_eq!((with.visited.exit, with.visited.status), (0, Some(200)));
        // Once, though the 103, the page's head and its markup name it.
        let [(by, asked, blocks)] = with.sheets().try_into().expect("one exchange");
        assert_eq!((by, blocks), (early(), Blocks::Render));
        let (hinted, answered) = (with.head(103), with.head(200));
        assert!(hinted <= asked && asked.since(hinted) < Duration::from_millis(20), "{asked:?}");
        assert!(answered.since(asked) > Duration::from_millis(200), "{answered:?}");

        let without =
            Seen::visit(&work.path().join(name.to_owned() + "-without"), "/", browser, || {
                sites(true, &[], "")
            });
        assert!(without.sheets().iter().all(|(_, asked, _)| *asked >= without.head(200)));
        let painted = |seen: &Seen| seen.visited.page.first_paint.expect("a picture");
        assert!(painted(&with) < painted(&without));
    }
}

#[test]
fn a_link_field_has_it_asked_for_before_the_markup_does() {
    let work = tempfile::tempdir().expect("a folder");
    let seen = Seen::visit(work.path(), "/", Browser::CHROMIUM, || sites(true, &[], SHEET));
    let url = "https://www.shop.example/".to_owned();
    let [(by, asked, blocks)] = seen.sheets().try_into().expect("one exchange");
    assert_eq!((by, blocks), (Initiator::LinkField { url }, Blocks::Render));
    assert!(asked > seen.head(200));
    // The page names it, too: that is said as well.
    let found: Vec<&Initiator> = seen
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::PageFound(found) if found.url.ends_with("/a.css") => Some(&found.initiator),
            _ => None,
        })
        .collect();
    assert!(
        matches!(found[..], [Initiator::LinkField { .. }, Initiator::Parser { line: 1, .. }]),
        "{found:?}"
    );
}

#[test]
fn a_103_over_http_1_is_passed_over() {
    let work = tempfile::tempdir().expect("a folder");
    let seen = Seen::visit(work.path(), "/", Browser::CHROMIUM, || sites(false, &[SHEET], ""));
    let [(by, asked, _)] = seen.sheets().try_into().expect("one exchange");
    assert!(matches!(by, Initiator::Parser { .. }) && asked > seen.head(200), "{by:?}");
    assert!(seen.notes().iter().any(|note| note.contains("HTTP/1")), "{:?}", seen.notes());
}

#[test]
fn only_the_first_103_counts() {
    const TWO: &[&str] = &["<https://www.other.example>; rel=preconnect", SHEET];
    let work = tempfile::tempdir().expect("a folder");
    let seen = Seen::visit(work.path(), "/", Browser::CHROMIUM, || sites(true, TWO, ""));
    let [(by, _, _)] = seen.sheets().try_into().expect("one exchange");
    assert!(matches!(by, Initiator::Parser { .. }), "{by:?}");
    assert!(seen.notes().iter().any(|note| note.contains("second 103")), "{:?}", seen.notes());
    // The connection was opened while the server thought.
    let attempts = seen.events.iter().filter_map(|event| match &event.what {
        What::ConnectAttempt(attempt) => Some((attempt.to.ip(), event.at)),
        _ => None,
    });
    let attempts: Vec<_> = attempts.collect();
    let elsewhere = attempts.iter().find(|(to, _)| *to != attempts[0].0);
    assert!(elsewhere.expect("a connection").1 < seen.head(200), "{attempts:?}");
}

#[test]
fn a_redirect_to_another_origin_gives_up_what_a_103_named() {
    let work = tempfile::tempdir().expect("a folder");
    let slow = || sites(true, &["</slow.css>; rel=preload; as=style"], "");
    let seen = Seen::visit(&work.path().join("away"), "/away", Browser::CHROMIUM, slow);
    assert_eq!((seen.visited.exit, seen.visited.status), (0, Some(200)));
    assert!(seen.notes().iter().any(|note| note.contains("given up")), "{:?}", seen.notes());
    let [(by, _, _)] = seen.sheets().try_into().expect("one exchange");
    let page = "https://www.other.example/".to_owned();
    assert_eq!(by, Initiator::Parser { url: page, line: 1 });

    // Of the same origin, it stays.
    let same = || sites(true, &[SHEET], "");
    let seen = Seen::visit(&work.path().join("own"), "/own", Browser::CHROMIUM, same);
    let [(by, _, blocks)] = seen.sheets().try_into().expect("one exchange");
    let url = "https://www.shop.example/own".to_owned();
    assert_eq!((by, blocks), (Initiator::EarlyHints { url }, Blocks::Render));
}

#[test]
fn a_visit_with_early_hints_is_the_same_to_the_byte() {
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| {
        let folder = work.path().join(name);
        Seen::visit(&folder, "/", Browser::CHROMIUM, || sites(true, &[SHEET], SHEET));
        common::artefacts(&folder)
    });
    assert!(first == second);
}

/// The heads of the page, and how many milliseconds after the request each was there.
fn heads(seen: &Seen) -> Vec<(ResponseHead, u128)> {
    let document = seen.document();
    let sent = document.request.as_ref().expect("a request").at;
    let heads = document.heads.iter();
    heads.map(|head| (head.what.clone(), head.at.since(sent).as_millis())).collect()
}

/// From a record of both ends, and from one of the client alone, as of a real wire.
#[test]
fn a_recorded_103_is_sent_again_when_it_was_sent() {
    let work = tempfile::tempdir().expect("a folder");
    let first = work.path().join("first");
    let recorded = Seen::visit(&first, "/", Browser::CHROMIUM, || sites(true, &[SHEET], ""));
    let folder = Folder::open(&first).expect("a record");
    let bodies = folder.bodies();
    let body = |content: &roundtrip_record::BodyRef| bodies.get(content).ok();
    let client = recorded.events[0].host;
    let of_client = recorded.events.iter().filter(|event| {
        let of_all = matches!(event.what, What::RunEnded(_) | What::HostDeclared(_));
        event.host == client || of_all
    });
    let of_client: Vec<Event> = of_client.cloned().collect();
    // The client alone has one sample of how long the way is.
    for (name, events, off) in [("both", recorded.events.clone(), 3), ("client", of_client, 10)] {
        let recording = Recording::read(events).expect("a visit");
        let plan = recording.plan(body).expect("a plan").behaving_as(Browser::CHROMIUM);
        let sites = || recording.sites(body).expect("sites");
        let again = Seen::carried_out(&work.path().join(name), &plan, sites);
        assert_eq!(recording.differences(), Vec::<String>::new());
        let [(by, _, _)] = again.sheets().try_into().expect("one exchange");
        assert_eq!(by, early());
        let (was, is) = (heads(&recorded), heads(&again));
        assert_eq!((was.len(), is.len()), (2, 2), "{name}");
        for ((was, then), (is, now)) in was.iter().zip(&is) {
            assert_eq!((was.status, &was.fields), (is.status, &is.fields), "{name}");
            assert!(then.abs_diff(*now) <= off, "{name}: {} after {now}, not {then} ms", is.status);
        }
    }
}
