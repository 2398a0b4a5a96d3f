//! `Cause`: what changed about an exchange that explains why a step of it took another time. A cause
//! is named only where the record shows it, and only for the step that it bears on.

use core::time::Duration;

use roundtrip_record::{Blocks, HttpVersion, Priority, TlsVersion};
use serde::Serialize;

use super::both::{Both, Shift, both_ms};
use super::change::{self, Way};
use super::hosts::{answered_by, closed_after};
use super::pair::origin;
use crate::exchange::Exchange;
use crate::loss::Losses;
use crate::phase::PhaseKind;
use crate::story::Story;
use crate::think::Think;

/// A step of an exchange as far as differences are explained: a connection's two handshakes are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The name lookup.
    Name,
    /// The handshakes of transport and TLS.
    Connection,
    /// The wait for a turn.
    Blocked,
    /// The sending of the request.
    Request,
    /// The wait for the first byte.
    Wait,
    /// The body.
    Body,
    /// Our own machine.
    Here,
}

impl Part {
    /// The part that a phase belongs to.
    pub const fn of(kind: PhaseKind) -> Self {
        match kind {
            PhaseKind::Blocked => Self::Blocked,
            PhaseKind::Name => Self::Name,
            PhaseKind::Connect | PhaseKind::Tls => Self::Connection,
            PhaseKind::Request => Self::Request,
            PhaseKind::Wait => Self::Wait,
            PhaseKind::Body => Self::Body,
            PhaseKind::Here => Self::Here,
        }
    }
}

/// What changed, as far as the record shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// The exchange is on side B only.
    Added,
    /// The exchange is on side A only.
    Removed,
    /// The answer is a redirect that the other side does not have.
    Redirect {
        /// Its status.
        status: u16,
        /// Whether side B has it.
        is_new: bool,
    },
    /// Another number of bytes came.
    Resized {
        /// Bytes of the body as they were sent.
        encoded: Both<u64>,
        /// The body's codings.
        codings: Both<Vec<String>>,
    },
    /// The request has another number of bytes.
    RequestResized {
        /// Bytes of the request.
        bytes: Both<u64>,
    },
    /// What waits for it is not the same.
    Blocks {
        /// What waits for it.
        blocks: Both<Blocks>,
    },
    /// It went by a new connection, and by one in use before, or the other way round.
    Connection {
        /// By which it went.
        way: Both<Way>,
        /// How many exchanges a connection to this server had carried when the server closed it, before this one
        /// needed a new one.
        closed_after: Option<usize>,
    },
    /// Another HTTP version.
    Protocol {
        /// The version.
        version: Both<HttpVersion>,
    },
    /// Another TLS version, or a session resumed on one side only; `None` is no TLS.
    Tls {
        /// The version.
        version: Both<Option<TlsVersion>>,
        /// Whether an earlier session was resumed.
        resumed: Both<bool>,
    },
    /// Another number of addresses was tried.
    Attempts {
        /// How many.
        tried: Both<usize>,
    },
    /// The server is as many milliseconds further away or nearer.
    RoundTrip {
        /// The round-trip time of the connection.
        #[serde(rename = "round_trip_ms", serialize_with = "both_ms")]
        took: Both<Duration>,
    },
    /// Segments were lost in this step.
    Lost {
        /// What was sent again.
        lost: Both<Losses>,
    },
    /// The server took another time.
    Think {
        /// How long.
        #[serde(rename = "think_ms", serialize_with = "both_ms")]
        took: Both<Duration>,
    },
    /// Another status.
    Status {
        /// The status.
        status: Both<Option<u16>>,
    },
    /// The name leads through other aliases.
    Aliases {
        /// The aliases.
        aliases: Both<Vec<String>>,
    },
    /// Somebody else answered for the name; `None` where it was not looked up.
    NameFrom {
        /// Who: `cache`, `hosts`, `resolver`, `zone`.
        from: Both<Option<&'static str>>,
    },
    /// Questions for the name went out again since no answer had come in time.
    NameAskedAgain {
        /// How many.
        times: Both<usize>,
    },
    /// Other exchanges with the same server were under way when this one was wanted.
    Queue {
        /// How many.
        ahead: Both<usize>,
    },
    /// Another urgency.
    Priority {
        /// The urgency.
        priority: Both<Priority>,
    },
    /// As many bytes came at another rate, and nothing shows why.
    Rate {
        /// Bytes of the body on side B.
        bytes: u64,
        /// The time in which they came.
        #[serde(rename = "took_ms", serialize_with = "both_ms")]
        took: Both<Duration>,
    },
}

