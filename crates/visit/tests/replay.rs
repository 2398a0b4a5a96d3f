//! A visit carried out again keeps to what was recorded.

mod common;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;

use common::{cable, events, in_lab};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_record::{
    BodyCut, BodyRef, Event, FaultKind, Folder, HttpVersion, Initiator, Milestone, Settings, Time,
    What,
};
use roundtrip_story::{Exchange, Story};
use roundtrip_visit::crypto::Likeness;
use roundtrip_visit::ground::Virtual;
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::trust::Versions;
use roundtrip_visit::{Browser, Plan};
use roundtrip_wire::LocalFuture;

fn site() -> Site {
    let page = "<title>x</title><link rel=stylesheet href=a.css><img src=b.svg>";
    let tree = Tree::new()
        .with("index.html", page)
        .with("a.css", "p { color: red }")
        .with("b.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    Site::http("www.shop.example", Box::new(move |_| Rc::new(Files::tree(tree))))
}

/// The versions in which a record's client was answered.
fn versions(folder: &Path) -> Vec<HttpVersion> {
    let heads = events(folder).into_iter().filter_map(|event| match event.what {
        What::ResponseHead(head) => Some(head.version),
        _ => None,
    });
    heads.collect()
}

#[test]
fn the_version_stays() {
    for (url, make, version) in [
        (
            "https://www.shop.example/",
            (|| site().with_two().secure()) as fn() -> Site,
            HttpVersion::Http2,
        ),
        ("https://www.shop.example/", || site().secure(), HttpVersion::Http11),
        ("http://www.shop.example/", site, HttpVersion::Http11),
    ] {
        let work = tempfile::tempdir().expect("a folder");
        let [first, second] = ["first", "second"].map(|name| work.path().join(name));
        let plan = Plan::get(url.parse().expect("a URL"));
        let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
        let record = Settings::in_folder(&first);
        let visited = in_lab(&title, &plan, || vec![make()], &cable(1), record).expect("a lab");
        assert_eq!(visited.status, Some(200));

        let folder = Folder::open(&first).expect("a record");
        let recording = Recording::read(folder.read().expect("events").0).expect("a visit");
        let bodies = folder.bodies();
        let body = |content: &roundtrip_record::BodyRef| bodies.get(content).ok();
        let plan = recording.plan(body).expect("a plan");
        let sites = || recording.sites(body).expect("sites");
        let record = Settings::in_folder(&second);
        let visited = in_lab(&title, &plan, sites, &cable(2), record).expect("a lab");
        assert_eq!(visited.status, Some(200));
        for folder in [&first, &second] {
            let versions = versions(folder);
            assert!(
                !versions.is_empty() && versions.iter().all(|seen| *seen == version),
                "{url} {versions:?}"
            );
        }
    }
}

/// When the first request went out, in milliseconds.
fn first_request(folder: &Path) -> f64 {
    let mut events = events(folder).into_iter();
    let sent = events.find(|event| matches!(event.what, What::RequestSent(_))).expect("a request");
    sent.at.nanos() as f64 / 1e6
}

/// A browser does not wait for a server of TLS 1.2 to tell that it is done.
#[test]
fn a_browser_sends_as_early_over_tls_1_2_as_over_1_3() {
    let work = tempfile::tempdir().expect("a folder");
    let at = |name: &str, versions: Versions, browser: Browser| {
        let folder = work.path().join(name);
        let plan = Plan::get("https://www.shop.example/".parse().expect("a URL"));
        let likeness = Likeness { versions, chain: None };
        let make = || vec![Site { likeness, ..site().secure() }];
        let title = Title { command: "visit".into(), subject: String::new(), replay_of: None };
        let record = Settings::in_folder(&folder);
        let visited =
            in_lab(&title, &plan.behaving_as(browser), make, &cable(1), record).expect("a lab");
        assert_eq!(visited.status, Some(200));
        first_request(&folder)
    };
    let [old, new] = [Versions::Two, Versions::All];
    let chromium = at("a", old, Browser::CHROMIUM) - at("b", new, Browser::CHROMIUM);
    assert!(chromium.abs() < 2.0, "{chromium} ms");
    let ours = at("c", old, Browser::ROUNDTRIP) - at("d", new, Browser::ROUNDTRIP);
    assert!((20.0..40.0).contains(&ours), "a round trip of 28 ms: {ours}");
}

/// Answers with bodies that were coded beforehand, by their paths.
struct Coded(BTreeMap<&'static str, (&'static str, Vec<u8>)>);

