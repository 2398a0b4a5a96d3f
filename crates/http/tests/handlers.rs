//! Echo, programs and virtual hosts, asked by our client.

mod common;

use core::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use common::{Site, get};
use roundtrip_http::client::{Expect, Options, Request};
use roundtrip_http::form::{self, Multipart};
use roundtrip_http::handler::{Cgi, Command, Echo, Files, Hosts, Program, Spawn, Tree};
use roundtrip_http::server::{self, Handler, RequestBody, Response};
use roundtrip_http::{Body, url};
use roundtrip_wire::LocalFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn ask(site: &Site, request: Request) -> (u16, String) {
    let client = site.client(Options::default(), None);
    site.run(async move {
        let mut response = client.send(request).await.unwrap();
        let bytes = response.body.bytes(100_000_000).await.unwrap();
        (response.status.as_u16(), String::from_utf8_lossy(&bytes).into_owned())
    })
}

fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request {
    let mut request = Request::post(url::parse(&format!("www0.test{path}")).unwrap(), body);
    request.fields.push("Content-Type", content_type.as_bytes()).unwrap();
    request
}

#[test]
fn the_echo_takes_bodies_apart() {
    let site = Site::new();
    site.serve(0, Echo::default(), server::Options::default());
    let echo = |request| {
        let (status, text) = ask(&site, request);
        (status, serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default())
    };
    let (_, value) = echo(get("www0.test/a%20b?x=1&x=2&y"));
    assert_eq!(value["path"], "/a%20b");
    assert_eq!(value["query"], serde_json::json!({ "x": ["1", "2"], "y": [""] }));
    assert_eq!(value["fields"][0], serde_json::json!(["Host", "www0.test"]));
    let (_, value) = echo(post("/", form::URLENCODED, form::encode([("ä", "1 2"), ("b", "")])));
    assert_eq!(value["form"], serde_json::json!({ "ä": ["1 2"], "b": [""] }));
    let (_, value) = echo(post("/", "application/json; charset=utf-8", "{\"a\":[1,null]}"));
    assert_eq!(value["json"], serde_json::json!({ "a": [1, null] }));
    let (_, value) = echo(post("/", "text/plain", "words"));
    assert_eq!(value["body"], "words");
    let mut form = Multipart::new(&[1; 12]);
    form.text("name", "value");
    form.part("file", Some("a.bin"), Some("application/x"), Bytes::from_static(b"\xff\0"));
    let content_type = form.content_type();
    let (_, value) = echo(post("/", &content_type, form.finish()));
    assert_eq!(value["parts"][0]["content"], "value");
    assert_eq!(value["parts"][1]["filename"], "a.bin");
    assert_eq!(value["parts"][1]["length"], 2);
    assert_eq!(echo(post("/", "application/json", "{")).0, 400);
    assert_eq!(echo(post("/", "multipart/form-data; boundary=x", "y")).0, 400);
    assert_eq!(echo(post("/", "text/plain", vec![b'x'; (1 << 20) + 1])).0, 413);
}

#[test]
fn a_body_that_waits_goes_when_it_may() {
    let site = Site::new();
    site.serve(0, Echo::default(), server::Options::default());
    let request = Request { expect: Expect::Continue, ..post("/", "text/plain", "words") };
    let (status, text) = ask(&site, request);
    assert_eq!(status, 200);
    assert!(text.contains("\"body\": \"words\""), "{text}");
    let kinds = site.kinds();
    let at = |kind: &str| kinds.iter().position(|other| *other == kind).unwrap();
    // The interim response comes before the request is whole.
    assert!(at("http.head") < at("http.request"), "{kinds:?}");
}

#[test]
fn hosts_are_told_apart() {
    let site = Site::new();
    let page = |text: &'static str| Rc::new(Files::tree(Tree::new().with("index.html", text)));
    let hosts = Hosts::new().with("WWW0.test", page("zero")).with("one.test", page("one"));
    site.serve(0, hosts, server::Options::default());
    assert_eq!(ask(&site, get("www0.test")).1, "zero");
    let mut request = get("www0.test");
    request.fields.add("Host", "one.test:80");
    assert_eq!(ask(&site, request).1, "one");
    let mut request = get("www0.test");
    request.fields.add("Host", "two.test");
    assert_eq!(ask(&site, request).0, 421);
}

/// Runs "programs" that are tasks of the test.
struct Tasks {
    wire: common::desk::Desk,
    commands: RefCell<Vec<Command>>,
}

