//! The congestion control of one connection, selected by its profile.

use crate::profile::Profile;

use super::algorithm::Algorithm;
use super::bbr::{Bbr, Known};
use super::controller::{Controller, Moment};
use super::cubic::Cubic;
use super::cubic9438::Cubic9438;
use super::reno::Reno;
use super::window::Window;

/// The congestion controller of a connection, stored inline.
#[derive(Clone, Debug)]
pub(crate) enum Control {
    Reno(Reno),
    Cubic(Cubic),
    Cubic9438(Cubic9438),
    /// Apart, since few connections have it and it is large.
    Bbr(Box<Bbr>),
}

impl Control {
    /// Reads part of the state, to bring it into the processor's caches.
    #[inline]
    pub(crate) fn prefetch(&self) -> u32 {
        match self {
            Control::Cubic(cubic) => cubic.last_max ^ cubic.acked,
            Control::Reno(_) | Control::Cubic9438(_) | Control::Bbr(_) => 0,
        }
    }

    pub(crate) fn new(profile: &Profile, known: Known, at: &Moment) -> Control {
        match profile.congestion {
            Algorithm::Reno => Control::Reno(Reno),
            Algorithm::Cubic => Control::Cubic(Cubic::new(at)),
            Algorithm::Cubic9438 => Control::Cubic9438(Cubic9438::new(at)),
            Algorithm::Bbr => Control::Bbr(Box::new(Bbr::new(known, at))),
        }
    }

    /// The control, if it goes by the rate of delivery and not by losses (`cong_control`).
    #[inline]
    pub(crate) fn by_rate(&mut self) -> Option<&mut Bbr> {
        match self {
            Control::Bbr(bbr) => Some(bbr),
            Control::Reno(_) | Control::Cubic(_) | Control::Cubic9438(_) => None,
        }
    }

    /// Whether it does.
    #[inline]
    pub(crate) fn is_by_rate(&self) -> bool {
        matches!(self, Control::Bbr(_))
    }

    fn controller(&mut self) -> &mut dyn Controller {
        match self {
            Control::Reno(reno) => reno,
            Control::Cubic(cubic) => cubic,
            Control::Cubic9438(cubic) => cubic,
            Control::Bbr(bbr) => &mut **bbr,
        }
    }
}

impl Controller for Control {
    fn ssthresh(&mut self, window: &Window) -> u32 {
        self.controller().ssthresh(window)
    }

    fn on_ack(&mut self, window: &mut Window, acked: u32, at: &Moment) {
        self.controller().on_ack(window, acked, at);
    }

    fn on_round_trip(&mut self, window: &mut Window, rtt_us: u32, at: &Moment) {
        self.controller().on_round_trip(window, rtt_us, at);
    }

    fn on_timeout(&mut self, at: &Moment) {
        self.controller().on_timeout(at);
    }

    fn on_restart(&mut self, last_sent_ticks: u32, at: &Moment) {
        self.controller().on_restart(last_sent_ticks, at);
    }
}
