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

/// What an owner is told of that is either due or not, in the order in which it makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Connected,
    Readable,
    Writable,
    PeerFinished,
    SoftError,
}

/// Events that were not polled yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    /// A bit for each notice.
    notices: u8,
    closed: Option<CloseReason>,
}

impl Pending {
    #[inline]
    pub(crate) fn note(&mut self, notice: Notice) {
        self.notices |= 1 << notice as u8;
    }

    pub(crate) fn close(&mut self, reason: CloseReason) {
        self.closed = Some(reason);
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.notices == 0 && self.closed.is_none()
    }

    /// The next, in order.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Event> {
        if self.notices == 0 {
            return self.closed.take().map(|reason| Event::Closed { reason });
        }
        let lowest = self.notices.trailing_zeros();
        self.notices &= self.notices - 1;
        Some(match lowest {
            0 => Event::Connected,
            1 => Event::Readable,
            2 => Event::Writable,
            3 => Event::PeerFinished,
            _ => Event::SoftError,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_in_which_they_make_sense() {
        let mut pending = Pending::default();
        pending.close(CloseReason::Finished);
        for notice in [
            Notice::SoftError,
            Notice::PeerFinished,
            Notice::Writable,
            Notice::Readable,
            Notice::Connected,
            Notice::Readable,
        ] {
            pending.note(notice);
        }
        let all: Vec<Event> = std::iter::from_fn(|| pending.next()).collect();
        let closed = Event::Closed { reason: CloseReason::Finished };
        let [connected, readable, writable] = [Event::Connected, Event::Readable, Event::Writable];
        let order = [connected, readable, writable, Event::PeerFinished, Event::SoftError, closed];
        assert_eq!(all, order);
        assert!(pending.is_empty());
    }
}
