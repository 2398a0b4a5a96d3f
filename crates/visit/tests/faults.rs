//! What can go wrong on the way, in the lab: each gives its own fault, curl's exit code, and a record
//! that opens again.

mod common;

use core::time::Duration;
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;
use roundtrip_dns::proto::op::{Message, OpCode, ResponseCode};
use roundtrip_dns::{Respond, Response as Answer};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::{Handler, Options, Request, RequestBody, Response, Server};
use roundtrip_lab::{DEFAULT_DATE, Internet, LabHost};
use roundtrip_record::{AttemptEnd, Event, EventId, FaultKind, Settings, What};
use roundtrip_visit::crypto::{Authority, Validity};
use roundtrip_visit::ground::Virtual;
use roundtrip_visit::run::Title;
use roundtrip_visit::site::Site;
use roundtrip_visit::{Pin, Plan};
use roundtrip_wire::{Listener as _, LocalFuture, Transport as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

/// Where the raw servers listen, beside a site of the same host.
const RAW: u16 = 8080;
const HOST: &str = "www.trouble.example";

/// How a raw server goes on when it has sent what it has.
#[derive(Clone, Copy)]
enum Then {
    /// FIN.
    Closes,
    /// RST.
    Resets,
    /// Nothing more, for ever.
    Stays,
    /// The last line again and again.
    Repeats,
}

/// A host whose port [`RAW`] answers each connection with these bytes.
fn raw(bytes: &'static [u8], then: Then) -> Vec<Site> {
    let make = move |host: &LabHost| {
        let mut listener = host.listen(SocketAddr::from(([0; 4], RAW))).expect("a free port");
        let on = host.clone();
        let serve = async move {
            while let Ok(mut stream) = listener.accept().await {
                let clock = on.clone();
                let work = async move {
                    let mut request = vec![0; 16 * 1024];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(bytes).await;
                    match then {
                        Then::Closes => {
                            let _ = stream.shutdown().await;
                            let _ = stream.read_to_end(&mut request).await;
                        }
                        Then::Resets => {
                            // What was written is let out before.
                            let _ = stream.flush().await;
                            clock.sleep(Duration::from_millis(200)).await;
                            stream.abort();
                        }
                        Then::Stays => core::future::pending().await,
                        Then::Repeats => {
                            let line = b"X-Again: and again and again and again and again\r\n";
                            while stream.write_all(&line.repeat(64)).await.is_ok() {}
                        }
                    }
                };
                on.spawn(work).detach();
            }
        };
        host.spawn(serve).detach();
        nothing()
    };
    vec![Site::http(HOST, Box::new(make))]
}

fn nothing() -> Rc<dyn Handler> {
    Rc::new(Files::tree(Tree::new()))
}

fn quiet() -> Vec<Site> {
    vec![Site::http(HOST, Box::new(|_| nothing()))]
}

/// A name server at the web host that has only failures to tell, or nothing at all.
struct Sulking(Option<ResponseCode>);

impl Respond for Sulking {
    async fn respond(
        &self,
        query: &Message,
        _: SocketAddr,
        cause: Option<EventId>,
    ) -> Option<Answer> {
        let code = self.0?;
        let mut message = Message::error_msg(query.metadata.id, OpCode::Query, code);
        message.queries.clone_from(&query.queries);
        Some(Answer { message, cause })
    }
}

fn sulking(code: Option<ResponseCode>) -> Vec<Site> {
    let make = move |host: &LabHost| {
        let server = roundtrip_dns::serve(host, ([0; 4], 53).into(), Sulking(code));
        let server = server.expect("a free port");
        let keep = async move {
            core::future::pending::<()>().await;
            drop(server);
        };
        host.spawn(keep).detach();
        nothing()
    };
    vec![Site::http(HOST, Box::new(make))]
}

fn ask_the_web_host(plan: &mut Plan) {
    plan.names = roundtrip_dns::Options::server((Internet::web_address(0), 53).into());
}

/// A host with a good certificate of an authority that nobody knows, on port [`RAW`].
fn stranger() -> Vec<Site> {
    let make = |host: &LabHost| {
        let authority = Authority::new(99, DEFAULT_DATE).expect("an authority");
        let config = authority.server(&[HOST.into()], Validity::Good).expect("a certificate");
        let listener = host.listen(SocketAddr::from(([0; 4], RAW))).expect("a free port");
        let server = Server::new(host.clone(), nothing(), Options::default());
        let server = server.with_tls(Arc::new(config));
        host.spawn(async move { server.serve(listener, core::future::pending()).await }).detach();
        nothing()
    };
    vec![Site::http(HOST, Box::new(make))]
}

fn expired() -> Vec<Site> {
    let site = Site::http(HOST, Box::new(|_| nothing())).secure();
    vec![Site { validity: Validity::Expired, ..site }]
}

fn secure() -> Vec<Site> {
    vec![Site::http(HOST, Box::new(|_| nothing())).secure()]
}

/// Answers every request with the same.
struct Same(fn() -> Response);

impl Handler for Same {
    fn handle<'a>(&'a self, _: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async { (self.0)() })
    }
}

