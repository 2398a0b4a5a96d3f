//! An acknowledgement, and what processing it brings to light.

use roundtrip_packet::{SackBlock, SeqNumber};

use super::rate::{Rate, Sample};
use super::sent::Sent;

/// The fields of a segment that concern our sending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledgement<'a> {
    /// SEG.SEQ: the sequence number of the segment.
    pub(crate) seq: SeqNumber,
    /// SEG.ACK: the acknowledgement number.
    pub(crate) ack: SeqNumber,
    /// SEG.WND: the window, scaled, bytes.
    pub(crate) window: u32,
    pub(crate) sack: &'a [SackBlock],
    /// Our timestamp as the peer echoed it.
    pub(crate) echo: Option<u32>,
    /// Whether the segment carries data, or FIN.
    pub(crate) has_data: bool,
    /// Whether the segment has the ECN-Echo flag.
    pub(crate) ece: bool,
}

/// The outcome of processing an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckOutcome {
    /// The acknowledgement was acceptable.
    Accepted,
    /// The acknowledgement number is below SND.UNA.
    Old,
    /// The acknowledgement number is so far below SND.UNA that it may be forged (RFC 5961 §5.2).
    TooOld,
    /// The acknowledgement is of data that was never sent.
    Unsent,
}

/// What an acknowledgement brought to light (the `FLAG_*` and the `tcp_sacktag_state` of
/// `tcp_input.c`).
#[derive(Clone, Copy, Debug)]
pub(super) struct AckEffects {
    /// Whether the segment carried data.
    pub(super) has_data: bool,
    /// Whether the segment was allowed to update the window.
    pub(super) window_update: bool,
    /// Whether SND.UNA moved.
    pub(super) una_advanced: bool,
    /// Whether segments were acknowledged cumulatively.
    pub(super) data_acked: bool,
    /// Whether some of the segments that were acknowledged cumulatively had been retransmitted.
    pub(super) retrans_acked: bool,
    /// Whether segments were acknowledged selectively.
    pub(super) data_sacked: bool,
    /// Whether the peer saw a congestion mark.
    pub(super) ece: bool,
    /// Whether a retransmission was found to be lost.
    pub(super) lost_retrans: bool,
    /// Whether a segment that was sent only once, before the recovery began, has arrived.
    pub(super) original_delivered: bool,
    /// Whether a duplicate was reported (D-SACK).
    pub(super) dsack: bool,
    /// Whether the duplicate reported was a tail loss probe.
    pub(super) dsack_of_probe: bool,
    /// Whether the timer is to be set anew.
    pub(super) set_timer: bool,
    /// Whether SND.UNA came to a segment that had been acknowledged selectively, so that the peer
    /// seems to have dropped it.
    pub(super) reneging: bool,
    /// Whether the peer probably delayed the acknowledgement.
    pub(super) maybe_delayed: bool,
    /// The round-trip time measured on the segment acknowledged last, µs.
    pub(super) rtt_us: Option<u32>,
    /// Our timestamp as the peer echoed it.
    pub(super) echo: Option<u32>,
    /// The lowest segment delivered after a higher one.
    pub(super) reordered: SeqNumber,
    /// When the first and the last of the newly sacked segments that were sent only once were sent,
    /// µs.
    pub(super) first_sacked_us: Option<u64>,
    pub(super) last_sacked_us: u64,
    /// Segments delivered selectively, duplicates included.
    pub(super) sack_delivered: u32,
    /// Segments delivered when the latest of the delivered ones was sent.
    pub(super) prior_delivered: Option<u32>,
    /// The sample of the delivery rate from that segment.
    pub(super) sample: Option<Sample>,
    latest_sent: (u64, SeqNumber),
}

impl AckEffects {
    pub(super) fn new(ack: &Acknowledgement<'_>, nxt: SeqNumber) -> AckEffects {
        AckEffects {
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
            rtt_us: None,
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

    /// Takes from a delivered segment how much had been delivered when it was sent
    /// (`tcp_rate_skb_delivered`).
    pub(super) fn sampled(&mut self, sent: &Sent, rate: &mut Rate) {
        let this = (sent.sent_us, sent.end());
        if self.prior_delivered.is_none() || super::rack::sent_after(this, self.latest_sent) {
            self.prior_delivered = Some(sent.delivered);
            self.sample = Some(rate.on_delivered(sent));
            self.latest_sent = this;
        }
    }

    /// Whether the segment is no duplicate acknowledgement: it has data, a window update or
    /// progress (`FLAG_NOT_DUP`).
    pub(super) fn is_no_duplicate(&self) -> bool {
        self.has_data || self.window_update || self.data_acked
    }

    /// Whether the acknowledgement is out of the ordinary (`FLAG_CA_ALERT`).
    pub(super) fn is_alert(&self) -> bool {
        self.data_sacked || self.ece || self.dsack
    }
}

/// The round-trip time from an echoed timestamp, µs; at least `least_ms` milliseconds
/// (`tcp_rtt_tsopt_us`).
pub(crate) fn echo_rtt_us(echo: u32, now_ms: u32, least_ms: u32) -> Option<u64> {
    let delta = now_ms.wrapping_sub(echo);
    (delta < (1 << 31) / 1000).then(|| u64::from(delta.max(least_ms)) * 1000)
}
