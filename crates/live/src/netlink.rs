//! As much of netlink as is asked for here: a request, its answers, their attributes.
//!
//! By hand, since the crates for it leave out what the close of a connection is explained with: the
//! time that `TIME_WAIT` has left (`idiag_expires` of `struct inet_diag_msg`).

use std::io;
use std::os::fd::OwnedFd;

use roundtrip_os::layout::{u16_at, u32_at};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto,
    socket_with,
};

/// `NLM_F_REQUEST`: this is one.
pub(crate) const REQUEST: u16 = 0x1;
/// `NLM_F_DUMP`: all entries.
pub(crate) const DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;

/// A netlink socket.
pub(crate) struct Netlink {
    socket: OwnedFd,
}

/// One message of an answer.
pub(crate) struct Message {
    /// `nlmsg_type`.
    pub(crate) kind: u16,
    /// What follows the header.
    pub(crate) body: Vec<u8>,
}

impl Netlink {
    /// Opens one for a family (`None` is `NETLINK_ROUTE`, number 0), subscribed to the multicast
    /// groups of a bit mask.
    pub(crate) fn open(family: Option<Protocol>, groups: u32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, family)?;
        bind(&socket, &SocketAddrNetlink::new(0, groups))?;
        Ok(Self { socket })
    }

    /// Sends a request and gathers its answers. The kernel answers while it is asked, so nothing
    /// here waits.
    pub(crate) fn ask(&self, kind: u16, flags: u16, body: &[u8]) -> io::Result<Vec<Message>> {
        let length = (HEADER + body.len()) as u32;
        let mut request = Vec::with_capacity(HEADER + body.len());
        request.extend(length.to_ne_bytes());
        request.extend(kind.to_ne_bytes());
        request.extend((REQUEST | flags).to_ne_bytes());
        request.extend([0; 8]);
        request.extend(body);
        sendto(&self.socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answers = Vec::new();
        loop {
            let (messages, done) = self.receive()?;
            answers.extend(messages);
            if done || flags & DUMP == 0 {
                return Ok(answers);
            }
        }
    }

    /// What has come in since; empty when nothing has.
    pub(crate) fn notifications(&self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Ok((messages, _)) = self.receive() {
            all.extend(messages);
        }
        all
    }

    fn receive(&self) -> io::Result<(Vec<Message>, bool)> {
        let mut buffer = vec![0; 64 * 1024];
        let (length, _) = recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
        let mut rest = &buffer[..length.min(64 * 1024)];
        let mut messages = Vec::new();
        while rest.len() >= HEADER {
            let length = u32_at(rest, 0).unwrap_or(0) as usize;
            if length < HEADER || length > rest.len() {
                break;
            }
            let kind = u16_at(rest, 4).unwrap_or(0);
            let body = &rest[HEADER..length];
            match kind {
                NLMSG_DONE => return Ok((messages, true)),
                NLMSG_ERROR => {
                    let code = u32_at(body, 0).unwrap_or(0) as i32;
                    if code != 0 {
                        return Err(io::Error::from_raw_os_error(-code));
                    }
                }
                _ => messages.push(Message { kind, body: body.to_vec() }),
            }
            rest = &rest[align(length).min(rest.len())..];
        }
        Ok((messages, false))
    }
}

/// The attributes that follow `skip` bytes of a message's body: type and value.
pub(crate) fn attributes(body: &[u8], skip: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(skip..).unwrap_or_default();
    core::iter::from_fn(move || {
        let length = u16_at(rest, 0)? as usize;
        let value = rest.get(4..length)?;
        let kind = u16_at(rest, 2)? & 0x3fff;
        rest = rest.get(align(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Appends an attribute.
pub(crate) fn push_attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(((4 + value.len()) as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(align(body.len()), 0);
}

const fn align(length: usize) -> usize {
    (length + 3) & !3
}