/// An exchange on either side, with what its story and its server's think time are.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub(super) stories: Both<&'a Story>,
    pub(super) exchanges: Both<&'a Exchange>,
    pub(super) thinks: Both<Option<&'a Think>>,
}

impl Compared<'_> {
    /// The causes of a difference in one part of the exchange.
    pub(super) fn causes(&self, part: Part, shift: Shift) -> Vec<Cause> {
        let mut causes = Vec::new();
        match part {
            Part::Name => self.name(shift, &mut causes),
            Part::Connection => self.connection(shift, &mut causes),
            Part::Blocked => self.blocked(shift, &mut causes),
            Part::Request => causes.extend(self.request(shift)),
            Part::Wait => self.wait(shift, &mut causes),
            Part::Body => self.body(shift, &mut causes),
            Part::Here => {}
        }
        if !matches!(part, Part::Connection) {
            causes.extend(self.lost(part, shift));
        }
        let only = causes.is_empty() && part == Part::Body;
        causes.extend(self.rate().filter(|_| only));
        causes
    }

    fn name(&self, shift: Shift, causes: &mut Vec<Cause>) {
        let lookup = |story: &'_ Story, exchange: &Exchange| {
            let id = exchange.lookup?;
            let lookup = story.lookups.iter().find(|lookup| lookup.id == id)?;
            Some((lookup.aliases.clone(), answered_by(lookup), lookup.asked_again()))
        };
        let found = Both::new(
            lookup(self.stories.a, self.exchanges.a),
            lookup(self.stories.b, self.exchanges.b),
        );
        let from = found.as_ref().map(|one| one.as_ref().and_then(|one| one.1));
        if from.differ() {
            causes.push(Cause::NameFrom { from });
        }
        let times = found.as_ref().map(|one| one.as_ref().map_or(0, |one| one.2));
        if same_sign(times.map(|times| times as u64), shift) {
            causes.push(Cause::NameAskedAgain { times });
        }
        let aliases = found.known().map(|both| both.map(|one| one.0));
        if let Some(aliases) = aliases.filter(Both::differ) {
            causes.push(Cause::Aliases { aliases });
        }
    }

    fn connection(&self, shift: Shift, causes: &mut Vec<Cause>) {
        let way = self.exchanges.map(Way::of);
        if way.differ() {
            let closed_after =
                (way.b == Way::New).then(|| closed_before(self.stories.b, self.exchanges.b));
            causes.push(Cause::Connection { way, closed_after: closed_after.flatten() });
            return;
        }
        let tls = |story: &Story, exchange: &Exchange| {
            let connection = story.connection(exchange.connection?)?;
            Some(connection.tls.as_ref()?.what.clone())
        };
        let tls =
            Both::new(tls(self.stories.a, self.exchanges.a), tls(self.stories.b, self.exchanges.b));
        let resumed = tls.as_ref().map(|tls| tls.as_ref().is_some_and(|tls| tls.resumed));
        let version = tls.map(|tls| tls.map(|tls| tls.version));
        if version.differ() || resumed.differ() {
            causes.push(Cause::Tls { version, resumed });
        }
        let tried = self.exchanges.map(|one| one.attempts.len());
        if tried.differ() && same_sign(tried.map(|tried| tried as u64), shift) {
            causes.push(Cause::Attempts { tried });
        }
        causes.extend(self.lost(Part::Connection, shift));
        causes.extend(self.round_trip(shift));
    }

    fn blocked(&self, shift: Shift, causes: &mut Vec<Cause>) {
        causes.extend(self.protocol());
        let priority = self.exchanges.map(|one| one.priority);
        if priority.differ() && (priority.b < priority.a) == shift.is_longer() {
            causes.push(Cause::Priority { priority });
        }
        let ahead = Both::new(
            ahead(self.stories.a, self.exchanges.a),
            ahead(self.stories.b, self.exchanges.b),
        );
        if same_sign(ahead.map(|ahead| ahead as u64), shift) {
            causes.push(Cause::Queue { ahead });
        }
    }

    fn request(&self, shift: Shift) -> Option<Cause> {
        let bytes = self.exchanges.map(change::request_size).known()?;
        same_sign(bytes, shift).then_some(Cause::RequestResized { bytes })
    }

    fn wait(&self, shift: Shift, causes: &mut Vec<Cause>) {
        let think = change::think(self.thinks);
        if let Some(took) = think.filter(|both| both.shift().is_longer() == shift.is_longer()) {
            causes.push(Cause::Think { took });
        }
        let status = self.exchanges.map(Exchange::status);
        if status.differ() {
            causes.push(Cause::Status { status });
        }
        causes.extend(self.round_trip(shift));
    }

    fn body(&self, shift: Shift, causes: &mut Vec<Cause>) {
        let body = |one: &Exchange| {
            let body = &one.response.as_ref()?.what.body;
            Some((body.encoded, body.codings.clone()))
        };
        let Some(bodies) = self.exchanges.map(body).known() else { return };
        let encoded = bodies.as_ref().map(|body| body.0);
        if same_sign(encoded, shift) {
            causes.push(Cause::Resized { encoded, codings: bodies.map(|body| body.1) });
        }
        causes.extend(self.protocol());
    }

    fn protocol(&self) -> Option<Cause> {
        let version = |one: &Exchange| Some(one.request.as_ref()?.what.version.clone());
        let version = self.exchanges.map(version).known()?;
        version.differ().then_some(Cause::Protocol { version })
    }

    /// Another round-trip time, if it differs by a twentieth or more and in the direction of the shift.
    fn round_trip(&self, shift: Shift) -> Option<Cause> {
        let took = Both::new(
            self.stories.a.round_trip(self.exchanges.a),
            self.stories.b.round_trip(self.exchanges.b),
        )
        .known()?;
        let by = took.shift();
        let is_much = by.size() * 20 >= took.a.max(took.b);
        (is_much && !by.is_zero() && by.is_longer() == shift.is_longer())
            .then_some(Cause::RoundTrip { took })
    }

    fn lost(&self, part: Part, shift: Shift) -> Option<Cause> {
        let lost = self.exchanges.map(|exchange| {
            let phases = exchange.phases.iter().filter(|phase| Part::of(phase.kind) == part);
            phases.fold(Losses::default(), |mut all, phase| {
                all.resent += phase.lost.resent;
                all.timeouts.extend(&phase.lost.timeouts);
                all
            })
        });
        let waited = lost.as_ref().map(|lost| lost.timeouts.iter().sum::<Duration>());
        let resent = lost.as_ref().map(|lost| u64::from(lost.resent));
        let more = same_sign(resent, shift)
            || (waited.differ() && waited.shift().is_longer() == shift.is_longer());
        more.then_some(Cause::Lost { lost })
    }

    /// How fast about as many bytes came.
    fn rate(&self) -> Option<Cause> {
        let bytes = |one: &Exchange| Some(one.response.as_ref()?.what.body.encoded);
        let bytes = self.exchanges.map(bytes).known()?;
        let took = self.exchanges.map(|one| one.spent(PhaseKind::Body)).known()?;
        let alike = bytes.a.abs_diff(bytes.b) * 20 <= bytes.a.max(bytes.b);
        // What came at once came at no rate.
        let lasted = took.a.min(took.b) >= Duration::from_millis(1);
        (alike && lasted && bytes.b > 0).then_some(Cause::Rate { bytes: bytes.b, took })
    }
}

