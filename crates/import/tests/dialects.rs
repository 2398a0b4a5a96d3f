//! Archives with the traits of each program that writes them. All are made up for these tests.

mod common;

use common::{archive, entries, entry};
use roundtrip_import::Options;
use roundtrip_record::*;
use roundtrip_story::PhaseKind;
use serde_json::{Value, json};

fn spent(read: &common::Read, url: &str, kind: PhaseKind) -> Option<u128> {
    let exchange = read.story.exchanges.iter().find(|exchange| exchange.url == url).unwrap();
    exchange.spent(kind).map(|spent| spent.as_millis())
}

#[test]
fn chrome_devtools() {
    let read = archive(&json!({"log": {
        "version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"},
        "pages": [{"startedDateTime": "2026-03-01T12:00:00.000Z", "id": "page_1", "title": "https://shop.example/",
                   "pageTimings": {"onContentLoad": 150.5, "onLoad": 300}}],
        "entries": [
            entry(0, "https://shop.example/", json!({
                "_initiator": {"type": "other"}, "_priority": "VeryHigh", "_resourceType": "document",
                "connection": "91", "serverIPAddress": "[2001:db8::7]", "pageref": "page_1",
                "request": {"httpVersion": "http/2.0", "headers": [
                    {"name": ":authority", "value": "shop.example"}, {"name": ":path", "value": "/"},
                    {"name": "accept", "value": "text/html"}]},
                "response": {"httpVersion": "http/2.0", "headersSize": -1, "bodySize": -1, "_transferSize": 900,
                    "headers": [{"name": "content-encoding", "value": "br"}, {"name": "content-type", "value": "text/html"}],
                    "content": {"size": 11, "mimeType": "text/html", "compression": -800, "text": "<p>Hello</p"}, "_error": null},
                "time": 90, "timings": {"blocked": 3, "_blocked_queueing": 1, "dns": 7, "connect": 40, "ssl": 25,
                    "send": 1, "wait": 30, "receive": 9}
            })),
            entry(100, "https://shop.example/app.js", json!({
                "_initiator": {"type": "script", "stack": {"callFrames": [], "parent": {"callFrames": [
                    {"functionName": "load", "scriptId": "4", "url": "https://shop.example/main.js", "lineNumber": 9}]}}},
                "_priority": "Low", "_resourceType": "script", "connection": "91", "pageref": "page_1",
                "request": {"httpVersion": "http/2.0"}, "response": {"httpVersion": "http/2.0"}
            })),
            entry(110, "https://shop.example/logo.png", json!({
                "_fromCache": "memory", "_resourceType": "image", "pageref": "page_1", "_initiator": {
                    "type": "parser", "url": "https://shop.example/", "lineNumber": 3}
            })),
            entry(120, "https://shop.example/worker.css", json!({
                "response": {"_fetchedViaServiceWorker": true}, "pageref": "page_1", "_fetchedViaServiceWorker": true
            })),
            entry(130, "https://lost.example/x.png", json!({
                "_resourceType": "image", "pageref": "page_1",
                "response": {"status": 0, "statusText": "", "httpVersion": "", "_error": "net::ERR_NAME_NOT_RESOLVED"},
                "timings": {"blocked": 12, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 0, "receive": 0}
            })),
        ]
    }}));
    let story = &read.story;
    let document = story.document().unwrap();
    assert_eq!(document.initiator, Initiator::User);
    assert_eq!(document.head().unwrap().what.version, HttpVersion::Http2);
    let request = &document.request.as_ref().unwrap().what;
    assert_eq!(
        request.fields,
        [Field("accept".into(), "text/html".into())],
        "pseudo-header fields are none"
    );
    let body = &document.response.as_ref().unwrap().what.body;
    assert_eq!((body.encoded, body.decoded), (900, 11));
    assert_eq!(body.codings, ["br"]);
    let millis: Vec<_> = [
        PhaseKind::Blocked,
        PhaseKind::Name,
        PhaseKind::Connect,
        PhaseKind::Tls,
        PhaseKind::Request,
        PhaseKind::Wait,
        PhaseKind::Body,
    ]
    .into_iter()
    .map(|kind| spent(&read, "https://shop.example/", kind))
    .collect();
    assert_eq!(millis, [3, 7, 15, 25, 1, 30, 9].map(Some));
    assert_eq!(story.connections.len(), 1);
    assert_eq!(story.connections[0].exchanges.len(), 2);
    assert_eq!(story.connections[0].server_address().unwrap().to_string(), "[2001:db8::7]:443");
    let at = |url: &str| story.exchanges.iter().find(|exchange| exchange.url == url).unwrap();
    assert_eq!(
        at("https://shop.example/app.js").initiator,
        Initiator::Script { url: "https://shop.example/main.js".into(), line: 10 }
    );
    assert_eq!(at("https://shop.example/app.js").reused(), 1);
    let logo = at("https://shop.example/logo.png");
    assert!(logo.from_cache);
    let cached = &logo.cached.as_ref().unwrap().what;
    assert_eq!((cached.status, cached.age), (200, None));
    assert!(at("https://shop.example/worker.css").from_cache);
    let fault = &story.faults[0].what;
    assert_eq!(fault.fault, FaultKind::NoAddress { name: "lost.example".into() });
    assert!(!fault.fatal);
    assert_eq!(story.milestone(&Milestone::LoadEventEnd), Some(Time::from_millis(300)));
    assert_eq!(
        story.milestone(&Milestone::DomContentLoadedEventEnd),
        Some(Time::from_micros(150_500))
    );
    assert_eq!(read.imported.exit, 0);
}

