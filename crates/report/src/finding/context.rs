//! `FaultContext`, from which a finding is made, and `FindingText`, which is made of it.

use core::time::Duration;

use roundtrip_record::{Direction, Fault, TcpState, Time};
use roundtrip_story::{Endpoint, Exchange, Story, WrittenOrigin};

use crate::text::{clean, grouped};

/// A fault with the parts of the story that it concerns.
pub(super) struct FaultContext<'a> {
    pub(super) story: &'a Story,
    pub(super) fault: &'a Fault,
    pub(super) at: Time,
}

impl<'a> FaultContext<'a> {
    /// Our end of the connection that the fault concerns, or else its exchange.
    pub(super) fn endpoint(&self) -> Option<&'a Endpoint> {
        let id = self.fault.connection.or_else(|| exchange(self)?.connection)?;
        self.story.connection(id)?.ends().find(|end| end.id == id)
    }

    /// The time from the begin of the step to the fault.
    pub(super) fn took(&self) -> Duration {
        self.at - self.fault.since
    }
}

/// The texts of a finding.
#[derive(Default)]
pub(super) struct FindingText {
    pub(super) headline: String,
    pub(super) evidence: Vec<String>,
    pub(super) meaning: Option<String>,
    pub(super) next: String,
}

impl FindingText {
    pub(super) fn new(headline: impl Into<String>, next: impl Into<String>) -> Self {
        Self { headline: headline.into(), next: next.into(), ..Self::default() }
    }

    pub(super) fn seen(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    pub(super) fn also(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(lines);
        self
    }

    pub(super) fn means(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = Some(meaning.into());
        self
    }
}

/// The exchange that a fault ended or harmed.
pub(super) fn exchange<'a>(context: &FaultContext<'a>) -> Option<&'a Exchange> {
    context.story.exchange(context.fault.exchange?)
}

/// The URL that a fault concerns.
pub(super) fn url(context: &FaultContext<'_>) -> String {
    let exchange = exchange(context).or_else(|| context.story.document());
    let subject = context.story.run.as_ref().map(|run| run.subject.as_str());
    clean(
        exchange.map(|exchange| exchange.url.as_str()).or(subject).unwrap_or(say!("the exchange")),
    )
}

/// The host and port of that URL, as `openssl` and `ss` expect them.
pub(super) fn host_port(context: &FaultContext<'_>) -> String {
    let url = url(context);
    let WrittenOrigin { scheme, host, port, .. } = WrittenOrigin::of(&url);
    let port = port.unwrap_or(if scheme == Some("http") { 80 } else { 443 });
    format!("{host}:{port}")
}

/// The host of that URL.
pub(super) fn host(context: &FaultContext<'_>) -> String {
    WrittenOrigin::of(&url(context)).host.to_owned()
}

/// What is known of the connection at the time of the fault.
pub(super) fn connection_line(context: &FaultContext<'_>) -> Option<String> {
    connection_line_at(context, context.at)
}

/// What was known of the connection at another time, such as before we closed it ourselves.
pub(super) fn connection_line_at(context: &FaultContext<'_>, moment: Time) -> Option<String> {
    let end = context.endpoint()?;
    let until = |at: Time| at <= moment;
    let mut facts = vec![say!("our end is {}", end.state_at(moment)?)];
    let sent = end
        .segments
        .iter()
        .rev()
        .find(|seen| until(seen.at) && seen.what.direction == Direction::Sent);
    if let Some(sent) = sent {
        facts.push(say!("our window {}", grouped(sent.what.window.into())));
    }
    if let Some(sample) = end.congestion.iter().rev().find(|sample| until(sample.at)) {
        facts.push(match sample.what.in_flight {
            0 => say!("nothing unacknowledged").into(),
            flight => say!("{} B unacknowledged", grouped(flight)),
        });
    }
    let heard = |flag| {
        end.segments.iter().any(|seen| {
            until(seen.at)
                && seen.what.direction == Direction::Received
                && seen.what.flags.has(flag)
        })
    };
    if !end.segments.is_empty() {
        facts.push(match (heard("FIN"), heard("RST")) {
            (false, false) => say!("no FIN and no RST came").into(),
            (true, false) => say!("FIN came").into(),
            (_, true) => say!("RST came").into(),
        });
    }
    match end.retransmissions() {
        0 => {}
        again => facts.push(crate::text::count(again as usize, "retransmission")),
    }
    // A connection that is simply established needs no mention.
    let news = facts.len() > 1 || end.state_at(moment)? != TcpState::Established;
    news.then(|| facts.join(", "))
}
