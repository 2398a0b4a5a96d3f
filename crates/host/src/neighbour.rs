//! The neighbour table: one state machine for ARP and neighbour discovery (RFC 4861 §7.3; Linux's
//! `net/core/neighbour.c`).
//!
//! The table builds no packets: what must be done is an [`Effect`], which the host carries out.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use roundtrip_packet::EtherAddr;
use roundtrip_record::{EventId, NeighbourState, Time};
use roundtrip_tcp::Step;

use crate::output::Outgoing;
use crate::slab::{Key, Slab};
use crate::timer::Timers;
use crate::{IfIndex, Neighbours};

/// The number of entries up to which unused ones are kept (`gc_thresh1`).
const KEEP: usize = 128;

/// An entry of the neighbour table, as `ip neighbour` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface of its link.
    pub interface: IfIndex,
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// The neighbour's hardware address, once known.
    pub mac: Option<EtherAddr>,
    /// The reachability state.
    pub state: NeighbourState,
}

/// What a received message says about a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The neighbour asked for us, or advertised itself as a router, and gave its hardware address
    /// (RFC 4861 §7.2.3; the sender fields of RFC 826).
    Hint,
    /// The neighbour answered, or advertised its address unasked (§7.2.5).
    Answer {
        /// Whether the message answers a solicitation of ours, which shows that packets reach the
        /// neighbour.
        solicited: bool,
        /// Whether a known hardware address is to be replaced.
        override_entry: bool,
    },
}

/// An action that the table asks the host to carry out.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Record that an entry changed.
    Changed { now: Neighbour, before: Option<NeighbourState>, cause: Option<EventId> },
    /// Solicit a neighbour: at its last known address `to`, or the whole link if `None`.
    Solicit { interface: IfIndex, address: IpAddr, to: Option<EtherAddr>, cause: Option<EventId> },
    /// Send the frames that waited for the neighbour.
    Release { to: EtherAddr, queue: VecDeque<Outgoing> },
    /// Report that the frames that waited cannot be sent.
    Failed { address: IpAddr, queue: VecDeque<Outgoing> },
}

#[derive(Debug)]
struct NeighbourEntry {
    seen: Neighbour,
    /// The time of the last confirmation that packets reach the neighbour.
    confirmed: Time,
    used: Time,
    /// Solicitations sent since the last answer.
    probes: u8,
    /// When the current state ends; the timer may fire before.
    deadline: Time,
    queue: VecDeque<Outgoing>,
    queued_bytes: usize,
}

/// The timers of one interface, which a router may change (RFC 4861 §6.3.4).
#[derive(Clone, Copy, Debug)]
struct Times {
    reachable: Duration,
    retransmit: Duration,
}

/// The neighbour table of a host, for IPv4 and IPv6.
#[derive(Debug)]
pub(crate) struct NeighbourTable {
    config: Neighbours,
    limit: usize,
    times: Vec<Times>,
    entries: Slab<NeighbourEntry>,
    index: BTreeMap<(IfIndex, IpAddr), u32>,
    timers: Timers,
    effects: VecDeque<Effect>,
}

impl NeighbourTable {
    pub(crate) fn new(config: Neighbours, limit: usize) -> Self {
        Self {
            config,
            limit,
            times: Vec::new(),
            entries: Slab::default(),
            index: BTreeMap::new(),
            timers: Timers::default(),
            effects: VecDeque::new(),
        }
    }

    /// Adds an interface; `chance` places its reachable time between half the base and one and a
    /// half times it.
    pub(crate) fn add_interface(&mut self, chance: u32) {
        let retransmit = self.config.retransmit;
        self.times.push(Times { reachable: Duration::ZERO, retransmit });
        let interface = IfIndex(self.times.len() as u32 - 1);
        self.set_times(interface, Some(self.config.base_reachable), None, chance);
    }

    /// Sets the timers of an interface, as a router may advertise them; `None` leaves one as it is.
    pub(crate) fn set_times(
        &mut self,
        interface: IfIndex,
        base_reachable: Option<Duration>,
        retransmit: Option<Duration>,
        chance: u32,
    ) {
        let Some(times) = self.times.get_mut(interface.at()) else { return };
        if let Some(base) = base_reachable {
            let millis = base.as_millis() as u64;
            let spread = (millis * u64::from(chance)) >> 32;
            times.reachable = Duration::from_millis(millis / 2 + spread);
        }
        if let Some(retransmit) = retransmit {
            times.retransmit = retransmit;
        }
    }

