//! An acknowledgement arrives (RFC 9293 §3.10.7.4, "fifth"; `tcp_ack`).

use roundtrip_packet::{SackBlock, SeqNumber};

use crate::clock::Deadline;
use crate::congestion::Controller;
use crate::congestion::prr::Progress;
use crate::info::CaState;

use super::chronograph::Business;
use super::rate::{Rate, Sample};
use super::sent::{Marks, Sent};
use super::{Rexmit, SendTimer, Sender};
use crate::context::Context;

/// What a segment says that concerns our sending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledgement<'a> {
    /// SEG.SEQ.
    pub(crate) seq: SeqNumber,
    /// SEG.ACK.
    pub(crate) ack: SeqNumber,
    /// SEG.WND, scaled.
    pub(crate) window: u32,
    pub(crate) sack: &'a [SackBlock],
    /// Our timestamp, sent back.
    pub(crate) echo: Option<u32>,
    /// It carries data, or FIN.
    pub(crate) has_data: bool,
    /// ECN-Echo.
    pub(crate) ece: bool,
}

/// What an acknowledgement was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckOutcome {
    /// It was acceptable.
    Accepted,
    /// It acknowledges less than SND.UNA.
    Old,
    /// So much less that it may be forged (RFC 5961 §5.2).
    TooOld,
    /// It acknowledges what was never sent.
    Unsent,
}

/// What an acknowledgement brought (the `FLAG_*` and the `tcp_sacktag_state` of `tcp_input.c`).
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    /// The segment carried data.
    pub(super) has_data: bool,
    /// It was allowed to update the window.
    pub(super) window_update: bool,
    /// SND.UNA moved.
    pub(super) una_advanced: bool,
    /// Segments were acknowledged cumulatively.
    pub(super) data_acked: bool,
    /// Some of them had been retransmitted.
    pub(super) retrans_acked: bool,
    /// Segments were acknowledged selectively.
    pub(super) data_sacked: bool,
    /// The peer saw a congestion mark.
    pub(super) ece: bool,
    /// A retransmission was lost.
    pub(super) lost_retrans: bool,
    /// A segment sent once, before the recovery began, has arrived.
    pub(super) original_delivered: bool,
    /// A duplicate was reported.
    pub(super) dsack: bool,
    /// It was that of a tail loss probe.
    pub(super) dsack_of_probe: bool,
    /// The timer is to be set anew.
    pub(super) set_timer: bool,
    /// SND.UNA came to a segment that had been acknowledged selectively.
    pub(super) reneging: bool,
    /// It was probably delayed by the peer.
    pub(super) maybe_delayed: bool,
    /// Our timestamp, sent back.
    pub(super) echo: Option<u32>,
    /// The lowest segment delivered after a higher one.
    pub(super) reordered: SeqNumber,
    /// When the first and the last segments newly sacked and sent once were sent, µs.
    pub(super) first_sacked_us: Option<u64>,
    pub(super) last_sacked_us: u64,
    /// Segments delivered selectively, duplicates included.
    pub(super) sack_delivered: u32,
    /// Segments delivered when the latest of the delivered ones was sent.
    pub(super) prior_delivered: Option<u32>,
    /// What that says of the rate of delivery.
    sample: Option<Sample>,
    latest_sent: (u64, SeqNumber),
}

impl News {
    fn new(ack: &Acknowledgement<'_>, nxt: SeqNumber) -> News {
        News {
            has_data: ack.has_data,
            window_update: false,
            una_advanced: false,
            data_acked: false,
            retrans_acked: false,
            data_sacked: false,
            ece: ack.ece,
            lost_retrans: false,
            original_delivered: false,
            dsack: false,
            dsack_of_probe: false,
            set_timer: false,
            reneging: false,
            maybe_delayed: false,
            echo: ack.echo,
            reordered: nxt,
            first_sacked_us: None,
            last_sacked_us: 0,
            sack_delivered: 0,
            prior_delivered: None,
            sample: None,
            latest_sent: (0, SeqNumber(0)),
        }
    }

