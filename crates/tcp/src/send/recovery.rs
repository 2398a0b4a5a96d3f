//! The state of congestion: Open, Disorder, CWR, Recovery, Loss, and the ways between them and back
//! (RFC 6675, RFC 6582, RFC 5682; `tcp_fastretrans_alert`).

use roundtrip_packet::SeqNumber;

use crate::congestion::prr::Prr;
use crate::congestion::{Controller, INFINITE};
use crate::info::CaState;

use super::ack::News;
use super::scoreboard::Place;
use super::sent::Marks;
use super::{Rexmit, SendTimer, Sender};
use crate::context::Context;

impl Sender {
    /// An acknowledgement came that is unusual, or while the state is: finds out what is lost and
    /// changes the state (`tcp_fastretrans_alert`).
    pub(super) fn alert(
        &mut self,
        prior_una: SeqNumber,
        duplicates: u32,
        news: &mut News,
        cx: Context<'_>,
    ) {
        if self.board.is_empty() {
            self.board.sacked_out = 0;
        }
        if news.ece {
            self.recovery.prior_ssthresh = 0;
        }
        if self.delay_for_reneging(news, cx) {
            return;
        }
        if self.recovery.state == CaState::Open {
            self.recovery.retrans_stamp = None;
        } else if self.una.ge(self.recovery.high_seq) && self.leave_state(news, cx) {
            return;
        }
        match self.recovery.state {
            CaState::Recovery => self.alert_in_recovery(prior_una, duplicates, news, cx),
            CaState::Loss => self.alert_in_loss(duplicates, news, cx),
            _ => self.alert_when_open(duplicates, news, cx),
        }
    }

    /// SND.UNA came to what had been acknowledged selectively. The peer gets a little time to make
    /// that good before the scoreboard is thrown away (`tcp_check_sack_reneging`).
    fn delay_for_reneging(&mut self, news: &mut News, cx: Context<'_>) -> bool {
        if !(news.reneging && news.una_advanced) {
            return false;
        }
        let half = u64::from(self.rtt.srtt_us()) / 2;
        self.set_timer(SendTimer::Retransmission, half.max(10_000), cx);
        news.set_timer = false;
        true
    }

    /// What was out when the state was entered is acknowledged. Whether that is all.
    fn leave_state(&mut self, news: &News, cx: Context<'_>) -> bool {
        match self.recovery.state {
            CaState::Cwr => {
                // Held until something above is acknowledged, so that CWR has reached the peer.
                let acknowledged_above = self.una != self.recovery.high_seq;
                if acknowledged_above {
                    self.end_reduction(cx);
                    self.recovery.state = CaState::Open;
                }
            }
            CaState::Recovery => {
                if !self.sack {
                    self.board.sacked_out = 0;
                }
                if self.try_undo_recovery(news, cx) {
                    return true;
                }
                self.end_reduction(cx);
            }
            _ => {}
        }
        false
    }

    fn alert_in_recovery(
        &mut self,
        prior_una: SeqNumber,
        duplicates: u32,
        news: &mut News,
        cx: Context<'_>,
    ) {
        if !news.una_advanced {
            if !self.sack {
                self.add_reno_sack(duplicates, news.ece, cx);
            }
        } else if self.try_undo_partial(prior_una, news, cx) {
            return;
        }
        if self.try_undo_dsack(cx) {
            self.try_to_open(news, cx);
        }
        self.identify_loss(news, cx);
        if self.recovery.state != CaState::Recovery {
            if self.board.lost_out == 0 {
                return;
            }
            // Undone, but something else is lost.
            self.enter_recovery(news.ece, cx);
        }
        self.request(Rexmit::Lost);
    }

    fn alert_in_loss(&mut self, duplicates: u32, news: &mut News, cx: Context<'_>) {
        self.process_loss(duplicates, news, cx);
        if self.recovery.state != CaState::Loss {
            self.activity().timeouts.recovered(cx.now.ms);
        }
        self.identify_loss(news, cx);
        if self.recovery.state == CaState::Open || news.lost_retrans {
            self.alert_when_open(duplicates, news, cx);
        }
    }

