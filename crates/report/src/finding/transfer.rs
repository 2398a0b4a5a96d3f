//! Words for faults of the request, wait and body steps.

use core::time::Duration;

use roundtrip_record::{Direction, FaultKind, HttpVersion, Initiator, Rule, Step, TcpState};

use super::context::{
    FaultContext, FindingText, connection_line, connection_line_at, exchange, host, url,
};
use crate::language::word;
use crate::names::short_url;
use crate::text::{bytes, clean, count, duration, grouped, percent};
use roundtrip_story::{Exchange, PhaseKind, TimedSegment};

pub(super) fn words(context: &FaultContext<'_>) -> FindingText {
    match &context.fault.fault {
        FaultKind::EmptyReply { reset } => empty_reply(context, *reset),
        FaultKind::Reset { received, expected } => reset(context, *received, *expected),
        FaultKind::Short { received, expected } => short(context, *received, *expected),
        FaultKind::TlsCut { received, expected } => tls_cut(context, *received, *expected),
        FaultKind::Stalled { received, head, expected, silent } => {
            stalled(context, (*received, *head), *expected, *silent)
        }
        FaultKind::TimedOut { limit, received, head } => {
            timed_out(context, *limit, *received, *head)
        }
        FaultKind::HttpStatus { status, reason, fail } => {
            http_status(context, *status, reason, *fail)
        }
        FaultKind::TooManyRedirects { limit, last } => too_many_redirects(context, *limit, last),
        other => simple(context, other),
    }
}

fn empty_reply(context: &FaultContext<'_>, reset: bool) -> FindingText {
    let (how, flag) = if reset { (say!("reset"), "RST") } else { (say!("closed"), "FIN") };
    let reused = exchange(context).map_or(0, Exchange::reused);
    let words = FindingText::new(
        say!("{} {} the connection without an answer", host(context), how),
        say!("roundtrip get -v {} once more; then the server's error log", url(context)),
    )
    .seen(say!("the request went out, {} came back after {}", flag, duration(context.took())))
    .also(connection_line(context));
    if reused > 0 {
        words.means(say!("the connection had carried {} before: most likely its keep-alive time ran out at just this moment", count(reused as usize, "exchange")))
    } else if url(context).starts_with("https:") {
        words.means(say!("the server's process died on this request, or what stands before it did"))
    } else {
        words.means(say!("the server's process died on this request, or this port speaks another protocol (https?)"))
    }
}

/// The bytes received of those expected: `65 536 of 204 800 B`.
fn progress(received: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => say!("{} of {} B", grouped(received), grouped(expected)),
        None => format!("{} B", grouped(received)),
    }
}