#[test]
fn firefox() {
    let timings = json!({"blocked": 0, "dns": 4, "connect": 20, "ssl": 30, "send": 0, "wait": 16, "receive": 5});
    let read = archive(&json!({"log": {
        "version": "1.2", "creator": {"name": "Firefox", "version": "140.0"}, "browser": {"name": "Firefox", "version": "140.0"},
        "pages": [{"id": "page_1", "startedDateTime": "2026-03-01T13:00:00.000+01:00", "title": "A title", "pageTimings": {"onContentLoad": -1, "onLoad": 300}}],
        "entries": [
            entry(0, "https://h.example/", json!({"pageref": "page_1", "connection": "443", "serverIPAddress": "192.0.2.7",
                "time": 75, "timings": timings, "request": {"httpVersion": "HTTP/2"}, "response": {"httpVersion": "HTTP/2"}})),
            entry(80, "https://h.example/a.css", json!({"pageref": "page_1", "connection": "443", "serverIPAddress": "192.0.2.7",
                "time": 40, "request": {"httpVersion": "HTTP/2", "headers": [{"name": "Referer", "value": "https://h.example/"}, {"name": "Sec-Fetch-Dest", "value": "style"}]},
                "response": {"httpVersion": "HTTP/2"}})),
        ]
    }}));
    assert_eq!(spent(&read, "https://h.example/", PhaseKind::Connect), Some(20));
    assert_eq!(spent(&read, "https://h.example/", PhaseKind::Tls), Some(30));
    assert_eq!(read.noted("`ssl` is not part of `connect`"), 1);
    assert_eq!(read.noted("`time` is not the sum"), 1);
    assert_eq!(read.noted("names no connections"), 2, "443 is the server's port");
    assert_eq!(read.story.connections.len(), 1);
    assert!(read.inferred("https://h.example/a.css").contains(&"connection".to_owned()));
    assert_eq!(read.story.milestone(&Milestone::DomContentLoadedEventEnd), None);
    let style = &read.story.exchanges[1];
    assert_eq!((style.kind, style.blocks), (ResourceKind::Style, Blocks::Render));
    match &read.story.run.as_ref().unwrap().wire {
        WireKind::Imported { source, digest } => {
            assert_eq!(source, "HAR, Firefox 140.0");
            assert_eq!(digest.len(), 64);
        }
        wire => panic!("{wire:?}"),
    }
}

#[test]
fn safari() {
    let read = entries(&json!([
        entry(
            0,
            "https://h.example/",
            json!({"request": {"httpVersion": "", "headers": []},
            "response": {"httpVersion": "", "content": {"mimeType": "text/html", "size": 5, "text": "hello"}}})
        ),
        entry(
            20,
            "https://h.example/f.woff2",
            json!({"request": {"httpVersion": "h2", "headers": []},
            "response": {"httpVersion": "", "content": {"mimeType": ""}}})
        ),
    ]));
    assert_eq!(read.noted("header fields of requests are missing"), 2);
    let versions: Vec<_> =
        read.story.exchanges.iter().map(|e| e.head().unwrap().what.version.clone()).collect();
    assert_eq!(versions, [HttpVersion::Http11, HttpVersion::Http2]);
    assert!(read.inferred("https://h.example/").contains(&"version of HTTP".to_owned()));
    assert_eq!(read.story.exchanges[1].kind, ResourceKind::Font);
}

