//! A visit carried out again keeps to what was recorded.

mod common;

use std::rc::Rc;

use common::{cable, events, in_lab};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_record::{Folder, HttpVersion, Settings, What};
use roundtrip_visit::Plan;
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;

fn site() -> Site {
    let page = "<title>x</title><link rel=stylesheet href=a.css><img src=b.svg>";
    let tree = Tree::new()
        .with("index.html", page)
        .with("a.css", "p { color: red }")
        .with("b.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    Site::http("www.shop.example", Box::new(move |_| Rc::new(Files::tree(tree))))
}

/// The versions in which a record's client was answered.
fn versions(folder: &std::path::Path) -> Vec<HttpVersion> {
    let heads = events(folder).into_iter().filter_map(|event| match event.what {
        What::ResponseHead(head) => Some(head.version),
        _ => None,
    });
    heads.collect()
}

#[test]
fn the_version_stays() {
    for (url, make, version) in [
        (
            "https://www.shop.example/",
            (|| site().with_two().secure()) as fn() -> Site,
            HttpVersion::Http2,
        ),
        ("https://www.shop.example/", || site().secure(), HttpVersion::Http11),
        ("http://www.shop.example/", site, HttpVersion::Http11),
    ] {
        let work = tempfile::tempdir().expect("a folder");
        let [first, second] = ["first", "second"].map(|name| work.path().join(name));
        let plan = Plan::get(url.parse().expect("a URL"));
        let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
        let record = Settings::in_folder(&first);
        let visited = in_lab(&title, &plan, || vec![make()], &cable(1), record).expect("a lab");
        assert_eq!(visited.status, Some(200));

        let folder = Folder::open(&first).expect("a record");
        let recording = Recording::read(folder.read().expect("events").0).expect("a visit");
        let bodies = folder.bodies();
        let body = |content: &roundtrip_record::BodyRef| bodies.get(content).ok();
        let plan = recording.plan(body).expect("a plan");
        let sites = || recording.sites(body).expect("sites");
        let record = Settings::in_folder(&second);
        let visited = in_lab(&title, &plan, sites, &cable(2), record).expect("a lab");
        assert_eq!(visited.status, Some(200));
        for folder in [&first, &second] {
            let versions = versions(folder);
            assert!(
                !versions.is_empty() && versions.iter().all(|seen| *seen == version),
                "{url} {versions:?}"
            );
        }
    }
}
