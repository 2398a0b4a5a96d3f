//! A listening socket of the kernel.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::rc::Rc;

use roundtrip_os::syscall::switch_option;
use roundtrip_record::{Side, TcpState};
use roundtrip_wire::Listener;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::LiveStream;
use crate::flow::Flow;
use crate::network::Network;

/// A listening socket.
pub struct LiveListener {
    tcp: TcpListener,
    local: SocketAddr,
    network: Rc<Network>,
}

impl LiveListener {
    pub(crate) fn open(network: &Rc<Network>, at: SocketAddr, shares: bool) -> io::Result<Self> {
        /// What the kernel cuts to `net.core.somaxconn`.
        const BACKLOG: i32 = 65_535;
        let socket = Socket::new(
            Domain::for_address(at),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        if at.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A server that starts again need not wait for its old connections' TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shares)?;
        if network.records() {
            // Accepted connections have it from their listener.
            let (level, option) = (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS);
            let _ = switch_option(socket.as_fd(), level, option, true);
        }
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        let tcp = TcpListener::from_std(socket.into())?;
        let local = tcp.local_addr()?;
        Ok(Self { tcp, local, network: Rc::clone(network) })
    }
}

impl Listener for LiveListener {
    type Stream = LiveStream;

    fn local(&self) -> SocketAddr {
        self.local
    }

    async fn accept(&mut self) -> io::Result<LiveStream> {
        let (tcp, remote) = self.tcp.accept().await?;
        let local = tcp.local_addr()?;
        let flow = Flow::open(
            &self.network.log,
            self.network.clock,
            Side::Server,
            (local, remote),
            self.network.now(),
            None,
        );
        flow.seen(TcpState::Established, "accept");
        self.network.register(&flow);
        Ok(LiveStream::new(tcp, flow, Rc::clone(&self.network), None))
    }
}
