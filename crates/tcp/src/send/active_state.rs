//! The state that a connection needs from its first write on.

use std::collections::VecDeque;

use super::burst::Burst;
use super::chronograph::Chronograph;
use super::rate::Rate;
use super::search::MtuSearch;

/// The state that a connection needs from its first write on; an idle one is spared its memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveState {
    pub(crate) rate: Rate,
    pub(crate) chronograph: Chronograph,
    /// Bursts that were decided on and not yet handed out, the first perhaps in part: a long write
    /// fills one buffer after the other.
    pub(crate) ready: VecDeque<Burst>,
    /// The number of unsent bytes from which on a write takes no more (`TCP_NOTSENT_LOWAT`).
    pub(crate) notsent_low_water: Option<u32>,
    /// Bytes of payload sent, and those retransmitted.
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_retrans: u64,
    pub(crate) timeouts: Timeouts,
    /// The search for the path MTU.
    pub(super) search: Option<Box<MtuSearch>>,
}

/// Counts of retransmission timeouts (`tcp_update_rto_stats`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeouts {
    /// All retransmission timeouts.
    pub(crate) total: u32,
    /// Recoveries that began with a timeout.
    pub(crate) recoveries: u32,
    /// The total length of the recoveries that have ended, ms, and the start of the current one,
    /// ms.
    spent_ms: u32,
    since_ms: Option<u32>,
}

impl Timeouts {
    /// The counts of a handshake whose `total` timeouts took `spent_ms` ms to repair.
    pub(crate) fn of_handshake(total: u32, spent_ms: u32) -> Timeouts {
        Timeouts { total, recoveries: u32::from(total > 0), spent_ms, since_ms: None }
    }

    /// Counts a timeout; `is_first` if it is the first in a row.
    pub(crate) fn struck(&mut self, is_first: bool, now_ms: u32) {
        self.total += 1;
        if is_first {
            self.recoveries += 1;
            self.since_ms = Some(now_ms);
        }
    }

    /// Ends the current recovery from a timeout (`tcp_update_rto_time`).
    pub(crate) fn recovered(&mut self, now_ms: u32) {
        self.spent_ms = self.spent_ms(now_ms);
        self.since_ms = None;
    }

    /// The time spent in recoveries from timeouts, ms.
    pub(crate) fn spent_ms(&self, now_ms: u32) -> u32 {
        self.spent_ms.wrapping_add(self.since_ms.map_or(0, |since| now_ms.wrapping_sub(since)))
    }
}