    fn alert_when_open(&mut self, duplicates: u32, news: &mut News, cx: Context<'_>) {
        if !self.sack {
            if news.una_advanced {
                self.board.sacked_out = 0;
            }
            self.add_reno_sack(duplicates, news.ece, cx);
        }
        if self.recovery.state <= CaState::Disorder {
            self.try_undo_dsack(cx);
        }
        self.identify_loss(news, cx);
        if self.board.lost_out == 0 {
            self.try_to_open(news, cx);
            return;
        }
        if self.blames_probe() {
            return;
        }
        self.enter_recovery(news.ece, cx);
        self.request(Rexmit::Lost);
    }

    /// An acknowledgement in Loss: the loss was real, or the timeout was spurious, or it is repaired
    /// (F-RTO, RFC 5682 §3.1; `tcp_process_loss`).
    fn process_loss(&mut self, duplicates: u32, news: &News, cx: Context<'_>) {
        let recovered = self.una.ge(self.recovery.high_seq);
        if news.una_advanced && self.try_undo_loss(false, news, cx) {
            return;
        }
        if self.recovery.frto {
            // Step 3.b: something arrived that was sent before the timeout and not since.
            if news.original_delivered && self.try_undo_loss(true, news, cx) {
                return;
            }
            if self.nxt.gt(self.recovery.high_seq) {
                if news.data_sacked || duplicates > 0 {
                    self.recovery.frto = false;
                }
            } else if news.una_advanced && !recovered {
                self.recovery.high_seq = self.nxt;
                // Step 2.b: send new data and see what is acknowledged next.
                if self.has_unsent() && self.window_end().gt(self.nxt) {
                    self.request(Rexmit::New);
                    return;
                }
                self.recovery.frto = false;
            }
        }
        if recovered {
            self.try_undo_recovery(news, cx);
            return;
        }
        if !self.sack {
            if self.nxt.gt(self.recovery.high_seq) && duplicates > 0 {
                self.add_reno_sack(duplicates, news.ece, cx);
            } else if news.una_advanced {
                self.board.sacked_out = 0;
            }
        }
        self.request(Rexmit::Lost);
    }

    /// Marks what is lost: by RACK, or without SACK by the third duplicate (`NewReno`).
    fn identify_loss(&mut self, news: &mut News, cx: Context<'_>) {
        if self.board.is_empty() {
            return;
        }
        if !self.sack {
            self.newreno_mark_lost(news.una_advanced);
            return;
        }
        let prior = self.board.retrans_out;
        if cx.profile.rack {
            if self.rack_mark_lost(cx) {
                news.set_timer = false;
            }
        } else {
            self.mark_lost_by_count();
        }
        news.lost_retrans |= prior > self.board.retrans_out;
    }

    /// RFC 6582: the first segment is lost after three duplicates, and again after each partial
    /// acknowledgement (`tcp_newreno_mark_lost`).
    fn newreno_mark_lost(&mut self, una_advanced: bool) {
        let state = self.recovery.state;
        let enough = self.board.sacked_out >= self.recovery.reordering;
        if (state < CaState::Recovery && enough) || (state == CaState::Recovery && una_advanced) {
            let first = self.board.first_place();
            if self.board.get(first).is_some_and(|sent| !sent.marks.has(Marks::LOST)) {
                self.board.cut_out(first, 1);
                self.mark_lost(first);
            }
        }
    }

    /// RFC 6675 without RACK: a segment is lost once as many above it have arrived as make three
    /// duplicates.
    fn mark_lost_by_count(&mut self) {
        let mut above = self.board.sacked_out;
        for place in self.board.places() {
            let Some(sent) = self.board.get(place).copied() else { break };
            if sent.marks.has(Marks::SACKED) {
                above -= 1;
            } else if above < self.recovery.reordering {
                break;
            } else if !sent.marks.has(Marks::LOST) {
                self.mark_lost(place);
            }
        }
    }

    pub(super) fn mark_lost(&mut self, place: Place) {
        self.counts.lost = self.counts.lost.wrapping_add(self.board.mark_lost(place));
    }

    // ---- duplicate acknowledgements in place of SACK ----

