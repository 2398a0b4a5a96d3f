//! The receiving half of a connection: received data, missing data, the receive window, and
//! acknowledgements.
//!
//! | file | noun | kernel |
//! |---|---|---|
//! | `buffer` | the received bytes | `sk_receive_queue` |
//! | `memory` | the memory they take | `sk_rmem_alloc` |
//! | `reassembly` | data out of order | `out_of_order_queue`, `selective_acks` |
//! | `ack` | the acknowledgement policy | `icsk_ack` |
//! | `window` | the receive window | `tcp_select_window`, `tcp_rcv_space_adjust` |

mod ack;
mod buffer;
mod memory;
mod reassembly;
mod window;

use std::collections::VecDeque;
use std::time::Duration;

use roundtrip_packet::{Ecn, SackBlocks, SeqNumber, Timestamps};
use roundtrip_record::{EventId, Time};

use crate::clock::Now;
use crate::context::Context;
use crate::profile::Profile;
use crate::supply::Supply;

use ack::{AckPolicy, Situation};
use buffer::ReceiveBuffer;
use reassembly::Reassembly;
use window::ReceiveSpace;

pub(crate) use window::{BufferOptions, Offer};

/// The most segments whose events are remembered.
const CAUSES: usize = 1 << 16;
/// The age of the last timestamp beyond which it is no longer compared, s (RFC 7323 §5.5: 24 days).
const PAWS_WRAP: u32 = 24 * 24 * 3600;

/// The size of the largest segment, bytes: one may begin in the window and end beyond it.
#[cfg(any(test, debug_assertions))]
const LARGEST_SEGMENT: u32 = 65_536;

fn seconds(at: Time) -> u32 {
    (at.millis() / 1000) as u32
}

/// The last timestamp of the peer (RFC 7323 §4.3, `TS.Recent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TsRecent {
    pub(crate) value: u32,
    /// When the timestamp arrived, s.
    at: u32,
}

impl TsRecent {
    pub(crate) fn new(value: u32, at: Time) -> TsRecent {
        TsRecent { value, at: seconds(at) }
    }

    /// Whether a timestamp is older than the last one by more than `tolerance` (RFC 7323 §5.3;
    /// `tcp_paws_check`).
    pub(crate) fn rejects(self, value: u32, tolerance: i32, now: Time) -> bool {
        (self.value.wrapping_sub(value) as i32) > tolerance
            && seconds(now).wrapping_sub(self.at) < PAWS_WRAP
            && self.value != 0
    }
}

/// What a receiver starts from after the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiverStart {
    /// The sequence number after the peer's SYN.
    pub(crate) nxt: SeqNumber,
    pub(crate) offer: Offer,
    pub(crate) window_scaling: bool,
    /// The MSS we announced, less the options of every segment.
    pub(crate) advmss: u32,
    /// The largest payload we send, as a first estimate of the peer's, bytes.
    pub(crate) mss: u32,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
    pub(crate) ts_recent: Option<TsRecent>,
}

/// What became of the text of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// The text was in order, and RCV.NXT moved.
    InOrder {
        /// Whether the peer's FIN was reached.
        fin: bool,
    },
    OutOfOrder,
    Duplicate,
    OutOfWindow,
}

/// The text of a segment, which is its data and FIN (RFC 9293 §3.10.7.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentText<'a> {
    pub(crate) seq: SeqNumber,
    pub(crate) payload: &'a [u8],
    /// The length of the data as it arrived; `payload` may be only the new part of it.
    pub(crate) size: u32,
    pub(crate) fin: bool,
    pub(crate) push: bool,
    pub(crate) ecn: Ecn,
    /// The payload of one segment, if several were joined on the way (GRO).
    pub(crate) segment_size: Option<u16>,
    /// The length of the options in the header, bytes.
    pub(crate) options: u32,
    pub(crate) cause: Option<EventId>,
}

/// Which event brought which bytes, by stream offset; kept only if events are recorded.
#[derive(Clone, Debug, Default)]
struct Causes {
    segments: VecDeque<(u64, u64, EventId)>,
    /// The index of the segment that came last.
    last: usize,
}

