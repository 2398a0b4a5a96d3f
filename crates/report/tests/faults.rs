//! Every fault says what was seen, what it means and what to try next.

mod common;

use core::time::Duration;

use common::{Answer, Scene, socket};
use roundtrip_record::*;
use roundtrip_report::{Model, Options, short, terminal};

const URL: &str = "https://shop.example.com/";

fn scene() -> Scene {
    Scene::live(URL, Duration::from_millis(19))
}

/// A lookup that ends with what a name server said.
fn lookup(scene: &mut Scene, name: &str, outcome: Outcome, took: u64) -> Time {
    let (_, wanted) = scene.want(URL, ResourceKind::Document, Initiator::User, None);
    let since = scene.now;
    let lookup = scene.log.lookup_id();
    let started = NameStarted { lookup, name: name.into(), types: vec!["A".into()] };
    let last = scene.tell(scene.client, wanted, What::NameStarted(started));
    let files = Source::HostsFile { path: "/etc/hosts".into() };
    let last = scene.rung(scene.client, lookup, files, name, Outcome::Miss, Duration::ZERO, last);
    let server = Source::NameServer { server: socket("192.168.1.1:53") };
    let last =
        scene.rung(scene.client, lookup, server, name, outcome, Duration::from_millis(took), last);
    let ended = NameEnded { lookup, addresses: vec![], aliases: vec![], ttl: None };
    scene.tell(scene.client, last, What::NameEnded(ended));
    since
}

/// A connection that stands, with a request sent, so many milliseconds ago.
fn connected(scene: &mut Scene) -> (ExchangeId, common::Wire) {
    let (exchange, wanted) = scene.want(URL, ResourceKind::Document, Initiator::User, None);
    let mut wire = scene.connect(exchange, "203.0.113.7:443", wanted);
    scene.secure(&wire, "shop.example.com", 1_800_700_000);
    scene.request(exchange, &mut wire, "/", None, wanted);
    (exchange, wire)
}

fn attempt(to: &str, end: AttemptEnd, ended: u64, syns: &[u64]) -> Attempt {
    Attempt {
        to: socket(to),
        began: Time::ZERO,
        ended: Time::from_millis(ended),
        syns: syns.iter().map(|at| Time::from_millis(*at)).collect(),
        syn_count: None,
        end,
    }
}

fn show(name: &str, scene: &Scene) {
    let text = terminal(&Model::new(scene.events()), &Options::default());
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{name}: {line}");
    }
    // The table below the fault is the business of other tests.
    let head: Vec<&str> = text.lines().take_while(|line| !line.starts_with("  step")).collect();
    insta::assert_snapshot!(name.to_owned(), head.join("\n"));
}

#[test]
fn names() {
    let name = "shop.exmaple.com.";
    let said = Outcome::NxDomain { ttl: Some(900), soa: Some("com.".into()) };
    let failed = |code: &str| Outcome::Refused { code: code.into() };
    let cases = [
        (
            "nx_domain",
            said,
            FaultKind::NxDomain { name: name.into(), soa: Some("com.".into()), ttl: Some(900) },
        ),
        (
            "nx_domain_in_zone",
            Outcome::NxDomain { ttl: None, soa: Some("exmaple.com.".into()) },
            FaultKind::NxDomain { name: name.into(), soa: Some("exmaple.com.".into()), ttl: None },
        ),
        (
            "no_address",
            Outcome::NoData { ttl: None, soa: None },
            FaultKind::NoAddress { name: name.into() },
        ),
        (
            "servfail",
            failed("SERVFAIL"),
            FaultKind::NameServerFailed { name: name.into(), code: "SERVFAIL".into() },
        ),
        (
            "refused",
            failed("REFUSED"),
            FaultKind::NameServerFailed { name: name.into(), code: "REFUSED".into() },
        ),
        (
            "name_timed_out",
            Outcome::TimedOut { tries: 4 },
            FaultKind::NameTimedOut { name: name.into(), servers: vec![socket("192.168.1.1:53")] },
        ),
        (
            "name_failed",
            Outcome::Failed { why: "network is unreachable".into() },
            FaultKind::NameFailed {
                name: name.into(),
                why: "no name server could be asked".into(),
            },
        ),
    ];
    for (case, outcome, fault) in cases {
        let mut scene = scene();
        let took = if case == "name_timed_out" { 10_000 } else { 18 };
        let since = lookup(&mut scene, name, outcome, took);
        scene.fault(Step::Name, None, None, since, true, fault);
        show(case, &scene);
    }
}

