//! The states TIME_WAIT, and FIN_WAIT_2 of a socket that nobody holds: all that is left is to
//! answer (RFC 9293 §3.6.1, §3.10.7.4; `tcp_timewait_state_process`).

use std::convert::Infallible;
use std::time::Duration;

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{SeqNumber, Timestamps};
use roundtrip_record::{CloseReason, TcpState, Time, Timer};

use crate::context::Context;
use crate::info::Last;
use crate::profile::Profile;
use crate::receive::{Receiver, TsRecent};
use crate::{Disposition, Segment, reset_for};

use super::handshake::Ports;
use super::verdict::{Fired, Next, Verdict};

/// What such a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The end of 2·MSL, in TIME_WAIT.
    TimeWait,
    /// The peer's FIN, in FIN_WAIT_2.
    FinWait2,
}

/// A connection in TIME_WAIT or FIN_WAIT_2, reduced to what it needs for its answers.
#[derive(Debug)]
pub(crate) struct TimeWait {
    waiting: Waiting,
    snd_nxt: SeqNumber,
    rcv_nxt: SeqNumber,
    rcv_wnd: u32,
    shift: u8,
    ts_recent: Option<TsRecent>,
    timestamp_offset: u32,
    until: Time,
    ack_due: bool,
    last_answer: Option<Time>,
    /// The received data that the application has not read.
    pub(crate) receiver: Option<Box<Receiver>>,
    /// The last snapshot of the connection.
    pub(crate) last: Option<Box<Last>>,
}

/// What an open connection hands over to TIME_WAIT, or to FIN_WAIT_2 without an owner.
#[derive(Debug)]
pub(crate) struct TimeWaitStart {
    pub(crate) snd_nxt: SeqNumber,
    pub(crate) timestamp_offset: u32,
    /// Whether an acknowledgement is still owed.
    pub(crate) ack_due: bool,
    /// How long FIN_WAIT_2 lasts from now on.
    pub(crate) fin_wait_2: Duration,
    pub(crate) receiver: Receiver,
}

impl TimeWait {
    pub(crate) fn new(waiting: Waiting, start: TimeWaitStart, cx: Context<'_>) -> TimeWait {
        let TimeWaitStart { snd_nxt, timestamp_offset, ack_due, fin_wait_2, receiver } = start;
        let lasts = match waiting {
            Waiting::TimeWait => cx.profile.time_wait,
            Waiting::FinWait2 => fin_wait_2,
        };
        TimeWait {
            waiting,
            snd_nxt,
            rcv_nxt: receiver.nxt,
            rcv_wnd: receiver.window(),
            shift: receiver.shift(),
            ts_recent: receiver.ts_recent,
            timestamp_offset,
            until: cx.now.time + lasts,
            ack_due,
            last_answer: None,
            receiver: Some(Box::new(receiver)),
            last: None,
        }
    }

    pub(crate) fn state(&self) -> TcpState {
        match self.waiting {
            Waiting::TimeWait => TcpState::TimeWait,
            Waiting::FinWait2 => TcpState::FinWait2,
        }
    }

    pub(crate) fn next_timeout(&self) -> Time {
        self.until
    }

    /// The initial sequence number for a connection that takes this one's place, beyond all that
    /// was used (`tw_isn`; RFC 9293 §3.4.1).
    pub(crate) fn next_isn(&self) -> SeqNumber {
        self.snd_nxt + 65_537_u32
    }

    /// Whether we may open a connection in place of this one: only timestamps tell its segments
    /// from the old ones (RFC 6191 §2; `tcp_twsk_unique`).
    pub(crate) fn may_be_replaced(&self) -> bool {
        self.ts_recent.is_some()
    }

    pub(crate) fn on_timeout(&mut self, now: Time) -> Option<(Fired, Next<Infallible>)> {
        if now < self.until {
            return None;
        }
        let (timer, reason) = match self.waiting {
            Waiting::TimeWait => (Timer::TimeWait, CloseReason::TimeWaitOver),
            Waiting::FinWait2 => (Timer::FinWait2, CloseReason::TimedOut),
        };
        Some((Fired { timer, count: 1 }, Next::Closed(reason)))
    }

    /// The acknowledgement that is owed, if one is.
    pub(crate) fn poll(&mut self, ports: Ports, cx: Context<'_>) -> Option<Header> {
        if !std::mem::take(&mut self.ack_due) {
            return None;
        }
        let mut header = Header {
            sequence: self.snd_nxt,
            acknowledgement: self.rcv_nxt,
            flags: Flags::ACK,
            window: (self.rcv_wnd >> self.shift).min(65_535) as u16,
            ..ports.header()
        };
        if let Some(recent) = self.ts_recent {
            let value = cx.now.ms.wrapping_add(self.timestamp_offset);
            header.options.timestamps = Some(Timestamps { value, echo: recent.value });
        }
        Some(header)
    }

