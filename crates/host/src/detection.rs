//! Checks whether another host on the link has an address of ours: conflict detection for IPv4 (RFC
//! 5227), duplicate address detection for IPv6 (RFC 4862 §5.4).

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use roundtrip_record::Time;

use crate::IfIndex;

/// The least time between two defences of one address (RFC 5227 §1.1).
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// How long to wait for an answer to a probe (`RetransTimer`, RFC 4861 §10).
const CHECK: Duration = Duration::from_secs(1);

/// A check that is under way: a probe has been sent, and somebody may answer it.
#[derive(Clone, Copy, Debug)]
struct Check {
    interface: IfIndex,
    until: Time,
    /// Distinguishes our own solicitation, looped back to us, from another host's (RFC 7527).
    nonce: [u8; 6],
}

/// The addresses that are being checked, and those that were defended lately.
#[derive(Debug, Default)]
pub(crate) struct Detections {
    checks: BTreeMap<IpAddr, Check>,
    /// When an address was last defended.
    defended: BTreeMap<Ipv4Addr, Time>,
}

impl Detections {
    pub(crate) fn next_timeout(&self) -> Option<Time> {
        // Called after every frame, and most hosts have no checks.
        if self.checks.is_empty() {
            return None;
        }
        self.checks.values().map(|check| check.until).min()
    }

    /// Begins the check of an address whose probe is sent on `interface` now.
    pub(crate) fn begin(&mut self, now: Time, interface: IfIndex, address: IpAddr, nonce: [u8; 6]) {
        self.checks.insert(address, Check { interface, until: now + CHECK, nonce });
    }

    /// Ends the check of an address; answers the interface it was made on, or `None` if there was
    /// none.
    pub(crate) fn end(&mut self, address: IpAddr) -> Option<IfIndex> {
        self.checks.remove(&address).map(|check| check.interface)
    }

    /// Ends the checks whose time is over: nobody has answered, so the address is ours.
    pub(crate) fn expire(&mut self, now: Time) {
        self.checks.retain(|_, check| check.until > now);
    }

    /// Whether a check of this address is under way.
    pub(crate) fn is_asked_for(&self, address: IpAddr) -> bool {
        self.checks.contains_key(&address)
    }

    /// Whether a solicitation for `target` without a source address is our own probe, looped back
    /// to us (RFC 7527 §4.2).
    pub(crate) fn is_own_probe(&self, target: Ipv6Addr, nonce: Option<[u8; 6]>) -> bool {
        self.checks.get(&IpAddr::V6(target)).is_some_and(|check| nonce == Some(check.nonce))
    }

    /// Whether an address may be defended now, and notes the time if so.
    pub(crate) fn may_defend(&mut self, now: Time, address: Ipv4Addr) -> bool {
        let last = self.defended.get(&address);
        if last.is_some_and(|last| now.since(*last) < DEFEND_INTERVAL) {
            return false;
        }
        self.defended.insert(address, now);
        true
    }
}
