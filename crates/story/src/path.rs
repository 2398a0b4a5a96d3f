//! The critical path: the chain of waits, from the first resource wanted on, that the response, the
//! first paint or the load had to go through. Whatever is not on it could have been slower without
//! harm.

use core::time::Duration;

use roundtrip_record::{Blocks, ExchangeId, Initiator, Milestone, Time};
use serde::{Serialize, Serializer};

use crate::exchange::Exchange;
use crate::phase::PhaseKind;
use crate::span::Span;
use crate::story::Story;

/// What a leg of the critical path was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegKind {
    /// A phase of an exchange.
    Phase(PhaseKind),
    /// Work on the page: parsing, layout, painting, and other time between a resource's arrival and
    /// its use.
    Page,
    /// The closing of connections after everything had arrived.
    Close,
}

impl LegKind {
    /// The kind's name, as every view shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phase(kind) => kind.name(),
            Self::Page => "page",
            Self::Close => "close",
        }
    }
}

impl Serialize for LegKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A leg: a stretch of the critical path spent on one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Leg {
    /// What the leg was spent on.
    pub step: LegKind,
    /// The exchange whose phase it is, if it is one's.
    pub exchange: Option<ExchangeId>,
    /// When the leg began and ended.
    #[serde(flatten)]
    pub span: Span,
}

impl Leg {
    /// How long the leg took.
    pub fn took(&self) -> Duration {
        self.span.took()
    }
}

/// The critical path that leads to one moment. Its legs follow one another without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CriticalPath {
    /// The time from the start of [`Story::total`] to that moment.
    #[serde(flatten)]
    pub span: Span,
    /// The legs, in order of time; none is empty.
    pub legs: Vec<Leg>,
}

impl CriticalPath {
    /// The leg that took longest; the first if two are equal.
    pub fn longest(&self) -> Option<&Leg> {
        self.legs.iter().fold(None, |best: Option<&Leg>, leg| match best {
            Some(best) if best.took() >= leg.took() => Some(best),
            _ => Some(leg),
        })
    }

    /// The total time of legs spent on one thing.
    pub fn spent(&self, step: LegKind) -> Duration {
        self.legs.iter().filter(|leg| leg.step == step).map(Leg::took).sum()
    }

    /// The part of the path that lies within this time from its start.
    #[must_use]
    pub fn until(mut self, took: Duration) -> Self {
        let span = Span::new(self.span.start, self.span.start + took).within(self.span);
        for leg in &mut self.legs {
            leg.span = leg.span.within(span);
        }
        self.legs.retain(|leg| !leg.took().is_zero());
        Self { span, ..self }
    }

    /// Adds a leg, or lengthens the last one if it is of the same kind and exchange.
    fn push(&mut self, step: LegKind, exchange: Option<ExchangeId>, span: Span) {
        if span.took().is_zero() {
            return;
        }
        match self.legs.last_mut() {
            Some(last) if last.step == step && last.exchange == exchange => {
                last.span.end = span.end;
            }
            _ => self.legs.push(Leg { step, exchange, span }),
        }
    }
}

impl Story {
    /// The critical path to the first paint; `None` where nothing was painted.
    pub fn critical_to_paint(&self) -> Option<CriticalPath> {
        let painted = self.milestone(&Milestone::FirstPaint)?;
        let document = self.document().map(|document| document.id);
        let awaited = |exchange: &&Exchange| {
            exchange.blocks != Blocks::Nothing || Some(exchange.id) == document
        };
        Some(self.critical(painted, awaited))
    }

    /// The critical path to the end of [`Story::total`]: the load, the last body, or the fault.
    pub fn critical_to_end(&self) -> CriticalPath {
        self.critical(self.total().end, |_| true)
    }

    /// The critical path to the end of the load event, which waits for nothing that ends later; to the
    /// end of [`Story::total`] where there was no such event.
    pub fn critical_to_load(&self) -> CriticalPath {
        match self.milestone(&Milestone::LoadEventEnd) {
            Some(loaded) => self.critical(loaded, |exchange| exchange.span.end <= loaded),
            None => self.critical_to_end(),
        }
    }

