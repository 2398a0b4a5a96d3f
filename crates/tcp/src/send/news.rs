//! What an acknowledgement says, and what it turns out to bring.

use roundtrip_packet::{SackBlock, SeqNumber};

use super::rate::{Rate, Sample};
use super::sent::Sent;

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
    pub(super) sample: Option<Sample>,
    latest_sent: (u64, SeqNumber),
}

impl News {
    pub(super) fn new(ack: &Acknowledgement<'_>, nxt: SeqNumber) -> News {
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
    pub(super) fn is_alert(&self) -> bool {
        self.data_sacked || self.ece || self.dsack
    }
}

/// A round trip from a timestamp that came back, µs: `least_ms` if it was less than a millisecond
/// (`tcp_rtt_tsopt_us`).
pub(crate) fn echo_rtt_us(echo: u32, now_ms: u32, least_ms: u32) -> Option<u64> {
    let delta = now_ms.wrapping_sub(echo);
    (delta < (1 << 31) / 1000).then(|| u64::from(delta.max(least_ms)) * 1000)
}
