//! A UDP socket of the kernel.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::rc::Rc;

use roundtrip_os::syscall::set_option;
use roundtrip_record::EventId;
use roundtrip_wire::{Datagram, Packet};
use tokio::net::UdpSocket;

use crate::network::Network;

/// A UDP socket.
pub struct LiveDatagram {
    udp: UdpSocket,
    local: SocketAddr,
    network: Rc<Network>,
}

impl LiveDatagram {
    pub(crate) fn open(network: &Rc<Network>, at: SocketAddr) -> io::Result<Self> {
        let udp = std::net::UdpSocket::bind(at)?;
        udp.set_nonblocking(true)?;
        let udp = UdpSocket::from_std(udp)?;
        // An unconnected socket hears of "port unreachable" only if it asks (ip(7), ipv6(7)).
        let (level, option) = if at.is_ipv6() {
            (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        } else {
            (libc::IPPROTO_IP, libc::IP_RECVERR)
        };
        let _ = set_option(udp.as_fd(), level, option, &1_i32.to_ne_bytes());
        let local = udp.local_addr()?;
        network.register_udp(local);
        Ok(Self { udp, local, network: Rc::clone(network) })
    }
}

impl Datagram for LiveDatagram {
    fn local(&self) -> SocketAddr {
        self.local
    }

    async fn send_to(
        &self,
        bytes: &[u8],
        to: SocketAddr,
        _cause: Option<EventId>,
    ) -> io::Result<()> {
        self.udp.send_to(bytes, to).await.map(|_| ())
    }

    async fn receive(&self) -> io::Result<Packet> {
        let mut bytes = vec![0; 65_535];
        let (length, from) = self.udp.recv_from(&mut bytes).await?;
        bytes.truncate(length);
        Ok(Packet { bytes, from, cause: None })
    }
}

impl Drop for LiveDatagram {
    fn drop(&mut self) {
        self.network.forget_udp(self.local);
    }
}
