//! Chains of requests over a desk: a client and servers without a network.

#![allow(clippy::result_large_err, reason = "a fault ends an exchange; it is no hot path")]

#[path = "../../http/tests/common/mod.rs"]
mod common;
mod requests;

use common::{Site, get};
use requests::{field, sent};
use roundtrip_fetch::{Credentials, Fetcher, Jar, Mode, Redirects, Rules, Sends};
use roundtrip_http::Body;
use roundtrip_http::client::{Expect, Failure, Options, Request, Schemes};
use roundtrip_http::message::escape;
use roundtrip_http::server::{self, Handler, RequestBody, Response};
use roundtrip_http::url;
use roundtrip_record::{ExchangeId, FaultKind, Initiator, What};
use roundtrip_wire::LocalFuture;

/// Carries a request out; gives the URL and the status in the end.
fn fetch(site: &Site, request: Request, rules: Rules) -> Result<(String, u16), Failure> {
    let client = site.client(Options::default(), None);
    let fetcher = Fetcher::new(site.client_wire.clone(), client).with_cookies(Jar::new());
    site.run(async move {
        let response = fetcher.fetch(request, rules).await?;
        Ok((response.url.to_string(), response.status.as_u16()))
    })
}

/// Who wanted each exchange.
fn initiators(site: &Site) -> Vec<Initiator> {
    let events = site.client_events().into_iter();
    let started = events.filter_map(|event| match event.what {
        What::ExchangeStarted(started) => Some(started.initiator),
        _ => None,
    });
    started.collect()
}

fn to(status: u16, location: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[test]
fn redirects_are_followed_as_browsers_do() {
    for (status, method) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
    {
        let site = Site::new();
        site.script(0, &[to(status, "//www1.test/b?c").as_bytes()]);
        site.script(1, &[OK.as_bytes()]);
        let mut request = Request::post(url::parse("www0.test/a#frag").unwrap(), "body");
        request
            .fields
            .add("Content-Type", "text/x")
            .add("Authorization", "Basic x")
            .add("X-Own", "1");
        let (url, _) = fetch(&site, request, Rules::browser()).unwrap();
        assert_eq!(url, "http://www1.test/b?c#frag");
        let second = &sent(&site)[1];
        assert_eq!((second.method.as_str(), second.target.as_str()), (method, "/b?c"));
        let names: Vec<&str> = second.fields.iter().map(|field| field.0.as_str()).collect();
        assert!(names.contains(&"X-Own") && !names.contains(&"Authorization"), "{names:?}");
        assert_eq!(names.contains(&"Content-Type"), method == "POST", "{names:?}");
        assert_eq!(second.body_bytes, if method == "POST" { 4 } else { 0 });
        let redirect = Initiator::Redirect { of: ExchangeId(1), status };
        assert_eq!(initiators(&site), [Initiator::User, redirect]);
    }
}

#[test]
fn redirects_come_to_an_end() {
    let loops = to(302, "/again");
    let site = Site::new();
    site.script(0, &[loops.as_bytes(); 30]);
    let failure = fetch(&site, get("www0.test"), Rules::browser()).unwrap_err();
    let last = "http://www0.test/again".into();
    assert_eq!(failure.kind, FaultKind::TooManyRedirects { limit: 20, last });
    assert_eq!(sent(&site).len(), 21);

    let site = Site::new();
    site.script(0, &[to(302, "ftp://x/").as_bytes()]);
    let failure = fetch(&site, get("www0.test"), Rules::browser()).unwrap_err();
    assert!(matches!(failure.kind, FaultKind::BadRedirect { .. }), "{:?}", failure.kind);

    let site = Site::new();
    site.script(0, &[loops.as_bytes()]);
    let shown = Rules { redirects: Redirects::Shown, ..Rules::browser() };
    assert_eq!(fetch(&site, get("www0.test"), shown).unwrap().1, 302);
}

#[test]
fn bytes_of_a_location_stay_the_bytes_they_are() {
    assert_eq!(escape(b"/caf\xe9?\xc3\xa9"), "/caf%E9?%C3%A9");
    let site = Site::new();
    let first = b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    site.script(0, &[first, OK.as_bytes()]);
    let (url, _) = fetch(&site, get("http://www0.test/a"), Rules::browser()).unwrap();
    assert_eq!(url, "http://www0.test/caf%E9");
}

#[test]
fn credentials_are_for_one_origin() {
    let own = "Basic dTpw";
    for (rules, on_the_way, back) in [
        (Rules::browser(), None, None),
        (Rules::curl(Sends::Nothing), None, Some(own)),
        (
            Rules { credentials: Credentials::Anybody, ..Rules::curl(Sends::Nothing) },
            Some(own),
            Some(own),
        ),
    ] {
        let rules =
            Rules { redirects: Redirects::Most(5), cookies: Some("given=1".into()), ..rules };
        let site = Site::with_secrets();
        let there = to(302, "http://www1.test/");
        site.script(0, &[to(302, "/same").as_bytes(), there.as_bytes(), OK.as_bytes()]);
        site.script(1, &[to(302, "http://www0.test/back").as_bytes()]);
        fetch(&site, get("http://u:p@www0.test/"), rules).unwrap();
        let sent = sent(&site);
        for (name, value) in [("Authorization", own), ("Cookie", "given=1")] {
            let told: Vec<_> = sent.iter().map(|sent| field(sent, name)).collect();
            let (on_the_way, back) = (on_the_way.map(|_| value), back.map(|_| value));
            assert_eq!(told, [Some(value), Some(value), on_the_way, back], "{name}");
        }
    }
}

#[test]
fn cookies_of_a_redirect_go_along_with_what_follows() {
    let site = Site::with_secrets();
    let sets = "HTTP/1.1 302 Found\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/sub\r\n\
                Location: /sub/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let away = to(302, "http://www1.test/");
    site.script(0, &[sets.as_bytes(), away.as_bytes()]);
    site.script(1, &[OK.as_bytes()]);
    fetch(&site, get("www0.test/"), Rules::browser()).unwrap();
    let told: Vec<_> =
        sent(&site).iter().map(|sent| field(sent, "Cookie").map(str::to_owned)).collect();
    assert_eq!(told, [None, Some("b=2; a=1".to_owned()), None]);
}

/// Answers with the cookies it was told, and sets one.
struct Sets;

impl Handler for Sets {
    fn handle<'a>(
        &'a self,
        request: &'a server::Request,
        _: RequestBody,
    ) -> LocalFuture<'a, Response> {
        let cookie = request.head.fields.text("Cookie").unwrap_or("none").to_owned();
        let mut response = Response::text(cookie);
        response.fields.add("Set-Cookie", "a=1; Path=/");
        Box::pin(core::future::ready(response))
    }
}

