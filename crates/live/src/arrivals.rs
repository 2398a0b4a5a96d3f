//! When the bytes of a stream were at our socket, as the kernel stamps them.

use std::collections::VecDeque;

use roundtrip_record::Time;

/// As many reads are remembered; who asks does so soon.
const KEPT: usize = 1024;

/// The reads of a stream.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// Offset after the last byte of a read, and when that byte had arrived. Both rise.
    reads: VecDeque<(u64, Time)>,
    received: u64,
    /// Offset before the first read that is still known.
    known_from: u64,
}

impl Arrivals {
    /// So many bytes have been read, the last of which had arrived at `at`.
    pub(crate) fn read(&mut self, bytes: usize, at: Option<Time>) {
        self.received += bytes as u64;
        let Some(at) = at else { return };
        if self.reads.len() == KEPT
            && let Some((end, _)) = self.reads.pop_front()
        {
            self.known_from = end;
        }
        self.reads.push_back((self.received, at));
    }

    /// When the byte at `offset` had arrived: not after this. A read tells of its last byte, and what
    /// was read with it had arrived before.
    pub(crate) fn at(&self, offset: u64) -> Option<Time> {
        let before = self.reads.partition_point(|(end, _)| *end <= offset);
        let (_, at) = self.reads.get(before)?;
        (offset >= self.known_from).then_some(*at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_arrived_with_the_read_that_brought_it() {
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.at(0), None);
        arrivals.read(10, Some(Time::from_millis(1)));
        arrivals.read(5, Some(Time::from_millis(7)));
        let at = |offset| arrivals.at(offset).map(Time::millis);
        assert_eq!([at(0), at(9), at(10), at(14)], [Some(1), Some(1), Some(7), Some(7)]);
        assert_eq!(at(15), None);
    }

    #[test]
    fn of_very_many_reads_the_first_are_forgotten() {
        let mut arrivals = Arrivals::default();
        for number in 0..5_000_u64 {
            arrivals.read(1, Some(Time::from_millis(number)));
        }
        assert_eq!(arrivals.at(0), None);
        assert_eq!(arrivals.at(4_999).map(Time::millis), Some(4_999));
        assert_eq!(arrivals.at(5_000 - KEPT as u64).map(Time::millis), Some(5_000 - KEPT as u64));
        assert!(arrivals.reads.len() <= KEPT);
    }
}
