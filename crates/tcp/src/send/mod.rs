//! The sending half of a connection: what is buffered, what is out, what was lost, and when to send.
//!
//! | file | noun | kernel |
//! |---|---|---|
//! | `buffer` | the bytes | |
//! | `queue` | what was written and not sent | `sk_write_queue` |
//! | `scoreboard` | the segments that are out | `tcp_rtx_queue` |
//! | `ack` | an acknowledgement and what it tells | `tcp_ack`, `tcp_clean_rtx_queue` |
//! | `sack` | selective acknowledgements | `tcp_sacktag_write_queue` |
//! | `rack` | loss by time | `tcp_recovery.c` |
//! | `rate` | how fast data is delivered | `tcp_rate.c` |
//! | `recovery` | the state of congestion | `tcp_fastretrans_alert` |
//! | `mtu` | what the path carries | `tcp_mtu_probe` |
//! | `output` | the next segment | `tcp_write_xmit`, `tcp_xmit_retransmit_queue` |
//! | `timeout` | the four timers of a sender | `tcp_timer.c` |

mod ack;
mod activity;
mod buffer;
mod burst;
mod chronograph;
mod mtu;
mod output;
mod queue;
mod rack;
mod rate;
mod recovery;
mod retries;
mod sack;
mod scoreboard;
mod search;
mod sent;
mod timeout;

use std::time::Duration;

use bytes::Bytes;
use roundtrip_packet::{SackBlock, SeqNumber};
use roundtrip_record::Time;

use crate::clock::{Deadline, Now, micros};
use crate::congestion::prr::Prr;
use crate::congestion::{Control, INFINITE, Moment, Window};
use crate::context::Context;
use crate::info::{CaState, Spent};
use crate::options::Writing;
use crate::profile::Profile;
use crate::rtt::RttEstimator;
use crate::supply::Supply;

use activity::{Activity, Timeouts};
use buffer::SendBuffer;
use chronograph::Business;
use mtu::Attempt;
use output::{Nagle, Push};
use queue::WriteQueue;
use rack::Rack;
use scoreboard::Scoreboard;

pub(crate) use ack::{AckOutcome, Acknowledgement, echo_rtt_us};
pub(crate) use burst::Burst;
pub(crate) use retries::{Patience, retry_time_us};
pub(crate) use timeout::Expired;

/// What the one timer of a sender waits for (`icsk_pending`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendTimer {
    Retransmission,
    LossProbe,
    Reordering,
    Persist,
}

/// A retransmission the acknowledgement called for (`REXMIT_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rexmit {
    #[default]
    None,
    /// What is marked lost.
    Lost,
    /// New data, to find out whether the timeout was spurious (RFC 5682).
    New,
}

/// Something to send whatever the windows say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forced {
    /// The first unacknowledged segment: the retransmission timer struck.
    Head,
    /// A tail loss probe.
    LossProbe,
    /// A probe of a closed window, or of a silent peer (`tcp_write_wakeup`).
    Wakeup,
}

/// Nothing, data, or FIN: what the application still wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Open,
    /// FIN follows the last byte.
    Fin,
}

/// The state of loss recovery.
#[derive(Clone, Copy, Debug)]
struct Recovery {
    state: CaState,
    /// SND.NXT when the state was entered: it ends when this is acknowledged.
    high_seq: SeqNumber,
    /// SND.UNA when the window was reduced, while that can still be undone.
    undo_marker: Option<SeqNumber>,
    /// Retransmissions not yet reported as duplicates; −1: not known.
    undo_retrans: i32,
    /// The threshold to go back to; 0: none.
    prior_ssthresh: u32,
    /// Our timestamp at the first retransmission of this recovery.
    retrans_stamp: Option<u32>,
    /// F-RTO is under way (RFC 5682).
    frto: bool,
    /// A tail loss probe is out: SND.NXT when it went.
    tlp_high_seq: Option<SeqNumber>,
    /// It was a retransmission.
    tlp_retrans: bool,
    /// The peer took back what it had acknowledged selectively.
    sack_reneging: bool,
    /// Duplicate acknowledgements to take for loss.
    reordering: u32,
    prr: Prr,
}

