//! Plain HTTP by way of the proxy, in the lab.

mod common;

use bytes::Bytes;
use common::{Scene, get, site};
use core::fmt::Write as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, StatusCode};
use roundtrip_http::client::{Decode, Request};
use roundtrip_http::message::Fields;
use roundtrip_http::server::{Request as Asked, Response, Trailers};
use roundtrip_http::{Body, Following};
use roundtrip_proxy::Options;
use roundtrip_record::{BodyCut, Field, Initiator, ResourceKind, What};
use std::io::Write as _;

const TEXT: &str = "what is in it, again and again and again and again and again and again";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Tells what came: the line, the fields and the body.
fn mirror(request: &Asked, body: &[u8]) -> Response {
    let mut text = format!("{} {}\n", request.head.line.method, request.head.line.target);
    for (name, value) in request.head.fields.iter() {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value));
    }
    let _ = write!(text, "\n{}", String::from_utf8_lossy(body));
    Response::text(text)
}

fn answer(request: &Asked, body: &[u8]) -> Response {
    match request.path() {
        "/coded" => {
            let mut response = Response::ok("text/plain", gzip(TEXT));
            response.fields.add("Content-Encoding", "gzip");
            response
        }
        "/miscoded" => {
            let mut response = Response::ok("text/plain", "no gzip at all");
            response.fields.add("Content-Encoding", "gzip");
            response
        }
        "/trailers" => {
            let mut response = Response::new(StatusCode::OK);
            response.body = Body::stream(None, futures_util::stream::iter([Ok("body".into())]));
            let mut trailers = Fields::new();
            trailers.add("X-After", "it");
            response.trailers = Trailers::Known(trailers);
            response
        }
        "/old" => Response::redirect(StatusCode::FOUND, "/new"),
        "/unchanged" => {
            let mut response = Response::new(StatusCode::NOT_MODIFIED);
            response.fields.add("ETag", "\"x\"");
            response
        }
        "/nothing" => Response::new(StatusCode::NO_CONTENT),
        "/large" => Response::ok("text/plain", "x".repeat(300_000)),
        "/reason" => {
            let mut response = Response::text("a");
            response.reason = Some("Quite All Right".into());
            response
        }
        "/early" => {
            let mut fields = Fields::new();
            fields.add("Link", "</a.css>; rel=preload");
            request.interim.early_hints(&fields);
            Response::text("late")
        }
        _ => mirror(request, body),
    }
}

fn scene() -> Scene {
    let scene = Scene::new(vec![site("www.shop.test", answer)]);
    scene.serve(Options::default());
    scene
}

/// Asks by way of the proxy, and gives status and body.
fn ask(scene: &Scene, request: Request) -> (u16, String) {
    let client = scene.client();
    scene.run(async move {
        let mut response = client.send(request).await.unwrap();
        let body = response.body.bytes(1 << 20).await.unwrap();
        (response.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    })
}

#[test]
fn a_request_goes_on_as_it_came() {
    let scene = scene();
    let mut request = Request::post(get("http://www.shop.test/a/../b?c").url, "some body");
    request.target = Some("http://www.shop.test/a/../b?c".into());
    request.fields.add("X-Own", "1").add("Connection", "X-Hop").add("X-Hop", "2");
    request.fields.add("Proxy-Authorization", "Basic eDp5").add("Cookie", "k=v");
    let (status, text) = ask(&scene, request);
    assert_eq!(status, 200);
    let (head, body) = text.split_once("\n\n").unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], "POST /a/../b?c");
    assert_eq!(body, "some body");
    for expected in ["Host: www.shop.test", "X-Own: 1", "Cookie: k=v", "Content-Length: 9"] {
        assert!(lines.contains(&expected), "{text}");
    }
    for absent in ["X-Hop", "Proxy-", "Connection", "Via", "Forwarded"] {
        assert!(!head.contains(absent), "{absent}: {text}");
    }
}