#[test]
fn chrome_har_and_sitespeed() {
    let read = archive(&json!({"log": {
        "version": "1.2", "creator": {"name": "Browsertime", "version": "21"},
        "pages": [{"id": "page_1", "startedDateTime": "2026-03-01T12:00:00.000Z", "title": "https://h.example/",
            "pageTimings": {"onContentLoad": 55, "_firstPaint": 60, "_largestContentfulPaint": 70.5}}],
        "entries": [
            entry(0, "https://h.example/", json!({"pageref": "page_1", "_resourceType": "document", "connection": "5",
                "timings": {"_queued": 4, "blocked": 0, "dns": 0, "connect": 0, "ssl": -1, "send": 0, "wait": 8, "receive": 2},
                "_chunks": [{"ts": 12, "bytes": 5}], "response": {"bodySize": -7}})),
            entry(30, "https://h.example/a.css", json!({"pageref": "page_1", "_renderBlocking": "blocking", "connection": "5",
                "_initiator": "https://h.example/", "_initiator_type": "parser", "_initiator_line": 12, "_isLCP": false})),
            entry(31, "https://h.example/b.js", json!({"pageref": "page_1", "_renderBlocking": "non_blocking", "connection": "5",
                "_initiator": "https://h.example/a.js", "_initiator_type": "script", "_initiator_line": 2})),
            entry(33, "https://h.example/c.png", json!({"pageref": "page_1", "connection": "5", "_initiator": "https://h.example/a.css",
                "response": {"content": {"mimeType": "image/png"}}})),
        ]
    }}));
    let document = read.story.document().unwrap();
    assert_eq!(document.span.took().as_millis(), 14, "queued is not part of time");
    let initiators: Vec<_> =
        read.story.exchanges[1..].iter().map(|e| e.initiator.clone()).collect();
    assert_eq!(
        initiators,
        [
            Initiator::Parser { url: "https://h.example/".into(), line: 12 },
            Initiator::Script { url: "https://h.example/a.js".into(), line: 2 },
            Initiator::Style { url: "https://h.example/a.css".into() },
        ]
    );
    let blocks: Vec<_> = read.story.exchanges.iter().map(|e| e.blocks).collect();
    assert_eq!(blocks, [Blocks::Nothing, Blocks::Render, Blocks::Nothing, Blocks::Nothing]);
    assert_eq!(read.story.milestone(&Milestone::FirstPaint), Some(Time::from_millis(60)));
    assert_eq!(
        read.story.milestone(&Milestone::LargestContentfulPaint),
        Some(Time::from_micros(70_500))
    );
}

#[test]
fn webpagetest() {
    let wpt = json!({"_socket": "3", "_ip_addr": "192.0.2.1", "_request_type": "Stylesheet", "_initiator": "", "_score_gzip": "-1",
        "_load_ms": "10", "request": {"method": null, "httpVersion": "us:"}, "response": {"httpVersion": "2 2"}});
    let read = entries(&json!([
        entry(
            0,
            "http://h.example/",
            json!({"_socket": 3, "_priority": "HIGHEST", "timings": {"connect": 20, "ssl": -1, "dns": 5, "blocked": -1}})
        ),
        entry(40, "http://h.example/x", wpt),
    ]));
    assert_eq!(read.story.connections.len(), 1);
    let second = &read.story.exchanges[1];
    assert_eq!(
        (second.method.as_str(), second.kind, second.reused()),
        ("GET", ResourceKind::Style, 1)
    );
    assert_eq!(read.story.exchanges[0].priority, Priority::VeryHigh);
    let inferred = read.inferred("http://h.example/x");
    assert!(
        ["method", "version of HTTP"].iter().all(|fact| inferred.contains(&(*fact).to_owned())),
        "{inferred:?}"
    );
}