/// How large segments may be.
#[derive(Clone, Copy, Debug)]
struct SegmentSize {
    /// Negotiated, without options (`mss_clamp`).
    clamp: u32,
    /// What the path takes, without options.
    path: u32,
    /// What follows from these (`mss_cache`).
    effective: u32,
}

/// Counts for `tcp_info`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendCounts {
    pub(crate) bytes_acked: u64,
    pub(crate) data_segs_out: u32,
    pub(crate) retrans: u32,
    pub(crate) delivered: u32,
    pub(crate) delivered_ce: u32,
    pub(crate) lost: u32,
    pub(crate) dsack_dups: u32,
    pub(crate) reordering_seen: u32,
}

/// How the handshake left the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SenderStart {
    /// The sequence number after our SYN.
    pub(crate) una: SeqNumber,
    /// SEG.WND and SEG.SEQ of the segment that completed the handshake.
    pub(crate) window: u32,
    pub(crate) wl1: SeqNumber,
    pub(crate) mss_clamp: u16,
    pub(crate) path_mss: u16,
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
    /// Time from our SYN, or SYN-ACK, to its acknowledgement, if it was sent once, µs.
    pub(crate) rtt_us: Option<u64>,
    /// It was sent more than twice and that was not spurious: the window begins at one (RFC 5681).
    pub(crate) syn_lost: bool,
    pub(crate) syn_retrans: u32,
    /// Its timeouts, and how long it took to get over them, ms.
    pub(crate) syn_timeouts: (u32, u32),
    /// We sent the first SYN, whose acknowledgement Linux counts as a byte.
    pub(crate) is_active: bool,
    /// The SYNs crossed, and ours went twice.
    pub(crate) is_crossed: bool,
    /// `SO_SNDBUF`.
    pub(crate) buffer: Option<usize>,
}

/// The sending half of a synchronized connection.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    /// SND.UNA.
    pub(crate) una: SeqNumber,
    /// SND.NXT.
    pub(crate) nxt: SeqNumber,
    /// SND.WND, scaled.
    pub(crate) wnd: u32,
    /// SND.WL1.
    wl1: SeqNumber,
    /// The largest window the peer has offered.
    max_window: u32,
    /// The sequence number after the last byte that is buffered.
    end: SeqNumber,
    closing: Closing,
    buffer: SendBuffer,
    queue: WriteQueue,
    board: Scoreboard,
    /// The SACK blocks of the last acknowledgement, which need not be looked through again; while
    /// something is sacked.
    sack_cache: Option<Box<[SackBlock; 4]>>,
    size: SegmentSize,
    sack: bool,
    timestamps: bool,
    ecn: bool,
    /// The next new segment tells the peer that the window was reduced (CWR).
    pub(crate) cwr_due: bool,

    pub(crate) rtt: RttEstimator,
    window: Window,
    control: Control,
    recovery: Recovery,
    rack: Rack,
    pacing_rate: u64,

    /// The end of the last segment sent that was not full (Minshall).
    small_end: SeqNumber,
    nodelay: bool,
    cork: bool,
    /// This push holds back what does not fill a segment: the application said that more comes.
    more: bool,
    /// The next push lets go whatever is held back (`TCP_NAGLE_PUSH`).
    release: bool,

    timer: Option<(SendTimer, Time)>,
    /// Timeouts in a row.
    pub(crate) retransmits: u32,
    backoff: u8,
    pub(crate) probes_out: u32,
    probes_since: Deadline,

    rexmit: Rexmit,
    forced: Option<Forced>,
    /// New data may be looked for.
    push: bool,
    /// Segments sent since then, and what stood in the way.
    pushed: u32,
    deferred_for_cwnd: bool,
    /// When segments may leave next, if paced.
    pace_until: Time,

    /// Payload was last sent.
    pub(crate) last_sent: Time,
    /// Anything was last sent (`tcp_wstamp_ns`).
    pub(crate) last_output: Time,
    /// An acknowledgement last came.
    pub(crate) last_ack: Time,

    /// Bytes of memory the buffer may take, in Linux's measure.
    memory: u32,
    memory_fixed: bool,
    /// What the host has left for it.
    supply: Supply,
    /// The application found the buffer full (`SOCK_NOSPACE`).
    no_space: bool,
    pub(crate) counts: SendCounts,
    activity: Option<Box<Activity>>,
    /// What is to be sent next does not fit the peer's window.
    is_window_limited: bool,
}

