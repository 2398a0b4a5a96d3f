//! Pages that a browser breaks do not look healthy: what their rules, and those of who answers, refuse is not
//! asked for or not used, and is a finding. And what browsers ask for over https though a page says http.

#![cfg(feature = "page")]

mod common;

use std::path::Path;
use std::rc::Rc;

use common::{cable, events, in_lab};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_record::{Event, FaultKind, RefusalRule, Settings, Side, What};
use roundtrip_story::{Exchange, Story};
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, Plan, Visited};
use roundtrip_wire::LocalFuture;

type Fields = &'static [(&'static str, &'static str)];

/// One answer: path, media type, body, fields. A body with the media type `to` is where it redirects.
type Answer = (&'static str, &'static str, &'static str, Fields);

/// Answers by path.
struct Answers(&'static [Answer]);

impl Handler for Answers {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        let found = self.0.iter().find(|(path, ..)| *path == request.path());
        let response = match found {
            None => Response::error(http::StatusCode::NOT_FOUND, "nothing here"),
            Some((_, "to", location, fields)) => {
                with(Response::redirect(http::StatusCode::FOUND, location), fields)
            }
            Some((_, media_type, body, fields)) => with(Response::ok(media_type, *body), fields),
        };
        Box::pin(core::future::ready(response))
    }
}

fn with(mut response: Response, fields: Fields) -> Response {
    for (name, value) in fields {
        response.fields.add(name, value);
    }
    response
}

fn site(host: &str, answers: &'static [Answer]) -> Site {
    Site::http(host, Box::new(move |_| Rc::new(Answers(answers))))
}

/// A visit that was recorded.
struct Seen {
    events: Vec<Event>,
    story: Story,
    visited: Visited,
}

impl Seen {
    fn visit(url: &str, sites: impl Fn() -> Vec<Site>) -> Self {
        Self::by(Browser::CHROMIUM, url, sites)
    }

    fn by(browser: Browser, url: &str, sites: impl Fn() -> Vec<Site>) -> Self {
        let work = tempfile::tempdir().expect("a folder");
        Self::in_folder(work.path(), browser, url, sites)
    }

    fn in_folder(
        folder: &Path,
        browser: Browser,
        url: &str,
        sites: impl Fn() -> Vec<Site>,
    ) -> Self {
        let plan = Plan::get(url.parse().expect("a URL")).behaving_as(browser);
        let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
        let record = Settings::in_folder(folder);
        let visited = in_lab(&title, &plan, sites, &cable(1), record).expect("a lab");
        let events = events(folder);
        Self { story: Story::new(events.clone()), events, visited }
    }

    /// What was asked for, in the order of the exchanges.
    fn asked(&self) -> Vec<&str> {
        let own = self.story.exchanges.iter().filter(|one| one.side == Side::Client);
        own.map(|one| one.url.as_str()).collect()
    }

    /// The refusals: rule, what it says, what was refused.
    fn refused(&self) -> Vec<(RefusalRule, &str, Vec<&str>)> {
        let faults = self.events.iter().filter_map(|event| match &event.what {
            What::Fault(fault) => Some(fault),
            _ => None,
        });
        let refused = faults.map(|fault| match &fault.fault {
            FaultKind::Refused { .. } if fault.fatal => panic!("it ended the visit: {fault:?}"),
            FaultKind::Refused { rule, says, what, .. } => {
                (rule.clone(), says.as_str(), what.iter().map(String::as_str).collect())
            }
            other => panic!("{other:?}"),
        });
        refused.collect()
    }

    fn notes(&self) -> Vec<&str> {
        self.story.notes.iter().map(String::as_str).collect()
    }

    fn has_note(&self, text: &str) -> bool {
        self.notes().iter().any(|note| note.contains(text))
    }
}

const PNG: &str = "not much of a picture";

#[test]
fn a_policy_keeps_pictures_out_and_nothing_else() {
    const ANSWERS: &[Answer] = &[
        (
            "/",
            "text/html",
            "<!doctype html><meta charset=utf-8><img src=a.png><link rel=stylesheet href=s.css>\
             <p>x",
            &[("Content-Security-Policy", "img-src 'none'")],
        ),
        ("/s.css", "text/css", "p { background: url(b.png) }", &[]),
        ("/a.png", "image/png", PNG, &[]),
    ];
    let seen = Seen::visit("http://a.example/", || vec![site("a.example", ANSWERS)]);
    assert_eq!(seen.visited.exit, 0);
    assert_eq!(seen.asked(), ["http://a.example/", "http://a.example/s.css"]);
    let refused = seen.refused();
    let [(RefusalRule::ContentSecurityPolicy, "img-src 'none'", what)] = &refused[..] else {
        panic!("{refused:?}")
    };
    // That of the markup, and that which only a style sheet names.
    assert_eq!(what[..], ["http://a.example/a.png", "http://a.example/b.png"]);
    let told = &seen.story.not_fetched;
    assert!(told.iter().any(|found| found.url.ends_with("/a.png")
        && found.not_fetched.as_deref().is_some_and(|why| why.contains("img-src 'none'"))));
}

#[test]
fn a_redirect_does_not_lead_round_a_policy() {
    const ANSWERS: &[Answer] = &[
        (
            "/",
            "text/html",
            "<!doctype html><meta http-equiv=content-security-policy content=\"img-src a.example\"><img \
             src=a.png><img src=ok.png>",
            &[],
        ),
        ("/a.png", "to", "http://b.example/a.png", &[]),
        ("/ok.png", "to", "/there.png", &[]),
        ("/there.png", "image/png", PNG, &[]),
    ];
    const OTHER: &[Answer] = &[("/a.png", "image/png", PNG, &[])];
    let sites = || vec![site("a.example", ANSWERS), site("b.example", OTHER)];
    let seen = Seen::visit("http://a.example/", sites);
    let asked = seen.asked();
    assert!(asked.contains(&"http://a.example/there.png"), "{asked:?}");
    assert!(!asked.contains(&"http://b.example/a.png"), "{asked:?}");
    let refused = seen.refused();
    let [(RefusalRule::ContentSecurityPolicy, "img-src a.example", what)] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert_eq!(what[..], ["http://b.example/a.png"]);
}

#[test]
fn what_is_not_as_its_integrity_says_is_not_used() {
    const ANSWERS: &[Answer] = &[
        (
            "/",
            "text/html",
            "<!doctype html><meta charset=utf-8><link rel=stylesheet href=s.css \
             integrity='sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='><p>x",
            &[],
        ),
        ("/s.css", "text/css", "p { background: url(b.png) }", &[]),
        ("/b.png", "image/png", PNG, &[]),
    ];
    let seen = Seen::visit("http://a.example/", || vec![site("a.example", ANSWERS)]);
    // What the sheet names is not wanted, since it is not applied; and nothing waits for it for ever.
    assert_eq!(seen.asked(), ["http://a.example/", "http://a.example/s.css"]);
    assert!(seen.visited.page.first_paint.is_some() && seen.visited.page.load.is_some());
    let found = seen.events.iter().find_map(|event| match &event.what {
        What::Fault(fault) => Some(&fault.fault),
        _ => None,
    });
    let Some(FaultKind::Refused { rule: RefusalRule::Integrity, says, found, came: true, .. }) =
        found
    else {
        panic!("{found:?}")
    };
    assert_eq!(says, "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert!(found.as_deref().is_some_and(|found| found.starts_with("sha256-") && found != says));
}

#[test]
fn a_page_of_https_has_pictures_over_https_and_no_scripts_over_http() {
    const ANSWERS: &[Answer] = &[(
        "/",
        "text/html",
        "<!doctype html><img src=http://b.example/a.png><script src=http://b.example/s.js></script>",
        &[],
    )];
    const OTHER: &[Answer] =
        &[("/a.png", "image/png", PNG, &[]), ("/s.js", "text/javascript", "", &[])];
    let sites = || {
        vec![
            site("a.example", ANSWERS).secure(),
            site("b.example", OTHER).secure(),
            site("b.example", OTHER),
        ]
    };
    let seen = Seen::visit("https://a.example/", sites);
    assert_eq!(seen.asked(), ["https://a.example/", "https://b.example/a.png"]);
    assert_eq!(seen.refused(), [(RefusalRule::MixedContent, "", vec!["http://b.example/s.js"])]);
    assert!(seen.has_note("http://b.example/a.png is asked for over https"), "{:?}", seen.notes());
}

#[test]
fn fonts_of_others_and_sheets_of_the_wrong_type_are_not_used() {
    const ANSWERS: &[Answer] = &[
        (
            "/",
            "text/html",
            "<!doctype html><link rel=stylesheet href=s.css><style>@font-face{font-family:f;\
             src:url(http://b.example/f.woff2)}@font-face{font-family:g;src:url(http://b.example/g.woff2)}\
             p{font-family:f}b{font-family:g}</style><p>x<b>x</b>",
            &[],
        ),
        ("/s.css", "text/html", "<h1>no</h1>", &[]),
    ];
    const OTHER: &[Answer] = &[
        ("/f.woff2", "font/woff2", "x", &[]),
        ("/g.woff2", "font/woff2", "x", &[("Access-Control-Allow-Origin", "http://a.example")]),
    ];
    let sites = || vec![site("a.example", ANSWERS), site("b.example", OTHER)];
    for browser in [Browser::CHROMIUM, Browser::ROUNDTRIP] {
        let seen = Seen::by(browser, "http://a.example/", sites);
        let refused = seen.refused();
        let [sheet, font] = &refused[..] else { panic!("{refused:?}") };
        assert_eq!(
            (&sheet.0, &sheet.2[..]),
            (&RefusalRule::ContentType, &["http://a.example/s.css"][..])
        );
        assert_eq!((&font.0, &font.2[..]), (&RefusalRule::Cors, &["http://b.example/f.woff2"][..]));
        // Who is to allow it is told who asks.
        let asks = seen.events.iter().filter_map(|event| match &event.what {
            What::RequestSent(request) => Some(&request.fields),
            _ => None,
        });
        let origins = asks.flatten().filter(|field| field.0.eq_ignore_ascii_case("origin"));
        let mut origins: Vec<&str> = origins.map(|field| field.1.as_str()).collect();
        origins.dedup();
        assert_eq!(origins, ["http://a.example"]);
    }
}

#[test]
fn a_host_that_wants_tls_is_not_asked_in_the_clear_again() {
    const ANSWERS: &[Answer] = &[
        ("/", "to", "http://a.example/next", &[("Strict-Transport-Security", "max-age=60")]),
        ("/next", "text/html", "<p>x", &[]),
    ];
    let sites = || vec![site("a.example", ANSWERS).secure(), site("a.example", ANSWERS)];
    let seen = Seen::visit("https://a.example/", sites);
    assert_eq!(seen.asked()[..2], ["https://a.example/", "https://a.example/next"]);
    assert!(seen.has_note("Strict-Transport-Security"), "{:?}", seen.notes());
    // In the clear, nobody can say so.
    let seen = Seen::visit("http://a.example/", sites);
    assert_eq!(seen.asked()[..2], ["http://a.example/", "http://a.example/next"]);
}

#[test]
fn chromium_asks_public_names_over_https_first_and_says_so() {
    const ANSWERS: &[Answer] = &[("/", "text/html", "<p>x", &[])];
    let url = "http://www.shop-of-a.com/";
    let both =
        || vec![site("www.shop-of-a.com", ANSWERS).secure(), site("www.shop-of-a.com", ANSWERS)];
    let seen = Seen::visit(url, both);
    assert_eq!(seen.asked()[0], "https://www.shop-of-a.com/");
    assert_eq!(seen.visited.status, Some(200));
    assert!(seen.has_note("over https, as chromium does"), "{:?}", seen.notes());

    let plain = || vec![site("www.shop-of-a.com", ANSWERS)];
    let seen = Seen::visit(url, plain);
    assert_eq!(seen.asked()[..2], ["https://www.shop-of-a.com/", url]);
    assert_eq!((seen.visited.exit, seen.visited.status), (0, Some(200)));
    assert_eq!(seen.story.document().map(|one| one.url.as_str()), Some(url));
    assert!(seen.has_note("asked for in the clear"), "{:?}", seen.notes());
    assert!(seen.story.faults.is_empty(), "{:?}", seen.story.faults);

    let seen = Seen::by(Browser::ROUNDTRIP, url, both);
    assert_eq!(seen.asked()[0], url);
}

/// The connections to hosts, by the name that TLS asked for.
fn server_names(seen: &Seen) -> Vec<&str> {
    let started = seen.events.iter().filter_map(|event| match &event.what {
        What::TlsStarted(started) if !started.server_name.is_empty() => Some(started),
        _ => None,
    });
    started.map(|started| started.server_name.as_str()).collect()
}

#[test]
fn hosts_of_one_address_and_certificate_share_a_connection_of_http_2() {
    const ANSWERS: &[Answer] = &[
        ("/", "text/html", "<!doctype html><img src=https://b.example/a.png>", &[]),
        ("/a.png", "image/png", PNG, &[]),
    ];
    let together =
        || vec![site("a.example", ANSWERS).with_two().secure().with_hosts(&["b.example"])];
    let seen = Seen::visit("https://a.example/", together);
    let asked = seen.asked();
    assert!(asked.contains(&"https://b.example/a.png"), "{asked:?}");
    assert!(!server_names(&seen).contains(&"b.example"), "{:?}", server_names(&seen));
    let shared = seen.story.exchanges.iter().find(|one| one.url.ends_with("/a.png")).expect("one");
    assert_eq!(shared.connection, seen.story.document().expect("a page").connection);
    assert!(shared.notes.iter().any(|note| note.what.what.contains("opened for a.example")));
    assert!(shared.lookup.is_some());
    // Another address, or a client that does not: a connection of its own.
    let apart = || {
        vec![
            site("a.example", ANSWERS).with_two().secure(),
            site("b.example", ANSWERS).with_two().secure(),
        ]
    };
    assert!(server_names(&Seen::visit("https://a.example/", apart)).contains(&"b.example"));
    let own = Seen::by(Browser::ROUNDTRIP, "https://a.example/", together);
    assert!(server_names(&own).contains(&"b.example"));
}

#[test]
fn a_host_that_does_not_answer_there_gets_its_own_connection() {
    /// Answers only for the host that the connection was opened for, once.
    struct Strict(core::cell::Cell<bool>);
    impl Handler for Strict {
        fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
            let response = match request.path() {
                "/" => Response::ok(
                    "text/html",
                    "<!doctype html><img src=https://b.example/a.png><img src=https://b.example/b.png>",
                ),
                "/a.png" if !self.0.replace(true) => {
                    Response::error(http::StatusCode::MISDIRECTED_REQUEST, "not here")
                }
                _ => Response::ok("image/png", PNG),
            };
            Box::pin(core::future::ready(response))
        }
    }
    let sites = || {
        let make = |_: &roundtrip_lab::LabHost| -> Rc<dyn Handler> {
            Rc::new(Strict(core::cell::Cell::new(false)))
        };
        let site = Site::http("a.example", Box::new(make));
        vec![site.with_two().secure().with_hosts(&["b.example"])]
    };
    let seen = Seen::visit("https://a.example/", sites);
    let of = |path: &str| {
        let all = seen.story.exchanges.iter().filter(|one| one.side == Side::Client);
        all.filter(|one| one.url.ends_with(path)).map(Exchange::status).collect::<Vec<_>>()
    };
    assert_eq!(of("/a.png"), [Some(421), Some(200)]);
    assert!(server_names(&seen).contains(&"b.example"), "{:?}", server_names(&seen));
    assert!(seen.story.faults.is_empty(), "{:?}", seen.story.faults);
}

#[test]
fn chromium_asks_for_https_records_beside_addresses() {
    const ANSWERS: &[Answer] = &[("/", "text/html", "<p>x", &[])];
    let types = |browser: Browser, url: &str| {
        let seen = Seen::by(browser, url, || {
            let alternative = Site { port: 8443, ..site("a.example", ANSWERS).secure() };
            vec![site("a.example", ANSWERS).secure(), alternative]
        });
        let asked = seen.events.iter().filter_map(|event| match &event.what {
            What::NameAsked(asked) => Some(format!("{} {}", asked.name, asked.record_type)),
            _ => None,
        });
        let asked: Vec<String> = asked.collect();
        (asked, seen.visited.status)
    };
    let (asked, status) = types(Browser::CHROMIUM, "https://a.example/");
    assert_eq!(status, Some(200));
    assert!(asked.iter().any(|asked| asked == "a.example. HTTPS"), "{asked:?}");
    let (asked, _) = types(Browser::CHROMIUM, "https://a.example:8443/");
    assert!(asked.iter().any(|asked| asked == "_8443._https.a.example. HTTPS"), "{asked:?}");
    let (asked, _) = types(Browser::ROUNDTRIP, "https://a.example/");
    assert!(!asked.iter().any(|asked| asked.ends_with("HTTPS")), "{asked:?}");
}

#[test]
fn refusals_are_the_same_to_the_byte() {
    const ANSWERS: &[Answer] = &[(
        "/",
        "text/html",
        "<!doctype html><style>p{}</style><img src=a.png><p style=x:y>x",
        &[("Content-Security-Policy", "default-src 'none'")],
    )];
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| {
        let folder = work.path().join(name);
        let sites = || vec![site("a.example", ANSWERS)];
        Seen::in_folder(&folder, Browser::CHROMIUM, "http://a.example/", sites);
        common::artefacts(&folder)
    });
    assert!(first == second);
}