/// Whether a number changed in the direction of a shift of time: more takes longer.
fn same_sign(numbers: Both<u64>, shift: Shift) -> bool {
    numbers.differ() && (numbers.b > numbers.a) == shift.is_longer()
}

/// How many other exchanges with the same server were under way when an exchange was wanted.
fn ahead(story: &Story, exchange: &Exchange) -> usize {
    let server = origin(&exchange.url);
    let at = exchange.span.start;
    let others = story.seen().iter().filter(|one| {
        one.id != exchange.id
            && one.span.start <= at
            && one.span.end > at
            && one.connection.is_some()
    });
    others.filter(|one| origin(&one.url) == server).count()
}

/// How many exchanges the last connection to an exchange's server had carried that the server closed
/// before the exchange went by a new one.
fn closed_before(story: &Story, exchange: &Exchange) -> Option<usize> {
    let server = origin(&exchange.url)?;
    let mut earlier = story.connections.iter().rev().filter(|connection| {
        let ending = connection.ending.as_ref();
        let first = connection.exchanges.first().and_then(|id| story.exchange(*id));
        ending.is_some_and(|ending| ending.at <= exchange.span.end)
            && first.is_some_and(|first| origin(&first.url).as_ref() == Some(&server))
    });
    earlier.find_map(closed_after)
}
