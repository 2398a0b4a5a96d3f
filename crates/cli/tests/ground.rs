//! Every command on every wire that can carry it; what cannot be honoured is refused.

mod common;

use common::Roundtrip;

/// A folder with a page in it.
fn site(roundtrip: &Roundtrip) -> String {
    let folder = roundtrip.folder("site");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(format!("{folder}/index.html"), "<!DOCTYPE html><title>Here</title>here")
        .expect("a page");
    folder
}

#[test]
fn get_and_resolve_run_in_the_lab() {
    let roundtrip = Roundtrip::new();
    let found =
        roundtrip.run(&["resolve", "www.postcards.example", "--net", "3g", "--format", "json"]);
    assert_eq!(found.exit(), 0, "{}", found.err());
    assert!(found.out().contains("203.0.113."), "{}", found.out());

    let time = |net: &str| {
        let url = "http://www.postcards.example/thanks/";
        let got = roundtrip.run(&[
            "get",
            url,
            "--net",
            net,
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{time_total}",
        ]);
        assert_eq!(got.exit(), 0, "{}", got.err());
        got.out().parse::<f64>().expect("seconds")
    };
    // 400 ms a round trip: name, connection and request take three at least.
    assert!(time("3gslow") > 1.2 && time("lan") < 0.1);
    assert!(
        (time("3gslow") - time("3gslow")).abs() < f64::EPSILON,
        "virtual time is the same again"
    );
}

/// The record of the lab holds the servers' exchanges, too: `-v` tells the client's alone.
#[test]
fn each_head_is_told_once() {
    let roundtrip = Roundtrip::new();
    let got = roundtrip.run(&["get", "-sv", "http://www.postcards.example/", "--net", "lan"]);
    for line in ["* The name has ", "> GET / HTTP/1.1", "< HTTP/1.1 200 OK"] {
        assert_eq!(got.err().matches(line).count(), 1, "{line}: {}", got.err());
    }
}

/// A live visit that fails has nothing that the lab could carry out again: its own fault is told.
#[test]
fn a_visit_that_fails_before_its_what_if_tells_its_fault() {
    let roundtrip = Roundtrip::new();
    let run = roundtrip.run(&["visit", "http://127.0.0.1:1/", "--net", "cable"]);
    assert_eq!(run.exit(), 7, "{}", run.err());
    assert!(run.out().contains("refused the connection"), "{}{}", run.out(), run.err());
}

#[test]
fn a_folder_is_a_host_of_the_lab() {
    let roundtrip = Roundtrip::new();
    let site = format!("docs.example={}", site(&roundtrip));
    for url in ["http://docs.example/", "https://docs.example/"] {
        let got = roundtrip.run(&["get", url, "-s", "--net", "lan", "--site", &site]);
        assert_eq!((got.exit(), got.out().contains("here")), (0, true), "{url}: {}", got.err());
    }
    let seen = roundtrip.run(&[
        "visit",
        "http://docs.example/",
        "--net",
        "lan",
        "--site",
        &site,
        "--no-keep",
    ]);
    assert!(seen.out().starts_with("200 OK  http://docs.example/"), "{}", seen.out());
}

/// The second of two visits knows the names from the first, and is done sooner for it.
#[test]
fn a_warm_visit_asks_no_name_server() {
    let roundtrip = Roundtrip::new();
    let visit = |more: &[&str]| -> serde_json::Value {
        let arguments = ["visit", "--net", "cable", "--format", "json", "--no-keep"];
        let run = roundtrip.run(&[&arguments[..], more].concat());
        assert_eq!(run.exit(), 0, "{}", run.err());
        serde_json::from_str(&run.out()).expect("JSON")
    };
    let (cold, warm) = (visit(&[]), visit(&["--warm"]));
    let asked = |facts: &serde_json::Value| -> usize {
        let lookups = facts["lookups"].as_array().expect("lookups");
        lookups.iter().map(|lookup| lookup["messages"].as_array().map_or(0, Vec::len)).sum()
    };
    assert!(asked(&cold) > 0);
    assert_eq!(asked(&warm), 0);
    let load = |facts: &serde_json::Value| -> f64 {
        let metrics = facts["metrics"].as_array().expect("metrics");
        let load = metrics.iter().find(|metric| metric["name"] == "loadEventEnd");
        load.and_then(|metric| metric["value"].as_f64()).expect("a load")
    };
    assert!(load(&warm) + 25.0 < load(&cold), "{} to {}", load(&warm), load(&cold));
}