/// What a buffer costs beside its bytes (`SKB_TRUESIZE` of an empty one; measured: `skmem`'s `w` in
/// `ss -m`, less the bytes).
const BUFFER_OVERHEAD: u32 = 832;
/// Room for headers in a buffer (`MAX_TCP_HEADER`).
const MAX_HEADER: u32 = 320;

/// Who writes: the moment, and what the options of a segment take up now.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) sack_bytes: u32,
    pub(crate) cx: Context<'a>,
}

impl Sender {
    /// Reads something of every part.
    #[inline]
    pub(crate) fn recall(&self) -> u32 {
        self.nxt.0
            ^ self.board.out()
            ^ self.board.sacked_out
            ^ self.recovery.undo_retrans as u32
            ^ self.recovery.reordering
            ^ self.rtt.srtt_us()
            ^ self.rtt.min_us()
            ^ self.window.cwnd
            ^ self.window.stamp
            ^ self.counts.data_segs_out
            ^ self.last_ack.nanos() as u32
            ^ self.memory
            ^ self.control.recall()
            ^ u32::from(self.push)
    }

    pub(crate) fn new(start: &SenderStart, cx: Context<'_>) -> Sender {
        let SenderStart { una, window, .. } = *start;
        let at = Moment {
            now: cx.now,
            tick: cx.profile.tick,
            una,
            nxt: una,
            pacing_rate: 0,
            paced: cx.profile.pacing,
            gso_max_size: cx.profile.gso_max_size,
        };
        let cwnd = if start.syn_lost { 1 } else { cx.profile.initial_window };
        let mut sender = Sender {
            una,
            nxt: una,
            wnd: window,
            wl1: start.wl1,
            max_window: window,
            end: una,
            closing: Closing::Open,
            buffer: SendBuffer::default(),
            queue: WriteQueue::new(una),
            board: Scoreboard::default(),
            sack_cache: None,
            size: SegmentSize {
                clamp: u32::from(start.mss_clamp),
                path: u32::from(start.path_mss),
                effective: 0,
            },
            sack: start.sack,
            timestamps: start.timestamps,
            ecn: start.ecn,
            cwr_due: false,
            rtt: RttEstimator::new(cx.profile),
            window: Window::new(cwnd, una, cx.now),
            control: Control::new(cx.profile, &at),
            recovery: Recovery {
                state: CaState::Open,
                high_seq: una,
                undo_marker: None,
                undo_retrans: -1,
                prior_ssthresh: 0,
                retrans_stamp: None,
                frto: false,
                tlp_high_seq: None,
                tlp_retrans: false,
                sack_reneging: false,
                reordering: cx.profile.reordering,
                prr: Prr::default(),
            },
            rack: Rack::default(),
            pacing_rate: 0,
            small_end: una,
            nodelay: false,
            cork: false,
            more: false,
            release: false,
            timer: None,
            retransmits: 0,
            backoff: 0,
            probes_out: 0,
            probes_since: Deadline::NONE,
            rexmit: Rexmit::None,
            forced: None,
            push: false,
            pushed: 0,
            deferred_for_cwnd: false,
            pace_until: Time::ZERO,
            last_sent: cx.now.time,
            last_output: cx.now.time,
            last_ack: cx.now.time,
            memory: start.buffer.map_or(cx.profile.send_memory[1], |bytes| bytes as u32),
            memory_fixed: start.buffer.is_some(),
            supply: Supply::Ample,
            no_space: false,
            counts: SendCounts {
                delivered: 1 + u32::from(start.is_crossed),
                retrans: start.syn_retrans,
                bytes_acked: u64::from(start.is_active),
                ..SendCounts::default()
            },
            activity: None,
            is_window_limited: false,
        };
        sender.sync_size(cx);
        if let Some(rtt_us) = start.rtt_us {
            sender.rtt.update_min(rtt_us, cx.now, cx.profile);
            sender.rtt.sample(rtt_us, una, una, cx.profile);
        } else {
            sender.rtt.be_patient();
        }
        if let (total @ 1.., spent_ms) = start.syn_timeouts {
            sender.activity().timeouts = Timeouts::of_handshake(total, spent_ms);
        }
        sender.expand_memory(cx);
        sender.update_pacing_rate(cx);
        sender
    }

