//! The SYN_RECEIVED state (RFC 9293 §3.10.7.4; `tcp_check_req`).

use std::sync::Arc;
use std::time::Duration;

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{SeqNumber, Timestamps};
use roundtrip_record::{CloseReason, Time, Timer};

use crate::clock::micros;
use crate::context::Context;
use crate::options::Options;
use crate::profile::Profile;
use crate::receive::{BufferOptions, Offer, TsRecent};
use crate::send::{SynData, echo_rtt_us};
use crate::{Disposition, Segment, reset_for};

use super::handshake::{
    Completion, PeerSyn, Ports, Synchronized, Unfinished, announced_mss, syn_ack_options,
    syn_options, timestamp,
};
use super::open::Open;
use super::verdict::{Fired, Next, Verdict};

/// A connection that the end of the handshake established.
#[derive(Debug)]
pub(crate) struct Established {
    /// The new state.
    pub(crate) open: Box<Open>,
    /// Whether the segment that completed the handshake is to be processed by the new state too.
    pub(crate) again: bool,
}

/// The state from which the connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The connection came from LISTEN.
    Passive,
    /// The connection came from SYN_SENT: both ends opened at once.
    Active,
}

/// A connection in SYN_RECEIVED: a SYN was received, and a SYN-ACK is sent.
#[derive(Debug)]
pub(crate) struct SynReceived {
    origin: Origin,
    iss: SeqNumber,
    options: Box<Options>,
    peer: PeerSyn,
    offer: Offer,
    ts_recent: Option<TsRecent>,
    first_us: Option<u64>,
    retransmits: u32,
    /// The timeouts so far. A repeated SYN is answered without one.
    timeouts: u32,
    timer: Option<Time>,
    due: bool,
    /// Whether an acknowledgement is to be sent, for a segment out of window.
    ack_due: bool,
    last_answer: Option<Time>,
    /// Whether the acknowledgement came without data while the listener wants data
    /// (`TCP_DEFER_ACCEPT`).
    acknowledged: bool,
    /// Whether FIN is to follow the handshake.
    pub(crate) finish: bool,
    /// The data that went with our SYN, where the SYNs crossed.
    syn_data: SynData,
    /// The sequence number after the data of the peer's SYN, as far as it was taken.
    taken: SeqNumber,
    /// Whether the connection is in use already.
    is_early: bool,
}

impl SynReceived {
    pub(crate) fn new(
        origin: Origin,
        iss: SeqNumber,
        options: Options,
        peer: PeerSyn,
        offer: Option<Offer>,
        syn_data: SynData,
    ) -> SynReceived {
        let option_bytes = if peer.timestamp.is_some() { 12 } else { 0 };
        let offer = offer.unwrap_or_else(|| {
            let mss = u32::from(announced_mss(&options)).saturating_sub(option_bytes);
            let scaling = peer.window_scale.is_some();
            Offer::new(mss, BufferOptions::of(&options), scaling, &options.profile)
        });
        SynReceived {
            origin,
            iss,
            options: Box::new(options),
            peer,
            offer,
            ts_recent: None,
            first_us: None,
            retransmits: 0,
            timeouts: 0,
            timer: None,
            due: true,
            ack_due: false,
            last_answer: None,
            acknowledged: false,
            finish: false,
            syn_data,
            taken: peer.nxt,
            is_early: false,
        }
    }

    /// A connection in SYN_RECEIVED that answers a SYN.
    pub(crate) fn passive(iss: SeqNumber, options: Options, syn: &Header) -> SynReceived {
        let peer = PeerSyn::read(syn, &options);
        SynReceived::new(Origin::Passive, iss, options, peer, None, SynData::default())
    }