/// Faults of aliases, of answers that are cut, and of zones whose servers cannot be made to answer.
#[test]
fn zones() {
    let name: String = "www.shop.example.".into();
    let server = |name: &str, address: Option<&str>, said: &str| DelegatedServer {
        name: name.into(),
        address: address.map(common::ip),
        said: said.into(),
    };
    let broken = |what: DelegationFault, servers: Vec<DelegatedServer>| FaultKind::BadDelegation {
        name: name.clone(),
        zone: "shop.example.".into(),
        parent: Some("example.".into()),
        what,
        servers,
    };
    let one = || vec![server("ns1.shop.example.", Some("198.51.100.53"), "REFUSED")];
    let through = ["ns.other.", "other.", "ns.shop.example.", "shop.example."];
    let through = through.map(str::to_owned).to_vec();
    let dangling = |exists| FaultKind::DanglingAlias {
        name: name.clone(),
        target: "gone.cdn.example.".into(),
        exists,
        soa: Some("cdn.example.".into()),
        ttl: Some(60),
    };
    let no = || Outcome::NxDomain { ttl: Some(60), soa: Some("cdn.example.".into()) };
    let cases = [
        ("dangling_alias", no(), dangling(false)),
        ("barren_alias", Outcome::NoData { ttl: None, soa: None }, dangling(true)),
        (
            "alias_loop",
            Outcome::Failed { why: "the aliases form a loop".into() },
            FaultKind::AliasLoop {
                name: name.clone(),
                aliases: vec!["a.shop.example.".into(), name.clone()],
            },
        ),
        (
            "no_record",
            Outcome::NoData { ttl: None, soa: None },
            FaultKind::NoRecord { name: name.clone(), record_type: "MX".into() },
        ),
        (
            "truncated",
            Outcome::Failed { why: "the answer was cut".into() },
            FaultKind::NameTruncated {
                name: name.clone(),
                server: Some(socket("192.168.1.1:53")),
                why: "connection refused".into(),
            },
        ),
        (
            "referral",
            Outcome::Refused { code: "REFERRAL".into() },
            FaultKind::NameServerFailed { name: name.clone(), code: "REFERRAL".into() },
        ),
        ("lame", no(), broken(DelegationFault::Lame, one())),
        ("zone_silent", no(), broken(DelegationFault::Silent, one())),
        ("no_glue", no(), broken(DelegationFault::NoGlue, one())),
        ("circular", no(), broken(DelegationFault::Circular { through }, one())),
        ("servers_without_address", no(), broken(DelegationFault::NoAddress, one())),
        ("delegation_too_long", no(), broken(DelegationFault::TooLong, one())),
        (
            "root_silent",
            no(),
            FaultKind::BadDelegation {
                name: name.clone(),
                zone: ".".into(),
                parent: None,
                what: DelegationFault::Silent,
                servers: (0..6)
                    .map(|n| server(&format!("{n}.root."), Some("192.0.2.4"), "no answer"))
                    .collect(),
            },
        ),
    ];
    for (case, outcome, fault) in cases {
        let mut scene = scene();
        let since = lookup(&mut scene, &name, outcome, 18);
        scene.fault(Step::Name, None, None, since, true, fault);
        show(case, &scene);
    }
}

