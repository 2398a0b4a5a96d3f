//! What a server shows of what it does.

use super::site::Site;
use super::{content, raw, status};

#[test]
fn what_was_done_is_counted_over_all_threads() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let site = Site::start(&[("site/a.txt", b"12345")], &["--metrics", &at, "--workers", "2"]);
    for _ in 0..20 {
        assert_eq!(status(&site.get("/a.txt", "")), "200");
    }
    assert_eq!(status(&site.get("/none", "")), "404");
    let open = std::net::TcpStream::connect(&site.at).expect("connected");
    super::pause(200);
    let shown = |path: &str| {
        raw(&at, format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes())
    };
    let metrics = shown("/metrics");
    for line in [
        "roundtrip_http_requests_total{version=\"1.1\",status=\"200\"} 20",
        "roundtrip_http_requests_total{version=\"1.1\",status=\"404\"} 1",
        "roundtrip_http_request_duration_seconds_bucket{le=\"+Inf\"} 21",
        "roundtrip_http_request_duration_seconds_count 21",
        "roundtrip_connections 1",
    ] {
        assert!(content(&metrics).lines().any(|own| own == line), "{line}: {metrics}");
    }
    // Each sort of line is named and explained once.
    let types = content(&metrics).lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(types, 5, "{metrics}");
    let page = shown("/");
    assert!(page.contains("21 requests") && page.contains("1 connections"), "{page}");
    assert_eq!(status(&shown("/other")), "404");
    drop(open);
}
