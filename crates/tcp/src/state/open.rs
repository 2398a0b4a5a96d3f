//! The synchronized states in which data is transferred: ESTABLISHED to LAST_ACK (RFC 9293
//! §3.10.7.4; `tcp_rcv_established`, `tcp_rcv_state_process`).

use std::time::Duration;

use bytes::Bytes;
use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Ecn, SeqNumber, Timestamps};
use roundtrip_record::{CloseReason, TcpState, Time, Timer};

use crate::clock::Deadline;
use crate::context::Context;
use crate::options::{Options, Writing};
use crate::profile::KeepAlive;
use crate::receive::{Receiver, ReceiverStart, SegmentText, Text};
use crate::send::{
    AckOutcome, Acknowledgement, Burst, Expired, GiveUpPolicy, SendTimer, Sender, SynData, Writer,
};
use crate::{Disposition, Segment, reset_for};

use super::handshake::{Ports, Synchronized, Unfinished};
use super::phase::{Phase, Transition};
use super::time_wait::{TimeWaitStart, Waiting};
use super::verdict::{Fired, Next, Verdict};

/// A connection in one of the states in which data is transferred.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) phase: Phase,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    /// The peer's window scale; `None` if window scaling is not in use.
    pub(crate) window_scale: Option<u8>,
    /// The offset of our timestamps, if timestamps are in use.
    timestamps: Option<u32>,
    ecn: bool,
    /// Whether nobody holds the socket.
    orphan: bool,
    /// Whether the application reads no more (`RCV_SHUTDOWN`).
    is_read_shut: bool,
    /// Options that few applications set.
    rare_options: Option<Box<RareOptions>>,
    keepalive_at: Deadline,
    /// When an orphan's FIN_WAIT_2 with a long timeout ends.
    fin_wait2_at: Deadline,
    /// When a segment out of window was last answered (RFC 5961 §7).
    last_answer: Deadline,
    /// Whether a reset is to be sent, because the connection was aborted.
    reset_due: bool,
    /// Whether data that travelled with a SYN was taken, by us or by the peer.
    pub(crate) is_syn_data_taken: bool,
    /// The handshake, if it is not complete yet: the connection is in use all the same, because the
    /// SYN brought a good cookie (RFC 7413 §4.2.2).
    handshake: Option<Box<dyn Unfinished>>,
}

/// Options that few connections set, kept apart to spare the others the memory.
#[derive(Clone, Copy, Debug, Default)]
struct RareOptions {
    user_timeout: Option<Duration>,
    fin_timeout: Option<Duration>,
    keepalive: Option<KeepAlive>,
}

/// A segment to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenSegment {
    pub(crate) header: Header,
    pub(crate) burst: Option<Burst>,
    pub(crate) ecn: Ecn,
}

/// The result of checking a segment's acceptability.
enum Acceptance {
    Acceptable,
    /// The segment is not acceptable, with what follows from that.
    Not(Verdict<Waiting>),
}

impl Open {
    pub(crate) fn new(
        start: &Synchronized,
        options: &Options,
        window_scale: Option<u8>,
        cx: Context<'_>,
    ) -> Open {
        let mut sender = Sender::new(&start.sender, cx);
        sender.set_nodelay(options.nodelay);
        sender.set_notsent_low_water(
            options.notsent_low_water.unwrap_or(cx.profile.notsent_low_water),
        );
        let sender_mss = sender.first_size(start.sender.is_active, cx.profile);
        let mut open = Open {
            phase: Phase::Established,
            sender,
            receiver: Receiver::new(&ReceiverStart { mss: sender_mss, ..start.receiver }, cx),
            window_scale,
            timestamps: start.sender.timestamps.then_some(options.timestamp_offset),
            ecn: start.sender.ecn,
            orphan: false,
            is_read_shut: false,
            rare_options: None,
            keepalive_at: Deadline::NONE,
            fin_wait2_at: Deadline::NONE,
            last_answer: Deadline::NONE,
            reset_due: false,
            is_syn_data_taken: false,
            handshake: None,
        };
        if options.user_timeout.is_some() || options.fin_timeout.is_some() {
            let rare_options = open.rare_options.get_or_insert_default();
            rare_options.user_timeout = options.user_timeout;
            rare_options.fin_timeout = options.fin_timeout;
        }
        if options.keepalive.is_some() {
            open.set_keepalive(options.keepalive, cx);
        }
        open
    }