#[test]
fn connecting() {
    let v4 = "203.0.113.7:443";
    let silent = || {
        attempt(v4, AttemptEnd::TimedOut, 10_000, &[0, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000])
    };
    let barred = AttemptEnd::Unreachable {
        why: "communication administratively prohibited".into(),
        from: Some(common::ip("198.51.100.1")),
    };
    let cases = [
        ("connect_timed_out", vec![silent()]),
        (
            "connect_mixed",
            vec![attempt("[2001:db8::7]:443", AttemptEnd::Refused, 41, &[0]), silent()],
        ),
        ("connect_refused", vec![attempt(v4, AttemptEnd::Refused, 41, &[0])]),
        ("connect_unreachable", vec![attempt(v4, barred, 12, &[0])]),
        (
            "connect_no_route",
            vec![attempt(
                v4,
                AttemptEnd::Unreachable { why: "network is unreachable".into(), from: None },
                0,
                &[],
            )],
        ),
        (
            "connect_no_neighbour",
            vec![attempt(
                v4,
                AttemptEnd::NoNeighbour { next_hop: common::ip("192.168.1.1") },
                3_000,
                &[],
            )],
        ),
        (
            "connect_failed",
            vec![attempt(v4, AttemptEnd::Failed { why: "too many open files".into() }, 0, &[])],
        ),
        ("connect_nothing", vec![]),
    ];
    for (case, attempts) in cases {
        let mut scene = scene();
        let (exchange, _) = scene.want(URL, ResourceKind::Document, Initiator::User, None);
        scene.now = attempts.last().map_or(Time::ZERO, |last| last.ended);
        scene.fault(
            Step::Connect,
            Some(exchange),
            None,
            Time::ZERO,
            true,
            FaultKind::ConnectFailed { attempts },
        );
        show(case, &scene);
    }
}