    /// Takes a delivered segment's note of how much had been delivered when it was sent
    /// (`tcp_rate_skb_delivered`).
    pub(super) fn sampled(&mut self, sent: &Sent, rate: &mut Rate) {
        let this = (sent.sent_us, sent.end());
        if self.prior_delivered.is_none() || super::rack::sent_after(this, self.latest_sent) {
            self.prior_delivered = Some(sent.delivered);
            self.sample = Some(rate.on_delivered(sent));
            self.latest_sent = this;
        }
    }

    /// Data, a window update or progress: anything but a duplicate (`FLAG_NOT_DUP`).
    pub(super) fn is_no_duplicate(&self) -> bool {
        self.has_data || self.window_update || self.data_acked
    }

    /// Anything out of the ordinary (`FLAG_CA_ALERT`).
    fn is_alert(&self) -> bool {
        self.data_sacked || self.ece || self.dsack
    }
}

/// What was taken off the queue.
#[derive(Clone, Copy, Default)]
struct Cleaned {
    count: u32,
    /// When the first and the last segment sent once were sent, µs.
    first_us: Option<u64>,
    last_us: u64,
}

impl Sender {
    /// Takes in an acknowledgement.
    pub(crate) fn on_ack(&mut self, ack: &Acknowledgement<'_>, cx: Context<'_>) -> AckOutcome {
        if ack.ack == self.una && self.is_waiting_for_nothing() && ack.sack.is_empty() {
            return self.on_ack_of_nothing(ack, cx);
        }
        let mut news = News::new(ack, self.nxt);
        let prior_una = self.una;
        if ack.ack.lt(prior_una) {
            return self.on_old_ack(ack, news, cx);
        }
        if ack.ack.gt(self.nxt) {
            return AckOutcome::Unsent;
        }
        if ack.ack.gt(prior_una) {
            news.una_advanced = true;
            self.retransmits = 0;
        }
        let prior_out = self.board.out();
        let prior_highest = self.board.highest_sack(prior_una);
        let (prior_delivered, prior_lost) = (self.counts.delivered, self.counts.lost);

        news.window_update = self.update_window(ack, cx);
        self.advance_una(ack.ack);
        if !ack.sack.is_empty() && self.sack {
            self.tag_sacked(ack.sack, ack.ack, prior_una, &mut news, cx);
        }
        self.count_delivered(news.sack_delivered, news.ece);
        self.probes_out = 0;
        self.last_ack = cx.now.time;

        if prior_out == 0 {
            if news.dsack {
                self.alert(prior_una, 0, &mut news, cx);
            }
            self.on_ack_of_probe(cx);
            self.on_ack_of_tlp(ack.ack, &news, cx);
            self.push |= self.has_unsent();
            return AckOutcome::Accepted;
        }
        self.clean_queue(prior_una, prior_highest, &mut news, cx);
        self.rack.update_window(news.prior_delivered, self.counts.delivered);
        self.on_ack_of_tlp(ack.ack, &news, cx);
        if !news.is_no_duplicate() || news.is_alert() || self.recovery.state != CaState::Open {
            let duplicate = !news.una_advanced && !news.is_no_duplicate() && !news.dsack;
            self.alert(prior_una, u32::from(duplicate), &mut news, cx);
        }
        if news.set_timer {
            self.set_send_timer(cx);
        }
        let delivered = self.counts.delivered.wrapping_sub(prior_delivered);
        let lost = self.counts.lost.wrapping_sub(prior_lost);
        let counted = (delivered, self.counts.delivered);
        let min_rtt_us = self.rtt.min_us();
        self.activity().rate.on_ack(news.sample, counted, cx.now.us, min_rtt_us);
        self.control_congestion(delivered, lost, &news, cx);
        self.push |= self.has_unsent();
        AckOutcome::Accepted
    }

    /// Nothing is out, nor a tail loss probe to be told of.
    fn is_waiting_for_nothing(&self) -> bool {
        self.board.is_empty() && self.recovery.tlp_high_seq.is_none()
    }