fn circle() -> Vec<Site> {
    let again = || Response::redirect(StatusCode::FOUND, "/round/and/round");
    vec![Site::http(HOST, Box::new(move |_| Rc::new(Same(again))))]
}

/// 64 MiB of zeros, which deflate makes a thousandth of; more than the plan of the test allows.
fn bomb() -> Vec<Site> {
    let response = || {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..64 {
            gzip.write_all(&zeros).expect("memory takes it");
        }
        let mut response =
            Response::ok("application/octet-stream", gzip.finish().expect("memory takes it"));
        response.fields.add("Content-Encoding", "gzip");
        response
    };
    vec![Site::http(HOST, Box::new(move |_| Rc::new(Same(response))))]
}

/// One thing that goes wrong, and what must come of it.
struct Case {
    name: &'static str,
    url: &'static str,
    net: &'static str,
    sites: fn() -> Vec<Site>,
    plan: fn(&mut Plan),
    exit: u8,
    is: fn(&FaultKind) -> bool,
}

const TROUBLE: &str = "http://www.trouble.example:8080/";

impl Case {
    const fn raw(
        name: &'static str,
        sites: fn() -> Vec<Site>,
        exit: u8,
        is: fn(&FaultKind) -> bool,
    ) -> Self {
        Self { name, url: TROUBLE, net: "cable", sites, plan: |_| (), exit, is }
    }
}

/// Whether a fault says what is malformed, where, and by which rule.
fn malformed(fault: &FaultKind, at: u64, section: &str) -> bool {
    matches!(fault, FaultKind::Malformed { offset, rule, .. } if *offset == at && rule.to_string().contains(section))
}

fn connect_ended(fault: &FaultKind, end: fn(&AttemptEnd) -> bool) -> bool {
    matches!(fault, FaultKind::ConnectFailed { attempts }
        if !attempts.is_empty() && attempts.iter().all(|attempt| end(&attempt.end)))
}

