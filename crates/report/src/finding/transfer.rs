//! Words for faults of the request, wait and body steps.

use core::time::Duration;

use roundtrip_record::{Direction, FaultKind, HttpVersion, Initiator, Rule, Step, TcpState};

use super::context::{
    FaultContext, FindingText, connection_line, connection_line_at, exchange, host, url,
};
use crate::text::{bytes, clean, count, duration, grouped, percent};
use roundtrip_story::{Exchange, PhaseKind, TimedSegment};

pub(super) fn words(context: &FaultContext<'_>) -> FindingText {
    match &context.fault.fault {
        FaultKind::EmptyReply { reset } => empty_reply(context, *reset),
        FaultKind::Reset { received, expected } => reset(context, *received, *expected),
        FaultKind::Short { received, expected } => short(context, *received, *expected),
        FaultKind::TlsCut { received, expected } => tls_cut(context, *received, *expected),
        FaultKind::Stalled { received, expected, silent } => {
            stalled(context, *received, *expected, *silent)
        }
        FaultKind::TimedOut { limit, received } => timed_out(context, *limit, *received),
        FaultKind::HttpStatus { status, reason, fail } => {
            http_status(context, *status, reason, *fail)
        }
        FaultKind::TooManyRedirects { limit, last } => too_many_redirects(context, *limit, last),
        other => simple(context, other),
    }
}

fn empty_reply(context: &FaultContext<'_>, reset: bool) -> FindingText {
    let (how, flag) = if reset { ("reset", "RST") } else { ("closed", "FIN") };
    let reused = exchange(context).map_or(0, Exchange::reused);
    let words = FindingText::new(
        format!("{} {how} the connection without an answer", host(context)),
        format!("roundtrip get -v {} once more; then the server's error log", url(context)),
    )
    .seen(format!("the request went out, {flag} came back after {}", duration(context.took())))
    .also(connection_line(context));
    if reused > 0 {
        words.means(format!(
            "the connection had carried {} before: most likely its keep-alive time ran out at just this moment",
            count(reused as usize, "exchange")
        ))
    } else if url(context).starts_with("https:") {
        words.means("the server's process died on this request, or what stands before it did")
    } else {
        words.means("the server's process died on this request, or this port speaks another protocol (https?)")
    }
}

/// The bytes received of those expected: `65 536 of 204 800 B`.
fn progress(received: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => format!("{} of {} B", grouped(received), grouped(expected)),
        None => format!("{} B", grouped(received)),
    }
}

fn take_up(context: &FaultContext<'_>) -> String {
    format!("roundtrip get -C - -o FILE {} goes on where it broke off", url(context))
}

/// The bytes of the response that came on the fault's connection after the request, where packets
/// were seen.
fn head_bytes(context: &FaultContext<'_>) -> Option<u64> {
    let end = context.endpoint()?;
    let asked = exchange(context)?.request.as_ref()?.what.began;
    let came = |seen: &&TimedSegment| {
        seen.what.direction == Direction::Received
            && !seen.what.retransmission
            && (asked..=context.at).contains(&seen.at)
    };
    (!end.segments.is_empty())
        .then(|| end.segments.iter().filter(came).map(|seen| u64::from(seen.what.length)).sum())
}

/// What had come of the head, for a fault before it was whole.
fn head_line(context: &FaultContext<'_>) -> Option<String> {
    let came = head_bytes(context).filter(|came| *came > 0)?;
    let tls =
        exchange(context)?.connection.and_then(|id| context.story.connection(id)?.tls.as_ref());
    let of = if tls.is_some() { "TLS" } else { "its head" };
    Some(format!("{} B of {of} had come", grouped(came)))
}

fn reset(context: &FaultContext<'_>, received: u64, expected: Option<u64>) -> FindingText {
    let meaning = "the server's process died, or a box in between forgot the connection";
    if context.fault.step == Step::Wait {
        return FindingText::new(
            format!("{} reset the connection inside the head of its response", host(context)),
            format!("roundtrip get -v {} once more; then the server's error log", url(context)),
        )
        .seen(format!("RST came {} after the request went out", duration(context.took())))
        .also(head_line(context))
        .also(connection_line(context))
        .means(meaning);
    }
    FindingText::new(format!("reset at {}", progress(received, expected)), take_up(context))
        .seen(format!("RST came {} into the body of {}", duration(context.took()), url(context)))
        .also(connection_line(context))
        .means(meaning)
}

