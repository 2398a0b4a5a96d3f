//! What goes wrong on either side of the proxy, and what it makes of it (RFC 9110 §15.6).

mod common;

use core::time::Duration;

use common::{Scene, get, site};
use roundtrip_http::client::Timeouts;
use roundtrip_http::server::Response;
use roundtrip_lab::Internet;
use roundtrip_proxy::Options;
use roundtrip_record::{FaultKind, Role, What};
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn scene() -> Scene {
    Scene::new(vec![site("www.shop.test", |_, _| Response::text("fine"))])
}

/// A server at the address with this number that answers each connection with these bytes.
fn script(scene: &mut Scene, number: u16, answer: &'static [u8]) -> String {
    let address = Internet::web_address(number);
    let wire = scene.internet.add_server("scripted", Role::WebServer, address.into());
    let mut listener = wire.listen((address, 80).into()).unwrap();
    let serving = async move {
        while let Ok(mut stream) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    };
    wire.spawn(serving).detach();
    address.to_string()
}

/// Status, the error of `Proxy-Status`, and the page.
fn ask(scene: &Scene, url: &str) -> (u16, String, String) {
    let (client, request) = (scene.client(), get(url));
    scene.run(async move {
        let mut response = client.send(request).await.unwrap();
        let told = response.fields.text("Proxy-Status").unwrap_or_default().to_owned();
        let body = response.body.bytes(1 << 20).await.unwrap_or_default();
        (response.status.as_u16(), told, String::from_utf8_lossy(&body).into_owned())
    })
}

#[test]
fn a_server_that_cannot_be_had_is_told_of() {
    let mut scene = scene();
    let empty = script(&mut scene, 50, b"");
    let garbage = script(&mut scene, 51, b"\x00\xff nothing of HTTP\r\n\r\n");
    let cut = script(&mut scene, 52, b"HTTP/1.1 200 OK\r\nContent-Le");
    let two = script(
        &mut scene,
        53,
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    );
    scene.serve(Options::default());
    for (url, status, error) in [
        ("http://nowhere.test/".to_owned(), 502, "dns_error"),
        ("http://203.0.113.10:81/".to_owned(), 502, "connection_refused"),
        (format!("http://{empty}/"), 502, "connection_terminated"),
        (format!("http://{garbage}/"), 502, "http_protocol_error"),
        (format!("http://{cut}/"), 502, "http_protocol_error"),
        (format!("http://{two}/"), 502, "http_protocol_error"),
    ] {
        let (given, told, page) = ask(&scene, &url);
        assert_eq!(given, status, "{url}: {page}");
        assert_eq!(told, format!("roundtrip; error={error}"), "{url}: {page}");
        assert!(page.contains("<p>"), "{page}");
    }
    let faults = scene.events().into_iter().filter(|event| matches!(event.what, What::Fault(_)));
    assert_eq!(faults.count(), 6, "each is a fault in the record");
}

#[test]
fn a_server_that_is_late_is_another_matter() {
    let mut scene = scene();
    let address = Internet::web_address(60);
    let wire = scene.internet.add_server("silent", Role::WebServer, address.into());
    let mut listener = wire.listen((address, 80).into()).unwrap();
    let silent = wire.clone();
    wire.spawn(async move {
        let stream = listener.accept().await;
        silent.sleep(Duration::from_hours(1)).await;
        drop(stream);
    })
    .detach();
    let mut options = Options::default();
    options.client.timeouts = Timeouts {
        connect: Some(Duration::from_secs(5)),
        stall: Some(Duration::from_secs(5)),
        total: None,
    };
    scene.serve(options);
    let (status, told, _) = ask(&scene, &format!("http://{address}/"));
    assert_eq!((status, told.as_str()), (504, "roundtrip; error=http_response_timeout"));
}

#[test]
fn an_answer_that_is_cut_does_not_look_whole() {
    let mut scene = scene();
    let short = script(&mut scene, 50, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    let chunked = script(
        &mut scene,
        51,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    );
    scene.serve(Options::default());
    for host in [short, chunked] {
        let (client, request) = (scene.client(), get(&format!("http://{host}/")));
        let failure = scene.run(async move {
            let mut response = client.send(request).await.unwrap();
            assert_eq!(response.status.as_u16(), 200);
            response.body.bytes(1000).await.unwrap_err()
        });
        let kinds = matches!(
            failure.kind,
            FaultKind::Reset { .. } | FaultKind::Short { .. } | FaultKind::ReceiveFailed { .. }
        );
        assert!(kinds, "{failure:?}");
    }
}

#[test]
fn garbage_from_a_client_is_refused() {
    let scene = scene();
    scene.serve(Options::default());
    for (bytes, status) in [
        (&b"\x00\x01\x02\x03 nothing\r\n\r\n"[..], "400"),
        (b"\x16\x03\x01\x00\x05hello", "400"),
        // Without the end of a line, which is not waited for.
        (b"\x00\x00\x00\x00", "400"),
        (b"\xff\xff\xff\xff", "400"),
        (b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        (b"GET ftp://www.shop.test/ HTTP/1.1\r\nHost: www.shop.test\r\n\r\n", "400"),
        (b"CONNECT www.shop.test HTTP/1.1\r\nHost: www.shop.test\r\n\r\n", "400"),
        (b"GET http://www.shop.test/ HTTP/1.1\r\n\r\n", "400"),
        (
            b"POST http://www.shop.test/ HTTP/1.1\r\nHost: www.shop.test\r\nContent-Length: 1\r\n\
              Transfer-Encoding: chunked\r\n\r\n",
            "400",
        ),
        (b"GET http://www.shop.test/ HTTP/3.7\r\nHost: www.shop.test\r\n\r\n", "505"),
    ] {
        let answer = scene.talk(bytes);
        let text = String::from_utf8_lossy(bytes);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{text}: {answer}");
    }
    // SOCKS 4 has an answer of its own: request rejected.
    let answer = scene.talk(b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00");
    assert_eq!(answer.as_bytes(), b"\0\x5b\0\0\0\0\0\0");
    assert!(scene.asked().is_empty(), "no server was asked");
}

#[test]
fn a_proxy_does_not_ask_itself() {
    let scene = scene();
    scene.serve(Options::default());
    let to_itself = format!("GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\n\r\n", common::PROXY);
    for request in [to_itself.as_str(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let answer = scene.talk(request.as_bytes());
        assert!(answer.contains("This is a recording proxy"), "{answer}");
    }
    assert!(scene.asked().is_empty());
}