fn certificate(fault: &FaultKind, why: &str) -> bool {
    matches!(fault, FaultKind::BadCertificate { reason, .. } if reason.as_str() == why)
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let name =
        |name, url, sites, plan, is| Case { name, url, net: "cable", sites, plan, exit: 6, is };
    let tls =
        |name, url, sites, plan, is| Case { name, url, net: "cable", sites, plan, exit: 60, is };
    vec![
        name(
            "NXDOMAIN",
            "http://no.trouble.example/",
            quiet,
            |_| (),
            |fault| matches!(fault, FaultKind::NxDomain { name, soa: Some(_), ttl: Some(_) } if name.starts_with("no.trouble.example")),
        ),
        name(
            "SERVFAIL",
            "http://www.trouble.example/",
            || sulking(Some(ResponseCode::ServFail)),
            ask_the_web_host,
            |fault| matches!(fault, FaultKind::NameServerFailed { code, .. } if code == "SERVFAIL"),
        ),
        name(
            "no answer to a name",
            "http://www.trouble.example/",
            || sulking(None),
            ask_the_web_host,
            |fault| matches!(fault, FaultKind::NameTimedOut { servers, .. } if servers.len() == 1),
        ),
        Case::raw("refused", quiet, 7, |fault| {
            connect_ended(fault, |end| *end == AttemptEnd::Refused)
        }),
        Case {
            name: "unreachable: no way behind the router",
            plan: |plan| {
                let addresses = vec![[192, 0, 2, 77].into()];
                plan.pins.push(Pin { host: HOST.into(), port: None, addresses });
            },
            ..Case::raw("", quiet, 7, |fault| {
                connect_ended(fault, |end| {
                    matches!(end, AttemptEnd::Unreachable { from: Some(_), .. })
                })
            })
        },
        Case {
            name: "no neighbour: nobody on the client's segment has the address",
            plan: |plan| {
                plan.pins.push(Pin {
                    host: HOST.into(),
                    port: None,
                    addresses: vec![[10, 0, 0, 77].into()],
                });
            },
            ..Case::raw("", quiet, 7, |fault| {
                connect_ended(fault, |end| matches!(end, AttemptEnd::NoNeighbour { .. }))
            })
        },
        tls(
            "certificate expired",
            "https://www.trouble.example/",
            expired,
            |_| (),
            |fault| certificate(fault, "expired"),
        ),
        tls(
            "certificate of another name",
            "https://other.trouble.example/",
            secure,
            |plan| {
                plan.pins.push(Pin {
                    host: "other.trouble.example".into(),
                    port: None,
                    addresses: vec![Internet::web_address(0).into()],
                });
            },
            |fault| certificate(fault, "wrong_name"),
        ),
        tls(
            "unknown authority",
            "https://www.trouble.example:8080/",
            stranger,
            |_| (),
            |fault| certificate(fault, "unknown_issuer"),
        ),
        Case::raw(
            "no response, closed",
            || raw(b"", Then::Closes),
            52,
            |fault| *fault == FaultKind::EmptyReply { reset: false },
        ),
        Case::raw(
            "no response, reset",
            || raw(b"", Then::Resets),
            56,
            |fault| *fault == FaultKind::EmptyReply { reset: true },
        ),
        Case::raw(
            "no response, silent",
            || raw(b"", Then::Stays),
            28,
            |fault| matches!(fault, FaultKind::Stalled { received: 0, .. }),
        ),
        Case::raw(
            "malformed status line",
            || raw(b"HTTP/1.1 2OO OK\r\n\r\n", Then::Closes),
            8,
            |fault| malformed(fault, 9, "RFC 9110 §15"),
        ),
        Case::raw(
            "malformed field",
            || raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc", Then::Closes),
            8,
            |fault| malformed(fault, 17, "RFC 9110 §8.6"),
        ),
        Case::raw(
            "malformed chunk",
            || {
                raw(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n",
                    Then::Closes,
                )
            },
            56,
            |fault| malformed(fault, 55, "RFC 9112 §7.1"),
        ),
        Case::raw(
            "lengths that conflict",
            || {
                raw(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                    Then::Closes,
                )
            },
            8,
            |fault| matches!(fault, FaultKind::Malformed { rule, .. } if rule.is_within(9112, "6")),
        ),
        Case::raw(
            "body shorter than promised",
            || raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Closes),
            18,
            |fault| *fault == FaultKind::Short { received: 4, expected: Some(100) },
        ),
        Case::raw(
            "chunks without a last one",
            || {
                raw(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                    Then::Closes,
                )
            },
            18,
            |fault| matches!(fault, FaultKind::Short { received: 4, expected: None }),
        ),
        Case::raw(
            "reset in mid-body",
            || raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Resets),
            56,
            |fault| *fault == FaultKind::Reset { received: 4, expected: Some(100) },
        ),
        Case::raw(
            "body that stalls",
            || raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Stays),
            28,
            |fault| {
                *fault
                    == FaultKind::Stalled {
                        head: 0,
                        received: 4,
                        expected: Some(100),
                        silent: Duration::from_secs(15),
                    }
            },
        ),
        Case::raw(
            "endless head",
            || raw(b"HTTP/1.1 200 OK\r\n", Then::Repeats),
            56,
            |fault| matches!(fault, FaultKind::TooManyFields { limit } if *limit > 0),
        ),
        Case {
            url: "http://www.trouble.example/",
            ..Case::raw(
                "endless redirects",
                circle,
                47,
                |fault| matches!(fault, FaultKind::TooManyRedirects { limit: 20, last } if last.ends_with("/round/and/round")),
            )
        },
        Case {
            url: "http://www.trouble.example/",
            plan: |plan| plan.client.decode.total = 8 << 20,
            ..Case::raw(
                "decompression bomb",
                bomb,
                63,
                |fault| matches!(fault, FaultKind::TooLarge { limit, encoded } if *limit == 8 << 20 && *encoded < 1 << 20),
            )
        },
        Case {
            plan: |plan| plan.limit = Some(Duration::from_secs(3)),
            ..Case::raw(
                "time for the whole is up",
                || raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Then::Stays),
                28,
                |fault| matches!(fault, FaultKind::TimedOut { limit, .. } if *limit == Duration::from_secs(3)),
            )
        },
    ]
}