/// What the second of two visits has from the first is told: what was not asked for, and what was.
#[test]
fn a_warm_visit_tells_what_the_cache_gave() {
    let roundtrip = Roundtrip::new();
    let folder = roundtrip.folder("site");
    std::fs::create_dir_all(&folder).expect("a folder");
    let page =
        "<!doctype html><link rel=stylesheet href=old.css><link rel=stylesheet href=new.css><p>x";
    let day = std::time::Duration::from_hours(24);
    // What was changed long before the lab's day, the first of January 2026, is fresh for a while.
    let year = 2026 - 1970;
    for (name, content, day_of_change) in [
        ("index.html", page, 365 * (year + 1)),
        ("old.css", "p { color: red }", 365 * (year - 5)),
        ("new.css", "p { top: 0 }", 365 * (year + 1)),
    ] {
        let path = format!("{folder}/{name}");
        std::fs::write(&path, content).expect("a file");
        let file = std::fs::File::options().write(true).open(&path).expect("a file");
        file.set_modified(std::time::UNIX_EPOCH + day * day_of_change).expect("a time");
    }
    let told = |arguments: &[&str]| {
        let run = roundtrip.run(arguments);
        assert_eq!(run.exit(), 0, "{}", run.err());
        run.out()
    };
    let text = told(&["visit", &folder, "--net", "cable", "--warm"]);
    assert!(text.lines().next().is_some_and(|line| line.contains("304 Not Modified")), "{text}");
    assert!(text.contains("requests, 1 from cache"), "{text}");
    let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_default();
    assert!(row("old.css").contains("from cache, 16 B"), "{text}");
    assert!(row("new.css").contains("not modified, 12 B from the cache"), "{text}");
    assert!(row("  body").contains("not modified, from the cache: 87 B"), "{text}");

    let archive = told(&["show", "latest", "--har"]);
    let archive: serde_json::Value = serde_json::from_str(&archive).expect("JSON");
    let entries = archive["log"]["entries"].as_array().expect("entries");
    let entry = |name: &str| {
        let url = |entry: &&serde_json::Value| {
            entry["request"]["url"].as_str().is_some_and(|url| url.ends_with(name))
        };
        entries.iter().find(url).expect("an entry")
    };
    let (old, new) = (entry("/old.css"), entry("/new.css"));
    assert_eq!((&old["_fromCache"], &old["response"]["status"]), (&true.into(), &200.into()));
    assert_eq!(old["response"]["content"]["text"], "p { color: red }");
    assert_eq!((&new["_fromCache"], &new["response"]["status"]), (&false.into(), &304.into()));
    assert_eq!(new["response"]["content"]["text"], "p { top: 0 }");
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    let roundtrip = Roundtrip::new();
    for (arguments, why) in [
        (
            &["get", "http://127.0.0.1:1/", "--wire", "live", "--net", "3g"][..],
            "--net describes the lab",
        ),
        (
            &["resolve", "localhost", "--wire", "live", "--date", "2026-01-31"],
            "--date describes the lab",
        ),
        (&["resolve", "localhost", "--wire", "live", "--seed", "2"], "--seed describes the lab"),
        (&["visit", "http://nosuch.example/", "--wire", "lab"], "--site nosuch.example=DIR"),
        (&["visit", "http://127.0.0.1:1/", "--warm"], "--warm is for the lab"),
        (&["visit", "http://127.0.0.1:1/", "--runs", "3"], "--runs is for the lab"),
        (&["visit", "http://127.0.0.1:1/", "--cpu", "1x"], "--cpu is for the lab"),
        (&["visit", "http://127.0.0.1:1/", "--server", "nginx"], "--server is for the lab"),
        (&["visit", "http://127.0.0.1:1/", "--https"], "--https is for folders"),
        (&["visit", "--wire", "live"], "visited in the lab"),
        (&["visit", "--date", "2020-02-30"], "no such day"),
        (&["visit", "--date", "9999-12-31"], "2500-12-31"),
        (&["serve", "--wire", "lab"], "nobody could reach it"),
        (&["visit", "--site", "postcards.example=."], "the lab has a host postcards.example"),
        (
            &["visit", "http://a.example/", "--wire", "lab", "--site", "a.example=/nonexistent"],
            "--site",
        ),
        (&["visit", "0fea"], "no saved run"),
        (&["visit", "--site", "a.example"], "wanted NAME=DIR"),
    ] {
        let run = roundtrip.run(arguments);
        assert_eq!(run.exit(), 2, "{arguments:?}: {}{}", run.out(), run.err());
        assert!(run.err().contains(why), "{arguments:?}: {}", run.err());
    }
}

