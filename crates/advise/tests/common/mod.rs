//! What several tests use.

use std::path::Path;

use roundtrip_lab::{Caches, DEFAULT_DATE};
use roundtrip_record::{BodyRef, Folder, Settings};
use roundtrip_visit::ground::{Ground, Virtual};
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::{ThisMachine, Title, carry_out};
use roundtrip_visit::scenario::Scenario;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, Plan};

/// A page of these sites, visited over cable and recorded in a folder, as a scenario.
pub(crate) fn recorded(
    folder: &Path,
    url: &str,
    sites: impl Fn() -> Vec<Site>,
) -> (Recording, Scenario) {
    let net = "cable".parse().expect("a profile");
    let network = Virtual { net, seed: 1, date: DEFAULT_DATE, caches: Caches::default() };
    let plan = Plan::get(url.parse().expect("a URL")).behaving_as(Browser::CHROMIUM);
    let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
    let ground = Ground::Lab(Box::new(network.clone()));
    let settings = Settings::in_folder(folder);
    carry_out(&title, &plan, &ground, &ThisMachine::default(), || Ok(sites()), settings)
        .expect("a lab");
    let folder = Folder::open(folder).expect("a record");
    let bodies = folder.bodies();
    let body = |content: &BodyRef| bodies.get(content).ok();
    let recording = Recording::read(folder.read().expect("events").0).expect("a visit");
    let plan = recording.plan(body).expect("a plan").behaving_as(Browser::CHROMIUM);
    let servers = recording.servers(body).expect("servers");
    (recording, Scenario { plan, network, servers })
}