    // ---- the application's side ----

    /// Takes a copy of as much as there is room for.
    pub(crate) fn write(&mut self, bytes: &[u8], how: Writing, at: Writer<'_>) -> usize {
        let taken = self.queue_up(bytes.len(), how, at);
        self.buffer.extend(&bytes[..taken]);
        taken
    }

    /// As [`write`](Self::write), without a copy of what is large.
    pub(crate) fn write_bytes(&mut self, mut bytes: Bytes, at: Writer<'_>) -> usize {
        let taken = self.queue_up(bytes.len(), Writing::Whole, at);
        bytes.truncate(taken);
        self.buffer.push(bytes);
        taken
    }

    /// Cuts what is written into buffers, as long as there is room for another. Each that is full
    /// may leave at once, before the write is over (`tcp_sendmsg_locked`).
    fn queue_up(&mut self, asked: usize, how: Writing, at: Writer<'_>) -> usize {
        let asked = asked.min(1 << 30) as u32;
        let goal = self.size_goal(at);
        self.note_shortage();
        if asked > 0 && !self.has_unsent() {
            self.activity().chronograph.start(Business::Busy, at.cx.now.ticks);
        }
        let mut taken = 0;
        while taken < asked {
            let (room, place) = match self.queue.room(self.nxt, goal) {
                0 if !self.has_room(at.cx.profile) => break,
                0 => (goal, queue::Place::New),
                room => (room, queue::Place::Last),
            };
            let added = room.min(asked - taken).min(self.left_of_host(at.cx.profile));
            if added == 0 {
                break;
            }
            self.queue.add(self.end, added, place, taken == 0);
            self.end += added;
            taken += added;
            // (`tcp_skb_entail`)
            self.release = false;
            if added == room && taken < asked {
                self.push_full(at);
            }
        }
        self.no_space |= taken < asked;
        if taken > 0 {
            self.push = true;
            self.more = how == Writing::More && taken == asked;
            if !self.more || self.queue.must_push(self.end, self.max_window) {
                self.queue.mark_push();
            }
            if how == Writing::Record && taken == asked {
                self.queue.end_record();
            }
        }
        taken as usize
    }

    #[inline]
    fn activity(&mut self) -> &mut Activity {
        self.activity.get_or_insert_default()
    }

    /// The application has left room in the window until now (`tcp_rate_check_app_limited`).
    fn note_shortage(&mut self) {
        let in_flight = self.board.in_flight();
        if self.unsent() < self.size.effective
            && in_flight < self.window.cwnd
            && self.board.lost_out <= self.board.retrans_out
        {
            let delivered = self.counts.delivered;
            self.activity().rate.on_shortage(delivered, in_flight);
        }
    }

    /// It does not wait for this any more (`tcp_chrono_stop`).
    fn stop_waiting(&mut self, what: Business, cx: Context<'_>) {
        let is_empty = self.board.is_empty() && !self.has_unsent();
        self.activity().chronograph.stop(what, is_empty, cx.now.ticks);
    }