    /// What each segment of a peer brings that only sends: it may open the window.
    fn on_ack_of_nothing(&mut self, ack: &Acknowledgement<'_>, cx: Context<'_>) -> AckOutcome {
        self.update_window(ack, cx);
        self.probes_out = 0;
        self.last_ack = cx.now.time;
        self.on_ack_of_probe(cx);
        self.push |= self.has_unsent();
        AckOutcome::Accepted
    }

    /// A segment came whose acknowledgement says nothing new (`tcp_update_wl`).
    pub(crate) fn on_text_alone(&mut self, seq: SeqNumber) {
        self.wl1 = seq;
    }

    /// An acknowledgement below SND.UNA can still tell of losses by its SACK blocks.
    fn on_old_ack(
        &mut self,
        ack: &Acknowledgement<'_>,
        mut news: News,
        cx: Context<'_>,
    ) -> AckOutcome {
        let reach = u64::from(self.max_window).min(self.counts.bytes_acked) as u32;
        if ack.ack.lt(self.una - reach) {
            return AckOutcome::TooOld;
        }
        if !ack.sack.is_empty() && self.sack {
            self.tag_sacked(ack.sack, ack.ack, self.una, &mut news, cx);
            self.count_delivered(news.sack_delivered, news.ece);
            self.alert(self.una, 0, &mut news, cx);
            self.push |= self.has_unsent();
        }
        AckOutcome::Old
    }

    /// Whether a segment may update the window (RFC 9293 §3.10.7.4), or shuts it
    /// (`tcp_may_update_window`).
    pub(crate) fn may_update_window(&self, ack: SeqNumber, seq: SeqNumber, window: u32) -> bool {
        ack.gt(self.una)
            || seq.gt(self.wl1)
            || (seq == self.wl1 && (window > self.wnd || window == 0))
    }

    /// Takes in the window, if the segment may update it. Whether it may.
    fn update_window(&mut self, ack: &Acknowledgement<'_>, cx: Context<'_>) -> bool {
        if !self.may_update_window(ack.ack, ack.seq, ack.window) {
            return false;
        }
        self.wl1 = ack.seq;
        if self.wnd == ack.window {
            return true;
        }
        self.wnd = ack.window;
        if self.has_unsent() {
            self.restart_after_idle(cx);
        }
        if ack.window > self.max_window {
            self.max_window = ack.window;
            self.sync_size(cx);
        }
        true
    }

    fn advance_una(&mut self, ack: SeqNumber) {
        let newly = (ack - self.una).max(0) as u32;
        if newly == 0 {
            return;
        }
        let bytes = (ack.min(self.end) - self.una).max(0) as usize;
        self.buffer.advance(bytes);
        self.counts.bytes_acked += u64::from(newly);
        self.una = ack;
    }

    pub(super) fn count_delivered(&mut self, segments: u32, ece: bool) {
        self.counts.delivered = self.counts.delivered.wrapping_add(segments);
        if ece && self.ecn {
            self.counts.delivered_ce = self.counts.delivered_ce.wrapping_add(segments);
        }
    }

    /// Takes what is acknowledged off the queue, and the round-trip time from it
    /// (`tcp_clean_rtx_queue`).
    fn clean_queue(
        &mut self,
        prior_una: SeqNumber,
        prior_highest: SeqNumber,
        news: &mut News,
        cx: Context<'_>,
    ) {
        let prior_sacked = self.board.sacked_out;
        let mut reordered = self.nxt;
        let mut cleaned = Cleaned::default();
        while self.board.first().is_some_and(|sent| sent.end().le(self.una)) {
            let Some(sent) = self.board.pop() else { break };
            self.take_off(&sent, &mut reordered, &mut cleaned, news, cx);
        }
        if let Some(first) = self.board.first().copied() {
            news.reneging = first.marks.has(Marks::SACKED);
            if first.seq.lt(self.una) {
                self.trim_buffer(&first, cleaned.count > 0);
            }
        } else {
            self.board.shrink();
            self.stop_waiting(Business::Busy, cx);
            self.sack_cache = None;
        }
        let measured = self.measure(prior_una, prior_sacked, &cleaned, news, cx);
        if news.data_acked {
            news.set_timer = true;
            self.check_probe(cx);
            if self.sack {
                if reordered.lt(prior_highest) {
                    self.check_reordering(reordered, cx);
                }
            } else {
                self.remove_reno_sacks(cleaned.count, news.ece, cx);
                if news.retrans_acked {
                    news.original_delivered = false;
                }
            }
        } else if let (Some(sack_us), Some(first)) = (news.first_sacked_us, self.board.first()) {
            // Not for data sent after the first was last sent: the timeout could go on for ever.
            news.set_timer |= measured && sack_us < first.sent_us;
        }
    }

