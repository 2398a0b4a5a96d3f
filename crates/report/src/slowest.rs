//! `Slowest`: what took longest in a run, in words.

use core::time::Duration;

use roundtrip_record::Step;
use roundtrip_story::{Exchange, LegKind, PhaseKind};

use crate::language::word;
use crate::model::Model;
use crate::names::short_url;
use crate::text::{clean, clip_middle, duration};

/// The thing that took longest of all that had to be waited for.
pub(crate) struct Slowest<'a> {
    /// What the time was spent on.
    pub(crate) step: LegKind,
    /// The exchange whose phase it is, if it is one's.
    pub(crate) exchange: Option<&'a Exchange>,
    /// How long it took.
    pub(crate) took: Duration,
    /// The time of the whole: the critical path and the closing of connections after it.
    pub(crate) of: Duration,
}

impl<'a> Slowest<'a> {
    /// The slowest thing of a run; `None` where nothing took any time.
    pub(crate) fn of(model: &'a Model) -> Option<Self> {
        let (leg, of) = model.story.slowest()?;
        Some(Self {
            step: leg.step,
            exchange: leg.exchange.and_then(|id| model.story.exchange(id)),
            took: leg.took(),
            of,
        })
    }

    /// The name of what took longest, as `wait of /style.css`, `page`, `blocked of /a.png (waiting
    /// for a turn)`.
    pub(crate) fn name(&self, model: &Model) -> String {
        let base = model.document().map(|document| document.url.as_str());
        let several = model.seen().len() > 1;
        let of = match self.exchange.filter(|_| several) {
            Some(exchange) => say!(" of {}", clip_middle(&short_url(&exchange.url, base), 40)),
            None => String::new(),
        };
        let why = match self.step {
            LegKind::Phase(PhaseKind::Blocked) => say!(" (waiting for a turn)"),
            LegKind::Phase(PhaseKind::Here) => say!(" (our own machine)"),
            _ => "",
        };
        format!("{}{of}{why}", word(self.step.name()))
    }

    /// The server's own account of its share of a wait, from `Server-Timing`: `81 ms of it is the
    /// server's own “db”`.
    pub(crate) fn server_says(&self) -> Option<String> {
        if self.step.name() != Step::Wait.name() {
            return None;
        }
        let metrics = &self.exchange?.head()?.what.server_timing;
        let timed = metrics.iter().filter_map(|metric| Some((metric.duration?, &metric.name)));
        let (took, name) = timed.max_by_key(|(took, _)| *took)?;
        Some(say!("{} of it is the server's own “{}”", duration(took), clean(name)))
    }
}
