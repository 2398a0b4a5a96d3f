//! UDP sockets (RFC 768, RFC 1122 §4.1).

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::{BindError, Datagram, UdpId, Unreachable};

/// The bytes counted for a queued datagram besides its payload, as an `sk_buff` costs.
const OVERHEAD: usize = 128;
/// The most errors that wait to be taken; beyond that the oldest are dropped.
const MAX_ERRORS: usize = 16;

/// A bound UDP socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    pub(crate) at: SocketAddr,
    queue: VecDeque<Datagram>,
    queued: usize,
    errors: VecDeque<(SocketAddr, Unreachable)>,
    /// Whether the owner has been told that something waits and has not read since.
    pub(crate) announced: bool,
}

/// All UDP sockets of a host.
#[derive(Debug, Default)]
pub(crate) struct UdpSockets {
    next: u64,
    sockets: BTreeMap<UdpId, UdpSocket>,
    bound: BTreeMap<(u16, IpAddr), UdpId>,
}

impl UdpSockets {
    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether `at` conflicts with a bound socket: the same port with the same address, or with an
    /// address of either that stands for all.
    pub(crate) fn is_taken(&self, at: SocketAddr) -> bool {
        conflicts(&self.bound, at)
    }

    pub(crate) fn bind(&mut self, at: SocketAddr) -> Result<UdpId, BindError> {
        if self.is_taken(at) {
            return Err(BindError::AddressInUse);
        }
        self.next += 1;
        let id = UdpId(self.next);
        self.bound.insert((at.port(), at.ip()), id);
        let (queue, errors) = (VecDeque::new(), VecDeque::new());
        let socket = UdpSocket { at, queue, queued: 0, errors, announced: false };
        self.sockets.insert(id, socket);
        Ok(id)
    }

    pub(crate) fn close(&mut self, id: UdpId) {
        if let Some(socket) = self.sockets.remove(&id) {
            self.bound.remove(&(socket.at.port(), socket.at.ip()));
        }
    }

    pub(crate) fn get(&self, id: UdpId) -> Option<&UdpSocket> {
        self.sockets.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: UdpId) -> Option<&mut UdpSocket> {
        self.sockets.get_mut(&id)
    }

    /// The socket that receives datagrams to `to`.
    pub(crate) fn find(&self, to: SocketAddr) -> Option<UdpId> {
        find_bound(&self.bound, to)
    }
}

impl UdpSocket {
    /// Queues a datagram; drops it and answers false if the queue would exceed `limit` bytes.
    pub(crate) fn deliver(&mut self, datagram: Datagram, limit: usize) -> bool {
        let cost = datagram.bytes.len() + OVERHEAD;
        if self.queued + cost > limit {
            return false;
        }
        self.queued += cost;
        self.queue.push_back(datagram);
        true
    }

    pub(crate) fn deliver_error(&mut self, to: SocketAddr, error: Unreachable) {
        if self.errors.len() == MAX_ERRORS {
            self.errors.pop_front();
        }
        self.errors.push_back((to, error));
    }

    pub(crate) fn receive(&mut self) -> Option<Datagram> {
        self.announced = false;
        let datagram = self.queue.pop_front()?;
        self.queued -= datagram.bytes.len() + OVERHEAD;
        Some(datagram)
    }

    pub(crate) fn take_error(&mut self) -> Option<(SocketAddr, Unreachable)> {
        self.announced = false;
        self.errors.pop_front()
    }
}

/// The owner of the most specific binding that matches `to`: this address, every address of its
/// family, or `[::]`, which takes both families (`net.ipv6.bindv6only` = 0).
pub(crate) fn find_bound<T: Copy>(bound: &BTreeMap<(u16, IpAddr), T>, to: SocketAddr) -> Option<T> {
    let port = to.port();
    let every = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let mut specific = bound.get(&(port, to.ip()));
    if specific.is_none() && to.is_ipv4() {
        specific = bound.get(&(port, IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)));
    }
    specific.or_else(|| bound.get(&(port, every))).copied()
}

/// Whether a new binding at `at` would conflict with an existing one.
pub(crate) fn conflicts<T>(bound: &BTreeMap<(u16, IpAddr), T>, at: SocketAddr) -> bool {
    let least = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let on_port = bound.range((at.port(), least)..).take_while(|((port, _), _)| *port == at.port());
    on_port.map(|((_, ip), _)| *ip).any(|other| {
        let takes =
            |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
        other == at.ip() || takes(other, at.ip()) || takes(at.ip(), other)
    })
}

#[cfg(test)]
mod tests {
    use roundtrip_packet::Ecn;

    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_most_specific_binding_gets_it() {
        let mut sockets = UdpSockets::default();
        let one = sockets.bind(at("10.0.0.1:53")).unwrap();
        let v6 = sockets.bind(at("[::1]:53")).unwrap();
        assert_eq!(sockets.bind(at("10.0.0.1:53")), Err(BindError::AddressInUse));
        assert_eq!(sockets.bind(at("0.0.0.0:53")), Err(BindError::AddressInUse));
        assert_eq!(sockets.bind(at("[::]:53")), Err(BindError::AddressInUse));
        let all = sockets.bind(at("[::]:54")).unwrap();
        assert_eq!(sockets.find(at("10.0.0.1:53")), Some(one));
        assert_eq!(sockets.find(at("[::1]:53")), Some(v6));
        assert_eq!(sockets.find(at("10.0.0.2:53")), None);
        assert_eq!(sockets.find(at("10.0.0.2:54")), Some(all));
        assert_eq!(sockets.bind(at("10.0.0.2:54")), Err(BindError::AddressInUse));
        sockets.close(all);
        assert_eq!(sockets.find(at("10.0.0.2:54")), None);
    }

    #[test]
    fn a_full_queue_drops() {
        let mut sockets = UdpSockets::default();
        let id = sockets.bind(at("10.0.0.1:53")).unwrap();
        let socket = sockets.get_mut(id).unwrap();
        let (from, to) = (at("10.0.0.2:1"), "10.0.0.1".parse().unwrap());
        let datagram =
            |length| Datagram { from, to, ecn: Ecn::NotEct, bytes: vec![0; length], cause: None };
        let taken = (0..100).filter(|_| socket.deliver(datagram(872), 5_000)).count();
        assert_eq!((socket.queued, taken), (5_000, 5));
        while socket.receive().is_some() {}
        assert!(socket.queued == 0 && socket.deliver(datagram(1), 5_000));
        for _ in 0..100 {
            socket.deliver_error(from, Unreachable::TooBig { mtu: 1280 });
        }
        assert_eq!(socket.errors.len(), MAX_ERRORS);
    }
}
