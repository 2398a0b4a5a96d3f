//! What is tried again, and when.

use core::time::Duration;
use std::time::SystemTime;

use http::StatusCode;
use roundtrip_http::message::Fields;
use roundtrip_record::{AttemptEnd, FaultKind};

/// The longest that is waited between two tries.
const MOST: Duration = Duration::from_mins(10);

/// How often a fault is tried again, and which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// Tries after the first.
    pub most: u32,
    /// What is tried again.
    pub of: Retried,
    /// The time between two tries; `None`: a second, and twice as long each time.
    pub delay: Option<Duration>,
    /// No try begins later than this after the first did.
    pub within: Option<Duration>,
}

/// Which faults are tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retried {
    /// Those that may pass: time that was up, names that were not found, statuses 408, 429, 500,
    /// 502, 503, 504.
    #[default]
    Passing,
    /// Those, and connections that were refused.
    Refused,
    /// All.
    All,
}

impl Retries {
    /// How long to wait before the next try; `None` where there is none. `tries` were made after the
    /// first, which began `since` ago.
    pub fn pause(
        &self,
        kind: &FaultKind,
        fields: &Fields,
        tries: u32,
        since: Duration,
        wall: SystemTime,
    ) -> Option<Duration> {
        if tries >= self.most || self.within.is_some_and(|within| since >= within) {
            return None;
        }
        let own = self.delay.unwrap_or_else(|| Duration::from_secs(1 << tries.min(10)));
        let pause = match kind {
            FaultKind::HttpStatus { status, .. }
                if StatusCode::from_u16(*status).is_ok_and(is_passing) =>
            {
                let asked = asked_for(fields, wall).unwrap_or_default();
                // As curl: a server that asks for more time than is left is not waited for.
                if self.within.is_some_and(|within| since.saturating_add(asked) > within) {
                    return None;
                }
                own.max(asked)
            }
            kind if self.takes(kind) => own,
            _ => return None,
        };
        Some(pause.min(MOST))
    }

    fn takes(&self, kind: &FaultKind) -> bool {
        // Time that was up, names of servers and proxies.
        let passing = matches!(kind.exit_code(), 5 | 6 | 28);
        match self.of {
            Retried::Passing => passing,
            Retried::Refused => passing || is_refused(kind),
            Retried::All => !matches!(kind, FaultKind::Interrupted),
        }
    }
}

/// Statuses that may be others a moment later: those that curl tries again.
pub fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

fn is_refused(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::ConnectFailed { attempts }
        if attempts.last().is_some_and(|last| last.end == AttemptEnd::Refused))
}

/// Retry-After: seconds, or a date (RFC 9110 §10.2.3).
fn asked_for(fields: &Fields, wall: SystemTime) -> Option<Duration> {
    let text = fields.text("Retry-After")?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(wall).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(retries: Retries, kind: &FaultKind, asked: &str, tries: u32) -> Option<u64> {
        let mut fields = Fields::new();
        fields.add("Retry-After", asked);
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let pause = retries.pause(kind, &fields, tries, Duration::from_secs(5), wall);
        pause.map(|pause| pause.as_secs())
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let busy = FaultKind::HttpStatus { status: 503, reason: String::new(), fail: true };
        let missing = FaultKind::HttpStatus { status: 404, reason: String::new(), fail: true };
        let late = FaultKind::TimedOut { limit: Duration::from_secs(1), received: 0, head: 0 };
        let empty = FaultKind::EmptyReply { reset: false };
        let three = Retries { most: 3, ..Retries::default() };
        assert_eq!(
            [0, 1, 2, 3].map(|n| pause(three, &late, "", n)),
            [Some(1), Some(2), Some(4), None]
        );
        assert_eq!(pause(three, &busy, "7", 0), Some(7));
        assert_eq!(pause(three, &busy, "Thu, 01 Jan 1970 00:17:00 GMT", 0), Some(20));
        assert_eq!(pause(three, &busy, "99999999", 0), Some(600));
        assert_eq!(pause(three, &busy, "soon", 2), Some(4));
        assert_eq!((pause(three, &missing, "", 0), pause(three, &empty, "", 0)), (None, None));
        let all = Retries { of: Retried::All, delay: Some(Duration::from_secs(9)), ..three };
        assert_eq!((pause(all, &empty, "", 2), pause(all, &late, "99", 2)), (Some(9), Some(9)));
        let short = Retries { within: Some(Duration::from_secs(5)), ..three };
        assert_eq!(pause(short, &late, "", 0), None);
        let longer = Retries { within: Some(Duration::from_secs(9)), ..three };
        assert_eq!((pause(longer, &busy, "4", 0), pause(longer, &busy, "5", 0)), (Some(4), None));
        assert_eq!(pause(longer, &busy, "99999999", 0), None);
    }
}
