//! `sock_diag`: what the kernel knows of a connection, even when no descriptor is left.

use core::time::Duration;
use std::net::SocketAddr;

use roundtrip_os::layout::{octets, u32_at};
use roundtrip_record::TcpState;
use rustix::net::netlink;

use crate::netlink::Netlink;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// The offset of `idiag_expires` in `struct inet_diag_msg`: four bytes of state, the 48 of the socket id.
const EXPIRES: usize = 52;
const TIMER_TIME_WAIT: u8 = 3;

/// A connection as `sock_diag` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Diag {
    /// Its state.
    pub(crate) state: TcpState,
    /// What is left of `TIME_WAIT`.
    pub(crate) time_wait: Option<Duration>,
}

/// Looks a connection up by its addresses; `None` when there is none, or the kernel does not tell.
pub(crate) fn find(local: SocketAddr, remote: SocketAddr) -> Option<Diag> {
    let socket = Netlink::open(Some(netlink::SOCK_DIAG), 0).ok()?;
    let answers = socket.ask(BY_FAMILY, 0, &request(local, remote)).ok()?;
    let body = &answers.first()?.body;
    let time_wait = (body.get(2) == Some(&TIMER_TIME_WAIT))
        .then(|| u32_at(body, EXPIRES).map(|ms| Duration::from_millis(ms.into())))
        .flatten();
    // Once a connection is gone the kernel answers with the listener it came through
    // (`inet_lookup`), if there still is one.
    let state = state(*body.get(1)?).filter(|state| *state != TcpState::Listen)?;
    Some(Diag { state, time_wait })
}

/// `struct inet_diag_req_v2` for exactly one connection.
fn request(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let (family, source) = octets(local.ip());
    let (_, destination) = octets(remote.ip());
    let mut body = vec![family, libc::IPPROTO_TCP as u8, 0, 0];
    body.extend(u32::MAX.to_ne_bytes()); // all states
    body.extend(local.port().to_be_bytes());
    body.extend(remote.port().to_be_bytes());
    for address in [source, destination] {
        let start = body.len();
        body.extend(address);
        body.resize(start + 16, 0);
    }
    body.extend([0; 4]); // any interface
    body.extend([0xff; 8]); // any cookie: INET_DIAG_NOCOOKIE
    body
}

/// `include/net/tcp_states.h`.
pub(crate) fn state(number: u8) -> Option<TcpState> {
    const STATES: [TcpState; 11] = [
        TcpState::Established,
        TcpState::SynSent,
        TcpState::SynReceived,
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::TimeWait,
        TcpState::Closed,
        TcpState::CloseWait,
        TcpState::LastAck,
        TcpState::Listen,
        TcpState::Closing,
    ];
    if number == 12 {
        return Some(TcpState::SynReceived); // TCP_NEW_SYN_RECV
    }
    STATES.get(usize::from(number).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_that_is_gone_is_not_taken_for_its_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("an address");
        let client = TcpStream::connect(at).expect("a connection");
        let (server, from) = listener.accept().expect("its other end");
        assert_eq!(find(at, from).map(|found| found.state), Some(TcpState::Established));
        drop(client);
        drop(server);
        // The client closed first and keeps TIME_WAIT; the server's end is gone with the last ACK.
        while find(at, from).is_some_and(|found| found.state != TcpState::Listen) {
            std::thread::yield_now();
        }
        assert_eq!(find(at, from), None);
        drop(listener);
    }
}
