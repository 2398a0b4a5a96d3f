//! The story: a record of events understood once, for every view of a run.
//!
//! A record is a list of events. What follows from them (how long a request waited, which
//! connection carried it, which step the page waited for) is worked out here and nowhere else, so
//! that no two views of a run can disagree: the terminal, JSON, HAR, the report, `-w`, replays and
//! comparisons take every number from a [`Story`].
//!
//! # Contract
//! - A [`Story`] is computed from the events and from nothing else: no clock, no network, no files.
//!   The same events give the same story.
//! - Any events are accepted, also those of a run that was killed, or of a record made up by hand:
//!   what does not fit together is left unjoined.
//! - Times are [`Time`](roundtrip_record::Time), nanoseconds since the record's epoch.
//! - The time of an exchange is cut into [`Phase`]s that follow one another without a gap, so that
//!   their lengths add up. Where the record tells when bytes passed our host (packets, the kernel's
//!   stamps), a phase ends there, and the time our own machine took afterwards is a phase of its
//!   own, [`PhaseKind::Here`].
//!
//! ```
//! use roundtrip_record::*;
//! use roundtrip_story::Story;
//!
//! let mut log = Log::memory();
//! log.host("client", Role::Client, &[]);
//! let lookup = LookupId(1);
//! log.emit(Time::ZERO, None, || {
//!     What::NameStarted(NameStarted { lookup, name: "example.com.".into(), types: vec!["A".into()] })
//! });
//! log.emit(Time::from_millis(24), None, || {
//!     What::NameEnded(NameEnded { lookup, addresses: vec![], aliases: vec![], ttl: None })
//! });
//! let story = Story::new(log.events());
//! assert_eq!(story.total().took().as_millis(), 24);
//! ```
#![forbid(unsafe_code)]

mod budget;
mod byte_times;
mod chain;
mod condition;
mod connection;
mod diff;
mod exchange;
mod figure;
mod join;
mod lookup;
mod loss;
mod metric;
mod nearest;
mod origin;
mod original;
mod path;
mod phase;
mod phases;
mod quantity;
mod rank;
mod rate;
mod read;
mod span;
mod story;
mod think;

pub use budget::{BadBudget, Budget, BudgetReport, Contributor, JudgedLimit};
pub use condition::{BadCondition, Condition, ConditionOutcome, JudgedCondition};
pub use connection::{Connection, Endpoint, StateChange, TimedSegment};
pub use diff::{
    AskedBy, Both, Cause, Change, Diff, Explained, MetricDiff, MomentDiff, NameDiff, Pair,
    PairedBy, Part, Place, ServerDiff, Share, Shift, SideSummary, Significance, Single, SpreadTest,
    Way,
};
pub use exchange::{ConnectionAttempt, Exchange, Head, Tunnel};
pub use figure::{Figure, UnknownFigure};
pub use lookup::{Lookup, Rung};
pub use loss::Losses;
pub use metric::{Metric, Unit};
pub use nearest::nearest;
pub use origin::WrittenOrigin;
pub use original::{Original, OriginalExchange, Redacted};
pub use path::{CriticalPath, Leg, LegKind};
pub use phase::{Phase, PhaseKind};
pub use quantity::{BadQuantity, quantity};
pub use rank::RankTest;
pub use span::{Span, Timed, as_millis, ms};
pub use story::{MilestoneReached, Story};
pub use think::{Think, ThinkEvidence};
