//! `roundtrip serve`, seen by a browser: Chromium loads a site whose script says what arrived.

mod common;
mod peer;

use common::{Roundtrip, chromium, has};
use peer::Peer;

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

#[test]
fn a_browser_loads_a_site_without_complaint() {
    if !has("chromium") {
        return;
    }
    let mut served = Peer::start(&[]);
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
