//! A second visit: what the first one left is used as browsers use it.

#![cfg(feature = "page")]

mod common;

use std::path::Path;
use std::rc::Rc;

use common::{artefacts, cable, events, in_lab};
use http::StatusCode;
use roundtrip_http::handler::is_unchanged;
use roundtrip_http::message::Fields;
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_record::{Event, Folder, Settings, Side};
use roundtrip_story::{Exchange, Story};
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, ClientCaches, Plan};
use roundtrip_wire::LocalFuture;

const PAGE: &str = "<!doctype html><title>Shop</title><link rel=stylesheet href=/year.css>\
    <link rel=stylesheet href=/asked.css><script src=/never.js></script>\
    <p>A shop.<img src=/guessed.svg width=9 height=9>";

/// A shop whose files may be kept in different ways.
struct Shop;

impl Handler for Shop {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        let (media, body, fields): (&str, String, &[(&'static str, &str)]) = match request.path() {
            "/" => {
                ("text/html", PAGE.into(), &[("Cache-Control", "no-cache"), ("ETag", "\"page\"")])
            }
            "/year.css" => {
                let rules = ".a { color: red }\n".repeat(2_000);
                ("text/css", rules, &[("Cache-Control", "max-age=31536000, immutable")])
            }
            "/asked.css" => {
                let rules = ".b { color: red }\n".repeat(2_000);
                ("text/css", rules, &[("Cache-Control", "max-age=0"), ("ETag", "W/\"asked\"")])
            }
            "/never.js" => {
                ("text/javascript", "// x\n".repeat(500), &[("Cache-Control", "no-store")])
            }
            "/guessed.svg" => (
                "image/svg+xml",
                "<svg xmlns='http://www.w3.org/2000/svg'/>".into(),
                &[("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")],
            ),
            _ => return Box::pin(async { Response::error(StatusCode::NOT_FOUND, "none") }),
        };
        let mut own = Fields::new();
        for (name, value) in fields {
            own.add(name, value);
        }
        let line = &request.head.line;
        let mut response = if is_unchanged(&line.method, &request.head.fields, &own) {
            Response::new(StatusCode::NOT_MODIFIED)
        } else {
            Response::ok(media, body)
        };
        for (name, value) in own.iter() {
            response.fields.push(name, value).expect("a field");
        }
        Box::pin(core::future::ready(response))
    }
}

fn sites() -> Vec<Site> {
    vec![Site::http("www.shop.example", Box::new(|_| Rc::new(Shop) as Rc<dyn Handler>)).secure()]
}

fn plan(caches: ClientCaches) -> Plan {
    let plan = Plan::get("https://www.shop.example/".parse().expect("a URL"));
    Plan { client_caches: caches, ..plan.behaving_as(Browser::CHROMIUM) }
}

fn title() -> Title {
    Title { command: "visit".into(), subject: "https://www.shop.example/".into(), replay_of: None }
}

/// Visits the shop and records it.
fn visit(caches: ClientCaches, folder: &Path) -> Vec<Event> {
    let record = Settings::in_folder(folder);
    let visited = in_lab(&title(), &plan(caches), sites, &cable(1), record).expect("a lab");
    assert_eq!((visited.exit, visited.status), (0, Some(200)));
    events(folder)
}

/// The paths of requests that went out, with the status of each answer.
fn asked(events: &[Event]) -> Vec<(String, u16)> {
    let story = Story::new(events.to_vec());
    let of_client = story.exchanges.iter().filter(|exchange| exchange.side == Side::Client);
    let sent = |exchange: &Exchange| {
        Some((exchange.request.as_ref()?.what.target.clone(), exchange.status()?))
    };
    let mut asked: Vec<(String, u16)> = of_client.filter_map(sent).collect();
    asked.sort();
    asked
}

fn listed(paths: &[(&str, u16)]) -> Vec<(String, u16)> {
    paths.iter().map(|(path, status)| ((*path).to_owned(), *status)).collect()
}

const SECOND: [(&str, u16); 4] =
    [("/", 304), ("/asked.css", 304), ("/favicon.ico", 404), ("/never.js", 200)];

#[test]
fn fresh_answers_are_not_asked_for_and_stale_ones_are_asked_about() {
    let work = tempfile::tempdir().expect("a folder");
    let [cold, warm] = [ClientCaches::Cold, ClientCaches::Warm].map(|caches| {
        let events = visit(caches, &work.path().join(format!("{caches:?}")));
        (asked(&events), Story::new(events))
    });
    assert!(cold.0.contains(&("/year.css".to_owned(), 200)), "{:?}", cold.0);
    assert_eq!(warm.0, listed(&SECOND));
    let given = |path: &str| {
        let url = format!("https://www.shop.example{path}");
        let found = warm.1.exchanges.iter().find(|exchange| exchange.url == url);
        let exchange = found.unwrap_or_else(|| panic!("{path} was not wanted"));
        let cached =
            exchange.cached.as_ref().map(|cached| (cached.what.validated, cached.what.decoded));
        (exchange.from_cache, cached)
    };
    assert_eq!(given("/year.css"), (true, Some((false, 36_000))));
    assert_eq!(given("/guessed.svg"), (true, Some((false, 41))));
    assert_eq!(given("/asked.css"), (false, Some((true, 36_000))));
    assert_eq!(given("/"), (false, Some((true, PAGE.len() as u64))));
    assert_eq!(given("/never.js"), (false, None));
    let resumed = |story: &Story| {
        let all = story.connections.iter().filter_map(|connection| connection.tls.as_ref());
        all.map(|tls| tls.what.resumed).collect::<Vec<_>>()
    };
    assert!(!resumed(&cold.1).is_empty() && !resumed(&cold.1)[0], "{:?}", resumed(&cold.1));
    assert!(resumed(&warm.1).iter().all(|resumed| *resumed), "{:?}", resumed(&warm.1));
    // What the cache gave is used: the page is painted, and sooner.
    let paint = |story: &Story| story.milestone(&roundtrip_record::Milestone::FirstPaint);
    assert!(paint(&warm.1).expect("a paint") < paint(&cold.1).expect("a paint"));
}

#[test]
fn a_second_visit_is_the_same_whenever_it_is_carried_out() {
    let folders = [(), ()].map(|()| {
        let folder = tempfile::tempdir().expect("a folder");
        visit(ClientCaches::Warm, folder.path());
        artefacts(folder.path())
    });
    assert!(folders[0] == folders[1], "the two visits differ");
}

/// Carries a recorded visit out again.
fn replayed(folder: &Path, caches: ClientCaches, into: &Path) -> (Vec<Event>, Vec<String>) {
    let folder = Folder::open(folder).expect("a record");
    let bodies = folder.bodies();
    let body = |content: &roundtrip_record::BodyRef| bodies.get(content).ok();
    let recording = Recording::read(folder.read().expect("events").0).expect("a visit");
    let plan = recording.plan(body).expect("a plan").behaving_as(Browser::CHROMIUM);
    let plan = Plan { client_caches: caches, ..plan };
    let sites = || recording.sites(body).expect("sites");
    in_lab(&title(), &plan, sites, &cable(1), Settings::in_folder(into)).expect("a lab");
    (events(into), recording.differences())
}

#[test]
fn a_replay_has_a_second_visit_too() {
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| work.path().join(name));
    visit(ClientCaches::Cold, &first);
    let (events, _) = replayed(&first, ClientCaches::Warm, &second);
    assert_eq!(asked(&events), listed(&SECOND));
}

