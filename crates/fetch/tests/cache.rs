//! A cache between requests and servers, over a desk: a client and servers without a network.

#![allow(clippy::result_large_err, reason = "a fault ends an exchange; it is no hot path")]

#[path = "../../http/tests/common/mod.rs"]
mod common;
mod requests;

use core::time::Duration;

use common::{Site, get};
use requests::{field, sent};
use roundtrip_fetch::{Cache, Fetcher, Jar, Mode, Rules};
use roundtrip_http::client::{Options, Request};
use roundtrip_http::url;
use roundtrip_record::{CachedResponse, Initiator, What};
use roundtrip_wire::Wire as _;

/// One request, and how long after the one before.
struct Step {
    after: u64,
    request: Request,
    rules: Rules,
}

fn later(after: u64, request: Request) -> Step {
    Step { after, request, rules: Rules::browser() }
}

fn now(request: Request) -> Step {
    later(0, request)
}

/// Carries requests out one after the other, with one cache; gives their statuses and bodies.
fn fetch(site: &Site, steps: Vec<Step>) -> Vec<(u16, String)> {
    let client = site.client(Options::default(), None);
    let wire = site.client_wire.clone();
    let fetcher = Fetcher::new(wire.clone(), client)
        .with_cookies(Jar::new())
        .with_cache(Some(Cache::default()));
    site.run(async move {
        let mut given = Vec::new();
        for Step { after, request, rules } in steps {
            wire.sleep(Duration::from_secs(after)).await;
            let mut response = fetcher.fetch(request, rules).await.unwrap();
            let body = response.body.bytes(1 << 20).await.unwrap();
            let text = String::from_utf8_lossy(&body).into_owned();
            given.push((response.status.as_u16(), text));
        }
        given
    })
}

/// An answer with these fields and a body.
fn answer(status: &str, fields: &[&str], body: &str) -> String {
    let fields: String = fields.iter().flat_map(|field| [*field, "\r\n"]).collect();
    let length = if status.starts_with("304") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!("HTTP/1.1 {status}\r\n{fields}{length}Connection: close\r\n\r\n{body}")
}

fn script(site: &Site, answers: &[String]) {
    let answers: Vec<&[u8]> = answers.iter().map(String::as_bytes).collect();
    site.script(0, &answers);
}

/// What the record says that the cache gave.
fn cached(site: &Site) -> Vec<CachedResponse> {
    let events = site.client_events().into_iter();
    let cached = events.filter_map(|event| match event.what {
        What::CachedResponse(cached) => Some(cached),
        _ => None,
    });
    cached.collect()
}

const URL: &str = "www0.test/a";

#[test]
fn what_is_fresh_is_given_and_nobody_is_asked() {
    let site = Site::new();
    let fresh = ["Cache-Control: max-age=60", "Content-Type: text/css"];
    script(&site, &[answer("200 OK", &fresh, "one"), answer("200 OK", &fresh, "two")]);
    let given =
        fetch(&site, vec![now(get(URL)), later(59, get("www0.test/a#x")), later(2, get(URL))]);
    let bodies: Vec<&str> = given.iter().map(|given| given.1.as_str()).collect();
    assert_eq!(bodies, ["one", "one", "two"]);
    assert_eq!(sent(&site).len(), 2);
    let [told] = cached(&site).try_into().expect("one answer from the cache");
    assert!(!told.validated);
    assert_eq!((told.status, told.decoded, told.lifetime), (200, 3, Some(60)));
    assert_eq!(told.age, Some(59));
    assert_eq!(told.media_type.as_deref(), Some("text/css"));
    let ended: Vec<bool> = site
        .client_events()
        .iter()
        .filter_map(|event| match &event.what {
            What::ExchangeEnded(ended) => Some(ended.from_cache),
            _ => None,
        })
        .collect();
    assert_eq!(ended, [false, true, false]);
}

