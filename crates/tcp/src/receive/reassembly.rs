//! Data that has arrived out of order, and the SACK blocks that report it (RFC 2018, RFC 2883).

use roundtrip_packet::{SackBlock, SackBlocks, SeqNumber};

/// The most runs that are held, so that a peer cannot make us search a longer list.
const MOST_RUNS: usize = 1024;

/// The result of inserting a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// The number of sequence numbers that are new.
    pub(crate) new: u32,
    /// Whether a withheld acknowledgement must be sent first, because one has no room for more
    /// blocks (`tcp_sack_compress_send_ack`): it has the blocks as they were before this run. The
    /// kernel then owes none for this run.
    pub(crate) report_first: bool,
}

/// The number of blocks an acknowledgement is expected to have besides the newest
/// (`TCP_SACK_BLOCKS_EXPECTED`).
const BLOCKS_EXPECTED: usize = 2;

/// The runs of bytes beyond RCV.NXT, and the blocks to report. Without any it takes no memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reassembly(Option<Box<Runs>>);

impl Reassembly {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|runs| runs.list.is_empty())
    }

    /// The first sequence number of the lowest run.
    #[inline]
    pub(crate) fn lowest(&self) -> Option<SeqNumber> {
        self.0.as_ref()?.list.first().map(|run| run.left)
    }

    /// The sequence number after the highest run.
    #[inline]
    pub(crate) fn highest(&self) -> Option<SeqNumber> {
        self.0.as_ref()?.list.last().map(|run| run.right)
    }

    /// The number of bytes held.
    pub(crate) fn bytes(&self) -> u32 {
        let runs = self.0.iter().flat_map(|runs| &runs.list);
        runs.map(|run| (run.right - run.left) as u32).sum()
    }

    /// Inserts a run that has arrived; `None` if there are too many already. What of it was held
    /// before is noted as a duplicate. `withheld` says whether acknowledgements of earlier data
    /// have been withheld.
    pub(crate) fn insert(
        &mut self,
        left: SeqNumber,
        right: SeqNumber,
        withheld: bool,
    ) -> Option<Inserted> {
        self.0.get_or_insert_default().insert(left, right, withheld)
    }

    /// Removes the runs that RCV.NXT has reached and answers its new value. What of them had
    /// arrived again is noted as a duplicate (`tcp_ofo_queue`).
    pub(crate) fn advance(&mut self, next: SeqNumber) -> SeqNumber {
        let next = self.0.as_mut().map_or(next, |runs| runs.advance(next));
        self.tidy();
        next
    }

    /// Notes a duplicate to report with the next acknowledgement (`tcp_dsack_set`).
    pub(crate) fn set_duplicate(&mut self, left: SeqNumber, right: SeqNumber) {
        self.0.get_or_insert_default().duplicate = Some(SackBlock { left, right });
    }

    /// Forgets the duplicate, before a segment is processed: only what that segment repeats is
    /// reported.
    #[inline]
    pub(crate) fn clear_duplicate(&mut self) {
        if let Some(runs) = &mut self.0 {
            runs.duplicate = None;
        }
        self.tidy();
    }

    /// Drops everything, since FIN has been reached (`tcp_sack_reset`).
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    /// The number of blocks to report.
    #[inline]
    pub(crate) fn blocks(&self) -> u32 {
        self.0
            .as_ref()
            .map_or(0, |runs| u32::from(runs.count) + u32::from(runs.duplicate.is_some()))
    }

    /// The end of the highest block reported, where a reset is believed too (RFC 5961 §3.2 with
    /// SACK).
    pub(crate) fn highest_reported(&self) -> Option<SeqNumber> {
        let runs = self.0.as_ref()?;
        let blocks = &runs.recent[..usize::from(runs.count)];
        blocks.iter().map(|block| block.right).reduce(SeqNumber::max)
    }

    /// Takes the blocks for the next segment, at most `most`, the duplicate first.
    pub(crate) fn take_blocks(&mut self, most: usize) -> SackBlocks {
        let Some(runs) = &mut self.0 else { return SackBlocks::NONE };
        let duplicate = runs.duplicate.take();
        let (recent, count) = runs.before.take().unwrap_or((runs.recent, runs.count));
        let blocks = recent.into_iter().take(usize::from(count));
        let taken = duplicate.into_iter().chain(blocks).take(most).collect();
        self.tidy();
        taken
    }

    fn tidy(&mut self) {
        if self.0.as_ref().is_some_and(|runs| runs.list.is_empty() && runs.duplicate.is_none()) {
            self.0 = None;
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Runs {
    /// The runs, in order and disjoint.
    list: Vec<SackBlock>,
    /// The blocks to report, newest first (RFC 2018 §4).
    recent: [SackBlock; 4],
    count: u8,
    /// The blocks and their count before the last run came, for an acknowledgement that is sent
    /// first.
    before: Option<([SackBlock; 4], u8)>,
    /// A duplicate to report once (D-SACK).
    duplicate: Option<SackBlock>,
}

impl Runs {
    /// Inserts a run, as described at [`Reassembly::insert`].
    fn insert(&mut self, left: SeqNumber, right: SeqNumber, withheld: bool) -> Option<Inserted> {
        let first = self.list.partition_point(|run| run.right.lt(left));
        let last = self.list.partition_point(|run| run.left.le(right));
        if first == last && self.list.len() >= MOST_RUNS {
            return None;
        }
        let mut new = right - left;
        let mut merged = SackBlock { left, right };
        for run in &self.list[first..last] {
            let (from, to) = (run.left.max(left), run.right.min(right));
            if from.lt(to) {
                new -= to - from;
                extend_duplicate(&mut self.duplicate, from, to);
            }
        }
        if let (Some(a), Some(b)) =
            (self.list.get(first), last.checked_sub(1).map(|n| self.list[n]))
            && first < last
        {
            merged = SackBlock { left: a.left.min(left), right: b.right.max(right) };
        }
        self.list.splice(first..last, [merged]);
        self.before = if withheld { self.blocks_before(merged) } else { None };
        self.report(merged);
        Some(Inserted { new: new.max(0) as u32, report_first: self.before.is_some() })
    }

    /// The blocks for an acknowledgement that must be sent before `block` is reported; `None` if
    /// `block` is one of those it is expected to have. A block that `block` extends is extended
    /// already.
    fn blocks_before(&self, block: SackBlock) -> Option<([SackBlock; 4], u8)> {
        let mut blocks = self.recent;
        let place = blocks[..usize::from(self.count)].iter().position(|other| touch(*other, block));
        if let Some(place) = place {
            blocks[place] = block;
        }
        let place = place.unwrap_or(usize::from(self.count));
        (place >= BLOCKS_EXPECTED).then_some((blocks, self.count))
    }

    /// Removes the runs that `next` has reached and answers the new RCV.NXT. What of them had
    /// arrived again is noted as a duplicate (`tcp_ofo_queue`).
    fn advance(&mut self, next: SeqNumber) -> SeqNumber {
        let mut next = next;
        let reached = self.list.iter().take_while(|run| run.left.le(next)).count();
        for run in self.list.drain(..reached) {
            if run.left.lt(next) {
                extend_duplicate(&mut self.duplicate, run.left, run.right.min(next));
            }
            next = next.max(run.right);
        }
        if self.list.is_empty() {
            self.count = 0;
        } else {
            self.forget_below(next);
        }
        next
    }

    /// Puts a block first and removes those it touches (`tcp_sack_new_ofo_skb`).
    fn report(&mut self, block: SackBlock) {
        let mut kept = [block; 4];
        let mut count = 1;
        for other in &self.recent[..usize::from(self.count)] {
            if !touch(*other, block) && count < 4 {
                kept[count] = *other;
                count += 1;
            }
        }
        self.recent = kept;
        self.count = count as u8;
    }

    /// Forgets the blocks that RCV.NXT has reached (`tcp_sack_remove`).
    fn forget_below(&mut self, next: SeqNumber) {
        let mut count = 0;
        for n in 0..usize::from(self.count) {
            if self.recent[n].left.gt(next) {
                self.recent[count] = self.recent[n];
                count += 1;
            }
        }
        self.count = count as u8;
    }
}

fn touch(one: SackBlock, other: SackBlock) -> bool {
    one.left.le(other.right) && other.left.le(one.right)
}

fn extend_duplicate(duplicate: &mut Option<SackBlock>, left: SeqNumber, right: SeqNumber) {
    match duplicate {
        Some(block) if left.le(block.right) && block.left.le(right) => {
            *block = SackBlock { left: block.left.min(left), right: block.right.max(right) };
        }
        Some(_) => {}
        None => *duplicate = Some(SackBlock { left, right }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(n: u32) -> SeqNumber {
        SeqNumber(n)
    }

    fn blocks(reassembly: &mut Reassembly) -> Vec<(u32, u32)> {
        reassembly.take_blocks(4).as_slice().iter().map(|b| (b.left.0, b.right.0)).collect()
    }

    #[test]
    fn the_newest_run_is_reported_first_and_neighbours_join() {
        let mut runs = Reassembly::default();
        runs.insert(seq(100), seq(200), false);
        runs.insert(seq(300), seq(400), false);
        runs.insert(seq(500), seq(600), false);
        assert_eq!(blocks(&mut runs), [(500, 600), (300, 400), (100, 200)]);
        runs.insert(seq(200), seq(300), false);
        assert_eq!(blocks(&mut runs), [(100, 400), (500, 600)]);
    }

    fn goes_first(runs: &mut Reassembly, left: u32, right: u32) -> bool {
        runs.insert(seq(left), seq(right), true).is_some_and(|run| run.report_first)
    }

    /// As measured on Linux 6.18: a third block sends the withheld acknowledgement first, which
    /// does not contain it.
    #[test]
    fn withheld_blocks_go_before_a_third_one() {
        let mut runs = Reassembly::default();
        assert!(!goes_first(&mut runs, 100, 200));
        assert!(!goes_first(&mut runs, 300, 400));
        assert!(goes_first(&mut runs, 500, 600));
        assert_eq!(blocks(&mut runs), [(300, 400), (100, 200)]);
        assert_eq!(blocks(&mut runs), [(500, 600), (300, 400), (100, 200)]);
        assert!(!goes_first(&mut runs, 600, 700));
        assert!(goes_first(&mut runs, 200, 210));
    }

    #[test]
    fn rcv_nxt_passes_over_what_is_there() {
        let mut runs = Reassembly::default();
        runs.insert(seq(100), seq(200), false);
        runs.insert(seq(200), seq(300), false);
        runs.insert(seq(400), seq(500), false);
        assert_eq!(runs.advance(seq(100)), seq(300));
        assert_eq!(blocks(&mut runs), [(400, 500)]);
        assert_eq!(runs.advance(seq(400)), seq(500));
        assert!(runs.is_empty() && runs.blocks() == 0);
    }

    #[test]
    fn a_repeated_run_is_reported_as_duplicate_once() {
        let mut runs = Reassembly::default();
        runs.insert(seq(100), seq(200), false);
        runs.insert(seq(100), seq(200), false);
        assert_eq!(blocks(&mut runs), [(100, 200), (100, 200)]);
        assert_eq!(blocks(&mut runs), [(100, 200)]);
    }

    #[test]
    fn the_list_of_runs_is_bounded() {
        let mut runs = Reassembly::default();
        let mut insert = |left, right| runs.insert(seq(left), seq(right), false).map(|run| run.new);
        let taken = (0..5000).filter(|n| insert(n * 10, n * 10 + 1).is_some()).count();
        assert_eq!(taken, MOST_RUNS);
        assert_eq!(insert(1, 2), Some(1), "what touches a run still fits");
        assert_eq!(insert(0, 3), Some(1), "two of three were there");
    }
}