    pub(crate) fn set_profile(&mut self, profile: &Arc<Profile>) {
        self.options.profile = Arc::clone(profile);
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Whether the connection came from LISTEN.
    pub(crate) fn is_passive(&self) -> bool {
        self.origin == Origin::Passive
    }

    pub(crate) fn retransmits(&self) -> u32 {
        self.retransmits
    }

    /// The SYN-ACK or an acknowledgement, if one is due.
    pub(crate) fn poll(&mut self, ports: Ports, cx: Context<'_>) -> Option<Header> {
        if std::mem::take(&mut self.due) {
            self.ack_due = false;
            return Some(self.syn_ack(ports, cx));
        }
        if !std::mem::take(&mut self.ack_due) {
            return None;
        }
        let value = timestamp(&self.options, cx);
        let echo = self.ts_recent.or_else(|| self.peer.ts_recent(cx)).map(|recent| recent.value);
        let mut header = Header {
            sequence: self.iss + 1,
            acknowledgement: self.peer.nxt,
            flags: Flags::ACK,
            window: (self.offer.window >> self.shift()).min(65_535) as u16,
            ..ports.header()
        };
        header.options.timestamps = echo.map(|echo| Timestamps { value, echo });
        Some(header)
    }

    /// The SYN-ACK, for an answer that keeps no connection.
    pub(crate) fn first_answer(&mut self, ports: Ports, cx: Context<'_>) -> Header {
        self.syn_ack(ports, cx)
    }

    fn shift(&self) -> u8 {
        if self.peer.window_scale.is_some() { self.offer.shift } else { 0 }
    }

    fn syn_ack(&mut self, ports: Ports, cx: Context<'_>) -> Header {
        if self.first_us.is_none() {
            self.first_us = Some(cx.now.us);
            let rto = micros(cx.profile.rto_initial);
            self.timer = Some(cx.profile.tick.expiry(cx.now, rto));
        }
        let ece = if self.peer.ecn { Flags::ECE } else { Flags::NONE };
        let mut options = match self.origin {
            Origin::Passive => syn_ack_options(&self.options, &self.offer, &self.peer, cx),
            // When the SYNs crossed, Linux sends its SYN again, with an acknowledgement
            // (`tcp_send_synack`).
            Origin::Active => syn_options(&self.options, &self.offer, cx),
        };
        if let (Some(ts), Some(theirs)) = (&mut options.timestamps, self.peer.timestamp) {
            ts.echo = theirs.value;
        }
        if let (Some(ts), Some(recent)) = (&mut options.timestamps, self.ts_recent) {
            ts.echo = recent.value;
        }
        // Only the first answer gives a cookie (`tcp_conn_request`).
        let is_first = self.origin == Origin::Passive && self.retransmits == 0;
        options.fast_open = self.options.fast_open.cookie.filter(|_| is_first);
        Header {
            sequence: self.iss,
            acknowledgement: self.taken,
            flags: Flags::SYN_ACK | ece,
            window: self.offer.window.min(65_535) as u16,
            options,
            ..ports.header()
        }
    }

    /// Repeats the SYN-ACK: by the Linux profile after 1, 2, 4 … s, five times
    /// (`reqsk_timer_handler`).
    pub(crate) fn on_timeout(&mut self, cx: Context<'_>) -> Option<(Fired, Next<Established>)> {
        if self.timer? > cx.now.time {
            return None;
        }
        self.timeouts += 1;
        let fired = Fired { timer: Timer::Retransmission, count: self.timeouts };
        // While the listener waits for data the SYN-ACK is not repeated, except once at the end
        // (`syn_ack_recalc`).
        let deferrals = u32::from(self.options.defer_accept);
        let is_deferred = self.acknowledged && deferrals > 0;
        // A connection in use has one more (`tcp_fastopen_synack_timer`).
        let retries = cx.profile.synack_retries + u32::from(self.is_early);
        let is_over = self.timeouts > retries && !(is_deferred && self.timeouts <= deferrals);
        if is_over {
            self.timer = None;
            return Some((fired, Next::Closed(CloseReason::TimedOut)));
        }
        let is_repeated = !is_deferred || self.timeouts >= deferrals;
        self.retransmits += u32::from(is_repeated);
        let rto = (micros(cx.profile.rto_initial) << self.timeouts.min(20))
            .min(micros(cx.profile.rto_max));
        self.timer = Some(cx.profile.tick.expiry(cx.now, rto));
        self.due = is_repeated;
        Some((fired, Next::Stay))
    }

    /// Processes a segment that arrived.
    pub(crate) fn on_segment(
        &mut self,
        segment: &Segment<'_>,
        cx: Context<'_>,
    ) -> Verdict<Established> {
        let header = &segment.header;
        let nxt = self.peer.nxt;
        let paws = self.fails_paws(segment, cx);
        if self.is_syn_again(segment, cx) {
            return Verdict::stay(Disposition::Duplicate);
        }
        if header.ack().is_some_and(|ack| !self.is_acceptable(ack)) {
            // §3.10.7.4: "If the segment acknowledgment is not acceptable, form a reset segment".
            let reset = reset_for(segment).map(Box::new);
            return Verdict { disposition: Disposition::BadAck, next: Next::Stay, reset };
        }
        if paws || !self.is_in_window(segment) {
            if !segment.has(Flags::RST) && self.may_answer(cx) {
                self.ack_due = true;
            }
            let disposition = if paws { Disposition::Paws } else { Disposition::OutOfWindow };
            return Verdict::stay(disposition);
        }
        if segment.has(Flags::RST) {
            return self.on_reset();
        }
        if segment.has(Flags::SYN) && header.sequence.ge(nxt) && !self.is_crossed_answer(segment) {
            let reset = reset_for(segment).map(Box::new);
            let next = Next::Closed(CloseReason::Reset);
            return Verdict { disposition: Disposition::Reset, next, reset };
        }
        if header.ack().is_none() {
            return Verdict::stay(Disposition::NoAck);
        }
        if self.timeouts < u32::from(self.options.defer_accept)
            && self.origin == Origin::Passive
            && segment.end() == nxt
        {
            self.acknowledged = true;
            return Verdict::stay(Disposition::Deferred);
        }
        let mut open = self.complete(segment, cx);
        if self.is_crossed_answer(segment) {
            // The SYN of that SYN-ACK is old: Linux reports it as a duplicate.
            open.answer_crossed(segment, cx);
            return Verdict::transition(
                Disposition::Accepted,
                Next::To(Established { open, again: false }),
            );
        }
        Verdict::transition(Disposition::Accepted, Next::To(Established { open, again: true }))
    }

    /// Whether an acknowledgement is that of our SYN, and of no more than the data it took along.
    fn is_acceptable(&self, ack: SeqNumber) -> bool {
        ack.ge(self.iss + 1) && ack.le(self.iss + 1 + self.syn_data.len())
    }

    /// Processes a reset: "If this connection was initiated with a passive OPEN … return to the
    /// LISTEN state"; otherwise the connection was refused.
    fn on_reset(&self) -> Verdict<Established> {
        match self.origin {
            Origin::Passive => {
                Verdict::transition(Disposition::Reset, Next::Closed(CloseReason::Reset))
            }
            Origin::Active => {
                Verdict::transition(Disposition::Refused, Next::Closed(CloseReason::Refused))
            }
        }
    }

    fn fails_paws(&self, segment: &Segment<'_>, cx: Context<'_>) -> bool {
        let recent = self.ts_recent.or_else(|| self.peer.ts_recent(cx));
        match (recent, segment.header.options.timestamps) {
            (Some(recent), Some(ts)) => recent.rejects(ts.value, 0, cx.now.time),
            _ => false,
        }
    }

    fn is_in_window(&self, segment: &Segment<'_>) -> bool {
        let (left, right) = (self.peer.nxt, self.peer.nxt + self.offer.window);
        let (seq, end) = (segment.header.sequence, segment.end());
        self.is_crossed_answer(segment)
            || seq == left
            || (end.gt(left) && seq.lt(right))
            || (seq == right && seq == end)
    }

    /// Whether a segment is the peer's SYN-ACK after the SYNs crossed, whose SYN has been received
    /// already.
    fn is_crossed_answer(&self, segment: &Segment<'_>) -> bool {
        self.origin == Origin::Active
            && segment.has(Flags::SYN_ACK)
            && segment.header.sequence + 1 == self.peer.nxt
            && segment.end() == self.peer.nxt
    }

    /// Whether an unexpected segment may be answered, within the rate limit.
    fn may_answer(&mut self, cx: Context<'_>) -> bool {
        let limit = cx.profile.invalid_ratelimit;
        let due = self.last_answer.is_none_or(|last| cx.now.time.since(last) >= limit);
        if due {
            self.last_answer = Some(cx.now.time);
        }
        due
    }

    /// Goes to ESTABLISHED, since our SYN is acknowledged.
    fn complete(&self, segment: &Segment<'_>, cx: Context<'_>) -> Box<Open> {
        let mut peer = self.peer;
        let offset = self.options.timestamp_offset;
        let echo = segment.header.options.timestamps.map(|ts| ts.echo).filter(|&echo| echo != 0);
        let echo = echo.map(|echo| echo.wrapping_sub(offset));
        if let (Some(own), Some(ts)) = (&mut peer.timestamp, segment.header.options.timestamps) {
            *own = ts;
        }
        let first_us = self.first_us.unwrap_or(cx.now.us);
        let rtt_us = if self.retransmits == 0 {
            Some(cx.now.us - first_us)
        } else {
            echo.and_then(|echo| echo_rtt_us(echo, cx.now.ms, 1))
        };
        let shift = peer.window_scale.unwrap_or(0);
        let window = if segment.has(Flags::SYN) {
            u32::from(segment.header.window)
        } else {
            u32::from(segment.header.window) << shift
        };
        let done = Completion {
            una: self.iss + 1,
            window,
            wl1: segment.header.sequence,
            rtt_us,
            syn_lost: self.timeouts > 1 && echo != Some((first_us / 1000) as u32),
            syn_retrans: self.retransmits,
            syn_timeouts: (self.timeouts, ((cx.now.us - first_us) / 1000) as u32),
            is_active: self.origin == Origin::Active,
            is_crossed: self.origin == Origin::Active,
        };
        let start = Synchronized::new(&self.options, self.offer, &peer, &done, cx);
        let mut open = Open::new(&start, &self.options, peer.window_scale, cx);
        let acked = (segment.header.acknowledgement - done.una).max(0) as u32;
        open.adopt_syn_data(&self.syn_data, acked, cx);
        Box::new(open)
    }

    /// A connection that is in use before its handshake is complete, since its SYN brought a good
    /// cookie (RFC 7413 §4.2.2; `tcp_fastopen_create_child`). This half goes on to send the SYN-ACK.
    pub(crate) fn open_early(mut self, syn: &Segment<'_>, cx: Context<'_>) -> Box<Open> {
        let done = Completion {
            una: self.iss + 1,
            window: self.peer.window,
            wl1: syn.header.sequence,
            rtt_us: None,
            syn_lost: false,
            syn_retrans: 0,
            syn_timeouts: (0, 0),
            is_active: false,
            is_crossed: false,
        };
        let start = Synchronized::new(&self.options, self.offer, &self.peer, &done, cx);
        let mut open = Open::new(&start, &self.options, self.peer.window_scale, cx);
        open.take_syn_data(syn, cx);
        self.taken = self.peer.nxt + syn.payload.len();
        self.is_early = true;
        open.await_handshake(Box::new(self));
        Box::new(open)
    }

    /// An established connection from the acknowledgement of a SYN cookie: the SYN itself was not
    /// kept (RFC 4987 §3.6).
    pub(crate) fn from_cookie(
        options: &Options,
        syn: &Header,
        iss: SeqNumber,
        ack: &Segment<'_>,
        cx: Context<'_>,
    ) -> Box<Open> {
        let mut half = SynReceived::passive(iss, options.clone(), syn);
        half.due = false;
        half.first_us = Some(cx.now.us);
        // The round-trip time of the handshake is not known.
        half.retransmits = 1;
        half.complete(ack, cx)
    }

    /// The time until the next repetition, for a snapshot.
    pub(crate) fn rto(&self, profile: &Profile) -> Duration {
        (profile.rto_initial * (1 << self.timeouts.min(10))).min(profile.rto_max)
    }

    /// The reset of an aborted connection.
    pub(crate) fn reset(&self, ports: Ports) -> Header {
        Header {
            sequence: self.iss + 1,
            acknowledgement: self.peer.nxt,
            flags: Flags::RST_ACK,
            ..ports.header()
        }
    }
}

impl Unfinished for SynReceived {
    fn iss(&self) -> SeqNumber {
        self.iss
    }

