//! What a connection keeps from its first write on.

use std::collections::VecDeque;

use super::burst::Burst;
use super::chronograph::Chronograph;
use super::rate::Rate;
use super::search::MtuSearch;

/// What a connection needs from its first write on, and an idle one does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    pub(crate) rate: Rate,
    pub(crate) chronograph: Chronograph,
    /// Bursts that were decided on and not handed out, or the first not completely: a long write
    /// fills one buffer after the other.
    pub(crate) ready: VecDeque<Burst>,
    /// No more is taken to write while so many bytes wait to be sent (`TCP_NOTSENT_LOWAT`).
    pub(crate) notsent_low_water: Option<u32>,
    /// Bytes of payload sent, and of these sent again.
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_retrans: u64,
    pub(crate) timeouts: Timeouts,
    /// What the path carries is searched for.
    pub(super) search: Option<Box<MtuSearch>>,
}

/// How often the retransmission timer struck (`tcp_update_rto_stats`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeouts {
    /// In all.
    pub(crate) total: u32,
    /// Recoveries that began so.
    pub(crate) recoveries: u32,
    /// How long they lasted, ms, and since when the one lasts that is not over.
    spent_ms: u32,
    since_ms: Option<u32>,
}

impl Timeouts {
    /// Those of the handshake, which took so long to repair.
    pub(crate) fn of_handshake(total: u32, spent_ms: u32) -> Timeouts {
        Timeouts { total, recoveries: u32::from(total > 0), spent_ms, since_ms: None }
    }

    /// The timer struck, for the first time in a row or not.
    pub(crate) fn struck(&mut self, is_first: bool, now_ms: u32) {
        self.total += 1;
        if is_first {
            self.recoveries += 1;
            self.since_ms = Some(now_ms);
        }
    }

    /// The state of loss is over (`tcp_update_rto_time`).
    pub(crate) fn recovered(&mut self, now_ms: u32) {
        self.spent_ms = self.spent_ms(now_ms);
        self.since_ms = None;
    }

    /// Time spent in such recoveries, ms.
    pub(crate) fn spent_ms(&self, now_ms: u32) -> u32 {
        self.spent_ms.wrapping_add(self.since_ms.map_or(0, |since| now_ms.wrapping_sub(since)))
    }
}