impl Causes {
    fn insert(&mut self, from: u64, to: u64, cause: EventId) {
        self.last = self.segments.partition_point(|&(start, ..)| start <= from);
        self.segments.insert(self.last, (from, to, cause));
        if self.segments.len() > CAUSES {
            self.segments.pop_front();
            self.last = self.last.saturating_sub(1);
        }
    }

    /// Replaces the event of the frame that came last by that of its segment, once that is
    /// recorded.
    fn settle(&mut self, frame: EventId, segment: EventId) {
        if let Some((.., cause)) = self.segments.get_mut(self.last)
            && *cause == frame
        {
            *cause = segment;
        }
    }

    fn at(&self, offset: u64) -> Option<EventId> {
        let place = self.segments.partition_point(|&(start, ..)| start <= offset);
        self.segments
            .range(..place)
            .rev()
            .take(64)
            .filter(|&&(_, end, _)| offset < end)
            .map(|&(.., cause)| cause)
            .min()
    }
}

/// The receiving half of a synchronized connection.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    /// RCV.NXT: the next sequence number expected.
    pub(crate) nxt: SeqNumber,
    /// RCV.NXT when the window was last announced (`rcv_wup`).
    wup: SeqNumber,
    /// RCV.WND as it was announced then, bytes.
    wnd: u32,
    /// The sequence number after the last byte that was read.
    copied: SeqNumber,
    /// Bytes read so far.
    read: u64,
    buffer: ReceiveBuffer,
    reassembly: Reassembly,
    /// The sequence number of the peer's FIN, once it has come.
    fin: Option<SeqNumber>,
    /// Whether RCV.NXT is beyond FIN.
    finished: bool,
    pub(crate) ack: AckPolicy,
    space: ReceiveSpace,
    sack: bool,
    ecn: bool,
    ecn_seen: bool,
    /// Whether a congestion mark has come: every segment says so with ECE until the peer answers
    /// with CWR.
    pub(crate) ece_due: bool,
    pub(crate) ts_recent: Option<TsRecent>,
    causes: Option<Box<Causes>>,
    /// Whether an application holds the socket: only then does the buffer grow for data out of
    /// order.
    pub(crate) is_held: bool,
    /// When data last arrived.
    pub(crate) last_data: Time,
    /// When any segment last arrived, µs modulo 2³²: the clock of the autotuning.
    arrival_us: u32,
    pub(crate) data_segments: u32,
    pub(crate) out_of_order: u32,
}

impl Receiver {
    /// Reads part of every component, to bring it into the processor's caches.
    #[inline]
    pub(crate) fn prefetch(&self) -> u32 {
        self.nxt.0
            ^ self.read as u32
            ^ self.ack.rcv_mss
            ^ u32::from(self.ack.quick)
            ^ self.space.clamp
            ^ self.space.held.used()
            ^ self.data_segments
            ^ self.arrival_us
    }

    pub(crate) fn new(start: &ReceiverStart, cx: Context<'_>) -> Receiver {
        let ReceiverStart { nxt, offer, advmss, .. } = *start;
        let wnd = offer.window;
        // The estimate begins rather too small than too large (`tcp_initialize_rcv_mss`).
        let rcv_mss = advmss.min(start.mss).min(wnd / 2).clamp(88, 536);
        let space =
            ReceiveSpace::new(&offer, start.window_scaling, advmss, nxt, cx.now, cx.profile);
        Receiver {
            nxt,
            wup: nxt,
            wnd,
            copied: nxt,
            read: 0,
            buffer: ReceiveBuffer::default(),
            reassembly: Reassembly::default(),
            fin: None,
            finished: false,
            ack: AckPolicy::new(rcv_mss, cx.now),
            space,
            sack: start.sack,
            ecn: start.ecn,
            ecn_seen: false,
            ece_due: false,
            ts_recent: start.ts_recent,
            causes: None,
            is_held: true,
            last_data: cx.now.time,
            arrival_us: cx.now.us as u32,
            data_segments: 0,
            out_of_order: 0,
        }
    }

    /// The part of the announced window that is left, bytes (`tcp_receive_window`).
    #[inline]
    pub(crate) fn window(&self) -> u32 {
        (self.wup + self.wnd - self.nxt).max(0) as u32
    }

