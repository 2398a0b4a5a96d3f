//! `SweepPlan`: what a sweep is the product of.

use core::time::Duration;
use std::path::PathBuf;

use roundtrip_page::Viewport;
use roundtrip_story::Figure;
use roundtrip_visit::{Browser, BrowserName};

use crate::keep::KeepCondition;
use crate::network::Network;

/// What a sweep is the product of, as its file says.
#[derive(Clone, Debug)]
pub struct SweepPlan {
    /// The file.
    pub path: PathBuf,
    /// What is visited.
    pub inputs: Vec<InputSource>,
    /// Over which networks: those that are described, and the draws from populations.
    pub networks: Vec<Network>,
    /// What the servers speak.
    pub protocols: Vec<Protocol>,
    /// Whose behaviour the visits have.
    pub browsers: Vec<BrowserModel>,
    /// Which changes are tried.
    pub variants: WantedVariants,
    /// The seeds of everything left to chance.
    pub seeds: Seeds,
    /// The figures of each visit that become columns.
    pub figures: Vec<Figure>,
    /// Of which cells the record is kept, too.
    pub keep: Option<KeepCondition>,
    /// The window that pages are laid out for.
    pub viewport: Viewport,
    /// After how much virtual time a visit gives up; `None` for never.
    pub limit: Option<Duration>,
}

/// Something that is visited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSource {
    /// What it is called in the results.
    pub name: String,
    /// Where it is: `demo`, a folder or a page in one, a HAR or a capture, a run's folder, or the id or
    /// name of a saved run. Paths begin at the folder of the plan.
    pub at: String,
    /// Whether a folder or the demo is served over https.
    pub https: bool,
    /// The line of the plan that names it, from 1.
    pub line: usize,
}

/// What servers speak at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// What they spoke when they were recorded.
    Recorded,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2, where they are spoken to over TLS.
    Http2,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Recorded, Self::Http11, Self::Http2];

    /// Its name: that of ALPN (RFC 7301 §6), where it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Http11 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// A browser on a processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrowserModel {
    /// The browser.
    pub name: BrowserName,
    /// How many times slower the processor is than the one that was measured.
    pub slower: f64,
}

impl BrowserModel {
    /// Its behaviour.
    pub fn browser(self) -> Browser {
        Browser::of(self.name).slowed(self.slower)
    }
}

/// Which changes are tried, beside the visit as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedVariants {
    /// Whatever `advise` would propose for each input.
    All,
    /// Those with these names, each with its line in the plan.
    Named(Vec<(String, usize)>),
}

/// Seeds, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Seeds {
    /// The most that a result can hold: a 64-bit number with a sign.
    pub const MOST: u64 = i64::MAX as u64;
}