    fn times(&self, interface: IfIndex) -> Times {
        let default =
            Times { reachable: self.config.base_reachable, retransmit: self.config.retransmit };
        self.times.get(interface.at()).copied().unwrap_or(default)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Neighbour> {
        self.index.values().filter_map(|slot| self.entries.at(*slot)).map(|entry| entry.seen)
    }

    pub(crate) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The entry for a next hop, created if need be; `None` if the table is full and no entry can
    /// be evicted.
    pub(crate) fn entry(&mut self, now: Time, interface: IfIndex, address: IpAddr) -> Option<Key> {
        if let Some(slot) = self.index.get(&(interface, address)) {
            return self.entries.key(*slot);
        }
        if self.entries.len() >= self.limit && !self.evict() {
            return None;
        }
        let state = NeighbourState::Failed;
        let seen = Neighbour { interface, address, mac: None, state };
        let key = self.entries.insert(NeighbourEntry {
            seen,
            confirmed: Time::ZERO,
            used: now,
            probes: 0,
            deadline: Time::MAX,
            queue: VecDeque::new(),
            queued_bytes: 0,
        });
        self.index.insert((interface, address), key.slot);
        Some(key)
    }

    /// Evicts the least recently used entry that is stale, failed or reachable (`neigh_forced_gc`);
    /// false if there is none.
    fn evict(&mut self) -> bool {
        let idle = |entry: &NeighbourEntry| {
            matches!(
                entry.seen.state,
                NeighbourState::Stale | NeighbourState::Failed | NeighbourState::Reachable
            )
        };
        let oldest = self.entries.iter().filter(|(_, entry)| idle(entry));
        let oldest = oldest.min_by_key(|(slot, entry)| (entry.used, *slot)).map(|(slot, _)| slot);
        oldest.is_some_and(|slot| self.remove(slot))
    }

    fn remove(&mut self, slot: u32) -> bool {
        self.timers.disarm(slot);
        let entry = self.entries.remove(slot);
        entry.is_some_and(|e| self.index.remove(&(e.seen.interface, e.seen.address)).is_some())
    }

    /// Sets a permanent entry (`ip neighbour add … nud permanent`).
    pub(crate) fn set_permanent(&mut self, interface: IfIndex, address: IpAddr, mac: EtherAddr) {
        if let Some(key) = self.entry(Time::ZERO, interface, address) {
            self.timers.disarm(key.slot);
            if let Some(entry) = self.entries.at_mut(key.slot) {
                entry.seen.mac = Some(mac);
                entry.seen.state = NeighbourState::Permanent;
            }
        }
    }

    /// The hardware address, if packets may be sent at once and no state must change: the fast path
    /// of [`NeighbourTable::output`].
    #[inline]
    pub(crate) fn reachable(&mut self, now: Time, key: Key) -> Option<EtherAddr> {
        let entry = self.entries.get_mut(key)?;
        match entry.seen.state {
            NeighbourState::Reachable
            | NeighbourState::Permanent
            | NeighbourState::Noarp
            | NeighbourState::Delay
            | NeighbourState::Probe => {
                entry.used = now;
                entry.seen.mac
            }
            NeighbourState::Incomplete | NeighbourState::Stale | NeighbourState::Failed => None,
        }
    }

    /// Gives the frame back with the neighbour's hardware address, or queues it until the address
    /// is known (`neigh_resolve_output`).
    pub(crate) fn output(
        &mut self,
        now: Time,
        key: Key,
        frame: Outgoing,
    ) -> Option<(EtherAddr, Outgoing)> {
        let entry = self.entries.get_mut(key)?;
        entry.used = now;
        match (entry.seen.state, entry.seen.mac) {
            (NeighbourState::Incomplete, _) => {}
            (NeighbourState::Failed, _) | (_, None) => {
                entry.probes = 0;
                let cause = frame.cause;
                self.park(key, frame);
                self.change(key.slot, NeighbourState::Incomplete, cause);
                self.solicit(now, key.slot, cause);
                return None;
            }
            (NeighbourState::Stale, Some(mac)) => {
                entry.deadline = now + self.config.delay_first_probe;
                let deadline = entry.deadline;
                self.change(key.slot, NeighbourState::Delay, frame.cause);
                self.rearm(key.slot, deadline);
                return Some((mac, frame));
            }
            (_, Some(mac)) => return Some((mac, frame)),
        }
        self.park(key, frame);
        None
    }

    /// Queues a frame until the neighbour is resolved, dropping the oldest ones where it does not
    /// fit.
    fn park(&mut self, key: Key, frame: Outgoing) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.queued_bytes += frame.bytes.len();
        entry.queue.push_back(frame);
        while entry.queued_bytes > self.config.queue_bytes {
            let Some(oldest) = entry.queue.pop_front() else { break };
            entry.queued_bytes -= oldest.bytes.len();
        }
    }