fn take_up(context: &FaultContext<'_>) -> String {
    say!("roundtrip get -C - -o FILE {} goes on where it broke off", url(context))
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

/// What had come of the head, for a fault before it was whole: so many bytes of it, or else what packets tell.
fn head_line(context: &FaultContext<'_>, head: u64) -> Option<String> {
    if head > 0 {
        return Some(say!("{} B of {} had come", grouped(head), say!("its head")));
    }
    let came = head_bytes(context).filter(|came| *came > 0)?;
    let tls =
        exchange(context)?.connection.and_then(|id| context.story.connection(id)?.tls.as_ref());
    let of = if tls.is_some() { "TLS" } else { say!("its head") };
    Some(say!("{} B of {} had come", grouped(came), of))
}

fn reset(context: &FaultContext<'_>, received: u64, expected: Option<u64>) -> FindingText {
    let meaning = say!("the server's process died, or a box in between forgot the connection");
    if context.fault.step == Step::Wait {
        return FindingText::new(
            say!("{} reset the connection inside the head of its response", host(context)),
            say!("roundtrip get -v {} once more; then the server's error log", url(context)),
        )
        .seen(say!("RST came {} after the request went out", duration(context.took())))
        .also(head_line(context, 0))
        .also(connection_line(context))
        .means(meaning);
    }
    FindingText::new(say!("reset at {}", progress(received, expected)), take_up(context))
        .seen(say!("RST came {} into the body of {}", duration(context.took()), url(context)))
        .also(connection_line(context))
        .means(meaning)
}

fn short(context: &FaultContext<'_>, received: u64, expected: Option<u64>) -> FindingText {
    let words = FindingText::new(
        say!("the body ends too early, at {}", progress(received, expected)),
        take_up(context),
    );
    let words = match expected {
        Some(expected) => words
            .seen(say!("{}: Content-Length promised {}, {} are missing", url(context), bytes(expected), bytes(expected.saturating_sub(received))))
            .means(say!("the server closed in good order before it was done: its source failed, or Content-Length is wrong")),
        None => words
            .seen(say!("{}: chunked, and the last chunk never came", url(context)))
            .means(say!("the server closed in good order in the middle: what makes this page failed on the way")),
    };
    words.also(connection_line(context))
}

fn tls_cut(context: &FaultContext<'_>, received: u64, expected: Option<u64>) -> FindingText {
    FindingText::new(
        say!("TLS ended without close_notify, at {}", progress(received, expected)),
        say!("{}; the server's error log at this time", take_up(context)),
    )
    .seen(say!("{}: the connection was closed, but TLS was not", url(context)))
    .also(connection_line(context))
    .means(say!("the server's process ended or forgot close_notify, or somebody on the way cut the connection: the body may not be whole"))
}

fn stalled(
    context: &FaultContext<'_>,
    (received, head): (u64, u64),
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
        (_, Some(0)) => say!("our window is closed: we stopped reading, not the server"),
        (Some(TcpState::Established), _) => {
            say!("the connection stands and nothing of ours is outstanding: the sender stopped")
        }
        _ => say!("the sender stopped, or all that it sends is lost on the way"),
    };
    let state = connection_line_at(context, midst);
    if context.fault.step == Step::Wait {
        let began = head > 0 || head_bytes(context).is_some_and(|came| came > 0);
        let what = if began {
            say!("stopped inside the head of its response")
        } else {
            say!("has not answered")
        };
        return FindingText::new(
            say!("{} {}; silent for {}", host(context), what, duration(silent)),
            say!("look what the server waits for, in its log or at what stands behind it; or wait longer"),
        )
        .seen(say!("the request for {} went out", url(context)))
        .also(head_line(context, head))
        .also(state)
        .means(if began { meaning } else { say!("it works on the answer, or hangs, or what it sends is lost") });
    }
    FindingText::new(
        say!("stalled at {}; silent for {}", progress(received, expected), duration(silent)),
        say!("{}; look what the server waits for", take_up(context)),
    )
    .also(state)
    .means(meaning)
}

fn timed_out(context: &FaultContext<'_>, limit: Duration, received: u64, head: u64) -> FindingText {
    let words = FindingText::new(
        say!("not done after {}, the time allowed", duration(limit)),
        say!("more time (-m SECONDS), or less to fetch"),
    )
    .seen(if head > 0 {
        say!("{} had arrived of the head of {}", bytes(head), url(context))
    } else {
        say!("{} had arrived of {}", bytes(received), url(context))
    });
    // Where only the exchange's begin is known, its phases tell nothing.
    let known = exchange(context).filter(|exchange| {
        exchange.request.is_some() || exchange.lookup.is_some() || !exchange.attempts.is_empty()
    });
    match known.and_then(Exchange::longest) {
        _ if context.fault.step == Step::Page => words.means(unfinished(context)),
        None => words.means(match context.fault.step {
            Step::Name => say!("the name was still being looked up"),
            Step::Neighbour | Step::Connect => say!("the connection was not open yet"),
            Step::Tls => say!("the TLS handshake was not over"),
            Step::Request => say!("the request was still being sent"),
            Step::Wait if head > 0 => say!("the request was sent, and its answer had only begun"),
            Step::Wait => say!("the request was sent, and no answer had come"),
            Step::Body => say!("the body was still coming"),
            _ => say!("it was not over yet"),
        }),
        Some((kind, took)) => words.means(say!(
            "most of it was {}: {}, {} of the whole",
            word(kind.name()),
            duration(took),
            percent(took, limit)
        )),
    }
}

/// What the page was waiting for when its time was up: what had begun, and was given up then.
fn unfinished(context: &FaultContext<'_>) -> String {
    let given_up = |exchange: &&Exchange| {
        !exchange.complete && exchange.span.start <= context.at && exchange.span.end >= context.at
    };
    let base = exchange(context).map(|page| page.url.as_str());
    let mut open: Vec<&Exchange> = context.story.exchanges.iter().filter(given_up).collect();
    open.sort_by_key(|exchange| exchange.span.start);
    let Some((first, more)) = open.split_first() else {
        return say!("the page had come, and was not ready yet").into();
    };
    let url = clean(&short_url(&first.url, base));
    let took = duration(context.at - first.span.start);
    let waited = if first.head().is_some() {
        say!("the page had come; {} was still coming after {}", url, took)
    } else {
        say!("the page had come; {} had not been answered after {}", url, took)
    };
    match more.len() {
        0 => waited,
        others => waited + &say!(", nor were {} more there", others),
    }
}