fn short(context: &FaultContext<'_>, received: u64, expected: Option<u64>) -> FindingText {
    let words = FindingText::new(
        format!("the body ends too early, at {}", progress(received, expected)),
        take_up(context),
    );
    let words = match expected {
        Some(expected) => words
            .seen(format!(
                "{}: Content-Length promised {}, {} are missing",
                url(context),
                bytes(expected),
                bytes(expected.saturating_sub(received))
            ))
            .means("the server closed in good order before it was done: its source failed, or Content-Length is wrong"),
        None => words
            .seen(format!("{}: chunked, and the last chunk never came", url(context)))
            .means("the server closed in good order in the middle: what makes this page failed on the way"),
    };
    words.also(connection_line(context))
}

fn tls_cut(context: &FaultContext<'_>, received: u64, expected: Option<u64>) -> FindingText {
    FindingText::new(
        format!("TLS ended without close_notify, at {}", progress(received, expected)),
        format!("{}; the server's error log at this time", take_up(context)),
    )
    .seen(format!("{}: the connection was closed, but TLS was not", url(context)))
    .also(connection_line(context))
    .means("the server's process ended or forgot close_notify, or somebody on the way cut the connection: the body may not be whole")
}

fn stalled(
    context: &FaultContext<'_>,
    received: u64,
    expected: Option<u64>,
    silent: Duration,
) -> FindingText {
    let end = context.endpoint();
    // In the midst of the silence: at its end we gave the connection up ourselves.
    let midst = context.at - silent / 2;
    let state = end.and_then(|end| end.state_at(midst));
    let window = end.and_then(|end| {
        let sent = end.segments.iter().rev();
        sent.filter(|seen| seen.at <= context.at)
            .find(|seen| seen.what.direction == roundtrip_record::Direction::Sent)
            .map(|seen| seen.what.window)
    });
    let meaning = match (state, window) {
        (_, Some(0)) => "our window is closed: we stopped reading, not the server",
        (Some(TcpState::Established), _) => {
            "the connection stands and nothing of ours is outstanding: the sender stopped"
        }
        _ => "the sender stopped, or all that it sends is lost on the way",
    };
    let state = connection_line_at(context, midst);
    if context.fault.step == Step::Wait {
        let began = head_bytes(context).is_some_and(|came| came > 0);
        let what =
            if began { "stopped inside the head of its response" } else { "has not answered" };
        return FindingText::new(
            format!("{} {what}; silent for {}", host(context), duration(silent)),
            "look what the server waits for, in its log or at what stands behind it; or wait longer",
        )
        .seen(format!("the request for {} went out", url(context)))
        .also(head_line(context))
        .also(state)
        .means(if began { meaning } else { "it works on the answer, or hangs, or what it sends is lost" });
    }
    FindingText::new(
        format!("stalled at {}; silent for {}", progress(received, expected), duration(silent)),
        format!("{}; look what the server waits for", take_up(context)),
    )
    .also(state)
    .means(meaning)
}

fn timed_out(context: &FaultContext<'_>, limit: Duration, received: u64) -> FindingText {
    let words = FindingText::new(
        format!("not done after {}, the time allowed", duration(limit)),
        "more time (-m SECONDS), or less to fetch",
    )
    .seen(format!("{} had arrived of {}", bytes(received), url(context)));
    // Where only the exchange's begin is known, its phases tell nothing.
    let known = exchange(context).filter(|exchange| {
        exchange.request.is_some() || exchange.lookup.is_some() || !exchange.attempts.is_empty()
    });
    match known.and_then(Exchange::longest) {
        None => words.means(match context.fault.step {
            Step::Name => "the name was still being looked up",
            Step::Neighbour | Step::Connect => "the connection was not open yet",
            Step::Tls => "the TLS handshake was not over",
            Step::Request => "the request was still being sent",
            Step::Wait => "the request was sent, and no answer had come",
            Step::Body => "the body was still coming",
            _ => "it was not over yet",
        }),
        Some((kind, took)) => words.means(format!(
            "most of it was {}: {}, {} of the whole",
            kind.name(),
            duration(took),
            percent(took, limit)
        )),
    }
}

fn http_status(context: &FaultContext<'_>, status: u16, reason: &str, fail: bool) -> FindingText {
    let exchange = exchange(context);
    let took = exchange.map_or_else(|| context.took(), |exchange| exchange.span.took());
    let title = format!("{status} {}", clean(reason));
    let (meaning, next) = status_words(status);
    let words = FindingText::new(format!("{} after {}", title.trim_end(), duration(took)), next)
        .seen(url(context))
        .also(exchange.and_then(time_line))
        .also(exchange.and_then(field_line))
        .seen(if fail { "exit 22, since -f was given" } else { "exit 0; it would be 22 with -f" });
    let wait = exchange.and_then(|exchange| exchange.spent(PhaseKind::Wait));
    match wait.filter(|wait| status >= 500 && is_round(*wait)) {
        Some(wait) => words.means(format!(
            "{meaning}; it took just over {:.0} s, which looks like a timeout someone set",
            wait.as_secs_f64().floor()
        )),
        None => words.means(meaning),
    }
}

