//! A run is held against a budget, and what exceeds it is named with what most of it is.

mod common;

use common::{Fetch, Visit};
use roundtrip_story::{Budget, BudgetReport, Contributor};

fn shop() -> Visit {
    Visit::new("https://www.shop.example/blog/1")
        .fetch(Fetch::new("https://www.shop.example/blog/1", 0, 100).sized(3_000))
        .fetch(Fetch::new("https://www.shop.example/app.js", 100, 400).sized(210_000))
        .fetch(Fetch::new("https://img.shop.example/a.png", 100, 300).sized(90_000))
        .fetch(Fetch::new("https://ads.other.example/ad.js", 100, 350).sized(50_000))
        .painted(320)
}

fn judged(text: &str) -> BudgetReport {
    Budget::read(text).unwrap_or_else(|error| panic!("{text}: {error}")).judge(&shop().story())
}

/// The names of the limits that are exceeded.
fn exceeded(text: &str) -> Vec<String> {
    judged(text).exceeded().map(|limit| limit.name.clone()).collect()
}

#[test]
fn limits_are_kept_up_to_the_last_byte() {
    // Four heads of 200 bytes each come to the bodies.
    assert!(exceeded("load = \"400 ms\"\ntransferSize = \"353800 B\"\nrequests = 4").is_empty());
    let all = exceeded("load = \"399 ms\"\ntransferSize = \"353799 B\"\nrequests = 3");
    assert_eq!(all, ["load", "transferSize", "requests"]);
    assert_eq!(exceeded("first-paint = \"319 ms\""), ["first-paint"]);
}

#[test]
fn kinds_and_third_parties_have_limits_of_their_own() {
    let scripts = "[script]\ntransferSize = \"260 kB\"\nrequests = 1";
    assert_eq!(exceeded(scripts), ["script transferSize", "script requests"]);
    assert!(exceeded("[image]\ntransferSize = \"91 kB\"\n[font]\nrequests = 0").is_empty());
    // Hosts of one registrable domain are one site.
    assert!(exceeded("third-party.requests = 1").is_empty());
    assert_eq!(exceeded("third-party.requests = 0"), ["third-party requests"]);
}

#[test]
fn what_is_exceeded_is_told_with_what_most_of_it_is() {
    let report = judged("transferSize = \"1 kB\"\nload = \"1 ms\"\nrequests = 1");
    let [size, load, requests] = report.limits.as_slice() else { panic!("{report:?}") };
    let urls: Vec<&str> = size
        .contributors
        .iter()
        .map(|one| match one {
            Contributor::Exchange { url, .. } => url.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    let largest = ["www.shop.example/app.js", "img.shop.example/a.png", "ads.other.example/ad.js"];
    assert_eq!(urls, largest.map(|url| format!("https://{url}")));
    let Contributor::Leg { step, url, value, .. } = &load.contributors[0] else { panic!() };
    assert_eq!((step.name(), url.as_deref()), ("body", Some("https://www.shop.example/app.js")));
    assert!((value - 250.0).abs() < 1e-9, "{value}");
    let Contributor::Host { host, value } = &requests.contributors[0] else { panic!() };
    assert_eq!((host.as_str(), *value as u32), ("www.shop.example", 2));
}

#[test]
fn what_is_not_known_of_a_run_does_not_pass() {
    let report = judged("largest-contentful-paint = \"9 s\"");
    assert!(report.limits[0].exceeded && report.limits[0].value.is_none());
    assert!(!report.is_kept());
}

#[test]
fn the_last_entry_of_lighthouse_that_is_for_the_page_holds() {
    let count = |path: &str, most: u32| {
        format!(
            r#"{{"path": "{path}", "resourceCounts": [{{"resourceType": "total", "budget": {most}}}]}}"#
        )
    };
    let of = |entries: &[String]| judged(&format!("[{}]", entries.join(", ")));
    assert!(of(&[count("/*", 1), count("/blog", 4)]).is_kept());
    assert!(!of(&[count("/blog", 4), count("/*", 1)]).is_kept());
    let none = of(&[count("/shop", 1)]);
    assert!(none.is_kept() && !none.applies && none.limits.is_empty());
    let own = r#"[{"options": {"firstPartyHostnames": ["*.shop.example", "ads.other.example"]},
        "timings": [{"metric": "interactive", "budget": 1}],
        "resourceCounts": [{"resourceType": "third-party", "budget": 0}]}]"#;
    let report = judged(own);
    assert!(report.is_kept(), "{report:?}");
    assert_eq!(report.unmeasured, ["interactive"]);
}
