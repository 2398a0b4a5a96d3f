//! The scoreboard: the segments in flight and what is believed of each (RFC 6675, in the form of
//! Linux's retransmission queue, `struct tcp_skb_cb`).

use std::collections::VecDeque;

use roundtrip_packet::{SackBlock, SeqNumber};

use super::sent::{Departure, Marks, NIL, Sent};

/// The number of a segment in the scoreboard, which stays the same while segments before it are
/// acknowledged.
pub(crate) type Place = u32;

/// All segments in flight, in sequence order and linked in order of sending, with counts of their
/// marks.
#[derive(Clone, Debug)]
pub(crate) struct Scoreboard {
    segments: VecDeque<Sent>,
    /// The place of the first segment.
    base: Place,
    /// The first and the last segment of the list in order of sending, which leaves out those that
    /// are SACKED, or LOST and not retransmitted (`tsorted_sent_queue`).
    oldest: u32,
    newest: u32,
    /// Segments acknowledged selectively, or by duplicate acknowledgements.
    sacked_out: u32,
    /// Segments believed lost.
    lost_out: u32,
    /// Retransmissions in flight.
    retrans_out: u32,
    /// Segments in flight that are marked `JOINED`.
    joined_out: u32,
    /// Where to look for the next segment to retransmit (`retransmit_skb_hint`).
    hint: Option<Place>,
    /// The end of the highest segment acknowledged selectively; meaningless without one.
    highest_sack: SeqNumber,
    /// The SACK blocks of the last acknowledgement, which need not be processed again; kept while
    /// something is sacked.
    known_blocks: Option<Box<[SackBlock; 4]>>,
}

impl Default for Scoreboard {
    fn default() -> Self {
        Scoreboard {
            segments: VecDeque::new(),
            base: 0,
            oldest: NIL,
            newest: NIL,
            sacked_out: 0,
            lost_out: 0,
            retrans_out: 0,
            joined_out: 0,
            hint: None,
            highest_sack: SeqNumber(0),
            known_blocks: None,
        }
    }
}

impl Scoreboard {
    /// Segments in the scoreboard (`packets_out`).
    #[inline]
    pub(crate) fn out(&self) -> u32 {
        self.segments.len() as u32
    }

