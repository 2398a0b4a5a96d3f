//! What several tests use.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use roundtrip_http::client::Scheme;
use roundtrip_lab::{Caches, DEFAULT_DATE};
use roundtrip_record::{Event, Folder, Settings};
use roundtrip_visit::ground::{Ground, Virtual};
use roundtrip_visit::run::{RunError, ThisMachine, Title, carry_out};
use roundtrip_visit::site::Site;
use roundtrip_visit::{Plan, Visited, demo};

/// A number in the environment.
///
/// # Panics
/// When there is something else in it.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}: wanted a number")))
}

/// The lab that the demo is visited in unless told otherwise.
pub(crate) fn cable(seed: u64) -> Virtual {
    let net = "cable".parse().expect("a profile");
    Virtual { net, seed, date: DEFAULT_DATE, caches: Caches::default() }
}

/// A visit in the lab.
pub(crate) fn in_lab(
    title: &Title,
    plan: &Plan,
    sites: impl Fn() -> Vec<Site>,
    network: &Virtual,
    record: Settings,
) -> Result<Visited, RunError> {
    let ground = Ground::Lab(Box::new(network.clone()));
    carry_out(title, plan, &ground, &ThisMachine::default(), || Ok(sites()), record)
}

/// The demo, recorded in a folder; its exit code.
pub(crate) fn demo(scheme: Scheme, seed: u64, folder: &Path) -> u8 {
    let plan = demo::plan(scheme);
    let title = Title { command: "visit".into(), subject: plan.url.to_string(), replay_of: None };
    let sites = || demo::sites(scheme);
    let settings = Settings::in_folder(folder);
    in_lab(&title, &plan, sites, &cable(seed), settings).expect("a lab").exit
}

/// The events of a record.
pub(crate) fn events(folder: &Path) -> Vec<Event> {
    let (events, cut) = Folder::open(folder).expect("a record").read().expect("events");
    assert!(!cut, "the record has no end");
    events
}

/// Every file of a record but the one that may differ, by its path in the folder.
pub(crate) fn artefacts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files);
    files.remove("machine.json");
    files
}

// The map puts in order what the file system gives.
#[allow(clippy::disallowed_methods)]
fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).expect("a file"));
        }
    }
}
