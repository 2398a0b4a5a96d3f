//! What `advise` says, and what it refuses.

mod common;

use std::fs;

use common::Roundtrip;
use serde_json::Value;

/// A folder with a page whose style sheet blocks it and whose text is not compressed.
fn site(roundtrip: &Roundtrip) -> String {
    let folder = roundtrip.folder("site");
    fs::create_dir_all(&folder).expect("a folder");
    let page = "<!doctype html><title>Shop</title><link rel=stylesheet href=shop.css>\
                <script src=shop.js></script><p>A shop.";
    fs::write(format!("{folder}/index.html"), page).expect("a file");
    fs::write(format!("{folder}/shop.css"), "p { margin: 1px }\n".repeat(500)).expect("a file");
    fs::write(format!("{folder}/shop.js"), "// shop\n".repeat(500)).expect("a file");
    folder
}

fn names(advice: &Value) -> Vec<&str> {
    let pieces = advice["pieces"].as_array().expect("pieces");
    pieces.iter().filter_map(|piece| piece["name"].as_str()).collect()
}

#[test]
fn a_folder_is_advised_on_and_the_best_is_a_run() {
    let roundtrip = Roundtrip::new();
    let folder = site(&roundtrip);
    let written = roundtrip.folder("written");
    let run = roundtrip.run(&[
        "advise",
        &folder,
        "--net",
        "3gfast,loss=0%",
        "--seeds",
        "2",
        "--format",
        "json",
        "--write",
        &written,
    ]);
    assert_eq!(run.exit(), 0, "{}", run.err());
    let advice: Value = serde_json::from_str(&run.out()).expect("JSON");
    assert_eq!(advice["schema"], "1.0");
    assert_eq!(advice["networks"].as_array().map(Vec::len), Some(1));
    let found = names(&advice);
    for name in ["gzip", "inline", "defer", "initcwnd", "nearer", "cache"] {
        assert!(found.contains(&name), "{name}: {found:?}");
    }
    let inlined = fs::read_to_string(format!("{written}/inline/site.example/index.html"));
    assert!(inlined.expect("the changed page").contains("<style>"));

    let best = advice["combined_run"].as_str().expect("a run").to_owned();
    let shown = roundtrip.run(&["show", &best]);
    assert_eq!(shown.exit(), 0, "{}", shown.err());
    assert!(shown.out().contains("site.example"), "{}", shown.out());
    // A run is advised on as a folder is.
    let again = roundtrip.run(&["advise", &best, "--net", "cable", "--seeds", "1", "-q"]);
    assert_eq!(again.exit(), 0, "{}", again.err());
    assert!(again.out().contains("on cable"), "{}", again.out());
}

#[test]
fn the_text_tells_the_answer_first() {
    let roundtrip = Roundtrip::new();
    let folder = site(&roundtrip);
    let run = roundtrip.run(&["advise", &folder, "--net", "3gfast", "--seeds", "2", "-v"]);
    assert_eq!(run.exit(), 0, "{}", run.err());
    let text = run.out();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "http://site.example/");
    assert!(lines[1].starts_with("  load ") && lines[1].ends_with("on 3gfast"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("  best ")), "{text}");
    for said in [
        "if you …",
        "inlined shop.css",
        "Lighthouse: render-blocking-insight",
        "untried",
        "on a second visit, if you …",
        "let browsers keep 2 files for a year",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn what_has_no_meaning_is_refused() {
    let roundtrip = Roundtrip::new();
    let folder = site(&roundtrip);
    let css = format!("{folder}/shop.css");
    for (arguments, said) in [
        (
            vec!["advise", &folder, "--no-page"],
            "--no-page has no place here: advice is about pages",
        ),
        (vec!["advise", &folder, "--runs", "3"], "--seeds N says how often"),
        (vec!["advise", &folder, "--warm"], "changes are tried on a first visit"),
        (vec!["advise", &folder, "--net", "4g,3gfst"], "3gfst"),
        (vec!["advise", &css], "is no page that is loaded and painted"),
        (vec!["advise", "no-such.har"], "no-such.har"),
    ] {
        let run = roundtrip.run(&arguments);
        assert_ne!(run.exit(), 0, "{arguments:?}");
        assert!(
            run.err().contains(said) || run.out().contains(said),
            "{arguments:?}: {}{}",
            run.out(),
            run.err()
        );
    }
}
