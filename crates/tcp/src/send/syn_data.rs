//! Data that travelled with our SYN (RFC 7413): a connection begins with it in flight, or delivered.

use bytes::Bytes;

use crate::context::Context;

use super::agenda::Rexmit;
use super::chronograph::SendLimit;
use super::sender::Sender;
use super::sent::{Marks, Sent};

/// The data that travelled with our SYN.
#[derive(Clone, Debug, Default)]
pub(crate) struct SynData {
    pub(crate) bytes: Bytes,
    /// When the SYN was sent, µs.
    pub(crate) sent_us: u64,
}

impl SynData {
    /// The bytes of data.
    pub(crate) fn len(&self) -> u32 {
        self.bytes.len() as u32
    }
}

impl Sender {
    /// Takes over the data of the SYN, of which the SYN-ACK has acknowledged the first `acked` bytes.
    /// What it left out is sent again at once, without taking that for congestion
    /// (`tcp_send_syn_data`, `tcp_rcv_fastopen_synack`).
    pub(crate) fn adopt_syn_data(&mut self, data: &SynData, acked: u32, cx: Context<'_>) {
        let (una, len) = (self.space.una(), data.len());
        let mut sent = Sent::new(una, len, false, data.sent_us, self.counts.delivered());
        sent.marks = Marks::PUSH;
        sent.rate = self.active_state().rate.on_sent(data.sent_us, true);
        self.active_state().chronograph.start(SendLimit::Busy, cx.now.ticks);
        self.active_state().bytes_sent += u64::from(len);
        self.counts.note_sent(1);
        self.written.adopt_sent(data.bytes.clone());
        self.space.sent(una + len);
        self.board.push(sent);
        let newly = self.space.acknowledge(una + acked);
        self.written.drop_acknowledged(una, newly);
        self.counts.note_acknowledged(newly);
        if acked == len {
            // Linux counts the SYN and its data as one segment delivered.
            self.board.pop();
            self.stop_waiting(SendLimit::Busy, cx);
            return;
        }
        self.mark_lost(self.board.first_place());
        self.repair_without_congestion();
        debug_assert_eq!(self.agenda.rexmit(), Rexmit::Lost);
        self.rearm_rto(cx);
    }

    /// Ends the handshake of a connection that was in use before it was complete, and whose SYN-ACK
    /// took `rtt_us` µs to be acknowledged, if it was sent only once
    /// (`tcp_rcv_synrecv_state_fastopen`).
    pub(crate) fn complete_handshake(&mut self, rtt_us: Option<u64>, cx: Context<'_>) {
        self.counts.note_delivered(1, false);
        if let Some(rtt_us) = rtt_us.filter(|_| self.rtt.srtt_us() == 0) {
            self.rtt.update_min(rtt_us, cx.now, cx.profile);
            self.rtt.sample(rtt_us, self.space.una(), self.space.nxt(), cx.profile);
            if !self.control.is_by_rate() {
                self.update_pacing_rate(cx);
            }
        }
        self.timers.release();
        self.rearm_rto(cx);
    }

    /// Collapses the window when a SYN-ACK is sent again for the second time, if data is out
    /// (`tcp_fastopen_synack_timer`).
    pub(crate) fn on_handshake_timeout(&mut self, count: u32, cx: Context<'_>) {
        if count == 2 && !self.board.is_empty() {
            self.enter_loss(cx);
        }
    }

    /// Holds the timer back until the handshake is complete: before that only the SYN-ACK is sent
    /// again (`tcp_fastopen_synack_timer`).
    pub(crate) fn await_handshake(&mut self) {
        self.counts.forget_handshake();
        self.timers.hold();
    }
}