    /// Our window scale.
    pub(crate) fn shift(&self) -> u8 {
        self.space.shift
    }

    /// RCV.NXT when a window was last announced: the peer may not know that later data has arrived.
    pub(crate) fn announced(&self) -> SeqNumber {
        self.wup
    }

    /// Bytes that can be read.
    #[inline]
    pub(crate) fn unread(&self) -> u32 {
        (self.nxt - u32::from(self.finished) - self.copied).max(0) as u32
    }

    /// Whether the peer has finished and all its data was read.
    pub(crate) fn at_end(&self) -> bool {
        self.finished && self.unread() == 0
    }

    /// Whether the peer's FIN was reached.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes received in order; FIN counts as one (`tcp_rcv_nxt_update`).
    pub(crate) fn received(&self) -> u64 {
        self.read + u64::from(self.unread()) + u64::from(self.finished)
    }

    /// Fixes the receive buffer (`SO_RCVBUF`).
    pub(crate) fn set_memory(&mut self, bytes: usize, profile: &Profile) {
        self.space.set_memory(bytes, profile);
    }

    /// Sets the largest window to offer, bytes (`TCP_WINDOW_CLAMP`).
    pub(crate) fn set_clamp(&mut self, bytes: u32) {
        self.space.set_clamp(bytes, self.wnd);
    }

    /// Switches quick acknowledgements on or off (`TCP_QUICKACK`; `tcp_sock_set_quickack`).
    pub(crate) fn set_quick_ack(&mut self, quick: bool, profile: &Profile) {
        if !quick {
            self.ack.enter_interactive(profile);
            return;
        }
        self.ack.leave_interactive();
        if self.ack.owed {
            self.ack.pushed = true;
            self.after_read(1, profile);
        }
    }

    /// Notes that a segment arrived.
    pub(crate) fn arrived(&mut self, has_data: bool, now: Now) {
        self.data_segments += u32::from(has_data);
        self.arrival_us = now.us as u32;
    }

    /// The sequence number at which a reset is believed when data is missing (RFC 5961 §3.2).
    pub(crate) fn highest_reported(&self) -> Option<SeqNumber> {
        self.reassembly.highest_reported().filter(|_| self.sack)
    }

    /// Whether `seq` is the next sequence number, nothing is missing, and the window is open.
    pub(crate) fn expects(&self, seq: SeqNumber) -> bool {
        seq == self.nxt && self.reassembly.is_empty() && self.wnd > 0
    }

    // ---- data arrives ----

    /// Processes the text of an acceptable segment (RFC 9293 §3.10.7.4, "seventh";
    /// `tcp_data_queue`). `rto_us` is our own retransmission timeout.
    pub(crate) fn on_text(&mut self, text: &SegmentText<'_>, rto_us: u64, cx: Context<'_>) -> Text {
        let end = text.seq + text.payload.len() + u32::from(text.fin);
        if !text.payload.is_empty() {
            self.last_data = cx.now.time;
        }
        self.reassembly.clear_duplicate();
        if text.seq == self.nxt {
            let bare_fin = text.payload.is_empty() && text.fin;
            if self.window() == 0 && !bare_fin {
                return self.out_of_window(cx);
            }
            return self.in_order(text, rto_us, cx);
        }
        if end.le(self.nxt) {
            self.duplicate(text.seq, end, cx);
            self.out_of_window(cx);
            return Text::Duplicate;
        }
        if text.seq.ge(self.nxt + self.window()) {
            return self.out_of_window(cx);
        }
        if text.seq.lt(self.nxt) {
            let (seq, nxt) = (text.seq, self.nxt);
            self.duplicate(seq, nxt, cx);
            if self.window() == 0 {
                return self.out_of_window(cx);
            }
            let known = (nxt - seq) as usize;
            let payload = text.payload.get(known..).unwrap_or(&[]);
            let rest = SegmentText { seq: nxt, payload, ..*text };
            return self.in_order(&rest, rto_us, cx);
        }
        self.out_of_order(text, cx)
    }

