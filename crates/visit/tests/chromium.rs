//! The lab as Chromium, held against what Chromium took on an emulated link.

#![cfg(feature = "page")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use common::in_lab;
use roundtrip_http::handler::{Files, Tree};
use roundtrip_lab::{Caches, DEFAULT_DATE};
use roundtrip_record::Settings;
use roundtrip_visit::ground::Virtual;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Browser, PageTimes, Pin, Plan, Runs};

/// How far a load time may be off in a cell, and half of them, per cent. Chromium's own spread is 0.3
/// to 9; the queue of 4g overflows on the largest site, where a few milliseconds make the difference of
/// a fifth.
const LOAD: (f64, f64) = (20.0, 4.0);
/// The same for the first paint, which depends on the processor: a site made up of the right numbers of
/// bytes is styled and laid out sooner or later than the real one.
const FIRST_PAINT: (f64, f64) = (30.0, 15.0);

/// Type, bytes, place in the document in per cent, path.
type Resource<'a> = (&'a str, usize, usize, &'a str);

/// What was measured.
#[derive(Default)]
struct Data<'a> {
    /// Site, network, load and first paint in milliseconds.
    loads: Vec<(&'a str, &'a str, f64, f64)>,
    /// By site: type, bytes, place in the document, path.
    resources: BTreeMap<&'a str, Vec<Resource<'a>>>,
}

impl<'a> Data<'a> {
    fn read(text: &'a str) -> Self {
        let mut data = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["load", site, net, load, paint, _] => {
                    let number = |text: &str| text.parse().expect("a number");
                    data.loads.push((site, net, number(load), number(paint)));
                }
                ["resource", site, kind, bytes, place, path] => {
                    let number = |text: &str| text.parse().expect("a number");
                    let resource = (kind, number(bytes), number(place), path);
                    data.resources.entry(site).or_default().push(resource);
                }
                _ => panic!("{line}"),
            }
        }
        data
    }
}

/// A text of so many bytes, between these two.
fn filled(before: &str, after: &str, bytes: usize) -> String {
    let filling = bytes.saturating_sub(before.len() + after.len());
    format!("{before}{}{after}", "lorem ipsum ".repeat(filling / 12 + 1)[..filling].to_owned())
}

/// A site with the resources of a real one, each as long.
fn site(resources: &[Resource<'_>]) -> Site {
    let (mut tree, mut sheet, mut head) = (Tree::new(), String::new(), String::new());
    let mut items = Vec::new();
    for (number, (kind, _, place, path)) in resources.iter().enumerate() {
        match *kind {
            "document" => {}
            "stylesheet" => {
                let _ = write!(head, "<link rel=stylesheet href='{path}'>");
            }
            "script" => items.push((*place, format!("<script src='{path}'></script>"))),
            "image" => {
                items.push((*place, format!("<img src='{path}' width=200 height=200>")));
            }
            "font" => {
                let _ = write!(
                    sheet,
                    "@font-face{{font-family:f{number};src:url({path})}}#e{number}{{font-family:f{number}}}"
                );
                items.push((100, format!("<p id=e{number}>Text</p>")));
            }
            "background" => {
                let _ = write!(sheet, "#e{number}{{background:url({path})}}");
                items.push((100, format!("<p id=e{number}>Text</p>")));
            }
            other => panic!("{other}"),
        }
    }
    let mut rules = Some(sheet);
    for (kind, bytes, _, path) in resources {
        let body = match *kind {
            "document" => document(&head, &items, *bytes),
            // The first sheet that has room for them says which fonts and pictures there are.
            "stylesheet" if rules.as_ref().is_some_and(|rules| rules.len() + 4 < *bytes) => {
                filled(&format!("{}/*", rules.take().unwrap_or_default()), "*/", *bytes)
            }
            "stylesheet" | "script" => filled("/*", "*/", *bytes),
            "image" if std::path::Path::new(path).extension().is_some_and(|kind| kind == "svg") => {
                filled("<svg xmlns='http://www.w3.org/2000/svg'><!--", "--></svg>", *bytes)
            }
            _ => "x".repeat(*bytes),
        };
        tree = tree.with(path.trim_start_matches('/'), body);
    }
    Site::http("site.example", Box::new(move |_| Rc::new(Files::tree(tree))))
}

/// The document, each of its elements at its place.
fn document(head: &str, items: &[(usize, String)], bytes: usize) -> String {
    let mut page = format!("<!doctype html><title>x</title>{head}<body><p>");
    for (place, item) in items {
        let before = (bytes * place / 100).saturating_sub(page.len() + item.len());
        page += &filled("", "", before);
        page += item;
    }
    let rest = bytes.saturating_sub(page.len());
    page + &filled("<p>", "", rest)
}

fn visit(resources: &[Resource<'_>], net: &str) -> PageTimes {
    let plan = Plan::get("http://site.example/".parse().expect("a URL"));
    let pin = Pin {
        host: "site.example".into(),
        port: None,
        addresses: vec![std::net::Ipv4Addr::new(203, 0, 113, 10).into()],
    };
    let plan = Plan { picture: false, pins: vec![pin], runs: Runs::AsNeeded, ..plan };
    let plan = plan.behaving_as(Browser::CHROMIUM);
    // The link of the measurement held 100 frames.
    let net = format!("{net},queue=100p").parse().expect("a network");
    let network = Virtual { net, seed: 1, date: DEFAULT_DATE, caches: Caches::default() };
    let title = Title { command: "visit".into(), subject: "site".into(), replay_of: None };
    let sites = || vec![site(resources)];
    let folder = tempfile::tempdir().expect("a folder");
    let visited = in_lab(&title, &plan, sites, &network, Settings::in_folder(folder.path()));
    visited.expect("a lab").page
}

#[test]
fn four_sites_take_as_long_as_they_took_chromium() {
    let data = Data::read(include_str!("chromium/data.txt"));
    let (mut loads, mut paints, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (site, net, load, paint) in &data.loads {
        let took = visit(&data.resources[site], net);
        let error = |took: Option<core::time::Duration>, expected: f64| {
            (took.expect("a page that loads").as_secs_f64() * 1e3 / expected - 1.0) * 100.0
        };
        let (of_load, of_paint) = (error(took.load, *load), error(took.first_paint, *paint));
        eprintln!("{site} {net}: load {of_load:+.1} %, first paint {of_paint:+.1} %");
        if of_load.abs() > LOAD.0 || of_paint.abs() > FIRST_PAINT.0 {
            wrong.push(format!("{site} {net}: {took:?}; {of_load:+.1} %, {of_paint:+.1} %"));
        }
        loads.push(of_load.abs());
        paints.push(of_paint.abs());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (errors, (_, half)) in [(&mut loads, LOAD), (&mut paints, FIRST_PAINT)] {
        errors.sort_by(f64::total_cmp);
        let median = errors[errors.len() / 2];
        assert!(median <= half, "the median error is {median:.1} % of {errors:.1?}");
    }
}