/// The meaning of a status, and what to try.
fn status_words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("the server wants to know who asks", "-u USER:PASSWORD, or -H 'Authorization: …'"),
        403 => (
            "the server knows it and will not give it",
            "credentials (-u, -b), or the server's access rules",
        ),
        404 | 410 => (
            "the server has nothing under this path",
            "check the path; the page that links here needs mending",
        ),
        405 => ("this path does not take this method", "one of those that Allow lists"),
        407 => ("a proxy wants to know who asks", "-x http://USER:PASSWORD@PROXY:PORT"),
        408 => (
            "the server waited too long for the request",
            "again; if it stays so, look what slows sending",
        ),
        429 => ("too many requests from here", "again after as long as Retry-After says"),
        400..500 => {
            ("the server finds fault with the request", "-v shows the request as it was sent")
        }
        502 | 504 => (
            "a gateway got no good answer from the server behind it",
            "the gateway's log, then that of the server behind it",
        ),
        503 => (
            "the server is overloaded or in maintenance",
            "again after as long as Retry-After says",
        ),
        _ => ("the server failed on this request", "the server's error log at this time"),
    }
}

/// Whether a wait is as long as a typical timeout: 5, 10, 15, 30, 60 … s, and at most 2 % more.
fn is_round(wait: Duration) -> bool {
    [5, 10, 15, 20, 30, 45, 60, 90, 100, 120, 180, 300].into_iter().any(|seconds| {
        let set = Duration::from_secs(seconds);
        wait >= set && wait <= set + set / 50
    })
}

fn time_line(exchange: &Exchange) -> Option<String> {
    let wait = exchange.spent(PhaseKind::Wait)?;
    let handshakes = [PhaseKind::Name, PhaseKind::Connect, PhaseKind::Tls];
    let before: Duration = handshakes.iter().filter_map(|kind| exchange.spent(*kind)).sum();
    let fine = if before.is_zero() {
        String::new()
    } else {
        format!("name, connect and tls are fine ({}); ", duration(before))
    };
    Some(format!("{fine}{} of the time is wait", percent(wait, exchange.span.took())))
}

/// The header fields that tell which server or proxy answered.
fn field_line(exchange: &Exchange) -> Option<String> {
    let telling = ["via", "server", "retry-after", "allow", "www-authenticate"];
    let fields = exchange.head()?.what.fields.iter();
    let told: Vec<String> = fields
        .filter(|field| telling.iter().any(|name| field.0.eq_ignore_ascii_case(name)))
        .map(|field| format!("{}: {}", clean(&field.0), clean(&field.1)))
        .collect();
    (!told.is_empty()).then(|| told.join(" · "))
}

fn too_many_redirects(context: &FaultContext<'_>, limit: u32, last: &str) -> FindingText {
    let first = context.story.exchanges.first();
    let first = first.map_or_else(|| url(context), |exchange| clean(&exchange.url));
    FindingText::new(
        format!("more than {limit} redirects"),
        format!("roundtrip get -v -L {first} shows each Location"),
    )
    .also(circle(context))
    .seen(format!("the last one pointed to {}", clean(last)))
    .means("the pages point to each other: http and https, with and without www, or a cookie not accepted")
}

/// The URLs that occur more than once in a chain of redirects.
fn circle(context: &FaultContext<'_>) -> Option<String> {
    // A retry asks for the same URL on purpose.
    let again = |exchange: &&Exchange| matches!(exchange.initiator, Initiator::Retry { .. });
    let chain: Vec<&Exchange> =
        context.story.chain().into_iter().filter(|exchange| !again(exchange)).collect();
    let (from, to) = chain.iter().enumerate().find_map(|(n, exchange)| {
        let later = chain.iter().skip(n + 1).position(|later| later.url == exchange.url)?;
        Some((n, n + 1 + later))
    })?;
    let urls = chain.get(from..=to)?.iter().take(5).map(|exchange| clean(&exchange.url));
    Some(format!("a circle: {}", urls.collect::<Vec<_>>().join(" → ")))
}

fn receive_failed(context: &FaultContext<'_>, why: &str) -> FindingText {
    let request = exchange(context).and_then(|exchange| exchange.request.as_ref());
    let two = request.is_some_and(|request| request.what.version == HttpVersion::Http2);
    let url = url(context);
    let (meaning, next) = if two {
        (
            "the server, or what stands before it, turned the request away; the network did not",
            format!("the server's error log at this time; roundtrip get --http1.1 -v {url}"),
        )
    } else {
        ("the connection broke beneath HTTP", format!("roundtrip get -v {url}"))
    };
    FindingText::new(format!("the response could not be received: {}", clean(why)), next)
        .also(connection_line(context))
        .means(meaning)
}

