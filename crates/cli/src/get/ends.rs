//! `Ends`: the addresses of connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use roundtrip_record::{ConnectionId, Log, What};

/// Our address and the other end's.
pub(super) type Pair = (SocketAddr, SocketAddr);

/// The addresses of all connections of a command, of which each may serve many transfers: taken from the
/// record as it grows.
#[derive(Debug, Default)]
pub(super) struct Ends {
    read: usize,
    all: BTreeMap<ConnectionId, Pair>,
}

impl Ends {
    /// Those of a connection.
    pub(super) fn of(&mut self, connection: ConnectionId, log: &Log) -> Option<Pair> {
        let new = log.events_from(self.read);
        self.read += new.len();
        self.all.extend(new.iter().filter_map(|event| match &event.what {
            What::TcpOpened(end) => Some((end.connection, (end.local, end.remote))),
            _ => None,
        }));
        self.all.get(&connection).copied()
    }
}
