//! When the bytes of a stream left our host, as near as their sender can tell.

use roundtrip_record::Time;

/// The writes of a stream.
#[derive(Default)]
pub(crate) struct Departures {
    /// Bytes written so far.
    written: u64,
    /// When the last of them left.
    last: Option<Time>,
}

impl Departures {
    /// So many bytes have been written by a call that began at `began`; `unsent` of all so far were
    /// waiting in the kernel when it was over.
    ///
    /// The kernel sends from within the call what it may send at all, so that what does not wait has
    /// left at its beginning and a few microseconds; the end of the call says less, since whoever it
    /// wakes at the other end of a loopback is as likely as not to take the processor first. What
    /// does wait leaves later, and nobody tells us when.
    pub(crate) fn wrote(&mut self, bytes: usize, began: Time, unsent: Option<u32>) {
        self.written += bytes as u64;
        self.last = (unsent == Some(0)).then_some(began);
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// When the last of them left, where that is known.
    pub(crate) fn last(&self) -> Option<Time> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_waits_has_not_left() {
        let mut departures = Departures::default();
        assert_eq!((departures.written(), departures.last()), (0, None));
        departures.wrote(10, Time::from_millis(1), Some(0));
        assert_eq!((departures.written(), departures.last()), (10, Some(Time::from_millis(1))));
        departures.wrote(5, Time::from_millis(2), Some(3));
        assert_eq!((departures.written(), departures.last()), (15, None));
        departures.wrote(1, Time::from_millis(3), None);
        assert_eq!(departures.last(), None, "nobody tells");
    }
}
