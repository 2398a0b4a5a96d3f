//! What the client asks once more because it does no harm (RFC 9113 §6.8, §8.7; RFC 9110 §9.2.2).

mod common;

use common::authority::Authority;
use common::frames::{Act, Frames};
use common::{Mirror, Site, get};
use core::time::Duration;
use http::Version;
use roundtrip_http::client::{
    Binding, Credentials, Options, Proxies, Proxy, Request, Resend, Schemes, Tunnels,
};
use roundtrip_http::{server, url};
use roundtrip_record::{ExchangeId, FaultKind, Initiator, What};
use roundtrip_wire::Wire as _;

const REFUSED_STREAM: u32 = 7;
const HTTP_1_1_REQUIRED: u32 = 13;

/// A client and a server that does so.
struct Scene {
    site: Site,
    authority: Authority,
    frames: Frames,
}

impl Scene {
    fn new(act: impl Fn(u32, u32) -> Act + 'static) -> Self {
        let (site, authority) = (Site::new(), Authority::new());
        let config = authority.server("www0.test", 2030, &["h2", "http/1.1"]);
        let frames = Frames::serve(&site, config, act);
        Self { site, authority, frames }
    }

    /// Sends requests at once, and gives their answers or what went wrong.
    fn ask(&self, requests: Vec<Request>, options: Options) -> Vec<Result<String, FaultKind>> {
        let client = self.site.client(options, Some(self.authority.client()));
        self.site.run(async move {
            let ask = async |request| {
                let mut response = client.send(request).await.map_err(|failure| failure.kind)?;
                let bytes = response.body.bytes(100).await.map_err(|failure| failure.kind)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            };
            let mut answers: Vec<Result<String, FaultKind>> = Vec::new();
            let mut requests = requests.into_iter();
            // The first opens the connection that the others share.
            answers.extend(match requests.next() {
                Some(first) => Some(ask(first).await),
                None => None,
            });
            answers.extend(futures_util::future::join_all(requests.map(ask)).await);
            answers
        })
    }

    fn retries(&self) -> usize {
        let retries = |event: &roundtrip_record::Event| match &event.what {
            What::ExchangeStarted(started) => {
                matches!(started.initiator, Initiator::Retry { .. })
            }
            _ => false,
        };
        self.site.client_events().iter().filter(|event| retries(event)).count()
    }
}

fn post() -> Request {
    Request::post(url::parse("https://www0.test/post").unwrap(), "x".repeat(1000))
}

fn gets(count: usize) -> Vec<Request> {
    (0..count).map(|number| get(&format!("https://www0.test/{number}"))).collect()
}

fn ok(count: usize) -> Vec<Result<String, FaultKind>> {
    vec![Ok("ok".into()); count]
}

#[test]
fn a_server_that_leaves_after_ten_requests_answers_all_of_twenty_six() {
    let scene = Scene::new(|_, request| if request == 9 { Act::AnswerLast } else { Act::Answer });
    assert_eq!(scene.ask(gets(26), Options::default()), ok(26));
    assert_eq!(scene.frames.connections.get(), 3);
    assert_eq!(scene.site.attempts(), 3);
    let endings = scene.site.endings();
    let away = endings.iter().filter(|ending| ending.contains("GOAWAY (NO_ERROR), last stream 19"));
    assert!(away.count() >= 2, "{endings:?}");
    // Sixteen were refused by the first connection, six of them by the second as well.
    assert_eq!(scene.retries(), 16 + 6);
}

#[test]
fn a_post_that_was_not_touched_is_retried_with_its_body() {
    let scene = Scene::new(|connection, request| match (connection, request) {
        (0, 0) => Act::AnswerLast,
        (1, 0) => Act::Reset(REFUSED_STREAM),
        _ => Act::Answer,
    });
    let requests = vec![get("https://www0.test/first"), post()];
    assert_eq!(scene.ask(requests, Options::default()), ok(2));
    assert_eq!(*scene.frames.bodies.borrow(), [0, 1000]);
}

#[test]
fn a_stream_that_is_refused_is_tried_three_times() {
    let scene = Scene::new(|_, _| Act::Reset(REFUSED_STREAM));
    let answers = scene.ask(vec![post()], Options::default());
    let [Err(FaultKind::ReceiveFailed { why })] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(why.contains("REFUSED_STREAM"), "{why}");
    assert_eq!((scene.retries(), scene.frames.connections.get()), (2, 3));
    // Another error is none of those that say that nothing was done.
    let scene = Scene::new(|_, _| Act::Reset(2));
    let answers = scene.ask(gets(1), Options::default());
    assert_eq!(answers, [Err(FaultKind::StreamReset { code: "INTERNAL_ERROR".into() })]);
    assert_eq!(scene.retries(), 0);
}