    fn change(&mut self, slot: u32, to: NeighbourState, cause: Option<EventId>) {
        let Some(entry) = self.entries.at_mut(slot) else { return };
        let before = std::mem::replace(&mut entry.seen.state, to);
        if before != to {
            // A new entry begins as FAILED, and has never been confirmed.
            let fresh = before == NeighbourState::Failed && entry.confirmed == Time::ZERO;
            let before = if fresh { None } else { Some(before) };
            self.effects.push_back(Effect::Changed { now: entry.seen, before, cause });
        }
    }

    fn rearm(&mut self, slot: u32, at: Time) {
        self.timers.disarm(slot);
        self.timers.arm(slot, at);
    }

    /// Sends one more solicitation and sets the timer for its answer.
    fn solicit(&mut self, now: Time, slot: u32, cause: Option<EventId>) {
        let Some(entry) = self.entries.at_mut(slot) else { return };
        entry.probes += 1;
        let Neighbour { interface, address, mac, state } = entry.seen;
        let to = if state == NeighbourState::Probe { mac } else { None };
        let deadline = now + self.times(interface).retransmit;
        if let Some(entry) = self.entries.at_mut(slot) {
            entry.deadline = deadline;
        }
        self.rearm(slot, deadline);
        self.effects.push_back(Effect::Solicit { interface, address, to, cause });
    }

    /// Updates an entry from what a received message says (RFC 4861 §7.2.5).
    pub(crate) fn learn(
        &mut self,
        step: Step,
        (interface, address): (IfIndex, IpAddr),
        mac: Option<EtherAddr>,
        evidence: Evidence,
    ) {
        let Step { now, cause } = step;
        let known = self.index.get(&(interface, address)).copied();
        let slot = match (known, evidence) {
            (Some(slot), _) => slot,
            // An unasked answer creates no entry (§7.2.5; `arp_accept` = 0).
            (None, Evidence::Answer { .. }) => return,
            (None, Evidence::Hint) => match (mac, self.entry(now, interface, address)) {
                (Some(_), Some(key)) => key.slot,
                _ => return,
            },
        };
        let Some(entry) = self.entries.at_mut(slot) else { return };
        let state = entry.seen.state;
        if state == NeighbourState::Permanent {
            return;
        }
        let unresolved = matches!(state, NeighbourState::Incomplete | NeighbourState::Failed);
        let differs = mac.is_some() && mac != entry.seen.mac;
        let next = match evidence {
            Evidence::Hint if differs => NeighbourState::Stale,
            Evidence::Hint => return,
            Evidence::Answer { .. } if unresolved && mac.is_none() => return,
            Evidence::Answer { override_entry: false, .. } if !unresolved && differs => {
                if state == NeighbourState::Reachable {
                    self.change(slot, NeighbourState::Stale, cause);
                }
                return;
            }
            Evidence::Answer { solicited: true, .. } => NeighbourState::Reachable,
            Evidence::Answer { solicited: false, .. } if unresolved || differs => {
                NeighbourState::Stale
            }
            Evidence::Answer { .. } => return,
        };
        if let Some(mac) = mac {
            entry.seen.mac = Some(mac);
        }
        self.settle(now, slot, next, cause);
    }

