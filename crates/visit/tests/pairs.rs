//! A visit recorded on one network and carried out again on another takes as long as it does there.

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::rc::Rc;

use common::{events, in_lab};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_lab::{Caches, DEFAULT_DATE};
use roundtrip_record::{BodyRef, Folder, Settings};
use roundtrip_visit::ground::Virtual;
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, Plan, Visited};

const NETWORKS: [&str; 5] = ["fios", "cable", "4g", "3gfast", "3g"];
const URL: &str = "http://www.shop.example/";

/// Style sheets, scripts and pictures of many sizes, so that requests wait for each other's bytes.
fn site() -> Site {
    let mut page = String::from("<!doctype html><title>x</title>");
    let mut tree = Tree::new();
    for (name, bytes) in [("a.css", 9_000), ("b.css", 60_000)] {
        let _ = write!(page, "<link rel=stylesheet href={name}>");
        tree = tree.with(name, format!("/*{}*/ p {{ color: red }}", "x".repeat(bytes)));
    }
    for (name, bytes) in [("a.js", 30_000), ("b.js", 70_000)] {
        let _ = write!(page, "<script src={name}></script>");
        tree = tree.with(name, format!("//{}", "x".repeat(bytes)));
    }
    page += "<p>Text.";
    for number in 0..12usize {
        let _ = write!(page, "<img src={number}.svg>");
        let filling = "x".repeat(1_000 + number * 2_500);
        let picture = format!("<svg xmlns='http://www.w3.org/2000/svg'><!--{filling}--></svg>");
        tree = tree.with(&format!("{number}.svg"), picture);
    }
    tree = tree.with("index.html", page);
    Site::http("www.shop.example", Box::new(move |_| Rc::new(Files::tree(tree))))
}

fn network(name: &str, seed: u64) -> Virtual {
    let net = name.parse().expect("a profile");
    Virtual { net, seed, date: DEFAULT_DATE, caches: Caches::default() }
}

fn plan(of: Plan) -> Plan {
    Plan { picture: false, ..of.behaving_as(Browser::CHROMIUM) }
}

fn title() -> Title {
    Title { command: "visit".into(), subject: URL.into(), replay_of: None }
}

/// The load time in milliseconds.
fn load(visited: &Visited) -> f64 {
    visited.page.load.expect("a page that loads").as_secs_f64() * 1e3
}

fn record(net: &str, seed: u64, folder: &Path) -> f64 {
    let plan = plan(Plan::get(URL.parse().expect("a URL")));
    let settings = Settings::in_folder(folder);
    let visited = in_lab(&title(), &plan, || vec![site()], &network(net, seed), settings);
    load(&visited.expect("a lab"))
}

fn replay(folder: &Path, only_the_clients: bool, (net, seed): (&str, u64), into: &Path) -> f64 {
    let mut recorded = events(folder);
    if only_the_clients {
        // As on a real wire, where the servers tell nothing.
        let client = recorded.first().map(|event| event.host);
        recorded.retain(|event| Some(event.host) == client || is_of_all(&event.what));
    }
    let recording = Recording::read(recorded).expect("a visit");
    let bodies = Folder::open(folder).expect("a record").bodies();
    let body = |content: &BodyRef| bodies.get(content).ok();
    let plan = plan(recording.plan(body).expect("a plan"));
    let sites = || recording.sites(body).expect("sites");
    let visited = in_lab(&title(), &plan, sites, &network(net, seed), Settings::in_folder(into));
    assert_eq!(recording.differences(), [] as [&str; 0]);
    load(&visited.expect("a lab"))
}

fn is_of_all(what: &roundtrip_record::What) -> bool {
    use roundtrip_record::What;
    matches!(what, What::RunStarted(_) | What::RunEnded(_) | What::HostDeclared(_))
}

#[test]
fn recorded_here_and_carried_out_there_takes_as_long_as_there() {
    let work = tempfile::tempdir().expect("a folder");
    let path = |name: &str| work.path().join(name);
    let mut wrong = Vec::new();
    for seed in [1, 2, 3] {
        let there = NETWORKS.map(|net| record(net, seed, &path(net)));
        for here in NETWORKS {
            for (net, expected) in NETWORKS.iter().zip(&there) {
                let took = replay(&path(here), false, (net, seed), &path("again"));
                let error = (took / expected - 1.0) * 100.0;
                eprintln!(
                    "seed {seed}: recorded on {here}, carried out on {net}: {took:.0} ms, {error:+.1} %"
                );
                if error.abs() > 5.0 {
                    wrong.push(format!(
                        "seed {seed}, {here} on {net}: {took:.0} for {expected:.0} ms"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_waited_in_a_queue_is_not_taken_for_the_servers_time() {
    let work = tempfile::tempdir().expect("a folder");
    let path = |name: &str| work.path().join(name);
    let expected = record("3gfast", 1, &path("3gfast"));
    let took = replay(&path("3gfast"), true, ("3gfast", 1), &path("again"));
    let error = (took / expected - 1.0) * 100.0;
    // The client alone does not tell how long a request and the first bytes of its answer took to be
    // sent, a few milliseconds each: they are booked as the server's.
    assert!(error.abs() < 5.0, "{took:.0} ms in place of {expected:.0}");
}