    pub(crate) fn on_segment(
        &mut self,
        segment: &Segment<'_>,
        cx: Context<'_>,
    ) -> Verdict<Infallible> {
        let value = segment.header.options.timestamps.map(|ts| ts.value);
        let paws = match (self.ts_recent, value) {
            // A reset is accepted even if its timestamp is old (RFC 7323 §5.2).
            (Some(recent), Some(value)) => {
                !segment.has(Flags::RST) && recent.rejects(value, 0, cx.now.time)
            }
            _ => false,
        };
        match self.waiting {
            Waiting::FinWait2 => self.in_fin_wait_2(segment, value, paws, cx),
            Waiting::TimeWait => self.in_time_wait(segment, value, paws, cx),
        }
    }

    fn in_fin_wait_2(
        &mut self,
        segment: &Segment<'_>,
        value: Option<u32>,
        paws: bool,
        cx: Context<'_>,
    ) -> Verdict<Infallible> {
        let (seq, end) = (segment.header.sequence, segment.end());
        let right = self.rcv_nxt + self.rcv_wnd;
        let inside = seq == self.rcv_nxt
            || (end.gt(self.rcv_nxt) && seq.lt(right))
            || (seq == right && seq == end);
        if paws || !inside {
            return self.answer(segment, paws, cx);
        }
        if segment.has(Flags::RST) {
            return Verdict::transition(Disposition::Reset, Next::Closed(CloseReason::Reset));
        }
        let new_syn = segment.has(Flags::SYN) && seq.ge(self.rcv_nxt);
        let bare = segment.header.ack().is_none() || end.le(self.rcv_nxt) || seq == end;
        if !new_syn && bare {
            return Verdict::stay(Disposition::Accepted);
        }
        if new_syn || !segment.has(Flags::FIN) || end != self.rcv_nxt + 1 {
            // Data came that nobody will read (RFC 1122 §4.2.2.13).
            let reset = reset_for(segment).map(Box::new);
            let next = Next::Closed(CloseReason::Aborted);
            return Verdict { disposition: Disposition::DataAfterClose, next, reset };
        }
        self.waiting = Waiting::TimeWait;
        self.rcv_nxt = end;
        self.note(value, cx);
        self.until = cx.now.time + cx.profile.time_wait;
        self.ack_due = true;
        Verdict::stay(Disposition::Accepted)
    }

    fn in_time_wait(
        &mut self,
        segment: &Segment<'_>,
        value: Option<u32>,
        paws: bool,
        cx: Context<'_>,
    ) -> Verdict<Infallible> {
        let (seq, end) = (segment.header.sequence, segment.end());
        let reset = segment.has(Flags::RST);
        if !paws && seq == self.rcv_nxt && (seq == end || reset) {
            if reset {
                // A reset ends TIME_WAIT ("assassination", RFC 1337), unless the profile forbids
                // it; Linux allows it by default.
                if !cx.profile.rfc1337 {
                    let next = Next::Closed(CloseReason::Reset);
                    return Verdict::transition(Disposition::Reset, next);
                }
            } else {
                self.until = cx.now.time + cx.profile.time_wait;
            }
            self.note(value, cx);
            return Verdict::stay(Disposition::Accepted);
        }
        if self.may_reopen(segment, value, paws) {
            return Verdict::transition(Disposition::Reopen, Next::Stay);
        }
        if reset {
            return Verdict::stay(Disposition::OutOfWindow);
        }
        if paws || segment.header.ack().is_some() {
            self.until = cx.now.time + cx.profile.time_wait;
        }
        self.answer(segment, paws, cx)
    }

    /// Whether a SYN belongs to a new connection: it has a later timestamp, or a sequence number
    /// beyond the old ones (RFC 6191 §2).
    fn may_reopen(&self, segment: &Segment<'_>, value: Option<u32>, paws: bool) -> bool {
        let plain =
            segment.has(Flags::SYN) && !segment.has(Flags::RST) && segment.header.ack().is_none();
        let newer = match (self.ts_recent, value) {
            (Some(recent), Some(value)) => (recent.value.wrapping_sub(value) as i32) < 0,
            _ => false,
        };
        plain && !paws && (segment.header.sequence.gt(self.rcv_nxt) || newer)
    }

    fn note(&mut self, value: Option<u32>, cx: Context<'_>) {
        if let (Some(recent), Some(value)) = (&mut self.ts_recent, value) {
            *recent = TsRecent::new(value, cx.now.time);
        }
    }

    fn answer(
        &mut self,
        segment: &Segment<'_>,
        paws: bool,
        cx: Context<'_>,
    ) -> Verdict<Infallible> {
        let data = segment.sequence_length() > 0 && !segment.has(Flags::SYN);
        let limited = !data
            && self
                .last_answer
                .is_some_and(|last| cx.now.time.since(last) < cx.profile.invalid_ratelimit);
        if !limited && !segment.has(Flags::RST) {
            if !data {
                self.last_answer = Some(cx.now.time);
            }
            self.ack_due = true;
        }
        let disposition = if paws { Disposition::Paws } else { Disposition::OutOfWindow };
        Verdict::stay(disposition)
    }

    pub(crate) fn after_read(&mut self, _profile: &Profile) {
        if self
            .receiver
            .as_ref()
            .is_some_and(|receiver| receiver.unread() == 0 && !receiver.is_finished())
        {
            self.receiver = None;
        }
    }
}