    /// Segments believed to be in the network (`tcp_packets_in_flight`).
    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        (self.out() + self.retrans_out).saturating_sub(self.sacked_out + self.lost_out)
    }

    /// Segments acknowledged selectively, or by duplicate acknowledgements.
    #[inline]
    pub(crate) fn sacked_out(&self) -> u32 {
        self.sacked_out
    }

    /// Segments believed lost.
    #[inline]
    pub(crate) fn lost_out(&self) -> u32 {
        self.lost_out
    }

    /// Retransmissions in flight.
    #[inline]
    pub(crate) fn retrans_out(&self) -> u32 {
        self.retrans_out
    }

    /// Where to look for the next segment to retransmit (`retransmit_skb_hint`).
    pub(crate) fn hint(&self) -> Option<Place> {
        self.hint
    }

    pub(crate) fn set_hint(&mut self, hint: Option<Place>) {
        self.hint = hint;
    }

    /// The SACK blocks of the last acknowledgement, while something is sacked.
    pub(crate) fn known_blocks(&self) -> [SackBlock; 4] {
        match (&self.known_blocks, self.sacked_out) {
            (Some(known), 1..) => **known,
            _ => [SackBlock::default(); 4],
        }
    }

    pub(crate) fn note_blocks(&mut self, blocks: [SackBlock; 4]) {
        match &mut self.known_blocks {
            Some(known) => **known = blocks,
            None => self.known_blocks = Some(Box::new(blocks)),
        }
    }

    /// The number of buffers in which the segments in flight were sent.
    pub(crate) fn buffers(&self) -> u32 {
        self.out() - self.joined_out
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<&Sent> {
        self.segments.front()
    }

    #[inline]
    pub(crate) fn first_place(&self) -> Place {
        self.base
    }

    pub(crate) fn last_place(&self) -> Option<Place> {
        let length = self.segments.len();
        (length > 0).then(|| self.base.wrapping_add(length as u32 - 1))
    }

    #[inline]
    fn index(&self, place: Place) -> usize {
        place.wrapping_sub(self.base) as usize
    }

    #[inline]
    pub(crate) fn get(&self, place: Place) -> Option<&Sent> {
        self.segments.get(self.index(place))
    }

    #[inline]
    fn get_mut(&mut self, place: Place) -> Option<&mut Sent> {
        let index = self.index(place);
        self.segments.get_mut(index)
    }

    /// The end of the highest segment acknowledged selectively (`tcp_highest_sack_seq`).
    #[inline]
    pub(crate) fn highest_sack(&self, una: SeqNumber) -> SeqNumber {
        if self.sacked_out == 0 { una } else { self.highest_sack.max(una) }
    }

    /// Notes `end` as the highest sacked sequence number, if it is.
    #[inline]
    fn raise_highest_sack(&mut self, end: SeqNumber, una: SeqNumber) {
        self.highest_sack = self.highest_sack(una).max(end);
    }

    /// The place of the first segment that ends after `seq`.
    pub(crate) fn place_of(&self, seq: SeqNumber) -> Place {
        let index = self.segments.partition_point(|sent| sent.end().le(seq));
        self.base.wrapping_add(index as u32)
    }

    /// Adds a segment that was just sent.
    #[inline]
    pub(crate) fn push(&mut self, sent: Sent) {
        let place = self.base.wrapping_add(self.segments.len() as u32);
        self.joined_out += u32::from(sent.marks.has(Marks::JOINED));
        self.segments.push_back(sent);
        self.link(place);
    }

    /// Removes the first segment, which has been acknowledged, from the list and all counts.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Sent> {
        let place = self.base;
        self.unlink(place);
        let sent = self.segments.pop_front()?;
        self.base = place.wrapping_add(1);
        if self.hint == Some(place) {
            self.hint = None;
        }
        self.sacked_out -= u32::from(sent.marks.has(Marks::SACKED)).min(self.sacked_out);
        self.retrans_out -= u32::from(sent.marks.has(Marks::RETRANS));
        self.lost_out -= u32::from(sent.marks.has(Marks::LOST));
        self.joined_out -= u32::from(sent.marks.has(Marks::JOINED));
        Some(sent)
    }

    /// Frees the memory that a burst took, once nothing is in flight.
    pub(crate) fn shrink(&mut self) {
        self.known_blocks = None;
        if self.segments.is_empty() && self.segments.capacity() > 0 {
            self.segments = VecDeque::new();
        }
    }

    /// Marks a segment lost (`tcp_mark_skb_lost`). Gives the number of segments newly lost: a
    /// retransmission that is lost again counts again.
    pub(crate) fn mark_lost(&mut self, place: Place) -> u32 {
        let Some(sent) = self.get(place).copied() else { return 0 };
        if sent.marks.has(Marks::SACKED) {
            return 0;
        }
        self.verify_hint(place, &sent);
        let marks = if !sent.marks.has(Marks::LOST) {
            self.lost_out += 1;
            sent.marks.with(Marks::LOST)
        } else if sent.marks.has(Marks::RETRANS) {
            self.retrans_out -= 1;
            sent.marks.without(Marks::RETRANS)
        } else {
            return 0;
        };
        self.set_marks(place, marks);
        1
    }

    /// Makes a newly lost segment the next to retransmit if it is the lowest
    /// (`tcp_verify_retransmit_hint`).
    fn verify_hint(&mut self, place: Place, sent: &Sent) {
        let earlier = match self.hint.and_then(|hint| self.get(hint)) {
            None => self.retrans_out >= self.lost_out,
            Some(hint) => sent.seq.lt(hint.seq),
        };
        if earlier {
            self.hint = Some(place);
        }
    }

    /// Marks a segment as acknowledged selectively: it has arrived, and a retransmission that was
    /// believed to be needed is not counted any more (`tcp_sacktag_one`).
    pub(crate) fn mark_sacked(&mut self, place: Place, una: SeqNumber) {
        let Some(sent) = self.get(place).copied() else { return };
        let mut marks = sent.marks;
        let was_lost = marks.has(Marks::LOST);
        self.lost_out -= u32::from(was_lost);
        // Without LOST the retransmission still counts as in flight.
        if was_lost && marks.has(Marks::RETRANS) {
            marks = marks.without(Marks::RETRANS);
            self.retrans_out -= 1;
        }
        self.raise_highest_sack(sent.end(), una);
        self.sacked_out += 1;
        self.unlink(place);
        self.set_marks(place, marks.without(Marks::LOST).with(Marks::SACKED));
    }

    /// Takes a retransmission off the count that has arrived too: the peer reports it as a
    /// duplicate.
    pub(crate) fn clear_retransmitted(&mut self, place: Place) {
        if let Some(sent) = self.get_mut(place)
            && sent.marks.has(Marks::RETRANS)
        {
            sent.marks = sent.marks.without(Marks::RETRANS);
            self.retrans_out -= 1;
        }
    }

    /// Removes the LOST mark of all segments.
    pub(crate) fn forget_lost(&mut self) {
        self.clear_marks(Marks::LOST);
        self.lost_out = 0;
        self.hint = None;
    }

    /// Removes the SACKED mark of all segments, since the peer dropped what it had acknowledged
    /// selectively.
    pub(crate) fn forget_sacked(&mut self) {
        self.clear_marks(Marks::SACKED);
        self.sacked_out = 0;
    }

    // ---- duplicate acknowledgements in place of SACK ----

    /// Counts duplicate acknowledgements, each for a segment that has arrived.
    pub(crate) fn count_duplicates(&mut self, count: u32) {
        self.sacked_out += count;
    }

    /// Takes `count` duplicates off the count.
    pub(crate) fn discount_duplicates(&mut self, count: u32) {
        self.sacked_out = self.sacked_out.saturating_sub(count);
    }

    /// Resets the count of duplicates.
    pub(crate) fn forget_duplicates(&mut self) {
        self.sacked_out = 0;
    }

    /// Limits the duplicates to the number of segments less those that are missing
    /// (`tcp_limit_reno_sacked`). Answers whether there were more.
    pub(crate) fn limit_duplicates(&mut self) -> bool {
        let out = self.out();
        let holes = self.lost_out.max(1).min(out);
        let exceeds = self.sacked_out + holes > out;
        if exceeds {
            self.sacked_out = out - holes;
        }
        exceeds
    }

    /// Marks a segment as retransmitted.
    pub(crate) fn mark_retransmitted(&mut self, place: Place, now: Departure) {
        let Some(sent) = self.get_mut(place) else { return };
        now.note(sent);
        let again = sent.marks.has(Marks::RETRANS);
        sent.marks = sent.marks.with(Marks::RETRANS).with(Marks::EVER_RETRANS);
        self.retrans_out += u32::from(!again);
        self.unlink(place);
        self.link(place);
    }

    /// Marks a segment as sent again for a probe: a retransmission that is not counted as one
    /// (`tcp_send_loss_probe`).
    pub(crate) fn mark_probed(&mut self, place: Place, now: Departure) {
        let Some(sent) = self.get_mut(place) else { return };
        now.note(sent);
        sent.marks = sent.marks.with(Marks::EVER_RETRANS);
        self.unlink(place);
        self.link(place);
    }

    /// Adds `marks` to the segment sent last.
    pub(crate) fn mark_last(&mut self, marks: Marks) {
        if let Some(sent) = self.segments.back_mut() {
            sent.marks = sent.marks.with(marks);
        }
    }

    #[inline]
    fn set_marks(&mut self, place: Place, marks: Marks) {
        if let Some(sent) = self.get_mut(place) {
            sent.marks = marks;
        }
    }

    /// Removes the marks `which` from all segments.
    fn clear_marks(&mut self, which: Marks) {
        for sent in &mut self.segments {
            sent.marks = sent.marks.without(which);
        }
    }

    /// All places, in order.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let base = self.base;
        (0..self.segments.len() as u32).map(move |n| base.wrapping_add(n))
    }

    /// Cuts a segment in two, the first with `len` bytes, which still belong together. FIN and PSH
    /// stay with the second; marks and times are those of the whole.
    pub(crate) fn split(&mut self, place: Place, len: u32) {
        let Some(sent) = self.get_mut(place) else { return };
        if len == 0 || len >= sent.len {
            return;
        }
        let mut rest = *sent;
        sent.len = len;
        sent.fin = false;
        // As in `tcp_fragment`, PSH and the end of a record stay with the second part.
        sent.marks = sent.marks.without(Marks::PUSH).without(Marks::RECORD);
        rest.marks = rest.marks.with(Marks::JOINED);
        rest.seq += len;
        rest.len -= len;
        let marks = rest.marks;
        let linked = self.is_linked(place);
        self.shift_places(place, 1);
        let index = self.index(place) + 1;
        self.segments.insert(index, rest);
        let after = place.wrapping_add(1);
        if linked {
            self.link_after(place, after);
        } else {
            self.detach(after);
        }
        self.sacked_out += u32::from(marks.has(Marks::SACKED));
        self.retrans_out += u32::from(marks.has(Marks::RETRANS));
        self.lost_out += u32::from(marks.has(Marks::LOST));
        self.joined_out += 1;
    }

    /// Joins the segment after `place` to the one at `place` (`tcp_collapse_retrans`).
    pub(crate) fn join_next(&mut self, place: Place) {
        let after = place.wrapping_add(1);
        let Some(next) = self.get(after).copied() else { return };
        self.unlink(after);
        let index = self.index(after);
        self.segments.remove(index);
        self.shift_places(place, u32::MAX);
        self.sacked_out -= u32::from(next.marks.has(Marks::SACKED));
        self.retrans_out -= u32::from(next.marks.has(Marks::RETRANS));
        self.lost_out -= u32::from(next.marks.has(Marks::LOST));
        self.joined_out -= u32::from(next.marks.has(Marks::JOINED));
        if let Some(sent) = self.get_mut(place) {
            sent.len += next.len;
            sent.fin |= next.fin;
            for mark in [Marks::EVER_RETRANS, Marks::PUSH, Marks::RECORD] {
                if next.marks.has(mark) {
                    sent.marks = sent.marks.with(mark);
                }
            }
        }
    }

    /// Separates `count` segments from `place` on from the buffers they were sent in
    /// (`tcp_fragment`).
    pub(crate) fn cut_out(&mut self, place: Place, count: u32) {
        for first in [place, place.wrapping_add(count)] {
            if let Some(sent) = self.get_mut(first)
                && sent.marks.has(Marks::JOINED)
            {
                sent.marks = sent.marks.without(Marks::JOINED);
                self.joined_out -= 1;
            }
        }
    }

    /// Trims acknowledged data off the first segment (`tcp_trim_head`), down to FIN alone.
    pub(crate) fn trim_first(&mut self, una: SeqNumber) {
        if let Some(sent) = self.segments.front_mut()
            && una.gt(sent.seq)
            && una.lt(sent.end())
        {
            sent.len -= (una - sent.seq) as u32;
            sent.seq = una;
        }
    }

    /// The oldest transmission that may still arrive; [`newer`](Self::newer) leads on from there.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<Place> {
        (self.oldest != NIL).then_some(self.oldest)
    }

    /// The transmission after the one at `place`, in order of sending.
    #[inline]
    pub(crate) fn newer(&self, place: Place) -> Option<Place> {
        self.get(place).map(|sent| sent.newer).filter(|&newer| newer != NIL)
    }

    fn is_linked(&self, place: Place) -> bool {
        self.oldest == place || self.get(place).is_some_and(|sent| sent.older != NIL)
    }

    /// Adds a segment to the end of the list in order of sending.
    fn link(&mut self, place: Place) {
        let newest = self.newest;
        if let Some(sent) = self.get_mut(place) {
            sent.older = newest;
            sent.newer = NIL;
        }
        match self.get_mut(newest) {
            Some(last) if newest != NIL => last.newer = place,
            _ => self.oldest = place,
        }
        self.newest = place;
    }

    fn link_after(&mut self, place: Place, new: Place) {
        let newer = self.get(place).map_or(NIL, |sent| sent.newer);
        if let Some(sent) = self.get_mut(new) {
            sent.older = place;
            sent.newer = newer;
        }
        if let Some(sent) = self.get_mut(place) {
            sent.newer = new;
        }
        match self.get_mut(newer) {
            Some(next) if newer != NIL => next.older = new,
            _ => self.newest = new,
        }
    }

    /// Removes a segment from the list in order of sending.
    pub(crate) fn unlink(&mut self, place: Place) {
        if !self.is_linked(place) {
            return;
        }
        let Some((older, newer)) = self.get(place).map(|sent| (sent.older, sent.newer)) else {
            return;
        };
        match self.get_mut(older) {
            Some(before) if older != NIL => before.newer = newer,
            _ => self.oldest = newer,
        }
        match self.get_mut(newer) {
            Some(after) if newer != NIL => after.older = older,
            _ => self.newest = older,
        }
        self.detach(place);
    }

    fn detach(&mut self, place: Place) {
        if let Some(sent) = self.get_mut(place) {
            sent.older = NIL;
            sent.newer = NIL;
        }
    }

    /// Renumbers all references to places after `after`, before a segment is inserted there or
    /// after one was removed. Only changes of the segment size need this.
    fn shift_places(&mut self, after: Place, by: u32) {
        let base = self.base;
        let boundary = after.wrapping_sub(base);
        let shift = |place: &mut u32| {
            if *place != NIL && place.wrapping_sub(base) > boundary {
                *place = place.wrapping_add(by);
            }
        };
        for sent in &mut self.segments {
            shift(&mut sent.older);
            shift(&mut sent.newer);
        }
        shift(&mut self.oldest);
        shift(&mut self.newest);
        if let Some(hint) = &mut self.hint {
            shift(hint);
        }
    }

    /// Checks that the counts match the marks, that segments follow each other without a gap, and
    /// that the list in order of sending is sound. A long board is checked only now and then, since
    /// checking each segment at each segment would be quadratic.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn assert_invariants(&self, reno: bool) {
        if self.out() > 64 && !self.out().is_multiple_of(61) {
            return;
        }
        let count = |mark| self.segments.iter().filter(|sent| sent.marks.has(mark)).count() as u32;
        if !reno {
            assert_eq!(count(Marks::SACKED), self.sacked_out, "sacked_out");
        }
        assert_eq!(count(Marks::LOST), self.lost_out, "lost_out");
        assert_eq!(count(Marks::RETRANS), self.retrans_out, "retrans_out");
        assert!(self.sacked_out + self.lost_out <= self.out(), "left_out <= packets_out");
        for (a, b) in self.segments.iter().zip(self.segments.iter().skip(1)) {
            assert_eq!(a.end(), b.seq, "a gap between segments");
        }
        let mut place = self.oldest();
        let mut linked = 0;
        let mut last = 0;
        while let Some(at) = place {
            let sent = self.get(at).expect("the list points to a segment");
            assert!(sent.sent_us >= last, "the list is in order of sending");
            last = sent.sent_us;
            linked += 1;
            assert!(linked <= self.out(), "the list ends");
            place = self.newer(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sent::Moments;
    use super::*;

    fn board(count: u32) -> Scoreboard {
        let mut board = Scoreboard::default();
        for n in 0..count {
            board.push(Sent::new(SeqNumber(n * 100), 100, false, u64::from(n), 0));
        }
        board
    }

    fn order(board: &Scoreboard) -> Vec<u32> {
        let mut places = Vec::new();
        let mut next = board.oldest();
        while let Some(place) = next {
            places.push(place);
            next = board.newer(place);
        }
        places
    }

    #[test]
    fn retransmissions_move_to_the_end_of_the_order_of_sending() {
        let mut board = board(4);
        assert_eq!(board.mark_lost(1), 1);
        let now = Departure { sent_us: 10, delivered: 0, rate: Moments::default() };
        board.mark_retransmitted(1, now);
        assert_eq!(order(&board), [0, 2, 3, 1]);
        assert_eq!((board.lost_out, board.retrans_out, board.in_flight()), (1, 1, 4));
        assert_eq!(board.mark_lost(1), 1, "lost again");
        assert_eq!((board.lost_out, board.retrans_out, board.in_flight()), (1, 0, 3));
        assert_eq!(board.mark_lost(1), 0, "known already");
        board.assert_invariants(false);
    }

    #[test]
    fn places_outlive_acknowledgements() {
        let mut board = board(4);
        board.pop();
        board.pop();
        assert_eq!(board.get(2).map(|sent| sent.seq), Some(SeqNumber(200)));
        assert_eq!(board.place_of(SeqNumber(250)), 2);
        assert_eq!(board.place_of(SeqNumber(300)), 3);
        assert_eq!(order(&board), [2, 3]);
        board.assert_invariants(false);
    }

    #[test]
    fn splitting_and_joining_keep_order_and_counts() {
        let mut board = board(3);
        board.mark_lost(1);
        board.split(1, 40);
        assert_eq!((board.out(), board.lost_out), (4, 2));
        assert_eq!(order(&board), [0, 1, 2, 3]);
        board.assert_invariants(false);
        board.join_next(1);
        assert_eq!((board.out(), board.lost_out), (3, 1));
        assert_eq!(board.get(1).map(|sent| sent.len), Some(100));
        assert_eq!(order(&board), [0, 1, 2]);
        board.assert_invariants(false);
    }

    /// Data and FIN were joined into one segment when retransmitted, and an acknowledgement of the
    /// original covers only the data.
    #[test]
    fn of_a_joined_segment_fin_alone_may_be_left() {
        let mut board = Scoreboard::default();
        board.push(Sent::new(SeqNumber(100), 50, true, 0, 0));
        board.trim_first(SeqNumber(150));
        let first = *board.first().unwrap();
        assert_eq!((first.seq, first.len, first.fin), (SeqNumber(150), 0, true));
        board.trim_first(SeqNumber(151));
        assert_eq!(board.first().map(|sent| sent.seq), Some(SeqNumber(150)), "that is for another");
    }

    #[test]
    fn what_was_taken_out_of_the_order_stays_out_when_split() {
        let mut board = board(3);
        board.unlink(1);
        board.split(1, 40);
        assert_eq!(order(&board), [0, 3]);
        board.assert_invariants(false);
    }
}
