//! `--budget`: what a visit may cost, and how it is told that it costs more.

#[allow(dead_code, reason = "a test file uses a part of it")]
#[path = "../../../tests/json_schema.rs"]
mod json_schema;

mod common;

use common::Roundtrip;
use json_schema::Schema;
use serde_json::Value;

const TIGHT: &str = "load = \"100 ms\"\nrequests = 50\n\n[image]\ntransferSize = \"1 kB\"\n";

#[test]
fn a_visit_that_costs_more_ends_with_111_and_tells_why() {
    let roundtrip = Roundtrip::new();
    let (tight, wide) = (roundtrip.folder("tight.toml"), roundtrip.folder("wide.toml"));
    std::fs::write(&tight, TIGHT).expect("a file");
    std::fs::write(&wide, "load = \"1 min\"\ntransferSize = \"1 MB\"\n").expect("a file");
    let out = roundtrip.folder("out");
    let visit = ["visit", "--no-picture", "--out", &out, "--budget"];

    let kept = roundtrip.run(&[&visit[..], &[&wide]].concat()).expect(0).out();
    assert!(kept.contains("2 limits kept: load "), "{kept}");
    let over = roundtrip.run(&[&visit[..], &[&tight]].concat()).expect(111).out();
    assert!(over.starts_with("200 OK"), "{over}");
    assert!(
        over.contains("✗ budget  load ") && over.contains("over its limit of 100 ms"),
        "{over}"
    );
    assert!(over.contains("mostly ") && over.contains("image transferSize"), "{over}");
    assert!(over.contains("1 limit kept: requests 11, limit 50"), "{over}");
    let page = common::text(&out, "report.html");
    assert!(page.contains("over its limit of 100 ms"), "it is in the report, too");
    assert!(page.contains("id=\"critical\"") && page.contains("To the first paint"));

    let quiet = roundtrip.run(&[&visit[..], &[&tight, "-q"]].concat()).expect(111).out();
    assert!(quiet.contains("✗ budget  load "), "{quiet}");
    assert!(roundtrip.run(&[&visit[..], &[&wide, "-q"]].concat()).expect(0).out().is_empty());
    let short = roundtrip.run(&[&visit[..], &[&tight, "--short"]].concat()).expect(111).out();
    assert!(short.lines().count() <= 5 && short.contains("and 1 more"), "{short}");

    let json = roundtrip.run(&[&visit[..], &[&tight, "--format", "json"]].concat()).expect(111);
    let told: Value = serde_json::from_str(&json.out()).expect("JSON");
    let schema = Schema::new(include_str!("../../../doc/json.schema.json"));
    schema.check(&told).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(told["exit"], 111);
    assert_eq!(told["budget"]["limits"][0]["name"], "load");
    assert_eq!(told["budget"]["limits"][0]["exceeded"], true);
}

#[test]
fn a_fault_of_the_visit_itself_goes_before_the_budget() {
    let roundtrip = Roundtrip::new();
    let tight = roundtrip.folder("tight.toml");
    std::fs::write(&tight, "requests = 0\n").expect("a file");
    let lost = ["visit", "http://lost.postcards.example/", "--net", "lan", "--budget", &tight];
    roundtrip.run(&lost).expect(6);
}

#[test]
fn saved_runs_are_held_against_budgets_too_and_limits_are_tests() {
    let roundtrip = Roundtrip::new();
    let (tight, lighthouse) = (roundtrip.folder("tight.toml"), roundtrip.folder("budget.json"));
    std::fs::write(&tight, TIGHT).expect("a file");
    let text = r#"[{"path": "/*", "timings": [{"metric": "interactive", "budget": 3000}],
        "resourceSizes": [{"resourceType": "total", "budget": 1}]}]"#;
    std::fs::write(&lighthouse, text).expect("a file");
    roundtrip.run(&["visit", "-q", "--no-picture", "--name", "shop"]).expect(0);
    roundtrip.run(&["show", "shop"]).expect(0);
    let junit = roundtrip.run(&["show", "shop", "--junit", "--budget", &tight]).expect(111).out();
    assert!(junit.contains("classname=\"roundtrip.budget\" name=\"requests\"/>"), "{junit}");
    assert!(junit.contains("<failure type=\"budget.exceeded\" message=\"load "), "{junit}");
    let text = roundtrip.run(&["show", "shop", "--budget", &lighthouse]).expect(111).out();
    assert!(text.contains("over its limit of 1.02 kB"), "{text}");
    assert!(text.contains("not measured here: interactive"), "{text}");
}

#[test]
fn what_is_no_budget_is_refused_before_anything_is_done() {
    let roundtrip = Roundtrip::new();
    let file = roundtrip.folder("budget.toml");
    for (text, says) in [
        ("load = \"2 s\"\nlaod = \"1 s\"\n", "line 2: \"laod\" is no metric; did you mean load?"),
        ("[scripts]\n", "line 1: \"scripts\" is not known; did you mean script?"),
        ("load = 2\n", "line 1: load: \"2\": wanted a time with its unit"),
        ("", "there is no limit in it"),
        ("[{\"resourceSize\": []}]", "did you mean resourceSizes?"),
    ] {
        std::fs::write(&file, text).expect("a file");
        let said = roundtrip.run(&["visit", "--budget", &file]).expect(2).err();
        assert!(said.contains(says), "{said}");
    }
    let none = roundtrip.folder("none.toml");
    let said = roundtrip.run(&["visit", "--budget", &none]).expect(2).err();
    assert!(said.contains("none.toml"), "{said}");
    let listed = roundtrip.run(&["show"]).expect(0).out();
    assert!(listed.contains("no saved runs yet"), "{listed}");
}