#[test]
fn what_is_stale_is_asked_about_and_stays_if_the_server_says_so() {
    let site = Site::new();
    let first = answer(
        "200 OK",
        &[
            "Cache-Control: max-age=60",
            "ETag: \"a\"",
            "Last-Modified: Fri, 01 Jan 2027 00:00:00 GMT",
            "X-Once: 1",
            "X-Twice: old",
            "Set-Cookie: c=1",
        ],
        "one",
    );
    let still = answer(
        "304 Not Modified",
        &[
            "Cache-Control: max-age=600",
            "ETag: \"a\"",
            "X-Twice: new",
            "X-Twice: newer",
            "X-New: 1",
        ],
        "",
    );
    script(&site, &[first, still]);
    let given = fetch(&site, vec![now(get(URL)), later(61, get(URL)), later(599, get(URL))]);
    assert_eq!(given, vec![(200, "one".to_owned()); 3]);
    let sent = sent(&site);
    assert_eq!(sent.len(), 2);
    assert_eq!(field(&sent[1], "If-None-Match"), Some("\"a\""));
    assert_eq!(field(&sent[1], "If-Modified-Since"), Some("Fri, 01 Jan 2027 00:00:00 GMT"));
    let told = cached(&site);
    assert_eq!(told.iter().map(|told| told.validated).collect::<Vec<_>>(), [true, false]);
    let values = |name: &str| -> Vec<&str> {
        let fields = told[1].fields.iter().filter(|field| field.0 == name);
        fields.map(|field| field.1.as_str()).collect()
    };
    assert_eq!(values("X-Once"), ["1"]);
    assert_eq!(values("X-Twice"), ["new", "newer"]);
    assert_eq!(values("X-New"), ["1"]);
    assert_eq!(values("Content-Length"), ["3"]);
    assert_eq!((told[1].age, told[1].lifetime), (Some(599), Some(600)));
}

#[test]
fn what_changed_takes_the_place_of_what_was_kept() {
    let site = Site::new();
    let of = |tag: &str, body| answer("200 OK", &["Cache-Control: no-cache", tag], body);
    let still = answer("304 Not Modified", &["ETag: \"b\""], "");
    script(&site, &[of("ETag: \"a\"", "one"), of("ETag: \"b\"", "two"), still]);
    let given = fetch(&site, vec![now(get(URL)), now(get(URL)), now(get(URL))]);
    let bodies: Vec<&str> = given.iter().map(|given| given.1.as_str()).collect();
    assert_eq!(bodies, ["one", "two", "two"]);
    let tags: Vec<Option<String>> =
        sent(&site).iter().map(|sent| field(sent, "If-None-Match").map(str::to_owned)).collect();
    assert_eq!(tags, [None, Some("\"a\"".into()), Some("\"b\"".into())]);
}

#[test]
fn a_304_about_another_state_is_no_answer() {
    let site = Site::new();
    let of = |tag: &str, body| answer("200 OK", &["Cache-Control: no-cache", tag], body);
    let other = answer("304 Not Modified", &["ETag: \"z\""], "");
    script(&site, &[of("ETag: \"a\"", "one"), other, of("ETag: \"z\"", "two")]);
    let given = fetch(&site, vec![now(get(URL)), now(get(URL))]);
    assert_eq!(given[1], (200, "two".to_owned()));
    let sent = sent(&site);
    assert_eq!(field(&sent[2], "If-None-Match"), None);
    let last = site.client_events().into_iter().rev().find_map(|event| match event.what {
        What::ExchangeStarted(started) => Some(started.initiator),
        _ => None,
    });
    assert!(matches!(last, Some(Initiator::Retry { .. })), "{last:?}");
}

#[test]
fn what_may_not_be_kept_is_asked_for_again() {
    for fields in [
        &["Cache-Control: no-store, max-age=60", "ETag: \"a\""][..],
        &["Cache-Control: max-age=60", "Vary: *"],
        &[],
        &["Expires: 0"],
    ] {
        let site = Site::new();
        script(&site, &[answer("200 OK", fields, "one"), answer("200 OK", fields, "two")]);
        let given = fetch(&site, vec![now(get(URL)), now(get(URL))]);
        assert_eq!(given[1].1, "two", "{fields:?}");
        assert_eq!(field(&sent(&site)[1], "If-None-Match"), None, "{fields:?}");
    }
}

#[test]
fn an_answer_that_varies_is_for_requests_like_the_first() {
    let with = |value: &str| {
        let mut request = get(URL);
        request.fields.add("Accept-Language", value);
        request
    };
    let site = Site::new();
    let fresh = ["Cache-Control: max-age=60", "Vary: accept-language, Cookie", "ETag: \"de\""];
    let still = answer("304 Not Modified", &["ETag: \"de\"", "Cache-Control: max-age=60"], "");
    script(&site, &[answer("200 OK", &fresh, "eins"), still, answer("200 OK", &fresh, "one")]);
    let steps = vec![now(with("de")), now(with("de")), now(with("de-AT")), now(with("en"))];
    let given = fetch(&site, steps);
    let bodies: Vec<&str> = given.iter().map(|given| given.1.as_str()).collect();
    assert_eq!(bodies, ["eins", "eins", "eins", "one"]);
    let sent = sent(&site);
    assert_eq!(sent.len(), 3);
    // The tag tells whether the server would choose the same.
    assert_eq!(field(&sent[1], "If-None-Match"), Some("\"de\""));
}

