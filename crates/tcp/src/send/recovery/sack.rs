//! Processing selective acknowledgements (RFC 2018, RFC 2883; `tcp_sacktag_write_queue`).

use roundtrip_packet::{SackBlock, SeqNumber};

use crate::context::Context;
use crate::info::CaState;
use crate::send::ack_effects::AckEffects;
use crate::send::scoreboard::Place;
use crate::send::sender::Sender;
use crate::send::sent::Marks;

/// The SACK blocks of one acknowledgement, checked and in order.
struct Blocks {
    sorted: [SackBlock; 4],
    count: usize,
    /// The index of the block that reports a duplicate.
    duplicate: Option<usize>,
}

impl Blocks {
    fn as_slice(&self) -> &[SackBlock] {
        &self.sorted[..self.count]
    }
}

impl Sender {
    /// Processes the SACK blocks of an acknowledgement of `ack`. SND.UNA was `prior_una`.
    pub(in crate::send) fn tag_sacked(
        &mut self,
        blocks: &[SackBlock],
        ack: SeqNumber,
        prior_una: SeqNumber,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        effects.reordered = self.space.nxt();
        let duplicate = self.check_dsack(blocks, ack, prior_una, effects);
        if ack.lt(prior_una - self.space.max_window()) || self.board.is_empty() {
            return;
        }
        let valid = self.valid_blocks(blocks, prior_una, duplicate);
        let known = self.board.known_blocks();
        for (n, block) in valid.as_slice().iter().enumerate() {
            let dup = valid.duplicate == Some(n);
            if dup {
                self.tag_run(*block, true, effects, cx);
            } else {
                self.tag_new(*block, &known, effects, cx);
            }
        }
        self.board.note_blocks(valid.sorted);
        if self.recovery.state != CaState::Loss || self.recovery.undo_marker.is_some() {
            self.check_reordering(effects.reordered, cx);
        }
    }

    /// Whether the first block reports a duplicate: it lies below the acknowledgement, or within
    /// the second block (RFC 2883 §4; `tcp_check_dsack`).
    fn check_dsack(
        &mut self,
        blocks: &[SackBlock],
        ack: SeqNumber,
        prior_una: SeqNumber,
        effects: &mut AckEffects,
    ) -> bool {
        let Some(first) = blocks.first() else { return false };
        let within = |outer: &SackBlock| first.right.le(outer.right) && first.left.ge(outer.left);
        if !first.left.lt(ack) && !blocks.get(1).is_some_and(within) {
            return false;
        }
        let segments = self.dsack_segments(*first, effects);
        if segments == 0 {
            return false;
        }
        if let Some(marker) = self.recovery.undo_marker
            && self.recovery.undo_retrans > 0
            && first.right.le(prior_una)
            && first.right.gt(marker)
        {
            let left = self.recovery.undo_retrans - segments as i32;
            self.recovery.undo_retrans = left.max(0);
        }
        true
    }

    /// The number of segments that a report of duplicates is about; 0 if we cannot have caused it
    /// (`tcp_dsack_seen`).
    fn dsack_segments(&mut self, block: SackBlock, effects: &mut AckEffects) -> u32 {
        if !block.left.lt(block.right) {
            return 0;
        }
        let length = (block.right - block.left) as u32;
        if length > self.space.max_window() {
            return 0;
        }
        let mss = self.size.effective();
        let mut segments = 1;
        if length > mss {
            segments = length.div_ceil(mss);
        } else if self.recovery.tlp_high_seq == Some(block.right) {
            effects.dsack_of_probe = true;
        }
        if !self.counts.note_duplicates(segments) {
            return 0;
        }
        if self.counts.reordering_seen() > 0 && !effects.dsack_of_probe {
            self.rack.note_duplicate();
        }
        effects.dsack = true;
        effects.sack_delivered += segments;
        segments
    }

    /// The valid blocks, in order.
    fn valid_blocks(&self, blocks: &[SackBlock], prior_una: SeqNumber, duplicate: bool) -> Blocks {
        let mut valid = Blocks { sorted: [SackBlock::default(); 4], count: 0, duplicate: None };
        for (n, block) in blocks.iter().take(4).enumerate() {
            let dup = duplicate && n == 0;
            if !self.is_valid(*block, dup) || block.right.le(prior_una) {
                continue;
            }
            let place = valid.as_slice().partition_point(|other| other.left.le(block.left));
            valid.sorted[place..].rotate_right(1);
            valid.sorted[place] = *block;
            valid.count += 1;
            match &mut valid.duplicate {
                Some(at) if place <= *at => *at += 1,
                None if dup => valid.duplicate = Some(place),
                _ => {}
            }
        }
        valid
    }

