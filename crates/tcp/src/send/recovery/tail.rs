//! Tail loss probes: when one is sent, and what its acknowledgement shows (RFC 8985 §7).

use roundtrip_packet::SeqNumber;

use crate::clock::micros;
use crate::context::Context;
use crate::info::CaState;
use crate::send::ack_effects::AckEffects;
use crate::send::retries::TIMEOUT_MIN_US;
use crate::send::sender::Sender;
use crate::send::timer::SendTimer;

impl Sender {
    /// Sets the timer for a tail loss probe, if one may be sent; answers whether it did (RFC 8985
    /// §7.2; `tcp_schedule_loss_probe`).
    pub(in crate::send) fn schedule_loss_probe(
        &mut self,
        advancing: bool,
        cx: Context<'_>,
    ) -> bool {
        if !cx.profile.tail_loss_probe
            || self.board.is_empty()
            || !self.agreed.sack
            || !matches!(self.recovery.state, CaState::Open | CaState::Cwr)
        {
            return false;
        }
        let srtt8 = u64::from(self.rtt.srtt8_us());
        let mut timeout = if srtt8 == 0 {
            1_000_000
        } else if self.board.out() == 1 {
            // The peer may delay its acknowledgement.
            srtt8 / 4 + micros(cx.profile.rto_min).min(200_000)
        } else {
            srtt8 / 4 + TIMEOUT_MIN_US
        };
        let rto = if advancing { self.rtt.rto_us() } else { self.rto_left_us(cx) };
        if rto > 0 {
            timeout = timeout.min(rto);
        }
        self.set_timer(SendTimer::LossProbe, timeout, cx);
        true
    }

    /// Ends an episode of tail loss probing (RFC 8985 §7.4; `tcp_process_tlp_ack`).
    pub(in crate::send) fn on_ack_of_tlp(
        &mut self,
        ack: SeqNumber,
        effects: &AckEffects,
        cx: Context<'_>,
    ) {
        let Some(high) = self.recovery.tlp_high_seq else { return };
        if ack.lt(high) {
            return;
        }
        if !self.recovery.tlp_retrans || effects.dsack_of_probe {
            self.recovery.tlp_high_seq = None;
        } else if ack.gt(high) {
            // The probe repaired a loss: the window is reduced for it.
            self.begin_reduction(cx);
            self.recovery.state = CaState::Cwr;
            self.end_reduction(cx);
            self.keep_open();
        } else if !effects.una_advanced && !effects.is_no_duplicate() && !effects.data_sacked {
            self.recovery.tlp_high_seq = None;
        }
    }
}
