//! A visit whose page is laid out and painted by a process of its own: the record is the same, and
//! what that process dies of costs the picture and one finding. The process is this test program
//! itself, started with an argument.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use roundtrip_http::client::Scheme;
use roundtrip_page::Program;
use roundtrip_page::child::{Mishap, serve};
use roundtrip_record::{Event, Fault, FaultKind, Settings, What};
use roundtrip_visit::demo;
use roundtrip_visit::run::Title;

const CHILD: &str = "--child=";

/// How the process ends, and what the finding says of it.
const MISHAPS: [(&str, Mishap, &str); 6] = [
    ("abort", Mishap::Abort, "signal 6 (SIGABRT)"),
    ("panic", Mishap::Panic, "a panic on request"),
    ("memory", Mishap::Memory, "MiB of memory"),
    ("time", Mishap::Time, "s of processor time"),
    ("nonsense", Mishap::Nonsense, "malformed"),
    ("exit", Mishap::Exit, "without an answer"),
];

fn main() -> ExitCode {
    if let Some(what) =
        std::env::args().nth(1).and_then(|first| Some(first.strip_prefix(CHILD)?.to_owned()))
    {
        return serve(
            MISHAPS.iter().find(|(name, ..)| *name == what).map(|(_, mishap, _)| *mishap),
        );
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("the_record_is_the_same: test\na_dead_painter_costs_the_picture: test");
        return ExitCode::SUCCESS;
    }
    the_record_is_the_same();
    println!("test the_record_is_the_same ... ok");
    a_dead_painter_costs_the_picture();
    println!("test a_dead_painter_costs_the_picture ... ok");
    ExitCode::SUCCESS
}

/// The demo, painted by a process that meets with something; its exit code.
fn visit(painter: Option<Program>, folder: &Path) -> u8 {
    let mut plan = demo::plan(Scheme::Http);
    plan.painter = painter;
    let title = Title { command: "visit".into(), subject: plan.url.to_string(), replay_of: None };
    let sites = || demo::sites(Scheme::Http);
    common::in_lab(&title, &plan, sites, &common::cable(1), Settings::in_folder(folder))
        .expect("a lab")
        .exit
}

fn program(mishap: &str) -> Program {
    Program::this(&format!("{CHILD}{mishap}")).expect("this program")
}

/// What is recorded outside of this process's own figures is the same to the byte.
fn the_record_is_the_same() {
    let (here, there) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    assert_eq!(visit(None, here.path()), 0);
    assert_eq!(visit(Some(program("none")), there.path()), 0);
    let (here, there) = (common::artefacts(here.path()), common::artefacts(there.path()));
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for (name, bytes) in &here {
        assert!(bytes == &there[name], "{name} differs");
    }
    assert!(here.keys().any(|name| name.starts_with("bodies/")), "there is a picture");
}

fn faults(events: &[Event]) -> Vec<&Fault> {
    events
        .iter()
        .filter_map(|event| match &event.what {
            What::Fault(fault) => Some(fault),
            _ => None,
        })
        .collect()
}

/// How often each kind of event stands in a record.
fn kinds(events: &[Event]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for event in events {
        let value = serde_json::to_value(event).expect("an event is JSON");
        *kinds.entry(value["kind"].as_str().expect("a kind").to_owned()).or_default() += 1;
    }
    kinds
}

fn a_dead_painter_costs_the_picture() {
    let whole = tempfile::tempdir().expect("a folder");
    assert_eq!(visit(None, whole.path()), 0);
    let whole = common::events(whole.path());
    for (mishap, _, words) in MISHAPS {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(visit(Some(program(mishap)), folder.path()), 0, "{mishap}");
        let events = common::events(folder.path());
        let before = faults(&whole).len();
        let found = faults(&events);
        let painting: Vec<_> = found
            .iter()
            .filter_map(|fault| match &fault.fault {
                FaultKind::PaintFailed { why } => Some((why, fault.fatal)),
                _ => None,
            })
            .collect();
        let [(why, false)] = painting[..] else { panic!("{mishap}: not one finding: {found:?}") };
        assert!(why.contains(words), "{mishap}: {why}");
        assert_eq!(found.len(), before + 1, "{mishap}: {found:?}");
        // All else is there: what the markup names was fetched, and every connection was closed.
        let (mut whole, mut rest) = (kinds(&whole), kinds(&events));
        assert_eq!(whole.remove("page.painted"), Some(1));
        assert_eq!(rest.remove("page.painted"), None, "{mishap}");
        for kind in ["http.request", "http.response", "tcp.closed", "milestone"] {
            assert_eq!(whole.get(kind), rest.get(kind), "{mishap}: {kind}");
        }
    }
}
