//! `roundtrip diff`: sides of every kind, conditions, and what each format says.

#[allow(dead_code, reason = "a test file uses a part of it")]
#[path = "../../../tests/json_schema.rs"]
mod json_schema;

mod common;

use common::Roundtrip;
use json_schema::Schema;
use serde_json::Value;

/// A visit of the demo that is kept under a name.
fn visited(roundtrip: &Roundtrip, name: &str, more: &[&str]) {
    let arguments = [&["visit", "-q", "--no-picture", "--name", name], more].concat();
    roundtrip.run(&arguments).expect(0);
}

#[test]
fn a_run_compared_with_itself_says_that_nothing_changed() {
    let roundtrip = Roundtrip::new();
    visited(&roundtrip, "once", &[]);
    visited(&roundtrip, "again", &[]);
    for b in ["once", "again"] {
        let run = roundtrip.run(&["diff", "once", b]).expect(0);
        assert!(run.verdict().starts_with("nothing changed: load "), "{}", run.out());
    }
}

#[test]
fn another_network_is_said_before_anything_else() {
    let roundtrip = Roundtrip::new();
    visited(&roundtrip, "cable", &[]);
    visited(&roundtrip, "train", &["--net", "3g"]);
    let out = roundtrip.run(&["diff", "cable", "train"]).expect(0).out();
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    let at = |wanted: &str| out.find(wanted).unwrap_or_else(|| panic!("{wanted}: {out}"));
    assert!(at("networks differ: lab cable → lab 3g") < at("farther away"), "{out}");
    at("the requests are the same");
    let all = roundtrip.run(&["diff", "cable", "train", "-v"]).expect(0).out();
    assert!(all.contains("domComplete") && all.contains("first paint"), "{all}");
}

#[test]
fn every_difference_of_the_load_is_accounted_for() {
    let roundtrip = Roundtrip::new();
    visited(&roundtrip, "a", &[]);
    visited(&roundtrip, "b", &["--net", "3g"]);
    visited(&roundtrip, "c", &["--https"]);
    let schema = Schema::new(include_str!("../../../doc/diff.schema.json"));
    for (a, b) in [("a", "b"), ("b", "c"), ("c", "a")] {
        let out = roundtrip.run(&["diff", a, b, "--format", "json"]).expect(0).out();
        let told: Value = serde_json::from_str(&out).expect("JSON");
        schema.check(&told).unwrap_or_else(|error| panic!("{a} {b}: {error}"));
        for moment in ["load", "first_paint"] {
            let moment = &told[moment];
            let ms = |value: &Value| value.as_f64().expect("a number");
            let shares = moment["shares"].as_array().expect("shares");
            let sum: f64 = shares.iter().map(|share| ms(&share["difference_ms"])).sum();
            let whole = ms(&moment["shown_ms"]["b"]) - ms(&moment["shown_ms"]["a"]);
            assert!((sum + ms(&moment["other_ms"]) - whole).abs() < 1e-6, "{a} {b}: {moment}");
            // The legs lead there without a gap.
            assert!(ms(&moment["other_ms"]).abs() < 1e-6, "{a} {b}: {moment}");
        }
    }
    // A page that is had over another scheme is the same page.
    let out = roundtrip.run(&["diff", "a", "c"]).expect(0).out();
    assert!(out.contains("with TLS") && !out.contains("removed"), "{out}");
}

#[test]
fn sides_are_sets_folders_and_recordings_too() {
    let roundtrip = Roundtrip::new();
    for seed in ["1", "2", "3", "4"] {
        for (set, net) in [("slow", "3gfast"), ("fast", "lan")] {
            let out = roundtrip.folder(&format!("{set}/run{seed}"));
            let arguments = ["visit", "-q", "--no-picture", "--net", net, "--seed", seed];
            roundtrip.run(&[&arguments[..], &["--out", &out]].concat()).expect(0);
        }
    }
    let (fast, slow) = (roundtrip.folder("fast"), roundtrip.folder("slow"));
    let out = roundtrip.run(&["diff", &fast, &slow]).expect(0).out();
    assert!(out.contains("beyond the spread of either (4 runs each, p = 0.0286)"), "{out}");
    let pair = format!("{fast}/run1,{fast}/run2");
    let out = roundtrip.run(&["diff", &pair, &format!("{slow}/run1,{slow}/run2")]).expect(0).out();
    assert!(out.contains("too few runs to tell: 2 runs each (4 a side can)"), "{out}");

    // The archive of a run tells the same as the run.
    let run = format!("{fast}/run1");
    let out = roundtrip.run(&["diff", &run, &format!("{run}/visit.har")]).expect(0).out();
    assert!(out.contains("imported") || out.contains("HAR"), "{out}");
    assert!(!out.contains("added") && !out.contains("removed"), "{out}");

    for name in ["morning-1", "morning-2", "evening"] {
        visited(&roundtrip, name, &["--net", "lan"]);
    }
    let out = roundtrip.run(&["diff", "morning-*", "evening"]).expect(0).out();
    assert!(out.contains("2 runs, of which no. 1 is the median"), "{out}");
}

