//! Many datagrams a call (sendmmsg(2), recvmmsg(2)), each with its ECN field and our address
//! (ip(7), ipv6(7)), cut and joined by the kernel where it can (udp(7)).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, BorrowedFd};

use socket2::SockAddr;

use super::control::Control;
use super::switch_option;
use crate::layout::{address, octets, socket_address, u32_at};

/// How many a call takes or gives at most.
pub const BATCH: usize = 32;
/// `include/uapi/linux/udp.h`.
const UDP_SEGMENT: i32 = 103;
const UDP_GRO: i32 = 104;
const SOL_UDP: i32 = 17;
/// The lower two bits of the TOS and traffic class byte.
const ECN: u8 = 0b11;
/// `sizeof(struct sockaddr_storage)`.
const NAME: usize = size_of::<libc::sockaddr_storage>();

/// Datagrams for one address.
#[derive(Clone, Copy, Debug)]
pub struct Train<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// From which address of ours; `None`: as the socket and the route have it.
    pub from: Option<IpAddr>,
    /// The ECN field, 0 to 3.
    pub ecn: u8,
    /// Their payloads, one after the other.
    pub bytes: &'a [u8],
    /// The kernel cuts `bytes` into datagrams of this many each; `None`: they are one.
    pub segment_size: Option<u16>,
}

/// What came into one buffer.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which address of ours, where the socket was asked to tell.
    pub to: Option<IpAddr>,
    /// The ECN field, 0 to 3; 0 where the socket was not asked to tell.
    pub ecn: u8,
    /// Bytes in the buffer.
    pub length: usize,
    /// Bytes of each datagram that the kernel joined, the last perhaps fewer; `None`: it is one.
    pub segment_size: Option<usize>,
    /// When it came, nanoseconds since 1970, where the socket was asked to tell.
    pub stamp: Option<u64>,
}

/// Has the kernel say of each datagram to which address it came, its ECN field, and when.
///
/// # Errors
/// As `setsockopt`. That an IPv6 socket does not tell it of IPv4 datagrams, too, is none.
pub fn describe_datagrams(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    const V4: [i32; 2] = [libc::IP_PKTINFO, libc::IP_RECVTOS];
    const V6: [i32; 2] = [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVTCLASS];
    for option in V4 {
        let set = switch_option(socket, libc::IPPROTO_IP, option, true);
        if !v6 {
            set?;
        }
    }
    for option in V6.iter().filter(|_| v6) {
        switch_option(socket, libc::IPPROTO_IPV6, *option, true)?;
    }
    switch_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, true)
}

/// Whether the kernel may join datagrams of one sender (`UDP_GRO`).
///
/// # Errors
/// As `setsockopt`: a kernel before 5.0 cannot.
pub fn join_datagrams(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    switch_option(socket, SOL_UDP, UDP_GRO, on)
}

/// Sends up to [`BATCH`] of `trains` and gives how many it was.
///
/// # Errors
/// As `sendmmsg`, of the first: `WouldBlock`; that it is too long; what ICMP brought back. `EIO` or
/// `EINVAL`: the kernel cannot cut what is to be cut.
pub fn send_datagrams(socket: BorrowedFd<'_>, trains: &[Train<'_>]) -> io::Result<usize> {
    match trains {
        [] => Ok(0),
        // One is sent often, and needs little room on the stack.
        [_] => send_batch::<1>(socket, trains),
        _ => send_batch::<BATCH>(socket, trains),
    }
}

fn send_batch<const N: usize>(socket: BorrowedFd<'_>, trains: &[Train<'_>]) -> io::Result<usize> {
    let count = trains.len().min(N);
    let mut names: [Option<SockAddr>; N] = [const { None }; N];
    let mut controls = [Control::EMPTY; N];
    // SAFETY: all-zero is a valid iovec and a valid mmsghdr: null pointers with lengths of zero.
    let mut parts: [libc::iovec; N] = unsafe { core::mem::zeroed() };
    // SAFETY: as before.
    let mut headers: [libc::mmsghdr; N] = unsafe { core::mem::zeroed() };
    for (at, train) in trains.iter().take(count).enumerate() {
        describe(train, &mut controls[at]);
        parts[at].iov_base = train.bytes.as_ptr().cast_mut().cast();
        parts[at].iov_len = train.bytes.len();
        let name = names[at].insert(SockAddr::from(train.to));
        let header = &mut headers[at].msg_hdr;
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len();
        header.msg_iov = &raw mut parts[at];
        header.msg_iovlen = 1;
        let (place, length) = controls[at].sent();
        header.msg_control = place;
        header.msg_controllen = length as _;
    }
    // SAFETY: the first `count` headers are filled in, and every pointer in them points to as many
    // bytes as the length beside it says, which live through the call; the kernel only reads them.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT as _,
        )
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}

