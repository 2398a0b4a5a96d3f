//! Sockets for ICMP echo (as Linux's `IPPROTO_ICMP` datagram sockets).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use crate::{EchoReply, PingId, Rng, Unreachable};

/// Replies, or errors, that wait to be taken.
const MAX_WAITING: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Ping {
    pub(crate) identifier: u16,
    replies: VecDeque<EchoReply>,
    errors: VecDeque<(IpAddr, Unreachable)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    next: u64,
    sockets: BTreeMap<PingId, Ping>,
    identifiers: BTreeMap<u16, PingId>,
}

impl Pings {
    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Opens a socket with an identifier of its own; `None` if all are taken.
    pub(crate) fn open(&mut self, rng: &mut Rng) -> Option<PingId> {
        let start = rng.next_u32() as u16;
        let mut all = (0..=u16::MAX).map(|step| start.wrapping_add(step));
        let identifier = all.find(|identifier| !self.identifiers.contains_key(identifier))?;
        self.next += 1;
        let id = PingId(self.next);
        self.identifiers.insert(identifier, id);
        self.sockets.insert(id, Ping { identifier, ..Ping::default() });
        Some(id)
    }

    pub(crate) fn close(&mut self, id: PingId) {
        if let Some(ping) = self.sockets.remove(&id) {
            self.identifiers.remove(&ping.identifier);
        }
    }

    pub(crate) fn get(&self, id: PingId) -> Option<&Ping> {
        self.sockets.get(&id)
    }

    /// A reply came: whose it is; `None` if nobody's, or if too many wait.
    pub(crate) fn deliver(&mut self, identifier: u16, reply: EchoReply) -> Option<PingId> {
        let id = *self.identifiers.get(&identifier)?;
        let ping = self.sockets.get_mut(&id)?;
        if ping.replies.len() == MAX_WAITING {
            return None;
        }
        ping.replies.push_back(reply);
        Some(id)
    }

    pub(crate) fn deliver_error(
        &mut self,
        identifier: u16,
        to: IpAddr,
        error: Unreachable,
    ) -> Option<PingId> {
        let id = *self.identifiers.get(&identifier)?;
        let ping = self.sockets.get_mut(&id)?;
        if ping.errors.len() == MAX_WAITING {
            return None;
        }
        ping.errors.push_back((to, error));
        Some(id)
    }

    pub(crate) fn receive(&mut self, id: PingId) -> Option<EchoReply> {
        self.sockets.get_mut(&id)?.replies.pop_front()
    }

    pub(crate) fn take_error(&mut self, id: PingId) -> Option<(IpAddr, Unreachable)> {
        self.sockets.get_mut(&id)?.errors.pop_front()
    }
}
