//! Writing: what the application writes, and how much room it has (`tcp_sendmsg_locked`).

use bytes::Bytes;

use crate::context::Context;
use crate::options::Writing;
use crate::profile::Profile;
use crate::supply::Supply;

use super::chronograph::SendLimit;
use super::memory::{BUFFER_OVERHEAD, SEGMENT_CONTROL, SEGMENT_HEAD};
use super::mtu::Attempt;
use super::output::{Push, SmallSegments};
use super::queue::AppendTo;
use super::sender::Sender;

/// The room for headers in a buffer, bytes (`MAX_TCP_HEADER`).
const MAX_HEADER: u32 = 320;

/// The context of a write, and the length of the SACK option of a segment now.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) sack_bytes: u32,
    pub(crate) cx: Context<'a>,
}

impl Sender {
    /// Queues a copy of as many bytes as there is room for; answers how many.
    pub(crate) fn write(&mut self, bytes: &[u8], how: Writing, at: Writer<'_>) -> usize {
        let taken = self.queue_up(bytes.len(), how, at);
        self.written.append_copy(&bytes[..taken]);
        taken
    }

    /// Like [`write`](Self::write), but large buffers are not copied.
    pub(crate) fn write_bytes(&mut self, mut bytes: Bytes, at: Writer<'_>) -> usize {
        let taken = self.queue_up(bytes.len(), Writing::Whole, at);
        bytes.truncate(taken);
        self.written.append(bytes);
        taken
    }

    /// Cuts written data into buffers, as long as there is room for another. Each full one may be
    /// sent at once, before the write is over (`tcp_sendmsg_locked`).
    fn queue_up(&mut self, asked: usize, how: Writing, at: Writer<'_>) -> usize {
        let asked = asked.min(1 << 30) as u32;
        let goal = self.size_goal(at);
        self.note_shortage();
        if asked > 0 && !self.has_unsent() {
            self.active_state().chronograph.start(SendLimit::Busy, at.cx.now.ticks);
        }
        let mut taken = 0;
        while taken < asked {
            let (room, place) = match self.written.queue.room(self.space.nxt(), goal) {
                0 if !self.has_room(at.cx.profile) => break,
                0 => (goal, AppendTo::NewBuffer),
                room => (room, AppendTo::LastBuffer),
            };
            let added = room
                .min(asked - taken)
                .min(self.memory.left_of_host(self.memory_used(), at.cx.profile));
            if added == 0 {
                break;
            }
            let end = self.written.end();
            self.written.queue.add(end, added, place, taken == 0);
            self.written.extend_by(added);
            taken += added;
            self.nagle.hold();
            if added == room && taken < asked {
                self.push_full(at);
            }
        }
        if taken < asked {
            self.memory.note_full();
        }
        if taken > 0 {
            self.agenda.push(true);
            let more = how == Writing::More && taken == asked;
            self.nagle.set_more(more);
            if !more || self.must_push() {
                self.written.queue.mark_push();
            }
            if how == Writing::Record && taken == asked {
                self.written.queue.end_record();
            }
        }
        taken as usize
    }

    /// Whether too much was written since the last PSH.
    fn must_push(&self) -> bool {
        self.written.queue.must_push(self.written.end(), self.space.max_window())
    }

    /// Sends a buffer that was filled, if it is the first, or if too much was written without PSH.
    fn push_full(&mut self, at: Writer<'_>) {
        if self.must_push() {
            self.written.queue.mark_push();
            match self.first_probe(at.sack_bytes, at.cx) {
                Attempt::Sent(burst) => self.active_state().ready.push_back(burst),
                Attempt::Wait => return,
                Attempt::None => {}
            }
            while self.push_written(Push::Pending, at) {}
        } else if self.written.queue.head().is_some_and(|(_, is_last)| is_last) {
            self.push_written(Push::Full, at);
        }
    }

    /// Sends a burst while the application still writes (`tcp_push_one`). Answers whether there was
    /// one.
    fn push_written(&mut self, push: Push, at: Writer<'_>) -> bool {
        let burst = self.new_segments(SmallSegments::SendNow, push, at.sack_bytes, at.cx);
        let Some(burst) = burst else { return false };
        self.active_state().ready.push_back(burst);
        true
    }

    /// The size of a buffer: as many full segments as are sent together at most, bytes
    /// (`tcp_xmit_size_goal`).
    fn size_goal(&self, at: Writer<'_>) -> u32 {
        let mss = self.size.current(at.sack_bytes);
        let most = self.space.half_window(at.cx.profile.gso_max_size.saturating_sub(MAX_HEADER));
        (most / mss).clamp(1, u32::from(u16::MAX)) * mss
    }

