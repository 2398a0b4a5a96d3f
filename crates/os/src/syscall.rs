//! The system calls that no safe crate offers. All of this crate's `unsafe` is here.
#![allow(unsafe_code)]

mod control;
mod datagrams;
mod heap;
mod message;

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use tokio::io::unix::AsyncFd;

pub use control::Control;
pub use datagrams::{
    Arrived, BATCH, Train, describe_datagrams, join_datagrams, receive_datagrams, send_datagrams,
};
pub use heap::keep_freed_memory;
pub use message::{Message, receive, receive_stamped};

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

/// Switches a socket option on or off.
pub fn switch_option(socket: BorrowedFd<'_>, level: i32, name: i32, on: bool) -> io::Result<()> {
    set_option(socket, level, name, &i32::from(on).to_ne_bytes())
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
