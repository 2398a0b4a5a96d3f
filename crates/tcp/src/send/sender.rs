//! The [`Sender`]: the sending half of a synchronized connection.

use roundtrip_packet::SeqNumber;
use roundtrip_record::Time;

use crate::clock::{Deadline, Now};
use crate::congestion::bbr::Known;
use crate::congestion::{Control, Moment, Window};
use crate::context::Context;
use crate::profile::Profile;
use crate::rtt::RttEstimator;

use super::active_state::{ActiveState, Timeouts};
use super::agenda::{Agenda, Rexmit};
use super::burst::Burst;
use super::chronograph::SendLimit;
use super::counts::SendCounts;
use super::latest::Latest;
use super::memory::SendMemory;
use super::nagle::Nagle;
use super::pacing::Pacing;
use super::rack::Rack;
use super::recovery::Recovery;
use super::scoreboard::Scoreboard;
use super::size::SegmentSize;
use super::space::SendSpace;
use super::start::SenderStart;
use super::timer::{SendTimer, Timers};
use super::written::Written;

/// The options agreed on in the handshake that concern sending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreed {
    pub(super) timestamps: bool,
    pub(super) sack: bool,
    pub(super) ecn: bool,
}

/// The sending half of a synchronized connection. Each part is modified by its own methods only.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(super) space: SendSpace,
    pub(super) written: Written,
    pub(super) board: Scoreboard,
    pub(super) size: SegmentSize,
    pub(super) agreed: Agreed,
    pub(super) rtt: RttEstimator,
    pub(super) window: Window,
    pub(super) control: Control,
    pub(super) recovery: Recovery,
    pub(super) rack: Rack,
    pub(super) pacing: Pacing,
    pub(super) nagle: Nagle,
    pub(super) timers: Timers,
    pub(super) agenda: Agenda,
    pub(super) latest: Latest,
    pub(super) memory: SendMemory,
    pub(super) counts: SendCounts,
    pub(super) active_state: Option<Box<ActiveState>>,
}

impl Sender {
    pub(crate) fn new(start: &SenderStart, cx: Context<'_>) -> Sender {
        let (una, profile) = (start.una, cx.profile);
        let at = moment(una, una, 0, cx);
        let cwnd = if start.syn_lost { 1 } else { profile.initial_window };
        let SenderStart { timestamps, sack, ecn, .. } = *start;
        let mut sender = Sender {
            space: SendSpace::new(una, start.window, start.wl1),
            written: Written::new(una),
            board: Scoreboard::default(),
            size: SegmentSize::new(start.mss_clamp, start.path_mss, timestamps),
            agreed: Agreed { timestamps, sack, ecn },
            rtt: RttEstimator::new(profile),
            window: Window::new(cwnd, una, cx.now),
            control: Control::new(profile, Known::NOTHING, &at),
            recovery: Recovery::new(una, profile),
            rack: Rack::default(),
            pacing: Pacing::new(),
            nagle: Nagle::new(una),
            timers: Timers::default(),
            agenda: Agenda::default(),
            latest: Latest::new(cx.now.time),
            memory: SendMemory::new(start.buffer, profile),
            counts: SendCounts::new(start.is_active, start.is_crossed, start.syn_retrans),
            active_state: None,
        };
        sender.sync_size(cx);
        if let Some(rtt_us) = start.rtt_us {
            sender.rtt.update_min(rtt_us, cx.now, profile);
            sender.rtt.sample(rtt_us, una, una, profile);
        } else {
            sender.rtt.use_fallback_timeout();
        }
        if let (total @ 1.., spent_ms) = start.syn_timeouts {
            sender.active_state().timeouts = Timeouts::of_handshake(total, spent_ms);
        }
        sender.begin_control(cx);
        sender.expand_memory(cx);
        if !sender.control.is_by_rate() {
            sender.update_pacing_rate(cx);
        }
        sender
    }

    /// Reads part of every component, to bring it into the processor's caches.
    #[inline]
    pub(crate) fn prefetch(&self) -> u32 {
        self.space.nxt().0
            ^ self.board.out()
            ^ self.board.sacked_out()
            ^ self.recovery.undo_retrans() as u32
            ^ self.recovery.reordering()
            ^ self.rtt.srtt_us()
            ^ self.rtt.min_us()
            ^ self.window.prefetch()
            ^ self.counts.data_segs_out()
            ^ self.latest.ack.nanos() as u32
            ^ self.memory.nominal()
            ^ self.control.prefetch()
            ^ u32::from(self.agenda.is_pushing())
    }

    // ---- what others ask ----

    /// The send sequence space.
    #[inline]
    pub(crate) fn space(&self) -> &SendSpace {
        &self.space
    }

    /// The round-trip time estimator.
    #[inline]
    pub(crate) fn rtt(&self) -> &RttEstimator {
        &self.rtt
    }

    /// The times of the last events.
    #[inline]
    pub(crate) fn latest(&self) -> Latest {
        self.latest
    }

    /// Notes that a segment without data was sent, by another part of the connection.
    #[inline]
    pub(crate) fn note_output(&mut self, now: Time) {
        self.latest.output = now;
    }

    /// The number of probes that were not answered.
    pub(crate) fn probes_out(&self) -> u32 {
        self.timers.probes_out()
    }