    /// A duplicate acknowledgement means that a segment has left the network
    /// (`tcp_add_reno_sack`).
    fn add_reno_sack(&mut self, duplicates: u32, ece: bool, cx: Context<'_>) {
        if duplicates == 0 {
            return;
        }
        let prior = self.board.sacked_out;
        self.board.sacked_out += duplicates;
        self.check_reno_reordering(0, cx);
        self.count_delivered(self.board.sacked_out.saturating_sub(prior), ece);
    }

    /// What was acknowledged cumulatively takes up duplicates (`tcp_remove_reno_sacks`).
    pub(super) fn remove_reno_sacks(&mut self, acked: u32, ece: bool, cx: Context<'_>) {
        if acked > 0 {
            self.count_delivered(acked.saturating_sub(self.board.sacked_out).max(1), ece);
            self.board.sacked_out = self.board.sacked_out.saturating_sub(acked - 1);
        }
        self.check_reno_reordering(acked, cx);
    }

    /// More duplicates than there are segments: reordering.
    fn check_reno_reordering(&mut self, more: u32, cx: Context<'_>) {
        if self.limit_reno_sacked() {
            let most = self.board.out() + more;
            self.recovery.reordering = most.min(cx.profile.max_reordering);
            self.counts.reordering_seen += 1;
        }
    }

    fn limit_reno_sacked(&mut self) -> bool {
        let out = self.board.out();
        let holes = self.board.lost_out.max(1).min(out);
        if self.board.sacked_out + holes <= out {
            return false;
        }
        self.board.sacked_out = out - holes;
        true
    }

    // ---- undoing ----

    /// Whether everything that arrived was on its way before the first retransmission
    /// (`tcp_packet_delayed`).
    fn was_only_delayed(&self, news: &News) -> bool {
        match self.recovery.retrans_stamp {
            Some(stamp) => news.echo.is_some_and(|echo| (echo.wrapping_sub(stamp) as i32) < 0),
            None => self.sack || self.una.lt(self.recovery.high_seq),
        }
    }

    fn may_undo(&self, news: &News) -> bool {
        self.recovery.undo_marker.is_some()
            && (self.recovery.undo_retrans == 0 || self.was_only_delayed(news))
    }

    /// Some of what is out was retransmitted (`tcp_any_retrans_done`).
    fn any_retransmitted(&self) -> bool {
        self.board.retrans_out > 0
            || self.board.first().is_some_and(|sent| sent.marks.has(Marks::EVER_RETRANS))
    }

    /// Gives the window back that was taken without need (`tcp_undo_cwnd_reduction`).
    fn undo_reduction(&mut self, unmark_loss: bool, cx: Context<'_>) {
        if unmark_loss {
            self.board.clear_marks(Marks::LOST);
            self.board.lost_out = 0;
            self.board.hint = None;
        }
        if self.recovery.prior_ssthresh > 0 {
            self.window.cwnd = self.window.cwnd.max(self.window.prior_cwnd);
            if self.recovery.prior_ssthresh > self.window.ssthresh {
                self.window.ssthresh = self.recovery.prior_ssthresh;
                self.cwr_due = false;
            }
        }
        self.window.stamp = cx.now.ticks;
        self.recovery.undo_marker = None;
        self.rack.advanced = true;
    }

    /// Without SACK the state is held until something above is acknowledged, lest duplicates of the
    /// retransmissions start another recovery (RFC 6582 §4.1).
    fn must_hold_state(&mut self) -> bool {
        if self.una == self.recovery.high_seq && !self.sack {
            if !self.any_retransmitted() {
                self.recovery.retrans_stamp = None;
            }
            return true;
        }
        false
    }

    fn try_undo_recovery(&mut self, news: &News, cx: Context<'_>) -> bool {
        if self.may_undo(news) {
            self.undo_reduction(false, cx);
        } else if self.rack.persist > 0 {
            self.rack.persist -= 1;
        }
        if self.must_hold_state() {
            return true;
        }
        self.recovery.state = CaState::Open;
        self.recovery.sack_reneging = false;
        false
    }

