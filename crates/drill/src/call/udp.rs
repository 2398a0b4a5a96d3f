//! System calls on UDP sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use roundtrip_host::{SendError, UdpId};
use roundtrip_record::Off;

use super::Answer;
use crate::errno::{bind_errno, unreachable_errno};
use crate::file::{Datagrams, File, Kind};
use crate::run::flow::Stage;
use crate::run::world::World;
use crate::symbols::Errno;

impl World {
    fn datagrams(&mut self, fd: i64) -> Option<&mut Datagrams> {
        match self.files.get_mut(&fd) {
            Some(File { kind: Kind::Datagrams(socket), .. }) => Some(socket),
            _ => None,
        }
    }

    pub(super) fn connect_udp(&mut self, fd: i64, remote: SocketAddr) -> Answer {
        if let Err(errno) = self.bind_somewhere(fd) {
            return Answer::Error(errno);
        }
        if let Some(socket) = self.datagrams(fd) {
            socket.remote = Some(remote);
        }
        Answer::Value(0)
    }

    /// Binds the socket to a port, if it has none; its flow goes to the remote address of the
    /// script.
    fn bind_somewhere(&mut self, fd: i64) -> Result<UdpId, Errno> {
        let any: IpAddr = match self.settings.local {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let bound = self.datagrams(fd).and_then(|socket| socket.bound);
        let fresh = SocketAddr::new(any, 0);
        let id = bound.map_or_else(|| self.host().bind_udp(fresh).map_err(bind_errno), Ok)?;
        let port = self.net.host.udp_address(id).map_or(0, |at| at.port());
        if let Some(socket) = self.datagrams(fd) {
            socket.bound = Some(id);
        }
        if let Some(flow) = self.flow_of(fd) {
            flow.stage = Stage::Connecting;
            flow.local.set_port(port);
        }
        Ok(id)
    }

    pub(super) fn send_datagram(&mut self, fd: i64, count: usize, is_sendto: bool) -> Answer {
        if count > usize::from(u16::MAX) {
            return Answer::Error(Errno::EMSGSIZE);
        }
        let id = match self.bind_somewhere(fd) {
            Ok(id) => id,
            Err(errno) => return Answer::Error(errno),
        };
        if let Some((_, why)) = self.host().take_udp_error(id) {
            return Answer::Error(unreachable_errno(why));
        }
        let settings = &self.settings;
        let named = SocketAddr::new(settings.remote, settings.connect_port);
        let remote = self.datagrams(fd).and_then(|socket| socket.remote);
        let Some(to) = remote.or(is_sendto.then_some(named)) else {
            return Answer::Error(Errno::EDESTADDRREQ);
        };
        let now = self.net.now;
        let sent = self.host().send_udp(now, id, to, &vec![0; count], None, &mut Off);
        match sent {
            Ok(()) => Answer::Value(count as i64),
            Err(SendError::TooLong { .. }) => Answer::Error(Errno::EMSGSIZE),
            Err(SendError::NoRoute) => Answer::Error(Errno::ENETUNREACH),
            Err(SendError::QueueFull) => Answer::Error(Errno::ENOBUFS),
            Err(SendError::Closed | SendError::BadDestination) => Answer::Error(Errno::EINVAL),
        }
    }

    pub(super) fn receive_datagram(&mut self, fd: i64, count: usize, now_or_never: bool) -> Answer {
        let may_wait = self.file(fd).is_some_and(|file| !file.is_nonblocking) && !now_or_never;
        let bound = self.datagrams(fd).and_then(|socket| socket.bound);
        if let Some(id) = bound {
            if let Some((_, why)) = self.host().take_udp_error(id) {
                return Answer::Error(unreachable_errno(why));
            }
            if let Some(datagram) = self.host().receive_udp(id) {
                return Answer::Value(datagram.bytes.len().min(count) as i64);
            }
        }
        if may_wait { Answer::Blocks } else { Answer::Error(Errno::EAGAIN) }
    }
}
