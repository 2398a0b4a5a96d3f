//! Packetization layer path MTU discovery: finding the path MTU by sending segments larger than are
//! known to pass (RFC 4821; `tcp_mtu_probe`, `tcp_mtup_probe_success`, `tcp_mtup_probe_failed`).
//!
//! All sizes of the search are bytes of payload and TCP options in one packet, which is an MTU less
//! the fixed headers.

use crate::clock::micros;
use crate::context::Context;
use crate::info::CaState;
use crate::profile::{MtuProbing, Profile};

use super::burst::Burst;
use super::retries::{RETRY_BASE_US, retry_time_us};
use super::search::{MtuSearch, Probe};
use super::sender::Sender;

/// The least congestion window for a probe, segments: the loss of a probe is found out by segments
/// after it.
const LEAST_WINDOW: u32 = 11;

/// The result of trying to send a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// No probe can be sent now.
    None,
    /// There will soon be room for a probe: nothing else is sent until then.
    Wait,
    Sent(Burst),
}

impl Sender {
    /// Begins the search, if the profile wants one, in packets with `headers` bytes of fixed
    /// headers (`tcp_mtup_init`). A client's segments have the initial size at once, a server's
    /// when it learns of a larger window.
    pub(crate) fn search_path(&mut self, headers: u32, is_active: bool, cx: Context<'_>) {
        let profile = cx.profile;
        if profile.mtu_probing == MtuProbing::Off {
            return;
        }
        if is_active {
            // The kernel computes that size with the options it has asked for.
            self.begin_search(headers, asked_options(profile), cx);
            self.sync_size(cx);
        }
        self.begin_search(headers, self.size.options(), cx);
    }

    /// The payload of the first segments, which a client takes for its peer's as well, bytes
    /// (`tcp_initialize_rcv_mss`).
    pub(crate) fn first_size(&self, is_active: bool, profile: &Profile) -> u32 {
        if !is_active || profile.mtu_probing != MtuProbing::Always {
            return self.size.effective();
        }
        let begin = u32::from(profile.base_mss) + asked_options(profile);
        self.size.effective().min(self.size.payload_of(begin, profile))
    }

    fn begin_search(&mut self, headers: u32, options: u32, cx: Context<'_>) {
        let profile = cx.profile;
        let search = MtuSearch {
            is_on: profile.mtu_probing == MtuProbing::Always,
            low: u32::from(profile.base_mss) + options,
            high: self.size.most(),
            probe: None,
            headers,
            since: cx.now.ticks,
            was_tried: false,
        };
        self.active_state().search = Some(Box::new(search));
    }

    pub(super) fn search(&self) -> Option<&MtuSearch> {
        self.active_state.as_ref()?.search.as_deref()
    }

    pub(super) fn search_mut(&mut self) -> Option<&mut MtuSearch> {
        self.active_state.as_mut()?.search.as_deref_mut()
    }

    /// Limits the search to the path MTU known by now. Answers the payload that the search allows
    /// (`tcp_sync_mss`).
    pub(super) fn limit_search(&mut self, profile: &Profile) -> Option<u32> {
        let path = self.size.path();
        let search = self.search_mut()?;
        search.high = search.high.min(path);
        let low = search.is_on.then_some(search.low)?;
        Some(self.size.payload_of(low, profile))
    }

    /// Sends a probe halfway between the size that passes and the one that might, if nothing is
    /// being recovered and enough data follows to detect its loss (RFC 4821 §7.3, §7.4;
    /// `tcp_mtu_probe`).
    pub(super) fn probe_path(&mut self, sack_bytes: u32, cx: Context<'_>) -> Attempt {
        let Some(search) = self.search() else { return Attempt::None };
        let MtuSearch { low, high, .. } = *search;
        if !search.is_on
            || search.probe.is_some()
            || self.recovery.state() != CaState::Open
            || self.window.cwnd() < LEAST_WINDOW
            || sack_bytes > 0
        {
            return Attempt::None;
        }
        let payload = self.size.payload_of(u32::midpoint(low, high), cx.profile);
        let is_narrow = high < low + u32::from(cx.profile.probe_threshold);
        if payload > self.size.payload_of(high, cx.profile) || is_narrow {
            self.search_again(cx);
            return Attempt::None;
        }
        let needed = payload + (self.recovery.reordering() + 1) * self.size.effective();
        let waiting = (self.written.end_with_fin() - self.space.nxt()).max(0) as u32;
        if waiting < needed || self.space.wnd() < needed {
            return Attempt::None;
        }
        if (self.space.nxt() + needed).gt(self.space.window_end()) {
            return Attempt::Wait;
        }
        let in_flight = self.board.in_flight();
        if in_flight + 2 > self.window.cwnd() {
            return if in_flight == 0 { Attempt::None } else { Attempt::Wait };
        }
        if !self.gather(payload) {
            return Attempt::None;
        }
        let burst = self.send_new(payload, payload, cx);
        // The probe takes the place of two segments.
        self.window.make_way_for_probe();
        let size = payload + self.size.options();
        let probe = Probe { size, start: burst.seq, end: burst.seq + payload };
        if let Some(search) = self.search_mut() {
            search.probe = Some(probe);
        }
        Attempt::Sent(burst)
    }

