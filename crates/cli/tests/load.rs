//! `roundtrip load`, against a server of ours, nobody, and the lab.

mod peer;

use std::net::TcpListener;
use std::process::Output;

use peer::{Peer, ROUNDTRIP, run};
use serde_json::Value;

fn load(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    run(ROUNDTRIP, &[&["load"], arguments].concat(), folder.path())
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {} {}", text(&output.stdout), text(&output.stderr))
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn whoever_is_neither_here_nor_private_is_not_aimed_at() {
    for url in ["http://203.0.113.7/", "https://[2001:db8::1]/", "http://192.0.2.1:8080/x"] {
        let output = load(&[url, "-n", "1", "--timeout", "1s"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--i-may=") && said.contains("private network"), "{said}");
        let other = load(&[url, "-n", "1", "--timeout", "1s", "--i-may=other.test"]);
        assert_eq!(other.status.code(), Some(2), "{}", text(&other.stderr));
    }
}

#[test]
fn so_many_requests_are_answered_and_held_against_conditions() {
    let peer = Peer::start(&["-q"]);
    let url = peer.url("/a.txt");
    let measured = json(&load(&[&url, "-n", "300", "-c", "4", "--format", "json"]));
    assert_eq!((&measured["answered"], &measured["errors"]), (&300.into(), &0.into()));
    assert_eq!(measured["statuses"]["200"], 300);
    assert_eq!(measured["bytes"], 300 * 17);
    assert_eq!(measured["connect"]["count"], 4);
    assert_eq!(measured["latency"]["count"], 300);
    let failed = load(&[&url, "-n", "20", "--fail-if", "p50>1ns", "--format", "junit"]);
    assert_eq!(failed.status.code(), Some(111));
    assert!(text(&failed.stdout).contains("failures=\"1\""), "{}", text(&failed.stdout));
    let held = load(&[&url, "-n", "20", "--fail-if", "p50>1min", "--fail-if", "errors>0"]);
    assert_eq!(held.status.code(), Some(0), "{}", text(&held.stdout));
}

#[test]
fn a_rate_is_kept_and_connections_closed_where_that_is_wished() {
    let peer = Peer::start(&["-q"]);
    let arguments = ["--rate", "200", "--for", "1s", "-c", "8", "--format", "json"];
    let kept = json(&load(&[&[peer.url("/").as_str()], &arguments[..]].concat()));
    assert_eq!((&kept["answered"], &kept["errors"]), (&200.into(), &0.into()));
    assert_eq!(kept["plan"]["rate_per_second"], 200.0);
    assert!(kept["generator"]["late"]["count"].as_u64() > Some(0), "{kept}");
    let url = peer.url("/");
    let closed = json(&load(&[&url, "-n", "50", "--no-keepalive", "--format", "json"]));
    assert_eq!((&closed["answered"], &closed["errors"]), (&50.into(), &0.into()));
    assert_eq!(closed["connect"]["count"], 50);
}

#[test]
fn several_streams_share_a_connection_of_two() {
    let peer = Peer::start(&["-q"]);
    let measured = json(&load(&[
        &peer.url("/"),
        "--http2-prior-knowledge",
        "--streams",
        "5",
        "-c",
        "2",
        "-n",
        "200",
        "--format",
        "json",
    ]));
    assert_eq!((&measured["answered"], &measured["errors"]), (&200.into(), &0.into()));
    assert_eq!(measured["connect"]["count"], 2);
}

#[test]
fn weights_statuses_and_bodies() {
    let peer = Peer::start(&["-q"]);
    let (found, none) = (peer.url("/a.txt"), peer.url("/none"));
    let measured =
        json(&load(&[&found, &none, "--weights", "3,1", "-n", "400", "--format", "json"]));
    let missing = measured["statuses"]["404"].as_u64().unwrap_or_default();
    assert!((60..140).contains(&missing), "{missing}");
    assert_eq!(measured["errors"], missing);
    assert_eq!(measured["failures"][0]["type"], "http.error");
    assert_eq!(measured["failures"][0]["url"], none);
    let sent = json(&load(&[
        &peer.url("/echo"),
        "-d",
        "words",
        "-H",
        "X-Own: 1",
        "-n",
        "5",
        "--format",
        "json",
    ]));
    assert_eq!(sent["statuses"]["200"], 5, "{sent}");
}

/// Nobody listens: the fault has the words it has everywhere, and the exit code is that of `get`.
#[test]
fn a_refused_connection_is_told_as_everywhere() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let url = format!("http://{free}/");
    let output = load(&[&url, "-n", "10", "-c", "1"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("✗ 10 × connect") && said.contains("refused"), "{said}");
    assert!(said.contains("next: "), "{said}");
}

#[test]
fn views_are_written_into_a_folder() {
    let (peer, folder) = (Peer::start(&["-q"]), tempfile::tempdir().expect("a folder"));
    let out = folder.path().join("load");
    let url = peer.url("/");
    let arguments = ["-n", "50", "--fail-if", "errors>0", "--out", out.to_str().expect("text")];
    let output = load(&[&[url.as_str()], &arguments[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
    assert!(read("report.html").contains("<svg"));
    assert!(read("load.json").contains("\"schema\""));
    assert!(read("latency.hlog").contains("Tag=service"));
    assert!(read("seconds.csv").starts_with("second,due,"));
    assert!(read("metrics.prom").contains("roundtrip_load_answered_total 50\n"));
    assert!(read("junit.xml").contains("tests=\"1\" failures=\"0\""));
}

#[test]
fn the_lab_is_loaded_in_virtual_time_and_repeats() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "<p>hello").expect("written");
    let site = folder.path().to_str().expect("text");
    let arguments = [
        site,
        "--net",
        "3gfast",
        "--clients",
        "50",
        "--rate",
        "40",
        "--arrivals",
        "poisson",
        "--for",
        "5s",
        "--format",
        "json",
    ];
    let first = load(&arguments);
    let measured = json(&first);
    assert_eq!(measured["errors"], 0, "{measured}");
    // Not less than the 150 ms that the network takes there and back.
    assert!(measured["latency"]["p50_ms"].as_f64() > Some(150.0), "{measured}");
    assert_eq!(first.stdout, load(&arguments).stdout);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (arguments, why) in [
        (&["http://127.0.0.1/", "--rate", "0"][..], "--rate"),
        (&["http://127.0.0.1/", "--fail-if", "p99>5"], "time with its unit"),
        (&["http://127.0.0.1/", "http://127.0.0.1/b", "--weights", "1"], "--weights"),
        (&["ftp://127.0.0.1/"], "http"),
        (&["http://127.0.0.1/", "--net", "nosuch"], "nosuch"),
        (&["http://127.0.0.1/", "--for", "0 s"], "longer than none"),
        (&[], "required"),
    ] {
        let output = load(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}
