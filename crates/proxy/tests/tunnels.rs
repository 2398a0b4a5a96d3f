//! Tunnels by way of the proxy: looked into, and passed on as they are.

mod common;

use core::time::Duration;
use std::rc::Rc;

use common::{PROXY, Scene, get, site};
use http::Version;
use roundtrip_http::client::{Except, Options as ClientOptions};
use roundtrip_http::server::{Request, Response};
use roundtrip_lab::Internet;
use roundtrip_proxy::{Mode, Options};
use roundtrip_record::{FaultKind, Role};
use roundtrip_visit::site::Site;
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn told(request: &Request, body: &[u8]) -> Response {
    let (line, host) = (&request.head.line, request.head.fields.text("Host"));
    Response::text(format!(
        "{:?} {} {} {}",
        line.version,
        line.target,
        host.unwrap_or_default(),
        String::from_utf8_lossy(body)
    ))
}

fn sites() -> Vec<Site> {
    vec![
        site("one.shop.test", told).secure(),
        site("two.shop.test", told).with_two().secure(),
        site("plain.shop.test", told),
    ]
}

fn ask(scene: &Scene, url: &str, version: Version) -> (Version, String) {
    let client = scene.client_with(ClientOptions { version, ..ClientOptions::default() });
    let request = get(url);
    scene.run(async move {
        let mut response = client.send(request).await.unwrap();
        let body = response.body.bytes(1 << 20).await.unwrap();
        client.close("done").await;
        (response.version, String::from_utf8_lossy(&body).into_owned())
    })
}

#[test]
fn tls_is_looked_into_in_the_version_that_both_speak() {
    let scene = Scene::new(sites());
    scene.serve(Options::default());
    let (one, two) = (Version::HTTP_11, Version::HTTP_2);
    for (host, wanted, spoken) in [("one", two, one), ("two", two, two), ("two", one, one)] {
        let url = format!("https://{host}.shop.test/a?b");
        let (version, text) = ask(&scene, &url, wanted);
        assert_eq!(version, spoken, "{host}: the client's side");
        assert_eq!(text, format!("{spoken:?} /a?b {host}.shop.test "), "{host}: the server's side");
    }
    let asked = scene.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].url, "https://one.shop.test/a?b");
    for exchange in &asked {
        let served = scene.served();
        let of = served.iter().find(|served| Some(served.id) == exchange.of).unwrap();
        assert_eq!(of.url, exchange.url);
        assert!(!exchange.attempts.is_empty(), "the tunnel's connection carried it");
    }
}

#[test]
fn a_tunnel_opens_one_connection_to_its_server() {
    let scene = Scene::new(sites());
    scene.serve(Options::default());
    let client = scene.client();
    scene.run(async move {
        for _ in 0..3 {
            let mut response = client.send(get("https://one.shop.test/")).await.unwrap();
            response.body.bytes(1 << 16).await.unwrap();
        }
    });
    let proxy = scene.proxy.log().host_id();
    let attempts = scene.events().into_iter().filter(|event| {
        event.host == proxy && matches!(event.what, roundtrip_record::What::ConnectAttempt(_))
    });
    assert_eq!(attempts.count(), 1);
}

#[test]
fn hosts_that_are_passed_by_keep_their_own_tls() {
    let scene = Scene::new(sites());
    let pass = Except::parse("two.shop.test");
    scene.serve(Options { pass, ..Options::default() });
    let (version, text) = ask(&scene, "https://two.shop.test/", Version::HTTP_2);
    assert_eq!(version, Version::HTTP_2);
    assert!(text.starts_with("HTTP/2.0 / two.shop.test"), "{text}");
    assert!(scene.asked().is_empty(), "nothing of it is seen");
    ask(&scene, "https://one.shop.test/", Version::HTTP_2);
    assert_eq!(scene.asked().len(), 1);
}

