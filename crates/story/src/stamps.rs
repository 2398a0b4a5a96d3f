//! When bytes passed our host, as far as the record tells: stamps in the events themselves, packets
//! that were seen, and reads of bytes that had been waiting in the socket.

use roundtrip_record::{Direction, HttpVersion, Time, What};

use crate::connection::{Connection, End};
use crate::exchange::Exchange;
use crate::story::Story;

/// What is known of one exchange; each is `None` where nothing tells it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamps {
    /// When the last bytes arrived that the TLS handshake waited for.
    pub(crate) handshake_done: Option<Time>,
    /// When the last byte of the request left.
    pub(crate) departed: Option<Time>,
    /// When the first byte of the final response arrived.
    pub(crate) first_byte: Option<Time>,
    /// When its last byte arrived.
    pub(crate) last_byte: Option<Time>,
}

impl Stamps {
    pub(crate) fn of(exchange: &Exchange, connection: Option<&Connection>, story: &Story) -> Self {
        let near = connection.and_then(|connection| connection.end_of(exchange.side));
        let mut stamps = Self::default();
        if let Some(done) = connection.and_then(|connection| connection.tls.as_ref()) {
            stamps.handshake_done =
                done.what.arrived.or_else(|| last_arrival(near?, Time::ZERO, done.at));
        }
        let Some(request) = &exchange.request else { return stamps };
        let head = exchange.head();
        stamps.first_byte = head.and_then(|head| {
            let told = head.what.arrived.or_else(|| {
                let event = story.event(head.what.first_segment?)?;
                let What::TcpSegment(segment) = &event.what else { return None };
                let brought = segment.direction == Direction::Received && segment.length > 0;
                (brought && segment.connection == head.what.connection).then_some(event.at)
            });
            told.or_else(|| read_of(near?, request.at, head.what.first_byte))
        });
        stamps.departed = request.what.passed.or_else(|| {
            let until = match (&request.what.version, stamps.first_byte) {
                // Others' frames go out on the same connection while this one waits.
                (HttpVersion::Http2 | HttpVersion::Http3, _) | (_, None) => {
                    request.at + core::time::Duration::from_nanos(1)
                }
                (_, Some(first)) => first,
            };
            last_departure(near?, request.what.began, until)
        });
        stamps.last_byte = exchange.response.as_ref().and_then(|response| {
            let since = head.map_or(request.at, |head| head.what.first_byte);
            let seen = || last_arrival(near?, Time::ZERO, response.at);
            response.what.arrived.or_else(seen).or_else(|| read_of(near?, since, response.at))
        });
        stamps
    }
}

/// When the SYN left first and when the first answer to it arrived.
pub(crate) fn handshake(end: &End) -> (Option<Time>, Option<Time>) {
    let seen = |direction: Direction| {
        end.segments
            .iter()
            .filter(|seen| seen.what.direction == direction && seen.what.flags.has("SYN"))
            .map(|seen| seen.at)
            .min()
    };
    (seen(Direction::Sent), seen(Direction::Received))
}

/// From the SYN that was answered to its answer: the last one before it, since of one that was lost
/// nothing came back.
pub(crate) fn round_trip(end: &End) -> Option<core::time::Duration> {
    let (_, answered) = handshake(end);
    let answered = answered?;
    let sent = end.segments.iter().filter(|seen| {
        seen.what.direction == Direction::Sent && seen.what.flags.has("SYN") && seen.at <= answered
    });
    sent.map(|seen| seen.at).max().map(|sent| answered - sent)
}

/// When the last data left in this time; what is sent again is not counted. What left at its very end
/// belongs to what came next.
fn last_departure(end: &End, since: Time, until: Time) -> Option<Time> {
    end.segments
        .iter()
        .filter(|seen| seen.what.direction == Direction::Sent && seen.what.length > 0)
        .filter(|seen| !seen.what.retransmission && (since..until).contains(&seen.at))
        .map(|seen| seen.at)
        .max()
}

/// When the last data arrived in this time.
fn last_arrival(end: &End, since: Time, until: Time) -> Option<Time> {
    end.segments
        .iter()
        .filter(|seen| seen.what.direction == Direction::Received && seen.what.length > 0)
        .filter(|seen| (since..=until).contains(&seen.at))
        .map(|seen| seen.at)
        .max()
}

/// When the bytes had arrived that were read last in this time, if the wire told of such a read.
fn read_of(end: &End, since: Time, until: Time) -> Option<Time> {
    let reads = end.reads.iter().filter(|read| (since..=until).contains(&read.at));
    reads.max_by_key(|read| read.at).map(|read| read.what.arrived)
}
