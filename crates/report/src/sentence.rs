//! Describes events in sentences, for chains of causes.

use roundtrip_record::{AttemptEnd, Direction, EndedBy, Event, Transport, What};

use crate::model::Model;
use crate::names::{how, initiator, neighbour, outcome, source, timer};
use crate::text::{bytes, clean, duration, grouped};

/// What happened, in one sentence without time and host.
pub(crate) fn sentence(event: &Event, model: &Model) -> String {
    match &event.what {
        What::RunStarted(run) => format!("{} {} begins", clean(&run.command), clean(&run.subject)),
        What::RunEnded(ended) => format!("the run ends with exit code {}", ended.exit),
        What::HostDeclared(host) => format!("host {} takes part", clean(&host.name)),
        What::LinkDeclared(_) => "a link is there".into(),
        What::LinkDropped(dropped) => format!("the link did not deliver it: {:?}", dropped.reason),
        What::LinkCounts(counts) => format!("the link carried {} frames", counts.frames),
        What::Unseen(unseen) => format!("not visible: {}", clean(&unseen.what)),
        What::Fault(_) => {
            let finding = model.findings.iter().find(|finding| finding.event == event.id);
            finding.map_or("a fault".into(), |finding| format!("fault: {}", finding.headline))
        }
        What::Frame(frame) => {
            let way = match frame.direction {
                Direction::Sent => "left",
                Direction::Received => "arrived at",
            };
            let packet = frame.packet.map_or(String::new(), |n| format!(" (packet {n})"));
            format!("a frame of {} {way} an interface{packet}", bytes(frame.length.into()))
        }
        What::PageFound(found) => format!("the page names {}", clean(&found.url)),
        What::Milestone(milestone) => {
            format!("the page reached {}", clean(milestone.name.as_str()))
        }
        What::PagePainted(painted) => {
            format!("the page was painted, {} × {}", painted.width, painted.height)
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
            format!("{} is looked up ({})", clean(&started.name), clean(&started.types.join(", ")))
        }
        What::NameAsked(asked) => {
            format!("{} is asked for {}", source(&asked.source), clean(&asked.name))
        }
        What::NameAnswered(answered) => {
            let took = if answered.took.is_zero() {
                String::new()
            } else {
                format!(" after {}", duration(answered.took))
            };
            format!("{} answers{took}: {}", source(&answered.source), outcome(&answered.outcome))
        }
        What::DnsMessage(message) => {
            let way = match message.direction {
                Direction::Sent => "to",
                Direction::Received => "from",
            };
            let code =
                message.code.as_deref().map_or(String::new(), |code| format!(", {}", clean(code)));
            format!("DNS message {way} {}: {}{code}", message.peer, clean(&message.question))
        }
        What::NameEnded(ended) => {
            let addresses: Vec<String> = ended.addresses.iter().map(ToString::to_string).collect();
            let found = if addresses.is_empty() { "nothing".into() } else { addresses.join(", ") };
            format!("the lookup ends with {found}")
        }
        _ => return None,
    })
}

fn tcp(what: &What) -> Option<String> {
    Some(match what {
        What::NeighbourChanged(changed) => {
            let mac =
                changed.mac.as_deref().map_or(String::new(), |mac| format!(" at {}", clean(mac)));
            format!(
                "the neighbour {} is {}{mac}, {}",
                changed.address,
                neighbour(changed.to),
                how(&changed.how)
            )
        }
        What::ConnectAttempt(attempt) if attempt.transport == Transport::Unix => {
            "a connection to a Unix domain socket is tried".into()
        }
        What::ConnectResult(result)
            if result.transport == Transport::Unix && result.end == AttemptEnd::Connected =>
        {
            "connected to the Unix domain socket".into()
        }
        What::ConnectAttempt(attempt) => format!("a connection to {} is tried", attempt.to),
        What::ConnectResult(result) => match &result.end {
            AttemptEnd::Connected => format!("connected to {}", result.to),
            AttemptEnd::Refused => format!("{} refused the connection", result.to),
            AttemptEnd::TimedOut => format!("{} did not answer", result.to),
            AttemptEnd::Cancelled => format!("the try to reach {} was given up", result.to),
            AttemptEnd::NoNeighbour { next_hop } => format!("{next_hop} has no hardware address"),
            AttemptEnd::Unreachable { why, .. } | AttemptEnd::Failed { why } => {
                format!("{}: {}", result.to, clean(why))
            }
        },
        What::TcpOpened(opened) => {
            format!("a connection {} ↔ {} comes into being", opened.local, opened.remote)
        }
        What::TcpStateChanged(changed) => {
            format!("TCP goes from {} to {}, {}", changed.from, changed.to, how(&changed.how))
        }
        What::TcpSegment(segment) => {
            let way = match segment.direction {
                Direction::Sent => "sent",
                Direction::Received => "received",
            };
            let again = if segment.retransmission { ", again" } else { "" };
            format!(
                "segment {way}: {} seq={} {}{again}",
                segment.flags,
                grouped(segment.seq.into()),
                bytes(segment.length.into())
            )
        }
        What::TcpCongestion(sample) => format!(
            "congestion window {}, in flight {}",
            bytes(sample.cwnd),
            bytes(sample.in_flight)
        ),
        What::TcpTimer(fired) => format!("{} fired", timer(fired.timer)),
        What::TcpInfo(info) => {
            format!("the kernel says {}, rtt {} µs", clean(&info.state), info.rtt_us)
        }
        What::TcpClosed(closed) => {
            format!("the connection is gone ({:?}), {}", closed.reason, how(&closed.how))
        }
        What::TlsStarted(started) => {
            format!("a TLS handshake with {} begins", clean(&started.server_name))
        }
        What::TlsEstablished(done) => {
            format!("{} is established, {}", clean(done.version.as_str()), clean(&done.cipher))
        }
        _ => return None,
    })
}

fn http(what: &What) -> Option<String> {
    Some(match what {
        What::ExchangeStarted(started) => {
            format!("{} is wanted, {}", clean(&started.url), initiator(&started.initiator))
        }
        What::RequestSent(request) => {
            let reused = if request.reused > 0 { " over a connection used before" } else { "" };
            format!("{} {} has been sent{reused}", clean(&request.method), clean(&request.target))
        }
        What::ResponseHead(head) => {
            format!("the response's head is there: {} {}", head.status, clean(&head.reason))
        }
        What::ResponseEnded(response) => {
            let cut = if response.body.cut.is_some() { ", cut short" } else { "" };
            format!("the body has ended after {}{cut}", bytes(response.body.encoded))
        }
        What::CachedResponse(cached) => {
            let told = if cached.validated { ", as the server said" } else { "" };
            format!("the cache gave what it had{told}: {}", crate::names::cached(cached))
        }
        What::ExchangeEnded(ended) => {
            if ended.complete {
                "the exchange is complete".into()
            } else {
                "the exchange is over, incomplete".into()
            }
        }
        What::ConnectionEnding(ending) => match ending.by {
            EndedBy::Kept => format!("the connection is kept: {}", clean(&ending.why)),
            EndedBy::Client => format!("we end the connection: {}", clean(&ending.why)),
            EndedBy::Server => format!("the server ends the connection: {}", clean(&ending.why)),
        },
        _ => return None,
    })
}
