//! What the application is told, and the errors it can meet.

use roundtrip_record::CloseReason;
use thiserror::Error;

/// Something the owner of the connection must know ([`Connection::poll_event`]).
///
/// [`Connection::poll_event`]: crate::Connection::poll_event
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is complete.
    Connected,
    /// There is data to read where there was none.
    Readable,
    /// There is room in the send buffer where there was too little (`sk_stream_write_space`:
    /// a third of it is free).
    Writable,
    /// The peer sent FIN: after the data that is buffered, reading gives end of file.
    PeerFinished,
    /// ICMP reported an error that does not end the connection (RFC 1122 §4.2.3.9).
    SoftError,
    /// The connection is gone. Nothing follows.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why nothing can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The sending side is shut down already (`EPIPE`).
    #[error("the sending side of the connection is shut down")]
    ShutDown,
    /// The connection is gone.
    #[error("the connection is gone: {0:?}")]
    Closed(CloseReason),
}

/// Why nothing can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Nothing is there yet.
    #[error("nothing to read yet")]
    WouldBlock,
    /// The connection is gone without an end of file.
    #[error("the connection is gone: {0:?}")]
    Closed(CloseReason),
}

/// What an ICMP message said of the path or the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpError {
    /// Net or host unreachable, time exceeded …: it may pass. Ends an attempt to connect, as in
    /// Linux (`tcp_v4_err`), but not a connection; undoes one step of back-off (RFC 6069).
    Soft,
    /// Protocol or port unreachable, prohibited: ends an attempt to connect.
    Hard,
    /// Fragmentation needed, or Packet Too Big: the path's MTU (RFC 1191, RFC 8201).
    PacketTooBig {
        /// Bytes of the largest IP packet that passes.
        mtu: u16,
    },
}

/// Events that were not polled yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    pub(crate) connected: bool,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) peer_finished: bool,
    pub(crate) soft_error: bool,
    pub(crate) closed: Option<CloseReason>,
}

impl Pending {
    /// The next, in the order in which they make sense.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let flags = [
            (&mut self.connected, Event::Connected),
            (&mut self.readable, Event::Readable),
            (&mut self.writable, Event::Writable),
            (&mut self.peer_finished, Event::PeerFinished),
            (&mut self.soft_error, Event::SoftError),
        ];
        for (flag, event) in flags {
            if std::mem::take(flag) {
                return Some(event);
            }
        }
        self.closed.take().map(|reason| Event::Closed { reason })
    }
}
