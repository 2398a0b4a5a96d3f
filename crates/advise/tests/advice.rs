//! Advice holds: each change is found where it can help, tried, and does what it says.

mod common;

use core::fmt::Write as _;
use std::num::NonZeroUsize;
use std::rc::Rc;

use common::recorded;
use http::StatusCode;
use roundtrip_advise::{Advice, Effect, Piece, Proving, Reach, combined, files, propose, prove};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_record::{Folder, Settings, What};
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_wire::LocalFuture;

const PAGE: &str = "<!doctype html><html><head><meta charset=utf-8><title>Shop</title>\n\
    <link rel=stylesheet href=/a.css><link rel=stylesheet href=/b.css>\n\
    <script src=/one.js></script><script src=/two.js></script></head>\n\
    <body><p>A shop.<img src=http://img.shop.example/p.jpg width=40 height=40></body></html>\n";

/// Text that compresses well, as style sheets do.
fn sheet(rules: usize) -> String {
    let rules = (0..rules).map(|n| format!(".rule-{n} {{ margin: {n}px; padding: {n}px }}"));
    rules.collect::<Vec<_>>().join("\n")
}

/// A photograph, of sorts, in better quality than anybody sees.
fn picture() -> Vec<u8> {
    let mut out = Vec::new();
    let pixels = image::RgbImage::from_fn(160, 160, |x, y| {
        let grain = (x * 31 + y * 17) % 23;
        image::Rgb([x as u8 + grain as u8, y as u8 / 2 + grain as u8, 90])
    });
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 98);
    pixels.write_with_encoder(encoder).expect("memory");
    out
}

/// Leads to the shop, or is it.
struct Shop(Files);

impl Handler for Shop {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        if request.path() == "/old" {
            let to = "http://www.shop.example/";
            return Box::pin(async { Response::redirect(StatusCode::MOVED_PERMANENTLY, to) });
        }
        self.0.handle(request, body)
    }
}

fn sites() -> Vec<Site> {
    let tree = Tree::new()
        .with("index.html", PAGE)
        .with("a.css", sheet(400))
        .with("b.css", "p { color: navy; background: url(dot.png) }")
        .with("one.js", "// one\n".repeat(900))
        .with("two.js", "// two\n".repeat(20));
    let shop = Site::http("www.shop.example", Box::new(move |_| Rc::new(Shop(Files::tree(tree)))));
    let pictures = Tree::new().with("p.jpg", picture());
    let mut pictures =
        Site::http("img.shop.example", Box::new(move |_| Rc::new(Files::tree(pictures))));
    pictures.options.max_requests = 1;
    vec![shop, pictures]
}

fn proving(seeds: u32, threads: usize) -> Proving {
    Proving {
        networks: ["cable", "3gfast"].map(|net| net.parse().expect("a profile")).to_vec(),
        seeds,
        threads: NonZeroUsize::new(threads).expect("not 0"),
    }
}

fn piece<'a>(advice: &'a Advice, name: &str) -> &'a Piece {
    let found = advice.pieces.iter().find(|piece| piece.variant.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<&str> = advice.pieces.iter().map(|one| one.variant.name.as_str()).collect();
        panic!("{name} is not among {names:?}")
    })
}