    /// The slowest thing that had to be waited for, with the time of the whole: a leg of the
    /// critical path to the end, or the closing of the connections afterwards. `None` if nothing
    /// took any time.
    pub fn slowest(&self) -> Option<(Leg, Duration)> {
        let path = self.critical_to_end();
        let close = self.close().map(|span| Leg { step: LegKind::Close, exchange: None, span });
        let whole = path.span.took() + close.map_or(Duration::ZERO, |close| close.took());
        let longest = path.longest().copied();
        let close = close.filter(|close| longest.is_none_or(|leg| close.took() > leg.took()));
        let slowest = close.or(longest).filter(|leg| !leg.took().is_zero())?;
        Some((slowest, whole))
    }

    /// Walks back from a moment: to the exchange that ended last before it, to the exchange because
    /// of which that one was wanted, and so on to the first.
    fn critical(&self, goal: Time, awaited: impl Fn(&&Exchange) -> bool) -> CriticalPath {
        let start = self.total().start;
        let mut hops: Vec<PathSection<'_>> = Vec::new();
        let begun = self.seen().iter().filter(|exchange| exchange.span.start < goal);
        // Of exchanges that ended at the same time, the one that began later counts.
        let last = begun
            .filter(awaited)
            .max_by_key(|exchange| (exchange.span.end.min(goal), exchange.span.start, exchange.id));
        let mut next =
            last.map(|exchange| PathSection { exchange, until: goal, then: LegKind::Page });
        while let Some(hop) = next {
            let (exchange, until) = (hop.exchange, hop.exchange.span.start);
            next = self
                .asked_by(exchange)
                .filter(|(by, _)| {
                    by.span.start < until && hops.iter().all(|hop| hop.exchange.id != by.id)
                })
                .map(|(exchange, then)| PathSection { exchange, until, then });
            hops.push(hop);
        }
        let mut path = CriticalPath { span: Span::new(start, goal), legs: Vec::new() };
        let first = hops.last().map_or(goal, |hop| hop.exchange.span.start);
        self.before(&mut path, Span::new(start, first));
        for hop in hops.iter().rev() {
            hop.walk(&mut path);
        }
        path
    }

    /// Adds the time before the first exchange: lookups, where there are any.
    fn before(&self, path: &mut CriticalPath, span: Span) {
        let mut cursor = span.start;
        for lookup in &self.lookups {
            let own = lookup.waited(lookup.span).within(Span::new(cursor, span.end));
            path.push(LegKind::Phase(PhaseKind::Here), None, Span::new(cursor, own.start));
            path.push(LegKind::Phase(PhaseKind::Name), None, own);
            cursor = own.end;
        }
        path.push(LegKind::Phase(PhaseKind::Here), None, Span::new(cursor, span.end));
    }

    /// The exchange because of which another was wanted, and the kind of the time between the two.
    fn asked_by(&self, exchange: &Exchange) -> Option<(&Exchange, LegKind)> {
        let before = |url: &str| {
            let mut older = self.seen().iter().filter(|one| one.span.start <= exchange.span.start);
            older.rfind(|one| one.url == url && one.id != exchange.id)
        };
        match &exchange.initiator {
            Initiator::Redirect { of, .. } | Initiator::Retry { of } => {
                Some((self.exchange(*of)?, LegKind::Phase(PhaseKind::Here)))
            }
            Initiator::Parser { url, .. }
            | Initiator::Style { url }
            | Initiator::LinkField { url }
            | Initiator::EarlyHints { url }
            | Initiator::Script { url, .. } => Some((before(url)?, LegKind::Page)),
            Initiator::User | Initiator::Peer => {
                let earlier = self.seen().iter().find(|one| one.next == Some(exchange.id))?;
                Some((earlier, LegKind::Phase(PhaseKind::Here)))
            }
        }
    }
}

/// An exchange on the path, the time up to which it matters, and the kind of the time between its
/// end and that.
struct PathSection<'a> {
    exchange: &'a Exchange,
    until: Time,
    then: LegKind,
}

impl PathSection<'_> {
    fn walk(&self, path: &mut CriticalPath) {
        let whole = Span::new(self.exchange.span.start, self.exchange.span.end.min(self.until));
        for phase in &self.exchange.phases {
            let span = phase.span.within(whole);
            path.push(LegKind::Phase(phase.kind), Some(self.exchange.id), span);
        }
        // An exchange answered from a cache has no phases.
        let covered = path.legs.last().map_or(whole.start, |leg| leg.span.end).max(whole.start);
        path.push(self.then, None, Span::new(covered, self.until));
    }
}