#[test]
fn a_tunnel_to_nowhere_is_refused_before_it_is_opened() {
    let scene = Scene::new(sites());
    scene.serve(Options::default());
    for (to, status) in [("nowhere.test:443", "502"), ("203.0.113.10:99", "502")] {
        let answer = scene.talk(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{to}: {answer}");
        assert!(answer.contains("Proxy-Status: roundtrip; error="), "{to}: {answer}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_to_the_client() {
    let mut sites = sites();
    sites[0].validity = roundtrip_visit::crypto::Validity::Expired;
    let scene = Scene::new(sites);
    scene.serve(Options::default());
    let client = scene.client();
    let (status, text) = scene.run(async move {
        let mut response = client.send(get("https://one.shop.test/")).await.unwrap();
        let body = response.body.bytes(1 << 16).await.unwrap();
        (response.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    });
    assert_eq!(status, 502);
    assert!(text.contains("certificate of one.shop.test is not trusted"), "{text}");
    let faults = scene.events().into_iter().filter_map(|event| match event.what {
        roundtrip_record::What::Fault(fault) => Some(fault.fault),
        _ => None,
    });
    assert!(faults.into_iter().any(|fault| matches!(fault, FaultKind::BadCertificate { .. })));
}

#[test]
fn http_in_the_clear_goes_through_a_tunnel() {
    let scene = Scene::new(sites());
    scene.serve(Options::default());
    let answer = scene.talk(
        b"CONNECT plain.shop.test:80 HTTP/1.1\r\nHost: plain.shop.test:80\r\n\r\n\
          GET /x HTTP/1.1\r\nHost: plain.shop.test\r\nConnection: close\r\n\r\n",
    );
    let (opened, rest) = answer.split_once("\r\n\r\n").unwrap();
    assert!(opened.starts_with("HTTP/1.1 200 Connection established"), "{answer}");
    assert!(rest.ends_with("HTTP/1.1 /x plain.shop.test "), "{answer}");
    assert_eq!(scene.asked()[0].url, "http://plain.shop.test/x");
}

#[test]
fn what_is_no_http_passes() {
    let mut scene = Scene::new(sites());
    let address = Internet::web_address(70);
    let wire = scene.internet.add_server("mail", Role::WebServer, address.into());
    let mut listener = wire.listen((address, 25).into()).unwrap();
    // The server speaks first.
    wire.spawn(async move {
        let mut stream = listener.accept().await.unwrap();
        stream.write_all(b"220 mail ready\r\n").await.unwrap();
        let mut said = [0; 6];
        stream.read_exact(&mut said).await.unwrap();
        stream.write_all(b"221 bye\r\n").await.unwrap();
        let _ = stream.shutdown().await;
    })
    .detach();
    scene.serve(Options::default());
    let client = scene.internet.client().clone();
    let said = scene.run(async move {
        let mut stream = client.connect(PROXY.parse().unwrap(), None, None).await.unwrap();
        let ask = format!("CONNECT {address}:25 HTTP/1.1\r\nHost: {address}:25\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let mut piece = [0; 256];
        while !all.ends_with(b"ready\r\n") {
            let got = stream.read(&mut piece).await.unwrap();
            assert_ne!(got, 0);
            all.extend_from_slice(&piece[..got]);
        }
        stream.write_all(b"QUIT\r\n").await.unwrap();
        stream.read_to_end(&mut all).await.unwrap();
        String::from_utf8_lossy(&all).into_owned()
    });
    assert!(said.ends_with("220 mail ready\r\n221 bye\r\n"), "{said}");
}

#[test]
fn socks_leads_there_too() {
    let scene = Scene::new(sites());
    scene.serve(Options::default());
    let client = scene.internet.client().clone();
    let said = scene.run(async move {
        let mut stream = client.connect(PROXY.parse().unwrap(), None, None).await.unwrap();
        stream.write_all(b"\x05\x02\x00\x02").await.unwrap();
        let mut chosen = [0; 2];
        stream.read_exact(&mut chosen).await.unwrap();
        assert_eq!(chosen, [5, 0]);
        let host = b"plain.shop.test";
        let mut ask = vec![5, 1, 0, 3, host.len() as u8];
        ask.extend_from_slice(host);
        ask.extend_from_slice(&80u16.to_be_bytes());
        stream.write_all(&ask).await.unwrap();
        let mut reply = [0; 10];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply[..2], [5, 0]);
        let request = b"GET /s HTTP/1.1\r\nHost: plain.shop.test\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        String::from_utf8_lossy(&all).into_owned()
    });
    assert!(said.ends_with("HTTP/1.1 /s plain.shop.test "), "{said}");
    assert_eq!(scene.asked()[0].url, "http://plain.shop.test/s");
}

#[test]
fn socks_says_why_not() {
    let scene = Scene::new(sites());
    scene.serve(Options::default());
    let client = scene.internet.client().clone();
    for (ask, reply) in [
        (&b"\x05\x01\x00\x01\xcb\x00\x71\x0a\x00\x63"[..], 5),
        (b"\x05\x01\x00\x03\x0cnowhere.test\x00\x50", 4),
        (b"\x05\x02\x00\x01\xcb\x00\x71\x0a\x00\x50", 7),
        (b"\x05\x01\x00\x09\xcb\x00\x71\x0a\x00\x50", 8),
    ] {
        let (client, asked) = (client.clone(), ask.to_vec());
        let given = scene.run(async move {
            let mut stream = client.connect(PROXY.parse().unwrap(), None, None).await.unwrap();
            // Only a name and a password are offered.
            stream.write_all(b"\x05\x01\x02").await.unwrap();
            let mut two = [0; 2];
            stream.read_exact(&mut two).await.unwrap();
            assert_eq!(two, [5, 2]);
            stream.write_all(b"\x01\x01u\x01p").await.unwrap();
            stream.read_exact(&mut two).await.unwrap();
            assert_eq!(two, [1, 0]);
            stream.write_all(&asked).await.unwrap();
            let mut reply = [0; 10];
            stream.read_exact(&mut reply).await.unwrap();
            reply[1]
        });
        assert_eq!(given, reply, "{ask:?}");
    }
    // Those that led somewhere have a line in the list.
    let told = scene.told.borrow();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("\"203.0.113.10:99\"") && told[0].contains("refused the connection"),
        "{told:?}"
    );
    assert!(told[1].contains("\"nowhere.test:80\"") && told[1].contains("status: 502"), "{told:?}");
}

/// Has no certificate for anybody.
struct Nobody(rustls::pki_types::CertificateDer<'static>);

impl roundtrip_proxy::Issue for Nobody {
    fn server(
        &self,
        _: &[String],
        _: std::time::SystemTime,
    ) -> Result<rustls::ServerConfig, String> {
        Err("the name cannot stand in one".into())
    }

    fn certificate(&self) -> rustls::pki_types::CertificateDer<'static> {
        self.0.clone()
    }
}

#[test]
fn where_no_certificate_can_be_made_the_client_and_the_list_hear_of_it() {
    let scene = Scene::new(sites());
    scene.serve_with(Options::default(), Rc::new(Nobody(vec![].into())));
    let client = scene.client();
    let error =
        scene.run(async move { client.send(get("https://one.shop.test/")).await.err().unwrap() });
    assert!(
        matches!(&error.kind, FaultKind::TlsFailed { alert_received: true, why } if why.contains("internal_error")),
        "{error:?}"
    );
    let told = scene.told.borrow();
    assert!(
        told[0].starts_with("Uncertified") && told[0].contains("cannot stand in one"),
        "{told:?}"
    );
}

#[test]
fn credentials_for_a_proxy_go_no_further_but_through_tunnels() {
    let answer: fn(&Request, &[u8]) -> Response = |request, _| {
        Response::text(request.head.fields.text("Proxy-Authorization").unwrap_or("none"))
    };
    let scene = Scene::new(vec![site("plain.test", answer), site("secure.test", answer).secure()]);
    scene.serve(Options::default());
    for (url, given) in [("http://plain.test/", "none"), ("https://secure.test/", "Basic eA==")] {
        let client = scene.client();
        let body = scene.run(async move {
            let mut request = get(url);
            request.fields.add("Proxy-Authorization", "Basic eA==");
            let mut response = client.send(request).await.unwrap();
            response.body.bytes(1 << 16).await.unwrap()
        });
        assert_eq!(String::from_utf8_lossy(&body), given, "{url}");
    }
}

#[test]
fn it_stands_in_for_a_server() {
    let scene = Scene::new(sites());
    let to = roundtrip_http::url::parse("https://two.shop.test/app").unwrap();
    scene.serve(Options { mode: Mode::Reverse(to), ..Options::default() });
    let answer = scene.talk(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.ends_with("HTTP/1.1 /app/x two.shop.test "), "{answer}");
    assert_eq!(scene.asked()[0].url, "https://two.shop.test/app/x");
}

#[test]
fn a_client_that_says_nothing_is_not_waited_for_for_ever() {
    let scene = Scene::new(sites());
    let mut options = Options::default();
    options.server.head_timeout = Duration::from_secs(3);
    scene.serve(options);
    assert_eq!(scene.talk(b""), "");
}
