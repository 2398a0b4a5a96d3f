//! How fast bytes came, as far as the bodies of a record tell: for the time that sending takes on a slow link.

use core::time::Duration;

use roundtrip_record::Time;

use crate::exchange::Exchange;
use crate::phase::PhaseKind;
use crate::story::Story;

/// The smallest body that tells of a rate, in bytes: some round trips of a connection that starts slowly.
const TELLING: u64 = 32 << 10;

/// The shortest time that it may have taken. What comes at once was waiting in a buffer.
const TELLING_TIME: Duration = Duration::from_millis(10);

/// What a packet carries of a connection's bytes, at most: 1500 without the headers of IP and TCP with a time stamp.
const SEGMENT: u64 = 1448;

/// The most bytes a second that came. The link may be faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(u64);

impl Rate {
    /// The rate at the time when the bodies under way came fastest, all together; `None` where none tells. Each
    /// counts as if it had come evenly.
    pub(crate) fn of(story: &Story) -> Option<Self> {
        let mut changes: Vec<(Time, i128)> = Vec::new();
        for exchange in story.answered().filter(|exchange| exchange.complete) {
            let Some(body) = exchange.phase(PhaseKind::Body) else { continue };
            let bytes = exchange.response.as_ref().map_or(0, |ended| ended.what.body.encoded);
            let took = body.span.took();
            if bytes >= TELLING && took >= TELLING_TIME {
                let rate = i128::from(bytes) * 1_000_000_000 / took.as_nanos() as i128;
                changes.extend([(body.span.start, rate), (body.span.end, -rate)]);
            }
        }
        // At one time, what ends comes before what begins.
        changes.sort_unstable();
        let sums = changes.iter().scan(0, |sum, (_, change)| {
            *sum += change;
            Some(*sum)
        });
        sums.max().and_then(|most| u64::try_from(most).ok()).filter(|most| *most > 0).map(Self)
    }

    /// How long it took at the most to send what an exchange's wait was spent on besides the round trip: what of the
    /// request had not been sent before, and the first packet of the answer. For the way to the server the rate of the
    /// way back stands in, which is seldom the slower one.
    pub(crate) fn sending(self, exchange: &Exchange) -> Duration {
        let request = exchange.request.as_ref().map(|request| &request.what);
        let asked = request.map_or(0, |request| request.head_bytes + request.body_bytes);
        let before = exchange.spent(PhaseKind::Request).unwrap_or_default();
        let way_there = self.time(asked).saturating_sub(before);
        way_there + self.time(exchange.received().min(SEGMENT))
    }

    fn time(self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