    /// Makes the acknowledgement of the SYN-ACK due.
    pub(crate) fn acknowledge_handshake(&mut self) {
        self.receiver.ack.due = true;
    }

    /// Whether nobody holds the socket, and nobody will.
    pub(crate) fn is_orphan(&self) -> bool {
        self.orphan
    }

    /// Puts the acknowledgement of the SYN-ACK off for the write that waits for the connection.
    pub(crate) fn await_write(&mut self, cx: Context<'_>) {
        let window = self.receiver.window();
        self.receiver.ack.await_write(window, cx.now, cx.profile);
    }

    /// Takes over the data that went with our SYN, of which `acked` bytes are acknowledged.
    pub(crate) fn adopt_syn_data(&mut self, data: &SynData, acked: u32, cx: Context<'_>) {
        if data.len() > 0 {
            self.sender.adopt_syn_data(data, acked, cx);
            self.is_syn_data_taken = acked == data.len();
        }
    }

    /// Takes the data of the peer's SYN or SYN-ACK, and the FIN that may follow it
    /// (`tcp_fastopen_add_skb`).
    pub(crate) fn take_syn_data(&mut self, segment: &Segment<'_>, cx: Context<'_>) {
        if segment.payload.is_empty() {
            return;
        }
        self.receiver.take_syn_data(segment.payload, segment.id);
        self.is_syn_data_taken = true;
        if segment.has(Flags::FIN) {
            self.receiver.take_syn_fin();
            // No connection has anything else to go to from here.
            let _ = self.on_fin(cx);
        }
    }

    /// Goes on with the handshake while the connection is in use.
    pub(crate) fn await_handshake(&mut self, handshake: Box<dyn Unfinished>) {
        self.handshake = Some(handshake);
        self.sender.await_handshake();
    }

    /// The state, for those who ask.
    pub(crate) fn state(&self) -> TcpState {
        match self.phase {
            Phase::Established if self.handshake.is_some() => TcpState::SynReceived,
            phase => phase.state(),
        }
    }

    /// The handshake that is not complete yet.
    pub(crate) fn handshake(&self) -> Option<&dyn Unfinished> {
        self.handshake.as_deref()
    }

    /// Completes the handshake, since the SYN-ACK is acknowledged.
    fn complete_handshake(&mut self, cx: Context<'_>) {
        if let Some(handshake) = self.handshake.take() {
            self.sender.complete_handshake(handshake.round_trip_us(cx), cx);
        }
    }

    /// Answers a SYN-ACK whose SYN was received before.
    pub(crate) fn answer_crossed(&mut self, segment: &Segment<'_>, cx: Context<'_>) {
        self.receiver.answer_unacceptable(segment.header.sequence, segment.end(), cx);
    }

    /// Reads part of every component, to bring it into the processor's caches.
    #[inline]
    pub(crate) fn prefetch(&self) -> u32 {
        u32::from(self.orphan) ^ self.sender.prefetch() ^ self.receiver.prefetch()
    }

    // ---- the application's side ----

    pub(crate) fn write(&mut self, bytes: &[u8], how: Writing, cx: Context<'_>) -> usize {
        self.sender.restart_after_idle(cx);
        let sack_bytes = self.receiver.block_bytes(self.timestamps.is_some());
        self.sender.write(bytes, how, Writer { sack_bytes, cx })
    }

    pub(crate) fn write_bytes(&mut self, bytes: Bytes, cx: Context<'_>) -> usize {
        self.sender.restart_after_idle(cx);
        let sack_bytes = self.receiver.block_bytes(self.timestamps.is_some());
        self.sender.write_bytes(bytes, Writer { sack_bytes, cx })
    }

    /// Finishes sending. Answers whether that is new.
    pub(crate) fn finish(&mut self) -> bool {
        let Some(phase) = self.phase.finish() else { return false };
        self.phase = phase;
        self.sender.finish();
        true
    }

    /// Notes that the application reads no more: data is refused once we have finished too.
    pub(crate) fn stop_reading(&mut self) {
        self.is_read_shut = true;
    }

    /// Whether nobody would read data that comes now (RFC 1122 §4.2.2.13).
    fn has_no_reader(&self) -> bool {
        let closing = matches!(self.phase, Phase::FinWait1 | Phase::FinWait2);
        self.orphan || (self.is_read_shut && closing) || self.receiver.is_finished()
    }

