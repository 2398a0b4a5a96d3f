//! What is asked once more without anybody being told to, because that does no harm.

use http::Method;
use roundtrip_record::ConnectionId;

use super::failure::Failure;
use super::options::Resend;
use super::trouble::Trouble;

/// Tries in all, as Chromium has it (`net/http/http_network_transaction.cc`).
const MOST: u32 = 3;

/// An exchange that came to nothing.
pub(crate) struct Lost {
    pub(crate) failure: Failure,
    /// Whether it may be tried again.
    pub(crate) again: Again,
}

/// Whether, and why, an exchange may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It may not.
    No,
    /// A kept connection was lost before any byte of an answer: the server may have closed it before
    /// the request came (RFC 9112 §9.3.1).
    Kept,
    /// The server says that it did nothing with the request (RFC 9113 §8.7). With `progress`, the
    /// connection carried others to an answer, so that trying again comes to an end.
    Unprocessed { progress: bool },
    /// The server wants HTTP/1.1.
    One,
}

impl Again {
    /// What follows from this trouble. `kept` says that the connection was used before, and that
    /// nothing of an answer had come.
    pub(crate) fn after(trouble: &Trouble, method: &Method, kept: bool, resend: Resend) -> Self {
        match trouble {
            Trouble::Unprocessed { progress, .. } => Self::Unprocessed { progress: *progress },
            Trouble::NeedsOne => Self::One,
            // RFC 9110 §9.2.2: only what may be done twice, unless somebody decided otherwise.
            _ if trouble.is_loss() && kept && (method.is_idempotent() || resend == Resend::All) => {
                Self::Kept
            }
            _ => Self::No,
        }
    }
}

/// By which connection an exchange may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) reuse: Reuse,
    /// Only HTTP/1 is offered.
    pub(crate) only_one: bool,
}

/// Whether a connection that was used before will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// Any will do.
    #[default]
    Allowed,
    /// None of HTTP/1, and not this one.
    Fresh { not: ConnectionId },
}

/// Counts the tries of one request.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    failed: u32,
    route: Route,
}

impl Tries {
    /// The way of the next try.
    pub(crate) fn route(&self) -> Route {
        self.route
    }

    /// A try came to nothing; whether there is to be another one.
    pub(crate) fn another(&mut self, lost: &Lost) -> bool {
        let Some(connection) = lost.failure.connection else { return false };
        match lost.again {
            Again::No => return false,
            Again::Unprocessed { progress: true } => {}
            Again::One if self.route.only_one => return false,
            Again::One => self.route.only_one = true,
            Again::Kept | Again::Unprocessed { progress: false } => self.failed += 1,
        }
        self.route.reuse = Reuse::Fresh { not: connection };
        self.failed < MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roundtrip_record::{ExchangeId, FaultKind, Step, Time};

    fn lost(again: Again) -> Lost {
        let failure = Failure {
            exchange: ExchangeId(1),
            connection: Some(ConnectionId(7)),
            step: Step::Wait,
            since: Time::ZERO,
            cause: None,
            kind: FaultKind::Interrupted,
        };
        Lost { failure, again }
    }

    #[test]
    fn tries_come_to_an_end() {
        for (again, tries) in [
            (Again::No, 1),
            (Again::Kept, 3),
            (Again::Unprocessed { progress: false }, 3),
            (Again::One, 2),
        ] {
            let (mut count, mut made) = (Tries::default(), 1);
            while count.another(&lost(again)) {
                made += 1;
            }
            assert_eq!(made, tries, "{again:?}");
        }
        let mut count = Tries::default();
        assert!((0..100).all(|_| count.another(&lost(Again::Unprocessed { progress: true }))));
        assert_eq!(count.route().reuse, Reuse::Fresh { not: ConnectionId(7) });
    }

    #[test]
    fn only_what_does_no_harm_is_retried() {
        let silent = || Trouble::Silent { reset: false };
        let after = |trouble: &Trouble, method: &Method, kept, resend| {
            Again::after(trouble, method, kept, resend)
        };
        let (get, post) = (&Method::GET, &Method::POST);
        assert_eq!(after(&silent(), get, true, Resend::Idempotent), Again::Kept);
        assert_eq!(after(&silent(), get, false, Resend::Idempotent), Again::No);
        assert_eq!(after(&silent(), post, true, Resend::Idempotent), Again::No);
        assert_eq!(after(&silent(), post, true, Resend::All), Again::Kept);
        assert_eq!(after(&Trouble::BodyCut, get, true, Resend::All), Again::No);
        let refused = Trouble::Unprocessed { why: String::new(), progress: false };
        let expected = Again::Unprocessed { progress: false };
        assert_eq!(after(&refused, post, false, Resend::Idempotent), expected);
    }
}
