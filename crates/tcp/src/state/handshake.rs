//! The options that the two SYNs agree on (RFC 9293 §3.7.1, RFC 7323 §2.2 and §3.2, RFC 2018 §2,
//! RFC 3168 §6.1.1).

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Options as HeaderOptions, SeqNumber, Timestamps};
use roundtrip_record::{CloseReason, Time};

use crate::context::Context;
use crate::options::Options;
use crate::profile::EcnMode;
use crate::receive::{Offer, ReceiverStart, TsRecent};
use crate::send::SenderStart;

use super::verdict::Fired;
use crate::Segment;

/// The MSS of a peer that announces none (RFC 9293 §3.7.1, MUST-15).
const DEFAULT_MSS: u16 = 536;

/// A handshake that goes on while its connection is in use (RFC 7413 §4.2.2).
pub(crate) trait Unfinished: core::fmt::Debug {
    /// Our initial sequence number.
    fn iss(&self) -> SeqNumber;
    /// How long the acknowledgement of the SYN-ACK took, µs, if that was sent only once.
    fn round_trip_us(&self, cx: Context<'_>) -> Option<u64>;
    /// Takes the peer's SYN if it comes again, which a SYN-ACK answers; whether it was that.
    fn is_syn_again(&mut self, segment: &Segment<'_>, cx: Context<'_>) -> bool;
    /// When the SYN-ACK is repeated.
    fn next_timeout(&self) -> Option<Time>;
    /// Repeats the SYN-ACK if it is time; with a reason, if that was the last.
    fn expire(&mut self, cx: Context<'_>) -> Option<(Fired, Option<CloseReason>)>;
    /// The SYN-ACK or an acknowledgement, if one is due.
    fn poll(&mut self, ports: Ports, cx: Context<'_>) -> Option<Header>;
    /// Whether a SYN-ACK is to be sent.
    fn is_due(&self) -> bool;
}

/// The ports of a connection: ours and the peer's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) local: u16,
    pub(crate) remote: u16,
}

impl Ports {
    pub(crate) fn header(self) -> Header {
        Header::new(self.local, self.remote)
    }
}

/// What the peer's SYN offered, as far as we accept it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerSyn {
    /// IRS + 1: the sequence number after the peer's SYN.
    pub(crate) nxt: SeqNumber,
    /// SEG.WND, which in a SYN is never scaled.
    pub(crate) window: u32,
    /// The largest segment that the peer accepts and `TCP_MAXSEG` allows, bytes.
    pub(crate) mss_clamp: u16,
    pub(crate) window_scale: Option<u8>,
    pub(crate) timestamp: Option<Timestamps>,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
}

impl PeerSyn {
    /// Reads the offer of a SYN or SYN-ACK.
    pub(crate) fn read(header: &Header, options: &Options) -> PeerSyn {
        let profile = &options.profile;
        let mss = match header.options.mss {
            None | Some(0) => DEFAULT_MSS,
            Some(mss) => mss,
        };
        let timestamp = header.options.timestamps.filter(|_| profile.timestamps);
        let ecn_setup = if header.flags.contains(Flags::ACK) {
            // An ECN-setup SYN-ACK has ECE and not CWR.
            header.flags.contains(Flags::ECE) && !header.flags.contains(Flags::CWR)
        } else {
            header.flags.contains(Flags::ECE) && header.flags.contains(Flags::CWR)
        };
        PeerSyn {
            nxt: header.sequence + 1,
            window: u32::from(header.window),
            mss_clamp: mss.min(options.max_segment.unwrap_or(u16::MAX)),
            window_scale: header
                .options
                .window_scale
                .filter(|_| profile.window_scaling)
                .map(|shift| shift.min(14)),
            timestamp,
            sack: header.options.sack_permitted && profile.sack,
            ecn: ecn_setup && ecn_mode(options) != EcnMode::Off,
        }
    }

