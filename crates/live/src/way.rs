//! How connections leave this machine, where that is not left to the kernel.

use core::ops::RangeInclusive;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use roundtrip_os::syscall::{set_option, switch_option};
use socket2::{Domain, Protocol, Socket, Type};

/// How connections leave; by default the kernel decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The network device that they leave by (`SO_BINDTODEVICE`).
    pub device: Option<String>,
    /// The address that they come from. What is of the other family cannot be reached then.
    pub address: Option<IpAddr>,
    /// The ports that they come from: the first of these that is free.
    pub ports: Option<RangeInclusive<u16>>,
    /// A Unix domain socket that all of them lead to, whatever address is asked for: its path, or its
    /// name in the abstract namespace behind a NUL (unix(7)).
    pub unix: Option<PathBuf>,
    /// Whether the first data travels with the SYN where the server has given a cookie, and
    /// listeners take such data (`TCP_FASTOPEN_CONNECT`, `TCP_FASTOPEN`; RFC 7413).
    pub fast_open: bool,
}

impl Way {
    /// Asks for data in the SYN of a connection.
    pub(crate) fn open_fast(&self, socket: &Socket) -> io::Result<()> {
        if !self.fast_open {
            return Ok(());
        }
        let asked =
            switch_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, true);
        asked.map_err(|error| match error.raw_os_error() {
            Some(libc::EOPNOTSUPP) => {
                let why =
                    "TCP Fast Open is off here; sysctl net.ipv4.tcp_fastopen=1 lets clients use it";
                io::Error::new(io::ErrorKind::Unsupported, why)
            }
            _ => error,
        })
    }

    /// Lets a listener take data that comes with a SYN.
    pub(crate) fn listen_fast(&self, socket: &Socket) -> io::Result<()> {
        /// Connections that may be in use before their handshakes are complete: what the kernel cuts
        /// to `net.core.somaxconn`.
        const QUEUE: i32 = 4_096;
        if !self.fast_open {
            return Ok(());
        }
        let queue = QUEUE.to_ne_bytes();
        set_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_FASTOPEN, &queue)
    }

    /// Looks whether there is such a device, and whether the address is one of this machine.
    ///
    /// # Errors
    /// What the kernel says of it.
    pub fn check(&self) -> io::Result<()> {
        if self.device.is_none() && self.address.is_none() {
            return Ok(());
        }
        let any = |v6: bool| if v6 { Ipv6Addr::UNSPECIFIED.into() } else { unspecified_v4() };
        let to = SocketAddr::new(any(self.address.is_some_and(|at| at.is_ipv6())), 0);
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        Self { ports: None, ..self.clone() }.bind(&socket, to)
    }

    /// Binds a socket that shall connect to `to`.
    pub(crate) fn bind(&self, socket: &Socket, to: SocketAddr) -> io::Result<()> {
        if let Some(device) = &self.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        if self.address.is_none() && self.ports.is_none() {
            return Ok(());
        }
        let any = if to.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { unspecified_v4() };
        let from = self.address.unwrap_or(any);
        if from.is_ipv6() != to.is_ipv6() {
            let why = format!("{from} is of another family than {}", to.ip());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for port in self.ports.clone().unwrap_or(0..=0) {
            match socket.bind(&SocketAddr::new(from, port).into()) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

fn unspecified_v4() -> IpAddr {
    Ipv4Addr::UNSPECIFIED.into()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn socket() -> Socket {
        Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap()
    }

    #[test]
    fn the_first_free_port_is_taken() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let to = "127.0.0.1:80".parse().unwrap();
        let of =
            |ports| Way { ports: Some(ports), address: Some(unspecified_v4()), ..Way::default() };
        let error = of(port..=port).bind(&socket(), to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let socket = socket();
        of(port..=port.saturating_add(40)).bind(&socket, to).unwrap();
        let got = socket.local_addr().unwrap().as_socket().unwrap().port();
        assert!(got > port, "{got}");
    }

    #[test]
    fn what_is_not_here_is_refused() {
        let device = Way { device: Some("nosuch0".into()), ..Way::default() };
        assert!(device.check().is_err());
        let address = Way { address: Some([192, 0, 2, 1].into()), ..Way::default() };
        assert!(address.check().is_err());
        let own = Way { address: Some([127, 0, 0, 1].into()), ..Way::default() };
        own.check().unwrap();
        let error = own.bind(&socket(), "[::1]:80".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("another family"), "{error}");
    }
}