    /// Takes the data of a SYN or SYN-ACK, whose acknowledgement is due anyway
    /// (`tcp_fastopen_add_skb`).
    pub(crate) fn take_syn_data(&mut self, payload: &[u8], cause: Option<EventId>) {
        let len = payload.len() as u32;
        self.space.held.queue(self.nxt + len, len, self.unread());
        self.store(self.nxt, payload, cause);
        self.nxt += len;
        self.wup = self.nxt;
        self.data_segments += 1;
    }

    /// Takes the FIN that follows the data of a SYN-ACK.
    pub(crate) fn take_syn_fin(&mut self) {
        self.fin = Some(self.nxt);
        self.finished = true;
        self.nxt += 1_u32;
        self.wup = self.nxt;
    }

    fn duplicate(&mut self, left: SeqNumber, right: SeqNumber, cx: Context<'_>) {
        if self.sack && cx.profile.dsack {
            self.reassembly.set_duplicate(left, right);
        }
    }

    fn out_of_window(&mut self, cx: Context<'_>) -> Text {
        self.ack.enter_quick_ack(self.wnd, 16, cx.profile);
        self.ack.owed = true;
        Text::OutOfWindow
    }

    /// Answers a segment that is not acceptable at once, and reports it if it was a duplicate
    /// (`tcp_send_dupack`).
    pub(crate) fn answer_unacceptable(&mut self, seq: SeqNumber, end: SeqNumber, cx: Context<'_>) {
        if end != seq && seq.lt(self.nxt) {
            self.ack.enter_quick_ack(self.wnd, 16, cx.profile);
            self.duplicate(seq, end.min(self.nxt), cx);
        }
        self.ack.due = true;
    }

    fn in_order(&mut self, text: &SegmentText<'_>, rto_us: u64, cx: Context<'_>) -> Text {
        let len = text.payload.len() as u32;
        if !self.make_room(cx) {
            // Memory is exhausted: the window closes until data has been read.
            self.ack.owed = true;
            self.ack.urgent = true;
            self.ack.no_memory = true;
            if len > 0 && self.unread() > 0 {
                return Text::OutOfWindow;
            }
        }
        if len > 0 {
            self.space.held.queue(self.nxt + len, len, self.unread());
            self.store(text.seq, text.payload, text.cause);
            self.nxt += len;
            self.after_data(text, rto_us, cx);
        }
        if text.fin {
            self.fin = Some(self.nxt);
        }
        if self.reassembly.lowest().is_some_and(|lowest| lowest.le(self.nxt)) {
            let waited = self.reassembly.bytes();
            self.nxt = self.reassembly.advance(self.nxt);
            let joined = waited - self.reassembly.bytes();
            self.space.held.join(self.nxt, joined, waited, self.ack.rcv_mss);
            if self.reassembly.is_empty() {
                // A gap was filled, which is acknowledged at once (RFC 5681 §4.2).
                self.ack.urgent = true;
            }
        }
        let reached = self.fin.filter(|fin| !self.finished && self.nxt.ge(*fin));
        let fin = reached.is_some();
        if let Some(at) = reached {
            self.finished = true;
            self.nxt = at + 1;
            self.ack.owed = true;
            self.reassembly.clear();
            self.space.held.forget_waiting();
        }
        Text::InOrder { fin }
    }

    fn out_of_order(&mut self, text: &SegmentText<'_>, cx: Context<'_>) -> Text {
        let len = text.payload.len() as u32;
        self.check_mark(text.ecn, cx);
        self.ack.owed = true;
        // Data after FIN is not accepted.
        let beyond_fin = self.fin.is_some_and(|fin| (text.seq + len).gt(fin));
        if !self.make_room(cx) || beyond_fin {
            return Text::OutOfOrder;
        }
        let right = text.seq + len;
        self.out_of_order += 1;
        self.measure(len, text);
        // FIN counts as part of the run and is reported with it.
        let run = len + u32::from(text.fin);
        let follows = self.reassembly.highest() == Some(text.seq);
        let mut new = 0;
        if run > 0 {
            let (left, withheld) = (text.seq, self.ack.withholds());
            let Some(inserted) = self.reassembly.insert(left, left + run, withheld) else {
                return Text::OutOfOrder;
            };
            new = inserted.new;
            self.ack.due |= inserted.report_first;
        }
        if new > 0 {
            self.store(text.seq, text.payload, text.cause);
        }
        let is_last = self.reassembly.highest().is_none_or(|highest| highest.le(right + 1));
        if text.fin && self.fin.is_none() && is_last {
            self.fin = Some(right);
        }
        if self.sack && self.space.grow(len, self.ack.rcv_mss, cx.profile) {
            self.ack.quick |= 1;
        }
        if new > 0 {
            self.space.held.wait(len, follows);
        }
        if self.is_held {
            let (read, highest) = (self.space.per_round, self.reassembly.highest());
            self.space.enlarge(read, self.nxt, highest, cx.profile);
        }
        Text::OutOfOrder
    }

