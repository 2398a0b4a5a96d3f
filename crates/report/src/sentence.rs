//! Describes events in sentences, for chains of causes.

use roundtrip_record::{AttemptEnd, Direction, EndedBy, Event, Transport, What};

use crate::language::recorded;
use crate::model::Model;
use crate::names::{how, initiator, neighbour, outcome, source, timer};
use crate::text::{bytes, clean, duration, grouped};

/// What happened, in one sentence without time and host.
pub(crate) fn sentence(event: &Event, model: &Model) -> String {
    match &event.what {
        What::RunStarted(run) => say!("{} {} begins", clean(&run.command), clean(&run.subject)),
        What::RunEnded(ended) => say!("the run ends with exit code {}", ended.exit),
        What::HostDeclared(host) => say!("host {} takes part", clean(&host.name)),
        What::LinkDeclared(_) => say!("a link is there").into(),
        What::LinkDropped(dropped) => {
            say!("the link did not deliver it: {}", format_args!("{:?}", dropped.reason))
        }
        What::LinkCounts(counts) => say!("the link carried {} frames", counts.frames),
        What::Unseen(unseen) => say!("not visible: {}", clean(&unseen.what)),
        What::Fault(_) => {
            let finding = model.findings.iter().find(|finding| finding.event == event.id);
            finding.map_or(say!("a fault").into(), |finding| say!("fault: {}", finding.headline))
        }
        What::Frame(frame) => {
            let way = match frame.direction {
                Direction::Sent => say!("left"),
                Direction::Received => say!("arrived at"),
            };
            let packet = frame.packet.map_or(String::new(), |n| say!(" (packet {})", n));
            say!("a frame of {} {} an interface{}", bytes(frame.length.into()), way, packet)
        }
        What::PageFound(found) => say!("the page names {}", clean(&found.url)),
        What::Milestone(milestone) => {
            say!("the page reached {}", clean(milestone.name.as_str()))
        }
        What::PageFrame(frame) => {
            say!("the page was looked at, with {} of its document", bytes(frame.document))
        }
        What::LargestContent(largest) => {
            say!("the largest content was painted: {}", crate::names::content(largest, None))
        }
        What::PagePainted(painted) => {
            say!("the page was painted, {} × {}", painted.width, painted.height)
        }
        What::PageNote(note) => clean(&note.note),
        what => name(what)
            .or_else(|| tcp(what))
            .or_else(|| http(what))
            .unwrap_or_else(|| what.kind().into()),
    }
}

fn name(what: &What) -> Option<String> {
    Some(match what {
        What::NameStarted(started) => {
            say!("{} is looked up ({})", clean(&started.name), clean(&started.types.join(", ")))
        }
        What::NameAsked(asked) => {
            say!("{} is asked for {}", source(&asked.source), clean(&asked.name))
        }
        What::NameAnswered(answered) => {
            let took = if answered.took.is_zero() {
                String::new()
            } else {
                say!(" after {}", duration(answered.took))
            };
            say!("{} answers{}: {}", source(&answered.source), took, outcome(&answered.outcome))
        }
        What::DnsMessage(message) => {
            let way = match message.direction {
                Direction::Sent => say!("to"),
                Direction::Received => say!("from"),
            };
            let code =
                message.code.as_deref().map_or(String::new(), |code| format!(", {}", clean(code)));
            say!("DNS message {} {}: {}{}", way, message.peer, clean(&message.question), code)
        }
        What::NameEnded(ended) => {
            let addresses: Vec<String> = ended.addresses.iter().map(ToString::to_string).collect();
            let found =
                if addresses.is_empty() { say!("nothing").into() } else { addresses.join(", ") };
            say!("the lookup ends with {}", found)
        }
        _ => return None,
    })
}