#[test]
fn what_a_page_needs_has_the_cookies_of_its_own_site() {
    let site = Site::new();
    site.serve(0, Sets, server::Options::default());
    site.serve(1, Sets, server::Options::default());
    let client = site.client(Options::default(), None);
    let fetcher = Fetcher::new(site.client_wire.clone(), client).with_cookies(Jar::new());
    let page = url::parse("www0.test/").unwrap();
    let texts = site.run(async move {
        let of_page = |mode| Rules::of_page(&page, mode);
        let mut texts = Vec::new();
        for (host, rules) in [
            ("www0.test", Rules::browser()),
            ("www0.test", of_page(Mode::Include)),
            ("www0.test", of_page(Mode::SameOrigin)),
            // Another site: `test` is a public suffix.
            ("www1.test", of_page(Mode::Include)),
            ("www1.test", Rules::browser()),
            ("www1.test", Rules::browser()),
            ("www1.test", of_page(Mode::Include)),
        ] {
            let mut response = fetcher.fetch(get(host), rules).await.unwrap();
            texts.push(response.body.bytes(100).await.unwrap());
        }
        texts
    });
    assert_eq!(texts, ["none", "a=1", "a=1", "none", "none", "a=1", "none"]);
}

#[test]
fn an_expectation_that_is_not_met_is_given_up() {
    let refuses =
        "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let post = || {
        let mut request = Request::post(url::parse("www0.test/a").unwrap(), "body");
        request.expect = Expect::Continue;
        request
    };
    let site = Site::new();
    site.script(0, &[refuses.as_bytes(), OK.as_bytes()]);
    let (_, status) = fetch(&site, post(), Rules::curl(Sends::Post)).unwrap();
    assert_eq!(status, 200);
    let sent_out = sent(&site);
    assert_eq!(field(&sent_out[0], "Expect"), Some("100-continue"));
    assert_eq!((field(&sent_out[1], "Expect"), sent_out[1].body_bytes), (None, 4));
    assert_eq!(initiators(&site)[1], Initiator::Retry { of: ExchangeId(1) });
    // Once only, and not where nothing was expected.
    let site = Site::new();
    site.script(0, &[refuses.as_bytes(); 3]);
    assert_eq!(fetch(&site, post(), Rules::browser()).unwrap().1, 417);
    assert_eq!(sent(&site).len(), 2);
    let site = Site::new();
    site.script(0, &[refuses.as_bytes(); 3]);
    let plain = Request { expect: Expect::Nothing, ..post() };
    assert_eq!(fetch(&site, plain, Rules::browser()).unwrap().1, 417);
    assert_eq!(sent(&site).len(), 1);
}

