//! `Flows`: the connections of a capture, by their two sockets, of which only so many are followed at
//! a time.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use super::flow::{Flow, Sighting, Tally};
use super::keys::Keys;
use super::talk::Desk;

/// The most connections that are followed at a time.
pub(crate) const MOST: usize = 100_000;

/// Two sockets, the smaller first.
type Pair = (SocketAddr, SocketAddr);

/// All connections that are followed.
pub(crate) struct Flows {
    all: BTreeMap<Pair, Flow>,
    /// Those that are over, in the order in which they ended. Some may have begun anew since.
    over: VecDeque<Pair>,
    most: usize,
}

impl Flows {
    /// None yet, and never more than `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self { all: BTreeMap::new(), over: VecDeque::new(), most }
    }

    /// Makes room for the connection of a segment where it is a new one; `false` if there is none.
    /// One that is over makes room for another between the same sockets, or where there are too many.
    pub(crate) fn admit(
        &mut self,
        sighting: &Sighting<'_>,
        desk: &mut Desk,
        keys: &Keys,
        tally: &mut Tally,
    ) -> bool {
        let pair = pair(sighting);
        match self.all.get(&pair) {
            Some(flow) if !flow.is_reused_by(sighting.segment) => return true,
            Some(_) => self.remove(&pair, desk, keys, tally),
            None => {}
        }
        while self.all.len() >= self.most {
            let Some(oldest) = self.over.pop_front() else { return false };
            if self.all.get(&oldest).is_some_and(Flow::is_over) {
                self.remove(&oldest, desk, keys, tally);
            }
        }
        true
    }

    /// Whether the client sent a segment.
    pub(crate) fn is_from_client(&self, sighting: &Sighting<'_>) -> bool {
        match self.all.get(&pair(sighting)) {
            Some(flow) => flow.client == sighting.from,
            None => sighting.is_from_client(),
        }
    }

    /// Takes a segment that was admitted.
    pub(crate) fn segment(
        &mut self,
        sighting: &Sighting<'_>,
        desk: &mut Desk,
        keys: &Keys,
        tally: &mut Tally,
    ) {
        let pair = pair(sighting);
        let flow = self.all.entry(pair).or_insert_with(|| Flow::new(desk, sighting));
        let before = flow.is_over();
        flow.segment(desk, sighting, keys, tally);
        if flow.is_over() && !before {
            self.over.push_back(pair);
        }
    }

    /// The capture has ended.
    pub(crate) fn finish(&mut self, desk: &mut Desk, keys: &Keys, tally: &mut Tally) {
        for flow in self.all.values_mut() {
            flow.finish(desk, keys, tally);
        }
    }

    fn remove(&mut self, pair: &Pair, desk: &mut Desk, keys: &Keys, tally: &mut Tally) {
        if let Some(mut flow) = self.all.remove(pair) {
            flow.finish(desk, keys, tally);
        }
    }
}

fn pair(sighting: &Sighting<'_>) -> Pair {
    let (from, to) = (sighting.from, sighting.to);
    if from <= to { (from, to) } else { (to, from) }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use roundtrip_packet::{Flags, Segment, tcp};
    use roundtrip_record::{Log, Time};

    use super::*;
    use crate::capture::stream::Stamp;

    /// Flows that take segments of clients with these ports.
    struct Capture {
        flows: Flows,
        desk: Desk,
        tally: Tally,
    }

    impl Capture {
        fn send(&mut self, port: u16, by_client: bool, flags: Flags) -> bool {
            let client = SocketAddr::new(Ipv4Addr::new(10, 0, 0, 1).into(), port);
            let server = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 80).into(), 80);
            let (from, to) = if by_client { (client, server) } else { (server, client) };
            let header = tcp::Header { flags, ..tcp::Header::new(from.port(), to.port()) };
            let sighting = Sighting {
                from,
                to,
                segment: &Segment { header, options: &[], payload: &[] },
                snapped: 0,
                identification: 0,
                stamp: Stamp { at: Time::ZERO, event: None },
            };
            let (desk, tally, keys) = (&mut self.desk, &mut self.tally, Keys::default());
            let admitted = self.flows.admit(&sighting, desk, &keys, tally);
            if admitted {
                self.flows.segment(&sighting, desk, &keys, tally);
            }
            admitted
        }
    }

    #[test]
    fn those_that_are_over_make_room() {
        let mut capture = Capture {
            flows: Flows::new(3),
            desk: Desk::new(Log::memory()),
            tally: Tally::default(),
        };
        let reset = Flags::RST | Flags::ACK;
        for port in [5001, 5002, 5003] {
            assert!(capture.send(port, true, Flags::SYN));
        }
        assert!(!capture.send(5004, true, Flags::SYN), "all are open");
        assert!(capture.send(5002, false, reset) && capture.send(5001, false, reset));
        // It begins anew, so that only 5001 is over.
        assert!(capture.send(5002, true, Flags::SYN));
        assert!(capture.send(5004, true, Flags::SYN));
        let ports: Vec<_> = capture.flows.all.values().map(|flow| flow.client.port()).collect();
        assert_eq!(ports, [5002, 5003, 5004]);
        assert!(!capture.send(5005, true, Flags::SYN));
        // FIN of both ends.
        for by_client in [true, false] {
            assert!(capture.send(5003, by_client, Flags::FIN | Flags::ACK));
        }
        assert!(capture.send(5005, true, Flags::SYN), "5003 is over");
        assert!(capture.send(5002, true, Flags::ACK), "it is still followed");
    }
}
