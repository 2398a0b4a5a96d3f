//! `PageTimes`: the two moments of a page that people wait for.

use core::time::Duration;

/// The two moments of a page that people wait for, from the beginning of the visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageTimes {
    /// The end of the load event.
    pub load: Option<Duration>,
    /// The first paint.
    pub first_paint: Option<Duration>,
}