#[test]
fn what_a_cache_gave_is_there_in_a_replay() {
    let work = tempfile::tempdir().expect("a folder");
    let [warm, cold, again] = ["warm", "cold", "again"].map(|name| work.path().join(name));
    let recorded = visit(ClientCaches::Warm, &warm);
    let all = [
        ("/", 200),
        ("/asked.css", 200),
        ("/favicon.ico", 404),
        ("/guessed.svg", 200),
        ("/never.js", 200),
        ("/year.css", 200),
    ];
    let (events, differences) = replayed(&warm, ClientCaches::Cold, &cold);
    assert_eq!(asked(&events), listed(&all));
    assert!(differences.iter().any(|said| said.contains("browser's cache")), "{differences:?}");
    // And as a second visit it is what was recorded.
    let (events, _) = replayed(&warm, ClientCaches::Warm, &again);
    assert_eq!(asked(&events), asked(&recorded));
}

/// Sets a cookie where there is none, and answers by it.
struct Greeter;

impl Handler for Greeter {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        let known = request.head.fields.contains("Cookie");
        let mut response = Response::ok("text/html", if known { "again" } else { "welcome" });
        response.fields.add("Cache-Control", "max-age=60").add("Vary", "Cookie");
        response.fields.add("Set-Cookie", "known=1");
        Box::pin(core::future::ready(response))
    }
}

#[test]
fn cookies_are_there_and_decide_what_varies_by_them() {
    let sites =
        || vec![Site::http("www.shop.example", Box::new(|_| Rc::new(Greeter) as Rc<dyn Handler>))];
    let work = tempfile::tempdir().expect("a folder");
    let plan = Plan::get("http://www.shop.example/".parse().expect("a URL"));
    let plan = Plan { client_caches: ClientCaches::Warm, ..plan };
    let record = Settings { keep_secrets: true, ..Settings::in_folder(work.path()) };
    in_lab(&title(), &plan, sites, &cable(1), record).expect("a lab");
    let story = Story::new(events(work.path()));
    let page = &story.exchanges[0];
    let request = page.request.as_ref().expect("it was asked for");
    assert!(request.what.fields.iter().any(|field| field.0 == "Cookie"), "{request:?}");
    assert_eq!(page.response.as_ref().map(|response| response.what.body.decoded), Some(5));
}