    /// All retransmissions were reported as duplicates (RFC 3708; `tcp_try_undo_dsack`).
    fn try_undo_dsack(&mut self, cx: Context<'_>) -> bool {
        if self.recovery.undo_marker.is_none() || self.recovery.undo_retrans != 0 {
            return false;
        }
        self.rack.persist = (self.rack.persist + 1).min(super::rack::PERSIST);
        self.undo_reduction(false, cx);
        true
    }

    fn try_undo_loss(&mut self, by_frto: bool, news: &News, cx: Context<'_>) -> bool {
        if !by_frto && !self.may_undo(news) {
            return false;
        }
        self.undo_reduction(true, cx);
        self.retransmits = 0;
        if self.must_hold_state() {
            return true;
        }
        if by_frto || self.sack {
            self.recovery.state = CaState::Open;
            self.recovery.sack_reneging = false;
        }
        true
    }

    /// A partial acknowledgement was for a segment that was only late (`tcp_try_undo_partial`).
    fn try_undo_partial(&mut self, prior_una: SeqNumber, news: &News, cx: Context<'_>) -> bool {
        if self.recovery.undo_marker.is_none() || !self.was_only_delayed(news) {
            return false;
        }
        self.check_reordering(prior_una, cx);
        if self.board.retrans_out > 0 {
            return true;
        }
        if !self.any_retransmitted() {
            self.recovery.retrans_stamp = None;
        }
        self.undo_reduction(true, cx);
        self.keep_open();
        false
    }

    // ---- entering and leaving ----

    /// Open, or Disorder while something is missing (`tcp_try_keep_open`).
    pub(super) fn keep_open(&mut self) {
        let left = self.board.sacked_out + self.board.lost_out > 0;
        let state =
            if left || self.any_retransmitted() { CaState::Disorder } else { CaState::Open };
        if self.recovery.state != state {
            self.recovery.state = state;
            self.recovery.high_seq = self.nxt;
        }
    }

    fn try_to_open(&mut self, news: &News, cx: Context<'_>) {
        if !self.any_retransmitted() {
            self.recovery.retrans_stamp = None;
        }
        if news.ece {
            self.enter_cwr(cx);
        }
        if self.recovery.state != CaState::Cwr {
            self.keep_open();
        }
    }

    /// The window is being reduced (`tcp_in_cwnd_reduction`).
    pub(super) fn in_reduction(&self) -> bool {
        matches!(self.recovery.state, CaState::Cwr | CaState::Recovery)
    }

    /// The threshold as it is, or three quarters of the window (`tcp_current_ssthresh`).
    pub(super) fn current_ssthresh(&self) -> u32 {
        if self.in_reduction() {
            self.window.ssthresh
        } else {
            self.window.ssthresh.max((self.window.cwnd >> 1) + (self.window.cwnd >> 2))
        }
    }

    /// `tcp_init_cwnd_reduction`.
    pub(super) fn begin_reduction(&mut self, cx: Context<'_>) {
        self.recovery.high_seq = self.nxt;
        self.recovery.tlp_high_seq = None;
        self.window.count = 0;
        self.window.prior_cwnd = self.window.cwnd;
        let flight = self.board.out().saturating_sub(self.board.sacked_out) + 1;
        self.recovery.prr = Prr::begin(cx.profile.reduction, self.window.cwnd, flight);
        self.window.ssthresh = self.control.ssthresh(&self.window);
        self.cwr_due = self.ecn;
    }

    /// `tcp_end_cwnd_reduction`.
    pub(super) fn end_reduction(&mut self, cx: Context<'_>) {
        let reduced = self.recovery.state == CaState::Cwr || self.recovery.undo_marker.is_some();
        if self.window.ssthresh < INFINITE && reduced {
            self.window.cwnd = self.window.ssthresh;
            self.window.stamp = cx.now.ticks;
        }
    }

    /// The network marked packets, which cannot be undone (RFC 3168 §6.1.2; `tcp_enter_cwr`).
    fn enter_cwr(&mut self, cx: Context<'_>) {
        self.recovery.prior_ssthresh = 0;
        if self.recovery.state < CaState::Cwr {
            self.recovery.undo_marker = None;
            self.begin_reduction(cx);
            self.recovery.state = CaState::Cwr;
        }
    }