    /// Joins written data until one buffer holds `payload` bytes; answers whether that could be
    /// done (`tcp_can_coalesce_send_queue_head`).
    fn gather(&mut self, payload: u32) -> bool {
        loop {
            let (unsent, is_last, is_record) = self.next_buffer();
            if unsent >= payload {
                return true;
            }
            if is_last || is_record {
                return false;
            }
            self.written.queue.grow(self.space.nxt(), payload);
        }
    }

    /// Begins the search anew if it ended long enough ago, since paths change (RFC 4821 §7.3;
    /// `tcp_mtu_check_reprobe`).
    fn search_again(&mut self, cx: Context<'_>) {
        let high = self.size.most();
        let low = self.size.effective() + self.size.options();
        let interval = cx.profile.tick.count(micros(cx.profile.probe_interval));
        let Some(search) = self.search_mut() else { return };
        if cx.now.ticks.wrapping_sub(search.since) >= interval {
            (search.low, search.high, search.since) = (low, high, cx.now.ticks);
        }
    }

    /// Checks whether the probe has been acknowledged; if so, segments become as large as it, and
    /// the window holds as many fewer (RFC 4821 §7.6.1; `tcp_mtup_probe_success`).
    pub(super) fn check_probe(&mut self, cx: Context<'_>) {
        let Some(search) = self.search() else { return };
        let Some(probe) = search.probe.filter(|probe| probe.end.le(self.space.una())) else {
            return;
        };
        let headers = search.headers;
        self.recovery.remember_ssthresh(self.current_ssthresh());
        let before = self.size.effective() + self.size.options() + headers;
        self.window.rescale(before, probe.size + headers, cx.now.ticks);
        self.window.set_ssthresh(self.current_ssthresh());
        if let Some(search) = self.search_mut() {
            (search.low, search.probe) = (probe.size, None);
        }
        self.sync_size(cx);
    }

    /// Answers whether the lost segment is the probe. If so, the probe was too large, and the loss
    /// is no sign of congestion (RFC 4821 §7.6.2; `tcp_mtup_probe_failed`).
    pub(super) fn blames_probe(&mut self) -> bool {
        let (una, state) = (self.space.una(), self.recovery.state());
        let Some(search) = self.search_mut() else { return false };
        let Some(probe) = search.probe.filter(|probe| probe.start == una) else { return false };
        if state >= CaState::Cwr {
            return false;
        }
        (search.high, search.probe) = (probe.size - 1, None);
        self.window.give_back_probe();
        self.simple_retransmit();
        true
    }

    /// Forgets the probe, because something is retransmitted and its fate proves nothing now (RFC
    /// 4821 §7.6.3).
    pub(super) fn forget_probe(&mut self) {
        if let Some(search) = self.search_mut() {
            search.probe = None;
        }
    }

    /// Whether a probe is in flight.
    pub(super) fn is_probing(&self) -> bool {
        self.search().is_some_and(|search| search.probe.is_some())
    }

    /// Sends smaller segments when segments time out again and again, as they may be too large for
    /// the path without an ICMP error; larger ones are tried later (RFC 4821 §7.7;
    /// `tcp_mtu_probing`).
    pub(super) fn suspect_black_hole(&mut self, cx: Context<'_>) {
        let Some(since) = self.recovery.retrans_stamp() else { return };
        let profile = cx.profile;
        let limit = retry_time_us(profile.retries1, RETRY_BASE_US, micros(profile.rto_max));
        let waited = u64::from(cx.now.ms.wrapping_sub(since)) * 1000;
        if self.timers.retransmits() == 0 || waited < limit {
            return;
        }
        let Some(low) = self.search().map(|search| search.low) else { return };
        let half = self.size.payload_of(low, profile) / 2;
        let smaller = half
            .min(u32::from(profile.base_mss))
            .max(u32::from(profile.mtu_probe_floor))
            .max(u32::from(profile.min_send_mss));
        let options = self.size.options();
        let Some(search) = self.search_mut() else { return };
        if search.is_on {
            search.low = smaller + options;
        } else {
            (search.is_on, search.since) = (true, cx.now.ticks);
        }
        self.sync_size(cx);
    }
}

/// The length of the options in every segment, if the peer grants what our SYN asks for, bytes.
fn asked_options(profile: &Profile) -> u32 {
    if profile.timestamps { 12 } else { 0 }
}
