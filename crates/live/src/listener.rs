//! A listening socket of the kernel.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;

use roundtrip_os::syscall::switch_option;
use roundtrip_record::{Side, TcpState};
use roundtrip_wire::Listener;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use crate::LiveStream;
use crate::flow::Flow;
use crate::network::Network;

/// A listening socket.
pub struct LiveListener {
    socket: Listening,
    local: SocketAddr,
    network: Rc<Network>,
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl LiveListener {
    /// Listens on an address; on the unspecified one of IPv6, for IPv4 too.
    pub(crate) fn open(network: &Rc<Network>, at: SocketAddr, shares: bool) -> io::Result<Self> {
        /// What the kernel cuts to `net.core.somaxconn`.
        const BACKLOG: i32 = 65_535;
        let socket = Socket::new(
            Domain::for_address(at),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        if at.is_ipv6() {
            socket.set_only_v6(!at.ip().is_unspecified())?;
        }
        // A server that starts again need not wait for its old connections' TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shares)?;
        if network.records() {
            // Accepted connections have it from their listener.
            let (level, option) = (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS);
            let _ = switch_option(socket.as_fd(), level, option, true);
        }
        network.way.listen_fast(&socket)?;
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        let tcp = TcpListener::from_std(socket.into())?;
        let local = tcp.local_addr()?;
        Ok(Self { socket: Listening::Tcp(tcp), local, network: Rc::clone(network) })
    }

    /// Listens on a Unix domain socket. A name that is left over from a server that is gone is taken.
    pub(crate) fn open_unix(network: &Rc<Network>, path: &Path) -> io::Result<Self> {
        let unix = match UnixListener::bind(path) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && UnixStream::connect(path)
                        .is_err_and(|why| why.kind() == io::ErrorKind::ConnectionRefused) =>
            {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        let local = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Ok(Self { socket: Listening::Unix(unix), local, network: Rc::clone(network) })
    }
}

impl Listener for LiveListener {
    type Stream = LiveStream;

    fn local(&self) -> SocketAddr {
        self.local
    }

    async fn accept(&mut self) -> io::Result<LiveStream> {
        let (log, clock) = (&self.network.log, self.network.clock);
        let tcp = match &self.socket {
            Listening::Tcp(tcp) => tcp,
            Listening::Unix(unix) => {
                let (stream, _) = unix.accept().await?;
                // As for connections to such sockets: a stream reads and writes its descriptor alike.
                let stream = TcpStream::from_std(OwnedFd::from(stream.into_std()?).into())?;
                let flow = Flow::unseen(log, clock, self.local, None);
                return Ok(LiveStream::new(stream, flow, Rc::clone(&self.network), None));
            }
        };
        let (tcp, remote) = tcp.accept().await?;
        let (local, remote) = (plain(tcp.local_addr()?), plain(remote));
        let flow = Flow::open(log, clock, Side::Server, (local, remote), self.network.now(), None);
        flow.seen(TcpState::Established, "accept");
        self.network.register(&flow);
        Ok(LiveStream::new(tcp, flow, Rc::clone(&self.network), None))
    }
}

/// An address of IPv4 as such, where a socket of IPv6 tells it as one of its own (RFC 4291 §2.5.5.2).
fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ std::net::IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        std::net::IpAddr::V6(_) => address,
    }
}