    /// `tcp_enter_recovery`.
    pub(super) fn enter_recovery(&mut self, ece: bool, cx: Context<'_>) {
        if !self.any_retransmitted() {
            self.recovery.retrans_stamp = None;
        }
        self.recovery.prior_ssthresh = 0;
        self.begin_undo();
        if !self.in_reduction() {
            if !ece {
                self.recovery.prior_ssthresh = self.current_ssthresh();
            }
            self.begin_reduction(cx);
        }
        self.recovery.state = CaState::Recovery;
    }

    /// `tcp_init_undo`.
    fn begin_undo(&mut self) {
        self.recovery.undo_marker = Some(self.una);
        let probes = self.recovery.tlp_high_seq.is_some() && self.recovery.tlp_retrans;
        let out = self.board.retrans_out as i32 + i32::from(probes);
        self.recovery.undo_retrans = if out == 0 { -1 } else { out };
    }

    /// The retransmission timeout struck: all that was not sent just now is lost, and the window is
    /// one more than what remains in flight (`tcp_enter_loss`).
    pub(super) fn enter_loss(&mut self, cx: Context<'_>) {
        let state = self.recovery.state;
        let fresh = state < CaState::Recovery;
        self.mark_all_lost(cx);
        if state <= CaState::Disorder
            || self.recovery.high_seq.le(self.una)
            || (state == CaState::Loss && self.retransmits == 0)
        {
            self.recovery.prior_ssthresh = self.current_ssthresh();
            self.window.prior_cwnd = self.window.cwnd;
            self.window.ssthresh = self.control.ssthresh(&self.window);
            self.begin_undo();
        }
        self.window.cwnd = self.board.in_flight() + 1;
        self.window.count = 0;
        self.window.stamp = cx.now.ticks;
        if state <= CaState::Disorder && self.board.sacked_out >= cx.profile.reordering {
            self.recovery.reordering = self.recovery.reordering.min(cx.profile.reordering);
        }
        let at = self.moment(cx);
        self.control.on_timeout(&at);
        self.recovery.state = CaState::Loss;
        self.recovery.high_seq = self.nxt;
        self.recovery.tlp_high_seq = None;
        self.cwr_due = self.ecn;
        let begins = fresh || self.retransmits > 0;
        self.recovery.frto = cx.profile.frto && begins && !self.is_probing();
    }

    /// `tcp_timeout_mark_lost`: if the peer took back what it had acknowledged selectively, nothing
    /// of that is believed any more.
    fn mark_all_lost(&mut self, cx: Context<'_>) {
        let first = self.board.first_place();
        let reneged = self.board.first().is_some_and(|sent| sent.marks.has(Marks::SACKED));
        if reneged {
            self.board.clear_marks(Marks::SACKED);
            self.board.sacked_out = 0;
            self.recovery.sack_reneging = true;
        } else if !self.sack {
            self.board.sacked_out = 0;
        }
        for place in self.board.places() {
            let Some(sent_us) = self.board.get(place).map(|sent| sent.sent_us) else { break };
            let recent = self.sack && self.rack_remaining(sent_us, 0, cx.now.us) > 0;
            if reneged || place == first || !recent {
                self.mark_lost(place);
            }
        }
        self.board.hint = None;
    }

    /// Segments turned out to be larger than the path takes: they are sent again, and nobody is to
    /// blame (`tcp_simple_retransmit`).
    pub(super) fn simple_retransmit(&mut self) {
        let mss = self.size.effective;
        for place in self.board.places() {
            if self.board.get(place).is_some_and(|sent| sent.len > mss) {
                self.mark_lost(place);
            }
        }
        if self.board.lost_out == 0 {
            return;
        }
        if !self.sack {
            self.limit_reno_sacked();
        }
        if self.recovery.state != CaState::Loss {
            self.recovery.high_seq = self.nxt;
            self.window.ssthresh = self.current_ssthresh();
            self.recovery.prior_ssthresh = 0;
            self.recovery.undo_marker = None;
            self.recovery.state = CaState::Loss;
        }
        self.request(Rexmit::Lost);
    }
}