    /// Makes the connection an orphan, which nobody holds any more (`__tcp_close`).
    pub(crate) fn orphan(&mut self, cx: Context<'_>) -> Next<Waiting> {
        self.orphan = true;
        self.receiver.is_held = false;
        if self.receiver.unread() > 0 {
            // Unread data was lost, and the peer must know (RFC 2525 §2.17).
            self.reset_due = true;
            return Next::Closed(CloseReason::Aborted);
        }
        if self.phase == Phase::FinWait2 && self.fin_timeout(cx).is_zero() {
            self.reset_due = true;
            return Next::Closed(CloseReason::Aborted);
        }
        self.finish();
        self.settle_fin_wait_2(cx)
    }

    /// Limits FIN_WAIT_2 of a connection without an owner.
    fn settle_fin_wait_2(&mut self, cx: Context<'_>) -> Next<Waiting> {
        if self.phase != Phase::FinWait2 || !self.orphan {
            return Next::Stay;
        }
        let Some(excess) = self.fin_time_excess(cx) else {
            return Next::To(Waiting::FinWait2);
        };
        self.fin_wait2_at = self.fin_wait2_at.min(Deadline::at(cx.now.time + excess));
        Next::Stay
    }

    /// How long FIN_WAIT_2 without an owner is to last (`tcp_fin_time`).
    fn fin_time(&self, cx: Context<'_>) -> Duration {
        self.fin_timeout(cx).max(self.least_fin_time())
    }

    /// The least time that such a state lasts, so that a retransmission of the peer's FIN still
    /// finds it: 3.5 retransmission timeouts (`tcp_fin_time`, `tcp_time_wait`).
    fn least_fin_time(&self) -> Duration {
        Duration::from_micros(self.sender.rtt().rto_us() * 7 / 2)
    }

    /// By how much FIN_WAIT_2 is to last longer than TIME_WAIT does. Linux lets this much pass twice:
    /// before the connection gives up its buffers, and afterwards (`__tcp_close`,
    /// `tcp_keepalive_timer`).
    fn fin_time_excess(&self, cx: Context<'_>) -> Option<Duration> {
        let excess = self.fin_time(cx).saturating_sub(cx.profile.time_wait);
        (!excess.is_zero()).then_some(excess)
    }

    fn fin_timeout(&self, cx: Context<'_>) -> Duration {
        let own = self.rare_options.as_ref().and_then(|rare_options| rare_options.fin_timeout);
        own.unwrap_or(cx.profile.fin_timeout)
    }

    fn user_timeout(&self) -> Option<Duration> {
        self.rare_options.as_ref()?.user_timeout
    }

    /// Aborts the connection; a reset is sent unless both sides have finished and all was sent.
    pub(crate) fn abort(&mut self) {
        self.reset_due = match self.phase {
            Phase::Closing | Phase::LastAck => self.sender.unsent() > 0,
            Phase::Established | Phase::CloseWait | Phase::FinWait1 | Phase::FinWait2 => true,
        };
    }

    pub(crate) fn set_keepalive(&mut self, keepalive: Option<KeepAlive>, cx: Context<'_>) {
        let keepalive = keepalive.map(KeepAlive::at_least_a_second);
        self.rare_options.get_or_insert_default().keepalive = keepalive;
        self.keepalive_at = keepalive
            .map_or(Deadline::NONE, |keepalive| Deadline::at(cx.now.time + keepalive.idle));
    }

    pub(crate) fn set_fin_timeout(&mut self, timeout: Option<Duration>) {
        self.rare_options.get_or_insert_default().fin_timeout = timeout;
    }

