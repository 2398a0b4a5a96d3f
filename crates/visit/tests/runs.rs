//! Several runs of one visit, of which one is recorded.

#![cfg(feature = "page")]

mod common;

use core::cell::Cell;
use std::rc::Rc;

use common::{cable, in_lab};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_record::{Folder, Settings};
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Plan, Runs};
use roundtrip_wire::LocalFuture;

/// Answers everything with one body of this type.
struct One(&'static str, String);

impl Handler for One {
    fn handle<'a>(&'a self, _: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        let mut response = Response::new(http::StatusCode::OK);
        response.fields.add("Content-Type", self.0);
        response.body = self.1.clone().into_bytes().into();
        Box::pin(core::future::ready(response))
    }
}

/// Nothing of a run that was not chosen comes into the record of the one that was.
#[test]
fn the_record_is_of_the_median_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = "http://www.shop.example/";
    let plan = Plan { runs: Runs::Exactly(3), ..Plan::get(url.parse().expect("a URL")) };
    let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
    // The first run takes longest, so that a later one is the median. When that one is carried out again
    // for its record, there is no page: nothing is painted, and nothing is told of how long that took.
    let made = Cell::new(0);
    let sites = || {
        made.set(made.get() + 1);
        let one = match made.get() {
            1 => One("text/html", "<p>slow ".repeat(20_000)),
            2 | 3 => One("text/html", "<p>fast".into()),
            _ => One("text/plain", "no page".into()),
        };
        vec![Site::http("www.shop.example", Box::new(move |_| Rc::new(one)))]
    };
    let record = Settings::in_folder(folder.path());
    let visited = in_lab(&title, &plan, sites, &cable(1), record).expect("a lab");
    assert_eq!((made.get(), visited.status), (4, Some(200)));
    let machine = Folder::open(folder.path()).expect("a record").machine().expect("JSON");
    assert_eq!(machine, None, "what the first run left");
}
