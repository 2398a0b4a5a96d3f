//! The SYN_SENT state (RFC 9293 §3.10.7.3).

use std::sync::Arc;

use bytes::Bytes;
use roundtrip_packet::SeqNumber;
use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_record::{CloseReason, Time, Timer};

use crate::clock::micros;
use crate::context::Context;
use crate::fast_open::SentSyn;
use crate::options::Options;
use crate::profile::{EcnMode, Profile};
use crate::receive::{BufferOptions, Offer};
use crate::send::{SynData, echo_rtt_us, retry_time_us};
use crate::{Disposition, Segment, reset_for};

use super::handshake::{
    Completion, PeerSyn, Ports, Synchronized, announced_mss, ecn_mode, syn_options,
};
use super::open::Open;
use super::syn_received::{Origin, SynReceived};
use super::verdict::{Fired, Next, Verdict};

/// The state after the peer's answer to our SYN.
#[derive(Debug)]
pub(crate) enum SynAnswered {
    /// A SYN-ACK established the connection.
    Established(Box<Open>),
    /// A SYN crossed ours.
    Crossed(Box<SynReceived>),
}

/// A connection in SYN_SENT.
#[derive(Debug)]
pub(crate) struct SynSent {
    iss: SeqNumber,
    options: Box<Options>,
    offer: Offer,
    /// When the first SYN was sent, µs.
    first_us: Option<u64>,
    /// The number of SYNs retransmitted, and when the first of them was sent, µs.
    retransmits: u32,
    first_again_us: u64,
    rto_us: u64,
    timer: Option<Time>,
    /// Whether a SYN is to be sent.
    due: bool,
    /// The data that travels with the first SYN.
    data: Bytes,
    /// Whether the SYN waits for the first write, whose data it can take along.
    pub(crate) is_deferred: bool,
    /// Whether a write waits for the connection.
    pub(crate) is_write_waiting: bool,
}

impl SynSent {
    pub(crate) fn new(iss: SeqNumber, options: Options) -> SynSent {
        let profile = &options.profile;
        let mss = u32::from(announced_mss(&options));
        let offer = Offer::new(mss, BufferOptions::of(&options), profile.window_scaling, profile);
        let is_deferred = options.fast_open.is_wanted && options.fast_open.room > 0;
        SynSent {
            iss,
            offer,
            first_us: None,
            retransmits: 0,
            first_again_us: 0,
            rto_us: micros(profile.rto_initial),
            timer: None,
            due: !is_deferred,
            data: Bytes::new(),
            is_deferred,
            is_write_waiting: false,
            options: Box::new(options),
        }
    }

    pub(crate) fn set_profile(&mut self, profile: &Arc<Profile>) {
        self.options.profile = Arc::clone(profile);
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.timer
    }

    pub(crate) fn retransmits(&self) -> u32 {
        self.retransmits
    }