#[test]
fn each_change_is_tried_and_what_helps_is_put_together() {
    let work = tempfile::tempdir().expect("a folder");
    let (recording, scenario) =
        recorded(&work.path().join("run"), "http://www.shop.example/old", sites);
    let proposals = propose(recording.story(), &scenario);
    let advice = prove(&scenario, proposals, &proving(2, 2), &|_| {}).expect("a page");

    let slow = 1;
    let load = |name: &str| piece(&advice, name).tried[slow].load.expect("a load");
    let paint = |name: &str| piece(&advice, name).tried[slow].first_paint.expect("a paint");
    // 150 ms there and back, and a connection that is there already.
    assert!((140.0..200.0).contains(&load("redirect").median_ms), "{:?}", load("redirect"));
    assert_eq!(paint("gzip").effect(), Effect::Saves);
    assert_eq!(paint("inline").effect(), Effect::Saves);
    assert_eq!(load("preconnect").effect(), Effect::Saves);
    assert_eq!(load("jpeg").effect(), Effect::Saves);
    assert_eq!(load("nearer").effect(), Effect::Saves);
    // Nothing of it may be kept as it is: a second visit asks for all of it, and with the change for
    // little more than the page.
    let cache = piece(&advice, "cache");
    assert_eq!(cache.variant.reach, Reach::SecondVisit);
    assert_eq!(load("cache").effect(), Effect::Saves);
    assert_eq!(paint("cache").effect(), Effect::Saves);
    let [first, second] = {
        let network = &advice.networks[slow];
        [Some(&network.times), network.second_visit.as_ref()]
            .map(|times| times.and_then(|times| times.load).expect("a load").median)
    };
    assert!(second < first, "{second:?} the second time, {first:?} the first");
    assert!(!advice.combined().any(|name| name == "cache"));
    for name in ["defer", "merge-sheets", "merge-scripts", "one-host", "initcwnd"] {
        piece(&advice, name);
    }
    for piece in &advice.pieces {
        assert_eq!(piece.refused, None, "{}", piece.variant.name);
        for tried in &piece.tried {
            assert_eq!((tried.failed, tried.unknown), (0, 0), "{}", piece.variant.name);
        }
    }
    assert!(advice.untried.iter().any(|untried| untried.what.contains("HTTP/2")));

    let best = advice.combination.as_ref().expect("something helps");
    let [.., last] = best.steps.as_slice() else { panic!("no step") };
    let alone =
        advice.pieces.iter().filter(|one| advice.combined().any(|name| name == one.variant.name));
    for piece in alone {
        let [alone, all] = [&piece.tried[slow], &last.tried[slow]].map(|tried| {
            tried.load.expect("a load").median_ms + tried.first_paint.expect("a paint").median_ms
        });
        assert!(all >= alone, "{}: {alone} alone, {all} together", piece.variant.name);
    }

    // The best is a visit like any other.
    let best = combined(&scenario, &advice).expect("something helps");
    let folder = work.path().join("best");
    let title = Title { command: "advise".into(), subject: String::new(), replay_of: None };
    let visited = best.record(&title, Settings::in_folder(&folder)).expect("a lab");
    assert_eq!((visited.exit, visited.status), (0, Some(200)));
    let events = Folder::open(&folder).expect("a record").read().expect("events").0;
    let asked = events.iter().filter(|event| matches!(event.what, What::RequestSent(_))).count();
    assert!(asked > 0, "nothing was asked for");
}

#[test]
fn advice_is_the_same_with_any_number_of_threads() {
    let work = tempfile::tempdir().expect("a folder");
    let (recording, scenario) = recorded(work.path(), "http://www.shop.example/", sites);
    let told = |threads| {
        let proposals = propose(recording.story(), &scenario);
        let advice = prove(&scenario, proposals, &proving(2, threads), &|_| {}).expect("a page");
        roundtrip_advise::json(&advice, None).to_string()
    };
    assert_eq!(told(1), told(3));
}

#[test]
fn changed_files_are_what_the_change_says() {
    let work = tempfile::tempdir().expect("a folder");
    let (recording, scenario) = recorded(work.path(), "http://www.shop.example/", sites);
    let proposals = propose(recording.story(), &scenario);
    let advice = prove(&scenario, proposals, &proving(1, 2), &|_| {}).expect("a page");
    let changed = |name: &str| {
        let files = files(&scenario, &advice, piece(&advice, name));
        let text = |(url, content): (url::Url, bytes::Bytes)| {
            (url.to_string(), String::from_utf8_lossy(&content).into_owned())
        };
        files.into_iter().map(text).collect::<Vec<_>>()
    };
    let [(url, page)] = changed("inline").try_into().expect("one file");
    assert_eq!(url, "http://www.shop.example/");
    assert!(page.contains("<style>\n.rule-0 "), "{page}");
    assert!(page.contains("background: url(\"/dot.png\")"), "{page}");
    assert!(!page.contains("stylesheet"), "{page}");

    let [(_, page)] = changed("defer").try_into().expect("one file");
    assert!(page.contains("<script src=/one.js defer=\"\"></script>"), "{page}");

    let files = changed("merge-scripts");
    let script = files.iter().find(|(url, _)| url.ends_with("two.js")).expect("the last script");
    assert!(script.1.contains("// one"), "{script:?}");
    assert!(!files.iter().any(|(_, content)| content.contains("one.js")), "{files:?}");

    // Another coding makes no other file.
    assert!(changed("gzip").is_empty());
}

