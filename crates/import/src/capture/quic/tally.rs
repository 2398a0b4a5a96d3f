//! What the packets of QUIC told that a note is made of.

use std::collections::BTreeMap;

use crate::notes::Notes;

/// Counts of packets and connections.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Packets that are sealed with keys that nobody has, and their bytes.
    sealed: u64,
    sealed_bytes: u64,
    /// Packets with early data (0-RTT) that could not be opened.
    pub(crate) early: u64,
    /// Bytes of streams that are not HTTP/3's.
    pub(crate) other: u64,
    /// Streams of HTTP/3 that could not be read to their end.
    pub(crate) unreadable: u64,
    /// Initial packets that could not be opened.
    pub(crate) unopened: u64,
    /// Connections whose server asked the client to come again with a token (RFC 9000 §8.1.2).
    pub(crate) retried: u64,
    /// Connections whose server did not speak their version.
    pub(crate) negotiated: u64,
    /// Packets of connections that were open when the capture began.
    pub(crate) middle: u64,
    /// Packets of versions that are not read, by the version's name.
    pub(crate) foreign: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a packet of so many bytes that stays closed.
    pub(crate) fn sealed(&mut self, bytes: usize) {
        self.sealed += 1;
        self.sealed_bytes += bytes as u64;
    }

    /// What a reader of the record is told.
    pub(crate) fn note(&self, notes: &mut Notes) {
        let sealed = format!(
            "packets of QUIC are encrypted, {} bytes; of these connections only the handshake is told",
            self.sealed_bytes
        );
        for (count, note) in [
            (self.sealed, sealed.as_str()),
            (self.early, "packets of QUIC carry early data (0-RTT) that could not be opened"),
            (self.other, "bytes of QUIC's streams are of another protocol than HTTP/3"),
            (
                self.unreadable,
                "streams of HTTP/3 could not be read to their end: they refer to what was not captured, or break RFC 9114",
            ),
            (
                self.unopened,
                "Initial packets of QUIC could not be opened: they are cut, damaged, or of a connection that began before the capture",
            ),
            (self.retried, "QUIC servers wanted their clients to come again (Retry)"),
            (
                self.negotiated,
                "QUIC servers did not speak their client's version (Version Negotiation)",
            ),
            (self.middle, "packets of QUIC belong to connections whose begin was not captured"),
        ] {
            notes.add_many(note, count);
        }
        for (version, count) in &self.foreign {
            notes.add_many(
                &format!("packets of QUIC are of a version that is not read ({version})"),
                *count,
            );
        }
    }
}