#[test]
fn tls() {
    let certificate = |reason: &str, detail: &str| FaultKind::BadCertificate {
        reason: reason.into(),
        host: "shop.example.com".into(),
        names: vec!["example.net".into(), "*.example.net".into()],
        // 3 days and 4 hours before the record's calendar; 2 hours after it.
        not_after: Some(1_795_276_920 - 76 * 3600),
        not_before: Some(1_795_276_920 + 2 * 3600),
        issuer: Some("CN=Example Issuing CA".into()),
        detail: detail.into(),
    };
    let cases = [
        ("certificate_expired", certificate("expired", "")),
        ("certificate_early", certificate("not_yet_valid", "")),
        ("certificate_wrong_name", certificate("wrong_name", "")),
        (
            "certificate_unknown_issuer",
            certificate("unknown_issuer", "invalid peer certificate: UnknownIssuer"),
        ),
        ("certificate_revoked", certificate("revoked", "")),
        ("certificate_bad_signature", certificate("bad_signature", "")),
        ("certificate_other", certificate("other", "invalid peer certificate: BadEncoding")),
        (
            "tls_alert",
            FaultKind::TlsFailed { why: "handshake_failure".into(), alert_received: true },
        ),
        (
            "tls_not_tls",
            FaultKind::TlsFailed {
                why: "received corrupt message of type InvalidContentType".into(),
                alert_received: false,
            },
        ),
    ];
    for (case, fault) in cases {
        let mut scene = scene();
        let (exchange, wanted) = scene.want(URL, ResourceKind::Document, Initiator::User, None);
        let wire = scene.connect(exchange, "203.0.113.7:443", wanted);
        let since = scene.now;
        scene.pass(Duration::from_millis(40));
        scene.fault(Step::Tls, Some(exchange), Some(wire.client), since, true, fault);
        show(case, &scene);
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of faults")]
fn transfer() {
    let why = |why: &str| why.to_owned();
    let cases = [
        ("empty_reply", Step::Wait, FaultKind::EmptyReply { reset: false }),
        ("empty_reply_reset", Step::Wait, FaultKind::EmptyReply { reset: true }),
        ("reset", Step::Body, FaultKind::Reset { received: 65_536, expected: Some(204_800) }),
        ("send_failed", Step::Request, FaultKind::SendFailed { why: why("broken pipe") }),
        ("receive_failed", Step::Body, FaultKind::ReceiveFailed { why: why("no route to host") }),
        (
            "malformed",
            Step::Wait,
            FaultKind::Malformed {
                what: why("a space before the colon"),
                offset: 1_042,
                rule: "RFC 9112 §5.1".into(),
            },
        ),
        ("head_too_large", Step::Wait, FaultKind::HeadTooLarge { limit: 65_536 }),
        ("too_many_fields", Step::Wait, FaultKind::TooManyFields { limit: 1_000 }),
        ("short", Step::Body, FaultKind::Short { received: 65_536, expected: Some(204_800) }),
        ("short_chunked", Step::Body, FaultKind::Short { received: 65_536, expected: None }),
        ("tls_cut", Step::Body, FaultKind::TlsCut { received: 65_536, expected: Some(204_800) }),
        ("tls_cut_open", Step::Body, FaultKind::TlsCut { received: 65_536, expected: None }),
        (
            "stalled",
            Step::Body,
            FaultKind::Stalled {
                head: 0,
                received: 65_536,
                expected: Some(204_800),
                silent: Duration::from_secs(15),
            },
        ),
        (
            "timed_out",
            Step::Wait,
            FaultKind::TimedOut { limit: Duration::from_secs(30), received: 1_200, head: 0 },
        ),
        (
            "too_many_redirects",
            Step::Wait,
            FaultKind::TooManyRedirects {
                limit: 20,
                last: "https://shop.example.com/login".into(),
            },
        ),
        (
            "bad_redirect",
            Step::Wait,
            FaultKind::BadRedirect {
                location: "javascript:alert(1)".into(),
                why: why("scheme javascript"),
            },
        ),
        (
            "bad_encoding",
            Step::Body,
            FaultKind::BadEncoding { coding: "gzip".into(), why: why("invalid block type") },
        ),
        ("too_large", Step::Body, FaultKind::TooLarge { limit: 268_435_456, encoded: 262_144 }),
        (
            "write_failed",
            Step::Body,
            FaultKind::WriteFailed {
                path: "/tmp/page.html".into(),
                why: why("no space left on device"),
            },
        ),
        (
            "read_failed",
            Step::Request,
            FaultKind::ReadFailed {
                path: "form.json".into(),
                why: why("no such file or directory"),
            },
        ),
        (
            "paint_failed",
            Step::Page,
            FaultKind::PaintFailed { why: why("no font on this machine has a glyph") },
        ),
        (
            "refused_by_policy",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::ContentSecurityPolicy,
                says: "img-src 'none'".into(),
                found: None,
                line: None,
                what: vec!["https://a.example/1.png".into(), "https://a.example/2.png".into()],
                count: 7,
                came: false,
            },
        ),
        (
            "refused_by_policy_in_meta",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::ContentSecurityPolicy,
                says: "style-src 'self'".into(),
                found: None,
                line: Some(3),
                what: vec!["a style attribute (line 9)".into()],
                count: 1,
                came: false,
            },
        ),
        (
            "refused_integrity",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::Integrity,
                says: "sha256-AAAA".into(),
                found: Some("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into()),
                line: None,
                what: vec!["https://a.example/s.css".into()],
                count: 1,
                came: true,
            },
        ),
        (
            "refused_integrity_unreadable",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::Integrity,
                says: "sha256-AAAA".into(),
                found: None,
                line: None,
                what: vec!["https://b.example/s.css".into()],
                count: 1,
                came: true,
            },
        ),
        (
            "refused_mixed",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::MixedContent,
                says: String::new(),
                found: None,
                line: None,
                what: vec!["http://b.example/s.js".into()],
                count: 1,
                came: false,
            },
        ),
        (
            "refused_type",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::ContentType,
                says: "X-Content-Type-Options: nosniff".into(),
                found: Some("text/html".into()),
                line: None,
                what: vec!["https://a.example/s.css".into()],
                count: 1,
                came: true,
            },
        ),
        (
            "refused_cors",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::Cors,
                says: String::new(),
                found: None,
                line: None,
                what: vec!["https://b.example/f.woff2".into()],
                count: 1,
                came: true,
            },
        ),
        (
            "refused_resource_policy",
            Step::Page,
            FaultKind::Refused {
                rule: RefusalRule::ResourcePolicy,
                says: "Cross-Origin-Resource-Policy: same-origin".into(),
                found: None,
                line: None,
                what: vec!["https://b.example/p.png".into()],
                count: 1,
                came: true,
            },
        ),
        ("interrupted", Step::Body, FaultKind::Interrupted),
    ];
    for (case, step, fault) in cases {
        let mut scene =
            if case == "stalled" { Scene::lab(URL, Duration::from_millis(19)) } else { scene() };
        let (exchange, wire) = connected(&mut scene);
        let since = scene.now;
        scene.pass(Duration::from_secs(if case == "timed_out" { 30 } else { 15 }));
        scene.fault(step, Some(exchange), Some(wire.client), since, true, fault);
        show(case, &scene);
    }
}