    /// Of the first segment a part is acknowledged. If it left in one buffer with others, that part
    /// is forgotten; else it stays (`tcp_tso_acked`).
    fn trim_buffer(&mut self, first: &Sent, follows: bool) {
        let second = self.board.get(self.board.first_place().wrapping_add(1));
        let has_next = second.is_some_and(|next| next.marks.has(Marks::JOINED));
        if has_next || (follows && first.marks.has(Marks::JOINED)) {
            self.board.trim_first(self.una);
        }
    }

    /// Accounts for one segment acknowledged cumulatively.
    fn take_off(
        &mut self,
        sent: &Sent,
        reordered: &mut SeqNumber,
        cleaned: &mut Cleaned,
        news: &mut News,
        cx: Context<'_>,
    ) {
        cleaned.count += 1;
        news.data_acked = true;
        if sent.marks.was_retransmitted() {
            news.retrans_acked = true;
        } else if !sent.marks.has(Marks::SACKED) {
            cleaned.first_us.get_or_insert(sent.sent_us);
            cleaned.last_us = sent.sent_us;
            *reordered = (*reordered).min(sent.seq);
            news.original_delivered |= sent.end().le(self.recovery.high_seq);
        }
        if !sent.marks.has(Marks::SACKED) {
            if self.sack {
                self.count_delivered(1, news.ece);
                if !is_spurious(sent, news.echo) {
                    self.rack.advance(sent, cx.now.us, self.rtt.min_us());
                }
            }
            news.sampled(sent, &mut self.activity().rate);
        }
    }

    /// Takes a round-trip sample (`tcp_ack_update_rtt`): from the times of sending, never of what
    /// was retransmitted (Karn), else from the timestamp that came back. Whether there was one.
    fn measure(
        &mut self,
        prior_una: SeqNumber,
        prior_sacked: u32,
        cleaned: &Cleaned,
        news: &mut News,
        cx: Context<'_>,
    ) -> bool {
        let since = |us: u64| cx.now.us.saturating_sub(us);
        let mut sample = None;
        let mut latest = None;
        if let Some(first) = cleaned.first_us
            && !news.retrans_acked
        {
            sample = Some(since(first));
            latest = Some(since(cleaned.last_us));
            news.maybe_delayed = cleaned.count == 1
                && prior_sacked == 0
                && ((self.una - prior_una) as u32) < self.size.effective
                && news.prior_delivered.map(|n| n.wrapping_add(1)) == Some(self.counts.delivered)
                && !news.is_alert();
        }
        if let Some(first) = news.first_sacked_us {
            latest = Some(since(news.last_sacked_us));
            sample = sample.or(Some(since(first)));
        }
        if sample.is_none()
            && news.data_acked
            && let Some(echo) = news.echo
        {
            sample = echo_rtt_us(echo, cx.now.ms, 1);
            latest = sample;
        }
        let (Some(sample), Some(latest)) = (sample, latest) else { return false };
        if !(news.maybe_delayed && latest > u64::from(self.rtt.min_us())) {
            self.rtt.update_min(latest, cx.now, cx.profile);
        }
        self.rtt.sample(sample, self.una, self.nxt, cx.profile);
        self.backoff = 0;
        let at = self.moment(cx);
        self.control.on_round_trip(&mut self.window, latest.min(1 << 30) as u32, &at);
        true
    }