impl Handler for Coded {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            let Some((coding, bytes)) = self.0.get(request.path()) else {
                return Response::error(http::StatusCode::NOT_FOUND, "");
            };
            let mut response = Response::new(http::StatusCode::OK);
            let kind = if request.path() == "/" { "text/html" } else { "text/css" };
            response.fields.add("Content-Type", kind);
            if !coding.is_empty() {
                response.fields.add("Content-Encoding", *coding);
            }
            response.body = bytes.clone().into();
            response
        })
    }
}

/// A site whose bodies no encoder of ours makes as long as they are.
fn coded_site() -> Site {
    let sheet: Vec<u8> =
        (0..2000u32).flat_map(|n| format!(".c{n} {{ top: {}px }}\n", n * n).into_bytes()).collect();
    let mut br = brotli::CompressorWriter::new(Vec::new(), 4096, 0, 10);
    br.write_all(&sheet).expect("memory");
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    deflate.write_all(&sheet).expect("memory");
    // Its checksum leaves no room for the least frame that decoders pass over.
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).expect("memory");
    zstd.include_checksum(true).expect("an option");
    zstd.write_all(&sheet).expect("memory");
    let page = "<link rel=stylesheet href=br><link rel=stylesheet href=deflate>\
                <link rel=stylesheet href=zstd><link rel=stylesheet href=empty>";
    let coded = Coded(BTreeMap::from([
        ("/", ("", page.into())),
        ("/br", ("br", br.into_inner())),
        ("/deflate", ("deflate", deflate.finish().expect("memory"))),
        ("/zstd", ("zstd", zstd.finish().expect("memory"))),
        ("/empty", ("gzip", Vec::new())),
    ]));
    Site::http("www.shop.example", Box::new(move |_| Rc::new(coded)))
}

/// What did not come whole, and what else went wrong.
fn broken(folder: &Path) -> (Vec<BodyCut>, Vec<FaultKind>) {
    let (mut cuts, mut faults) = (Vec::new(), Vec::new());
    for event in events(folder) {
        match event.what {
            What::ResponseEnded(ended) => cuts.extend(ended.body.cut),
            What::Fault(fault) => faults.push(fault.fault),
            _ => {}
        }
    }
    (cuts, faults)
}

/// Carries a record out again, once `changed`, in the folder `second`; how many requests were answered.
fn again(first: &Path, second: &Path, changed: impl Fn(&mut Vec<Event>)) -> usize {
    let folder = Folder::open(first).expect("a record");
    let (mut recorded, _) = folder.read().expect("events");
    changed(&mut recorded);
    let recording = Recording::read(recorded).expect("a visit");
    let bodies = folder.bodies();
    let body = |content: &BodyRef| bodies.get(content).ok();
    let plan = recording.plan(body).expect("a plan");
    let title = Title { command: "replay".into(), subject: "x".into(), replay_of: None };
    let sites = || recording.sites(body).expect("sites");
    let record = Settings::in_folder(second);
    let visited = in_lab(&title, &plan, sites, &cable(2), record).expect("a lab");
    assert_eq!(visited.status, Some(200));
    versions(second).len()
}

#[test]
fn a_body_that_is_coded_anew_comes_whole() {
    for (scheme, make) in
        [("http", coded_site as fn() -> Site), ("https", || coded_site().with_two().secure())]
    {
        let work = tempfile::tempdir().expect("a folder");
        let [first, second] = ["first", "second"].map(|name| work.path().join(name));
        let url = format!("{scheme}://www.shop.example/");
        let plan = Plan::get(url.parse().expect("a URL"));
        let title = Title { command: "visit".into(), subject: url, replay_of: None };
        let record = Settings::in_folder(&first);
        in_lab(&title, &plan, || vec![make()], &cable(1), record).expect("a lab");
        let (cuts, faults) = broken(&first);
        let answered = again(&first, &second, |_| {});
        assert_eq!(
            (answered, broken(&second)),
            (versions(&first).len(), (cuts, faults)),
            "{scheme}"
        );
    }
}