    /// Whether the next new segment has to carry CWR; resets the note.
    #[inline]
    pub(crate) fn take_cwr(&mut self) -> bool {
        self.recovery.take_cwr()
    }

    /// Bytes buffered and not yet sent.
    #[inline]
    pub(crate) fn unsent(&self) -> u32 {
        self.written.unsent(self.space.nxt())
    }

    /// Whether anything, FIN included, is left to send for the first time.
    #[inline]
    pub(super) fn has_unsent(&self) -> bool {
        self.written.has_unsent(self.space.nxt())
    }

    /// Bytes of payload and options that the path carries in one segment.
    pub(crate) fn path_mss(&self) -> u32 {
        self.size.path()
    }

    /// Bytes buffered and not acknowledged.
    pub(crate) fn buffered(&self) -> u32 {
        self.written.buffered() as u32
    }

    /// Whether nothing is in flight and nothing waits to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.board.is_empty() && !self.has_unsent()
    }

    #[inline]
    pub(crate) fn next_timeout(&self, profile: &Profile) -> Deadline {
        let timer = self.timers.deadline();
        if self.is_spaced(profile)
            && (self.agenda.is_pushing() && self.has_unsent() || self.agenda.repairs())
        {
            return timer.min(self.pacing.deadline());
        }
        timer
    }

    /// The payload of a burst, in two pieces.
    pub(crate) fn payload(&mut self, burst: &Burst) -> [&[u8]; 2] {
        let offset = burst.seq - self.space.una();
        if burst.len == 0 || offset < 0 {
            return [&[], &[]];
        }
        self.written.slices(offset as usize, burst.len as usize)
    }

    // ---- what the files above share ----

    #[inline]
    pub(super) fn active_state(&mut self) -> &mut ActiveState {
        self.active_state.get_or_insert_default()
    }

    #[inline]
    pub(super) fn timer_kind(&self) -> Option<SendTimer> {
        self.timers.kind()
    }

    pub(super) fn request(&mut self, rexmit: Rexmit) {
        self.agenda.set_rexmit(rexmit);
    }

    /// Ends waiting for `what` (`tcp_chrono_stop`).
    pub(super) fn stop_waiting(&mut self, what: SendLimit, cx: Context<'_>) {
        let is_empty = self.is_idle();
        self.active_state().chronograph.stop(what, is_empty, cx.now.ticks);
    }

    /// When payload was last sent, in ticks.
    pub(super) fn last_sent_ticks(&self, cx: Context<'_>) -> u32 {
        Now::at(self.latest.data, cx.profile.tick).ticks
    }

    /// The state that the congestion control may look at now.
    pub(super) fn moment(&self, cx: Context<'_>) -> Moment {
        moment(self.space.una(), self.space.nxt(), self.pacing.rate(), cx)
    }

    /// The slow start threshold to remember: the current one, but at least three quarters of the
    /// window outside a reduction (`tcp_current_ssthresh`).
    pub(super) fn current_ssthresh(&self) -> u32 {
        self.recovery.current_ssthresh(&self.window)
    }

    /// Sets the pacing rate: by the Linux profile twice the rate of the window in slow start, later
    /// 1.2 times (`tcp_update_pacing_rate`).
    pub(super) fn update_pacing_rate(&mut self, cx: Context<'_>) {
        let srtt8 = u64::from(self.rtt.srtt8_us());
        let ratio = if self.window.cwnd() < self.window.ssthresh() / 2 {
            cx.profile.pacing_ss_ratio
        } else {
            cx.profile.pacing_ca_ratio
        };
        let mss = u64::from(self.size.effective());
        let segments = u64::from(self.window.cwnd().max(self.board.out()));
        let rate = mss * 80_000 * u64::from(ratio) * segments;
        self.pacing.set_rate(rate / srtt8.max(1));
    }

    /// Begins the congestion control that the profile names now, with the window as it is
    /// (`tcp_reinit_congestion_control`).
    pub(crate) fn restart_control(&mut self, cx: Context<'_>) {
        self.recovery.remember_ssthresh(0);
        self.begin_control(cx);
    }

    /// Computes how large segments may be (`tcp_sync_mss`).
    pub(super) fn sync_size(&mut self, cx: Context<'_>) {
        let size = self.size.payload_of(self.size.path(), cx.profile);
        let size = self.space.half_window(size);
        let searched = self.limit_search(cx.profile).unwrap_or(u32::MAX);
        self.size.set_effective(size.min(searched));
    }

    /// Reduces the segment size to `mss` bytes of payload and options, as the path carries no more.
    /// Larger segments count as lost and are sent again in parts (`tcp_simple_retransmit`).
    pub(crate) fn reduce_path(&mut self, mss: u16, cx: Context<'_>) {
        if self.size.reduce_path(mss, cx.profile) {
            self.sync_size(cx);
            self.simple_retransmit();
        }
    }
}

fn moment(una: SeqNumber, nxt: SeqNumber, pacing_rate: u64, cx: Context<'_>) -> Moment {
    Moment {
        now: cx.now,
        tick: cx.profile.tick,
        una,
        nxt,
        pacing_rate,
        paced: cx.profile.pacing,
        gso_max_size: cx.profile.gso_max_size,
    }
}