#[test]
fn nothing_is_added_that_the_client_did_not_send() {
    let scene = scene();
    let answer = scene.talk(b"GET http://www.shop.test/x HTTP/1.1\r\nHost: www.shop.test\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "GET /x\nHost: www.shop.test\n\n", "{head}");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
}

#[test]
fn the_record_has_both_sides() {
    let scene = scene();
    ask(&scene, get("http://www.shop.test/x"));
    let (asked, served) = (scene.asked(), scene.served());
    assert_eq!((asked.len(), served.len()), (1, 1));
    assert_eq!(asked[0].of, Some(served[0].id));
    assert_eq!(asked[0].url, "http://www.shop.test/x");
    assert_eq!(served[0].url, "http://www.shop.test/x");
    assert_eq!(asked[0].initiator, Initiator::User);
    assert!(asked[0].complete && served[0].complete);
    let events = scene.events();
    let started = events.iter().find(|event| event.id == asked[0].event).unwrap();
    let request = &served[0].request.as_ref().unwrap();
    assert_eq!(started.cause, Some(request.event), "it was caused by the client's request");
}

#[test]
fn a_body_passes_as_it_is_and_is_recorded_as_it_reads() {
    let scene = scene();
    let mut request = get("http://www.shop.test/coded");
    request.decode = Decode::Off;
    let client = scene.client();
    let body = scene.run(async move {
        let mut response = client.send(request).await.unwrap();
        assert_eq!(response.fields.text("Content-Encoding"), Some("gzip"));
        response.body.bytes(1 << 20).await.unwrap()
    });
    assert_eq!(body, gzip(TEXT));
    let asked = scene.asked();
    let recorded = &asked[0].response.as_ref().unwrap().what.body;
    assert_eq!((recorded.encoded, recorded.decoded), (body.len() as u64, TEXT.len() as u64));
    let kept = scene.bodies().get(recorded.content.as_ref().unwrap()).unwrap();
    assert_eq!(kept, TEXT.as_bytes());
}

#[test]
fn a_coding_that_is_none_harms_only_the_record() {
    let scene = scene();
    let mut request = get("http://www.shop.test/miscoded");
    request.decode = Decode::Off;
    assert_eq!(ask(&scene, request), (200, "no gzip at all".into()));
    let asked = scene.asked();
    let recorded = &asked[0].response.as_ref().unwrap().what.body;
    assert_eq!((recorded.content.clone(), recorded.cut), (None, None::<BodyCut>));
    assert!(asked[0].notes[0].what.what.contains("could not be undone"), "{:?}", asked[0].notes);
}

#[test]
fn answers_without_bodies_are_as_they_were() {
    let scene = scene();
    for (path, status) in [("unchanged", 304), ("nothing", 204)] {
        assert_eq!(ask(&scene, get(&format!("http://www.shop.test/{path}"))).0, status);
    }
    let client = scene.client();
    scene.run(async move {
        let url = get("http://www.shop.test/large").url;
        let response = client.send(Request::new(Method::HEAD, url)).await.unwrap();
        assert_eq!(response.fields.text("Content-Length"), Some("300000"));
        let response = client.send(get("http://www.shop.test/reason")).await.unwrap();
        assert_eq!(response.reason, "Quite All Right");
    });
}

#[test]
fn trailers_go_both_ways() {
    let scene = scene();
    let client = scene.client();
    let trailers = scene.run(async move {
        let mut response = client.send(get("http://www.shop.test/trailers")).await.unwrap();
        let body = response.body.bytes(100).await.unwrap();
        assert_eq!(body, "body");
        response.body.trailers().clone()
    });
    assert_eq!(trailers.text("X-After"), Some("it"));

    let client = scene.client();
    scene.run(async move {
        let mut request = get("http://www.shop.test/x");
        request.method = Method::POST;
        let pieces = futures_util::stream::iter([Ok(Bytes::from_static(b"in chunks"))]);
        request.body = Body::stream(None, pieces);
        request.following = Some(Following::new(|| {
            let mut fields = Fields::new();
            fields.add("X-Sum", "9");
            fields
        }));
        let mut response = client.send(request).await.unwrap();
        let text = response.body.bytes(1 << 16).await.unwrap();
        assert!(text.ends_with(b"\n\nin chunks"));
    });
}

#[test]
fn hints_come_before_the_answer() {
    let scene = scene();
    let client = scene.client();
    let interim = scene.run(async move {
        let response = client.send(get("http://www.shop.test/early")).await.unwrap();
        response.interim
    });
    assert_eq!(interim.len(), 1);
    assert_eq!(interim[0].line.status, StatusCode::EARLY_HINTS);
    assert_eq!(interim[0].fields.text("Link"), Some("</a.css>; rel=preload"));
}

#[test]
fn a_body_waits_until_the_server_says_so() {
    let scene = scene();
    let head = "POST http://www.shop.test/x HTTP/1.1\r\nHost: www.shop.test\r\nContent-Length: 4\r\n\
                Expect: 100-continue\r\n\r\n";
    let answer = scene.talk(head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\n"), "{answer}");
    let asked = scene.asked();
    let first = asked[0].heads.first().map(|head| head.what.status);
    assert_eq!(first, Some(100), "the server was asked, and not only the proxy");
}

#[test]
fn what_led_to_what_is_in_the_record() {
    let scene = scene();
    let mut page = get("http://www.shop.test/old");
    page.fields.add("Sec-Fetch-Dest", "document");
    assert_eq!(ask(&scene, page).0, 302);
    ask(&scene, get("http://www.shop.test/new"));
    let mut image = get("http://www.shop.test/i");
    image.fields.add("Sec-Fetch-Dest", "image").add("Referer", "http://www.shop.test/new");
    ask(&scene, image);
    let asked = scene.asked();
    assert_eq!(asked[0].kind, ResourceKind::Document);
    assert_eq!(asked[1].initiator, Initiator::Redirect { of: asked[0].id, status: 302 });
    let url = "http://www.shop.test/new".to_owned();
    assert_eq!(asked[2].initiator, Initiator::Parser { url, line: 0 });
    assert_eq!(asked[2].kind, ResourceKind::Image);
}

#[test]
fn bodies_beyond_the_limit_pass_and_are_not_kept() {
    let scene = Scene::new(vec![site("www.shop.test", answer)]);
    scene.serve(Options { keep_at_most: 1000, ..Options::default() });
    let (_, text) = ask(&scene, get("http://www.shop.test/large"));
    assert_eq!(text.len(), 300_000);
    let asked = scene.asked();
    let recorded = &asked[0].response.as_ref().unwrap().what.body;
    assert_eq!((recorded.content.clone(), recorded.encoded), (None, 300_000));
    let unseen = |event: &roundtrip_record::Event| matches!(event.what, What::Unseen(_));
    assert!(scene.events().iter().any(unseen));
}

#[test]
fn via_is_said_where_it_is_wanted() {
    let scene = Scene::new(vec![site("www.shop.test", answer)]);
    scene.serve(Options { via: true, ..Options::default() });
    let client = scene.client();
    scene.run(async move {
        let mut response = client.send(get("http://www.shop.test/x")).await.unwrap();
        assert_eq!(response.fields.text("Via"), Some("1.1 roundtrip"));
        let text = response.body.bytes(1 << 16).await.unwrap();
        assert!(String::from_utf8_lossy(&text).contains("Via: 1.1 roundtrip\n"));
    });
}

#[test]
fn an_old_client_is_answered_as_it_understands() {
    let scene = scene();
    let answer = scene.talk(b"GET http://www.shop.test/trailers HTTP/1.0\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("chunked"), "{head}");
    assert_eq!(body, "body");
    let request = scene.asked()[0].request.clone().unwrap().what;
    assert_eq!(Field::first(&request.fields, "host"), Some("www.shop.test"));
    assert_eq!(request.version.as_str(), "HTTP/1.1");
}

#[test]
fn the_same_twice_is_the_same() {
    let once = || {
        let scene = scene();
        for path in ["x", "coded", "large"] {
            ask(&scene, get(&format!("http://www.shop.test/{path}")));
        }
        scene.events()
    };
    assert!(once() == once());
}