#[test]
fn before_the_head_is_whole() {
    let cases = [
        (
            "silent_server",
            Step::Wait,
            FaultKind::Stalled {
                received: 0,
                head: 0,
                expected: None,
                silent: Duration::from_secs(15),
            },
        ),
        ("reset_in_the_head", Step::Wait, FaultKind::Reset { received: 0, expected: None }),
        (
            "head_cut",
            Step::Wait,
            FaultKind::Malformed {
                what: "end of the connection inside the head".into(),
                offset: 27,
                rule: "RFC 9112 §8".into(),
            },
        ),
        (
            "no_http_2",
            Step::Wait,
            FaultKind::Malformed {
                what: "something that HTTP/2 does not allow (PROTOCOL_ERROR)".into(),
                offset: 0,
                rule: "RFC 9113 §5.4".into(),
            },
        ),
    ];
    for (case, step, fault) in cases {
        let mut scene = scene();
        let (exchange, wire) = connected(&mut scene);
        let since = scene.now;
        scene.pass(Duration::from_secs(15));
        scene.fault(step, Some(exchange), Some(wire.client), since, true, fault);
        show(case, &scene);
    }
}

#[test]
fn a_bad_url() {
    for (case, url, why) in [
        ("bad_url", "http://exa mple.com/", "a space in the host name"),
        ("bad_url_scheme", "ftp://example.com/file", "unknown scheme"),
    ] {
        let mut scene = scene();
        let fault = FaultKind::BadUrl { url: url.into(), why: why.into() };
        scene.fault(Step::Url, None, None, Time::ZERO, true, fault);
        show(case, &scene);
    }
}

#[test]
fn statuses() {
    for (status, reason, think) in [
        (401, "Unauthorized", 3_000),
        (403, "Forbidden", 3_000),
        (404, "Not Found", 3_000),
        (405, "Method Not Allowed", 3_000),
        (429, "Too Many Requests", 3_000),
        (418, "I'm a teapot", 3_000),
        (500, "Internal Server Error", 3_000),
        (502, "Bad Gateway", 30_004_000),
        (503, "", 3_000),
    ] {
        let mut scene = scene();
        let (exchange, mut wire) = connected(&mut scene);
        let fields: &[(&str, &str)] = &[("Via", "1.1 edge-fra"), ("Retry-After", "120")];
        let answer = Answer {
            status,
            reason,
            think: Duration::from_micros(think),
            media: "text/plain",
            body: b"no",
            fields,
        };
        scene.answer(exchange, &mut wire, &answer, None);
        let fault = FaultKind::HttpStatus { status, reason: reason.into(), fail: status == 404 };
        scene.fault(Step::Wait, Some(exchange), Some(wire.client), scene.now, status == 404, fault);
        if status != 404 {
            scene.end(0);
        }
        show(&format!("status_{status}"), &scene);
    }
}

#[test]
fn a_reused_connection_that_the_server_gave_up() {
    let mut scene = scene();
    let (exchange, mut wire) = connected(&mut scene);
    let ended = scene.answer(exchange, &mut wire, &Answer::ok("text/html", b"hello"), None);
    let (second, wanted) =
        scene.want("https://shop.example.com/app.js", ResourceKind::Script, Initiator::User, ended);
    scene.request(second, &mut wire, "/app.js", None, wanted);
    let since = scene.now;
    scene.pass(Duration::from_millis(38));
    scene.fault(
        Step::Wait,
        Some(second),
        Some(wire.client),
        since,
        false,
        FaultKind::EmptyReply { reset: true },
    );
    scene.end(0);
    show("reused_reset", &scene);
}

/// What to try next in the short view names the saved run, and nothing where none was saved.
#[test]
fn the_short_view_names_the_record_that_there_is() {
    let mut scene = scene();
    let (exchange, _) = connected(&mut scene);
    let since = scene.now;
    scene.fault(Step::Wait, Some(exchange), None, since, true, FaultKind::Interrupted);
    let model = Model::new(scene.events());
    let saved = short(&model, &Options { saved: Some("7f3a".into()), ..Options::default() });
    assert!(saved.contains("roundtrip show 7f3a"), "{saved}");
    let unsaved = short(&model, &Options::default());
    assert!(!unsaved.contains("show"), "{unsaved}");
}