    /// Whether a block lies between SND.UNA and SND.NXT, or reports duplicates recent enough to
    /// matter (`tcp_is_sackblock_valid`).
    fn is_valid(&self, block: SackBlock, duplicate: bool) -> bool {
        let SackBlock { left, right } = block;
        if right.gt(self.space.nxt()) || !left.lt(right) || !left.lt(self.space.nxt()) {
            return false;
        }
        if left.gt(self.space.una()) {
            return true;
        }
        let (true, Some(marker)) = (duplicate, self.recovery.undo_marker) else { return false };
        if right.gt(self.space.una()) {
            return false;
        }
        left.ge(marker) || (right.gt(marker) && left.ge(right - self.space.max_window()))
    }

    /// Tags the part of a block that was not in the blocks of the last acknowledgement.
    fn tag_new(
        &mut self,
        block: SackBlock,
        known: &[SackBlock; 4],
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        let mut left = block.left;
        for one in known {
            if one.left == one.right || one.right.le(left) || one.left.ge(block.right) {
                continue;
            }
            if left.lt(one.left) {
                self.tag_run(SackBlock { left, right: one.left }, false, effects, cx);
            }
            left = one.right;
        }
        if left.lt(block.right) {
            self.tag_run(SackBlock { left, right: block.right }, false, effects, cx);
        }
    }

    /// Tags the segments that lie wholly within a run (`tcp_sacktag_walk`).
    fn tag_run(
        &mut self,
        run: SackBlock,
        duplicate: bool,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        let mut place = self.board.place_of(run.left);
        while let Some(sent) = self.board.get(place) {
            if sent.seq.ge(run.right) {
                break;
            }
            if sent.seq.ge(run.left) && sent.end().le(run.right) {
                self.tag_one(place, duplicate, effects, cx);
            }
            place = place.wrapping_add(1);
        }
    }

    /// Tags one segment (`tcp_sacktag_one`).
    fn tag_one(
        &mut self,
        place: Place,
        duplicate: bool,
        effects: &mut AckEffects,
        cx: Context<'_>,
    ) {
        let Some(sent) = self.board.get(place).copied() else { return };
        let marks = sent.marks;
        if duplicate && marks.was_retransmitted() {
            if let Some(marker) = self.recovery.undo_marker
                && self.recovery.undo_retrans > 0
                && sent.end().gt(marker)
            {
                self.recovery.undo_retrans -= 1;
            }
            if marks.has(Marks::SACKED) && sent.seq.lt(effects.reordered) {
                effects.reordered = sent.seq;
            }
        }
        if sent.end().le(self.space.una()) {
            return;
        }
        if !marks.has(Marks::SACKED) {
            self.rack.advance(&sent, cx.now.us, self.rtt.min_us());
            if !marks.was_retransmitted() {
                self.note_original(sent.seq, sent.end(), sent.sent_us, effects);
            }
            effects.data_sacked = true;
            effects.sack_delivered += 1;
            effects.sampled(&sent, &mut self.active_state().rate);
            self.board.mark_sacked(place, self.space.una());
        }
        if duplicate {
            self.board.clear_retransmitted(place);
        }
    }

    /// Notes that a segment that was sent only once has arrived out of order: that gives a
    /// round-trip time, and may show reordering or a spurious timeout.
    fn note_original(
        &self,
        seq: SeqNumber,
        end: SeqNumber,
        sent_us: u64,
        effects: &mut AckEffects,
    ) {
        if seq.lt(self.board.highest_sack(self.space.una())) && seq.lt(effects.reordered) {
            effects.reordered = seq;
        }
        if end.le(self.recovery.high_seq) {
            effects.original_delivered = true;
        }
        effects.first_sacked_us.get_or_insert(sent_us);
        effects.last_sacked_us = sent_us;
    }

    /// Measures how far the path reorders when a segment below the highest sacked one is delivered
    /// late (`tcp_check_sack_reordering`).
    pub(in crate::send) fn check_reordering(&mut self, low: SeqNumber, cx: Context<'_>) {
        // Without SACK, data beyond the acknowledgement is not known to have arrived.
        let highest = if self.agreed.sack {
            self.board.highest_sack(self.space.una())
        } else {
            self.space.una()
        };
        if !low.lt(highest) {
            return;
        }
        let mss = self.size.effective();
        let metric = (highest - low) as u32;
        if metric > self.recovery.reordering.saturating_mul(mss) {
            self.recovery.reordering = metric.div_ceil(mss).min(cx.profile.max_reordering);
        }
        self.counts.note_reordering();
    }
}