#[test]
fn a_stream_is_sent_once() {
    let site = Site::new();
    site.script(0, &[to(307, "/b").as_bytes()]);
    let mut request = get("www0.test/a");
    request.method = http::Method::PUT;
    request.body = Body::stream(None, futures_util::stream::iter([Ok("x".into())]));
    let failure = fetch(&site, request, Rules::browser()).unwrap_err();
    assert!(matches!(failure.kind, FaultKind::BadRedirect { .. }), "{:?}", failure.kind);
    assert_eq!(sent(&site).len(), 1);
}

/// A challenge that wants a proof of a password.
const CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=r, nonce=n\r\n\
                         Content-Length: 0\r\nConnection: close\r\n\r\n";

/// What curl does that follows redirects and proves passwords.
fn proving(sends: Sends) -> Rules {
    Rules { redirects: Redirects::Most(5), logins: Schemes::DIGEST, ..Rules::curl(sends) }
}

#[test]
fn a_target_of_its_own_is_for_the_first_url() {
    let targets = |answers: &[&str]| {
        let site = Site::new();
        let answers: Vec<&[u8]> = answers.iter().map(|answer| answer.as_bytes()).collect();
        site.script(0, &answers);
        let mut request = get("u:p@www0.test/a");
        request.target = Some("/own".into());
        assert_eq!(fetch(&site, request, proving(Sends::Nothing)).unwrap().1, 200);
        sent(&site).into_iter().map(|sent| sent.target).collect::<Vec<_>>()
    };
    assert_eq!(targets(&[CHALLENGE, OK]), ["/own", "/own"]);
    // The request that is made once more is the one that the redirect led to.
    assert_eq!(targets(&[&to(302, "/b"), CHALLENGE, OK]), ["/own", "/b", "/b"]);
}

#[test]
fn a_request_that_lost_its_body_is_no_question_for_a_challenge() {
    let site = Site::new();
    site.script(0, &[to(302, "/b").as_bytes(), OK.as_bytes(), OK.as_bytes()]);
    let request = Request::post(url::parse("u:p@www0.test/a").unwrap(), "body");
    assert_eq!(fetch(&site, request, proving(Sends::Post)).unwrap().1, 200);
    let methods: Vec<String> = sent(&site).into_iter().map(|sent| sent.method).collect();
    assert_eq!(methods, ["POST", "GET"]);
}

#[test]
fn a_body_goes_out_where_nobody_wants_a_proof() {
    let site = Site::new();
    site.script(0, &[OK.as_bytes(), OK.as_bytes()]);
    let mut request = get("u:p@www0.test/a");
    request.method = http::Method::PUT;
    request.body = Body::stream(None, futures_util::stream::iter([Ok("x".into())]));
    assert_eq!(fetch(&site, request, proving(Sends::Put)).unwrap().1, 200);
    let sizes: Vec<u64> = sent(&site).iter().map(|sent| sent.body_bytes).collect();
    assert_eq!(sizes, [0, 1]);
}

#[test]
fn a_challenge_is_not_replaced_without_end() {
    let stale = CHALLENGE.replace("nonce=n", "nonce=m, stale=true");
    let site = Site::new();
    site.script(0, &[CHALLENGE.as_bytes(), stale.as_bytes(), stale.as_bytes(), OK.as_bytes()]);
    let (_, status) = fetch(&site, get("u:p@www0.test/a"), proving(Sends::Nothing)).unwrap();
    assert_eq!((status, sent(&site).len()), (401, 3));
}