    pub(crate) fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        self.rare_options.get_or_insert_default().user_timeout = timeout;
    }

    /// What the states without data transfer take over.
    pub(crate) fn into_time_wait_start(self, cx: Context<'_>) -> TimeWaitStart {
        TimeWaitStart {
            fin_wait_2: self
                .fin_time_excess(cx)
                .unwrap_or_else(|| self.fin_time(cx))
                .max(self.least_fin_time()),
            snd_nxt: self.sender.space().nxt(),
            timestamp_offset: self.timestamps.unwrap_or(0),
            ack_due: self.receiver.ack.owed || self.receiver.ack.due,
            receiver: self.receiver,
        }
    }

    // ---- a segment arrives ----

    /// Processes a segment in the order of RFC 9293 §3.10.7.4, "SEGMENT ARRIVES".
    pub(crate) fn on_segment(
        &mut self,
        segment: &Segment<'_>,
        cx: Context<'_>,
    ) -> Verdict<Waiting> {
        if let Some(handshake) = &mut self.handshake
            && handshake.is_syn_again(segment, cx)
        {
            return Verdict::stay(Disposition::Duplicate);
        }
        self.receiver.arrived(!segment.payload.is_empty(), cx.now);
        if !segment.header.flags.intersects(Flags::ACK | Flags::RST | Flags::SYN) {
            return Verdict::stay(Disposition::NoAck);
        }
        if let Acceptance::Not(verdict) = self.accept(segment, cx) {
            return verdict;
        }
        let Some(ack) = segment.header.ack() else { return Verdict::stay(Disposition::NoAck) };
        if segment.has(Flags::CWR) && self.ecn {
            self.receiver.on_cwr(segment.sequence_length() > 0);
        }
        match self.on_ack(segment, ack, cx) {
            AckOutcome::Accepted => self.complete_handshake(cx),
            // "One RST" (`tcp_rcv_state_process`).
            _ if self.handshake.is_some() => {
                let reset = reset_for(segment).map(Box::new);
                return Verdict { disposition: Disposition::BadAck, next: Next::Stay, reset };
            }
            AckOutcome::Old => {}
            AckOutcome::TooOld | AckOutcome::Unsent => {
                self.challenge(cx);
                return Verdict::stay(Disposition::BadAck);
            }
        }
        let before = self.phase;
        if let Some(next) = self.after_ack() {
            return Verdict::transition(Disposition::Accepted, next);
        }
        let has_entered = self.phase == Phase::FinWait2 && before != self.phase;
        if has_entered && self.orphan && self.fin_timeout(cx).is_zero() {
            // The application does not want to wait for the peer's FIN (`TCP_LINGER2` less than 0).
            let reset = reset_for(segment).map(Box::new);
            let next = Next::Closed(CloseReason::Aborted);
            return Verdict { disposition: Disposition::DataAfterClose, next, reset };
        }
        let mut verdict = self.on_text(segment, cx);
        if matches!(verdict.next, Next::Stay) && verdict.reset.is_none() {
            self.receiver.ack.undecided |= self.receiver.ack.owed;
            // With nothing to send the decision need not wait.
            if self.receiver.ack.undecided && !self.sender.wants_poll() {
                self.receiver.decide(self.sender.rtt().srtt8_us(), cx);
            }
            if self.orphan {
                verdict.next = self.settle_fin_wait_2(cx);
            }
        }
        verdict
    }

    /// Checks PAWS, the sequence number, RST and SYN, the steps "first" to "fourth"
    /// (`tcp_validate_incoming`; RFC 7323 §5.3, RFC 5961 §3 and §4).
    fn accept(&mut self, segment: &Segment<'_>, cx: Context<'_>) -> Acceptance {
        let (seq, end) = (segment.header.sequence, segment.end());
        let (rst, syn) = (segment.has(Flags::RST), segment.has(Flags::SYN));
        if let Some(refused) = self.check_paws(segment, cx) {
            return Acceptance::Not(refused);
        }
        if let Some(disposition) = self.check_sequence(segment) {
            if rst {
                if self.is_reset_after_fin(seq) {
                    return Acceptance::Not(was_reset());
                }
                return Acceptance::Not(Verdict::stay(Disposition::OutOfWindow));
            }
            if syn {
                self.challenge(cx);
                return Acceptance::Not(Verdict::stay(Disposition::ChallengeAck));
            }
            if !self.is_limited(seq == end, cx) {
                self.receiver.answer_unacceptable(seq, end, cx);
            }
            return Acceptance::Not(Verdict::stay(disposition));
        }
        if rst {
            let expected = !cx.profile.exact_reset
                || seq == self.receiver.nxt
                || self.is_reset_after_fin(seq)
                || self.receiver.highest_reported() == Some(seq);
            if expected {
                return Acceptance::Not(was_reset());
            }
        }
        if syn && !rst && !cx.profile.challenged_syn {
            self.reset_due = true;
            return Acceptance::Not(was_reset());
        }
        if rst || syn {
            self.challenge(cx);
            return Acceptance::Not(Verdict::stay(Disposition::ChallengeAck));
        }
        Acceptance::Acceptable
    }

    /// Checks the timestamp (PAWS, RFC 7323 §5.3 R1). An old pure acknowledgement is not answered.
    fn check_paws(&mut self, segment: &Segment<'_>, cx: Context<'_>) -> Option<Verdict<Waiting>> {
        let recent = self.receiver.ts_recent?;
        let ts = segment.header.options.timestamps?;
        if !recent.rejects(ts.value, 1, cx.now.time) || segment.has(Flags::RST) {
            return None;
        }
        let (seq, end) = (segment.header.sequence, segment.end());
        let pure = segment.header.ack().is_some() && seq == end;
        if pure && seq == self.receiver.nxt && self.is_harmless(segment, ts, recent.value) {
            return None;
        }
        if segment.has(Flags::SYN) {
            self.challenge(cx);
            return Some(Verdict::stay(Disposition::ChallengeAck));
        }
        let old_ack = pure && seq.lt(self.receiver.nxt);
        if !old_ack && !self.is_limited(seq == end, cx) {
            self.receiver.answer_unacceptable(seq, end, cx);
        }
        Some(Verdict::stay(Disposition::Paws))
    }

    /// Whether an old timestamp is that of a duplicate acknowledgement that was only reordered
    /// (`tcp_disordered_ack_check`).
    fn is_harmless(&self, segment: &Segment<'_>, ts: Timestamps, recent: u32) -> bool {
        let window = self.scaled_window(segment);
        let Some(ack) = segment.header.ack() else { return false };
        let replay = self.sender.rtt().rto_us() * 12 / 10_000;
        ack == self.sender.space().una()
            && !self.sender.space().may_update_window(ack, segment.header.sequence, window)
            && u64::from(recent.wrapping_sub(ts.value)) <= replay
    }

    /// Checks the sequence number (`tcp_sequence`) against the window as last announced, since the
    /// peer need not know of an acknowledgement that is still delayed.
    fn check_sequence(&self, segment: &Segment<'_>) -> Option<Disposition> {
        let (seq, end) = (segment.header.sequence, segment.end());
        if end.lt(self.receiver.announced()) {
            return Some(Disposition::Duplicate);
        }
        let limit = self.receiver.nxt + self.receiver.window();
        if end.le(limit) {
            return None;
        }
        // Some stacks send FIN just beyond the window.
        let without_fin = end - u32::from(segment.has(Flags::FIN));
        if without_fin.le(limit) {
            return None;
        }
        // A segment that begins inside the window and ends outside is accepted only while nothing
        // waits to be read.
        (seq.gt(limit) || self.receiver.unread() > 0).then_some(Disposition::OutOfWindow)
    }

    /// Whether a reset has the sequence number of the FIN before it, as some stacks send it
    /// (`tcp_reset_check`).
    fn is_reset_after_fin(&self, seq: SeqNumber) -> bool {
        self.phase.peer_finished() && seq + 1 == self.receiver.nxt
    }

    /// Whether a segment without data is not answered, because one was answered too recently
    /// (`tcp_oow_rate_limited`).
    fn is_limited(&mut self, empty: bool, cx: Context<'_>) -> bool {
        empty && self.answered_recently(cx)
    }

    fn answered_recently(&mut self, cx: Context<'_>) -> bool {
        let limit = cx.profile.invalid_ratelimit;
        if self.last_answer.get().is_some_and(|last| cx.now.time.since(last) < limit) {
            return true;
        }
        self.last_answer = Deadline::at(cx.now.time);
        false
    }

    /// Sends a challenge ACK, within the rate limit, which makes an honest peer say what is the
    /// matter (RFC 5961 §3.2).
    fn challenge(&mut self, cx: Context<'_>) {
        if !self.answered_recently(cx) {
            self.receiver.ack.due = true;
        }
    }

    fn scaled_window(&self, segment: &Segment<'_>) -> u32 {
        let shift = if segment.has(Flags::SYN) { 0 } else { self.window_scale.unwrap_or(0) };
        u32::from(segment.header.window) << shift
    }

    /// Whether a segment is the next one of a peer that only sends: it acknowledges nothing new and
    /// leaves the window as it is, so that the sender need not process it (header prediction in
    /// `tcp_rcv_established`). What the application holds back stays held back.
    fn is_predicted(&self, segment: &Segment<'_>, ack: SeqNumber) -> bool {
        let header = &segment.header;
        header.flags | Flags::PSH == Flags::ACK | Flags::PSH
            && !segment.payload.is_empty()
            && ack == self.sender.space().una()
            && self.phase == Phase::Established
            && header.options.sack.as_slice().is_empty()
            && header.options.timestamps.is_some() == self.timestamps.is_some()
            && self.scaled_window(segment) == self.sender.space().wnd()
            && self.receiver.expects(header.sequence)
            && self.is_charged_ahead(segment.payload.len() as u32)
    }

    /// Whether memory for a segment was charged to the socket before: the kernel does that by the
    /// page, for received data and data to send together (`sk_forward_alloc`). False for a buffer
    /// that was read in part, of which it is not known.
    fn is_charged_ahead(&self, len: u32) -> bool {
        const PAGE: u32 = 4096;
        const WHOLE: u32 = 64;
        let received = self.receiver.memory_used();
        let used = self.sender.memory_used().wrapping_add(received);
        received.is_multiple_of(WHOLE)
            && self.receiver.memory_for(len) <= used.wrapping_neg() % PAGE
    }

    /// Processes the ACK field, the step "fifth".
    fn on_ack(&mut self, segment: &Segment<'_>, ack: SeqNumber, cx: Context<'_>) -> AckOutcome {
        let header = &segment.header;
        let ts = header.options.timestamps.filter(|_| self.timestamps.is_some());
        let echo = ts
            .filter(|ts| ts.echo != 0)
            .map(|ts| ts.echo.wrapping_sub(self.timestamps.unwrap_or(0)));
        let acceptable = ack.le(self.sender.space().nxt());
        if let Some(ts) = ts
            && acceptable
        {
            self.receiver.note_timestamp(ts.value, header.sequence, cx.now.time);
        }
        if self.is_predicted(segment, ack) {
            self.sender.on_text_alone(header.sequence);
            if let Some(echo) = echo {
                self.receiver.measure_echo(echo, segment.sequence_length(), cx.now);
            }
            return AckOutcome::Accepted;
        }
        let outcome = self.sender.on_ack(
            &Acknowledgement {
                seq: header.sequence,
                ack,
                window: self.scaled_window(segment),
                sack: header.options.sack.as_slice(),
                echo,
                has_data: segment.sequence_length() > 0,
                ece: segment.has(Flags::ECE) && self.ecn,
            },
            cx,
        );
        if let Some(echo) = echo
            && matches!(outcome, AckOutcome::Accepted | AckOutcome::Old)
        {
            self.receiver.measure_echo(echo, segment.sequence_length(), cx.now);
        }
        outcome
    }

    /// The state to go to if our FIN is acknowledged now; `None` to go on.
    fn after_ack(&mut self) -> Option<Next<Waiting>> {
        if !self.sender.is_finished() {
            return None;
        }
        match self.phase.fin_acknowledged() {
            Transition::To(phase) => {
                self.phase = phase;
                None
            }
            Transition::TimeWait => Some(Next::To(Waiting::TimeWait)),
            Transition::Closed => Some(Next::Closed(CloseReason::Finished)),
        }
    }

    /// Processes text and FIN, the steps "seventh" and "eighth".
    fn on_text(&mut self, segment: &Segment<'_>, cx: Context<'_>) -> Verdict<Waiting> {
        let header = &segment.header;
        let fin = segment.has(Flags::FIN);
        if segment.payload.is_empty() && !fin {
            return Verdict::stay(Disposition::Accepted);
        }
        let data_end = header.sequence + segment.payload.len();
        if self.has_no_reader() && data_end.gt(self.receiver.nxt) {
            let reset = reset_for(segment).map(Box::new);
            let is_over = self.orphan || self.receiver.is_finished();
            let reason = if is_over { CloseReason::Aborted } else { CloseReason::Reset };
            let next = Next::Closed(reason);
            return Verdict { disposition: Disposition::DataAfterClose, next, reset };
        }
        let text = SegmentText {
            seq: header.sequence,
            payload: segment.payload,
            size: segment.payload.len() as u32,
            fin,
            push: segment.has(Flags::PSH),
            ecn: segment.ecn,
            segment_size: segment.segment_size,
            options: if self.timestamps.is_some() { 12 } else { 0 },
            cause: segment.id,
        };
        match self.receiver.on_text(&text, self.sender.rtt().rto_us(), cx) {
            Text::InOrder { fin: true } => self.on_fin(cx),
            Text::InOrder { fin: false } => Verdict::stay(Disposition::Accepted),
            Text::OutOfOrder => Verdict::stay(Disposition::OutOfOrder),
            Text::Duplicate => Verdict::stay(Disposition::Duplicate),
            Text::OutOfWindow => Verdict::stay(Disposition::OutOfWindow),
        }
    }

    fn on_fin(&mut self, cx: Context<'_>) -> Verdict<Waiting> {
        let before = self.phase;
        match self.phase.fin_received() {
            Transition::To(phase) => {
                self.phase = phase;
                match before {
                    Phase::Established => self.receiver.ack.enter_interactive(cx.profile),
                    Phase::FinWait1 => self.receiver.ack.due = true,
                    _ => {}
                }
                Verdict::stay(Disposition::Accepted)
            }
            Transition::TimeWait => {
                Verdict::transition(Disposition::Accepted, Next::To(Waiting::TimeWait))
            }
            Transition::Closed => Verdict::stay(Disposition::Accepted),
        }
    }

    // ---- time passes ----

    pub(crate) fn next_timeout(&self, profile: &crate::Profile) -> Option<Time> {
        self.sender
            .next_timeout(profile)
            .min(self.receiver.ack.next_timeout())
            .min(self.keepalive_at)
            .min(self.fin_wait2_at)
            .min(self.handshake_timeout())
            .get()
    }

    /// When the SYN-ACK is sent again.
    #[inline]
    fn handshake_timeout(&self) -> Deadline {
        let timer = self.handshake.as_ref().and_then(|handshake| handshake.next_timeout());
        timer.map_or(Deadline::NONE, Deadline::at)
    }

    /// Fires the timers that are due. Answers which fired, and the state to go to.
    pub(crate) fn on_timeout(&mut self, cx: Context<'_>) -> (Option<Fired>, Next<Waiting>) {
        let mut fired = None;
        if let Some((again, next)) = self.on_handshake_timeout(cx) {
            if matches!(next, Next::Closed(_)) {
                return (Some(again), next);
            }
            fired = Some(again);
        }
        if self.receiver.ack.on_timeout(self.sender.rtt().rto_us(), cx.now, cx.profile) {
            fired = Some(Fired { timer: Timer::DelayedAck, count: 1 });
        }
        let policy = GiveUpPolicy { orphan: self.orphan, user_timeout: self.user_timeout() };
        match self.sender.on_timeout(policy, cx) {
            Some(Expired::GivenUp) => return (fired, Next::Closed(CloseReason::TimedOut)),
            Some(Expired::Fired(kind, count)) => {
                let timer = match kind {
                    SendTimer::Retransmission => Timer::Retransmission,
                    SendTimer::LossProbe => Timer::LossProbe,
                    SendTimer::Reordering => Timer::Reordering,
                    SendTimer::Persist => Timer::Persist,
                };
                fired = Some(Fired { timer, count });
            }
            None => {}
        }
        if self.keepalive_at.is_due(cx.now.time) {
            match self.on_keepalive(cx) {
                Some(next) => return (Some(Fired { timer: Timer::KeepAlive, count: 1 }), next),
                None => fired = Some(Fired { timer: Timer::KeepAlive, count: 1 }),
            }
        }
        if self.fin_wait2_at.is_due(cx.now.time) {
            self.fin_wait2_at = Deadline::NONE;
            let fired = Fired { timer: Timer::FinWait2, count: 1 };
            return (Some(fired), Next::To(Waiting::FinWait2));
        }
        (fired, Next::Stay)
    }

    /// Sends the SYN-ACK again, once more than that of other connections, or gives the connection up
    /// (`tcp_fastopen_synack_timer`).
    fn on_handshake_timeout(&mut self, cx: Context<'_>) -> Option<(Fired, Next<Waiting>)> {
        let (fired, over) = self.handshake.as_mut()?.expire(cx)?;
        self.sender.on_handshake_timeout(fired.count, cx);
        Some((fired, over.map_or(Next::Stay, Next::Closed)))
    }

    /// Sends a keep-alive probe, or gives the connection up (RFC 9293 §3.8.4;
    /// `tcp_keepalive_timer`).
    fn on_keepalive(&mut self, cx: Context<'_>) -> Option<Next<Waiting>> {
        let keepalive = self.rare_options.as_ref()?.keepalive?;
        if !self.sender.is_idle() {
            self.keepalive_at = Deadline::at(cx.now.time + keepalive.idle);
            return None;
        }
        let last = self.sender.latest().ack.max(self.receiver.last_data);
        let silent = cx.now.time.since(last);
        if silent < keepalive.idle {
            self.keepalive_at = Deadline::at(last + keepalive.idle);
            return None;
        }
        let probes = self.sender.probes_out();
        let over = match self.user_timeout() {
            Some(limit) => silent >= limit && probes > 0,
            None => probes >= u32::from(keepalive.probes),
        };
        if over {
            self.reset_due = true;
            return Some(Next::Closed(CloseReason::TimedOut));
        }
        self.sender.probe_peer();
        self.keepalive_at = Deadline::at(cx.now.time + keepalive.interval);
        None
    }

    // ---- segments leave ----

    /// The next segment: an acknowledgement that is due, then data, then an acknowledgement that is
    /// owed and was undecided until then.
    pub(crate) fn poll(
        &mut self,
        ports: Ports,
        most: usize,
        cx: Context<'_>,
    ) -> Option<OpenSegment> {
        if let Some(header) = self.handshake.as_mut().and_then(|half| half.poll(ports, cx)) {
            return Some(OpenSegment { header, burst: None, ecn: Ecn::NotEct });
        }
        if self.receiver.ack.due {
            return Some(self.pure_ack(ports, cx));
        }
        let sack_bytes = self.receiver.block_bytes(self.timestamps.is_some());
        if self.sender.wants_poll()
            && let Some(burst) = self.sender.poll(most, sack_bytes, cx)
        {
            return Some(self.data(ports, burst, cx));
        }
        if self.receiver.ack.undecided {
            self.receiver.decide(self.sender.rtt().srtt8_us(), cx);
            if self.receiver.ack.due {
                return Some(self.pure_ack(ports, cx));
            }
        }
        None
    }

    /// Whether [`poll`](Self::poll) may have a segment.
    #[inline]
    pub(crate) fn may_poll(&self) -> bool {
        self.receiver.ack.due
            || self.receiver.ack.undecided
            || self.sender.wants_poll()
            || self.handshake.as_ref().is_some_and(|handshake| handshake.is_due())
    }

    /// The reset of an aborted connection (`tcp_send_active_reset`), once.
    pub(crate) fn poll_reset(&mut self, ports: Ports, cx: Context<'_>) -> Option<Header> {
        if !std::mem::take(&mut self.reset_due) {
            return None;
        }
        let seq = self.sender.space().acceptable_seq(self.receiver.shift());
        Some(self.header(ports, seq, Flags::RST_ACK, cx))
    }

    fn pure_ack(&mut self, ports: Ports, cx: Context<'_>) -> OpenSegment {
        let seq = self.sender.space().acceptable_seq(self.receiver.shift());
        let header = self.header(ports, seq, Flags::ACK, cx);
        self.sender.note_output(cx.now.time);
        OpenSegment { header, burst: None, ecn: Ecn::NotEct }
    }

    fn data(&mut self, ports: Ports, burst: Burst, cx: Context<'_>) -> OpenSegment {
        let mut flags = Flags::ACK;
        if burst.push {
            flags |= Flags::PSH;
        }
        if burst.fin {
            flags |= Flags::FIN;
        }
        let mut ecn = Ecn::NotEct;
        if self.ecn && !burst.retransmission && burst.len > 0 {
            // Retransmissions are not ECN-capable (RFC 3168 §6.1.5).
            ecn = Ecn::Ect0;
            if self.sender.take_cwr() {
                flags |= Flags::CWR;
            }
        }
        if burst.len > 0 {
            self.receiver.ack.on_data_sent(cx.now);
        }
        let header = self.header(ports, burst.seq, flags, cx);
        OpenSegment { header, burst: Some(burst), ecn }
    }

    /// A header with the acknowledgement, window and options of this moment.
    fn header(&mut self, ports: Ports, seq: SeqNumber, flags: Flags, cx: Context<'_>) -> Header {
        let mut flags = flags;
        if self.receiver.ece_due {
            flags |= Flags::ECE;
        }
        let timestamps = self.timestamps.map(|offset| Timestamps {
            value: cx.now.ms.wrapping_add(offset),
            echo: self.receiver.ts_recent.map_or(0, |recent| recent.value),
        });
        let mut header = Header {
            sequence: seq,
            acknowledgement: self.receiver.nxt,
            flags,
            window: self.receiver.announce(),
            ..ports.header()
        };
        header.options.timestamps = timestamps;
        if !flags.contains(Flags::RST) {
            header.options.sack = self.receiver.take_blocks(timestamps);
        }
        self.receiver.on_ack_sent(cx);
        header
    }
}

fn was_reset() -> Verdict<Waiting> {
    Verdict::transition(Disposition::Reset, Next::Closed(CloseReason::Reset))
}
