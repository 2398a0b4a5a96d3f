//! `EdnsMemory`: which servers take EDNS (RFC 6891), as far as this run has seen.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Whether a query carries an OPT record (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// With an OPT record.
    Edns,
    /// Without an OPT record, as in RFC 1035.
    Plain,
}

/// The most servers that are remembered. Beyond it, some servers are tried with EDNS again.
const CAPACITY: usize = 4096;

/// Which servers were seen to take EDNS, and which not to.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdnsMemory(BTreeMap<SocketAddr, Extension>);

impl EdnsMemory {
    /// How a server is asked first: with EDNS, unless it is known not to take it.
    pub(crate) fn first(&self, server: SocketAddr) -> Extension {
        self.0.get(&server).copied().unwrap_or(Extension::Edns)
    }

    /// Notes whether a server takes EDNS. One OPT record in an answer proves that it does, so later
    /// silence means a lost packet.
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