#[test]
fn what_is_no_page_is_not_advised_on() {
    let work = tempfile::tempdir().expect("a folder");
    let (recording, scenario) = recorded(work.path(), "http://www.shop.example/a.css", sites);
    let proposals = propose(recording.story(), &scenario);
    let error = prove(&scenario, proposals, &proving(1, 1), &|_| {}).expect_err("no page");
    assert_eq!(
        error.to_string(),
        "http://www.shop.example/a.css is no page that is loaded and painted: there is nothing to advise on"
    );
}

/// What breaks the visit is named, and what to try: here nobody has time to answer.
#[test]
fn a_visit_that_breaks_says_of_what() {
    let work = tempfile::tempdir().expect("a folder");
    let (recording, mut scenario) = recorded(work.path(), "http://www.shop.example/", sites);
    scenario.plan.limit = Some(core::time::Duration::from_millis(20));
    let proposals = propose(recording.story(), &scenario);
    let error = prove(&scenario, proposals, &proving(1, 1), &|_| {}).expect_err("no time");
    let text = error.to_string();
    assert!(text.contains("carried out again on cable") && text.contains("20"), "{text}");
    assert!(text.lines().count() >= 3, "{text}");
}

/// Pictures enough for two rounds over the connections of one host, and a sheet for some media only.
fn gallery() -> Vec<Site> {
    let mut page = String::from(
        "<!doctype html><title>x</title><link rel=stylesheet href=a.css><link rel=stylesheet href=b.css>\
         <link rel=stylesheet href=wide.css media='(min-width: 1px)'><p>x",
    );
    let mut tree = Tree::new();
    for name in ["a.css", "b.css", "wide.css"] {
        tree = tree.with(name, format!("p {{ margin: 1px }} /* {name} */"));
    }
    for number in 0..80 {
        write!(page, "<img src={number}.jpg width=200 height=900>").expect("a String takes all");
        tree = tree.with(&format!("{number}.jpg"), picture());
    }
    tree = tree.with("index.html", page);
    vec![Site::http("www.shop.example", Box::new(move |_| Rc::new(Files::tree(tree))))]
}

#[test]
fn pictures_go_over_two_hosts_and_are_told_to_wait_and_sheets_of_some_media_stay_apart() {
    let work = tempfile::tempdir().expect("a folder");
    let (recording, scenario) = recorded(work.path(), "http://www.shop.example/", gallery);
    let proposals = propose(recording.story(), &scenario);
    let proving = Proving {
        networks: vec!["rtt=200ms,down=50Mbit,up=50Mbit".parse().expect("a network")],
        ..proving(2, 2)
    };
    let advice = prove(&scenario, proposals, &proving, &|_| {}).expect("a page");
    for name in ["two-hosts", "fetchpriority", "merge-sheets"] {
        let piece = piece(&advice, name);
        assert_eq!(piece.refused, None, "{name}");
        assert_eq!((piece.tried[0].failed, piece.tried[0].unknown), (0, 0), "{name}");
    }
    // What is lazy, or elsewhere, is not asked for where it was as well.
    assert_eq!(piece(&advice, "lazy").tried[0].load.expect("a load").effect(), Effect::Saves);
    // Far away, twelve at a time take seven rounds, and six fourteen.
    let saved = piece(&advice, "two-hosts").tried[0].load.expect("a load");
    assert_eq!(saved.effect(), Effect::Saves, "{saved:?}");

    let changed = |name: &str| {
        let files = files(&scenario, &advice, piece(&advice, name));
        let page = files.into_iter().find(|(url, _)| url.path() == "/").expect("the page");
        String::from_utf8(page.1.to_vec()).expect("text")
    };
    let page = changed("fetchpriority");
    assert_eq!(page.matches("fetchpriority=\"low\"").count(), 5, "{page}");
    let page = changed("two-hosts");
    assert_eq!(page.matches("//files.www.shop.example/").count(), 40, "{page}");
    let page = changed("merge-sheets");
    assert!(
        page.contains("wide.css") && page.contains("b.css") != page.contains("a.css"),
        "{page}"
    );
    let merged = files(&scenario, &advice, piece(&advice, "merge-sheets"));
    assert!(
        !merged
            .iter()
            .any(|(_, css)| css.windows(8).any(|part| part == b"wide.css")
                && css.starts_with(b"p {"))
    );
}