/// The control messages that a train is sent with.
fn describe(train: &Train<'_>, control: &mut Control) {
    let ecn = i32::from(train.ecn & ECN).to_ne_bytes();
    let (to_v4, marked) = (train.to.is_ipv4(), train.ecn & ECN != 0);
    match train.from {
        // struct in_pktinfo: interface, our address, the header's destination.
        Some(from @ IpAddr::V4(_)) => {
            let mut info = [0; 12];
            info[4..8].copy_from_slice(&octets(from).1);
            control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        // struct in6_pktinfo: address, interface.
        Some(from @ IpAddr::V6(_)) => {
            let mut info = [0; 20];
            info[..16].copy_from_slice(&octets(from).1);
            control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
        None => {}
    }
    if marked && to_v4 {
        control.push(libc::IPPROTO_IP, libc::IP_TOS, &ecn);
    } else if marked {
        control.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &ecn);
    }
    if let Some(size) = train.segment_size {
        control.push(SOL_UDP, UDP_SEGMENT, &size.to_ne_bytes());
    }
}

/// Receives into up to [`BATCH`] of `buffers`, and says in `arrived` what came into each. Gives how
/// many it was; waits for none.
///
/// # Errors
/// As `recvmmsg`: `WouldBlock` where nothing is there; what ICMP brought back.
pub fn receive_datagrams(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    arrived: &mut [Arrived],
) -> io::Result<usize> {
    match buffers.len().min(arrived.len()) {
        0 => Ok(0),
        1 => receive_batch::<1>(socket, buffers, arrived),
        _ => receive_batch::<BATCH>(socket, buffers, arrived),
    }
}

fn receive_batch<const N: usize>(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    arrived: &mut [Arrived],
) -> io::Result<usize> {
    let count = buffers.len().min(arrived.len()).min(N);
    let mut names = [[0_u8; NAME]; N];
    let mut controls = [Control::EMPTY; N];
    // SAFETY: all-zero is a valid iovec and a valid mmsghdr: null pointers with lengths of zero.
    let mut parts: [libc::iovec; N] = unsafe { core::mem::zeroed() };
    // SAFETY: as before.
    let mut headers: [libc::mmsghdr; N] = unsafe { core::mem::zeroed() };
    for (at, buffer) in buffers.iter_mut().take(count).enumerate() {
        parts[at].iov_base = buffer.as_mut_ptr().cast();
        parts[at].iov_len = buffer.len();
        let header = &mut headers[at].msg_hdr;
        header.msg_name = names[at].as_mut_ptr().cast();
        header.msg_namelen = NAME as libc::socklen_t;
        header.msg_iov = &raw mut parts[at];
        header.msg_iovlen = 1;
        let (place, room) = controls[at].room();
        header.msg_control = place;
        header.msg_controllen = room as _;
    }
    // SAFETY: the first `count` headers are filled in, and every pointer in them points to as many
    // bytes as the length beside it says, which live through the call and nobody else touches.
    let received = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT as _,
            core::ptr::null_mut(),
        )
    };
    if received < 0 {
        return Err(io::Error::last_os_error());
    }
    for at in 0..received as usize {
        let header = &headers[at];
        controls[at].received(header.msg_hdr.msg_controllen as _);
        let name = &names[at][..(header.msg_hdr.msg_namelen as usize).min(NAME)];
        let length = (header.msg_len as usize).min(buffers[at].len());
        arrived[at] = read(name, &controls[at], length);
    }
    Ok(received as usize)
}

/// What the kernel says of a datagram.
fn read(name: &[u8], control: &Control, length: usize) -> Arrived {
    let tos = control.get(libc::IPPROTO_IP, libc::IP_TOS);
    let class = control.get(libc::IPPROTO_IPV6, libc::IPV6_TCLASS);
    // A byte, and an int.
    let ecn = tos.and_then(|tos| tos.first().copied());
    let ecn = ecn.or_else(|| class.and_then(|class| u32_at(class, 0)).map(|word| word as u8));
    let v4 = control.get(libc::IPPROTO_IP, libc::IP_PKTINFO);
    let v6 = control.get(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
    let to = v4.and_then(|info| info.get(8..12)).or_else(|| v6.and_then(|info| info.get(..16)));
    let joined = control.get(SOL_UDP, UDP_GRO).and_then(|size| u32_at(size, 0));
    Arrived {
        // The kernel names every datagram's sender.
        from: socket_address(name).unwrap_or(Arrived::NOTHING.from),
        to: to.and_then(address),
        ecn: ecn.unwrap_or(0) & ECN,
        length,
        segment_size: joined.map(|size| size as usize).filter(|size| (1..length).contains(size)),
        stamp: control.stamp(),
    }
}

impl Arrived {
    /// What stands in a place that has not been received into.
    pub const NOTHING: Self = Self {
        from: SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0),
        to: None,
        ecn: 0,
        length: 0,
        segment_size: None,
        stamp: None,
    };
}
