//! How long servers thought about requests, as far as a record tells.

use core::time::Duration;
use std::collections::BTreeMap;

use roundtrip_record::ExchangeId;

use crate::exchange::Exchange;
use crate::origin::WrittenOrigin;
use crate::phase::PhaseKind;
use crate::rate::Rate;
use crate::span::Span;
use crate::story::Story;

/// How the think time of an exchange is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkEvidence {
    /// The server's own end of the exchange is in the record, or an imported recording states it.
    Server,
    /// The exchange had the network for itself: what remained of its wait after one round trip.
    Alone,
    /// An interim response came before the answer: the server had the request and was at work on it, and what
    /// was under way meanwhile was commonly asked for because of that response. What remained of the wait after
    /// one round trip; it may be too long.
    Interim,
    /// Others were under way, whose bytes it may have waited behind: what the same server took for
    /// exchanges that were alone, at most its own wait after one round trip.
    Others,
    /// Others were under way, and none of this server's was alone: the least that remained of a wait
    /// for it. It may be too long.
    Least,
}

/// A server's think time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Think {
    /// How long.
    pub took: Duration,
    /// The longest that it can have been: what remained of the wait after one round trip.
    pub most: Duration,
    /// How it is known.
    pub evidence: ThinkEvidence,
}

impl Story {
    /// The servers' think times, by exchange. Time that a request or an answer waited in a queue of the
    /// network is not the server's: a wait is taken for one only where nothing else was under way.
    pub fn thinks(&self) -> BTreeMap<ExchangeId, Think> {
        let busy: Vec<(ExchangeId, Span)> = self.answered().filter_map(transfer).collect();
        let mut alone: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
        let mut least: BTreeMap<&str, Duration> = BTreeMap::new();
        let mut own = Vec::new();
        let waits = Waits::of(self);
        for exchange in self.answered() {
            let most = waits.rest(exchange);
            let is_alone = exchange.phase(PhaseKind::Wait).is_some_and(|wait| {
                let overlaps = |(id, span): &(ExchangeId, Span)| {
                    *id != exchange.id && span.start < wait.span.end && wait.span.start < span.end
                };
                !busy.iter().any(overlaps)
            });
            let server = WrittenOrigin::of(&exchange.url).text;
            if is_alone {
                alone.entry(server).or_default().push(most);
            }
            let so_far = least.entry(server).or_insert(most);
            *so_far = most.min(*so_far);
            own.push((exchange, server, most, is_alone));
        }
        for times in alone.values_mut() {
            times.sort_unstable();
        }
        let think = |(exchange, server, most, is_alone): (&Exchange, &str, Duration, bool)| {
            let of_others = alone.get(server).map(|times| times[(times.len() - 1) / 2]);
            let (took, evidence) = match (self.server_think(exchange), of_others) {
                (Some(took), _) => (took, ThinkEvidence::Server),
                (None, _) if is_alone => (most, ThinkEvidence::Alone),
                (None, _) if exchange.is_announced() => (most, ThinkEvidence::Interim),
                (None, Some(usual)) => (usual.min(most), ThinkEvidence::Others),
                (None, None) => (least.get(server).copied().unwrap_or(most), ThinkEvidence::Least),
            };
            (exchange.id, Think { took, most, evidence })
        };
        own.into_iter().map(think).collect()
    }

    /// How long the server itself took: from the request's arrival there to the beginning of its answer, where the record has
    /// the server's end, or states it.
    pub fn server_think(&self, exchange: &Exchange) -> Option<Duration> {
        if exchange.server_think.is_some() {
            return exchange.server_think;
        }
        let server = self.exchange(exchange.other?)?;
        let (request, head) = (server.request.as_ref()?, server.head()?);
        Some(head.what.first_byte.since(request.at))
    }
}

/// What of the waits for first bytes was the network's.
struct Waits<'a> {
    story: &'a Story,
    /// The shortest round trip to each server.
    nearest: BTreeMap<&'a str, Duration>,
    rate: Option<Rate>,
}

impl<'a> Waits<'a> {
    fn of(story: &'a Story) -> Self {
        let mut nearest: BTreeMap<&str, Duration> = BTreeMap::new();
        for exchange in story.answered() {
            if let Some(round_trip) = story.round_trip(exchange) {
                let server = WrittenOrigin::of(&exchange.url).text;
                let so_far = nearest.entry(server).or_insert(round_trip);
                *so_far = round_trip.min(*so_far);
            }
        }
        Self { story, nearest, rate: Rate::of(story) }
    }

    /// What remains of an exchange's wait after one round trip, which the handshake measured: that of its own
    /// connection, or where that was opened before the recording began, of another one to the same server. The packets
    /// of a handshake are all but empty; the time in which the request and the begin of its answer were sent is the
    /// network's as well. Time of our own machine is in none of them.
    fn rest(&self, exchange: &Exchange) -> Duration {
        let server = WrittenOrigin::of(&exchange.url).text;
        let measured = self.story.round_trip(exchange);
        let round_trip = measured.or_else(|| self.nearest.get(server).copied());
        let wait = exchange.spent(PhaseKind::Wait).unwrap_or_default();
        let rest = wait.saturating_sub(round_trip.unwrap_or_default());
        rest.saturating_sub(self.rate.map_or(Duration::ZERO, |rate| rate.sending(exchange)))
    }
}

/// From when a request left until its answer was there.
fn transfer(exchange: &Exchange) -> Option<(ExchangeId, Span)> {
    let wait = exchange.phase(PhaseKind::Wait)?;
    Some((exchange.id, Span::new(wait.span.start, exchange.span.end)))
}
