//! QUIC (RFC 9000, RFC 9369): the connections of a capture, their handshakes, and with keys what their streams say. What
//! is sealed with keys that nobody has is counted and said.

mod flow;
mod packet;
mod seal;
mod tally;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use super::keys::Keys;
use super::stream::Stamp;
use super::talk::Desk;
use crate::notes::Notes;
use flow::{Flow, Passed};
use packet::{Header, Kind, Long};
use tally::Tally;

/// The most connections that are followed at a time; the one that began first makes room.
const MOST: usize = 10_000;

/// The port of HTTPS, where what looks like a packet of an open connection is taken for one.
const HTTPS: u16 = 443;

/// Two sockets, the smaller first. A connection is known by them: one that moves to another address (RFC 9000 §9) does so
/// under connection ids that only its ends have seen.
type Pair = (SocketAddr, SocketAddr);

/// A datagram.
#[derive(Clone, Copy)]
pub(crate) struct Datagram<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) payload: &'a [u8],
}

impl Datagram<'_> {
    fn pair(&self) -> Pair {
        if self.from <= self.to { (self.from, self.to) } else { (self.to, self.from) }
    }

    fn is_https(&self) -> bool {
        self.from.port() == HTTPS || self.to.port() == HTTPS
    }
}

/// All connections that are followed.
#[derive(Default)]
pub(crate) struct Quic {
    all: BTreeMap<Pair, Flow>,
    order: VecDeque<Pair>,
    tally: Tally,
}

impl Quic {
    /// Whether a datagram is QUIC's, and if so, whether a client sent it.
    pub(crate) fn is_by_client(&self, datagram: &Datagram<'_>) -> Option<bool> {
        let lower = datagram.to.port() < datagram.from.port();
        let flow = self.all.get(&datagram.pair());
        let header = Header::read(datagram.payload, flow.is_some())?;
        match (flow, header) {
            (Some(flow), _) => Some(flow.client == datagram.from),
            (None, Header::Long(long)) => {
                let is_first = long.kind == Kind::Initial
                    && seal::initial(&long.version, long.destination).is_some_and(
                        |[mut client, _]| {
                            client.open(packet(datagram.payload, &long), long.number_at).is_some()
                        },
                    );
                (is_first || datagram.is_https()).then_some(is_first || lower)
            }
            (None, Header::Foreign(_) | Header::Negotiation(_) | Header::Short) => {
                datagram.is_https().then_some(lower)
            }
        }
    }

    /// Takes a datagram that is QUIC's.
    pub(crate) fn datagram(
        &mut self,
        desk: &mut Desk,
        datagram: &Datagram<'_>,
        by_client: bool,
        stamp: Stamp,
        keys: &Keys,
    ) {
        let pair = datagram.pair();
        let (mut rest, mut sent) = (datagram.payload, datagram.payload);
        while let Some(header) = Header::read(rest, self.all.contains_key(&pair)) {
            match header {
                Header::Long(long) => {
                    self.begin(desk, datagram, by_client, &long, stamp);
                    match self.all.get_mut(&pair) {
                        Some(flow) => {
                            let passed = Passed { by_client, bytes: packet(rest, &long), stamp };
                            flow.long(desk, &long, passed, keys, &mut self.tally);
                        }
                        None => self.tally.middle += 1,
                    }
                    rest = rest.get(long.end..).unwrap_or_default();
                    // Some fill their datagrams behind the last packet.
                    if rest.iter().all(|byte| *byte == 0) {
                        return;
                    }
                }
                Header::Short => {
                    let Some(flow) = self.all.get_mut(&pair) else {
                        self.tally.middle += 1;
                        return;
                    };
                    let before = sent.len() - rest.len();
                    let passed = Passed { by_client, bytes: rest, stamp };
                    let length = flow.short(desk, passed, before, keys, &mut self.tally);
                    rest = rest.get(length..).unwrap_or_default();
                    sent = rest;
                }
                Header::Negotiation(spoken) => {
                    match self.all.get_mut(&pair) {
                        Some(flow) if !by_client => {
                            flow.negotiation(desk, &spoken, stamp, &mut self.tally);
                        }
                        Some(_) => {}
                        // The client began with a version that nobody speaks, and so is not followed.
                        None => self.tally.negotiated += 1,
                    }
                    return;
                }
                Header::Foreign(number) => {
                    *self.tally.foreign.entry(versions::name(number)).or_default() += 1;
                    return;
                }
            }
        }
    }

    /// Begins a connection where a client's Initial packet does.
    fn begin(
        &mut self,
        desk: &mut Desk,
        datagram: &Datagram<'_>,
        by_client: bool,
        long: &Long<'_>,
        stamp: Stamp,
    ) {
        if !by_client || long.kind != Kind::Initial {
            return;
        }
        let pair = datagram.pair();
        match self.all.get_mut(&pair) {
            Some(flow) if !flow.is_renewed_by(long) => return,
            Some(flow) => flow.finish(desk, &mut self.tally),
            None => self.order.push_back(pair),
        }
        self.all.insert(pair, Flow::new(desk, datagram.from, datagram.to, long, stamp));
        if self.all.len() > MOST
            && let Some(mut oldest) = self.order.pop_front().and_then(|pair| self.all.remove(&pair))
        {
            oldest.finish(desk, &mut self.tally);
        }
    }

    /// The capture has ended.
    pub(crate) fn finish(&mut self, desk: &mut Desk, notes: &mut Notes) {
        for flow in self.all.values_mut() {
            flow.finish(desk, &mut self.tally);
        }
        self.tally.note(notes);
    }
}

/// The bytes of a packet at the begin of a datagram's rest; those that were captured.
fn packet<'a>(rest: &'a [u8], long: &Long<'_>) -> &'a [u8] {
    &rest[..long.end.min(rest.len())]
}