    /// How long things took until now.
    pub(crate) fn spent(&self, cx: Context<'_>) -> Spent {
        let Some(kept) = self.activity.as_ref() else { return Spent::default() };
        let duration = |ticks| Duration::from_micros(u64::from(ticks) * cx.profile.tick.us());
        let [busy, rwnd_limited, sndbuf_limited] =
            kept.chronograph.spent(cx.now.ticks).map(duration);
        let repairing = Duration::from_millis(kept.timeouts.spent_ms(cx.now.ms).into());
        Spent { busy, rwnd_limited, sndbuf_limited, total_rto: repairing }
    }

    /// A buffer was filled: it leaves, if it is the first, or too much was written without a push.
    fn push_full(&mut self, at: Writer<'_>) {
        if self.queue.must_push(self.end, self.max_window) {
            self.queue.mark_push();
            match self.first_probe(at.sack_bytes, at.cx) {
                Attempt::Sent(burst) => self.activity().ready.push_back(burst),
                Attempt::Wait => return,
                Attempt::None => {}
            }
            while self.push_written(Push::Pending, at) {}
        } else if self.queue.head().is_some_and(|(_, is_last)| is_last) {
            self.push_written(Push::Full, at);
        }
    }

    /// Sends a burst while the application still writes (`tcp_push_one`). Whether there was one.
    fn push_written(&mut self, push: Push, at: Writer<'_>) -> bool {
        let burst = self.new_segments(Nagle::Off, push, at.sack_bytes, at.cx);
        let Some(burst) = burst else { return false };
        self.activity().ready.push_back(burst);
        true
    }

    /// Bytes of a buffer: as many full segments as leave together at most (`tcp_xmit_size_goal`).
    fn size_goal(&self, at: Writer<'_>) -> u32 {
        let mss = self.current_mss(at.sack_bytes);
        let most = self.half_window(at.cx.profile.gso_max_size.saturating_sub(MAX_HEADER));
        (most / mss).clamp(1, u32::from(u16::MAX)) * mss
    }

    /// Whether there is room for another buffer (`tcp_stream_memory_free`): any is enough.
    fn has_room(&self, profile: &Profile) -> bool {
        self.memory_used() < self.memory_limit(profile) && self.unsent() < self.notsent_low_water()
    }

    /// Bytes that a host without memory still lets a connection have.
    fn left_of_host(&self, profile: &Profile) -> u32 {
        match self.supply {
            Supply::Ample | Supply::Short => u32::MAX,
            Supply::Gone => self.memory_limit(profile).saturating_sub(self.memory_used()),
        }
    }

    /// What the buffer may take up: the least (`tcp_wmem[0]`) where the host has no more.
    fn memory_limit(&self, profile: &Profile) -> u32 {
        match self.supply {
            Supply::Ample | Supply::Short => self.memory,
            Supply::Gone => self.memory.min(profile.send_memory[0]),
        }
    }

    /// What the buffer takes up, in Linux's measure (`sk_wmem_queued`).
    pub(crate) fn memory_used(&self) -> u32 {
        ((self.end - self.una).max(0) as u32)
            .saturating_add((self.board.buffers() + self.queue.buffers()) * BUFFER_OVERHEAD)
    }

    /// Whether to tell an application that found the buffer full that there is room again: a third
    /// of it (`sk_stream_is_writeable`).
    pub(crate) fn take_writable(&mut self, cx: Context<'_>) -> bool {
        if !self.no_space {
            return false;
        }
        if !self.memory_fixed && self.board.in_flight() < self.window.cwnd {
            self.expand_memory(cx);
        }
        let writable = self.is_writable(cx.profile);
        self.no_space = !writable;
        if writable {
            self.stop_waiting(Business::Buffer, cx);
        }
        writable
    }

    /// `SO_SNDBUF`: the buffer takes up so much and no longer tunes itself.
    pub(crate) fn set_memory(&mut self, bytes: u32) {
        (self.memory, self.memory_fixed) = (bytes, true);
    }

    /// Whether a third of the buffer is free (`sk_stream_is_writeable`), and less than half of the
    /// low-water mark waits.
    pub(crate) fn is_writable(&self, profile: &Profile) -> bool {
        let used = self.memory_used();
        let memory = self.memory_limit(profile);
        used < memory
            && memory - used >= used / 2
            && self.unsent().saturating_mul(2) < self.notsent_low_water()
    }