/// The stand-in for a document names in whole elements what the document may have named in fewer bytes.
#[test]
fn a_stand_in_that_is_longer_comes_whole() {
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| work.path().join(name));
    let url = "http://www.shop.example/";
    let plan = Plan::get(url.parse().expect("a URL"));
    let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
    in_lab(&title, &plan, || vec![site()], &cable(1), Settings::in_folder(&first)).expect("a lab");
    let answered = again(&first, &second, |recorded| {
        for event in recorded {
            if let What::ResponseEnded(ended) = &mut event.what {
                ended.body.content = None;
            }
        }
    });
    assert_eq!((answered, broken(&second)), (versions(&first).len(), (Vec::new(), Vec::new())));
}

#[cfg(feature = "page")]
/// A visit recorded in a folder, whose bodies are not there and in which a script, `x.js`, asked for these.
fn scripted(folder: &Path, names: &[&str]) -> Recording {
    let folder = Folder::open(folder).expect("a record");
    let (mut recorded, _) = folder.read().expect("events");
    for event in &mut recorded {
        match &mut event.what {
            What::ExchangeStarted(started)
                if names.iter().any(|name| started.url.ends_with(name)) =>
            {
                let url = "http://www.shop.example/x.js".to_owned();
                started.initiator = Initiator::Script { url, line: 1 };
            }
            What::ResponseEnded(ended) => ended.body.content = None,
            _ => {}
        }
    }
    Recording::read(recorded).expect("a visit")
}

#[cfg(feature = "page")]
/// When a resource was wanted and had come, why it was wanted, and when the page had loaded.
fn wanted(folder: &Path, name: &str) -> (f64, f64, Initiator, f64) {
    let story = Story::new(events(folder));
    let found = story.exchanges.iter().find(|exchange| exchange.url.ends_with(name));
    let Exchange { span, initiator, .. } = found.expect("it was asked for").clone();
    let loaded = story.milestone(&Milestone::LoadEventEnd).expect("it loaded");
    let [start, end, loaded] =
        [span.start, span.end, loaded].map(|at| at.since(Time::ZERO).as_secs_f64() * 1e3);
    (start, end, initiator, loaded)
}

#[cfg(feature = "page")]
#[test]
fn what_a_script_asked_for_follows_it_on_another_network_and_the_page_waits_for_it() {
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| work.path().join(name));
    let site = || {
        let page = "<title>x</title><link rel=stylesheet href=a.css><script src=x.js></script><p>x";
        let tree = Tree::new()
            .with("index.html", page)
            .with("a.css", "p { background: url(b.svg) }")
            .with("x.js", "x".repeat(40_000))
            .with("b.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
        Site::http("www.shop.example", Box::new(move |_| Rc::new(Files::tree(tree))))
    };
    let url = "http://www.shop.example/";
    let plan = Plan::get(url.parse().expect("a URL")).behaving_as(Browser::CHROMIUM);
    let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
    in_lab(&title, &plan, || vec![site()], &cable(1), Settings::in_folder(&first)).expect("a lab");

    let recording = scripted(&first, &["b.svg"]);
    let plan = recording.plan(|_| None).expect("a plan").behaving_as(Browser::CHROMIUM);
    let slow = Virtual { net: "3gslow".parse().expect("a network"), ..cable(2) };
    let sites = || recording.sites(|_| None).expect("sites");
    in_lab(&title, &plan, sites, &slow, Settings::in_folder(&second)).expect("a lab");
    let differences = recording.differences();
    assert!(
        differences.iter().any(|one| one.contains("what they asked for (1)")),
        "{differences:?}"
    );

    let delay = wanted(&first, "b.svg").0 - wanted(&first, "x.js").1;
    let (start, end, initiator, loaded) = wanted(&second, "b.svg");
    let script = Initiator::Script { url: format!("{url}x.js"), line: 1 };
    assert_eq!(initiator, script);
    let again = start - wanted(&second, "x.js").1;
    assert!((again - delay).abs() < 30.0, "{again} ms behind the script, and {delay}");
    assert!(end < loaded, "it comes at {end}, and the page has loaded at {loaded}");
}