fn http_status(context: &FaultContext<'_>, status: u16, reason: &str, fail: bool) -> FindingText {
    let exchange = exchange(context);
    let took = exchange.map_or_else(|| context.took(), |exchange| exchange.span.took());
    let title = format!("{status} {}", clean(reason));
    let (meaning, next) = status_words(status);
    let words = FindingText::new(say!("{} after {}", title.trim_end(), duration(took)), next)
        .seen(url(context))
        .also(exchange.and_then(time_line))
        .also(exchange.and_then(field_line))
        .seen(if fail {
            say!("exit 22, since -f was given")
        } else {
            say!("exit 0; it would be 22 with -f")
        });
    let wait = exchange.and_then(|exchange| exchange.spent(PhaseKind::Wait));
    match wait.filter(|wait| status >= 500 && is_round(*wait)) {
        Some(wait) => words.means(say!(
            "{}; it took just over {} s, which looks like a timeout someone set",
            meaning,
            format_args!("{:.0}", wait.as_secs_f64().floor())
        )),
        None => words.means(meaning),
    }
}

/// The meaning of a status, and what to try.
fn status_words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            say!("the server wants to know who asks"),
            say!("-u USER:PASSWORD, or -H 'Authorization: …'"),
        ),
        403 => (
            say!("the server knows it and will not give it"),
            say!("credentials (-u, -b), or the server's access rules"),
        ),
        404 | 410 => (
            say!("the server has nothing under this path"),
            say!("check the path; the page that links here needs mending"),
        ),
        405 => (say!("this path does not take this method"), say!("one of those that Allow lists")),
        407 => (say!("a proxy wants to know who asks"), say!("-x http://USER:PASSWORD@PROXY:PORT")),
        408 => (
            say!("the server waited too long for the request"),
            say!("again; if it stays so, look what slows sending"),
        ),
        429 => {
            (say!("too many requests from here"), say!("again after as long as Retry-After says"))
        }
        400..500 => (
            say!("the server finds fault with the request"),
            say!("-v shows the request as it was sent"),
        ),
        502 | 504 => (
            say!("a gateway got no good answer from the server behind it"),
            say!("the gateway's log, then that of the server behind it"),
        ),
        503 => (
            say!("the server is overloaded or in maintenance"),
            say!("again after as long as Retry-After says"),
        ),
        _ => {
            (say!("the server failed on this request"), say!("the server's error log at this time"))
        }
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
        say!("name, connect and tls are fine ({}); ", duration(before))
    };
    Some(say!("{}{} of the time is wait", fine, percent(wait, exchange.span.took())))
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
        say!("more than {} redirects", limit),
        say!("roundtrip get -v -L {} shows each Location", first),
    )
    .also(circle(context))
    .seen(say!("the last one pointed to {}", clean(last)))
    .means(say!("the pages point to each other: http and https, with and without www, or a cookie not accepted"))
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
    Some(say!("a circle: {}", urls.collect::<Vec<_>>().join(" → ")))
}

fn receive_failed(context: &FaultContext<'_>, why: &str) -> FindingText {
    let exchange = exchange(context);
    let request = exchange.and_then(|exchange| exchange.request.as_ref());
    let two = request.is_some_and(|request| request.what.version == HttpVersion::Http2);
    let is_part = request.is_some_and(|request| {
        request.what.fields.iter().any(|field| field.0.eq_ignore_ascii_case("range"))
    });
    let is_answered = exchange.is_some_and(|exchange| exchange.response.is_some());
    let url = url(context);
    let (meaning, next) = if is_part && is_answered {
        (
            say!("the server cannot go on where the file ends; nothing was appended to it"),
            say!("roundtrip get -o FILE {} asks for the whole", url),
        )
    } else if two {
        (
            say!(
                "the server, or what stands before it, turned the request away; the network did not"
            ),
            say!("the server's error log at this time; roundtrip get --http1.1 -v {}", url),
        )
    } else {
        (say!("the connection broke beneath HTTP"), format!("roundtrip get -v {url}"))
    };
    FindingText::new(say!("the response could not be received: {}", clean(why)), next)
        .also(connection_line(context))
        .means(meaning)
}