    /// Whether there is room for another buffer (`tcp_stream_memory_free`): any room is enough.
    fn has_room(&self, profile: &Profile) -> bool {
        self.memory_used() < self.memory.limit(profile) && self.unsent() < self.notsent_low_water()
    }

    /// The memory the send buffer takes up, bytes as Linux counts them (`sk_wmem_queued`).
    pub(crate) fn memory_used(&self) -> u32 {
        ((self.written.end() - self.space.una()).max(0) as u32)
            .saturating_add((self.board.buffers() + self.written.queue.buffers()) * BUFFER_OVERHEAD)
    }

    /// Whether to tell an application that found the buffer full that at least a third of it is
    /// free again (`sk_stream_is_writeable`).
    pub(crate) fn take_writable(&mut self, cx: Context<'_>) -> bool {
        if !self.memory.was_full() {
            return false;
        }
        // Linux asks after it has sent what the window permits (`tcp_data_snd_check` comes before
        // `tcp_check_space`); here what is buffered may not have been sent yet.
        let buffered = self.unsent().div_ceil(self.size.effective().max(1));
        let will_be_in_flight = self.board.in_flight().saturating_add(buffered);
        if !self.memory.is_fixed() && will_be_in_flight < self.window.cwnd() {
            self.expand_memory(cx);
        }
        let writable = self.is_writable(cx.profile);
        if writable {
            self.memory.note_room();
            self.stop_waiting(SendLimit::Buffer, cx);
        }
        writable
    }

    /// Fixes the size of the send buffer (`SO_SNDBUF`).
    pub(crate) fn set_memory(&mut self, bytes: u32) {
        self.memory.fix(bytes);
    }

    /// Whether a third of the buffer is free (`sk_stream_is_writeable`), and less than half of the
    /// low-water mark waits to be sent.
    pub(crate) fn is_writable(&self, profile: &Profile) -> bool {
        let used = self.memory_used();
        let memory = self.memory.limit(profile);
        used < memory
            && memory - used >= used / 2
            && self.unsent().saturating_mul(2) < self.notsent_low_water()
    }

    fn notsent_low_water(&self) -> u32 {
        let own =
            self.active_state.as_ref().and_then(|active_state| active_state.notsent_low_water);
        own.unwrap_or(u32::MAX)
    }

    pub(crate) fn set_notsent_low_water(&mut self, bytes: u32) {
        if bytes < u32::MAX || self.active_state.is_some() {
            self.active_state().notsent_low_water = Some(bytes);
        }
    }

    /// Notes how much memory the host has left.
    pub(crate) fn set_supply(&mut self, supply: Supply) {
        self.memory.set_supply(supply);
    }

    /// Lets the buffer grow to twice the congestion window (`tcp_sndbuf_expand`).
    pub(super) fn expand_memory(&mut self, cx: Context<'_>) {
        if !self.memory.may_grow() {
            return;
        }
        let head = self.size.clamp().max(self.size.effective()) + SEGMENT_HEAD;
        let per_segment = head.next_power_of_two() + SEGMENT_CONTROL;
        let segments =
            self.window.cwnd().max(cx.profile.initial_window).max(self.recovery.reordering() + 1);
        // Twice the window, and three times where its rate may be doubled in a round trip (`sndbuf_expand`).
        let windows = if self.control.is_by_rate() { 3 } else { 2 };
        let wanted = u64::from(segments) * windows * u64::from(per_segment);
        self.memory.grow_to(wanted, cx.profile);
    }

    /// Sends FIN after what is buffered.
    pub(crate) fn finish(&mut self) {
        self.written.finish();
        self.nagle.set_more(false);
        self.agenda.push(true);
    }

    /// Whether our FIN was acknowledged, and all before it.
    pub(crate) fn is_finished(&self) -> bool {
        self.written.is_finished() && self.space.una() == self.written.end() + 1
    }

    /// Switches Nagle's algorithm off or on (`TCP_NODELAY`).
    pub(crate) fn set_nodelay(&mut self, nodelay: bool) {
        self.nagle.set_nodelay(nodelay);
        self.agenda.push(nodelay);
    }

    /// Holds back segments that are not full, or releases them (`TCP_CORK`).
    pub(crate) fn set_cork(&mut self, cork: bool) {
        self.nagle.set_cork(cork);
        self.agenda.push(!cork);
    }

    /// Notes that the application has left room in the window until now
    /// (`tcp_rate_check_app_limited`).
    fn note_shortage(&mut self) {
        let in_flight = self.board.in_flight();
        if self.unsent() < self.size.effective()
            && in_flight < self.window.cwnd()
            && self.board.lost_out() <= self.board.retrans_out()
        {
            let delivered = self.counts.delivered();
            self.active_state().rate.on_shortage(delivered, in_flight);
        }
    }
}