    /// Stores the data of a segment, and the event that brought it.
    fn store(&mut self, seq: SeqNumber, payload: &[u8], cause: Option<EventId>) {
        if payload.is_empty() {
            return;
        }
        let at = (seq - self.copied) as usize;
        self.buffer.write(at, payload);
        if let Some(cause) = cause {
            let from = self.read + at as u64;
            let causes = self.causes.get_or_insert_default();
            causes.insert(from, from + payload.len() as u64, cause);
        }
    }

    /// Whether there is memory for a segment (`tcp_try_rmem_schedule`): a buffer that tunes itself
    /// grows, a fixed one refuses.
    fn make_room(&mut self, cx: Context<'_>) -> bool {
        self.space.has_room(cx.profile.receive_memory[0]) || self.space.stretch(cx.profile)
    }

    /// The memory the buffer takes up, bytes as Linux counts them (`sk_rmem_alloc`).
    pub(crate) fn memory_used(&self) -> u32 {
        self.space.held.used()
    }

    /// The memory a segment with `len` bytes takes up, bytes.
    pub(crate) fn memory_for(&self, len: u32) -> u32 {
        self.space.held.cost(len)
    }

    /// Notes how much memory the host has left.
    pub(crate) fn set_supply(&mut self, supply: Supply) {
        self.space.set_supply(supply);
    }

    /// Updates the window and the acknowledgement policy after data in order
    /// (`tcp_event_data_recv`).
    fn after_data(&mut self, text: &SegmentText<'_>, rto_us: u64, cx: Context<'_>) {
        let len = text.size;
        self.measure(len, text);
        self.space.measure_window(self.nxt, self.wnd, cx.now);
        self.ack.on_data(self.wnd, rto_us, cx.now, cx.profile);
        self.check_mark(text.ecn, cx);
        if len >= 128 && self.space.grow(len, self.ack.rcv_mss, cx.profile) {
            self.ack.quick |= 1;
        }
    }

    fn measure(&mut self, len: u32, text: &SegmentText<'_>) {
        let size = text.segment_size.map_or(len, |size| len.min(u32::from(size)));
        let advmss = self.space.advmss;
        if len > 0 && self.ack.measure(size, text.options, text.push || text.fin, advmss) {
            self.space.rescale(len, self.wnd);
        }
    }

    /// Processes the ECN field of the IP header (RFC 3168 §6.1.3; `tcp_data_ecn_check`).
    fn check_mark(&mut self, ecn: Ecn, cx: Context<'_>) {
        if !self.ecn {
            return;
        }
        match ecn {
            Ecn::NotEct => {
                // A packet without ECN is probably a retransmission.
                if self.ecn_seen {
                    self.ack.enter_quick_ack(self.wnd, 2, cx.profile);
                }
            }
            Ecn::Ce => {
                if !self.ece_due {
                    self.ack.enter_quick_ack(self.wnd, 2, cx.profile);
                    self.ece_due = true;
                }
                self.ecn_seen = true;
            }
            Ecn::Ect0 | Ecn::Ect1 => self.ecn_seen = true,
        }
    }

    /// Notes that the peer has reduced its congestion window and says so with CWR
    /// (`tcp_ecn_accept_cwr`).
    pub(crate) fn on_cwr(&mut self, has_data: bool) {
        self.ece_due = false;
        // The segment may have been the last of the peer's window.
        self.ack.urgent |= has_data;
    }

