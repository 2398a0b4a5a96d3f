//! Losses on a connection during a stretch of time.

use core::time::Duration;

use roundtrip_record::{Direction, Time, Timer};
use serde::{Serialize, Serializer};

use crate::connection::{Connection, Endpoint};
use crate::span::{Span, as_millis};

/// What had to be retransmitted in a stretch of time, at both ends of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Number of segments sent again.
    pub resent: u32,
    /// The retransmission timeouts that ran out, each as long as it was set. The second of two in a
    /// row is twice the first (RFC 6298 §5.5).
    #[serde(rename = "timeouts_ms", serialize_with = "millis")]
    pub timeouts: Vec<Duration>,
}

fn millis<S: Serializer>(timeouts: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(timeouts.iter().map(|timeout| as_millis(*timeout)))
}

impl Losses {
    /// Whether nothing was lost.
    pub fn is_nothing(&self) -> bool {
        self.resent == 0 && self.timeouts.is_empty()
    }

    /// The losses at both ends of a connection during `span`.
    pub(crate) fn during(connection: &Connection, span: Span) -> Self {
        let mut losses = Self::default();
        for end in connection.ends() {
            losses.count(end, span);
        }
        losses
    }

    fn count(&mut self, end: &Endpoint, span: Span) {
        // A retransmission at the very begin of a phase repairs a loss of the phase before.
        let within = |at: Time| at > span.start && at <= span.end;
        let again = end.segments.iter().filter(|seen| {
            seen.what.direction == Direction::Sent && seen.what.retransmission && within(seen.at)
        });
        self.resent += again.count() as u32;
        let fired = end
            .timers
            .iter()
            .filter(|timer| timer.what.timer == Timer::Retransmission && within(timer.at));
        self.timeouts.extend(fired.filter_map(|timer| timeout(end, timer.at)));
    }
}

/// How long the retransmission timer that fired at `at` had been running: since the last segment
/// sent before.
fn timeout(end: &Endpoint, at: Time) -> Option<Duration> {
    let sends = end.segments.iter().filter(|seen| {
        let what = &seen.what;
        let takes_room = what.length > 0 || what.flags.has("SYN") || what.flags.has("FIN");
        what.direction == Direction::Sent && takes_room && seen.at < at
    });
    sends.map(|seen| seen.at).max().map(|sent| at - sent)
}
