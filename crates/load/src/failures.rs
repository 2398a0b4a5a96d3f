//! What went wrong: kinds of faults, how often each was seen, and the first of each as an example.

use core::mem::discriminant;
use core::time::Duration;

use http::StatusCode;
use roundtrip_record::{AttemptEnd, Fault, FaultKind, Step, Time};
use roundtrip_report::Finding;

/// A kind of fault that was seen.
#[derive(Clone, Debug)]
pub struct FailureKind {
    /// How often.
    pub count: u64,
    /// The first of them.
    pub example: FaultKind,
    /// The step in which it showed.
    pub step: Step,
    /// When, since the beginning.
    pub first: Duration,
    /// How long that request had been under way.
    pub took: Duration,
    /// When the last one was seen.
    pub last: Duration,
    /// What was asked for when the first one was seen.
    pub url: String,
}

impl FailureKind {
    /// Its words: those of every other command for a fault of this kind.
    pub fn finding(&self) -> Finding {
        let at = Time::ZERO + self.first;
        let since = Time::ZERO + self.first.saturating_sub(self.took);
        let fault = Fault {
            step: self.step,
            exchange: None,
            connection: None,
            since,
            fatal: false,
            fault: self.example.clone(),
        };
        Finding::alone(&fault, at, &self.url)
    }

    fn is_like(&self, step: Step, kind: &FaultKind) -> bool {
        self.step == step
            && discriminant(&self.example) == discriminant(kind)
            && aspect(&self.example) == aspect(kind)
    }
}

/// What tells faults of one kind apart for a reader of the report.
fn aspect(kind: &FaultKind) -> u32 {
    match kind {
        FaultKind::HttpStatus { status, .. } => u32::from(*status),
        FaultKind::EmptyReply { reset } => u32::from(*reset),
        FaultKind::ConnectFailed { attempts } => match attempts.last().map(|last| &last.end) {
            Some(AttemptEnd::Refused) => 1,
            Some(AttemptEnd::TimedOut) => 2,
            Some(AttemptEnd::Unreachable { .. }) => 3,
            Some(AttemptEnd::NoNeighbour { .. }) => 4,
            _ => 0,
        },
        _ => 0,
    }
}

/// All kinds that were seen, the first one first.
#[derive(Clone, Debug, Default)]
pub struct Failures(Vec<FailureKind>);

impl Failures {
    /// A request failed that had been under way since `since`.
    pub(crate) fn add(
        &mut self,
        (since, at): (Duration, Duration),
        step: Step,
        kind: FaultKind,
        url: &str,
    ) {
        if let Some(known) = self.0.iter_mut().find(|known| known.is_like(step, &kind)) {
            known.count += 1;
            known.last = known.last.max(at);
            return;
        }
        let (url, took) = (url.to_owned(), at.saturating_sub(since));
        self.0.push(FailureKind { count: 1, example: kind, step, first: at, took, last: at, url });
    }

    /// An answer of status 400 or above.
    pub(crate) fn add_status(
        &mut self,
        times: (Duration, Duration),
        status: StatusCode,
        url: &str,
    ) {
        let reason = status.canonical_reason().unwrap_or_default().to_owned();
        let kind = FaultKind::HttpStatus { status: status.as_u16(), reason, fail: false };
        self.add(times, Step::Wait, kind, url);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for theirs in &other.0 {
            let own = self.0.iter_mut().find(|own| own.is_like(theirs.step, &theirs.example));
            match own {
                None => self.0.push(theirs.clone()),
                Some(own) => {
                    let count = own.count + theirs.count;
                    let last = own.last.max(theirs.last);
                    if theirs.first < own.first {
                        *own = theirs.clone();
                    }
                    (own.count, own.last) = (count, last);
                }
            }
        }
        self.0.sort_by_key(|kind| kind.first);
    }

    /// The kinds, in the order in which they were first seen.
    pub fn kinds(&self) -> &[FailureKind] {
        &self.0
    }

    /// How many there were in all.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|kind| kind.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_with_the_first_as_example() {
        let (mut a, mut b) = (Failures::default(), Failures::default());
        let at = Duration::from_millis;
        let times = |millis| (at(millis - 1), at(millis));
        let empty = |reset| FaultKind::EmptyReply { reset };
        a.add(times(5), Step::Wait, empty(true), "http://a.test/late");
        a.add(times(6), Step::Wait, empty(false), "http://a.test/");
        b.add(times(2), Step::Wait, empty(true), "http://a.test/early");
        b.add_status(times(9), StatusCode::BAD_GATEWAY, "http://a.test/");
        b.add_status(times(9), StatusCode::NOT_FOUND, "http://a.test/");
        a.merge(&b);
        let told: Vec<_> = a.kinds().iter().map(|kind| (kind.count, kind.first)).collect();
        assert_eq!(told, [(2, at(2)), (1, at(6)), (1, at(9)), (1, at(9))]);
        assert_eq!(a.kinds()[0].url, "http://a.test/early");
        assert_eq!(a.kinds()[0].last, at(5));
        assert_eq!(a.count(), 5);
    }

    #[test]
    fn faults_have_the_words_of_every_command() {
        let mut all = Failures::default();
        all.add_status(
            (Duration::ZERO, Duration::from_secs(30)),
            StatusCode::BAD_GATEWAY,
            "http://a.test/x",
        );
        let finding = all.kinds()[0].finding();
        assert!(finding.headline.contains("502"), "{}", finding.headline);
        assert!(finding.headline.contains("30 s"), "{}", finding.headline);
        assert_eq!(finding.nel, "http.error");
    }
}
