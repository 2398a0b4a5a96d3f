//! The ICMP error behind a failed connection: which, and who sent it (`IP_RECVERR`, ip(7)).

use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use roundtrip_os::layout::{socket_address, u32_at};
use roundtrip_os::syscall::{Control, Message, receive, switch_option};

/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6`.
const FROM_ICMP: [u8; 2] = [2, 3];
/// `struct sock_extended_err`; the offender's sockaddr follows.
const EXTENDED_ERROR: usize = 16;

/// Asks the kernel to keep ICMP errors for this socket.
pub(crate) fn ask(socket: BorrowedFd<'_>, v6: bool) {
    let (level, option) = if v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
    } else {
        (libc::IPPROTO_IP, libc::IP_RECVERR)
    };
    // Without it less is known, and nothing else differs.
    let _ = switch_option(socket, level, option, true);
}

fn kept<'a>(socket: BorrowedFd<'_>, buffer: &'a mut [u8]) -> Option<Message<'a>> {
    receive(socket, buffer, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT).ok()
}

/// `struct sock_extended_err` and the offender's address.
fn extended(control: &Control) -> Option<&[u8]> {
    let v4 = control.get(libc::IPPROTO_IP, libc::IP_RECVERR);
    v4.or_else(|| control.get(libc::IPPROTO_IPV6, libc::IPV6_RECVERR))
}

/// Takes the first one kept, as the error that a call on the socket would have told. The queue they
/// are kept in takes the room of what is received.
pub(crate) fn take_error(socket: BorrowedFd<'_>) -> Option<io::Error> {
    let mut buffer = [0; 256];
    let message = kept(socket, &mut buffer)?;
    let error = extended(&message.control)?;
    Some(io::Error::from_raw_os_error(u32_at(error, 0)?.cast_signed()))
}

/// Takes the first one kept: its name and its sender.
pub(crate) fn take(socket: BorrowedFd<'_>) -> Option<(String, Option<IpAddr>)> {
    let mut buffer = [0; 256];
    let message = kept(socket, &mut buffer)?;
    let error = extended(&message.control)?;
    let (origin, kind, code) = (*error.get(4)?, *error.get(5)?, *error.get(6)?);
    if !FROM_ICMP.contains(&origin) {
        return None;
    }
    let name = if origin == FROM_ICMP[0] { name_v4(kind, code) } else { name_v6(kind, code) };
    let offender = error.get(EXTENDED_ERROR..).and_then(socket_address);
    Some((name, offender.map(|address| address.ip())))
}

/// RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1.
fn name_v4(kind: u8, code: u8) -> String {
    let name = match (kind, code) {
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, 9) => "network administratively prohibited",
        (3, 10) => "host administratively prohibited",
        (3, 13) => "communication administratively prohibited",
        (11, _) => "time exceeded",
        _ => return format!("ICMP type {kind} code {code}"),
    };
    name.into()
}

/// RFC 4443 §3.
fn name_v6(kind: u8, code: u8) -> String {
    let name = match (kind, code) {
        (1, 0) => "no route to destination",
        (1, 1) => "communication administratively prohibited",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable",
        (1, 6) => "reject route to destination",
        (2, _) => "packet too big",
        (3, _) => "time exceeded",
        _ => return format!("ICMPv6 type {kind} code {code}"),
    };
    name.into()
}
