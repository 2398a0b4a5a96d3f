//! TCP sockets of the script's program.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use roundtrip_host::{Host, ListenerId, SocketId};
use roundtrip_record::{CloseReason, TcpState};
use roundtrip_tcp as tcp;

use super::Notices;
use crate::errno::failure_errno;
use crate::symbols::Errno;

/// A TCP socket of the script's program.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) state: State,
    /// The address the socket was bound to.
    pub(crate) bound: Option<SocketAddr>,
    /// The options set with `setsockopt`.
    pub(crate) options: tcp::Options,
    /// Options that are only stored and returned, by level and name.
    pub(crate) kept: BTreeMap<(i64, i64), i64>,
    pub(crate) timeouts: Timeouts,
    /// The linger time, if `SO_LINGER` is on.
    pub(crate) linger: Option<Duration>,
    /// The number of bytes that a read waits for (`SO_RCVLOWAT`).
    pub(crate) low_water: usize,
    /// Whether `connect` was called and has not yet reported the outcome.
    pub(crate) is_connecting: bool,
    /// Whether the error that ended the connection was reported.
    pub(crate) is_error_told: bool,
    pub(crate) is_read_shut: bool,
    pub(crate) is_write_shut: bool,
    /// Whether only full segments are sent (`TCP_CORK`).
    pub(crate) is_corked: bool,
    /// Bytes written and read so far.
    pub(crate) written: u64,
    pub(crate) read: u64,
    /// What its error queue tells.
    pub(crate) notices: Notices,
    /// What was last seen of the socket, for edge-triggered waiting.
    pub(crate) seen: Seen,
}

/// The state of a TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The socket is neither connected nor listening.
    Unconnected,
    Listening(ListenerId),
    /// The socket has, or had, a connection.
    Open(SocketId),
}

/// The timeouts of blocking calls (`SO_RCVTIMEO`, `SO_SNDTIMEO`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeouts {
    pub(crate) receive: Option<Duration>,
    pub(crate) send: Option<Duration>,
}

/// What was last seen of a socket, to notice changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) received: u64,
    pub(crate) acceptable: usize,
    pub(crate) state: Option<TcpState>,
    pub(crate) is_writable: bool,
    /// Whether a write or a poll found the send buffer full (`SOCK_NOSPACE`).
    pub(crate) wants_space: bool,
}

impl Stream {
    pub(crate) fn new(state: State, options: tcp::Options) -> Stream {
        Stream {
            state,
            bound: None,
            options,
            kept: BTreeMap::new(),
            timeouts: Timeouts::default(),
            linger: None,
            low_water: 1,
            is_connecting: false,
            is_error_told: false,
            is_read_shut: false,
            is_write_shut: false,
            is_corked: false,
            written: 0,
            read: 0,
            notices: Notices::default(),
            seen: Seen::default(),
        }
    }

    pub(crate) fn connection<'a>(&self, host: &'a Host) -> Option<&'a tcp::Connection> {
        match self.state {
            State::Open(socket) => host.tcp(socket),
            _ => None,
        }
    }

    /// Whether the program waits for the connection to be opened. One that was accepted before its
    /// handshake was complete is in use (RFC 7413).
    pub(crate) fn is_opening(&self, host: &Host) -> bool {
        match self.connection(host).map(tcp::Connection::state) {
            Some(TcpState::SynSent) => true,
            Some(TcpState::SynReceived) => self.is_connecting,
            _ => false,
        }
    }

    /// Whether the connection is opened by the first write.
    pub(crate) fn is_deferred(&self, host: &Host) -> bool {
        self.connection(host).is_some_and(tcp::Connection::is_deferred)
    }

    /// The error that ended the connection, until it was reported (`sk_err`).
    pub(crate) fn error(&self, host: &Host) -> Option<Errno> {
        let State::Open(socket) = self.state else { return None };
        if self.is_error_told {
            return None;
        }
        if let Some(failure) = host.connect_failure(socket) {
            return Some(failure_errno(failure));
        }
        let connection = host.tcp(socket)?;
        match connection.close_reason()? {
            // A reset in CLOSE_WAIT gives EPIPE (`tcp_reset`).
            CloseReason::Reset if connection.peer_finished() && !self.is_write_shut => {
                Some(Errno::EPIPE)
            }
            CloseReason::Reset => Some(Errno::ECONNRESET),
            CloseReason::Refused => Some(Errno::ECONNREFUSED),
            CloseReason::TimedOut => Some(Errno::ETIMEDOUT),
            CloseReason::Unreachable => Some(Errno::EHOSTUNREACH),
            CloseReason::Finished
            | CloseReason::TimeWaitOver
            | CloseReason::Aborted
            | CloseReason::Replaced => None,
        }
    }

    /// The error that ended the connection, which then counts as reported.
    pub(crate) fn take_error(&mut self, host: &Host) -> Option<Errno> {
        let error = self.error(host)?;
        self.is_error_told = true;
        Some(error)
    }
}