    fn round_trip_us(&self, cx: Context<'_>) -> Option<u64> {
        let first_us = self.first_us.filter(|_| self.retransmits == 0)?;
        Some(cx.now.us - first_us)
    }

    fn is_syn_again(&mut self, segment: &Segment<'_>, cx: Context<'_>) -> bool {
        let header = &segment.header;
        let is_syn = header.flags & (Flags::SYN | Flags::ACK | Flags::RST) == Flags::SYN;
        let is_again =
            is_syn && header.sequence + 1 == self.peer.nxt && !self.fails_paws(segment, cx);
        if is_again && self.may_answer(cx) {
            self.due = true;
            self.retransmits += 1;
        }
        is_again
    }

    fn next_timeout(&self) -> Option<Time> {
        self.timer
    }

    fn expire(&mut self, cx: Context<'_>) -> Option<(Fired, Option<CloseReason>)> {
        let (fired, next) = self.on_timeout(cx)?;
        let over = match next {
            Next::Closed(reason) => Some(reason),
            Next::Stay | Next::To(_) => None,
        };
        Some((fired, over))
    }

    fn poll(&mut self, ports: Ports, cx: Context<'_>) -> Option<Header> {
        SynReceived::poll(self, ports, cx)
    }

    fn is_due(&self) -> bool {
        self.due
    }
}