/// What is wrong with what came of a case.
fn problem(case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plan = Plan::get(Url::parse(case.url).expect("a URL"));
    (case.plan)(&mut plan);
    let title = Title { command: "visit".into(), subject: case.url.into(), replay_of: None };
    let network = Virtual { net: case.net.parse().expect("a network"), ..common::cable(1) };
    let settings = Settings::in_folder(folder.path());
    let visited = match common::in_lab(&title, &plan, || (case.sites)(), &network, settings) {
        Ok(visited) => visited,
        Err(error) => return Some(format!("no run: {error}")),
    };
    let events = common::events(folder.path());
    let faults = faults(&events);
    let [(fault, fatal)] = &faults[..] else {
        return Some(format!("{} faults: {faults:?}", faults.len()));
    };
    if !(case.is)(fault) || !*fatal {
        return Some(format!("another fault, fatal {fatal}: {fault:?}"));
    }
    let ended = events.last().map(|event| &event.what);
    match ended {
        Some(What::RunEnded(ended)) if ended.exit == case.exit && visited.exit == case.exit => None,
        other => {
            Some(format!("exit {} wanted, {} given, record: {other:?}", case.exit, visited.exit))
        }
    }
}

fn faults(events: &[Event]) -> Vec<(FaultKind, bool)> {
    let faults = events.iter().filter_map(|event| match &event.what {
        What::Fault(fault) => Some((fault.fault.clone(), fault.fatal)),
        _ => None,
    });
    faults.collect()
}

#[test]
fn each_trouble_has_its_fault_its_exit_code_and_a_record() {
    let problems: Vec<String> = cases()
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, problem(case)?)))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A page one of whose pictures never comes is painted all the same.
#[cfg(feature = "page")]
#[test]
fn a_resource_that_never_comes_costs_a_part_of_the_page() {
    let sites = || {
        let page = "<!DOCTYPE html><title>One is late</title><p>Here<img src='http://www.trouble.example:8080/late.png'>";
        let mut sites = raw(b"", Then::Stays);
        let tree = Tree::new().with("index.html", page);
        sites.push(Site::http("page.trouble.example", Box::new(|_| Rc::new(Files::tree(tree)))));
        sites
    };
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan::get(Url::parse("http://page.trouble.example/").expect("a URL"));
    let settings = Settings::in_folder(folder.path());
    let visited = common::in_lab(&Title::default(), &plan, sites, &common::cable(1), settings)
        .expect("a lab");
    assert_eq!((visited.exit, visited.status), (0, Some(200)));
    let events = common::events(folder.path());
    let found = faults(&events);
    assert!(
        matches!(&found[..], [(FaultKind::Stalled { received: 0, .. }, false)]),
        "one fault that is not fatal: {found:?}"
    );
    assert!(events.iter().any(|event| matches!(&event.what, What::PagePainted(_))));
    assert!(
        events.iter().any(|event| {
            matches!(&event.what, What::PageNote(note) if note.note.contains("late.png"))
        }),
        "no note says what is missing"
    );
}
