//! `roundtrip serve`, seen by a browser: Chromium loads a site whose script says what arrived.

mod common;
mod peer;

use common::{Roundtrip, chromium, events, has};
use peer::Peer;
use roundtrip_record::{ExchangeStarted, Initiator, What};

const PAGE: &str = "<!doctype html>
<html lang=en><meta charset=utf-8><title>Seen by a browser</title>
<link rel=icon href=dot.svg type=image/svg+xml>
<link rel=stylesheet href=style.css>
<h1>Grüße</h1>
<img id=dot src=dot.svg alt=dot>
<script src=script.js></script>
";

const STYLE: &str = "h1 { color: rgb(1, 2, 3); background: url(dot.svg) }";

const DOT: &str =
    r#"<svg xmlns="http://www.w3.org/2000/svg" width="31" height="17"><circle r="9"/></svg>"#;

/// Writes down what the page and its requests came to.
const SCRIPT: &str = r#"
addEventListener("load", async () => {
  const text = async (url, options) => (await fetch(url, options)).text();
  const said = {
    colour: getComputedStyle(document.querySelector("h1")).color,
    text: document.querySelector("h1").textContent,
    picture: `${dot.naturalWidth}x${dot.naturalHeight}`,
    json: (await (await fetch("data.json")).json()).answer,
    again: (await fetch("data.json", { cache: "no-cache" })).status,
    part: await text("data.json", { cache: "no-store", headers: { Range: "bytes=2-7" } }),
    missing: (await fetch("none.txt", { method: "HEAD" })).status,
    form: await text("/echo", { method: "POST", body: new URLSearchParams({ a: "b c" }) }),
  };
  const out = document.createElement("pre");
  out.textContent = Object.entries(said).map(([name, value]) => `${name}=${value}`).join("\n");
  document.body.append(out);
});
"#;

/// Serves the site at `/seen/`.
fn serve() -> Peer {
    let served = Peer::start(&[]);
    let site = served.folder.path().join("site/seen");
    std::fs::create_dir(&site).expect("a folder");
    for (name, text) in [
        ("index.html", PAGE),
        ("style.css", STYLE),
        ("script.js", SCRIPT),
        ("dot.svg", DOT),
        ("data.json", r#"{ "answer": 42 }"#),
    ] {
        std::fs::write(site.join(name), text).expect("written");
    }
    served
}

#[test]
fn a_browser_loads_a_site_without_complaint() {
    if !has("chromium") {
        return;
    }
    let mut served = serve();
    let roundtrip = Roundtrip::new();
    let url = served.url("/seen/");
    let seen = chromium(&roundtrip, &["--virtual-time-budget=5000", "--dump-dom", &url]);

    for said in [
        "colour=rgb(1, 2, 3)",
        "text=Grüße",
        "picture=31x17",
        "json=42",
        "again=200",
        "part=\"answe",
        "missing=404",
        "b c",
    ] {
        assert!(seen.out().contains(said), "{said} is missing in\n{}", seen.out());
    }
    // The one file that is not there is the only thing to complain about.
    let complains = |line: &&str| line.contains("CONSOLE") && !line.contains("404");
    let complaints: Vec<String> = seen.err().lines().filter(complains).map(str::to_owned).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    // The form is the last thing that is asked for.
    let mut log = vec![served.line()];
    while !log.last().is_some_and(|line| line.contains("/echo")) {
        log.push(served.line());
    }
    let has_line = |path: &str, status: &str| {
        log.iter().any(|line| line.contains(path) && line.contains(status))
    };
    for (path, status) in
        [("style.css", "200"), ("data.json", "304"), ("data.json", "206"), ("none.txt", "404")]
    {
        assert!(has_line(path, status), "no {status} for {path} in {log:#?}");
    }
}

/// What was asked for in a record, each as method, last part of the path, and whether a script asked.
fn asked(folder: &str) -> Vec<(String, String, bool)> {
    let started = events(folder).into_iter().filter_map(|event| match event.what {
        What::ExchangeStarted(started) => Some(started),
        _ => None,
    });
    let told = started.map(|ExchangeStarted { method, url, initiator, .. }| {
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        (method, name, matches!(initiator, Initiator::Script { .. }))
    });
    told.collect()
}

#[test]
fn a_browser_makes_a_visit_and_the_lab_makes_it_again_with_what_scripts_asked_for() {
    if !has("chromium") {
        return;
    }
    let served = serve();
    let roundtrip = Roundtrip::new();
    let [seen, again] = ["seen", "again"].map(|name| roundtrip.folder(name));
    roundtrip.run(&["visit", "--browser", &served.url("/seen/"), "--out", &seen]).expect(0);
    let one = |method: &str, name: &str, by_script| (method.to_owned(), name.to_owned(), by_script);
    let in_browser = asked(&seen);
    for wanted in [
        one("GET", "", false),
        one("GET", "style.css", false),
        one("GET", "script.js", false),
        one("GET", "dot.svg", false),
        one("GET", "data.json", true),
        one("HEAD", "none.txt", true),
        one("POST", "echo", true),
    ] {
        assert!(in_browser.contains(&wanted), "{wanted:?} is not in {in_browser:?}");
    }
    let noted = events(&seen).into_iter().any(
        |event| matches!(event.what, What::PageNote(note) if note.note.contains("main thread")),
    );
    assert!(noted && events(&seen).iter().any(|event| matches!(event.what, What::PagePainted(_))));

    let replayed = roundtrip.run(&["visit", &seen, "--net", "3g", "--out", &again]).expect(0);
    assert!(asked(&again).contains(&one("GET", "data.json", true)), "{:?}", asked(&again));
    assert!(replayed.err().contains("is asked for as long after"), "{}", replayed.err());
}

#[test]
fn what_a_browser_is_not_told_is_refused() {
    let roundtrip = Roundtrip::new();
    for (more, why) in [
        (&["--dns", "192.0.2.1"][..], "--dns has no place here"),
        (&["--server", "nginx"], "--server has no place here"),
        (&["-d", "x"], "-d has no place here"),
    ] {
        let refused = [&["visit", "--browser", "http://127.0.0.1:1/"], more].concat();
        assert!(roundtrip.run(&refused).expect(2).err().contains(why));
    }
    let none = roundtrip.run(&["visit", "--browser=/nowhere", "http://127.0.0.1:1/"]).expect(2);
    assert!(none.err().contains("/nowhere could not be started"), "{}", none.err());
    let folder = roundtrip.run(&["visit", "--browser", "."]).expect(2);
    assert!(folder.err().contains("--browser visits URLs"), "{}", folder.err());
}
