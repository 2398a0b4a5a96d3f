//! Words for faults of the neighbour, connect and tls steps.

use core::time::Duration;

use roundtrip_record::{Attempt, AttemptEnd, CertificateReason, FaultKind, Time};

use super::context::{FaultContext, FindingText, exchange, host, host_port, url};
use crate::text::{bare, calendar, clean, duration};

pub(super) fn failed(context: &FaultContext<'_>, attempts: &[Attempt]) -> FindingText {
    let Some(last) = attempts.last() else {
        return FindingText::new(
            say!("there was no address to connect to"),
            say!("leave out -4 or -6, which may have left none"),
        );
    };
    let headline = match &last.end {
        AttemptEnd::TimedOut => say!("{} never answered", last.to),
        AttemptEnd::Refused => say!("{} refused the connection", last.to),
        AttemptEnd::Unreachable { why, .. } => {
            say!("{} cannot be reached: {}", last.to, clean(why))
        }
        AttemptEnd::NoNeighbour { next_hop } => {
            say!("{} cannot be reached: {}, the next hop, does not answer", last.to, next_hop)
        }
        // A Unix domain socket has no address.
        AttemptEnd::Failed { why } if last.to.ip().is_unspecified() => clean(why),
        AttemptEnd::Failed { why } => {
            say!("{} could not be connected to: {}", last.to, clean(why))
        }
        AttemptEnd::Cancelled | AttemptEnd::Connected => say!("{} was given up", last.to),
    };
    let next = match &last.end {
        AttemptEnd::Refused => {
            say!("on the server: ss -ltn 'sport = :{}'; here: another port", last.to.port())
        }
        AttemptEnd::TimedOut => say!(
            "the same from another network; ask who filters port {} on the way",
            last.to.port()
        ),
        AttemptEnd::NoNeighbour { next_hop } => format!("ip neigh show {next_hop}; ip route"),
        AttemptEnd::Unreachable { .. } => format!("ip route get {}", last.to.ip()),
        _ => format!("roundtrip get -v {}", url(context)),
    };
    let lines = attempts.iter().map(|attempt| attempt_line(attempt, context.fault.since));
    FindingText::new(headline, next)
        .also(lines)
        .also(detour(context))
        .means(meaning(last, attempts))
}

/// That the way leads by another host than the URL's: a proxy, or what `--connect-to` names.
fn detour(context: &FaultContext<'_>) -> Option<String> {
    let lookup = exchange(context)?.lookup?;
    let lookup = context.story.lookups.iter().find(|known| known.id == lookup)?;
    let (by, host) = (bare(&lookup.name), host(context));
    let host = host.trim_matches(['[', ']']);
    (by != bare(host)).then(|| {
        say!(
            "that is {}, by way of which {} was to be reached: a proxy (-x, http_proxy)",
            by,
            clean(host)
        )
    })
}

fn meaning(last: &Attempt, attempts: &[Attempt]) -> String {
    let with = |end: &AttemptEnd| attempts.iter().find(|attempt| attempt.end == *end);
    if let (Some(refused), Some(silent)) = (with(&AttemptEnd::Refused), with(&AttemptEnd::TimedOut))
        && refused.to.is_ipv4() != silent.to.is_ipv4()
    {
        let family = if silent.to.is_ipv4() { "IPv4" } else { "IPv6" };
        return say!(
            "the host is up (it refused at {}), so the {} path or a firewall on it drops packets",
            refused.to.ip(),
            family
        );
    }
    match &last.end {
        AttemptEnd::TimedOut => {
            say!("silence: a firewall drops the packets, the host is down, or the address is wrong")
                .into()
        }
        AttemptEnd::Refused => say!(
            "the host is up and nothing listens on port {}: the service is stopped, or on another port or address",
            last.to.port()
        ),
        AttemptEnd::Unreachable { from: Some(router), .. } => {
            say!("{} on the way said so: it has no route on, or a rule against it", router)
        }
        AttemptEnd::Unreachable { from: None, .. } => {
            say!("this machine has no route there: no network, or no address of that family").into()
        }
        AttemptEnd::NoNeighbour { next_hop } => say!(
            "nobody on this network answers for {}: the gateway is down, or address or netmask are wrong",
            next_hop
        ),
        _ => say!("the attempt was ended on this machine").into(),
    }
}

