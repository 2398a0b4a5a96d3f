//! The longest stretch of the critical path, in words.

use core::time::Duration;

use roundtrip_record::Step;
use roundtrip_story::{Exchange, LegKind, PhaseKind};

use crate::model::Model;
use crate::names::short_url;
use crate::text::{clean, clip_middle, duration};

/// What took longest of all that had to be waited for.
pub(crate) struct Slowest<'a> {
    /// What it was.
    pub(crate) step: LegKind,
    /// The exchange, where it was one's.
    pub(crate) exchange: Option<&'a Exchange>,
    /// How long it took.
    pub(crate) took: Duration,
    /// How long the critical path and the close after it are.
    pub(crate) of: Duration,
}

impl<'a> Slowest<'a> {
    /// `None` where nothing took any time.
    pub(crate) fn of(model: &'a Model) -> Option<Self> {
        let (leg, of) = model.story.slowest()?;
        Some(Self {
            step: leg.step,
            exchange: leg.exchange.and_then(|id| model.story.exchange(id)),
            took: leg.took(),
            of,
        })
    }

    /// `wait of /style.css`, `page`, `blocked of /a.png (waiting for a turn)`.
    pub(crate) fn name(&self, model: &Model) -> String {
        let base = model.document().map(|document| document.url.as_str());
        let several = model.seen().len() > 1;
        let of = match self.exchange.filter(|_| several) {
            Some(exchange) => format!(" of {}", clip_middle(&short_url(&exchange.url, base), 40)),
            None => String::new(),
        };
        let why = match self.step {
            LegKind::Phase(PhaseKind::Blocked) => " (waiting for a turn)",
            LegKind::Phase(PhaseKind::Here) => " (our own machine)",
            _ => "",
        };
        format!("{}{of}{why}", self.step.name())
    }

    /// What the server says of its own share of a wait: `81 ms of it is the server's own “db”`.
    pub(crate) fn server_says(&self) -> Option<String> {
        if self.step.name() != Step::Wait.name() {
            return None;
        }
        let metrics = &self.exchange?.head()?.what.server_timing;
        let timed = metrics.iter().filter_map(|metric| Some((metric.duration?, &metric.name)));
        let (took, name) = timed.max_by_key(|(took, _)| *took)?;
        Some(format!("{} of it is the server's own “{}”", duration(took), clean(name)))
    }
}