/// Visits a site as Chromium does and carries the record out again, its bodies as `body` has them, on another
/// network.
#[cfg(feature = "page")]
fn again_elsewhere(
    (url, site): (&str, &dyn Fn() -> Site),
    (first, second): (&Path, &Path),
    body: impl Fn(Vec<u8>) -> Option<Vec<u8>>,
) -> Recording {
    let title = Title { command: "visit".into(), subject: url.into(), replay_of: None };
    let plan = Plan::get(url.parse().expect("a URL")).behaving_as(Browser::CHROMIUM);
    in_lab(&title, &plan, || vec![site()], &cable(1), Settings::in_folder(first)).expect("a lab");
    let folder = Folder::open(first).expect("a record");
    let (mut recorded, _) = folder.read().expect("events");
    let bodies = folder.bodies();
    let kept = |content: &BodyRef| bodies.get(content).ok().and_then(&body);
    for event in &mut recorded {
        if let What::ResponseEnded(ended) = &mut event.what {
            ended.body.content =
                ended.body.content.take().filter(|content| kept(content).is_some());
        }
    }
    let recording = Recording::read(recorded).expect("a visit");
    let plan = recording.plan(kept).expect("a plan").behaving_as(Browser::CHROMIUM);
    let slow = Virtual { net: "3gslow".parse().expect("a network"), ..cable(2) };
    let sites = || recording.sites(kept).expect("sites");
    in_lab(&title, &plan, sites, &slow, Settings::in_folder(second)).expect("a lab");
    recording
}

/// Scripts change pages, and then styles want more than they did: a picture for what was not shown before. Here
/// the page of the record has a class that the one which is carried out again lacks, as if a script had set it;
/// and without bodies nothing that stands in for them names the picture.
#[cfg(feature = "page")]
#[test]
fn what_styles_want_only_since_a_script_ran_follows_that() {
    let site = || {
        let page = "<title>x</title><link rel=stylesheet href=a.css><script src=x.js></script>\
                    <body class=on><p>x";
        let tree = Tree::new()
            .with("index.html", page)
            .with("a.css", ".on p { background: url(b.svg) }")
            .with("x.js", "x".repeat(40_000))
            .with("b.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
        Site::http("www.shop.example", Box::new(move |_| Rc::new(Files::tree(tree))))
    };
    let url = "http://www.shop.example/";
    let changed = |body: Vec<u8>| {
        Some(String::from_utf8(body).expect("text").replace("class=on", "class=no").into_bytes())
    };
    let none = |_| None;
    for body in [&changed as &dyn Fn(Vec<u8>) -> Option<Vec<u8>>, &none] {
        let work = tempfile::tempdir().expect("a folder");
        let [first, second] = ["first", "second"].map(|name| work.path().join(name));
        again_elsewhere((url, &site), (&first, &second), body);
        let delay = wanted(&first, "b.svg").0 - wanted(&first, "x.js").1;
        let (start, end, initiator, loaded) = wanted(&second, "b.svg");
        assert_eq!(initiator, Initiator::Style { url: url.to_owned() });
        let again = start - wanted(&second, "x.js").1;
        assert!((0.0..delay + 60.0).contains(&again), "{again} ms behind the script, and {delay}");
        assert!(end < loaded, "it comes at {end}, and the page has loaded at {loaded}");
    }
}

/// What the page itself wants when it is carried out again is asked for when it wants it, and once.
#[cfg(feature = "page")]
#[test]
fn what_the_page_itself_wants_is_not_waited_for() {
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| work.path().join(name));
    let url = "http://www.shop.example/";
    again_elsewhere((url, &site), (&first, &second), Some);
    let asked = |folder: &Path| versions(folder).len();
    assert_eq!(asked(&first), asked(&second));
    let (start, ..) = wanted(&second, "b.svg");
    let (_, document, ..) = wanted(&second, url);
    assert!(start < document + 100.0, "{start} after {document}");
}

#[cfg(feature = "page")]
#[test]
fn hosts_that_shared_a_connection_share_one_again() {
    let site = || {
        let page = "<title>x</title><img src=https://static.shop.example/b.svg>";
        let tree = Tree::new()
            .with("index.html", page)
            .with("b.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
        let site = Site::http("www.shop.example", Box::new(move |_| Rc::new(Files::tree(tree))));
        site.with_two().secure().with_hosts(&["static.shop.example"])
    };
    let work = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| work.path().join(name));
    again_elsewhere(("https://www.shop.example/", &site), (&first, &second), Some);
    for folder in [&first, &second] {
        let story = Story::new(events(folder));
        let picture = story.exchanges.iter().find(|one| one.url.ends_with("/b.svg")).expect("one");
        assert_eq!(picture.status(), Some(200));
        assert_eq!(picture.connection, story.document().expect("a page").connection);
    }
}
