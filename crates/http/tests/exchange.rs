//! Whole exchanges between our client and our server.

mod common;

use common::{Site, get};
use roundtrip_http::client::Options;
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server;

fn tree() -> Files {
    let big: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    Files::tree(
        Tree::new()
            .with("index.html", "<h1>Hello</h1>")
            .with("a/style.css", "p { color: red }")
            .with("big.bin", big),
    )
}

#[test]
fn a_get_and_what_the_record_says_of_it() {
    let site = Site::new();
    site.serve(0, tree(), server::Options::default());
    let client = site.client(Options::default(), None);
    let text = site.run(async move {
        let mut response = client.send(get("www0.test/")).await.unwrap();
        assert_eq!(response.status.as_u16(), 200);
        assert_eq!(response.media_type(), Some("text/html"));
        let text = response.body.bytes(1 << 20).await.unwrap();
        client.close("visit over").await;
        text
    });
    assert_eq!(text, "<h1>Hello</h1>");
    assert_eq!(
        site.kinds(),
        [
            "http.started",
            "connect.attempt",
            "connect.result",
            "http.request",
            "http.head",
            "http.response",
            "http.ended",
            "http.connection",
            "http.connection",
        ]
    );
    assert_eq!(site.endings(), ["Kept: kept for the next request", "Client: visit over"]);
    // Each has the one before it as its cause.
    let events = site.client_events();
    let above: Vec<_> =
        events.iter().filter(|event| !event.what.kind().starts_with("host")).collect();
    for pair in above.windows(2).take(6) {
        assert_eq!(pair[1].cause, Some(pair[0].id), "{:?}", pair[1]);
    }
}

#[test]
fn a_large_body_comes_whole_and_the_connection_is_used_again() {
    let site = Site::new();
    site.serve(0, tree(), server::Options::default());
    let client = site.client(Options::default(), None);
    let (big, css) = site.run(async move {
        let mut response = client.send(get("www0.test/big.bin")).await.unwrap();
        let big = response.body.bytes(1 << 20).await.unwrap();
        let mut response = client.send(get("www0.test/a/style.css")).await.unwrap();
        (big, response.body.bytes(1 << 20).await.unwrap())
    });
    assert_eq!(big.len(), 300_000);
    assert!(big.iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8));
    assert_eq!(css, "p { color: red }");
    assert_eq!(site.attempts(), 1);
}