/// One attempt to connect in a line: `203.0.113.7:443  SYN ×7 at 0, 1, 2, 3, 4, 5, 7 s, gave up
/// after 10 s; no ICMP error came back`.
fn attempt_line(attempt: &Attempt, since: Time) -> String {
    let took = duration(attempt.ended - attempt.began);
    let syns = match (attempt.syns.len(), attempt.syn_count) {
        (0, None) | (1, _) => String::new(),
        (0, Some(count)) => format!("SYN ×{count}, "),
        (count, _) => {
            let times = attempt.syns.iter().map(|at| seconds(*at - attempt.began));
            say!("SYN ×{} at {} s, ", count, times.collect::<Vec<_>>().join(", "))
        }
    };
    let end = match &attempt.end {
        AttemptEnd::Connected => say!("connected in {}", took),
        AttemptEnd::Refused => say!("refused in {} (RST)", took),
        AttemptEnd::TimedOut => say!("gave up after {}; no ICMP error came back", took),
        AttemptEnd::Unreachable { why, from: Some(from) } => {
            say!("ICMP {} from {} after {}", clean(why), from, took)
        }
        AttemptEnd::Unreachable { why, from: None } => {
            say!("{}, said by this machine", clean(why))
        }
        AttemptEnd::NoNeighbour { next_hop } => {
            let protocol = if next_hop.is_ipv4() { "ARP" } else { "NDP" };
            say!("no answer to {} for {} in {}", protocol, next_hop, took)
        }
        AttemptEnd::Cancelled => say!("given up after {}, another was further", took),
        AttemptEnd::Failed { why } => say!("{} after {}", clean(why), took),
    };
    let offset = attempt.began - since;
    let begun = if offset > Duration::from_millis(1) {
        say!(" (begun at +{})", duration(offset))
    } else {
        String::new()
    };
    if attempt.to.ip().is_unspecified() {
        return format!("{end}{begun}");
    }
    format!("{} {syns}{end}{begun}", attempt.to)
}

