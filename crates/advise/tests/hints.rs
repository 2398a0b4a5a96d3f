//! Advice to send 103 Early Hints: tried over HTTP/2, where it saves what the server thinks, and not over HTTP/1.

mod common;

use core::time::Duration;
use std::num::NonZeroUsize;
use std::path::Path;
use std::rc::Rc;

use common::recorded;
use roundtrip_advise::{Advice, Effect, Proving, combined, propose, prove};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_lab::LabHost;
use roundtrip_record::Settings;
use roundtrip_visit::run::Title;
use roundtrip_visit::scenario::Scenario;
use roundtrip_visit::site::Site;
use roundtrip_wire::{LocalFuture, Wire as _};

const URL: &str = "https://www.shop.example/";
const PAGE: &str = "<!doctype html><title>Shop</title><link rel=stylesheet href=/a.css>\
    <script src=/a.js></script><p>A shop.";
const THINK: Duration = Duration::from_millis(200);

/// A page that takes its time, and what it needs, which does not.
struct Shop(LabHost);

impl Handler for Shop {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            match request.path() {
                "/a.css" => Response::ok("text/css", "@import url(/b.css); p { color: navy }"),
                "/b.css" => Response::ok("text/css", "p { margin: 1px }".repeat(2_000)),
                "/a.js" => Response::ok("text/javascript", "// a\n".repeat(3_000)),
                "/" => {
                    self.0.sleep(THINK).await;
                    Response::ok("text/html", PAGE)
                }
                _ => Response::error(http::StatusCode::NOT_FOUND, ""),
            }
        })
    }
}

fn site(two: bool) -> Site {
    let make = |host: &LabHost| -> Rc<dyn Handler> { Rc::new(Shop(host.clone())) };
    let site = Site::http("www.shop.example", Box::new(make)).secure();
    if two { site.with_two() } else { site }
}

/// The shop, visited, recorded in a folder, and advised on.
fn advised(folder: &Path, two: bool) -> (Scenario, Advice) {
    let (recording, scenario) = recorded(folder, URL, || vec![site(two)]);
    let proving = Proving {
        networks: ["cable", "4g"].map(|net| net.parse().expect("a profile")).into(),
        seeds: 1,
        threads: NonZeroUsize::MIN,
    };
    let proposals = propose(recording.story(), &scenario);
    let advice = prove(&scenario, proposals, &proving, &|_| {}).expect("a page");
    (scenario, advice)
}

#[test]
fn over_http_2_a_103_saves_what_the_server_thinks() {
    let work = tempfile::tempdir().expect("a folder");
    let (scenario, advice) = advised(&work.path().join("run"), true);
    let piece = advice.pieces.iter().find(|piece| piece.variant.name == "early-hints");
    let piece = piece.expect("the advice");
    for said in ["a.css", "b.css", "a.js", "200 ms"] {
        assert!(piece.variant.how.contains(said), "{said}: {}", piece.variant.how);
    }
    let [tried, _] = &piece.tried[..] else { panic!("two networks") };
    assert_eq!((tried.failed, tried.unknown), (0, 0));
    // Two sheets, one after the other, and a script came while the server thought.
    let (load, paint) = (tried.load.expect("a load"), tried.first_paint.expect("a paint"));
    assert_eq!((load.effect(), paint.effect()), (Effect::Saves, Effect::Saves));
    assert!(paint.median_ms > 30.0, "{paint:?}");
    assert!(advice.untried.iter().all(|one| !one.what.contains("103")));

    // HTTP/3 is spoken from the first request on, whose handshake is a round trip shorter: 170 ms on 4g. On cable
    // smaller packets make up for its 29.
    let three = advice.pieces.iter().find(|piece| piece.variant.name == "http3");
    let three = &three.expect("the advice").tried[1];
    assert_eq!((three.failed, three.unknown), (0, 0));
    assert_eq!(three.load.expect("a load").effect(), Effect::Saves);

    // What another change leaves out of the page is not named for it.
    let best = combined(&scenario, &advice).expect("something helps");
    let folder = work.path().join("best");
    let title = Title { command: "advise".into(), subject: String::new(), replay_of: None };
    let visited = best.record(&title, Settings::in_folder(&folder)).expect("a lab");
    assert_eq!((visited.exit, visited.status), (0, Some(200)));
}

#[test]
fn over_http_1_it_is_not_tried_and_the_reason_is_said() {
    let work = tempfile::tempdir().expect("a folder");
    let (_, advice) = advised(work.path(), false);
    assert!(advice.pieces.iter().all(|piece| piece.variant.name != "early-hints"));
    let untried = advice.untried.iter().find(|one| one.what.contains("103")).expect("the reason");
    assert!(untried.why.contains("HTTP/1"), "{}", untried.why);
}