    fn notsent_low_water(&self) -> u32 {
        let own = self.activity.as_ref().and_then(|activity| activity.notsent_low_water);
        own.unwrap_or(u32::MAX)
    }

    pub(crate) fn set_notsent_low_water(&mut self, bytes: u32) {
        if bytes < u32::MAX || self.activity.is_some() {
            self.activity().notsent_low_water = Some(bytes);
        }
    }

    /// The profile names another algorithm: it begins with the window as it is
    /// (`tcp_reinit_congestion_control`).
    pub(crate) fn restart_control(&mut self, cx: Context<'_>) {
        let at = self.moment(cx);
        self.control = Control::new(cx.profile, &at);
        self.recovery.prior_ssthresh = 0;
    }

    /// How much memory the host has left.
    pub(crate) fn set_supply(&mut self, supply: Supply) {
        self.supply = supply;
    }

    /// Lets the buffer hold twice what the window does (`tcp_sndbuf_expand`).
    fn expand_memory(&mut self, cx: Context<'_>) {
        // (`tcp_should_expand_sndbuf`)
        if self.memory_fixed || self.supply != Supply::Ample {
            return;
        }
        let head = self.size.clamp.max(self.size.effective) + 640;
        let per_segment = head.next_power_of_two() + 256;
        let segments =
            self.window.cwnd.max(cx.profile.initial_window).max(self.recovery.reordering + 1);
        let wanted = u64::from(segments) * 2 * u64::from(per_segment);
        let limit = u64::from(cx.profile.send_memory[2]);
        self.memory = self.memory.max(wanted.min(limit) as u32);
    }

    /// FIN follows what is buffered.
    pub(crate) fn finish(&mut self) {
        self.closing = Closing::Fin;
        self.more = false;
        self.push = true;
    }

    /// Our FIN was acknowledged, and all before it.
    pub(crate) fn is_finished(&self) -> bool {
        self.closing == Closing::Fin && self.una == self.end + 1
    }

    /// Switches the delaying of small segments.
    pub(crate) fn set_nodelay(&mut self, nodelay: bool) {
        self.nodelay = nodelay;
        self.push |= nodelay;
        self.release |= nodelay;
    }

    /// `TCP_CORK`: no segment that is not full.
    pub(crate) fn set_cork(&mut self, cork: bool) {
        self.cork = cork;
        self.push |= !cork;
    }

    // ---- sizes ----

    /// Half of the largest window at most, so that one loss leaves something to go on with
    /// (`tcp_bound_to_half_wnd`).
    fn half_window(&self, size: u32) -> u32 {
        let cutoff = if self.max_window > 536 { self.max_window / 2 } else { self.max_window };
        if cutoff > 0 && size > cutoff { cutoff.max(48) } else { size }
    }

    /// Works out how large segments may be (`tcp_sync_mss`).
    fn sync_size(&mut self, cx: Context<'_>) {
        let size = self.half_window(self.payload_of(self.size.path, cx.profile));
        let searched = self.limit_search(cx.profile).unwrap_or(u32::MAX);
        self.size.effective = size.min(searched);
    }

    /// Bytes of options in every segment.
    fn option_bytes(&self) -> u32 {
        if self.timestamps { 12 } else { 0 }
    }

    /// Bytes of payload of a full segment that has `sack_bytes` of further options
    /// (`tcp_current_mss`).
    fn current_mss(&self, sack_bytes: u32) -> u32 {
        self.size.effective.saturating_sub(sack_bytes).max(8)
    }

    /// The path takes packets of `mss` bytes of payload and options only. Segments that are larger
    /// count as lost and go again in parts (`tcp_simple_retransmit`).
    pub(crate) fn reduce_path(&mut self, mss: u16, cx: Context<'_>) {
        if u32::from(mss) >= self.size.path {
            return;
        }
        self.size.path = u32::from(mss).max(u32::from(cx.profile.min_send_mss));
        self.sync_size(cx);
        self.simple_retransmit();
    }