    /// Writes the first data of a connection whose SYN has waited for it: as much as the SYN has room
    /// for goes with it. Answers how much that is; 0 once the SYN is on its way.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        if !std::mem::take(&mut self.is_deferred) {
            return 0;
        }
        self.due = true;
        let taken = bytes.len().min(usize::from(self.options.fast_open.room));
        self.data = Bytes::copy_from_slice(&bytes[..taken]);
        taken
    }

    /// The data that travels with the SYN; none with one that is repeated, since it may be what
    /// somebody on the way did not bear (RFC 7413 §4.1.3).
    pub(crate) fn data(&self) -> &[u8] {
        if self.retransmits == 0 { &self.data } else { &[] }
    }

    /// What the SYN has to do with Fast Open.
    pub(crate) fn sent_syn(&self) -> SentSyn {
        SentSyn {
            cookie: self.options.fast_open.cookie,
            has_data: !self.data.is_empty(),
            is_repeated: self.retransmits > 0,
        }
    }

    /// Whether the next SYN is the first, and had to wait for a write.
    pub(crate) fn begins_late(&self) -> bool {
        self.first_us.is_none()
            && self.options.fast_open.is_wanted
            && self.options.fast_open.room > 0
    }

    fn syn_data(&self) -> SynData {
        SynData { bytes: self.data.clone(), sent_us: self.first_us.unwrap_or(0) }
    }

    /// Sends the SYN again, without data, because the path carries no segments of more than `mss`
    /// bytes (`tcp_simple_retransmit`). A SYN without data was not what was too large.
    pub(crate) fn reduce_path(&mut self, mss: u16, cx: Context<'_>) {
        if self.data.is_empty() || self.retransmits > 0 || mss >= self.options.mss {
            return;
        }
        self.options.mss = mss;
        self.retransmits = 1;
        self.first_again_us = cx.now.us;
        self.timer = Some(cx.profile.tick.expiry(cx.now, self.rto_us));
        self.due = true;
    }

    /// The SYN, if one is due.
    pub(crate) fn poll(&mut self, ports: Ports, cx: Context<'_>) -> Option<Header> {
        if !std::mem::take(&mut self.due) {
            return None;
        }
        if self.first_us.is_none() {
            self.first_us = Some(cx.now.us);
            self.timer = Some(cx.profile.tick.expiry(cx.now, self.rto_us));
        }
        let mut flags = Flags::SYN;
        // A SYN that asks for ECN may be dropped for it, so the next one does not ask (RFC 3168
        // §6.1.1.1).
        if ecn_mode(&self.options) == EcnMode::On && self.retransmits == 0 {
            flags |= Flags::ECE | Flags::CWR;
        }
        let mut options = syn_options(&self.options, &self.offer, cx);
        options.fast_open = self.options.fast_open.cookie.filter(|_| self.retransmits == 0);
        Some(Header {
            sequence: self.iss,
            flags,
            window: self.offer.window.min(65_535) as u16,
            options,
            ..ports.header()
        })
    }

    /// Repeats the SYN: by the Linux profile four times a second apart, then with doubling times
    /// (`tcp_retransmit_timer`).
    pub(crate) fn on_timeout(&mut self, cx: Context<'_>) -> Option<(Fired, Next<SynAnswered>)> {
        if self.timer? > cx.now.time {
            return None;
        }
        let profile = cx.profile;
        let most = profile.syn_retries + profile.syn_linear_timeouts;
        let since = self.first_us.map_or(0, |first| cx.now.us - first);
        let limit = match self.options.user_timeout {
            Some(limit) => micros(limit),
            None => retry_time_us(
                profile.syn_retries,
                micros(profile.rto_initial),
                micros(profile.rto_max),
            ),
        };
        let fired = Fired { timer: Timer::Retransmission, count: self.retransmits + 1 };
        if self.retransmits >= most || (self.retransmits > 0 && since >= limit) {
            self.timer = None;
            return Some((fired, Next::Closed(CloseReason::TimedOut)));
        }
        if self.retransmits == 0 {
            self.first_again_us = cx.now.us;
        }
        self.retransmits += 1;
        if self.retransmits > profile.syn_linear_timeouts {
            self.rto_us = (self.rto_us * 2).min(micros(profile.rto_max));
        }
        let mut delay = self.rto_us;
        if self.options.user_timeout.is_some() {
            delay = delay.min(limit.saturating_sub(since).max(1));
        }
        self.timer = Some(profile.tick.expiry(cx.now, delay));
        self.due = true;
        Some((fired, Next::Stay))
    }

    /// Processes a segment that arrived.
    pub(crate) fn on_segment(
        &mut self,
        segment: &Segment<'_>,
        cx: Context<'_>,
    ) -> Verdict<SynAnswered> {
        let header = &segment.header;
        if let Some(ack) = header.ack() {
            // "If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless the RST bit is set …)"
            if ack.le(self.iss) || ack.gt(self.iss + 1 + self.data.len()) {
                self.ask_again_soon(cx);
                return refuse(segment);
            }
            if let Some(ts) = header.options.timestamps
                && !self.is_echo_of_ours(ts.echo, cx)
            {
                return refuse(segment);
            }
            if segment.has(Flags::RST) {
                return Verdict::transition(
                    Disposition::Refused,
                    Next::Closed(CloseReason::Refused),
                );
            }
        } else if segment.has(Flags::RST) {
            return Verdict::stay(Disposition::NoAck);
        }
        if !segment.has(Flags::SYN) {
            return Verdict::stay(Disposition::NoAck);
        }
        let peer = PeerSyn::read(header, &self.options);
        if header.ack().is_some() {
            let open = self.complete(segment, &peer, cx);
            return Verdict::transition(
                Disposition::Accepted,
                Next::To(SynAnswered::Established(open)),
            );
        }
        // Simultaneous open: "Otherwise, enter SYN-RECEIVED, form a SYN,ACK segment".
        let crossed = SynReceived::new(
            Origin::Active,
            self.iss,
            (*self.options).clone(),
            peer,
            Some(self.offer),
            self.syn_data(),
        );
        Verdict::transition(
            Disposition::Accepted,
            Next::To(SynAnswered::Crossed(Box::new(crossed))),
        )
    }

    /// Repeats the SYN soon: the peer seems to hold an older connection, which the reset we answer
    /// with ends (RFC 9293 §3.5.1, figure 10).
    fn ask_again_soon(&mut self, cx: Context<'_>) {
        if self.retransmits == 0 && self.first_us.is_some() {
            self.timer = Some(cx.profile.tick.expiry(cx.now, 2 * cx.profile.tick.us()));
        }
    }

    /// Whether an echoed timestamp is one we sent with a SYN (RFC 7323 §5.2; `PAWSActiveRejected`).
    fn is_echo_of_ours(&self, echo: u32, cx: Context<'_>) -> bool {
        if echo == 0 || !self.options.profile.timestamps {
            return true;
        }
        let echo = echo.wrapping_sub(self.options.timestamp_offset);
        let first = (self.first_us.unwrap_or(0) / 1000) as u32;
        echo.wrapping_sub(first) <= cx.now.ms.wrapping_sub(first)
    }

    /// Goes to ESTABLISHED, since our SYN is acknowledged.
    fn complete(&self, segment: &Segment<'_>, peer: &PeerSyn, cx: Context<'_>) -> Box<Open> {
        let offset = self.options.timestamp_offset;
        let echo = peer.timestamp.map(|ts| ts.echo).filter(|&echo| echo != 0);
        let echo = echo.map(|echo| echo.wrapping_sub(offset));
        let first_us = self.first_us.unwrap_or(cx.now.us);
        let rtt_us = if self.retransmits == 0 {
            Some(cx.now.us - first_us)
        } else {
            echo.and_then(|echo| echo_rtt_us(echo, cx.now.ms, 1))
        };
        let spurious = echo == Some((first_us / 1000) as u32);
        let done = Completion {
            una: self.iss + 1,
            window: peer.window,
            wl1: segment.header.sequence,
            rtt_us,
            syn_lost: self.retransmits > 1 && !spurious,
            syn_retrans: self.retransmits,
            syn_timeouts: (self.retransmits, ((cx.now.us - self.first_again_us) / 1000) as u32),
            is_active: true,
            is_crossed: false,
        };
        let start = Synchronized::new(&self.options, self.offer, peer, &done, cx);
        let mut open = Open::new(&start, &self.options, peer.window_scale, cx);
        let acked = (segment.header.acknowledgement - done.una) as u32;
        let is_repeated = !self.data.is_empty() && acked < self.data.len() as u32;
        open.adopt_syn_data(&self.syn_data(), acked, cx);
        let is_fast = !self.data.is_empty() || self.options.fast_open.cookie.is_some();
        if is_fast && !is_repeated {
            open.take_syn_data(segment, cx);
        }
        match (is_repeated, self.is_write_waiting) {
            // The data that is sent again acknowledges the SYN-ACK.
            (true, _) => {}
            (false, true) => open.await_write(cx),
            (false, false) => open.acknowledge_handshake(),
        }
        Box::new(open)
    }
}

/// Answers an acknowledgement of what was not sent with a reset.
fn refuse(segment: &Segment<'_>) -> Verdict<SynAnswered> {
    let reset = reset_for(segment).map(Box::new);
    Verdict { disposition: Disposition::BadAck, next: Next::Stay, reset }
}