#[test]
fn a_server_that_wants_http_1_1_is_asked_so() {
    let scene = Scene::new(|_, _| Act::Reset(HTTP_1_1_REQUIRED));
    let requests = vec![post(), get("https://www0.test/a"), get("https://www0.test/b")];
    assert_eq!(scene.ask(requests, Options::default()), ok(3));
    // It is remembered: only the first was asked over HTTP/2.
    assert_eq!(scene.retries(), 1);
    let versions: Vec<String> = scene
        .site
        .client_events()
        .into_iter()
        .filter_map(|event| match event.what {
            What::RequestSent(sent) => Some(sent.version.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(versions, ["HTTP/2", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1"]);
}

#[test]
fn a_kept_connection_that_is_lost_is_replaced_for_what_may_be_done_twice() {
    let act = |connection, request| match (connection, request) {
        (0, 1) => Act::Close,
        _ => Act::Answer,
    };
    let scene = Scene::new(act);
    assert_eq!(scene.ask(gets(2), Options::default()), ok(2));
    assert_eq!((scene.retries(), scene.frames.connections.get()), (1, 2));

    let scene = Scene::new(act);
    let requests = vec![get("https://www0.test/first"), post()];
    let answers = scene.ask(requests, Options::default());
    assert_eq!(answers[1], Err(FaultKind::EmptyReply { reset: false }));

    let scene = Scene::new(act);
    let requests = vec![get("https://www0.test/first"), post()];
    let options = Options { resend: Resend::All, ..Options::default() };
    assert_eq!(scene.ask(requests, options), ok(2));
    assert_eq!(*scene.frames.bodies.borrow(), [0, 1000]);
}

#[test]
fn a_proxy_is_not_proven_to_without_end() {
    let site = Site::new();
    let challenge = |more: &str| {
        format!(
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=p, nonce=n{more}\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    let (new, stale) = (challenge(""), challenge(", stale=true"));
    let stale = stale.as_bytes();
    site.script(1, &[new.as_bytes(), stale, stale, stale, stale]);
    let mut proxy = Proxy::parse("192.0.2.1:80", Some("u:p")).unwrap();
    if let Some(login) = &mut proxy.login {
        login.schemes = Schemes::DIGEST;
    }
    let proxies = Proxies { http: Some(proxy), tunnels: Tunnels::All, ..Proxies::default() };
    let client = site.client(Options { proxies, ..Options::default() }, None);
    let failed = site.run(async move { client.send(get("www0.test/")).await.err() });
    let kind = failed.map(|failure| failure.kind);
    assert!(matches!(kind, Some(FaultKind::TunnelRefused { status: Some(407), .. })), "{kind:?}");
    assert_eq!(site.attempts(), 3);
}

#[test]
fn a_server_that_wants_http_1_1_is_offered_nothing_else_ahead_of_requests() {
    let scene = Scene::new(|_, _| Act::Reset(HTTP_1_1_REQUIRED));
    let idle = Duration::from_secs(10);
    let options = Options { binding: Binding::Late, idle, ..Options::default() };
    let client = scene.site.client(options, Some(scene.authority.client()));
    let wire = scene.site.client_wire.clone();
    scene.site.run(async move {
        let ask = async |ahead| {
            let request = Request { ahead, ..get("https://www0.test/") };
            let mut response = client.send(request).await.unwrap();
            response.body.bytes(100).await.unwrap();
        };
        ask(0).await;
        // One of them has the connection that was kept, the other a new one and a spare one.
        futures_util::future::join(ask(1), ask(1)).await;
        wire.sleep(2 * idle).await;
        let url = url::parse("https://www0.test/").unwrap();
        client.preconnect(&url, Credentials::default(), ExchangeId(1), None);
        wire.sleep(idle / 2).await;
    });
    let offers = scene.site.client_events().into_iter().filter_map(|event| match event.what {
        What::TlsStarted(started) => Some(started.alpn.contains(&"h2".to_owned())),
        _ => None,
    });
    assert_eq!(offers.collect::<Vec<_>>(), [true, false, false, false, false]);
}

#[test]
fn a_connection_made_ahead_speaks_what_is_known_to_be_spoken() {
    let site = Site::new();
    site.serve(0, Mirror(|_, _| String::new()), server::Options::default());
    let options = Options { prior_knowledge: true, ..Options::default() };
    let (client, wire) = (site.client(options, None), site.client_wire.clone());
    let version = site.run(async move {
        let url = url::parse("http://www0.test/").unwrap();
        client.preconnect(&url, Credentials::default(), ExchangeId(1), None);
        wire.sleep(Duration::from_secs(1)).await;
        client.send(get("http://www0.test/")).await.map(|response| response.version)
    });
    assert_eq!(version.unwrap(), Version::HTTP_2);
    assert_eq!(site.attempts(), 1);
}