    /// The acknowledgement came while nothing was out: a window probe was answered
    /// (`tcp_ack_probe`).
    fn on_ack_of_probe(&mut self, cx: Context<'_>) {
        if !self.has_unsent() {
            return;
        }
        let next = self.write_end().min(self.nxt + self.size.effective);
        if next.le(self.window_end()) {
            self.backoff = 0;
            self.probes_since = Deadline::NONE;
            if self.timer_kind() == Some(SendTimer::Persist) {
                self.timer = None;
            }
        } else {
            let when = self.probe_interval(cx);
            self.set_timer(SendTimer::Persist, when, cx);
        }
    }

    /// Ends an episode of tail loss probing (RFC 8985 §7.4; `tcp_process_tlp_ack`).
    fn on_ack_of_tlp(&mut self, ack: SeqNumber, news: &News, cx: Context<'_>) {
        let Some(high) = self.recovery.tlp_high_seq else { return };
        if ack.lt(high) {
            return;
        }
        if !self.recovery.tlp_retrans || news.dsack_of_probe {
            self.recovery.tlp_high_seq = None;
        } else if ack.gt(high) {
            // The probe repaired a loss: the window is reduced for it.
            self.begin_reduction(cx);
            self.recovery.state = CaState::Cwr;
            self.end_reduction(cx);
            self.keep_open();
        } else if !news.una_advanced && !news.is_no_duplicate() && !news.data_sacked {
            self.recovery.tlp_high_seq = None;
        }
    }

    /// Moves the window (`tcp_cong_control`).
    fn control_congestion(&mut self, delivered: u32, lost: u32, news: &News, cx: Context<'_>) {
        if self.in_reduction() {
            self.reduce(delivered, lost, news.una_advanced);
        } else if self.may_raise(news, cx) {
            let at = self.moment(cx);
            self.control.on_ack(&mut self.window, delivered, &at);
            self.window.stamp = cx.now.ticks;
        }
        self.update_pacing_rate(cx);
    }

    /// Proportional rate reduction.
    pub(super) fn reduce(&mut self, delivered: u32, lost: u32, una_advanced: bool) {
        let safe = una_advanced && lost == 0;
        let progress = Progress { in_flight: self.board.in_flight(), delivered, safe };
        self.recovery.prr.on_ack(&mut self.window, progress);
    }

    /// On paths that reorder much the window grows with any delivery, else only with those in
    /// order (`tcp_may_raise_cwnd`).
    fn may_raise(&self, news: &News, cx: Context<'_>) -> bool {
        news.data_acked || (news.data_sacked && self.recovery.reordering > cx.profile.reordering)
    }

    /// Sets the timer after progress: for a tail loss probe if one may be sent, else for the
    /// retransmission timeout (`tcp_set_xmit_timer`).
    pub(super) fn set_send_timer(&mut self, cx: Context<'_>) {
        if !self.schedule_loss_probe(true, cx) {
            self.rearm_rto(cx);
        }
    }

    pub(super) fn request(&mut self, rexmit: Rexmit) {
        self.rexmit = rexmit;
    }
}

/// A round trip from a timestamp that came back, µs: `least_ms` if it was less than a millisecond
/// (`tcp_rtt_tsopt_us`).
pub(crate) fn echo_rtt_us(echo: u32, now_ms: u32, least_ms: u32) -> Option<u64> {
    let delta = now_ms.wrapping_sub(echo);
    (delta < (1 << 31) / 1000).then(|| u64::from(delta.max(least_ms)) * 1000)
}

/// Whether the acknowledgement is for the original of a segment that was retransmitted: it
/// echoes a time before the retransmission (`tcp_skb_spurious_retrans`).
fn is_spurious(sent: &Sent, echo: Option<u32>) -> bool {
    let resent_ms = (sent.sent_us / 1000) as u32;
    sent.marks.was_retransmitted()
        && echo.is_some_and(|echo| (echo.wrapping_sub(resent_ms) as i32) < 0)
}