/// Seconds with as many decimal places as needed: `0`, `1`, `0.25`.
fn seconds(duration: Duration) -> String {
    let text = format!("{:.2}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn tunnel_refused(proxy: &str, status: Option<u16>, why: &str) -> FindingText {
    let (proxy, why) = (clean(proxy), clean(why));
    if proxy.starts_with("socks") {
        return FindingText::new(
            say!("the proxy {} does not lead to the server: {}", proxy, why),
            say!("see that it speaks this version of SOCKS and lets this host and port through; --noproxy goes without it"),
        )
        .means(say!("the proxy was reached, and the server behind it was not"));
    }
    let words = FindingText::new(
        match status {
            Some(status) => say!("the proxy {} makes no tunnel: {} {}", proxy, status, why),
            None => say!("the proxy {} makes no tunnel: {}", proxy, why),
        },
        match status {
            Some(407) => say!("give it a name and a password: -U USER:PASSWORD"),
            None => {
                say!("see that this is the proxy's address and port; --noproxy goes without it")
            }
            Some(_) => {
                say!(
                    "ask who runs the proxy which hosts and ports it lets through; --noproxy goes without it"
                )
            }
        },
    );
    match status {
        Some(407) => {
            words.means(say!("it wants to know who asks, and was not told or not convinced"))
        }
        Some(403 | 405) => words.means(say!("its rules forbid this host or this port")),
        Some(502..=504) => words.means(say!("it could not reach the server itself")),
        Some(_) => words.means(say!("it did not do what CONNECT asks for")),
        None => words.means(say!("what listens there may be no proxy at all")),
    }
}

pub(super) fn tls_failed(
    context: &FaultContext<'_>,
    why: &str,
    alert_received: bool,
) -> FindingText {
    let words = if let Some((proxy, why)) = why.strip_prefix(AT_PROXY).and_then(proxy_and_why) {
        FindingText::new(
            say!("the TLS handshake with the proxy {} failed: {}", clean(proxy), clean(why)),
            say!(
                "openssl s_client -connect {}; a proxy in the clear is -x http://…",
                clean(proxy.trim_start_matches("https://"))
            ),
        )
    } else {
        let (host, host_port) = (host(context), host_port(context));
        FindingText::new(
            say!("the TLS handshake with {} failed: {}", host, clean(why)),
            format!("openssl s_client -connect {host_port} -servername {host}"),
        )
    };
    let words = words.seen(say!("{} into the handshake", duration(context.took())));
    if alert_received {
        words.seen(say!("the server said so, with an alert")).means(
            say!("the server ended the handshake over what we offered, or failed itself; its log says more"),
        )
    } else {
        words.means(
            say!("no TLS 1.2 or 1.3 came back: plain HTTP on this port, an old server, or something in between"),
        )
    }
}

/// How the reason begins where the handshake was one with a proxy.
const AT_PROXY: &str = "at the proxy ";

/// Splits `https://HOST:PORT: WHY`.
fn proxy_and_why(text: &str) -> Option<(&str, &str)> {
    text.split_once(": ")
}

pub(super) fn bad_certificate(context: &FaultContext<'_>) -> FindingText {
    let FaultKind::BadCertificate { reason, host, detail, .. } = &context.fault.fault else {
        return FindingText::default();
    };
    let host = clean(host);
    let words = match reason {
        CertificateReason::Expired | CertificateReason::NotYetValid => out_of_date(context, &host),
        CertificateReason::WrongName => wrong_name(context, &host),
        CertificateReason::UnknownIssuer => unknown_issuer(context, &host),
        // The checker's sentence names the key: no need to repeat it.
        CertificateReason::NotPinned => {
            return of_proxy(context, &host, not_pinned(&host, &clean(detail)));
        }
        _ => unfit(context, &host),
    };
    let words = of_proxy(context, &host, words);
    let detail = clean(detail);
    if detail.is_empty() { words } else { words.seen(say!("the verifier: {}", detail)) }
}

/// The same for a certificate that is a proxy's, which has options of its own.
fn of_proxy(context: &FaultContext<'_>, host: &str, words: FindingText) -> FindingText {
    let own = self::host(context);
    let own = own.trim_matches(['[', ']']);
    if exchange(context).is_none() || own.eq_ignore_ascii_case(host.trim_matches(['[', ']'])) {
        return words;
    }
    let next = words.next.replace("--cacert", "--proxy-cacert");
    let next = next.replace("--pinnedpubkey", "--proxy-pinnedpubkey");
    let headline = words.headline.replacen("certificate of ", "certificate of the proxy ", 1);
    FindingText { headline, next, ..words }
}

fn not_pinned(host: &str, detail: &str) -> FindingText {
    FindingText::new(
        say!("certificate of {} has another key than the one that was given: {}", host, detail),
        say!("ask the server's people whether this is their key; if so, --pinnedpubkey with it"),
    )
    .means(say!("the server changed its key, or somebody is in between: who vouches for it does not count here"))
}

/// Words for faults of the certificate itself, which only its issuer can mend.
fn unfit(context: &FaultContext<'_>, host: &str) -> FindingText {
    let FaultKind::BadCertificate { reason, .. } = &context.fault.fault else {
        return FindingText::default();
    };
    let anew = say!("have the certificate issued anew");
    let (what, meaning, next) = match reason {
        CertificateReason::SelfSigned => (
            say!("is signed by itself"),
            say!(
                "it was made for a test or a device, or somebody is in between: nobody else vouches for it"
            ),
            say!("--cacert FILE with this certificate, if you know it is the right one"),
        ),
        CertificateReason::Revoked => (
            say!("was revoked by its authority"),
            say!("others may hold its key, or it was issued by mistake: send nothing there"),
            say!("have a new certificate issued for the server"),
        ),
        CertificateReason::BadSignature => (
            say!("has a signature that does not hold"),
            say!("it was damaged or forged, or its issuer changed keys"),
            anew,
        ),
        CertificateReason::WeakSignature => (
            say!("is signed in a way that is no longer taken"),
            say!("SHA-1 and MD5 can be forged; browsers refuse them too"),
            say!("have the certificate issued anew, signed with SHA-256 or better"),
        ),
        CertificateReason::WeakKey => (
            say!("has a key that is too short"),
            say!("RSA keys below 2,048 bits can be broken; browsers refuse them too"),
            say!(
                "make a new key of 2,048 bits or more, or one of P-256, and have the certificate issued anew"
            ),
        ),
        CertificateReason::WrongPurpose => (
            say!("is not for servers"),
            say!("its extended key usage names other purposes, such as clients or mail"),
            say!("have the certificate issued anew with serverAuth in its extended key usage"),
        ),
        CertificateReason::AuthorityAsServer => (
            say!("is an authority's, shown as a server's"),
            say!("a certificate that may sign others (CA:TRUE) is not taken for a server's own"),
            say!("have the authority issue a certificate for the server, without CA:TRUE"),
        ),
        CertificateReason::NotAnAuthority => (
            say!("comes from one that may not issue certificates"),
            say!(
                "a certificate of the chain is no authority's, or its chain is longer than it allows"
            ),
            say!("put the right intermediate certificates on the server"),
        ),
        CertificateReason::CriticalExtension => (
            say!("has a critical extension that is not known"),
            say!("whoever does not understand it must refuse the certificate (RFC 5280 §4.2)"),
            anew,
        ),
        CertificateReason::NameConstraint => (
            say!("is for a name that its authority may not vouch for"),
            say!("an authority of the chain is limited to other names (RFC 5280 §4.2.1.10)"),
            say!("have it issued by an authority that may"),
        ),
        CertificateReason::OldVersion => (
            say!("is of X.509 version 1"),
            say!("that version knows no names of servers; nothing accepts it any more"),
            say!("have the certificate issued anew, as version 3 with a subjectAltName"),
        ),
        CertificateReason::Unreadable => (
            say!("is not written as certificates are"),
            say!("something in it breaks the rules of RFC 5280"),
            anew,
        ),
        _ => {
            return FindingText::new(
                say!("certificate of {} cannot be trusted", host),
                look_behind(context),
            )
            .means(say!("the verifier has a reason that is not one of the usual ones"));
        }
    };
    FindingText::new(say!("certificate of {} {}", host, what), next).means(meaning)
}

fn look_behind(context: &FaultContext<'_>) -> String {
    say!("roundtrip get -k {} shows what is behind it, unprotected", url(context))
}

fn out_of_date(context: &FaultContext<'_>, host: &str) -> FindingText {
    let FaultKind::BadCertificate { reason, not_after, not_before, .. } = &context.fault.fault
    else {
        return FindingText::default();
    };
    // The record's own calendar is used, so that a record gives the same view at any later time.
    let wall = context.story.run.as_ref().map_or(0, |run| run.wall);
    let now = (wall.saturating_add(context.at.nanos()) / 1_000_000_000) as i64;
    let away = |at: i64| duration(Duration::from_secs(at.abs_diff(now)));
    if *reason == CertificateReason::Expired {
        let ago = not_after.map_or(String::new(), |at| say!(" {} ago", away(at)));
        FindingText::new(
            say!("certificate of {} expired{}", host, ago),
            say!("renew it on the server, and look why the renewal did not run"),
        )
        .also(not_after.map(|at| say!("leaf notAfter {}, clock {}", calendar(at), calendar(now))))
        .means(say!("a renewal that did not run, nearly always; or this machine's clock is ahead"))
    } else {
        let ahead = not_before.map_or(String::new(), |at| say!(" for another {}", away(at)));
        FindingText::new(
            say!("certificate of {} is not valid yet{}", host, ahead),
            say!("compare this machine's clock with the time of day"),
        )
        .also(not_before.map(|at| say!("leaf notBefore {}, clock {}", calendar(at), calendar(now))))
        .means(say!(
            "this machine's clock is behind, or the certificate was put in place too early"
        ))
    }
}

fn wrong_name(context: &FaultContext<'_>, host: &str) -> FindingText {
    let FaultKind::BadCertificate { names, .. } = &context.fault.fault else {
        return FindingText::default();
    };
    let shown: Vec<String> = names.iter().take(6).map(|name| clean(name)).collect();
    let more = names.len().saturating_sub(shown.len());
    let list = match (shown.is_empty(), more) {
        (true, _) => say!("no name at all").into(),
        (false, 0) => shown.join(", "),
        (false, more) => say!("{} and {} more", shown.join(", "), more),
    };
    FindingText::new(
        say!("certificate is not for {}", host),
        say!("visit one of its names, or have {} added to it", host),
    )
    .seen(say!("it is for {}", list))
    .means(say!("DNS points to the wrong host, or the server does not know this name and shows its default certificate"))
}

fn unknown_issuer(context: &FaultContext<'_>, host: &str) -> FindingText {
    let FaultKind::BadCertificate { issuer, .. } = &context.fault.fault else {
        return FindingText::default();
    };
    FindingText::new(
        say!("certificate of {} comes from an unknown authority", host),
        say!("--cacert FILE with that authority's certificate, if you trust it"),
    )
    .also(issuer.as_deref().map(|issuer| say!("the chain ends with issuer {}", clean(issuer))))
    .means(say!("self-signed, a private authority, a missing intermediate certificate, or somebody in between"))
}
