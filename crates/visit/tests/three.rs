//! Visits over HTTP/3 in the lab: the same twice, learned first, and carried out again.

mod common;

use std::path::Path;

use common::{artefacts, cable, events, in_lab};
use roundtrip_http::client::Scheme;
use roundtrip_record::{BodyRef, Event, Folder, Settings, Side, What};
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, BrowserName, ClientCaches, Plan, demo};

fn title() -> Title {
    Title { command: "visit".into(), subject: "the demo".into(), replay_of: None }
}

fn plan(caches: ClientCaches) -> Plan {
    let plan = demo::plan(Scheme::Https).behaving_as(Browser::of(BrowserName::Chromium));
    Plan { client_caches: caches, ..plan.learning_three() }
}

/// The demo over HTTP/3, recorded in a folder.
fn visit(caches: ClientCaches, seed: u64, folder: &Path) {
    let sites = || demo::sites(Scheme::Https).into_iter().map(Site::with_three).collect();
    let record = Settings::in_folder(folder);
    let visited = in_lab(&title(), &plan(caches), sites, &cable(seed), record).expect("a lab");
    assert!(visited.status.is_some_and(|status| status < 400), "{visited:?}");
}

/// The versions of the client's requests, in order.
fn versions(events: &[Event]) -> Vec<String> {
    let client = events.iter().find_map(|event| match &event.what {
        What::ExchangeStarted(started) if started.side == Side::Client => Some(event.host),
        _ => None,
    });
    let sent = events.iter().filter(|event| Some(event.host) == client);
    sent.filter_map(|event| match &event.what {
        What::RequestSent(request) => Some(request.version.as_str().to_owned()),
        _ => None,
    })
    .collect()
}

#[test]
fn two_visits_are_one_to_the_byte() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    for folder in &folders {
        visit(ClientCaches::Warm, 3, folder.path());
    }
    let [first, second] = folders.each_ref().map(|folder| artefacts(folder.path()));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, bytes) in &first {
        assert!(*bytes == second[name], "{name} differs");
    }
    assert!(first.contains_key("trace.pcapng"));
}

#[test]
fn a_first_visit_learns_what_a_second_one_knows() {
    let work = tempfile::tempdir().expect("a folder");
    let [cold, warm] = ["cold", "warm"].map(|name| work.path().join(name));
    visit(ClientCaches::Cold, 1, &cold);
    visit(ClientCaches::Warm, 1, &warm);
    let [cold, warm] = [cold, warm].map(|folder| versions(&events(&folder)));
    assert_eq!(cold.first().map(String::as_str), Some("HTTP/2"), "{cold:?}");
    assert!(warm.len() > 5 && warm.iter().all(|version| version == "HTTP/3"), "{warm:?}");
}

#[test]
fn what_went_by_http_3_does_when_it_is_carried_out_again() {
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| work.path().join(name));
    visit(ClientCaches::Warm, 1, &first);
    let folder = Folder::open(&first).expect("a record");
    let recording = Recording::read(folder.read().expect("events").0).expect("a visit");
    let bodies = folder.bodies();
    let body = |content: &BodyRef| bodies.get(content).ok();
    let plan = recording.plan(body).expect("a plan");
    let sites = || recording.sites(body).expect("sites");
    let record = Settings::in_folder(&second);
    in_lab(&title(), &plan, sites, &cable(2), record).expect("a lab");
    let versions = versions(&events(&second));
    assert!(!versions.is_empty() && versions.iter().all(|own| own == "HTTP/3"), "{versions:?}");
}
