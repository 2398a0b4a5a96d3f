//! Which servers take EDNS (RFC 6891), as far as this run has seen.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Whether a query says what it can take (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// With an OPT record.
    Edns,
    /// As in 1987.
    Plain,
}

/// Servers that are remembered; who asks more of them asks some twice.
const CAPACITY: usize = 4096;

/// What servers were seen to take.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdnsMemory(BTreeMap<SocketAddr, Extension>);

impl EdnsMemory {
    /// How a server is asked first: with EDNS unless it is known not to take it.
    pub(crate) fn first(&self, server: SocketAddr) -> Extension {
        self.0.get(&server).copied().unwrap_or(Extension::Edns)
    }

    /// Notes what a server was seen to take. One OPT record in an answer proves that it knows them;
    /// later silence was then a lost packet.
    pub(crate) fn learn(&mut self, server: SocketAddr, seen: Extension) {
        if self.0.len() < CAPACITY || self.0.contains_key(&server) {
            let known = self.0.entry(server).or_insert(seen);
            if seen == Extension::Edns {
                *known = seen;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opt_record_once_seen_outweighs_later_silence() {
        let server: SocketAddr = "192.0.2.1:53".parse().unwrap();
        let mut memory = EdnsMemory::default();
        assert_eq!(memory.first(server), Extension::Edns);
        memory.learn(server, Extension::Plain);
        assert_eq!(memory.first(server), Extension::Plain);
        memory.learn(server, Extension::Edns);
        memory.learn(server, Extension::Plain);
        assert_eq!(memory.first(server), Extension::Edns);
    }
}
