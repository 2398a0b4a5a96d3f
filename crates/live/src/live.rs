//! The wire itself.

use core::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use roundtrip_os::{Clock, Machine, random};
use roundtrip_record::{ConnectionId, EventId, Log, Time, Transport, WireKind};
use roundtrip_wire::{ConnectFault, Environment, Task, Wire};

use crate::connect::connect;
use crate::network::Network;
use crate::{LiveDatagram, LiveListener, LiveStream, Way, unix};

/// Whether packets are captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureWish {
    /// No.
    #[default]
    No,
    /// Where `CAP_NET_RAW` is there; otherwise an `unseen` event says what it would take.
    IfPermitted,
}

/// How a live wire is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where [`Environment::store`] keeps things; nowhere if `None`.
    pub cache: Option<PathBuf>,
    /// Whether packets are captured.
    pub capture: CaptureWish,
    /// Whether several wires of this process may listen on one port.
    pub ports: Ports,
    /// How connections leave.
    pub way: Way,
}

/// Whose a port is that somebody listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ports {
    /// One listener's: a second one is refused.
    #[default]
    Own,
    /// That of every listener that says so: the kernel deals connections out to them
    /// (`SO_REUSEPORT`). With a wire on each of [`roundtrip_os::on_threads`], a server has as many
    /// threads as it likes.
    Shared,
}

/// This machine's network.
#[derive(Clone)]
pub struct Live {
    network: Rc<Network>,
    machine: Rc<Machine>,
    ports: Ports,
}

/// Runs `body` on a live wire, on this thread, to its end. What was spawned ends with it.
///
/// # Errors
/// When the runtime cannot be had: the process is out of descriptors.
pub fn run<T, F: Future<Output = T>>(
    clock: Clock,
    log: Log,
    settings: Settings,
    body: impl FnOnce(Live) -> F,
) -> io::Result<T> {
    roundtrip_os::run(async {
        let captures = settings.capture == CaptureWish::IfPermitted;
        let network = Network::open(clock, log, captures, settings.way);
        let machine = Rc::new(Machine::new(settings.cache));
        let result = body(Live { network: Rc::clone(&network), machine, ports: settings.ports });
        let result = result.await;
        network.poll_capture();
        result
    })
}

impl Wire for Live {
    type Stream = LiveStream;
    type Listener = LiveListener;
    type Datagram = LiveDatagram;

    fn kind(&self) -> WireKind {
        WireKind::Live
    }

    fn transport(&self) -> Transport {
        match self.network.way.unix {
            Some(_) => Transport::Unix,
            None => Transport::Tcp,
        }
    }

    fn now(&self) -> Time {
        self.network.now()
    }

    fn wall(&self) -> SystemTime {
        self.network.clock.wall()
    }

    fn log(&self) -> Log {
        self.network.log.clone()
    }

    fn random(&self, bytes: &mut [u8]) {
        random::fill(bytes);
    }

    fn environment(&self) -> &dyn Environment {
        &*self.machine
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        self.network.clock.sleep_until(at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        roundtrip_os::spawn(task)
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> {
        roundtrip_os::work(work)
    }

    async fn connect(
        &self,
        to: SocketAddr,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> Result<LiveStream, ConnectFault> {
        let result = match &self.network.way.unix {
            Some(path) => unix::connect(&self.network, path, to, until, cause).await,
            None => connect(&self.network, to, until, cause).await,
        };
        result.map_err(|attempt| ConnectFault(Box::new(attempt)))
    }

    fn closed(&self, id: ConnectionId) -> impl Future<Output = ()> + 'static {
        self.network.ended(id)
    }

    fn connections(&self) -> Vec<ConnectionId> {
        self.network.connections()
    }

    fn listen(&self, at: SocketAddr) -> io::Result<LiveListener> {
        LiveListener::open(&self.network, at, self.ports == Ports::Shared)
    }

    fn listen_unix(&self, path: &Path) -> io::Result<LiveListener> {
        LiveListener::open_unix(&self.network, path)
    }

    /// The kernel chooses a source when a UDP socket is connected, and sends nothing for it.
    fn source(&self, to: IpAddr) -> Option<IpAddr> {
        let any: IpAddr = match to {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
        // Which port does not matter; 53 is never blocked for names.
        socket.connect((to, 53)).ok()?;
        socket.local_addr().ok().map(|at| at.ip())
    }

    fn datagram(&self, at: SocketAddr) -> io::Result<LiveDatagram> {
        LiveDatagram::open(&self.network, at)
    }
}