#[test]
fn what_a_request_says_of_caches_is_heeded() {
    let saying = |value: &str| {
        let mut request = get(URL);
        request.fields.add("Cache-Control", value);
        request
    };
    for (value, after, asked) in [
        ("no-cache", 0, true),
        ("max-age=0", 1, true),
        ("max-age=10", 5, false),
        ("max-age=10", 11, true),
        ("min-fresh=30", 20, false),
        ("min-fresh=30", 40, true),
        ("no-store", 0, false),
    ] {
        let site = Site::new();
        let fresh = answer("200 OK", &["Cache-Control: max-age=60"], "one");
        script(&site, &[fresh.clone(), fresh]);
        fetch(&site, vec![now(get(URL)), later(after, saying(value))]);
        assert_eq!(sent(&site).len() == 2, asked, "{value} after {after} s");
    }
    // Conditions and ranges of one's own are nobody else's.
    let mut own = get(URL);
    own.fields.add("If-None-Match", "\"mine\"");
    let site = Site::new();
    let fresh = answer("200 OK", &["Cache-Control: max-age=60"], "one");
    script(&site, &[fresh, answer("304 Not Modified", &[], "")]);
    assert_eq!(fetch(&site, vec![now(get(URL)), now(own)])[1].0, 304);
}

#[test]
fn redirects_are_kept_too() {
    let site = Site::new();
    let moved = answer("301 Moved Permanently", &["Location: /b"], "");
    let found = answer("302 Found", &["Location: /d"], "");
    let fresh = answer("200 OK", &["Cache-Control: max-age=60"], "there");
    script(&site, &[moved, fresh.clone(), found.clone(), fresh, found]);
    let steps = ["www0.test/a", "www0.test/a", "www0.test/c", "www0.test/c"];
    let given = fetch(&site, steps.into_iter().map(|url| now(get(url))).collect());
    assert_eq!(given, vec![(200, "there".to_owned()); 4]);
    let targets: Vec<String> = sent(&site).into_iter().map(|sent| sent.target).collect();
    assert_eq!(targets, ["/a", "/b", "/c", "/d", "/c"]);
}

#[test]
fn a_change_makes_what_was_kept_worthless() {
    let fresh = |body| answer("200 OK", &["Cache-Control: max-age=60"], body);
    for (status, bodies) in [("201 Created", ["one", "two"]), ("500 No", ["one", "one"])] {
        let site = Site::new();
        script(&site, &[fresh("one"), answer(status, &[], ""), fresh("two")]);
        let post = Request::post(url::parse(URL).unwrap(), "x");
        let given = fetch(&site, vec![now(get(URL)), now(post), now(get(URL))]);
        assert_eq!([given[0].1.as_str(), given[2].1.as_str()], bodies, "{status}");
    }
}

#[test]
fn sites_do_not_see_what_others_kept() {
    let of = |page: &str| Step {
        after: 0,
        request: get(URL),
        rules: Rules::of_page(&url::parse(page).unwrap(), Mode::Include),
    };
    let site = Site::new();
    let fresh = |body| answer("200 OK", &["Cache-Control: max-age=60"], body);
    script(&site, &[fresh("one"), fresh("two")]);
    let given =
        fetch(&site, vec![of("http://one.test/"), of("http://two.test/"), of("http://one.test/x")]);
    let bodies: Vec<&str> = given.iter().map(|given| given.1.as_str()).collect();
    assert_eq!(bodies, ["one", "two", "one"]);
}

#[test]
fn a_body_that_was_cut_is_not_kept() {
    let site = Site::new();
    let cut = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\none";
    let whole = answer("200 OK", &["Cache-Control: max-age=60"], "whole");
    script(&site, &[cut.to_owned(), whole]);
    let client = site.client(Options::default(), None);
    let fetcher = Fetcher::new(site.client_wire.clone(), client).with_cache(Some(Cache::default()));
    let second = site.run(async move {
        let mut first = fetcher.fetch(get(URL), Rules::browser()).await.unwrap();
        first.body.bytes(1 << 20).await.unwrap_err();
        let mut second = fetcher.fetch(get(URL), Rules::browser()).await.unwrap();
        second.body.bytes(1 << 20).await.unwrap()
    });
    assert_eq!(second, "whole");
}
