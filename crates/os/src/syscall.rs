//! The system calls that no safe crate offers. All of this crate's `unsafe` is here.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use tokio::io::unix::AsyncFd;

/// Reads a socket option into `value`; answers how many bytes the kernel gave.
pub fn get_option(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `value`, which lives through the call,
    // and stores in `length` how many.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(length as usize) }
}

/// Sets a socket option.
pub fn set_option(socket: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel only reads `value.len()` bytes of `value`, which lives through the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A message with its control messages.
pub struct Message<'a> {
    /// The bytes that fitted.
    pub data: &'a [u8],
    /// The sender's `sockaddr`.
    pub from: Vec<u8>,
    control: Vec<u8>,
}

/// Receives one message; `flags` as for `recvmsg`.
pub fn receive<'a>(
    socket: BorrowedFd<'_>,
    buffer: &'a mut [u8],
    flags: i32,
) -> io::Result<Message<'a>> {
    let mut control = vec![0_u8; 512];
    let mut from = vec![0_u8; 128];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all-zero is a valid msghdr: null pointers with lengths of zero.
    let mut header: libc::msghdr = unsafe { core::mem::zeroed() };
    header.msg_name = from.as_mut_ptr().cast();
    header.msg_namelen = from.len() as libc::socklen_t;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = control.len() as _;
    // SAFETY: every pointer in `header` points to a buffer of the length beside it that lives
    // through the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    from.truncate(header.msg_namelen as usize);
    control.truncate(header.msg_controllen as usize);
    let length = buffer.len().min(length as usize);
    Ok(Message { data: &buffer[..length], from, control })
}

impl Message<'_> {
    /// The data of the control message of this level and type.
    pub fn control(&self, level: i32, kind: i32) -> Option<&[u8]> {
        const HEADER: usize = size_of::<libc::cmsghdr>();
        let word = |bytes: &[u8], at: usize| -> Option<i32> {
            Some(i32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        };
        let mut rest = &self.control[..];
        loop {
            let length = usize::from_ne_bytes(rest.get(..8)?.try_into().ok()?);
            let data = rest.get(HEADER..length)?;
            if word(rest, 8)? == level && word(rest, 12)? == kind {
                return Some(data);
            }
            rest = rest.get(length.next_multiple_of(8)..)?;
        }
    }
}

/// Binds a packet socket to a protocol on all interfaces.
pub fn bind_packet(socket: BorrowedFd<'_>, protocol: u16) -> io::Result<()> {
    // SAFETY: all-zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { core::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    // SAFETY: `address` is a whole sockaddr_ll of the length given and lives through the call.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Has the runtime watch a descriptor.
pub fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` keeps its descriptor open, and the same one, until the `AsyncFd` that
    // owns it from here on is dropped.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}