    // ---- the peer's timestamps ----

    /// Notes the timestamp of a segment at or below the last acknowledgement
    /// (`tcp_replace_ts_recent`; RFC 7323 §4.3).
    pub(crate) fn note_timestamp(&mut self, value: u32, seq: SeqNumber, now: Time) {
        if let Some(recent) = &mut self.ts_recent
            && seq.le(self.wup)
            && !recent.rejects(value, 0, now)
        {
            *recent = TsRecent::new(value, now);
        }
    }

    /// Measures the round-trip time at the receiver, by our timestamp that the peer echoed.
    pub(crate) fn measure_echo(&mut self, echo: u32, len: u32, now: Now) {
        let (full, all_read) = (len >= self.ack.rcv_mss, self.nxt == self.copied);
        self.space.measure_echo(echo, full, all_read, now);
    }

    // ---- segments leave ----

    /// The window field of a header (`tcp_select_window`). A window is never reduced, unless memory
    /// ran out.
    pub(crate) fn announce(&mut self) -> u16 {
        if self.ack.no_memory {
            (self.wnd, self.wup) = (0, self.nxt);
            return 0;
        }
        let current = self.window();
        let mut new = self.space.select(self.ack.rcv_mss, self.wnd, &mut self.ack.quick);
        let unit = 1_u32 << self.space.shift;
        if new < current {
            new = current.next_multiple_of(unit);
        }
        self.wnd = new;
        self.wup = self.nxt;
        (new.min(65_535 << self.space.shift) >> self.space.shift) as u16
    }

    /// The SACK blocks for a header.
    pub(crate) fn take_blocks(&mut self, timestamps: Option<Timestamps>) -> SackBlocks {
        if self.reassembly.blocks() == 0 || !self.sack {
            return SackBlocks::NONE;
        }
        self.reassembly.take_blocks(if timestamps.is_some() { 3 } else { 4 })
    }

    /// The length of the SACK option for the next header, bytes.
    #[inline]
    pub(crate) fn block_bytes(&self, timestamps: bool) -> u32 {
        let most = match (self.sack, timestamps) {
            (false, _) => 0,
            (true, true) => 3,
            (true, false) => 4,
        };
        match self.reassembly.blocks().min(most) {
            0 => 0,
            blocks => 4 + 8 * blocks,
        }
    }

    /// Notes that a segment with ACK was sent.
    pub(crate) fn on_ack_sent(&mut self, cx: Context<'_>) {
        self.ack.on_ack_sent(cx.profile);
    }

    /// Decides on the acknowledgement that is owed.
    pub(crate) fn decide(&mut self, srtt8_us: u32, cx: Context<'_>) {
        let unacknowledged = (self.nxt - self.wup).max(0) as u32;
        let mut quick = self.ack.quick;
        let window_moves = unacknowledged > self.ack.rcv_mss
            && (self.unread() == 0
                || self.space.select(self.ack.rcv_mss, self.wnd, &mut quick) >= self.wnd);
        self.ack.quick = quick;
        let at = Situation {
            rcv_nxt: self.nxt,
            unacknowledged,
            window_moves,
            out_of_order: !self.reassembly.is_empty(),
            sack: self.sack,
            srtt8_us,
            rcv_rtt8_us: self.space.rtt8_us,
        };
        self.ack.decide(&at, cx.now, cx.profile);
    }

    // ---- the application reads ----