#[test]
fn playwright_mitmproxy_capturer() {
    let read = entries(&json!([
        entry(
            0,
            "https://h.example/",
            json!({"timings": {"dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 8.5, "receive": 1.5}})
        ),
        entry(
            20,
            "https://m.example/",
            json!({"timings": {"connect": 5, "ssl": 50, "send": 1, "wait": 2, "receive": 3}, "time": 61,
            "request": {"cookies": {}}})
        ),
        entry(
            90,
            "https://c.example/",
            json!({"timings": {"blocked": -0.61, "dns": -1, "connect": -1, "send": 0.2, "wait": 5, "receive": 1}, "time": -3})
        ),
    ]));
    let ends: Vec<_> = read.story.exchanges.iter().map(|e| e.span.took().as_micros()).collect();
    assert_eq!(ends, [10_000, 61_000, 6_200]);
    assert_eq!(read.noted("`blocked` is negative"), 1);
    assert_eq!(spent(&read, "https://m.example/", PhaseKind::Tls), Some(50));
}

#[test]
fn fiddler_insomnia_charles() {
    let mut fiddler =
        entry(0, "http://h.example/", json!({"connection": "ClientPort:51000;EgressPort:51001"}));
    fiddler["startedDateTime"] = "2026-03-01T07:00:00.1234567-05:00".into();
    let read = entries(&json!([
        fiddler,
        entry(
            200,
            "http://h.example/form",
            json!({
        "request": {"method": "POST", "postData": {"mimeType": "application/x-www-form-urlencoded",
            "params": [{"name": "a", "value": "1 2"}, {"name": "b", "value": null}]}}})
        ),
    ]));
    assert_eq!(read.story.run.as_ref().unwrap().wall % 1_000_000_000, 123_456_700);
    let request = &read.story.exchanges[1].request.as_ref().unwrap().what;
    assert_eq!(read.bodies.get(request.body.as_ref().unwrap()).unwrap(), b"a=1+2&b=");
    assert_eq!(request.body_bytes, 8);
    assert!(read.inferred("http://h.example/form").contains(&"request body".to_owned()));
}

#[test]
fn splash_without_pages_and_with_data_urls() {
    let long = format!("data:image/png;base64,{}", "A".repeat(5000));
    let read = entries(&json!([
        entry(
            0,
            "http://h.example/",
            json!({"response": {"content": {"mimeType": "text/html"}, "ok": true}})
        ),
        entry(20, &long, json!({})),
        entry(21, "blob:http://h.example/1", json!({})),
    ]));
    assert_eq!(read.story.exchanges.len(), 1);
    assert_eq!(read.story.not_fetched.len(), 2);
    assert!(read.story.not_fetched[0].url.len() < 300);
    assert_eq!(read.noted("need no network"), 2);
    assert_eq!(read.imported.entries, 3);
}

#[test]
fn http3_is_carried_by_quic() {
    let read = entries(&json!([entry(
        0,
        "https://h.example/",
        json!({
        "response": {"httpVersion": "h3"}, "timings": {"connect": 20, "ssl": 20, "send": 0, "wait": 5, "receive": 0}})
    )]));
    let client = read.story.connections[0].client.as_ref().unwrap();
    assert_eq!(client.transport, Transport::Quic);
    assert_eq!(read.story.connections[0].tls.as_ref().unwrap().what.version, TlsVersion::Tls13);
}

#[test]
fn redirects_are_followed() {
    let hop = |status: u16, to: &str| json!({"response": {"status": status, "redirectURL": to, "headers": [{"name": "Location", "value": to}]}});
    let read = entries(&json!([
        entry(0, "http://h.example/", hop(301, "https://h.example/")),
        entry(20, "https://h.example/", hop(302, "/home#top")),
        entry(
            40,
            "https://h.example/home",
            json!({"response": {"content": {"mimeType": "text/html"}}})
        ),
        entry(60, "https://h.example/home", json!({})),
    ]));
    let chain: Vec<_> = read.story.chain().iter().map(|exchange| exchange.url.as_str()).collect();
    assert_eq!(chain, ["http://h.example/", "https://h.example/", "https://h.example/home"]);
    assert!(matches!(read.story.exchanges[1].initiator, Initiator::Redirect { status: 301, .. }));
    assert!(matches!(read.story.exchanges[3].initiator, Initiator::Parser { .. }));
}

#[test]
fn a_failed_document_ends_the_visit() {
    for (error, step, exit) in [
        ("net::ERR_CONNECTION_REFUSED", Step::Connect, 7),
        ("net::ERR_CONNECTION_TIMED_OUT", Step::Connect, 28),
        ("net::ERR_CERT_DATE_INVALID", Step::Tls, 60),
        ("net::ERR_SSL_PROTOCOL_ERROR", Step::Tls, 35),
        ("net::ERR_EMPTY_RESPONSE", Step::Wait, 52),
        ("NS_ERROR_UNKNOWN_HOST", Step::Name, 6),
        ("net::ERR_SOMETHING_NEW", Step::Wait, 56),
    ] {
        let read = entries(&json!([entry(
            0,
            "https://h.example/",
            json!({"response": {"status": 0, "_error": error}})
        )]));
        let fault = &read.story.faults[0].what;
        assert_eq!((fault.step, fault.fatal, read.imported.exit), (step, true, exit), "{error}");
    }
}

#[test]
fn a_failed_document_behind_redirects_ends_the_visit() {
    let hop = |to: &str| json!({"response": {"status": 302, "redirectURL": to}});
    let failed = json!({"response": {"status": 0, "_error": "net::ERR_CONNECTION_REFUSED"}});
    let all = [
        entry(0, "http://h.example/", hop("https://h.example/")),
        entry(20, "https://h.example/", hop("/home")),
        entry(40, "https://h.example/home", failed.clone()),
        entry(60, "https://h.example/picture.png", failed),
    ];
    let page = json!({"id": "p", "title": "https://h.example/home"});
    for pages in [json!([]), json!([page])] {
        let read = common::archive(&json!({"log": {"pages": pages, "entries": all}}));
        let fatal: Vec<_> = read.story.faults.iter().map(|fault| fault.what.fatal).collect();
        assert_eq!((fatal, read.imported.exit), (vec![true, false], 7));
    }
    // Without its last entry nothing of it failed.
    let read = entries(&json!([all[0], all[1], all[3]]));
    assert_eq!((read.story.faults[0].what.fatal, read.imported.exit), (false, 0));
}

#[test]
fn the_event_that_named_a_resource_is_its_cause() {
    let named = |url: &str| json!({"_initiator": {"type": "script", "url": url, "lineNumber": 4}});
    let read = entries(&json!([
        entry(0, "http://h.example/", json!({})),
        entry(20, "http://h.example/a.js", json!({})),
        entry(40, "http://h.example/a.js", json!({})),
        entry(60, "http://h.example/b", named("http://h.example/a.js")),
        entry(61, "http://h.example/c", named("http://h.example/d.js")),
    ]));
    let story = &read.story;
    let caused = |url: &str| {
        let exchange = story.exchanges.iter().find(|exchange| exchange.url == url).unwrap();
        let ended = |what: &What| match what {
            What::ExchangeEnded(ended) => Some(ended.exchange),
            _ => None,
        };
        story.causes(exchange.event).iter().find_map(|cause| ended(&cause.what))
    };
    assert_eq!(caused("http://h.example/b"), Some(story.exchanges[2].id), "the latest before it");
    assert_eq!(caused("http://h.example/c"), None);
}

#[test]
fn milestones_stand_in_the_order_of_time() {
    let page = json!({"id": "p", "startedDateTime": "2026-03-01T12:00:00.000Z", "title": "t",
        "pageTimings": {"onContentLoad": 30, "onLoad": 250}});
    let of = |start| entry(start, &format!("http://h.example/{start}"), json!({"pageref": "p"}));
    let entries = [of(0), of(100), of(200), of(300)];
    let read = archive(&json!({"log": {"pages": [page], "entries": entries}}));
    let times: Vec<_> = read.story.events.iter().map(|event| event.at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let milestone = |what: &What| matches!(what, What::Milestone(_));
    assert_eq!(read.story.events.iter().filter(|event| milestone(&event.what)).count(), 2);
}

#[test]
fn pages_are_chosen() {
    let page = |id: &str, at: u64| json!({"id": id, "startedDateTime": format!("2026-03-01T12:00:00.{at:03}Z"), "title": id, "pageTimings": {}});
    let archive = json!({"log": {"pages": [page("first", 0), page("empty", 10), page("second", 100)], "entries": [
        entry(100, "http://h.example/2", json!({"pageref": "second"})),
        entry(0, "http://h.example/1", json!({"pageref": "first"})),
        entry(5, "http://h.example/1.png", json!({"pageref": "first"})),
        entry(5, "http://h.example/nowhere", json!({})),
    ]}});
    let text = archive.to_string();
    let urls = |page: Option<&str>| {
        let options = Options { page: page.map(ToOwned::to_owned), ..Options::default() };
        let read = common::bytes(text.as_bytes(), &options).unwrap();
        let paths =
            read.story.exchanges.iter().map(|e| e.url.rsplit('/').next().unwrap().to_owned());
        (paths.collect::<Vec<_>>(), read.noted("other pages were left out"))
    };
    assert_eq!(urls(None), (vec!["1".into(), "1.png".into()], 2));
    assert_eq!(urls(Some("second")), (vec!["2".into()], 3));
    assert_eq!(urls(Some("3")), (vec!["2".into()], 3));
    assert_eq!(urls(Some("all")).0.len(), 4);
    let options = Options { page: Some("4".into()), ..Options::default() };
    let error = common::bytes(text.as_bytes(), &options).err().unwrap().to_string();
    assert!(
        error.contains("no page 4; it has 1 (first first), 2 (empty empty), 3 (second second)"),
        "{error}"
    );
}

#[test]
fn entries_that_make_no_sense_are_refused_one_by_one() {
    let mut no_date = entry(0, "http://h.example/2", json!({}));
    no_date["startedDateTime"] = "yesterday".into();
    let read = entries(&json!([
        entry(0, "http://h.example/1", json!({})),
        no_date,
        7,
        json!({"request": "GET /"}),
        Value::Null,
        entry(0, "", json!({})),
    ]));
    assert_eq!(read.story.exchanges.len(), 1);
    assert_eq!(read.noted("entries could not be imported"), 5);
    assert_eq!(read.noted("startedDateTime \"yesterday\" is no date"), 1);
    let error = common::bytes(br#"{"log": {"entries": [{}]}}"#, &Options::default()).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("none of its 1 entries can be imported; entry 0: it has no request.url"),
        "{error}"
    );
}

#[test]
fn the_icon_of_a_site_which_chromium_calls_other_is_an_icon() {
    let other = |name: &str| {
        entry(0, &format!("https://h.example/{name}"), json!({"_resourceType": "other"}))
    };
    let read = entries(&json!([other("favicon.ico"), other("feed.json")]));
    let kinds: Vec<ResourceKind> = read.story.exchanges.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [ResourceKind::Icon, ResourceKind::Other]);
}

#[test]
fn a_version_that_chrome_calls_unknown_is_inferred() {
    let unknown = |url: &str, headers: serde_json::Value| {
        entry(
            0,
            url,
            json!({
                "request": {"httpVersion": "unknown", "headers": headers},
                "response": {"httpVersion": "unknown"}
            }),
        )
    };
    let read = entries(&json!([
        unknown("http://h.example/a", json!([])),
        unknown("https://h.example/b", json!([{"name": ":path", "value": "/b"}]))
    ]));
    for (url, version) in
        [("http://h.example/a", HttpVersion::Http11), ("https://h.example/b", HttpVersion::Http2)]
    {
        let exchange = read.story.exchanges.iter().find(|exchange| exchange.url == url).unwrap();
        assert_eq!(exchange.request.as_ref().unwrap().what.version, version, "{url}");
        assert!(read.inferred(url).iter().any(|fact| fact == "version of HTTP"), "{url}");
    }
}

/// An entry over a link with a round trip of 150 ms that brings 200 kB a second: a request of 500 bytes takes 2.5 ms on
/// it, and the first packet of an answer, 1448 bytes, 7.24 ms.
fn on_a_slow_link(second: u64, path: &str, think: f64, more: &Value) -> Value {
    let wait = 150.0 + 2.5 + 7.24 + think;
    let mut entry = entry(
        0,
        &format!("http://slow.example{path}"),
        json!({
            "startedDateTime": format!("2026-03-01T12:00:{second:02}Z"),
            "request": {"headersSize": 500},
            "response": {"headersSize": 200, "bodySize": 99_800, "content": {"size": 99_800, "mimeType": "text/html"}},
            "timings": {"send": 0, "wait": wait, "receive": 499}, "time": wait + 499.0
        }),
    );
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

#[test]
fn time_in_which_bytes_were_sent_is_not_the_servers() {
    let opened = json!({"connection": "5", "timings": {"connect": 150, "send": 0, "wait": 199.74, "receive": 499}});
    let read = entries(&json!([
        on_a_slow_link(0, "/", 40.0, &opened),
        // A connection that was opened before the archive began.
        on_a_slow_link(2, "/a", 0.0, &json!({"connection": "6"})),
        on_a_slow_link(4, "/b", 70.0, &json!({"connection": "5"})),
    ]));
    let thinks = read.story.thinks();
    let took = |n: usize| thinks[&read.story.exchanges[n].id].took.as_secs_f64() * 1000.0;
    for (n, think) in [(0, 40.0), (1, 0.0), (2, 70.0)] {
        assert!((took(n) - think).abs() < 0.5, "{n}: {} ms, the server took {think}", took(n));
    }
}
