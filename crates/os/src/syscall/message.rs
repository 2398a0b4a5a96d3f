//! Receiving one message with what the kernel says of it (recvmsg(2)).

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use super::control::Control;

/// Larger than any address a socket has: `struct sockaddr_storage`.
const NAME: usize = size_of::<libc::sockaddr_storage>();

/// A message with its control messages.
#[derive(Debug)]
pub struct Message<'a> {
    /// The bytes that fitted.
    pub data: &'a [u8],
    /// What the kernel says of it.
    pub control: Control,
    name: [u8; NAME],
    name_length: usize,
}

impl Message<'_> {
    /// The sender's `sockaddr`.
    pub fn from(&self) -> &[u8] {
        &self.name[..self.name_length]
    }
}

/// Receives one message; `flags` as for `recvmsg`.
///
/// # Errors
/// As `recvmsg`: `WouldBlock` where nothing is there and the socket or the flags say not to wait.
pub fn receive<'a>(
    socket: BorrowedFd<'_>,
    buffer: &'a mut [u8],
    flags: i32,
) -> io::Result<Message<'a>> {
    let mut control = Control::EMPTY;
    let mut name = [0; NAME];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut header = header(&mut part, &mut control);
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = NAME as libc::socklen_t;
    // SAFETY: every pointer in `header` points to a buffer of the length beside it that lives
    // through the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    control.received(header.msg_controllen as _);
    let length = buffer.len().min(length as usize);
    let name_length = (header.msg_namelen as usize).min(NAME);
    Ok(Message { data: &buffer[..length], control, name, name_length })
}

/// Reads from a stream what is there: gives how many bytes it was, 0 at its end, and when the last of
/// them had arrived, nanoseconds since 1970, where the kernel stamps them (`SO_TIMESTAMPNS`).
///
/// # Errors
/// As `recvmsg`.
pub fn receive_stamped(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<(usize, Option<u64>)> {
    let mut control = Control::EMPTY;
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut header = header(&mut part, &mut control);
    // SAFETY: every pointer in `header` points to a buffer of the length beside it that lives
    // through the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    control.received(header.msg_controllen as _);
    Ok((length as usize, control.stamp()))
}

/// A header for one buffer, without an address.
fn header(part: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all-zero is a valid msghdr: null pointers with lengths of zero.
    let mut header: libc::msghdr = unsafe { core::mem::zeroed() };
    header.msg_iov = part;
    header.msg_iovlen = 1;
    let (place, room) = control.room();
    header.msg_control = place;
    header.msg_controllen = room as _;
    header
}
