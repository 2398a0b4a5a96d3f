//! Snapshots of a sender (`tcp_get_info`).

use std::time::Duration;

use crate::congestion::{INFINITE, Window};
use crate::context::Context;
use crate::info::{CaState, Info, Spent};

use super::active_state::Timeouts;
use super::sender::Sender;

impl Sender {
    /// How long the sender was busy and what limited it, up to now.
    pub(crate) fn spent(&self, cx: Context<'_>) -> Spent {
        let Some(active) = self.active_state.as_ref() else { return Spent::default() };
        let duration = |ticks| Duration::from_micros(u64::from(ticks) * cx.profile.tick.us());
        let [busy, rwnd_limited, sndbuf_limited] =
            active.chronograph.spent(cx.now.ticks).map(duration);
        let repairing = Duration::from_millis(active.timeouts.spent_ms(cx.now.ms).into());
        Spent { busy, rwnd_limited, sndbuf_limited, total_rto: repairing }
    }

    /// Fills in the part of a snapshot that concerns sending.
    pub(crate) fn fill(&self, info: &mut Info) {
        info.ca_state = self.recovery.state();
        info.retransmits = self.timers.retransmits();
        info.probes = self.timers.probes_out();
        info.backoff = u32::from(self.timers.backoff());
        info.timestamps = self.agreed.timestamps;
        info.sack = self.agreed.sack;
        info.ecn = self.agreed.ecn;
        info.rto = Duration::from_micros(self.rtt.rto_us());
        info.snd_mss = self.size.effective();
        info.unacked = self.board.out();
        info.sacked = self.board.sacked_out();
        info.lost = self.board.lost_out();
        info.retrans = self.board.retrans_out();
        info.rtt = Duration::from_micros(u64::from(self.rtt.srtt_us()));
        info.rttvar = Duration::from_micros(u64::from(self.rtt.rttvar_us()));
        let min = self.rtt.min_us();
        info.min_rtt = (min != u32::MAX).then(|| Duration::from_micros(u64::from(min)));
        info.snd_ssthresh = (self.window.ssthresh() < INFINITE).then_some(self.window.ssthresh());
        info.snd_cwnd = self.window.cwnd();
        info.reordering = self.recovery.reordering();
        info.total_retrans = self.counts.retrans();
        info.pacing_rate = self.pacing.rate();
        info.bytes_acked = self.counts.bytes_acked();
        if let Some(active_state) = &self.active_state {
            (info.bytes_sent, info.bytes_retrans) =
                (active_state.bytes_sent, active_state.bytes_retrans);
            let Timeouts { total, recoveries, .. } = active_state.timeouts;
            (info.total_rto, info.total_rto_recoveries) = (total, recoveries);
        }
        info.data_segs_out = self.counts.data_segs_out();
        info.delivered = self.counts.delivered();
        info.delivered_ce = self.counts.delivered_ce();
        info.dsack_dups = self.counts.dsack_dups();
        info.reord_seen = self.counts.reordering_seen();
        // FIN has a sequence number, and counts as one.
        info.notsent_bytes = (self.written.end_with_fin() - self.space.nxt()).max(0) as u32;
        info.send_memory = (self.memory_used(), self.memory.nominal());
        info.snd_wnd = self.space.wnd();
        (info.delivery_rate, info.delivery_rate_app_limited) = self
            .active_state
            .as_ref()
            .map_or((0, true), |active| active.rate.rate(self.size.effective()));
        info.unacked_bytes = self.buffered();
    }

    /// The congestion state, the window with its threshold, the segments in flight, and the payload
    /// of a full segment in bytes.
    pub(crate) fn congestion(&self) -> (CaState, Window, u32, u32) {
        (self.recovery.state(), self.window, self.board.in_flight(), self.size.effective())
    }
}
