//! A real site: one of Debian's documentation packages (libtasn1-doc: HTML, CSS, PNG), served by
//! Debian's nginx on loopback, visited live, and carried out again on a slow network; and the same
//! folder in the lab.

mod common;
#[path = "peer/nginx.rs"]
mod nginx;

use std::path::Path;

use common::{Roundtrip, check_har, events, has, skip, text};
use nginx::Nginx;
use roundtrip_record::{What, WireKind};

/// From the package libtasn1-doc.
const SITE: &str = "/usr/share/gtk-doc/html/libtasn1";

fn is_there() -> bool {
    if !Path::new(SITE).is_dir() {
        skip("the package libtasn1-doc is not installed");
        return false;
    }
    has("nginx")
}

#[test]
fn a_site_of_nginx_live_and_again_on_a_slow_network() {
    if !is_there() {
        return;
    }
    let roundtrip = Roundtrip::new();
    let work = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(work.path(), &|port| format!("listen 127.0.0.1:{port}; root {SITE};"));
    let url = format!("http://127.0.0.1:{}/ch01.html", nginx.port);
    let live = roundtrip.folder("live");
    let run = roundtrip.run(&["visit", &url, "--out", &live]).expect(0);
    assert!(run.verdict().starts_with("200 OK"), "{}", run.verdict());
    assert!(run.verdict().contains("wire: live"), "{}", run.verdict());
    let recorded = events(&live);
    assert!(
        recorded
            .iter()
            .any(|event| matches!(&event.what, What::ResponseHead(head) if head.fields.iter().any(
            |field| field.0.eq_ignore_ascii_case("server") && field.1.contains("nginx"))))
    );
    let entries = check_har(&live);
    assert!(entries >= if cfg!(feature = "page") { 3 } else { 1 }, "{entries} entries");
    drop(nginx);

    // The server is gone: what answers now is the record.
    let slow = roundtrip.folder("slow");
    let run = roundtrip.run(&["visit", &live, "--net", "3gslow", "--out", &slow]).expect(0);
    let verdict = run.verdict();
    assert!(verdict.starts_with("200 OK"), "{verdict}");
    let (before, after) = verdict.split_once(" live → ").expect("both times in the verdict");
    assert!(after.contains("on 3gslow"), "{verdict}");
    let [before, after] =
        [before.rsplit("  ").next(), after.split(" on ").next()].map(|time| millis(time, &verdict));
    assert!(after > before && after > 800.0, "slower, by round trips of 400 ms: {verdict}");
    check_har(&slow);
    let report = text(&slow, "report.html");
    assert!(report.contains("3gslow") && report.contains("id=\"waterfall\""));
    let replayed = events(&slow).into_iter().find_map(|event| match event.what {
        What::RunStarted(run) => run.replay_of,
        _ => None,
    });
    let replayed = replayed.expect("the record says what it carries out again");
    assert_eq!(replayed.wire, WireKind::Live);
    assert!(replayed.digest.is_some());
    assert_eq!(report.matches("class=\"pair\"").count(), entries);
}

/// `310 ms`, `4.71 s`, and after other words.
fn millis(text: Option<&str>, verdict: &str) -> f64 {
    let words: Vec<&str> = text.unwrap_or_default().split_whitespace().collect();
    let [.., number, unit] = words[..] else { panic!("no time in {verdict}") };
    let number: f64 = number.parse().unwrap_or_else(|_| panic!("no time in {verdict}"));
    match unit {
        "s" => number * 1_000.0,
        "ms" => number,
        "µs" => number / 1_000.0,
        other => panic!("{other} in {verdict}"),
    }
}

#[test]
fn the_same_folder_in_the_lab_on_two_networks() {
    if !is_there() {
        return;
    }
    let roundtrip = Roundtrip::new();
    let took = ["cable", "3gslow"].map(|net| {
        let out = roundtrip.folder(net);
        let run = roundtrip.run(&["visit", SITE, "--net", net, "--out", &out]).expect(0);
        assert!(run.verdict().contains(&format!("lab {net}")), "{}", run.verdict());
        check_har(&out);
        assert_eq!(Path::new(&out).join("page.png").exists(), cfg!(feature = "page"));
        let events = events(&out);
        let painted = events
            .iter()
            .rfind(|event| matches!(&event.what, What::ResponseEnded(_) | What::Milestone(_)));
        painted.expect("a visit").at
    });
    assert!(took[1].nanos() > 5 * took[0].nanos(), "{took:?}");
}
