//! Finds out when bytes passed our host: from stamps in the events themselves, from packets that
//! were seen, and from reads of bytes that had been waiting in the socket.

use roundtrip_record::{Direction, HttpVersion, Time, What};

use crate::connection::{Connection, Endpoint};
use crate::exchange::Exchange;
use crate::story::Story;

/// When the bytes of one exchange passed our host; `None` where the record does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ByteTimes {
    /// When the last bytes that the TLS handshake waited for arrived.
    pub(crate) handshake_done: Option<Time>,
    /// When the last byte of the request left.
    pub(crate) departed: Option<Time>,
    /// When the first byte of the final response arrived.
    pub(crate) first_byte: Option<Time>,
    /// When the last byte of the final response arrived.
    pub(crate) last_byte: Option<Time>,
}

impl ByteTimes {
    pub(crate) fn of(exchange: &Exchange, connection: Option<&Connection>, story: &Story) -> Self {
        let near = connection.and_then(|connection| connection.end_of(exchange.side));
        let mut byte_times = Self::default();
        if let Some(done) = connection.and_then(|connection| connection.tls.as_ref()) {
            byte_times.handshake_done =
                done.what.arrived.or_else(|| last_arrival(near?, Time::ZERO, done.at));
        }
        let Some(request) = &exchange.request else { return byte_times };
        let head = exchange.head();
        byte_times.first_byte = head.and_then(|head| {
            let told = head.what.arrived.or_else(|| {
                let event = story.event(head.what.first_segment?)?;
                let What::TcpSegment(segment) = &event.what else { return None };
                let brought = segment.direction == Direction::Received && segment.length > 0;
                (brought && segment.connection == head.what.connection).then_some(event.at)
            });
            told.or_else(|| read_of(near?, request.at, head.what.first_byte))
        });
        byte_times.departed = request.what.passed.or_else(|| {
            let until = match (&request.what.version, byte_times.first_byte) {
                // In HTTP/2 and HTTP/3, frames of other exchanges leave on the same connection
                // while this exchange waits for its response; so only what left up to the request's
                // event counts.
                (HttpVersion::Http2 | HttpVersion::Http3, _) | (_, None) => {
                    request.at + core::time::Duration::from_nanos(1)
                }
                (_, Some(first)) => first,
            };
            last_departure(near?, request.what.began, until)
        });
        byte_times.last_byte = exchange.response.as_ref().and_then(|response| {
            let since = head.map_or(request.at, |head| head.what.first_byte);
            let seen = || last_arrival(near?, Time::ZERO, response.at);
            response.what.arrived.or_else(seen).or_else(|| read_of(near?, since, response.at))
        });
        byte_times
    }
}

/// When the first SYN left, and when the first answer to it arrived.
pub(crate) fn handshake(end: &Endpoint) -> (Option<Time>, Option<Time>) {
    let seen = |direction: Direction| {
        end.segments
            .iter()
            .filter(|seen| seen.what.direction == direction && seen.what.flags.has("SYN"))
            .map(|seen| seen.at)
            .min()
    };
    (seen(Direction::Sent), seen(Direction::Received))
}

/// The round-trip time of the handshake, from the last SYN sent before its answer to that answer. A
/// SYN that was lost got none.
pub(crate) fn round_trip(end: &Endpoint) -> Option<core::time::Duration> {
    let (_, answered) = handshake(end);
    let answered = answered?;
    let sent = end.segments.iter().filter(|seen| {
        seen.what.direction == Direction::Sent && seen.what.flags.has("SYN") && seen.at <= answered
    });
    sent.map(|seen| seen.at).max().map(|sent| answered - sent)
}

/// When the last new data left, from `since` to before `until`. Retransmissions do not count.
fn last_departure(end: &Endpoint, since: Time, until: Time) -> Option<Time> {
    end.segments
        .iter()
        .filter(|seen| seen.what.direction == Direction::Sent && seen.what.length > 0)
        .filter(|seen| !seen.what.retransmission && (since..until).contains(&seen.at))
        .map(|seen| seen.at)
        .max()
}

/// When the last data arrived, from `since` to `until`.
fn last_arrival(end: &Endpoint, since: Time, until: Time) -> Option<Time> {
    end.segments
        .iter()
        .filter(|seen| seen.what.direction == Direction::Received && seen.what.length > 0)
        .filter(|seen| (since..=until).contains(&seen.at))
        .map(|seen| seen.at)
        .max()
}

/// When the bytes arrived that were read last from `since` to `until`; `None` if no such read was
/// reported.
fn read_of(end: &Endpoint, since: Time, until: Time) -> Option<Time> {
    let reads = end.reads.iter().filter(|read| (since..=until).contains(&read.at));
    reads.max_by_key(|read| read.at).map(|read| read.what.arrived)
}