    pub(crate) fn ts_recent(&self, cx: Context<'_>) -> Option<TsRecent> {
        self.timestamp.map(|ts| TsRecent::new(ts.value, cx.now.time))
    }
}

/// The use of ECN of a connection.
pub(crate) fn ecn_mode(options: &Options) -> EcnMode {
    options.ecn.unwrap_or(options.profile.ecn)
}

/// The MSS that we announce, bytes.
pub(crate) fn announced_mss(options: &Options) -> u16 {
    options.mss.min(options.max_segment.unwrap_or(u16::MAX))
}

/// The value of our timestamp: a clock in milliseconds, with an origin of its own for each
/// connection (RFC 7323 §5.4).
pub(crate) fn timestamp(options: &Options, cx: Context<'_>) -> u32 {
    cx.now.ms.wrapping_add(options.timestamp_offset)
}

/// The options of our SYN.
pub(crate) fn syn_options(options: &Options, offer: &Offer, cx: Context<'_>) -> HeaderOptions {
    let profile = &options.profile;
    let value = timestamp(options, cx);
    HeaderOptions {
        mss: Some(announced_mss(options)),
        window_scale: profile.window_scaling.then_some(offer.shift),
        sack_permitted: profile.sack,
        timestamps: profile.timestamps.then_some(Timestamps { value, echo: 0 }),
        ..HeaderOptions::NONE
    }
}

/// The options of our SYN-ACK: what the SYN offered and we accept.
pub(crate) fn syn_ack_options(
    options: &Options,
    offer: &Offer,
    peer: &PeerSyn,
    cx: Context<'_>,
) -> HeaderOptions {
    let value = timestamp(options, cx);
    HeaderOptions {
        mss: Some(announced_mss(options)),
        window_scale: peer.window_scale.map(|_| offer.shift),
        sack_permitted: peer.sack,
        timestamps: peer.timestamp.map(|ts| Timestamps { value, echo: ts.value }),
        ..HeaderOptions::NONE
    }
}

/// What a synchronized connection starts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Synchronized {
    pub(crate) sender: SenderStart,
    pub(crate) receiver: ReceiverStart,
}

/// The outcome of the handshake on our side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    /// ISS + 1: the sequence number after our SYN.
    pub(crate) una: SeqNumber,
    /// SEG.WND of the segment that completed the handshake, scaled, bytes.
    pub(crate) window: u32,
    /// SEG.SEQ of that segment.
    pub(crate) wl1: SeqNumber,
    pub(crate) rtt_us: Option<u64>,
    pub(crate) syn_lost: bool,
    pub(crate) syn_retrans: u32,
    /// The timeouts of the handshake, and how long it took to get over them, ms.
    pub(crate) syn_timeouts: (u32, u32),
    pub(crate) is_active: bool,
    pub(crate) is_crossed: bool,
}

impl Synchronized {
    pub(crate) fn new(
        options: &Options,
        offer: Offer,
        peer: &PeerSyn,
        done: &Completion,
        cx: Context<'_>,
    ) -> Synchronized {
        let timestamps = peer.timestamp.is_some();
        let option_bytes = if timestamps { 12 } else { 0 };
        let mss = u32::from(peer.mss_clamp.min(options.mss)).saturating_sub(option_bytes);
        Synchronized {
            sender: SenderStart {
                una: done.una,
                window: done.window,
                wl1: done.wl1,
                mss_clamp: peer.mss_clamp,
                path_mss: options.mss,
                timestamps,
                sack: peer.sack,
                ecn: peer.ecn,
                rtt_us: done.rtt_us,
                syn_lost: done.syn_lost,
                syn_retrans: done.syn_retrans,
                syn_timeouts: done.syn_timeouts,
                is_active: done.is_active,
                is_crossed: done.is_crossed,
                buffer: options.send_buffer,
            },
            receiver: ReceiverStart {
                nxt: peer.nxt,
                offer,
                window_scaling: peer.window_scale.is_some(),
                advmss: u32::from(announced_mss(options)).saturating_sub(option_bytes),
                mss,
                sack: peer.sack,
                ecn: peer.ecn,
                ts_recent: peer.ts_recent(cx),
            },
        }
    }
}
