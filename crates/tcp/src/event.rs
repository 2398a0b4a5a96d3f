//! Events for the application, and the errors of its calls.

use roundtrip_record::CloseReason;
use thiserror::Error;

/// An event for the owner of a connection ([`Connection::poll_event`]).
///
/// [`Connection::poll_event`]: crate::Connection::poll_event
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is complete.
    Connected,
    /// There is data to read where there was none before.
    Readable,
    /// There is room in the send buffer again, at least a third of it (`sk_stream_write_space`).
    Writable,
    /// The peer has sent FIN: after the buffered data, reading gives the end of the stream.
    PeerFinished,
    /// ICMP reported an error that does not end the connection (RFC 1122 §4.2.3.9).
    SoftError,
    /// The connection is closed; no event follows.
    Closed {
        /// Why the connection was closed.
        reason: CloseReason,
    },
}

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The sending side is shut down already (`EPIPE`).
    #[error("the sending side of the connection is shut down")]
    ShutDown,
    /// The connection is closed.
    #[error("the connection is gone: {0:?}")]
    Closed(CloseReason),
}

/// Why a read failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// No data has arrived yet.
    #[error("nothing to read yet")]
    WouldBlock,
    /// The connection was closed without the end of the stream.
    #[error("the connection is gone: {0:?}")]
    Closed(CloseReason),
}

/// What an ICMP error means for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpError {
    /// A possibly temporary error, such as net or host unreachable or time exceeded. It ends an
    /// attempt to connect, as in Linux (`tcp_v4_err`), but not a connection; there it undoes one
    /// step of back-off (RFC 6069).
    Soft,
    /// A lasting error, such as protocol or port unreachable or prohibited. It ends an attempt to
    /// connect.
    Hard,
    /// Fragmentation needed, or Packet Too Big: the packet exceeded the path MTU (RFC 1191, RFC
    /// 8201).
    PacketTooBig {
        /// The size of the largest IP packet that passes, bytes.
        mtu: u16,
    },
}

/// The events without data, in the order in which they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Connected,
    Readable,
    Writable,
    PeerFinished,
    SoftError,
}

/// The events that were not polled yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    /// The pending notices, one bit each.
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

    /// Takes the next event, in order.
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