fn malformed(context: &FaultContext<'_>, what: &str, offset: u64, rule: &Rule) -> FindingText {
    let (what, url) = (clean(what), url(context));
    let ruled = format!("ruled by {}", clean(&rule.to_string()));
    let place = format!("byte {} of the response to {url}; {ruled}", grouped(offset));
    if rule.is_within(9113, "") {
        return FindingText::new(
            format!("what came is no HTTP/2: {what}"),
            format!("roundtrip get --http1.1 -v {url} shows whether HTTP/1.1 works"),
        )
        .seen(format!("in the answer to {url}; {ruled}"))
        .means("the server, or what stands before it, breaks the protocol that was agreed in the TLS handshake");
    }
    // RFC 9112 §8: messages that end before they are whole.
    if rule.is_within(9112, "8") {
        return FindingText::new(
            format!("the response is cut: {what}"),
            format!("roundtrip get -v {url} once more; then the server's error log"),
        )
        .seen(place)
        .means(
            "the server's process ended while it wrote, or something in between closed too early",
        );
    }
    FindingText::new(
        format!("the response is not HTTP: {what}"),
        "roundtrip show latest --pcap has the bytes as they came",
    )
    .seen(place)
    .means("the server breaks the protocol, this port speaks another one, or something in between rewrites")
}

fn simple(context: &FaultContext<'_>, fault: &FaultKind) -> FindingText {
    let url = url(context);
    match fault {
        FaultKind::SendFailed { why } => FindingText::new(
            format!("the request could not be sent: {}", clean(why)),
            format!("roundtrip get -v {url}; with a smaller body, if it has one"),
        )
        .also(connection_line(context))
        .means(
            "the server closed or reset while we were sending: it refuses the request, or its size",
        ),
        FaultKind::ReceiveFailed { why } => receive_failed(context, why),
        FaultKind::NotHttp { begins } => FindingText::new(
            format!("what came back is not HTTP: it begins \u{201c}{}\u{201d}", clean(begins)),
            "see that the port is the web server's; https:// where it speaks TLS",
        )
        .seen(format!("no status line from {url}; HTTP/0.9, which has none, is not spoken"))
        .means("this port speaks another protocol, or a very old server answers without a head"),
        FaultKind::StreamReset { code } => FindingText::new(
            format!("the server ended this exchange alone: {}", clean(code)),
            "the server's error log at this time; --http1.1 shows whether HTTP/2 matters",
        )
        .seen(format!("RST_STREAM for {url}; the connection itself went on"))
        .means("the server, or the application behind it, gave up on this request"),
        FaultKind::Malformed { what, offset, rule } => malformed(context, what, *offset, rule),
        FaultKind::HeadTooLarge { limit } => FindingText::new(
            format!("the head of the response is larger than {}", bytes(*limit)),
            "look for what adds fields without end: cookies, proxies that add Via in a circle",
        )
        .seen(format!("{} B and still no blank line from {url}", grouped(*limit)))
        .means(
            "nobody needs a head this large: a loop on the server, or an attempt to fill memory",
        ),
        FaultKind::TooManyFields { limit } => FindingText::new(
            format!("the head of the response has more than {} fields", grouped(*limit)),
            "look for what adds fields without end: cookies, proxies that add Via in a circle",
        )
        .seen(format!("field {} and still no blank line from {url}", grouped(*limit + 1)))
        .means("nobody needs so many: a loop on the server, or an attempt to fill memory"),
        FaultKind::BadRedirect { location, why } => FindingText::new(
            format!("redirected to {}, which cannot be followed", clean(location)),
            "mend Location on the server",
        )
        .seen(format!("{url}: {}", clean(why)))
        .means("the server names a target that is no http or https URL"),
        FaultKind::BadEncoding { coding, why } => FindingText::new(
            format!("the body's {} coding could not be undone: {}", clean(coding), clean(why)),
            format!("roundtrip get -H 'Accept-Encoding: identity' {url}"),
        )
        .means("it was damaged or cut, or is not what Content-Encoding says"),
        FaultKind::TooLarge { limit, encoded } => FindingText::new(
            format!("the body grows beyond {} when decoded", bytes(*limit)),
            "if it is meant to be that large: get -o FILE, which does not decode",
        )
        .seen(format!(
            "{} on the wire became more than {}, over {} times as much: {url}",
            bytes(*encoded),
            bytes(*limit),
            grouped(limit / (*encoded).max(1))
        ))
        .means("a decompression bomb, or a file that no page needs"),
        _ => FindingText::new(
            "something this version has no words for",
            "roundtrip show latest --format json",
        ),
    }
}