impl Spawn for Tasks {
    fn spawn(&self, command: &Command) -> io::Result<Program> {
        use roundtrip_wire::Wire as _;
        self.commands.borrow_mut().push(command.clone());
        let (input, mut their_input) = tokio::io::duplex(100);
        let (mut their_output, output) = tokio::io::duplex(100);
        let name = command.program.file_name().unwrap().to_str().unwrap().to_owned();
        let task = self.wire.spawn(async move {
            match name.as_str() {
                "upper" => {
                    let head = b"Content-Type: text/plain\nStatus: 201 Made\nX-A: b\n\n";
                    their_output.write_all(head).await.unwrap();
                    let mut buffer = [0; 1000];
                    loop {
                        let got = their_input.read(&mut buffer).await.unwrap();
                        if got == 0 {
                            break;
                        }
                        buffer.make_ascii_uppercase();
                        their_output.write_all(&buffer[..got]).await.unwrap();
                    }
                }
                "away" => their_output.write_all(b"Location: /else\r\n\r\n").await.unwrap(),
                "broken" => their_output.write_all(b"no head at all").await.unwrap(),
                _ => their_output.write_all(b"Status: 99\n\n").await.unwrap(),
            }
        });
        Ok(Program {
            input: Box::pin(input) as Pin<Box<_>>,
            output: Box::pin(output),
            guard: Box::new(task),
        })
    }
}

#[test]
fn programs_answer() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["upper", "away", "broken", "bad"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let site = Site::new();
    let tasks = Rc::new(Tasks { wire: site.client_wire.clone(), commands: RefCell::default() });
    let spawn: Rc<dyn Spawn> = Rc::<Tasks>::clone(&tasks);
    let cgi = Cgi::new(folder.path(), "/cgi-bin/", spawn).unwrap();
    site.serve(0, cgi, server::Options::default());
    // A body far larger than the pipes: it goes in while the answer comes out.
    let text = "lower case ".repeat(50_000);
    let mut request = post("/cgi-bin/upper/more/%41?q=1", "text/plain", text.clone());
    request.fields.add("X-Own", "1").add("Proxy", "evil").add("Authorization", "Basic eA==");
    let (status, answer) = ask(&site, request);
    assert_eq!(status, 201);
    assert!(answer == text.to_uppercase(), "{} bytes", answer.len());
    let command = tasks.commands.borrow()[0].clone();
    let variable = |name: &str| {
        let found = command.environment.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    };
    for (name, value) in [
        ("GATEWAY_INTERFACE", Some("CGI/1.1")),
        ("REQUEST_METHOD", Some("POST")),
        ("SCRIPT_NAME", Some("/cgi-bin/upper")),
        ("PATH_INFO", Some("/more/A")),
        ("QUERY_STRING", Some("q=1")),
        ("CONTENT_LENGTH", Some("550000")),
        ("CONTENT_TYPE", Some("text/plain")),
        ("SERVER_NAME", Some("www0.test")),
        ("SERVER_PORT", Some("80")),
        ("SERVER_PROTOCOL", Some("HTTP/1.1")),
        ("HTTP_X_OWN", Some("1")),
        ("HTTP_PROXY", None),
        ("HTTP_AUTHORIZATION", None),
    ] {
        assert_eq!(variable(name), value, "{name}");
    }
    assert_eq!(ask(&site, get("www0.test/cgi-bin/broken")).0, 502);
    assert_eq!(ask(&site, get("www0.test/cgi-bin/bad")).0, 502);
    assert_eq!(ask(&site, get("www0.test/cgi-bin/none")).0, 404);
    assert_eq!(ask(&site, get("www0.test/cgi-bin/..%2f..%2fetc/passwd")).0, 403);
    assert_eq!(ask(&site, get("www0.test/cgi-bin/away")).0, 302);
}

#[test]
fn a_stream_of_any_length_goes_through_both_sides() {
    struct Pours;
    impl Handler for Pours {
        fn handle<'a>(
            &'a self,
            _: &'a server::Request,
            body: RequestBody,
        ) -> LocalFuture<'a, Response> {
            // What comes in goes out, piece by piece.
            let pieces = futures_util::stream::unfold(body, async |mut body| {
                let piece = body.chunk().await?;
                Some((piece.map_err(io::Error::other), body))
            });
            let mut response = Response::ok("application/x", Body::empty());
            response.body = Body::stream(None, pieces);
            Box::pin(core::future::ready(response))
        }
    }
    let site = Site::new();
    site.serve(0, Pours, server::Options { max_body: u64::MAX, ..server::Options::default() });
    const PIECES: u64 = 2_000;
    let piece = Bytes::from(vec![7; 10_000]);
    let pieces = futures_util::stream::iter((0..PIECES).map(move |_| Ok(piece.clone())));
    let request = post("/", "application/x", Body::stream(None, pieces));
    let client = site.client(Options::default(), None);
    let length = site.run(async move {
        let mut response = client.send(request).await.unwrap();
        let mut length = 0;
        while let Some(chunk) = response.body.chunk().await {
            length += chunk.unwrap().len() as u64;
        }
        length
    });
    assert_eq!(length, PIECES * 10_000);
}