fn tcp(what: &What) -> Option<String> {
    Some(match what {
        What::NeighbourChanged(changed) => {
            let mac =
                changed.mac.as_deref().map_or(String::new(), |mac| say!(" at {}", clean(mac)));
            say!(
                "the neighbour {} is {}{}, {}",
                changed.address,
                neighbour(changed.to),
                mac,
                how(&changed.how)
            )
        }
        What::ConnectAttempt(attempt) if attempt.transport == Transport::Unix => {
            say!("a connection to a Unix domain socket is tried").into()
        }
        What::ConnectResult(result)
            if result.transport == Transport::Unix && result.end == AttemptEnd::Connected =>
        {
            say!("connected to the Unix domain socket").into()
        }
        What::ConnectAttempt(attempt) => say!("a connection to {} is tried", attempt.to),
        What::ConnectResult(result) => match &result.end {
            AttemptEnd::Connected => say!("connected to {}", result.to),
            AttemptEnd::Refused => say!("{} refused the connection", result.to),
            AttemptEnd::TimedOut => say!("{} did not answer", result.to),
            AttemptEnd::Cancelled => say!("the try to reach {} was given up", result.to),
            AttemptEnd::NoNeighbour { next_hop } => say!("{} has no hardware address", next_hop),
            AttemptEnd::Unreachable { why, .. } | AttemptEnd::Failed { why } => {
                format!("{}: {}", result.to, clean(why))
            }
        },
        What::TcpOpened(opened) => {
            say!("a connection {} ↔ {} comes into being", opened.local, opened.remote)
        }
        What::TcpStateChanged(changed) => {
            say!("TCP goes from {} to {}, {}", changed.from, changed.to, how(&changed.how))
        }
        What::TcpSegment(segment) => {
            let way = match segment.direction {
                Direction::Sent => say!("sent"),
                Direction::Received => say!("received"),
            };
            let again = if segment.retransmission { say!(", again") } else { "" };
            say!(
                "segment {}: {} seq={} {}{}",
                way,
                segment.flags,
                grouped(segment.seq.into()),
                bytes(segment.length.into()),
                again
            )
        }
        What::TcpCongestion(sample) => {
            say!("congestion window {}, in flight {}", bytes(sample.cwnd), bytes(sample.in_flight))
        }
        What::TcpTimer(fired) => say!("{} fired", timer(fired.timer)),
        What::TcpInfo(info) => {
            say!("the kernel says {}, rtt {} µs", clean(&info.state), info.rtt_us)
        }
        What::TcpClosed(closed) => {
            say!(
                "the connection is gone ({}), {}",
                format_args!("{:?}", closed.reason),
                how(&closed.how)
            )
        }
        What::TlsStarted(started) => {
            say!("a TLS handshake with {} begins", clean(&started.server_name))
        }
        What::TlsEstablished(done) => {
            say!("{} is established, {}", clean(done.version.as_str()), clean(&done.cipher))
        }
        _ => return None,
    })
}

fn http(what: &What) -> Option<String> {
    Some(match what {
        What::ExchangeStarted(started) => {
            say!("{} is wanted, {}", clean(&started.url), initiator(&started.initiator))
        }
        What::RequestSent(request) => {
            let reused =
                if request.reused > 0 { say!(" over a connection used before") } else { "" };
            say!("{} {} has been sent{}", clean(&request.method), clean(&request.target), reused)
        }
        What::ResponseHead(head) => {
            say!("the response's head is there: {} {}", head.status, clean(&head.reason))
        }
        What::ResponseEnded(response) => {
            let cut = if response.body.cut.is_some() { say!(", cut short") } else { "" };
            say!("the body has ended after {}{}", bytes(response.body.encoded), cut)
        }
        What::CachedResponse(cached) => {
            let told = if cached.validated { say!(", as the server said") } else { "" };
            say!("the cache gave what it had{}: {}", told, crate::names::cached(cached))
        }
        What::ExchangeEnded(ended) => {
            if ended.complete {
                say!("the exchange is complete").into()
            } else {
                say!("the exchange is over, incomplete").into()
            }
        }
        What::ConnectionEnding(ending) => match ending.by {
            EndedBy::Kept => say!("the connection is kept: {}", recorded(&clean(&ending.why))),
            EndedBy::Client => say!("we end the connection: {}", recorded(&clean(&ending.why))),
            EndedBy::Server => {
                say!("the server ends the connection: {}", recorded(&clean(&ending.why)))
            }
        },
        _ => return None,
    })
}