#[test]
fn runs_are_named_pinned_listed_and_deleted() {
    let roundtrip = Roundtrip::new();
    let demo = ["visit", "--net", "lan", "--no-page", "-q"];
    let with = |more: &[&str]| {
        let run = roundtrip.run(&[&demo[..], more].concat());
        assert_eq!(run.exit(), 0, "{more:?}: {}", run.err());
    };
    with(&["--name", "monday", "--pin", "--seed", "7"]);
    with(&[]);
    with(&["--no-keep"]);
    let list = |more: &[&str]| {
        let run = roundtrip.run(&[&["show", "--format", "json"], more].concat());
        serde_json::from_str::<serde_json::Value>(&run.out()).expect("JSON")
    };
    let all = list(&[]);
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all:#}");
    let monday = &all[1];
    assert_eq!((&monday["name"], &monday["pinned"]), (&"monday".into(), &true.into()));
    assert_eq!((&monday["net"], &monday["seed"]), (&"lan".into(), &7.into()));
    assert!(monday["took_ms"].as_f64().is_some_and(|took| took > 0.0), "{monday:#}");
    assert_eq!(list(&["--last", "1"]).as_array().map(Vec::len), Some(1));
    assert!(roundtrip.run(&["show"]).out().contains("[monday]  pinned"));
    assert!(roundtrip.run(&["show", "monday"]).out().contains("http://"));
    assert_eq!(roundtrip.run(&["show", "monday", "--unpin"]).exit(), 0);
    assert_eq!(roundtrip.run(&["show", "monday", "--delete"]).exit(), 0);
    assert_eq!(list(&[]).as_array().map(Vec::len), Some(1));
    assert_ne!(roundtrip.run(&["show", "monday"]).exit(), 0);
}

/// Sixteen at a time, more of them than are kept: none loses its record to another.
#[test]
fn runs_side_by_side_keep_their_records() {
    let roundtrip = Roundtrip::new();
    std::thread::scope(|scope| {
        for first in 0..16 {
            let roundtrip = &roundtrip;
            scope.spawn(move || {
                for n in 0..4 {
                    let seed = (first * 4 + n).to_string();
                    let run = roundtrip.run(&[
                        "visit",
                        "--net",
                        "lan",
                        "--no-page",
                        "-q",
                        "--seed",
                        &seed,
                    ]);
                    assert_eq!((run.exit(), run.err()), (0, String::new()), "seed {seed}");
                }
            });
        }
    });
}

/// Where nothing can be kept the answer comes all the same.
#[test]
fn a_state_folder_that_cannot_be_written_stops_nobody() {
    let roundtrip = Roundtrip::new();
    let state = roundtrip.folder("not-a-folder");
    std::fs::write(&state, "a file").expect("a file");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_roundtrip"));
    command.env("XDG_STATE_HOME", &state).env("HOME", &state);
    let output = command.args(["visit", "--net", "lan", "--no-page"]).output().expect("it starts");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(out.starts_with("303") || out.starts_with("200"), "{out}");
    assert!(err.contains("this run is not kept") && !out.contains("saved"), "{err}{out}");
}
