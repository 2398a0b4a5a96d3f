//! What a resource holds up.

/// The moments of a page that wait for a resource, and whether it does anything at one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    /// The first paint.
    pub(crate) paint: bool,
    /// The parser, and with it `domInteractive`.
    pub(crate) parser: bool,
    /// `DOMContentLoaded`.
    pub(crate) content_loaded: bool,
    /// The beginning of the body.
    pub(crate) body: bool,
    /// It is a script that runs: an element of the page is for it, and not a preload alone.
    pub(crate) runs: bool,
}

impl Holds {
    pub(crate) const NOTHING: Holds =
        Holds { paint: false, parser: false, content_loaded: false, body: false, runs: false };
    /// A style sheet that applies: the first paint.
    pub(crate) const STYLE: Holds = Holds { paint: true, ..Holds::NOTHING };
}

impl std::ops::BitOrAssign for Holds {
    fn bitor_assign(&mut self, other: Holds) {
        self.paint |= other.paint;
        self.parser |= other.parser;
        self.content_loaded |= other.content_loaded;
        self.body |= other.body;
        self.runs |= other.runs;
    }
}