    // ---- looking in from outside ----

    /// The sequence number after what is to be sent, FIN included.
    fn write_end(&self) -> SeqNumber {
        self.end + u32::from(self.closing == Closing::Fin)
    }

    /// SND.UNA + SND.WND.
    #[inline]
    fn window_end(&self) -> SeqNumber {
        self.una + self.wnd
    }

    /// Bytes buffered that were not sent.
    #[inline]
    pub(crate) fn unsent(&self) -> u32 {
        (self.end - self.nxt).max(0) as u32
    }

    /// Whether anything is left to send for the first time.
    #[inline]
    fn has_unsent(&self) -> bool {
        self.nxt.lt(self.write_end())
    }

    /// Bytes of payload and options the path takes in one segment.
    pub(crate) fn path_mss(&self) -> u32 {
        self.size.path
    }

    /// Bytes buffered and not acknowledged.
    pub(crate) fn buffered(&self) -> u32 {
        self.buffer.len() as u32
    }

    /// Whether nothing is out and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.board.is_empty() && !self.has_unsent()
    }

    #[inline]
    pub(crate) fn next_timeout(&self, profile: &Profile) -> Deadline {
        let timer = self.timer.map_or(Deadline::NONE, |(_, at)| Deadline::at(at));
        if profile.pacing && self.push && self.has_unsent() {
            return timer.min(Deadline::at(self.pace_until));
        }
        timer
    }

    pub(crate) fn timer_kind(&self) -> Option<SendTimer> {
        self.timer.map(|(kind, _)| kind)
    }

    /// The sequence number for a segment without data (`tcp_acceptable_seq`): SND.NXT, unless the
    /// peer took its window back by more than rounding explains.
    pub(crate) fn acceptable_seq(&self, window_scale: u8) -> SeqNumber {
        let beyond = self.nxt - self.window_end();
        if beyond <= 0 || beyond < 1 << window_scale { self.nxt } else { self.window_end() }
    }

    /// When payload was last sent, in ticks.
    fn last_sent_ticks(&self, cx: Context<'_>) -> u32 {
        Now::at(self.last_sent, cx.profile.tick).ticks
    }

    fn moment(&self, cx: Context<'_>) -> Moment {
        Moment {
            now: cx.now,
            tick: cx.profile.tick,
            una: self.una,
            nxt: self.nxt,
            pacing_rate: self.pacing_rate,
            paced: cx.profile.pacing,
            gso_max_size: cx.profile.gso_max_size,
        }
    }

    /// Twice what the window allows in slow start, 1.2 times later (`tcp_update_pacing_rate`).
    fn update_pacing_rate(&mut self, cx: Context<'_>) {
        let srtt8 = u64::from(self.rtt.srtt8_us());
        let ratio = if self.window.cwnd < self.window.ssthresh / 2 {
            cx.profile.pacing_ss_ratio
        } else {
            cx.profile.pacing_ca_ratio
        };
        let mss = u64::from(self.size.effective);
        let segments = u64::from(self.window.cwnd.max(self.board.out()));
        let rate = mss * 80_000 * u64::from(ratio) * segments;
        self.pacing_rate = rate / srtt8.max(1);
    }

    /// A snapshot of what concerns sending.
    pub(crate) fn fill(&self, info: &mut crate::Info) {
        info.ca_state = self.recovery.state;
        info.retransmits = self.retransmits;
        info.probes = self.probes_out;
        info.backoff = u32::from(self.backoff);
        info.timestamps = self.timestamps;
        info.sack = self.sack;
        info.ecn = self.ecn;
        info.rto = Duration::from_micros(self.rtt.rto_us());
        info.snd_mss = self.size.effective;
        info.unacked = self.board.out();
        info.sacked = self.board.sacked_out;
        info.lost = self.board.lost_out;
        info.retrans = self.board.retrans_out;
        info.rtt = Duration::from_micros(u64::from(self.rtt.srtt_us()));
        info.rttvar = Duration::from_micros(u64::from(self.rtt.rttvar_us()));
        let min = self.rtt.min_us();
        info.min_rtt = (min != u32::MAX).then(|| Duration::from_micros(u64::from(min)));
        info.snd_ssthresh = (self.window.ssthresh < INFINITE).then_some(self.window.ssthresh);
        info.snd_cwnd = self.window.cwnd;
        info.reordering = self.recovery.reordering;
        info.total_retrans = self.counts.retrans;
        info.pacing_rate = self.pacing_rate;
        info.bytes_acked = self.counts.bytes_acked;
        if let Some(activity) = &self.activity {
            (info.bytes_sent, info.bytes_retrans) = (activity.bytes_sent, activity.bytes_retrans);
            let Timeouts { total, recoveries, .. } = activity.timeouts;
            (info.total_rto, info.total_rto_recoveries) = (total, recoveries);
        }
        info.data_segs_out = self.counts.data_segs_out;
        info.delivered = self.counts.delivered;
        info.delivered_ce = self.counts.delivered_ce;
        info.dsack_dups = self.counts.dsack_dups;
        info.reord_seen = self.counts.reordering_seen;
        // FIN has a sequence number, and counts as one.
        info.notsent_bytes = (self.write_end() - self.nxt).max(0) as u32;
        info.send_memory = (self.memory_used(), self.memory);
        info.snd_wnd = self.wnd;
        (info.delivery_rate, info.delivery_rate_app_limited) =
            self.activity.as_ref().map_or((0, true), |kept| kept.rate.rate(self.size.effective));
        info.unacked_bytes = self.buffered();
    }

    /// The congestion window, the threshold and what is in flight, in segments, and the size of one.
    pub(crate) fn congestion(&self) -> (CaState, Window, u32, u32) {
        (self.recovery.state, self.window, self.board.in_flight(), self.size.effective)
    }

    pub(crate) fn delayed_by_user_timeout(
        &self,
        limit: Option<Duration>,
        rto_us: u64,
        now: Now,
    ) -> u64 {
        let (Some(limit), Some(since)) = (limit, self.recovery.retrans_stamp) else {
            return rto_us;
        };
        let elapsed_us = u64::from(now.ms.wrapping_sub(since)) * 1000;
        rto_us.min(micros(limit).saturating_sub(elapsed_us).max(1))
    }

    /// What holds after every step.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn assert_invariants(&self) {
        assert!(self.una.le(self.nxt), "SND.UNA <= SND.NXT");
        assert!(self.nxt.le(self.write_end()), "nothing is sent that was not written");
        let buffered = (self.end - self.una).max(0) as usize;
        assert_eq!(self.buffer.len(), buffered, "the buffer holds what is unacknowledged");
        if let Some(first) = self.board.first() {
            assert!(first.seq.le(self.una) && first.end().gt(self.una), "the first is at SND.UNA");
        } else {
            assert_eq!(self.una, self.nxt, "nothing out");
        }
        if let Some(last) = self.board.last_place().and_then(|place| self.board.get(place)) {
            assert_eq!(last.end(), self.nxt, "the last ends at SND.NXT");
        }
        assert!(self.window.cwnd >= 1, "a window of nothing");
        self.board.assert_invariants(!self.sack);
        self.queue.assert_invariants(self.nxt, self.end);
        if !self.board.is_empty() {
            assert!(self.timer.is_some() || self.forced.is_some(), "data is out, no timer runs");
        }
    }

    /// What holds once nothing is left to send now: whoever waits has a timer, or an
    /// acknowledgement on its way that a timer watches over.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn assert_resting(&self) {
        let is_drained = self.activity.as_ref().is_none_or(|activity| activity.ready.is_empty());
        assert!(self.forced.is_none() && is_drained, "something forced was not sent");
        assert!(self.board.is_empty() || self.timer.is_some(), "data is out, no timer runs");
        let waits = self.has_unsent() || (self.closing == Closing::Fin && !self.is_finished());
        assert!(!waits || self.timer.is_some() || self.push, "data waits, no timer runs");
    }
}