fn malformed(context: &FaultContext<'_>, what: &str, offset: u64, rule: &Rule) -> FindingText {
    let (what, url) = (clean(what), url(context));
    let ruled = say!("ruled by {}", clean(&rule.to_string()));
    let place = say!("byte {} of the response to {}; {}", grouped(offset), url, ruled);
    if rule.is_within(9113, "") {
        return FindingText::new(
            say!("what came is no HTTP/2: {}", what),
            say!("roundtrip get --http1.1 -v {} shows whether HTTP/1.1 works", url),
        )
        .seen(say!("in the answer to {}; {}", url, ruled))
        .means(say!("the server, or what stands before it, breaks the protocol that was agreed in the TLS handshake"));
    }
    // RFC 9112 §8: messages that end before they are whole.
    if rule.is_within(9112, "8") {
        return FindingText::new(
            say!("the response is cut: {}", what),
            say!("roundtrip get -v {} once more; then the server's error log", url),
        )
        .seen(place)
        .means(say!(
            "the server's process ended while it wrote, or something in between closed too early"
        ));
    }
    FindingText::new(
        say!("the response is not HTTP: {}", what),
        say!("roundtrip show latest --pcap has the bytes as they came"),
    )
    .seen(place)
    .means(say!("the server breaks the protocol, this port speaks another one, or something in between rewrites"))
}

fn simple(context: &FaultContext<'_>, fault: &FaultKind) -> FindingText {
    let url = url(context);
    match fault {
        FaultKind::SendFailed { why } => FindingText::new(
            say!("the request could not be sent: {}", clean(why)),
            say!("roundtrip get -v {}; with a smaller body, if it has one", url),
        )
        .also(connection_line(context))
        .means(say!(
            "the server closed or reset while we were sending: it refuses the request, or its size"
        )),
        FaultKind::ReceiveFailed { why } => receive_failed(context, why),
        FaultKind::NotHttp { begins } => FindingText::new(
            say!("what came back is not HTTP: it begins \u{201c}{}\u{201d}", clean(begins)),
            say!("see that the port is the web server's; https:// where it speaks TLS"),
        )
        .seen(say!("no status line from {}; HTTP/0.9, which has none, is not spoken", url))
        .means(say!(
            "this port speaks another protocol, or a very old server answers without a head"
        )),
        FaultKind::StreamReset { code } => FindingText::new(
            say!("the server ended this exchange alone: {}", clean(code)),
            say!("the server's error log at this time; --http1.1 shows whether HTTP/2 matters"),
        )
        .seen(say!("RST_STREAM for {}; the connection itself went on", url))
        .means(say!("the server, or the application behind it, gave up on this request")),
        FaultKind::Malformed { what, offset, rule } => malformed(context, what, *offset, rule),
        FaultKind::HeadTooLarge { limit } => FindingText::new(
            say!("the head of the response is larger than {}", bytes(*limit)),
            say!(
                "look for what adds fields without end: cookies, proxies that add Via in a circle"
            ),
        )
        .seen(say!("{} B and still no blank line from {}", grouped(*limit), url))
        .means(say!(
            "nobody needs a head this large: a loop on the server, or an attempt to fill memory"
        )),
        FaultKind::TooManyFields { limit } => FindingText::new(
            say!("the head of the response has more than {} fields", grouped(*limit)),
            say!(
                "look for what adds fields without end: cookies, proxies that add Via in a circle"
            ),
        )
        .seen(say!("field {} and still no blank line from {}", grouped(*limit + 1), url))
        .means(say!("nobody needs so many: a loop on the server, or an attempt to fill memory")),
        FaultKind::BadRedirect { location, why } => FindingText::new(
            say!("redirected to {}, which cannot be followed", clean(location)),
            say!("mend Location on the server"),
        )
        .seen(format!("{url}: {}", clean(why)))
        .means(say!("the server names a target that is no http or https URL")),
        FaultKind::BadEncoding { coding, why } => FindingText::new(
            say!("the body's {} coding could not be undone: {}", clean(coding), clean(why)),
            format!("roundtrip get -H 'Accept-Encoding: identity' {url}"),
        )
        .means(say!("it was damaged or cut, or is not what Content-Encoding says")),
        FaultKind::TooLarge { limit, encoded } => FindingText::new(
            say!("the body grows beyond {} when decoded", bytes(*limit)),
            say!("if it is meant to be that large: get -o FILE, which does not decode"),
        )
        .seen(say!(
            "{} on the wire became more than {}, over {} times as much: {}",
            bytes(*encoded),
            bytes(*limit),
            grouped(limit / (*encoded).max(1)),
            url
        ))
        .means(say!("a decompression bomb, or a file that no page needs")),
        _ => FindingText::new(
            say!("something this version has no words for"),
            say!("roundtrip show latest --format json"),
        ),
    }
}