#[test]
fn what_is_no_side_is_refused_with_a_reason() {
    let roundtrip = Roundtrip::new();
    visited(&roundtrip, "there", &[]);
    let (empty, text) = (roundtrip.folder("empty"), roundtrip.folder("notes.txt"));
    std::fs::create_dir(&empty).expect("a folder");
    std::fs::write(&text, "no archive").expect("a file");
    for (side, says) in [
        ("nowhere", "nowhere is no saved run"),
        (empty.as_str(), "no run, and no folder of runs"),
        (text.as_str(), "is no run either"),
        ("none*", "no saved run has a name that begins so"),
        ("there,,there", "nothing stands between two commas"),
    ] {
        for arguments in [["diff", side, "there"], ["diff", "there", side]] {
            let run = roundtrip.run(&arguments).expect(2);
            let which = if arguments[1] == side { "A: " } else { "B: " };
            assert!(run.err().contains(says) && run.err().contains(which), "{}", run.err());
        }
    }
}

#[test]
fn conditions_decide_on_the_exit_code() {
    let roundtrip = Roundtrip::new();
    visited(&roundtrip, "cable", &[]);
    visited(&roundtrip, "train", &["--net", "3gslow"]);
    let diff = |conditions: &[&str], more: &[&str], exit| {
        let conditions = conditions.iter().flat_map(|condition| ["--fail-if", *condition]);
        let arguments: Vec<&str> =
            ["diff", "cable", "train"].into_iter().chain(conditions).chain(more.to_vec()).collect();
        roundtrip.run(&arguments).expect(exit)
    };
    diff(&["requests > 0", "transferSize > 20kB"], &[], 0);
    let failed = diff(&["requests > 0", "load > 5%"], &[], 111);
    let out = failed.out();
    assert!(out.find("✗ load > 5%") < out.find("✓ requests > 0"), "{out}");
    assert!(out.contains("✗ load > 5%"), "{out}");
    // What is not measured cannot be said to hold.
    let none = diff(&["secureConnectionTime > 0ms"], &[], 111).out();
    assert!(none.contains("A has no secureConnectionTime"), "{none}");
    diff(&["first-paint > -5s"], &["-q"], 111);

    let junit = diff(&["requests > 0", "load > 5%"], &["--junit"], 111).out();
    assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
    assert!(junit.contains("name=\"requests &gt; 0\"/>"), "{junit}");
    assert!(junit.contains("<failure type=\"condition.exceeded\""), "{junit}");
    assert!(diff(&[], &["--junit"], 2).err().contains("--fail-if"));
    for (wrong, says) in [
        ("laod > 5%", "did you mean load?"),
        ("load < 5%", "wanted NAME > HOW MUCH MORE"),
        ("load > 5 kB", "wanted a time with its unit"),
    ] {
        let said = diff(&[wrong], &[], 2).err();
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn the_page_of_a_comparison_needs_nothing_else() {
    let roundtrip = Roundtrip::new();
    visited(&roundtrip, "a", &[]);
    visited(&roundtrip, "b", &["--https"]);
    let page = roundtrip.run(&["diff", "a", "b", "--html"]).expect(0).out();
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    for part in ["id=\"load\"", "id=\"first-paint\"", "id=\"metrics\"", "with TLS"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "nothing runs, nothing is loaded");
    let again = roundtrip.run(&["diff", "a", "b", "--format", "html"]).expect(0).out();
    assert_eq!(page, again);
}

/// A folder of a site: its files with their contents.
fn site(roundtrip: &Roundtrip, name: &str, files: &[(&str, String)]) -> String {
    let folder = roundtrip.folder(name);
    std::fs::create_dir(&folder).expect("a folder");
    for (file, content) in files {
        std::fs::write(format!("{folder}/{file}"), content).expect("a file");
    }
    folder
}

#[cfg(feature = "page")]
#[test]
fn a_site_that_changed_is_told_as_it_changed() {
    let roundtrip = Roundtrip::new();
    let page = |script: &str, sheet: &str| {
        let text = format!(
            "<!doctype html><title>x</title><link rel=stylesheet href=base.css>\
             <link rel=stylesheet href={sheet}><script src={script}></script><p>Hello"
        );
        ("index.html", text)
    };
    let filled = |bytes: usize| "/* a line of a script */\n".repeat(bytes / 25);
    let css = || "p { color: teal }".to_owned();
    let before = site(
        &roundtrip,
        "before",
        &[
            page("app.3f2a1b.js", "old.css"),
            ("app.3f2a1b.js", filled(20_000)),
            ("base.css", css()),
            ("old.css", css()),
        ],
    );
    let after = site(
        &roundtrip,
        "after",
        &[
            page("app.77aa10.js", "new.css"),
            ("app.77aa10.js", filled(400_000)),
            ("base.css", css()),
            ("new.css", css()),
        ],
    );
    for (folder, name) in [(&before, "v1"), (&after, "v2")] {
        let visit = ["visit", folder, "-q", "--no-picture", "--net", "3gfast", "--name", name];
        roundtrip.run(&visit).expect(0);
    }
    let out = roundtrip.run(&["diff", "v1", "v2"]).expect(0).out();
    let text = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "/app.77aa10.js grew 20 → 400 kB",
        "/app.77aa10.js was /app.3f2a1b.js, size 20 → 400 kB",
        "added /new.css 200",
        "removed /old.css 200",
    ] {
        assert!(text.contains(said), "{said}: {out}");
    }
    let failed =
        ["diff", "v1", "v2", "--fail-if", "transferSize > 100kB", "--fail-if", "load > 1s"];
    roundtrip.run(&failed).expect(111);
}
