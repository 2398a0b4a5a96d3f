//! Sample moments and windows for the tests of this folder.

use roundtrip_packet::SeqNumber;
use roundtrip_record::Time;

use crate::clock::Now;
use crate::profile::Profile;

use super::controller::Moment;
use super::window::Window;

pub(crate) fn moment(us: u64, una: u32, nxt: u32) -> Moment {
    let tick = Profile::linux().tick;
    Moment {
        now: Now::at(Time::from_micros(us), tick),
        tick,
        una: SeqNumber(una),
        nxt: SeqNumber(nxt),
        pacing_rate: 1 << 40,
        paced: false,
        gso_max_size: 65_536,
    }
}

pub(crate) fn window(cwnd: u32) -> Window {
    let start = moment(0, 0, 0);
    let mut window = Window::new(cwnd, SeqNumber(0), start.now);
    window.limited = true;
    window
}
