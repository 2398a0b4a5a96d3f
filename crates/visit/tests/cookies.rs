//! Cookies of a visit in the lab: of a redirect, for the page, and for what the page needs.

mod common;

use std::collections::BTreeMap;
use std::rc::Rc;

use common::{cable, events, in_lab};
use http::StatusCode;
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_record::{Field, Settings, Side, What};
use roundtrip_visit::Plan;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_wire::LocalFuture;

/// A page behind a redirect that sets a cookie; it needs something of its own host, of another host of
/// the same site and of another site.
struct Page;

const HTML: &str = "<title>x</title><link rel=stylesheet href=/own.css>\
    <link rel=stylesheet href=https://static.shop.example/near.css>\
    <link rel=stylesheet href=https://cdn.other.example/far.css>";

impl Handler for Page {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        let mut response = match request.path() {
            "/" => Response::redirect(StatusCode::FOUND, "/page"),
            "/page" => Response::ok("text/html", HTML),
            _ => Response::ok("text/css", "p { color: red }"),
        };
        if request.path() == "/" {
            for cookie in [
                "host=1; Path=/",
                "site=1; Domain=shop.example; Path=/",
                "strict=1; Domain=shop.example; Path=/; SameSite=Strict; Secure",
                "page=1; Path=/page",
            ] {
                response.fields.add("Set-Cookie", cookie);
            }
        } else {
            // Another site's answer may only set what says that it is for all.
            response.fields.add("Set-Cookie", "late=1; Path=/");
        }
        Box::pin(core::future::ready(response))
    }
}

#[test]
fn cookies_go_where_browsers_send_them() {
    let sites = || {
        let of = |host: &str| {
            Site::http(host, Box::new(|_| Rc::new(Page) as Rc<dyn Handler>)).with_two().secure()
        };
        vec![of("www.shop.example"), of("static.shop.example"), of("cdn.other.example")]
    };
    let work = tempfile::tempdir().expect("a folder");
    let plan = Plan::get("https://www.shop.example/".parse().expect("a URL"));
    let title = Title { command: "visit".into(), subject: plan.url.to_string(), replay_of: None };
    let record = Settings { keep_secrets: true, ..Settings::in_folder(work.path()) };
    let visited = in_lab(&title, &plan, sites, &cable(1), record).expect("a lab");
    assert_eq!((visited.exit, visited.status), (0, Some(200)));
    let events = events(work.path());
    let client = events.iter().find_map(|event| match &event.what {
        What::ExchangeStarted(started) if started.side == Side::Client => Some(event.host),
        _ => None,
    });
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for event in events.into_iter().filter(|event| Some(event.host) == client) {
        if let What::RequestSent(sent) = event.what {
            let mut fields = sent.fields.iter();
            let cookie = fields.find(|Field(name, _)| name.eq_ignore_ascii_case("cookie"));
            told.insert(sent.target, cookie.map_or_else(String::new, |field| field.1.clone()));
        }
    }
    let mut expected = vec![("/", ""), ("/page", "page=1; host=1; site=1; strict=1")];
    if cfg!(feature = "page") {
        expected.extend([
            ("/far.css", ""),
            ("/near.css", "site=1; strict=1"),
            ("/own.css", "host=1; site=1; strict=1; late=1"),
        ]);
    }
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(to, cookie)| (to.to_owned(), cookie.to_owned())).collect();
    assert_eq!(told, expected);
}
