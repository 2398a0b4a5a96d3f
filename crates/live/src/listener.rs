//! A listening socket of the kernel.

use std::io;
use std::net::SocketAddr;

use roundtrip_record::{Side, TcpState};
use roundtrip_wire::{Listener, Wire as _};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::flow::Flow;
use crate::{Live, LiveStream};

/// A listening socket.
pub struct LiveListener {
    tcp: TcpListener,
    local: SocketAddr,
    live: Live,
}

impl LiveListener {
    pub(crate) fn open(live: Live, at: SocketAddr) -> io::Result<Self> {
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
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        let tcp = TcpListener::from_std(socket.into())?;
        let local = tcp.local_addr()?;
        Ok(Self { tcp, local, live })
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
            &self.live.log_handle(),
            self.live.clock(),
            Side::Server,
            (local, remote),
            self.live.now(),
            None,
        );
        if self.live.records() {
            flow.seen(TcpState::Established, "accept");
            self.live.register(&flow);
        }
        Ok(LiveStream::new(tcp, flow, self.live.clone(), None))
    }
}