    /// Enters a state in which packets can be sent, and releases the queued ones.
    fn settle(&mut self, now: Time, slot: u32, next: NeighbourState, cause: Option<EventId>) {
        let Some(entry) = self.entries.at_mut(slot) else { return };
        entry.probes = 0;
        let Some(mac) = entry.seen.mac else { return };
        let queue = std::mem::take(&mut entry.queue);
        entry.queued_bytes = 0;
        if next == NeighbourState::Reachable {
            entry.confirmed = now;
        }
        let interface = entry.seen.interface;
        self.change(slot, next, cause);
        let deadline = match next {
            NeighbourState::Reachable => now + self.times(interface).reachable,
            _ => now + self.config.stale,
        };
        if let Some(entry) = self.entries.at_mut(slot) {
            entry.deadline = deadline;
        }
        self.rearm(slot, deadline);
        if !queue.is_empty() {
            self.effects.push_back(Effect::Release { to: mac, queue });
        }
    }

    /// Confirms that packets reach the neighbour, because TCP made progress (RFC 4861 §7.3.1).
    #[inline]
    pub(crate) fn confirm(&mut self, now: Time, key: Key) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.confirmed = now;
            if entry.seen.state != NeighbourState::Reachable {
                self.confirm_slowly(now, key.slot);
            }
        }
    }

    /// Ends DELAY and PROBE; stale entries wait for their timer, as in the kernel.
    fn confirm_slowly(&mut self, now: Time, slot: u32) {
        let state = self.entries.at(slot).map(|entry| entry.seen.state);
        if matches!(state, Some(NeighbourState::Delay | NeighbourState::Probe)) {
            self.settle(now, slot, NeighbourState::Reachable, None);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        while let Some(slot) = self.timers.pop(now) {
            self.expire(now, slot);
        }
    }

    fn expire(&mut self, now: Time, slot: u32) {
        let Some(entry) = self.entries.at_mut(slot) else { return };
        let (state, interface) = (entry.seen.state, entry.seen.interface);
        match state {
            NeighbourState::Reachable => {
                let until = entry.confirmed + self.times(interface).reachable;
                let Some(entry) = self.entries.at_mut(slot) else { return };
                let delay_until = entry.used + self.config.delay_first_probe;
                if now < until {
                    self.rearm(slot, until);
                } else if now < delay_until {
                    self.change(slot, NeighbourState::Delay, None);
                    self.rearm(slot, delay_until);
                } else {
                    self.change(slot, NeighbourState::Stale, None);
                    self.rearm(slot, now + self.config.stale);
                }
            }
            NeighbourState::Delay => {
                entry.probes = 0;
                self.change(slot, NeighbourState::Probe, None);
                self.solicit(now, slot, None);
            }
            NeighbourState::Incomplete if entry.probes < self.config.multicast_solicit => {
                let cause = entry.queue.front().and_then(|frame| frame.cause);
                self.solicit(now, slot, cause);
            }
            NeighbourState::Probe if entry.probes < self.config.unicast_solicit => {
                self.solicit(now, slot, None);
            }
            NeighbourState::Incomplete | NeighbourState::Probe => self.fail(now, slot),
            NeighbourState::Stale | NeighbourState::Failed => {
                let until = entry.used + self.config.stale;
                if now < until {
                    self.rearm(slot, until);
                } else if self.entries.len() > KEEP {
                    self.remove(slot);
                }
            }
            NeighbourState::Noarp | NeighbourState::Permanent => {}
        }
    }

    fn fail(&mut self, now: Time, slot: u32) {
        self.change(slot, NeighbourState::Failed, None);
        self.rearm(slot, now + self.config.stale);
        let Some(entry) = self.entries.at_mut(slot) else { return };
        entry.seen.mac = None;
        // A confirmation time above zero marks the entry as not new: the next change is recorded as
        // one from FAILED.
        entry.confirmed = entry.confirmed.max(Time::from_nanos(1));
        entry.queued_bytes = 0;
        let (address, queue) = (entry.seen.address, std::mem::take(&mut entry.queue));
        self.effects.push_back(Effect::Failed { address, queue });
    }
}