    /// Copies unread bytes into `into` and drops them; answers how many.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> usize {
        let mut done = 0;
        while done < into.len() {
            let [first, second] = self.buffer.peek(self.unread() as usize);
            let mut step = 0;
            for piece in [first, second] {
                let count = piece.len().min(into.len() - done - step);
                into[done + step..done + step + count].copy_from_slice(&piece[..count]);
                step += count;
            }
            if step == 0 {
                break;
            }
            self.drop_read(step as u32);
            done += step;
        }
        done
    }

    pub(crate) fn peek(&self) -> [&[u8]; 2] {
        self.buffer.peek(self.unread() as usize)
    }

    /// Drops up to `count` unread bytes; answers how many.
    pub(crate) fn discard(&mut self, count: usize) -> usize {
        let count = count.min(self.unread() as usize);
        self.drop_read(count as u32);
        count
    }

    fn drop_read(&mut self, count: u32) {
        let unread = self.unread();
        self.copied += count;
        self.space.held.read(count, unread);
        self.read += u64::from(count);
        let left = unread > count || !self.reassembly.is_empty();
        self.buffer.consume(count as usize, left);
    }

    /// Tunes the buffer after `count` bytes were read, and acknowledges if that makes a difference
    /// to the peer (`tcp_rcv_space_adjust`, `__tcp_cleanup_rbuf`).
    pub(crate) fn after_read(&mut self, count: usize, profile: &Profile) {
        let highest = self.reassembly.highest();
        let first = self.space.held.first_read(self.copied, count as u32, self.unread());
        self.space.adjust(first, self.nxt, highest, self.arrival_us, profile);
        let unacknowledged = (self.nxt - self.wup).max(0) as u32;
        let emptied = count > 0 && self.unread() == 0 && self.reassembly.is_empty();
        if self.ack.after_read(unacknowledged, emptied, profile) {
            self.ack.due = true;
            return;
        }
        let current = self.window();
        if count > 0 && !self.finished && u64::from(current) * 2 <= u64::from(self.space.clamp) {
            let mut quick = self.ack.quick;
            let new = self.space.select(self.ack.rcv_mss, self.wnd, &mut quick);
            self.ack.quick = quick;
            self.ack.due |= new > 0 && new >= 2 * current;
        }
    }

    /// The event that brought the byte at `offset` of the stream.
    pub(crate) fn cause_at(&self, offset: u64) -> Option<EventId> {
        self.causes.as_ref()?.at(offset)
    }

    /// Replaces the event `frame` by `segment`, which recorded the segment in that frame.
    pub(crate) fn settle_cause(&mut self, frame: EventId, segment: EventId) {
        if let Some(causes) = &mut self.causes {
            causes.settle(frame, segment);
        }
    }

    pub(crate) fn fill(&self, info: &mut crate::Info, profile: &Profile) {
        info.ato = Duration::from_micros(self.ack.ato_us(profile));
        info.rcv_mss = self.ack.rcv_mss;
        info.advmss = self.space.advmss;
        info.rcv_ssthresh = self.space.ssthresh;
        info.rcv_rtt = Duration::from_micros(u64::from(self.space.rtt8_us / 8));
        info.rcv_space = self.space.per_round;
        info.ecn_seen = self.ecn_seen;
        info.bytes_received = self.received();
        info.data_segs_in = self.data_segments;
        info.rcv_ooopack = self.out_of_order;
        info.rcv_wnd = self.window();
        info.unread = self.unread();
        info.receive_memory = (self.space.held.used(), self.space.memory);
    }

    /// Checks what must hold after every step.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn assert_invariants(&self, profile: &Profile) {
        assert!(self.copied.le(self.nxt), "what is read was received");
        assert!(self.space.memory <= profile.receive_memory[2].max(2 * profile.receive_memory_max));
        if let Some(highest) = self.reassembly.highest() {
            assert!(highest.gt(self.nxt), "a run out of order lies beyond RCV.NXT");
            // The window may have been reduced since, when memory ran out.
            let widest = profile.receive_memory[2].max(2 * profile.receive_memory_max);
            let limit = self.nxt + widest + LARGEST_SEGMENT;
            assert!(highest.le(limit), "nothing that begins beyond the window is kept");
        }
        let end = self.reassembly.highest().unwrap_or(self.nxt);
        let most = (end - self.copied).max(0) as usize;
        assert!(self.buffer.capacity() <= most + (128 << 10), "more memory than data");
    }

    /// Checks what must hold once nothing is left to send: an acknowledgement that is owed has a
    /// timer.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn assert_resting(&self) {
        assert!(!self.ack.due && !self.ack.undecided, "an acknowledgement was not sent");
        assert!(
            !self.ack.owed || self.ack.next_timeout().get().is_some(),
            "an acknowledgement is lost"
        );
    }
}
